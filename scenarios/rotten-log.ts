import { scenario } from './story.ts';

export const rottenLog = scenario({
  name: 'rotten-log',
  title: 'a bit rots in a log, and the server that has it may not vote with what is left',
  story: `Goal: damage in the middle of a log is not its end. Method, after a study of five systems: servers 1, 2 and 3 of five
commit while 4 and 5 are down; a bit of the log of server 1 flips and 1 restarts; 2 and 3 die; 4 and 5 come back. Why it is
nasty: 1, 4 and 5 are a majority of servers that start without an error, and if 1 takes the bad record for the end of its log, nobody
of them knows of the transactions behind it: all are lost and then overwritten (Protocol-Aware Recovery, FAST 18). Server 1
must know that it does not know, and they must wait.`,
  options: {
    nodes: 5,
    clients: 2,
    duration: 14_000,
    // The committed nodes are on fewer than three sound disks for a while.
    unrestricted: true,
    settings: { tickTimeMs: 200, electionFinalizeWaitMs: 600, snapCount: 1000 },
  },
  swarm: { 'workload.rate': 0, 'workload.session': 30_000 },
  ops: [
    { at: 2500, do: 'crash', node: 4 },
    { at: 2500, do: 'crash', node: 5 },
    { at: 5000, do: 'clientWrite', client: 1, path: '/a' },
    { at: 5100, do: 'clientWrite', client: 1, path: '/b' },
    { at: 5200, do: 'clientWrite', client: 1, path: '/c' },
    { at: 5300, do: 'clientWrite', client: 1, path: '/d' },
    { at: 6000, do: 'bitRot', node: 1, file: 'log' },
    { at: 6100, do: 'crash', node: 2, for: 4000 },
    { at: 6100, do: 'crash', node: 3, for: 4000 },
    { at: 6100, do: 'crash', node: 1, for: 200 },
    { at: 6200, do: 'start', node: 4 },
    { at: 6200, do: 'start', node: 5 },
  ],
  expect: { verdict: 'ok', marks: ['storage.recovery.unproved'], tells: ['a bit rots'], writes: 8 },
});
