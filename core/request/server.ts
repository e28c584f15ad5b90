/** The client port. */

import type { BootSecrets, PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { Input, Io } from '../io.ts';
import type { ApplyResult } from '../tree/data-tree.ts';
import { InvariantError, type SessionId } from '../types.ts';
import type { TxnHeader } from '../wire/records.ts';
import type { Txn } from '../wire/txn.ts';
import type { ServerEvent, ServerMode, ServerState } from './state.ts';

export type { ServerEvent, ServerMode, ServerState, Submission } from './state.ts';

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

const unwritten = (): never => {
  throw new InvariantError('not written yet');
};

/** Asks for the client listeners; no client is served before `serverStart`. */
export function serverBoot(config: PeerConfig, secrets: BootSecrets, io: Io): ServerState {
  return unwritten() ?? [config, secrets, io];
}
/** Begins to serve. Changing the mode of a serving server needs a `serverStop` in between. */
export function serverStart(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  mode: Exclude<ServerMode, 'stopped'>,
): void {
  unwritten() ?? [server, heap, config, io, mode];
}
/** Closes every client connection and forgets local sessions. */
export function serverStop(server: ServerState, heap: Heap, io: Io): void {
  unwritten() ?? [server, heap, io];
}
export function serverOpened(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connOpened'>,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, input];
}
export function serverBytes(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connBytes'>,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, input];
}
export function serverBlocked(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connBlocked'>,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, input];
}
export function serverDrained(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connDrained'>,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, input];
}
export function serverClosed(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connClosed'>,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, input];
}
export interface Applied {
  readonly header: TxnHeader;
  readonly txn: Txn;
  readonly result: ApplyResult;
}
/** A transaction was applied to the tree: watches fire, then the client that asked for it hears of it. */
export function serverApplied(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  applied: Applied,
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, applied];
}
export function serverSyncDone(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  done: { session: SessionId; cxid: number },
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, done];
}
export function serverRevalidated(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  answer: { session: SessionId; valid: boolean },
): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io, answer];
}
/** Learner: the signs of life to report with the next PING answer. */
export function serverTakeTouches(server: ServerState): { session: SessionId; timeoutMs: number }[] {
  return unwritten() ?? [server];
}
export function serverTick(server: ServerState, heap: Heap, config: PeerConfig, io: Io): readonly ServerEvent[] {
  return unwritten() ?? [server, heap, config, io];
}
export function serverDeadline(server: ServerState): number | null {
  return unwritten() ?? [server];
}
