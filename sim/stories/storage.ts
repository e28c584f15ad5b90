/** What disks do to a log, a snapshot and a promise: errors, rot, loss, and snapshots that take their time. */

import { type Draft, downFor, type Planned, type Scene, voters } from './scene.ts';

/** Writes fail under load, here and there, and somebody loses power. What was acknowledged must be there (fsyncgate). */
export function faulty(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const planned: Planned[] = [];
  const count = stream.between(1, 3);
  for (let i = 0; i < count; i++) {
    const node = stream.pick<number | 'leader'>([...voters(scene), 'leader']);
    const error = stream.pick(['EIO', 'EIO', 'ENOSPC']);
    const file = stream.pick(['log', 'log', 'log', 'epoch', 'snapshot']);
    const action = stream.pick([undefined, 'fsync', 'fsync', 'append', 'write'] as const);
    const draft: Draft = { do: 'diskError', node, error, file, count: stream.between(1, 3), for: 4000 };
    const time = stream.between(1000, Math.max(2000, options.duration - 3000));
    planned.push({ at: time, draft: action === undefined ? draft : { ...draft, action } });
  }
  const hit = stream.pick(voters(scene));
  planned.push({ at, key: name, draft: { do: 'power', node: hit, for: downFor(stream) } });
  return planned;
}

/** Nobody writes, so that files come to rest and bits in them may flip; then this happens. */
function whenAtRest(node: number, file: string, at: number, count: number): Planned[] {
  return Array.from({ length: count }, (_, i) => ({ at: at + i, draft: { do: 'bitRot' as const, node, file } }));
}

const REST_MS = 1250;

/**
 * One server of three misses what the two others decide; then a bit rots in the log of one of these, it starts from what is
 * left, and the third is not there. Whoever takes the damaged record for the end of its log has lost, with the one that was
 * away, what a quorum promised (Alagappan et al., FAST 18).
 */
export function rottenLog(scene: Scene): Planned[] {
  const { at, stream } = scene;
  const [late, rotten, third, ...others] = stream.shuffled(voters(scene));
  const writing = stream.between(400, 1200);
  const rotAt = at + writing + REST_MS;
  const planned: Planned[] = [
    { at, draft: { do: 'crash', node: late } },
    { at: at + writing, draft: { do: 'quiet', for: REST_MS + 600 } },
    // Most of a log is space for records to come.
    ...whenAtRest(rotten!, 'log', rotAt, stream.between(3, 10)),
    { at: rotAt + 20, draft: { do: stream.pick(['crash', 'power']), node: rotten, for: 50 } },
  ];
  for (const node of [third!, ...others.slice(0, Math.floor(others.length / 2))])
    planned.push({ at: rotAt + 20, draft: { do: 'crash', node, for: stream.between(2000, 4000) } });
  planned.push({ at: rotAt + stream.between(30, 300), draft: { do: 'start', node: late } });
  return planned;
}

/**
 * A server that was away gets a whole state, so its log begins above everything older; then this state rots, and what is
 * left are an older snapshot and a log that do not meet.
 */
export function rottenState(scene: Scene): Planned[] {
  const { at, stream } = scene;
  const [late, other] = stream.shuffled(voters(scene));
  const away = stream.between(1200, 2200);
  const quietAt = at + away + stream.between(300, 900);
  const rotAt = quietAt + REST_MS;
  const planned: Planned[] = [
    { at, draft: { do: 'crash', node: late, for: away } },
    { at: quietAt, draft: { do: 'quiet', for: REST_MS + 200 } },
    // Of two snapshots one must stay whole.
    ...whenAtRest(late!, 'snapshot', rotAt, 1),
    { at: rotAt + 20, draft: { do: stream.pick(['crash', 'power']), node: late, for: stream.pick([50, 400]) } },
  ];
  if (stream.below(2) === 0)
    planned.push({ at: rotAt + 500, draft: { do: 'crash', node: other, for: downFor(stream) } });
  return planned;
}

/** Snapshots take their time, and servers start from them soon after: what happened meanwhile must be in them, or behind. */
export function fuzzy(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [];
  const by = stream.pick([10, 25, 60]);
  for (const node of voters(scene))
    planned.push({ at: 1, draft: { do: 'diskSlow', node, file: 'snapshot', by, for: options.duration } });
  let at = stream.between(1500, 2500);
  while (at < options.duration - 500) {
    const node = stream.pick(voters(scene));
    const draft: Draft = { do: stream.pick(['crash', 'power']), node, for: stream.pick([20, 100, 600]) };
    planned.push(
      stream.below(2) === 0 ? { at, draft } : { at, draft: { next: 'store.snapshot.done', ...draft, node: 'same' } },
    );
    at += stream.between(300, 1500);
  }
  return planned;
}

/**
 * An empty disk, where that is not the beginning of a server. One server misses what is decided, another one of the quorum
 * loses everything, the third is away: the two that are there must not agree on anything (ZOOKEEPER-261).
 */
export function emptied(scene: Scene): Planned[] {
  const { at, stream } = scene;
  const [late, wiped, ...others] = stream.shuffled(voters(scene));
  const away = stream.between(500, 2500);
  const planned: Planned[] = [
    { at, draft: { do: stream.pick(['crash', 'power']), node: late, for: away + stream.between(0, 400) } },
    { at: at + away, draft: { do: 'wipe', node: wiped, for: stream.pick([20, 200, 600]) } },
  ];
  for (const node of others.slice(0, Math.ceil(others.length / 2)))
    planned.push({ at: at + away + stream.between(0, 100), draft: { do: 'crash', node, for: 3500 } });
  return planned;
}

/**
 * A server acknowledges what nobody else has on disk yet, loses its disk, and comes back while the rest still write: what it
 * acknowledged must be forgotten with it (Michael et al., "Recovering Shared Objects Without Stable Storage", DISC 17).
 */
export function amnesiac(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const [wiped, ...others] = stream.shuffled(voters(scene));
  const by = stream.pick([900, 1500, 2500]);
  const slow = (node: number | 'leader', after: number): Planned => ({
    at: at + 1,
    draft: { after: `key:${name}`, plus: after, do: 'diskSlow', node, file: 'log', by, for: by + 2500 },
  });
  const planned: Planned[] = [
    { at, key: name, draft: { do: 'diskSlow', node: others[0], file: 'log', by: 2 * by, for: 2 * by + 1000 } },
    ...others.slice(1).map((node) => slow(node, 0)),
  ];
  const wipeAt = stream.between(60, 400);
  planned.push(
    { at: at + 2, draft: { after: `key:${name}`, plus: wipeAt, do: 'wipe', node: wiped, for: stream.pick([20, 100]) } },
    slow(wiped!, wipeAt + 1),
  );
  return planned;
}

/** Power goes under load, again and again: of a long record some sectors are there and some are not. */
export function torn(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [];
  let at = stream.between(1200, 2000);
  while (at < options.duration - 300) {
    const node = stream.pick<number | 'leader'>([...voters(scene), 'leader']);
    planned.push({ at, draft: { do: 'power', node, for: stream.pick([20, 20, 200]) } });
    at += stream.between(250, 1200);
  }
  return planned;
}

/** Logs are purged while a snapshot is being written: until it is done, the one before it needs what it begins behind. */
export function purging(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const planned: Planned[] = [];
  for (const node of voters(scene)) {
    const by = stream.pick([50, 150, 400]);
    planned.push({ at: 1, draft: { do: 'diskSlow', node, file: 'snapshot', by, for: options.duration } });
  }
  let at = stream.between(2000, 3500);
  while (at < options.duration - 500) {
    const node = stream.pick<number | 'leader'>([...voters(scene), 'leader']);
    planned.push({ at, draft: { do: stream.pick(['crash', 'power']), node, for: stream.pick([50, 300]) } });
    at += stream.between(600, 2000);
  }
  return planned;
}
