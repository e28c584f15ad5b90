import { defineConfig } from 'vitest/config';

/** The journeys in a real browser: `npm run test:browser`. One after the other, since each draws as fast as it can. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.browser.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 180_000,
  },
});
