import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    // By default one core is left free, which on two of them is half the machine.
    maxWorkers: '100%',
    // No test file changes what another sees, and loading the modules anew for each of them cost more than half of the time.
    isolate: false,
    coverage: {
      provider: 'v8',
      include: ['core/**/*.ts', 'sim/**/*.ts'],
      reporter: ['text-summary'],
    },
  },
});
