/**
 * Which real ZooKeepers there are to be tested beside ours.
 *
 * `VIVARIUM_ZOOKEEPER_HOME` names the directories of unpacked releases, with the separator of PATH between them; without it,
 * Debian's package (`zookeeper`, which installs `/usr/share/java/zookeeper.jar`) is taken. Java is the one of `JAVA_HOME`, or
 * else that of PATH.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Release {
  /** As the jar's name tells it, `3.9.4`; for people. */
  readonly version: string;
  readonly classPath: string;
  /**
   * Whether it knows a create2 inside a multi. One before 3.8.2 makes a create of it when it leads, and as a follower leaves out,
   * with a line in its log, the whole transaction that a newer leader makes of it (ZOOKEEPER-4026).
   */
  readonly create2InMulti: boolean;
  /** Whether its servers form a quorum by TLS at all: 3.8.0, as Debian packages it, does not even with its own kind. */
  readonly quorumTls: boolean;
}

const HOMES_VARIABLE = 'VIVARIUM_ZOOKEEPER_HOME';
const DEBIAN_JARS = '/usr/share/java';

const { JAVA_HOME } = process.env;
export const JAVA = JAVA_HOME === undefined ? 'java' : join(JAVA_HOME, 'bin', 'java');

/** All releases there are, or one line that says what is missing. */
export function findReleases(): { readonly releases: readonly Release[] } | { readonly missing: string } {
  const java = spawnSync(JAVA, ['-version'], { stdio: 'ignore' });
  if (java.status !== 0) return { missing: `the mixed ensembles need Java: "${JAVA} -version" does not run` };
  const homes = (process.env[HOMES_VARIABLE] ?? DEBIAN_JARS).split(delimiter).filter((home) => home !== '');
  const releases: Release[] = [];
  for (const home of homes) {
    const release = releaseIn(home);
    if (release === null) {
      const hint = `set ${HOMES_VARIABLE} to an unpacked release, or install Debian's package zookeeper`;
      return { missing: `the mixed ensembles need a real ZooKeeper, and there is none in ${home}: ${hint}` };
    }
    releases.push(release);
  }
  return { releases };
}

/** A release has its jars in `lib`; Debian's jar names those it needs in its manifest, all but one that logs. */
function releaseIn(home: string): Release | null {
  for (const dir of [join(home, 'lib'), home]) {
    const version = versionIn(dir);
    if (version === null) continue;
    const debian = join(dir, 'zookeeper.jar');
    const classPath = existsSync(debian) ? [debian, join(dir, 'slf4j-simple.jar')].join(delimiter) : join(dir, '*');
    return {
      version,
      classPath,
      create2InMulti: isAtLeast(version, [3, 8, 2]),
      quorumTls: isAtLeast(version, [3, 8, 1]),
    };
  }
  return null;
}

function versionIn(dir: string): string | null {
  if (!existsSync(dir)) return null;
  for (const name of readdirSync(dir)) {
    const version = /^zookeeper-(\d[\w.-]*)\.jar$/.exec(name)?.[1];
    if (version !== undefined) return version;
  }
  return null;
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  const differing = least.findIndex((part, index) => (parts[index] ?? 0) !== part);
  return differing < 0 || (parts[differing] ?? 0) > (least[differing] ?? 0);
}

/** For test files, which vitest.config.ts runs only where there is a release. */
export function releasesFound(): readonly Release[] {
  const found = findReleases();
  if ('missing' in found) throw new Error(found.missing);
  return found.releases;
}
