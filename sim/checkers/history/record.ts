/**
 * What clients asked and were told, as data: one record per invocation, response, watch event and change of state, in the
 * order of the run; beside them, where somebody looked inside, the transactions as they were committed.
 *
 * The records of a client stand in the order in which its program met them. The judge (`judge.ts`) reads them one by one
 * while the simulator runs, or from a file; `toJsonLines` and `fromJsonLines` are exact inverses, so both judge the same.
 */

import type { Call, CallBody } from '../../../core/client/calls.ts';
import type { ClientStatus } from '../../../core/client/io.ts';
import type { Id, SessionId } from '../../../core/types.ts';
import { fromHex, hex } from '../../../core/wire/bytes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import { bytesText } from '../../text.ts';

interface Placed {
  readonly client: number;
  readonly atUs: number;
  /** The event of the trace in which it happened, when there is one. */
  readonly eventId?: number;
}

export interface InvokeRecord extends Placed {
  readonly type: 'invoke';
  readonly id: number;
  readonly call: Call;
}

/** An update, or the goodbye of a session, has left for a server: the number that its transaction will name. */
export interface SentRecord extends Placed {
  readonly type: 'sent';
  /** Null for the goodbye. */
  readonly id: number | null;
  readonly session: SessionId;
  readonly xid: number;
}

export interface AnswerRecord extends Placed {
  /** `ok`: it happened. `fail`: it did not. `info`: nobody knows (the connection was lost). */
  readonly type: 'ok' | 'fail' | 'info';
  readonly id: number;
  readonly session: SessionId | null;
  readonly err: number;
  /** Of the transaction for a write, of the server's state for a read; below 0 when no server answered. */
  readonly zxid: number;
  readonly body: CallBody | null;
  /** What it showed was left out when the history was shrunk. */
  readonly isCut?: boolean;
}

export interface WatchRecord extends Placed {
  readonly type: 'watch';
  readonly session: SessionId | null;
  readonly path: string;
  /** An `EventType`. */
  readonly event: number;
  /** Of the transaction; -1 for events made up on reconnection. */
  readonly zxid: number;
  /** False: the client machine got it and knew nobody who had asked for it. */
  readonly heard?: boolean;
}

export interface StateRecord extends Placed {
  readonly type: 'state';
  readonly session: SessionId | null;
  readonly state: ClientStatus;
  /** True where no server said so: the client machine gave its session up after a long silence. */
  readonly byItself?: boolean;
}

/** A new program begins under the client's number: what was open is unknown, watches and identities are gone. */
export interface RestartRecord extends Placed {
  readonly type: 'restart';
  /** The session it goes on with. */
  readonly session: SessionId | null;
  /** It does not know the session's password, and must not get it. */
  readonly isForged?: boolean;
}

/** Who the program is from its next request on: its address, and what it has added. */
export interface IdentityRecord extends Placed {
  readonly type: 'identity';
  readonly ids: readonly Id[];
}

/** A transaction became part of the committed history. Only a simulator knows. */
export interface CommitRecord {
  readonly type: 'commit';
  readonly atUs: number;
  readonly eventId?: number;
  readonly zxid: number;
  /** Whose request it was, and the request's number on its connection. */
  readonly session: SessionId;
  readonly cxid: number;
  /** Of the leader's wall clock, ms. */
  readonly time: number;
  readonly op: number;
  readonly txn: Txn;
}

export type HistoryRecord =
  | InvokeRecord
  | SentRecord
  | AnswerRecord
  | WatchRecord
  | StateRecord
  | RestartRecord
  | IdentityRecord
  | CommitRecord;

/** One JSON object a line; 64-bit numbers as hexadecimal text, bytes as text where they are text. */
export function* toJsonLines(records: Iterable<HistoryRecord>): Generator<string> {
  for (const record of records) yield `${JSON.stringify(record, exact)}\n`;
}

/** The records of such lines. Throws with the number of the line that is none. */
export function* fromJsonLines(lines: Iterable<string>): Generator<HistoryRecord> {
  let number = 0;
  for (const line of lines) {
    number += 1;
    if (line.trim() !== '') yield recordOf(line, number);
  }
}

const TYPES: ReadonlySet<unknown> = new Set<HistoryRecord['type']>([
  'invoke',
  'sent',
  'ok',
  'fail',
  'info',
  'watch',
  'state',
  'restart',
  'identity',
  'commit',
]);

function recordOf(line: string, number: number): HistoryRecord {
  let read: unknown;
  try {
    read = JSON.parse(line, revive);
  } catch (error) {
    throw new Error(`line ${number}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof read !== 'object' || read === null || !('type' in read) || !TYPES.has(read.type)) {
    throw new Error(`line ${number} is no record of a history`);
  }
  return read as HistoryRecord;
}

/** For people: bytes are cut to a readable length. */
export function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return hexOfLong(value);
  return value instanceof Uint8Array ? bytesText(value) : value;
}

const hexOfLong = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

/** Fields that hold 64-bit numbers, and those that hold bytes: in JSON both are text. */
const LONG_KEYS: ReadonlySet<string> = new Set(['session', 'ephemeralOwner']);
const BYTES_KEYS: ReadonlySet<string> = new Set(['data', 'token']);

function exact(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return hexOfLong(value);
  return value instanceof Uint8Array ? exactText(value) : value;
}

/** Text that encodes back to the same bytes and cannot be taken for hexadecimal, or hexadecimal. */
function exactText(bytes: Uint8Array): string {
  const text = utf8Decode(bytes);
  return text !== null && !text.startsWith('0x') && isWhole(text) ? text : `0x${hex(bytes)}`;
}

/** Unpaired surrogates would not survive. */
const isWhole = (text: string): boolean => !/[\ud800-\udfff]/.test(text);

function revive(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (LONG_KEYS.has(key)) return BigInt.asIntN(64, BigInt(value));
  if (!BYTES_KEYS.has(key)) return value;
  return value.startsWith('0x') ? fromHex(value.slice(2)) : utf8Encode(value);
}
