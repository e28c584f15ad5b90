/** One server while it handles one input: what it is given, what it asks of the outside, and what must hold on the way. */

import type { Channel, Effect, FileAction, Input, Lane } from '../../core/io.ts';
import { type Peer, step } from '../../core/peer.ts';
import { ACCEPTED_EPOCH, CURRENT_EPOCH } from '../../core/storage/names.ts';
import {
  asConn,
  asSession,
  assert,
  type ConnId,
  counterOf,
  epochOf,
  type Now,
  OPEN_ACL,
  ZXID_ZERO,
  type Zxid,
} from '../../core/types.ts';
import { encodeConnectRequest, encodeRequestFrame } from '../../core/wire/client-codec.ts';
import { frameBuffer, pushBytes } from '../../core/wire/framing.ts';
import { CreateMode, Op, Packet } from '../../core/wire/opcodes.ts';
import { nextPacket } from '../../core/wire/quorum-codec.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import type { PropertyId } from '../checkers/properties.ts';
import { copyGraph, NOW, RAW_ACCEPTED, RAW_CONN, type Renaming, WALL } from './canon.ts';
import { type Disk, perform } from './disk.ts';
import { ROOT } from './histories.ts';
import { type ChannelIndex, ELECTION, type Item, QUORUM } from './items.ts';
import { epochOnDisk, type Locals } from './locals.ts';
import {
  CLIENT_CONN,
  ELECTION_CONN,
  endsOf,
  type Parts,
  type PendingFile,
  QUORUM_CONN,
  SLICE,
  type Socket,
} from './slices.ts';

export interface Fault {
  readonly property: PropertyId;
  readonly message: string;
}

export const LANES: readonly Lane[] = ['log', 'meta', 'snap', 'read'];
/** More operations than any input leads to; a loop is an error of the core. */
export const CALLS_MAX = 2000;

/** All clocks, for ever. */
export const CLOCK: Now = { monoMs: NOW, wallMs: WALL };
/** Where tokens stand whose order counts for the normal form. */
const TOKENS = [SLICE.storeEpochs, SLICE.storeRanges, SLICE.saving];
const REMOTE_PORT = 50_000;

export const show = (zxid: Zxid): string => `0x${zxid.toString(16)}`;
export const hostOf = (server: number): string => `10.0.0.${server + 1}`;

const nameOfConn = (channel: ChannelIndex, peer: number): number =>
  (channel === ELECTION ? ELECTION_CONN : QUORUM_CONN) + peer;
const channelOf = (name: number): ChannelIndex => (Math.abs(name) >= QUORUM_CONN ? QUORUM : ELECTION);

interface Send {
  readonly kind: 'send' | 'close' | 'dial' | 'opened';
  readonly conn: number;
  bytes: Uint8Array | null;
}

/** What a turn is made of that was not thawed. */
export interface LiveParts {
  readonly peer: Peer;
  readonly disk: Disk;
  readonly ends: readonly ReadonlyMap<number, Socket>[];
  readonly listening: boolean;
  readonly files: readonly PendingFile[];
  readonly base: number;
  readonly conns: Iterable<readonly [number, number]>;
}

/** One server while it handles one input. */
export class LocalTurn {
  readonly server: number;
  readonly peer: Peer;
  fault: Fault | null = null;
  halted: string | null = null;
  booting = false;
  /** The index in the window from which on this server has proposed the entries itself; -1 when it has not. */
  proposedFrom = -1;
  base: number;
  listening: boolean;
  files: PendingFile[];
  /** What the peer was thawed from; null for one that lives without being frozen. */
  readonly parts: Parts | null;
  /** Names of connections are new each time, and the peer is not frozen between inputs. */
  private nextAccepted = 0;
  private readonly locals: Locals;
  private ownDisk: Disk | null;
  private readonly ownEnds: (Map<number, Socket> | null)[];
  private readonly conns: Map<number, number>;
  /** The other way round. */
  private readonly raws = new Map<number, number>();
  /** Codes of the notes that the last input left. */
  notes: string[] = [];
  private sends: Send[] = [];
  private calls = 0;

  constructor(locals: Locals, server: number, from: Parts | LiveParts) {
    this.locals = locals;
    this.server = server;
    this.parts = 'slices' in from ? from : null;
    const shell = 'slices' in from ? locals.pools.shell(from.slices) : from;
    this.peer = 'slices' in from ? locals.peerFrom(server, from) : from.peer;
    this.files = [...shell.files];
    this.listening = shell.listening;
    this.base = shell.base;
    this.ownDisk = 'slices' in from ? null : from.disk;
    this.ownEnds = 'slices' in from ? [null, null] : from.ends.map((ends) => new Map(ends));
    this.conns = new Map('slices' in from ? [] : from.conns);
  }

  get disk(): Disk {
    this.ownDisk ??= this.parts!.load(SLICE.disk) as Disk;
    return this.ownDisk;
  }
  set disk(disk: Disk) {
    this.parts?.load(SLICE.disk);
    this.ownDisk = disk;
  }

  /** The ends of connections of one channel. */
  ends(channel: ChannelIndex): Map<number, Socket> {
    const known = this.ownEnds[channel];
    if (known !== null && known !== undefined) return known;
    const list = this.parts!.load(endsOf(channel)) as readonly Socket[];
    const made = new Map(list.map((socket) => [socket.conn, socket]));
    this.ownEnds[channel] = made;
    return made;
  }

  /** From here on this turn goes on for ever: see `live.ts`. */
  live(): void {
    this.nextAccepted = RAW_ACCEPTED;
    for (const [raw, name] of this.conns) this.raws.set(name, raw);
  }

  /** Forgets what the last input led to. */
  begin(): void {
    this.sends = [];
    this.notes = [];
    this.fault = null;
    this.proposedFrom = -1;
    this.calls = 0;
  }

  /** A copy that may be frozen. */
  twin(): LocalTurn {
    const { config, secrets, state, heap } = this.peer;
    const copied = copyGraph({ state, heap });
    const { listening, files, base, conns, disk } = this;
    const ends = [this.ends(ELECTION), this.ends(QUORUM)];
    const peer = { config, secrets, ...copied };
    const twin = new LocalTurn(this.locals, this.server, { peer, disk, ends, listening, files, base, conns });
    twin.proposedFrom = this.proposedFrom;
    return twin;
  }

  private rawOf(name: number): ConnId {
    return asConn(this.raws.get(name) ?? name);
  }

  static boot(locals: Locals, server: number, disk: Disk): LocalTurn {
    const early: Effect[] = [];
    const peer = locals.bootPeer(server, (effect) => early.push(effect));
    peer.state.nextConn = RAW_CONN;
    const ends = [new Map(), new Map()];
    const turn = new LocalTurn(locals, server, {
      peer,
      disk,
      ends,
      listening: false,
      files: [],
      base: ROOT,
      conns: [],
    });
    for (const effect of early) turn.take(effect);
    turn.booting = true;
    turn.settle(true);
    return turn;
  }

  step(input: Input): void {
    assert(++this.calls < CALLS_MAX, 'an input without an end');
    this.locals.steps += 1;
    step(this.peer, CLOCK, input, (effect) => this.take(effect));
  }

  private take(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.onSend(effect.conn, effect.bytes);
        return;
      case 'close':
        return this.onClose(this.nameOf(effect.conn));
      case 'connect':
        return this.onConnect(effect);
      case 'listen':
        if (effect.channel === 'quorum') this.listening = true;
        return;
      case 'unlisten':
        if (effect.channel === 'quorum') this.listening = false;
        return;
      case 'file':
        this.files.push({ op: effect.op, lane: effect.lane, action: effect.action });
        return;
      case 'halt':
        this.halted = effect.reason;
        return;
      case 'note':
        this.notes.push(effect.code);
        if (effect.code.startsWith('zab.illegal.')) {
          const fields = JSON.stringify(effect.fields ?? {});
          this.fault ??= {
            property: 'should-not-be-triggered',
            message: `server ${this.server + 1}: ${effect.code} ${fields}`,
          };
        }
        return;
      case 'reading':
        return;
      default:
        effect satisfies never;
    }
  }

  private onClose(name: number): void {
    if (name >= CLIENT_CONN) return;
    if (this.ends(channelOf(name)).delete(name)) this.sends.push({ kind: 'close', conn: name, bytes: null });
  }

  private nameOf(conn: number): number {
    return this.conns.get(conn) ?? conn;
  }

  private onConnect({ conn, channel, peer }: Extract<Effect, { type: 'connect' }>): void {
    const index = channel === 'election' ? ELECTION : QUORUM;
    const name = -nameOfConn(index, peer - 1);
    const ends = this.ends(index);
    assert(!ends.has(name), 'dialled again before the end of the connection before');
    this.conns.set(conn, name);
    if (this.nextAccepted > 0) this.raws.set(name, conn);
    ends.set(name, { conn: name, channel: index, peer: peer - 1, dialled: true, open: false });
    this.sends.push({ kind: 'dial', conn: name, bytes: null });
  }

  private onSend(conn: number, bytes: Uint8Array): void {
    const name = this.nameOf(conn);
    const socket = name >= CLIENT_CONN ? undefined : this.ends(channelOf(name)).get(name);
    if (socket === undefined) return;
    if (socket.channel === QUORUM && socket.dialled) this.checkAck(bytes);
    const last = this.sends.at(-1);
    // A state streamed to a learner is one message: between its pieces nothing can happen that matters.
    const streams = this.sends.some(
      (send) => send.conn === socket.conn && send.bytes !== null && typeOf(send.bytes) === Packet.SNAP,
    );
    if (streams && last?.kind === 'send' && last.conn === socket.conn && last.bytes !== null) {
      last.bytes = joined(last.bytes, bytes);
    } else {
      this.sends.push({ kind: 'send', conn: socket.conn, bytes });
    }
  }

  /** What a follower acknowledges must be on its disk at that moment. */
  private checkAck(bytes: Uint8Array): void {
    const { role } = this.peer.state;
    const type = typeOf(bytes);
    if (role.kind !== 'learning' || (type !== Packet.ACK && type !== Packet.ACKEPOCH)) return;
    const buffer = frameBuffer();
    pushBytes(buffer, bytes);
    const next = nextPacket(buffer, bytes.length);
    if (next.kind !== 'packet') return;
    const { zxid } = next.packet;
    const { histories } = this.locals;
    const has = histories.zxidOf(this.locals.durableFacts(this.server, this.disk).log);
    const accepted = epochOnDisk(this.disk, ACCEPTED_EPOCH);
    const current = epochOnDisk(this.disk, CURRENT_EPOCH);
    const wrong = (what: string): void => {
      this.fault ??= { property: 'durable-before-ack', message: `server ${this.server + 1}: ${what}` };
    };
    if (type === Packet.ACKEPOCH) {
      if (accepted < role.epoch) wrong(`ACKEPOCH of ${role.epoch}, acceptedEpoch on disk ${accepted}`);
    } else if (counterOf(zxid) !== 0) {
      if (role.phase.kind !== 'acked' && role.phase.kind !== 'serving') {
        // The leader waits for the one of NEWLEADER and takes any other for a breach (ZOOKEEPER-4685).
        const message = `server ${this.server + 1}: ACK of ${show(zxid)} before that of NEWLEADER`;
        this.fault ??= { property: 'should-not-be-triggered', message };
      }
      if (has < zxid) wrong(`ACK of ${show(zxid)}, the log on disk ends at ${show(has)}`);
    } else if (role.phase.kind !== 'acked' && role.phase.kind !== 'serving') {
      const { last } = this.peer.heap.log;
      if (has < last)
        wrong(`ACK of NEWLEADER ${epochOf(zxid)}, the log on disk ends at ${show(has)}, not ${show(last)}`);
      else if (current < role.epoch) wrong(`ACK of NEWLEADER ${epochOf(zxid)}, currentEpoch on disk ${current}`);
    }
  }

  // --- inputs ----------------------------------------------------------------------------------------------------------------

  deliver(item: Item): void {
    const conn = (item.dialled ? 1 : -1) * nameOfConn(item.channel, item.from);
    if (item.kind === 'dial' && this.nextAccepted > 0) {
      this.raws.set(conn, this.nextAccepted);
      this.conns.set(this.nextAccepted++, conn);
    }
    const name = this.rawOf(conn);
    const channel: Channel = item.channel === ELECTION ? 'election' : 'quorum';
    const remote = { ip: hostOf(item.from), port: REMOTE_PORT, tls: false, certificate: null };
    const ends = this.ends(item.channel);
    switch (item.kind) {
      case 'dial':
        ends.set(conn, { conn, channel: item.channel, peer: item.from, dialled: false, open: true });
        this.sends.push({ kind: 'opened', conn, bytes: null });
        return this.step({ type: 'connOpened', conn: name, channel, remote });
      case 'opened':
        ends.set(conn, { ...ends.get(conn)!, open: true });
        return this.step({ type: 'connOpened', conn: name, channel, remote });
      case 'refused':
        return this.refuse(conn);
      case 'close': {
        const wasOpen = ends.get(conn)?.open;
        ends.delete(conn);
        if (wasOpen === true) this.step({ type: 'connClosed', conn: name, reason: 'closed' });
        else this.step({ type: 'connFailed', conn: name, reason: 'refused' });
        return;
      }
      case 'data':
        assert(item.bytes !== null, 'a message without bytes');
        return this.step({ type: 'connBytes', conn: name, bytes: item.bytes });
      default:
        item.kind satisfies never;
    }
  }

  /** The dial of the election port of a peer fails. */
  refused(peer: number): void {
    this.refuse(-nameOfConn(ELECTION, peer));
  }

  private refuse(conn: number): void {
    this.ends(channelOf(conn)).delete(conn);
    this.step({ type: 'connFailed', conn: this.rawOf(conn), reason: 'refused' });
  }

  /**
   * A client of this server creates a node, and is gone as soon as it is answered. Server and session stand in the node, so
   * that equal trees have equal histories (`treeNodes`).
   */
  write(): void {
    const first = this.peer.heap.log.length;
    const session = this.peer.state.server.nextSessionId;
    const conn = asConn(CLIENT_CONN + this.peer.state.server.conns.size);
    const remote = { ip: '10.1.0.1', port: REMOTE_PORT, tls: false, certificate: null };
    this.step({ type: 'connOpened', conn, channel: 'client', remote });
    this.step({ type: 'connBytes', conn, bytes: CONNECT });
    this.step({ type: 'connBytes', conn, bytes: createRequest(`${this.server + 1} ${session}`) });
    this.proposedFrom = first;
  }

  // --- disk ------------------------------------------------------------------------------------------------------------------

  hasLane(lane: Lane): boolean {
    return this.files.some((file) => file.lane === lane);
  }

  runOne(lane: Lane): void {
    const index = this.files.findIndex((file) => file.lane === lane);
    const [file] = this.files.splice(index, 1);
    assert(file !== undefined, 'nothing is in flight');
    const { disk, result } = perform(this.disk, file.action);
    this.disk = disk;
    this.step({ type: 'fileDone', op: file.op, generation: 1, result });
  }

  /**
   * A job of a lane. A batch of the log is asked for at once, so what is asked for while it is written is another job; on
   * the other lanes each operation of a job is asked for when the one before is done.
   */
  runLane(lane: Lane): void {
    let left = lane === 'log' ? this.files.filter((file) => file.lane === lane).length : CALLS_MAX;
    while (this.halted === null && left-- > 0 && this.hasLane(lane)) this.runOne(lane);
  }

  /** What takes no time, happens now: ticks that are due, reading, recovery, the installation of a received state. */
  settle(atomicDisk: boolean): void {
    for (;;) {
      if (this.halted !== null) return;
      const first = this.files[0];
      // A snapshot that is being streamed goes on with the next tick, and that is due at once.
      if (this.peer.heap.outgoing.size > 0) this.step({ type: 'tick' });
      else if (first !== undefined && (atomicDisk || this.isBusy())) this.runOne(first.lane);
      else if (!this.read()) break;
    }
    this.dismissClients();
  }

  private isBusy(): boolean {
    const { state, heap } = this.peer;
    const installs = heap.saving !== null || heap.loading !== null || state.store.task?.kind === 'install';
    return installs || state.role.kind === 'recovering';
  }

  /** A read at the head of its lane. */
  private read(): boolean {
    for (const lane of LANES) {
      const head = this.files.find((file) => file.lane === lane);
      if (head === undefined || (head.action.kind !== 'list' && head.action.kind !== 'read')) continue;
      this.runOne(lane);
      return true;
    }
    return false;
  }

  private dismissClients(): void {
    if (this.parts !== null && !this.parts.isTouched(SLICE.server)) return;
    for (const conn of [...this.peer.state.server.conns.values()]) {
      const isIdle = conn.phase.kind === 'serving' && conn.queue.length === 0;
      if (isIdle) this.step({ type: 'connClosed', conn: conn.conn, reason: 'closed' });
    }
  }

  // --- names -----------------------------------------------------------------------------------------------------------------

  naming(): Renaming {
    const ops = new Map<number, number>();
    this.files.forEach((file, i) => {
      ops.set(file.op, i + 1);
    });
    return { conns: this.conns, ops, tokens: this.tokens() };
  }

  /** Only the store gives out tokens. */
  private tokens(): Map<number, number> {
    const tokens = new Map<number, number>();
    const { parts } = this;
    const mayDiffer = parts === null || parts.isWritten(SLICE.store) || TOKENS.some((index) => parts.isTouched(index));
    if (!mayDiffer) return tokens;
    const { store, saving, role } = this.peer.state;
    const used = new Set<number>(store.ranges.keys());
    if (saving !== null) used.add(saving.token);
    if (store.epochs.saving !== null) used.add(store.epochs.saving.token);
    for (const { token } of store.epochs.queue) used.add(token);
    if ((role.kind === 'leading' || role.kind === 'learning') && 'token' in role.phase && role.phase.token !== null) {
      used.add(role.phase.token);
    }
    let next = 1;
    for (const token of [...used].sort((a, b) => a - b)) tokens.set(token, next++);
    return tokens;
  }

  /** Operations in flight under the names that `naming` gives them. */
  filesBy(names: Renaming): PendingFile[] {
    return this.files.map(({ op, lane, action }) => ({ op: names.ops.get(op)!, lane, action: this.kept(action) }));
  }

  private kept(action: FileAction): FileAction {
    return 'bytes' in action ? { ...action, bytes: this.locals.bytes.intern(action.bytes) } : action;
  }

  /** What leaves for other servers. */
  items(): number[] {
    const { items } = this.locals;
    return this.sends.map(({ kind, conn, bytes }) => {
      const dialled = conn < 0;
      const code = Math.abs(conn);
      const channel = code >= QUORUM_CONN ? QUORUM : ELECTION;
      const to = code - (channel === QUORUM ? QUORUM_CONN : ELECTION_CONN);
      return items.intern({ kind: kind === 'send' ? 'data' : kind, channel, from: this.server, to, dialled, bytes });
    });
  }
}

function typeOf(bytes: Uint8Array): number {
  if (bytes.length < 4) return -1;
  return (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

const CONNECT = encodeConnectRequest(
  {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeOut: 10_000,
    sessionId: asSession(0n),
    passwd: new Uint8Array(16),
  },
  false,
);
function createRequest(content: string): Uint8Array {
  return encodeRequestFrame(1, {
    kind: 'create',
    op: Op.create,
    path: '/n',
    data: utf8Encode(content),
    acl: [...OPEN_ACL],
    flags: CreateMode.persistentSequential,
  });
}
