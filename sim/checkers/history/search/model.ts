/**
 * A model: what an object does when its operations happen one at a time. A history is linearizable when its operations,
 * each taking effect at one moment between its invocation and its response, are a run of the model.
 *
 * States are values of the model's own; `step` must not change them. Two states that behave alike should have the same
 * `keyOf`, and two that do not must not. `docs/history-search.md` has an example of a model of one's own.
 */

import type { Machine } from './machine.ts';
import type { Operation } from './operation.ts';
import type { Problem } from './problem.ts';

// biome-ignore lint/complexity/noBannedTypes: {} is every value but null and undefined, which is what is meant
export interface Model<S extends {} = {}> {
  readonly name: string;
  /** One sentence: what the object does and what its operations are called. */
  readonly says: string;
  /** The operations it knows. */
  readonly operations: readonly string[];

  init(): S;

  /**
   * The state after the operation, or null when it cannot have happened in this state with this result. An `info`
   * operation has no result and can always happen: it returns the state itself when it has no effect there. A `fail`
   * operation is seen only when `failure` said `judged`.
   */
  step(state: S, operation: Operation): S | null;

  /** Equal for equal states. */
  keyOf(state: S): string | number;

  /** For people. */
  describe(state: S): string;

  /** What is wrong with the operation, or null: called once for each before the search. */
  problemOf?(operation: Operation): string | null;

  /**
   * True when the operation changes no state at all: a read with its result, a comparison that failed. Whether it is legal
   * may depend on the state. A write is not pure, not even where it writes what is there. Default: false.
   */
  isPure?(operation: Operation): boolean;

  /**
   * What a `fail` means. `dropped`: it did not happen, and says no more (the default). `judged`: the answer was given by the object and
   * tells something about it, such as that the compared value was another one.
   */
  failure?(operation: Operation): 'dropped' | 'judged';

  /** Operations of unknown outcome with the same class are interchangeable. Default: the same `f` and `value`. */
  classOf?(operation: Operation): string;

  /** Operations of different parts do not affect each other. Null: concerns every part. Default: the key. */
  partOf?(operation: Operation): string | null;

  /**
   * Look-ahead: false when the pure operation is not legal in this state nor in any that can follow without a
   * `reset`. Default: true.
   */
  feasible?(state: S, pure: Operation): boolean;
  /** True for operations after which `feasible` promises nothing. Default: false. */
  isReset?(operation: Operation): boolean;

  /** A faster form of the same model. */
  compile?(problem: Problem): Machine;
}

// biome-ignore lint/suspicious/noExplicitAny: a model is used with states it made itself
export type AnyModel = Model<any>;
