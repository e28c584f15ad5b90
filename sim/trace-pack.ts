/** Packs the text of a block as the writers of compressed traces do: gzip, with the columns of its lines in the header. */

import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { digestOf } from './columns/digest.ts';
import { scanBlock } from './columns/scan.ts';
import { blockOf } from './trace-blocks.ts';

/** `text` is whole lines. `level` is that of zlib. */
export function packedBlock(text: Uint8Array, level?: number): Uint8Array {
  const digest = digestOf(scanBlock(text));
  // A full flush makes the digests of several blocks one stream when they are put behind each other.
  const flushed = digest === null ? null : deflateRawSync(digest, { finishFlush: constants.Z_FULL_FLUSH });
  return blockOf(gzipSync(text, level === undefined ? {} : { level }), text.length, flushed);
}
