// What happened: incidents, changes of schema and settings, restarts, deploys. As a list and as marks over every chart.
import { computed } from '@preact/signals';
import { html } from 'htm/preact';
import { useRef, useState } from 'preact/hooks';
import { docs, older } from './docs.js';
import { report } from './live.js';
import { brushed, span, view } from './load.js';
import { Card, Missing, Sign, Tag, When } from './parts.js';
import { clock, iso, line, unix } from './words.js';

const words = { firing: 'Incident began', update: 'Incident got worse', resolved: 'Incident over', event: 'Changed', deploy: 'Deploy' };
const sign = (e) => (e.kind === 'deploy' ? 'deploy' : e.kind === 'resolved' ? 'ok' : e.kind === 'event' && e.severity === 'ok' ? 'info' : e.severity);
const tone = (e) => (e.kind === 'deploy' ? 'info' : e.kind === 'resolved' ? 'ok' : e.severity);
const when = (e) => (e.kind === 'event' && e.started ? e.started : e.at);

// Newest first.
const same = (e) => e.at + e.kind + e.object + e.sentence;
export const events = computed(() => [...new Map([...older.value, ...(docs.events.value.doc?.events ?? [])].map((e) => [same(e), e])).values()]
  .map((e) => ({ ...e, time: when(e), unix: unix(when(e)) })).sort((a, b) => b.unix - a.unix));

// Incidents and findings that were there in a window: told ones by their moments, the rest by their onset.
export function findingsWithin(from, until) {
  const told = new Map();
  for (const e of [...events.value].reverse()) {
    if (!e.key) continue;
    const one = told.get(e.key) ?? { began: unix(e.started ?? e.at), ended: null };
    Object.assign(one, { sentence: e.kind === 'resolved' && one.sentence ? one.sentence : e.sentence, severity: one.severity === 'critical' ? 'critical' : e.severity, check: e.check, object: e.object, ended: e.kind === 'resolved' ? e.unix : null });
    told.set(e.key, one);
  }
  const all = [...told.values()];
  for (const i of report.value?.incidents ?? []) {
    const f = i.causes[0];
    if (!f || all.some((o) => o.ended === null && o.check === f.check && o.object === f.object.name)) continue;
    const since = i.since ?? f.since;
    all.push({ began: since ? unix(since) : null, ended: null, sentence: f.sentence, severity: f.severity });
  }
  return all.filter((o) => o.began === null || (o.began <= until && (o.ended === null || o.ended >= from)));
}

const sentence = (e) => line(e.sentence || e.object || words[e.kind] || e.kind, 240);

// Marks that would lie on each other become one.
function clusters(v) {
  const out = [];
  const wide = v.until - v.from;
  for (const e of [...events.value].reverse()) {
    const x = (e.unix - v.from) / wide;
    if (!(x >= 0 && x <= 1)) continue;
    const last = out.at(-1);
    if (last && x - last.x < 0.018) last.all.push(e); else out.push({ x, all: [e] });
  }
  return out.slice(-60);
}

const worst = (all) => ['critical', 'warning'].find((s) => all.some((e) => e.kind !== 'resolved' && e.severity === s)) ?? null;

// Over the big chart they can be pointed at and reached by the arrow keys; elsewhere they are only lines.
export function Marks() {
  const [at, move] = useState(0);
  const row = useRef(null);
  const all = clusters(view.value);
  if (all.length === 0) return null;
  const chosen = Math.min(at, all.length - 1);
  const keys = (e) => {
    const to = e.key === 'ArrowRight' ? chosen + 1 : e.key === 'ArrowLeft' ? chosen - 1 : -1;
    if (to < 0 || to >= all.length) return;
    e.preventDefault();
    move(to);
    row.current.children[to].focus();
  };
  return html`<div class="marks" role="group" aria-label="Events on the chart" ref=${row} onKeyDown=${keys}>
    ${all.map((c, n) => {
      const lead = c.all.find((e) => e.severity === worst(c.all)) ?? c.all[0];
      const text = `${clock(lead.time, report.value?.at)} ${words[lead.kind] ?? lead.kind}: ${sentence(lead)}${c.all.length > 1 ? ` (and ${c.all.length - 1} more)` : ''}`;
      return html`<button type="button" key=${lead.time + lead.kind} class=${`mark ${tone(lead)} ${c.x > 0.6 ? 'leftwards' : ''}`} tabindex=${n === chosen ? 0 : -1}
        aria-label=${text} style=${{ left: `${c.x * 100}%` }} onFocus=${() => move(n)}><${Sign} of=${sign(lead)} /><span class="bubble" aria-hidden="true">${text}</span></button>`;
    })}</div>`;
}

export const lines = (v, height) => clusters(v).map((c) => html`<line class="event" x1=${c.x * 1000} x2=${c.x * 1000} y1="0" y2=${height} />`);

const some = 12;

export function Events() {
  const [open, unfold] = useState(false);
  const state = docs.events.value;
  const b = brushed.value;
  if (!state.doc) return html`<${Missing} id="events" title="Events" state=${state} />`;
  const all = events.value.filter((e) => !b || (e.unix >= b.from - 1 && e.unix <= b.until + 1));
  const now = report.value?.at;
  return html`<${Card} id="events" title=${b ? 'Events of the window' : `Events of the last ${span.value > 86400 ? '7 days' : 'day'}`} kind="happened">
    ${all.length === 0 ? html`<p class="dim">${b ? `None between ${clock(iso(b.from), now)} and ${clock(iso(b.until), now)}.` : 'None: no incident, no change of schema or settings, no restart, no deploy.'}</p>` : ''}
    <ol class="timeline">${(open ? all : all.slice(0, some)).map((e) => html`<li key=${e.time + e.kind + e.sentence}>
      <${When} at=${e.time} now=${now} />
      <p><${Tag} of=${tone(e)} sign=${sign(e)} word=${words[e.kind] ?? e.kind} /> <span>${sentence(e)}</span>${e.database ? html` <span class="dim">in ${e.database}</span>` : ''}</p></li>`)}</ol>
    ${all.length > some && html`<p><button type="button" onClick=${() => unfold(!open)} aria-expanded=${open}>${open ? 'Show fewer' : `Show all ${all.length}`}</button></p>`}
  </${Card}>`;
}
