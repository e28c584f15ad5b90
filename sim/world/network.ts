/**
 * The network, with the semantics of TCP.
 *
 * A connection has two ends and two pipes. A pipe carries bytes in order and loses none: what a lossy wire does to TCP is
 * delay (retransmission after 200 ms, 400 ms, 800 ms ...), and in the end silence. So the faults are those that a program
 * on TCP really meets: bytes cut anywhere, waits, resets after a prefix, connections of which one side is gone without the
 * other knowing (half-open), refused and hanging attempts, and back-pressure.
 *
 * ```
 *   send --> unsent --(window)--> queue --(latency, head of line)--> received --(reading)--> connBytes
 *            process              wire                               receiver's socket buffer
 * ```
 *
 * Bytes on the wire and bytes that the receiver has not read count against the window. Only the head of a pipe has an event
 * in the queue of the world; FIFO order is there by construction. Control (the accept, the end) travels in the same queue.
 *
 * Every random choice is a function of the connection and the number of the chunk.
 */

import type { Channel, Remote } from '../../core/io.ts';
import type { ConnId } from '../../core/types.ts';
import { type Engine, type Held, type Host, Kind } from './host.ts';
import { type Link, type LinkMatch, LinkTable } from './links.ts';
import { belowOf, chanceOf, draw, exponentialOf } from './random.ts';
import type { ConnectionInfo, HostInput, Identity, LinkParams, SegmentInfo } from './types.ts';

const RTO_US = 200_000;
/** Real stacks back off to 120 s; the shorter bound keeps runs short without changing what can happen. */
const RTO_MAX_US = 10_000_000;
const SYN_RTO_US = 1_000_000;
/** Largest chunk handed to a receiver at once. */
const CHUNK_BYTES_MAX = 64 * 1024;
/** Consecutive losses of one chunk. */
const STALL_ROUNDS_MAX = 5;
/** One chunk in so many is sent alone although more was ready behind it. */
const LONE_CHUNK_ONE_IN = 4;
const UNKNOWN_HOST_US = 1000;
const HANDSHAKE_CPU_US = 400;
const EPHEMERAL_PORT_BASE = 32_768;
const EPHEMERAL_PORT_COUNT = 28_000;

/** The first bytes of a TLS ClientHello, as a listener that expects plain text reads them. */
const CLIENT_HELLO = Uint8Array.of(0x16, 0x03, 0x01, 0x00, 0xf8, 0x01, 0x00, 0x00, 0xf4, 0x03, 0x03, 0x5a, 0x13, 0x77);

/** Purposes of the draws of one connection, and of one chunk (`index * PURPOSES + purpose`). */
const PURPOSES = 8;
const DRAW_LATENCY = 0;
const DRAW_STALL = 1;
const DRAW_RESET = 2;
const DRAW_CUT = 3;
const DRAW_LONE = 4;
const DRAW_DISORDER = 5;
const CONNECT_REFUSE = 0;
const CONNECT_HANG = 1;
const CONNECT_HANDSHAKE = 2;
const CONNECT_SYN = 3;
const CONNECT_ANSWER = 4;
const CONNECT_CRYPTO = 5;

/** Outcomes of an attempt: the argument of its event. */
const DIAL_OPEN = 0;
const DIAL_REFUSED = 1;
const DIAL_TIMEOUT = 2;
const DIAL_HANDSHAKE = 3;
const DIAL_UNKNOWN_HOST = 4;
const DIAL_REASONS = ['', 'ECONNREFUSED', 'ETIMEDOUT', 'TLS handshake failed', 'ENOTFOUND'];

type EndState =
  | 'dialing'
  | 'open'
  /** The network has given it up; the machine has not heard yet. */
  | 'lost'
  | 'closed';

/** One side of a connection, as one incarnation of a host knows it. */
export class End {
  readonly connection: Connection;
  readonly host: Host;
  readonly generation: number;
  readonly connId: number;
  state: EndState;
  /** The process died and the operating system knows nothing of the connection: what arrives is answered by a reset. */
  isOrphan = false;
  reading = true;

  constructor(connection: Connection, host: Host, connId: number, state: EndState) {
    this.connection = connection;
    this.host = host;
    this.generation = host.generation;
    this.connId = connId;
    this.state = state;
  }
}

/** A chunk, or the accept at the beginning of a pipe, or its end. */
interface Segment {
  readonly kind: 'accept' | 'bytes' | 'end';
  bytes: Uint8Array;
  /** It begins and ends where writes of the process do. */
  readonly isWhole: boolean;
  readonly index: number;
  readonly sentAtUs: number;
  readonly cause: number;
  /** Not before this; what is ahead of it in the pipe may make it later. */
  arrivalUs: number;
  tries: number;
  /** Reset after so many bytes; -1 for none. */
  resetAfter: number;
  next: Segment | null;
}

const NOTHING = new Uint8Array(0);

/** One direction of a connection. */
export class Pipe {
  readonly connection: Connection;
  readonly link: Link;
  key: number;
  /** Given to the socket and not on the wire yet. */
  unsent: Uint8Array[] = [];
  unsentBytes = 0;
  /** The first of what is unsent is the rest of a write. */
  isMidWrite = false;
  /** On the wire, or not read by the receiver. */
  windowUsed = 0;
  /** Read by the receiver; the sender does not know yet. */
  credit = 0;
  windowPending = false;
  isOpen = false;
  isDead = false;
  endQueued = false;
  endSent = false;
  /** The sending host lost power: nothing is retransmitted. */
  senderIsOff = false;
  /** A box in the middle has forgotten the connection: nothing arrives, whatever is tried. */
  isForgotten = false;
  /** connBlocked was said and connDrained was not. */
  isBlocked = false;
  isDirty = false;
  chunkCount = 0;
  head: Segment | null = null;
  tail: Segment | null = null;
  /** Of the event that is scheduled for the head; others are void. */
  token = 0;
  /** Arrived and not taken by the process; null is the end of the stream. */
  received: (Uint8Array | null)[] = [];
  readPending = false;

  constructor(connection: Connection, link: Link, key: number) {
    this.connection = connection;
    this.link = link;
    this.key = key;
  }
}

export class Connection implements ConnectionInfo {
  readonly uid: number;
  readonly channel: Channel;
  readonly key: number;
  readonly dialerEnd: End;
  readonly port: number;
  acceptorHost: Host | null = null;
  acceptorEnd: End | null = null;
  /** dialer -> acceptor, acceptor -> dialer. */
  forward: Pipe | null = null;
  backward: Pipe | null = null;
  isTls = false;
  /** Why the acceptor will reset instead of accepting; null when it will accept. */
  rejection: string | null = null;
  /** The dialer speaks TLS to a listener that does not: the acceptor reads a ClientHello. */
  speaksPastListener = false;
  readonly startedUs: number;

  constructor(uid: number, channel: Channel, key: number, dialer: Host, connId: number, port: number, timeUs: number) {
    this.uid = uid;
    this.channel = channel;
    this.key = key;
    this.port = port;
    this.startedUs = timeUs;
    this.dialerEnd = new End(this, dialer, connId, 'dialing');
  }

  get dialer(): number {
    return this.dialerEnd.host.id;
  }
  get acceptor(): number {
    return this.acceptorHost?.id ?? 0;
  }
  get dialerConn(): number {
    return this.dialerEnd.connId;
  }
  get acceptorConn(): number {
    return this.acceptorEnd?.connId ?? 0;
  }

  pipeInto(end: End): Pipe | null {
    return end === this.dialerEnd ? this.backward : this.forward;
  }
  pipeFrom(end: End): Pipe | null {
    return end === this.dialerEnd ? this.forward : this.backward;
  }
  other(end: End): End | null {
    return end === this.dialerEnd ? this.acceptorEnd : this.dialerEnd;
  }
  receiverOf(pipe: Pipe): End | null {
    return pipe === this.forward ? this.acceptorEnd : this.dialerEnd;
  }
  senderOf(pipe: Pipe): End | null {
    return pipe === this.forward ? this.dialerEnd : this.acceptorEnd;
  }
}

export interface NetworkOptions {
  readonly connectTimeoutUs: number;
  readonly retransmitTimeoutUs: number;
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  readonly unordered: boolean;
}

export class Network {
  readonly links: LinkTable;
  private readonly engine: Engine;
  private readonly options: NetworkOptions;
  private nextUid = 1;
  /** Pipes that were written to in the step being executed. */
  private dirty: Pipe[] = [];

  constructor(engine: Engine, key: number, defaults: LinkParams, options: NetworkOptions) {
    this.engine = engine;
    this.links = new LinkTable(key, defaults);
    this.options = options;
  }

  // ---------------------------------------------------------------- effects

  dial(host: Host, connId: number, channel: Channel, address: { readonly host: string; readonly port: number }): void {
    const { engine } = this;
    const target = engine.resolve(host, address.host) ?? null;
    const link = target === null ? null : this.links.between(host, target, channel);
    const key = link === null ? 0 : draw(link.key, link.connectionCount++);
    const connection = new Connection(this.nextUid++, channel, key, host, connId, address.port, engine.timeUs);
    connection.acceptorHost = target;
    host.conns.set(connId, connection.dialerEnd);
    engine.counts.connections += 1;
    engine.hooks.onConnection?.({ kind: 'dialed', connection });
    if (link === null) {
      engine.schedule(engine.timeUs + UNKNOWN_HOST_US, Kind.dial, host, connId, DIAL_UNKNOWN_HOST, connection);
      return;
    }
    const arrivalUs = engine.timeUs + latencyUs(link.params, draw(key, CONNECT_SYN));
    engine.schedule(arrivalUs, Kind.syn, target!, key, 0, connection);
    engine.schedule(engine.timeUs + this.options.connectTimeoutUs, Kind.dial, host, key, DIAL_TIMEOUT, connection);
  }

  send(host: Host, connId: number, bytes: Uint8Array): void {
    const end = host.conns.get(connId);
    if (end === undefined || end.state !== 'open' || bytes.length === 0) return;
    const pipe = end.connection.pipeFrom(end);
    if (pipe === null || pipe.isDead) return;
    pipe.unsent.push(bytes);
    pipe.unsentBytes += bytes.length;
    this.markDirty(pipe);
  }

  /** What was sent before still goes out; nothing more is heard. */
  close(host: Host, connId: number): void {
    const end = host.conns.get(connId);
    if (end === undefined) return;
    host.conns.delete(connId);
    const before = end.state;
    end.state = 'closed';
    if (before === 'lost') return;
    this.engine.hooks.onConnection?.({ kind: 'closed', connection: end.connection, host: host.id, reason: 'closed' });
    this.discardReceived(end);
    const pipe = end.connection.pipeFrom(end);
    if (pipe === null || !pipe.isOpen) return;
    pipe.endQueued = true;
    this.markDirty(pipe);
  }

  setReading(host: Host, connId: number, on: boolean): void {
    const end = host.conns.get(connId);
    if (end === undefined || end.reading === on) return;
    end.reading = on;
    const pipe = end.connection.pipeInto(end);
    if (on && pipe !== null && pipe.received.length > 0) this.scheduleRead(pipe, host.readDelayUs);
  }

  /** At the end of a step: puts on the wire what the step wrote. */
  pumpDirty(): void {
    const pipes = this.dirty;
    for (let i = 0; i < pipes.length; i++) {
      const pipe = pipes[i]!;
      pipe.isDirty = false;
      this.pump(pipe);
      this.checkMarks(pipe);
    }
    while (pipes.length > 0) pipes.pop();
  }

  private markDirty(pipe: Pipe): void {
    if (pipe.isDirty) return;
    pipe.isDirty = true;
    this.dirty.push(pipe);
  }

  // ---------------------------------------------------------------- sending

  private pump(pipe: Pipe): void {
    if (pipe.isDead || !pipe.isOpen) return;
    while (pipe.unsentBytes > 0) {
      const room = pipe.link.params.windowBytes - pipe.windowUsed;
      if (room <= 0) break;
      const isRest = pipe.isMidWrite;
      const chunk = this.takeChunk(pipe, Math.min(room, CHUNK_BYTES_MAX));
      this.transmit(pipe, 'bytes', chunk, !isRest && !pipe.isMidWrite);
    }
    if (pipe.unsentBytes > 0 || !pipe.endQueued || pipe.endSent) return;
    pipe.endSent = true;
    this.transmit(pipe, 'end', NOTHING);
  }

  /** The next chunk: one write of the process, or several glued together, or (drawn) a piece. */
  private takeChunk(pipe: Pipe, bytesMax: number): Uint8Array {
    const { params } = pipe.link;
    const base = pipe.chunkCount * PURPOSES;
    let chunk = pipe.unsent[0]!;
    if (pipe.unsent.length > 1 && belowOf(draw(pipe.key, base + DRAW_LONE), LONE_CHUNK_ONE_IN) > 0) {
      chunk = glue(pipe.unsent, bytesMax);
    } else {
      pipe.unsent.shift();
    }
    let size = Math.min(chunk.length, bytesMax);
    if (size > 1 && params.cutPpm > 0) {
      const value = draw(pipe.key, base + DRAW_CUT);
      if (chanceOf(value, params.cutPpm)) size = 1 + belowOf(draw(value, 0), size - 1);
    }
    pipe.isMidWrite = size < chunk.length;
    if (pipe.isMidWrite) pipe.unsent.unshift(chunk.subarray(size));
    pipe.unsentBytes -= size;
    return size < chunk.length ? chunk.subarray(0, size) : chunk;
  }

  private transmit(pipe: Pipe, kind: Segment['kind'], bytes: Uint8Array, isWhole = true): void {
    const { engine } = this;
    const { link } = pipe;
    const index = pipe.chunkCount++;
    const segment: Segment = {
      kind,
      bytes,
      isWhole,
      index,
      sentAtUs: engine.timeUs,
      cause: engine.eventId,
      arrivalUs: 0,
      tries: 0,
      resetAfter: -1,
      next: null,
    };
    pipe.windowUsed += bytes.length;
    let arrivalUs =
      engine.timeUs +
      this.wireTimeUs(link, bytes.length) +
      latencyUs(link.params, draw(pipe.key, index * PURPOSES + DRAW_LATENCY));
    arrivalUs += this.mishaps(pipe, segment);
    if (link.isCut) {
      segment.tries = 1;
      arrivalUs = Math.max(arrivalUs, engine.timeUs + RTO_US);
    }
    if (kind === 'bytes') {
      engine.counts.segments += 1;
      engine.counts.bytes += bytes.length;
      if (engine.hooks.intercept !== undefined || engine.hooks.onSegment !== undefined) {
        arrivalUs += this.showSegment(pipe, segment);
      }
    }
    segment.arrivalUs = arrivalUs;
    this.enqueue(pipe, segment);
  }

  private enqueue(pipe: Pipe, segment: Segment): void {
    if (pipe.tail === null) {
      pipe.head = segment;
      pipe.tail = segment;
      this.scheduleHead(pipe, segment.arrivalUs);
    } else {
      pipe.tail.next = segment;
      pipe.tail = segment;
    }
  }

  private scheduleHead(pipe: Pipe, timeUs: number): void {
    pipe.token += 1;
    this.engine.schedule(timeUs, Kind.segment, pipe.link.to, pipe.key, pipe.token, pipe, pipe.head!.cause);
  }

  /** Stall, reset and (over-approximation) disorder of one chunk. Returns what it is late by. */
  private mishaps(pipe: Pipe, segment: Segment): number {
    const { params } = pipe.link;
    const base = segment.index * PURPOSES;
    let lateUs = 0;
    if (params.stallPpm > 0) {
      const value = draw(pipe.key, base + DRAW_STALL);
      if (chanceOf(value, params.stallPpm)) lateUs = stallUs(draw(value, 0));
    }
    if (segment.kind !== 'bytes') return lateUs;
    if (params.resetPpm > 0) {
      const value = draw(pipe.key, base + DRAW_RESET);
      if (chanceOf(value, params.resetPpm)) segment.resetAfter = belowOf(draw(value, 0), segment.bytes.length);
    }
    if (this.options.unordered && (params.reorderPpm > 0 || params.duplicatePpm > 0))
      this.disorder(pipe, segment, base);
    return lateUs;
  }

  /** Of whole writes only: of pieces it would make messages that nobody has sent. */
  private disorder(pipe: Pipe, segment: Segment, base: number): void {
    if (!segment.isWhole) return;
    const { params } = pipe.link;
    const value = draw(pipe.key, base + DRAW_DISORDER);
    const before = pipe.tail;
    if (before !== null && before.kind === 'bytes' && before.isWhole && chanceOf(value, params.reorderPpm)) {
      const held = before.bytes;
      before.bytes = segment.bytes;
      segment.bytes = held;
    } else if (chanceOf(draw(value, 0), params.duplicatePpm)) {
      segment.bytes = glue([segment.bytes, segment.bytes], 2 * segment.bytes.length);
      pipe.windowUsed += segment.bytes.length / 2;
    }
  }

  private wireTimeUs(link: Link, size: number): number {
    const { bytesPerSecond } = link.params;
    if (bytesPerSecond === 0) return 0;
    const { timeUs } = this.engine;
    const departureUs = Math.max(timeUs, link.busyUntilUs) + Math.ceil((size * 1_000_000) / bytesPerSecond);
    link.busyUntilUs = departureUs;
    return departureUs - timeUs;
  }

  private showSegment(pipe: Pipe, segment: Segment): number {
    const { hooks } = this.engine;
    const info: SegmentInfo = {
      connection: pipe.connection,
      from: pipe.link.from.id,
      to: pipe.link.to.id,
      index: segment.index,
      bytes: segment.bytes,
      sentAtUs: segment.sentAtUs,
      cause: segment.cause,
    };
    hooks.onSegment?.(info);
    const override = hooks.intercept?.(info);
    if (override?.resetAfterBytes !== undefined) {
      segment.resetAfter = Math.min(override.resetAfterBytes, segment.bytes.length);
    }
    return override?.delayUs ?? 0;
  }

  /** connBlocked above the high mark, connDrained below the low one, each as an event of its own. */
  private checkMarks(pipe: Pipe): void {
    if (
      pipe.isBlocked ? pipe.unsentBytes > this.options.lowWaterBytes : pipe.unsentBytes <= this.options.highWaterBytes
    )
      return;
    const end = pipe.connection.senderOf(pipe);
    if (end === null || end.state !== 'open') return;
    pipe.isBlocked = !pipe.isBlocked;
    const type = pipe.isBlocked ? 'connBlocked' : 'connDrained';
    const held = heldFor(end, { type, conn: end.connId as ConnId });
    this.engine.schedule(this.engine.timeUs, Kind.input, end.host, pipe.key, end.generation, held);
  }

  // ---------------------------------------------------------------- arriving

  /** The event of the head of a pipe. */
  onSegment(pipe: Pipe, token: number): void {
    const segment = pipe.head;
    if (token !== pipe.token || segment === null) return;
    if (pipe.isForgotten) return;
    const { link } = pipe;
    if (link.isCut || link.to.status === 'off') {
      this.retransmit(pipe, segment);
      return;
    }
    if (link.clogUntilUs > this.engine.timeUs) {
      this.scheduleHead(pipe, link.clogUntilUs);
      return;
    }
    pipe.head = segment.next;
    if (pipe.head === null) pipe.tail = null;
    else this.scheduleHead(pipe, Math.max(pipe.head.arrivalUs, this.engine.timeUs));
    this.receive(pipe, segment);
  }

  private putBack(pipe: Pipe, segment: Segment): void {
    segment.next = pipe.head;
    pipe.head = segment;
    pipe.tail ??= segment;
    this.retransmit(pipe, segment);
  }

  private retransmit(pipe: Pipe, segment: Segment): void {
    const { timeUs } = this.engine;
    if (pipe.senderIsOff) {
      killPipe(pipe);
      return;
    }
    if (timeUs - segment.sentAtUs > this.options.retransmitTimeoutUs) {
      const sender = pipe.connection.senderOf(pipe);
      killPipe(pipe);
      if (sender !== null) this.loseEnd(sender, 'ETIMEDOUT');
      return;
    }
    segment.tries += 1;
    this.scheduleHead(pipe, timeUs + Math.min(RTO_US * 2 ** segment.tries, RTO_MAX_US));
  }

  private receive(pipe: Pipe, segment: Segment): void {
    if (segment.kind === 'accept') {
      this.accept(pipe.connection);
      return;
    }
    const end = pipe.connection.receiverOf(pipe);
    if (end === null || end.isOrphan) {
      // A reset that cannot get through is provoked again by the retransmission.
      if (this.links.reverseOf(pipe.link).isCut) this.putBack(pipe, segment);
      else this.answerReset(pipe);
      return;
    }
    if (end.state === 'dialing') {
      this.failHandshake(end);
      return;
    }
    if (end.state !== 'open') {
      this.consumed(pipe, segment.bytes.length);
      return;
    }
    if (segment.kind === 'end') this.arrive(pipe, end, null);
    else if (segment.resetAfter >= 0) this.receiveBroken(pipe, end, segment);
    else this.arrive(pipe, end, segment.bytes);
  }

  /** A prefix of the chunk, then a reset on both sides. */
  private receiveBroken(pipe: Pipe, end: End, segment: Segment): void {
    const { engine } = this;
    const sender = pipe.connection.senderOf(pipe);
    const { key, link } = pipe;
    engine.schedule(engine.timeUs, Kind.reset, end.host, key, 0, end);
    if (sender !== null) {
      const backUs = latencyUs(this.links.reverseOf(link).params, draw(key, segment.index * PURPOSES + DRAW_CUT));
      engine.schedule(engine.timeUs + backUs, Kind.reset, sender.host, key, 0, sender);
    }
    pipe.head = null;
    pipe.tail = null;
    pipe.token += 1;
    pipe.isOpen = false;
    if (segment.resetAfter > 0) this.arrive(pipe, end, segment.bytes.subarray(0, segment.resetAfter));
  }

  /** Bytes (or null, the end) are in the socket buffer of the receiver. */
  private arrive(pipe: Pipe, end: End, bytes: Uint8Array | null): void {
    const { host } = end;
    if (pipe.received.length === 0 && end.reading && host.readDelayUs === 0 && !host.isHolding) {
      this.handOver(pipe, end, bytes);
      return;
    }
    pipe.received.push(bytes);
    if (host.isHolding) this.engine.offer(host, { source: end.connId, input: null, end: null, pipe });
    else if (end.reading) this.scheduleRead(pipe, host.readDelayUs);
  }

  private handOver(pipe: Pipe, end: End, bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.loseEnd(end, 'end');
      return;
    }
    this.consumed(pipe, bytes.length);
    this.engine.stepHost(end.host, { type: 'connBytes', conn: end.connId as ConnId, bytes });
  }

  private scheduleRead(pipe: Pipe, delayUs: number): void {
    if (pipe.readPending) return;
    pipe.readPending = true;
    this.engine.schedule(this.engine.timeUs + delayUs, Kind.read, pipe.link.to, pipe.key, 0, pipe);
  }

  /** The event of a process that comes back to its socket buffer. */
  onRead(pipe: Pipe): void {
    pipe.readPending = false;
    const end = pipe.connection.receiverOf(pipe);
    if (end === null || end.state !== 'open' || !end.reading || pipe.received.length === 0) return;
    if (end.host.isHolding) {
      this.engine.offer(end.host, { source: end.connId, input: null, end: null, pipe });
      return;
    }
    this.readOnce(pipe);
  }

  /** Takes one chunk out of the socket buffer. */
  readOnce(pipe: Pipe): void {
    const end = pipe.connection.receiverOf(pipe);
    if (end === null || end.state !== 'open' || !end.reading) return;
    const bytes = pipe.received.shift();
    if (bytes === undefined) return;
    if (pipe.received.length > 0) this.scheduleRead(pipe, end.host.readDelayUs);
    this.handOver(pipe, end, bytes);
  }

  /** The receiver has taken so much; the sender's window opens, at once if nobody could tell the difference. */
  private consumed(pipe: Pipe, size: number): void {
    const reverse = this.links.reverseOf(pipe.link);
    if (pipe.unsentBytes === 0 && !pipe.isBlocked && !reverse.isCut) {
      pipe.windowUsed -= size;
      return;
    }
    pipe.credit += size;
    if (pipe.windowPending) return;
    pipe.windowPending = true;
    const delayUs = latencyUs(reverse.params, draw(pipe.key, pipe.chunkCount * PURPOSES + DRAW_CUT));
    this.engine.schedule(this.engine.timeUs + delayUs, Kind.window, pipe.link.from, pipe.key, 0, pipe);
  }

  /** A window update reaches the sender, or is tried again. */
  onWindow(pipe: Pipe, tries: number): void {
    if (pipe.isDead) return;
    if (this.links.reverseOf(pipe.link).isCut) {
      const delayUs = Math.min(RTO_US * 2 ** tries, RTO_MAX_US);
      this.engine.schedule(this.engine.timeUs + delayUs, Kind.window, pipe.link.from, pipe.key, tries + 1, pipe);
      return;
    }
    pipe.windowPending = false;
    pipe.windowUsed -= pipe.credit;
    pipe.credit = 0;
    this.pump(pipe);
    this.checkMarks(pipe);
  }

  // ---------------------------------------------------------------- opening

  /** A SYN reaches the host (or does not, and is sent again). */
  onSyn(connection: Connection, tries: number): void {
    const { engine } = this;
    const end = connection.dialerEnd;
    const target = connection.acceptorHost!;
    if (end.state !== 'dialing' || connection.forward !== null) return;
    const link = this.links.between(end.host, target, connection.channel);
    const isHanging = chanceOf(draw(connection.key, CONNECT_HANG), link.params.hangPpm);
    if (isHanging || link.isCut || target.status === 'off') {
      const retryUs = engine.timeUs + SYN_RTO_US * 2 ** tries;
      if (!isHanging && retryUs < connection.startedUs + this.options.connectTimeoutUs) {
        engine.schedule(retryUs, Kind.syn, target, connection.key, tries + 1, connection);
      }
      return;
    }
    const reverse = this.links.reverseOf(link);
    // The answer of the other side is lost: the dialer sends its SYN again.
    if (reverse.isCut) {
      engine.schedule(engine.timeUs + SYN_RTO_US * 2 ** tries, Kind.syn, target, connection.key, tries + 1, connection);
      return;
    }
    const backUs = latencyUs(reverse.params, draw(connection.key, CONNECT_ANSWER));
    const listener = target.listeners.get(connection.port);
    const isRefused = chanceOf(draw(connection.key, CONNECT_REFUSE), link.params.refusePpm);
    if (listener === undefined || !target.hasProcess || isRefused) {
      engine.schedule(engine.timeUs + backUs, Kind.dial, end.host, connection.key, DIAL_REFUSED, connection);
      return;
    }
    this.establish(connection, link, reverse);
    this.agreeOnTls(connection, listener.tls, link, backUs);
  }

  private establish(connection: Connection, link: Link, reverse: Link): void {
    connection.forward = new Pipe(connection, link, draw(connection.key, PURPOSES));
    connection.backward = new Pipe(connection, reverse, draw(connection.key, PURPOSES + 1));
  }

  private agreeOnTls(connection: Connection, listenerTls: boolean, link: Link, backUs: number): void {
    const { engine } = this;
    const { host } = connection.dialerEnd;
    const dialerTls = host.dialsTls.includes(connection.channel);
    const openAtUs = engine.timeUs + backUs;
    if (!dialerTls) {
      if (listenerTls) connection.rejection = 'plain text to a TLS listener';
      engine.schedule(openAtUs, Kind.dial, host, connection.key, DIAL_OPEN, connection);
      return;
    }
    if (!listenerTls) {
      connection.speaksPastListener = true;
      engine.schedule(openAtUs, Kind.dial, host, connection.key, DIAL_OPEN, connection);
      return;
    }
    connection.isTls = true;
    const value = draw(connection.key, CONNECT_HANDSHAKE);
    const cpuUs = HANDSHAKE_CPU_US + exponentialOf(draw(connection.key, CONNECT_CRYPTO), HANDSHAKE_CPU_US);
    const roundTripUs = 2 * backUs;
    const outcome = chanceOf(value, link.params.handshakeFailPpm) ? DIAL_HANDSHAKE : DIAL_OPEN;
    engine.schedule(openAtUs + roundTripUs + cpuUs, Kind.dial, host, connection.key, outcome, connection);
  }

  /** The dialer hears how its attempt ended. */
  onDial(connection: Connection, outcome: number): void {
    const end = connection.dialerEnd;
    if (end.state !== 'dialing') {
      // The attempt was given up; had the other side accepted anything, it would be told.
      if (outcome === DIAL_OPEN && connection.acceptorEnd === null && connection.forward !== null)
        killPipe(connection.forward);
      return;
    }
    const answerIsLost = connection.forward?.link.isCut === true || connection.backward?.link.isCut === true;
    if (outcome === DIAL_OPEN && answerIsLost) {
      this.engine.schedule(this.engine.timeUs + SYN_RTO_US, Kind.dial, end.host, connection.key, outcome, connection);
      return;
    }
    if (outcome !== DIAL_OPEN) {
      this.failDial(end, DIAL_REASONS[outcome]!);
      return;
    }
    const problem = connection.isTls ? this.checkCertificates(connection) : null;
    if (problem !== null) {
      this.failDial(end, problem);
      return;
    }
    const forward = connection.forward!;
    forward.isOpen = true;
    if (connection.speaksPastListener) {
      this.transmit(forward, 'accept', NOTHING);
      forward.unsent.push(CLIENT_HELLO);
      forward.unsentBytes += CLIENT_HELLO.length;
      this.pump(forward);
      return;
    }
    end.state = 'open';
    this.transmit(forward, 'accept', NOTHING);
    const remote = this.remoteOf(connection, connection.acceptorHost!, connection.port);
    this.engine.hooks.onConnection?.({ kind: 'opened', connection, host: end.host.id });
    this.tell(end, { type: 'connOpened', conn: end.connId as ConnId, channel: connection.channel, remote });
  }

  /**
   * Each side looks at the other's certificate with its own wall clock. As in TLS 1.3, a dialer whose own certificate is not
   * liked believes the connection open until the alert arrives.
   */
  private checkCertificates(connection: Connection): string | null {
    const dialer = connection.dialerEnd.host;
    const acceptor = connection.acceptorHost!;
    const { timeUs } = this.engine;
    const own = certificateProblem(acceptor.identity, dialer.clock.now(timeUs).wallMs, true);
    if (own !== null) return own;
    const needed = acceptor.wantsCertificate.includes(connection.channel);
    connection.rejection = certificateProblem(dialer.identity, acceptor.clock.now(timeUs).wallMs, needed);
    return null;
  }

  private accept(connection: Connection): void {
    const host = connection.acceptorHost!;
    const forward = connection.forward!;
    const backward = connection.backward!;
    const listener = host.listeners.get(connection.port);
    if (listener === undefined || !host.hasProcess || connection.rejection !== null) {
      this.answerReset(forward);
      return;
    }
    const end = new End(connection, host, host.nextConn++, 'open');
    connection.acceptorEnd = end;
    host.conns.set(end.connId, end);
    backward.isOpen = true;
    const { channel } = listener;
    const port = EPHEMERAL_PORT_BASE + (connection.uid % EPHEMERAL_PORT_COUNT);
    const remote = this.remoteOf(connection, connection.dialerEnd.host, port);
    this.engine.hooks.onConnection?.({ kind: 'opened', connection, host: host.id });
    this.tell(end, { type: 'connOpened', conn: end.connId as ConnId, channel, remote });
  }

  private remoteOf(connection: Connection, other: Host, port: number): Remote {
    const certificate = connection.isTls ? other.identity.certificate : null;
    return { ip: other.ip, port, tls: connection.isTls, certificate };
  }

  private failHandshake(end: End): void {
    const pipe = end.connection.pipeInto(end);
    if (pipe !== null) this.answerReset(pipe);
    this.failDial(end, DIAL_REASONS[DIAL_HANDSHAKE]!);
  }

  private failDial(end: End, reason: string): void {
    const { connection } = end;
    end.state = 'lost';
    this.hangUp(connection);
    this.engine.hooks.onConnection?.({ kind: 'failed', connection, reason });
    this.tell(end, { type: 'connFailed', conn: end.connId as ConnId, reason });
  }

  /** The dialer gives an attempt up; an acceptor that knows of it hears the end. */
  private hangUp(connection: Connection): void {
    const { forward } = connection;
    if (forward === null) return;
    if (connection.acceptorEnd === null) {
      killPipe(forward);
      return;
    }
    forward.endQueued = true;
    this.pump(forward);
  }

  // ---------------------------------------------------------------- ending

  /** Something arrived where nobody is: the sender gets a reset, if it gets through. */
  private answerReset(pipe: Pipe): void {
    const sender = pipe.connection.senderOf(pipe);
    killPipe(pipe);
    if (sender !== null) this.sendReset(sender);
  }

  /** A reset on its way to this end. Lost when the link is cut: nothing retransmits a reset. */
  private sendReset(to: End): void {
    const pipe = to.connection.pipeInto(to);
    if (pipe === null || pipe.link.isCut) return;
    const delayUs = latencyUs(pipe.link.params, draw(pipe.key, pipe.chunkCount++ * PURPOSES + DRAW_LATENCY));
    this.engine.schedule(this.engine.timeUs + delayUs, Kind.reset, to.host, pipe.key, 0, to);
  }

  onReset(end: End): void {
    if (end.state === 'dialing') this.failDial(end, DIAL_REASONS[DIAL_HANDSHAKE]!);
    else this.loseEnd(end, end.connection.rejection ?? 'ECONNRESET');
  }

  /** The network gives this end up. Unread bytes are gone; the machine hears of it when it runs. */
  private loseEnd(end: End, reason: string): void {
    if (end.state !== 'open') return;
    end.state = 'lost';
    this.discardReceived(end);
    const out = end.connection.pipeFrom(end);
    if (out !== null) {
      out.isOpen = false;
      out.unsent = [];
      out.unsentBytes = 0;
    }
    this.engine.hooks.onConnection?.({ kind: 'closed', connection: end.connection, host: end.host.id, reason });
    this.tell(end, { type: 'connClosed', conn: end.connId as ConnId, reason });
  }

  private discardReceived(end: End): void {
    const pipe = end.connection.pipeInto(end);
    if (pipe === null || pipe.received.length === 0) return;
    let size = 0;
    for (const bytes of pipe.received) size += bytes?.length ?? 0;
    pipe.received = [];
    this.consumed(pipe, size);
  }

  private tell(end: End, input: HostInput): void {
    if (end.host.isHolding) this.engine.offer(end.host, heldFor(end, input));
    else this.tellNow(end, input);
  }

  /** Gives the machine an input about a connection, unless it has closed the connection or is another incarnation. */
  tellNow(end: End, input: HostInput): void {
    if (end.state === 'closed' || end.generation !== end.host.generation) return;
    if (input.type === 'connClosed' || input.type === 'connFailed') {
      end.state = 'closed';
      end.host.conns.delete(end.connId);
    }
    this.engine.stepHost(end.host, input);
  }

  /**
   * The process died: the operating system closes its sockets. What is on the wire still arrives, then the end; where
   * unread bytes are thrown away, the other side gets a reset instead (RFC 2525, 2.17).
   */
  processDied(host: Host): void {
    for (const end of host.conns.values()) {
      const wasOpen = end.state === 'open';
      const other = end.connection.other(end);
      const incoming = end.connection.pipeInto(end);
      const outgoing = end.connection.pipeFrom(end);
      this.orphan(end, 'process died');
      if (!wasOpen || outgoing === null) continue;
      outgoing.unsent = [];
      outgoing.unsentBytes = 0;
      if (incoming !== null && incoming.received.length > 0) {
        incoming.received = [];
        if (other !== null) this.sendReset(other);
      } else {
        outgoing.endQueued = true;
        this.pump(outgoing);
      }
    }
    host.conns = new Map();
  }

  /** The power went: nobody says anything, and nothing is retransmitted. */
  powerLost(host: Host): void {
    for (const end of host.conns.values()) {
      this.orphan(end, 'power lost');
      const outgoing = end.connection.pipeFrom(end);
      if (outgoing === null) continue;
      outgoing.unsent = [];
      outgoing.unsentBytes = 0;
      outgoing.isOpen = false;
      outgoing.senderIsOff = true;
    }
    host.conns = new Map();
  }

  private orphan(end: End, reason: string): void {
    const before = end.state;
    end.state = 'closed';
    end.isOrphan = true;
    if (before === 'lost') return;
    this.engine.hooks.onConnection?.({ kind: 'closed', connection: end.connection, host: end.host.id, reason });
  }

  /** Resets open connections over the selected links, as a middlebox would. */
  resetAll(hosts: Iterable<Host>, matches: LinkMatch): number {
    let count = 0;
    for (const connection of this.connectionsOf(hosts)) {
      const forward = connection.forward;
      if (forward === null || !matches(forward.link.from.id, forward.link.to.id, connection.channel)) continue;
      count += 1;
      for (const end of [connection.dialerEnd, connection.acceptorEnd]) {
        if (end === null || end.state !== 'open') continue;
        this.engine.schedule(this.engine.timeUs, Kind.reset, end.host, forward.key, 0, end);
      }
    }
    return count;
  }

  /** Nothing arrives any more on the connections over the selected links, in either direction. */
  forgetAll(hosts: Iterable<Host>, matches: LinkMatch): number {
    let count = 0;
    for (const { forward, backward, channel } of this.connectionsOf(hosts)) {
      if (forward === null || !matches(forward.link.from.id, forward.link.to.id, channel)) continue;
      count += 1;
      for (const pipe of [forward, backward]) if (pipe !== null) pipe.isForgotten = true;
    }
    return count;
  }

  /** Other draws for the links that match, and for what is under way on them. */
  rekey(hosts: Iterable<Host>, matches: LinkMatch, salt: number): void {
    this.links.rekey(matches, salt);
    for (const { forward, backward } of this.connectionsOf(hosts)) {
      for (const pipe of [forward, backward]) {
        if (pipe === null || !matches(pipe.link.from.id, pipe.link.to.id, pipe.link.channel)) continue;
        pipe.key = draw(pipe.key, salt);
      }
    }
  }

  /** Every connection at least one side believes in, each once, in order of dialing. */
  connectionsOf(hosts: Iterable<Host>): Connection[] {
    const found = new Map<number, Connection>();
    for (const host of hosts) for (const end of host.conns.values()) found.set(end.connection.uid, end.connection);
    return [...found.values()].sort((a, b) => a.uid - b.uid);
  }

  /** Links among the hosts have just become good: what waits for a late retransmission is sent again now. */
  hurry(hosts: Iterable<Host>): void {
    const { timeUs } = this.engine;
    for (const connection of this.connectionsOf(hosts)) {
      for (const pipe of [connection.forward, connection.backward]) {
        if (pipe === null || pipe.isDead || !pipe.link.isImmune) continue;
        if (pipe.windowPending) this.engine.schedule(timeUs, Kind.window, pipe.link.from, pipe.key, 0, pipe);
        if (pipe.head === null) continue;
        const soonUs = timeUs + latencyUs(pipe.link.params, draw(pipe.key, pipe.head.index * PURPOSES + DRAW_LATENCY));
        for (let at: Segment | null = pipe.head; at !== null; at = at.next)
          at.arrivalUs = Math.min(at.arrivalUs, soonUs);
        this.scheduleHead(pipe, soonUs);
      }
    }
  }
}

function heldFor(end: End, input: HostInput): Held {
  return { source: end.connId, input, end, pipe: null };
}

function latencyUs(params: LinkParams, value: number): number {
  return params.minUs + exponentialOf(value, params.meanUs) + params.extraUs;
}

/** k losses in a row, k geometric: 200 ms, 600 ms, 1.4 s ... */
function stallUs(value: number): number {
  let rounds = 1;
  while (rounds < STALL_ROUNDS_MAX && ((value >>> rounds) & 1) === 1) rounds += 1;
  return RTO_US * (2 ** rounds - 1);
}

/** Takes whole chunks from the front of the list as long as they fit; at least one, however long. */
function glue(chunks: Uint8Array[], bytesMax: number): Uint8Array {
  let size = chunks[0]!.length;
  let count = 1;
  while (count < chunks.length && size + chunks[count]!.length <= bytesMax) size += chunks[count++]!.length;
  const taken = chunks.splice(0, count);
  if (count === 1) return taken[0]!;
  const result = new Uint8Array(size);
  let at = 0;
  for (const chunk of taken) {
    result.set(chunk, at);
    at += chunk.length;
  }
  return result;
}

function killPipe(pipe: Pipe): void {
  pipe.isDead = true;
  pipe.isOpen = false;
  pipe.token += 1;
  pipe.head = null;
  pipe.tail = null;
  pipe.unsent = [];
  pipe.unsentBytes = 0;
}

/** What the other side objects to in a certificate, or null. */
function certificateProblem(identity: Identity, wallMs: number, needed: boolean): string | null {
  if (identity.certificate === null) return needed ? 'certificate required' : null;
  if (identity.trusted === false) return 'certificate not trusted';
  if (identity.notBeforeMs !== undefined && wallMs < identity.notBeforeMs) return 'certificate not yet valid';
  if (identity.notAfterMs !== undefined && wallMs > identity.notAfterMs) return 'certificate expired';
  return null;
}
