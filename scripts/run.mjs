// Bundles one TypeScript entry with esbuild and runs it: Node 20 does not strip types itself, and a bundle of the
// whole simulator takes some tens of milliseconds. Usage: node scripts/run.mjs ENTRY.ts [arguments]
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Bundles `entry` (relative to the root) and returns the absolute path of the module. */
export async function bundle(entry) {
  const outfile = join(root, '.build', `${entry.replaceAll(/[\\/]/g, '-').replace(/\.ts$/, '')}-${process.pid}.mjs`);
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  return outfile;
}

if (resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  const [entry, ...rest] = process.argv.slice(2);
  if (entry === undefined) {
    console.error('usage: node scripts/run.mjs ENTRY.ts [arguments]');
    process.exit(2);
  }
  const file = await bundle(entry);
  process.on('exit', () => rmSync(file, { force: true }));
  process.argv = [process.argv[0], file, ...rest];
  process.setSourceMapsEnabled(true);
  // The work of a simulated server is spread over some 1,500 functions, none of which is hot. With V8's usual appetite for
  // inlining (920), compiling them takes a third of the CPU time of the first hundred thousand events or more; at 200 the first
  // twenty seeds take a sixth less of it, and a process that runs for long is at most a tenth slower (docs/performance.md).
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');
  await import(pathToFileURL(file).href);
}
