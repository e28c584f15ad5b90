import { scenario } from './story.ts';

export const slowFollowerSnap = scenario({
  name: 'slow-follower-snap',
  title: 'a follower falls behind the window and needs a whole state, and the transfer breaks in the middle',
  story: `Goal: who falls too far behind is brought level by a snapshot, and half a snapshot is no state. Method: the
disk of server 1 stalls four seconds while four clients write; it acknowledges nothing and is dropped; the leader
keeps 30 transactions in memory and reads none from disk, so only SNAP can help. The first transfer is reset under
way; after the second, server 2 dies, so that nothing is committed without server 1. Why it is nasty: the interrupted
tree has a plausible zxid (ZOOKEEPER-3642 went on from it by DIFF), and writes go on all the time, so what is
committed between the snapshot and UPTODATE must neither be lost nor applied twice.`,
  options: {
    nodes: 3,
    clients: 4,
    duration: 10_000,
    settings: {
      tickTimeMs: 200,
      electionFinalizeWaitMs: 600,
      commitLogCount: 30,
      snapCount: 60,
      snapshotSizeFactor: -1,
    },
  },
  swarm: { 'workload.rate': 20, 'workload.bytes': 300, 'network.buffer': 3000 },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'diskStall', node: 1, for: 4000 },
    { after: 'zab.sync.snap#1', plus: 3, do: 'reset', links: ['1-3'], channel: 'quorum' },
    // Now nothing is committed without server 1.
    { after: 'zab.sync.snap#2', plus: 400, do: 'crash', node: 2, for: 1500 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.sync.snap', 'zab.handler.closed'],
    never: ['zab.leading.gaveup'],
    tells: ['server 1 gets a snapshot from 3', 'connections on 1-3 are reset', 'server 2 crashes'],
    writes: 80,
  },
});
