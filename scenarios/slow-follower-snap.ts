import { scenario } from './story.ts';

export const slowFollowerSnap = scenario({
  name: 'slow-follower-snap',
  title: 'a follower falls behind the window and needs a whole state, and the transfer breaks in the middle',
  story: `Goal: who falls too far behind is brought level by a snapshot, and half a snapshot is no state. Method: the disk of
server 1 stalls five seconds while four clients write; it acknowledges nothing and is dropped; the leader keeps 30
transactions in memory and reads none from disk, so only SNAP can help. The first transfer is reset under way. Why it is
nasty: the interrupted tree has a plausible zxid (ZOOKEEPER-3642 went on from it by DIFF), and writes go on all the time, so
what is committed between the snapshot and UPTODATE must neither be lost nor applied twice.`,
  options: {
    nodes: 3,
    clients: 4,
    duration: 14_000,
    settings: {
      tickTimeMs: 200,
      electionFinalizeWaitMs: 600,
      commitLogCount: 30,
      snapCount: 60,
      snapshotSizeFactor: -1,
    },
  },
  swarm: { 'workload.rate': 30, 'workload.bytes': 300, 'network.cut': 30 },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'diskStall', node: 1, for: 5000 },
    { after: 'zab.sync.snap#1', do: 'reset', links: ['1-3'], channel: 'quorum' },
  ],
  expect: {
    verdict: 'ok',
    marks: ['zab.sync.snap', 'zab.handler.closed'],
    never: ['zab.leading.gaveup'],
    tells: ['server 1 gets a snapshot from 3', 'connections on 1-3 are reset'],
    writes: 200,
  },
});
