/**
 * A history laid out for the search, in typed arrays.
 *
 * Only responses force anything: an operation must have taken effect when its response is seen, and not before. So the
 * history is cut into **layers**, one for each response; `calls` are the invocations between two of them. An operation
 * that is open occupies a **slot** of the window, the lowest that is free, from its invocation to its response; the window is
 * as wide as the history is concurrent, not as it is long. Operations of unknown outcome never respond and would hold
 * their slots for ever. They have none; those that are interchangeable form a **class**, of which only the number that
 * has been used matters.
 *
 * Definite failures that say nothing and pure operations without a result constrain nothing and are left out.
 */

import type { AnyModel } from './model.ts';
import { type Operation, plainKey } from './operation.ts';

export interface Problem {
  readonly model: AnyModel;
  /** Those that matter; indexes into this list are what everything below speaks of. */
  readonly operations: readonly Operation[];
  readonly isPure: Uint8Array;
  readonly isReset: Uint8Array;
  /** Slot of the window, or -1 for an operation of unknown outcome. */
  readonly slot: Int32Array;
  readonly windowSize: number;
  /** 32-bit words of a window mask. */
  readonly maskWords: number;
  /** Responses, in order: the operation of each layer. */
  readonly returning: Int32Array;
  /** The layer of an operation's response; the number of layers when it has none. */
  readonly layerOf: Int32Array;
  /** The layer before whose response the operation was invoked, and not before an earlier one. */
  readonly callLayerOf: Int32Array;
  /** `calls[callsFrom[i]] .. calls[callsFrom[i + 1] - 1]` are invoked after response i - 1 and before response i. */
  readonly calls: Int32Array;
  readonly callsFrom: Int32Array;
  /** Class of an operation of unknown outcome, else -1. */
  readonly classOf: Int32Array;
  /** One operation of each class, to step with. */
  readonly classExample: Int32Array;
}

/** The part of a history that can decide anything, laid out. `operations` are in the order of their invocations. */
export function layOut(model: AnyModel, operations: readonly Operation[]): Problem {
  const kept = operations.filter((operation) => matters(model, operation));
  const count = kept.length;
  const layers = layersOf(kept);
  const slots = slotsOf(kept, layers);
  const classes = classesOf(model, kept);
  const isPure = new Uint8Array(count);
  const isReset = new Uint8Array(count);
  for (let op = 0; op < count; op++) {
    isPure[op] = model.isPure?.(kept[op]!) === true ? 1 : 0;
    isReset[op] = model.isReset?.(kept[op]!) === true ? 1 : 0;
  }
  return { model, operations: kept, isPure, isReset, ...layers, ...slots, ...classes };
}

/** Whether the operation can make a difference to any order. */
export function matters(model: AnyModel, operation: Operation): boolean {
  switch (operation.outcome) {
    case 'ok':
      return true;
    case 'fail':
      return model.failure?.(operation) === 'judged';
    case 'info':
      return model.isPure?.(operation) !== true;
    default:
      return operation.outcome satisfies never;
  }
}

type Layers = Pick<Problem, 'returning' | 'layerOf' | 'callLayerOf' | 'calls' | 'callsFrom'>;

function layersOf(operations: readonly Operation[]): Layers {
  const count = operations.length;
  const answered: number[] = [];
  for (let op = 0; op < count; op++) if (operations[op]!.outcome !== 'info') answered.push(op);
  answered.sort((a, b) => operations[a]!.respondedAt - operations[b]!.respondedAt);
  const returning = Int32Array.from(answered);
  const layerOf = new Int32Array(count).fill(returning.length);
  const callLayerOf = new Int32Array(count);
  const calls = Int32Array.from({ length: count }, (_, op) => op);
  const callsFrom = new Int32Array(returning.length + 2);
  let called = 0;
  for (let layer = 0; layer < returning.length; layer++) {
    layerOf[returning[layer]!] = layer;
    callsFrom[layer] = called;
    const until = operations[returning[layer]!]!.respondedAt;
    while (called < count && operations[called]!.invokedAt < until) callLayerOf[called++] = layer;
  }
  callsFrom[returning.length] = called;
  for (; called < count; called++) callLayerOf[called] = returning.length;
  callsFrom[returning.length + 1] = count;
  return { returning, layerOf, callLayerOf, calls, callsFrom };
}

type Slots = Pick<Problem, 'slot' | 'windowSize' | 'maskWords'>;

function slotsOf(operations: readonly Operation[], { returning, layerOf, calls, callsFrom }: Layers): Slots {
  const slot = new Int32Array(operations.length).fill(-1);
  const free = new FreeSlots();
  for (let layer = 0; layer < returning.length; layer++) {
    for (let i = callsFrom[layer]!; i < callsFrom[layer + 1]!; i++) {
      const op = calls[i]!;
      if (layerOf[op]! < returning.length) slot[op] = free.take();
    }
    free.give(slot[returning[layer]!]!);
  }
  return { slot, windowSize: free.size, maskWords: Math.max(1, Math.ceil(free.size / 32)) };
}

/** Hands out the lowest free number. */
class FreeSlots {
  size = 0;
  readonly #words: number[] = [];

  take(): number {
    let word = 0;
    while (word < this.#words.length && this.#words[word] === 0) word += 1;
    if (word === this.#words.length) this.#words.push(-1);
    const lowest = this.#words[word]! & -this.#words[word]!;
    this.#words[word] = this.#words[word]! ^ lowest;
    const slot = word * 32 + (31 - Math.clz32(lowest));
    this.size = Math.max(this.size, slot + 1);
    return slot;
  }

  give(slot: number): void {
    this.#words[slot >>> 5] = this.#words[slot >>> 5]! | (1 << (slot & 31));
  }
}

const classKeyOf = ({ f, key, value }: Operation): string => plainKey([f, key, value]);

type Classes = Pick<Problem, 'classOf' | 'classExample'>;

function classesOf(model: AnyModel, operations: readonly Operation[]): Classes {
  const classOf = new Int32Array(operations.length).fill(-1);
  const examples: number[] = [];
  const known = new Map<string, number>();
  for (let op = 0; op < operations.length; op++) {
    const operation = operations[op]!;
    if (operation.outcome !== 'info') continue;
    const key = model.classOf?.(operation) ?? classKeyOf(operation);
    let index = known.get(key);
    if (index === undefined) {
      index = examples.length;
      known.set(key, index);
      examples.push(op);
    }
    classOf[op] = index;
  }
  return { classOf, classExample: Int32Array.from(examples) };
}
