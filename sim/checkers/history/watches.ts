/**
 * The watches of one client: what it has asked for, what it is owed, and what it is told (rules W1 to W7).
 *
 * A watch counts from the zxid z of the answer that set it. With the committed history at hand, what it is owed follows: the
 * first change behind z that concerns it and that the client may read, for a persistent watch every one. The server tells
 * before it answers anything of the changed state, so an answer with a zxid at or above that of an owed change proves that
 * the event is late or lost.
 *
 * When the connection breaks, the client carries its watches to the next server (SetWatches) with the zxid of the last answer
 * it had. At which zxid that server looks is not told, but every change behind that look comes as an ordinary event, and all
 * of them before the first answer. So the state at the zxid of the first answer decides: if that state still shows a missed
 * change and nothing was told of it, nothing will be. Persistent watches are only set again; what happened in the gap is not
 * told, and must not be asked for (DataTree.setWatches).
 *
 * Without the committed history there remain: events nobody asked for, their order, and data read before its event as the
 * Stat gives it away.
 */

import type { Call, CallBody } from '../../../core/client/calls.ts';
import { AddWatchMode, Code, EventType, WatcherType } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import type { PropertyId } from '../properties.ts';
import type { NodeState, TreeChange, VersionedTree } from './model.ts';
import { type HistoryOp, hexOf, type Link, type Party, type Told } from './ops.ts';
import type { WatchRecord } from './record.ts';
import { type Identities, mayRead } from './rights.ts';
import type { RuleName } from './rules.ts';

type Kind = 'data' | 'exist' | 'child' | 'persistent' | 'recursive';

interface Watch {
  readonly kind: Kind;
  readonly path: string;
  readonly op: HistoryOp;
  /** Who the client was for certain when it was set. */
  readonly ids: Identities;
  /** Changes up to here are no news. */
  since: number;
  /** Changes that concern it, oldest first. Those up to `optionalTo` may have been told already. */
  due: TreeChange[];
  optionalTo: number;
  /** Carried to a new server that has not answered yet: `since` is the zxid it was carried with. */
  claimed: boolean;
  /** mzxid or pzxid of what was read when it was set, 0 for a node that was not there. */
  readonly shown: number;
  /** An answer proved that this is late; how many answers ago. */
  late: { readonly change: TreeChange; readonly op: HistoryOp; answers: number } | null;
}

export interface DeskContext {
  /** Null when only what clients are told is known. */
  readonly tree: VersionedTree | null;
  ids(): Identities;
  /** Events on this path may be kept back, and only the server knows. */
  isSecret(path: string): boolean;
  decided(rule: RuleName, times?: number): void;
  report(property: PropertyId, message: string, parties: readonly Party[], links: readonly Link[]): void;
}

/** Answers behind the proof that an event is late, after which it counts as lost. */
const LATE_ANSWERS_MAX = 8;

/** Which events concern a kind of watch on the very path (server/watch; `persistentRecursive` hears of no children). */
const HEARS: Readonly<Record<Kind, ReadonlySet<number>>> = {
  data: new Set([EventType.nodeCreated, EventType.nodeDeleted, EventType.nodeDataChanged]),
  exist: new Set([EventType.nodeCreated, EventType.nodeDeleted, EventType.nodeDataChanged]),
  child: new Set([EventType.nodeDeleted, EventType.nodeChildrenChanged]),
  persistent: new Set([
    EventType.nodeCreated,
    EventType.nodeDeleted,
    EventType.nodeDataChanged,
    EventType.nodeChildrenChanged,
  ]),
  recursive: new Set([EventType.nodeCreated, EventType.nodeDeleted, EventType.nodeDataChanged]),
};

const EVENT_NAMES: Readonly<Record<number, string>> = {
  [EventType.nodeCreated]: 'created',
  [EventType.nodeDeleted]: 'deleted',
  [EventType.nodeDataChanged]: 'data changed',
  [EventType.nodeChildrenChanged]: 'children changed',
};
const isRemoval = (event: number): boolean => event >= EventType.dataWatchRemoved;
const isOneShot = (kind: Kind): boolean => kind !== 'persistent' && kind !== 'recursive';

export class WatchDesk {
  readonly #client: number;
  readonly #context: DeskContext;
  readonly #watches = new Map<string, Watch[]>();
  #recursiveCount = 0;
  #lateCount = 0;
  #claimedCount = 0;
  /** Of the last answer: what SetWatches carries. */
  #answered = 0;
  #lastEvent: Told | null = null;
  /** Deletions that may be told twice after a reconnection: once for the data watch and once for the child watch. */
  readonly #twice = new Map<string, number>();

  constructor(client: number, context: DeskContext) {
    this.#client = client;
    this.#context = context;
  }

  /** The least zxid about which something may still have to be looked up. */
  get answered(): number {
    return this.#answered;
  }

  get count(): number {
    let count = 0;
    for (const watches of this.#watches.values()) count += watches.length;
    return count;
  }

  // --- what the client does ---

  /** A new program: it has no watches. It goes on from `zxid` if it has the session of the old one. */
  onRestart(zxid: number): void {
    this.#clear();
    this.#answered = zxid;
    this.#lastEvent = null;
  }

  onEnd(): void {
    this.#clear();
  }

  #clear(): void {
    this.#watches.clear();
    this.#twice.clear();
    this.#recursiveCount = 0;
    this.#lateCount = 0;
    this.#claimedCount = 0;
  }

  onDisconnected(): void {
    this.#reportLost(0);
    this.#twice.clear();
    this.#claimedCount = 0;
    for (const watch of this.#all()) {
      watch.claimed = true;
      watch.due = [];
      watch.since = this.#answered;
      this.#claimedCount += 1;
    }
  }

  // --- what is committed ---

  onChanges(changes: readonly TreeChange[]): void {
    if (this.#watches.size === 0) return;
    for (const change of changes) {
      for (const watch of this.#concernedBy(change)) if (!watch.claimed) watch.due.push(change);
    }
  }

  *#all(): Generator<Watch> {
    for (const watches of this.#watches.values()) yield* watches;
  }

  *#concernedBy({ path, type }: { readonly path: string; readonly type: number }): Generator<Watch> {
    for (const watch of this.#watches.get(path) ?? []) if (HEARS[watch.kind].has(type)) yield watch;
    if (this.#recursiveCount === 0 || !HEARS.recursive.has(type)) return;
    for (let at = path; at.length > 1; ) {
      at = at.lastIndexOf('/') <= 0 ? '/' : at.slice(0, at.lastIndexOf('/'));
      for (const watch of this.#watches.get(at) ?? []) if (watch.kind === 'recursive') yield watch;
    }
  }

  // --- answers ---

  /** An answer that carries the zxid of a state has arrived. Called before what it shows is looked at. */
  onAnswer(op: HistoryOp, zxid: number, err: number, body: CallBody | null): void {
    if (this.#context.tree === null) this.#compareWithStat(op, err, body);
    else this.#collectDebts(op, zxid);
    if (this.#claimedCount > 0) for (const watch of this.#all()) if (watch.claimed) this.#expectFrom(watch, zxid);
    this.#answered = Math.max(this.#answered, zxid);
    if (err === Code.OK && op.call.kind === 'removeWatches') this.#remove(op.call.path, op.call.type);
    this.#register(op, zxid, err, body);
  }

  #register(op: HistoryOp, zxid: number, err: number, body: CallBody | null): void {
    const { call } = op;
    const stat = body !== null && 'stat' in body ? body.stat : null;
    switch (call.kind) {
      case 'getData':
        if (call.watch && err === Code.OK) this.#add('data', call.path, op, zxid, stat?.mzxid ?? zxid);
        return;
      case 'getConfig':
        if (call.watch && err === Code.OK) this.#add('data', CONFIG_PATH, op, zxid, Number.POSITIVE_INFINITY);
        return;
      case 'exists':
        if (!call.watch) return;
        if (err === Code.OK) this.#add('data', call.path, op, zxid, stat?.mzxid ?? zxid);
        else if (err === Code.NONODE) this.#add('exist', call.path, op, zxid, 0);
        return;
      case 'getChildren':
      case 'getChildren2':
        if (call.watch && err === Code.OK) this.#add('child', call.path, op, zxid, stat?.pzxid ?? zxid);
        return;
      case 'addWatch':
        if (err !== Code.OK) return;
        this.#add(call.mode === AddWatchMode.persistentRecursive ? 'recursive' : 'persistent', call.path, op, zxid, 0);
        return;
      default:
        return;
    }
  }

  /** Setting again what is set changes nothing. */
  #add(kind: Kind, path: string, op: HistoryOp, zxid: number, shown: number): void {
    const watches = this.#watches.get(path) ?? [];
    if (watches.some((watch) => watch.kind === kind)) return;
    const { sure } = this.#context.ids();
    const watch: Watch = {
      kind,
      path,
      op,
      ids: { sure, coming: [] },
      since: zxid,
      due: [],
      optionalTo: 0,
      claimed: false,
      shown,
      late: null,
    };
    this.#expectFrom(watch, zxid);
    this.#watches.set(path, [...watches, watch]);
    if (kind === 'recursive') this.#recursiveCount += 1;
  }

  /** From here on everything is owed. */
  #expectFrom(watch: Watch, zxid: number): void {
    if (watch.claimed) this.#claimedCount -= 1;
    watch.claimed = false;
    watch.since = zxid;
    watch.due = [];
    for (const change of this.#context.tree?.changesAfter(zxid) ?? []) {
      if (isConcerned(watch, change)) watch.due.push(change);
    }
  }

  #drop(watch: Watch): void {
    const left = (this.#watches.get(watch.path) ?? []).filter((other) => other !== watch);
    if (left.length === 0) this.#watches.delete(watch.path);
    else this.#watches.set(watch.path, left);
    if (watch.kind === 'recursive') this.#recursiveCount -= 1;
    if (watch.late !== null) this.#lateCount -= 1;
    if (watch.claimed) this.#claimedCount -= 1;
  }

  #remove(path: string, type: number): void {
    for (const watch of this.#watches.get(path) ?? []) if (isMeantBy(type, watch.kind)) this.#drop(watch);
  }

  /** W2, W3 and W5: at this zxid, what is still owed? */
  #collectDebts(op: HistoryOp, zxid: number): void {
    if (this.#lateCount > 0) this.#reportLost(LATE_ANSWERS_MAX);
    for (const watch of this.#all()) {
      if (watch.claimed) this.#settleClaim(watch, op, zxid);
      else if (watch.due.length > 0 && watch.due[0]!.zxid <= zxid) this.#collectDebt(watch, op, zxid);
      else this.#context.decided(watch.kind === 'persistent' || watch.kind === 'recursive' ? 'W6' : 'W3');
    }
  }

  #collectDebt(watch: Watch, op: HistoryOp, zxid: number): void {
    const owed = watch.due.find(
      (change) => change.zxid <= zxid && change.zxid > watch.optionalTo && mayRead(watch.ids, change.acl) === 'yes',
    );
    if (owed === undefined) {
      // Kept back, or nobody can tell.
      watch.due = watch.due.filter((change) => change.zxid > zxid);
      return;
    }
    if (touches(op.call, owed)) {
      this.#reportLate(watch, owed, op);
      this.#drop(watch);
    } else if (watch.late === null) {
      watch.late = { change: owed, op, answers: 0 };
      this.#lateCount += 1;
    }
  }

  /** Nothing more will come. */
  atEnd(): void {
    this.#reportLost(0);
  }

  #reportLost(answersMin: number): void {
    if (this.#lateCount === 0) return;
    for (const watch of this.#all()) {
      const { late } = watch;
      if (late === null || ++late.answers < answersMin) continue;
      this.#context.report(
        'watch-lost',
        `client ${this.#client} heard of ${hexOf(late.op.zxid ?? 0)} and was never told that ${said(late.change)} at ${hexOf(late.change.zxid)}, which it watches`,
        [watch.op, this.#partyOf(late.change), late.op],
        [
          [0, 1, 'watch', 'watches for'],
          [1, 2, 'zxid', 'lies before the answer'],
        ],
      );
      this.#drop(watch);
    }
  }

  #reportLate(watch: Watch, change: TreeChange, op: HistoryOp): void {
    this.#context.report(
      'watch-before-data',
      `client ${this.#client} was answered as of ${hexOf(op.zxid ?? 0)} before it was told that ${said(change)} at ${hexOf(change.zxid)}, which it watches`,
      [watch.op, this.#partyOf(change), op],
      [
        [0, 1, 'watch', 'watches for'],
        [1, 2, 'zxid', 'is shown by the answer'],
      ],
    );
  }

  /** The first answer of a new server: whatever the watch missed has been told by now, or never will be. */
  #settleClaim(watch: Watch, op: HistoryOp, zxid: number): void {
    const tree = this.#context.tree!;
    if (!isOneShot(watch.kind)) {
      this.#context.decided('W6');
      this.#expectFrom(watch, zxid);
      return;
    }
    const missed = missedAt(tree, watch, zxid);
    if (missed !== null && this.#couldReadAll(tree, watch, zxid)) {
      this.#context.report(
        'watch-catch-up',
        `client ${this.#client} came back with a watch on ${watch.path} that had seen ${hexOf(watch.since)}, got an answer as of ${hexOf(zxid)}, and was not told that it was ${EVENT_NAMES[missed]}`,
        [watch.op, op],
        [[0, 1, 'watch', `should have been told before`]],
      );
      this.#drop(watch);
      return;
    }
    this.#context.decided('W5');
    this.#expectFrom(watch, zxid);
  }

  /** Every state in the gap could be read, so nothing may have been kept back. */
  #couldReadAll(tree: VersionedTree, watch: Watch, zxid: number): boolean {
    const states = tree.statesBetween(watch.path, watch.since, zxid);
    return states.every((state) => state === null || mayRead(watch.ids, state.acl) === 'yes');
  }

  // --- events ---

  onEvent(record: WatchRecord): void {
    const { path, event, zxid, atUs, eventId = null, heard = true } = record;
    if (isRemoval(event)) return;
    const told: Told = {
      told: `${path} ${EVENT_NAMES[event] ?? event}`,
      client: this.#client,
      atUs,
      zxid,
      eventId,
    };
    if (zxid > 0) this.#checkOrder(told);
    if (!heard) this.#onUnheard(record, told);
    else if (zxid <= 0) this.#onCaughtUp(record, told);
    else this.#onFired(record, told);
  }

  #checkOrder(told: Told): void {
    const last = this.#lastEvent;
    this.#context.decided('W4');
    if (last !== null && told.zxid < last.zxid) {
      this.#context.report(
        'watch-order',
        `client ${this.#client} is told of ${told.told} at ${hexOf(told.zxid)} after ${last.told} at ${hexOf(last.zxid)}`,
        [last, told],
        [
          [0, 1, 'session', 'came first'],
          [1, 0, 'zxid', 'happened first'],
        ],
      );
    }
    this.#lastEvent = told;
  }

  /** The client machine had nobody to tell. Legal only for the second of two deletions made up on reconnection. */
  #onUnheard({ path, event, zxid }: WatchRecord, told: Told): void {
    const twice = this.#twice.get(path) ?? 0;
    if (zxid <= 0 && event === EventType.nodeDeleted && twice > 0) {
      this.#twice.set(path, twice - 1);
      return;
    }
    this.#reportUnasked(told);
  }

  #reportUnasked(told: Told): void {
    this.#context.report(
      'watch-unasked',
      `client ${this.#client} is told of ${told.told}, for which it has no watch left`,
      [told],
      [],
    );
  }

  /** An ordinary event: of a change behind every watch it answers. */
  #onFired(record: WatchRecord, told: Told): void {
    const { path, event } = record;
    const concerned = [...this.#concernedBy({ path, type: event })];
    this.#context.decided('W1');
    if (concerned.length === 0) return this.#reportUnasked(told);
    const { tree } = this.#context;
    let isOwed = tree === null;
    for (const watch of concerned) if (this.#fire(watch, record, told)) isOwed = true;
    if (!isOwed && tree !== null) this.#reportGroundless(tree, concerned[0]!, record, told);
    this.#useUp(path, event);
  }

  /** True when the watch was owed this event. */
  #fire(watch: Watch, { path, event, zxid }: WatchRecord, told: Told): boolean {
    const { tree } = this.#context;
    if (tree === null) return true;
    if (watch.claimed) return this.#fireClaimed(tree, watch, { path, type: event, zxid }, told);
    const index = watch.due.findIndex(
      (change) => change.zxid === zxid && change.type === event && change.path === path,
    );
    if (index < 0) return false;
    const change = watch.due[index]!;
    this.#checkRight(watch, change, told);
    if (watch.late !== null) this.#reportLate(watch, watch.late.change, watch.late.op);
    else this.#context.decided('W2');
    const skipped = watch.due.find(
      (other) => other.zxid < zxid && other.zxid > watch.optionalTo && mayRead(watch.ids, other.acl) === 'yes',
    );
    if (skipped !== undefined) this.#reportSkipped(watch, skipped, told);
    watch.due = watch.due.filter((other, at) => other.zxid >= zxid && at !== index);
    return true;
  }

  #reportSkipped(watch: Watch, change: TreeChange, told: Told): void {
    this.#context.report(
      'watch-lost',
      `client ${this.#client} is told of ${told.told} at ${hexOf(told.zxid)}, but was not told that ${said(change)} at ${hexOf(change.zxid)}`,
      [watch.op, this.#partyOf(change), told],
      [
        [0, 1, 'watch', 'watches for'],
        [1, 2, 'zxid', 'lies before'],
      ],
    );
  }

  #checkRight(watch: Watch, change: TreeChange, told: Told): void {
    this.#context.decided('W7');
    if (mayRead(this.#context.ids(), change.acl) !== 'no') return;
    this.#context.report(
      'watch-filtered',
      `client ${this.#client} is told of ${told.told}, which it may not read`,
      [watch.op, this.#partyOf(change), told],
      [[1, 2, 'watch', 'must be kept back']],
    );
  }

  /** The new server set the watch again and told of a change behind that: nothing may have been missed before. */
  #fireClaimed(
    tree: VersionedTree,
    watch: Watch,
    change: { path: string; type: number; zxid: number },
    told: Told,
  ): boolean {
    const { zxid } = change;
    const found = [...tree.changesAfter(zxid - 1)].find(
      (other) => other.zxid === zxid && other.path === change.path && other.type === change.type,
    );
    if (found === undefined || zxid <= watch.since) return false;
    this.#checkRight(watch, found, told);
    if (isOneShot(watch.kind)) {
      const missed = missedAt(tree, watch, zxid - 1);
      if (missed !== null && this.#couldReadAll(tree, watch, zxid - 1)) {
        this.#context.report(
          'watch-catch-up',
          `client ${this.#client} came back with a watch on ${watch.path} that had seen ${hexOf(watch.since)} and was not told that it was ${EVENT_NAMES[missed]} before ${hexOf(zxid)}`,
          [watch.op, told],
          [[0, 1, 'watch', 'should have been told before']],
        );
      }
    } else {
      this.#expectFrom(watch, zxid - 1);
      watch.due = watch.due.filter((other) => other !== found);
      watch.optionalTo = zxid;
    }
    return true;
  }

  #reportGroundless(tree: VersionedTree, watch: Watch, { path, event, zxid }: WatchRecord, told: Told): void {
    const happened = [...tree.changesAfter(zxid - 1)].some(
      (change) => change.zxid === zxid && change.path === path && change.type === event,
    );
    const isKnown = zxid > tree.horizon;
    if (!isKnown) return;
    const why = happened ? `the watch is newer: ${hexOf(watch.since)}` : `no such thing happened at ${hexOf(zxid)}`;
    this.#context.report(
      'watch-groundless',
      `client ${this.#client} is told of ${told.told}, but ${why}`,
      [watch.op, told],
      [[0, 1, 'watch', why]],
    );
  }

  /** An event made up for a client that came back: some state behind the last it saw must give a reason. */
  #onCaughtUp({ path, event }: WatchRecord, told: Told): void {
    const kinds = CAUGHT_UP_BY[event] ?? [];
    const claims = (this.#watches.get(path) ?? []).filter((watch) => watch.claimed && kinds.includes(watch.kind));
    this.#context.decided('W5');
    const { tree } = this.#context;
    if (claims.length === 0) {
      if (tree !== null || (this.#watches.get(path) ?? []).length === 0) this.#reportUnasked(told);
      return;
    }
    if (tree !== null) this.#checkCaughtUp(tree, claims, event, told);
    if (event === EventType.nodeDeleted) {
      const claimed = (this.#watches.get(path) ?? []).filter((watch) => watch.claimed && isOneShot(watch.kind));
      this.#twice.set(path, claimed.length - 1);
    }
    this.#useUp(path, event);
  }

  #checkCaughtUp(tree: VersionedTree, claims: readonly Watch[], event: number, told: Told): void {
    const reasons = claims.flatMap((watch) => reasonsFor(tree, watch, event));
    const [watch] = claims;
    if (watch === undefined || watch.since < tree.horizon) return;
    if (reasons.length === 0) {
      this.#context.report(
        'watch-catch-up',
        `client ${this.#client} came back having seen ${hexOf(watch.since)} and is told of ${told.told}, which no later state shows`,
        [watch.op, told],
        [[0, 1, 'watch', 'has no reason']],
      );
      return;
    }
    this.#context.decided('W7');
    const ids = this.#context.ids();
    if (reasons.some((state) => state === null || mayRead(ids, state.acl) !== 'no')) return;
    this.#context.report(
      'watch-filtered',
      `client ${this.#client} came back and is told of ${told.told}, which it may not read`,
      [watch.op, told],
      [[0, 1, 'watch', 'must be kept back']],
    );
  }

  /** As the client machine does it (ZKWatchManager.materialize). */
  #useUp(path: string, event: number): void {
    for (const watch of this.#watches.get(path) ?? []) {
      if (isOneShot(watch.kind) && HEARS[watch.kind].has(event)) this.#drop(watch);
    }
  }

  #partyOf(change: TreeChange): Party {
    const commit = this.#context.tree?.commit(change.zxid);
    if (commit != null) return { commit, what: said(change) };
    return { told: said(change), client: 0, atUs: 0, zxid: change.zxid, eventId: null };
  }

  // --- from what clients are told alone ---

  /** A Stat that is newer than the one the watch was set on gives away that the event is missing. */
  #compareWithStat(op: HistoryOp, err: number, body: CallBody | null): void {
    const { call } = op;
    if (!('path' in call) || this.#context.isSecret(call.path)) return;
    const watches = this.#watches.get(call.path);
    if (watches === undefined) return;
    const stat = body !== null && 'stat' in body ? body.stat : null;
    for (const watch of watches) {
      if (!isOneShot(watch.kind)) continue;
      const isNews =
        stat !== null ? isNewer(watch, stat) : err === Code.NONODE && call.kind === 'exists' && watch.kind === 'data';
      if (stat !== null || err === Code.NONODE) this.#context.decided('W2');
      if (!isNews) continue;
      const change =
        stat === null
          ? `${call.path} is gone`
          : `${call.path} as of ${hexOf(isChild(watch) ? stat.pzxid : stat.mzxid)}`;
      this.#context.report(
        'watch-before-data',
        `client ${this.#client} sees ${change} before the event of its watch set at ${hexOf(watch.shown)}`,
        [watch.op, op],
        [[0, 1, 'watch', 'should have been told before']],
      );
      this.#drop(watch);
    }
  }
}

const CONFIG_PATH = '/zookeeper/config';
const isChild = (watch: Watch): boolean => watch.kind === 'child';

const isNewer = (watch: Watch, stat: Stat): boolean => (isChild(watch) ? stat.pzxid : stat.mzxid) > watch.shown;

/** Which watches the events made up on reconnection are for. */
const CAUGHT_UP_BY: Readonly<Record<number, readonly Kind[]>> = {
  [EventType.nodeDataChanged]: ['data'],
  [EventType.nodeCreated]: ['exist'],
  [EventType.nodeDeleted]: ['data', 'child'],
  [EventType.nodeChildrenChanged]: ['child'],
};

/** The states behind what a watch has seen that give a reason to make up this event. */
function reasonsFor(tree: VersionedTree, watch: Watch, event: number): (NodeState | null)[] {
  return tree.statesBetween(watch.path, watch.since, tree.last).filter((state) => {
    if (state === null) return event === EventType.nodeDeleted && watch.kind !== 'exist';
    switch (watch.kind) {
      case 'data':
        return event === EventType.nodeDataChanged && state.mzxid > watch.since;
      case 'exist':
        return event === EventType.nodeCreated;
      case 'child':
        return event === EventType.nodeChildrenChanged && state.pzxid > watch.since;
      case 'persistent':
      case 'recursive':
        return false;
      default:
        return watch.kind satisfies never;
    }
  });
}

/** `/a was created`. */
const said = ({ path, type }: TreeChange): string =>
  type === EventType.nodeDataChanged || type === EventType.nodeChildrenChanged
    ? `${EVENT_NAMES[type]} of ${path}`
    : `${path} was ${EVENT_NAMES[type]}`;

function isConcerned(watch: Watch, { path, type }: TreeChange): boolean {
  if (!HEARS[watch.kind].has(type)) return false;
  if (path === watch.path) return true;
  return watch.kind === 'recursive' && (watch.path === '/' || path.startsWith(`${watch.path}/`));
}

/** What a watch carried over from `since` must be told of by a server that looks at `zxid`; an `EventType`, or null. */
function missedAt(tree: VersionedTree, watch: Watch, zxid: number): number | null {
  if (watch.path.startsWith('/zookeeper')) return null;
  const node = tree.at(zxid, watch.path);
  switch (watch.kind) {
    case 'data':
      if (node === null) return EventType.nodeDeleted;
      return node.mzxid > watch.since ? EventType.nodeDataChanged : null;
    case 'exist':
      return node === null ? null : EventType.nodeCreated;
    case 'child':
      if (node === null) return EventType.nodeDeleted;
      return node.pzxid > watch.since ? EventType.nodeChildrenChanged : null;
    case 'persistent':
    case 'recursive':
      return null;
    default:
      return watch.kind satisfies never;
  }
}

function isMeantBy(type: number, kind: Kind): boolean {
  switch (type) {
    case WatcherType.any:
      return true;
    case WatcherType.data:
      return kind === 'data' || kind === 'exist';
    case WatcherType.children:
      return kind === 'child';
    case WatcherType.persistent:
      return kind === 'persistent';
    case WatcherType.persistentRecursive:
      return kind === 'recursive';
    default:
      return false;
  }
}

/** The request is about the very node, so that its answer shows the change. */
function touches(call: Call, change: TreeChange): boolean {
  if (call.kind === 'multi' || call.kind === 'multiRead') return call.ops.some(({ path }) => path === change.path);
  return 'path' in call && call.kind !== 'sync' && call.path === change.path;
}
