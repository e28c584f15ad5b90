/** Ranges, rows and their union: what makes a campaign the same on one machine and on a hundred. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { parseCampaign } from '../../sim/campaign/args.ts';
import { CANARIES } from '../../sim/campaign/canaries.ts';
import { closeAll, EXIT } from '../../sim/campaign/closing.ts';
import { REQUIRED_MARKS, reportOf, SEEDS_PER_MARK } from '../../sim/campaign/marks.ts';
import { closingLines, Tally, troubleOf } from '../../sim/campaign/progress.ts';
import { parseRange, parseShard, partsOf, rangesText, seedsOf } from '../../sim/campaign/ranges.ts';
import {
  type CampaignKey,
  failuresOf,
  headOf,
  Results,
  readResults,
  type SeedRow,
} from '../../sim/campaign/results.ts';
import { OTHER_PROFILES, rotation } from '../../sim/campaign/rotation.ts';
import { projectRoot } from '../mutants/catalog.ts';

describe('ranges', () => {
  property.prop([fc.nat(200), fc.nat(200), fc.integer({ min: 1, max: 60 })])(
    'parts cover a range once',
    (from, length, size) => {
      const range = { from, to: from + length };
      const parts = [...partsOf(range, size)];
      expect(parts.flatMap((part) => [...seedsOf(part)])).toEqual([...seedsOf(range)]);
      for (const part of parts) expect(part.to - part.from).toBeLessThan(size);
    },
  );

  property.prop([fc.integer({ min: 1, max: 9 }), fc.nat(300)])('shards share a range out', (of, length) => {
    const range = { from: 1, to: 1 + length };
    const all = Array.from({ length: of }, (_, index) => [...seedsOf(range, { index: index + 1, of })]).flat();
    expect(all.sort((a, b) => a - b)).toEqual([...seedsOf(range)]);
  });

  test('as text', () => {
    expect(parseRange('3..17')).toEqual({ from: 3, to: 17 });
    for (const text of ['17..3', '3-17', '3..', 'a..b']) expect(parseRange(text)).toBeNull();
    expect(parseShard('2/5')).toEqual({ index: 2, of: 5 });
    for (const text of ['0/5', '6/5', '2', '2/0']) expect(parseShard(text)).toBeNull();
    expect(rangesText([1, 2, 3, 7, 9, 10])).toBe('1-3,7,9-10');
  });
});

const KEY: CampaignKey = { commit: 'abc', profile: 'default', options: {} };

const row = (seed: number, change: Partial<SeedRow> = {}): SeedRow => ({
  seed: String(seed),
  verdict: 'ok',
  hash: 'h',
  events: seed,
  virtualUs: 10 * seed,
  marks: 'zab.sync.diff zab.uptodate',
  failure: null,
  ...change,
});
const failed = (seed: number): SeedRow =>
  row(seed, {
    verdict: 'safety',
    failure: { property: 'agreement', role: 'leader', reason: '', message: `seed ${seed} says "no"\nand more` },
  });

/** Which seeds of which commit, and what went wrong with the machine or with determinism. */
const rows = fc.array(
  fc.tuple(fc.nat(30), fc.constantFrom('a', 'b'), fc.constantFrom('sound', 'sound', 'died', 'timeout', 'other')),
  { maxLength: 30 },
);
function resultsOf(drawn: readonly (readonly [number, string, string])[]): Results {
  const results = new Results();
  for (const [seed, commit, how] of drawn) {
    const sound = seed % 7 === 3 ? failed(seed) : row(seed);
    const unended = { verdict: how as 'died', hash: '', failure: { ...failed(seed).failure!, message: how } };
    const change = how === 'sound' ? {} : how === 'other' ? { hash: 'other' } : unended;
    results.add({ ...KEY, commit }, { ...sound, ...change });
  }
  return results;
}
const merged = (...parts: readonly Results[]): Results => {
  const all = new Results();
  for (const part of parts) all.merge(part);
  return all;
};

describe('results', () => {
  property.prop([rows, rows, rows])('merge in any order, in any groups, any number of times', (a, b, c) => {
    const [x, y, z] = [resultsOf(a), resultsOf(b), resultsOf(c)];
    const text = merged(x, y, z).toText();
    expect(merged(z, x, y).toText()).toBe(text);
    expect(merged(merged(y, z), x).toText()).toBe(text);
    expect(merged(x, y, z, y, x).toText()).toBe(text);
    expect(readResults(text).conflicts).toEqual(merged(x, y, z).conflicts);
  });

  property.prop([rows])('are the same when read again', (drawn) => {
    const results = resultsOf(drawn);
    expect(readResults(results.toText()).toText()).toBe(results.toText());
  });

  test('a seed that gives two results is a finding for ever, whichever comes first', () => {
    const [x, y] = [new Results(), new Results()];
    x.add(KEY, row(5, { hash: 'one' }));
    y.add(KEY, failed(5));
    expect(merged(x, y).conflicts).toEqual([{ key: KEY, seed: '5' }]);
    expect(merged(y, x).toText()).toBe(merged(x, y).toText());
    expect(merged(merged(x, y), x).conflicts).toHaveLength(1);
    // The file keeps both, so it says so again, and the failure is among them.
    const again = readResults(merged(x, y).toText());
    expect(again.conflicts).toEqual([{ key: KEY, seed: '5' }]);
    expect(failuresOf(again.rows())).toHaveLength(1);
    expect(merged(again, x).toText()).toBe(merged(x, y).toText());
  });

  test('what a machine could not do gives way to what another did', () => {
    const of = (...rows: SeedRow[]): Results => {
      const results = new Results();
      for (const each of rows) results.add(KEY, each);
      return results;
    };
    const died = row(5, { verdict: 'died', hash: '', failure: { ...failed(5).failure!, message: 'died' } });
    const late = row(5, { verdict: 'timeout', hash: '', failure: { ...failed(5).failure!, message: 'late' } });
    expect(of(died, row(5), late).toText()).toBe(of(row(5)).toText());
    expect(merged(of(late), of(failed(5)), of(died)).toText()).toBe(of(failed(5)).toText());
    expect(of(late, died).toText()).toBe(of(died).toText());
    expect(of(died, late).conflicts).toEqual([]);
    expect(of(row(5), died, failed(5)).conflicts).toHaveLength(1);
  });

  test('keep which canaries were flown at which commit; that one was lost outweighs that it was found', () => {
    const [x, y] = [new Results(), new Results()];
    x.addFlown('abc', { id: 'dud', seed: '3' });
    x.addFlown('abc', { id: 'bird', seed: '1' });
    y.addFlown('abc', { id: 'dud', seed: null });
    expect(merged(x, y).toText()).toBe(merged(y, x, y).toText());
    expect(readResults(merged(x, y).toText()).flownAt('abc')).toEqual([
      { id: 'bird', seed: '1' },
      { id: 'dud', seed: null },
    ]);
    expect(x.flownAt('abd')).toBeNull();
  });

  test('of other options or another commit are another campaign', () => {
    const results = new Results();
    results.add(KEY, row(1));
    results.add({ ...KEY, commit: 'abd' }, row(1, { hash: 'x' }));
    results.add({ ...KEY, options: { nodes: 3, clients: 2 } }, row(1, { hash: 'y' }));
    results.add({ ...KEY, options: { clients: 2, nodes: 3 } }, row(1, { hash: 'y' }));
    expect(results.conflicts).toEqual([]);
    expect(results.campaigns().map((each) => each.rows.length)).toEqual([1, 1, 1]);
  });

  test('what is no results file is named', () => {
    expect(() => readResults('["1"]\n')).toThrow('line 1: a row before any head');
    expect(() => readResults('{"format":2}\n')).toThrow('results of format 2, not 1');
    expect(() => readResults(`${new Results().toText()}{\n`)).toThrow('line 1 is not JSON');
    const head = '{"format":1,"commit":"a","profile":"default","options":{}}';
    expect(() => readResults(`${head}\n["1","ok"]\n`)).toThrow('line 2 is not a row');
  });

  test('failures are grouped by what broke and who broke it', () => {
    const stalled = row(2, {
      verdict: 'liveness',
      failure: { property: 'liveness', role: 'ensemble', reason: 'no-leader', message: 'm' },
    });
    expect(failuresOf([failed(30), failed(4), stalled, row(1)])).toEqual([
      { signature: 'agreement (leader)', count: 2, seeds: ['4', '30'], message: 'seed 4 says "no"\nand more' },
      { signature: 'liveness (ensemble, no-leader)', count: 1, seeds: ['2'], message: 'm' },
    ]);
  });
});

describe('a campaign is broken', () => {
  const closing = (tally: Tally) => ({
    key: KEY,
    tally,
    elapsedMs: 1000,
    flown: CANARIES.map(({ id }) => ({ id, seed: '1' as string | null })),
    needsCanaries: true,
  });
  const tallied = (seeds: number, marks: readonly string[]): Tally => {
    const tally = new Tally();
    for (let seed = 1; seed <= seeds; seed++) tally.add(row(seed, { marks: marks.join(' ') }));
    return tally;
  };

  test('when a canary was not found, or none was flown', () => {
    const sound = closing(tallied(1, []));
    expect(troubleOf(sound)).toEqual([]);
    const lost = CANARIES.map(({ id }) => ({ id, seed: null }));
    expect(troubleOf({ ...sound, flown: lost })).toHaveLength(CANARIES.length);
    expect(troubleOf({ ...sound, flown: null })).toEqual([
      'BROKEN: no canary was flown at abc: nobody knows whether mistakes would be found',
    ]);
    // Who says that none is wanted is told that there was none.
    expect(troubleOf({ ...sound, flown: null, needsCanaries: false })).toEqual([]);
    expect(closingLines({ ...sound, flown: null, needsCanaries: false })).toContain('canaries   NONE FLOWN');
  });

  test('when nothing was run', () => {
    expect(troubleOf(closing(new Tally()))).toEqual(['BROKEN: no seed was run, so nothing is known']);
    expect(closingLines(closing(new Tally())).at(-1)).toBe('BROKEN  seeds=0 commit=abc profile=default');
  });

  test('when a required mark was in none of 20,000 seeds', () => {
    const [first, ...others] = REQUIRED_MARKS;
    const report = (seeds: number, marks: readonly string[]) =>
      reportOf(seeds, new Map(marks.map((mark) => [mark, 1])));
    expect(report(SEEDS_PER_MARK, others)).toMatchObject({ missing: [first], isDue: true });
    expect(report(SEEDS_PER_MARK, REQUIRED_MARKS).missing).toEqual([]);
    // Too early to say.
    expect(report(SEEDS_PER_MARK - 1, others).isDue).toBe(false);

    const tally = tallied(SEEDS_PER_MARK, [others[0]!]);
    expect(troubleOf(closing(tally))).toContain(`BROKEN: nobody came by ${first} in 20,000 seeds`);
    expect(troubleOf(closing(tally))).toHaveLength(REQUIRED_MARKS.length - 1);
    // Other profiles go elsewhere.
    expect(troubleOf({ ...closing(tally), key: { ...KEY, profile: 'calm' } })).toEqual([]);
  });

  test('a failure comes with its command', () => {
    const tally = new Tally();
    tally.add(failed(77));
    const lines = closingLines({ ...closing(tally), key: { ...KEY, profile: 'disk', options: { nodes: 3 } } });
    expect(lines).toContain('  shrink: npm run sim -- --seed 77 --profile disk --nodes 3 --shrink');
    expect(lines.at(-1)).toBe('FAILED 1  seeds=1 commit=abc profile=disk');
  });
});

describe('the exit code of a campaign', () => {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const ending = { heads: new Set([headOf(KEY)]), needsCanaries: true, elapsedMs: 1000, say };
  const sound = (): Results => {
    const results = new Results();
    results.add(KEY, row(1));
    results.addFlown(KEY.commit, { id: 'bird', seed: '1' });
    return results;
  };

  test('is about its own rows; what else the file holds is said', () => {
    const results = sound();
    results.add({ ...KEY, commit: 'old' }, failed(7));
    results.add({ ...KEY, profile: 'calm' }, row(7));
    expect(closeAll(results, ending)).toBe(EXIT.ok);
    expect(said).toContain('also in the file, and not counted: 2 seeds of 2 other campaigns at 2 commits, 1 failed');
    expect(closeAll(results, { ...ending, heads: null, needsCanaries: false })).toBe(EXIT.safety);
  });

  test('of two results for one seed is one of its own, whichever commit they are of', () => {
    const results = sound();
    results.add({ ...KEY, commit: 'old' }, row(7));
    results.add({ ...KEY, commit: 'old' }, failed(7));
    expect(closeAll(results, ending)).toBe(EXIT.nondeterminism);
    expect(said).toContain('NONDETERMINISM: seed 7 gave two results at old, profile default');
  });

  test('is not good where nothing was run, no canary flown or a thread died', () => {
    expect(closeAll(new Results(), { ...ending, heads: null, needsCanaries: false })).toBe(EXIT.broken);
    const results = new Results();
    results.add(KEY, row(1));
    expect(closeAll(results, ending)).toBe(EXIT.broken);
    expect(closeAll(results, { ...ending, needsCanaries: false })).toBe(EXIT.ok);
    const unended = sound();
    unended.add(KEY, row(2, { verdict: 'died', failure: failed(2).failure }));
    expect(closeAll(unended, ending)).toBe(EXIT.crash);
    unended.add(KEY, row(3, { verdict: 'timeout', failure: failed(3).failure }));
    expect(closeAll(unended, ending)).toBe(EXIT.liveness);
  });
});

describe('the command line', () => {
  test.each([
    ['unknown flag --sede (did you mean --seeds?)', ['--sede']],
    ['there is no walk; there are run, submit, work, collect, merge', ['walk']],
    ['--minutes is soon, not a whole number from 1', ['--minutes', 'soon']],
    ['--seeds is 5..1, not a range such as 1..100', ['--seeds', '5..1']],
    ['merge needs files and --out FILE', ['merge', 'a.jsonl']],
    ['submit needs --seeds A..B', ['submit']],
    ['--minutes needs N', ['--minutes']],
    ['unexpected word b', ['run', 'b']],
  ])('%s', (problem, argv) => {
    expect(parseCampaign(argv, {})).toEqual({ ok: false, problem });
  });

  test('takes the address of Redis from the environment', () => {
    expect(parseCampaign(['work'], { VIVARIUM_REDIS: 'redis://there:1' })).toMatchObject({
      ok: true,
      args: { command: 'work', redis: 'redis://there:1', part: 50, canaries: true },
    });
  });
});

describe('a campaign over all profiles', () => {
  test('is what soak does when nobody says otherwise', () => {
    expect(parseCampaign([], {})).toMatchObject({ args: { profile: 'all' } });
    expect(parseCampaign(['--seeds', '1..9'], {})).toMatchObject({ args: { profile: 'default' } });
    expect(parseCampaign(['work'], {})).toMatchObject({ args: { profile: 'default' } });
    expect(parseCampaign(['submit', '--seeds', '1..9', '--profile', 'all'], {}).ok).toBe(false);
  });

  test('gives half of its runs to the default profile and comes to every other one', () => {
    const turns = [...rotation(KEY, seedsOf({ from: 1, to: 3 * OTHER_PROFILES.length }, null))];
    const count = (profile: string): number => turns.filter(({ key }) => key.profile === profile).length;
    expect(count('default')).toBe(turns.length / 2);
    expect(OTHER_PROFILES.map(count)).toEqual(OTHER_PROFILES.map(() => 3));
    // No run twice.
    expect(new Set(turns.map(({ key, seed }) => `${key.profile} ${seed}`)).size).toBe(turns.length);
  });
});

describe('the manifest', () => {
  const manifest = readFileSync(join(projectRoot(), 'deploy/campaign.yaml'), 'utf8');
  const commands = [...manifest.matchAll(/image: vivarium\n\s+args: (\[.*\])/g)].map(
    ([, args]) => JSON.parse(args!) as string[],
  );

  test('says things to the containers that they understand', () => {
    expect(commands.map(([command]) => command)).toEqual(['submit', 'work', 'collect']);
    for (const argv of commands) {
      expect(parseCampaign(argv, {})).toMatchObject({
        ok: true,
        args: { redis: 'redis://queue:6379', queue: 'vivarium' },
      });
    }
  });

  test('puts into the image what the entry point needs', () => {
    const dockerfile = readFileSync(join(projectRoot(), 'deploy/Dockerfile'), 'utf8');
    for (const folder of ['core', 'scenarios', 'scripts', 'sim'])
      expect(dockerfile).toContain(`COPY ${folder} ${folder}\n`);
    const [, entry] = /ENTRYPOINT \["node", "scripts\/run.mjs", "([^"]+)"\]/.exec(dockerfile)!;
    expect(existsSync(join(projectRoot(), entry!))).toBe(true);
  });
});
