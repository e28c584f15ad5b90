/**
 * What the answer to an update must be in a given state: the reasons that justify each error code, and those that forbid
 * success (ZooKeeper programmer's guide; KeeperException.Code).
 *
 * Which of several errors comes first is not judged here, so that the rules stay independent of the order of the server's
 * checks: an answer is legal when the state gives a reason for it. Codes that do not depend on the tree are not judged.
 */

import type { Call, CallResult, MultiCall } from '../../../core/client/calls.ts';
import { type Acl, Perm } from '../../../core/types.ts';
import { Code, CreateMode } from '../../../core/wire/opcodes.ts';
import { isServersOwn, type NodeState, parentPath, type TreeView, versionAfter } from './model.ts';
import { type Identities, mayDo } from './rights.ts';

/** The updates of a client that depend on the tree alone. */
export type Update = MultiCall | Extract<Call, { kind: 'setACL' }>;
type Create = Extract<MultiCall, { kind: 'create' | 'create2' | 'createContainer' | 'createTTL' }>;

export interface Asked {
  /** The tree directly before. */
  readonly before: TreeView;
  readonly ids: Identities;
}

export const isSequential = (flags: number): boolean =>
  flags === CreateMode.persistentSequential ||
  flags === CreateMode.ephemeralSequential ||
  flags === CreateMode.persistentSequentialTtl;

/** Java's `%010d` of a signed 32-bit counter. */
export const suffixOf = (counter: number): string => {
  const value = counter | 0;
  return value < 0 ? `-${String(-value).padStart(9, '0')}` : String(value).padStart(10, '0');
};

/** The path that a create leads to. */
export function pathOfCreate(create: Create, before: TreeView): string | null {
  if (!isSequential(create.flags)) return create.path;
  const parent = before.get(parentPath(create.path));
  return parent === null ? null : create.path + suffixOf(parent.creates);
}

/** Why the state does not allow this answer, or null. */
export function whyIllegal(asked: Asked, update: Update, err: number): string | null {
  const never = whyNever(update, err);
  if (never !== null || isServersOwn(update.path) || !update.path.startsWith('/')) return never;
  switch (update.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return whyNotCreate(asked, update, err);
    case 'delete':
      return whyNotDelete(asked, update, err);
    case 'setData':
      return whyNotChange(asked, update, err, Perm.WRITE, (node) => node.version);
    case 'setACL':
      return whyNotChange(asked, update, err, Perm.ADMIN, (node) => node.aversion);
    case 'check':
      return whyNotChange(asked, update, err, Perm.READ, (node) => node.version);
    default:
      return update satisfies never;
  }
}

// --- codes -----------------------------------------------------------------------------------------------------------

/** Refusals that have nothing to do with the tree: of the session, and of a server that does not take it on. */
const OF_ANY = [Code.OK, Code.NONODE, Code.NOAUTH, Code.SESSIONEXPIRED, Code.SESSIONMOVED, Code.BADARGUMENTS] as const;
const OF_CREATE = [Code.NODEEXISTS, Code.NOCHILDRENFOREPHEMERALS, Code.INVALIDACL, Code.QUOTAEXCEEDED] as const;
/** What the update can be answered with in one state or another. */
const CODES_OF = {
  create: new Set<number>([...OF_ANY, ...OF_CREATE, Code.EPHEMERALONLOCALSESSION, Code.UNIMPLEMENTED]),
  create2: new Set<number>([...OF_ANY, ...OF_CREATE, Code.EPHEMERALONLOCALSESSION, Code.UNIMPLEMENTED]),
  createContainer: new Set<number>([...OF_ANY, ...OF_CREATE]),
  createTTL: new Set<number>([...OF_ANY, ...OF_CREATE, Code.UNIMPLEMENTED]),
  delete: new Set<number>([...OF_ANY, Code.BADVERSION, Code.NOTEMPTY]),
  setData: new Set<number>([...OF_ANY, Code.BADVERSION, Code.QUOTAEXCEEDED]),
  setACL: new Set<number>([...OF_ANY, Code.BADVERSION, Code.INVALIDACL]),
  check: new Set<number>([...OF_ANY, Code.BADVERSION]),
} as const satisfies Record<Update['kind'], ReadonlySet<number>>;

/** Why no state at all gives this answer. */
function whyNever(update: Update, err: number): string | null {
  const isTtl = 'flags' in update && (update.kind === 'createTTL' || update.flags >= CreateMode.persistentTtl);
  const isFit =
    (err !== Code.UNIMPLEMENTED || isTtl) &&
    (err !== Code.BADARGUMENTS || isTtl || !isOrdinary(update)) &&
    (err !== Code.INVALIDACL || !('acl' in update) || !isForAnyone(update.acl));
  return isFit && CODES_OF[update.kind].has(err) ? null : `a ${update.kind} is never refused with this`;
}

/** Larger transactions may be refused for their size. */
const ORDINARY_SIZE_MAX = 100_000;

/** Nothing about the path, the data or the mode that a server could object to. */
function isOrdinary(update: Update): boolean {
  const size = 'data' in update ? (update.data?.length ?? 0) : 0;
  return /^(\/(?!\.{1,2}(\/|$))[!-.0-~]+)+$/.test(update.path) && size < ORDINARY_SIZE_MAX;
}

const isForAnyone = (acl: readonly Acl[]): boolean =>
  acl.length > 0 &&
  acl.every(({ perms, id }) => id.scheme === 'world' && id.id === 'anyone' && (perms & ~Perm.ALL) === 0);

function whyNotCreate({ before, ids }: Asked, create: Create, err: number): string | null {
  const above = parentPath(create.path);
  const parent = before.get(above);
  const path = pathOfCreate(create, before);
  const node = path === null ? null : before.get(path);
  switch (err) {
    case Code.OK:
      if (parent === null) return `${above} did not exist`;
      if (node !== null) return `${path} existed`;
      if (parent.kind === 'ephemeral') return `${above} was ephemeral`;
      return whyForbidden(ids, parent.acl, Perm.CREATE, above);
    case Code.NONODE:
      return parent === null ? null : `${above} existed`;
    case Code.NOAUTH:
      return whyAllowed(ids, parent, Perm.CREATE, above);
    case Code.NODEEXISTS:
      return node === null ? `${path} did not exist` : null;
    case Code.NOCHILDRENFOREPHEMERALS:
      return parent?.kind === 'ephemeral' ? null : `${above} was not ephemeral`;
    default:
      return null;
  }
}

function whyNotDelete({ before, ids }: Asked, update: Extract<Update, { kind: 'delete' }>, err: number): string | null {
  const { path, version } = update;
  if (path === '/') return err === Code.OK ? 'the root cannot be deleted' : null;
  const above = parentPath(path);
  const parent = before.get(above);
  const node = before.get(path);
  switch (err) {
    case Code.OK:
      if (node === null || parent === null) return `${path} did not exist`;
      if (node.childCount > 0) return `${path} had ${node.childCount} children`;
      if (version !== -1 && version !== node.version) return `the version of ${path} was ${node.version}`;
      return whyForbidden(ids, parent.acl, Perm.DELETE, above);
    case Code.NONODE:
      return node === null ? null : `${path} existed`;
    case Code.NOAUTH:
      return whyAllowed(ids, parent, Perm.DELETE, above);
    case Code.BADVERSION:
      return whyRightVersion(path, node, version, node?.version ?? 0);
    case Code.NOTEMPTY:
      return node !== null && node.childCount > 0 ? null : `${path} had no children`;
    default:
      return null;
  }
}

function whyNotChange(
  { before, ids }: Asked,
  update: Extract<Update, { kind: 'setData' | 'setACL' | 'check' }>,
  err: number,
  perm: number,
  versionOf: (node: NodeState) => number,
): string | null {
  const { path, version } = update;
  const node = before.get(path);
  switch (err) {
    case Code.OK:
      if (node === null) return `${path} did not exist`;
      if (version !== -1 && version !== versionOf(node)) return `the version of ${path} was ${versionOf(node)}`;
      return whyForbidden(ids, node.acl, perm, path);
    case Code.NONODE:
      return node === null ? null : `${path} existed`;
    case Code.NOAUTH:
      return whyAllowed(ids, node, perm, path);
    case Code.BADVERSION:
      return whyRightVersion(path, node, version, node === null ? 0 : versionOf(node));
    default:
      return null;
  }
}

const whyForbidden = (ids: Identities, acl: readonly Acl[], perm: number, path: string): string | null =>
  mayDo(ids, acl, perm) === 'no' ? `the ACL of ${path} does not allow it` : null;

function whyAllowed(ids: Identities, node: NodeState | null, perm: number, path: string): string | null {
  if (node === null) return `${path} did not exist`;
  return mayDo(ids, node.acl, perm) === 'yes' ? `the ACL of ${path} allows it` : null;
}

function whyRightVersion(path: string, node: NodeState | null, asked: number, version: number): string | null {
  if (node === null) return `${path} did not exist`;
  return asked === -1 || asked === version ? `its version was the ${asked === -1 ? 'any' : version} asked for` : null;
}

// --- multi -----------------------------------------------------------------------------------------------------------

/** What `auth` stands for is the server's to say, so later operations on the new node may be allowed or not. */
const UNKNOWN_ACL: readonly Acl[] = [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }];

/** The tree with the first operations of a multi carried out on top: as much of it as later operations can notice. */
class Overlay implements TreeView {
  readonly #below: TreeView;
  readonly #changed = new Map<string, NodeState | null>();

  constructor(below: TreeView) {
    this.#below = below;
  }

  get(path: string): NodeState | null {
    const changed = this.#changed.get(path);
    return changed === undefined ? this.#below.get(path) : changed;
  }

  carryOut(update: MultiCall, zxid: number): void {
    switch (update.kind) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL':
        return this.#create(update, zxid);
      case 'delete':
        this.#changeParent(update.path, 0, -1);
        this.#changed.set(update.path, null);
        return;
      case 'setData': {
        const node = this.get(update.path);
        if (node !== null) this.#changed.set(update.path, { ...node, version: versionAfter(node.version) });
        return;
      }
      case 'check':
        return;
      default:
        update satisfies never;
    }
  }

  #create(update: Create, zxid: number): void {
    const path = pathOfCreate(update, this);
    if (path === null) return;
    const ephemeral = update.flags === CreateMode.ephemeral || update.flags === CreateMode.ephemeralSequential;
    this.#changeParent(path, 1, 1);
    this.#changed.set(path, {
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      ctime: 0,
      mtime: 0,
      version: 0,
      creates: 0,
      aversion: 0,
      kind: ephemeral ? 'ephemeral' : 'plain',
      owner: 0n,
      ttlMs: 0,
      data: update.data,
      acl: UNKNOWN_ACL,
      childCount: 0,
    });
  }

  #changeParent(path: string, creates: number, children: number): void {
    const above = parentPath(path);
    const parent = this.get(above);
    if (parent === null) return;
    this.#changed.set(above, {
      ...parent,
      creates: (parent.creates + creates) | 0,
      childCount: parent.childCount + children,
    });
  }
}

/** What a multi that was carried out must have made of its creates, and what its answer must say. */
export function whyIllegalMulti(
  asked: Asked,
  ops: readonly MultiCall[],
  results: readonly CallResult[],
  zxid: number,
): string | null {
  if (results.length !== ops.length) return `it has ${ops.length} operations and ${results.length} results`;
  const failedAt = results.findIndex((result) => result.kind === 'error' && result.err !== Code.OK);
  const overlay = new Overlay(asked.before);
  for (const [index, op] of ops.entries()) {
    const result = results[index]!;
    if (failedAt >= 0 && result.kind !== 'error')
      return `operation ${index + 1} is told as done, but ${failedAt + 1} failed`;
    const err = result.kind === 'error' ? result.err : Code.OK;
    if (index === failedAt && err === Code.RUNTIMEINCONSISTENCY) return 'it does not say which operation failed';
    if (failedAt >= 0 && index > failedAt) {
      if (err !== Code.RUNTIMEINCONSISTENCY) return `operation ${index + 1} behind the failed one is told as ${err}`;
      continue;
    }
    const why = whyIllegal({ before: overlay, ids: asked.ids }, op, err);
    if (why !== null) return `operation ${index + 1} (${op.kind} ${op.path}) is told as ${err}, but ${why}`;
    if (index === failedAt) continue;
    const path = 'flags' in op ? pathOfCreate(op, overlay) : null;
    if (path !== null && 'path' in result && result.path !== path) {
      return `operation ${index + 1} is told to have created ${result.path}; it creates ${path}`;
    }
    overlay.carryOut(op, zxid);
  }
  return null;
}
