/**
 * The second look at what the simulator did not notice: the unit tests, property tests and transcripts of the folder, over the
 * core with that one mutation in it. No file is changed: the test runner applies it while it reads (`vitest.config.ts`).
 */

import { spawnSync } from 'node:child_process';
import { projectRoot } from '../mutants/catalog.ts';
import type { Mutation } from './operators.ts';

/** Where the tests of a folder of core are. */
const TESTS_OF: Readonly<Record<string, readonly string[]>> = {
  '.': ['test/unit/zab', 'test/transcripts', 'test/simulation/alone'],
  acl: ['test/unit/acl', 'test/property/acl'],
  client: ['test/unit/client', 'test/transcripts/client-port'],
  compress: ['test/unit/storage/compress'],
  config: ['test/unit/config'],
  election: ['test/unit/election', 'test/transcripts/election', 'test/property/vote'],
  request: ['test/unit/request', 'test/transcripts/client-port'],
  session: ['test/unit/session', 'test/unit/request'],
  storage: ['test/unit/storage', 'test/property/storage'],
  tree: ['test/unit/tree', 'test/property/tree'],
  wire: ['test/unit/wire', 'test/wire', 'test/property/wire'],
  zab: ['test/unit/zab', 'test/transcripts/zab', 'test/property/sync'],
};

/** For the tests over the core as it is, on a machine that may be busy. */
const CONTROL_MAX_MS = 1_800_000;
/** A mutation that makes a test run for ever is noticed too: by so many times the time that the tests have taken. */
const PATIENCE = 5;

/** Folders whose tests have been seen to pass over the core as it is, and how many milliseconds they took. */
const controlled = new Map<string, number>();

/**
 * The first test that fails, or null when all pass. Throws when it is the harness that fails: when the tests do not pass
 * without a mutation, cannot be started, or end badly without an assertion that failed.
 */
export function noticedByTests(mutation: Mutation, folder: string): string | null {
  let tookMs = controlled.get(folder);
  if (tookMs === undefined) {
    const startMs = performance.now();
    const said = outcomeOf(folder, null, CONTROL_MAX_MS);
    if (said !== null) throw new Error(`the tests of core/${folder} fail without a mutation: ${said}`);
    tookMs = performance.now() - startMs;
    controlled.set(folder, tookMs);
  }
  return outcomeOf(folder, mutation, Math.max(60_000, PATIENCE * tookMs));
}

function outcomeOf(folder: string, mutation: Mutation | null, timeoutMs: number): string | null {
  const paths = TESTS_OF[folder];
  if (paths === undefined) throw new Error(`nobody said where the tests of core/${folder} are`);
  const words = ['vitest', 'run', '--config', 'test/mutation/vitest.config.ts', '--reporter', 'json', ...paths];
  const { VIVARIUM_MUTATION: _, ...inherited } = process.env;
  const env = mutation === null ? inherited : { ...inherited, VIVARIUM_MUTATION: JSON.stringify(mutation) };
  const { status, stdout, stderr, error } = spawnSync('npx', words, {
    cwd: projectRoot(),
    env,
    encoding: 'utf8',
    timeout: Math.ceil(timeoutMs),
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) {
    if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') return `the tests do not end: ${error.message}`;
    throw error;
  }
  if (status === 0) return null;
  const failed = firstFailure(stdout);
  if (failed === null)
    throw new Error(`the tests of core/${folder} ended with ${status} and none failed: ${stdout}${stderr}`);
  return failed;
}

interface Reported {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function firstFailure(stdout: string): string | null {
  const at = stdout.indexOf('{');
  if (at < 0) return null;
  const { testResults } = JSON.parse(stdout.slice(at)) as Reported;
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed');
  return failed?.fullName ?? null;
}
