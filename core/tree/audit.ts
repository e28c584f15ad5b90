/**
 * Recomputes from the nodes everything the tree keeps beside them. Simulations and properties call it; it costs a pass over
 * the whole tree.
 */

import type { SessionId } from '../types.ts';
import type { AclTable } from './acl-table.ts';
import type { DataTree } from './data-tree.ts';
import { contentCrc, nodeDigest, statCrc } from './digest.ts';
import type { DataNode } from './node.ts';
import { type OwnerOptions, ownerKind } from './owner.ts';
import { childOf, nameOf, parentOf } from './paths.ts';
import { quotaOfLimitsPath } from './quota.ts';
import { StateDigest } from './state-digest.ts';

export interface TreeParts {
  readonly tree: DataTree;
  readonly nodes: ReadonlyMap<string, DataNode>;
  readonly acls: AclTable;
  readonly ephemerals: ReadonlyMap<SessionId, ReadonlySet<string>>;
  readonly containers: ReadonlySet<string>;
  readonly ttls: ReadonlySet<string>;
  readonly quotaPaths: ReadonlySet<string>;
  readonly options: OwnerOptions;
}

/** The first thing that does not fit, in words; null when all fits. */
export function auditTree(parts: TreeParts): string | null {
  return auditNodes(parts) ?? auditDigest(parts) ?? auditStateDigest(parts) ?? auditIndices(parts) ?? auditAcls(parts);
}

function auditNodes({ tree, nodes, options }: TreeParts): string | null {
  let links = 0;
  let size = 0;
  for (const [path, node] of nodes) {
    if (path !== '/' && !nodes.get(parentOf(path))?.children?.has(nameOf(path)))
      return `${path} is unknown to its parent`;
    for (const name of node.children ?? []) if (!nodes.has(childOf(path, name))) return `${path} lists missing ${name}`;
    links += node.childCount;
    size += path.length + (node.data?.length ?? 0);
    if (node.contentCrc !== contentCrc(path, node.data)) return `${path} has a stale content CRC`;
    if (node.crc !== statCrc(node.contentCrc, node)) return `${path} has a stale CRC`;
    if (node.ownerKind !== ownerKind(node.ephemeralOwner, options)) return `${path} has the wrong owner kind`;
  }
  if (size !== tree.approximateDataSize) return 'the size of paths and data is counted wrongly';
  return links === nodes.size - 1 ? null : 'number of nodes and of children differ';
}

function auditDigest({ tree, nodes }: TreeParts): string | null {
  let sum = 0n;
  for (const [path, node] of nodes) sum += BigInt(nodeDigest(path, node.data, node));
  return tree.digest() === BigInt.asIntN(64, sum)
    ? null
    : 'the incremental tree digest differs from the recomputed one';
}

function auditStateDigest({ tree, nodes, ephemerals }: TreeParts): string | null {
  const recomputed = new StateDigest();
  for (const node of nodes.values()) recomputed.addNode(node);
  for (const [id, timeoutMs] of tree.sessions) recomputed.addSession(id, timeoutMs);
  for (const [session, paths] of ephemerals) for (const path of paths) recomputed.addEphemeral(session, path);
  return tree.stateDigest() === recomputed.value() ? null : 'the state digest differs from the recomputed one';
}

function auditIndices({ nodes, ephemerals, containers, ttls, quotaPaths }: TreeParts): string | null {
  const counts = { none: 0, session: 0, container: 0, ttl: 0 };
  let quotaCount = 0;
  for (const [path, node] of nodes) {
    counts[node.ownerKind] += 1;
    const owned = ephemerals.get(node.ephemeralOwner as SessionId);
    if (node.ownerKind === 'session' && !owned?.has(path)) return `${path} is not among its session's ephemerals`;
    if (node.ownerKind === 'container' && !containers.has(path)) return `${path} is not among the containers`;
    if (node.ownerKind === 'ttl' && !ttls.has(path)) return `${path} is not among the TTL nodes`;
    const limitsOf = quotaOfLimitsPath(path);
    if (limitsOf === null) continue;
    quotaCount += 1;
    if (!quotaPaths.has(limitsOf)) return `the quota of ${limitsOf} is not known`;
  }
  let ephemeralCount = 0;
  for (const paths of ephemerals.values()) ephemeralCount += paths.size;
  if (ephemeralCount !== counts.session) return 'the index of ephemerals has paths without a node';
  if (containers.size !== counts.container) return 'the index of containers has paths without a node';
  if (ttls.size !== counts.ttl) return 'the index of TTL nodes has paths without a node';
  return quotaPaths.size === quotaCount ? null : 'the index of quotas has paths without a node';
}

function auditAcls({ nodes, acls }: TreeParts): string | null {
  const usage = new Map<number, number>();
  for (const { aclEntry } of nodes.values()) usage.set(aclEntry.id, (usage.get(aclEntry.id) ?? 0) + 1);
  for (const entry of acls.entries()) {
    if (usage.get(entry.id) !== entry.usageCount) return `ACL ${entry.id} is counted wrongly`;
  }
  return null;
}
