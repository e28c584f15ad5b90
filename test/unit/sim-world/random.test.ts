import { describe, expect, it } from 'vitest';
import { belowOf, chanceOf, draw, exponentialOf, keyOf, makeStream } from '../../../sim/world/random.ts';
import { createWorld } from '../../../sim/world/world.ts';

describe('streams', () => {
  it('yield the same for the same seed and name, and something else for another', () => {
    const take = (seed: string, name: string): number[] => {
      const stream = makeStream(seed, name);
      return [stream.u32(), stream.u32(), stream.u32()];
    };
    expect(take('42', 'fault')).toEqual(take('42', 'fault'));
    expect(take('42', 'fault')).not.toEqual(take('42', 'disk'));
    expect(take('42', 'fault')).not.toEqual(take('43', 'fault'));
  });

  it('do not shift each other, whatever the order of creation and use', () => {
    const one = createWorld({ seed: 7 });
    const other = createWorld({ seed: '7' });
    const alone = [1, 2, 3].map(() => one.stream('a').u32());
    other.stream('b').u32();
    const mixed = [1, 2, 3].map(() => {
      other.stream('b').u32();
      return other.stream('a').u32();
    });
    expect(mixed).toEqual(alone);
    expect(one.stream('a').draws).toBe(3);
  });

  it('stay in range and reach both ends', () => {
    const stream = makeStream('1', 'range');
    const seen = new Set(Array.from({ length: 400 }, () => stream.between(-2, 3)));
    expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
    expect(stream.shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
  });

  it('take exactly one value per decision', () => {
    const stream = makeStream('1', 'count');
    stream.below(5);
    stream.chance(1);
    stream.exponential(1000);
    stream.between(1, 2);
    expect(stream.draws).toBe(4);
  });
});

describe('draws by counter', () => {
  it('spread over all slices of the range', () => {
    const key = keyOf('1', 'spread');
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) counts[belowOf(draw(key, i), 16)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });

  it('hit a chance as often as it says, and never or always at the ends', () => {
    const key = keyOf('1', 'chance');
    let hits = 0;
    for (let i = 0; i < 100_000; i++) if (chanceOf(draw(key, i), 10_000)) hits += 1;
    expect(hits).toBeGreaterThan(900);
    expect(hits).toBeLessThan(1100);
    expect(chanceOf(0, 0)).toBe(false);
    expect(chanceOf(0xffff_ffff, 1_000_000)).toBe(true);
  });

  it('make exponential values with the mean, the median and the tail they should have', () => {
    const key = keyOf('1', 'exp');
    const values = Array.from({ length: 50_000 }, (_, i) => exponentialOf(draw(key, i), 10_000));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).toBeGreaterThan(9_800);
    expect(mean).toBeLessThan(10_200);
    const below = (limit: number): number => values.filter((value) => value < limit).length / values.length;
    expect(below(6_931)).toBeCloseTo(0.5, 1);
    expect(below(46_052)).toBeCloseTo(0.99, 2);
    expect(Math.max(...values)).toBeGreaterThan(80_000);
    expect(values.every(Number.isInteger)).toBe(true);
    expect(exponentialOf(0, 10_000)).toBe(0);
  });
});
