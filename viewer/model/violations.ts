/** What a checker found broken: the promise, the events that clash, and what clients saw around them. */

import type { Conflict } from '../../sim/checkers/history/conflict.ts';
import { CLIENT_BASE, OPERATION_RESULTS, type OperationRef, type ViolationDetail, type ViolationMark } from './api.ts';
import type { Describer } from './describe.ts';
import { nodeOf } from './nodes.ts';
import type { Store, ViolationLine } from './store.ts';
import { decodeValue } from './values.ts';
import { hostName, showZxid, span } from './words.ts';

export function violationMarks(store: Store): ViolationMark[] {
  return (store.verdict?.violations ?? []).map((violation, i) => ({
    number: i + 1,
    timeUs: violation.atUs,
    property: violation.property,
    kind: violation.kind,
    sentence: violation.sentence,
    events: clashOf(store, violation),
    servers: violation.servers,
  }));
}

function clashOf(store: Store, { events }: ViolationLine): number[] {
  const indexes = events.map((id) => store.indexOf(id)).filter((index) => index > 0);
  return [...new Set(indexes)].sort((a, b) => a - b);
}

/** Client operations shown around a violation that is not about certain operations. */
const OPERATIONS_SHOWN = 12;
/** What the checkers add beside the fields that every violation has. */
const COMMON_FIELDS: ReadonlySet<string> = new Set([
  'property',
  'kind',
  'sentence',
  'message',
  'atUs',
  'events',
  'servers',
]);

export function violationDetails(store: Store, describer: Describer): ViolationDetail[] {
  const marks = violationMarks(store);
  return (store.verdict?.violations ?? []).map((violation, i) => {
    const mark = marks[i]!;
    const more = Object.fromEntries(Object.entries(violation).filter(([name]) => !COMMON_FIELDS.has(name)));
    const hasMore = Object.keys(more).length > 0;
    return {
      ...mark,
      message: violation.message,
      clash: mark.events.map((index) => describer.row(index)),
      ...operationsOf(store, mark, violation.conflict as Conflict | undefined),
      conflict: hasMore ? nodeOf('conflict', decodeValue('conflict' in more ? more.conflict : more)) : null,
    };
  });
}

/** The operations that the checker of histories names, and why each comes before another; else those around the moment. */
function operationsOf(
  store: Store,
  mark: ViolationMark,
  conflict: Conflict | undefined,
): Pick<ViolationDetail, 'operations' | 'reasons'> {
  if (conflict === undefined) return { operations: operationsAround(store, mark), reasons: [] };
  /** Where each operation of the conflict stands in the list. */
  const places = new Map<number, number>();
  const operations: OperationRef[] = [];
  for (const [at, { client, id }] of conflict.ops.entries()) {
    const host = CLIENT_BASE + client;
    const row = id === null || client === 0 ? -1 : rowOf(store, host, id);
    if (row < 0) continue;
    places.set(at, operations.length);
    operations.push({ host, row, text: operationText(store, host, row) });
  }
  const reasons = conflict.edges.flatMap(({ from, to, says }) => {
    const [a, b] = [places.get(from), places.get(to)];
    return a === undefined || b === undefined ? [] : [{ from: a, to: b, text: says }];
  });
  return { operations, reasons };
}

/** The last operation of the client with this number. */
export function rowOf(store: Store, host: number, id: number): number {
  const rows = store.operations.get(host);
  return rows === undefined ? -1 : rows.id.view().lastIndexOf(id);
}

/** Operations that begin or end in one of the events; without any, those that were open or answered last before it. */
function operationsAround(store: Store, { events, timeUs }: ViolationMark): OperationRef[] {
  const clash = new Set(events);
  const exact: { readonly ref: OperationRef; readonly beginUs: number }[] = [];
  const near: { readonly ref: OperationRef; readonly beginUs: number }[] = [];
  for (const [host, rows] of store.operations) {
    if (host < CLIENT_BASE) continue;
    for (let row = 0; row < rows.id.length; row++) {
      const beginUs = rows.beginUs.get(row);
      if (beginUs > timeUs) break;
      const entry = { ref: { host, row, text: operationText(store, host, row) }, beginUs };
      if (clash.has(rows.beginIndex.get(row)) || clash.has(rows.endIndex.get(row))) exact.push(entry);
      else near.push(entry);
    }
  }
  const chosen = exact.length > 0 ? exact : near.sort((a, b) => a.beginUs - b.beginUs).slice(-OPERATIONS_SHOWN);
  return chosen.sort((a, b) => a.beginUs - b.beginUs).map(({ ref }) => ref);
}

/** `client 2: setData /a, ok at 0x100000003 after 3.2 ms`. */
export function operationText(store: Store, host: number, row: number): string {
  const rows = store.operations.get(host)!;
  const { list } = store.names;
  const what = `${list[rows.name.get(row)]} ${list[rows.path.get(row)]}`.trim();
  const result = OPERATION_RESULTS[rows.result.get(row)]!;
  if (result === 'open') return `${hostName(host)}: ${what}, not answered`;
  const zxid = rows.zxid.get(row);
  const endUs = rows.endUs.get(row);
  const where = Number.isNaN(zxid) ? '' : ` at ${showZxid(zxid)}`;
  const took = Number.isNaN(endUs) ? '' : ` after ${span(endUs - rows.beginUs.get(row))}`;
  return `${hostName(host)}: ${what}, ${result}${where}${took}`;
}
