/**
 * A model for the inner loop: states and operations are small integers.
 *
 * `InternedMachine` makes one of any model: a state is the number of its key, and a small cache remembers transitions.
 * Models whose states are plain values bring their own (`register.ts`, `keyValue.ts`).
 */

import type { AnyModel } from './model.ts';
import type { Problem } from './problem.ts';

export const ILLEGAL = -1;

/** What is known of the operations that are yet to be invoked. */
export interface Ahead {
  /** False when some pure operation invoked after response `layer` cannot become legal any more. */
  isFeasible(state: number, layer: number): boolean;
}

export interface Machine {
  readonly initial: number;
  /** The next state, or `ILLEGAL`. Operations index the problem. */
  step(state: number, op: number): number;
  describe(state: number): string;
  /** The state as the model has it. */
  valueOf(state: number): unknown;

  /** Look-ahead at one pure operation that is open. */
  feasible?(state: number, op: number): boolean;
  /** Look-ahead at those to come. Responses from `layerLimit` on and `relaxed` operations do not count. */
  ahead?(layerLimit: number, relaxed: Uint8Array | null): Ahead;

  /**
   * For an operation that is legal in one state alone, that state; -1 for one that is legal in every state and always leads to
   * the same one (a blind write); -2 for anything else.
   */
  readonly demand?: Int32Array;

  /** One of each kind of state that operations can tell apart which are answered in these layers and are not `relaxed`. */
  statesApart?(fromLayer: number, untilLayer: number, relaxed: Uint8Array): readonly number[];

  /** Forgets all states but these, and returns what each of them is called then. Not where there is `demand`. */
  compact?(live: readonly number[]): number[];
}

export const DEMANDS_NOTHING = -1;
export const DEMANDS_SOMETHING = -2;

/** Transitions remembered at a time: so many for each operation, up to a limit. Powers of two. */
const CACHED_PER_OPERATION = 8;
const CACHE_BITS_MAX = 16;
/** Pure operations that a look-ahead of a general model looks at. */
const AHEAD_MAX = 128;

export class InternedMachine implements Machine {
  readonly initial: number;
  readonly #model: AnyModel;
  readonly #problem: Problem;
  #states: unknown[] = [];
  readonly #known = new Map<string | number, number>();
  /** Triples of state, operation and next state, each where its hash says. */
  readonly #cache: Int32Array;
  readonly #cacheShift: number;
  readonly feasible?: (state: number, op: number) => boolean;
  readonly ahead?: (layerLimit: number, relaxed: Uint8Array | null) => Ahead;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#model = problem.model;
    this.initial = this.#intern(this.#model.init());
    const count = Math.max(1, problem.operations.length);
    // Few in small histories, so that entries displace each other there too, where every order can be tried.
    const bits = 32 - Math.clz32(Math.max(1, Math.min(CACHED_PER_OPERATION, count >>> 3)) * count);
    this.#cacheShift = 32 - Math.min(bits, CACHE_BITS_MAX);
    this.#cache = new Int32Array(3 * 2 ** (32 - this.#cacheShift)).fill(-1);
    const { feasible } = this.#model;
    if (feasible === undefined) return;
    this.feasible = (state, op) => feasible.call(this.#model, this.#states[state], problem.operations[op]!);
    this.ahead = (layerLimit, relaxed) => new PureAhead(problem, layerLimit, relaxed, this.feasible!);
  }

  step(state: number, op: number): number {
    const at = 3 * ((Math.imul(state, 0x9e37_79b1) ^ Math.imul(op, 0x85eb_ca6b)) >>> this.#cacheShift);
    const cache = this.#cache;
    if (cache[at] === state && cache[at + 1] === op) return cache[at + 2]!;
    const next = this.#model.step(this.#states[state], this.#problem.operations[op]!);
    const named = next === null ? ILLEGAL : this.#intern(next);
    cache[at] = state;
    cache[at + 1] = op;
    cache[at + 2] = named;
    return named;
  }

  describe(state: number): string {
    return this.#model.describe(this.#states[state]);
  }

  valueOf(state: number): unknown {
    return this.#states[state];
  }

  compact(live: readonly number[]): number[] {
    const states = this.#states;
    this.#states = [];
    this.#known.clear();
    this.#cache.fill(-1);
    this.#intern(states[this.initial]);
    return live.map((state) => this.#intern(states[state]));
  }

  #intern(state: unknown): number {
    const key = this.#model.keyOf(state);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.#states.length);
    this.#states.push(state);
    return this.#states.length - 1;
  }
}

/**
 * Pure operations to come, as far as the next reset: those answered before it was invoked cannot have seen what it did.
 */
class PureAhead implements Ahead {
  readonly #problem: Problem;
  readonly #feasible: (state: number, op: number) => boolean;
  readonly #limit: number;
  readonly #relaxed: Uint8Array | null;
  readonly #nextReset: Int32Array;

  constructor(
    problem: Problem,
    layerLimit: number,
    relaxed: Uint8Array | null,
    feasible: (state: number, op: number) => boolean,
  ) {
    this.#problem = problem;
    this.#feasible = feasible;
    this.#limit = layerLimit;
    this.#relaxed = relaxed;
    this.#nextReset = resetsAhead(problem);
  }

  isFeasible(state: number, layer: number): boolean {
    const { calls, callsFrom, isPure, layerOf } = this.#problem;
    const before = Math.min(this.#limit, this.#nextReset[layer]!);
    let seen = 0;
    for (let i = callsFrom[layer + 1]!; i < calls.length && seen < AHEAD_MAX; i++) {
      const op = calls[i]!;
      if (this.#problem.callLayerOf[op]! >= before) break;
      if (isPure[op] === 0 || layerOf[op]! >= before || this.#relaxed?.[op] === 1) continue;
      seen += 1;
      if (!this.#feasible(state, op)) return false;
    }
    return true;
  }
}

/** For each layer, the layer in which the next reset after its response is invoked. */
export function resetsAhead({ returning, calls, callsFrom, isReset }: Problem): Int32Array {
  const layers = returning.length;
  const next = new Int32Array(layers + 1).fill(layers + 1);
  for (let layer = layers - 1; layer >= 0; layer--) {
    next[layer] = next[layer + 1]!;
    for (let i = callsFrom[layer + 1]!; i < callsFrom[layer + 2]!; i++) {
      if (isReset[calls[i]!] === 1) next[layer] = layer + 1;
    }
  }
  return next;
}

export function machineOf(problem: Problem): Machine {
  return problem.model.compile?.(problem) ?? new InternedMachine(problem);
}
