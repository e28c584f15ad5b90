/**
 * Between roles. A role ends in `draining`: client connections are closed, and the election waits until no
 * promise is in flight, so that the vote is made from what the log really holds (ZOOKEEPER-4712: a log queue that outlives its
 * term). It does not wait for what the disk does in the background (`storeDrain`).
 */

import type { FleEvent } from '../election/fle.ts';
import { fleLook, fleSettled } from '../election/fle.ts';
import { note } from '../io.ts';
import { serverStop } from '../request/server.ts';
import type { Turn } from '../state.ts';
import { storeBoot, storeDrain } from '../storage/store.ts';
import { assert, asZxid } from '../types.ts';
import { stopLeading } from './leader/handlers.ts';
import { stopLearning } from './learner.ts';
import { electionCtx, seeHistory } from './replica.ts';

/** Leaves whatever role this is and heads for an election. Safe to call more than once in a step. */
export function leaveRole(t: Turn, reason: string): void {
  const { state, io } = t;
  const { role } = state;
  if (role.kind === 'draining' || role.kind === 'halted' || role.kind === 'recovering') return;
  note(io, 'peer.role.left', { role: role.kind, reason });
  serverStop(state.server, t.heap, io);
  if (role.kind === 'leading') stopLeading(t, role);
  else if (role.kind === 'learning') stopLearning(t, role);
  if (state.ensemble !== null) fleSettled(state.ensemble.fle, 'idle');
  // A leader that was never established has applied a history that may be cut again: the tree must come from disk.
  const unestablished = role.kind === 'leading' && role.phase.kind !== 'broadcast';
  const reload = unestablished && t.heap.tree.lastZxid > state.committed;
  state.role = { kind: 'draining', reload };
  storeDrain(state.store, io, reload ? 'everything' : 'promises');
}

/** What was promised is on the disk: reload if the tree ran ahead, otherwise hold an election. */
export function drained(t: Turn): FleEvent[] {
  const { state } = t;
  if (state.role.kind !== 'draining') return [];
  if (state.role.reload) {
    reload(t);
    return [];
  }
  return beginLooking(t);
}

/** Throws the in-memory state away and recovers from disk, as after a start. */
export function reload(t: Turn): void {
  // The next machine counts its operations anew, and lists what is there.
  assert(t.state.store.ops.size === 0, 'recovery beside operations in flight');
  note(t.io, 'peer.reload');
  t.state.role = { kind: 'recovering' };
  t.state.saving = null;
  t.state.store = storeBoot(t.config, t.secrets, t.io);
}

/** Starts an election with what this server has: its last logged zxid and its currentEpoch. */
export function beginLooking(t: Turn): FleEvent[] {
  const { state, heap, io } = t;
  const { ensemble } = state;
  if (ensemble === null) return [];
  // QuorumPeer starts a read-only server after max(2 s, tick) of looking.
  const readOnlyAtMs = t.config.readOnlyModeEnabled ? io.now.monoMs + Math.max(2000, t.config.tickTimeMs) : null;
  seeHistory(t);
  state.role = { kind: 'looking', readOnlyAtMs, readOnly: false };
  const zxid = state.resync ? asZxid(-1) : heap.log.last;
  return fleLook(ensemble.fle, electionCtx(t), io, { zxid, peerEpoch: state.epochs.current });
}
