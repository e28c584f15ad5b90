import { scenario } from './story.ts';

export const zookeeper2845 = scenario({
  name: 'zookeeper-2845',
  title: 'a follower logged more than it applied, and its vote must say so',
  story: `Goal: a server votes with its log, not with its tree. Method, after the published trace: the leader 3
proposes a node that only server 1 logs, whose acknowledgement is lost; 2 and 3 die; 3 comes back and is elected, but
is cut off before it can synchronise server 1, and dies; 2 comes back with the shorter log. Why it is nasty: between
two elections server 1 keeps its tree, which is one transaction behind its log. If the vote is made from the tree, 2
wins by its id, sends an empty DIFF, and the two serve with different histories. So server 1 must win, and the node is
part of the next epoch.`,
  options: { nodes: 3, clients: 1, duration: 16_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 0, do: 'refuse', node: 1, channel: 'client', how: 'refuse' },
    { at: 0, do: 'refuse', node: 2, channel: 'client', how: 'refuse' },
    { at: 6000, do: 'cut', links: ['3>2', '1>3'], channel: 'quorum' },
    { at: 6100, do: 'clientWrite', client: 1, path: '/tail' },
    { at: 6400, do: 'crash', node: 2 },
    { at: 6400, do: 'crash', node: 3 },
    { at: 6500, do: 'heal', op: 3 },
    { at: 6700, do: 'start', node: 3 },
    { after: 'zab.leading.started#2', do: 'cut', links: ['1-3'] },
    { after: 'zab.leading.started#2', plus: 100, do: 'crash', node: 3, for: 5000 },
    { after: 'op:10', plus: 100, do: 'start', node: 2 },
    { after: 'op:10', plus: 4000, do: 'heal' },
    { after: 'op:12', plus: 1500, do: 'clientWrite', client: 1, path: '/after' },
    // Succeeds only if it is there.
    { after: 'op:13', plus: 200, do: 'clientDelete', client: 1, path: '/tail' },
  ],
  decisive: 3,
  expect: { verdict: 'ok', tells: ['server 1 leads epoch'], writes: 3 },
});
