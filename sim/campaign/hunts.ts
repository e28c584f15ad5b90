/**
 * Hunts beside a campaign: bugs that really happened (the zoo), each put into a copy of the core, and looked for in the same
 * weather. A campaign that finds nothing says more the more of them it would have found.
 *
 * A share of the time goes to hunts, in spells between seeds, so that neither disturbs what the other costs. First come those
 * that must be found; then all the others in turn, from a place that follows from the seeds or from the clock, so that nothing has
 * to be remembered and in the long run every one has its turn.
 *
 * What can be hunted is given: the catalogue is a test, and the simulator does not know its tests.
 */

import { plural } from '../text.ts';

export interface Prey {
  readonly id: string;
  readonly says: string;
}

export interface HuntResult {
  readonly prey: Prey;
  readonly mustBeFound: boolean;
  /** The property that was broken and the seed in which it was, or null. */
  readonly find: { readonly property: string; readonly seed: string } | null;
  readonly runs: number;
}

export interface Hunts {
  /** Must be found by every campaign. */
  readonly smoke: readonly Prey[];
  readonly others: readonly Prey[];
  hunt(prey: Prey): Promise<Pick<HuntResult, 'find' | 'runs'>>;
  close(): Promise<void>;
}

/** Of the time of a campaign. */
const SHARE = 0.1;
/** Hunts wait until they have so much time: the threads of the seeds are begun anew after each spell. */
const SPELL_MS = 20_000;

export class Hunting {
  readonly results: HuntResult[] = [];
  readonly #hunts: Hunts;
  readonly #order: readonly { readonly prey: Prey; readonly mustBeFound: boolean }[];
  #next = 0;
  #spentMs = 0;

  /** `turn`: with which of the others it begins; any whole number. */
  constructor(hunts: Hunts, turn: number) {
    this.#hunts = hunts;
    const { smoke, others } = hunts;
    const from = others.length === 0 ? 0 : turn % others.length;
    this.#order = [
      ...smoke.map((prey) => ({ prey, mustBeFound: true })),
      ...[...others.slice(from), ...others.slice(0, from)].map((prey) => ({ prey, mustBeFound: false })),
    ];
  }

  /** Whether a spell of hunts is due in a campaign that has gone on for so long. */
  isDue(elapsedMs: number): boolean {
    return this.#next < this.#order.length && elapsedMs * SHARE - this.#spentMs >= SPELL_MS;
  }

  /** Hunts until the share of so long a campaign is used up, and each at most once. */
  async spell(elapsedMs: number, clock: () => number, onResult: (result: HuntResult) => void): Promise<void> {
    while (this.#next < this.#order.length && this.#spentMs < elapsedMs * SHARE) await this.#hunt(clock, onResult);
  }

  /** What must be found and has not been hunted yet. */
  async rest(clock: () => number, onResult: (result: HuntResult) => void): Promise<void> {
    while (this.#order[this.#next]?.mustBeFound === true) await this.#hunt(clock, onResult);
  }

  async #hunt(clock: () => number, onResult: (result: HuntResult) => void): Promise<void> {
    const hunted = this.#order[this.#next]!;
    this.#next += 1;
    const startedMs = clock();
    const result = { ...hunted, ...(await this.#hunts.hunt(hunted.prey)) };
    this.#spentMs += clock() - startedMs;
    this.results.push(result);
    onResult(result);
  }

  close(): Promise<void> {
    return this.#hunts.close();
  }
}

export const huntLine = ({ prey, find, runs }: HuntResult): string =>
  find === null
    ? `zoo ${prey.id}: ${prey.says}: not found in ${plural(runs, 'run')}`
    : `zoo ${prey.id}: ${prey.says}: found by seed ${find.seed} (${find.property})`;

/** The summary; what must be found and was not makes a campaign worth nothing. */
export function huntingLines(results: readonly HuntResult[]): { readonly lines: string[]; readonly isBroken: boolean } {
  const missed = results.filter(({ find }) => find === null);
  const names = missed.map(({ prey }) => prey.id).join(', ');
  const lines = [
    `zoo        ${results.length - missed.length} of ${plural(results.length, 'hunt')} found${missed.length === 0 ? '' : `, not ${names}`}`,
  ];
  const due = missed.filter(({ mustBeFound }) => mustBeFound);
  for (const { prey, runs } of due)
    lines.push(`BROKEN: ${prey.id} (${prey.says}) was not found in ${plural(runs, 'run')}`);
  return { lines, isBroken: due.length > 0 };
}
