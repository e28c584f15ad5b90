import { scenario } from './story.ts';

export const wipedFollower = scenario({
  name: 'wiped-follower',
  title: 'a server with an empty disk meets one that lags, and they may not agree',
  story: `Goal: a server that has forgotten what it promised is not counted in the quorum it forgot. Method: all
servers are restarted with db.autocreate off; server 2 is down while servers 1 and 3 commit a node; then 3 crashes, 1
comes back with an empty disk, and 2 comes back. For four seconds only those two are there. Why it is nasty: two of
three are a majority, both are healthy and hear each other, and everything they do not know was acknowledged
(ZOOKEEPER-261). They must wait for server 3, however long it takes.`,
  options: { nodes: 3, clients: 2, duration: 22_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 1500, do: 'rolling', settings: { dbAutocreate: false }, pause: 1200 },
    { at: 8000, do: 'crash', node: 2 },
    { at: 9500, do: 'clientWrite', client: 1, path: '/kept' },
    { at: 10_500, do: 'crash', node: 3, for: 4000 },
    { at: 10_500, do: 'wipe', node: 1, for: 300 },
    { at: 10_600, do: 'start', node: 2 },
    // Succeeds only if it is there.
    { after: 'zab.established#3', plus: 5000, do: 'clientDelete', client: 1, path: '/kept' },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['storage.recovery.unproved'],
    tells: ['server 1 comes back with an empty disk'],
    writes: 3,
  },
});
