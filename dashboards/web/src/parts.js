// The blocks of a report. Everything from the server is a text node; nothing is ever parsed as HTML.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { bytes, clock, duration, number, percent, seconds, severity, visible } from './words.js';

// A shape beside each word, so that colour is never the only sign.
const shapes = {
  ok: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.4 14.4-4-4 1.6-1.6 2.4 2.4 5.2-5.4 1.7 1.6Z',
  info: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.1 4.6h2.2v2.2h-2.2Zm0 4h2.2v6.8h-2.2Z',
  warning: 'M12 2.5 1 21.5h22Zm-1.1 6.8h2.2v6h-2.2Zm0 7.5h2.2V19h-2.2Z',
  critical: 'M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9Zm3 4.6v6.8h2.2V6.6Zm0 8.6v2.2h2.2v-2.2Z',
  away: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20ZM7.6 9.1l1.5-1.5L12 10.5l2.9-2.9 1.5 1.5-2.9 2.9 2.9 2.9-1.5 1.5-2.9-2.9-2.9 2.9-1.5-1.5 2.9-2.9Z',
};

export const Sign = ({ of }) => html`<svg class="sign" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" fill-rule="evenodd" d=${shapes[of]} /></svg>`;

async function put(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');  // plain http on another address: no clipboard there
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('no clipboard');
}

export function Code({ text, what }) {
  const [said, say] = useState('');
  const copy = () => put(text).then(() => say('Copied'), () => say('Select and copy by hand')).then(() => setTimeout(say, 2500, ''));
  return html`<div class="code">
    <pre tabindex="0"><code>${visible(text)}</code></pre>
    <button type="button" onClick=${copy} aria-label=${`Copy: ${what}`}>${said || 'Copy'}</button>
    <span class="unseen" role="status">${said}</span>
  </div>`;
}

const place = (o) => (o && o.name ? `${o.name}${o.database && o.kind !== 'database' ? ` in ${o.database}` : ''}` : '');

function Step({ step }) {
  const facts = [
    ['Where', [step.database && `database ${step.database}`, step.run_as && `as ${step.run_as}`].filter(Boolean).join(', ')],
    ['Takes', step.duration], ['Locks', step.lock], ['Relief', step.relief],
  ].filter(([, v]) => v);
  return html`<li class="step">
    <h5>${step.title}</h5>
    ${step.sql && html`<${Code} text=${step.sql} what=${step.title} />`}
    ${step.caution && html`<p class="caution"><strong>Caution:</strong> ${step.caution}</p>`}
    ${facts.length > 0 && html`<dl class="facts">${facts.map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`}
    ${step.undo && html`<details class="undo"><summary>Undo</summary><${Code} text=${step.undo} what=${`undo ${step.title}`} /></details>`}
  </li>`;
}

function Steps({ steps }) {
  return html`<ol class="steps">${steps.map((s) => html`<${Step} key=${s.title} step=${s} />`)}</ol>`;
}

function Remedy({ remedy }) {
  const straight = remedy.steps.filter((s) => s.straight_path);
  const other = remedy.steps.filter((s) => !s.straight_path);
  return html`<section class="remedy">
    <h4>${remedy.kind === 'first_aid' ? 'First aid' : 'The cure'}</h4>
    ${remedy.summary && html`<p>${remedy.summary}</p>`}
    <${Steps} steps=${straight} />
    ${other.length > 0 && html`<details><summary>Where that way is closed (${other.length})</summary><${Steps} steps=${other} /></details>`}
  </section>`;
}

function Evidence({ evidence }) {
  return evidence.length > 0 && html`<dl class="evidence">${evidence.map((e) => html`<div><dt>${e.what}</dt><dd>${e.value}</dd></div>`)}</dl>`;
}

export function Finding({ finding, open }) {
  const body = html`<${Evidence} evidence=${finding.evidence} />
    ${finding.basis && html`<p class="dim">Confidence ${finding.confidence}: ${finding.basis}</p>`}
    ${finding.remedies.map((r) => html`<${Remedy} remedy=${r} />`)}`;
  if (open) return body;
  return html`<li><details class="folded"><summary><span class=${`tag ${finding.severity}`}><${Sign} of=${finding.severity} />${severity[finding.severity]}</span>
    <span class="sentence">${finding.sentence}</span></summary>${body}</details></li>`;
}

const Folded = ({ title, all }) => all.length > 0 && html`<section class="more"><h4>${title}</h4><ul class="list">${all.map((f) => html`<${Finding} key=${f.check + place(f.object)} finding=${f} />`)}</ul></section>`;

export function Incident({ incident, at, first }) {
  const [lead, ...others] = incident.causes;
  if (!lead) return null;
  const since = incident.since ?? lead.since;
  return html`<article class=${`card incident ${incident.severity}`}>
    <p class="over">${incident.explained ? (first ? 'The cause' : 'Another cause') : 'A symptom whose cause is not known'}</p>
    <h3>${lead.sentence}</h3>
    <p class="meta">
      <span class=${`tag ${lead.severity}`}><${Sign} of=${lead.severity} />${severity[lead.severity]}</span>
      <span>act ${lead.act_by}</span>
      ${place(lead.object) && html`<span>${lead.object.kind} <code>${place(lead.object)}</code></span>`}
      ${incident.share > 0 && html`<span>${percent(incident.share)} of the load</span>`}
      ${since && html`<span>since <time datetime=${since}>${clock(since, at)}</time>, ${duration(seconds(since, at))}</span>`}
    </p>
    <${Finding} finding=${lead} open=${true} />
    <${Folded} title=${`More of the same incident (${others.length})`} all=${others} />
    <${Folded} title=${`Events at that time (${incident.events.length})`} all=${incident.events} />
    ${incident.symptoms.length > 0 && html`<details class="symptoms"><summary>Explains ${incident.symptoms.length} ${incident.symptoms.length === 1 ? 'symptom' : 'symptoms'}</summary>
      <ul class="list">${incident.symptoms.map((f) => html`<${Finding} key=${f.check + place(f.object)} finding=${f} />`)}</ul></details>`}
  </article>`;
}

const kinds = [['on_cpu', 'on CPU'], ['lock', 'waiting for a lock'], ['io', 'waiting for I/O'], ['client', 'waiting for the client'], ['other', 'other waits']];

export function Load({ report }) {
  const l = report.load;
  const { used, max } = report.connections;
  const { busy, source } = report.cpu;
  const scale = Math.max(l.active, l.vcpus ?? 0, 1) * 1.04;
  const x = (v) => `${(100 * v) / scale}%`;
  let at = 0;
  const bars = kinds.map(([key]) => { const from = at; at += l[key]; return html`<rect class=${`fill ${key}`} x=${x(from)} y="8" height="22" width=${x(l[key])} />`; });
  const said = l.samples === 0 ? 'No samples yet' : `${number(l.active)} active sessions${l.vcpus ? ` on ${number(l.vcpus)} vCPUs` : ''}`;
  return html`<section class="card load" aria-labelledby="load">
    <h2 id="load">Load</h2>
    <div class="figures">
      <p><strong>${l.samples ? number(l.active) : 'unknown'}</strong><span>active sessions${l.vcpus ? html` on ${number(l.vcpus)} vCPUs` : ''}</span></p>
      <p><strong>${busy === null ? 'unknown' : percent(busy)}</strong><span>CPU busy${source ? ` (${source})` : ''}</span></p>
      <p><strong>${used === null ? 'unknown' : number(used)}</strong><span>${max === null ? 'connections' : `of ${number(max)} connections`}</span></p>
    </div>
    ${l.samples > 0 && html`<svg class="bar" role="img" aria-label=${said} width="100%" height="38">
      <rect class="track" x="0" y="8" width="100%" height="22" rx="4" />${bars}
      ${l.vcpus && html`<line class="cores" x1=${x(l.vcpus)} x2=${x(l.vcpus)} y1="2" y2="36" />`}
    </svg>
    <ul class="legend">${kinds.filter(([key]) => l[key] > 0.005).map(([key, word]) => html`<li><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect class=${`fill ${key}`} width="12" height="12" rx="3" /></svg>${word} <b>${number(l[key])}</b></li>`)}
      ${l.vcpus && html`<li><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><line class="cores" x1="6" x2="6" y1="0" y2="12" /></svg>${number(l.vcpus)} vCPUs</li>`}</ul>
    <p class="dim">Averages over ${duration(l.seconds)}, ${number(l.samples)} samples.</p>`}
  </section>`;
}

export const RuledOut = ({ all }) => all.length > 0 && html`<section class="card" aria-labelledby="ruled"><h2 id="ruled">Ruled out</h2>
  <p class="dim">Looked at, and fine.</p>
  <ul class="ruled">${all.map((r) => html`<li><${Sign} of="ok" /><span>${r.title}</span><span class="dim">${r.figure}</span></li>`)}</ul></section>`;

const sql = /^(GRANT|ALTER|CREATE|SET|SELECT)\b/;

export const BlindSpots = ({ all }) => all.length > 0 && html`<section class="card" aria-labelledby="blind"><h2 id="blind">Blind spots</h2>
  <p class="dim">Could not be seen, so neither found nor ruled out.</p>
  <ul class="blind">${all.map((b) => html`<li><p><strong>${b.what}</strong></p><p>${b.why}</p>${b.mend && (sql.test(b.mend) ? html`<${Code} text=${b.mend} what=${`what lets pgvigil see ${b.what}`} />` : html`<p class="dim">${b.mend}</p>`)}</li>`)}</ul></section>`;

export const Posture = ({ all }) => all.length > 0 && html`<section class="card" aria-labelledby="posture"><h2 id="posture">Not urgent</h2>
  <ul class="list">${all.map((f) => html`<${Finding} key=${f.check + place(f.object)} finding=${f} />`)}</ul></section>`;

export const Events = ({ all }) => all.length > 0 && html`<section class="card" aria-labelledby="events"><h2 id="events">What happened</h2>
  <ul class="list">${all.map((f) => html`<${Finding} key=${f.check + place(f.object)} finding=${f} />`)}</ul></section>`;

export function Cost({ report }) {
  const c = report.cost;
  const share = c.seconds > 0 ? `${(100 * c.db_seconds / c.seconds).toFixed(2)} % of one core at most, ` : '';
  return html`<p>pgvigil itself uses ${share}${c.connections} ${c.connections === 1 ? 'connection' : 'connections'}${c.seconds > 0 ? `, ${number(c.statements / c.seconds)} statements/s, ${bytes(c.bytes / c.seconds)}/s` : ''}.</p>`;
}
