/** Puts what servers do into words: packets of the quorum port, promises that become durable, changes of role. */

import type { Effect } from '../../core/io.ts';
import type { Peer } from '../../core/peer.ts';
import { type ConnId, epochOf, type PeerId, showZxid } from '../../core/types.ts';
import { decodeRequest } from '../../core/wire/client-codec.ts';
import { frameBuffer, pushBytes } from '../../core/wire/framing.ts';
import { Code, Op, Packet } from '../../core/wire/opcodes.ts';
import {
  decodeAckEpoch,
  decodeDesignatedLeader,
  decodeInformAndActivate,
  decodeLearnerInfo,
  decodeRequestPayload,
  nextPacket,
} from '../../core/wire/quorum-codec.ts';
import type { QuorumPacket } from '../../core/wire/records.ts';
import { SNAP_END_MARK } from '../../core/wire/snapshot-codec.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { decodeTxn } from '../../core/wire/txn-codec.ts';
import { utf8Decode } from '../../core/wire/utf8.ts';
import type { MiniEnsemble, StepReport } from '../support/mini-ensemble.ts';

export const nameIn = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? `${value}`;

const RUN_MAX = 20;

/** What was last said about a server's disk. */
interface Known {
  durable: number;
  accepted: number;
  current: number;
  resync: boolean;
  recovering: boolean;
}

export class Narrator {
  private readonly net: MiniEnsemble;
  private readonly say: (text: string) => void;
  private readonly known = new Map<Peer, Known>();
  /** Bytes of the snapshots that are on their way, by connection. */
  private readonly snapshots = new Map<string, number>();
  /** PROPOSAL and COMMIT packets that one step sends to one learner. */
  private run: { readonly who: string; readonly packets: QuorumPacket[] } | null = null;
  withPings = false;

  constructor(net: MiniEnsemble, say: (text: string) => void) {
    this.net = net;
    this.say = say;
  }

  tell({ server, peer, effects }: StepReport): void {
    this.tellDisk(server.id, peer);
    for (const effect of effects) {
      if (effect.type === 'note') this.tellNote(server.id, effect);
      else if (effect.type === 'send') this.tellSend(server.id, effect.conn, effect.bytes);
      else if (effect.type === 'close') this.tellClose(server.id, effect.conn);
    }
    this.endRun();
  }

  private tellPacket(who: string, packet: QuorumPacket): void {
    const isOfDiff = packet.type === Packet.PROPOSAL || packet.type === Packet.COMMIT;
    if (this.run !== null && (!isOfDiff || this.run.who !== who)) this.endRun();
    if (!isOfDiff) return this.say(`${who}: ${tellPacket(packet)}`);
    this.run ??= { who, packets: [] };
    this.run.packets.push(packet);
  }

  /** What a DIFF sends in one go is summed up when it is long. */
  private endRun(): void {
    if (this.run === null) return;
    const { who, packets } = this.run;
    this.run = null;
    const committed = packets.filter(({ type }) => type === Packet.COMMIT);
    if (packets.length > RUN_MAX && packets.length === 2 * committed.length) {
      const [first, last] = [packets[0]!.zxid, packets.at(-1)!.zxid];
      return this.say(`${who}: PROPOSAL and COMMIT of ${showZxid(first)} to ${showZxid(last)}`);
    }
    for (const packet of packets) this.say(`${who}: ${tellPacket(packet)}`);
  }

  /** Promises are told when the machine takes them as durable, before whatever it says in consequence. */
  private tellDisk(id: number, peer: Peer): void {
    const { durable, epochs, resync, role } = peer.state;
    const last = this.known.get(peer);
    const recovering = role.kind === 'recovering';
    this.known.set(peer, { durable, accepted: epochs.accepted, current: epochs.current, resync, recovering });
    // What a recovery finds is told as a whole.
    if (last === undefined || last.recovering) return;
    if (durable > last.durable) this.say(`${id}'s log is durable to ${showZxid(durable)}`);
    if (durable < last.durable) this.say(`${id}'s log is cut to ${showZxid(durable)}`);
    if (epochs.accepted !== last.accepted) this.say(`${id}'s acceptedEpoch ${epochs.accepted} is durable`);
    if (epochs.current !== last.current) this.say(`${id}'s currentEpoch ${epochs.current} is durable`);
    if (last.resync && !resync) this.say(`${id} can prove its history again, to ${showZxid(peer.heap.log.last)}`);
  }

  private tellClose(id: PeerId, conn: ConnId): void {
    const end = this.net.farEnd(id, conn);
    if (end?.channel === 'quorum') this.say(`${id} hangs up on ${end.far}`);
  }

  private tellSend(id: PeerId, conn: ConnId, bytes: Uint8Array): void {
    const end = this.net.farEnd(id, conn);
    if (end?.channel !== 'quorum') return;
    const key = `${id}/${conn}`;
    const streamed = this.snapshots.get(key);
    if (streamed !== undefined) return this.tellPiece(`${id} to ${end.far}`, key, streamed, bytes);
    const fb = frameBuffer();
    pushBytes(fb, bytes);
    for (let next = nextPacket(fb, 1 << 24); next.kind === 'packet'; next = nextPacket(fb, 1 << 24)) {
      if (next.packet.type === Packet.PING && !this.withPings) continue;
      if (next.packet.type === Packet.SNAP) this.snapshots.set(key, 0);
      this.tellPacket(`${id} to ${end.far}`, next.packet);
    }
  }

  private tellPiece(who: string, key: string, streamed: number, bytes: Uint8Array): void {
    const size = streamed + bytes.length;
    const mark = utf8Decode(bytes.slice(-SNAP_END_MARK.length));
    if (mark === SNAP_END_MARK) {
      this.snapshots.delete(key);
      this.say(`${who}: (a snapshot of ${size} bytes)`);
    } else {
      this.snapshots.set(key, size);
    }
  }

  private tellNote(id: number, { code, fields = {} }: Extract<Effect, { type: 'note' }>): void {
    if (!code.startsWith('zab.proposal')) this.endRun();
    const zxid = showZxid(Number(fields.zxid ?? 0));
    switch (code) {
      case 'store.recovered': {
        const { snapshot, last, accepted, current } = fields;
        const proof = fields.resync === true ? 'unproved, to be had anew' : `history to ${showZxid(Number(last))}`;
        const base = Number(snapshot) > 0 ? ` on snapshot ${showZxid(Number(snapshot))}` : '';
        return this.say(`${id} starts: ${proof}${base}, acceptedEpoch ${accepted}, currentEpoch ${current}`);
      }
      case 'store.recovery.note':
        return this.say(`${id} finds on its disk: ${fields.text}`);
      case 'election.leader.elected':
        return this.say(`${id} elects ${fields.leader === id ? 'itself' : fields.leader}`);
      case 'zab.established':
        return this.say(`${id} is established in epoch ${fields.epoch} with the history to ${zxid}`);
      case 'zab.uptodate':
        return this.say(`${id} is up to date in epoch ${fields.epoch}, committed to ${zxid}`);
      case 'zab.config.active':
        return this.say(`${id} has configuration ${showZxid(Number(fields.version))} in force`);
      case 'peer.role.left':
        return this.say(`${id} stops ${fields.role === 'learning' ? 'following' : fields.role}: ${fields.reason}`);
      case 'peer.halted':
        return this.say(`${id} halts: ${fields.reason}`);
      case 'peer.reload':
        return this.say(`${id} reads its tree from disk again`);
      case 'zab.learner.refused':
      case 'zab.handler.closed':
        return this.say(`${id} loses its learner ${fields.peer ?? fields.conn}: ${fields.reason}`);
      case 'zab.trunc.impossible':
        return this.say(`${id} cannot cut its history to ${showZxid(Number(fields.to))}`);
      case 'zab.trunc.committed':
        return this.say(`${id} is asked to cut to ${showZxid(Number(fields.to))} what is committed`);
      case 'zab.illegal.packet':
      case 'zab.illegal.proposal':
      case 'zab.illegal.commit':
      case 'zab.illegal.ack':
      case 'zab.digest.mismatch':
      case 'storage.completion.stale':
        return this.say(`${id} notes ${code} ${JSON.stringify(fields)}`);
      default:
        return;
    }
  }
}

const PACKET_WITH_EPOCH = new Set<number>([Packet.LEADERINFO, Packet.NEWLEADER]);

export function tellPacket(packet: QuorumPacket): string {
  const { type, zxid, data } = packet;
  const name = nameIn(Packet, type);
  switch (type) {
    case Packet.FOLLOWERINFO:
    case Packet.OBSERVERINFO: {
      const info = decodeLearnerInfo(data);
      const version = info.ok ? showZxid(info.value.configVersion) : '?';
      return `${name}, acceptedEpoch ${epochOf(zxid)}, configuration ${version}`;
    }
    case Packet.ACKEPOCH: {
      const current = decodeAckEpoch(data);
      const epoch = current.ok && current.value >= 0 ? `currentEpoch ${current.value}` : 'promised before';
      return `${name}, ${epoch}, history to ${showZxid(zxid)}`;
    }
    case Packet.ACK:
      return zxid === epochOf(zxid) * 2 ** 32 ? `ACK of NEWLEADER, epoch ${epochOf(zxid)}` : `ACK ${showZxid(zxid)}`;
    case Packet.UPTODATE:
      return name;
    case Packet.SYNC:
      return name;
    case Packet.DIFF:
    case Packet.TRUNC:
      return `${name} to ${showZxid(zxid)}`;
    case Packet.PROPOSAL:
    case Packet.INFORM:
      return `${name} ${showZxid(zxid)} ${tellEntry(data)}`;
    case Packet.REQUEST:
      return `${name} ${tellRequest(data)}`;
    case Packet.COMMITANDACTIVATE: {
      const leader = decodeDesignatedLeader(data);
      return `${name} ${showZxid(zxid)}, ${leader.ok ? leader.value : '?'} goes on leading`;
    }
    case Packet.INFORMANDACTIVATE: {
      const inform = decodeInformAndActivate(data);
      const what = inform.ok ? `${tellEntry(inform.value.entry)}, ${inform.value.leader} goes on leading` : '?';
      return `${name} ${showZxid(zxid)} ${what}`;
    }
    default:
      return PACKET_WITH_EPOCH.has(type) ? `${name}, epoch ${epochOf(zxid)}` : `${name} ${showZxid(zxid)}`;
  }
}

export function tellEntry(bytes: Uint8Array | null): string {
  const decoded = bytes === null ? null : decodeTxn(bytes);
  if (decoded?.ok !== true) return '(undecodable)';
  const { header, txn } = decoded.value;
  return header.type === Op.reconfig ? `(reconfiguration to ${tellServers(txn)})` : `(${tellTxn(txn)})`;
}

/** The servers of the configuration that a reconfiguration brings: `1 2 4:observer`. */
function tellServers(txn: Txn): string {
  const text = txn.kind === 'setData' && txn.data !== null ? (utf8Decode(txn.data) ?? '') : '';
  const servers = [...text.matchAll(/^server\.(\d+)=\S*?:(participant|observer)/gm)];
  return servers.map(([, id, role]) => (role === 'observer' ? `${id}:observer` : id)).join(' ');
}

function tellTxn(txn: Txn): string {
  switch (txn.kind) {
    case 'createSession':
      return 'a session';
    case 'closeSession':
      return 'the end of a session';
    case 'create':
    case 'createContainer':
    case 'createTTL':
      return `create ${txn.path}`;
    case 'delete':
      return `delete ${txn.path}`;
    case 'setData':
      return `set ${txn.path} to ${utf8Decode(txn.data ?? new Uint8Array(0))}`;
    case 'setACL':
      return `set the ACL of ${txn.path}`;
    case 'check':
      return `check ${txn.path}`;
    case 'error':
      return `refused: ${nameIn(Code, txn.err)}`;
    case 'multi':
      return txn.parts.map((part) => tellTxn(part.txn)).join('; ');
    default:
      return txn satisfies never;
  }
}

function tellRequest(data: Uint8Array | null): string {
  const payload = decodeRequestPayload(data);
  if (!payload.ok) return '(undecodable)';
  const { type, body } = payload.value;
  const request = decodeRequest(type, body);
  return request.ok && 'path' in request.value ? `${nameIn(Op, type)} ${request.value.path}` : nameIn(Op, type);
}
