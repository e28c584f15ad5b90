/**
 * Schedules and workloads for fast-check. A value is a `Schedule`, the very thing that stands in a JSON file, so a failing
 * property leaves a file that replays without the test.
 *
 * fast-check draws, reports and repeats; the shrinking is our own, because that of its arrays takes hundreds of runs where
 * removing chunks takes dozens: first halves of the operations go, then quarters, then single ones, then turns of clients
 * in the same way, then servers and clients, then the weather. Each value remembers where the search stands (its context),
 * so that what was tried in vain is not tried again after every success.
 */

import fc from 'fast-check';
import { textOfTurns, turnsOf } from '../../../sim/asks.ts';
import { CALM, DEFAULT_OPTIONS, type Op, SCHEDULE_FORMAT, type Schedule, type Swarm } from '../../../sim/schedule.ts';

export interface ScheduleBounds {
  /** Most operations; 0 for a workload alone. */
  readonly opsMax: number;
  readonly durationMs: number;
  readonly nodes: readonly number[];
}

const SMALL: ScheduleBounds = { opsMax: 10, durationMs: 3000, nodes: [1, 3, 3, 4, 5] };

/** Any faults that an ensemble survives, under any load. */
export const schedules = (bounds: Partial<ScheduleBounds> = {}): fc.Arbitrary<Schedule> =>
  new Schedules({ ...SMALL, ...bounds });

/** Any load in calm weather, and any part of it. */
export const workloads = (bounds: Partial<ScheduleBounds> = {}): fc.Arbitrary<Schedule> =>
  new Schedules({ ...SMALL, ...bounds, opsMax: 0 });

/** Where the search stands: in which part, with which size of chunks, at which place. */
interface Place {
  readonly part: Part;
  readonly size: number;
  readonly at: number;
}
const PARTS = ['ops', 'turns', 'sizes', 'weather'] as const;
type Part = (typeof PARTS)[number];

class Schedules extends fc.Arbitrary<Schedule> {
  readonly #drawn: fc.Arbitrary<Schedule>;

  constructor(bounds: ScheduleBounds) {
    super();
    this.#drawn = drawn(bounds);
  }

  generate(random: fc.Random, bias: number | undefined): fc.Value<Schedule> {
    return new fc.Value(this.#drawn.generate(random, bias).value, undefined);
  }

  canShrinkWithoutContext(value: unknown): value is Schedule {
    return typeof value === 'object' && value !== null && 'ops' in value && 'options' in value;
  }

  shrink(value: Schedule, context: unknown): fc.Stream<fc.Value<Schedule>> {
    return fc.stream(smaller(value, (context as Place | undefined) ?? null));
  }
}

function* smaller(schedule: Schedule, place: Place | null): Generator<fc.Value<Schedule>> {
  const from = place === null ? 0 : PARTS.indexOf(place.part);
  for (const part of PARTS.slice(from)) {
    const start = place?.part === part ? place : null;
    if (part === 'ops') yield* chunks('ops', schedule.ops, start, (ops) => ({ ...schedule, ops }));
    else if (part === 'turns') yield* chunks('turns', turnsIn(schedule), start, (turns) => withTurns(schedule, turns));
    else if (part === 'sizes') yield* sizes(schedule);
    else if (schedule.swarm !== CALM) yield new fc.Value({ ...schedule, swarm: CALM }, { part, size: 0, at: 0 });
  }
}

function* chunks<T>(
  part: Part,
  items: readonly T[],
  start: Place | null,
  make: (rest: readonly T[]) => Schedule,
): Generator<fc.Value<Schedule>> {
  if (items.length === 0) return;
  let at = start?.at ?? 0;
  // All at once is the first chunk of all.
  for (let size = Math.min(start?.size ?? items.length, items.length); size >= 1; size = Math.floor(size / 2), at = 0) {
    for (; at < items.length; at += size) {
      yield new fc.Value(make([...items.slice(0, at), ...items.slice(at + size)]), { part, size, at } satisfies Place);
    }
  }
}

function* sizes(schedule: Schedule): Generator<fc.Value<Schedule>> {
  const { options } = schedule;
  const place: Place = { part: 'sizes', size: 0, at: 0 };
  for (const nodes of [1, 3, 4]) {
    if (nodes < options.nodes) yield new fc.Value({ ...schedule, options: { ...options, nodes } }, place);
  }
  for (let clients = 0; clients < options.clients; clients++) {
    yield new fc.Value({ ...schedule, options: { ...options, clients } }, place);
  }
}

const turnsIn = ({ asks = {} }: Schedule): readonly string[] =>
  Object.entries(asks).flatMap(([client, text]) => [...(turnsOf(text) ?? [])].map((turn) => `${client} ${turn}`));

function withTurns(schedule: Schedule, turns: readonly string[]): Schedule {
  const asks = Object.fromEntries(
    Object.keys(schedule.asks ?? {}).map((client) => {
      const own = turns.filter((turn) => turn.startsWith(`${client} `)).map((turn) => Number(turn.split(' ')[1]));
      return [client, textOfTurns(own)];
    }),
  );
  return { ...schedule, asks };
}

// --- what is drawn ---

function drawn({ opsMax, durationMs, nodes }: ScheduleBounds): fc.Arbitrary<Schedule> {
  const turns = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 50 });
  return fc
    .record({
      seed: fc.nat(1_000_000),
      nodes: fc.constantFrom(...nodes),
      clients: fc.integer({ min: 1, max: 3 }),
      tickTimeMs: fc.constantFrom(200, 300),
      snapCount: fc.constantFrom(20, 100),
      mix: mixes,
      asked: fc.array(turns, { minLength: 3, maxLength: 3 }),
      asksAll: fc.boolean(),
      ops: fc.array(opBodies, { minLength: 0, maxLength: opsMax }),
    })
    .map(({ seed, nodes: count, clients, tickTimeMs, snapCount, mix, asked, asksAll, ops }) => {
      const asks = Object.fromEntries(asked.slice(0, clients).map((own, i) => [`c${i + 1}`, textOfTurns(own)]));
      return {
        format: SCHEDULE_FORMAT,
        commit: 'property',
        seed: String(seed),
        profile: 'property',
        options: {
          ...DEFAULT_OPTIONS,
          nodes: count,
          clients,
          duration: durationMs,
          settings: { tickTimeMs, snapCount },
        },
        swarm: mix,
        ops: withTimes(ops, durationMs),
        ...(asksAll ? {} : { asks }),
      };
    });
}

const mixes: fc.Arbitrary<Swarm> = fc
  .record({
    rate: fc.constantFrom(5, 20),
    pipeline: fc.constantFrom(1, 4),
    paths: fc.constantFrom(3, 20),
    weights: fc.array(fc.nat(20), { minLength: 15, maxLength: 15 }),
    latency: fc.constantFrom(0.3, 2),
  })
  .map(({ rate, pipeline, paths, weights, latency }) => {
    const names = Object.keys(CALM).filter((name) => name.startsWith('mix.'));
    const mix = Object.fromEntries(names.map((name, index) => [name, weights[index % weights.length]!]));
    const load = { 'workload.rate': rate, 'workload.pipeline': pipeline, 'workload.paths': paths };
    return { ...CALM, ...load, 'network.latency': latency, ...mix, 'mix.create': 5 + (weights[0] ?? 0) };
  });

const target = fc.oneof(fc.constant('leader' as const), fc.integer({ min: 1, max: 5 }));
const lasting = fc.integer({ min: 20, max: 2500 });
const link = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom('>', '-'), fc.integer({ min: 1, max: 4 }))
  .map(([from, arrow, by]) => `${from}${arrow}${1 + ((from - 1 + by) % 5)}`);
const client = fc.integer({ min: 1, max: 3 });

type Body = Readonly<Record<string, unknown>>;
const body = (record: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Body> => fc.record(record);
const is = (name: string): fc.Arbitrary<string> => fc.constant(name);

/** Faults that no promise is suspended for, whoever they meet and however many there are. */
const opBodies: fc.Arbitrary<Body> = fc.oneof(
  body({ do: is('crash'), node: target, for: lasting }),
  body({ do: is('power'), node: target, for: lasting }),
  body({ do: is('pause'), node: target, for: lasting }),
  body({ do: is('isolate'), node: target, direction: fc.constantFrom('both', 'in', 'out'), for: lasting }),
  body({ do: is('cut'), links: fc.array(link, { minLength: 1, maxLength: 3 }), for: lasting }),
  body({ do: is('clog'), links: fc.array(link, { minLength: 1, maxLength: 2 }), for: lasting }),
  body({ do: is('ring'), for: lasting }),
  body({ do: is('reset'), links: link.map((one) => [one]) }),
  body({ do: is('diskStall'), node: target, for: fc.integer({ min: 20, max: 800 }) }),
  body({ do: is('clock'), node: target, jump: fc.integer({ min: -3_600_000, max: 3_600_000 }) }),
  body({
    do: is('crashWhen'),
    node: target,
    how: is('power'),
    action: is('fsync'),
    file: is('log'),
    skip: fc.nat(15),
    for: lasting,
  }),
  body({ do: is('clientKill'), client, same: fc.boolean() }),
  body({ do: is('clientMove'), client }),
);

/** In the order in which they are written, at times that grow. */
function withTimes(bodies: readonly Body[], durationMs: number): Op[] {
  const step = Math.floor((durationMs - 500) / Math.max(1, bodies.length));
  return bodies.map((fields, index) => ({ id: index + 1, at: 500 + index * step, ...fields }) as unknown as Op);
}
