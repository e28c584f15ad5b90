/** Golden disk images as the tests of storage read them. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const GOLDEN_DISK = join(import.meta.dirname, '../../golden/disk');

export type Files = Map<string, Uint8Array>;

export const golden = (path: string): Uint8Array => new Uint8Array(readFileSync(join(GOLDEN_DISK, path)));

/** The recorded data directory as `data/version-2/…` and `log/version-2/…`. */
export function image(name: string): Files {
  const files: Files = new Map();
  const dir = join(GOLDEN_DISK, name, 'version-2');
  for (const file of readdirSync(dir)) {
    if (!statSync(join(dir, file)).isFile()) continue;
    files.set(`${file.startsWith('log.') ? 'log' : 'data'}/version-2/${file}`, golden(`${name}/version-2/${file}`));
  }
  return files;
}

export const goldenJson = <T>(path: string): T => JSON.parse(new TextDecoder().decode(golden(path))) as T;
