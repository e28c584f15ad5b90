/**
 * A transaction beside the request that it carries out (PrepRequestProcessor.pRequest2Txn): it must do what was asked, with the
 * same data, for the same kind of node, under the rights that were asked for.
 *
 * Two things are not in the request: the number of a sequential node, which the tree decides (`model.ts` checks the count), and whom
 * `auth` means, which the identities of the connection decide. Where some of these may still be on their way, only that is
 * compared which does not depend on them.
 */

import type { Call, MultiCall } from '../../../core/client/calls.ts';
import type { Acl } from '../../../core/types.ts';
import { CreateMode } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { isSequential } from './legal.ts';
import { CONFIG_PATH } from './model.ts';
import { sameBytes } from './reads.ts';
import type { Identities } from './rights.ts';

type Create = Extract<MultiCall, { kind: 'create' | 'create2' | 'createContainer' | 'createTTL' }>;

/** Why the transaction, which is no refusal, does something else than was asked for; or null. */
export function whyOtherTxn(txn: Txn, call: Call | MultiCall, ids: Identities): string | null {
  switch (call.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return whyOtherCreate(txn, call, ids);
    case 'delete':
      return txn.kind === 'delete' && txn.path === call.path ? null : another(txn);
    case 'setData':
      if (txn.kind !== 'setData' || txn.path !== call.path) return another(txn);
      return sameBytes(txn.data, call.data) ? null : 'its transaction writes other data';
    case 'setACL':
      if (txn.kind !== 'setACL' || txn.path !== call.path) return another(txn);
      return whyOtherAcl(txn.acl ?? [], call.acl, ids);
    case 'check':
      return txn.kind === 'check' && txn.path === call.path ? null : another(txn);
    case 'reconfig':
      return txn.kind === 'setData' && txn.path === CONFIG_PATH ? null : another(txn);
    case 'multi':
      return whyOtherMulti(txn, call.ops, ids);
    default:
      return another(txn);
  }
}

const another = (txn: Txn): string => `its transaction is a ${txn.kind} of something else`;

const KIND_OF = {
  create: 'create',
  create2: 'create',
  createContainer: 'createContainer',
  createTTL: 'createTTL',
} as const satisfies Record<Create['kind'], Txn['kind']>;

function whyOtherCreate(txn: Txn, call: Create, ids: Identities): string | null {
  if (txn.kind !== 'create' && txn.kind !== 'createContainer' && txn.kind !== 'createTTL') return another(txn);
  if (txn.kind !== KIND_OF[call.kind]) return `its transaction is a ${txn.kind}`;
  const isNamed = isSequential(call.flags) ? isNumbered(txn.path, call.path) : txn.path === call.path;
  if (!isNamed) return another(txn);
  if (!sameBytes(txn.data, call.data)) return 'its transaction writes other data';
  if (txn.kind === 'create' && txn.ephemeral !== isEphemeral(call.flags)) {
    return `its transaction makes a node that is ${txn.ephemeral ? '' : 'not '}ephemeral`;
  }
  if (txn.kind === 'createTTL' && call.kind === 'createTTL' && txn.ttl !== call.ttl) {
    return `its transaction lets the node live for ${txn.ttl} ms, not ${call.ttl}`;
  }
  return whyOtherAcl(txn.acl ?? [], call.acl, ids);
}

/** Ten digits, or nine behind a minus sign (Java's `%010d`). */
const isNumbered = (path: string, prefix: string): boolean =>
  path.startsWith(prefix) && /^(\d{10}|-\d{9,10})$/.test(path.slice(prefix.length));

const isEphemeral = (flags: number): boolean =>
  flags === CreateMode.ephemeral || flags === CreateMode.ephemeralSequential;

/** A multi that failed at one operation still holds those before it as they were asked for. */
function whyOtherMulti(txn: Txn, ops: readonly MultiCall[], ids: Identities): string | null {
  if (txn.kind !== 'multi') return `its transaction is a ${txn.kind}`;
  if (txn.parts.length !== ops.length)
    return `its transaction has ${txn.parts.length} parts for ${ops.length} operations`;
  for (const [index, { txn: part }] of txn.parts.entries()) {
    if (part.kind === 'error') continue;
    const why = whyOtherTxn(part, ops[index]!, ids);
    if (why !== null) return `of operation ${index + 1} ${why}`;
  }
  return null;
}

// --- rights ---

function whyOtherAcl(stored: readonly Acl[], asked: readonly Acl[], ids: Identities): string | null {
  const wanted = withoutDuplicates(asked);
  const hasAuth = wanted.some(({ id }) => id.scheme === 'auth');
  const isKnown = ids.coming.length === 0 && ids.sure.every(({ scheme }) => scheme === 'ip' || scheme === 'digest');
  if (!hasAuth || isKnown) {
    const own = ids.sure.filter(({ scheme }) => scheme === 'digest');
    const expanded = wanted.flatMap((entry) =>
      entry.id.scheme === 'auth' ? own.map((id) => ({ perms: entry.perms, id })) : [entry],
    );
    return isSame(stored, expanded) ? null : 'its transaction stores another ACL';
  }
  // Each `auth` becomes one entry or more, with its permissions.
  const given = new Set(wanted.map(({ perms }) => perms));
  const isPlausible = stored.length >= wanted.length && stored.every(({ perms }) => given.has(perms));
  return isPlausible ? null : 'its transaction stores another ACL';
}

function withoutDuplicates(acl: readonly Acl[]): readonly Acl[] {
  if (acl.length < 2) return acl;
  return acl.filter((entry, index) => acl.findIndex((other) => isSameEntry(entry, other)) === index);
}

const isSameEntry = (a: Acl, b: Acl): boolean =>
  a.perms === b.perms && a.id.scheme === b.id.scheme && a.id.id === b.id.id;

const isSame = (a: readonly Acl[], b: readonly Acl[]): boolean =>
  a === b || (a.length === b.length && a.every((entry, index) => isSameEntry(entry, b[index]!)));
