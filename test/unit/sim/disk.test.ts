import { describe, expect, test } from 'vitest';
import { asZxid, type Zxid, zxidOf } from '../../../core/types.ts';
import { adler32 } from '../../../core/wire/adler32.ts';
import { concat } from '../../../core/wire/bytes.ts';
import { DiskOracle } from '../../../sim/checkers/disk.ts';
import type { DurableImage, DurableNode } from '../../../sim/world/types.ts';

/** A record as FileTxnLog writes it, around a transaction of nothing but a header. */
function record(zxid: Zxid): Uint8Array {
  const bytes = new Uint8Array(12 + 36 + 1);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(12 + 12, BigInt(zxid));
  view.setInt32(8, 36);
  view.setBigInt64(0, BigInt(adler32(bytes.subarray(12, 48))));
  bytes[48] = 0x42;
  return bytes;
}

const HEADER = new Uint8Array(16);
const SEALED = Uint8Array.of(9, 9, 0, 0, 0, 1, 0x2f);
const text = (said: string): Uint8Array => Uint8Array.from(said, (c) => c.charCodeAt(0));

/** A platter that tests write on. A change begins at offset 0 or where the test says. */
class Platter implements DurableImage {
  version = 0;
  readonly #files = new Map<string, Stamp>();
  #stamps: readonly Stamp[] = [];

  put(path: string, bytes: Uint8Array, changedAt = 0): void {
    this.version += 1;
    const known = this.#files.get(path);
    const node = known?.node ?? new Node(this.version);
    node.version += 1;
    node.bytes = bytes;
    node.changedAt = changedAt;
    if (known !== undefined) return;
    this.#files.set(path, { path, node });
    this.#rename();
  }

  remove(path: string): void {
    this.version += 1;
    this.#files.delete(path);
    this.#rename();
  }

  #rename(): void {
    this.#stamps = this.paths().map((path) => this.#files.get(path)!);
  }

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  stamps(): readonly Stamp[] {
    return this.#stamps;
  }

  file(path: string): DurableNode | null {
    return this.#files.get(path)?.node ?? null;
  }
}

class Node implements DurableNode {
  readonly id: number;
  version = 0;
  bytes: Uint8Array = new Uint8Array(0);
  changedAt = 0;

  constructor(id: number) {
    this.id = id;
  }

  get size(): number {
    return this.bytes.length;
  }

  changedSince(version: number): number {
    return version < this.version ? this.changedAt : Number.POSITIVE_INFINITY;
  }
}

interface Stamp {
  readonly path: string;
  readonly node: Node;
}

const LOG = 'log/version-2/log.100000001';
const [A, B, C] = [zxidOf(1, 1), zxidOf(1, 2), zxidOf(1, 3)];

describe('the disk oracle', () => {
  function oracle() {
    const platter = new Platter();
    const held: Zxid[] = [];
    const lost: Zxid[] = [];
    const disk = new DiskOracle(() => platter, { held: (zxid) => held.push(zxid), lost: (zxid) => lost.push(zxid) });
    return { platter, held, lost, disk };
  }

  test('reads what was appended, once', () => {
    const { platter, held, disk } = oracle();
    platter.put(LOG, concat([HEADER, record(A)]));
    disk.refresh();
    platter.put(LOG, concat([HEADER, record(A), record(B), new Uint8Array(64)]), 16 + 49);
    disk.refresh();
    disk.refresh();
    expect(held).toEqual([A, B]);
    expect([disk.holds(A), disk.holds(B), disk.holds(C)]).toEqual([true, true, false]);
  });

  test('a torn record is not held', () => {
    const { platter, disk } = oracle();
    const torn = record(B);
    torn[30] = 1;
    platter.put(LOG, concat([HEADER, record(A), torn, record(C)]));
    disk.refresh();
    expect([disk.holds(A), disk.holds(B), disk.holds(C)]).toEqual([true, false, false]);
  });

  test('tells what a truncation took', () => {
    const { platter, lost, disk } = oracle();
    platter.put(LOG, concat([HEADER, record(A), record(B)]));
    disk.refresh();
    platter.put(LOG, concat([HEADER, record(A), new Uint8Array(49)]), 16 + 49);
    disk.refresh();
    expect(lost).toEqual([B]);
    expect(disk.holds(B)).toBe(false);
  });

  test('a log whose records a snapshot covers may go', () => {
    const { platter, lost, disk } = oracle();
    platter.put(LOG, concat([HEADER, record(A), record(B)]));
    disk.refresh();
    platter.put('data/version-2/snapshot.100000002', SEALED);
    platter.remove(LOG);
    disk.refresh();
    expect(lost).toEqual([]);
    expect(disk.snapshotZxid).toBe(B);
    expect(disk.holds(A)).toBe(true);
  });

  test('half a snapshot is none', () => {
    const { platter, disk } = oracle();
    platter.put('data/version-2/snapshot.100000002', SEALED.subarray(0, 5));
    disk.refresh();
    expect(disk.snapshotZxid).toBe(asZxid(0));
  });

  test('reads the epoch files', () => {
    const { platter, disk } = oracle();
    platter.put('data/version-2/acceptedEpoch', text('5'));
    platter.put('data/version-2/currentEpoch', text('4'));
    disk.refresh();
    expect([disk.acceptedEpoch, disk.currentEpoch]).toEqual([5, 4]);
  });
});
