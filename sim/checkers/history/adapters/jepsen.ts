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
 * A process of a log is a number; what `:nemesis` does is no operation. Of an operation that failed, or of which nothing is known, a keyword
 * that is not what was asked for is a reason (`:timed-out`) and not a result. In a map, `:error` is the reason; an operation on an independent key has the
 * value `[key value]` in a log, which `keyed` tells apart from a value that is a pair.
 */

import { HistoryError, type HistoryEvent, nameOf, type Plain, plainOfName } from '../search/operation.ts';
import { EdnError, readEdnAll, readEdnFile, wordOf } from './edn.ts';

const LOG_LINE = /\bjepsen\.util\s+(?:-\s+)?(\S+)\s+:(invoke|ok|fail|info)\s+:(\S+)(?:\s+(.*?))?\s*$/;

/** Lines of a log that other parts of a program wrote are passed over. */
export function* readJepsenLog(lines: Iterable<string>): Generator<HistoryEvent> {
  let line = 0;
  const asked = new Map<string, Plain>();
  for (const text of lines) {
    line += 1;
    if (!text.includes('jepsen.util')) continue;
    const event = logEvent(text, line, asked);
    if (event !== null) yield event;
  }
}

/** `asked`: what each process asked for last. */
function logEvent(text: string, line: number, asked: Map<string, Plain>): HistoryEvent | null {
  const match = LOG_LINE.exec(text);
  if (match === null) {
    if (/\bjepsen\.util\s+(?:-\s+)?:\w+/.test(text)) return null;
    throw new HistoryError('not an operation: expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE"', line);
  }
  const [, process, type, f, rest] = match;
  if (process!.startsWith(':')) return null;
  if (!/^[0-9]+$/.test(process!)) throw new HistoryError(`${process} is no process`, line);
  const { value, reason } = readValue(rest ?? '', type === 'fail' || type === 'info', line, asked.get(process!));
  if (type === 'invoke') asked.set(process!, value);
  return { process: process!, type: type as HistoryEvent['type'], f: f!, key: null, value, error: reason, line };
}

/** What stands after the operation: one value, and in newer logs a reason after it. */
function readValue(
  text: string,
  mayBeReason: boolean,
  line: number,
  asked: Plain | undefined,
): { value: Plain; reason: string | null } {
  let read: Plain[];
  try {
    read = readEdnAll(text);
  } catch (error) {
    throw badLine(error, line);
  }
  if (read.length > 2) throw new HistoryError(`more than a value and a reason: ${text}`, line);
  const [value = null, second] = read;
  if (second !== undefined) return { value, reason: reasonOf(second) };
  const isReason = mayBeReason && isKeyword(value) && value !== asked;
  return isReason ? { value: null, reason: reasonOf(value) } : { value, reason: null };
}

const isKeyword = (value: Plain): boolean => typeof value === 'string' && value.startsWith(':');
const reasonOf = (value: Plain): string => (typeof value === 'string' ? wordOf(value) : JSON.stringify(value));

/** Maps, tagged or not, one after the other or in a vector. */
export function* readJepsenMaps(text: string): Generator<HistoryEvent> {
  try {
    for (const { value, line } of readEdnFile(text)) {
      const event = mapEvent(named(value), line);
      if (event !== null) yield event;
    }
  } catch (error) {
    throw error instanceof EdnError ? badLine(error, error.line) : error;
  }
}

/** What is a name in a map of Jepsen, and a keyword in EDN. */
const WORDS: ReadonlySet<string> = new Set(['process', 'type', 'f', 'error']);

function named(value: Plain): Plain {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = Object.entries(value as { readonly [name: string]: Plain }).map(([name, held]): [string, Plain] => {
    const word = wordOf(name);
    return [word, WORDS.has(word) && typeof held === 'string' ? wordOf(held) : held];
  });
  return Object.fromEntries(entries);
}

/** The event that a map, from EDN or JSON, tells of; null for what no process did. */
export function mapEvent(read: Plain, line: number | null): HistoryEvent | null {
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
    ...(line === null ? {} : { line }),
  };
}

/** 1 and "1" are two keys, and so are their names. */
const keyOf = (key: Plain): string | null => (key === null ? null : nameOf(key));
/** The key as it is written. */
export const plainOfKey = (key: string): Plain => plainOfName(key);

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
