/**
 * What clients and slow followers live through.
 *
 * `handover`  what a session asked of one server is still on its way when the session goes on elsewhere or ends: the link
 *             to the leader is clogged for about as long as a session lives, and logs are slow (ZOOKEEPER-710, 1208, 484)
 * `between`   a server dies between two answers to its clients, so that of one transaction some events arrive and some do not
 *             (ZOOKEEPER-1412)
 * `lagging`   a follower hears late of what the others know (ZOOKEEPER-3418)
 * `alone`     servers without a quorum, which may still serve those who only read (ZOOKEEPER-1754, 3863)
 * `halfway`   a follower that has missed something loses its leader again in the middle of being told (ZOOKEEPER-2355)
 * `stuffed`   a follower that takes no more bytes, and goes on doing so (ZOOKEEPER-2201)
 * `contended` clients that stand in line for a lock or share a queue are cut off, stand still past their sessions, move and die,
 *             and so do the servers they are connected to
 * `restart`   everybody starts again from what the disks say, now and then
 */

import type { RunOptions, Settings, Swarm } from '../schedule.ts';
import type { Stream } from '../world/types.ts';
import { type Draft, downFor, type Planned, round, type Scene, voters } from './scene.ts';
import type { SpecialProfile } from './special.ts';

function handover({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  for (const node of all) {
    planned.push({
      at: 1500,
      draft: { do: 'diskSlow', node, file: 'log', by: stream.pick([20, 100, 300]), for: 60_000 },
    });
  }
  for (let time = at; time < options.duration - 1000; time += stream.between(1500, 3000)) {
    const [node = 1] = stream.shuffled(all);
    const spell = stream.between(600, 1900);
    const draft =
      stream.below(3) > 0
        ? ({ do: 'clog', links: [`${node}>leader`], for: spell } as const)
        : ({ do: 'slow', links: [`${node}>leader`], channel: 'quorum', by: round(spell / 3), for: spell } as const);
    planned.push({ at: time, draft });
    for (let client = 1; client <= options.clients; client++) {
      const what = stream.below(4);
      const when = time + stream.below(spell);
      if (what === 0) planned.push({ at: when, draft: { do: 'clientMove', client } });
      if (what === 1) planned.push({ at: when, draft: { do: 'clientKill', client } });
      if (what === 2) planned.push({ at: when, draft: { do: 'clientClose', client } });
    }
  }
  return planned;
}

function between({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  for (const node of voters({ options })) {
    for (let time = at; time < options.duration - 500; time += stream.between(800, 2000)) {
      const skip = stream.between(10, 120);
      const how = stream.pick(['kill', 'power'] as const);
      planned.push({
        at: time,
        draft: { do: 'crashWhen', node, how, effect: 'send', channel: 'client', edge: 'after', skip, for: 100 },
      });
    }
  }
  return planned;
}

function lagging({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  for (let time = at; time < options.duration; time += 1500) {
    const [node = 1] = stream.shuffled(all);
    const by = stream.pick([40, 150, 400]);
    planned.push({ at: time, draft: { do: 'slow', links: [`leader>${node}`], channel: 'quorum', by, for: 1400 } });
  }
  return planned;
}

function alone({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  for (let time = at; time < options.duration - 1500; time += stream.between(3500, 5000)) {
    const order = stream.shuffled(all);
    const [node = 1] = order;
    const draft =
      stream.below(2) === 0
        ? ({ do: 'isolate', node, for: stream.between(2000, 3200) } as const)
        : ({ do: 'partition', groups: order.map((one) => [one]), for: stream.between(2000, 3000) } as const);
    planned.push({ at: time, draft });
    for (let client = 1; client <= options.clients; client++) {
      const when = time + stream.between(800, 2500);
      const what = stream.below(3);
      if (what === 0) planned.push({ at: when, draft: { do: 'clientKill', client } });
      if (what === 1) planned.push({ at: when, draft: { do: 'clientMove', client } });
    }
  }
  return planned;
}

function halfway({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  for (let time = at; time < options.duration - 1000; time += stream.between(1200, 2500)) {
    const [node = 1] = stream.shuffled(all);
    planned.push({ at: time, draft: { do: stream.pick(['crash', 'isolate']), node, for: stream.between(800, 1500) } });
  }
  for (let nth = 1 + stream.below(3); nth < 14; nth += 1 + stream.below(3)) {
    planned.push({ at: 10, draft: { nth, link: '*>*', kind: 'DIFF', do: 'reset', links: ['*-*'], channel: 'quorum' } });
  }
  return planned;
}

function stuffed({ at, stream, options }: Scene): Planned[] {
  const node = stream.pick([...voters({ options }), 'follower', 'follower'] as const);
  const when = Math.max(at, options.duration - 2500);
  return [
    { at: when, key: 'stuffed', draft: { do: 'pause', node, for: 60_000 } },
    {
      at: when + 1,
      draft: { after: 'key:stuffed', do: 'outside', node: 'same', as: stream.pick(['still', 'still', 'cut']) },
    },
  ];
}

function contended({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  // Some server hears of everything late, all the time: what it says is true, and old.
  for (const node of all) {
    const by = stream.pick([0, 60, 150]);
    const links = [`leader>${node}`];
    if (by > 0) planned.push({ at: 1200, draft: { do: 'slow', links, channel: 'quorum', by, for: options.duration } });
  }
  for (let time = at; time < options.duration - 800; time += stream.between(250, 1200)) {
    const client = stream.between(1, options.clients);
    const node = stream.pick([...all, 'leader', 'leader', 'follower'] as const);
    // Some are over before the session, some only after it.
    const spell = stream.pick([150, 600, 1500, 3000]);
    const draft = stream.pick<Draft>([
      { do: 'clientPause', client, for: spell },
      { do: 'cut', links: [`c${client}-*`], for: spell },
      { do: 'cut', links: [`c${client}-leader`], for: spell },
      { do: 'clientMove', client },
      { do: 'clientKill', client },
      { do: 'clientClose', client },
      { do: 'reset', links: [`c${client}-*`] },
      { do: 'reset', links: ['c*-*'] },
      { do: stream.pick(['crash', 'power']), node, for: downFor(stream) },
      { do: 'isolate', node, for: spell },
      { do: 'pause', node, for: spell },
      { do: 'slow', links: [`leader>${stream.pick(all)}`], channel: 'quorum', by: round(spell / 10), for: spell },
      {
        do: 'crashWhen',
        node,
        how: 'kill',
        effect: 'send',
        channel: 'client',
        edge: stream.pick(['before', 'after']),
        skip: stream.below(30),
        for: downFor(stream),
      },
    ]);
    planned.push({ at: time, draft });
  }
  return planned;
}

function restart({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  for (let time = at; time < options.duration - 500; time += stream.between(1500, 3000)) {
    for (const node of voters({ options })) {
      if (stream.below(3) > 0)
        planned.push({
          at: time + stream.below(100),
          draft: { do: stream.pick(['crash', 'power']), node, for: downFor(stream) },
        });
    }
  }
  return planned;
}

const withSettings = (drawn: RunOptions, settings: Settings): RunOptions => ({
  ...drawn,
  settings: { ...drawn.settings, ...settings },
});

const GLOBAL: Settings = { localSessionsEnabled: false, localSessionsUpgradingEnabled: false };

/** A session may end while its server is only out of reach. */
const patient = (drawn: RunOptions, stream: Stream): RunOptions =>
  withSettings(
    { ...drawn, clients: 4, duration: Math.max(10_000, drawn.duration) },
    {
      ...GLOBAL,
      tickTimeMs: 300,
      syncLimitTicks: stream.between(6, 10),
      leaderServes: true,
    },
  );

/** More of some kinds of requests, less of the others. */
const loaded =
  (more: Partial<Swarm>) =>
  (drawn: Swarm): Swarm => ({ ...drawn, ...more });

const slow = (drawn: RunOptions, stream: Stream): RunOptions =>
  withSettings(drawn, {
    tickTimeMs: 200,
    initLimitTicks: stream.between(15, 20),
    syncLimitTicks: stream.between(8, 12),
    electionFinalizeWaitMs: 200,
  });

export const CLIENT_PROFILES = {
  handover: {
    says: 'sessions that end or move while what they asked is on its way',
    stories: [handover],
    options: patient,
    swarm: loaded({
      'workload.session': 1000,
      'workload.rate': 30,
      'workload.pipeline': 8,
      'mix.ephemeral': 25,
      'mix.setData': 20,
      'client.move': 6,
      'client.ahead': 0,
      'mix.sync': 0,
    }),
  },
  watchers: {
    says: 'servers that die between two events of their clients',
    stories: [between],
    options: (drawn) => withSettings({ ...drawn, clients: 4 }, GLOBAL),
    swarm: loaded({
      'workload.paths': 6,
      'workload.hot': 3,
      'workload.rate': 24,
      'mix.watch': 40,
      'mix.multi': 20,
      'mix.create': 12,
      'mix.delete': 12,
      'mix.read': 6,
    }),
  },
  rights: {
    says: 'nodes that are closed and opened again, and servers that hear of it late',
    stories: [lagging],
    options: (drawn) => withSettings({ ...drawn, clients: 4, spares: 0 }, { ...GLOBAL, reconfigEnabled: true }),
    swarm: loaded({
      'workload.rate': 24,
      'more.secret': 100,
      'more.reconfig': 3,
      'mix.read': 6,
      'mix.acl': 10,
      'mix.auth': 2,
    }),
  },
  halfway: {
    says: 'followers that lose their leader while they are brought level',
    stories: [halfway],
    options: (drawn) =>
      withSettings(
        { ...drawn, duration: 12_000 },
        { commitLogCount: 500, snapshotSizeFactor: -1, forceSnapshotSync: false },
      ),
    swarm: loaded({ 'workload.rate': 30, 'network.jitter': 5 }),
  },
  stuffed: {
    says: 'followers that take no more bytes',
    stories: [stuffed],
    options: (drawn) => withSettings({ ...drawn, nodes: 3, clients: 4 }, { syncLimitTicks: 8 }),
    swarm: loaded({
      'network.buffer': 16_000,
      'workload.rate': 40,
      'workload.pipeline': 16,
      'workload.bytes': 5000,
      'workload.paths': 6,
      'mix.setData': 60,
    }),
  },
  readers: {
    says: 'clients that are content with reading, and servers without a quorum',
    stories: [alone],
    options: (drawn, stream) => {
      // Only a local session can be had of a server that is alone.
      const local = stream.below(2) === 0;
      return withSettings(
        { ...drawn, clients: 4, duration: 12_000 },
        { readOnlyModeEnabled: true, localSessionsEnabled: local, localSessionsUpgradingEnabled: local },
      );
    },
    swarm: loaded({ 'client.readOnly': 3, 'workload.rate': 20, 'workload.session': 10_000, 'mix.delete': 12 }),
  },
  slow: {
    says: 'disks and links that are slow all the time, and within every limit',
    stories: [restart],
    options: slow,
    swarm: (drawn, stream) => ({
      ...drawn,
      'network.latency': stream.pick([10, 20]),
      'network.jitter': 1,
      'network.far': 0,
      'network.stall': 0,
      'disk.fsync': stream.pick([60, 100, 150]),
      'disk.fsyncJitter': 10,
      'workload.rate': 8,
      'workload.session': 10_000,
    }),
  },
  quotas: {
    says: 'quotas that are enforced, and servers that start again',
    stories: [restart],
    options: (drawn) => withSettings({ ...drawn, clients: 4 }, { ...GLOBAL, enforceQuota: true, snapCount: 20 }),
    swarm: loaded({ 'more.quota': 100, 'workload.rate': 30, 'workload.pipeline': 16 }),
  },
  limits: {
    says: 'versions that come to their greatest number, and servers that start again',
    stories: [restart],
    options: (drawn) => withSettings({ ...drawn, clients: 3 }, GLOBAL),
    swarm: (drawn, stream) => ({
      ...drawn,
      'genesis.near': stream.between(2, 12),
      'workload.hot': 2,
      'workload.paths': 6,
      'mix.setData': 40,
      'mix.acl': 10,
      'mix.delete': 0,
    }),
  },
  strangers: {
    says: 'clients that have to say who they are, and some that do not',
    stories: [restart],
    options: (drawn) => withSettings({ ...drawn, clients: 4 }, { ...GLOBAL, enforceAuthSchemes: ['digest'] }),
    // Who begins anew does not say again who it is.
    swarm: loaded({
      'mix.auth': 5,
      'workload.session': 30_000,
      'client.close': 0,
      'client.die': 0,
      'client.ahead': 0,
    }),
  },
  forgers: {
    says: 'programs that ask for the session of another, and do not know its password',
    stories: [restart],
    options: (drawn) => withSettings({ ...drawn, clients: 4 }, GLOBAL),
    swarm: loaded({ 'client.ahead': 40, 'client.forged': 50, 'client.close': 0, 'client.die': 0 }),
  },
  farWatches: {
    says: 'more watches than fit into a request',
    stories: [restart],
    options: (drawn) => withSettings({ ...drawn, clients: 3, duration: 10_000 }, { ...GLOBAL, juteMaxBuffer: 200_000 }),
    swarm: loaded({
      'more.farWatch': 300,
      'mix.watch': 0,
      'workload.rate': 40,
      'workload.pipeline': 16,
      'workload.bytes': 40,
      'client.served': 1,
      'client.die': 0,
      'client.close': 0,
      'network.buffer': 1_048_576,
    }),
  },
  recipes: {
    says: 'clients that use locks and queues, and lose their sessions over it',
    stories: [contended],
    options: (drawn, stream) => {
      const { tickTimeMs, syncLimitTicks } = { tickTimeMs: stream.pick([200, 300]), syncLimitTicks: 4 };
      const sized = { ...drawn, clients: stream.between(3, 6), duration: Math.max(8000, drawn.duration) };
      return withSettings(sized, { ...GLOBAL, tickTimeMs, syncLimitTicks });
    },
    swarm: (drawn, stream) => ({
      ...drawn,
      'more.recipe': stream.pick([40, 100, 400]),
      'workload.rate': stream.pick([10, 20, 40]),
      'workload.pipeline': 8,
      'workload.bytes': 40,
      'workload.session': stream.pick([800, 1200, 2500]),
      'client.ahead': 0,
    }),
  },
} as const satisfies Record<string, SpecialProfile>;
