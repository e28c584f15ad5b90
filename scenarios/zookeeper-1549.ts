import { scenario } from './story.ts';

export const zookeeper1549 = scenario({
  name: 'zookeeper-1549',
  title: 'a leader that is never established starts from an uncommitted tail, and must not keep it in a snapshot',
  story: `Goal: what a failed leadership took for its history does not survive in a file beside the log. Method, as
published: both followers stand still while the leader 3 logs one more node; all are killed; 3 comes back with a
follower that can vote for it but not reach its quorum port, so that it begins to lead and gives up; both are killed
again; 1 and 2 elect without a new transaction; 3 returns and must cut its log. Why it is nasty: a would-be leader
applies its whole log, uncommitted tail included. If it writes that as a snapshot, the cut shortens the log only, the
reload finds the snapshot above the cut, and the node lives for ever on one server (ZOOKEEPER-1549, 1558, 4837).`,
  options: { nodes: 3, clients: 2, duration: 19_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 0, do: 'cut', links: ['c1-1', 'c1-2', 'c2-3'] },
    { at: 7900, do: 'clientWrite', client: 1, path: '/kept' },
    { at: 8000, do: 'pause', node: 1, for: 20_000 },
    { at: 8000, do: 'pause', node: 2, for: 20_000 },
    { at: 8100, do: 'clientWrite', client: 1, path: '/lost' },
    { at: 8300, do: 'crash', node: 1 },
    { at: 8300, do: 'crash', node: 2 },
    { at: 8300, do: 'crash', node: 3 },
    { at: 8500, do: 'cut', links: ['1-3'], channel: 'quorum' },
    { at: 8500, do: 'start', node: 1 },
    { at: 8500, do: 'start', node: 3 },
    { after: 'zab.leading.gaveup', do: 'crash', node: 1 },
    { after: 'zab.leading.gaveup', do: 'crash', node: 3 },
    { after: 'op:13', plus: 100, do: 'heal', op: 9 },
    { after: 'op:13', plus: 200, do: 'start', node: 1 },
    { after: 'op:13', plus: 200, do: 'start', node: 2 },
    { after: 'zab.established#2', plus: 300, do: 'start', node: 3 },
    { after: 'zab.sync.trunc', plus: 500, do: 'clientWrite', client: 2, path: '/lost' },
    { after: 'op:18', plus: 500, do: 'power', node: 3, for: 300 },
  ],
  decisive: 5,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup', 'zab.sync.trunc'],
    tells: ['server 2 leads epoch', 'server 3 must cut its log', 'server 3 loses power'],
    writes: 4,
  },
});
