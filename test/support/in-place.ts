/**
 * Our server in the place of a Java server of a recording: it hears what the real one heard, and its clients do what the real
 * one's clients did.
 */

import { expect } from 'vitest';
import { parseMembership } from '../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../core/config/types.ts';
import { sessionPassword } from '../../core/session/password.ts';
import { asPeer, asSession, assert, asZxid, type Id, type SessionId, type Zxid, zxidOf } from '../../core/types.ts';
import { concat } from '../../core/wire/bytes.ts';
import { type ClientRequest, encodeConnectRequest, encodeRequest, type MultiOp } from '../../core/wire/client-codec.ts';
import { frame, frameBuffer, pushBytes, takeAll } from '../../core/wire/framing.ts';
import { JuteWriter } from '../../core/wire/jute.ts';
import { Op, Packet } from '../../core/wire/opcodes.ts';
import {
  decodeConfigText,
  decodeInformAndActivate,
  decodeRequestPayload,
  decodeRevalidate,
  encodeConfigText,
  encodeLeaderInfo,
  encodeLearnerInfo,
  encodePacket,
  LEARNER_PROTOCOL_VERSION,
  nextPacket,
} from '../../core/wire/quorum-codec.ts';
import type { QuorumPacket } from '../../core/wire/records.ts';
import { SNAP_END_MARK } from '../../core/wire/snapshot-codec.ts';
import type { DecodedTxn, Txn } from '../../core/wire/txn.ts';
import { decodeTxn } from '../../core/wire/txn-codec.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import { packetOf } from '../../core/zab/packets.ts';
import { MiniEnsemble, type Wire } from './mini-ensemble.ts';
import type { Past } from './quorum-pasts.ts';
import { decodePackets, type Moment, PlayedEnsemble, type RecordedPacket, recorded } from './quorum-recording.ts';

export interface Place {
  readonly self: number;
  readonly leader: number;
  /** A recording whose NEWLEADER lists the servers. */
  readonly servers: readonly [file: string, conn: string];
  readonly settings?: Partial<PeerConfig>;
  /** The others have given the configuration its number already, and say so in their votes. */
  readonly numbered?: boolean;
}

export class InPlace {
  readonly net = new MiniEnsemble();
  readonly played: PlayedEnsemble;
  private readonly self: number;
  private readonly membership: Membership;
  private clients = new Map<SessionId, { wire: Wire; ids: Set<string> }>();

  constructor({ self, leader, servers, settings, numbered = false }: Place) {
    this.self = self;
    const config = membershipIn(recorded(...servers));
    this.membership = { ...config, version: asZxid(0) };
    const { membership } = this;
    this.played = new PlayedEnsemble(this.net, self, {
      leader,
      membership,
      peerEpoch: 0,
      config: numbered ? config : membership,
    });
    const javaLike: Partial<PeerConfig> = { skipAcl: false, sessionPassword: 'java', superDigest: SUPER, ...settings };
    this.net.add(self, this.membership, javaLike);
  }

  /** The clock of a Java server's session ids: what stands in the recorded ones when the server begins to serve. */
  setClock(session: bigint): void {
    this.setTime(Number((session >> 16n) & 0xff_ffff_ffffn));
  }

  /** Gives the server its past, by a conversation that was not recorded. */
  learn({ epoch, snapshot, entries = [] }: Past): void {
    const { settings } = this.played;
    const teacher = settings.leader === this.self ? this.someoneElse() : settings.leader;
    this.played.settings = { ...settings, leader: teacher };
    this.start();
    const wire = this.played.takeWire();
    const send = (type: number, zxid: Zxid, data: Uint8Array | null = null): void =>
      this.net.sendFrom(wire, encodePacket(packetOf(type, zxid, data)));
    send(Packet.LEADERINFO, zxidOf(epoch, 0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
    if (snapshot === undefined) {
      send(Packet.DIFF, entries.at(-1)?.zxid ?? asZxid(0));
    } else {
      send(Packet.SNAP, snapshot.zxid);
      this.net.sendFrom(wire, snapshot.stream);
    }
    for (const { zxid, bytes } of entries) {
      send(Packet.PROPOSAL, zxid, bytes);
      send(Packet.COMMIT, zxid);
    }
    send(Packet.NEWLEADER, zxidOf(epoch, 0), encodeConfigText(''));
    send(Packet.UPTODATE, asZxid(-1));
    this.net.settle();
    expect(decodePackets(wire.received).map(({ type }) => type)).toContain(Packet.ACK);
    this.kill();
    this.played.settings = settings;
  }

  private someoneElse(): number {
    return this.membership.servers.find(({ id, role }) => id !== this.self && role === 'participant')!.id;
  }

  kill(): void {
    this.net.crash(this.self);
    this.net.settle();
    this.clients = new Map();
    this.played.dialled.length = 0;
  }

  start(): void {
    this.net.start(this.self);
    this.net.settle();
  }

  /** Plays one recorded connection: what ours says, beside what the Java server said. */
  follow(packets: readonly RecordedPacket[]): Conversation {
    const wire = this.played.takeWire();
    for (const item of packets) {
      if (item.to === this.self) this.net.sendFrom(wire, item.bytes);
      else if (item.packet?.type === Packet.REQUEST) this.asClient(item.packet);
      else if (item.packet?.type === Packet.REVALIDATE) this.reattach(item.packet);
      this.net.settle();
    }
    const heard = packets.flatMap(({ to, packet }) => (to === this.self && packet !== null ? [packet] : []));
    const java = packets.flatMap(({ from, packet }) => (from === this.self && packet !== null ? [packet] : []));
    return { heard, java, ours: decodePackets(wire.received), closed: wire.closed };
  }

  // --- as a leader ---------------------------------------------------------------------------------------------------

  /** The election, in which every other server agrees with ours. */
  win(): void {
    this.start();
    this.net.run(this.net.get(this.self).config.electionFinalizeWaitMs);
    expect(this.net.peer(this.self).state.role.kind).toBe('leading');
  }

  /** A learner that no recording tells of: it has what the leader has, and acknowledges everything at once. */
  addFollower(id: number): Wire {
    const wire = this.dial(id);
    const send = (type: number, zxid: Zxid, data: Uint8Array | null = null): void =>
      this.net.sendFrom(wire, encodePacket(packetOf(type, zxid, data)));
    const { state, heap } = this.net.peer(this.self);
    const { accepted, current } = state.epochs;
    wire.onBytes = (bytes) => {
      for (const { type, zxid } of decodePackets([bytes])) {
        if (type === Packet.LEADERINFO) send(Packet.ACKEPOCH, heap.log.last, intBytes(current));
        else if (type === Packet.NEWLEADER || type === Packet.PROPOSAL) send(Packet.ACK, zxid);
        else if (type === Packet.PING) send(Packet.PING, zxid, new Uint8Array(0));
      }
    };
    const info = { serverid: asPeer(id), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion: asZxid(0) };
    send(Packet.FOLLOWERINFO, zxidOf(accepted, 0), encodeLearnerInfo(info));
    this.net.settle();
    return wire;
  }

  private dial(id: number): Wire {
    const wire = this.net.dialFrom(asPeer(id), this.self, 'quorum');
    assert(wire !== null, 'our server does not listen for learners');
    return wire;
  }

  /** Plays the learners of a recording: what ours sends on each connection, beside what the Java leader sent. */
  lead(moments: readonly Moment[]): Map<string, Words> {
    const wires = new Map<string, Wire>();
    for (const [index, moment] of moments.entries()) {
      const learner = moment.from === this.self && moment.kind === 'packet' ? moment.to : moment.from;
      const wire = wires.get(moment.conn) ?? this.dial(learner);
      wires.set(moment.conn, wire);
      if (moment.kind === 'close') {
        this.net.hangUpFrom(wire);
      } else if (moment.from !== this.self) {
        this.setTime(proposedFor(moment.packet, moments.slice(index)));
        this.net.sendFrom(wire, moment.bytes);
      } else {
        this.asOwnClient(moment.packet);
      }
      this.net.settle();
    }
    for (const wire of wires.values()) this.net.hangUpFrom(wire);
    this.net.settle();
    const words = new Map<string, Words>();
    for (const [conn, wire] of wires) {
      const java = moments.flatMap((moment) =>
        moment.kind === 'packet' && moment.conn === conn && moment.from === this.self ? [moment.bytes] : [],
      );
      words.set(conn, { java: decodeWords(java), ours: decodeWords(wire.received), closed: wire.closed });
    }
    return words;
  }

  /** The leader stamps transactions with its wall clock. */
  private setTime(wallMs: number | null): void {
    if (wallMs !== null) this.net.wallMs = wallMs - this.net.nowMs;
  }

  /** The recorded leader proposes what no learner asked for: a client of its own did. */
  private asOwnClient(packet: QuorumPacket | null): void {
    const decoded = packet === null ? null : proposalIn(packet);
    if (decoded !== null && decoded.header.zxid > this.net.peer(this.self).heap.log.last) this.propose(decoded);
  }

  /** A client of this very server does what leads to a recorded transaction. */
  propose({ header, txn }: DecodedTxn): void {
    this.setTime(header.time);
    const client = this.clients.get(header.clientId) ?? this.connect(header.clientId, null);
    if (txn.kind !== 'createSession') {
      const request = requestOf(txn);
      this.net.sendFrom(client.wire, requestFrame(header.cxid, request.op, encodeRequest(request)));
    }
    this.net.settle();
  }

  // --- clients -------------------------------------------------------------------------------------------------------

  /** A client does what made the Java learner send this REQUEST. */
  private asClient(packet: QuorumPacket): void {
    const payload = decodeRequestPayload(packet.data);
    assert(payload.ok, 'undecodable REQUEST');
    const { sessionId, cxid, type, body } = payload.value;
    const client = this.clients.get(sessionId) ?? this.connect(sessionId, null);
    if (type === Op.createSession) return;
    this.prove(client, packet.authinfo ?? []);
    this.net.sendFrom(client.wire, requestFrame(cxid, type, body));
  }

  private connect(session: SessionId, again: SessionId | null): { wire: Wire; ids: Set<string> } {
    const wire = this.net.dialFrom('client', this.self, 'client');
    assert(wire !== null, 'our server does not listen for clients');
    const passwd = again === null ? new Uint8Array(16) : sessionPassword('java', new Uint8Array(16), again);
    const sessionId = again ?? asSession(0n);
    const request = { protocolVersion: 0, lastZxidSeen: 0, timeOut: 30_000, sessionId, passwd };
    this.net.sendFrom(wire, encodeConnectRequest(request, false));
    this.net.settle();
    const client = { wire, ids: new Set<string>() };
    this.clients.set(session, client);
    return client;
  }

  private reattach(packet: QuorumPacket): void {
    const question = decodeRevalidate(packet.data);
    assert(question.ok, 'undecodable REVALIDATE');
    this.connect(question.value.session, question.value.session);
  }

  /** The client proves the identities that the recorded request carries. */
  private prove(client: { wire: Wire; ids: Set<string> }, ids: readonly Id[]): void {
    for (const { scheme, id } of ids) {
      const secret = CREDENTIALS[id];
      if (scheme !== 'digest' || secret === undefined || client.ids.has(id)) continue;
      client.ids.add(id);
      this.net.sendFrom(client.wire, authFrame(secret));
    }
  }
}

export interface Conversation {
  readonly heard: readonly QuorumPacket[];
  readonly java: readonly QuorumPacket[];
  readonly ours: readonly QuorumPacket[];
  readonly closed: boolean;
}

/** A packet, or in its place a snapshot stream. */
export type Word =
  | { readonly kind: 'packet'; readonly packet: QuorumPacket }
  | { readonly kind: 'stream'; readonly bytes: Uint8Array };

export interface Words {
  readonly java: readonly Word[];
  readonly ours: readonly Word[];
  readonly closed: boolean;
}

const SUPER = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
/** The recorded identities, and what a client says to prove them. */
const CREDENTIALS: Readonly<Record<string, string>> = {
  'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=': 'bob:pw',
  [SUPER]: 'super:test',
};

function membershipIn(packets: readonly RecordedPacket[]): Membership {
  const newLeader = packets.find(({ packet }) => packet?.type === Packet.NEWLEADER);
  const text = decodeConfigText(newLeader?.packet?.data ?? null);
  const parsed = parseMembership(text.ok ? text.value : '');
  assert(parsed.ok, 'no configuration in NEWLEADER');
  return parsed.membership;
}

function requestFrame(xid: number, op: number, body: Uint8Array): Uint8Array {
  const w = new JuteWriter(8 + body.length);
  w.int(xid);
  w.int(op);
  w.raw(body);
  return frame(w.finish());
}

function authFrame(secret: string): Uint8Array {
  const w = new JuteWriter(64);
  w.int(0);
  w.string('digest');
  w.buffer(utf8Encode(secret));
  return requestFrame(-4, Op.auth, w.finish());
}

function intBytes(value: number): Uint8Array {
  const w = new JuteWriter(4);
  w.int(value);
  return w.finish();
}

// --- what a leader says ------------------------------------------------------------------------------------------------

const END_MARK = utf8Encode(SNAP_END_MARK);

/** Packets, and snapshots between SNAP and their end mark. */
export function decodeWords(chunks: readonly Uint8Array[]): Word[] {
  const words: Word[] = [];
  let bytes = concat([...chunks]);
  while (bytes.length > 0) {
    const fb = frameBuffer();
    pushBytes(fb, bytes);
    const next = nextPacket(fb, 1 << 24);
    assert(next.kind === 'packet', 'half a packet');
    const { type, zxid, data, authinfo } = next.packet;
    words.push({ kind: 'packet', packet: { type, zxid, data: data === null ? null : data.slice(), authinfo } });
    bytes = takeAll(fb).slice();
    if (type !== Packet.SNAP) continue;
    const end = endOfStream(bytes);
    words.push({ kind: 'stream', bytes: bytes.slice(0, end) });
    bytes = bytes.slice(end);
  }
  return words;
}

function endOfStream(bytes: Uint8Array): number {
  for (let at = 0; at + END_MARK.length <= bytes.length; at++) {
    if (END_MARK.every((byte, i) => bytes[at + i] === byte)) return at + END_MARK.length;
  }
  throw new Error('a snapshot without an end');
}

/** The transaction in a PROPOSAL, an INFORM or an INFORMANDACTIVATE. */
export function proposalIn({ type, data }: QuorumPacket): DecodedTxn | null {
  const inform = type === Packet.INFORMANDACTIVATE ? decodeInformAndActivate(data) : null;
  const entry = inform?.ok === true ? inform.value.entry : null;
  const bytes = type === Packet.PROPOSAL || type === Packet.INFORM ? data : entry;
  const decoded = bytes === null ? null : decodeTxn(bytes);
  return decoded?.ok === true ? decoded.value : null;
}

/** When the recorded leader stamped the transaction that answers this REQUEST, which is one of the next. */
function proposedFor(packet: QuorumPacket | null, moments: readonly Moment[]): number | null {
  const payload = packet?.type === Packet.REQUEST ? decodeRequestPayload(packet.data) : null;
  if (payload?.ok !== true) return null;
  const { sessionId, cxid } = payload.value;
  for (const moment of moments) {
    const proposal = moment.kind === 'packet' && moment.packet !== null ? proposalIn(moment.packet) : null;
    if (proposal?.header.clientId === sessionId && proposal.header.cxid === cxid) return proposal.header.time;
  }
  return null;
}

/** A request that leads to this transaction. */
function requestOf(txn: Txn): ClientRequest {
  if (txn.kind === 'closeSession') return { op: Op.closeSession, kind: 'closeSession' };
  if (txn.kind === 'multi') return { op: Op.multi, kind: 'multi', ops: txn.parts.map((part) => opOf(part.txn)) };
  return opOf(txn);
}

function opOf(txn: Txn): MultiOp {
  if (txn.kind === 'create') {
    const { path, data, acl, ephemeral } = txn;
    return { op: Op.create, kind: 'create', path, data, acl, flags: ephemeral ? 1 : 0 };
  }
  assert(txn.kind === 'setData', `no client asks for ${txn.kind}`);
  return { op: Op.setData, kind: 'setData', path: txn.path, data: txn.data, version: -1 };
}
