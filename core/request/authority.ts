/** The deciding side of a server: leader or standalone. */

import type { Membership, PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { Io } from '../io.ts';
import type { SessionTracker } from '../session/tracker.ts';
import { InvariantError, type PeerId, type SessionId, type Zxid } from '../types.ts';
import type { TxnHeader } from '../wire/records.ts';
import type { LogEntry, Txn } from '../wire/txn.ts';
import type { Submission } from './state.ts';

export interface AuthorityState {
  readonly sessions: SessionTracker;
}

/** What a reconfiguration is judged by. */
export interface ReconfigCtx {
  readonly committed: Membership;
  readonly lastSeen: Membership;
  readonly hasSyncedQuorum: (membership: Membership) => boolean;
}

export interface PrepareContext {
  /** The zxid that the transaction will have. */
  readonly zxid: Zxid;
  /** The server whose client asks; this server's own id for its own clients and for `authorityTick`. */
  readonly from: PeerId;
  /** Null for a standalone server, which cannot be reconfigured. */
  readonly reconfig: ReconfigCtx | null;
}

export type Prepared =
  | { readonly type: 'txn'; readonly entry: LogEntry; readonly header: TxnHeader; readonly txn: Txn }
  /** Nothing to do and nobody to answer: an own request (`authorityTick`) that became moot. */
  | { readonly type: 'reject'; readonly err: number };

const unwritten = (): never => {
  throw new InvariantError('not written yet');
};

export function authorityBoot(heap: Heap, config: PeerConfig, io: Io): AuthorityState {
  return unwritten() ?? [heap, config, io];
}
export function authorityPrepare(
  auth: AuthorityState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  request: Submission,
  ctx: PrepareContext,
): Prepared {
  return unwritten() ?? [auth, heap, config, io, request, ctx];
}
export function authorityApplied(auth: AuthorityState, header: TxnHeader, txn: Txn): void {
  unwritten() ?? [auth, header, txn];
}
export function authorityRevalidate(
  auth: AuthorityState,
  io: Io,
  ask: { session: SessionId; timeoutMs: number; owner: PeerId },
): boolean {
  return unwritten() ?? [auth, io, ask];
}
export function authorityTouch(auth: AuthorityState, io: Io, session: SessionId, timeoutMs: number): void {
  unwritten() ?? [auth, io, session, timeoutMs];
}
export function authorityTick(auth: AuthorityState, heap: Heap, config: PeerConfig, io: Io): Submission[] {
  return unwritten() ?? [auth, heap, config, io];
}
export function authorityDeadline(auth: AuthorityState): number | null {
  return unwritten() ?? [auth];
}
