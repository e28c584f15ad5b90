/** Bundles of the simulator in threads: as it is, with one mutation, or instrumented. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { projectRoot } from '../mutants/catalog.ts';
import type { Ended } from './worker.ts';

/** The text to use for a source file, or null for the one on disk. */
export type Rewrite = (file: string, text: string) => string | null;

/** CPU time of the process. A seed takes a second or so; one that takes this much makes no progress in virtual time. */
const SEED_MAX_MS = 60_000;
const LOOK_EVERY_MS = 1000;
/** A run needs some 200 MB; a mutant that fills more has lost a bound. */
const HEAP_MAX_MB = 1500;

/** What a seed came to: it ended, it did not, or the thread died of it. */
export type Fate = Ended | { readonly lost: string };

export class Simulator {
  readonly #file: string;
  #worker: Worker | null = null;

  private constructor(file: string) {
    this.#file = file;
  }

  /** `banner` runs before anything else. */
  static async of(name: string, rewrite: Rewrite, banner = ''): Promise<Simulator> {
    const root = projectRoot();
    const outfile = join(root, '.build', `mutation-${name}-${process.pid}.mjs`);
    mkdirSync(join(root, '.build'), { recursive: true });
    await build({
      absWorkingDir: root,
      entryPoints: ['test/mutation/worker.ts'],
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
              return text === null ? undefined : { contents: text, loader: 'ts' };
            }),
        },
      ],
    });
    return new Simulator(outfile);
  }

  run(seed: string): Promise<Fate> {
    this.#worker ??= new Worker(this.#file, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB } });
    const worker = this.#worker;
    return new Promise((resolve) => {
      const end = (fate: Fate): void => {
        clearInterval(timer);
        worker.off('message', end);
        worker.off('error', onError);
        if ('lost' in fate) this.#worker = null;
        resolve(fate);
      };
      const onError = (error: unknown): void => end({ lost: error instanceof Error ? error.message : String(error) });
      // Nothing else goes on in this process meanwhile.
      const started = process.cpuUsage();
      const timer = setInterval(() => {
        const { user, system } = process.cpuUsage(started);
        if ((user + system) / 1000 < SEED_MAX_MS) return;
        void worker.terminate().then(() => end({ lost: `does not end within ${SEED_MAX_MS / 1000} CPU s` }));
      }, LOOK_EVERY_MS);
      worker.on('message', end);
      worker.on('error', onError);
      worker.postMessage(seed);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
    rmSync(this.#file, { force: true });
  }
}
