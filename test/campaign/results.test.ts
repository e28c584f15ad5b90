/** Ranges, rows and their union: what makes a campaign the same on one machine and on a hundred. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { parseCampaign } from '../../sim/campaign/args.ts';
import { CANARIES } from '../../sim/campaign/canaries.ts';
import { REQUIRED_MARKS, reportOf, SEEDS_PER_MARK } from '../../sim/campaign/marks.ts';
import { closingLines, Tally, troubleOf } from '../../sim/campaign/progress.ts';
import { parseRange, parseShard, partsOf, rangesText, seedsOf } from '../../sim/campaign/ranges.ts';
import { type CampaignKey, failuresOf, Results, readResults, type SeedRow } from '../../sim/campaign/results.ts';
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

/** Which seeds of which commit; what a seed gives hangs on the seed alone. */
const rows = fc.array(fc.tuple(fc.nat(30), fc.constantFrom('a', 'b')), { maxLength: 30 });
function resultsOf(drawn: readonly (readonly [number, string])[]): Results {
  const results = new Results();
  for (const [seed, commit] of drawn) results.add({ ...KEY, commit }, seed % 7 === 3 ? failed(seed) : row(seed));
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
    expect(merged(x, y, z).conflicts).toEqual([]);
  });

  property.prop([rows])('are the same when read again', (drawn) => {
    const results = resultsOf(drawn);
    expect(readResults(results.toText()).toText()).toBe(results.toText());
  });

  test('a seed that gives two results is a finding, whichever comes first', () => {
    const [x, y] = [new Results(), new Results()];
    x.add(KEY, row(5, { hash: 'one' }));
    y.add(KEY, row(5, { hash: 'two' }));
    expect(merged(x, y).conflicts).toMatchObject([{ seed: '5' }]);
    expect(merged(y, x).toText()).toBe(merged(x, y).toText());
    expect(merged(merged(x, y), x).conflicts).toHaveLength(1);
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
  const closing = (tally: Tally) => ({ key: KEY, tally, elapsedMs: 1000, canaries: null, conflicts: [] });
  const tallied = (seeds: number, marks: readonly string[]): Tally => {
    const tally = new Tally();
    for (let seed = 1; seed <= seeds; seed++) tally.add(row(seed, { marks: marks.join(' ') }));
    return tally;
  };

  test('when a canary was not found', () => {
    const canaries = CANARIES.map((canary) => ({ canary, seed: null, seeds: 5 }));
    expect(troubleOf({ ...closing(new Tally()), canaries })).toHaveLength(CANARIES.length);
    expect(troubleOf({ ...closing(new Tally()), canaries: canaries.map((each) => ({ ...each, seed: '3' })) })).toEqual(
      [],
    );
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
