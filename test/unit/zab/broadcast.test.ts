/** Rules of discovery and broadcast that take a learner who says odd things to be seen (core/zab/leader, learner.ts). */

import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../core/io.ts';
import { view } from '../../../core/peer.ts';
import { asPeer, asSession, asZxid, type Zxid, zxidOf } from '../../../core/types.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import {
  encodeAckEpoch,
  encodeConfigText,
  encodeLeaderInfo,
  encodeLearnerInfo,
  encodePingTouches,
  encodeRequestPayload,
  LEARNER_PROTOCOL_VERSION,
} from '../../../core/wire/quorum-codec.ts';
import type { Wire } from '../../support/mini-ensemble.ts';
import { leaderWith, learnerIn, NEW_EPOCH, type Scene, send, waitingLeader } from '../../support/phases.ts';
import { decodePackets } from '../../support/quorum-recording.ts';
import { tellPacket } from '../../transcripts/zab-narrator.ts';

/** What the server has said on the connection since the last look. */
const said = (wire: Wire): string[] => decodePackets(wire.received.splice(0)).map(tellPacket);

function watch({ net }: Scene): Effect[] {
  const effects: Effect[] = [];
  net.onStep = (report) => effects.push(...report.effects);
  return effects;
}

const notesIn = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [effect.code] : []));

const infoOf = (id: number, configVersion = asZxid(0)): Uint8Array =>
  encodeLearnerInfo({ serverid: asPeer(id), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion });

describe('the epoch that a leader proposes', () => {
  it.each([0, 1, 7])('is greater than %s, which a follower has promised', (accepted) => {
    const scene = leaderWith('info');
    send(scene.net, scene.wire, Packet.FOLLOWERINFO, zxidOf(accepted, 0), infoOf(1));
    expect(said(scene.wire)).toEqual([`LEADERINFO, epoch ${accepted + 1}`]);
  });

  it.each(['ackEpoch', 'active'] as const)('is given up for a voter that has promised a later one (%s)', (phase) => {
    const scene = leaderWith(phase);
    const effects = watch(scene);
    const late = scene.net.dialFrom(asPeer(2), scene.self, 'quorum')!;
    send(scene.net, late, Packet.FOLLOWERINFO, zxidOf(1, 0), infoOf(2));
    expect(notesIn(effects)).not.toContain('zab.leading.gaveup');
    const later = scene.net.dialFrom(asPeer(2), scene.self, 'quorum')!;
    send(scene.net, later, Packet.OBSERVERINFO, zxidOf(2, 0), infoOf(2));
    expect(notesIn(effects)).not.toContain('zab.leading.gaveup');
    const again = scene.net.dialFrom(asPeer(2), scene.self, 'quorum')!;
    send(scene.net, again, Packet.FOLLOWERINFO, zxidOf(2, 0), infoOf(2));
    const fields = { reason: 'server 2 has promised itself to epoch 2' };
    expect(effects).toContainEqual({ type: 'note', code: 'zab.leading.gaveup', fields });
  });

  it('is followed only when it is not older than the one promised', () => {
    const scene = learnerIn('registering');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.LEADERINFO, zxidOf(0, 0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
    expect(notesIn(effects)).toContain('zab.learner.lost');
    expect(scene.wire.closed).toBe(true);
    expect(scene.net.peer(scene.self).state.epochs).toEqual({ accepted: 1, current: 1 });
  });

  it('is not promised a second time: the answer says so', () => {
    const scene = learnerIn('registering');
    said(scene.wire);
    send(scene.net, scene.wire, Packet.LEADERINFO, zxidOf(1, 0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
    expect(said(scene.wire)).toEqual([`ACKEPOCH, promised before, history to 0x100000003`]);
  });
});

describe('a learner that is refused', () => {
  it.each([
    [
      'speaks a protocol from before Zab 1.0',
      encodeLearnerInfo({ serverid: asPeer(1), protocolVersion: 1, configVersion: asZxid(0) }),
    ],
    ['has activated a configuration that the leader does not know', infoOf(1, zxidOf(5, 5))],
    ['calls itself by the id of the leader', infoOf(3)],
    ['sends half an introduction', infoOf(1).slice(0, 10)],
  ])('%s', (_what, info) => {
    const scene = leaderWith('info');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.FOLLOWERINFO, asZxid(0), info);
    expect(notesIn(effects)).toContain('zab.handler.closed');
    expect(scene.wire.closed).toBe(true);
  });
});

describe('an acknowledged epoch', () => {
  it('with a more recent epoch ends the leadership', () => {
    const scene = leaderWith('ackEpoch');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.ACKEPOCH, asZxid(0), encodeAckEpoch(1));
    const fields = { reason: 'a follower has a more recent history' };
    expect(effects).toContainEqual({ type: 'note', code: 'zab.leading.gaveup', fields });
  });

  it('with a longer history ends the leadership', () => {
    const scene = leaderWith('ackEpoch');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.ACKEPOCH, zxidOf(0, 1), encodeAckEpoch(0));
    expect(notesIn(effects)).toContain('zab.leading.gaveup');
  });

  it('that was promised before is neither compared nor counted', () => {
    const scene = leaderWith('ackEpoch');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.ACKEPOCH, zxidOf(0, 1), encodeAckEpoch(-1));
    expect(notesIn(effects)).not.toContain('zab.leading.gaveup');
    expect(view(scene.net.peer(scene.self)).zabState).toBe('discovery');
  });
});

describe('acknowledgements', () => {
  /** Two sessions are asked for: two proposals, acknowledged by the leader's own disk. */
  function twoProposals(): Scene {
    const scene = leaderWith('active');
    for (const id of [1n, 2n]) {
      const body = Uint8Array.of(0, 0, 0x75, 0x30);
      const request = { sessionId: asSession(id), cxid: 0, type: Op.createSession, body };
      send(scene.net, scene.wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(request));
    }
    said(scene.wire);
    return scene;
  }
  const ack = ({ net, wire }: Scene, zxid: Zxid): void => send(net, wire, Packet.ACK, zxid);

  it('commit in the order of the proposals, not in their own', () => {
    const scene = twoProposals();
    ack(scene, zxidOf(1, 2));
    expect(said(scene.wire)).toEqual([]);
    ack(scene, zxidOf(1, 1));
    expect(said(scene.wire)).toEqual(['COMMIT 0x100000001', 'COMMIT 0x100000002']);
  });

  it('count once', () => {
    const scene = twoProposals();
    ack(scene, zxidOf(1, 1));
    ack(scene, zxidOf(1, 1));
    expect(said(scene.wire)).toEqual(['COMMIT 0x100000001']);
  });

  it('of what was never proposed end the connection', () => {
    const scene = twoProposals();
    const effects = watch(scene);
    ack(scene, zxidOf(1, 3));
    expect(notesIn(effects)).toContain('zab.illegal.ack');
    expect(scene.wire.closed).toBe(true);
  });

  it('of the same follower on another connection are the same', () => {
    const scene = twoProposals();
    const again = scene.net.dialFrom(asPeer(1), scene.self, 'quorum')!;
    send(scene.net, again, Packet.FOLLOWERINFO, zxidOf(1, 0), infoOf(1));
    expect(scene.wire.closed).toBe(true);
    send(scene.net, again, Packet.ACKEPOCH, zxidOf(1, 2), encodeAckEpoch(-1));
    // What is only proposed is proposed to it again, although it has it: a Java follower needs that.
    const after = said(again);
    expect(after.slice(0, 4)).toEqual([
      'LEADERINFO, epoch 1',
      'DIFF to 0x0',
      'PROPOSAL 0x100000001 (a session)',
      'PROPOSAL 0x100000002 (a session)',
    ]);
    send(scene.net, again, Packet.ACK, zxidOf(1, 0));
    send(scene.net, again, Packet.ACK, zxidOf(1, 1));
    expect(said(again)).toEqual(['UPTODATE', 'COMMIT 0x100000001']);
  });

  it('of a voter that has come back as an observer are forgotten', () => {
    const scene = twoProposals();
    const { role } = scene.net.peer(scene.self).state;
    if (role.kind !== 'leading') throw new Error('not leading');
    // 1 acknowledges the second only, so that nothing is committed, and then says that its disk is gone.
    ack(scene, zxidOf(1, 2));
    expect(role.proposals.map(({ acks }) => [...acks].sort())).toEqual([[3], [1, 3]]);
    const again = scene.net.dialFrom(asPeer(1), scene.self, 'quorum')!;
    send(scene.net, again, Packet.OBSERVERINFO, asZxid(0), infoOf(1));
    expect(role.proposals.map(({ acks }) => acks)).toEqual([[3], [3]]);
  });
});

describe('a learner that does not keep up', () => {
  const settle = (scene: Scene, ticks: number): Effect[] => {
    const { tickTimeMs } = scene.net.get(scene.self).config;
    const effects = watch(scene);
    scene.net.run(ticks * tickTimeMs);
    return effects;
  };

  it('is dropped when it is silent for longer than syncLimit', () => {
    const scene = leaderWith('active');
    const { syncLimitTicks } = scene.net.get(scene.self).config;
    expect(notesIn(settle(scene, syncLimitTicks - 1))).not.toContain('zab.handler.closed');
    expect(notesIn(settle(scene, 3))).toContain('zab.handler.closed');
    expect(scene.wire.closed).toBe(true);
  });

  it('may be silent until UPTODATE, which a Java learner waits for without answering pings', () => {
    const scene = waitingLeader();
    const { syncLimitTicks } = scene.net.get(scene.self).config;
    expect(view(scene.net.peer(scene.self)).zabState).toBe('synchronization');
    settle(scene, syncLimitTicks + 2);
    expect(scene.wire.closed).toBe(false);
  });

  it('that answers no ping before UPTODATE still confirms a sync after it', () => {
    const scene = waitingLeader();
    const { net, wire, other } = scene;
    settle(scene, 3);
    for (const one of [other, wire, other]) send(net, one, Packet.ACK, zxidOf(1, 0));
    for (const one of [wire, other]) said(one);
    const request = { sessionId: asSession(1n), cxid: 1, type: Op.sync, body: Uint8Array.of(0, 0, 0, 1, 0x2f) };
    send(net, wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(request));
    expect([said(wire), said(other)]).toEqual([['PING 0x100000000'], ['PING 0x100000000']]);
    for (const one of [wire, other]) {
      expect(said(wire)).toEqual([]);
      send(net, one, Packet.PING, zxidOf(1, 0), encodePingTouches([]));
    }
    expect(said(wire)).toEqual(['SYNC']);
  });

  it('is dropped when it answers pings and acknowledges nothing', () => {
    const scene = leaderWith('active');
    const { syncLimitTicks } = scene.net.get(scene.self).config;
    scene.wire.onBytes = (bytes) => {
      for (const { type, zxid } of decodePackets([bytes])) {
        if (type === Packet.PING) send(scene.net, scene.wire, Packet.PING, zxid, encodePingTouches([]));
      }
    };
    const request = {
      sessionId: asSession(1n),
      cxid: 0,
      type: Op.createSession,
      body: Uint8Array.of(0, 0, 0x75, 0x30),
    };
    send(scene.net, scene.wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(request));
    expect(notesIn(settle(scene, syncLimitTicks - 1))).not.toContain('zab.handler.closed');
    const fields = { peer: 1, reason: 'does not acknowledge proposals' };
    expect(settle(scene, 3)).toContainEqual({ type: 'note', code: 'zab.handler.closed', fields });
  });
});

describe('a cut', () => {
  it('of committed history is refused', () => {
    const scene = learnerIn('serving');
    scene.net.hangUpFrom(scene.wire);
    scene.net.settle();
    const again = { ...scene, wire: dialledAgain(scene) };
    const effects = watch(scene);
    send(
      scene.net,
      again.wire,
      Packet.LEADERINFO,
      zxidOf(NEW_EPOCH + 1, 0),
      encodeLeaderInfo(LEARNER_PROTOCOL_VERSION),
    );
    send(scene.net, again.wire, Packet.TRUNC, zxidOf(1, 2));
    expect(notesIn(effects)).toContain('zab.trunc.committed');
    expect(again.wire.closed).toBe(true);
    expect(view(scene.net.peer(scene.self))).toMatchObject({ loggedZxid: zxidOf(1, 4), committedZxid: zxidOf(1, 4) });
  });

  it('to a place that the history does not have asks the same leader for the whole state', () => {
    const scene = learnerIn('syncing');
    send(scene.net, scene.wire, Packet.TRUNC, zxidOf(1, 99));
    expect(scene.wire.closed).toBe(true);
    const again = dialledAgain(scene);
    send(scene.net, again, Packet.LEADERINFO, zxidOf(NEW_EPOCH, 0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
    // A position after everything that the leader has, at the beginning of an epoch.
    expect(said(again).at(-1)).toBe('ACKEPOCH, promised before, history to 0x300000000');
  });

  const dialledAgain = ({ played }: Scene): Wire => played.takeWire();
});

describe('NEWLEADER', () => {
  it.each([
    ['of another epoch', zxidOf(NEW_EPOCH + 1, 0), encodeConfigText('')],
    ['with a configuration that is none', zxidOf(NEW_EPOCH, 0), encodeConfigText('server.1=nonsense')],
    ['with a text that is none', zxidOf(NEW_EPOCH, 0), Uint8Array.of(0xff, 0xfe)],
  ])('%s is refused', (_what, zxid, data) => {
    const scene = learnerIn('catchingUp');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.NEWLEADER, zxid, data);
    expect(notesIn(effects)).toContain('zab.illegal.packet');
    expect(scene.wire.closed).toBe(true);
  });
});
