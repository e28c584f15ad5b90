/**
 * Builds a tree from the parts of a snapshot, in the order in which a snapshot gives them: sessions, ACLs, nodes.
 *
 * The parts come from a disk or from a peer, so nothing about them is believed: the first thing that cannot be is
 * remembered as `problem`, and everything after it is ignored.
 */

import type { Acl, SessionId, Zxid } from '../types.ts';
import type { SnapshotNode, SnapshotVisitor } from '../wire/snapshot-codec.ts';
import { ACL_ID_MAX } from './acl-table.ts';
import { DataTree, DEFAULT_TREE_OPTIONS, type TreeOptions } from './data-tree.ts';

export type LoadProblem =
  | 'first-node-not-root'
  | 'bad-path'
  | 'parent-missing'
  | 'node-repeated'
  | 'bad-acl-id'
  | 'no-root';

export class TreeLoader implements SnapshotVisitor {
  private readonly tree: DataTree;
  private firstProblem: LoadProblem | null = null;
  private nodeCount = 0;

  constructor(options: TreeOptions = DEFAULT_TREE_OPTIONS) {
    this.tree = DataTree.unloaded(options);
  }

  get problem(): LoadProblem | null {
    return this.firstProblem;
  }

  session(id: SessionId, timeoutMs: number): boolean {
    if (this.firstProblem === null) this.tree.putSession(id, timeoutMs);
    return this.firstProblem === null;
  }

  /** Numbers count from 1; -1 is not in the table. */
  acl(id: number, acl: readonly Acl[]): boolean {
    if (id < 0 || id > ACL_ID_MAX) this.firstProblem ??= 'bad-acl-id';
    if (this.firstProblem === null) this.tree.loadAcl(id, acl);
    return this.firstProblem === null;
  }

  /** Parents before children, the root as the empty string. */
  node(node: SnapshotNode): boolean {
    this.firstProblem ??= this.placeProblem(node.path);
    if (this.firstProblem !== null) return false;
    this.nodeCount += 1;
    const path = node.path === '' ? '/' : node.path;
    if (!this.tree.loadNode({ ...node, path })) this.firstProblem = 'parent-missing';
    return this.firstProblem === null;
  }

  private placeProblem(path: string): LoadProblem | null {
    if (this.nodeCount === 0) return path === '' ? null : 'first-node-not-root';
    // Only the shape is checked: a path that an older release let through must not make a snapshot unreadable.
    if (!path.startsWith('/') || path.endsWith('/')) return 'bad-path';
    return this.tree.get(path) === undefined ? null : 'node-repeated';
  }

  /**
   * The finished tree, or null after a problem. A snapshot whose own digest is of a later transaction than its name is
   * fuzzy, and its quota numbers must be recounted; one of ours is exact, and recounting would undo what a client wrote.
   */
  finish(options: { zxid: Zxid; recountQuotas: boolean }): DataTree | null {
    if (this.firstProblem === null && this.nodeCount === 0) this.firstProblem = 'no-root';
    if (this.firstProblem !== null) return null;
    this.tree.endLoad(options);
    return this.tree;
  }
}
