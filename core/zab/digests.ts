/**
 * The digests that travel in transactions: what the tree should be once they are applied.
 *
 * A leader predicts them from changes that are decided and not yet applied (PrepRequestProcessor.precalculateDigest). Ours does
 * so exactly, so a leader whose own prediction fails has a broken tree or a broken overlay and stops at once. Of another's
 * prediction that fails, a replica knows only that one of the two is wrong, and to stop for a wrong prediction would let one
 * leader stop all its followers. Upstream therefore only logs it.
 *
 * But the digest is a sum over the nodes: a tree that really is another one is off by the digests of the nodes in which it
 * differs, by the same amount again and again. What a prediction got wrong goes on as long as the leader predicts from its own
 * predictions, and is gone once everything decided has been applied. So a replica stops when it is off by one amount for a tick,
 * counting only what came after everything before it had been applied (docs/decisions/digests-of-others.md).
 */

import { note } from '../io.ts';
import type { Digests, Turn } from '../state.ts';
import { TREE_DIGEST_VERSION } from '../tree/digest.ts';
import { ZXID_ZERO, type Zxid } from '../types.ts';
import type { TxnDigest } from '../wire/records.ts';

/** Of a tree whose history is still to be applied: a Java server's snapshot is fuzzy, and holds some of what follows it. */
export const newDigests = (): Digests => ({ isComplete: false, doubt: null, restedAt: ZXID_ZERO });

/** To be told before the entry becomes the last of the history. */
export function digestExpected({ state, heap }: Turn, zxid: Zxid): void {
  if (heap.log.last === heap.tree.lastZxid) state.digests.restedAt = zxid;
}

/** The entry has been applied. Why this server must not go on, or null. `isOwn`: it predicted this digest itself. */
export function digestProblem(t: Turn, zxid: Zxid, digest: TxnDigest | null, isOwn: boolean): string | null {
  if (digest === null || !t.config.digestEnabled || digest.version !== TREE_DIGEST_VERSION) return null;
  const { digests } = t.state;
  const by = BigInt.asUintN(64, digest.treeDigest - t.heap.tree.digest());
  if (by === 0n) {
    digests.doubt = null;
    return null;
  }
  const { monoMs } = t.io.now;
  if (!digests.isComplete) {
    digests.doubt = { by, sinceMs: monoMs };
    return null;
  }
  if (isOwn) {
    note(t.io, 'zab.digest.mismatch', { zxid });
    return 'own prediction';
  }
  if (zxid !== digests.restedAt) return null;
  if (digests.doubt?.by === by && monoMs - digests.doubt.sinceMs >= t.config.tickTimeMs) return 'the same for a tick';
  if (digests.doubt?.by !== by) {
    note(t.io, 'zab.digest.mismatch', { zxid });
    digests.doubt = { by, sinceMs: monoMs };
  }
  return null;
}

/** The whole history has been applied. A doubt that is left begins to count now. */
export function digestsComplete({ state, io }: Turn): void {
  const { digests } = state;
  digests.isComplete = true;
  if (digests.doubt !== null) digests.doubt = { by: digests.doubt.by, sinceMs: io.now.monoMs };
}
