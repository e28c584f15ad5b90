/** What a story is told with: the scene it is given and the operations it answers with. */

import type { OpName, RunOptions } from '../schedule.ts';
import type { Stream } from '../world/types.ts';

export type Draft = { readonly do: OpName } & Readonly<Record<string, unknown>>;

/** An operation in the making. `key` is its name within the schedule, to which others refer as `after: 'key:NAME'`. */
export interface Planned {
  /** Its place among the others, ms; also its moment, unless the draft has another trigger. */
  readonly at: number;
  readonly key?: string;
  readonly draft: Draft;
}

export interface Scene {
  /** Unique in the schedule. */
  readonly name: string;
  /** Not before there is somebody to lead. */
  readonly at: number;
  readonly stream: Stream;
  readonly options: RunOptions;
}

export type Teller = (scene: Scene) => Planned[];

export const voters = ({ options }: Pick<Scene, 'options'>): number[] =>
  Array.from({ length: options.nodes }, (_, index) => index + 1);
export const round = (ms: number): number => Math.max(1, Math.round(ms));
export const downFor = (stream: Stream): number =>
  round(stream.pick([50, 300, 1000, 3000]) * (0.5 + stream.below(100) / 100));
