/** Times in words and on an axis. */

import { describe, expect, it } from 'vitest';
import { duration, instant, instantMs, parseTime, stepOf, ticks, zxidText } from '../../viewer/lib/time.ts';

const S = 1_000_000;

describe('durations', () => {
  it.each([
    [0, '0 µs'],
    [831, '831 µs'],
    [4200, '4.2 ms'],
    [12_345, '12.3 ms'],
    [563_000, '563 ms'],
    [9.314 * S, '9.31 s'],
    [26.692 * S, '26.7 s'],
    [125 * S, '2 min 5 s'],
    [119.7 * S, '2 min'],
    [3840 * S, '1 h 4 min'],
    [-4200, '−4.2 ms'],
  ])('%d µs is %s', (us, text) => {
    expect(duration(us)).toBe(text);
  });
});

describe('instants', () => {
  it('go to the microsecond', () => {
    expect(instant(12_345_678)).toBe('12.345 678 s');
    expect(instant(3_723_000_250)).toBe('1:02:03.000 250');
    expect(instantMs(61_234_567)).toBe('1:01.235');
  });
});

describe('the axis', () => {
  it('takes round steps', () => {
    for (const least of [1, 3, 70, 999, 12_345, 4 * S, 11 * S, 50 * S, 7200 * S]) {
      expect(stepOf(least)).toBeGreaterThanOrEqual(least);
      expect(stepOf(least)).toBeLessThanOrEqual(least * 5);
    }
    expect(stepOf(12 * S)).toBe(15 * S);
    expect(stepOf(0.4)).toBe(1);
  });

  it('marks multiples of the step, all of them, from hours down to microseconds', () => {
    for (const [from, to] of [
      [0, 7200 * S],
      [0, 26_692_000],
      [4_999_000, 5_004_000],
      [4_999_970, 5_000_030],
    ] as const) {
      const found = ticks(from, to, (to - from) / 10);
      expect(found.length).toBeGreaterThan(3);
      expect(found.length).toBeLessThan(13);
      const step = found[1]!.t - found[0]!.t;
      for (const { t } of found) expect(t % step).toBe(0);
      const anchors = found.filter(({ anchor }) => anchor).map(({ label }) => label);
      expect(new Set(anchors).size).toBe(anchors.length);
      expect(anchors.length).toBeGreaterThan(0);
    }
  });

  it('tells microseconds as distances from an anchor', () => {
    const labels = ticks(4_999_900, 5_000_400, 90).map(({ label, anchor }) => (anchor ? `|${label}` : label));
    expect(labels).toContain('|5.000 s');
    expect(labels).toContain('+200 µs');
  });
});

describe('what a person types', () => {
  it.each([
    ['3s', 3 * S],
    ['250ms', 250_000],
    ['1.5 s', 1.5 * S],
    ['2:05.25', 125.25 * S],
    ['1:00:00', 3600 * S],
    ['7', 7 * S],
    ['12us', 12],
  ])('%s', (text, us) => {
    expect(parseTime(text)).toBe(us);
  });

  it.each(['', 'soon', '3 fortnights', '1:2:3:4', '-3s'])('refuses %j', (text) => {
    expect(parseTime(text)).toBeNull();
  });
});

it('a zxid is epoch and counter', () => {
  expect(zxidText(3 * 2 ** 32 + 120)).toBe('3.120');
  expect(zxidText(0)).toBe('0');
});
