/**
 * Recorded conversations at the quorum port, with the Java leader replaced by ours: the recorded learners say what they said,
 * clients do what they did, and our leader must send the same packets in the same order on every connection. Transactions
 * are compared byte for byte, with their times (the wall clock is the recorded one) and their tree digests.
 *
 * What may differ, and is taken out of the comparison by name:
 * - PINGs, which follow the clock.
 * - `diffForSnap`: a Java leader counts the beginning of its epoch as its last zxid and keeps no transactions from before its
 *   start at hand, so it sends SNAP to a learner that lacks nothing or little, where ours sends a DIFF.
 * - The zxid of REVALIDATE: a Java leader gives back the -1 that it was sent, which nobody reads; ours says how far it has
 *   proposed (`onRevalidate` in core/zab/leader.ts).
 * - In snapshots the order of nodes and sessions, which is that of a hash map, and the times of the node of the
 *   configuration, which every server makes for itself.
 */

import { describe, expect, it } from 'vitest';
import type { DataTree } from '../../../core/tree/data-tree.ts';
import { TreeLoader } from '../../../core/tree/tree-loader.ts';
import { asZxid, type Zxid } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import { SNAP_END_MARK, SnapshotReader } from '../../../core/wire/snapshot-codec.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { InPlace, type Word, type Words } from '../../support/in-place.ts';
import { beforeQ4, beforeQ4b, beforeQ5, filler, longer, snapshotIn } from '../../support/quorum-pasts.ts';
import { entriesOf, recorded, timeline } from '../../support/quorum-recording.ts';

// --- the comparison ----------------------------------------------------------------------------------------------------

function treeOf(stream: Uint8Array, zxid: Zxid): DataTree {
  const loader = new TreeLoader();
  const reader = new SnapshotReader(loader, { endMark: SNAP_END_MARK, itemBytesMax: 1 << 20 });
  expect(reader.push(stream)).toMatchObject({ kind: 'done' });
  return loader.finish({ zxid, recountQuotas: false })!;
}

/** What a snapshot says, without the order in which it says it. */
function contentsOf(stream: Uint8Array, zxid: Zxid): unknown {
  const tree = treeOf(stream, zxid);
  const paths = [...tree.paths()].sort();
  const nodes = paths.map((path) => {
    const { data, acl } = tree.get(path)!;
    const stat = path === '/zookeeper/config' ? null : tree.stat(path);
    return { path, data: data === null ? null : hex(data), acl, stat };
  });
  return { nodes, sessions: [...tree.sessions].sort(), digest: tree.digest() };
}

function show(words: readonly Word[]): unknown[] {
  let zxid = asZxid(0);
  const shown: unknown[] = [];
  for (const word of words) {
    if (word.kind === 'stream') {
      shown.push(contentsOf(word.bytes, zxid));
      continue;
    }
    const { type, data } = word.packet;
    zxid = word.packet.zxid;
    const at = type === Packet.REVALIDATE ? '*' : zxid.toString(16);
    if (type !== Packet.PING) shown.push(`${type} ${at} ${data === null ? 'null' : hex(data)}`);
  }
  return shown;
}

const expectSameWords = ({ ours, java }: Words): void => expect(show(ours)).toEqual(show(java));

/** The words from NEWLEADER on; before them stands what brought the learner there. */
function afterSync(words: readonly Word[]): { sync: number[]; rest: Word[] } {
  const end = words.findIndex((word) => word.kind === 'packet' && word.packet.type === Packet.NEWLEADER);
  const sync = words.slice(0, end).flatMap((word) => (word.kind === 'packet' ? [word.packet.type] : []));
  return { sync, rest: words.slice(end) };
}

function expectDiffForSnap({ ours, java }: Words): void {
  expect(afterSync(java).sync).toEqual([Packet.LEADERINFO, Packet.SNAP]);
  expect(afterSync(ours).sync.slice(0, 2)).toEqual([Packet.LEADERINFO, Packet.DIFF]);
  expect(show(afterSync(ours).rest)).toEqual(show(afterSync(java).rest));
}

// --- the recordings ----------------------------------------------------------------------------------------------------

const Q1 = 'q1-bootstrap-and-traffic';
const Q1_SERVERS = [Q1, 'quorum-11'] as const;

function leadQ1(): { us: InPlace; words: Map<string, Words> } {
  const us = new InPlace({ self: 2, leader: 2, servers: Q1_SERVERS });
  us.win();
  us.setClock(0x2000_02a6_ebb_0000n);
  return { us, words: us.lead(timeline(Q1, ['quorum-11', 'quorum-14'])) };
}

describe('q1, q2: from empty disks, with clients', () => {
  it('q1: the first follower', () => {
    expectSameWords(leadQ1().words.get('quorum-11')!);
  });

  it('q1: the second follower, which lacks nothing', () => {
    expectDiffForSnap(leadQ1().words.get('quorum-14')!);
  });

  it('q2: a follower that missed eleven transactions, then none', () => {
    const { us } = leadQ1();
    us.addFollower(3);
    for (const { bytes } of entriesOf(recorded('q2-diff-sync', 'quorum-5'))) {
      const decoded = decodeTxn(bytes);
      if (decoded.ok) us.propose(decoded.value);
    }
    const words = us.lead(timeline('q2-diff-sync', ['quorum-5']));
    expectSameWords(words.get('quorum-5')!);
  });
});

describe('q4, q4b: a new epoch, and the leader of the old one', () => {
  it('q4: TRUNC to the last transaction that both have', () => {
    const us = new InPlace({ self: 3, leader: 3, servers: Q1_SERVERS });
    us.learn(beforeQ4());
    us.win();
    const words = us.lead(timeline('q4-trunc-sync', ['quorum-10', 'quorum-14']));
    expectSameWords(words.get('quorum-10')!);
    expectSameWords(words.get('quorum-14')!);
  });

  it('q4b: SNAP where a cut would have to cross epochs', () => {
    const us = new InPlace({ self: 2, leader: 2, servers: Q1_SERVERS });
    us.learn(beforeQ4b());
    us.win();
    us.setClock(0x2000_02ae_3da_0000n);
    const words = us.lead(timeline('q4b-snap-instead-of-trunc', ['quorum-11', 'quorum-14']));
    expectSameWords(words.get('quorum-11')!);
    expectSameWords(words.get('quorum-14')!);
  });
});

describe('q5b: nothing was written for an epoch', () => {
  it.each([
    { leader: 2, epoch: 4, conns: ['quorum-5', 'quorum-8'] },
    { leader: 3, epoch: 5, conns: ['quorum-10'] },
  ])('leader $leader', ({ leader, epoch, conns }) => {
    const us = new InPlace({ self: leader, leader, servers: Q1_SERVERS });
    us.learn(longer(beforeQ5(), filler(0x4_0000_0001, 0x4_0000_0002), epoch));
    us.win();
    const words = us.lead(timeline('q5b-leader-stop-and-freeze', conns));
    for (const conn of conns) expectSameWords(words.get(conn)!);
  });

  it('a former leader whose last zxid is the beginning of its epoch gets the whole state', () => {
    const us = new InPlace({ self: 3, leader: 3, servers: Q1_SERVERS });
    us.learn(longer(beforeQ5(), filler(0x4_0000_0001, 0x4_0000_0002), 5));
    us.win();
    us.addFollower(1);
    const { ours, java } = us.lead(timeline('q5b-leader-stop-and-freeze', ['quorum-11'])).get('quorum-11')!;
    // The Java leader names the beginning of its epoch as the zxid of the snapshot; ours the last transaction in it.
    const types = (words: readonly Word[]): unknown[] =>
      words.map((word) => (word.kind === 'packet' ? word.packet.type : word.kind));
    const withoutPings = (words: readonly Word[]): unknown[] => types(words).filter((type) => type !== Packet.PING);
    expect(withoutPings(ours)).toEqual(withoutPings(java));
    expect(withoutPings(ours)).toContain(Packet.SNAP);
  });
});

describe('q6: an observer', () => {
  it('gets the state, then INFORM', () => {
    const settings = { forceSnapshotSync: true };
    const us = new InPlace({ self: 2, leader: 2, servers: ['q6-observer', 'quorum-4'], settings });
    us.win();
    us.setClock(0x2000_02b6_e93_0000n);
    us.addFollower(1);
    const { stream } = snapshotIn('q6-observer', 'quorum-4');
    // Two transactions of the leader's client came before; what they did stands in the recorded snapshot.
    const tree = treeOf(stream, asZxid(0x1_0000_0002));
    const { data, acl } = tree.get('/before')!;
    const { ctime } = tree.stat('/before')!;
    const [session] = [...tree.sessions.keys()];
    const header = { clientId: session!, cxid: 0, zxid: asZxid(1), time: ctime, type: Op.createSession };
    us.propose({ header, txn: { kind: 'createSession', timeOut: 30_000 }, digest: null });
    const node = { kind: 'create', path: '/before', data, acl, ephemeral: false, parentCVersion: 1 } as const;
    us.propose({ header: { ...header, cxid: 1, type: Op.create }, txn: node, digest: null });
    expectSameWords(us.lead(timeline('q6-observer', ['quorum-4'])).get('quorum-4')!);
  });
});

describe('q7: reconfigurations', () => {
  const conns = ['quorum-9', 'quorum-12', 'quorum-17', 'quorum-18'];

  it('remove, add, change of role, full list, removal of the leader', () => {
    const settings = { reconfigEnabled: true, standaloneEnabled: false };
    const us = new InPlace({ self: 2, leader: 2, servers: ['q7-reconfig', 'quorum-9'], settings });
    us.win();
    us.setClock(0x2000_02c8_b01_0000n);
    const words = us.lead(timeline('q7-reconfig', conns));
    expectSameWords(words.get('quorum-9')!);
    expectDiffForSnap(words.get('quorum-12')!);
    expectSameWords(words.get('quorum-17')!);
    expectSameWords(words.get('quorum-18')!);
    expect(words.get('quorum-9')!.closed).toBe(true);
  });
});

describe('q8, q9: local sessions, two addresses', () => {
  it('q8: a session that its server upgrades', () => {
    const settings = { localSessionsEnabled: true, localSessionsUpgradingEnabled: true };
    const servers = ['q8-local-session-upgrade', 'quorum-11'] as const;
    const us = new InPlace({ self: 2, leader: 2, servers, settings });
    us.win();
    const words = us.lead(timeline('q8-local-session-upgrade', ['quorum-11', 'quorum-12']));
    expectSameWords(words.get('quorum-11')!);
    expectSameWords(words.get('quorum-12')!);
  });

  it('q9: two addresses', () => {
    const servers = ['q9-multi-address', 'quorum-8'] as const;
    const us = new InPlace({ self: 2, leader: 2, servers, settings: { multiAddressEnabled: true } });
    us.win();
    const words = us.lead(timeline('q9-multi-address', ['quorum-8', 'quorum-11']));
    expectSameWords(words.get('quorum-8')!);
    expectDiffForSnap(words.get('quorum-11')!);
  });
});
