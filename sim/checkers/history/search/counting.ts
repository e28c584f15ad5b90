/**
 * Deciding by counting only what has to be counted.
 *
 * With many operations of unknown outcome the search drowns in ways of having used them: what one descent wasted early another
 * lacks thousands of responses later, and of two configurations that used different ones neither is better. So the question is
 * made easier first (counterexample-guided abstraction refinement, Clarke et al. 2000): every operation of unknown outcome may
 * be used as often as one likes once one of its class was invoked. What has no order then has none at all. What has one is
 * held against the numbers. If it keeps them, it is an order of the history itself. If not, the class that was used too often
 * is counted from then on, with all that lead to the same state, which can stand in for it. Each round either decides or counts more, and few states are hard to come by.
 */

import { DEMANDS_NOTHING, type Machine } from './machine.ts';
import type { Problem } from './problem.ts';
import { Search, type SearchOutcome, type SearchSettings } from './search.ts';

export interface Decided {
  /** What decided, as it ended. */
  readonly search: Search;
  readonly outcome: SearchOutcome;
  /** What was counted: a violation is one under these already. */
  readonly counted: Uint8Array;
}

/** The decision, or null, and what was spent on it. */
export function decideByCounting(
  problem: Problem,
  machine: Machine,
  settings: SearchSettings,
): { readonly decided: Decided | null; readonly steps: number } {
  const counted = new Uint8Array(problem.classExample.length);
  const targets = targetsOf(problem, machine);
  let steps = 0;
  for (;;) {
    const search = new Search(problem, machine, { ...settings, budgetSteps: settings.budgetSteps - steps, counted });
    const outcome = search.run();
    steps += outcome.steps;
    const { status, order, exceeded } = outcome;
    // An order that was not told cannot be held against the numbers.
    const isUntold = status === 'ok' && order === null && exceeded === null;
    if (status === 'unknown' || isUntold) return { decided: null, steps };
    if (status === 'violation' || exceeded === null)
      return { decided: { search, outcome, counted: counted.slice() }, steps };
    for (let index = 0; index < counted.length; index++) {
      if (targets[index] === targets[exceeded]) counted[index] = 1;
    }
  }
}

/** The state each class leads to, if that is the same wherever it changes anything; else a number of its own. */
function targetsOf({ classExample }: Problem, machine: Machine): number[] {
  return Array.from(classExample, (op, index) => {
    const asked = machine.demand?.[op];
    if (asked === undefined || asked < DEMANDS_NOTHING) return ~index;
    return machine.step(asked >= 0 ? asked : machine.initial, op);
  });
}
