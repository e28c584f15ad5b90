/** The seeded world; see `types.ts` for its vocabulary. */

import type { World, WorldOptions } from './types.ts';

export function createWorld(options: WorldOptions): World {
  throw new Error(`world ${String(options.seed)} is not built`);
}
