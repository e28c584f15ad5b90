/**
 * The shrunk history of a violation: as few records as possible that the judge still refuses for the very same reason.
 *
 * A history may be refused for another reason once records are left out: a read whose write is gone reads what nobody wrote. So
 * a part of a history counts only when the first complaint about it is the original one, word for word and about the same
 * requests, and there is none that the whole did not meet. All else in such a part is in order, and whatever a person finds wrong with it is what was wrong with the run.
 * Reads can always be left out that way; where transactions or updates had to go as well, the history is called `derived`: it
 * is one that the ensemble could have produced, not the one it did.
 *
 * What could excuse the accused stays even where the complaint does not need it, so that the history tells the whole story: who
 * a client was when it asked, and the watch it had last set on what it was told about, with all it was told since.
 *
 * Transactions hold each other together: a create says how many children its parent has ever had, a write which version it makes,
 * and a node that is created twice was deleted in between. So creates are written as in old logs, without that number, and
 * writes are numbered anew, unless the complaint hangs on it; what happened to a node from its creation to its end may
 * be left out at once; and what an answer showed is forgotten where the complaint is not about that.
 *
 * What is left out is a request with its answer, a watch event, a change of state, an identity, or a transaction. The
 * search is delta debugging (`sim/shrink/ddmin.ts`) over these, after one guess at what matters: the clients that clash, and the
 * transactions about the paths they speak of. Its budget counts records judged, so the outcome depends on no clock.
 */

import type { Txn } from '../../../core/wire/txn.ts';
import { ddmin } from '../../shrink/ddmin.ts';
import type { PropertyId } from '../properties.ts';
import { callPaths, pathsOfTxn } from './call-paths.ts';
import type { Conflict } from './conflict.ts';
import { Judge, type JudgeOptions, judgeHistory } from './judge.ts';
import { isUpdate } from './ops.ts';
import type { HistoryRecord } from './record.ts';

export interface Complaint {
  readonly property: PropertyId;
  readonly message: string;
  readonly conflict: Conflict | null;
}

export interface ShrunkHistory {
  readonly complaint: Complaint;
  readonly records: readonly HistoryRecord[];
  /** Records up to the complaint. */
  readonly of: number;
  /** Leaving out any one thing more that is no excuse, the judge says something else. */
  readonly isMinimal: boolean;
  /** Transactions or updates were left out too. */
  readonly isDerived: boolean;
}

/** About four seconds of judging. */
const JUDGED_MAX = 1_000_000;

/** Null when the judge accepts the history. Transactions are left aside when the judge works from replies. */
export function shrinkHistory(
  history: readonly HistoryRecord[],
  options: JudgeOptions,
  judgedMax = JUDGED_MAX,
): ShrunkHistory | null {
  const judged = options.oracle === 'replies' ? history.filter(({ type }) => type !== 'commit') : history;
  const first = firstComplaint(judged, options);
  if (first === null) return null;
  const { complaint, at } = first;
  const all = judged.slice(0, at);
  const wanted = signatureOf(complaint);
  // Most complaints need not know what was sent, and without it less holds together.
  const bare = all.filter(({ type }) => type !== 'sent');
  const whole = complaintsOf(bare, options)[0] === wanted ? bare : all;
  // One answer may break several promises.
  const known = new Set(complaintsOf(whole, options));
  let left = judgedMax;
  let hasEnded = false;
  const isRefused = (records: readonly HistoryRecord[]): boolean | null => {
    if (records.length > left) {
      hasEnded = true;
      return null;
    }
    left -= records.length;
    const found = complaintsOf(records, options);
    return found[0] === wanted && found.every((each) => known.has(each));
  };
  const uncounted = whole.map(withoutCount);
  const isUncounted = isRefused(uncounted) === true;
  const recordsOf = (kept: readonly Unit[]): HistoryRecord[] =>
    isUncounted ? renumbered(inOrder(kept)) : inOrder(kept);
  const units = unitsOf(isUncounted ? uncounted : whole);
  const pinned = pinnedOf(units, complaint);
  const free = units.filter((unit) => !pinned.includes(unit));
  const isSame = (kept: readonly Unit[]): boolean | null => isRefused(recordsOf([...pinned, ...kept]));
  const guess = relevant(free, complaint);
  const isGuessed = isSame(guess) === true;
  const small = ddmin(isGuessed ? guess : free, isSame, { suffixes: !isGuessed });
  const blank = withoutBodies([...pinned, ...small], (whole) => isRefused(recordsOf(whole)));
  pinned.splice(0, pinned.length, ...blank.slice(0, pinned.length));
  const kept = withoutPairs(withoutLives(blank.slice(pinned.length), isSame), isSame);
  const records = recordsOf([...pinned, ...kept]);
  const [before, after] = [whole, records].map((each) => each.filter(changesSomething).length);
  return { complaint, records, of: all.length, isMinimal: !hasEnded, isDerived: after! < before! };
}

/** The first complaint and how many records had been read. */
function firstComplaint(
  records: readonly HistoryRecord[],
  options: JudgeOptions,
): { readonly complaint: Complaint; readonly at: number } | null {
  let complaint: Complaint | null = null;
  const judge = new Judge(options, (property, message, where = {}) => {
    complaint ??= { property, message, conflict: where.conflict ?? null };
  });
  for (const [index, record] of records.entries()) {
    judge.onRecord(record);
    if (complaint !== null) return { complaint, at: index + 1 };
  }
  judge.atEnd();
  return complaint === null ? null : { complaint, at: records.length };
}

function complaintsOf(records: readonly HistoryRecord[], options: JudgeOptions): string[] {
  const found: string[] = [];
  judgeHistory(records, options, (property, message, where = {}) => {
    found.push(signatureOf({ property, message, conflict: where.conflict ?? null }));
  });
  return found;
}

/** Word for word, and about the same requests. */
const signatureOf = ({ property, message, conflict }: Complaint): string =>
  JSON.stringify([property, message, conflict?.ops.map(({ client, id, what, zxid }) => [client, id, what, zxid])]);

const changesSomething = (record: HistoryRecord): boolean =>
  record.type === 'commit' || (record.type === 'invoke' && isUpdate(record));

// --- what can be left out ---

/** Records that stay or go together, with their places in the history. */
interface Unit {
  readonly records: { readonly at: number; readonly record: HistoryRecord }[];
}

function unitsOf(history: readonly HistoryRecord[]): Unit[] {
  const units: Unit[] = [];
  const open = new Map<string, Unit>();
  for (const [at, record] of history.entries()) {
    const isAnswer = record.type === 'ok' || record.type === 'fail' || record.type === 'info';
    const key = isAnswer || record.type === 'invoke' ? `${record.client} ${record.id}` : null;
    const isSent = record.type === 'sent' && record.id !== null;
    if (isSent) {
      const sent = open.get(`${record.client} ${record.id}`);
      if (sent !== undefined) {
        sent.records.push({ at, record });
        continue;
      }
    }
    const asked = isAnswer ? open.get(key!) : undefined;
    if (asked !== undefined) {
      asked.records.push({ at, record });
      // A second answer is a mistake that has to be seen on its own.
      open.delete(key!);
      continue;
    }
    const unit: Unit = { records: [{ at, record }] };
    units.push(unit);
    if (record.type === 'invoke') open.set(key!, unit);
  }
  return units;
}

function inOrder(units: readonly Unit[]): HistoryRecord[] {
  const placed = units.flatMap(({ records }) => records);
  placed.sort((a, b) => a.at - b.at);
  return placed.map(({ record }) => record);
}

/** What probably matters: what the clients that clash did not ask for, what they clash over, and transactions about its paths. */
function relevant(units: readonly Unit[], { conflict }: Complaint): Unit[] {
  const ops = conflict?.ops ?? [];
  const clients = new Set(ops.map(({ client }) => client));
  const named = new Set(ops.map(({ client, id }) => `${client} ${id}`));
  const paths = new Set<string>();
  const isNamed = (unit: Unit): boolean =>
    unit.records.some(({ record }) => record.type === 'invoke' && named.has(`${record.client} ${record.id}`));
  for (const unit of units) {
    if (!isNamed(unit)) continue;
    for (const { record } of unit.records) for (const path of callPaths(record)) paths.add(path);
  }
  const zxids = new Set(ops.map(({ zxid }) => zxid));
  const touches = (record: HistoryRecord): boolean =>
    callPaths(record).some((path) => [...paths].some((other) => isAround(path, other)));
  return units.filter((unit) => {
    const { record } = unit.records[0]!;
    switch (record.type) {
      case 'commit':
        return zxids.has(record.zxid) || record.txn.kind === 'createSession' || touches(record);
      case 'invoke':
        return isNamed(unit);
      case 'sent':
      case 'ok':
      case 'fail':
      case 'info':
      case 'state':
      case 'restart':
      case 'identity':
        return clients.has(record.client);
      case 'watch':
        // Without what asked for it, it would be a mistake of its own.
        return false;
      default:
        return record satisfies never;
    }
  });
}

/** What could excuse the accused: see above. */
function pinnedOf(units: readonly Unit[], { conflict }: Complaint): Unit[] {
  const pinned = new Set<Unit>();
  for (const { client, id, zxid } of conflict?.ops ?? []) {
    const at = units.findLastIndex(({ records }) => {
      const { record } = records[0]!;
      if (record.type === 'watch') return id === null && record.client === client && record.zxid === zxid;
      return record.type === 'invoke' && record.client === client && record.id === id;
    });
    if (at < 0) continue;
    pinned.add(units[at]!);
    const before = units.slice(0, at);
    const identity = before.findLast(({ records: [first] }) => isOf(first!.record, client, 'identity'));
    if (identity !== undefined) pinned.add(identity);
    const { record: told } = units[at]!.records[0]!;
    if (told.type !== 'watch') continue;
    const set = before.findLastIndex(({ records: [first] }) => setsWatch(first!.record, client, told.path));
    if (set < 0) continue;
    pinned.add(before[set]!);
    for (const unit of before.slice(set)) {
      const { record } = unit.records[0]!;
      if (record.type === 'watch' && record.client === client && record.path === told.path) pinned.add(unit);
    }
  }
  return [...pinned];
}

/** Forgets what answers showed where the complaint is not about that: a Stat holds on to every transaction that it counts. */
function withoutBodies(units: readonly Unit[], isRefused: (units: readonly Unit[]) => boolean | null): Unit[] {
  const kept = [...units];
  for (const [index, unit] of kept.entries()) {
    const bare = { records: unit.records.map(({ at, record }) => ({ at, record: withoutBody(record) })) };
    if (bare.records.every(({ record }, at) => record === unit.records[at]!.record)) continue;
    kept[index] = bare;
    if (isRefused(kept) !== true) kept[index] = unit;
  }
  return kept;
}

const withoutBody = (record: HistoryRecord): HistoryRecord =>
  'body' in record && record.body !== null ? { ...record, body: null, isCut: true } : record;

/** Leaves out nodes from their creation to their end, with all below them; then what is possible without those. */
function withoutLives(units: readonly Unit[], isSame: (kept: readonly Unit[]) => boolean | null): readonly Unit[] {
  let kept = units;
  for (const unit of units) {
    const { record } = unit.records[0]!;
    if (record.type !== 'commit' || !kept.includes(unit)) continue;
    for (const path of createdIn(record.txn)) {
      const rest = withoutLife(kept, unit, path);
      if (isSame(rest) === true) kept = rest;
    }
  }
  return kept.length === units.length ? kept : ddmin(kept, isSame, { suffixes: false });
}

function withoutLife(units: readonly Unit[], birth: Unit, path: string): Unit[] {
  let isAlive = false;
  return units.filter((unit) => {
    const { record } = unit.records[0]!;
    if (unit === birth) isAlive = true;
    if (!isAlive || record.type !== 'commit') return true;
    const isOwn = pathsOfTxn(record.txn).some((other) => other === path || other.startsWith(`${path}/`));
    if (isOwn && deletedIn(record.txn).includes(path)) isAlive = false;
    return !isOwn;
  });
}

/** Leaves out two at once that speak of one node: a watch and its event, a creation and a deletion, a write and its transaction. */
function withoutPairs(units: readonly Unit[], isSame: (kept: readonly Unit[]) => boolean | null): readonly Unit[] {
  let kept = units;
  for (let hasChanged = kept.length <= PAIRS_UP_TO; hasChanged; ) {
    hasChanged = false;
    for (const first of kept) {
      for (const second of kept) {
        if (first === second || !kept.includes(first)) break;
        if (!kept.includes(second) || !isAboutOneNode(first, second)) continue;
        const rest = kept.filter((unit) => unit !== first && unit !== second);
        const failed = isSame(rest);
        if (failed === null) return kept;
        if (!failed) continue;
        kept = rest;
        hasChanged = true;
      }
    }
    if (hasChanged) kept = ddmin(kept, isSame, { suffixes: false });
  }
  return kept;
}

/** Beyond so many units there are too many pairs. */
const PAIRS_UP_TO = 100;

const isAboutOneNode = (first: Unit, second: Unit): boolean =>
  pathsOf(first).some((path) => pathsOf(second).some((other) => isAround(path, other)));

const pathsOf = ({ records }: Unit): readonly string[] => records.flatMap(({ record }) => callPaths(record));

function createdIn(txn: Txn): readonly string[] {
  if (txn.kind === 'multi') return txn.parts.flatMap((part) => createdIn(part.txn));
  return txn.kind === 'create' || txn.kind === 'createContainer' || txn.kind === 'createTTL' ? [txn.path] : [];
}

function deletedIn(txn: Txn): readonly string[] {
  if (txn.kind === 'multi') return txn.parts.flatMap((part) => deletedIn(part.txn));
  if (txn.kind === 'closeSession') return txn.paths ?? [];
  return txn.kind === 'delete' ? [txn.path] : [];
}

/** Each write makes the version after that of the write before it. */
function renumbered(records: readonly HistoryRecord[]): HistoryRecord[] {
  const versions = new Map<string, number>();
  const next = (key: string): number => {
    const version = (versions.get(key) ?? 0) + 1;
    versions.set(key, version);
    return version;
  };
  const renumber = (txn: Txn): Txn => {
    switch (txn.kind) {
      case 'setData':
        return { ...txn, version: next(`data ${txn.path}`) };
      case 'setACL':
        return { ...txn, version: next(`acl ${txn.path}`) };
      case 'multi':
        if (txn.parts.some((part) => part.txn.kind === 'error')) return txn;
        return { ...txn, parts: txn.parts.map((part) => ({ ...part, txn: renumber(part.txn) })) };
      case 'create':
      case 'createContainer':
      case 'createTTL':
        versions.delete(`data ${txn.path}`);
        versions.delete(`acl ${txn.path}`);
        return txn;
      case 'delete':
      case 'check':
      case 'createSession':
      case 'closeSession':
      case 'error':
        return txn;
      default:
        return txn satisfies never;
    }
  };
  return records.map((record) => (record.type === 'commit' ? { ...record, txn: renumber(record.txn) } : record));
}

const isOf = (record: HistoryRecord, client: number, type: HistoryRecord['type']): boolean =>
  record.type === type && 'client' in record && record.client === client;

function setsWatch(record: HistoryRecord, client: number, path: string): boolean {
  if (record.type !== 'invoke' || record.client !== client) return false;
  const { call } = record;
  if (call.kind === 'addWatch') return call.path === path || path.startsWith(`${call.path === '/' ? '' : call.path}/`);
  return 'watch' in call && call.watch && 'path' in call && call.path === path;
}

function withoutCount(record: HistoryRecord): HistoryRecord {
  if (record.type !== 'commit') return record;
  return { ...record, txn: uncountedTxn(record.txn) };
}

function uncountedTxn(txn: Txn): Txn {
  if ('parentCVersion' in txn) return { ...txn, parentCVersion: -1 };
  if (txn.kind !== 'multi') return txn;
  return { ...txn, parts: txn.parts.map((part) => ({ ...part, txn: uncountedTxn(part.txn) })) };
}

/** One path, or one above the other. */
const isAround = (a: string, b: string): boolean => a === b || b.startsWith(`${a}/`) || a.startsWith(`${b}/`);
