import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { childOf, nameOf, parentOf, pathProblem, sequenceSuffix, validatePath } from '../../core/tree/paths.ts';

/** The rule as the documentation says it: a name at a time, a character at a time. */
function isValidByTheBook(path: string): boolean {
  if (path === '/') return true;
  if (!path.startsWith('/')) return false;
  const names = path.slice(1).split('/');
  return names.every((name) => name !== '' && name !== '.' && name !== '..' && [...units(name)].every(isAllowed));
}

function* units(text: string): Iterable<number> {
  for (let i = 0; i < text.length; i++) yield text.charCodeAt(i);
}

const FORBIDDEN: readonly (readonly [number, number])[] = [
  [0x0000, 0x001f],
  [0x007f, 0x009f],
  [0xd800, 0xf8ff],
  [0xfff0, 0xffff],
];
const isAllowed = (unit: number): boolean => FORBIDDEN.every(([from, to]) => unit < from || unit > to);

const pieces = fc.constantFrom(
  '/',
  '/',
  '.',
  '..',
  'a',
  'zk',
  ' ',
  '\0',
  '\x1f',
  '\x7f',
  '\x9f',
  '\xa0',
  'é',
  '中',
  '\ud800',
);
const edges = fc.constantFrom('\ud7ff', '\uf8ff', '\uf900', '\uffef', '\ufff0', '\uffff', '😀', '~', '…');
const texts = fc.array(fc.oneof({ arbitrary: pieces, weight: 5 }, { arbitrary: edges, weight: 1 }), { maxLength: 8 });
const candidates = fc.oneof(
  texts.map((parts) => parts.join('')),
  texts.map((parts) => `/${parts.join('')}`),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => `/${text}`),
);

const names = fc
  .string({ minLength: 1, maxLength: 5 })
  .filter((name) => isValidByTheBook(`/${name}`) && !name.includes('/'));

describe('paths', () => {
  test.prop([candidates], { numRuns: 20_000 })('are valid when every name and every character is', (path) => {
    expect(validatePath(path)).toBe(isValidByTheBook(path));
    expect(pathProblem(path) === null).toBe(isValidByTheBook(path));
  });

  test.prop([fc.array(names, { minLength: 1, maxLength: 4 })])('are put together and taken apart', (parts) => {
    const path = `/${parts.join('/')}`;
    expect(validatePath(path)).toBe(true);
    expect(childOf(parentOf(path), nameOf(path))).toBe(path);
    expect(nameOf(path)).toBe(parts.at(-1));
    expect(parentOf(path)).toBe(parts.length === 1 ? '/' : `/${parts.slice(0, -1).join('/')}`);
  });

  test.prop([fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })])(
    'get sequence numbers of ten characters or more',
    (n) => {
      const suffix = sequenceSuffix(n);
      expect(suffix.length).toBe(n === -0x8000_0000 ? 11 : Math.max(10, String(n).length));
      expect(Number(suffix)).toBe(n);
      expect(validatePath(`/a${suffix}`)).toBe(true);
    },
  );
});
