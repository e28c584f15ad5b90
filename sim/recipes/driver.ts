/** Runs one program on a client: hands its requests to the client machine, and resumes it with what comes back. */

import type { Call } from '../../core/client/calls.ts';
import type { ClientEffect, WatchedEvent } from '../../core/client/io.ts';
import { assert } from '../../core/types.ts';
import { Code } from '../../core/wire/opcodes.ts';
import type { World } from '../world/types.ts';
import { type Ask, type Heard, type Recipe, Refused, SessionOver, type Zk } from './program.ts';
import type { RecipeHistory, Who } from './told.ts';

export interface Surroundings {
  readonly world: World;
  readonly history: RecipeHistory;
  /** Asks the client machine; null while the process stands still. */
  request(call: Call): number | null;
}

/** A process that stands still is looked at again after this. */
const AGAIN_US = 20_000;
/** Events that nobody has waited for; the oldest goes first. */
const UNTAKEN_COUNT_MAX = 64;
const MS = 1000;

export class Driver {
  readonly #o: Surroundings;
  #recipe: Recipe | null = null;
  /** Which program a timer was set for. */
  #turn = 0;
  /** Which wait of it. */
  #wait = 0;
  #waiting: Ask | null = null;
  #requestId: number | null = null;
  #untaken: WatchedEvent[] = [];
  #beliefs: (() => void)[] = [];

  constructor(options: Surroundings) {
    this.#o = options;
  }

  get isBusy(): boolean {
    return this.#recipe !== null;
  }

  start(program: (zk: Zk) => Recipe, { who, random }: { readonly who: Who; readonly random: Zk['random'] }): void {
    assert(this.#recipe === null, 'one program at a time');
    const { history } = this.#o;
    history.started += 1;
    this.#turn += 1;
    this.#recipe = program({
      ...who,
      random,
      begin: (object, f, operation) => history.begin(who, object, f, operation),
      believe: (key) => {
        const end = history.believe(who, key);
        this.#beliefs.push(end);
        return end;
      },
      woken: (path) => history.woken(who, path),
    });
    this.#resume((recipe) => recipe.next(null));
  }

  onReply(reply: Extract<ClientEffect, { type: 'reply' }>): void {
    if (this.#recipe === null || reply.id !== this.#requestId) return;
    this.#requestId = null;
    // The session is gone for the server, whatever the client machine has heard so far.
    if (OVER.has(reply.err)) this.onOver();
    else this.#go(reply);
  }

  onEvent(event: WatchedEvent): void {
    if (this.#recipe === null) return;
    if (this.#waiting?.kind === 'event' && this.#waiting.path === event.path) {
      this.#go(event);
      return;
    }
    this.#untaken.push(event);
    if (this.#untaken.length > UNTAKEN_COUNT_MAX) this.#untaken.shift();
  }

  /** The session is over: the program is told, and may not ask for anything any more. */
  onOver(): void {
    if (this.#recipe === null) return;
    this.#resume((recipe) => recipe.throw(new SessionOver('the session is over')));
    assert(this.#recipe === null, 'a program without a session asks for nothing');
  }

  /** The process has died. The program is told nothing. */
  onDeath(): void {
    this.#end();
  }

  #end(): void {
    this.#recipe = null;
    this.#waiting = null;
    this.#requestId = null;
    this.#untaken = [];
    this.#wait += 1;
    for (const end of this.#beliefs) end();
    this.#beliefs = [];
  }

  #go(heard: Heard): void {
    this.#resume((recipe) => recipe.next(heard));
  }

  #resume(step: (recipe: Recipe) => IteratorResult<Ask, void>): void {
    const recipe = this.#recipe!;
    this.#waiting = null;
    this.#wait += 1;
    let next: IteratorResult<Ask, void>;
    try {
      next = step(recipe);
    } catch (error) {
      this.#end();
      if (error instanceof SessionOver || error instanceof Refused) return;
      throw error;
    }
    if (next.done === true) {
      this.#o.history.ended += 1;
      this.#end();
    } else this.#await(next.value);
  }

  #await(asked: Ask): void {
    this.#waiting = asked;
    switch (asked.kind) {
      case 'call':
        this.#ask(asked.call);
        return;
      case 'sleep':
        this.#after(asked.ms * MS, () => this.#go(null));
        return;
      case 'event': {
        const index = this.#untaken.findIndex(({ path }) => path === asked.path);
        const [taken] = index < 0 ? [] : this.#untaken.splice(index, 1);
        if (taken !== undefined) this.#after(0, () => this.#go(taken));
        else if (asked.ms !== null) this.#after(asked.ms * MS, () => this.#go(null));
        return;
      }
      default:
        asked satisfies never;
    }
  }

  #ask(call: Call): void {
    this.#requestId = this.#o.request(call);
    if (this.#requestId === null) this.#after(AGAIN_US, () => this.#ask(call));
  }

  /** Unless the program has gone on by then. */
  #after(us: number, action: () => void): void {
    const { world } = this.#o;
    const turn = this.#turn;
    const wait = this.#wait;
    world.at(world.timeUs + us, 'recipe', () => {
      if (this.#turn === turn && this.#wait === wait && this.#recipe !== null) action();
    });
  }
}

const OVER: ReadonlySet<number> = new Set([Code.SESSIONEXPIRED, Code.AUTHFAILED]);
