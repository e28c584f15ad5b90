/**
 * Requests that this server answers from its own tree (FinalRequestProcessor).
 *
 * Everything that is told about a node passes the node's ACL first. NONODE before NOAUTH: existence is no secret in
 * ZooKeeper. Paths are not validated; what cannot be a path names no node. The empty path is another name of the root.
 */

import { userNameOf } from '../acl/schemes.ts';
import type { PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { DataTree } from '../tree/data-tree.ts';
import type { ReadNode } from '../tree/node.ts';
import { childOf } from '../tree/paths.ts';
import { isWatcherType, type WatchClaims, type WatchKind, type WatchNotice } from '../tree/watches.ts';
import { type ConnId, type Id, Perm, type SessionId } from '../types.ts';
import type { ClientRequest, MultiReadOp, MultiResult, ReplyBody, RequestOf } from '../wire/client-codec.ts';
import { AddWatchMode, Code } from '../wire/opcodes.ts';
import { Stat } from '../wire/records.ts';
import { type Asker, aclAsShown, mayAccess, providersFor } from './access.ts';

/** Who reads. */
export interface Reader {
  readonly conn: ConnId;
  readonly session: SessionId;
  readonly asker: Asker;
}

export interface ReadAnswer {
  readonly err: number;
  readonly body: ReplyBody | null;
  /** Events made up for a client that came back; they leave before the answer. */
  readonly notices: readonly WatchNotice[];
  /** A watch could not be set for want of room: the client must not believe in it. */
  readonly overfull: boolean;
}

const NO_NOTICES: readonly WatchNotice[] = [];

const ok = (body: ReplyBody | null): ReadAnswer => ({ err: Code.OK, body, notices: NO_NOTICES, overfull: false });
const refusal = (err: number): ReadAnswer => ({ err, body: null, notices: NO_NOTICES, overfull: false });
const OVERFULL: ReadAnswer = { err: Code.SYSTEMERROR, body: null, notices: NO_NOTICES, overfull: true };

export type ReadRequest = Exclude<
  ClientRequest,
  RequestOf<
    | 'create'
    | 'create2'
    | 'createContainer'
    | 'createTTL'
    | 'delete'
    | 'setData'
    | 'setACL'
    | 'check'
    | 'multi'
    | 'reconfig'
    | 'sync'
    | 'auth'
    | 'sasl'
    | 'closeSession'
  >
>;

export function executeRead(heap: Heap, config: PeerConfig, reader: Reader, request: ReadRequest): ReadAnswer {
  const { tree } = heap;
  switch (request.kind) {
    case 'ping':
      return ok(null);
    case 'exists':
      return exists(heap, config, reader, request);
    case 'getData': {
      const node = readable(tree, config, reader, request.path, Perm.READ);
      if (typeof node === 'number') return refusal(node);
      if (!watched(heap, reader, request, 'data')) return OVERFULL;
      return ok({ kind: 'getData', data: node.data, stat: node.stat });
    }
    case 'getChildren': {
      const node = readable(tree, config, reader, request.path, Perm.READ);
      if (typeof node === 'number') return refusal(node);
      if (!watched(heap, reader, request, 'child')) return OVERFULL;
      return ok({ kind: 'getChildren', children: tree.children(request.path) });
    }
    case 'getChildren2': {
      const node = readable(tree, config, reader, request.path, Perm.READ);
      if (typeof node === 'number') return refusal(node);
      if (!watched(heap, reader, request, 'child')) return OVERFULL;
      return ok({ kind: 'getChildren2', children: tree.children(request.path), stat: node.stat });
    }
    case 'getACL': {
      const node = readable(tree, config, reader, request.path, Perm.READ | Perm.ADMIN);
      if (typeof node === 'number') return refusal(node);
      return ok({ kind: 'getACL', acl: aclAsShown(config, node.acl, reader.asker), stat: node.stat });
    }
    case 'getAllChildrenNumber': {
      const node = readable(tree, config, reader, request.path, Perm.READ);
      if (typeof node === 'number') return refusal(node);
      return ok({ kind: 'getAllChildrenNumber', totalNumber: visibleBelow(tree, config, reader, request.path) });
    }
    case 'getEphemerals':
      return ok({ kind: 'getEphemerals', ephemerals: ownEphemerals(tree, reader.session, request.prefixPath) });
    case 'multiRead':
      return multiRead(heap, config, reader, request.ops);
    case 'whoAmI':
      return ok({ kind: 'whoAmI', clientInfo: reader.asker.ids.map((id) => infoOf(config, id)) });
    case 'checkWatches':
      if (!isWatcherType(request.type)) return refusal(Code.MARSHALLINGERROR);
      return heap.watches.check(reader.conn, request.path, request.type) ? ok(null) : refusal(Code.NOWATCHER);
    case 'removeWatches':
      if (!isWatcherType(request.type)) return refusal(Code.MARSHALLINGERROR);
      return heap.watches.remove(reader.conn, request.path, request.type) ? ok(null) : refusal(Code.NOWATCHER);
    case 'addWatch':
      return addWatch(heap, reader, request);
    case 'setWatches':
    case 'setWatches2':
      return setWatches(heap, config, reader, request);
    default:
      return request satisfies never;
  }
}

// --- nodes -----------------------------------------------------------------------------------------------------------

/** The node, if it exists and one of the permissions in the mask is held; otherwise the code. */
function readable(tree: DataTree, config: PeerConfig, reader: Reader, path: string, perm: number): ReadNode | number {
  const node = tree.get(path);
  if (node === undefined) return Code.NONODE;
  return mayAccess(config, node.acl, perm, reader.asker) ? node : Code.NOAUTH;
}

/** A watch on what does not exist is what `exists` is for. */
function exists(heap: Heap, config: PeerConfig, reader: Reader, request: RequestOf<'exists'>): ReadAnswer {
  if (request.path.includes('\0')) return refusal(Code.BADARGUMENTS);
  const node = readable(heap.tree, config, reader, request.path, Perm.READ);
  if (node === Code.NOAUTH) return refusal(Code.NOAUTH);
  if (!watched(heap, reader, request, 'exist')) return OVERFULL;
  return typeof node === 'number' ? refusal(node) : ok({ kind: 'exists', stat: node.stat });
}

/** False only when a watch was asked for and could not be set. */
function watched(heap: Heap, reader: Reader, request: { path: string; watch: boolean }, kind: WatchKind): boolean {
  return !request.watch || heap.watches.add(reader.conn, request.path, kind);
}

/**
 * How many nodes below this one the client could find by listing: children of unreadable nodes are not counted, since their
 * number is theirs to tell. Upstream counts them all.
 */
function visibleBelow(tree: DataTree, config: PeerConfig, reader: Reader, path: string): number {
  let count = 0;
  const unlisted = [path === '' ? '/' : path];
  for (let at = unlisted.pop(); at !== undefined; at = unlisted.pop()) {
    const node = tree.get(at);
    if (node === undefined || node.childCount === 0 || !mayAccess(config, node.acl, Perm.READ, reader.asker)) continue;
    count += node.childCount;
    for (const name of tree.children(at)) unlisted.push(childOf(at, name));
  }
  return count;
}

/** A plain prefix of the text, not of the path; nothing, blanks and `/` mean all. */
function ownEphemerals(tree: DataTree, session: SessionId, prefix: string | null): string[] {
  const all = [...tree.ephemeralsOf(session)];
  const trimmed = prefix?.trim() ?? '';
  return prefix === null || trimmed === '' || trimmed === '/' ? all : all.filter((path) => path.startsWith(prefix));
}

/**
 * Bytes of data and names that one answer may gather. Any one node fits, but a request of a megabyte can name a hundred thousand of
 * them, or one a hundred thousand times.
 */
export const MULTI_READ_SIZE_MAX = 0x400_0000;

/** Each operation succeeds or fails alone; all fail when the answer would be too large. */
function multiRead(heap: Heap, config: PeerConfig, reader: Reader, ops: readonly MultiReadOp[]): ReadAnswer {
  const results: MultiResult[] = [];
  let size = 0;
  for (const op of ops) {
    const node = readable(heap.tree, config, reader, op.path, Perm.READ);
    if (typeof node === 'number') {
      results.push({ kind: 'error', err: node });
    } else if (!watched(heap, reader, op, op.kind === 'getData' ? 'data' : 'child')) {
      return OVERFULL;
    } else {
      const result = resultOf(heap.tree, op, node);
      size += sizeOf(result);
      if (size > MULTI_READ_SIZE_MAX) return refusal(Code.BADARGUMENTS);
      results.push(result);
    }
  }
  return ok({ kind: 'multiRead', results });
}

type MultiReadResult = Extract<MultiResult, { kind: 'getData' | 'getChildren' }>;

/** About as many bytes as the result will have. */
function sizeOf(result: MultiReadResult): number {
  if (result.kind === 'getData') return Stat.sizeMin + (result.data?.length ?? 0);
  let size = 0;
  for (const name of result.children ?? []) size += 4 + name.length;
  return size;
}

function resultOf(tree: DataTree, op: MultiReadOp, node: ReadNode): MultiReadResult {
  switch (op.kind) {
    case 'getData':
      return { kind: 'getData', data: node.data, stat: node.stat };
    case 'getChildren':
      return { kind: 'getChildren', children: tree.children(op.path) };
    default:
      return op satisfies never;
  }
}

const infoOf = (config: PeerConfig, id: Id): { authScheme: string; user: string } => ({
  authScheme: id.scheme,
  user: userNameOf(providersFor(config), id),
});

// --- watches ---------------------------------------------------------------------------------------------------------

/** Any path will do, existing or not; what the watch may tell is judged when something happens. */
function addWatch(heap: Heap, reader: Reader, request: RequestOf<'addWatch'>): ReadAnswer {
  const kind = watchKindOf(request.mode);
  if (kind === null) return refusal(Code.MARSHALLINGERROR);
  return heap.watches.add(reader.conn, request.path, kind) ? ok({ kind: 'addWatch', err: Code.OK }) : OVERFULL;
}

function watchKindOf(mode: number): WatchKind | null {
  if (mode === AddWatchMode.persistent) return 'persistent';
  return mode === AddWatchMode.persistentRecursive ? 'persistentRecursive' : null;
}

/** A client that came back says what it was waiting for and hears what it has missed. */
function setWatches(
  heap: Heap,
  config: PeerConfig,
  reader: Reader,
  request: RequestOf<'setWatches' | 'setWatches2'>,
): ReadAnswer {
  const claims = claimsOf(request);
  if (claims === null) return refusal(Code.MARSHALLINGERROR);
  const notices = heap.watches.catchUp(reader.conn, claims, heap.tree, (_, acl) =>
    mayAccess(config, acl, Perm.READ, reader.asker),
  );
  return notices === null ? OVERFULL : { err: Code.OK, body: null, notices, overfull: false };
}

function claimsOf(request: RequestOf<'setWatches' | 'setWatches2'>): WatchClaims | null {
  const { relativeZxid, dataWatches, existWatches, childWatches } = request;
  const persistentWatches = request.kind === 'setWatches2' ? request.persistentWatches : [];
  const persistentRecursiveWatches = request.kind === 'setWatches2' ? request.persistentRecursiveWatches : [];
  if (dataWatches === null || existWatches === null || childWatches === null) return null;
  if (persistentWatches === null || persistentRecursiveWatches === null) return null;
  return { relativeZxid, dataWatches, existWatches, childWatches, persistentWatches, persistentRecursiveWatches };
}
