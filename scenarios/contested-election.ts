import { scenario } from './story.ts';

export const contestedElection = scenario({
  name: 'contested-election',
  title: 'three winners in a row die before they lead, over slow and breaking election links',
  story: `Goal: five servers agree on one leader although every vote is in doubt. Method: links take 120 ms, so votes
cross and the wait of 200 ms before a majority is believed is not long enough to hear everybody; each of the first
three winners is killed in the step in which it begins to lead and comes back when the others are about to agree;
meanwhile all election connections are reset once. Why it is nasty: the rounds of the servers drift apart, each
returning server brings a vote that outranks what was just agreed, and a vote of an earlier round must not count in a
later one.`,
  options: { nodes: 5, clients: 3, duration: 14_000, settings: { tickTimeMs: 300 } },
  ops: [
    { at: 0, do: 'slow', links: ['*-*'], by: 120 },
    { after: 'zab.leading.started#1', do: 'crash', node: 'same', for: 700 },
    { after: 'zab.leading.started#2', do: 'crash', node: 'same', for: 1100 },
    { after: 'zab.leading.started#3', do: 'crash', node: 'same', for: 900 },
    { after: 'op:3', plus: 400, do: 'reset', links: ['*-*'], channel: 'election' },
  ],
  decisive: 4,
  expect: {
    verdict: 'ok',
    marks: ['election.round.join'],
    tells: ['crashes for 700 ms', 'crashes for 1.1 s', 'crashes for 900 ms', 'leads epoch'],
    writes: 8,
  },
});
