/**
 * The vocabulary of the simulated world: hosts, programs, links, disks, clocks, faults and hooks.
 *
 * The world executes the effects of pure machines and feeds their completions back as inputs, in virtual time counted in
 * integer microseconds. It knows nothing of ZooKeeper: a host runs a `Program`, which is a pair of boot and step. What is
 * said above the bytes is the business of the layers on top (workload, faults, checkers), which see every step through
 * `Hooks` and act through the verbs of `World`.
 */

import type { ClientEffect, ClientInput } from '../../core/client/io.ts';
import type { Channel, Effect, FileAction, FileError, Input, Lane, NoteFields } from '../../core/io.ts';
import type { Now } from '../../core/types.ts';

/** A host of the world. Servers use their `myid` (1..254), clients and everything else numbers from `CLIENT_BASE` on. */
export type HostId = number;
export const CLIENT_BASE = 1000;

// ---------------------------------------------------------------- programs

/** Servers hear and say `core/io.ts`, clients `core/client/io.ts`; what the world does not execute goes to the hooks alone. */
export type HostInput = Input | ClientInput;
export type HostEffect = Effect | ClientEffect;
export type HostEmit = (effect: HostEffect) => void;

export interface BootContext {
  readonly host: HostId;
  readonly now: Now;
  /** 1 for the first start of the host, one more for each further start. */
  readonly generation: number;
  /** 32 bits, different for each host and generation, from the stream `boot`. */
  readonly jitterSeed: number;
}

/** One running incarnation. Its state belongs to it alone; the world calls it and drops it. */
export interface Machine {
  step(now: Now, input: HostInput, emit: HostEmit): void;
  /** When it wants a tick, in `monoMs` of its own clock, or null for never. */
  nextDeadline(): number | null;
}

/** Boots an incarnation; called again after every restart, on the disk that the last one left. */
export type Program = (context: BootContext, emit: HostEmit) => Machine;

export interface HostOptions {
  readonly id: HostId;
  readonly program: Program;
  /** IP address as others see it; default `10.0.<id / 256>.<id % 256>`. */
  readonly ip?: string;
  /** Further names under which `connect` finds the host. */
  readonly names?: readonly string[];
  /** Starts at this time; default 0 (its boot is an ordinary event). null: only when `start` is called. */
  readonly startAtUs?: number | null;
  readonly disk?: Partial<DiskParams>;
  readonly clock?: Partial<ClockParams>;
  readonly identity?: Identity;
  /** The host encrypts the connections it opens on these channels; default none. */
  readonly dialsTls?: readonly Channel[];
  /** TLS listeners on these channels refuse a dialer without a certificate; default election and quorum. */
  readonly wantsCertificate?: readonly Channel[];
}

/** Who a host is in a TLS handshake. The other side checks the dates with its own wall clock. */
export interface Identity {
  /** DER of its certificate, or null when it presents none. */
  readonly certificate: Uint8Array | null;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** False: signed by nobody the others trust. Default true. */
  readonly trusted?: boolean;
}

export type HostStatus = 'off' | 'down' | 'running' | 'paused';

// ---------------------------------------------------------------- network

/** A probability as parts of a million, so that no floating point enters a decision. */
export type Ppm = number;

/** How one directed link behaves. Latency = minUs + exponential(meanUs) + extraUs (+ size / bandwidth). */
export interface LinkParams {
  readonly minUs: number;
  readonly meanUs: number;
  /** Permanent extra of this link. */
  readonly extraUs: number;
  /** 0: unlimited. */
  readonly bytesPerSecond: number;
  /** A segment is lost and retransmitted after 200 ms * 2^k: everything behind it waits. */
  readonly stallPpm: Ppm;
  /** A segment is replaced by a reset after a drawn prefix of it. */
  readonly resetPpm: Ppm;
  /** A segment is cut in two at a drawn place. */
  readonly cutPpm: Ppm;
  /** Chance that a connection attempt is refused although somebody listens, and that it hangs until it times out. */
  readonly refusePpm: Ppm;
  readonly hangPpm: Ppm;
  /** Chance that a TLS handshake fails. */
  readonly handshakeFailPpm: Ppm;
  /** Bytes in flight plus bytes unread by the receiver, per direction of a connection. */
  readonly windowBytes: number;
  /**
   * Over-approximation outside the assumptions of the protocol: chance that a chunk overtakes the one before it, and that a
   * chunk is delivered twice. Only chunks of whole writes do: a message is late or comes twice, it is never another one. Needs `unordered: true` in the options of the world.
   */
  readonly reorderPpm: Ppm;
  readonly duplicatePpm: Ppm;
}

/** Which directed links: every pair from one set to the other. */
export interface LinkSelector {
  readonly from: HostId | readonly HostId[] | 'any';
  readonly to: HostId | readonly HostId[] | 'any';
  /** Default: all three. */
  readonly channels?: readonly Channel[];
  /** `oneWay`: only bytes (and handshakes, and acknowledgements) that travel from -> to. Default `both`. */
  readonly direction?: 'oneWay' | 'both';
}

/** What is laid over the base parameters of the selected links while the fault lasts; numbers add up, cuts count. */
export interface Impairment {
  /** Nothing arrives. What is sent waits for retransmission. */
  readonly cut?: boolean;
  readonly extraUs?: number;
  /** The smallest of all wins. */
  readonly bytesPerSecond?: number;
  readonly stallPpm?: Ppm;
  readonly resetPpm?: Ppm;
  readonly cutPpm?: Ppm;
  readonly refusePpm?: Ppm;
  readonly hangPpm?: Ppm;
  readonly handshakeFailPpm?: Ppm;
  readonly reorderPpm?: Ppm;
  readonly duplicatePpm?: Ppm;
}

/** Handle of a lasting fault; `world.restore` ends it. Ending it twice does nothing. */
export type FaultId = number;

export interface ConnectionInfo {
  /** Unique in the run. */
  readonly uid: number;
  readonly channel: Channel;
  readonly dialer: HostId;
  readonly acceptor: HostId;
  /** The connection ids the two hosts know it by; 0 while the acceptor has not accepted. */
  readonly dialerConn: number;
  readonly acceptorConn: number;
}

export type ConnectionEvent =
  | { readonly kind: 'dialed'; readonly connection: ConnectionInfo }
  /** The dialer, then the acceptor, sees it open. */
  | { readonly kind: 'opened'; readonly connection: ConnectionInfo; readonly host: HostId }
  | { readonly kind: 'failed'; readonly connection: ConnectionInfo; readonly reason: string }
  /** `host` no longer has it: it closed it, heard of its end, or is gone. */
  | { readonly kind: 'closed'; readonly connection: ConnectionInfo; readonly host: HostId; readonly reason: string };

/** One chunk that was put on the wire. */
export interface SegmentInfo {
  readonly connection: ConnectionInfo;
  readonly from: HostId;
  readonly to: HostId;
  /** Counts the chunks of this direction of the connection from 0. */
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly sentAtUs: number;
  /** The event in whose course it was sent. */
  readonly cause: number;
}

/** What `Hooks.intercept` may do to a chunk. FIFO order holds all the same: what comes behind waits. */
export interface SegmentOverride {
  readonly delayUs?: number;
  /** The connection is reset after this many bytes of the chunk. */
  readonly resetAfterBytes?: number;
}

// ---------------------------------------------------------------- disk

export interface DiskParams {
  readonly writeMinUs: number;
  readonly writeMeanUs: number;
  readonly fsyncMinUs: number;
  readonly fsyncMeanUs: number;
  readonly readMinUs: number;
  readonly readMeanUs: number;
  /** create, rename, remove, truncate, list, mkdir, fsyncDir (which takes an fsync on top). */
  readonly metaMinUs: number;
  readonly metaMeanUs: number;
  /** Space in bytes; appends beyond it fail with ENOSPC. 0: unlimited. */
  readonly capacityBytes: number;
  /** Directories that exist durably before the first start. Default `data`, `log`. */
  readonly directories: readonly string[];
  /**
   * What a power cut does to directory entries that are not durable: `subset` keeps any of them, `ordered` a prefix (a
   * journaling file system). Default: drawn at each power cut.
   */
  readonly nameLoss: 'subset' | 'ordered' | 'drawn';
}

export type DiskFaultKind =
  /** The operation fails; an append or write leaves a drawn prefix, an fsync a drawn subset, and the pages count as clean. */
  | 'EIO'
  | 'ENOSPC'
  /** An append or write leaves a prefix of at least one byte less and fails with EIO. */
  | 'short'
  /**
   * fsync puts the first unsynced sector of the file at a drawn place of a drawn file instead. The process sees nothing of
   * it until a power cut takes the page cache (damage: asks the budget when it happens).
   */
  | 'misdirect'
  /** The operation succeeds after `delayUs` more. */
  | 'slow'
  /** fsync (of a file or directory) reports success and does nothing. Its own class; asks the budget when it is armed. */
  | 'lie'
  /** read fails as if the device had found the sector unreadable (ECORRUPT). */
  | 'unreadable';

/** Which file operations a disk fault meets. Every given field must match. */
export interface FileMatch {
  readonly lanes?: readonly Lane[];
  readonly actions?: readonly FileAction['kind'][];
  /** The path contains this text. */
  readonly path?: string;
}

export interface DiskFault extends FileMatch {
  readonly kind: DiskFaultKind;
  /** Passes this many matching operations first; default 0. */
  readonly skip?: number;
  /** Ends after this many hits; default 1, null for until `restore`. */
  readonly times?: number | null;
  readonly delayUs?: number;
}

/** A file as it would survive a power cut at this moment. All of it is live. */
export interface DurableNode {
  /** The same for as long as it is the same file, under whatever name. */
  readonly id: number;
  /** Counts the changes of the durable content. */
  readonly version: number;
  readonly size: number;
  /**
   * A view, valid until the world takes its next step; copy what you keep. Bytes from `bytes.length` to `size` are zeros
   * that were never written.
   */
  readonly bytes: Uint8Array;
  /** Lowest offset that changed after `version`; Infinity when nothing did. Appending changes only what is appended. */
  changedSince(version: number): number;
}

export interface DurableStamp {
  readonly path: string;
  readonly node: DurableNode;
}

export interface DurableImage {
  /** Counts every change of the durable image (contents and names). Equal versions mean equal images. */
  readonly version: number;
  /** Sorted by code unit. Only files whose directory entry is durable. */
  paths(): readonly string[];
  /**
   * The same files in no particular order, as who looks again after every change wants them: nothing is allocated while
   * no name changes. The array is a new one when names have changed.
   */
  stamps(): readonly DurableStamp[];
  file(path: string): DurableNode | null;
}

/** A copy of a disk: what the running process sees (`image`), or what survives (`durableImage(host).copy`). */
export interface DiskImage {
  readonly directories: readonly string[];
  readonly files: readonly { readonly path: string; readonly size: number; readonly bytes: Uint8Array }[];
}

/** Kinds of damage that take durable data from a server, or may. */
export type DamageKind = 'wipe' | 'restore' | 'rot' | 'misdirect' | 'torn' | 'lie';

/**
 * Keeps faults within what the ensemble is supposed to survive: at most f = (voters - 1) / 2 servers at a time with damaged
 * or lost durable data (TigerBeetle's "cluster fault atlas").
 */
export interface Budget {
  unrestricted: boolean;
  /** The voters the bound is counted over; the layer above keeps it current across reconfigurations. */
  voters: readonly HostId[];
  /** A further condition of the layer above, such as "every committed transaction stays durable in a quorum without it". */
  guard: ((host: HostId, damage: DamageKind) => boolean) | null;
  /** Whether the damage may be done now. Does not do it. */
  allows(host: HostId, damage: DamageKind): boolean;
  /** Hosts whose durable data may be damaged, by the first damage. */
  readonly damaged: ReadonlyMap<HostId, DamageKind>;
  /** The layer above has seen that the host holds everything again (full synchronisation is durable). */
  repaired(host: HostId): void;
}

// ---------------------------------------------------------------- clock

export interface ClockParams {
  /** Wall clock at time 0. Default: `World.epochMs` of the options. */
  readonly wallMs: number;
  /** Monotonic clock at time 0; default 1000. Both clocks of one host need not be near those of another. */
  readonly monoMs: number;
  /** The clocks gain `num / den` seconds a second. At most 10,000 each; num 0 is a frozen clock. */
  readonly rate: Ratio;
}

export interface Ratio {
  readonly num: number;
  readonly den: number;
}

// ---------------------------------------------------------------- crash points

export type CrashKind = 'kill' | 'power' | 'halt';

/**
 * Where a process dies. `effect`: at an effect of a step, before or after it is executed, the later ones being lost.
 * `complete`: when a file operation has done its work, before the process hears of it.
 */
export interface CrashPoint {
  readonly at: 'effect' | 'complete';
  readonly kind: 'kill' | 'power';
  /** `effect`: only effects of this type. */
  readonly effect?: HostEffect['type'];
  /** Only connections on this channel (send, connect, close). */
  readonly channel?: Channel;
  /** Only these file operations. */
  readonly file?: FileMatch;
  /** Only notes with this code. */
  readonly note?: string;
  /** Passes this many matches first; default 0. */
  readonly skip?: number;
  /** Default `after`. */
  readonly edge?: 'before' | 'after';
  /** As for `World.powerCut`. */
  readonly luck?: number;
}

// ---------------------------------------------------------------- what the layers above see

export type EventKind =
  | 'boot'
  | 'timer'
  | 'segment'
  | 'window'
  | 'syn'
  | 'dial'
  | 'reset'
  | 'read'
  | 'disk'
  | 'input'
  | 'resume'
  | 'action';

/** One executed event. The object is reused: copy what you keep. */
export interface EventRecord {
  /** Given when the event was scheduled; unique, increasing in the order of scheduling. Never 0. */
  readonly id: number;
  /** The event that scheduled it (for a chunk: that sent it); 0 for the world outside. */
  readonly cause: number;
  /** Counts the executed events from 1. */
  readonly index: number;
  readonly timeUs: number;
  readonly host: HostId;
  readonly kind: EventKind;
}

/** One call of a machine. The object and the array are reused: copy what you keep. The effects themselves are values. */
export interface StepRecord {
  readonly event: EventRecord;
  readonly host: HostId;
  readonly generation: number;
  readonly now: Now;
  /** null: the boot. */
  readonly input: HostInput | null;
  readonly machine: Machine;
  readonly effects: readonly HostEffect[];
  /** How many of the effects were executed; fewer than all only if a crash point was hit. */
  readonly executed: number;
}

/**
 * All optional; an absent hook costs nothing. Hooks may use the verbs of the world except those that run it; what is decided
 * in `onSegment` and `intercept`, in the middle of a send, waits for an event of its own (`at`).
 */
export interface Hooks {
  /** Before the machine is called; `effects` is empty. Not called for a boot. */
  beforeStep?(step: StepRecord): void;
  /** After its effects were executed. For a boot too. */
  afterStep?(step: StepRecord): void;
  /** Each `note` effect, in the course of execution. */
  onNote?(host: HostId, code: string, fields: NoteFields | undefined): void;
  onConnection?(event: ConnectionEvent): void;
  onCrash?(host: HostId, kind: CrashKind, reason: string): void;
  onBoot?(host: HostId, generation: number): void;
  /** A file operation has done its work (the process has not heard of it yet, or never will). */
  onFile?(host: HostId, action: FileAction, error: FileError | null): void;
  /** A chunk is put on the wire. */
  onSegment?(segment: SegmentInfo): void;
  intercept?(segment: SegmentInfo): SegmentOverride | undefined;
  /** Every executed event, before it is executed. */
  onEvent?(event: EventRecord): void;
}

export interface WorldOptions {
  /** Any text or number; `String(seed)` counts. */
  readonly seed: string | number;
  /** Base parameters of every link over `LINK_DEFAULTS`, of every disk over `DISK_DEFAULTS`, and of every clock. */
  readonly link?: Partial<LinkParams>;
  readonly disk?: Partial<DiskParams>;
  readonly clock?: Partial<ClockParams>;
  /** Wall clock of a host without skew at time 0; default 2026-01-01T00:00:00Z. */
  readonly epochMs?: number;
  /** Give up a connection attempt after this; default 5 s. */
  readonly connectTimeoutUs?: number;
  /** Reset a connection whose oldest chunk was not delivered for so long; default 900 s (tcp_retries2). */
  readonly retransmitTimeoutUs?: number;
  /** Marks of the send buffer for connBlocked and connDrained; default 256 KiB and 64 KiB. */
  readonly highWaterBytes?: number;
  readonly lowWaterBytes?: number;
  /** Allow `reorderPpm` and `duplicatePpm`. Violations found with it are outside ZooKeeper's assumptions. */
  readonly unordered?: boolean;
  /** Keep one word of the rolling hash per event, for finding the first difference; default false. */
  readonly recordHashes?: boolean;
  /** Tie-break of events at the same microsecond: drawn (default) or first come, first served. */
  readonly ties?: 'drawn' | 'fifo';
  readonly hooks?: Hooks;
}

/** A named source of randomness: sfc32, keyed by seed and name, independent of every other name. */
export interface Stream {
  readonly name: string;
  /** How many 32-bit values were taken. */
  readonly draws: number;
  /** Not 0 since `World.rekey` met it: what was derived from the stream before is to be derived anew. */
  readonly salt: number;
  u32(): number;
  /** 0 .. n-1, n at most 2^32. One draw. */
  below(n: number): number;
  /** lo .. hi, both included. One draw. */
  between(lo: number, hi: number): number;
  /** True in `ppm` of a million cases. One draw. */
  chance(ppm: Ppm): boolean;
  /** Exponential with this mean, an integer. One draw. */
  exponential(mean: number): number;
  pick<T>(items: readonly T[]): T;
  /** A new array in drawn order. `items.length` draws. */
  shuffled<T>(items: readonly T[]): T[];
}

export interface WorldStats {
  events: number;
  steps: number;
  segments: number;
  bytes: number;
  connections: number;
  fileOps: number;
  fsyncs: number;
  crashes: number;
  boots: number;
  /** Verbs that could not be applied (host down, budget exhausted ...). */
  refused: number;
  byKind: Record<EventKind, number>;
}

/**
 * The seeded world. Verbs take effect at once (at `timeUs`), between two events; use `at` to have them happen at a given time.
 * A verb that does not fit the state (restarting a running host, killing a dead one) does nothing and returns false, so that
 * every subset of a schedule is a schedule.
 */
export interface World {
  readonly seed: string;
  readonly timeUs: number;
  readonly hooks: Hooks;
  readonly stats: Readonly<WorldStats>;
  readonly budget: Budget;

  // ---- building
  addHost(options: HostOptions): void;
  hosts(): readonly HostId[];

  // ---- running
  /** Executes the next event; false when there is none. */
  step(): boolean;
  /** Executes every event up to and including this time, then stands at it; stops early when `stop()` was called. */
  runUntil(timeUs: number): void;
  /** Executes at most so many events, none later than `untilUs`. Returns how many. */
  runEvents(count: number, untilUs: number): number;
  /** Makes the running `runUntil` or `runEvents` return after the current event. */
  stop(): void;
  /** Time of the next event, or null. */
  nextEventUs(): number | null;
  /** Runs `action` as an event at this time (not before now). The label enters the hash. */
  at(timeUs: number, label: string, action: () => void): void;
  /** The event being executed, or the last one. */
  readonly event: EventRecord;

  // ---- randomness and hash
  stream(name: string): Stream;
  /**
   * From here on every source whose name fits is another one: streams by their names, and `network/1>c2` (a link and what is
   * on it), `lanes/1` and `disk/1` (times and fates), `ties` (who is first in the same microsecond). `*` in the pattern
   * stands for any text. The same salt gives the same run again.
   */
  rekey(pattern: string, salt: number): void;
  /** 16 hexadecimal digits over every event so far. */
  hash(): string;
  /** With `recordHashes`: one word per executed event. */
  hashes(): Uint32Array;

  // ---- hosts
  status(host: HostId): HostStatus;
  /** The running (or paused) incarnation; null when there is none. */
  machine(host: HostId): Machine | null;
  generation(host: HostId): number;
  /** Gives the machine an input of the application (a client request) as an event of its own; false if it is not running. */
  input(host: HostId, input: HostInput, delayUs?: number): boolean;
  /** SIGKILL: the page cache stays, sockets are closed by the operating system. */
  kill(host: HostId): boolean;
  /**
   * The machine is gone without a word; of what was not synced, a drawn subset survives. Which one follows from `luck` (32
   * bits of the caller's), or else from how many power cuts the host had before: a fault that brings its own luck keeps it
   * when another fault is taken away.
   */
  powerCut(host: HostId, luck?: number | null): boolean;
  /** Boots on the disk as it is, after `delayUs`; with another program if given. False if it is running or starting. */
  start(host: HostId, options?: { readonly delayUs?: number; readonly program?: Program }): boolean;
  /** SIGSTOP and SIGCONT. The operating system goes on: buffers fill, connections are made. */
  pause(host: HostId): boolean;
  resume(host: HostId): boolean;
  /** Arms a crash point for the next matching moment of the host. */
  crashAt(host: HostId, point: CrashPoint): FaultId;
  /** A slow reader: each chunk waits so long in the socket buffer before the process takes it. 0 ends it. */
  slowReader(host: HostId, delayUs: number): void;
  setIdentity(host: HostId, identity: Identity): void;

  // ---- network
  /** Base parameters of links; later calls win. */
  setLink(selector: LinkSelector, params: Partial<LinkParams>): void;
  linkParams(from: HostId, to: HostId, channel: Channel): LinkParams;
  impair(selector: LinkSelector, impairment: Impairment): FaultId;
  cut(selector: LinkSelector): FaultId;
  /** Everything between the groups is cut, both ways; hosts in no group keep all their links. */
  partition(groups: readonly (readonly HostId[])[], channels?: readonly Channel[]): FaultId;
  /** Up and down in turn (down first), until restored. */
  flap(selector: LinkSelector, times: { readonly downUs: number; readonly upUs: number }): FaultId;
  /** What is on the selected links, and what is sent, arrives only after this much time. */
  clog(selector: LinkSelector, forUs: number): void;
  /** Resets the open connections between the hosts. Returns how many. */
  resetConnections(selector: LinkSelector): number;
  /** Nothing arrives on the open connections between the hosts any more, for good. Returns how many. */
  forgetConnections(selector: LinkSelector): number;
  /** Whether bytes from -> to get through at this moment (cuts only). */
  reachable(from: HostId, to: HostId, channel: Channel): boolean;
  connections(): readonly ConnectionInfo[];

  // ---- disk
  diskFault(host: HostId, fault: DiskFault): FaultId;
  /** No operation of these lanes is completed before this much time. */
  stallDisk(host: HostId, forUs: number, lanes?: readonly Lane[]): void;
  setDisk(host: HostId, params: Partial<DiskParams>): void;
  /** Flips a drawn bit of a drawn (or the given) file that is not being written; `luck` as above. False: none, or budget. */
  rot(host: HostId, match?: FileMatch, luck?: number): boolean;
  /** The next power cut leaves garbage in one sector that held durable bytes and was being rewritten, if any. False: budget. */
  tornWrites(host: HostId): boolean;
  /** Empties the disk of a host that is down. */
  wipe(host: HostId): boolean;
  /** Puts an older image (of any host) on the disk of a host that is down. */
  restoreDisk(host: HostId, image: DiskImage): boolean;
  /** As the running process sees it; copies. */
  image(host: HostId): DiskImage;
  /** What would survive a power cut now; a live view. */
  durableImage(host: HostId): DurableImage;
  durableCopy(host: HostId): DiskImage;

  // ---- clock
  now(host: HostId): Now;
  setClockRate(host: HostId, rate: Ratio): void;
  /** The wall clock jumps, forward or back. */
  jumpWall(host: HostId, byMs: number): void;

  // ---- healing
  /** Ends a lasting fault (impairment, flap, disk fault, crash point). */
  restore(fault: FaultId): void;
  /**
   * Among these hosts, links get the calm parameters and are immune to impairments from here on; their disks and clocks lose all
   * faults and run at base parameters; paused ones are resumed. Hosts that are down stay down.
   */
  heal(
    hosts: readonly HostId[],
    calm?: { readonly link?: Partial<LinkParams>; readonly disk?: Partial<DiskParams> },
  ): void;
}
