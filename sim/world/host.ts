/** One host: a process (perhaps), the operating system under it, its clocks and its disk. And what the parts ask of the whole. */

import type { Channel } from '../../core/io.ts';
import type { HostClock } from './clock.ts';
import type { Disk } from './disk.ts';
import type { Lanes } from './lanes.ts';
import type { End, Pipe } from './network.ts';
import type {
  CrashPoint,
  EventKind,
  Hooks,
  HostEffect,
  HostEmit,
  HostId,
  HostInput,
  HostStatus,
  Identity,
  Machine,
  Program,
  WorldStats,
} from './types.ts';

export interface Listener {
  readonly channel: Channel;
  readonly tls: boolean;
}

/** Something that reached the host while its process was stopped. */
export interface Held {
  /** Things of one source (a connection, a lane) keep their order; between sources any order may come. */
  readonly source: number;
  readonly input: HostInput | null;
  /** The input is about this connection, and void when the machine has closed it in the meantime. */
  readonly end: End | null;
  /** Bytes are waiting here. */
  readonly pipe: Pipe | null;
}

export interface ArmedCrash {
  readonly id: number;
  readonly point: CrashPoint;
  skip: number;
}

/** Sources of held inputs beside connection ids, which are below 2^31 in size. */
export const SOURCE_LANE = 2 ** 32;
export const SOURCE_TICK = 2 ** 33;
export const SOURCE_APP = 2 ** 34;

export interface HostParts {
  readonly id: HostId;
  readonly ip: string;
  readonly key: number;
  readonly program: Program;
  readonly clock: HostClock;
  readonly disk: Disk;
  readonly lanes: Lanes;
  readonly identity: Identity;
  readonly dialsTls: readonly Channel[];
  readonly wantsCertificate: readonly Channel[];
  readonly emit: HostEmit;
}

export class Host {
  readonly id: HostId;
  readonly ip: string;
  readonly key: number;
  readonly clock: HostClock;
  readonly disk: Disk;
  readonly lanes: Lanes;
  readonly dialsTls: readonly Channel[];
  readonly wantsCertificate: readonly Channel[];
  readonly emit: HostEmit;
  identity: Identity;
  program: Program;

  status: HostStatus = 'down';
  machine: Machine | null = null;
  generation = 0;
  /** A boot is scheduled under this token; 0 when none is. */
  starting = 0;
  startCount = 0;

  /** Open, opening and lost connections by the id the machine knows. */
  conns = new Map<number, End>();
  listeners = new Map<number, Listener>();
  /** Incoming connections count up from 1 in each incarnation. */
  nextConn = 1;
  readDelayUs = 0;

  /** Not empty while the process is stopped, and until what was held back has been delivered. */
  held: Held[] = [];
  resuming = false;
  /** A tick is among what is held back; one is enough. */
  tickHeld = false;
  resumeCount = 0;
  /** `fileDone`s of an incarnation that halted; its successor hears them and must not believe them. */
  stale: HostInput[] = [];

  crashPoints: ArmedCrash[] = [];

  /** What `nextDeadline` said last. */
  deadlineMs: number | null = null;
  /** When the machine wants its tick, and when the scheduled timer event (`timerToken`) comes. */
  wakeUs = Number.POSITIVE_INFINITY;
  timerUs = Number.POSITIVE_INFINITY;
  timerToken = 0;
  /** Ticks in a row after which the machine still wanted one at once. */
  spinCount = 0;

  constructor(parts: HostParts) {
    this.id = parts.id;
    this.ip = parts.ip;
    this.key = parts.key;
    this.program = parts.program;
    this.clock = parts.clock;
    this.disk = parts.disk;
    this.lanes = parts.lanes;
    this.identity = parts.identity;
    this.dialsTls = parts.dialsTls;
    this.wantsCertificate = parts.wantsCertificate;
    this.emit = parts.emit;
  }

  /** The process is not being scheduled, or has a backlog: what arrives queues up behind. */
  get isHolding(): boolean {
    return this.status === 'paused' || this.held.length > 0;
  }

  get hasProcess(): boolean {
    return this.machine !== null;
  }
}

/** Numbers of the event kinds in the queue and in the hash. */
export const KINDS = [
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
] as const satisfies readonly EventKind[];

export const Kind = {
  boot: 0,
  timer: 1,
  segment: 2,
  window: 3,
  syn: 4,
  dial: 5,
  reset: 6,
  read: 7,
  disk: 8,
  input: 9,
  resume: 10,
  action: 11,
} as const satisfies Record<EventKind, number>;

/** What network and lanes need of the world around them. */
export interface Engine {
  readonly timeUs: number;
  /** The event being executed: the cause of whatever is scheduled. */
  readonly eventId: number;
  readonly hooks: Hooks;
  readonly counts: Counts;
  /** `salt` names the source of the event, so that its tie-break does not depend on how many others were drawn. */
  schedule(timeUs: number, kind: number, host: Host, salt: number, arg: number, ref: unknown, cause?: number): void;
  /** Calls the machine, now. The process must be running. */
  stepHost(host: Host, input: HostInput): void;
  /** Calls the machine now, or keeps it for when the process runs. */
  offer(host: Host, held: Held): void;
  resolve(from: Host, name: string): Host | undefined;
  /** The crash points of this host say that it dies here. */
  crashAtCompletion(host: Host, file: Extract<HostEffect, { type: 'file' }>): boolean;
}

export type Counts = Omit<WorldStats, 'byKind'>;
