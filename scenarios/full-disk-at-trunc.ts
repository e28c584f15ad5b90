import { scenario } from './story.ts';

export const fullDiskAtTrunc = scenario({
  name: 'full-disk-at-trunc',
  title: 'the disk is full in the moment in which a log must be cut',
  story: `Goal: a log that could not be cut is not used. Method: as in divergent-tail the leader 3 logs a node alone
and returns to a leader that tells it to TRUNC; its disk is full just then. Why it is nasty: the learner has a healthy
connection and an order it cannot carry out. Whoever takes the failed cut for done goes on with the surplus
transaction under the new leader's, which upstream saw as a split brain on a full log disk (ZOOKEEPER-3701). The
server must give up. When it is back, its log may look shorter without being so on the platter, which a power cut
shows.`,
  options: { nodes: 3, clients: 2, duration: 19_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 0, do: 'cut', links: ['c1-1', 'c1-2', 'c2-3'] },
    { at: 8000, do: 'clientWrite', client: 1, path: '/kept' },
    { at: 8500, do: 'cut', links: ['3-1', '3-2'] },
    { at: 8600, do: 'clientWrite', client: 1, path: '/lost' },
    { at: 8900, do: 'power', node: 3, for: 3500 },
    { after: 'zab.established#2', plus: 500, do: 'heal', op: 3 },
    { after: 'zab.sync.trunc#1', do: 'diskError', node: 3, error: 'ENOSPC', file: 'log', count: 1, for: 1000 },
    { after: 'op:7', plus: 4000, do: 'power', node: 3, for: 300 },
    { after: 'op:8', plus: 1000, do: 'clientWrite', client: 2, path: '/lost' },
  ],
  decisive: 7,
  expect: {
    verdict: 'ok',
    marks: ['peer.halted', 'zab.sync.trunc'],
    tells: ['server 3 must cut its log', 'server 3 gives up'],
    writes: 4,
  },
});
