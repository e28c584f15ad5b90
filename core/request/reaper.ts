/**
 * Nodes that go by themselves (server/ContainerManager): containers whose last child is gone, and TTL nodes without
 * children that nobody wrote to for their time.
 *
 * The leader looks now and then and asks itself for a `deleteContainer` per candidate. The last word is had when the
 * request is decided, on the state of that moment.
 */

import type { PeerConfig } from '../config/types.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { ownerKind, ttlOf } from '../tree/owner.ts';
import type { NodeView } from './overlay.ts';

const MINUTE_MS = 60_000;

/** Is it time for this node, which has no children? */
export function isDue(node: NodeView, config: PeerConfig, wallMs: number): boolean {
  switch (ownerKind(node.ephemeralOwner, { emulate353Ttl: false })) {
    case 'container':
      // A container that never had a child waits for its first one, for ever or for the configured time.
      if (node.cversion !== 0) return true;
      return config.containerMaxNeverUsedIntervalMs > 0 && wallMs - node.mtime > config.containerMaxNeverUsedIntervalMs;
    case 'ttl':
      return wallMs - node.mtime > ttlOf(node.ephemeralOwner);
    case 'none':
    case 'session':
      return false;
  }
}

/** What may go now, no more than one round's share of `containerMaxPerMinute`. */
export function dueNodes(tree: DataTree, config: PeerConfig, wallMs: number): string[] {
  const countMax = Math.max(
    1,
    Math.floor((config.containerMaxPerMinute * config.containerCheckIntervalMs) / MINUTE_MS),
  );
  const paths: string[] = [];
  for (const source of [tree.containers(), tree.ttlNodes()]) {
    for (const path of source) {
      const node = tree.get(path);
      if (node === undefined || node.childCount > 0 || !isDue(node, config, wallMs)) continue;
      paths.push(path);
      if (paths.length === countMax) return paths;
    }
  }
  return paths;
}
