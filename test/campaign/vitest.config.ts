import { defineConfig } from 'vitest/config';

/** What needs a Redis: `npm run test:redis`. Apart from `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.redis.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
