/**
 * All step checks, fed from the world's hooks.
 *
 * After each step of a server only that server is looked at: a view of its state is compared with the one before, and
 * each difference goes to the checker it concerns. What a server puts on the quorum port is read from the bytes, what it
 * has on disk from the platter. Sweeps over the whole ensemble happen at role changes.
 */

import { hasQuorum, votersOf } from '../../core/config/membership.ts';
import type { Membership } from '../../core/config/types.ts';
import type { FileAction, FileError, Input, NoteFields } from '../../core/io.ts';
import type { Peer } from '../../core/peer.ts';
import {
  asConn,
  asPeer,
  asSession,
  assert,
  epochOf,
  type PeerId,
  type SessionId,
  showSession,
  showZxid,
  ZXID_ZERO,
  type Zxid,
} from '../../core/types.ts';
import { type PeerView, view } from '../../core/view.ts';
import { bytesEqual } from '../../core/wire/bytes.ts';
import { Op } from '../../core/wire/opcodes.ts';
import { decodePingTouches } from '../../core/wire/quorum-codec.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { LogEntry, Txn } from '../../core/wire/txn.ts';
import { decodeTxn, readHeader } from '../../core/wire/txn-codec.ts';
import { reconfigOf } from '../../core/zab/replica.ts';
import type { PeerHost } from '../server.ts';
import type { ConnectionEvent, CrashKind, HostId, StepRecord, World } from '../world/types.ts';
import { CLIENT_BASE } from '../world/types.ts';
import { checkBounds } from './bounds.ts';
import { CommittedHistory } from './committed.ts';
import { DiskOracle } from './disk.ts';
import { Elections } from './elections.ts';
import { type LeaderHistory, Leadership } from './leadership.ts';
import { Links } from './links.ts';
import type { Report } from './properties.ts';
import { Replicas } from './replicas.ts';
import { isExpiry, Sessions } from './sessions.ts';
import { checkSpec, type SpecServer, type SpecTxn } from './spec.ts';
import type { Covered } from './wire.ts';

export interface HubOptions {
  readonly world: World;
  /** The configuration at the start. */
  readonly membership: Membership;
  /** Streams may be reordered: detected nonsense is no violation, belief in it is. */
  readonly unordered: boolean;
  /** Of more servers than the ensemble survives, data may be gone: losing it is no violation, disagreeing is. */
  readonly unrestricted: boolean;
  /** The servers' own configuration files differ, and so do their configuration nodes: only the other nodes are compared. */
  readonly isUneven?: boolean;
  sessionOf(client: HostId): SessionId | null;
  report: Report;
  /** The committed history has grown. */
  onCommitted(header: TxnHeader, txn: Txn): void;
}

/** What is remembered of a server between its steps. */
interface Watched {
  readonly id: PeerId;
  view: PeerView | null;
  peer: Peer | null;
  readonly disk: DiskOracle;
  /** Last transaction whose commit was checked since it began to serve; null while it does not. */
  committedTo: Zxid | null;
  /** Everything it committed, for the sweeps. */
  committed: SpecTxn[];
  /** Last history entry of this incarnation that was seen on its platter. */
  verifiedTo: Zxid;
  closingIndex: number;
  steps: number;
  /** What in its present life, or in the one before, the world gave it for a reason to give up: an operation on its disk failed. */
  excuse: string | null;
  excuseBefore: string | null;
  /** It is no member of the ensemble any more. */
  hasLeft: boolean;
  /** Where its history ended when a file of it was spoilt last. */
  spoiltAt: Zxid | null;
  /** currentEpoch as its platter was last seen to say it. */
  epochOnDisk: number;
  /** Sessions of its clients, heard since it last told its leader, and over which connection. */
  readonly heard: Map<SessionId, number>;
}

/** Reasons to give up that only a wrong history or a wrong state has. */
const CONTRADICTIONS = ['digest differs', 'cannot be decoded', 'cut committed history'] as const;
const BOUNDS_EVERY_STEPS = 4096;
/** Sweeps at role changes look at this many of the newest transactions; the one at the end looks at all. */
const SWEEP_COUNT = 64;
/** Servers further behind than this are left out of such a sweep. */
const SWEEP_LAG_MAX = 400;

export class Hub {
  readonly history: CommittedHistory;
  readonly leadership: Leadership;
  readonly replicas: Replicas;
  readonly sessions: Sessions;
  readonly #links: Links;
  readonly #elections: Elections;
  readonly #options: HubOptions;
  readonly #world: World;
  readonly #report: Report;
  readonly #servers = new Map<HostId, Watched>();
  readonly #proposals = new Map<Zxid, Uint8Array>();
  readonly #revalidatedFrom = new Map<SessionId, HostId>();
  #membership: Membership;
  /** Monotonic clock of the server whose step is looked at. */
  #nowMonoMs = 0;
  /** The host whose step is being carried out. */
  #stepping: HostId = 0;
  /** Connections that ended in its course. */
  readonly #closed: ConnectionEvent[] = [];

  constructor(options: HubOptions) {
    this.#options = options;
    this.#world = options.world;
    this.#report = options.report;
    this.#membership = options.membership;
    const { report } = options;
    const hub = this;
    this.history = new CommittedHistory(
      {
        get event() {
          return hub.#world.event.id;
        },
        heldByQuorum: (zxid, bytes) => this.#isHeldByQuorum(zxid, bytes),
        appended: (_index, _zxid, bytes) => this.#onAppended(bytes),
      },
      report,
    );
    this.leadership = new Leadership(report);
    this.#elections = new Elections(report);
    this.replicas = new Replicas(report);
    this.sessions = new Sessions(report);
    this.#links = new Links(
      {
        acknowledged: (connection, zxid, covered) => this.#onAcknowledged(connection, zxid, covered),
        packet: () => {},
        pinged: (learner, data) => this.#onPinged(learner, data),
        clientFrame: (server, client, conn) => this.#onClientFrame(server, client, conn),
        touched: (leader, session, timeoutMs) => this.#onTouched(leader, session, timeoutMs),
        revalidated: (learner, session) => this.#revalidatedFrom.set(session, learner),
      },
      this.#unlessUnordered(report),
    );
  }

  /** The ensemble has a past: every disk begins with these entries. */
  begin(entries: readonly LogEntry[]): void {
    let parent = ZXID_ZERO;
    for (const { zxid, bytes } of entries) {
      this.#proposals.set(zxid, bytes);
      this.history.onPropose(0, zxid, bytes, parent);
      parent = zxid;
    }
  }

  get membership(): Membership {
    return this.#membership;
  }

  views(): PeerView[] {
    return [...this.#servers.values()].map((server) => server.view).filter((seen) => seen !== null);
  }

  viewOf(host: HostId): PeerView | null {
    return this.#servers.get(host)?.view ?? null;
  }

  peerOf(host: HostId): Peer | null {
    return this.#servers.get(host)?.peer ?? null;
  }

  /** The learner that last asked a leader about the session, or null. It may ask late, when the client is elsewhere again. */
  revalidatedFrom(session: SessionId): HostId | null {
    return this.#revalidatedFrom.get(session) ?? null;
  }

  /** The platter of the server has this transaction. */
  isDurableOn(host: HostId, zxid: Zxid): boolean {
    const server = this.#watchedOf(host);
    server.disk.refresh();
    return server.disk.holds(zxid);
  }

  /** The world took away or replaced the server's disk (`lost`), or spoilt a file of it. */
  onDamage(host: HostId, lost: boolean): void {
    if (lost) this.leadership.onDamage(host);
    const server = this.#watchedOf(host);
    server.excuse = 'damage';
    server.spoiltAt = lost ? null : (server.view?.loggedZxid ?? this.history.last);
  }

  // --- hooks of the world ---

  beforeStep(step: StepRecord): void {
    this.#stepping = step.host;
  }

  afterStep(step: StepRecord): void {
    this.#stepping = 0;
    if (step.host < CLIENT_BASE) this.#observe(step);
    if (this.#closed.length > 0) this.#connectionsClosed();
    if (step.host >= CLIENT_BASE) return;
    // It died of an effect of this very step, whose earlier effects are out in the world.
    if (this.#world.machine(step.host) !== step.machine) this.#forget(step.host);
  }

  #connectionsClosed(): void {
    for (const event of this.#closed) this.#links.onConnection(event);
    this.#closed.length = 0;
  }

  #observe(step: StepRecord): void {
    const server = this.#watchedOf(step.host);
    const { peer } = step.machine as PeerHost;
    const before = server.view;
    const after = view(peer);
    server.peer = peer;
    server.view = after;
    this.#nowMonoMs = step.now.monoMs;
    if (step.input?.type === 'connBytes') this.#links.onBytes(step.host, step.input.conn, step.input.bytes);
    if (step.input?.type === 'connOpened') this.#checkPeer(peer, step.input as Extract<Input, { type: 'connOpened' }>);
    this.#compare(server, peer, before, after);
    this.#elections.onStep(server.id, peer.state.ensemble);
    for (let i = 0; i < step.executed; i++) {
      const effect = step.effects[i]!;
      this.#links.onEffect(step.host, effect);
      if (effect.type === 'halt') this.#onHalt(server, effect.reason);
    }
    if (++server.steps % BOUNDS_EVERY_STEPS === 0) checkBounds(server.id, peer.state, this.#report);
  }

  /** Without a certificate nobody gets to say anything on the election port. */
  #checkPeer({ config, state }: Peer, { conn, remote }: Extract<Input, { type: 'connOpened' }>): void {
    if (!config.sslQuorum || remote.certificate !== null || state.ensemble?.cnx.conns.has(conn) !== true) return;
    this.#report(
      'peer-authenticated',
      `server ${config.myid} listens to ${remote.ip}, which has shown no certificate`,
      {
        servers: [config.myid],
      },
    );
  }

  onConnection(event: ConnectionEvent): void {
    // What was sent in this step is looked at after it; its connections are remembered until then.
    if (event.kind === 'closed' && event.host === this.#stepping) this.#closed.push(copyOf(event));
    else this.#links.onConnection(event);
  }

  onBoot(host: HostId): void {
    if (host >= CLIENT_BASE) return;
    this.#forget(host);
    const server = this.#watchedOf(host);
    server.excuseBefore = server.excuse;
    server.excuse = null;
  }

  onCrash(host: HostId, _kind: CrashKind): void {
    if (host < CLIENT_BASE && host !== this.#stepping) this.#forget(host);
  }

  onFile(host: HostId, action: FileAction, error: FileError | null): void {
    // What is not there is not there; everything else is the disk's doing.
    if (host < CLIENT_BASE && error !== null && error !== 'ENOENT' && error !== 'EEXIST')
      this.#watchedOf(host).excuse = `${action.kind} failed with ${error}`;
    // Truncations and removals are looked at when they happen: later records may hide them.
    if (host < CLIENT_BASE && (action.kind === 'truncate' || action.kind === 'remove'))
      this.#watchedOf(host).disk.refresh();
    if (host < CLIENT_BASE && action.kind === 'fsyncDir') this.#onNameDurable(this.#watchedOf(host));
  }

  /**
   * An epoch may be named on a disk only when the history it began with is there too: whoever comes back with the one and
   * without the other wins elections with it (ZOOKEEPER-4643). While the file is written no packet is read, so the history in
   * memory is just that.
   */
  #onNameDurable(server: Watched): void {
    server.disk.refresh();
    const { currentEpoch } = server.disk;
    const isRaised = currentEpoch > server.epochOnDisk;
    server.epochOnDisk = currentEpoch;
    const { peer, view } = server;
    if (!isRaised || peer === null || view === null || !isRecovered(view) || view.resync) return;
    if (this.#options.unrestricted || this.#world.budget.damaged.has(server.id)) return;
    const { log } = peer.heap;
    for (let i = log.length - 1; i >= 0 && log.get(i).zxid > server.verifiedTo; i--) {
      const { zxid } = log.get(i);
      if (server.disk.holds(zxid)) continue;
      this.#report(
        'epoch-after-history',
        `server ${server.id} has epoch ${currentEpoch} in its currentEpoch file, and ${showZxid(zxid)} only in memory`,
        { events: this.#proposalEvent(zxid), servers: [server.id] },
      );
      return;
    }
  }

  onNote(host: HostId, code: string, fields: NoteFields | undefined): void {
    if (code === 'election.round.start') this.#checkLooking(this.#watchedOf(host));
    if (code === 'client.session.open' && typeof fields?.session === 'bigint')
      this.#onAttached(host, asSession(fields.session));
    if (code.startsWith('election.')) this.#elections.onNote(host, code, fields);
    if (!code.startsWith('zab.illegal.') || this.#options.unordered) return;
    const said =
      fields === undefined
        ? ''
        : ` (${Object.entries(fields)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')})`;
    this.#report('should-not-be-triggered', `server ${host} got what it must not get: ${code}${said}`, {
      servers: [host],
    });
  }

  /** A leader asks nobody about the sessions of its own clients, so its word on them stands in no packet. */
  #onAttached(host: HostId, session: SessionId): void {
    if (this.#servers.get(host)?.view?.phase === 'leading') this.#revalidatedFrom.set(session, host);
  }

  /** The naive invariants over everything, once. */
  atEnd(): void {
    this.#sweep(Number.POSITIVE_INFINITY);
    for (const server of this.#servers.values()) {
      if (server.peer === null) continue;
      checkBounds(server.id, server.peer.state, this.#report);
      this.#checkWatchers(server.id, server.peer);
    }
  }

  /** What is kept of connections that are gone is never let go (ZOOKEEPER-1382). */
  #checkWatchers(id: PeerId, { heap, state }: Peer): void {
    for (const { conn, path } of heap.watches.dataWatches()) {
      if (state.server.conns.has(conn)) continue;
      this.#report('bounded-queues', `server ${id} keeps a watch on ${path} for connection ${conn}, which is gone`, {
        servers: [id],
      });
      return;
    }
  }

  // --- one server, before and after a step ---

  #compare(server: Watched, peer: Peer, before: PeerView | null, after: PeerView): void {
    if (!isRecovered(after)) return;
    const event = this.#world.event.id;
    const known = before !== null && isRecovered(before) ? before : null;
    if (known === null || epochsDiffer(known, after)) {
      this.leadership.onEpochs(server.id, { accepted: after.acceptedEpoch, current: after.currentEpoch }, event);
    }
    if (known === null && after.resync) this.#onDistrust(server);
    const roleChanged = known === null || known.zabState !== after.zabState || known.phase !== after.phase;
    if (known?.established === true && !after.established) this.leadership.onLeft(server.id);
    if (after.established && known?.established !== true) this.#onEstablished(server, peer, known, after);
    if (known !== null && after.loggedZxid !== known.loggedZxid) this.#onLogged(server, peer, known, after);
    if (isServing(after)) this.#onServing(server, peer, known, after);
    else if (roleChanged) this.#onServingEnds(server, peer, known, after);
    if (roleChanged) this.#onRoleChanged(server, after);
  }

  /** A crash alone is no reason to distrust a disk (ZOOKEEPER-1653, 2307, 2332: servers that never started again). */
  #onDistrust({ id, excuse, excuseBefore }: Watched): void {
    if (excuse !== null || excuseBefore !== null || this.#options.unrestricted || this.#world.budget.damaged.has(id))
      return;
    this.#report('recovery', `server ${id} takes its undamaged disk for damaged`, { servers: [id] });
  }

  /** Only what a serving server shows is a promise to clients; before, its state may be half built. */
  #onServing(server: Watched, peer: Peer, before: PeerView | null, after: PeerView): void {
    const isNew = server.committedTo === null || before === null;
    if (!isNew && !movedOn(before, after)) return;
    const event = this.#world.event.id;
    if (server.committedTo === null) this.#beginServing(server, peer.heap.log.base);
    this.#onCommitted(server, peer, after);
    if (isNew || before.appliedZxid !== after.appliedZxid) this.#onApplied(server, peer, after, event);
    this.replicas.onPosition(server.id, { committed: after.committedZxid, applied: after.appliedZxid }, event);
  }

  /** A step may commit and end the role, as the commit of a reconfiguration does that votes the leader out. */
  #onServingEnds(server: Watched, peer: Peer, before: PeerView | null, after: PeerView): void {
    if (server.committedTo !== null && before !== null && after.committedZxid > before.committedZxid) {
      this.#onCommitted(server, peer, after);
    }
    server.committedTo = null;
    server.heard.clear();
    this.replicas.onPause(server.id);
  }

  #beginServing(server: Watched, base: Zxid): void {
    const isKnown = base === ZXID_ZERO || this.history.has(base);
    if (!this.#options.unrestricted || isKnown) this.history.onRestart(server.id, base);
    server.committedTo = base;
    server.committed = this.#prefix(this.history.deliveredCount(server.id));
  }

  #prefix(count: number): SpecTxn[] {
    return this.history.txns.slice(0, count);
  }

  #onEstablished(server: Watched, peer: Peer, before: PeerView | null, after: PeerView): void {
    const { world } = this.#options;
    const initialZxid = before?.loggedZxid ?? ZXID_ZERO;
    const leader = { epoch: after.epoch, server: server.id, event: world.event.id, atUs: world.timeUs, initialZxid };
    // Who stood still may count its quorum when a later epoch has long begun: it can commit nothing, and owes only the past.
    const committedLast = this.#options.unrestricted ? ZXID_ZERO : this.history.lastUpTo(after.epoch);
    this.leadership.onEstablished(leader, this.#historyOf(peer), committedLast);
    // Its session tracker starts with a full timeout for every session.
    for (const session of this.sessions.open()) this.#onTouched(server.id, session);
  }

  #historyOf(peer: Peer): LeaderHistory {
    const { log } = peer.heap;
    return { last: log.last, has: (zxid) => this.#logHas(log, zxid) };
  }

  #logHas(log: Peer['heap']['log'], zxid: Zxid): boolean {
    if (zxid <= log.base) return this.history.leadsTo(zxid, log.base);
    const index = log.find(zxid);
    if (index < 0) return false;
    const place = this.history.indexOf(zxid);
    return place < 0 || bytesEqual(this.history.bytes[place]!, log.get(index).bytes);
  }

  #onLogged(server: Watched, peer: Peer, before: PeerView, after: PeerView): void {
    if (after.loggedZxid < before.loggedZxid) server.verifiedTo = minZxid(server.verifiedTo, after.loggedZxid);
    // A leader may propose and give way in one step.
    const primary = after.phase === 'leading' || after.phase === 'standalone' ? after : before;
    if (primary.phase !== 'leading' && primary.phase !== 'standalone') return;
    const { log } = peer.heap;
    let parent = before.loggedZxid;
    for (let i = log.firstAfter(before.loggedZxid); i < log.length; i++) {
      const entry = log.get(i);
      this.#onProposed(server, primary, entry, parent);
      parent = entry.zxid;
    }
  }

  #onProposed(server: Watched, after: PeerView, entry: LogEntry, parent: Zxid): void {
    if (after.phase === 'leading' && (!after.established || epochOf(entry.zxid) !== after.epoch)) {
      this.#report(
        'should-not-be-triggered',
        `server ${server.id} proposes ${showZxid(entry.zxid)} in ${after.zabState} of epoch ${after.epoch}`,
        { servers: [server.id] },
      );
    }
    if (after.phase === 'standalone') this.history.withdraw(entry.zxid);
    this.#proposals.set(entry.zxid, entry.bytes);
    this.history.onPropose(server.id, entry.zxid, entry.bytes, parent);
    const header = readHeader(entry.bytes);
    if (!header.ok) return;
    const { clientId, type } = header.value;
    if (type === Op.closeSession) this.sessions.onEndProposed(clientId);
    if (type === Op.createSession) this.#onTouched(server.id, clientId, timeoutOf(entry.bytes));
    else if (isExpiry(header.value)) this.sessions.onExpiry(clientId, server.id, this.#nowMonoMs);
  }

  #onCommitted(server: Watched, peer: Peer, after: PeerView): void {
    const { log } = peer.heap;
    assert(server.committedTo !== null, 'only a serving server commits');
    if (log.base > server.committedTo) this.#beginServing(server, log.base);
    for (let i = log.firstAfter(server.committedTo); i < log.length; i++) {
      const { zxid, bytes } = log.get(i);
      if (zxid > after.committedZxid) break;
      server.committed.push(this.history.onCommit(server.id, zxid, bytes));
      server.committedTo = zxid;
    }
  }

  #onApplied(server: Watched, peer: Peer, after: PeerView, event: number): void {
    const { tree } = peer.heap;
    if (this.#options.unrestricted) this.#compareWithPeers(server, peer, after);
    else {
      const digests = { tree: tree.digest(), state: this.#options.isUneven === true ? 0n : tree.stateDigest() };
      this.replicas.onApplied(server.id, after.appliedZxid, after.epoch, digests, event);
    }
    const { closings } = this.sessions;
    for (; server.closingIndex < closings.length; server.closingIndex++) {
      const { zxid, session } = closings[server.closingIndex]!;
      if (zxid > after.appliedZxid) break;
      this.sessions.onClosedIn(server.id, session, tree.ephemeralsOf(session));
    }
  }

  /** Where histories may be lost, zxids are used again: then only servers that follow one leader at one time are compared. */
  #compareWithPeers(server: Watched, peer: Peer, after: PeerView): void {
    for (const other of this.#servers.values()) {
      const seen = other.view;
      if (other === server || other.peer === null || seen === null || !isServing(seen)) continue;
      if (seen.leader !== after.leader || seen.epoch !== after.epoch || seen.appliedZxid !== after.appliedZxid)
        continue;
      if (other.peer.heap.tree.stateDigest() === peer.heap.tree.stateDigest()) continue;
      this.#report(
        'equal-digest',
        `servers ${other.id} and ${server.id} have different states after ${showZxid(after.appliedZxid)}`,
        {
          servers: [other.id, server.id],
        },
      );
    }
  }

  #onRoleChanged(server: Watched, after: PeerView): void {
    this.#sweep(SWEEP_COUNT);
    if (isServing(after) && !after.resync && this.#world.budget.damaged.has(server.id)) this.#lookForRepair(server);
  }

  /** A leadership that failed may have applied what is not committed; nobody goes into an election with it. */
  #checkLooking({ id, peer }: Watched): void {
    if (peer === null || peer.state.resync || peer.state.received) return;
    const { tree, log } = peer.heap;
    const { committed } = peer.state;
    if (tree.lastZxid <= committed || tree.lastZxid <= log.base) return;
    this.#report(
      'commit-monotone',
      `server ${id} holds an election with ${showZxid(tree.lastZxid)} applied and only ${showZxid(committed)} known as committed`,
      { servers: [id] },
    );
  }

  /**
   * A spoilt file does not matter any more once a whole snapshot above everything it held is on the platter, and every
   * entry behind that can be read.
   */
  #lookForRepair(server: Watched): void {
    const { budget } = this.#world;
    // Torn writes show at the next power cut.
    if (budget.damaged.get(server.id) === 'torn') return;
    server.disk.refresh();
    const isAbove = server.spoiltAt === null || server.disk.snapshotZxid > server.spoiltAt;
    if (isAbove && this.#isReadable(server)) budget.repaired(server.id);
  }

  #isReadable({ disk, peer }: Watched): boolean {
    if (peer === null) return false;
    const { log } = peer.heap;
    for (let i = log.length - 1; i >= 0 && log.get(i).zxid > disk.snapshotZxid; i--) {
      if (!disk.holds(log.get(i).zxid)) return false;
    }
    return this.history.length === 0 || disk.holds(this.history.last);
  }

  /** A broken disk is an excuse for many things, but what is read from it is checked: it never excuses a wrong state. */
  #onHalt(server: Watched, reason: string): void {
    const { unrestricted, unordered } = this.#options;
    if (unrestricted || unordered) return;
    const isExcused = server.excuse !== null || server.hasLeft || this.#world.budget.damaged.has(server.id);
    if (isExcused && !CONTRADICTIONS.some((text) => reason.includes(text))) return;
    this.#report('no-unexplained-halt', `server ${server.id} gives up: ${reason}`, { servers: [server.id] });
  }

  // --- the committed history ---

  #isHeldByQuorum(zxid: Zxid, bytes: Uint8Array): boolean {
    const { damaged } = this.#world.budget;
    const holders: PeerId[] = [];
    for (const server of this.#servers.values()) {
      server.disk.refresh();
      if (server.disk.holds(zxid) || damaged.has(server.id)) holders.push(server.id);
    }
    const next = reconfigOf({ zxid, bytes });
    return hasQuorum(this.#membership, holders) && (next === null || hasQuorum(next, holders));
  }

  #onAppended(bytes: Uint8Array): void {
    const decoded = decodeTxn(bytes);
    if (!decoded.ok) return;
    const { header, txn } = decoded.value;
    this.sessions.onCommitted(header, txn, this.#world.event.id);
    this.#options.onCommitted(header, txn);
    if (header.type !== Op.reconfig) return;
    const next = reconfigOf({ zxid: header.zxid, bytes });
    if (next === null) return;
    this.#membership = next;
    this.#world.budget.voters = votersOf(next);
    for (const server of this.#servers.values()) {
      server.hasLeft = !next.servers.some((spec) => spec.id === server.id);
    }
  }

  // --- acknowledgements ---

  #onAcknowledged(connection: { learner: number; leader: number }, zxid: Zxid, covered: Covered): void {
    const server = this.#servers.get(connection.learner);
    if (server === undefined || server.peer === null || server.view?.resync === true) return;
    server.disk.refresh();
    if (covered.kind === 'newLeader') this.#checkNewLeader(server, server.peer, connection.leader, zxid, covered.upTo);
    this.#checkDurable(server, server.peer, covered.upTo);
  }

  /** Everything of the history up to `upTo` must be on the platter. */
  #checkDurable(server: Watched, peer: Peer, upTo: Zxid): void {
    const { log } = peer.heap;
    // Behind a spoilt record nothing of the file can be told.
    const isSpoilt = this.#world.budget.damaged.has(server.id);
    for (let i = log.firstAfter(server.verifiedTo); i < log.length; i++) {
      const { zxid } = log.get(i);
      if (zxid > upTo) break;
      if (!server.disk.holds(zxid) && !isSpoilt) {
        this.#report(
          'durable-before-ack',
          `server ${server.id} acknowledges ${showZxid(upTo)} while ${showZxid(zxid)} would not survive a power cut`,
          { events: this.#proposalEvent(zxid), servers: [server.id] },
        );
        return;
      }
      server.verifiedTo = zxid;
    }
  }

  #checkNewLeader(server: Watched, peer: Peer, leader: number, zxid: Zxid, upTo: Zxid): void {
    server.verifiedTo = ZXID_ZERO;
    if (server.disk.currentEpoch < epochOf(zxid) && !this.#world.budget.damaged.has(server.id)) {
      this.#report(
        'durable-before-ack',
        `server ${server.id} accepts the leader of epoch ${epochOf(zxid)} with ${server.disk.currentEpoch} in its currentEpoch file`,
        { servers: [server.id, leader] },
      );
    }
    const other = this.#servers.get(leader);
    if (other?.peer === undefined || other.peer === null || other.view?.epoch !== epochOf(zxid)) return;
    const { log } = peer.heap;
    const theirs = other.peer.heap.log;
    for (let i = Math.max(0, log.firstAfter(upTo) - SWEEP_COUNT); i < log.length; i++) {
      const entry = log.get(i);
      if (this.#logHas(theirs, entry.zxid)) continue;
      this.#report(
        'process-consistency',
        `server ${server.id} accepts leader ${leader} of epoch ${epochOf(zxid)} with ${showZxid(entry.zxid)}, which that leader does not have`,
        { servers: [server.id, leader] },
      );
      return;
    }
  }

  #proposalEvent(zxid: Zxid): number[] {
    const proposal = this.history.proposal(zxid);
    return proposal === null ? [] : [proposal.event];
  }

  /**
   * A word of the client in its present session. What comes late over a connection of an earlier one says nothing about this
   * one, and who has said goodbye is not waited for.
   */
  #onClientFrame(server: HostId, client: HostId, conn: number): void {
    const watched = this.#servers.get(server);
    if (watched === undefined) return;
    const phase = watched.peer?.state.server.conns.get(asConn(conn))?.phase;
    if (watched.view?.established !== true) {
      if (phase?.kind === 'serving') this.#onHeard(watched, phase.session, conn);
      return;
    }
    const session = this.#options.sessionOf(client);
    const isOther = phase !== undefined && 'session' in phase && phase.session !== session;
    const timeoutMs = phase !== undefined && 'timeoutMs' in phase ? phase.timeoutMs : undefined;
    if (session !== null && !isOther && phase?.kind !== 'closing') this.#onTouched(server, session, timeoutMs);
  }

  /** A learner has heard a client whose session the leader keeps. */
  #onHeard({ heard, peer, view }: Watched, session: SessionId, conn: number): void {
    if (peer === null || view === null || !isServing(view)) return;
    const { mode, local } = peer.state.server;
    if (mode !== 'follower' && mode !== 'observer') return;
    // One that becomes global with this very request was still a local one when it was heard.
    if (this.sessions.isOpen(session) && !local.sessions.has(session)) heard.set(session, conn);
  }

  #onTouched(leader: HostId, session: SessionId, timeoutMs?: number): void {
    const touch = { monoMs: this.#nowMonoMs, event: this.#world.event.id };
    this.sessions.onTouch(session, leader, timeoutMs === undefined ? touch : { ...touch, timeoutMs });
  }

  /**
   * A learner answers a PING of its leader, and says whom it has heard since the last one: that is all the leader ever hears of
   * a client elsewhere that asks for nothing but reads (LearnerZooKeeperServer.getTouchSnapshot).
   */
  #onPinged(learner: HostId, data: Uint8Array): void {
    const server = this.#servers.get(learner);
    if (server === undefined || server.heard.size === 0) return;
    const touches = decodePingTouches(data);
    const told = new Set(touches.ok ? touches.value.map(({ session }) => session) : []);
    for (const [session, conn] of server.heard) {
      const phase = server.peer?.state.server.conns.get(asConn(conn))?.phase;
      if (told.has(session) || phase?.kind !== 'serving' || phase.session !== session) continue;
      this.#report(
        'session-lifetime',
        `server ${learner} has heard the client of session ${showSession(session)}, and does not tell its leader with the next PING`,
        { servers: [learner] },
      );
      break;
    }
    server.heard.clear();
  }

  // --- disks ---

  #watchedOf(host: HostId): Watched {
    let server = this.#servers.get(host);
    if (server === undefined) {
      const disk = new DiskOracle(() => this.#world.durableImage(host), {
        held: (zxid, bytes) => this.#onHeld(host, zxid, bytes),
        lost: (zxid) => this.#onLost(host, zxid),
      });
      server = {
        id: asPeer(host),
        view: null,
        peer: null,
        disk,
        committedTo: null,
        committed: [],
        verifiedTo: ZXID_ZERO,
        closingIndex: 0,
        steps: 0,
        excuse: null,
        excuseBefore: null,
        hasLeft: false,
        spoiltAt: null,
        epochOnDisk: 0,
        heard: new Map(),
      };
      this.#servers.set(host, server);
    }
    return server;
  }

  #onHeld(host: HostId, zxid: Zxid, bytes: Uint8Array): void {
    const proposal = this.history.proposal(zxid);
    if (proposal === null || bytesEqual(proposal.bytes, bytes)) return;
    this.#report('zxid-unique', `server ${host} has other bytes on disk for ${showZxid(zxid)} than were proposed`, {
      events: [proposal.event],
      servers: [host, proposal.server],
    });
  }

  #onLost(host: HostId, zxid: Zxid): void {
    const { budget } = this.#world;
    if (this.#options.unrestricted || budget.damaged.has(host)) return;
    const index = this.history.indexOf(zxid);
    if (index < 0) return;
    // A whole state takes the place of its log, also of entries that its leader committed with others meanwhile: they come
    // again before it may acknowledge anything. That is no loss as long as nobody needs its disk.
    const isReplaced = this.#servers.get(host)?.peer?.state.received === true;
    const proposal = this.history.proposal(zxid);
    if (isReplaced && proposal !== null && this.#isHeldByQuorum(zxid, proposal.bytes)) return;
    this.#report(
      'committed-never-lost',
      `server ${host} removed ${showZxid(zxid)}, which is committed, from its disk`,
      {
        events: [this.history.events[index]!],
        servers: [host],
      },
    );
  }

  #forget(host: HostId): void {
    const server = this.#watchedOf(host);
    server.view = null;
    server.peer = null;
    server.committedTo = null;
    server.committed = [];
    server.verifiedTo = ZXID_ZERO;
    server.heard.clear();
    this.leadership.onLeft(host);
    this.replicas.onPause(host);
    this.#links.onGone(host);
  }

  // --- sweeps ---

  #sweep(count: number): void {
    const running = [...this.#servers.values()].filter((server) => server.view !== null && server.committedTo !== null);
    const longest = Math.max(0, ...running.map((server) => server.committed.length));
    const lagMax = count === Number.POSITIVE_INFINITY ? count : SWEEP_LAG_MAX;
    const near = running.filter((server) => longest - server.committed.length <= lagMax);
    const shortest = Math.min(...near.map((server) => server.committed.length));
    const from = Math.max(0, shortest - count);
    const first = this.history.zxids[from] ?? ZXID_ZERO;
    const proposals = new Map<Zxid, Uint8Array>();
    for (const [zxid, bytes] of this.#proposals) if (zxid >= first) proposals.set(zxid, bytes);
    const epochLeaders = this.leadership.leadersOf;
    for (const violation of checkSpec({
      servers: near.map((server) => specOf(server, from)),
      proposals,
      epochLeaders,
    })) {
      this.#report(violation.property, violation.message, { servers: violation.servers });
    }
  }

  #unlessUnordered(report: Report): Report {
    return this.#options.unordered ? () => {} : report;
  }
}

/** Of a createSession. */
function timeoutOf(bytes: Uint8Array): number | undefined {
  const decoded = decodeTxn(bytes);
  return decoded.ok && decoded.value.txn.kind === 'createSession' ? decoded.value.txn.timeOut : undefined;
}

const copyOf = (event: ConnectionEvent): ConnectionEvent => ({ ...event, connection: { ...event.connection } });
const isRecovered = (seen: PeerView): boolean => seen.phase !== 'recovering' && seen.phase !== 'halted';
const epochsDiffer = (a: PeerView, b: PeerView): boolean =>
  a.acceptedEpoch !== b.acceptedEpoch || a.currentEpoch !== b.currentEpoch;
const movedOn = (a: PeerView, b: PeerView): boolean =>
  a.committedZxid !== b.committedZxid || a.appliedZxid !== b.appliedZxid;
const isServing = (seen: PeerView): boolean => seen.zabState === 'broadcast';
const minZxid = (a: Zxid, b: Zxid): Zxid => (a < b ? a : b);

function specOf(server: Watched, from: number): SpecServer {
  const seen = server.view!;
  const state =
    seen.phase === 'looking' || seen.phase === 'following' || seen.phase === 'leading' ? seen.phase : 'other';
  return {
    id: seen.id,
    state,
    zabState: seen.zabState,
    established: seen.established,
    acceptedEpoch: seen.acceptedEpoch,
    currentEpoch: seen.currentEpoch,
    leader: seen.leader,
    committed: server.committed.slice(from),
  };
}
