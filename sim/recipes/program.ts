/**
 * Programs that use ZooKeeper, as generators: a program yields what it asks for and is resumed with what became of it. So a
 * recipe reads like the text it was made from, every wait is a point where the world may do something else, and there
 * are no promises: a generator runs when it is told to, in the order of the events of the world, and so the same seed gives the
 * same run.
 *
 * ```ts
 * function* take(zk: Zk): Recipe {
 *   const took = zk.begin('counter', 'add', { value: 1 });     // for the history that is judged
 *   const reply = yield* ask({ kind: 'setData', … });          // a request, over the wire
 *   if (reply.err === 0) took.ok();                            // else nobody knows
 *   yield* sleep(20);
 * }
 * ```
 *
 * A program ends by returning, by having nothing to ask any more because its session is over (`SessionOver` is thrown
 * into it, which it need not catch), or with its process. What it had begun to tell then stays unknown.
 */

import type { Call, CallBody, CallBodyOf } from '../../core/client/calls.ts';
import type { WatchedEvent } from '../../core/client/io.ts';
import { assert } from '../../core/types.ts';
import { Code } from '../../core/wire/opcodes.ts';
import type { Plain } from '../checkers/history/search/operation.ts';
import type { Stream } from '../world/types.ts';

/** What a program may yield. Use `ask`, `sleep` and `eventOf`. */
export type Ask =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'sleep'; readonly ms: number }
  /** `ms` null: for as long as it takes. */
  | { readonly kind: 'event'; readonly path: string; readonly ms: number | null };

/** The answer to a request, as the client machine gives it. */
export interface Reply {
  /** A `Code`. */
  readonly err: number;
  /** Below 0 when no server answered. */
  readonly zxid: number;
  readonly body: CallBody | null;
  /** False: no byte of it left the client, so it had no effect for certain. */
  readonly sent: boolean;
}

export type Heard = Reply | WatchedEvent | null;
export type Recipe<T = void> = Generator<Ask, T, Heard>;

/** What a program is given. */
export interface Zk {
  /** The number of its client. */
  readonly client: number;
  /** Unique in the run, and text that may stand in a path: what the recipes call a guid. */
  readonly guid: string;
  /** What this run of the program draws from. */
  readonly random: Stream;
  /**
   * Begins an operation on an object, whose model has the same name in the `RecipeBook`. It stays of unknown outcome until it
   * is told otherwise.
   */
  begin(object: string, f: string, operation: { readonly key: string; readonly value?: Plain }): Told;
  /** The program acts on it from here to its end, or until the function is called, that it holds the lock. */
  believe(key: string): () => void;
  /** It has waited for this event alone, and was woken. */
  woken(path: string): void;
}

/** An operation of the history that is judged. It ends at most once. */
export interface Told {
  ok(result?: Plain): void;
  /** It did not happen. */
  fail(): void;
  /** It says nothing at all. */
  drop(): void;
  /** It goes on until somebody ends it, and asks for this, which was not known at its beginning. */
  wants(value: Plain): void;
}

/** Thrown into a program that has no session any more. */
export class SessionOver extends Error {
  readonly code = 'SESSION_OVER';
}

/** Thrown by `done` when a server refuses what a program cannot do without. */
export class Refused extends Error {
  readonly code = 'REFUSED';
}

/** One request; what was lost on the way is answered with CONNECTIONLOSS. */
export function* ask(call: Call): Recipe<Reply> {
  const heard = yield { kind: 'call', call };
  assert(heard !== null && 'err' in heard, 'a request is resumed with a reply');
  return heard;
}

/** For so long, or longer while the process stands still. */
export function* sleep(ms: number): Recipe {
  yield { kind: 'sleep', ms };
}

/** The next event of a path that is watched, also one that has come already and nobody took; null after `ms`. */
export function* eventOf(path: string, ms: number | null = null): Recipe<WatchedEvent | null> {
  const heard = yield { kind: 'event', path, ms };
  assert(heard === null || 'path' in heard, 'a watch is resumed with an event');
  return heard;
}

/** Time between two attempts. */
const RETRY_MS = 50;

/** Whether it happened is not known: the connection was lost with the request on the wire. */
export const isUnknown = ({ err, zxid, sent }: Reply): boolean => err !== 0 && zxid < 0 && sent;

/** Refused, or lost, for a reason that passes. */
export const isPassing = ({ err }: Reply): boolean => PASSING.has(err);
const PASSING: ReadonlySet<number> = new Set([
  Code.CONNECTIONLOSS,
  Code.OPERATIONTIMEOUT,
  Code.SESSIONMOVED,
  Code.THROTTLEDOP,
]);

/** Asks until a server has said yes or no: for what may be asked twice. */
export function* insist(call: Call): Recipe<Reply> {
  for (;;) {
    const reply = yield* ask(call);
    if (!isPassing(reply)) return reply;
    yield* sleep(RETRY_MS);
  }
}

/** The body of a good answer. @throws Refused when it is none. */
export function done<K extends CallBody['kind']>({ err, body }: Reply, kind: K): CallBodyOf<K> {
  if (err !== 0 || body === null) throw new Refused(`answered with ${err}`);
  assert(body.kind === kind, 'a request is answered by what answers its kind');
  return body as CallBodyOf<K>;
}

export const pause = (): Recipe => sleep(RETRY_MS);
