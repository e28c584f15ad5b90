import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { FileAction } from '../../../core/io.ts';
import { SECTOR_BYTES } from '../../../sim/world/content.ts';
import { Disk } from '../../../sim/world/disk.ts';
import { bytesOf, textOf } from './puppet.ts';

const DIRECTORIES = ['data', 'log'];
const fill = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

function run(disk: Disk, ...actions: FileAction[]): void {
  for (const action of actions) {
    const result = disk.perform(action, disk.markOf(action), 0);
    if (!result.ok) throw new Error(`${action.kind} failed with ${result.error}`);
  }
}

const create = (path: string): FileAction => ({ kind: 'create', path });
const append = (path: string, bytes: Uint8Array | string): FileAction => ({
  kind: 'append',
  path,
  bytes: typeof bytes === 'string' ? bytesOf(bytes) : bytes,
});
const fsync = (path: string): FileAction => ({ kind: 'fsync', path });
const fsyncDir = (path: string): FileAction => ({ kind: 'fsyncDir', path });

function read(disk: Disk, path: string): string | null {
  const result = disk.perform({ kind: 'read', path, offset: 0, length: 1_000_000 }, 0, 0);
  return result.ok ? textOf(result.bytes!) : null;
}

/** What different power cuts of the same disk leave of a file. */
function fates(prepare: (disk: Disk) => void, path: string, count = 200): Map<string | null, number> {
  const seen = new Map<string | null, number>();
  for (let key = 0; key < count; key++) {
    const disk = new Disk(key * 7919, DIRECTORIES);
    prepare(disk);
    disk.powerCut('subset');
    const left = read(disk, path);
    seen.set(left, (seen.get(left) ?? 0) + 1);
  }
  return seen;
}

describe('a power cut', () => {
  it('keeps what was synced, file and name', () => {
    const left = fates((disk) => {
      run(disk, create('log/a'), append('log/a', 'hello'), fsync('log/a'), fsyncDir('log'));
      disk.powerCut('drawn');
      run(disk, append('log/a', ''), fsync('log/a'));
    }, 'log/a');
    expect([...left.keys()]).toEqual(['hello']);
  });

  it('may take the name of a file whose bytes are safe', () => {
    const left = fates((disk) => run(disk, create('log/a'), append('log/a', 'hello'), fsync('log/a')), 'log/a');
    expect(new Set(left.keys())).toEqual(new Set(['hello', null]));
  });

  it('may take the bytes of a file whose name is safe, or a part of them, but never what was synced before', () => {
    const durable = 'd'.repeat(SECTOR_BYTES);
    const left = fates((disk) => {
      run(disk, create('log/a'), append('log/a', durable), fsync('log/a'), fsyncDir('log'));
      run(disk, append('log/a', 'x'.repeat(4 * SECTOR_BYTES)));
    }, 'log/a');
    const tails = [...left.keys()].map((text) => {
      expect(text?.startsWith(durable)).toBe(true);
      return text!.slice(SECTOR_BYTES);
    });
    expect(tails).toContain('');
    expect(tails).toContain('x'.repeat(4 * SECTOR_BYTES));
    // A sector from the middle survives although one before it did not.
    const holed = tails.some((tail) => {
      const sectors = tail.match(/[\s\S]{1,512}/g) ?? [];
      const firstLost = sectors.findIndex((sector) => !/^x+$/.test(sector));
      return firstLost >= 0 && sectors.slice(firstLost + 1).some((sector) => /^x+$/.test(sector));
    });
    expect(holed).toBe(true);
    // Garbage: neither what was written nor zeros.
    expect(tails.some((tail) => /[^x\0]/.test(tail))).toBe(true);
  });

  it('never tears a sector that holds durable bytes', () => {
    const left = fates((disk) => {
      run(disk, create('log/a'), append('log/a', 'first '), fsync('log/a'), fsyncDir('log'), append('log/a', 'second'));
    }, 'log/a');
    // The file may have grown without its bytes: then zeros follow.
    const texts = [...left.keys()].map((text) => text!.replace(/\0+$/, ''));
    expect(new Set(texts)).toEqual(new Set(['first ', 'first second']));
  });

  it('tears one when it is asked to', () => {
    const left = fates((disk) => {
      run(disk, create('log/a'), append('log/a', 'first '), fsync('log/a'), fsyncDir('log'), append('log/a', 'second'));
      disk.tornNext = true;
    }, 'log/a');
    expect([...left.keys()].every((text) => !text!.startsWith('first '))).toBe(true);
  });

  it('keeps any subset of names, or a prefix when the file system is ordered', () => {
    const names = (nameLoss: 'subset' | 'ordered'): Set<string> => {
      const seen = new Set<string>();
      for (let key = 0; key < 200; key++) {
        const disk = new Disk(key * 104_729, DIRECTORIES);
        run(disk, create('log/a'), create('log/b'), create('log/c'));
        disk.powerCut(nameLoss);
        seen.add(disk.paths().join());
      }
      return seen;
    };
    expect(names('ordered')).toEqual(new Set(['', 'log/a', 'log/a,log/b', 'log/a,log/b,log/c']));
    expect(names('subset').size).toBe(8);
  });

  it('may bring a removed or renamed file back until the directory is synced', () => {
    const prepare = (disk: Disk): void => {
      run(disk, create('data/e.tmp'), append('data/e.tmp', 'new'), fsync('data/e.tmp'));
      run(disk, create('data/e'), append('data/e', 'old'), fsync('data/e'), fsyncDir('data'));
      run(disk, { kind: 'rename', from: 'data/e.tmp', to: 'data/e' });
    };
    expect(new Set(fates(prepare, 'data/e').keys())).toEqual(new Set(['old', 'new']));
    const synced = fates((disk) => {
      prepare(disk);
      run(disk, fsyncDir('data'));
    }, 'data/e');
    expect([...synced.keys()]).toEqual(['new']);
    const removed = fates((disk) => {
      run(disk, create('log/a'), fsync('log/a'), fsyncDir('log'), { kind: 'remove', path: 'log/a' });
    }, 'log/a');
    expect(new Set(removed.keys())).toEqual(new Set(['', null]));
  });

  it('may bring a cut tail back until the file is synced', () => {
    const prepare = (disk: Disk): void => {
      run(disk, create('log/a'), append('log/a', 'keep cut'), fsync('log/a'), fsyncDir('log'));
      run(disk, { kind: 'truncate', path: 'log/a', size: 4 });
    };
    expect(new Set(fates(prepare, 'log/a').keys())).toEqual(new Set(['keep', 'keep cut']));
    const synced = fates((disk) => {
      prepare(disk);
      run(disk, fsync('log/a'));
    }, 'log/a');
    expect([...synced.keys()]).toEqual(['keep']);
  });

  it('takes a directory that was never synced, with everything in it', () => {
    const prepare = (disk: Disk): void =>
      run(disk, { kind: 'mkdir', path: 'log/version-2' }, create('log/version-2/a'), fsyncDir('log/version-2'));
    expect(new Set(fates(prepare, 'log/version-2/a').keys())).toEqual(new Set(['', null]));
    const synced = fates((disk) => {
      prepare(disk);
      run(disk, fsyncDir('log'));
    }, 'log/version-2/a');
    expect([...synced.keys()]).toEqual(['']);
  });

  it('is the same one for the same disk, and another the next time', () => {
    const cut = (key: number): string => {
      const disk = new Disk(key, DIRECTORIES);
      run(disk, create('log/a'), fsyncDir('log'), append('log/a', fill(50 * SECTOR_BYTES, 1)));
      disk.powerCut('drawn');
      return read(disk, 'log/a')!;
    };
    expect(cut(5)).toBe(cut(5));
    expect(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(cut)).size).toBeGreaterThan(2);
  });
});

describe('fsync', () => {
  it('covers what was written when it began, not what came while it ran', () => {
    const disk = new Disk(1, DIRECTORIES);
    run(disk, create('log/a'), fsyncDir('log'), append('log/a', 'before'));
    const mark = disk.markOf(fsync('log/a'));
    run(disk, append('log/a', ' after'));
    disk.perform(fsync('log/a'), mark, 0);
    expect(textOf(disk.file('log/a')!.bytes)).toBe('before');
    const names = disk.markOf(fsyncDir('log'));
    run(disk, create('log/late'));
    disk.perform(fsyncDir('log'), names, 0);
    expect(disk.paths()).toEqual(['log/a']);
  });

  it('that failed leaves pages clean and lost: the next one repairs nothing', () => {
    let lost = 0;
    for (let key = 0; key < 40; key++) {
      const disk = new Disk(key, DIRECTORIES);
      run(disk, create('log/a'), fsyncDir('log'), append('log/a', fill(8 * SECTOR_BYTES, 120)));
      disk.fsyncFailed('log/a');
      expect(read(disk, 'log/a')).toBe('x'.repeat(8 * SECTOR_BYTES));
      run(disk, fsync('log/a'));
      if (textOf(disk.file('log/a')!.bytes) !== 'x'.repeat(8 * SECTOR_BYTES)) lost += 1;
    }
    expect(lost).toBeGreaterThan(10);
  });

  it('into the wrong place shows only after a power cut', () => {
    const disk = new Disk(3, DIRECTORIES);
    run(disk, create('data/old'), append('data/old', fill(2000, 111)), fsync('data/old'), fsyncDir('data'));
    run(disk, create('log/a'), fsyncDir('log'), append('log/a', 'new'));
    disk.fsyncMisdirected('log/a', disk.markOf(fsync('log/a')));
    expect(read(disk, 'log/a')).toBe('new');
    disk.powerCut('ordered');
    expect(read(disk, 'log/a')).toBe('\0\0\0');
    expect(read(disk, 'data/old')).toContain('new');
  });
});

describe('the durable image', () => {
  it('tells from where on a file has changed', () => {
    const disk = new Disk(1, DIRECTORIES);
    run(disk, create('log/a'), fsyncDir('log'), append('log/a', fill(1000, 1)));
    expect(disk.file('log/a')).toMatchObject({ size: 0, version: 0 });
    run(disk, fsync('log/a'));
    const first = disk.file('log/a')!.version;
    expect(disk.file('log/a')!.changedSince(0)).toBe(0);
    run(disk, append('log/a', fill(10, 2)), fsync('log/a'));
    expect(disk.file('log/a')!.changedSince(first)).toBe(1000);
    const second = disk.file('log/a')!.version;
    run(disk, { kind: 'write', path: 'log/a', offset: 300, bytes: fill(4, 3) }, fsync('log/a'));
    expect(disk.file('log/a')!.changedSince(second)).toBe(300);
    expect(disk.file('log/a')!.changedSince(first)).toBe(300);
    expect(disk.file('log/a')!.changedSince(disk.file('log/a')!.version)).toBe(Number.POSITIVE_INFINITY);
    run(disk, fsync('log/a'));
    expect(disk.file('log/a')!.version).toBe(second + 1);
  });

  it('shows preallocated zeros as size without bytes', () => {
    const disk = new Disk(1, DIRECTORIES);
    run(disk, create('log/a'), fsyncDir('log'), { kind: 'truncate', path: 'log/a', size: 65_536 }, fsync('log/a'));
    run(disk, { kind: 'write', path: 'log/a', offset: 0, bytes: bytesOf('entry') }, fsync('log/a'));
    expect(disk.file('log/a')).toMatchObject({ size: 65_536, bytes: bytesOf('entry') });
    expect(read(disk, 'log/a')).toHaveLength(65_536);
  });

  it('can be copied, wiped and put back', () => {
    const disk = new Disk(1, DIRECTORIES);
    run(disk, create('log/a'), append('log/a', 'one'), fsync('log/a'), fsyncDir('log'));
    const old = disk.durableCopy();
    run(disk, append('log/a', ' two'), fsync('log/a'), create('log/b'));
    expect(disk.image().files.map(({ path }) => path)).toEqual(['log/a', 'log/b']);
    disk.format(DIRECTORIES);
    expect(disk.paths()).toEqual([]);
    disk.install(old);
    expect(read(disk, 'log/a')).toBe('one');
    expect(textOf(disk.file('log/a')!.bytes)).toBe('one');
  });

  it('loses one bit of a closed file to rot, and of no other', () => {
    const disk = new Disk(1, DIRECTORIES);
    run(disk, create('log/a'), append('log/a', fill(100, 0)), fsync('log/a'), fsyncDir('log'));
    run(disk, create('log/b'), append('log/b', fill(100, 0)));
    expect(disk.closedFiles(10)).toEqual(['log/a']);
    disk.flipBit('log/a');
    const set = disk.file('log/a')!.bytes.filter((byte) => byte !== 0);
    expect(set).toHaveLength(1);
    expect(Math.log2(set[0]!) % 1).toBe(0);
  });
});

describe('an operation', () => {
  it('fails as the system call would', () => {
    const disk = new Disk(1, DIRECTORIES);
    const error = (action: FileAction): string => {
      const result = disk.perform(action, 0, 0);
      return result.ok ? 'ok' : result.error;
    };
    expect(error(create('log/a'))).toBe('ok');
    expect(error(create('log/a'))).toBe('EEXIST');
    expect(error(create('nowhere/a'))).toBe('ENOENT');
    expect(error(append('log/z', 'x'))).toBe('ENOENT');
    expect(error({ kind: 'rename', from: 'log/z', to: 'log/y' })).toBe('ENOENT');
    expect(error(fsyncDir('nowhere'))).toBe('ENOENT');
    expect(disk.perform({ kind: 'list', path: 'nowhere' }, 0, 0)).toEqual({ ok: true, entries: [] });
  });

  it('on a full disk writes what fits', () => {
    const disk = new Disk(1, DIRECTORIES);
    disk.capacityBytes = 10;
    run(disk, create('log/a'), append('log/a', '1234567'));
    expect(disk.perform(append('log/a', 'abcdef'), 0, 0)).toEqual({ ok: false, error: 'ENOSPC' });
    expect(read(disk, 'log/a')).toBe('1234567abc');
  });
});

/** Random operations on one file: after a sync and a power cut the file is exactly what the process saw at the sync. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    size: fc.nat({ max: 1500 }),
    value: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({
    kind: fc.constant('write' as const),
    size: fc.nat({ max: 900 }),
    value: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('truncate' as const), size: fc.nat({ max: 3000 }), value: fc.constant(0) }),
  fc.record({ kind: fc.constant('cut' as const), size: fc.constant(0), value: fc.constant(0) }),
);

test.prop([fc.array(step, { maxLength: 25 }), fc.nat()])('what was synced survives every power cut', (steps, key) => {
  const disk = new Disk(key, DIRECTORIES);
  run(disk, create('log/a'), fsyncDir('log'));
  for (const { kind, size, value } of steps) {
    if (kind === 'append') run(disk, append('log/a', fill(size, value)));
    else if (kind === 'write') run(disk, { kind, path: 'log/a', offset: size * 2, bytes: fill(size, value) });
    else if (kind === 'truncate') run(disk, { kind, path: 'log/a', size });
    else disk.powerCut('drawn');
  }
  const seen = read(disk, 'log/a');
  run(disk, fsync('log/a'));
  disk.powerCut('drawn');
  expect(read(disk, 'log/a')).toBe(seen);
  disk.powerCut('drawn');
  expect(read(disk, 'log/a')).toBe(seen);
});
