/**
 * Histories as Jepsen writes them: lines of its log, and one map a line.
 *
 * ```
 * INFO  jepsen.util - 3	:invoke	:cas	[1 2]
 * INFO  jepsen.util - 3	:ok	:cas	[1 2]
 * INFO  jepsen.util - 4	:info	:write	:timed-out
 * {:process 3, :type :invoke, :f :append, :key "1", :value "x"}
 * ```
 *
 * A process of a log is a number; what `:nemesis` does is no operation. An answer whose value is a keyword, where that of the invocation is none, is a
 * reason (`:timed-out`) and not a result. In a map, `:error` is the reason; an operation on an independent key has the
 * value `[key value]` in a log, which `keyed` tells apart from a value that is a pair.
 */

import { HistoryError, type HistoryEvent, type Plain } from '../search/operation.ts';
import { EdnError, readEdn, readEdnAll } from './edn.ts';

const LOG_LINE = /\bjepsen\.util\s+(?:-\s+)?(\S+)\s+:(invoke|ok|fail|info)\s+:(\S+)(?:\s+(.*?))?\s*$/;

/** Lines of a log that other parts of a program wrote are passed over. */
export function* readJepsenLog(lines: Iterable<string>): Generator<HistoryEvent> {
  let line = 0;
  for (const text of lines) {
    line += 1;
    if (!text.includes('jepsen.util')) continue;
    const event = logEvent(text, line);
    if (event !== null) yield event;
  }
}

function logEvent(text: string, line: number): HistoryEvent | null {
  const match = LOG_LINE.exec(text);
  if (match === null) {
    if (/\bjepsen\.util\s+(?:-\s+)?:\w+/.test(text)) return null;
    throw new HistoryError('not an operation: expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE"', line);
  }
  const [, process, type, f, rest] = match;
  if (process!.startsWith(':')) return null;
  if (!/^[0-9]+$/.test(process!)) throw new HistoryError(`${process} is no process`, line);
  const { value, reason } = readValue(rest ?? '', type !== 'invoke', line);
  return { process: process!, type: type as HistoryEvent['type'], f: f!, key: null, value, error: reason, line };
}

/** What stands after the operation: one value, and in newer logs a reason after it. */
function readValue(text: string, isAnswer: boolean, line: number): { value: Plain; reason: string | null } {
  let read: Plain[];
  try {
    read = readEdnAll(text);
  } catch (error) {
    throw badLine(error, line);
  }
  if (read.length > 2) throw new HistoryError(`more than a value and a reason: ${text}`, line);
  const [value = null, second] = read;
  if (second !== undefined) return { value, reason: typeof second === 'string' ? second : JSON.stringify(second) };
  return isAnswer && text.startsWith(':') ? { value: null, reason: String(value) } : { value, reason: null };
}

/** One map a line. */
export function* readJepsenMaps(lines: Iterable<string>): Generator<HistoryEvent> {
  let line = 0;
  for (const text of lines) {
    line += 1;
    const trimmed = text.trim();
    if (trimmed === '' || trimmed.startsWith(';') || trimmed === '[' || trimmed === ']') continue;
    let value: Plain;
    try {
      value = readEdn(trimmed);
    } catch (error) {
      throw badLine(error, line);
    }
    const event = mapEvent(value, line);
    if (event !== null) yield event;
  }
}

/** The event that a map, from EDN or JSON, tells of; null for what no process did. */
export function mapEvent(read: Plain, line: number): HistoryEvent | null {
  if (read === null || typeof read !== 'object' || Array.isArray(read)) throw new HistoryError('not a map', line);
  const map = read as { readonly [name: string]: Plain };
  const { process, type, f } = map;
  if (process === 'nemesis') return null;
  if (typeof process !== 'number' && typeof process !== 'string') throw new HistoryError('there is no process', line);
  if (type !== 'invoke' && type !== 'ok' && type !== 'fail' && type !== 'info') {
    throw new HistoryError(`type is ${JSON.stringify(type ?? null)}, not invoke, ok, fail or info`, line);
  }
  if (typeof f !== 'string') throw new HistoryError('there is no operation (f)', line);
  const error = map.error ?? null;
  return {
    process: String(process),
    type,
    f,
    key: keyOf(map.key ?? null),
    value: map.value ?? null,
    error: error === null ? null : typeof error === 'string' ? error : JSON.stringify(error),
    line,
  };
}

const keyOf = (key: Plain): string | null =>
  key === null ? null : typeof key === 'string' ? key : JSON.stringify(key);

function badLine(error: unknown, line: number): unknown {
  return error instanceof EdnError ? new HistoryError(error.message, line) : error;
}

/** For histories of independent keys, where each value is `[key value]`. */
export function* keyed(events: Iterable<HistoryEvent>): Generator<HistoryEvent> {
  const keys = new Map<string, string>();
  for (const event of events) {
    const { value, process } = event;
    if (Array.isArray(value) && value.length === 2) {
      const key = keyOf((value as readonly Plain[])[0]!);
      if (event.type === 'invoke' && key !== null) keys.set(process, key);
      yield { ...event, key, value: (value as readonly Plain[])[1]! };
    } else if (event.type === 'invoke') {
      throw new HistoryError('the value is not [key value]', event.line ?? null);
    } else yield { ...event, key: keys.get(process) ?? null };
  }
}
