/**
 * A ZooKeeper client for Node: promises and callbacks around the client machine of `core/client`.
 *
 * ```
 * const zk = await connect({ hosts: 'zk1:2281,zk2:2281/app', tls: { ca, cert, key } });
 * await zk.create('/config', bytes);
 * const { data, stat } = await zk.getData('/config', (event) => console.log(event.path));
 * await zk.close();
 * ```
 *
 * Sessions, reconnection, watches and the order of requests are the machine's; see there for what is promised.
 */

import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Call, CallBody, CallBodyOf, CallResult, MultiCall, MultiReadCall } from '../core/client/calls.ts';
import {
  type Client,
  clientBoot,
  clientDeadline,
  clientSession,
  clientStep,
  liveWatchers,
} from '../core/client/client.ts';
import {
  CLIENT_DEFAULTS,
  type ClientConfig,
  type ClientEffect,
  type ClientInput,
  type ClientSession,
  type ClientStatus,
  type WatchedEvent,
} from '../core/client/io.ts';
import type { Address, Input } from '../core/io.ts';
import { type Acl, type Now, OPEN_ACL, type SessionId } from '../core/types.ts';
import { Code, CreateMode } from '../core/wire/opcodes.ts';
import type { Stat } from '../core/wire/records.ts';
import { Sockets } from './sockets.ts';
import type { ChannelTls } from './tls.ts';

export interface ConnectOptions {
  /** `host:port,host:port/chroot`. */
  readonly hosts: string;
  /** Null for plain TCP. */
  readonly tls?: ChannelTls | null;
  readonly sessionTimeoutMs?: number;
  readonly readOnly?: boolean;
  /** Session of an earlier client to go on with. */
  readonly session?: ClientSession;
  /** How long the first connection may take. */
  readonly connectTimeoutMs?: number;
  readonly onState?: (state: ClientStatus) => void;
  /** What happens below, for the curious. */
  readonly onNote?: (line: string) => void;
}

export type Watcher = (event: WatchedEvent) => void;

/** A request that failed; `code` is a `Code`. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: number;
  readonly path: string | null;
  /** False when the request certainly had no effect, because nothing of it was sent. */
  readonly sent: boolean;
  /** Of a multi: one result for each operation. */
  readonly results: readonly CallResult[];

  constructor(code: number, path: string | null, sent: boolean, results: readonly CallResult[] = []) {
    super(path === null ? codeName(code) : `${codeName(code)} for ${path}`);
    this.code = code;
    this.path = path;
    this.sent = sent;
    this.results = results;
  }
}

export function codeName(code: number): string {
  for (const [name, number] of Object.entries(Code)) if (number === code) return name;
  return `error ${code}`;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** Watcher functions that are kept before the first look for dead ones. */
const SWEEP_AT_MIN = 1000;

/** Resolves when a server has accepted the session. */
export function connect(options: ConnectOptions): Promise<ZooKeeper> {
  return new Promise((resolve, reject) => {
    const zk = new ZooKeeper(options, (state) => {
      if (state === 'syncConnected' || state === 'connectedReadOnly') settle(null);
      else if (state !== 'disconnected') settle(new ZooKeeperError(FINAL_CODES[state], null, false));
    });
    const timer = setTimeout(
      () => settle(new ZooKeeperError(Code.CONNECTIONLOSS, null, false)),
      options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    );
    const settle = (error: ZooKeeperError | null): void => {
      clearTimeout(timer);
      if (error === null) {
        resolve(zk);
      } else {
        reject(error);
        zk.abandon();
      }
    };
  });
}

const FINAL_CODES = { expired: Code.SESSIONEXPIRED, authFailed: Code.AUTHFAILED, closed: Code.CONNECTIONLOSS } as const;

/** `a:1,b:2/chroot` in its parts; null for text that is none. The port may be left out (2181). */
export function parseHosts(text: string): { readonly hosts: Address[]; readonly chroot: string } | null {
  const slash = text.indexOf('/');
  const list = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 || slash === text.length - 1 ? '' : text.slice(slash).replace(/\/$/, '');
  const hosts = list.split(',').map(parseAddress);
  if (chroot !== '' && !/^(\/[^/]+)+$/.test(chroot)) return null;
  return hosts.every((address) => address !== null) ? { hosts, chroot } : null;
}

function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text.trim());
  if (match === null) return null;
  const port = match[3] === undefined ? 2181 : Number(match[3]);
  return port > 0 && port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : null;
}

interface Pending {
  readonly path: string | null;
  readonly resolve: (body: CallBody | null) => void;
  readonly reject: (error: ZooKeeperError) => void;
}

export class ZooKeeper {
  private readonly options: ConnectOptions;
  private readonly onFirstState: (state: ClientStatus) => void;
  private readonly sockets: Sockets;
  private readonly client: Client;
  private readonly secure: boolean;
  private readonly pending = new Map<number, Pending>();
  private readonly watchers = new Map<number, Watcher>();
  private readonly watcherIds = new Map<Watcher, number>();
  private nextId = 1;
  private sweepAt = SWEEP_AT_MIN;
  private timer: NodeJS.Timeout | null = null;
  private ended: (() => void) | null = null;
  private readonly end: Promise<void>;

  constructor(options: ConnectOptions, onFirstState: (state: ClientStatus) => void) {
    const parsed = parseHosts(options.hosts);
    if (parsed === null) throw new TypeError(`not a list of hosts: ${options.hosts}`);
    this.options = options;
    this.onFirstState = onFirstState;
    this.secure = (options.tls ?? null) !== null;
    this.end = new Promise((resolve) => {
      this.ended = resolve;
    });
    this.sockets = new Sockets({
      tls: { quorum: null, client: options.tls ?? null },
      tcpKeepAlive: false,
      clientBacklog: -1,
      input: (input) => this.fromSocket(input),
      bindFailed: () => {},
      trouble: () => {},
    });
    const config: ClientConfig = {
      ...CLIENT_DEFAULTS,
      hosts: shuffled(parsed.hosts),
      chroot: parsed.chroot,
      sessionTimeoutMs: options.sessionTimeoutMs ?? CLIENT_DEFAULTS.sessionTimeoutMs,
      readOnly: options.readOnly ?? false,
      session: options.session ?? null,
      jitterSeed: randomInt(0x1_0000_0000),
    };
    const effects: ClientEffect[] = [];
    this.client = clientBoot(config, clock(), (effect) => effects.push(effect));
    this.execute(effects);
    this.armTimer();
  }

  get state(): ClientStatus {
    return this.client.state.status;
  }

  get sessionId(): SessionId | null {
    return this.client.state.session?.id ?? null;
  }

  /** For another client that is to go on with this session. */
  get session(): ClientSession | null {
    return clientSession(this.client);
  }

  // --- requests ------------------------------------------------------------------------------------------------------

  /** Any call of the protocol. */
  request(call: Call, watcher?: Watcher): Promise<CallBody | null> {
    const id = this.nextId++;
    const path = 'path' in call ? call.path : null;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { path, resolve, reject });
      const named = watcher === undefined ? {} : { watcher: this.idOf(watcher) };
      this.deliver({ type: 'request', id, request: call, ...named });
    });
  }

  /** Answers the path, which for a sequential node ends in its number. */
  async create(path: string, data: Uint8Array | null = null, options: CreateOptions = {}): Promise<string> {
    const { mode = CreateMode.persistent, acl = OPEN_ACL, ttlMs } = options;
    const node = { path, data, acl, flags: mode };
    const body = await this.request(
      ttlMs !== undefined
        ? { kind: 'createTTL', ...node, ttl: ttlMs }
        : { kind: mode === CreateMode.container ? 'createContainer' : 'create2', ...node },
    );
    return body !== null && 'path' in body ? body.path : path;
  }

  async delete(path: string, version = -1): Promise<void> {
    await this.request({ kind: 'delete', path, version });
  }

  /** Null when there is no such node; a watcher then hears of its creation. */
  async exists(path: string, watcher?: Watcher): Promise<Stat | null> {
    try {
      const body = await this.request({ kind: 'exists', path, watch: watcher !== undefined }, watcher);
      return expectBody(body, 'exists').stat;
    } catch (error) {
      if (error instanceof ZooKeeperError && error.code === Code.NONODE) return null;
      throw error;
    }
  }

  async getData(path: string, watcher?: Watcher): Promise<{ readonly data: Uint8Array | null; readonly stat: Stat }> {
    return expectBody(await this.request({ kind: 'getData', path, watch: watcher !== undefined }, watcher), 'getData');
  }

  async setData(path: string, data: Uint8Array | null, version = -1): Promise<Stat> {
    return expectBody(await this.request({ kind: 'setData', path, data, version }), 'setData').stat;
  }

  async getChildren(
    path: string,
    watcher?: Watcher,
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat }> {
    const call: Call = { kind: 'getChildren2', path, watch: watcher !== undefined };
    return expectBody(await this.request(call, watcher), 'getChildren2');
  }

  async getAcl(path: string): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    return expectBody(await this.request({ kind: 'getACL', path }), 'getACL');
  }

  async setAcl(path: string, acl: readonly Acl[], version = -1): Promise<Stat> {
    return expectBody(await this.request({ kind: 'setACL', path, acl, version }), 'setACL').stat;
  }

  /** What is read afterwards is at least as new as everything committed before this call. */
  async sync(path: string): Promise<void> {
    await this.request({ kind: 'sync', path });
  }

  /** All or nothing. */
  async multi(ops: readonly MultiCall[]): Promise<readonly CallResult[]> {
    return expectBody(await this.request({ kind: 'multi', ops }), 'multi').results;
  }

  async multiRead(ops: readonly MultiReadCall[]): Promise<readonly CallResult[]> {
    return expectBody(await this.request({ kind: 'multiRead', ops }), 'multiRead').results;
  }

  /** `mode` is an `AddWatchMode`. */
  async addWatch(path: string, mode: number, watcher: Watcher): Promise<void> {
    await this.request({ kind: 'addWatch', path, mode }, watcher);
  }

  /** `type` is a `WatcherType`; without a watcher, all of that type. */
  async removeWatches(path: string, type: number, watcher?: Watcher): Promise<void> {
    await this.request({ kind: 'removeWatches', path, type, local: false }, watcher);
  }

  async whoAmI(): Promise<readonly { readonly authScheme: string; readonly user: string }[]> {
    return expectBody(await this.request({ kind: 'whoAmI' }), 'whoAmI').clientInfo;
  }

  /** Resolves when a server has accepted it; it is repeated on every later connection. */
  async addAuth(scheme: string, auth: Uint8Array): Promise<void> {
    const id = this.nextId++;
    await new Promise<CallBody | null>((resolve, reject) => {
      this.pending.set(id, { path: null, resolve, reject });
      this.deliver({ type: 'addAuth', scheme, auth, id });
    });
  }

  /** Ends the session; its ephemeral nodes go at once. */
  close(): Promise<void> {
    this.deliver({ type: 'close' });
    return this.end;
  }

  /** Drops everything without a word; the session lives on until it expires. */
  abandon(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.sockets.closeAll();
  }

  // --- the machine ---------------------------------------------------------------------------------------------------

  private idOf(watcher: Watcher): number {
    const known = this.watcherIds.get(watcher);
    if (known !== undefined) return known;
    if (this.watchers.size >= this.sweepAt) this.sweepWatchers();
    const id = this.nextId++;
    this.watcherIds.set(watcher, id);
    this.watchers.set(id, watcher);
    return id;
  }

  /** Forgets the functions that nothing can call any more. */
  private sweepWatchers(): void {
    const live = liveWatchers(this.client);
    for (const [id, watcher] of this.watchers) {
      if (live.has(id)) continue;
      this.watchers.delete(id);
      this.watcherIds.delete(watcher);
    }
    this.sweepAt = Math.max(SWEEP_AT_MIN, 2 * this.watchers.size);
  }

  private fromSocket(input: Input): void {
    switch (input.type) {
      case 'connOpened':
        this.deliver({ type: 'connOpened', conn: input.conn });
        break;
      case 'connFailed':
      case 'connBytes':
      case 'connBlocked':
      case 'connDrained':
      case 'connClosed':
        this.deliver(input);
        break;
      case 'tick':
      case 'fileDone':
        break;
      default:
        input satisfies never;
    }
  }

  private deliver(input: ClientInput): void {
    const effects: ClientEffect[] = [];
    clientStep(this.client, clock(), input, (effect) => effects.push(effect));
    this.execute(effects);
    this.armTimer();
  }

  private armTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const deadline = clientDeadline(this.client);
    this.timer = null;
    if (deadline === null) return;
    this.timer = setTimeout(() => this.deliver({ type: 'tick' }), Math.max(0, deadline - clock().monoMs));
  }

  private execute(effects: readonly ClientEffect[]): void {
    for (const effect of effects) this.executeOne(effect);
  }

  private executeOne(effect: ClientEffect): void {
    switch (effect.type) {
      case 'connect':
        this.sockets.connect(effect.conn, 'client', effect.address, this.secure);
        break;
      case 'send':
        this.sockets.send(effect.conn, effect.bytes);
        break;
      case 'close':
        this.sockets.close(effect.conn);
        break;
      case 'reply':
        this.answer(effect);
        break;
      case 'watch':
        for (const id of effect.watchers) this.watchers.get(id)?.(effect.event);
        break;
      case 'state':
        this.onFirstState(effect.state);
        this.options.onState?.(effect.state);
        if (clientDeadline(this.client) === null) this.ended?.();
        break;
      case 'note':
        this.options.onNote?.(`${effect.code} ${JSON.stringify(effect.fields ?? {})}`);
        break;
      default:
        effect satisfies never;
    }
  }

  private answer(reply: Extract<ClientEffect, { type: 'reply' }>): void {
    const pending = this.pending.get(reply.id);
    if (pending === undefined) return;
    this.pending.delete(reply.id);
    if (reply.err === Code.OK) {
      pending.resolve(reply.body);
    } else {
      const results = reply.body !== null && 'results' in reply.body ? reply.body.results : [];
      pending.reject(new ZooKeeperError(reply.err, pending.path, reply.sent, results));
    }
  }
}

export interface CreateOptions {
  /** A `CreateMode`. */
  readonly mode?: number;
  readonly acl?: readonly Acl[];
  /** For the two modes with a TTL. */
  readonly ttlMs?: number;
}

function expectBody<K extends CallBody['kind']>(body: CallBody | null, kind: K): CallBodyOf<K> {
  if (body === null || body.kind !== kind) throw new TypeError(`expected a ${kind} reply`);
  return body as CallBodyOf<K>;
}

/** Clients that know the same list must not all go to its first server. */
function shuffled<T>(values: readonly T[]): T[] {
  const mixed = [...values];
  for (let i = mixed.length - 1; i > 0; i--) {
    const other = randomInt(i + 1);
    const value = mixed[i]!;
    mixed[i] = mixed[other]!;
    mixed[other] = value;
  }
  return mixed;
}

function clock(): Now {
  return { monoMs: Math.floor(performance.now()), wallMs: Date.now() };
}
