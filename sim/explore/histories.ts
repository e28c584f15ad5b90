/**
 * Histories as numbers: the transactions of every log that was seen, as a tree in which each node is the history from the
 * beginning to here. Two servers hold the same history when they stand at the same node, and one history is a prefix of
 * another when its node is an ancestor of the other's.
 */

import { epochOf, ZXID_ZERO, type Zxid } from '../../core/types.ts';
import type { LogEntry } from '../../core/wire/txn.ts';
import type { ByteStore } from './canon.ts';
import { PairMap } from './tables.ts';

/** The empty history. */
export const ROOT = 0;

export class Histories {
  private readonly parents: number[] = [-1];
  private readonly zxids: Zxid[] = [ZXID_ZERO];
  private readonly contents: number[] = [-1];
  private readonly depths: number[] = [0];
  private readonly children = new PairMap();
  private readonly bytes: ByteStore;
  /** Contents that some leader proposed, by zxid. */
  private readonly proposed = new Set<string>();
  /** Nodes of which all entries were proposed, and of which all are in order. */
  private readonly native = new Set<number>([ROOT]);
  private readonly ordered = new Set<number>([ROOT]);

  constructor(bytes: ByteStore) {
    this.bytes = bytes;
  }

  /** The history that has one entry more. */
  extend(node: number, entry: LogEntry): number {
    const content = this.bytes.idOf(entry.bytes);
    const known = this.children.get(node, content);
    if (known >= 0) return known;
    const made = this.parents.length;
    this.parents.push(node);
    this.zxids.push(entry.zxid);
    this.contents.push(content);
    this.depths.push(this.depths[node]! + 1);
    this.children.set(node, content, made);
    return made;
  }

  zxidOf(node: number): Zxid {
    return this.zxids[node]!;
  }

  depthOf(node: number): number {
    return this.depths[node]!;
  }

  /** The longest prefix of `node` that ends at or before `zxid`. */
  upTo(node: number, zxid: Zxid): number {
    let at = node;
    while (at !== ROOT && this.zxids[at]! > zxid) at = this.parents[at]!;
    return at;
  }

  isPrefix(shorter: number, longer: number): boolean {
    let at = longer;
    while (this.depths[at]! > this.depths[shorter]!) at = this.parents[at]!;
    return at === shorter;
  }

  comparable(a: number, b: number): boolean {
    return this.depths[a]! <= this.depths[b]! ? this.isPrefix(a, b) : this.isPrefix(b, a);
  }

  notePrimary(entry: LogEntry): void {
    this.proposed.add(`${entry.zxid} ${this.bytes.idOf(entry.bytes)}`);
  }

  /** The first entry of the history that no leader proposed, or null. */
  unproposed(node: number): Zxid | null {
    if (this.native.has(node)) return null;
    for (let at = node; at !== ROOT; at = this.parents[at]!) {
      if (!this.proposed.has(`${this.zxids[at]} ${this.contents[at]}`)) return this.zxids[at]!;
    }
    this.native.add(node);
    return null;
  }

  /** An entry of a later epoch before one of an earlier epoch, or a gap within an epoch: its zxid, or null. */
  disorder(node: number): Zxid | null {
    if (this.ordered.has(node)) return null;
    for (let at = node; at !== ROOT; at = this.parents[at]!) {
      const [before, zxid] = [this.zxids[this.parents[at]!]!, this.zxids[at]!];
      const isNext = epochOf(zxid) === epochOf(before) ? zxid === before + 1 : epochOf(zxid) > epochOf(before);
      if (!isNext) return zxid;
    }
    this.ordered.add(node);
    return null;
  }

  /** A zxid that stands for different transactions in the two histories, or null. */
  clash(a: number, b: number): Zxid | null {
    for (let i = a; i !== ROOT; i = this.parents[i]!) {
      for (let j = b; j !== ROOT; j = this.parents[j]!) {
        if (this.zxids[i] === this.zxids[j] && this.contents[i] !== this.contents[j]) return this.zxids[i]!;
      }
    }
    return null;
  }

  /** The zxids of a history, oldest first. */
  list(node: number): Zxid[] {
    const zxids: Zxid[] = [];
    for (let at = node; at !== ROOT; at = this.parents[at]!) zxids.push(this.zxids[at]!);
    return zxids.reverse();
  }
}
