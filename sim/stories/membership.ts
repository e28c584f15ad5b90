/** Ensembles that change. */

import { type Planned, type Scene, voters } from './scene.ts';

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
