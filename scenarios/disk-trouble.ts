import { scenario } from './story.ts';

export const diskTrouble = scenario({
  name: 'disk-trouble',
  title: 'a failed fsync is final, a rotten snapshot is not the last word, a full disk stops a server',
  story: `Goal: a server whose disk fails stops, and comes back with what it can prove. Method: the log of the leader
cannot be synced once; the newest snapshot of server 1 rots and the server restarts; the disk of a follower is full.
Why it is nasty: an fsync that fails and then succeeds has lost what the first one covered (fsyncgate), so going on
after it acknowledges what is not there; a rotten snapshot lets recovery fall back to an older one, with a log behind
it that begins too late; and each time there are enough others for the ensemble to go on, so nobody notices a wrong
answer but the checks.`,
  options: { nodes: 5, clients: 3, duration: 11_000, settings: { tickTimeMs: 200, snapCount: 40 } },
  swarm: { 'workload.rate': 15 },
  ops: [
    { at: 2000, do: 'diskError', node: 'leader', error: 'EIO', file: 'log', count: 1 },
    { at: 5500, do: 'bitRot', node: 1, file: 'snapshot' },
    { at: 5600, do: 'crash', node: 1, for: 300 },
    { at: 7500, do: 'diskError', node: 'follower', error: 'ENOSPC', file: 'any', count: 1 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['peer.halted'],
    tells: ['gives up: disk failed: EIO', 'gives up: disk failed: ENOSPC', 'a bit rots'],
    writes: 40,
  },
});
