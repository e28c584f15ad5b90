/** The simulator with a mistake in it: the bundle of `npm run sim`, some source files replaced on the way. */

import { basename, join } from 'node:path';
import { bundleRewritten } from '../../sim/campaign/rewrite.ts';
import { editsOf, type Mutant, mutate, projectRoot } from './catalog.ts';

/**
 * Bundles the simulator with the mutant, or as it is for null. Returns the path of the module. `entry` is what the module
 * does: by default the command line, which serves as a worker thread too.
 */
export async function bundleSimulator(mutant: Mutant | null, entry = 'sim/main.ts'): Promise<string> {
  const root = projectRoot();
  const outfile = join(root, '.build', `mutant-${mutant?.id ?? 'none'}-${basename(entry, '.ts')}-${process.pid}.mjs`);
  const edits = mutant === null ? [] : editsOf(mutant);
  const rewritten = await bundleRewritten({
    root,
    entry,
    outfile,
    rewrite: (name, text) =>
      mutant !== null && edits.some(({ file }) => file === name) ? mutate(mutant, name, text) : null,
  });
  for (const { file } of edits) {
    if (!rewritten.has(file)) throw new Error(`mutant ${mutant?.id}: the simulator does not use ${file}`);
  }
  return outfile;
}
