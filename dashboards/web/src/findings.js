// Findings with evidence, confidence and remedy; incidents, which hold them.
import { html } from 'htm/preact';
import { Card, Code, Sign, Tag, When, place } from './parts.js';
import { clock, counted, duration, percent, seconds } from './words.js';

// A shape and a word for each outcome; what could not be seen is no pass.
const outcomes = { pass: ['ok', 'fine'], unknown: ['unknown', 'not seen'], wait: ['fading', 'waits'], fail: ['away', 'would fail'] };
const Outcome = ({ of }) => html`<span class=${`outcome ${of}`}><${Sign} of=${outcomes[of]?.[0]} /><span class="unseen">${outcomes[of]?.[1] ?? of}: </span></span>`;

// Would it go through now? The phrase stands under the command, the list behind it.
export function Preflight({ of, open }) {
  return of && html`<details class="preflight" open=${open && (of.outcome === 'wait' || of.outcome === 'fail')}>
    <summary><${Outcome} of=${of.outcome} /><b>Preflight:</b> ${of.phrase}</summary>
    <ul>${of.items.map((i) => html`<li><${Outcome} of=${i.outcome} /><span><b>${i.what}:</b> ${i.figure}${i.todo ? html` <span class="dim">(${i.todo})</span>` : ''}</span></li>`)}</ul>
  </details>`;
}

function Step({ step }) {
  const facts = [
    ['Where', [step.database && `database ${step.database}`, step.run_as && `as ${step.run_as}`].filter(Boolean).join(', ')],
    ['Takes', step.duration], ['Locks', step.lock], ['Relief', step.relief],
  ].filter(([, v]) => v);
  return html`<li class="step">
    <h5>${step.title}</h5>
    ${step.sql && html`<${Code} text=${step.sql} what=${step.title} />`}
    <${Preflight} of=${step.preflight} open=${true} />
    ${step.caution && html`<p class="caution"><strong>Caution:</strong> ${step.caution}</p>`}
    ${facts.length > 0 && html`<dl class="facts">${facts.map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`}
    ${step.undo && html`<details class="undo"><summary>Undo</summary><${Code} text=${step.undo} what=${`undo ${step.title}`} /></details>`}
  </li>`;
}

const Steps = ({ steps }) => html`<ol class="steps">${steps.map((s) => html`<${Step} key=${s.title} step=${s} />`)}</ol>`;

export function Remedy({ remedy }) {
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
    ${finding.confidence && html`<p class="dim">Confidence ${finding.confidence}${finding.basis ? `: ${finding.basis}` : ''}</p>`}
    ${finding.remedies.map((r) => html`<${Remedy} remedy=${r} />`)}`;
  if (open) return body;
  return html`<li><details class="folded"><summary><${Tag} of=${finding.severity} />
    <span class="sentence">${finding.sentence}</span></summary>${body}</details></li>`;
}

const keyOf = (f) => f.check + place(f.object);
export const List = ({ all }) => html`<ul class="list">${all.map((f) => html`<${Finding} key=${keyOf(f)} finding=${f} />`)}</ul>`;
const Folded = ({ title, all }) => all.length > 0 && html`<section class="more"><h4>${title}</h4><${List} all=${all} /></section>`;

export function Incident({ incident, at, first }) {
  const [lead, ...others] = incident.causes;
  if (!lead) return null;
  const since = incident.since ?? lead.since;
  return html`<article class=${`card incident ${incident.severity}`} id=${first ? 'incident' : undefined} tabindex=${first ? -1 : undefined}>
    <p class="over">${incident.explained ? (first ? 'The cause' : 'Another cause') : 'A symptom whose cause is not known'}</p>
    <h3>${lead.sentence}</h3>
    <p class="meta">
      <${Tag} of=${lead.severity} />
      <span>act ${lead.act_by}</span>
      ${place(lead.object) && html`<span>${lead.object.kind} <code>${place(lead.object)}</code></span>`}
      ${incident.share > 0 && html`<span>${percent(incident.share)} of the load</span>`}
      ${since && html`<span>since <time datetime=${since}>${clock(since, at)}</time>, ${duration(seconds(since, at))}</span>`}
    </p>
    <${Finding} finding=${lead} open=${true} />
    <${Folded} title=${`More of the same incident (${others.length})`} all=${others} />
    <${Folded} title=${`Events at that time (${incident.events.length})`} all=${incident.events} />
    ${incident.symptoms.length > 0 && html`<details class="symptoms"><summary>Explains ${counted(incident.symptoms.length, 'symptom')}</summary>
      <${List} all=${incident.symptoms} /></details>`}
  </article>`;
}

const Fine = ({ all }) => html`<ul class="ruled">${all.map((r) => html`<li><${Sign} of="ok" /><span>${r.title}</span><span class="dim">${r.figure}</span></li>`)}</ul>`;
const first = 10;

export const RuledOut = ({ all }) => all.length > 0 && html`<${Card} id="ruled" title="Ruled out">
  <p class="dim">Looked at, and fine.</p><${Fine} all=${all.slice(0, first)} />
  ${all.length > first && html`<details><summary>and ${all.length - first} more</summary><${Fine} all=${all.slice(first)} /></details>`}</${Card}>`;

export const sql = /^(GRANT|ALTER|CREATE|SET|SELECT)\b/;

export const BlindSpots = ({ all }) => all.length > 0 && html`<${Card} id="blind" title="Blind spots">
  <p class="dim">Could not be seen, so neither found nor ruled out.</p>
  <ul class="blind">${all.map((b) => html`<li><p><strong>${b.what}</strong></p><p>${b.why}</p>${b.mend && (sql.test(b.mend) ? html`<${Code} text=${b.mend} what=${`what lets pgvigil see ${b.what}`} />` : html`<p class="dim">${b.mend}</p>`)}</li>`)}</ul></${Card}>`;

export const Posture = ({ all }) => all.length > 0 && html`<${Card} id="posture" title="Not urgent"><${List} all=${all} /></${Card}>`;

// What the newest report alone tells of; the list of the last day has its own panel.
export const Happened = ({ all }) => all.length > 0 && html`<${Card} id="happened" title="What happened"><${List} all=${all} /></${Card}>`;

export const Since = ({ since, at }) => html`since <${When} at=${since} now=${at} /> (${duration(seconds(since, at))})`;
