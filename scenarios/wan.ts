import { scenario } from './story.ts';

export const wan = scenario({
  name: 'wan',
  title: 'five regions, 150 ms apart: more than one write a second, also when a region is lost',
  story: `Goal: distance costs time, not promises. Method: every link between servers takes 150 ms more, clients sit
beside their server, one segment in two thousand is lost; one region falls off for three seconds, then the leader's. A
client asks for one thing at a time, so that the count of writes is a rate. Why it is nasty: votes cross for a third
of a second, so everybody decides on old news, a synchronisation takes many round trips, and a lost segment holds up
all that is behind it.`,
  options: { nodes: 5, clients: 5, duration: 20_000 },
  swarm: {
    'network.stall': 500,
    'workload.rate': 10,
    'workload.pipeline': 1,
    // Mostly new names in one directory, because these always succeed.
    'mix.sequence': 100,
    'mix.setData': 10,
    'mix.multi': 0,
    'mix.check': 0,
    'mix.children': 0,
  },
  ops: [
    { at: 0, do: 'slow', links: ['*-*'], by: 150 },
    { after: 'zab.established', plus: 4000, do: 'isolate', node: 'follower', for: 3000 },
    { after: 'op:2', plus: 5000, do: 'isolate', node: 'leader', for: 3000 },
  ],
  decisive: 3,
  expect: { verdict: 'ok', marks: ['zab.leading.gaveup'], tells: ['leads epoch 2'], writes: 30 },
});
