/** Ensembles that change. */

import type { Stream } from '../world/types.ts';
import type { Draft, Planned, Scene } from './scene.ts';
import { voters } from './scene.ts';

/**
 * Two changes of the ensemble in one breath, while some logs are slow: the second must wait for the first, or each is
 * decided without a quorum of the other (Ongaro's one-server changes, raft-dev 2015).
 */
export function twoChanges(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const all = voters(scene);
  const order = stream.shuffled(all);
  const size = Math.floor(all.length / 2) + 1;
  const members = [order.slice(0, size), order.slice(-size), order].map((list) => [...list].sort((a, b) => a - b));
  const by = stream.pick([100, 300, 700]);
  const slow = order.slice(0, stream.between(1, all.length - 1));
  const planned: Planned[] = slow.map((node) => ({
    at,
    draft: { do: 'diskSlow', node, file: 'log', by, for: 5000 },
  }));
  planned.push({ at: at + 50, key: name, draft: { do: 'reconfig', members: members[0] } });
  for (let i = 0; i < 2; i++) {
    const plus = stream.pick([0, 1, 10, 60, 200]) + i * 400;
    planned.push({ at: at + 51 + i, draft: { after: `key:${name}`, plus, do: 'reconfig', members: members[1 + i] } });
  }
  if (stream.below(2) === 0)
    planned.push({
      at: at + 60,
      draft: { after: `key:${name}`, plus: stream.between(20, 600), do: 'crash', node: stream.pick(all), for: 1500 },
    });
  return planned;
}

/**
 * One change after the other, to any three or more of all there are, and around each of them servers that die, stand apart or
 * have a disk that stalls: whoever proposes, joins or leaves may be gone in the middle of it, with what only a part of the old
 * and the new ones has in its log.
 */
export function upheaval(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const all = Array.from({ length: options.nodes + options.spares }, (_, index) => index + 1);
  const planned: Planned[] = [];
  let at = 1500;
  while (at < options.duration - 1500) {
    const members = stream.shuffled(all).slice(0, stream.between(3, all.length)).sort(ascending);
    planned.push({ at, draft: { do: 'reconfig', members } });
    const count = 1 + stream.below(4);
    for (let i = 0; i < count; i++) {
      planned.push({ at: Math.max(500, at + stream.between(-300, 600)), draft: trouble(stream, all) });
    }
    at += stream.between(600, 3000);
  }
  return planned;
}

function trouble(stream: Stream, all: readonly number[]): Draft {
  const node = stream.pick(['leader', 'leader', 'candidate', 'same', ...all] as const);
  const lasts = stream.pick([100, 300, 1000, 3000]);
  const kind = stream.pick(['isolate', 'partition', 'crash', 'diskStall', 'power', 'power'] as const);
  if (kind !== 'partition') return { do: kind, node, for: lasts };
  const order = stream.shuffled(all);
  const count = stream.between(1, all.length - 1);
  const groups = [order.slice(0, count).sort(ascending), order.slice(count).sort(ascending)];
  return { do: 'partition', groups, for: lasts };
}

const ascending = (a: number, b: number): number => a - b;
