/**
 * The door between the core and the world: what comes in (`Input`) and what is asked for (`Effect`).
 *
 * Both are closed unions of plain, immutable values. The real shell (`server/`) and the simulated world (`sim/`) execute
 * the very same effects. Order matters: effects of one step are executed in the order they were emitted.
 */

import type { ConnId, Now, PeerId } from './types.ts';

/** Which port a connection belongs to. Each has its own fate in the network. */
export type Channel = 'election' | 'quorum' | 'client';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the shell vouches for about the other end of a connection. */
export interface Remote {
  /** IP address text as the socket reports it, without port; scope of the `ip` ACL scheme. */
  readonly ip: string;
  readonly port: number;
  /** The connection is encrypted. */
  readonly tls: boolean;
  /** DER of the certificate that the TLS handshake verified, or null when none was presented. */
  readonly certificate: Uint8Array | null;
}

export type FileError = 'EIO' | 'ENOSPC' | 'ENOENT' | 'EEXIST' | 'ECORRUPT';

/**
 * File operations of one lane are executed strictly in the order they were emitted; lanes are independent of each other.
 * `log`: the transaction log. `snap`: snapshots. `meta`: epoch files. `read`: bulk reads that must not delay the log.
 */
export type Lane = 'log' | 'snap' | 'meta' | 'read';

/** Paths are relative, with `/` as separator: `data/version-2/snapshot.0`, `log/version-2/log.1`, `data/myid`. */
export type FileAction =
  /** Creates an empty file; fails with EEXIST when the name is taken. Its directory entry is not yet durable. */
  | { readonly kind: 'create'; readonly path: string }
  /** Writes at the end of the file as the page cache sees it. */
  | { readonly kind: 'append'; readonly path: string; readonly bytes: Uint8Array }
  /** Overwrites bytes inside the file (or extends it); used to write into the zero padding of a log. */
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fsync'; readonly path: string }
  /** Makes creations, renames and removals inside the directory durable. */
  | { readonly kind: 'fsyncDir'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'remove'; readonly path: string }
  /** Reads up to `length` bytes at `offset`; a short result means the end of the file. */
  | { readonly kind: 'read'; readonly path: string; readonly offset: number; readonly length: number }
  /** Lists a directory: names and sizes of the plain files in it. A missing directory lists as empty. */
  | { readonly kind: 'list'; readonly path: string }
  /** Creates a directory and its parents; an existing one is fine. */
  | { readonly kind: 'mkdir'; readonly path: string };

export type FileResult =
  | { readonly ok: true; readonly bytes?: Uint8Array; readonly entries?: readonly FileEntry[] }
  | { readonly ok: false; readonly error: FileError };

export interface FileEntry {
  readonly name: string;
  readonly size: number;
}

export type Input =
  /** Time has passed; sent when `nextDeadline` is reached. An extra tick does nothing. */
  | { readonly type: 'tick' }
  /** A listener accepted a connection (after its TLS handshake), or a `connect` effect succeeded. */
  | { readonly type: 'connOpened'; readonly conn: ConnId; readonly channel: Channel; readonly remote: Remote }
  /** A `connect` effect failed: refused, timed out, or its TLS handshake was rejected. */
  | { readonly type: 'connFailed'; readonly conn: ConnId; readonly reason: string }
  /** Bytes arrived, cut anywhere. The array is not written to after this. */
  | { readonly type: 'connBytes'; readonly conn: ConnId; readonly bytes: Uint8Array }
  /** The connection's send buffer is over the shell's high-water mark; sending on is allowed but grows memory. */
  | { readonly type: 'connBlocked'; readonly conn: ConnId }
  /** The send buffer is below the low-water mark again. */
  | { readonly type: 'connDrained'; readonly conn: ConnId }
  /** The connection is gone, by the other end or by the network. Not sent for connections that the core closed. */
  | { readonly type: 'connClosed'; readonly conn: ConnId; readonly reason: string }
  /** A file operation of this incarnation is complete. */
  | { readonly type: 'fileDone'; readonly op: number; readonly generation: number; readonly result: FileResult };

export type Effect =
  | {
      readonly type: 'connect';
      readonly conn: ConnId;
      readonly channel: 'election' | 'quorum';
      readonly peer: PeerId;
      readonly address: Address;
    }
  | { readonly type: 'send'; readonly conn: ConnId; readonly bytes: Uint8Array }
  /** Flushes what was sent before and closes; nothing is heard of the connection afterwards. */
  | { readonly type: 'close'; readonly conn: ConnId }
  /** Stops or resumes reading from the connection (back-pressure towards the other end). */
  | { readonly type: 'reading'; readonly conn: ConnId; readonly on: boolean }
  | { readonly type: 'listen'; readonly channel: Channel; readonly address: Address; readonly tls: boolean }
  /** Stops accepting on the channel; open connections stay. */
  | { readonly type: 'unlisten'; readonly channel: Channel }
  | {
      readonly type: 'file';
      readonly op: number;
      readonly generation: number;
      readonly lane: Lane;
      readonly action: FileAction;
    }
  /** This incarnation is over (damaged disk, lost membership, contradiction by the leader). The shell may boot another. */
  | { readonly type: 'halt'; readonly reason: string }
  /** Something a person or a checker wants to know; never needed for correctness. `area.object.event`. */
  | { readonly type: 'note'; readonly code: string; readonly fields?: NoteFields };

export type NoteFields = Readonly<Record<string, string | number | bigint | boolean | readonly number[] | null>>;

export type Emit = (effect: Effect) => void;

/** What a function deep inside a step needs of the outside: the time, a way to ask, and fresh connection ids. */
export interface Io {
  readonly now: Now;
  readonly emit: Emit;
  readonly newConn: () => ConnId;
}

export function note(io: Io, code: string, fields?: NoteFields): void {
  io.emit(fields === undefined ? { type: 'note', code } : { type: 'note', code, fields });
}
