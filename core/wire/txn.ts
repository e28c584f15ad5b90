/**
 * Transactions as the log and the PROPOSAL carry them: `TxnHeader`, the record its type names, optionally a `TxnDigest`.
 * The same bytes are a log entry and a PROPOSAL's data (server/persistence/FileTxnLog, Leader.propose).
 */

import type { Acl, SessionId, Zxid } from '../types.ts';
import type { TxnDigest, TxnHeader } from './records.ts';

/** What a transaction does to the replicated state. `header.type` keeps the exact operation number. */
export type Txn =
  | { readonly kind: 'createSession'; readonly timeOut: number }
  /** `paths` is null for the empty-bodied form of old logs: the ephemerals are then looked up at apply time. */
  | { readonly kind: 'closeSession'; readonly paths: readonly string[] | null }
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[] | null;
      readonly ephemeral: boolean;
      /** The parent's cversion after this create; -1 in logs that lack it. */
      readonly parentCVersion: number;
    }
  | {
      readonly kind: 'createContainer';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[] | null;
      readonly parentCVersion: number;
    }
  | {
      readonly kind: 'createTTL';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[] | null;
      readonly parentCVersion: number;
      readonly ttl: number;
    }
  /** delete and deleteContainer. */
  | { readonly kind: 'delete'; readonly path: string }
  /** setData, and reconfig, which writes /zookeeper/config. */
  | { readonly kind: 'setData'; readonly path: string; readonly data: Uint8Array | null; readonly version: number }
  | {
      readonly kind: 'setACL';
      readonly path: string;
      readonly acl: readonly Acl[] | null;
      /** The new aversion. */
      readonly version: number;
    }
  | { readonly kind: 'check'; readonly path: string; readonly version: number }
  | { readonly kind: 'error'; readonly err: number }
  | { readonly kind: 'multi'; readonly parts: readonly TxnPart[] };

export interface TxnPart {
  /** Operation number, -1 for an error part. */
  readonly type: number;
  readonly txn: Txn;
}

/** A decoded log entry. */
export interface DecodedTxn {
  readonly header: TxnHeader;
  readonly txn: Txn;
  readonly digest: TxnDigest | null;
}

/** An entry of the history: its zxid and its exact bytes, which log, PROPOSAL and INFORM share. */
export interface LogEntry {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
}

export type { SessionId };
