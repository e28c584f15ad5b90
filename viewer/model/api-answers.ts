/** What one looks at singly: events, the story, violations, states, causes, comparisons, searches. See `api.ts`. */

import type { EventKind } from '../../sim/columns/block.ts';
import type { HostId, TraceId } from './api.ts';
import type { MessageGroup } from './api-picture.ts';

// --- events ----------------------------------------------------------------------------------------------------------

/** One event in full. */
export interface EventDetail {
  readonly index: number;
  readonly id: number;
  readonly timeUs: number;
  readonly host: HostId;
  readonly kind: EventKind;
  /** `server 2 on connBytes: sends ACK zxid 0x100000003 to server 1; fsyncs a file`. */
  readonly sentence: string;
  readonly cause: number;
  /** Events that it caused, in order; the first hundred. */
  readonly effects: readonly number[];
  readonly generation: number | null;
  readonly monoMs: number | null;
  readonly wallMs: number | null;
  readonly input: StateNode | null;
  readonly outputs: readonly StateNode[];
  readonly notes: readonly NoteView[];
  /** Messages that the event put on the wire, and those whose last byte it read. Rows of `MessageColumns`. */
  readonly sent: readonly MessageView[];
  readonly received: readonly MessageView[];
  readonly changes: readonly StateChange[];
}

export interface NoteView {
  readonly code: string;
  readonly text: string;
}

export interface MessageView {
  /** Row of `MessageColumns`. */
  readonly row: number;
  readonly name: string;
  readonly group: MessageGroup;
  readonly from: HostId;
  readonly to: HostId;
  readonly sentUs: number;
  readonly arrivedUs: number | null;
  readonly sentIndex: number;
  readonly arrivedIndex: number;
  readonly fields: readonly { readonly name: string; readonly text: string }[];
  readonly text: string;
}

export interface EventPage {
  /** Events that match in all. */
  readonly total: number;
  readonly rows: readonly EventRow[];
}

export interface EventRow {
  readonly index: number;
  readonly timeUs: number;
  readonly host: HostId;
  readonly kind: EventKind;
  readonly sentence: string;
}

// --- the story -------------------------------------------------------------------------------------------------------

export const STORY_KINDS = [
  'election',
  'leader',
  'fault',
  'crash',
  'sync',
  'config',
  'session',
  'error',
  'violation',
  'phase',
  'note',
] as const;
export type StoryKind = (typeof STORY_KINDS)[number];

export interface StoryItem {
  readonly timeUs: number;
  readonly index: number;
  readonly kind: StoryKind;
  readonly text: string;
  readonly hosts: readonly HostId[];
  /** Number of the election, operation of the schedule, or position of the violation it tells of; 0 for none. */
  readonly ref: number;
}

// --- violations ------------------------------------------------------------------------------------------------------

export interface ViolationMark {
  readonly number: number;
  readonly timeUs: number;
  readonly property: string;
  readonly kind: 'safety' | 'liveness' | 'crash';
  readonly sentence: string;
  /** Indexes of the events that clash, oldest first. */
  readonly events: readonly number[];
  readonly servers: readonly HostId[];
}

export interface ViolationDetail extends ViolationMark {
  /** What happened instead. */
  readonly message: string;
  readonly clash: readonly EventRow[];
  /** Client operations that clash, where the checker names them; else those around it. */
  readonly operations: readonly OperationRef[];
  /** Why one of `operations` comes before another, by position. */
  readonly reasons: readonly { readonly from: number; readonly to: number; readonly text: string }[];
  /** Whatever else the checker gave. */
  readonly conflict: StateNode | null;
}

export interface OperationRef {
  readonly host: HostId;
  /** Row of `OperationColumns` of that client. */
  readonly row: number;
  readonly text: string;
}

// --- state -----------------------------------------------------------------------------------------------------------

/** Keys from the root: names of fields, positions of lists, keys of Maps as text. */
export type StatePath = readonly string[];

export interface StatePoint {
  readonly host: HostId;
  readonly index: number;
}

/** A value as a tree that can be shown as it is. */
export interface StateNode {
  readonly key: string;
  readonly kind: 'object' | 'map' | 'set' | 'list' | 'bytes' | 'zxid' | 'time' | 'value';
  /** What is shown beside the key: the value of a leaf, a summary of the rest (`5 entries`). */
  readonly text: string;
  /** What the event changed: this very node, or something below it (`within`). */
  readonly change: 'added' | 'removed' | 'changed' | 'within' | null;
  /** For `changed` and `removed` leaves. */
  readonly before?: string;
  /** Null for a leaf. */
  readonly children: readonly StateNode[] | null;
}

export interface StateView {
  readonly host: HostId;
  /** The event asked for, and the last one at or before it that stepped this server. */
  readonly index: number;
  readonly stepIndex: number;
  readonly timeUs: number;
  readonly status: 'running' | 'down' | 'unknown';
  readonly root: StateNode | null;
  /** What `stepIndex` changed, when it is the event asked for. */
  readonly changes: readonly StateChange[];
  readonly heap: readonly { readonly name: string; readonly text: string }[];
}

export interface StateChange {
  readonly path: StatePath;
  readonly op: 'add' | 'replace' | 'remove';
  readonly before: string | null;
  readonly after: string | null;
}

export interface StateDiff {
  readonly a: StatePoint;
  readonly b: StatePoint;
  /** Both states in one tree; `before` is a, `text` is b. */
  readonly root: StateNode | null;
  readonly changes: readonly StateChange[];
}

export interface LogView {
  readonly host: HostId;
  readonly index: number;
  readonly last: number;
  readonly synced: number;
  readonly committed: number;
  readonly applied: number;
  /** Newest first. */
  readonly entries: readonly LogEntry[];
  /** Entries before these that are not shown. */
  readonly earlier: number;
}

export interface LogEntry {
  readonly zxid: number;
  /** `create /a by session 0x1…`; null when the trace holds no transaction for it. */
  readonly text: string | null;
  readonly durable: boolean;
  readonly committed: boolean;
  readonly applied: boolean;
  readonly proposedIndex: number;
}

export interface TreeView {
  readonly host: HostId;
  readonly index: number;
  readonly zxid: number;
  /** As many nodes as the server said it had. False: some transactions are not in the trace. */
  readonly exact: boolean;
  readonly nodeCount: number;
  readonly nodes: readonly TreeNodeView[];
}

export interface TreeNodeView {
  readonly path: string;
  readonly data: string;
  readonly bytes: number;
  readonly version: number;
  readonly childVersion: number;
  readonly created: number;
  readonly modified: number;
  /** Hexadecimal session of an ephemeral node. */
  readonly owner: string | null;
}

// --- cause -----------------------------------------------------------------------------------------------------------

export interface Cone {
  readonly index: number;
  readonly direction: 'causes' | 'effects';
  /** Indexes in order; without the event itself. */
  readonly events: Uint32Array;
  /** The limit was reached. */
  readonly more: boolean;
}

export interface ChainLink {
  readonly index: number;
  /** How it follows from the one before: it was scheduled by it, or the same host went on. */
  readonly by: 'start' | 'cause' | 'host';
  readonly sentence: string;
}

export interface LogicalAxis {
  /** By index: the length of the longest chain of events that leads to it. */
  readonly rank: Uint32Array;
  readonly max: number;
}

// --- compare ---------------------------------------------------------------------------------------------------------

export interface Comparison {
  readonly a: TraceId;
  readonly b: TraceId;
  readonly by: 'time' | 'cause';
  /** Pairs of events taken for the same: `left[i]` of a and `right[i]` of b, in order. */
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  /** The first events that have no counterpart; null when the traces tell the same. */
  readonly divergence: Divergence | null;
  readonly sentence: string;
}

export interface Divergence {
  /** 0: the trace has ended. */
  readonly left: number;
  readonly right: number;
  readonly leftUs: number;
  readonly rightUs: number;
  readonly leftText: string;
  readonly rightText: string;
}

// --- search ----------------------------------------------------------------------------------------------------------

/**
 * The language: terms separated by blanks must all hold; `|` between terms means or, `-` before a term means not,
 * parentheses group. `field:value`, `field:a..b`, `field>value`, `field>=value`, `field<value`, `field!=value`, or a
 * bare word that is looked for in the sentence. Fields: kind, type, server, client, host, from, to, zxid, epoch, t, index,
 * id, cause, op, path, session, note, level.
 */
export interface SearchOptions {
  /** Default: from the start. */
  readonly from?: number;
  /** Default 1000. */
  readonly limit?: number;
}

export interface SearchResult {
  /** Indexes of the events found, in order. */
  readonly events: Uint32Array;
  readonly total: number;
  readonly more: boolean;
  readonly error: QueryError | null;
}

export interface QueryError {
  readonly message: string;
  /** Where in the text, 0-based. */
  readonly from: number;
  readonly to: number;
}
