/**
 * The replicated state: nodes, sessions and quota numbers (server/DataTree), and the one way to change it, `apply`.
 *
 * Nodes live in one map keyed by full path. A node knows the names of its children and nothing of its parent; its own name
 * is in the map's key. `apply` is a function of the state and the transaction alone: no clock, no configuration, no order
 * of iteration may show in the result, since every replica must come to the same bytes.
 *
 * `apply` is also what replays a log over a snapshot, and a snapshot written by a Java server is fuzzy: it may hold some of
 * what the log will say again. So a create of what exists and a delete of what is gone are answers, not errors, and both
 * still bring the parent's cversion and pzxid forward, never back (ZOOKEEPER-3125, ZOOKEEPER-3249).
 */

import { type Acl, assert, counterOf, READ_ACL, type SessionId, ZXID_ZERO, type Zxid } from '../types.ts';
import { copyBytes } from '../wire/bytes.ts';
import { Code, EventType, Op } from '../wire/opcodes.ts';
import type { Stat, StatPersisted, TxnHeader } from '../wire/records.ts';
import type { SnapshotNode } from '../wire/snapshot-codec.ts';
import type { Txn } from '../wire/txn.ts';
import { type AclEntry, AclTable } from './acl-table.ts';
import { auditTree } from './audit.ts';
import { contentCrc, DigestSum, isOutsideDigest, statCrc } from './digest.ts';
import { DataNode, type ReadNode } from './node.ts';
import { CONTAINER_OWNER, type OwnerKind, type OwnerOptions, ownerKind, ttlOwner } from './owner.ts';
import { CONFIG_PATH, childOf, isFixedPath, nameOf, parentOf, QUOTA_PATH, ZOOKEEPER_PATH } from './paths.ts';
import { chargedStats, freshStats, quotaOfLimitsPath, quotaOfStatsPath, quotaPathOf, statsPathOf } from './quota.ts';
import { StateDigest } from './state-digest.ts';
import { TreeSnapshot } from './tree-snapshot.ts';

export type TreeEventType =
  | typeof EventType.nodeCreated
  | typeof EventType.nodeDeleted
  | typeof EventType.nodeDataChanged
  | typeof EventType.nodeChildrenChanged;

/** Something watches may want to hear of. */
export interface TreeEvent {
  readonly type: TreeEventType;
  readonly path: string;
  readonly zxid: Zxid;
  /** The node's ACL as it was at the change, also when the change removed it; null is open to all. */
  readonly acl: readonly Acl[] | null;
}

/** The outcome of one operation inside a multi. */
export interface PartResult {
  /** Operation number, -1 where the part failed or the multi did. */
  readonly type: number;
  readonly err: number;
  readonly path: string | null;
  /** The Stat after a create, setData or setACL that worked. */
  readonly stat: Stat | null;
}

export interface ApplyResult extends PartResult {
  /** For a multi, one result per operation. */
  readonly parts: readonly PartResult[] | null;
  /** In the order in which watches are to be told. */
  readonly events: readonly TreeEvent[];
}

export type TreeOptions = OwnerOptions;
export const DEFAULT_TREE_OPTIONS: TreeOptions = { emulate353Ttl: false };

const ZERO_STAT: StatPersisted = {
  czxid: ZXID_ZERO,
  mzxid: ZXID_ZERO,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  pzxid: ZXID_ZERO,
};

const EMPTY_DATA = new Uint8Array(0);
const NO_PATHS: ReadonlySet<string> = new Set();

/** What the operations of one transaction share. */
interface TxnContext {
  readonly zxid: Zxid;
  readonly time: number;
  readonly session: SessionId;
  readonly events: TreeEvent[];
}

interface NewNode {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[] | null;
  readonly parentCVersion: number;
}

/** DataTree.DIGEST_LOG_INTERVAL and DIGEST_LOG_LIMIT. */
const DIGEST_HISTORY_INTERVAL = 128;
const DIGEST_HISTORY_MAX = 1024;

export interface DigestRecord {
  readonly zxid: Zxid;
  readonly digest: bigint;
}

export class DataTree {
  /** The last transaction applied. */
  lastZxid: Zxid = ZXID_ZERO;
  private readonly sessionTimeouts = new Map<SessionId, number>();
  private readonly nodes = new Map<string, DataNode>();
  private readonly acls = new AclTable();
  private readonly ephemeralPaths = new Map<SessionId, Set<string>>();
  private readonly containerPaths = new Set<string>();
  private readonly ttlPaths = new Set<string>();
  /** Paths that have a limits node. */
  private readonly quotaPaths = new Set<string>();
  private readonly options: TreeOptions;
  private readonly treeSum = new DigestSum();
  private readonly stateSum = new StateDigest();
  private openSnapshots: readonly TreeSnapshot[] = [];
  private lastSequence = 0;
  private pathAndDataSize = 0;
  private digestHistory: DigestRecord[] = [];

  private constructor(options: TreeOptions) {
    this.options = options;
  }

  /** The empty database: the root and the three nodes below `/zookeeper` that every tree has. */
  static fresh(options: TreeOptions = DEFAULT_TREE_OPTIONS): DataTree {
    const tree = new DataTree(options);
    tree.plant('/', EMPTY_DATA, tree.acls.open, ZERO_STAT);
    tree.addFixedNodes();
    return tree;
  }

  /** A tree without any node, for the loader alone. */
  static unloaded(options: TreeOptions): DataTree {
    return new DataTree(options);
  }

  // --- Reading -------------------------------------------------------------------------------------------------------

  /** Global sessions and their timeouts in ms. */
  get sessions(): ReadonlyMap<SessionId, number> {
    return this.sessionTimeouts;
  }

  get(path: string): ReadNode | undefined {
    return this.nodes.get(path === '' ? '/' : path);
  }

  stat(path: string): Stat | null {
    return this.get(path)?.stat ?? null;
  }

  /** Names of the children, oldest first; empty when there is no such node. */
  children(path: string): string[] {
    const children = this.nodes.get(path === '' ? '/' : path)?.children;
    return children == null ? [] : [...children];
  }

  /** Counts the root twice, as ZooKeeper does for `/` and its alias. */
  get nodeCount(): number {
    return this.nodes.size + 1;
  }

  /** Nodes below `path`, at any depth. */
  descendantCount(path: string): number {
    if (path === '/') return this.nodes.size - 1;
    let count = -1;
    this.walk(path, () => {
      count += 1;
    });
    return Math.max(0, count);
  }

  /** Sum of the lengths of all paths and all data, for statistics. */
  get approximateDataSize(): number {
    return this.pathAndDataSize;
  }

  /** Not to be held over an `apply`: what is iterated is the tree's own. */
  ephemeralsOf(session: SessionId): Iterable<string> {
    return this.ephemeralPaths.get(session) ?? NO_PATHS;
  }

  ephemeralSessions(): Iterable<SessionId> {
    return this.ephemeralPaths.keys();
  }

  get ephemeralCount(): number {
    let count = 0;
    for (const paths of this.ephemeralPaths.values()) count += paths.size;
    return count;
  }

  containers(): Iterable<string> {
    return this.containerPaths;
  }

  ttlNodes(): Iterable<string> {
    return this.ttlPaths;
  }

  paths(): Iterable<string> {
    return this.nodes.keys();
  }

  /** The path whose quota governs `path`, or null. */
  quotaPathOf(path: string): string | null {
    return this.quotaPaths.size === 0 ? null : quotaPathOf(path, (at) => this.quotaPaths.has(at));
  }

  /** How many nodes name an ACL that the loaded snapshot lacked; zero once the log is replayed. */
  get unresolvedAclCount(): number {
    return this.acls.unresolvedCount;
  }

  get aclCount(): number {
    return this.acls.size;
  }

  /** Tree digest, version 2, signed. */
  digest(): bigint {
    return this.treeSum.value();
  }

  /** The tree digest after each transaction whose counter is a multiple of 128, of the last thousand of them, oldest first. */
  digests(): readonly DigestRecord[] {
    return this.digestHistory;
  }

  private keepDigest(zxid: Zxid): void {
    const kept = this.digestHistory.slice(1 - DIGEST_HISTORY_MAX);
    this.digestHistory = [...kept, { zxid, digest: this.digest() }];
  }

  /** Digest of everything replicated, except `lastZxid`: equal states have equal digests whatever led to them. */
  stateDigest(): bigint {
    return this.stateSum.value();
  }

  /** The view stays at this moment while the tree goes on. Close it, or every write pays for it. */
  openSnapshot(): TreeSnapshot {
    const snapshot = new TreeSnapshot({
      zxid: this.lastZxid,
      digest: this.digest(),
      nodes: this.nodes,
      sessions: this.sessionTimeouts,
      acls: this.acls,
      lastSequence: this.lastSequence,
      onClose: (closed) => {
        this.openSnapshots = this.openSnapshots.filter((open) => open !== closed);
      },
    });
    this.openSnapshots = [...this.openSnapshots, snapshot];
    return snapshot;
  }

  /** Recomputes what is kept incrementally and names the first difference; null when all is well. Slow. */
  audit(): string | null {
    return auditTree({
      tree: this,
      nodes: this.nodes,
      acls: this.acls,
      ephemerals: this.ephemeralPaths,
      containers: this.containerPaths,
      ttls: this.ttlPaths,
      quotaPaths: this.quotaPaths,
      options: this.options,
    });
  }

  // --- Applying ------------------------------------------------------------------------------------------------------

  /** Applies one transaction. Never throws, whatever a peer put into it. */
  apply(header: TxnHeader, txn: Txn): ApplyResult {
    const events: TreeEvent[] = [];
    const context: TxnContext = { zxid: header.zxid, time: header.time, session: header.clientId, events };
    const parts = txn.kind === 'multi' ? this.applyMulti(context, txn.parts) : null;
    const { type, err, path, stat } =
      parts === null
        ? this.applyOne(context, header.type, txn)
        : { type: header.type, err: firstError(parts), path: null, stat: null };
    if (header.zxid > this.lastZxid) this.lastZxid = header.zxid;
    if (counterOf(header.zxid) % DIGEST_HISTORY_INTERVAL === 0) this.keepDigest(header.zxid);
    return { type, err, path, stat, parts, events };
  }

  /** All or nothing was decided by the leader: one error part means that no part happens. */
  private applyMulti(context: TxnContext, parts: Extract<Txn, { kind: 'multi' }>['parts']): PartResult[] {
    const failedAt = parts.findIndex((part) => part.txn.kind === 'error');
    if (failedAt < 0) return parts.map((part) => this.applyOne(context, part.type, part.txn));
    return parts.map(({ txn }, index) => {
      const err = txn.kind === 'error' ? txn.err : index < failedAt ? Code.OK : Code.RUNTIMEINCONSISTENCY;
      return { type: Op.error, err, path: null, stat: null };
    });
  }

  private applyOne(context: TxnContext, type: number, txn: Txn): PartResult {
    switch (txn.kind) {
      case 'create':
        return this.create(context, type, txn, txn.ephemeral ? context.session : 0n);
      case 'createContainer':
        return this.create(context, type, txn, CONTAINER_OWNER);
      case 'createTTL': {
        const owner = ttlOwner(txn.ttl);
        return owner === null ? failed(type, Code.BADARGUMENTS, txn.path) : this.create(context, type, txn, owner);
      }
      case 'delete':
        return { type, err: this.delete(context, txn.path), path: txn.path, stat: null };
      case 'setData':
        return this.setData(context, type, txn);
      case 'setACL':
        return this.setAcl(type, txn);
      case 'check':
        return { type, err: Code.OK, path: txn.path, stat: null };
      case 'error':
        return { type, err: txn.err, path: null, stat: null };
      case 'createSession':
        this.putSession(context.session, txn.timeOut);
        return { type, err: Code.OK, path: null, stat: null };
      case 'closeSession':
        this.closeSession(context, txn.paths);
        return { type, err: Code.OK, path: null, stat: null };
      case 'multi':
        // The codec gives no multi inside a multi; a peer that sends one gets what Java answers.
        return failed(type, Code.MARSHALLINGERROR, null);
      default:
        return txn satisfies never;
    }
  }

  private create(context: TxnContext, type: number, txn: NewNode, owner: bigint): PartResult {
    const { path } = txn;
    const slash = path.lastIndexOf('/');
    if (slash < 0 || slash === path.length - 1) return failed(type, Code.BADARGUMENTS, path);
    const parentPath = slash === 0 ? '/' : path.slice(0, slash);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return failed(type, Code.NONODE, path);
    const existing = this.nodes.get(path);
    if (existing !== undefined) return this.createAgain(context, type, txn, { existing, parent, parentPath });

    this.beforeChange(parentPath, parent);
    countCreate(parent, txn.parentCVersion, context.zxid);
    addChild(parent, path.slice(slash + 1));
    this.afterChange(parentPath, parent);

    const { zxid, time } = context;
    const node = this.plant(path, ownData(txn.data), this.acls.use(txn.acl), {
      czxid: zxid,
      mzxid: zxid,
      ctime: time,
      mtime: time,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: owner,
      pzxid: zxid,
    });
    this.onQuotaNodeCreated(path);
    this.charge(path, { count: 1, bytes: sizeOf(txn.data) });
    context.events.push(
      { type: EventType.nodeCreated, path, zxid, acl: node.acl },
      { type: EventType.nodeChildrenChanged, path: parentPath, zxid, acl: parent.acl },
    );
    return { type, err: Code.OK, path, stat: node.stat };
  }

  /** Replay over a snapshot that already has the node: its ACL is taken again, since the snapshot may lack the list. */
  private createAgain(
    context: TxnContext,
    type: number,
    txn: NewNode,
    found: { existing: DataNode; parent: DataNode; parentPath: string },
  ): PartResult {
    const { existing, parent, parentPath } = found;
    this.changeAcl(txn.path, existing, txn.acl, existing.aversion);
    this.beforeChange(parentPath, parent);
    countCreate(parent, txn.parentCVersion, context.zxid);
    this.afterChange(parentPath, parent);
    return failed(type, Code.NODEEXISTS, txn.path);
  }

  private delete(context: TxnContext, path: string): number {
    const { zxid } = context;
    const slash = path.lastIndexOf('/');
    if (slash < 0 || slash === path.length - 1 || isFixedPath(path)) return Code.BADARGUMENTS;
    const parentPath = slash === 0 ? '/' : path.slice(0, slash);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return Code.NONODE;

    // Before the child is looked for: when a fuzzy snapshot has lost it already, the parent must still hear of it.
    this.beforeChange(parentPath, parent);
    removeChild(parent, path.slice(slash + 1));
    if (zxid > parent.pzxid) parent.pzxid = zxid;
    this.afterChange(parentPath, parent);

    const node = this.nodes.get(path);
    if (node === undefined) return Code.NONODE;
    if (node.children !== null) this.removeDescendants(path);
    this.remove(path, node);
    context.events.push(
      { type: EventType.nodeDeleted, path, zxid, acl: node.acl },
      { type: EventType.nodeChildrenChanged, path: parentPath, zxid, acl: parent.acl },
    );
    return Code.OK;
  }

  /**
   * At the time of a delete the node had no children. Those that are here come from a fuzzy snapshot's future; the log will
   * create them again, and only then may they be listed by the new node of this path.
   */
  private removeDescendants(path: string): void {
    const found: [string, DataNode][] = [];
    this.walk(path, (at, node) => {
      if (at !== path) found.push([at, node]);
    });
    for (const [at, node] of found.reverse()) this.remove(at, node);
  }

  private remove(path: string, node: DataNode): void {
    this.uproot(path, node);
    this.charge(path, { count: -1, bytes: -sizeOf(node.data) });
  }

  private setData(context: TxnContext, type: number, txn: Extract<Txn, { kind: 'setData' }>): PartResult {
    const path = txn.path === '' ? '/' : txn.path;
    const node = this.nodes.get(path);
    if (node === undefined) return failed(type, Code.NONODE, path);
    const grown = sizeOf(txn.data) - sizeOf(node.data);
    this.beforeChange(path, node);
    this.changeData(path, node, ownData(txn.data));
    node.mtime = context.time;
    node.mzxid = context.zxid;
    node.version = txn.version;
    this.afterChange(path, node);
    this.charge(path, { count: 0, bytes: grown });
    context.events.push({ type: EventType.nodeDataChanged, path, zxid: context.zxid, acl: node.acl });
    return { type, err: Code.OK, path, stat: node.stat };
  }

  private setAcl(type: number, txn: Extract<Txn, { kind: 'setACL' }>): PartResult {
    const path = txn.path === '' ? '/' : txn.path;
    const node = this.nodes.get(path);
    if (node === undefined) return failed(type, Code.NONODE, path);
    this.changeAcl(path, node, txn.acl, txn.version);
    return { type, err: Code.OK, path, stat: node.stat };
  }

  /**
   * The paths in the transaction are what the leader saw; they go first. The rest is what only this replica believes to be
   * of the session (all of it when an old log names no paths).
   */
  private closeSession(context: TxnContext, paths: readonly string[] | null): void {
    for (const path of paths ?? []) this.delete(context, path);
    for (const path of [...this.ephemeralsOf(context.session)]) this.delete(context, path);
    this.dropSession(context.session);
  }

  // --- Sessions ------------------------------------------------------------------------------------------------------

  /** For `apply` and the loader. */
  putSession(id: SessionId, timeoutMs: number): void {
    this.dropSession(id);
    this.sessionTimeouts.set(id, timeoutMs);
    this.stateSum.addSession(id, timeoutMs);
  }

  private dropSession(id: SessionId): void {
    const timeoutMs = this.sessionTimeouts.get(id);
    for (const snapshot of this.openSnapshots) snapshot.keepSession(id, timeoutMs);
    if (timeoutMs === undefined) return;
    this.stateSum.subtractSession(id, timeoutMs);
    this.sessionTimeouts.delete(id);
  }

  // --- The configuration node ----------------------------------------------------------------------------------------

  /**
   * Writes the ensemble's configuration into `/zookeeper/config` outside of any transaction, as every server does when it
   * takes up a role (ZKDatabase.initConfigInZKDatabase). The time is left at zero so that replicas agree.
   */
  initConfig(text: Uint8Array, version: Zxid): void {
    const node = this.nodes.get(CONFIG_PATH);
    assert(node !== undefined, 'tree without configuration node');
    if (node.mzxid === version && node.version === -1 && contentCrc(CONFIG_PATH, text) === node.contentCrc) return;
    this.beforeChange(CONFIG_PATH, node);
    this.changeData(CONFIG_PATH, node, ownData(text));
    node.mtime = 0;
    node.mzxid = version;
    node.version = -1;
    this.afterChange(CONFIG_PATH, node);
  }

  // --- Loading -------------------------------------------------------------------------------------------------------

  /** An ACL of the snapshot's table; comes before the nodes. */
  loadAcl(id: number, acl: readonly Acl[]): void {
    this.acls.load(id, acl);
  }

  /** A node of the snapshot; false when its parent is missing or its place is taken. */
  loadNode({ path, data, aclId, stat }: SnapshotNode): boolean {
    if (this.nodes.has(path) || (path !== '/' && !this.adopt(path))) return false;
    this.plant(path, ownData(data), this.acls.useId(aclId), stat);
    const limitsOf = quotaOfLimitsPath(path);
    if (limitsOf !== null) this.quotaPaths.add(limitsOf);
    return true;
  }

  /** Lists a node with its parent without counting it as a change; false when there is no parent. */
  private adopt(path: string): boolean {
    const parentPath = parentOf(path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return false;
    this.beforeChange(parentPath, parent);
    addChild(parent, nameOf(path));
    this.afterChange(parentPath, parent);
    return true;
  }

  /** After the last node. A fuzzy snapshot's quota numbers do not fit its nodes and are counted anew. */
  endLoad(options: { zxid: Zxid; recountQuotas: boolean }): void {
    this.lastZxid = options.zxid;
    this.addFixedNodes();
    this.acls.purgeUnused();
    if (options.recountQuotas) for (const quotaPath of this.quotaPaths) this.recount(quotaPath);
  }

  /** Data directories older than 3.5 have no configuration node (DataTree.addConfigNode). */
  private addFixedNodes(): void {
    for (const path of [ZOOKEEPER_PATH, QUOTA_PATH, CONFIG_PATH]) {
      if (this.nodes.has(path)) continue;
      const isConfig = path === CONFIG_PATH;
      assert(this.adopt(path), 'fixed node without a parent');
      const acl = isConfig ? this.acls.use(READ_ACL) : this.acls.open;
      this.plant(path, EMPTY_DATA, acl, isConfig ? { ...ZERO_STAT, aversion: -1 } : ZERO_STAT);
    }
  }

  // --- Nodes and what is counted of them -----------------------------------------------------------------------------

  /** Puts a node into the map and the indices. The caller has used the ACL entry and told the parent. */
  private plant(path: string, data: Uint8Array | null, aclEntry: AclEntry, stat: StatPersisted): DataNode {
    this.lastSequence += 1;
    const kind = ownerKind(stat.ephemeralOwner, this.options);
    const sequence = this.lastSequence;
    const node = new DataNode({ data, aclEntry, stat, ownerKind: kind, sequence, contentCrc: contentCrc(path, data) });
    this.nodes.set(path, node);
    this.pathAndDataSize += path.length + sizeOf(data);
    this.afterChange(path, node);
    if (kind !== 'none') this.index(path, node, kind);
    return node;
  }

  private uproot(path: string, node: DataNode): void {
    this.beforeChange(path, node);
    this.nodes.delete(path);
    this.pathAndDataSize -= path.length + sizeOf(node.data);
    this.releaseAcl(node.aclEntry);
    if (node.ownerKind !== 'none') this.unindex(path, node);
    const limitsOf = quotaOfLimitsPath(path);
    if (limitsOf !== null) this.quotaPaths.delete(limitsOf);
  }

  private index(path: string, node: DataNode, kind: Exclude<OwnerKind, 'none'>): void {
    switch (kind) {
      case 'container':
        this.containerPaths.add(path);
        break;
      case 'ttl':
        this.ttlPaths.add(path);
        break;
      case 'session': {
        const session = node.ephemeralOwner as SessionId;
        const paths = this.ephemeralPaths.get(session);
        if (paths === undefined) this.ephemeralPaths.set(session, new Set([path]));
        else paths.add(path);
        this.stateSum.addEphemeral(session, path);
        break;
      }
      default:
        kind satisfies never;
    }
  }

  private unindex(path: string, node: DataNode): void {
    this.containerPaths.delete(path);
    this.ttlPaths.delete(path);
    const session = node.ephemeralOwner as SessionId;
    const paths = this.ephemeralPaths.get(session);
    if (paths === undefined || !paths.delete(path)) return;
    if (paths.size === 0) this.ephemeralPaths.delete(session);
    this.stateSum.subtractEphemeral(session, path);
  }

  /** Keeps the node for open snapshots and takes it out of the digests; `afterChange` puts it in again. */
  private beforeChange(path: string, node: DataNode): void {
    for (const snapshot of this.openSnapshots) snapshot.keepNode(path, node);
    if (!isOutsideDigest(path)) this.treeSum.subtract(node.crc);
    this.stateSum.subtractNode(node);
  }

  private afterChange(path: string, node: DataNode): void {
    node.crc = statCrc(node.contentCrc, node);
    if (!isOutsideDigest(path)) this.treeSum.add(node.crc);
    this.stateSum.addNode(node);
  }

  /** Between `beforeChange` and `afterChange`. */
  private changeData(path: string, node: DataNode, data: Uint8Array | null): void {
    this.pathAndDataSize += sizeOf(data) - sizeOf(node.data);
    node.data = data;
    node.contentCrc = contentCrc(path, data);
  }

  private changeAcl(path: string, node: DataNode, acl: readonly Acl[] | null, aversion: number): void {
    const before = node.aclEntry;
    this.beforeChange(path, node);
    node.aclEntry = this.acls.use(acl);
    node.aversion = aversion;
    this.afterChange(path, node);
    this.releaseAcl(before);
  }

  private releaseAcl(entry: AclEntry): void {
    if (this.acls.release(entry)) for (const snapshot of this.openSnapshots) snapshot.keepAcl(entry);
  }

  /** The node and everything below it, parents first. */
  private walk(path: string, visit: (path: string, node: DataNode) => void): void {
    const stack = [path];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const node = this.nodes.get(at);
      if (node === undefined) continue;
      visit(at, node);
      for (const name of node.children ?? NO_PATHS) stack.push(childOf(at, name));
    }
  }

  // --- Quota numbers -------------------------------------------------------------------------------------------------

  private onQuotaNodeCreated(path: string): void {
    if (!path.startsWith(QUOTA_PATH)) return;
    const limitsOf = quotaOfLimitsPath(path);
    if (limitsOf !== null) this.quotaPaths.add(limitsOf);
    const statsOf = quotaOfStatsPath(path);
    if (statsOf !== null) this.recount(statsOf);
  }

  /** Counts the subtree into its stats node (DataTree.updateQuotaForPath). */
  private recount(quotaPath: string): void {
    let count = 0;
    let bytes = 0;
    this.walk(quotaPath === '' ? '/' : quotaPath, (_, node) => {
      count += 1;
      bytes += sizeOf(node.data);
    });
    this.writeStats(statsPathOf(quotaPath), () => freshStats({ count, bytes }));
  }

  private charge(path: string, change: { count: number; bytes: number }): void {
    const quotaPath = this.quotaPathOf(path);
    if (quotaPath !== null) this.writeStats(statsPathOf(quotaPath), (data) => chargedStats(data, change));
  }

  /** The numbers are no client's write: the node's Stat stays as it is. */
  private writeStats(path: string, next: (data: Uint8Array | null) => Uint8Array): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.beforeChange(path, node);
    this.changeData(path, node, next(node.data));
    this.afterChange(path, node);
  }
}

function failed(type: number, err: number, path: string | null): PartResult {
  return { type, err, path, stat: null };
}

function firstError(parts: readonly PartResult[]): number {
  return parts.find((part) => part.err !== Code.OK)?.err ?? Code.OK;
}

/** Brings the parent to the counts the leader decided on; -1 stands in old logs for "one more". */
function countCreate(parent: DataNode, parentCVersion: number, zxid: Zxid): void {
  const cversion = parentCVersion === -1 ? (parent.cversion + 1) | 0 : parentCVersion;
  if (cversion <= parent.cversion) return;
  parent.cversion = cversion;
  parent.pzxid = zxid;
}

function addChild(parent: DataNode, name: string): void {
  parent.children ??= new Set();
  parent.children.add(name);
}

function removeChild(parent: DataNode, name: string): void {
  if (parent.children?.delete(name) && parent.children.size === 0) parent.children = null;
}

const sizeOf = (data: Uint8Array | null): number => (data === null ? 0 : data.length);

/** Data up to this size is copied into a slab; beyond it a copy costs more than the little that a view holds on to. */
const COPIED_SIZE_MAX = 1024;

/**
 * Bytes the tree may keep. Decoded data is a view into a log entry or a network chunk, and keeping the view would keep the
 * whole of it. Only large data that is most of what it is cut from stays a view.
 */
function ownData(data: Uint8Array | null): Uint8Array | null {
  if (data === null) return null;
  if (data.length === 0) return EMPTY_DATA;
  const heldSize = data.buffer.byteLength;
  const isCompact = data.length === heldSize || (data.length > COPIED_SIZE_MAX && data.length * 2 >= heldSize);
  return isCompact ? data : copyBytes(data);
}
