/** How the jobs of the store ask for file operations. */

import type { PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { FileAction, FileError, Io, Lane } from '../io.ts';
import { assert } from '../types.ts';
import { DATA_DIR, LOG_DIR, MARK_NAME } from './names.ts';
import type { Owner, Script, StoreEvent, StoreState } from './state.ts';

/** What the functions of one storage step share. */
export interface StoreTurn {
  readonly store: StoreState;
  readonly heap: Heap;
  readonly config: PeerConfig;
  readonly io: Io;
  /** Collected for the owner of the store. */
  readonly events: StoreEvent[];
}

/** Bounds the table of operations: every job has at most a handful in flight. */
const OPS_MAX = 4096;

/** The action leaves with the effect: one that is a part of the state is copied by the caller. */
export function ask(
  store: StoreState,
  io: Io,
  owner: Owner,
  action: FileAction,
  options: { lane?: Lane; token?: number } = {},
): void {
  assert(store.phase.kind !== 'failed', 'a failed store asks for nothing');
  assert(store.ops.size < OPS_MAX, 'too many file operations in flight');
  const op = store.nextOp++;
  const path = action.kind === 'rename' ? action.to : action.path;
  store.ops.set(op, { owner, token: options.token ?? 0, kind: action.kind, path });
  io.emit({ type: 'file', op, generation: store.generation, lane: options.lane ?? laneOf(path), action });
}

/** Jobs wait for each other by completions, so the lane only keeps slow work from standing before urgent work. */
function laneOf(path: string): Lane {
  if (path === `${LOG_DIR}/${MARK_NAME}`) return 'meta';
  if (path.startsWith(LOG_DIR)) return 'log';
  if (path.startsWith(`${DATA_DIR}/snapshot.`) || path.startsWith(`${DATA_DIR}/install.`)) return 'snap';
  return 'meta';
}

export const scriptOf = (actions: readonly FileAction[]): Script => ({ actions: [...actions], at: 0 });

/** Asks for the next action of the script; false when it is finished. */
export function advance(store: StoreState, io: Io, owner: Owner, script: Script): boolean {
  const action = script.actions[script.at];
  if (action === undefined) return false;
  script.at += 1;
  ask(store, io, owner, { ...action });
  return true;
}

/** From here on nothing is written: what the disk holds is unknown, and a retried fsync would only hide it. */
export function fail(turn: StoreTurn, error: FileError, path: string): void {
  const { store, heap, events } = turn;
  store.phase = { kind: 'failed' };
  heap.saving?.close();
  heap.saving = null;
  heap.loading = null;
  events.push({ type: 'failed', error, path });
}
