import { scenario } from './story.ts';

export const leaderWithObservers = scenario({
  name: 'leader-with-observers',
  title: 'three of five servers, but one voter of three',
  story: `Goal: observers are never counted, neither for epochs nor for NEWLEADER nor for proposals. Method: the
leader 3 keeps the observers 4 and 5, the voters 1 and 2 hear only each other. Then both of these die,
so that two observers and one voter are all there is. Why it is nasty: on the leader's side are most of the servers
and all of them answer; counting connections instead of voters gives two leaders that both commit (ZOOKEEPER-769,
ZOOKEEPER-2959).`,
  options: {
    nodes: 3,
    observers: 2,
    clients: 3,
    duration: 14_000,
    settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 },
  },
  swarm: { 'workload.rate': 15 },
  ops: [
    {
      after: 'zab.established',
      plus: 1500,
      do: 'partition',
      groups: [
        [3, 4, 5],
        [1, 2],
      ],
      for: 4000,
    },
    { after: 'op:1', plus: 6500, do: 'crash', node: 1, for: 2500 },
    { after: 'op:1', plus: 6500, do: 'crash', node: 2, for: 2500 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup'],
    tells: ['server 3 gives up leading', 'server 2 leads epoch 2'],
    writes: 30,
  },
});
