// The founding incident as the API tells it: five tables without an index, every request reads them whole.
import { readFileSync } from 'node:fs';
import { course } from './course.mjs';

export const recorded = (name) => JSON.parse(readFileSync(new URL(`../reports/${name}.json`, import.meta.url), 'utf8'));
export const now = '2026-11-18T11:06:40.250Z';
export const newest = Math.floor(Date.parse(now) / 1000);
export const at = (ago) => new Date((newest - ago) * 1000).toISOString();
export const target = 'codeintel@db-1:5432';
const began = '2026-11-17T21:05:40.250Z';

const tables = ['documents', 'references', 'result_chunks', 'definitions', 'metadata'];
const shares = [0.71, 0.13, 0.06, 0.03, 0.01];
const ids = ['-4711009812345678901', '2251799813685249', '-883412', '77120031', '5009'];
const columns = ['dump_id, path', 'dump_id, scheme, identifier', 'dump_id, idx', 'dump_id, scheme, identifier', 'dump_id'];
const text = (n) => `SELECT data FROM lsif_data_${tables[n]}\nWHERE ${columns[n].split(', ').map((c, k) => `${c} = $${k + 1}`).join(' AND ')}`;

export const line = (over = {}) => ({
  target, at: now, version: '15.20', in_recovery: false, reachable: true, verdict: 'ok', act_by: null, partial: false, headline: 'nothing harms this server',
  since: null, load: 0.4, vcpus: 4, cpu_busy: 0.07, connections_used: 21, connections_max: 200, observed_seconds: 86400, alerts: [], ...over,
});
export const targets = (...lines) => ({
  schema: 1, interval_seconds: 10,
  agent: { version: '0.5.0', start_time: at(86400), cpu_seconds: 412.5, resident_bytes: 41943040, loop_lag_seconds: 0.0012, state_degraded: false },
  targets: lines,
});

export function report() {
  const r = recorded('incident');
  const lead = r.incidents[0];
  const [first] = lead.causes;
  lead.causes = tables.map((t, n) => JSON.parse(JSON.stringify(first).replaceAll('lsif_data_documents', `lsif_data_${t}`).replaceAll('dump_id, path', columns[n])))
    .map((c, n) => ({ ...c, load: 41.6 * shares[n], queries: [ids[n]], evidence: n === 0 ? c.evidence : c.evidence.map((e) => (e.what === 'load' ? { ...e, value: `${(41.6 * shares[n]).toFixed(1)} of 41.6 active sessions` } : e)) }));
  return r;
}

const queries = tables.map((t, n) => ({ query_id: ids[n], query: text(n).replace('\n', ' '), database: 'codeintel', user: 'bundle_manager' }));
const writer = { query_id: '900100', query: 'INSERT INTO lsif_data_documents (dump_id, path, data) VALUES ($1, $2, $3)', database: 'codeintel', user: 'loader' };

// Calm until `since`, then the pile-up; `calm` is for when it is over or was never there.
export const load = ({ seconds = 900, step = 1, since = -Infinity, over = Infinity } = {}) => course({ newest, seconds, step, target, queries: [...queries, writer], since, over,
  shares, tables: tables.map((t) => `public.lsif_data_${t}`), application: ['lsif-server', 'bundle-manager', 'loader', 'dashboard'] });

// The first is named in the configuration.
const planId = (n) => (n === 0 ? 'config:hover' : ids[n]);

export const hot = (over = {}) => ({
  schema: 1, target, at: now, window_seconds: 60,
  queries: tables.map((t, n) => ({
    query_id: ids[n], query: text(n), truncated: false, name: n === 0 ? 'hover' : null, database: 'codeintel', user: 'bundle_manager', application: 'lsif-server',
    sessions: 41.6 * shares[n], share: shares[n], blocked: 0, oldest_seconds: 9.8 - n, calls_per_second: n < 2 ? 3.6 / (n + 1) : null, mean_seconds: n < 2 ? 9.94 - n : null,
    rows_per_call: n < 2 ? 1 : null, read_bytes_per_second: n < 2 ? 5.4e8 : null, temp_bytes_per_second: n < 2 ? 0 : null,
    plan: n < 4 ? 'harmful' : null, plan_id: n < 4 ? planId(n) : null, reason: n < 4 ? 'reads 1.9 million rows to return 1: no index can serve the filter' : 'the role may not read the table', refused: n < 4 ? null : 'permission',
    cure: n < 4 ? `index on public.lsif_data_${t} (${columns[n]})` : null, cost: n < 4 ? 964213.55 / (n + 1) : null, plan_changes: n === 0 ? 1 : 0, plan_changed_at: n === 0 ? began : null,
  })).concat({
    query_id: writer.query_id, query: writer.query, truncated: false, name: null, database: 'codeintel', user: 'loader', application: 'loader', sessions: 1.2, share: 0.03, blocked: 0,
    oldest_seconds: 0.4, calls_per_second: 212.4, mean_seconds: 0.0051, rows_per_call: 1, read_bytes_per_second: 0, temp_bytes_per_second: 0, plan: 'rightful', plan_id: writer.query_id,
    reason: 'inserts rows, reads nothing', refused: null, cure: null, cost: 0.01, plan_changes: 0, plan_changed_at: null,
  }), ...over,
});

export const plans = () => ({
  schema: 1, target, at: at(12),
  plans: [{
    query_id: planId(0), database: 'codeintel', name: 'hover', query: text(0), source: 'generic', rewritten: null, verdict: 'harmful', shape: '5be1c0', cost: 964213.55, changed_at: began, before_cost: 8.57,
    before_reads: ['lsif_data_documents by index lsif_data_documents_pkey'], reads: ['lsif_data_documents whole, in parallel'],
    nodes: [
      { number: 0, depth: 0, title: 'Nested Loop', rows: 1, cost: 964213.55, details: [], verdict: null, confidence: null, reason: null },
      { number: 1, depth: 1, title: 'Index Scan using lsif_dumps_pkey on public.lsif_dumps', rows: 1, cost: 8.3, details: [['index condition', '(id = $1)']], verdict: 'rightful', confidence: 'high', reason: 'one row by its key' },
      { number: 2, depth: 1, title: 'Gather', rows: 1, cost: 964205.1, details: [], verdict: null, confidence: null, reason: null },
      { number: 3, depth: 2, title: 'Parallel Seq Scan on public.lsif_data_documents', rows: 1, cost: 963205, details: [['filter', '((dump_id = $1) AND (path = $2))']], verdict: 'harmful', confidence: 'high', reason: 'reads 5.5 GB to return 1 row; no index begins with dump_id or path' },
    ],
  }],
});

const session = (pid, over) => ({ application: 'lsif-server', user: 'bundle_manager', database: 'codeintel', state: 'active', query_id: ids[0], query: text(0).replace('\n', ' '), ...over });
export const activity = (over = {}) => ({
  schema: 1, target, at: now,
  connections: {
    used: 178, max: 197, full_in_seconds: 127,
    states: [{ state: 'active', count: 42 }, { state: 'idle', count: 121 }, { state: 'idle in transaction', count: 15 }],
    holders: [
      { application: 'lsif-server', user: 'bundle_manager', database: 'codeintel', client: '10.4.0.17', count: 96, idle: 51, idle_in_transaction: 3, max_transaction_seconds: 9.9 },
      { application: 'bundle-manager', user: 'bundle_manager', database: 'codeintel', client: '10.4.0.18', count: 61, idle: 52, idle_in_transaction: 12, max_transaction_seconds: 841 },
      { application: 'loader', user: 'loader', database: 'codeintel', client: '10.4.0.30', count: 16, idle: 14, idle_in_transaction: 0, max_transaction_seconds: 0.4 },
      { application: '', user: 'postgres', database: 'postgres', client: '', count: 5, idle: 4, idle_in_transaction: 0, max_transaction_seconds: null },
    ],
  },
  blocking: [{
    pid: 4021, waiting: 3, longest_seconds: 48.2, held_seconds: 49.1, tables: ['public.lsif_data_metadata'], session: session(4021, { state: 'idle in transaction', application: 'bundle-manager', query_id: ids[4], query: 'UPDATE lsif_data_metadata SET num_result_chunks = $1 WHERE dump_id = $2' }),
    waiters: [
      { pid: 4100, behind: 4021, depth: 1, wait: 'Lock:transactionid', waited_seconds: 48.2, ...session(4100, { query: 'UPDATE lsif_data_metadata SET num_result_chunks = $1 WHERE dump_id = $2' }) },
      { pid: 4117, behind: 4021, depth: 1, wait: 'Lock:tuple', waited_seconds: 20.5, ...session(4117, { application: 'loader', user: 'loader' }) },
      { pid: 4130, behind: 4100, depth: 2, wait: 'Lock:relation', waited_seconds: 7.1, ...session(4130, { application: 'psql', query_id: '', query: 'ALTER TABLE lsif_data_metadata ADD COLUMN note text' }) },
    ],
  }],
  temp_files: { bytes: 912680550, limit_bytes: 1073741824, processes: [{ pid: 4300, bytes: 838860800, files: 4, query_id: '', query: 'CREATE UNIQUE INDEX CONCURRENTLY ON lsif_data_references (dump_id, scheme, identifier)' }, { pid: 4301, bytes: 73819750, files: 1, query_id: ids[1], query: text(1).replace('\n', ' ') }] },
  cpu: { busy: 0.96, source: 'cgroup', vcpus: 4 }, ...over,
});

export const progress = () => ({
  schema: 1, target, at: now,
  operations: [
    { kind: 'migration', pid: null, database: 'codeintel', object: 'lsif to scip', phase: '', done: 0.34, running_seconds: null, left_seconds: 7200, waits_for: null },
    { kind: 'migration', pid: null, database: 'codeintel', object: 'repack uploads', phase: 'stands still', done: 0.9, running_seconds: null, left_seconds: null, waits_for: null },
    { kind: 'CREATE INDEX CONCURRENTLY', pid: 4300, database: 'codeintel', object: 'public.lsif_data_references', phase: 'building index: scanning table', done: 0.62, running_seconds: 204, left_seconds: 125, waits_for: null },
    { kind: 'VACUUM', pid: 880, database: 'codeintel', object: 'public.lsif_uploads', phase: 'scanning heap', done: 0.11, running_seconds: 61, left_seconds: 493, waits_for: null },
    { kind: 'CREATE INDEX CONCURRENTLY', pid: 4310, database: 'codeintel', object: 'public.lsif_data_definitions', phase: 'waiting for old snapshots', done: null, running_seconds: 33, left_seconds: null, waits_for: 4021 },
  ],
});

const event = (at_, kind, over) => ({ at: at_, kind, check: '', severity: 'info', object: '', database: '', sentence: '', started: at_, key: '', ...over });
export const events = (more = []) => ({
  schema: 1, target,
  events: [
    event('2026-11-17T20:58:02Z', 'deploy', { sentence: 'lsif-server 3.41.0' }),
    event('2026-11-17T21:02:11Z', 'event', { check: 'schema_changed', severity: 'info', object: 'public.lsif_data_documents', database: 'codeintel', sentence: 'table public.lsif_data_documents is new' }),
    event('2026-11-17T21:06:10Z', 'firing', { check: 'unindexed_table', severity: 'critical', object: 'public.lsif_data_documents', database: 'codeintel', sentence: 'public.lsif_data_documents has no index; every look-up reads all of it', started: began, key: 'unindexed_table/public.lsif_data_documents' }),
    event(at(620), 'event', { check: 'settings_changed', severity: 'warning', object: 'temp_file_limit', sentence: 'temp_file_limit went from -1 to 1GB' }),
    event(at(240), 'deploy', { sentence: 'lsif-server 3.41.1' }),
    ...more,
  ],
});
