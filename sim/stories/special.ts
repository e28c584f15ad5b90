/**
 * Profiles that go for one kind of trouble: each draws a brief run, shapes its sizes and its weather, and tells stories of its
 * own. What `default`, `windows` and `uniform` draw does not depend on anything here, so a profile may be added at any time.
 */

import type { RunOptions, Settings, Swarm, SwarmName } from '../schedule.ts';
import type { Stream } from '../world/types.ts';
import { CLIENT_PROFILES } from './clients.ts';
import { ELECTION_PROFILES } from './elections.ts';
import { neverEstablished, promised, quietEpochs } from './leaderships.ts';
import { crawling, halfState, observersOnly, uneven, unordered } from './learners.ts';
import { twoChanges, upheaval } from './membership.ts';
import type { Teller } from './scene.ts';
import { goodbye, oddities } from './sessions.ts';
import { amnesiac, emptied, faulty, fuzzy, purging, rottenLog, rottenState, torn } from './storage.ts';

export interface SpecialProfile {
  /** What it draws, in a line. */
  readonly says: string;
  /** One of these is told in a run; one that stands here twice is told twice as often. */
  readonly stories: readonly Teller[];
  /** The sizes and settings, given those of a brief run. */
  readonly options?: (drawn: RunOptions, stream: Stream) => RunOptions;
  /** The weather and the load, given those of a brief run. */
  readonly swarm?: (drawn: Swarm, stream: Stream) => Swarm;
}

const withSettings = (drawn: RunOptions, settings: Settings): RunOptions => ({
  ...drawn,
  settings: { ...drawn.settings, ...settings },
});
const withWeather = (drawn: Swarm, changed: Partial<Record<SwarmName, number>>): Swarm => ({ ...drawn, ...changed });
const three = { nodes: 3, observers: 0, spares: 0, tls: false } as const;

export const SPECIAL = {
  ...ELECTION_PROFILES,
  ...CLIENT_PROFILES,
  observers: {
    says: 'a leader that reaches observers and no voter',
    stories: [observersOnly],
    options: (drawn) => ({ ...drawn, ...three, observers: 2 }),
  },
  uneven: {
    says: 'servers whose logs and links are of very different speed, and connections that break',
    stories: [uneven],
  },
  syncs: {
    says: 'a leader whose clock crawls is deposed, and still asked for the newest state',
    stories: [crawling],
    options: (drawn, stream) => ({
      ...withSettings(drawn, { tickTimeMs: 200 }),
      ...three,
      clients: stream.between(3, 5),
    }),
    swarm: (drawn, stream) =>
      withWeather(drawn, {
        'workload.rate': stream.pick([20, 40]),
        'workload.paths': stream.between(1, 3),
        'mix.sync': 60,
        'mix.read': 40,
        'mix.setData': stream.pick([2, 4, 8]),
        'mix.create': 2,
        'mix.delete': 0,
        'mix.multi': 0,
        'mix.ephemeral': 0,
        'mix.sequence': 0,
        'mix.container': 0,
        'mix.acl': 0,
      }),
  },
  halves: {
    says: 'whole states that are cut in the middle, and leaders that would rather send a difference',
    stories: [halfState],
    options: (drawn, stream) => ({
      ...withSettings(drawn, {
        snapCount: stream.pick([20, 30, 50]),
        commitLogCount: 500,
        snapshotSizeFactor: -1,
        forceSnapshotSync: false,
        electionFinalizeWaitMs: 200,
      }),
      ...three,
    }),
    swarm: (drawn, stream) =>
      withWeather(drawn, { 'workload.bytes': stream.pick([300, 1000, 2000]), 'workload.paths': 100 }),
  },
  fuzzy: {
    says: 'snapshots that take their time under deletions and changes of rights, and starts from them',
    stories: [fuzzy],
    options: (drawn, stream) =>
      withSettings(drawn, { snapCount: stream.pick([20, 30, 60]), snapshotCompression: 'none' }),
    swarm: (drawn, stream) =>
      withWeather(drawn, {
        'workload.rate': 40,
        'workload.pipeline': 8,
        'workload.bytes': stream.pick([40, 300]),
        'workload.paths': stream.pick([20, 60]),
        'mix.create': 20,
        'mix.delete': 20,
        'mix.acl': stream.pick([20, 60]),
        'workload.rights': stream.pick([0, 12, 40]),
      }),
  },
  promises: {
    says: 'histories that only one server has, and promises that are never kept',
    stories: [promised],
    options: (drawn) => ({ ...withSettings(drawn, { tickTimeMs: 200 }), ...three }),
  },
  epochs: {
    says: 'epochs without a write, and servers that die while they note them down',
    stories: [quietEpochs],
    options: (drawn) => ({ ...withSettings(drawn, { tickTimeMs: 200 }), ...three }),
  },
  impostors: {
    says: 'leaders that are elected with a history of their own, and never established',
    stories: [neverEstablished],
    options: (drawn) => ({
      ...withSettings(drawn, { tickTimeMs: 200, initLimitTicks: 5, electionFinalizeWaitMs: 200 }),
      ...three,
      duration: Math.max(drawn.duration, 8000),
    }),
  },
  purges: {
    says: 'logs that are purged while snapshots take their time',
    stories: [purging],
    options: (drawn, stream) =>
      withSettings(drawn, { autopurgeIntervalMs: stream.pick([300, 700, 1500]), snapCount: stream.pick([20, 50]) }),
    swarm: (drawn) => withWeather(drawn, { 'workload.rate': 40 }),
  },
  faulty: {
    says: 'writes and fsyncs that fail, and power cuts',
    stories: [faulty],
  },
  damage: {
    says: 'bits that rot in what only a few servers have, and starts from what is left',
    stories: [rottenLog, rottenState],
    options: (drawn) => ({
      ...withSettings(drawn, {
        snapCount: 1000,
        snapshotSizeFactor: -1,
        commitLogCount: 10,
        forceSnapshotSync: false,
      }),
      ...three,
      duration: Math.max(drawn.duration, 9000),
    }),
    swarm: (drawn, stream) =>
      withWeather(drawn, { 'workload.rate': stream.pick([40, 80]), 'workload.bytes': stream.pick([40, 300]) }),
  },
  amnesia: {
    says: 'disks that are lost at the worst moment, on servers that know that they are not new',
    stories: [emptied, amnesiac],
    options: (drawn, stream) => ({
      ...withSettings(drawn, { dbAutocreate: false, tickTimeMs: stream.pick([300, 500]), syncLimitTicks: 8 }),
      ...three,
      duration: Math.max(drawn.duration, 9000),
    }),
  },
  torn: {
    says: 'long records, and power cuts in the middle of them',
    stories: [torn],
    options: (drawn) => ({ ...drawn, ...three }),
    swarm: (drawn, stream) =>
      withWeather(drawn, {
        'workload.rate': 40,
        'workload.bytes': stream.pick([1000, 2000, 4000]),
        'disk.fsync': stream.pick([5, 15]),
        'disk.fsyncJitter': 30,
      }),
  },
  partings: {
    says: 'goodbyes right behind what they take away, and paths that no tree has',
    stories: [goodbye, oddities],
  },
  unordered: {
    says: 'a network that TCP forbids: chunks overtake each other, and come twice',
    stories: [unordered],
  },
  changes: {
    says: 'two changes of the ensemble in one breath',
    stories: [twoChanges],
    options: (drawn, stream) => ({
      ...drawn,
      ...three,
      nodes: stream.pick([4, 5, 5]),
      // Without a spare nobody may change anything.
      spares: 1,
      duration: Math.max(drawn.duration, 8000),
    }),
  },
  members: {
    says: 'three to six servers that change their ensemble again and again, and die over it',
    stories: [upheaval],
    options: (drawn, stream) => ({
      ...drawn,
      ...three,
      spares: stream.between(1, 3),
      duration: drawn.duration + 6000,
    }),
  },
} as const satisfies Record<string, SpecialProfile>;
export type SpecialName = keyof typeof SPECIAL;

export const specialOf = (profile: string): SpecialProfile | null =>
  (SPECIAL as Readonly<Record<string, SpecialProfile>>)[profile] ?? null;

export const isSpecial = (profile: string): profile is SpecialName => profile in SPECIAL;

/** The line of each, for usage texts. */
export const SPECIAL_SAYS = Object.fromEntries(
  Object.entries<SpecialProfile>(SPECIAL).map(([name, { says }]) => [name, says]),
) as Readonly<Record<SpecialName, string>>;
