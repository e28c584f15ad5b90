/**
 * The recorded conversations of `test/golden/quorum`, and servers played from them: whoever is not ours says at the
 * election port what makes ours elect the recorded leader, and speaks the recorded bytes at the quorum port.
 */

import { readFileSync } from 'node:fs';
import { formatMembership } from '../../core/config/membership.ts';
import type { Membership } from '../../core/config/types.ts';
import { asPeer, assert, asZxid, type Id, type PeerId } from '../../core/types.ts';
import { fromHex } from '../../core/wire/bytes.ts';
import {
  decodeNotification,
  type ElectionState,
  encodeHandshake,
  encodeNotification,
} from '../../core/wire/election-codec.ts';
import { frame, frameBuffer, pushBytes } from '../../core/wire/framing.ts';
import { Packet } from '../../core/wire/opcodes.ts';
import { nextPacket } from '../../core/wire/quorum-codec.ts';
import type { QuorumPacket } from '../../core/wire/records.ts';
import type { LogEntry } from '../../core/wire/txn.ts';
import type { MiniEnsemble, Wire } from './mini-ensemble.ts';

const FRAME_HEAD = 4;

/** One packet of a recording; null in place of the packet for the snapshot that follows SNAP. */
export interface RecordedPacket {
  readonly ms: number;
  readonly conn: string;
  readonly from: PeerId;
  readonly to: PeerId;
  readonly bytes: Uint8Array;
  readonly packet: QuorumPacket | null;
}

interface Line {
  readonly t: number;
  readonly c?: string;
  readonly close?: string;
  readonly from?: number;
  readonly to?: number;
  readonly hex?: string;
  readonly a?: { readonly type: string };
}

/** The packets of some connections (`quorum-5`) of a recording (`q2-diff-sync`), in the order of their arrival. */
export function recorded(file: string, ...conns: readonly string[]): RecordedPacket[] {
  const items = timeline(file, conns).flatMap((item) => (item.kind === 'packet' ? [item] : []));
  assert(items.length > 0, `${file} has no ${conns}`);
  return items;
}

export type Moment =
  | ({ readonly kind: 'packet' } & RecordedPacket)
  | { readonly kind: 'close'; readonly conn: string; readonly from: PeerId };

/** Packets of some connections, and their ends. */
export function timeline(file: string, conns: readonly string[]): Moment[] {
  const text = readFileSync(new URL(`../golden/quorum/${file}.jsonl`, import.meta.url), 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const moments: Moment[] = [];
  for (const { t, c, close, from, to, hex, a } of lines) {
    if (close !== undefined && conns.includes(close)) moments.push({ kind: 'close', conn: close, from: asPeer(from!) });
    if (c === undefined || hex === undefined || !conns.includes(c)) continue;
    const bytes = fromHex(hex)!;
    const packet = a?.type === 'snapshot-stream' ? null : decodePacket(bytes);
    moments.push({ kind: 'packet', ms: t, conn: c, from: asPeer(from!), to: asPeer(to!), bytes, packet });
  }
  return moments;
}

function decodePacket(bytes: Uint8Array): QuorumPacket {
  const [packet] = decodePackets([bytes]);
  assert(packet !== undefined, 'not a packet');
  return packet;
}

export function decodePackets(chunks: readonly Uint8Array[]): QuorumPacket[] {
  const fb = frameBuffer();
  for (const chunk of chunks) pushBytes(fb, chunk);
  const packets: QuorumPacket[] = [];
  for (let next = nextPacket(fb, 1 << 24); next.kind === 'packet'; next = nextPacket(fb, 1 << 24)) {
    const { type, zxid, data, authinfo } = next.packet;
    packets.push({ type, zxid, data: data === null ? null : data.slice(), authinfo });
  }
  return packets;
}

/** The transactions that a leader proposed or informed of. */
export function entriesOf(packets: readonly RecordedPacket[]): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const { packet } of packets) {
    if (packet === null || packet.data === null) continue;
    if (packet.type === Packet.PROPOSAL || packet.type === Packet.INFORM) {
      entries.push({ zxid: packet.zxid, bytes: packet.data });
    }
  }
  return entries;
}

export interface PlayedLeader {
  readonly leader: number;
  /** The servers of the recording, as their static configuration lists them. */
  readonly membership: Membership;
  readonly peerEpoch: number;
  /** The configuration that they name in their votes, when it is another. */
  readonly config?: Membership;
}

/**
 * Plays every other server of the membership. At the election port they say that they follow the leader, or vote as our
 * server does when it is to be the leader itself. The leader's wires at the quorum port are handed out as our server dials
 * them.
 */
export class PlayedEnsemble {
  /** Connections that our server has dialled at the leader's quorum port, the oldest first. */
  readonly dialled: Wire[] = [];
  private readonly net: MiniEnsemble;
  private readonly self: number;
  settings: PlayedLeader;
  private isSilent = false;

  constructor(net: MiniEnsemble, self: number, settings: PlayedLeader) {
    this.net = net;
    this.self = self;
    this.settings = settings;
    for (const { id } of settings.membership.servers) {
      if (id !== self) net.played.set(id, (wire) => this.onDialled(id, wire));
    }
  }

  /** From here on nobody votes and nobody takes a connection. */
  silence(): void {
    this.isSilent = true;
  }

  private onDialled(id: PeerId, wire: Wire): void {
    if (this.isSilent) this.net.hangUpFrom(wire);
    else if (wire.channel === 'quorum') {
      if (id === this.settings.leader) this.dialled.push(wire);
      else this.net.hangUpFrom(wire);
    } else if (id < this.self) {
      this.vote(id, wire);
    } else {
      this.knockBack(id);
    }
  }

  /** The greater id dials: it answers a knock with a connection of its own. */
  private knockBack(id: PeerId): void {
    const wire = this.net.dialFrom(id, this.self, 'election');
    if (wire === null) return;
    const addresses = [{ host: '127.0.0.1', port: 23300 + id }];
    this.net.sendFrom(wire, encodeHandshake({ sid: id, form: 'v1', addresses }));
    this.vote(id, wire);
  }

  /** Says at once whom it has settled on, and again whenever our server asks. */
  private vote(id: PeerId, wire: Wire): void {
    const isOurs = this.settings.leader === this.self;
    if (!isOurs) this.net.sendFrom(wire, this.voteOf(id));
    wire.onBytes = (bytes) => {
      if (this.isSilent) return;
      const decoded = decodeNotification(bytes.subarray(FRAME_HEAD));
      if (!decoded.ok || decoded.value.state !== 'looking') return;
      // To agree with our server is to send its own vote back to it.
      this.net.sendFrom(wire, isOurs ? bytes : this.voteOf(id));
    };
    for (const bytes of [...wire.received]) wire.onBytes(bytes);
  }

  private voteOf(id: PeerId): Uint8Array {
    const { leader, membership, peerEpoch, config = membership } = this.settings;
    const isVoter = membership.servers.some((server) => server.id === id && server.role === 'participant');
    const state: ElectionState = id === leader ? 'leading' : isVoter ? 'following' : 'observing';
    const said = { state, leader: asPeer(leader), zxid: asZxid(0), electionEpoch: 7, peerEpoch };
    return frame(encodeNotification({ ...said, config: formatMembership(config) }));
  }

  /** The connection that our server makes to the leader; fails when it makes none. */
  takeWire(): Wire {
    const wire = this.dialled.shift();
    assert(wire !== undefined, 'the leader was not dialled');
    return wire;
  }
}

/** Identities as a set: a Java server keeps them in a HashSet. */
export const sortedIds = (ids: readonly Id[] | null): string[] =>
  (ids ?? []).map(({ scheme, id }) => `${scheme}:${id}`).sort();
