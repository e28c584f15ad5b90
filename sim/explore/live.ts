/**
 * Servers that live through a path as they would outside of an exploration: booted once, stepped in place, never frozen,
 * with names of connections, operations and tokens that are new each time. After every input a copy of the server is
 * brought into normal form and must be the very local state that the exploration went to, and must have sent the very same.
 *
 * So on this path nothing was lost by remembering transitions, nothing was merged that behaves differently, and no state
 * was shared that a step changed. A failure names the server and the input.
 */

import { INPUT, type Locals } from './locals.ts';
import type { System } from './system.ts';
import { LocalTurn } from './turn.ts';

export class Drift extends Error {
  override readonly name = 'Drift';
}

export class LiveServers {
  /** Inputs that were compared. */
  compared = 0;
  /** Called with the notes that each input left. */
  onNotes: ((server: number, notes: readonly string[]) => void) | null = null;
  private readonly locals: Locals;
  private readonly turns = new Map<number, LocalTurn>();

  /** Follows every step of the system from here on; all servers must be unborn. */
  constructor(system: System) {
    this.locals = system.locals;
    system.onStep = (server, input, before, transition) => this.follow(server, input, before, transition);
    system.onCrash = (server) => this.turns.delete(server);
  }

  private follow(server: number, input: number, before: number, transition: number): void {
    const { locals } = this;
    if (locals.faultIn(transition) > 0) return;
    const turn = input === INPUT.start ? this.boot(server, before) : this.step(server, input);
    this.compared += 1;
    this.onNotes?.(server, turn.notes);
    const sent = Array.from({ length: locals.effectCount(transition) }, (_, i) => locals.effectAt(transition, i));
    if (this.byQueue(turn.items()) !== this.byQueue(sent))
      throw new Drift(`server ${server + 1} sends something else at ${input}`);
    const next = locals.freeze(turn.twin());
    if (next !== locals.nextOf(transition)) throw new Drift(`server ${server + 1} comes to another state by ${input}`);
    turn.base = locals.baseOfLocal(next);
  }

  /** What is sent, queue by queue: which of two connections is written to first makes no difference (`canon.ts`). */
  private byQueue(items: readonly number[]): string {
    const queues = new Map<string, number[]>();
    for (const id of items) {
      const { channel, to } = this.locals.items.get(id);
      const name = `${channel}>${to}`;
      queues.set(name, [...(queues.get(name) ?? []), id]);
    }
    return [...queues]
      .map(([name, ids]) => `${name}:${ids.join()}`)
      .sort()
      .join(' ');
  }

  private boot(server: number, before: number): LocalTurn {
    const turn = LocalTurn.boot(this.locals, server, this.locals.diskOf(before));
    turn.live();
    this.turns.set(server, turn);
    return turn;
  }

  private step(server: number, input: number): LocalTurn {
    const turn = this.turns.get(server);
    if (turn === undefined) throw new Drift(`server ${server + 1} is not up`);
    turn.begin();
    this.locals.feed(turn, input);
    turn.settle(this.locals.settings.disk === 'atomic');
    return turn;
  }
}
