import { scenario } from './story.ts';

export const observers = scenario({
  name: 'observers',
  title: 'observers are cut off, wiped and brought level again while the ensemble serves',
  story: `Goal: an observer may lose anything at any time, and the voters never wait for it. Method: under load one of
two observers is cut off until only a whole state helps it, the other comes back with an empty disk, then both are
down together while a voter is down too. Why it is nasty: an observer learns of commits by INFORM alone, without a
proposal before it, so a hole is not seen by the protocol but only by its digest; and a leader that waits for all its
learners waits for ever.`,
  options: {
    nodes: 3,
    observers: 2,
    clients: 3,
    duration: 10_000,
    settings: {
      tickTimeMs: 200,
      electionFinalizeWaitMs: 600,
      commitLogCount: 20,
      snapCount: 60,
      snapshotSizeFactor: -1,
    },
  },
  swarm: { 'workload.rate': 35 },
  ops: [
    { at: 2000, do: 'isolate', node: 4, for: 3000 },
    { at: 4500, do: 'wipe', node: 5, for: 800 },
    { at: 8000, do: 'crash', node: 4, for: 800 },
    { at: 8000, do: 'power', node: 5, for: 800 },
    { at: 8000, do: 'crash', node: 1, for: 800 },
  ],
  decisive: 2,
  expect: {
    verdict: 'ok',
    marks: ['zab.sync.snap'],
    never: ['zab.leading.gaveup'],
    tells: ['server 4 gets a snapshot', 'server 5 gets a snapshot'],
    writes: 50,
  },
});
