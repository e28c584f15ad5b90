/** One seed of a campaign. Its result depends on the commit, the seed, the profile and the options, and on nothing else. */

import type { PropertyId, Role } from '../checkers/properties.ts';
import { run, type Verdict } from '../runner.ts';
import type { RunOptions } from '../schedule.ts';
import { generate, type Profile } from '../swarm.ts';

export interface SeedTask {
  readonly seed: string;
  readonly profile: Profile;
  readonly commit: string;
  readonly options: Partial<RunOptions>;
}

export interface SeedResult {
  readonly seed: string;
  readonly verdict: Verdict;
  readonly hash: string;
  readonly events: number;
  readonly virtualUs: number;
  /** What it cost here; no part of the result. */
  readonly cpuMs: number;
  readonly elections: number;
  readonly operations: number;
  readonly violations: readonly {
    readonly property: PropertyId;
    readonly role: Role;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly marks: Readonly<Record<string, number>>;
}

export function runSeed(task: SeedTask): SeedResult {
  // Each worker is one thread, so the wall clock is what a seed costs; process.cpuUsage would count them all.
  const started = performance.now();
  const result = run(generate(task));
  return {
    seed: task.seed,
    verdict: result.verdict,
    hash: result.hash,
    events: result.events,
    virtualUs: result.stats.virtualUs,
    cpuMs: performance.now() - started,
    elections: result.stats.elections,
    operations: result.stats.workload.ok,
    violations: result.violations.map(({ property, role, reason, message }) => ({ property, role, reason, message })),
    marks: result.marks,
  };
}
