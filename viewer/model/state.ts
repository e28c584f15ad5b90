/**
 * The state of a server at any event: the last keyframe before it, and the patches since.
 *
 * immer's own `applyPatches` does not lead through Maps with keys of 64 bits, so patches are applied by hand. A state is
 * kept where it was last asked for, and goes on from there when a later event is asked for: stepping forward costs one
 * patch, and jumping at most the steps between two keyframes.
 */

import type { HostId, StateChange, StateDiff, StateNode, StatePath, StatePoint, StateView } from './api.ts';
import type { BlockShelf } from './blocks.ts';
import { upperBound } from './columns.ts';
import { parseLine } from './lines.ts';
import { breath } from './load.ts';
import { bytesText, keyText, nodeOf, scalarText } from './nodes.ts';
import type { Store } from './store.ts';
import { decodeValue } from './values.ts';
import { showZxid } from './words.ts';

interface Patch {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: readonly unknown[];
  readonly value?: unknown;
}

interface StateLine {
  readonly type: 'patches' | 'keyframe';
  readonly index: number;
  readonly host: HostId;
  readonly patches?: unknown;
  readonly state?: unknown;
  readonly heap: Readonly<Record<string, unknown>>;
}

/** A state of a server as it is after `index`. */
interface Cursor {
  index: number;
  state: unknown;
  heap: Readonly<Record<string, unknown>>;
  /** What the last event changed. */
  changes: StateChange[];
  changedAt: number;
}

export interface StateAndHeap {
  readonly state: unknown;
  readonly heap: Readonly<Record<string, unknown>>;
}

/** States kept, one a server and a few more for going back and forth. */
const CURSORS_MAX = 24;
const BREATH_EVENTS = 400;

export class StateReader {
  readonly #store: Store;
  readonly #shelf: BlockShelf;
  #last: Promise<unknown> = Promise.resolve();
  /** The ones used last at the end. */
  /** Events of the store when the kept states were made. */
  #countSeen = 0;
  readonly #cursors: { readonly host: HostId; readonly cursor: Cursor }[] = [];

  constructor(store: Store, shelf: BlockShelf) {
    this.#store = store;
    this.#shelf = shelf;
  }

  view(host: HostId, index: number): Promise<StateView> {
    return this.#inTurn(() => this.#view(host, index));
  }

  async #view(host: HostId, index: number): Promise<StateView> {
    const stepIndex = this.lastStep(host, index);
    const timeUs = stepIndex === 0 ? 0 : this.#store.events.timeUs.get(stepIndex - 1);
    const status = this.#statusAt(host, index, stepIndex);
    const base = { host, index, stepIndex, timeUs, status };
    if (stepIndex === 0 || status !== 'running') return { ...base, root: null, changes: [], heap: [] };
    const cursor = await this.#cursorAt(host, stepIndex);
    if (cursor === null) return { ...base, status: 'unknown', root: null, changes: [], heap: [] };
    const changes = cursor.changedAt === index ? cursor.changes : [];
    return {
      ...base,
      root: withChanges(nodeOf(`server ${host}`, cursor.state), changes),
      changes,
      heap: heapText(cursor.heap),
    };
  }

  /** The state itself and what stands for the heap; null where there is none. Not to be written to. */
  stateAt(host: HostId, index: number): Promise<StateAndHeap | null> {
    return this.#inTurn(() => this.#stateAt(host, index));
  }

  /** A kept state moves while it is asked for, so questions are answered one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #stateAt(host: HostId, index: number): Promise<StateAndHeap | null> {
    const stepIndex = this.lastStep(host, index);
    if (stepIndex === 0 || this.#statusAt(host, index, stepIndex) !== 'running') return null;
    return this.#cursorAt(host, stepIndex);
  }

  /** What this very event changed. */
  changesAt(host: HostId, index: number): Promise<StateChange[]> {
    return this.#inTurn(() => this.#changesAt(host, index));
  }

  async #changesAt(host: HostId, index: number): Promise<StateChange[]> {
    if (this.lastStep(host, index) !== index) return [];
    const cursor = await this.#cursorAt(host, index);
    return cursor !== null && cursor.changedAt === index ? cursor.changes : [];
  }

  diff(a: StatePoint, b: StatePoint): Promise<StateDiff> {
    return this.#inTurn(() => this.#diff(a, b));
  }

  async #diff(a: StatePoint, b: StatePoint): Promise<StateDiff> {
    // The first may be the one that goes on to be the second.
    const left = structuredClone((await this.#stateAt(a.host, a.index))?.state ?? null);
    const right = (await this.#stateAt(b.host, b.index))?.state ?? null;
    const changes: StateChange[] = [];
    const root = left === null || right === null ? null : diffNode('state', left, right, [], changes);
    return { a, b, root, changes };
  }

  async nextChange(host: HostId, index: number, path: StatePath, direction: -1 | 1): Promise<number> {
    const rows = this.#store.byHost.get(host)?.view() ?? new Uint32Array(0);
    let at = direction === 1 ? upperBound(rows, index) : upperBound(rows, index - 1) - 1;
    for (let looked = 1; at >= 0 && at < rows.length; at += direction, looked++) {
      const event = rows[at]!;
      for (const line of await this.#linesOf(host, event)) {
        if (line.type === 'keyframe' && this.#isBoot(event)) return event;
        const patches = line.type === 'patches' ? (decodeValue(line.patches) as Patch[]) : [];
        if (patches.some((patch) => concerns(patch.path, path))) return event;
      }
      if (looked % BREATH_EVENTS === 0) await breath();
    }
    return 0;
  }

  /** The last event at or before `index` that is one of this host; 0 when there is none. */
  lastStep(host: HostId, index: number): number {
    const rows = this.#store.byHost.get(host)?.view();
    if (rows === undefined) return 0;
    const at = upperBound(rows, index);
    return at === 0 ? 0 : rows[at - 1]!;
  }

  #statusAt(host: HostId, index: number, stepIndex: number): StateView['status'] {
    const boot = this.#store.boots.findLast((line) => line.host === host && line.index <= index);
    if (boot === undefined || stepIndex === 0) return 'down';
    const crash = this.#store.crashes.findLast((line) => line.host === host && line.index <= index);
    return crash !== undefined && crash.index >= boot.index ? 'down' : 'running';
  }

  #isBoot(index: number): boolean {
    return this.#store.events.kind.get(index - 1) === 0;
  }

  // --- going there ---

  async #cursorAt(host: HostId, index: number): Promise<Cursor | null> {
    const frames = this.#store.keyframes.get(host)?.view();
    const at = frames === undefined ? 0 : upperBound(frames, index);
    if (frames === undefined || at === 0) return null;
    // While a file is read its last event may lack the patches that stand in the next block: nothing goes on from there.
    if (this.#store.count !== this.#countSeen) this.#cursors.length = 0;
    this.#countSeen = this.#store.count;
    const frame = frames[at - 1]!;
    const cursor = this.#nearest(host, frame, index);
    await this.#advance(host, cursor, frame, index);
    return cursor;
  }

  /** The kept state that is nearest before `index`, or an empty one that begins at the keyframe. */
  #nearest(host: HostId, frame: number, index: number): Cursor {
    let best = -1;
    for (const [i, { host: whose, cursor }] of this.#cursors.entries()) {
      if (whose !== host || cursor.index > index || cursor.index < frame) continue;
      if (best < 0 || cursor.index > this.#cursors[best]!.cursor.index) best = i;
    }
    if (best >= 0) {
      const [kept] = this.#cursors.splice(best, 1);
      this.#cursors.push(kept!);
      return kept!.cursor;
    }
    const cursor: Cursor = { index: 0, state: null, heap: {}, changes: [], changedAt: 0 };
    this.#cursors.push({ host, cursor });
    if (this.#cursors.length > CURSORS_MAX) this.#cursors.shift();
    return cursor;
  }

  async #advance(host: HostId, cursor: Cursor, frame: number, index: number): Promise<void> {
    const rows = this.#store.byHost.get(host)!.view();
    const from = cursor.index < frame ? upperBound(rows, frame - 1) : upperBound(rows, cursor.index);
    if (from < rows.length && rows[from]! <= index)
      this.#shelf.expect(this.#store.placeOf(rows[from]!).block, this.#store.placeOf(index).block);
    for (let at = from; at < rows.length && rows[at]! <= index; at++) {
      const event = rows[at]!;
      for (const line of await this.#linesOf(host, event)) take(cursor, line, event === index);
      cursor.index = event;
    }
  }

  /** The lines that tell of the state of this server after the event. */
  async #linesOf(host: HostId, index: number): Promise<StateLine[]> {
    const start = this.#store.placeOf(index);
    const isLast = index === this.#store.count;
    const end = isLast
      ? { block: this.#shelf.count - 1, offset: Number.POSITIVE_INFINITY }
      : this.#store.placeOf(index + 1);
    const found: StateLine[] = [];
    let carried = '';
    for (let block = start.block; block <= end.block; block++) {
      const bytes = await this.#shelf.text(block);
      const to = block === end.block ? Math.min(end.offset, bytes.length) : bytes.length;
      collect(bytes, block === start.block ? start.offset : 0, to, (text) => {
        const line = parseLine(carried + text);
        carried = '';
        if (line !== null && line.host === host) found.push({ ...(line as unknown as StateLine), index });
      });
    }
    return found;
  }
}

const NEWLINE = 0x0a;
const DECODER = new TextDecoder();

/** Hands out the `patches` and `keyframe` lines of a stretch of text; the others are not even decoded. */
function collect(bytes: Uint8Array, from: number, to: number, onLine: (text: string) => void): void {
  let at = from;
  while (at < to) {
    let end = bytes.indexOf(NEWLINE, at);
    if (end < 0 || end > to) end = to;
    // `{"type":"p…` and `{"type":"k…`
    const letter = bytes[at + 9];
    if (letter === 0x70 || letter === 0x6b) onLine(DECODER.decode(bytes.subarray(at, end)));
    at = end + 1;
  }
}

function take(cursor: Cursor, line: StateLine, isTold: boolean): void {
  cursor.heap = line.heap;
  if (line.type === 'keyframe') {
    // In the middle of an incarnation it repeats what the patches have led to.
    cursor.state = decodeValue(line.state);
    return;
  }
  cursor.changes = [];
  cursor.changedAt = line.index;
  for (const patch of decodeValue(line.patches) as Patch[]) {
    if (isTold) cursor.changes.push(changeOf(cursor.state, patch));
    cursor.state = applied(cursor.state, patch);
  }
  if (!isTold) cursor.changedAt = 0;
}

// --- patches ---------------------------------------------------------------------------------------------------------

const child = (at: unknown, key: unknown): unknown => {
  if (at instanceof Map) return at.get(key);
  if (at instanceof Set) return [...at][Number(key)];
  if (typeof at !== 'object' || at === null) return undefined;
  return (at as Record<string, unknown>)[String(key)];
};

export function applied(state: unknown, { op, path, value }: Patch): unknown {
  if (path.length === 0) return value;
  let at = state;
  for (const key of path.slice(0, -1)) at = child(at, key);
  change(at, path.at(-1), op, value);
  return state;
}

function change(at: unknown, key: unknown, op: Patch['op'], value: unknown): void {
  if (at instanceof Set) {
    if (op === 'remove') at.delete(value);
    else at.add(value);
  } else if (at instanceof Map) {
    if (op === 'remove') at.delete(key);
    else at.set(key, value);
  } else if (Array.isArray(at) && op !== 'replace') {
    if (op === 'remove') at.splice(Number(key), 1);
    else if (key === '-') at.push(value);
    else at.splice(Number(key), 0, value);
  } else if (typeof at === 'object' && at !== null) {
    if (op === 'remove') delete (at as Record<string, unknown>)[String(key)];
    else (at as Record<string, unknown>)[String(key)] = value;
  }
}

function changeOf(state: unknown, { op, path, value }: Patch): StateChange {
  let at = state;
  for (const key of path.slice(0, -1)) at = child(at, key);
  const key = path.at(-1);
  const before = op === 'add' ? undefined : at instanceof Set ? value : child(at, key);
  const name = keyText(key);
  return {
    path: path.map(keyText),
    op,
    before: before === undefined ? null : shortText(name, before),
    after: op === 'remove' ? null : shortText(name, value),
  };
}

/** A value in few words. */
export function shortText(key: string, value: unknown): string {
  const node = nodeOf(key, value);
  if (node.children === null) return node.text;
  const inner = node.children.slice(0, 4).map((one) => `${one.key} ${one.children === null ? one.text : '…'}`);
  return `${node.text}${inner.length === 0 ? '' : ` (${inner.join(', ')}${node.children.length > 4 ? ', …' : ''})`}`;
}

/** The patch changes the field, something below it, or something that holds it. */
function concerns(patched: readonly unknown[], path: StatePath): boolean {
  const length = Math.min(patched.length, path.length);
  for (let i = 0; i < length; i++) if (keyText(patched[i]) !== path[i]) return false;
  return true;
}

// --- trees with changes ----------------------------------------------------------------------------------------------

interface Marks {
  readonly change: StateChange | null;
  readonly below: Map<string, Marks>;
}

/** The tree with what was changed marked, and what was removed put back as removed. */
export function withChanges(root: StateNode, changes: readonly StateChange[]): StateNode {
  if (changes.length === 0) return root;
  const marks: Marks = { change: null, below: new Map() };
  for (const one of changes) {
    let at = marks;
    for (const [i, key] of one.path.entries()) {
      const isLast = i === one.path.length - 1;
      const next = at.below.get(key) ?? { change: null, below: new Map<string, Marks>() };
      at.below.set(key, isLast ? { change: one, below: next.below } : next);
      at = at.below.get(key)!;
    }
  }
  return marked(root, marks);
}

const CHANGE_OF = { add: 'added', replace: 'changed', remove: 'removed' } as const;

function marked(node: StateNode, marks: Marks): StateNode {
  const own = marks.change === null ? null : CHANGE_OF[marks.change.op];
  const change: StateNode['change'] = own ?? (marks.below.size > 0 ? 'within' : null);
  const before = marks.change?.before;
  const base = { ...node, change, ...(before === null || before === undefined ? {} : { before }) };
  if (node.children === null || marks.below.size === 0) return base;
  const children = node.children.map((one) => {
    const below = marks.below.get(one.key);
    return below === undefined ? one : marked(one, below);
  });
  for (const [key, { change: one }] of marks.below) {
    if (one?.op !== 'remove' || node.children.some((other) => other.key === key)) continue;
    children.push({ key, kind: 'value', text: '', change: 'removed', before: one.before ?? '', children: null });
  }
  return { ...base, children };
}

// --- differences -----------------------------------------------------------------------------------------------------

type Entries = readonly (readonly [string, unknown])[] | null;

function entriesOf(value: unknown): Entries {
  if (value instanceof Map) return [...value].map(([key, item]) => [keyText(key), item] as const);
  if (value instanceof Set) return [...value].map((item) => [keyText(item), item] as const);
  if (value instanceof Uint8Array) return null;
  if (Array.isArray(value)) return value.map((item, i) => [String(i), item] as const);
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}

/** One tree of two values. */
function diffNode(key: string, a: unknown, b: unknown, path: readonly string[], changes: StateChange[]): StateNode {
  const node = nodeOf(key, b);
  const left = entriesOf(a);
  const right = entriesOf(b);
  if (left === null || right === null || sameKind(a, b) !== true) {
    if (leafText(key, a) === leafText(key, b)) return node;
    changes.push({ path, op: 'replace', before: shortText(key, a), after: shortText(key, b) });
    return { ...node, change: 'changed', before: shortText(key, a) };
  }
  const were = new Map(left);
  const children: StateNode[] = [];
  for (const [name, item] of right) {
    const below = [...path, name];
    if (were.has(name)) children.push(diffNode(name, were.get(name), item, below, changes));
    else {
      changes.push({ path: below, op: 'add', before: null, after: shortText(name, item) });
      children.push({ ...nodeOf(name, item), change: 'added' });
    }
    were.delete(name);
  }
  for (const [name, item] of were) {
    changes.push({ path: [...path, name], op: 'remove', before: shortText(name, item), after: null });
    children.push({ ...nodeOf(name, item), change: 'removed', before: shortText(name, item) });
  }
  const change: StateNode['change'] = children.some((one) => one.change !== null) ? 'within' : null;
  return { ...node, change, children };
}

function sameKind(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b);
}

const leafText = (key: string, value: unknown): string =>
  value instanceof Uint8Array
    ? `${value.length} ${Array.from(value).join()}`
    : entriesOf(value) === null
      ? scalarText(value)
      : shortText(key, value);

function heapText(heap: Readonly<Record<string, unknown>>): { readonly name: string; readonly text: string }[] {
  return Object.entries(heap).map(([name, value]) => {
    const decoded = decodeValue(value);
    const isZxid = name === 'applied' || name === 'logged' || name === 'base';
    const text = isZxid
      ? showZxid(Number(decoded))
      : decoded instanceof Uint8Array
        ? bytesText(decoded)
        : scalarText(decoded);
    return { name, text };
  });
}
