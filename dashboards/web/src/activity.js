// Who is connected, who waits for whom, who fills the disk with temporary files.
import { html } from 'htm/preact';
import { docs } from './docs.js';
import { Bar, Card, Missing, Tag } from './parts.js';
import { bytes, counted, duration, line, number, percent } from './words.js';

const near = (share) => (share >= 0.95 ? 'bad' : share >= 0.8 ? 'near' : '');
const whose = (s) => [s.application && `from ${s.application}`, s.user && `by ${s.user}`, s.database && `in ${s.database}`, s.client && `at ${s.client}`].filter(Boolean).join(' ');

export function Connections() {
  const { doc } = docs.activity.value;
  if (!doc) return html`<${Missing} id="connections" title="Connections" state=${docs.activity.value} />`;
  const c = doc.connections;
  const share = c.used !== null && c.max ? c.used / c.max : null;
  return html`<${Card} id="connections" title="Connections" kind="connections">
    <p class="big"><b>${number(c.used)}</b>${c.max !== null ? ` of ${number(c.max)}` : ''}${share !== null ? ` (${percent(share)})` : ''}</p>
    ${share !== null && html`<${Bar} share=${share} tone=${near(share)} />`}
    <p>${c.full_in_seconds !== null ? html`<${Tag} of=${c.full_in_seconds < 900 ? 'critical' : 'warning'} word=${`Full in ${duration(c.full_in_seconds)}`} /> at the growth of the last minutes` : html`<span class="dim">${c.used !== null ? 'They do not grow.' : ''}</span>`}</p>
    ${c.states.length > 0 && html`<dl class="counts">${c.states.map((s) => html`<div><dt>${s.state || 'hidden'}</dt><dd>${number(s.count)}</dd></div>`)}</dl>`}
    ${c.holders.length > 0 && html`<h3>Held by</h3><ul class="holders">${c.holders.slice(0, 8).map((h) => html`<li><p><b>${number(h.count)}</b> <span class="names">${whose(h) || 'without a name'}</span></p>
      <p class="dim">${[h.idle > 0 && `${number(h.idle)} idle`, h.idle_in_transaction > 0 && `${number(h.idle_in_transaction)} idle in transaction`, h.max_transaction_seconds !== null && h.max_transaction_seconds >= 1 && `longest transaction ${duration(h.max_transaction_seconds)}`].filter(Boolean).join(', ')}</p></li>`)}</ul>
      ${c.holders.length > 8 && html`<p class="dim">and ${counted(c.holders.length - 8, 'smaller one')}</p>`}`}
  </${Card}>`;
}

const Text = ({ s }) => s.query && html`<code class="statement">${line(s.query, 200)}</code>`;

function nest(root) {
  const behind = new Map();
  for (const w of root.waiters) behind.set(w.behind, [...(behind.get(w.behind) ?? []), w]);
  const seen = new Set();
  const below = (pid) => (behind.get(pid) ?? []).filter((w) => !seen.has(w.pid) && seen.add(w.pid)).map((w) => ({ w, below: below(w.pid) }));
  const tree = below(root.pid);
  // Whose blocker is not in the list still waits.
  return [...tree, ...root.waiters.filter((w) => !seen.has(w.pid)).map((w) => ({ w, below: [] }))];
}

const Waiter = ({ one: { w, below } }) => html`<li><p><b>pid ${w.pid}</b> waits ${duration(w.waited_seconds)} <span class="dim">for ${w.wait || 'a lock'}${whose(w) ? `, ${whose(w)}` : ''}</span></p><${Text} s=${w} />
  ${below.length > 0 && html`<ul>${below.map((o) => html`<${Waiter} key=${o.w.pid} one=${o} />`)}</ul>`}</li>`;

export function Blocking() {
  const { doc } = docs.activity.value;
  if (!doc || doc.blocking.length === 0) return null;
  return html`<${Card} id="blocking" title="Who waits for whom" kind="blocking">
    <ul class="roots">${doc.blocking.map((r) => html`<li key=${r.pid}>
      <p><${Tag} of="warning" word="Holds others up" /> <b>${r.pid === 0 ? 'a prepared transaction' : `pid ${r.pid}`}</b>: ${counted(r.waiting, 'session')} behind it, for ${duration(r.held_seconds)}, the longest waits ${duration(r.longest_seconds)}${r.tables.length > 0 ? html`; they want <span class="names">${r.tables.join(', ')}</span>` : ''}</p>
      ${r.session ? html`<p class="dim">${r.session.state}${whose(r.session) ? `, ${whose(r.session)}` : ''}</p><${Text} s=${r.session} />` : html`<p class="dim">Its session is not to be seen.</p>`}
      <ul class="tree">${nest(r).map((o) => html`<${Waiter} key=${o.w.pid} one=${o} />`)}</ul>
      ${r.waiting > r.waiters.length && html`<p class="dim">and ${counted(r.waiting - r.waiters.length, 'more session')}</p>`}</li>`)}</ul>
  </${Card}>`;
}

export function TempFiles() {
  const { doc } = docs.activity.value;
  if (!doc) return null;
  const t = doc.temp_files;
  if (t.bytes === null) return html`<${Card} id="temp" title="Temporary files"><p class="dim">In flight: not to be seen with these rights.</p></${Card}>`;
  if (t.bytes === 0 && t.processes.length === 0) return null;
  return html`<${Card} id="temp" title="Temporary files" kind="temp">
    <p class="big"><b>${bytes(t.bytes)}</b> in flight</p>
    <p class="dim">${t.limit_bytes !== null ? `temp_file_limit is ${bytes(t.limit_bytes)} for each process; above it a statement fails.` : 'There is no limit: the disk is the limit.'}</p>
    <ul class="holders">${t.processes.slice(0, 6).map((p) => html`<li key=${p.pid}><p><b>${bytes(p.bytes)}</b>${t.limit_bytes ? ` (${percent(p.bytes / t.limit_bytes)} of the limit)` : ''} <span class="dim">pid ${p.pid}, ${counted(p.files, 'file')}</span></p>
      ${t.limit_bytes !== null && html`<${Bar} share=${p.bytes / t.limit_bytes} tone=${near(p.bytes / t.limit_bytes)} />`}<${Text} s=${p} /></li>`)}</ul>
  </${Card}>`;
}

const still = (o) => o.kind === 'migration' && o.phase === 'stands still';
// How far it is, what is left, and who does it, as far as each is known.
const stage = (o) => {
  const share = o.done !== null ? percent(o.done) : '';
  const far = o.kind === 'migration' ? share || 'not to be read' : [share, o.phase || 'its phase is not known'].filter(Boolean).join(' of ');
  const left = still(o) ? '' : o.left_seconds !== null ? `, about ${duration(o.left_seconds)} left` : ', no telling how long';
  return far + left + (o.pid !== null ? `; runs for ${duration(o.running_seconds)}, pid ${o.pid}` : '');
};

export function Progress() {
  const { doc } = docs.progress.value;
  if (!doc || doc.operations.length === 0) return null;
  return html`<${Card} id="progress" title="In progress" kind="progress">
    <ul class="holders">${doc.operations.map((o) => html`<li key=${`${o.pid} ${o.database} ${o.object}`}>
      <p><b>${o.kind}</b> <span class="names">${o.object}</span>${o.database ? html` <span class="dim">in ${o.database}</span>` : ''}</p>
      ${o.done !== null && html`<progress max="1" value=${o.done} aria-label=${`${o.kind} ${o.object}`}></progress>`}
      <p class="dim">${stage(o)}</p>
      ${still(o) && html`<p><${Tag} of="warning" word="Stands still" /></p>`}
      ${o.waits_for !== null && html`<p><${Tag} of="warning" word=${`Waits for pid ${o.waits_for}`} /></p>`}</li>`)}</ul>
  </${Card}>`;
}
