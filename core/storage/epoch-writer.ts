/**
 * Saving the epochs: into the mark, then into the epoch files. One save at a time, in the order asked for; each file is written beside, fsynced, renamed and its
 * directory fsynced, acceptedEpoch before currentEpoch, so that no crash leaves current above accepted. Only what changes
 * is written.
 */

import type { FileAction, Io } from '../io.ts';
import { assert } from '../types.ts';
import { encodeEpoch } from './epochs.ts';
import { changeMark } from './mark-writer.ts';
import { ACCEPTED_EPOCH, CURRENT_EPOCH, DATA_DIR, inData, TMP_SUFFIX } from './names.ts';
import { advance, type StoreTurn, scriptOf } from './ops.ts';
import type { StoreState } from './state.ts';

/** Replaces a small file whole or not at all (common/AtomicFileOutputStream, with the directory fsynced). */
export function replaceFile(name: string, bytes: Uint8Array): FileAction[] {
  const path = inData(name);
  const tmp = path + TMP_SUFFIX;
  return [
    { kind: 'create', path: tmp },
    { kind: 'append', path: tmp, bytes },
    { kind: 'fsync', path: tmp },
    { kind: 'rename', from: tmp, to: path },
    { kind: 'fsyncDir', path: DATA_DIR },
  ];
}

/** What makes the files say these epochs, given what they say (null: unknown). */
export function epochActions(
  now: { readonly accepted: number | null; readonly current: number | null },
  wanted: { readonly acceptedEpoch: number; readonly currentEpoch: number },
): FileAction[] {
  const actions: FileAction[] = [];
  if (now.accepted !== wanted.acceptedEpoch) {
    actions.push(...replaceFile(ACCEPTED_EPOCH, encodeEpoch(wanted.acceptedEpoch)));
  }
  if (now.current !== wanted.currentEpoch) {
    actions.push(...replaceFile(CURRENT_EPOCH, encodeEpoch(wanted.currentEpoch)));
  }
  return actions;
}

/** Starts the next save if none is running. */
export function startSave(store: StoreState, io: Io): void {
  const { epochs } = store;
  if (epochs.saving !== null) return;
  const save = epochs.queue.shift();
  if (save === undefined) return;
  const actions = epochActions(epochs, save);
  const { acceptedEpoch, currentEpoch } = save;
  if (store.mark.exists || !store.mustResync) {
    if (actions.length > 0) actions.unshift(...changeMark(store, { acceptedEpoch, currentEpoch }));
  } else {
    // A damaged directory without a mark must not get one before its history is replaced: it would make later recoveries
    // take the damage for a torn end.
    store.mark.acceptedEpoch = acceptedEpoch;
    store.mark.currentEpoch = currentEpoch;
  }
  // Also a save that changes nothing is answered by a completion.
  if (actions.length === 0) actions.push({ kind: 'fsyncDir', path: DATA_DIR });
  const script = scriptOf(actions);
  epochs.saving = { ...save, script };
  advance(store, io, 'epochs', script);
}

export function onEpochOp({ store, io, events }: StoreTurn): void {
  const { epochs } = store;
  assert(epochs.saving !== null, 'completion of a save without a save');
  const { token, acceptedEpoch, currentEpoch, script } = epochs.saving;
  if (advance(store, io, 'epochs', script)) return;
  epochs.accepted = acceptedEpoch;
  epochs.current = currentEpoch;
  epochs.saving = null;
  events.push({ type: 'epochsSaved', token });
  startSave(store, io);
}
