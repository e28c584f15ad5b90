/** What the programs of a run tell of what they did: operations for the search, and what they believed meanwhile. */

import { assert } from '../../core/types.ts';
import type { Operation, OperationOutcome, Plain } from '../checkers/history/search/operation.ts';
import type { Told } from './program.ts';

/** An operation, and the events of the trace between which it lies. */
export interface ToldOperation extends Operation {
  readonly events: readonly number[];
}

/** While this lasted, a client acted as the holder of a lock. */
interface Belief {
  readonly key: string;
  readonly client: number;
  /** Places in the order of what was told. */
  readonly from: number;
  until: number;
}

export interface Who {
  readonly client: number;
  readonly guid: string;
}

interface Begun {
  readonly object: string;
  readonly process: string;
  readonly f: string;
  readonly key: string;
  value: Plain;
  outcome: OperationOutcome | 'dropped';
  result: Plain;
  readonly invokedAt: number;
  respondedAt: number;
  readonly events: number[];
}

export class RecipeHistory {
  readonly #begun: Begun[] = [];
  readonly #beliefs: Belief[] = [];
  /** By path, the programs that one event of it has woken, with their clients. */
  readonly #woken = new Map<string, Map<string, number>>();
  readonly #eventId: () => number;
  #at = 0;
  /** Programs that ran to their end, and that were begun. */
  ended = 0;
  started = 0;

  constructor(eventId: () => number) {
    this.#eventId = eventId;
  }

  begin({ client }: Who, object: string, f: string, { key, value = null }: { key: string; value?: Plain }): Told {
    const begun: Begun = {
      object,
      process: `c${client}`,
      f,
      key,
      value,
      outcome: 'info',
      result: null,
      invokedAt: this.#at++,
      respondedAt: Number.POSITIVE_INFINITY,
      events: [this.#eventId()],
    };
    this.#begun.push(begun);
    const end = (outcome: Begun['outcome'], result: Plain): void => {
      assert(begun.outcome === 'info', 'an operation ends once');
      begun.outcome = outcome;
      begun.result = result;
      begun.respondedAt = this.#at++;
      begun.events.push(this.#eventId());
    };
    return {
      ok: (result = null) => end('ok', result),
      fail: () => end('fail', null),
      drop: () => end('dropped', null),
      wants: (wanted) => {
        begun.value = wanted;
      },
    };
  }

  believe({ client }: Who, key: string): () => void {
    const belief: Belief = { key, client, from: this.#at++, until: Number.POSITIVE_INFINITY };
    this.#beliefs.push(belief);
    return () => {
      belief.until = Math.min(belief.until, this.#at++);
    };
  }

  woken({ client, guid }: Who, path: string): void {
    const woken = this.#woken.get(path) ?? new Map<string, number>();
    this.#woken.set(path, woken.set(guid, client));
  }

  /** Of one object, in the order of their beginnings; what ended without saying anything is left out. */
  operationsOf(object: string): ToldOperation[] {
    const told = this.#begun.filter((begun) => begun.object === object && begun.outcome !== 'dropped');
    return told.map(({ process, f, key, value, outcome, result, invokedAt, respondedAt, events }, id) => {
      const isOpen = outcome === 'info';
      return {
        id,
        process,
        f,
        key,
        value,
        outcome: outcome as OperationOutcome,
        result,
        error: null,
        invokedAt,
        respondedAt: isOpen ? Number.POSITIVE_INFINITY : respondedAt,
        events,
      };
    });
  }

  /** Paths of which an event has woken several that waited for it alone. */
  herds(): { readonly path: string; readonly clients: readonly number[] }[] {
    return [...this.#woken]
      .filter(([, woken]) => woken.size > 1)
      .map(([path, woken]) => ({ path, clients: [...woken.values()] }));
  }

  /** How often a client began to believe that it holds a lock while another one did. */
  sharedBeliefs(): number {
    return this.#beliefs.filter(({ key, client, from }) =>
      this.#beliefs.some(
        (other) => other.key === key && other.client !== client && other.from < from && from < other.until,
      ),
    ).length;
  }
}
