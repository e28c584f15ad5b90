/**
 * What followed from what. Two kinds of steps lead from one event to a later one: it caused it (scheduled it, or sent the
 * bytes that it reads), or both are of one host, which remembers. Together they are Lamport's happens-before. The world
 * itself (host 0) remembers nothing that hosts could learn of, so its events are joined by causes alone.
 */

import type { ChainLink, Cone, HostId, LogicalAxis } from './api.ts';
import type { Describer } from './describe.ts';
import type { Store } from './store.ts';

const CONE_MAX = 100_000;

export class Causality {
  readonly #store: Store;
  #madeAt = -1;
  /** Events that event i caused: `#effects` from `#first[i]` to `#first[i + 1]`. */
  #first = new Uint32Array(0);
  #effects = new Uint32Array(0);
  /** The event of the same host before event i, 0 for none. */
  #previous = new Uint32Array(0);
  #next = new Uint32Array(0);

  constructor(store: Store) {
    this.#store = store;
  }

  cone(index: number, direction: Cone['direction'], limit: number = CONE_MAX, by: 'cause' | 'order' = 'cause'): Cone {
    this.#refresh();
    const seen = new Set<number>([index]);
    let layer = [index];
    let isFull = false;
    while (layer.length > 0 && !isFull) {
      const further: number[] = [];
      for (const event of layer) {
        for (const other of this.#neighbours(event, direction, by)) {
          if (other === 0 || seen.has(other)) continue;
          if (seen.size > limit) {
            isFull = true;
            break;
          }
          seen.add(other);
          further.push(other);
        }
      }
      layer = further;
    }
    seen.delete(index);
    return { index, direction, events: Uint32Array.from(seen).sort(), more: isFull };
  }

  /** Events that this one caused, in order. */
  effectsOf(index: number, limit: number): number[] {
    this.#refresh();
    return Array.from(
      this.#effects.subarray(this.#first[index], Math.min(this.#first[index + 1]!, this.#first[index]! + limit)),
    );
  }

  #neighbours(event: number, direction: Cone['direction'], by: 'cause' | 'order'): number[] {
    if (direction === 'causes') {
      const cause = this.#store.events.cause.get(event - 1);
      return by === 'order' ? [cause, this.#previous[event]!] : [cause];
    }
    const effects = Array.from(this.#effects.subarray(this.#first[event], this.#first[event + 1]));
    return by === 'order' ? [...effects, this.#next[event]!] : effects;
  }

  /** The longest chain that leads to each event. */
  logical(): LogicalAxis {
    this.#refresh();
    const { count, events } = this.#store;
    const rank = new Uint32Array(count + 1);
    let max = 0;
    for (let index = 1; index <= count; index++) {
      const cause = events.cause.get(index - 1);
      const own = 1 + Math.max(cause === 0 ? 0 : rank[cause]!, rank[this.#previous[index]!]!);
      rank[index] = own;
      if (own > max) max = own;
    }
    return { rank, max };
  }

  // --- the shortest chain ---

  chain(a: number, b: number, describer: Describer): ChainLink[] | null {
    if (a < 1 || b < 1 || a > this.#store.count || b > this.#store.count) return null;
    const [from, to] = a <= b ? [a, b] : [b, a];
    this.#refresh();
    const path = this.#byCauses(from, to) ?? this.#byHosts(from, to);
    if (path === null) return null;
    return path.map(({ index, by }) => ({ index, by, sentence: describer.sentence(index) }));
  }

  /** The causes of an event form one line back; `from` is on it or not. */
  #byCauses(from: number, to: number): Omit<ChainLink, 'sentence'>[] | null {
    const path: Omit<ChainLink, 'sentence'>[] = [];
    for (let index = to; index >= from && index > 0; index = this.#store.events.cause.get(index - 1)) {
      path.push({ index, by: index === from ? 'start' : 'cause' });
      if (index === from) return path.reverse();
    }
    return null;
  }

  /**
   * The fewest causes, with stretches within a host between them. Backwards from the end: all earlier events of a host
   * that is reached are reached, so for each host only the latest such event counts, and each event is looked at once.
   */
  #byHosts(from: number, to: number): Omit<ChainLink, 'sentence'>[] | null {
    const { events } = this.#store;
    /** By host: the latest event reached, from which later event (its effect), and how far it has been looked through. */
    const reached = new Map<HostId, Reached[]>();
    const hostOf = (index: number): HostId => events.host.get(index - 1);
    const start: Reached = { index: to, effect: null };
    reached.set(hostOf(to), [start]);
    let layer: Reached[] = [start];
    const looked = new Map<HostId, number>();
    while (layer.length > 0) {
      for (const one of layer) {
        const isThere =
          one.index === from || (hostOf(one.index) === hostOf(from) && hostOf(from) !== 0 && from < one.index);
        if (isThere) return this.#pathFrom(from, one);
      }
      const further: Reached[] = [];
      for (const one of layer) this.#look(one, from, looked, reached, further);
      layer = further;
    }
    return null;
  }

  /** Finds what caused the events of a host up to `one`, as far as they were not looked at before. */
  #look(
    one: Reached,
    from: number,
    looked: Map<HostId, number>,
    reached: Map<HostId, Reached[]>,
    further: Reached[],
  ): void {
    const { events } = this.#store;
    const host = events.host.get(one.index - 1);
    const until = host === 0 ? one.index - 1 : Math.max(looked.get(host) ?? 0, from - 1);
    if (host !== 0) looked.set(host, Math.max(looked.get(host) ?? 0, one.index));
    for (let index = one.index; index > until; index = host === 0 ? 0 : this.#previous[index]!) {
      const cause = events.cause.get(index - 1);
      if (cause < from) continue;
      const causeHost = events.host.get(cause - 1);
      if (causeHost === host && host !== 0) continue;
      const known = reached.get(causeHost) ?? [];
      if (causeHost !== 0 && known.some((other) => other.index >= cause)) continue;
      const found: Reached = { index: cause, effect: { index, from: one } };
      reached.set(causeHost, [...known, found]);
      further.push(found);
    }
  }

  #pathFrom(from: number, last: Reached): Omit<ChainLink, 'sentence'>[] {
    const path: Omit<ChainLink, 'sentence'>[] = [{ index: from, by: 'start' }];
    for (let at: Reached | null = last; at !== null; at = at.effect?.from ?? null) {
      if (path.at(-1)!.index !== at.index) path.push({ index: at.index, by: 'host' });
      if (at.effect !== null) path.push({ index: at.effect.index, by: 'cause' });
    }
    return path;
  }

  #refresh(): void {
    const { count, events, byHost } = this.#store;
    if (this.#madeAt === count) return;
    this.#madeAt = count;
    const cause = events.cause.view();
    const first = new Uint32Array(count + 2);
    for (let row = 0; row < count; row++) if (cause[row]! > 0) first[cause[row]! + 1]!++;
    for (let i = 1; i < first.length; i++) first[i]! += first[i - 1]!;
    const fill = first.slice();
    const effects = new Uint32Array(first[count + 1]!);
    for (let row = 0; row < count; row++) if (cause[row]! > 0) effects[fill[cause[row]!]!++] = row + 1;
    this.#first = first;
    this.#effects = effects;
    this.#previous = new Uint32Array(count + 1);
    this.#next = new Uint32Array(count + 1);
    for (const [host, rows] of byHost) {
      if (host === 0) continue;
      const view = rows.view();
      for (let i = 1; i < view.length; i++) {
        this.#previous[view[i]!] = view[i - 1]!;
        this.#next[view[i - 1]!] = view[i]!;
      }
    }
  }
}

interface Reached {
  readonly index: number;
  /** The later event that this one caused, and the reached event of its host that comes at or after it. */
  readonly effect: { readonly index: number; readonly from: Reached } | null;
}
