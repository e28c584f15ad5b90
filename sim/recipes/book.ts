/**
 * Which programs the clients of a run may run, and what must be true of what they tell. `docs/recipes.md` says how to write one's
 * own.
 */

import { fairLockModel } from '../checkers/history/search/fair-lock.ts';
import type { AnyModel } from '../checkers/history/search/model.ts';
import type { Operation } from '../checkers/history/search/operation.ts';
import { queueModel } from '../checkers/history/search/queue.ts';
import { LOCK, lock, lockMatters } from './lock.ts';
import type { Recipe, Zk } from './program.ts';
import { dequeue, enqueue, QUEUE, queueMatters } from './queue.ts';

export interface RecipeBook {
  /** One of these is begun in a turn, by weight. */
  readonly programs: readonly {
    readonly weight: number;
    readonly run: (zk: Zk) => Recipe;
  }[];
  /** The objects that programs tell of (`Zk.begin`), by name. */
  readonly objects: Readonly<Record<string, RecipeObject>>;
}

export interface RecipeObject {
  readonly model: AnyModel;
  /**
   * Which operations of a history are worth a search: what is left out must allow exactly what the whole allows. For
   * unknown outcomes that can explain nothing. Default: all.
   */
  readonly matters?: (operations: readonly Operation[]) => (operation: Operation) => boolean;
}

/** The lock and the queue of ZooKeeper's recipes page. */
export const RECIPES: RecipeBook = {
  programs: [
    { weight: 4, run: lock },
    { weight: 3, run: enqueue },
    // More than go in, so that it is mostly empty and what is lost is missed.
    { weight: 4, run: dequeue },
  ],
  objects: {
    [LOCK]: { model: fairLockModel(), matters: lockMatters },
    [QUEUE]: { model: queueModel(), matters: queueMatters },
  },
};

/** The program that a number below the sum of the weights stands for. */
export function programAt({ programs }: RecipeBook, drawn: number): (zk: Zk) => Recipe {
  let left = drawn;
  for (const { weight, run } of programs) {
    if (left < weight) return run;
    left -= weight;
  }
  return programs.at(-1)!.run;
}

export const weightOf = ({ programs }: RecipeBook): number => programs.reduce((sum, { weight }) => sum + weight, 0);
