/**
 * How long a bug hides: the same hunt from many starting seeds.
 *
 * From each start, seed after seed is run with the mutated simulator until a property is broken. What counts is what it cost:
 * runs, events and CPU seconds, of which the table shows the median and the worst start. CPU time is that of the whole
 * process, so nothing else may go on in it: one thread runs one seed at a time, and the main thread waits. A seed that
 * fails without the mutation too proves nothing about it and is passed over, and so is what only the split of a step breaks
 * that some mutations need.
 */

import type { PropertyId } from '../../sim/checkers/properties.ts';
import type { Profile } from '../../sim/swarm.ts';
import { bundleSimulator } from '../mutants/build.ts';
import type { Mutant } from '../mutants/catalog.ts';
import { SeedThread } from '../mutants/thread.ts';
import type { Outcome, Task } from './worker.ts';

export interface Plan {
  readonly profile: Profile;
  readonly settings: Task['settings'];
  /** How many starting seeds. */
  readonly startsMax: number;
  /** A start that has used so much CPU time is given up. */
  readonly startMaxMs: number;
  /** No further start begins when all of them have used so much. */
  readonly totalMaxMs: number;
  /** Each start looks at so many seeds at most. */
  readonly seedsMax: number;
  /** Runs that may be spent on shrinking the first find; 0: it is not shrunk. That costs nobody anything in the table. */
  readonly shrinkRuns: number;
}

/** What one start came to. */
export interface Start {
  readonly found: boolean;
  readonly seed: string;
  readonly property: PropertyId | 'hang' | 'test' | null;
  readonly message: string;
  readonly runs: number;
  readonly events: number;
  readonly cpuMs: number;
  /** Operations in the schedule that shows it, and how many of them are left after shrinking (null: not shrunk). */
  readonly faults: number;
  readonly faultsLeft: number | null;
}

/** Starts are this far apart, so that no two of them look at the same seed. */
export const START_STRIDE = 100_000;
/** CPU time. A seed takes less than a second or two; one that takes this much makes no progress in virtual time. */
const SEED_MAX_MS = 180_000;
const SHRINK_MAX_MS = 300_000;

export async function huntFrom(mutant: Mutant, plan: Plan, control: Hunter): Promise<Start[]> {
  const hunter = await startHunter(mutant);
  const starts: Start[] = [];
  let totalMs = 0;
  try {
    while (starts.length < plan.startsMax && (totalMs < plan.totalMaxMs || starts.length === 0)) {
      const start = await oneStart(hunter, plan, starts.length, { control, split: mutant.split });
      totalMs += start.cpuMs;
      const isFirst = start.found && starts.every(({ found }) => !found);
      starts.push(isFirst ? { ...start, faultsLeft: await shrunk(hunter, plan, start) } : start);
    }
  } finally {
    await hunter.close();
  }
  return starts;
}

/** How many of so many seeds show it, by the property that fired first: what published random walks are compared with. */
export async function rateOf(
  mutant: Mutant,
  { profile, settings }: Pick<Plan, 'profile' | 'settings'>,
  seedsCount: number,
): Promise<ReadonlyMap<string, number>> {
  const hunter = await startHunter(mutant);
  const counts = new Map<string, number>();
  try {
    for (let seed = 1; seed <= seedsCount; seed++) {
      const outcome = await hunter.run(
        { seed: String(seed), profile, options: {}, settings, shrinkRuns: 0 },
        SEED_MAX_MS,
      );
      const property = outcome === null ? 'hang' : outcome.property;
      if (property !== null && property !== 'hang' && mutant.split.includes(property)) continue;
      if (property !== null) counts.set(property, (counts.get(property) ?? 0) + 1);
    }
  } finally {
    await hunter.close();
  }
  return counts;
}

async function shrunk(hunter: Hunter, plan: Plan, { seed, property }: Start): Promise<number | null> {
  if (plan.shrinkRuns === 0 || property === 'hang') return null;
  const { profile, settings, shrinkRuns } = plan;
  const outcome = await hunter.run({ seed, profile, options: {}, settings, shrinkRuns }, SHRINK_MAX_MS);
  return outcome?.faultsLeft ?? null;
}

interface Grounds {
  readonly control: Hunter;
  readonly split: Mutant['split'];
}

async function oneStart(hunter: Hunter, plan: Plan, index: number, { control, split }: Grounds): Promise<Start> {
  const { profile, settings, startMaxMs, seedsMax } = plan;
  let [runs, events, cpuMs] = [0, 0, 0];
  while (runs < seedsMax && cpuMs < startMaxMs) {
    runs += 1;
    const seed = String(index * START_STRIDE + runs);
    const task: Task = { seed, profile, options: {}, settings, shrinkRuns: 0 };
    const from = process.cpuUsage();
    const outcome = await hunter.run(task, SEED_MAX_MS);
    const used = process.cpuUsage(from);
    cpuMs += (used.user + used.system) / 1000;
    events += outcome?.events ?? 0;
    const broken = outcome?.property ?? null;
    if (outcome !== null && (broken === null || split.includes(broken))) continue;
    const fails = await control.run(task, SEED_MAX_MS);
    if (fails === null || fails.property !== null) continue;
    const { property, message, faults } = outcome ?? { ...HANG, faults: fails.faults };
    return { found: true, seed, property, message, runs, events, cpuMs, faults, faultsLeft: null };
  }
  return { ...NOT_FOUND, runs, events, cpuMs };
}

const NOT_FOUND = { found: false, seed: '', property: null, message: '', faults: 0, faultsLeft: null } as const;
const HANG = { property: 'hang', message: `it did not end within ${SEED_MAX_MS / 1000} CPU s` } as const;

/** One simulator, mutated or not, in a thread. What the thread dies of is an error of the harness, not a find. */
export type Hunter = SeedThread<Task, Outcome>;

export const startHunter = async (mutant: Mutant | null): Promise<Hunter> =>
  new SeedThread(await bundleSimulator(mutant, 'test/zoo/worker.ts'));
