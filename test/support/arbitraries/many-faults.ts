/** Far more faults than a seed ever draws: what a shrinker is made for. */

import { CALM, DEFAULT_OPTIONS, type Op, SCHEDULE_FORMAT, type Schedule } from '../../../sim/schedule.ts';
import { generate } from '../../../sim/swarm.ts';
import { makeStream } from '../../../sim/world/random.ts';
import type { Stream } from '../../../sim/world/types.ts';

/** So many of a thousand operations hit a server hard; the rest is noise, as most of what happens is. */
const HARD_OF_1000 = 8;

/**
 * A schedule of exactly `count` operations over `durationMs` on three servers. Drawn here rather than by `sim/swarm.ts`, so that
 * it stays the same whatever the generators learn.
 */
export function manyFaults(seed: string, count: number, durationMs: number): Schedule {
  const stream = makeStream(seed, 'many faults');
  const ops: Op[] = [];
  for (let id = 1; id <= count; id++) {
    const at = 1000 + Math.floor((id * durationMs) / count);
    const body = stream.below(1000) < HARD_OF_1000 ? hard(stream) : noise(stream);
    ops.push({ id, at, ...body } as unknown as Op);
  }
  return {
    format: SCHEDULE_FORMAT,
    commit: 'test',
    seed,
    profile: 'many faults',
    options: {
      ...DEFAULT_OPTIONS,
      nodes: 3,
      clients: 2,
      duration: durationMs + 2000,
      settings: { tickTimeMs: 300, initLimitTicks: 6, syncLimitTicks: 3, snapCount: 100 },
    },
    swarm: { ...CALM, 'network.latency': 1, 'disk.fsync': 2, 'workload.rate': 4 },
    ops,
  };
}

/**
 * The same number of operations as the default profile draws them, of as many seeds as it takes, one after the other: other kinds,
 * most of them hard, and no two seeds alike. It changes with the generators.
 */
export function manyDrawn(seed: string, count: number, durationMs: number): Schedule {
  const { options, ...base } = manyFaults(seed, 0, durationMs);
  const { nodes, clients, observers, spares } = options;
  const ops: Op[] = [];
  for (let part = 0; ops.length < count; part++) {
    const drawn = generate({
      seed: `${seed}.${part}`,
      profile: 'default',
      commit: base.commit,
      options: { nodes, clients, observers, spares },
    });
    for (const op of drawn.ops) {
      if (!('at' in op) || ops.length === count) continue;
      const id = ops.length + 1;
      ops.push({ ...op, id, at: 1000 + Math.floor((id * durationMs) / count) });
    }
  }
  return { ...base, profile: 'many drawn', options, ops };
}

type Body = Readonly<Record<string, unknown>>;

function hard(stream: Stream): Body {
  const length = stream.between(300, 3000);
  return stream.pick<Body>([
    { do: 'isolate', node: 'leader', for: length },
    { do: 'power', node: 'leader', for: length },
    { do: 'crash', node: stream.between(1, 3), for: length },
    { do: 'partition', groups: [[1], [2, 3]], for: length },
  ]);
}

function noise(stream: Stream): Body {
  const node = stream.between(1, 3);
  const client = stream.between(1, 2);
  const length = stream.between(20, 400);
  const link = `${node}-${1 + (node % 3)}`;
  return stream.pick<Body>([
    { do: 'slow', links: [link], by: stream.between(1, 10), for: length },
    { do: 'clog', links: [link], for: Math.ceil(length / 10) },
    { do: 'clientMove', client },
    { do: 'clientKill', client, same: true },
    { do: 'clientSlow', client, for: length },
    { do: 'reset', links: [`${node}-c*`] },
    { do: 'clock', node, jump: stream.between(-5000, 5000) },
    { do: 'drift', node, rate: stream.pick([0.98, 1.02]), for: length },
    { do: 'diskSlow', node, by: stream.between(1, 8), for: length },
    { do: 'pause', node, for: Math.ceil(length / 8) },
  ]);
}
