import { describe, expect, it } from 'vitest';
import { encodeRecords } from '../../../core/storage/log-file.ts';
import { type Zxid, zxidOf } from '../../../core/types.ts';
import { createTxn, entryOf, MemoryDisk, recover } from './machine.ts';

const NO_DATA = new Uint8Array(0);
const log = (...zxids: Zxid[]): Uint8Array =>
  encodeRecords(
    zxids.map((zxid) => entryOf(zxid, createTxn(`/n${zxid}`, NO_DATA))),
    { header: true },
  );
const name = (zxid: Zxid): string => `log/version-2/log.${zxid.toString(16)}`;

/** The log ends with `last` in epoch 1; another file goes on with `next`. One bit of the last record of the first flips. */
function recovered(next: Zxid) {
  const first = log(zxidOf(1, 1), zxidOf(1, 2), zxidOf(1, 3));
  first[first.length - 10]! ^= 4;
  const files = new Map([
    [name(zxidOf(1, 1)), first],
    [name(next), log(next)],
  ]);
  // The snapshot of the empty tree that every server begins with.
  const fresh = recover(MemoryDisk.of(new Map())).disk.files();
  for (const [path, bytes] of fresh) if (path.includes('/snapshot.')) files.set(path, bytes);
  return recover(MemoryDisk.of(files)).recovery;
}

describe('a damaged record at the end of a log file that is not the last', () => {
  it('is not proved harmless by the first entry of a later epoch', () => {
    expect(recovered(zxidOf(2, 1))).toMatchObject({ mustResync: true, lastZxid: zxidOf(1, 2) });
  });

  it('leaves a hole where the next file belongs to the same epoch', () => {
    expect(recovered(zxidOf(1, 4))).toMatchObject({ mustResync: true, lastZxid: zxidOf(1, 2) });
  });
});
