/** The address, the scale, and where lanes stand. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { anchorOf, laneAt, layoutOf, packRows } from '../../viewer/lib/layout.ts';
import { around, clampRange, flightAt, RANGE_MIN, scaleOf, zoomRange } from '../../viewer/lib/scale.ts';
import { EMPTY_VIEW, fromHash, TABS, toHash, type ViewState } from '../../viewer/lib/url.ts';

const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((text) => text.trim() === text);
const views: fc.Arbitrary<ViewState> = fc.record({
  range: fc.option(
    fc.tuple(fc.nat(1e9), fc.integer({ min: 1, max: 1e9 })).map(([from, length]) => ({ from, to: from + length })),
  ),
  event: fc.option(fc.nat(1e6)),
  target: fc.option(fc.nat(1e6)),
  tab: fc.constantFrom(...TABS),
  election: fc.option(fc.nat(99)),
  server: fc.option(fc.nat(15)),
  beside: fc.option(fc.record({ server: fc.nat(15), event: fc.nat(1e6) })),
  field: fc.option(word),
  violation: fc.option(fc.nat(16)),
  hidden: fc.uniqueArray(fc.constantFrom('ping', 'ack', 'client'), { maxLength: 3 }),
  axis: fc.constantFrom('time', 'order'),
  query: fc.oneof(fc.constant(''), word),
  source: fc.option(word),
});

describe('the address', () => {
  test.prop([views], { numRuns: 300 })('holds everything that is looked at', (view) => {
    expect(fromHash(toHash(view))).toEqual(view);
  });

  it('is readable, and empty when nothing is selected', () => {
    expect(toHash(EMPTY_VIEW)).toBe('');
    const view = {
      ...EMPTY_VIEW,
      range: { from: 4_950_000, to: 5_260_000 },
      query: 'kind:ACK server:2',
      source: 'seed:42',
    };
    expect(toHash(view)).toBe('#src=seed:42&t=4950000-5260000&q=kind:ACK+server:2');
  });

  test.prop([fc.string()])('any text is an address', (text) => {
    expect(() => fromHash(text)).not.toThrow();
  });

  it('passes over what it does not understand', () => {
    expect(fromHash('#t=9-3&e=x&tab=nowhere&axis=sideways&new=1&%E0%A4%A=2')).toEqual(EMPTY_VIEW);
  });
});

describe('the scale', () => {
  const whole = { from: 0, to: 26_692_000 };
  const ranges = fc
    .tuple(fc.double({ min: -1e8, max: 1e8, noNaN: true }), fc.double({ min: 0, max: 1e8, noNaN: true }))
    .map(([from, length]) => ({ from, to: from + length }));

  test.prop([ranges])('never shows what is not there', (range) => {
    const { from, to } = clampRange(range, whole);
    expect(from).toBeGreaterThanOrEqual(whole.from);
    expect(to).toBeLessThanOrEqual(whole.to + 1e-6);
    expect(to - from).toBeGreaterThanOrEqual(RANGE_MIN - 1e-6);
  });

  it('zooming keeps the point around which one zooms', () => {
    const range = { from: 1000, to: 5000 };
    const at = 1800;
    const before = scaleOf(range, 900).x(at);
    const after = scaleOf(zoomRange(range, 0.5, at), 900).x(at);
    expect(after).toBeCloseTo(before, 9);
  });

  it('x and t undo each other', () => {
    const scale = scaleOf({ from: 5_000_000, to: 5_000_050 }, 1270);
    for (const t of [5_000_000, 5_000_017, 5_000_050]) expect(scale.t(scale.x(t))).toBeCloseTo(t, 6);
  });

  it('a flight begins and ends where it should', () => {
    const [a, b] = [{ from: 0, to: 1e7 }, around(4e6, 4.001e6)];
    const first = flightAt(a, b, 0);
    expect(first.from).toBeCloseTo(a.from, 3);
    expect(first.to).toBeCloseTo(a.to, 3);
    expect(flightAt(a, b, 1)).toEqual(b);
    for (let p = 0; p <= 1; p += 0.1) {
      const { from, to } = flightAt(a, b, p);
      expect(from).toBeLessThan(4.0005e6);
      expect(to).toBeGreaterThan(4.0005e6);
    }
  });
});

describe('lanes', () => {
  const hosts = [1, 2, 3, 1001, 1002].map((host) => ({
    host,
    kind: host < 1000 ? ('server' as const) : ('client' as const),
  }));

  it.each([
    [500, 12.5],
    [700, 12.5],
    [2000, 15],
  ])('%d px high, %d px letters: no lane lies on another, and rows lie inside', (height, unit) => {
    const layout = layoutOf(hosts, height, unit, 2);
    let bottom = layout.faults.top + layout.faults.height;
    for (const lane of layout.lanes) {
      expect(lane.top).toBeGreaterThanOrEqual(bottom);
      bottom = lane.top + lane.height;
      for (const row of lane.kind === 'server' ? [lane.band, lane.zxid, lane.disk, lane.traffic] : [lane.band]) {
        expect(row.top).toBeGreaterThanOrEqual(lane.top);
        expect(row.top + row.height).toBeLessThanOrEqual(bottom);
        expect(row.height).toBeGreaterThan(2);
      }
      expect(laneAt(layout, anchorOf(lane))).toBe(lane);
    }
    expect(laneAt(layout, 0)).toBeNull();
  });

  it('fill a high window, up to a size', () => {
    const low = layoutOf(hosts, 300, 12.5);
    const high = layoutOf(hosts, 1000, 12.5);
    expect(high.lanes[0]!.height).toBeGreaterThan(low.lanes[0]!.height);
    expect(layoutOf(hosts, 9000, 12.5).lanes[0]!.height).toBeLessThan(200);
  });
});

const spans = fc
  .array(fc.tuple(fc.nat(1000), fc.nat(100)), { maxLength: 40 })
  .map((pairs) => pairs.map(([from, length]) => ({ from, to: from + length })).sort((a, b) => a.from - b.from));

test.prop([spans])('packed spans of one row do not overlap, and rows are not wasted', (given) => {
  const rows = packRows(given, 1000);
  given.forEach((span, i) => {
    given.forEach((other, j) => {
      if (i < j && rows[i] === rows[j]) expect(other.from).toBeGreaterThanOrEqual(span.to);
    });
  });
  const deepest = Math.max(
    0,
    ...given.map(({ from }) => given.filter((span) => span.from <= from && span.to > from).length),
  );
  expect(Math.max(-1, ...rows) + 1).toBeLessThanOrEqual(Math.max(1, deepest) + (given.length === 0 ? 0 : 1));
});
