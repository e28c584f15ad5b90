/** Threads that die, seeds that do not end and steps that throw: each is a row, and the campaign goes on. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { taskOf } from '../../sim/campaign/local.ts';
import { type CampaignKey, lineOf, readResults, rowOf } from '../../sim/campaign/results.ts';
import { applyEdit, bundleRewritten, type Edit } from '../../sim/campaign/rewrite.ts';
import type { SeedResult } from '../../sim/campaign/seed.ts';
import { campaign, startThreads } from '../../sim/campaign/threads.ts';
import { hashOfSources } from '../../sim/cli/commit.ts';
import { projectRoot } from '../mutants/catalog.ts';

const SMALL = { nodes: 1, clients: 1, duration: 400, settle: 20_000 };
/** Far more than such a seed takes on a machine with other things to do; whoever waits for it uses no CPU. */
const LIMIT_MS = 12_000;
const KEY: CampaignKey = { commit: 'test', profile: 'calm', options: SMALL };

/** What goes wrong with which seed. */
const EDITS: readonly Edit[] = [
  {
    file: 'sim/campaign/seed.ts',
    find: '  const started = performance.now();\n',
    replace: `  const started = performance.now();
  if (task.seed === '1') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (task.seed === '2') process.exit(3);
  if (task.seed === '4') setImmediate(() => { throw new RangeError('odd'); });
`,
  },
  {
    file: 'core/request/connection.ts',
    find: '  const bytes = encodeReply(request.cxid, answer.zxid, answer.err, answer.body);\n',
    replace: `  if (request.cxid === 3) throw new TypeError('no such thing');
  const bytes = encodeReply(request.cxid, answer.zxid, answer.err, answer.body);
`,
  },
];

let dir: string;
const bundled = async (name: string, entry: string, edits: readonly Edit[]): Promise<string> => {
  const outfile = join(projectRoot(), '.build', `threads-${name}-${process.pid}.mjs`);
  await bundleRewritten({
    root: projectRoot(),
    entry,
    outfile,
    rewrite: (file, text) => {
      const own = edits.filter((edit) => edit.file === file);
      return own.length === 0 ? null : own.reduce((changed, edit) => applyEdit(name, changed, edit), text);
    },
  });
  files.push(outfile);
  return outfile;
};
const files: string[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'threads-'));
});
afterAll(() => {
  for (const file of files) rmSync(file, { force: true });
  rmSync(dir, { recursive: true });
});

test('a dead thread and a seed without end are rows, in their place', async () => {
  const module = pathToFileURL(await bundled('broken', 'sim/campaign/thread.ts', EDITS.slice(0, 1)));
  const tasks = [1, 2, 3, 4, 5].map((seed) => taskOf(KEY, seed));
  const results: SeedResult[] = [];
  await campaign(tasks, 2, (result) => results.push(result), { module, limitMs: LIMIT_MS });
  const said = results.map((result) => [result.seed, result.verdict, result.violations[0]?.message ?? '']);
  expect(said.slice(0, 3)).toEqual([
    ['1', 'timeout', 'it had not ended within the limit of wall time; a faster machine may end it'],
    ['2', 'died', 'its thread died: exit 3'],
    ['3', 'ok', ''],
  ]);
  // The result of 4 may be on its way when its thread dies; then it is 5 that the thread had begun.
  for (const [seed, verdict, message] of said.slice(3))
    if (verdict !== 'ok') expect([seed, verdict, message]).toEqual([seed, 'died', 'its thread died: RangeError: odd']);
  expect(said.map(([seed]) => seed)).toEqual(['1', '2', '3', '4', '5']);
}, 120_000);

test('threads that do nothing but die end the campaign with what they died of', async () => {
  const module = join(dir, 'dies.mjs');
  writeFileSync(module, "throw new Error('no heap at all');\n");
  const threads = startThreads(2, { module: pathToFileURL(module) });
  const asked = Array.from({ length: 40 }, (_, seed) => threads.run(taskOf(KEY, seed)));
  const ended = await Promise.allSettled(asked);
  await threads.close();
  const failed = ended.filter((each) => each.status === 'rejected');
  expect(failed.length).toBeGreaterThan(0);
  expect(String(failed[0]!.reason)).toContain('threads died and none gave a result: Error: no heap at all');
}, 120_000);

test('a crash is the same row in every bundle, with a source map and without, and the campaign ends with 127', async () => {
  const small: Edit = {
    file: 'sim/campaign/command.ts',
    find: '  options: {},\n',
    replace: `  options: ${JSON.stringify(SMALL)},\n`,
  };
  const [main, thread] = [
    await bundled('main', 'sim/campaign/main.ts', [...EDITS, small]),
    await bundled('thread', 'sim/campaign/thread.ts', EDITS.slice(1)),
  ];
  const threads = startThreads(1, { module: pathToFileURL(thread) });
  const row = rowOf(await threads.run(taskOf(KEY, 3)));
  await threads.close();
  expect(row).toMatchObject({ verdict: 'crash', failure: { reason: 'TypeError: no such thing' } });
  expect(row.failure!.message).toMatch(/TypeError: no such thing, in [\w#]+ < [\w# <]+$/);
  expect(row.failure!.message).not.toMatch(/\.(mjs|ts)|[\\/]/);

  const out = join(dir, 'out.jsonl');
  const flags = ['--seeds', '2..3', '--profile', 'calm', '--no-canaries', '--out', out];
  const soak = (): number | null =>
    spawnSync('node', [main, ...flags, '--jobs', '2'], { env: { ...process.env, VIVARIUM_COMMIT: 'test' } }).status;
  expect(soak()).toBe(127);
  const { rows } = readResults(readFileSync(out, 'utf8')).campaigns()[0]!;
  expect(rows.map(({ seed, verdict }) => [seed, verdict])).toEqual([
    ['2', 'died'],
    ['3', 'crash'],
  ]);
  expect(lineOf(rows[1]!)).toBe(lineOf(row));
}, 120_000);

test('changed sources have a name that hangs on every file', () => {
  for (const folder of ['core', 'sim']) mkdirSync(join(dir, folder));
  const write = (file: string, text: string): void => writeFileSync(join(dir, file), text);
  write('package-lock.json', '{}');
  write('core/a.ts', 'a');
  write('sim/b.ts', 'b');
  const before = hashOfSources(dir);
  expect(hashOfSources(dir)).toBe(before);
  const hashes = new Set([before]);
  for (const [file, text] of [
    ['core/a.ts', 'A'],
    ['sim/c.ts', ''],
    ['package-lock.json', '{ }'],
  ] as const) {
    write(file, text);
    hashes.add(hashOfSources(dir));
  }
  expect(hashes.size).toBe(4);
  expect(before).toMatch(/^[0-9a-f]{12}$/);
});
