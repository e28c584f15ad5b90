/**
 * Client frames: calls to bytes, bytes to results, with the chroot put before paths and taken off again. What a reply
 * will mean to the watch table is planned as the request is made, so that nothing of the request itself has to be kept.
 */

import { asZxid, type SessionId } from '../types.ts';
import {
  type ClientRequest,
  decodeReply,
  decodeReplyHeader,
  decodeConnectResponse as decodeResponse,
  decodeWatchEvent,
  encodeConnectRequest,
  encodeRequestFrame,
  type MultiOp,
  type MultiReadOp,
  type MultiResult,
  type ReplyBody,
} from '../wire/client-codec.ts';
import { AddWatchMode, Code, Op, Xid } from '../wire/opcodes.ts';
import type { ReplyHeader } from '../wire/records.ts';
import type { Call, CallBody, CallResult, MultiCall, MultiReadCall, WatcherId } from './calls.ts';
import {
  type ClientWatches,
  type ClientWatchKind,
  isLastWatcher,
  kindsOfWatcherType,
  type WatchBatch,
  type WatchRemoval,
} from './watches.ts';

const CONFIG_NODE = '/zookeeper/config';
const PASSWD_SIZE = 16;

/** What is kept of a request until its reply. Paths are the server's. */
export interface CallPlan {
  readonly op: number;
  readonly kind: Call['kind'];
  readonly watch: PlannedWatch | null;
  readonly removal: (WatchRemoval & { readonly local: boolean }) | null;
}

interface PlannedWatch {
  readonly kind: ClientWatchKind;
  readonly path: string;
  /** NONODE registers an exist watch. */
  readonly alsoAbsent: boolean;
}

export interface PlanContext {
  readonly xid: number;
  readonly chroot: string;
  readonly watches: ClientWatches;
  readonly watcher: WatcherId | null;
}

/** The plan and the whole frame of a call; null when it cannot be put into the server's terms. */
export function planCall(call: Call, ctx: PlanContext): { readonly plan: CallPlan; readonly bytes: Uint8Array } | null {
  if (!pathsAreAbsolute(call, ctx.chroot)) return null;
  const removal = removalOf(call, ctx);
  if (call.kind === 'removeWatches' && removal === null) return null;
  const request = requestOf(call, ctx, removal);
  return {
    plan: { op: request.op, kind: call.kind, watch: watchOf(call, ctx.chroot), removal },
    bytes: encodeRequestFrame(ctx.xid, request),
  };
}

/**
 * Without a chroot every path is left for the server to judge. With one, a path that does not start with a slash would
 * name a sibling of the chroot (`/app` and `le` make `/apple`), so it goes no further.
 */
function pathsAreAbsolute(call: Call, chroot: string): boolean {
  if (chroot === '') return true;
  if (call.kind === 'multi' || call.kind === 'multiRead') return call.ops.every((op) => op.path.startsWith('/'));
  if (call.kind === 'getEphemerals') return call.prefixPath.startsWith('/');
  return 'path' in call ? call.path.startsWith('/') : true;
}

function requestOf(call: Call, ctx: PlanContext, removal: WatchRemoval | null): ClientRequest {
  const at = (path: string): string => withChroot(path, ctx.chroot);
  switch (call.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
    case 'delete':
    case 'setData':
      return writeOf(call, ctx.chroot);
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      return { op: Op[call.kind], kind: call.kind, path: at(call.path), watch: call.watch } as ClientRequest;
    case 'getConfig':
      return { op: Op.getData, kind: 'getData', path: CONFIG_NODE, watch: call.watch };
    case 'getACL':
    case 'sync':
    case 'getAllChildrenNumber':
      return { op: Op[call.kind], kind: call.kind, path: at(call.path) } as ClientRequest;
    case 'setACL':
      return { op: Op.setACL, kind: 'setACL', path: at(call.path), acl: call.acl, version: call.version };
    case 'multi':
      return { op: Op.multi, kind: 'multi', ops: call.ops.map((op) => writeOf(op, ctx.chroot)) };
    case 'multiRead':
      return { op: Op.multiRead, kind: 'multiRead', ops: call.ops.map((op) => readOf(op, ctx.chroot)) };
    case 'reconfig':
      return { ...call, op: Op.reconfig };
    case 'addWatch':
      return { op: Op.addWatch, kind: 'addWatch', path: at(call.path), mode: call.mode };
    case 'removeWatches':
      // Other watchers of this client still want the events: then the server is only asked whether there was a watch.
      return removal === null || isLastWatcher(ctx.watches, removal)
        ? { op: Op.removeWatches, kind: 'removeWatches', path: at(call.path), type: call.type }
        : { op: Op.checkWatches, kind: 'checkWatches', path: at(call.path), type: call.type };
    case 'getEphemerals':
      return { op: Op.getEphemerals, kind: 'getEphemerals', prefixPath: ctx.chroot + call.prefixPath };
    case 'whoAmI':
      return { op: Op.whoAmI, kind: 'whoAmI' };
    case 'sasl':
      return { op: Op.sasl, kind: 'sasl', token: call.token };
    default:
      return call satisfies never;
  }
}

function writeOf(call: MultiCall, chroot: string): MultiOp {
  const path = withChroot(call.path, chroot);
  switch (call.kind) {
    case 'setData':
      return { op: Op.setData, kind: 'setData', path, data: call.data, version: call.version };
    case 'delete':
    case 'check':
      return { op: Op[call.kind], kind: call.kind, path, version: call.version } as MultiOp;
    case 'create':
    case 'create2':
    case 'createContainer':
      return { op: Op[call.kind], kind: call.kind, path, data: call.data, acl: call.acl, flags: call.flags } as MultiOp;
    case 'createTTL': {
      const { kind, data, acl, flags, ttl } = call;
      return { op: Op.createTTL, kind, path, data, acl, flags, ttl };
    }
    default:
      return call satisfies never;
  }
}

function readOf(call: MultiReadCall, chroot: string): MultiReadOp {
  return { op: Op[call.kind], kind: call.kind, path: withChroot(call.path, chroot), watch: false } as MultiReadOp;
}

function watchOf(call: Call, chroot: string): PlannedWatch | null {
  switch (call.kind) {
    case 'exists':
      return call.watch ? { kind: 'data', path: withChroot(call.path, chroot), alsoAbsent: true } : null;
    case 'getData':
      return call.watch ? { kind: 'data', path: withChroot(call.path, chroot), alsoAbsent: false } : null;
    case 'getConfig':
      return call.watch ? { kind: 'data', path: CONFIG_NODE, alsoAbsent: false } : null;
    case 'getChildren':
    case 'getChildren2':
      return call.watch ? { kind: 'child', path: withChroot(call.path, chroot), alsoAbsent: false } : null;
    case 'addWatch': {
      const kind = call.mode === AddWatchMode.persistentRecursive ? 'persistentRecursive' : 'persistent';
      return { kind, path: withChroot(call.path, chroot), alsoAbsent: false };
    }
    default:
      return null;
  }
}

function removalOf(call: Call, ctx: PlanContext): CallPlan['removal'] {
  if (call.kind !== 'removeWatches') return null;
  const kinds = kindsOfWatcherType(call.type);
  if (kinds === null) return null;
  return { path: withChroot(call.path, ctx.chroot), kinds, watcher: ctx.watcher, local: call.local };
}

// --- Frames the machine sends by itself ------------------------------------------------------------------------------

export function encodeConnect(options: {
  readonly lastZxidSeen: number;
  readonly timeOut: number;
  readonly session: { readonly id: SessionId; readonly passwd: Uint8Array } | null;
  readonly readOnly: boolean;
}): Uint8Array {
  const { lastZxidSeen, timeOut, session } = options;
  const sessionId = session === null ? (0n as SessionId) : session.id;
  const passwd = session === null ? new Uint8Array(PASSWD_SIZE) : session.passwd;
  return encodeConnectRequest({ protocolVersion: 0, lastZxidSeen, timeOut, sessionId, passwd }, options.readOnly);
}

export function encodeAuth(auth: { readonly scheme: string; readonly auth: Uint8Array }): Uint8Array {
  return encodeRequestFrame(Xid.auth, { op: Op.auth, kind: 'auth', type: 0, scheme: auth.scheme, auth: auth.auth });
}

export function encodePing(): Uint8Array {
  return encodeRequestFrame(Xid.ping, { op: Op.ping, kind: 'ping' });
}

export function encodeClose(xid: number): Uint8Array {
  return encodeRequestFrame(xid, { op: Op.closeSession, kind: 'closeSession' });
}

/** The older operation where it suffices, which every server understands. */
export function encodeSetWatches(relativeZxid: number, batch: WatchBatch): Uint8Array {
  const tables = {
    relativeZxid: asZxid(relativeZxid),
    dataWatches: batch.data,
    existWatches: batch.exist,
    childWatches: batch.child,
  };
  if (batch.persistent.length === 0 && batch.persistentRecursive.length === 0) {
    return encodeRequestFrame(Xid.setWatches, { op: Op.setWatches, kind: 'setWatches', ...tables });
  }
  return encodeRequestFrame(Xid.setWatches, {
    op: Op.setWatches2,
    kind: 'setWatches2',
    ...tables,
    persistentWatches: batch.persistent,
    persistentRecursiveWatches: batch.persistentRecursive,
  });
}

// --- Frames of a server; null for bytes that are no such frame -------------------------------------------------------

export interface Accepted {
  readonly timeOut: number;
  readonly sessionId: SessionId;
  readonly passwd: Uint8Array;
  readonly readOnly: boolean;
}

export function decodeConnectResponse(bytes: Uint8Array): Accepted | null {
  const decoded = decodeResponse(bytes);
  if (!decoded.ok) return null;
  const { timeOut, sessionId, passwd, readOnly } = decoded.value;
  return { timeOut, sessionId, passwd: passwd ?? new Uint8Array(0), readOnly: readOnly === true };
}

export function readReplyHeader(bytes: Uint8Array): ReplyHeader | null {
  const decoded = decodeReplyHeader(bytes);
  return decoded.ok ? decoded.value : null;
}

export function decodeEvent(
  bytes: Uint8Array,
): { readonly type: number; readonly path: string; readonly zxid: number } | null {
  const decoded = decodeWatchEvent(bytes);
  if (!decoded.ok) return null;
  const { header, event } = decoded.value;
  return { type: event.type, path: event.path, zxid: header.zxid };
}

export interface CallOutcome {
  readonly err: number;
  readonly body: CallBody | null;
}

export function decodeResult(plan: CallPlan, bytes: Uint8Array, chroot: string): CallOutcome | null {
  const decoded = decodeReply(plan.op, bytes);
  if (!decoded.ok) return null;
  const { header, body } = decoded.value;
  if (header.err !== Code.OK || body === null) return { err: header.err, body: null };
  const result = bodyOf(plan.kind, body, chroot);
  return { err: result?.kind === 'multi' ? firstFailure(result.results) : Code.OK, body: result };
}

/** A failed multi has err 0 in its header; the first code that is not 0 is what the program wants to know. */
function firstFailure(results: readonly CallResult[]): number {
  for (const result of results) if (result.kind === 'error' && result.err !== Code.OK) return result.err;
  return Code.OK;
}

function bodyOf(kind: Call['kind'], body: ReplyBody, chroot: string): CallBody | null {
  switch (body.kind) {
    case 'create':
    case 'sync':
      return { kind: body.kind, path: stripChroot(body.path, chroot) };
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return { kind: body.kind, path: stripChroot(body.path, chroot), stat: body.stat };
    case 'exists':
    case 'setData':
    case 'setACL':
      return { kind: body.kind, stat: body.stat };
    case 'getData':
    case 'reconfig':
      return { kind: kind === 'getConfig' ? 'getConfig' : body.kind, data: body.data, stat: body.stat };
    case 'getACL':
      return { kind: 'getACL', acl: body.acl ?? [], stat: body.stat };
    case 'getChildren':
      return { kind: 'getChildren', children: body.children ?? [] };
    case 'getChildren2':
      return { kind: 'getChildren2', children: body.children ?? [], stat: body.stat };
    case 'multi':
    case 'multiRead':
      return { kind: body.kind, results: body.results.map((result) => resultOf(result, chroot)) };
    case 'getEphemerals':
      return { kind: 'getEphemerals', ephemerals: (body.ephemerals ?? []).map((path) => stripChroot(path, chroot)) };
    case 'getAllChildrenNumber':
      return { kind: 'getAllChildrenNumber', totalNumber: body.totalNumber };
    case 'whoAmI':
      return { kind: 'whoAmI', clientInfo: body.clientInfo ?? [] };
    case 'sasl':
      return { kind: 'sasl', token: body.token };
    case 'addWatch':
      return null;
    default:
      return body satisfies never;
  }
}

function resultOf(result: MultiResult, chroot: string): CallResult {
  switch (result.kind) {
    case 'create':
      return { kind: 'create', path: stripChroot(result.path, chroot) };
    case 'create2':
      return { kind: 'create2', path: stripChroot(result.path, chroot), stat: result.stat };
    case 'getChildren':
      return { kind: 'getChildren', children: result.children ?? [] };
    case 'delete':
    case 'check':
    case 'setData':
    case 'getData':
    case 'error':
      return result;
    default:
      return result satisfies never;
  }
}

// --- Chroot ----------------------------------------------------------------------------------------------------------

export function withChroot(path: string, chroot: string): string {
  if (chroot === '') return path;
  return path === '/' ? chroot : chroot + path;
}

/** A path outside the chroot, such as the configuration's, stays as it is. */
export function stripChroot(path: string, chroot: string): string {
  if (chroot === '') return path;
  if (path === chroot) return '/';
  return path.startsWith(`${chroot}/`) ? path.slice(chroot.length) : path;
}
