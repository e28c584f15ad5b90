/**
 * Locks. `lock` knows who holds it: only that process can release it. `mutex` does not, as where a process that was told nothing
 * goes on under another name. `acquire` may be answered with false: somebody holds it. A failed acquire or release did not
 * happen.
 */

import type { Model } from './model.ts';
import { type Operation, plainKey } from './operation.ts';

interface Holder {
  readonly holder: string | null;
}

export function lockModel(): Model<Holder> {
  return {
    ...common(({ process }) => process),
    name: 'lock',
    says: 'one holder, who alone can release: acquire, release',
  };
}

export function mutexModel(): Model<Holder> {
  return { ...common(() => 'held'), name: 'mutex', says: 'one holder, whom anybody can release: acquire, release' };
}

function common(nameOf: (operation: Operation) => string): Omit<Model<Holder>, 'name' | 'says'> {
  return {
    operations: ['acquire', 'release'],
    init: () => ({ holder: null }),
    step: (state, operation) => step(state, operation, nameOf(operation)),
    keyOf: ({ holder }) => holder ?? '',
    describe: ({ holder }) => (holder === null ? 'free' : holder === 'held' ? 'held' : `held by ${holder}`),
    isPure: (operation) => operation.f === 'acquire' && isRefused(operation),
    classOf: (operation) => plainKey([operation.f, nameOf(operation)]),
  };
}

const isRefused = ({ outcome, result }: Operation): boolean => outcome === 'ok' && result === false;

function step(state: Holder, operation: Operation, name: string): Holder | null {
  const unchanged = operation.outcome === 'info' ? state : null;
  if (operation.f === 'release') return state.holder === name ? { holder: null } : unchanged;
  if (isRefused(operation)) return state.holder === null ? null : state;
  return state.holder === null ? { holder: name } : unchanged;
}
