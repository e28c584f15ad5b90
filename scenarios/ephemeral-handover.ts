import { scenario } from './story.ts';

export const ephemeralHandover = scenario({
  name: 'ephemeral-handover',
  title: 'a lock changes hands by expiry over a new leader, by goodbye and by death',
  story: `Goal: an ephemeral node has one owner at a time and goes with its session, not earlier and not much later.
Method: client 1 holds /lock and stands still; before its session is over the leader dies, and the new one gives every
session a full timeout; at its expiry client 2 takes the lock, carries it to another server and says goodbye; client 3
takes it and dies; client 4 is the last. Why it is nasty: the deletion and the next creation of one path are
neighbours in the log, the first owner still believes when it wakes up, the clock of the leader that counts is set
back by an hour, and whoever deletes by its own list of sessions deletes the next owner's node. No load beside it: the
four creations are the only writes, so a hand-over that fails is missing in the count.`,
  options: { nodes: 3, clients: 4, duration: 25_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 4000 },
  ops: [
    { at: 2500, do: 'clientWrite', client: 1, path: '/lock', ephemeral: true },
    { at: 2700, do: 'clientRead', client: 2, path: '/lock', watch: true },
    { at: 2800, do: 'clientWrite', client: 2, path: '/lock', ephemeral: true },
    { at: 3000, do: 'clientPause', client: 1, for: 12_000 },
    { after: 'op:4', plus: 1500, do: 'crash', node: 'leader', for: 3000 },
    { after: 'zab.established#2', plus: 500, do: 'clock', node: 'leader', jump: -3_600_000 },
    { after: 'session.expired#1', plus: 100, do: 'clientWrite', client: 2, path: '/lock', ephemeral: true },
    { after: 'op:7', plus: 1000, do: 'clientMove', client: 2 },
    { after: 'op:8', plus: 2000, do: 'clientWrite', client: 3, path: '/lock', ephemeral: true },
    { after: 'op:9', plus: 100, do: 'clientClose', client: 2 },
    { after: 'op:10', plus: 300, do: 'clientWrite', client: 3, path: '/lock', ephemeral: true },
    { after: 'op:11', plus: 500, do: 'clientKill', client: 3 },
    { after: 'session.expired#2', plus: 100, do: 'clientWrite', client: 4, path: '/lock', ephemeral: true },
  ],
  decisive: 10,
  expect: {
    verdict: 'ok',
    marks: ['session.expired', 'client.session.expiredLocally'],
    tells: ['leads epoch 2'],
    writes: 4,
  },
});
