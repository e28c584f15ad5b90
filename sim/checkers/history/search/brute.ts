/**
 * Linearizability by trying every order: the definition, written down. It is the oracle that the search is held against, so
 * it shares nothing with it but the model's `step`, and has no rule that could be wrong: no windows, no memory, no parts.
 *
 * An operation may come next when no other that must come was answered before this one was invoked. Those that were
 * answered must come; those that never were may.
 */

import type { AnyModel } from './model.ts';
import type { Operation } from './operation.ts';

/** Factorial in the number of operations; eight are a lot. Those of `optional` may happen within their time, or not at all. */
export function bruteForce(
  model: AnyModel,
  operations: readonly Operation[],
  optional: ReadonlySet<Operation> = new Set(),
): boolean {
  const relevant = operations.filter(
    (operation) => operation.outcome !== 'fail' || model.failure?.(operation) === 'judged',
  );
  return canFinish(model, optional, new Map(), relevant);
}

function canFinish(
  model: AnyModel,
  optional: ReadonlySet<Operation>,
  states: ReadonlyMap<string | null, unknown>,
  left: readonly Operation[],
): boolean {
  if (left.every((one) => one.respondedAt === Number.POSITIVE_INFINITY || optional.has(one))) return true;
  for (const operation of left) {
    const over = left.filter((other) => other !== operation && other.respondedAt < operation.invokedAt);
    if (over.some((other) => !optional.has(other))) continue;
    const state = states.has(operation.key) ? states.get(operation.key) : model.init();
    const next = model.step(state, operation);
    if (next === null) continue;
    const after = new Map(states).set(operation.key, next);
    const others = left.filter((other) => other !== operation && !over.includes(other));
    if (canFinish(model, optional, after, others)) return true;
  }
  return false;
}
