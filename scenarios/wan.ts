import { scenario } from './story.ts';

export const wan = scenario({
  name: 'wan',
  title: 'five regions, 150 ms apart: one write a second goes through, also while a region is lost',
  story: `Goal: distance costs time, not promises. Method: every link between servers takes 150 ms more, clients sit beside their
server, one segment in two thousand is lost; one region falls off for four seconds, then the leader's. One client at a time
asks one thing at a time, so that the count of writes is a rate. Why it is nasty: votes cross for a third of a second, so
everybody decides on old news, a synchronisation takes many round trips, and a lost segment holds up all that is behind it.`,
  options: { nodes: 5, clients: 5, duration: 20_000 },
  swarm: { 'network.stall': 500, 'workload.rate': 5, 'workload.pipeline': 1 },
  ops: [
    { at: 0, do: 'slow', links: ['*-*'], by: 150 },
    { after: 'zab.established', plus: 4000, do: 'isolate', node: 'follower', for: 4000 },
    { after: 'op:2', plus: 6000, do: 'isolate', node: 'leader', for: 3000 },
  ],
  expect: { verdict: 'ok', tells: ['leads epoch 2'], writes: 30 },
});
