/**
 * The schedule: everything a run does that the servers' own code does not decide, as one JSON value.
 *
 * ```json
 * { "format": 1, "commit": "4f1c…", "seed": "42", "profile": "default",
 *   "options": { "nodes": 5, "clients": 4, "duration": 30000, … },
 *   "swarm": { "network.latency": 2, "disk.fsync": 4, "workload.rate": 20, … },
 *   "ops": [ { "id": 1, "at": 2000, "do": "cut", "links": ["3>1", "3>2"], "for": 9000 },
 *            { "id": 2, "after": "zab.newleader.acked#1", "do": "power", "node": "leader", "for": 1500 },
 *            { "id": 3, "nth": 3, "link": "1>2", "kind": "PROPOSAL", "do": "reset" },
 *            { "id": 4, "after": "op:2", "plus": 300, "do": "clock", "node": "same", "jump": -60000 } ],
 *   "expect": { "verdict": "safety", "property": "committed-never-lost" } }
 * ```
 *
 * Times are milliseconds of virtual time and may have up to three decimals (a microsecond). An operation waits for a
 * moment (`at`), for a mark that some server leaves or for another operation (`after`, then `plus`), or for the nth
 * packet of a kind on a link (`nth`). What an operation needs beyond its fields (which sectors survive, where a frame is
 * cut) is drawn from a stream named after its id, so that removing one operation does not change what another does.
 * Operations that cannot be applied any more (the server is down already, there is no leader) are skipped and counted:
 * every subset of a schedule is a schedule, which is what shrinking needs.
 *
 * The grammar is the table `OPS`; the types, the validation and the documentation are made from it.
 */

import { DEFAULT_CONFIG } from '../core/config/defaults.ts';
import type { PeerConfig } from '../core/config/types.ts';
import { type Asks, asksProblems } from './asks.ts';

export const SCHEDULE_FORMAT = 1;
export const OPS_COUNT_MAX = 10_000;
export const NODES_MAX = 15;
export const CLIENTS_MAX = 64;

/**
 * A server by number, or by what it is at the moment the operation starts. `candidate`: it leads and is not established.
 * `same`: where the operation or the note that this one waited for was, otherwise where the operation before it hit.
 */
export type NodeRef = number | 'leader' | 'candidate' | 'follower' | 'observer' | 'any' | 'same';
const NODE_WORDS = ['leader', 'candidate', 'follower', 'observer', 'any', 'same'] as const;

/** `1>2` one way, `1-2` both ways; `*` is every server, `c1` is client 1, `leader` and `follower` as in `NodeRef`. */
export type LinkRef = string;
const LINK_END = '(?:[1-9][0-9]?|c[0-9]{1,2}|c\\*|\\*|leader|follower)';
const LINK_PATTERN = new RegExp(`^${LINK_END}[>-]${LINK_END}$`);

export type FileClass = 'log' | 'snapshot' | 'epoch' | 'any';
const EFFECTS = ['connect', 'send', 'close', 'listen', 'file', 'note'] as const;
const ACTIONS = [
  'create',
  'append',
  'write',
  'fsync',
  'fsyncDir',
  'rename',
  'truncate',
  'remove',
  'read',
  'list',
] as const;
const EDGES = ['before', 'after', 'done'] as const;

/** What becomes of a server that is left out of the healed core: off, cut off, able to speak but not to hear, standing still. */
export type Fate = 'dead' | 'cut' | 'deaf' | 'still';
const FATES: readonly Fate[] = ['dead', 'cut', 'deaf', 'still'];

/** What a field of an operation may hold. A trailing `?` in the table makes it optional. */
interface FieldKinds {
  ms: number;
  signedMs: number;
  count: number;
  ratio: number;
  flag: boolean;
  text: string;
  node: NodeRef;
  nodes: readonly number[];
  client: number;
  links: readonly LinkRef[];
  groups: readonly (readonly number[])[];
  channel: 'election' | 'quorum' | 'client';
  direction: 'both' | 'in' | 'out';
  refusal: 'refuse' | 'hang';
  death: 'kill' | 'power';
  effect: (typeof EFFECTS)[number];
  action: (typeof ACTIONS)[number];
  edge: (typeof EDGES)[number];
  diskError: 'EIO' | 'ENOSPC';
  fileClass: FileClass;
  fate: Fate;
  settings: Settings;
}
type FieldKind = keyof FieldKinds;
type FieldSpec = FieldKind | `${FieldKind}?`;

/** Server settings a schedule may choose: everything in `PeerConfig` except who and where the server is. */
export type Settings = Readonly<
  Partial<Omit<PeerConfig, 'myid' | 'membership' | 'peerType' | 'clientAddress' | 'secureClientAddress'>>
>;
const SETTINGS_REFUSED = new Set(['myid', 'membership', 'peerType', 'clientAddress', 'secureClientAddress']);

/**
 * Every operation with its fields. Operations with `for` end by themselves; without it they last until `heal` or the end
 * of the fault phase.
 */
export const OPS = {
  // --- the network ---
  /** Nothing passes on these links. Bytes under way wait (TCP retransmits) and new connections hang. */
  cut: { links: 'links', channel: 'channel?', for: 'ms?' },
  /** Only servers of one group hear each other; clients reach all. */
  partition: { groups: 'groups', for: 'ms?' },
  /** One server alone; `in` loses what it is sent, `out` what it sends. */
  isolate: { node: 'node', direction: 'direction?', for: 'ms?' },
  /** Two halves that only one server hears both of. */
  bridge: { node: 'node', for: 'ms?' },
  /** Every server hears a majority, and no two the same one. */
  ring: { for: 'ms?' },
  /** Cuts and heals the links again and again. */
  flap: { links: 'links', period: 'ms', for: 'ms' },
  /** Adds latency. */
  slow: { links: 'links', by: 'ms', channel: 'channel?', for: 'ms?' },
  /** Holds every byte back, then lets all go at once. */
  clog: { links: 'links', channel: 'channel?', for: 'ms' },
  /** Resets every open connection of these links, possibly in the middle of a frame. */
  reset: { links: 'links', channel: 'channel?' },
  /** New connections to the server fail at once or hang. */
  refuse: { node: 'node', channel: 'channel?', how: 'refusal', for: 'ms?' },
  /** The server's certificate is not accepted: handshakes with it fail. */
  tls: { node: 'node', for: 'ms?' },
  /** Over-approximation: chunks overtake each other within a stream. Must be detected, never believed. */
  unordered: { links: 'links', for: 'ms' },
  /**
   * Priorities (PCT): what the first server sends is delivered at once, what the next one sends `step` later, and so on.
   * Another `rank` takes the place of the one before.
   */
  rank: { order: 'nodes', step: 'ms', for: 'ms?' },

  /**
   * A box in the middle forgets the open connections of these links: nothing arrives on them any more, no end either, and new
   * ones are fine (a firewall without memory, ZOOKEEPER-4203). Nothing heals that but closing them.
   */
  blackhole: { links: 'links', channel: 'channel?' },

  /** Somebody calls the server's election port as server `as`, with `tls` but without a certificate, and says nothing sensible. */
  knock: { node: 'node', as: 'count', tls: 'flag?' },

  // --- servers ---
  /** The process dies, the operating system stays: what was written is there. Starts again after `for`. */
  crash: { node: 'node', for: 'ms?' },
  /** The machine dies: unsynced sectors and names are lost, kept or garbled at the disk's whim. */
  power: { node: 'node', for: 'ms?' },
  /**
   * Dies at a place in its own code: `edge` (default `after`) an effect, or when a file operation is `done` and the process
   * has not heard of it yet. `skip` passes that many first. The trap stays until it has sprung or is healed; `for` is how
   * long the server is down then.
   */
  crashWhen: {
    node: 'node',
    how: 'death',
    effect: 'effect?',
    action: 'action?',
    file: 'fileClass?',
    channel: 'channel?',
    note: 'text?',
    edge: 'edge?',
    skip: 'count?',
    for: 'ms?',
  },
  start: { node: 'node' },
  /** At the end of the faults the server is not healed, if a quorum of others is left; drawn where nothing is said. */
  outside: { node: 'node', as: 'fate' },
  /** The process stands still (SIGSTOP, a long garbage collection) while its clocks go on. */
  pause: { node: 'node', for: 'ms' },
  /** Comes back with an empty disk. */
  wipe: { node: 'node', for: 'ms?' },
  /** Remembers the disk as it is. */
  backup: { node: 'node' },
  /** Comes back with the disk that `backup` remembered. */
  restore: { node: 'node', for: 'ms?' },
  /** Restarts the servers one after the other with other settings. */
  rolling: { settings: 'settings', pause: 'ms' },

  // --- disks ---
  diskSlow: { node: 'node', by: 'ms', file: 'fileClass?', for: 'ms?' },
  /** No operation completes; with `file` none on this class of files. */
  diskStall: { node: 'node', file: 'fileClass?', for: 'ms' },
  /** The next `count` operations of this class of files fail; with `action` only such ones. */
  diskError: {
    node: 'node',
    error: 'diskError',
    file: 'fileClass',
    action: 'action?',
    count: 'count',
    for: 'ms?',
  },
  /** One bit of a durable file flips; found only when it is read. */
  bitRot: { node: 'node', file: 'fileClass' },
  /** The next power cut may also leave garbage where durable bytes were being overwritten. */
  tornWrites: { node: 'node' },
  /** Over-approximation: fsync says yes and does nothing. Nobody survives this; only silent divergence counts. */
  lyingFsync: { node: 'node', for: 'ms?' },

  // --- clocks ---
  /** Moves the wall clock; the monotonic clock does not notice. */
  clock: { node: 'node', jump: 'signedMs' },
  /** Both clocks run at this rate (1.1: ten percent fast). */
  drift: { node: 'node', rate: 'ratio', for: 'ms?' },

  // --- clients ---
  /** Nobody asks for anything; sessions stay. */
  quiet: { for: 'ms' },
  /** Dies without a word and comes back: as a new client, or with `same` to go on with its session. */
  clientKill: { client: 'client', same: 'flag?' },
  /** Changes to another server. */
  clientMove: { client: 'client' },
  /** Stands still. */
  clientPause: { client: 'client', for: 'ms' },
  /** Stops reading from its connection. */
  clientSlow: { client: 'client', for: 'ms' },
  /** Ends its session politely and begins another. */
  clientClose: { client: 'client' },
  /** Creates, writes or deletes exactly this; what scenarios use to place a transaction. */
  clientWrite: { client: 'client', path: 'text', data: 'text?', ephemeral: 'flag?' },
  clientRead: { client: 'client', path: 'text', watch: 'flag?' },
  clientDelete: { client: 'client', path: 'text' },

  // --- administration ---
  /** Asks the ensemble to become these servers (a set of participants). New servers are started first. */
  reconfig: { members: 'nodes' },

  /** Undoes every fault that lasts, or those of one operation. */
  heal: { op: 'count?' },
} as const satisfies Record<string, Record<string, FieldSpec>>;

export type OpName = keyof typeof OPS;

type Optional<S> = S extends `${string}?` ? true : false;
type KindOf<S> = S extends `${infer K extends FieldKind}?`
  ? FieldKinds[K]
  : S extends FieldKind
    ? FieldKinds[S]
    : never;
type BodyOf<F> = { readonly [K in keyof F as Optional<F[K]> extends true ? never : K]: KindOf<F[K]> } & {
  readonly [K in keyof F as Optional<F[K]> extends true ? K : never]?: KindOf<F[K]>;
};

/** What starts an operation. `next`: having come so far it waits for the next such note, of any server or (`@3`) of one. */
export type Trigger =
  | { readonly at: number; readonly next?: string }
  /**
   * `op:3`, or a note of any server such as `zab.established#2` (the second one; `#1` when left out), or of one server:
   * `zab.established@3#2` is the second one of server 3.
   */
  | { readonly after: string; readonly plus?: number; readonly next?: string }
  /** The nth packet of this kind on the link, counted from 1. */
  | { readonly nth: number; readonly link: LinkRef; readonly kind: string };

export type OpOf<K extends OpName> = K extends OpName
  ? { readonly id: number; readonly do: K } & Trigger & BodyOf<(typeof OPS)[K]>
  : never;
export type Op = { [K in OpName]: OpOf<K> }[OpName];

/** Sizes and switches of the run. */
export interface RunOptions {
  /** Servers that vote at the start. */
  readonly nodes: number;
  readonly observers: number;
  /** Servers that exist, are not yet members and wait for a `reconfig`. */
  readonly spares: number;
  readonly clients: number;
  /** Length of the phase with faults. */
  readonly duration: number;
  /** What the healed core has to elect, synchronise and commit; a liveness violation after it. */
  readonly settle: number;
  /** Faults may destroy more than the ensemble is supposed to survive: only silent divergence counts. */
  readonly unrestricted: boolean;
  /** Election and quorum connections are encrypted and authenticated. */
  readonly tls: boolean;
  /** Settings of every server. */
  readonly settings: Settings;
}

/**
 * The weather: what the world and the clients draw all the time, as opposed to operations, which happen once. Plain
 * numbers by name; a name that is left out has the value of `CALM`.
 */
export type Swarm = { readonly [K in SwarmName]: number };

export const CALM = {
  /** Least one-way latency of a link, ms. */
  'network.latency': 0.3,
  /** Mean of the exponential part on top of it, ms. */
  'network.jitter': 0.3,
  /** Links of every 100 that are permanently slower, and by how much (ms). */
  'network.far': 0,
  'network.farBy': 0,
  /** Of a million chunks, how many are stalled as by packet loss, and the first retransmission timeout (ms). */
  'network.stall': 0,
  'network.stallFor': 200,
  /** Of a million chunks, how many reset their connection. */
  'network.reset': 0,
  /** Chunks of every 100 that are cut into pieces. */
  'network.cut': 0,
  /** Bytes a connection holds before the sender is told to wait. */
  'network.buffer': 1_048_576,
  /** Least and mean extra time of a write to the page cache and of an fsync, ms. */
  'disk.write': 0.02,
  'disk.fsync': 1,
  'disk.fsyncJitter': 1,
  /** Of a million fsyncs, how many take long, and how long (ms). */
  'disk.slow': 0,
  'disk.slowFor': 500,
  /** Greatest deviation of a server's clock rate, parts per million, and of its wall clock at the start, ms. */
  'clock.drift': 0,
  'clock.offset': 0,
  /** Operations a second and client. */
  'workload.rate': 10,
  /** Requests a client has open at once. */
  'workload.pipeline': 4,
  /** Different paths a client uses, and how many of them are hot. */
  'workload.paths': 40,
  'workload.hot': 3,
  /** Length of written data, bytes. */
  'workload.bytes': 40,
  /** Different lists of rights that ordinary nodes get, all of which let everybody go on; 0: those nodes stay open. */
  'workload.rights': 0,
  /** Session timeout a client asks for, ms. */
  'workload.session': 6000,
  /** Weights of kinds of requests; 0 switches one off. */
  'mix.create': 10,
  'mix.setData': 20,
  'mix.delete': 6,
  'mix.read': 20,
  'mix.children': 6,
  'mix.sync': 4,
  'mix.multi': 5,
  'mix.ephemeral': 6,
  'mix.sequence': 6,
  'mix.container': 1,
  'mix.watch': 6,
  'mix.acl': 2,
  'mix.auth': 1,
  'mix.check': 1,
  'mix.admin': 1,
  /** Of a thousand requests, after how many a client moves, closes, dies or comes back with a stale zxid. */
  'client.move': 0,
  'client.close': 0,
  'client.die': 0,
  'client.ahead': 0,
  /** Of a hundred programs that come back with the session of another, so many do not know its password. */
  'client.forged': 0,
  /** So many clients, the first ones, are content with a server that only reads. */
  'client.readOnly': 0,
  /** 1: after the healing every client must be answered, not only some. */
  'client.served': 0,
  /** Above 0: the ensemble has a past in which versions came within so many changes of their limits. */
  'genesis.near': 0,
  /** So many servers, the first ones, tell others an election address that only they themselves can use. */
  'servers.astray': 0,
  /** Weights of kinds of requests that only special profiles ask: nodes that change hands, quotas, changes of the ensemble. */
  'more.secret': 0,
  'more.quota': 0,
  'more.reconfig': 0,
  /** Watches on paths of some thousand characters. */
  'more.farWatch': 0,
  /** Programs that use locks and queues (sim/recipes). */
  'more.recipe': 0,
} as const;
export type SwarmName = keyof typeof CALM;

/** How a run must end. Without it: no violation. */
export interface Expectation {
  readonly verdict: 'ok' | 'safety' | 'liveness' | 'crash';
  readonly property?: string;
  /** Who must have broken it, as `Violation.role` says it. */
  readonly role?: string;
  /** What kind of stall or exception it must be, as `Violation.reason` says it. */
  readonly reason?: string;
  /** Notes that some server must have left, such as `zab.sync.trunc`. */
  readonly marks?: readonly string[];
  /** Notes that nobody may have left. */
  readonly never?: readonly string[];
  /** Pieces of what the run tells of itself, such as `server 3 leads epoch 2`: each must stand in some moment. */
  readonly tells?: readonly string[];
  /** At least so many writes of clients went through. */
  readonly writes?: number;
}

export interface Schedule {
  readonly format: typeof SCHEDULE_FORMAT;
  /** The code it was made with; shown, never enforced. */
  readonly commit: string;
  readonly seed: string;
  readonly profile: string;
  readonly options: RunOptions;
  readonly swarm: Swarm;
  readonly ops: readonly Op[];
  /** The turns of clients that are kept; left out: all of them. */
  readonly asks?: Asks;
  readonly expect?: Expectation;
}

export const DEFAULT_OPTIONS: RunOptions = {
  nodes: 5,
  observers: 0,
  spares: 0,
  clients: 4,
  duration: 30_000,
  settle: 60_000,
  unrestricted: false,
  tls: false,
  settings: {},
};

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** One line per operation, so that a person can delete and move lines. */
export function formatSchedule(schedule: Schedule): string {
  const { ops, ...rest } = schedule;
  const head = JSON.stringify({ ...rest, ops: [] }, null, 2);
  const lines = ops.map((op) => `    ${JSON.stringify(op)}`);
  return `${head.replace('"ops": []', () => (ops.length === 0 ? '"ops": []' : `"ops": [\n${lines.join(',\n')}\n  ]`))}\n`;
}

/**
 * Without what has its default anyway: options, weather that is calm, empty parts. For a file that a person reads; the
 * parser puts everything back.
 */
export function briefSchedule(schedule: Schedule): Schedule {
  const { options, swarm, asks, ...rest } = schedule;
  const differing = (values: object, defaults: object): object => {
    const known = new Map(Object.entries(defaults));
    return Object.fromEntries(Object.entries(values).filter(([name, value]) => known.get(name) !== value));
  };
  const isWholeSettings = Object.keys(options.settings).length === 0;
  const { settings, ...sizes } = options;
  const brief = { ...differing(sizes, DEFAULT_OPTIONS), ...(isWholeSettings ? {} : { settings }) } as RunOptions;
  const said = { ...rest, options: brief, swarm: differing(swarm, CALM) as Swarm };
  return asks === undefined ? said : { ...said, asks };
}

/** Reads a schedule and reports every problem in it, one sentence each. */
export function parseSchedule(text: string): Parsed<Schedule> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  return checkSchedule(json);
}

/** The same for a value that is parsed already. Left-out options and swarm settings get their defaults. */
export function checkSchedule(json: unknown): Parsed<Schedule> {
  const problems: string[] = [];
  if (!isObject(json)) return { ok: false, problems: ['a schedule is a JSON object'] };
  refuseUnknown(
    json,
    ['format', 'commit', 'seed', 'profile', 'options', 'swarm', 'ops', 'asks', 'expect'],
    'schedule',
    problems,
  );
  if (json.format !== SCHEDULE_FORMAT)
    problems.push(`format is ${show(json.format)}; this version reads ${SCHEDULE_FORMAT}`);
  const schedule = {
    format: SCHEDULE_FORMAT,
    commit: textOf(json.commit, '', 'commit', problems),
    seed: textOf(json.seed, '0', 'seed', problems),
    profile: textOf(json.profile, 'default', 'profile', problems),
    options: optionsOf(json.options, problems),
    swarm: swarmOf(json.swarm, problems),
    ops: opsOf(json.ops, problems),
  } as const;
  const expect = json.expect === undefined ? undefined : expectationOf(json.expect, problems);
  const asks = json.asks === undefined ? undefined : asksOf(json.asks, problems);
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: { ...schedule, ...(asks === undefined ? {} : { asks }), ...(expect === undefined ? {} : { expect }) },
  };
}

function asksOf(json: unknown, problems: string[]): Asks {
  if (!isObject(json)) {
    problems.push('asks is not an object');
    return {};
  }
  problems.push(...asksProblems(json));
  return json as Asks;
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isMs = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= 1e9;
const show = (value: unknown): string => JSON.stringify(value) ?? 'missing';

function refuseUnknown(json: Json, known: readonly string[], where: string, problems: string[]): void {
  for (const key of Object.keys(json)) if (!known.includes(key)) problems.push(`${where}: unknown key "${key}"`);
}

function textOf(value: unknown, byDefault: string, where: string, problems: string[]): string {
  if (value === undefined) return byDefault;
  if (typeof value === 'string') return value;
  problems.push(`${where} is ${show(value)}, not a text`);
  return byDefault;
}

const OPTION_BOUNDS = {
  nodes: [1, NODES_MAX],
  observers: [0, NODES_MAX],
  spares: [0, NODES_MAX],
  clients: [0, CLIENTS_MAX],
  duration: [0, 1e9],
  settle: [0, 1e9],
} as const satisfies Partial<Record<keyof RunOptions, readonly [number, number]>>;

function optionsOf(json: unknown, problems: string[]): RunOptions {
  if (json === undefined) return DEFAULT_OPTIONS;
  if (!isObject(json)) {
    problems.push('options is not an object');
    return DEFAULT_OPTIONS;
  }
  const options: Record<string, unknown> = { ...DEFAULT_OPTIONS };
  refuseUnknown(json, Object.keys(DEFAULT_OPTIONS), 'options', problems);
  for (const [name, [least, most]] of Object.entries(OPTION_BOUNDS)) {
    const value = json[name];
    if (value === undefined) continue;
    if (isCount(value) && value >= least && value <= most) options[name] = value;
    else problems.push(`options.${name} is ${show(value)}, not a whole number from ${least} to ${most}`);
  }
  for (const name of ['unrestricted', 'tls'] as const) {
    const value = json[name];
    if (value === undefined) continue;
    if (typeof value === 'boolean') options[name] = value;
    else problems.push(`options.${name} is ${show(value)}, not true or false`);
  }
  if (json.settings !== undefined) {
    const problem = settingsProblem(json.settings);
    if (problem === null) options.settings = json.settings;
    else problems.push(`options.settings: ${problem}`);
  }
  return options as unknown as RunOptions;
}

function settingsProblem(value: unknown): string | null {
  if (!isObject(value)) return 'not an object';
  const defaults = DEFAULT_CONFIG as unknown as Json;
  for (const [key, setting] of Object.entries(value)) {
    if (!(key in defaults) || SETTINGS_REFUSED.has(key)) return `unknown setting "${key}"`;
    const byDefault = defaults[key];
    // Lists and nullable texts are for whoever writes them; numbers and switches are checked.
    const simple = typeof byDefault === 'number' || typeof byDefault === 'boolean';
    if (simple && typeof setting !== typeof byDefault) return `${key} is ${show(setting)}, not a ${typeof byDefault}`;
  }
  return null;
}

function swarmOf(json: unknown, problems: string[]): Swarm {
  if (json === undefined) return CALM;
  if (!isObject(json)) {
    problems.push('swarm is not an object');
    return CALM;
  }
  const swarm: Record<SwarmName, number> = { ...CALM };
  for (const [name, value] of Object.entries(json)) {
    if (!(name in CALM)) problems.push(`swarm: unknown key "${name}"`);
    else if (isMs(value) && value >= 0) swarm[name as SwarmName] = value;
    else problems.push(`swarm.${name} is ${show(value)}, not a number from 0`);
  }
  return swarm;
}

function opsOf(json: unknown, problems: string[]): readonly Op[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) {
    problems.push('ops is not a list');
    return [];
  }
  if (json.length > OPS_COUNT_MAX) {
    problems.push(`ops has ${json.length} entries; at most ${OPS_COUNT_MAX} are accepted`);
    return [];
  }
  const ids = new Set<number>();
  for (const [index, op] of json.entries()) {
    const where = isObject(op) && isCount(op.id) ? `op ${op.id}` : `ops[${index}]`;
    for (const problem of opProblems(op)) problems.push(`${where}: ${problem}`);
    if (!isObject(op) || !isCount(op.id)) continue;
    if (ids.has(op.id)) problems.push(`${where}: the id is used twice`);
    ids.add(op.id);
  }
  return json as readonly Op[];
}

function opProblems(op: unknown): string[] {
  if (!isObject(op)) return ['not an object'];
  const problems: string[] = [];
  if (!isCount(op.id)) problems.push(`id is ${show(op.id)}, not a whole number`);
  const known = ['id', 'do', ...triggerKeys(op, problems)];
  if (typeof op.do !== 'string') return [...problems, 'says not what to do'];
  // An operation this version does not know is skipped when the run comes to it, so that files outlive the code.
  if (!(op.do in OPS)) return problems;
  const fields: Readonly<Record<string, FieldSpec>> = OPS[op.do as OpName];
  refuseUnknown(op, [...known, ...Object.keys(fields)], `do ${op.do}`, problems);
  for (const [name, spec] of Object.entries(fields)) {
    const value = op[name];
    if (value === undefined) {
      if (!spec.endsWith('?')) problems.push(`do ${op.do}: ${name} is missing`);
      continue;
    }
    const wanted = fieldProblem(spec.replace('?', '') as FieldKind, value);
    if (wanted !== null) problems.push(`${name} is ${show(value)}, ${wanted}`);
  }
  return problems;
}

const AFTER_PATTERN = /^(?:op:[0-9]+|[a-z][A-Za-z]*(?:\.[A-Za-z]+)+(?:@[1-9][0-9]?)?(?:#[1-9][0-9]*)?)$/;
const NEXT_PATTERN = /^[a-z][A-Za-z]*(?:\.[A-Za-z]+)+(?:@[1-9][0-9]?)?$/;
export const PACKET_KINDS = [
  'PROPOSAL',
  'ACK',
  'COMMIT',
  'NEWLEADER',
  'UPTODATE',
  'LEADERINFO',
  'ACKEPOCH',
  'PING',
  'DIFF',
  'TRUNC',
  'SNAP',
  'INFORM',
  'REQUEST',
] as const;

/** The keys the trigger of an operation uses, after checking them. */
function triggerKeys(op: Json, problems: string[]): string[] {
  const given = ['at', 'after', 'nth'].filter((key) => op[key] !== undefined);
  if (given.length !== 1) {
    problems.push('needs exactly one of at, after and nth');
    return given;
  }
  if (op.next !== undefined && (typeof op.next !== 'string' || !NEXT_PATTERN.test(op.next))) {
    problems.push(`next is ${show(op.next)}, not a note such as "zab.established" or "zab.established@2"`);
  }
  if (op.at !== undefined) {
    if (!isMs(op.at) || op.at < 0) problems.push(`at is ${show(op.at)}, not milliseconds from 0`);
    return ['at', 'next'];
  }
  if (op.after !== undefined) {
    if (typeof op.after !== 'string' || !AFTER_PATTERN.test(op.after)) {
      problems.push(`after is ${show(op.after)}, not "op:N" or a note such as "zab.established#2"`);
    }
    if (op.plus !== undefined && (!isMs(op.plus) || op.plus < 0))
      problems.push(`plus is ${show(op.plus)}, not milliseconds`);
    return ['after', 'plus', 'next'];
  }
  if (!isCount(op.nth) || op.nth < 1) problems.push(`nth is ${show(op.nth)}, not a whole number from 1`);
  if (typeof op.link !== 'string' || !LINK_PATTERN.test(op.link))
    problems.push(`link is ${show(op.link)}, not like "1>2"`);
  if (!PACKET_KINDS.some((kind) => kind === op.kind)) {
    problems.push(`kind is ${show(op.kind)}, not one of ${PACKET_KINDS.join(', ')}`);
  }
  return ['nth', 'link', 'kind'];
}

const isServerId = (value: unknown): value is number => isCount(value) && value >= 1 && value <= 99;
const oneOf = (words: readonly string[], value: unknown): string | null =>
  words.some((word) => word === value) ? null : `not one of ${words.join(', ')}`;

/** What the value should have been, or null when it is fine. */
function fieldProblem(kind: FieldKind, value: unknown): string | null {
  switch (kind) {
    case 'ms':
      return isMs(value) && value >= 0 ? null : 'not milliseconds from 0';
    case 'signedMs':
      return isMs(value) ? null : 'not milliseconds';
    case 'count':
      return isCount(value) ? null : 'not a whole number from 0';
    case 'ratio':
      return typeof value === 'number' && value >= 0.1 && value <= 10 ? null : 'not a number from 0.1 to 10';
    case 'flag':
      return typeof value === 'boolean' ? null : 'not true or false';
    case 'text':
      return typeof value === 'string' ? null : 'not a text';
    case 'node':
      return isServerId(value) ? null : oneOf(NODE_WORDS, value) === null ? null : 'not a server';
    case 'client':
      return isServerId(value) ? null : 'not the number of a client from 1';
    case 'nodes':
      return Array.isArray(value) && value.every(isServerId) ? null : 'not a list of servers';
    case 'groups':
      return Array.isArray(value) && value.every((group) => Array.isArray(group) && group.every(isServerId))
        ? null
        : 'not a list of lists of servers';
    case 'links':
      return Array.isArray(value) && value.every((link) => typeof link === 'string' && LINK_PATTERN.test(link))
        ? null
        : 'not a list of links such as "1>2" or "1-2"';
    case 'channel':
      return oneOf(['election', 'quorum', 'client'], value);
    case 'direction':
      return oneOf(['both', 'in', 'out'], value);
    case 'refusal':
      return oneOf(['refuse', 'hang'], value);
    case 'death':
      return oneOf(['kill', 'power'], value);
    case 'effect':
      return oneOf(EFFECTS, value);
    case 'action':
      return oneOf(ACTIONS, value);
    case 'edge':
      return oneOf(EDGES, value);
    case 'diskError':
      return oneOf(['EIO', 'ENOSPC'], value);
    case 'fate':
      return oneOf(FATES, value);
    case 'fileClass':
      return oneOf(['log', 'snapshot', 'epoch', 'any'], value);
    case 'settings':
      return settingsProblem(value);
    default:
      return kind satisfies never;
  }
}

function expectationOf(json: unknown, problems: string[]): Expectation {
  const fallback: Expectation = { verdict: 'ok' };
  if (!isObject(json)) {
    problems.push('expect is not an object');
    return fallback;
  }
  refuseUnknown(
    json,
    ['verdict', 'property', 'role', 'reason', 'marks', 'never', 'tells', 'writes'],
    'expect',
    problems,
  );
  const verdict = oneOf(['ok', 'safety', 'liveness', 'crash'], json.verdict);
  if (verdict !== null) problems.push(`expect.verdict is ${show(json.verdict)}, ${verdict}`);
  for (const name of ['property', 'role', 'reason'] as const) {
    if (json[name] !== undefined && typeof json[name] !== 'string') problems.push(`expect.${name} is not a text`);
  }
  if (json.writes !== undefined && !isCount(json.writes)) problems.push('expect.writes is not a whole number');
  for (const name of ['marks', 'never', 'tells'] as const) {
    const value = json[name];
    if (value !== undefined && !(Array.isArray(value) && value.every((text) => typeof text === 'string')))
      problems.push(`expect.${name} is not a list of texts`);
  }
  return json as unknown as Expectation;
}
