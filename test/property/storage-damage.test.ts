/**
 * Damage at rest: whatever happens to one file of a quiet disk, the server either still has everything it promised, or
 * knows that it has not and asks for it. It never goes on with less and says nothing.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storeAppend, storeInstall, storeSaveEpochs, storeSnapshot, storeTick } from '../../core/storage/store.ts';
import { DataTree } from '../../core/tree/data-tree.ts';
import { asZxid, epochOf, type Zxid, zxidOf } from '../../core/types.ts';
import { createTxn, entryOf, Machine, MemoryDisk, TEST_CONFIG } from '../unit/storage/machine.ts';
import { randomOf } from '../unit/storage/memory-disk.ts';

type Step =
  | { readonly kind: 'append'; readonly count: number; readonly size: number }
  | { readonly kind: 'epoch' | 'snapshot' | 'restart' | 'install' };

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 9 }),
        size: fc.constantFrom(0, 40, 700, 2500),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('epoch', 'snapshot', 'restart', 'install') }) },
  ),
  { minLength: 1, maxLength: 14 },
) as fc.Arbitrary<Step[]>;

type Damage = 'flip' | 'zeroSector' | 'garbageSector' | 'cut' | 'remove' | 'swap';
const DAMAGES: readonly Damage[] = ['flip', 'zeroSector', 'garbageSector', 'cut', 'remove', 'swap'];

interface Promised {
  readonly disk: MemoryDisk;
  readonly last: Zxid;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly tree: bigint;
}

const config = { ...TEST_CONFIG, maxBatchSize: 3, txnLogSizeLimitKb: 2 };

/** Works without any fault, then rests, long enough for the mark to follow if `rest` is set. */
function work(program: readonly Step[], rest = true): Promised {
  const disk = new MemoryDisk();
  let machine = new Machine(disk, config).settle();
  let names = 0;
  let epoch = 0;
  const nextZxid = (): Zxid => {
    const { last } = machine.heap.log;
    return epoch > epochOf(last) ? zxidOf(epoch, 1) : asZxid(last + 1);
  };
  for (const step of program) {
    const { store, heap, io } = machine;
    switch (step.kind) {
      case 'append':
        for (let i = 0; i < step.count; i++) {
          const data = new Uint8Array(step.size).fill((names % 200) + 1);
          storeAppend(store, heap, io, entryOf(nextZxid(), createTxn(`/n${names++}`, data)));
          if (i % 2 === 0) machine.settle();
        }
        break;
      case 'epoch':
        epoch += 1;
        storeSaveEpochs(store, io, { acceptedEpoch: epoch, currentEpoch: epoch });
        break;
      case 'snapshot':
        storeSnapshot(store, heap, config, io);
        break;
      case 'restart':
        machine = new Machine(disk, config).settle();
        break;
      case 'install':
        epoch += 1;
        storeSaveEpochs(store, io, { acceptedEpoch: epoch, currentEpoch: epoch });
        heap.tree = DataTree.fresh();
        for (let i = 1; i < 4; i++) heap.tree.apply(...applied(zxidOf(epoch, i), `/i${names++}`));
        storeInstall(store, heap, config, io);
        break;
      default:
        step satisfies never;
    }
    machine.settle();
    machine.applyTo(machine.heap.log.last);
  }
  if (rest) machine.now = { ...machine.now, monoMs: machine.now.monoMs + 10_000 };
  storeTick(machine.store, machine.heap, config, machine.io);
  machine.settle();
  const { tree, log } = machine.heap;
  return { disk, last: log.last, acceptedEpoch: epoch, currentEpoch: epoch, tree: tree.stateDigest() };
}

function applied(zxid: Zxid, path: string): Parameters<DataTree['apply']> {
  return [{ clientId: 1n as never, cxid: 0, zxid, time: 1, type: 1 }, createTxn(path, new Uint8Array(9))];
}

const SECTOR = 512;

/** The files with one of them damaged; null when the damage changes nothing. */
function damaged(
  files: Map<string, Uint8Array>,
  kind: Damage,
  seed: number,
  among: (path: string) => boolean = () => true,
): Map<string, Uint8Array> | null {
  const random = randomOf(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const paths = [...files.keys()].filter(among);
  const path = paths[below(paths.length)]!;
  const original = files.get(path)!;
  const bytes = original.slice();
  if (bytes.length === 0) return null;
  const at = below(bytes.length);
  const sector = Math.floor(at / SECTOR) * SECTOR;
  switch (kind) {
    case 'flip':
      bytes[at]! ^= 1 << below(8);
      break;
    case 'zeroSector':
      bytes.fill(0, sector, sector + SECTOR);
      break;
    case 'garbageSector':
      for (let i = sector; i < Math.min(sector + SECTOR, bytes.length); i++) bytes[i] = below(256);
      break;
    case 'cut':
      files.set(path, bytes.slice(0, at));
      return files;
    case 'remove':
      files.delete(path);
      return files;
    case 'swap': {
      // A sector of another file, as a write that went astray leaves it.
      const other = files.get(paths[below(paths.length)]!)!;
      const from = Math.floor(below(other.length) / SECTOR) * SECTOR;
      bytes.set(other.subarray(from, Math.min(from + SECTOR, from + bytes.length - sector)), sector);
      break;
    }
    default:
      kind satisfies never;
  }
  files.set(path, bytes);
  return Buffer.compare(bytes, original) === 0 ? null : files;
}

/** More with `STORAGE_RUNS=1000 npx vitest run test/property/storage-damage.test.ts`. */
const RUNS = Number(process.env.STORAGE_RUNS ?? 20);

describe('one damaged file', () => {
  for (const kind of DAMAGES) {
    it(`${kind}: everything promised is there, or a full sync is asked for`, () => {
      fc.assert(
        fc.property(steps, fc.array(fc.integer(), { minLength: 6, maxLength: 6 }), (program, seeds) => {
          const promised = work(program);
          for (const seed of seeds) {
            const files = damaged(promised.disk.files(), kind, seed);
            if (files !== null) judge(files, promised);
          }
        }),
        { numRuns: RUNS },
      );
    });
  }
});

describe('one flipped bit where the mark does not help', () => {
  const seedsOf = fc.array(fc.integer(), { minLength: 20, maxLength: 20 });

  it('in what was promised a moment ago', () => {
    fc.assert(
      fc.property(steps, seedsOf, (program, seeds) => {
        const promised = work(program, false);
        for (const seed of seeds) {
          const files = damaged(promised.disk.files(), 'flip', seed);
          if (files !== null) judge(files, promised);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('in a directory without a mark, as a Java server leaves it', () => {
    fc.assert(
      fc.property(steps, seedsOf, (program, seeds) => {
        const promised = work(program);
        for (const seed of seeds) {
          const files = promised.disk.files();
          files.delete('log/version-2/promised');
          // Epoch files without a witness are what they are.
          const result = damaged(files, 'flip', seed, (path) => !path.endsWith('Epoch'));
          if (result !== null) judge(result, promised);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function judge(files: Map<string, Uint8Array>, promised: Promised): void {
  const machine = new Machine(MemoryDisk.of(files), config).settle();
  const { recovery } = machine;
  if (recovery.mustResync) {
    // And it can be given everything.
    storeInstall(machine.store, machine.heap, config, machine.io);
    machine.settle();
    expect(machine.events.at(-1)?.type).toBe('installed');
    expect(new Machine(machine.disk, config).settle().recovery.mustResync).toBe(false);
    return;
  }
  const found = `recovered ${recovery.lastZxid.toString(16)} of ${promised.last.toString(16)}: ${recovery.notes}`;
  expect(recovery.lastZxid, found).toBe(promised.last);
  expect(recovery.acceptedEpoch, found).toBeGreaterThanOrEqual(promised.acceptedEpoch);
  expect(recovery.currentEpoch, found).toBe(promised.currentEpoch);
  machine.applyTo(recovery.lastZxid);
  expect(machine.heap.tree.stateDigest(), found).toBe(promised.tree);
}
