/** A request as the judge remembers it, and how it is shown when it is part of a conflict. */

import { type Call, UPDATE_CALLS } from '../../../core/client/calls.ts';
import type { SessionId } from '../../../core/types.ts';
import type { Asked } from './asked.ts';
import { type Conflict, type ConflictEdge, type ConflictOp, callText, type EdgeKind } from './conflict.ts';
import type { Commit } from './model.ts';
import type { Identities } from './rights.ts';

export interface HistoryOp {
  readonly client: number;
  readonly id: number;
  readonly call: Call;
  readonly invokedUs: number;
  readonly invokedIn: number | null;
  /** The highest zxid anybody had been told of when this was asked for, and in which answer. */
  readonly floor: number;
  floorOp: HistoryOp | null;
  ids: Identities;
  session: SessionId | null;
  answeredUs: number | null;
  answeredIn: number | null;
  /** As it left for a server, where that is on record. */
  asked: Asked | null;
  /** Of the answer. */
  zxid: number | null;
}

/** Something that belongs into a conflict: a request, a transaction, or a watch event. */
export type Party = HistoryOp | { readonly commit: Commit; readonly what: string } | Told;

/** A watch event that arrived. */
export interface Told {
  readonly told: string;
  readonly client: number;
  readonly atUs: number;
  readonly zxid: number;
  readonly eventId: number | null;
}

export type Link = readonly [from: number, to: number, kind: EdgeKind, says: string];

/** `pointOf` says when the transaction of a zxid took effect, if that is known. */
export function conflictOf(
  parties: readonly Party[],
  links: readonly Link[],
  pointOf: (zxid: number) => number | null,
): Conflict {
  const ops = parties.map((party) => partyOf(party, pointOf));
  const edges: ConflictEdge[] = links.map(([from, to, kind, says]) => ({ from, to, kind, says }));
  return { ops, edges };
}

function partyOf(party: Party, pointOf: (zxid: number) => number | null): ConflictOp {
  if ('commit' in party) {
    const { zxid, atUs, eventId } = party.commit;
    const events = listOf(eventId);
    return { ...NO_REQUEST, client: 0, what: party.what, zxid, pointUs: atUs, events };
  }
  if ('told' in party) {
    const { told, client, atUs, zxid, eventId } = party;
    return { ...NO_REQUEST, client, what: told, zxid, answeredUs: atUs, pointUs: null, events: listOf(eventId) };
  }
  const { client, id, call, invokedUs, answeredUs, zxid, invokedIn, answeredIn } = party;
  return {
    client,
    id,
    what: callText(call),
    invokedUs,
    answeredUs,
    zxid,
    // A read has no moment of its own: it stands behind the update of its zxid.
    pointUs: zxid === null || !isUpdate(party) ? null : pointOf(zxid),
    events: [...listOf(invokedIn), ...listOf(answeredIn)],
  };
}

const NO_REQUEST = { id: null, invokedUs: null, answeredUs: null } as const;
const listOf = (event: number | null): number[] => (event === null ? [] : [event]);

/** `#412 of client 3`. */
export const nameOf = (op: HistoryOp): string => `request ${op.id} of client ${op.client}`;
export const hexOf = (zxid: number): string => `0x${zxid.toString(16)}`;

export const isUpdate = ({ call }: { readonly call: HistoryOp['call'] }): boolean => UPDATE_CALLS.has(call.kind);
