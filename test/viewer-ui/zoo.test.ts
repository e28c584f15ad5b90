/** Bugs in the page: the program of modules does exactly what the bundle does, with a bug and without. */

import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { fc, test } from '@fast-check/vitest';
import { beforeAll, describe, expect, it } from 'vitest';
import { scriptOf, spliceOf } from '../../sim/campaign/script.ts';
import { type Result, run } from '../../sim/runner.ts';
import { generate } from '../../sim/swarm.ts';
import { packed, type Zoo, zooOf } from '../../viewer/node/zoo.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { projectRoot, readCatalog } from '../mutants/catalog.ts';

type Runner = Pick<typeof import('../../sim/runner.ts'), 'run'>;
type Told = Pick<Result, 'hash' | 'events' | 'verdict' | 'violations'>;

const told = ({ hash, events, verdict, violations }: Result): Told => ({ hash, events, verdict, violations });

const schedule = generate({ seed: '8', profile: 'windows', commit: '', options: { duration: 4000 } });
const sound = told(run(schedule));
let zoo: Zoo;

beforeAll(async () => {
  zoo = await zooOf(projectRoot(), 'sim/runner.ts');
});

/** What the script exports. The page does the same in a worker. */
function loaded(script: string): Runner {
  let given: Runner | null = null;
  new Function('give', script)((exports: Runner) => {
    given = exports;
  });
  return given!;
}

describe('the zoo of the page', () => {
  it('offers bugs that a run shows, each with a seed and the promise it breaks', () => {
    expect(zoo.bugs.length).toBeGreaterThan(40);
    for (const { id, says, finds } of zoo.bugs) {
      expect(says, id).not.toBe('');
      expect(finds.length, id).toBeGreaterThan(0);
      for (const { seed, property } of finds) {
        expect(seed, id).not.toBe('');
        expect(['test', 'hang'], id).not.toContain(property);
      }
    }
  });

  it('changes no more of the program than the bug does', () => {
    for (const { id } of zoo.bugs) {
      const splices = zoo.program.splices[id]!;
      expect(splices.length, id).toBeGreaterThan(0);
      expect(
        splices.some(({ length, text }) => length > 0 || text !== ''),
        id,
      ).toBe(true);
      expect(new Set(splices.map(({ file }) => file)).size, id).toBe(splices.length);
    }
    const letters = JSON.stringify(zoo.program.splices).length;
    expect(letters).toBeLessThan(JSON.stringify(zoo.program.modules).length / 4);
  });

  it('without a bug its program runs as the simulator does, event by event', () => {
    const plain = loaded(scriptOf(zoo.program.modules, [], 'give'));
    expect(told(plain.run(schedule))).toEqual(sound);
  });

  it('with a bug it runs as the bundle that the hunts use', async () => {
    const id = 'vote-by-the-tree';
    const mutant = [...readCatalog('catalog'), ...readCatalog('zoo')].find((one) => one.id === id)!;
    const file = await bundleSimulator(mutant, 'sim/runner.ts');
    try {
      const bundled = (await import(pathToFileURL(file).href)) as Runner;
      const spliced = loaded(scriptOf(zoo.program.modules, zoo.program.splices[id]!, 'give'));
      const broken = told(spliced.run(schedule));
      expect(broken).toEqual(told(bundled.run(schedule)));
      expect(broken.hash).not.toBe(sound.hash);
    } finally {
      rmSync(file, { force: true });
    }
  });

  it('is packed so that it comes out as it went in', () => {
    const text = packed(zoo.program);
    expect(JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString())).toEqual(zoo.program);
    expect(text.length).toBeLessThan(400_000);
  });
});

describe('a splice', () => {
  test.prop([fc.string(), fc.string()])('makes the one text of the other', (before, after) => {
    const { at, length, text } = spliceOf('a', before, after);
    expect(before.slice(0, at) + text + before.slice(at + length)).toBe(after);
  });

  test.prop([fc.string(), fc.string({ minLength: 1 }), fc.string()])('is no longer than what differs', (a, b, c) => {
    const { length, text } = spliceOf('a', a + c, a + b + c);
    expect(length).toBe(0);
    expect(text).toHaveLength(b.length);
  });

  it('into a module that is not there is an error', () => {
    const modules = { entry: 'a.ts', packages: 'var packages={}', files: { 'a.ts': '' } };
    expect(() => scriptOf(modules, [{ file: 'b.ts', at: 0, length: 0, text: '' }])).toThrow('the program has no b.ts');
  });
});
