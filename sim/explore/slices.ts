/**
 * A server in slices: the parts of its state that are interned each for itself, and a server put together from them that
 * knows which of its slices were looked at.
 *
 * A step depends on nothing but what it reads. When it has read only some slices, it does the same to every server that
 * agrees in these, whatever the others hold: an election message does not care how far a learner is with its proposals,
 * and the acknowledgement of one learner not how far another is. So what a step made of a server is remembered by the
 * slices that it read (`memory.ts`). They are handed out by accessors that note it; a slice that nobody asks for is not
 * even copied, and one that is only written is not read.
 *
 * How fine the slices are is a matter of speed alone. What is one object for the core (a role, the connections of the
 * election port) may be several slices: fields of its own (`FIELDS`), and an entry of a map for each server
 * (`SlicedMap`). A field that a later version of the core adds stays in the slice of its object.
 */

import type { Cnx, CnxState, Link } from '../../core/election/cnx-manager.ts';
import type { FleState } from '../../core/election/fle.ts';
import type { Heap } from '../../core/heap.ts';
import type { FileAction, Lane } from '../../core/io.ts';
import type { Ensemble, Handler, Leading, Learning, PeerState, Role } from '../../core/state.ts';
import type { StoreState } from '../../core/storage/state.ts';
import type { TxnWindow } from '../../core/storage/window.ts';
import type { DataTree } from '../../core/tree/data-tree.ts';
import type { WatchTable } from '../../core/tree/watches.ts';
import { asConn, asPeer, type ConnId, type PeerId } from '../../core/types.ts';
import { type ByteStore, copierOf, hashOf, isSame } from './canon.ts';
import type { Disk } from './disk.ts';
import type { ChannelIndex } from './items.ts';
import { Trees } from './trees.ts';

/** As many as there are bits for (`locals.ts`). */
export const SERVERS_MAX = 4;

export const SLICE = {
  /** What of the state is nowhere else. */
  core: 0,
  epochs: 1,
  saving: 2,
  durable: 3,
  committed: 4,
  digests: 5,
  /** Which role, and what of it is nowhere else. The next ten are null in other roles. */
  role: 6,
  phase: 7,
  accepted: 8,
  ackEpoch: 9,
  ackNewLeader: 10,
  proposals: 11,
  lastProposed: 12,
  authority: 13,
  commitTo: 14,
  ackedTo: 15,
  /** A leader's side of the learner that is server 0 to 3, or null. */
  handler: 16,
  store: 20,
  server: 21,
  seen: 22,
  cnx: 23,
  /** Connections of the election port with server 0 to 3, dialled and accepted, or null. */
  dialled: 24,
  taken: 28,
  /** What is known of server 0 to 3, or null. */
  link: 32,
  fle: 36,
  fleVote: 37,
  fleRound: 38,
  tree: 39,
  log: 40,
  watches: 41,
  electionEnds: 42,
  quorumEnds: 43,
  shell: 44,
  disk: 45,
  /** Of the leader's sides of learners, what changes most. */
  handlerPhase: 46,
  handlerLast: 50,
  handlerAcked: 54,
  handlerUnacked: 58,
  handlerAwaited: 62,
  /** Of the storage machine; every step asks it whether there is anything to write. */
  storeMark: 66,
  storeEpochs: 67,
  storeRanges: 68,
  storeSnapshots: 69,
  storeLog: 70,
  storeFiles: 71,
  storeCurrent: 72,
  storeDurable: 73,
} as const;
export type SliceIndex = number;
/** For each slice of a server its number in the pool of that slice. */
export type Slices = ArrayLike<number>;
export const SLICE_COUNT = 74;

export type Fields = Readonly<Record<string, SliceIndex>>;
export const STATE_FIELDS: Fields = {
  epochs: SLICE.epochs,
  saving: SLICE.saving,
  durable: SLICE.durable,
  committed: SLICE.committed,
  digests: SLICE.digests,
  server: SLICE.server,
};
/** But for `log`. */
export const STORE_FIELDS: Fields = {
  mark: SLICE.storeMark,
  epochs: SLICE.storeEpochs,
  ranges: SLICE.storeRanges,
  snapshots: SLICE.storeSnapshots,
};
export const LOG_FIELDS: Fields = {
  files: SLICE.storeFiles,
  current: SLICE.storeCurrent,
  durable: SLICE.storeDurable,
};
const LEADING_FIELDS = {
  phase: SLICE.phase,
  accepted: SLICE.accepted,
  ackEpoch: SLICE.ackEpoch,
  ackNewLeader: SLICE.ackNewLeader,
  proposals: SLICE.proposals,
  lastProposed: SLICE.lastProposed,
  authority: SLICE.authority,
} as const satisfies Fields;
const LEARNING_FIELDS = {
  phase: SLICE.phase,
  commitTo: SLICE.commitTo,
  ackedTo: SLICE.ackedTo,
} as const satisfies Fields;
export const FLE_FIELDS: Fields = { vote: SLICE.fleVote, round: SLICE.fleRound };
const NO_FIELDS: Fields = {};
/** By server. */
export const HANDLER_FIELDS: readonly Fields[] = Array.from({ length: SERVERS_MAX }, (_, i) => ({
  phase: SLICE.handlerPhase + i,
  peerLast: SLICE.handlerLast + i,
  ackedTo: SLICE.handlerAcked + i,
  unackedSinceMs: SLICE.handlerUnacked + i,
  unacked: SLICE.handlerAwaited + i,
}));

/**
 * What a slice holds that will be written before it is read again (`deadOf`). Two servers that differ only in such a slice
 * are the same, whatever stands there. A step that reads it all the same is an error, not a wrong result.
 */
export const DEAD = Object.freeze({ kind: 'dead' });

export class DeadRead extends Error {
  override readonly name = 'DeadRead';
}

/** Which slices of a leader hold what it will not read again. They are its fields for phases that are over. */
export function deadOf(phase: Leading['phase']): readonly SliceIndex[] {
  switch (phase.kind) {
    case 'discovery':
      return [];
    case 'proposingEpoch':
    case 'collectingEpochAcks':
      // The epoch is chosen: `proposeEpochIfQuorum` and `leaderClosed` look at the wishes in discovery only.
      return [SLICE.accepted];
    case 'adoptingEpoch':
    case 'synchronization':
    case 'broadcast':
      // A quorum has promised itself: `onAckEpoch`, `synchronizeIfQuorum` and `leaderTick` count in collectingEpochAcks only.
      return [SLICE.accepted, SLICE.ackEpoch];
    default:
      return phase satisfies never;
  }
}

/** The learner's last zxid is written by its ACKEPOCH and read when what it needs is decided, now or behind a range that is read. */
export const needsPeerLast = ({ kind }: Handler['phase']): boolean => kind === 'waiting' || kind === 'range';

type Idle = Exclude<Role, Leading | Learning>;

/** The fields of a role that are slices of their own. */
export const fieldsOfRole = ({ kind }: Pick<Role, 'kind'>): Fields =>
  kind === 'leading' ? LEADING_FIELDS : kind === 'learning' ? LEARNING_FIELDS : NO_FIELDS;

/** Slices that mean something in some role only. */
export const ROLE_SLICES: readonly SliceIndex[] = [
  ...new Set([...Object.values(LEADING_FIELDS), ...Object.values(LEARNING_FIELDS)]),
];

/** By server: the slices of a leader's side of it. */
export const HANDLER_SLICES: readonly (readonly SliceIndex[])[] = HANDLER_FIELDS.map((fields, i) => [
  SLICE.handler + i,
  ...Object.values(fields),
]);

export type Seen = Pick<Ensemble, 'committed' | 'lastSeen' | 'savedTo'>;

/** What the core does not keep, but for the ends of connections: operations in flight above all. */
export interface Shell {
  readonly listening: boolean;
  readonly files: readonly PendingFile[];
  /** The history that ends where the window begins. */
  readonly base: number;
}

export interface PendingFile {
  readonly op: number;
  readonly lane: Lane;
  readonly action: FileAction;
}

export interface Socket {
  readonly conn: number;
  readonly channel: ChannelIndex;
  readonly peer: number;
  readonly dialled: boolean;
  readonly open: boolean;
}

/** Values that are never changed, each kept once: by a text of theirs, or by what they are. One pool uses one way. */
export class Pool<T> {
  private readonly ids = new Map<string, number>();
  /** The newest value with this hash, and for each value the one before it with the same hash, or -1. */
  private readonly newest = new Map<number, number>();
  private readonly before: number[] = [];
  private readonly values: T[] = [];
  private readonly copiers: (() => unknown)[] = [];

  intern(text: string, value: T): number {
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.values.push(value) - 1;
      this.ids.set(text, id);
    }
    return id;
  }

  /** A value in normal form. */
  internValue(value: T, bytes: ByteStore): number {
    const hash = hashOf(value, bytes);
    const newest = this.newest.get(hash) ?? -1;
    for (let id = newest; id >= 0; id = this.before[id]!) if (isSame(value, this.values[id])) return id;
    const id = this.values.push(value) - 1;
    this.newest.set(hash, id);
    this.before[id] = newest;
    return id;
  }

  get(id: number): T {
    return this.values[id]!;
  }

  copy(id: number): T {
    this.copiers[id] ??= copierOf(this.values[id]);
    return this.copiers[id]!() as T;
  }

  get size(): number {
    return this.values.length;
  }
}

/** The pools of all slices, in the order of `SLICE`, and what is in them. */
export class Pools {
  readonly trees: Trees;
  readonly all: readonly Pool<unknown>[] = Array.from({ length: SLICE_COUNT }, () => new Pool<unknown>());

  constructor(bytes: ByteStore, remembersTrees: boolean) {
    this.trees = new Trees(bytes, remembersTrees);
  }

  value(index: SliceIndex, slices: Slices): unknown {
    return this.all[index]!.get(slices[index]!);
  }

  committed = (slices: Slices): PeerState['committed'] => this.value(SLICE.committed, slices) as PeerState['committed'];
  /** Without what is in slices of its own. */
  role = (
    slices: Slices,
  ): Omit<Leading, keyof typeof LEADING_FIELDS> | Omit<Learning, keyof typeof LEARNING_FIELDS> | Idle =>
    this.value(SLICE.role, slices) as Leading | Learning | Idle;
  /** Of the role; null when it has none. */
  phase = (slices: Slices): Leading['phase'] | Learning['phase'] | null =>
    this.value(SLICE.phase, slices) as Leading['phase'] | Learning['phase'] | null;
  server = (slices: Slices): PeerState['server'] => this.value(SLICE.server, slices) as PeerState['server'];
  link = (slices: Slices, peer: number): Link | null => this.value(SLICE.link + peer, slices) as Link | null;
  clockOf = (slices: Slices): number => (this.value(SLICE.fle, slices) as FleState).logicalClock;
  round = (slices: Slices): FleState['round'] => this.value(SLICE.fleRound, slices) as FleState['round'];
  tree = (slices: Slices): DataTree => this.value(SLICE.tree, slices) as DataTree;
  log = (slices: Slices): TxnWindow => this.value(SLICE.log, slices) as TxnWindow;
  shell = (slices: Slices): Shell => this.value(SLICE.shell, slices) as Shell;
  disk = (slices: Slices): Disk => this.value(SLICE.disk, slices) as Disk;
  ends = (slices: Slices, channel: ChannelIndex): readonly Socket[] =>
    this.value(endsOf(channel), slices) as readonly Socket[];
}

export const endsOf = (channel: ChannelIndex): SliceIndex => (channel === 0 ? SLICE.electionEnds : SLICE.quorumEnds);

/** The slices of one server while it handles an input. */
export class Parts {
  /** The slices that were read, in the order in which they were first read. */
  readonly reads: SliceIndex[] = [];
  readonly slices: Slices;
  readonly state: PeerState;
  readonly heap: Heap;
  private readonly pools: Pools;
  private readonly values: unknown[] = new Array(SLICE_COUNT);
  private readonly marks = new Uint8Array(SLICE_COUNT);

  constructor(pools: Pools, slices: Slices) {
    this.pools = pools;
    this.slices = slices;
    this.note(SLICE.shell);
    this.state = new ThawedState(this) as unknown as PeerState;
    this.heap = new ThawedHeap(this);
  }

  isRead(index: SliceIndex): boolean {
    return (this.marks[index]! & READ) !== 0;
  }

  isWritten(index: SliceIndex): boolean {
    return (this.marks[index]! & WRITTEN) !== 0;
  }

  isTouched(index: SliceIndex): boolean {
    return this.marks[index] !== 0;
  }

  /** A copy, always the same one. */
  load(index: SliceIndex): unknown {
    if (this.marks[index] !== 0) return this.values[index];
    this.note(index);
    const value = this.pools.value(index, this.slices);
    this.values[index] = this.thaw(index, value);
    return this.values[index];
  }

  /** What was there before the input, as it is kept. */
  before(index: SliceIndex): unknown {
    return this.pools.value(index, this.slices);
  }

  private note(index: SliceIndex): void {
    this.marks[index]! |= READ;
    this.reads.push(index);
  }

  private thaw(index: SliceIndex, value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (value === DEAD) throw new DeadRead(`slice ${index} is read, which was held to be dead`);
    if (index === SLICE.tree) return this.pools.trees.standInFor(value as DataTree);
    if (index === SLICE.disk) return value;
    const copied = this.pools.all[index]!.copy(this.slices[index]!) as object;
    if (index >= SLICE.handler && index < SLICE.handler + SERVERS_MAX) {
      return new ThawedHandlers[index - SLICE.handler]!(this, copied);
    }
    if (index === SLICE.store) return new ThawedStore(this, copied);
    if (index === SLICE.storeLog) return new ThawedLog(this, copied);
    if (index !== SLICE.role) return copied;
    const role = copied as Role;
    if (role.kind === 'leading') return new ThawedLeading(this, role);
    return role.kind === 'learning' ? new ThawedLearning(this, role) : role;
  }

  replace(index: SliceIndex, value: unknown): void {
    this.marks[index]! |= WRITTEN;
    this.values[index] = value;
  }
}

const READ = 1;
const WRITTEN = 2;

/** An object of which some fields are slices. */
export class Thawed {}

function thawing(fields: Fields): new (parts: Parts, rest: object) => Thawed {
  return class ThawedFields extends Thawed {
    readonly #parts: Parts;

    constructor(parts: Parts, rest: object) {
      super();
      this.#parts = parts;
      Object.assign(this, rest);
    }

    static {
      for (const [name, index] of Object.entries(fields)) {
        Object.defineProperty(ThawedFields.prototype, name, {
          get(this: ThawedFields) {
            return this.#parts.load(index);
          },
          set(this: ThawedFields, value: unknown) {
            this.#parts.replace(index, value);
          },
        });
      }
    }
  };
}

/** What of an object is in no slice of its own. */
export function restOf(value: object, parts: readonly string[]): object {
  const rest: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    if (!parts.includes(name)) rest[name] = (value as Record<string, unknown>)[name];
  }
  return rest;
}

class ThawedState extends thawing(STATE_FIELDS) {
  readonly #parts: Parts;
  readonly #ensemble: ThawedEnsemble;

  constructor(parts: Parts) {
    super(parts, parts.load(SLICE.core) as object);
    this.#parts = parts;
    this.#ensemble = new ThawedEnsemble(parts);
  }

  get role(): Role {
    return this.#parts.load(SLICE.role) as Role;
  }
  set role(role: Role) {
    this.#parts.replace(SLICE.role, role);
  }
  get ensemble(): Ensemble {
    return this.#ensemble as unknown as Ensemble;
  }
  get store(): StoreState {
    return this.#parts.load(SLICE.store) as StoreState;
  }
  set store(store: StoreState) {
    this.#parts.replace(SLICE.store, store);
  }
}

class ThawedStore extends thawing(STORE_FIELDS) {
  readonly #parts: Parts;

  constructor(parts: Parts, rest: object) {
    super(parts, rest);
    this.#parts = parts;
  }

  get log(): StoreState['log'] {
    return this.#parts.load(SLICE.storeLog) as StoreState['log'];
  }
  set log(log: StoreState['log']) {
    this.#parts.replace(SLICE.storeLog, log);
  }
}

const ThawedLog = thawing(LOG_FIELDS);

const ThawedLearning = thawing(LEARNING_FIELDS);

class ThawedLeading extends thawing(LEADING_FIELDS) {
  readonly #handlers: SlicedMap<ConnId, Handler>;

  constructor(parts: Parts, rest: object) {
    super(parts, rest);
    this.#handlers = new SlicedMap(parts, HANDLERS);
  }

  get handlers(): Leading['handlers'] {
    return this.#handlers;
  }
}

const ThawedHandlers = HANDLER_FIELDS.map(thawing);

class ThawedEnsemble {
  readonly #parts: Parts;
  #cnx: CnxState | null = null;
  #fle: FleState | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    Object.assign(this, parts.load(SLICE.seen));
  }

  get cnx(): CnxState {
    this.#cnx ??= new ThawedCnx(this.#parts) as unknown as CnxState;
    return this.#cnx;
  }
  get fle(): FleState {
    this.#fle ??= new ThawedFle(this.#parts, this.#parts.load(SLICE.fle) as object) as unknown as FleState;
    return this.#fle;
  }
}

const ThawedFle = thawing(FLE_FIELDS);

class ThawedCnx extends thawing(NO_FIELDS) {
  readonly conns: SlicedMap<ConnId, Cnx>;
  readonly links: SlicedMap<PeerId, Link>;

  constructor(parts: Parts) {
    super(parts, parts.load(SLICE.cnx) as object);
    this.conns = new SlicedMap(parts, CONNS);
    this.links = new SlicedMap(parts, LINKS);
  }
}

class ThawedHeap implements Heap {
  readonly outgoing: Heap['outgoing'] = new Map();
  incoming: Heap['incoming'] = null;
  saving: Heap['saving'] = null;
  loading: Heap['loading'] = null;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get tree(): DataTree {
    return this.#parts.load(SLICE.tree) as DataTree;
  }
  set tree(tree: DataTree) {
    this.#parts.replace(SLICE.tree, tree);
  }
  get log(): TxnWindow {
    return this.#parts.load(SLICE.log) as TxnWindow;
  }
  set log(log: TxnWindow) {
    this.#parts.replace(SLICE.log, log);
  }
  get watches(): WatchTable {
    return this.#parts.load(SLICE.watches) as WatchTable;
  }
  set watches(watches: WatchTable) {
    this.#parts.replace(SLICE.watches, watches);
  }
}

// --- maps with a slice for each server ---------------------------------------------------------------------------------------

/** Names of connections, see `turn.ts`. */
export const ELECTION_CONN = 100;
export const QUORUM_CONN = 200;
export const CLIENT_CONN = 300;

/** Which slice each key is in. */
export type Keys<K> = ReadonlyMap<K, SliceIndex>;

function keysFrom<K>(key: (server: number) => K, index: SliceIndex): (readonly [K, SliceIndex])[] {
  return Array.from({ length: SERVERS_MAX }, (_, i) => [key(i), index + i] as const);
}

export const HANDLERS: Keys<ConnId> = new Map(keysFrom((i) => asConn(QUORUM_CONN + i), SLICE.handler));
export const LINKS: Keys<PeerId> = new Map(keysFrom((i) => asPeer(i + 1), SLICE.link));
export const CONNS: Keys<ConnId> = new Map([
  ...keysFrom((i) => asConn(-ELECTION_CONN - i), SLICE.dialled),
  ...keysFrom((i) => asConn(ELECTION_CONN + i), SLICE.taken),
]);

/**
 * A map whose entries are slices, fetched when they matter. Other keys, names of connections that are being dialled, can be
 * set and are as good as any; that they are not there before needs no reading.
 */
export class SlicedMap<K, V> extends Map<K, V> {
  private readonly parts: Parts;
  private readonly slices: Keys<K>;
  private readonly fetched = new Set<K>();

  constructor(parts: Parts, slices: Keys<K>) {
    super();
    this.parts = parts;
    this.slices = slices;
  }

  private fetch(key: K): void {
    const index = this.slices.get(key);
    if (index === undefined || this.fetched.has(key)) return;
    this.fetched.add(key);
    const value = this.parts.load(index);
    if (value !== null) super.set(key, value as V);
  }

  private fetchAll(): void {
    if (this.fetched.size === this.slices.size) return;
    for (const key of this.slices.keys()) this.fetch(key);
  }

  override has(key: K): boolean {
    this.fetch(key);
    return super.has(key);
  }
  override get(key: K): V | undefined {
    this.fetch(key);
    return super.get(key);
  }
  override set(key: K, value: V): this {
    this.fetch(key);
    return super.set(key, value);
  }
  override delete(key: K): boolean {
    this.fetch(key);
    return super.delete(key);
  }
  override clear(): void {
    this.fetchAll();
    super.clear();
  }
  override forEach(visit: (value: V, key: K, map: Map<K, V>) => void): void {
    this.fetchAll();
    super.forEach(visit);
  }
  override get size(): number {
    this.fetchAll();
    return super.size;
  }
  override keys(): MapIterator<K> {
    this.fetchAll();
    return super.keys();
  }
  override values(): MapIterator<V> {
    this.fetchAll();
    return super.values();
  }
  override entries(): MapIterator<[K, V]> {
    this.fetchAll();
    return super.entries();
  }
  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  /** What is there of what was fetched or set, without fetching more. */
  present(): MapIterator<[K, V]> {
    return super.entries();
  }
}
