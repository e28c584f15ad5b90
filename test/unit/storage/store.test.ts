import { createDraft, enableMapSet, finishDraft } from 'immer';
import { describe, expect, it } from 'vitest';
import type { FileAction, FileError } from '../../../core/io.ts';
import {
  type StoreState,
  snapshotDue,
  storeAppend,
  storeDeadline,
  storeDrain,
  storeFlush,
  storeInstall,
  storeMarkConfig,
  storeMarkedConfig,
  storeReadRange,
  storeSaveEpochs,
  storeSnapshot,
  storeStep,
  storeTick,
  storeTruncate,
} from '../../../core/storage/store.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { asZxid, ZXID_ZERO, type Zxid, zxidOf } from '../../../core/types.ts';
import { applyEntry, createTxn, entryOf, Machine, MemoryDisk, recover, TEST_CONFIG } from './machine.ts';
import { randomOf } from './memory-disk.ts';

const NO_PADDING = { ...TEST_CONFIG, preAllocSizeKb: 0 };
const data = (size: number): Uint8Array => new Uint8Array(size).fill(7);
const entry = (zxid: number, size = 10) => entryOf(asZxid(zxid), createTxn(`/n${zxid}`, data(size)));

/** What was asked for since `from`, one line each. */
function asked(machine: Machine, from = 0): string[] {
  return machine.asked.slice(from).map(({ action }) => describeAction(action));
}

function describeAction(action: FileAction): string {
  switch (action.kind) {
    case 'append':
      return `append ${action.path} ${action.bytes.length}`;
    case 'write':
      return `write ${action.path} @${action.offset} ${action.bytes.length}`;
    case 'rename':
      return `rename ${action.from} ${action.to}`;
    case 'truncate':
      return `truncate ${action.path} ${action.size}`;
    case 'read':
      return `read ${action.path} @${action.offset}`;
    default:
      return `${action.kind} ${action.path}`;
  }
}

function append(machine: Machine, ...zxids: number[]): void {
  for (const zxid of zxids) storeAppend(machine.store, machine.heap, machine.io, entry(zxid));
}

/** A machine on a fresh disk with these entries durable and applied. */
function running(zxids: readonly number[] = [], config = NO_PADDING): Machine {
  const machine = recover(new MemoryDisk(), config);
  append(machine, ...zxids);
  machine.settle();
  machine.applyTo(machine.heap.log.last);
  return machine;
}

function pass(machine: Machine, ms: number): void {
  machine.now = { ...machine.now, monoMs: machine.now.monoMs + ms };
  if ((storeDeadline(machine.store) ?? Number.POSITIVE_INFINITY) <= machine.now.monoMs) {
    storeTick(machine.store, machine.heap, machine.config, machine.io);
  }
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

describe('the first start', () => {
  it('creates the directories, a snapshot of the empty tree and the mark, in this order', () => {
    const machine = recover(new MemoryDisk());
    expect(asked(machine)).toEqual([
      'mkdir data/version-2',
      'mkdir log/version-2',
      'fsyncDir data',
      'fsyncDir log',
      'list data',
      'list data/version-2',
      'list log/version-2',
      'fsyncDir data/version-2',
      'create data/version-2/snapshot.0.tmp',
      'append data/version-2/snapshot.0.tmp 478',
      'fsync data/version-2/snapshot.0.tmp',
      'rename data/version-2/snapshot.0.tmp data/version-2/snapshot.0',
      'fsyncDir data/version-2',
      'fsyncDir log/version-2',
      'create log/version-2/promised',
      'write log/version-2/promised @0 70',
      'fsync log/version-2/promised',
      'fsyncDir log/version-2',
      'fsyncDir data/version-2',
    ]);
    expect(machine.recovery).toEqual({
      snapshotZxid: 0,
      lastZxid: 0,
      acceptedEpoch: 0,
      currentEpoch: 0,
      mustResync: false,
      empty: true,
      initializeFile: false,
      notes: [],
    });
  });

  it('writes nothing in an empty directory that nobody declared new', () => {
    const machine = recover(new MemoryDisk(), { ...TEST_CONFIG, dbAutocreate: false });
    expect(machine.recovery).toMatchObject({ mustResync: true, empty: true });
    expect([...machine.disk.files().keys()]).toEqual([]);
  });

  it('takes the initialize file as that declaration, and removes it last', () => {
    const disk = MemoryDisk.of([['data/initialize', data(0)]]);
    const machine = recover(disk, { ...TEST_CONFIG, dbAutocreate: false });
    expect(machine.recovery).toMatchObject({ mustResync: false, empty: true, initializeFile: true });
    expect(asked(machine).slice(-3)).toEqual(['remove data/initialize', 'fsyncDir data', 'fsyncDir data/version-2']);
    const again = recover(disk, { ...TEST_CONFIG, dbAutocreate: false });
    expect(again.recovery).toMatchObject({ mustResync: false, empty: false, initializeFile: false });
  });
});

describe('group commit', () => {
  it('has one batch in flight and gathers the next meanwhile', () => {
    const machine = running();
    const from = machine.asked.length;
    append(machine, 1, 2);
    machine.flush();
    append(machine, 3);
    machine.flush();
    append(machine, 4, 5);
    machine.flush();
    const size = 12 + entry(1).bytes.length + 1;
    expect(asked(machine, from)).toEqual([
      'create log/version-2/log.1',
      `write log/version-2/log.1 @0 ${16 + 2 * size}`,
      'fsync log/version-2/log.1',
      'fsyncDir log/version-2',
    ]);
    machine.settle();
    expect(asked(machine, from + 4)).toEqual([
      `write log/version-2/log.1 @${16 + 2 * size} ${3 * size}`,
      'fsync log/version-2/log.1',
    ]);
    expect(machine.events.slice(1)).toEqual([
      { type: 'durable', zxid: 2 },
      { type: 'durable', zxid: 5 },
    ]);
  });

  it('reports nothing before the last operation of the batch', () => {
    const machine = running();
    append(machine, 1);
    machine.flush();
    for (let i = 0; i < 3; i++) machine.stepOnce();
    expect(machine.events.length).toBe(1);
    machine.stepOnce();
    expect(machine.events.at(-1)).toEqual({ type: 'durable', zxid: 1 });
  });

  it('extends the file with one byte far ahead, and only when the end comes near', () => {
    const machine = recover(new MemoryDisk(), { ...TEST_CONFIG, preAllocSizeKb: 16 });
    append(machine, 1);
    machine.settle();
    append(machine, 2);
    machine.settle();
    const pads = asked(machine).filter((line) => line.startsWith('write log/version-2/log.1') && line.endsWith(' 1'));
    expect(pads).toEqual(['write log/version-2/log.1 @16399 1']);
    expect(machine.disk.files().get('log/version-2/log.1')!.length).toBe(16_400);
  });

  it('limits a batch by count and by size', () => {
    const machine = running([], { ...NO_PADDING, maxBatchSize: 3 });
    append(machine, 1, 2, 3, 4, 5, 6, 7);
    machine.settle();
    expect(machine.events.slice(1).map((event) => event.type === 'durable' && event.zxid)).toEqual([3, 6, 7]);
    const large = running();
    for (const zxid of [1, 2, 3]) storeAppend(large.store, large.heap, large.io, entry(zxid, 200_000));
    large.settle();
    expect(large.events.slice(1).map((event) => event.type === 'durable' && event.zxid)).toEqual([1, 2, 3]);
  });

  it('begins a new file after a start, after a snapshot and when the old one is large', () => {
    const machine = running(upTo(3));
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    append(machine, 4, 5);
    machine.settle();
    const again = recover(machine.disk, { ...NO_PADDING, txnLogSizeLimitKb: 1 });
    storeAppend(again.store, again.heap, again.io, entry(6, 2000));
    again.settle();
    append(again, 7);
    again.settle();
    const logs = [...again.disk.files().keys()].filter((path) => path.startsWith('log/version-2/log.'));
    expect(logs).toEqual(['log.1', 'log.4', 'log.6', 'log.7'].map((name) => `log/version-2/${name}`));
    expect(recover(again.disk).recovery).toMatchObject({ lastZxid: 7, snapshotZxid: 3, notes: [] });
  });
});

describe('failure is final', () => {
  const errors: readonly FileError[] = ['EIO', 'ENOSPC'];

  /** Does a bit of everything. */
  function everything(machine: Machine): void {
    if (machine.events[0]?.type !== 'recovered') return;
    append(machine, 1, 2, 3);
    storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 2, currentEpoch: 1 });
    machine.settle();
    machine.applyTo(asZxid(2));
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    pass(machine, 1000);
    machine.settle();
    storeTruncateIfReady(machine, 2);
    machine.settle();
    if (machine.store.phase.kind !== 'ready') return;
    machine.heap.tree = DataTree.fresh();
    applyEntry(machine.heap.tree, entry(zxidOf(3, 1)));
    storeInstall(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
  }

  function storeTruncateIfReady(machine: Machine, to: number): void {
    if (machine.store.phase.kind === 'ready')
      storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(to) });
  }

  it('of any operation but a read and a list while recovering', () => {
    const sound = recover(new MemoryDisk());
    everything(sound);
    const kinds = new Set<string>();
    for (let nth = 0; nth < sound.asked.length; nth++) {
      const { kind } = sound.asked[nth]!.action;
      kinds.add(kind);
      const disk = new MemoryDisk();
      let count = 0;
      disk.faults.push({ match: () => count++ === nth, error: errors[nth % 2]! });
      const machine = recover(disk);
      everything(machine);
      if (machine.events.at(-1)?.type !== 'failed') {
        expect(kind, `operation ${nth}`).toBe('read');
        continue;
      }
      // Nothing is asked for after the failure was heard of, and nothing is reported.
      const after = machine.asked.length;
      const before = machine.events.length;
      append(machine, 99);
      storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 9, currentEpoch: 9 });
      storeDrain(machine.store, machine.io, 'everything');
      machine.settle();
      expect(machine.asked.length).toBe(after);
      expect(machine.events.length).toBe(before);
    }
    expect([...kinds].sort()).toEqual([
      'append',
      'create',
      'fsync',
      'fsyncDir',
      'list',
      'mkdir',
      'read',
      'remove',
      'rename',
      'truncate',
      'write',
    ]);
  });

  it('a failed fsync does not count, and the next incarnation writes the entries again before it counts on them', () => {
    const machine = running(upTo(3));
    machine.disk.faults.push({ match: ({ kind, ...rest }) => kind === 'fsync' && 'path' in rest, error: 'EIO' });
    append(machine, 4, 5);
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'failed', error: 'EIO', path: 'log/version-2/log.1' });
    // The kernel calls the pages clean: a second fsync alone would do nothing.
    const again = recover(machine.disk);
    expect(again.recovery.lastZxid).toBe(5);
    machine.disk.powerCut(() => 0.9);
    expect(recover(machine.disk).recovery.lastZxid).toBe(5);
  });

  it('a completion of another incarnation is void', () => {
    const machine = running();
    append(machine, 1);
    machine.flush();
    const effect = machine.asked.at(-1)!;
    const stale = { type: 'fileDone', op: effect.op, generation: effect.generation - 1, result: { ok: true } } as const;
    expect(storeStep(machine.store, machine.heap, machine.config, machine.io, stale)).toEqual([]);
    expect(machine.notes.at(-1)?.code).toBe('storage.completion.stale');
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'durable', zxid: 1 });
  });
});

describe('truncation', () => {
  it('lowers the mark, removes later files newest first, each durably, then cuts', () => {
    const machine = running([1, 2]);
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    for (const zxid of [3, 4, 5, 6]) {
      append(machine, zxid);
      machine.settle();
      if (zxid === 4) machine.store.log.rollDue = true;
      if (zxid === 5) machine.store.log.rollDue = true;
    }
    pass(machine, 1000);
    machine.settle();
    const from = machine.asked.length;
    storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(3) });
    machine.settle();
    expect(asked(machine, from)).toEqual([
      'read log/version-2/log.3 @0',
      'write log/version-2/promised @0 70',
      'fsync log/version-2/promised',
      'remove log/version-2/log.6',
      'fsyncDir log/version-2',
      'remove log/version-2/log.5',
      'fsyncDir log/version-2',
      `truncate log/version-2/log.3 ${16 + 12 + entry(3).bytes.length + 1}`,
      'fsync log/version-2/log.3',
    ]);
    expect(machine.events.at(-1)).toEqual({ type: 'truncated', zxid: 3 });
    expect(machine.heap.log.last).toBe(3);
    // What comes next is another epoch, in a new file that names what it follows.
    append(machine, zxidOf(1, 1));
    machine.settle();
    expect(recover(machine.disk).recovery).toMatchObject({ lastZxid: zxidOf(1, 1), mustResync: false, notes: [] });
  });

  it('removes snapshots above the cut before any log', () => {
    const machine = running([1, 2, 3]);
    const other = running([1, 2, 3, 4]);
    storeSnapshot(other.store, other.heap, other.config, other.io);
    other.settle();
    append(machine, 4);
    machine.settle();
    // A snapshot of what was never committed, as upstream's leaders take it.
    const files = machine.disk.files();
    files.set('data/version-2/snapshot.4', other.disk.files().get('data/version-2/snapshot.4')!.slice(0, -1));
    const again = recover(MemoryDisk.of(files), NO_PADDING);
    expect(again.recovery).toMatchObject({ snapshotZxid: 0, lastZxid: 4, notes: ['snapshot.4 is not whole'] });
    const from = again.asked.length;
    storeTruncate(again.store, again.heap, again.io, { to: asZxid(2) });
    again.settle();
    const lines = asked(again, from).filter((line) => !line.includes('promised') && !line.startsWith('read'));
    expect(lines.slice(0, 2)).toEqual(['remove data/version-2/snapshot.4', 'fsyncDir data/version-2']);
    expect(lines[2]).toMatch(/^truncate log\/version-2\/log.1 /);
    expect(recover(again.disk).recovery).toMatchObject({ lastZxid: 2, notes: [] });
  });

  it('writes what is still queued below the cut, drops what is above it', () => {
    const machine = running([1]);
    append(machine, 2, 3);
    machine.flush();
    append(machine, 4, 5);
    storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(4) });
    machine.settle();
    expect(machine.events.slice(2)).toEqual([
      { type: 'durable', zxid: 3 },
      { type: 'durable', zxid: 4 },
      { type: 'truncated', zxid: 4 },
    ]);
    expect(recover(machine.disk).recovery.lastZxid).toBe(4);
  });
});

describe('installation of a received state', () => {
  function install(machine: Machine, zxid: Zxid): void {
    machine.heap.tree = DataTree.fresh();
    applyEntry(machine.heap.tree, entry(zxid));
    storeInstall(machine.store, machine.heap, machine.config, machine.io);
  }

  it('becomes true by one rename; the old history goes only then', () => {
    const machine = running(upTo(3));
    const from = machine.asked.length;
    install(machine, zxidOf(2, 7));
    machine.settle();
    const size = machine.disk.files().get('data/version-2/snapshot.200000007')!.length;
    expect(asked(machine, from)).toEqual([
      'create data/version-2/install.200000007.tmp',
      `append data/version-2/install.200000007.tmp ${size}`,
      'fsync data/version-2/install.200000007.tmp',
      'rename data/version-2/install.200000007.tmp data/version-2/install.200000007',
      'fsyncDir data/version-2',
      'write log/version-2/promised @0 70',
      'fsync log/version-2/promised',
      'remove log/version-2/log.1',
      'fsyncDir log/version-2',
      'fsyncDir data/version-2',
      'rename data/version-2/install.200000007 data/version-2/snapshot.200000007',
      'fsyncDir data/version-2',
    ]);
    expect(machine.events.at(-1)).toEqual({ type: 'installed', zxid: zxidOf(2, 7) });
    expect(machine.heap.log.base).toBe(zxidOf(2, 7));
  });

  it('what is appended meanwhile follows it', () => {
    const machine = running(upTo(3));
    append(machine, 4);
    machine.flush();
    install(machine, zxidOf(2, 7));
    append(machine, zxidOf(2, 8), zxidOf(2, 9));
    machine.settle();
    expect(machine.events.slice(2)).toEqual([
      { type: 'installed', zxid: zxidOf(2, 7) },
      { type: 'durable', zxid: zxidOf(2, 9) },
    ]);
    expect(recover(machine.disk).recovery).toMatchObject({ snapshotZxid: zxidOf(2, 7), lastZxid: zxidOf(2, 9) });
  });

  it('gives up a background snapshot that is under way', () => {
    const machine = running(upTo(3));
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.stepOnce();
    install(machine, zxidOf(2, 7));
    machine.settle();
    expect(machine.events.map(({ type }) => type)).toEqual(['recovered', 'durable', 'installed']);
    const names = [...machine.disk.files().keys()].filter((path) => path.includes('snapshot'));
    expect(names).toEqual(['data/version-2/snapshot.0', 'data/version-2/snapshot.200000007']);
  });

  it('is the way out of a history that is not proved', () => {
    const files = running(upTo(3)).disk.files();
    files.delete('log/version-2/log.1');
    files.delete('log/version-2/promised');
    files.set('data/version-2/snapshot.0', data(3));
    const machine = recover(MemoryDisk.of(files));
    expect(machine.recovery).toMatchObject({
      mustResync: true,
      notes: ['snapshot.0 is not whole', 'no snapshot is whole'],
    });
    storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 2, currentEpoch: 0 });
    machine.settle();
    install(machine, zxidOf(2, 7));
    machine.settle();
    append(machine, zxidOf(2, 8));
    machine.settle();
    expect(recover(machine.disk).recovery).toMatchObject({
      mustResync: false,
      lastZxid: zxidOf(2, 8),
      acceptedEpoch: 2,
      currentEpoch: 2,
    });
  });
});

describe('snapshots', () => {
  it('are written piece by piece, one piece in flight, of the moment they began', () => {
    const machine = running();
    for (const zxid of upTo(40)) storeAppend(machine.store, machine.heap, machine.io, entry(zxid, 20_000));
    machine.settle();
    machine.applyTo(asZxid(40));
    const digest = machine.heap.tree.stateDigest();
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    let appends = 0;
    for (let zxid = 41; machine.store.snapshot !== null; zxid++) {
      expect(machine.pendingCount).toBeLessThanOrEqual(1);
      const action = machine.asked.at(-1)!.action;
      if (action.kind === 'append') {
        appends += 1;
        expect(action.bytes.length).toBeLessThan(64 * 1024 + 21_000);
      }
      applyEntry(machine.heap.tree, entry(zxid, 30));
      machine.stepOnce();
    }
    expect(appends).toBeGreaterThan(10);
    expect(machine.events.at(-1)).toEqual({ type: 'snapshotDone', zxid: 40 });
    const again = recover(machine.disk);
    expect(again.recovery).toMatchObject({ snapshotZxid: 40, lastZxid: 40 });
    expect(again.heap.tree.stateDigest()).toBe(digest);
  });

  it('may be compressed', () => {
    const config = { ...NO_PADDING, snapshotCompression: 'gz' as const };
    const machine = running(upTo(30), config);
    storeSnapshot(machine.store, machine.heap, config, machine.io);
    machine.settle();
    const file = machine.disk.files().get('data/version-2/snapshot.1e.gz')!;
    expect([...file.subarray(0, 3)]).toEqual([0x1f, 0x8b, 8]);
    const again = recover(machine.disk, config);
    expect(again.recovery).toMatchObject({ snapshotZxid: 30, lastZxid: 30 });
    expect(again.heap.tree.stateDigest()).toBe(machine.heap.tree.stateDigest());
  });

  it('are due after between half and all of snapCount entries, and not while one is written', () => {
    const config = { ...NO_PADDING, snapCount: 100 };
    const machine = running([], config);
    let count = 0;
    while (!snapshotDue(machine.store, config)) append(machine, ++count);
    expect(count).toBeGreaterThan(50);
    expect(count).toBeLessThanOrEqual(101);
    storeSnapshot(machine.store, machine.heap, config, machine.io);
    expect(snapshotDue(machine.store, config)).toBe(false);
    machine.settle();
    const sized = running([], { ...NO_PADDING, snapSizeLimitKb: 4 });
    for (let zxid = 1; zxid < 5; zxid++) storeAppend(sized.store, sized.heap, sized.io, entry(zxid, 1000));
    expect(snapshotDue(sized.store, sized.config)).toBe(true);
  });
});

describe('draining', () => {
  it('answers a machine at rest', () => {
    const machine = running([1]);
    storeDrain(machine.store, machine.io, 'promises');
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'drained' });
  });

  it('of everything waits for what was appended and for the epochs, and gives up what runs in the background', () => {
    const machine = running([1, 2]);
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.stepOnce();
    append(machine, 3);
    machine.flush();
    append(machine, 4);
    const token = storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 1, currentEpoch: 1 });
    const range = storeReadRange(machine.store, machine.heap, machine.io, {
      after: ZXID_ZERO,
      upTo: asZxid(2),
      bytesMax: 1e6,
    });
    storeDrain(machine.store, machine.io, 'everything');
    machine.settle(randomOf(3));
    const types = machine.events.slice(2);
    expect(types.at(-1)).toEqual({ type: 'drained' });
    expect(types).toContainEqual({ type: 'durable', zxid: 4 });
    expect(types).toContainEqual({ type: 'epochsSaved', token });
    expect(types).toContainEqual({ type: 'rangeRead', token: range, entries: null });
    expect(types.some(({ type }) => type === 'snapshotDone')).toBe(false);
    expect(machine.heap.saving).toBeNull();
    expect([...machine.disk.files().keys()].some((path) => path.endsWith('.tmp'))).toBe(false);
    // And everything works afterwards.
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'snapshotDone', zxid: 2 });
  });
});

describe('a snapshot of the last role', () => {
  /** Its operations, of which one never seems to end. */
  const STEPS = ['create', 'append', 'fsync', 'rename', 'fsyncDir'] as const;
  const BEGUN = [1, 2, 3, 4, 5];
  const RECEIVED = zxidOf(2, 7);

  /** Entries 1 to 3 are applied, 4 and 5 only logged; a snapshot at 3 is in its `step`, and the role ends. */
  function leaving(step: (typeof STEPS)[number]): Machine {
    const machine = running([1, 2, 3]);
    append(machine, 4);
    machine.settle();
    machine.held.add('snap');
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    for (let i = 0; i < STEPS.indexOf(step); i++) stepSnapshot(machine);
    expect(machine.asked.at(-1)!.action.kind).toBe(step);
    append(machine, 5);
    machine.flush();
    storeDrain(machine.store, machine.io, 'promises');
    return machine;
  }

  function stepSnapshot(machine: Machine): void {
    machine.held.delete('snap');
    machine.stepOnce();
    machine.held.add('snap');
  }

  const heard = (machine: Machine): string[] => machine.events.map(({ type }) => type);

  /** What the next role begins with. */
  const BEGINNINGS = {
    DIFF: (machine: Machine) => append(machine, 6, 7),
    TRUNC: (machine: Machine) => storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(3) }),
    SNAP: (machine: Machine) => {
      machine.heap.tree = DataTree.fresh();
      applyEntry(machine.heap.tree, entry(RECEIVED));
      storeInstall(machine.store, machine.heap, machine.config, machine.io);
      append(machine, RECEIVED + 1);
    },
  } as const;
  const ENDS = { DIFF: 7, TRUNC: 3, SNAP: RECEIVED + 1 } as const;

  it.each(STEPS)('delays no election (%s), but a recovery', (step) => {
    const machine = leaving(step);
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'drained' });
    expect(machine.store.log.durable).toBe(5);
    expect(machine.pendingCount).toBe(1);

    storeDrain(machine.store, machine.io, 'everything');
    machine.settle();
    expect(machine.events.filter(({ type }) => type === 'drained')).toHaveLength(1);
    machine.held.clear();
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'drained' });
    expect(machine.pendingCount).toBe(0);
    const isDone = step === 'rename' || step === 'fsyncDir';
    expect(heard(machine).includes('snapshotDone')).toBe(isDone);
    expect(machine.heap.saving).toBeNull();
  });

  it('of a drain that asks for more, more is waited for', () => {
    const machine = leaving('fsync');
    storeDrain(machine.store, machine.io, 'everything');
    storeDrain(machine.store, machine.io, 'promises');
    machine.settle();
    expect(heard(machine)).not.toContain('drained');
    machine.held.clear();
    machine.settle();
    expect(heard(machine).filter((type) => type === 'drained')).toHaveLength(1);
  });

  const cases = STEPS.flatMap((step) => (['DIFF', 'TRUNC', 'SNAP'] as const).map((mode) => [mode, step] as const));

  it.each(cases)('is in nobody’s way: %s during its %s', (mode, step) => {
    const machine = leaving(step);
    machine.settle();
    BEGINNINGS[mode](machine);
    machine.settle();
    // Only a state that is to take its place waits for it.
    expect(machine.heap.log.last).toBe(ENDS[mode]);
    expect(machine.store.log.durable).toBe(mode === 'SNAP' ? 5 : ENDS[mode]);
    expect(machine.store.task?.kind ?? null).toBe(mode === 'SNAP' ? 'install' : null);
    expect(machine.pendingCount).toBe(1);
    if (mode !== 'SNAP') {
      const from = machine.asked.length;
      storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
      expect(asked(machine, from)).toEqual([]);
    }
    machine.held.clear();
    machine.settle();
    const isDone = mode !== 'SNAP' || step === 'rename' || step === 'fsyncDir';
    expect(heard(machine).includes('snapshotDone')).toBe(isDone);
    machine.applyTo(machine.heap.log.last);
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'snapshotDone', zxid: ENDS[mode] });
    const again = recover(machine.disk);
    expect(again.recovery).toMatchObject({ mustResync: false, snapshotZxid: ENDS[mode], lastZxid: ENDS[mode] });
    expect(again.heap.tree.stateDigest()).toBe(machine.heap.tree.stateDigest());
  });

  /** Up to `count` operations from the end of the last role on: false when there are not as many. */
  function crashing(mode: keyof typeof BEGINNINGS, step: (typeof STEPS)[number], count: number): Machine | null {
    const machine = leaving(step);
    let left = count;
    const settle = (): void => {
      machine.flush();
      while (left > 0 && machine.stepOnce()) left -= 1;
    };
    settle();
    if (left > 0) BEGINNINGS[mode](machine);
    settle();
    machine.held.clear();
    settle();
    if (left > 0) {
      machine.applyTo(machine.heap.log.last);
      storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    }
    settle();
    return left > 0 ? null : machine;
  }

  it.each(cases)('and a crash at any moment leaves one history or the other: %s during its %s', (mode, step) => {
    let count = 0;
    for (let machine = crashing(mode, step, count); machine !== null; machine = crashing(mode, step, ++count)) {
      const known = machine.store.log.durable;
      const isCut = heard(machine).includes('truncated');
      const isInstalled = heard(machine).includes('installed');
      if (count % 4 !== 0) machine.disk.powerCut(randomOf(count));
      const { recovery, heap } = recover(machine.disk);
      const at = `${mode} ${step} ${count}: ${recovery.lastZxid} ${recovery.notes}`;
      expect(recovery.mustResync, at).toBe(false);
      if (isCut) expect(recovery.lastZxid, at).toBe(3);
      else if (isInstalled) expect(recovery.lastZxid, at).toBeGreaterThanOrEqual(Math.max(RECEIVED, known));
      else if (mode === 'DIFF') expect(recovery.lastZxid, at).toBeGreaterThanOrEqual(known);
      const last = recovery.lastZxid;
      const tree = DataTree.fresh();
      if (last >= RECEIVED) applyEntry(tree, entry(RECEIVED));
      const after = last >= RECEIVED ? [RECEIVED + 1] : [...BEGUN, 6, 7];
      for (const zxid of after) if (zxid <= last) applyEntry(tree, entry(zxid));
      const whole = recover(machine.disk);
      whole.applyTo(last);
      expect(whole.heap.tree.stateDigest(), at).toBe(tree.stateDigest());
      expect(heap.log.last, at).toBe(last);
    }
    expect(count).toBeGreaterThan(8);
  });
});

describe('a purge of the last role', () => {
  it('delays neither an election nor a cut', () => {
    const config = { ...NO_PADDING, autopurgeIntervalMs: 60_000 };
    let machine = running([], config);
    for (let round = 0; round < 5; round++) {
      append(machine, ...[1, 2, 3].map((counter) => zxidOf(round + 1, counter)));
      machine.settle();
      machine.applyTo(machine.heap.log.last);
      storeSnapshot(machine.store, machine.heap, config, machine.io);
      machine.settle();
    }
    const files = machine.disk.files();
    machine = new Machine(MemoryDisk.of(files), config).settle();
    machine.applyTo(machine.heap.log.last);
    const kept = machine.heap.log.last;
    append(machine, zxidOf(9, 1));
    machine.settle();
    machine.held.add('snap');
    pass(machine, 60_000);
    machine.settle();
    expect(machine.store.purge.job?.kind).toBe('verifying');
    storeDrain(machine.store, machine.io, 'promises');
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'drained' });
    storeTruncate(machine.store, machine.heap, machine.io, { to: kept });
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'truncated', zxid: kept });
    machine.held.clear();
    machine.settle();
    expect(machine.store.purge.job).toBeNull();
    expect(recover(machine.disk, config).recovery).toMatchObject({ mustResync: false, lastZxid: kept });
  });
});

describe('range reads', () => {
  const read = (machine: Machine, after: number, upTo: number, bytesMax = 1e6): number[] | null => {
    const range = { after: asZxid(after), upTo: asZxid(upTo), bytesMax };
    const token = storeReadRange(machine.store, machine.heap, machine.io, range);
    machine.settle();
    const event = machine.events.at(-1);
    if (event?.type !== 'rangeRead') throw new Error('no answer');
    expect(event.token).toBe(token);
    return event.entries?.map(({ zxid }) => zxid) ?? null;
  };

  function threeFiles(): Machine {
    const machine = running([1, 2, 3]);
    for (const zxid of [4, 6]) {
      machine.store.log.rollDue = true;
      append(machine, zxid, zxid + 1);
      machine.settle();
    }
    return machine;
  }

  it('cross file borders', () => {
    const machine = threeFiles();
    expect(read(machine, 0, 7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(read(machine, 2, 6)).toEqual([3, 4, 5, 6]);
    expect(read(machine, 4, 5)).toEqual([5]);
  });

  it('answer null for what is not there, too large, gone or unreadable', () => {
    const machine = threeFiles();
    expect(read(machine, 1, 7, 200)).toBeNull();
    machine.disk.run({ kind: 'remove', path: 'log/version-2/log.4' });
    expect(read(machine, 1, 7)).toBeNull();
    expect(machine.notes.at(-1)?.code).toBe('storage.range.unreadable');
    machine.disk.faults.push({ match: ({ kind }) => kind === 'read', error: 'EIO' });
    expect(read(machine, 1, 3)).toBeNull();
    expect(read(machine, 1, 3)).toEqual([2, 3]);
  });
});

describe('purging', () => {
  const config = { ...NO_PADDING, autopurgeIntervalMs: 1000, autopurgeSnapRetainCount: 3 };
  const names = (machine: Machine): string[] =>
    [...machine.disk.files().keys()]
      .map((path) => path.split('/').at(-1)!)
      .filter((name) => /^(log|snapshot)/.test(name));

  function snapshots(count: number): Machine {
    const machine = running([], config);
    for (let i = 1; i <= count; i++) {
      append(machine, 2 * i - 1, 2 * i);
      machine.settle();
      machine.applyTo(machine.heap.log.last);
      storeSnapshot(machine.store, machine.heap, config, machine.io);
      machine.settle();
    }
    return machine;
  }

  it('keeps the newest snapshots and every log they may need', () => {
    const machine = snapshots(5);
    pass(machine, 1500);
    machine.settle();
    expect(names(machine)).toEqual(['snapshot.6', 'snapshot.8', 'snapshot.a', 'log.7', 'log.9']);
    // Each of the three is a way back.
    for (const lost of [[], ['snapshot.a'], ['snapshot.a', 'snapshot.8']]) {
      const files = machine.disk.files();
      for (const name of lost) files.set(`data/version-2/${name}`, data(5));
      expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({ lastZxid: 10, mustResync: false });
    }
  });

  it('counts only whole snapshots, whatever their last bytes say', () => {
    const files = snapshots(6).disk.files();
    for (const name of ['snapshot.8', 'snapshot.a']) files.get(`data/version-2/${name}`)![40]! ^= 1;
    const machine = recover(MemoryDisk.of(files), config);
    pass(machine, 1500);
    machine.settle();
    // snapshot.c was loaded, 6 and 4 were read and found whole.
    expect(names(machine).filter((name) => name.startsWith('snapshot'))).toEqual([
      'snapshot.4',
      'snapshot.6',
      'snapshot.8',
      'snapshot.a',
      'snapshot.c',
    ]);
    expect(names(machine).filter((name) => name.startsWith('log'))).toEqual(['log.5', 'log.7', 'log.9', 'log.b']);
  });

  it('removes nothing when there are not enough, and is off without an interval', () => {
    const machine = snapshots(1);
    const before = names(machine);
    pass(machine, 1500);
    machine.settle();
    expect(names(machine)).toEqual(before);
    const off = recover(machine.disk, NO_PADDING);
    pass(off, 0);
    expect(storeDeadline(off.store)).toBeNull();
  });
});

describe('the mark', () => {
  it('follows what is promised, a while later', () => {
    const machine = running([1, 2]);
    expect(storeDeadline(machine.store)).toBeGreaterThan(machine.now.monoMs);
    pass(machine, 1000);
    machine.settle();
    const text = Buffer.from(machine.disk.files().get('log/version-2/promised')!).toString();
    expect(text).toMatch(/^0{15}2 00000000 00000000 [0-9a-f]{8}\n0{16} [0-9a-f]{8}\n$/);
    expect(storeDeadline(machine.store)).toBeNull();
  });

  it('names the reconfiguration that is in force at once, when the log has it', () => {
    const machine = running([1, 2]);
    append(machine, 3);
    machine.flush();
    const from = machine.asked.length;
    // Not durable yet; not known here.
    storeMarkConfig(machine.store, machine.heap, machine.io, asZxid(3));
    storeMarkConfig(machine.store, machine.heap, machine.io, zxidOf(1, 1));
    expect(asked(machine, from)).toEqual([]);
    storeMarkConfig(machine.store, machine.heap, machine.io, asZxid(2));
    expect(asked(machine, from)).toEqual(['write log/version-2/promised @0 70', 'fsync log/version-2/promised']);
    storeMarkConfig(machine.store, machine.heap, machine.io, asZxid(2));
    storeMarkConfig(machine.store, machine.heap, machine.io, asZxid(1));
    expect(asked(machine, from)).toHaveLength(2);
    machine.held.add('meta');
    storeDrain(machine.store, machine.io, 'promises');
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'durable', zxid: 3 });
    machine.held.clear();
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'drained' });
    storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 1, currentEpoch: 1 });
    machine.settle();
    const again = recover(machine.disk);
    expect(storeMarkedConfig(again.store)).toBe(2);
    expect(storeMarkedConfig(recover(again.disk).store)).toBe(2);
    expect(again.recovery.lastZxid).toBe(3);
  });

  it('names no reconfiguration of a history that was cut off or replaced', () => {
    const machine = running([1, 2]);
    append(machine, 3);
    machine.settle();
    storeMarkConfig(machine.store, machine.heap, machine.io, asZxid(3));
    machine.settle();
    const replaced = new Machine(machine.disk.copy(), NO_PADDING).settle();
    storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(2) });
    machine.settle();
    expect(storeMarkedConfig(recover(machine.disk).store)).toBe(0);
    replaced.heap.tree = DataTree.fresh();
    applyEntry(replaced.heap.tree, entry(zxidOf(2, 7)));
    storeInstall(replaced.store, replaced.heap, replaced.config, replaced.io);
    replaced.flush();
    while (replaced.store.task?.phase.kind !== 'switching') expect(replaced.stepOnce()).toBe(true);
    expect(storeMarkedConfig(recover(replaced.disk.copy()).store)).toBe(0);
    replaced.settle();
    expect(storeMarkedConfig(recover(replaced.disk).store)).toBe(0);
  });

  it('of a former version is one that knows of no reconfiguration, and grows', () => {
    const machine = running([1, 2]);
    pass(machine, 1000);
    machine.settle();
    const files = machine.disk.files();
    files.set('log/version-2/promised', files.get('log/version-2/promised')!.slice(0, 44));
    const again = recover(MemoryDisk.of(files));
    expect(again.recovery).toMatchObject({ mustResync: false, lastZxid: 2 });
    expect(storeMarkedConfig(again.store)).toBe(0);
    expect(again.disk.files().get('log/version-2/promised')).toHaveLength(70);
  });

  it('convicts a log that ends early, although nothing in it looks wrong', () => {
    const machine = running([1, 2, 3]);
    pass(machine, 1000);
    machine.settle();
    const files = machine.disk.files();
    const whole = files.get('log/version-2/log.1')!;
    files.set('log/version-2/log.1', whole.slice(0, whole.length - (12 + entry(3).bytes.length + 1)));
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({
      mustResync: true,
      lastZxid: 2,
      notes: ['0x3 was promised and is not here'],
    });
  });
});

describe('what recovery believes', () => {
  it('an older snapshot only if the log holds what the newer one held', () => {
    // Received by SNAP: the log begins behind it, in the next epoch.
    const machine = running([1, 2]);
    machine.heap.tree = DataTree.fresh();
    applyEntry(machine.heap.tree, entry(zxidOf(1, 6)));
    storeInstall(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    append(machine, zxidOf(2, 1));
    machine.settle();
    const files = machine.disk.files();
    expect(files.has('data/version-2/snapshot.0')).toBe(true);
    const rotten = new Map(files);
    rotten.set(
      'data/version-2/snapshot.100000006',
      files.get('data/version-2/snapshot.100000006')!.map((b, i) => (i === 90 ? b ^ 1 : b)),
    );
    expect(recover(MemoryDisk.of(rotten)).recovery).toMatchObject({
      mustResync: true,
      notes: ['snapshot.100000006 is not whole', 'log.200000001 begins behind 0x100000006, which is not here'],
    });
    // Not even its absence goes unnoticed.
    files.delete('data/version-2/snapshot.100000006');
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({
      mustResync: true,
      notes: ['log.200000001 begins behind 0x100000006, which is not here'],
    });
  });

  it('read errors: an older snapshot, or a full sync, or a failure, each where it belongs', () => {
    const machine = running(upTo(4));
    storeSnapshot(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    append(machine, 5);
    machine.settle();
    const withFault = (path: string, kind: FileAction['kind']): Machine => {
      const disk = MemoryDisk.of(machine.disk.files());
      disk.faults.push({
        match: (action) => action.kind === kind && 'path' in action && action.path === path,
        error: 'EIO',
      });
      return recover(disk);
    };
    expect(withFault('data/version-2/snapshot.4', 'read').recovery).toMatchObject({
      snapshotZxid: 0,
      lastZxid: 5,
      mustResync: false,
    });
    expect(withFault('log/version-2/log.5', 'read').recovery).toMatchObject({
      snapshotZxid: 4,
      lastZxid: 4,
      mustResync: true,
      notes: ['log.5 cannot be read: EIO'],
    });
    // The mark knows the epochs too; without it nobody does.
    expect(withFault('data/version-2/currentEpoch', 'read').recovery.mustResync).toBe(false);
    expect(withFault('log/version-2/promised', 'read').recovery.mustResync).toBe(false);
    expect(withFault('log/version-2', 'list').events).toEqual([
      { type: 'failed', error: 'EIO', path: 'log/version-2' },
    ]);
  });

  it('files larger than one read, and records larger than that', () => {
    const machine = running();
    const sizes = [10, 300_000, 700_000, 0, 1, 262_144, 5];
    for (const [i, size] of sizes.entries()) storeAppend(machine.store, machine.heap, machine.io, entry(i + 1, size));
    machine.settle();
    machine.applyTo(asZxid(7));
    const again = recover(machine.disk);
    expect(again.recovery).toMatchObject({ lastZxid: 7, notes: [] });
    again.applyTo(asZxid(7));
    expect(again.heap.tree.stateDigest()).toBe(machine.heap.tree.stateDigest());
    storeSnapshot(again.store, again.heap, again.config, again.io);
    again.settle();
    const third = recover(again.disk);
    expect(third.recovery.snapshotZxid).toBe(7);
    expect(third.heap.tree.stateDigest()).toBe(machine.heap.tree.stateDigest());
    storeTruncate(machine.store, machine.heap, machine.io, { to: asZxid(7) });
    machine.settle();
    expect(machine.events.at(-1)).toEqual({ type: 'truncated', zxid: 7 });
  });

  it('an installation that was decided is completed, whatever else is damaged', () => {
    const machine = running([1, 2]);
    machine.heap.tree = DataTree.fresh();
    applyEntry(machine.heap.tree, entry(zxidOf(1, 6)));
    storeInstall(machine.store, machine.heap, machine.config, machine.io);
    machine.flush();
    while (!machine.disk.files().has('data/version-2/install.100000006')) expect(machine.stepOnce()).toBe(true);
    machine.stepOnce();
    const files = machine.disk.files();
    files.set('log/version-2/log.1', data(50));
    files.set('data/version-2/currentEpoch', data(3));
    const again = recover(MemoryDisk.of(files));
    expect(again.recovery).toMatchObject({ mustResync: false, snapshotZxid: zxidOf(1, 6), lastZxid: zxidOf(1, 6) });
    // The rename first, which may be in the page cache only, then the mark, then what they make superfluous.
    const written = asked(again).filter((line) => !/^(read|list|mkdir|fsyncDir (data|log)$)/.test(line));
    expect(written.slice(0, 8)).toEqual([
      'fsyncDir data/version-2',
      'write log/version-2/promised @0 70',
      'fsync log/version-2/promised',
      'remove log/version-2/log.1',
      'fsyncDir log/version-2',
      'fsyncDir data/version-2',
      'rename data/version-2/install.100000006 data/version-2/snapshot.100000006',
      'fsyncDir data/version-2',
    ]);
    const names = [...again.disk.files().keys()].filter((path) => /install|snapshot|log\.[0-9]/.test(path));
    expect(names).toEqual(['data/version-2/snapshot.0', 'data/version-2/snapshot.100000006']);
    // Nobody knows the epochs: the history is put in order all the same.
    files.delete('log/version-2/promised');
    const blind = recover(MemoryDisk.of(files));
    expect(blind.recovery).toMatchObject({
      mustResync: true,
      lastZxid: zxidOf(1, 6),
      notes: ['an epoch file is damaged'],
    });
    expect([...blind.disk.files().keys()].some((path) => path.includes('install'))).toBe(false);
    expect([...blind.disk.files().keys()].some((path) => path.includes('promised'))).toBe(false);
  });

  it('one that is not whole is in the way of nothing', () => {
    const files = running([1, 2]).disk.files();
    files.set('data/version-2/install.900000009', data(100));
    const machine = recover(MemoryDisk.of(files));
    expect(machine.recovery).toMatchObject({ mustResync: true });
    machine.heap.tree = DataTree.fresh();
    applyEntry(machine.heap.tree, entry(zxidOf(1, 6)));
    storeInstall(machine.store, machine.heap, machine.config, machine.io);
    machine.settle();
    expect(recover(machine.disk).recovery).toMatchObject({ mustResync: false, lastZxid: zxidOf(1, 6), notes: [] });
  });

  it('rot behind the last record of an older file, if the next one says what it comes behind', () => {
    const config = { ...TEST_CONFIG, txnLogSizeLimitKb: 1 };
    const machine = running([], config);
    storeAppend(machine.store, machine.heap, machine.io, entry(1, 2000));
    machine.settle();
    append(machine, zxidOf(3, 1));
    machine.settle();
    const files = machine.disk.files();
    const old = files.get('log/version-2/log.1')!;
    old[old.length - 300] = 1;
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({
      mustResync: false,
      lastZxid: zxidOf(3, 1),
      notes: [],
    });
    old[16 + 12 + entry(1, 2000).bytes.length + 1 + 8] = 1;
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({
      mustResync: false,
      lastZxid: zxidOf(3, 1),
      notes: ['log.1 has bytes behind its last record that are none'],
    });
    files.get('log/version-2/log.300000001')!.fill(0, 8, 16);
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({ mustResync: true, lastZxid: 1 });
  });

  it('a long padding is read to its end', () => {
    const machine = running([1, 2], { ...NO_PADDING, preAllocSizeKb: 700 });
    const path = 'log/version-2/log.1';
    expect(machine.disk.files().get(path)!.length).toBe(16 + 700 * 1024);
    expect(recover(machine.disk).recovery).toMatchObject({ lastZxid: 2, notes: [] });
    const files = machine.disk.files();
    const end = 16 + 2 * (12 + entry(1).bytes.length + 1);
    files.get(path)![600_000] = 1;
    // Garbage of a power cut where the mark stands; damage where nothing tells how far promises reach.
    const marked = recover(MemoryDisk.of(files));
    expect(marked.recovery).toMatchObject({ lastZxid: 2, notes: ['log.1 ends in an unfinished write'] });
    expect(marked.disk.files().get(path)!.length).toBe(end);
    files.delete('log/version-2/promised');
    expect(recover(MemoryDisk.of(files)).recovery).toMatchObject({ mustResync: true, lastZxid: 2 });
    const disk = MemoryDisk.of(machine.disk.files());
    let reads = 0;
    disk.faults.push({
      match: (action) => action.kind === 'read' && action.path === path && ++reads === 2,
      error: 'ECORRUPT',
    });
    expect(recover(disk).recovery).toMatchObject({ mustResync: true, notes: ['log.1 cannot be read: ECORRUPT'] });
  });

  it('leftovers of interrupted writes go', () => {
    const files = running([1]).disk.files();
    for (const name of ['snapshot.9.tmp', 'install.9.tmp', 'acceptedEpoch.tmp', 'currentEpoch.tmp']) {
      files.set(`data/version-2/${name}`, data(9));
    }
    files.set('data/version-2/notes.txt', data(2));
    const machine = recover(MemoryDisk.of(files));
    expect(machine.recovery).toMatchObject({ lastZxid: 1, mustResync: false });
    expect([...machine.disk.files().keys()].filter((path) => path.endsWith('.tmp'))).toEqual([]);
    expect(machine.disk.files().has('data/version-2/notes.txt')).toBe(true);
    storeSaveEpochs(machine.store, machine.io, { acceptedEpoch: 1, currentEpoch: 1 });
    machine.settle();
    expect(machine.events.at(-1)?.type).toBe('epochsSaved');
  });
});

describe('the state is plain', () => {
  enableMapSet();

  it('works as an immer draft, step by step, with the same effects', () => {
    const raw = lifetime((store, run) => {
      run(store);
      return store;
    });
    const drafted = lifetime((store, run) => {
      const draft = createDraft(store);
      run(draft as StoreState);
      return finishDraft(draft) as StoreState;
    });
    expect(drafted).toEqual(raw);
  });

  /** A life in which every call goes through `step`; what it asked for. */
  function lifetime(step: (store: StoreState, run: (store: StoreState) => void) => StoreState): string[] {
    const machine = new Machine(new MemoryDisk(), { ...TEST_CONFIG, autopurgeIntervalMs: 100 });
    let { store } = machine;
    const { heap, config, io } = machine;
    const call = (run: (store: StoreState) => void): void => {
      store = step(store, (current) => {
        run(current);
        storeFlush(current, heap, config, io);
      });
    };
    let at = 0;
    const settle = (): void => {
      for (; at < machine.asked.length; at++) {
        const { op, generation, action } = machine.asked[at]!;
        const result = machine.disk.run(action);
        call((current) =>
          machine.events.push(...storeStep(current, heap, config, io, { type: 'fileDone', op, generation, result })),
        );
      }
    };
    settle();
    for (let round = 0; round < 4; round++) {
      const first = heap.log.last + 1;
      call((current) => {
        for (let i = 0; i < 5; i++) storeAppend(current, heap, io, entry(first + i, 200));
      });
      call((current) => storeSaveEpochs(current, io, { acceptedEpoch: round, currentEpoch: round }));
      settle();
      machine.applyTo(asZxid(heap.log.last - 2));
      call((current) => storeSnapshot(current, heap, config, io));
      settle();
      machine.now = { ...machine.now, monoMs: machine.now.monoMs + 500 };
      call((current) => storeTick(current, heap, config, io));
      settle();
      call((current) => storeReadRange(current, heap, io, { after: ZXID_ZERO, upTo: heap.log.last, bytesMax: 1e6 }));
      call((current) => storeTruncate(current, heap, io, { to: heap.tree.lastZxid }));
      settle();
      call((current) => storeDrain(current, io, 'everything'));
      settle();
    }
    heap.tree = DataTree.fresh();
    applyEntry(heap.tree, entry(zxidOf(9, 1)));
    call((current) => storeInstall(current, heap, config, io));
    settle();
    return [...asked(machine), ...machine.events.map(({ type }) => type)];
  }
});
