/** One incarnation of the storage machine on a `MemoryDisk`, driven step by step. */

import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import type { PeerConfig } from '../../../core/config/types.ts';
import type { Heap } from '../../../core/heap.ts';
import type { Effect, Io, Lane } from '../../../core/io.ts';
import {
  type Recovery,
  type StoreEvent,
  type StoreState,
  storeBoot,
  storeFlush,
  storeStep,
} from '../../../core/storage/store.ts';
import { TxnWindow } from '../../../core/storage/window.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { WatchTable } from '../../../core/tree/watches.ts';
import { asConn, type SessionId, ZXID_ZERO, type Zxid } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import type { LogEntry, Txn } from '../../../core/wire/txn.ts';
import { decodeTxn, encodeTxn } from '../../../core/wire/txn-codec.ts';
import { MemoryDisk, type Random } from './memory-disk.ts';

type FileEffect = Extract<Effect, { type: 'file' }>;
type Note = Extract<Effect, { type: 'note' }>;

export const TEST_CONFIG: PeerConfig = { ...DEFAULT_CONFIG, preAllocSizeKb: 4 };

export function emptyHeap(): Heap {
  return {
    tree: DataTree.fresh(),
    log: new TxnWindow(ZXID_ZERO),
    watches: new WatchTable(),
    outgoing: new Map(),
    incoming: null,
    saving: null,
    loading: null,
  };
}

export class Machine {
  readonly disk: MemoryDisk;
  readonly config: PeerConfig;
  readonly heap = emptyHeap();
  readonly io: Io;
  readonly notes: Note[] = [];
  /** Everything asked for, in order. */
  readonly asked: FileEffect[] = [];
  readonly events: StoreEvent[] = [];
  readonly store: StoreState;
  private readonly lanes = new Map<Lane, FileEffect[]>();
  /** Nothing of these lanes is executed. */
  readonly held = new Set<Lane>();
  now = { monoMs: 1000, wallMs: 1_700_000_000_000 };

  constructor(disk: MemoryDisk, config: PeerConfig = TEST_CONFIG, generation = 1) {
    this.disk = disk;
    this.config = config;
    const machine = this;
    this.io = {
      get now() {
        return machine.now;
      },
      emit: (effect) => this.onEffect(effect),
      newConn: () => asConn(-1),
    };
    this.store = storeBoot(config, { generation, sessionSecret: new Uint8Array(16), jitterSeed: 7 }, this.io);
  }

  private onEffect(effect: Effect): void {
    if (effect.type === 'note') {
      this.notes.push(effect);
    } else if (effect.type === 'file') {
      this.asked.push(effect);
      const lane = this.lanes.get(effect.lane) ?? [];
      lane.push(effect);
      this.lanes.set(effect.lane, lane);
    } else {
      throw new Error(`storage emitted ${effect.type}`);
    }
  }

  get pendingCount(): number {
    let count = 0;
    for (const lane of this.lanes.values()) count += lane.length;
    return count;
  }

  flush(): void {
    storeFlush(this.store, this.heap, this.config, this.io);
  }

  /** Executes one pending operation, of a lane that `random` chooses, and delivers its completion. False: none. */
  stepOnce(random: Random = () => 0): boolean {
    const busy = [...this.lanes].filter(([lane, queue]) => queue.length > 0 && !this.held.has(lane));
    if (busy.length === 0) return false;
    const [, queue] = busy[Math.floor(random() * busy.length)]!;
    const effect = queue.shift()!;
    const result = this.disk.run(effect.action);
    const done = { type: 'fileDone', op: effect.op, generation: effect.generation, result } as const;
    this.events.push(...storeStep(this.store, this.heap, this.config, this.io, done));
    this.flush();
    return true;
  }

  /** Runs until nothing is in flight. */
  settle(random?: Random): this {
    this.flush();
    while (this.stepOnce(random));
    return this;
  }

  get recovery(): Recovery {
    const event = this.events.find((candidate) => candidate.type === 'recovered');
    if (event?.type !== 'recovered') throw new Error(`no recovery: ${JSON.stringify(this.events)}`);
    return event.recovery;
  }

  /** Applies the history to the tree up to `zxid`. */
  applyTo(zxid: Zxid): void {
    const { tree, log } = this.heap;
    for (let i = log.firstAfter(tree.lastZxid); i < log.length && log.get(i).zxid <= zxid; i++) {
      applyEntry(tree, log.get(i));
    }
  }
}

export function applyEntry(tree: DataTree, entry: LogEntry): void {
  const decoded = decodeTxn(entry.bytes);
  if (!decoded.ok) throw new Error(`undecodable: ${decoded.error}`);
  tree.apply(decoded.value.header, decoded.value.txn);
}

/** Boots on the disk and runs recovery to its end. */
export function recover(disk: MemoryDisk, config?: PeerConfig): Machine {
  return new Machine(disk, config).settle();
}

const TYPE_OF: Readonly<Record<string, number>> = {
  create: Op.create,
  delete: Op.delete,
  setData: Op.setData,
  createSession: Op.createSession,
  closeSession: Op.closeSession,
  error: Op.error,
};

export function entryOf(zxid: Zxid, txn: Txn, clientId = 0x1234n as SessionId): LogEntry {
  const header = { clientId, cxid: 1, zxid, time: 1_700_000_000_000 + (zxid % 1000), type: TYPE_OF[txn.kind]! };
  return { zxid, bytes: encodeTxn(header, txn, null) };
}

export const createTxn = (path: string, data: Uint8Array): Txn => ({
  kind: 'create',
  path,
  data,
  acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
  ephemeral: false,
  parentCVersion: -1,
});

export { MemoryDisk };
