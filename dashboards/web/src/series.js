// Load points to what is drawn and listed. Pure: points in, figures out.

export const dimensions = [['by', 'Wait'], ['query', 'Query'], ['application', 'Application'], ['user', 'User'], ['table', 'Table'], ['wait', 'Wait event']];
export const waitWords = { cpu: 'on CPU', lock: 'waiting for a lock', io: 'waiting for I/O', client: 'waiting for the client', other: 'other waits' };
export const rest = '\u0000rest';  // the layer of what is in no other

// First position at or after `at`; points are in the order of their times.
export function position(points, at) {
  let low = 0, high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at < at) low = middle + 1; else high = middle;
  }
  return low;
}

export function slice(points, from, until) {
  return points.slice(position(points, from), position(points, until + 0.001));
}

// Sessions by name over these points, on average: [[name, sessions]], the largest first.
export function totals(points, dimension, waits) {
  const sums = new Map();
  for (const p of points) {
    if (dimension === 'by') waits.forEach((w, n) => sums.set(w, (sums.get(w) ?? 0) + (p.by[n] ?? 0)));
    else for (const [name, v] of p[dimension] ?? []) sums.set(name, (sums.get(name) ?? 0) + v);
  }
  return [...sums].map(([name, v]) => [name, v / (points.length || 1)]).sort((a, b) => b[1] - a[1]);
}

const value = (p, dimension, waits, name) => {
  if (dimension === 'by') return p.by[waits.indexOf(name)] ?? 0;
  for (const [n, v] of p[dimension] ?? []) if (n === name) return v;
  return 0;
};

// The times, and for each layer the sum of it and all below. A hole in time is null everywhere: not seen is not zero.
export function stack(points, dimension, waits, layers, step) {
  const times = [];
  const sums = layers.map(() => []);
  let last = null;
  for (const p of points) {
    if (last !== null && p.at - last > 3.5 * step) {
      times.push(last + step);
      for (const s of sums) s.push(null);
    }
    last = p.at;
    times.push(p.at);
    let sum = 0;
    for (let n = 0; n < layers.length; ++n) {
      sum = layers[n] === rest ? Math.max(sum, p.active) : sum + value(p, dimension, waits, layers[n]);
      sums[n].push(p.reachable === false ? null : sum);
    }
  }
  return [times, sums];
}

export function summary(points, waits) {
  let sum = 0, most = 0, mostAt = null;
  for (const p of points) {
    sum += p.active;
    if (p.active > most || mostAt === null) { most = p.active; mostAt = p.at; }
  }
  const [top] = totals(points, 'by', waits);
  return { count: points.length, mean: sum / (points.length || 1), most, mostAt, top: top && top[1] > 0 ? top : null };
}

// For each query its sessions over time, in so many steps. One pass over all points.
export function courses(points, from, until, steps) {
  const all = new Map();
  const counts = new Uint32Array(steps);
  const scale = steps / Math.max(until - from, 1);
  for (const p of points) {
    const at = Math.floor((p.at - from) * scale);
    const n = at === steps ? steps - 1 : at;
    if (n < 0 || n >= steps) continue;
    ++counts[n];
    for (const [id, v] of p.query) {
      let course = all.get(id);
      if (!course) all.set(id, course = new Float64Array(steps));
      course[n] += v;
    }
  }
  for (const course of all.values()) for (let n = 0; n < steps; ++n) course[n] = counts[n] ? course[n] / counts[n] : NaN;
  return all;
}

// A minute (or what is averaged over) of samples as the history would keep it; null without any.
export function fold(samples, begin, step) {
  const part = slice(samples, begin, begin + step - 0.01);
  if (part.length === 0) return null;
  const mean = (dimension) => totals(part, dimension, []).slice(0, 20);
  return {
    at: begin, active: part.reduce((s, p) => s + p.active, 0) / part.length,
    by: part[0].by.map((_, n) => part.reduce((s, p) => s + (p.by[n] ?? 0), 0) / part.length),
    query: mean('query'), wait: mean('wait'), application: mean('application'), user: mean('user'), table: mean('table'),
    verdict: null, reachable: null, connections: null, connections_max: null, cpu: null,
  };
}
