/**
 * From an applied transaction to the answer for the client that asked for it (FinalRequestProcessor, second half).
 *
 * The transaction was decided by the leader and applied here; nothing is judged again. `err` is the transaction's, unless
 * the answer ends the connection.
 */

import type { ApplyResult, PartResult } from '../tree/data-tree.ts';
import type { MultiResult, ReplyBody } from '../wire/client-codec.ts';
import { Code, Op } from '../wire/opcodes.ts';
import type { TxnHeader } from '../wire/records.ts';
import type { Txn } from '../wire/txn.ts';

export interface Applied {
  readonly header: TxnHeader;
  readonly txn: Txn;
  readonly result: ApplyResult;
}

export type WriteAnswer =
  | { readonly kind: 'reply'; readonly err: number; readonly body: ReplyBody | null }
  /** The session belongs to another server: the client must not go on here (ZOOKEEPER-710). */
  | { readonly kind: 'moved' }
  /** The transaction is not what was asked for: the leader is not to be understood. */
  | { readonly kind: 'nonsense' };

const NONSENSE: WriteAnswer = { kind: 'nonsense' };

/** The answer to the request `op`. */
export function answerOf(op: number, { header, txn, result }: Applied): WriteAnswer {
  if (txn.kind === 'error') return txn.err === Code.SESSIONMOVED ? { kind: 'moved' } : refused(txn.err);
  if (header.type !== op) return NONSENSE;
  if (txn.kind === 'multi') return multiAnswer(result.parts ?? []);
  if (result.err !== Code.OK) return refused(result.err);
  const body = bodyOf(op, txn, result);
  return body === undefined ? NONSENSE : { kind: 'reply', err: Code.OK, body };
}

const refused = (err: number): WriteAnswer => ({ kind: 'reply', err, body: null });

/** Undefined when the result lacks what the answer needs. */
function bodyOf(op: number, txn: Txn, { path, stat }: PartResult): ReplyBody | null | undefined {
  switch (op) {
    case Op.create:
      return path === null ? undefined : { kind: 'create', path };
    case Op.create2:
    case Op.createContainer:
    case Op.createTTL:
      return path === null || stat === null ? undefined : { kind: 'create2', path, stat };
    case Op.setData:
      return stat === null ? undefined : { kind: 'setData', stat };
    case Op.setACL:
      return stat === null ? undefined : { kind: 'setACL', stat };
    case Op.reconfig:
      return stat === null || txn.kind !== 'setData' ? undefined : { kind: 'reconfig', data: txn.data, stat };
    case Op.delete:
    case Op.closeSession:
      return null;
    default:
      return undefined;
  }
}

/** A failed multi is no failed request: the header says 0, every operation says its own code. */
function multiAnswer(parts: readonly PartResult[]): WriteAnswer {
  const results: MultiResult[] = [];
  for (const part of parts) {
    if (part.err === Code.SESSIONMOVED) return { kind: 'moved' };
    const result = multiResultOf(part);
    if (result === null) return NONSENSE;
    results.push(result);
  }
  return { kind: 'reply', err: Code.OK, body: { kind: 'multi', results } };
}

function multiResultOf({ type, err, path, stat }: PartResult): MultiResult | null {
  if (type === Op.error || err !== Code.OK) return { kind: 'error', err };
  switch (type) {
    case Op.create:
      return path === null ? null : { kind: 'create', path };
    case Op.create2:
    case Op.createContainer:
    case Op.createTTL:
      return path === null || stat === null ? null : { kind: 'create2', path, stat };
    case Op.setData:
      return stat === null ? null : { kind: 'setData', stat };
    case Op.delete:
      return { kind: 'delete' };
    case Op.check:
      return { kind: 'check' };
    default:
      return null;
  }
}
