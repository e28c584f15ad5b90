/** Runs the differential test with a mistake in the search: the bundle is made with one file replaced on the way. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type * as Differential from '../../sim/checkers/history/search/differential.ts';
import { projectRoot } from '../mutants/catalog.ts';
import type { SearchMutant } from './mutants.ts';

const FOLDER = 'sim/checkers/history/search';

/** The source with the mistake in it. Throws when the text is not there exactly once. */
export function mutated({ id, file, find, replace }: SearchMutant, text: string): string {
  const at = text.indexOf(find);
  if (at < 0) throw new Error(`mutant ${id}: its text is not in ${file}`);
  if (text.indexOf(find, at + 1) >= 0) throw new Error(`mutant ${id}: its text is more than once in ${file}`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}

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
  mkdirSync(join(root, '.build'), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: [`${FOLDER}/differential.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [
      {
        name: 'mutation',
        setup(builder) {
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const file = relative(join(root, FOLDER), path).replaceAll('\\', '/');
            if (file !== mutant.file) return undefined;
            return { contents: mutated(mutant, readFileSync(path, 'utf8')), loader: 'ts' };
          });
        },
      },
    ],
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
