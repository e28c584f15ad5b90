/**
 * A fair lock, as a line in which the first one holds it: `enter NAME` goes to the end of the line, `hold NAME` finds NAME at
 * its head, `leave NAME` takes it away, wherever it stands. Who leaves is not said: a line of ephemeral nodes is left
 * by whoever lets go and by whoever loses its session. A failed operation did not happen; nothing is known from a failed
 * `hold`.
 */

import type { Model } from './model.ts';
import { type Operation, plainKey } from './operation.ts';

interface Line {
  /** Keys of the names, first to last. */
  readonly keys: readonly string[];
}

const EMPTY: Line = { keys: [] };

export function fairLockModel(): Model<Line> {
  return {
    name: 'fair-lock',
    says: 'held by the first in line: enter NAME, hold NAME (it is the first), leave NAME',
    operations: ['enter', 'hold', 'leave'],
    init: () => EMPTY,
    step,
    keyOf: ({ keys }) => keys.join('\n'),
    describe: ({ keys }) => (keys.length === 0 ? 'free' : `held by ${keys[0]}, line [${keys.join(' ')}]`),
    problemOf: ({ f, value }) => (value === null ? `${f} takes a name` : null),
    isPure: ({ f }) => f === 'hold',
  };
}

function step(state: Line, { f, value, outcome }: Operation): Line | null {
  const { keys } = state;
  const name = plainKey(value);
  const unchanged = outcome === 'info' ? state : null;
  if (f === 'hold') return keys[0] === name ? state : unchanged;
  const isInLine = keys.includes(name);
  if (f === 'enter') return isInLine ? unchanged : { keys: [...keys, name] };
  return isInLine ? { keys: keys.filter((key) => key !== name) } : unchanged;
}
