/** Runs the differential test with a mistake in the search: the bundle is made with one file replaced on the way. */

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { applyEdit, bundleRewritten } from '../../sim/campaign/rewrite.ts';
import type * as Differential from '../../sim/checkers/history/search/differential.ts';
import { projectRoot } from '../mutants/catalog.ts';
import type { SearchMutant } from './mutants.ts';

const FOLDER = 'sim/checkers/history/search';

/** The source with the mistake in it. Throws when the text is not there exactly once. */
export const mutated = (mutant: SearchMutant, text: string): string => applyEdit(`mutant ${mutant.id}`, text, mutant);

export const sourceOf = ({ file }: SearchMutant): string => readFileSync(join(projectRoot(), FOLDER, file), 'utf8');

export interface Killed {
  readonly mutant: SearchMutant;
  /** What was noticed, or null when it survived. */
  readonly says: string | null;
  readonly histories: number;
}

/** What the differential test says of the mutant. What throws or never ends is noticed too. */
export async function huntSearchMutant(mutant: SearchMutant, seed: string, histories: number): Promise<Killed> {
  const root = projectRoot();
  const outfile = join(root, '.build', `search-${mutant.id}-${process.pid}.mjs`);
  await bundleRewritten({
    root,
    entry: `${FOLDER}/differential.ts`,
    outfile,
    rewrite: (file, text) => (file === `${FOLDER}/${mutant.file}` ? mutated(mutant, text) : null),
  });
  try {
    const { differential } = (await import(pathToFileURL(outfile).href)) as typeof Differential;
    const { mismatch, histories: judged } = differential({ seed, histories, budgetSteps: BUDGET_STEPS });
    return { mutant, says: mismatch === null ? null : `${mismatch.model}: ${mismatch.says}`, histories: judged };
  } catch (error) {
    return { mutant, says: `threw: ${error instanceof Error ? error.message : String(error)}`, histories: 0 };
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** Tiny histories need some hundreds; a search that goes on has lost its way. */
const BUDGET_STEPS = 10_000;
