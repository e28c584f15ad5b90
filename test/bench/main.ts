/**
 * What a simulated ensemble costs: `npm run bench`, with `--profile` also where the time goes. CPU time of this process,
 * all threads, since the machine may be shared; every figure is printed with the target it is held against
 * (docs/performance.md says how they came about).
 *
 * - default seeds: the first one of a process, the first pass over all of them (most of which is V8 learning the program),
 *   and a later pass: events per CPU second, CPU seconds a seed, peak memory;
 * - load: five servers, eight clients at 50 operations a second each, no faults: virtual seconds per CPU second;
 * - what an event of each kind costs.
 */

import { loadavg } from 'node:os';
import { run } from '../../sim/runner.ts';
import { CALM, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';
import type { EventKind } from '../../sim/world/types.ts';
import { breakdownOf } from './areas.ts';
import { benchExplore } from './explore.ts';
import { benchHistory } from './history.ts';
import { benchSearch } from './search.ts';

const SEEDS = 30;
/** Passes over all seeds before the warm one; the first is reported. */
const WARM_UP_PASSES = 3;
const LOAD_VIRTUAL_MS = 30_000;
const LOAD_WARM_UP_RUNS = 3;
const FILES_SHOWN = 20;

interface Cost {
  readonly cpuSeconds: number;
  readonly events: number;
  readonly virtualSeconds: number;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function cost(schedule: Schedule): Cost {
  const before = cpuSeconds();
  const result = run(schedule);
  const spent = cpuSeconds() - before;
  if (result.verdict !== 'ok') console.log(`seed ${schedule.seed}: ${result.verdict}`);
  return { cpuSeconds: spent, events: result.events, virtualSeconds: result.stats.virtualUs / 1e6 };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1] ?? 0;
const whole = (value: number): string => Math.round(value).toLocaleString('en');

function line(name: string, value: string, target = ''): void {
  console.log(`${name.padEnd(46)} ${value.padStart(14)}   ${target}`.trimEnd());
}

function loadSchedule(): Schedule {
  const base = generate({
    seed: 'load',
    profile: 'calm',
    commit: '',
    options: { nodes: 5, clients: 8, observers: 0, duration: LOAD_VIRTUAL_MS },
  });
  return {
    ...base,
    options: { ...base.options, settings: {} },
    swarm: { ...CALM, 'workload.rate': 50, 'workload.pipeline': 8 },
    ops: [],
  };
}

function rateOf(costs: readonly Cost[]): number {
  return sum(costs.map(({ events }) => events)) / sum(costs.map((each) => each.cpuSeconds));
}

function reportSeeds(schedules: readonly Schedule[]): void {
  console.log(`${SEEDS} seeds of the default profile, all checks on, Node ${process.version}`);
  const cold = [cost(schedules[0]!)];
  const peak = whole(process.resourceUsage().maxRSS / 1024);
  for (const schedule of schedules.slice(1)) cold.push(cost(schedule));
  line('events per CPU second, first seed of a process', whole(rateOf(cold.slice(0, 1))));
  line(`events per CPU second, first ${SEEDS} seeds`, whole(rateOf(cold)));
  line('CPU seconds a seed, median of those', median(cold.map((each) => each.cpuSeconds)).toFixed(2), 'target 1.00');
  for (let pass = 1; pass < WARM_UP_PASSES; pass++) schedules.forEach(cost);
  const warm = schedules.map(cost);
  const seconds = warm.map((each) => each.cpuSeconds);
  line('events per CPU second, warm', whole(rateOf(warm)), 'target 200,000');
  line('CPU seconds a seed, median', median(seconds).toFixed(2), 'target 1.00');
  line('CPU seconds a seed, worst', Math.max(...seconds).toFixed(2));
  line('events a seed, median', whole(median(warm.map(({ events }) => events))));
  line('virtual seconds per CPU second', whole(sum(warm.map((each) => each.virtualSeconds)) / sum(seconds)));
  line('peak memory of one seed, MB', peak, 'target 250');
  line(`peak memory after ${SEEDS * (WARM_UP_PASSES + 1)} seeds, MB`, whole(process.resourceUsage().maxRSS / 1024));
}

function reportLoad(schedule: Schedule): void {
  for (let i = 0; i < LOAD_WARM_UP_RUNS; i++) cost(schedule);
  const load = cost(schedule);
  console.log('\nfive servers, eight clients at 50 operations a second each, no faults, warm');
  line('virtual seconds per CPU second', (load.virtualSeconds / load.cpuSeconds).toFixed(1), 'target 200');
  line('events per CPU second', whole(load.events / load.cpuSeconds), 'target 200,000');
  line('events per virtual second', whole(load.events / load.virtualSeconds));
}

/** Time between the beginnings of two events is the first one's; the hook itself is in it, as is whoever else runs. */
function reportKinds(schedules: readonly Schedule[]): void {
  const counts = new Map<EventKind, number>();
  const times = new Map<EventKind, number>();
  for (const schedule of schedules) {
    let kind: EventKind | null = null;
    let since = 0;
    const onEvent = (event: { readonly kind: EventKind }): void => {
      const now = performance.now();
      if (kind !== null) times.set(kind, (times.get(kind) ?? 0) + now - since);
      counts.set(event.kind, (counts.get(event.kind) ?? 0) + 1);
      kind = event.kind;
      since = now;
    };
    run(schedule, { hooks: { onEvent } });
  }
  const total = sum([...times.values()]);
  console.log('\nevents by kind (the same seeds, by the wall clock)');
  for (const [kind, ms] of [...times].sort(([, a], [, b]) => b - a)) {
    const count = counts.get(kind) ?? 1;
    const share = `${((100 * ms) / total).toFixed(1)} %`;
    line(kind, `${whole((1000 * count) / ms)} /s`, `${whole(count)} events, ${share} of the time`);
  }
}

function reportProfile(name: string, work: () => void): void {
  const { areas, files } = breakdownOf(work);
  console.log(`\nwhere the time goes: ${name}`);
  for (const { name: area, share } of areas) line(area, `${(100 * share).toFixed(1)} %`);
  console.log('by file');
  for (const { name: file, share } of files.slice(0, FILES_SHOWN)) line(`  ${file}`, `${(100 * share).toFixed(1)} %`);
}

const unknown = process.argv.slice(2).find((word) => word !== '--profile');
if (unknown !== undefined) {
  console.error(`bench: unexpected word ${unknown}; usage: npm run bench -- [--profile]`);
  process.exit(2);
}

const schedules = Array.from({ length: SEEDS }, (_, i) =>
  generate({ seed: String(i + 1), profile: 'default', commit: '', options: {} }),
);
const load = loadSchedule();
reportSeeds(schedules);
reportLoad(load);
reportKinds(schedules);
if (process.argv.includes('--profile')) {
  reportProfile(`${SEEDS} default seeds`, () => schedules.forEach(cost));
  reportProfile('five servers under load', () => cost(load));
}
console.log('\nhistories of clients');
benchHistory();
benchSearch();
benchExplore();
console.log(`\nload average while this ran: ${loadavg()[0]!.toFixed(1)} (a busy machine also slows CPU time down)`);
