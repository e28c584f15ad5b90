/**
 * Several connections send random requests without waiting, commits come when they like, connections break and sessions
 * close. Whatever the schedule:
 *
 * - every connection gets its replies in the order of its requests, and zxids never go back;
 * - every write has the outcome of a model that does all writes one by one in the order of arrival;
 * - every read shows the model's state at the zxid in its reply, which lies between those of the writes around it;
 * - the digest predicted in each transaction is the tree's after it (the harness compares at each), and the tree's books balance.
 */

import fc from 'fast-check';
import { enableMapSet, produce } from 'immer';
import { expect, test } from 'vitest';
import type { AuthorityState } from '../../../core/request/authority.ts';
import type { ServerState } from '../../../core/request/server.ts';
import { OPEN_ACL } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import type { ClientRequest, MultiOp, ReplyBody } from '../../../core/wire/client-codec.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { Model, type Outcome } from './model.ts';
import { type Reply, Standalone, TestClient } from './standalone.ts';

const CONNECTIONS = 3;

type Step =
  | { readonly type: 'ask'; readonly client: number; readonly request: ClientRequest }
  | { readonly type: 'commit'; readonly count: number }
  | { readonly type: 'reconnect'; readonly client: number }
  | { readonly type: 'close'; readonly client: number }
  | { readonly type: 'expire'; readonly client: number };

const path = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/deep');
const data = fc.uint8Array({ maxLength: 3 });
const version = fc.constantFrom(-1, -1, 0, 1);

const create = fc
  .record({ path, data, flags: fc.integer({ min: 0, max: 3 }) })
  .map((fields) => ({ op: Op.create, kind: 'create', acl: OPEN_ACL, ...fields }) as const);
const remove = fc.record({ path, version }).map((fields) => ({ op: Op.delete, kind: 'delete', ...fields }) as const);
const set = fc
  .record({ path, data, version })
  .map((fields) => ({ op: Op.setData, kind: 'setData', ...fields }) as const);
const check = fc.record({ path, version }).map((fields) => ({ op: Op.check, kind: 'check', ...fields }) as const);
const multi = fc
  .array(fc.oneof(create, create, set, remove, check), { maxLength: 4 })
  .map((ops): ClientRequest => ({ op: Op.multi, kind: 'multi', ops: ops as MultiOp[] }));
const read = fc.oneof(
  path.map((path) => ({ op: Op.getData, kind: 'getData', path, watch: false }) as const),
  path.map((path) => ({ op: Op.exists, kind: 'exists', path, watch: false }) as const),
  path.map((path) => ({ op: Op.getChildren, kind: 'getChildren', path, watch: false }) as const),
  path.map((path) => ({ op: Op.sync, kind: 'sync', path }) as const),
);

const client = fc.nat(CONNECTIONS - 1);
const request: fc.Arbitrary<ClientRequest> = fc.oneof(create, create, set, remove, multi, read, read, read);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('ask' as const), client, request }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reconnect' as const), client }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('close' as const), client }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('expire' as const), client }) },
);

/** fast-check prefers short arrays; what is looked for here needs much under way at once. */
const LONG = { minLength: 1, maxLength: 130, size: 'max' } as const;

test('pipelined requests on several connections are one sequence of writes, with reads between', () => {
  fc.assert(
    fc.property(fc.array(step, LONG), (steps) => {
      const run = new Run();
      for (const step of steps) run.step(step);
      run.finish();
    }),
    { numRuns: 70 },
  );
}, 30_000);

interface Sent {
  readonly request: ClientRequest;
  /** Of a write: what the model says, and the zxid it got. */
  readonly outcome: Outcome | null;
  readonly zxid: number;
}

class Run {
  readonly host = new Standalone();
  private readonly model = new Model();
  private readonly clients: TestClient[] = [];
  private readonly sent: Sent[][] = [];
  /** The greatest zxid that each session's replies have shown. */
  private readonly seen: number[] = [];
  private nextConn = 1;

  constructor() {
    this.host.hold = true;
    for (let i = 0; i < CONNECTIONS; i++) this.open(i);
  }

  private open(i: number): void {
    const client = new TestClient(this.host, this.nextConn++);
    this.host.commit();
    this.collect();
    this.host.hold = false;
    client.connect();
    this.host.hold = true;
    this.model.openSession(client.session);
    this.clients[i] = client;
    this.sent[i] = [];
    this.seen[i] = 0;
  }

  step(step: Step): void {
    switch (step.type) {
      case 'ask':
        this.ask(step.client, step.request);
        break;
      case 'commit':
        this.host.commit(step.count);
        break;
      case 'reconnect':
        this.reconnect(step.client);
        break;
      case 'close':
        this.host.commit();
        this.collect();
        if (this.clients[step.client]!.isClosed) break;
        this.ask(step.client, { op: Op.closeSession, kind: 'closeSession' });
        // Behind the close: asked, never answered, and without effect.
        this.clients[step.client]!.send({ op: Op.delete, kind: 'delete', path: '/a', version: -1 });
        this.host.commit();
        this.collect();
        expect(this.clients[step.client]!.isClosed).toBe(true);
        this.open(step.client);
        break;
      case 'expire':
        this.expire(step.client);
        break;
    }
    this.collect();
    for (const [i, client] of this.clients.entries()) if (client.isClosed) this.open(i);
  }

  /** The deciding server closes the session in the middle of everything: what comes later is refused. */
  private expire(i: number): void {
    const { session } = this.clients[i]!;
    const { host } = this;
    host.submit({ session, cxid: 0, op: Op.closeSession, body: new Uint8Array(0), authInfo: [] }, host.config.myid);
    this.model.closeSession(session);
  }

  private ask(i: number, request: ClientRequest): void {
    const client = this.clients[i]!;
    if (client.isClosed) return;
    const isSyncing = this.sent[i]!.some(({ request }) => request.kind === 'sync');
    // A write behind an unanswered sync is decided later than it comes; the model wants to know when.
    if (isSyncing && isWrite(request)) {
      this.host.commit();
      this.collect();
    }
    if (client.isClosed) return;
    client.send(request);
    const outcome = this.decide(client, request);
    this.sent[i]!.push({ request, outcome, zxid: outcome === null ? 0 : this.model.zxid });
  }

  private decide(client: TestClient, request: ClientRequest): Outcome | null {
    if (request.kind === 'closeSession') return this.model.closeSession(client.session);
    return isWrite(request) ? this.model.write(client.session, request) : null;
  }

  /** The connection breaks; what it asked still happens, and nobody hears of it. */
  private reconnect(i: number): void {
    const old = this.clients[i]!;
    this.host.lose(old.conn);
    if (
      !this.host.auth.sessions.sessions.has(old.session) ||
      this.host.auth.sessions.sessions.get(old.session)!.closing
    ) {
      this.host.commit();
      this.open(i);
      return;
    }
    const client = new TestClient(this.host, this.nextConn++);
    client.connect({ session: old.session, passwd: old.passwd });
    expect(client.session).toBe(old.session);
    this.clients[i] = client;
    this.sent[i] = [];
  }

  private collect(): void {
    for (const [i, client] of this.clients.entries()) {
      for (const reply of client.received() as Reply[]) this.check(i, reply);
    }
  }

  private check(i: number, reply: Reply): void {
    const sent = this.sent[i]!.shift();
    expect(sent, 'a reply to nothing').toBeDefined();
    const { request, outcome, zxid } = sent!;
    expect(reply.zxid).toBeGreaterThanOrEqual(this.seen[i]!);
    this.seen[i] = reply.zxid;
    if (outcome === null) {
      const nextWrite = this.sent[i]!.find((later) => later.outcome !== null);
      if (nextWrite !== undefined) expect(reply.zxid).toBeLessThan(nextWrite.zxid);
      expect(said(request, reply)).toEqual(this.model.readAt(reply.zxid, request));
    } else {
      expect(reply.zxid).toBe(zxid);
      expect(said(request, reply)).toEqual(outcome);
    }
  }

  finish(): void {
    this.host.commit();
    this.collect();
    for (const [i, waiting] of this.sent.entries()) if (!this.clients[i]!.isClosed) expect(waiting).toEqual([]);
    expect(this.host.lastProposed).toBe(this.model.zxid);
    expect(this.host.server.outstanding).toBe(0);
    expect(this.host.server.orphanWrites.size + this.host.server.orphanSyncs.size).toBe(0);
    expect([this.host.auth.overlay.changes.size, this.host.auth.overlay.pending.length]).toEqual([0, 0]);
    expect(this.host.auth.overlay.ephemeralCreates.size).toBe(0);
    const { tree } = this.host.heap;
    expect(tree.audit()).toBeNull();
    const paths = [...tree.paths()].sort();
    expect(paths.map((path) => [path, hex(tree.get(path)!.data!)])).toEqual(this.model.finalNodes());
  }
}

const READS: readonly string[] = ['getData', 'exists', 'getChildren', 'sync'];
const isWrite = (request: ClientRequest): boolean => !READS.includes(request.kind);

/** The reply in the model's words. */
function said(request: ClientRequest, { err, body }: Reply): Outcome {
  if (err !== 0 || body === null) return { err };
  const words = wordsOf(body);
  return request.kind === 'create' && body.kind === 'create' ? { err, path: body.path } : { err, ...words };
}

function wordsOf(body: ReplyBody): Omit<Outcome, 'err'> {
  switch (body.kind) {
    case 'getData':
      return { version: body.stat.version, data: hex(body.data!) };
    case 'exists':
    case 'setData':
      return { version: body.stat.version };
    case 'getChildren':
      return { children: [...body.children!].sort() };
    case 'multi':
      return { parts: body.results.map((result) => (result.kind === 'error' ? result.err : 0)) };
    default:
      return {};
  }
}

enableMapSet();

test('the same run inside immer drafts gives the same bytes and the same state', () => {
  fc.assert(
    fc.property(fc.array(step, LONG), (steps) => {
      const raw = new Run();
      const drafted = new Drafted();
      for (const step of steps) {
        raw.step(step);
        drafted.step(step);
      }
      raw.finish();
      drafted.finish();
      expect(drafted.host.server).toEqual(raw.host.server);
      expect(drafted.host.auth).toEqual(raw.host.auth);
      expect(drafted.host.log.map(({ bytes }) => hex(bytes))).toEqual(raw.host.log.map(({ bytes }) => hex(bytes)));
      expect(drafted.host.heap.tree.stateDigest()).toBe(raw.host.heap.tree.stateDigest());
    }),
    { numRuns: 15 },
  );
}, 30_000);

/** Every step of the run is one draft of the state, finished and frozen before the next. */
class Drafted extends Run {
  override step(step: Step): void {
    this.drafting(() => super.step(step));
  }

  override finish(): void {
    this.drafting(() => super.finish());
  }

  private drafting(body: () => void): void {
    const host = this.host as { server: ServerState; auth: AuthorityState };
    const state = { server: host.server, auth: host.auth };
    const next = produce(state, (draft) => {
      host.server = draft.server as unknown as ServerState;
      host.auth = draft.auth as unknown as AuthorityState;
      body();
    });
    host.server = next.server;
    host.auth = next.auth;
  }
}
