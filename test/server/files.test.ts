import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FileAction, FileResult, Lane } from '../../core/io.ts';
import { Files } from '../../server/files.ts';

let root = '';
let troubles: string[] = [];
let files: Files;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vivarium-files-'));
  troubles = [];
  files = new Files({ dataDir: join(root, 'a'), dataLogDir: join(root, 'b') }, (message) => troubles.push(message));
});

afterEach(async () => {
  await files.close();
  rmSync(root, { recursive: true });
});

test('the two roots are two directories, and a lane keeps its order', async () => {
  const results = await Promise.all([
    run({ kind: 'mkdir', path: 'log/version-2' }),
    run({ kind: 'create', path: 'log/version-2/log.1' }),
    run({ kind: 'append', path: 'log/version-2/log.1', bytes: text('one') }),
    run({ kind: 'append', path: 'log/version-2/log.1', bytes: text('two') }),
    run({ kind: 'write', path: 'log/version-2/log.1', offset: 1, bytes: text('N') }),
    run({ kind: 'fsync', path: 'log/version-2/log.1' }),
    run({ kind: 'fsyncDir', path: 'log/version-2' }),
    run({ kind: 'list', path: 'log/version-2' }),
    run({ kind: 'read', path: 'log/version-2/log.1', offset: 2, length: 100 }),
  ]);
  const ok = { ok: true };
  const listed = { ok: true, entries: [{ name: 'log.1', size: 6 }] };
  expect(results).toEqual([ok, ok, ok, ok, ok, ok, ok, listed, { ok: true, bytes: text('etwo') }]);
  expect(readFileSync(join(root, 'b/version-2/log.1'), 'utf8')).toBe('oNetwo');
});

test('a renamed file is found under its new name only, also by other lanes', async () => {
  await run({ kind: 'mkdir', path: 'data' });
  await run({ kind: 'create', path: 'data/epoch.tmp' }, 'meta');
  await run({ kind: 'append', path: 'data/epoch.tmp', bytes: text('7') }, 'meta');
  expect(await read('data/epoch.tmp')).toBe('7');
  await run({ kind: 'rename', from: 'data/epoch.tmp', to: 'data/epoch' }, 'meta');
  expect(await read('data/epoch')).toBe('7');
  expect(await run({ kind: 'read', path: 'data/epoch.tmp', offset: 0, length: 9 }, 'read')).toEqual({
    ok: false,
    error: 'ENOENT',
  });
});

test('truncate cuts and extends with zeros; appends go behind', async () => {
  await run({ kind: 'mkdir', path: 'data' });
  await run({ kind: 'create', path: 'data/f' });
  await run({ kind: 'append', path: 'data/f', bytes: text('abcdef') });
  await run({ kind: 'truncate', path: 'data/f', size: 2 });
  await run({ kind: 'truncate', path: 'data/f', size: 4 });
  await run({ kind: 'append', path: 'data/f', bytes: text('x') });
  expect(await read('data/f')).toBe('ab\0\0x');
});

test('failures are answers, and only the unexpected ones are reported', async () => {
  expect(await run({ kind: 'fsync', path: 'data/none' })).toEqual({ ok: false, error: 'ENOENT' });
  expect(await run({ kind: 'list', path: 'data/none' })).toEqual({ ok: true, entries: [] });
  await run({ kind: 'mkdir', path: 'data' });
  await run({ kind: 'create', path: 'data/f' });
  expect(await run({ kind: 'create', path: 'data/f' })).toEqual({ ok: false, error: 'EEXIST' });
  expect(troubles).toEqual([]);
  expect(await run({ kind: 'append', path: 'data', bytes: text('x') })).toEqual({ ok: false, error: 'EIO' });
  expect(await run({ kind: 'remove', path: 'data/../../escape' })).toEqual({ ok: false, error: 'EIO' });
  expect(troubles).toHaveLength(2);
});

test('reading past the end allocates nothing and answers what there is', async () => {
  await run({ kind: 'mkdir', path: 'data' });
  await run({ kind: 'create', path: 'data/f' });
  const nothing = { ok: true, bytes: new Uint8Array(0) };
  expect(await run({ kind: 'read', path: 'data/f', offset: 10, length: 2 ** 40 })).toEqual(nothing);
});

function run(action: FileAction, lane: Lane = 'log'): Promise<FileResult> {
  return files.execute(lane, action);
}

async function read(path: string): Promise<string> {
  const result = await run({ kind: 'read', path, offset: 0, length: 1000 }, 'read');
  return result.ok ? Buffer.from(result.bytes ?? []).toString() : result.error;
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}
