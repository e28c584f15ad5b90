/**
 * What the pages may ask of a trace: the whole interface between the model, which lives in a web worker, and everything
 * that draws. Every value here is plain and survives structured cloning; functions answer with promises, so the same
 * interface works in the worker, in the page and in a test (`open.ts` in place, `client.ts` over a message port).
 *
 * **Names of things.** An event is named by its `index`, which counts executed events from 1 without a gap in the order of
 * the run; 0 means "none" or "before the run". A host below `CLIENT_BASE` (1000) is a server (its `myid`), `1000 + n` is
 * client n, 0 is the world. Times are microseconds of virtual time (`…Us`, in doubles). A zxid is a number,
 * `epoch * 2^32 + counter`; NaN in a column means that there is none.
 *
 * **Mass and detail.** What is drawn all the time is in `Picture`, as columns (one typed array a field) sorted by time, so
 * that the page can search and draw without asking. It is sent again as more of the file is read. What one looks at
 * singly (an event, a state, an election) is asked for and made from the lines of the file, which stay compressed.
 */

import { DISK_ACTIONS, DISK_LANES, EVENT_KINDS, type EventKind } from '../../sim/columns/block.ts';

// --- opening ---------------------------------------------------------------------------------------------------------

/** A `Blob` or `File`, or anything like it. */
export interface BlobLike {
  readonly size: number;
  slice(from: number, to: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Where a trace comes from. Whether it is compressed is seen from its first bytes. */
export type TraceSource =
  /** A trace, a flight recording, or the log file of a Java server. Read in slices. */
  | { readonly kind: 'blob'; readonly name: string; readonly blob: BlobLike }
  | { readonly kind: 'bytes'; readonly name: string; readonly bytes: Uint8Array }
  /** Log files of several Java servers: one ensemble. */
  | { readonly kind: 'logs'; readonly files: readonly { readonly name: string; readonly blob: BlobLike }[] }
  /**
   * Lines that are being written: `Viewer.feed` brings them in pieces, `Viewer.end` ends it. What the laboratory uses
   * when the world runs in another worker.
   */
  | { readonly kind: 'stream'; readonly name: string };

/** Names an open trace within a `Viewer`. */
export type TraceId = number;

export type LoadPhase =
  | 'reading'
  /** All is read and analysed. */
  | 'complete'
  /** The file ends too early or holds something unreadable; what came before is there. `Problem` says what. */
  | 'damaged'
  /** Nothing could be read. */
  | 'failed';

export interface Problem {
  readonly kind:
    | 'foreign'
    | 'old-version'
    | 'new-version'
    | 'truncated'
    | 'bad-line'
    | 'bad-gzip'
    | 'empty'
    | 'inconsistent';
  /** For a person: what is wrong with the file and what was read of it. */
  readonly sentence: string;
  /** 1-based, where it applies. */
  readonly line: number | null;
  /** The schedule could be read from the header, so the run can be made again from it. */
  readonly hasSchedule: boolean;
}

export interface LoadProgress {
  readonly trace: TraceId;
  readonly phase: LoadPhase;
  /** Bytes of the source read so far and in all (0: unknown). */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly events: number;
  /** A newer `Picture` is to be had than the one of this revision or less. Grows. */
  readonly revision: number;
  readonly problems: readonly Problem[];
}

/** What is known of the run as a whole. */
export interface TraceInfo {
  readonly trace: TraceId;
  readonly name: string;
  /** `simulation`: written by `--trace`; `recording`: a real server's flight recorder; `java`: log files. */
  readonly origin: 'simulation' | 'recording' | 'java';
  readonly phase: LoadPhase;
  readonly problems: readonly Problem[];
  readonly seed: string | null;
  readonly commit: string | null;
  /** The schedule as `--save` writes it. */
  readonly schedule: unknown;
  readonly servers: readonly HostId[];
  readonly clients: readonly HostId[];
  /** How the ticks of the axis are to be read: virtual time of a run, or wall-clock time that began at `wallStartMs`. */
  readonly wallStartMs: number | null;
  readonly events: number;
  readonly beginUs: number;
  readonly endUs: number;
  readonly verdict: VerdictInfo | null;
}

export interface VerdictInfo {
  readonly verdict: 'ok' | 'safety' | 'liveness' | 'crash';
  readonly hash: string;
  readonly stats: unknown;
  readonly violationCount: number;
}

export type HostId = number;
export const CLIENT_BASE = 1000;

/** All open traces. `open.ts` makes one in place, `client.ts` one that asks a worker. */
export interface Viewer {
  /** Resolves as soon as the source is known to be a trace; reading goes on. A source that is none resolves too, as `failed`. */
  open(source: TraceSource): Promise<TraceId>;
  /** More bytes of a `stream`. */
  feed(trace: TraceId, bytes: Uint8Array): Promise<void>;
  end(trace: TraceId): Promise<void>;
  close(trace: TraceId): Promise<void>;
  /** Called for every step of loading until `complete`, `damaged` or `failed`. Returns how to stop listening. */
  onProgress(listener: (progress: LoadProgress) => void): () => void;
  /** Resolves when loading has ended, in whatever way. */
  whenLoaded(trace: TraceId): Promise<TraceInfo>;
  trace(trace: TraceId): TraceModel;
  compare(a: TraceId, b: TraceId, by: 'time' | 'cause'): Promise<Comparison>;
}

/** One trace. While it is still being read, answers are about what has been read. */
export interface TraceModel {
  info(): Promise<TraceInfo>;
  picture(): Promise<Picture>;
  /** The lines of the file that belong to an event, as written. */
  rawLines(index: number): Promise<readonly string[]>;
  /** Null for an event that does not exist. */
  event(index: number): Promise<EventDetail | null>;
  /** Index of the event with this id of the trace (violations and lines name ids); 0 when there is none. */
  indexOf(id: number): Promise<number>;
  /** Index of the last event at or before the time; of this host, if given. 0 when there is none. */
  indexAt(timeUs: number, host?: HostId): Promise<number>;
  /** The event of the same host before (-1) or after (+1) this one; 0 when there is none. */
  neighbour(index: number, direction: -1 | 1): Promise<number>;
  /** Rows for a table of events: `count` events from `from` on, those that match `query` if one is given. */
  events(options: { readonly from: number; readonly count: number; readonly query?: string }): Promise<EventPage>;

  elections(): Promise<readonly Election[]>;
  election(number: number): Promise<ElectionDetail | null>;
  story(): Promise<readonly StoryItem[]>;
  violations(): Promise<readonly ViolationDetail[]>;

  state(host: HostId, index: number): Promise<StateView>;
  /** What differs between two servers, or between two moments. */
  stateDiff(a: StatePoint, b: StatePoint): Promise<StateDiff>;
  /** The next (1) or previous (-1) event of the host that changed the field at `path` or something below it; 0: none. */
  nextChange(host: HostId, index: number, path: StatePath, direction: -1 | 1): Promise<number>;
  /** The log as it was: the entries a server held, newest first from `beforeZxid` on, at most `count`. */
  log(host: HostId, index: number, options?: { readonly count?: number }): Promise<LogView>;
  /** The data tree as it was. */
  tree(host: HostId, index: number): Promise<TreeView>;

  /**
   * Everything that followed from the event, or everything it followed from; the nearest `limit` events. By `cause`
   * (default): through what scheduled or sent what. By `order`: also through what the same host did before
   * (Lamport's happens-before), which is much more.
   */
  cone(index: number, direction: 'causes' | 'effects', limit?: number, by?: 'cause' | 'order'): Promise<Cone>;
  /** The shortest chain of causes between two events, in order of time; null when neither caused the other. */
  chain(a: number, b: number): Promise<readonly ChainLink[] | null>;
  /** Position of every event on the logical axis (happens-before order), by index; element 0 is unused. */
  logical(): Promise<LogicalAxis>;

  search(query: string, options?: SearchOptions): Promise<SearchResult>;
  /** Chrome trace events JSON of a part of the run; opens in Perfetto and chrome://tracing. */
  exportChrome(range: TimeRange | null): Promise<string>;
  /** A log for ShiViz, its parser expression in the first line. */
  exportShiviz(range: TimeRange | null): Promise<string>;
  /** The densities of a part of the run in `bins` equal bins, when those of the picture are too coarse. */
  density(range: TimeRange, bins: number): Promise<DensityView>;
}

export interface TimeRange {
  readonly fromUs: number;
  readonly toUs: number;
}

// --- the picture -----------------------------------------------------------------------------------------------------

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
  readonly densities: Densities;
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

export type { EventKind };
export { EVENT_KINDS };

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

export { DISK_ACTIONS, DISK_LANES };

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
  /** Connection. */
  readonly uid: Uint32Array;
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

// --- level of detail

/**
 * Counts over equal bins of [beginUs, endUs], finest level first; each further level has half as many bins, each the sum
 * of two. Level l begins at `offset(l)` = sum of the lengths before it, in one array.
 */
export interface Pyramid {
  /** Bins of the finest level; a power of two. */
  readonly bins: number;
  readonly levels: number;
  readonly counts: Uint32Array;
}

export interface Densities {
  readonly beginUs: number;
  readonly endUs: number;
  /** Events of each lane, in the order of `lanes`. */
  readonly lanes: readonly Pyramid[];
  /** Messages by group, in the order of `MESSAGE_GROUPS`. */
  readonly groups: readonly Pyramid[];
  /** Messages from one host to another. */
  readonly links: readonly { readonly from: HostId; readonly to: HostId; readonly pyramid: Pyramid }[];
}

export interface DensityView {
  readonly fromUs: number;
  readonly toUs: number;
  readonly bins: number;
  readonly lanes: readonly Uint32Array[];
  readonly groups: readonly Uint32Array[];
}

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

// --- elections -------------------------------------------------------------------------------------------------------

export interface Election {
  /** Counts from 1. */
  readonly number: number;
  /** `join`: single servers looked and found the leader that stood; nobody else was without one. */
  readonly kind: 'election' | 'join';
  readonly beginUs: number;
  /** The leader is established (or the joiner serves); the end of the trace when it never came to that. */
  readonly endUs: number;
  readonly beginIndex: number;
  readonly endIndex: number;
  /** Who looked. */
  readonly participants: readonly HostId[];
  /** Rounds (logical clocks) that votes were cast in, in order. */
  readonly rounds: readonly number[];
  /** Why it began: `leader 5 lost power`. */
  readonly trigger: string;
  readonly triggerIndex: number;
  readonly outcome: ElectionOutcome;
  /** One line for a list: `server 5 leads epoch 2 after 2.9 s, 1 round`. */
  readonly sentence: string;
}

export type ElectionOutcome =
  | {
      readonly kind: 'established';
      readonly leader: HostId;
      readonly epoch: number;
      /** The leader's own votes stood, and the leader was elected (before discovery and synchronisation). */
      readonly electedUs: number;
    }
  /** Somebody was elected, but gave up or died before a quorum followed. */
  | { readonly kind: 'failed'; readonly leader: HostId | null; readonly reason: string }
  | { readonly kind: 'open' };

export interface ElectionDetail extends Election {
  readonly matrix: VoteMatrix;
  /** Where the time went, in order of time; they cover the whole election without overlap. */
  readonly stages: readonly ElectionStage[];
  /** A sentence per cause of delay, longest first: `1.6 s of 2.1 s: server 4 waited for notifications from 1 and 2, both cut off`. */
  readonly delays: readonly Delay[];
}

export interface ElectionStage {
  readonly kind: 'detecting' | 'draining' | 'voting' | 'finalizing' | 'discovery' | 'synchronisation' | 'gap';
  readonly beginUs: number;
  readonly endUs: number;
  readonly text: string;
}

export interface Delay {
  readonly us: number;
  readonly beginUs: number;
  readonly endUs: number;
  /** Who waited (null: all), and for whom. */
  readonly host: HostId | null;
  readonly waitedFor: readonly HostId[];
  readonly kind:
    | 'detect'
    | 'missing-votes'
    | 'backoff'
    | 'finalize'
    | 'discovery'
    | 'sync'
    | 'disk'
    | 'restart'
    | 'pause';
  readonly sentence: string;
}

export interface VoteMatrix {
  /** Rows: every server that voted or was waited for. */
  readonly voters: readonly HostId[];
  readonly rounds: readonly VoteRound[];
  readonly heard: readonly HeardVote[];
  readonly quorums: readonly QuorumMark[];
  readonly timeouts: readonly TimeoutMark[];
  readonly decisions: readonly DecisionMark[];
  readonly waits: readonly Wait[];
}

export interface VoteRound {
  readonly round: number;
  readonly beginUs: number;
  readonly endUs: number;
  /** The votes each server held in this round, in order of time. */
  readonly held: readonly HeldVote[];
}

export interface Candidate {
  readonly leader: HostId;
  readonly zxid: number;
  readonly peerEpoch: number;
}

/** What decided between two votes, in the order of FastLeaderElection. */
export type Deciding = 'epoch' | 'zxid' | 'sid' | 'weight' | 'equal';

export interface HeldVote {
  readonly voter: HostId;
  readonly vote: Candidate;
  readonly fromUs: number;
  readonly toUs: number;
  readonly index: number;
  readonly why: /** It voted for itself (or for nobody) when its search began. */
    | { readonly kind: 'own' }
    /** It heard a better vote. */
    | { readonly kind: 'better'; readonly heardFrom: HostId; readonly over: Candidate; readonly decided: Deciding }
    /** It heard of a later round, joined it, and took the better of the vote heard and its own. */
    | {
        readonly kind: 'laterRound';
        readonly heardFrom: HostId;
        readonly from: number;
        readonly over: Candidate;
        readonly decided: Deciding;
      };
  /** `server 1 now votes for 5: same epoch, zxid 0x200000007 is greater than 0x200000003`. */
  readonly sentence: string;
}

export interface HeardVote {
  readonly from: HostId;
  readonly to: HostId;
  readonly sentUs: number;
  /** NaN: never. */
  readonly arrivedUs: number;
  readonly sentIndex: number;
  readonly arrivedIndex: number;
  readonly round: number;
  readonly vote: Candidate;
  readonly state: 'looking' | 'following' | 'leading' | 'observing';
  /** What the receiver made of it. */
  readonly effect:
    | 'better'
    | 'laterRound'
    | 'agrees'
    | 'weaker'
    | 'earlierRound'
    | 'settled'
    | 'ignored'
    | 'answered'
    | 'early'
    | 'lost';
}

export interface QuorumMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  readonly leader: HostId;
  readonly round: number;
  readonly support: readonly HostId[];
  /** When it fell apart again because of a better vote; NaN if it did not. */
  readonly lostUs: number;
}

export interface TimeoutMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  /** `resend`: the vote was sent again; `reconnect`: nothing could be sent, so it dialled anew; `finalize`: the wait for better votes was over. */
  readonly kind: 'resend' | 'reconnect' | 'finalize';
  /** The pause that ended, and the next one. */
  readonly pauseMs: number;
  readonly nextMs: number;
}

/** A server knows its leader. */
export interface DecisionMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  readonly leader: HostId;
  readonly round: number;
  readonly role: 'leading' | 'following' | 'observing';
}

/** A server looked and lacked votes for a quorum. */
export interface Wait {
  readonly server: HostId;
  readonly fromUs: number;
  readonly toUs: number;
  readonly missing: readonly {
    readonly host: HostId;
    readonly why:
      | 'cut off'
      | 'down'
      | 'starting'
      | 'paused'
      | 'other vote'
      | 'other round'
      | 'settled'
      | 'on the way'
      | 'silent';
  }[];
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
