/**
 * Recorded conversations at the quorum port, with one Java learner replaced by ours: it hears what the real one heard, its
 * clients do what the real one's clients did, and it must say what the real one said: the same packets, byte for byte.
 *
 * What may differ, and is taken out of the comparison by name:
 * - PINGs: the recordings leave most of them out. Ours are held against the leader's: each is answered with its zxid.
 * - `ackOfDiff`: a Java learner acknowledges what a DIFF brought although the leader said itself that it is committed.
 * - `syncIdentities`: a Java learner sends the client's identities with a sync, where nobody reads them.
 * - The order of identities, which is that of a hash set.
 * - Where requests of clients and ACKs cross, their order: the one waits for a disk, the other does not.
 */

import { describe, expect, it } from 'vitest';
import { type Zxid, zxidOf } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import { decodeRequestPayload } from '../../../core/wire/quorum-codec.ts';
import type { QuorumPacket } from '../../../core/wire/records.ts';
import { type Conversation, InPlace } from '../../support/in-place.ts';
import {
  beforeQ4,
  beforeQ4b,
  beforeQ5,
  filler,
  longer,
  snapshotIn,
  tailOfQ4,
  tailOfQ4b,
} from '../../support/quorum-pasts.ts';
import { entriesOf, recorded, sortedIds } from '../../support/quorum-recording.ts';

// --- the comparison ----------------------------------------------------------------------------------------------------

type Difference = 'ackOfDiff' | 'syncIdentities';

const isSync = ({ type, data }: QuorumPacket): boolean => {
  const payload = type === Packet.REQUEST ? decodeRequestPayload(data) : null;
  return payload?.ok === true && payload.value.type === Op.sync;
};

const show = (packet: QuorumPacket, differences: readonly Difference[]): string => {
  const { type, zxid, data, authinfo } = packet;
  const noIds = differences.includes('syncIdentities') && isSync(packet);
  const ids = noIds ? [] : sortedIds(authinfo);
  return `${type} ${zxid.toString(16)} ${data === null ? 'null' : hex(data)} ${ids.join()}`;
};

/** From FOLLOWERINFO to the ACK of UPTODATE: strictly in this order. */
const HANDSHAKE = 4;

function expectSameWords({ java, ours, heard }: Conversation, differences: readonly Difference[] = []): void {
  const withoutPings = (packets: readonly QuorumPacket[]): QuorumPacket[] =>
    packets.filter(({ type }) => type !== Packet.PING);
  const [theirs, our] = [withoutPings(java), withoutPings(ours)];
  const shown = (packets: readonly QuorumPacket[]): string[] => packets.map((packet) => show(packet, differences));
  expect(shown(our.slice(0, HANDSHAKE))).toEqual(shown(theirs.slice(0, HANDSHAKE)));

  const ofDiff = differences.includes('ackOfDiff') ? committedBeforeNewLeader(heard) : new Set<Zxid>();
  const theirRest = theirs.slice(HANDSHAKE).filter(({ type, zxid }) => type !== Packet.ACK || !ofDiff.has(zxid));
  if (differences.includes('ackOfDiff')) expect(theirRest.length).toBeLessThan(theirs.length - HANDSHAKE);
  if (differences.includes('syncIdentities')) expect(theirRest.some(isSync)).toBe(true);
  const ofType = (packets: readonly QuorumPacket[], wanted: boolean): string[] =>
    shown(packets.filter(({ type }) => (type === Packet.ACK) === wanted));
  expect(ofType(our.slice(HANDSHAKE), true)).toEqual(ofType(theirRest, true));
  expect(ofType(our.slice(HANDSHAKE), false)).toEqual(ofType(theirRest, false));

  const pings = (packets: readonly QuorumPacket[]): Zxid[] =>
    packets.filter(({ type }) => type === Packet.PING).map(({ zxid }) => zxid);
  expect(pings(ours)).toEqual(pings(heard));
}

function committedBeforeNewLeader(heard: readonly QuorumPacket[]): Set<Zxid> {
  const end = heard.findIndex(({ type }) => type === Packet.NEWLEADER);
  return new Set(
    heard
      .slice(0, end)
      .filter(({ type }) => type === Packet.COMMIT)
      .map(({ zxid }) => zxid),
  );
}

// --- the recordings ----------------------------------------------------------------------------------------------------

const Q1_SERVERS = ['q1-bootstrap-and-traffic', 'quorum-11'] as const;

describe('q1: from empty disks, with clients', () => {
  it('a follower that is there from the beginning', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q1_SERVERS });
    us.setClock(0x1000_02a6_e26_0000n);
    us.start();
    expectSameWords(us.follow(recorded('q1-bootstrap-and-traffic', 'quorum-11')), ['syncIdentities']);
  });

  it('a follower that comes later and takes a session over', () => {
    const us = new InPlace({ self: 3, leader: 2, servers: Q1_SERVERS });
    us.start();
    expectSameWords(us.follow(recorded('q1-bootstrap-and-traffic', 'quorum-14')));
  });
});

describe('q2, q3: DIFF', () => {
  it('q2: of eleven transactions after a crash, then of none after another; q3: out of the log files', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q1_SERVERS });
    us.setClock(0x1000_02a6_e26_0000n);
    us.start();
    us.follow(recorded('q1-bootstrap-and-traffic', 'quorum-11'));
    us.kill();
    us.start();
    expectSameWords(us.follow(recorded('q2-diff-sync', 'quorum-5')), ['ackOfDiff']);
    us.kill();
    us.start();
    expectSameWords(us.follow(recorded('q2-diff-sync', 'quorum-10')));
    us.kill();
    us.start();
    // Of 700 transactions the recording holds the first.
    expectSameWords(us.follow(recorded('q3-diff-from-txnlog', 'quorum-5')), ['ackOfDiff']);
  });
});

describe('q3b, q4, q4b: SNAP, TRUNC, and SNAP instead of TRUNC', () => {
  it('q3b: SNAP to an empty disk', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q1_SERVERS });
    us.start();
    expectSameWords(us.follow(recorded('q3b-snap-sync', 'quorum-5')));
  });

  it('q4: a follower of the new epoch, level with its leader', () => {
    const us = new InPlace({ self: 1, leader: 3, servers: Q1_SERVERS });
    us.learn(beforeQ4());
    us.start();
    expectSameWords(us.follow(recorded('q4-trunc-sync', 'quorum-10')));
  });

  it('q4: the old leader, whose tail is cut off', () => {
    const us = new InPlace({ self: 2, leader: 3, servers: Q1_SERVERS });
    us.setClock(0x2000_02ac_d79_0000n);
    us.learn(longer(beforeQ4(), tailOfQ4()));
    us.start();
    expectSameWords(us.follow(recorded('q4-trunc-sync', 'quorum-14')));
  });

  it('q4b: a follower of the next epoch', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q1_SERVERS });
    us.learn(beforeQ4b());
    us.start();
    expectSameWords(us.follow(recorded('q4b-snap-instead-of-trunc', 'quorum-11')));
  });

  it('q4b: the old leader, whose tail cannot be cut', () => {
    const us = new InPlace({ self: 3, leader: 2, servers: Q1_SERVERS });
    us.setClock(0x3000_02ae_8d8_0000n);
    us.learn(longer(beforeQ4b(), tailOfQ4b()));
    us.start();
    expectSameWords(us.follow(recorded('q4b-snap-instead-of-trunc', 'quorum-14')));
  });
});

describe('q5, q5b: the leader dies, stops, and freezes', () => {
  // The node that the recorded transactions write was not recorded, so their digests cannot agree.
  const settings = { digestEnabled: false };

  it('q5: a follower of the next leader, whose client comes back', () => {
    const us = new InPlace({ self: 1, leader: 3, servers: Q1_SERVERS, settings });
    us.learn(beforeQ5());
    us.start();
    expectSameWords(us.follow(recorded('q5-leader-crash', 'quorum-5')));
  });

  it('q5: the old leader comes back', () => {
    const us = new InPlace({ self: 2, leader: 3, servers: Q1_SERVERS, settings });
    us.learn(beforeQ5());
    us.start();
    expectSameWords(us.follow(recorded('q5-leader-crash', 'quorum-9')), ['ackOfDiff']);
  });

  it.each([
    { who: 'a follower after a clean stop', self: 1, leader: 2, epoch: 4, conn: 'quorum-5' },
    { who: 'the one that was stopped', self: 3, leader: 2, epoch: 4, conn: 'quorum-8' },
    { who: 'a follower that left a frozen leader', self: 1, leader: 3, epoch: 5, conn: 'quorum-10' },
  ])('q5b: $who', ({ self, leader, epoch, conn }) => {
    const us = new InPlace({ self, leader, servers: Q1_SERVERS, settings });
    us.learn(longer(beforeQ5(), filler(0x4_0000_0001, 0x4_0000_0002), epoch));
    us.start();
    expectSameWords(us.follow(recorded('q5b-leader-stop-and-freeze', conn)));
  });

  it('q5b: the frozen leader, which counts the beginning of its epoch as its last zxid', () => {
    const us = new InPlace({ self: 2, leader: 3, servers: Q1_SERVERS, settings });
    const { stream } = snapshotIn('q5b-leader-stop-and-freeze', 'quorum-11');
    us.learn({ epoch: 5, snapshot: { zxid: zxidOf(5, 0), stream } });
    us.start();
    expectSameWords(us.follow(recorded('q5b-leader-stop-and-freeze', 'quorum-11')));
  });
});

describe('q6: an observer', () => {
  it('gets INFORM and acknowledges no transaction', () => {
    const us = new InPlace({ self: 4, leader: 2, servers: ['q6-observer', 'quorum-4'] });
    us.setClock(0x4000_02b7_3eb_0000n);
    us.start();
    const conversation = us.follow(recorded('q6-observer', 'quorum-4'));
    expectSameWords(conversation, ['syncIdentities']);
    expect(conversation.ours.filter(({ type }) => type === Packet.ACK)).toHaveLength(2);
  });
});

const Q7_SERVERS = ['q7-reconfig', 'quorum-9'] as const;
const RECONFIG = { reconfigEnabled: true, standaloneEnabled: false };

describe('q7: reconfigurations', () => {
  it('a follower through all of them, until its leader removes itself', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q7_SERVERS, settings: RECONFIG });
    us.setClock(0x1000_02c8_a4b_0000n);
    us.start();
    const conversation = us.follow(recorded('q7-reconfig', 'quorum-9'));
    expectSameWords(conversation);
    expect(conversation.closed).toBe(true);
  });

  it('a follower that is removed, added, made an observer and a participant again', () => {
    const us = new InPlace({ self: 3, leader: 2, servers: Q7_SERVERS, settings: RECONFIG, numbered: true });
    us.start();
    for (const conn of ['quorum-12', 'quorum-17', 'quorum-18']) {
      const conversation = us.follow(recorded('q7-reconfig', conn));
      expectSameWords(conversation);
      expect(conversation.closed).toBe(true);
    }
  });

  it('the leader that removed itself', () => {
    const us = new InPlace({ self: 2, leader: 1, servers: Q7_SERVERS, settings: RECONFIG, numbered: true });
    const entries = entriesOf(recorded('q7-reconfig', 'quorum-9'));
    us.learn({ epoch: 1, snapshot: snapshotIn('q7-reconfig', 'quorum-12'), entries });
    us.start();
    expectSameWords(us.follow(recorded('q7-reconfig', 'quorum-21')));
  });
});

describe('q8, q9: local sessions, two addresses', () => {
  const Q8_SERVERS = ['q8-local-session-upgrade', 'quorum-11'] as const;
  const settings = { localSessionsEnabled: true, localSessionsUpgradingEnabled: true };

  it('q8: a local session becomes a global one before its first ephemeral node', () => {
    const us = new InPlace({ self: 1, leader: 2, servers: Q8_SERVERS, settings });
    us.setClock(0x1000_02ef_8cf_0000n);
    us.start();
    expectSameWords(us.follow(recorded('q8-local-session-upgrade', 'quorum-11')));
  });

  it('q8: the other follower', () => {
    const us = new InPlace({ self: 3, leader: 2, servers: Q8_SERVERS, settings });
    us.start();
    expectSameWords(us.follow(recorded('q8-local-session-upgrade', 'quorum-12')));
  });

  it.each([
    { self: 1, conn: 'quorum-8' },
    { self: 3, conn: 'quorum-11' },
  ])('q9: server $self', ({ self, conn }) => {
    const servers = ['q9-multi-address', 'quorum-8'] as const;
    const us = new InPlace({ self, leader: 2, servers, settings: { multiAddressEnabled: true } });
    if (self === 1) us.setClock(0x1000_07a0_f6e_0000n);
    us.start();
    expectSameWords(us.follow(recorded('q9-multi-address', conn)));
  });
});
