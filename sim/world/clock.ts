/**
 * The clocks of one host. A crystal that runs at its own rate drives both; the monotonic clock never goes back, the wall
 * clock is the monotonic one plus an offset that somebody may change. All arithmetic is on integers of microseconds, and a
 * rate is a ratio, so that no error piles up.
 */

import { assert, type Now } from '../../core/types.ts';
import type { ClockParams, Ratio } from './types.ts';

export const RATE_PART_MAX = 10_000;

export class HostClock {
  rate: Ratio;
  /** True time and monotonic time at which the present rate began. */
  private sinceUs = 0;
  private sinceMonoUs: number;
  private wallOffsetUs: number;
  private last: Now;
  /** Neither clock turns to another millisecond in this span. */
  private lastFromUs = 0;
  private lastToUs = -1;

  constructor(params: ClockParams) {
    checkRate(params.rate);
    this.rate = params.rate;
    this.sinceMonoUs = params.monoMs * 1000;
    this.wallOffsetUs = (params.wallMs - params.monoMs) * 1000;
    this.last = { monoMs: params.monoMs, wallMs: params.wallMs };
  }

  /** The same object as long as both clocks show the same. */
  now(timeUs: number): Now {
    if (timeUs < this.lastFromUs || timeUs > this.lastToUs) this.refresh(timeUs);
    return this.last;
  }

  private refresh(timeUs: number): void {
    const monoUs = this.monoUs(timeUs);
    const monoMs = Math.floor(monoUs / 1000);
    const wallMs = Math.floor((monoUs + this.wallOffsetUs) / 1000);
    if (monoMs !== this.last.monoMs || wallMs !== this.last.wallMs) this.last = { monoMs, wallMs };
    const leftUs = Math.min(monoMs * 1000 + 999 - monoUs, wallMs * 1000 + 999 - monoUs - this.wallOffsetUs);
    this.lastFromUs = timeUs;
    this.lastToUs = this.rate.num === 0 ? timeUs : timeUs + Math.floor((leftUs * this.rate.den) / this.rate.num);
  }

  /** The first true time at which the monotonic clock shows `monoMs`; Infinity for a frozen clock, `timeUs` if it did. */
  whenMono(monoMs: number, timeUs: number): number {
    const missingUs = monoMs * 1000 - this.sinceMonoUs;
    if (missingUs <= 0) return timeUs;
    if (this.rate.num === 0) return Number.POSITIVE_INFINITY;
    return Math.max(timeUs, this.sinceUs + Math.ceil((missingUs * this.rate.den) / this.rate.num));
  }

  setRate(rate: Ratio, timeUs: number): void {
    checkRate(rate);
    this.sinceMonoUs = this.monoUs(timeUs);
    this.sinceUs = timeUs;
    this.rate = rate;
    this.lastToUs = -1;
  }

  jumpWall(byMs: number): void {
    this.wallOffsetUs += byMs * 1000;
    this.lastToUs = -1;
  }

  private monoUs(timeUs: number): number {
    const { num, den } = this.rate;
    return this.sinceMonoUs + Math.floor(((timeUs - this.sinceUs) * num) / den);
  }
}

function checkRate({ num, den }: Ratio): void {
  assert(Number.isInteger(num) && num >= 0 && num <= RATE_PART_MAX, 'clock rate numerator out of range');
  assert(Number.isInteger(den) && den >= 1 && den <= RATE_PART_MAX, 'clock rate denominator out of range');
}
