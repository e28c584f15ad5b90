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
import type { CnxState } from '../../core/election/cnx-manager.ts';
import type { FleState } from '../../core/election/fle.ts';
import type { Channel, Effect, FileAction, Input, Lane } from '../../core/io.ts';
import { boot, nextDeadline, type Peer, step, view } from '../../core/peer.ts';
import type { Ensemble, PeerState, Role } from '../../core/state.ts';
import { ACCEPTED_EPOCH, CURRENT_EPOCH, inData } from '../../core/storage/names.ts';
import type { TxnWindow } from '../../core/storage/window.ts';
import type { DataTree } from '../../core/tree/data-tree.ts';
import type { WatchTable } from '../../core/tree/watches.ts';
import {
  asConn,
  asPeer,
  asSession,
  assert,
  type ConnId,
  counterOf,
  epochOf,
  InvariantError,
  type Now,
  OPEN_ACL,
  ZXID_ZERO,
  type Zxid,
  zxidOf,
} from '../../core/types.ts';
import { encodeConnectRequest, encodeRequestFrame } from '../../core/wire/client-codec.ts';
import { frameBuffer, pushBytes } from '../../core/wire/framing.ts';
import { CreateMode, Op, Packet } from '../../core/wire/opcodes.ts';
import { nextPacket } from '../../core/wire/quorum-codec.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import type { PropertyId } from '../checkers/properties.ts';
import {
  ByteStore,
  copyGraph,
  copyOf,
  isSame,
  NOW,
  normalise,
  RAW_ACCEPTED,
  RAW_CONN,
  type Renaming,
  textOf,
  UnknownTime,
  WALL,
} from './canon.ts';
import { type Disk, diskText, EMPTY_DISK, perform } from './disk.ts';
import { Histories, ROOT } from './histories.ts';
import { type ChannelIndex, ELECTION, FIRST_ITEM, type Item, Items, QUORUM } from './items.ts';
import { IntList, PairMap } from './tables.ts';

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

export const LANES: readonly Lane[] = ['log', 'meta', 'snap', 'read'];
/** More different disks than a crash leaves behind. */
const CRASHES_MAX = 16;
/** More operations than any input leads to; a loop is an error of the core. */
const CALLS_MAX = 2000;

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
export const FACT = { log: 0, committed: 1, durable: 2, leads: 3, joined: 4, round: 5 } as const;
const QUICK = 6;

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

export interface Fault {
  readonly property: PropertyId;
  readonly message: string;
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

interface PendingFile {
  readonly op: number;
  readonly lane: Lane;
  readonly action: FileAction;
}

/** The parts of a server in their pools. */
interface Slices {
  readonly core: number;
  readonly role: number;
  readonly store: number;
  readonly server: number;
  readonly ensemble: number;
  readonly cnx: number;
  readonly fle: number;
  readonly tree: number;
  readonly log: number;
  readonly watches: number;
  readonly shell: number;
}

/** What the core does not keep: the ends of connections and operations in flight. */
interface Shell {
  readonly sockets: readonly Socket[];
  readonly listening: boolean;
  readonly files: readonly PendingFile[];
  /** Histories of which the tree's base is the end; see `baseOf`. */
  readonly base: number;
}

export interface Socket {
  readonly conn: number;
  readonly channel: ChannelIndex;
  readonly peer: number;
  readonly dialled: boolean;
  readonly open: boolean;
}

interface Local {
  readonly server: number;
  readonly disk: number;
  /** Null while it is down. */
  readonly slices: Slices | null;
}

type Core = Omit<PeerState, 'role' | 'store' | 'server' | 'ensemble'>;
type Seen = Pick<Ensemble, 'committed' | 'lastSeen' | 'savedTo'>;

/** Values by their text. */
class Pool<T> {
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

const now: Now = { monoMs: NOW, wallMs: WALL };
const LONG_AGO = NOW - 1_000_000_000;
const REMOTE_PORT = 50_000;

export class Locals {
  readonly bytes = new ByteStore();
  readonly histories = new Histories(this.bytes);
  readonly items = new Items(this.bytes);
  readonly servers: number;
  /** Calls of `step`. */
  steps = 0;
  readonly faults: Fault[] = [];
  readonly settings: LocalSettings;
  private readonly membership: Membership;
  private readonly configs: PeerConfig[];
  private readonly pools = {
    core: new Pool<Core>(),
    role: new Pool<Role>(),
    store: new Pool<PeerState['store']>(),
    server: new Pool<PeerState['server']>(),
    ensemble: new Pool<Seen>(),
    cnx: new Pool<CnxState>(),
    fle: new Pool<FleState>(),
    tree: new Pool<DataTree>(),
    log: new Pool<TxnWindow>(),
    watches: new Pool<WatchTable>(),
    shell: new Pool<Shell>(),
  };
  private readonly disks = new Pool<Disk>();
  private readonly locals = new Pool<Local>();
  private readonly bits = new IntList();
  private readonly facts: Facts[] = [];
  private readonly quick = new IntList();
  private readonly crashes: (readonly number[] | undefined)[] = [];
  private readonly starts = new Map<string, number>();
  // (local, input) -> transition
  private readonly memo = new PairMap();
  private readonly nexts = new IntList();
  private readonly effectsFrom = new IntList();
  private readonly effects = new IntList();
  private readonly faultOf = new IntList();
  /** Which history a state of the tree belongs to, by zxid and digest. */
  private readonly treeNodes = new Map<string, number>();
  private readonly digests = new Map<number, bigint>();

  constructor(settings: LocalSettings) {
    this.settings = settings;
    this.servers = settings.servers;
    assert(settings.servers <= 4, 'bits are enough for four servers');
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
    return { locals: this.locals.size, transitions: this.nexts.length, disks: this.disks.size };
  }

  // --- looking ---------------------------------------------------------------------------------------------------------

  bitsOf(local: number): number {
    return this.bits.at(local);
  }

  factsOf(local: number): Facts {
    return this.facts[local]!;
  }

  socketsOf(local: number): readonly Socket[] {
    const { slices } = this.locals.get(local);
    return slices === null ? [] : this.pools.shell.get(slices.shell).sockets;
  }

  /** In a word or two, what the server does. */
  roleOf(local: number): string {
    const { slices } = this.locals.get(local);
    if (slices === null) return 'is down';
    const role = this.pools.role.get(slices.role);
    if (role.kind === 'learning') return `follows ${role.leader} (${role.phase.kind})`;
    return role.kind === 'leading' ? `leads epoch ${role.epoch} (${role.phase.kind})` : `is ${role.kind}`;
  }

  /** A server that has never run. */
  unborn(server: number): number {
    return this.down(server, this.disks.intern(diskText(EMPTY_DISK, this.bytes), EMPTY_DISK));
  }

  /** A copy that may be looked at and stepped. */
  peerOf(local: number): Peer | null {
    const { slices, server } = this.locals.get(local);
    return slices === null ? null : this.thaw(server, slices);
  }

  // --- transitions -------------------------------------------------------------------------------------------------------

  /** The transition that this input makes; the input must be possible in that state. */
  transition(local: number, input: number): number {
    const known = this.memo.get(local, input);
    if (known >= 0) return known;
    const made = this.run(local, input);
    this.memo.set(local, input, made);
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
    const { server, slices, disk } = this.locals.get(local);
    if (input === INPUT.start) return this.start(server, disk);
    assert(slices !== null, 'a server that is down hears nothing');
    const peer = this.thaw(server, slices);
    const shell = this.pools.shell.get(slices.shell);
    const turn = new LocalTurn(this, server, peer, this.disks.get(disk), shell);
    turn.slices = slices;
    const before = this.facts[local]!;
    try {
      this.feed(turn, input);
      turn.settle(this.settings.disk === 'atomic');
    } catch (error) {
      if (error instanceof UnknownTime) throw error;
      const what = error instanceof InvariantError ? error.message : String(error);
      return this.record(local, [], { property: 'no-exception', message: `server ${server + 1}: ${what}` });
    }
    return this.conclude(turn, before);
  }

  private conclude(turn: LocalTurn, before: Facts | null): number {
    if (turn.halted !== null) {
      const fault: Fault = { property: 'no-unexplained-halt', message: `server ${turn.server + 1}: ${turn.halted}` };
      return this.record(this.down(turn.server, this.internDisk(turn.disk)), [], turn.fault ?? fault);
    }
    const next = this.freeze(turn);
    return this.record(next, turn.items(), turn.fault ?? this.compare(turn.server, before, this.facts[next]!, true));
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
    const { server, disk } = this.locals.get(local);
    const disks = this.settings.tornJobs ? this.tornDisks(local) : [this.disks.get(disk)];
    const states = new Set(disks.map((torn) => this.down(server, this.recovered(server, this.internDisk(torn)))));
    const list = [...states];
    assert(list.length <= CRASHES_MAX, 'a crash has too many outcomes');
    this.crashes[local] = list;
    return list;
  }

  /** What is wrong with the disk after a crash, compared with what stood there before. */
  crashFault(local: number, down: number): Fault | null {
    return this.compare(this.locals.get(local).server, this.facts[local]!, this.facts[down]!, false);
  }

  /** Every disk that some operations in flight, each lane in its order, lead to. */
  private tornDisks(local: number): Disk[] {
    const { server, slices, disk } = this.locals.get(local);
    assert(slices !== null, 'who is down does not crash');
    const found = new Map<number, Disk>();
    const visit = (path: readonly Lane[]): void => {
      const turn = new LocalTurn(
        this,
        server,
        this.thaw(server, slices),
        this.disks.get(disk),
        this.pools.shell.get(slices.shell),
      );
      try {
        for (const lane of path) turn.runOne(lane);
      } catch (error) {
        if (error instanceof InvariantError) return;
        throw error;
      }
      found.set(this.internDisk(turn.disk), turn.disk);
      for (const lane of LANES) if (path.length < CALLS_MAX && turn.hasLane(lane)) visit([...path, lane]);
    };
    visit([]);
    return [...found.values()];
  }

  /**
   * Recovery repairs a disk before anything else happens on it, and always in the same way, so a disk is as good as what
   * recovery makes of it. Taking that for the state of the server while it is down merges what torn writes leave.
   */
  private recovered(server: number, disk: number): number {
    const peer = this.locals.get(this.nextOf(this.startOf(server, disk)));
    return peer.slices === null ? disk : peer.disk;
  }

  private startOf(server: number, disk: number): number {
    const key = `${server} ${disk}`;
    let known = this.starts.get(key);
    if (known === undefined) {
      known = this.start(server, disk);
      this.starts.set(key, known);
    }
    return known;
  }

  /** Boot and recovery: one input, since nobody can tell how long it takes. */
  private start(server: number, disk: number): number {
    const key = `${server} ${disk}`;
    const known = this.starts.get(key);
    if (known !== undefined) return known;
    const made = this.conclude(LocalTurn.boot(this, server, this.disks.get(disk)), null);
    this.starts.set(key, made);
    return made;
  }

  bootPeer(server: number, emit: (effect: Effect) => void): Peer {
    const secrets = { generation: 1, sessionSecret: new Uint8Array(16), jitterSeed: server + 1 };
    return boot(this.configs[server]!, secrets, now, emit);
  }

  /** The disk of a server, up or down. */
  diskOf(local: number): Disk {
    return this.disks.get(this.locals.get(local).disk);
  }

  /** The history before the window of a server that is up. */
  baseOfLocal(local: number): number {
    const { slices } = this.locals.get(local);
    return slices === null ? ROOT : this.pools.shell.get(slices.shell).base;
  }

  /** What a start would find on this disk. */
  durableFacts(server: number, disk: Disk): Facts {
    const next = this.nextOf(this.startOf(server, this.internDisk(disk)));
    return this.facts[next]!;
  }

  // --- freezing and thawing ------------------------------------------------------------------------------------------------

  private internDisk(disk: Disk): number {
    return this.disks.intern(diskText(disk, this.bytes), disk);
  }

  private down(server: number, disk: number): number {
    const size = this.locals.size;
    const id = this.locals.intern(`${server} down ${disk}`, { server, disk, slices: null });
    if (id === size) {
      this.bits.push(0);
      const empty = this.disks.get(disk).size === 0;
      const found = empty ? NOTHING : this.factsOf(this.nextOf(this.startOf(server, disk)));
      this.facts.push({ ...found, log: found.durable, committed: ROOT, leads: 0, joined: 0, serves: false });
      this.lists(id);
    }
    return id;
  }

  /** The facts that every state is checked by, where they are quickly found. */
  private lists(id: number): void {
    const { log, committed, durable, leads, joined, round } = this.facts[id]!;
    const { quick } = this;
    const values = [log, committed, durable, leads, joined, round];
    quick.reserve((id + 1) * QUICK);
    quick.length = Math.max(quick.length, (id + 1) * QUICK);
    values.forEach((value, i) => {
      quick.set(id * QUICK + i, value);
    });
  }

  quickOf(local: number, fact: number): number {
    return this.quick.at(local * QUICK + fact);
  }

  private thaw(server: number, slices: Slices): Peer {
    const { pools } = this;
    const { committed, lastSeen, savedTo } = pools.ensemble.get(slices.ensemble);
    const ensemble: Ensemble = {
      committed,
      lastSeen,
      savedTo,
      cnx: copyOf(pools.cnx.get(slices.cnx)),
      fle: copyOf(pools.fle.get(slices.fle)),
    };
    const state: PeerState = {
      ...copyOf(pools.core.get(slices.core)),
      role: copyOf(pools.role.get(slices.role)),
      store: copyOf(pools.store.get(slices.store)),
      server: copyOf(pools.server.get(slices.server)),
      ensemble,
    };
    return {
      config: this.configs[server]!,
      secrets: { generation: 1, sessionSecret: new Uint8Array(16), jitterSeed: server + 1 },
      state,
      heap: {
        tree: lazyTree(pools.tree.get(slices.tree)),
        log: copyOf(pools.log.get(slices.log)),
        watches: copyOf(pools.watches.get(slices.watches)),
        outgoing: new Map(),
        incoming: null,
        saving: null,
        loading: null,
      },
    };
  }

  /** Interns the server as it stands at the end of a turn. */
  freeze(turn: LocalTurn): number {
    const { peer, server } = turn;
    const { state, heap } = peer;
    const { bytes, pools } = this;
    assert(heap.outgoing.size === 0 && heap.incoming === null, 'a snapshot is under way between two inputs');
    assert(heap.saving === null && heap.loading === null, 'a snapshot file is open between two inputs');
    assert(state.ensemble !== null, 'a member of an ensemble');
    const names = turn.naming();
    const was = turn.slices;
    const { committed, lastSeen, savedTo, cnx, fle } = state.ensemble;
    const { role, store, server: port, ensemble: _, ...core } = state;
    const tree = this.freezeTree(heap.tree, was?.tree ?? -1);
    const base = this.baseOf(turn, heap.tree);
    const shell: Shell = { ...turn.shell(names), base };
    // The window's entries are of a class of their own, beyond the rules for plain state.
    for (let i = 0; i < heap.log.length; i++) {
      const entry = heap.log.get(i) as { bytes: Uint8Array };
      entry.bytes = bytes.intern(entry.bytes);
    }
    const keep = <T>(pool: Pool<T>, value: T, before: number | undefined): number => {
      // As a rule an input leaves most of a server as it was.
      if (before !== undefined && isSame(value, pool.get(before))) return before;
      normalise(value, names, bytes);
      return pool.intern(textOf(value, bytes), value);
    };
    const slices: Slices = {
      core: keep(pools.core, core, was?.core),
      role: keep(pools.role, role, was?.role),
      store: keep(pools.store, store, was?.store),
      server: keep(pools.server, port, was?.server),
      ensemble: keep(pools.ensemble, { committed, lastSeen, savedTo }, was?.ensemble),
      cnx: keep(pools.cnx, cnx, was?.cnx),
      fle: keep(pools.fle, fle, was?.fle),
      tree,
      log: keep(pools.log, heap.log, was?.log),
      watches: keep(pools.watches, heap.watches, was?.watches),
      shell: keep(pools.shell, shell, was?.shell),
    };
    const disk = this.internDisk(turn.disk);
    const { core: c, role: r, store: s, server: p, ensemble: e, cnx: x, fle: f, log: l, watches: w, shell: h } = slices;
    const key = `${server} ${disk} ${c} ${r} ${s} ${p} ${e} ${x} ${f} ${tree} ${l} ${w} ${h}`;
    const size = this.locals.size;
    const id = this.locals.intern(key, { server, disk, slices });
    if (id === size) {
      this.bits.push(0);
      this.facts.push(NOTHING);
      this.bits.set(id, bitsOf(peer, shell));
      this.facts[id] = this.factsFrom(turn, base);
      this.lists(id);
    }
    return id;
  }

  private freezeTree(tree: DataTree, before: number): number {
    if (giveBack(tree)) return before;
    const { tree: pool } = this.pools;
    return pool.intern(textOf(tree, this.bytes), tree);
  }

  /** The history that the window's base is the end of: the empty one, or that of a received snapshot. */
  private baseOf(turn: LocalTurn, tree: DataTree): number {
    const { log } = turn.peer.heap;
    if (log.base === ZXID_ZERO) return ROOT;
    if (tree.lastZxid !== log.base) return turn.base;
    const node = this.treeNodes.get(`${tree.lastZxid} ${tree.stateDigest()}`);
    assert(node !== undefined, 'a snapshot of a history that nobody had');
    return node;
  }

  private factsFrom(turn: LocalTurn, base: number): Facts {
    const { peer, server } = turn;
    const { log, tree } = peer.heap;
    const { histories } = this;
    let node = base;
    for (let i = 0; i < log.length; i++) {
      const entry = log.get(i);
      if (turn.proposedFrom >= 0 && i >= turn.proposedFrom) histories.notePrimary(entry);
      node = histories.extend(node, entry);
    }
    const { state } = peer;
    const seen = view(peer);
    this.noteTree(turn, histories.upTo(node, tree.lastZxid), tree);
    const isRecovery = turn.booting;
    const durable = isRecovery ? null : this.durableFacts(server, turn.disk);
    return {
      log: node,
      committed: histories.upTo(node, state.committed),
      durable: durable?.log ?? node,
      acceptedEpoch: epochOnDisk(turn.disk, ACCEPTED_EPOCH),
      currentEpoch: epochOnDisk(turn.disk, CURRENT_EPOCH),
      leads: seen.established ? seen.epoch : 0,
      joined: joinedEpoch(state.role),
      applied: tree.lastZxid,
      serves: state.role.kind === 'learning' && state.role.phase.kind === 'serving' && state.server.mode !== 'stopped',
      round: state.ensemble?.fle.logicalClock ?? 0,
    };
  }

  private noteTree(turn: LocalTurn, node: number, tree: DataTree): void {
    if (this.histories.zxidOf(node) !== tree.lastZxid) return;
    const digest = tree.stateDigest();
    const known = this.digests.get(node);
    if (known === undefined) {
      this.digests.set(node, digest);
      this.treeNodes.set(`${tree.lastZxid} ${digest}`, node);
    } else if (known !== digest) {
      const message = `server ${turn.server + 1} has another state at ${show(tree.lastZxid)} than the same history gave`;
      turn.fault ??= { property: 'equal-digest', message };
    }
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
function joinedEpoch(role: Role): number {
  if (role.kind === 'leading') {
    return role.phase.kind === 'synchronization' || role.phase.kind === 'broadcast' ? role.epoch : 0;
  }
  if (role.kind !== 'learning' || role.observer) return 0;
  return role.phase.kind === 'acked' || role.phase.kind === 'serving' ? role.epoch : 0;
}

const show = (zxid: Zxid): string => `0x${zxid.toString(16)}`;
const hostOf = (server: number): string => `10.0.0.${server + 1}`;

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
function epochOnDisk(disk: Disk, name: string): number {
  const bytes = disk.get(inData(name));
  return bytes === undefined ? 0 : Number.parseInt(utf8Decode(bytes) ?? '', 10);
}

function bitsOf({ state, config }: Peer, shell: Shell): number {
  const { role, ensemble } = state;
  assert(ensemble !== null, 'a member of an ensemble');
  let bits: number = BIT.up;
  if (shell.listening) bits |= BIT.listening;
  const { round } = ensemble.fle;
  if (round !== null) bits |= BIT.resend | (round.finalizeAtMs === null ? 0 : BIT.finalize);
  if (role.kind === 'looking') bits |= BIT.looking;
  if (role.kind === 'leading') {
    bits |= BIT.leading | BIT.ping | ((config.myid - 1) * BIT.leader);
    if (role.phase.kind === 'broadcast' && state.server.mode !== 'stopped') bits |= BIT.established;
  }
  if (role.kind === 'learning') {
    bits |= BIT.learning | ((role.leader - 1) * BIT.leader);
    if (role.phase.kind === 'connecting') bits |= role.phase.retryAtMs === null ? BIT.connecting : BIT.retry;
    if (role.phase.kind === 'serving') bits |= BIT.serving;
  }
  for (const { lane } of shell.files) bits |= BIT.lane << LANES.indexOf(lane);
  for (const [peer, link] of ensemble.cnx.links) {
    if (link.dialAtMs !== null && link.queued !== null) bits |= BIT.dial << (peer - 1);
  }
  return bits;
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
function giveBack(tree: DataTree): boolean {
  const frozen = originals.get(tree);
  if (frozen === undefined) return false;
  const idle = standIns.get(frozen);
  if (idle === undefined) standIns.set(frozen, [tree]);
  else idle.push(tree);
  return true;
}

// --- one input ---------------------------------------------------------------------------------------------------------------

interface Send {
  readonly kind: 'send' | 'close' | 'dial' | 'opened';
  readonly conn: number;
  bytes: Uint8Array | null;
}

/** One server while it handles one input. */
export class LocalTurn {
  readonly server: number;
  readonly peer: Peer;
  disk: Disk;
  fault: Fault | null = null;
  halted: string | null = null;
  booting = false;
  /** What the turn began with. */
  slices: Slices | null = null;
  /** The index in the window from which on this server has proposed the entries itself; -1 when it has not. */
  proposedFrom = -1;
  base: number;
  /** Names of connections are new each time, and the peer is not frozen between inputs. */
  private nextAccepted = 0;
  private readonly locals: Locals;
  private files: PendingFile[];
  private readonly sockets: Map<number, Socket>;
  private listening: boolean;
  private readonly conns: Map<number, number>;
  /** The other way round. */
  private readonly raws = new Map<number, number>();
  private sends: Send[] = [];
  private calls = 0;

  constructor(
    locals: Locals,
    server: number,
    peer: Peer,
    disk: Disk,
    shell: Omit<Shell, 'base'> & { base?: number },
    conns: ReadonlyMap<number, number> = new Map(),
  ) {
    this.locals = locals;
    this.server = server;
    this.peer = peer;
    this.disk = disk;
    this.files = [...shell.files];
    this.sockets = new Map(shell.sockets.map((socket) => [socket.conn, socket]));
    this.listening = shell.listening;
    this.base = shell.base ?? ROOT;
    this.conns = new Map(conns);
  }

  /** From here on this turn goes on for ever: see `live.ts`. */
  live(): void {
    this.nextAccepted = RAW_ACCEPTED;
    for (const [raw, name] of this.conns) this.raws.set(name, raw);
  }

  /** Forgets what the last input led to. */
  begin(): void {
    this.sends = [];
    this.fault = null;
    this.proposedFrom = -1;
    this.calls = 0;
  }

  /** A copy that may be frozen. */
  twin(): LocalTurn {
    const { config, secrets, state, heap } = this.peer;
    const copied = copyGraph({ state, heap });
    const { sockets, listening, files, base, conns } = this;
    const shell = { sockets: [...sockets.values()], listening, files, base };
    const twin = new LocalTurn(this.locals, this.server, { config, secrets, ...copied }, this.disk, shell, conns);
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
    const turn = new LocalTurn(locals, server, peer, disk, { sockets: [], listening: false, files: [] });
    for (const effect of early) turn.take(effect);
    turn.booting = true;
    turn.settle(true);
    return turn;
  }

  step(input: Input): void {
    assert(++this.calls < CALLS_MAX, 'an input without an end');
    this.locals.steps += 1;
    step(this.peer, now, input, (effect) => this.take(effect));
  }

  private take(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.onSend(effect.conn, effect.bytes);
        return;
      case 'close':
        if (this.sockets.delete(this.nameOf(effect.conn)))
          this.sends.push({ kind: 'close', conn: this.nameOf(effect.conn), bytes: null });
        return;
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

  private nameOf(conn: number): number {
    return this.conns.get(conn) ?? conn;
  }

  private onConnect({ conn, channel, peer }: Extract<Effect, { type: 'connect' }>): void {
    const index = channel === 'election' ? ELECTION : QUORUM;
    const name = -nameOfConn(index, peer - 1);
    assert(!this.sockets.has(name), 'dialled again before the end of the connection before');
    this.conns.set(conn, name);
    if (this.nextAccepted > 0) this.raws.set(name, conn);
    this.sockets.set(name, { conn: name, channel: index, peer: peer - 1, dialled: true, open: false });
    this.sends.push({ kind: 'dial', conn: name, bytes: null });
  }

  private onSend(conn: number, bytes: Uint8Array): void {
    const socket = this.sockets.get(this.nameOf(conn));
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
    switch (item.kind) {
      case 'dial':
        this.sockets.set(conn, { conn, channel: item.channel, peer: item.from, dialled: false, open: true });
        this.sends.push({ kind: 'opened', conn, bytes: null });
        return this.step({ type: 'connOpened', conn: name, channel, remote });
      case 'opened':
        this.sockets.set(conn, { ...this.sockets.get(conn)!, open: true });
        return this.step({ type: 'connOpened', conn: name, channel, remote });
      case 'refused':
        return this.refuse(conn);
      case 'close': {
        const wasOpen = this.sockets.get(conn)?.open;
        this.sockets.delete(conn);
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
    this.sockets.delete(conn);
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
    this.step({ type: 'fileDone', op: asOp(file.op), generation: 1, result });
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
      const { state, heap } = this.peer;
      const due = nextDeadline(this.peer);
      const first = this.files[0];
      const installs = heap.saving !== null || heap.loading !== null || state.store.task?.kind === 'install';
      if (due !== null && due <= NOW) this.step({ type: 'tick' });
      else if (first !== undefined && (atomicDisk || installs || state.role.kind === 'recovering'))
        this.runOne(first.lane);
      else if (!this.read()) break;
    }
    this.dismissClients();
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
    const tokens = new Map<number, number>();
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
    return { conns: this.conns, ops, tokens };
  }

  shell(names: Renaming): Omit<Shell, 'base'> {
    return {
      sockets: [...this.sockets.values()].sort((a, b) => a.conn - b.conn),
      listening: this.listening,
      files: this.files.map(({ op, lane, action }) => ({ op: names.ops.get(op)!, lane, action: this.kept(action) })),
    };
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

const ELECTION_CONN = 100;
const QUORUM_CONN = 200;
const CLIENT_CONN = 300;
const nameOfConn = (channel: ChannelIndex, peer: number): number =>
  (channel === ELECTION ? ELECTION_CONN : QUORUM_CONN) + peer;

const asOp = (op: number): number => op;

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
