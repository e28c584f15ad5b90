/** The simulator with a mistake in it: the bundle of `npm run sim`, some source files replaced on the way. */

import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { editsOf, type Mutant, mutate, projectRoot } from './catalog.ts';

/**
 * Bundles the simulator with the mutant, or as it is for null. Returns the path of the module. `entry` is what the module
 * does: by default the command line, which serves as a worker thread too.
 */
export async function bundleSimulator(mutant: Mutant | null, entry = 'sim/main.ts'): Promise<string> {
  const root = projectRoot();
  const outfile = join(root, '.build', `mutant-${mutant?.id ?? 'none'}-${basename(entry, '.ts')}-${process.pid}.mjs`);
  mkdirSync(join(root, '.build'), { recursive: true });
  const touched = new Set<string>();
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: mutant === null ? [] : [mutation(mutant, touched)],
  });
  for (const { file } of mutant === null ? [] : editsOf(mutant)) {
    if (!touched.has(file)) throw new Error(`mutant ${mutant?.id}: the simulator does not use ${file}`);
  }
  return outfile;
}

function mutation(mutant: Mutant, touched: Set<string>): Plugin {
  const root = projectRoot();
  const files = new Set(editsOf(mutant).map(({ file }) => file));
  return {
    name: 'mutation',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(root, path).replaceAll('\\', '/');
        if (!files.has(file)) return undefined;
        touched.add(file);
        return { contents: mutate(mutant, file, readFileSync(path, 'utf8')), loader: 'ts' };
      });
    },
  };
}
