/** What the lock and the queue share: nodes with a guid and a number in their names. */

import { OPEN_ACL } from '../../core/types.ts';
import { Code, type CreateMode } from '../../core/wire/opcodes.ts';
import { ask, done, insist, isPassing, isUnknown, pause, type Recipe, Refused } from './program.ts';

/** Decimals that a sequential name ends with. */
const NUMBER_LENGTH = 10;

export const numberOf = (name: string): number => Number(name.slice(-NUMBER_LENGTH));
export const byNumber = (a: string, b: string): number => numberOf(a) - numberOf(b);
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The node and those above it, if they are not there. */
export function* ensure(path: string): Recipe {
  for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
    const prefix = at < 0 ? path : path.slice(0, at);
    const reply = yield* insist({ kind: 'create', path: prefix, data: null, acl: OPEN_ACL, flags: 0 });
    if (reply.err !== 0 && reply.err !== Code.NODEEXISTS) throw new Refused(`create ${prefix}: ${reply.err}`);
    if (at < 0) return;
  }
}

interface Wanted {
  readonly parent: string;
  /** Unique: how the node is known again. */
  readonly guid: string;
  readonly suffix: string;
  readonly data: Uint8Array;
  readonly mode: (typeof CreateMode)['ephemeralSequential' | 'persistentSequential'];
}

/**
 * Creates a sequential node once. When the answer is lost, the node is looked for by its guid ("Recoverable Errors and the GUID"
 * of the recipes page), behind a sync: another server may not have heard yet of what the session wrote last. Behind the sync
 * nothing is under way any more that the session asked for on another connection, so what is not there is not to come.
 *
 * Returns the name, or null: nobody knows, since what is not there may have been there and been taken away (`mayVanish`).
 */
export function* createOnce(wanted: Wanted, mayVanish: boolean): Recipe<string | null> {
  const { parent, guid, suffix, data, mode } = wanted;
  for (;;) {
    const path = `${parent}/${guid}${suffix}`;
    const reply = yield* ask({ kind: 'create', path, data, acl: OPEN_ACL, flags: mode });
    if (reply.err === 0) return nameOf(done(reply, 'create').path);
    if (isUnknown(reply)) {
      const found = yield* findByGuid(parent, guid);
      if (found !== null || mayVanish) return found;
    } else if (reply.err === Code.NONODE) yield* ensure(parent);
    else if (isPassing(reply)) yield* pause();
    else throw new Refused(`create ${path}: ${reply.err}`);
  }
}

function* findByGuid(parent: string, guid: string): Recipe<string | null> {
  yield* insist({ kind: 'sync', path: parent });
  const names = yield* childrenOf(parent, false);
  return names.find((name) => name.startsWith(guid)) ?? null;
}

/** In the order of their numbers. None, where there is no parent. */
export function* childrenOf(parent: string, watch: boolean): Recipe<string[]> {
  const reply = yield* insist({ kind: 'getChildren', path: parent, watch });
  if (reply.err === Code.NONODE) return [];
  return [...done(reply, 'getChildren').children].sort(byNumber);
}
