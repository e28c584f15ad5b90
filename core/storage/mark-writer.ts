/**
 * Keeps the mark (mark.ts) on disk. `store.mark` is what the file says or will say when the operations in flight are done;
 * they are all on one lane, each writes the whole record, so the last one asked for is the one that stays.
 */

import type { FileAction, Io } from '../io.ts';
import { assert, type Zxid } from '../types.ts';
import { encodeMark, MARK_INTERVAL_MS, type Mark } from './mark.ts';
import { inLog, LOG_DIR, MARK_NAME } from './names.ts';
import { ask, type StoreTurn } from './ops.ts';
import type { StoreState } from './state.ts';

const PATH = inLog(MARK_NAME);

/** What makes the file say this. */
export function markActions(mark: Mark, { exists }: { readonly exists: boolean }): FileAction[] {
  const write: FileAction[] = [
    { kind: 'write', path: PATH, offset: 0, bytes: encodeMark(mark) },
    { kind: 'fsync', path: PATH },
  ];
  return exists ? write : [{ kind: 'create', path: PATH }, ...write, { kind: 'fsyncDir', path: LOG_DIR }];
}

/** Changes the record; the actions must be asked for in this step, the first at once. */
export function changeMark(store: StoreState, change: Partial<Mark>): FileAction[] {
  const { zxid, acceptedEpoch, currentEpoch, config, exists } = store.mark;
  const mark = { zxid, acceptedEpoch, currentEpoch, config, ...change };
  store.mark.zxid = mark.zxid;
  store.mark.acceptedEpoch = mark.acceptedEpoch;
  store.mark.currentEpoch = mark.currentEpoch;
  store.mark.config = mark.config;
  store.mark.exists = true;
  return markActions(mark, { exists });
}

/** Something was promised that the mark does not cover. */
export function markLater(store: StoreState, io: Io): void {
  const { mark, log } = store;
  if (mark.dueAtMs === null && log.durable > mark.zxid) mark.dueAtMs = io.now.monoMs + MARK_INTERVAL_MS;
}

/** Raises the mark if it is time. The caller has seen that nothing is about to lower it. */
export function raiseMark(store: StoreState, io: Io): void {
  const { mark, log } = store;
  if (mark.dueAtMs === null || mark.dueAtMs > io.now.monoMs || mark.opsLeft > 0) return;
  mark.dueAtMs = null;
  if (log.durable <= mark.zxid) return;
  write(store, io, { zxid: log.durable });
}

/**
 * The entry of this zxid, which is durable, is a reconfiguration known to be committed. This is not put off, and an older
 * write may still be in flight. The caller has seen that nothing is about to lower the mark.
 */
export function markConfig(store: StoreState, io: Io, config: Zxid): void {
  const { mark, log } = store;
  assert(config <= log.durable, 'a configuration is marked before it is durable');
  write(store, io, { config, zxid: log.durable > mark.zxid ? log.durable : mark.zxid });
}

function write(store: StoreState, io: Io, change: Partial<Mark>): void {
  const actions = changeMark(store, change);
  store.mark.opsLeft += actions.length;
  for (const action of actions) ask(store, io, 'mark', action);
}

export function onMarkOp({ store, io }: StoreTurn): void {
  const { mark } = store;
  assert(mark.opsLeft > 0, 'completion of a mark without a mark');
  mark.opsLeft -= 1;
  if (mark.opsLeft === 0) markLater(store, io);
}
