import { execFileSync } from 'node:child_process';

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

/** The same, and whether it is not quite that: what was found with changed files is no result of the commit. */
export function exactCommitOf(): string {
  const commit = commitOf();
  if ((process.env.VIVARIUM_COMMIT ?? '') !== '') return commit;
  try {
    execFileSync('git', ['diff', '--quiet', 'HEAD', '--', 'core', 'sim', 'package-lock.json'], { stdio: 'ignore' });
    return commit;
  } catch {
    return `${commit}-changed`;
  }
}
