import { defineConfig } from 'vitest/config';
import { findReleases } from './releases.ts';

const found = findReleases();
if ('missing' in found) {
  process.stderr.write(`${found.missing}\n`);
  process.exit(1);
}

/** What needs Java and a real ZooKeeper: `npm run test:mixed`. Apart from `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.mixed.ts'],
    // One ensemble at a time: each has two or three Java machines.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
