/**
 * The queue of the recipes page: a producer creates a sequential node; a consumer lists them, smallest first, and deletes the first
 * one that nobody else has deleted before it. The deletion decides whose the element is, so what is in the queue is taken
 * once and in order, however old the list was.
 *
 * Two things a client cannot know. A producer whose answer was lost looks for its guid; what it finds is in, but what it
 * does not find may have been in and been taken, so it must not produce it again. A consumer whose deletion was not answered
 * may have the element or not. Both are told as what they are, unknown.
 *
 * That the queue is empty is true of the moment of a list, and lists are read where the client happens to be; so a consumer
 * that says it syncs first.
 */

import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { type Operation, plainKey } from '../checkers/history/search/operation.ts';
import { childrenOf, createOnce } from './nodes.ts';
import { ask, done, eventOf, insist, isPassing, isUnknown, pause, type Recipe, type Zk } from './program.ts';

export const QUEUE = 'queue';
const PARENT = '/recipes/queue';
const KEY = 'queue';
/** How long consumers wait for something to come; some do not. */
const PATIENCE_MS = [0, 0, 200] as const;

export function* enqueue(zk: Zk): Recipe {
  const value = zk.guid;
  const told = zk.begin(QUEUE, 'enqueue', { key: KEY, value });
  const wanted = { parent: PARENT, guid: zk.guid, suffix: '-queue-', data: utf8Encode(value) };
  const name = yield* createOnce({ ...wanted, mode: CreateMode.persistentSequential }, true);
  if (name !== null) told.ok();
}

export function* dequeue(zk: Zk): Recipe {
  const patienceMs = zk.random.pick(PATIENCE_MS);
  const told = zk.begin(QUEUE, 'dequeue', { key: KEY });
  yield* insist({ kind: 'sync', path: PARENT });
  for (let hasWaited = false; ; ) {
    const names = yield* childrenOf(PARENT, true);
    for (const name of names) {
      const path = `${PARENT}/${name}`;
      const read = yield* insist({ kind: 'getData', path, watch: false });
      if (read.err === Code.NONODE) continue;
      const { data } = done(read, 'getData');
      const value = (data === null ? null : utf8Decode(data)) ?? '';
      told.wants(value);
      const taken = yield* take(path);
      if (taken === 'taken') told.ok(value);
      if (taken !== 'gone') return;
      told.wants(null);
    }
    // Others were quicker: look again.
    if (names.length > 0) continue;
    if (hasWaited || patienceMs === 0) break;
    hasWaited = true;
    yield* eventOf(PARENT, patienceMs);
  }
  told.ok(null);
}

function* take(path: string): Recipe<'taken' | 'gone' | 'unknown'> {
  for (;;) {
    const reply = yield* ask({ kind: 'delete', path, version: -1 });
    if (reply.err === 0) return 'taken';
    if (reply.err === Code.NONODE) return 'gone';
    if (isUnknown(reply) || !isPassing(reply)) return 'unknown';
    yield* pause();
  }
}

/**
 * What nobody may have taken out need not have been put in, and what somebody has taken nobody else has: a value is put in once.
 * A dequeue that was not about to take anything took nothing.
 */
export function queueMatters(operations: readonly Operation[]): (operation: Operation) => boolean {
  const taken = new Set<string>();
  const wanted = new Set<string>();
  for (const { f, value, outcome, result } of operations) {
    if (f !== 'dequeue') continue;
    if (outcome === 'ok' && result !== null) taken.add(plainKey(result));
    if (outcome === 'info' && value !== null) wanted.add(plainKey(value));
  }
  return ({ f, value, outcome }) => {
    if (outcome !== 'info') return true;
    const key = plainKey(value);
    return f === 'enqueue' ? taken.has(key) || wanted.has(key) : value !== null && !taken.has(key);
  };
}
