// What the page knows of the chosen target: the newest report, its line in the list, and how fresh they are.
import { computed, signal } from '@preact/signals';
import { ask, legible } from './api.js';

export const report = signal(null);
export const targets = signal([]);
export const agent = signal(null);  // null: an older one, which has nothing but reports
export const chosen = signal(hashed());
export const link = signal('connecting');  // connecting, live, lost
export const tick = signal(performance.now());

const interval = signal(10);
const seen = signal(0);
export const silence = computed(() => (seen.value ? Math.max(0, (tick.value - seen.value) / 1000) : 0));
export const stale = computed(() => silence.value > 3 * interval.value);

// The name to ask with; null while the agent has said nothing of any target.
export const shown = computed(() => chosen.value ?? report.value?.target ?? (targets.value.length === 1 ? targets.value[0].target : null));
export const ownLine = computed(() => targets.value.find((t) => t.target === shown.value) ?? null);

const rank = { ok: 0, info: 1, warning: 2, critical: 3 };
const badness = (t) => (t.reachable === false ? 4 : rank[t.verdict] ?? 0) * 4 + (t.act_by === 'now' ? 2 : t.act_by === 'today' ? 1 : 0);
// Of equally sick ones the busiest first.
export const fleet = computed(() => [...targets.value].sort((a, b) => badness(b) - badness(a) || (b.load ?? 0) - (a.load ?? 0) || (a.target < b.target ? -1 : 1)));

let source = null;
let asked;
let retry = 0;
const hooks = { report: [], load: [], change: [], open: [] };
export const on = (what, f) => hooks[what].push(f);
const tell = (what, news) => { for (const f of hooks[what]) f(news); };

function hashed() {
  try { return new URLSearchParams(location.hash.slice(1)).get('target'); } catch { return null; }
}

async function list() {
  const { doc } = await ask('targets');
  if (!doc) return;
  if (doc.interval_seconds > 0) interval.value = doc.interval_seconds;
  agent.value = doc.agent?.version ? doc.agent : null;
  targets.value = doc.targets;
  // Nobody chose: the sickest. What is looked at already is not taken away.
  if (chosen.value === null && doc.targets.length > 1) chosen.value = report.value?.target ?? fleet.value[0].target;
}

function take(event) {
  const news = JSON.parse(event.data, legible);
  if (shown.value !== null && news.target !== shown.value) return;
  report.value = news;
  seen.value = performance.now();
  tick.value = seen.value;
  tell('report', news);
  // Load samples come only on the stream of one target.
  if (asked === null) listen();
}

function listen() {
  clearTimeout(retry);
  if (source) source.close();
  asked = shown.value;
  source = new EventSource(asked === null ? '/api/v1/stream' : `/api/v1/stream?${new URLSearchParams({ target: asked })}`);
  source.addEventListener('open', () => { link.value = 'live'; tell('open'); });
  source.addEventListener('report', take);
  source.addEventListener('target', (event) => {
    const news = JSON.parse(event.data, legible);
    const at = targets.value.findIndex((t) => t.target === news.target);
    targets.value = at < 0 ? [...targets.value, news] : targets.value.with?.(at, news) ?? targets.value.map((t, n) => (n === at ? news : t));
  });
  source.addEventListener('load', (event) => tell('load', JSON.parse(event.data)));
  source.addEventListener('error', () => {
    link.value = 'lost';
    // The browser tries again by itself unless it was refused; then we ask why.
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(() => list().then(listen), 3000);
  });
}

export function choose(target) {
  location.hash = new URLSearchParams({ target }).toString();
}

export function start() {
  list().then(listen);
  setInterval(() => { if (!document.hidden) tick.value = performance.now(); }, 1000);
  setInterval(() => { if (!document.hidden) list(); }, 15_000);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    tick.value = performance.now();
    list();
  });
  addEventListener('hashchange', () => {
    const wanted = hashed() ?? (targets.value.length > 1 ? fleet.value[0].target : null);
    if (wanted === chosen.value) return;
    chosen.value = wanted;
    report.value = null;
    seen.value = 0;
    tell('change');
    listen();
  });
}
