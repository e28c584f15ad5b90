/**
 * Reading of snappy snapshots (`zookeeper.snapshot.compression.method=snappy`): the block format of Google's
 * format_description.txt inside the stream of org.xerial.snappy.SnappyOutputStream. We never write it.
 *
 * ```
 * Stream => 82 "SNAPPY" 00 version:int compatible:int (size:int Block)*
 * Block  => varint(uncompressed size) (Literal | Copy)*
 * ```
 */

import { concat } from '../wire/bytes.ts';
import type { Pulled } from './inflate.ts';

const MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const STREAM_HEADER_SIZE = 16;
/** The only layout there is, whatever the writer's version. */
const COMPATIBLE_VERSION = 1;
/** Java writes blocks of 32 KiB unless told otherwise. */
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;

const EMPTY = new Uint8Array(0);

export class SnappyReader {
  private pending: Uint8Array = EMPTY;
  private phase: 'header' | 'blocks' | 'done' | 'bad' = 'header';
  private ended = false;
  /** The block that is being handed out. */
  private block: Uint8Array = EMPTY;
  private blockAt = 0;

  push(bytes: Uint8Array): void {
    this.pending = this.pending.length === 0 ? bytes : concat([this.pending, bytes]);
  }

  end(): void {
    this.ended = true;
  }

  pull(bytesMax: number): Pulled {
    if (this.blockAt === this.block.length) this.nextBlock();
    if (this.blockAt < this.block.length) {
      const bytes = this.block.slice(this.blockAt, this.blockAt + bytesMax);
      this.blockAt += bytes.length;
      return { kind: 'bytes', bytes };
    }
    return this.phase === 'done' || this.phase === 'bad' ? { kind: this.phase } : { kind: 'more' };
  }

  private nextBlock(): void {
    if (this.phase === 'header') this.readHeader();
    while (this.phase === 'blocks' && this.blockAt === this.block.length) {
      if (!this.readBlock()) return;
    }
  }

  private wait(): void {
    if (this.ended) this.phase = 'bad';
  }

  private readHeader(): void {
    if (this.pending.length < STREAM_HEADER_SIZE) return this.wait();
    const known = MAGIC.every((byte, i) => this.pending[i] === byte);
    const compatible = intAt(this.pending, 12);
    this.phase = known && compatible === COMPATIBLE_VERSION ? 'blocks' : 'bad';
    this.pending = this.pending.subarray(STREAM_HEADER_SIZE);
  }

  /** False when there is no whole block to read. */
  private readBlock(): boolean {
    if (this.pending.length === 0 && this.ended) {
      this.phase = 'done';
      return false;
    }
    const size = this.pending.length < 4 ? 0 : intAt(this.pending, 0);
    if (size < 0 || size > BLOCK_BYTES_MAX) {
      this.phase = 'bad';
      return false;
    }
    if (this.pending.length < 4 || this.pending.length < 4 + size) {
      this.wait();
      return false;
    }
    const block = snappyBlock(this.pending.subarray(4, 4 + size));
    this.pending = this.pending.subarray(4 + size);
    if (block === null) {
      this.phase = 'bad';
      return false;
    }
    this.block = block;
    this.blockAt = 0;
    return true;
  }
}

function intAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(at);
}

/** One block, or null when it is no snappy. */
export function snappyBlock(bytes: Uint8Array): Uint8Array | null {
  let size = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 28) return null;
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > BLOCK_BYTES_MAX) return null;
  const out = new Uint8Array(size);
  return fillBlock(out, bytes, at) ? out : null;
}

function fillBlock(out: Uint8Array, bytes: Uint8Array, from: number): boolean {
  let at = from;
  let outAt = 0;
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >>> 2;
      if (length >= 60) {
        const extra = length - 59;
        length = littleEndian(bytes, at, extra);
        at += extra;
      }
      length += 1;
      if (at + length > bytes.length || outAt + length > out.length) return false;
      out.set(bytes.subarray(at, at + length), outAt);
      at += length;
      outAt += length;
      continue;
    }
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offsetSize = kind === 1 ? 1 : kind === 2 ? 2 : 4;
    if (at + offsetSize > bytes.length) return false;
    const offset = littleEndian(bytes, at, offsetSize) + (kind === 1 ? (tag >>> 5) * 256 : 0);
    at += offsetSize;
    if (offset === 0 || offset > outAt || outAt + length > out.length) return false;
    for (let i = 0; i < length; i++) out[outAt + i] = out[outAt + i - offset]!;
    outAt += length;
  }
  return outAt === out.length;
}

/** Missing bytes count as zero; the caller's bounds check refuses them. */
function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
