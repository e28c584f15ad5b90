import { scenario } from './story.ts';

export const unorderedStream = scenario({
  name: 'unordered-stream',
  title: 'a network that TCP forbids: chunks overtake each other',
  story: `Goal: nonsense is noticed and never believed. Method: an over-approximation, labelled as one: between the
servers chunks of a connection are reordered and repeated, which TCP never does and a broken middlebox might. Why it
is nasty: Zab trusts the order of a connection completely, so a COMMIT may arrive before its PROPOSAL and a proposal
may be missing without a trace in the stream. No progress is asked for; histories and states must not differ.`,
  options: { nodes: 3, clients: 3, duration: 10_000, settings: { tickTimeMs: 200 } },
  // Links whose latency varies bring more chunks under way at once.
  swarm: { 'workload.rate': 20, 'network.jitter': 2 },
  ops: [{ at: 2000, do: 'unordered', links: ['*-*'], for: 5500 }],
  decisive: 1,
  expect: { verdict: 'ok', marks: ['zab.learner.lost'], writes: 20 },
});
