/**
 * A campaign over several processes and a queue on Redis, in which one worker is killed in the middle of a part.
 *
 * Needs `redis-server` (Debian: `apt-get install redis-server`) and the optional packages `bullmq` and `ioredis`; it starts a
 * Redis of its own on a port of its own and leaves nothing behind.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { taskOf } from '../../sim/campaign/local.ts';
import { Collector, type QueueSettings, submit } from '../../sim/campaign/queue.ts';
import { seedsOf } from '../../sim/campaign/ranges.ts';
import { type CampaignKey, Results, rowOf } from '../../sim/campaign/results.ts';
import { runSeed } from '../../sim/campaign/seed.ts';
import { projectRoot } from '../mutants/catalog.ts';

/** Small enough that forty of them take a second. */
const KEY: CampaignKey = {
  commit: 'test',
  profile: 'calm',
  options: { nodes: 1, clients: 1, duration: 400, settle: 20_000 },
};
const SEEDS = { from: 1, to: 40 };
const PART = 10;
const LOCK_MS = 1000;

const children: ChildProcess[] = [];
let dir: string;
let settings: QueueSettings;

beforeAll(async () => {
  try {
    execFileSync('redis-server', ['--version']);
  } catch {
    throw new Error('this test needs redis-server: apt-get install redis-server');
  }
  dir = mkdtempSync(join(tmpdir(), 'vivarium-redis-'));
  const port = await freePort();
  const redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '']);
  children.push(redis);
  await said(redis, 'Ready to accept connections');
  settings = { url: `redis://127.0.0.1:${port}`, name: `test-${KEY.commit}` };
});

afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await sleep(50);
  rmSync(dir, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Waits until the process prints the text; fails with what it printed instead when it ends. */
function said(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const onData = (chunk: Buffer): void => {
      printed += chunk.toString('utf8');
      if (printed.includes(text)) resolve();
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.on('exit', () => reject(new Error(`ended without saying "${text}":\n${printed}`)));
  });
}

function soak(...words: string[]): ChildProcess {
  const flags = ['--redis', settings.url, '--queue', 'test', ...words];
  const child = spawn('node', ['scripts/run.mjs', 'sim/campaign/main.ts', ...flags], {
    cwd: projectRoot(),
    env: { ...process.env, VIVARIUM_COMMIT: KEY.commit },
  });
  children.push(child);
  return child;
}
const startWorker = (): ChildProcess => soak('work', '--jobs', '1', '--lock-ms', String(LOCK_MS), '--once');
const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.on('exit', (code) => resolve(code)));

test('a queue into which nobody has put anything is no campaign that passed', async () => {
  const collect = soak('collect', '--once');
  const exit = exitOf(collect);
  await said(collect, 'BROKEN: no seed was run, so nothing is known');
  expect(await exit).toBe(131);
  // Who waits is still waiting when something comes, as below.
  const collector = await Collector.of(settings);
  expect(await collector.collect()).toMatchObject({ submitted: [], missing: 0, parts: { done: 0, left: 0 } });
  await collector.close();
}, 120_000);

test('a worker that is killed loses no seed and doubles none', async () => {
  const submission = { key: KEY, range: SEEDS, partSize: PART, flown: [{ id: 'bird', seed: '1' }] };
  expect(await submit(settings, submission)).toBe(4);
  // The same again is nothing new.
  expect(await submit(settings, submission)).toBe(4);

  const out = join(dir, 'found.jsonl');
  const collect = soak('collect', '--out', out);
  const collected = exitOf(collect);
  const victim = startWorker();
  await said(victim, ' done');
  victim.kill('SIGKILL');
  const collector = await Collector.of(settings);
  try {
    const before = await collector.collect();
    // The part it had is still lent to it, and to nobody else.
    expect(before.parts.lent).toBe(1);
    expect(before.missing).toBeGreaterThan(0);

    const heir = startWorker();
    const ended = new Promise<number | null>((resolve) => heir.on('exit', resolve));
    expect(await ended).toBe(0);

    const { results, parts, errors, missing } = await collector.collect();
    expect({ parts, errors, missing }).toEqual({
      parts: { done: 4, failed: 0, left: 0, lent: 0 },
      errors: [],
      missing: 0,
    });
    // The canaries are those of whoever submitted.
    expect(results.flownAt(KEY.commit)).toEqual(submission.flown);
    // Row by row what one thread gives that runs them all.
    const alone = new Results();
    for (const seed of seedsOf(SEEDS)) alone.add(KEY, rowOf(runSeed(taskOf(KEY, seed))));
    expect(results.conflicts).toEqual([]);
    for (const each of submission.flown) alone.addFlown(KEY.commit, each);
    expect(results.toText()).toBe(alone.toText());
    expect(await collected).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(alone.toText());
  } finally {
    await collector.close();
  }
}, 120_000);
