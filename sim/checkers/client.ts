/**
 * What clients may rely on, checked from what they see and nothing else: the contract of the programmer's guide as far as
 * it can be decided event by event. The search for a linearization works on the recorded history (`history/`).
 *
 * The facts that make this cheap: every reply carries the zxid of the state it speaks of, failed updates consume a zxid
 * too, and every written value is unique.
 */

import type { Call, CallBody } from '../../core/client/calls.ts';
import type { ClientEffect } from '../../core/client/io.ts';
import { type SessionId, showSession, showZxid, type Zxid } from '../../core/types.ts';
import { bytesEqual } from '../../core/wire/bytes.ts';
import { Code, EventType } from '../../core/wire/opcodes.ts';
import type { Stat } from '../../core/wire/records.ts';
import type { Report } from './properties.ts';
import { isSequential } from './sessions.ts';

type Reply = Extract<ClientEffect, { type: 'reply' }>;
type Watched = Extract<ClientEffect, { type: 'watch' }>;

/** A request that has not been answered. */
interface Open {
  readonly id: number;
  readonly call: Call;
  readonly event: number;
  /** Highest zxid any client had been told when this was asked. */
  readonly floor: number;
}

/** A one-shot watch, with the version of the node it was set on. */
interface Armed {
  /** mzxid (data), pzxid (children), or 0 for a node that was not there. */
  readonly at: number;
  readonly event: number;
}

interface SessionView {
  lastZxid: number;
  lastEvent: number;
  lastUpdate: number;
  /** A sync was answered: reads see at least this. */
  syncFloor: number;
  syncEvent: number;
  /** Path to the zxid of the session's own last write there. */
  readonly written: Map<string, { zxid: number; event: number }>;
  readonly data: Map<string, Armed>;
  readonly children: Map<string, Armed>;
}

interface ClientView {
  readonly open: Open[];
  session: SessionId | null;
  /** Registrations that may still produce an event, by path. */
  readonly registered: Map<string, number>;
  /** Paths with persistent watches; recursive ones match by prefix. */
  readonly persistent: Set<string>;
}

export interface ClientContext {
  event(): number;
  isCommitted(zxid: Zxid): boolean;
  /** Watches on these paths may be filtered: their ACL changes. */
  isSecret(path: string): boolean;
}

const UPDATES: ReadonlySet<Call['kind']> = new Set([
  'create',
  'create2',
  'createContainer',
  'createTTL',
  'delete',
  'setData',
  'setACL',
  'multi',
  'reconfig',
]);

export const isUpdate = (call: Call): boolean => UPDATES.has(call.kind);

export class ClientChecks {
  readonly #clients = new Map<number, ClientView>();
  readonly #sessions = new Map<SessionId, SessionView>();
  /** path, czxid and version name one content. */
  readonly #versions = new Map<string, { mzxid: number; data: Uint8Array | null; event: number }>();
  readonly #sequences = new Map<string, { zxid: number; number: number; event: number }[]>();
  #told = 0;
  readonly #context: ClientContext;
  readonly #report: Report;

  constructor(context: ClientContext, report: Report) {
    this.#context = context;
    this.#report = report;
  }

  onInvoke(client: number, id: number, call: Call): void {
    const view = this.#clientOf(client);
    view.open.push({ id, call, event: this.#context.event(), floor: this.#told });
    for (const path of watchedPaths(call)) view.registered.set(path, (view.registered.get(path) ?? 0) + 1);
    if (call.kind === 'addWatch') view.persistent.add(call.path);
  }

  onReply(client: number, reply: Reply): void {
    const view = this.#clientOf(client);
    const open = this.#takeOpen(client, view, reply);
    if (open === null || reply.zxid <= 0) return;
    const session = this.#sessionOf(view);
    if (session === null) return;
    this.#checkZxid(client, view, session, open, reply);
    if (isUpdate(open.call)) this.#checkUpdate(client, session, open, reply);
    this.#checkBody(client, session, open, reply);
    session.lastZxid = reply.zxid;
    session.lastEvent = this.#context.event();
    this.#told = Math.max(this.#told, reply.zxid);
  }

  onWatch(client: number, watched: Watched): void {
    const view = this.#clientOf(client);
    const { type, path } = watched.event;
    const session = this.#sessionOf(view);
    if (type === EventType.nodeChildrenChanged) session?.children.delete(path);
    else if (type === EventType.nodeDeleted) {
      session?.children.delete(path);
      session?.data.delete(path);
    } else session?.data.delete(path);
    this.#checkAsked(client, view, path);
  }

  onState(client: number, state: Extract<ClientEffect, { type: 'state' }>): void {
    const view = this.#clientOf(client);
    view.session = state.session;
  }

  /** A new program begins under this client's number; watches and open requests of the old one are gone. */
  onIncarnation(client: number): void {
    const session = this.#sessionOf(this.#clientOf(client));
    session?.data.clear();
    session?.children.clear();
    this.#clients.delete(client);
  }

  openCount(client: number): number {
    return this.#clients.get(client)?.open.length ?? 0;
  }

  #clientOf(client: number): ClientView {
    let view = this.#clients.get(client);
    if (view === undefined) {
      view = { open: [], session: null, registered: new Map(), persistent: new Set() };
      this.#clients.set(client, view);
    }
    return view;
  }

  #sessionOf(view: ClientView): SessionView | null {
    if (view.session === null) return null;
    let session = this.#sessions.get(view.session);
    if (session === undefined) {
      session = {
        lastZxid: 0,
        lastEvent: 0,
        lastUpdate: 0,
        syncFloor: 0,
        syncEvent: 0,
        written: new Map(),
        data: new Map(),
        children: new Map(),
      };
      this.#sessions.set(view.session, session);
    }
    return session;
  }

  /** What was never sent is refused on the spot, past those that wait for their answers. */
  #takeOpen(client: number, view: ClientView, { id, sent }: Reply): Open | null {
    const index = view.open.findIndex((open) => open.id === id);
    if (index < 0) {
      this.#report('client-fifo', `client ${client} got a second answer to its request ${id}`);
      return null;
    }
    if (index > 0 && sent) {
      const earlier = view.open[0]!;
      this.#report('client-fifo', `client ${client} got the answer to request ${id} before that to ${earlier.id}`, {
        events: [earlier.event],
      });
    }
    return view.open.splice(index, 1)[0]!;
  }

  #checkZxid(client: number, view: ClientView, session: SessionView, open: Open, reply: Reply): void {
    if (reply.zxid < session.lastZxid) {
      this.#report(
        'session-zxid',
        `session ${showSession(view.session!)} of client ${client} saw ${hexOf(session.lastZxid)}, then ${hexOf(reply.zxid)}`,
        { events: [session.lastEvent] },
      );
    }
    if (reply.zxid < session.syncFloor && open.call.kind !== 'sync') {
      this.#report(
        'sync-then-read',
        `client ${client} reads at ${hexOf(reply.zxid)} after a sync that had to reach ${hexOf(session.syncFloor)}`,
        { events: [session.syncEvent] },
      );
    }
    if (open.call.kind === 'sync' && reply.err === Code.OK && open.floor > session.syncFloor) {
      session.syncFloor = open.floor;
      session.syncEvent = this.#context.event();
    }
  }

  #checkUpdate(client: number, session: SessionView, open: Open, reply: Reply): void {
    if (isOrdered(reply) && reply.zxid <= open.floor) {
      this.#report(
        'write-order',
        `client ${client}'s ${open.call.kind} got ${hexOf(reply.zxid)}; ${hexOf(open.floor)} was known before it was asked for`,
        { events: [open.event] },
      );
    }
    if (reply.err !== Code.OK) return;
    if (reply.zxid <= session.lastUpdate) {
      this.#report('session-zxid', `client ${client} had two writes at ${hexOf(reply.zxid)}`, {
        events: [session.lastEvent],
      });
    }
    session.lastUpdate = reply.zxid;
    if (!this.#context.isCommitted(reply.zxid as Zxid)) {
      this.#report(
        'acknowledged-is-committed',
        `client ${client} was told of ${hexOf(reply.zxid)}, which nobody committed`,
      );
    }
    for (const path of writtenPaths(open.call, reply.body)) {
      session.written.set(path, { zxid: reply.zxid, event: this.#context.event() });
    }
    this.#checkSequence(client, open.call, reply);
  }

  #checkBody(client: number, session: SessionView, open: Open, reply: Reply): void {
    const { call } = open;
    const { body } = reply;
    if (!('path' in call)) return;
    const stat = body !== null && 'stat' in body ? body.stat : null;
    if (stat !== null) this.#checkStat(client, session, call.path, stat, dataOf(body));
    if (call.kind === 'exists' && reply.err === Code.NONODE) this.#checkAbsent(client, session, call.path);
    this.#arm(session, call, reply, stat);
  }

  #checkStat(
    client: number,
    session: SessionView,
    path: string,
    stat: Stat,
    data: Uint8Array | null | undefined,
  ): void {
    const own = session.written.get(path);
    if (own !== undefined && stat.mzxid < own.zxid && stat.aversion === 0) {
      this.#report(
        'read-your-writes',
        `client ${client} wrote ${path} at ${hexOf(own.zxid)} and reads it as of ${showZxid(stat.mzxid)}`,
        { events: [own.event] },
      );
    }
    this.#checkVersion(client, path, stat, data);
    if (this.#context.isSecret(path)) return;
    const armed = session.data.get(path);
    if (armed !== undefined && stat.mzxid > armed.at) {
      this.#report(
        'watch-before-data',
        `client ${client} reads ${path} as of ${showZxid(stat.mzxid)} before the event of its watch set at ${hexOf(armed.at)}`,
        { events: [armed.event] },
      );
    }
    const children = session.children.get(path);
    if (children !== undefined && stat.pzxid > children.at) {
      this.#report(
        'watch-before-data',
        `client ${client} sees children of ${path} as of ${showZxid(stat.pzxid)} before the event of its watch set at ${hexOf(children.at)}`,
        { events: [children.event] },
      );
    }
  }

  #checkVersion(client: number, path: string, stat: Stat, data: Uint8Array | null | undefined): void {
    const key = `${path} ${stat.czxid} ${stat.version}`;
    const seen = this.#versions.get(key);
    if (seen === undefined) {
      if (data !== undefined) {
        this.#versions.set(key, { mzxid: stat.mzxid, data, event: this.#context.event() });
      }
      return;
    }
    const sameData = data === undefined || sameBytes(seen.data, data);
    if (seen.mzxid !== stat.mzxid || !sameData) {
      this.#report(
        'version-function',
        `client ${client} sees another version ${stat.version} of ${path} than was seen before`,
        {
          events: [seen.event],
        },
      );
    }
  }

  #checkAbsent(client: number, session: SessionView, path: string): void {
    const armed = session.data.get(path);
    if (armed === undefined || armed.at === 0 || this.#context.isSecret(path)) return;
    this.#report('watch-before-data', `client ${client} sees ${path} gone before the event of its watch`, {
      events: [armed.event],
    });
  }

  #arm(session: SessionView, call: Call, reply: Reply, stat: Stat | null): void {
    if (!('watch' in call) || !call.watch || !('path' in call)) return;
    const event = this.#context.event();
    const children = call.kind === 'getChildren' || call.kind === 'getChildren2';
    const armed = children ? session.children : session.data;
    if (armed.has(call.path)) return;
    if (reply.err === Code.OK) {
      // getChildren has no Stat: nothing at or before its zxid can be news.
      const at = stat === null ? reply.zxid : children ? stat.pzxid : stat.mzxid;
      armed.set(call.path, { at, event });
    } else if (call.kind === 'exists' && reply.err === Code.NONODE) {
      armed.set(call.path, { at: 0, event });
    }
  }

  #checkAsked(client: number, view: ClientView, path: string): void {
    for (const watched of view.persistent) if (path === watched || path.startsWith(prefixOf(watched))) return;
    const left = view.registered.get(path) ?? 0;
    if (left === 0) {
      this.#report('watch-unasked', `client ${client} got an event on ${path} for which no watch of it is left`);
      return;
    }
    view.registered.set(path, left - 1);
  }

  #checkSequence(client: number, call: Call, reply: Reply): void {
    if (!('flags' in call) || !isSequential(call.flags) || reply.body === null || !('path' in reply.body)) return;
    const path = reply.body.path;
    const number = Number(path.slice(-10));
    const parent = path.slice(0, path.lastIndexOf('/'));
    const numbers = this.#sequences.get(parent) ?? [];
    this.#sequences.set(parent, numbers);
    let at = numbers.length;
    while (at > 0 && numbers[at - 1]!.zxid >= reply.zxid) at -= 1;
    const [before, after] = [numbers[at - 1], numbers[at]];
    const clash =
      before !== undefined && before.number >= number
        ? before
        : after !== undefined && after.number <= number
          ? after
          : undefined;
    if (clash !== undefined) {
      this.#report(
        'sequence-unique',
        `client ${client} was given ${path}; number ${clash.number} was given at ${hexOf(clash.zxid)}`,
        {
          events: [clash.event],
        },
      );
    }
    numbers.splice(at, 0, { zxid: reply.zxid, number, event: this.#context.event() });
  }
}

/** What getConfig reads. */
const CONFIG_PATH = '/zookeeper/config';

const hexOf = (zxid: number): string => showZxid(zxid as Zxid);
const prefixOf = (path: string): string => (path === '/' ? '/' : `${path}/`);

/** Requests that were refused before they were ordered carry the zxid of the server's state. */
const isOrdered = (reply: Reply): boolean =>
  reply.err === Code.OK ||
  reply.err === Code.NONODE ||
  reply.err === Code.NODEEXISTS ||
  reply.err === Code.BADVERSION ||
  reply.err === Code.NOTEMPTY;

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : bytesEqual(a, b);
}

function dataOf(body: CallBody | null): Uint8Array | null | undefined {
  return body !== null && body.kind === 'getData' ? body.data : undefined;
}

function watchedPaths(call: Call): string[] {
  if (call.kind === 'getConfig') return call.watch ? [CONFIG_PATH] : [];
  return 'watch' in call && call.watch && 'path' in call ? [call.path] : [];
}

/** Nodes whose data a successful update has set. */
function writtenPaths(call: Call, body: CallBody | null): string[] {
  switch (call.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return body !== null && 'path' in body ? [body.path] : [];
    case 'setData':
      return [call.path];
    case 'multi':
      return call.ops.filter((op) => op.kind === 'setData').map((op) => op.path);
    default:
      return [];
  }
}
