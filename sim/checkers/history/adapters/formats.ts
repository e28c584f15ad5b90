/**
 * Text in, operations out, whatever wrote it.
 *
 * The format is told by the first line that is not blank: a log of Jepsen, a map of EDN, or JSON. JSON lines are either what
 * `npm run sim -- --history` writes, which become operations on znodes, or maps with `process`, `type`, `f`, `key`, `value`.
 */

import { fromJsonLines, type HistoryRecord } from '../record.ts';
import { HistoryError, type HistoryEvent, type Operation, type Plain, pairEvents } from '../search/operation.ts';
import { keyed, mapEvent, readJepsenLog, readJepsenMaps } from './jepsen.ts';
import { znodeOperations } from './zookeeper.ts';

export const FORMATS = {
  jsonl: 'one JSON object a line: {"process":3,"type":"invoke","f":"write","key":"x","value":1}',
  vivarium: 'what npm run sim -- --history FILE writes; becomes operations on znodes',
  jepsen: 'a log of Jepsen: INFO  jepsen.util - 3 :invoke :cas [1 2]',
  edn: 'one EDN map a line: {:process 3, :type :invoke, :f :append, :key "1", :value "x"}',
} as const;
export type Format = keyof typeof FORMATS;

export interface ReadSettings {
  /** Default: what the text looks like. */
  readonly format?: Format;
  /** Values are `[key value]`, as for Jepsen's independent keys. */
  readonly keyed?: boolean;
}

export interface ReadHistory {
  readonly format: Format;
  readonly operations: readonly Operation[];
}

/** Throws a `HistoryError` that names the line. */
export function readHistory(text: string, { format, keyed: isKeyed = false }: ReadSettings = {}): ReadHistory {
  const lines = text.split(/\r?\n/);
  const found = format ?? detect(lines);
  if (found === 'vivarium') return { format: found, operations: znodeOperations([...records(lines)]) };
  const events = eventsOf(found, lines);
  const operations = pairEvents(isKeyed ? keyed(events) : events);
  if (operations.length === 0) throw new HistoryError('there is no operation in it');
  return { format: found, operations };
}

function eventsOf(format: Exclude<Format, 'vivarium'>, lines: readonly string[]): Iterable<HistoryEvent> {
  switch (format) {
    case 'jsonl':
      return jsonEvents(lines);
    case 'jepsen':
      return readJepsenLog(lines);
    case 'edn':
      return readJepsenMaps(lines);
    default:
      return format satisfies never;
  }
}

function detect(lines: readonly string[]): Format {
  const at = lines.findIndex((line) => line.trim() !== '');
  const first = lines[at]?.trim();
  if (first === undefined) throw new HistoryError('it is empty');
  if (first.startsWith('{"')) return isRecord(first) ? 'vivarium' : 'jsonl';
  if (first.startsWith('{') || first === '[' || first.startsWith(';')) return 'edn';
  if (lines.some((line) => line.includes('jepsen.util'))) return 'jepsen';
  throw new HistoryError('neither JSON lines, nor EDN maps, nor a log of Jepsen (--format says which)', at + 1);
}

function isRecord(line: string): boolean {
  try {
    const read = JSON.parse(line) as { readonly process?: unknown; readonly atUs?: unknown };
    return read.process === undefined && typeof read.atUs === 'number';
  } catch {
    return false;
  }
}

function* records(lines: readonly string[]): Generator<HistoryRecord> {
  try {
    yield* fromJsonLines(lines);
  } catch (error) {
    throw new HistoryError(error instanceof Error ? error.message : String(error));
  }
}

function* jsonEvents(lines: readonly string[]): Generator<HistoryEvent> {
  let line = 0;
  for (const text of lines) {
    line += 1;
    if (text.trim() === '') continue;
    let read: Plain;
    try {
      read = JSON.parse(text) as Plain;
    } catch (error) {
      throw new HistoryError(error instanceof Error ? error.message : String(error), line);
    }
    const event = mapEvent(read, line);
    if (event !== null) yield event;
  }
}

/** Operations as JSON lines that `readHistory` reads back. */
export function* toHistoryLines(operations: readonly Operation[]): Generator<string> {
  const ends = operations.flatMap((operation) => [
    { at: operation.invokedAt, operation, isEnd: false },
    { at: operation.respondedAt, operation, isEnd: true },
  ]);
  ends.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at));
  for (const { operation, isEnd } of ends) {
    const { process, f, key, value, outcome, result, error } = operation;
    const event = isEnd ? { process, type: outcome, f, value: result } : { process, type: 'invoke', f, value };
    yield `${JSON.stringify({ ...event, ...(key === null ? {} : { key }), ...(isEnd && error !== null ? { error } : {}) })}\n`;
  }
}
