/**
 * The lock of the recipes page: ephemeral sequential nodes stand in a line, whose first one holds the lock; each of the others
 * watches the one before it, so that a release wakes one client and not a herd.
 *
 * What that promises is a promise about the order of the servers and not about what clients believe. A holder that is cut off
 * goes on believing after its session has expired, and nobody can tell it; between expiry and its learning of it two clients
 * believe in the same lock. So who writes under the lock has to show the servers that it still has it: here by a multi that
 * checks the own node (a fencing token would be its number). Told to the judge are therefore:
 *
 * - `enter`: the own node was created;
 * - `hold`: at some moment since then it was the first, as a list said, which may be an old one; or, from a write that was
 *   checked, at some moment of that write;
 * - `leave`: the own node went away. Deleted by its owner this has a time. With the session it has none: that a
 *   session is over is told by the servers before, or by the client's own clock long before its nodes go.
 */

import type { Call } from '../../core/client/calls.ts';
import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import { type Operation, plainKey } from '../checkers/history/search/operation.ts';
import { childrenOf, createOnce, ensure, numberOf } from './nodes.ts';
import { eventOf, insist, type Recipe, sleep, type Told, type Zk } from './program.ts';

export const LOCK = 'lock';
const ROOT = '/recipes';
const GUARDED_WRITES_MAX = 3;

export function* lock(zk: Zk): Recipe {
  // One of them has most of the clients.
  const key = zk.random.below(4) === 0 ? 'lock2' : 'lock1';
  const writes = zk.random.between(0, GUARDED_WRITES_MAX);
  const restMs = zk.random.pick([1, 10, 40, 150, 400]);
  const parent = `${ROOT}/${key}`;
  const value = zk.guid;

  const entered = zk.begin(LOCK, 'enter', { key, value });
  const held = zk.begin(LOCK, 'hold', { key, value });
  const lapsed = zk.begin(LOCK, 'leave', { key, value });
  const own = yield* enterLine(parent, zk.guid);
  entered.ok();
  yield* untilFirst(zk, parent, own);
  held.ok();

  const stopBelieving = zk.believe(key);
  for (let i = 0; i < writes; i++) {
    yield* sleep(restMs);
    const wrote = zk.begin(LOCK, 'hold', { key, value });
    const outcome = yield* writeGuarded(zk, { parent, own });
    if (outcome === 'written') wrote.ok();
    else wrote.drop();
    // The node is gone, and with it the lock; the session will be told.
    if (outcome === 'refused') return;
  }
  yield* sleep(restMs);
  stopBelieving();
  yield* leaveLine(zk, { parent, own, key, lapsed });
}

function* enterLine(parent: string, guid: string): Recipe<string> {
  const data = utf8Encode(guid);
  // Nobody else deletes it while the session lives, so what is not found is not there.
  const name = yield* createOnce({ parent, guid, suffix: '-lock-', data, mode: CreateMode.ephemeralSequential }, false);
  return name!;
}

/** Waits until no other node comes before the own one. Returns at once when there is none. */
export function* untilFirst(zk: Zk, parent: string, own: string): Recipe {
  for (;;) {
    const names = yield* childrenOf(parent, false);
    const before = names.filter((name) => numberOf(name) < numberOf(own));
    const ahead = before.at(-1);
    if (ahead === undefined) return;
    const path = `${parent}/${ahead}`;
    const reply = yield* insist({ kind: 'exists', path, watch: true });
    // Gone between the list and the look: the list is to be read again.
    if (reply.err === Code.NONODE) continue;
    yield* eventOf(path);
    zk.woken(path);
  }
}

interface Place {
  readonly parent: string;
  readonly own: string;
}

/** Writes if the own node is still there, in one transaction. */
function* writeGuarded(zk: Zk, { parent, own }: Place): Recipe<'written' | 'refused' | 'unknown'> {
  const path = `${ROOT}/guarded-${parent.slice(ROOT.length + 1)}`;
  const data = utf8Encode(zk.guid);
  for (;;) {
    const reply = yield* insist({
      kind: 'multi',
      ops: [
        { kind: 'check', path: `${parent}/${own}`, version: -1 },
        { kind: 'setData', path, data, version: -1 },
      ],
    });
    if (reply.err === 0) return 'written';
    const failed = reply.body?.kind === 'multi' ? reply.body.results[0] : undefined;
    const isOwnGone = failed?.kind === 'error' && failed.err === Code.NONODE;
    if (reply.err !== Code.NONODE || isOwnGone) return isOwnGone ? 'refused' : 'unknown';
    yield* ensure(path);
  }
}

function* leaveLine(
  zk: Zk,
  { parent, own, key, lapsed }: Place & { readonly key: string; readonly lapsed: Told },
): Recipe {
  const left = zk.begin(LOCK, 'leave', { key, value: zk.guid });
  const gone: Call = { kind: 'delete', path: `${parent}/${own}`, version: -1 };
  let isTold = false;
  try {
    // It may have gone with an attempt whose answer was lost.
    const reply = yield* insist(gone);
    isTold = reply.err === 0 || reply.err === Code.NONODE;
  } finally {
    // Otherwise it goes at some time with the session, which may have been over before the attempt.
    if (isTold) {
      left.ok();
      lapsed.drop();
    } else left.drop();
  }
}

/**
 * Whoever is not known to have entered explains nothing, nor does it matter then whether it has left; and to hold changes nothing.
 * A name is used once.
 */
export function lockMatters(operations: readonly Operation[]): (operation: Operation) => boolean {
  const entered = new Set(
    operations.filter(({ f, outcome }) => f === 'enter' && outcome === 'ok').map(({ value }) => plainKey(value)),
  );
  return ({ f, value, outcome }) => outcome !== 'info' || (f === 'leave' && entered.has(plainKey(value)));
}
