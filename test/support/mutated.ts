/** The simulator with a mutant in it, as a module of its own: for tests that run schedules rather than seeds. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type * as Runner from '../../sim/runner.ts';
import { editsOf, type Mutant, mutate, projectRoot, readCatalog } from '../mutants/catalog.ts';

export interface MutatedSimulator {
  readonly run: typeof Runner.run;
  /** Removes the bundle. */
  readonly close: () => void;
}

/** @throws Error when there is no such mutant or it does not fit the source any more. */
export async function mutatedSimulator(id: string): Promise<MutatedSimulator> {
  const mutant = readCatalog().find((other) => other.id === id);
  if (mutant === undefined) throw new Error(`there is no mutant ${id}`);
  const root = projectRoot();
  const outfile = join(root, '.build', `mutated-${id}-${process.pid}.mjs`);
  mkdirSync(join(root, '.build'), { recursive: true });
  await build({
    absWorkingDir: root,
    stdin: { contents: "export { run } from './sim/runner.ts';", resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [mutation(mutant, root)],
  });
  const { run } = (await import(pathToFileURL(outfile).href)) as Pick<typeof Runner, 'run'>;
  return { run, close: () => rmSync(outfile, { force: true }) };
}

function mutation(mutant: Mutant, root: string): Plugin {
  const files = new Set(editsOf(mutant).map(({ file }) => file));
  return {
    name: 'mutation',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(root, path).replaceAll('\\', '/');
        return files.has(file)
          ? { contents: mutate(mutant, file, readFileSync(path, 'utf8')), loader: 'ts' }
          : undefined;
      });
    },
  };
}
