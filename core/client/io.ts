/**
 * The door of the client machine: what comes in and what is asked for. Same manners as `core/io.ts`: plain immutable
 * values, effects executed in the order they were emitted, time as an argument.
 */

import type { Address, NoteFields } from '../io.ts';
import type { ConnId, SessionId } from '../types.ts';
import type { Call, CallBody, WatcherId } from './calls.ts';

export interface ClientConfig {
  /** Tried in this order, round and round. The caller shuffles, so that clients spread over the servers. */
  readonly hosts: readonly Address[];
  /** `''` for none, else a path such as `/app` that is put before every path. */
  readonly chroot: string;
  readonly sessionTimeoutMs: number;
  /** Content with a server that has lost its quorum and only reads. */
  readonly readOnly: boolean;
  /** Session to go on with, or null for a new one. */
  readonly session: ClientSession | null;
  /** 32-bit seed of the delays between connection attempts. Never used for anything secret. */
  readonly jitterSeed: number;
  /** Upper bound of the random delay before a connection is tried again. Java: 1000. */
  readonly reconnectDelayMaxMs: number;
  /** Pause after every host was tried without success (StaticHostProvider.next's spinDelay). Java: 1000. */
  readonly roundDelayMs: number;
  /** Requests sent and not yet answered on one connection; further ones wait in the queue. */
  readonly inFlightCountMax: number;
  /** Requests waiting to be sent; further ones are answered with THROTTLEDOP at once. */
  readonly queueCountMax: number;
  /** Longest frame accepted from or sent to a server (`jute.maxbuffer`). */
  readonly frameBytesMax: number;
}

export const CLIENT_DEFAULTS = {
  chroot: '',
  sessionTimeoutMs: 30_000,
  readOnly: false,
  session: null,
  jitterSeed: 1,
  reconnectDelayMaxMs: 1000,
  roundDelayMs: 1000,
  inFlightCountMax: 1000,
  queueCountMax: 10_000,
  frameBytesMax: 0x10_0000,
} as const satisfies Partial<ClientConfig>;

/** What another client needs to go on with this session. */
export interface ClientSession {
  readonly id: SessionId;
  readonly passwd: Uint8Array;
  /** No server that is behind this zxid is accepted. */
  readonly lastZxidSeen: number;
}

export type ClientInput =
  /** `id` comes back in exactly one reply. `watcher` names who hears the events (default: `id`). */
  | { readonly type: 'request'; readonly id: number; readonly request: Call; readonly watcher?: WatcherId }
  /** Adds an identity to this and every later connection. With an `id`, a reply tells when the server took it. */
  | { readonly type: 'addAuth'; readonly scheme: string; readonly auth: Uint8Array; readonly id?: number }
  /** Drops the connection, as if the network had, and goes on with the next host. */
  | { readonly type: 'move' }
  /** Ends the session politely. What was asked before is still answered. */
  | { readonly type: 'close' }
  | { readonly type: 'connOpened'; readonly conn: ConnId }
  | { readonly type: 'connFailed'; readonly conn: ConnId; readonly reason: string }
  | { readonly type: 'connBytes'; readonly conn: ConnId; readonly bytes: Uint8Array }
  | { readonly type: 'connBlocked'; readonly conn: ConnId }
  | { readonly type: 'connDrained'; readonly conn: ConnId }
  | { readonly type: 'connClosed'; readonly conn: ConnId; readonly reason: string }
  | { readonly type: 'tick' };

/**
 * What a program sees of the session (Watcher.Event.KeeperState). `expired`, `authFailed` and `closed` are final: the
 * program that wants to go on boots a new client.
 */
export type ClientStatus = 'syncConnected' | 'connectedReadOnly' | 'disconnected' | 'expired' | 'authFailed' | 'closed';

/** `type` is an `EventType` above 0. */
export interface WatchedEvent {
  readonly type: number;
  readonly path: string;
}

export type ClientEffect =
  /** Ids count down from -1 for each client by itself. `close` of a connection that is still being made abandons it. */
  | { readonly type: 'connect'; readonly conn: ConnId; readonly address: Address }
  | { readonly type: 'send'; readonly conn: ConnId; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly conn: ConnId }
  | {
      readonly type: 'reply';
      readonly id: number;
      /** A `Code`. A multi that failed has the code of the operation that did, with the results as its body. */
      readonly err: number;
      /** Of the transaction for a write, of the server's state for a read; -1 when the server did not answer. */
      readonly zxid: number;
      readonly body: CallBody | null;
      /** False when no byte of the request was handed to a connection: then it had no effect for certain. */
      readonly sent: boolean;
    }
  /** Comes before the reply of any request that shows the change. `watchers` is never empty. */
  | {
      readonly type: 'watch';
      readonly event: WatchedEvent;
      /** Of the transaction, or -1 when the server does not tell (and for events made on this side). */
      readonly zxid: number;
      readonly watchers: readonly WatcherId[];
    }
  /** The status changed. `session` is null until the first server has accepted one. */
  | {
      readonly type: 'state';
      readonly state: ClientStatus;
      readonly address: Address | null;
      readonly session: SessionId | null;
      /** As negotiated with the server. */
      readonly timeoutMs: number;
    }
  | { readonly type: 'note'; readonly code: string; readonly fields?: NoteFields };

export type ClientEmit = (effect: ClientEffect) => void;
