import { scenario } from './story.ts';

export const divergentTail = scenario({
  name: 'divergent-tail',
  title: 'a leader logs what nobody else has, dies, and must cut it off when it returns',
  story: `Goal: what only one server logged, and nobody promised, disappears; what was promised stays. Method: the
leader 3 is cut off and writes a node into its own log alone, then loses power. Servers 1 and 2 elect without a single
new transaction, so their history is a proper prefix of the log that 3 comes back with, and it is told to TRUNC. Then
it is restarted once more and a write follows. Why it is nasty: the surplus entry is durable, so every recovery finds
it, and its zxid is the highest of all. Truncation that does not reach the disk, or a file handle that still points
behind the cut (ZOOKEEPER-1489), show in the last restart.`,
  options: { nodes: 3, clients: 2, duration: 19_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 20_000 },
  ops: [
    // Client 1 lives on the leader's side, client 2 on the other.
    { at: 0, do: 'cut', links: ['c1-1', 'c1-2', 'c2-3'] },
    { at: 8000, do: 'clientWrite', client: 1, path: '/kept' },
    { at: 8500, do: 'cut', links: ['3-1', '3-2'] },
    { at: 8600, do: 'clientWrite', client: 1, path: '/lost' },
    { at: 8900, do: 'power', node: 3, for: 3500 },
    { after: 'zab.established#2', plus: 500, do: 'heal', op: 3 },
    { after: 'zab.sync.trunc', plus: 1000, do: 'clientWrite', client: 2, path: '/after' },
    { after: 'op:7', plus: 500, do: 'power', node: 3, for: 300 },
    { after: 'op:8', plus: 1500, do: 'clientWrite', client: 2, path: '/lost' },
    { after: 'op:9', plus: 300, do: 'clientDelete', client: 2, path: '/kept' },
  ],
  decisive: 4,
  expect: { verdict: 'ok', marks: ['zab.sync.trunc'], tells: ['server 3 must cut its log'], writes: 7 },
});
