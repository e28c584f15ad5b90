/**
 * The part of the history that is held in memory: every entry after a known position, in order.
 *
 * `base` is a position of the history (a snapshot's zxid, or the last entry that was trimmed) and the first entry follows
 * it directly, so `base` plus the entries prove a contiguous stretch. The window serves three readers: replay into the
 * tree, DIFF synchronisation of learners (Java's committedLog, ZKDatabase) and the search for a position to cut to.
 *
 * It is a class outside the plain state (DESIGN, law 9): a draft of tens of thousands of entries would cost milliseconds a
 * step. Its digest stands for it in comparisons.
 */

import { assert, type Zxid } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';
import { follows } from '../zab/sync.ts';

/** Trimmed entries are cut off the array only when they are this many and at least half of it: trimming is amortised. */
const COMPACT_COUNT_MIN = 256;

export class TxnWindow {
  private entries: LogEntry[] = [];
  /** Index in `entries` of the first entry that counts. */
  private head = 0;
  private start: Zxid;
  private sum = 0;
  private size = 0;

  constructor(base: Zxid) {
    this.start = base;
  }

  /** The history is known to reach exactly here before the first entry. */
  get base(): Zxid {
    return this.start;
  }

  /** The zxid of the last entry, or `base` when there is none. */
  get last(): Zxid {
    return this.entries.length > this.head ? this.entries[this.entries.length - 1]!.zxid : this.start;
  }

  get length(): number {
    return this.entries.length - this.head;
  }

  /** Bytes of the entries at hand. */
  get bytes(): number {
    return this.size;
  }

  get(index: number): LogEntry {
    assert(index >= 0, 'window index is negative');
    assert(index < this.length, 'window index past the end');
    return this.entries[this.head + index]!;
  }

  push(entry: LogEntry): void {
    assert(follows(this.last, entry.zxid), 'entry does not follow the history');
    this.entries.push(entry);
    this.sum = (this.sum + hashEntry(entry)) | 0;
    this.size += entry.bytes.length;
  }

  /** Index of the entry with this zxid, or -1. */
  find(zxid: Zxid): number {
    const index = this.lowerBound(zxid);
    return index < this.length && this.get(index).zxid === zxid ? index : -1;
  }

  /** Index of the first entry after `zxid`; `length` when there is none. */
  firstAfter(zxid: Zxid): number {
    const index = this.lowerBound(zxid);
    return index < this.length && this.get(index).zxid === zxid ? index + 1 : index;
  }

  /** Drops every entry after `to`, which must be `base` or at or after it. */
  truncate(to: Zxid): void {
    assert(to >= this.start, 'truncation below the window');
    const keep = this.head + this.firstAfter(to);
    for (let i = keep; i < this.entries.length; i++) this.forget(this.entries[i]!);
    this.entries.length = keep;
  }

  /** Forgets entries up to and including `appliedZxid`, but keeps at least the `keepCount` newest of all. */
  trimBefore(appliedZxid: Zxid, keepCount: number): void {
    const count = Math.min(this.firstAfter(appliedZxid), this.length - keepCount);
    if (count <= 0) return;
    const stop = this.head + count;
    for (let i = this.head; i < stop; i++) this.forget(this.entries[i]!);
    this.start = this.entries[stop - 1]!.zxid;
    this.head = stop;
    if (this.head >= COMPACT_COUNT_MIN && this.head * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }

  /** Stands for the whole content in comparisons of two runs: base, length and a sum over the entries. */
  digest(): number {
    return (hashWord(this.sum ^ hashZxid(this.start)) + this.length) >>> 0;
  }

  private forget(entry: LogEntry): void {
    this.sum = (this.sum - hashEntry(entry)) | 0;
    this.size -= entry.bytes.length;
  }

  /** Index of the first entry at or after `zxid`. */
  private lowerBound(zxid: Zxid): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[this.head + middle]!.zxid < zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** MurmurHash3's finaliser. */
function hashWord(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) | 0;
}

function hashZxid(zxid: Zxid): number {
  const high = Math.floor(zxid / 0x1_0000_0000);
  return hashWord(hashWord(high + 0x9e37_79b9) ^ (zxid - high * 0x1_0000_0000));
}

/** The last bytes of an entry are its tree digest, so they differ where anything before them does. */
const TAIL_SIZE = 8;

function hashEntry(entry: LogEntry): number {
  const { bytes } = entry;
  let h = hashZxid(entry.zxid) ^ bytes.length;
  for (let i = Math.max(0, bytes.length - TAIL_SIZE); i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, 0x0100_0193);
  return hashWord(h);
}
