// A made course of DB load: calm, then a pile-up with a wave in it. The same numbers every time.
function noise(seed) {
  let s = seed;
  return () => { s = (s * 1664525 + 1013904223) % 4294967296; return s / 4294967296; };
}

export function course({ newest, seconds, step, target, queries, since, over, shares, tables, application }) {
  const random = noise(7);
  const points = [];
  const r = (v) => Math.round(v * 100) / 100;
  for (let at = Math.floor((newest - seconds) / step) * step + step; at <= newest; at += step) {
    const bad = at >= since && at <= over;
    const active = bad ? 38 + 4 * Math.sin(at / (step * 60)) + 5 * random() : 0.2 + 0.6 * random();
    const by = bad ? [0.93, 0.01, 0.045, 0.012, 0.003] : [0.8, 0, 0.15, 0.05, 0];
    const minutes = step >= 60;
    points.push({
      at, active: r(active), by: by.map((f) => r(f * active)),
      query: queries.map((_, n) => [n, r(active * (shares[n] ?? 0.03 / (n - shares.length + 1)))]).filter(([, v]) => v > 0).sort((a, b) => b[1] - a[1]),
      wait: [['CPU', r(by[0] * active)], ['IO:DataFileRead', r(by[2] * active)], ['Lock:transactionid', r(by[1] * active)]].filter(([, v]) => v > 0),
      application: application.map((a, n) => [a, r(active * [0.78, 0.17, 0.04, 0.01][n])]),
      user: [['bundle_manager', r(active * 0.95)], ['loader', r(active * 0.05)]],
      table: tables.map((t, n) => [t, r(active * shares[n])]).filter(([, v]) => v > 0),
      verdict: minutes ? (bad ? 'critical' : 'ok') : null, reachable: minutes ? true : null,
      connections: minutes ? (bad ? 170 : 21) : null, connections_max: minutes ? 197 : null, cpu: minutes ? (bad ? 0.96 : 0.07) : null,
    });
  }
  return { schema: 1, target, resolution_seconds: step, vcpus: 4, waits: ['cpu', 'lock', 'io', 'client', 'other'], queries, points };
}
