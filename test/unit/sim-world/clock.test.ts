import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { HostClock } from '../../../sim/world/clock.ts';

const SECOND = 1_000_000;
const start = { monoMs: 1000, wallMs: 5_000_000, rate: { num: 1, den: 1 } };

describe('a clock', () => {
  it('gains by its rate and no error piles up', () => {
    const clock = new HostClock({ ...start, rate: { num: 11, den: 10 } });
    expect(clock.now(10 * SECOND)).toEqual({ monoMs: 12_000, wallMs: 5_011_000 });
    for (let i = 0; i < 1000; i++) clock.setRate({ num: 11, den: 10 }, 10 * SECOND + i * 1000);
    expect(clock.now(11 * SECOND).monoMs).toBe(13_100);
  });

  it('lets only the wall jump', () => {
    const clock = new HostClock(start);
    clock.now(SECOND);
    clock.jumpWall(-3_600_000);
    expect(clock.now(SECOND)).toEqual({ monoMs: 2000, wallMs: 5_001_000 - 3_600_000 });
  });

  it('stands still when frozen and goes on where it stood', () => {
    const clock = new HostClock(start);
    clock.setRate({ num: 0, den: 1 }, SECOND);
    expect(clock.now(9 * SECOND).monoMs).toBe(2000);
    expect(clock.whenMono(2001, 9 * SECOND)).toBe(Number.POSITIVE_INFINITY);
    clock.setRate({ num: 1, den: 1 }, 9 * SECOND);
    expect(clock.now(10 * SECOND).monoMs).toBe(3000);
  });
});

const rate = fc.record({ num: fc.integer({ min: 1, max: 10_000 }), den: fc.integer({ min: 1, max: 10_000 }) });

test.prop([rate, fc.array(fc.nat({ max: 5_000_000 }), { maxLength: 20 }), fc.nat({ max: 100_000 })])(
  'whenMono is the first microsecond at which the clock shows it, and time never goes back',
  (speed, gaps, ahead) => {
    const clock = new HostClock({ ...start, rate: speed });
    let timeUs = 0;
    let last = clock.now(0).monoMs;
    for (const gap of gaps) {
      timeUs += gap;
      const { monoMs } = clock.now(timeUs);
      expect(monoMs).toBeGreaterThanOrEqual(last);
      last = monoMs;
    }
    const target = last + 1 + ahead;
    const when = clock.whenMono(target, timeUs);
    const fresh = new HostClock({ ...start, rate: speed });
    expect(fresh.now(when).monoMs).toBeGreaterThanOrEqual(target);
    expect(fresh.now(when - 1).monoMs).toBeLessThan(target);
    expect(clock.now(when)).toEqual(fresh.now(when));
  },
);
