/**
 * Bytes in, messages out. A connection delivers chunks cut anywhere; `FrameBuffer` keeps what is not yet consumed and the
 * functions below take whole messages from its front.
 *
 * It is plain state: the chunks are never written to, appending merges small ones. Sizes at least halve from each chunk
 * to the next, so there are never more than about twenty, and every byte is copied a logarithmic number of times however
 * finely a stream is cut. Nothing is ever allocated from an announced length: memory follows the bytes that arrived.
 *
 * The caller bounds `size` by consuming after each push, or by stopping to read from the connection.
 */

import { concat } from './bytes.ts';
import type { WireError } from './errors.ts';
import { JuteReader, JuteWriter } from './jute.ts';
import { allocate } from './slab.ts';

export interface FrameBuffer {
  chunks: Uint8Array[];
  /** Bytes of the first chunk that are already consumed. */
  offset: number;
  /** Bytes not yet consumed. */
  size: number;
  /**
   * How far the message at the front was measured, for messages whose length is only known piece by piece
   * (`measureEntries`), so that a finely cut stream is not measured from its start again and again.
   */
  measured: number;
  /** Entries of that message not yet measured; -1 before their count was read. */
  entriesLeft: number;
}

export type NextFrame =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly error: WireError };

export const MORE: { readonly kind: 'more' } = { kind: 'more' };

const EMPTY = new Uint8Array(0);
const LENGTH_SIZE = 4;

export function frameBuffer(): FrameBuffer {
  return { chunks: [], offset: 0, size: 0, measured: 0, entriesLeft: -1 };
}

export function pushBytes(fb: FrameBuffer, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  if (fb.size === 0) {
    fb.chunks = [bytes];
    fb.offset = 0;
    fb.size = bytes.length;
    return;
  }
  fb.size += bytes.length;
  // Merge with every trailing chunk that is less than twice what follows it.
  let from = fb.chunks.length;
  let merged = bytes.length;
  while (from > 0) {
    const length = fb.chunks[from - 1]!.length - (from === 1 ? fb.offset : 0);
    if (length >= 2 * merged) break;
    merged += length;
    from -= 1;
  }
  if (from === fb.chunks.length) {
    fb.chunks.push(bytes);
    return;
  }
  const parts = fb.chunks.slice(from);
  if (from === 0) {
    parts[0] = parts[0]!.subarray(fb.offset);
    fb.offset = 0;
  }
  parts.push(bytes);
  fb.chunks.length = from;
  fb.chunks.push(concat(parts));
}

/** The next message with a 4-byte length before it. `maxLength` is the greatest body length that is accepted. */
export function nextFrame(fb: FrameBuffer, maxLength: number): NextFrame {
  if (fb.size < LENGTH_SIZE) return MORE;
  const length = intAt(fb, 0);
  if (length < 0) return { kind: 'bad', error: 'bad-length' };
  if (length > maxLength) return { kind: 'bad', error: 'too-large' };
  if (fb.size < LENGTH_SIZE + length) return MORE;
  dropBytes(fb, LENGTH_SIZE);
  return { kind: 'frame', bytes: takeBytes(fb, length) };
}

/** Whether a whole message is there, or a length that is none. */
export function isFrameWhole(fb: FrameBuffer): boolean {
  if (fb.size < LENGTH_SIZE) return false;
  const length = intAt(fb, 0);
  return length < 0 || fb.size >= LENGTH_SIZE + length;
}

/** The first `size` bytes, or null when they have not all arrived. Consumes nothing. */
export function peekBytes(fb: FrameBuffer, size: number): Uint8Array | null {
  if (fb.size < size) return null;
  if (size === 0) return EMPTY;
  const first = fb.chunks[0]!;
  if (first.length - fb.offset >= size) return first.subarray(fb.offset, fb.offset + size);
  const bytes = allocate(size);
  let at = 0;
  let offset = fb.offset;
  for (const chunk of fb.chunks) {
    const part = chunk.subarray(offset, Math.min(chunk.length, offset + size - at));
    bytes.set(part, at);
    at += part.length;
    offset = 0;
    if (at === size) break;
  }
  return bytes;
}

/** Consumes the first `size` bytes, which must have arrived. A view where possible: keep a copy, not the result. */
export function takeBytes(fb: FrameBuffer, size: number): Uint8Array {
  const bytes = peekBytes(fb, size) ?? EMPTY;
  dropBytes(fb, bytes.length);
  return bytes;
}

export function takeAll(fb: FrameBuffer): Uint8Array {
  return takeBytes(fb, fb.size);
}

/** Consumes up to `size` bytes unseen. */
export function dropBytes(fb: FrameBuffer, size: number): void {
  fb.measured = 0;
  fb.entriesLeft = -1;
  if (size >= fb.size) {
    fb.chunks = [];
    fb.offset = 0;
    fb.size = 0;
    return;
  }
  fb.size -= size;
  let offset = fb.offset + size;
  let whole = 0;
  while (offset >= fb.chunks[whole]!.length) {
    offset -= fb.chunks[whole]!.length;
    whole += 1;
  }
  if (whole > 0) fb.chunks.splice(0, whole);
  fb.offset = offset;
}

/** The big-endian int at `position` from the front; all four bytes must have arrived. */
export function intAt(fb: FrameBuffer, position: number): number {
  let offset = fb.offset + position;
  let index = 0;
  let chunk = fb.chunks[0]!;
  while (offset >= chunk.length) {
    offset -= chunk.length;
    index += 1;
    chunk = fb.chunks[index]!;
  }
  if (offset + 4 <= chunk.length) {
    return (chunk[offset]! << 24) | (chunk[offset + 1]! << 16) | (chunk[offset + 2]! << 8) | chunk[offset + 3]!;
  }
  let value = 0;
  for (let i = 0; i < 4; i++) {
    while (offset >= chunk.length) {
      offset = 0;
      index += 1;
      chunk = fb.chunks[index]!;
    }
    value = (value << 8) | chunk[offset]!;
    offset += 1;
  }
  return value;
}

/** One kind of vector entry: `fixed` bytes, then `strings` jute strings. ACL: 4 and 2. Id: 0 and 2. */
export interface EntryShape {
  readonly fixed: number;
  readonly strings: number;
}

/** The end of what was measured, or why there is none yet. Numbers, because this runs for every packet. */
export const MEASURE_MORE = -1;
export const MEASURE_BAD = -2;

/**
 * Where the vector that starts at `start` (its count) ends, without decoding it: a position, `MEASURE_MORE` or
 * `MEASURE_BAD`. Progress is kept in the buffer until bytes are taken, so each entry is measured once.
 */
export function measureEntries(fb: FrameBuffer, start: number, shape: EntryShape, maxEnd: number): number {
  if (fb.entriesLeft < 0) {
    if (fb.size < start + 4) return MEASURE_MORE;
    const count = intAt(fb, start);
    if (count < -1 || start + 4 + Math.max(0, count) * (shape.fixed + 4 * shape.strings) > maxEnd) return MEASURE_BAD;
    fb.entriesLeft = Math.max(0, count) * shape.strings;
    fb.measured = start + 4;
  }
  while (fb.entriesLeft > 0) {
    const at = fb.measured + (fb.entriesLeft % shape.strings === 0 ? shape.fixed : 0);
    if (fb.size < at + 4) return MEASURE_MORE;
    const length = intAt(fb, at);
    if (length < -1 || at + 4 + length > maxEnd) return MEASURE_BAD;
    fb.measured = at + 4 + Math.max(0, length);
    fb.entriesLeft -= 1;
  }
  return fb.size < fb.measured ? MEASURE_MORE : fb.measured;
}

/** A reader over the first `size` bytes, which must have arrived. Consumes nothing. */
export function readerOver(fb: FrameBuffer, size: number): JuteReader {
  const first = fb.chunks[0];
  if (first !== undefined && first.length - fb.offset >= size)
    return new JuteReader(first, fb.offset, fb.offset + size);
  return new JuteReader(peekBytes(fb, size) ?? EMPTY);
}

/** The body with its 4-byte length before it. */
export function frame(body: Uint8Array): Uint8Array {
  const w = new JuteWriter(LENGTH_SIZE + body.length);
  w.int(body.length);
  w.raw(body);
  return w.finish();
}
