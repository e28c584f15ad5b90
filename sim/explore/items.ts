/**
 * What is under way between two servers, as numbers.
 *
 * An item is a whole message or an event of a connection on its way: the dial, its acceptance or refusal, the end. A queue
 * is everything under way from one server to another on one channel, in order; bytes are not cut. Both are interned: equal
 * queues are the same number, so taking the first item off or adding one is a look-up.
 *
 * A connection is named by channel, dialler and acceptor, since no server has two at a time: whoever dials again has closed
 * the one before. Connections between the same servers on the same channel therefore share a queue and do not overtake
 * each other, which is the one restriction of this model of the network.
 */

import { assert } from '../../core/types.ts';
import type { ByteStore } from './canon.ts';
import { PairMap } from './tables.ts';

export const ELECTION = 0;
export const QUORUM = 1;
export type ChannelIndex = typeof ELECTION | typeof QUORUM;

export type ItemKind = 'data' | 'dial' | 'opened' | 'refused' | 'close';

export interface Item {
  readonly kind: ItemKind;
  readonly channel: ChannelIndex;
  readonly from: number;
  readonly to: number;
  /** Whether the connection it belongs to was dialled by `from`. */
  readonly dialled: boolean;
  readonly bytes: Uint8Array | null;
}

/** Below are the inputs that are no items (`INPUT`). */
export const FIRST_ITEM = 128;

export class Items {
  private readonly items: Item[] = [];
  private readonly ids = new Map<string, number>();
  private readonly bytes: ByteStore;

  constructor(bytes: ByteStore) {
    this.bytes = bytes;
  }

  intern(item: Item): number {
    const content = item.bytes === null ? '' : this.bytes.idOf(item.bytes);
    const text = `${item.kind} ${item.channel} ${item.from} ${item.to} ${item.dialled} ${content}`;
    let id = this.ids.get(text);
    if (id === undefined) {
      id = FIRST_ITEM + this.items.length;
      this.items.push(item.bytes === null ? item : { ...item, bytes: this.bytes.intern(item.bytes) });
      this.ids.set(text, id);
    }
    return id;
  }

  get(id: number): Item {
    return this.items[id - FIRST_ITEM]!;
  }

  get count(): number {
    return this.items.length;
  }
}

/** Which kinds of items a queue holds, for connections that the sender dialled, and for those it accepted. */
const CLOSE_OF_DIALLED = 1;
const CLOSE_OF_ACCEPTED = 2;
const HAS_DIAL = 4;
const CONNECTS = 8;
const DIAL_IS_FIRST = 16;

export const EMPTY_QUEUE = 0;

export class Queues {
  private readonly contents: (readonly number[])[] = [[]];
  /** The first item of each, or -1. */
  private readonly heads: number[] = [-1];
  private readonly flags: number[] = [0];
  private readonly rests: number[] = [EMPTY_QUEUE];
  private readonly ids = new Map<string, number>([['', EMPTY_QUEUE]]);
  private readonly appended = new PairMap();
  private readonly items: Items;

  constructor(items: Items) {
    this.items = items;
  }

  of(list: readonly number[]): number {
    const text = list.join();
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.contents.length;
      this.ids.set(text, id);
      this.contents.push(list);
      this.heads.push(list[0] ?? -1);
      this.flags.push(this.flagsOf(list));
      this.rests.push(-1);
    }
    return id;
  }

  private flagsOf(list: readonly number[]): number {
    let flags = 0;
    const first = list[0] === undefined ? null : this.items.get(list[0]).kind;
    if (first === 'dial' || first === 'opened') flags |= CONNECTS;
    if (first === 'dial') flags |= DIAL_IS_FIRST;
    for (const id of list) {
      const { kind, dialled } = this.items.get(id);
      if (kind === 'close' || kind === 'refused') flags |= dialled ? CLOSE_OF_DIALLED : CLOSE_OF_ACCEPTED;
      if (kind === 'dial') flags |= HAS_DIAL;
    }
    return flags;
  }

  get(queue: number): readonly number[] {
    return this.contents[queue]!;
  }

  head(queue: number): number {
    return this.heads[queue]!;
  }

  rest(queue: number): number {
    assert(queue !== EMPTY_QUEUE, 'nothing is under way');
    const known = this.rests[queue]!;
    if (known >= 0) return known;
    const rest = this.of(this.contents[queue]!.slice(1));
    this.rests[queue] = rest;
    return rest;
  }

  append(queue: number, item: number): number {
    const known = this.appended.get(queue, item);
    if (known >= 0) return known;
    const made = this.of([...this.contents[queue]!, item]);
    this.appended.set(queue, item, made);
    return made;
  }

  /** Whether the sender has given up the connection that it dialled (or accepted). */
  isClosed(queue: number, dialled: boolean): boolean {
    return (this.flags[queue]! & (dialled ? CLOSE_OF_DIALLED : CLOSE_OF_ACCEPTED)) !== 0;
  }

  hasDial(queue: number): boolean {
    return (this.flags[queue]! & HAS_DIAL) !== 0;
  }

  dialIsFirst(queue: number): boolean {
    return (this.flags[queue]! & DIAL_IS_FIRST) !== 0;
  }

  /** Whether the first item is part of making a connection. */
  connects(queue: number): boolean {
    return (this.flags[queue]! & CONNECTS) !== 0;
  }

  /** Only what satisfies the condition. */
  filter(queue: number, keep: (item: Item) => boolean): number {
    if (queue === EMPTY_QUEUE) return EMPTY_QUEUE;
    const list = this.contents[queue]!;
    const kept = list.filter((id) => keep(this.items.get(id)));
    return kept.length === list.length ? queue : this.of(kept);
  }
}
