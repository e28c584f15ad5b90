/**
 * The simulator can fail: a few of the broken protocols in `test/mutants` are caught here within a seed or two, so that a
 * green run means something. The whole list is `npm run mutants`.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { editsOf, mutate, parseMutant, projectRoot, readCatalog } from './mutants/catalog.ts';
import { hunt, type Simulator, startSimulator } from './mutants/hunt.ts';

const catalog = readCatalog();

describe('every mutation fits the source', () => {
  test('there are some', () => {
    expect(catalog.length).toBeGreaterThanOrEqual(25);
    expect(new Set(catalog.map(({ id }) => id)).size).toBe(catalog.length);
  });

  test.each([...catalog, ...readCatalog('aliasing')])('$id', (mutant) => {
    for (const { file } of editsOf(mutant)) {
      const text = readFileSync(join(projectRoot(), file), 'utf8');
      expect(mutate(mutant, file, text)).not.toBe(text);
    }
  });

  test('one that does not is an error', () => {
    const mutant = parseMutant(
      JSON.stringify({ id: 'm', origin: 'o', says: 's', file: 'f', find: 'aa', replace: 'b', property: ['integrity'] }),
    );
    expect(mutate(mutant, 'f', 'x aa y')).toBe('x b y');
    expect(mutate(mutant, 'g', 'x aa y')).toBe('x aa y');
    expect(() => mutate(mutant, 'f', 'x a y')).toThrow('mutant m: its text is not in f');
    expect(() => mutate(mutant, 'f', 'aaa')).toThrow('mutant m: its text is more than once in f');
    expect(() => parseMutant('{"id":"m","findd":""}')).toThrow('unknown key findd');
    expect(() =>
      parseMutant('{"id":"m","origin":"","says":"","file":"","find":"","replace":"","property":["nonsense"]}'),
    ).toThrow('there is no property nonsense');
  });
});

describe('broken protocols are caught', () => {
  let control: Simulator;
  beforeAll(async () => {
    control = await startSimulator(null);
  });
  afterAll(() => control.close());

  test.each(['leader-acks-before-fsync', 'quorum-of-one-less', 'follower-acks-before-fsync'])('%s', async (id) => {
    const mutant = catalog.find((other) => other.id === id)!;
    const hunted = await hunt(mutant, { profile: 'default', seedsMax: 10, all: false }, control);
    expect(hunted.catches.map(({ message }) => message)).toHaveLength(1);
    expect(mutant.property).toContain(hunted.catches[0]!.property);
  });
});
