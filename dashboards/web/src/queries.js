// Hot queries: their share of the load, what is thought of their plans, and the plan itself one click away.
import { signal } from '@preact/signals';
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { docs, wantsPlans } from './docs.js';
import { lines } from './events.js';
import { Remedy } from './findings.js';
import { report } from './live.js';
import { brushed, calm, coursesOfQueries, idOf, loadOfQueries, textOf, within } from './load.js';
import { Bar, Card, Code, Missing, Tag } from './parts.js';
import { Plan } from './plan.js';
import { brief, bytes, clock, counted, duration, line, number, percent, unix } from './words.js';

const open = signal(new Set());
const search = signal('');

const plans = {
  harmful: { of: 'critical', word: 'Plan harmful' },
  rightful: { of: 'ok', word: 'Plan rightful' },
  unsure: { of: 'warning', sign: 'info', word: 'Plan unsure' },
};
const badge = (q) => (q.plan ? plans[q.plan] ?? { of: 'info', word: `Plan ${q.plan}` } : { of: 'away', sign: 'info', word: 'Not explained' });

// What the newest document knows, in the order of the window's load where there is one.
function rows() {
  const known = docs.queries.value.doc?.queries ?? [];
  const b = brushed.value;
  if (!b && known.length > 0) return known.map((q) => ({ ...q, id: idOf(q), known: true }));
  const byId = new Map(known.map((q) => [idOf(q), q]));
  const all = loadOfQueries.value;
  const whole = within.value.reduce((s, p) => s + p.active, 0) / (within.value.length || 1);
  return all.slice(0, 30).map(([id, sessions]) => ({ query_id: id, ...(textOf(id) ?? { query: id, database: '', user: '' }), ...byId.get(id), id, known: byId.has(id), sessions, share: whole > 0 ? sessions / whole : 0 }));
}

function Course({ id, changed }) {
  const v = calm.value;
  const course = coursesOfQueries.value.get(id);
  if (!course) return html`<span class="spark dim">no samples</span>`;
  const most = course.reduce((m, n) => (n > m ? n : m), 0.01);
  let path = '', pen = 'M';
  course.forEach((n, at) => {
    if (Number.isNaN(n)) { pen = 'M'; return; }
    path += `${pen}${((at + 0.5) * 1000) / course.length} ${(34 - (n / most) * 30).toFixed(1)}`;
    pen = 'L';
  });
  const x = changed ? ((unix(changed) - v.from) / (v.until - v.from)) * 1000 : -1;
  return html`<span class="spark"><svg viewBox="0 0 1000 36" preserveAspectRatio="none" width="100%" height="34" role="img" aria-label=${`sessions over time, at most ${number(most)}${x >= 0 && x <= 1000 ? `; plan changed ${clock(changed)}` : ''}`}>
    ${lines(v, 36)}${x >= 0 && x <= 1000 ? html`<line class="changed" x1=${x} x2=${x} y1="0" y2="36" />` : ''}<path class="course" d=${path} /></svg></span>`;
}

function Cure({ id }) {
  const r = report.value;
  const found = [...r.incidents.flatMap((i) => [...i.causes, ...i.symptoms]), ...r.posture].filter((f) => f.queries.includes(id));
  const cures = found.flatMap((f) => f.remedies.filter((m) => m.kind === 'cure'));
  return cures.length > 0 && html`<${Remedy} remedy=${cures[0]} />`;
}

function More({ q }) {
  const facts = [
    ['Rows a call', q.rows_per_call, number], ['Read', q.read_bytes_per_second, (v) => `${bytes(v)}/s`], ['Temporary files', q.temp_bytes_per_second, (v) => `${bytes(v)}/s`],
    ['Longest seen', q.oldest_seconds, brief], ['Waiting for a lock', q.blocked, number], ['Planner\u2019s cost', q.cost, number], ['Changes of plan', q.plan_changes, number],
  ].filter(([, v]) => v !== null && v !== undefined && !(v === 0));
  return html`<div class="expanded" id=${`query-${q.query_id}`}>
    <${Code} text=${q.query} what=${`query ${q.name ?? q.query_id}`} />
    ${q.truncated && html`<p class="dim">The text is cut: the server keeps no more of it.</p>`}
    ${facts.length > 0 && html`<dl class="facts">${facts.map(([k, v, say]) => html`<div><dt>${k}</dt><dd>${say(v)}</dd></div>`)}</dl>`}
    <${Plan} q=${q} />
    <${Cure} id=${q.query_id} />
  </div>`;
}

function Row({ q }) {
  const is = open.value.has(q.id);
  const flip = () => { const next = new Set(open.value); if (is) next.delete(q.id); else next.add(q.id); open.value = next; };
  const whose = [q.database && `in ${q.database}`, q.user && `by ${q.user}`, q.application && `from ${q.application}`].filter(Boolean).join(' ');
  return html`<li class="query">
    <div class="row">
      <p class="share"><b>${percent(q.share)}</b> <${Bar} share=${q.share} tone=${q.plan === 'harmful' ? 'bad' : ''} /><span class="dim">${number(q.sessions)} sessions</span></p>
      <div class="text"><button type="button" class="opens" aria-expanded=${is} aria-controls=${is ? `query-${q.query_id}` : undefined} onClick=${flip}>${q.name && html`<b>${q.name}</b> `}<code>${line(q.query)}</code></button>
        <p class="meta">${q.known ? html`<${Tag} ...${badge(q)} />` : ''}${q.plan_changed_at && html`<${Tag} of="warning" sign="fading" word=${`Plan changed ${clock(q.plan_changed_at, report.value?.at)}`} />`}<span class="names">${whose}</span></p>
        ${q.known && q.reason && html`<p class="why">${q.reason}</p>`}${q.cure && html`<p class="why"><b>Cure:</b> <code>${q.cure}</code></p>`}</div>
      <p class="rates">${q.calls_per_second !== null && q.calls_per_second !== undefined && html`<span><b>${number(q.calls_per_second)}</b> calls/s</span>`}${q.mean_seconds !== null && q.mean_seconds !== undefined && html`<span><b>${brief(q.mean_seconds)}</b> a call</span>`}${q.known && q.calls_per_second === null && q.mean_seconds === null ? html`<span class="dim">calls not known</span>` : ''}</p>
      <${Course} id=${q.id} changed=${q.plan_changed_at} />
    </div>
    ${is && html`<${More} q=${q} />`}
  </li>`;
}

export function Queries() {
  const [all, showAll] = useState(false);
  const state = docs.queries.value, b = brushed.value;
  const list = rows();
  const wanted = search.value.trim().toLowerCase();
  const fits = wanted ? list.filter((q) => [q.query, q.name, q.database, q.user, q.application].some((t) => t && t.toLowerCase().includes(wanted))) : list;
  const shown = all || wanted ? fits : fits.slice(0, 10);
  useEffect(() => { wantsPlans.value = open.value.size > 0; }, [open.value]);
  if (list.length === 0 && !state.doc && !b) return html`<${Missing} id="queries" title="Hot queries" state=${state} />`;
  return html`<${Card} id="queries" title=${b ? 'Queries of the window' : 'Hot queries'} kind="queries">
    <div class="tools"><p class="dim">${b ? 'By their load in the window; calls and plans are the newest.' : state.doc ? `By their load over the last ${duration(state.doc.window_seconds)}.` : 'By the samples of the time shown.'}</p>
      <label class="find"><span class="unseen">Search in queries</span><input id="search" type="search" placeholder="Search in queries" value=${search.value} onInput=${(e) => { search.value = e.target.value; }} /></label></div>
    ${shown.length === 0 ? html`<p class="dim">${wanted ? 'No query has this text.' : 'None: no query ran long or often enough to be seen.'}</p>`
      : html`<ol class="hot">${shown.map((q) => html`<${Row} key=${q.id} q=${q} />`)}</ol>`}
    ${!wanted && fits.length > 10 && html`<p><button type="button" aria-expanded=${all} onClick=${() => showAll(!all)}>${all ? 'Show fewer' : `Show all ${counted(fits.length, 'query', 'queries')}`}</button></p>`}
  </${Card}>`;
}
