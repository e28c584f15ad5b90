/**
 * What a server's disk would still hold after a power cut at this moment, read from the simulated platter itself.
 *
 * The core's own opinion of what is durable is what a broken core gets wrong, so this reader shares nothing with
 * `core/storage`: it walks the log files of the durable image record by record (FileTxnLog's format), notes durable
 * snapshots by name and completeness, and reads the epoch files. It is incremental: a synced append costs the records
 * that were appended.
 *
 * ```
 * LogFile => magic:int version:int dbid:long record*
 * record => checksum:long length:int txn[length] 0x42       txn => clientId:long cxid:int zxid:long …
 * ```
 */

import { asZxid, type Zxid } from '../../core/types.ts';
import { adler32 } from '../../core/wire/adler32.ts';
import type { DurableImage, DurableNode, DurableStamp } from '../world/types.ts';

const LOG_HEADER_SIZE = 16;
const RECORD_HEADER_SIZE = 12;
const ZXID_OFFSET = 12;
const END_OF_RECORD = 0x42;
const LOG_NAME = /(?:^|\/)log\.[0-9a-f]+$/;
/** A received state is in force from the moment it has its durable `install` name (core/storage/snapshots.ts). */
const SNAPSHOT_NAME = /(?:^|\/)(?:snapshot|install)\.([0-9a-f]+)(?:\.gz)?$/;

export interface DiskEvents {
  /** A record has become durable. The bytes are a view. */
  held(zxid: Zxid, bytes: Uint8Array): void;
  /** A record is no longer there, and no snapshot covers it. */
  lost(zxid: Zxid): void;
}

type FileKind = 'log' | 'epoch' | 'snapshot' | 'other';

interface Known {
  readonly stamp: DurableStamp;
  readonly kind: FileKind;
  /** Version of the content that was read last. */
  seen: number;
  /** What a complete snapshot covers. */
  snapshotZxid: number;
}

const UNSEEN = -1;

function kindOfFile(path: string): FileKind {
  if (LOG_NAME.test(path)) return 'log';
  if (path.endsWith('Epoch')) return 'epoch';
  return SNAPSHOT_NAME.test(path) ? 'snapshot' : 'other';
}

interface LogFile {
  version: number;
  /** End of the last record read. */
  end: number;
  readonly records: { readonly zxid: Zxid; readonly end: number }[];
}

export class DiskOracle {
  readonly #image: () => DurableImage;
  readonly #events: DiskEvents;
  readonly #logs = new Map<number, LogFile>();
  /** How many durable records carry this zxid. */
  readonly #held = new Map<number, number>();
  readonly #lostNow: Zxid[] = [];
  #stamps: readonly DurableStamp[] | null = null;
  #known: Known[] = [];
  #version = -1;
  #snapshotZxid = 0;
  #acceptedEpoch = 0;
  #currentEpoch = 0;

  constructor(image: () => DurableImage, events: DiskEvents) {
    this.#image = image;
    this.#events = events;
  }

  /** Newest durable snapshot. */
  get snapshotZxid(): number {
    return this.#snapshotZxid;
  }

  get acceptedEpoch(): number {
    return this.#acceptedEpoch;
  }

  get currentEpoch(): number {
    return this.#currentEpoch;
  }

  /** Whether the transaction survives: in a log, or inside a snapshot at or above it. Call `refresh` first. */
  holds(zxid: Zxid): boolean {
    return zxid <= this.#snapshotZxid || this.#held.has(zxid);
  }

  /** Reads what has changed since the last call. While no name changes, a look costs one comparison a file. */
  refresh(): void {
    const image = this.#image();
    if (image.version === this.#version) return;
    this.#version = image.version;
    const stamps = image.stamps();
    if (stamps !== this.#stamps) this.#follow(stamps);
    for (const known of this.#known) {
      if (known.seen !== known.stamp.node.version) this.#read(known);
    }
    if (this.#lostNow.length > 0) this.#announceLost();
  }

  /** Names have changed: some files are new, some are gone. */
  #follow(stamps: readonly DurableStamp[]): void {
    const before = new Map(this.#known.map((known) => [known.stamp.path, known]));
    const logs = new Set<number>();
    this.#stamps = stamps;
    this.#known = stamps.map((stamp) => {
      const kind = kindOfFile(stamp.path);
      if (kind === 'log') logs.add(stamp.node.id);
      const known = before.get(stamp.path);
      return known?.stamp.node.id === stamp.node.id
        ? { ...known, stamp }
        : { stamp, kind, seen: UNSEEN, snapshotZxid: 0 };
    });
    for (const [fileId, log] of this.#logs) {
      if (logs.has(fileId)) continue;
      this.#cut(log, 0);
      this.#logs.delete(fileId);
    }
    this.#coverSnapshots();
  }

  #read(known: Known): void {
    const { path, node } = known.stamp;
    known.seen = node.version;
    if (known.kind === 'log') {
      this.#readLog(node);
    } else if (known.kind === 'epoch') {
      this.#readEpoch(path, node);
    } else if (known.kind === 'snapshot') {
      const zxid = Number.parseInt(SNAPSHOT_NAME.exec(path)?.[1] ?? '0', 16);
      known.snapshotZxid = isComplete(path, node) ? zxid : 0;
      this.#coverSnapshots();
    }
  }

  #coverSnapshots(): void {
    this.#snapshotZxid = this.#known.reduce((newest, known) => Math.max(newest, known.snapshotZxid), 0);
  }

  #readLog(file: DurableNode): void {
    let log = this.#logs.get(file.id);
    if (log === undefined) {
      log = { version: -1, end: LOG_HEADER_SIZE, records: [] };
      this.#logs.set(file.id, log);
    } else if (log.version === file.version) return;
    else this.#cut(log, file.changedSince(log.version));
    log.version = file.version;
    this.#readRecords(log, file.bytes);
  }

  #readRecords(log: LogFile, bytes: Uint8Array): void {
    for (;;) {
      const body = log.end + RECORD_HEADER_SIZE;
      if (body > bytes.length) return;
      const length = intAt(bytes, body - 4);
      const end = body + length + 1;
      if (length < ZXID_OFFSET + 8 || end > bytes.length || bytes[end - 1] !== END_OF_RECORD) return;
      if (intAt(bytes, log.end + 4) >>> 0 !== adler32(bytes, 1, body, end - 1)) return;
      const zxidAt = body + ZXID_OFFSET;
      const zxid = asZxid(intAt(bytes, zxidAt) * 0x1_0000_0000 + (intAt(bytes, zxidAt + 4) >>> 0));
      log.records.push({ zxid, end });
      log.end = end;
      this.#held.set(zxid, (this.#held.get(zxid) ?? 0) + 1);
      this.#events.held(zxid, bytes.subarray(body, end - 1));
    }
  }

  /** Forgets the records of the file that reach beyond `size`. */
  #cut(log: LogFile, size: number): void {
    while (log.records.length > 0 && log.records.at(-1)!.end > size) {
      const { zxid } = log.records.pop()!;
      const count = this.#held.get(zxid)! - 1;
      if (count > 0) this.#held.set(zxid, count);
      else this.#held.delete(zxid);
      this.#lostNow.push(zxid);
    }
    log.end = log.records.at(-1)?.end ?? LOG_HEADER_SIZE;
  }

  /** After everything was read: a record may have moved to another file, or a snapshot may cover it. */
  #announceLost(): void {
    for (const zxid of this.#lostNow) if (!this.holds(zxid)) this.#events.lost(zxid);
    this.#lostNow.length = 0;
  }

  #readEpoch(path: string, file: DurableNode): void {
    const epoch = Number.parseInt(String.fromCharCode(...file.bytes.subarray(0, 20)), 10);
    if (!Number.isSafeInteger(epoch)) return;
    if (path.endsWith('/acceptedEpoch')) this.#acceptedEpoch = epoch;
    else if (path.endsWith('/currentEpoch')) this.#currentEpoch = epoch;
  }
}

const intAt = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

/** A plain snapshot ends with the string "/" that seals it (FileSnap); of a compressed one only the size is known. */
function isComplete(path: string, file: DurableNode): boolean {
  if (file.size === 0 || file.bytes.length < file.size) return false;
  if (path.endsWith('.gz')) return true;
  const tail = file.bytes.subarray(file.size - 5);
  return tail[0] === 0 && tail[1] === 0 && tail[2] === 0 && tail[3] === 1 && tail[4] === 0x2f;
}
