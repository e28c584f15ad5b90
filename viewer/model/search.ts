/**
 * The search language: a text becomes a predicate over the columns.
 *
 * ```
 * query  => any
 * any    => all ('|' all)*
 * all    => one+                             terms side by side must all hold
 * one    => '-' one | '(' any ')' | term
 * term   => field (':' | '=' | '!=' | '<' | '<=' | '>' | '>=') value | field ':' value '..' value | word
 * ```
 *
 * An event is found when the query holds for it together with one of the messages that it reads or sends, so
 * `kind:PROPOSAL from:1 to:2` is about one message. A time may have a unit (`3s`, `250ms`, `40us`, `2min`), seconds when
 * there is none; a zxid is hexadecimal with `0x`, or `epoch/counter`.
 */

import {
  CLIENT_BASE,
  EVENT_KINDS,
  MESSAGE_GROUPS,
  type QueryError,
  type SearchOptions,
  type SearchResult,
  type StoryItem,
} from './api.ts';
import type { Describer } from './describe.ts';
import { hexOfBig } from './lanes.ts';
import type { Store } from './store.ts';

// --- reading ---------------------------------------------------------------------------------------------------------

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type Query =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'field'; readonly field: Field; readonly test: Test };

/** What a value must be: a number or a text compared, or a range of numbers (both ends included). */
export type Test =
  | { readonly kind: 'number'; readonly by: Comparator; readonly value: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'text'; readonly by: '=' | '!='; readonly value: string };

const TEXT_FIELDS = ['kind', 'type', 'path', 'session', 'note', 'level'] as const;
const NUMBER_FIELDS = [
  'server',
  'client',
  'host',
  'from',
  'to',
  'zxid',
  'epoch',
  't',
  'index',
  'id',
  'cause',
  'op',
] as const;
export type Field = (typeof TEXT_FIELDS)[number] | (typeof NUMBER_FIELDS)[number];
const FIELDS: readonly string[] = [...TEXT_FIELDS, ...NUMBER_FIELDS];

class ParseError extends Error {
  readonly at: QueryError;

  constructor(message: string, from: number, to: number) {
    super(message);
    this.at = { message, from, to };
  }
}

export function parseQuery(
  text: string,
): { readonly query: Query; readonly error: null } | { readonly query: null; readonly error: QueryError } {
  try {
    return { query: new Parser(text).parse(), error: null };
  } catch (error) {
    if (error instanceof ParseError) return { query: null, error: error.at };
    throw error;
  }
}

interface Token {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    // A quoted piece holds blanks and parentheses.
    const pieces = /[()|]|-(?=[("\w])|(?:"[^"]*"?|[^\s()|"])+/g;
    this.#tokens = [...text.matchAll(pieces)].map((match) => ({
      text: match[0],
      from: match.index,
      to: match.index + match[0].length,
    }));
  }

  parse(): Query {
    if (this.#tokens.length === 0) return { kind: 'and', parts: [] };
    const query = this.#any();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new ParseError(`nothing is open that "${rest.text}" could close`, rest.from, rest.to);
    return query;
  }

  #any(): Query {
    const parts = [this.#all()];
    while (this.#tokens[this.#at]?.text === '|') {
      this.#at += 1;
      parts.push(this.#all());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  #all(): Query {
    const parts: Query[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined || token.text === '|' || token.text === ')') break;
      parts.push(this.#one());
    }
    if (parts.length === 0) {
      const token = this.#tokens[this.#at];
      const end = this.#text.length;
      throw new ParseError('a term is missing here', token?.from ?? end, token?.to ?? end);
    }
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  #one(): Query {
    const token = this.#tokens[this.#at++]!;
    if (token.text === '-') {
      const next = this.#tokens[this.#at];
      if (next === undefined) throw new ParseError('"-" needs a term behind it', token.from, token.to);
      return { kind: 'not', part: this.#one() };
    }
    if (token.text !== '(') return term(token);
    const inner = this.#any();
    if (this.#tokens[this.#at]?.text !== ')')
      throw new ParseError('this parenthesis is not closed', token.from, token.to);
    this.#at += 1;
    return inner;
  }
}

function term(token: Token): Query {
  const match = /^([A-Za-z]+)(!=|<=|>=|:|=|<|>)(.*)$/s.exec(token.text);
  if (match === null) return { kind: 'word', word: unquoted(token.text).toLowerCase() };
  const [, name = '', sign = '', value = ''] = match;
  const field = name.toLowerCase();
  if (!FIELDS.includes(field)) {
    throw new ParseError(
      `there is no field "${name}"; there are ${FIELDS.join(', ')}`,
      token.from,
      token.from + name.length,
    );
  }
  const valueFrom = token.from + name.length + sign.length;
  if (value === '') throw new ParseError(`"${name}${sign}" needs a value`, token.from, token.to);
  const by = (sign === ':' ? '=' : sign) as Comparator;
  if ((TEXT_FIELDS as readonly string[]).includes(field)) {
    if (by !== '=' && by !== '!=')
      throw new ParseError(`"${name}" is a text and cannot be compared with "${sign}"`, token.from, token.to);
    return { kind: 'field', field: field as Field, test: { kind: 'text', by, value: unquoted(value).toLowerCase() } };
  }
  const ends = value.split('..');
  if (ends.length === 2 && by === '=') {
    const [low = '', high = ''] = ends;
    const from = low === '' ? Number.NEGATIVE_INFINITY : numberOf(field, low, valueFrom);
    const to = high === '' ? Number.POSITIVE_INFINITY : numberOf(field, high, valueFrom + low.length + 2);
    return { kind: 'field', field: field as Field, test: { kind: 'range', from, to } };
  }
  return {
    kind: 'field',
    field: field as Field,
    test: { kind: 'number', by, value: numberOf(field, value, valueFrom) },
  };
}

const unquoted = (text: string): string => text.replaceAll('"', '');

const UNITS_US: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1000,
  s: 1_000_000,
  '': 1_000_000,
  m: 60_000_000,
  min: 60_000_000,
  h: 3_600_000_000,
};

function numberOf(field: string, text: string, from: number): number {
  const fail = (what: string): never => {
    throw new ParseError(`"${text}" is no ${what}`, from, from + text.length);
  };
  if (field === 't') {
    const match = /^(\d+(?:\.\d+)?)(us|µs|ms|s|min|m|h|)$/.exec(text);
    return match === null ? fail('time, such as 3s, 250ms or 1.5min') : Number(match[1]) * UNITS_US[match[2]!]!;
  }
  if (field === 'zxid') {
    const parts = /^(\d+)\/(\d+)$/.exec(text);
    if (parts !== null) return Number(parts[1]) * 0x1_0000_0000 + Number(parts[2]);
    return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : fail('zxid, such as 0x200000003 or 2/3');
  }
  return /^\d+$/.test(text) ? Number(text) : fail('number');
}

// --- finding ---------------------------------------------------------------------------------------------------------

/** What the predicates look at: an event, and one of its messages or none (-1). */
type Predicate = (row: number, message: number) => boolean;

export interface SearchSources {
  readonly store: Store;
  readonly describer: Describer;
  readonly story: readonly StoryItem[];
}

const LIMIT_DEFAULT = 1000;

export function search(sources: SearchSources, text: string, options: SearchOptions = {}): SearchResult {
  const { query, error } = parseQuery(text);
  if (query === null) return { events: new Uint32Array(0), total: 0, more: false, error };
  const predicate = compiled(query, sources);
  const { store } = sources;
  const limit = options.limit ?? LIMIT_DEFAULT;
  const from = Math.max(1, options.from ?? 1);
  const found: number[] = [];
  let total = 0;
  const arrivals = new ArrivalOrder(store);
  const sentIndex = store.messages.sentIndex.view();
  let sent = 0;
  for (let index = 1; index <= store.count; index++) {
    let isFound = false;
    let hasMessage = false;
    for (; sent < sentIndex.length && sentIndex[sent]! <= index; sent++) {
      if (sentIndex[sent] !== index) continue;
      hasMessage = true;
      isFound ||= predicate(index - 1, sent);
    }
    for (let row = arrivals.next(index); row >= 0; row = arrivals.next(index)) {
      hasMessage = true;
      isFound ||= predicate(index - 1, row);
    }
    if (!hasMessage) isFound = predicate(index - 1, -1);
    if (!isFound) continue;
    total += 1;
    if (index >= from && found.length < limit) found.push(index);
  }
  return { events: Uint32Array.from(found), total, more: found.length < total, error: null };
}

/** Messages in the order of the events that received them. */
class ArrivalOrder {
  readonly #rows: Uint32Array;
  readonly #arrived: Uint32Array;
  #at = 0;

  constructor({ messages }: Store) {
    const arrived = messages.arrivedIndex.view();
    this.#arrived = arrived;
    let count = 0;
    for (const index of arrived) if (index > 0) count += 1;
    const rows = new Uint32Array(count);
    let at = 0;
    for (let row = 0; row < arrived.length; row++) if (arrived[row]! > 0) rows[at++] = row;
    this.#rows = rows.sort((a, b) => arrived[a]! - arrived[b]!);
  }

  /** The next message that the event received, or -1. Events come in order. */
  next(index: number): number {
    while (this.#at < this.#rows.length && this.#arrived[this.#rows[this.#at]!]! < index) this.#at += 1;
    const row = this.#rows[this.#at];
    if (row === undefined || this.#arrived[row] !== index) return -1;
    this.#at += 1;
    return row;
  }
}

function compiled(query: Query, sources: SearchSources): Predicate {
  switch (query.kind) {
    case 'and': {
      const parts = query.parts.map((part) => compiled(part, sources));
      // Words are dear; they come last.
      const costs = query.parts.map(costOf);
      const order = parts.map((_, i) => i).sort((a, b) => costs[a]! - costs[b]!);
      const sorted = order.map((i) => parts[i]!);
      return (row, message) => sorted.every((part) => part(row, message));
    }
    case 'or': {
      const parts = query.parts.map((part) => compiled(part, sources));
      return (row, message) => parts.some((part) => part(row, message));
    }
    case 'not': {
      const part = compiled(query.part, sources);
      return (row, message) => !part(row, message);
    }
    case 'word': {
      const { describer } = sources;
      return (row) =>
        describer
          .sentence(row + 1)
          .toLowerCase()
          .includes(query.word);
    }
    case 'field':
      return fieldPredicate(query.field, query.test, sources);
    default:
      return query satisfies never;
  }
}

const costOf = (query: Query): number => {
  if (query.kind === 'word') return 2;
  if (query.kind === 'field') return 0;
  return query.kind === 'not' ? costOf(query.part) : Math.max(1, ...query.parts.map(costOf));
};

/** NaN is nothing and passes no test. */
function numberTest(test: Test): (value: number) => boolean {
  if (test.kind === 'range') return (value) => value >= test.from && value <= test.to;
  if (test.kind === 'text') return () => false;
  const { by, value: wanted } = test;
  switch (by) {
    case '=':
      return (value) => value === wanted;
    case '!=':
      return (value) => value !== wanted && !Number.isNaN(value);
    case '<':
      return (value) => value < wanted;
    case '<=':
      return (value) => value <= wanted;
    case '>':
      return (value) => value > wanted;
    case '>=':
      return (value) => value >= wanted;
    default:
      return by satisfies never;
  }
}

/** `*` stands for anything. */
function textTest(test: Test): (value: string) => boolean {
  if (test.kind !== 'text') return () => false;
  const { by, value } = test;
  const escaped = value.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  const pattern = new RegExp(`^${escaped}$`, 'is');
  return (text) => pattern.test(text) === (by === '=');
}

function fieldPredicate(field: Field, test: Test, { store, story }: SearchSources): Predicate {
  const { events, messages, names } = store;
  const isNumber = numberTest(test);
  const isText = textTest(test);
  const byName = new Map<number, boolean>();
  const nameFits = (name: number): boolean => {
    let fits = byName.get(name);
    if (fits === undefined) {
      fits = isText(names.list[name]!);
      byName.set(name, fits);
    }
    return fits;
  };
  switch (field) {
    case 'kind': {
      const kinds = EVENT_KINDS.map((kind) => isText(kind));
      if (test.kind === 'text' && test.by === '!=') {
        return (row, message) => kinds[events.kind.get(row)]! && (message < 0 || nameFits(messages.name.get(message)));
      }
      const operations = indexesOf(operationRows(store), isText);
      return (row, message) =>
        kinds[events.kind.get(row)]! ||
        (message >= 0 && nameFits(messages.name.get(message))) ||
        operations.has(row + 1);
    }
    case 'type': {
      const groups = MESSAGE_GROUPS.map((group) => isText(group));
      return (_row, message) => message >= 0 && groups[messages.group.get(message)]!;
    }
    case 'server':
      return (row) => events.host.get(row) > 0 && events.host.get(row) < CLIENT_BASE && isNumber(events.host.get(row));
    case 'client':
      return (row) => events.host.get(row) >= CLIENT_BASE && isNumber(events.host.get(row) - CLIENT_BASE);
    case 'host':
      return (row) => isNumber(events.host.get(row));
    case 'from':
      return (_row, message) => message >= 0 && isNumber(messages.from.get(message));
    case 'to':
      return (_row, message) => message >= 0 && isNumber(messages.to.get(message));
    case 'zxid':
      return (_row, message) => message >= 0 && isNumber(messages.zxid.get(message));
    case 'epoch':
      return (_row, message) => message >= 0 && isNumber(Math.floor(messages.zxid.get(message) / 0x1_0000_0000));
    case 't':
      return (row) => isNumber(events.timeUs.get(row));
    case 'index':
      return (row) => isNumber(row + 1);
    case 'id':
      return (row) => isNumber(events.id.get(row));
    case 'cause':
      return (row) => isNumber(events.cause.get(row));
    case 'op': {
      const found = new Set(store.faults.filter(({ op }) => isNumber(op)).map(({ index }) => index));
      return (row) => found.has(row + 1);
    }
    case 'path': {
      const found = indexesOf(pathRows(store), isText);
      return (row) => found.has(row + 1);
    }
    case 'session': {
      const lines = store.sessions.map(
        ({ index, session }) => [index, session === null ? '' : hexOfBig(session.$big)] as const,
      );
      const found = indexesOf(lines, isText);
      return (row) => found.has(row + 1);
    }
    case 'note': {
      const lines = store.notes.flatMap(({ index, notes }) => notes.map(({ code }) => [index, code] as const));
      const found = indexesOf(lines, isText);
      return (row) => found.has(row + 1);
    }
    case 'level': {
      const found = indexesOf(
        story.map(({ index, kind }) => [index, kind] as const),
        isText,
      );
      return (row) => found.has(row + 1);
    }
    default:
      return field satisfies never;
  }
}

function indexesOf(
  rows: Iterable<readonly [index: number, text: string]>,
  fits: (text: string) => boolean,
): Set<number> {
  const found = new Set<number>();
  for (const [index, text] of rows) if (fits(text)) found.add(index);
  return found;
}

function* operationRows({ operations, names }: Store): Generator<readonly [number, string]> {
  for (const rows of operations.values()) {
    for (let row = 0; row < rows.id.length; row++) {
      const name = names.list[rows.name.get(row)]!;
      yield [rows.beginIndex.get(row), name];
      yield [rows.endIndex.get(row), name];
    }
  }
}

function* pathRows({ operations, watches, names }: Store): Generator<readonly [number, string]> {
  for (const rows of operations.values()) {
    for (let row = 0; row < rows.id.length; row++) {
      const path = names.list[rows.path.get(row)]!;
      yield [rows.beginIndex.get(row), path];
      yield [rows.endIndex.get(row), path];
    }
  }
  for (const rows of watches.values()) {
    for (let row = 0; row < rows.index.length; row++) yield [rows.index.get(row), names.list[rows.path.get(row)]!];
  }
}
