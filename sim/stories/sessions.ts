/** Clients that ask for what cannot be, or for two things that do not go together. */

import { type Planned, round, type Scene, voters } from './scene.ts';

const slowLogs = (scene: Scene, by: number): Planned[] =>
  voters(scene).map((node) => ({
    at: 1,
    draft: { do: 'diskSlow', node, file: 'log', by, for: scene.options.duration },
  }));

/** Goodbyes right behind ephemeral nodes that are decided and not yet applied: they go with the session. */
export function goodbye(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned = slowLogs(scene, stream.pick([20, 60, 150]));
  let at = stream.between(1200, 2000);
  for (let i = 0; at < options.duration - 500; i++) {
    const client = stream.between(1, options.clients);
    planned.push({ at, draft: { do: 'clientWrite', client, path: `/live/g${i}`, ephemeral: true } });
    planned.push({ at: at + stream.pick([0.1, 1, 5, 20]), draft: { do: 'clientClose', client } });
    at += stream.between(150, 700);
  }
  return planned;
}

const ODD_PATHS = ['/n1/', '/', '/live//x', '/n1/.', '/n1/../n2', 'n1', '/q\u0001', '/live/'] as const;

/** Paths that no tree has (ZOOKEEPER-2213 and its family): each is refused by the one who decides, not by those who apply. */
export function oddities(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [];
  let at = stream.between(800, 1500);
  while (at < options.duration - 500) {
    const client = stream.between(1, options.clients);
    planned.push({ at: round(at), draft: { do: 'clientWrite', client, path: stream.pick(ODD_PATHS) } });
    at += stream.between(50, 400);
  }
  return planned;
}
