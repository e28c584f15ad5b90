import { describe, expect, it } from 'vitest';
import { encodeRecords, LOG_HEADER_SIZE, paddedSize, parseRecord, recordSize } from '../../../core/storage/log-file.ts';
import { SnapshotFileWriter } from '../../../core/storage/snapshot-file.ts';
import { storeAppend, storeReadRange } from '../../../core/storage/store.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { asSession, asZxid, type SessionId } from '../../../core/types.ts';
import { concat, fromHex } from '../../../core/wire/bytes.ts';
import { Code, Op } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { decodeTxn, encodeTxn } from '../../../core/wire/txn-codec.ts';
import { type Files, golden, goldenJson, image } from './files.ts';
import { applyEntry, type Machine, MemoryDisk, recover, TEST_CONFIG } from './machine.ts';

interface RecordedNode {
  readonly data: string | null;
  readonly acl: readonly { perms: number; scheme: string; id: string }[];
  readonly stat: Readonly<Record<string, number | string>>;
  readonly children: readonly string[];
}
type RecordedTree = Readonly<Record<string, RecordedNode>>;

/** The tree in the words of the recordings. */
function describeTree(tree: DataTree): RecordedTree {
  const nodes: Record<string, RecordedNode> = {};
  for (const path of tree.paths()) {
    const node = tree.get(path)!;
    const { ephemeralOwner, ...stat } = node.stat;
    nodes[path] = {
      data: node.data === null ? null : Buffer.from(node.data).toString('base64'),
      acl: node.acl.map(({ perms, id }) => ({ perms, scheme: id.scheme, id: id.id })),
      stat: { ...stat, ephemeralOwner: `0x${BigInt.asUintN(64, ephemeralOwner).toString(16)}` },
      children: tree.children(path).sort(),
    };
  }
  return nodes;
}

/** In one order; Java lists children in hash order. */
function recorded(nodes: RecordedTree): RecordedTree {
  return Object.fromEntries(
    Object.entries(nodes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, node]) => [path, { ...node, children: [...node.children].sort() }]),
  );
}

/** Recovers and applies the whole history. */
function recoveredTree(files: Files, config = TEST_CONFIG): { machine: Machine; tree: DataTree } {
  const machine = recover(MemoryDisk.of(files), config);
  machine.applyTo(machine.heap.log.last);
  return { machine, tree: machine.heap.tree };
}

interface Expected {
  readonly treeBeforeKill: RecordedTree;
  readonly recovered: {
    readonly srvr: readonly string[];
    readonly log: readonly string[];
    readonly dump: readonly string[];
  };
}

describe('recorded data directories recover to the recorded tree', () => {
  for (const name of ['plain', 'gz', 'snappy', 'nodigest']) {
    it(name, () => {
      const expected = goldenJson<Expected>(`${name}/expected.json`);
      const { machine, tree } = recoveredTree(image(name));
      expect(machine.recovery).toMatchObject({
        snapshotZxid: 0xc6,
        lastZxid: 0xe3,
        acceptedEpoch: 0,
        currentEpoch: 0,
        mustResync: false,
        empty: false,
        notes: [],
      });
      expect(recorded(describeTree(tree))).toEqual(recorded(expected.treeBeforeKill));
      const digest = /digest is (\d+)/.exec(expected.recovered.log.join('\n'))?.[1];
      if (name !== 'nodigest') expect(tree.digest()).toBe(BigInt(digest!));
      expect(`Node count: ${tree.nodeCount}`).toBe(expected.recovered.srvr[1]);
      const sessions = expected.recovered.dump
        .filter((line) => line.startsWith('\t0x'))
        .map((line) => BigInt(line.trim()));
      expect([...tree.sessions.keys()].sort()).toEqual(sessions.sort());
    });

    it(`${name}, at its snapshot`, () => {
      const expected = goldenJson<{ readonly tree: RecordedTree }>(`${name}/expected-at-snapshot.json`);
      const { heap } = recover(MemoryDisk.of(image(name)));
      expect(recorded(describeTree(heap.tree))).toEqual(recorded(expected.tree));
    });
  }

  it('ensemble', () => {
    const files = image('ensemble');
    const { machine, tree } = recoveredTree(files);
    expect(machine.recovery).toMatchObject({
      snapshotZxid: 0x1_0000_0010,
      lastZxid: 0x2_0000_0002,
      acceptedEpoch: 2,
      currentEpoch: 2,
      mustResync: false,
      notes: [],
    });
    const last = lines('ensemble/txns.jsonl').at(-1)!;
    expect(tree.digest()).toBe(BigInt(last.digest!.treeDigest));
    expect(Buffer.from(tree.get('/zookeeper/config')!.data!).toString()).toBe(last.txn.data);
    // Nothing but the mark is added to a sound directory.
    const after = machine.disk.files();
    expect([...after.keys()].filter((path) => !files.has(path))).toEqual(['log/version-2/promised']);
    for (const [path, bytes] of files) expect(Buffer.compare(after.get(path)!, bytes)).toBe(0);
  });

  it('the digest after every entry is the recorded one', () => {
    const { heap } = recover(MemoryDisk.of(image('plain')));
    for (let i = 0; i < heap.log.length; i++) {
      const entry = heap.log.get(i);
      applyEntry(heap.tree, entry);
      const decoded = decodeTxn(entry.bytes);
      if (decoded.ok && decoded.value.digest !== null) expect(heap.tree.digest()).toBe(decoded.value.digest.treeDigest);
    }
  });
});

describe('an entry with the number of the one before it', () => {
  /** The recorded log, each record followed by one of the same number. */
  function doubled(type: number, txn: Txn): Files {
    const files = new Map(image('plain'));
    const whole = files.get(LOG)!;
    const pieces: Uint8Array[] = [whole.slice(0, LOG_HEADER_SIZE)];
    let at = LOG_HEADER_SIZE;
    for (let record = parseRecord(whole, at, true); record.kind === 'record'; record = parseRecord(whole, at, true)) {
      const { zxid } = record.entry;
      const header = { clientId: 0n as SessionId, cxid: 1, zxid, time: 1, type };
      pieces.push(
        whole.slice(at, record.next),
        encodeRecords([{ zxid, bytes: encodeTxn(header, txn, null) }], { header: false }),
      );
      at = record.next;
    }
    files.set(LOG, concat([...pieces, whole.slice(at)]));
    return files;
  }
  const LOG = 'log/version-2/log.c7';

  it('is passed over when it refuses something: it changes nothing', () => {
    const files = doubled(Op.error, { kind: 'error', err: Code.MARSHALLINGERROR });
    const { machine, tree } = recoveredTree(files);
    expect(machine.recovery).toMatchObject({ snapshotZxid: 0xc6, lastZxid: 0xe3, mustResync: false, notes: [] });
    const plain = recoveredTree(image('plain')).tree;
    expect(tree.digest()).toBe(plain.digest());
    expect(recorded(describeTree(tree))).toEqual(recorded(describeTree(plain)));
    const range = { after: asZxid(0xc8), upTo: asZxid(0xe3), bytesMax: 1e6 };
    const token = storeReadRange(machine.store, machine.heap, machine.io, range);
    machine.settle();
    const read = machine.events.at(-1);
    expect(read).toMatchObject({ type: 'rangeRead', token });
    const zxids = read?.type === 'rangeRead' ? read.entries?.map(({ zxid }) => zxid) : null;
    expect(zxids).toEqual(Array.from({ length: 0xe3 - 0xc8 }, (_, i) => 0xc9 + i));
  });

  it('is no history when it does something', () => {
    const { recovery } = recover(MemoryDisk.of(doubled(Op.closeSession, { kind: 'closeSession', paths: null })));
    expect(recovery).toMatchObject({ mustResync: true, notes: ['log.c7: entry 0xc7 stands behind 0xc7'] });
  });
});

interface TxnLine {
  readonly file?: string;
  readonly off?: number;
  readonly zxid: number;
  readonly txn: { readonly data?: string };
  readonly digest?: { readonly treeDigest: number | string };
}

function lines(path: string): TxnLine[] {
  return new TextDecoder()
    .decode(golden(path))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TxnLine);
}

describe('files that we write are the files Java writes', () => {
  it('log.1 of the plain image, from its entries, with its padding', () => {
    const original = golden('plain/version-2/log.1');
    const withoutSnapshots = image('plain');
    withoutSnapshots.delete('data/version-2/snapshot.c6');
    withoutSnapshots.delete('log/version-2/log.c7');
    const { heap } = recover(MemoryDisk.of(withoutSnapshots));
    expect(heap.log.length).toBe(0xc6);

    const writer = recover(new MemoryDisk(), { ...TEST_CONFIG, preAllocSizeKb: 16, maxBatchSize: 7 });
    for (let i = 0; i < heap.log.length; i++) {
      const { zxid, bytes } = heap.log.get(i);
      storeAppend(writer.store, writer.heap, writer.io, { zxid, bytes });
      if (i % 5 === 0) writer.settle();
    }
    writer.settle();
    expect(Buffer.compare(writer.disk.files().get('log/version-2/log.1')!, original)).toBe(0);
    expect(writer.events.at(-1)).toEqual({ type: 'durable', zxid: 0xc6 });
  });

  it('the snapshots of the plain, nodigest and ensemble images, loaded and written again', () => {
    for (const [path, zxid] of [
      ['plain/version-2/snapshot.0', 0],
      ['plain/version-2/snapshot.c6', 0xc6],
      ['nodigest/version-2/snapshot.c6', 0xc6],
      ['ensemble/version-2/snapshot.100000010', 0x1_0000_0010],
    ] as const) {
      const files: Files = new Map([[`data/version-2/snapshot.${zxid.toString(16)}`, golden(path)]]);
      const { heap } = recover(MemoryDisk.of(files));
      const digest = !path.startsWith('nodigest');
      expect(Buffer.compare(snapshotBytes(heap.tree, { digest, lastProcessed: false }), golden(path))).toBe(0);
    }
  });

  it('the log entry and the snapshot of the test vector', () => {
    const entry = fromHex(
      '01000000000000010000000100000000000000020000018bcfe5680100000001000000062f68656c6c6f00000005776f726c64000000010000001f00000005776f726c6400000006616e796f6e6500000000010000000200000000d36dc2b2',
    )!;
    const record = encodeRecords([{ zxid: asZxid(2), bytes: entry }], { header: false });
    expect(Buffer.from(record.subarray(0, 12)).toString('hex')).toBe('0000000026b90eba0000005f');
    expect(record.length).toBe(recordSize({ zxid: asZxid(2), bytes: entry }));

    const tree = DataTree.fresh();
    tree.apply(
      { clientId: asSession(0x100000000000001n), cxid: 0, zxid: asZxid(1), time: 1_700_000_000_000, type: -10 },
      { kind: 'createSession', timeOut: 30_000 },
    );
    applyEntry(tree, { zxid: asZxid(2), bytes: entry });
    expect(tree.digest()).toBe(0xd36dc2b2n);
    const bytes = Buffer.from(snapshotBytes(tree, { digest: true, lastProcessed: false }));
    expect(bytes.length).toBe(591);
    expect(
      bytes.toString('hex').startsWith('5a4b534e00000002ffffffffffffffff0000000101000000000000010000753000000002'),
    ).toBe(true);
    expect(bytes.subarray(-33 - 13 - 5, -46 + 0).toString('hex')).toBe('000000012f');
    expect(bytes.subarray(-33, -13).toString('hex')).toBe('00000000000000020000000200000000d36dc2b2');
    // 3.9 appends its section and seals once more.
    const newer = Buffer.from(snapshotBytes(tree, { digest: true, lastProcessed: true }));
    expect(newer.subarray(0, 591).equals(bytes)).toBe(true);
    expect(newer.length).toBe(591 + 21);
    expect(newer.subarray(591, 599).toString('hex')).toBe('0000000000000002');
    expect(newer.subarray(-5).toString('hex')).toBe('000000012f');
  });

  it('padding grows in steps, early', () => {
    expect(paddedSize(16, 16, 16_384)).toBe(16_400);
    expect(paddedSize(12_303, 16_400, 16_384)).toBe(16_400);
    expect(paddedSize(12_304, 16_400, 16_384)).toBe(32_784);
    expect(paddedSize(40_000, 16_400, 16_384)).toBe(49_152);
    expect(paddedSize(40_000, 16_400, 0)).toBe(16_400);
  });
});

function snapshotBytes(tree: DataTree, options: { digest: boolean; lastProcessed: boolean }): Uint8Array {
  const writer = new SnapshotFileWriter(tree.openSnapshot(), { compression: 'none', ...options });
  const parts: Uint8Array[] = [];
  for (let bytes = writer.next(300); bytes !== null; bytes = writer.next(300)) parts.push(bytes);
  return new Uint8Array(Buffer.concat(parts));
}

// --- damage ----------------------------------------------------------------------------------------------------------

interface Make {
  readonly file: string;
  readonly patch?: readonly { readonly off: number; readonly to: number }[];
  readonly truncateTo?: number;
  readonly remove?: boolean;
}
interface Outcome {
  readonly starts: boolean;
  readonly srvr?: readonly string[];
  readonly make?: readonly Make[];
  readonly files?: readonly string[];
  readonly lastNodePresent?: boolean;
  readonly paths?: readonly string[];
}

/** The plain image, damaged in the recorded way. */
function damagedImage(name: string, outcome: Outcome): Files {
  const files = image('plain');
  const pathOf = (file: string): string => `${file.startsWith('log') ? 'log' : 'data'}/version-2/${file}`;
  for (const file of outcome.files ?? []) files.set(pathOf(file), golden(`damaged/${name}/${file}`));
  for (const { file, patch, truncateTo, remove } of outcome.make ?? []) {
    let bytes = files.get(pathOf(file))!.slice();
    for (const { off, to } of patch ?? []) bytes[off] = to;
    if (truncateTo !== undefined) bytes = bytes.slice(0, truncateTo);
    if (remove === true) files.delete(pathOf(file));
    else files.set(pathOf(file), bytes);
  }
  return files;
}

/** Ours beside Java's: `refuses` is Java's exit at start, and our `mustResync`. */
const OURS: Readonly<Record<string, 'refuses' | { readonly last: number; readonly notes: readonly string[] }>> = {
  // A flipped bit in what was whole once is damage, also in the last record: Java refuses, we ask for a full sync.
  'tail-corrupt': 'refuses',
  'tail-crc-field': 'refuses',
  'middle-corrupt': 'refuses',
  'bad-magic-log': 'refuses',
  'all-snapshots-corrupt': 'refuses',
  'no-snapshot': 'refuses',
  // What a power cut leaves of the last write.
  'tail-truncated': { last: 0xe2, notes: ['log.c7 ends in an unfinished write'] },
  'tail-cut-length': { last: 0xe2, notes: ['log.c7 ends in an unfinished write'] },
  'no-eor': { last: 0xe2, notes: ['log.c7 ends in an unfinished write'] },
  'exact-end': { last: 0xe3, notes: [] },
  // 3.8.0 does not start with an empty last log; 3.9 and we remove it.
  'empty-log': { last: 0xc6, notes: [] },
  'header-only-log': { last: 0xc6, notes: [] },
  // The older snapshot and a log that covers the newer one.
  'snapshot-corrupt': { last: 0xe3, notes: ['snapshot.c6 is not whole'] },
  'snapshot-truncated': { last: 0xe3, notes: ['snapshot.c6 is not whole'] },
  // Nothing in the directory speaks of more than the snapshot has. (With our mark it would: see recovery.test.ts.)
  'no-log': { last: 0xc6, notes: [] },
};

describe('recorded damage', () => {
  const outcomes = goldenJson<Record<string, Outcome>>('damaged/outcomes.json');

  it('every recorded kind has a defined outcome', () => {
    expect(Object.keys(OURS).sort()).toEqual(Object.keys(outcomes).sort());
  });

  for (const [name, outcome] of Object.entries(outcomes)) {
    const ours = OURS[name]!;
    it(`${name}: ${ours === 'refuses' ? 'must resync' : `recovers to 0x${ours.last.toString(16)}`}`, () => {
      const files = damagedImage(name, outcome);
      const { machine, tree } = recoveredTree(files);
      if (ours === 'refuses') {
        expect(outcome.starts).toBe(false);
        expect(machine.recovery.mustResync).toBe(true);
        // The evidence is left alone.
        for (const [path, bytes] of files) expect(Buffer.compare(machine.disk.files().get(path)!, bytes)).toBe(0);
        return;
      }
      expect(machine.recovery).toMatchObject({ mustResync: false, lastZxid: ours.last, notes: ours.notes });
      if (outcome.starts) {
        expect(outcome.srvr?.[0]).toBe(`Zxid: 0x${ours.last.toString(16)}`);
        expect([...tree.paths()].sort()).toEqual([...outcome.paths!].sort());
      }
      // What was cut off is gone for good, and a second start finds nothing to do.
      const again = recover(machine.disk);
      expect(again.recovery).toMatchObject({ lastZxid: ours.last, mustResync: false });
      expect(again.recovery.notes).toEqual(ours.notes.filter((note) => note.startsWith('snapshot')));
    });
  }
});
