/**
 * The promise of the shrinker, measured: ten broken protocols, each of which fails somewhere among a thousand faults, and
 * what is left of these.
 *
 * A schedule counts when the mutant fails in it late, after a hundred operations have had their part, and when the core as it
 * is keeps every promise in it. The first seeds that count are taken, whatever the shrinker makes of them.
 */

import { signatureText } from '../../sim/shrink/signature.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { type Mutant, readCatalog } from '../mutants/catalog.ts';
import { SeedThread } from '../mutants/thread.ts';
import type { Outcome, Task } from './worker.ts';

export const FAULTS = 1000;
const SPAN_MS = { many: 100_000, drawn: 400_000 };
export const RERUNS_MAX = 100;
export const FAULTS_WANTED = 5;
/** Operations that had a part in the run before it failed. */
const LATE = 100;
const SEEDS_MAX = 50;
/** CPU time. */
const RUN_MAX_MS = 60_000;
const SHRINK_MAX_MS = 900_000;

export interface Row {
  readonly mutant: Mutant;
  /** Null: none of the seeds counts. */
  readonly seed: number | null;
  readonly outcome: Outcome | null;
}

type Runner = SeedThread<Task, Outcome>;

export interface Plan {
  readonly ids: readonly string[];
  /** Schedules of each mutant. */
  readonly each: number;
  readonly isDrawn: boolean;
}

const taskOf = (seed: string, isDrawn: boolean, rerunsMax: number): Task => ({
  seed,
  faults: FAULTS,
  spanMs: isDrawn ? SPAN_MS.drawn : SPAN_MS.many,
  isDrawn,
  rerunsMax,
});

/** The rows of the mutants, in their order. */
export async function* shrinkAll({ ids, each, isDrawn }: Plan): AsyncGenerator<Row> {
  const catalog = readCatalog();
  const control: Runner = new SeedThread(await bundleSimulator(null, 'test/shrink/worker.ts'));
  try {
    for (const id of ids) {
      const mutant = catalog.find((other) => other.id === id);
      if (mutant === undefined) throw new Error(`there is no mutant ${id}`);
      const broken: Runner = new SeedThread(await bundleSimulator(mutant, 'test/shrink/worker.ts'));
      try {
        let from = 1;
        for (let count = 0; count < each && from <= SEEDS_MAX; count++) {
          const seed = await seedFrom(from, isDrawn, broken, control);
          if (seed === null && count > 0) break;
          const task = seed === null ? null : taskOf(String(seed), isDrawn, RERUNS_MAX);
          yield { mutant, seed, outcome: task === null ? null : await broken.run(task, SHRINK_MAX_MS) };
          from = (seed ?? SEEDS_MAX) + 1;
        }
      } finally {
        await broken.close();
      }
    }
  } finally {
    await control.close();
  }
}

async function seedFrom(from: number, isDrawn: boolean, broken: Runner, control: Runner): Promise<number | null> {
  for (let seed = from; seed <= SEEDS_MAX; seed++) {
    const task = taskOf(String(seed), isDrawn, 0);
    const found = await broken.run(task, RUN_MAX_MS);
    if (found === null || found.signature === null || found.applied < LATE) continue;
    const fair = await control.run(task, RUN_MAX_MS);
    if (fair !== null && fair.signature === null) return seed;
  }
  return null;
}

/** Whether the promise of the shrinker is kept. */
export const isKept = ({ outcome }: Row): boolean => {
  const shrunk = outcome?.shrunk ?? null;
  return shrunk?.isSame === true && shrunk.faults <= FAULTS_WANTED && shrunk.reruns <= RERUNS_MAX;
};

export const HEAD = [
  '| mutant | seed | what breaks | after | faults left | runs | CPU | what is left |',
  '|---|---|---|---|---|---|---|---|',
];

export function lineOf({ mutant, seed, outcome }: Row): string {
  if (outcome === null || outcome.signature === null || outcome.shrunk === null)
    return `| \`${mutant.id}\` | ${seed ?? '-'} | nothing, in ${SEEDS_MAX} seeds | | | | | |`;
  const { signature, applied, shrunk } = outcome;
  const left = shrunk.ops.length > FAULTS_WANTED ? '' : shrunk.ops.join(', ') || 'no fault';
  const same = shrunk.isSame ? '' : ' **another failure**';
  return `| \`${mutant.id}\` | ${seed} | ${signatureText(signature)}${same} | ${applied} | ${shrunk.faults} | ${shrunk.reruns} | ${(shrunk.cpuMs / 1000).toFixed(1)} s | ${left} |`;
}

/** Of each kind one: elections, synchronisation, disks, sessions, watches, and one that stalls. */
export const TEN = [
  'quorum-of-one-less',
  'acks-before-newleader',
  'diff-over-divergent-tail',
  'proposals-only-to-active',
  'trunc-ignored',
  'leader-acks-before-fsync',
  'snapshot-not-durable',
  'leader-never-steps-down',
  'session-expires-by-wall-clock',
  'persistent-watch-not-set-again',
] as const;
