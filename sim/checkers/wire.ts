/**
 * The quorum port, overheard: every packet a leader or a learner puts on the wire, in order, as bytes.
 *
 * The specification's ShouldNotBeTriggered raises five flags inside actions: a message in an impossible phase, a proposal
 * that is not the successor, a commit of what is not next, an unknown or non-monotone acknowledgement, a message no
 * receiver in that role may get. All five can be read off the stream of one connection, without believing anything the
 * servers say about themselves:
 *
 * ```
 * learner -> leader   INFO  ACKEPOCH  ACK(NEWLEADER)  { ACK(proposal) PING REVALIDATE REQUEST SYNC }
 * leader -> learner   LEADERINFO  ( DIFF | TRUNC | SNAP body )  { PROPOSAL COMMIT INFORM } NEWLEADER
 *                     { PROPOSAL COMMIT INFORM PING } UPTODATE { PROPOSAL COMMIT INFORM PING REVALIDATE SYNC }
 * ```
 *
 * A `PacketScanner` finds the packets in a stream cut anywhere and hands out their fixed fields; it decodes no payload.
 */

import { asZxid, counterOf, epochOf, showZxid, type Zxid } from '../../core/types.ts';
import { Packet, type PacketName } from '../../core/wire/opcodes.ts';
import type { Report } from './properties.ts';

export const PACKET_NAMES: ReadonlyMap<number, PacketName> = new Map(
  (Object.entries(Packet) as [PacketName, number][]).map(([name, type]) => [type, name]),
);

/** `data` is a view into the stream. */
export type OnPacket = (type: number, zxid: Zxid, data: Uint8Array) => void;
/** Bytes of the body of a SNAP, as views into the stream; null at its end. */
export type OnBody = (bytes: Uint8Array | null) => void;

const EMPTY = new Uint8Array(0);
/** The jute string "BenWasHere" that ends a SNAP body (LearnerHandler.syncFollower). */
const SIGNATURE = Uint8Array.of(0, 0, 0, 10, ...[...'BenWasHere'].map((c) => c.charCodeAt(0)));

export class PacketScanner {
  #rest: Uint8Array = EMPTY;
  #insideSnapshot = false;
  readonly #onPacket: OnPacket;
  readonly #onBody: OnBody | undefined;

  constructor(onPacket: OnPacket, onBody?: OnBody) {
    this.#onPacket = onPacket;
    this.#onBody = onBody;
  }

  push(bytes: Uint8Array): void {
    const whole = this.#rest.length === 0 ? bytes : joined(this.#rest, bytes);
    let at = 0;
    for (;;) {
      const next = this.#insideSnapshot ? this.#skipSnapshot(whole, at) : this.#packet(whole, at);
      if (next < 0) break;
      at = next;
    }
    this.#rest = at === whole.length ? EMPTY : whole.slice(at);
  }

  /** Hands out the packet at `at` and returns where it ends; -1 when it has not all arrived. */
  #packet(bytes: Uint8Array, at: number): number {
    const end = packetEnd(bytes, at);
    if (end < 0) return -1;
    const type = intAt(bytes, at);
    const zxid = asZxid(intAt(bytes, at + 4) * 0x1_0000_0000 + (intAt(bytes, at + 8) >>> 0));
    const length = Math.max(0, intAt(bytes, at + 12));
    if (type === Packet.SNAP) this.#insideSnapshot = true;
    this.#onPacket(type, zxid, length === 0 ? EMPTY : bytes.subarray(at + 16, at + 16 + length));
    return end;
  }

  /** Where the snapshot body ends; keeps only as much as half a signature needs. */
  #skipSnapshot(bytes: Uint8Array, at: number): number {
    const found = indexOfSignature(bytes, at);
    if (found >= 0) {
      this.#insideSnapshot = false;
      this.#onBody?.(bytes.subarray(at, found));
      this.#onBody?.(null);
      return found + SIGNATURE.length;
    }
    const keepFrom = bytes.length - SIGNATURE.length + 1;
    if (keepFrom <= at) return -1;
    this.#onBody?.(bytes.subarray(at, keepFrom));
    return keepFrom;
  }
}

const intAt = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

/** Packet => type:int zxid:long data:buffer count:int (scheme:string id:string)*; -1 when cut off. */
function packetEnd(bytes: Uint8Array, at: number): number {
  if (at + 20 > bytes.length) return -1;
  let end = at + 16 + Math.max(0, intAt(bytes, at + 12));
  if (end + 4 > bytes.length) return -1;
  const strings = 2 * Math.max(0, intAt(bytes, end));
  end += 4;
  for (let i = 0; i < strings; i++) {
    if (end + 4 > bytes.length) return -1;
    end += 4 + Math.max(0, intAt(bytes, end));
  }
  return end <= bytes.length ? end : -1;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function indexOfSignature(bytes: Uint8Array, from: number): number {
  for (let at = from; at + SIGNATURE.length <= bytes.length; at++) {
    let same = 0;
    while (same < SIGNATURE.length && bytes[at + same] === SIGNATURE[same]) same++;
    if (same === SIGNATURE.length) return at;
  }
  return -1;
}

/** What the rules need to know of the two ends. */
export interface WireConnection {
  readonly learner: number;
  readonly leader: number;
}

/** What an ACK vouches for: one proposal and all before it, or with NEWLEADER the history up to `upTo`. */
export interface Covered {
  readonly kind: 'newLeader' | 'proposal';
  readonly upTo: Zxid;
}

export interface WireEvents {
  acknowledged(connection: WireConnection, zxid: Zxid, covered: Covered): void;
  packet(from: number, to: number, type: number, zxid: Zxid): void;
  /** The data of a learner's PING. */
  pinged(learner: number, data: Uint8Array): void;
}

type LearnerPhase = 'start' | 'informed' | 'epochAcked' | 'accepted';
type LeaderPhase = 'start' | 'offered' | 'syncing' | 'newLeader' | 'serving';

/** Both directions of one connection on the quorum port. */
export class QuorumConversation {
  readonly connection: WireConnection;
  readonly fromLearner: PacketScanner;
  readonly fromLeader: PacketScanner;
  readonly #report: Report;
  readonly #events: WireEvents;
  #learnerPhase: LearnerPhase = 'start';
  #leaderPhase: LeaderPhase = 'start';
  #observer = false;
  #epoch = 0;
  /** Where the learner's history ends, as its ACKEPOCH says. */
  #learnerLast: Zxid = asZxid(0);
  /** Last zxid proposed or informed on this connection; -1 before the synchronisation has begun. */
  #proposed: Zxid = asZxid(-1);
  #committed: Zxid = asZxid(0);
  #acked: Zxid = asZxid(0);
  #newLeaderZxid: Zxid = asZxid(-1);
  /** Where the history ended that was sent before NEWLEADER. */
  #syncedTo: Zxid = asZxid(0);

  constructor(connection: WireConnection, events: WireEvents, report: Report) {
    this.connection = connection;
    this.#events = events;
    this.#report = report;
    this.fromLearner = new PacketScanner((type, zxid, data) => {
      this.#onLearner(type, zxid);
      if (type === Packet.PING) this.#events.pinged(connection.learner, data);
    });
    this.fromLeader = new PacketScanner((type, zxid) => this.#onLeader(type, zxid));
  }

  #illegal(what: string): void {
    const { learner, leader } = this.connection;
    this.#report('should-not-be-triggered', what, { servers: [learner, leader] });
  }

  #onLearner(type: number, zxid: Zxid): void {
    const { learner, leader } = this.connection;
    this.#events.packet(learner, leader, type, zxid);
    switch (type) {
      case Packet.FOLLOWERINFO:
      case Packet.OBSERVERINFO:
        if (this.#learnerPhase !== 'start') this.#illegal(`server ${learner} introduces itself to ${leader} twice`);
        this.#observer = type === Packet.OBSERVERINFO;
        this.#learnerPhase = 'informed';
        return;
      case Packet.ACKEPOCH:
        if (this.#learnerPhase !== 'informed' || this.#leaderPhase === 'start') this.#impossible(learner, type);
        this.#learnerPhase = 'epochAcked';
        this.#learnerLast = zxid;
        return;
      case Packet.ACK:
        this.#onAck(zxid);
        return;
      case Packet.PING:
      case Packet.REQUEST:
      case Packet.REVALIDATE:
      case Packet.SYNC:
        if (this.#learnerPhase !== 'accepted') this.#impossible(learner, type);
        return;
      default:
        this.#illegal(`server ${learner} sends ${PACKET_NAMES.get(type) ?? type} as a learner`);
    }
  }

  #impossible(server: number, type: number): void {
    this.#illegal(
      `server ${server} sends ${PACKET_NAMES.get(type)} while the learner is ${this.#learnerPhase} and the leader ${this.#leaderPhase}`,
    );
  }

  #onAck(zxid: Zxid): void {
    const { learner } = this.connection;
    if (this.#learnerPhase === 'epochAcked') {
      // The first ACK accepts NEWLEADER and carries its zxid.
      if (this.#leaderPhase !== 'newLeader') this.#impossible(learner, Packet.ACK);
      else if (zxid !== this.#newLeaderZxid) {
        this.#illegal(`server ${learner} accepts NEWLEADER ${showZxid(this.#newLeaderZxid)} with ${showZxid(zxid)}`);
      }
      this.#learnerPhase = 'accepted';
      this.#events.acknowledged(this.connection, zxid, { kind: 'newLeader', upTo: this.#syncedTo });
    } else if (this.#learnerPhase !== 'accepted') {
      this.#impossible(learner, Packet.ACK);
    } else if (counterOf(zxid) !== 0) {
      // UPTODATE is acknowledged with the zxid of NEWLEADER once more (Learner.syncWithLeader).
      this.#checkAck(zxid);
      this.#events.acknowledged(this.connection, zxid, { kind: 'proposal', upTo: zxid });
    }
  }

  #checkAck(zxid: Zxid): void {
    const { learner } = this.connection;
    if (this.#observer) this.#illegal(`observer ${learner} acknowledges ${showZxid(zxid)}`);
    if (zxid > this.#proposed) this.#illegal(`server ${learner} acknowledges ${showZxid(zxid)}, which it was not sent`);
    if (zxid < this.#acked)
      this.#illegal(`server ${learner} acknowledges ${showZxid(zxid)} after ${showZxid(this.#acked)}`);
    this.#acked = zxid;
  }

  #onLeader(type: number, zxid: Zxid): void {
    const { learner, leader } = this.connection;
    this.#events.packet(leader, learner, type, zxid);
    switch (type) {
      case Packet.LEADERINFO:
        if (this.#leaderPhase !== 'start') this.#impossible(leader, type);
        this.#leaderPhase = 'offered';
        this.#epoch = epochOf(zxid);
        return;
      case Packet.DIFF:
      case Packet.TRUNC:
      case Packet.SNAP:
        if (this.#leaderPhase !== 'offered') this.#impossible(leader, type);
        this.#leaderPhase = 'syncing';
        // What follows a TRUNC or SNAP continues exactly there; what follows a DIFF, at the learner's own end, or where
        // the committed history ends: what is only proposed is proposed again.
        this.#proposed = type === Packet.DIFF && this.#learnerLast < zxid ? this.#learnerLast : zxid;
        if (type !== Packet.DIFF) this.#committed = zxid;
        this.#syncedTo = zxid;
        return;
      case Packet.NEWLEADER:
        if (this.#leaderPhase !== 'syncing') this.#impossible(leader, type);
        if (epochOf(zxid) !== this.#epoch)
          this.#illegal(`server ${leader} offered epoch ${this.#epoch} and leads ${epochOf(zxid)}`);
        this.#leaderPhase = 'newLeader';
        this.#newLeaderZxid = zxid;
        if (this.#proposed > this.#syncedTo) this.#syncedTo = this.#proposed;
        return;
      case Packet.UPTODATE:
        if (this.#leaderPhase !== 'newLeader') this.#impossible(leader, type);
        if (this.#learnerPhase !== 'accepted') this.#impossible(leader, type);
        this.#leaderPhase = 'serving';
        return;
      case Packet.PROPOSAL:
      case Packet.INFORM:
      case Packet.INFORMANDACTIVATE:
        this.#onProposal(type, zxid);
        return;
      case Packet.COMMIT:
      case Packet.COMMITANDACTIVATE:
        this.#onCommit(zxid);
        return;
      case Packet.PING:
        if (this.#leaderPhase !== 'newLeader' && this.#leaderPhase !== 'serving') this.#impossible(leader, type);
        return;
      case Packet.REVALIDATE:
      case Packet.SYNC:
        if (this.#leaderPhase !== 'serving') this.#impossible(leader, type);
        return;
      default:
        this.#illegal(`server ${leader} sends ${PACKET_NAMES.get(type) ?? type} as a leader`);
    }
  }

  #onProposal(type: number, zxid: Zxid): void {
    const { learner, leader } = this.connection;
    if (this.#leaderPhase === 'start' || this.#leaderPhase === 'offered') this.#impossible(leader, type);
    if (this.#proposed >= 0 && !isSuccessor(this.#proposed, zxid)) {
      this.#illegal(
        `server ${leader} sends ${showZxid(zxid)} to ${learner} directly after ${showZxid(this.#proposed)}`,
      );
    }
    this.#proposed = zxid;
    if (type !== Packet.PROPOSAL) this.#committed = zxid;
  }

  #onCommit(zxid: Zxid): void {
    const { learner, leader } = this.connection;
    if (this.#observer && this.#leaderPhase === 'serving')
      this.#illegal(`server ${leader} sends a COMMIT to observer ${learner}`);
    if (zxid > this.#proposed)
      this.#illegal(`server ${leader} commits ${showZxid(zxid)}, which ${learner} was not sent`);
    if (this.#committed > 0 && !isSuccessor(this.#committed, zxid)) {
      this.#illegal(
        `server ${leader} commits ${showZxid(zxid)} at ${learner} directly after ${showZxid(this.#committed)}`,
      );
    }
    this.#committed = zxid;
  }
}

/** Same epoch: the next counter. A later epoch starts at 1. */
const isSuccessor = (before: Zxid, zxid: Zxid): boolean =>
  epochOf(zxid) === epochOf(before) ? zxid === before + 1 : epochOf(zxid) > epochOf(before) && counterOf(zxid) === 1;
