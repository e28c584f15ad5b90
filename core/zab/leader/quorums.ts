/**
 * Who counts for a leader, and the end of its term. Only voters of the configuration in force, and of the one being proposed,
 * count; observers never do.
 */

import { hasAllQuorums, isVoter } from '../../config/membership.ts';
import { note } from '../../io.ts';
import type { Handler, Turn } from '../../state.ts';
import { assert, type PeerId } from '../../types.ts';
import { leaveRole } from '../roles.ts';

/** A quorum of every configuration that counts: the one in force, and during a reconfiguration the proposed one too. */
export function quorumOf(t: Turn, ids: Iterable<PeerId>): boolean {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  return hasAllQuorums(ensemble, ids);
}

export function counts(t: Turn, handler: Handler): handler is Handler & { sid: PeerId } {
  const ensemble = t.state.ensemble;
  if (handler.sid === null || handler.observer || ensemble === null) return false;
  return isVoter(ensemble.committed, handler.sid) || isVoter(ensemble.lastSeen, handler.sid);
}

export function isVoterNow(t: Turn): boolean {
  const ensemble = t.state.ensemble;
  if (ensemble === null) return false;
  return isVoter(ensemble.committed, t.config.myid) || isVoter(ensemble.lastSeen, t.config.myid);
}

/** Whether the turn has not ended this role; another one cannot begin within the same step. */
export const leads = (t: Turn): boolean => t.state.role.kind === 'leading';

export function giveUp(t: Turn, reason: string): void {
  note(t.io, 'zab.leading.gaveup', { reason });
  leaveRole(t, reason);
}
