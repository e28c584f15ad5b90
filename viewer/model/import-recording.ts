/**
 * A flight recording of a real server (server/recorder.ts) as a trace: the recorded inputs go through the same `step`
 * again, and a `TraceWriter` says what came of it. So an incident of production has states, logs and trees like a run of
 * the simulator, seen from this one server; of the others there is what they said to it.
 *
 * Virtual time is the server's monotonic clock since the recording began. When bytes were sent by others is not known:
 * their messages arrive in the moment they are sent.
 */

import type { BootSecrets, Membership, PeerConfig } from '../../core/config/types.ts';
import type { Channel, Effect, Input, Remote } from '../../core/io.ts';
import type { Now } from '../../core/types.ts';
import { TraceWriter } from '../../sim/trace-writer.ts';
import {
  CLIENT_BASE,
  type ConnectionInfo,
  type EventKind,
  type HostEffect,
  type HostId,
} from '../../sim/world/types.ts';

interface Header {
  readonly format: 'vivarium-recording';
  readonly version: number;
  readonly config: PeerConfig;
  readonly secrets: BootSecrets;
  readonly now: Now;
}

interface Recorded {
  readonly now: Now;
  readonly input: Input;
}

export const RECORDING_VERSION = 1;
export const isRecording = (head: string): boolean => /^\s*\{"format":"vivarium-recording"/.test(head);

export interface RecordingInfo {
  readonly wallStartMs: number;
}

/** A recording that is not one, in words. */
export class RecordingError extends Error {}

/**
 * Runs the lines of a recording again and hands every line of the trace to the sink. Yields now and then, so that whoever
 * runs it can do something else. Ends early when a line is torn or when the server dies of an input.
 */
export function* replayRecording(
  lines: Iterable<string>,
  sink: (line: object) => void,
): Generator<undefined, RecordingInfo> {
  const iterator = lines[Symbol.iterator]();
  const first = iterator.next();
  const header = first.done === true ? null : (parsed(first.value) as Header | null);
  if (header === null || header.format !== 'vivarium-recording')
    throw new RecordingError('The first line is not the header of a recording.');
  if (header.version !== RECORDING_VERSION)
    throw new RecordingError(
      `The recording has version ${header.version}; this viewer reads version ${RECORDING_VERSION}.`,
    );
  const replay = new Replay(header, sink);
  let verdict: Readonly<Record<string, unknown>> = { verdict: 'ok', violations: [] };
  let count = 0;
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    const recorded = parsed(next.value) as Recorded | null;
    // Only the last line can be torn.
    if (recorded === null) break;
    const died = replay.take(recorded);
    if (died !== null) {
      verdict = { verdict: 'crash', violations: [died] };
      break;
    }
    if (++count % YIELD_EVERY === 0) yield undefined;
  }
  replay.close({ ...verdict, hash: '', events: replay.events, stats: {} });
  return { wallStartMs: header.now.wallMs };
}

const YIELD_EVERY = 200;

function parsed(line: string): unknown {
  if (line.trim() === '') return null;
  try {
    return JSON.parse(line, textAsBytes) as unknown;
  } catch {
    return null;
  }
}

/** Byte arrays are `{"$bytes":"<base64>"}` in a recording. */
function textAsBytes(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value;
  return Uint8Array.from(atob(String(value.$bytes)), (char) => char.charCodeAt(0));
}

interface Link {
  readonly info: ConnectionInfo;
  /** Segments of each direction so far. */
  sent: number;
  heard: number;
}

class Replay {
  readonly #header: Header;
  readonly #writer: TraceWriter;
  readonly #host: HostId;
  readonly #machine: ReturnType<TraceWriter['runner']>;
  readonly #links = new Map<number, Link>();
  /** The event that asked for a file operation or a connection. */
  readonly #asked = new Map<string, number>();
  readonly #clients = new Map<string, HostId>();
  #uids = 0;
  #lastUs = 0;
  #lastEvent = 0;
  events = 0;

  constructor(header: Header, sink: (line: object) => void) {
    this.#header = header;
    const { config, secrets, now } = header;
    this.#host = config.myid === 0 ? 1 : config.myid;
    const members = config.membership?.servers.map(({ id }) => Number(id)) ?? [this.#host];
    this.#writer = new TraceWriter(
      {
        seed: '',
        commit: '',
        servers: Math.max(this.#host, ...members),
        clients: 0,
        clientBase: CLIENT_BASE,
        epochMs: now.wallMs,
      },
      sink,
    );
    const effects: HostEffect[] = [];
    this.#begin('boot', now, 0);
    this.#machine = this.#writer.runner(config, secrets, now, (effect) => effects.push(effect));
    this.#finish(now, null, effects);
  }

  close(verdict: Readonly<Record<string, unknown>>): void {
    this.#writer.close(verdict);
  }

  /** One input; what it died of, if it did. */
  take({ now, input }: Recorded): Readonly<Record<string, unknown>> | null {
    this.#begin(KIND_OF[input.type], now, this.#causeOf(input));
    this.#hear(input);
    const effects: HostEffect[] = [];
    try {
      this.#machine.step(now, input, (effect) => effects.push(effect));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#writer.hooks.onCrash?.(this.#host, 'halt', message);
      return {
        property: 'no-exception',
        kind: 'crash',
        sentence: 'no step throws',
        message,
        atUs: this.#lastUs,
        servers: [this.#host],
        events: [this.events],
      };
    }
    this.#finish(now, input, effects);
    return null;
  }

  #begin(kind: EventKind, now: Now, cause: number): void {
    const us = (now.monoMs - this.#header.now.monoMs) * 1000;
    this.#lastUs = Math.max(this.#lastUs, us);
    this.events += 1;
    const event = { id: this.events, cause, index: this.events, timeUs: this.#lastUs, host: this.#host, kind };
    this.#lastEvent = event.id;
    this.#writer.hooks.onEvent?.(event);
  }

  #finish(now: Now, input: Input | null, effects: readonly HostEffect[]): void {
    for (const effect of effects) this.#tell(effect as Effect);
    this.#writer.hooks.afterStep?.({
      event: {
        id: this.#lastEvent,
        cause: input === null ? 0 : this.#causeOf(input),
        index: this.events,
        timeUs: this.#lastUs,
        host: this.#host,
        kind: input === null ? 'boot' : KIND_OF[input.type],
      },
      host: this.#host,
      generation: this.#header.secrets.generation,
      now,
      input,
      machine: this.#machine,
      effects,
      executed: effects.length,
    });
  }

  #causeOf(input: Input): number {
    if (input.type === 'fileDone') return this.#asked.get(`file ${input.op}`) ?? 0;
    if (input.type === 'connOpened' || input.type === 'connFailed') return this.#asked.get(`conn ${input.conn}`) ?? 0;
    return 0;
  }

  // --- connections ---

  #hear(input: Input): void {
    switch (input.type) {
      case 'connOpened': {
        const link = this.#links.get(input.conn) ?? this.#accept(input.conn, input.channel, input.remote);
        this.#writer.hooks.onConnection?.({ kind: 'opened', connection: link.info, host: this.#host });
        return;
      }
      case 'connFailed': {
        const link = this.#links.get(input.conn);
        if (link === undefined) return;
        this.#writer.hooks.onConnection?.({ kind: 'failed', connection: link.info, reason: input.reason });
        this.#links.delete(input.conn);
        return;
      }
      case 'connBytes': {
        const link = this.#links.get(input.conn);
        if (link !== undefined) this.#segment(link, false, input.bytes);
        return;
      }
      case 'connClosed':
        this.#end(input.conn, input.reason);
        return;
      case 'tick':
      case 'connBlocked':
      case 'connDrained':
      case 'fileDone':
        return;
      default:
        input satisfies never;
    }
  }

  #tell(effect: Effect): void {
    switch (effect.type) {
      case 'connect': {
        this.#asked.set(`conn ${effect.conn}`, this.#lastEvent);
        const info = { uid: ++this.#uids, channel: effect.channel, dialer: this.#host, acceptor: Number(effect.peer) };
        this.#open(effect.conn, { ...info, dialerConn: effect.conn, acceptorConn: 0 });
        return;
      }
      case 'send': {
        const link = this.#links.get(effect.conn);
        if (link !== undefined) this.#segment(link, true, effect.bytes);
        return;
      }
      case 'close':
        this.#end(effect.conn, 'closed');
        return;
      case 'file':
        this.#asked.set(`file ${effect.op}`, this.#lastEvent);
        return;
      case 'halt':
        this.#writer.hooks.onCrash?.(this.#host, 'halt', effect.reason);
        return;
      case 'reading':
      case 'listen':
      case 'unlisten':
      case 'note':
        return;
      default:
        effect satisfies never;
    }
  }

  #accept(conn: number, channel: Channel, remote: Remote): Link {
    const dialer = channel === 'client' ? this.#clientOf(remote.ip) : this.#serverOf(remote.ip);
    const uid = ++this.#uids;
    return this.#open(conn, { uid, channel, dialer, acceptor: this.#host, dialerConn: -uid, acceptorConn: conn });
  }

  #open(conn: number, info: ConnectionInfo): Link {
    const link: Link = { info, sent: 0, heard: 0 };
    this.#links.set(conn, link);
    this.#writer.hooks.onConnection?.({ kind: 'dialed', connection: info });
    return link;
  }

  #end(conn: number, reason: string): void {
    const link = this.#links.get(conn);
    if (link === undefined) return;
    this.#links.delete(conn);
    for (const host of [this.#host, this.#other(link)])
      this.#writer.hooks.onConnection?.({ kind: 'closed', connection: link.info, host, reason });
  }

  #segment(link: Link, isOwn: boolean, bytes: Uint8Array): void {
    const other = this.#other(link);
    this.#writer.hooks.onSegment?.({
      connection: link.info,
      from: isOwn ? this.#host : other,
      to: isOwn ? other : this.#host,
      index: isOwn ? link.sent++ : link.heard++,
      bytes,
      sentAtUs: this.#lastUs,
      cause: this.#lastEvent,
    });
  }

  #other({ info }: Link): HostId {
    return info.dialer === this.#host ? info.acceptor : info.dialer;
  }

  /** Clients are told apart by their address; each gets a lane. */
  #clientOf(ip: string): HostId {
    const known = this.#clients.get(ip);
    if (known !== undefined) return known;
    const host = CLIENT_BASE + 1 + Math.min(this.#clients.size, CLIENTS_MAX - 1);
    this.#clients.set(ip, host);
    return host;
  }

  #serverOf(ip: string): HostId {
    const membership: Membership | null = this.#header.config.membership;
    const server = membership?.servers.find(({ addresses }) => addresses.some(({ host }) => host === ip));
    return server === undefined ? 0 : Number(server.id);
  }
}

/** Lanes beyond this would be too many; the last one takes the rest. */
const CLIENTS_MAX = 200;

const KIND_OF: Readonly<Record<Input['type'], EventKind>> = {
  tick: 'timer',
  connOpened: 'dial',
  connFailed: 'dial',
  connBytes: 'segment',
  connBlocked: 'window',
  connDrained: 'window',
  connClosed: 'reset',
  fileDone: 'disk',
};
