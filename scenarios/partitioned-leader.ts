import { scenario } from './story.ts';

export const partitionedLeader = scenario({
  name: 'partitioned-leader',
  title: 'the leader keeps one follower; the majority goes on without it',
  story: `Goal: a leader that has lost its majority commits nothing, and notices. Method: five servers under load; the
leader keeps one follower, the other three hear only each other, and clients reach everybody. Why it is nasty: for
some ticks two servers call themselves leader, both have clients and a follower that acknowledges; only the size of
the quorum keeps the old one from answering. When the split heals, the proposals that it made in vain must disappear:
a cut of its log would cross an epoch, so it gets a whole state instead.`,
  // Long enough for all five to be heard, so that the highest id wins.
  options: { nodes: 5, clients: 4, duration: 9000, settings: { electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 20 },
  ops: [
    {
      after: 'zab.established',
      plus: 2000,
      do: 'partition',
      groups: [
        [4, 5],
        [1, 2, 3],
      ],
      for: 5000,
    },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup', 'zab.sync.snap'],
    tells: ['server 3 leads epoch 2'],
    writes: 40,
  },
});
