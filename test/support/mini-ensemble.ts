/**
 * Whole servers (`boot` and `step` with their real storage machines) on a link and on disks small enough to be read.
 *
 * Everything that was asked for and has not happened yet is in flight: a file operation, a dial, bytes, the end of a
 * connection. What is in flight happens in the order in which it was asked for, takes no time, and can be held: one lane
 * of one disk, or one direction between two servers. So a story can say "the follower's fsync is late" or "the third
 * ACKEPOCH overtakes the second", and nothing else changes. The clock moves only when told to.
 */

import { DEFAULT_CONFIG } from '../../core/config/defaults.ts';
import { parseMembership, roleOf } from '../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../core/config/types.ts';
import type { Address, Channel, Effect, FileAction, FileResult, Input, Lane } from '../../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../../core/peer.ts';
import { asConn, asPeer, assert, type ConnId, type Now, type PeerId } from '../../core/types.ts';
import { MemoryDisk } from '../unit/storage/memory-disk.ts';

export interface MiniServer {
  readonly id: PeerId;
  config: PeerConfig;
  disk: MemoryDisk;
  /** Null while the process is down. */
  peer: Peer | null;
  generation: number;
  nextConn: number;
  readonly listening: Map<Channel, Address[]>;
}

/** What the test holds of a connection to a server: a client's end, or that of a server which the test plays. */
export interface Wire {
  readonly channel: Channel;
  readonly server: PeerId;
  /** The server's own name for it. */
  readonly conn: ConnId;
  /** What the server has sent and nobody has taken yet. */
  received: Uint8Array[];
  /** Called with what the server sends, as it sends it. */
  onBytes: (bytes: Uint8Array) => void;
  /** The server has closed it, or died. */
  closed: boolean;
}

interface Socket {
  readonly conn: ConnId;
  readonly server: PeerId;
  readonly channel: Channel;
  /** Who is at the other end: a server, or a name that the test uses. */
  readonly far: PeerId | string;
  readonly other: Socket | Wire;
  open: boolean;
}

/** Something in flight. Flights with the same lane happen in order. */
interface Flight {
  readonly seq: number;
  readonly lane: string;
  /** The names under which it can be held. */
  readonly names: readonly string[];
  readonly owner: string;
  readonly run: () => void;
}

export interface StepReport {
  readonly server: MiniServer;
  readonly peer: Peer;
  readonly input: Input | null;
  readonly effects: readonly Effect[];
}

/** Wall time of the first millisecond. */
export const WALL_MS = 1_700_000_000_000;

export const TEST_SETTINGS: Partial<PeerConfig> = { preAllocSizeKb: 4, skipAcl: true, maxClientCnxns: 0 };

export class MiniEnsemble {
  nowMs = 0;
  wallMs = WALL_MS;
  readonly servers = new Map<PeerId, MiniServer>();
  private flights: Flight[] = [];
  private readonly sockets: Socket[] = [];
  private readonly held = new Set<string>();
  private seq = 1;
  /** Servers that the test plays: what happens to a dial of a real server. Absent: refused. */
  readonly played = new Map<PeerId, (wire: Wire) => void>();
  /** A step was made; what it asks for has not happened yet. */
  onStep: (report: StepReport) => void = () => {};
  /** … and was begun: what it sent to the test has arrived. */
  onStepDone: () => void = () => {};
  onFile: (server: MiniServer, action: FileAction, result: FileResult) => void = () => {};
  /** Runs one step; another may run it on a draft of the state. */
  runStep: (peer: Peer, now: Now, input: Input, emit: (effect: Effect) => void) => void = step;

  add(id: number, membership: Membership | null, settings: Partial<PeerConfig> = {}): MiniServer {
    const clientAddress = { host: `10.0.0.${id}`, port: 2181 };
    const myid = asPeer(id);
    // As zoo.cfg is read: the list of servers says what this one is.
    const peerType = (membership === null ? null : roleOf(membership, myid)) ?? 'participant';
    const config = { ...DEFAULT_CONFIG, ...TEST_SETTINGS, myid, membership, clientAddress, peerType, ...settings };
    const server: MiniServer = {
      id: myid,
      config,
      disk: new MemoryDisk(),
      peer: null,
      generation: 0,
      nextConn: 1,
      listening: new Map(),
    };
    this.servers.set(server.id, server);
    return server;
  }

  get(id: number): MiniServer {
    const server = this.servers.get(asPeer(id));
    assert(server !== undefined, `there is no server ${id}`);
    return server;
  }

  peer(id: number): Peer {
    const { peer } = this.get(id);
    assert(peer !== null, `server ${id} is down`);
    return peer;
  }

  // --- processes -------------------------------------------------------------------------------------------------------

  start(id: number): void {
    const server = this.get(id);
    assert(server.peer === null, `server ${id} is up already`);
    server.generation += 1;
    const effects: Effect[] = [];
    const secrets = { generation: server.generation, sessionSecret: new Uint8Array(16), jitterSeed: id };
    server.peer = boot(server.config, secrets, this.now(), (effect) => effects.push(effect));
    this.after(server, null, effects);
  }

  /**
   * The process dies. What it had written stays in the page cache, what it had sent arrives; file operations that were in
   * flight never happen.
   */
  crash(id: number): void {
    const server = this.get(id);
    server.peer = null;
    server.listening.clear();
    for (const socket of this.sockets) if (socket.server === server.id) this.hangUp(socket);
    this.flights = this.flights.filter(({ owner }) => owner !== ownerOf(server));
  }

  /** The machine loses power, and with it everything that was not fsynced and what it had sent but not got out. */
  powerCut(id: number): void {
    this.flights = this.flights.filter(({ names }) => !names.some((name) => name.startsWith(`link ${id} `)));
    this.crash(id);
    const rolls = [0.5, 0.1];
    this.get(id).disk.powerCut(() => rolls.shift() ?? 0.99);
  }

  // --- time and order --------------------------------------------------------------------------------------------------

  now(): Now {
    return { monoMs: this.nowMs, wallMs: this.wallMs + this.nowMs };
  }

  /** `disk 2 log`: a lane of a disk; `link 2 3` or `link 2 3 quorum`: what 2 sends to 3. */
  hold(name: string): void {
    this.held.add(name);
  }

  release(name: string): void {
    this.held.delete(name);
  }

  releaseAll(): void {
    this.held.clear();
  }

  /** The first thing in flight that is not held. */
  private next(): Flight | null {
    const blocked = new Set<string>();
    for (const flight of this.flights) {
      if (!blocked.has(flight.lane) && !flight.names.some((name) => this.held.has(name))) return flight;
      blocked.add(flight.lane);
    }
    return null;
  }

  /** How much is in flight, held or not. */
  get inFlight(): number {
    return this.flights.length;
  }

  /** One thing in flight happens. False: nothing can. */
  advance(): boolean {
    const flight = this.next();
    if (flight === null) return false;
    this.flights.splice(this.flights.indexOf(flight), 1);
    flight.run();
    return true;
  }

  /** Everything in flight happens, also what that causes in turn. No time passes. */
  settle(): void {
    for (let i = 0; i < STEPS_MAX; i++) {
      if (this.advance()) continue;
      const due = [...this.servers.values()].filter((server) => this.deadlineOf(server) <= this.nowMs);
      if (due.length === 0) return;
      for (const server of due) this.input(server, { type: 'tick' });
    }
    throw new Error('the servers are never done');
  }

  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      this.settle();
      const atMs = Math.min(...[...this.servers.values()].map((server) => this.deadlineOf(server)));
      if (atMs > untilMs) break;
      this.nowMs = atMs;
    }
    this.nowMs = untilMs;
  }

  /** Runs until the condition holds; the story fails when that takes longer than `withinMs`. */
  runUntil(condition: () => boolean, withinMs: number): void {
    this.settle();
    for (const untilMs = this.nowMs + withinMs; !condition(); this.run(10)) {
      assert(this.nowMs < untilMs, 'what the story waits for does not happen');
    }
  }

  private deadlineOf({ peer }: MiniServer): number {
    return (peer === null ? null : nextDeadline(peer)) ?? Number.POSITIVE_INFINITY;
  }

  // --- one step --------------------------------------------------------------------------------------------------------

  input(server: MiniServer, input: Input): void {
    const { peer } = server;
    if (peer === null) return;
    const effects: Effect[] = [];
    this.runStep(peer, this.now(), input, (effect) => effects.push(effect));
    this.after(server, input, effects);
  }

  private after(server: MiniServer, input: Input | null, effects: readonly Effect[]): void {
    const { peer } = server;
    if (peer === null) return;
    this.onStep({ server, peer, input, effects });
    for (const effect of effects) this.execute(server, effect);
    this.onStepDone();
  }

  private execute(server: MiniServer, effect: Effect): void {
    switch (effect.type) {
      case 'file':
        return this.startFile(server, effect);
      case 'connect':
        return this.dial(server, effect);
      case 'send': {
        const socket = this.socketOf(server.id, effect.conn);
        assert(socket?.open === true, `${server.id} sends on a connection that it does not have`);
        return this.transmit(socket, effect.bytes);
      }
      case 'close': {
        const socket = this.socketOf(server.id, effect.conn);
        if (socket !== undefined) this.hangUp(socket);
        return;
      }
      case 'listen':
        server.listening.set(effect.channel, [...(server.listening.get(effect.channel) ?? []), effect.address]);
        return;
      case 'unlisten':
        server.listening.delete(effect.channel);
        return;
      case 'halt':
        return this.crash(server.id);
      case 'reading':
      case 'note':
        return;
      default:
        effect satisfies never;
    }
  }

  private launch(flight: Omit<Flight, 'seq'>): void {
    this.flights.push({ seq: this.seq++, ...flight });
  }

  // --- disks -----------------------------------------------------------------------------------------------------------

  private startFile(server: MiniServer, effect: Extract<Effect, { type: 'file' }>): void {
    const { op, generation, lane, action } = effect;
    const owner = ownerOf(server);
    this.launch({
      owner,
      lane: `${owner} ${lane}`,
      names: [`disk ${server.id}`, diskName(server.id, lane)],
      run: () => {
        const result = server.disk.run(action);
        this.onFile(server, action, result);
        this.input(server, { type: 'fileDone', op, generation, result });
      },
    });
  }

  // --- connections -----------------------------------------------------------------------------------------------------

  private socketOf(server: PeerId, conn: ConnId): Socket | undefined {
    return this.sockets.findLast((socket) => socket.server === server && socket.conn === conn);
  }

  /** Who is at the other end of a server's connection, and on which channel. */
  farEnd(server: PeerId, conn: ConnId): { readonly far: PeerId | string; readonly channel: Channel } | null {
    return this.socketOf(server, conn) ?? null;
  }

  private dial(server: MiniServer, effect: Extract<Effect, { type: 'connect' }>): void {
    const { conn, channel, peer } = effect;
    const owner = ownerOf(server);
    this.launch({
      owner,
      lane: `${owner} dial ${conn}`,
      names: linkNames(server.id, peer, channel),
      run: () => {
        const play = this.played.get(peer);
        if (play !== undefined) {
          const wire = this.wireTo(server, conn, channel, peer);
          this.input(server, opened(conn, channel, peer));
          play(wire);
        } else if (!this.accept(server, effect)) {
          this.input(server, { type: 'connFailed', conn, reason: 'refused' });
        }
      },
    });
  }

  private accept(server: MiniServer, effect: Extract<Effect, { type: 'connect' }>): boolean {
    const { conn, channel, peer, address } = effect;
    const target = this.servers.get(peer);
    const isListening = target?.listening
      .get(channel)
      ?.some((at) => at.port === address.port && (at.host === address.host || at.host === '0.0.0.0'));
    if (target === undefined || target.peer === null || isListening !== true) return false;
    const accepted = asConn(target.nextConn++);
    const near: Mutable<Socket> = { conn, server: server.id, channel, far: peer, other: UNSET, open: true };
    const far: Socket = { conn: accepted, server: peer, channel, far: server.id, other: near, open: true };
    near.other = far;
    this.sockets.push(near, far);
    this.input(target, opened(accepted, channel, server.id));
    this.input(server, opened(conn, channel, peer));
    return true;
  }

  private wireTo(server: MiniServer, conn: ConnId, channel: Channel, far: PeerId | string): Wire {
    const wire: Wire = { channel, server: server.id, conn, received: [], onBytes: () => {}, closed: false };
    this.sockets.push({ conn, server: server.id, channel, far, other: wire, open: true });
    return wire;
  }

  /** The test dials a server, as a client or as a server that it plays. Null: refused. */
  dialFrom(far: PeerId | string, id: number, channel: Channel): Wire | null {
    const server = this.get(id);
    if (server.peer === null || !server.listening.has(channel)) return null;
    const conn = asConn(server.nextConn++);
    const wire = this.wireTo(server, conn, channel, far);
    this.input(server, opened(conn, channel, far));
    return wire;
  }

  /** The test sends: the bytes are in flight like any others. */
  sendFrom(wire: Wire, bytes: Uint8Array): void {
    const server = this.get(wire.server);
    const socket = this.socketOf(wire.server, wire.conn);
    if (socket === undefined || !socket.open) return;
    this.arriveAt(server, socket, () => this.input(server, { type: 'connBytes', conn: wire.conn, bytes }));
  }

  hangUpFrom(wire: Wire): void {
    const server = this.get(wire.server);
    const socket = this.socketOf(wire.server, wire.conn);
    if (socket === undefined || !socket.open) return;
    this.arriveAt(server, socket, () => this.end(server, socket));
  }

  private transmit(socket: Socket, bytes: Uint8Array): void {
    const { other } = socket;
    if ('received' in other) {
      other.received.push(bytes);
      return other.onBytes(bytes);
    }
    const server = this.get(other.server);
    this.arriveAt(server, other, () => this.input(server, { type: 'connBytes', conn: other.conn, bytes }));
  }

  private hangUp(socket: Socket): void {
    if (!socket.open) return;
    socket.open = false;
    const { other } = socket;
    if ('received' in other) {
      other.closed = true;
    } else if (other.open) {
      const server = this.get(other.server);
      this.arriveAt(server, other, () => this.end(server, other));
    }
  }

  private end(server: MiniServer, socket: Socket): void {
    socket.open = false;
    this.input(server, { type: 'connClosed', conn: socket.conn, reason: 'closed by the other end' });
  }

  /** What arrives on a connection that has been closed meanwhile is lost. */
  private arriveAt(server: MiniServer, socket: Socket, run: () => void): void {
    const owner = ownerOf(server);
    this.launch({
      owner,
      lane: `${owner} conn ${socket.conn}`,
      names: linkNames(socket.far, server.id, socket.channel),
      run: () => {
        if (socket.open) run();
      },
    });
  }

  /** The connections between two servers break; what was under way is lost. */
  reset(a: number, b: number, channel: Channel | null = null): void {
    for (const socket of [...this.sockets]) {
      if (!socket.open || socket.server !== a || socket.far !== b) continue;
      if (channel !== null && socket.channel !== channel) continue;
      const { other } = socket;
      const lanes = ['received' in other ? null : other, socket].map((end) =>
        end === null ? '' : `${ownerOf(this.get(end.server))} conn ${end.conn}`,
      );
      this.flights = this.flights.filter(({ lane }) => !lanes.includes(lane));
      const server = this.get(socket.server);
      this.arriveAt(server, socket, () => this.end(server, socket));
      if (!('received' in other)) {
        const far = this.get(other.server);
        this.arriveAt(far, other, () => this.end(far, other));
      }
    }
  }
}

/** `1 2 3 4:observer`, with addresses made from the ids. */
export function membershipOf(spec: string, version = 0): Membership {
  const lines = spec.split(' ').map((word) => {
    const [id, role = 'participant'] = word.split(':');
    return `server.${id}=10.0.0.${id}:2888:3888:${role};10.0.0.${id}:2181`;
  });
  const parsed = parseMembership([...lines, `version=${version.toString(16)}`].join('\n'));
  assert(parsed.ok, 'not a membership');
  return parsed.membership;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const STEPS_MAX = 200_000;
const UNSET: Wire = {
  channel: 'client',
  server: asPeer(0),
  conn: asConn(0),
  received: [],
  onBytes: () => {},
  closed: true,
};

const ownerOf = ({ id, generation }: MiniServer): string => `${id}.${generation}`;
export const diskName = (id: number, lane: Lane): string => `disk ${id} ${lane}`;
const linkNames = (from: PeerId | string, to: PeerId, channel: Channel): string[] => [
  `link ${from} ${to}`,
  `link ${from} ${to} ${channel}`,
];

const opened = (conn: ConnId, channel: Channel, far: PeerId | string): Input => ({
  type: 'connOpened',
  conn,
  channel,
  remote: { ip: typeof far === 'string' ? '127.0.0.1' : `10.0.0.${far}`, port: 40_000, tls: false, certificate: null },
});
