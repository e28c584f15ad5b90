import { scenario } from './story.ts';

export const rottenLog = scenario({
  name: 'rotten-log',
  title: 'bits rot in a log, and the server that has it may not vote with what is left',
  story: `Goal: damage in the middle of a log is not its end. Method, after a study of five systems: servers 1, 2 and
3 of five commit while 4 and 5 are down; 2 dies, four bits in the log of 1 flip, 3 dies, and 1, 4 and 5 come back. Why
it is nasty: these three are a majority of servers that start without an error, and if 1 takes the bad record for the
end of its log, none of them knows of the transactions behind it: all are lost and then overwritten (Protocol-Aware
Recovery, FAST 18). Server 1 must know that it does not know, and they must wait for the others.`,
  options: {
    nodes: 5,
    clients: 3,
    duration: 14_000,
    // The committed nodes are on fewer than three sound disks for a while.
    unrestricted: true,
    settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600, snapCount: 1000, preAllocSizeKb: 1 },
  },
  swarm: { 'workload.rate': 15 },
  ops: [
    { at: 2500, do: 'crash', node: 4 },
    { at: 2500, do: 'crash', node: 5 },
    { at: 6000, do: 'crash', node: 2, for: 5600 },
    // Two of five commit nothing, and rot befalls files that rest.
    { at: 7500, do: 'bitRot', node: 1, file: 'log' },
    { at: 7500, do: 'bitRot', node: 1, file: 'log' },
    { at: 7500, do: 'bitRot', node: 1, file: 'log' },
    { at: 7500, do: 'bitRot', node: 1, file: 'log' },
    { at: 7600, do: 'crash', node: 1, for: 100 },
    { at: 7600, do: 'crash', node: 3, for: 4000 },
    { at: 7700, do: 'start', node: 4 },
    { at: 7700, do: 'start', node: 5 },
  ],
  decisive: 8,
  expect: {
    verdict: 'ok',
    marks: ['storage.recovery.unproved'],
    tells: ['a bit rots', 'server 3 leads epoch 3'],
    writes: 20,
  },
});
