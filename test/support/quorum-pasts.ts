/** What servers had before a recording of `test/golden/quorum` begins: partly recorded elsewhere, partly made up. */

import { asSession, assert, asZxid, OPEN_ACL, type Zxid } from '../../core/types.ts';
import { Op, Packet } from '../../core/wire/opcodes.ts';
import type { LogEntry, Txn } from '../../core/wire/txn.ts';
import { encodeTxn } from '../../core/wire/txn-codec.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import { entryOf } from '../unit/storage/machine.ts';
import { entriesOf, recorded } from './quorum-recording.ts';

/** What the server learned before the recording begins. */
export interface Past {
  readonly epoch: number;
  readonly snapshot?: RecordedSnapshot;
  readonly entries?: readonly LogEntry[];
}

export interface RecordedSnapshot {
  readonly zxid: Zxid;
  readonly stream: Uint8Array;
}

/** The snapshot of a recorded SNAP. */
export function snapshotIn(file: string, conn: string): RecordedSnapshot {
  const packets = recorded(file, conn);
  const zxid = packets.find(({ packet }) => packet?.type === Packet.SNAP)?.packet?.zxid;
  const stream = packets.find(({ packet }) => packet === null)?.bytes;
  assert(zxid !== undefined && stream !== undefined, `no SNAP in ${file} ${conn}`);
  return { zxid, stream };
}

/** Transactions that were not recorded and change nothing. */
export const filler = (from: number, to: number): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entryOf(asZxid(from + i), { kind: 'error', err: -101 }));

function entryAt(zxid: number, session: bigint, txn: Txn, time = 0): LogEntry {
  const type = txn.kind === 'create' ? Op.create : Op.createSession;
  const header = { clientId: asSession(session), cxid: 1, zxid: asZxid(zxid), time, type };
  return { zxid: asZxid(zxid), bytes: encodeTxn(header, txn, null) };
}

const committedNode = (path: string, parentCVersion: number): Txn => ({
  kind: 'create',
  path,
  data: utf8Encode('committed'),
  acl: OPEN_ACL,
  ephemeral: false,
  parentCVersion,
});

/** Two transactions that were not recorded; what they did stands in the snapshot of q4b. */
const BEFORE_Q4: readonly LogEntry[] = [
  entryAt(0x1_0000_02d9, 0x2000_02a6_ebb_0003n, { kind: 'createSession', timeOut: 30_000 }),
  entryAt(0x1_0000_02da, 0x2000_02a6_ebb_0003n, committedNode('/truncFalse', 17), 1_795_307_847_911),
];

/** Before q4: the followers' history, and the tail of their leader, which nobody else has. */
export const beforeQ4 = (): Past => ({
  epoch: 1,
  snapshot: snapshotIn('q3b-snap-sync', 'quorum-5'),
  entries: BEFORE_Q4,
});
export const tailOfQ4 = (): LogEntry[] => filler(0x1_0000_02db, 0x1_0000_02dd);

/** Before q4b: the two transactions that q4 recorded and two that were not recorded. */
export const beforeQ4b = (): Past => ({
  ...beforeQ4(),
  epoch: 2,
  entries: [
    ...BEFORE_Q4,
    ...entriesOf(recorded('q4-trunc-sync', 'quorum-10')),
    entryAt(0x2_0000_0003, 0x3000_02ac_88a_0000n, { kind: 'createSession', timeOut: 30_000 }),
    entryAt(0x2_0000_0004, 0x3000_02ac_88a_0000n, committedNode('/truncTrue', 18), 1_795_307_854_869),
  ],
});
export const tailOfQ4b = (): LogEntry[] => filler(0x2_0000_0005, 0x2_0000_0007);

/** Before q5. What /crash was made with is not known, so digests of what follows cannot agree. */
export const beforeQ5 = (): Past => ({
  epoch: 3,
  snapshot: snapshotIn('q4b-snap-instead-of-trunc', 'quorum-14'),
  entries: [
    ...entriesOf(recorded('q4b-snap-instead-of-trunc', 'quorum-11')).filter(({ zxid }) => zxid > 0x3_0000_0003),
    ...filler(0x3_0000_0007, 0x3_0000_0008),
  ],
});

/** A past with more behind it. */
export const longer = (past: Past, entries: readonly LogEntry[], epoch = past.epoch): Past => ({
  ...past,
  epoch,
  entries: [...(past.entries ?? []), ...entries],
});
