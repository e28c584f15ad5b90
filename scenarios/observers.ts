import { scenario } from './story.ts';

export const observers = scenario({
  name: 'observers',
  title: 'observers come, go and are wiped, and never count',
  story: `Two observers follow three voters. They are cut off, killed and given empty disks, and brought level each time; two
voters are lost with them, so that the observers outnumber the voters that are left. Whoever counts an observer in a
quorum, of epochs, of NEWLEADER or of proposals, goes on where it must stop (ZOOKEEPER-769, ZOOKEEPER-2959).`,
  options: { nodes: 3, observers: 2, clients: 4, duration: 22_000 },
  swarm: { 'workload.rate': 15 },
  ops: [
    { at: 3000, do: 'isolate', node: 4, for: 4000 },
    { at: 4000, do: 'wipe', node: 5, for: 800 },
    {
      at: 9000,
      do: 'partition',
      groups: [
        [1, 4, 5],
        [2, 3],
      ],
      for: 4000,
    },
    { at: 15_000, do: 'crash', node: 2, for: 4000 },
    { at: 15_000, do: 'crash', node: 3, for: 4000 },
  ],
  expect: { verdict: 'ok', writes: 60 },
});
