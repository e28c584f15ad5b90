/** The search for linearizations against the definition, its rules each with a mistake in it, and its bounds. */

import { describe, expect, test } from 'vitest';
import { bruteForce } from '../../sim/checkers/history/search/brute.ts';
import { checkHistory } from '../../sim/checkers/history/search/check.ts';
import { differential } from '../../sim/checkers/history/search/differential.ts';
import type { AnyModel } from '../../sim/checkers/history/search/model.ts';
import { MODEL_NAMES, modelOf } from '../../sim/checkers/history/search/models.ts';
import type { Operation, OperationOutcome, Plain } from '../../sim/checkers/history/search/operation.ts';
import { viewOf } from '../../sim/checkers/history/search/view.ts';
import { brokenLate, registerHistory } from '../bench/search.ts';
import { huntSearchMutant, mutated, sourceOf } from './hunt.ts';
import { SEARCH_MUTANTS } from './mutants.ts';

describe('the search and the definition', () => {
  test('agree, on the verdict and on every claim of an explanation', () => {
    const result = differential({ seed: 'test', histories: 4000 });
    expect(result.mismatch).toBeNull();
    // What was judged was worth judging.
    expect(result.violations).toBeGreaterThan(500);
    expect(result.histories - result.violations).toBeGreaterThan(1000);
    expect(result.crashes).toBeGreaterThan(1000);
    expect(result.several).toBeGreaterThan(500);
  });

  test('every mutant fits the source', () => {
    for (const mutant of SEARCH_MUTANTS) {
      expect(mutated(mutant, sourceOf(mutant))).not.toBe(sourceOf(mutant));
    }
    expect(new Set(SEARCH_MUTANTS.map(({ id }) => id)).size).toBe(SEARCH_MUTANTS.length);
  });

  // The whole table is `npm run search-mutants`.
  test.each(['write-is-pure', 'dominance-turned-round', 'bit-stays', 'crashed-must', 'unseen-although-asked'])(
    'notice %s',
    async (id) => {
      const mutant = SEARCH_MUTANTS.find((other) => other.id === id)!;
      const { says } = await huntSearchMutant(mutant, '1', 3000);
      expect(says).not.toBeNull();
    },
  );
});

/** `[process, f, value, invokedAt, respondedAt, result, outcome]`, in the order of the invocations. */
type Short = readonly [string, string, Plain, number, number, Plain?, OperationOutcome?];

function history(rows: readonly Short[], key: string | null = null): Operation[] {
  return rows.map(([process, f, value, invokedAt, until, result = null, outcome = 'ok'], id) => {
    const respondedAt = outcome === 'info' ? Number.POSITIVE_INFINITY : until;
    return { id, process, f, key, value, outcome, result, error: null, invokedAt, respondedAt };
  });
}

describe('models', () => {
  const ok: Readonly<Record<string, readonly Short[]>> = {
    register: [
      ['a', 'write', 1, 0, 3],
      ['b', 'read', null, 1, 2, 1],
    ],
    'cas-register': [
      ['a', 'write', 1, 0, 1],
      ['b', 'cas', [1, 2], 2, 3],
      ['c', 'cas', [1, 3], 4, 5, null, 'fail'],
    ],
    kv: [
      ['a', 'append', 'x', 0, 2],
      ['b', 'append', 'y', 1, 3],
      ['c', 'get', null, 4, 5, 'yx'],
    ],
    queue: [
      ['a', 'enqueue', 1, 0, 2],
      ['b', 'enqueue', 2, 1, 3],
      ['c', 'dequeue', null, 4, 5, 2],
      ['c', 'dequeue', null, 6, 7, 1],
      ['c', 'dequeue', null, 8, 9, null],
    ],
    'fair-lock': [
      ['a', 'enter', 'A', 0, 1],
      ['b', 'enter', 'B', 2, 3],
      ['a', 'hold', 'A', 4, 7],
      ['b', 'hold', 'B', 5, 9],
      ['a', 'leave', 'A', 6, 8],
    ],
    lock: [
      ['a', 'acquire', null, 0, 1, true],
      ['b', 'acquire', null, 2, 5, true],
      ['a', 'release', null, 3, 4],
    ],
    mutex: [
      ['a', 'acquire', null, 0, 1],
      ['b', 'release', null, 2, 3],
      ['c', 'acquire', null, 4, 5],
    ],
    znode: [
      ['a', 'create', 'x', 0, 1],
      ['a', 'setData', ['y', 0], 2, 5, 1],
      ['b', 'setData', ['z', 0], 3, 6, { error: 'BADVERSION' }],
      ['b', 'getData', null, 7, 8, ['y', 1]],
    ],
  };
  const bad: Readonly<Record<string, readonly Short[]>> = {
    register: [
      ['a', 'write', 1, 0, 1],
      ['b', 'read', null, 2, 3, null],
    ],
    'cas-register': [
      ['a', 'write', 1, 0, 1],
      ['c', 'cas', [1, 3], 4, 5, null, 'fail'],
    ],
    kv: [
      ['a', 'append', 'x', 0, 1],
      ['b', 'append', 'y', 2, 3],
      ['c', 'get', null, 4, 5, 'yx'],
    ],
    queue: [
      ['a', 'enqueue', 1, 0, 1],
      ['b', 'enqueue', 2, 2, 3],
      ['c', 'dequeue', null, 4, 5, 2],
    ],
    'fair-lock': [
      ['a', 'enter', 'A', 0, 1],
      ['b', 'enter', 'B', 2, 3],
      ['b', 'hold', 'B', 4, 5],
    ],
    lock: [
      ['a', 'acquire', null, 0, 1],
      ['b', 'release', null, 2, 3],
    ],
    mutex: [
      ['a', 'acquire', null, 0, 1],
      ['b', 'acquire', null, 2, 3],
    ],
    znode: [
      ['a', 'create', 'x', 0, 1],
      ['a', 'setData', ['y', 0], 2, 3, 1],
      ['b', 'setData', ['z', 0], 4, 5, 1],
    ],
  };

  /** What clashes, even if the rest need not have happened. */
  const cores: Readonly<Record<string, readonly number[]>> = {
    register: [0, 1],
    'cas-register': [0, 1],
    kv: [2],
    queue: [0, 2],
    'fair-lock': [0, 2],
    lock: [1],
    mutex: [0, 1],
    znode: [1, 2],
  };

  test.each(MODEL_NAMES)('%s accepts what can be and refuses what cannot', (name) => {
    const model = modelOf(name);
    expect(checkHistory(model, history(ok[name]!)).status).toBe('ok');
    const refused = checkHistory(model, history(bad[name]!));
    expect(refused.status).toBe('violation');
    expect(refused.violation?.core).toEqual(cores[name]);
  });

  test.each(MODEL_NAMES)('%s never changes a state in place', (name) => {
    const model = modelOf(name);
    let state: object = Object.freeze(model.init() as object);
    for (const operation of history(ok[name]!)) {
      const next = model.step(state, operation) as object | null;
      if (next !== null) state = Object.freeze(next);
      expect(model.keyOf(state)).toBe(model.keyOf(state));
    }
  });

  test('an operation that the model does not know is an error', () => {
    expect(() => checkHistory(modelOf('register'), history([['a', 'pop', 1, 0, 1]]))).toThrow(
      'operation 0: pop is not an operation of register (read, write)',
    );
    expect(() => checkHistory(modelOf('cas-register'), history([['a', 'cas', 1, 0, 1]]))).toThrow(
      'cas takes [expected, next] and has 1',
    );
  });
});

describe('unknown outcomes', () => {
  const model = modelOf('register');
  const lost: Short = ['a', 'write', 1, 0, 0, null, 'info'];

  test('may have happened, at any time, and need not', () => {
    expect(checkHistory(model, history([lost, ['b', 'read', null, 1, 2, 1]])).status).toBe('ok');
    expect(checkHistory(model, history([lost, ['b', 'read', null, 1, 2, null]])).status).toBe('ok');
    const late = history([lost, ['b', 'read', null, 1, 2, null], ['b', 'read', null, 3, 4, 1]]);
    expect(checkHistory(model, late).status).toBe('ok');
  });

  test('happen once', () => {
    const twice = history([lost, ['b', 'read', null, 1, 2, 1], ['b', 'write', 2, 3, 4], ['b', 'read', null, 5, 6, 1]]);
    const { status, violation } = checkHistory(model, twice);
    expect(status).toBe('violation');
    expect(violation?.blocked).toBe(3);
  });
});

describe('bounds', () => {
  const shape = { operations: 1500, clients: 6, values: 4, crashPerMille: 0, crashesMax: 0, seed: 'bounds' };
  const model = modelOf('cas-register');

  test('a budget gives unknown, which is never ok', () => {
    const result = checkHistory(model, registerHistory(shape), { budgetSteps: 500 });
    expect(result.status).toBe('unknown');
    expect(result.parts[0]).toMatchObject({ exhausted: 'steps', status: 'unknown', order: null });
    expect(result.parts[0]!.deepest).toBeGreaterThan(0);
  });

  test('a full layer gives unknown', () => {
    const result = checkHistory(model, registerHistory(shape), { rowsMax: 1, frontierMax: 1 });
    expect(result.status).toBe('unknown');
    expect(result.parts[0]!.exhausted).toBe('memory');
  });

  test('little memory gives the same verdicts', () => {
    const good = registerHistory(shape);
    const bad = brokenLate(good, shape)!;
    for (const rowsMax of [10, 100, 1000]) {
      expect(checkHistory(model, good, { rowsMax }).status).toBe('ok');
      const { status, violation } = checkHistory(model, bad, { rowsMax });
      expect(status).toBe('violation');
      expect(violation?.blocked).toBe(checkHistory(model, bad).violation?.blocked);
    }
  });

  test('windows wider than two machine words', () => {
    const rows: Short[] = [['w', 'write', 1, 0, 1]];
    for (let i = 0; i < 70; i++) rows.push([`r${i}`, 'read', null, 2 + i, 200 + i, i % 2 === 0 ? 1 : 2]);
    rows.push(['w', 'write', 2, 100, 300]);
    const right = checkHistory(model, history([...rows, ['w', 'read', null, 400, 401, 2]]));
    expect(right.status).toBe('ok');
    expect(right.parts[0]!.windowSize).toBe(71);
    expect(right.parts[0]!.order).toHaveLength(73);
    const { status, violation } = checkHistory(model, history([...rows, ['w', 'read', null, 400, 401, 1]]));
    expect(status).toBe('violation');
    expect(violation).toMatchObject({ blocked: 72, isMinimal: true, core: [71, 72] });
  });

  test('a core far from its cause is found', () => {
    const rows: Short[] = [
      ['a', 'write', 1, 0, 1],
      ['a', 'write', 2, 2, 3],
    ];
    for (let i = 0; i < 200; i++) rows.push(['b', 'read', null, 4 + 2 * i, 5 + 2 * i, 2]);
    rows.push(['c', 'read', null, 1000, 1001, 1]);
    const { violation } = checkHistory(model, history(rows));
    expect(violation).toMatchObject({ blocked: 202, isMinimal: true });
    expect(violation!.core).toHaveLength(2);
    expect(
      bruteForce(
        model,
        history(rows).filter(({ id }) => violation!.core.includes(id)),
      ),
    ).toBe(false);
  });
});

test('a model of your own, with parts that concern everything', () => {
  const counter: AnyModel = {
    name: 'counter',
    says: 'counts',
    operations: ['add', 'total'],
    init: () => ({ n: 0 }),
    step: ({ n }, { f, value, result }) => (f === 'add' ? { n: n + (value as number) } : n === result ? { n } : null),
    keyOf: ({ n }) => n,
    describe: ({ n }) => String(n),
    isPure: ({ f }) => f === 'total',
    partOf: () => null,
  };
  const right = history([
    ['a', 'add', 2, 0, 3],
    ['b', 'total', null, 1, 2, 2],
    ['b', 'total', null, 4, 5, 2],
  ]);
  expect(checkHistory(counter, right).status).toBe('ok');
  const wrong = right.map((operation) => (operation.id === 2 ? { ...operation, result: 0 } : operation));
  const result = checkHistory(counter, wrong);
  expect(result).toMatchObject({ status: 'violation', partCount: 1 });
  const view = viewOf(result, wrong, () => null);
  expect(view.operations.map(({ isInCore }) => isInCore)).toEqual([false, true, true]);
  expect(view.operations.map(({ isBlocked }) => isBlocked)).toEqual([false, false, true]);
  expect(view.operations.map(({ place, stateAfter }) => [place, stateAfter])).toEqual([
    [0, '2'],
    [1, '2'],
    [null, null],
  ]);
  expect(JSON.parse(JSON.stringify(view))).toEqual(view);
});
