/**
 * ACL non-interference (docs/non-interference.md): what a session without rights receives does not depend on what it has no
 * right to, and its requests change nothing that it has no right to.
 *
 * The first is a property of pairs of runs (Clarkson and Schneider, "Hyperproperties", 2010): the two runs of a plan differ
 * in secrets alone, so the first frame in which the spies' transcripts differ is a leak. The second is decided within a run, by
 * the judge of histories, which knows the ACL of every node at every zxid.
 */

import type { PropertyId } from '../checkers/properties.ts';
import { actionOf, type TwinPlan } from './plan.ts';
import { type Received, runTwin, type TwinRun } from './run.ts';

export interface Leak {
  /** Which frame of the spies, and what it was in each run; null where one received nothing more. */
  readonly index: number;
  readonly first: Received | null;
  readonly second: Received | null;
  /** The last step before it whose texts differ. */
  readonly step: number | null;
}

export interface Interference {
  readonly leak: Leak | null;
  /** What the checks of a single run say; of rights that were not held, `update-legal` and `read-at-zxid`. */
  readonly broken: readonly { readonly property: PropertyId; readonly message: string }[];
  readonly frames: number;
  readonly seen: TwinRun['seen'];
}

export function interference(plan: TwinPlan): Interference {
  const [a, b] = [runTwin(plan, 0), runTwin(plan, 1)];
  return { leak: leakOf(plan, a, b), broken: [...a.broken, ...b.broken], frames: a.received.length, seen: a.seen };
}

/** Whether the same requests, made with the rights of the owner, tell the two runs apart. */
export function isVisible(plan: TwinPlan): boolean {
  return leakOf(plan, runTwin(plan, 0, 'owner'), runTwin(plan, 1, 'owner')) !== null;
}

export function leakOf(plan: TwinPlan, a: TwinRun, b: TwinRun): Leak | null {
  const length = Math.max(a.received.length, b.received.length);
  for (let index = 0; index < length; index++) {
    const [first, second] = [a.received[index] ?? null, b.received[index] ?? null];
    if (first?.who === second?.who && first?.text === second?.text) continue;
    return { index, first, second, step: lastSecret(plan, (first ?? second)!.step) };
  }
  return null;
}

function lastSecret(plan: TwinPlan, upTo: number): number | null {
  const textOf = (index: number, run: 0 | 1): string =>
    JSON.stringify(actionOf(plan.steps[index]!, plan.secrets, run), (_, value) =>
      value instanceof Uint8Array ? [...value] : value,
    );
  for (let index = Math.min(upTo, plan.steps.length - 1); index >= 0; index--) {
    if (textOf(index, 0) !== textOf(index, 1)) return index;
  }
  return null;
}

/**
 * Removes steps behind the ground as long as the two runs can still be told apart. Secrets stay with their steps, so what is
 * left is a pair again.
 */
export function shrinkPlan(plan: TwinPlan, isLeaky: (plan: TwinPlan) => boolean): TwinPlan {
  let best = plan;
  for (let size = plan.steps.length - plan.ground; size >= 1; size = Math.floor(size / 2)) {
    for (let from = plan.ground; from < best.steps.length; ) {
      const steps = [...best.steps.slice(0, from), ...best.steps.slice(from + size)];
      const candidate = { ...best, steps };
      if (isLeaky(candidate)) best = candidate;
      else from += size;
    }
  }
  return best;
}
