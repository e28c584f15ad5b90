/**
 * Just-in-time linearization over a window bitmask.
 *
 * The search walks from response to response (Wing and Gong 1993, with the memory of Lowe 2017: configurations are
 * remembered, orders are not). At a response whose operation has taken effect already there is nothing to do; else that operation, or
 * others that are open and then that one, take effect now. An operation is never applied earlier than a response
 * forces it to be, so what distinguishes configurations is the window and not the history.
 *
 * The rules, each with the reason why it loses nothing:
 *
 * - **Pure operations** take effect as soon as they are legal: they change nothing, so a later moment is no better.
 * - **Unknown outcomes** need not happen; they are counted by class (`problem.ts`), and one that would not change the state
 *   is not applied, since leaving it unused is at least as good.
 * - **Dominance** (`configurations.ts`): of two configurations that differ only in what was used of them, the one that
 *   used less is enough; and a conditional operation is used before a blind one that does the same, since the blind one
 *   can stand in for it later and not the other way round.
 * - **Demand**: an operation of unknown outcome is applied only when an operation that is there can tell: the next one to take
 *   effect must be legal, or lead elsewhere, because of it. Else leaving it out gives the same.
 * - **Unseen writes**: a blind write whose state nobody asks for any more takes effect just before the next blind write, where it
 *   is overwritten at once; wherever else it could take effect, only a blind write can follow it.
 * - **Impossible demands**: an operation that asks for a state which nothing leads to, of all that is invoked before its response,
 *   needs no search.
 * - **Idle operations** (`idleOf`): while a core is looked for, most operations need not happen, and those of them that lead to
 *   nothing which anybody asks for do not.
 * - **Look-ahead**: a state from which a pure operation that must still happen cannot become legal is given up, unless a
 *   reset may come between.
 *
 * Two ways to walk. **Depth first** finds an order quickly where there is one, and remembers every configuration it has been
 * in. **Frontier** goes layer by layer with all configurations of a layer at once, those first that used least, and forgets the
 * layers behind it; a descent meets what used less too late to be spared the rest. The search starts depth first; when its
 * memory is full, or after a while where operations are optional, the frontier goes on from where every possibility is still known,
 * for as many steps as the descent took, and the next descent starts from there. So memory is bounded by the window
 * and by `rowsMax`, whatever the length of the history. Points where nothing is open need no rule of their own: a
 * configuration there is a state, and each is entered once.
 *
 * A step is one transition of the model. The budget counts them, so that a verdict does not depend on the machine.
 */

import { assert } from '../../../../core/types.ts';
import { Configurations, LAYER, MASK, Multisets, STATE, USED } from './configurations.ts';
import { type Ahead, DEMANDS_NOTHING, DEMANDS_SOMETHING, ILLEGAL, type Machine, resetsAhead } from './machine.ts';
import type { Problem } from './problem.ts';
import { Window } from './window.ts';

export type SearchStatus = 'ok' | 'violation' | 'unknown';

export interface SearchSettings {
  readonly budgetSteps: number;
  /** Configurations that a descent may remember. */
  readonly rowsMax?: number;
  /** Configurations of one layer that the frontier may hold. */
  readonly frontierMax?: number;
  /** Where to start, instead of at the beginning: nothing that is open there has taken effect. */
  readonly from?: { readonly layer: number; readonly states: readonly number[] };
  /** Operations that may happen or not, within their time: 1 by index. */
  readonly relaxed?: Uint8Array | null;
  /**
   * Which classes of operations of unknown outcome are counted: 1 by class. The others may be used as often as one likes
   * once one of them was invoked. What has no order so has none at all.
   */
  readonly counted?: Uint8Array | null;
  /** Whether states are given up that lead nowhere later; default true. */
  readonly lookAhead?: boolean;
  /** Responses from this one on are not looked at. */
  readonly layerLimit?: number;
}

export interface SearchOutcome {
  readonly status: SearchStatus;
  readonly steps: number;
  /** What was used up, when the status is `unknown`, or when it is not sure that everything before a violation is in order. */
  readonly exhausted: 'steps' | 'memory' | null;
  /** The last layer that some configuration reached: of a violation, the response that cannot be placed. */
  readonly deepest: number;
  /** Configurations looked at. */
  readonly configurations: number;
  /** Everything that took effect, in order, when the status is `ok` and the descent found it in one go. */
  readonly order: readonly number[] | null;
  /** With `counted`: the class that this order uses most too often; null when it keeps all numbers. */
  readonly exceeded: number | null;
}

const ROWS_MAX = 1 << 20;
const FRONTIER_MAX = 1 << 21;
const STACK_AT_FIRST = 64;
/** How many steps the first descent may take where operations are optional; each later one takes twice as many. */
const QUOTA_AT_FIRST = 10_000;
const QUOTA_PER_LAYER = 8;

export class Search {
  readonly #problem: Problem;
  readonly #machine: Machine;
  readonly #budgetSteps: number;
  readonly #rowsMax: number;
  readonly #frontierMax: number;
  readonly #relaxed: Uint8Array | null;
  /** Relaxed operations that make no difference: 1 by index. */
  readonly #idle: Uint8Array | null;
  #layerLimit: number;
  readonly #canLookAhead: boolean;
  readonly #looksAhead: boolean;
  /** For each layer, the layer in which the next reset is invoked. */
  readonly #nextReset: Int32Array;
  readonly #ahead: Ahead | null;
  readonly #multisets: Multisets;
  readonly #counted: Uint8Array | null;
  readonly #crashed: CrashedByEffect | null;
  readonly #blind: BlindWrites | null;
  /** Whether there is anything that need not happen. */
  readonly #hasOptional: boolean;
  #window: Window;
  /** Where the next descent starts: all that is possible there. */
  #roots: Int32Array[];
  #seen: Configurations;
  /** The configuration being made. */
  readonly #row: Int32Array;
  #steps = 0;
  #deepest = 0;
  #configurations = 0;
  #hasCompacted = false;
  /** Receives what takes effect, while an order is told. */
  #trail: number[] | null = null;
  /** While an order is told: how often each class was used. */
  #uses: Uses | null = null;
  #exceeded: number | null = null;

  // The stack of a descent, column by column: configuration, how it was reached, and its candidates.
  #frameRow = new Int32Array(STACK_AT_FIRST);
  #frameVia = new Int32Array(STACK_AT_FIRST);
  #frameNext = new Int32Array(STACK_AT_FIRST);
  #frameEnd = new Int32Array(STACK_AT_FIRST);
  #depth = 0;
  /** Candidates of all frames: pairs of a code and the state it leads to. Codes below zero are classes. */
  #candidates = new Int32Array(STACK_AT_FIRST);
  #candidateCount = 0;
  /** Those that come after the others of the same configuration. */
  #others = new Int32Array(STACK_AT_FIRST);
  #otherCount = 0;
  #root: Int32Array | null = null;

  constructor(problem: Problem, machine: Machine, settings: SearchSettings) {
    this.#problem = problem;
    this.#machine = machine;
    this.#budgetSteps = settings.budgetSteps;
    this.#rowsMax = settings.rowsMax ?? ROWS_MAX;
    this.#frontierMax = settings.frontierMax ?? FRONTIER_MAX;
    this.#relaxed = settings.relaxed ?? null;
    this.#layerLimit = Math.min(settings.layerLimit ?? problem.returning.length, problem.returning.length);
    this.#looksAhead = machine.feasible !== undefined && (settings.lookAhead ?? true);
    this.#nextReset = this.#looksAhead ? resetsAhead(problem) : new Int32Array(0);
    this.#ahead = this.#looksAhead ? (machine.ahead?.(this.#layerLimit, this.#relaxed) ?? null) : null;
    this.#counted = settings.counted ?? null;
    this.#crashed = machine.demand === undefined ? null : new CrashedByEffect(problem, machine, machine.demand);
    this.#multisets = new Multisets(problem.classExample.length, this.#crashed?.partners ?? null);
    this.#idle = this.#relaxed === null ? null : idleOf(problem, machine, this.#relaxed);
    this.#blind = machine.demand === undefined ? null : new BlindWrites(problem, machine, machine.demand, this.#idle);
    this.#hasOptional = problem.classExample.length > 0 || this.#relaxed !== null;
    this.#seen = new Configurations(problem.maskWords, this.#multisets);
    this.#row = new Int32Array(this.#seen.width);
    const { layer, states } = settings.from ?? { layer: 0, states: [machine.initial] };
    this.#window = new Window(problem, this.#idle, layer);
    this.#canLookAhead = settings.from === undefined && (settings.lookAhead ?? true);
    this.#deepest = layer;
    this.#roots = states.map((state) => {
      const root = new Int32Array(this.#seen.width);
      root[LAYER] = layer;
      root[STATE] = state;
      return root;
    });
  }

  run(): SearchOutcome {
    if (this.#layerLimit === this.#roots[0]![LAYER]) return this.#outcome('ok', null, []);
    const impossible = this.#canLookAhead ? this.#firstImpossible() : null;
    if (impossible === null) return this.#search();
    // It is a violation; it remains to be seen whether something before it is one already.
    this.#layerLimit = impossible;
    const before = impossible === 0 ? this.#outcome('ok', null) : this.#search();
    const deepest = before.status === 'violation' ? before.deepest : impossible;
    return { ...before, status: 'violation', deepest, order: null };
  }

  /** The first layer whose operation asks for a state that nothing leads to which is invoked before its response. */
  #firstImpossible(): number | null {
    const { demand } = this.#machine;
    if (demand === undefined) return null;
    const { operations, returning, callLayerOf, isPure } = this.#problem;
    const suppliedFrom = new Map<number, number>([[this.#machine.initial, 0]]);
    for (let op = 0; op < operations.length; op++) {
      if (isPure[op] === 1) continue;
      // One that asks for a state is legal there.
      const state = this.#machine.step(demand[op]! >= 0 ? demand[op]! : this.#machine.initial, op);
      if (!suppliedFrom.has(state)) suppliedFrom.set(state, callLayerOf[op]!);
    }
    for (let layer = 0; layer < this.#layerLimit; layer++) {
      const op = returning[layer]!;
      if (demand[op]! < 0 || this.#relaxed?.[op] === 1) continue;
      const from = suppliedFrom.get(demand[op]!);
      if (from === undefined || from > layer) return layer;
    }
    return null;
  }

  #search(): SearchOutcome {
    // Where nothing is optional, every configuration must be refuted anyway, and in which order makes no difference.
    // An order of an easier question must be told to be of any use, and only a descent from the beginning can.
    const isShared = this.#hasOptional && this.#counted === null;
    let quotaSteps = isShared ? QUOTA_AT_FIRST + QUOTA_PER_LAYER * this.#layerLimit : Number.POSITIVE_INFINITY;
    for (;;) {
      const before = this.#steps;
      const descended = this.#descend(quotaSteps);
      if (descended !== null) return descended;
      const advanced = this.#advance(this.#steps - before);
      if (advanced !== null) return advanced;
      quotaSteps *= 2;
    }
  }

  /** The configurations of the last layer that are known, and what each of their operations would do. */
  stuck(): readonly Stuck[] {
    const { rows, width, count } = this.#seen;
    const found: Stuck[] = [];
    this.#window.moveTo(this.#deepest);
    for (let i = 0; i < count; i++) {
      const row = rows.subarray(i * width, (i + 1) * width);
      if (row[LAYER] === this.#deepest) found.push({ state: row[STATE]!, pending: this.#pendingOf(row) });
    }
    return found;
  }

  #outcome(
    status: SearchStatus,
    exhausted: SearchOutcome['exhausted'],
    order: readonly number[] | null = null,
  ): SearchOutcome {
    return {
      status,
      exhausted,
      order,
      exceeded: this.#exceeded,
      steps: this.#steps,
      deepest: status === 'ok' ? this.#layerLimit : this.#deepest,
      configurations: this.#configurations + this.#seen.count,
    };
  }

  // --- depth first ---

  /** Null when the memory is full or that many steps have been taken. */
  #descend(quotaSteps: number): SearchOutcome | null {
    const until = this.#steps + quotaSteps;
    for (const root of this.#roots) {
      this.#root = root;
      this.#depth = 0;
      this.#candidateCount = 0;
      this.#row.set(root);
      this.#window.moveTo(root[LAYER]!);
      if (this.#enter(0)) return this.#outcome('ok', null, this.#tellOrder());
      while (this.#depth > 0) {
        if (this.#steps >= this.#budgetSteps) return this.#outcome('unknown', 'steps');
        if (this.#seen.count >= this.#rowsMax || this.#steps >= until) return null;
        if (this.#next()) return this.#outcome('ok', null, this.#tellOrder());
      }
    }
    return this.#outcome('violation', null);
  }

  /** Tries the next candidate of the uppermost frame, or leaves it. True when the end is reached. */
  #next(): boolean {
    const top = this.#depth - 1;
    const base = this.#frameRow[top]! * this.#seen.width;
    const next = this.#frameNext[top]!;
    if (next === FIRST_THE_FORCED) {
      this.#frameNext[top] = THEN_THE_OTHERS;
      const { rows } = this.#seen;
      const forced = this.#problem.returning[rows[base + LAYER]!]!;
      const state = this.#afterForced(rows[base + STATE]!, forced);
      return state !== ILLEGAL && this.#take(base, forced, state);
    }
    if (next === THEN_THE_OTHERS) {
      this.#frameNext[top] = this.#candidateCount;
      this.#load(base);
      this.#findCandidates(this.#row);
      this.#frameEnd[top] = this.#candidateCount;
      return false;
    }
    if (next < this.#frameEnd[top]!) {
      this.#frameNext[top] = next + 2;
      return this.#take(base, this.#candidates[next]!, this.#candidates[next + 1]!);
    }
    this.#depth -= 1;
    this.#candidateCount = top === 0 ? 0 : this.#frameEnd[top - 1]!;
    return false;
  }

  /** Makes the configuration at `base` the one being made. */
  #load(base: number): void {
    const { rows, width } = this.#seen;
    const row = this.#row;
    for (let i = 0; i < width; i++) row[i] = rows[base + i]!;
    this.#window.moveTo(row[LAYER]!);
  }

  /** Applies a candidate to the configuration at `base` and goes into what comes of it. True at the end. */
  #take(base: number, code: number, state: number): boolean {
    this.#load(base);
    this.#apply(code, state);
    return this.#enter(code);
  }

  /** Sets what the candidate does to the configuration being made. */
  #apply(code: number, state: number): void {
    const row = this.#row;
    const op = code < 0 ? this.#problem.classExample[~code]! : code;
    // A relaxed operation that is left out overwrites nothing.
    const isLeftOut = this.#relaxed?.[op] === 1 && state === row[STATE];
    if (this.#blind !== null && !isLeftOut) this.#hide(op, this.#blind);
    row[STATE] = state;
    if (code < 0) row[USED] = this.#use(row[USED]!, ~code);
    else {
      const slot = this.#problem.slot[code]!;
      row[MASK + (slot >>> 5)] = row[MASK + (slot >>> 5)]! | (1 << (slot & 31));
    }
    if (code < 0) this.#uses?.add(~code, this.#window.invoked[~code]!);
    this.#trail?.push(code);
  }

  /** Blind writes that nobody will see take effect just before another blind write. */
  #hide(op: number, blind: BlindWrites): void {
    if (blind.isBlind[op] === 0) return;
    const row = this.#row;
    const { open, opAt } = this.#window;
    for (let word = 0; word < open.length; word++) {
      let left = open[word]! & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const other = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        if (other === op || !blind.isUnseen(other, row[LAYER]!)) continue;
        row[MASK + word] = row[MASK + word]! | bit;
        this.#trail?.push(other);
      }
    }
  }

  /** Brings the configuration being made to the response it cannot pass, and puts it on the stack. True at the end. */
  #enter(code: number): boolean {
    this.#settle();
    while (this.#pass()) {
      if (this.#row[LAYER] === this.#layerLimit) {
        this.#deepest = this.#layerLimit;
        this.#push(0, code);
        return true;
      }
      this.#settleCalled();
    }
    if (this.#row[LAYER]! > this.#deepest) this.#deepest = this.#row[LAYER]!;
    if (!this.#isFeasible()) return false;
    const added = this.#seen.add(this.#row);
    if (added < 0) return false;
    this.#push(added, code);
    return false;
  }

  #push(row: number, via: number): void {
    if (this.#depth === this.#frameRow.length) {
      this.#frameRow = longer(this.#frameRow);
      this.#frameVia = longer(this.#frameVia);
      this.#frameNext = longer(this.#frameNext);
      this.#frameEnd = longer(this.#frameEnd);
    }
    this.#frameRow[this.#depth] = row;
    this.#frameVia[this.#depth] = via;
    this.#frameNext[this.#depth] = FIRST_THE_FORCED;
    this.#frameEnd[this.#depth] = this.#candidateCount;
    this.#depth += 1;
  }

  // --- rules that both ways share; `#window` stands at the layer of `#row` ---

  /** Pure operations take effect where they are legal. */
  #settle(): void {
    const { pure, opAt } = this.#window;
    const row = this.#row;
    const state = row[STATE]!;
    for (let word = 0; word < pure.length; word++) {
      let left = pure[word]! & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const op = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        this.#steps += 1;
        if (this.#machine.step(state, op) === ILLEGAL) continue;
        row[MASK + word] = row[MASK + word]! | bit;
        this.#trail?.push(op);
      }
    }
  }

  /** The same for those that were invoked just before this layer's response. */
  #settleCalled(): void {
    const { calls, callsFrom, isPure, slot } = this.#problem;
    const row = this.#row;
    const layer = row[LAYER]!;
    for (let i = callsFrom[layer]!; i < callsFrom[layer + 1]!; i++) {
      const op = calls[i]!;
      if (isPure[op] === 0 || slot[op]! < 0 || this.#relaxed?.[op] === 1) continue;
      this.#steps += 1;
      if (this.#machine.step(row[STATE]!, op) === ILLEGAL) continue;
      row[MASK + (slot[op]! >>> 5)] = row[MASK + (slot[op]! >>> 5)]! | (1 << (slot[op]! & 31));
      this.#trail?.push(op);
    }
  }

  /** Goes past the next response if its operation has taken effect, or need not. */
  #pass(): boolean {
    const row = this.#row;
    const op = this.#problem.returning[row[LAYER]!]!;
    const slot = this.#problem.slot[op]!;
    const bit = 1 << (slot & 31);
    const word = MASK + (slot >>> 5);
    const isDone = (row[word]! & bit) !== 0 || this.#needNot(op, row[LAYER]!);
    if (!isDone) return false;
    row[word] = row[word]! & ~bit;
    row[LAYER] = row[LAYER]! + 1;
    if (row[LAYER]! < this.#layerLimit) this.#window.moveTo(row[LAYER]!);
    return true;
  }

  /** Whether the operation may be left out, and it makes no difference from this layer on if it is. */
  #needNot(op: number, layer: number): boolean {
    if (this.#relaxed?.[op] !== 1) return false;
    return this.#idle?.[op] === 1 || this.#blind?.isUnseen(op, layer) === true;
  }

  /** What the forced operation, taking effect at last, leads to. */
  #afterForced(state: number, forced: number): number {
    // A pure one would have taken effect already.
    if (this.#problem.isPure[forced] === 1) return ILLEGAL;
    // Leaving a relaxed one out is as if it took effect and had none.
    if (this.#relaxed?.[forced] === 1) return state;
    this.#steps += 1;
    return this.#machine.step(state, forced);
  }

  #isFeasible(): boolean {
    const machine = this.#machine;
    if (!this.#looksAhead || this.#mayReset()) return true;
    const { pure, opAt } = this.#window;
    const row = this.#row;
    for (let word = 0; word < pure.length; word++) {
      let left = pure[word]! & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const op = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        // An answer beyond the limit has not been given, and one after a reset may tell of that.
        if (this.#problem.layerOf[op]! >= Math.min(this.#layerLimit, this.#nextReset[row[LAYER]!]!)) continue;
        if (machine.feasible?.(row[STATE]!, op) === false) return false;
      }
    }
    return this.#ahead?.isFeasible(row[STATE]!, row[LAYER]!) ?? true;
  }

  /** Whether a reset is open that has not taken effect. */
  #mayReset(): boolean {
    if (this.#window.resets === 0) return false;
    const { open, opAt, invoked } = this.#window;
    const { isReset, classExample } = this.#problem;
    const row = this.#row;
    for (let word = 0; word < open.length; word++) {
      let left = open[word]! & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        if (isReset[opAt[word * 32 + 31 - Math.clz32(bit)]!] === 1) return true;
      }
    }
    for (let index = 0; index < invoked.length; index++) {
      if (isReset[classExample[index]!] === 0) continue;
      if (this.#isLeft(row, index)) return true;
    }
    return false;
  }

  /**
   * What can take effect in `row` but for the forced operation, which has been tried. First come those after which
   * the forced operation is legal where it is not, and of unknown outcomes each time last.
   */
  #findCandidates(row: Int32Array): void {
    const machine = this.#machine;
    const state = row[STATE]!;
    const must = this.#problem.returning[row[LAYER]!]!;
    const { open, opAt } = this.#window;
    this.#otherCount = 0;
    this.#steps += 1;
    const isRelaxed = this.#relaxed?.[must] === 1;
    const isDue = !isRelaxed && machine.step(state, must) === ILLEGAL;
    const wanted = this.#hasOptional ? this.#wanted(row) : null;
    for (let word = 0; word < open.length; word++) {
      let left = open[word]! & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const op = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        const isOptional = this.#relaxed?.[op] === 1;
        if (op === must && !isOptional) continue;
        // An unseen write takes effect with the next blind write, or when it is forced to.
        const isUnseen = this.#blind?.isUnseen(op, row[LAYER]!) === true;
        this.#steps += 1;
        const next = machine.step(state, op);
        if (isOptional && next === state) continue;
        // The forced one, if it is relaxed, has its last chance, whoever comes after it.
        const isUseless = isOptional && op !== must && wanted?.has(next) === false;
        // One that is relaxed is left out.
        const isHeld = isUnseen && (isOptional || !isRelaxed);
        if (next !== ILLEGAL && !isHeld && !isUseless) this.#offer(op, next, isDue && next !== state, must);
      }
    }
    if (this.#problem.classExample.length > 0) this.#findCrashed(row, wanted, isDue, must);
    for (let i = 0; i < this.#otherCount; i += 2) this.#addCandidate(this.#others[i]!, this.#others[i + 1]!);
  }

  #addCandidate(code: number, next: number): void {
    if (this.#candidateCount === this.#candidates.length) this.#candidates = longer(this.#candidates);
    this.#candidates[this.#candidateCount] = code;
    this.#candidates[this.#candidateCount + 1] = next;
    this.#candidateCount += 2;
  }

  #offer(code: number, next: number, isDue: boolean, must: number): void {
    if (isDue) {
      this.#steps += 1;
      if (this.#machine.step(next, must) !== ILLEGAL) {
        this.#addCandidate(code, next);
        return;
      }
    }
    if (this.#otherCount === this.#others.length) this.#others = longer(this.#others);
    this.#others[this.#otherCount] = code;
    this.#others[this.#otherCount + 1] = next;
    this.#otherCount += 2;
  }

  #findCrashed(row: Int32Array, wanted: ReadonlySet<number> | null, isDue: boolean, must: number): void {
    if (wanted === null || this.#crashed === null) {
      for (let index = 0; index < this.#window.invoked.length; index++) this.#offerCrashed(row, index, isDue, must);
      return;
    }
    for (const state of wanted) {
      // A conditional one that does the same does nothing else, and is used up first.
      if (this.#isDoneConditionally(row, state, this.#crashed)) continue;
      for (const index of this.#crashed.leadingTo(state)) this.#offerCrashed(row, index, isDue, must);
    }
    for (const index of this.#crashed.conditional) this.#offerCrashed(row, index, isDue, must, wanted);
  }

  #isDoneConditionally(row: Int32Array, state: number, crashed: CrashedByEffect): boolean {
    const index = crashed.between(row[STATE]!, state);
    return index !== null && this.#isLeft(row, index);
  }

  #offerCrashed(row: Int32Array, index: number, isDue: boolean, must: number, wanted?: ReadonlySet<number>): void {
    this.#steps += 1;
    if (!this.#isLeft(row, index)) return;
    const next = this.#machine.step(row[STATE]!, this.#problem.classExample[index]!);
    if (next === ILLEGAL || next === row[STATE]) return;
    if (wanted?.has(next) === false) return;
    this.#offer(~index, next, isDue, must);
  }

  #isLeft(row: Int32Array, index: number): boolean {
    const invoked = this.#window.invoked[index]!;
    if (invoked === 0) return false;
    return this.#counted?.[index] === 0 || invoked > this.#multisets.countOf(row[USED]!, index);
  }

  /** What is used when one more of the class is. */
  #use(used: number, index: number): number {
    return this.#counted?.[index] === 0 ? used : this.#multisets.with(used, index);
  }

  /**
   * The states that an operation which is there asks for; null when some asks for any other than this, or nobody knows.
   * The next operation to take effect is among those that are open here: the forced one still has to, or, if it is
   * relaxed, has its last chance; what is not followed by it could as well wait for a later layer.
   */
  #wanted(row: Int32Array): Set<number> | null {
    const { demand } = this.#machine;
    if (demand === undefined || this.#crashed === null) return null;
    const { open, pure, opAt } = this.#window;
    const state = row[STATE]!;
    const wanted = new Set<number>();
    for (let word = 0; word < open.length; word++) {
      let left = (open[word]! | pure[word]!) & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const op = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        if (demand[op] === DEMANDS_SOMETHING) return null;
        if (demand[op]! >= 0) wanted.add(demand[op]!);
      }
    }
    for (const index of this.#crashed.conditional) {
      if (!this.#isLeft(row, index)) continue;
      const asked = demand[this.#problem.classExample[index]!]!;
      if (asked === DEMANDS_SOMETHING) return null;
      wanted.add(asked);
    }
    wanted.delete(state);
    return wanted;
  }

  // --- layer by layer ---

  /** Takes all that is possible on through the layers, for that many steps and at least one layer. Null when it is the descent's turn. */
  #advance(quotaSteps: number): SearchOutcome | null {
    const until = this.#steps + quotaSteps;
    this.#configurations += this.#seen.count;
    let here = new Configurations(this.#problem.maskWords, this.#multisets);
    let there = new Configurations(this.#problem.maskWords, this.#multisets);
    this.#compact();
    let layer = this.#roots[0]![LAYER]!;
    this.#window.moveTo(layer);
    for (const root of this.#roots) {
      this.#row.set(root);
      this.#settle();
      here.add(this.#row);
    }
    do {
      this.#deepest = Math.max(this.#deepest, layer);
      const passed = this.#expandLayer(here);
      this.#seen = here;
      if (passed === null) return this.#outcome('unknown', this.#steps >= this.#budgetSteps ? 'steps' : 'memory');
      if (passed.length === 0) return this.#outcome('violation', null);
      this.#configurations += here.count;
      layer += 1;
      if (layer === this.#layerLimit) return this.#outcome('ok', null);
      there.clear();
      for (const row of passed) {
        this.#row.set(row);
        this.#window.moveTo(layer);
        this.#settleCalled();
        if (this.#isFeasible()) there.add(this.#row);
      }
      if (there.count === 0) {
        this.#deepest = layer;
        return this.#outcome('violation', null);
      }
      [here, there] = [there, here];
    } while (this.#steps < until);
    this.#roots = [];
    for (let i = 0; i < here.count; i++) this.#roots.push(here.rows.slice(i * here.width, (i + 1) * here.width));
    this.#seen = new Configurations(this.#problem.maskWords, this.#multisets);
    return null;
  }

  /**
   * All that passes this layer's response; `here` grows by what happens at it. Null when something is used up. Those that have
   * used little of what need not happen come first, so that the others meet them and are dropped.
   */
  #expandLayer(here: Configurations): Int32Array[] | null {
    const passed: Int32Array[] = [];
    const { width } = here;
    const layer = here.rows[LAYER]!;
    const bySize = new Buckets();
    const work = new Int32Array(width);
    for (let i = 0; i < here.count; i++) bySize.add(this.#multisets.sizeOf(here.rows[i * width + USED]!), i);
    for (let index = bySize.next(); index >= 0; index = bySize.next()) {
      if (this.#steps >= this.#budgetSteps || here.count > this.#frontierMax) return null;
      if (this.#hasOptional && here.isCoveredByAnother(index)) continue;
      work.set(here.rows.subarray(index * width, (index + 1) * width));
      this.#row.set(work);
      if (this.#pass()) {
        passed.push(this.#row.slice());
        this.#window.moveTo(layer);
        continue;
      }
      this.#candidateCount = 0;
      const forced = this.#problem.returning[layer]!;
      const after = this.#afterForced(work[STATE]!, forced);
      if (after !== ILLEGAL) this.#addCandidate(forced, after);
      this.#findCandidates(work);
      for (let c = 0; c < this.#candidateCount; c += 2) {
        this.#row.set(work);
        this.#apply(this.#candidates[c]!, this.#candidates[c + 1]!);
        this.#settle();
        if (!this.#isFeasible()) continue;
        const added = here.add(this.#row);
        if (added >= 0) bySize.add(this.#multisets.sizeOf(this.#row[USED]!), added);
      }
    }
    return passed;
  }

  #compact(): void {
    const states = this.#machine.compact?.(this.#roots.map((root) => root[STATE]!));
    if (states === undefined) return;
    this.#hasCompacted = true;
    for (let i = 0; i < states.length; i++) this.#roots[i]![STATE] = states[i]!;
  }

  // --- telling ---

  /** Walks the stack again and notes what takes effect. Null when the descent began in the middle. */
  #tellOrder(): readonly number[] | null {
    if (this.#relaxed !== null || this.#hasCompacted || this.#root?.[LAYER] !== 0) return null;
    const codes = this.#frameVia.slice(1, this.#depth);
    const trail: number[] = [];
    this.#trail = trail;
    this.#uses = new Uses();
    this.#row.set(this.#root);
    this.#window = new Window(this.#problem, this.#idle, 0);
    this.#passAll();
    for (const code of codes) {
      const example = code < 0 ? this.#problem.classExample[~code]! : code;
      this.#apply(code, this.#machine.step(this.#row[STATE]!, example));
      this.#passAll();
    }
    this.#trail = null;
    this.#exceeded = this.#uses.exceeded();
    this.#uses = null;
    assert(this.#row[LAYER] === this.#layerLimit, 'an order does not lead to the end');
    return this.#exceeded === null ? this.#namedCrashes(trail) : null;
  }

  #passAll(): void {
    this.#settle();
    while (this.#row[LAYER]! < this.#layerLimit && this.#pass()) {
      if (this.#row[LAYER]! < this.#layerLimit) this.#settleCalled();
    }
  }

  /** Members of a class are used in the order of their invocations. */
  #namedCrashes(trail: readonly number[]): number[] {
    const members: number[][] = Array.from(this.#problem.classExample, () => []);
    for (let op = this.#problem.classOf.length - 1; op >= 0; op--) {
      if (this.#problem.classOf[op]! >= 0) members[this.#problem.classOf[op]!]!.push(op);
    }
    return trail.map((code) => (code < 0 ? members[~code]!.pop()! : code));
  }

  #pendingOf(row: Int32Array): Stuck['pending'] {
    const { open, pure, opAt } = this.#window;
    const pending: { op: number; isLegal: boolean }[] = [];
    for (let word = 0; word < open.length; word++) {
      let left = (open[word]! | pure[word]!) & ~row[MASK + word]!;
      while (left !== 0) {
        const bit = left & -left;
        left ^= bit;
        const op = opAt[word * 32 + 31 - Math.clz32(bit)]!;
        pending.push({ op, isLegal: this.#machine.step(row[STATE]!, op) !== ILLEGAL });
      }
    }
    return pending;
  }
}

/** Numbers by size; the smallest size comes out first, and what is added meanwhile is never smaller. */
class Buckets {
  readonly #members: number[][] = [];
  #size = 0;
  #at = 0;

  add(size: number, member: number): void {
    while (this.#members.length <= size) this.#members.push([]);
    this.#members[size]!.push(member);
  }

  next(): number {
    while (this.#size < this.#members.length) {
      const members = this.#members[this.#size]!;
      if (this.#at < members.length) return members[this.#at++]!;
      this.#size += 1;
      this.#at = 0;
    }
    return -1;
  }
}

function longer(array: Int32Array): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(array.length * 2);
  copy.set(array);
  return copy;
}

/** What `next` of a frame holds before its candidates are known. */
const FIRST_THE_FORCED = -2;
const THEN_THE_OTHERS = -1;

/** A configuration at a response that nothing passes. */
export interface Stuck {
  readonly state: number;
  /** What is open and has not taken effect. */
  readonly pending: readonly { readonly op: number; readonly isLegal: boolean }[];
}

/**
 * Blind writes that nobody will see: no operation that responds from here on asks for the state they lead to, or for any other than
 * another. What follows such a write can only be a blind write, or nothing.
 */
class BlindWrites {
  readonly isBlind: Uint8Array;
  /** The state each leads to. */
  readonly #leadsTo: Int32Array;
  /** The last layer whose operation, or that of unknown outcome, asks for the state. */
  readonly #askedUntil: Int32Array;

  constructor({ operations, layerOf }: Problem, machine: Machine, demand: Int32Array, idle: Uint8Array | null) {
    const count = operations.length;
    this.isBlind = new Uint8Array(count);
    this.#leadsTo = new Int32Array(count).fill(-1);
    let states = machine.initial + 1;
    for (let op = 0; op < count; op++) {
      if (demand[op] === DEMANDS_NOTHING) {
        this.isBlind[op] = 1;
        this.#leadsTo[op] = machine.step(machine.initial, op);
        states = Math.max(states, this.#leadsTo[op]! + 1);
      } else states = Math.max(states, demand[op]! + 1);
    }
    this.#askedUntil = new Int32Array(states).fill(-1);
    let anyUntil = -1;
    for (let op = 0; op < count; op++) {
      if (idle?.[op] === 1) continue;
      if (demand[op] === DEMANDS_SOMETHING) anyUntil = Math.max(anyUntil, layerOf[op]!);
      else if (demand[op]! >= 0) {
        this.#askedUntil[demand[op]!] = Math.max(this.#askedUntil[demand[op]!]!, layerOf[op]!);
      }
    }
    for (let state = 0; state < states; state++) {
      this.#askedUntil[state] = Math.max(this.#askedUntil[state]!, anyUntil);
    }
  }

  isUnseen(op: number, layer: number): boolean {
    return this.isBlind[op] === 1 && this.#askedUntil[this.#leadsTo[op]!]! < layer;
  }
}

/**
 * Relaxed operations that lead nowhere: those that change nothing, and those that lead to a state for which nothing asks that
 * may come after them. Without one of these in it an order is none the worse: what follows it, up to the next change of the
 * state, asks for neither that state nor another, and the next change is a blind write.
 */
function idleOf(
  { operations, isPure, layerOf, callLayerOf }: Problem,
  machine: Machine,
  relaxed: Uint8Array,
): Uint8Array {
  const { demand } = machine;
  const idle = relaxed.map((isRelaxed, op) => (isRelaxed === 1 && isPure[op] === 1 ? 1 : 0));
  if (demand === undefined) return idle;
  const leadsTo = new Int32Array(operations.length);
  let states = machine.initial + 1;
  for (let op = 0; op < operations.length; op++) {
    if (demand[op]! >= states) states = demand[op]! + 1;
    if (relaxed[op] === 0 || idle[op] === 1 || demand[op] === DEMANDS_SOMETHING) continue;
    leadsTo[op] = machine.step(demand[op] === DEMANDS_NOTHING ? machine.initial : demand[op]!, op);
    if (leadsTo[op]! >= states) states = leadsTo[op]! + 1;
  }
  const askedUntil = new Int32Array(states);
  for (let isMore = true; isMore; ) {
    isMore = false;
    askedUntil.fill(-1);
    let anyUntil = -1;
    for (let op = 0; op < operations.length; op++) {
      if (idle[op] === 1 || demand[op] === DEMANDS_NOTHING) continue;
      const until = layerOf[op]!;
      if (demand[op] === DEMANDS_SOMETHING) anyUntil = Math.max(anyUntil, until);
      else if (askedUntil[demand[op]!]! < until) askedUntil[demand[op]!] = until;
    }
    for (let op = 0; op < operations.length; op++) {
      if (relaxed[op] === 0 || idle[op] === 1 || demand[op] === DEMANDS_SOMETHING) continue;
      if (Math.max(anyUntil, askedUntil[leadsTo[op]!]!) >= callLayerOf[op]!) continue;
      idle[op] = 1;
      // What asked for something asks no more.
      if (demand[op]! >= 0) isMore = true;
    }
  }
  return idle;
}

/** How often the classes were used in an order, and by how much that is too often at its worst. */
class Uses {
  readonly #counts = new Map<number, number>();
  readonly #excess = new Map<number, number>();

  add(index: number, invoked: number): void {
    const count = (this.#counts.get(index) ?? 0) + 1;
    this.#counts.set(index, count);
    if (count > invoked) this.#excess.set(index, Math.max(this.#excess.get(index) ?? 0, count - invoked));
  }

  /** The worst. */
  exceeded(): number | null {
    let worst: number | null = null;
    for (const [index, excess] of this.#excess) if (worst === null || excess > this.#excess.get(worst)!) worst = index;
    return worst;
  }
}

/** Operations of unknown outcome by the state they lead to, where that does not depend on the state they meet. */
class CrashedByEffect {
  readonly conditional: number[] = [];
  /** For each conditional class, an unconditional one that leads to the same state, or -1. */
  readonly partners: Int32Array;
  readonly #byState = new Map<number, number[]>();
  /** Conditional classes by the state they ask for, then by that they lead to. */
  readonly #between = new Map<number, Map<number, number>>();

  constructor({ classExample }: Problem, machine: Machine, demand: Int32Array) {
    this.partners = new Int32Array(classExample.length).fill(-1);
    for (let index = 0; index < classExample.length; index++) {
      const op = classExample[index]!;
      if (demand[op] === DEMANDS_NOTHING) {
        const state = machine.step(machine.initial, op);
        const known = this.#byState.get(state);
        if (known === undefined) this.#byState.set(state, [index]);
        else known.push(index);
      } else this.conditional.push(index);
    }
    for (const index of this.conditional) this.#pair(index, classExample[index]!, machine, demand);
  }

  leadingTo(state: number): readonly number[] {
    return this.#byState.get(state) ?? [];
  }

  /** A conditional class that asks for the one state and leads to the other. */
  between(from: number, to: number): number | null {
    return this.#between.get(from)?.get(to) ?? null;
  }

  #pair(index: number, op: number, machine: Machine, demand: Int32Array): void {
    const from = demand[op]!;
    if (from < 0) return;
    const to = machine.step(from, op);
    this.partners[index] = this.leadingTo(to)[0] ?? -1;
    const known = this.#between.get(from) ?? new Map<number, number>();
    known.set(to, index);
    this.#between.set(from, known);
  }
}
