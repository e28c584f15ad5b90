/**
 * The load: programs that use the ensemble through the real client machine (`core/client`), and mostly misuse nothing.
 *
 * Each client is a host of the world and takes turns. What is asked in a turn is drawn from the number of the turn alone, so
 * that a fault that slows one client changes neither what the others ask nor what this one asks next, and turns can be left
 * out (`asks.ts`). Every written value is unique (`c3.17` is written by client 3 in its turn 17), so that a read names the
 * write it saw. What a client does, hears and becomes goes to a `Listener`: the checks and the
 * history.
 */

import { digestId } from '../core/acl/schemes.ts';
import { type Call, type MultiCall, UPDATE_CALLS } from '../core/client/calls.ts';
import { type Client, clientBoot, clientDeadline, clientSession, clientStep } from '../core/client/client.ts';
import { CLIENT_DEFAULTS, type ClientEffect, type ClientInput, type ClientSession } from '../core/client/io.ts';
import type { Address } from '../core/io.ts';
import { type Acl, type Id, type Now, OPEN_ACL, Perm, READ_ACL, type SessionId } from '../core/types.ts';
import { AddWatchMode, CreateMode, WatcherType } from '../core/wire/opcodes.ts';
import { utf8Encode, utf8Write } from '../core/wire/utf8.ts';
import { type Asks, turnsOf } from './asks.ts';
import { programAt, RECIPES, type RecipeBook, weightOf } from './recipes/book.ts';
import { Driver } from './recipes/driver.ts';
import { RecipeHistory } from './recipes/told.ts';
import type { Swarm, SwarmName } from './schedule.ts';
import { draw, streamOfKey } from './world/random.ts';
import {
  CLIENT_BASE,
  type HostEmit,
  type HostId,
  type HostInput,
  type Machine,
  type Program,
  type StepRecord,
  type Stream,
  type World,
} from './world/types.ts';

export interface Listener {
  onInvoke(client: number, id: number, call: Call): void;
  onEffect(client: number, effect: ClientEffect): void;
  /** A new program begins, with the session it is to go on with; `isForged`: without knowing the session's password. */
  onIncarnation(client: number, session: SessionId | null, isForged: boolean): void;
  /** Who the program is from its next request on. */
  onIdentity(client: number, ids: readonly Id[]): void;
}

export interface WorkloadOptions {
  readonly clients: number;
  readonly swarm: Swarm;
  /** Where clients may connect; each shuffles them for itself. */
  readonly servers: readonly Address[];
  /** createTTL is understood. */
  readonly extendedTypes: boolean;
  /** The turns that are kept. */
  readonly asks: Asks;
  /** What programs there are where `more.recipe` asks for some; default the lock and the queue. */
  readonly recipes?: RecipeBook;
}

export interface WorkloadStats {
  invoked: number;
  ok: number;
  failed: number;
  unknown: number;
  writes: number;
  reads: number;
  watches: number;
  sessions: number;
  expired: number;
  deaths: number;
  moves: number;
}

/** A session whose client is gone without having closed it. */
export interface DeadSession {
  readonly session: SessionId;
  readonly diedAtUs: number;
}

/** Nodes whose ACL changes, so that watches on them may be filtered. */
export const SECRET_PREFIX = '/acl';
const PRINCIPALS = ['alice:wonder', 'bob:builder', 'carol:lewis'] as const;
/** Of so many requests, one tells another client of its success. */
const TELLS_EVERY = 6;
/** Time for the watches of a client that moves to be set. */
const LEAVE_AFTER_US = 40_000;
/** A program that has ended is started again after this. */
const COMEBACK_US = 250_000;
const SPACE = 0x20;

export const clientHost = (client: number): HostId => CLIENT_BASE + client;
export const clientOf = (host: HostId): number => host - CLIENT_BASE;

/** Runs one client machine as a host of the world. */
export class ClientMachine implements Machine {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  step(now: Now, input: HostInput, emit: HostEmit): void {
    clientStep(this.client, now, input as ClientInput, emit);
  }

  nextDeadline(): number | null {
    return clientDeadline(this.client);
  }
}

export class Workload {
  readonly stats: WorkloadStats = {
    invoked: 0,
    ok: 0,
    failed: 0,
    unknown: 0,
    writes: 0,
    reads: 0,
    watches: 0,
    sessions: 0,
    expired: 0,
    deaths: 0,
    moves: 0,
  };
  readonly dead: DeadSession[] = [];
  /** What programs have told. */
  readonly recipes: RecipeHistory;
  readonly #world: World;
  readonly #options: WorkloadOptions;
  readonly #listener: Listener;
  readonly #actors: Actor[] = [];
  #stopped = false;
  #restUntilUs = 0;

  constructor(world: World, options: WorkloadOptions, listener: Listener) {
    this.#world = world;
    this.#options = options;
    this.#listener = listener;
    this.recipes = new RecipeHistory(() => world.event.id);
    for (let i = 1; i <= options.clients; i++) this.#actors.push(this.#addActor(i));
  }

  /** Requests that have not been answered. */
  get openCount(): number {
    return this.#actors.reduce((sum, actor) => sum + actor.open, 0);
  }

  /** Programs under way. */
  get busyCount(): number {
    return this.#actors.reduce((sum, actor) => sum + (actor.isBusy ? 1 : 0), 0);
  }

  /** How many turns each client has taken. */
  turns(): number[] {
    return this.#actors.map((actor) => actor.turns);
  }

  /** Clients whose session is alive. */
  get connectedCount(): number {
    return this.#actors.filter((actor) => actor.connected).length;
  }

  /** Asks for nothing for so long. */
  rest(us: number): void {
    this.#restUntilUs = Math.max(this.#restUntilUs, this.#world.timeUs + us);
  }

  /** Asks for nothing any more; sessions stay. */
  stop(): void {
    this.#stopped = true;
  }

  /** Every step of a client's host. */
  onStep(step: StepRecord): void {
    const actor = this.#actors[clientOf(step.host) - 1];
    if (actor === undefined) return;
    for (const effect of step.effects) actor.onEffect(effect as ClientEffect);
  }

  // --- what schedules and scenarios ask for; false when it does not apply ---

  request(client: number, call: Call): boolean {
    return this.#actors[client - 1]?.request(call) ?? false;
  }

  addAuth(client: number, scheme: string, auth: string): boolean {
    return this.#actors[client - 1]?.addAuth(scheme, auth) ?? false;
  }

  move(client: number): boolean {
    this.stats.moves += 1;
    return this.#input(client, { type: 'move' });
  }

  close(client: number): boolean {
    return this.#input(client, { type: 'close' });
  }

  /** Dies and comes back: as a new program (`fresh`), or as one that goes on with the session. */
  kill(client: number, comeback: 'fresh' | 'same', how: 'kill' | 'power'): boolean {
    return this.#actors[client - 1]?.die(comeback, how) ?? false;
  }

  #input(client: number, input: ClientInput): boolean {
    return this.#world.input(clientHost(client), input);
  }

  #addActor(index: number): Actor {
    const world = this.#world;
    const actor = new Actor({
      index,
      world,
      clientCount: this.#options.clients,
      swarm: this.#options.swarm,
      servers: this.#options.servers,
      extendedTypes: this.#options.extendedTypes,
      asks: this.#options.asks[`c${index}`] ?? null,
      listener: this.#listener,
      stats: this.stats,
      dead: this.dead,
      recipes: this.#options.recipes ?? RECIPES,
      told: this.recipes,
      tell: () => this.#actors[index % this.#actors.length]?.onTold(),
      isStopped: () => this.#stopped,
      isResting: () => world.timeUs < this.#restUntilUs,
    });
    return actor;
  }
}

interface ActorOptions {
  readonly index: number;
  readonly clientCount: number;
  readonly world: World;
  readonly swarm: Swarm;
  readonly servers: readonly Address[];
  readonly extendedTypes: boolean;
  readonly asks: string | null;
  readonly listener: Listener;
  readonly stats: WorkloadStats;
  readonly dead: DeadSession[];
  readonly recipes: RecipeBook;
  readonly told: RecipeHistory;
  /** Tells the next client that a write has gone through. */
  readonly tell: () => void;
  readonly isStopped: () => boolean;
  readonly isResting: () => boolean;
}

/** One client: when it asks, what it asks, and what becomes of its program. */
class Actor {
  readonly #o: ActorOptions;
  readonly #host: HostId;
  readonly #label: string;
  readonly #wakeUp = (): void => this.#wake();
  /** When the turns come, and what is a whim in each. */
  readonly #rhythm: Stream;
  readonly #turns: Stream;
  readonly #turnKey: number;
  /** The turns that are kept, or null for all. */
  readonly #kept: ReadonlySet<number> | null;
  #turn = 0;
  /** What the present turn is drawn from. */
  #stream: Stream;
  readonly #mix: readonly { readonly kind: MixKind; readonly upTo: number }[];
  #ids = 0;
  #session: SessionId | null = null;
  /** The program on the host has ended by itself. */
  #ended = false;
  #prologueSent = false;
  /** When the last request reaches the program. */
  #heardUs = 0;
  readonly #isUpdate = new Map<number, boolean>();
  #identities: readonly Id[] = [];
  readonly #driver: Driver;
  /** The password that the program would present is wrong. */
  #isForged = false;
  connected = false;

  constructor(options: ActorOptions) {
    this.#o = options;
    this.#host = clientHost(options.index);
    this.#label = `client ${options.index}`;
    this.#rhythm = options.world.stream(`client/${options.index}`);
    this.#turns = options.world.stream(`client/${options.index}/turns`);
    this.#turnKey = this.#turns.u32();
    this.#stream = streamOfKey('turn', this.#turnKey);
    this.#kept = options.asks === null ? null : turnsOf(options.asks);
    this.#mix = mixOf(options.swarm);
    const { world, told } = options;
    this.#driver = new Driver({ world, history: told, request: (call) => this.#ask(call) });
    world.addHost({ id: this.#host, program: this.#program(null), startAtUs: 1000 * options.index });
    this.#becomeSomebody();
    this.#wakeIn(this.#pauseUs());
  }

  get open(): number {
    return this.#isUpdate.size;
  }

  get isBusy(): boolean {
    return this.#driver.isBusy;
  }

  get turns(): number {
    return this.#turn;
  }

  #program(session: ClientSession | null): Program {
    const { world, index, servers, swarm } = this.#o;
    return (context, emit) => {
      const hosts = world.stream(`client/${index}/hosts/${context.generation}`).shuffled(servers);
      const client = clientBoot(
        {
          ...CLIENT_DEFAULTS,
          hosts,
          session,
          readOnly: index <= swarm['client.readOnly'],
          sessionTimeoutMs: swarm['workload.session'],
          jitterSeed: context.jitterSeed,
        },
        context.now,
        emit,
      );
      return new ClientMachine(client);
    };
  }

  // --- what it hears ---

  onEffect(effect: ClientEffect): void {
    const { stats, listener, index } = this.#o;
    switch (effect.type) {
      case 'reply':
        this.#countReply(effect);
        break;
      case 'watch':
        stats.watches += 1;
        break;
      case 'state':
        this.#onState(effect);
        break;
      case 'note':
        break;
      case 'send':
        break;
      case 'connect':
      case 'close':
        return;
      default:
        effect satisfies never;
    }
    listener.onEffect(index, effect);
    if (this.#driver.isBusy) this.#tellProgram(effect);
  }

  #tellProgram(effect: ClientEffect): void {
    if (effect.type === 'reply') this.#driver.onReply(effect);
    else if (effect.type === 'watch') this.#driver.onEvent(effect.event);
    else if (effect.type === 'state' && this.#ended) this.#driver.onOver();
  }

  #countReply(reply: Extract<ClientEffect, { type: 'reply' }>): void {
    const { stats } = this.#o;
    const update = this.#isUpdate.get(reply.id) ?? false;
    this.#isUpdate.delete(reply.id);
    if (reply.zxid < 0) stats[reply.sent ? 'unknown' : 'failed'] += 1;
    else stats[reply.err === 0 ? 'ok' : 'failed'] += 1;
    if (reply.err === 0) stats[update ? 'writes' : 'reads'] += 1;
    if (reply.err === 0 && update && reply.id % TELLS_EVERY === 0) this.#o.tell();
  }

  /** Somebody says that something was written: whoever syncs first must see it, whichever server is asked. */
  onTold(): void {
    const { swarm } = this.#o;
    if (swarm['workload.rate'] === 0 || swarm['mix.sync'] === 0 || !this.connected) return;
    if (this.#o.isStopped() || this.open >= swarm['workload.pipeline']) return;
    this.request({ kind: 'sync', path: '/' });
    this.request({ kind: 'exists', path: pathOf(0), watch: false });
  }

  #onState(state: Extract<ClientEffect, { type: 'state' }>): void {
    this.connected = state.state === 'syncConnected';
    if (state.state === 'syncConnected' && state.session !== this.#session) {
      this.#session = state.session;
      this.#o.stats.sessions += 1;
    }
    if (state.state === 'expired') this.#o.stats.expired += 1;
    if (state.state === 'expired' || state.state === 'closed' || state.state === 'authFailed') {
      this.#session = null;
      this.#ended = true;
    }
  }

  // --- when it asks ---

  #pauseUs(): number {
    const rate = Math.max(0.01, this.#o.swarm['workload.rate']);
    return 1 + this.#rhythm.exponential(Math.round(1e6 / rate));
  }

  #wakeIn(us: number): void {
    const { world } = this.#o;
    world.at(world.timeUs + us, this.#label, this.#wakeUp);
  }

  #wake(): void {
    // Drawn before anything is decided, so that the decision does not shift the stream.
    const pauseUs = this.#pauseUs();
    const whim = this.#rhythm.below(1000);
    this.#turn += 1;
    if (this.#o.isStopped()) return;
    this.#wakeIn(pauseUs);
    const status = this.#o.world.status(this.#host);
    if (this.#ended && status === 'running') this.#restart('fresh', 'kill');
    const isKept = this.#keeps(this.#turn);
    if (status !== 'running' || (isKept && !this.#o.isResting() && this.#misbehave(whim))) return;
    // Without a rate it asks only what the schedule makes it ask.
    if (this.#o.swarm['workload.rate'] === 0 || this.#o.isResting()) return;
    if (!this.#prologueSent && this.#keeps(0)) this.#prologue();
    if (isKept && this.open < this.#o.swarm['workload.pipeline']) this.#askSomething();
  }

  #keeps(turn: number): boolean {
    return this.#kept === null || this.#kept.has(turn);
  }

  /** Moves, closes or dies, if the whim says so. */
  #misbehave(whim: number): boolean {
    const { swarm, world, stats } = this.#o;
    let from = 0;
    const hit = (name: SwarmName): boolean => {
      const start = from;
      from += swarm[name];
      return whim >= start && whim < from;
    };
    if (hit('client.move')) {
      stats.moves += 1;
      this.#watchTheBusiest();
      const lastWord = this.#tag();
      world.at(world.timeUs + LEAVE_AFTER_US, `client ${this.#o.index} leaves`, () => this.#leave(lastWord));
      return true;
    }
    if (hit('client.close')) return world.input(this.#host, { type: 'close' });
    if (hit('client.die')) return this.die('fresh', whim % 2 === 0 ? 'kill' : 'power');
    return hit('client.ahead') && this.die('same', 'kill');
  }

  /** With a write on the wire, which must not come behind what it asks of the next server (ZOOKEEPER-710). */
  #leave(lastWord: Uint8Array): void {
    const { world, swarm } = this.#o;
    if (swarm['workload.rate'] > 0 && this.connected) {
      this.request({ kind: 'setData', path: pathOf(0), data: lastWord, version: -1 });
    }
    world.input(this.#host, { type: 'move' }, Math.max(0, this.#heardUs - world.timeUs) + 1);
  }

  /** What it leaves behind it wants to be told of by the next server: these change while it is away. */
  #watchTheBusiest(): void {
    if (this.#o.swarm['mix.watch'] === 0 || this.#o.swarm['workload.rate'] === 0) return;
    this.request({ kind: 'getData', path: pathOf(0), watch: true });
    this.request({ kind: 'exists', path: pathOf(1), watch: true });
    this.request({ kind: 'getChildren2', path: '/', watch: true });
    if (this.#o.swarm['mix.acl'] > 0) this.request({ kind: 'exists', path: `${SECRET_PREFIX}/s0`, watch: true });
  }

  /** Everybody creates the parents everybody needs; all but one are told that they exist. */
  #prologue(): void {
    this.#prologueSent = true;
    for (const path of PARENTS) this.request({ kind: 'create', path, data: null, acl: OPEN_ACL, flags: 0 });
    if (this.#o.swarm['more.quota'] > 0) this.#layQuota();
    const principal = PRINCIPALS[this.#o.index % (PRINCIPALS.length + 1)];
    if (principal !== undefined && this.#o.swarm['mix.auth'] > 0) {
      this.addAuth('digest', principal);
    }
  }

  #layQuota(): void {
    const limits = utf8Encode(`count=-1,bytes=-1=;byteHardLimit=${QUOTA_BYTES};countHardLimit=${QUOTA_COUNT}`);
    const stats = utf8Encode('count=1,bytes=0');
    const nodes: readonly (readonly [string, Uint8Array | null])[] = [
      [QUOTA_ROOT, null],
      [`/zookeeper/quota${QUOTA_ROOT}`, null],
      [`/zookeeper/quota${QUOTA_ROOT}/zookeeper_limits`, limits],
      [`/zookeeper/quota${QUOTA_ROOT}/zookeeper_stats`, stats],
    ];
    for (const [path, data] of nodes) this.request({ kind: 'create', path, data, acl: OPEN_ACL, flags: 0 });
  }

  addAuth(scheme: string, auth: string): boolean {
    const { world, listener, index } = this.#o;
    if (!world.input(this.#host, { type: 'addAuth', scheme, auth: utf8Encode(auth) })) return false;
    const isSuper = auth.startsWith('super:');
    this.#identities = [...this.#identities, isSuper ? { scheme: 'super', id: '' } : { scheme, id: digestId(auth) }];
    listener.onIdentity(index, this.#identities);
    return true;
  }

  /** A program that has just begun is known by its address alone. */
  #becomeSomebody(): void {
    this.#identities = [{ scheme: 'ip', id: `10.0.${this.#host >> 8}.${this.#host & 255}` }];
    this.#o.listener.onIdentity(this.#o.index, this.#identities);
  }

  request(call: Call): boolean {
    return this.#ask(call) !== null;
  }

  /** The number of the request, or null where nobody can ask. */
  #ask(call: Call): number | null {
    const { world, listener, stats, index } = this.#o;
    if (world.status(this.#host) !== 'running' || this.#ended) return null;
    const id = ++this.#ids;
    // Two things asked at once are heard in the order they were asked.
    this.#heardUs = Math.max(world.timeUs, this.#heardUs + 1);
    const delayUs = this.#heardUs - world.timeUs;
    if (!world.input(this.#host, { type: 'request', id, request: call }, delayUs)) return null;
    this.#isUpdate.set(id, UPDATE_CALLS.has(call.kind));
    stats.invoked += 1;
    listener.onInvoke(index, id, call);
    return id;
  }

  // --- what becomes of it ---

  die(comeback: 'fresh' | 'same', how: 'kill' | 'power'): boolean {
    const { world, stats } = this.#o;
    if (world.status(this.#host) === 'down' || world.status(this.#host) === 'off') return false;
    stats.deaths += 1;
    // Nobody would know of the nodes that a program of the same session has left in a line.
    this.#restart(this.#o.swarm['more.recipe'] > 0 ? 'fresh' : comeback, how);
    return true;
  }

  #restart(comeback: 'fresh' | 'same', how: 'kill' | 'power'): void {
    const { world, dead, listener, index, stats } = this.#o;
    const machine = world.machine(this.#host) as ClientMachine | null;
    const session = comeback === 'same' && machine !== null ? clientSession(machine.client) : null;
    if (how === 'kill') world.kill(this.#host);
    else world.powerCut(this.#host);
    const wasForged = this.#isForged;
    this.#isForged = session !== null && (wasForged || this.#isForger());
    const isForged = this.#isForged;
    if (this.#session !== null && (session === null || isForged))
      dead.push({ session: this.#session, diedAtUs: world.timeUs });
    if (session === null || isForged) this.#session = null;
    stats.unknown += this.#isUpdate.size;
    this.#isUpdate.clear();
    this.#driver.onDeath();
    this.#ended = false;
    this.connected = false;
    listener.onIncarnation(index, session === null ? null : session.id, isForged);
    this.#becomeSomebody();
    const presented =
      session !== null && isForged && !wasForged
        ? { ...session, passwd: session.passwd.map((byte) => byte ^ 1) }
        : session;
    world.start(this.#host, { delayUs: COMEBACK_US, program: this.#program(presented) });
  }

  /** Drawn only where a schedule asks for it, so that no other is changed. */
  #isForger(): boolean {
    const percent = this.#o.swarm['client.forged'];
    return percent > 0 && this.#rhythm.below(100) < percent;
  }

  // --- what it asks ---

  #askSomething(): void {
    const total = this.#mix.at(-1)?.upTo ?? 0;
    if (total === 0) return;
    this.#stream = streamOfKey('turn', draw(this.#turnKey ^ this.#turns.salt, this.#turn));
    const drawn = this.#stream.below(total);
    const { kind } = this.#mix.find((entry) => drawn < entry.upTo)!;
    for (const call of this.#callsOf(kind)) this.request(call);
  }

  #tag(): Uint8Array {
    const tag = `c${this.#o.index}.${this.#turn}`;
    const bytes = new Uint8Array(Math.max(tag.length, Math.floor(this.#o.swarm['workload.bytes']))).fill(SPACE);
    utf8Write(tag, bytes, 0);
    return bytes;
  }

  /** Half of all requests go to the hot paths. */
  #path(): string {
    const { swarm } = this.#o;
    const hot = this.#stream.below(2) === 0;
    const count = Math.max(1, Math.round(swarm[hot ? 'workload.hot' : 'workload.paths']));
    return pathOf(this.#stream.below(count));
  }

  #callsOf(kind: MixKind): Call[] {
    const path = this.#path();
    const die = this.#stream.below(12);
    switch (kind) {
      case 'create':
        return [{ kind: die < 4 ? 'create' : 'create2', path, data: this.#tag(), acl: OPEN_ACL, flags: 0 }];
      case 'setData':
        // Some are conditional; most of those fail, which must also be ordered.
        return [{ kind: 'setData', path, data: this.#tag(), version: die === 0 ? this.#stream.below(5) : -1 }];
      case 'delete':
        return [{ kind: 'delete', path, version: die === 0 ? this.#stream.below(5) : -1 }];
      case 'read':
        return [this.#read(path, die)];
      case 'children':
        return [this.#childrenCall(path, die)];
      case 'sync':
        return [
          { kind: 'sync', path },
          die < 9 ? { kind: 'getData', path, watch: false } : { kind: 'exists', path: this.#someLive(), watch: false },
        ];
      case 'multi':
        return [{ kind: 'multi', ops: this.#multi() }];
      case 'ephemeral':
        return [this.#ephemeral(die)];
      case 'sequence':
        return [this.#sequence(die)];
      case 'container':
        return this.#container(die);
      case 'watch':
        return [this.#watch(path, die)];
      case 'acl':
        return [this.#acl(die)];
      case 'auth':
        return [{ kind: 'whoAmI' }];
      case 'check':
        return [this.#mistake(path, die)];
      case 'admin':
        return [{ kind: 'getConfig', watch: die < 3 }];
      case 'secret':
        return [this.#secret(die)];
      case 'quota':
        return [this.#belowQuota(die)];
      case 'reconfig':
        return [this.#changeOfEnsemble()];
      case 'recipe':
        this.#beginProgram();
        return [];
      case 'farWatch':
        return [
          { kind: 'exists', path: `/${'far'.repeat(FAR_PATH_SIZE / 3)}${this.#stream.below(FAR_PATHS)}`, watch: true },
        ];
      default:
        return kind satisfies never;
    }
  }

  /** One at a time. */
  #beginProgram(): void {
    const { recipes, index } = this.#o;
    const drawn = this.#stream.below(weightOf(recipes));
    if (this.#driver.isBusy) return;
    const who = { client: index, guid: `c${index}.${this.#turn}` };
    this.#driver.start(programAt(recipes, drawn), { who, random: this.#stream });
  }

  #read(path: string, die: number): Call {
    if (die < 7) return { kind: 'getData', path, watch: false };
    if (die < 9) return { kind: 'exists', path: die < 8 ? this.#someLive() : path, watch: false };
    if (die < 10) return { kind: 'getACL', path };
    // Two nodes at one zxid: a multi must not be seen by halves.
    const second =
      die < 11 ? { kind: 'getChildren' as const, path: '/' } : { kind: 'getData' as const, path: this.#path() };
    return { kind: 'multiRead', ops: [{ kind: 'getData', path }, second] };
  }

  /** An ephemeral node that some client may have. */
  #someLive(): string {
    return `${EPHEMERALS}/c${this.#stream.between(1, this.#o.clientCount)}-${this.#stream.below(4)}`;
  }

  #childrenCall(path: string, die: number): Call {
    if (die < 3) return { kind: 'getChildren', path: '/', watch: false };
    const parent = die < 5 ? QUEUE : die < 6 ? EPHEMERALS : path;
    if (die < 8) return { kind: 'getChildren2', path: parent, watch: false };
    if (die < 10) return { kind: 'getAllChildrenNumber', path: '/' };
    return { kind: 'getEphemerals', prefixPath: '/' };
  }

  #multi(): MultiCall[] {
    const ops: MultiCall[] = [];
    const count = 1 + this.#stream.below(4);
    for (let i = 0; i < count; i++) {
      const path = this.#path();
      const die = this.#stream.below(10);
      if (die < 4) ops.push({ kind: 'setData', path, data: this.#tag(), version: -1 });
      else if (die < 7) ops.push({ kind: 'create', path, data: this.#tag(), acl: OPEN_ACL, flags: 0 });
      else if (die < 8) ops.push({ kind: 'create2', path: `${QUEUE}/m-`, data: this.#tag(), acl: OPEN_ACL, flags: 2 });
      else if (die < 9) ops.push({ kind: 'delete', path, version: -1 });
      else ops.push({ kind: 'check', path, version: -1 });
    }
    return ops;
  }

  #ephemeral(die: number): Call {
    const path = `${EPHEMERALS}/c${this.#o.index}-${this.#stream.below(4)}`;
    if (die < 8) return { kind: 'create2', path, data: this.#tag(), acl: OPEN_ACL, flags: CreateMode.ephemeral };
    if (die < 10) return { kind: 'delete', path, version: -1 };
    return {
      kind: 'create2',
      path: `${QUEUE}/e-`,
      data: this.#tag(),
      acl: OPEN_ACL,
      flags: CreateMode.ephemeralSequential,
    };
  }

  #sequence(die: number): Call {
    if (die < 9) {
      return {
        kind: die < 5 ? 'create' : 'create2',
        path: `${QUEUE}/s-`,
        data: this.#tag(),
        acl: OPEN_ACL,
        flags: CreateMode.persistentSequential,
      };
    }
    // Removes an old entry, if there is one of this number.
    const number = String(this.#stream.below(200)).padStart(10, '0');
    return { kind: 'delete', path: `${QUEUE}/s-${number}`, version: -1 };
  }

  #container(die: number): Call[] {
    const path = `/box${this.#stream.below(3)}`;
    const acl = OPEN_ACL;
    if (die < 5) return [{ kind: 'createContainer', path, data: null, acl, flags: CreateMode.container }];
    if (die < 8) return [{ kind: 'create', path: `${path}/in`, data: this.#tag(), acl, flags: 0 }];
    if (die < 11 || !this.#o.extendedTypes) return [{ kind: 'delete', path: `${path}/in`, version: -1 }];
    const flags = CreateMode.persistentTtl;
    return [{ kind: 'createTTL', path: `/ttl${die}`, data: this.#tag(), acl, flags, ttl: 5000 }];
  }

  #watch(path: string, die: number): Call {
    if (die < 3) return { kind: 'getData', path, watch: true };
    // A node whose ACL may keep the event back.
    if (die < 4) return { kind: 'exists', path: `${SECRET_PREFIX}/s${this.#stream.below(4)}`, watch: true };
    if (die < 7) return { kind: 'exists', path: die < 6 ? path : this.#someLive(), watch: true };
    if (die < 9) return { kind: 'getChildren2', path: die < 8 ? QUEUE : '/', watch: true };
    if (die < 10) return { kind: 'addWatch', path, mode: AddWatchMode.persistent };
    if (die < 11) {
      const root = this.#stream.pick(['/n1', EPHEMERALS, SECRET_PREFIX] as const);
      return { kind: 'addWatch', path: root, mode: AddWatchMode.persistentRecursive };
    }
    const { any, data, children, persistent } = WatcherType;
    return {
      kind: 'removeWatches',
      path,
      type: this.#stream.pick([any, any, data, children, persistent]),
      local: false,
    };
  }

  #acl(die: number): Call {
    const rights = this.#o.swarm['workload.rights'];
    if (rights > 0 && die < 9) {
      return { kind: 'setACL', path: this.#path(), acl: openTo(this.#stream.below(rights)), version: -1 };
    }
    const path = `${SECRET_PREFIX}/s${this.#stream.below(4)}`;
    const acl = this.#someAcl();
    if (die < 4) return { kind: 'create2', path, data: this.#tag(), acl, flags: 0 };
    if (die < 7) return { kind: 'setACL', path, acl, version: -1 };
    if (die < 9) return { kind: 'getACL', path };
    if (die < 10) return { kind: 'getData', path, watch: true };
    if (die < 11) return { kind: 'exists', path, watch: true };
    return { kind: 'delete', path, version: -1 };
  }

  /** Nodes that everybody may close to readers or writers and open again, and that somebody watches and writes meanwhile. */
  #secret(die: number): Call {
    const path = `${SECRET_PREFIX}/h${this.#stream.below(3)}`;
    const acl = this.#stream.pick([OPEN_ACL, OPEN_ACL, UNREADABLE, UNWRITABLE]);
    if (die < 2) return { kind: 'create2', path, data: this.#tag(), acl, flags: 0 };
    if (die < 5) return { kind: 'setACL', path, acl, version: -1 };
    if (die < 8) return { kind: 'setData', path, data: this.#tag(), version: -1 };
    if (die < 9) return { kind: 'delete', path, version: -1 };
    return die < 11 ? { kind: 'exists', path, watch: true } : { kind: 'getData', path, watch: true };
  }

  /** Nodes below a quota that a few of them fill. */
  #belowQuota(die: number): Call {
    const path = `${QUOTA_ROOT}/f${this.#stream.below(9)}`;
    const data = new Uint8Array(this.#stream.below(QUOTA_BYTES / 3)).fill(SPACE);
    const create = { kind: 'create2', path, data, acl: OPEN_ACL, flags: 0 } as const;
    if (die < 5) return create;
    if (die < 7) return { kind: 'delete', path, version: -1 };
    if (die < 10) return { kind: 'setData', path, data, version: -1 };
    return { kind: 'multi', ops: [create, { ...create, path: `${QUOTA_ROOT}/f${this.#stream.below(9)}` }] };
  }

  /** Whoever is not the administrator must not get this. */
  #changeOfEnsemble(): Call {
    const leaving = this.#stream.between(1, this.#o.servers.length);
    return {
      kind: 'reconfig',
      joiningServers: null,
      leavingServers: String(leaving),
      newMembers: null,
      curConfigId: -1,
    };
  }

  #someAcl(): readonly Acl[] {
    const acls: readonly (readonly Acl[])[] = [
      OPEN_ACL,
      READ_ACL,
      [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }],
      [{ perms: Perm.ALL, id: { scheme: 'ip', id: '10.9.0.0/16' } }],
      [
        { perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } },
        { perms: Perm.ALL, id: { scheme: 'ip', id: `10.0.${Math.floor(CLIENT_BASE / 256)}.0/24` } },
      ],
    ];
    return this.#stream.pick(acls);
  }

  /** Requests that must fail, each in its own way. */
  #mistake(path: string, die: number): Call {
    if (die < 2) return { kind: 'create', path: `${path}/no/such`, data: null, acl: OPEN_ACL, flags: 0 };
    if (die < 4) return { kind: 'create', path: '/bad//path', data: null, acl: OPEN_ACL, flags: 0 };
    if (die < 6) return { kind: 'delete', path: '/', version: -1 };
    if (die < 8) return { kind: 'create', path, data: null, acl: [], flags: 0 };
    if (die < 10) return { kind: 'setData', path: '/zookeeper/quota', data: null, version: 7 };
    return { kind: 'multi', ops: [{ kind: 'check', path, version: 12_345 }] };
  }
}

const anyone = (perms: number): Acl => ({ perms, id: { scheme: 'world', id: 'anyone' } });
const UNREADABLE: readonly Acl[] = [anyone(Perm.ALL & ~Perm.READ)];
const UNWRITABLE: readonly Acl[] = [anyone(Perm.ALL & ~Perm.WRITE)];
const QUOTA_ROOT = '/quota';
const QUOTA_BYTES = 600;
const QUOTA_COUNT = 6;
const FAR_PATH_SIZE = 3000;
const FAR_PATHS = 300;

/** Parents that exist from the beginning of the load. */
const QUEUE = '/queue';
const EPHEMERALS = '/live';
const PARENTS = [QUEUE, EPHEMERALS, SECRET_PREFIX] as const;

/** Two of three paths are children of the root; the others lie below one of the first. */
export const pathOf = (index: number): string => (index % 3 === 2 ? `/n${index % 5}/m${index}` : `/n${index}`);

/** One of many lists that differ and forbid nobody anything. */
const openTo = (number: number): readonly Acl[] => [
  ...OPEN_ACL,
  { perms: Perm.READ, id: { scheme: 'ip', id: `10.9.${number}.0/24` } },
];

type MixName = Extract<SwarmName, `mix.${string}` | `more.${string}`>;
type MixKind = MixName extends `${'mix' | 'more'}.${infer K}` ? K : never;
type MoreKind = Extract<SwarmName, `more.${string}`> extends `more.${infer K}` ? K : never;

function mixOf(swarm: Swarm): { kind: MixKind; upTo: number }[] {
  let upTo = 0;
  const mixed = MIX_KINDS.map((kind) => {
    upTo += Math.round(swarm[`mix.${kind}`]);
    return { kind, upTo };
  });
  const more = MORE_KINDS.map((kind) => {
    upTo += Math.round(swarm[`more.${kind}`]);
    return { kind, upTo };
  });
  return [...mixed, ...more];
}

const MIX_KINDS = [
  'create',
  'setData',
  'delete',
  'read',
  'children',
  'sync',
  'multi',
  'ephemeral',
  'sequence',
  'container',
  'watch',
  'acl',
  'auth',
  'check',
  'admin',
] as const satisfies readonly Exclude<MixKind, MoreKind>[];

const MORE_KINDS = ['secret', 'quota', 'reconfig', 'farWatch', 'recipe'] as const satisfies readonly MoreKind[];
