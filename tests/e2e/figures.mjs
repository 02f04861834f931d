// The pure parts of the page: figures as a person reads them, sums over points.
import assert from 'node:assert/strict';
import { courses, fold, position, slice, stack, summary, totals } from '../../dashboards/web/src/series.js';
import { brief, bytes, clock, duration, number, percent, visible } from '../../dashboards/web/src/words.js';

const waits = ['cpu', 'lock'];
const point = (at, active, by, query = [], more = {}) => ({ at, active, by, query, wait: [], application: [], user: [], table: [], reachable: null, ...more });

export const figures = {
  'figures read as a person says them'() {
    for (const say of [number, percent, duration, brief, bytes]) for (const v of [null, undefined, NaN, Infinity]) assert.equal(say(v), 'unknown');
    assert.deepEqual([0, 0.4, 41.62, 964213.5, 1.9e6].map(number), ['0', '0.40', '41.6', '964,214', '1.9 million']);
    assert.deepEqual([0, 0.004, 0.96].map(percent), ['0 %', '<1 %', '96 %']);
    assert.deepEqual([42, 127, 50460, 1e6].map(duration), ['42 s', '2 min', '14 h', '11 days']);
    assert.deepEqual([9.94, 0.0051, 0.00002, 300].map(brief), ['9.9 s', '5.1 ms', '20 \u00b5s', '5 min']);
    assert.equal(bytes(1073741824), '1 GB');
    assert.equal(clock('2026-11-17T21:05:40Z', '2026-11-18T00:00:00Z'), '2026-11-17 21:05:40 UTC');
    assert.equal(visible('a\u202eb\u0007\n'), 'a\u27e8U+202E\u27e9b\u27e8U+0007\u27e9\n');
  },

  'points are cut, summed and stacked'() {
    const all = [point(10, 1, [1, 0], [['a', 1]]), point(11, 3, [1, 2], [['a', 2], ['b', 1]]), point(20, 2, [2, 0], [['b', 2]])];
    assert.deepEqual([position(all, 0), position(all, 11), position(all, 99)], [0, 1, 3]);
    assert.equal(slice(all, 10, 11).length, 2);
    assert.deepEqual(totals(all, 'query', waits), [['a', 1], ['b', 1]]);
    assert.deepEqual(totals(all, 'by', waits).map(([n]) => n), ['cpu', 'lock']);
    assert.deepEqual(summary(all, waits), { count: 3, mean: 2, most: 3, mostAt: 11, top: ['cpu', 4 / 3] });
    // Nine seconds without a sample are a hole, not a line.
    assert.deepEqual(stack(all, 'by', waits, waits, 1), [[10, 11, 12, 20], [[1, 1, null, 2], [1, 3, null, 2]]]);
    assert.deepEqual(stack([point(10, 1, [1, 0], [], { reachable: false })], 'by', waits, waits, 60)[1], [[null], [null]]);
    assert.deepEqual([...courses(all, 10, 20, 2).get('a')], [1.5, 0]);
    assert.equal(fold(all, 0, 60).active, 2);
    assert.equal(fold(all, 60, 60), null);
    assert.equal(summary([], waits).top, null);
  },
};
