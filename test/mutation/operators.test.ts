/** The operators on small programs: what they change, what they leave alone, and that marks change nothing. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../mutants/catalog.ts';
import { applyMutation, instrument, mutationsOf } from './operators.ts';

const mutants = (text: string): string[] => mutationsOf('a.ts', text).map((mutation) => applyMutation(text, mutation));

describe('an operator', () => {
  test.each([
    ['const f = (a: number): boolean => a < 1;', ['const f = (a: number): boolean => (a) <= (1);']],
    ['export const x = a && b;', ['export const x = (a) || (b);']],
    ['if (done(x)) stop = y;', ['if (!(done(x))) stop = y;', 'if (done(x)) ;']],
    ['for (; a.next(); i++) go(a!);', ['for (; a.next(); i) go(a!);', 'for (; a.next(); i++) ;']],
    ['const at = Math.min(a, b as Zxid);', ['const at = Math.max(a, b as Zxid);']],
    ['const role: Role = { active: true };', ['const role: Role = { active: false };']],
  ])('%s', (text, expected) => {
    expect(mutants(text).sort()).toEqual([...expected].sort());
  });

  test.each([
    'type Both = true | false;',
    "assert(a < b, 'a is before b');",
    "note(io, 'zab.committed', { zxid: a + 1 });",
    'throw new Error(String(a + b));',
    "const name = 'a' + b;",
    'interface Shape { readonly flag?: false }',
  ])('leaves alone: %s', (text) => {
    expect(mutants(text)).toEqual([]);
  });
});

describe('the whole core', () => {
  const files = readdirSync(join(projectRoot(), 'core'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(projectRoot(), 'core', name));

  test('has places in every folder, each mutant of a sample parses, and so does the marked text', () => {
    let count = 0;
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      const all = mutationsOf(file, text);
      count += all.length;
      for (const mutation of all.filter((_, i) => i % 50 === 0)) {
        const mutated = applyMutation(text, mutation);
        expect(mutated).not.toBe(text);
        expect(() => transformSync(mutated, { loader: 'ts' })).not.toThrow();
      }
      expect(() => transformSync(instrument(text, all, 0), { loader: 'ts' })).not.toThrow();
    }
    expect(count).toBeGreaterThan(3000);
  });
});

/** Runs the program with `a`: what it printed, and the texts of the mutations that were reached. */
function reachedBy(program: string, a: number): { readonly printed: number[]; readonly reached: string[] } {
  const all = mutationsOf('a.ts', program);
  const marks = new Uint8Array(all.length);
  const printed: number[] = [];
  const marked = new Function('print', 'a', 'reachedMarks', instrument(program, all, 0));
  marked((value: number) => printed.push(value), a, marks);
  const texts = all.filter((_, i) => marks[i] === 1).map(({ start, end }) => program.slice(start, end));
  return { printed, reached: texts.sort() };
}

test('marks say what was reached, and change nothing', () => {
  const program = 'if (a > 1 && a < 9) { print(a); } print(a + 1);';
  const condition = 'a > 1 && a < 9';
  const always = ['a + 1', 'a > 1', condition, condition, 'print(a + 1);'];
  expect(reachedBy(program, 0)).toEqual({ printed: [1], reached: [...always].sort() });
  expect(reachedBy(program, 5)).toEqual({ printed: [5, 6], reached: [...always, 'a < 9', 'print(a);'].sort() });
});
