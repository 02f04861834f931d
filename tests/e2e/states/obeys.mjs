// Are the documents of a state what docs/api.md says? Reads its tables: every field listed, with its type, and none besides.
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');

export function tables() {
  const all = {};
  for (const part of text.split('\n## ').slice(1)) {
    const rows = [...part.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm)].map(([, field, type]) => ({ field, type: type.trim() }));
    all[part.split('\n')[0]] = rows.filter((r) => r.field !== 'schema' || r.type === 'number');
  }
  return all;
}

function is(value, type) {
  if (type.endsWith('?')) return value === null || is(value, type.slice(0, -1));
  if (type === '') return true;
  if (type === 'time') return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value);
  if (type === 'bool') return typeof value === 'boolean';
  if (type.startsWith('[')) { const [a, b] = type.slice(1, -1).split(', '); return Array.isArray(value) && value.length === 2 && is(value[0], a) && is(value[1], b); }
  return type === 'number' ? Number.isFinite(value) : type === 'object' ? typeof value === 'object' : typeof value === type;
}

// Complaints; empty when all is as it should be.
export function complaints(document, body) {
  const rows = tables()[document];
  const bad = [];
  const seen = new Set();
  const names = new Set(rows.map((r) => r.field));
  const walk = (value, path) => {
    seen.add(path);
    const row = rows.find((r) => r.field === path);
    if (row && !is(value, row.type)) bad.push(`${document}: ${path} is ${JSON.stringify(value)?.slice(0, 60)}, not ${row.type}`);
    const known = [...names].some((n) => n === path || n.startsWith(`${path}.`) || n.startsWith(`${path}[`));
    if (!known && path) bad.push(`${document}: ${path} is not in docs/api.md`);
    if (row?.type.startsWith('[') || value === null || typeof value !== 'object') return;
    if (Array.isArray(value)) for (const v of value) walk(v, `${path}[]`);
    else if (path !== 'blocking[].session') for (const [k, v] of Object.entries(value)) walk(v, path ? `${path}.${k}` : k);
  };
  walk(body, '');
  const parents = (f) => f.replace(/(\.[^.]*|\[\])$/, '');
  for (const { field } of rows) if (!field.includes('*') && !seen.has(field) && seen.has(parents(field)) && parents(field) !== field.replace('[]', '')) bad.push(`${document}: ${field} is missing`);
  return [...new Set(bad)];
}

// The same document with nothing in it that could be unknown.
export function unknown(document, body) {
  const all = structuredClone(body);
  const empty = (value, [head, ...more]) => {
    const list = head.endsWith('[]'), name = list ? head.slice(0, -2) : head;
    if (value === null || typeof value !== 'object') return;
    if (more.length === 0) { if (!list) value[name] = null; return; }
    for (const v of list ? value[name] ?? [] : [value[name]]) empty(v, more);
  };
  for (const { field, type } of tables()[document] ?? []) if (type.endsWith('?') && !field.includes('*')) empty(all, field.split('.'));
  return all;
}
