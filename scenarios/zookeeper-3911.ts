import { scenario } from './story.ts';

export const zookeeper3911 = scenario({
  name: 'zookeeper-3911',
  title: 'a follower acknowledges NEWLEADER, loses power, and must still have what it acknowledged',
  story: `Goal: an acknowledgement of NEWLEADER covers the history it came with. Method, after the published trace: 3
alone has one more node; it comes back, wins with server 1 and hands the node over by DIFF; in the moment in which it
is established, server 1 loses power; 3 goes on to be elected with server 2, but dies before 2 has got anything;
servers 1 and 2 remain. Why it is nasty: the node has been committed by two servers of three, and the one that is left
is the one that lost power right behind its acknowledgement. If the synchronised transactions were only in memory
(until UPTODATE, as in 3.6.2, or in the queue of a log thread, ZOOKEEPER-4646), 2 wins by its id and the node is lost.`,
  options: { nodes: 3, clients: 1, duration: 17_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 0, do: 'refuse', node: 1, channel: 'client', how: 'refuse' },
    { at: 0, do: 'refuse', node: 2, channel: 'client', how: 'refuse' },
    { at: 6000, do: 'cut', links: ['3>1', '3>2'], channel: 'quorum' },
    { at: 6100, do: 'clientWrite', client: 1, path: '/kept' },
    { at: 6400, do: 'crash', node: 2 },
    { at: 6400, do: 'crash', node: 3, for: 300 },
    { at: 6500, do: 'heal', op: 3 },
    { after: 'zab.established#2', do: 'power', node: 1, for: 4000 },
    { after: 'op:8', plus: 1500, do: 'start', node: 2 },
    { after: 'zab.leading.started#3', do: 'power', node: 3, for: 6000 },
    { after: 'op:10', plus: 4500, do: 'heal' },
    { after: 'op:11', plus: 500, do: 'clientWrite', client: 1, path: '/after' },
    // Succeeds only if it is there.
    { after: 'op:12', plus: 200, do: 'clientDelete', client: 1, path: '/kept' },
  ],
  decisive: 8,
  expect: { verdict: 'ok', tells: ['server 3 loses power', 'server 1 leads epoch'], writes: 3 },
});
