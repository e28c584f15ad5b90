/**
 * Which profile a seed is drawn with. A campaign over all profiles gives half of its runs to the default one, which has the
 * required marks, and the rest to the others in turn.
 */

import { PROFILES, type Profile } from '../swarm.ts';
import type { CampaignKey } from './results.ts';

export interface Turn {
  readonly key: CampaignKey;
  readonly seed: number;
}

export const OTHER_PROFILES = (Object.keys(PROFILES) as Profile[]).filter((profile) => profile !== 'default');

/** Each seed number is run twice: by the default profile, and by the one whose turn it is. */
export function* rotation(key: CampaignKey, seeds: Iterable<number>): Generator<Turn> {
  let round = 0;
  for (const seed of seeds) {
    yield { key: { ...key, profile: 'default' }, seed };
    yield { key: { ...key, profile: OTHER_PROFILES[round % OTHER_PROFILES.length]! }, seed };
    round += 1;
  }
}

export function* alone(key: CampaignKey, seeds: Iterable<number>): Generator<Turn> {
  for (const seed of seeds) yield { key, seed };
}

/** Goes on where the last walk over it stopped. */
export function resumable<T>(items: Iterable<T>): Iterable<T> & { readonly isDone: boolean } {
  const iterator = items[Symbol.iterator]();
  let isDone = false;
  const next = (): IteratorResult<T> => {
    const result = iterator.next();
    isDone ||= result.done === true;
    return result;
  };
  return {
    [Symbol.iterator]: () => ({ next }),
    get isDone() {
      return isDone;
    },
  };
}
