/** What is remembered of a step holds for whoever agrees in what it read, and a step that reads on in two ways is an error. */

import { expect, test } from 'vitest';
import { Memory } from '../../sim/explore/memory.ts';

const INPUT = 7;

test('an outcome holds for all that agree in what was read, whatever else they hold', () => {
  const memory = new Memory<string>();
  expect(memory.recall(INPUT, [1, 2, 3])).toBeNull();
  memory.remember(INPUT, [1, 2, 3], [2, 0], 'first');
  expect(memory.recall(INPUT, [1, 99, 3])).toBe('first');
  expect(memory.recall(INPUT, [4, 2, 3])).toBeNull();
  expect(memory.recall(INPUT, [1, 2, 4])).toBeNull();
  expect(memory.recall(INPUT + 1, [1, 2, 3])).toBeNull();
});

test('what is read next may depend on what was read before', () => {
  const memory = new Memory<string>();
  memory.remember(INPUT, [1, 2, 3], [0, 1], 'by the second');
  memory.remember(INPUT, [5, 2, 3], [0, 2], 'by the third');
  memory.remember(INPUT, [6, 2, 3], [0], 'by the first');
  expect(memory.recall(INPUT, [1, 2, 9])).toBe('by the second');
  expect(memory.recall(INPUT, [5, 9, 3])).toBe('by the third');
  expect(memory.recall(INPUT, [6, 9, 9])).toBe('by the first');
});

test('a step that reads the same and goes on differently depends on something else', () => {
  const memory = new Memory<string>();
  memory.remember(INPUT, [1, 2, 3], [0, 1], 'once');
  expect(() => memory.remember(INPUT, [1, 4, 3], [0, 2], 'twice')).toThrow('go on differently');
  expect(() => memory.remember(INPUT, [1, 4, 3], [2], 'twice')).toThrow('go on differently');
  expect(() => memory.remember(INPUT, [1, 4, 3], [0], 'twice')).toThrow('go on differently');
  expect(() => memory.remember(INPUT, [1, 2, 3], [0, 1], 'twice')).toThrow('known already');
});
