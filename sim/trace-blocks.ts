/**
 * Compressed traces: a gzip file that can be read from anywhere in it.
 *
 * gzip allows several members one after the other, and an extra field in the header of each (RFC 1952, 2.2 and 2.3.1.1).
 * A trace is cut at line ends into blocks, each block is a member, and its extra field says how long the member is, so a
 * reader finds the blocks without inflating any, keeps them as they are, and inflates the one that it needs. Blocked GNU
 * Zip Format of genome files is the same idea with blocks of 64 KiB. `gunzip` and `zcat` read it as usual.
 *
 * The extra field may also hold the columns of the block (`columns/digest.ts`), so that a reader need not scan its lines.
 *
 * ```
 * Block  => 1f 8b 08 04  mtime:4  xfl:1  os:1  xlen:2  Extra  deflate data  crc32:4  isize:4
 * Extra  => 'V' 'B' length:2(=8)  memberBytes:4  textBytes:4        little-endian, as all of gzip
 *           [ 'V' 'C' length:2  version:1  deflated digest ]
 * ```
 */

import { DIGEST_VERSION } from './columns/digest.ts';

const MAGIC = [0x1f, 0x8b, 0x08] as const;
const FLAG_EXTRA = 0x04;
const EXTRA_SIZE = 12;
/** Header of a block, and what of it is there in every gzip file. */
export const BLOCK_HEADER_SIZE = 12 + EXTRA_SIZE;
const PLAIN_HEADER_SIZE = 10;
/** Text of one block: long enough to compress well, short enough to be inflated for one line. */
export const BLOCK_TEXT_BYTES = 256 * 1024;

export interface BlockHeader {
  /** From one header to the next. */
  readonly memberBytes: number;
  readonly textBytes: number;
}

/** The extra field of a gzip header has no more. */
const EXTRA_BYTES_MAX = 0xffff;
const DIGEST_HEADER_SIZE = 5;

/**
 * What `gzip` makes of a text (a header of ten bytes, no name), as a block. A digest is given deflated, and left out when it is
 * too long for a header.
 */
export function blockOf(gzipped: Uint8Array, textBytes: number, digest: Uint8Array | null = null): Uint8Array {
  const body = gzipped.subarray(PLAIN_HEADER_SIZE);
  const digestSize = digest === null ? 0 : DIGEST_HEADER_SIZE + digest.length;
  const hasDigest = digest !== null && EXTRA_SIZE + digestSize <= EXTRA_BYTES_MAX;
  const extra = hasDigest ? EXTRA_SIZE + digestSize : EXTRA_SIZE;
  const block = new Uint8Array(12 + extra + body.length);
  const view = new DataView(block.buffer);
  block.set(MAGIC);
  block[3] = FLAG_EXTRA;
  block[9] = 0xff;
  view.setUint16(10, extra, true);
  block.set([0x56, 0x42], 12);
  view.setUint16(14, 8, true);
  view.setUint32(16, block.length, true);
  view.setUint32(20, textBytes, true);
  if (hasDigest) {
    block.set([0x56, 0x43], BLOCK_HEADER_SIZE);
    view.setUint16(BLOCK_HEADER_SIZE + 2, digest.length + 1, true);
    block[BLOCK_HEADER_SIZE + 4] = DIGEST_VERSION;
    block.set(digest, BLOCK_HEADER_SIZE + DIGEST_HEADER_SIZE);
  }
  block.set(body, 12 + extra);
  return block;
}

/** The header of the block that starts at `at`; null for other gzip members, and when not all of it is there. */
export function blockHeaderAt(bytes: Uint8Array, at: number): BlockHeader | null {
  if (at + BLOCK_HEADER_SIZE > bytes.length || !isGzip(bytes, at)) return null;
  if ((bytes[at + 3]! & FLAG_EXTRA) === 0 || bytes[at + 12] !== 0x56 || bytes[at + 13] !== 0x42) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, BLOCK_HEADER_SIZE);
  if (view.getUint16(10, true) < EXTRA_SIZE || view.getUint16(14, true) !== 8) return null;
  return { memberBytes: view.getUint32(16, true), textBytes: view.getUint32(20, true) };
}

/** The deflated digest in the header of a whole block; null when there is none that this reader knows. */
export function digestIn(block: Uint8Array): Uint8Array | null {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const end = 12 + view.getUint16(10, true);
  if (end < BLOCK_HEADER_SIZE + DIGEST_HEADER_SIZE || end > block.length) return null;
  if (block[BLOCK_HEADER_SIZE] !== 0x56 || block[BLOCK_HEADER_SIZE + 1] !== 0x43) return null;
  const length = view.getUint16(BLOCK_HEADER_SIZE + 2, true);
  if (block[BLOCK_HEADER_SIZE + 4] !== DIGEST_VERSION || BLOCK_HEADER_SIZE + 4 + length > end) return null;
  return block.subarray(BLOCK_HEADER_SIZE + DIGEST_HEADER_SIZE, BLOCK_HEADER_SIZE + 4 + length);
}

export const isGzip = (bytes: Uint8Array, at: number): boolean => MAGIC.every((byte, i) => bytes[at + i] === byte);
