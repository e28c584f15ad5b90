/**
 * Elections that go wrong: who has not heard, who has heard too early, and who is believed though it is gone.
 *
 * `elders`    a server with the greatest number has slept through an epoch in which nothing was written, and meets those who
 *             were there: only the epoch tells their votes apart (ZOOKEEPER-1419)
 * `rounds`    one server is a round ahead and calls when some have made up their minds and others have not, so that members of
 *             one ensemble have settled in different rounds; later somebody joins them (ZOOKEEPER-1732, 1805, 1818)
 * `dead`      a leader loses power and stays away; its followers notice one after the other, and whoever looks hears from the
 *             others that they follow it (ZOOKEEPER-569)
 * `blackout`  a leader loses power for so short a time that its followers have not noticed when it looks again (ZOOKEEPER-1514)
 * `deaf`      an election in which some votes arrive late (ZOOKEEPER-275, 975)
 * `knocks`    somebody who is no server calls the election port and says nothing sensible (ZOOKEEPER-2186)
 * `forgotten` a box in the middle has forgotten the election connections when they are needed (ZOOKEEPER-4203)
 */

import type { RunOptions, Swarm } from '../schedule.ts';
import type { Stream } from '../world/types.ts';
import { type Planned, type Scene, voters } from './scene.ts';
import type { SpecialProfile } from './special.ts';

/** Long enough for an election without accidents, ms. */
const ELECTION_MS = 1500;

function elders({ at, stream, options }: Scene): Planned[] {
  const all = voters({ options });
  const eldest = all.at(-1)!;
  const end = options.duration;
  const planned: Planned[] = [
    { at, draft: { do: 'quiet', for: end - at + 8000 } },
    { at: at + 400, draft: { do: stream.pick(['crash', 'power']), node: eldest } },
  ];
  // The others begin an epoch of their own; the leader may be the eldest, and then they do that without being asked.
  for (const node of all.slice(0, -1))
    planned.push({ at: at + 600 + stream.below(50), draft: { do: 'crash', node, for: 50 } });
  const again = Math.min(end - 300, at + 600 + ELECTION_MS + stream.below(1500));
  planned.push({ at: again, draft: { do: 'start', node: eldest } });
  for (const node of all.slice(0, -1))
    planned.push({ at: again + stream.below(50), draft: { do: 'crash', node, for: 50 } });
  return planned;
}

function rounds({ at, stream, options }: Scene): Planned[] {
  const [ahead, slow, leader] = stream.below(2) === 0 ? [1, 2, 3] : [2, 1, 3];
  const { tickTimeMs = 200, syncLimitTicks = 3 } = options.settings;
  const limit = tickTimeMs * syncLimitTicks;
  // It looks alone, in a round of its own, while the others start again in their first one.
  const looks = at + limit + 600 + stream.below(600);
  const down = stream.between(50, 300);
  const late = stream.between(100, 500);
  const calls = looks + down + stream.between(150, 900);
  return [
    { at, key: 'ahead', draft: { do: 'isolate', node: ahead, for: calls - at } },
    { at: looks - 50, draft: { do: 'slow', links: [`${slow}>${leader}`], channel: 'election', by: late, for: 4000 } },
    { at: looks, draft: { do: 'crash', node: slow, for: down } },
    { at: looks, draft: { do: 'crash', node: leader, for: down + stream.below(200) } },
    { at: calls + 2000 + stream.below(500), draft: { do: 'crash', node: ahead, for: 100 } },
  ];
}

function dead({ at, stream, options }: Scene): Planned[] {
  const order = stream.shuffled(voters({ options }));
  const step = stream.pick([3, 10, 30]);
  const when = Math.max(at, options.duration - 600);
  return [
    { at: 100, draft: { do: 'rank', order, step } },
    { at: when, key: 'dead', draft: { do: 'power', node: 'leader' } },
    { at: when + 1, draft: { after: 'key:dead', do: 'outside', node: 'same', as: 'dead' } },
  ];
}

function blackout({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  for (let time = at; time < options.duration - 500; time += stream.between(1500, 3000)) {
    planned.push({ at: time, draft: { do: 'power', node: 'leader', for: stream.between(20, 250) } });
  }
  return planned;
}

function deaf({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const all = voters({ options });
  for (let time = at; time < options.duration - 500; time += stream.between(1500, 3000)) {
    const [from = 1, to = 2] = stream.shuffled(all);
    const by = stream.pick([50, 150, 300, 600]);
    const links = stream.below(2) === 0 ? [`${from}>*`] : [`${from}>${to}`, `${to}>${from}`];
    planned.push({ at: time, draft: { do: 'slow', links, channel: 'election', by, for: 1400 } });
    const node = stream.pick(['leader', 'leader', ...all] as const);
    planned.push({ at: time + 20, draft: { do: 'crash', node, for: stream.pick([50, 400, 900]) } });
  }
  return planned;
}

function forgotten({ at, stream, options }: Scene): Planned[] {
  const node = stream.pick([...voters({ options }), 'leader', 'follower'] as const);
  const links = typeof node === 'number' ? [`${node}-*`] : ['*-*'];
  const when = Math.max(at, options.duration - 2500);
  const planned: Planned[] = [{ at: when, draft: { do: 'blackhole', links, channel: 'election' } }];
  const lost = stream.pick<Planned['draft']>([
    { do: 'reset', links: ['leader-*'], channel: 'quorum' },
    { do: 'isolate', node: typeof node === 'number' ? node : 'leader', for: 1500 },
    { do: 'pause', node: 'leader', for: 1500 },
  ]);
  planned.push({ at: when + 100 + stream.below(500), draft: lost });
  return planned;
}

/** Somebody knocks on every door, and then an election has to be held. */
function knocks({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  for (const node of voters({ options })) {
    const as = stream.pick([99, node + 1, options.nodes]);
    planned.push({ at: at + stream.below(1000), draft: { do: 'knock', node, as, tls: options.tls } });
  }
  planned.push({ at: at + 1500, draft: { do: 'crash', node: 'leader', for: stream.pick([50, 500]) } });
  return planned;
}

const sized =
  (nodes: number, clients: number) =>
  (drawn: RunOptions, _stream: Stream): RunOptions => ({
    ...drawn,
    nodes,
    clients,
    observers: 0,
    spares: 0,
  });

/** Nobody comes and goes by itself, and little is asked. */
const still = (drawn: Swarm): Swarm => ({
  ...drawn,
  'network.far': 0,
  'network.stall': 0,
  'network.reset': 0,
  'client.move': 0,
  'client.close': 0,
  'client.die': 0,
  'client.ahead': 0,
  'workload.session': 10_000,
});

export const ELECTION_PROFILES = {
  elders: {
    says: 'epochs that only some were there for, and in which nothing was written',
    stories: [elders],
    options: sized(3, 2),
    swarm: still,
  },
  rounds: {
    says: 'members that settle in different rounds, and one that joins them',
    stories: [rounds],
    options: sized(3, 2),
    swarm: still,
  },
  dead: { says: 'leaders that lose power and stay away', stories: [dead], options: sized(5, 2) },
  latecomers: {
    says: 'elections with votes that come late, and leaders that come back early',
    stories: [blackout, deaf],
  },
  knocks: {
    says: 'strangers on the election port, with and without TLS',
    stories: [knocks],
    options: (drawn, stream) => ({ ...drawn, tls: stream.below(2) === 0 }),
  },
  astray: {
    says: 'servers that advertise an address that only they can use',
    stories: [deaf, blackout],
    options: sized(3, 2),
    swarm: (drawn, stream) => ({ ...drawn, 'servers.astray': stream.between(1, 3) }),
  },
  grey: { says: 'election connections that nothing arrives on', stories: [forgotten], options: sized(3, 2) },
} as const satisfies Record<string, SpecialProfile>;
