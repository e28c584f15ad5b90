/** Leaderships that come to little: histories that only one server has, promises without acceptance, epochs without writes. */

import { type Draft, type Planned, type Scene, voters } from './scene.ts';

/**
 * A leader that logged what nobody else has comes back, promises the next epoch and dies before it accepts it; then the
 * leader of that epoch logs something alone and dies too. Whoever takes a promise for acceptance now prefers the wrong
 * history (ZOOKEEPER-335, 1081).
 */
export function promised(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const alone = stream.between(150, 500);
  const back = stream.between(700, 1500);
  const how = stream.pick(['kill', 'power']);
  const trap: Draft = { do: 'crashWhen', node: 'same', how, effect: 'note', note: 'zab.epoch.accepted', edge: 'after' };
  return [
    { at, key: name, draft: { do: 'isolate', node: 'leader', direction: 'out', for: alone + 300 } },
    { at: at + 1, draft: { after: `key:${name}`, ...trap, for: stream.between(900, 2000) } },
    { at: at + 2, draft: { after: `key:${name}`, plus: alone - 50, do: 'quiet', for: back + 600 } },
    {
      at: at + 3,
      key: `${name}/died`,
      draft: { after: `key:${name}`, plus: alone, do: stream.pick(['crash', 'power']), node: 'same', for: back },
    },
    {
      at: at + 4,
      key: `${name}/next`,
      draft: {
        after: `key:${name}/died`,
        plus: back + stream.between(450, 700),
        do: 'isolate',
        node: 'leader',
        direction: 'out',
        for: 900,
      },
    },
    {
      at: at + 5,
      draft: {
        after: `key:${name}/next`,
        plus: stream.between(100, 500),
        do: 'crash',
        node: 'same',
        for: stream.between(2000, 4000),
      },
    },
  ];
}

/** Epoch after epoch without a write, and servers that die between two operations on the files that tell of them. */
export function quietEpochs(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [{ at: 1400, draft: { do: 'quiet', for: options.duration } }];
  let at = stream.between(1500, 2000);
  while (at < options.duration - 800) {
    const node = stream.pick<number | 'leader'>([...voters(scene), 'leader', 'leader']);
    const file = stream.pick(['create', 'create', 'fsync', 'rename', 'remove']);
    const trap: Draft = {
      do: 'crashWhen',
      node: stream.pick(voters(scene)),
      how: stream.pick(['kill', 'power']),
      action: file,
      file: 'epoch',
      edge: stream.pick(['before', 'after', 'done']),
      skip: stream.below(3),
      for: stream.pick([50, 300]),
    };
    planned.push({ at, draft: trap });
    planned.push({ at: at + 1, draft: { do: 'crash', node, for: stream.pick([20, 100, 500]) } });
    at += stream.between(500, 1300);
  }
  return planned;
}

/**
 * A leader with a tail of its own is elected by one that cannot reach it, so that it is never established; both are stopped.
 * The others elect, and it comes back to a history without its tail (ZOOKEEPER-1549, 1558, 4837).
 */
export function neverEstablished(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  // Where all began with the same history, the highest leads.
  const leader = options.nodes;
  const others = stream.shuffled(voters(scene).filter((node) => node !== leader));
  const [voter, ...rest] = others;
  const stopped = stream.between(150, 400);
  const tries = stream.between(900, 2600);
  const plan = (plus: number, draft: Draft): Planned => ({
    at: at + 1,
    draft: { after: `key:${name}`, plus, ...draft },
  });
  const how = stream.pick(['crash', 'power'] as const);
  return [
    { at, key: name, draft: { do: 'pause', node: voter, for: stopped + 100 } },
    ...rest.map((node) => plan(0, { do: 'pause', node, for: stopped + 100 })),
    plan(stopped - 50, { do: 'quiet', for: tries + 3000 }),
    ...voters(scene).map((node) => plan(stopped, { do: how, node })),
    plan(stopped + 20, { do: 'cut', links: [`${voter}-${leader}`], channel: 'quorum', for: tries + 200 }),
    plan(stopped + 30, { do: 'start', node: voter }),
    plan(stopped + 30, { do: 'start', node: leader }),
    plan(stopped + tries, { do: how, node: voter }),
    plan(stopped + tries, { do: how, node: leader }),
    ...others.map((node) => plan(stopped + tries + 300, { do: 'start', node })),
    plan(stopped + tries + stream.between(900, 1800), { do: 'start', node: leader }),
  ];
}
