/**
 * Which transaction carries out which request.
 *
 * A client numbers its requests, and a transaction names the session and the number that it answers (TxnHeader.clientId, cxid).
 * So with what was sent on record (`SentRecord`) every transaction has exactly one request, or time asked for it; and every
 * request has at most one transaction, since a client never sends one twice. This is the rule of TigerBeetle's state checker: the
 * replicated state machine may do what somebody asked for, once, and nothing else.
 *
 * Of its own accord an ensemble opens the session of a connection, closes one that is silent, and removes a container without
 * children or a TTL node that has outlived its time. Everything else needs a request of a client.
 *
 * A program that goes on with the session of another counts from 1 again. Then two requests may have one number: the
 * transaction must fit one of them, and nothing else is concluded.
 */

import { type SessionId, showSession } from '../../../core/types.ts';
import { Code, Op } from '../../../core/wire/opcodes.ts';
import { type Commit, errorOf, type NodeState } from './model.ts';
import { type HistoryOp, hexOf, nameOf } from './ops.ts';
import type { AnswerRecord, CommitRecord, SentRecord } from './record.ts';
import { whyOtherTxn } from './same-txn.ts';

/** One request, as it left for a server. */
export interface Asked {
  /** Null for the goodbye of a session. */
  readonly op: HistoryOp | null;
  readonly session: SessionId;
  readonly xid: number;
  /** Its place among all that was sent. */
  readonly order: number;
  commit: Commit | null;
  /** Its client has been answered, or is gone. */
  isOver: boolean;
  /** No other request of the session has had its number. */
  isSure: boolean;
}

/** What a transaction turned out to be. */
export interface Match {
  readonly asked: Asked | null;
  /** Why nobody can have asked for it, or why it is not what was asked for. */
  readonly wrong: string | null;
}

const BY_ITSELF: Match = { asked: null, wrong: null };
const nobody = (wrong: string): Match => ({ asked: null, wrong });

export class AskedBook {
  readonly #sessions = new Map<SessionId, Map<number, Asked[]>>();
  #count = 0;
  #size = 0;

  /** Somebody writes down what is sent: only then can it be missing. */
  get isKept(): boolean {
    return this.#count > 0;
  }

  get size(): number {
    return this.#size;
  }

  onSent({ session, xid }: SentRecord, op: HistoryOp | null): Asked {
    const asked: Asked = { op, session, xid, order: ++this.#count, commit: null, isOver: op === null, isSure: true };
    let ofSession = this.#sessions.get(session);
    if (ofSession === undefined) {
      ofSession = new Map();
      this.#sessions.set(session, ofSession);
    }
    const same = ofSession.get(xid);
    if (same === undefined) ofSession.set(xid, [asked]);
    else {
      same.push(asked);
      for (const each of same) each.isSure = false;
    }
    this.#size += 1;
    return asked;
  }

  /** `nodeOf` gives the tree as it is before the transaction. */
  onCommit(commit: Commit, record: CommitRecord, nodeOf: (path: string) => NodeState | null): Match {
    if (record.cxid <= 0) return whyNotByItself(record, nodeOf) ?? BY_ITSELF;
    const same = this.#sessions.get(record.session)?.get(record.cxid) ?? [];
    const open = same.filter((asked) => asked.commit === null);
    const fits = open.find((asked) => whyUnlike(asked, record) === null);
    const asked = fits ?? open[0];
    if (asked === undefined) {
      // What comes late in a session that has long ended is refused, and its requests may be forgotten.
      if (same.length === 0 && errorOf(record.txn) !== Code.OK) return BY_ITSELF;
      return nobody(whyNobody(record, same[0]));
    }
    asked.commit = commit;
    return { asked, wrong: whyUnlike(asked, record) };
  }

  /** Its client has been answered (`zxid` of the answer), or nobody will ever know (null). */
  onOver(asked: Asked, zxid: number | null): void {
    asked.isOver = true;
    if (!asked.isSure && zxid !== null) this.#swap(asked, zxid);
    if (asked.commit !== null || zxid !== null) this.#forget(asked);
  }

  /** Of two with one number, the answer tells which transaction was whose. */
  #swap(asked: Asked, zxid: number): void {
    const same = this.#sessions.get(asked.session)?.get(asked.xid) ?? [];
    const other = same.find(({ commit }) => commit?.zxid === zxid);
    if (other === undefined || other === asked) return;
    [asked.commit, other.commit] = [other.commit, asked.commit];
  }

  /** Nobody will speak of it again: whoever carries it out once more does what nobody asked for. */
  #forget(asked: Asked): void {
    const ofSession = this.#sessions.get(asked.session);
    const same = ofSession?.get(asked.xid);
    if (ofSession === undefined || same === undefined) return;
    const left = same.filter((other) => other !== asked);
    this.#size -= same.length - left.length;
    if (left.length === 0) ofSession.delete(asked.xid);
    else ofSession.set(asked.xid, left);
  }

  /** `isOver` says of a session that it ended long ago. */
  prune(isOver: (session: SessionId) => boolean): void {
    for (const [session, ofSession] of this.#sessions) {
      if (!isOver(session)) continue;
      for (const same of ofSession.values()) this.#size -= same.length;
      this.#sessions.delete(session);
    }
  }
}

function whyNobody({ session, cxid, txn }: CommitRecord, done: Asked | undefined): string {
  if (done === undefined)
    return `session ${showSession(session)} never sent a request ${cxid} that could be a ${txn.kind}`;
  return `request ${cxid} of session ${showSession(session)} was carried out before, at ${hexOf(done.commit!.zxid)}`;
}

/** Why the transaction is not that of the request. */
function whyUnlike({ op, xid, session }: Asked, record: CommitRecord): string | null {
  if (record.txn.kind === 'error') return null;
  if (op === null) {
    return record.txn.kind === 'closeSession'
      ? null
      : `request ${xid} of session ${showSession(session)} was its goodbye, and no ${record.txn.kind}`;
  }
  const why = whyOtherTxn(record.txn, op.call, op.ids);
  return why === null ? null : `${nameOf(op)} is carried out by ${hexOf(record.zxid)}, but ${why}`;
}

// --- what nobody has to ask for ---

function whyNotByItself(record: CommitRecord, nodeOf: (path: string) => NodeState | null): Match | null {
  const { op, session, time, txn } = record;
  // Written before the run by nobody (`sim/genesis.ts`).
  if (session === 0n && time === 0) return null;
  switch (txn.kind) {
    case 'createSession':
    case 'closeSession':
      return null;
    case 'error':
      return txn.err === Code.SESSIONEXPIRED ? null : nobody(`nobody asked for what is refused with ${txn.err}`);
    case 'delete': {
      if (op !== Op.deleteContainer) break;
      const why = whyNotDue(nodeOf(txn.path), time);
      return why === null ? null : nobody(`it removes ${txn.path} although nobody asked for it, and ${why}`);
    }
    default:
  }
  return nobody(`nobody asked for this ${txn.kind}`);
}

/** ContainerManager.getCandidates, on the leader's wall clock as the transaction tells it. */
function whyNotDue(node: NodeState | null, timeMs: number): string | null {
  if (node === null) return 'it does not exist';
  if (node.childCount > 0) return 'it has children';
  if (node.kind === 'container') return node.creates === 0 ? 'it is a container that waits for its first child' : null;
  if (node.kind !== 'ttl') return 'it is neither a container nor a TTL node';
  const ageMs = timeMs - node.mtime;
  return ageMs > node.ttlMs ? null : `it was written ${ageMs} ms ago and lives for ${node.ttlMs} ms`;
}

// --- answers ---

/** What a server may refuse before it is ordered: such a request has no transaction. */
const UNORDERED: ReadonlySet<number> = new Set([
  Code.THROTTLEDOP,
  Code.NOTREADONLY,
  Code.MARSHALLINGERROR,
  Code.SESSIONCLOSEDREQUIRESASLAUTH,
  Code.AUTHFAILED,
]);
/** What the client machine itself says of a request whose outcome nobody knows. */
const UNKNOWN: ReadonlySet<number> = new Set([Code.CONNECTIONLOSS, Code.SESSIONEXPIRED, Code.AUTHFAILED]);

/** Without a zxid a server answers only what it does not know at all. */
export const whyUnasked = ({ type, err }: Pick<AnswerRecord, 'type' | 'err'>): string | null =>
  type === 'info' && !UNKNOWN.has(err) ? 'every server knows such a request' : null;

/**
 * Why the answer is not that of the request's transaction, or null. `isEagerlyRefused`: the state gave a server reason to refuse
 * it for want of rights before it was ordered (zookeeper.enableEagerACLCheck).
 */
export function whyOtherAnswer(
  { commit, isSure }: Asked,
  { type, err, zxid, body }: AnswerRecord,
  isEagerlyRefused: () => boolean,
): string | null {
  const unasked = whyUnasked({ type, err });
  if (unasked !== null || type === 'info' || !isSure) return unasked;
  if (zxid < 0) return 'it was sent, and its client says that it was not';
  if (commit === null) {
    if (err === Code.OK) return 'nobody committed it';
    if (UNORDERED.has(err) || (err === Code.NOAUTH && isEagerlyRefused())) return null;
    return 'no server may refuse it so without a transaction';
  }
  if (commit.zxid !== zxid) return `its transaction is ${hexOf(commit.zxid)}`;
  const code = errorOf(commit.txn);
  if (body?.kind === 'multi') return commit.txn.kind === 'multi' ? null : `its transaction is a ${commit.txn.kind}`;
  // A server that only knows the session as a local one says why the others do not know it.
  if (code === err || (err === Code.EPHEMERALONLOCALSESSION && code === Code.SESSIONEXPIRED)) return null;
  return `its transaction answers ${code}`;
}
