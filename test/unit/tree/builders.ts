/** Short ways to write trees and transactions in tests. */

import { DataTree } from '../../../core/tree/data-tree.ts';
import { type Acl, asSession, asZxid, OPEN_ACL, type SessionId } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../../core/wire/records.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';

export const TIME = 1_700_000_000_000;
export const ALICE: SessionId = asSession(0x100_0000_0000_0001n);
export const BOB: SessionId = asSession(0x200_0000_0000_0002n);

const TYPE_OF_KIND: Readonly<Record<Txn['kind'], number>> = {
  create: Op.create2,
  createContainer: Op.createContainer,
  createTTL: Op.createTTL,
  delete: Op.delete,
  setData: Op.setData,
  setACL: Op.setACL,
  check: Op.check,
  error: Op.error,
  multi: Op.multi,
  createSession: Op.createSession,
  closeSession: Op.closeSession,
};

export function headerOf(txn: Txn, zxid: number, session: SessionId = ALICE): TxnHeader {
  return { clientId: session, cxid: 1, zxid: asZxid(zxid), time: TIME + zxid, type: TYPE_OF_KIND[txn.kind] };
}

/** A tree that takes transactions one after the other, with consecutive zxids. */
export function script(tree: DataTree = DataTree.fresh()) {
  const apply = (txn: Txn, session: SessionId = ALICE) => tree.apply(headerOf(txn, tree.lastZxid + 1, session), txn);
  return { tree, apply };
}

interface CreateOptions {
  readonly data?: string | null;
  readonly acl?: readonly Acl[] | null;
  readonly ephemeral?: boolean;
  readonly parentCVersion?: number;
}

export function create(path: string, options: CreateOptions = {}): Txn {
  const { data = '', acl = OPEN_ACL, ephemeral = false, parentCVersion = -1 } = options;
  return { kind: 'create', path, data: data === null ? null : utf8Encode(data), acl, ephemeral, parentCVersion };
}

export const del = (path: string): Txn => ({ kind: 'delete', path });

export const setData = (path: string, data: string | null, version = 1): Txn => ({
  kind: 'setData',
  path,
  data: data === null ? null : utf8Encode(data),
  version,
});

export const setAcl = (path: string, acl: readonly Acl[], version = 1): Txn => ({ kind: 'setACL', path, acl, version });

export const multi = (...txns: readonly Txn[]): Txn => ({
  kind: 'multi',
  parts: txns.map((txn) => ({ type: TYPE_OF_KIND[txn.kind], txn })),
});

export const closeSession = (paths: readonly string[] | null = null): Txn => ({ kind: 'closeSession', paths });
export const createSession = (timeOut = 30_000): Txn => ({ kind: 'createSession', timeOut });

export const worldCan = (perms: number): readonly Acl[] => [{ perms, id: { scheme: 'world', id: 'anyone' } }];

export function textAt(tree: DataTree, path: string): string | null | undefined {
  const data = tree.get(path)?.data;
  return data == null ? data : new TextDecoder().decode(data);
}

/** The whole visible state as plain text lines, for comparing trees. */
export function picture(tree: DataTree): string[] {
  const lines = [...tree.paths()].map((path) => {
    const node = tree.get(path)!;
    const children = tree.children(path).sort().join(' ');
    const stat = Object.values(node.statPersisted).map(String).join(',');
    const acl = node.acl.map(({ perms, id }) => `${perms}:${id.scheme}:${id.id}`).join(' ');
    return `${path} [${node.data === null ? 'null' : [...node.data].join(' ')}] {${children}} ${stat} ${acl}`;
  });
  const sessions = [...tree.sessions].map(([id, timeoutMs]) => `session ${id} ${timeoutMs}`);
  return [...lines, ...sessions].sort();
}
