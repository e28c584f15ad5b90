/**
 * Who votes, and when: the servers of the schedule until a reconfiguration is obeyed, then those that it names. An ensemble
 * obeys a configuration from when its first server does: the leader does so with the commit.
 */

import { parseMembership, hasQuorum as stands, votersOf } from '../../core/config/membership.ts';
import type { Membership } from '../../core/config/types.ts';
import { asPeer } from '../../core/types.ts';
import { decodeTxn } from '../../core/wire/txn-codec.ts';
import type { HostId } from './api.ts';
import type { Note } from './elections.ts';
import type { Store } from './store.ts';

export interface VoterSet {
  /** Event from which it holds. */
  readonly index: number;
  readonly voters: readonly HostId[];
  hasQuorum(hosts: ReadonlySet<HostId>): boolean;
}

/** In the order of the run; the first holds from the start. */
export function voterSetsOf(store: Store, notes: readonly Note[]): VoterSet[] {
  const first = firstVoters(store);
  const sets: VoterSet[] = [
    {
      index: 0,
      voters: first,
      hasQuorum: (hosts) => 2 * first.filter((host) => hosts.has(host)).length > first.length,
    },
  ];
  let newest = 0;
  for (const { code, fields, index } of notes) {
    if (code !== 'zab.config.active') continue;
    const version = Number(fields.version);
    if (!(version > newest)) continue;
    newest = version;
    const membership = configurationOf(store, version);
    if (membership === null) continue;
    const voters = [...votersOf(membership)].sort((a, b) => a - b);
    sets.push({ index, voters, hasQuorum: (hosts) => stands(membership, [...hosts].map(asPeer)) });
  }
  return sets;
}

/** The set that holds at an event. */
export const votersAt = (sets: readonly VoterSet[], index: number): VoterSet =>
  sets.findLast((set) => set.index <= index) ?? sets[0]!;

/** As the schedule says; everybody where there is none. */
function firstVoters(store: Store): HostId[] {
  const { servers } = store.hosts();
  const options = (store.header?.schedule as { options?: { nodes?: number } } | undefined)?.options;
  const nodes = options?.nodes;
  return typeof nodes === 'number' ? servers.filter((host) => host <= nodes) : [...servers];
}

/** The configuration that the transaction with this zxid brought; null when the trace does not hold it, or it is another. */
export function configurationOf(store: Store, zxid: number): Membership | null {
  const { txns, txnBytes } = store;
  for (let row = 0; row < txns.zxid.length; row++) {
    if (txns.zxid.get(row) !== zxid) continue;
    const from = row === 0 ? 0 : txns.end.get(row - 1);
    const decoded = decodeTxn(txnBytes.array.slice(from, txns.end.get(row)));
    if (!decoded.ok || decoded.value.txn.kind !== 'setData' || decoded.value.txn.data === null) return null;
    const parsed = parseMembership(new TextDecoder().decode(decoded.value.txn.data));
    return parsed.ok ? parsed.membership : null;
  }
  return null;
}
