// What the watching costs: the database first, then this machine.
import { html } from 'htm/preact';
import { agent } from './live.js';
import { bytes, counted, duration, number } from './words.js';

export function Cost({ report }) {
  const c = report.cost;
  const share = c.seconds > 0 ? `${(100 * c.db_seconds / c.seconds).toFixed(2)} % of one core at most, ` : '';
  const a = agent.value;
  const age = a ? (Date.parse(report.at) - Date.parse(a.start_time)) / 1000 : 0;
  return html`<p>pgvigil itself uses ${share}${counted(c.connections, 'connection')}${c.seconds > 0 ? `, ${number(c.statements / c.seconds)} statements/s, ${bytes(c.bytes / c.seconds)}/s` : ''} of the database.
    ${a && html` Agent ${a.version}${age > 0 ? `, up ${duration(age)}, ${((100 * a.cpu_seconds) / age).toFixed(2)} % of one core` : ''}${Number.isFinite(a.resident_bytes) ? `, ${bytes(a.resident_bytes)} of memory` : ''}${Number.isFinite(a.loop_lag_seconds) ? `, lag ${number(a.loop_lag_seconds * 1000)} ms` : ''}.`}
    ${a?.state_degraded === true && html` <strong>Its history cannot be written; it goes on in memory.</strong>`}</p>`;
}
