/**
 * What no simulated client asks for and no simulated peer sends, unit tests ask and send. Here they are run against the
 * mutated source: some test must fail. One run, no luck, and counted apart from what the simulator finds.
 */

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { startVitest, type TestModule } from 'vitest/node';
import { editsOf, type Mutant, mutate, projectRoot } from '../mutants/catalog.ts';
import type { Start } from './hunt.ts';

export async function huntByTest(mutant: Mutant): Promise<Start> {
  const root = projectRoot();
  const files = new Set(editsOf(mutant).map(({ file }) => file));
  const touched = new Set<string>();
  const plugin = {
    name: 'mutation',
    enforce: 'pre' as const,
    load(id: string): string | undefined {
      const file = relative(root, id.split('?')[0] ?? id).replaceAll('\\', '/');
      if (!files.has(file)) return undefined;
      touched.add(file);
      return mutate(mutant, file, readFileSync(`${root}/${file}`, 'utf8'));
    },
  };
  const from = process.cpuUsage();
  const vitest = await startVitest(
    'test',
    [...mutant.tests],
    { root, watch: false, pool: 'threads', maxWorkers: 1, reporters: [{}], coverage: { enabled: false } },
    { plugins: [plugin] },
  );
  const failed = vitest.state.getTestModules().flatMap(failuresOf);
  await vitest.close();
  process.exitCode = 0;
  const used = process.cpuUsage(from);
  if (touched.size === 0) throw new Error(`mutant ${mutant.id}: ${mutant.tests.join(', ')} do not use its files`);
  return {
    found: failed.length > 0,
    seed: '',
    property: failed.length > 0 ? 'test' : null,
    message: failed[0] ?? '',
    runs: 1,
    events: 0,
    cpuMs: (used.user + used.system) / 1000,
    faults: 0,
    faultsLeft: null,
  };
}

function failuresOf(module: TestModule): string[] {
  const names = [...module.children.allTests('failed')].map(({ fullName }) => fullName);
  return module.errors().length > 0 ? [`${module.moduleId} does not load`, ...names] : names;
}
