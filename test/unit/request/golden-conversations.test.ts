/**
 * The client port against recorded conversations with a real ZooKeeper 3.8.0: fed what its clients sent, in that order, the
 * server must send what it sent, byte for byte.
 *
 * The recordings fix more than the frames. The first session id is taken from the recording, and with Java's formula the
 * passwords follow. The clock follows the times in the recorded Stats, so ctime and mtime are compared too. What remains
 * different has a name below, with the reason, and is counted: a new difference or a vanished one fails the test.
 *
 * Not replayed: java-sasl and kazoo-2.8.0-sasl (the core has no SASL mechanism), raw-reconfig from the leader's own removal
 * on (the server that speaks is then another one), and from raw-ensemble the moment in which an established connection
 * learns of the lost quorum (there is no quorum here to lose; the server is stopped by hand at the mark).
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PeerConfig } from '../../../core/config/types.ts';
import { authorityRevalidate } from '../../../core/request/authority.ts';
import {
  asConn,
  asPeer,
  asSession,
  asZxid,
  type ConnId,
  OPEN_ACL,
  type SessionId,
  zxidOf,
} from '../../../core/types.ts';
import { fromHex, hex } from '../../../core/wire/bytes.ts';
import {
  type ClientReply,
  type ClientRequest,
  decodeConnectResponse,
  decodeReply,
  decodeReplyHeader,
  decodeRequestFrame,
  encodeReply,
  encodeRequest,
  type MultiResult,
} from '../../../core/wire/client-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { Code, Op, WatcherType, Xid } from '../../../core/wire/opcodes.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import { Standalone, type StandaloneOptions, threeVoters } from './standalone.ts';

// --- what differs, and why -------------------------------------------------------------------------------------------

/** A difference between the recorded and our reply to the same request; gives both sides without it, or null. */
type Mask = (recorded: ClientReply, ours: ClientReply, request: Asked) => [ClientReply, ClientReply] | null;

const MASKS = {
  /** Java lists children in the order of its hash set, we in the order of creation. */
  'order of children': (recorded, ours) => both(recorded, ours, sortChildren),
  /** As above. */
  'order of ephemerals': (recorded, ours) => both(recorded, ours, sortEphemerals),
  /** Identities are in a concurrent hash set in Java, here in the order of proof. */
  'order of identities': (recorded, ours) => both(recorded, ours, sortIdentities),
  /** 3.8.0 turns create2 in a multi into create; 3.8.2 and 3.9 answer as create2 (ZOOKEEPER-4026). */
  'create2 inside a multi': (recorded, ours) => withoutStats(recorded, ours),
  /** exists() without READ tells nothing since 3.8.4 and 3.9.2 (ZOOKEEPER-2590). */
  'exists needs READ': (recorded, ours, { op }) =>
    op === Op.exists && recorded.header.err === Code.OK && ours.header.err === Code.NOAUTH ? [ours, ours] : null,
  /** What cannot be decoded is refused where it arrives and takes no zxid (DESIGN section 4). */
  'undecodable is not proposed': (recorded, ours, { op }) =>
    recorded.header.err === Code.MARSHALLINGERROR && isWrite(op) ? withZxidOf(recorded, ours) : null,
  /** Watcher types of persistent watches came with 3.9. */
  'persistent watcher types': (_, ours, { op, body }) =>
    (op === Op.checkWatches || op === Op.removeWatches) && watcherTypeOf(body) >= WatcherType.persistent
      ? [ours, ours]
      : null,
  /** In 3.8 a persistent watch is found as a data or child watch; 3.9 tells the kinds apart. */
  'watcher types mean one kind': (recorded, ours, { op, body }) =>
    op === Op.checkWatches || op === Op.removeWatches ? withWatcherCode(recorded, ours, body) : null,
  /** Children of what may not be read are not counted (DESIGN section 4: counts pass the ACL). */
  'counts of unreadable nodes': (recorded, ours) => withoutHidden(recorded, ours),
  /** Every server writes its configuration into /zookeeper/config when it takes up a role; ours leaves the time at 0. */
  'time of the initial configuration': (recorded, ours, { op, body }) =>
    op === Op.getData && pathOf(body) === '/zookeeper/config' ? withoutConfigTime(recorded, ours) : null,
} as const satisfies Readonly<Record<string, Mask>>;

/** Differences that are not between two replies. */
const OTHER = {
  /** The header of a notification has the zxid of the change since 3.9, -1 before. */
  notificationZxid: 'zxid of notifications',
  /** A `check` outside a multi is refused since 3.8.5 and 3.9.3 (ZOOKEEPER-2623); 3.8.0 logged it. Not fed. */
  check: 'check outside a multi',
  /** Ephemerals go with their session in the order of a hash set, and so do the events. */
  farewells: 'order of a session’s ephemerals',
  /** A refused operation that 3.8.0 answered or proposed: here the connection ends with UNIMPLEMENTED. */
  internal: 'operations of servers',
} as const;

type MaskName = keyof typeof MASKS | (typeof OTHER)[keyof typeof OTHER];

// --- the recordings --------------------------------------------------------------------------------------------------

interface Story {
  readonly file: string;
  readonly options: StandaloneOptions;
  /** What a person did at a mark of the recording. */
  readonly at?: Readonly<Record<string, (player: Player) => void>>;
  /** Connections that the recording proxy cut at both ends. */
  readonly cut?: readonly number[];
  /** How long the person waited before a connection was opened, where no Stat shows it. */
  readonly waitedMs?: Readonly<Record<number, number>>;
  /** What happened elsewhere just before a request came, by `connection/xid`. */
  readonly beforeRequest?: Readonly<Record<string, (player: Player) => void>>;
  /** What happened just before the server closed a connection. */
  readonly beforeClose?: Readonly<Record<number, (player: Player) => void>>;
  /** Marks that end the replay. */
  readonly until?: string;
  readonly frames: number;
  readonly masked: Partial<Record<MaskName, number>>;
}

const SUPER = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
const EPOCH_1 = zxidOf(1, 0);

/** The recorded server is a follower; here the same machine decides what the leader decided. */
const follower = (config: Partial<PeerConfig>, ensemble = threeVoters()): StandaloneOptions => ({
  mode: 'follower',
  startZxid: EPOCH_1,
  config: { myid: asPeer(1), membership: ensemble, ...config },
  leader: { myid: asPeer(2) },
  ensemble,
});

const STORIES: readonly Story[] = [
  {
    file: 'raw-default',
    options: {},
    frames: 356,
    masked: {
      'check outside a multi': 3,
      'counts of unreadable nodes': 1,
      'create2 inside a multi': 1,
      'exists needs READ': 1,
      'operations of servers': 3,
      'order of children': 6,
      'order of ephemerals': 3,
      'order of identities': 4,
      'persistent watcher types': 2,
      'undecodable is not proposed': 5,
      'watcher types mean one kind': 3,
      'zxid of notifications': 30,
    },
  },
  {
    file: 'raw-extended',
    options: {
      config: {
        extendedTypesEnabled: true,
        enforceQuota: true,
        superDigest: SUPER,
        containerCheckIntervalMs: 300,
      },
    },
    frames: 47,
    masked: { 'order of identities': 1, 'zxid of notifications': 2 },
  },
  {
    file: 'raw-throttled',
    options: { config: { requestThrottleMaxRequests: 1, throttledOpWaitTimeMs: 1 }, hold: true },
    frames: 42,
    masked: {},
  },
  { file: 'raw-sasl-required', options: { config: { sessionRequireClientSaslAuth: true } }, frames: 7, masked: {} },
  { file: 'raw-enforce-digest', options: { config: { enforceAuthSchemes: ['digest'] } }, frames: 6, masked: {} },
  { file: 'raw-limits', options: { config: { maxClientCnxns: 2, juteMaxBuffer: 1000 } }, frames: 4, masked: {} },
  {
    file: 'java-plain',
    cut: [2, 3, 4, 6, 8],
    waitedMs: { 9: 8000 },
    options: { config: { extendedTypesEnabled: true } },
    frames: 129,
    masked: {
      'order of a session’s ephemerals': 3,
      'order of children': 3,
      'order of ephemerals': 2,
      'zxid of notifications': 19,
    },
  },
  {
    file: 'kazoo-2.8.0-plain',
    options: { config: { extendedTypesEnabled: true } },
    frames: 86,
    masked: { 'order of children': 4, 'zxid of notifications': 4 },
  },
  {
    file: 'kazoo-2.11.0-plain',
    options: { config: { extendedTypesEnabled: true } },
    frames: 88,
    masked: { 'order of children': 4, 'zxid of notifications': 4 },
  },
  {
    file: 'raw-local-sessions',
    options: follower({ localSessionsEnabled: true }),
    frames: 7,
    masked: {},
  },
  {
    file: 'raw-readonly',
    options: follower({ localSessionsEnabled: true, localSessionsUpgradingEnabled: true }),
    at: {
      'quorum lost': ({ host }) => host.stop(),
      'read-only mode: client with readOnly=true is served; reads work, writes get NOTREADONLY': ({ host }) => {
        host.start('readonly');
        host.server.nextSessionId = asSession(0x100002e7e250000n);
      },
      'quorum returns: read-only client is dropped': ({ host }) => host.stop(),
    },
    frames: 20,
    masked: { 'order of children': 1, 'time of the initial configuration': 1 },
  },
  {
    file: 'raw-ensemble',
    options: follower({}),
    beforeRequest: {
      '1/6': (player) => {
        player.takeAway();
        player.elsewhere({
          op: Op.create,
          kind: 'create',
          path: '/moved',
          data: utf8Encode('x'),
          acl: OPEN_ACL,
          flags: 0,
        });
      },
      '2/1': (player) => player.takeAway(),
    },
    at: {
      // What the recorder's other clients wrote meanwhile.
      'and with a read on the old connection': ({ host }) => host.filler(2),
      'read-only mode: client without the readOnly flag is turned away; old client too': ({ host }) =>
        host.start('readonly'),
      'quorum returns': ({ host }) => host.stop(),
      'after that the r/w connect works again': ({ host }) => {
        host.lastProposed = zxidOf(2, 0);
        host.start('follower');
        host.server.nextSessionId = asSession(0x100002e54650000n);
      },
    },
    beforeClose: { 5: ({ host }) => host.stop() },
    frames: 15,
    masked: { 'time of the initial configuration': 1 },
  },
  {
    file: 'raw-reconfig',
    options: {
      ...follower(
        { reconfigEnabled: true, standaloneEnabled: false, superDigest: SUPER },
        threeVoters({ version: EPOCH_1, clients: true }),
      ),
      startZxid: zxidOf(1, 1),
    },
    until: 'remove the leader',
    frames: 21,
    masked: { 'time of the initial configuration': 1, 'zxid of notifications': 2 },
  },
  {
    file: 'c-plain',
    waitedMs: { 9: 8000 },
    options: { config: { extendedTypesEnabled: true } },
    frames: 93,
    masked: { 'order of children': 7, 'zxid of notifications': 6 },
  },
];

describe('recorded conversations', () => {
  test.each(STORIES)('$file', (story) => {
    const player = new Player(story);
    player.play();
    expect({ frames: player.compared, masked: Object.fromEntries(player.masked) }).toEqual({
      frames: story.frames,
      masked: story.masked,
    });
  });
});

// --- replaying -------------------------------------------------------------------------------------------------------

interface FrameRecord {
  readonly c: number;
  readonly d: 'c2s' | 's2c';
  readonly hex?: string;
  readonly raw?: string;
  readonly a?: unknown;
}
type GoldenRecord =
  | FrameRecord
  | { readonly mark: string }
  | { readonly open: number }
  | { readonly close: number; readonly by: 'client' | 'server' };

interface Asked {
  readonly op: number;
  readonly body: Uint8Array;
}

const WAIT_STEP_MS = 100;
const WAIT_MAX_MS = 60_000;

class Player {
  readonly story: Story;
  readonly host: Standalone;
  readonly masked = new Map<string, number>();
  compared = 0;
  private readonly records: readonly GoldenRecord[];
  /** Wall time of the transaction with this zxid, where any Stat shows it. */
  private readonly times = new Map<number, number>();
  private readonly got = new Map<ConnId, Uint8Array[]>();
  /** Requests of a connection not yet answered in the recording. */
  private readonly asked = new Map<ConnId, { xid: number; asked: Asked }[]>();
  private mark = '';

  constructor(story: Story) {
    this.story = story;
    this.records = recordsOf(story.file);
    for (const record of this.records) if ('d' in record) collectTimes(record.a, this.times);
    const first = Math.min(...this.times.values());
    this.host = new Standalone({
      ...story.options,
      config: { sessionPassword: 'java', ...story.options.config },
      nowMs: Number.isFinite(first) ? first - 1 : 1_795_000_000_000,
    });
    this.host.server.nextSessionId = firstSessionIdOf(this.records);
  }

  play(): void {
    for (const [index, record] of this.records.entries()) {
      try {
        if ('mark' in record && record.mark === this.story.until) return;
        this.playOne(record);
      } catch (cause) {
        throw new Error(`record ${index + 2} of ${this.story.file}, "${this.mark}": ${(cause as Error).message}`, {
          cause,
        });
      }
    }
    for (const [conn, frames] of this.got) expect(frames, `left over for connection ${conn}`).toEqual([]);
  }

  /** The newest session goes on at server 2. */
  takeAway(): void {
    const session = this.newestSession();
    const io = { now: this.host.now, emit: () => {}, newConn: () => asConn(-1) };
    authorityRevalidate(this.host.auth, io, { session, timeoutMs: 30_000, owner: asPeer(2) });
  }

  /** Its client writes there. */
  elsewhere(request: ClientRequest): void {
    const session = this.newestSession();
    this.keepTime();
    this.host.submit({ session, cxid: 1000, op: request.op, body: encodeRequest(request), authInfo: [] }, asPeer(2));
  }

  private newestSession(): SessionId {
    return [...this.host.server.attached.keys()].at(-1)!;
  }

  private playOne(record: GoldenRecord): void {
    if ('mark' in record) {
      this.mark = record.mark;
      this.story.at?.[record.mark]?.(this);
    } else if ('open' in record) {
      this.host.advance(this.story.waitedMs?.[record.open] ?? 0);
      this.host.open(asConn(record.open));
    } else if ('close' in record) {
      this.onClose(asConn(record.close), record.by);
    } else if (record.d === 'c2s') {
      this.onRequest(asConn(record.c), record);
    } else {
      this.onReply(asConn(record.c), fromHex(record.hex!)!);
    }
  }

  private onClose(conn: ConnId, by: 'client' | 'server'): void {
    if (by === 'server') this.story.beforeClose?.[conn]?.(this);
    if (by === 'client' || this.story.cut?.includes(conn)) return this.host.lose(conn);
    this.waitFor(() => this.host.closed.has(conn));
    if (!this.host.closed.has(conn)) throw new Error(`connection ${conn} is still open`);
  }

  private onRequest(conn: ConnId, record: FrameRecord): void {
    if (record.raw !== undefined) return this.feed(conn, fromHex(record.raw)!);
    const bytes = fromHex(record.hex!)!;
    const connecting = !this.asked.has(conn);
    if (connecting) {
      this.asked.set(conn, []);
      this.keepTime();
      return this.feed(conn, frame(bytes));
    }
    const request = decodeRequestFrame(bytes);
    if (!request.ok) throw new Error('no request header');
    const { xid, type: op } = request.value.header;
    this.story.beforeRequest?.[`${conn}/${xid}`]?.(this);
    if (op === Op.check) {
      this.count(OTHER.check);
      this.host.filler();
      this.asked.get(conn)!.push({ xid, asked: { op, body: request.value.body } });
      return;
    }
    if (isWrite(op)) this.keepTime();
    if (op === Op.createSession || op === Op.deleteContainer) {
      this.count(OTHER.internal);
      this.host.filler();
    }
    this.asked.get(conn)!.push({ xid, asked: { op, body: request.value.body } });
    this.feed(conn, frame(bytes));
  }

  private feed(conn: ConnId, bytes: Uint8Array): void {
    this.host.bytes(conn, bytes);
    this.collect();
  }

  private collect(): void {
    for (const [conn] of [...this.host.sent]) {
      const frames = this.got.get(conn) ?? [];
      frames.push(...this.host.take(conn));
      this.got.set(conn, frames);
    }
  }

  /** The clock of the recording, as far as the next transaction's time is known. */
  private keepTime(): void {
    const next = this.host.lastProposed + 1;
    // An upgrade of the session comes before the write that needs it.
    const upgraded = this.host.config.localSessionsUpgradingEnabled ? this.times.get(next + 1) : undefined;
    const wallMs = this.times.get(next) ?? upgraded;
    if (wallMs !== undefined && wallMs > this.host.now.wallMs) this.host.advance(wallMs - this.host.now.wallMs);
  }

  /** Something came without having been asked for just then: time passed, or held transactions were committed. */
  private waitFor(isThere: () => boolean): void {
    for (let waited = 0; waited < WAIT_MAX_MS && !isThere(); waited += WAIT_STEP_MS) {
      this.host.advance(WAIT_STEP_MS);
      if (this.host.hold) this.host.commit(1);
      this.collect();
    }
  }

  private onReply(conn: ConnId, recorded: Uint8Array): void {
    const frames = () => this.got.get(conn) ?? [];
    const header = decodeReplyHeader(recorded);
    const queue = this.asked.get(conn)!;
    // 3.8.0 answers an operation of servers with a ConnectResponse, whose first int is 0.
    const isResponse = queue[0]?.asked.op === Op.createSession;
    const answered = isResponse ? 0 : queue.findIndex(({ xid }) => header.ok && xid === header.value.xid);
    const op = queue[answered]?.asked.op;
    if (op === Op.check) {
      queue.splice(answered, 1);
      return;
    }
    if (op === Op.createSession || op === Op.deleteContainer) {
      this.expectRefusal(conn, frames(), queue.splice(answered, 1)[0]!.xid);
      return;
    }
    this.waitFor(() => frames().length > 0);
    const ours = this.takeCounterpart(frames(), recorded);
    if (ours === undefined) throw new Error(`nothing came instead of ${hex(recorded)}`);
    this.compared += 1;
    const request = answered < 0 ? undefined : queue.splice(answered, 1)[0]!.asked;
    const masks = differences(recorded, ours, request);
    for (const mask of masks) this.count(mask);
    if (masks.includes('undecodable is not proposed')) this.host.filler();
  }

  /** The next frame, or when both are notifications the one that says the same. */
  private takeCounterpart(frames: Uint8Array[], recorded: Uint8Array): Uint8Array | undefined {
    const text = hex(recorded.subarray(NOTICE_AT));
    const index = isNotice(recorded)
      ? frames.findIndex((ours) => isNotice(ours) && hex(ours.subarray(NOTICE_AT)) === text)
      : 0;
    if (index > 0 && frames.slice(0, index).every(isNotice)) {
      this.count(OTHER.farewells);
      return frames.splice(index, 1)[0];
    }
    return frames.shift();
  }

  /** The connection ends with the refusal; what the recording asks after it is not even read. */
  private expectRefusal(conn: ConnId, frames: Uint8Array[], xid: number): void {
    expect(this.host.closed.has(conn)).toBe(true);
    const refusal = frames.shift();
    if (refusal === undefined) return;
    expect(hex(refusal)).toBe(hex(encodeReply(xid, asZxid(-1), Code.UNIMPLEMENTED, null).subarray(4)));
  }

  private count(name: string): void {
    this.masked.set(name, (this.masked.get(name) ?? 0) + 1);
  }
}

/** A notification: xid -1, then zxid and err. */
const isNotice = (bytes: Uint8Array): boolean => hex(bytes.subarray(0, 4)) === 'ffffffff' && bytes.length > NOTICE_AT;
const NOTICE_AT = 12;

/** The names of the masks under which the two frames are equal; throws when there are none. */
function differences(recorded: Uint8Array, ours: Uint8Array, request: Asked | undefined): string[] {
  if (hex(recorded) === hex(ours)) return [];
  const both = `recorded ${hex(recorded)}\n    ours ${hex(ours)}`;
  if (request === undefined) {
    const header = decodeReplyHeader(recorded);
    if (!header.ok || header.value.xid !== Xid.notification) throw new Error(`unequal\n${both}`);
    expect(hex(ours.subarray(0, 4))).toBe(hex(recorded.subarray(0, 4)));
    expect(hex(ours.subarray(12))).toBe(hex(recorded.subarray(12)));
    return [OTHER.notificationZxid];
  }
  let [left, right] = [decoded(request.op, recorded), decoded(request.op, ours)];
  const names: string[] = [];
  for (const [name, mask] of Object.entries(MASKS) as [string, Mask][]) {
    const masked = mask(left, right, request);
    if (masked === null) continue;
    const before = encoded(left) === encoded(right);
    if (before) break;
    const changed = encoded(masked[0]) !== encoded(left) || encoded(masked[1]) !== encoded(right);
    if (!changed) continue;
    [left, right] = masked;
    names.push(name);
  }
  if (encoded(left) !== encoded(right)) {
    throw new Error(`unequal\n${both}\n${JSON.stringify(left, show)}\n${JSON.stringify(right, show)}`);
  }
  return names;
}

const show = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? hex(value) : value;
};

function decoded(op: number, bytes: Uint8Array): ClientReply {
  const reply = decodeReply(op, bytes);
  if (!reply.ok) throw new Error(`undecodable reply ${hex(bytes)}`);
  return reply.value;
}

const encoded = ({ header, body }: ClientReply): string => hex(encodeReply(header.xid, header.zxid, header.err, body));

// --- masks -----------------------------------------------------------------------------------------------------------

type Body = ClientReply['body'];

function both(a: ClientReply, b: ClientReply, change: (body: Body) => Body): [ClientReply, ClientReply] {
  return [
    { ...a, body: change(a.body) },
    { ...b, body: change(b.body) },
  ];
}

function sortChildren(body: Body): Body {
  if (body?.kind === 'getChildren' || body?.kind === 'getChildren2') {
    return { ...body, children: [...(body.children ?? [])].sort() };
  }
  if (body?.kind !== 'multiRead') return body;
  const results = body.results.map(
    (result): MultiResult =>
      result.kind === 'getChildren' ? { ...result, children: [...(result.children ?? [])].sort() } : result,
  );
  return { ...body, results };
}

function sortEphemerals(body: Body): Body {
  return body?.kind === 'getEphemerals' ? { ...body, ephemerals: [...(body.ephemerals ?? [])].sort() } : body;
}

function sortIdentities(body: Body): Body {
  if (body?.kind !== 'whoAmI') return body;
  const key = ({ authScheme, user }: { authScheme: string; user: string }): string => `${authScheme}:${user}`;
  return { ...body, clientInfo: [...(body.clientInfo ?? [])].sort((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

function withoutStats(recorded: ClientReply, ours: ClientReply): [ClientReply, ClientReply] | null {
  const { body: left } = recorded;
  const { body: right } = ours;
  if (left?.kind !== 'multi' || right?.kind !== 'multi') return null;
  const results = right.results.map((result, i): MultiResult => {
    const isOld = result.kind === 'create2' && left.results[i]?.kind === 'create';
    return isOld ? { kind: 'create', path: result.path } : result;
  });
  return [recorded, { ...ours, body: { ...right, results } }];
}

const withZxidOf = (recorded: ClientReply, ours: ClientReply): [ClientReply, ClientReply] => [
  recorded,
  { ...ours, header: { ...ours.header, zxid: recorded.header.zxid } },
];

function withoutConfigTime(recorded: ClientReply, ours: ClientReply): [ClientReply, ClientReply] | null {
  if (recorded.body?.kind !== 'getData' || ours.body?.kind !== 'getData') return null;
  const { stat } = recorded.body;
  return [{ ...recorded, body: { ...recorded.body, stat: { ...stat, mtime: 0 } } }, ours];
}

function withoutHidden(recorded: ClientReply, ours: ClientReply): [ClientReply, ClientReply] | null {
  if (recorded.body?.kind !== 'getAllChildrenNumber' || ours.body?.kind !== 'getAllChildrenNumber') return null;
  return recorded.body.totalNumber > ours.body.totalNumber ? [{ ...recorded, body: ours.body }, ours] : null;
}

/** Both codes say whether there was a watch; they may differ, since a persistent watch counts differently. */
function withWatcherCode(
  recorded: ClientReply,
  ours: ClientReply,
  body: Uint8Array,
): [ClientReply, ClientReply] | null {
  const codes: readonly number[] = [Code.OK, Code.NOWATCHER];
  if (watcherTypeOf(body) > WatcherType.any) return null;
  return codes.includes(recorded.header.err) && codes.includes(ours.header.err) ? [ours, ours] : null;
}

const WRITES: readonly number[] = [
  Op.create,
  Op.create2,
  Op.createContainer,
  Op.createTTL,
  Op.delete,
  Op.deleteContainer,
  Op.setData,
  Op.setACL,
  Op.multi,
  Op.reconfig,
  Op.closeSession,
];
const isWrite = (op: number): boolean => WRITES.includes(op);

/** A path is the first field of most requests. */
function pathOf(body: Uint8Array): string | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return body.length < 4 ? null : utf8Decode(body.subarray(4, 4 + view.getInt32(0)));
}

const watcherTypeOf = (body: Uint8Array): number =>
  new DataView(body.buffer, body.byteOffset, body.byteLength).getInt32(body.length - 4);

// --- the files -------------------------------------------------------------------------------------------------------

function recordsOf(file: string): GoldenRecord[] {
  const text = readFileSync(new URL(`../../golden/client/${file}.jsonl`, import.meta.url), 'utf8');
  const records = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as GoldenRecord]));
  return causesFirst(records.slice(1));
}

/** The proxy saw the server close before it had passed on the bytes that made it close. */
function causesFirst(records: readonly GoldenRecord[]): GoldenRecord[] {
  const ordered = [...records];
  for (let i = 0; i + 1 < ordered.length; i++) {
    const [end, cause] = [ordered[i]!, ordered[i + 1]!];
    if ('close' in end && 'd' in cause && cause.raw !== undefined && cause.c === end.close) {
      ordered[i] = cause;
      ordered[i + 1] = end;
    }
  }
  return ordered;
}

function firstSessionIdOf(records: readonly GoldenRecord[]) {
  for (const record of records) {
    if (!('d' in record) || record.d !== 's2c') continue;
    const response = decodeConnectResponse(fromHex(record.hex!)!);
    if (response.ok) return asSession(response.value.sessionId);
  }
  throw new Error('no session in the recording');
}

/** Every Stat anywhere in a decoded frame tells when two transactions were. */
function collectTimes(value: unknown, times: Map<number, number>): void {
  if (Array.isArray(value)) for (const item of value) collectTimes(item, times);
  if (typeof value !== 'object' || value === null) return;
  const { czxid, ctime, mzxid, mtime } = value as Record<string, unknown>;
  if (typeof czxid === 'number' && typeof ctime === 'number' && czxid > 0) times.set(czxid, ctime);
  if (typeof mzxid === 'number' && typeof mtime === 'number' && mzxid > 0) times.set(mzxid, mtime);
  for (const item of Object.values(value)) collectTimes(item, times);
}
