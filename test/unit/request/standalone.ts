/**
 * A server without disk and ensemble, for tests of the client port: client port and authority around one tree, every
 * transaction durable and applied at once, or when the test says so.
 */

import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import { formatMembership, hasQuorum, parseMembership } from '../../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../../core/config/types.ts';
import type { Heap } from '../../../core/heap.ts';
import type { Effect, Input, Io } from '../../../core/io.ts';
import {
  type AuthorityState,
  authorityApplied,
  authorityBoot,
  authorityDeadline,
  authorityPrepare,
  authorityRevalidate,
  authorityTick,
  authorityTouch,
  type ReconfigCtx,
} from '../../../core/request/authority.ts';
import {
  type ServerEvent,
  type ServerMode,
  type ServerState,
  type Submission,
  serverApplied,
  serverBlocked,
  serverBoot,
  serverBytes,
  serverClosed,
  serverDeadline,
  serverDrained,
  serverOpened,
  serverRevalidated,
  serverStart,
  serverStop,
  serverSyncDone,
  serverTick,
} from '../../../core/request/server.ts';
import { TxnWindow } from '../../../core/storage/window.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { WatchTable } from '../../../core/tree/watches.ts';
import {
  asConn,
  asPeer,
  asSession,
  asZxid,
  type ConnId,
  type Now,
  type PeerId,
  type SessionId,
  type Zxid,
} from '../../../core/types.ts';
import {
  type ClientReply,
  type ClientRequest,
  decodeConnectResponse,
  decodeReply,
  decodeReplyHeader,
  decodeWatchEvent,
  encodeConnectRequest,
  encodeRequestFrame,
} from '../../../core/wire/client-codec.ts';
import { Op, Xid } from '../../../core/wire/opcodes.ts';
import type { LogEntry } from '../../../core/wire/txn.ts';
import { decodeTxn, encodeTxn } from '../../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';

export interface StandaloneOptions {
  readonly config?: Partial<PeerConfig>;
  readonly mode?: Exclude<ServerMode, 'stopped'>;
  /** The deciding server's configuration, when it is another one. */
  readonly leader?: Partial<PeerConfig>;
  /** Transactions and syncs wait for `commit()`. */
  readonly hold?: boolean;
  readonly startZxid?: Zxid;
  readonly nowMs?: number;
  /** The deciding server leads this ensemble, whose voters 1 to 3 are all connected. */
  readonly ensemble?: Membership;
}

export const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i * 7);

export class Standalone {
  readonly config: PeerConfig;
  readonly leader: PeerConfig;
  readonly heap: Heap;
  readonly server: ServerState;
  readonly auth: AuthorityState;
  now: Now;
  hold: boolean;
  reconfig: ReconfigCtx | null = null;
  lastProposed: Zxid;
  /** Frames (without their length) sent to each connection and not yet taken. */
  readonly sent = new Map<ConnId, Uint8Array[]>();
  readonly closed = new Set<ConnId>();
  readonly paused = new Set<ConnId>();
  readonly notes: Extract<Effect, { type: 'note' }>[] = [];
  /** Every transaction, in order. */
  readonly log: LogEntry[] = [];
  /** Prepared and not yet applied, or a sync in its place among them. */
  readonly pending: ({ entry: LogEntry } | { sync: { session: SessionId; cxid: number } })[] = [];
  touches: SessionId[] = [];

  constructor(options: StandaloneOptions = {}) {
    this.config = { ...DEFAULT_CONFIG, maxClientCnxns: 0, ...options.config };
    this.leader = { ...this.config, ...options.leader };
    this.now = { monoMs: 1_000_000, wallMs: options.nowMs ?? 1_700_000_000_000 };
    this.hold = options.hold ?? false;
    const tree = DataTree.fresh();
    tree.lastZxid = options.startZxid ?? asZxid(0);
    this.lastProposed = tree.lastZxid;
    this.heap = {
      tree,
      log: new TxnWindow(asZxid(0)),
      watches: new WatchTable(),
      outgoing: new Map(),
      incoming: null,
      saving: null,
      loading: null,
    };
    if (options.ensemble !== undefined) {
      this.lead(options.ensemble);
      tree.initConfig(utf8Encode(formatMembership(options.ensemble)), options.ensemble.version);
    }
    const io = this.io();
    this.server = serverBoot(this.config, { generation: 1, sessionSecret: SECRET, jitterSeed: 0 }, io);
    this.auth = authorityBoot(this.heap, this.leader, io);
    serverStart(this.server, this.heap, this.config, io, options.mode ?? 'standalone');
  }

  private io(): Io {
    return { now: this.now, emit: (effect) => this.onEffect(effect), newConn: () => asConn(-1) };
  }

  private onEffect(effect: Effect): void {
    switch (effect.type) {
      case 'send': {
        const frames = this.sent.get(effect.conn) ?? [];
        frames.push(effect.bytes);
        this.sent.set(effect.conn, frames);
        break;
      }
      case 'close':
        this.closed.add(effect.conn);
        break;
      case 'reading':
        if (effect.on) this.paused.delete(effect.conn);
        else this.paused.add(effect.conn);
        break;
      case 'note':
        this.notes.push(effect);
        break;
      case 'listen':
        break;
      default:
        throw new Error(`unexpected effect ${effect.type}`);
    }
  }

  // --- the shell's side ----------------------------------------------------------------------------------------------

  open(conn: ConnId, ip = '127.0.0.1', certificate: Uint8Array | null = null): void {
    const remote = { ip, port: 40_000 + conn, tls: certificate !== null, certificate };
    const input: Extract<Input, { type: 'connOpened' }> = { type: 'connOpened', conn, channel: 'client', remote };
    this.route(serverOpened(this.server, this.heap, this.config, this.io(), input));
  }

  bytes(conn: ConnId, bytes: Uint8Array): void {
    this.route(serverBytes(this.server, this.heap, this.config, this.io(), { type: 'connBytes', conn, bytes }));
  }

  lose(conn: ConnId): void {
    const input = { type: 'connClosed', conn, reason: 'lost' } as const;
    this.route(serverClosed(this.server, this.heap, this.config, this.io(), input));
  }

  block(conn: ConnId): void {
    this.route(serverBlocked(this.server, this.heap, this.config, this.io(), { type: 'connBlocked', conn }));
  }

  drain(conn: ConnId): void {
    this.route(serverDrained(this.server, this.heap, this.config, this.io(), { type: 'connDrained', conn }));
  }

  stop(): void {
    serverStop(this.server, this.heap, this.io());
  }

  start(mode: Exclude<ServerMode, 'stopped'>): void {
    serverStart(this.server, this.heap, this.config, this.io(), mode);
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  /** Lets time pass, waking the machines when they asked for it. */
  advance(ms: number): void {
    const endMs = this.now.monoMs + ms;
    for (;;) {
      const next = Math.min(serverDeadline(this.server) ?? Infinity, authorityDeadline(this.auth) ?? Infinity);
      if (next > endMs) break;
      this.moveTo(Math.max(next, this.now.monoMs));
      this.tick();
    }
    this.moveTo(endMs);
  }

  private moveTo(monoMs: number): void {
    this.now = { monoMs, wallMs: this.now.wallMs + monoMs - this.now.monoMs };
  }

  private tick(): void {
    this.route(serverTick(this.server, this.heap, this.config, this.io()));
    for (const request of authorityTick(this.auth, this.heap, this.leader, this.io())) {
      this.submit(request, this.leader.myid);
    }
  }

  // --- the rest of the server's side ---------------------------------------------------------------------------------

  private route(events: readonly ServerEvent[]): void {
    const queue = [...events];
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      switch (event.type) {
        case 'submit':
          queue.push(...this.submit({ ...event.request, body: event.request.body.slice() }, this.config.myid));
          break;
        case 'sync':
          if (this.hold) this.pending.push({ sync: { session: event.session, cxid: event.cxid } });
          else queue.push(...serverSyncDone(this.server, this.heap, this.config, this.io(), event));
          break;
        case 'revalidate': {
          const { session, timeoutMs } = event;
          const valid = authorityRevalidate(this.auth, this.io(), { session, timeoutMs, owner: this.config.myid });
          queue.push(
            ...serverRevalidated(this.server, this.heap, this.config, this.io(), {
              session,
              valid,
              proposed: asZxid(0),
            }),
          );
          break;
        }
        case 'touch':
          authorityTouch(this.auth, this.io(), event.session, event.timeoutMs);
          this.touches.push(event.session);
          break;
      }
    }
  }

  /** Prepares a request; what it answers with at once, if nothing is held. */
  submit(request: Submission, from: PeerId): readonly ServerEvent[] {
    const zxid = asZxid(this.lastProposed + 1);
    const ctx = { zxid, from, reconfig: this.reconfig };
    const prepared = authorityPrepare(this.auth, this.heap, this.leader, this.io(), request, ctx);
    if (prepared.type === 'reject') return [];
    this.lastProposed = zxid;
    this.log.push(prepared.entry);
    if (!this.hold) return this.apply(prepared.entry);
    this.pending.push({ entry: prepared.entry });
    return [];
  }

  private lead(membership: Membership): void {
    const connected = [1, 2, 3].map(asPeer);
    this.reconfig = {
      committed: membership,
      lastSeen: membership,
      hasSyncedQuorum: (next) => hasQuorum(next, connected),
    };
  }

  private apply(entry: LogEntry): readonly ServerEvent[] {
    const decoded = decodeTxn(entry.bytes);
    if (!decoded.ok) throw new Error(`a transaction that cannot be decoded: ${decoded.error}`);
    const { header, txn, digest } = decoded.value;
    const result = this.heap.tree.apply(header, txn);
    if (digest !== null && digest.treeDigest !== this.heap.tree.digest()) {
      throw new Error(`predicted digest ${digest.treeDigest}, tree says ${this.heap.tree.digest()} at ${header.zxid}`);
    }
    authorityApplied(this.auth, this.heap, header, txn);
    if (header.type === Op.reconfig && txn.kind === 'setData' && txn.data !== null) {
      const parsed = parseMembership(utf8Decode(txn.data) ?? '');
      if (parsed.ok) this.lead(parsed.membership);
    }
    return serverApplied(this.server, this.heap, this.config, this.io(), { header, txn, result });
  }

  /** Applies the next held transactions (all by default), and does the syncs between them. */
  commit(count = Infinity): void {
    for (let i = 0; i < count; i++) {
      const next = this.pending.shift();
      if (next === undefined) return;
      if ('entry' in next) this.route(this.apply(next.entry));
      else this.route(serverSyncDone(this.server, this.heap, this.config, this.io(), next.sync));
    }
  }

  /** Uses up zxids as refused writes do. */
  filler(count = 1): void {
    for (let i = 0; i < count; i++) {
      const zxid = asZxid(this.lastProposed + 1);
      const header = { clientId: asSession(0n), cxid: 0, zxid, time: this.now.wallMs, type: Op.error };
      this.auth.overlay.lastDecided = zxid;
      this.lastProposed = zxid;
      this.route(this.apply({ zxid, bytes: encodeTxn(header, { kind: 'error', err: -1 }, null) }));
    }
  }

  // --- a client's side -----------------------------------------------------------------------------------------------

  /** What was sent to the connection since the last call, without lengths. */
  take(conn: ConnId): Uint8Array[] {
    const frames = this.sent.get(conn) ?? [];
    this.sent.delete(conn);
    return frames.map((frame) => frame.subarray(4));
  }

  /** Raw bytes sent to the connection since the last call. */
  takeRaw(conn: ConnId): Uint8Array[] {
    const frames = this.sent.get(conn) ?? [];
    this.sent.delete(conn);
    return frames;
  }

  ask(conn: ConnId, xid: number, request: ClientRequest): void {
    this.bytes(conn, encodeRequestFrame(xid, request));
  }
}

export interface ConnectOptions {
  readonly session?: SessionId;
  readonly passwd?: Uint8Array;
  readonly timeoutMs?: number;
  readonly lastZxidSeen?: number;
  readonly readOnly?: boolean | null;
}

export function connectFrame(options: ConnectOptions = {}): Uint8Array {
  return encodeConnectRequest(
    {
      protocolVersion: 0,
      lastZxidSeen: options.lastZxidSeen ?? 0,
      timeOut: options.timeoutMs ?? 30_000,
      sessionId: options.session ?? asSession(0n),
      passwd: options.passwd ?? new Uint8Array(16),
    },
    options.readOnly === undefined ? false : options.readOnly,
  );
}

/** One client connection in a test that speaks in requests and decoded replies. */
export class TestClient {
  readonly host: Standalone;
  readonly conn: ConnId;
  session: SessionId = asSession(0n);
  passwd: Uint8Array = new Uint8Array(16);
  timeoutMs = 0;
  private xid = 0;
  private readonly asked = new Map<number, number>();

  constructor(host: Standalone, conn: number, options: { ip?: string; certificate?: Uint8Array } = {}) {
    this.host = host;
    this.conn = asConn(conn);
    host.open(this.conn, options.ip, options.certificate ?? null);
  }

  /** Sends a ConnectRequest and reads the answer, if there is one. */
  connect(options: ConnectOptions = {}): this {
    this.host.bytes(this.conn, connectFrame(options));
    const [frame] = this.host.take(this.conn);
    if (frame === undefined) return this;
    const response = decodeConnectResponse(frame);
    if (!response.ok) throw new Error('no ConnectResponse');
    this.session = response.value.sessionId;
    this.passwd = response.value.passwd ?? new Uint8Array(0);
    this.timeoutMs = response.value.timeOut;
    return this;
  }

  /** Sends without looking for answers. Returns the xid. */
  send(request: ClientRequest, xid = ++this.xid): number {
    this.asked.set(xid, request.op);
    this.host.ask(this.conn, xid, request);
    return xid;
  }

  /** Everything that has come, watch events and replies, in order. */
  received(): Received[] {
    return this.host.take(this.conn).map((frame) => {
      const header = decodeReplyHeader(frame);
      if (!header.ok) throw new Error('no reply header');
      const { xid, zxid, err } = header.value;
      if (xid === Xid.notification) {
        const event = decodeWatchEvent(frame);
        if (!event.ok) throw new Error('no watch event');
        const { type, path } = event.value.event;
        return { event: type, path, zxid };
      }
      const reply = decodeReply(this.asked.get(xid) ?? Op.ping, frame);
      if (!reply.ok) throw new Error('no reply');
      return { xid, zxid, err, body: reply.value.body };
    });
  }

  /** One request, and its answer at once. */
  ask(request: ClientRequest): Reply {
    const xid = this.send(request);
    const replies = this.received().filter((item): item is Reply => 'xid' in item && item.xid === xid);
    if (replies.length !== 1) throw new Error(`${replies.length} answers to request ${xid}`);
    return replies[0]!;
  }

  get isClosed(): boolean {
    return this.host.closed.has(this.conn);
  }
}

export interface Reply {
  readonly xid: number;
  readonly zxid: number;
  readonly err: number;
  readonly body: ClientReply['body'];
}
export interface Event {
  readonly event: number;
  readonly path: string;
  readonly zxid: number;
}
export type Received = Reply | Event;

/** Three voters on one host, as the recordings of ensembles have them. */
export function threeVoters(options: { readonly version?: Zxid; readonly clients?: boolean } = {}): Membership {
  return {
    version: options.version ?? asZxid(0),
    servers: [1, 2, 3].map((id) => ({
      id: asPeer(id),
      addresses: [{ host: '127.0.0.1', quorumPort: 23200 + id, electionPort: 23300 + id }],
      role: 'participant',
      client: options.clients === true ? { host: '127.0.0.1', port: 23400 + id } : null,
      secureClient: null,
    })),
    groups: null,
    weights: [],
  };
}
