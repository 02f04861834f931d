// Names as a hostile or careless owner gives them, in every field that a name can reach.
import { activity, events, hot, line, load, plans, progress, recorded, targets } from './founding.mjs';

const names = [
  '"<script>alert(1)</script>"', '<img src=x onerror=alert(2)>', '\'; DROP TABLE students; -- "', 'two\nlines\tand \u0007 a bell', 'right \u202eto left\u202c', '\u05e9\u05dc\u05d5\u05dd \u0639\u0631\u0628\u064a',
  '\u{1F980}'.repeat(63), 'x'.repeat(63), '{{constructor.constructor("alert(4)")()}}', '</script><script>alert(3)</script>', 'javascript:alert(5)', '&lt;b&gt; & <b>',
];
export const target = recorded('hostile').target;

// Every string that a person could have chosen becomes one of the names; words that the API fixes stay.
const fixed = new Set(['at', 'since', 'started', 'kind', 'severity', 'state', 'verdict', 'plan', 'source', 'confidence', 'act_by', 'version', 'start_time', 'plan_changed_at', 'changed_at', 'query_id', 'plan_id', 'target', 'waits', 'shape', 'refused', 'key', 'mend']);
function spoil(value, key = '', next = { n: 0 }) {
  if (Array.isArray(value)) return value.map((v) => spoil(v, key, next));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, spoil(v, k, next)]));
  if (typeof value !== 'string' || fixed.has(key)) return value;
  return names[next.n++ % names.length];
}
const own = (d) => ({ ...spoil(d), target });

export function hostile() {
  const l = load();
  const states = activity().connections.states;
  const a = own(activity());
  a.connections.states = states;
  return {
    report: recorded('hostile'), targets: targets(line({ target, verdict: 'critical', act_by: 'now', partial: true, headline: recorded('hostile').headline, since: recorded('hostile').incidents[0].since })),
    load: { ...l, target, queries: spoil(l.queries), points: l.points.map((p) => ({ ...p, wait: spoil(p.wait), application: spoil(p.application), user: spoil(p.user), table: spoil(p.table) })) },
    queries: own(hot()), plans: own(plans()), activity: a, progress: own(progress()), events: own(events()),
  };
}
