/**
 * A server in slices: the parts of its state that are interned each for itself, and a server put together from them that
 * knows which of its slices were looked at.
 *
 * A step depends on nothing but what it reads. When it has read only some slices, it does the same to every server that
 * agrees in these, whatever the others hold: an election message does not care how far a learner is with its proposals.
 * So the slices that a step touched, and only they, are what its outcome is remembered by (`locals.ts`). They are handed
 * out by accessors that note it; a slice that nobody asks for is not even copied.
 */

import type { CnxState } from '../../core/election/cnx-manager.ts';
import type { FleState } from '../../core/election/fle.ts';
import type { Heap } from '../../core/heap.ts';
import type { FileAction, Lane } from '../../core/io.ts';
import type { Ensemble, Handler, PeerState, Role } from '../../core/state.ts';
import type { TxnWindow } from '../../core/storage/window.ts';
import type { DataTree } from '../../core/tree/data-tree.ts';
import type { WatchTable } from '../../core/tree/watches.ts';
import type { ConnId } from '../../core/types.ts';
import { copyGraph, copyOf } from './canon.ts';
import type { Disk } from './disk.ts';
import type { ChannelIndex } from './items.ts';

export const SLICE = {
  core: 0,
  role: 1,
  /** The leader's side of its learners: the part of the role that changes most. Null in other roles. */
  handlers: 2,
  store: 3,
  server: 4,
  seen: 5,
  cnx: 6,
  fle: 7,
  tree: 8,
  log: 9,
  watches: 10,
  electionEnds: 11,
  quorumEnds: 12,
  shell: 13,
  disk: 14,
} as const;
export type SliceIndex = (typeof SLICE)[keyof typeof SLICE];
export const SLICE_COUNT = 15;

/** These are small and looked at in every step. */
export const ALWAYS = (1 << SLICE.core) | (1 << SLICE.seen) | (1 << SLICE.shell);

export type Core = Omit<PeerState, 'role' | 'store' | 'server' | 'ensemble'>;
export type Seen = Pick<Ensemble, 'committed' | 'lastSeen' | 'savedTo'>;
export type Handlers = ReadonlyMap<ConnId, Handler>;

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

/** Values by their text. */
export class Pool<T> {
  private readonly ids = new Map<string, number>();
  private readonly values: T[] = [];

  intern(text: string, value: T): number {
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.values.length;
      this.ids.set(text, id);
      this.values.push(value);
    }
    return id;
  }

  get(id: number): T {
    return this.values[id]!;
  }

  get size(): number {
    return this.values.length;
  }
}

/** The pools of all slices, in the order of `SLICE`, and what is in them. */
export class Pools {
  readonly all: readonly Pool<unknown>[] = Array.from({ length: SLICE_COUNT }, () => new Pool<unknown>());

  value(index: SliceIndex, slices: readonly number[]): unknown {
    return this.all[index]!.get(slices[index]!);
  }

  core = (slices: readonly number[]): Core => this.value(SLICE.core, slices) as Core;
  /** Without the handlers of a leader. */
  role = (slices: readonly number[]): Role => this.value(SLICE.role, slices) as Role;
  server = (slices: readonly number[]): PeerState['server'] => this.value(SLICE.server, slices) as PeerState['server'];
  cnx = (slices: readonly number[]): CnxState => this.value(SLICE.cnx, slices) as CnxState;
  fle = (slices: readonly number[]): FleState => this.value(SLICE.fle, slices) as FleState;
  tree = (slices: readonly number[]): DataTree => this.value(SLICE.tree, slices) as DataTree;
  log = (slices: readonly number[]): TxnWindow => this.value(SLICE.log, slices) as TxnWindow;
  shell = (slices: readonly number[]): Shell => this.value(SLICE.shell, slices) as Shell;
  disk = (slices: readonly number[]): Disk => this.value(SLICE.disk, slices) as Disk;
  ends = (slices: readonly number[], channel: ChannelIndex): readonly Socket[] =>
    this.value(endsOf(channel), slices) as readonly Socket[];
}

export const endsOf = (channel: ChannelIndex): SliceIndex => (channel === 0 ? SLICE.electionEnds : SLICE.quorumEnds);

/** The slices of one server while it handles an input. */
export class Parts {
  /** Which were asked for, a bit each. */
  touched = 0;
  readonly slices: readonly number[];
  readonly state: PeerState;
  readonly heap: Heap;
  private readonly pools: Pools;
  private readonly values: unknown[] = new Array(SLICE_COUNT);

  constructor(pools: Pools, slices: readonly number[]) {
    this.pools = pools;
    this.slices = slices;
    this.state = new ThawedState(this) as unknown as PeerState;
    this.heap = new ThawedHeap(this);
  }

  isTouched(index: SliceIndex): boolean {
    return (this.touched & (1 << index)) !== 0;
  }

  /** A copy, always the same one. */
  load(index: SliceIndex): unknown {
    if (this.isTouched(index)) return this.values[index];
    this.touched |= 1 << index;
    const value = this.pools.value(index, this.slices);
    this.values[index] =
      index === SLICE.tree ? lazyTree(value as DataTree) : index === SLICE.disk ? value : copyOf(value);
    return this.values[index];
  }

  replace(index: SliceIndex, value: unknown): void {
    this.touched |= 1 << index;
    this.values[index] = value;
  }

  /** The role, of which a leader's handlers are a slice of their own. */
  role(): Role {
    if (this.isTouched(SLICE.role)) return this.values[SLICE.role] as Role;
    const role = this.load(SLICE.role) as Role;
    if (role.kind === 'leading') role.handlers = new LazyHandlers(() => this.load(SLICE.handlers) as Handlers);
    return role;
  }
}

class ThawedState {
  readonly #parts: Parts;
  readonly #ensemble: ThawedEnsemble;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#ensemble = new ThawedEnsemble(parts);
    Object.assign(this, parts.load(SLICE.core));
  }

  get role(): Role {
    return this.#parts.role();
  }
  set role(role: Role) {
    this.#parts.replace(SLICE.role, role);
  }
  get store(): PeerState['store'] {
    return this.#parts.load(SLICE.store) as PeerState['store'];
  }
  set store(store: PeerState['store']) {
    this.#parts.replace(SLICE.store, store);
  }
  get server(): PeerState['server'] {
    return this.#parts.load(SLICE.server) as PeerState['server'];
  }
  set server(server: PeerState['server']) {
    this.#parts.replace(SLICE.server, server);
  }
  get ensemble(): Ensemble {
    return this.#ensemble as unknown as Ensemble;
  }
}

class ThawedEnsemble {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    Object.assign(this, parts.load(SLICE.seen));
  }

  get cnx(): CnxState {
    return this.#parts.load(SLICE.cnx) as CnxState;
  }
  set cnx(cnx: CnxState) {
    this.#parts.replace(SLICE.cnx, cnx);
  }
  get fle(): FleState {
    return this.#parts.load(SLICE.fle) as FleState;
  }
  set fle(fle: FleState) {
    this.#parts.replace(SLICE.fle, fle);
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

/** Names of connections that learners made to a leader, see `turn.ts`. */
export const QUORUM_CONN = 200;
export const CLIENT_CONN = 300;

/**
 * A leader's handlers, fetched when they matter. Every input begins with the question whose its connection is; only
 * connections of the quorum port can be of a handler.
 */
export class LazyHandlers extends Map<ConnId, Handler> {
  private source: (() => Handlers) | null;

  constructor(source: () => Handlers) {
    super();
    this.source = source;
  }

  get isLoaded(): boolean {
    return this.source === null;
  }

  private fill(): void {
    const { source } = this;
    if (source === null) return;
    this.source = null;
    for (const [conn, handler] of source()) super.set(conn, handler);
  }

  override has(conn: ConnId): boolean {
    if (conn < QUORUM_CONN || conn >= CLIENT_CONN) return false;
    this.fill();
    return super.has(conn);
  }
  override get(conn: ConnId): Handler | undefined {
    this.fill();
    return super.get(conn);
  }
  override set(conn: ConnId, handler: Handler): this {
    this.fill();
    return super.set(conn, handler);
  }
  override delete(conn: ConnId): boolean {
    this.fill();
    return super.delete(conn);
  }
  override clear(): void {
    this.fill();
    super.clear();
  }
  override forEach(visit: (handler: Handler, conn: ConnId, map: Map<ConnId, Handler>) => void): void {
    this.fill();
    super.forEach(visit);
  }
  override get size(): number {
    this.fill();
    return super.size;
  }
  override keys(): MapIterator<ConnId> {
    this.fill();
    return super.keys();
  }
  override values(): MapIterator<Handler> {
    this.fill();
    return super.values();
  }
  override entries(): MapIterator<[ConnId, Handler]> {
    this.fill();
    return super.entries();
  }
  override [Symbol.iterator](): MapIterator<[ConnId, Handler]> {
    return this.entries();
  }
}

// --- the tree --------------------------------------------------------------------------------------------------------------

/** Stand-ins that nothing has touched, by the tree they stand for. */
const standIns = new WeakMap<DataTree, DataTree[]>();
/** The tree that a stand-in stands for, as long as nothing has touched it. */
const originals = new WeakMap<DataTree, DataTree>();

/**
 * Few inputs touch the tree, so it is shared until one does: a stand-in delegates everything to it, until the first call of
 * anything that changes it copies the whole tree into the stand-in.
 */
function lazyTree(frozen: DataTree): DataTree {
  const idle = standIns.get(frozen)?.pop();
  if (idle !== undefined) return idle;
  const lazy = Object.create(frozen) as DataTree & Record<string, unknown>;
  originals.set(lazy, frozen);
  for (const name of CHANGES_THE_TREE) {
    lazy[name] = (...args: unknown[]) => {
      thawTree(lazy, frozen);
      return (lazy as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
    };
  }
  return lazy;
}

const CHANGES_THE_TREE = ['apply', 'initConfig', 'openSnapshot', 'putSession', 'loadAcl', 'loadNode', 'endLoad'];

function thawTree(lazy: DataTree, frozen: DataTree): void {
  originals.delete(lazy);
  const target = lazy as unknown as Record<string, unknown>;
  for (const name of CHANGES_THE_TREE) delete target[name];
  const copied = copyGraph(frozen) as unknown as Record<string, unknown>;
  for (const name of Object.keys(copied)) target[name] = copied[name];
  Object.setPrototypeOf(lazy, Object.getPrototypeOf(frozen));
}

/** Whether it is a stand-in that nothing has touched; then it can be used again. */
export function giveBack(tree: DataTree): boolean {
  const frozen = originals.get(tree);
  if (frozen === undefined) return false;
  const idle = standIns.get(frozen);
  if (idle === undefined) standIns.set(frozen, [tree]);
  else idle.push(tree);
  return true;
}
