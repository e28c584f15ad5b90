/**
 * Does one seed give one run? Runs A twice, then B, then A again in the same process: the second catches what depends on
 * chance, the last what a run leaves behind in the process. Every event has a word of the rolling hash, so the first
 * difference is named, not just noticed.
 */

import { type RunSettings, run } from '../runner.ts';
import type { Schedule } from '../schedule.ts';
import type { World } from '../world/types.ts';

export interface Difference {
  readonly runs: string;
  /** Index of the first event that differs, from 0, and what it is in either run. */
  readonly index: number;
  readonly left: string;
  readonly right: string;
}

interface Recorded {
  readonly hash: string;
  readonly words: Uint32Array;
}

export function checkDeterminism(a: Schedule, b: Schedule, settings: RunSettings = {}): Difference | null {
  const first = record(a, settings);
  const second = record(a, settings);
  record(b, settings);
  const third = record(a, settings);
  return (
    compare(a, 'the first and the second', first, second, settings) ??
    compare(a, 'the first and the third', first, third, settings)
  );
}

function record(schedule: Schedule, settings: RunSettings): Recorded {
  let world: World | null = null;
  const result = run(schedule, {
    ...settings,
    recordHashes: true,
    onWorld: (made) => {
      world = made;
    },
  });
  return { hash: result.hash, words: world === null ? new Uint32Array(0) : (world as World).hashes().slice() };
}

function compare(
  schedule: Schedule,
  runs: string,
  left: Recorded,
  right: Recorded,
  settings: RunSettings,
): Difference | null {
  const count = Math.min(left.words.length, right.words.length);
  let index = 0;
  while (index < count && left.words[index] === right.words[index]) index++;
  if (index === count && left.words.length === right.words.length && left.hash === right.hash) return null;
  return { runs, index, left: describe(schedule, index, settings), right: describe(schedule, index, settings) };
}

/** What the event with this index is, by running up to it once more. */
function describe(schedule: Schedule, index: number, settings: RunSettings): string {
  let found = 'the run ends before it';
  run(schedule, {
    ...settings,
    hooks: {
      onEvent: (event) => {
        if (event.index === index + 1)
          found = `${event.kind} at host ${event.host}, ${event.timeUs} us, caused by ${event.cause}`;
      },
    },
  });
  return found;
}
