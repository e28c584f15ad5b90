/**
 * Reading and writing jute, ZooKeeper's serialisation (zookeeper-jute BinaryInputArchive and BinaryOutputArchive).
 *
 * The reader is total: after the first impossible byte it is `failed`, every later read returns a filler without moving,
 * and the caller looks at `error` once at the end. So no hostile byte can make it throw, loop or allocate more than the
 * bytes it was given.
 *
 * Integers are put together byte by byte: a DataView for each frame would cost more than reading it.
 */

import { LONG_MIN } from '../types.ts';
import type { WireError } from './errors.ts';
import { giveBack, newSlab, type Slab, takeSlab } from './slab.ts';
import { utf8Decode, utf8Size, utf8Write } from './utf8.ts';

const EMPTY = new Uint8Array(0);
const LONG_HALF = 0x1_0000_0000;
const LONG_MAX = 0x7fff_ffff_ffff_ffffn;

/** Two ints go in and a bigint comes out, cheaper than bigint arithmetic. Holds nothing between calls. */
const scratch = new DataView(new ArrayBuffer(8));

export class JuteReader {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;
  error: WireError | null = null;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get failed(): boolean {
    return this.error !== null;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Marks the reader as failed; the first error wins. Nothing remains, so every later read fails as well. */
  fail(error: WireError): void {
    this.error ??= error;
    this.offset = this.end;
  }

  private short(): 0 {
    this.fail('truncated');
    return 0;
  }

  byte(): number {
    if (this.offset >= this.end) return this.short();
    return this.bytes[this.offset++]!;
  }

  bool(): boolean {
    return this.byte() !== 0;
  }

  int(): number {
    const at = this.offset;
    if (this.end - at < 4) return this.short();
    this.offset = at + 4;
    return this.intAt(at);
  }

  private intAt(at: number): number {
    const b = this.bytes;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }

  long(): bigint {
    const at = this.offset;
    if (this.end - at < 8) return BigInt(this.short());
    this.offset = at + 8;
    const high = this.intAt(at);
    const low = this.intAt(at + 4);
    if (high === 0 && low === 0) return 0n;
    scratch.setInt32(0, high);
    scratch.setInt32(4, low);
    return scratch.getBigInt64(0);
  }

  /** A 64-bit integer that must be exact in a double; Long.MIN_VALUE, which observers vote with, is. */
  num(): number {
    const value = this.wide();
    if (Number.isSafeInteger(value) || value === LONG_MIN) return value;
    this.fail('number-out-of-range');
    return 0;
  }

  /** A 64-bit integer, rounded to the nearest double where it is not exact in one. */
  wide(): number {
    const at = this.offset;
    if (this.end - at < 8) return this.short();
    this.offset = at + 8;
    return this.intAt(at) * LONG_HALF + (this.intAt(at + 4) >>> 0);
  }

  /** The count of a vector: -1 for null, never more than the remaining bytes can hold. */
  count(itemSizeMin: number): number {
    const count = this.int();
    if (count === -1) return -1;
    if (count < 0 || count * Math.max(1, itemSizeMin) > this.remaining) {
      this.fail('bad-length');
      return -1;
    }
    return count;
  }

  /** Skips a length and what it announces: where that starts, or -1 for null and after a failure. */
  private skipBlock(): number {
    const length = this.int();
    if (length < 0 || length > this.remaining) {
      if (length !== -1) this.fail('bad-length');
      return -1;
    }
    const at = this.offset;
    this.offset = at + length;
    return this.error === null ? at : -1;
  }

  /** A view of the bytes, not a copy: whoever keeps it longer than the frame copies it. */
  buffer(): Uint8Array | null {
    const at = this.skipBlock();
    if (at < 0) return null;
    return at === this.offset ? EMPTY : this.bytes.subarray(at, this.offset);
  }

  nullableString(): string | null {
    const at = this.skipBlock();
    if (at < 0) return null;
    const text = utf8Decode(this.bytes, at, this.offset);
    if (text === null) this.fail('bad-utf8');
    return text;
  }

  /** A string where null means the same as the empty one. */
  text(): string {
    return this.nullableString() ?? '';
  }

  string(): string {
    const text = this.nullableString();
    if (text !== null) return text;
    this.fail('null-string');
    return '';
  }
}

const CAPACITY_MIN = 64;
/** What a finished writer holds: nothing fits, so a further write would take a slab of its own. */
const NO_SLAB: Slab = newSlab(0);

/** Writes into a slab; `finish` hands out what was written as a piece of it. */
export class JuteWriter {
  private slab: Slab;
  /** Where the piece begins in the slab, and where the next byte goes. */
  private start: number;
  private end: number;

  /** `capacity` is a guess that may be exceeded. */
  constructor(capacity = CAPACITY_MIN) {
    this.slab = takeSlab(Math.max(capacity, CAPACITY_MIN));
    this.start = this.slab.used;
    this.end = this.start;
  }

  get size(): number {
    return this.end - this.start;
  }

  private room(size: number): number {
    const at = this.end;
    if (at + size <= this.slab.bytes.length) {
      this.end = at + size;
      return at;
    }
    return this.move(size);
  }

  /** Goes on in a slab with room for `size` more and as much again. */
  private move(size: number): number {
    const written = this.slab.bytes.subarray(this.start, this.end);
    const old = this.slab;
    this.slab = takeSlab(2 * (written.length + size));
    giveBack(old);
    this.start = this.slab.used;
    this.slab.bytes.set(written, this.start);
    const at = this.start + written.length;
    this.end = at + size;
    return at;
  }

  byte(value: number): void {
    const at = this.room(1);
    this.slab.bytes[at] = value;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  int(value: number): void {
    const at = this.room(4);
    this.slab.view.setInt32(at, value);
  }

  long(value: bigint): void {
    const at = this.room(8);
    this.slab.view.setBigInt64(at, value);
  }

  num(value: number): void {
    const at = this.room(8);
    const high = Math.floor(value / LONG_HALF);
    this.slab.view.setInt32(at, high);
    this.slab.view.setUint32(at + 4, value - high * LONG_HALF);
  }

  /** As `num`; what rounding lifted to 2^63 is written as the greatest long. */
  wide(value: number): void {
    if (value < -LONG_MIN) this.num(value);
    else this.long(LONG_MAX);
  }

  raw(value: Uint8Array): void {
    const at = this.room(value.length);
    this.slab.bytes.set(value, at);
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
    } else {
      this.int(value.length);
      this.raw(value);
    }
  }

  string(value: string | null): void {
    if (value === null) {
      this.int(-1);
    } else {
      const size = utf8Size(value);
      this.int(size);
      const at = this.room(size);
      utf8Write(value, this.slab.bytes, at);
    }
  }

  /** Overwrites an int written earlier, such as a frame's length. */
  patchInt(at: number, value: number): void {
    this.slab.view.setInt32(this.start + at, value);
  }

  /** What was written so far. The writer is empty afterwards. */
  finish(): Uint8Array {
    const { slab, start, end } = this;
    slab.used = end;
    giveBack(slab);
    this.slab = NO_SLAB;
    this.start = 0;
    this.end = 0;
    return slab.bytes.subarray(start, end);
  }
}
