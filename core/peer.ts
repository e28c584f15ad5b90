/**
 * The one door to a server: `boot`, `step`, `nextDeadline`.
 *
 * A peer is a set of machines around one history: the election (`election/`), leader and learner (`zab/`), the client port
 * and the deciding side of requests (`request/`), and storage. Inside a step they hand each other events; outside they are
 * one machine that turns an `Input` into `Effect`s. `step` is synchronous and total: hostile bytes end in a closed
 * connection and a note, and only a broken invariant throws.
 */

import { isVoter, sameServers } from './config/membership.ts';
import type { BootSecrets, Membership, PeerConfig } from './config/types.ts';
import {
  type CnxEvent,
  cnxBlocked,
  cnxBoot,
  cnxBytes,
  cnxClosed,
  cnxDeadline,
  cnxDrained,
  cnxFailed,
  cnxOpened,
  cnxOwns,
  cnxTick,
} from './election/cnx-manager.ts';
import { type FleEvent, fleBoot, fleDeadline, fleMessage, fleTick } from './election/fle.ts';
import type { Heap } from './heap.ts';
import { type Emit, type Input, type Io, note } from './io.ts';
import {
  authorityBoot,
  authorityDeadline,
  authorityPrepare,
  authorityRevalidate,
  authorityTick,
  authorityTouch,
} from './request/authority.ts';
import {
  type ServerEvent,
  type Submission,
  serverBlocked,
  serverBoot,
  serverBytes,
  serverClosed,
  serverDeadline,
  serverDrained,
  serverOpened,
  serverRevalidated,
  serverSized,
  serverStart,
  serverStop,
  serverSyncDone,
  serverTick,
} from './request/server.ts';
import type { Ensemble, PeerState, Turn } from './state.ts';
import {
  type Recovery,
  type StoreEvent,
  snapshotDue,
  storeBoot,
  storeDeadline,
  storeFlush,
  storeMarkConfig,
  storeSizes,
  storeSnapshot,
  storeStep,
  storeTick,
} from './storage/store.ts';
import { TxnWindow } from './storage/window.ts';
import { DataTree } from './tree/data-tree.ts';
import { WatchTable } from './tree/watches.ts';
import {
  asConn,
  assert,
  asZxid,
  COUNTER_MAX,
  type ConnId,
  counterOf,
  epochOf,
  type Now,
  type PeerId,
  ZXID_ZERO,
  type Zxid,
  zxidOf,
} from './types.ts';
import { digestsComplete, newDigests } from './zab/digests.ts';
import { leaderDurable, leaderSubmit } from './zab/leader/broadcast.ts';
import { leaderEpochsSaved } from './zab/leader/discovery.ts';
import { leaderClosed } from './zab/leader/handlers.ts';
import { leaderRangeRead } from './zab/leader/synchronisation.ts';
import { requestSync } from './zab/leader/syncs.ts';
import {
  becomeLeading,
  leaderBlocked,
  leaderBytes,
  leaderDeadline,
  leaderDrained,
  leaderOpened,
  leaderPin,
  leaderRevalidateOwn,
  leaderTick,
} from './zab/leader.ts';
import {
  becomeLearning,
  forwardRequest,
  forwardRevalidate,
  forwardSync,
  learnerBytes,
  learnerClosed,
  learnerConnectFailed,
  learnerDeadline,
  learnerDurable,
  learnerEpochsSaved,
  learnerInstalled,
  learnerOpened,
  learnerTick,
  learnerTruncated,
} from './zab/learner.ts';
import { activateMembership, appendEntry, commitThrough, deriveMembership, electionCtx, halt } from './zab/replica.ts';
import { beginLooking, drained } from './zab/roles.ts';

export interface Peer {
  readonly config: PeerConfig;
  readonly secrets: BootSecrets;
  state: PeerState;
  readonly heap: Heap;
}

/** Starts a server: asks for the files it recovers from and for its listeners. It votes and serves when they are read. */
export function boot(config: PeerConfig, secrets: BootSecrets, now: Now, emit: Emit): Peer {
  assert(config.membership === null || config.myid !== 0, 'a member of an ensemble has an id');
  const heap: Heap = {
    tree: DataTree.fresh(),
    log: new TxnWindow(ZXID_ZERO),
    watches: new WatchTable(),
    outgoing: new Map(),
    incoming: null,
    saving: null,
    loading: null,
  };
  let nextConn = -1;
  const io: Io = { now, emit, newConn: () => asConn(nextConn--) };
  const server = serverBoot(config, secrets, io);
  const ensemble = bootEnsemble(config, io);
  const store = storeBoot(config, secrets, io);
  const state: PeerState = {
    nextConn,
    epochs: { accepted: 0, current: 0 },
    saving: null,
    durable: ZXID_ZERO,
    committed: ZXID_ZERO,
    resync: false,
    digests: newDigests(),
    received: false,
    role: { kind: 'recovering' },
    store,
    server,
    ensemble,
  };
  if (ensemble !== null && !config.sslQuorum) note(io, 'quorum.insecure');
  return { config, secrets, state, heap };
}

function bootEnsemble(config: PeerConfig, io: Io): Ensemble | null {
  if (config.membership === null) return null;
  const membership = config.membership;
  const ensemble: Ensemble = {
    committed: membership,
    lastSeen: membership,
    savedTo: ZXID_ZERO,
    cnx: cnxBoot(config, io),
    fle: fleBoot(config),
  };
  return ensemble;
}

/** One input, to the end. Effects leave through `emit` in the order in which they are to be executed. */
export function step(peer: Peer, now: Now, input: Input, emit: Emit): void {
  const { state } = peer;
  if (state.role.kind === 'halted') return;
  const t: Turn = {
    config: peer.config,
    secrets: peer.secrets,
    state,
    heap: peer.heap,
    io: { now, emit, newConn: () => asConn(state.nextConn--) },
    work: [],
  };
  dispatch(t, input);
  // What the client port asked for may make it ask for more, as a released read behind a finished write does.
  for (let i = 0; i < t.work.length && isRunning(t); i++) route(t, t.work[i]!);
  if (!isRunning(t)) return;
  rememberConfig(t);
  maintain(t);
  storeFlush(state.store, t.heap, t.config, t.io);
}

const isRunning = (t: Turn): boolean => t.state.role.kind !== 'halted';

function dispatch(t: Turn, input: Input): void {
  switch (input.type) {
    case 'tick':
      return onTick(t);
    case 'connOpened':
      return onOpened(t, input);
    case 'connFailed':
      return onFailed(t, input);
    case 'connBytes':
      return onBytes(t, input);
    case 'connBlocked':
      return onBlocked(t, input);
    case 'connDrained':
      return onDrained(t, input);
    case 'connClosed':
      return onClosed(t, input);
    case 'fileDone':
      for (const event of storeStep(t.state.store, t.heap, t.config, t.io, input)) {
        onStoreEvent(t, event);
        if (!isRunning(t)) return;
      }
      return;
    default:
      input satisfies never;
  }
}

// --- connections -----------------------------------------------------------------------------------------------------

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

/** Whose connection it is. Ids are never reused, so at most one machine knows it. */
function ownerOf(t: Turn, conn: ConnId): 'learner' | 'leader' | 'election' | 'client' | null {
  const { role, ensemble, server } = t.state;
  if (role.kind === 'learning' && role.conn === conn) return 'learner';
  if (role.kind === 'leading' && role.handlers.has(conn)) return 'leader';
  if (ensemble !== null && cnxOwns(ensemble.cnx, conn)) return 'election';
  return server.conns.has(conn) ? 'client' : null;
}

function onOpened(t: Turn, input: InputOf<'connOpened'>): void {
  const { role } = t.state;
  switch (input.channel) {
    case 'election':
      return cnxOpened(ensembleOf(t).cnx, electionCtx(t), t.io, input);
    case 'client':
      return addWork(t, serverOpened(t.state.server, t.heap, t.config, t.io, input));
    case 'quorum':
      if (t.config.sslQuorum && (!input.remote.tls || input.remote.certificate === null)) {
        note(t.io, 'quorum.conn.untrusted', { conn: input.conn, ip: input.remote.ip });
        t.io.emit({ type: 'close', conn: input.conn });
        if (role.kind === 'learning' && role.conn === input.conn) learnerConnectFailed(t, role, 'no certificate');
      } else if (role.kind === 'learning' && role.conn === input.conn) learnerOpened(t, role);
      else if (role.kind === 'leading' && input.conn > 0) leaderOpened(t, role, input.conn);
      else t.io.emit({ type: 'close', conn: input.conn });
      return;
    default:
      input.channel satisfies never;
  }
}

function onFailed(t: Turn, input: InputOf<'connFailed'>): void {
  const { role, ensemble } = t.state;
  if (role.kind === 'learning' && role.conn === input.conn) learnerConnectFailed(t, role, input.reason);
  else if (ensemble !== null) cnxFailed(ensemble.cnx, electionCtx(t), t.io, input);
}

function onBytes(t: Turn, input: InputOf<'connBytes'>): void {
  const { role } = t.state;
  switch (ownerOf(t, input.conn)) {
    case 'learner':
      if (role.kind === 'learning') learnerBytes(t, role, input.bytes);
      return;
    case 'leader': {
      const handler = role.kind === 'leading' ? role.handlers.get(input.conn) : undefined;
      if (role.kind === 'leading' && handler !== undefined) leaderBytes(t, role, handler, input.bytes);
      return;
    }
    case 'election':
      return onCnxEvents(t, cnxBytes(ensembleOf(t).cnx, electionCtx(t), t.io, input));
    case 'client':
      return addWork(t, serverBytes(t.state.server, t.heap, t.config, t.io, input));
    case null:
      return;
  }
}

function onBlocked(t: Turn, input: InputOf<'connBlocked'>): void {
  const { role } = t.state;
  const owner = ownerOf(t, input.conn);
  if (owner === 'client') addWork(t, serverBlocked(t.state.server, t.heap, t.config, t.io, input));
  else if (owner === 'election') cnxBlocked(ensembleOf(t).cnx, t.io, input.conn);
  else if (role.kind === 'leading') {
    const handler = role.handlers.get(input.conn);
    if (handler !== undefined) leaderBlocked(t, handler);
  }
}

function onDrained(t: Turn, input: InputOf<'connDrained'>): void {
  const { role } = t.state;
  const owner = ownerOf(t, input.conn);
  if (owner === 'client') addWork(t, serverDrained(t.state.server, t.heap, t.config, t.io, input));
  else if (owner === 'election') cnxDrained(ensembleOf(t).cnx, t.io, input.conn);
  else if (role.kind === 'leading') {
    const handler = role.handlers.get(input.conn);
    if (handler !== undefined) leaderDrained(t, role, handler);
  }
}

function onClosed(t: Turn, input: InputOf<'connClosed'>): void {
  const { role } = t.state;
  switch (ownerOf(t, input.conn)) {
    case 'learner':
      if (role.kind === 'learning') learnerClosed(t, role, input.reason);
      return;
    case 'leader': {
      const handler = role.kind === 'leading' ? role.handlers.get(input.conn) : undefined;
      if (role.kind === 'leading' && handler !== undefined) leaderClosed(t, role, handler, input.reason);
      return;
    }
    case 'election':
      return cnxClosed(ensembleOf(t).cnx, electionCtx(t), t.io, input);
    case 'client':
      return addWork(t, serverClosed(t.state.server, t.heap, t.config, t.io, input));
    case null:
      return;
  }
}

function ensembleOf(t: Turn): Ensemble {
  assert(t.state.ensemble !== null, 'a standalone server has no election port');
  return t.state.ensemble;
}

function addWork(t: Turn, events: readonly ServerEvent[]): void {
  for (const event of events) t.work.push(event);
}

// --- election --------------------------------------------------------------------------------------------------------

function onCnxEvents(t: Turn, events: readonly CnxEvent[]): void {
  for (const { from, bytes } of events) {
    onFleEvents(t, fleMessage(ensembleOf(t).fle, electionCtx(t), t.io, from, bytes));
  }
}

function onFleEvents(t: Turn, events: readonly FleEvent[]): void {
  for (const event of events) {
    switch (event.type) {
      case 'configSeen':
        onConfigSeen(t, event.membership);
        break;
      case 'elected':
        onElected(t, event.vote.leader);
        break;
      default:
        event satisfies never;
    }
  }
}

/** A voter of a newer committed configuration told us of it: the election goes on among its servers. */
function onConfigSeen(t: Turn, membership: Membership): void {
  const before = ensembleOf(t).committed;
  activateMembership(t, membership);
  const { role } = t.state;
  if (role.kind !== 'looking' || sameServers(before, membership)) return;
  if (role.readOnly) stopReadOnly(t);
  onFleEvents(t, beginLooking(t));
}

function onElected(t: Turn, leader: PeerId): void {
  const { role, server } = t.state;
  assert(role.kind === 'looking', 'elected without looking');
  if (role.readOnly) stopReadOnly(t);
  if (leader === t.config.myid) {
    const { committed, lastSeen } = ensembleOf(t);
    assert(isVoter(committed, leader) || isVoter(lastSeen, leader), 'only a voter leads');
    assert(!t.state.resync, 'a server without a provable history never leads');
    becomeLeading(t);
  } else {
    becomeLearning(t, leader);
  }
  assert(server.mode === 'stopped' || t.state.role.kind !== 'looking', 'no client is served while looking');
}

// --- storage ---------------------------------------------------------------------------------------------------------

function onStoreEvent(t: Turn, event: StoreEvent): void {
  const { state } = t;
  const { role } = state;
  switch (event.type) {
    case 'recovered':
      return onRecovered(t, event.recovery);
    case 'durable':
      return onDurable(t, event.zxid);
    case 'epochsSaved':
      return onEpochsSaved(t, event.token);
    case 'truncated':
      state.durable = event.zxid;
      if (role.kind === 'learning') learnerTruncated(t, role);
      return;
    case 'installed':
      // Whatever became of the role that asked: this is what the disk holds now, and it is provable.
      state.durable = event.zxid;
      state.resync = false;
      if (state.ensemble !== null) state.ensemble.savedTo = event.zxid;
      if (role.kind === 'learning') learnerInstalled(t, role, event.zxid);
      return;
    case 'snapshotDone':
      if (state.ensemble !== null) state.ensemble.savedTo = event.zxid;
      return note(t.io, 'store.snapshot.done', { zxid: event.zxid });
    case 'rangeRead':
      if (role.kind === 'leading') leaderRangeRead(t, role, event.token, event.entries);
      return;
    case 'sized':
      return addWork(t, serverSized(state.server, t.heap, t.config, t.io, event.sizes));
    case 'drained':
      return onFleEvents(t, drained(t));
    case 'failed':
      // A failed write may have lost what was acknowledged before it; only a fresh recovery can tell (fsyncgate).
      return halt(t, `disk failed: ${event.error} on ${event.path}`);
    default:
      event satisfies never;
  }
}

function onRecovered(t: Turn, recovery: Recovery): void {
  const { state, heap } = t;
  assert(state.role.kind === 'recovering', 'recovered twice');
  state.epochs = { accepted: recovery.acceptedEpoch, current: recovery.currentEpoch };
  state.durable = heap.log.last;
  state.digests = newDigests();
  state.received = false;
  const mayBeEmpty = t.config.dbAutocreate || recovery.initializeFile;
  state.resync = recovery.mustResync || (recovery.empty && !mayBeEmpty && state.ensemble !== null);
  note(t.io, 'store.recovered', {
    snapshot: recovery.snapshotZxid,
    last: recovery.lastZxid,
    accepted: recovery.acceptedEpoch,
    current: recovery.currentEpoch,
    resync: state.resync,
  });
  for (const text of recovery.notes) note(t.io, 'store.recovery.note', { text });
  if (state.ensemble === null) return beginStandalone(t, recovery);
  state.ensemble.savedTo = recovery.snapshotZxid;
  deriveMembership(t);
  onFleEvents(t, beginLooking(t));
}

/** Alone, everything in the log is committed. */
function beginStandalone(t: Turn, recovery: Recovery): void {
  const { state, heap, io } = t;
  if (recovery.mustResync) return halt(t, `the data directory is damaged: ${recovery.notes.join('; ')}`);
  commitThrough(t, heap.log.last);
  digestsComplete(t);
  if (!isRunning(t)) return;
  const authority = authorityBoot(heap, t.config, io);
  state.role = { kind: 'standalone', authority, lastProposed: heap.log.last };
  serverStart(state.server, heap, t.config, io, 'standalone');
}

function onDurable(t: Turn, zxid: Zxid): void {
  const { state } = t;
  const { role } = state;
  if (zxid > state.durable) state.durable = zxid;
  if (role.kind === 'leading') leaderDurable(t, role, state.durable);
  else if (role.kind === 'learning') learnerDurable(t, role);
  else if (role.kind === 'standalone') commitThrough(t, state.durable);
}

function onEpochsSaved(t: Turn, token: number): void {
  const { state } = t;
  const { saving, role } = state;
  if (saving === null || saving.token !== token) return;
  state.epochs = { accepted: saving.accepted, current: saving.current };
  state.saving = null;
  if (role.kind === 'leading') leaderEpochsSaved(t, role, token);
  else if (role.kind === 'learning') learnerEpochsSaved(t, role, token);
}

// --- what the client port wants ------------------------------------------------------------------------------------------

function route(t: Turn, event: ServerEvent): void {
  const { role, server } = t.state;
  switch (event.type) {
    case 'submit':
      return submit(t, event.request);
    case 'sync':
      if (role.kind === 'leading') requestSync(t, role, null, event.session, event.cxid);
      else if (role.kind === 'learning' && role.phase.kind === 'serving') forwardSync(t, role, event);
      else if (role.kind === 'standalone') addWork(t, serverSyncDone(server, t.heap, t.config, t.io, event));
      return;
    case 'sizes':
      return storeSizes(t.state.store, t.io);
    case 'revalidate':
      return revalidate(t, event);
    case 'touch':
      if (role.kind === 'leading' && role.authority !== null) {
        authorityTouch(role.authority, t.io, event.session, event.timeoutMs);
      } else if (role.kind === 'standalone') {
        authorityTouch(role.authority, t.io, event.session, event.timeoutMs);
      }
      return;
    default:
      event satisfies never;
  }
}

/** A submission after the role has ended needs no answer: the client's connection is closed already. */
function submit(t: Turn, request: Submission): void {
  const { role } = t.state;
  if (role.kind === 'leading' && role.authority !== null) leaderSubmit(t, role, request, t.config.myid);
  else if (role.kind === 'learning' && role.phase.kind === 'serving') forwardRequest(t, role, request);
  else if (role.kind === 'standalone') submitAlone(t, request);
}

function submitAlone(t: Turn, request: Submission): void {
  const { role } = t.state;
  assert(role.kind === 'standalone', 'alone');
  const zxid = nextAlone(role.lastProposed);
  const prepared = authorityPrepare(role.authority, t.heap, t.config, t.io, request, {
    zxid,
    from: t.config.myid,
    reconfig: null,
  });
  if (prepared.type !== 'txn') return;
  appendEntry(t, prepared.entry);
  role.lastProposed = zxid;
}

/** Alone there is nobody to elect: an exhausted counter begins the next epoch by itself. */
const nextAlone = (last: Zxid): Zxid =>
  counterOf(last) >= COUNTER_MAX ? zxidOf(epochOf(last) + 1, 1) : asZxid(last + 1);

function revalidate(t: Turn, event: Extract<ServerEvent, { type: 'revalidate' }>): void {
  const { role, server } = t.state;
  const { session, timeoutMs } = event;
  if (role.kind === 'leading' && role.authority !== null) {
    leaderRevalidateOwn(t, role, session, timeoutMs);
  } else if (role.kind === 'learning' && role.phase.kind === 'serving') {
    forwardRevalidate(t, role, { session, timeoutMs });
  } else if (role.kind === 'standalone') {
    const valid = authorityRevalidate(role.authority, t.io, { session, timeoutMs, owner: t.config.myid });
    addWork(t, serverRevalidated(server, t.heap, t.config, t.io, { session, valid, proposed: t.heap.log.last }));
  }
}

// --- time ------------------------------------------------------------------------------------------------------------

const due = (deadline: number | null, now: Now): boolean => deadline !== null && deadline <= now.monoMs;

function onTick(t: Turn): void {
  const { state, io } = t;
  const { ensemble, role } = state;
  if (due(storeDeadline(state.store), io.now)) storeTick(state.store, t.heap, t.config, io);
  if (due(serverDeadline(state.server), io.now)) addWork(t, serverTick(state.server, t.heap, t.config, io));
  if (ensemble !== null) {
    if (due(cnxDeadline(ensemble.cnx, t.config), io.now)) cnxTick(ensemble.cnx, electionCtx(t), io);
    if (due(fleDeadline(ensemble.fle), io.now)) onFleEvents(t, fleTick(ensemble.fle, electionCtx(t), io));
  }
  if (state.role.kind !== role.kind) return;
  if (role.kind === 'leading') leaderTick(t, role);
  else if (role.kind === 'learning') learnerTick(t, role);
  else if (role.kind === 'standalone') tickAlone(t);
  else if (role.kind === 'looking' && due(role.readOnlyAtMs, io.now)) startReadOnly(t);
}

function tickAlone(t: Turn): void {
  const { role } = t.state;
  assert(role.kind === 'standalone', 'alone');
  if (!due(authorityDeadline(role.authority), t.io.now)) return;
  for (const request of authorityTick(role.authority, t.heap, t.config, t.io)) submitAlone(t, request);
}

/** A minority that has looked for long enough lets clients that ask for it read what it has (ReadOnlyZooKeeperServer). */
function startReadOnly(t: Turn): void {
  const { role } = t.state;
  assert(role.kind === 'looking', 'read-only service is for the leaderless');
  role.readOnlyAtMs = null;
  // What cannot be proved, or was only promised by a leader without a quorum, is shown to nobody.
  if (t.state.resync || t.state.received) return note(t.io, 'peer.readonly.refused');
  role.readOnly = true;
  note(t.io, 'peer.readonly.started');
  serverStart(t.state.server, t.heap, t.config, t.io, 'readonly');
}

function stopReadOnly(t: Turn): void {
  const { role } = t.state;
  assert(role.kind === 'looking', 'read-only service is for the leaderless');
  role.readOnly = false;
  serverStop(t.state.server, t.heap, t.io);
}

/** Snapshots and the window's length. A snapshot holds committed state only; an unestablished role takes none. */
function maintain(t: Turn): void {
  const { state, heap } = t;
  const { role } = state;
  const serving =
    role.kind === 'standalone' ||
    (role.kind === 'leading' && role.phase.kind === 'broadcast') ||
    (role.kind === 'learning' && role.phase.kind === 'serving');
  if (!serving) return;
  if (isConfigUnsaved(t) || snapshotDue(state.store, t.config)) storeSnapshot(state.store, heap, t.config, t.io);
  if (heap.log.length > 2 * t.config.commitLogCount + WINDOW_SLACK) {
    const pin = role.kind === 'leading' ? leaderPin(role) : null;
    const upTo = asZxid(Math.min(pin ?? heap.tree.lastZxid, heap.tree.lastZxid, state.durable));
    heap.log.trimBefore(upTo, t.config.commitLogCount);
  }
}

/**
 * A restart knows what is committed from the newest snapshot alone, save this: which reconfiguration in the log is in force.
 * Otherwise the server would go by the configuration before it, whose servers may be gone for good. What activates it, and
 * when, does not matter: as soon as it is both active here and durable in this log, its number is on its way to the disk,
 * and a change of role waits for it.
 */
function rememberConfig({ state, heap, io }: Turn): void {
  const { ensemble } = state;
  if (ensemble === null) return;
  const { version } = ensemble.committed;
  if (version > ensemble.savedTo) storeMarkConfig(state.store, heap, io, version);
}

/** The record of it is one sector that may rot; a snapshot soon after says the same. */
function isConfigUnsaved({ state, heap }: Turn): boolean {
  const { ensemble } = state;
  if (ensemble === null || ensemble.committed.version > heap.tree.lastZxid) return false;
  return ensemble.committed.version > ensemble.savedTo;
}

/** Trimming moves memory, so it is done for many entries at once. */
const WINDOW_SLACK = 64;

/** Monotonic time in ms at which the peer wants a tick, or null. */
export function nextDeadline(peer: Peer): number | null {
  const { state, config } = peer;
  const { role, ensemble } = state;
  if (role.kind === 'halted') return null;
  let at = earlier(storeDeadline(state.store), serverDeadline(state.server));
  if (ensemble !== null) at = earlier(at, earlier(cnxDeadline(ensemble.cnx, config), fleDeadline(ensemble.fle)));
  if (role.kind === 'leading') {
    at = earlier(at, leaderDeadline(role));
    if (role.authority !== null) at = earlier(at, authorityDeadline(role.authority));
  } else if (role.kind === 'learning') {
    at = earlier(at, learnerDeadline(peer, role));
  } else if (role.kind === 'standalone') {
    at = earlier(at, authorityDeadline(role.authority));
  } else if (role.kind === 'looking') {
    at = earlier(at, role.readOnlyAtMs);
  }
  return at;
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null || a < b ? a : b;
}

export { type PeerView, view } from './view.ts';
