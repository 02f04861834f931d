// The documents beside the report: asked for with each report, kept as { doc }, or { why } where there is none.
import { computed, effect, signal } from '@preact/signals';
import { ask } from './api.js';
import { agent, on, report, shown } from './live.js';
import { span } from './load.js';
import { unix } from './words.js';

const names = ['queries', 'activity', 'progress', 'events'];
export const docs = Object.fromEntries([...names, 'plans'].map((n) => [n, signal({})]));
export const older = signal([]);  // events from before the last day, while a longer time is shown
export const wantsPlans = signal(false);  // a query is open
const known = computed(() => agent.value !== null);
let missed = false;
let plansOf = '';

async function fetchOne(name) {
  const target = shown.peek();
  const answer = await ask(name, { target });
  if (target !== shown.peek()) return;
  // One lost answer leaves what was there; the report's own clock says how old all of it is.
  if (answer.doc || !docs[name].peek().doc || answer.gone) docs[name].value = answer;
}

// Plans change rarely: asked for while one is looked at, and again when a query says so.
const planSign = () => shown.peek() + (docs.queries.peek().doc?.queries ?? []).map((q) => `${q.query_id}:${q.cost}:${q.plan}:${q.plan_changes}`).join();
function freshPlans() {
  if (!wantsPlans.peek() || planSign() === plansOf) return;
  plansOf = planSign();
  fetchOne('plans');
}

function refresh() {
  if (agent.peek() === null) return;
  if (document.hidden) { missed = true; return; }
  missed = false;
  for (const name of names) fetchOne(name).then(name === 'queries' ? freshPlans : undefined);
}

async function lookBack() {
  const target = shown.peek(), r = report.peek();
  if (span.value <= 86400) { older.value = []; return; }
  if (!r || agent.peek() === null) return;
  const until = Math.ceil(unix(r.at));
  const { doc } = await ask('events', { target, from: until - span.peek(), until });
  if (doc && target === shown.peek()) older.value = doc.events;
}

export function startDocs() {
  effect(() => { lookBack(); });
  on('report', refresh);
  on('change', () => { plansOf = ''; older.value = []; for (const d of Object.values(docs)) d.value = {}; });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && missed) refresh(); });
  effect(() => { if (wantsPlans.value) freshPlans(); });
  effect(() => { if (known.value && report.peek()) refresh(); });
}
