// DB load over time: the last samples as they come, and the minutes of the history where more is asked for.
import { batch, computed, signal } from '@preact/signals';
import { ask } from './api.js';
import { agent, on, report, shown } from './live.js';
import { courses, fold, position, slice, totals } from './series.js';
import { unix, visible } from './words.js';

export const spans = [[900, '15 min'], [3600, '1 h'], [21600, '6 h'], [86400, '24 h'], [604800, '7 days']];
export const span = signal(900);
export const dimension = signal('by');
export const brushed = signal(null);  // { from, until }, Unix seconds: the window that the lists follow
export const trouble = signal('');    // why there is no history
export const asking = signal(false);

const changed = signal(0);  // something to draw
const ranked = signal(0);  // with each report: order and colours may move, not with each second
const recent = { points: [], step: 1, waits: ['cpu', 'lock', 'io', 'client', 'other'], vcpus: null };
let past = null;  // { span, points, step }
let vitals = [];  // connections and CPU, which samples do not have, from the reports
const texts = new Map();  // by id: { query_id, query, database, user }
let unseen = false;

// The same query in two databases is two queries.
export const idOf = (q) => `${q.query_id} ${q.database}`;
export const textOf = (id) => texts.get(id);

// A document's positions in its own `queries` become ids; names become legible, each only once.
function points(doc) {
  const legible = new Map();
  const name = (text) => { let v = legible.get(text); if (v === undefined) legible.set(text, v = visible(text)); return v; };
  const ids = doc.queries.map((q) => {
    const one = { query_id: q.query_id, query: visible(q.query), database: visible(q.database), user: visible(q.user) };
    texts.set(idOf(one), one);
    return idOf(one);
  });
  const named = (list) => (list ?? []).map(([n, v]) => [name(n), v]);
  return doc.points.map((p) => ({ ...p, query: (p.query ?? []).map(([n, v]) => [ids[n], v]),
    wait: named(p.wait), application: named(p.application), user: named(p.user), table: named(p.table) }));
}

function merge(into, news) {
  for (const p of news) {
    const at = position(into, p.at);
    if (at < into.length && into[at].at === p.at) into[at] = p;
    else if (at === into.length) into.push(p);
    else into.splice(at, 0, p);
  }
}

// Memory stays bounded however long the page is open.
function forget() {
  const held = brushed.peek();
  const newest = recent.points.at(-1)?.at ?? 0;
  const oldest = Math.max(newest - 3600, Math.min(newest - 960, held && span.peek() === 900 ? frozen.from : Infinity));
  const drop = position(recent.points, oldest);
  if (drop > 0) recent.points.splice(0, drop);
  if (past) past.points.splice(0, position(past.points, newest - past.span - 3600));
  if (texts.size > 600) {
    const used = new Set([...recent.points, ...(past?.points ?? [])].flatMap((p) => p.query.map(([id]) => id)));
    for (const id of texts.keys()) if (!used.has(id)) texts.delete(id);
  }
}

function announce(inOrder) {
  unseen = document.hidden;
  if (!unseen) batch(() => { changed.value++; if (inOrder) ranked.value++; });
}

async function fetchRecent() {
  if (agent.peek() === null) return;
  const target = shown.peek();
  const { doc, why } = await ask('load', { target }, true);
  if (target !== shown.peek()) return;
  if (!doc) { if (recent.points.length === 0) { trouble.value = why; announce(); } return; }
  trouble.value = '';
  recent.step = doc.resolution_seconds || 1;
  recent.waits = doc.waits;
  recent.vcpus = doc.vcpus;
  merge(recent.points, points(doc));
  forget();
  announce(true);
}

async function fetchPast() {
  const target = shown.peek();
  const wanted = span.peek();
  if (wanted === 900 || past?.span === wanted || (past?.span > wanted && past.step <= 60)) return;
  // The agent's time, not the browser's: they may differ, and a recorded report is old.
  const now = Math.max(recent.points.at(-1)?.at ?? 0, report.peek() ? unix(report.peek().at) : Date.now() / 1000);
  asking.value = true;
  const { doc, why } = await ask('load', { target, from: Math.floor(now - wanted), until: Math.ceil(now) + 1 }, true);
  asking.value = false;
  if (target !== shown.peek() || wanted !== span.peek()) return fetchPast();
  trouble.value = doc ? '' : why;
  if (doc) past = { span: wanted, step: doc.resolution_seconds || 60, points: [] };
  if (doc) merge(past.points, points(doc));
  announce(true);
}

function sample(doc) {
  if (doc.target !== shown.peek()) return;
  if (doc.vcpus !== null) recent.vcpus = doc.vcpus;
  const news = points(doc);
  merge(recent.points, news);
  // A finished minute joins the history that is shown, so that it needs no new question.
  for (const p of past && past.step >= 60 ? news : []) {
    const { step } = past;
    const begin = Math.floor(p.at / step) * step - step;
    const last = past.points.at(-1);
    const made = last && last.at <= begin - step / 2 ? fold(recent.points, begin, step) : null;
    if (made) past.points.push({ ...made, ...vitalsOf(begin, step) });
  }
  forget();
  announce();
}

function vitalsOf(begin, step) {
  const part = vitals.filter((v) => v.at >= begin && v.at < begin + step);
  const most = (key) => (part.some((v) => v[key] !== null) ? Math.max(...part.map((v) => v[key] ?? 0)) : null);
  return { connections: most('connections'), connections_max: most('connections_max'), cpu: most('cpu') };
}

function noteVitals(r) {
  vitals.push({ at: unix(r.at), cpu: r.cpu.busy, connections: r.connections.used, connections_max: r.connections.max });
  if (vitals.length > 500) vitals = vitals.slice(-400);
  announce(true);
}

// What is drawn: its points, how far apart they are, from when until when. A window holds the view still.
let frozen = { from: 0, until: 0 };
export const view = computed(() => {
  changed.value;
  const wanted = span.value;
  const long = wanted > 900 && past?.points.length > 0 ? past : null;
  const { points: all, step } = long ?? recent;
  const until = Math.max(all.at(-1)?.at ?? 0, long ? 0 : recent.points.at(-1)?.at ?? 0);
  // What was before the first look is not shown as calm: the time shown begins where the samples do.
  if (!brushed.value) frozen = { from: Math.max(until - wanted, Math.min(all[0]?.at ?? 0, until - 60)), until };
  return { all, step, ...frozen, points: slice(all, frozen.from, frozen.until), waits: recent.waits, vcpus: recent.vcpus };
});

// The same, at the pace of the reports: for lists that need not move every second.
export const calm = computed(() => { ranked.value; span.value; brushed.value; return view.peek(); });
export const within = computed(() => { const v = calm.value, b = brushed.value; return b ? slice(v.all, b.from, b.until) : v.points; });
export const loadOfQueries = computed(() => totals(within.value, 'query', []));
export const coursesOfQueries = computed(() => { const v = calm.value; return courses(v.points, v.from, v.until, 60); });
export const vitalsShown = computed(() => {
  const v = calm.value;
  return v.points.some((p) => p.cpu !== null || p.connections !== null) ? v.points : vitals.filter((p) => p.at >= v.from && p.at <= v.until + 15);
});

export function brush(from, until) {
  const v = view.peek();
  const near = (at) => Math.min(v.until, Math.max(v.from, Math.round(at / v.step) * v.step));
  const a = near(Math.min(from, until)), b = near(Math.max(from, until));
  brushed.value = b - a < v.step / 2 || (a <= v.from && b >= v.until) ? null : { from: a, until: b };
}

export function look(seconds) {
  brushed.value = null;
  span.value = seconds;
  fetchPast();
}

export function startLoad() {
  let begun = null;
  on('open', () => { if (begun !== null) fetchRecent(); });  // what passed while the connection was lost
  on('load', sample);
  on('report', (r) => {
    noteVitals(r);
    if (begun !== r.target && agent.peek() !== null) { begun = r.target; fetchRecent(); }
  });
  on('change', () => {
    begun = null; past = null; vitals = []; texts.clear();
    recent.points = []; recent.vcpus = null; brushed.value = null; trouble.value = '';
    announce(true);
    fetchPast();
  });
  document.addEventListener('visibilitychange', () => { if (unseen) announce(true); });
}
