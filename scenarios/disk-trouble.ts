import { scenario } from './story.ts';

export const diskTrouble = scenario({
  name: 'disk-trouble',
  title: 'a failed fsync is final, a rotten record is not the end of the log',
  story: `The log of one server cannot be synced: it must stop at once, because what the failed fsync covered may be
lost although later ones succeed (fsyncgate). The snapshot of another rots, then a record in the middle of its log: when
it restarts it must not take the damage for the end of its history and vote with what is left; it asks for everything
anew and does not vote until it has it.`,
  options: { nodes: 5, clients: 4, duration: 24_000, settings: { snapCount: 60 } },
  swarm: { 'workload.rate': 20 },
  ops: [
    { at: 4000, do: 'diskError', node: 'leader', error: 'EIO', file: 'log', count: 1 },
    { at: 9000, do: 'bitRot', node: 1, file: 'log' },
    { at: 10_000, do: 'crash', node: 1, for: 300 },
    { at: 14_000, do: 'bitRot', node: 2, file: 'snapshot' },
    { at: 15_000, do: 'power', node: 2, for: 300 },
    { at: 18_000, do: 'diskError', node: 'follower', error: 'ENOSPC', file: 'any', count: 2 },
  ],
  expect: { verdict: 'ok', marks: ['peer.halted', 'store.recovered'], writes: 100 },
});
