// Figures and times as a person reads them.

export function number(v) {
  if (v === null || v === undefined || !Number.isFinite(v)) return 'unknown';
  const a = Math.abs(v);
  if (a >= 100) return Math.round(v).toLocaleString('en');
  if (a === 0 || Number.isInteger(v)) return String(v);
  return v.toFixed(a < 1 ? 2 : 1);
}

export const percent = (v) => (Number.isFinite(v) ? `${Math.round(v * 100)} %` : 'unknown');

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 48) return m % 60 && h < 10 ? `${h} h ${m % 60} min` : `${h} h`;
  return `${Math.floor(h / 24)} days`;
}

export function bytes(v) {
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

export const seconds = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

export const severity = { ok: 'Healthy', info: 'Note', warning: 'Warning', critical: 'Critical' };

// Marks that turn the direction of a text would show SQL that is not what is copied: they are named instead.
export const visible = (text) => text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\x00-\x08\x0b-\x1f\x7f]/g,
  (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`);
