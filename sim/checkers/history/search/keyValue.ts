/**
 * A store of strings by key: `get`, `put V`, and `append V`, which writes at the end of what is there. A key that was never
 * written holds the empty string, and so does a get that was answered with nothing.
 *
 * Each key is a part of its own. Appending only makes longer, so what is there must be the beginning of everything that is still
 * to be read, unless a put comes between: that look-ahead is what keeps concurrent appends from being tried in every order.
 */

import { type Ahead, ILLEGAL, type Machine, resetsAhead } from './machine.ts';
import type { Model } from './model.ts';
import type { Operation, Plain } from './operation.ts';
import type { Problem } from './problem.ts';

interface Text {
  readonly text: string;
}

export function keyValueModel(): Model<Text> {
  return {
    name: 'kv',
    says: 'strings by key: get, put V, append V',
    operations: ['get', 'put', 'append'],
    init: () => ({ text: '' }),
    step,
    keyOf: ({ text }) => text,
    describe: ({ text }) => JSON.stringify(text),
    problemOf: ({ f, value, outcome, result }) => {
      if (f !== 'get') return typeof value === 'string' ? null : `${f} takes a string`;
      return outcome !== 'ok' || result === null || typeof result === 'string' ? null : 'get is answered with a string';
    },
    isPure: ({ f }) => f === 'get',
    isReset: ({ f }) => f === 'put',
    feasible: ({ text }, pure) => textOf(pure.result).startsWith(text),
    compile: (problem) => new KeyValueMachine(problem),
  };
}

const textOf = (value: Plain): string => (typeof value === 'string' ? value : '');

function step(state: Text, { f, value, outcome, result }: Operation): Text | null {
  if (f === 'get') return outcome === 'info' || textOf(result) === state.text ? state : null;
  return { text: f === 'put' ? textOf(value) : state.text + textOf(value) };
}

const GET = 0;
const PUT = 1;
const APPEND = 2;

/** States are the numbers of strings. */
class KeyValueMachine implements Machine {
  readonly initial: number;
  readonly #problem: Problem;
  readonly #kind: Uint8Array;
  readonly #text: string[];
  #strings: string[] = [];
  readonly #known = new Map<string, number>();
  /** What appending came to, by state and operation. */
  readonly #appended = new Map<number, number>();

  constructor(problem: Problem) {
    const { operations } = problem;
    this.#problem = problem;
    this.#kind = Uint8Array.from(operations, ({ f }) => (f === 'get' ? GET : f === 'put' ? PUT : APPEND));
    this.#text = operations.map(({ f, value, result }) => textOf(f === 'get' ? result : value));
    this.initial = this.#intern('');
  }

  step(state: number, op: number): number {
    switch (this.#kind[op]) {
      case GET:
        return this.#strings[state] === this.#text[op] ? state : ILLEGAL;
      case PUT:
        return this.#intern(this.#text[op]!);
      default:
        return this.#append(state, op);
    }
  }

  describe(state: number): string {
    return JSON.stringify(this.#strings[state]);
  }

  valueOf(state: number): Text {
    return { text: this.#strings[state]! };
  }

  feasible(state: number, op: number): boolean {
    return this.#text[op]!.startsWith(this.#strings[state]!);
  }

  ahead(layerLimit: number, relaxed: Uint8Array | null): Ahead {
    const common = commonBeginnings(this.#problem, this.#text, layerLimit, relaxed);
    return { isFeasible: (state, layer) => common[layer]?.startsWith(this.#strings[state]!) ?? true };
  }

  compact(live: readonly number[]): number[] {
    const strings = this.#strings;
    this.#strings = [];
    this.#known.clear();
    this.#appended.clear();
    this.#intern('');
    return live.map((state) => this.#intern(strings[state]!));
  }

  #append(state: number, op: number): number {
    const key = state * this.#text.length + op;
    let next = this.#appended.get(key);
    if (next === undefined) {
      next = this.#intern(this.#strings[state]! + this.#text[op]!);
      this.#appended.set(key, next);
    }
    return next;
  }

  #intern(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#strings.length);
    this.#strings.push(text);
    return this.#strings.length - 1;
  }
}

/**
 * For each layer, how everything begins that is read by gets which are invoked after its response and answered before the
 * next put is invoked; undefined where there is none.
 */
function commonBeginnings(
  problem: Problem,
  texts: readonly string[],
  layerLimit: number,
  relaxed: Uint8Array | null,
): (string | undefined)[] {
  const { returning, calls, callsFrom, isPure, layerOf } = problem;
  const resets = resetsAhead(problem);
  const common: (string | undefined)[] = new Array(returning.length + 1).fill(undefined);
  for (let layer = returning.length - 1; layer >= 0; layer--) {
    const before = Math.min(resets[layer]!, layerLimit);
    let text = resets[layer] === resets[layer + 1] ? common[layer + 1] : undefined;
    for (let i = callsFrom[layer + 1]!; i < callsFrom[layer + 2]!; i++) {
      const op = calls[i]!;
      if (isPure[op] === 0 || layerOf[op]! >= before || relaxed?.[op] === 1) continue;
      text = text === undefined ? texts[op]! : commonBeginning(text, texts[op]!);
    }
    common[layer] = text;
  }
  return common;
}

function commonBeginning(a: string, b: string): string {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i += 1;
  return a.slice(0, i);
}
