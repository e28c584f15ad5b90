/**
 * The judge of histories: reads what clients asked and were told, record by record, and says which promise was broken.
 *
 * ZooKeeper promises ordered sequential consistency: one legal order of all operations that keeps the order of every
 * session, and puts nothing behind an update that was answered before the update was asked for (Lev-Ari et al., 2017). Such an
 * order need not be searched for. Every answer carries the zxid of the state it speaks of, failed updates consume one too, so
 * sorting by zxid, updates before the reads of their state, then by session, is the order, or there is none that agrees with
 * the zxids told. What remains are local checks (docs/history.md):
 *
 * - P1 no two updates share a zxid, and each is answered as the state directly before demands;
 * - P2, P9 in a session zxids never decrease, and increase with each own update;
 * - P3 a read shows the tree at its zxid;
 * - P4 an update has a higher zxid than whatever was answered before it was asked for;
 * - P5 sync, P7 multi, P8 ephemeral nodes, P10 committed views, P11 sequence numbers, W1 to W7 watches.
 *
 * There are two oracles. `committed`: the history contains the committed transactions, so the tree at every zxid is known
 * (`model.ts`), and every answer is decided exactly. `replies`: nothing but what clients were told; then answers are held
 * against each other (`facts.ts`). Both work online in bounded memory: nothing is kept that no live session can be shown any
 * more. A session's answers never go below its last one, and a session that is yet to come is opened by a transaction of its
 * own, so the horizon is the least zxid last answered to a program that runs, or known to anybody when it began.
 */

import type { SessionId } from '../../../core/types.ts';
import { counterOf, showSession, type Zxid } from '../../../core/types.ts';
import { Code } from '../../../core/wire/opcodes.ts';
import type { PropertyId, Report } from '../properties.ts';
import { AskedBook, type Match, whyOtherAnswer, whyUnasked } from './asked.ts';
import { CommittedOracle } from './committed-oracle.ts';
import { callText } from './conflict.ts';
import { type Commit, errorOf, VersionedTree } from './model.ts';
import { conflictOf, type HistoryOp, hexOf, isUpdate, type Link, nameOf, type Party } from './ops.ts';
import type {
  AnswerRecord,
  CommitRecord,
  HistoryRecord,
  IdentityRecord,
  InvokeRecord,
  SentRecord,
  StateRecord,
} from './record.ts';
import { RepliesOracle } from './replies-oracle.ts';
import type { Identities } from './rights.ts';
import { type Decided, noneDecided, type RuleName } from './rules.ts';
import { createdNames, Sequences } from './sequences.ts';
import { WatchDesk } from './watches.ts';

export interface JudgeOptions {
  /** What is known beside the answers. */
  readonly oracle: 'committed' | 'replies';
  /**
   * What a sync promises. `quorum`: everything answered before it was asked for. `none`: a deposed leader may answer it from
   * the past, as upstream does (ZOOKEEPER-1675).
   */
  readonly sync?: 'quorum' | 'none';
  /** Below this path ACLs change, so that without the committed history nobody can say which events are kept back. */
  readonly secretPrefix?: string;
}

/** What an oracle is asked about one answer. */
export interface Judged {
  readonly op: HistoryOp;
  readonly zxid: number;
  readonly record: AnswerRecord;
  readonly session: SessionId;
}

export interface JudgeContext {
  report(property: PropertyId, message: string, parties: readonly Party[], links: readonly Link[]): void;
  decided(rule: RuleName, times?: number): void;
  /** Who was answered with this zxid for an update. */
  updateAt(zxid: number): HistoryOp | null;
  /** The session's own last update that touched the path. */
  ownWrite(session: SessionId, path: string): HistoryOp | null;
}

/** What knows, or can conclude, what the tree was. */
export interface Oracle {
  readonly size: number;
  onInvoke(op: HistoryOp): void;
  onUnknown(op: HistoryOp): void;
  /** An update that took the zxid; false when the answer is that of no update. */
  isOrdered(judged: Judged): boolean;
  onUpdate(judged: Judged): void;
  onRead(judged: Judged): void;
  /** An update whose outcome nobody was told is part of the history. */
  onUntold(op: HistoryOp, commit: Commit): void;
  /** Whether some state since the session was answered last gave a server reason to refuse the update for want of rights. */
  mayBeForbidden(op: HistoryOp, from: number, to: number): boolean;
  /** Names the incarnation of the parent of a sequential node, as far as it is known. */
  parentKey(path: string, zxid: number): string;
  prune(horizon: number): void;
}

interface Seat {
  readonly desk: WatchDesk;
  open: HistoryOp[];
  session: SessionId | null;
  ids: Identities;
  /** The program has ended by itself and sees nothing any more. */
  isOver: boolean;
}

interface SessionSeat {
  zxid: number;
  op: HistoryOp | null;
  updateZxid: number;
  update: HistoryOp | null;
  syncFloor: number;
  sync: HistoryOp | null;
  readonly written: Map<string, HistoryOp>;
}

/** Answers between two prunings. */
const PRUNE_EVERY = 4096;

export class Judge {
  readonly decided: Decided = noneDecided();
  readonly tree: VersionedTree | null;
  readonly #options: JudgeOptions;
  readonly #report: Report;
  readonly #oracle: Oracle;
  readonly #seats = new Map<number, Seat>();
  readonly #sessions = new Map<SessionId, SessionSeat>();
  /** Updates by the zxid they were answered with, oldest answers first. */
  readonly #updates = new Map<number, HistoryOp>();
  readonly #sequences: Sequences;
  /** The last request of each session that became a transaction. */
  readonly #carriedOut = new Map<SessionId, { readonly record: CommitRecord; readonly place: number }>();
  readonly #asked = new AskedBook();
  /** Sessions with which a second program went on, until the history shows their end: it may come long after they were left. */
  readonly #handedOver = new Set<SessionId>();
  #told = 0;
  #toldOp: HistoryOp | null = null;
  #sincePruned = 0;

  constructor(options: JudgeOptions, report: Report) {
    this.#options = options;
    this.#report = report;
    const context: JudgeContext = {
      report: (property, message, parties, links) => this.#accuse(property, message, parties, links),
      decided: (rule, times) => this.#decide(rule, times),
      updateAt: (zxid) => this.#updates.get(zxid) ?? null,
      ownWrite: (session, path) => this.#sessions.get(session)?.written.get(path) ?? null,
    };
    this.tree =
      options.oracle === 'committed' ? new VersionedTree((zxid, says) => this.#onImpossible(zxid, says)) : null;
    this.#oracle = this.tree === null ? new RepliesOracle(context) : new CommittedOracle(context, this.tree);
    this.#sequences = new Sequences(context);
  }

  /** What is kept, for bounds in tests. */
  get size(): number {
    return this.#oracle.size + this.#updates.size + this.#sequences.size + this.#asked.size;
  }

  onRecord(record: HistoryRecord): void {
    switch (record.type) {
      case 'invoke':
        return this.#onInvoke(record);
      case 'sent':
        return this.#onSent(record);
      case 'ok':
      case 'fail':
      case 'info':
        return this.#onAnswer(record);
      case 'watch':
        return this.#onWatch(record);
      case 'state':
        return this.#onState(record);
      case 'restart':
        return this.#onRestart(record.client, record.isForged === true ? null : record.session);
      case 'identity':
        return this.#onIdentity(record);
      case 'commit':
        return this.#onCommit(record);
      default:
        record satisfies never;
    }
  }

  /** Nothing more will come. */
  atEnd(): void {
    for (const { desk } of this.#seats.values()) desk.atEnd();
  }

  openCount(client: number): number {
    return this.#seats.get(client)?.open.length ?? 0;
  }

  // --- clients -------------------------------------------------------------------------------------------------------

  #seatOf(client: number): Seat {
    let seat = this.#seats.get(client);
    if (seat === undefined) {
      const desk = this.#newDesk(client);
      desk.onRestart(this.#told);
      seat = { desk, open: [], session: null, ids: { sure: [], coming: [] }, isOver: false };
      this.#seats.set(client, seat);
    }
    return seat;
  }

  #newDesk(client: number): WatchDesk {
    const { secretPrefix } = this.#options;
    return new WatchDesk(client, {
      tree: this.tree,
      ids: () => this.#seatOf(client).ids,
      isSecret: (path) => secretPrefix !== undefined && path.startsWith(secretPrefix),
      decided: (rule, times) => this.#decide(rule, times),
      report: (property, message, parties, links) => this.#accuse(property, message, parties, links),
    });
  }

  #onRestart(client: number, session: SessionId | null): void {
    const seat = this.#seatOf(client);
    for (const op of seat.open) {
      this.#oracle.onUnknown(op);
      this.#onOver(op, null);
    }
    seat.open = [];
    if (session !== null) this.#handedOver.add(session);
    this.#leave(seat, session);
    seat.desk.onRestart(session === null ? this.#told : (this.#sessions.get(session)?.zxid ?? 0));
    seat.ids = { sure: [], coming: [] };
    seat.isOver = false;
  }

  #onIdentity({ client, ids }: IdentityRecord): void {
    const seat = this.#seatOf(client);
    if (seat.ids.sure.length === 0) seat.ids = { sure: ids, coming: [] };
    else seat.ids = { sure: seat.ids.sure, coming: ids.slice(seat.ids.sure.length) };
    // A new connection signs in before anything that waited for it is sent: the identity may overtake what was asked before.
    for (const op of seat.open) op.ids = { sure: op.ids.sure, coming: ids.slice(op.ids.sure.length) };
  }

  #onState({ client, state, session }: StateRecord): void {
    const seat = this.#seatOf(client);
    switch (state) {
      case 'syncConnected':
      case 'connectedReadOnly':
        if (session !== seat.session) this.#leave(seat, session);
        if (session !== null) this.#sessionOf(session);
        return;
      case 'disconnected':
        seat.desk.onDisconnected();
        return;
      case 'expired':
      case 'authFailed':
      case 'closed':
        seat.desk.onEnd();
        seat.isOver = true;
        return;
      default:
        state satisfies never;
    }
  }

  /** The client goes on with another session, or with none. */
  #leave(seat: Seat, next: SessionId | null): void {
    const old = seat.session;
    seat.session = next;
    if (old === null || old === next) return;
    if ([...this.#seats.values()].some(({ session }) => session === old)) return;
    this.#sessions.delete(old);
    this.#carriedOut.delete(old);
  }

  #sessionOf(id: SessionId): SessionSeat {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      const openedAt = this.tree?.session(id)?.openedAt;
      session = {
        // Nobody is answered in a session before the server knows of its creation. One that is not known when it begins is
        // local, and may be shown what that server has.
        zxid: openedAt ?? 0,
        op: null,
        updateZxid: 0,
        update: null,
        syncFloor: 0,
        sync: null,
        written: new Map(),
      };
      this.#sessions.set(id, session);
    }
    return session;
  }

  // --- requests ------------------------------------------------------------------------------------------------------

  #onInvoke({ client, id, call, atUs, eventId }: InvokeRecord): void {
    const seat = this.#seatOf(client);
    const { sure, coming } = seat.ids;
    const op: HistoryOp = {
      client,
      id,
      call,
      invokedUs: atUs,
      invokedIn: eventId ?? null,
      floor: this.#told,
      floorOp: this.#toldOp,
      // Whatever was added before it was asked for is added before it is answered.
      ids: coming.length === 0 ? seat.ids : { sure: [...sure, ...coming], coming: [] },
      session: null,
      answeredUs: null,
      answeredIn: null,
      zxid: null,
      asked: null,
    };
    seat.open.push(op);
    this.#oracle.onInvoke(op);
  }

  #onSent(record: SentRecord): void {
    if (this.tree === null) return;
    const op = record.id === null ? null : this.#seatOf(record.client).open.find(({ id }) => id === record.id);
    if (op === undefined) return;
    const asked = this.#asked.onSent(record, op);
    if (op !== null) op.asked = asked;
  }

  /** The answer is there, or none will come (null). */
  #onOver(op: HistoryOp, zxid: number | null): void {
    if (op.asked === null) return;
    const { commit, isSure } = op.asked;
    this.#asked.onOver(op.asked, zxid);
    if (zxid === null && isSure && commit !== null) this.#oracle.onUntold(op, commit);
  }

  #onAnswer(record: AnswerRecord): void {
    const { client, zxid, session: id } = record;
    const seat = this.#seatOf(client);
    const op = this.#takeOpen(seat, record);
    if (op === null) return;
    op.answeredUs = record.atUs;
    op.answeredIn = record.eventId ?? null;
    op.session = id;
    const isRight = this.#checkAnswer(op, record);
    this.#onOver(op, record.type === 'info' ? null : zxid);
    // Before the first transaction, which local sessions do not need, the state is that of an empty tree.
    if (zxid < 0 || id === null || (!isRight && zxid === 0)) {
      if (record.type === 'info') this.#oracle.onUnknown(op);
      return;
    }
    if (zxid === 0 && isStateless(record.err)) return seat.desk.onAnswer(op, zxid, record.err, record.body);
    op.zxid = zxid;
    if (op.ids.sure.length > seat.ids.sure.length) seat.ids = op.ids;
    const session = this.#sessionOf(id);
    const judged: Judged = { op, zxid, record, session: id };
    this.#checkSession(session, judged);
    this.#checkSync(session, judged);
    if (isUpdate(op) && this.#oracle.isOrdered(judged)) this.#onUpdate(session, judged);
    seat.desk.onAnswer(op, zxid, record.err, record.body);
    if (!isUpdate(op)) this.#oracle.onRead(judged);
    else if (isRight) this.#oracle.onUpdate(judged);
    if (isUpdate(op) && record.err === Code.OK) this.#noteNames(session, judged);
    if (zxid > this.#told) {
      this.#told = zxid;
      this.#toldOp = op;
    }
    // Otherwise every request would keep all before it.
    if (op.call.kind !== 'sync') op.floorOp = null;
    this.#mayPrune();
  }

  /** P1, P10: whatever is told is told of a state, and of an update what became of it. False when that is not so. */
  #checkAnswer(op: HistoryOp, record: AnswerRecord): boolean {
    const { type, zxid, err, session } = record;
    const isOfUpdate = isUpdate(op);
    if (type === 'ok' && (isOfUpdate ? zxid <= 0 : zxid < 0)) {
      this.#accuse(
        isOfUpdate ? 'acknowledged-is-committed' : 'no-dirty-view',
        `${nameOf(op)} (${callText(op.call)}) is answered with zxid ${zxid}, which is that of no ${isOfUpdate ? 'update' : 'state'}`,
        [op],
        [],
      );
      return false;
    }
    if (this.tree === null || !this.#asked.isKept) return true;
    const from = session === null ? 0 : (this.#sessions.get(session)?.zxid ?? 0);
    const why =
      isOfUpdate && op.asked !== null
        ? whyOtherAnswer(op.asked, record, () => this.#oracle.mayBeForbidden(op, from, zxid))
        : whyUnasked(record);
    if (why === null) return true;
    this.#accuse(
      isOfUpdate ? 'update-legal' : 'read-at-zxid',
      `${nameOf(op)} (${callText(op.call)}) is answered with ${err}${zxid < 0 ? '' : ` at ${hexOf(zxid)}`}, but ${why}`,
      [op],
      [],
    );
    return false;
  }

  /** P2. What was never sent is refused on the spot, past those that wait for their answers. */
  #takeOpen(seat: Seat, { client, id, type, zxid }: AnswerRecord): HistoryOp | null {
    const index = seat.open.findIndex((open) => open.id === id);
    this.#decide('P2');
    if (index < 0) {
      this.#accuse('client-fifo', `client ${client} got a second answer to its request ${id}`, [], []);
      return null;
    }
    const op = seat.open[index]!;
    const isUnsent = type === 'fail' && zxid < 0;
    if (index > 0 && !isUnsent) {
      const earlier = seat.open[0]!;
      this.#accuse(
        'client-fifo',
        `client ${client} got the answer to request ${id} before that to ${earlier.id}`,
        [earlier, op],
        [
          [0, 1, 'session', 'was asked before'],
          [1, 0, 'real-time', 'was answered before'],
        ],
      );
    }
    seat.open.splice(index, 1);
    return op;
  }

  /** P9: what a session sees never goes back. */
  #checkSession(session: SessionSeat, { op, zxid, session: id }: Judged): void {
    this.#decide('P9');
    if (zxid < session.zxid) {
      this.#accuse(
        'session-zxid',
        `session ${showSession(id)} of client ${op.client} saw ${hexOf(session.zxid)}, then ${hexOf(zxid)}`,
        session.op === null ? [op] : [session.op, op],
        session.op === null
          ? []
          : [
              [0, 1, 'session', 'was answered before'],
              [1, 0, 'zxid', 'speaks of an earlier state'],
            ],
      );
    }
    session.zxid = Math.max(session.zxid, zxid);
    session.op = op;
  }

  /** P5: a read behind a sync sees what anybody had been told before the sync was asked for. */
  #checkSync(session: SessionSeat, { op, zxid, record }: Judged): void {
    if (this.#options.sync === 'none') return;
    if (op.call.kind === 'sync') {
      if (record.err !== Code.OK || op.floor <= session.syncFloor) return;
      session.syncFloor = op.floor;
      session.sync = op;
      return;
    }
    const { sync, syncFloor } = session;
    if (sync === null) return;
    this.#decide('P5');
    if (zxid >= syncFloor) return;
    this.#accuse(
      'sync-then-read',
      `client ${op.client} reads at ${hexOf(zxid)} after a sync that had to reach ${hexOf(syncFloor)}`,
      [sync.floorOp ?? sync, sync, op],
      [
        [0, 1, 'real-time', 'was answered before the sync was asked for'],
        [1, 2, 'session', 'comes before the read'],
        [2, 0, 'zxid', 'speaks of an earlier state'],
      ],
    );
  }

  // --- updates -------------------------------------------------------------------------------------------------------

  #onUpdate(session: SessionSeat, judged: Judged): void {
    const { op, zxid } = judged;
    this.#checkUnique(op, zxid);
    this.#decide('P4');
    if (zxid <= op.floor) {
      this.#accuse(
        'write-order',
        `client ${op.client}'s ${op.call.kind} got ${hexOf(zxid)}; ${hexOf(op.floor)} was known before it was asked for`,
        [op.floorOp ?? op, op],
        [
          [0, 1, 'real-time', 'was answered before this was asked for'],
          [1, 0, 'zxid', 'comes first'],
        ],
      );
    }
    if (zxid <= session.updateZxid) {
      this.#accuse(
        'session-zxid',
        `client ${op.client} had an update at ${hexOf(session.updateZxid)}, and its next at ${hexOf(zxid)}`,
        session.update === null ? [op] : [session.update, op],
        session.update === null ? [] : [[0, 1, 'session', 'was answered before']],
      );
    }
    session.updateZxid = Math.max(session.updateZxid, zxid);
    session.update = op;
  }

  #checkUnique(op: HistoryOp, zxid: number): void {
    const other = this.#updates.get(zxid);
    this.#decide('P1');
    if (other !== undefined && other.session !== op.session) {
      this.#accuse(
        'update-unique',
        `${nameOf(other)} and ${nameOf(op)} were both answered with ${hexOf(zxid)}`,
        [other, op],
        [[0, 1, 'zxid', 'is the same']],
      );
    }
    this.#updates.set(zxid, op);
  }

  #noteNames(session: SessionSeat, judged: Judged): void {
    const { op, zxid, record } = judged;
    for (const path of writtenPaths(judged)) session.written.set(path, op);
    for (const path of createdNames(op.call, record.body)) {
      this.#decide('P11');
      this.#sequences.add(this.#oracle.parentKey(path, zxid), path, op);
    }
  }

  // --- watches and transactions --------------------------------------------------------------------------------------

  #onWatch(record: Extract<HistoryRecord, { type: 'watch' }>): void {
    const seat = this.#seatOf(record.client);
    seat.desk.onEvent(record);
    // The zxid of an event counts as seen: no server behind it may answer.
    const session = record.session === null ? undefined : this.#sessions.get(record.session);
    if (session !== undefined && record.zxid > session.zxid) session.zxid = record.zxid;
  }

  #onCommit(record: CommitRecord): void {
    const { tree } = this;
    if (tree === null) return;
    const commit = commitOf(record);
    const match = this.#asked.isKept ? this.#asked.onCommit(commit, record, (path) => tree.get(path)) : null;
    if (match !== null && match.wrong !== null) this.#accuseTransaction(commit, match);
    this.#checkCarriedOut(record, match);
    const changes = tree.apply(record);
    if (changes.length > 0) for (const { desk } of this.#seats.values()) desk.onChanges(changes);
    const op = match?.asked?.op ?? null;
    if (op !== null && match!.asked!.isOver && match!.asked!.isSure) this.#oracle.onUntold(op, commit);
  }

  #accuseTransaction(commit: Commit, { asked, wrong }: Match): void {
    const what = `${commit.txn.kind}${'path' in commit.txn ? ` ${commit.txn.path}` : ''}`;
    const op = asked?.op ?? null;
    this.#accuse(
      asked === null ? 'asked-for' : 'update-legal',
      asked === null ? `${hexOf(commit.zxid)} (${what}): ${wrong}` : `${wrong}`,
      op === null ? [{ commit, what }] : [op, { commit, what }],
      op === null ? [] : [[0, 1, 'zxid', 'is not what is done by']],
    );
  }

  /**
   * P2, also for requests that were never answered: what a session asked for on a connection that it has left must not happen
   * behind what it asked for on the next (ZOOKEEPER-710). Where it is on record what was sent, its order is known, whoever sent
   * it. Otherwise there are the numbers of the requests: a program that goes on with the session of another begins anew, and
   * then nothing can be told.
   */
  #checkCarriedOut(record: CommitRecord, match: Match | null): void {
    const { session, cxid, zxid, txn } = record;
    if (txn.kind === 'closeSession') {
      this.#carriedOut.delete(session);
      this.#handedOver.delete(session);
    }
    // A refusal changes nothing; the one of a request that came too late is what keeps the promise.
    if (cxid <= 0 || errorOf(txn) !== Code.OK) return;
    const place = match === null ? cxid : match.asked?.isSure === true ? match.asked.order : null;
    if (place === null || (match === null && this.#handedOver.has(session))) return;
    const last = this.#carriedOut.get(session);
    this.#carriedOut.set(session, { record, place });
    this.#decide('P2');
    if (last === undefined || place > last.place) return;
    const before = last.record;
    const [first, second] = [before, record].map((each) => commitOf(each));
    this.#accuse(
      'session-order',
      `session ${showSession(session)} asked for ${cxid} before ${before.cxid}, but ${hexOf(zxid)} carries it out behind ${hexOf(before.zxid)}`,
      [
        { commit: first!, what: `its request ${before.cxid}` },
        { commit: second!, what: `its request ${cxid}` },
      ],
      [
        [1, 0, 'session', 'was asked before'],
        [0, 1, 'zxid', 'comes before'],
      ],
    );
  }

  #onImpossible(zxid: number, says: string): void {
    const op = this.#updates.get(zxid);
    this.#accuse('update-legal', `transaction ${hexOf(zxid)} cannot be: ${says}`, op === undefined ? [] : [op], []);
  }

  // --- memory --------------------------------------------------------------------------------------------------------

  #mayPrune(): void {
    if (++this.#sincePruned < PRUNE_EVERY) return;
    this.#sincePruned = 0;
    const horizon = this.#horizon();
    this.#oracle.prune(horizon);
    this.#sequences.prune(horizon);
    const { tree } = this;
    if (tree !== null) this.#asked.prune((session) => tree.session(session) === null && !this.#sessions.has(session));
    for (const zxid of this.#updates.keys()) if (zxid <= horizon) this.#updates.delete(zxid);
  }

  /** The least zxid that a running program may still be shown. */
  #horizon(): number {
    let horizon = this.#told;
    for (const { desk, isOver } of this.#seats.values()) if (!isOver) horizon = Math.min(horizon, desk.answered);
    return horizon;
  }

  // --- telling -------------------------------------------------------------------------------------------------------

  #decide(rule: RuleName, times = 1): void {
    this.decided[rule] += times;
  }

  #accuse(property: PropertyId, message: string, parties: readonly Party[], links: readonly Link[]): void {
    const conflict = conflictOf(parties, links, (zxid) => this.tree?.commit(zxid)?.atUs ?? null);
    const events = [...new Set(conflict.ops.flatMap((op) => op.events))].sort((a, b) => a - b);
    this.#report(property, message, parties.length === 0 ? { events } : { events, conflict });
  }
}

const commitOf = ({ zxid, session, cxid, txn, atUs, eventId }: CommitRecord): Commit => ({
  ...{ zxid, session, cxid, txn, atUs, eventId: eventId ?? null },
});

/** Refused before any state was looked at (ServerCnxn, authentication). */
const isStateless = (err: number): boolean => err === Code.SESSIONCLOSEDREQUIRESASLAUTH || err === Code.AUTHFAILED;

/** Judges a whole history, as it was recorded. */
export function judgeHistory(
  records: Iterable<HistoryRecord>,
  options: JudgeOptions,
  report: Report,
): { readonly decided: Decided } {
  const judge = new Judge(options, report);
  for (const record of records) judge.onRecord(record);
  judge.atEnd();
  return { decided: judge.decided };
}

/** A counter of 0 is the beginning of an epoch: the state all transactions before it lead to. */
export const isEpochStart = (zxid: number): boolean => counterOf(zxid as Zxid) === 0;

/** Nodes whose data a successful update has set. */
function writtenPaths({ op, record }: Judged): string[] {
  const { call } = op;
  const { body } = record;
  switch (call.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return body !== null && 'path' in body ? [body.path] : [];
    case 'setData':
      return [call.path];
    case 'multi':
      return call.ops.filter(({ kind }) => kind === 'setData').map(({ path }) => path);
    default:
      return [];
  }
}
