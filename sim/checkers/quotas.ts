/**
 * Hard quotas, counted from the committed history alone: nodes and bytes of every tree that has limits.
 *
 * Only limits that were there before the first node below them are judged, since what was there before is counted when they
 * are set, and that is not the subject here. A quota is two nodes, and nothing is enforced while there is no
 * `zookeeper_stats` (`checkQuota` in `core/tree/quota.ts`): a client that loses its
 * connection between the two may leave limits that bind nobody.
 */

import { showZxid } from '../../core/types.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { utf8Decode } from '../../core/wire/utf8.ts';
import type { Report } from './properties.ts';

const LIMITS = /^\/zookeeper\/quota(\/.+)\/zookeeper_limits$/;
const STATS = /^\/zookeeper\/quota(\/.+)\/zookeeper_stats$/;
const HARD_COUNT = /countHardLimit=([0-9]+)/;
const HARD_BYTES = /byteHardLimit=([0-9]+)/;

interface Limits {
  readonly count: number;
  readonly bytes: number;
}

export class Quotas {
  /** Sizes of data by path. */
  readonly #nodes = new Map<string, number>();
  readonly #limits = new Map<string, Limits>();
  /** Roots whose stats node is there. */
  readonly #counted = new Set<string>();
  /** Ephemeral nodes by session. */
  readonly #owned = new Map<bigint, Set<string>>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  onCommitted(header: TxnHeader, txn: Txn): void {
    switch (txn.kind) {
      case 'create':
        if (txn.ephemeral) this.#ownedBy(header.clientId).add(txn.path);
        this.#onCreate(header, txn.path, txn.data);
        return;
      case 'createContainer':
      case 'createTTL':
        this.#onCreate(header, txn.path, txn.data);
        return;
      case 'setData':
        this.#onSet(header, txn.path, txn.data);
        return;
      case 'delete':
        this.#onDelete(txn.path);
        return;
      case 'closeSession':
        for (const path of this.#ownedBy(header.clientId)) this.#nodes.delete(path);
        this.#owned.delete(header.clientId);
        return;
      case 'multi':
        // One part that failed makes the others mean nothing.
        if (txn.parts.some(({ txn: part }) => part.kind === 'error')) return;
        for (const { txn: part } of txn.parts) this.onCommitted(header, part);
        return;
      default:
        return;
    }
  }

  #ownedBy(session: bigint): Set<string> {
    const known = this.#owned.get(session) ?? new Set<string>();
    this.#owned.set(session, known);
    return known;
  }

  #onDelete(path: string): void {
    this.#nodes.delete(path);
    this.#limits.delete(LIMITS.exec(path)?.[1] ?? '');
    this.#counted.delete(STATS.exec(path)?.[1] ?? '');
    for (const owned of this.#owned.values()) owned.delete(path);
  }

  #onCreate(header: TxnHeader, path: string, data: Uint8Array | null): void {
    this.#nodes.set(path, data?.length ?? 0);
    this.#learnStats(path);
    if (!this.#learnLimits(path, data)) this.#judge(header, path);
  }

  #onSet(header: TxnHeader, path: string, data: Uint8Array | null): void {
    const before = this.#nodes.get(path);
    this.#nodes.set(path, data?.length ?? 0);
    if (!this.#learnLimits(path, data) && before !== (data?.length ?? 0)) this.#judge(header, path);
  }

  #learnLimits(path: string, data: Uint8Array | null): boolean {
    const root = LIMITS.exec(path)?.[1];
    if (root === undefined) return false;
    const text = (data === null ? null : utf8Decode(data)) ?? '';
    const numberOf = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
    if (this.#below(root).length <= 1)
      this.#limits.set(root, { count: numberOf(HARD_COUNT), bytes: numberOf(HARD_BYTES) });
    else this.#limits.delete(root);
    return true;
  }

  /** From here on the quota is enforced; what came before nobody was kept from. */
  #learnStats(path: string): void {
    const root = STATS.exec(path)?.[1];
    if (root === undefined) return;
    this.#counted.add(root);
    if (this.#below(root).length > 1) this.#limits.delete(root);
  }

  #below(root: string): number[] {
    return [...this.#nodes].filter(([path]) => path === root || path.startsWith(`${root}/`)).map(([, size]) => size);
  }

  #judge({ zxid }: TxnHeader, path: string): void {
    for (const [root, { count, bytes }] of this.#limits) {
      if (!path.startsWith(`${root}/`) || !this.#counted.has(root)) continue;
      const sizes = this.#below(root);
      const size = sizes.reduce((sum, each) => sum + each, 0);
      if (sizes.length <= count && size <= bytes) continue;
      this.#report(
        'quota-kept',
        `with ${showZxid(zxid)} there are ${sizes.length} nodes and ${size} bytes in ${root}; ${count} and ${bytes} are allowed`,
      );
      return;
    }
  }
}
