// Every state of the page as the documents of the API: `node tests/e2e/states/index.mjs DIR` writes them to DIR/NAME/.
import { mkdirSync, writeFileSync } from 'node:fs';
import { activity, at, events, hot, line, load, newest, now, plans, progress, recorded, report, target, targets } from './founding.mjs';
import { hostile } from './hostile.mjs';
import { unknown } from './obeys.mjs';

const idle = () => ({
  schema: 1, target, at: now,
  connections: { used: 21, max: 197, full_in_seconds: null, states: [{ state: 'active', count: 1 }, { state: 'idle', count: 20 }], holders: [{ application: 'lsif-server', user: 'bundle_manager', database: 'codeintel', client: '10.4.0.17', count: 18, idle: 17, idle_in_transaction: 0, max_transaction_seconds: 0.1 }] },
  blocking: [], temp_files: { bytes: 0, limit_bytes: null, processes: [] }, cpu: { busy: 0.07, source: 'host', vcpus: 4 },
});
const quiet = { schema: 1, target, at: now, operations: [] };
const none = { schema: 1, target, at: now, window_seconds: 60, queries: [] };
const lead = { check: 'unindexed_table', object: 'public.lsif_data_documents', severity: 'critical', since: '2026-11-17T21:05:40.250Z', sentence: 'public.lsif_data_documents has no index; every look-up reads all of it' };
const sick = (over) => line({ verdict: 'critical', act_by: 'now', partial: true, headline: '5 tables have no index; every request reads them whole', since: lead.since, load: 41.6, cpu_busy: 0.96, connections_used: 178, connections_max: 197, alerts: [{ ...lead, state: 'firing' }], ...over });

const calm = (over) => ({
  report: recorded('healthy'), targets: targets(line()), load: load({ since: Infinity }), queries: none, plans: { schema: 1, target, at: at(20), plans: [] },
  activity: idle(), progress: quiet, events: { schema: 1, target, events: [] }, ...over,
});
const incident = (over) => ({ report: report(), targets: targets(sick()), load: load(), queries: hot(), plans: plans(), activity: activity(), progress: progress(), events: events(), ...over });
const after = (r, seconds) => ({ ...r, at: new Date(Date.parse(r.at) + seconds * 1000).toISOString() });

function later() {
  const all = incident();
  const [last] = all.load.points.slice(-1);
  all.load = { ...all.load, points: [{ ...last, at: last.at + 1, active: 60, by: [58, 0, 2, 0, 0] }] };
  return { ...all, report: after(all.report, 1) };
}

function blind() {
  const r = recorded('healthy');
  r.partial = true;
  r.reason = 'load is 0.4 on 4 vCPUs; statements of other roles and plans could not be seen';
  r.blind_spots = [
    { what: 'statements of other roles', why: 'the role is not in pg_monitor: 14 sessions hidden', mend: 'GRANT pg_monitor TO pgvigil;', checks: ['seq_scan_hot_query', 'lock_waits'] },
    { what: 'plans of queries', why: 'EXPLAIN is refused on tables that the role cannot read', mend: 'GRANT pg_read_all_data TO pgvigil;', checks: ['seq_scan_hot_query'] },
    { what: 'queries that finish', why: 'pg_stat_statements is not installed in codeintel', mend: "set shared_preload_libraries = 'pg_stat_statements', restart, then CREATE EXTENSION pg_stat_statements", checks: ['query_regressed'] },
  ];
  r.posture = [{
    check: 'agent_blind', role: 'advice', severity: 'warning', act_by: 'today', object: { kind: 'server', name: '', database: '' }, sentence: 'pgvigil cannot see the statements of other roles and 2 more things', confidence: 'high', basis: 'the server says so',
    load: 0, since: null, evidence: [{ what: 'statements of other roles', value: '14 sessions hidden' }], remedies: [], tables: [], queries: [], sessions: [],
  }];
  const a = idle();
  a.temp_files = { bytes: null, limit_bytes: null, processes: [] };
  a.connections.holders = [];
  return calm({ report: r, targets: targets(line({ partial: true })), activity: a });
}

const away = { ...recorded('unreachable') };
const fleetLines = (many) => Array.from({ length: many }, (_, n) => line({ target: `shop@db-${n + 2}:5432`, load: 0.2 + (n % 7) / 10 }));

export const states = {
  healthy: () => calm(),
  incident: () => incident(),
  later,
  resolving: () => calm({
    targets: targets(line({ alerts: [{ ...lead, state: 'resolving' }] })), load: load({ over: newest - 200 }), queries: hot({ queries: [] }),
    events: events([{ at: at(195), kind: 'event', check: 'schema_changed', severity: 'info', object: 'public.lsif_data_documents_dump_id_path_idx', database: 'codeintel', sentence: 'index public.lsif_data_documents_dump_id_path_idx is new', started: at(200), key: '' }]),
  }),
  unreachable: () => ({ report: away, targets: targets(line({ reachable: false, verdict: 'critical', act_by: 'now', headline: away.headline, since: at(42), load: 0, vcpus: null, cpu_busy: null, connections_used: null, connections_max: null, version: null })), load: load({ since: Infinity }), events: events() }),
  blind,
  first_minute: () => calm({ targets: targets(line({ observed_seconds: 20 })), load: { ...load({ since: Infinity, seconds: 20 }) } }),
  hostile,
  fleet: () => incident({ targets: targets(line({ target: 'billing@db-9:5432' }), line({ target: 'search@db-7:5432', verdict: 'warning', act_by: 'today', headline: 'connections grow by 9 a minute', since: at(900), load: 2.4 }), sick(), line({ target: 'mail@db-3:5432', reachable: false, verdict: 'critical', act_by: 'now', headline: 'db-3:5432 does not answer: connection refused', since: at(42), load: 0, vcpus: null, cpu_busy: null }), line({ target: 'shop@db-2:5432' })) }),
  thousand: () => incident({ targets: targets(...fleetLines(999), sick()) }),
  day: () => incident({ load: load({ seconds: 86400, step: 60, since: newest - 50460 }) }),
  nulls: () => Object.fromEntries(Object.entries(incident()).map(([name, body]) => [name, unknown(name, body)])),
  lean: () => ({ report: report(), targets: targets(sick()) }),
  bare: () => ({ report: report() }),
};

export function write(name, dir) {
  mkdirSync(dir, { recursive: true });
  for (const [document, body] of Object.entries(states[name]())) writeFileSync(`${dir}/${document}.json`, JSON.stringify(body, null, 1));
  return dir;
}

if (process.argv[1] === new URL(import.meta.url).pathname) for (const name of Object.keys(states)) write(name, `${process.argv[2]}/${name}`);
