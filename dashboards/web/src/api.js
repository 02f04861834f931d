// One question to the agent. An answer is { doc } or { why }: no panel may break because one is missing.
import { visible } from './words.js';

// What is compared or copied stays as it is; the rest is only read.
const exact = new Set(['target', 'sql', 'undo', 'mend']);
export const legible = (key, value) => (typeof value === 'string' && !exact.has(key) ? visible(value) : value);

export async function ask(name, parameters = {}, asIs = false) {
  const stop = new AbortController();
  const given = Object.entries(parameters).filter(([, v]) => v !== null && v !== undefined);
  try {
    const answer = await fetch(`/api/v1/${name}${given.length ? `?${new URLSearchParams(given)}` : ''}`,
      { cache: 'no-store', headers: { Accept: 'application/json' }, signal: AbortSignal.any ? AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]) : stop.signal });
    if (answer.status === 401) location.assign('/login');
    if (!(answer.headers.get('content-type') ?? '').includes('json')) {
      stop.abort();
      return { why: 'the agent has none', gone: true };
    }
    const text = await answer.text();
    if (!answer.ok) {
      let why = '';
      try { why = visible(String(JSON.parse(text).error ?? '')); } catch { /* the status says enough */ }
      return { why: why || `the agent answers ${answer.status}`, gone: answer.status === 404 };
    }
    return { doc: JSON.parse(text, asIs ? undefined : legible) };
  } catch {
    return { why: 'the agent did not answer' };
  }
}
