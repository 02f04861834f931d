// Figures and times as a person reads them. What is not known reads "unknown", never NaN or null.

const known = (v) => v !== null && v !== undefined && Number.isFinite(v);

export function number(v) {
  if (!known(v)) return 'unknown';
  const a = Math.abs(v);
  if (a >= 1e9) return `${(v / 1e9).toFixed(1)} billion`;
  if (a >= 1e6) return `${(v / 1e6).toFixed(1)} million`;
  if (a >= 100) return Math.round(v).toLocaleString('en');
  if (a === 0 || Number.isInteger(v)) return String(v);
  return v.toFixed(a < 1 ? 2 : 1);
}

export const counted = (v, word, many = `${word}s`) => `${number(v)} ${v === 1 ? word : many}`;

export const percent = (v) => (known(v) ? `${v > 0 && v < 0.01 ? '<1' : Math.round(v * 100)} %` : 'unknown');

export function duration(seconds) {
  if (!known(seconds)) return 'unknown';
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 48) return m % 60 && h < 10 ? `${h} h ${m % 60} min` : `${h} h`;
  return `${Math.floor(h / 24)} days`;
}

// Of a call: below a second it is the fraction that matters.
export function brief(seconds) {
  if (!known(seconds)) return 'unknown';
  if (seconds >= 60) return duration(seconds);
  if (seconds >= 1) return `${number(seconds)} s`;
  return seconds >= 0.001 ? `${number(seconds * 1000)} ms` : `${number(seconds * 1e6)} \u00b5s`;
}

export function bytes(v) {
  if (!known(v)) return 'unknown';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (v >= 1024 && i < units.length - 1) { v /= 1024; ++i; }
  return `${number(v)} ${units[i]}`;
}

// "03:14:07 UTC", with the day when it is not that of `now`.
export function clock(rfc3339, now) {
  const day = rfc3339.slice(0, 10);
  const time = rfc3339.slice(11, 19);
  return `${now && now.slice(0, 10) !== day ? `${day} ` : ''}${time} UTC`;
}

export const iso = (unix) => new Date(unix * 1000).toISOString();
export const unix = (rfc3339) => Date.parse(rfc3339) / 1000;
export const seconds = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

export const severity = { ok: 'Healthy', info: 'Note', warning: 'Warning', critical: 'Critical' };

// Marks that turn the direction of a text would show SQL that is not what is copied: they are named instead.
export const visible = (text) => text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\x00-\x08\x0b-\x1f\x7f]/g,
  (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`);

export const line = (text, most = 160) => {
  const one = String(text ?? '').replace(/\s+/g, ' ').trim();
  return one.length > most ? `${one.slice(0, most - 1)}\u2026` : one;
};
