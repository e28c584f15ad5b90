/**
 * A queue, first in first out: `enqueue V`; `dequeue`, answered with the value or with nothing when the queue was empty.
 * A failed dequeue took nothing; whether it found the queue empty is not told. `dequeue V` is one that asks for V and nothing
 * else: it takes V where that is the first. So a dequeue whose outcome nobody knows can say what it may have taken.
 */

import type { Model } from './model.ts';
import { type Operation, type Plain, plainKey } from './operation.ts';

interface Waiting {
  /** Keys of the values, first to last. */
  readonly keys: readonly string[];
}

const EMPTY: Waiting = { keys: [] };
const keyOfResult = (value: Plain): string | null => (value === null ? null : plainKey(value));

export function queueModel(): Model<Waiting> {
  return {
    name: 'queue',
    says: 'first in first out: enqueue V, dequeue or dequeue V (answered V, or null when it was empty)',
    operations: ['enqueue', 'dequeue'],
    init: () => EMPTY,
    step,
    keyOf: ({ keys }) => keys.join('\n'),
    describe: ({ keys }) => `[${keys.join(' ')}]`,
    problemOf: ({ f, value }) => (f === 'enqueue' && value === null ? 'enqueue takes a value' : null),
    isPure: ({ f, outcome, result }) => f === 'dequeue' && outcome === 'ok' && result === null,
  };
}

function step(state: Waiting, { f, value, outcome, result }: Operation): Waiting | null {
  const { keys } = state;
  if (f === 'enqueue') return { keys: [...keys, plainKey(value)] };
  const wanted = keyOfResult(value);
  if (outcome === 'info') {
    return keys.length === 0 || (wanted !== null && keys[0] !== wanted) ? state : { keys: keys.slice(1) };
  }
  const taken = keyOfResult(result);
  if (taken !== null && wanted !== null && taken !== wanted) return null;
  if (taken === null) return keys.length === 0 ? state : null;
  return keys[0] === taken ? { keys: keys.slice(1) } : null;
}
