/**
 * DEFLATE decompression (RFC 1951) in pieces: bytes are pushed in, at most so many are pulled out, and nothing is lost in
 * between. What is held is bounded by the pushed input, one window and one pull, whatever the stream claims; a stream that
 * would blow up a thousandfold does so at the pace of its reader.
 *
 * Stopping anywhere needs no saved place inside a symbol: a symbol with all its extra bits takes at most 48 bits and a
 * block header at most a few hundred bytes, so the decoder simply does not begin one before that much input is there, or
 * the input is known to end.
 */

import {
  CODE_LENGTH_ORDER,
  type DecodeTable,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  decodeTable,
  END_OF_BLOCK,
  FIRST_LENGTH_SYMBOL,
  FIXED_DISTANCE_LENGTHS,
  FIXED_LITERAL_LENGTHS,
  LENGTH_BASE,
  LENGTH_EXTRA,
} from './huffman.ts';

const WINDOW_SIZE = 32_768;
const MATCH_MAX = 258;
/** 3 + 14 bits, 19 lengths of 3, and 316 lengths of 7 bits plus 7 extra: 556 bytes. */
const HEADER_BYTES_MAX = 560;
/** 15 + 5 bits of a length, 15 + 13 of a distance. */
const SYMBOL_BYTES_MAX = 6;

const EMPTY = new Uint8Array(0);

type Phase =
  | { readonly kind: 'header' }
  | { readonly kind: 'stored'; left: number }
  | { readonly kind: 'codes'; readonly literals: DecodeTable; readonly distances: DecodeTable }
  | { readonly kind: 'done' }
  | { readonly kind: 'bad' };

const FIXED_LITERALS = decodeTable(FIXED_LITERAL_LENGTHS)!;
const FIXED_DISTANCES = decodeTable(FIXED_DISTANCE_LENGTHS)!;

/** Bytes, possibly none because more input is needed first; or the end; or an impossible stream. */
export type Pulled =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'more' }
  | { readonly kind: 'done' }
  | { readonly kind: 'bad' };

export class Inflater {
  private phase: Phase = { kind: 'header' };
  private last = false;
  private input: Uint8Array = EMPTY;
  private at = 0;
  private ended = false;
  private bits = 0;
  private bitCount = 0;
  /** The window, then what was produced since the last pull. */
  private out = new Uint8Array(2 * WINDOW_SIZE);
  private outAt = 0;
  private windowStart = 0;

  push(bytes: Uint8Array): void {
    if (this.at === this.input.length) {
      this.input = bytes;
    } else {
      const joined = new Uint8Array(this.input.length - this.at + bytes.length);
      joined.set(this.input.subarray(this.at));
      joined.set(bytes, this.input.length - this.at);
      this.input = joined;
    }
    this.at = 0;
  }

  /** No more input will come. */
  end(): void {
    this.ended = true;
  }

  /** After `done`: the whole bytes behind the stream, which are then forgotten. */
  takeRest(): Uint8Array {
    this.take(this.bitCount & 7);
    const buffered = this.bitCount >>> 3;
    const rest = new Uint8Array(buffered + this.input.length - this.at);
    for (let i = 0; i < buffered; i++) rest[i] = this.take(8);
    rest.set(this.input.subarray(this.at), buffered);
    this.input = EMPTY;
    this.at = 0;
    return rest;
  }

  /** At most `bytesMax` bytes. */
  pull(bytesMax: number): Pulled {
    this.makeRoom(bytesMax);
    const from = this.outAt;
    const stop = from + bytesMax;
    let going = true;
    while (going && this.outAt < stop) going = this.advance(stop);
    if (this.outAt > from) return { kind: 'bytes', bytes: this.out.slice(from, this.outAt) };
    if (this.phase.kind === 'done' || this.phase.kind === 'bad') return { kind: this.phase.kind };
    return { kind: 'more' };
  }

  /** Slides the window to the front so that `bytesMax` bytes and one match fit behind it. */
  private makeRoom(bytesMax: number): void {
    const need = WINDOW_SIZE + bytesMax + MATCH_MAX;
    if (this.outAt + bytesMax + MATCH_MAX <= this.out.length) return;
    const keepFrom = Math.max(this.windowStart, this.outAt - WINDOW_SIZE);
    const kept = this.out.subarray(keepFrom, this.outAt);
    const target = need > this.out.length ? new Uint8Array(need) : this.out;
    target.set(kept);
    this.out = target;
    this.outAt = kept.length;
    this.windowStart = 0;
  }

  /** One block header, stored piece or run of symbols; false when nothing more can be done now. */
  private advance(stop: number): boolean {
    const phase = this.phase;
    switch (phase.kind) {
      case 'header':
        return this.last ? this.finish() : this.hasInput(HEADER_BYTES_MAX) && this.readHeader();
      case 'stored':
        return this.copyStored(phase, stop);
      case 'codes':
        return this.decodeSymbols(phase, stop);
      case 'done':
      case 'bad':
        return false;
      default:
        return phase satisfies never;
    }
  }

  private hasInput(size: number): boolean {
    return this.ended || this.input.length - this.at >= size;
  }

  private finish(): boolean {
    this.phase = { kind: 'done' };
    return false;
  }

  private fail(): boolean {
    this.phase = { kind: 'bad' };
    return false;
  }

  /** The next `count` bits, lowest first; -1 behind the end of the input. */
  private take(count: number): number {
    while (this.bitCount < count) {
      if (this.at === this.input.length) return -1;
      this.bits |= this.input[this.at++]! << this.bitCount;
      this.bitCount += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.bitCount -= count;
    return value;
  }

  /** The next symbol of a code; -1 when there is none. */
  private decode(table: DecodeTable): number {
    while (this.bitCount < table.bits && this.at < this.input.length) {
      this.bits |= this.input[this.at++]! << this.bitCount;
      this.bitCount += 8;
    }
    const entry = table.entries[this.bits & ((1 << table.bits) - 1)]!;
    const length = entry & 15;
    if (length === 0 || length > this.bitCount) return -1;
    this.bits >>>= length;
    this.bitCount -= length;
    return entry >>> 4;
  }

  private readHeader(): boolean {
    this.last = this.take(1) === 1;
    switch (this.take(2)) {
      case 0:
        return this.readStoredHeader();
      case 1:
        this.phase = { kind: 'codes', literals: FIXED_LITERALS, distances: FIXED_DISTANCES };
        return true;
      case 2:
        return this.readTrees();
      default:
        return this.fail();
    }
  }

  private readStoredHeader(): boolean {
    this.take(this.bitCount & 7);
    const length = this.take(16);
    const complement = this.take(16);
    if (length < 0 || complement !== (~length & 0xffff)) return this.fail();
    this.phase = { kind: 'stored', left: length };
    return true;
  }

  private readTrees(): boolean {
    const literalCount = this.take(5) + 257;
    const distanceCount = this.take(5) + 1;
    const orderCount = this.take(4) + 4;
    if (literalCount > 286 || distanceCount > 30 || orderCount < 4) return this.fail();
    const orderLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
    for (let i = 0; i < orderCount; i++) {
      const length = this.take(3);
      if (length < 0) return this.fail();
      orderLengths[CODE_LENGTH_ORDER[i]!] = length;
    }
    const table = decodeTable(orderLengths);
    const lengths = table === null ? null : this.readLengths(table, literalCount + distanceCount);
    if (lengths === null || lengths[END_OF_BLOCK] === 0) return this.fail();
    const literals = decodeTable(lengths.subarray(0, literalCount));
    const distances = decodeTable(lengths.subarray(literalCount));
    if (literals === null || distances === null) return this.fail();
    this.phase = { kind: 'codes', literals, distances };
    return true;
  }

  /** The lengths of both trees as one run: 16 repeats the last length, 17 and 18 repeat zero. */
  private readLengths(table: DecodeTable, count: number): Uint8Array | null {
    const lengths = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      const symbol = this.decode(table);
      if (symbol < 0) return null;
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) return null;
      const value = symbol === 16 ? lengths[at - 1]! : 0;
      const extra = symbol === 16 ? this.take(2) : symbol === 17 ? this.take(3) : this.take(7);
      const repeat = extra + (symbol === 18 ? 11 : 3);
      if (extra < 0 || at + repeat > count) return null;
      lengths.fill(value, at, at + repeat);
      at += repeat;
    }
    return lengths;
  }

  private copyStored(phase: { left: number }, stop: number): boolean {
    while (this.bitCount >= 8 && phase.left > 0 && this.outAt < stop) {
      this.out[this.outAt++] = this.take(8);
      phase.left -= 1;
    }
    const size = this.bitCount > 0 ? 0 : Math.min(phase.left, stop - this.outAt, this.input.length - this.at);
    this.out.set(this.input.subarray(this.at, this.at + size), this.outAt);
    this.outAt += size;
    this.at += size;
    phase.left -= size;
    if (phase.left === 0) {
      this.phase = { kind: 'header' };
      return true;
    }
    if (this.outAt >= stop) return true;
    return this.ended ? this.fail() : false;
  }

  private decodeSymbols(phase: Extract<Phase, { kind: 'codes' }>, stop: number): boolean {
    while (this.outAt < stop) {
      if (!this.hasInput(SYMBOL_BYTES_MAX)) return false;
      const symbol = this.decode(phase.literals);
      if (symbol < 0) return this.fail();
      if (symbol < END_OF_BLOCK) {
        this.out[this.outAt++] = symbol;
      } else if (symbol === END_OF_BLOCK) {
        this.phase = { kind: 'header' };
        return true;
      } else if (!this.copyMatch(symbol - FIRST_LENGTH_SYMBOL, phase.distances, stop)) {
        return false;
      }
    }
    return true;
  }

  /** May run past `stop` by less than one match: `pull` hands those bytes out, and there is room for them. */
  private copyMatch(lengthIndex: number, distances: DecodeTable, stop: number): boolean {
    if (lengthIndex >= LENGTH_BASE.length) return this.fail();
    const length = LENGTH_BASE[lengthIndex]! + this.take(LENGTH_EXTRA[lengthIndex]!);
    const symbol = this.decode(distances);
    if (symbol < 0 || symbol >= DISTANCE_BASE.length) return this.fail();
    const extra = this.take(DISTANCE_EXTRA[symbol]!);
    const from = this.outAt - DISTANCE_BASE[symbol]! - extra;
    if (extra < 0 || from < this.windowStart || this.outAt > stop) return this.fail();
    for (let i = 0; i < length; i++) this.out[this.outAt + i] = this.out[from + i]!;
    this.outAt += length;
    return true;
  }
}
