// DB load over time: what to stack, how far back, a window to brush; the lists below follow it.
import { computed, effect, signal } from '@preact/signals';
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Chart, swatch } from './chart.js';
import { Marks, findingsWithin, lines } from './events.js';
import { agent, report } from './live.js';
import { asking, brush, brushed, calm, dimension, look, span, spans, textOf, trouble, view, vitalsShown, within } from './load.js';
import { Tag } from './parts.js';
import { dimensions, rest, stack, summary, totals, waitWords } from './series.js';
import { clock, counted, duration, iso, line, number, percent } from './words.js';

const most = 7;  // layers with a colour of their own; the grey one holds the rest
const grey = 7;
const hover = signal(null);
const theme = signal(0);
const dark = matchMedia('(prefers-color-scheme: dark)');

// A name keeps its colour as long as it is among the largest.
let held = new Map(), heldFor = '';
const layers = computed(() => {
  const v = calm.value, d = dimension.value;
  if (d === 'by') return v.waits.map((name, n) => ({ name, slot: name === 'other' ? grey : n }));
  if (heldFor !== d) { held = new Map(); heldFor = d; }
  const names = totals(v.points, d, v.waits).slice(0, most).filter(([, n]) => n > 0).map(([name]) => name);
  const kept = new Map(names.filter((n) => held.has(n)).map((n) => [n, held.get(n)]));
  const free = [...Array(most).keys()].filter((n) => ![...kept.values()].includes(n));
  held = new Map(names.map((n) => [n, kept.get(n) ?? free.shift()]));
  return [...held].map(([name, slot]) => ({ name, slot })).sort((a, b) => a.slot - b.slot).concat({ name: rest, slot: grey });
});

function titled(name) {
  if (name === rest) return 'all others';
  if (dimension.value === 'by') return waitWords[name] ?? name;
  if (dimension.value === 'query') return line(textOf(name)?.query || name, 72);
  return name || 'without a name';
}

// Round steps, so that the scale does not move with each second.
function roof(v) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(v, 1))) / 2;
  return Math.ceil((v * 1.04) / unit) * unit;
}

function Plot() {
  const box = useRef(null);
  useEffect(() => {
    const chart = new Chart(box.current, { brushed: brush, hovered: (at) => { hover.value = at === null ? null : at; } });
    const themed = () => { theme.value++; };
    dark.addEventListener('change', themed);
    const stop = effect(() => {
      theme.value;
      const v = view.value, all = layers.value;
      const [times, sums] = stack(v.points, dimension.value, v.waits, all.map((l) => l.name), v.step);
      const highest = v.points.reduce((m, p) => Math.max(m, p.active), Math.max(v.vcpus ?? 0, sums.at(-1)?.reduce((m, s) => Math.max(m, s ?? 0), 0) ?? 0));
      chart.draw({ data: [times, ...sums.reverse()], layers: all.map((l) => l.slot).reverse(), vcpus: v.vcpus, top: roof(highest), view: { from: v.from, until: v.until }, window: brushed.value });
      chart.sums = sums;
    });
    drawn = chart;
    return () => { stop(); dark.removeEventListener('change', themed); chart.end(); drawn = null; };
  }, []);
  return html`<div class="chart" ref=${box} aria-hidden="true"></div>`;
}
let drawn = null;

// The same by keyboard: two handles on the time axis.
function Handles() {
  const v = view.value, b = brushed.value;
  const from = Math.round(v.from), until = Math.round(v.until);
  const a = Math.round(b?.from ?? from), z = Math.round(b?.until ?? until);
  const step = v.step >= 60 ? v.step : Math.max(1, Math.round((until - from) / 450));
  const one = (word, value, moved) => html`<input type="range" min=${from} max=${until} step=${step} value=${value} aria-label=${`Window ${word}`}
    aria-valuetext=${clock(iso(value), iso(until))} onInput=${(e) => moved(Number(e.target.value))} />`;
  return html`<div class="handles">${one('from', a, (x) => brush(Math.min(x, z - step), z))}${one('until', z, (x) => brush(a, Math.max(x, a + step)))}</div>`;
}

function Legend() {
  const all = layers.value, at = hover.value;
  const sums = drawn?.sums, data = drawn?.plot?.data;
  const here = at !== null && data?.[0][at] !== undefined && sums;
  const means = new Map(totals(within.value, dimension.value, calm.value.waits));
  let known = 0;
  for (const l of all) known += means.get(l.name) ?? 0;
  const whole = summary(within.value, calm.value.waits).mean;
  const value = (l, n) => {
    if (here) { const k = all.length - 1 - n; return (sums[k]?.[at] ?? 0) - (sums[k + 1]?.[at] ?? 0); }
    return l.name === rest ? Math.max(0, whole - known) : means.get(l.name) ?? 0;
  };
  const rows = all.map((l, n) => ({ ...l, value: value(l, n) })).filter((l) => l.name !== rest || l.value > 0.005);
  return html`<div class="key"><p class="dim">${here ? `At ${clock(iso(data[0][at]))}` : `Active sessions, on average ${brushed.value ? 'in the window' : 'of what is shown'}`}</p>
    <ul class=${`legend of-${dimension.value}`}>${rows.map((l) => html`<li key=${l.name}><span class="patch" ref=${swatch(l.slot)} aria-hidden="true"></span><span class="name">${titled(l.name)}</span> <b>${number(l.value)}</b></li>`)}</ul></div>`;
}

function told(v, points) {
  const s = summary(points, v.waits);
  if (s.count === 0) return 'No samples in this time.';
  const bad = points.filter((p) => p.verdict === 'critical').length;
  const away = points.filter((p) => p.reachable === false).length;
  return `${number(s.mean)} active sessions on average${v.vcpus ? ` on ${number(v.vcpus)} vCPUs` : ''}, at most ${number(s.most)} at ${clock(iso(s.mostAt), iso(v.until))}.${s.top && s.mean > 0 ? ` Most of it ${waitWords[s.top[0]] ?? s.top[0]} (${percent(Math.min(1, s.top[1] / s.mean))}).` : ''}${bad ? ` Critical in ${number(bad)} of ${counted(points.length, 'minute')}.` : ''}${away ? ` The server was away in ${counted(away, 'minute')}.` : ''}`;
}

// A course over the same time as the big chart, with its limit and the same marks.
function Strip({ title, value, limit, roof: top, said }) {
  const v = view.value, b = brushed.value;  // with each second, as the big chart: the marks stand under each other
  const points = vitalsShown.value;
  const x = (at) => ((at - v.from) / (v.until - v.from)) * 1000;
  const y = (n) => 40 - (n / top) * 38;
  let path = '', pen = 'M';
  for (const p of points) {
    const n = value(p);
    if (n === null || n === undefined) { pen = 'M'; continue; }
    path += `${pen}${x(p.at).toFixed(1)} ${y(n).toFixed(1)}`;
    pen = 'L';
  }
  if (!path.includes('L')) return null;
  return html`<div class="strip"><p><b>${title}</b> ${said}</p>
    <svg viewBox="0 0 1000 41" preserveAspectRatio="none" width="100%" height="44" aria-hidden="true">
      ${b && html`<rect class="windowed" x=${x(b.from)} width=${Math.max(1, x(b.until) - x(b.from))} y="0" height="41" />`}
      ${lines(v, 41)}${limit && html`<line class="limit" x1="0" x2="1000" y1=${y(limit)} y2=${y(limit)} />`}
      <path class="course" d=${path} /></svg></div>`;
}

function Strips() {
  const points = vitalsShown.value;
  const last = (key) => points.findLast?.((p) => p[key] !== null && p[key] !== undefined)?.[key] ?? null;
  const [cpu, used, max] = [last('cpu'), last('connections'), last('connections_max')];
  const highest = points.reduce((m, p) => Math.max(m, p.connections ?? 0), 0);
  const source = report.value?.cpu.source;
  return html`<div class="strips">
    ${cpu !== null && html`<${Strip} title="CPU" value=${(p) => p.cpu} limit=${1} roof=${1.02} said=${`${percent(cpu)} busy${source ? ` (${source})` : ''}`} />`}
    ${used !== null && html`<${Strip} title="Connections" value=${(p) => p.connections} limit=${max} roof=${Math.max(highest, max ?? 0, 1) * 1.05} said=${`${number(used)}${max ? ` of ${number(max)}` : ''}`} />`}
  </div>`;
}

function Table() {
  const [open, unfold] = useState(false);
  const v = calm.value, points = within.value;
  const wide = Math.max(1, Math.ceil(points.length / 12));
  const rows = [];
  for (let n = 0; open && n < points.length; n += wide) rows.push(points.slice(n, n + wide));
  const names = layers.value.filter((l) => l.name !== rest).slice(0, 5);
  return html`<details class="asTable" onToggle=${(e) => unfold(e.target.open)}><summary>The same as a table</summary>
    ${open && html`<div class="scroll" tabindex="0" role="region" aria-label="DB load as a table"><table><thead><tr><th scope="col">From</th><th scope="col">Active sessions</th>${names.map((l) => html`<th scope="col">${titled(l.name)}</th>`)}</tr></thead>
      <tbody>${rows.map((part) => { const means = new Map(totals(part, dimension.value, v.waits)); return html`<tr><th scope="row">${clock(iso(part[0].at), iso(v.until))}</th><td>${number(summary(part, v.waits).mean)}</td>${names.map((l) => html`<td>${number(means.get(l.name) ?? 0)}</td>`)}</tr>`; })}</tbody></table></div>`}
  </details>`;
}

function Window() {
  const b = brushed.value, now = report.value?.at;
  if (!b) return null;
  const found = findingsWithin(b.from, b.until);
  return html`<div class="window" role="region" aria-label="Window">
    <p class="frame"><b>${clock(iso(b.from), now)} to ${clock(iso(b.until), now)}</b> (${duration(b.until - b.from)}). ${told(calm.value, within.value)}
      <button type="button" onClick=${() => { brushed.value = null; }}>Clear window</button></p>
    <h3>Findings of the window</h3>
    ${found.length === 0 ? html`<p class="dim">None.</p>` : html`<ul class="then">${found.map((f) => html`<li><${Tag} of=${f.severity} /> <span>${f.sentence}</span> <span class="dim">${f.began === null ? 'onset not known' : `since ${clock(iso(f.began), now)}`}${f.ended ? `, over ${clock(iso(f.ended), now)}` : ''}</span></li>`)}</ul>`}
  </div>`;
}

const Choice = ({ title, name, all, now, choose }) => html`<fieldset class="choice"><legend class="unseen">${title}</legend>${all.map(([value, word]) => html`<label><input type="radio" name=${name} checked=${value === now} onChange=${() => choose(value)} /><span>${word}</span></label>`)}</fieldset>`;

export function LoadPanel() {
  const v = calm.value;
  const none = v.all.length === 0;
  if (none && agent.value === null) return null;
  if (none && trouble.value && span.value === 900) return html`<section class="card" aria-labelledby="load"><h2 id="load">DB load over time</h2><p class="dim">There is no course to show: ${trouble.value}.</p></section>`;
  return html`<section class="card course-of-load" aria-labelledby="load">
    <div class="head"><h2 id="load" tabindex="-1">DB load over time</h2>
      <${Choice} title="Stack by" name="by" all=${dimensions} now=${dimension.value} choose=${(d) => { dimension.value = d; }} />
      <${Choice} title="Time shown" name="span" all=${spans} now=${span.value} choose=${look} /></div>
    ${none ? html`<p class="dim">No samples yet.</p>` : html`<p class="said">${told(v, v.points)}${asking.value ? ' Asking the history.' : ''}</p>`}
    ${trouble.value && !none && html`<p class="dim" role="status">The history does not answer: ${trouble.value}. Shown is what is in memory.</p>`}
    <div class="plot" hidden=${none}><${Plot} /><${Marks} /><${Handles} /></div>
    ${!none && html`<${Legend} /><${Window} /><${Strips} /><${Table} />`}
  </section>`;
}
