/**
 * The official TLA+ invariants as they are published (system-spec/zk-3.7 and protocol-spec), over a snapshot of the whole
 * ensemble. They quantify over everything and so cost too much for every step; the incremental checks stand in for them,
 * and these run at role changes and at the end, as a check on the checks.
 *
 * `LocalPrimaryOrder` is stated for all pairs here: the published form picks its pair by an existential and accepts equal
 * transactions, so that it always holds.
 */

import { epochOf, showZxid, type Zxid } from '../../core/types.ts';
import type { PropertyId } from './properties.ts';

export interface SpecServer {
  readonly id: number;
  readonly state: 'looking' | 'following' | 'leading' | 'other';
  readonly zabState: 'election' | 'discovery' | 'synchronization' | 'broadcast';
  readonly established: boolean;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly leader: number | null;
  /** What it has committed, in order. */
  readonly committed: readonly SpecTxn[];
}

export interface SpecTxn {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
}

export interface SpecState {
  readonly servers: readonly SpecServer[];
  /** Every proposal any primary ever broadcast, by zxid. */
  readonly proposals: ReadonlyMap<Zxid, Uint8Array>;
  /** Every server that was ever established, by epoch. */
  readonly epochLeaders: ReadonlyMap<number, readonly number[]>;
}

export interface SpecViolation {
  readonly property: PropertyId;
  readonly message: string;
  readonly servers: readonly number[];
}

/** Where in its history a server committed each transaction; made once a sweep, as every pair asks for it. */
type Places = ReadonlyMap<Zxid, number>;

interface Swept extends SpecState {
  placesOf(server: SpecServer): Places;
}

type Invariant = (state: Swept) => SpecViolation | null;

/** All but ShouldNotBeTriggered, which speaks of messages (`wire.ts`). */
export const INVARIANTS: readonly Invariant[] = [
  leadership1,
  leadership2,
  prefixConsistency,
  integrity,
  agreement,
  totalOrder,
  localPrimaryOrder,
  globalPrimaryOrder,
  primaryIntegrity,
];

export function checkSpec(state: SpecState): SpecViolation[] {
  const swept = { ...state, placesOf: placesOnce() };
  return INVARIANTS.map((invariant) => invariant(swept)).filter((violation) => violation !== null);
}

function placesOnce(): Swept['placesOf'] {
  const known = new Map<SpecServer, Places>();
  return (server) => {
    let places = known.get(server);
    if (places === undefined) {
      places = new Map(server.committed.map((txn, index) => [txn.zxid, index]));
      known.set(server, places);
    }
    return places;
  };
}

function leadership1({ servers }: SpecState): SpecViolation | null {
  const leaders = servers.filter((s) => s.state === 'leading' && s.established);
  const clash = pairOf(leaders, (a, b) => a.acceptedEpoch === b.acceptedEpoch);
  if (clash === null) return null;
  return violation('leadership-1', clash, `both lead epoch ${clash[0].acceptedEpoch}`);
}

function leadership2({ epochLeaders }: SpecState): SpecViolation | null {
  for (const [epoch, leaders] of epochLeaders) {
    if (new Set(leaders).size > 1) {
      return { property: 'leadership-2', message: `epoch ${epoch} had several leaders`, servers: leaders };
    }
  }
  return null;
}

function prefixConsistency({ servers }: SpecState): SpecViolation | null {
  const clash = pairOf(servers, (a, b) => firstDifference(a, b) !== null);
  if (clash === null) return null;
  return violation('prefix-consistency', clash, `differ at place ${firstDifference(clash[0], clash[1])! + 1}`);
}

function firstDifference(a: SpecServer, b: SpecServer): number | null {
  const length = Math.min(a.committed.length, b.committed.length);
  for (let i = 0; i < length; i++) if (!sameTxn(a.committed[i]!, b.committed[i]!)) return i;
  return null;
}

function integrity({ servers, proposals }: SpecState): SpecViolation | null {
  for (const server of servers) {
    for (const txn of server.committed) {
      const proposed = proposals.get(txn.zxid);
      if (proposed === undefined || !sameBytes(proposed, txn.bytes)) {
        return violation('integrity', [server], `committed ${showZxid(txn.zxid)}, which was not proposed so`);
      }
    }
  }
  return null;
}

function agreement({ servers, placesOf }: Swept): SpecViolation | null {
  const clash = pairOf(servers, (a, b) => !subset(a, placesOf(b)) && !subset(b, placesOf(a)));
  return clash === null ? null : violation('agreement', clash, 'each committed what the other has not');
}

function subset(a: SpecServer, theirs: Places): boolean {
  return a.committed.every((txn) => theirs.has(txn.zxid));
}

function totalOrder({ servers, placesOf }: Swept): SpecViolation | null {
  const clash = pairOf(servers, (a, b) => !ordered(a, placesOf(b)) || !ordered(b, placesOf(a)));
  return clash === null ? null : violation('total-order', clash, 'committed the same transactions in different orders');
}

/** Whatever `a` committed before something that `b` committed, `b` (whose places these are) committed too, and before it. */
function ordered(a: SpecServer, place: Places): boolean {
  let lastCommon = a.committed.length - 1;
  while (lastCommon >= 0 && !place.has(a.committed[lastCommon]!.zxid)) lastCommon -= 1;
  let last = -1;
  for (let i = 0; i <= lastCommon; i++) {
    const at = place.get(a.committed[i]!.zxid);
    if (at === undefined || at <= last) return false;
    last = at;
  }
  return true;
}

function localPrimaryOrder({ servers, proposals }: SpecState): SpecViolation | null {
  const inEpoch = new Map<number, Zxid[]>();
  for (const zxid of [...proposals.keys()].sort((a, b) => a - b)) {
    const list = inEpoch.get(epochOf(zxid)) ?? [];
    list.push(zxid);
    inEpoch.set(epochOf(zxid), list);
  }
  for (const server of servers) {
    const counts = new Map<number, number>();
    for (const txn of server.committed) {
      const epoch = epochOf(txn.zxid);
      const count = counts.get(epoch) ?? 0;
      const expected = inEpoch.get(epoch)?.[count];
      if (expected !== undefined && expected !== txn.zxid) {
        return violation(
          'local-primary-order',
          [server],
          `committed ${showZxid(txn.zxid)} before ${showZxid(expected)}`,
        );
      }
      counts.set(epoch, count + 1);
    }
  }
  return null;
}

function globalPrimaryOrder({ servers }: SpecState): SpecViolation | null {
  for (const server of servers) {
    for (let i = 1; i < server.committed.length; i++) {
      const [before, after] = [server.committed[i - 1]!.zxid, server.committed[i]!.zxid];
      if (epochOf(after) < epochOf(before)) {
        return violation('global-primary-order', [server], `committed ${showZxid(after)} after ${showZxid(before)}`);
      }
    }
  }
  return null;
}

function primaryIntegrity({ servers }: SpecState): SpecViolation | null {
  for (const leader of servers) {
    if (leader.state !== 'leading' || leader.zabState !== 'broadcast') continue;
    const has = new Set(leader.committed.map((txn) => txn.zxid));
    for (const follower of servers) {
      if (follower.leader !== leader.id || follower.state !== 'following' || follower.zabState !== 'broadcast')
        continue;
      const missing = follower.committed.find((txn) => epochOf(txn.zxid) < leader.currentEpoch && !has.has(txn.zxid));
      if (missing === undefined) continue;
      return violation('primary-integrity', [leader, follower], `the leader lacks ${showZxid(missing.zxid)}`);
    }
  }
  return null;
}

function violation(property: PropertyId, servers: readonly SpecServer[], what: string): SpecViolation {
  const ids = servers.map((server) => server.id);
  return { property, message: `${ids.length > 1 ? 'servers' : 'server'} ${ids.join(' and ')}: ${what}`, servers: ids };
}

/** The first pair of different servers for which the predicate holds. */
function pairOf(
  servers: readonly SpecServer[],
  holds: (a: SpecServer, b: SpecServer) => boolean,
): [SpecServer, SpecServer] | null {
  for (let i = 0; i < servers.length; i++) {
    for (let j = i + 1; j < servers.length; j++) {
      if (holds(servers[i]!, servers[j]!)) return [servers[i]!, servers[j]!];
    }
  }
  return null;
}

const sameTxn = (a: SpecTxn, b: SpecTxn): boolean => a === b || (a.zxid === b.zxid && sameBytes(a.bytes, b.bytes));

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
