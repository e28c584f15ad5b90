/**
 * What one block of a trace holds, as columns: the fields that a picture of the run is made of, one typed array a field. A
 * reader gets them from the lines of the block (`scan.ts`), or ready from the header of a compressed block, where the
 * writer has put them (`digest.ts`).
 */

import type { FileAction, Lane } from '../../core/io.ts';
import type * as World from '../world/types.ts';

/** As the world names them. Their places are numbers in files: what is added comes at the end. */
export const EVENT_KINDS = [
  'boot',
  'timer',
  'segment',
  'window',
  'syn',
  'dial',
  'reset',
  'read',
  'disk',
  'input',
  'resume',
  'action',
] as const satisfies readonly World.EventKind[];
export type EventKind = (typeof EVENT_KINDS)[number];

export const DISK_ACTIONS = [
  'create',
  'append',
  'write',
  'fsync',
  'fsyncDir',
  'rename',
  'truncate',
  'remove',
  'read',
  'list',
  'mkdir',
] as const satisfies readonly FileAction['kind'][];
export const DISK_LANES = ['log', 'snap', 'meta', 'read'] as const satisfies readonly Lane[];

/** A line that was parsed whole. */
export interface RareLine {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Notes of one step, but the four that come with every transaction. */
export interface NotesLine extends RareLine {
  readonly type: 'notes';
  readonly event: number;
  readonly t: number;
  readonly host: number;
  /** What was being handled: the `type` of the input. */
  readonly input: string;
  readonly notes: readonly { readonly code: string; readonly fields: Readonly<Record<string, unknown>> }[];
}

export interface BadLine {
  /** Counts the lines of the block from 0. */
  readonly line: number;
  readonly offset: number;
  readonly reason: string;
}

/** What one block holds. All arrays are of the block's own rows; `pos` columns are positions in `events`. */
export interface BlockColumns {
  readonly lines: number;
  readonly textBytes: number;
  readonly names: readonly string[];
  readonly events: {
    readonly id: Uint32Array;
    readonly index: Uint32Array;
    readonly cause: Uint32Array;
    readonly timeUs: Float64Array;
    readonly host: Uint16Array;
    readonly kind: Uint8Array;
    /** Where the event's first line begins in this block; the first event of a block may have begun in the one before. */
    readonly start: Uint32Array;
  };
  /** Where the lines begin of an event whose own line is in a later block; `CARRIED` when there is none. */
  readonly tailStart: number;
  /** The event that the first lines name, and where they begin: for a block without any event's own line. */
  readonly headId: number;
  readonly headStart: number;
  readonly reads: { readonly pos: Uint32Array; readonly uid: Uint32Array; readonly size: Uint32Array };
  readonly files: {
    readonly pos: Uint32Array;
    readonly op: Uint32Array;
    readonly lane: Uint8Array;
    readonly action: Uint8Array;
    readonly size: Uint32Array;
  };
  readonly done: { readonly pos: Uint32Array; readonly op: Uint32Array; readonly ok: Uint8Array };
  readonly clocks: {
    readonly timeUs: Float64Array;
    readonly host: Uint16Array;
    readonly generation: Uint16Array;
    readonly monoMs: Float64Array;
    readonly wallMs: Float64Array;
  };
  readonly segments: {
    readonly event: Uint32Array;
    readonly timeUs: Float64Array;
    readonly uid: Uint32Array;
    readonly channel: Uint8Array;
    readonly from: Uint16Array;
    readonly to: Uint16Array;
    readonly size: Uint32Array;
    readonly messages: Uint16Array;
  };
  readonly messages: { readonly name: Uint16Array; readonly zxid: Float64Array };
  readonly zxids: {
    readonly event: Uint32Array;
    readonly timeUs: Float64Array;
    readonly host: Uint16Array;
    readonly logged: Float64Array;
    readonly synced: Float64Array;
    readonly committed: Float64Array;
    readonly applied: Float64Array;
  };
  readonly txns: {
    readonly event: Uint32Array;
    readonly host: Uint16Array;
    readonly zxid: Float64Array;
    /** Their bytes one after the other, and where each ends. */
    readonly end: Uint32Array;
  };
  readonly txnBytes: Uint8Array;
  readonly keyframes: { readonly event: Uint32Array; readonly host: Uint16Array };
  readonly rare: readonly RareLine[];
  readonly bad: readonly BadLine[];
}

export const CARRIED = 0xffff_ffff;
export const CHANNELS = ['election', 'quorum', 'client'] as const;

/** Notes that say what a `zxids` line says too. */
export const ROUTINE_NOTES: ReadonlySet<string> = new Set([
  'zab.applied',
  'zab.committed',
  'zab.ack.sent',
  'zab.proposal.sent',
]);
