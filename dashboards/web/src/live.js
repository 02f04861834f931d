// What the page knows: the newest report of the chosen target, and how fresh it is.
import { computed, signal } from '@preact/signals';
import { visible } from './words.js';

export const report = signal(null);
export const targets = signal([]);
export const chosen = signal(hashed());
export const link = signal('connecting');  // connecting, live, lost
export const tick = signal(performance.now());

const interval = signal(10);
const seen = signal(0);
export const silence = computed(() => (seen.value ? Math.max(0, (tick.value - seen.value) / 1000) : 0));
export const stale = computed(() => silence.value > 3 * interval.value);

let source = null;
let retry = 0;

function hashed() {
  try { return new URLSearchParams(location.hash.slice(1)).get('target'); } catch { return null; }
}

const rank = { ok: 0, info: 1, warning: 2, critical: 3 };
const badness = (t) => (t.reachable ? rank[t.verdict] ?? 0 : 4);

async function list() {
  const answer = await fetch('/api/v1/targets', { cache: 'no-store' });
  if (answer.status === 401) location.assign('/login');
  if (!answer.ok) return;
  const body = await answer.json();
  interval.value = body.interval_seconds;
  targets.value = body.targets;
  if (chosen.value === null && body.targets.length > 1)
    chosen.value = [...body.targets].sort((a, b) => badness(b) - badness(a))[0].target;
}

// What is compared or copied stays as it is; the rest is only read.
const exact = new Set(['target', 'sql', 'undo', 'mend']);

// The stream may carry several targets; the page shows one.
const shown = () => chosen.value ?? report.value?.target;

function listen() {
  clearTimeout(retry);
  if (source) source.close();
  source = new EventSource(chosen.value === null ? '/api/v1/events' : `/api/v1/events?${new URLSearchParams({ target: chosen.value })}`);
  source.addEventListener('open', () => { link.value = 'live'; });
  source.addEventListener('report', (event) => {
    const news = JSON.parse(event.data, (key, value) => (typeof value === 'string' && !exact.has(key) ? visible(value) : value));
    if (news.target !== shown() && shown() !== undefined) {
      if (!targets.value.some((t) => t.target === news.target)) list().catch(() => {});
      return;
    }
    report.value = news;
    seen.value = performance.now();
    tick.value = seen.value;
  });
  source.addEventListener('error', () => {
    link.value = 'lost';
    // The browser tries again by itself unless it was refused; then we ask why.
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(() => list().catch(() => {}).then(listen), 3000);
  });
}

export function choose(target) {
  location.hash = new URLSearchParams({ target }).toString();
}

export function start() {
  list().catch(() => {}).then(listen);
  setInterval(() => { tick.value = performance.now(); }, 1000);
  setInterval(() => { if (targets.value.length > 1) list().catch(() => {}); }, 15000);
  addEventListener('hashchange', () => {
    chosen.value = hashed();
    report.value = null;
    seen.value = 0;
    listen();
  });
}
