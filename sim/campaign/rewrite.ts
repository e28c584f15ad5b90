/**
 * Bundles in which the source differs from the one on disk: how every mutant, canary and instrumented simulator is made, so
 * that production code carries no switches.
 */

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { build } from 'esbuild';

/** One exact text in one file, and what stands there instead. */
export interface Edit {
  /** Relative to the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** @throws Error when the text is not there exactly once: an edit must not rot into nothing when the code changes. */
export function applyEdit(who: string, text: string, { file, find, replace }: Edit): string {
  const at = text.indexOf(find);
  if (at < 0) throw new Error(`${who}: its text is not in ${file}`);
  if (text.indexOf(find, at + 1) >= 0) throw new Error(`${who}: its text is more than once in ${file}`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}

/** The text to use for a source file (named relative to the root), or null for the one on disk. */
export type Rewrite = (file: string, text: string) => string | null;

export interface Rewritten {
  readonly root: string;
  /** Relative to the root. */
  readonly entry: string;
  readonly outfile: string;
  readonly rewrite: Rewrite;
  /** JavaScript that runs before anything else. */
  readonly banner?: string;
}

/** Writes the bundle, an ES module for Node, and says which files were rewritten in it. */
export async function bundleRewritten({ root, entry, outfile, rewrite, banner = '' }: Rewritten): Promise<Set<string>> {
  const rewritten = new Set<string>();
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
    logLevel: 'silent',
    banner: { js: banner },
    plugins: [
      {
        name: 'rewrite',
        setup: (builder) =>
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const file = relative(root, path).replaceAll('\\', '/');
            const text = rewrite(file, readFileSync(path, 'utf8'));
            if (text === null) return undefined;
            rewritten.add(file);
            return { contents: text, loader: 'ts' };
          }),
      },
    ],
  });
  return rewritten;
}
