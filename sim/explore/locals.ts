/**
 * The servers of an exploration: every state that a single server was ever seen in, and what each input makes of it.
 *
 * A global state is a handful of local states and queues, and the same local states come back in millions of global ones.
 * So a local state is interned, in slices, as a small number, and what the real `step` made of (local state, input) is
 * remembered: the next local state and what was sent. Only a pair that was never seen before runs code of the core; all
 * else is looking up. This is what makes exploring real code as cheap as exploring a model of it.
 *
 * An input here is what one action of the scope gives to one server: a whole message, a timer, the completion of the
 * operations of one lane of the disk. It may take several calls of `step`, for example one for each file operation, with
 * nothing in between.
 */

import { DEFAULT_CONFIG } from '../../core/config/defaults.ts';
import { makeMembership } from '../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../core/config/types.ts';
import type { Effect, Lane } from '../../core/io.ts';
import { boot, type Peer } from '../../core/peer.ts';
import type { Ensemble, Handler, Role } from '../../core/state.ts';
import { ACCEPTED_EPOCH, CURRENT_EPOCH, inData } from '../../core/storage/names.ts';
import type { StoreState } from '../../core/storage/state.ts';
import type { TxnWindow } from '../../core/storage/window.ts';
import type { DataTree } from '../../core/tree/data-tree.ts';
import { asPeer, assert, InvariantError, ZXID_ZERO, type Zxid, zxidOf } from '../../core/types.ts';
import { utf8Decode } from '../../core/wire/utf8.ts';
import { ByteStore, isSame, NOW, normalise, type Renaming, UnknownTime } from './canon.ts';
import { type Disk, diskText, EMPTY_DISK } from './disk.ts';
import { Histories, ROOT } from './histories.ts';
import { ELECTION, FIRST_ITEM, Items, QUORUM } from './items.ts';
import { Memory } from './memory.ts';
import {
  CONNS,
  DEAD,
  DeadRead,
  deadOf,
  endsOf,
  type Fields,
  FLE_FIELDS,
  fieldsOfRole,
  HANDLER_FIELDS,
  HANDLER_SLICES,
  HANDLERS,
  type Keys,
  LINKS,
  LOG_FIELDS,
  needsPeerLast,
  Parts,
  Pools,
  ROLE_SLICES,
  restOf,
  SERVERS_MAX,
  SLICE,
  SLICE_COUNT,
  SlicedMap,
  type SliceIndex,
  type Slices,
  type Socket,
  STATE_FIELDS,
  STORE_FIELDS,
  Thawed,
} from './slices.ts';
import { IntList, PairMap, Rows } from './tables.ts';
import { CALLS_MAX, CLOCK, type Fault, hostOf, LANES, LocalTurn, show } from './turn.ts';

/** Inputs that are no messages. Where one has a parameter (a peer, a lane, a variant), it is added. */
export const INPUT = {
  finalize: 1,
  resend: 2,
  retry: 3,
  silence: 4,
  giveUp: 5,
  ping: 6,
  write: 7,
  start: 8,
  dial: 16,
  disk: 32,
  refused: 48,
  crash: 64,
} as const;

/** More different disks than a crash leaves behind. */
const CRASHES_MAX = 16;

/** What may be looked at to see which actions a local state allows; bits of `Locals.bitsOf`. */
export const BIT = {
  up: 1,
  /** Takes connections of learners. */
  listening: 1 << 1,
  finalize: 1 << 2,
  resend: 1 << 3,
  retry: 1 << 4,
  learning: 1 << 5,
  leading: 1 << 6,
  /** Established and open to clients. */
  established: 1 << 7,
  looking: 1 << 8,
  /** Learner: UPTODATE received. */
  serving: 1 << 9,
  /** Learner: not connected to the leader. */
  connecting: 1 << 10,
  ping: 1 << 11,
  /** Operations in flight in lane 0 to 3. */
  lane: 1 << 12,
  /** Wants to dial peer 0 to 3 again. */
  dial: 1 << 16,
  /** The learner follows peer 0 to 3: two bits. */
  leader: 1 << 20,
} as const;

export const leaderOf = (bits: number): number => (bits >> 20) & 3;

/** Which of the facts `Locals.quickOf` is asked for. */
export const FACT = { log: 0, committed: 1, durable: 2, leads: 3, joined: 4, round: 5, promise: 6 } as const;
const QUICK = 7;

/** What checks want to know of a local state. Histories are nodes of `Histories`. */
export interface Facts {
  readonly log: number;
  /** As far as this server knows. */
  readonly committed: number;
  /** What a restart would find: the history, and below what the epoch files say. */
  readonly durable: number;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** The epoch that it leads and that a quorum has joined, or 0. */
  readonly leads: number;
  /** The epoch whose initial history it has taken over, or 0. */
  readonly joined: number;
  readonly applied: Zxid;
  /** Open to clients, as a learner. */
  readonly serves: boolean;
  /** The election round it is in, or was last in. */
  readonly round: number;
}

/** How a disk takes part: see `Scope.disk`. */
export type DiskMode = 'atomic' | 'jobs';

export interface LocalSettings {
  readonly servers: number;
  readonly disk: DiskMode;
  /** A crash may leave any prefix of the operations in flight; else none of them has happened. */
  readonly tornJobs: boolean;
  readonly config: Partial<PeerConfig>;
}

/** What makes an exploration fast and must change nothing else. Each can be left out, to see that it does not. */
export interface Shortcuts {
  /** What an input makes of a local state is remembered. */
  readonly transitions: boolean;
  /** The same for all local states that agree in what was read. */
  readonly outcomes: boolean;
  /** A tree that has applied a transaction is made once. */
  readonly trees: boolean;
  /** What checks want to know of a part of a server is found out once. */
  readonly facts: boolean;
  /** What a server will not read again is forgotten. Without this there are more states, but none that does anything else. */
  readonly dead: boolean;
}
export const ALL_SHORTCUTS: Shortcuts = { transitions: true, outcomes: true, trees: true, facts: true, dead: true };

interface Local {
  readonly server: number;
  readonly disk: number;
  /** Null while it is down. */
  readonly slices: Slices | null;
}

/** What an input made of a server, for all servers that agree in what it read. */
interface Outcome {
  /** Pairs: a slice, and its new value. One that was not read is among them also when it is as before. */
  readonly changes: readonly number[];
  readonly items: readonly number[];
  readonly fault: Fault | null;
}

const LONG_AGO = NOW - 1_000_000_000;

export class Locals {
  readonly bytes = new ByteStore();
  readonly histories = new Histories(this.bytes);
  readonly items = new Items(this.bytes);
  readonly servers: number;
  /** Calls of `step`. */
  steps = 0;
  readonly faults: Fault[] = [];
  readonly settings: LocalSettings;
  readonly shortcuts: Shortcuts;
  private readonly membership: Membership;
  private readonly configs: PeerConfig[];
  readonly pools: Pools;
  private readonly locals: Local[] = [];
  /** Of a local state its slices, and its server. */
  private readonly rows = new Rows(SLICE_COUNT + 1);
  private readonly bits = new IntList();
  private readonly facts: Facts[] = [];
  private readonly quick = new IntList();
  private readonly crashes: (readonly number[] | undefined)[] = [];
  /** (server, disk) -> transition. */
  private readonly starts = new PairMap();
  /** (base, log) -> history. */
  private readonly logs = new PairMap();
  /** (history, tree) -> 1, where the tree is that of the history or of another. */
  private readonly soundTrees = new PairMap();
  /** What the epoch files of a disk say. */
  private readonly epochs: (readonly [accepted: number, current: number])[] = [];
  private readonly memory = new Memory<Outcome>();
  /** A fault that was seen when a new state was interned. */
  private stateFault: Fault | null = null;
  /** What local states promise: a server, what it knows as committed, the epoch that it leads, its history. */
  private readonly promises = new Rows(4);
  // (local, input) -> transition
  private readonly memo = new PairMap();
  private lastLocal = -1;
  private lastInput = -1;
  private lastTransition = -1;
  private readonly nexts = new IntList();
  private readonly effectsFrom = new IntList();
  private readonly effects = new IntList();
  private readonly faultOf = new IntList();
  /** Which history a state of the tree belongs to, by zxid and digest. */
  private readonly treeNodes = new Map<string, number>();
  private readonly digests = new Map<number, bigint>();
  private readonly treeIds = new WeakMap<DataTree, number>();
  /** Disks are values that are never changed. */
  private readonly diskIds = new WeakMap<Disk, number>();

  constructor(settings: LocalSettings, shortcuts: Shortcuts) {
    this.settings = settings;
    this.shortcuts = shortcuts;
    this.pools = new Pools(this.bytes, shortcuts.trees);
    this.servers = settings.servers;
    assert(settings.servers <= SERVERS_MAX, 'bits are enough for four servers');
    this.membership = ensembleOf(settings.servers);
    this.configs = Array.from({ length: settings.servers }, (_, i) => this.configOf(i));
    this.faults.push({ property: 'no-exception', message: 'none' });
  }

  private configOf(server: number): PeerConfig {
    return {
      ...DEFAULT_CONFIG,
      myid: asPeer(server + 1),
      membership: this.membership,
      clientAddress: { host: hostOf(server), port: 2181 },
      localSessionsEnabled: true,
      skipAcl: true,
      preAllocSizeKb: 0,
      snapCount: 1_000_000,
      snapshotSizeFactor: -1,
      ...this.settings.config,
    };
  }

  /** So many local states, transitions, slices. */
  get sizes(): { readonly locals: number; readonly transitions: number; readonly disks: number } {
    return { locals: this.locals.length, transitions: this.nexts.length, disks: this.pools.all[SLICE.disk]!.size };
  }

  // --- looking ---------------------------------------------------------------------------------------------------------

  bitsOf(local: number): number {
    return this.bits.at(local);
  }

  factsOf(local: number): Facts {
    return this.facts[local]!;
  }

  /** What is in the slices of a server; null while it is down. */
  contentOf(local: number): readonly unknown[] | null {
    const { slices } = this.locals[local]!;
    return slices === null ? null : Array.from(slices, (_, index) => this.pools.value(index, slices));
  }

  socketsOf(local: number): readonly Socket[] {
    const { slices } = this.locals[local]!;
    return slices === null ? [] : [...this.pools.ends(slices, ELECTION), ...this.pools.ends(slices, QUORUM)];
  }

  /** In a word or two, what the server does. */
  roleOf(local: number): string {
    const { slices } = this.locals[local]!;
    if (slices === null) return 'is down';
    const [role, phase] = [this.pools.role(slices), this.pools.phase(slices)];
    if (role.kind === 'learning') return `follows ${role.leader} (${phase?.kind})`;
    return role.kind === 'leading' ? `leads epoch ${role.epoch} (${phase?.kind})` : `is ${role.kind}`;
  }

  /** A server that has never run. */
  unborn(server: number): number {
    return this.down(server, this.internDisk(EMPTY_DISK));
  }

  // --- transitions -------------------------------------------------------------------------------------------------------

  /** The transition that this input makes; the input must be possible in that state. */
  transition(local: number, input: number): number {
    // As a rule it is asked first whether an action can change places with another, and then what it leads to.
    if (!this.shortcuts.transitions) return this.run(local, input);
    if (local === this.lastLocal && input === this.lastInput) return this.lastTransition;
    let made = this.memo.get(local, input);
    if (made < 0) {
      made = this.run(local, input);
      this.memo.set(local, input, made);
    }
    this.lastLocal = local;
    this.lastInput = input;
    this.lastTransition = made;
    return made;
  }

  nextOf(transition: number): number {
    return this.nexts.at(transition);
  }

  /** Index into `faults`, 0 for none. */
  faultIn(transition: number): number {
    return this.faultOf.at(transition);
  }

  effectCount(transition: number): number {
    const end = transition + 1 < this.effectsFrom.length ? this.effectsFrom.at(transition + 1) : this.effects.length;
    return end - this.effectsFrom.at(transition);
  }

  effectAt(transition: number, index: number): number {
    return this.effects.at(this.effectsFrom.at(transition) + index);
  }

  private record(next: number, effects: readonly number[], fault: Fault | null): number {
    this.effectsFrom.push(this.effects.length);
    for (const effect of effects) this.effects.push(effect);
    let index = 0;
    if (fault !== null) index = this.faults.push(fault) - 1;
    this.faultOf.push(index);
    return this.nexts.push(next);
  }

  private run(local: number, input: number): number {
    const { server, slices, disk } = this.locals[local]!;
    if (input === INPUT.start) return this.start(server, disk);
    assert(slices !== null, 'a server that is down hears nothing');
    const question = input * SERVERS_MAX + server;
    const known = this.shortcuts.outcomes ? this.memory.recall(question, slices) : null;
    if (known !== null) return this.follow(local, slices, known);
    const turn = new LocalTurn(this, server, new Parts(this.pools, slices));
    try {
      this.feed(turn, input);
      turn.settle(this.settings.disk === 'atomic');
    } catch (error) {
      if (error instanceof UnknownTime || error instanceof DeadRead) throw error;
      const what = error instanceof InvariantError ? error.message : String(error);
      return this.record(local, [], { property: 'no-exception', message: `server ${server + 1}: ${what}` });
    }
    if (turn.halted !== null) {
      const fault: Fault = { property: 'no-unexplained-halt', message: `server ${server + 1}: ${turn.halted}` };
      return this.record(this.down(server, this.internDisk(turn.disk)), [], turn.fault ?? fault);
    }
    const outcome = { changes: this.changesOf(turn), items: turn.items(), fault: turn.fault };
    if (this.shortcuts.outcomes) this.memory.remember(question, slices, turn.parts!.reads, outcome);
    return this.follow(local, slices, outcome);
  }

  private follow(local: number, slices: Slices, { changes, items, fault }: Outcome): number {
    const { server } = this.locals[local]!;
    ROW.set(slices);
    for (let i = 0; i < changes.length; i += 2) ROW[changes[i]!] = changes[i + 1]!;
    const next = this.localOf(server, false);
    const found = fault ?? this.stateFault ?? this.compare(server, this.facts[local]!, this.facts[next]!, true);
    return this.record(next, items, found);
  }

  /** What may never be so within one server. */
  private compare(server: number, before: Facts | null, after: Facts, running: boolean): Fault | null {
    const name = `server ${server + 1}`;
    const { histories } = this;
    if (before !== null) {
      if (after.acceptedEpoch < before.acceptedEpoch || after.currentEpoch < before.currentEpoch) {
        return { property: 'epoch-monotone', message: `${name}: the epochs of its disk went back` };
      }
      if (running && !histories.isPrefix(before.committed, after.committed)) {
        return { property: 'commit-monotone', message: `${name}: what it knows as committed went back` };
      }
    }
    if (after.currentEpoch > after.acceptedEpoch) {
      return { property: 'epoch-monotone', message: `${name}: currentEpoch above acceptedEpoch` };
    }
    if (after.serves && after.applied < histories.zxidOf(histories.upTo(after.log, zxidOf(after.joined, 0)))) {
      const message = `${name} serves before it has applied the history with which it joined epoch ${after.joined}`;
      return { property: 'process-consistency', message };
    }
    const gap = histories.disorder(after.committed);
    if (gap !== null) return { property: 'global-primary-order', message: `${name}: ${show(gap)} is out of order` };
    const alien = histories.unproposed(after.log);
    if (alien !== null) return { property: 'integrity', message: `${name}: nobody proposed ${show(alien)}` };
    return null;
  }

  /** Gives the input to the peer. */
  feed(turn: LocalTurn, input: number): void {
    if (input >= FIRST_ITEM) return turn.deliver(this.items.get(input));
    if (input >= INPUT.refused) return turn.refused(input - INPUT.refused);
    if (input >= INPUT.disk) return turn.runLane(LANES[input - INPUT.disk]!);
    const { state } = turn.peer;
    const { role, ensemble } = state;
    assert(ensemble !== null, 'a member of an ensemble');
    if (input >= INPUT.dial) {
      ensemble.cnx.links.get(asPeer(input - INPUT.dial + 1))!.dialAtMs = NOW;
    } else if (input === INPUT.finalize) {
      ensemble.fle.round!.finalizeAtMs = NOW;
    } else if (input === INPUT.resend) {
      ensemble.fle.round!.resendAtMs = NOW;
    } else if (input === INPUT.retry && role.kind === 'learning') {
      role.phase = { kind: 'connecting', retryAtMs: NOW };
    } else if (input === INPUT.silence && role.kind === 'learning') {
      role.heardMs = LONG_AGO;
      role.startedMs = LONG_AGO;
    } else if (input === INPUT.giveUp && role.kind === 'leading') {
      // The next half tick is one that counts the quorum.
      role.halfTicks = 1;
      role.nextPingMs = NOW;
      role.startedMs = LONG_AGO;
    } else if (input === INPUT.ping && role.kind === 'leading') {
      role.nextPingMs = NOW;
    } else {
      assert(input === INPUT.write, 'an input that nobody knows');
      return turn.write();
    }
    turn.step({ type: 'tick' });
  }

  // --- crashes and starts --------------------------------------------------------------------------------------------------

  /** The states that a crash may leave: as many as there are different disks. */
  crashesOf(local: number): readonly number[] {
    const known = this.crashes[local];
    if (known !== undefined) return known;
    const { server, disk } = this.locals[local]!;
    const disks = this.settings.tornJobs ? this.tornDisks(local) : [disk];
    const states = new Set(disks.map((torn) => this.down(server, this.recovered(server, torn))));
    const list = [...states];
    assert(list.length <= CRASHES_MAX, 'a crash has too many outcomes');
    this.crashes[local] = list;
    return list;
  }

  /** What is wrong with the disk after a crash, compared with what stood there before. */
  crashFault(local: number, down: number): Fault | null {
    return this.compare(this.locals[local]!.server, this.facts[local]!, this.facts[down]!, false);
  }

  /** Every disk that some operations in flight, each lane in its order, lead to. */
  private tornDisks(local: number): number[] {
    const { server, slices } = this.locals[local]!;
    assert(slices !== null, 'who is down does not crash');
    const found = new Set<number>();
    const visit = (path: readonly Lane[]): void => {
      const turn = new LocalTurn(this, server, new Parts(this.pools, slices));
      try {
        for (const lane of path) turn.runOne(lane);
      } catch (error) {
        if (error instanceof InvariantError) return;
        throw error;
      }
      found.add(this.internDisk(turn.disk));
      for (const lane of LANES) if (path.length < CALLS_MAX && turn.hasLane(lane)) visit([...path, lane]);
    };
    visit([]);
    return [...found];
  }

  /**
   * Recovery repairs a disk before anything else happens on it, and always in the same way, so a disk is as good as what
   * recovery makes of it. Taking that for the state of the server while it is down merges what torn writes leave.
   */
  private recovered(server: number, disk: number): number {
    const peer = this.locals[this.nextOf(this.start(server, disk))]!;
    return peer.slices === null ? disk : peer.disk;
  }

  /** Boot and recovery: one input, since nobody can tell how long it takes. */
  private start(server: number, disk: number): number {
    const known = this.starts.get(server, disk);
    if (known >= 0) return known;
    const turn = LocalTurn.boot(this, server, this.diskValue(disk));
    let made: number;
    if (turn.halted === null) {
      const next = this.freeze(turn);
      const found = turn.fault ?? this.stateFault ?? this.compare(server, null, this.facts[next]!, true);
      made = this.record(next, turn.items(), found);
    } else {
      const fault: Fault = { property: 'no-unexplained-halt', message: `server ${server + 1}: ${turn.halted}` };
      made = this.record(this.down(server, disk), [], fault);
    }
    this.starts.set(server, disk, made);
    return made;
  }

  bootPeer(server: number, emit: (effect: Effect) => void): Peer {
    const secrets = { generation: 1, sessionSecret: new Uint8Array(16), jitterSeed: server + 1 };
    return boot(this.configs[server]!, secrets, CLOCK, emit);
  }

  /** The disk of a server, up or down. */
  diskOf(local: number): Disk {
    return this.diskValue(this.locals[local]!.disk);
  }

  /** The history before the window of a server that is up. */
  baseOfLocal(local: number): number {
    const { slices } = this.locals[local]!;
    return slices === null ? ROOT : this.pools.shell(slices).base;
  }

  /** What a start would find on this disk. */
  durableFacts(server: number, disk: Disk): Facts {
    const next = this.nextOf(this.start(server, this.internDisk(disk)));
    return this.facts[next]!;
  }

  // --- freezing and thawing ------------------------------------------------------------------------------------------------

  private internDisk(disk: Disk): number {
    let id = this.diskIds.get(disk);
    if (id === undefined) {
      id = this.pools.all[SLICE.disk]!.intern(diskText(disk, this.bytes), disk);
      this.diskIds.set(disk, id);
    }
    return id;
  }

  private internTree(tree: DataTree): number {
    const frozen = this.pools.trees.giveBack(tree) ?? tree;
    let id = this.treeIds.get(frozen);
    if (id === undefined) {
      id = this.pools.all[SLICE.tree]!.internValue(frozen, this.bytes);
      this.treeIds.set(frozen, id);
    }
    return id;
  }

  private diskValue(disk: number): Disk {
    return this.pools.all[SLICE.disk]!.get(disk) as Disk;
  }

  private down(server: number, disk: number): number {
    ROW.fill(-1);
    ROW[SLICE.disk] = disk;
    ROW[SLICE_COUNT] = server;
    const id = this.rows.intern(ROW);
    if (id < this.locals.length) return id;
    this.locals.push({ server, disk, slices: null });
    this.bits.push(0);
    this.facts.push(NOTHING);
    const empty = this.diskValue(disk).size === 0;
    const found = empty ? NOTHING : this.factsOf(this.nextOf(this.start(server, disk)));
    this.facts[id] = { ...found, log: found.durable, committed: ROOT, leads: 0, joined: 0, serves: false };
    this.lists(id);
    return id;
  }

  /** The facts that every state is checked by, where they are quickly found. */
  private lists(id: number): void {
    const { log, committed, durable, leads, joined, round } = this.facts[id]!;
    const { quick } = this;
    const at = id * QUICK;
    quick.reserve(at + QUICK);
    quick.length = Math.max(quick.length, at + QUICK);
    quick.set(at + FACT.log, log);
    quick.set(at + FACT.committed, committed);
    quick.set(at + FACT.durable, durable);
    quick.set(at + FACT.leads, leads);
    quick.set(at + FACT.joined, joined);
    quick.set(at + FACT.round, round);
    PROMISE.set([this.locals[id]!.server, committed, leads, log]);
    quick.set(at + FACT.promise, this.promises.intern(PROMISE));
  }

  quickOf(local: number, fact: number): number {
    return this.quick.at(local * QUICK + fact);
  }

  /** A peer made of slices. */
  peerFrom(server: number, { state, heap }: Parts): Peer {
    const secrets = { generation: 1, sessionSecret: new Uint8Array(16), jitterSeed: server + 1 };
    return { config: this.configs[server]!, secrets, state, heap };
  }

  /** Interns a server that was not thawed, as it stands. */
  freeze(turn: LocalTurn): number {
    const changes = this.changesOf(turn);
    ROW.fill(-1);
    for (let i = 0; i < changes.length; i += 2) ROW[changes[i]!] = changes[i + 1]!;
    for (let i = 0; i < SLICE_COUNT; i++) assert(ROW[i] !== -1, 'a slice was not kept');
    return this.localOf(turn.server, turn.booting);
  }

  /** The slices that the turn has touched and changed, and what they are afterwards; all of them when it was not thawed. */
  private changesOf(turn: LocalTurn): number[] {
    const { peer, parts } = turn;
    const { state, heap } = peer;
    const { bytes } = this;
    assert(heap.outgoing.size === 0 && heap.incoming === null, 'a snapshot is under way between two inputs');
    assert(heap.saving === null && heap.loading === null, 'a snapshot file is open between two inputs');
    assert(state.ensemble !== null, 'a member of an ensemble');
    const names = turn.naming();
    const changes: number[] = [];
    const isTouched = (index: SliceIndex): boolean => parts === null || parts.isTouched(index);
    const put = (index: SliceIndex, id: number): void => {
      if (parts?.isRead(index) !== true || parts.slices[index] !== id) changes.push(index, id);
    };
    const keep: Keep = (index, value, key = '') => {
      const pool = this.pools.all[index]!;
      if (value === DEAD) return this.shortcuts.dead ? put(index, pool.internValue(DEAD, bytes)) : undefined;
      // As a rule an input leaves most of a server as it was.
      if (parts?.isRead(index) === true && isSame(value, pool.get(parts.slices[index]!))) return;
      const normal = normalise(value, key, names, bytes);
      put(index, pool.internValue(normal, bytes));
    };
    if (this.shortcuts.dead) settleDigests(peer, parts);
    keepRest(SLICE.core, state, STATE_PARTS, parts, keep);
    keepFields(state, STATE_FIELDS, isTouched, keep);
    keepStore(state.store, parts, keep);
    keepRole(state.role, names, parts, this.shortcuts.dead, keep);
    keepEnsemble(state.ensemble, names, parts, keep);
    if (isTouched(SLICE.watches)) keep(SLICE.watches, heap.watches);
    if (isTouched(SLICE.log)) {
      this.keepLog(turn, heap.log);
      keep(SLICE.log, heap.log);
    }
    const base = isTouched(SLICE.log) ? this.baseOf(turn) : turn.base;
    if (isTouched(SLICE.tree)) put(SLICE.tree, this.internTree(heap.tree));
    keep(SLICE.shell, { listening: turn.listening, files: turn.filesBy(names), base });
    for (const channel of [ELECTION, QUORUM] as const) {
      const index = endsOf(channel);
      if (!isTouched(index)) continue;
      const ends = [...turn.ends(channel).values()];
      keep(
        index,
        ends.sort((x, y) => x.conn - y.conn),
      );
    }
    if (isTouched(SLICE.disk)) put(SLICE.disk, this.internDisk(turn.disk));
    return changes;
  }

  /** The entries of the window, which is a class beyond the rules for plain state. */
  private keepLog(turn: LocalTurn, log: TxnWindow): void {
    for (let i = 0; i < log.length; i++) {
      const entry = log.get(i) as { zxid: Zxid; bytes: Uint8Array };
      entry.bytes = this.bytes.intern(entry.bytes);
      if (turn.proposedFrom >= 0 && i >= turn.proposedFrom) this.histories.notePrimary(entry);
    }
  }

  /** The history that the window's base is the end of: the empty one, or that of a received snapshot. */
  private baseOf(turn: LocalTurn): number {
    const { log, tree } = turn.peer.heap;
    if (log.base === ZXID_ZERO) return ROOT;
    if (tree.lastZxid !== log.base) return turn.base;
    const node = this.treeNodes.get(`${tree.lastZxid} ${tree.stateDigest()}`);
    assert(node !== undefined, 'a snapshot of a history that nobody had');
    return node;
  }

  /** The local state with the slices in `ROW`. */
  private localOf(server: number, booting: boolean): number {
    this.stateFault = null;
    ROW[SLICE_COUNT] = server;
    const id = this.rows.intern(ROW);
    if (id < this.locals.length) return id;
    const slices = ROW.slice(0, SLICE_COUNT);
    this.locals.push({ server, disk: slices[SLICE.disk]!, slices });
    this.bits.push(this.bitsFrom(server, slices));
    this.facts.push(NOTHING);
    this.facts[id] = this.factsFrom(server, slices, booting);
    this.lists(id);
    return id;
  }

  private factsFrom(server: number, slices: Slices, booting: boolean): Facts {
    const { histories, pools } = this;
    const [tree, role, phase] = [pools.tree(slices), pools.role(slices), pools.phase(slices)];
    const disk = slices[SLICE.disk]!;
    const node = this.historyOf(slices);
    const fault = this.noteTree(server, histories.upTo(node, tree.lastZxid), slices[SLICE.tree]!);
    const durable = booting ? node : this.facts[this.nextOf(this.start(server, disk))]!.log;
    this.stateFault = fault;
    const [acceptedEpoch, currentEpoch] = this.epochsOn(disk);
    return {
      log: node,
      committed: histories.upTo(node, pools.committed(slices)),
      durable,
      acceptedEpoch,
      currentEpoch,
      leads: role.kind === 'leading' && phase?.kind === 'broadcast' ? role.epoch : 0,
      joined: joinedEpoch(role, phase),
      applied: tree.lastZxid,
      serves: role.kind === 'learning' && phase?.kind === 'serving' && pools.server(slices).mode !== 'stopped',
      round: pools.clockOf(slices),
    };
  }

  /** The history that ends where the log does. */
  private historyOf(slices: Slices): number {
    const { base } = this.pools.shell(slices);
    const known = this.logs.get(base, slices[SLICE.log]!);
    if (known >= 0 && this.shortcuts.facts) return known;
    const log = this.pools.log(slices);
    let node = base;
    for (let i = 0; i < log.length; i++) node = this.histories.extend(node, log.get(i));
    if (known < 0) this.logs.set(base, slices[SLICE.log]!, node);
    return node;
  }

  private epochsOn(id: number): readonly [accepted: number, current: number] {
    const disk = this.diskValue(id);
    if (!this.shortcuts.facts) delete this.epochs[id];
    this.epochs[id] ??= [epochOnDisk(disk, ACCEPTED_EPOCH), epochOnDisk(disk, CURRENT_EPOCH)];
    return this.epochs[id]!;
  }

  private noteTree(server: number, node: number, id: number): Fault | null {
    const isSound = this.soundTrees.get(node, id) >= 0;
    if (isSound && this.shortcuts.facts) return null;
    const tree = this.pools.all[SLICE.tree]!.get(id) as DataTree;
    if (this.histories.zxidOf(node) === tree.lastZxid) {
      const digest = tree.stateDigest();
      const known = this.digests.get(node);
      if (known === undefined) {
        this.digests.set(node, digest);
        this.treeNodes.set(`${tree.lastZxid} ${digest}`, node);
      } else if (known !== digest) {
        const message = `server ${server + 1} has another state at ${show(tree.lastZxid)} than the same history gave`;
        return { property: 'equal-digest', message };
      }
    }
    if (!isSound) this.soundTrees.set(node, id, 1);
    return null;
  }

  private bitsFrom(server: number, slices: Slices): number {
    const { pools } = this;
    const [shell, role, phase] = [pools.shell(slices), pools.role(slices), pools.phase(slices)];
    let bits: number = BIT.up;
    if (shell.listening) bits |= BIT.listening;
    const round = pools.round(slices);
    if (round !== null) bits |= BIT.resend | (round.finalizeAtMs === null ? 0 : BIT.finalize);
    if (role.kind === 'looking') bits |= BIT.looking;
    if (role.kind === 'leading') {
      bits |= BIT.leading | BIT.ping | (server * BIT.leader);
      if (phase?.kind === 'broadcast' && pools.server(slices).mode !== 'stopped') bits |= BIT.established;
    }
    if (role.kind === 'learning') {
      bits |= BIT.learning | ((role.leader - 1) * BIT.leader);
      if (phase?.kind === 'connecting') bits |= phase.retryAtMs === null ? BIT.connecting : BIT.retry;
      if (phase?.kind === 'serving') bits |= BIT.serving;
    }
    for (const { lane } of shell.files) bits |= BIT.lane << LANES.indexOf(lane);
    for (let peer = 0; peer < this.servers; peer++) {
      const link = pools.link(slices, peer);
      if (link !== null && link.dialAtMs !== null && link.queued !== null) bits |= BIT.dial << peer;
    }
    return bits;
  }
}

const PROMISE = new Int32Array(4);
/** The slices of a local state in the making, and its server. */
const ROW = new Int32Array(SLICE_COUNT + 1);

const LEADING_PARTS: readonly string[] = [...Object.keys(fieldsOfRole({ kind: 'leading' })), 'handlers'];
const STATE_PARTS: readonly string[] = [...Object.keys(STATE_FIELDS), 'role', 'ensemble', 'store'];
const STORE_PARTS: readonly string[] = [...Object.keys(STORE_FIELDS), 'log'];

/** Takes over what a slice holds after a turn. */
type Keep = (index: SliceIndex, value: unknown, key?: string) => void;
type IsTouched = (index: SliceIndex) => boolean;

function keepFields(object: object, fields: Fields, isTouched: IsTouched, keep: Keep): void {
  for (const name in fields) {
    const index = fields[name]!;
    if (isTouched(index)) keep(index, (object as Record<string, unknown>)[name], name);
  }
}

/**
 * A transaction that has been applied is not applied again, and what is applied later is compared with `restedAt`
 * (`digestProblem`): when that is not later than the tree, it is as good as none.
 */
function settleDigests({ state, heap }: Peer, parts: Parts | null): void {
  if (parts !== null) {
    if (!parts.isTouched(SLICE.tree)) return;
    const isApplied = heap.tree.lastZxid !== (parts.before(SLICE.tree) as DataTree).lastZxid;
    if (!isApplied && !parts.isTouched(SLICE.digests)) return;
  }
  if (state.digests.restedAt <= heap.tree.lastZxid) state.digests.restedAt = ZXID_ZERO;
}

/** What of an object is in no slice of its own. Of one that was thawed its own fields are just that. */
function keepRest(index: SliceIndex, object: object, fields: readonly string[], parts: Parts | null, keep: Keep): void {
  if (object instanceof Thawed && parts?.isRead(index) === true && isSame(object, parts.before(index))) return;
  keep(index, restOf(object, fields));
}

/** Like a role, a storage machine that is another object has overwritten all that was in the slices of the one before. */
function keepStore(store: StoreState, parts: Parts | null, keep: Keep): void {
  const isNew = parts === null || parts.isWritten(SLICE.store);
  const isTouched = (index: SliceIndex): boolean => isNew || parts.isTouched(index);
  keepRest(SLICE.store, store, STORE_PARTS, parts, keep);
  keepFields(store, STORE_FIELDS, isTouched, keep);
  if (!isTouched(SLICE.storeLog)) return;
  const isNewLog = isNew || parts.isWritten(SLICE.storeLog);
  keepRest(SLICE.storeLog, store.log, Object.keys(LOG_FIELDS), parts, keep);
  keepFields(store.log, LOG_FIELDS, (index) => isNewLog || isTouched(index), keep);
}

/** A role that is another object than before has overwritten all that was in the slices of the one before. */
function keepRole(role: Role, names: Renaming, parts: Parts | null, forgets: boolean, keep: Keep): void {
  const isNew = parts === null || parts.isWritten(SLICE.role);
  const isTouched = (index: SliceIndex): boolean => isNew || parts.isTouched(index);
  const fields = fieldsOfRole(role);
  keepRest(SLICE.role, role, role.kind === 'leading' ? LEADING_PARTS : Object.keys(fields), parts, keep);
  keepFields(role, fields, isTouched, keep);
  if (role.kind === 'leading') {
    const isOther = isNew || !isKind(parts, SLICE.phase, role.phase.kind);
    if (isOther && isTouched(SLICE.phase)) for (const index of deadOf(role.phase)) keep(index, DEAD);
    const keepOne: Keep = (index, handler) =>
      keepHandler(index - SLICE.handler, handler as Handler | null, parts, forgets, keep);
    keepEntries(role.handlers, HANDLERS, names, isTouched, keepOne);
  }
  if (!isNew) return;
  const used = new Set(Object.values(fields));
  for (const index of ROLE_SLICES) if (!used.has(index)) keep(index, null);
  if (role.kind !== 'leading') for (const slices of HANDLER_SLICES) for (const index of slices) keep(index, null);
}

function keepHandler(server: number, handler: Handler | null, parts: Parts | null, forgets: boolean, keep: Keep): void {
  const fields = HANDLER_FIELDS[server]!;
  if (handler === null) {
    const wasNone = parts?.isRead(SLICE.handler + server) === true && parts.before(SLICE.handler + server) === null;
    if (!wasNone) for (const index of HANDLER_SLICES[server]!) keep(index, null);
    return;
  }
  const isNew = !(handler instanceof Thawed);
  keepRest(SLICE.handler + server, handler, Object.keys(fields), parts, keep);
  const isTouched = (index: SliceIndex): boolean => isNew || parts?.isTouched(index) === true;
  if (forgets && (isTouched(SLICE.handlerAwaited + server) || isTouched(SLICE.handlerAcked + server))) {
    // It is compared with a zxid after `ackedTo` only (`onAck`).
    if (handler.unacked <= handler.ackedTo) handler.unacked = ZXID_ZERO;
  }
  keepFields(handler, fields, isTouched, keep);
  const phase = SLICE.handlerPhase + server;
  const isOther = isNew || !isKind(parts, phase, handler.phase.kind) || parts?.isTouched(SLICE.handlerLast + server);
  if (isOther && isTouched(phase) && !needsPeerLast(handler.phase)) keep(SLICE.handlerLast + server, DEAD);
}

/** Whether the step has read that a slice was of this kind before. */
function isKind(parts: Parts | null, index: SliceIndex, kind: string): boolean {
  if (parts?.isRead(index) !== true) return false;
  const before = parts.before(index);
  return typeof before === 'object' && before !== null && 'kind' in before && before.kind === kind;
}

function keepEnsemble(ensemble: Ensemble, names: Renaming, parts: Parts | null, keep: Keep): void {
  const isTouched = (index: SliceIndex): boolean => parts === null || parts.isTouched(index);
  const { committed, lastSeen, savedTo } = ensemble;
  keep(SLICE.seen, { committed, lastSeen, savedTo });
  if (isTouched(SLICE.cnx)) {
    const { cnx } = ensemble;
    keep(SLICE.cnx, restOf(cnx, ['conns', 'links']));
    keepEntries(cnx.conns, CONNS, names, isTouched, keep);
    keepEntries(cnx.links, LINKS, names, isTouched, keep);
  }
  if (isTouched(SLICE.fle)) {
    const { fle } = ensemble;
    keepRest(SLICE.fle, fle, Object.keys(FLE_FIELDS), parts, keep);
    keepFields(fle, FLE_FIELDS, isTouched, keep);
  }
}

/** The entries of a map that has a slice for each server. Names of new connections are brought into normal form first. */
function keepEntries<K extends number, V>(
  map: ReadonlyMap<K, V>,
  slices: Keys<K>,
  names: Renaming,
  isTouched: IsTouched,
  keep: Keep,
): void {
  const found = new Map<SliceIndex, V>();
  const isSliced = map instanceof SlicedMap;
  for (const [key, value] of isSliced ? (map as SlicedMap<K, V>).present() : map) {
    const index = slices.get((names.conns.get(key) ?? key) as K);
    assert(index !== undefined, 'an entry of a map is in no slice');
    assert(!found.has(index), 'two entries of a map are in one slice');
    found.set(index, value);
  }
  for (const index of slices.values()) {
    if (!isSliced || isTouched(index) || found.has(index)) keep(index, found.get(index) ?? null);
  }
}

const NOTHING: Facts = {
  log: ROOT,
  committed: ROOT,
  durable: ROOT,
  acceptedEpoch: 0,
  currentEpoch: 0,
  leads: 0,
  joined: 0,
  applied: ZXID_ZERO,
  serves: false,
  round: 0,
};

/** The epoch whose initial history this server has made its own. */
function joinedEpoch(role: ReturnType<Pools['role']>, phase: ReturnType<Pools['phase']>): number {
  if (role.kind === 'leading') {
    return phase?.kind === 'synchronization' || phase?.kind === 'broadcast' ? role.epoch : 0;
  }
  if (role.kind !== 'learning' || role.observer) return 0;
  return phase?.kind === 'acked' || phase?.kind === 'serving' ? role.epoch : 0;
}

function ensembleOf(count: number): Membership {
  const servers = Array.from({ length: count }, (_, i) => ({
    id: asPeer(i + 1),
    addresses: [{ host: hostOf(i), quorumPort: 2888, electionPort: 3888 }],
    role: 'participant' as const,
    client: null,
    secureClient: null,
  }));
  return makeMembership({ version: ZXID_ZERO, servers, groups: null, weights: [] });
}

/** What the file of an epoch says; 0 when there is none. */
export function epochOnDisk(disk: Disk, name: string): number {
  const bytes = disk.get(inData(name));
  return bytes === undefined ? 0 : Number.parseInt(utf8Decode(bytes) ?? '', 10);
}
