import { scenario } from './story.ts';

export const clockJump = scenario({
  name: 'clock-jump',
  title: 'wall clocks jump by an hour in both directions, and nobody is late',
  story: `Goal: no promise rests on the time of day. Method: the wall clock of the leader goes an hour ahead, then two
hours back, the one of a follower goes back by a minute, and the clocks of the leader run ten percent fast throughout.
No session of four seconds may end by it, no follower may leave, nobody may call an election. Why it is nasty:
elections, pings, session expiry and container cleaning all count time, and one look at the wall clock in any of them
ends every session at once (ZOOKEEPER-1366), which no client can tell from a real failure.`,
  options: { nodes: 3, clients: 4, duration: 14_000, settings: { tickTimeMs: 300 } },
  swarm: { 'workload.session': 4000 },
  ops: [
    { after: 'zab.established', plus: 1000, do: 'drift', node: 'leader', rate: 1.1 },
    { after: 'op:1', plus: 500, do: 'clock', node: 'leader', jump: 3_600_000 },
    { after: 'op:2', plus: 6000, do: 'clock', node: 'leader', jump: -7_200_000 },
    { after: 'op:3', plus: 1000, do: 'clock', node: 'follower', jump: -60_000 },
  ],
  decisive: 2,
  expect: {
    verdict: 'ok',
    never: ['session.expired', 'zab.leading.gaveup', 'zab.learner.lost'],
    tells: ['jumps by +3600.0 s'],
    writes: 60,
  },
});
