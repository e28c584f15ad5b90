/**
 * The seeded world: hosts that run machines, a network between them, disks under them, and one queue of events in virtual
 * time. See `types.ts` for the vocabulary.
 *
 * One event is taken from the queue at a time. It may call one machine, once; the effects of that call are executed in the
 * order in which they were emitted, and what they set off comes back as later events. Nothing else happens: the world is a
 * function of the seed and of the verbs called on it.
 */

import type { Channel, FileError, Lane } from '../../core/io.ts';
import { assert, type Now } from '../../core/types.ts';
import { DamageBudget } from './budget.ts';
import { HostClock } from './clock.ts';
import { Disk } from './disk.ts';
import { enterStep, installGuard, leaveStep, removeGuard } from './guard.ts';
import { foldInput, RollingHash } from './hash.ts';
import {
  type ArmedCrash,
  type Counts,
  type Engine,
  type Held,
  Host,
  KINDS,
  Kind,
  SOURCE_APP,
  SOURCE_TICK,
} from './host.ts';
import { DISK_DEFAULTS, type FileEffect, Lanes, matchesFile } from './lanes.ts';
import { CHANNELS, LINK_DEFAULTS, type LinkMatch, matcherOf, partitionMatcher } from './links.ts';
import { type Connection, type End, Network, type Pipe } from './network.ts';
import { EventQueue } from './queue.ts';
import { belowOf, draw, keyOf, makeStream, type Rekeyable } from './random.ts';
import type {
  ConnectionInfo,
  CrashKind,
  CrashPoint,
  DiskFault,
  DiskImage,
  DiskParams,
  DurableImage,
  EventKind,
  EventRecord,
  FaultId,
  FileMatch,
  Hooks,
  HostEffect,
  HostId,
  HostInput,
  HostOptions,
  HostStatus,
  Identity,
  Impairment,
  LinkParams,
  LinkSelector,
  Machine,
  Program,
  Ratio,
  StepRecord,
  Stream,
  World,
  WorldOptions,
  WorldStats,
} from './types.ts';
import { CLIENT_BASE } from './types.ts';

/** 2026-01-01T00:00:00Z. */
export const EPOCH_DEFAULT_MS = 1_767_225_600_000;
const MONO_START_MS = 1000;
/** A machine that asks for so many ticks in a row without its clock moving would hang a real server. */
const SPIN_COUNT_MAX = 10_000;
/** Between two things that a resumed process takes up. */
const RESUME_GAP_US = 20;
/** A file that nobody has written to for so long counts as closed. */
const CLOSED_AFTER_US = 1_000_000;
const ALL_LANES: readonly Lane[] = ['log', 'snap', 'meta', 'read'];

export function createWorld(options: WorldOptions): World {
  return new SeededWorld(options);
}

class CurrentEvent implements EventRecord {
  id = 0;
  cause = 0;
  index = 0;
  timeUs = 0;
  host = 0;
  kind: EventKind = 'action';
}

class CurrentStep implements StepRecord {
  readonly event: EventRecord;
  host = 0;
  generation = 0;
  now: Now = { monoMs: 0, wallMs: 0 };
  input: HostInput | null = null;
  machine: Machine = NO_MACHINE;
  effects: HostEffect[] = [];
  executed = 0;

  constructor(event: EventRecord) {
    this.event = event;
  }
}

const NO_MACHINE: Machine = { step: () => {}, nextDeadline: () => null };

/** What is given to `at`. */
interface Action {
  readonly label: string;
  readonly run: () => void;
}

class SeededWorld implements World, Engine {
  readonly seed: string;
  readonly hooks: Hooks;
  readonly budget = new DamageBudget();
  readonly counts: Counts = {
    events: 0,
    steps: 0,
    segments: 0,
    bytes: 0,
    connections: 0,
    fileOps: 0,
    fsyncs: 0,
    crashes: 0,
    boots: 0,
    refused: 0,
  };
  readonly event = new CurrentEvent();
  timeUs = 0;
  eventId = 0;

  private readonly options: WorldOptions;
  private readonly queue = new EventQueue();
  private readonly rolling = new RollingHash();
  private readonly network: Network;
  private readonly hostsById = new Map<HostId, Host>();
  private readonly hostsByName = new Map<string, Host>();
  private readonly streams = new Map<string, Rekeyable>();
  private readonly rekeyed: { readonly matches: RegExp; readonly salt: number }[] = [];
  private schedKey: number;
  private readonly hostKey: number;
  private readonly kindCounts = new Array<number>(KINDS.length).fill(0);
  private readonly current: CurrentStep;
  private recorded: Uint32Array;
  private stopped = false;
  private nextFault: FaultId = 1;
  /** How each lasting fault ends. */
  private readonly endings = new Map<FaultId, () => void>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.seed = String(options.seed);
    this.hooks = options.hooks ?? {};
    this.schedKey = keyOf(this.seed, 'sched');
    this.hostKey = keyOf(this.seed, 'host');
    this.current = new CurrentStep(this.event);
    this.recorded = new Uint32Array(options.recordHashes === true ? 4096 : 0);
    const link = { ...LINK_DEFAULTS, ...options.link };
    this.network = new Network(this, keyOf(this.seed, 'network'), link, {
      connectTimeoutUs: options.connectTimeoutUs ?? 5_000_000,
      retransmitTimeoutUs: options.retransmitTimeoutUs ?? 900_000_000,
      highWaterBytes: options.highWaterBytes ?? 256 * 1024,
      lowWaterBytes: options.lowWaterBytes ?? 64 * 1024,
      unordered: options.unordered ?? false,
    });
  }

  // ---------------------------------------------------------------- building

  addHost(options: HostOptions): void {
    const { id } = options;
    assert(Number.isInteger(id) && id > 0 && id < 0x1_0000, 'host id out of range');
    assert(!this.hostsById.has(id), 'host exists');
    const ip = options.ip ?? `10.0.${id >> 8}.${id & 255}`;
    const diskParams = { ...DISK_DEFAULTS, ...this.options.disk, ...options.disk };
    const disk = new Disk(keyOf(this.seed, `disk/${id}`), diskParams.directories);
    const lanes = new Lanes(this, this.budget, disk, keyOf(this.seed, `lanes/${id}`), diskParams);
    const epochMs = this.options.epochMs ?? EPOCH_DEFAULT_MS;
    const clock = {
      wallMs: epochMs,
      monoMs: MONO_START_MS,
      rate: { num: 1, den: 1 },
      ...this.options.clock,
      ...options.clock,
    };
    const host = new Host({
      id,
      ip,
      key: draw(this.hostKey, id),
      program: options.program,
      clock: new HostClock(clock),
      disk,
      lanes,
      identity: options.identity ?? { certificate: null },
      dialsTls: options.dialsTls ?? [],
      wantsCertificate: options.wantsCertificate ?? ['election', 'quorum'],
      emit: (effect) => this.current.effects.push(effect),
    });
    lanes.attach(host);
    this.hostsById.set(id, host);
    for (const name of [ip, ...(options.names ?? [])]) this.hostsByName.set(name, host);
    const startAtUs = options.startAtUs === undefined ? 0 : options.startAtUs;
    if (startAtUs !== null) this.start(id, { delayUs: Math.max(0, startAtUs - this.timeUs) });
  }

  hosts(): readonly HostId[] {
    return [...this.hostsById.keys()];
  }

  resolve(from: Host, name: string): Host | undefined {
    return name === 'localhost' || name === '127.0.0.1' ? from : this.hostsByName.get(name);
  }

  private hostOf(id: HostId): Host {
    const host = this.hostsById.get(id);
    assert(host !== undefined, 'no such host');
    return host;
  }

  // ---------------------------------------------------------------- running

  step(): boolean {
    installGuard();
    try {
      return this.executeNext(Number.POSITIVE_INFINITY);
    } finally {
      removeGuard();
    }
  }

  runUntil(timeUs: number): void {
    this.stopped = false;
    installGuard();
    try {
      while (!this.stopped && this.executeNext(timeUs));
    } finally {
      removeGuard();
    }
    if (!this.stopped && timeUs > this.timeUs) this.timeUs = timeUs;
  }

  runEvents(count: number, untilUs: number): number {
    this.stopped = false;
    let executed = 0;
    installGuard();
    try {
      while (executed < count && !this.stopped && this.executeNext(untilUs)) executed += 1;
    } finally {
      removeGuard();
    }
    return executed;
  }

  stop(): void {
    this.stopped = true;
  }

  nextEventUs(): number | null {
    return this.queue.size > 0 ? this.queue.peekTime() : null;
  }

  at(timeUs: number, label: string, action: () => void): void {
    const entry: Action = { label, run: action };
    this.push(Math.max(timeUs, this.timeUs), Kind.action, 0, draw(this.schedKey, Kind.action), 0, entry, this.eventId);
  }

  schedule(timeUs: number, kind: number, host: Host, salt: number, arg: number, ref: unknown, cause?: number): void {
    this.push(timeUs, kind, host.id, salt ^ host.key, arg, ref, cause ?? this.eventId);
  }

  private push(
    timeUs: number,
    kind: number,
    host: HostId,
    salt: number,
    arg: number,
    ref: unknown,
    cause: number,
  ): void {
    const tie = this.options.ties === 'fifo' ? 0 : draw(draw(this.schedKey ^ salt, kind), timeUs);
    this.queue.push(timeUs, tie, kind, host, cause, arg, ref);
  }

  private executeNext(untilUs: number): boolean {
    const { queue, event, rolling } = this;
    if (queue.peekTime() > untilUs || !queue.pop()) return false;
    assert(queue.time >= this.timeUs, 'time runs backwards');
    const { kind, arg, ref, host } = queue;
    this.timeUs = queue.time;
    this.eventId = queue.seq;
    this.counts.events += 1;
    this.kindCounts[kind]! += 1;
    event.id = queue.seq;
    event.cause = queue.cause;
    event.index = this.counts.events;
    event.timeUs = queue.time;
    event.host = host;
    event.kind = KINDS[kind]!;
    rolling.foldEvent(queue.seq, queue.time, host * 16 + kind);
    this.hooks.onEvent?.(event);
    this.dispatch(kind, host, arg, ref);
    if (this.recorded.length > 0) this.recordHash();
    return true;
  }

  private dispatch(kind: number, hostId: HostId, arg: number, ref: unknown): void {
    switch (kind) {
      case Kind.segment:
        this.network.onSegment(ref as Pipe, arg);
        break;
      case Kind.timer:
        this.onTimer(ref as Host, arg);
        break;
      case Kind.disk:
        (ref as Lanes).complete(arg % ALL_LANES.length, Math.floor(arg / ALL_LANES.length));
        break;
      case Kind.window:
        this.network.onWindow(ref as Pipe, arg);
        break;
      case Kind.read:
        this.network.onRead(ref as Pipe);
        break;
      case Kind.syn:
        this.network.onSyn(ref as Connection, arg);
        break;
      case Kind.dial:
        this.network.onDial(ref as Connection, arg);
        break;
      case Kind.reset:
        this.network.onReset(ref as End);
        break;
      case Kind.input:
        this.onInput(this.hostOf(hostId), arg, ref as Held);
        break;
      case Kind.boot:
        this.boot(ref as Host, arg);
        break;
      case Kind.resume:
        this.onResume(ref as Host);
        break;
      default:
        this.rolling.foldText((ref as Action).label);
        (ref as Action).run();
    }
  }

  private recordHash(): void {
    const index = this.counts.events - 1;
    if (index >= this.recorded.length) {
      const grown = new Uint32Array(this.recorded.length * 2);
      grown.set(this.recorded);
      this.recorded = grown;
    }
    this.recorded[index] = this.rolling.low;
  }

  // ---------------------------------------------------------------- steps

  private boot(host: Host, token: number): void {
    if (token !== host.starting) return;
    host.starting = 0;
    host.status = 'running';
    host.generation += 1;
    host.nextConn = 1;
    host.spinCount = 0;
    this.counts.boots += 1;
    const now = host.clock.now(this.timeUs);
    const jitterSeed = draw(draw(host.key, 1), host.generation);
    this.hooks.onBoot?.(host.id, host.generation);
    const step = this.beginStep(host, now, null);
    enterStep();
    try {
      host.machine = host.program({ host: host.id, now, generation: host.generation, jitterSeed }, host.emit);
    } finally {
      leaveStep();
    }
    step.machine = host.machine;
    this.finishStep(host, step);
    for (const input of host.stale) this.scheduleInput(host, input, 0);
  }

  stepHost(host: Host, input: HostInput): void {
    const { machine } = host;
    assert(machine !== null, 'step of a host without a process');
    const now = host.clock.now(this.timeUs);
    foldInput(this.rolling, input);
    const step = this.beginStep(host, now, input);
    step.machine = machine;
    this.hooks.beforeStep?.(step);
    if (host.machine !== machine) return;
    enterStep();
    try {
      machine.step(now, input, host.emit);
    } finally {
      leaveStep();
    }
    this.finishStep(host, step);
  }

  private beginStep(host: Host, now: Now, input: HostInput | null): CurrentStep {
    const step = this.current;
    this.counts.steps += 1;
    step.host = host.id;
    step.generation = host.generation;
    step.now = now;
    step.input = input;
    // Popping beats assigning the length, which leaves compiled code.
    while (step.effects.length > 0) step.effects.pop();
    step.executed = 0;
    return step;
  }

  private finishStep(host: Host, step: CurrentStep): void {
    const generation = host.generation;
    const halt = this.executeEffects(host, step);
    this.rolling.fold(step.effects.length);
    this.network.pumpDirty();
    this.hooks.afterStep?.(step);
    if (host.machine === null || host.generation !== generation) return;
    if (halt !== null) this.crash(host, 'halt', halt);
    else this.armTimer(host);
  }

  /** Returns the reason if the machine wants to end. Stops in the middle when a crash point is hit. */
  private executeEffects(host: Host, step: CurrentStep): string | null {
    const { effects } = step;
    let halt: string | null = null;
    const canCrash = host.crashPoints.length > 0;
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!;
      const crash = canCrash ? this.crashPointAt(host, 'effect', effect) : null;
      if (crash === null || crash.edge !== 'before') {
        if (effect.type === 'halt') halt = effect.reason;
        else this.execute(host, effect);
        step.executed = i + 1;
      }
      // A hook that saw this effect may have ended the process: the rest is lost.
      if (host.machine !== step.machine) return null;
      if (crash !== null) {
        this.network.pumpDirty();
        this.crash(host, crash.kind, `crash point at ${effect.type}`, crash.luck);
        return null;
      }
    }
    return halt;
  }

  private execute(host: Host, effect: HostEffect): void {
    switch (effect.type) {
      case 'send':
        this.network.send(host, effect.conn, effect.bytes);
        return;
      case 'file':
        host.lanes.submit(effect);
        return;
      case 'note':
        this.hooks.onNote?.(host.id, effect.code, effect.fields);
        return;
      case 'close':
        this.network.close(host, effect.conn);
        return;
      case 'connect':
        this.network.dial(host, effect.conn, 'channel' in effect ? effect.channel : 'client', effect.address);
        return;
      case 'reading':
        this.network.setReading(host, effect.conn, effect.on);
        return;
      case 'listen':
        host.listeners.set(effect.address.port, { channel: effect.channel, tls: effect.tls });
        return;
      case 'unlisten':
        for (const [port, listener] of host.listeners)
          if (listener.channel === effect.channel) host.listeners.delete(port);
        return;
      case 'reply':
      case 'watch':
      case 'state':
      case 'halt':
        return;
      default:
        effect satisfies never;
    }
  }

  // ---------------------------------------------------------------- time of a host

  private armTimer(host: Host): void {
    const deadline = host.machine!.nextDeadline();
    if (deadline === host.deadlineMs && host.wakeUs > this.timeUs && host.timerUs <= host.wakeUs) return;
    host.deadlineMs = deadline;
    host.wakeUs = deadline === null ? Number.POSITIVE_INFINITY : host.clock.whenMono(deadline, this.timeUs);
    if (host.wakeUs < host.timerUs && !host.tickHeld) this.scheduleTimer(host);
  }

  private scheduleTimer(host: Host): void {
    host.timerUs = host.wakeUs;
    host.timerToken += 1;
    this.schedule(host.wakeUs, Kind.timer, host, 0, host.timerToken, host);
  }

  /** A deadline may have moved back since the event was scheduled; then the event only sees to the next one. */
  private onTimer(host: Host, token: number): void {
    if (token !== host.timerToken) return;
    host.timerUs = Number.POSITIVE_INFINITY;
    if (host.machine === null) return;
    if (host.wakeUs > this.timeUs) {
      if (host.wakeUs !== Number.POSITIVE_INFINITY) this.scheduleTimer(host);
      return;
    }
    host.tickHeld = host.isHolding;
    this.offer(host, { source: SOURCE_TICK, input: { type: 'tick' }, end: null, pipe: null });
    host.spinCount = host.wakeUs <= this.timeUs && !host.isHolding ? host.spinCount + 1 : 0;
    assert(host.spinCount < SPIN_COUNT_MAX, 'machine asks for ticks without end');
  }

  private clockChanged(host: Host): void {
    host.wakeUs = 0;
    host.timerUs = Number.POSITIVE_INFINITY;
    host.timerToken += 1;
    if (host.machine !== null) this.armTimer(host);
  }

  // ---------------------------------------------------------------- inputs, and what is held back

  offer(host: Host, held: Held): void {
    if (host.machine === null) return;
    if (host.isHolding) host.held.push(held);
    else this.take(host, held);
  }

  private take(host: Host, held: Held): void {
    if (held.pipe !== null) this.network.readOnce(held.pipe);
    else if (held.end !== null) this.network.tellNow(held.end, held.input!);
    else this.stepHost(host, held.input!);
  }

  private onInput(host: Host, generation: number, held: Held): void {
    if (host.generation === generation) this.offer(host, held);
  }

  private scheduleInput(host: Host, input: HostInput, delayUs: number): void {
    const held: Held = { source: SOURCE_APP, input, end: null, pipe: null };
    this.schedule(this.timeUs + delayUs, Kind.input, host, 0, host.generation, held);
  }

  private scheduleResume(host: Host): void {
    if (host.resuming) return;
    host.resuming = true;
    const gapUs = belowOf(draw(draw(host.key, 2), host.resumeCount++), RESUME_GAP_US);
    this.schedule(this.timeUs + gapUs, Kind.resume, host, 0, 0, host);
  }

  /** A process that runs again takes up one thing at a time, from a drawn source. */
  private onResume(host: Host): void {
    host.resuming = false;
    if (host.status !== 'running' || host.held.length === 0) return;
    const drawn = host.held[belowOf(draw(draw(host.key, 3), host.resumeCount), host.held.length)]!;
    const index = host.held.findIndex((held) => held.source === drawn.source);
    const [held] = host.held.splice(index, 1);
    if (host.held.length > 0) this.scheduleResume(host);
    if (held!.source === SOURCE_TICK) host.tickHeld = false;
    this.take(host, held!);
  }

  // ---------------------------------------------------------------- life and death

  start(id: HostId, options: { readonly delayUs?: number; readonly program?: Program } = {}): boolean {
    const host = this.hostOf(id);
    if (host.machine !== null || host.starting !== 0) return this.refuse();
    if (options.program !== undefined) host.program = options.program;
    host.starting = ++host.startCount;
    this.schedule(this.timeUs + (options.delayUs ?? 0), Kind.boot, host, 0, host.starting, host);
    return true;
  }

  kill(id: HostId): boolean {
    return this.tryCrash(id, 'kill', 'killed');
  }

  powerCut(id: HostId, luck: number | null = null): boolean {
    const host = this.hostOf(id);
    if (host.machine !== null) {
      this.crash(host, 'power', 'power cut', luck);
      return true;
    }
    if (host.status === 'off') return this.refuse();
    // No process, but a page cache to lose.
    host.starting = 0;
    this.losePower(host, luck);
    return true;
  }

  private tryCrash(id: HostId, kind: CrashKind, reason: string): boolean {
    const host = this.hostOf(id);
    if (host.machine === null) {
      const wasStarting = host.starting !== 0;
      host.starting = 0;
      return wasStarting || this.refuse();
    }
    this.crash(host, kind, reason);
    return true;
  }

  private crash(host: Host, kind: CrashKind, reason: string, luck: number | null = null): void {
    this.counts.crashes += 1;
    host.machine = null;
    host.status = 'down';
    host.listeners = new Map();
    host.held = [];
    host.tickHeld = false;
    host.timerToken += 1;
    host.timerUs = Number.POSITIVE_INFINITY;
    host.wakeUs = Number.POSITIVE_INFINITY;
    if (kind === 'power') {
      this.losePower(host, luck);
    } else {
      this.network.processDied(host);
      const lost = host.lanes.abandon();
      host.stale = kind === 'halt' ? lost.map(staleCompletion) : [];
    }
    this.hooks.onCrash?.(host.id, kind, reason);
  }

  private losePower(host: Host, luck: number | null): void {
    host.status = 'off';
    host.stale = [];
    host.lanes.drop();
    this.network.powerLost(host);
    host.disk.powerCut(host.lanes.params.nameLoss, luck);
  }

  pause(id: HostId): boolean {
    const host = this.hostOf(id);
    if (host.status !== 'running') return this.refuse();
    host.status = 'paused';
    return true;
  }

  resume(id: HostId): boolean {
    const host = this.hostOf(id);
    if (host.status !== 'paused') return this.refuse();
    host.status = 'running';
    host.lanes.resume();
    if (host.held.length > 0) this.scheduleResume(host);
    return true;
  }

  crashAt(id: HostId, point: CrashPoint): FaultId {
    const host = this.hostOf(id);
    const fault = this.nextFault++;
    host.crashPoints.push({ id: fault, point, skip: point.skip ?? 0 });
    this.endings.set(fault, () => disarmCrash(host, fault));
    return fault;
  }

  crashAtCompletion(host: Host, file: FileEffect): boolean {
    if (host.crashPoints.length === 0 || host.machine === null) return false;
    const crash = this.crashPointAt(host, 'complete', file);
    if (crash === null) return false;
    this.crash(host, crash.kind, `crash point at completion of ${file.action.kind}`, crash.luck);
    return true;
  }

  private crashPointAt(host: Host, at: CrashPoint['at'], effect: HostEffect): CrashPoint | null {
    for (const armed of host.crashPoints) {
      if (armed.point.at !== at || !this.matchesCrash(host, armed, effect)) continue;
      if (armed.skip-- > 0) continue;
      disarmCrash(host, armed.id);
      return armed.point;
    }
    return null;
  }

  private matchesCrash(host: Host, armed: ArmedCrash, effect: HostEffect): boolean {
    const { point } = armed;
    if (point.effect !== undefined && point.effect !== effect.type) return false;
    if (point.note !== undefined && (effect.type !== 'note' || effect.code !== point.note)) return false;
    if (point.file !== undefined && (effect.type !== 'file' || !matchesFile(point.file, effect))) return false;
    return point.channel === undefined || point.channel === this.channelOf(host, effect);
  }

  private channelOf(host: Host, effect: HostEffect): Channel | null {
    if (effect.type === 'connect') return 'channel' in effect ? effect.channel : 'client';
    if (effect.type !== 'send' && effect.type !== 'close') return null;
    return host.conns.get(effect.conn)?.connection.channel ?? null;
  }

  private refuse(): false {
    this.counts.refused += 1;
    return false;
  }

  // ---------------------------------------------------------------- randomness and hash

  stream(name: string): Stream {
    let stream = this.streams.get(name);
    if (stream === undefined) {
      stream = makeStream(this.seed, name);
      for (const { matches, salt } of this.rekeyed) if (matches.test(name)) stream.rekey(salt);
      this.streams.set(name, stream);
    }
    return stream;
  }

  rekey(pattern: string, salt: number): void {
    assert(salt !== 0, 'a salt of 0 changes nothing');
    const matches = patternOf(pattern);
    this.rekeyed.push({ matches, salt });
    for (const [name, stream] of this.streams) if (matches.test(name)) stream.rekey(salt);
    this.network.rekey(
      this.hostsById.values(),
      (from, to) => matches.test(`network/${endName(from)}>${endName(to)}`),
      salt,
    );
    for (const host of this.hostsById.values()) {
      if (matches.test(`disk/${endName(host.id)}`)) host.disk.rekey(salt);
      if (matches.test(`lanes/${endName(host.id)}`)) host.lanes.rekey(salt);
    }
    if (matches.test('ties')) this.schedKey = draw(this.schedKey, salt);
  }

  hash(): string {
    return this.rolling.digits();
  }

  hashes(): Uint32Array {
    return this.recorded.slice(0, Math.min(this.counts.events, this.recorded.length));
  }

  get stats(): WorldStats {
    const byKind = {} as Record<EventKind, number>;
    KINDS.forEach((kind, index) => {
      byKind[kind] = this.kindCounts[index]!;
    });
    return { ...this.counts, byKind };
  }

  // ---------------------------------------------------------------- hosts

  status(id: HostId): HostStatus {
    return this.hostOf(id).status;
  }

  machine(id: HostId): Machine | null {
    return this.hostOf(id).machine;
  }

  generation(id: HostId): number {
    return this.hostOf(id).generation;
  }

  input(id: HostId, input: HostInput, delayUs = 0): boolean {
    const host = this.hostOf(id);
    if (host.machine === null) return this.refuse();
    this.scheduleInput(host, input, delayUs);
    return true;
  }

  slowReader(id: HostId, delayUs: number): void {
    this.hostOf(id).readDelayUs = delayUs;
  }

  setIdentity(id: HostId, identity: Identity): void {
    this.hostOf(id).identity = identity;
  }

  // ---------------------------------------------------------------- network

  setLink(selector: LinkSelector, params: Partial<LinkParams>): void {
    this.network.links.setBase(matcherOf(selector), params);
  }

  linkParams(from: HostId, to: HostId, channel: Channel): LinkParams {
    return this.network.links.between(this.hostOf(from), this.hostOf(to), channel).params;
  }

  impair(selector: LinkSelector, impairment: Impairment): FaultId {
    return this.lay(matcherOf(selector), impairment);
  }

  cut(selector: LinkSelector): FaultId {
    return this.lay(matcherOf(selector), { cut: true });
  }

  partition(groups: readonly (readonly HostId[])[], channels: readonly Channel[] = CHANNELS): FaultId {
    return this.lay(partitionMatcher(groups, channels), { cut: true });
  }

  private lay(matches: LinkMatch, impairment: Impairment): FaultId {
    const fault = this.nextFault++;
    this.network.links.add(fault, matches, impairment);
    this.endings.set(fault, () => this.network.links.remove(fault));
    return fault;
  }

  flap(selector: LinkSelector, times: { readonly downUs: number; readonly upUs: number }): FaultId {
    assert(times.downUs > 0 && times.upUs > 0, 'a flapping link needs both times');
    const fault = this.nextFault++;
    let inner: FaultId | null = null;
    const turn = (): void => {
      if (!this.endings.has(fault)) return;
      if (inner === null) {
        inner = this.cut(selector);
      } else {
        this.restore(inner);
        inner = null;
      }
      this.at(this.timeUs + (inner === null ? times.upUs : times.downUs), 'flap', turn);
    };
    this.endings.set(fault, () => {
      if (inner !== null) this.restore(inner);
    });
    turn();
    return fault;
  }

  clog(selector: LinkSelector, forUs: number): void {
    this.network.links.clog(matcherOf(selector), this.timeUs + forUs);
  }

  resetConnections(selector: LinkSelector): number {
    return this.network.resetAll(this.hostsById.values(), matcherOf(selector));
  }

  forgetConnections(selector: LinkSelector): number {
    return this.network.forgetAll(this.hostsById.values(), matcherOf(selector));
  }

  reachable(from: HostId, to: HostId, channel: Channel): boolean {
    return !this.network.links.between(this.hostOf(from), this.hostOf(to), channel).isCut;
  }

  connections(): readonly ConnectionInfo[] {
    return this.network.connectionsOf(this.hostsById.values());
  }

  // ---------------------------------------------------------------- disk

  diskFault(id: HostId, fault: DiskFault): FaultId {
    const host = this.hostOf(id);
    const number = this.nextFault++;
    if (fault.kind === 'lie' && !this.budget.charge(id, 'lie')) {
      this.refuse();
      return number;
    }
    host.lanes.arm(number, fault);
    this.endings.set(number, () => host.lanes.disarm(number));
    return number;
  }

  stallDisk(id: HostId, forUs: number, lanes: readonly Lane[] = ALL_LANES): void {
    this.hostOf(id).lanes.stall(this.timeUs + forUs, lanes);
  }

  setDisk(id: HostId, params: Partial<DiskParams>): void {
    const { lanes } = this.hostOf(id);
    lanes.setParams({ ...lanes.params, ...params });
  }

  rot(id: HostId, match: FileMatch = {}, luck?: number): boolean {
    const { disk } = this.hostOf(id);
    const closed = disk.closedFiles(this.timeUs - CLOSED_AFTER_US);
    const path = disk.pickOf(match.path === undefined ? closed : closed.filter((at) => at.includes(match.path!)), luck);
    if (path === null || !this.budget.charge(id, 'rot')) return this.refuse();
    disk.flipBit(path, luck);
    return true;
  }

  tornWrites(id: HostId): boolean {
    if (!this.budget.charge(id, 'torn')) return this.refuse();
    this.hostOf(id).disk.tornNext = true;
    return true;
  }

  wipe(id: HostId): boolean {
    const host = this.hostOf(id);
    if (host.machine !== null || !this.budget.charge(id, 'wipe')) return this.refuse();
    host.disk.format(host.lanes.params.directories);
    return true;
  }

  restoreDisk(id: HostId, image: DiskImage): boolean {
    const host = this.hostOf(id);
    if (host.machine !== null || !this.budget.charge(id, 'restore')) return this.refuse();
    host.disk.install(image);
    return true;
  }

  image(id: HostId): DiskImage {
    return this.hostOf(id).disk.image();
  }

  durableImage(id: HostId): DurableImage {
    return this.hostOf(id).disk;
  }

  durableCopy(id: HostId): DiskImage {
    return this.hostOf(id).disk.durableCopy();
  }

  // ---------------------------------------------------------------- clock

  now(id: HostId): Now {
    return this.hostOf(id).clock.now(this.timeUs);
  }

  setClockRate(id: HostId, rate: Ratio): void {
    const host = this.hostOf(id);
    host.clock.setRate(rate, this.timeUs);
    this.clockChanged(host);
  }

  jumpWall(id: HostId, byMs: number): void {
    this.hostOf(id).clock.jumpWall(byMs);
  }

  // ---------------------------------------------------------------- healing

  restore(fault: FaultId): void {
    const ending = this.endings.get(fault);
    if (ending === undefined) return;
    this.endings.delete(fault);
    ending();
  }

  heal(
    ids: readonly HostId[],
    calm: { readonly link?: Partial<LinkParams>; readonly disk?: Partial<DiskParams> } = {},
  ): void {
    const hosts = ids.map((id) => this.hostOf(id));
    this.network.links.protect(ids, { ...LINK_DEFAULTS, ...this.options.link, ...calm.link });
    this.network.hurry(hosts);
    for (const host of hosts) {
      host.lanes.heal({ ...host.lanes.baseParams, ...calm.disk });
      host.disk.tornNext = false;
      host.crashPoints = [];
      host.readDelayUs = 0;
      host.clock.setRate({ num: 1, den: 1 }, this.timeUs);
      this.clockChanged(host);
      if (host.status === 'paused') this.resume(host.id);
    }
  }
}

const endName = (host: HostId): string => (host >= CLIENT_BASE ? `c${host - CLIENT_BASE}` : String(host));

/** `*` stands for any text, everything else for itself. */
function patternOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^A-Za-z0-9/]/g, (char) => `\\${char}`));
  return new RegExp(`^${parts.join('.*')}$`);
}

function disarmCrash(host: Host, fault: FaultId): void {
  host.crashPoints = host.crashPoints.filter((armed) => armed.id !== fault);
}

/** What a halted incarnation never heard; its successor in the same process does, and must not believe it. */
function staleCompletion(effect: FileEffect): HostInput {
  const error: FileError = 'EIO';
  return { type: 'fileDone', op: effect.op, generation: effect.generation, result: { ok: false, error } };
}
