/**
 * Breadth first over the states of a scope, each visited once.
 *
 * **Shortest counterexamples.** States are taken in the order of their distance from the start, so the first broken
 * promise has a shortest path. Of each state only its fingerprint is kept, and half the fingerprint of the state it was
 * reached from (`tables.ts`). When a promise is broken, the halves give the fingerprints on a path back to the start, and
 * running forward again from the start, always to a state that is on it, gives the actions.
 *
 * **Actions that change places.** Deliveries, disk operations and election timers of different servers commute: each takes
 * from the front of a queue to its server, and adds to the end of queues from its server. When such an action `a` of server
 * i has just led from s to t, and another, `b` of server j < i, was possible in s already, then s·b·a = s·a·b, and the
 * latter is not computed: t leaves `b` out. This is a sleep set with a memory of one step. No state is missed:
 *
 *   Let every successor of every state at a smaller distance be visited (induction). Suppose t at distance d leaves out b,
 *   which leads to u. Then t' = s·b is visited, at distance d at most. If it is nearer, u is visited by the induction.
 *   Else the edge from t' by a to u is either computed, or left out in turn because of an action c of a server greater
 *   than that of a. So the server of the last action into u grows with each such change, and the chain ends with an edge
 *   that is computed.
 *
 * In scopes that take an election in one step only actions after which nothing follows by itself count as such.
 *
 * So distances are right, all states are seen, and with them everything that is checked state by state; what is checked
 * on the way (the ghost) is the same in both orders. Only work is saved.
 */

import { ALL_SHORTCUTS } from './locals.ts';
import type { Scope } from './scopes.ts';
import { ACTIONS_MAX, type State, System, serverOfAction } from './system.ts';
import { Fingerprints, hashHigh, hashLow, IntList, rehashLow } from './tables.ts';
import type { Fault } from './turn.ts';

export interface Limits {
  readonly statesMax: number;
  readonly cpuSecondsMax: number;
}

export interface Progress {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly queue: number;
}

export type Verdict = 'exhausted' | 'bounded' | 'violation';

export interface Report {
  readonly scope: string;
  readonly verdict: Verdict;
  readonly states: number;
  /** Successors computed, and left out because the same state is reached in another order. */
  readonly transitions: number;
  readonly pruned: number;
  readonly depth: number;
  /** States in which nothing but clients and faults could go on. */
  readonly quiet: number;
  /** States that were not followed because of the scope's bound on election rounds. */
  readonly beyond: number;
  readonly locals: number;
  readonly localTransitions: number;
  readonly steps: number;
  readonly tableBytes: number;
  readonly bytesPerState: number;
  readonly collisionProbability: number;
  readonly cpuSeconds: number;
  readonly violation: Violation | null;
}

export interface Violation {
  readonly fault: Fault;
  /** From the end of the prologue on. */
  readonly actions: readonly number[];
}

export interface SearchSettings {
  readonly limits?: Partial<Limits>;
  /** Compute every order of independent actions, to compare. */
  readonly allOrders?: boolean;
  /** Keep what servers will not read again (`deadOf`), to compare. */
  readonly allFields?: boolean;
  /** Called with every state in which nothing is left to happen. */
  readonly onQuiet?: (state: State, system: System) => void;
}

const NO_LIMITS: Limits = { statesMax: Number.POSITIVE_INFINITY, cpuSecondsMax: Number.POSITIVE_INFINITY };
/** What a queued state has beside it. */
const NOTES = 3;
/** So many states between two looks at the clock. */
const STRIDE = 512;

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export function search(scope: Scope, settings: SearchSettings = {}): Report {
  const going = searching(scope, settings);
  for (;;) {
    const { done, value } = going.next(false);
    if (done === true) return value;
  }
}

/** The same with pauses, in each of which it says how far it is. A pause that is answered with true ends it there. */
export function searching(scope: Scope, settings: SearchSettings = {}): Generator<Progress, Report, boolean> {
  return new Search(scope, settings).run();
}

class Search {
  private readonly system: System;
  private readonly settings: SearchSettings;
  private readonly limits: Limits;
  private readonly seen = new Fingerprints();
  private readonly width: number;
  /** States of the present and of the next distance, each with what its last action was and its two hashes. */
  private now = new IntList();
  private later = new IntList();
  private readonly state: State;
  private readonly next: State;
  private readonly actions = new Int32Array(ACTIONS_MAX);
  private readonly start: State;
  private transitions = 0;
  private pruned = 0;
  private quiet = 0;
  private beyond = 0;
  private depth = 0;
  private readonly startedAt = cpuSeconds();

  constructor(scope: Scope, settings: SearchSettings) {
    this.system = new System(scope, { ...ALL_SHORTCUTS, dead: settings.allFields !== true });
    this.settings = settings;
    this.limits = { ...NO_LIMITS, ...settings.limits };
    this.width = this.system.width;
    this.state = new Int32Array(this.width);
    this.next = new Int32Array(this.width);
    this.start = runPrologue(this.system);
  }

  *run(): Generator<Progress, Report, boolean> {
    const { start, width } = this;
    const low = hashLow(start, width);
    const high = hashHigh;
    this.seen.add(low, high, low);
    const fault = this.system.check(start);
    if (fault !== null) return this.report('violation', { fault, actions: [] });
    this.later.append(start, width);
    this.queueNotes(-1, low, high);
    while (this.later.length > 0) {
      [this.now, this.later] = [this.later, this.now];
      this.later.clear();
      const ended = yield* this.level();
      if (ended !== null) return ended;
      this.depth += 1;
    }
    return this.report('exhausted', null);
  }

  /** All states of one distance. */
  private *level(): Generator<Progress, Report | null, boolean> {
    const row = this.width + NOTES;
    for (let at = 0, count = 0; at < this.now.length; at += row, count++) {
      if (count % STRIDE === 0) {
        const isEnough = yield this.progress(this.now.length - at);
        const isLate = cpuSeconds() - this.startedAt > this.limits.cpuSecondsMax;
        if (isEnough || isLate) return this.report('bounded', null);
      }
      if (this.seen.size >= this.limits.statesMax) return this.report('bounded', null);
      this.now.read(at, this.state, this.width);
      const notes = at + this.width;
      const found = this.expand(this.now.at(notes), this.now.at(notes + 1), this.now.at(notes + 2));
      if (found !== null) return this.report('violation', found);
    }
    return null;
  }

  private progress(left: number): Progress {
    const queue = Math.floor((left + this.later.length) / (this.width + NOTES));
    return { states: this.seen.size, transitions: this.transitions, depth: this.depth, queue };
  }

  /** All successors of `this.state`, which has these two hashes. */
  private expand(last: number, low: number, high: number): Violation | null {
    const { system, state, next, width, actions, seen } = this;
    if (system.isBeyond(state)) {
      this.beyond += 1;
      return null;
    }
    const count = system.actions(state, actions);
    if (system.quiet) {
      this.quiet += 1;
      this.settings.onQuiet?.(state, system);
      const fault = system.checkQuiet(state);
      if (fault !== null) return { fault, actions: this.pathTo(state) };
    }
    for (let i = 0; i < count; i++) {
      const action = actions[i]!;
      if (last >= 0 && this.comesEarlier(action, last)) {
        this.pruned += 1;
        continue;
      }
      this.transitions += 1;
      for (let place = 0; place < width; place++) next[place] = state[place]!;
      if (!system.apply(next, action)) return { fault: system.fault!, actions: [...this.pathTo(state), action] };
      const nextLow = rehashLow(state, next, width, low, high);
      const nextHigh = hashHigh;
      if (!seen.add(nextLow, nextHigh, low)) continue;
      const fault = system.check(next);
      if (fault !== null) return { fault, actions: [...this.pathTo(state), action] };
      this.later.append(next, width);
      this.queueNotes(this.noteOf(state, action), nextLow, nextHigh);
    }
    return null;
  }

  private queueNotes(last: number, low: number, high: number): void {
    this.later.push(last);
    this.later.push(low);
    this.later.push(high);
  }

  /** The server of the action that led to `next`, if others can change places with it; else -1. */
  private noteOf(state: State, action: number): number {
    const { system, settings } = this;
    if (settings.allOrders === true || system.followed > 0 || !system.isLocal(state, action)) return -1;
    return serverOfAction(action);
  }

  /** Whether the action was possible before the last one and can change places with it, and the other order is taken. */
  private comesEarlier(action: number, lastServer: number): boolean {
    const server = serverOfAction(action);
    // A message of the very server that acted last may have been sent only then.
    if (server >= lastServer || this.system.senderOf(action) === lastServer) return false;
    return this.system.isLocal(this.state, action);
  }

  // --- counterexamples -------------------------------------------------------------------------------------------------------

  /** A shortest sequence of actions from the start to a visited state. */
  private pathTo(state: State): number[] {
    const { width, start } = this;
    const layers: Set<string>[] = [];
    const startLow = hashLow(start, width);
    let lows = new Set([hashLow(state, width)]);
    layers.push(new Set([`${hashLow(state, width)} ${hashHigh}`]));
    while (!lows.has(startLow)) {
      const before = [...lows].flatMap((low) => this.seen.withLow(low)).map(({ from }) => from);
      lows = new Set(before);
      layers.push(new Set(before.flatMap((low) => this.seen.withLow(low)).map(({ low, high }) => `${low} ${high}`)));
    }
    layers.reverse();
    const path = walk(this.system, start, layers, 1);
    if (path === null) throw new Error('the path to a visited state is lost');
    return path;
  }

  private report(verdict: Verdict, violation: Violation | null): Report {
    const { seen, system } = this;
    const { locals, transitions } = system.locals.sizes;
    return {
      scope: system.scope.name,
      verdict,
      states: seen.size,
      transitions: this.transitions,
      pruned: this.pruned,
      depth: this.depth,
      quiet: this.quiet,
      beyond: this.beyond,
      locals,
      localTransitions: transitions,
      steps: system.locals.steps,
      tableBytes: seen.bytes,
      bytesPerState: seen.bytes / Math.max(1, seen.size),
      collisionProbability: seen.collisionProbability,
      cpuSeconds: cpuSeconds() - this.startedAt,
      violation,
    };
  }
}

/** Forward from `state` through the layers of fingerprints. More than one state of a layer is as good as impossible. */
function walk(system: System, state: State, layers: readonly ReadonlySet<string>[], at: number): number[] | null {
  const layer = layers[at];
  if (layer === undefined) return [];
  const actions = new Int32Array(ACTIONS_MAX);
  const count = system.actions(state, actions);
  for (let i = 0; i < count; i++) {
    const next = state.slice();
    if (!system.apply(next, actions[i]!)) continue;
    const low = hashLow(next, system.width);
    if (!layer.has(`${low} ${hashHigh}`)) continue;
    const rest = walk(system, next, layers, at + 1);
    if (rest !== null) return [actions[i]!, ...rest];
  }
  return null;
}

/** The prologue of a scope cannot be done. */
export class BadPrologue extends Error {
  override readonly name = 'BadPrologue';
}

const PROLOGUE_MAX = 100_000;
/** The prologue may do whatever it says. */
const PLENTY = { writes: 9, crashes: 9, cuts: 9, early: 0 };

/** Where the scope begins. Nothing goes wrong on the way, or there is nothing to explore. */
export function runPrologue(
  system: System,
  state = system.unborn(),
  onLine: (line: string, make: () => void) => void = (_line, make) => make(),
): State {
  for (const line of system.scope.prologue) {
    system.refill(state, PLENTY);
    onLine(line, () => (line === 'run' ? runQuiet(system, state) : perform(system, state, line)));
  }
  system.refill(state, system.scope);
  return state;
}

function perform(system: System, state: State, line: string): void {
  const action = system.find(state, line);
  if (action === null) throw new BadPrologue(`scope ${system.scope.name}: '${line}' is not possible there`);
  if (!system.apply(state, action))
    throw new BadPrologue(`scope ${system.scope.name}: '${line}' breaks ${system.fault!.message}`);
}

/** Messages, disks and timers, always the first that is possible, until nothing is left. */
function runQuiet(system: System, state: State): void {
  const actions = new Int32Array(ACTIONS_MAX);
  for (let i = 0; i < PROLOGUE_MAX; i++) {
    if (system.isQuiet(state)) return;
    system.actions(state, actions);
    if (!system.apply(state, actions[0]!))
      throw new BadPrologue(`scope ${system.scope.name}: its prologue breaks ${system.fault!.message}`);
  }
  throw new BadPrologue(`scope ${system.scope.name}: its prologue does not end`);
}
