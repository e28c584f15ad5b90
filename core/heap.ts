/**
 * The parts of a peer that are classes with indices of their own: too large to copy or draft for every step, so they live
 * beside the plain state and prove themselves by digests (DESIGN, law 9). A step may replace a field, never share one.
 */

import type { SnapshotFileReader, SnapshotFileWriter, SnapshotLoad } from './storage/snapshot-file.ts';
import type { TxnWindow } from './storage/window.ts';
import type { DataTree } from './tree/data-tree.ts';
import type { TreeLoader } from './tree/tree-loader.ts';
import type { WatchTable } from './tree/watches.ts';
import type { ConnId } from './types.ts';
import type { SnapshotReader, SnapshotWriter } from './wire/snapshot-codec.ts';

export interface Heap {
  /** The replicated database as of `tree.lastZxid`. */
  tree: DataTree;
  /** The history after the newest snapshot or the window's trimmed start: logged, perhaps uncommitted entries. */
  log: TxnWindow;
  watches: WatchTable;
  /** Leader: snapshots being streamed to learners, by connection. */
  readonly outgoing: Map<ConnId, OutgoingSnapshot>;
  /** Learner: the snapshot being received. */
  incoming: IncomingSnapshot | null;
  /** Storage: the snapshot file being written. */
  saving: SnapshotFileWriter | null;
  /** Storage: the snapshot file being read, by recovery into a tree or by a purge to see whether it is whole. */
  loading: SnapshotLoad | SnapshotFileReader | null;
}

export interface OutgoingSnapshot {
  readonly writer: SnapshotWriter;
  readonly close: () => void;
}

export interface IncomingSnapshot {
  readonly reader: SnapshotReader;
  readonly loader: TreeLoader;
}
