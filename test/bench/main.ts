/**
 * What a simulated ensemble costs: `npm run bench`. CPU time of this process, since the machine is shared; every figure is
 * printed with the target it is held against (README, "Speed").
 *
 * - default seeds: CPU seconds a seed (median, worst), events per CPU second, cold (the first) and warm, peak memory;
 * - load: five servers, eight clients at 50 operations a second each, no faults: virtual seconds per CPU second;
 * - events by kind.
 */

import { run } from '../../sim/runner.ts';
import { CALM, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';

const SEEDS = 30;
const LOAD_VIRTUAL_MS = 60_000;

interface Cost {
  readonly seed: string;
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
  return {
    seed: schedule.seed,
    cpuSeconds: spent,
    events: result.events,
    virtualSeconds: result.stats.virtualUs / 1e6,
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1] ?? 0;

function line(name: string, value: string, target: string): void {
  console.log(`${name.padEnd(46)} ${value.padStart(14)}   ${target}`);
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

const schedules = Array.from({ length: SEEDS }, (_, i) =>
  generate({ seed: String(i + 1), profile: 'default', commit: '', options: {} }),
);
const cold = cost(schedules[0]!);
const costs = schedules.map(cost);
const events = sum(costs.map((c) => c.events));
const spent = sum(costs.map((c) => c.cpuSeconds));
const seconds = costs.map((c) => c.cpuSeconds);

console.log(`${SEEDS} seeds of the default profile, all step checks on, one thread, Node ${process.version}`);
line('events per CPU second, warm', Math.round(events / spent).toLocaleString('en'), 'target 200,000');
line('events per CPU second, cold (first seed)', Math.round(cold.events / cold.cpuSeconds).toLocaleString('en'), '');
line('CPU seconds a seed, median', median(seconds).toFixed(2), 'target 1.00');
line('CPU seconds a seed, worst', Math.max(...seconds).toFixed(2), '');
line('events a seed, median', Math.round(median(costs.map((c) => c.events))).toLocaleString('en'), '');
line('virtual seconds per CPU second', (sum(costs.map((c) => c.virtualSeconds)) / spent).toFixed(0), '');
line('peak memory, MB', (process.resourceUsage().maxRSS / 1024).toFixed(0), 'target 250');

cost(loadSchedule());
const load = cost(loadSchedule());
console.log('\nfive servers, eight clients at 50 operations a second each, no faults');
line('virtual seconds per CPU second', (load.virtualSeconds / load.cpuSeconds).toFixed(0), 'target 200');
line('events per CPU second', Math.round(load.events / load.cpuSeconds).toLocaleString('en'), 'target 200,000');
line('events per virtual second', Math.round(load.events / load.virtualSeconds).toLocaleString('en'), '');
