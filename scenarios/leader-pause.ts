import { scenario } from './story.ts';

export const leaderPause = scenario({
  name: 'leader-pause',
  title: 'the leader stands still past every limit and wakes up in an epoch that is not its own',
  story: `Goal: a leader that slept does not answer for an ensemble that went on. Method: the leader is stopped
(SIGSTOP, a long garbage collection) three seconds, while the limit is one; another leads and writes; when the first
goes on, its clients, its proposals and its timers are all still there. Then the same to its successor, for less than
the limit, which must change nothing. Why it is nasty: to the sleeper no time has passed, so only what it hears next,
not what it believes, may decide.`,
  options: { nodes: 3, clients: 4, duration: 10_000, settings: { tickTimeMs: 200 } },
  swarm: { 'workload.rate': 20 },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'pause', node: 'leader', for: 3000 },
    { after: 'op:1', plus: 5500, do: 'pause', node: 'leader', for: 400 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup'],
    tells: ['stands still for 3.0 s', 'leads epoch 2'],
    writes: 50,
  },
});
