import { scenario } from './story.ts';

export const bridge = scenario({
  name: 'bridge',
  title: 'two halves that only one server hears both of; then the leader dies beside the bridge',
  story: `Goal: nobody but a majority decides, although the majorities overlap in one server. Method: servers 1 and 2 hear 4 and
5 only through 3. The leader 5 goes on with 3 and 4. Then it dies, and what is left (1, 2 and 3) are three of five. Why it is
nasty: votes for a leader travel over the bridge to servers that cannot reach that leader, so they follow somebody who
never answers; the bridge itself is counted on both sides.`,
  options: { nodes: 5, clients: 4, duration: 14_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'cut', links: ['1-4', '1-5', '2-4', '2-5'], for: 7500 },
    { after: 'op:1', plus: 3500, do: 'crash', node: 'leader', for: 4000 },
  ],
  expect: { verdict: 'ok', marks: ['zab.learner.lost', 'zab.leading.gaveup'], writes: 60 },
});
