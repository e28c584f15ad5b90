/** The unit tests and transcripts over a core with one mutation in it, which `VIVARIUM_MUTATION` says (`units.ts`). */

import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { applyMutation, type Mutation } from './operators.ts';

const said = process.env.VIVARIUM_MUTATION;
const mutation = said === undefined ? null : (JSON.parse(said) as Mutation);

export default defineConfig({
  plugins: [
    {
      name: 'mutation',
      enforce: 'pre',
      transform: (text, id) =>
        mutation !== null && id.split('?')[0] === join(process.cwd(), mutation.file)
          ? applyMutation(text, mutation)
          : null,
    },
  ],
  test: {
    include: [
      'test/unit/**/*.test.ts',
      'test/transcripts/**/*.test.ts',
      'test/property/**/*.test.ts',
      'test/wire/**/*.test.ts',
    ],
    exclude: ['test/unit/sim*/**'],
    testTimeout: 60_000,
    bail: 1,
  },
});
