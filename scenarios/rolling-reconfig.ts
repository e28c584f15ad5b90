import { scenario } from './story.ts';

export const rollingReconfig = scenario({
  name: 'rolling-reconfig',
  title: 'an ensemble of three becomes one of five, and then does without two of the first three',
  story: `Goal: the quorum moves with the configuration, and no majority of the old one decides beside it. Method:
under load the ensemble takes in server 4, then server 5; the leader dies the moment the first change is active; when
five are members, servers 1 and 2 go down together, and then the leader too for a moment, so that only 3, 4 and 5 can
elect. Why it is nasty: a reconfiguration must be acknowledged by quorums of both configurations, a leader may die
between committing and activating it, and three of five include servers that were strangers a few seconds before.`,
  options: {
    nodes: 3,
    spares: 2,
    clients: 3,
    duration: 20_000,
    settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 },
  },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'reconfig', members: [1, 2, 3, 4] },
    // The first three are the configuration that the ensemble starts with.
    { after: 'zab.config.active#4', do: 'crash', node: 'same', for: 1000 },
    { after: 'op:2', plus: 4000, do: 'reconfig', members: [1, 2, 3, 4, 5] },
    { after: 'op:3', plus: 4000, do: 'crash', node: 1, for: 5000 },
    { after: 'op:3', plus: 4000, do: 'crash', node: 2, for: 5000 },
    { after: 'op:5', plus: 2500, do: 'crash', node: 'leader', for: 600 },
  ],
  decisive: 3,
  expect: {
    verdict: 'ok',
    marks: ['zab.config.active'],
    tells: ['server 5 obeys a new configuration', 'server 5 leads'],
    writes: 40,
  },
});
