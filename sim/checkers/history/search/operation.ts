/**
 * An operation as the search sees it: what was asked, what was answered, and between which two moments.
 *
 * A history is a list of events, invocations and responses, in one order. `invokedAt` and `respondedAt` are positions in
 * that order, so no two are equal and a clock is never needed. An operation whose outcome nobody knows (`info`) may take
 * effect at any moment after its invocation, or never; its `respondedAt` is infinite.
 */

import { assert } from '../../../../core/types.ts';

/** A value as JSON or EDN can say it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** `ok`: it happened. `fail`: it did not. `info`: nobody knows. */
export type OperationOutcome = 'ok' | 'fail' | 'info';

export interface Operation {
  /** Dense, in the order of the invocations. */
  readonly id: number;
  /** Who asked: one that asks nothing while it waits for an answer. */
  readonly process: string;
  /** What was asked: `read`, `write`, `append`. */
  readonly f: string;
  /** The object it is about, where a history has several; else null. */
  readonly key: string | null;
  readonly value: Plain;
  readonly outcome: OperationOutcome;
  /** What was answered; null when nobody knows. */
  readonly result: Plain;
  /** The reason, of an answer that gave no result but one: `timed-out`. */
  readonly error: string | null;
  readonly invokedAt: number;
  readonly respondedAt: number;
}

/** One line of a history. Lines of one `process` alternate between `invoke` and an answer. */
export interface HistoryEvent {
  readonly process: string;
  readonly type: 'invoke' | OperationOutcome;
  readonly f: string;
  readonly key: string | null;
  /** Of an invocation: the argument. Of an answer: the result. */
  readonly value: Plain;
  /** Of an answer that carries no result, only a reason. */
  readonly error?: string | null;
  /** Where it was read, for complaints. */
  readonly line?: number;
}

/** A history that is not one. `line` is that of the file, when it came from one. */
export class HistoryError extends Error {
  readonly code = 'HISTORY';
  readonly line: number | null;

  constructor(message: string, line: number | null = null) {
    super(line === null ? message : `line ${line}: ${message}`);
    this.line = line;
  }
}

interface Open {
  readonly event: HistoryEvent;
  readonly id: number;
  readonly at: number;
}

/**
 * Pairs invocations with answers. What is never answered is `info`. A process that was told `info` has crashed: it may
 * not be heard of again without a new invocation. Throws a `HistoryError`.
 */
export function pairEvents(events: Iterable<HistoryEvent>): Operation[] {
  const operations: Operation[] = [];
  const open = new Map<string, Open>();
  let at = 0;
  let invoked = 0;
  for (const event of events) {
    const asked = open.get(event.process);
    if (event.type === 'invoke') {
      if (asked !== undefined)
        throw misplaced(event, `process ${event.process} invokes ${event.f} while ${asked.event.f} is open`);
      open.set(event.process, { event, id: invoked, at });
      operations.push(operationOf({ event, id: invoked, at }, null, 0));
      invoked += 1;
    } else {
      if (asked === undefined) throw misplaced(event, `process ${event.process} is answered and had not asked`);
      if (asked.event.f !== event.f) {
        throw misplaced(event, `process ${event.process} asked ${asked.event.f} and is answered ${event.f}`);
      }
      operations[asked.id] = operationOf(asked, event, at);
      open.delete(event.process);
    }
    at += 1;
  }
  return operations;
}

const misplaced = (event: HistoryEvent, message: string): HistoryError => new HistoryError(message, event.line ?? null);

function operationOf(asked: Open, answer: HistoryEvent | null, at: number): Operation {
  const { event, id } = asked;
  const outcome = answer === null || answer.type === 'invoke' ? 'info' : answer.type;
  return {
    id,
    process: event.process,
    f: event.f,
    key: event.key,
    value: event.value,
    outcome,
    result: outcome === 'info' || answer === null ? null : answer.value,
    error: answer?.error ?? null,
    invokedAt: asked.at,
    respondedAt: outcome === 'info' ? Number.POSITIVE_INFINITY : at,
  };
}

/** Asserts what the search relies on: dense ids in the order of invocations, and positions that are all different. */
export function assertHistory(operations: readonly Operation[]): void {
  let last = -1;
  const taken = new Set<number>();
  for (let i = 0; i < operations.length; i++) {
    const { id, invokedAt, respondedAt, outcome } = operations[i]!;
    assert(id === i, 'operation ids are not dense');
    assert(invokedAt > last, 'operations are not in the order of their invocations');
    assert(respondedAt > invokedAt, 'an operation ends before it begins');
    assert((outcome === 'info') === (respondedAt === Number.POSITIVE_INFINITY), 'unknown outcomes never end');
    assert(!taken.has(invokedAt) && !taken.has(respondedAt), 'two events share a position');
    taken.add(invokedAt);
    if (outcome !== 'info') taken.add(respondedAt);
    last = invokedAt;
  }
}

/** Text that is equal for equal values, whatever the order of the names in an object. */
export function plainKey(value: Plain): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(plainKey).join(',')}]`;
  const named = value as { readonly [name: string]: Plain };
  const entries = Object.keys(named).sort();
  return `{${entries.map((name) => `${JSON.stringify(name)}:${plainKey(named[name]!)}`).join(',')}}`;
}

/**
 * A value as a name, with other names for other values: text as it is, what is no text as JSON, and text that reads like JSON
 * in the quotes of JSON.
 */
export function nameOf(value: Plain): string {
  if (typeof value !== 'string') return plainKey(value);
  return plainOfName(value) === value ? value : JSON.stringify(value);
}

/** How JSON begins, for most names are none and an exception costs. */
const LIKE_JSON = /^\s*(?:["[{0-9-]|true|false|null)/;

/** The value of a name; the inverse of `nameOf`. */
export function plainOfName(name: string): Plain {
  if (!LIKE_JSON.test(name)) return name;
  try {
    return JSON.parse(name) as Plain;
  } catch {
    return name;
  }
}
