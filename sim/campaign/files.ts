/** Results on disk. A file is replaced as a whole, so that whoever is killed leaves the one before. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Results, readResults } from './results.ts';

/** @throws Error when the file is no results file, or is not there although it must be. */
export function readOrNothing(file: string, options: { readonly mustExist: boolean } = { mustExist: false }): Results {
  if (!options.mustExist && !existsSync(file)) return new Results();
  try {
    return readResults(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(`${file}.new`, results.toText());
  renameSync(`${file}.new`, file);
}

/** What the file has stays; what is new is added. Returns all that is in it then. */
export function mergeInto(file: string, results: Results): Results {
  const merged = readOrNothing(file);
  merged.merge(results);
  writeResults(file, merged);
  return merged;
}
