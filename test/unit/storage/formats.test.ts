import { describe, expect, it } from 'vitest';
import { decodeEpoch, type EpochFile, repairEpochs } from '../../../core/storage/epochs.ts';
import {
  classifyTail,
  encodeRecords,
  isOneBitOff,
  parseLogHeader,
  parseRecord,
} from '../../../core/storage/log-file.ts';
import { decodeMark, encodeMark, MARK_SIZE } from '../../../core/storage/mark.ts';
import { compressionOf, isLeftover, logName, namedFiles, snapshotName } from '../../../core/storage/names.ts';
import { SnapshotFileWriter, SnapshotLoad } from '../../../core/storage/snapshot-file.ts';
import { TxnWindow } from '../../../core/storage/window.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { asZxid, ZXID_ZERO, type Zxid, zxidOf } from '../../../core/types.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { golden } from './files.ts';
import { applyEntry, createTxn, entryOf } from './machine.ts';
import { randomOf } from './memory-disk.ts';

const entry = (zxid: number, size = 40) => entryOf(asZxid(zxid), createTxn(`/n${zxid}`, new Uint8Array(size).fill(9)));

describe('names', () => {
  it('carry a zxid in hexadecimal', () => {
    expect(logName(zxidOf(1, 10))).toBe('log.10000000a');
    expect(snapshotName(asZxid(0), 'gz')).toBe('snapshot.0.gz');
    expect(compressionOf('snapshot.1.snappy')).toBe('snappy');
  });

  it('of other files are passed by', () => {
    const names = [
      'log.b',
      'log.a',
      'log.x',
      'log.',
      'log.1.gz',
      'log.1.bak',
      'snapshot.1',
      'promised',
      'log.ffffffffffffffff',
    ];
    const entries = names.map((name) => ({ name, size: 1 }));
    expect(namedFiles(entries, 'log').map(({ name }) => name)).toEqual(['log.a', 'log.b']);
    expect(namedFiles(entries, 'snapshot').map(({ zxid }) => zxid)).toEqual([1]);
  });

  it('of interrupted writes are known', () => {
    expect(['snapshot.1.tmp', 'install.2.gz.tmp', 'currentEpoch.tmp', 'acceptedEpoch.tmp'].every(isLeftover)).toBe(
      true,
    );
    expect(['log.1.tmp', 'x.tmp', 'snapshot.1', 'currentEpoch'].some(isLeftover)).toBe(false);
  });
});

describe('log records', () => {
  const record = encodeRecords([entry(5)], { header: false });

  it('read what was written, wherever the bytes end', () => {
    expect(parseRecord(record, 0, true)).toEqual({ kind: 'record', entry: entry(5), next: record.length });
    for (let size = 0; size < record.length; size++) {
      expect(parseRecord(record.subarray(0, size), 0, false).kind).toBe('more');
      // Up to four bytes of it are the zero half of the checksum: nothing was written, as far as one can see.
      expect(parseRecord(record.subarray(0, size), 0, true).kind).toBe(size <= 4 ? 'end' : 'bad');
    }
  });

  it('the header names the entry before the first', () => {
    const bytes = encodeRecords([entry(5)], { header: true, previous: asZxid(4) });
    expect(parseLogHeader(bytes)).toEqual({ kind: 'good', previous: 4 });
    expect(parseLogHeader(golden('plain/version-2/log.c7'))).toEqual({ kind: 'good', previous: null });
    expect(parseLogHeader(new Uint8Array(9)).kind).toBe('unwritten');
    expect(parseLogHeader(bytes.subarray(0, 9)).kind).toBe('bad');
  });

  it('any single flipped bit is seen to be one', () => {
    for (const size of [0, 3, 200]) {
      const whole = encodeRecords([entry(7, size)], { header: false });
      const padded = new Uint8Array(whole.length + 600);
      padded.set(whole);
      expect(isOneBitOff(padded)).toBe(false);
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const damaged = padded.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        expect(isOneBitOff(damaged), `bit ${bit}`).toBe(true);
        for (const marked of [true, false]) {
          expect(classifyTail({ bytes: damaged, dirtyBeyond: false, marked, isHeader: false })).toBe('damaged');
        }
      }
    }
  });

  it('in an entry longer than the modulus too', () => {
    const whole = encodeRecords([entry(7, 200_000)], { header: false });
    const random = randomOf(5);
    for (let i = 0; i < 40; i++) {
      const damaged = whole.slice();
      damaged[12 + Math.floor(random() * 200_000)]! ^= 1 << Math.floor(random() * 8);
      expect(isOneBitOff(damaged)).toBe(true);
    }
  });

  it('what a lost or garbled sector leaves is not taken for a flipped bit', () => {
    const random = randomOf(1);
    const whole = encodeRecords([entry(7, 3000)], { header: false });
    for (let i = 0; i < 300; i++) {
      const torn = whole.slice();
      const at = Math.floor(random() * 5) * 512;
      for (let j = at; j < at + 512; j++) torn[j] = i % 2 === 0 ? 0 : Math.floor(random() * 256);
      expect(classifyTail({ bytes: torn, dirtyBeyond: false, marked: true, isHeader: false })).toBe('torn');
    }
  });

  it('without a mark every doubt counts against the tail', () => {
    const verdict = (bytes: Uint8Array, dirtyBeyond = false): string =>
      classifyTail({ bytes, dirtyBeyond, marked: false, isHeader: false });
    const two = encodeRecords([entry(1), entry(2)], { header: false });
    const cut = record.slice();
    cut.fill(0, cut.length - 20);
    expect(verdict(new Uint8Array(700))).toBe('clean');
    expect(verdict(new Uint8Array(700), true)).toBe('damaged');
    expect(verdict(record.subarray(0, 30))).toBe('torn');
    expect(verdict(cut)).toBe('torn');
    // Its end arrived, so the middle was there.
    expect(verdict(record.map((byte, i) => (i > 40 && i < 60 ? 0 : byte)))).toBe('damaged');
    // The length says it goes on behind the end of the file, but another record stands there.
    expect(verdict(two.map((byte, i) => (i === 10 ? 0x77 : byte)))).toBe('damaged');
    // A length that no server writes.
    expect(verdict(two.map((byte, i) => (i === 8 ? 0x80 : i === 9 ? 0x33 : byte)))).toBe('damaged');
  });
});

describe('the mark', () => {
  const mark = { zxid: zxidOf(3, 7), acceptedEpoch: 4, currentEpoch: 3, config: zxidOf(3, 5) };

  it('reads what was written and nothing else', () => {
    const bytes = encodeMark(mark);
    expect(bytes.length).toBe(MARK_SIZE);
    expect(decodeMark(bytes)).toEqual(mark);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      // What was promised stands for itself.
      expect(decodeMark(damaged)).toEqual(bit >> 3 < 44 ? null : { ...mark, config: ZXID_ZERO });
    }
  });

  it('knows of no reconfiguration where it ends before it', () => {
    const bytes = encodeMark(mark);
    for (let size = 0; size < bytes.length; size++) {
      expect(decodeMark(bytes.slice(0, size))).toEqual(size < 44 ? null : { ...mark, config: ZXID_ZERO });
    }
    expect(decodeMark(Uint8Array.from([...bytes, 10]))).toBeNull();
    // As former versions wrote it.
    const former = utf8Encode('0000000300000007 00000004 00000003 75750672\n');
    expect(decodeMark(former)).toEqual({ ...mark, config: ZXID_ZERO });
  });
});

describe('epoch files', () => {
  it('hold a decimal number, perhaps with a line end', () => {
    const read = (text: string): EpochFile => decodeEpoch(utf8Encode(text));
    expect(read('2')).toEqual({ kind: 'value', epoch: 2 });
    expect(read(' 17\r\n')).toEqual({ kind: 'value', epoch: 17 });
    for (const text of ['', '-1', '2x', '0x2', '99999999999', '1 2', '\u0661'])
      expect(read(text).kind, text).toBe('damaged');
  });

  const value = (epoch: number): EpochFile => ({ kind: 'value', epoch });
  const missing: EpochFile = { kind: 'missing' };
  const damaged: EpochFile = { kind: 'damaged' };

  /** accepted, current, currentTmp, epoch of the history, witness -> accepted, current, damaged */
  const cases: readonly (readonly [
    EpochFile,
    EpochFile,
    EpochFile,
    number,
    readonly [number, number] | null,
    readonly [number, number, boolean],
  ])[] = [
    [missing, missing, missing, 0, null, [0, 0, false]],
    [missing, missing, missing, 4, null, [4, 4, false]],
    [value(5), value(4), missing, 4, null, [5, 4, false]],
    // The history is ahead of currentEpoch: ZOOKEEPER-1653, 2307.
    [value(5), value(4), missing, 5, null, [5, 5, false]],
    [value(5), value(4), value(5), 5, null, [5, 5, false]],
    [value(7), value(4), value(6), 5, null, [7, 6, false]],
    // An unfinished write that nothing calls for is no promise.
    [value(7), value(5), value(6), 5, null, [7, 5, false]],
    [value(5), value(4), damaged, 5, null, [5, 5, false]],
    // acceptedEpoch behind currentEpoch: ZOOKEEPER-4269.
    [value(3), value(4), missing, 4, null, [4, 4, false]],
    [missing, value(4), missing, 4, null, [4, 4, false]],
    [damaged, value(4), missing, 4, null, [4, 4, true]],
    [value(4), damaged, missing, 3, null, [4, 3, true]],
    // The witness knows better.
    [value(5), value(4), missing, 4, [5, 4], [5, 4, false]],
    [damaged, damaged, missing, 3, [5, 4], [5, 4, false]],
    [missing, missing, missing, 3, [5, 4], [5, 4, false]],
    [value(2), value(1), missing, 1, [5, 4], [5, 4, false]],
    [value(5), value(5), missing, 4, [5, 4], [5, 4, false]],
    [value(7), value(4), missing, 4, [5, 4], [7, 4, false]],
    // Another program went on.
    [value(7), value(7), missing, 4, [5, 4], [7, 7, false]],
    [value(6), value(6), missing, 6, [5, 4], [6, 6, false]],
    [value(6), value(4), missing, 6, [5, 4], [6, 6, false]],
  ];
  for (const [accepted, current, currentTmp, history, witness, expected] of cases) {
    const show = (file: EpochFile): string => (file.kind === 'value' ? String(file.epoch) : file.kind);
    const name = `${show(accepted)}/${show(current)}/${show(currentTmp)}, history ${history}, witness ${witness}`;
    it(name, () => {
      const [acceptedEpoch, currentEpoch, isDamaged] = expected;
      const known = witness === null ? null : { acceptedEpoch: witness[0], currentEpoch: witness[1] };
      expect(repairEpochs({ accepted, current, currentTmp }, history, known)).toEqual({
        acceptedEpoch,
        currentEpoch,
        damaged: isDamaged,
      });
    });
  }
});

describe('snapshot files', () => {
  const load = (bytes: Uint8Array, piece = 1000): DataTree | null => {
    const loading = new SnapshotLoad(asZxid(3), 'none');
    for (let at = 0; at < bytes.length; at += piece) loading.push(bytes.subarray(at, at + piece));
    return loading.finish();
  };
  const tree = DataTree.fresh();
  for (const zxid of [1, 2, 3]) applyEntry(tree, entry(zxid, 20));
  const write = (options: { digest: boolean; lastProcessed: boolean }): Uint8Array => {
    const writer = new SnapshotFileWriter(tree.openSnapshot(), { compression: 'none', ...options });
    return writer.next(1 << 20)!;
  };
  const variants = [true, false].flatMap((digest) => [true, false].map((lastProcessed) => ({ digest, lastProcessed })));

  it('hold any of the sections', () => {
    for (const options of variants) {
      for (const piece of [1, 7, 1000]) expect(load(write(options), piece)?.stateDigest()).toBe(tree.stateDigest());
    }
  });

  it('are refused with any bit flipped, any end missing, anything behind', () => {
    const bytes = write({ digest: true, lastProcessed: true });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      // The database id means nothing, but it is under the seal.
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(load(damaged), `bit ${bit}`).toBeNull();
    }
    const ends = variants.map((options) => write(options).length);
    for (let size = 0; size < bytes.length; size++) {
      if (!ends.includes(size)) expect(load(bytes.subarray(0, size)), `size ${size}`).toBeNull();
    }
    expect(load(Uint8Array.of(...bytes, 0))).toBeNull();
  });

  it('are refused when their digest is of another tree', () => {
    const writer = new SnapshotFileWriter(Object.assign(tree.openSnapshot(), { digest: 12345n }), {
      compression: 'none',
      digest: true,
      lastProcessed: false,
    });
    expect(load(writer.next(1 << 20)!)).toBeNull();
  });
});

describe('the window', () => {
  const at = (epoch: number, counter: number): Zxid => zxidOf(epoch, counter);
  const filled = (): TxnWindow => {
    const window = new TxnWindow(at(1, 2));
    for (const zxid of [at(1, 3), at(1, 4), at(2, 1), at(2, 2), at(4, 1)]) window.push(entry(zxid));
    return window;
  };

  it('finds entries and the places between them', () => {
    const window = filled();
    expect([window.base, window.last, window.length]).toEqual([at(1, 2), at(4, 1), 5]);
    expect([at(1, 3), at(2, 1), at(4, 1), at(1, 2), at(3, 1), at(9, 9)].map((zxid) => window.find(zxid))).toEqual([
      0, 2, 4, -1, -1, -1,
    ]);
    expect([at(1, 2), at(1, 3), at(3, 0), at(4, 1)].map((zxid) => window.firstAfter(zxid))).toEqual([0, 1, 4, 5]);
  });

  it('takes only what follows', () => {
    for (const zxid of [at(4, 1), at(4, 3), at(3, 1), at(5, 2), at(1, 5)]) {
      expect(() => filled().push(entry(zxid))).toThrow('entry does not follow the history');
    }
    filled().push(entry(at(4, 2)));
    filled().push(entry(at(5, 1)));
  });

  it('is cut at either end', () => {
    const window = filled();
    window.truncate(at(2, 1));
    expect([window.last, window.length]).toEqual([at(2, 1), 3]);
    window.trimBefore(at(1, 4), 0);
    expect([window.base, window.get(0).zxid, window.length]).toEqual([at(1, 4), at(2, 1), 1]);
    window.truncate(at(1, 4));
    expect([window.last, window.length]).toEqual([at(1, 4), 0]);
    const kept = filled();
    kept.trimBefore(at(4, 1), 3);
    expect([kept.base, kept.length]).toEqual([at(1, 4), 3]);
  });

  it('has a digest of what is in it, however it came there', () => {
    const window = filled();
    const digest = window.digest();
    window.push(entry(at(4, 2)));
    expect(window.digest()).not.toBe(digest);
    window.truncate(at(4, 1));
    expect(window.digest()).toBe(digest);
    const long = new TxnWindow(asZxid(0));
    for (let i = 1; i <= 2000; i++) long.push(entry(i, 1));
    long.trimBefore(asZxid(1990), 5);
    const short = new TxnWindow(asZxid(1990));
    for (let i = 1991; i <= 2000; i++) short.push(entry(i, 1));
    expect(long.digest()).toBe(short.digest());
    expect(long.find(asZxid(1995))).toBe(4);
  });
});
