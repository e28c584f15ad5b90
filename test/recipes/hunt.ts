/** Runs the profile of the recipes with a mistake in the simulator, until it is found. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { applyEdit, bundleRewritten, type Edit } from '../../sim/campaign/rewrite.ts';
import type { PropertyId, Violation } from '../../sim/checkers/properties.ts';
import { projectRoot } from '../mutants/catalog.ts';
import type { RecipeMutant } from './mutants.ts';
import type * as Simulator from './simulator.ts';

/** What only programs have to do with: their histories, and whether they come to an end. */
export const OF_RECIPES: ReadonlySet<PropertyId> = new Set(['recipe-history', 'recipe-herd', 'liveness']);

/** Half as long as the profile draws them: these mistakes do not need long. */
const BRIEF = { duration: 5000, clients: 4 } as const;

export interface Hunted {
  readonly mutant: RecipeMutant;
  /** The seed in which it was found as it is meant, or null. */
  readonly seed: number | null;
  readonly violation: Violation | null;
  readonly seeds: number;
  readonly cpuMs: number;
}

export async function load(edit: Edit & { readonly id: string }): Promise<typeof Simulator> {
  const root = projectRoot();
  const outfile = join(root, '.build', `recipe-${edit.id}-${process.pid}.mjs`);
  const rewritten = await bundleRewritten({
    root,
    entry: 'test/recipes/simulator.ts',
    outfile,
    rewrite: (file, text) => (file === edit.file ? applyEdit(`mutant ${edit.id}`, text, edit) : null),
  });
  if (!rewritten.has(edit.file)) throw new Error(`mutant ${edit.id}: the simulator does not use ${edit.file}`);
  try {
    return (await import(pathToFileURL(outfile).href)) as typeof Simulator;
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** Seed after seed, with `only` these properties; all of them with null. */
export function hunt(
  mutant: RecipeMutant,
  { run, generate }: typeof Simulator,
  seeds: { readonly from: number; readonly to: number },
  only: ReadonlySet<PropertyId> | null = OF_RECIPES,
): Hunted {
  const started = process.cpuUsage();
  const spentMs = (): number => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  };
  for (let seed = seeds.from; seed <= seeds.to; seed++) {
    const schedule = generate({ seed: String(seed), profile: 'recipes', commit: 'mutant', options: BRIEF });
    const { violations } = run(schedule, only === null ? {} : { only });
    const violation = violations.find((found) => only === null || isMeant(mutant, found));
    if (violation !== undefined) return { mutant, seed, violation, seeds: seed - seeds.from + 1, cpuMs: spentMs() };
  }
  return { mutant, seed: null, violation: null, seeds: seeds.to - seeds.from + 1, cpuMs: spentMs() };
}

const isMeant = ({ property, reason }: RecipeMutant, found: Violation): boolean =>
  found.property === property && (reason === undefined || found.reason === reason);
