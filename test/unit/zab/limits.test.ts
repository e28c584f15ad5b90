/** What the quorum port does not put up with, from whoever can reach it. */

import { describe, expect, it } from 'vitest';
import type { Effect, Remote } from '../../../core/io.ts';
import { asConn, asPeer, asSession, asZxid, zxidOf } from '../../../core/types.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import {
  encodeLearnerInfo,
  encodePacket,
  encodeRequestPayload,
  LEARNER_PROTOCOL_VERSION,
} from '../../../core/wire/quorum-codec.ts';
import { LEARNERS_MAX } from '../../../core/zab/leader.ts';
import { packetOf } from '../../../core/zab/packets.ts';
import { leaderWith, learnerIn, type Scene, send } from '../../support/phases.ts';

function watch({ net }: Scene): Effect[] {
  const effects: Effect[] = [];
  net.onStep = (report) => effects.push(...report.effects);
  return effects;
}

const notesIn = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [effect.code] : []));

const info = encodeLearnerInfo({
  serverid: asPeer(1),
  protocolVersion: LEARNER_PROTOCOL_VERSION,
  configVersion: asZxid(0),
});

describe('connections that do not say who they are', () => {
  it('make room for others when there are too many', () => {
    const scene = leaderWith('active');
    const wires = Array.from({ length: LEARNERS_MAX + 10 }, () => scene.net.dialFrom('flood', scene.self, 'quorum')!);
    // The flood has pushed out its own oldest; the learner that has introduced itself stays.
    expect(wires.filter(({ closed }) => closed)).toHaveLength(11);
    expect(wires.slice(0, 11).every(({ closed }) => closed)).toBe(true);
    expect(scene.wire.closed).toBe(false);
  });

  it('are closed when they send more than an introduction', () => {
    const scene = leaderWith('info');
    const effects = watch(scene);
    scene.net.sendFrom(scene.wire, encodePacket(packetOf(Packet.FOLLOWERINFO, asZxid(0), new Uint8Array(5000))));
    scene.net.settle();
    expect(notesIn(effects)).toContain('zab.handler.closed');
    expect(scene.wire.closed).toBe(true);
  });

  it('are closed after initLimit', () => {
    const scene = leaderWith('active');
    const { initLimitTicks, tickTimeMs } = scene.net.get(scene.self).config;
    const silent = scene.net.dialFrom('silent', scene.self, 'quorum')!;
    // The follower goes on answering.
    scene.wire.onBytes = () => send(scene.net, scene.wire, Packet.PING, asZxid(0), new Uint8Array(0));
    scene.net.run((initLimitTicks - 1) * tickTimeMs);
    expect(silent.closed).toBe(false);
    scene.net.run(2 * tickTimeMs);
    expect(silent.closed).toBe(true);
    expect(scene.wire.closed).toBe(false);
  });
});

describe('with sslQuorum', () => {
  const remotes: [string, Remote][] = [
    ['no TLS', { ip: '10.0.0.1', port: 1, tls: false, certificate: null }],
    ['no certificate', { ip: '10.0.0.1', port: 1, tls: true, certificate: null }],
  ];

  it.each(remotes)('a learner with %s is closed', (_what, remote) => {
    const scene = leaderWith('active');
    secure(scene);
    const effects = watch(scene);
    scene.net.input(scene.net.get(scene.self), { type: 'connOpened', conn: asConn(9999), channel: 'quorum', remote });
    expect(notesIn(effects)).toContain('quorum.conn.untrusted');
    expect(effects).toContainEqual({ type: 'close', conn: 9999 });
  });

  it.each(remotes)('a leader with %s is told nothing', (_what, remote) => {
    const scene = learnerIn('registering');
    secure(scene);
    scene.net.hangUpFrom(scene.wire);
    scene.net.settle();
    scene.net.hold('link 1 2 quorum');
    scene.net.run(200);
    const { role } = scene.net.peer(scene.self).state;
    if (role.kind !== 'learning' || role.conn === null) throw new Error('not dialling');
    const effects = watch(scene);
    const { conn } = role;
    scene.net.input(scene.net.get(scene.self), { type: 'connOpened', conn, channel: 'quorum', remote });
    expect(notesIn(effects)).toContain('quorum.conn.untrusted');
    expect(effects).toContainEqual({ type: 'close', conn });
    expect(effects.filter(({ type }) => type === 'send')).toEqual([]);
  });

  /** From here on; the connections there are stay. */
  function secure({ net, self }: Scene): void {
    const { peer } = net.get(self);
    Object.assign(peer!, { config: { ...peer!.config, sslQuorum: true } });
  }
});

describe('an introduction', () => {
  it('without an id gets one that nobody has', () => {
    const scene = leaderWith('info');
    const first = { wire: scene.wire, data: null };
    const second = { wire: scene.net.dialFrom('another', scene.self, 'quorum')!, data: null };
    for (const { wire, data } of [first, second]) send(scene.net, wire, Packet.OBSERVERINFO, asZxid(0), data);
    // A learner that sends no LearnerInfo at all is from before Zab 1.0.
    expect([first, second].map(({ wire }) => wire.closed)).toEqual([true, true]);
  });

  it('comes once', () => {
    const scene = leaderWith('ackEpoch');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.FOLLOWERINFO, asZxid(0), info);
    expect(notesIn(effects)).toContain('zab.illegal.packet');
    expect(scene.wire.closed).toBe(true);
  });
});

describe('a learner that does not keep up', () => {
  const SECOND_MS = 1000;
  const ask = (scene: Scene, cxid: number): void =>
    send(
      scene.net,
      scene.wire,
      Packet.REQUEST,
      asZxid(-1),
      encodeRequestPayload({ sessionId: asSession(5n), cxid, type: Op.createSession, body: Uint8Array.of(0, 1, 0, 0) }),
    );
  const alive = (scene: Scene): void => send(scene.net, scene.wire, Packet.PING, asZxid(0), new Uint8Array(0));
  const handlers = ({ net, self }: Scene): number => {
    const { role } = net.peer(self).state;
    return role.kind === 'leading' ? role.handlers.size : 0;
  };

  /** Every second another proposal; at the end of it the learner acknowledges the one of so many seconds ago. */
  function secondsUntilDropped(behind: number): number | null {
    const scene = leaderWith('active');
    for (let second = 1; second <= 60; second++) {
      ask(scene, second);
      scene.net.run(SECOND_MS);
      alive(scene);
      if (second > behind) send(scene.net, scene.wire, Packet.ACK, zxidOf(1, second - behind));
      if (handlers(scene) === 0) return second;
    }
    return null;
  }

  it('is dropped when what it acknowledges is older than syncLimit, however steadily it does', () => {
    const { syncLimitTicks, tickTimeMs } = leaderWith('active').net.get(3).config;
    const limit = (syncLimitTicks * tickTimeMs) / SECOND_MS;
    expect(secondsUntilDropped(limit - 1)).toBeNull();
    const dropped = secondsUntilDropped(limit);
    expect(dropped).toBeGreaterThan(limit);
    expect(dropped).toBeLessThanOrEqual(2 * limit + 1);
  });

  it('is dropped when it takes nothing, though it says that it is there', () => {
    const scene = leaderWith('active');
    const { initLimitTicks, tickTimeMs } = scene.net.get(scene.self).config;
    const block = (type: 'connBlocked' | 'connDrained'): void =>
      scene.net.input(scene.net.get(scene.self), { type, conn: scene.wire.conn });
    const wait = (ticks: number): void => {
      for (let tick = 0; tick < ticks; tick++) {
        scene.net.run(tickTimeMs);
        alive(scene);
      }
    };
    block('connBlocked');
    wait(initLimitTicks - 1);
    block('connDrained');
    block('connBlocked');
    wait(initLimitTicks - 1);
    expect(handlers(scene)).toBe(1);
    wait(2);
    expect(handlers(scene)).toBe(0);
  });
});
