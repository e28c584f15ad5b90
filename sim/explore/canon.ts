/**
 * Plain state as values: a copy of it, a text that is equal for equal states, and the normal form that makes states equal
 * which cannot be told apart by what they will do.
 *
 * The normal form erases four things.
 *
 * **Time.** The clock never moves: every step is made at `NOW`. A deadline is therefore always `NOW` plus a delay, and only
 * whether there is one counts. When the explorer chooses that a timer fires, it hands the step a state in which that
 * deadline, and no other, is due (`scope.ts` says which may be chosen when). So timers fire in any order, also in orders
 * that true clocks would make unlikely.
 *
 * **Names.** Connections, file operations and tokens are numbered upwards by the core and are only ever compared for
 * equality. Each is renamed to what it stands for: the connection to a peer on a channel, the n-th operation in flight.
 *
 * **Counters that nobody reads within a scope**: statistics, pings without a `sync` that waits for them, the entries since
 * the last snapshot (no scope writes as many as a snapshot takes).
 *
 * **The order of insertion** into maps. It decides only in which order different connections are written to.
 *
 * The rules go by the names of fields. So that a field which is added later cannot slip through, times and names are
 * recognisable as numbers: whatever looks like one and stands in an unknown place is an error (`unknownTime`).
 */

import { assert } from '../../core/types.ts';

/** The monotonic clock of every server, for ever: far from every other number that a state holds. */
export const NOW = 4_000_000_000_000;
export const WALL = 1_700_000_000_000;
/** Where a deadline stands that is not due. */
export const LATER = NOW + 1_000_000_000;
const TIME_SPAN = 3_000_000_000;

/** The core counts these upwards (connections downwards) from here in every step. */
export const RAW_CONN = -9_000_000;
/** Where names of accepted connections begin when they are new each time (`live.ts`). */
export const RAW_ACCEPTED = 9_000_000;
export const RAW_OP = 7_000_000;
export const RAW_TOKEN = 6_000_000;

/** Moments of the past. */
const PAST = new Set([
  'heardMs',
  'heardAtMs',
  'startedMs',
  'openedMs',
  'proposedMs',
  'lastProposedMs',
  'atMs',
  'unackedSinceMs',
  'sinceMs',
  'arrivedMs',
]);
const DEADLINES = new Set([
  'deadlineMs',
  'dialAtMs',
  'finalizeAtMs',
  'resendAtMs',
  'retryAtMs',
  'nextPingMs',
  'dueAtMs',
  'readOnlyAtMs',
  'sweepAtMs',
  'nextReapMs',
]);
/** Deadlines of sessions: always the same delay, since the clock stands still. */
const FIXED_TIMES = new Set(['expiresMs', 'buckets', 'yieldedMs', 'blockedAtMs']);
/** Delays that only make later deadlines later, and counters that nothing in a scope depends on. */
const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ['backoffMs', 200],
  ['resendPauseMs', 200],
  ['pingsSent', 0],
  ['pingsBefore', 0],
  ['pongs', 0],
  ['entriesSince', 0],
  ['bytesSince', 0],
  ['entriesLimit', 1_000_000],
  ['bytesLimit', 1_000_000_000],
  ['random', 0],
]);
/** Sets of servers that are kept as lists. */
const SERVER_LISTS = new Set(['ackEpoch', 'ahead', 'ackNewLeader', 'acks']);
const SKIPPED = new Set(['stats']);

const isTime = (value: number): boolean => value > NOW - TIME_SPAN && value < NOW + TIME_SPAN;

export class UnknownTime extends Error {
  override readonly name = 'UnknownTime';
}

/** Byte arrays by content: one array, and one number, for each content. */
export class ByteStore {
  private readonly byText = new Map<string, Uint8Array>();
  private readonly ids = new WeakMap<Uint8Array, number>();
  private next = 0;

  /** The one array with this content. */
  intern(bytes: Uint8Array): Uint8Array {
    if (this.ids.has(bytes)) return bytes;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    let known = this.byText.get(text);
    if (known === undefined) {
      // A copy: the original may be a view of a slab that it would keep alive.
      known = Uint8Array.from(bytes);
      this.byText.set(text, known);
      this.ids.set(known, this.next++);
    }
    return known;
  }

  idOf(bytes: Uint8Array): number {
    return this.ids.get(this.intern(bytes))!;
  }
}

// --- copying ---------------------------------------------------------------------------------------------------------

/** Parts of the state that are immutable, shared and without a life of their own: the membership. */
const isShared = (value: object): boolean => 'servers' in value && 'groups' in value;

/** A copy that shares only byte arrays and memberships. Instances keep their class; functions cannot be copied. */
export const copyOf = <T>(value: T): T => copierOf(value)() as T;

/**
 * What makes copies of one value that is never changed. It knows where in the value something stands that must itself be
 * copied, and takes over everything else at once; the same state of a part of a server is copied hundreds of times.
 */
export function copierOf(value: unknown): () => unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    assert(typeof value !== 'function', 'a function in a state cannot be copied');
    return () => value;
  }
  if (Array.isArray(value)) return copierOfArray(value);
  if (value instanceof Map) return copierOfMap(value);
  if (value instanceof Set) return () => new Set(value);
  if (isShared(value)) return () => value;
  return copierOfObject(value as Record<string, unknown>);
}

const isOwned = (value: unknown): boolean =>
  (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) || typeof value === 'function';

function copierOfArray(value: readonly unknown[]): () => unknown {
  const owned = [...value.keys()].filter((i) => isOwned(value[i]));
  const copiers = owned.map((i) => copierOf(value[i]));
  return () => {
    const made = value.slice();
    for (let i = 0; i < owned.length; i++) made[owned[i]!] = copiers[i]!();
    return made;
  };
}

function copierOfMap(value: ReadonlyMap<unknown, unknown>): () => unknown {
  const owned = [...value.keys()].filter((key) => isOwned(value.get(key)));
  const copiers = owned.map((key) => copierOf(value.get(key)));
  return () => {
    const made = new Map(value);
    for (let i = 0; i < owned.length; i++) made.set(owned[i], copiers[i]!());
    return made;
  };
}

function copierOfObject(value: Record<string, unknown>): () => unknown {
  const owned = Object.keys(value).filter((key) => isOwned(value[key]));
  const copiers = owned.map((key) => copierOf(value[key]));
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype;
  return () => {
    const made = isPlain ? { ...value } : (Object.assign(Object.create(prototype), value) as Record<string, unknown>);
    for (let i = 0; i < owned.length; i++) made[owned[i]!] = copiers[i]!();
    return made;
  };
}

/** Like `copyOf` for graphs in which an object is reached by several paths: the tree and its table of ACLs. */
export function copyGraph<T extends object>(value: T): T {
  return graph(value, new Map()) as T;
}

function graph(value: unknown, done: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    assert(typeof value !== 'function', 'a function in a state cannot be copied');
    return value;
  }
  const known = done.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    done.set(value, items);
    for (const item of value) items.push(graph(item, done));
    return items;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    done.set(value, map);
    for (const [key, item] of value) map.set(key, graph(item, done));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set(value);
    done.set(value, set);
    return set;
  }
  const source = value as Record<string, unknown>;
  const made = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>;
  done.set(value, made);
  for (const key of Object.keys(source)) made[key] = graph(source[key], done);
  return made;
}

// --- normal form -----------------------------------------------------------------------------------------------------

/** New names for numbers that were given out in this step or before; a number that is not in the map keeps its name. */
export interface Renaming {
  readonly conns: ReadonlyMap<number, number>;
  readonly ops: ReadonlyMap<number, number>;
  readonly tokens: ReadonlyMap<number, number>;
}

/** Brings plain state into normal form, in place; `key` is the field it stands in. */
export function normalise(value: unknown, key: string, names: Renaming, bytes: ByteStore): unknown {
  return normal(value, key, names, bytes);
}

function visit(value: object, key: string, names: Renaming, bytes: ByteStore): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = normal(value[i], key, names, bytes);
    if (SERVER_LISTS.has(key)) value.sort((a, b) => a - b);
  } else if (value instanceof Map) {
    visitMap(value, key, names, bytes);
  } else if (!(value instanceof Set) && !isShared(value)) {
    const object = value as Record<string, unknown>;
    if ('chunks' in object) mergeChunks(object as unknown as Chunks, bytes);
    for (const name of Object.keys(object)) {
      if (SKIPPED.has(name)) continue;
      const item = object[name];
      const changed = normal(item, name, names, bytes);
      if (changed !== item) object[name] = changed;
    }
  }
}

function visitMap(map: Map<unknown, unknown>, key: string, names: Renaming, bytes: ByteStore): void {
  const rename = key === 'ops' ? names.ops : key === 'ranges' ? names.tokens : names.conns;
  let renamed = false;
  for (const [name, item] of map) {
    if (typeof name === 'number') {
      if (isTime(name) && !FIXED_TIMES.has(key)) throw new UnknownTime(`a key of ${key}`);
      if (rename.has(name)) renamed = true;
    }
    const changed = normal(item, key, names, bytes);
    if (changed !== item) map.set(name, changed);
  }
  if (!renamed) return;
  const entries = [...map];
  map.clear();
  for (const [name, item] of entries) map.set(rename.get(name as number) ?? name, item);
}

function normal(value: unknown, key: string, names: Renaming, bytes: ByteStore): unknown {
  if (typeof value === 'number') return normalNumber(value, key, names);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return bytes.intern(value);
  visit(value, key, names, bytes);
  return value;
}

function normalNumber(value: number, key: string, names: Renaming): number {
  const constant = CONSTANTS.get(key);
  if (constant !== undefined) return constant;
  if (key === 'halfTicks') return value % 2;
  if (key === 'token') return names.tokens.get(value) ?? value;
  if (key === 'nextConn') return RAW_CONN;
  if (key === 'nextOp') return RAW_OP;
  if (key === 'nextToken') return RAW_TOKEN;
  if (isRawConn(value)) {
    const conn = names.conns.get(value);
    assert(conn !== undefined, `the connection ${value} in ${key} has no name`);
    return conn;
  }
  if (PAST.has(key)) return value === 0 ? 0 : NOW;
  if (DEADLINES.has(key)) return LATER;
  if (isTime(value) && !FIXED_TIMES.has(key)) throw new UnknownTime(key);
  return value;
}

const isRawConn = (value: number): boolean =>
  (value <= RAW_CONN && value > RAW_CONN - 1_000_000) || (value >= RAW_ACCEPTED && value < RAW_ACCEPTED + 1_000_000);

interface Chunks {
  chunks: Uint8Array[];
  offset: number;
  size: number;
}

/** How received bytes were cut does not matter, only what is left of them. */
function mergeChunks(buffer: Chunks, bytes: ByteStore): void {
  if (buffer.size === 0) {
    buffer.chunks = [];
  } else if (buffer.chunks.length > 1 || buffer.offset > 0) {
    const merged = new Uint8Array(buffer.size);
    let at = 0;
    buffer.chunks.forEach((chunk, i) => {
      const part = i === 0 ? chunk.subarray(buffer.offset) : chunk;
      merged.set(part, at);
      at += part.length;
    });
    buffer.chunks = [bytes.intern(merged)];
  }
  buffer.offset = 0;
}

// --- equality --------------------------------------------------------------------------------------------------------

/** Whether the two are the same value, field by field, as their texts would say. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && isSameBytes(a, b);
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
    return true;
  }
  if (a instanceof Map) return b instanceof Map && isSameMap(a, b);
  if (a instanceof Set) return b instanceof Set && a.size === b.size && [...a].every((item) => b.has(item));
  if (Array.isArray(b) || b instanceof Map || b instanceof Set || b instanceof Uint8Array) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  if (isShared(x)) return isShared(y) && x.version === y.version;
  let count = 0;
  for (const key in x) {
    count += 1;
    const item = x[key];
    if (!SKIPPED.has(key) && (!isSame(item, y[key]) || (item === undefined && !(key in y)))) return false;
  }
  for (const _ in y) count -= 1;
  return count === 0;
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function isSameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, item] of a) {
    const other = b.get(key);
    if (!isSame(item, other) || (other === undefined && !b.has(key))) return false;
  }
  return true;
}

/** Equal numbers, of 32 bits, for values that are the same; as a rule, others for others. */
export function hashOf(value: unknown, bytes: ByteStore): number {
  switch (typeof value) {
    case 'number':
      return hashNumber(value);
    case 'string':
      return hashText(value);
    case 'boolean':
      return value ? 0x1b87_3593 : 0x0b4b_5e2d;
    case 'bigint':
      return hashText(`${value}n`);
    case 'undefined':
      return 0x2f9b_e6cc;
    case 'object':
      return value === null ? 0x7ed5_5d16 : hashOfObject(value, bytes);
    default:
      throw new Error(`a ${typeof value} in a state`);
  }
}

function hashOfObject(value: object, bytes: ByteStore): number {
  if (value instanceof Uint8Array) return hashWord(bytes.idOf(value) ^ 0x61c8_8647);
  let hash = 0;
  if (Array.isArray(value)) {
    for (const item of value) hash = (Math.imul(hash, 31) + hashOf(item, bytes)) | 0;
    return hashWord(hash ^ value.length);
  }
  // From here on the order does not matter.
  if (value instanceof Map) {
    for (const [key, item] of value) hash = (hash + hashPair(hashOf(key, bytes), hashOf(item, bytes))) | 0;
    return hashWord(hash ^ 0x3c6e_f372);
  }
  if (value instanceof Set) {
    for (const item of value) hash = (hash + hashOf(item, bytes)) | 0;
    return hashWord(hash ^ 0x1715_609d);
  }
  const object = value as Record<string, unknown>;
  if (isShared(value)) return hashOf(object.version, bytes);
  for (const key in object) {
    if (!SKIPPED.has(key)) hash = (hash + hashPair(hashText(key), hashOf(object[key], bytes))) | 0;
  }
  return hashWord(hash);
}

const hashPair = (a: number, b: number): number => hashWord(Math.imul(a, 0x9e37_79b1) ^ b);

function hashNumber(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  return hashWord(Math.imul(high, 0x85eb_ca77) ^ (value | 0));
}

function hashText(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash;
}

function hashWord(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

// --- text ------------------------------------------------------------------------------------------------------------

/** Equal texts for equal states in normal form, and only for those. */
export function textOf(value: unknown, bytes: ByteStore): string {
  switch (typeof value) {
    case 'number':
      return `${value}`;
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'bigint':
      return `${value}n`;
    case 'undefined':
      return 'u';
    case 'object':
      return value === null ? '-' : textOfObject(value, bytes);
    default:
      throw new Error(`a ${typeof value} in a state`);
  }
}

function textOfObject(value: object, bytes: ByteStore): string {
  if (value instanceof Uint8Array) return `b${bytes.idOf(value)}`;
  if (Array.isArray(value)) {
    let text = '[';
    for (const item of value) text += `${textOf(item, bytes)},`;
    return `${text}]`;
  }
  if (value instanceof Map) {
    const parts: string[] = [];
    for (const [key, item] of value) parts.push(`${textOf(key, bytes)}:${textOf(item, bytes)}`);
    return `M{${parts.sort().join()}}`;
  }
  if (value instanceof Set)
    return `S{${[...value]
      .map((item) => textOf(item, bytes))
      .sort()
      .join()}}`;
  if (isShared(value)) return `V${(value as { version: number }).version}`;
  let text = '{';
  const object = value as Record<string, unknown>;
  // Literals of one type list their fields in different orders.
  for (const key of Object.keys(object).sort()) {
    if (!SKIPPED.has(key)) text += `${key}:${textOf(object[key], bytes)},`;
  }
  return `${text}}`;
}
