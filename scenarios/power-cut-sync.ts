import { scenario } from './story.ts';

export const powerCutSync = scenario({
  name: 'power-cut-sync',
  title: 'a follower loses power at three places of its synchronisation',
  story: `Goal: a server may die anywhere while it is brought level, and either has the new history or knows that it has not.
Method: server 1 is down while 100 transactions pass, so that it needs a snapshot; it loses power when the snapshot has just
got its name, then before the epoch file is durable, then in the step that acknowledges NEWLEADER. Why it is nasty: snapshot,
log and epoch are separate files that become durable one by one. An epoch ahead of its history wins elections it must lose
(ZOOKEEPER-4643), a received snapshot that was never synced leaves a log that starts in the middle (ZOOKEEPER-2872).`,
  options: {
    nodes: 3,
    clients: 4,
    duration: 14_000,
    settings: {
      tickTimeMs: 200,
      electionFinalizeWaitMs: 600,
      commitLogCount: 20,
      snapCount: 40,
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
      for: 300,
    },
    {
      after: 'op:2',
      plus: 1500,
      do: 'crashWhen',
      node: 1,
      how: 'power',
      action: 'fsync',
      file: 'epoch',
      edge: 'before',
      for: 300,
    },
    {
      after: 'op:3',
      plus: 1500,
      do: 'crashWhen',
      node: 1,
      how: 'power',
      effect: 'note',
      note: 'zab.newleader.acked',
      edge: 'after',
      for: 300,
    },
  ],
  expect: { verdict: 'ok', marks: ['zab.sync.snap'], tells: ['server 1 loses power at a chosen point'], writes: 150 },
});
