import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the sources are that this was bundled from, or null where only the bundle is. */
export function sourceRoot(): string | null {
  for (let dir = import.meta.dirname; dir !== dirname(dir); dir = dirname(dir)) {
    if (existsSync(join(dir, 'core/peer.ts'))) return dir;
  }
  return null;
}
