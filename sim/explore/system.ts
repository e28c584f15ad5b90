/**
 * The whole ensemble as a short row of small integers: a local state for each server, a queue for each channel between two
 * servers, what has been promised so far (the ghost), and what may still go wrong. Which actions are possible, and what
 * each leads to, is found by looking up; only `Locals` runs code of the core.
 *
 * ```
 * state => local * n, queue * 2n(n-1), ghost, allowance
 * ```
 *
 * **Crashes and cuts** take what is under way with them, and leave at the other end the news that the connection is gone.
 * Nothing is lost by that: what a survivor would still have received after the crash, it could as well have received
 * before, and what it answered would have reached nobody.
 *
 * **Timers.** An election timer, a dial that is tried again and the like fire whenever they are pending and can change
 * anything. A timeout (a learner gives up its leader, a leader its leadership) fires when it is justified: the other end is
 * down, cut off or busy with something else, or nothing else is left to happen. `early` allows some at any time.
 *
 * **The ghost** holds what must never be taken back: the longest history that anybody committed, and who was established in
 * which epoch with which history. It only grows, and joins in any order to the same, so it does not matter in which of
 * several orders of independent actions a breach is looked for.
 */

import type { Lane } from '../../core/io.ts';
import { assert, type epochOf } from '../../core/types.ts';
import { Packet } from '../../core/wire/opcodes.ts';
import { ROOT } from './histories.ts';
import { ELECTION, EMPTY_QUEUE, type Item, QUORUM, Queues } from './items.ts';
import { ALL_SHORTCUTS, BIT, FACT, INPUT, Locals, leaderOf } from './locals.ts';
import type { Scope } from './scopes.ts';
import { PairMap } from './tables.ts';
import { type Fault, LANES } from './turn.ts';

export type State = Int32Array;

/** What a server of the action's number does or suffers. */
const DELIVER = 0;
const LOCAL = 16;
const CRASH = 160;
const CUT = 200;
const HEAL = 208;
const SERVER_BITS = 3;

export const serverOfAction = (action: number): number => action & 7;
const codeOfAction = (action: number): number => action >> SERVER_BITS;
const actionOf = (server: number, code: number): number => server | (code << SERVER_BITS);

export const ACTIONS_MAX = 256;

const placeOf = (channel: number, from: number, to: number): number => (channel << 4) | (from << 2) | to;

interface Ghost {
  /** The longest history that any server has known as committed. */
  readonly committed: number;
  readonly leaders: readonly { readonly epoch: number; readonly server: number; readonly initial: number }[];
}

export class System {
  readonly scope: Scope;
  readonly locals: Locals;
  readonly queues: Queues;
  readonly width: number;
  private readonly n: number;
  private readonly ghostAt: number;
  private readonly allowanceAt: number;
  private readonly quorum: number;
  /** Where in a state each queue stands. */
  private readonly places = new Int32Array(32).fill(-1);
  private readonly electionAt: number;
  private readonly quorumAt: number;
  /** Whether some actions follow by themselves. */
  private readonly isCoarse: boolean;
  private readonly ghosts: Ghost[] = [];
  private readonly ghostIds = new Map<string, number>();
  private readonly ghostNext = new PairMap();
  private readonly clashes = new PairMap();
  /** By transition: see `isPlain`. */
  private readonly plain: (boolean | undefined)[] = [];
  private readonly scratch = new Int32Array(ACTIONS_MAX);
  /** The fault of the last `apply`, or null. */
  fault: Fault | null = null;
  /** Whether the last `actions` found nothing but what clients and faults may still do: see `isQuiet`. */
  quiet = false;
  /** How many actions followed by themselves in the last `apply`. */
  followed = 0;
  /** Called for every action, also those that `apply` adds by itself. */
  onAction: ((action: number) => void) | null = null;
  /** Called when a server has handled an input, with its state before and what was made of it. */
  onStep: ((server: number, input: number, before: number, transition: number) => void) | null = null;
  onCrash: ((server: number) => void) | null = null;

  constructor(scope: Scope, shortcuts = ALL_SHORTCUTS) {
    this.scope = scope;
    this.n = scope.servers;
    this.locals = new Locals(scope, shortcuts);
    this.queues = new Queues(this.locals.items);
    let at = this.n;
    this.electionAt = at;
    this.quorumAt = at + this.n * (this.n - 1);
    for (const channel of [ELECTION, QUORUM]) {
      for (let from = 0; from < this.n; from++) {
        for (let to = 0; to < this.n; to++) if (from !== to) this.places[placeOf(channel, from, to)] = at++;
      }
    }
    this.isCoarse = scope.election === 'coarse' || this.connects() === 'coarse';
    this.ghostAt = at++;
    this.allowanceAt = at++;
    this.width = at;
    this.quorum = Math.floor(this.n / 2) + 1;
    this.internGhost({ committed: ROOT, leaders: [] });
  }

  private queueAt(channel: number, from: number, to: number): number {
    return this.places[placeOf(channel, from, to)]!;
  }

  /** What is under way from one server to another on one channel. */
  queueIn(state: State, channel: number, from: number, to: number): number {
    return state[this.queueAt(channel, from, to)]!;
  }

  /** Nobody has run yet. */
  unborn(): State {
    const state = new Int32Array(this.width);
    for (let i = 0; i < this.n; i++) state[i] = this.locals.unborn(i);
    return state;
  }

  /** Allows so much from here on; what is cut stays cut. */
  refill(state: State, { writes, crashes, cuts, early }: Pick<Scope, 'writes' | 'crashes' | 'cuts' | 'early'>): void {
    const cut = state[this.allowanceAt]! & ~0xffff;
    state[this.allowanceAt] = cut | writes | (crashes << 4) | (cuts << 8) | (early << 12);
  }

  // --- allowances ----------------------------------------------------------------------------------------------------------

  private left(state: State, shift: number): number {
    return (state[this.allowanceAt]! >> shift) & 15;
  }

  private pairBit(a: number, b: number): number {
    return a < b ? 1 << (16 + a * 4 + b) : 1 << (16 + b * 4 + a);
  }

  isCut(state: State, a: number, b: number): boolean {
    return (state[this.allowanceAt]! & this.pairBit(a, b)) !== 0;
  }

  /** Messages and ends of connections on their way from one server to another, on the quorum port. */
  underWay(state: State, from: number, to: number): number {
    return this.queues.get(state[this.queueAt(QUORUM, from, to)]!).length;
  }

  /** Lanes of the server's disk that have something to do. */
  lanesInFlight(state: State, server: number): Lane[] {
    return LANES.filter((_, lane) => (this.bits(state, server) & (BIT.lane << lane)) !== 0);
  }

  private bits(state: State, server: number): number {
    return this.locals.bitsOf(state[server]!);
  }

  private reaches(state: State, a: number, b: number): boolean {
    return (this.bits(state, b) & BIT.up) !== 0 && !this.isCut(state, a, b);
  }

  // --- which actions are possible --------------------------------------------------------------------------------------------

  /** Writes the possible actions to `into` and returns how many there are. The order is fixed. */
  actions(state: State, into: Int32Array): number {
    let count = 0;
    for (let i = 0; i < this.n; i++) count = this.progress(state, i, into, count);
    const fast = count;
    for (let i = 0; i < this.n; i++) count = this.timeouts(state, i, into, count, fast === 0);
    for (let i = 0; i < this.n; i++) count = this.repairs(state, i, into, count);
    this.quiet = count === 0;
    for (let i = 0; i < this.n; i++) count = this.chances(state, i, into, count);
    return count;
  }

  /** No message, timer or repair is left. What clients and faults may still do, does not count. */
  isQuiet(state: State): boolean {
    this.actions(state, this.scratch);
    return this.quiet;
  }

  /** Messages, disks, and timers that race with them. */
  private progress(state: State, i: number, into: Int32Array, from: number): number {
    const bits = this.bits(state, i);
    if ((bits & BIT.up) === 0) return from;
    let count = from;
    for (let j = 0; j < this.n; j++) {
      if (j === i) continue;
      if (this.mayDeliver(state, ELECTION, j, i, bits)) into[count++] = actionOf(i, DELIVER + j);
      if (!this.scope.untilElected && this.mayDeliver(state, QUORUM, j, i, bits))
        into[count++] = actionOf(i, DELIVER + 8 + j);
      if (this.mayRefuse(state, i, j)) into[count++] = actionOf(i, LOCAL + INPUT.refused + j);
      if ((bits & (BIT.dial << j)) !== 0 && this.reaches(state, i, j))
        into[count++] = actionOf(i, LOCAL + INPUT.dial + j);
    }
    for (let lane = 0; lane < LANES.length; lane++) {
      if ((bits & (BIT.lane << lane)) !== 0) into[count++] = actionOf(i, LOCAL + INPUT.disk + lane);
    }
    if ((bits & BIT.finalize) !== 0) into[count++] = actionOf(i, LOCAL + INPUT.finalize);
    if ((bits & BIT.retry) !== 0 && this.isListening(state, i, leaderOf(bits)))
      into[count++] = actionOf(i, LOCAL + INPUT.retry);
    return count;
  }

  private mayDeliver(state: State, channel: number, from: number, to: number, bits: number): boolean {
    const queue = state[this.queueAt(channel, from, to)]!;
    if (queue === EMPTY_QUEUE) return false;
    // A dial waits at the door until somebody listens there.
    if (!this.queues.dialIsFirst(queue)) return true;
    return !this.isCut(state, from, to) && (channel === ELECTION || (bits & BIT.listening) !== 0);
  }

  /** The dial of an election port fails when nobody is there. */
  private mayRefuse(state: State, i: number, j: number): boolean {
    const queue = state[this.queueAt(ELECTION, i, j)]!;
    return this.queues.dialIsFirst(queue) && !this.reaches(state, i, j);
  }

  private isListening(state: State, i: number, leader: number): boolean {
    return this.reaches(state, i, leader) && (this.bits(state, leader) & BIT.listening) !== 0;
  }

  /** What fires only when it must, or when nothing else is left to happen. */
  private timeouts(state: State, i: number, into: Int32Array, from: number, isIdle: boolean): number {
    const bits = this.bits(state, i);
    let count = from;
    const early = this.left(state, 12) > 0;
    if ((bits & BIT.learning) !== 0) {
      const unsettled = isIdle && !this.isServed(state, bits);
      if (early || unsettled || this.isDeserted(state, i, leaderOf(bits)))
        into[count++] = actionOf(i, LOCAL + INPUT.silence);
    }
    if ((bits & BIT.leading) !== 0 && !this.isFollowed(state, i)) into[count++] = actionOf(i, LOCAL + INPUT.giveUp);
    else if (
      (bits & BIT.leading) !== 0 &&
      (bits & BIT.established) === 0 &&
      (early || (isIdle && !this.scope.untilElected))
    ) {
      into[count++] = actionOf(i, LOCAL + INPUT.giveUp);
    }
    if (isIdle && this.mayResend(state, i, bits)) into[count++] = actionOf(i, LOCAL + INPUT.resend);
    return count;
  }

  private mayResend(state: State, i: number, bits: number): boolean {
    if ((bits & BIT.resend) === 0) return false;
    let near = 1;
    for (let j = 0; j < this.n; j++) if (j !== i && this.reaches(state, i, j)) near += 1;
    return near >= this.quorum;
  }

  /** The learner has what it waits for: a leader; unless the scope ends with the election, an established one. */
  private isServed(state: State, learner: number): boolean {
    const leader = this.bits(state, leaderOf(learner));
    if (this.scope.untilElected) return (leader & BIT.leading) !== 0;
    return (learner & BIT.serving) !== 0 && (leader & BIT.established) !== 0;
  }

  /** The leader is not there, or follows somebody itself. */
  private isDeserted(state: State, i: number, leader: number): boolean {
    return !this.reaches(state, i, leader) || (this.bits(state, leader) & BIT.learning) !== 0;
  }

  /** A quorum takes this server for its leader, and can reach it. */
  private isFollowed(state: State, leader: number): boolean {
    let count = 1;
    for (let j = 0; j < this.n; j++) {
      if (j === leader || !this.reaches(state, leader, j)) continue;
      const bits = this.bits(state, j);
      // Who looks may still find it.
      if ((bits & BIT.learning) !== 0 ? leaderOf(bits) === leader : (bits & BIT.leading) === 0) count += 1;
    }
    return count >= this.quorum;
  }

  private repairs(state: State, i: number, into: Int32Array, from: number): number {
    let count = from;
    if ((this.bits(state, i) & BIT.up) === 0) into[count++] = actionOf(i, LOCAL + INPUT.start);
    for (let j = i + 1; j < this.n; j++) if (this.isCut(state, i, j)) into[count++] = actionOf(i, HEAL + j);
    return count;
  }

  /** Clients and faults. */
  private chances(state: State, i: number, into: Int32Array, from: number): number {
    const bits = this.bits(state, i);
    let count = from;
    if ((bits & BIT.established) !== 0 && this.left(state, 0) > 0) into[count++] = actionOf(i, LOCAL + INPUT.write);
    if ((bits & BIT.up) !== 0 && this.left(state, 4) > 0) {
      const outcomes = this.locals.crashesOf(state[i]!).length;
      for (let v = 0; v < outcomes; v++) into[count++] = actionOf(i, CRASH + v);
    }
    if (this.left(state, 8) > 0) {
      for (let j = i + 1; j < this.n; j++) if (!this.isCut(state, i, j)) into[count++] = actionOf(i, CUT + j);
    }
    return count;
  }

  // --- what an action leads to ------------------------------------------------------------------------------------------------

  /**
   * Makes `state` the state after the action, and after everything that the scope takes in the same step. False when that
   * broke a promise: `fault` says which.
   */
  apply(state: State, action: number): boolean {
    this.fault = null;
    this.followed = 0;
    if (!this.act(state, action)) return false;
    for (let i = 0; i < EAGER_MAX; i++) {
      this.followed = i;
      const next = this.eager(state);
      if (next < 0) return true;
      if (!this.act(state, next)) return false;
    }
    throw new Error('an election goes on for ever');
  }

  private connects(): Scope['connect'] {
    return this.scope.untilElected ? 'whole' : this.scope.connect;
  }

  /** The next action that the scope takes without a choice, or -1. */
  private eager(state: State): number {
    if (!this.isCoarse || this.isSettled(state)) return -1;
    const election = this.scope.election;
    const connect = this.connects();
    for (let i = 0; i < this.n; i++) {
      const bits = this.bits(state, i);
      if ((bits & BIT.up) === 0) continue;
      for (let j = 0; j < this.n; j++) {
        if (j === i) continue;
        if (election === 'coarse') {
          if (this.mayDeliver(state, ELECTION, j, i, bits)) return actionOf(i, DELIVER + j);
          if (this.mayRefuse(state, i, j)) return actionOf(i, LOCAL + INPUT.refused + j);
          if ((bits & (BIT.dial << j)) !== 0 && this.reaches(state, i, j)) return actionOf(i, LOCAL + INPUT.dial + j);
        }
        if (connect === 'coarse' && this.mayDeliver(state, QUORUM, j, i, bits)) {
          const { kind } = this.locals.items.get(this.queues.head(state[this.queueAt(QUORUM, j, i)]!));
          if (kind === 'dial' || kind === 'opened') return actionOf(i, DELIVER + 8 + j);
        }
      }
    }
    if (election !== 'coarse') return -1;
    // A vote is believed when there is nothing more to hear.
    for (let i = 0; i < this.n; i++)
      if ((this.bits(state, i) & BIT.finalize) !== 0) return actionOf(i, LOCAL + INPUT.finalize);
    return -1;
  }

  /** A quick look, in which nothing is found that could follow by itself. */
  private isSettled(state: State): boolean {
    for (let i = 0; i < this.n; i++) if ((this.bits(state, i) & EAGER_BITS) !== 0) return false;
    for (let at = this.electionAt; at < this.quorumAt; at++) if (state[at] !== EMPTY_QUEUE) return false;
    for (let at = this.quorumAt; at < this.ghostAt; at++) if (this.queues.connects(state[at]!)) return false;
    return true;
  }

  private act(state: State, action: number): boolean {
    this.onAction?.(action);
    const server = serverOfAction(action);
    const code = codeOfAction(action);
    if (code >= HEAL) {
      state[this.allowanceAt]! &= ~this.pairBit(server, code - HEAL);
      return true;
    }
    if (code >= CUT) return this.cut(state, server, code - CUT);
    if (code >= CRASH) return this.crash(state, server, code - CRASH);
    if (code >= LOCAL) return this.input(state, server, code - LOCAL);
    const at = this.queueAt(code >> 3, code & 7, server);
    const item = this.queues.head(state[at]!);
    state[at] = this.queues.rest(state[at]!);
    return this.step(state, server, item);
  }

  private input(state: State, server: number, input: number): boolean {
    if (input === INPUT.write) state[this.allowanceAt]! -= 1;
    else if (input >= INPUT.refused && input < INPUT.crash) {
      const at = this.queueAt(ELECTION, server, input - INPUT.refused);
      state[at] = this.queues.rest(state[at]!);
    } else if (input === INPUT.silence || input === INPUT.giveUp) this.spendEarly(state, server, input);
    return this.step(state, server, input);
  }

  /** A timeout that was neither justified nor the last thing to happen is one of those that the scope allows. */
  private spendEarly(state: State, server: number, input: number): void {
    if (this.left(state, 12) === 0) return;
    const bits = this.bits(state, server);
    const justified =
      input === INPUT.silence ? this.isDeserted(state, server, leaderOf(bits)) : !this.isFollowed(state, server);
    if (justified) return;
    let fast = 0;
    for (let i = 0; i < this.n && fast === 0; i++) fast = this.progress(state, i, this.scratch, 0);
    if (fast > 0) state[this.allowanceAt]! -= 1 << 12;
  }

  /** One server handles one input, and what it sends is under way. */
  private step(state: State, server: number, input: number): boolean {
    const { locals } = this;
    const transition = locals.transition(state[server]!, input);
    this.onStep?.(server, input, state[server]!, transition);
    const fault = locals.faultIn(transition);
    if (fault > 0) return this.fail(locals.faults[fault]!);
    state[server] = locals.nextOf(transition);
    const count = locals.effectCount(transition);
    for (let i = 0; i < count; i++) this.effect(state, locals.effectAt(transition, i));
    return this.remember(state, server);
  }

  private fail(fault: Fault): false {
    this.fault = fault;
    return false;
  }

  private effect(state: State, id: number): void {
    const { queues } = this;
    const { kind, channel, from, to, dialled } = this.locals.items.get(id);
    const there = this.queueAt(channel, from, to);
    const back = this.queueAt(channel, to, from);
    if (kind === 'close') return this.close(state, id, there, back, dialled);
    // Whoever has closed its end hears nothing any more.
    if (kind !== 'dial' && queues.isClosed(state[back]!, !dialled)) return;
    state[there] = queues.append(state[there]!, id);
  }

  private close(state: State, id: number, there: number, back: number, dialled: boolean): void {
    const { queues } = this;
    const known = queues.isClosed(state[back]!, !dialled);
    // What is on its way to the end that was closed will not be heard.
    state[back] = queues.filter(state[back]!, (item) => item.dialled === dialled || item.kind === 'dial');
    if (known) return;
    if (dialled && queues.hasDial(state[there]!)) {
      state[there] = queues.filter(state[there]!, ({ kind }) => kind !== 'dial');
    } else {
      state[there] = queues.append(state[there]!, id);
    }
  }

  // --- faults ----------------------------------------------------------------------------------------------------------------

  private crash(state: State, server: number, outcome: number): boolean {
    const { locals } = this;
    const before = state[server]!;
    const down = locals.crashesOf(before)[outcome]!;
    const fault = locals.crashFault(before, down);
    if (fault !== null) return this.fail(fault);
    this.onCrash?.(server);
    state[this.allowanceAt]! -= 1 << 4;
    state[server] = down;
    for (let j = 0; j < this.n; j++) {
      if (j === server) continue;
      this.sever(state, server, j);
      this.forget(state, server, j);
    }
    return this.remember(state, server);
  }

  /** Who is gone dials nobody, and never hears of the end of its connections. */
  private forget(state: State, gone: number, other: number): void {
    for (const channel of [ELECTION, QUORUM]) {
      const there = this.queueAt(channel, gone, other);
      const back = this.queueAt(channel, other, gone);
      state[there] = this.queues.filter(state[there]!, ({ kind }) => kind !== 'dial');
      state[back] = this.queues.filter(state[back]!, ({ kind }) => kind === 'dial');
    }
  }

  private cut(state: State, a: number, b: number): boolean {
    state[this.allowanceAt]! -= 1 << 8;
    state[this.allowanceAt]! |= this.pairBit(a, b);
    this.sever(state, a, b);
    this.sever(state, b, a);
    return true;
  }

  /** Every connection of `other` with `gone` is at its end; what was under way between them is lost, but for dials. */
  private sever(state: State, gone: number, other: number): void {
    const { queues, locals } = this;
    const { items } = locals;
    for (const channel of [ELECTION, QUORUM] as const) {
      const there = this.queueAt(channel, gone, other);
      const back = this.queueAt(channel, other, gone);
      const dials = (item: Item): boolean => item.kind === 'dial';
      const waits = queues.hasDial(state[back]!);
      const ended: number[] = [];
      for (const socket of locals.socketsOf(state[other]!)) {
        if (socket.channel !== channel || socket.peer !== gone || (socket.dialled && waits)) continue;
        ended.push(
          items.intern({ kind: 'close', channel, from: gone, to: other, dialled: !socket.dialled, bytes: null }),
        );
      }
      const kept = queues.get(queues.filter(state[there]!, dials));
      state[there] = queues.of([...ended, ...kept]);
      state[back] = queues.filter(state[back]!, (item) => dials(item) || item.kind === 'close');
    }
  }

  // --- promises ----------------------------------------------------------------------------------------------------------------

  private internGhost(ghost: Ghost): number {
    const text = `${ghost.committed} ${ghost.leaders.map(({ epoch, server, initial }) => `${epoch},${server},${initial}`).join(' ')}`;
    let id = this.ghostIds.get(text);
    if (id === undefined) {
      id = this.ghosts.push(ghost) - 1;
      this.ghostIds.set(text, id);
    }
    return id;
  }

  /** What the new state of a server adds to what was promised. */
  private remember(state: State, server: number): boolean {
    const before = state[this.ghostAt]!;
    const local = state[server]!;
    const promise = this.locals.quickOf(local, FACT.promise);
    let next = this.locals.shortcuts.facts ? this.ghostNext.get(before, promise) : -1;
    if (next < 0) {
      const grown = this.grow(this.ghosts[before]!, server, local);
      if ('property' in grown) return this.fail(grown);
      next = this.internGhost(grown);
      if (this.locals.shortcuts.facts) this.ghostNext.set(before, promise, next);
    }
    state[this.ghostAt] = next;
    return true;
  }

  private grow(ghost: Ghost, server: number, local: number): Ghost | Fault {
    const { histories } = this.locals;
    const { committed, leads, log } = this.locals.factsOf(local);
    const name = `server ${server + 1}`;
    if (!histories.comparable(committed, ghost.committed)) {
      return {
        property: 'prefix-consistency',
        message: `${name} committed another history than what was committed before`,
      };
    }
    const longest = histories.depthOf(committed) > histories.depthOf(ghost.committed) ? committed : ghost.committed;
    for (const leader of ghost.leaders) {
      const owed = histories.upTo(longest, firstOf(leader.epoch));
      if (histories.isPrefix(owed, leader.initial)) continue;
      return {
        property: 'leader-completeness',
        message: `${name} committed what the leader of epoch ${leader.epoch} had not`,
      };
    }
    if (leads === 0 || ghost.leaders.some((leader) => leader.epoch === leads && leader.server === server)) {
      return longest === ghost.committed ? ghost : { ...ghost, committed: longest };
    }
    return this.growLeaders({ ...ghost, committed: longest }, server, leads, log);
  }

  private growLeaders(ghost: Ghost, server: number, epoch: number, log: number): Ghost | Fault {
    const { histories } = this.locals;
    const name = `server ${server + 1}`;
    const other = ghost.leaders.find((leader) => leader.epoch === epoch);
    if (other !== undefined) {
      return {
        property: 'leadership-2',
        message: `servers ${other.server + 1} and ${server + 1} both led epoch ${epoch}`,
      };
    }
    const initial = histories.upTo(log, firstOf(epoch));
    if (!histories.isPrefix(histories.upTo(ghost.committed, firstOf(epoch)), initial)) {
      return {
        property: 'leader-completeness',
        message: `${name} leads epoch ${epoch} without all that was committed`,
      };
    }
    for (const leader of ghost.leaders) {
      const [earlier, later] = leader.epoch < epoch ? [leader.initial, initial] : [initial, leader.initial];
      if (histories.isPrefix(earlier, later)) continue;
      return {
        property: 'initial-history',
        message: `the initial history of epoch ${epoch} and that of ${leader.epoch} differ`,
      };
    }
    const leaders = [...ghost.leaders, { epoch, server, initial }].sort((a, b) => a.epoch - b.epoch);
    return { committed: ghost.committed, leaders };
  }

  /** What must hold in every single state. */
  check(state: State): Fault | null {
    const { locals } = this;
    const { histories } = locals;
    const { committed } = this.ghosts[state[this.ghostAt]!]!;
    let holders = 0;
    for (let i = 0; i < this.n; i++) {
      if (histories.isPrefix(committed, locals.quickOf(state[i]!, FACT.durable))) holders += 1;
    }
    if (committed !== ROOT && holders < this.quorum) {
      const message = `what is committed is on ${holders} disks of ${this.n}`;
      return { property: 'committed-by-quorum', message };
    }
    for (let i = 0; i < this.n; i++)
      for (let j = i + 1; j < this.n; j++) {
        const fault = this.compare(state[i]!, state[j]!, i, j);
        if (fault !== null) return fault;
      }
    return null;
  }

  private compare(a: number, b: number, i: number, j: number): Fault | null {
    const { locals } = this;
    const { histories } = locals;
    const logA = locals.quickOf(a, FACT.log);
    const logB = locals.quickOf(b, FACT.log);
    if (logA === logB) return null;
    let clash = this.clashes.get(logA, logB);
    if (clash < 0) {
      clash = histories.clash(logA, logB) === null ? 0 : 1;
      this.clashes.set(logA, logB, clash);
    }
    const names = `servers ${i + 1} and ${j + 1}`;
    if (clash === 1) return { property: 'zxid-unique', message: `${names} have different transactions of one zxid` };
    const joinedA = locals.quickOf(a, FACT.joined);
    if (joinedA === 0 || joinedA !== locals.quickOf(b, FACT.joined) || histories.comparable(logA, logB)) return null;
    return { property: 'process-consistency', message: `${names} joined epoch ${joinedA} with different histories` };
  }

  /** What must hold when nothing is left to happen and every server and connection works. */
  checkQuiet(state: State): Fault | null {
    const { locals } = this;
    const words: string[] = [];
    let leaders = 0;
    let leader = 0;
    for (let i = 0; i < this.n; i++) {
      const bits = this.bits(state, i);
      words.push(
        (bits & BIT.leading) !== 0 ? 'leads' : (bits & BIT.learning) !== 0 ? `follows ${leaderOf(bits) + 1}` : 'looks',
      );
      if ((bits & BIT.leading) !== 0) {
        leaders += 1;
        leader = i;
      }
    }
    const stuck = (what: string): Fault => ({
      property: 'liveness',
      message: `nothing is left to happen, but ${what} (${words.join(', ')})`,
    });
    if (leaders !== 1) return stuck(`there are ${leaders} leaders`);
    for (let i = 0; i < this.n; i++) {
      const bits = this.bits(state, i);
      if (i !== leader && ((bits & BIT.learning) === 0 || leaderOf(bits) !== leader))
        return stuck(`server ${i + 1} does not follow`);
      if (this.scope.untilElected) continue;
      if ((bits & (i === leader ? BIT.established : BIT.serving)) === 0) return stuck(`server ${i + 1} does not serve`);
      const same = locals.quickOf(state[i]!, FACT.log) === locals.quickOf(state[leader]!, FACT.log);
      const all = locals.quickOf(state[i]!, FACT.committed) === locals.quickOf(state[i]!, FACT.log);
      if (!same || !all) return stuck(`server ${i + 1} has not committed the history of the leader`);
    }
    return null;
  }

  /** Some server is in an election round that the scope does not follow. */
  isBeyond(state: State): boolean {
    for (let i = 0; i < this.n; i++) if (this.locals.quickOf(state[i]!, FACT.round) > this.scope.roundsMax) return true;
    return false;
  }

  // --- independence ------------------------------------------------------------------------------------------------------------

  /**
   * Whether the action reads and changes one server and ends of its queues only, and is possible because of them alone:
   * messages, disks and the election timer, as long as nothing follows by itself. Two such actions of different servers can
   * change places (`search.ts`).
   */
  isLocal(state: State, action: number): boolean {
    const server = serverOfAction(action);
    const code = codeOfAction(action);
    if (code < LOCAL) {
      const at = this.queueAt(code >> 3, code & 7, server);
      return this.isPlain(state[server]!, this.queues.head(state[at]!));
    }
    const input = code - LOCAL;
    const isOwn = input === INPUT.finalize || (input >= INPUT.disk && input < INPUT.refused);
    return isOwn && this.isPlain(state[server]!, input);
  }

  /** Whether the scope takes nothing in the same step because of what this input leads to. */
  private isPlain(local: number, input: number): boolean {
    if (!this.isCoarse) return true;
    const transition = this.locals.transition(local, input);
    this.plain[transition] ??= this.isPlainTransition(local, transition);
    return this.plain[transition]!;
  }

  private isPlainTransition(local: number, transition: number): boolean {
    const { election } = this.scope;
    const connect = this.connects();
    const { locals } = this;
    if (locals.faultIn(transition) > 0) return false;
    const before = locals.bitsOf(local);
    const after = locals.bitsOf(locals.nextOf(transition));
    if (election === 'coarse' && (after & EAGER_BITS) !== 0) return false;
    if (connect === 'coarse' && ((before ^ after) & BIT.listening) !== 0) return false;
    const count = locals.effectCount(transition);
    for (let i = 0; i < count; i++) {
      const { channel, kind } = locals.items.get(locals.effectAt(transition, i));
      if (
        channel === ELECTION ? election === 'coarse' : connect === 'coarse' && (kind === 'dial' || kind === 'opened')
      ) {
        return false;
      }
    }
    return true;
  }

  /** The server that the message of a delivery comes from, or -1. */
  senderOf(action: number): number {
    const code = codeOfAction(action);
    return code < LOCAL ? code & 7 : -1;
  }

  /** The possible action of this name, or null. */
  find(state: State, name: string): number | null {
    const actions = new Int32Array(ACTIONS_MAX);
    const count = this.actions(state, actions);
    for (let i = 0; i < count; i++) if (this.nameOf(actions[i]!, state) === name) return actions[i]!;
    return null;
  }

  /** What was promised, in words. */
  promisesIn(state: State): string {
    const { histories } = this.locals;
    const { committed, leaders } = this.ghosts[state[this.ghostAt]!]!;
    const led = leaders.map(({ epoch, server, initial }) => `${epoch}: ${server + 1} ${histories.list(initial)}`);
    return `${histories.list(committed)}; ${led.join('; ')}`;
  }

  // --- words -------------------------------------------------------------------------------------------------------------------

  /** An action as a line of a schedule. */
  nameOf(action: number, state: State): string {
    const server = serverOfAction(action) + 1;
    const code = codeOfAction(action);
    if (code >= HEAL) return `heal ${server} ${code - HEAL + 1}`;
    if (code >= CUT) return `cut ${server} ${code - CUT + 1}`;
    if (code >= CRASH) return `crash ${server}${code > CRASH ? ` ${code - CRASH}` : ''}`;
    if (code >= LOCAL) return `${inputName(code - LOCAL, server)}`;
    const channel = code >> 3 === ELECTION ? 'election' : 'quorum';
    const queue = state[this.queueAt(code >> 3, code & 7, server - 1)]!;
    const item = this.locals.items.get(this.queues.head(queue));
    return `${channel} ${(code & 7) + 1}>${server} ${wordOf(item)}`;
  }
}

const PACKETS = new Map<number, string>(Object.entries(Packet).map(([name, type]) => [type, name]));

/** What an item is, for people: the type of a packet of the quorum port. */
function wordOf({ kind, channel, bytes }: Item): string {
  if (bytes === null || channel === ELECTION) return kind === 'data' ? 'message' : kind;
  const type = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
  return PACKETS.get(type) ?? kind;
}

const EAGER_MAX = 10_000;
/** A timer is pending that a coarse scope does not wait for. */
const EAGER_BITS = BIT.finalize | (15 * BIT.dial);

/** Histories of earlier epochs end before this. */
const firstOf = (epoch: number): Parameters<typeof epochOf>[0] =>
  (epoch * 0x1_0000_0000) as Parameters<typeof epochOf>[0];

function inputName(input: number, server: number): string {
  if (input >= INPUT.refused) return `refused ${server} ${input - INPUT.refused + 1}`;
  if (input >= INPUT.disk) return `disk ${server} ${LANES[input - INPUT.disk]}`;
  if (input >= INPUT.dial) return `dial ${server} ${input - INPUT.dial + 1}`;
  const name = Object.entries(INPUT).find(([, value]) => value === input)?.[0];
  assert(name !== undefined, 'an input without a name');
  return `${name} ${server}`;
}
