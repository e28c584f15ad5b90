import { describe, expect, test } from 'vitest';
import { isFixedPath, parentOf, pathProblem, sequenceSuffix } from '../../../core/tree/paths.ts';

test.each([
  ['\u0001', '\u001f'],
  ['\u007f', '\u009f'],
  ['\ud800', '\uf8ff'],
  ['\ufff0', '\uffff'],
])('characters from %j to %j are none of a path (PathUtils.validatePath)', (first, last) => {
  const problemOf = (unit: number): string | null => pathProblem(`/a${String.fromCharCode(unit)}`);
  const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
  expect([from, to].map(problemOf)).toEqual(['invalid-character', 'invalid-character']);
  if (from > 1) expect(problemOf(from - 1)).toBeNull();
  if (to < 0xffff) expect(problemOf(to + 1)).toBeNull();
});

describe('a path is refused for the first thing wrong with it', () => {
  test.each([
    ['', 'empty'],
    ['a', 'not-absolute'],
    ['/a/', 'trailing-slash'],
    ['//', 'trailing-slash'],
    ['/a//b', 'empty-name'],
    ['/.', 'relative-name'],
    ['/a/../b', 'relative-name'],
    ['/a/.', 'relative-name'],
    ['/a\0b', 'null-character'],
    ['/a\nb', 'invalid-character'],
    ['/a\u0085', 'invalid-character'],
    ['/\ue000', 'invalid-character'],
    ['/😀', 'invalid-character'],
    ['/\ufffd', 'invalid-character'],
  ])('%j: %s', (path, problem) => {
    expect(pathProblem(path)).toBe(problem);
  });

  test.each([
    '/',
    '/a',
    '/a/b',
    '/...',
    '/.a',
    '/a.',
    '/a..b',
    '/..a',
    '/a b',
    '/u-é中',
    '/zookeeper/config',
    '/\uf900',
  ])('%j is fine', (path) => {
    expect(pathProblem(path)).toBeNull();
  });
});

test('sequence suffixes are what Java prints', () => {
  expect([0, 7, 2_147_483_647].map(sequenceSuffix)).toEqual(['0000000000', '0000000007', '2147483647']);
  // The counter has wrapped: Java's %010d puts the sign first and pads with zeros behind it.
  expect(sequenceSuffix(2_147_483_648)).toBe('-2147483648');
  expect(sequenceSuffix(-5)).toBe('-000000005');
});

test('the root is its own parent, and four nodes are fixed', () => {
  expect(['/', '/a', '/a/b'].map(parentOf)).toEqual(['/', '/', '/a']);
  expect(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', '/zookeeper/a'].map(isFixedPath)).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
});
