/** The simulator with a mutant in it, as a module of its own: for tests that run schedules rather than seeds. */

import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type * as Runner from '../../sim/runner.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { readCatalog } from '../mutants/catalog.ts';

export interface MutatedSimulator {
  readonly run: typeof Runner.run;
  /** Removes the bundle. */
  readonly close: () => void;
}

/** @throws Error when there is no such mutant or it does not fit the source any more. */
export async function mutatedSimulator(id: string): Promise<MutatedSimulator> {
  const mutant = readCatalog().find((other) => other.id === id);
  if (mutant === undefined) throw new Error(`there is no mutant ${id}`);
  const file = await bundleSimulator(mutant, 'sim/runner.ts');
  const { run } = (await import(pathToFileURL(file).href)) as Pick<typeof Runner, 'run'>;
  return { run, close: () => rmSync(file, { force: true }) };
}
