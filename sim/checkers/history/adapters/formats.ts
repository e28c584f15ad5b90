/**
 * Text in, operations out, whatever wrote it.
 *
 * The format is told by the first line that is not blank: a log of Jepsen, EDN (maps, tagged ones, or a vector of them), or
 * JSON. JSON lines, or an array, are either what `npm run sim -- --history` writes, which become operations on znodes, or maps with
 * `process`, `type`, `f`, `key`, `value`.
 */

import { fromJsonLines, type HistoryRecord } from '../record.ts';
import { HistoryError, type HistoryEvent, type Operation, type Plain, pairEvents } from '../search/operation.ts';
import { keyed, mapEvent, plainOfKey, readJepsenLog, readJepsenMaps } from './jepsen.ts';
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
  const found = format ?? detect(text, lines);
  if (found === 'vivarium') return { format: found, operations: znodeOperations([...records(lines)]) };
  const events = eventsOf(found, text, lines);
  const operations = pairEvents(isKeyed ? keyed(events) : events);
  if (operations.length === 0) throw new HistoryError('there is no operation in it');
  return { format: found, operations };
}

function eventsOf(format: Exclude<Format, 'vivarium'>, text: string, lines: readonly string[]): Iterable<HistoryEvent> {
  switch (format) {
    case 'jsonl':
      return isArray(text) ? jsonArrayEvents(text) : jsonEvents(lines);
    case 'jepsen':
      return readJepsenLog(lines);
    case 'edn':
      return readJepsenMaps(text);
    default:
      return format satisfies never;
  }
}

/** A colon with a name of JSON directly before it; in EDN it would begin a keyword, and has a blank before it. */
const JSON_MAP = /^\{\s*(?:\}|"(?:[^"\\]|\\.)*":)/;

function detect(text: string, lines: readonly string[]): Format {
  const at = lines.findIndex((line) => line.trim() !== '');
  const first = lines[at]?.trim();
  if (first === undefined) throw new HistoryError('it is empty');
  if (first.startsWith('{') && (JSON_MAP.test(first) || isJson(first))) return isRecord(first) ? 'vivarium' : 'jsonl';
  if (first.startsWith('[') && isArray(text) && isJson(text)) return 'jsonl';
  if (/^[{[(#;]/.test(first)) return 'edn';
  if (lines.some((line) => line.includes('jepsen.util'))) return 'jepsen';
  throw new HistoryError('neither JSON lines, nor EDN maps, nor a log of Jepsen (--format says which)', at + 1);
}

const isArray = (text: string): boolean => /^\s*\[/.test(text);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
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

function* jsonArrayEvents(text: string): Generator<HistoryEvent> {
  let read: readonly Plain[];
  try {
    read = JSON.parse(text) as readonly Plain[];
  } catch (error) {
    throw new HistoryError(error instanceof Error ? error.message : String(error));
  }
  for (const each of read) {
    const event = mapEvent(each, null);
    if (event !== null) yield event;
  }
}

/**
 * Operations as JSON lines that `readHistory` reads back: the same, in the same order; what was never answered is told last, or
 * just before its process asks again.
 */
export function* toHistoryLines(operations: readonly Operation[]): Generator<string> {
  const ends = operations.flatMap((operation) => [
    { at: operation.invokedAt, operation, isEnd: false },
    ...(operation.outcome === 'info' ? [] : [{ at: operation.respondedAt, operation, isEnd: true }]),
  ]);
  ends.sort((a, b) => a.at - b.at);
  const unknown = new Map<string, Operation>();
  for (const { operation, isEnd } of ends) {
    const { process, value, outcome } = operation;
    const before = unknown.get(process);
    if (!isEnd && before !== undefined) {
      yield lineOf(before, { type: 'info', value: null });
      unknown.delete(process);
    }
    yield isEnd
      ? lineOf(operation, { type: outcome, value: operation.result })
      : lineOf(operation, { type: 'invoke', value });
    if (outcome === 'info') unknown.set(process, operation);
  }
  for (const operation of unknown.values()) yield lineOf(operation, { type: 'info', value: null });
}

function lineOf(
  { process, f, key, error }: Operation,
  { type, value }: { readonly type: HistoryEvent['type']; readonly value: Plain },
): string {
  const about = key === null ? {} : { key: plainOfKey(key) };
  return `${JSON.stringify({ process, type, f, value, ...about, ...(type === 'invoke' || error === null ? {} : { error }) })}\n`;
}
