/**
 * What inputs made of servers, remembered by what they read.
 *
 * A step is a function: which slice it reads first depends on the input alone, which it reads next on the input and the
 * value of the first, and so on. So all outcomes of one input are the leaves of a tree: a node says which slice is looked
 * at, its branches are the values that were seen there. Whether an outcome is known for a server is found by walking down,
 * one look-up for each slice that the step would read, and an outcome holds for every server that leads to its leaf.
 *
 * That a second run which has read the same goes on to read the same slice is asserted whenever a leaf is added: a step
 * that depends on anything but its state and its input does not get far.
 */

import { assert } from '../../core/types.ts';
import type { SliceIndex, Slices } from './slices.ts';

interface Node<T> {
  readonly slice: SliceIndex;
  readonly branches: Map<number, Node<T> | Leaf<T>>;
}
interface Leaf<T> {
  readonly slice: null;
  readonly outcome: T;
}

const DIFFERENT = 'two runs that have read the same go on differently';

export class Memory<T> {
  private readonly roots = new Map<number, Node<T>>();

  /** What this input made of a server that agrees with this one in all that was read; null when there was none. */
  recall(input: number, slices: Slices): T | null {
    let node: Node<T> | Leaf<T> | undefined = this.roots.get(input);
    while (node !== undefined) {
      if (node.slice === null) return node.outcome;
      node = node.branches.get(slices[node.slice]!);
    }
    return null;
  }

  /** `reads` are the slices that were read, in that order. */
  remember(input: number, slices: Slices, reads: readonly SliceIndex[], outcome: T): void {
    assert(reads.length > 0, 'a step that reads nothing');
    let node = this.roots.get(input);
    if (node === undefined) {
      node = { slice: reads[0]!, branches: new Map() };
      this.roots.set(input, node);
    }
    for (let i = 0; ; i++) {
      assert(node.slice === reads[i], DIFFERENT);
      const value = slices[node.slice]!;
      if (i === reads.length - 1) {
        const known = node.branches.get(value);
        assert(known === undefined || known.slice === null, DIFFERENT);
        assert(known === undefined, 'an outcome is known already');
        node.branches.set(value, { slice: null, outcome });
        return;
      }
      let next: Node<T> | Leaf<T> | undefined = node.branches.get(value);
      if (next === undefined) {
        next = { slice: reads[i + 1]!, branches: new Map() };
        node.branches.set(value, next);
      }
      assert(next.slice !== null, DIFFERENT);
      node = next;
    }
  }
}
