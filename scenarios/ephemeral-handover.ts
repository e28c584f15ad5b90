import { scenario } from './story.ts';

export const ephemeralHandover = scenario({
  name: 'ephemeral-handover',
  title: 'a lock changes hands three times: by expiry over a new leader, by goodbye, by death',
  story: `Goal: an ephemeral node has one owner at a time and goes with its session, not earlier and not much later. Method: client
1 holds /lock and stands still; before its session is over the leader dies, and the new one gives every session a full
timeout; at its expiry client 2 takes the lock, carries it to another server and says goodbye; client 3 takes it in turn.
Client 1 wakes up and asks again. Why it is nasty: the deletion and the next creation of one path are neighbours in the log,
the old owner still believes, and a leader that trusted its own list of sessions would delete the new owner's node. No load
beside it: the three creations are the only writes, so a failed hand-over is missing in the count.`,
  options: { nodes: 3, clients: 3, duration: 20_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 3000 },
  ops: [
    { at: 2500, do: 'clientWrite', client: 1, path: '/lock', ephemeral: true },
    { at: 2700, do: 'clientRead', client: 2, path: '/lock', watch: true },
    { at: 2800, do: 'clientWrite', client: 2, path: '/lock', ephemeral: true },
    { at: 3000, do: 'clientPause', client: 1, for: 12_000 },
    { after: 'op:4', plus: 1500, do: 'crash', node: 'leader', for: 3000 },
    { after: 'session.expired', plus: 100, do: 'clientWrite', client: 2, path: '/lock', ephemeral: true },
    { after: 'op:6', plus: 1000, do: 'clientMove', client: 2 },
    { after: 'op:7', plus: 2000, do: 'clientClose', client: 2 },
    { after: 'op:8', plus: 300, do: 'clientWrite', client: 3, path: '/lock', ephemeral: true },
    { at: 16_000, do: 'clientWrite', client: 1, path: '/lock', ephemeral: true },
  ],
  expect: { verdict: 'ok', marks: ['session.expired', 'zab.leading.started'], writes: 3 },
});
