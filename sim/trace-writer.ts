/**
 * Writes the lines of a trace (docs/trace-format.md) from what it is told of a run: every event, connection, segment and
 * step. `tracer.ts` tells it of a simulated run, the viewer of a flight recording that is run again. Node-free: whoever
 * calls gives a sink for the lines.
 *
 * The patches are exactly what each step changed in the plain state of a server; the parts outside it (tree, history,
 * watches) appear as their digests and as the transactions in the messages. A keyframe at each start, and then every so
 * many events, lets a viewer begin in the middle.
 */

import { enableMapSet, enablePatches, type Patch, produceWithPatches } from 'immer';
import type { ClientEffect, ClientInput } from '../core/client/io.ts';
import type { Channel, Effect, Input } from '../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../core/peer.ts';
import type { PeerState } from '../core/state.ts';
import type { Now, Zxid } from '../core/types.ts';
import { type PeerView, view } from '../core/view.ts';
import { ConnectionDecoder, type Message } from './decode.ts';
import type { FaultFact } from './faults.ts';
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
  type World,
} from './world/types.ts';

export const TRACE_VERSION = 2;
/** Steps of one server between two keyframes of it: so many patches at most lead to any state, for a fortieth of the file. */
const KEYFRAME_EVERY_STEPS = 200;

export type Sink = (line: object) => void;

export class TraceWriter {
  readonly #sink: Sink;
  readonly #decoders = new Map<number, ConnectionDecoder>();
  /** Which connection an id of a host means. */
  readonly #conns = new Map<string, ConnectionInfo>();
  readonly #sinceKeyframe = new Map<HostId, number>();
  readonly #servers = new Map<HostId, ServerMemory>();
  /** Bytes of every transaction that some history has held, by zxid. */
  readonly #txns = new Map<number, Uint8Array[]>();
  readonly #links: LinkWatch[] = [];
  readonly runner: PeerRunner;
  readonly hooks: Hooks;
  #world: World | null = null;
  #event: EventRecord | null = null;
  /** The operation of the schedule that the event carries out or ends. */
  #op: number | null = null;
  /** Links may have been cut or mended since they were looked at. */
  #linksMayDiffer = true;
  /** The event has called a machine, whose line is its line. */
  #stepped = true;
  #patches: readonly Patch[] = [];

  /** `header`: what the header says beside format and version. */
  constructor(header: Readonly<Record<string, unknown>>, sink: Sink) {
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
        this.#op = null;
      },
      afterStep: (record) => this.#onStep(record),
      onConnection: (event) => this.#onConnection(event),
      onSegment: (segment) => this.#onSegment(segment),
      onCrash: (host, kind, reason) => this.#write('crash', { host, kind, reason }),
    };
    sink(encodeFields({ type: 'header', format: 'vivarium-trace', version: TRACE_VERSION, ...header }));
  }

  watch(world: World): void {
    this.#world = world;
    const hosts = world.hosts();
    for (const from of hosts) {
      for (const to of hosts) {
        if (from === to || (from >= CLIENT_BASE && to >= CLIENT_BASE)) continue;
        const isClients = from >= CLIENT_BASE || to >= CLIENT_BASE;
        for (const channel of isClients ? CLIENT_CHANNELS : PEER_CHANNELS)
          this.#links.push({ from, to, channel, isCut: false });
      }
    }
  }

  fault(fact: FaultFact): void {
    const { op, kind } = fact;
    this.#op = op.id;
    this.#linksMayDiffer = true;
    const { hosts, lasts, forUs, text } = fact.kind === 'begin' ? fact : NO_FACT;
    this.#write('fault', { op: op.id, do: op.do, kind, hosts, lasts, forUs, text });
  }

  moment(moment: { readonly atUs: number; readonly text: string }): void {
    this.#linksMayDiffer = true;
    this.#sink({ type: 'moment', t: moment.atUs, event: this.#event?.id ?? 0, text: moment.text });
  }

  /** What happened without any machine hearing of it is told too: it may be the cause of something. */
  #endEvent(): void {
    const event = this.#event;
    if (event === null) return;
    if (this.#linksMayDiffer || event.kind === 'action') this.#writeLinks();
    if (this.#stepped) return;
    const { id, index, cause, timeUs, kind, host } = event;
    const op = this.#op === null ? {} : { op: this.#op };
    this.#sink({ type: 'event', id, index, cause, t: timeUs, kind, host, ...op });
    this.#stepped = true;
  }

  /** Which links have been cut or mended; only actions of the world do that. */
  #writeLinks(): void {
    const world = this.#world;
    if (world === null) return;
    this.#linksMayDiffer = false;
    for (const link of this.#links) {
      const { from, to, channel } = link;
      const isCut = !world.reachable(from, to, channel);
      if (isCut === link.isCut) continue;
      link.isCut = isCut;
      this.#write('link', { from, to, channel, cut: isCut });
    }
  }

  /** `verdict`: the fields of the last line; null for a run that has none. */
  close(verdict: Readonly<Record<string, unknown>> | null): void {
    this.#endEvent();
    if (verdict !== null) this.#sink(encodeFields({ type: 'verdict', ...verdict }));
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
    if (host >= CLIENT_BASE) this.#writeClient(record);
    else this.#writeServer(record);
  }

  // --- what a client asked and heard ---

  #writeClient({ host, input, effects, executed }: StepRecord): void {
    const asked = input as ClientInput | null;
    if (asked?.type === 'request') {
      const { id, request } = asked;
      const path = 'path' in request ? { path: request.path } : {};
      this.#write('invoke', { host, id, kind: request.kind, ...path });
    }
    for (const effect of effects.slice(0, executed)) this.#writeClientEffect(host, effect as ClientEffect);
  }

  #writeClientEffect(host: HostId, effect: ClientEffect): void {
    switch (effect.type) {
      case 'reply': {
        const { id, err, zxid, sent } = effect;
        const result = err === 0 ? 'ok' : zxid < 0 && sent ? 'info' : 'fail';
        return this.#write('complete', { host, id, result, err, zxid });
      }
      case 'watch': {
        const { event, zxid } = effect;
        return this.#write('watch', { host, kind: event.type, path: event.path, zxid });
      }
      case 'state': {
        const { state, session, address, timeoutMs } = effect;
        const server = address === null ? null : serverOf(address.host);
        return this.#write('session', { host, state, session, server, timeoutMs });
      }
      case 'connect':
      case 'send':
      case 'close':
      case 'note':
        return;
      default:
        effect satisfies never;
    }
  }

  // --- what a server became ---

  #writeServer(record: StepRecord): void {
    const { host, input, machine } = record;
    const { peer } = machine as PeerHost;
    let memory = this.#servers.get(host);
    if (memory === undefined || input === null) {
      memory = { sync: null, status: '', zxids: '', last: peer.heap.log.base };
      this.#servers.set(host, memory);
    }
    this.#writeTxns(host, peer, memory);
    this.#writeState(record);
    const seen = view(peer);
    memory.sync = syncOf(peer, memory.sync);
    this.#writeStatus(host, { ...statusOf(seen), detail: detailOf(peer), sync: memory.sync }, memory);
    const { loggedZxid: logged, durableZxid: synced, committedZxid: committed, appliedZxid: applied } = seen;
    const zxids = `${logged} ${synced} ${committed} ${applied}`;
    if (zxids === memory.zxids) return;
    memory.zxids = zxids;
    this.#write('zxids', { host, logged, synced, committed, applied });
  }

  #writeStatus(host: HostId, status: object, memory: ServerMemory): void {
    const text = JSON.stringify(status);
    if (text === memory.status) return;
    memory.status = text;
    this.#write('status', { host, ...status });
  }

  /** The transactions that are in a history for the first time. */
  #writeTxns(host: HostId, { heap }: Peer, memory: ServerMemory): void {
    const { log } = heap;
    if (log.last === memory.last) return;
    for (let i = log.last < memory.last ? log.length : log.firstAfter(memory.last); i < log.length; i++) {
      const { zxid, bytes } = log.get(i);
      const known = this.#txns.get(zxid) ?? [];
      if (known.some((other) => isSame(other, bytes))) continue;
      this.#txns.set(zxid, [...known, bytes]);
      this.#write('txn', { host, zxid, bytes });
    }
    memory.last = log.last;
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

interface LinkWatch {
  readonly from: HostId;
  readonly to: HostId;
  readonly channel: Channel;
  isCut: boolean;
}

/** What was last written of a server, since its start. */
interface ServerMemory {
  sync: Sync | null;
  status: string;
  zxids: string;
  last: Zxid;
}

const PEER_CHANNELS = ['election', 'quorum'] as const;
const CLIENT_CHANNELS = ['client'] as const;
const NO_FACT = { hosts: undefined, lasts: undefined, forUs: undefined, text: undefined };

type Sync = 'DIFF' | 'TRUNC' | 'SNAP';

/** How a learner is brought level, from its first sign until it begins anew. */
function syncOf({ state: { role } }: Peer, before: Sync | null): Sync | null {
  if (role.kind !== 'learning') return null;
  switch (role.phase.kind) {
    case 'connecting':
    case 'registering':
    case 'accepting':
    case 'syncing':
      return null;
    case 'truncating':
      return 'TRUNC';
    case 'receiving':
    case 'installing':
      return 'SNAP';
    case 'catchingUp':
    case 'persisting':
    case 'acked':
    case 'serving':
      return before ?? 'DIFF';
    default:
      return role.phase satisfies never;
  }
}

const detailOf = ({ state: { role } }: Peer): string =>
  role.kind === 'leading' || role.kind === 'learning' ? role.phase.kind : role.kind;

const statusOf = ({ phase, zabState, epoch, leader, readOnly, resync }: PeerView): object => ({
  phase,
  zab: zabState,
  epoch,
  leader,
  readOnly,
  resync,
});

/** The host behind an address of the simulated network, as `World` gives them out. */
function serverOf(ip: string): HostId | null {
  const parts = ip.split('.').map(Number);
  const [a, b, high, low] = parts;
  return a === 10 && b === 0 && high !== undefined && low !== undefined ? high * 256 + low : null;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]));
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
