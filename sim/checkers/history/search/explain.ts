/**
 * Why a history is not linearizable, for people.
 *
 * - The **blocked** operation is the first whose response cannot be passed: with the history cut off just before that response
 *   an order exists (the longest linearizable prefix), with the response none does.
 * - The **stuck** states are all that the object can be in at that moment, each with what is open there and why nothing of it
 *   helps.
 * - The **core** is a smallest set of operations that already clash. Operations outside it are not ignored: they may
 *   have happened at any moment of their time, or not at all, and there is still no order. It is found by delta debugging (Zeller
 *   and Hildebrandt 2002), relaxing operations while the violation stays, so none of its members can be relaxed. Since leaving
 *   an operation out allows less than relaxing it, the core alone is a history that is not linearizable either.
 *
 * To keep the work near the violation, the core is first looked for among the last operations, from every state that they
 * can tell apart, and further back only when that does not do; each member of what is found there is then tried once more from
 * the beginning. The less is not relaxed, the shorter a search is (`idleOf` in `search.ts`). The whole explanation has a budget of
 * about what the search has cost; when it is used up, `isMinimal` is false.
 */

import type { Part } from './check.ts';
import type { Operation } from './operation.ts';
import type { Search } from './search.ts';
import { operationText } from './text.ts';

export interface StuckState {
  readonly state: string;
  /** Ids of operations that are open there and have not taken effect, and whether they can. */
  readonly pending: readonly { readonly id: number; readonly isLegal: boolean }[];
}

/** `before` was answered before `after` was invoked. */
export interface RealTimeEdge {
  readonly before: number;
  readonly after: number;
}

export interface Violation {
  readonly sentence: string;
  readonly part: string | null;
  /** Id of the operation whose response cannot be passed. */
  readonly blocked: number;
  /** Position of that response. */
  readonly blockedAt: number;
  /** The longest prefix that is linearizable: everything before that response. False if another could be longer. */
  readonly isPrefixExact: boolean;
  /** Ids in an order that explains the prefix; null when none was kept. */
  readonly order: readonly number[] | null;
  /** The state after each of them. */
  readonly states: readonly string[];
  readonly stuck: readonly StuckState[];
  /** Ids of the smallest set of operations that clash, in the order of their invocations. */
  readonly core: readonly number[];
  readonly isMinimal: boolean;
  readonly edges: readonly RealTimeEdge[];
  readonly steps: number;
}

const STUCK_MAX = 16;
/** What an explanation may always cost; beyond it, as much as the search. */
const STEPS_AT_LEAST = 50_000;
/** How many windows the search for a core begins with. */
const WINDOWS_AT_FIRST = 2;

/** Of more operations nobody reads the order, and telling it takes the third power of their number. */
const EDGES_UP_TO = 64;

interface Shortest {
  readonly limit: number;
  readonly isExact: boolean;
}

interface From {
  readonly layer: number;
  readonly states: readonly number[];
}

interface Asked {
  readonly limit: number;
  readonly relaxed?: Uint8Array | null;
  readonly from?: From | null;
}

export function explain(part: Part): Violation {
  return new Explanation(part).violation();
}

class Explanation {
  readonly #part: Part;
  readonly #operations: readonly Operation[];
  #left: number;

  constructor(part: Part) {
    this.#part = part;
    this.#operations = part.problem.operations;
    this.#left = Math.max(STEPS_AT_LEAST, part.outcome.steps);
  }

  violation(): Violation {
    const allowed = this.#left;
    const { limit, isExact } = this.#shortestViolation();
    const blocked = this.#operations[this.#part.problem.returning[limit - 1]!]!;
    const stuck = this.#stuck(limit);
    const { core, isMinimal } = this.#core({ limit, isExact });
    const { order, states } = this.#prefix(limit - 1);
    const members = core.map((op) => this.#operations[op]!);
    const edges = members.length > EDGES_UP_TO ? [] : edgesOf(members);
    return {
      sentence: sentenceOf(blocked, members, edges, isMinimal),
      part: this.#part.name,
      blocked: blocked.id,
      blockedAt: blocked.respondedAt,
      isPrefixExact: isExact,
      order,
      states,
      stuck,
      core: members.map(({ id }) => id),
      isMinimal,
      edges,
      steps: allowed - this.#left,
    };
  }

  /** True when nothing passes response `limit - 1`; null when the steps do not suffice to tell. */
  #isViolated({ limit, relaxed = null, from = null }: Asked): boolean | null {
    const search = this.#part.search({
      budgetSteps: this.#left,
      layerLimit: limit,
      relaxed,
      ...(from === null ? {} : { from }),
    });
    const { status, steps } = search.run();
    this.#left = Math.max(0, this.#left - steps);
    return status === 'unknown' ? null : status === 'violation';
  }

  /**
   * The first response that cannot be passed. Without look-ahead it is where the search ended. With it, the search has given up
   * earlier than it had to: the prefix is made longer until it is a violation by itself.
   */
  #shortestViolation(): Shortest {
    const { outcome, problem, machine } = this.#part;
    const first = outcome.deepest + 1;
    if (machine.feasible === undefined) return { limit: first, isExact: outcome.exhausted === null };
    let low = first - 1;
    let high = problem.returning.length;
    for (let step = 1; low + step < high; step *= 2) {
      const isViolated = this.#isViolated({ limit: low + step });
      if (isViolated === null) return { limit: high, isExact: false };
      if (isViolated) {
        high = low + step;
        break;
      }
      low += step;
    }
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const isViolated = this.#isViolated({ limit: middle });
      if (isViolated === null) return { limit: high, isExact: false };
      if (isViolated) high = middle;
      else low = middle;
    }
    return { limit: high, isExact: true };
  }

  #stuck(limit: number): StuckState[] {
    const { machine } = this.#part;
    const known = machine.feasible === undefined ? this.#part.judged.stuck() : [];
    // Look-ahead knows of a violation without having been in every state.
    const all = known.length > 0 ? known : this.#searchWithoutLookAhead(limit).stuck();
    const found = new Map<string, StuckState>();
    for (const { state, pending } of all) {
      const told = {
        state: machine.describe(state),
        pending: pending.map(({ op, isLegal }) => ({ id: this.#operations[op]!.id, isLegal })),
      };
      const key = `${told.state} ${told.pending.map(({ id }) => id).join(' ')}`;
      if (found.size < STUCK_MAX || found.has(key)) found.set(key, told);
    }
    return [...found.values()];
  }

  #searchWithoutLookAhead(limit: number): Search {
    const search = this.#part.search({ budgetSteps: this.#left >>> 1, layerLimit: limit, lookAhead: false });
    this.#left = Math.max(0, this.#left - search.run().steps);
    return search;
  }

  #prefix(limit: number): { order: readonly number[] | null; states: readonly string[] } {
    const { machine } = this.#part;
    const { order } = this.#part
      .search({ budgetSteps: this.#part.settings.budgetSteps ?? this.#left, layerLimit: limit, counted: null })
      .run();
    if (order === null) return { order: null, states: [] };
    const states: string[] = [];
    let state = machine.initial;
    for (const op of order) {
      state = machine.step(state, op);
      states.push(machine.describe(state));
    }
    return { order: order.map((op) => this.#operations[op]!.id), states };
  }

  // --- the core ---

  #core(shortest: Shortest): { core: readonly number[]; isMinimal: boolean } {
    const { limit } = shortest;
    const { problem, machine } = this.#part;
    const relaxed = new Uint8Array(this.#operations.length);
    let back = WINDOWS_AT_FIRST * problem.windowSize;
    for (;;) {
      const isWhole = machine.statesApart === undefined || back >= limit;
      const layer = isWhole ? 0 : limit - back;
      for (let op = 0; op < relaxed.length; op++) {
        // What has no answer before the limit may be left out as it is; saying so makes the search shorter.
        relaxed[op] = problem.callLayerOf[op]! < layer || problem.layerOf[op]! >= limit ? 1 : 0;
      }
      const from = isWhole ? null : { layer, states: machine.statesApart!(layer, limit, relaxed) };
      const isEnough = isWhole ? true : this.#isViolated({ limit, relaxed, from });
      if (isEnough === null) return { core: this.#before(limit), isMinimal: false };
      if (isEnough) return this.#coreAmong(shortest, relaxed, from, layer);
      back *= 2;
    }
  }

  /**
   * The core of what is not relaxed. States to begin with are more than there can have been, and what was used to reach one may be
   * used once more: what clashes from all of them does clash, but may contain what is not needed. So each member is tried
   * once more from the beginning of the history, where little is left to be searched.
   */
  #coreAmong(
    { limit, isExact }: Shortest,
    relaxed: Uint8Array,
    from: From | null,
    layer: number,
  ): { core: readonly number[]; isMinimal: boolean } {
    const { callLayerOf, layerOf, returning } = this.#part.problem;
    // Everything before the blocked response has an order, so the blocked operation is in every core.
    const blocked = isExact ? returning[limit - 1]! : null;
    const hard: number[] = [];
    for (let op = 0; op < relaxed.length; op++)
      if (callLayerOf[op]! >= layer && layerOf[op]! < limit && op !== blocked) hard.push(op);
    let found = this.#minimise(hard, { limit, relaxed, from }, Math.ceil(hard.length / 2));
    if (from !== null && found.isMinimal) found = this.#minimise(found.core, { limit, relaxed }, 1);
    const { core, isMinimal } = found;
    return { core: blocked === null ? core : [...core, blocked].sort((a, b) => a - b), isMinimal };
  }

  /**
   * Relaxes piece after piece, of that size and then ever smaller ones, as long as the violation stays. What has an order has one
   * when even less is asked for: that is not searched again.
   */
  #minimise(
    among: readonly number[],
    asked: Asked & { readonly relaxed: Uint8Array },
    sizeAtFirst: number,
  ): { core: readonly number[]; isMinimal: boolean } {
    const { relaxed } = asked;
    let hard = among;
    const ordered: ReadonlySet<number>[] = [];
    for (let size = sizeAtFirst; hard.length > 0; size = Math.ceil(size / 2)) {
      for (let at = 0; at < hard.length; ) {
        const left = [...hard.slice(0, at), ...hard.slice(at + size)];
        if (ordered.some((known) => left.every((op) => known.has(op)))) {
          at += size;
          continue;
        }
        const piece = hard.slice(at, at + size);
        for (const op of piece) relaxed[op] = 1;
        const isViolated = this.#isViolated(asked);
        if (isViolated === true) {
          hard = left;
          continue;
        }
        for (const op of piece) relaxed[op] = 0;
        if (isViolated === null) return { core: hard, isMinimal: false };
        ordered.push(new Set(left));
        at += size;
      }
      // One that could not be relaxed alone cannot be later either.
      if (size === 1) break;
    }
    return { core: hard, isMinimal: true };
  }

  /** Everything up to the response, when there was no time for better: that much is known to clash. */
  #before(limit: number): number[] {
    const { callLayerOf } = this.#part.problem;
    return Array.from(callLayerOf.keys()).filter((op) => callLayerOf[op]! < limit);
  }
}

/** The order in time, without what follows from the rest of it. */
export function edgesOf(operations: readonly Operation[]): RealTimeEdge[] {
  const edges: RealTimeEdge[] = [];
  for (const before of operations) {
    for (const after of operations) {
      if (before.respondedAt >= after.invokedAt) continue;
      const isImplied = operations.some(
        (between) => before.respondedAt < between.invokedAt && between.respondedAt < after.invokedAt,
      );
      if (!isImplied) edges.push({ before: before.id, after: after.id });
    }
  }
  return edges;
}

function sentenceOf(
  blocked: Operation,
  core: readonly Operation[],
  edges: readonly RealTimeEdge[],
  isMinimal: boolean,
): string {
  const others = core.filter(({ id }) => id !== blocked.id);
  const subject = operationText(blocked);
  if (!isMinimal) return `${subject} cannot take effect at any moment between its invocation and its answer`;
  if (others.length === 0) {
    return `${subject} cannot be: nothing that was invoked before its answer leads to a state in which it is legal`;
  }
  const order = edges.map(({ before, after }) => `#${before} ended before #${after} began`);
  const inTime = order.length === 0 ? 'all of them at the same time' : order.join(', ');
  return `no order explains ${subject} together with ${others.map(operationText).join(', ')} (${inTime})`;
}
