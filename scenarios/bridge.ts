import { scenario } from './story.ts';

export const bridge = scenario({
  name: 'bridge',
  title: 'two halves that only one server hears both of; then the leader dies beside the bridge',
  story: `Goal: an ensemble in which nobody can lead stands still, and goes on as soon as somebody can. Method:
servers 1 and 2 hear 4 and 5 only through 3. The leader 5 goes on with 3 and 4. Then it dies. What is left is 3, which
hears everybody, and two halves. Why it is nasty: votes travel over the bridge to servers that cannot reach whom they
elect, so 1, 2 and 3 agree on 4, which has the longest log and hears only 3. It must not count votes it did not hear,
and the others must give up and ask again, until the bridge is not needed any more, four seconds later.`,
  options: { nodes: 5, clients: 4, duration: 14_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'cut', links: ['1-4', '1-5', '2-4', '2-5'], for: 7500 },
    { after: 'op:1', plus: 3500, do: 'crash', node: 'leader', for: 4000 },
  ],
  decisive: 1,
  expect: { verdict: 'ok', marks: ['zab.learner.lost'], tells: ['leads epoch 2 after 4.'], writes: 25 },
});
