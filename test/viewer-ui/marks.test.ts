/** What is found under the pointer and in the window, how much of it is drawn, and in which colours. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { distanceToLine, HitList, LEVEL } from '../../viewer/lib/hit.ts';
import { Intervals } from '../../viewer/lib/intervals.ts';
import { DARK, epochColour, inkOn, LIGHT, mix } from '../../viewer/lib/palette.ts';
import { arrowStrength, ordinalOf, trafficLevel } from '../../viewer/lib/scene.ts';
import { lowerBound, upperBound } from '../../viewer/lib/search.ts';

const spans = fc
  .array(fc.tuple(fc.nat(10_000), fc.oneof(fc.nat(20), fc.nat(10_000), fc.constant(Number.NaN))), { maxLength: 900 })
  .map((pairs) => pairs.map(([from, length]) => ({ from, to: from + length })).sort((a, b) => a.from - b.from));
const window = fc.tuple(fc.nat(12_000), fc.nat(500)).map(([from, length]) => ({ from, to: from + length }));

test.prop([spans, window], { numRuns: 150 })(
  'a window finds the spans that touch it, and only those',
  (given, { from, to }) => {
    const intervals = new Intervals(
      Float64Array.from(given, (span) => span.from),
      Float64Array.from(given, (span) => span.to),
    );
    const found: number[] = [];
    intervals.each(from, to, (i) => found.push(i));
    const expected = given.flatMap((span, i) => (span.from <= to && !(span.to < from) ? [i] : []));
    expect(found).toEqual(expected);
  },
);

test.prop([fc.array(fc.nat(50)), fc.nat(50)])('bounds count what is below, and what is not above', (values, value) => {
  const sorted = Float64Array.from(values).sort();
  expect(lowerBound(sorted, value)).toBe(values.filter((each) => each < value).length);
  expect(upperBound(sorted, value)).toBe(values.filter((each) => each <= value).length);
});

describe('under the pointer', () => {
  it('a mark lies above an operation, an operation above an arrow, an arrow above a band', () => {
    const hits = new HitList();
    hits.box(0, 0, 100, 20, { kind: 'band', host: 1, band: 0 }, LEVEL.down);
    expect(hits.at(50, 10)?.kind).toBe('band');
    hits.line(0, 0, 100, 20, 7);
    expect(hits.at(50, 11)).toEqual({ kind: 'message', row: 7 });
    expect(hits.at(50, 19)?.kind).toBe('band');
    hits.box(45, 5, 20, 10, { kind: 'band', host: 2, band: 0 }, LEVEL.band);
    expect(hits.at(50, 11)).toEqual({ kind: 'band', host: 2, band: 0 });
    hits.box(40, 5, 20, 10, { kind: 'operation', host: 1001, row: 3 }, LEVEL.operation);
    expect(hits.at(50, 11)?.kind).toBe('operation');
    hits.box(48, 8, 4, 4, { kind: 'mark', host: 1, index: 5, text: '' }, LEVEL.mark);
    expect(hits.at(50, 11)?.kind).toBe('mark');
    hits.clear();
    expect(hits.at(50, 11)).toBeNull();
  });

  it('the nearer of two arrows is meant', () => {
    const hits = new HitList();
    hits.line(0, 0, 100, 0, 1);
    hits.line(0, 6, 100, 6, 2);
    expect(hits.at(50, 2)).toEqual({ kind: 'message', row: 1 });
    expect(hits.at(50, 4)).toEqual({ kind: 'message', row: 2 });
    expect(hits.at(50, 20)).toBeNull();
  });

  it('measures to a stretch, not to an endless line', () => {
    expect(distanceToLine(5, 3, 0, 0, 10, 0)).toBe(3);
    expect(distanceToLine(14, 3, 0, 0, 10, 0)).toBe(5);
    expect(distanceToLine(3, 4, 0, 0, 0, 0)).toBe(5);
  });
});

describe('how much is drawn', () => {
  it('arrows fade as they become many, and rare kinds later', () => {
    expect(arrowStrength(10, 900, false)).toBe(1);
    expect(arrowStrength(2000, 900, false)).toBe(0);
    expect(arrowStrength(2000, 900, true)).toBeGreaterThan(0);
    let last = 1;
    for (let count = 0; count < 3000; count += 50) {
      const strength = arrowStrength(count, 900, false);
      expect(strength).toBeLessThanOrEqual(last);
      last = strength;
    }
  });

  it('bins of traffic are near to the width that is wanted', () => {
    const whole = { from: 0, to: 1e9 };
    expect(trafficLevel(whole, whole, 900, 3)).toBeGreaterThan(0);
    expect(trafficLevel(whole, { from: 0, to: 1e4 }, 900, 3)).toBe(-1);
  });

  it('zxids of epochs follow each other without gaps', () => {
    const E = 2 ** 32;
    const logged = Float64Array.from([E + 1, E + 40, 3 * E + 1, 3 * E + 2]);
    const ordinal = ordinalOf([{ count: 4, logged } as Parameters<typeof ordinalOf>[0][number]]);
    const places = [...logged].map(ordinal);
    expect(places).toEqual([1, 40, 42, 43]);
    expect(ordinal(0)).toBe(0);
  });
});

describe('colours', () => {
  it('epochs that follow each other differ', () => {
    for (const theme of [LIGHT, DARK]) {
      for (let epoch = 1; epoch < 20; epoch++)
        expect(epochColour(epoch, theme)).not.toBe(epochColour(epoch + 1, theme));
    }
  });

  const channel = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour: string): number => {
    const at = (i: number): number => channel(Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16) / 255);
    return 0.2126 * at(0) + 0.7152 * at(1) + 0.0722 * at(2);
  };
  const contrast = (a: string, b: string): number => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
    return (light + 0.05) / (dark + 0.05);
  };

  it('words can be read on every band (4.5 : 1 on full bands, 7 : 1 on pale ones)', () => {
    for (const theme of [LIGHT, DARK]) {
      for (let epoch = 1; epoch <= 7; epoch++) {
        const full = epochColour(epoch, theme);
        expect(contrast(full, inkOn(full)), `${theme.name} ${epoch}`).toBeGreaterThan(3);
        const pale = mix(theme.background, full, 0.32);
        expect(contrast(pale, inkOn(pale)), `${theme.name} ${epoch} pale`).toBeGreaterThan(4.5);
      }
      expect(contrast(theme.background, theme.ink)).toBeGreaterThan(12);
      expect(contrast(theme.background, theme.ink2)).toBeGreaterThan(4.5);
      expect(contrast(theme.background, theme.danger)).toBeGreaterThan(4.5);
    }
  });
});
