/**
 * From a failing schedule to its cause: a schedule of a few operations that fails in the same way.
 *
 * Everything is tried by running it. What makes that work is that a schedule is data of which every subset is a schedule,
 * and that no fault and no request draws from a source that another one has drawn from (`faults.ts`, `workload.ts`): with
 * one fault less, the others do what they did. It is still another run, with other races, so no answer is final until it
 * was run, and the schedule that comes out is one that was.
 *
 * The order follows what a run costs and a reader gains: cut behind the violation, take out faults (delta debugging), then
 * servers, clients and what they ask, then what the weather adds, then weaken each fault that is left, then the overrides
 * of single packets; and again, until a whole round changes nothing or the runs are used up.
 */

import { textOfTurns, turnsOf } from '../asks.ts';
import { type Result, run } from '../runner.ts';
import { CALM, type Op, type RunOptions, type Schedule, type Settings, type SwarmName } from '../schedule.ts';
import { span } from '../text.ts';
import { makeStream } from '../world/random.ts';
import type { Stream } from '../world/types.ts';
import { ddmin } from './ddmin.ts';
import { expectationOf, isSameFailure, type Signature, signatureOf, violationOf } from './signature.ts';
import { LOAD, WEATHER } from './size.ts';
import { weakerForms } from './weaken.ts';

export interface ShrinkSettings {
  /** How a schedule is run; default: by this code, in this thread. */
  readonly run?: (schedule: Schedule) => Result;
  /** Runs that may be spent; default 100. */
  readonly rerunsMax?: number;
  readonly onStep?: (step: ShrinkStep) => void;
}

export const PASSES = [
  'cut',
  'sooner',
  'faults',
  'luck',
  'servers',
  'clients',
  'requests',
  'weather',
  'settings',
  'weaken',
  'overrides',
  'end',
] as const;
export type Pass = (typeof PASSES)[number];

/** One run of a smaller schedule. */
export interface ShrinkStep {
  readonly pass: Pass;
  /** What was left out or weakened, in a few words. */
  readonly tried: string;
  /** It failed in the same way, so this is the schedule from here on. */
  readonly kept: boolean;
  readonly faults: number;
  readonly reruns: number;
}

export interface Shrunk {
  readonly schedule: Schedule;
  /** Of exactly that schedule. */
  readonly result: Result;
  readonly reruns: number;
  readonly faultsBefore: number;
  readonly faultsAfter: number;
}

export const RERUNS_DEFAULT = 100;
const MS = 1000;
/** A failure that took longer than this to come may be had sooner. */
const SOON_MS = 10_000;
/** So many of the last operations are tried from the beginning of a run, and this is where they begin. */
const SOON_COUNTS = [4, 16, 64];
const SOON_START_MS = 1500;
/** So few faults are little enough to be understood. */
const FAULTS_WANTED = 5;
/** So many handfuls are taken, each from so many of the last operations. */
const LUCK_TRIES = 12;
const LUCK_WINDOW = 40;
/** The part of the runs that taking away in order leaves to luck and to what comes after. */
const LUCK_RESERVE = 0.35;
/** Between two operations of a handful. */
const LUCK_GAP_MS = 4000;
/** A smaller run may come to its failure later than the whole one: so much time it gets. */
const GRACE_MS = 2000;
const GRACE_RATIO = 0.25;

/** @throws Error when `found` broke no promise. */
export function shrink(schedule: Schedule, found: Result, settings: ShrinkSettings = {}): Shrunk {
  const signature = signatureOf(found);
  if (signature === null) throw new Error('nothing to shrink: the run kept every promise');
  return new Shrinker(schedule, found, signature, settings).shrunk();
}

class Shrinker {
  readonly #signature: Signature;
  readonly #original: Schedule;
  readonly #run: (schedule: Schedule) => Result;
  readonly #rerunsMax: number;
  readonly #onStep: (step: ShrinkStep) => void;
  readonly #tried = new Set<string>();
  /** The failure came in the phase of faults: then nothing behind that phase needs to be run. */
  readonly #isEarly: boolean;
  #schedule: Schedule;
  #result: Result;
  readonly #chance: Stream;
  #pass: Pass = 'cut';
  #reruns = 0;
  /** What was found out about operations, for the next time that they are taken out. */
  readonly #suspicions = new Map<Op, number>();
  /** The part of the runs that is kept for other passes. */
  #reserve = 0;

  constructor(schedule: Schedule, found: Result, signature: Signature, settings: ShrinkSettings) {
    const { expect: _, ...rest } = schedule;
    this.#signature = signature;
    this.#original = rest;
    this.#schedule = rest;
    this.#result = found;
    this.#run = settings.run ?? ((other) => run(other));
    this.#rerunsMax = settings.rerunsMax ?? RERUNS_DEFAULT;
    this.#chance = makeStream(schedule.seed, 'shrink');
    this.#onStep = settings.onStep ?? ((): void => {});
    this.#isEarly = this.#failedMs <= schedule.options.duration;
  }

  shrunk(): Shrunk {
    this.#cut();
    for (let before = ''; before !== JSON.stringify(this.#schedule) && this.#hasRuns; ) {
      before = JSON.stringify(this.#schedule);
      this.#round();
    }
    this.#end();
    const { violations } = this.#result;
    const expect = violations.length === 0 ? {} : { expect: expectationOf(this.#result, this.#signature) };
    return {
      schedule: { ...this.#schedule, ...expect },
      result: this.#result,
      reruns: this.#reruns,
      faultsBefore: this.#original.ops.length,
      faultsAfter: this.#schedule.ops.length,
    };
  }

  #round(): void {
    this.#sooner();
    // Each round asks anew: what an operation was needed for may be gone.
    this.#suspicions.clear();
    this.#reserve = LUCK_RESERVE;
    this.#faults();
    this.#reserve = 0;
    this.#sooner();
    this.#luck();
    if (this.#schedule.ops.length > FAULTS_WANTED) this.#faults();
    this.#servers();
    this.#clients();
    this.#requests();
    this.#weather();
    this.#settings();
    this.#weaken();
    this.#overrides();
  }

  // --- one question ---

  /** One run is kept for the last one. */
  get #hasRuns(): boolean {
    return this.#reruns < this.#rerunsMax * (1 - this.#reserve) - 1;
  }

  get #failedMs(): number {
    return (violationOf(this.#result, this.#signature)?.atUs ?? 0) / MS;
  }

  /** Whether the smaller schedule fails in the same way; then it takes the place of the present one. Null: no run is left. */
  #try(tried: string, smaller: Schedule): boolean | null {
    const key = JSON.stringify(smaller);
    if (this.#tried.has(key) || key === JSON.stringify(this.#schedule)) return false;
    if (!this.#hasRuns) return null;
    this.#tried.add(key);
    return this.#ask(tried, smaller);
  }

  #ask(tried: string, smaller: Schedule): boolean {
    this.#reruns += 1;
    const result = this.#run(smaller);
    const kept = isSameFailure(result, this.#signature);
    if (kept) {
      this.#schedule = smaller;
      this.#result = result;
    }
    this.#onStep({ pass: this.#pass, tried, kept, faults: this.#schedule.ops.length, reruns: this.#reruns });
    return kept;
  }

  #with(part: Partial<Schedule>): Schedule {
    return { ...this.#schedule, ...part };
  }

  #withOptions(part: Partial<RunOptions>): Schedule {
    return this.#with({ options: { ...this.#schedule.options, ...part } });
  }

  /** The operations that had a part in the run: the others came too late, met nobody, or waited for what never came. */
  #applied(): Op[] {
    const applied = new Set<number>();
    for (const { id, fate } of this.#result.ops) if (fate === 'applied') applied.add(id);
    return this.#schedule.ops.filter(({ id }) => applied.has(id));
  }

  // --- the passes ---

  /** Nothing behind the violation, and no more time than it takes. */
  #cut(): void {
    this.#pass = 'cut';
    const ops = this.#applied();
    const tried = `${this.#schedule.ops.length - ops.length} operations that had no part in it`;
    if (!this.#isEarly) {
      this.#try(tried, this.#with({ ops }));
      return;
    }
    // The end of the faults heals the world, so what follows would only repair what the failure needs.
    const duration = Math.min(this.#schedule.options.duration, this.#graceMs);
    const options = { ...this.#schedule.options, duration, settle: 0 };
    if (this.#try(tried, this.#with({ ops, options })) === false)
      this.#try('what follows', this.#withOptions({ duration }));
  }

  get #graceMs(): number {
    return Math.ceil(this.#failedMs * (1 + GRACE_RATIO)) + GRACE_MS;
  }

  /**
   * The last faults alone, from the beginning of a run: if they are all it needs, each further run is a fraction as long.
   * Who asked what at which moment is lost with the shift, so it is another run rather than a part of this one; all the
   * better if it fails too.
   */
  #sooner(): void {
    this.#pass = 'sooner';
    const ops = this.#applied();
    if (!this.#isEarly || this.#failedMs < SOON_MS || ops.length === 0) return;
    for (const count of SOON_COUNTS) {
      const last = ops.slice(-count);
      const first = Math.min(...last.map((op) => ('at' in op ? op.at : Number.POSITIVE_INFINITY)));
      const byMs = first - SOON_START_MS;
      if (!Number.isFinite(byMs) || byMs < SOON_MS / 2) continue;
      const shifted = last.map((op) => ('at' in op ? { ...op, at: op.at - byMs } : op));
      const { asks: _, ...rest } = this.#schedule;
      const duration = Math.min(rest.options.duration, this.#graceMs - Math.floor(byMs));
      const sooner = { ...rest, ops: shifted, options: { ...rest.options, duration } };
      if (this.#try(`all but the last ${last.length} operations, and ${span(byMs * MS)}`, sooner) !== false) return;
      if (last.length === ops.length) return;
    }
  }

  /**
   * When taking away in order has got stuck: handfuls of the last faults, from the beginning of a run and with other dice. A
   * failure that hangs on a race survives hardly any change of its schedule, but then a race is often lost anew.
   */
  #luck(): void {
    this.#pass = 'luck';
    const ops = this.#applied().filter((op) => 'at' in op);
    if (!this.#isEarly || ops.length <= FAULTS_WANTED) return;
    const hard = ops.filter(isHard);
    for (let i = 0; i < LUCK_TRIES; i++) {
      const from = (i % 2 === 0 && hard.length > 0 ? hard : ops).slice(-LUCK_WINDOW);
      const size = FAULTS_WANTED - (i % 3);
      const ids = new Set(this.#chance.shuffled(from.map(({ id }) => id)).slice(0, size));
      const handful = closeTogether(from.filter(({ id }) => ids.has(id)));
      const { asks: _, ...rest } = this.#schedule;
      const last = handful.at(-1);
      const endMs = last !== undefined && 'at' in last ? last.at : SOON_START_MS;
      const duration = Math.min(rest.options.duration, endMs + SOON_MS);
      const seed = `${this.#original.seed}~${this.#reruns + 1}`;
      const smaller = { ...rest, seed, ops: handful, options: { ...rest.options, duration } };
      if (this.#try(`all but ${size} operations, with other dice`, smaller) !== false) return;
    }
  }

  #faults(): void {
    this.#pass = 'faults';
    const ops = this.#applied();
    const hard = ops.filter(isHard);
    const isMixed = hard.length > 0 && hard.length < ops.length;
    if (isMixed)
      this.#try(`${ops.length - hard.length} of ${ops.length} operations, the light ones`, this.#timed({ ops: hard }));
    this.#removeOps((op) => !('nth' in op));
  }

  #overrides(): void {
    this.#pass = 'overrides';
    this.#removeOps((op) => 'nth' in op);
  }

  #removeOps(isMeant: (op: Op) => boolean): void {
    const meant = this.#applied().filter(isMeant);
    if (meant.length === 0) return;
    const others = this.#schedule.ops.filter((op) => !isMeant(op));
    ddmin(
      meant,
      (kept) => {
        const ids = new Set([...kept, ...others].map(({ id }) => id));
        const ops = this.#schedule.ops.filter(({ id }) => ids.has(id));
        return this.#try(`${meant.length - kept.length} of ${meant.length} operations`, this.#timed({ ops }));
      },
      { weightOf: (op) => (isHard(op) ? HARD_WEIGHT : 1), suspicions: this.#suspicions },
    );
  }

  /** With the grace that the latest failing run allows: it may have come to its end sooner. */
  #timed(part: Partial<Schedule>): Schedule {
    const schedule = this.#with(part);
    if (!this.#isEarly) return schedule;
    const duration = Math.min(schedule.options.duration, this.#graceMs);
    return { ...schedule, options: { ...schedule.options, duration } };
  }

  #servers(): void {
    this.#pass = 'servers';
    const { options } = this.#schedule;
    if (options.spares > 0) this.#try('the spares', this.#withOptions({ spares: 0 }));
    if (options.observers > 0) this.#try('the observers', this.#withOptions({ observers: 0 }));
    for (const nodes of [1, 3, 4, 5, 6]) {
      if (nodes >= this.#schedule.options.nodes) break;
      const from = this.#schedule.options.nodes;
      if (this.#try(`${from - nodes} of ${from} servers`, this.#withOptions({ nodes })) !== false) break;
    }
  }

  #clients(): void {
    this.#pass = 'clients';
    const { clients } = this.#schedule.options;
    for (const count of [0, 1, 2, Math.floor(clients / 2)]) {
      if (count >= this.#schedule.options.clients) break;
      const tried = `${clients - count} of ${clients} clients`;
      if (
        this.#try(
          tried,
          this.#withAsks(
            this.#turns().filter(([client]) => client <= count),
            count,
          ),
        ) !== false
      )
        break;
    }
  }

  /** What each client still asks, turn by turn, as far as the run came. */
  #turns(): (readonly [client: number, turn: number])[] {
    const found: [number, number][] = [];
    for (let client = 1; client <= this.#schedule.options.clients; client++) {
      const text = this.#schedule.asks?.[`c${client}`];
      const kept = text === undefined ? null : turnsOf(text);
      const taken = this.#result.turns[client - 1] ?? 0;
      for (let turn = 0; turn <= taken; turn++) if (kept === null || kept.has(turn)) found.push([client, turn]);
    }
    return found;
  }

  #withAsks(turns: readonly (readonly [number, number])[], clients: number): Schedule {
    const asks: Record<string, string> = {};
    for (let client = 1; client <= clients; client++) {
      asks[`c${client}`] = textOfTurns(turns.flatMap(([of, turn]) => (of === client ? [turn] : [])));
    }
    return this.#timed({ asks, options: { ...this.#schedule.options, clients } });
  }

  #requests(): void {
    this.#pass = 'requests';
    const turns = this.#turns();
    const { clients } = this.#schedule.options;
    ddmin(turns, (kept) =>
      this.#try(`${turns.length - kept.length} of ${turns.length} turns of clients`, this.#withAsks(kept, clients)),
    );
  }

  /** What lies over all of the run: calm weather is easier to read than any other. */
  #weather(): void {
    this.#pass = 'weather';
    const calmed = (names: readonly SwarmName[]): Schedule => {
      const swarm: Record<SwarmName, number> = { ...this.#schedule.swarm };
      for (const name of names) swarm[name] = CALM[name];
      return this.#timed({ swarm });
    };
    const weather = WEATHER.filter((name) => this.#schedule.swarm[name] !== CALM[name]);
    ddmin(weather, (kept) => this.#try('weather', calmed(weather.filter((name) => !kept.includes(name)))), {
      suffixes: false,
    });
    // Who asks what is drawn with the load, so another one is another run; but the ordinary one needs no words.
    this.#try('what is special about the load', calmed(LOAD));
  }

  #settings(): void {
    this.#pass = 'settings';
    const { options } = this.#schedule;
    if (options.tls) this.#try('TLS', this.#withOptions({ tls: false }));
    const names = Object.keys(options.settings) as (keyof Settings)[];
    const all = options.settings;
    ddmin(
      names,
      (kept) => {
        const settings = Object.fromEntries(
          Object.entries(all).filter(([name]) => kept.some((other) => other === name)),
        );
        return this.#try('settings', this.#withOptions({ settings }));
      },
      { suffixes: false },
    );
  }

  #weaken(): void {
    this.#pass = 'weaken';
    for (const { id } of this.#schedule.ops) {
      for (let isWeaker = true; isWeaker && this.#hasRuns; ) {
        const op = this.#schedule.ops.find((other) => other.id === id)!;
        isWeaker = weakerForms(op, this.#failedMs).some((form) => this.#tryForm(op, form));
      }
    }
  }

  #tryForm(op: Op, form: Op): boolean {
    const ops = this.#schedule.ops.map((other) => (other.id === op.id ? form : other));
    return this.#try(`operation ${op.id} weaker`, this.#timed({ ops })) === true;
  }

  /** The run ends right where the promise is broken, and what had no part is gone. */
  #end(): void {
    this.#pass = 'end';
    const { settle } = this.#original.options;
    const duration = this.#isEarly ? Math.ceil(this.#failedMs) : this.#schedule.options.duration;
    const whole = this.#with({ options: { ...this.#schedule.options, duration, settle }, ops: this.#applied() });
    if (JSON.stringify(whole) !== JSON.stringify(this.#schedule)) this.#ask('what is behind it', whole);
  }
}

/** What takes a server, its disk or its links away for a while; everything else delays, or concerns clients alone. */
const HARD: ReadonlySet<string> = new Set<Op['do']>([
  'cut',
  'partition',
  'isolate',
  'bridge',
  'ring',
  'flap',
  'unordered',
  'crash',
  'power',
  'crashWhen',
  'pause',
  'wipe',
  'backup',
  'restore',
  'rolling',
  'diskError',
  'bitRot',
  'tornWrites',
  'lyingFsync',
  'reconfig',
]);
const isHard = (op: Op): boolean => HARD.has(op.do);
/** So much more often does one of these matter. */
const HARD_WEIGHT = 10;

/** The same operations in the same order, with the waits between them cut down. */
function closeTogether(ops: readonly Op[]): Op[] {
  let atMs = SOON_START_MS;
  let beforeMs: number | null = null;
  return ops.map((op) => {
    if (!('at' in op)) return op;
    atMs += beforeMs === null ? 0 : Math.min(LUCK_GAP_MS, op.at - beforeMs);
    beforeMs = op.at;
    return { ...op, at: atMs };
  });
}
