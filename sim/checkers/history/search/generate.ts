/**
 * Histories to attack the search with.
 *
 * They are made by running a model with concurrent processes: each operation takes effect at a random moment of its time, so
 * the history is linearizable; then, in about half of them, a few answers are changed, and nobody knows whether it still
 * is. Values are few, so that they meet. Some operations are never answered, and of
 * those some have taken effect.
 */

import type { Stream } from '../../../world/types.ts';
import type { AnyModel } from './model.ts';
import type { ModelName } from './models.ts';
import type { Operation, OperationOutcome, Plain } from './operation.ts';

/** What a generator knows of a model: what may be asked, and what may be answered, the likelier first. */
export interface Kit {
  readonly model: ModelName;
  call(random: Stream): { readonly f: string; readonly value: Plain };
  answers(f: string, values: number): readonly Answer[];
}

interface Answer {
  readonly outcome: OperationOutcome;
  readonly result: Plain;
}

export interface GeneratorSettings {
  readonly operations: number;
  readonly processes: number;
  readonly keys: number;
  readonly values: number;
  /** Of a thousand operations, so many are never answered. */
  readonly crashPerMille: number;
  /** Of a thousand histories, so many have an answer changed. */
  readonly corruptPerMille: number;
}

const ok = (result: Plain): Answer => ({ outcome: 'ok', result });
const FAIL: Answer = { outcome: 'fail', result: null };
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export const KITS: readonly Kit[] = [
  {
    model: 'register',
    call: (random) => (random.below(2) === 0 ? { f: 'read', value: null } : { f: 'write', value: random.below(3) }),
    answers: (f, values) => (f === 'write' ? [ok(null)] : [null, ...range(values)].map(ok)),
  },
  {
    model: 'cas-register',
    call: (random) => {
      const die = random.below(5);
      if (die < 2) return { f: 'read', value: null };
      if (die < 3) return { f: 'write', value: random.below(3) };
      return { f: 'cas', value: [random.below(3), random.below(3)] };
    },
    answers: (f, values) =>
      f === 'read' ? [null, ...range(values)].map(ok) : f === 'write' ? [ok(null)] : [ok(null), FAIL],
  },
  {
    // So few values that a conditional and a blind operation of unknown outcome often do the same.
    model: 'cas-register',
    call: (random) => {
      const die = random.below(8);
      if (die < 4) return { f: 'read', value: null };
      if (die < 6) return { f: 'write', value: random.below(2) };
      return { f: 'cas', value: die === 6 ? [0, 1] : [1, 0] };
    },
    answers: (f) => (f === 'read' ? [null, 0, 1].map(ok) : f === 'write' ? [ok(null)] : [ok(null), FAIL]),
  },
  {
    model: 'kv',
    call: (random) => {
      const die = random.below(7);
      if (die < 3) return { f: 'get', value: null };
      return { f: die < 4 ? 'put' : 'append', value: 'xyz'.charAt(random.below(3)) };
    },
    answers: (f) => (f === 'get' ? TEXTS : [ok(null)]),
  },
  {
    model: 'queue',
    call: (random) =>
      random.below(2) === 0 ? { f: 'dequeue', value: null } : { f: 'enqueue', value: random.below(3) },
    answers: (f, values) => (f === 'enqueue' ? [ok(null)] : [...range(values), null].map(ok)),
  },
  {
    // Some say what they are after, and nobody knows what became of it.
    model: 'queue',
    call: (random) => {
      const die = random.below(4);
      if (die < 2) return { f: 'enqueue', value: random.below(3) };
      return { f: 'dequeue', value: die === 2 ? null : random.below(3) };
    },
    answers: (f, values) => (f === 'enqueue' ? [ok(null)] : [...range(values), null].map(ok)),
  },
  {
    model: 'fair-lock',
    call: (random) => ({
      f: random.pick(['enter', 'enter', 'hold', 'hold', 'leave']),
      value: 'xyz'.charAt(random.below(3)),
    }),
    answers: () => [ok(null), FAIL],
  },
  {
    model: 'lock',
    call: (random) => ({ f: random.below(2) === 0 ? 'acquire' : 'release', value: null }),
    answers: (f) => (f === 'acquire' ? [ok(true), ok(false)] : [ok(true), FAIL]),
  },
  {
    model: 'mutex',
    call: (random) => ({ f: random.below(2) === 0 ? 'acquire' : 'release', value: null }),
    answers: (f) => (f === 'acquire' ? [ok(true), ok(false), FAIL] : [ok(true), FAIL]),
  },
];

/** Every text of up to so many of three letters. */
function texts(length: number): string[] {
  const found = [''];
  let last = [''];
  for (let i = 0; i < length; i++) {
    last = last.flatMap((text) => ['x', 'y', 'z'].map((letter) => text + letter));
    found.push(...last);
  }
  return found;
}

const TEXTS: readonly Answer[] = texts(4).map(ok);

/** Answers that are changed in one history. */
const CORRUPTIONS_MAX = 3;

interface Running {
  readonly id: number;
  readonly call: { readonly f: string; readonly value: Plain };
  readonly key: string | null;
  readonly at: number;
  answer: Answer | null;
}

/** A history of the model; linearizable unless it was corrupted. */
export function generateHistory(model: AnyModel, kit: Kit, settings: GeneratorSettings, random: Stream): Operation[] {
  const made = new Run(model, kit, settings, random).operations();
  if (random.below(1000) >= settings.corruptPerMille) return made;
  let corrupted = made;
  for (let left = 1 + random.below(CORRUPTIONS_MAX); left > 0; left--)
    corrupted = corrupt(corrupted, kit, settings, random);
  return corrupted;
}

class Run {
  readonly #model: AnyModel;
  readonly #kit: Kit;
  readonly #settings: GeneratorSettings;
  readonly #random: Stream;
  readonly #states = new Map<string | null, unknown>();
  readonly #open: (Running | null)[];
  /** A process that crashed goes on under another name. */
  readonly #names: string[];
  readonly #made: Operation[] = [];
  #at = 0;
  #invoked = 0;

  constructor(model: AnyModel, kit: Kit, settings: GeneratorSettings, random: Stream) {
    this.#model = model;
    this.#kit = kit;
    this.#settings = settings;
    this.#random = random;
    this.#open = Array.from({ length: settings.processes }, () => null);
    this.#names = this.#open.map((_, index) => `p${index}`);
  }

  operations(): Operation[] {
    const { operations } = this.#settings;
    while (this.#made.length < operations) this.#step(this.#random.below(this.#open.length));
    return this.#made.sort((a, b) => a.invokedAt - b.invokedAt);
  }

  #step(index: number): void {
    const running = this.#open[index]!;
    if (running === null) {
      if (this.#invoked < this.#settings.operations) this.#invoke(index);
    } else if (running.answer === null && this.#random.below(3) > 0) this.#takeEffect(index, running);
    else if (this.#random.below(1000) < this.#settings.crashPerMille) this.#crash(index, running);
    else if (running.answer !== null) this.#answer(index, running, running.answer);
  }

  #invoke(index: number): void {
    const { keys } = this.#settings;
    const key = keys === 1 ? null : `k${this.#random.below(keys)}`;
    this.#open[index] = { id: this.#invoked, call: this.#kit.call(this.#random), key, at: this.#at++, answer: null };
    this.#invoked += 1;
  }

  /** The first answer that is legal is the one. */
  #takeEffect(index: number, running: Running): void {
    const before = this.#states.has(running.key) ? this.#states.get(running.key) : this.#model.init();
    for (const answer of this.#kit.answers(running.call.f, this.#settings.values)) {
      const operation = this.#operation(index, running, answer, this.#at);
      if (answer.outcome === 'fail' && this.#model.failure?.(operation) !== 'judged') {
        running.answer = answer;
        return;
      }
      const after = this.#model.step(before, operation);
      if (after === null) continue;
      running.answer = answer;
      this.#states.set(running.key, after);
      return;
    }
    // No answer that the kit knows says what is there.
    this.#crash(index, running);
  }

  #answer(index: number, running: Running, answer: Answer): void {
    this.#made.push(this.#operation(index, running, answer, this.#at++));
    this.#open[index] = null;
  }

  #crash(index: number, running: Running): void {
    const unknown: Answer = { outcome: 'info', result: null };
    this.#made.push(this.#operation(index, running, unknown, Number.POSITIVE_INFINITY));
    this.#names[index] = `${this.#names[index]}'`;
    this.#open[index] = null;
  }

  #operation(
    index: number,
    { id, call, key, at }: Running,
    { outcome, result }: Answer,
    respondedAt: number,
  ): Operation {
    return { id, process: this.#names[index]!, ...call, key, outcome, result, error: null, invokedAt: at, respondedAt };
  }
}

function corrupt(operations: Operation[], kit: Kit, { values }: GeneratorSettings, random: Stream): Operation[] {
  const answered = operations.filter(({ outcome }) => outcome !== 'info');
  if (answered.length === 0) return operations;
  const victim = random.pick(answered);
  const answer = random.pick(kit.answers(victim.f, values));
  return operations.map((operation) => (operation === victim ? { ...operation, ...answer } : operation));
}
