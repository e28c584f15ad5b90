import { expect, test } from 'vitest';
import { nextVersion } from '../../../core/request/prepare.ts';

test('a version goes round without ever being the one that means any (ZOOKEEPER-4743)', () => {
  expect([0, 1, 41].map(nextVersion)).toEqual([1, 2, 42]);
  expect(nextVersion(2 ** 31 - 1)).toBe(-(2 ** 31));
  expect(nextVersion(-3)).toBe(-2);
  expect(nextVersion(-2)).toBe(0);
});
