/**
 * What is open at a layer: a cursor over the layers of a problem that moves forward and back, one response at a time.
 *
 * At layer i every operation invoked before response i is there that has not responded before it. What is idle (`search.ts`)
 * never is.
 */

import type { Problem } from './problem.ts';

export class Window {
  layer: number;
  /** Open operations that may change the state, by slot. */
  readonly open: Int32Array;
  /** Open pure operations, by slot. */
  readonly pure: Int32Array;
  /** The operation in each slot that is set in `open` or `pure`. */
  readonly opAt: Int32Array;
  /** How many operations of unknown outcome have been invoked, by class. */
  readonly invoked: Int32Array;
  /** Open resets, and those of unknown outcome that have been invoked. */
  resets = 0;
  readonly #problem: Problem;
  readonly #idle: Uint8Array | null;

  constructor(problem: Problem, idle: Uint8Array | null, layer: number) {
    this.layer = layer;
    this.#problem = problem;
    this.#idle = idle;
    this.open = new Int32Array(problem.maskWords);
    this.pure = new Int32Array(problem.maskWords);
    this.opAt = new Int32Array(problem.maskWords * 32).fill(-1);
    this.invoked = new Int32Array(problem.classExample.length);
    const { calls, callsFrom, layerOf } = problem;
    for (let i = 0; i < callsFrom[layer + 1]!; i++) if (layerOf[calls[i]!]! >= layer) this.#add(calls[i]!);
  }

  moveTo(layer: number): void {
    while (this.layer < layer) this.#forward();
    while (this.layer > layer) this.#back();
  }

  #forward(): void {
    this.#remove(this.#problem.returning[this.layer]!);
    this.layer += 1;
    this.#call(this.layer);
  }

  #back(): void {
    const { calls, callsFrom, returning } = this.#problem;
    for (let i = callsFrom[this.layer]!; i < callsFrom[this.layer + 1]!; i++) this.#remove(calls[i]!);
    this.layer -= 1;
    this.#add(returning[this.layer]!);
  }

  #call(layer: number): void {
    const { calls, callsFrom } = this.#problem;
    for (let i = callsFrom[layer]!; i < callsFrom[layer + 1]!; i++) this.#add(calls[i]!);
  }

  #add(op: number): void {
    const { slot, classOf, isPure, isReset } = this.#problem;
    const at = slot[op]!;
    if (isReset[op] === 1) this.resets += 1;
    if (at < 0) {
      if (classOf[op]! >= 0) this.invoked[classOf[op]!] = this.invoked[classOf[op]!]! + 1;
      return;
    }
    if (this.#idle?.[op] === 1) return;
    if (isPure[op] === 1) this.pure[at >>> 5] = this.pure[at >>> 5]! | (1 << (at & 31));
    else this.open[at >>> 5] = this.open[at >>> 5]! | (1 << (at & 31));
    this.opAt[at] = op;
  }

  #remove(op: number): void {
    const { slot, classOf, isPure, isReset } = this.#problem;
    const at = slot[op]!;
    if (isReset[op] === 1) this.resets -= 1;
    if (at < 0) {
      if (classOf[op]! >= 0) this.invoked[classOf[op]!] = this.invoked[classOf[op]!]! - 1;
      return;
    }
    if (isPure[op] === 1) this.pure[at >>> 5] = this.pure[at >>> 5]! & ~(1 << (at & 31));
    else this.open[at >>> 5] = this.open[at >>> 5]! & ~(1 << (at & 31));
  }
}
