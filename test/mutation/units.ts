/**
 * The second look at what the simulator did not notice: the unit tests, property tests and transcripts of the folder, over the
 * core with that one mutation in it. No file is changed: the test runner applies it while it reads (`vitest.config.ts`).
 */

import { spawnSync } from 'node:child_process';
import { projectRoot } from '../mutants/catalog.ts';
import type { Mutation } from './operators.ts';

/** Where the tests of a folder of core are. */
const TESTS_OF: Readonly<Record<string, readonly string[]>> = {
  '.': ['test/unit/zab', 'test/transcripts'],
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

/** A mutation that makes a test run for ever is noticed too. */
const TESTS_MAX_MS = 300_000;

/** The first test that fails, or null when all pass. */
export function noticedByTests(mutation: Mutation, folder: string): string | null {
  const paths = TESTS_OF[folder];
  if (paths === undefined) throw new Error(`nobody said where the tests of core/${folder} are`);
  const words = ['vitest', 'run', '--config', 'test/mutation/vitest.config.ts', '--reporter', 'json', ...paths];
  const env = { ...process.env, VIVARIUM_MUTATION: JSON.stringify(mutation) };
  const { status, stdout, error } = spawnSync('npx', words, {
    cwd: projectRoot(),
    env,
    encoding: 'utf8',
    timeout: TESTS_MAX_MS,
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) return `the tests do not end: ${error.message}`;
  if (status === 0) return null;
  return firstFailure(stdout) ?? 'the tests do not run';
}

interface Reported {
  readonly testResults: readonly {
    readonly message: string;
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
  return failed?.fullName ?? testResults.find(({ message }) => message !== '')?.message.split('\n')[0] ?? null;
}
