/** One seed of a campaign. Its result depends on the commit, the seed, the profile and the options, and on nothing else. */

import type { PropertyId, Role } from '../checkers/properties.ts';
import { run, type Verdict } from '../runner.ts';
import type { RunOptions } from '../schedule.ts';
import { generate, type Profile } from '../swarm.ts';
import { thrownHead, thrownText } from '../thrown.ts';

/**
 * How a seed ended. Two endings say what a machine could not do and nothing of the seed: its thread `died`, or it took too
 * long (`timeout`). Another machine may come to a verdict.
 */
export type SeedVerdict = Verdict | 'died' | 'timeout';

export interface SeedTask {
  readonly seed: string;
  readonly profile: Profile;
  readonly commit: string;
  readonly options: Partial<RunOptions>;
}

export interface SeedResult {
  readonly seed: string;
  readonly verdict: SeedVerdict;
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
  try {
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
  } catch (error) {
    // What a step throws ends the run with a verdict of its own; this came from the simulator.
    return without(task, performance.now() - started, 'crash', {
      property: 'no-exception',
      role: 'world',
      reason: thrownHead(error).replaceAll(/[0-9]+/g, '#'),
      message: `the simulator threw ${thrownText(error)}`,
    });
  }
}

/** The result of a seed whose thread did not come to an end with it, in words that are the same on every machine. */
export function unfinished(
  task: SeedTask,
  ended: { readonly verdict: 'died'; readonly cause: string } | { readonly verdict: 'timeout' },
  wallMs: number,
): SeedResult {
  if (ended.verdict === 'timeout') {
    return without(task, wallMs, 'timeout', {
      property: 'liveness',
      role: 'world',
      reason: 'no-progress',
      message: 'it had not ended within the limit of wall time; a faster machine may end it',
    });
  }
  return without(task, wallMs, 'died', {
    property: 'no-exception',
    role: 'world',
    reason: 'thread-died',
    message: `its thread died: ${ended.cause}`,
  });
}

function without(
  { seed }: SeedTask,
  cpuMs: number,
  verdict: SeedVerdict,
  violation: SeedResult['violations'][number],
): SeedResult {
  const nothing = { hash: '', events: 0, virtualUs: 0, elections: 0, operations: 0, marks: {} };
  return { seed, verdict, ...nothing, cpuMs, violations: [violation] };
}
