/**
 * From a seed to a schedule: which faults, how many, when and how hard.
 *
 * Swarm testing (Groce et al.): a run that has everything has little of each, so every kind of fault and every size is
 * itself drawn, and half of them are off. One seed in four has a theme, a single kind of trouble and much of it; one in
 * sixteen is calm, which is where liveness and speed regressions show. Every second one is brief: three servers, a few seconds
 * and one or two stories (`stories.ts`), because most bugs of consensus need few servers and many tries. Every decision has
 * a stream of its own name, so that a new kind of fault changes no old schedule of another kind.
 *
 * Only faults that the ensemble is supposed to survive are drawn, except with `unrestricted`.
 */

import {
  CALM,
  DEFAULT_OPTIONS,
  type FileClass,
  type Op,
  type RunOptions,
  SCHEDULE_FORMAT,
  type Schedule,
  type Settings,
  type Swarm,
  type SwarmName,
} from './schedule.ts';
import { isSpecial, SPECIAL_SAYS, type SpecialName, type SpecialProfile, specialOf } from './stories/special.ts';
import { type Draft, isStory, type Planned, STORIES, type Story, tell } from './stories.ts';
import { makeStream } from './world/random.ts';
import type { Stream } from './world/types.ts';

export const PROFILES = {
  default: 'a bit of everything, sized so that a seed takes about a second',
  swarm: 'more servers, more faults, longer',
  calm: 'no faults: speed and liveness',
  elections: 'crashes and partitions aimed at leaders',
  disk: 'power cuts, errors, rot, crash points around every file operation',
  sessions: 'clients that die, move and come back',
  network: 'slow, lossy, cut and flapping links',
  windows: 'three servers, short runs, faults inside the steps of Zab',
  uniform: 'three servers, crashes and cuts at times and places without any preference',
  images: 'damaged disks, and servers that start from them',
  ...SPECIAL_SAYS,
} as const;
export type Profile = keyof typeof PROFILES;
type GeneralProfile = Exclude<Profile, SpecialName>;

export interface SwarmRequest {
  readonly seed: string;
  readonly profile: Profile;
  readonly commit: string;
  /** What the caller insists on; the rest is drawn. */
  readonly options: Partial<RunOptions>;
}

/** Kinds of trouble that are switched on and off as a whole. */
const TROUBLES = [
  'crash',
  'power',
  'crashPoint',
  'pause',
  'partition',
  'oneWay',
  'links',
  'connections',
  'diskSlow',
  'diskError',
  'rot',
  'wipe',
  'clock',
  'clients',
  'restart',
  'torn',
  'rolling',
  'tls',
  'reconfig',
  'lie',
  'oldDisk',
  ...STORIES,
] as const;
type Trouble = (typeof TROUBLES)[number];

const FAVOURED_BY: Readonly<Record<GeneralProfile, readonly Trouble[]>> = {
  default: [],
  swarm: [],
  calm: [],
  elections: ['crash', 'partition', 'oneWay', 'pause', 'crashPoint'],
  disk: ['power', 'crashPoint', 'diskSlow', 'diskError', 'rot', 'wipe'],
  sessions: ['clients', 'crash', 'partition', 'clock'],
  network: ['links', 'partition', 'oneWay', 'connections'],
  windows: ['moment', 'trap', 'packet', 'tail', 'pairs', 'doomed', 'haste'],
  uniform: [],
  images: ['image', 'rot', 'power'],
};

const favouredBy = (profile: Profile): readonly Trouble[] => (isSpecial(profile) ? [] : FAVOURED_BY[profile]);

/** How often each story is told where none is favoured. */
const TOLD: readonly (readonly [Story, number])[] = [
  ['moment', 20],
  ['packet', 10],
  ['trap', 14],
  ['tail', 20],
  ['pairs', 16],
  ['doomed', 12],
  ['stale', 8],
  ['haste', 8],
  ['moved', 6],
  ['image', 8],
  ['rank', 6],
  ['purge', 4],
];

const SECOND = 1000;

export function generate(request: SwarmRequest): Schedule {
  return new Generator(request).schedule();
}

class Generator {
  readonly #request: SwarmRequest;
  readonly #isCalm: boolean;
  readonly #isBrief: boolean;
  readonly #theme: Trouble | null;
  readonly #special: SpecialProfile | null;

  constructor(request: SwarmRequest) {
    this.#request = request;
    this.#special = specialOf(request.profile);
    const stream = this.#stream('character');
    const isCalm = stream.below(16) === 0;
    const hasTheme = stream.below(4) === 0;
    const theme = stream.pick(TROUBLES);
    const isBrief = this.#stream('brevity').below(2) === 0;
    this.#isCalm = request.profile === 'calm' || (isCalm && request.profile === 'default');
    const isAlwaysBrief = request.profile === 'windows' || request.profile === 'uniform' || this.#special !== null;
    this.#isBrief = isAlwaysBrief || (isBrief && request.profile === 'default');
    this.#theme = hasTheme && request.profile !== 'uniform' && this.#special === null ? theme : null;
  }

  #stream(name: string): Stream {
    return makeStream(this.#request.seed, `swarm/${name}`);
  }

  schedule(): Schedule {
    const options = this.#options();
    const swarm = this.#swarm();
    const ops = this.#isCalm ? [] : this.#ops(options);
    const { seed, profile, commit } = this.#request;
    return { format: SCHEDULE_FORMAT, commit, seed, profile, options, swarm, ops };
  }

  // --- sizes ---

  #options(): RunOptions {
    const stream = this.#stream('sizes');
    const big = this.#request.profile === 'swarm';
    const nodes = weighted(stream, [
      [5, 48],
      [3, 40],
      [4, 4],
      [1, 3],
      [7, big ? 12 : 5],
    ]);
    const observers = weighted(stream, [
      [0, 75],
      [1, 18],
      [2, 7],
    ]);
    const clients = stream.between(2, big ? 8 : 5);
    const duration = (big ? 40 : 20) * SECOND + stream.between(0, 10 * SECOND);
    const settings = this.#settings();
    const shape = this.#stream('shape');
    const tls = shape.below(5) === 0;
    const grows = shape.below(10) === 0;
    const spares = shape.between(1, 2);
    const few = this.#stream('few');
    const fewNodes = few.below(8) === 0 ? 5 : 3;
    const fewClients = few.between(2, 3);
    const fewMs = few.between(6000, 12_000);
    const options = {
      ...DEFAULT_OPTIONS,
      nodes: this.#isBrief ? fewNodes : nodes,
      observers: nodes === 1 || this.#isBrief ? 0 : observers,
      spares: grows && nodes > 1 && !this.#isCalm && !this.#isBrief ? spares : 0,
      clients: this.#isBrief ? fewClients : clients,
      duration: this.#isBrief ? fewMs : duration,
      tls: tls && nodes > 1,
      settings,
    };
    const shaped = this.#special?.options?.(options, this.#stream('special/options')) ?? options;
    const merged = { ...shaped, ...this.#request.options };
    return {
      ...merged,
      settings: { ...shaped.settings, ...this.#request.options.settings },
      settle: settleOf(merged.settings),
    };
  }

  #settings(): Settings {
    const stream = this.#stream('settings');
    const modes = this.#stream('modes');
    const hasLocalSessions = modes.below(10) === 0;
    const tickTimeMs = stream.pick([200, 300, 500, 500, 1000]);
    const more = this.#stream('settings/more');
    const purges = more.below(4) === 0;
    const throttles = more.below(6) === 0;
    const drawn: Settings = {
      tickTimeMs: this.#isBrief ? Math.min(300, tickTimeMs) : tickTimeMs,
      initLimitTicks: stream.between(5, this.#isBrief ? 6 : 12),
      syncLimitTicks: stream.between(3, this.#isBrief ? 4 : 8),
      // Small numbers bring snapshots, log rolls and every way to synchronise into a short run.
      snapCount: stream.pick([20, 50, 100, 200, 1000]),
      commitLogCount: stream.pick([40, 60, 100, 500]),
      maxBatchSize: stream.pick([16, 64, 256, 1000]),
      snapshotSizeFactor: stream.pick([-1, 0.33, 0.33, 1]),
      snapshotCompression: stream.pick(['none', 'none', 'none', 'gz'] as const),
      forceSnapshotSync: stream.below(this.#isBrief ? 8 : 24) === 0,
      digestEnabled: stream.below(8) !== 0,
      localSessionsEnabled: hasLocalSessions,
      localSessionsUpgradingEnabled: hasLocalSessions,
      readOnlyModeEnabled: modes.below(4) === 0,
      extendedTypesEnabled: stream.below(3) === 0,
      leaderServes: stream.below(6) !== 0,
      electionFinalizeWaitMs: stream.pick([50, 200, 200]),
      globalOutstandingLimit: stream.pick([10, 1000, 1000]),
      maxConcurrentSnapSyncs: stream.pick([1, 10]),
      dbAutocreate: this.#stream('autocreate').below(3) !== 0,
      ...(purges ? { autopurgeIntervalMs: 1500 } : {}),
      ...(throttles ? { requestThrottleMaxRequests: more.between(1, 4) } : {}),
    };
    return drawn;
  }

  // --- weather ---

  #swarm(): Swarm {
    const stream = this.#stream('weather');
    const swarm: Record<SwarmName, number> = { ...CALM };
    const set = (name: SwarmName, chance: number, draw: () => number): void => {
      // A brief run has little time for waiting.
      const on = stream.below(100) < chance * (this.#isBrief ? 0.3 : 1);
      const value = draw();
      if (on && !this.#isCalm) swarm[name] = value;
    };
    set('network.latency', 60, () => stream.pick([0.1, 0.5, 1, 2, 5]));
    set('network.jitter', 60, () => stream.pick([0.2, 1, 3, 10, 30]));
    set('network.far', 25, () => stream.pick([10, 20, 40]));
    set('network.farBy', 100, () => stream.pick([5, 20, 60]));
    set('network.stall', 40, () => stream.pick([50, 500, 3000]));
    set('network.reset', 30, () => stream.pick([10, 50, 300]));
    set('network.cut', 50, () => stream.pick([1, 10, 50]));
    set('network.buffer', 20, () => stream.pick([16_000, 64_000, 256_000]));
    set('disk.fsync', 70, () => stream.pick([0.2, 1, 5, 15]));
    set('disk.fsyncJitter', 70, () => stream.pick([0.5, 2, 10, 30]));
    set('clock.drift', 40, () => stream.pick([100, 10_000, 50_000]));
    set('clock.offset', 40, () => stream.pick([50, 5000, 3_600_000]));
    this.#load(stream, swarm);
    return this.#special?.swarm?.(swarm, this.#stream('special/swarm')) ?? swarm;
  }

  #load(stream: Stream, swarm: Record<SwarmName, number>): void {
    swarm['workload.rate'] = stream.pick([4, 8, 12, 20]) * (this.#isBrief ? 2 : 1);
    swarm['workload.pipeline'] = stream.pick([1, 2, 4, 8]) * (this.#isBrief ? 2 : 1);
    swarm['workload.paths'] = stream.pick([6, 20, 40, 100]);
    swarm['workload.hot'] = stream.between(1, 4);
    const bytes = stream.pick([8, 40, 40, 300, 2000]);
    // Through a narrow window a large snapshot takes longer than any initLimit, which is nobody's fault.
    swarm['workload.bytes'] = swarm['network.buffer'] < CALM['network.buffer'] ? Math.min(bytes, 40) : bytes;
    swarm['workload.session'] = stream.pick([2000, 4000, 6000, 10_000]);
    for (const name of Object.keys(CALM) as SwarmName[]) {
      if (!name.startsWith('mix.')) continue;
      const isOff = stream.below(5) === 0;
      const weight = stream.between(1, 20);
      swarm[name] = isOff ? 0 : Math.ceil((CALM[name] * weight) / 8);
    }
    // Something must be written, or nothing is tested.
    swarm['mix.create'] = Math.max(4, swarm['mix.create']);
    swarm['mix.setData'] = Math.max(4, swarm['mix.setData']);
    const restless = this.#request.profile === 'sessions' || this.#theme === 'clients';
    for (const name of ['client.move', 'client.close', 'client.die', 'client.ahead'] as const) {
      const on = stream.below(3) === 0;
      const rate = stream.between(1, 8);
      if ((on || restless) && !this.#isCalm) swarm[name] = restless ? 2 * rate : rate;
    }
  }

  // --- operations ---

  #ops(options: RunOptions): Op[] {
    const planned: Planned[] = this.#request.profile === 'uniform' ? this.#uniform(options) : [];
    if (this.#special !== null) {
      planned.push(...this.#specialOps(this.#special, options));
    } else if (this.#request.profile !== 'uniform') {
      for (const trouble of TROUBLES) planned.push(...this.#opsOf(trouble, options));
      planned.push(...this.#storiesOf(options));
    }
    // Ids follow the time, so that a person reads them in order.
    planned.sort((a, b) => a.at - b.at);
    const ids = new Map(planned.map(({ key }, index) => [key, index + 1]));
    return planned.map((plan, index) => opOf(plan, index + 1, ids));
  }

  /** As the published random walks draw: so many crashes and cuts, each of any server at any time (Disalg). */
  #uniform(options: RunOptions): Planned[] {
    const stream = this.#stream('uniform');
    const planned: Planned[] = [];
    const count = stream.between(2, 10);
    for (let i = 0; i < count; i++) {
      const at = stream.between(500, options.duration - 500);
      const target = voter(stream, options);
      const duration = stream.between(100, 4000);
      const isCrash = stream.below(2) === 0;
      const draft: Draft = isCrash
        ? { do: 'crash', node: target, for: duration }
        : { do: 'cut', links: [`${target}-${1 + (target % options.nodes)}`], for: duration };
      planned.push({ at, draft });
    }
    return planned;
  }

  #specialOps({ stories }: SpecialProfile, options: RunOptions): Planned[] {
    const stream = this.#stream('special/story');
    const tell = stream.pick(stories);
    const at = stream.between(1500, Math.max(2000, Math.round(options.duration * 0.5)));
    return tell({ name: 'story', at, stream, options });
  }

  /** Which stories are told: one to three in a brief run, in another one mostly none. */
  #storiesOf(options: RunOptions): Planned[] {
    if (options.nodes === 1) return [];
    const stream = this.#stream('stories');
    const { profile } = this.#request;
    const some = STORIES.filter((story) => favouredBy(profile).includes(story));
    const favoured = this.#theme !== null && isStory(this.#theme) ? [this.#theme] : some;
    const isTold = this.#isBrief || favoured.length > 0 || stream.below(3) === 0;
    const count = isTold ? 1 + stream.below(this.#isBrief ? 3 : 2) : 0;
    const planned: Planned[] = [];
    for (let i = 0; i < count; i++) {
      const drawn = weighted(stream, TOLD);
      const story = favoured.length > 0 && stream.below(4) > 0 ? stream.pick(favoured) : drawn;
      planned.push(...tell(story, `${story}${i}`, this.#stream(`story/${i}`), options));
    }
    return planned;
  }

  #opsOf(trouble: Trouble, options: RunOptions): Planned[] {
    if (isStory(trouble)) return [];
    const stream = this.#stream(`trouble/${trouble}`);
    const isOn = stream.below(this.#isBrief ? 10 : 2) === 0;
    const most = this.#request.profile === 'swarm' ? 10 : this.#isBrief ? 1 : 5;
    const weight = stream.between(1, most);
    const favoured = favouredBy(this.#request.profile).includes(trouble) || this.#theme === trouble;
    if (!isOn && !favoured) return [];
    // Under a theme the other troubles are rare.
    const some = favoured ? 2 * weight : this.#theme === null ? weight : Math.min(1, weight);
    const count = trouble === 'rolling' ? 1 : some;
    const planned: Planned[] = [];
    for (let i = 0; i < count; i++) {
      const each = this.#stream(`trouble/${trouble}/${i}`);
      const at = each.between(500, Math.max(1000, options.duration - SECOND));
      const drawn = draftOf(trouble, each, options);
      if (drawn !== null) planned.push({ at, draft: drawn });
    }
    return planned;
  }
}

/** Gives the operation its id, and the ids of those that it refers to. Without a trigger of its own it starts at its place. */
function opOf({ at, draft }: Planned, id: number, ids: ReadonlyMap<string | undefined, number>): Op {
  const { after } = draft;
  if (typeof after === 'string' && after.startsWith('key:')) {
    return { id, ...draft, after: `op:${ids.get(after.slice('key:'.length)) ?? 0}` } as unknown as Op;
  }
  const hasTrigger = after !== undefined || draft.nth !== undefined;
  return (hasTrigger ? { id, ...draft } : { id, at, ...draft }) as unknown as Op;
}

/** Half of all faults are aimed at the leader: that is where promises are made. */
const node = (stream: Stream, options: RunOptions): number | 'leader' => {
  const leader = stream.below(2) === 0;
  const any = stream.between(1, options.nodes + options.observers);
  return leader ? 'leader' : any;
};
const voter = (stream: Stream, options: RunOptions): number => stream.between(1, options.nodes);

/** Mostly short, sometimes long: a long fault tests what many short ones do not. */
function lasting(stream: Stream, meanMs: number): number {
  return Math.max(20, stream.exponential(Math.round(meanMs * 1000))) / 1000;
}

function draftOf(trouble: Exclude<Trouble, Story>, stream: Stream, options: RunOptions): Draft | null {
  const alone = options.nodes + options.observers === 1;
  switch (trouble) {
    case 'crash':
      return { do: 'crash', node: node(stream, options), for: round(lasting(stream, 2000)) };
    case 'power':
      return { do: 'power', node: node(stream, options), for: round(lasting(stream, 2000)) };
    case 'crashPoint':
      return { ...crashPoint(stream, options), for: round(lasting(stream, 1500)) };
    case 'pause':
      return { do: 'pause', node: node(stream, options), for: round(lasting(stream, 2500)) };
    case 'partition':
      return alone ? null : partition(stream, options);
    case 'oneWay':
      return alone
        ? null
        : {
            do: 'isolate',
            node: node(stream, options),
            direction: stream.pick(['in', 'out']),
            for: round(lasting(stream, 4000)),
          };
    case 'links':
      return links(stream, options);
    case 'connections':
      return connections(stream, options);
    case 'diskSlow': {
      const target = node(stream, options);
      const duration = round(lasting(stream, 2000));
      return stream.below(2) === 0
        ? { do: 'diskStall', node: target, for: duration }
        : { do: 'diskSlow', node: target, by: stream.pick([5, 20, 100, 400]), for: duration };
    }
    case 'diskError':
      return {
        do: 'diskError',
        node: node(stream, options),
        error: stream.pick(['EIO', 'EIO', 'ENOSPC']),
        file: stream.pick<FileClass>(['log', 'log', 'snapshot', 'epoch', 'any']),
        count: stream.between(1, 3),
        for: round(lasting(stream, 3000)),
      };
    case 'rot':
      return { do: 'bitRot', node: voter(stream, options), file: stream.pick<FileClass>(['log', 'snapshot']) };
    case 'wipe':
      return wipe(stream, options);
    case 'clock':
      return stream.below(2) === 0
        ? {
            do: 'clock',
            node: node(stream, options),
            jump: stream.pick([-3_600_000, -5000, -500, 500, 5000, 3_600_000]),
          }
        : {
            do: 'drift',
            node: node(stream, options),
            rate: stream.pick([0.5, 0.9, 1.1, 2]),
            for: round(lasting(stream, 6000)),
          };
    case 'clients':
      return client(stream, options);
    case 'restart':
      return { do: 'crash', node: node(stream, options), for: stream.pick([10, 50]) };
    case 'torn':
      // Takes bytes that were promised, and no checksum tells: Zab does not survive even one of these.
      return options.unrestricted ? { do: 'tornWrites', node: voter(stream, options) } : null;
    case 'lie':
      return options.unrestricted
        ? { do: 'lyingFsync', node: voter(stream, options), for: round(lasting(stream, 4000)) }
        : null;
    case 'oldDisk':
      return options.unrestricted ? oldDisk(stream, options) : null;
    case 'rolling':
      return {
        do: 'rolling',
        settings: { snapCount: stream.pick([20, 200]), maxBatchSize: stream.pick([16, 1000]) },
        pause: stream.pick([1000, 2500]),
      };
    case 'tls':
      return options.tls ? { do: 'tls', node: voter(stream, options), for: round(lasting(stream, 3000)) } : null;
    case 'reconfig':
      return options.spares === 0 ? null : reconfig(stream, options);
    default:
      return trouble satisfies never;
  }
}

/**
 * An empty disk may vote again where db.autocreate is on, and then even one of them can lose what a quorum held; so only
 * observers are wiped there. Where it is off, an empty server knows that it has forgotten something.
 */
function wipe(stream: Stream, options: RunOptions): Draft | null {
  const any = stream.between(1, options.nodes);
  const observer = options.nodes + stream.between(1, Math.max(1, options.observers));
  const duration = round(lasting(stream, 2000));
  const knows = options.settings.dbAutocreate === false && options.nodes > 2;
  if (knows || options.unrestricted) return { do: 'wipe', node: any, for: duration };
  return options.observers === 0 ? null : { do: 'wipe', node: observer, for: duration };
}

/** A disk comes back as it was when it was copied; no server can notice. */
function oldDisk(stream: Stream, options: RunOptions): Draft {
  const target = voter(stream, options);
  const duration = round(lasting(stream, 1000));
  return stream.below(2) === 0 ? { do: 'backup', node: target } : { do: 'restore', node: target, for: duration };
}

/** Any three or more of those that are or may become members. */
function reconfig(stream: Stream, options: RunOptions): Draft {
  const first = options.nodes + options.observers + 1;
  const candidates = [
    ...Array.from({ length: options.nodes }, (_, index) => index + 1),
    ...Array.from({ length: options.spares }, (_, index) => first + index),
  ];
  const order = stream.shuffled(candidates);
  const size = stream.between(Math.min(3, order.length), order.length);
  return { do: 'reconfig', members: order.slice(0, size).sort(ascending) };
}

function crashPoint(stream: Stream, options: RunOptions): Draft {
  const base = { do: 'crashWhen', node: node(stream, options), how: stream.pick(['kill', 'power', 'power']) } as const;
  const skip = stream.below(20);
  const edge = stream.pick(['before', 'after', 'done']);
  const files: readonly Draft[] = [
    { ...base, action: 'fsync', file: 'log', edge, skip },
    { ...base, action: 'append', file: 'log', edge, skip },
    { ...base, action: 'write', file: 'log', edge, skip },
    { ...base, action: 'fsync', file: 'epoch', edge },
    { ...base, action: 'rename', file: 'epoch', edge },
    { ...base, action: 'fsync', file: 'snapshot', edge },
    { ...base, action: 'rename', file: 'snapshot', edge },
    { ...base, action: 'truncate', edge },
    { ...base, action: 'fsyncDir', edge, skip: skip % 4 },
    { ...base, action: 'remove', edge },
    { ...base, effect: 'send', channel: 'quorum', edge: edge === 'done' ? 'after' : edge, skip },
    { ...base, effect: 'send', channel: 'election', edge: edge === 'done' ? 'after' : edge, skip },
    { ...base, effect: 'note', note: 'zab.newleader.acked', edge: 'before' },
    { ...base, effect: 'note', note: 'zab.established', edge: 'after' },
  ];
  return stream.pick(files);
}

function partition(stream: Stream, options: RunOptions): Draft {
  const duration = round(lasting(stream, 5000));
  const all = Array.from({ length: options.nodes + options.observers }, (_, index) => index + 1);
  const order = stream.shuffled(all);
  const at = stream.between(1, Math.max(1, order.length - 1));
  const target = node(stream, options);
  switch (stream.below(6)) {
    case 0:
      return {
        do: 'partition',
        groups: [order.slice(0, at).sort(ascending), order.slice(at).sort(ascending)],
        for: duration,
      };
    case 1:
    case 2:
      return { do: 'isolate', node: target, for: duration };
    case 3:
      return { do: 'bridge', node: target, for: duration };
    case 4:
      return { do: 'ring', for: duration };
    default:
      return { do: 'isolate', node: 'leader', for: duration };
  }
}

function links(stream: Stream, options: RunOptions): Draft {
  const from = voter(stream, options);
  const to = options.nodes === 1 ? from : 1 + ((from - 1 + stream.between(1, options.nodes - 1)) % options.nodes);
  const link = `${from}${stream.pick(['>', '-'])}${to}`;
  const duration = round(lasting(stream, 4000));
  const channel = stream.pick([undefined, undefined, 'election', 'quorum'] as const);
  const period = stream.pick([100, 500, 1500]);
  const by = stream.pick([20, 100, 400]);
  switch (stream.below(4)) {
    case 0:
      return { do: 'cut', links: [link], ...(channel === undefined ? {} : { channel }), for: duration };
    case 1:
      return { do: 'flap', links: [link], period, for: duration };
    case 2:
      return { do: 'slow', links: [link], by, for: duration };
    default:
      return { do: 'clog', links: [link], for: duration };
  }
}

function connections(stream: Stream, options: RunOptions): Draft {
  const target = voter(stream, options);
  const channel = stream.pick(['election', 'quorum', 'client'] as const);
  const duration = round(lasting(stream, 3000));
  switch (stream.below(4)) {
    case 0:
      return { do: 'reset', links: [`${target}-*`] };
    case 1:
      return { do: 'reset', links: [`${target}-*`], channel: 'quorum' };
    case 2:
      return { do: 'refuse', node: target, channel, how: stream.pick(['refuse', 'hang']), for: duration };
    default:
      return { do: 'reset', links: [`${target}-c*`] };
  }
}

function client(stream: Stream, options: RunOptions): Draft | null {
  if (options.clients === 0) return null;
  const target = stream.between(1, options.clients);
  const duration = round(lasting(stream, 3000));
  switch (stream.below(6)) {
    case 0:
      return { do: 'clientKill', client: target };
    case 1:
      return { do: 'clientKill', client: target, same: true };
    case 2:
      return { do: 'clientMove', client: target };
    case 3:
      return { do: 'clientPause', client: target, for: duration };
    case 4:
      return { do: 'clientSlow', client: target, for: duration };
    default:
      return { do: 'clientClose', client: target };
  }
}

const round = (ms: number): number => Math.max(1, Math.round(ms));
const ascending = (a: number, b: number): number => a - b;

/**
 * How long the healed core may take: a few elections with their limits, the wait for stalled connections, and the longest
 * session to expire. Generous, because the question is whether, not how fast.
 */
function settleOf(settings: Settings): number {
  const tickMs = settings.tickTimeMs ?? 500;
  const limits = (settings.initLimitTicks ?? 10) + (settings.syncLimitTicks ?? 5);
  return 6 * limits * tickMs + 40 * SECOND;
}

function weighted<T>(stream: Stream, choices: readonly (readonly [T, number])[]): T {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let drawn = stream.below(total);
  for (const [value, weight] of choices) {
    if (drawn < weight) return value;
    drawn -= weight;
  }
  return choices[0]![0];
}
