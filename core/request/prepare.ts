/**
 * Deciding writes (PrepRequestProcessor.pRequest2Txn).
 *
 * A write is decided once, by one server, from the state that all earlier decisions lead to (`overlay.ts`). What comes out
 * is a transaction that says what will be, not what was asked for: the new version instead of the expected one, the full
 * path instead of a prefix, the expanded ACL instead of `auth`. Applying it needs no decision and gives the same result
 * everywhere. A refusal is a transaction as well (`error`): it takes a zxid, so the answer has a place in the order.
 *
 * Which refusal comes first is part of the protocol: clients can tell. Each function checks in the order of its Java
 * original; `test/unit/request/order-of-checks.test.ts` writes the orders down.
 */

import { formatMembership, reconfigure } from '../config/membership.ts';
import type { PeerConfig } from '../config/types.ts';
import { isMadeBy } from '../session/session-id.ts';
import { markClosing, type SessionTracker, track } from '../session/tracker.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { contentCrc } from '../tree/digest.ts';
import { CONTAINER_OWNER, ownerKind, ttlOwner } from '../tree/owner.ts';
import { CONFIG_PATH, isFixedPath, sequenceSuffix, validatePath } from '../tree/paths.ts';
import { checkQuota, quotaOfStatsPath } from '../tree/quota.ts';
import { type Acl, type PeerId, Perm, type SessionId, type Zxid } from '../types.ts';
import type { ClientRequest, InternalRequest, MultiOp, RequestOf } from '../wire/client-codec.ts';
import { Code, CreateMode, Op } from '../wire/opcodes.ts';
import type { Txn, TxnPart } from '../wire/txn.ts';
import { utf8Encode } from '../wire/utf8.ts';
import { type Asker, expandAcl, mayAccess } from './access.ts';
import type { ReconfigCtx } from './authority.ts';
import {
  aclAt,
  type Change,
  changeOf,
  type Decision,
  dataLengthAt,
  ephemeralsAt,
  goneChange,
  type NodeView,
  nodeAt,
  pendingUnder,
  putChange,
  quotaDataAt,
  quotaDataOf,
  rollBack,
} from './overlay.ts';
import { isDue } from './reaper.ts';

/** What one transaction has asked for so far, of a multi all its parts. */
interface Spent {
  aclSize: number;
  quotaCounts: number;
}

/** Every quota that is set counts its nodes, at every replica and every replay: a multi may ask for so many counts. */
export const QUOTA_COUNTS_MAX = 100;

/** A map of this runtime holds 2^24 entries, and every replica would fail at the same transaction for want of one more. */
export const NODES_MAX = 16_000_000;

/** One write on the bench. Lives within one call. */
export interface Bench {
  readonly config: PeerConfig;
  readonly tree: DataTree;
  readonly sessions: SessionTracker;
  readonly closed: Set<SessionId>;
  readonly decision: Decision;
  readonly session: SessionId;
  /** The server whose client asks. */
  readonly from: PeerId;
  readonly asker: Asker;
  readonly zxid: Zxid;
  readonly wallMs: number;
  readonly monoMs: number;
  readonly reconfig: ReconfigCtx | null;
  readonly spent: Spent;
}

/** A transaction, or the code of the refusal. */
export type Verdict = Txn | number;

export const isRefusal = (verdict: Verdict): verdict is number => typeof verdict === 'number';

type Create = RequestOf<'create' | 'create2' | 'createContainer' | 'createTTL'>;

/** The requests that become transactions. Everything else is a client's read or connection matter and refused here. */
export function decide(bench: Bench, request: ClientRequest | InternalRequest): Verdict {
  switch (request.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return decideCreate(bench, request);
    case 'delete':
      return decideDelete(bench, request);
    case 'setData':
      return decideSetData(bench, request);
    case 'setACL':
      return decideSetAcl(bench, request);
    case 'check':
      return Code.UNIMPLEMENTED;
    case 'multi':
      return decideMulti(bench, request.ops);
    case 'reconfig':
      return decideReconfig(bench, request);
    case 'createSession':
      return decideCreateSession(bench, request.timeOut);
    case 'closeSession':
      return decideCloseSession(bench);
    case 'deleteContainer':
      return decideDeleteContainer(bench, request.path);
    default:
      return Code.UNIMPLEMENTED;
  }
}

// --- sessions --------------------------------------------------------------------------------------------------------

/**
 * May this session write through that server? 0 when it may (SessionTrackerImpl.checkSession,
 * LeaderSessionTracker.checkSession). A local session is unknown here by design; only the server that made it can vouch. One
 * that has gone on elsewhere has been refused before (`isElsewhere` in authority.ts).
 */
function sessionProblem(bench: Bench): number {
  const known = bench.sessions.sessions.get(bench.session);
  if (known === undefined) return mayBeLocal(bench) ? Code.OK : Code.SESSIONEXPIRED;
  if (known.closing) return Code.SESSIONEXPIRED;
  known.owner = bench.from;
  return Code.OK;
}

/** Ephemerals need a session that every server knows (checkGlobalSession). */
function globalSessionProblem(bench: Bench): number {
  return bench.sessions.sessions.has(bench.session) ? sessionProblem(bench) : Code.SESSIONEXPIRED;
}

function mayBeLocal({ config, from, session, closed }: Bench): boolean {
  if (config.membership === null || !config.localSessionsEnabled) return false;
  // A learner that lags behind may still forward what a session asked that is closed by now.
  if (closed.has(session)) return false;
  // Our own port only lets requests through whose local session is alive; one of our making that comes from elsewhere
  // has been abandoned.
  return from === config.myid || !isMadeBy(session, config.myid);
}

function decideCreateSession(bench: Bench, timeoutMs: number): Verdict {
  // Opened behind its own end, it would have nobody to expire it (ZOOKEEPER-3471).
  if (bench.sessions.sessions.get(bench.session)?.closing) return Code.SESSIONEXPIRED;
  track(bench.sessions, bench.monoMs, bench.session, { timeoutMs, owner: bench.from });
  return { kind: 'createSession', timeOut: timeoutMs };
}

/**
 * Takes the session's ephemerals along: those of the tree and those decided but not applied. Nothing can be created for the
 * session after this (ZOOKEEPER-1208). No owner is asked for, since expiry closes sessions too.
 */
function decideCloseSession(bench: Bench): Verdict {
  const { decision, tree, config } = bench;
  const paths = ephemeralsAt(decision.overlay, tree, bench.session);
  for (const path of paths) removeNode(bench, path, nodeAt(decision.overlay, tree, path)!);
  markClosing(bench.sessions, bench.session);
  if (config.localSessionsEnabled) remember(bench.closed, bench.session);
  return { kind: 'closeSession', paths: config.closeSessionTxnEnabled && fitsInFrame(paths, config) ? paths : null };
}

/** Far more than can be closed while a learner lags behind that still counts as following. */
export const CLOSED_MAX = 10_000;

function remember(closed: Set<SessionId>, session: SessionId): void {
  closed.add(session);
  if (closed.size <= CLOSED_MAX) return;
  const [oldest] = closed;
  closed.delete(oldest!);
}

/**
 * A session may own more ephemerals than a frame can name; a transaction too large to be sent or read back would stop
 * every replica (ZOOKEEPER-4306). The form without paths means the same: all the session owns at that point of the history.
 */
function fitsInFrame(paths: readonly string[], config: PeerConfig): boolean {
  let size = 64;
  for (const path of paths) size += 4 + 3 * path.length;
  return size < config.juteMaxBuffer;
}

// --- create ----------------------------------------------------------------------------------------------------------

function decideCreate(bench: Bench, request: Create): Verdict {
  const { decision, tree } = bench;
  const { overlay } = decision;
  const ttl = request.kind === 'createTTL' ? request.ttl : NO_TTL;
  const problem = modeProblem(bench, request.kind, request.flags, ttl);
  if (problem !== Code.OK) return problem;

  const prefix = request.path;
  const slash = prefix.lastIndexOf('/');
  if (slash < 0 || prefix.includes('\0')) return Code.BADARGUMENTS;
  const acl = expandAcl(bench.config, request.acl, bench.asker.ids, bench.spent);
  if (acl === null) return Code.INVALIDACL;
  const parentPath = slash === 0 ? '/' : prefix.slice(0, slash);
  const parent = nodeAt(overlay, tree, parentPath);
  if (parent === undefined) return Code.NONODE;
  if (!mayAccess(bench.config, aclAt(overlay, tree, parentPath), Perm.CREATE, bench.asker)) return Code.NOAUTH;

  const path = isSequential(request.flags) ? prefix + sequenceSuffix(parent.cversion) : prefix;
  if (!validatePath(path)) return Code.BADARGUMENTS;
  if (nodeAt(overlay, tree, path) !== undefined) return Code.NODEEXISTS;
  if (isEphemeral(parent.ephemeralOwner)) return Code.NOCHILDRENFOREPHEMERALS;
  if (tree.nodeCount + overlay.changes.size >= NODES_MAX) return Code.QUOTAEXCEEDED;
  if (quotaOfStatsPath(path) !== null && ++bench.spent.quotaCounts > QUOTA_COUNTS_MAX) return Code.BADARGUMENTS;
  const size = request.data?.length ?? 0;
  if (exceedsQuota(bench, path, { count: 1, bytes: size })) return Code.QUOTAEXCEEDED;

  const parentCVersion = (parent.cversion + 1) | 0;
  const ephemeral = isEphemeralMode(request.flags) && (request.kind === 'create' || request.kind === 'create2');
  putParentOfNew(bench, parentPath, parent, parentCVersion);
  putChange(decision, path, newNode(bench, path, request.data, acl, ownerOf(bench, request, ephemeral)));
  if (ephemeral) decision.createsEphemeral = true;

  const { data } = request;
  if (request.kind === 'createContainer') return { kind: 'createContainer', path, data, acl, parentCVersion };
  if (request.kind === 'createTTL') return { kind: 'createTTL', path, data, acl, parentCVersion, ttl };
  return { kind: 'create', path, data, acl, parentCVersion, ephemeral };
}

const NO_TTL = -1;
const MODE_MAX = CreateMode.persistentSequentialTtl;

const isSequential = (flags: number): boolean =>
  flags === CreateMode.persistentSequential ||
  flags === CreateMode.ephemeralSequential ||
  flags === CreateMode.persistentSequentialTtl;
const isEphemeralMode = (flags: number): boolean =>
  flags === CreateMode.ephemeral || flags === CreateMode.ephemeralSequential;
const isTtlMode = (flags: number): boolean =>
  flags === CreateMode.persistentTtl || flags === CreateMode.persistentSequentialTtl;

/**
 * The mode, the time to live and the session (validateCreateRequest). The kind of node follows from the operation alone;
 * createTTL without a TTL mode would otherwise become a transaction that no replica can apply.
 */
function modeProblem(bench: Bench, kind: Create['kind'], flags: number, ttl: number): number {
  if (flags < 0 || flags > MODE_MAX) return Code.BADARGUMENTS;
  if (isTtlMode(flags) && !bench.config.extendedTypesEnabled) return Code.UNIMPLEMENTED;
  if (isTtlMode(flags) || kind === 'createTTL') {
    if (!isTtlMode(flags) || ttlOwner(ttl) === null) return Code.BADARGUMENTS;
  }
  return isEphemeralMode(flags) ? globalSessionProblem(bench) : sessionProblem(bench);
}

function ownerOf(bench: Bench, request: Create, ephemeral: boolean): bigint {
  if (request.kind === 'createContainer') return CONTAINER_OWNER;
  if (request.kind === 'createTTL') return ttlOwner(request.ttl) ?? 0n;
  return ephemeral ? bench.session : 0n;
}

/** Containers and TTL nodes carry their kind in the owner's place; only a session makes a node ephemeral. */
const isEphemeral = (owner: bigint): boolean => ownerKind(owner, { emulate353Ttl: false }) === 'session';

/** As the tree will do it: the counter only goes forward, so after 2147483647 it stays (DataTree.createNode). */
function putParentOfNew(bench: Bench, path: string, parent: NodeView, cversion: number): void {
  const change = changeOf(bench.decision, path, parent);
  if (cversion > parent.cversion) {
    change.cversion = cversion;
    change.pzxid = bench.zxid;
  }
  change.childCount = parent.childCount + 1;
  putChange(bench.decision, path, change);
}

function newNode(bench: Bench, path: string, data: Uint8Array | null, acl: readonly Acl[], owner: bigint): Change {
  const { zxid, wallMs } = bench;
  return {
    zxid,
    exists: true,
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ctime: wallMs,
    mtime: wallMs,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: owner,
    childCount: 0,
    dataLength: data?.length ?? 0,
    contentCrc: bench.config.digestEnabled ? contentCrc(path, data) : 0,
    acl: copyOf(acl),
    quotaData: quotaDataOf(path, data),
  };
}

/** The transaction goes out and is shared; what stays in the overlay is its own. */
const copyOf = (acl: readonly Acl[]): Acl[] =>
  acl.map(({ perms, id }) => ({ perms, id: { scheme: id.scheme, id: id.id } }));

// --- delete ----------------------------------------------------------------------------------------------------------

function decideDelete(bench: Bench, request: RequestOf<'delete'>): Verdict {
  const { decision, tree } = bench;
  const { overlay } = decision;
  const problem = sessionProblem(bench);
  if (problem !== Code.OK) return problem;
  const { path } = request;
  const parentPath = parentOfDoomed(path);
  if (parentPath === null) return Code.BADARGUMENTS;
  if (nodeAt(overlay, tree, parentPath) === undefined) return Code.NONODE;
  if (!mayAccess(bench.config, aclAt(overlay, tree, parentPath), Perm.DELETE, bench.asker)) return Code.NOAUTH;
  const node = nodeAt(overlay, tree, path);
  if (node === undefined) return Code.NONODE;
  if (request.version !== ANY_VERSION && request.version !== node.version) return Code.BADVERSION;
  if (node.childCount > 0) return Code.NOTEMPTY;
  removeNode(bench, path, node);
  return { kind: 'delete', path };
}

/** The parent of a path that may be deleted at all; the path is not checked further (getParentPathAndValidate). */
function parentOfDoomed(path: string): string | null {
  const slash = path.lastIndexOf('/');
  if (slash < 0 || path.includes('\0') || isFixedPath(path)) return null;
  return slash === 0 ? '/' : path.slice(0, slash);
}

function removeNode(bench: Bench, path: string, node: NodeView): void {
  const { decision, tree, zxid } = bench;
  const slash = path.lastIndexOf('/');
  const parentPath = slash === 0 ? '/' : path.slice(0, slash);
  const parent = nodeAt(decision.overlay, tree, parentPath);
  if (parent !== undefined) {
    const change = changeOf(decision, parentPath, parent);
    change.childCount = parent.childCount - 1;
    change.pzxid = zxid;
    putChange(decision, parentPath, change);
  }
  putChange(decision, path, goneChange(zxid, node));
}

/**
 * Empty containers and outlived TTL nodes, asked for by the leader's own clock (ContainerManager). Nobody else may ask:
 * it needs no permission. The node may have come back to life since; then there is nothing to do.
 */
function decideDeleteContainer(bench: Bench, path: string): Verdict {
  const { decision, tree } = bench;
  if (bench.from !== bench.config.myid) return Code.UNIMPLEMENTED;
  if (parentOfDoomed(path) === null) return Code.BADARGUMENTS;
  const node = nodeAt(decision.overlay, tree, path);
  if (node === undefined) return Code.NONODE;
  if (node.childCount > 0) return Code.NOTEMPTY;
  if (!isDue(node, bench.config, bench.wallMs)) return Code.BADVERSION;
  removeNode(bench, path, node);
  return { kind: 'delete', path };
}

// --- changes of a node -----------------------------------------------------------------------------------------------

const ANY_VERSION = -1;

/** The version after a change, never -1: a client that names it would mean any version (ZOOKEEPER-4743). */
export function nextVersion(version: number): number {
  const next = (version + 1) | 0;
  return next === ANY_VERSION ? 0 : next;
}

function decideSetData(bench: Bench, request: RequestOf<'setData'>): Verdict {
  const { decision, tree } = bench;
  const { overlay } = decision;
  const problem = sessionProblem(bench);
  if (problem !== Code.OK) return problem;
  const { path, data } = request;
  if (!validatePath(path)) return Code.BADARGUMENTS;
  const node = nodeAt(overlay, tree, path);
  if (node === undefined) return Code.NONODE;
  if (!mayAccess(bench.config, aclAt(overlay, tree, path), Perm.WRITE, bench.asker)) return Code.NOAUTH;
  const grown = (data?.length ?? 0) - dataLengthAt(overlay, tree, path);
  if (exceedsQuota(bench, path, { count: 0, bytes: grown })) return Code.QUOTAEXCEEDED;
  if (request.version !== ANY_VERSION && request.version !== node.version) return Code.BADVERSION;
  const version = nextVersion(node.version);
  putData(bench, path, node, data, version);
  return { kind: 'setData', path, data, version };
}

function putData(bench: Bench, path: string, node: NodeView, data: Uint8Array | null, version: number): void {
  const { decision, zxid, wallMs } = bench;
  const change = changeOf(decision, path, node);
  change.version = version;
  change.mzxid = zxid;
  change.mtime = wallMs;
  change.dataLength = data?.length ?? 0;
  change.contentCrc = bench.config.digestEnabled ? contentCrc(path, data) : 0;
  change.quotaData = quotaDataOf(path, data);
  putChange(decision, path, change);
}

function decideSetAcl(bench: Bench, request: RequestOf<'setACL'>): Verdict {
  const { decision, tree } = bench;
  const { overlay } = decision;
  const problem = sessionProblem(bench);
  if (problem !== Code.OK) return problem;
  const { path } = request;
  if (!validatePath(path)) return Code.BADARGUMENTS;
  const acl = expandAcl(bench.config, request.acl, bench.asker.ids, bench.spent);
  if (acl === null) return Code.INVALIDACL;
  const node = nodeAt(overlay, tree, path);
  if (node === undefined) return Code.NONODE;
  if (!mayAccess(bench.config, aclAt(overlay, tree, path), Perm.ADMIN, bench.asker)) return Code.NOAUTH;
  if (request.version !== ANY_VERSION && request.version !== node.aversion) return Code.BADVERSION;
  const version = nextVersion(node.aversion);
  const change = changeOf(decision, path, node);
  change.aversion = version;
  change.acl = copyOf(acl);
  putChange(decision, path, change);
  return { kind: 'setACL', path, acl, version };
}

/** Only inside a multi: alone it would be a read that goes through the log (ZOOKEEPER-2623). */
function decideCheck(bench: Bench, request: RequestOf<'check'>): Verdict {
  const { tree } = bench;
  const { overlay } = bench.decision;
  const problem = sessionProblem(bench);
  if (problem !== Code.OK) return problem;
  const { path } = request;
  if (!validatePath(path)) return Code.BADARGUMENTS;
  const node = nodeAt(overlay, tree, path);
  if (node === undefined) return Code.NONODE;
  if (!mayAccess(bench.config, aclAt(overlay, tree, path), Perm.READ, bench.asker)) return Code.NOAUTH;
  if (request.version !== ANY_VERSION && request.version !== node.version) return Code.BADVERSION;
  return { kind: 'check', path, version: nextVersion(node.version) };
}

function exceedsQuota(bench: Bench, path: string, amount: { count: number; bytes: number }): boolean {
  if (!bench.config.enforceQuota) return false;
  const { tree } = bench;
  const { overlay } = bench.decision;
  const verdict = checkQuota(
    {
      dataOf: (at) => quotaDataAt(overlay, tree, at),
      pendingOf: (quotaPath) => pendingUnder(bench.decision, quotaPath),
    },
    path,
    amount,
  );
  return verdict?.hard ?? false;
}

// --- multi -----------------------------------------------------------------------------------------------------------

/**
 * All operations under one zxid, each on top of the ones before. When one is refused, nothing happens: the changes of the
 * earlier ones are taken back, yet their records stay in the transaction, as upstream logs it.
 */
function decideMulti(bench: Bench, ops: readonly MultiOp[]): Verdict {
  const parts: TxnPart[] = [];
  let refused = false;
  for (const op of ops) {
    if (refused) {
      parts.push({ type: Op.error, txn: { kind: 'error', err: Code.RUNTIMEINCONSISTENCY } });
      continue;
    }
    const verdict = decidePart(bench, op);
    if (isRefusal(verdict)) {
      refused = true;
      rollBack(bench.decision);
      parts.push({ type: Op.error, txn: { kind: 'error', err: verdict } });
    } else {
      parts.push({ type: op.op, txn: verdict });
    }
  }
  return { kind: 'multi', parts };
}

function decidePart(bench: Bench, op: MultiOp): Verdict {
  switch (op.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return decideCreate(bench, op);
    case 'delete':
      return decideDelete(bench, op);
    case 'setData':
      return decideSetData(bench, op);
    case 'check':
      return decideCheck(bench, op);
    default:
      return op satisfies never;
  }
}

// --- reconfig --------------------------------------------------------------------------------------------------------

/**
 * A new membership is a write to /zookeeper/config whose version is its own zxid. Upstream asks for the permission last;
 * here it comes before everything that would tell about the ensemble (ZOOKEEPER-2014, DESIGN section 4).
 */
function decideReconfig(bench: Bench, request: RequestOf<'reconfig'>): Verdict {
  const { decision, tree, config, reconfig } = bench;
  const { overlay } = decision;
  if (!config.reconfigEnabled) return Code.RECONFIGDISABLED;
  const problem = sessionProblem(bench);
  if (problem !== Code.OK) return problem;
  if (reconfig === null) return Code.UNIMPLEMENTED;
  const node = nodeAt(overlay, tree, CONFIG_PATH);
  if (node === undefined) return Code.NONODE;
  if (!mayAccess(config, aclAt(overlay, tree, CONFIG_PATH), Perm.WRITE, bench.asker)) return Code.NOAUTH;
  const { committed, lastSeen } = reconfig;
  if (lastSeen.version !== committed.version) return Code.RECONFIGINPROGRESS;
  if (request.curConfigId !== ANY_VERSION && request.curConfigId !== lastSeen.version) return Code.BADVERSION;
  const next = reconfigure(lastSeen, request, {
    version: bench.zxid,
    standaloneEnabled: config.standaloneEnabled,
    multiAddress: config.multiAddressEnabled,
  });
  if (!next.ok) return next.err;
  if (!reconfig.hasSyncedQuorum(next.membership)) return Code.NEWCONFIGNOQUORUM;
  const data = utf8Encode(formatMembership(next.membership));
  putData(bench, CONFIG_PATH, node, data, CONFIG_NODE_VERSION);
  return { kind: 'setData', path: CONFIG_PATH, data, version: CONFIG_NODE_VERSION };
}

/** The node's version says nothing; the membership's version is in its text. */
const CONFIG_NODE_VERSION = -1;
