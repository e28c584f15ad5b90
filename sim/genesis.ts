/**
 * A history that lies behind the run: counters that would take an ensemble years to bring near their limits.
 *
 * Every voter begins with the same log of one epoch in which nobody's session wrote a few nodes, the last time with versions a
 * few steps before the greatest number and before -1, which in a request means any version (ZOOKEEPER-4743). The checks
 * are told of these entries as if a leader had proposed them; from there on nothing is special.
 */

import { encodeEpoch } from '../core/storage/epochs.ts';
import { encodeRecords } from '../core/storage/log-file.ts';
import { encodeMark, type Mark } from '../core/storage/mark.ts';
import {
  ACCEPTED_EPOCH,
  CURRENT_EPOCH,
  inData,
  inLog,
  logName,
  MARK_NAME,
  snapshotName,
} from '../core/storage/names.ts';
import { SnapshotFileWriter } from '../core/storage/snapshot-file.ts';
import { DataTree } from '../core/tree/data-tree.ts';
import { OPEN_ACL, type SessionId, ZXID_ZERO, type Zxid, zxidOf } from '../core/types.ts';
import { Op } from '../core/wire/opcodes.ts';
import type { LogEntry, Txn } from '../core/wire/txn.ts';
import { encodeTxn } from '../core/wire/txn-codec.ts';
import { pathOf } from './workload.ts';
import type { DiskImage } from './world/types.ts';

const EPOCH = 1;
const NOBODY = 0n as SessionId;
const VERSION_MAX = 0x7fff_ffff;

/** The entries; `near` is how many changes the limits are away, 0 for no past. */
export function genesisOf(near: number): LogEntry[] {
  if (near === 0) return [];
  const versions = [-1 - near, VERSION_MAX - near];
  const txns = versions.flatMap((version, index): Txn[] => {
    const path = pathOf(index);
    return [
      { kind: 'create', path, data: null, acl: OPEN_ACL, parentCVersion: index + 1, ephemeral: false },
      { kind: 'setData', path, data: null, version },
      { kind: 'setACL', path, acl: OPEN_ACL, version },
    ];
  });
  return txns.map((txn, index) => {
    const zxid = zxidOf(EPOCH, index + 1);
    return {
      zxid,
      bytes: encodeTxn(
        { clientId: NOBODY, cxid: 0, zxid, time: 0, type: OPS[txn.kind as keyof typeof OPS] },
        txn,
        null,
      ),
    };
  });
}

const OPS = { create: Op.create, setData: Op.setData, setACL: Op.setACL } as const;

/** The disk of a server that has lived through them. */
export function diskAfter(entries: readonly LogEntry[]): DiskImage {
  const first: Zxid = entries[0]!.zxid;
  const fileOf = (path: string, bytes: Uint8Array) => ({ path, size: bytes.length, bytes });
  return {
    directories: ['data', 'log', 'data/version-2', 'log/version-2'],
    files: [
      fileOf(inLog(logName(first)), encodeRecords(entries, { header: true })),
      fileOf(inData(ACCEPTED_EPOCH), encodeEpoch(EPOCH)),
      fileOf(inData(CURRENT_EPOCH), encodeEpoch(EPOCH)),
      fileOf(inData(snapshotName(ZXID_ZERO, 'none')), emptySnapshot()),
      fileOf(inLog(MARK_NAME), encodeMark(markAfter(entries))),
    ],
  };
}

const markAfter = (entries: readonly LogEntry[]): Mark => ({
  zxid: entries.at(-1)!.zxid,
  acceptedEpoch: EPOCH,
  currentEpoch: EPOCH,
  config: ZXID_ZERO,
});

/** Of the tree that every ensemble begins with. */
function emptySnapshot(): Uint8Array {
  const options = { compression: 'none', digest: true, lastProcessed: true } as const;
  const writer = new SnapshotFileWriter(DataTree.fresh().openSnapshot(), options);
  const pieces: number[] = [];
  for (let piece = writer.next(PIECE_BYTES); piece !== null; piece = writer.next(PIECE_BYTES)) pieces.push(...piece);
  writer.close();
  return Uint8Array.from(pieces);
}

const PIECE_BYTES = 0x1_0000;
