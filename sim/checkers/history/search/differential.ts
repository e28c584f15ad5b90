/**
 * The search against the definition: tiny histories, judged by `brute.ts` and by the search in several ways, and every
 * part of an explanation checked for what it claims. Whatever differs is told with the history that shows it.
 */

import { makeStream } from '../../../world/random.ts';
import type { Stream } from '../../../world/types.ts';
import { bruteForce } from './brute.ts';
import { type CheckResult, checkHistory } from './check.ts';
import { Multisets } from './configurations.ts';
import type { Violation } from './explain.ts';
import { type GeneratorSettings, generateHistory, KITS, type Kit } from './generate.ts';
import type { AnyModel } from './model.ts';
import { modelOf } from './models.ts';
import type { Operation, Plain } from './operation.ts';
import { matters } from './problem.ts';

export interface Mismatch {
  readonly model: string;
  readonly history: readonly Operation[];
  /** What was wrong, in one line. */
  readonly says: string;
}

export interface DifferentialResult {
  readonly histories: number;
  readonly violations: number;
  /** By what they exercise; none may be zero. */
  readonly crashes: number;
  readonly several: number;
  readonly mismatch: Mismatch | null;
}

export interface DifferentialSettings {
  readonly seed: string;
  readonly histories: number;
  /** Only these models; default all. */
  readonly models?: readonly string[];
  /** For each judgement, so that a search that has lost its way ends. */
  readonly budgetSteps?: number;
}

/** Stops at the first mismatch. */
export function differential({ seed, histories, models, budgetSteps }: DifferentialSettings): DifferentialResult {
  const random = makeStream(seed, 'differential');
  const kits = KITS.filter(({ model }) => models === undefined || models.includes(model));
  const rare = rareProblem(budgetSteps);
  if (rare !== null) return { histories: 0, violations: 0, crashes: 0, several: 0, mismatch: rare };
  const count = { histories: 0, violations: 0, crashes: 0, several: 0 };
  while (count.histories < histories) {
    const kit = kits[count.histories % kits.length]!;
    const model = modelOf(kit.model);
    const history = generateHistory(model, kit, shapeOf(random, kit), random);
    const isLinearizable = bruteForce(model, history);
    count.histories += 1;
    const wrong = multisetProblem(random);
    if (wrong !== null) return { ...count, mismatch: { model: kit.model, history: [], says: wrong } };
    if (!isLinearizable) count.violations += 1;
    if (history.some(({ outcome }) => outcome === 'info')) count.crashes += 1;
    if (new Set(history.map(({ key }) => key)).size > 1) count.several += 1;
    const says = differenceOf(model, history, isLinearizable, budgetSteps);
    if (says !== null) return { ...count, mismatch: { model: kit.model, history, says } };
  }
  return { ...count, mismatch: null };
}

type Row = readonly ['read' | 'write' | 'cas' | 'refused', Plain, number, number?];

/** Or else it would make no difference which of 0 and 2 is written first. */
const SEEN_LATER: readonly Row[] = [
  ['write', 0, 12, 13],
  ['read', 0, 14, 15],
  ['write', 2, 16, 17],
  ['read', 2, 18, 19],
];

/**
 * Histories of a compare-and-set register that chance hardly ever makes: rules about unknown outcomes that are blind
 * or conditional, several of each; and cores that
 * are hard to tell. `[f, value or what was read, invoked, answered]`, never answered where that is left out.
 */
const RARE: readonly (readonly Row[])[] = [
  // In the core of this are a read, a write and a refusal: without the read, the first write may come after the second.
  [
    ['write', 2, 0, 9],
    ['read', 2, 1, 2],
    ['write', 1, 3, 4],
    ['refused', [1, 9], 5, 6],
  ],
  // Nothing but the last read is needed, for 5 was never there; a window that ends with it does not know.
  [
    ['cas', [5, 1], 0],
    ['write', 0, 1, 2],
    ['read', 0, 3, 4],
    ['read', 0, 5, 6],
    ['read', 0, 7, 8],
    ['read', 1, 9, 10],
  ],
  // One write is not enough for two reads with another value in between.
  [
    ['write', 1, 0],
    ['read', 1, 1, 2],
    ['write', 0, 3, 4],
    ['read', 1, 5, 6],
  ],
  // The conditional one is used up; the blind one is left.
  [
    ['write', 0, 0, 1],
    ['cas', [0, 1], 2],
    ['write', 1, 3],
    ['read', 1, 4, 5],
    ['write', 0, 6, 7],
    ['read', 1, 8, 9],
  ],
  // Two ways to the same value: the one that spares the blind one is needed later.
  [
    ['write', 2, 0, 5],
    ['write', 0, 1, 4],
    ['cas', [0, 1], 2],
    ['write', 1, 3],
    ['read', 1, 6, 7],
    ['write', 3, 8, 9],
    ['read', 1, 10, 11],
    ...SEEN_LATER,
  ],
  [
    ['write', 0, 0, 5],
    ['write', 2, 1, 4],
    ['cas', [0, 1], 2],
    ['write', 1, 3],
    ['read', 1, 6, 7],
    ['write', 3, 8, 9],
    ['read', 1, 10, 11],
    ...SEEN_LATER,
  ],
];

function rareProblem(budgetSteps?: number): Mismatch | null {
  const model = modelOf('cas-register');
  for (const rows of RARE) {
    const history = rows.map(([f, value, invokedAt, respondedAt], id): Operation => {
      const isRead = f === 'read';
      return {
        ...{ id, process: `p${id}`, f: f === 'refused' ? 'cas' : f, key: null },
        ...{ value: isRead ? null : value, result: isRead ? value : null },
        ...{ error: null, invokedAt, respondedAt: respondedAt ?? Number.POSITIVE_INFINITY },
        outcome: respondedAt === undefined ? 'info' : f === 'refused' ? 'fail' : 'ok',
      };
    });
    const says = differenceOf(model, history, bruteForce(model, history), budgetSteps);
    if (says !== null) return { model: model.name, history, says };
  }
  return null;
}

const CLASSES = 3;
const USED_MAX = 4;

/** Dominance rests on subsets of multisets, which few tiny histories bring into all positions: two at random, by counting. */
function multisetProblem(random: Stream): string | null {
  const multisets = new Multisets(CLASSES);
  const [a, b] = [drawClasses(random), drawClasses(random)];
  const [small, large] = [a, b].map((members) => members.reduce((set, member) => multisets.with(set, member), 0));
  const countIn = (members: readonly number[], member: number): number =>
    members.filter((other) => other === member).length;
  const isSubset = a.every((member) => countIn(a, member) <= countIn(b, member));
  if (multisets.isSubset(small!, large!) !== isSubset) return `{${a}} is ${isSubset ? '' : 'not '}a part of {${b}}`;
  return partnerProblem(a, b);
}

/** Class 0 stands in for the others: 1 and 2 are conditional, and do what it does. */
function partnerProblem(a: readonly number[], b: readonly number[]): string | null {
  const multisets = new Multisets(CLASSES, Int32Array.of(-1, 0, 0));
  const [small, large] = [a, b].map((members) => members.reduce((set, member) => multisets.with(set, member), 0));
  const left = [...b];
  const take = (member: number): boolean => {
    const at = left.indexOf(member);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  };
  // Those that nothing stands in for come first.
  const isCheaper = a.toSorted((x, y) => x - y).every((member) => take(member) || (member > 0 && take(0)));
  if (multisets.isCheaper(small!, large!) === isCheaper) return null;
  return `{${a}} does ${isCheaper ? '' : 'not '}leave what can do all that {${b}} leaves`;
}

const drawClasses = (random: Stream): number[] =>
  Array.from({ length: random.below(USED_MAX + 1) }, () => random.below(CLASSES));

/** Small enough to try every order, now and then at the limit. */
function shapeOf(random: Stream, kit: Kit): GeneratorSettings {
  const keys = kit.model === 'queue' || random.below(3) > 0 ? 1 : 2;
  return {
    operations: 2 + random.below(random.below(4) === 0 ? 7 : 5),
    processes: 1 + random.below(5),
    keys,
    values: 3,
    crashPerMille: random.pick([0, 100, 400, 800]),
    corruptPerMille: 600,
  };
}

/** What the search gets wrong about this history, or null. */
export function differenceOf(
  model: AnyModel,
  history: readonly Operation[],
  isLinearizable: boolean,
  budgetSteps = BUDGET_STEPS,
): string | null {
  const expected = isLinearizable ? 'ok' : 'violation';
  for (const [way, judge] of Object.entries(WAYS)) {
    const result = judge(model, history, budgetSteps);
    if (result.status !== expected) return `${way}: ${result.status} where every order was tried and it is ${expected}`;
    for (const part of result.parts) {
      const wrong = part.order === null ? null : orderProblem(model, history, part.order, part.part, null);
      if (wrong !== null) return `${way}: ${wrong}`;
    }
    if (result.violation === null) continue;
    const wrong = explanationProblem(model, history, result.violation);
    if (wrong !== null) return `${way}: ${wrong}`;
  }
  return null;
}

/** Depth first; with so little memory that the frontier takes over at once; without anything the model adds; and counting at once. */
const WAYS: Readonly<
  Record<string, (model: AnyModel, history: readonly Operation[], budgetSteps: number) => CheckResult>
> = {
  descent: (model, history, budgetSteps) => checkHistory(model, history, { budgetSteps }),
  frontier: (model, history, budgetSteps) => checkHistory(model, history, { budgetSteps, rowsMax: 1 }),
  interned: (model, history, budgetSteps) =>
    checkHistory(bare(model), history, { budgetSteps, rowsMax: 3, explain: false }),
  counting: (model, history, budgetSteps) =>
    checkHistory(model, history, { budgetSteps, countAfter: 0, explain: false }),
};

const BUDGET_STEPS = 10_000_000;

/** The model without a machine of its own. */
function bare(model: AnyModel): AnyModel {
  const { compile: _, ...rest } = model;
  return rest;
}

// --- what an explanation claims ---

/** What is wrong with an order of ids for the part; with `until`, for its history cut off just before that position. */
function orderProblem(
  model: AnyModel,
  history: readonly Operation[],
  order: readonly number[],
  part: string | null,
  until: number | null,
): string | null {
  const isInPart = ({ key }: Operation): boolean => key === part;
  const placed = new Map(order.map((id, index) => [id, index]));
  if (placed.size !== order.length) return 'an order has an operation twice';
  let state: unknown = model.init();
  for (const id of order) {
    const operation = history[id]!;
    if (!isInPart(operation)) return `#${id} is in the order of another part`;
    if (until !== null && operation.invokedAt > until) return `#${id} is in an order before it was invoked`;
    state = model.step(state, operation);
    if (state === null) return `#${id} is not legal where the order has it`;
  }
  for (const operation of history) {
    if (!isInPart(operation) || operation.outcome === 'info' || !matters(model, operation)) continue;
    if (until !== null && operation.respondedAt >= until) continue;
    const at = placed.get(operation.id);
    if (at === undefined) return `#${operation.id} is missing in an order`;
    const isLate = order.slice(0, at).some((id) => history[id]!.invokedAt > operation.respondedAt);
    if (isLate) return `#${operation.id} comes after something that began when it was over`;
  }
  return null;
}

function explanationProblem(model: AnyModel, history: readonly Operation[], violation: Violation): string | null {
  const { blockedAt, part, core, order } = violation;
  if (!violation.isPrefixExact || !violation.isMinimal) return 'the explanation of a tiny history gave up';
  const members = history.filter(({ key }) => key === part);
  if (!bruteForce(model, prefix(members, blockedAt))) return 'the longest prefix is not linearizable';
  if (bruteForce(model, prefix(members, blockedAt + 1))) return 'the blocked operation can be placed';
  if (violation.stuck.length === 0) return 'there is no state at the violation';
  if (order !== null) {
    const wrong = orderProblem(model, history, order, part, blockedAt);
    if (wrong !== null) return `prefix: ${wrong}`;
  }
  const chosen = core.map((id) => history[id]!);
  if (!core.includes(violation.blocked)) return 'the blocked operation is not in the core';
  if (bruteForce(model, chosen)) return 'the core is linearizable';
  const whole = prefix(members, blockedAt + 1);
  const others = (kept: readonly number[]): Set<Operation> => new Set(whole.filter(({ id }) => !kept.includes(id)));
  if (bruteForce(model, whole, others(core))) return 'the core clashes only while the others must happen';
  for (const id of core) {
    if (!bruteForce(model, whole, others(core.filter((other) => other !== id)))) return `the core needs no #${id}`;
  }
  return null;
}

/** What was answered before that position must have happened; the rest may have, with the answers it will get. */
function prefix(operations: readonly Operation[], until: number): Operation[] {
  return operations
    .filter(({ invokedAt, respondedAt, outcome }) => invokedAt < until && (outcome !== 'fail' || respondedAt < until))
    .map((operation) =>
      operation.respondedAt < until ? operation : { ...operation, respondedAt: Number.POSITIVE_INFINITY },
    );
}
