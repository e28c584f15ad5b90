/** Locks and queues as a load: what is judged, that the profile has it, and the mistakes that nothing else would notice. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyEdit } from '../../sim/campaign/rewrite.ts';
import type { Model } from '../../sim/checkers/history/search/model.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { RECIPES, type RecipeBook } from '../../sim/recipes/book.ts';
import { judgeRecipes } from '../../sim/recipes/judge.ts';
import { ask, done, insist, type Recipe, sleep, type Zk } from '../../sim/recipes/program.ts';
import { RecipeHistory } from '../../sim/recipes/told.ts';
import { run } from '../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';
import { projectRoot } from '../mutants/catalog.ts';
import { hunt, load, OF_RECIPES } from './hunt.ts';
import { RECIPE_MUTANTS } from './mutants.ts';

const who = (client: number) => ({ client, guid: `c${client}` });

function judged(tell: (history: RecipeHistory) => void): { property: PropertyId; reason: string }[] {
  const history = new RecipeHistory(() => 1);
  tell(history);
  const found: { property: PropertyId; reason: string }[] = [];
  judgeRecipes(history, RECIPES, (property, _message, where) => found.push({ property, reason: where?.reason ?? '' }));
  return found;
}

const enter = (history: RecipeHistory, client: number) => {
  const operation = { key: 'lock', value: `c${client}` };
  const entered = history.begin(who(client), 'lock', 'enter', operation);
  const held = history.begin(who(client), 'lock', 'hold', operation);
  const lapsed = history.begin(who(client), 'lock', 'leave', operation);
  entered.ok();
  return { held, lapsed, operation };
};

const WRONG_LOCK = [{ property: 'recipe-history', reason: 'lock' }];
const WRONG_QUEUE = [{ property: 'recipe-history', reason: 'queue' }];

describe('the judge of a lock', () => {
  test('accepts who holds it after the one before has left', () => {
    const found = judged((history) => {
      const one = enter(history, 1);
      const two = enter(history, 2);
      one.held.ok();
      const left = history.begin(who(1), 'lock', 'leave', one.operation);
      two.held.ok();
      left.ok();
      one.lapsed.drop();
    });
    expect(found).toEqual([]);
  });

  test('refuses two holders, where the first goes on writing', () => {
    const found = judged((history) => {
      const one = enter(history, 1);
      one.held.ok();
      const two = enter(history, 2);
      two.held.ok();
      history.begin(who(1), 'lock', 'hold', one.operation).ok();
    });
    expect(found).toEqual(WRONG_LOCK);
  });

  test('lets a session be over at any time, but not a line be jumped', () => {
    const lapse = judged((history) => {
      enter(history, 1).held.ok();
      enter(history, 2).held.ok();
    });
    expect(lapse).toEqual([]);
    const jumped = judged((history) => {
      const one = enter(history, 1);
      const two = enter(history, 2);
      two.held.ok();
      // Had it left, it would not hold it any more.
      history.begin(who(1), 'lock', 'hold', one.operation).ok();
    });
    expect(jumped).toEqual(WRONG_LOCK);
  });

  test('counts who believes in the same lock at once, and who is woken by one release', () => {
    const history = new RecipeHistory(() => 1);
    const end = history.believe(who(1), 'lock');
    history.believe(who(2), 'lock');
    end();
    history.believe(who(1), 'other');
    expect(history.sharedBeliefs()).toBe(1);
    history.woken(who(1), '/a');
    history.woken(who(1), '/a');
    expect(history.herds()).toEqual([]);
    history.woken(who(2), '/a');
    expect(history.herds()).toEqual([{ path: '/a', clients: [1, 2] }]);
  });
});

describe('the judge of a queue', () => {
  const key = 'queue';
  const put = (history: RecipeHistory, value: string) => history.begin(who(1), 'queue', 'enqueue', { key, value });
  const take = (history: RecipeHistory, value: string | null) => {
    const told = history.begin(who(2), 'queue', 'dequeue', { key });
    told.wants(value);
    return told;
  };

  test('accepts what comes out once and in order, and unknown answers that explain the rest', () => {
    const found = judged((history) => {
      put(history, 'a').ok();
      put(history, 'b');
      put(history, 'c').ok();
      take(history, 'a');
      take(history, 'b').ok('b');
      take(history, 'c').ok('c');
      take(history, null).ok(null);
    });
    expect(found).toEqual([]);
  });

  test.each<readonly [string, (history: RecipeHistory) => void]>([
    [
      'an element that comes out twice',
      (history) => {
        put(history, 'a').ok();
        take(history, 'a').ok('a');
        take(history, 'a').ok('a');
      },
    ],
    [
      'an element that is lost',
      (history) => {
        put(history, 'a').ok();
        put(history, 'b').ok();
        take(history, 'b').ok('b');
      },
    ],
    [
      'one that an unknown answer cannot have taken',
      (history) => {
        put(history, 'a').ok();
        put(history, 'b').ok();
        take(history, 'b');
        take(history, null).ok(null);
      },
    ],
    [
      'a queue that is not empty',
      (history) => {
        put(history, 'a').ok();
        take(history, null).ok(null);
      },
    ],
  ])('refuses %s', (_name, tell) => {
    expect(judged(tell)).toEqual(WRONG_QUEUE);
  });
});

const drawn = (seed: number): Schedule =>
  generate({ seed: String(seed), profile: 'recipes', commit: 'test', options: {} });

describe('the profile', () => {
  test('has programs that end and such that do not, passes, and gives the same run again', () => {
    const results = [3, 8, 8].map((seed) => run(drawn(seed)));
    for (const { violations, stats } of results) {
      expect(violations).toEqual([]);
      expect(stats.recipes?.undecided).toBe(0);
    }
    const sum = (of: 'started' | 'ended' | 'judged' | 'unknown'): number =>
      results.reduce((total, { stats }) => total + (stats.recipes?.[of] ?? 0), 0);
    expect(sum('ended')).toBeGreaterThan(50);
    expect(sum('started')).toBeGreaterThan(sum('ended'));
    expect(sum('judged')).toBeGreaterThan(2 * sum('ended'));
    expect(sum('unknown')).toBeGreaterThan(0);
    const [, one, two] = results;
    expect(two!.hash).toBe(one!.hash);
    expect(two!.recipes).toEqual(one!.recipes);
    expect(one!.recipes.lock?.length).toBeGreaterThan(0);
  });
});

describe('mistakes', () => {
  test('all fit their source', () => {
    for (const mutant of RECIPE_MUTANTS) {
      const text = readFileSync(join(projectRoot(), mutant.file), 'utf8');
      expect(applyEdit(mutant.id, text, mutant)).not.toBe(text);
    }
  });

  // Each with the seed that `npm run recipe-mutants` has named: the whole table is that command.
  test.each([
    ['watches-the-first', 4],
    ['sorts-by-name', 1],
  ] as const)('%s is found', async (id, seed) => {
    const mutant = RECIPE_MUTANTS.find((other) => other.id === id)!;
    const simulator = await load(mutant);
    const seeds = { from: seed, to: seed };
    const found = hunt(mutant, simulator, seeds);
    expect(found.violation?.property).toBe(mutant.property);
    // The servers are innocent: with every check looking on it is still this one that speaks.
    const among = hunt(mutant, simulator, seeds, null);
    expect(OF_RECIPES.has(among.violation!.property)).toBe(true);
  });
});

/** As in docs/recipes.md: a counter that everybody adds to. `isCareful`: by its version. */
const adding = (isCareful: boolean): ((zk: Zk) => Recipe) =>
  function* add(zk) {
    const told = zk.begin('counter', 'add', { key: 'total' });
    yield* ask({
      kind: 'create',
      path: '/total',
      data: new Uint8Array([0]),
      acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
      flags: 0,
    });
    for (;;) {
      const { data, stat } = done(yield* insist({ kind: 'getData', path: '/total', watch: false }), 'getData');
      const next = (data?.[0] ?? 0) + 1;
      yield* sleep(5);
      const version = isCareful ? stat.version : -1;
      const reply = yield* ask({ kind: 'setData', path: '/total', data: new Uint8Array([next]), version });
      if (reply.err === 0) return told.ok(next);
      if (reply.zxid < 0 && reply.sent) return undefined;
    }
  };

const counterModel: Model<{ readonly total: number }> = {
  name: 'counter',
  says: 'counts: add (answered with the sum)',
  operations: ['add'],
  init: () => ({ total: 0 }),
  step: ({ total }, { outcome, result }) => (outcome === 'info' || result === total + 1 ? { total: total + 1 } : null),
  keyOf: ({ total }) => total,
  describe: ({ total }) => String(total),
};

describe('a program of one’s own', () => {
  const book = (isCareful: boolean): RecipeBook => ({
    programs: [{ weight: 1, run: adding(isCareful) }],
    objects: { counter: { model: counterModel } },
  });
  const schedule: Schedule = {
    format: 1,
    commit: 'test',
    seed: '1',
    profile: 'test',
    options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 3, duration: 4000 },
    swarm: { ...CALM, 'workload.rate': 10, 'more.recipe': 1000 },
    ops: [],
  };

  test('is judged by a model of one’s own', () => {
    const right = run(schedule, { recipes: book(true) });
    expect(right.violations).toEqual([]);
    expect(right.stats.recipes?.judged).toBeGreaterThan(30);
    const wrong = run(schedule, { recipes: book(false) });
    expect(wrong.violations.map(({ property, reason }) => [property, reason])).toEqual([['recipe-history', 'counter']]);
  });
});
