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
  readonly schedule: Schedule;
}

type OpWithoutId<T> = T extends Op ? Omit<T, 'id'> : never;

export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly story: string;
  readonly options?: Partial<RunOptions>;
  readonly swarm?: Partial<Swarm>;
  /** Numbered from 1 in this order. */
  readonly ops: readonly OpWithoutId<Op>[];
  readonly expect: Expectation;
}

export function scenario({ name, title, story, options, swarm, ops, expect }: Plot): Scenario {
  return {
    name,
    title,
    story,
    schedule: {
      format: SCHEDULE_FORMAT,
      commit: '',
      seed: name,
      profile: 'scenario',
      options: { ...DEFAULT_OPTIONS, ...options },
      swarm: { ...CALM, ...swarm },
      ops: ops.map((op, index) => ({ id: index + 1, ...op }) as Op),
      expect,
    },
  };
}
