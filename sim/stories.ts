/**
 * Faults that belong together: what a uniform draw would need thousands of runs to put in this order.
 *
 * Bugs of consensus hide in windows: between two writes of one step, between an election and the quorum that confirms it,
 * behind a log that has more than the tree. Each story here opens one kind of window, with everything inside drawn: which
 * step, which server, how long. Together with the single faults of `swarm.ts` they are what a schedule is made of. A story
 * is told in operations like any other: it can be printed, cut and shrunk, and each of its operations may also fail to
 * apply.
 *
 * The shapes come from published traces and from what tools for this class of bugs found worth a generator: crash points
 * inside named steps (CrashMonkey, ALICE), alternating pairs of servers (ZOOKEEPER-2832), leaderships that fail
 * (ZOOKEEPER-1549), followers that stand still while the leader goes on (ZOOKEEPER-2845), states cut in the middle
 * (ZOOKEEPER-3642), damaged disk images (FAST 18), and delivery by priorities with few change points (PCT, ASPLOS 10).
 *
 * These are the stories that every profile may tell. Those of the special profiles are in `stories/`, and change nothing here.
 */

import type { RunOptions } from './schedule.ts';
import { type Draft, downFor, type Planned, round, type Scene, voters } from './stories/scene.ts';
import type { Stream } from './world/types.ts';

export type { Draft, Planned } from './stories/scene.ts';

export const STORIES = [
  'moment',
  'trap',
  'packet',
  'tail',
  'pairs',
  'doomed',
  'stale',
  'haste',
  'moved',
  'image',
  'rank',
  'purge',
] as const;
export type Story = (typeof STORIES)[number];

export const isStory = (name: string): name is Story => STORIES.some((story) => story === name);

/** One telling. `name` is unique in the schedule. */
export function tell(story: Story, name: string, stream: Stream, options: RunOptions): Planned[] {
  // Not before there is somebody to lead.
  const at = stream.between(1500, Math.max(2000, Math.round(options.duration * 0.6)));
  const scene: Scene = { name, at, stream, options };
  switch (story) {
    case 'moment':
      return moment(scene);
    case 'trap':
      return trap(scene);
    case 'packet':
      return packet(scene);
    case 'tail':
      return tail(scene);
    case 'pairs':
      return pairs(scene);
    case 'doomed':
      return doomed(scene);
    case 'stale':
      return stale(scene);
    case 'haste':
      return haste(scene);
    case 'moved':
      return moved(scene);
    case 'image':
      return image(scene);
    case 'rank':
      return rank(scene);
    case 'purge':
      return purge(scene);
    default:
      return story satisfies never;
  }
}

// --- crash points inside named steps -----------------------------------------------------------------------------------

/** Notes that stand between two writes or two packets, and about how often they are left in a run. */
const MOMENTS: readonly (readonly [string, number])[] = [
  ['election.leader.elected', 12],
  ['zab.leading.started', 5],
  ['zab.epoch.accepted', 12],
  ['zab.epoch.current', 12],
  ['zab.newleader.acked', 12],
  ['zab.established', 4],
  ['zab.uptodate', 10],
  ['zab.sync.diff', 6],
  ['zab.sync.snap', 4],
  ['zab.sync.trunc', 2],
  ['zab.proposal.sent', 80],
  ['zab.ack.sent', 150],
  ['zab.committed', 150],
  ['zab.learner.lost', 8],
  ['zab.leading.gaveup', 3],
  ['store.snapshot.done', 6],
  ['store.recovered', 10],
  ['peer.role.left', 8],
];

/** Something happens to a server in the very step in which it, or another, comes to a named point. Often twice in a row. */
function moment(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const [note, often] = stream.pick(MOMENTS);
  const count = 1 + stream.below(often);
  const plus = stream.pick([0, 0, 0, 0.3, 2, 10, 60]);
  const first: Planned = { at, key: name, draft: { after: `${note}#${count}`, plus, ...blow(stream, 'same') } };
  const next: Planned[] = [];
  if (stream.below(2) === 0) {
    const gap = stream.pick([0, 1, 10, 100, 600]);
    const target = stream.pick(['leader', 'candidate', 'leader', 'same', stream.pick(voters(scene))] as const);
    next.push({ at: at + 1, draft: { after: `key:${name}`, plus: gap, ...blow(stream, target) } });
  }
  if (stream.below(3) === 0) {
    const again = count + 1 + stream.below(3);
    next.push({ at: at + 2, draft: { after: `${note}#${again}`, plus, ...blow(stream, 'same') } });
  }
  // A log that is slower than the small files shows who waits for which.
  if (stream.below(3) === 0) {
    const file = stream.pick(['log', 'log', 'epoch', 'snapshot']);
    const by = stream.pick([20, 100, 400]);
    for (const node of voters(scene)) next.push({ at: 1, draft: { do: 'diskSlow', node, file, by, for: at + 8000 } });
  }
  return [first, ...next];
}

type Target = number | 'leader' | 'candidate' | 'same';

function blow(stream: Stream, node: Target): Draft {
  const duration = downFor(stream);
  switch (stream.below(8)) {
    case 0:
    case 1:
    case 2:
      return { do: 'power', node, for: duration };
    case 3:
    case 4:
      return { do: 'crash', node, for: duration };
    case 5:
      return { do: 'isolate', node, direction: stream.pick(['both', 'in', 'out']), for: duration };
    case 6:
      return { do: 'pause', node, for: duration };
    default:
      return { do: 'diskStall', node, for: duration };
  }
}

/** File operations between which a directory is in a state that only a crash shows. */
const TRAPS: readonly Readonly<Record<string, unknown>>[] = [
  { action: 'create', file: 'log' },
  { action: 'write', file: 'log' },
  { action: 'fsync', file: 'log' },
  { action: 'create', file: 'epoch' },
  { action: 'fsync', file: 'epoch' },
  { action: 'rename', file: 'epoch' },
  { action: 'fsync', file: 'snapshot' },
  { action: 'rename', file: 'snapshot' },
  { action: 'fsyncDir' },
  { action: 'remove' },
  { action: 'truncate' },
];

/** Servers die at a place in what they do with their files, one of the first times they come to it; and again. */
function trap({ at, stream, options }: Scene): Planned[] {
  const planned: Planned[] = [];
  const what = stream.pick(TRAPS);
  const how = stream.pick(['kill', 'power', 'power']);
  const servers = stream.shuffled(Array.from({ length: options.nodes }, (_, index) => index + 1));
  for (const node of servers.slice(0, 1 + stream.below(servers.length))) {
    const edge = stream.pick(['before', 'after', 'done', 'done']);
    const skip = stream.pick([0, 0, 1, 2, 5]);
    const draft: Draft = { do: 'crashWhen', node, how, ...what, edge, skip, for: downFor(stream) };
    planned.push({ at: stream.below(2) === 0 ? 400 : at, draft });
  }
  // Something that makes them come to it.
  planned.push({ at: at + 1, draft: { do: 'crash', node: 'leader', for: downFor(stream) } });
  return planned;
}

// --- the nth packet of a kind ------------------------------------------------------------------------------------------

const PACKETS: readonly (readonly [string, number])[] = [
  ['SNAP', 3],
  ['SNAP', 3],
  ['DIFF', 6],
  ['TRUNC', 2],
  ['NEWLEADER', 8],
  ['UPTODATE', 8],
  ['LEADERINFO', 8],
  ['ACKEPOCH', 8],
  ['PROPOSAL', 100],
  ['COMMIT', 100],
  ['ACK', 150],
];

/** The connection breaks in a certain packet, or its sender dies with it. */
function packet({ at, stream }: Scene): Planned[] {
  const [kind, often] = stream.pick(PACKETS);
  const trigger = { nth: 1 + stream.below(often), link: '*>*', kind };
  const link = '*-*';
  const draft: Draft = stream.below(3) > 0 ? { do: 'reset', links: [link], channel: 'quorum' } : blow(stream, 'same');
  return [{ at, draft: { ...trigger, ...draft } }];
}

// --- a log with more than the others have ------------------------------------------------------------------------------

/**
 * The leader goes on alone for a moment: nobody hears it, or its followers stand still. Then it dies, the others elect with
 * little to say (the load rests), and it comes back with entries that only it has; sometimes early enough to be elected.
 */
function tail(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const alone = stream.between(150, 900);
  const planned: Planned[] = [];
  const isDeafening = stream.below(3) > 0;
  if (isDeafening) {
    // What clients of the others ask still reaches it.
    const direction = stream.pick(['out', 'out', 'out', 'both']);
    planned.push({ at, key: name, draft: { do: 'isolate', node: 'leader', direction, for: alone + 400 } });
  } else {
    planned.push({ at, key: name, draft: { do: 'slow', links: ['leader>*'], by: alone + 300, for: alone + 400 } });
  }
  const how = stream.pick(['crash', 'power', 'crash'] as const);
  const down = stream.pick([100, 800, 2000, 3000]) + stream.below(1000);
  const survives = stream.below(3) === 0;
  const node = isDeafening ? 'same' : 'leader';
  // One that lives on comes back with the tail in memory, one that died with what its disk has.
  const end: Draft = survives ? { do: 'isolate', node, for: 1500 } : { do: how, node, for: down };
  planned.push({ at: at + 1, key: `${name}b`, draft: { after: `key:${name}`, plus: alone, ...end } });
  if (stream.below(6) > 0) {
    const quiet: Draft = { do: 'quiet', for: down + 900 };
    planned.push({ at: at + 2, draft: { after: `key:${name}`, plus: Math.max(0, alone - 120), ...quiet } });
  }
  // The cut may fail.
  if (stream.below(5) === 0) {
    const failure = { do: 'diskError', error: 'ENOSPC', file: 'log', action: 'truncate', count: 1 } as const;
    for (const voter of voters(scene)) planned.push({ at, draft: { ...failure, node: voter } });
  }
  // The follower with the best vote dies too, or the next leader before it is established.
  const second = stream.below(4);
  if (second === 0) {
    const other = stream.pick(voters(scene));
    planned.push({
      at: at + 3,
      draft: { after: `key:${name}b`, plus: stream.below(500), do: 'crash', node: other, for: down },
    });
  } else if (second === 1) {
    planned.push({
      at: at + 3,
      draft: { after: `key:${name}b`, next: stream.pick(STEPS), do: 'crash', node: 'same', for: down },
    });
  }
  const later = options.duration - 500;
  if (stream.below(3) === 0)
    planned.push({ at: later, draft: { do: 'power', node: stream.pick(voters(scene)), for: 300 } });
  return planned;
}

// --- alternating pairs -------------------------------------------------------------------------------------------------

/** A few servers at a time, each time others; at last all. What one set decided another one must find. */
function pairs(scene: Scene): Planned[] {
  const { at, stream, options } = scene;
  const all = voters(scene);
  if (all.length < 3) return [];
  const quorum = Math.floor(all.length / 2) + 1;
  const planned: Planned[] = [];
  // Round and round: each time the one that has been there longest stays away.
  const isRound = stream.below(2) === 0;
  const turns = stream.shuffled(all);
  let phase = 0;
  let running = new Set(all);
  let time = Math.min(at, 3000);
  while (time < options.duration - 1500) {
    const size = stream.below(4) === 0 ? quorum - 1 : quorum;
    const order = isRound ? rotated(turns, phase++) : stream.shuffled(all);
    const next = new Set(order.slice(0, isRound ? quorum : size));
    const how = stream.pick(['crash', 'crash', 'power'] as const);
    for (const node of all) {
      if (running.has(node) && !next.has(node)) planned.push({ at: time, draft: { do: how, node } });
      else if (!running.has(node) && next.has(node)) planned.push({ at: time + 50, draft: { do: 'start', node } });
    }
    // Also those that stay begin anew, so that nobody is helped by what it has in memory.
    for (const node of all) {
      if (running.has(node) && next.has(node) && stream.below(2) === 0)
        planned.push({ at: time, draft: { do: 'crash', node, for: 50 } });
    }
    // Some sets come only as far as a named step together.
    if (stream.below(2) === 0) {
      const step = stream.pick(STEPS);
      const at = stream.below(2) === 0 ? `${step}@${stream.pick([...next])}` : step;
      const node = stream.pick(['candidate', 'candidate', 'same', 'leader'] as const);
      planned.push({ at: time + 60, draft: { next: at, do: stream.pick(['crash', 'power']), node } });
    }
    running = next;
    time += stream.between(700, 3000);
  }
  for (const node of all) if (!running.has(node)) planned.push({ at: time, draft: { do: 'start', node } });
  return planned;
}

const rotated = (list: readonly number[], by: number): number[] =>
  list.map((_, index) => list[(index + by) % list.length]!);

/** Steps on the way to an established epoch. */
const STEPS = [
  'zab.leading.started',
  'zab.epoch.accepted',
  'zab.epoch.accepted',
  'zab.epoch.current',
  'zab.epoch.current',
  'zab.newleader.acked',
  'zab.newleader.acked',
  'zab.established',
  'zab.uptodate',
] as const;

// --- leaderships that fail ---------------------------------------------------------------------------------------------

/** Who is elected cannot be reached, or dies, before a quorum has accepted it; perhaps several in a row. */
function doomed(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const planned: Planned[] = [
    { at, key: name, draft: { do: stream.pick(['crash', 'power']), node: 'leader', for: downFor(stream) } },
  ];
  const { tickTimeMs = 500, initLimitTicks = 10 } = scene.options.settings;
  // So long, and the candidate gives up by itself, with what it has in memory.
  const givesUpMs = 2 * initLimitTicks * tickTimeMs + 500;
  const count = 1 + stream.below(3);
  let previous = name;
  for (let i = 0; i < count; i++) {
    const next = stream.pick(STEPS);
    const duration = downFor(stream);
    const draft: Draft = stream.pick<Draft>([
      { do: 'refuse', node: 'same', channel: 'quorum', how: 'refuse', for: duration + 1000 },
      { do: 'isolate', node: stream.pick(['same', 'candidate']), for: stream.pick([duration, givesUpMs]) },
      { do: 'crash', node: 'candidate', for: duration },
      { do: 'power', node: 'candidate', for: duration },
      { do: 'power', node: 'same', for: duration },
    ]);
    const key = `${name}/${i}`;
    planned.push({ at: at + 1 + i, key, draft: { after: `key:${previous}`, next, ...draft } });
    previous = key;
  }
  return planned;
}

// --- leaders that do not know ------------------------------------------------------------------------------------------

/** The leader's time stands still or crawls while the others elect, and clients still ask it. */
function stale(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const { tickTimeMs = 500, syncLimitTicks = 5 } = options.settings;
  const limit = tickTimeMs * syncLimitTicks;
  const duration = limit + 500 + stream.below(2500);
  const planned: Planned[] = [];
  if (stream.below(2) === 0) {
    planned.push({ at, key: name, draft: { do: 'pause', node: 'leader', for: duration } });
  } else {
    const rate = stream.pick([0.1, 0.2, 0.5]);
    planned.push({ at, key: name, draft: { do: 'drift', node: 'leader', rate, for: 3 * duration } });
    planned.push({ at: at + 1, draft: { after: `key:${name}`, do: 'isolate', node: 'same', for: 2 * duration } });
  }
  // Somebody talks to the old one, somebody to the others.
  for (let client = 1; client <= options.clients; client++) {
    if (stream.below(2) === 0)
      planned.push({
        at: at + 2,
        draft: { after: `key:${name}`, plus: stream.below(limit), do: 'clientMove', client },
      });
  }
  return planned;
}

// --- elections faster than disks ---------------------------------------------------------------------------------------

/** The logs are slow and the connections break: the next leader is elected while writes of the last term are under way. */
function haste(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const by = stream.pick([300, 800, 1500]);
  const planned: Planned[] = [];
  for (const node of voters(scene)) {
    if (stream.below(4) > 0) planned.push({ at, draft: { do: 'diskSlow', node, file: 'log', by, for: 4000 } });
  }
  const plus = stream.between(100, 900);
  planned.push({ at, key: name, draft: { do: 'slow', links: ['leader>*'], by: 0, for: 10 } });
  for (let i = 0; i < 1 + stream.below(3); i++) {
    const link = stream.pick(['*-*', 'leader-*', 'leader-*']);
    const draft: Draft = { do: 'reset', links: [link], channel: 'quorum' };
    planned.push({
      at: at + 1 + i,
      draft: { after: `key:${name}`, plus: plus + i * stream.between(100, 800), ...draft },
    });
  }
  if (stream.below(2) === 0) {
    const draft: Draft = { do: 'power', node: stream.pick(voters(scene)), for: downFor(stream) };
    planned.push({ at: at + 5, draft: { after: `key:${name}`, plus: plus + stream.below(1000), ...draft } });
  }
  return planned;
}

// --- sessions that move ------------------------------------------------------------------------------------------------

/** What a client asked of one server is still on its way to the leader when the client goes on at another one. */
function moved(scene: Scene): Planned[] {
  const { name, at, stream, options } = scene;
  const by = stream.pick([300, 800, 1500]);
  const planned: Planned[] = [];
  const slow = stream.shuffled(voters(scene)).slice(0, 1 + stream.below(2));
  const links = slow.map((node) => `${node}>leader`);
  planned.push({ at, key: name, draft: { do: 'slow', links, channel: 'quorum', by, for: 3 * by + 1000 } });
  for (let client = 1; client <= options.clients; client++) {
    for (let i = 0; i < 2; i++) {
      const plus = stream.between(50, 2 * by);
      planned.push({ at: at + client, draft: { after: `key:${name}`, plus, do: 'clientMove', client } });
    }
  }
  return planned;
}

// --- damaged disk images -----------------------------------------------------------------------------------------------

/** Bits rot in several files of one server, which is then started from what is left; sometimes the others go at once. */
function image(scene: Scene): Planned[] {
  const { name, at, stream } = scene;
  const node = stream.pick(voters(scene));
  const file = stream.pick(['log', 'log', 'snapshot', 'snapshot', 'epoch']);
  const count = 1 + stream.below(4);
  const planned: Planned[] = [];
  for (let i = 0; i < count; i++) planned.push({ at: at + i, draft: { do: 'bitRot', node, file } });
  const how = stream.pick(['crash', 'power'] as const);
  planned.push({ at: at + count, key: name, draft: { do: how, node, for: stream.pick([50, 500, 2000]) } });
  if (stream.below(2) === 0) {
    const other = stream.pick(voters(scene));
    planned.push({
      at: at + count + 1,
      draft: { after: `key:${name}`, plus: stream.below(1500), do: 'crash', node: other, for: downFor(stream) },
    });
  }
  return planned;
}

// --- delivery by priorities --------------------------------------------------------------------------------------------

/** Priorities of servers, and few moments at which they change (Burckhardt et al.). */
function rank(scene: Scene): Planned[] {
  const { stream, options } = scene;
  const step = stream.pick([5, 30, 100, 250]);
  const planned: Planned[] = [{ at: 1, draft: { do: 'rank', order: stream.shuffled(voters(scene)), step } }];
  const changes = 1 + stream.below(3);
  for (let i = 0; i < changes; i++) {
    const at = stream.between(300, options.duration);
    planned.push({ at, draft: { do: 'rank', order: stream.shuffled(voters(scene)), step } });
  }
  return planned;
}

// --- what is kept ------------------------------------------------------------------------------------------------------

/** Long enough after a purge a server starts from what it has kept. */
function purge(scene: Scene): Planned[] {
  const { stream, options } = scene;
  return voters(scene).map((node, index) => ({
    at: round(options.duration * 0.6) + 400 * index,
    draft: { do: stream.pick(['crash', 'power']), node, for: 200 },
  }));
}
