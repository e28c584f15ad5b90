/**
 * The trace of a run: a second pass over the same schedule, each step inside immer's `produceWithPatches`. The format is
 * docs/trace-format.md. Node-free: whoever calls gives a sink for the lines.
 *
 * The patches are exactly what each step changed in the plain state of a server; the parts outside it (tree, history,
 * watches) appear as their digests and as the transactions in the messages. A keyframe at each start, and then every so
 * many events, lets a viewer begin in the middle.
 */

import { enableMapSet, enablePatches, type Patch, produceWithPatches } from 'immer';
import type { Effect, Input } from '../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../core/peer.ts';
import type { PeerState } from '../core/state.ts';
import type { Now } from '../core/types.ts';
import { ConnectionDecoder, type Message } from './decode.ts';
import { type Result, run } from './runner.ts';
import type { Schedule } from './schedule.ts';
import type { PeerHost, PeerRunner } from './server.ts';
import {
  CLIENT_BASE,
  type ConnectionEvent,
  type ConnectionInfo,
  type EventRecord,
  type Hooks,
  type HostEffect,
  type HostEmit,
  type HostId,
  type HostInput,
  type SegmentInfo,
  type StepRecord,
} from './world/types.ts';

export const TRACE_VERSION = 1;
/** Steps of one server between two keyframes of it. */
const KEYFRAME_EVERY_STEPS = 500;

export type Sink = (line: object) => void;

/** Runs the schedule again and hands every line of its trace to the sink. */
export function trace(schedule: Schedule, sink: Sink): Result {
  const tracer = new Tracer(schedule, sink);
  const result = run(schedule, {
    runner: tracer.runner,
    hooks: tracer.hooks,
    onMoment: (moment) => tracer.moment(moment),
  });
  tracer.close(result);
  return result;
}

class Tracer {
  readonly #sink: Sink;
  readonly #decoders = new Map<number, ConnectionDecoder>();
  /** Which connection an id of a host means. */
  readonly #conns = new Map<string, ConnectionInfo>();
  readonly #sinceKeyframe = new Map<HostId, number>();
  readonly runner: PeerRunner;
  readonly hooks: Hooks;
  #event: EventRecord | null = null;
  /** The event has called a machine, whose line is its line. */
  #stepped = true;
  #patches: readonly Patch[] = [];

  constructor(schedule: Schedule, sink: Sink) {
    enableMapSet();
    enablePatches();
    this.#sink = sink;
    this.runner = (config, secrets, now, emit) => {
      const peer = boot(config, secrets, now, emit as (effect: Effect) => void);
      return new TracedPeer(peer, (patches) => {
        this.#patches = patches;
      });
    };
    this.hooks = {
      onEvent: (event) => {
        this.#endEvent();
        this.#event = { ...event };
        this.#stepped = false;
      },
      afterStep: (record) => this.#onStep(record),
      onConnection: (event) => this.#onConnection(event),
      onSegment: (segment) => this.#onSegment(segment),
      onCrash: (host, kind, reason) => this.#write('crash', { host, kind, reason }),
    };
    const { nodes, observers, spares, clients } = schedule.options;
    sink(
      encodeFields({
        type: 'header',
        format: 'vivarium-trace',
        version: TRACE_VERSION,
        seed: schedule.seed,
        commit: schedule.commit,
        servers: nodes + observers + spares,
        clients,
        clientBase: CLIENT_BASE,
        schedule,
      }),
    );
  }

  moment(moment: { readonly atUs: number; readonly text: string }): void {
    this.#sink({ type: 'moment', t: moment.atUs, event: this.#event?.id ?? 0, text: moment.text });
  }

  /** What happened without any machine hearing of it is told too: it may be the cause of something. */
  #endEvent(): void {
    const event = this.#event;
    if (event === null || this.#stepped) return;
    const { id, index, cause, timeUs, kind, host } = event;
    this.#sink({ type: 'event', id, index, cause, t: timeUs, kind, host });
    this.#stepped = true;
  }

  close(result: Result): void {
    this.#endEvent();
    const { verdict, violations, hash, events, stats } = result;
    this.#sink(encodeFields({ type: 'verdict', verdict, violations, hash, events, stats }));
  }

  #write(type: string, fields: Readonly<Record<string, unknown>>): void {
    const event = this.#event;
    this.#sink(encodeFields({ type, event: event?.id ?? 0, t: event?.timeUs ?? 0, ...fields }));
  }

  #onConnection(event: ConnectionEvent): void {
    const { connection } = event;
    if (event.kind === 'dialed') {
      this.#conns.set(`${connection.dialer}/${connection.dialerConn}`, { ...connection });
      this.#decoders.set(connection.uid, new ConnectionDecoder(connection.channel));
    } else if (event.kind === 'opened') {
      this.#conns.set(`${connection.acceptor}/${connection.acceptorConn}`, { ...connection });
    }
    const { kind } = event;
    const { uid, channel, dialer, acceptor } = connection;
    const more = 'reason' in event ? { reason: event.reason } : {};
    this.#write('connection', {
      kind,
      uid,
      channel,
      dialer,
      acceptor,
      ...('host' in event ? { host: event.host } : {}),
      ...more,
    });
  }

  #onSegment(segment: SegmentInfo): void {
    const { connection, from, to, index, bytes } = segment;
    const messages = this.#decoders.get(connection.uid)?.push(from === connection.dialer, bytes) ?? [];
    this.#write('segment', {
      uid: connection.uid,
      channel: connection.channel,
      from,
      to,
      index,
      size: bytes.length,
      messages,
    });
  }

  #onStep(record: StepRecord): void {
    const { event, host, generation, now, input, effects, executed } = record;
    this.#stepped = true;
    this.#sink(
      encodeFields({
        type: 'step',
        id: event.id,
        index: event.index,
        cause: event.cause,
        t: event.timeUs,
        kind: event.kind,
        host,
        generation,
        mono: now.monoMs,
        wall: now.wallMs,
        input: input === null ? { type: 'boot' } : this.#inputOf(host, input),
        effects: effects.map((effect) => this.#effectOf(host, effect)),
        // It died of one of its effects; the others were lost.
        ...(executed < effects.length ? { executed } : {}),
      }),
    );
    if (host >= CLIENT_BASE) return;
    this.#writeState(record);
  }

  #writeState({ event, host, input, machine }: StepRecord): void {
    const { peer } = machine as PeerHost;
    const since = (this.#sinceKeyframe.get(host) ?? 0) + 1;
    const isKeyframe = input === null || since >= KEYFRAME_EVERY_STEPS;
    this.#sinceKeyframe.set(host, isKeyframe ? 0 : since);
    const heap = {
      applied: peer.heap.tree.lastZxid,
      nodes: peer.heap.tree.nodeCount,
      digest: peer.heap.tree.stateDigest(),
      logged: peer.heap.log.last,
      base: peer.heap.log.base,
    };
    const common = { event: event.id, t: event.timeUs, host, heap };
    if (this.#patches.length > 0) this.#sink(encodeFields({ type: 'patches', ...common, patches: this.#patches }));
    if (isKeyframe) this.#sink(encodeFields({ type: 'keyframe', ...common, state: peer.state }));
    this.#patches = [];
  }

  /** The connection a host knows by this id, as the whole trace knows it; 0 for one that was never made. */
  #uidOf(host: HostId, conn: number): number {
    return this.#conns.get(`${host}/${conn}`)?.uid ?? 0;
  }

  /** Bytes were shown when they were sent; here they are only counted. */
  #inputOf(host: HostId, input: HostInput): Readonly<Record<string, unknown>> {
    if (input.type === 'connBytes') {
      return { type: 'connBytes', uid: this.#uidOf(host, input.conn), size: input.bytes.length };
    }
    if ('conn' in input) return { ...input, uid: this.#uidOf(host, input.conn) };
    if (input.type === 'fileDone') {
      const { op, result } = input;
      return { type: 'fileDone', op, ok: result.ok, ...(result.ok ? {} : { error: result.error }) };
    }
    return { ...input };
  }

  #effectOf(host: HostId, effect: HostEffect): Readonly<Record<string, unknown>> {
    if (effect.type === 'send') return { type: 'send', uid: this.#uidOf(host, effect.conn), size: effect.bytes.length };
    if ('conn' in effect) return { ...effect, uid: this.#uidOf(host, effect.conn) };
    if (effect.type !== 'file') return { ...effect };
    const { op, lane, action } = effect;
    const shown = 'bytes' in action ? { ...action, bytes: undefined, size: action.bytes.length } : action;
    return { type: 'file', op, lane, action: shown };
  }
}

/** A peer each of whose steps is drafted; what changed goes to the tracer. */
class TracedPeer implements PeerHost {
  readonly peer: Peer;
  readonly #onPatches: (patches: readonly Patch[]) => void;

  constructor(peer: Peer, onPatches: (patches: readonly Patch[]) => void) {
    this.peer = peer;
    this.#onPatches = onPatches;
  }

  step(now: Now, input: HostInput, emit: HostEmit): void {
    const { peer } = this;
    const [next, patches] = produceWithPatches(peer.state, (state: PeerState) => {
      step({ ...peer, state }, now, input as Input, emit);
    });
    peer.state = next;
    this.#onPatches(patches);
  }

  nextDeadline(): number | null {
    return nextDeadline(this.peer);
  }
}

/** What JSON lacks: 64-bit numbers, bytes, maps and sets, each as an object with one `$` key. */
export function encode(value: unknown): unknown {
  if (typeof value === 'bigint') return { $big: value.toString() };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) };
  if (value instanceof Map) return { $map: [...value].map(([key, item]) => [encode(key), encode(item)]) };
  if (value instanceof Set) return { $set: [...value].map(encode) };
  if (Array.isArray(value)) return value.map(encode);
  return encodeFields(value as Readonly<Record<string, unknown>>);
}

function encodeFields(value: Readonly<Record<string, unknown>>): object {
  const encoded: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) if (item !== undefined) encoded[key] = encode(item);
  return encoded;
}

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

export type { Message };
