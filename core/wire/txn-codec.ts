/**
 * The bytes of a transaction. A log entry, a PROPOSAL's data and an INFORM's data are the same bytes:
 *
 * ```
 * Entry  => TxnHeader Record [TxnDigest]
 * TxnHeader => clientId:long cxid:int zxid:long time:long type:int
 * TxnDigest => version:int treeDigest:long
 * ```
 *
 * The type names the record (server/util/SerializeUtils.deserializeTxn). Two old forms are shorter than today's:
 * CreateTxnV0 lacks the parent's cversion, and a closeSession may have no record at all. Nothing tells them apart but
 * their length, and the digest is optional, so a form fits when exactly nothing or exactly a digest follows it.
 */

import type { Decoded, WireError } from './errors.ts';
import { JuteReader, JuteWriter } from './jute.ts';
import { Code, Op } from './opcodes.ts';
import {
  CheckVersionTxn,
  CloseSessionTxn,
  CreateContainerTxn,
  CreateSessionTxn,
  CreateTTLTxn,
  CreateTxn,
  CreateTxnV0,
  DeleteTxn,
  ErrorTxn,
  MultiTxn,
  SetACLTxn,
  SetDataTxn,
  TxnDigest,
  TxnHeader,
} from './records.ts';
import type { DecodedTxn, Txn, TxnPart } from './txn.ts';

const DIGEST_SIZE = 12;
/** Room for an entry without its node's data; a guess. */
const ENTRY_SIZE_USUAL = 256;
/** What a create carries in place of the parent's cversion when its log is too old to know it. */
export const PARENT_CVERSION_UNKNOWN = -1;

export function encodeTxn(header: TxnHeader, txn: Txn, digest: TxnDigest | null): Uint8Array {
  const w = new JuteWriter(ENTRY_SIZE_USUAL + ('data' in txn ? (txn.data?.length ?? 0) : 0));
  TxnHeader.write(w, header);
  writeTxn(w, txn);
  if (digest !== null) TxnDigest.write(w, digest);
  return w.finish();
}

/** Byte arrays inside the result are views of `bytes`. */
export function decodeTxn(bytes: Uint8Array): Decoded<DecodedTxn> {
  const r = new JuteReader(bytes);
  const header = TxnHeader.read(r);
  if (r.error !== null) return { ok: false, error: r.error };
  const bodyAt = r.offset;
  let error: WireError = 'unknown-type';
  for (const read of formsOf(header.type)) {
    const attempt = new JuteReader(bytes, bodyAt);
    const txn = read(attempt);
    const rest = attempt.remaining;
    if (attempt.error === null && (rest === 0 || rest === DIGEST_SIZE)) {
      const digest = rest === 0 ? null : TxnDigest.read(attempt);
      return { ok: true, value: { header, txn, digest } };
    }
    error = attempt.error ?? 'trailing-bytes';
  }
  return { ok: false, error };
}

/** Only the header, for those who route an entry without looking into it. */
export function readHeader(bytes: Uint8Array): Decoded<TxnHeader> {
  const r = new JuteReader(bytes);
  const value = TxnHeader.read(r);
  return r.error === null ? { ok: true, value } : { ok: false, error: r.error };
}

/** The digest that the leader put behind the transaction; null when there is none or the entry is undecodable. */
export function txnDigestOf(bytes: Uint8Array): TxnDigest | null {
  const decoded = decodeTxn(bytes);
  return decoded.ok ? decoded.value.digest : null;
}

/** Operation numbers of transactions that do what `kind` says, the first being the one of a plain transaction. */
export const TXN_TYPES: { readonly [K in Txn['kind']]: readonly number[] } = {
  createSession: [Op.createSession],
  closeSession: [Op.closeSession],
  create: [Op.create, Op.create2],
  createContainer: [Op.createContainer],
  createTTL: [Op.createTTL],
  delete: [Op.delete, Op.deleteContainer],
  setData: [Op.setData, Op.reconfig],
  setACL: [Op.setACL],
  check: [Op.check],
  error: [Op.error],
  multi: [Op.multi],
};

// --- writing ---------------------------------------------------------------------------------------------------------

function writeTxn(w: JuteWriter, txn: Txn): void {
  switch (txn.kind) {
    case 'createSession':
      CreateSessionTxn.write(w, txn);
      break;
    case 'closeSession':
      if (txn.paths !== null) CloseSessionTxn.write(w, { paths2Delete: txn.paths });
      break;
    case 'create':
      CreateTxn.write(w, txn);
      break;
    case 'createContainer':
      CreateContainerTxn.write(w, txn);
      break;
    case 'createTTL':
      CreateTTLTxn.write(w, txn);
      break;
    case 'delete':
      DeleteTxn.write(w, txn);
      break;
    case 'setData':
      SetDataTxn.write(w, txn);
      break;
    case 'setACL':
      SetACLTxn.write(w, txn);
      break;
    case 'check':
      CheckVersionTxn.write(w, txn);
      break;
    case 'error':
      ErrorTxn.write(w, txn);
      break;
    case 'multi':
      MultiTxn.write(w, { txns: txn.parts.map(({ type, txn }) => ({ type, data: bodyOf(txn) })) });
      break;
    default:
      txn satisfies never;
  }
}

function bodyOf(txn: Txn): Uint8Array {
  const w = new JuteWriter();
  writeTxn(w, txn);
  return w.finish();
}

// --- reading ---------------------------------------------------------------------------------------------------------

type ReadTxn = (r: JuteReader) => Txn;

const readCreate: ReadTxn = (r) => {
  const { path, data, acl, ephemeral, parentCVersion } = CreateTxn.read(r);
  return { kind: 'create', path, data, acl, ephemeral, parentCVersion };
};
const readCreateV0: ReadTxn = (r) => ({
  kind: 'create',
  ...CreateTxnV0.read(r),
  parentCVersion: PARENT_CVERSION_UNKNOWN,
});
const readCreateContainer: ReadTxn = (r) => ({ kind: 'createContainer', ...CreateContainerTxn.read(r) });
const readCreateTTL: ReadTxn = (r) => ({ kind: 'createTTL', ...CreateTTLTxn.read(r) });
const readDelete: ReadTxn = (r) => ({ kind: 'delete', path: DeleteTxn.read(r).path });
const readSetData: ReadTxn = (r) => {
  const { path, data, version } = SetDataTxn.read(r);
  return { kind: 'setData', path, data, version };
};
const readSetACL: ReadTxn = (r) => ({ kind: 'setACL', ...SetACLTxn.read(r) });
const readCheck: ReadTxn = (r) => ({ kind: 'check', ...CheckVersionTxn.read(r) });
const readError: ReadTxn = (r) => ({ kind: 'error', err: ErrorTxn.read(r).err });
const readCreateSession: ReadTxn = (r) => ({ kind: 'createSession', ...CreateSessionTxn.read(r) });
/** A null list names no path, exactly as an empty one (DataTree.killSession). */
const readCloseSession: ReadTxn = (r) => ({ kind: 'closeSession', paths: CloseSessionTxn.read(r).paths2Delete ?? [] });
const readEmptyCloseSession: ReadTxn = () => ({ kind: 'closeSession', paths: null });
const readMulti: ReadTxn = (r) => {
  const parts: TxnPart[] = [];
  for (const { type, data } of MultiTxn.read(r).txns ?? []) {
    const part = readPart(type, data);
    if (part === null) {
      r.fail('unknown-type');
      break;
    }
    parts.push(part);
  }
  return { kind: 'multi', parts };
};

/** The forms a top-level transaction of this type may have, the current one first; none for an unknown type. */
const FORMS: ReadonlyMap<number, readonly ReadTxn[]> = new Map<number, readonly ReadTxn[]>([
  [Op.create, [readCreate, readCreateV0]],
  [Op.create2, [readCreate]],
  [Op.createContainer, [readCreateContainer]],
  [Op.createTTL, [readCreateTTL]],
  [Op.delete, [readDelete]],
  [Op.deleteContainer, [readDelete]],
  [Op.setData, [readSetData]],
  [Op.reconfig, [readSetData]],
  [Op.setACL, [readSetACL]],
  [Op.check, [readCheck]],
  [Op.error, [readError]],
  [Op.createSession, [readCreateSession]],
  [Op.closeSession, [readCloseSession, readEmptyCloseSession]],
  [Op.multi, [readMulti]],
]);

/** What may stand inside a multi (DataTree.processTxn). A multi may not, so hostile nesting cannot recurse. */
const PARTS: ReadonlyMap<number, ReadTxn> = new Map<number, ReadTxn>([
  [Op.create, readCreate],
  [Op.create2, readCreate],
  [Op.createContainer, readCreateContainer],
  [Op.createTTL, readCreateTTL],
  [Op.delete, readDelete],
  [Op.deleteContainer, readDelete],
  [Op.setData, readSetData],
  [Op.setACL, readSetACL],
  [Op.check, readCheck],
  [Op.error, readError],
]);

const formsOf = (type: number): readonly ReadTxn[] => FORMS.get(type) ?? [];

const ERROR_BODY_BYTES = 4;

/**
 * When a part of a multi has failed, Java's DataTree marks those before it as errors by their type alone, after the transaction was
 * logged. A leader's DIFF is made from what it has in memory, so it has their old bodies, and so have the logs of its followers.
 */
const isMarkedLater = (type: number, data: Uint8Array): boolean => type === Op.error && data.length > ERROR_BODY_BYTES;

function readPart(type: number, data: Uint8Array | null): TxnPart | null {
  const read = PARTS.get(type);
  if (read === undefined || data === null) return null;
  if (isMarkedLater(type, data)) return { type, txn: { kind: 'error', err: Code.OK } };
  const r = new JuteReader(data);
  const txn = read(r);
  return r.error === null && r.remaining === 0 ? { type, txn } : null;
}
