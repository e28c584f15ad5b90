/** Keeps the durable mark (mark.ts) on disk. */

import type { FileAction, Io } from '../io.ts';
import { assert, type Zxid } from '../types.ts';
import { encodeMark, MARK_INTERVAL_MS } from './mark.ts';
import { inLog, MARK_NAME } from './names.ts';
import { ask, type StoreTurn } from './ops.ts';
import type { StoreState } from './state.ts';

/** What makes the file say `zxid`. It exists since the first recovery. */
export function markActions(zxid: Zxid): FileAction[] {
  const path = inLog(MARK_NAME);
  return [
    { kind: 'write', path, offset: 0, bytes: encodeMark(zxid) },
    { kind: 'fsync', path },
  ];
}

/** Something was promised that the mark does not cover. */
export function markLater(store: StoreState, io: Io): void {
  const { mark, log } = store;
  if (mark.dueAtMs === null && log.durable > mark.zxid) mark.dueAtMs = io.now.monoMs + MARK_INTERVAL_MS;
}

/** Raises the mark if it is time and nothing is about to lower it. */
export function raiseMark(store: StoreState, io: Io): void {
  const { mark, log } = store;
  if (mark.dueAtMs === null || mark.dueAtMs > io.now.monoMs) return;
  if (mark.opsLeft > 0 || store.task !== null || store.draining || store.mustResync) return;
  mark.dueAtMs = null;
  if (log.durable <= mark.zxid) return;
  mark.zxid = log.durable;
  const actions = markActions(mark.zxid);
  mark.opsLeft = actions.length;
  for (const action of actions) ask(store, io, 'mark', action);
}

export function onMarkOp({ store, io }: StoreTurn): void {
  const { mark } = store;
  assert(mark.opsLeft > 0, 'completion of a mark without a mark');
  mark.opsLeft -= 1;
  if (mark.opsLeft === 0) markLater(store, io);
}
