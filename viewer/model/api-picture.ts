/** Everything that is drawn, as columns: see `api.ts` for what the names of things mean. */

import { DISK_ACTIONS, DISK_LANES, EVENT_KINDS, type EventKind } from '../../sim/columns/block.ts';
import type { HostId } from './api.ts';
import type { StoryItem, ViolationMark } from './api-answers.ts';
import type { Election } from './api-elections.ts';

/** Everything that is drawn. Grows in revisions while the file is read; the last one has `complete`. */
export interface Picture {
  readonly revision: number;
  readonly complete: boolean;
  readonly beginUs: number;
  readonly endUs: number;
  /** Servers in order, then clients. */
  readonly lanes: readonly Lane[];
  /** Names that `MessageColumns.name` and others refer to by position. */
  readonly names: readonly string[];
  readonly servers: readonly ServerLane[];
  readonly clients: readonly ClientLane[];
  readonly messages: MessageColumns;
  readonly dials: DialColumns;
  readonly faults: readonly FaultSpan[];
  /** Times at which bytes could not pass from one host to another, and between whom. */
  readonly cuts: readonly CutSpan[];
  readonly elections: readonly Election[];
  readonly story: readonly StoryItem[];
  readonly violations: readonly ViolationMark[];
  readonly events: EventColumns;
}

export interface Lane {
  readonly host: HostId;
  readonly kind: 'server' | 'client';
  readonly name: string;
}

/** Every event of the run. Position p holds the event with index p + 1. */
export interface EventColumns {
  readonly count: number;
  readonly timeUs: Float64Array;
  readonly host: Uint16Array;
  /** Position in `EVENT_KINDS`. */
  readonly kind: Uint8Array;
  /** Index of the event that caused it; 0 for the world outside. */
  readonly cause: Uint32Array;
}

// --- servers

export type ServerState =
  /** No process. */
  'down' | 'recovering' | 'looking' | 'following' | 'leading' | 'observing' | 'standalone' | 'halted';
/** Zab's phase within following, leading and observing; `election` otherwise. */
export type ZabPhase = 'election' | 'discovery' | 'synchronization' | 'broadcast';

/** What a server was for a while. Bands of one lane follow each other without gaps. */
export interface Band {
  readonly beginUs: number;
  readonly endUs: number;
  readonly beginIndex: number;
  readonly state: ServerState;
  readonly phase: ZabPhase;
  /** How the learner is brought level, from when that is known. */
  readonly sync: 'DIFF' | 'TRUNC' | 'SNAP' | null;
  /** Epoch it leads or follows; 0 while there is none. */
  readonly epoch: number;
  /** Whom it follows; itself when leading. */
  readonly leader: HostId | null;
  /** Serves reads without a quorum. */
  readonly readOnly: boolean;
  /** The history cannot be proved, so it does not vote. */
  readonly resync: boolean;
  /** Which start of the host. */
  readonly generation: number;
  /** The server's own word for the detail: `collectingEpochAcks`, `persisting`, `draining`… */
  readonly detail: string;
}

export interface ServerLane {
  readonly host: HostId;
  readonly bands: readonly Band[];
  readonly zxids: ZxidColumns;
  readonly disk: DiskColumns;
  readonly clock: ClockColumns;
  readonly marks: readonly HostMark[];
}

/** A row for each change of any of the four; they hold until the next row. */
export interface ZxidColumns {
  readonly count: number;
  readonly timeUs: Float64Array;
  readonly index: Uint32Array;
  /** End of the history, durable or not. */
  readonly logged: Float64Array;
  /** Survives a power cut. */
  readonly synced: Float64Array;
  /** Known as committed. */
  readonly committed: Float64Array;
  /** The tree's. */
  readonly applied: Float64Array;
}

/** File operations from the step that asked to the step that heard of it, by begin. */
export interface DiskColumns {
  readonly count: number;
  readonly beginUs: Float64Array;
  /** NaN: the process died before it heard. */
  readonly endUs: Float64Array;
  readonly beginIndex: Uint32Array;
  readonly endIndex: Uint32Array;
  /** Position in `DISK_ACTIONS`. */
  readonly action: Uint8Array;
  /** Position in `DISK_LANES`. */
  readonly lane: Uint8Array;
  readonly bytes: Uint32Array;
  /** 0: fine; 1: took far longer than its kind does (a stall); 2: failed; 3: never answered. */
  readonly fate: Uint8Array;
}

/** Samples of a host's clocks against virtual time. */
export interface ClockColumns {
  readonly count: number;
  readonly timeUs: Float64Array;
  /** Wall clock minus what a clock without skew would show, ms. */
  readonly wallSkewMs: Float64Array;
  /** Monotonic clock minus (its first value + virtual time), ms; begins anew at each start of the machine. */
  readonly monoSkewMs: Float64Array;
}

export interface HostMark {
  readonly timeUs: number;
  readonly index: number;
  readonly kind: 'boot' | 'kill' | 'power' | 'halt' | 'pause' | 'resume' | 'clock' | 'wipe' | 'restore' | 'disk';
  readonly text: string;
}

// --- clients

export const OPERATION_RESULTS = ['open', 'ok', 'error', 'unknown'] as const;

export interface ClientLane {
  readonly host: HostId;
  readonly operations: OperationColumns;
  readonly sessions: readonly SessionBand[];
  readonly watches: WatchColumns;
  readonly marks: readonly HostMark[];
}

/** Operations from invocation to reply, by begin. */
export interface OperationColumns {
  readonly count: number;
  readonly beginUs: Float64Array;
  /** NaN while it is not answered. */
  readonly endUs: Float64Array;
  readonly beginIndex: Uint32Array;
  readonly endIndex: Uint32Array;
  /** Position in `Picture.names`: `create2`, `getData`… */
  readonly name: Uint16Array;
  /** Position in `Picture.names`: the path, or the empty name. */
  readonly path: Uint32Array;
  /** Position in `OPERATION_RESULTS`; `unknown`: the connection was lost, it may have happened. */
  readonly result: Uint8Array;
  /** The client's number for it: the id in `rawLines` of its two events. */
  readonly id: Uint32Array;
  /** Error code of ZooKeeper, 0 for none. */
  readonly error: Int16Array;
  readonly zxid: Float64Array;
  /** When it took effect: where a checker says so, else for a write when the first server knew it as committed; NaN if unknown. */
  readonly pointUs: Float64Array;
}

export interface SessionBand {
  readonly beginUs: number;
  readonly endUs: number;
  readonly beginIndex: number;
  readonly state:
    | 'connecting'
    | 'syncConnected'
    | 'connectedReadOnly'
    | 'disconnected'
    | 'expired'
    | 'authFailed'
    | 'closed'
    | 'down';
  /** Hexadecimal, or null before there is one. */
  readonly session: string | null;
  readonly server: HostId | null;
  readonly timeoutMs: number;
}

export interface WatchColumns {
  readonly count: number;
  readonly timeUs: Float64Array;
  readonly index: Uint32Array;
  /** EventType of ZooKeeper: 1 created, 2 deleted, 3 data changed, 4 children changed… */
  readonly type: Uint8Array;
  /** Position in `Picture.names`. */
  readonly path: Uint32Array;
  readonly zxid: Float64Array;
}

// --- messages

/** What a reader tells apart by colour and dash. */
export const MESSAGE_GROUPS = [
  'notification',
  'discovery',
  'synchronisation',
  'proposal',
  'ack',
  'commit',
  'ping',
  'request',
  'client',
  'other',
] as const;
export type MessageGroup = (typeof MESSAGE_GROUPS)[number];

export const MESSAGE_FATES = [
  'delivered',
  /** Delivered, but after far more than the latency of the link: held by a cut, a stall or a process that stood still. */
  'stalled',
  /** The connection ended before all of it was read. */
  'reset',
  /** Still on its way when the trace ends. */
  'open',
] as const;

/** One row a message (not a segment), by send time. */
export interface MessageColumns {
  readonly count: number;
  readonly sentUs: Float64Array;
  /** When the receiver read its last byte; NaN if never. For `reset`, `lostUs` tells when that was certain. */
  readonly arrivedUs: Float64Array;
  readonly lostUs: Float64Array;
  readonly sentIndex: Uint32Array;
  /** 0 if never. */
  readonly arrivedIndex: Uint32Array;
  readonly from: Uint16Array;
  readonly to: Uint16Array;
  /** Position in `Picture.names`: `PROPOSAL`, `VOTE`, `create2`… */
  readonly name: Uint16Array;
  /** Position in `MESSAGE_GROUPS`. */
  readonly group: Uint8Array;
  /** Position in `MESSAGE_FATES`. */
  readonly fate: Uint8Array;
  readonly zxid: Float64Array;
}

export const DIAL_RESULTS = ['open', 'accepted', 'refused', 'timeout', 'failed'] as const;

/** Attempts to connect, by begin. */
export interface DialColumns {
  readonly count: number;
  readonly beginUs: Float64Array;
  readonly endUs: Float64Array;
  readonly beginIndex: Uint32Array;
  readonly from: Uint16Array;
  readonly to: Uint16Array;
  /** 0 election, 1 quorum, 2 client. */
  readonly channel: Uint8Array;
  /** Position in `DIAL_RESULTS`. */
  readonly result: Uint8Array;
  /** When the connection was gone for both; NaN while it stands or if it never was. */
  readonly closedUs: Float64Array;
  readonly uid: Uint32Array;
  /** Position in `Picture.names`. */
  readonly reason: Uint16Array;
}

// --- faults

/** An operation of the schedule at work. */
export interface FaultSpan {
  readonly beginUs: number;
  /** Equal to `beginUs` for what happens at once. */
  readonly endUs: number;
  readonly beginIndex: number;
  /** `id` of the operation in the schedule, or 0 when the world did it by itself. */
  readonly op: number;
  /** `cut`, `partition`, `crash`, `power`, `pause`, `diskSlow`, `clock`… */
  readonly kind: string;
  readonly group: 'network' | 'server' | 'disk' | 'clock' | 'client' | 'admin';
  /** Hosts it is aimed at. */
  readonly hosts: readonly HostId[];
  readonly text: string;
}

export interface CutSpan {
  readonly beginUs: number;
  readonly endUs: number;
  /** Bytes from -> to do not arrive. A cut both ways is two spans. */
  readonly from: HostId;
  readonly to: HostId;
  /** Null: on every channel. */
  readonly channel: 'election' | 'quorum' | 'client' | null;
  /** Operation of the schedule. */
  readonly op: number;
}

export { DISK_ACTIONS, DISK_LANES, EVENT_KINDS, type EventKind };
