/** Far more faults than a seed ever draws: what a shrinker is made for. */

import { CALM, type Op, type Schedule } from '../../../sim/schedule.ts';
import { generate, type SwarmRequest } from '../../../sim/swarm.ts';

/** A schedule of exactly `count` operations over `durationMs`, put together from as many seeds as it takes. */
export function manyFaults(seed: string, count: number, durationMs: number): Schedule {
  const request = (name: string): SwarmRequest => ({
    seed: name,
    profile: 'swarm',
    commit: 'test',
    options: {
      nodes: 3,
      observers: 0,
      spares: 0,
      clients: 2,
      tls: false,
      duration: durationMs,
      settings: { tickTimeMs: 300, snapCount: 1000 },
    },
  });
  const base = generate({ ...request(seed), profile: 'default' });
  const ops: Op[] = [];
  for (let k = 0; ops.length < count; k++)
    ops.push(...generate({ ...request(`${seed}/${k}`), options: base.options }).ops);
  const timeOf = (op: Op): number => ('at' in op ? op.at : 0);
  const sorted = ops.slice(0, count).sort((a, b) => timeOf(a) - timeOf(b));
  return {
    ...base,
    swarm: { ...CALM, 'workload.rate': 4 },
    ops: sorted.map((op, index) => ({ ...op, id: index + 1 })),
  };
}
