/**
 * The tree as it will be when everything that is decided has been applied (PrepRequestProcessor's outstanding changes).
 *
 * A leader decides a write long before its transaction is committed and applied; the next write must see the first one's
 * effect. So each decision leaves a `Change` per node it touches, which hides the tree's node until the tree has caught
 * up. A failed part of a multi takes the changes of its earlier parts back.
 *
 * The overlay also carries the tree digest forward: what a node adds to the digest before and after a change is known
 * here, so the digest after the transaction is known before anyone applies it.
 */

import type { DataTree } from '../tree/data-tree.ts';
import { type DigestStat, isOutsideDigest, statCrc } from '../tree/digest.ts';
import { QUOTA_PATH } from '../tree/paths.ts';
import { type QuotaAmount, quotaOfLimitsPath } from '../tree/quota.ts';
import { type Acl, assert, type SessionId, type Zxid } from '../types.ts';
import { forgetPending, openLedger, type QuotaLedger, recount, sumOf } from './quota-ledger.ts';

export interface Overlay {
  readonly changes: Map<string, Change>;
  /** Transactions decided and not yet applied that changed anything, in zxid order. */
  readonly pending: PendingTxn[];
  /** Sessions with decided but unapplied creates of ephemerals, and the last such transaction. */
  readonly ephemeralCreates: Map<SessionId, Zxid>;
  /** The zxid of the last decision. */
  lastDecided: Zxid;
  /** The tree's digest after the last decision; only valid while something is pending. */
  digest: bigint;
  /** For quotas; null while nothing is pending or nobody has asked. */
  ledger: QuotaLedger | null;
}

/** A node as decided. */
export interface Change {
  /** The last decision about it. */
  readonly zxid: Zxid;
  /** False for a node that will be gone. */
  readonly exists: boolean;
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly pzxid: Zxid;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly childCount: number;
  readonly dataLength: number;
  /** CRC over path and data, the data's part of the node's digest. */
  readonly contentCrc: number;
  /** Null while the tree's list is still right. */
  readonly acl: readonly Acl[] | null;
  /** Only kept of nodes below /zookeeper/quota, whose content decides. */
  readonly quotaData: Uint8Array | null;
}

export type Draft = { -readonly [K in keyof Change]: Change[K] };

interface PendingTxn {
  readonly zxid: Zxid;
  readonly session: SessionId;
  readonly paths: readonly string[];
}

export function newOverlay(tree: DataTree): Overlay {
  const { lastZxid } = tree;
  return {
    changes: new Map(),
    pending: [],
    ephemeralCreates: new Map(),
    lastDecided: lastZxid,
    digest: 0n,
    ledger: null,
  };
}

// --- looking ---------------------------------------------------------------------------------------------------------

/** What is common to a node of the tree and a change of it. */
export type NodeView = Pick<
  Change,
  | 'czxid'
  | 'mzxid'
  | 'pzxid'
  | 'ctime'
  | 'mtime'
  | 'version'
  | 'cversion'
  | 'aversion'
  | 'ephemeralOwner'
  | 'childCount'
  | 'contentCrc'
>;

/** The node as decided, or undefined when it does or will not exist. */
export function nodeAt(overlay: Overlay, tree: DataTree, path: string): NodeView | undefined {
  const change = overlay.changes.get(path);
  if (change === undefined) return tree.get(path);
  return change.exists ? change : undefined;
}

export function aclAt(overlay: Overlay, tree: DataTree, path: string): readonly Acl[] {
  const change = overlay.changes.get(path);
  const acl = change?.acl ?? tree.get(path)?.acl;
  assert(acl !== undefined, 'a node without ACL');
  return acl;
}

export function dataLengthAt(overlay: Overlay, tree: DataTree, path: string): number {
  const change = overlay.changes.get(path);
  return change === undefined ? (tree.get(path)?.data?.length ?? 0) : change.dataLength;
}

/** Content of a node below /zookeeper/quota; undefined when there is no such node. */
export function quotaDataAt(overlay: Overlay, tree: DataTree, path: string): Uint8Array | null | undefined {
  const change = overlay.changes.get(path);
  if (change === undefined) return tree.get(path)?.data;
  return change.exists ? change.quotaData : undefined;
}

/** The nodes that would go with the session: the tree's, without those already going, with those still coming. */
export function ephemeralsAt(overlay: Overlay, tree: DataTree, session: SessionId): string[] {
  const paths: string[] = [];
  for (const path of tree.ephemeralsOf(session)) {
    const change = overlay.changes.get(path);
    if (change === undefined || (change.exists && change.ephemeralOwner === session)) paths.push(path);
  }
  if (!overlay.ephemeralCreates.has(session)) return paths;
  const seen = new Set(paths);
  for (const txn of overlay.pending) {
    if (txn.session !== session) continue;
    for (const path of txn.paths) {
      const change = overlay.changes.get(path)!;
      if (change.exists && change.ephemeralOwner === session && !seen.has(path)) {
        seen.add(path);
        paths.push(path);
      }
    }
  }
  return paths;
}

// --- deciding --------------------------------------------------------------------------------------------------------

/** One decision in the making. Lives within one call. */
export interface Decision {
  readonly overlay: Overlay;
  readonly tree: DataTree;
  readonly zxid: Zxid;
  readonly session: SessionId;
  /** The paths changed so far, one entry for each change, and what stood there before. */
  readonly paths: string[];
  readonly before: (Change | undefined)[];
  /** Whether transactions carry digests; without them nothing is summed. */
  readonly digested: boolean;
  /** How the tree digest will differ from the one before this decision. */
  digestDelta: number;
  createsEphemeral: boolean;
}

export function beginDecision(
  overlay: Overlay,
  tree: DataTree,
  zxid: Zxid,
  session: SessionId,
  digested: boolean,
): Decision {
  assert(zxid > overlay.lastDecided, 'zxid not increasing');
  return {
    overlay,
    tree,
    zxid,
    session,
    paths: [],
    before: [],
    digested,
    digestDelta: 0,
    createsEphemeral: false,
  };
}

/** Puts a change over the node as it stands. */
export function putChange(decision: Decision, path: string, change: Change): void {
  const { overlay, tree } = decision;
  const before = overlay.changes.get(path);
  if (decision.digested) {
    decision.digestDelta += termOf(path, change.exists ? change : undefined);
    decision.digestDelta -= termOf(path, before === undefined ? tree.get(path) : before.exists ? before : undefined);
  }
  decision.paths.push(path);
  decision.before.push(before);
  overlay.changes.set(path, change);
  if (overlay.ledger !== null) recount(overlay.ledger, tree, path, change);
}

/** What the pending changes will add to the numbers of the quota on `quotaPath`: the difference to the tree, node by node. */
export function pendingUnder({ overlay, tree }: Decision, quotaPath: string): QuotaAmount {
  overlay.ledger ??= openLedger(tree, overlay.changes);
  const { count, bytes } = sumOf(overlay.ledger, tree, quotaPath);
  return { count, bytes };
}

function termOf(path: string, node: (DigestStat & { readonly contentCrc: number }) | undefined): number {
  return node === undefined || isOutsideDigest(path) ? 0 : statCrc(node.contentCrc, node);
}

/**
 * A copy of the node as it stands, to be altered and put back. Assigned to, not spread: overwriting a field in a literal
 * behind a spread leaves compiled code.
 */
export function changeOf(decision: Decision, path: string, node: NodeView): Draft {
  const { overlay, tree, zxid } = decision;
  const change = overlay.changes.get(path);
  if (change !== undefined) {
    const copy: Draft = { ...change };
    copy.zxid = zxid;
    return copy;
  }
  const applied = tree.get(path);
  assert(applied !== undefined, 'a change of nothing');
  return {
    zxid,
    exists: true,
    czxid: node.czxid,
    mzxid: node.mzxid,
    pzxid: node.pzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: node.cversion,
    aversion: node.aversion,
    ephemeralOwner: node.ephemeralOwner,
    childCount: node.childCount,
    dataLength: applied.data?.length ?? 0,
    contentCrc: node.contentCrc,
    acl: null,
    quotaData: quotaDataOf(path, applied.data),
  };
}

export function goneChange(zxid: Zxid, node: NodeView): Change {
  return {
    zxid,
    exists: false,
    czxid: node.czxid,
    mzxid: node.mzxid,
    pzxid: node.pzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: node.cversion,
    aversion: node.aversion,
    ephemeralOwner: 0n,
    childCount: 0,
    dataLength: 0,
    contentCrc: 0,
    acl: null,
    quotaData: null,
  };
}

export function quotaDataOf(path: string, data: Uint8Array | null): Uint8Array | null {
  return path.startsWith(QUOTA_PATH) ? data : null;
}

/** Takes back everything this decision put, latest first. */
export function rollBack(decision: Decision): void {
  const { overlay, tree, paths, before } = decision;
  for (let i = paths.length - 1; i >= 0; i--) {
    const change = before[i];
    if (change === undefined) overlay.changes.delete(paths[i]!);
    else overlay.changes.set(paths[i]!, change);
    if (overlay.ledger === null) continue;
    recount(overlay.ledger, tree, paths[i]!, change);
    if (change?.exists !== true) forgetPending(overlay.ledger, paths[i]!);
  }
  paths.length = 0;
  before.length = 0;
  decision.digestDelta = 0;
  decision.createsEphemeral = false;
}

/** The tree digest that everything decided so far and this decision lead to. */
export function digestAfter(decision: Decision): bigint {
  const { overlay, tree, digestDelta } = decision;
  const base = overlay.lastDecided <= tree.lastZxid ? tree.digest() : overlay.digest;
  return digestDelta === 0 ? base : BigInt.asIntN(64, base + BigInt(digestDelta));
}

/** The decision stands. */
export function settle(decision: Decision, digest: bigint): void {
  const { overlay, zxid, session, paths } = decision;
  overlay.digest = digest;
  overlay.lastDecided = zxid;
  if (paths.length > 0) overlay.pending.push({ zxid, session, paths });
  if (decision.createsEphemeral) overlay.ephemeralCreates.set(session, zxid);
}

/** The tree has caught up to `zxid`, a transaction of `session`: what the overlay says of it is in the tree. */
export function forgetApplied(overlay: Overlay, tree: DataTree, zxid: Zxid, session: SessionId): void {
  const last = overlay.ephemeralCreates.get(session);
  if (last !== undefined && last <= zxid) overlay.ephemeralCreates.delete(session);
  while (overlay.pending.length > 0 && overlay.pending[0]!.zxid <= zxid) {
    for (const path of overlay.pending.shift()!.paths) {
      const change = overlay.changes.get(path);
      if (change !== undefined && change.zxid <= zxid) overlay.changes.delete(path);
      // Which quotas the tree has decides about every sum.
      if (quotaOfLimitsPath(path) !== null) overlay.ledger = null;
      if (overlay.ledger !== null) recount(overlay.ledger, tree, path, overlay.changes.get(path));
    }
  }
  if (overlay.changes.size === 0) overlay.ledger = null;
  if (overlay.ledger === null) return;
  for (const path of overlay.ledger.stats) recount(overlay.ledger, tree, path, overlay.changes.get(path));
}
