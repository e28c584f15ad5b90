/** What a leader owes to those that follow it, and what it may count: observers, stragglers, states cut in the middle. */

import { type Draft, downFor, type Planned, round, type Scene, voters } from './scene.ts';

/**
 * Whoever has just been elected reaches the observers and no voter. With them it must not come to a quorum (ZOOKEEPER-769),
 * and the others elect again, into the same epoch if the first one counted anybody.
 */
export function observersOnly(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const all = voters(scene);
  const duration = stream.between(1500, 4000);
  const cutOff = (node: number): Draft => {
    const links = all.filter((other) => other !== node).map((other) => `${node}-${other}`);
    return { do: 'cut', links, for: duration };
  };
  // Of servers that begin with the same history the highest wins: either at the start, or when the leader is gone.
  if (stream.below(2) === 0) {
    const first = options.nodes;
    return [{ at: 1, key: name, draft: { next: `zab.leading.started@${first}`, ...cutOff(first) } }];
  }
  const planned: Planned[] = [
    { at, key: name, draft: { do: stream.pick(['crash', 'power']), node: 'leader', for: downFor(stream) + 1500 } },
  ];
  for (const node of all) {
    const next = `zab.leading.started@${node}`;
    planned.push({ at: at + node, draft: { after: `key:${name}`, next, ...cutOff(node) } });
  }
  return planned;
}

/**
 * Of the logs some are slow, of the followers some hear the leader late; then a connection breaks or somebody dies. So the
 * servers go into the next election, or back to the leader, with histories that differ in what is logged, sent and counted.
 */
export function uneven(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const planned: Planned[] = [{ at, key: name, draft: { do: 'slow', links: ['leader>*'], by: 0, for: 10 } }];
  const lasting = 3500;
  const slowLog = (node: number | 'leader'): Planned => ({
    at: at + 1,
    draft: {
      after: `key:${name}`,
      do: 'diskSlow',
      node,
      file: 'log',
      by: stream.pick([150, 400, 900]),
      for: lasting,
    },
  });
  const [near, far, ...others] = stream.shuffled(voters(scene));
  if (stream.below(3) > 0) planned.push(slowLog('leader'));
  for (const node of [far!, ...others]) if (stream.below(3) > 0) planned.push(slowLog(node));
  if (stream.below(3) === 0) planned.push(slowLog(near!));
  if (stream.below(2) === 0) {
    const by = stream.pick([100, 300, 800]);
    planned.push({
      at: at + 2,
      draft: { after: `key:${name}`, do: 'slow', links: [`leader>${far}`], channel: 'quorum', by, for: lasting },
    });
  }
  const count = 1 + stream.below(3);
  for (let i = 0; i < count; i++) {
    const plus = stream.between(40, 700) + i * stream.between(100, 700);
    const draft = stream.pick<Draft>([
      { do: 'reset', links: [`leader-${near}`], channel: 'quorum' },
      { do: 'reset', links: [`leader-${near}`], channel: 'quorum' },
      { do: 'reset', links: ['leader-*'], channel: 'quorum' },
      { do: 'crash', node: 'leader', for: downFor(stream) },
      { do: 'power', node: near, for: 50 },
    ]);
    planned.push({ at: at + 3 + i, draft: { after: `key:${name}`, plus, ...draft } });
  }
  return planned;
}

/**
 * A server that was away needs a whole state, because its leader has only just started and begins with a snapshot; the
 * connection breaks in the middle of it. The next leader has been there all along, and sends what is missing as a
 * difference (ZOOKEEPER-3642).
 */
export function halfState(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const all = voters(scene);
  const leader = options.nodes;
  const late = stream.between(1, leader - 1);
  const others = all.filter((node) => node !== leader && node !== late);
  const away = stream.between(1200, 2600);
  const planned: Planned[] = [
    { at, key: name, draft: { do: 'crash', node: late, for: away } },
    // It comes back at once, with the highest vote, and with a window that begins at its newest snapshot.
    {
      at: at + 1,
      draft: { after: `key:${name}`, plus: away - stream.between(300, 1000), do: 'crash', node: leader, for: 10 },
    },
  ];
  const cut = {
    nth: 1,
    link: `*>${late}`,
    kind: 'SNAP',
    do: 'reset',
    links: [`*-${late}`],
    channel: 'quorum',
  } as const;
  planned.push({ at: at + 2, key: `${name}/cut`, draft: cut });
  const plus = stream.pick([0, 0, 1, 20]);
  planned.push({
    at: at + 3,
    draft: { after: `key:${name}/cut`, plus, do: 'crash', node: leader, for: stream.between(1500, 4000) },
  });
  if (others.length > 1)
    planned.push({ at: at + 4, draft: { after: `key:${name}/cut`, plus, do: 'crash', node: others[0]!, for: 100 } });
  return planned;
}

/** How long a leader takes to notice that nobody follows it any more, ms. */
const limitOf = ({ options }: Scene): number =>
  (options.settings.tickTimeMs ?? 500) * (options.settings.syncLimitTicks ?? 5);

/** A leader whose time crawls is parted from the voters, but from no client: the others elect, and it is still asked. */
export function crawling(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const rate = stream.pick([0.1, 0.2, 0.4]);
  const duration = round(limitOf(scene) / rate);
  return [
    { at, key: name, draft: { do: 'drift', node: 'leader', rate, for: duration + 2000 } },
    {
      at: at + 1,
      draft: { after: `key:${name}`, plus: stream.between(0, 300), do: 'isolate', node: 'same', for: duration },
    },
  ];
}

/** The stream between two servers is none: what comes late must change nothing that was decided in between. */
export function unordered(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [];
  let at = stream.between(500, 1500);
  while (at < options.duration - 500) {
    const lasting = stream.between(300, 2000);
    planned.push({
      at,
      draft: { do: 'unordered', links: [stream.pick(['*-*', 'leader>*', '*>leader'])], for: lasting },
    });
    at += lasting + stream.between(100, 600);
  }
  return planned;
}
