/**
 * A point-in-time view of the tree that costs next to nothing to open.
 *
 * Nothing is copied at the beginning. The nodes are visited in the order of the tree's map, which is the order of their
 * creation; a parent is always older than its children, so a parent always comes first. While the snapshot is open, a
 * writer that is about to change or remove a node the visit has not reached keeps its pre-image here. Nodes born after the
 * opening have a higher sequence number, and the visit ends at the first of them. What is left then are images of nodes
 * that were removed meanwhile; sorted by path, again parent before child.
 *
 * ZooKeeper's own snapshots are fuzzy and need the log to become true (ZOOKEEPER-3145 and its family); these never do.
 */

import type { Acl, SessionId, Zxid } from '../types.ts';
import type { SnapshotNode, SnapshotSource } from '../wire/snapshot-codec.ts';
import type { AclEntry, AclTable } from './acl-table.ts';
import type { DataNode } from './node.ts';

/** What a snapshot needs of the tree it is taken from. */
export interface SnapshotOrigin {
  readonly zxid: Zxid;
  readonly digest: bigint;
  readonly nodes: ReadonlyMap<string, DataNode>;
  readonly sessions: ReadonlyMap<SessionId, number>;
  readonly acls: AclTable;
  /** Highest sequence number given to a node so far. */
  readonly lastSequence: number;
  onClose(snapshot: TreeSnapshot): void;
}

export class TreeSnapshot implements SnapshotSource {
  /** Everything up to this transaction is in it, nothing later. */
  readonly zxid: Zxid;
  /** The tree digest at `zxid`. */
  readonly digest: bigint;
  private readonly origin: SnapshotOrigin;
  private readonly lastAclId: number;
  private visit: Iterator<[string, DataNode]> | null;
  /** Sequence number of the node visited last. */
  private cursor = -1;
  private images = new Map<string, SnapshotNode>();
  private leftover: SnapshotNode[] = [];
  /** Sessions as they were before their first change since the opening, null for none; gone once listed. */
  private sessionImages: Map<SessionId, number | null> | null = new Map();
  private sessionList: ReadonlyMap<SessionId, number> = new Map();
  private droppedAcls: AclEntry[] | null = [];
  private aclList: ReadonlyMap<number, readonly Acl[]> = new Map();
  private isOpen = true;

  constructor(origin: SnapshotOrigin) {
    this.origin = origin;
    this.zxid = origin.zxid;
    this.digest = origin.digest;
    this.lastAclId = origin.acls.highestId;
    this.visit = origin.nodes.entries();
  }

  /** Global sessions at `zxid` and their timeouts. Listed when first asked for. */
  get sessions(): ReadonlyMap<SessionId, number> {
    const images = this.sessionImages;
    if (images !== null) {
      this.sessionImages = null;
      this.sessionList = listSessions(this.origin.sessions, images);
    }
    return this.sessionList;
  }

  /** Every ACL that a node at `zxid` uses, by number. Listed when first asked for. */
  get acls(): ReadonlyMap<number, readonly Acl[]> {
    const dropped = this.droppedAcls;
    if (dropped !== null) {
      this.droppedAcls = null;
      const entries = [...this.origin.acls.entries(), ...dropped].filter((entry) => entry.id <= this.lastAclId);
      this.aclList = new Map(entries.map((entry) => [entry.id, entry.list]));
    }
    return this.aclList;
  }

  /** The nodes at `zxid`, parents before children. One pass: a second iteration goes on where the first stopped. */
  get nodes(): Iterable<SnapshotNode> {
    return { [Symbol.iterator]: () => ({ next: () => this.step() }) };
  }

  private step(): IteratorResult<SnapshotNode> {
    const value = this.nextLiving() ?? this.leftover.pop();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  private nextLiving(): SnapshotNode | null {
    if (this.visit === null) return null;
    const step = this.visit.next();
    if (step.done === true || step.value[1].sequence > this.origin.lastSequence) {
      this.endVisit();
      return null;
    }
    const [path, node] = step.value;
    this.cursor = node.sequence;
    const image = this.images.get(path);
    if (image === undefined) return imageOf(path, node);
    this.images.delete(path);
    return image;
  }

  private endVisit(): void {
    this.visit = null;
    this.cursor = this.origin.lastSequence;
    this.leftover = [...this.images.values()].sort((a, b) => (a.path < b.path ? 1 : -1));
    this.images = new Map();
  }

  /** Forgets everything and lets the writers go. Closing twice is fine. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.visit = null;
    this.images = new Map();
    this.leftover = [];
    this.sessionImages = null;
    this.droppedAcls = null;
    this.origin.onClose(this);
  }

  /** A writer is about to change or remove the node. */
  keepNode(path: string, node: DataNode): void {
    if (node.sequence <= this.cursor || node.sequence > this.origin.lastSequence) return;
    if (!this.images.has(path)) this.images.set(path, imageOf(path, node));
  }

  /** A writer is about to change or remove the session, which has this timeout or does not exist. */
  keepSession(id: SessionId, timeoutMs: number | undefined): void {
    const images = this.sessionImages;
    if (images !== null && !images.has(id)) images.set(id, timeoutMs ?? null);
  }

  /** The entry has left the tree's table. */
  keepAcl(entry: AclEntry): void {
    this.droppedAcls?.push(entry);
  }
}

function imageOf(path: string, node: DataNode): SnapshotNode {
  return { path: path === '/' ? '' : path, data: node.data, aclId: node.aclEntry.id, stat: node.statPersisted };
}

function listSessions(
  living: ReadonlyMap<SessionId, number>,
  images: ReadonlyMap<SessionId, number | null>,
): Map<SessionId, number> {
  const list = new Map(living);
  for (const [id, timeoutMs] of images) {
    if (timeoutMs === null) list.delete(id);
    else list.set(id, timeoutMs);
  }
  return list;
}
