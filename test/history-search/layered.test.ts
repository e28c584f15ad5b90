/** The pass and the search together say what the search says alone, and which of them said it. */

import { describe, expect, test } from 'vitest';
import { readHistory } from '../../sim/checkers/history/adapters/formats.ts';
import { checkLayered, type PatternModel } from '../../sim/checkers/history/layered.ts';
import { checkHistory } from '../../sim/checkers/history/search/check.ts';
import { generateHistory, KITS, type Kit } from '../../sim/checkers/history/search/generate.ts';
import { modelOf } from '../../sim/checkers/history/search/models.ts';
import type { Operation, Plain } from '../../sim/checkers/history/search/operation.ts';
import { makeStream } from '../../sim/world/random.ts';

/** Values enough that many histories write none of them twice. */
const VALUES = 40;
const SPREAD: readonly Kit[] = [
  {
    model: 'register',
    call: (random) =>
      random.below(2) === 0 ? { f: 'read', value: null } : { f: 'write', value: random.below(VALUES) },
    answers: (f) => (f === 'write' ? WRITTEN : READ),
  },
  {
    model: 'cas-register',
    call: (random) => {
      const die = random.below(6);
      if (die < 3) return { f: 'read', value: null };
      if (die < 5) return { f: 'write', value: random.below(VALUES) };
      return { f: 'cas', value: [random.below(VALUES), random.below(VALUES)] };
    },
    answers: (f) => (f === 'read' ? READ : WRITTEN),
  },
  {
    model: 'kv',
    call: (random) => {
      const die = random.below(9);
      if (die < 4) return { f: 'get', value: null };
      return { f: die < 8 ? 'put' : 'append', value: String(random.below(VALUES)) };
    },
    answers: (f) => (f === 'get' ? TEXTS : [WRITTEN[0]!]),
  },
];
const answer = (result: Plain) => ({ outcome: 'ok', result }) as const;
const WRITTEN = [answer(null), { outcome: 'fail', result: null } as const];
const READ = [null, ...Array.from({ length: VALUES }, (_, value) => value)].map(answer);
const TEXTS = ['', ...Array.from({ length: VALUES }, (_, value) => String(value))].map(answer);

test('agrees with the search on random histories, of which it decides many', () => {
  const random = makeStream('layered', 'histories');
  const kits = [...SPREAD, ...SPREAD, ...KITS.filter(({ model }) => SPREAD.some((kit) => kit.model === model))];
  const seen = { clean: 0, certified: 0, searched: 0 };
  for (let i = 0; i < 1500; i++) {
    const kit = kits[i % kits.length]!;
    const model = modelOf(kit.model);
    const shape = { operations: 12, processes: 4, keys: 2, values: VALUES, crashPerMille: 100, corruptPerMille: 500 };
    const history = generateHistory(model, kit, shape, random);
    const alone = checkHistory(model, history, { explain: false });
    const layered = checkLayered(kit.model as PatternModel, model, history);
    if (layered.status !== alone.status)
      expect({ i, history, layered: layered.layers }).toBe(`the same verdict, ${alone.status}`);
    const { patterns, search, certificate } = layered.layers;
    if (certificate !== null) {
      seen.certified += 1;
      // The ids are those of the whole history, in the core and in the sentence, and the core is wrong by itself.
      const core = layered.violation!.core.map((id) => history[id]!);
      for (const { id } of core) expect(layered.violation!.sentence).toContain(`#${id} `);
      expect(checkHistory(model, core.map(renumbered), { explain: false }).status).toBe('violation');
    } else if (search === 0) seen.clean += 1;
    else seen.searched += 1;
    expect(patterns + search).toBeGreaterThan(0);
  }
  for (const [how, count] of Object.entries(seen)) expect([how, count > 150]).toEqual([how, true]);
});

const renumbered = (operation: Operation, id: number): Operation => ({ ...operation, id });

const line = (process: number, type: string, f: string, value: Plain, key?: string): string =>
  JSON.stringify({ process, type, f, value, ...(key === undefined ? {} : { key }) });
const done = (f: string, value: Plain, key?: string): string[] => [
  line(1, 'invoke', f, f === 'read' ? null : value, key),
  line(1, 'ok', f, value, key),
];
const judge = (name: PatternModel, lines: readonly string[], initial: Plain = null) =>
  checkLayered(name, modelOf(name, { initial }), readHistory(lines.join('\n')).operations, { initial });

describe('who decides', () => {
  test('the pass, where every value is written once', () => {
    const good = [...done('write', 1), ...done('read', 1), ...done('write', 2), ...done('read', 2)];
    expect(judge('register', good)).toMatchObject({ status: 'ok', steps: 0, layers: { patterns: 1, search: 0 } });
    const stale = judge('register', [...good, ...done('read', 1)]);
    expect(stale).toMatchObject({
      status: 'violation',
      layers: { certificate: { pattern: 'lost-write' } },
      violation: { blocked: 4 },
    });
  });

  test('the pass, whatever the budget of the search', () => {
    const { operations } = readHistory([...done('write', 1), ...done('read', 2)].join('\n'));
    expect(checkLayered('register', modelOf('register'), operations, { budgetSteps: 1 }).status).toBe('violation');
  });

  test('the search, of a key whose values come again, and of no other', () => {
    const lines = [
      ...done('write', 1, 'a'),
      ...done('write', 1, 'a'),
      ...done('read', 1, 'a'),
      ...done('write', 1, 'b'),
    ];
    expect(judge('register', lines)).toMatchObject({ status: 'ok', partCount: 2, layers: { patterns: 1, search: 1 } });
    expect(judge('register', [...lines, ...done('read', 7, 'a')])).toMatchObject({
      status: 'violation',
      layers: { certificate: null },
      violation: { blocked: 4 },
    });
  });

  test('the search, where a compare-and-set was refused', () => {
    const refused = [...done('write', 1), line(1, 'invoke', 'cas', [1, 2]), line(1, 'fail', 'cas', [1, 2])];
    expect(judge('cas-register', refused)).toMatchObject({ status: 'violation', layers: { certificate: null } });
  });

  test('with what a register holds at first', () => {
    expect(judge('register', done('read', 5), 5).status).toBe('ok');
    expect(judge('register', done('read', 5))).toMatchObject({
      status: 'violation',
      layers: { certificate: { pattern: 'value-of-nobody' } },
    });
    expect(judge('register', [...done('write', 1), ...done('read', 5)], 5).status).toBe('violation');
  });
});
