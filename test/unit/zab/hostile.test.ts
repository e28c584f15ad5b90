/**
 * Whatever arrives at the quorum port, in whatever phase: nothing is thrown, and a connection that is given up on is closed
 * with a note that says why. Packets are drawn so that most of them are well formed and a good part is plausible: the zxids and
 * the payloads are those that matter in the phase.
 */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../core/io.ts';
import { asPeer, asSession, asZxid, zxidOf } from '../../../core/types.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import {
  encodeAckEpoch,
  encodeConfigText,
  encodeDesignatedLeader,
  encodeInformAndActivate,
  encodeLeaderInfo,
  encodeLearnerInfo,
  encodePacket,
  encodePingTouches,
  encodeRequestPayload,
  encodeRevalidate,
  encodeRevalidateAnswer,
  LEARNER_PROTOCOL_VERSION,
} from '../../../core/wire/quorum-codec.ts';
import { HANDLER_PHASES, LEARNER_PHASES, leaderWith, learnerIn, node, type Scene } from '../../support/phases.ts';

const zxids = fc.constantFrom(
  ...[
    0,
    -1,
    zxidOf(1, 0),
    zxidOf(1, 2),
    zxidOf(1, 3),
    zxidOf(1, 4),
    zxidOf(1, 5),
    zxidOf(2, 0),
    zxidOf(2, 1),
    zxidOf(2, 2),
  ],
  ...[zxidOf(3, 0), zxidOf(9, 9), -(2 ** 63), 2 ** 53 - 1],
);

const SESSION = asSession(0x1234n);

const payloads = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(
    encodeLeaderInfo(LEARNER_PROTOCOL_VERSION),
    encodeAckEpoch(0),
    encodeAckEpoch(-1),
    encodeAckEpoch(7),
    encodeConfigText(''),
    encodeConfigText('server.1=10.0.0.1:2888:3888:participant\nversion=0'),
    encodeConfigText('server.9=nonsense'),
    encodeLearnerInfo({ serverid: asPeer(1), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion: asZxid(0) }),
    encodeLearnerInfo({ serverid: asPeer(3), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion: asZxid(0) }),
    encodeLearnerInfo({ serverid: asPeer(2), protocolVersion: 1, configVersion: zxidOf(9, 9) }),
    encodePingTouches([{ session: SESSION, timeoutMs: -1 }]),
    encodeRevalidate({ session: SESSION, timeoutMs: 4000 }),
    encodeRevalidateAnswer(SESSION, true),
    encodeRequestPayload({ sessionId: SESSION, cxid: 1, type: Op.createSession, body: new Uint8Array(4) }),
    encodeRequestPayload({ sessionId: SESSION, cxid: 1, type: Op.sync, body: new Uint8Array(0) }),
    encodeRequestPayload({ sessionId: SESSION, cxid: 1, type: Op.create, body: new Uint8Array(3) }),
    encodeRequestPayload({ sessionId: SESSION, cxid: 1, type: 999, body: new Uint8Array(3) }),
    encodeDesignatedLeader(asPeer(2)),
    encodeDesignatedLeader(asPeer(77)),
    node(3).bytes,
    node(4).bytes,
    node(5).bytes,
    node(1, 2).bytes,
    encodeInformAndActivate({ leader: asPeer(2), entry: node(4).bytes }),
    encodeInformAndActivate({ leader: asPeer(1), entry: new Uint8Array(5) }),
  ),
);

const ids = fc.constantFrom(null, [], [{ scheme: 'ip', id: '127.0.0.1' }]);
const packets = fc
  .record({
    type: fc.oneof(fc.constantFrom(...Object.values(Packet)), fc.constantFrom(-1, 0, 20, 0x7fff_ffff)),
    zxid: zxids.map(asZxid),
    data: payloads,
    authinfo: ids,
  })
  .map((packet) => encodePacket(packet));
const messages = fc.oneof(
  { weight: 4, arbitrary: packets },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 80 }) },
);
const attacks = fc.record({
  messages: fc.array(messages, { minLength: 1, maxLength: 6 }),
  /** After how many of them the held file operations come to their end. */
  releaseAfter: fc.nat(6),
  chunk: fc.constantFrom(1, 7, 4096),
});

type Attack = typeof attacks extends fc.Arbitrary<infer T> ? T : never;

/** Delivers the attack; returns the notes of every step in which the connection was closed. */
function suffer({ net, self, wire }: Scene, { messages, releaseAfter, chunk }: Attack): { closedWith: string[][] } {
  const closedWith: string[][] = [];
  net.onStep = ({ effects }) => {
    const isClosed = effects.some((effect) => effect.type === 'close' && effect.conn === wire.conn);
    if (isClosed) closedWith.push(notesIn(effects));
  };
  messages.forEach((bytes, index) => {
    if (index === releaseAfter) net.releaseAll();
    for (let from = 0; from < bytes.length; from += chunk) net.sendFrom(wire, bytes.slice(from, from + chunk));
    net.settle();
  });
  net.releaseAll();
  net.settle();
  // Whatever became of it, it is still a server.
  if (net.get(self).peer !== null) net.run(100);
  return { closedWith };
}

const notesIn = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [effect.code] : []));

/** Each begins with a new ensemble. */
const RUNS = 20;

/** Codes of which each names a reason. */
const REASONS = /^(zab\.(illegal|learner|handler|leading|trunc|digest)\.|peer\.(role|halted)|election\.)/;

describe('hostile words of a leader', () => {
  describe.each(LEARNER_PHASES)('to a learner that is %s', (phase) => {
    test.prop([attacks], { numRuns: RUNS })('throw nothing and are answered with a reason', (attack) => {
      const { closedWith } = suffer(learnerIn(phase), attack);
      for (const notes of closedWith) expect(notes.some((code) => REASONS.test(code))).toBe(true);
    });
  });
});

describe('hostile words of a learner', () => {
  describe.each(HANDLER_PHASES)('whose handler is in phase %s', (phase) => {
    test.prop([attacks], { numRuns: RUNS })('throw nothing and are answered with a reason', (attack) => {
      const { closedWith } = suffer(leaderWith(phase), attack);
      for (const notes of closedWith) expect(notes.some((code) => REASONS.test(code))).toBe(true);
    });
  });
});

// --- every packet in every phase ---------------------------------------------------------------------------------------

const TRAFFIC = [
  'PROPOSAL',
  'COMMIT',
  'INFORM',
  'COMMITANDACTIVATE',
  'INFORMANDACTIVATE',
  'PING',
  'REVALIDATE',
  'SYNC',
];

/** What a learner reads in the phases in which it reads. */
const READ_BY_LEARNER: Readonly<Partial<Record<(typeof LEARNER_PHASES)[number], readonly string[]>>> = {
  registering: ['LEADERINFO'],
  syncing: ['DIFF', 'TRUNC', 'SNAP'],
  catchingUp: ['NEWLEADER', ...TRAFFIC],
  acked: ['UPTODATE', ...TRAFFIC],
  serving: TRAFFIC,
};

/** What a leader reads, by the phase of the learner's handler. REQUEST and REVALIDATE only when it is established. */
const READ_BY_LEADER: Readonly<Record<(typeof HANDLER_PHASES)[number], readonly string[]>> = {
  info: ['FOLLOWERINFO', 'OBSERVERINFO'],
  epoch: ['PING'],
  ackEpoch: ['ACKEPOCH', 'PING'],
  waiting: ['PING'],
  snapshot: ['PING'],
  newLeader: ['ACK', 'PING'],
  active: ['ACK', 'PING', 'REQUEST', 'REVALIDATE'],
};

interface Case {
  readonly phase: string;
  readonly name: string;
  readonly scene: () => Scene;
}

const illegal = <P extends string>(
  read: Readonly<Partial<Record<P, readonly string[]>>>,
  scene: (phase: P) => Scene,
): Case[] =>
  (Object.entries(read) as [P, readonly string[]][]).flatMap(([phase, names]) =>
    Object.keys(Packet)
      .filter((name) => !names.includes(name))
      .map((name) => ({ phase, name, scene: () => scene(phase) })),
  );

function notesOf({ net, wire }: Scene, bytes: Uint8Array): string[] {
  const notes: string[] = [];
  net.onStep = ({ effects }) => notes.push(...notesIn(effects));
  net.sendFrom(wire, bytes);
  net.settle();
  return notes;
}

const packetNamed = (name: string): Uint8Array =>
  encodePacket({ type: Packet[name as keyof typeof Packet], zxid: asZxid(0), data: null, authinfo: null });

describe('a packet that does not belong into the phase', () => {
  it.each(illegal(READ_BY_LEARNER, learnerIn))('$name to a learner that is $phase', ({ name, scene }) => {
    const there = scene();
    expect(notesOf(there, packetNamed(name))).toContain('zab.illegal.packet');
    expect(there.wire.closed).toBe(true);
  });

  it.each(illegal(READ_BY_LEADER, leaderWith))('$name of a learner in phase $phase', ({ phase, name, scene }) => {
    const there = scene();
    const notes = notesOf(there, packetNamed(name));
    expect(notes).toContain('zab.handler.closed');
    if (phase !== 'info') expect(notes).toContain('zab.illegal.packet');
    expect(there.wire.closed).toBe(true);
  });
});

describe('bytes that are no packet', () => {
  const negativeLength = Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe);
  const hugeLength = Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff);

  it.each([
    ['a negative length', negativeLength],
    ['a length beyond every limit', hugeLength],
  ])('%s', (_what, bytes) => {
    const learner = learnerIn('serving');
    expect(notesOf(learner, bytes)).toContain('zab.learner.lost');
    expect(learner.wire.closed).toBe(true);
    const leader = leaderWith('active');
    expect(notesOf(leader, bytes)).toContain('zab.handler.closed');
    expect(leader.wire.closed).toBe(true);
  });
});
