/**
 * When did it become inevitable? A run is a path through choices that the dice made. Branching takes the run up to one of its
 * events and goes on with other dice, many times, and counts how often the promise is broken all the same. Before the cause
 * that is as rare as in any other run; behind it, it is certain; and where the one turns into the other is the moment that an
 * explanation has to be about.
 *
 * Only the dice whose names fit the pattern are others (`World.rekey`): with `network/*` alone the question is what the
 * network decided.
 */

import type { Rekey, Result, RunSettings } from '../runner.ts';
import { run } from '../runner.ts';
import type { Schedule } from '../schedule.ts';
import { isSameFailure, type Signature, signatureOf } from './signature.ts';

export interface BranchSettings {
  /** Which dice are others; default all. */
  readonly pattern?: string;
  /** Runs from each event; default 20. */
  readonly runs?: number;
  readonly run?: (schedule: Schedule, settings: RunSettings) => Result;
  readonly onPoint?: (point: BranchPoint) => void;
}

export interface BranchPoint {
  /** Id of the event from which the dice were others. */
  readonly event: number;
  readonly atUs: number;
  readonly failed: number;
  readonly runs: number;
}

/** What the viewer draws; also the JSON that `--branch … --save FILE` writes. */
export interface Branches {
  readonly format: 1;
  readonly seed: string;
  readonly pattern: string;
  /** The failure that is counted; null: the run passes, and any failure counts. */
  readonly failure: Signature | null;
  /** In the order of time. */
  readonly points: readonly BranchPoint[];
  /** From this event on every branch fails, while before it some do not; null when there is no such moment. */
  readonly inevitable: BranchPoint | null;
}

export const BRANCH_RUNS_DEFAULT = 20;
/** Points over a run, before the search between two of them. */
export const BRANCH_POINTS_DEFAULT = 12;
/** A search between two points ends at a single event or after so many halvings. */
const HALVINGS_MAX = 16;

interface Moment {
  readonly event: number;
  readonly atUs: number;
}

/** From one event. Null when the run has no such event. */
export function branchAt(schedule: Schedule, event: number, settings: BranchSettings = {}): Branches | null {
  const brancher = new Brancher(schedule, settings);
  const moment = brancher.moments.find((other) => other.event === event);
  return moment === undefined ? null : brancher.branches([brancher.point(moment)], null);
}

/** Over the whole run, or its events between two ids: evenly spread points, then the moment at which failing became certain. */
export function branchOver(
  schedule: Schedule,
  range: { readonly points?: number; readonly from?: number; readonly to?: number },
  settings: BranchSettings = {},
): Branches {
  const brancher = new Brancher(schedule, settings);
  const { from = 0, to = Number.POSITIVE_INFINITY, points = BRANCH_POINTS_DEFAULT } = range;
  const moments = brancher.moments.filter(({ event }) => event >= from && event <= to);
  const found = spread(moments.length, points).map((index) => ({ index, point: brancher.point(moments[index]!) }));
  const after = found.findIndex(
    ({ point }, i) => found.slice(i).every((other) => isCertain(other.point)) && isCertain(point),
  );
  if (after <= 0)
    return brancher.branches(
      found.map(({ point }) => point),
      found[after]?.point ?? null,
    );
  let [possible, certain] = [found[after - 1]!, found[after]!];
  for (let i = 0; i < HALVINGS_MAX && certain.index - possible.index > 1; i++) {
    const index = Math.floor((possible.index + certain.index) / 2);
    const middle = { index, point: brancher.point(moments[index]!) };
    found.push(middle);
    if (isCertain(middle.point)) certain = middle;
    else possible = middle;
  }
  found.sort((a, b) => a.index - b.index);
  return brancher.branches(
    found.map(({ point }) => point),
    certain.point,
  );
}

const isCertain = ({ failed, runs }: BranchPoint): boolean => failed === runs;

/** So many indices from the first to the last, evenly spread. */
function spread(length: number, count: number): number[] {
  if (length === 0) return [];
  const wanted = Math.max(2, Math.min(count, length));
  const indices = Array.from({ length: wanted }, (_, i) => Math.round((i * (length - 1)) / (wanted - 1)));
  return [...new Set(indices)];
}

class Brancher {
  /** Every event up to the end of the run, or of the failure. */
  readonly moments: readonly Moment[];
  readonly #schedule: Schedule;
  readonly #settings: BranchSettings;
  readonly #run: NonNullable<BranchSettings['run']>;
  readonly #pattern: string;
  readonly #failure: Signature | null;

  constructor(schedule: Schedule, settings: BranchSettings) {
    this.#schedule = schedule;
    this.#settings = settings;
    this.#run = settings.run ?? run;
    this.#pattern = settings.pattern ?? '*';
    const moments: Moment[] = [];
    const result = this.#run(schedule, {
      hooks: { onEvent: ({ id, timeUs }) => moments.push({ event: id, atUs: timeUs }) },
    });
    this.moments = moments;
    this.#failure = signatureOf(result);
  }

  point({ event, atUs }: Moment): BranchPoint {
    const runs = this.#settings.runs ?? BRANCH_RUNS_DEFAULT;
    let failed = 0;
    for (let salt = 1; salt <= runs; salt++) {
      const rekey: Rekey = { event, pattern: this.#pattern, salt };
      if (this.#isFailure(this.#run(this.#schedule, { rekey }))) failed += 1;
    }
    const point = { event, atUs, failed, runs };
    this.#settings.onPoint?.(point);
    return point;
  }

  #isFailure(result: Result): boolean {
    return this.#failure === null ? result.verdict !== 'ok' : isSameFailure(result, this.#failure);
  }

  branches(points: readonly BranchPoint[], inevitable: BranchPoint | null): Branches {
    const { seed } = this.#schedule;
    return { format: 1, seed, pattern: this.#pattern, failure: this.#failure, points, inevitable };
  }
}

const BAR_LENGTH = 30;

/** The graph as lines of text, one a point. */
export function graphOf({ points, inevitable }: Branches): string[] {
  const width = Math.max(5, ...points.map(({ event }) => String(event).length));
  return points.map(({ event, atUs, failed, runs }) => {
    const bar = '#'.repeat(Math.round((failed / runs) * BAR_LENGTH)).padEnd(BAR_LENGTH, '.');
    const said = event === inevitable?.event ? '  inevitable from here' : '';
    return `${(atUs / 1e6).toFixed(3).padStart(9)}s  event ${String(event).padStart(width)}  ${bar}  ${failed}/${runs}${said}`;
  });
}
