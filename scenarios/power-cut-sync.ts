import { scenario } from './story.ts';

export const powerCutSync = scenario({
  name: 'power-cut-sync',
  title: 'a follower loses power at three places of its synchronisation',
  story: `Goal: a server may die anywhere while it is brought level, and either has the new history or knows that it
has not. Method: server 1 is down while 100 transactions pass, so that it needs a snapshot; it loses power when the
snapshot has just got its name. Then the leader dies, and server 1 loses power when an epoch file has just got its
name; the next leader dies, and it loses power in the step that acknowledges NEWLEADER; and once more when all is
quiet. Why it is nasty: snapshot, log and epoch are separate files that become durable one by one. An epoch ahead of
its history wins elections that it must lose (ZOOKEEPER-4643); a received snapshot that was never synced leaves a log
that starts in the middle (ZOOKEEPER-2872).`,
  options: {
    nodes: 3,
    clients: 3,
    duration: 14_000,
    settings: {
      tickTimeMs: 200,
      electionFinalizeWaitMs: 600,
      commitLogCount: 20,
      snapCount: 60,
      snapshotSizeFactor: -1,
    },
  },
  swarm: { 'workload.rate': 20 },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'crash', node: 1, for: 2500 },
    {
      after: 'zab.sync.snap#1',
      do: 'crashWhen',
      node: 1,
      how: 'power',
      action: 'rename',
      file: 'snapshot',
      edge: 'done',
      for: 1000,
    },
    // A crash point stays armed for as long as the server is to be down. Three recovered at the start; the fifth recovery is that of the first power cut, and so on.
    {
      after: 'store.recovered#5',
      plus: 500,
      do: 'crashWhen',
      node: 1,
      how: 'power',
      action: 'rename',
      file: 'epoch',
      edge: 'done',
      for: 1000,
    },
    { after: 'op:3', plus: 10, do: 'crash', node: 'leader', for: 900 },
    {
      after: 'store.recovered#7',
      plus: 1500,
      do: 'crashWhen',
      node: 1,
      how: 'power',
      effect: 'note',
      note: 'zab.newleader.acked',
      edge: 'after',
      for: 1000,
    },
    { after: 'op:5', plus: 10, do: 'crash', node: 'leader', for: 900 },
    { after: 'store.recovered#9', plus: 1500, do: 'power', node: 1, for: 200 },
  ],
  decisive: 5,
  expect: {
    verdict: 'ok',
    marks: ['zab.sync.snap'],
    tells: ['server 1 loses power at a chosen point', 'server 1 loses power for 200 ms'],
    writes: 50,
  },
});
