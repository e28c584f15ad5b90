import { scenario } from './story.ts';

export const alternatingPairs = scenario({
  name: 'alternating-pairs',
  title: 'never more than two servers at a time, and each pair is another one',
  story: `Goal: every pair of three goes on where the last pair stopped, whatever the third one brings. Method, after
a public test of upstream: 1 and 2 work; 2 logs a node that 1 never hears of; both die. 1 and 3 elect and die. 2 and 3
elect, 2 with a longer log of an older epoch, write and die. 2 and 3 again, and at last 1 joins. Why it is nasty: each
server misses exactly what the other two decided, the surplus transaction of 2 lies between two epochs of the others,
and no window of recent transactions covers the gap (ZOOKEEPER-2832).`,
  options: { nodes: 3, clients: 2, duration: 28_000, settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600 } },
  swarm: { 'workload.rate': 0, 'workload.session': 40_000 },
  ops: [
    { at: 0, do: 'cut', links: ['c1-1', 'c1-3'] },
    { at: 5500, do: 'crash', node: 3 },
    { at: 12_500, do: 'clientWrite', client: 2, path: '/first' },
    { at: 13_000, do: 'cut', links: ['1-2'] },
    { at: 13_100, do: 'clientWrite', client: 1, path: '/lost' },
    { at: 13_400, do: 'crash', node: 1 },
    { at: 13_400, do: 'crash', node: 2 },
    { at: 13_500, do: 'heal', op: 4 },
    { at: 13_700, do: 'start', node: 1 },
    { at: 13_700, do: 'start', node: 3 },
    { at: 16_000, do: 'crash', node: 1 },
    { at: 16_000, do: 'crash', node: 3 },
    { at: 16_200, do: 'start', node: 2 },
    { at: 16_200, do: 'start', node: 3 },
    { at: 19_000, do: 'clientWrite', client: 2, path: '/second' },
    { at: 19_500, do: 'crash', node: 2 },
    { at: 19_500, do: 'crash', node: 3 },
    { at: 19_700, do: 'start', node: 2 },
    { at: 19_700, do: 'start', node: 3 },
    { at: 22_000, do: 'start', node: 1 },
    { at: 24_500, do: 'clientWrite', client: 2, path: '/last' },
    { at: 25_000, do: 'clientDelete', client: 2, path: '/first' },
    { at: 25_200, do: 'clientDelete', client: 2, path: '/second' },
  ],
  decisive: 5,
  expect: { verdict: 'ok', marks: ['zab.sync.trunc'], tells: ['server 3 leads epoch 5'], writes: 8 },
});
