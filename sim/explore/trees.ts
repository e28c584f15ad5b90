/**
 * Data trees for servers that are thawed: shared until something changes them, and changed at most once in the same way.
 *
 * A tree is by far the largest part of a server. So a thawed server gets a stand-in, which delegates everything to a tree
 * that is never changed. A transaction moves the stand-in on to the tree that results from it, and since servers apply the
 * same transactions to the same trees all the time, that tree is remembered. Anything else that changes a tree (loading a
 * snapshot) makes the stand-in a whole copy, a tree like any other.
 */

import type { ApplyResult, DataTree } from '../../core/tree/data-tree.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { type ByteStore, copyGraph, copyOf, textOf } from './canon.ts';

interface Applied {
  readonly tree: DataTree;
  readonly result: ApplyResult;
}

const COPIES_THE_TREE = ['initConfig', 'openSnapshot', 'putSession', 'loadAcl', 'loadNode', 'endLoad'];

export class Trees {
  /** Stand-ins that are not in use. */
  private readonly idle: DataTree[] = [];
  /** The tree that a stand-in stands for. */
  private readonly frozen = new WeakMap<DataTree, DataTree>();
  /** By the tree before, and the text of the transaction. */
  private readonly applied = new WeakMap<DataTree, Map<string, Applied>>();
  private readonly bytes: ByteStore;
  private readonly remembers: boolean;

  constructor(bytes: ByteStore, remembers: boolean) {
    this.bytes = bytes;
    this.remembers = remembers;
  }

  standInFor(frozen: DataTree): DataTree {
    const standIn = this.idle.pop() ?? this.newStandIn();
    this.standFor(standIn, frozen);
    return standIn;
  }

  /** The tree that this one stands for, which is as good as it; null when it is not a stand-in. Ends its use. */
  giveBack(tree: DataTree): DataTree | null {
    const frozen = this.frozen.get(tree);
    if (frozen === undefined) return null;
    this.idle.push(tree);
    return frozen;
  }

  private standFor(standIn: DataTree, frozen: DataTree): void {
    this.frozen.set(standIn, frozen);
    Object.setPrototypeOf(standIn, frozen);
  }

  private newStandIn(): DataTree {
    const standIn = {} as DataTree & Record<string, unknown>;
    standIn.apply = (header, txn) => {
      const { tree, result } = this.apply(this.frozen.get(standIn)!, header, txn);
      this.standFor(standIn, tree);
      return copyOf(result);
    };
    for (const name of COPIES_THE_TREE) {
      standIn[name] = (...args: unknown[]) => {
        this.thaw(standIn);
        return (standIn as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
      };
    }
    return standIn;
  }

  private apply(before: DataTree, header: TxnHeader, txn: Txn): Applied {
    let known = this.applied.get(before);
    if (known === undefined) {
      known = new Map();
      this.applied.set(before, known);
    }
    const text = textOf([header, txn], this.bytes);
    let applied = this.remembers ? known.get(text) : undefined;
    if (applied === undefined) {
      const tree = copyGraph(before);
      applied = { tree, result: copyOf(tree.apply(header, txn)) };
      known.set(text, applied);
    }
    return applied;
  }

  private thaw(standIn: DataTree): void {
    const frozen = this.frozen.get(standIn)!;
    this.frozen.delete(standIn);
    const target = standIn as unknown as Record<string, unknown>;
    for (const name of ['apply', ...COPIES_THE_TREE]) delete target[name];
    Object.assign(target, copyGraph(frozen));
    Object.setPrototypeOf(standIn, Object.getPrototypeOf(frozen));
  }
}
