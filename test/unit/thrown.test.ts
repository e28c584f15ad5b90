/** What is thrown is told in the same words wherever it was thrown. */

import { expect, test } from 'vitest';
import { thrownText } from '../../sim/thrown.ts';

const errorWith = (message: string, ...frames: string[]): Error => {
  const error = new TypeError(message);
  error.stack = [`TypeError: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
};

test('one mistake in two bundles is one text', () => {
  const here = errorWith(
    'no such thing',
    'onProposal (/home/a/core/zab/learner.ts:11:7)',
    'Array.forEach (<anonymous>)',
    'Run.#runPhases (/home/a/sim/runner.ts:22:5)',
    'new Run (/home/a/sim/runner.ts:9:1)',
    'async run (file:///home/a/sim/runner.ts:1:1)',
    '/home/a/sim/main.ts:4:4',
  );
  const there = errorWith(
    'no such thing',
    'onProposal2 (file:///x/.build/sim-campaign-main.ts-4711.mjs:9001:3)',
    'Array.forEach (<anonymous>)',
    '_Run.#runPhases [as phases] (file:///x/.build/thread-1.mjs:1:1)',
    'new _Run (file:///x/.build/thread-1.mjs:2:2)',
    'async run3 (file:///x/(odd)/thread-1.mjs:3:3)',
    'file:///x/.build/thread-1.mjs:4:4',
  );
  expect(thrownText(here)).toBe('TypeError: no such thing, in onProposal < forEach < #runPhases < Run < run');
  expect(thrownText(there)).toBe(thrownText(here));
});

test('paths and line breaks of the text itself go too', () => {
  expect(thrownText(errorWith("cannot load '/a/b.mjs:3:4'\n  of file:///b/c.ts"))).toBe(
    "TypeError: cannot load 'a file' of a file",
  );
  expect(thrownText('/acl/node is not there')).toBe('/acl/node is not there');
});

test('where the stack ended hangs on the thread', () => {
  expect(thrownText(errorWith('Maximum call stack size exceeded', 'a (x.js:1:1)'))).toBe(
    'TypeError: Maximum call stack size exceeded',
  );
});
