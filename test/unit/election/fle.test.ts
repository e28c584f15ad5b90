/** The rules of FastLeaderElection one by one: a notification comes in, what goes out. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { formatMembership } from '../../../core/config/membership.ts';
import { fleDeadline, fleMessage, fleVoteEpoch } from '../../../core/election/fle.ts';
import { asPeer, LONG_MIN } from '../../../core/types.ts';
import { Bench } from './bench.ts';
import { membershipOfIds } from './mini-net.ts';

const THREE = membershipOfIds('1 2 3');
const FIVE = membershipOfIds('1 2 3 4 5');
const looking = { state: 'looking' as const };

describe('a round', () => {
  it('begins with a vote for oneself, to every other voter', () => {
    const b = new Bench(2, membershipOfIds('1 2 3 4:observer'));
    expect(b.look(7, 1)).toEqual([]);
    const vote = { ...looking, leader: 2, zxid: 7, round: 1, epoch: 1 };
    expect(b.sent()).toEqual({ 1: [vote], 3: [vote] });
  });

  it('adopts a better vote of the same round and tells everybody', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.sent();
    b.hear(1, { leader: 1, zxid: 8, epoch: 1 });
    const vote = { ...looking, leader: 1, zxid: 8, round: 1, epoch: 1 };
    expect(b.sent()).toEqual({ 1: [vote], 3: [vote] });
  });

  it('keeps its vote against a worse one, silently', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.sent();
    b.hear(3, { leader: 3, zxid: 9, epoch: 0 });
    expect(b.sent()).toEqual({});
  });

  it('tells a sender of an earlier round what round it is', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.look(7, 1);
    b.sent();
    b.hear(3, { leader: 3, zxid: 9, epoch: 9, round: 1 });
    expect(b.sent()).toEqual({ 3: [{ ...looking, leader: 2, zxid: 7, round: 2, epoch: 1 }] });
  });

  it('joins a later round with the better of two votes (ZOOKEEPER-275)', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.hear(3, { leader: 3, zxid: 8, epoch: 1 });
    b.sent();
    b.hear(1, { leader: 1, zxid: 5, epoch: 1, round: 4 });
    const own = { ...looking, leader: 2, zxid: 7, round: 4, epoch: 1 };
    expect(b.sent()).toEqual({ 1: [own], 3: [own] });
    b.hear(1, { leader: 1, zxid: 9, epoch: 1, round: 6 });
    const better = { ...looking, leader: 1, zxid: 9, round: 6, epoch: 1 };
    expect(b.sent()).toEqual({ 1: [better], 3: [better] });
  });

  it('joins the later round of a voter that votes for nobody, with its own vote, and counts nothing', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.hear(3, { leader: 3, zxid: 9, epoch: 1 });
    b.sent();
    b.hear(1, { leader: LONG_MIN, zxid: LONG_MIN, epoch: LONG_MIN, round: 4 });
    const own = { ...looking, leader: 2, zxid: 7, round: 4, epoch: 1 };
    expect(b.sent()).toEqual({ 1: [own], 3: [own] });
    expect([...b.fle.round!.received.keys()]).toEqual([2]);
    b.hear(1, { leader: LONG_MIN, zxid: LONG_MIN, epoch: LONG_MIN, round: 4 });
    b.hear(1, { leader: LONG_MIN, zxid: LONG_MIN, epoch: LONG_MIN, round: 3 });
    expect(b.sent()).toEqual({});
  });

  it('forgets the votes of the round it leaves', () => {
    const b = new Bench(1, FIVE);
    b.look();
    b.hear(2, { leader: 2 });
    b.hear(3, { leader: 3 });
    b.hear(2, { leader: 3 });
    expect(b.fle.round?.finalizeAtMs).not.toBeNull();
    b.hear(4, { leader: 4, round: 2 });
    expect(b.fle.round?.finalizeAtMs).toBeNull();
    b.hear(5, { leader: 4, round: 2 });
    expect(b.fle.round?.finalizeAtMs).toBe(1200);
  });
});

describe('the decision', () => {
  it('waits for a better vote, then leads or follows', () => {
    const b = new Bench(3, THREE);
    b.look(7, 1);
    b.hear(1, { leader: 3, zxid: 7, epoch: 1 });
    expect(fleDeadline(b.fle)).toBe(1200);
    expect(b.wait(199)).toEqual([]);
    expect(b.wait(1)).toEqual([
      { type: 'elected', vote: { leader: 3, zxid: 7, electionEpoch: 1, peerEpoch: 1, state: 'leading' } },
    ]);
    expect(fleDeadline(b.fle)).toBeNull();
  });

  it('is not put off by a vote that is not better', () => {
    const b = new Bench(3, THREE);
    b.look(7, 1);
    b.hear(1, { leader: 3, zxid: 7, epoch: 1 });
    b.wait(150);
    b.hear(2, { leader: 2, zxid: 3, epoch: 1 });
    expect(b.wait(50)).toMatchObject([{ type: 'elected', vote: { leader: 3 } }]);
  });

  it('starts over with a better vote', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.hear(1, { leader: 2, zxid: 7, epoch: 1 });
    b.wait(150);
    b.hear(3, { leader: 3, zxid: 8, epoch: 1 });
    expect(b.wait(199)).toEqual([]);
    expect(b.wait(1)).toMatchObject([{ type: 'elected', vote: { leader: 3, state: 'following' } }]);
  });

  it('is dropped when a voter of the quorum changes its mind', () => {
    const b = new Bench(3, THREE);
    b.look(7, 1);
    b.hear(1, { leader: 3, zxid: 7, epoch: 1 });
    b.hear(1, { leader: 1, zxid: 0, round: 0 });
    expect(b.fle.round?.finalizeAtMs).toBeNull();
  });

  it('is taken alone in an ensemble of one', () => {
    const b = new Bench(1, membershipOfIds('1'), { standaloneEnabled: false });
    b.look(7, 1);
    expect(b.wait(200)).toMatchObject([{ type: 'elected', vote: { leader: 1, state: 'leading' } }]);
  });

  it('follows weights: a server that weighs nothing is not elected and elects nobody', () => {
    const m = membershipOfIds('1 2 3', { extra: ['group.1=1:2:3', 'weight.3=0'] });
    const b = new Bench(1, m);
    b.look(7, 1);
    b.sent();
    b.hear(3, { leader: 3, zxid: 99, epoch: 9 });
    expect(b.sent()).toEqual({});
    b.hear(3, { leader: 1, zxid: 7, epoch: 1 });
    expect(b.fle.round?.finalizeAtMs).toBeNull();
    b.hear(2, { leader: 1, zxid: 7, epoch: 1 });
    expect(b.wait(200)).toMatchObject([{ type: 'elected', vote: { leader: 1 } }]);
  });

  it('needs a quorum of both configurations while one is proposed', () => {
    const b = new Bench(3, FIVE);
    b.committed = membershipOfIds('1 2 3', { version: 1 });
    b.membership = membershipOfIds('3 4 5', { version: 2 });
    b.look(7, 1);
    b.hear(2, { leader: 3, zxid: 7, epoch: 1 });
    expect(b.fle.round?.finalizeAtMs).toBeNull();
    b.hear(5, { leader: 3, zxid: 7, epoch: 1 });
    expect(b.wait(200)).toMatchObject([{ type: 'elected', vote: { leader: 3 } }]);
  });
});

describe('an ensemble that has a leader', () => {
  it('is joined when a quorum and the leader itself say so', () => {
    const b = new Bench(5, FIVE);
    b.look(99, 0);
    expect(b.hear(1, { state: 'following', leader: 2, epoch: 3, round: 7 })).toEqual([]);
    expect(b.hear(3, { state: 'following', leader: 2, epoch: 3, round: 7 })).toEqual([]);
    expect(b.hear(4, { state: 'following', leader: 2, epoch: 3, round: 7 })).toEqual([]);
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 3, round: 7 })).toEqual([
      { type: 'elected', vote: { leader: 2, zxid: 0, electionEpoch: 7, peerEpoch: 3, state: 'following' } },
    ]);
    expect(b.fle.logicalClock).toBe(7);
  });

  it('is joined although its members settled in different rounds and on different zxids (ZOOKEEPER-1732, 1805)', () => {
    const b = new Bench(5, FIVE);
    b.look();
    b.hear(1, { state: 'following', leader: 2, epoch: 3, round: 7, zxid: 1 });
    b.hear(3, { state: 'following', leader: 2, epoch: 3, round: 9, zxid: 2 });
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 3, round: 8, zxid: 3 })).toHaveLength(1);
  });

  it('is not made of votes of different epochs', () => {
    const b = new Bench(5, FIVE);
    b.look();
    b.hear(1, { state: 'following', leader: 2, epoch: 2, round: 7 });
    b.hear(3, { state: 'following', leader: 2, epoch: 3, round: 7 });
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 3, round: 7 })).toEqual([]);
  });

  it('is not made of votes of different rounds when their epochs differ', () => {
    const b = new Bench(5, FIVE);
    b.look();
    b.hear(1, { state: 'following', leader: 2, epoch: 1, round: 1 });
    b.hear(4, { leader: 4, round: 2 });
    b.hear(3, { state: 'following', leader: 2, epoch: 2, round: 2 });
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 2, round: 2 })).toEqual([]);
  });

  it('may be older than epochs in votes', () => {
    const b = new Bench(3, THREE);
    b.look();
    b.hear(1, { state: 'following', leader: 2, epoch: 2, round: 7 }, null);
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 3, round: 7 })).toHaveLength(1);
  });

  it('is not believed in when its leader is silent (ZOOKEEPER-569)', () => {
    const b = new Bench(5, FIVE);
    b.look();
    for (const from of [1, 3, 4])
      expect(b.hear(from, { state: 'following', leader: 2, epoch: 3, round: 1 })).toEqual([]);
  });

  it('is not believed in when its leader looks again', () => {
    const b = new Bench(5, FIVE);
    b.look();
    b.hear(2, { state: 'leading', leader: 2, epoch: 3, round: 7 });
    b.hear(1, { state: 'following', leader: 2, epoch: 3, round: 7 });
    b.hear(2, { leader: 2, epoch: 3, round: 8 });
    expect(b.hear(3, { state: 'following', leader: 2, epoch: 3, round: 7 })).toEqual([]);
  });

  it('makes the newcomer its leader only in the present round (ZOOKEEPER-1514)', () => {
    const b = new Bench(2, THREE);
    b.look();
    b.look();
    b.hear(1, { state: 'following', leader: 2, epoch: 0, round: 1 });
    expect(b.hear(3, { state: 'following', leader: 2, epoch: 0, round: 1 })).toEqual([]);
    // Our own vote of this round is the second one.
    expect(b.hear(1, { state: 'following', leader: 2, epoch: 0, round: 2 })).toMatchObject([
      { type: 'elected', vote: { leader: 2, state: 'leading' } },
    ]);
  });

  it('answers a looking voter with the vote it settled on, and nobody else', () => {
    const b = new Bench(2, THREE);
    b.look(7, 1);
    b.hear(1, { leader: 2, zxid: 7, epoch: 1 });
    b.wait(200);
    fleVoteEpoch(b.fle, 2);
    b.sent();
    b.hear(3, { leader: 3, round: 9, zxid: 9, epoch: 9 });
    b.hear(1, { state: 'following', leader: 2, epoch: 2 });
    expect(b.sent()).toEqual({ 3: [{ state: 'leading', leader: 2, zxid: 7, round: 1, epoch: 2 }] });
  });
});

describe('who is not heard', () => {
  it('candidates and senders outside both configurations', () => {
    const b = new Bench(1, membershipOfIds('1 2 3 4:observer'));
    b.look();
    b.sent();
    b.hear(2, { leader: 4, zxid: 99, epoch: 9 });
    b.hear(2, { leader: 77, zxid: 99, epoch: 9 });
    expect(b.sent()).toEqual({});
    expect(b.notes()).toContain('election.vote.ignored');
    b.hear(4, { leader: 2, zxid: 99, epoch: 9 });
    expect(b.fle.vote.leader).toBe(1);
  });

  it('observers, who are answered', () => {
    const b = new Bench(1, membershipOfIds('1 2 3 4:observer'));
    b.look(5, 1);
    b.sent();
    b.hear(4, { leader: LONG_MIN, zxid: LONG_MIN, epoch: LONG_MIN });
    expect(b.sent()).toEqual({ 4: [{ ...looking, leader: 1, zxid: 5, round: 1, epoch: 1 }] });
  });

  it('a stranger that repeats itself at once', () => {
    const b = new Bench(1, THREE);
    b.connect(9);
    b.look();
    b.sent();
    b.hear(9, {});
    b.hear(9, {});
    expect(b.sent()[9]).toHaveLength(1);
    b.wait(100);
    b.hear(9, {});
    expect(b.sent()[9]).toHaveLength(1);
    b.hear(9, { state: 'following' });
    expect(b.sent()).toEqual({});
  });

  it('a server without a history, and it hears nobody (ZOOKEEPER-261)', () => {
    const b = new Bench(1, THREE);
    b.look();
    b.hear(3, { leader: 3, zxid: -1, epoch: 0 });
    expect(b.fle.vote.leader).toBe(1);
    const wiped = new Bench(3, THREE);
    wiped.look(-1, 0);
    wiped.sent();
    wiped.hear(1, { leader: 1, zxid: 9, epoch: 1 });
    wiped.hear(2, { leader: 1, zxid: 9, epoch: 1 });
    expect(wiped.sent()).toEqual({});
    expect(wiped.fle.round?.finalizeAtMs).toBeNull();
    wiped.hear(2, { state: 'following', leader: 1, epoch: 1 });
    expect(wiped.hear(1, { state: 'leading', leader: 1, epoch: 1 })).toHaveLength(1);
  });

  it('anybody between two roles, until the next round begins', () => {
    const b = new Bench(2, THREE);
    b.hear(3, { leader: 3, zxid: 9, epoch: 1 });
    b.hear(1, { leader: 1, zxid: 3, epoch: 1 });
    expect(b.sent()).toEqual({});
    b.look(5, 1);
    expect(b.fle.vote).toMatchObject({ leader: 3, zxid: 9 });
  });
});

describe('observers', () => {
  it('vote for nobody and find the leader', () => {
    const b = new Bench(4, membershipOfIds('1 2 3 4:observer'), { peerType: 'observer' });
    b.look(9, 1);
    const nobody = { ...looking, leader: LONG_MIN, zxid: LONG_MIN, round: 1, epoch: LONG_MIN };
    expect(b.sent()).toEqual({ 1: [nobody], 2: [nobody], 3: [nobody] });
    b.hear(1, { state: 'following', leader: 2, epoch: 1, round: 5 });
    expect(b.hear(2, { state: 'leading', leader: 2, epoch: 1, round: 5 })).toMatchObject([
      { type: 'elected', vote: { leader: 2, state: 'observing' } },
    ]);
  });

  it('do not correct the rounds of voters', () => {
    const b = new Bench(4, membershipOfIds('1 2 3 4:observer'), { peerType: 'observer' });
    b.look();
    b.look();
    b.sent();
    b.hear(1, { leader: 1, round: 1 });
    expect(b.sent()).toEqual({});
  });
});

describe('sending again', () => {
  it('doubles the pause up to the longest', () => {
    const b = new Bench(1, THREE, { electionMaxNotificationMs: 800 });
    b.look();
    const at: number[] = [];
    b.sent();
    for (let i = 0; i < 4; i++) {
      b.wait(fleDeadline(b.fle)! - b.nowMs);
      at.push(b.nowMs);
      expect(Object.keys(b.sent())).toEqual(['2', '3']);
    }
    expect(at).toEqual([1200, 1600, 2400, 3200]);
  });

  it('dials when nothing could be delivered', () => {
    const b = new Bench(1, THREE);
    for (const link of b.cnx.links.values()) link.conn = null;
    b.look();
    for (const link of b.cnx.links.values()) link.dial = null;
    b.wait(200);
    expect([...b.cnx.links.values()].every(({ dial }) => dial !== null)).toBe(true);
  });

  it('gives up a connection on which nothing arrives', () => {
    const b = new Bench(1, THREE, { electionMaxNotificationMs: 800, cnxTimeoutMs: 1000 });
    b.look();
    b.cnx.links.get(asPeer(3))!.heardAtMs = 2600;
    for (let i = 0; i < 5; i++) b.wait(fleDeadline(b.fle)! - b.nowMs);
    expect(b.closed()).toEqual([2]);
    expect(b.notes()).toContain('election.cnx.drop');
  });
});

describe('configurations in notifications', () => {
  const newer = formatMembership(membershipOfIds('1 2 4', { version: 9 }));

  it('are announced when they are newer and a member has committed them', () => {
    const b = new Bench(1, THREE, { reconfigEnabled: true });
    b.look();
    const events = b.hear(2, { leader: 2 }, newer);
    expect(events).toMatchObject([{ type: 'configSeen', membership: { version: 9 } }]);
    // Nothing else was made of the message.
    expect(b.fle.vote.leader).toBe(1);
  });

  it('let the vote count when only the version differs', () => {
    const b = new Bench(1, THREE, { reconfigEnabled: true });
    b.look();
    const events = b.hear(2, { leader: 2 }, formatMembership(membershipOfIds('1 2 3', { version: 9 })));
    expect(events).toHaveLength(1);
    expect(b.fle.vote.leader).toBe(2);
  });

  it.each([
    ['not from strangers', 9, newer, true],
    ['not when reconfiguration is off', 2, newer, false],
    ['not when they are older', 2, formatMembership(THREE), true],
    ['not when they make no sense', 2, 'server.1=h\nversion=9', true],
    ['not when they are missing', 2, null, true],
  ])('%s', (_why, from, config, reconfigEnabled) => {
    const b = new Bench(1, THREE, { reconfigEnabled });
    b.connect(9);
    b.look();
    expect(b.hear(from, { leader: 2 }, config)).toEqual([]);
  });

  it('are left to the leader by a server that has one', () => {
    const b = new Bench(2, THREE, { reconfigEnabled: true });
    b.look();
    b.hear(1, { leader: 2 });
    b.wait(200);
    expect(b.hear(1, { leader: 1 }, newer)).toEqual([]);
  });
});

describe('hostile bytes', () => {
  it.each([
    ['too short', new Uint8Array(27)],
    ['a state that does not exist', Uint8Array.from([0, 0, 0, 9, ...new Array(24).fill(0)])],
    ['a round below zero', Uint8Array.from([0, 0, 0, 0, ...new Array(16).fill(0), ...new Array(8).fill(255)])],
    [
      'a round beyond all reason',
      Uint8Array.from([0, 0, 0, 0, ...new Array(16).fill(0), 0, 0x1f, ...new Array(6).fill(255)]),
    ],
  ])('%s: the connection is closed', (_what, bytes) => {
    const b = new Bench(1, THREE);
    b.look();
    b.sent();
    expect(b.hearBytes(2, bytes)).toEqual([]);
    expect(b.closed()).toEqual([2]);
    expect(b.notes()).toContain('election.notification.malformed');
  });

  test.prop([fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 5 }), fc.boolean()])(
    'never throw',
    (bytes, from, isLooking) => {
      const b = new Bench(1, THREE, { reconfigEnabled: true });
      if (isLooking) b.look();
      fleMessage(b.fle, b.ctx(), b.io(), asPeer(from), bytes);
    },
  );
});
