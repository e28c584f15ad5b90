/**
 * Registers: one value, read and written as a whole; with `cas`, also replaced if it is what somebody thinks it is.
 *
 * `cas` takes `[expected, next]`. One that failed without a reason was refused by the register, which tells that the value
 * was another one; one that failed with a reason (a timeout) tells nothing. A register holds null before it is written, and
 * a read of null is a read of that.
 */

import { DEMANDS_NOTHING, DEMANDS_SOMETHING, ILLEGAL, type Machine } from './machine.ts';
import type { Model } from './model.ts';
import { type Operation, type Plain, plainKey } from './operation.ts';
import type { Problem } from './problem.ts';

export interface Held {
  readonly value: Plain;
}

export function registerModel(initial: Plain = null): Model<Held> {
  return {
    ...common(initial),
    name: 'register',
    says: 'one value: read, write V',
    operations: ['read', 'write'],
  };
}

export function casRegisterModel(initial: Plain = null): Model<Held> {
  return {
    ...common(initial),
    name: 'cas-register',
    says: 'one value: read, write V, cas [EXPECTED, NEXT]',
    operations: ['read', 'write', 'cas'],
  };
}

function common(initial: Plain): Omit<Model<Held>, 'name' | 'says' | 'operations'> {
  return {
    init: () => ({ value: initial }),
    step,
    keyOf: ({ value }) => plainKey(value),
    describe: ({ value }) => plainKey(value),
    problemOf: ({ f, value }) =>
      f === 'cas' && !isPair(value) ? `cas takes [expected, next] and has ${plainKey(value)}` : null,
    isPure,
    failure: ({ f, error }) => (f === 'cas' && error === null ? 'judged' : 'dropped'),
    compile: (problem) => new RegisterMachine(problem, initial),
  };
}

const isPair = (value: Plain): value is readonly [Plain, Plain] => Array.isArray(value) && value.length === 2;
const same = (a: Plain, b: Plain): boolean => a === b || plainKey(a) === plainKey(b);

function step(held: Held, { f, value, outcome, result }: Operation): Held | null {
  if (f === 'read') return outcome === 'info' || same(held.value, result) ? held : null;
  if (f === 'write') return { value };
  const [expected, next] = value as readonly [Plain, Plain];
  const isExpected = same(held.value, expected);
  if (outcome === 'fail') return isExpected ? null : held;
  if (isExpected) return { value: next };
  return outcome === 'info' ? held : null;
}

function isPure({ f, value, outcome }: Operation): boolean {
  if (f === 'read') return true;
  if (f === 'write') return false;
  const [expected, next] = value as readonly [Plain, Plain];
  return outcome === 'fail' || same(expected, next);
}

const READ = 0;
const WRITE = 1;
const CAS = 2;
const CAS_REFUSED = 3;
const CAS_UNKNOWN = 4;

/** States are the numbers of values. */
class RegisterMachine implements Machine {
  readonly initial: number;
  readonly demand: Int32Array;
  readonly #problem: Problem;
  readonly #kind: Uint8Array;
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #values: Plain[] = [];
  readonly #known = new Map<string, number>();

  constructor(problem: Problem, initial: Plain) {
    this.#problem = problem;
    const { operations } = problem;
    const count = operations.length;
    this.#kind = new Uint8Array(count);
    this.#first = new Int32Array(count);
    this.#second = new Int32Array(count);
    this.demand = new Int32Array(count);
    this.initial = this.#intern(initial);
    for (let op = 0; op < count; op++) this.#compile(op, operations[op]!);
  }

  step(state: number, op: number): number {
    switch (this.#kind[op]) {
      case READ:
        return state === this.#first[op] ? state : ILLEGAL;
      case WRITE:
        return this.#first[op]!;
      case CAS:
        return state === this.#first[op] ? this.#second[op]! : ILLEGAL;
      case CAS_REFUSED:
        return state === this.#first[op] ? ILLEGAL : state;
      default:
        return state === this.#first[op] ? this.#second[op]! : state;
    }
  }

  describe(state: number): string {
    return state < this.#values.length ? plainKey(this.#values[state]!) : 'another value';
  }

  valueOf(state: number): Held {
    return { value: this.#values[state] ?? null };
  }

  /** The values that somebody asks for and that can have been there, and one that nobody asks for. */
  statesApart(fromLayer: number, untilLayer: number, relaxed: Uint8Array): readonly number[] {
    const { isPure, layerOf, callLayerOf } = this.#problem;
    const asked = new Set<number>();
    for (let op = 0; op < this.#kind.length; op++) {
      if (layerOf[op]! < fromLayer || callLayerOf[op]! >= untilLayer || this.#kind[op] === WRITE) continue;
      if (relaxed[op] === 0 || isPure[op] === 0) asked.add(this.#first[op]!);
    }
    const written = new Set<number>(asked.has(this.initial) ? [this.initial] : []);
    for (let op = 0; op < this.#kind.length && callLayerOf[op]! < fromLayer; op++) {
      if (isPure[op] === 1) continue;
      const state = this.#kind[op] === WRITE ? this.#first[op]! : this.#second[op]!;
      if (asked.has(state)) written.add(state);
    }
    return [this.#values.length, ...written];
  }

  #compile(op: number, { f, value, outcome, result }: Operation): void {
    if (f === 'read') {
      this.#set(op, READ, this.#intern(result), 0);
      this.demand[op] = this.#first[op]!;
    } else if (f === 'write') {
      this.#set(op, WRITE, this.#intern(value), 0);
      this.demand[op] = DEMANDS_NOTHING;
    } else {
      const [expected, next] = value as readonly [Plain, Plain];
      const kind = outcome === 'ok' ? CAS : outcome === 'fail' ? CAS_REFUSED : CAS_UNKNOWN;
      this.#set(op, kind, this.#intern(expected), this.#intern(next));
      this.demand[op] = kind === CAS_REFUSED ? DEMANDS_SOMETHING : this.#first[op]!;
    }
  }

  #set(op: number, kind: number, first: number, second: number): void {
    this.#kind[op] = kind;
    this.#first[op] = first;
    this.#second[op] = second;
  }

  #intern(value: Plain): number {
    const key = plainKey(value);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.#values.length);
    this.#values.push(value);
    return this.#values.length - 1;
  }
}
