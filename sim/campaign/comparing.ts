/**
 * The search for linearizations against its definition, beside a campaign: tiny random histories, judged by the search and by
 * trying every order (`differential.ts`). What this says of the search grows with the number of histories, and mistakes that are
 * left show once in some ten thousand; so a campaign gives a share of one thread to it, in slices while the other threads
 * run seeds, and no two campaigns draw the same histories.
 */

import { toHistoryLines } from '../checkers/history/adapters/formats.ts';
import { type DifferentialResult, differential } from '../checkers/history/search/differential.ts';

export type Compare = (settings: { readonly seed: string; readonly histories: number }) => DifferentialResult;

/** Histories that are compared at a time: some 60 ms, in which no result of a seed is taken. */
export const SLICE = 200;
/** Of the time of one thread. */
const SHARE = 0.05;
/** So many are due in a campaign that lasts so long; what is missing then is compared at its end. */
export const DUE = 100_000;
const DUE_FROM_MS = 10 * 60_000;

export class Comparing {
  readonly #seed: string;
  readonly #compare: Compare;
  #slices = 0;
  #histories = 0;
  #violations = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What is told of a difference; null as long as there is none. */
  #difference: readonly string[] | null = null;

  /** `seed`: what the histories are drawn from. */
  constructor(seed: string, compare: Compare = differential) {
    this.#seed = seed;
    this.#compare = compare;
  }

  /** Compares now and then as long as the work goes on. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#wait(0);
    try {
      return await work;
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  /** What is missing of a campaign that took so long. */
  rest(elapsedMs: number): void {
    while (elapsedMs >= DUE_FROM_MS && this.#histories < DUE && this.#difference === null) this.#slice();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      const startedMs = performance.now();
      this.#slice();
      if (this.#difference === null) this.#wait((performance.now() - startedMs) * (1 / SHARE - 1));
    }, ms);
  }

  #slice(): void {
    this.#slices += 1;
    const seed = `${this.#seed}.${this.#slices}`;
    try {
      const { histories, violations, mismatch } = this.#compare({ seed, histories: SLICE });
      this.#histories += histories;
      this.#violations += violations;
      if (mismatch === null) return;
      this.#difference = [
        `BROKEN: the search is wrong about a history of ${mismatch.model}: ${mismatch.says}`,
        ...[...toHistoryLines(mismatch.history)].map((line) => `  ${line.trimEnd()}`),
      ];
    } catch (error) {
      // Nobody waits for a slice, so nobody else would hear of it.
      this.#difference = [`BROKEN: the search threw: ${error instanceof Error ? error.message : String(error)}`];
    }
    this.#difference = [...this.#difference, `  again: npm run check -- --differential ${SLICE} --seed ${seed}`];
  }

  /** The summary; a difference makes a campaign worth nothing, for then the search is wrong. */
  closing(): { readonly lines: string[]; readonly isBroken: boolean } {
    const counted = `${this.#histories.toLocaleString('en-US')} tiny histories by every order, ${this.#violations.toLocaleString('en-US')} of them not linearizable`;
    if (this.#difference !== null) return { lines: [`compared   ${counted}`, ...this.#difference], isBroken: true };
    return { lines: [`compared   ${counted}: the search says the same`], isBroken: false };
  }
}
