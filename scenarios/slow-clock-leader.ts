import { scenario } from './story.ts';

export const slowClockLeader = scenario({
  name: 'slow-clock-leader',
  title: 'a leader whose clock crawls is cut off, deposed, and still asked for the newest state',
  story: `Goal: sync-then-read shows whatever was answered to anybody before, also at a leader that does not know that it
is none. Method: the clock of the leader runs at a tenth of its speed, so that its syncLimit lasts ten times as long as that
of its followers; then it is parted from them, but not from its clients. The others elect and write, while its own clients
sync and read. Why it is nasty: nothing that the old leader has or hears tells it that time has passed, so a sync that it
answers by itself, as upstream does (ZOOKEEPER-1675), leads to a read from the past.`,
  options: { nodes: 3, clients: 4, duration: 9000, settings: { tickTimeMs: 200 } },
  // A write that the old leader cannot commit would hold back every sync behind it, so there are few, most of them elsewhere.
  swarm: {
    'workload.rate': 40,
    'workload.paths': 1,
    'workload.session': 10_000,
    'mix.create': 1,
    'mix.setData': 2,
    'mix.delete': 0,
    'mix.read': 100,
    'mix.sync': 100,
    'mix.multi': 0,
    'mix.ephemeral': 0,
    'mix.sequence': 0,
    'mix.container': 0,
    'mix.watch': 0,
    'mix.acl': 0,
    'mix.auth': 0,
    'mix.check': 0,
    'mix.admin': 0,
  },
  // Of these dice the old leader is asked for a sync before its clients have asked it for a write.
  seed: '6',
  ops: [
    { after: 'zab.established', plus: 1500, do: 'drift', node: 'leader', rate: 0.1 },
    { after: 'op:1', plus: 200, do: 'partition', groups: [[3], [1, 2]], for: 5000 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup'],
    tells: ['the clocks of server 3 run at 0.1 of their speed', 'server 2 leads epoch 2'],
    writes: 5,
  },
});
