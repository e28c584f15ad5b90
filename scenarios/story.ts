/**
 * A scenario is a schedule with a story: what happens, why it is nasty, and what must hold in the end. It is data; the
 * simulator runs it like any schedule, so it can be saved, edited, shrunk and traced.
 */

import {
  CALM,
  DEFAULT_OPTIONS,
  type Expectation,
  type Op,
  type RunOptions,
  SCHEDULE_FORMAT,
  type Schedule,
  type Swarm,
} from '../sim/schedule.ts';

export interface Scenario {
  readonly name: string;
  /** One line for lists. */
  readonly title: string;
  /** Goal, method, and why this schedule is nasty. */
  readonly story: string;
  /** Without this operation it is another story, and the expectation fails. */
  readonly decisive: number;
  readonly schedule: Schedule;
}

type OpWithoutId<T> = T extends Op ? Omit<T, 'id'> : never;

export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly story: string;
  readonly options?: Partial<RunOptions>;
  readonly swarm?: Partial<Swarm>;
  /** What the dice are cast with; default: the name. */
  readonly seed?: string;
  /** Numbered from 1 in this order. */
  readonly ops: readonly OpWithoutId<Op>[];
  /** The operation without which the expectation must fail. */
  readonly decisive: number;
  readonly expect: Expectation;
}

export function scenario(plot: Plot): Scenario {
  const { name, title, story, options, swarm, seed = name, ops, decisive, expect } = plot;
  return {
    name,
    title,
    story,
    decisive,
    schedule: {
      format: SCHEDULE_FORMAT,
      commit: '',
      seed,
      profile: 'scenario',
      options: { ...DEFAULT_OPTIONS, ...options },
      swarm: { ...CALM, ...swarm },
      ops: ops.map((op, index) => ({ id: index + 1, ...op }) as Op),
      expect,
    },
  };
}
