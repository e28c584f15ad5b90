/**
 * A shrunk history for people: a line for each thing that happened, and the same as spans in lanes, which the drawing for
 * terminals, the SVG and the viewer share with the histories of the search (`search/view.ts`).
 *
 * A line reads `#3 client 2 setData /a → version 4 at 0x10000000c`. The number is that of the span in the picture.
 */

import type { CallBody } from '../../../core/client/calls.ts';
import { showSession, showZxid } from '../../../core/types.ts';
import { Code, EventType } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { bytesText, plural } from '../../text.ts';
import { type ConflictOp, callText } from './conflict.ts';
import { isUpdate } from './ops.ts';
import type { AnswerRecord, HistoryRecord, InvokeRecord } from './record.ts';
import type { OperationView, SearchView } from './search/view.ts';
import type { ShrunkHistory } from './shrunk.ts';

/** One request with its answer, one transaction, one event, one change of a client. */
export interface HistoryRow {
  /** Its place in the shrunk history, from 0. */
  readonly id: number;
  readonly lane: string;
  readonly label: string;
  readonly outcome: OperationView['outcome'];
  readonly fromUs: number;
  /** Null when it was never answered. */
  readonly untilUs: number | null;
  /** Places of its records among those of the shrunk history. */
  readonly invokedAt: number;
  readonly respondedAt: number | null;
  readonly zxid: number | null;
  readonly isUpdate: boolean;
  readonly isInConflict: boolean;
}

/** Where transactions are drawn. */
const COMMITTED_LANE = 'committed';

export function historyRows({ records, complaint }: ShrunkHistory): HistoryRow[] {
  const rows: HistoryRow[] = [];
  const named = complaint.conflict?.ops ?? [];
  for (const [at, record] of records.entries()) {
    const isAnswer = record.type === 'ok' || record.type === 'fail' || record.type === 'info';
    if (isAnswer && isAskedHere(records, at, record)) continue;
    const answeredAt = record.type === 'invoke' ? answerTo(records, at, record) : null;
    const answer = answeredAt === null ? null : (records[answeredAt] as AnswerRecord);
    const zxid = answer === null ? zxidOf(record) : answer.zxid > 0 ? answer.zxid : null;
    const isOpen = record.type === 'invoke' && answer === null;
    rows.push({
      id: rows.length,
      lane: record.type === 'commit' ? COMMITTED_LANE : `client ${record.client}`,
      label: `${recordText(record)}${answer === null ? '' : ` → ${answerText(answer)}`}`,
      outcome: isOpen || answer?.type === 'info' ? 'info' : answer?.type === 'fail' ? 'fail' : 'ok',
      fromUs: record.atUs,
      untilUs: isOpen ? null : (answer?.atUs ?? record.atUs),
      invokedAt: at,
      respondedAt: isOpen ? null : (answeredAt ?? at),
      zxid,
      isUpdate: record.type === 'commit' || (record.type === 'invoke' && isUpdate(record)),
      isInConflict: named.some((op) => isAbout(op, record)),
    });
  }
  return rows;
}

const answerTo = (records: readonly HistoryRecord[], at: number, asked: InvokeRecord): number | null => {
  const found = records.findIndex(
    (record, index) => index > at && 'id' in record && record.id === asked.id && record.client === asked.client,
  );
  return found < 0 || records[found]!.type === 'invoke' ? null : found;
};

const isAskedHere = (records: readonly HistoryRecord[], at: number, answer: AnswerRecord): boolean =>
  records.some(
    (record, index) =>
      record.type === 'invoke' &&
      record.client === answer.client &&
      record.id === answer.id &&
      answerTo(records, index, record) === at,
  );

const zxidOf = (record: HistoryRecord): number | null => ('zxid' in record && record.zxid > 0 ? record.zxid : null);

function isAbout({ client, id, zxid }: ConflictOp, record: HistoryRecord): boolean {
  if (record.type === 'commit') return id === null && client === 0 && record.zxid === zxid;
  if (record.type === 'watch') return id === null && client === record.client && record.zxid === zxid;
  return 'id' in record && record.client === client && record.id === id;
}

// --- words ---

const nameIn = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(names).find(([, other]) => other === value)?.[0] ?? String(value);

function recordText(record: HistoryRecord): string {
  switch (record.type) {
    case 'invoke':
      return callText(record.call);
    case 'ok':
    case 'fail':
    case 'info':
      return `an answer to request ${record.id}: ${answerText(record)}`;
    case 'watch':
      return `is told ${nameIn(EventType, record.event)} ${record.path}${record.zxid > 0 ? ` at ${showZxid(record.zxid)}` : ''}`;
    case 'state':
      return record.session === null ? record.state : `${record.state}, session ${showSession(record.session)}`;
    case 'sent':
      return record.id === null
        ? `says goodbye, number ${record.xid}`
        : `sends request ${record.id}, number ${record.xid}`;
    case 'restart':
      return record.session === null ? 'a new program' : `a new program with session ${showSession(record.session)}`;
    case 'identity':
      return `is ${record.ids.map(({ scheme, id }) => `${scheme}:${id}`).join(', ')}`;
    case 'commit':
      return `${showZxid(record.zxid)} ${txnText(record.txn)}`;
    default:
      return record satisfies never;
  }
}

function txnText(txn: Txn): string {
  switch (txn.kind) {
    case 'createSession':
    case 'closeSession':
      return txn.kind;
    case 'error':
      return `refused: ${nameIn(Code, txn.err)}`;
    case 'multi':
      return `multi of ${txn.parts.map((part) => txnText(part.txn)).join(', ')}`;
    case 'create':
    case 'createContainer':
    case 'createTTL':
    case 'delete':
      return `${txn.kind} ${txn.path}`;
    case 'setData':
    case 'setACL':
    case 'check':
      return `${txn.kind} ${txn.path} version ${txn.version}`;
    default:
      return txn satisfies never;
  }
}

function answerText({ type, err, zxid, body }: AnswerRecord): string {
  const at = zxid > 0 ? ` at ${showZxid(zxid)}` : '';
  if (type === 'info') return 'nobody knows';
  if (type === 'fail' || err !== Code.OK) return `${nameIn(Code, err)}${at}`;
  return `${body === null ? 'ok' : bodyText(body)}${at}`;
}

function bodyText(body: CallBody): string {
  const parts: string[] = [];
  if ('path' in body) parts.push(body.path);
  if ('data' in body) parts.push(body.data === null ? 'no data' : `'${bytesText(body.data)}'`);
  if ('children' in body) parts.push(`[${body.children.join(' ')}]`);
  if ('stat' in body) parts.push(`version ${body.stat.version}`);
  if ('results' in body) parts.push(plural(body.results.length, 'result'));
  return parts.length === 0 ? 'ok' : parts.join(', ');
}

// --- lines and spans ---

const exactly = (us: number): string => `${(us / 1e6).toFixed(3)}s`;

/** The shrunk history as a list, oldest first. */
export function historyLines(shrunk: ShrunkHistory): string[] {
  const rows = historyRows(shrunk);
  const [time, lane] = [timeOf, ({ lane: name }: HistoryRow) => name].map((text) =>
    Math.max(0, ...rows.map((row) => text(row).length)),
  );
  return rows.map((row) => {
    const mark = row.isInConflict ? '!' : ' ';
    return `${mark} #${String(row.id).padEnd(2)} ${timeOf(row).padEnd(time!)}  ${row.lane.padEnd(lane!)}  ${row.label}`;
  });
}

function timeOf({ fromUs, untilUs }: HistoryRow): string {
  if (untilUs === null) return `${exactly(fromUs)} …`;
  return untilUs === fromUs ? exactly(fromUs) : `${exactly(fromUs)} … ${exactly(untilUs)}`;
}

/** How much it was shrunk, and whether it could be less. */
export function shrunkText({ records, of, isMinimal, isDerived }: ShrunkHistory): string {
  const size = `${records.length.toLocaleString('en-US')} of ${plural(of, 'record')}`;
  const least = isMinimal
    ? 'no one of them can be left out'
    : 'there may be fewer: the budget for shrinking was used up';
  return `${size}; ${least}${isDerived ? '; derived: transactions or updates were left out too' : ''}`;
}

/** The same as spans. The place of a span is its place in the order by zxid, updates before the reads of their state. */
export function historyView(shrunk: ShrunkHistory): SearchView {
  const rows = historyRows(shrunk);
  const { conflict, message } = shrunk.complaint;
  const ordered = rows.filter(({ zxid }) => zxid !== null);
  ordered.sort((a, b) => a.zxid! - b.zxid! || Number(b.isUpdate) - Number(a.isUpdate) || a.invokedAt - b.invokedAt);
  const places = new Map(ordered.map(({ id }, place) => [id, place]));
  const last = rows.findLast(({ isInConflict }) => isInConflict) ?? rows.at(-1);
  /** The row of each operation of the conflict. */
  const rowOf = (conflict?.ops ?? []).map((op) =>
    rows.find(({ invokedAt }) => isAbout(op, shrunk.records[invokedAt]!)),
  );
  return {
    format: 'vivarium-search',
    version: 1,
    model: 'zookeeper',
    status: 'violation',
    part: null,
    sentence: message,
    operations: rows.map(({ id, lane, label, outcome, invokedAt, respondedAt, zxid, isInConflict }) => ({
      id,
      process: lane,
      key: null,
      outcome,
      label,
      text: `#${id} ${lane}: ${label}`,
      invokedAt,
      respondedAt: respondedAt === invokedAt ? invokedAt + INSTANT : respondedAt,
      place: places.get(id) ?? null,
      stateAfter: zxid === null ? null : showZxid(zxid),
      isInCore: isInConflict,
      isBlocked: id === last?.id,
      isPending: false,
    })),
    blockedAt: last?.respondedAt ?? null,
    states: [],
    edges: (conflict?.edges ?? []).flatMap(({ from, to, kind, says }) => {
      const [before, after] = [rowOf[from], rowOf[to]];
      return before === undefined || after === undefined ? [] : [{ before: before.id, after: after.id, kind, says }];
    }),
  };
}

/** How long in a picture what happened at once takes. */
const INSTANT = 0.5;
