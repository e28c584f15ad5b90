/**
 * A few servers that do nothing but elect, on a network small enough to be read: every `FleState` with its `CnxState`,
 * connections as pairs of FIFO queues, a clock that moves only when told to.
 *
 * What is in flight is a list of actions; the caller chooses which happens next, so one and the same network serves the
 * transcripts (in order) and the random tests (in any order).
 */

import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import { hasQuorum, parseMembership, roleOf } from '../../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../../core/config/types.ts';
import {
  type CnxState,
  cnxBoot,
  cnxBytes,
  cnxClosed,
  cnxDeadline,
  cnxFailed,
  cnxForget,
  cnxOpened,
  cnxOwns,
  cnxTick,
} from '../../../core/election/cnx-manager.ts';
import type { ElectionCtx } from '../../../core/election/context.ts';
import {
  type FleEvent,
  type FleState,
  fleBoot,
  fleDeadline,
  fleLook,
  fleMessage,
  fleSettled,
  fleTick,
  fleVoteEpoch,
} from '../../../core/election/fle.ts';
import type { Vote } from '../../../core/election/vote.ts';
import type { Address, Effect, Io, Remote } from '../../../core/io.ts';
import { asConn, asPeer, asZxid, type ConnId, type PeerId } from '../../../core/types.ts';

export interface MiniServer {
  readonly id: PeerId;
  config: PeerConfig;
  committed: Membership;
  lastSeen: Membership;
  own: { zxid: number; peerEpoch: number };
  fle: FleState;
  cnx: CnxState;
  up: boolean;
  /** When the present role began. */
  settledAtMs: number;
  nextConn: number;
  listening: Address[];
}

/** What one end of a connection sees. */
interface End {
  server: PeerId;
  conn: ConnId;
  /** Chunks on their way to this end; null is the end of the stream. */
  inbox: (Uint8Array | null)[];
  open: boolean;
}

interface Pipe {
  readonly seq: number;
  dialler: End;
  /** Set once the other side has accepted. */
  acceptor: End | null;
  target: PeerId;
}

/** Something in flight that may happen next. */
export interface Action {
  /** Actions of the same pipe and direction are ordered; `seq` orders all by when they were caused. */
  readonly seq: number;
  readonly what: string;
  readonly run: () => void;
}

export type Observer = (server: PeerId, effect: Effect) => void;

export class MiniNet {
  nowMs = 0;
  readonly servers = new Map<PeerId, MiniServer>();
  private pipes: Pipe[] = [];
  private seq = 1;
  private readonly cuts = new Set<string>();
  /** Chunks are cut at these sizes in turn; empty: never. */
  cutSizes: number[] = [];
  private cutIndex = 0;
  onEffect: Observer = () => {};
  /** Runs one step of a server; another may run it on a draft of the state. */
  inStep: (server: MiniServer, run: () => void) => void = (_server, run) => run();
  onEvent: (server: PeerId, event: FleEvent) => void = () => {};
  /** A server accepted a connection of another. */
  onAccept: (server: PeerId, conn: ConnId, from: PeerId) => void = () => {};

  /** Adds a server that is not started. */
  add(id: number, membership: Membership, config: Partial<PeerConfig> = {}): MiniServer {
    const full: PeerConfig = { ...DEFAULT_CONFIG, myid: asPeer(id), membership, ...config };
    const server: MiniServer = {
      id: asPeer(id),
      config: full,
      committed: membership,
      lastSeen: membership,
      own: { zxid: 0, peerEpoch: 0 },
      fle: fleBoot(full),
      cnx: { listening: [], conns: new Map(), links: new Map(), nextAnonymous: -1, insisting: false },
      up: false,
      settledAtMs: 0,
      nextConn: 1,
      listening: [],
    };
    this.servers.set(server.id, server);
    return server;
  }

  get(id: number): MiniServer {
    const server = this.servers.get(asPeer(id));
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  /** Starts the process: it listens and looks for a leader. */
  start(id: number, own?: { zxid: number; peerEpoch: number }): void {
    const server = this.get(id);
    if (own !== undefined) server.own = own;
    server.up = true;
    server.fle = fleBoot(server.config);
    server.cnx = cnxBoot(server.config, this.io(server));
    this.look(id);
  }

  look(id: number): void {
    this.inStep(this.get(id), () => this.lookAgain(this.get(id)));
  }

  /** Ends the process: its connections break, what it had not yet sent is gone with them. */
  crash(id: number): void {
    const server = this.get(id);
    server.up = false;
    server.listening = [];
    for (const pipe of this.pipes) {
      for (const [end, other] of this.endsOf(pipe)) {
        if (end.server !== server.id || !end.open) continue;
        end.open = false;
        end.inbox = [];
        if (other !== null) other.inbox.push(null);
      }
    }
  }

  /** The role went on to the new epoch. */
  joinEpoch(id: number, epoch: number): void {
    const server = this.get(id);
    server.own = { zxid: server.own.zxid, peerEpoch: epoch };
    this.inStep(server, () => fleVoteEpoch(server.fle, epoch));
  }

  cut(a: number, b: number): void {
    this.cuts.add(`${a}-${b}`).add(`${b}-${a}`);
  }

  heal(): void {
    this.cuts.clear();
  }

  isCut(a: PeerId, b: PeerId): boolean {
    return this.cuts.has(`${a}-${b}`);
  }

  /** Breaks every connection between two servers. */
  reset(a: number, b: number): void {
    for (const pipe of this.pipes) {
      const ends = [pipe.dialler.server, pipe.target];
      if (!ends.includes(asPeer(a)) || !ends.includes(asPeer(b))) continue;
      pipe.dialler.inbox = [null];
      if (pipe.acceptor !== null) pipe.acceptor.inbox = [null];
    }
  }

  /** Everything that may happen next, in the order it was caused. */
  actions(): Action[] {
    const actions: Action[] = [];
    this.pipes = this.pipes.filter((pipe) => this.endsOf(pipe).some(([end]) => end.open && this.get(end.server).up));
    for (const pipe of this.pipes) {
      if (this.isCut(pipe.dialler.server, pipe.target)) continue;
      if (pipe.acceptor === null && pipe.dialler.open) {
        actions.push({
          seq: pipe.seq,
          what: `${pipe.dialler.server} reaches ${pipe.target}`,
          run: () => this.connect(pipe),
        });
      }
      if (pipe.acceptor === null) continue;
      for (const [end, other] of this.endsOf(pipe)) {
        if (end.inbox.length === 0 || !end.open) continue;
        actions.push({ seq: pipe.seq, what: `${other!.server} to ${end.server}`, run: () => this.deliver(end) });
      }
    }
    return actions.sort((a, b) => a.seq - b.seq);
  }

  /** Lets everything in flight arrive, oldest connection first, without time passing. */
  settle(limit = 10_000): void {
    for (let i = 0; i < limit; i++) {
      const next = this.actions()[0];
      if (next === undefined) return;
      next.run();
    }
    throw new Error('the servers talk for ever');
  }

  /** The next moment at which some server wants a tick; null when none does. */
  deadline(): number | null {
    let at = Number.POSITIVE_INFINITY;
    for (const server of this.servers.values()) at = Math.min(at, this.deadlineOf(server));
    return at === Number.POSITIVE_INFINITY ? null : at;
  }

  /** Moves the clock and gives every server whose deadline has come its tick. */
  advanceTo(nowMs: number): void {
    this.nowMs = Math.max(this.nowMs, nowMs);
    for (const server of this.servers.values()) {
      if (this.deadlineOf(server) > this.nowMs) continue;
      this.inStep(server, () => {
        cnxTick(server.cnx, this.ctx(server), this.io(server));
        this.take(server, fleTick(server.fle, this.ctx(server), this.io(server)));
      });
    }
  }

  /** Delivers and ticks in turn until `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      this.settle();
      const at = this.deadline();
      if (at === null || at > untilMs) break;
      this.advanceTo(at);
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Servers that have settled on this leader, itself included when it leads. */
  supportersOf(leader: PeerId): PeerId[] {
    const ids: PeerId[] = [];
    for (const { id, up, fle } of this.servers.values()) {
      if (up && fle.vote.leader === leader && isSettled(fle)) ids.push(id);
    }
    return ids;
  }

  /** Leaders that a quorum of their configuration has settled on. */
  leaders(): PeerId[] {
    return [...this.servers.values()]
      .filter(({ id, up, fle, committed }) => {
        return up && fle.status === 'leading' && hasQuorum(committed, this.supportersOf(id));
      })
      .map(({ id }) => id);
  }

  ctx({ id, config, committed, lastSeen, cnx }: MiniServer): ElectionCtx {
    return { config, self: id, membership: lastSeen, committed, cnx };
  }

  io(server: MiniServer): Io {
    return {
      now: { monoMs: this.nowMs, wallMs: this.nowMs },
      emit: (effect) => this.execute(server, effect),
      newConn: () => asConn(-server.nextConn++),
    };
  }

  take(server: MiniServer, events: readonly FleEvent[]): void {
    for (const event of events) {
      this.onEvent(server.id, event);
      if (event.type === 'configSeen') this.adopt(server, event.membership);
      else this.settleRole(server, event.vote);
    }
  }

  private settleRole(server: MiniServer, vote: Vote): void {
    if (vote.state === 'looking') throw new Error('elected to look');
    fleSettled(server.fle, vote.state);
    server.settledAtMs = this.nowMs;
  }

  private adopt(server: MiniServer, membership: Membership): void {
    server.committed = membership;
    if (membership.version > server.lastSeen.version) server.lastSeen = membership;
    cnxForget(server.cnx, this.ctx(server), this.io(server));
    this.lookAgain(server);
  }

  private lookAgain(server: MiniServer): void {
    fleSettled(server.fle, 'idle');
    const { zxid, peerEpoch } = server.own;
    this.take(server, fleLook(server.fle, this.ctx(server), this.io(server), { zxid: asZxid(zxid), peerEpoch }));
  }

  private deadlineOf({ up, cnx, fle, config }: MiniServer): number {
    if (!up) return Number.POSITIVE_INFINITY;
    const none = Number.POSITIVE_INFINITY;
    return Math.min(cnxDeadline(cnx, config) ?? none, fleDeadline(fle) ?? none);
  }

  private execute(server: MiniServer, effect: Effect): void {
    this.onEffect(server.id, effect);
    switch (effect.type) {
      case 'listen':
        server.listening.push(effect.address);
        return;
      case 'unlisten':
        server.listening = [];
        return;
      case 'connect':
        this.pipes.push({
          seq: this.seq++,
          dialler: { server: server.id, conn: effect.conn, inbox: [], open: true },
          acceptor: null,
          target: this.ownerOf(effect.address) ?? asPeer(0),
        });
        return;
      case 'send':
        this.send(server, effect.conn, effect.bytes);
        return;
      case 'close':
        this.close(server, effect.conn);
        return;
      case 'note':
        return;
      default:
        throw new Error(`an election does not ask for ${effect.type}`);
    }
  }

  private ownerOf({ host, port }: Address): PeerId | null {
    for (const server of this.servers.values()) {
      const named = server.committed.servers.find(({ id }) => id === server.id);
      const all = [
        ...server.listening,
        ...(named?.addresses.map((a) => ({ host: a.host, port: a.electionPort })) ?? []),
      ];
      if (all.some((address) => address.host === host && address.port === port)) return server.id;
    }
    return null;
  }

  private endsOf(pipe: Pipe): [End, End | null][] {
    return pipe.acceptor === null
      ? [[pipe.dialler, null]]
      : [
          [pipe.dialler, pipe.acceptor],
          [pipe.acceptor, pipe.dialler],
        ];
  }

  private findEnd(server: PeerId, conn: ConnId): [End, End | null] | null {
    for (const pipe of this.pipes) {
      for (const [end, other] of this.endsOf(pipe)) if (end.server === server && end.conn === conn) return [end, other];
    }
    return null;
  }

  private send(server: MiniServer, conn: ConnId, bytes: Uint8Array): void {
    const found = this.findEnd(server.id, conn);
    if (found === null || !found[0].open) throw new Error(`${server.id} writes to a connection it does not have`);
    const other = found[1];
    if (other === null || !other.open) return;
    let rest = bytes;
    while (this.cutSizes.length > 0 && rest.length > 0) {
      const size = Math.max(1, this.cutSizes[this.cutIndex++ % this.cutSizes.length]!);
      other.inbox.push(rest.slice(0, size));
      rest = rest.slice(size);
    }
    if (rest.length > 0) other.inbox.push(rest);
  }

  private close(server: MiniServer, conn: ConnId): void {
    const found = this.findEnd(server.id, conn);
    if (found === null) return;
    const [end, other] = found;
    end.open = false;
    end.inbox = [];
    other?.inbox.push(null);
  }

  /** The SYN arrives. */
  private connect(pipe: Pipe): void {
    const dialler = this.get(pipe.dialler.server);
    const target = this.servers.get(pipe.target);
    const conn = pipe.dialler.conn;
    if (target === undefined || !target.up || target.listening.length === 0) {
      pipe.dialler.open = false;
      this.inStep(dialler, () => {
        cnxFailed(dialler.cnx, this.ctx(dialler), this.io(dialler), { conn, reason: 'refused' });
      });
      return;
    }
    const accepted = asConn(target.nextConn++);
    this.onAccept(target.id, accepted, dialler.id);
    pipe.acceptor = { server: target.id, conn: accepted, inbox: [], open: true };
    this.inStep(target, () => {
      cnxOpened(target.cnx, this.ctx(target), this.io(target), { conn: accepted, remote: remoteOf(dialler.id) });
    });
    this.inStep(dialler, () => {
      cnxOpened(dialler.cnx, this.ctx(dialler), this.io(dialler), { conn, remote: remoteOf(target.id) });
    });
  }

  private deliver(end: End): void {
    const server = this.get(end.server);
    const chunk = end.inbox.shift();
    if (!server.up || chunk === undefined || !cnxOwns(server.cnx, end.conn)) return;
    if (chunk === null) {
      end.open = false;
      const input = { conn: end.conn, reason: 'closed by the other end' };
      this.inStep(server, () => cnxClosed(server.cnx, this.ctx(server), this.io(server), input));
      return;
    }
    const input = { conn: end.conn, bytes: chunk };
    this.inStep(server, () => {
      for (const { from, bytes } of cnxBytes(server.cnx, this.ctx(server), this.io(server), input)) {
        this.take(server, fleMessage(server.fle, this.ctx(server), this.io(server), from, bytes));
      }
    });
  }
}

export const isSettled = (fle: FleState): boolean =>
  fle.status === 'leading' || fle.status === 'following' || fle.status === 'observing';

const remoteOf = (id: PeerId): Remote => ({ ip: `10.0.0.${id}`, port: 40_000, tls: false, certificate: null });

/** `1 2 3 4:observer` with addresses made from the ids. */
export function membershipOfIds(spec: string, options: { version?: number; extra?: string[] } = {}): Membership {
  const lines = spec.split(' ').map((word) => {
    const [id, role = 'participant'] = word.split(':');
    return `server.${id}=10.0.0.${id}:2888:3888:${role}`;
  });
  const version = (options.version ?? 0).toString(16);
  const parsed = parseMembership([...lines, ...(options.extra ?? []), `version=${version}`].join('\n'));
  if (!parsed.ok) throw new Error(parsed.fault.reason);
  return parsed.membership;
}

export const isMemberOf = (m: Membership, id: PeerId): boolean => roleOf(m, id) !== null;
