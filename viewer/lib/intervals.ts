/**
 * Spans sorted by their begin, and the question which of them touch a window. Most are short and a few are very long (a
 * message that a cut held back for ten seconds), so the begin alone does not answer it: each block of spans remembers the
 * greatest end in it, and a block is looked into only when that reaches the window.
 */

import { lowerBound, upperBound } from './search.ts';

const BLOCK = 256;

export class Intervals {
  readonly begin: Float64Array;
  readonly end: Float64Array;
  readonly #blockEnd: Float64Array;

  /** `begin` must not decrease. An end that is not a number never comes. */
  constructor(begin: Float64Array, end: Float64Array) {
    this.begin = begin;
    this.end = end;
    this.#blockEnd = new Float64Array(Math.ceil(begin.length / BLOCK)).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < begin.length; i++) {
      const block = Math.floor(i / BLOCK);
      const ends = Number.isNaN(end[i]!) ? Number.POSITIVE_INFINITY : Math.max(begin[i]!, end[i]!);
      if (ends > this.#blockEnd[block]!) this.#blockEnd[block] = ends;
    }
  }

  get count(): number {
    return this.begin.length;
  }

  /** How many begin in the window: cheap, and what a choice of detail needs. */
  countIn(from: number, to: number): number {
    return upperBound(this.begin, to) - lowerBound(this.begin, from);
  }

  /** Calls for each span that touches `[from, to]`, in order, until `most` were found. */
  each(from: number, to: number, call: (index: number) => void, most = Number.POSITIVE_INFINITY): void {
    const last = upperBound(this.begin, to);
    const firstInside = lowerBound(this.begin, from);
    let left = most;
    for (let block = 0; block * BLOCK < last; block++) {
      if (this.#blockEnd[block]! < from) continue;
      const until = Math.min(last, (block + 1) * BLOCK);
      for (let i = block * BLOCK; i < until; i++) {
        if (i < firstInside && this.end[i]! < from) continue;
        call(i);
        if (--left <= 0) return;
      }
    }
  }
}
