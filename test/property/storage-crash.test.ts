/**
 * Random work on a disk that forgets, with a crash at every boundary between two file operations.
 *
 * The model is the history as it was asked for, and a floor: the last zxid reported durable. Whatever a crash leaves, the
 * recovery must give a prefix of what was asked for that reaches the floor, with the very bytes and the very tree, must
 * never ask for a full sync, and must come to the same result when it is done again, or is itself interrupted.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../core/config/types.ts';
import type { DrainScope } from '../../core/storage/state.ts';
import {
  snapshotDue,
  storeAppend,
  storeDeadline,
  storeDrain,
  storeInstall,
  storeMarkConfig,
  storeSaveEpochs,
  storeSnapshot,
  storeTick,
  storeTruncate,
} from '../../core/storage/store.ts';
import { DataTree } from '../../core/tree/data-tree.ts';
import { asZxid, epochOf, ZXID_ZERO, type Zxid, zxidOf } from '../../core/types.ts';
import type { LogEntry } from '../../core/wire/txn.ts';
import { applyEntry, createTxn, entryOf, Machine, MemoryDisk, TEST_CONFIG } from '../unit/storage/machine.ts';
import { type Random, randomOf } from '../unit/storage/memory-disk.ts';

/** More with `STORAGE_RUNS=1000 npx vitest run test/property/storage-crash.test.ts`. */
const RUNS = Number(process.env.STORAGE_RUNS ?? 12);

type Action =
  | { readonly kind: 'append'; readonly count: number; readonly size: number }
  | { readonly kind: 'run'; readonly count: number }
  | { readonly kind: 'commit' | 'newEpoch' | 'accept' | 'snapshot' | 'settle' | 'config' }
  | { readonly kind: 'drain'; readonly scope: DrainScope }
  | { readonly kind: 'truncate'; readonly back: number }
  | { readonly kind: 'install'; readonly count: number }
  | { readonly kind: 'time'; readonly ms: number };

const actions = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 6 }),
        size: fc.constantFrom(0, 10, 300, 900, 3000),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('run' as const), count: fc.integer({ min: 1, max: 9 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('commit', 'newEpoch', 'accept', 'snapshot', 'settle', 'config'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('drain' as const),
        scope: fc.constantFrom('promises' as const, 'everything' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.integer({ min: 0, max: 8 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('install' as const), count: fc.integer({ min: 0, max: 5 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(50, 250, 2000) }) },
  ),
  { minLength: 2, maxLength: 16 },
) as fc.Arbitrary<Action[]>;

const configs = fc.record({
  preAllocSizeKb: fc.constantFrom(0, 1, 4),
  maxBatchSize: fc.constantFrom(2, 1000),
  txnLogSizeLimitKb: fc.constantFrom(-1, 1),
  snapshotCompression: fc.constantFrom('none' as const, 'gz' as const),
  autopurgeIntervalMs: fc.constantFrom(0, 1500),
  snapCount: fc.constantFrom(10, 100_000),
});

/** A history: what made the tree at `base`, and the entries after it. */
interface Line {
  readonly base: Zxid;
  readonly before: readonly LogEntry[];
  readonly entries: LogEntry[];
  floor: Zxid;
}

const lastOf = (line: Line): Zxid => line.entries.at(-1)?.zxid ?? line.base;

class World {
  disk: MemoryDisk;
  machine: Machine;
  /** The histories that recovery may find: two while an installation is under way. */
  lines: Line[] = [{ base: ZXID_ZERO, before: [], entries: [], floor: ZXID_ZERO }];
  cutting: Zxid | null = null;
  /** Highest epoch of any entry; a new one starts at the next append. */
  epoch = 0;
  asked = { accepted: 0, current: 0 };
  reported = { accepted: 0, current: 0 };
  /** The reconfiguration that was to be marked last, and the last one of which that is done. */
  marked = { asked: ZXID_ZERO, done: ZXID_ZERO };
  private readonly tokens = new Map<number, { accepted: number; current: number }>();
  private names = 0;
  private generation = 1;
  operationCount = 0;
  readonly config: PeerConfig;
  readonly random: Random;
  private readonly crashAfter: number;
  private seen = 0;

  constructor(disk: MemoryDisk, config: PeerConfig, random: Random, crashAfter = Number.POSITIVE_INFINITY) {
    this.disk = disk;
    this.config = config;
    this.random = random;
    this.crashAfter = crashAfter;
    this.machine = new Machine(disk, config, this.generation);
    this.run(Number.POSITIVE_INFINITY);
  }

  /** The machine has stopped for good. */
  failed = false;

  get crashed(): boolean {
    return this.failed || this.operationCount >= this.crashAfter;
  }

  get line(): Line {
    return this.lines[0]!;
  }

  /** Executes up to `count` operations. */
  run(count: number): void {
    this.machine.flush();
    for (let i = 0; i < count && !this.crashed && this.machine.stepOnce(this.random); i++) {
      this.operationCount += 1;
      this.hear();
      const { mark } = this.machine.store;
      if (mark.opsLeft === 0) this.marked.done = mark.config;
    }
  }

  private hear(): void {
    for (; this.seen < this.machine.events.length; this.seen++) {
      const event = this.machine.events[this.seen]!;
      switch (event.type) {
        case 'durable':
          this.line.floor = event.zxid;
          break;
        case 'truncated':
          this.cutting = null;
          this.line.entries.splice(this.line.entries.findLastIndex(({ zxid }) => zxid <= event.zxid) + 1);
          this.line.floor = asZxid(Math.min(this.line.floor, event.zxid));
          break;
        case 'installed':
          this.lines.length = 1;
          this.line.floor = event.zxid;
          break;
        case 'epochsSaved':
          this.reported = this.tokens.get(event.token)!;
          break;
        case 'failed':
          if (!this.disk.hadFault) throw new Error(`failed: ${event.error} ${event.path}`);
          this.failed = true;
          break;
        default:
          break;
      }
    }
  }

  do(action: Action): void {
    if (this.crashed) return;
    const { store, heap, io } = this.machine;
    switch (action.kind) {
      case 'append':
        if (this.cutting === null) for (let i = 0; i < action.count; i++) this.append(action.size);
        break;
      case 'run':
        return this.run(action.count);
      case 'commit':
        // Only what is durable here and not being cut is ever applied.
        if (this.cutting === null && this.lines.length === 1) this.machine.applyTo(this.line.floor);
        break;
      case 'newEpoch':
        this.epoch += 1;
        break;
      case 'accept':
        this.saveEpochs();
        break;
      case 'snapshot':
        if (this.lines.length === 1 || snapshotDue(store, this.config)) storeSnapshot(store, heap, this.config, io);
        break;
      case 'settle':
        return this.run(Number.POSITIVE_INFINITY);
      case 'config':
        if (this.cutting !== null || this.lines.length > 1) break;
        this.machine.applyTo(this.line.floor);
        storeMarkConfig(store, heap, io, this.line.floor);
        this.marked.asked = store.mark.config;
        break;
      case 'drain':
        storeDrain(store, io, action.scope);
        break;
      case 'truncate':
        this.truncate(action.back);
        break;
      case 'install':
        this.install(action.count);
        break;
      case 'time':
        this.machine.now = { ...this.machine.now, monoMs: this.machine.now.monoMs + action.ms };
        if ((storeDeadline(store) ?? Number.POSITIVE_INFINITY) <= this.machine.now.monoMs) {
          storeTick(store, heap, this.config, io);
        }
        break;
      default:
        action satisfies never;
    }
    this.machine.flush();
  }

  private freshEntry(zxid: Zxid, size: number): LogEntry {
    const data = new Uint8Array(size).fill(size > 1000 ? 0 : 1 + (this.names % 255));
    return entryOf(zxid, createTxn(`/n${this.names++}`, data));
  }

  private append(size: number): void {
    const { store, heap, io } = this.machine;
    const last = heap.log.last;
    const zxid = this.epoch > epochOf(last) ? zxidOf(this.epoch, 1) : asZxid(last + 1);
    const entry = this.freshEntry(zxid, size);
    this.line.entries.push(entry);
    storeAppend(store, heap, io, entry);
  }

  private saveEpochs(): void {
    const { store, io } = this.machine;
    const accepted = this.asked.accepted + (this.random() < 0.6 ? 1 : 0);
    const current = this.random() < 0.5 ? accepted : this.asked.current;
    this.asked = { accepted, current: Math.max(current, this.asked.current) };
    const token = storeSaveEpochs(store, io, { acceptedEpoch: accepted, currentEpoch: this.asked.current });
    this.tokens.set(token, this.asked);
  }

  private truncate(back: number): void {
    const { store, heap, io } = this.machine;
    if (this.cutting !== null || this.lines.length > 1) return;
    const positions = [this.line.base, ...this.line.entries.map(({ zxid }) => zxid)].filter(
      (zxid) => zxid >= heap.tree.lastZxid && zxid >= heap.log.base,
    );
    const to = positions.at(-1 - back);
    if (to === undefined) return;
    this.cutting = to;
    storeTruncate(store, heap, io, { to });
    // A cut-off tail never comes back under its numbers: another leader's epoch follows.
    this.epoch = Math.max(this.epoch, epochOf(lastOf(this.line))) + 1;
  }

  /** A leader sends a state that is not ours. */
  private install(count: number): void {
    const { store, heap, io } = this.machine;
    if (this.cutting !== null || this.lines.length > 1) return;
    const newest = Math.max(this.epoch, epochOf(heap.log.last));
    // Its last transaction may well be older than ours, which were then never committed.
    const isOlder = newest > 0 && this.random() < 0.5;
    const epoch = isOlder ? newest - 1 : newest + 1;
    const first = isOlder ? 5000 + this.names : 1;
    const before = Array.from({ length: count }, (_, i) => this.freshEntry(zxidOf(epoch, first + i), 40));
    const base = before.at(-1)?.zxid ?? zxidOf(epoch, isOlder ? first : 0);
    this.epoch = newest + 1;
    heap.tree = treeOf({ base, before, entries: [], floor: base }, base);
    this.lines.unshift({ base, before, entries: [], floor: base });
    storeInstall(store, heap, this.config, io);
  }

  crash(kind: 'kill' | 'power'): void {
    if (kind === 'power') this.disk.powerCut(this.random);
  }

  /** Boots again; what recovery reports becomes the model's state. */
  reboot(interruptAfter = 0): void {
    if (interruptAfter > 0) {
      const interrupted = new Machine(this.disk, this.config, ++this.generation);
      for (let i = 0; i < interruptAfter; i++) interrupted.stepOnce(this.random);
      this.crash(this.random() < 0.5 ? 'kill' : 'power');
    }
    this.machine = new Machine(this.disk, this.config, ++this.generation).settle(this.random);
    this.seen = this.machine.events.length;
    this.judge(this.machine);
  }

  private judge(machine: Machine): void {
    const { recovery, heap } = machine;
    const found = `recovered ${recovery.lastZxid.toString(16)} from ${recovery.snapshotZxid.toString(16)}: ${recovery.notes}`;
    expect(recovery.mustResync, found).toBe(false);
    const { lastZxid } = recovery;
    const line = this.lines.find(
      (candidate) => lastZxid === candidate.base || candidate.entries.some(({ zxid }) => zxid === lastZxid),
    );
    if (line === undefined) throw new Error(`no such history: ${found}`);
    const floor = Math.min(line.floor, this.cutting ?? line.floor);
    expect(lastZxid, `${found}, promised ${floor.toString(16)}`).toBeGreaterThanOrEqual(floor);
    for (let i = 0; i < heap.log.length; i++) {
      const entry = heap.log.get(i);
      const original = line.entries.find(({ zxid }) => zxid === entry.zxid);
      if (original === undefined || Buffer.compare(original.bytes, entry.bytes) !== 0)
        throw new Error(`not asked: ${found}`);
    }
    const replayed = new Machine(machine.disk.copy(), this.config, 99).settle();
    expect(pick(replayed)).toEqual(pick(machine));
    replayed.applyTo(lastZxid);
    expect(replayed.heap.tree.stateDigest(), found).toBe(treeOf(line, lastZxid).stateDigest());
    // What was reported as recovered is durable.
    const cut = machine.disk.copy();
    cut.powerCut(this.random);
    expect(pick(new Machine(cut, this.config, 98).settle()), 'after another power cut').toEqual(pick(machine));

    const epochs = { accepted: recovery.acceptedEpoch, current: recovery.currentEpoch };
    expect(epochs.accepted).toBeGreaterThanOrEqual(Math.max(this.reported.accepted, epochs.current));
    expect(epochs.current).toBeGreaterThanOrEqual(Math.max(this.reported.current, epochOf(lastZxid)));
    expect(epochs.current).toBeLessThanOrEqual(Math.max(this.asked.current, epochOf(lastZxid)));
    expect(epochs.accepted).toBeLessThanOrEqual(Math.max(this.asked.accepted, epochs.current));

    const { config } = machine.store.mark;
    // A whole state says by itself what is in force. It may be whole before the machine knew.
    const isInstalled = this.lines.length > 1 && line === this.lines[0];
    expect(config).toBeGreaterThanOrEqual(isInstalled ? ZXID_ZERO : this.marked.done);
    expect(config).toBeLessThanOrEqual(isInstalled ? ZXID_ZERO : this.marked.asked);
    this.marked = { asked: config, done: config };

    this.lines = [{ ...line, entries: line.entries.filter(({ zxid }) => zxid <= lastZxid), floor: lastZxid }];
    // The numbers of what was lost may be taken again by other transactions only in a later epoch.
    this.epoch = Math.max(this.epoch, epochOf(lastZxid)) + 1;
    this.cutting = null;
    this.asked = epochs;
    this.reported = epochs;
  }
}

function pick({ recovery }: Machine): object {
  const { snapshotZxid, lastZxid, acceptedEpoch, currentEpoch, mustResync } = recovery;
  return { snapshotZxid, lastZxid, acceptedEpoch, currentEpoch, mustResync };
}

function treeOf(line: Line, upTo: Zxid): DataTree {
  const tree = DataTree.fresh();
  for (const entry of line.before) applyEntry(tree, entry);
  tree.lastZxid = line.base;
  for (const entry of line.entries) if (entry.zxid <= upTo) applyEntry(tree, entry);
  return tree;
}

/** The whole program, with a crash at each boundary in turn; behind it more work and a second crash. */
function crashEverywhere(
  program: readonly Action[],
  config: PeerConfig,
  seed: number,
  mutate?: (d: MemoryDisk) => void,
): void {
  const whole = runProgram(program, config, seed, Number.POSITIVE_INFINITY, mutate);
  for (let at = 1; at <= whole.operationCount; at++) {
    const world = runProgram(program, config, seed, at, mutate);
    const random = randomOf(seed * 31 + at);
    world.crash(random() < 0.25 ? 'kill' : 'power');
    world.reboot(random() < 0.4 ? 1 + Math.floor(random() * 30) : 0);
    if (at % 3 !== 0) continue;
    const again = new World(world.disk, config, random, 5 + Math.floor(random() * 40));
    again.lines = world.lines;
    again.epoch = world.epoch;
    again.asked = world.asked;
    again.reported = world.reported;
    again.marked = world.marked;
    for (const action of program) again.do(action);
    again.crash('power');
    again.reboot();
  }
}

/**
 * Each write and each fsync fails in its turn, and what was to be written counts as clean from then on. The fsync behind a
 * cut is left out: a file system that cannot keep its own metadata lets a cut tail return, and that is damage.
 */
function failEverywhere(program: readonly Action[], config: PeerConfig, seed: number): void {
  const whole = runProgram(program, config, seed, Number.POSITIVE_INFINITY);
  for (let nth = 0; nth < whole.operationCount; nth++) {
    let count = 0;
    let afterCut = '';
    const world = runProgram(program, config, seed, Number.POSITIVE_INFINITY, (disk) => {
      disk.faults.push({
        match: (action) => {
          const isCut = action.kind === 'fsync' && action.path === afterCut;
          afterCut = action.kind === 'truncate' ? action.path : '';
          const isWrite = action.kind === 'append' || action.kind === 'write' || action.kind === 'fsync';
          return !isCut && isWrite && count++ === nth;
        },
        error: nth % 2 === 0 ? 'EIO' : 'ENOSPC',
      });
    });
    if (!world.disk.hadFault) return;
    expect(world.failed, 'a failed write is final').toBe(true);
    const random = randomOf(seed * 17 + nth);
    // A supervisor starts it again; power goes later, if at all.
    if (random() < 0.5) world.reboot();
    world.crash('power');
    world.reboot();
  }
}

function runProgram(
  program: readonly Action[],
  config: PeerConfig,
  seed: number,
  crashAfter: number,
  mutate?: (disk: MemoryDisk) => void,
): World {
  const disk = new MemoryDisk();
  mutate?.(disk);
  const world = new World(disk, config, randomOf(seed), crashAfter);
  for (const action of program) world.do(action);
  world.run(Number.POSITIVE_INFINITY);
  return world;
}

/** The crash comes when the state that is received is whole on the disk, and the mark still names a reconfiguration of before. */
const INSTALLED_OVER_A_MARK: Action[] = [
  { kind: 'append', count: 1, size: 0 },
  { kind: 'settle' },
  { kind: 'config' },
  { kind: 'run', count: 1 },
  { kind: 'install', count: 0 },
];
const PLAIN = {
  preAllocSizeKb: 0,
  maxBatchSize: 2,
  txnLogSizeLimitKb: -1,
  snapshotCompression: 'none',
  autopurgeIntervalMs: 0,
  snapCount: 10,
} as const;

describe('recovery after a crash at any boundary', () => {
  it('gives a prefix of what was asked for that holds everything promised', () => {
    fc.assert(
      fc.property(actions, configs, fc.integer(), (program, config, seed) => {
        crashEverywhere(program, { ...TEST_CONFIG, ...config }, seed);
      }),
      { numRuns: RUNS, examples: [[INSTALLED_OVER_A_MARK, PLAIN, 0]] },
    );
  });

  it('also when it is an operation that fails, and the machine with it', () => {
    fc.assert(
      fc.property(actions, configs, fc.integer(), (program, config, seed) => {
        failEverywhere(program, { ...TEST_CONFIG, ...config }, seed);
      }),
      { numRuns: RUNS },
    );
  });

  it('and the property has teeth: a disk whose directories are never synced is found out', () => {
    const run = (): void =>
      fc.assert(
        fc.property(actions, configs, fc.integer(), (program, config, seed) => {
          crashEverywhere(program, { ...TEST_CONFIG, ...config }, seed, (disk) => {
            disk.ignoreDirSync = true;
          });
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    expect(run).toThrow();
  });
});
