/**
 * A server of three, in every phase of a learner or a leader; the other two are played. What gates a phase (a file operation,
 * a packet) is held, so that the server stays there until the test goes on.
 */

import type { Membership, PeerConfig } from '../../core/config/types.ts';
import { asPeer, assert, asZxid, type Zxid, zxidOf } from '../../core/types.ts';
import { Packet } from '../../core/wire/opcodes.ts';
import {
  encodeAckEpoch,
  encodeConfigText,
  encodeLeaderInfo,
  encodeLearnerInfo,
  encodePacket,
  LEARNER_PROTOCOL_VERSION,
} from '../../core/wire/quorum-codec.ts';
import { SNAP_END_MARK, SnapshotWriter } from '../../core/wire/snapshot-codec.ts';
import type { LogEntry } from '../../core/wire/txn.ts';
import { packetOf } from '../../core/zab/packets.ts';
import { createTxn, entryOf } from '../unit/storage/machine.ts';
import { MiniEnsemble, membershipOf, type Wire } from './mini-ensemble.ts';
import { PlayedEnsemble } from './quorum-recording.ts';

export interface Scene {
  readonly net: MiniEnsemble;
  readonly self: number;
  /** The connection under test: to the played leader, or from a played learner. */
  readonly wire: Wire;
  readonly played: PlayedEnsemble;
}

const MEMBERSHIP = membershipOf('1 2 3');
/** The epoch that the server has a history of, and the one that begins. */
const OLD_EPOCH = 1;
export const NEW_EPOCH = 2;

const at = (counter: number, epoch = OLD_EPOCH): Zxid => zxidOf(epoch, counter);
export const node = (counter: number, epoch = OLD_EPOCH): LogEntry =>
  entryOf(at(counter, epoch), createTxn(`/n${epoch}-${counter}`, new Uint8Array(1)));

export function send(net: MiniEnsemble, wire: Wire, type: number, zxid: Zxid, data: Uint8Array | null = null): void {
  net.sendFrom(wire, encodePacket(packetOf(type, zxid, data)));
  net.settle();
}

function propose(net: MiniEnsemble, wire: Wire, entries: readonly LogEntry[]): void {
  for (const { zxid, bytes } of entries) {
    send(net, wire, Packet.PROPOSAL, zxid, bytes);
    send(net, wire, Packet.COMMIT, zxid);
  }
}

/** A snapshot stream of what the server has itself. */
function streamOf(net: MiniEnsemble, self: number): Uint8Array {
  const snapshot = net.peer(self).heap.tree.openSnapshot();
  const stream = new SnapshotWriter(snapshot, SNAP_END_MARK).next(1 << 20)!;
  snapshot.close();
  return stream;
}

// --- a learner ---------------------------------------------------------------------------------------------------------

export const LEARNER_PHASES = [
  'registering',
  'accepting',
  'syncing',
  'truncating',
  'receiving',
  'installing',
  'catchingUp',
  'persisting',
  'acked',
  'serving',
] as const;
export type LearnerPhaseName = (typeof LEARNER_PHASES)[number];

/** Server 1, which has three transactions of epoch 1, follows the played server 2 into epoch 2, up to this phase. */
export function learnerIn(phase: LearnerPhaseName, config: Partial<PeerConfig> = {}): Scene {
  const self = 1;
  const net = new MiniEnsemble();
  const played = new PlayedEnsemble(net, self, { leader: 2, membership: MEMBERSHIP, peerEpoch: OLD_EPOCH });
  net.add(self, MEMBERSHIP, config);
  net.start(self);
  net.settle();
  teach(net, played.takeWire(), [node(1), node(2), node(3)]);
  net.crash(self);
  net.start(self);
  net.settle();
  const wire = played.takeWire();
  const scene = { net, self, wire, played };
  lead(scene, phase);
  const { role } = net.peer(self).state;
  assert(role.kind === 'learning' && role.phase.kind === phase, `the learner is not in phase ${phase}`);
  return scene;
}

function teach(net: MiniEnsemble, wire: Wire, entries: readonly LogEntry[]): void {
  send(net, wire, Packet.LEADERINFO, at(0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
  send(net, wire, Packet.DIFF, entries.at(-1)!.zxid);
  propose(net, wire, entries);
  send(net, wire, Packet.NEWLEADER, at(0), encodeConfigText(''));
  send(net, wire, Packet.UPTODATE, asZxid(-1));
}

/** What leads there; later phases contain the earlier ones. */
function lead({ net, self, wire }: Scene, phase: LearnerPhaseName): void {
  if (phase === 'registering') return;
  if (phase === 'accepting') net.hold(`disk ${self} meta`);
  send(net, wire, Packet.LEADERINFO, at(0, NEW_EPOCH), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
  if (phase === 'accepting' || phase === 'syncing') return;
  if (phase === 'truncating') {
    net.hold(`disk ${self} log`);
    return send(net, wire, Packet.TRUNC, at(2));
  }
  if (phase === 'receiving' || phase === 'installing') {
    send(net, wire, Packet.SNAP, at(4));
    if (phase === 'receiving') return;
    net.hold(`disk ${self} snap`);
    net.sendFrom(wire, streamOf(net, self));
    return net.settle();
  }
  send(net, wire, Packet.DIFF, at(4));
  if (phase === 'catchingUp') return;
  if (phase === 'persisting') net.hold(`disk ${self} log`);
  propose(net, wire, [node(4)]);
  send(net, wire, Packet.NEWLEADER, at(0, NEW_EPOCH), encodeConfigText(''));
  if (phase === 'serving') send(net, wire, Packet.UPTODATE, asZxid(-1));
}

// --- a leader ----------------------------------------------------------------------------------------------------------

export const HANDLER_PHASES = ['info', 'epoch', 'ackEpoch', 'waiting', 'snapshot', 'newLeader', 'active'] as const;
export type HandlerPhaseName = (typeof HANDLER_PHASES)[number];

/** Server 3 leads; the played learner 1 is in this phase. Until `active` the leader lacks a quorum. */
export const leaderWith = (phase: HandlerPhaseName, config: Partial<PeerConfig> = {}): Scene =>
  leaderOf(MEMBERSHIP, phase, config);

/** As `leaderWith('active')`, but of five: one learner is not enough, the leader waits for another ACK of NEWLEADER. */
export function waitingLeader(): Scene & { readonly other: Wire } {
  const membership = membershipOf('1 2 3 4 5');
  const scene = leaderOf(membership, 'info');
  const { net, self, wire } = scene;
  const other = net.dialFrom(asPeer(2), self, 'quorum')!;
  const wires = [wire, other];
  for (const [index, one] of wires.entries()) introduce(net, one, index + 1);
  for (const one of wires) send(net, one, Packet.ACKEPOCH, asZxid(0), encodeAckEpoch(0));
  send(net, wire, Packet.ACK, zxidOf(1, 0));
  return { ...scene, other };
}

function leaderOf(membership: Membership, phase: HandlerPhaseName, config: Partial<PeerConfig> = {}): Scene {
  const self = 3;
  const net = new MiniEnsemble();
  const settings = { leader: self, membership, peerEpoch: 0 };
  const played = new PlayedEnsemble(net, self, settings);
  net.add(self, membership, { forceSnapshotSync: phase === 'snapshot', ...config });
  net.start(self);
  net.run(net.get(self).config.electionFinalizeWaitMs);
  const wire = net.dialFrom(asPeer(1), self, 'quorum');
  assert(wire !== null, 'the leader does not listen');
  const scene = { net, self, wire, played };
  learn(scene, phase);
  const { role } = net.peer(self).state;
  const handler = role.kind === 'leading' ? role.handlers.get(wire.conn) : undefined;
  assert(handler?.phase.kind === phase, `the learner's handler is not in phase ${phase}`);
  return scene;
}

function introduce(net: MiniEnsemble, wire: Wire, id: number): void {
  const info = { serverid: asPeer(id), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion: asZxid(0) };
  send(net, wire, Packet.FOLLOWERINFO, asZxid(0), encodeLearnerInfo(info));
}

function learn({ net, self, wire }: Scene, phase: HandlerPhaseName): void {
  if (phase === 'info') return;
  if (phase === 'epoch') net.hold(`disk ${self} meta`);
  introduce(net, wire, 1);
  if (phase === 'epoch' || phase === 'ackEpoch') return;
  if (phase === 'waiting') net.hold(`disk ${self} meta`);
  if (phase === 'snapshot') {
    // The send buffer is full, so the stream stops after its first piece.
    net.input(net.get(self), { type: 'connBlocked', conn: wire.conn });
  }
  send(net, wire, Packet.ACKEPOCH, asZxid(0), encodeAckEpoch(0));
  if (phase === 'active') send(net, wire, Packet.ACK, zxidOf(1, 0));
}
