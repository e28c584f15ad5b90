/**
 * Judges what programs told: each object by its model, with the general search (`checkers/history/search`), which knows nothing of
 * zxids or servers. Whatever a program says it was told must fit into one order of operations, each at one moment of its time.
 */

import { checkHistory } from '../checkers/history/search/check.ts';
import type { Report } from '../checkers/properties.ts';
import type { RecipeBook } from './book.ts';
import type { RecipeHistory, ToldOperation } from './told.ts';

export interface RecipeStats {
  /** Programs that were begun, and that came to their end. */
  readonly started: number;
  readonly ended: number;
  /** Operations that were judged. */
  readonly judged: number;
  /** Of them, of unknown outcome. */
  readonly unknown: number;
  /** Objects whose history was too hard to judge. */
  readonly undecided: number;
  /** How often two clients believed at once that they held a lock. */
  readonly sharedBeliefs: number;
}

/** Some seconds; a history of a run needs a thousandth of it. */
const BUDGET_STEPS = 20_000_000;

export function judgeRecipes(history: RecipeHistory, { objects }: RecipeBook, report: Report): RecipeStats {
  let judged = 0;
  let unknown = 0;
  let undecided = 0;
  for (const [object, { model, matters }] of Object.entries(objects)) {
    const told = history.operationsOf(object);
    const operations = matters === undefined ? told : renumbered(told.filter(matters(told)));
    judged += operations.length;
    unknown += operations.filter(({ outcome }) => outcome === 'info').length;
    const result = checkHistory(model, operations, { budgetSteps: BUDGET_STEPS });
    if (result.status === 'unknown') undecided += 1;
    if (result.violation === null) continue;
    const { sentence, core } = result.violation;
    report('recipe-history', `${object}: ${sentence}`, {
      role: 'client',
      reason: object,
      events: core.flatMap((id) => operations[id]!.events).sort((a, b) => a - b),
    });
  }
  for (const { path, clients } of history.herds()) {
    report('recipe-herd', `the end of ${path} has woken clients ${clients.join(', ')}`, { role: 'client' });
  }
  const { started, ended } = history;
  return { started, ended, judged, unknown, undecided, sharedBeliefs: history.sharedBeliefs() };
}

const renumbered = (operations: readonly ToldOperation[]): ToldOperation[] =>
  operations.map((operation, id) => ({ ...operation, id }));
