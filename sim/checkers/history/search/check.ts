/**
 * Judges a history: splits it into parts that do not affect each other, searches each, and explains the first violation.
 *
 * Linearizability is local (Herlihy and Wing 1990, theorem 1): a history is linearizable when its projection to each object
 * is. So a history over many keys costs the sum of the keys and not their product. A violation of one part is a violation
 * whatever the others say; `unknown` is a verdict of its own and never becomes `ok`.
 */

import { decideByCounting } from './counting.ts';
import { explain, type Violation } from './explain.ts';
import { type Machine, machineOf } from './machine.ts';
import type { AnyModel } from './model.ts';
import { assertHistory, HistoryError, type Operation } from './operation.ts';
import { layOut, type Problem } from './problem.ts';
import { Search, type SearchOutcome, type SearchSettings, type SearchStatus } from './search.ts';

export interface CheckSettings extends Pick<SearchSettings, 'rowsMax' | 'frontierMax'> {
  /** Transitions of the model that may be tried in all; default `BUDGET_STEPS`. */
  readonly budgetSteps?: number;
  /** Whether a violation is explained; default true. */
  readonly explain?: boolean;
  /** Steps before operations of unknown outcome are counted lazily (`counting.ts`). */
  readonly countAfter?: number;
}

export interface PartResult {
  /** The key, or what the model's `partOf` says; null for a history that is not divided. */
  readonly part: string | null;
  readonly operations: number;
  readonly status: SearchStatus;
  readonly steps: number;
  readonly exhausted: SearchOutcome['exhausted'];
  /** Responses that were passed, of `responses`. */
  readonly deepest: number;
  readonly responses: number;
  /** Operations that were open at once, those of unknown outcome aside. */
  readonly windowSize: number;
  /** Ids of the operations in an order that explains the part, when it is ok and one was kept. */
  readonly order: readonly number[] | null;
}

export interface CheckResult {
  readonly status: SearchStatus;
  readonly model: string;
  readonly operations: number;
  readonly steps: number;
  /** Parts that were looked at: all of them, or those up to the violation. */
  readonly parts: readonly PartResult[];
  readonly partCount: number;
  readonly violation: Violation | null;
}

/** Some minutes of one core; most histories need a thousandth of it. */
export const BUDGET_STEPS = 1_000_000_000;

export function checkHistory(
  model: AnyModel,
  operations: readonly Operation[],
  settings: CheckSettings = {},
): CheckResult {
  assertModelFits(model, operations);
  const parts = partsOf(model, operations);
  const looked: PartResult[] = [];
  let left = settings.budgetSteps ?? BUDGET_STEPS;
  for (const [part, members] of parts) {
    const judged = new Part(model, part, members, { ...settings, budgetSteps: left });
    looked.push(judged.result);
    left = Math.max(0, left - judged.result.steps);
    if (judged.result.status !== 'violation') continue;
    const violation = (settings.explain ?? true) ? explain(judged) : null;
    return resultOf(model, operations, looked, parts.length, violation);
  }
  return resultOf(model, operations, looked, parts.length, null);
}

/** Throws a `HistoryError` that names the operation which is none of the model. */
export function assertModelFits(model: AnyModel, operations: readonly Operation[]): void {
  assertHistory(operations);
  for (const operation of operations) {
    const problem = problemOf(model, operation);
    if (problem !== null) throw new HistoryError(`operation ${operation.id}: ${problem}`);
  }
}

function problemOf(model: AnyModel, operation: Operation): string | null {
  if (!model.operations.includes(operation.f)) {
    return `${operation.f} is not an operation of ${model.name} (${model.operations.join(', ')})`;
  }
  return model.problemOf?.(operation) ?? null;
}

/** Smallest first, so that a budget is spent where it decides most; equal ones by name. */
export function partsOf(model: AnyModel, operations: readonly Operation[]): [string | null, Operation[]][] {
  const parts = new Map<string | null, Operation[]>();
  for (const operation of operations) {
    const part = model.partOf === undefined ? operation.key : model.partOf(operation);
    if (part === null && model.partOf !== undefined) return [[null, [...operations]]];
    const members = parts.get(part);
    if (members === undefined) parts.set(part, [operation]);
    else members.push(operation);
  }
  return [...parts].sort(([a, x], [b, y]) => x.length - y.length || ((a ?? '') < (b ?? '') ? -1 : 1));
}

/** One part and what the search said of it, kept for the explanation. */
export class Part {
  readonly name: string | null;
  readonly problem: Problem;
  readonly machine: Machine;
  readonly settings: CheckSettings;
  /** The search that gave the outcome, as it ended. */
  readonly judged: Search;
  readonly outcome: SearchOutcome;
  readonly result: PartResult;
  /** What was counted when a violation was found, null for everything. */
  readonly #counted: Uint8Array | null;

  constructor(
    model: AnyModel,
    name: string | null,
    members: readonly Operation[],
    settings: CheckSettings & SearchSettings,
  ) {
    this.name = name;
    this.settings = settings;
    this.problem = layOut(model, members);
    this.machine = machineOf(this.problem);
    const { search, outcome, counted } = this.#judge(settings);
    this.judged = search;
    this.outcome = outcome;
    this.#counted = counted;
    const { status, steps, exhausted, deepest, order } = this.outcome;
    this.result = {
      part: name,
      operations: members.length,
      status,
      steps,
      exhausted,
      deepest,
      responses: this.problem.returning.length,
      windowSize: this.problem.windowSize,
      order: order?.map((op) => this.problem.operations[op]!.id) ?? null,
    };
  }

  /** Searches once more, under other conditions. */
  search(settings: SearchSettings): Search {
    return new Search(this.problem, this.machine, { ...this.settings, counted: this.#counted, ...settings });
  }

  /** As it is for a while; then counting only what must be counted; then as it is, to the end of the budget. */
  #judge(settings: CheckSettings & SearchSettings): Judged {
    const { budgetSteps } = settings;
    const layers = this.problem.returning.length;
    const asItIsSteps = settings.countAfter ?? COUNT_AFTER + COUNT_AFTER_PER_LAYER * layers;
    // Where an operation that may be used for ever leads to ever new states, as an append does, there is no end to that.
    const isBounded = this.problem.classExample.length > 0 && this.machine.demand !== undefined;
    const mayCount = isBounded && asItIsSteps < budgetSteps;
    const search = new Search(
      this.problem,
      this.machine,
      mayCount ? { ...settings, budgetSteps: asItIsSteps } : settings,
    );
    const outcome = search.run();
    if (!mayCount || outcome.status !== 'unknown' || outcome.exhausted !== 'steps')
      return { search, outcome, counted: null };
    const countingSteps = Math.min(
      budgetSteps - outcome.steps,
      COUNTING_RATIO * Math.max(asItIsSteps, COUNTING_AT_LEAST),
    );
    const found = decideByCounting(this.problem, this.machine, { ...settings, budgetSteps: countingSteps });
    const before = outcome.steps + found.steps;
    if (found.decided !== null) {
      const all = { ...found.decided.outcome, steps: before };
      // A violation of what is easier may be one of the history itself at an earlier response.
      if (all.status === 'violation') return { ...found.decided, outcome: { ...all, exhausted: 'steps' } };
      return { ...found.decided, outcome: all, counted: null };
    }
    const last = new Search(this.problem, this.machine, {
      ...settings,
      budgetSteps: Math.max(0, budgetSteps - before),
    });
    const rest = last.run();
    return { search: last, outcome: { ...rest, steps: before + rest.steps }, counted: null };
  }
}

interface Judged {
  readonly search: Search;
  readonly outcome: SearchOutcome;
  readonly counted: Uint8Array | null;
}

/** Histories that are not hard are decided before that. */
const COUNT_AFTER = 20_000;
const COUNT_AFTER_PER_LAYER = 8;
/** Counting may cost so many times what was spent before it. */
const COUNTING_RATIO = 64;
const COUNTING_AT_LEAST = 1000;

function resultOf(
  model: AnyModel,
  operations: readonly Operation[],
  parts: readonly PartResult[],
  partCount: number,
  violation: Violation | null,
): CheckResult {
  const has = (status: SearchStatus): boolean => parts.some((part) => part.status === status);
  return {
    status: has('violation') ? 'violation' : has('unknown') ? 'unknown' : 'ok',
    model: model.name,
    operations: operations.length,
    steps: parts.reduce((sum, { steps }) => sum + steps, 0),
    parts,
    partCount,
    violation,
  };
}
