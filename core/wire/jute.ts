/**
 * Reading and writing jute, ZooKeeper's serialisation (zookeeper-jute BinaryInputArchive and BinaryOutputArchive).
 *
 * The reader is total: after the first impossible byte it is `failed`, every later read returns a filler without moving,
 * and the caller looks at `error` once at the end. So no hostile byte can make it throw, loop or allocate more than the
 * bytes it was given.
 */

import { LONG_MIN } from '../types.ts';
import type { WireError } from './errors.ts';
import { utf8Decode, utf8Encode } from './utf8.ts';

const EMPTY = new Uint8Array(0);
const LONG_HALF = 0x1_0000_0000;
const LONG_MAX = 0x7fff_ffff_ffff_ffffn;

export class JuteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
  readonly end: number;
  error: WireError | null = null;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  get failed(): boolean {
    return this.error !== null;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Marks the reader as failed; the first error wins. */
  fail(error: WireError): void {
    this.error ??= error;
    this.offset = this.end;
  }

  private take(size: number): number {
    if (this.error === null && this.end - this.offset >= size) {
      const at = this.offset;
      this.offset = at + size;
      return at;
    }
    this.fail('truncated');
    return -1;
  }

  byte(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.view.getUint8(at);
  }

  bool(): boolean {
    return this.byte() !== 0;
  }

  int(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getInt32(at);
  }

  long(): bigint {
    const at = this.take(8);
    return at < 0 ? 0n : this.view.getBigInt64(at);
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
    const at = this.take(8);
    if (at < 0) return 0;
    return this.view.getInt32(at) * LONG_HALF + this.view.getUint32(at + 4);
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

  /** A view of the bytes, not a copy: whoever keeps it longer than the frame copies it. */
  buffer(): Uint8Array | null {
    const length = this.int();
    if (length === -1) return null;
    if (length < 0 || length > this.remaining) {
      this.fail('bad-length');
      return null;
    }
    if (this.error !== null) return null;
    const at = this.take(length);
    return length === 0 ? EMPTY : this.bytes.subarray(at, at + length);
  }

  nullableString(): string | null {
    const bytes = this.buffer();
    if (bytes === null) return null;
    const text = utf8Decode(bytes);
    if (text === null) this.fail('bad-utf8');
    return text;
  }

  string(): string {
    const text = this.nullableString();
    if (text !== null) return text;
    this.fail('null-string');
    return '';
  }
}

const FIRST_CAPACITY = 64;

export class JuteWriter {
  private bytes: Uint8Array;
  private view: DataView;
  private length = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  get size(): number {
    return this.length;
  }

  private room(size: number): number {
    const at = this.length;
    const need = at + size;
    if (need > this.bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length = need;
    return at;
  }

  byte(value: number): void {
    const at = this.room(1);
    this.view.setUint8(at, value);
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  int(value: number): void {
    const at = this.room(4);
    this.view.setInt32(at, value);
  }

  long(value: bigint): void {
    const at = this.room(8);
    this.view.setBigInt64(at, value);
  }

  num(value: number): void {
    const at = this.room(8);
    const high = Math.floor(value / LONG_HALF);
    this.view.setInt32(at, high);
    this.view.setUint32(at + 4, value - high * LONG_HALF);
  }

  /** As `num`; what rounding lifted to 2^63 is written as the greatest long. */
  wide(value: number): void {
    if (value < -LONG_MIN) this.num(value);
    else this.long(LONG_MAX);
  }

  raw(value: Uint8Array): void {
    const at = this.room(value.length);
    this.bytes.set(value, at);
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
    this.buffer(value === null ? null : utf8Encode(value));
  }

  /** Overwrites an int written earlier, such as a frame's length. */
  patchInt(at: number, value: number): void {
    this.view.setInt32(at, value);
  }

  /** What was written so far. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
