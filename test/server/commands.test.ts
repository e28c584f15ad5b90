import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { asZxid } from '../../core/types.ts';
import { EventType } from '../../core/wire/opcodes.ts';
import { parseHosts } from '../../server/client.ts';
import { parseAcl, showAcl, showEvent, showStat, wordsOf } from '../../server/commands.ts';

test('a line is split into words, quotes keep spaces', () => {
  expect(wordsOf('create  "/quoted path" \'two words\'')).toEqual(['create', '/quoted path', 'two words']);
  expect(wordsOf('')).toEqual([]);
  expect(wordsOf('get "/open')).toBe(null);
});

test('ACLs are read and shown as zkCli.sh does, and distinguished names with commas too', () => {
  expect(parseAcl('world:anyone:cdrwa,digest:u:abc=:r')).toEqual([
    { perms: 31, id: { scheme: 'world', id: 'anyone' } },
    { perms: 1, id: { scheme: 'digest', id: 'u:abc=' } },
  ]);
  expect(parseAcl('auth::rw')).toEqual([{ perms: 3, id: { scheme: 'auth', id: '' } }]);
  expect(parseAcl('x509:CN=a,OU=b,C=DE:r,ip:10.0.0.0/8:w')).toEqual([
    { perms: 1, id: { scheme: 'x509', id: 'CN=a,OU=b,C=DE' } },
    { perms: 2, id: { scheme: 'ip', id: '10.0.0.0/8' } },
  ]);
  expect(() => parseAcl('nonsense')).toThrow('nonsense does not have the form scheme:id:perms');
  expect(() => parseAcl('world:anyone:q')).toThrow('unknown permission "q"');
  expect(showAcl({ perms: 31, id: { scheme: 'world', id: 'anyone' } })).toBe("'world,'anyone\n: cdrwa");
});

test('a Stat and an event look as zkCli.sh shows them', () => {
  const stat = {
    czxid: asZxid(2),
    mzxid: asZxid(0x100000011),
    ctime: Date.UTC(2026, 10, 22, 0, 46, 13),
    mtime: Date.UTC(2026, 10, 2, 0, 46, 17),
    version: 2,
    cversion: 9,
    aversion: 0,
    ephemeralOwner: -1n,
    dataLength: 5,
    numChildren: 9,
    pzxid: asZxid(14),
  };
  expect(showStat(stat).split('\n')).toEqual([
    'cZxid = 0x2',
    'ctime = Sun Nov 22 00:46:13 UTC 2026',
    'mZxid = 0x100000011',
    'mtime = Mon Nov 02 00:46:17 UTC 2026',
    'pZxid = 0xe',
    'cversion = 9',
    'dataVersion = 2',
    'aclVersion = 0',
    'ephemeralOwner = 0xffffffffffffffff',
    'dataLength = 5',
    'numChildren = 9',
  ]);
  expect(showEvent({ type: EventType.nodeDataChanged, path: '/a' })).toBe(
    '\nWATCHER::\n\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/a',
  );
});

test('a list of hosts', () => {
  expect(parseHosts('a:1,b:2/app')).toEqual({
    hosts: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
    chroot: '/app',
  });
  expect(parseHosts('[::1]:2281')).toEqual({ hosts: [{ host: '::1', port: 2281 }], chroot: '' });
  expect(parseHosts('zk')).toEqual({ hosts: [{ host: 'zk', port: 2181 }], chroot: '' });
  expect(parseHosts('a:1/')?.chroot).toBe('');
  for (const bad of ['', 'a:0', 'a:99999', 'a:x', 'a:1,,b:2', 'a:1//x']) expect(parseHosts(bad), bad).toBe(null);
});

test('mistakes on the command line are one clear line and exit 2', () => {
  expect(vivarium('--help')).toMatchObject({ status: 0, err: '' });
  expect(vivarium('frobnicate')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/^vivarium: unknown command.*\n$/),
  });
  expect(vivarium('cli', '--frob')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/^vivarium: unknown flag --frob.*\n$/),
  });
  expect(vivarium('cli', '--ca', '/nowhere.pem', 'ls', '/')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/^vivarium: CA file: .*nowhere.*\n$/),
  });
});

test('everything that is wrong with a zoo.cfg is said at once', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vivarium-cli-'));
  const path = join(dir, 'zoo.cfg');
  writeFileSync(path, `tickTime=often\ndataDir=${dir}\nsecureClientPort=2281\n`);
  const { status, err } = vivarium('serve', path);
  rmSync(dir, { recursive: true });
  expect(status).toBe(2);
  expect(err.trimEnd().split('\n')).toEqual([
    'vivarium: line 1: tickTime must be a whole number of at least 1, not "often"',
    'vivarium: line 3: secureClientPort needs ssl.keyStore.location',
  ]);
});

function vivarium(...args: string[]): { status: number | null; out: string; err: string } {
  const script = fileURLToPath(new URL('../../scripts/vivarium.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}
