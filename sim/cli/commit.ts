import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from './root.ts';

/** The commit that is checked out, shown beside everything that is found; an image without git sets VIVARIUM_COMMIT. */
export function commitOf(): string {
  const said = process.env.VIVARIUM_COMMIT;
  if (said !== undefined && said !== '') return said;
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** What a result may hang on. */
const SOURCES = ['core', 'sim', 'package-lock.json'] as const;
const DIGITS = 12;

/**
 * The same, and whether it is not quite that: what was found with changed files is no result of the commit. The name then
 * carries a hash of the files, so that two changed trees of one commit are two things, and one tree on two machines is one.
 */
export function exactCommitOf(): string {
  const commit = commitOf();
  if ((process.env.VIVARIUM_COMMIT ?? '') !== '') return commit;
  const root = sourceRoot() ?? process.cwd();
  try {
    // A new file counts too: whatever has changed enough to use it, a clone of the commit does not have it.
    const said = execFileSync('git', ['status', '--porcelain', '--', ...SOURCES], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (said.trim() === '') return commit;
  } catch {
    // Not a working tree of git.
  }
  return `${commit}-changed-${hashOfSources(root)}`;
}

/** Of the names and texts of all files that a simulator may be bundled from. */
export function hashOfSources(root: string): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    for (const file of filesOf(root, source)) {
      const text = readFileSync(join(root, file));
      hash.update(`${file.replaceAll('\\', '/')} ${text.length}\n`).update(text);
    }
  }
  return hash.digest('hex').slice(0, DIGITS);
}

function filesOf(root: string, source: string): string[] {
  if (source.includes('.')) return [source];
  const names = readdirSync(join(root, source), { recursive: true }).map(String);
  return names
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(source, name));
}
