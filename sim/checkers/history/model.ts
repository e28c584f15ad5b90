/**
 * The tree at every zxid, replayed from the committed transactions.
 *
 * This is the oracle that reads are held against, so it shares nothing with `core/tree`: it is written from the
 * documentation of the transactions and says for itself when one of them cannot follow from the state before it. A node is
 * a list of immutable states by zxid; a read at any zxid is a binary search, nearly always ended by a look at the newest.
 * Children are one set per node and a list of what changed when, so that an older list is the set with the changes undone.
 *
 * The text of `/zookeeper/config` is written by the servers themselves, and the numbers of quotas too; what lies below
 * `/zookeeper` is therefore known to exist and not judged further.
 */

import { type Acl, READ_ACL, type SessionId } from '../../../core/types.ts';
import { Code, EventType } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import type { CommitRecord } from './record.ts';

export type NodeKind = 'plain' | 'ephemeral' | 'container' | 'ttl';

/** A node from one zxid on. Never changed once it is made. */
export interface NodeState {
  readonly czxid: number;
  readonly mzxid: number;
  readonly pzxid: number;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  /** Children ever created: what sequential names count. The cversion of a Stat is derived from it. */
  readonly creates: number;
  readonly aversion: number;
  readonly kind: NodeKind;
  /** The session of an ephemeral node, else 0. */
  readonly owner: bigint;
  /** Of a TTL node, else 0. */
  readonly ttlMs: number;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly childCount: number;
}

export interface TreeChange {
  readonly zxid: number;
  /** An `EventType`. */
  readonly type: number;
  readonly path: string;
  /** Who might read the node as it was at the change. */
  readonly acl: readonly Acl[];
}

/** What is known of a session from the committed history. */
export interface SessionLife {
  readonly openedAt: number;
  closedAt: number | null;
}

/** A transaction, and the event in which it was committed. */
export interface Commit {
  readonly zxid: number;
  readonly session: SessionId;
  readonly cxid: number;
  readonly txn: Txn;
  readonly atUs: number;
  readonly eventId: number | null;
}

/** Something that can be asked for a node: the tree at one zxid. */
export interface TreeView {
  get(path: string): NodeState | null;
}

export const parentPath = (path: string): string => {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
};
const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What a reconfiguration writes. */
export const CONFIG_PATH = '/zookeeper/config';

/** Nodes of the server's own making. */
export const isServersOwn = (path: string): boolean => path === '/zookeeper' || path.startsWith('/zookeeper/');

/** The Stat of a node as the wire shows it. */
export function statOf(node: NodeState): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    // Every create has a delete, except those of the children still there.
    cversion: (node.creates * 2 - node.childCount) | 0,
    aversion: node.aversion,
    ephemeralOwner: node.owner,
    dataLength: node.data?.length ?? 0,
    numChildren: node.childCount,
    pzxid: node.pzxid,
  } as Stat;
}

/** Written before the run by nobody's session (`sim/genesis.ts`), with whatever versions. */
const isPast = ({ session, time }: TxnPlace): boolean => session === 0n && time === 0;

/** A version after a change: one more, and never -1, which would mean any. */
export const versionAfter = (version: number): number => {
  const next = (version + 1) | 0;
  return next === -1 ? 0 : next;
};

/** The states of one path, by zxid. */
class Line {
  zxids: number[] = [];
  states: (NodeState | null)[] = [];
  /** Names of the children now, and what became of them, oldest first. */
  readonly children = new Set<string>();
  changes: { readonly zxid: number; readonly name: string; readonly added: boolean }[] = [];

  get newest(): NodeState | null {
    return this.states.at(-1) ?? null;
  }

  put(zxid: number, state: NodeState | null): void {
    const last = this.zxids.length - 1;
    if (this.zxids[last] === zxid) this.states[last] = state;
    else {
      this.zxids.push(zxid);
      this.states.push(state);
    }
  }

  at(zxid: number): NodeState | null {
    const { zxids, states } = this;
    let high = zxids.length;
    if (high > 0 && zxids[high - 1]! <= zxid) return states[high - 1]!;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (zxids[middle]! <= zxid) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : states[low - 1]!;
  }

  changedAt(zxid: number): number {
    for (let i = this.zxids.length - 1; i >= 0; i--) if (this.zxids[i]! <= zxid) return this.zxids[i]!;
    return 0;
  }

  /** The state at `from` and every later one up to `to`. */
  *between(from: number, to: number): Generator<NodeState | null> {
    yield this.at(from);
    for (let i = 0; i < this.zxids.length; i++) {
      if (this.zxids[i]! > from && this.zxids[i]! <= to) yield this.states[i]!;
    }
  }

  /** The names at `zxid`. */
  childrenAt(zxid: number): ReadonlySet<string> {
    const { changes } = this;
    let i = changes.length - 1;
    if (i < 0 || changes[i]!.zxid <= zxid) return this.children;
    const names = new Set(this.children);
    for (; i >= 0 && changes[i]!.zxid > zxid; i--) {
      const { name, added } = changes[i]!;
      if (added) names.delete(name);
      else names.add(name);
    }
    return names;
  }

  /** Forgets what nobody at or above the horizon can see; true when nothing is left. */
  prune(horizon: number): boolean {
    let keep = 0;
    while (keep + 1 < this.zxids.length && this.zxids[keep + 1]! <= horizon) keep += 1;
    if (keep > 0) {
      this.zxids = this.zxids.slice(keep);
      this.states = this.states.slice(keep);
    }
    let from = 0;
    while (from < this.changes.length && this.changes[from]!.zxid <= horizon) from += 1;
    if (from > 0) this.changes = this.changes.slice(from);
    return this.zxids.length === 1 && this.states[0] === null && this.zxids[0]! <= horizon && this.changes.length === 0;
  }
}

const BLANK: NodeState = {
  czxid: 0,
  mzxid: 0,
  pzxid: 0,
  ctime: 0,
  mtime: 0,
  version: 0,
  creates: 0,
  aversion: 0,
  kind: 'plain',
  owner: 0n,
  ttlMs: 0,
  data: null,
  acl: [],
  childCount: 0,
};
/** Nodes that every tree has. */
const FIXED: NodeState = { ...BLANK, data: new Uint8Array(0) };

/** Commits between two prunings, so that a commit pays a constant share of one. */
const PRUNE_EVERY = 2048;

export class VersionedTree implements TreeView {
  readonly #lines = new Map<string, Line>();
  readonly #sessions = new Map<SessionId, SessionLife>();
  /** Ephemeral nodes as they were owned: `to` is null while they live. */
  readonly #owned = new Map<bigint, { readonly path: string; readonly from: number; to: number | null }[]>();
  /** Everything a watch may wait for, in the order of the zxids. */
  #changes: TreeChange[] = [];
  #commits: Commit[] = [];
  #sincePruned = 0;
  #horizon = 0;
  readonly #impossible: (zxid: number, says: string) => void;

  /** `impossible` is told of a transaction that no server can have decided on in the state before it. */
  constructor(impossible: (zxid: number, says: string) => void) {
    this.#impossible = impossible;
    for (const path of ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']) {
      this.#lineOf(path).put(0, path === '/zookeeper' ? { ...FIXED, childCount: 2 } : FIXED);
      if (path !== '/') this.#lineOf(parentPath(path)).children.add(nameIn(path));
    }
    this.#lineOf('/').put(0, { ...FIXED, childCount: 1 });
    this.#lineOf('/zookeeper/config').put(0, { ...FIXED, acl: READ_ACL });
  }

  // --- reading ---

  /** The newest state. */
  get(path: string): NodeState | null {
    return this.#lines.get(path)?.newest ?? null;
  }

  at(zxid: number, path: string): NodeState | null {
    return this.#lines.get(path)?.at(zxid) ?? null;
  }

  /** What the node was at one time or another between two zxids, both included. */
  statesBetween(path: string, from: number, to: number): readonly (NodeState | null)[] {
    return [...(this.#lines.get(path)?.between(from, to) ?? [null])];
  }

  /** The last transaction up to `zxid` that changed the node or its list of children; 0 when there is none. */
  changedAt(zxid: number, path: string): number {
    return this.#lines.get(path)?.changedAt(zxid) ?? 0;
  }

  viewAt(zxid: number): TreeView {
    return { get: (path) => this.at(zxid, path) };
  }

  childrenAt(zxid: number, path: string): ReadonlySet<string> {
    return this.#lines.get(path)?.childrenAt(zxid) ?? NO_NAMES;
  }

  /** Paths of the session's ephemeral nodes at `zxid`. */
  ephemeralsAt(zxid: number, session: bigint): string[] {
    const owned = this.#owned.get(session) ?? [];
    return owned.filter(({ from, to }) => from <= zxid && (to === null || zxid < to)).map(({ path }) => path);
  }

  session(id: SessionId): SessionLife | null {
    return this.#sessions.get(id) ?? null;
  }

  /** The newest transaction. */
  get last(): number {
    return this.#commits.at(-1)?.zxid ?? 0;
  }

  commit(zxid: number): Commit | null {
    const commits = this.#commits;
    const index = firstFrom(commits, zxid);
    return commits[index]?.zxid === zxid ? commits[index] : null;
  }

  /** Below this nothing can be told any more. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Everything that changed behind `zxid`, oldest first. */
  *changesAfter(zxid: number): Generator<TreeChange> {
    for (let i = firstFrom(this.#changes, zxid + 1); i < this.#changes.length; i++) yield this.#changes[i]!;
  }

  /** States, changes and transactions kept, for bounds in tests. */
  get size(): number {
    let size = this.#changes.length + this.#commits.length;
    for (const line of this.#lines.values()) size += line.zxids.length + line.changes.length;
    return size;
  }

  // --- one transaction more ---

  /** Returns the changes that watches may wait for. */
  apply(record: CommitRecord): readonly TreeChange[] {
    const { zxid, session, cxid, txn, atUs, eventId = null } = record;
    if (zxid <= this.last) {
      this.#impossible(zxid, `it comes behind ${hexOf(this.last)}`);
      return [];
    }
    this.#commits.push({ zxid, session, cxid, txn, atUs, eventId });
    const from = this.#changes.length;
    this.#applyOne({ zxid, session, time: record.time }, txn);
    return this.#changes.slice(from);
  }

  #applyOne(at: TxnPlace, txn: Txn): void {
    switch (txn.kind) {
      case 'create':
        return this.#create(at, txn, txn.ephemeral ? 'ephemeral' : 'plain');
      case 'createContainer':
        return this.#create(at, txn, 'container');
      case 'createTTL':
        return this.#create(at, txn, 'ttl');
      case 'delete':
        return this.#delete(at, txn.path);
      case 'setData':
        return this.#setData(at, txn);
      case 'setACL':
        return this.#setAcl(at, txn);
      case 'check':
        return this.#check(at, txn);
      case 'createSession':
        // An open session that is created again is a local one that every server gets to know.
        if ((this.#sessions.get(at.session)?.closedAt ?? 0) !== null)
          this.#sessions.set(at.session, { openedAt: at.zxid, closedAt: null });
        return;
      case 'closeSession':
        return this.#closeSession(at, txn.paths ?? []);
      case 'multi':
        if (txn.parts.some((part) => part.txn.kind === 'error')) return;
        for (const part of txn.parts) this.#applyOne(at, part.txn);
        return;
      case 'error':
        return;
      default:
        txn satisfies never;
    }
  }

  #create(
    at: TxnPlace,
    txn: {
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[] | null;
      readonly parentCVersion: number;
      readonly ttl?: number;
    },
    kind: NodeKind,
  ): void {
    const { path } = txn;
    const above = parentPath(path);
    const parent = this.get(above);
    if (parent === null) return this.#impossible(at.zxid, `it creates ${path} below a node that does not exist`);
    if (parent.kind === 'ephemeral') this.#impossible(at.zxid, `it creates ${path} below an ephemeral node`);
    if (this.get(path) !== null) return this.#impossible(at.zxid, `it creates ${path}, which exists`);
    const creates = (parent.creates + 1) | 0;
    if (txn.parentCVersion !== -1 && txn.parentCVersion !== creates) {
      this.#impossible(at.zxid, `it counts ${txn.parentCVersion} children created below ${above}; they are ${creates}`);
    }
    this.#put(at, above, { ...parent, creates, pzxid: at.zxid, childCount: parent.childCount + 1 });
    this.#noteChild(at, above, nameIn(path), true);
    const owner = kind === 'ephemeral' ? at.session : 0n;
    const { zxid, time } = at;
    const acl = txn.acl ?? [];
    this.#put(at, path, {
      ...BLANK,
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      ctime: time,
      mtime: time,
      kind,
      owner,
      ttlMs: txn.ttl ?? 0,
      data: txn.data,
      acl,
    });
    if (kind === 'ephemeral') this.#own(owner, path, zxid);
    this.#changes.push(
      { zxid, type: EventType.nodeCreated, path, acl },
      { zxid, type: EventType.nodeChildrenChanged, path: above, acl: parent.acl },
    );
  }

  #delete(at: TxnPlace, path: string): void {
    const node = this.get(path);
    if (node === null) return this.#impossible(at.zxid, `it deletes ${path}, which does not exist`);
    if (node.childCount > 0) this.#impossible(at.zxid, `it deletes ${path}, which has children`);
    const above = parentPath(path);
    const parent = this.get(above)!;
    this.#put(at, above, { ...parent, pzxid: at.zxid, childCount: parent.childCount - 1 });
    this.#noteChild(at, above, nameIn(path), false);
    this.#put(at, path, null);
    if (node.kind === 'ephemeral') this.#disown(node.owner, path, at.zxid);
    const { zxid } = at;
    this.#changes.push(
      { zxid, type: EventType.nodeDeleted, path, acl: node.acl },
      { zxid, type: EventType.nodeChildrenChanged, path: above, acl: parent.acl },
    );
  }

  #setData(at: TxnPlace, txn: Extract<Txn, { kind: 'setData' }>): void {
    const { path } = txn;
    const node = this.get(path);
    if (node === null) return this.#impossible(at.zxid, `it writes ${path}, which does not exist`);
    if (!isServersOwn(path) && !isPast(at) && txn.version !== versionAfter(node.version)) {
      this.#impossible(at.zxid, `it makes version ${txn.version} of ${path} out of version ${node.version}`);
    }
    this.#put(at, path, { ...node, data: txn.data, version: txn.version, mzxid: at.zxid, mtime: at.time });
    this.#changes.push({ zxid: at.zxid, type: EventType.nodeDataChanged, path, acl: node.acl });
  }

  #setAcl(at: TxnPlace, txn: Extract<Txn, { kind: 'setACL' }>): void {
    const node = this.get(txn.path);
    if (node === null) return this.#impossible(at.zxid, `it protects ${txn.path}, which does not exist`);
    if (!isServersOwn(txn.path) && !isPast(at) && txn.version !== versionAfter(node.aversion)) {
      this.#impossible(at.zxid, `it makes ACL version ${txn.version} of ${txn.path} out of ${node.aversion}`);
    }
    this.#put(at, txn.path, { ...node, acl: txn.acl ?? [], aversion: txn.version });
  }

  #check(at: TxnPlace, txn: Extract<Txn, { kind: 'check' }>): void {
    const node = this.get(txn.path);
    if (node === null) this.#impossible(at.zxid, `it found ${txn.path}, which does not exist`);
    else if (!isServersOwn(txn.path) && txn.version !== versionAfter(node.version)) {
      this.#impossible(at.zxid, `it found version ${txn.version - 1} of ${txn.path}, which is ${node.version}`);
    }
  }

  #closeSession(at: TxnPlace, paths: readonly string[]): void {
    const life = this.#sessions.get(at.session);
    if (life !== undefined) life.closedAt ??= at.zxid;
    const left = new Set(paths);
    for (const path of this.ephemeralsAt(at.zxid, at.session)) left.add(path);
    for (const path of left) if (this.get(path) !== null) this.#delete(at, path);
  }

  #own(owner: bigint, path: string, from: number): void {
    const owned = this.#owned.get(owner);
    const entry = { path, from, to: null };
    if (owned === undefined) this.#owned.set(owner, [entry]);
    else owned.push(entry);
  }

  #disown(owner: bigint, path: string, to: number): void {
    const entry = this.#owned.get(owner)?.find((owned) => owned.path === path && owned.to === null);
    if (entry !== undefined) entry.to = to;
  }

  #put({ zxid }: TxnPlace, path: string, state: NodeState | null): void {
    this.#lineOf(path).put(zxid, state);
  }

  #noteChild({ zxid }: TxnPlace, path: string, name: string, added: boolean): void {
    const line = this.#lineOf(path);
    if (added) line.children.add(name);
    else line.children.delete(name);
    line.changes.push({ zxid, name, added });
  }

  #lineOf(path: string): Line {
    let line = this.#lines.get(path);
    if (line === undefined) {
      line = new Line();
      this.#lines.set(path, line);
    }
    return line;
  }

  // --- forgetting ---

  /** To be called after each transaction. `horizon` gives the least zxid that a live session may still be shown. */
  mayPrune(horizon: () => number): void {
    if (++this.#sincePruned < PRUNE_EVERY) return;
    this.#sincePruned = 0;
    this.prune(horizon());
  }

  prune(horizon: number): void {
    if (horizon <= this.#horizon) return;
    this.#horizon = horizon;
    for (const [path, line] of this.#lines) if (line.prune(horizon)) this.#lines.delete(path);
    this.#changes = this.#changes.slice(firstFrom(this.#changes, horizon + 1));
    this.#commits = this.#commits.slice(firstFrom(this.#commits, horizon));
    for (const [owner, owned] of this.#owned) {
      const left = owned.filter(({ to }) => to === null || to > horizon);
      if (left.length === 0) this.#owned.delete(owner);
      else if (left.length < owned.length) this.#owned.set(owner, left);
    }
    for (const [id, { closedAt }] of this.#sessions) {
      if (closedAt !== null && closedAt <= horizon) this.#sessions.delete(id);
    }
  }
}

interface TxnPlace {
  readonly zxid: number;
  readonly session: SessionId;
  readonly time: number;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const hexOf = (zxid: number): string => `0x${zxid.toString(16)}`;

/** Index of the first entry whose zxid is at least `zxid`. */
function firstFrom(entries: readonly { readonly zxid: number }[], zxid: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.zxid < zxid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The code a transaction answers with: 0, or that of the refusal. */
export function errorOf(txn: Txn): number {
  if (txn.kind === 'error') return txn.err;
  if (txn.kind !== 'multi') return Code.OK;
  for (const { txn: part } of txn.parts) if (part.kind === 'error') return part.err;
  return Code.OK;
}
