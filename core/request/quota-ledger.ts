/**
 * What the changes that are decided and not yet applied add to the numbers of each quota.
 *
 * A change counts as the difference between the node as decided and the node of the tree. It counts for the deepest quota of the
 * tree above it, as the tree will charge it, and for each quota above it that is itself decided and not yet in the tree, up to
 * that one: such a quota will count what is below it when its stats node is created.
 *
 * A leader with a full pipeline has tens of thousands of changes pending, and each part of a multi asks. So the sums are made
 * once, when somebody asks first, and from then on each change of the overlay or of the tree below it is entered here:
 * `counted` says as what a path stands in the sums, and `recount` replaces that by what is right.
 */

import type { DataTree } from '../tree/data-tree.ts';
import { parentOf } from '../tree/paths.ts';
import { type QuotaAmount, quotaOfLimitsPath, quotaOfStatsPath } from '../tree/quota.ts';
import type { Change } from './overlay.ts';

export interface QuotaLedger {
  /** What each pending change counts as; those that change no number are left out. */
  readonly counted: Map<string, QuotaAmount>;
  /** Stats nodes that have a change: the tree writes to them by itself. */
  readonly stats: Set<string>;
  readonly ofTree: Map<string, QuotaSum>;
  /** Of the quotas that are not in the tree, those that were asked for. */
  readonly ofPending: Map<string, QuotaSum>;
}

interface QuotaSum {
  count: number;
  bytes: number;
}

const NOTHING: QuotaAmount = { count: 0, bytes: 0 };

export function openLedger(tree: DataTree, changes: Iterable<readonly [string, Change]>): QuotaLedger {
  const ledger: QuotaLedger = { counted: new Map(), stats: new Set(), ofTree: new Map(), ofPending: new Map() };
  for (const [path, change] of changes) recount(ledger, tree, path, change);
  return ledger;
}

/** The path's change, or the tree below it, is another one; undefined when nothing is pending for the path. */
export function recount(ledger: QuotaLedger, tree: DataTree, path: string, change: Change | undefined): void {
  if (quotaOfStatsPath(path) !== null) {
    if (change === undefined) ledger.stats.delete(path);
    else ledger.stats.add(path);
  }
  const before = ledger.counted.get(path) ?? NOTHING;
  const after = change === undefined ? NOTHING : differenceTo(tree, path, change);
  const count = after.count - before.count;
  const bytes = after.bytes - before.bytes;
  if (count === 0 && bytes === 0) return;
  enter(ledger, tree, path, { count, bytes });
  if (after.count === 0 && after.bytes === 0) ledger.counted.delete(path);
  else ledger.counted.set(path, after);
}

function differenceTo(tree: DataTree, path: string, change: Change): QuotaAmount {
  const applied = tree.get(path);
  return {
    count: (change.exists ? 1 : 0) - (applied === undefined ? 0 : 1),
    bytes: (change.exists ? change.dataLength : 0) - (applied?.data?.length ?? 0),
  };
}

function enter({ ofTree, ofPending }: QuotaLedger, tree: DataTree, path: string, amount: QuotaAmount): void {
  const deepest = tree.quotaPathOf(path);
  if (deepest !== null) {
    const sum = ofTree.get(deepest) ?? { ...NOTHING };
    add(sum, amount);
    ofTree.set(deepest, sum);
  }
  if (ofPending.size === 0) return;
  for (let at = path; at.length > 1 && at !== deepest; at = parentOf(at)) {
    const sum = ofPending.get(at);
    if (sum !== undefined) add(sum, amount);
  }
}

function add(sum: QuotaSum, { count, bytes }: QuotaAmount): void {
  sum.count += count;
  sum.bytes += bytes;
}

/** What the quota on `quotaPath` will count more. */
export function sumOf(ledger: QuotaLedger, tree: DataTree, quotaPath: string): QuotaAmount {
  if (tree.quotaPathOf(quotaPath) === quotaPath) return ledger.ofTree.get(quotaPath) ?? NOTHING;
  let sum = ledger.ofPending.get(quotaPath);
  if (sum === undefined) {
    sum = { ...NOTHING };
    const below = `${quotaPath}/`;
    for (const [path, amount] of ledger.counted) {
      if (path !== quotaPath && !path.startsWith(below)) continue;
      if ((tree.quotaPathOf(path) ?? '').length < below.length) add(sum, amount);
    }
    ledger.ofPending.set(quotaPath, sum);
  }
  return sum;
}

/** The limits node at this path is not pending any more: nobody will ask for its quota as one that is not in the tree. */
export function forgetPending(ledger: QuotaLedger, limitsPath: string): void {
  const quotaPath = quotaOfLimitsPath(limitsPath);
  if (quotaPath !== null) ledger.ofPending.delete(quotaPath);
}
