/**
 * The storage machine: the door. Types first; the parts are in the files beside it.
 */

import type { BootSecrets, PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { FileError, Input, Io } from '../io.ts';
import { InvariantError, type Zxid } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';

export interface StoreState {
  readonly generation: number;
}

export type StoreEvent =
  | { readonly type: 'recovered'; readonly recovery: Recovery }
  | { readonly type: 'durable'; readonly zxid: Zxid }
  | { readonly type: 'epochsSaved'; readonly token: number }
  | { readonly type: 'truncated'; readonly zxid: Zxid }
  | { readonly type: 'snapshotDone'; readonly zxid: Zxid }
  | { readonly type: 'installed'; readonly zxid: Zxid }
  | { readonly type: 'rangeRead'; readonly token: number; readonly entries: readonly LogEntry[] | null }
  | { readonly type: 'drained' }
  | { readonly type: 'failed'; readonly error: FileError; readonly path: string };

export interface Recovery {
  readonly snapshotZxid: Zxid;
  readonly lastZxid: Zxid;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly mustResync: boolean;
  readonly empty: boolean;
  readonly initializeFile: boolean;
  readonly notes: readonly string[];
}

export type FileDone = Extract<Input, { type: 'fileDone' }>;

function unbuilt(...used: unknown[]): never {
  throw new InvariantError(`storage is not built yet (${used.length})`);
}

export function storeBoot(config: PeerConfig, secrets: BootSecrets, io: Io): StoreState {
  return unbuilt(config, secrets, io);
}
export function storeStep(store: StoreState, heap: Heap, config: PeerConfig, io: Io, done: FileDone): StoreEvent[] {
  return unbuilt(store, heap, config, io, done);
}
export function storeAppend(store: StoreState, heap: Heap, io: Io, entry: LogEntry): void {
  unbuilt(store, heap, io, entry);
}
export function storeFlush(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  unbuilt(store, heap, config, io);
}
export function storeSaveEpochs(
  store: StoreState,
  io: Io,
  epochs: { acceptedEpoch: number; currentEpoch: number },
): number {
  return unbuilt(store, io, epochs);
}
export function storeTruncate(store: StoreState, heap: Heap, io: Io, cut: { to: Zxid }): void {
  unbuilt(store, heap, io, cut);
}
export function storeSnapshot(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  unbuilt(store, heap, config, io);
}
export function storeInstall(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  unbuilt(store, heap, config, io);
}
export function storeReadRange(
  store: StoreState,
  heap: Heap,
  io: Io,
  range: { after: Zxid; upTo: Zxid; bytesMax: number },
): number {
  return unbuilt(store, heap, io, range);
}
export function storeDrain(store: StoreState, io: Io): void {
  unbuilt(store, io);
}
export function storeDeadline(store: StoreState): number | null {
  return unbuilt(store);
}
export function storeTick(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  unbuilt(store, heap, config, io);
}
export function snapshotDue(store: StoreState, config: PeerConfig): boolean {
  return unbuilt(store, config);
}
