/**
 * What the search for linearizations costs, on histories of registers: CPU time of one thread, warm, best and median of
 * several runs. Each is measured as it is, linearizable, and with an answer near its end that cannot be.
 */

import { checkHistory } from '../../sim/checkers/history/search/check.ts';
import { modelOf } from '../../sim/checkers/history/search/models.ts';
import type { Operation, OperationOutcome, Plain } from '../../sim/checkers/history/search/operation.ts';
import { makeStream } from '../../sim/world/random.ts';
import type { Stream } from '../../sim/world/types.ts';

export interface Shape {
  readonly operations: number;
  readonly clients: number;
  /** How many values there are; 0: each write has one of its own. */
  readonly values: number;
  /** Of a thousand operations, so many are never answered. */
  readonly crashPerMille: number;
  /** At most so many. */
  readonly crashesMax: number;
  readonly seed: string;
}

interface Busy {
  readonly id: number;
  readonly f: string;
  readonly value: Plain;
  readonly at: number;
  answer: { readonly outcome: OperationOutcome; readonly result: Plain } | null;
}

/** A linearizable history of a compare-and-set register under clients that never rest. */
export function registerHistory(shape: Shape): Operation[] {
  const random = makeStream(shape.seed, 'register-history');
  const made: Operation[] = new Array(shape.operations);
  const busy: (Busy | null)[] = Array.from({ length: shape.clients }, () => null);
  let held: Plain = null;
  let at = 0;
  let invoked = 0;
  let finished = 0;
  let crashes = 0;
  while (finished < shape.operations) {
    const client = random.below(shape.clients);
    const doing = busy[client]!;
    if (doing === null) {
      if (invoked < shape.operations)
        busy[client] = { id: invoked, ...callOf(shape, random, invoked), at: at++, answer: null };
      invoked = Math.min(invoked + 1, shape.operations);
      continue;
    }
    const crashed = crashes < shape.crashesMax && doing.f !== 'read' && random.below(1000) < shape.crashPerMille;
    if (doing.answer === null && !crashed) {
      [held, doing.answer] = effectOf(doing, held);
      continue;
    }
    const { outcome, result } =
      crashed || doing.answer === null ? { outcome: 'info' as const, result: null } : doing.answer;
    const respondedAt = outcome === 'info' ? Number.POSITIVE_INFINITY : at++;
    if (outcome === 'info') crashes += 1;
    const { id, f, value } = doing;
    made[id] = {
      id,
      process: `${client}`,
      f,
      key: null,
      value,
      outcome,
      result,
      error: null,
      invokedAt: doing.at,
      respondedAt,
    };
    busy[client] = null;
    finished += 1;
  }
  return made;
}

function callOf({ values }: Shape, random: Stream, id: number): { readonly f: string; readonly value: Plain } {
  const die = random.below(4);
  const value = values === 0 ? id : random.below(values);
  if (die < 2) return { f: 'read', value: null };
  return die === 2 || values === 0 ? { f: 'write', value } : { f: 'cas', value: [random.below(values), value] };
}

function effectOf({ f, value }: Busy, held: Plain): [Plain, Busy['answer']] {
  if (f === 'read') return [held, { outcome: 'ok', result: held }];
  if (f === 'write') return [value, { outcome: 'ok', result: null }];
  const [expected, next] = value as readonly [Plain, Plain];
  return held === expected ? [next, { outcome: 'ok', result: null }] : [held, { outcome: 'fail', result: null }];
}

/** What a read near the end of the history may be told instead, until no order explains it. */
const TRIES_MAX = 12;
const TRY_STEPS = 20_000_000;

/** The history with an answer near its end that nothing explains: an old value, if possible. Null when none is found. */
export function brokenLate(
  operations: readonly Operation[],
  { values, clients }: Pick<Shape, 'values' | 'clients'>,
): Operation[] | null {
  const model = modelOf('cas-register');
  let tries = 0;
  for (let at = operations.length - 1; at >= 0 && tries < TRIES_MAX; at--) {
    const { f, outcome, result } = operations[at]!;
    if (f !== 'read' || outcome !== 'ok') continue;
    const others =
      values === 0 ? [oldValue(operations, at - 10 * clients)] : [0, 1, 2, 3, 4].filter((value) => value !== result);
    for (const value of others) {
      tries += 1;
      const broken = operations.map((operation, id) => (id === at ? { ...operation, result: value } : operation));
      const { status } = checkHistory(model, broken, { explain: false, budgetSteps: TRY_STEPS });
      if (status === 'violation') return broken;
    }
  }
  return null;
}

/**
 * The history with its last read told a value that no operation of unknown outcome leads to: those that would are reads instead. Every
 * other value may still come from any of the rest at any time.
 */
export function brokenAndSpared(operations: readonly Operation[], value: number): Operation[] | null {
  const last = operations.findLast(({ f, outcome }) => f === 'read' && outcome === 'ok');
  if (last === undefined || last.result === value) return null;
  const target = ({ f, value: said }: Operation): Plain => (f === 'cas' ? (said as readonly Plain[])[1]! : said);
  return operations.map((operation) => {
    if (operation === last) return { ...operation, result: value };
    const isSpared = operation.outcome === 'info' && target(operation) === value;
    return isSpared ? { ...operation, f: 'read', value: null } : operation;
  });
}

function oldValue(operations: readonly Operation[], from: number): Plain {
  let at = Math.max(0, from);
  while (at > 0 && (operations[at]!.f !== 'write' || operations[at]!.outcome !== 'ok')) at -= 1;
  return operations[at]!.value;
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Measured {
  readonly bestMs: number;
  readonly medianMs: number;
  readonly steps: number;
}

function measure(runs: number, judge: () => number): Measured {
  const times: number[] = [];
  let steps = 0;
  judge();
  for (let i = 0; i < runs; i++) {
    const before = cpuMs();
    steps = judge();
    times.push(cpuMs() - before);
  }
  times.sort((a, b) => a - b);
  return { bestMs: times[0]!, medianMs: times[times.length >> 1]!, steps };
}

interface Row {
  readonly name: string;
  readonly shape: Omit<Shape, 'seed'>;
  /** For how many histories the target counts. */
  readonly histories: number;
  readonly runs: number;
  readonly target: string;
  /** Nearly every value can come from an operation that crashed: the wrong one is kept from that. */
  readonly isSpared?: boolean;
}

const CALM = { crashPerMille: 0, crashesMax: 0 };
const ROWS: readonly Row[] = [
  {
    name: '40,000 ops, 10 clients, 5 values',
    shape: { operations: 40_000, clients: 10, values: 5, ...CALM },
    histories: 1,
    runs: 5,
    target: '600 ms',
  },
  {
    name: '40,000 ops, 10 clients, own values',
    shape: { operations: 40_000, clients: 10, values: 0, ...CALM },
    histories: 1,
    runs: 5,
    target: '600 ms',
  },
  {
    name: '300,000 ops, 10 clients, 5 values',
    shape: { operations: 300_000, clients: 10, values: 5, ...CALM },
    histories: 1,
    runs: 1,
    target: '3,000 ms',
  },
  {
    name: '10,000 ops, 190 crashed, 5 values',
    shape: { operations: 10_000, clients: 10, values: 5, crashPerMille: 40, crashesMax: 190 },
    histories: 1,
    runs: 5,
    target: '150 ms',
    isSpared: true,
  },
  {
    name: '10,000 ops, 190 crashed, own values',
    shape: { operations: 10_000, clients: 10, values: 0, crashPerMille: 40, crashesMax: 190 },
    histories: 1,
    runs: 5,
    target: '150 ms',
  },
  {
    name: '100 ops, 20 processes, a third unknown, own values',
    shape: { operations: 100, clients: 20, values: 0, crashPerMille: 330, crashesMax: 100 },
    histories: 50,
    runs: 5,
    target: '2 ms each',
  },
];

const SPARED = [0, 1, 2, 3, 4];

/** `npm run bench` calls it. */
export function benchSearch(): void {
  console.log('\nsearch for linearizations, compare-and-set register: best and median CPU ms, steps');
  const model = modelOf('cas-register');
  for (const { name, shape, histories, runs, target, isSpared = false } of ROWS) {
    const good = Array.from({ length: histories }, (_, i) => registerHistory({ ...shape, seed: String(i + 1) }));
    const broken = isSpared
      ? good.flatMap((operations) => SPARED.map((value) => brokenAndSpared(operations, value)))
      : good.map((operations) => brokenLate(operations, shape));
    const bad = broken.filter((operations) => operations !== null);
    const judgeAll = (all: readonly (readonly Operation[])[], status: string, explain: boolean) => (): number => {
      let steps = 0;
      for (const operations of all) {
        const result = checkHistory(model, operations, { explain });
        if (result.status !== status) throw new Error(`${name}: ${result.status} instead of ${status}`);
        steps += result.steps;
      }
      return steps;
    };
    report(`${name}: ok`, measure(runs, judgeAll(good, 'ok', false)), histories, target);
    report(`${name}: broken late`, measure(runs, judgeAll(bad, 'violation', false)), bad.length, target);
    report(`${name}: explained`, measure(runs, judgeAll(bad, 'violation', true)), bad.length, 'twice the line above');
  }
  console.log(`peak memory, MB ${(process.resourceUsage().maxRSS / 1024).toFixed(0)}`);
}

function report(name: string, { bestMs, medianMs, steps }: Measured, histories: number, target: string): void {
  const [best, median] = [bestMs / histories, medianMs / histories].map((ms) =>
    ms.toFixed(ms < 10 ? 2 : 0).padStart(7),
  );
  console.log(
    `${name.padEnd(54)} ${best} ${median} ${String(Math.round(steps / histories)).padStart(10)}   target ${target}`,
  );
}
