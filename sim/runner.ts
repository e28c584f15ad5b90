/**
 * One run: a schedule in, a verdict out. Everything a run does follows from the schedule; running it twice gives the same
 * events, byte for byte.
 *
 * ```
 *   faults and load          healed core, load goes on            no load
 *   |----- duration -----|---- until all goals are met ----|-- until all are equal --| every disk recovers
 * ```
 *
 * The first phase asks for safety alone. The second heals a drawn core of at least a quorum (the others may stay cut off,
 * half deaf or dead) and asks for progress within a bound. Runs in a browser too: no Node here.
 */

import { votersOf } from '../core/config/membership.ts';
import type { PeerView } from '../core/view.ts';
import type { TxnHeader } from '../core/wire/records.ts';
import type { Txn } from '../core/wire/txn.ts';
import { Attachments, type Standing } from './checkers/attachments.ts';
import { Judge } from './checkers/history/judge.ts';
import type { HistoryRecord } from './checkers/history/record.ts';
import type { Decided } from './checkers/history/rules.ts';
import { Hub } from './checkers/hub.ts';
import {
  kindOf,
  PROPERTIES,
  type PropertyId,
  type Report,
  type Role,
  UNRESTRICTED,
  type Violation,
} from './checkers/properties.ts';
import { checkRecovery } from './checkers/recovery.ts';
import { Cluster, ipOf, SUPER_AUTH } from './cluster.ts';
import { type Ensemble, FaultDriver, type FaultStats, type OpFate, type Tell } from './faults.ts';
import { genesisOf } from './genesis.ts';
import { RECIPES, type RecipeBook } from './recipes/book.ts';
import { judgeRecipes, type RecipeStats } from './recipes/judge.ts';
import type { ToldOperation } from './recipes/told.ts';
import { HistoryRecorder, sessionOf } from './recorder.ts';
import type { Expectation, Fate, Schedule } from './schedule.ts';
import { type PeerRunner, runRaw } from './server.ts';
import { span } from './text.ts';
import { thrownHead, thrownText } from './thrown.ts';
import { ClientMachine, clientHost, SECRET_PREFIX, Workload, type WorkloadStats } from './workload.ts';
import { installGuard, removeGuard } from './world/guard.ts';
import {
  CLIENT_BASE,
  type Hooks,
  type HostId,
  type StepRecord,
  type Stream,
  type World,
  type WorldStats,
} from './world/types.ts';
import { createWorld } from './world/world.ts';

export type Verdict = 'ok' | 'safety' | 'liveness' | 'crash';

/** Why the healed core did not do what it must. */
export type LivenessReason =
  | 'no-leader'
  | 'core-not-synchronised'
  | 'no-commit'
  | 'session-not-expired'
  | 'client-unserved'
  | 'request-unanswered'
  | 'recipe-unfinished'
  | 'not-converged';

export interface Moment {
  readonly atUs: number;
  readonly text: string;
}

export interface RunStats {
  readonly virtualUs: number;
  readonly world: Readonly<WorldStats>;
  readonly faults: Readonly<FaultStats>;
  readonly workload: Readonly<WorkloadStats>;
  readonly elections: number;
  readonly slowestElectionUs: number;
  readonly committed: number;
  readonly epochs: number;
  readonly disksRecovered: number;
  /** From the healing of the core until every goal was met. */
  readonly settledUs: number;
  /** How often each rule about histories was put to the test. */
  readonly decided: Readonly<Decided>;
  /** What came of the programs that use locks and queues; null where there were none. */
  readonly recipes: RecipeStats | null;
}

export interface Result {
  readonly verdict: Verdict;
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly events: number;
  readonly stats: RunStats;
  /** How often each note was left. */
  readonly marks: Readonly<Record<string, number>>;
  readonly moments: readonly Moment[];
  readonly history: readonly HistoryRecord[];
  /** What became of each operation of the schedule, in its order. */
  readonly ops: readonly OpFate[];
  /** How many turns each client took. */
  readonly turns: readonly number[];
  /** What programs told of their locks and queues, by object. */
  readonly recipes: Readonly<Record<string, readonly ToldOperation[]>>;
}

export interface Progress {
  readonly atUs: number;
  readonly phase: 'faults' | 'settling' | 'quiet';
  readonly leader: HostId | null;
  readonly epoch: number;
  readonly faults: number;
  readonly operations: number;
}

export interface RunSettings {
  /** How servers are stepped; default raw. */
  readonly runner?: PeerRunner;
  /** Notable events as they happen. */
  readonly onMoment?: (moment: Moment) => void;
  readonly onProgress?: (progress: Progress) => void;
  /** What becomes of the operations of the schedule. */
  readonly onFault?: Tell;
  /** More to hear of the world, for traces. */
  readonly hooks?: Hooks;
  readonly recordHashes?: boolean;
  /** Other dice from the event with this id on: what would have become of the run from there. */
  readonly rekey?: Rekey;
  /** Keep the clients' history; default false. */
  readonly keepHistory?: boolean;
  /**
   * Who may report: `all` checks, or those alone that know what clients were told and nothing else (`client-only`). Liveness
   * then means that writes go through and requests are answered. An assertion of the core that fails ends any run.
   */
  readonly judge?: 'all' | 'client-only';
  /** The properties that count, for whoever asks what one of them alone would find; default all. */
  readonly only?: ReadonlySet<PropertyId>;
  /** What clients run where the schedule asks for programs; default the lock and the queue (docs/recipes.md). */
  readonly recipes?: RecipeBook;
  /** Called with the world before anything runs, and with it when all is over. */
  readonly onWorld?: (world: World) => void;
}

/** See `World.rekey`. */
export interface Rekey {
  readonly event: number;
  readonly pattern: string;
  readonly salt: number;
}

const MS = 1000;
/** Goals are looked at this often. */
const GOAL_EVERY_US = 100 * MS;
const VIOLATIONS_MAX = 16;
/** What a client says of a server that it has not heard for two thirds of the session timeout. */
const SILENT = 'server is silent';
const SILENCE_RATIO = 0.6;
/** Why a client machine ends a connection on which no server may ever have sent what it got. */
const NONSENSE: ReadonlySet<string> = new Set([
  'xid out of order',
  'auth reply to no request',
  'bad reply body',
  'bad reply header',
  'bad connect response',
  'bad watch event',
]);
const REASON_LENGTH_MAX = 200;
const RECONFIG_RETRY_US = 1000 * MS;
const RECONFIG_TRIES_MAX = 60;

export function run(schedule: Schedule, settings: RunSettings = {}): Result {
  return new Run(schedule, settings).result();
}

class Run {
  readonly #schedule: Schedule;
  readonly #settings: RunSettings;
  readonly #cluster: Cluster;
  readonly #world: World;
  readonly #hub: Hub;
  readonly #judge: Judge;
  readonly #workload: Workload;
  readonly #faults: FaultDriver;
  readonly #violations: Violation[] = [];
  readonly #moments: Moment[] = [];
  readonly #history: HistoryRecord[] = [];
  readonly #marks = new Map<string, number>();
  readonly #unordered: boolean;
  /** Spares that no reconfiguration has called yet. A machine without power is `off` too, but belongs to the ensemble. */
  readonly #spares: Set<HostId>;
  #phase: Progress['phase'] = 'faults';
  #hasLeader = false;
  #toldEpoch = 0;
  #leaderLostUs = 0;
  #slowestElectionUs = 0;
  #elections = 0;
  #healedUs = 0;
  #settledUs = 0;
  #disksRecovered = 0;
  #recipeStats: RecipeStats | null = null;
  /** Who must answer when the load has stopped, and since when. */
  #quietCore: readonly HostId[] = [];
  #quietUs = 0;
  #reconfigTries = 0;
  /** Servers that the schedule leaves out of the core, and how. */
  readonly #outside = new Map<HostId, Fate>();
  readonly #attachments: Attachments;
  /** False where a reconfiguration has made servers with damaged disks so many of the voters that nothing is promised. */
  #isQuorumSound = true;

  constructor(schedule: Schedule, settings: RunSettings) {
    this.#schedule = schedule;
    this.#settings = settings;
    const { options, swarm } = schedule;
    this.#unordered = schedule.ops.some((op) => op.do === 'unordered');
    this.#cluster = new Cluster({
      options,
      swarm,
      runner: settings.runner ?? runRaw,
      isLenient: schedule.ops.some((op) => op.do === 'knock'),
    });
    this.#spares = new Set(this.#cluster.spares);
    this.#world = createWorld({
      seed: schedule.seed,
      unordered: this.#unordered,
      recordHashes: settings.recordHashes ?? false,
      hooks: this.#makeHooks(),
      connectTimeoutUs: 2_000_000,
      ...weatherOf(schedule),
    });
    const world = this.#world;
    world.budget.voters = this.#cluster.voters;
    world.budget.unrestricted = options.unrestricted;
    this.#hub = new Hub({
      world,
      membership: this.#cluster.membership,
      unordered: this.#unordered,
      unrestricted: options.unrestricted,
      isUneven: swarm['servers.astray'] > 0,
      sessionOf: (client) => sessionOf(world, client),
      report: this.#isClientOnly ? () => {} : this.#report,
      onCommitted: (header, txn) => this.#onCommitted(header, txn),
    });
    this.#judge = new Judge(
      { oracle: this.#isClientOnly ? 'replies' : 'committed', secretPrefix: SECRET_PREFIX },
      (property, message, where) => {
        if (!this.#unordered || property !== 'session-order') this.#report(property, message, where);
      },
    );
    this.#attachments = new Attachments({
      settings: options.settings,
      report: this.#report,
      standingOf: (client) => standingOf(world, this.#hub, client),
      revalidatedFrom: (session) => this.#hub.revalidatedFrom(session),
      onToldExpired: (session, client, zxidSeen) => this.#hub.sessions.onToldExpired(session, client, zxidSeen),
      isKnown: (session) => this.#isClientOnly || this.#hub.sessions.isKnown(session),
    });
    this.#hub.begin(genesisOf(Math.round(swarm['genesis.near'])));
    this.#cluster.addTo(world);
    this.#makeFarLinks();
    this.#workload = new Workload(
      world,
      {
        clients: options.clients,
        swarm,
        servers: this.#cluster.clientAddresses(),
        extendedTypes: options.settings.extendedTypesEnabled ?? false,
        asks: schedule.asks ?? {},
        recipes: this.#book,
      },
      new HistoryRecorder(world, (record) => this.#record(record)),
    );
    this.#faults = new FaultDriver(
      world,
      schedule.ops,
      this.#makeEnsemble(),
      this.#workload,
      (text) => this.#say(text),
      settings.onFault,
    );
    if (this.#faults.wantsSegments) world.hooks.intercept = (segment) => this.#faults.intercept(segment);
    settings.onWorld?.(world);
  }

  // --- the three phases ---

  result(): Result {
    // Once for the whole run: replacing a global makes the engine throw away the code that relied on it.
    installGuard();
    try {
      this.#runPhases();
    } catch (error) {
      this.#onThrown(error);
    } finally {
      removeGuard();
    }
    return {
      verdict: verdictOf(this.#violations),
      violations: this.#violations,
      hash: this.#world.hash(),
      events: this.#world.stats.events,
      stats: this.#stats(),
      marks: Object.fromEntries([...this.#marks].sort(([a], [b]) => (a < b ? -1 : 1))),
      moments: this.#moments,
      history: this.#history,
      ops: this.#faults.fates(),
      turns: this.#workload.turns(),
      recipes: this.#told(),
    };
  }

  get #book(): RecipeBook {
    return this.#settings.recipes ?? RECIPES;
  }

  #told(): Record<string, readonly ToldOperation[]> {
    const { recipes } = this.#workload;
    if (recipes.started === 0) return {};
    return Object.fromEntries(Object.keys(this.#book.objects).map((object) => [object, recipes.operationsOf(object)]));
  }

  #runPhases(): void {
    const { options } = this.#schedule;
    this.#runFor(options.duration * MS, () => false);
    if (this.#isOver) return;
    const core = this.#heal();
    this.#settle(core);
    if (this.#isOver) return;
    this.#quiet(core);
    if (this.#isOver) return;
    this.#judge.atEnd();
    this.#hub.atEnd();
    this.#judgeRecipes();
    if (!this.#isClientOnly) this.#recoverDisks();
  }

  get #isClientOnly(): boolean {
    return this.#settings.judge === 'client-only';
  }

  get #isOver(): boolean {
    return this.#violations.length > 0;
  }

  #judgeRecipes(): void {
    const { recipes } = this.#workload;
    if (recipes.started > 0) this.#recipeStats = judgeRecipes(recipes, this.#book, this.#report);
  }

  /** Runs on until the time is over, `done` holds or something is broken. */
  #runFor(us: number, done: () => boolean): boolean {
    const untilUs = this.#world.timeUs + us;
    while (this.#world.timeUs < untilUs && !this.#isOver) {
      this.#world.runUntil(Math.min(untilUs, this.#world.timeUs + GOAL_EVERY_US));
      this.#progress();
      if (done()) return true;
    }
    return done();
  }

  /** Draws who has to make progress, and what is left of the others. */
  #heal(): readonly HostId[] {
    const world = this.#world;
    this.#healedUs = world.timeUs;
    this.#faults.end();
    this.#phase = 'settling';
    const stream = world.stream('core');
    const voters = votersOf(this.#hub.membership);
    const quorum = Math.floor(voters.length / 2) + 1;
    const undamaged = stream.shuffled(voters).filter((host) => !world.budget.damaged.has(host));
    const wanted = undamaged.filter((host) => !this.#outside.has(host));
    const sound = wanted.length >= quorum ? wanted : undamaged;
    this.#isQuorumSound = sound.length >= quorum;
    const size = stream.between(Math.min(quorum, sound.length), sound.length);
    const core: HostId[] = sound.slice(0, size);
    this.#reconfigTries = RECONFIG_TRIES_MAX;
    // A reconfiguration under way may still change who is needed.
    const mayChange = this.#schedule.ops.some((op) => op.do === 'reconfig');
    // A calm run stays calm: nobody is left outside.
    const isCalm = this.#schedule.ops.length === 0;
    const isWhole = stream.below(4) === 0 || mayChange || isCalm;
    const others = this.#servers().filter((host) => !core.includes(host));
    const mayJoin = (host: HostId): boolean => !world.budget.damaged.has(host) && !this.#outside.has(host);
    if (isWhole) core.push(...others.filter(mayJoin));
    core.sort((a, b) => a - b);
    const clients = world.hosts().filter((host) => host >= CLIENT_BASE);
    const { swarm } = this.#schedule;
    const link = { minUs: swarm['network.latency'] * MS, meanUs: swarm['network.jitter'] * MS };
    world.heal([...core, ...clients], { link: { ...link, stallPpm: 0, resetPpm: 0 } });
    for (const host of clients) if (world.status(host) === 'down') world.start(host);
    for (const host of core) {
      if (world.machine(host) === null) world.start(host, { delayUs: this.#fateOf(host).between(0, 500_000) });
    }
    for (const host of others) {
      if (core.includes(host)) continue;
      const fate = this.#outside.get(host);
      if (fate === undefined) this.#leaveOutside(host, core, this.#fateOf(host).below(5));
      else this.#leaveAs(host, core, fate);
    }
    this.#say(`the core ${core.join(',')} is healed`);
    return core;
  }

  /** Each server has a stream of its own here, so that who else is down changes nothing for it. */
  #fateOf(host: HostId): Stream {
    return this.#world.stream(`core/${host}`);
  }

  /** What becomes of a server outside the core: the uniform faults of the first phase never show these for long. */
  #leaveOutside(host: HostId, core: readonly HostId[], fate: number): void {
    const world = this.#world;
    if (fate === 0) world.kill(host);
    else if (fate === 1 || fate === 2) this.#cutOff(host, core, fate === 2);
    else if (world.machine(host) === null) world.start(host);
    if (world.status(host) === 'paused') world.resume(host);
  }

  /** As the schedule wants it. Who is down stays down. */
  #leaveAs(host: HostId, core: readonly HostId[], fate: Fate): void {
    const world = this.#world;
    if (fate === 'dead') world.kill(host);
    else if (fate === 'still') world.pause(host);
    else this.#cutOff(host, core, fate === 'deaf');
  }

  /**
   * Cut off from everybody; `deaf` can still send to the core and not hear it: it calls for elections that it never learns the
   * outcome of. But only if somebody of the core has the better vote. FastLeaderElection believes whom it hears, also at
   * second hand, so a candidate with the best vote that cannot be reached is elected again and again; and whoever joins a
   * leader must hear a majority say that they follow it. Java's servers are no different: where links are there for some and
   * not for others, there need not be a leader.
   */
  #cutOff(host: HostId, core: readonly HostId[], deaf: boolean): void {
    const own = this.#hub.viewOf(host);
    const isBeaten = own !== null && core.some((other) => outranks(this.#hub.viewOf(other), own));
    const others = this.#cluster.servers.filter((other) => other !== host && !core.includes(other));
    this.#world.cut({ from: others, to: host });
    this.#world.cut({ from: core, to: host, direction: deaf && isBeaten ? 'oneWay' : 'both' });
  }

  #settle(core: readonly HostId[]): void {
    const { options } = this.#schedule;
    const startUs = this.#world.timeUs;
    const writes = this.#workload.stats.writes;
    let missing: LivenessReason | null = 'no-leader';
    this.#runFor(options.settle * MS, () => {
      missing = this.#missingGoal(core, writes);
      return missing === null;
    });
    this.#settledUs = this.#world.timeUs - startUs;
    if (missing !== null && !this.#isOver) this.#reportLiveness(missing, core);
  }

  /** The first thing the core still owes, or null. */
  #missingGoal(core: readonly HostId[], writes: number): LivenessReason | null {
    if (this.#isClientOnly)
      return this.#loads && this.#workload.stats.writes <= writes ? 'no-commit' : this.#unserved();
    const leader = this.#hub.leadership.current();
    const alone = this.#cluster.servers.length === 1;
    if (!alone && leader === null) return 'no-leader';
    if (!this.#members(core).every((host) => this.#isServing(host))) return 'core-not-synchronised';
    if (this.#loads && this.#workload.stats.writes <= writes) return 'no-commit';
    const late = this.#workload.dead.some(({ session, diedAtUs }) => this.#isOverdue(session, diedAtUs));
    return late ? 'session-not-expired' : this.#unserved();
  }

  /** Where the schedule asks for it, nobody may be left without an answer. */
  #unserved(): LivenessReason | null {
    const { options, swarm } = this.#schedule;
    if (swarm['client.served'] === 0 || !this.#loads) return null;
    return this.#attachments.answeredSince(this.#healedUs) < options.clients ? 'client-unserved' : null;
  }

  /** Those of the core that belong to the configuration in force; who was voted out has no duty to follow. */
  #members(core: readonly HostId[]): readonly HostId[] {
    const { servers } = this.#hub.membership;
    return core.filter((host) => servers.some(({ id }) => id === host));
  }

  /** Somebody is sure to write. Of a load that was cut down nothing is: its clients may have nothing left to ask. */
  get #loads(): boolean {
    const { options, swarm, asks } = this.#schedule;
    return options.clients > 0 && swarm['workload.rate'] > 0 && asks === undefined;
  }

  #isServing(host: HostId): boolean {
    const seen = this.#hub.viewOf(host);
    return seen !== null && seen.zabState === 'broadcast';
  }

  /** Dead before the healing and still open: the bound of the settling phase is that of their expiry too. */
  #isOverdue(session: Parameters<Hub['sessions']['isOpen']>[0], diedAtUs: number): boolean {
    return diedAtUs < this.#healedUs && this.#hub.sessions.isOpen(session) && !this.#isTaken(session);
  }

  /** Another program goes on with the session. */
  #isTaken(session: Parameters<Hub['sessions']['isOpen']>[0]): boolean {
    for (let client = 1; client <= this.#schedule.options.clients; client++) {
      if (sessionOf(this.#world, clientHost(client)) === session) return true;
    }
    return false;
  }

  /** No load: all requests are answered and all of the core comes to the same state. */
  #quiet(core: readonly HostId[]): void {
    this.#phase = 'quiet';
    this.#quietCore = this.#members(core);
    this.#quietUs = this.#world.timeUs;
    this.#workload.stop();
    const { options } = this.#schedule;
    let missing: LivenessReason | null = 'request-unanswered';
    this.#runFor(options.settle * MS, () => {
      const isQuiet = this.#workload.openCount === 0;
      const isDone = this.#workload.busyCount === 0;
      // Programs under way go on asking.
      if (!isDone) this.#quietUs = this.#world.timeUs;
      missing = !isDone
        ? 'recipe-unfinished'
        : !isQuiet
          ? 'request-unanswered'
          : this.#isClientOnly || this.#areEqual(core)
            ? null
            : 'not-converged';
      return missing === null;
    });
    if (missing !== null && !this.#isOver) this.#reportLiveness(missing, core);
  }

  #areEqual(core: readonly HostId[]): boolean {
    const views = this.#members(core).map((host) => this.#hub.viewOf(host));
    const applied = views[0]?.appliedZxid;
    return views.every(
      (seen) =>
        seen !== null && seen.zabState === 'broadcast' && seen.appliedZxid === applied && seen.loggedZxid === applied,
    );
  }

  #reportLiveness(reason: LivenessReason, core: readonly HostId[]): void {
    // Why programs do not come to their end may stand in what they were told.
    this.#judgeRecipes();
    if (this.#isOver) return;
    if (this.#schedule.options.unrestricted || this.#unordered || !this.#isQuorumSound) return;
    const said = core.map((host) => {
      const seen = this.#hub.viewOf(host);
      return `${host} ${seen === null ? this.#world.status(host) : `${seen.phase}/${seen.zabState} ${seen.loggedZxid.toString(16)}`}`;
    });
    const property = reason === 'not-converged' ? 'convergence' : 'liveness';
    this.#report(
      property,
      `${reason}: after ${span(this.#world.timeUs - this.#schedule.options.duration * MS)} the core is ${said.join(', ')}`,
      { servers: core, role: 'ensemble', reason },
    );
  }

  #recoverDisks(): void {
    const world = this.#world;
    for (const host of this.#servers()) {
      if (world.budget.damaged.has(host)) continue;
      checkRecovery(
        {
          host,
          config: this.#cluster.configOf(host),
          image: world.durableCopy(host),
          history: this.#hub.history,
          treeDigestAt: (zxid) => this.#hub.replicas.treeDigestAt(zxid),
          isDurable: (zxid) => this.#hub.isDurableOn(host, zxid),
          unrestricted: this.#schedule.options.unrestricted,
        },
        this.#report,
      );
      this.#disksRecovered += 1;
    }
  }

  // --- what is heard of the world ---

  #makeHooks(): Hooks {
    const extra = this.#settings.hooks ?? {};
    const hooks: Hooks = {
      ...extra,
      beforeStep: (step) => {
        extra.beforeStep?.(step);
        this.#hub.beforeStep(step);
      },
      afterStep: (step) => {
        extra.afterStep?.(step);
        this.#afterStep(step);
      },
      onNote: (host, code, fields) => {
        extra.onNote?.(host, code, fields);
        this.#marks.set(code, (this.#marks.get(code) ?? 0) + 1);
        this.#hub.onNote(host, code, fields);
        this.#faults.onNote(host, code, fields);
        if (host < CLIENT_BASE) this.#narrate(host, code, fields);
        else if (code === 'client.connection.lost') this.#onConnectionLost(host, fields);
      },
      onConnection: (event) => {
        extra.onConnection?.(event);
        this.#hub.onConnection(event);
      },
      onCrash: (host, kind, reason) => {
        extra.onCrash?.(host, kind, reason);
        this.#hub.onCrash(host, kind);
        this.#faults.onCrash(host, kind, reason);
        this.#noticeLeader();
      },
      onBoot: (host, generation) => {
        extra.onBoot?.(host, generation);
        this.#hub.onBoot(host);
      },
      onFile: (host, action, error) => {
        extra.onFile?.(host, action, error);
        this.#hub.onFile(host, action, error);
      },
    };
    const { rekey } = this.#settings;
    if (rekey !== undefined) {
      hooks.onEvent = (event) => {
        if (event.id === rekey.event) this.#world.rekey(rekey.pattern, rekey.salt);
        extra.onEvent?.(event);
      };
    }
    return hooks;
  }

  /** A client hangs up on a server whose answers make no sense, and would hide the mistake by asking again elsewhere. */
  #onConnectionLost(host: HostId, fields: Readonly<Record<string, unknown>> | undefined): void {
    const reason = String(fields?.reason);
    if (!this.#unordered && NONSENSE.has(reason)) {
      this.#report('client-fifo', `client ${host - CLIENT_BASE} hangs up: ${reason}`);
    }
    const server = this.#quietCore.find((id) => ipOf(id) === fields?.host);
    const patienceUs = SILENCE_RATIO * this.#schedule.swarm['workload.session'] * MS;
    if (reason !== SILENT || server === undefined || this.#world.timeUs - this.#quietUs < patienceUs) return;
    // A sound server of the core, and no load: whoever asked it something waits for nothing else.
    this.#reportLiveness('request-unanswered', this.#quietCore);
  }

  #afterStep(step: StepRecord): void {
    if (step.host >= CLIENT_BASE) {
      this.#workload.onStep(step);
      return;
    }
    this.#hub.afterStep(step);
    this.#noticeLeader();
  }

  #onCommitted(header: TxnHeader, txn: Txn): void {
    const { zxid, clientId, cxid, time, type } = header;
    if (!this.#isClientOnly) this.#attachments.onCommitted(header, txn);
    if (this.#isClientOnly && this.#settings.keepHistory !== true) return;
    const { timeUs, event } = this.#world;
    const place = { atUs: timeUs, eventId: event.id };
    this.#record({ type: 'commit', ...place, zxid, session: clientId, cxid, time, op: type, txn });
  }

  #record(record: HistoryRecord): void {
    // Where a stream may be reordered and repeated, so may the requests in it.
    if (record.type === 'sent' && this.#unordered) return;
    this.#attachments.onRecord(record);
    if (this.#settings.keepHistory === true) this.#history.push(record);
    this.#judge.onRecord(record);
  }

  #makeEnsemble(): Ensemble {
    const world = this.#world;
    return {
      servers: () => this.#servers(),
      observers: () => this.#cluster.observers,
      leader: () => {
        const leader = this.#hub.leadership.current();
        return leader === null ? null : leader.server;
      },
      candidate: () =>
        this.#servers().find((host) => {
          const seen = this.#hub.viewOf(host);
          return seen?.phase === 'leading' && !seen.established;
        }) ?? null,
      start: (host, delayUs, settings) => {
        if (world.status(host) === 'running' || world.status(host) === 'paused') return false;
        return world.start(host, { delayUs, program: this.#cluster.program(host, settings) });
      },
      reconfigure: (members) => this.#reconfigure(members),
      leaveOutside: (host, fate) => this.#outside.set(host, fate),
      onDamage: (host, lost) => this.#hub.onDamage(host, lost),
    };
  }

  /** The servers that were started or are to be. */
  #servers(): HostId[] {
    return this.#cluster.servers.filter((host) => !this.#spares.has(host));
  }

  /** The administrator is client 1, signed in as super; it asks again until the ensemble has changed. */
  #reconfigure(members: readonly HostId[]): boolean {
    const world = this.#world;
    for (const host of members) if (this.#spares.delete(host)) world.start(host);
    this.#workload.addAuth(1, 'digest', SUPER_AUTH);
    this.#reconfigTries = 0;
    this.#askReconfig(members);
    return true;
  }

  #askReconfig(members: readonly HostId[]): void {
    const voters = votersOf(this.#hub.membership);
    const isDone = voters.length === members.length && members.every((host) => voters.some((voter) => voter === host));
    if (isDone || this.#reconfigTries++ >= RECONFIG_TRIES_MAX) return;
    const newMembers = this.#cluster.membersText(members);
    this.#workload.request(1, {
      kind: 'reconfig',
      joiningServers: null,
      leavingServers: null,
      newMembers,
      curConfigId: -1,
    });
    this.#world.at(this.#world.timeUs + RECONFIG_RETRY_US, 'reconfiguration', () => this.#askReconfig(members));
  }

  /** Links that are permanently slow, drawn once for each pair. */
  #makeFarLinks(): void {
    const { swarm } = this.#schedule;
    if (swarm['network.far'] === 0) return;
    const { servers } = this.#cluster;
    for (const from of servers) {
      for (const to of servers) {
        if (from >= to) continue;
        const stream = this.#world.stream(`far/${from}-${to}`);
        const isFar = stream.below(100) < swarm['network.far'];
        const extraUs = stream.between(0, Math.round(swarm['network.farBy'] * MS));
        if (isFar) this.#world.setLink({ from, to }, { extraUs });
      }
    }
  }

  // --- what is told ---

  readonly #report: Report = (property, message, where = {}) => {
    if (this.#violations.length >= VIOLATIONS_MAX) return;
    if (this.#schedule.options.unrestricted && !UNRESTRICTED.has(property)) return;
    if (this.#settings.only?.has(property) === false) return;
    if (this.#violations.some((other) => other.property === property && other.message === message)) return;
    this.#violations.push(this.#violation(property, message, where));
    this.#world.stop();
  };

  #violation(property: PropertyId, message: string, where: NonNullable<Parameters<Report>[2]>): Violation {
    return {
      property,
      role: where.role ?? this.#roleOf(where.servers ?? []),
      reason: where.reason ?? '',
      kind: kindOf(property),
      sentence: PROPERTIES[property],
      message,
      atUs: this.#world.timeUs,
      events: [...(where.events ?? []), this.#world.event.id],
      servers: where.servers ?? [],
      ...(where.conflict === undefined ? {} : { conflict: where.conflict }),
      ...(where.stack === undefined ? {} : { stack: where.stack }),
    };
  }

  /** Whose doing it is: the one server that is named, or whoever acts at this moment. */
  #roleOf(servers: readonly HostId[]): Role {
    const actor = this.#world.event.host;
    const host = servers.length === 1 ? servers[0]! : actor === 0 ? (servers[0] ?? 0) : actor;
    if (host === 0) return 'world';
    if (host >= CLIENT_BASE) return 'client';
    const phase = this.#hub.viewOf(host)?.phase;
    if (phase === 'leading' || phase === 'standalone') return 'leader';
    return this.#cluster.observers.includes(host) ? 'observer' : 'follower';
  }

  #onThrown(error: unknown): void {
    const { event } = this.#world;
    const stack = error instanceof Error ? error.stack : undefined;
    this.#report('no-exception', `event ${event.id} (${event.kind}) of host ${event.host}: ${thrownText(error)}`, {
      servers: [event.host],
      reason: thrownHead(error)
        .replaceAll(/[0-9]+/g, '#')
        .slice(0, REASON_LENGTH_MAX),
      ...(stack === undefined ? {} : { stack }),
    });
  }

  #say(text: string): void {
    const moment = { atUs: this.#world.timeUs, text };
    this.#moments.push(moment);
    this.#settings.onMoment?.(moment);
  }

  /** Tells of elections, and measures how long there was no leader. One that does not know of its end leads nobody. */
  #noticeLeader(): void {
    const leader = this.#hub.leadership.current();
    if (leader !== null && leader.epoch > this.#toldEpoch) {
      const tookUs = this.#world.timeUs - this.#leaderLostUs;
      this.#toldEpoch = leader.epoch;
      this.#elections += 1;
      // A rival that takes over at once leaves no gap.
      if (!this.#hasLeader) this.#slowestElectionUs = Math.max(this.#slowestElectionUs, tookUs);
      this.#say(
        `server ${leader.server} leads epoch ${leader.epoch} ${this.#hasLeader ? 'at once' : `after ${span(tookUs)}`}`,
      );
    }
    if (this.#hasLeader && leader === null) this.#leaderLostUs = this.#world.timeUs;
    this.#hasLeader = leader !== null;
  }

  #narrate(host: HostId, code: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    switch (code) {
      case 'zab.sync.snap':
        this.#say(`server ${String(fields?.peer)} gets a snapshot from ${host}`);
        return;
      case 'zab.sync.trunc':
        this.#say(`server ${String(fields?.peer)} must cut its log`);
        return;
      case 'zab.leading.gaveup':
        this.#say(`server ${host} gives up leading: ${String(fields?.reason)}`);
        return;
      case 'zab.config.active':
        this.#say(`server ${host} obeys a new configuration`);
        return;
      case 'peer.readonly.started':
        this.#say(`server ${host} serves reads only`);
        return;
      default:
        return;
    }
  }

  #progress(): void {
    const { onProgress } = this.#settings;
    if (onProgress === undefined) return;
    const leader = this.#hub.leadership.current();
    const { stats } = this.#workload;
    onProgress({
      atUs: this.#world.timeUs,
      phase: this.#phase,
      leader: leader?.server ?? null,
      epoch: this.#hub.leadership.latest?.epoch ?? 0,
      faults: this.#faults.stats.applied,
      operations: stats.ok + stats.failed,
    });
  }

  #stats(): RunStats {
    return {
      virtualUs: this.#world.timeUs,
      world: { ...this.#world.stats, byKind: { ...this.#world.stats.byKind } },
      faults: { ...this.#faults.stats },
      workload: { ...this.#workload.stats },
      elections: this.#elections,
      slowestElectionUs: this.#slowestElectionUs,
      committed: this.#hub.history.length,
      epochs: this.#hub.leadership.count,
      disksRecovered: this.#disksRecovered,
      settledUs: this.#settledUs,
      decided: { ...this.#judge.decided },
      recipes: this.#recipeStats,
    };
  }
}

/** The parts of the swarm that are base parameters of the world. */
function weatherOf({ swarm }: Schedule): Pick<Parameters<typeof createWorld>[0], 'link' | 'disk'> {
  const us = (name: Parameters<typeof at>[1]): number => Math.round(at(swarm, name) * MS);
  return {
    link: {
      minUs: us('network.latency'),
      meanUs: us('network.jitter'),
      stallPpm: Math.round(swarm['network.stall']),
      resetPpm: Math.round(swarm['network.reset']),
      cutPpm: Math.round(swarm['network.cut'] * 10_000),
      windowBytes: Math.round(swarm['network.buffer']),
    },
    disk: {
      writeMinUs: us('disk.write'),
      writeMeanUs: us('disk.write'),
      fsyncMinUs: us('disk.fsync'),
      fsyncMeanUs: us('disk.fsyncJitter'),
    },
  };
}

const at = (swarm: Schedule['swarm'], name: keyof Schedule['swarm']): number => swarm[name];

/** Where a client's program stands: see `Attachments`. */
function standingOf(world: World, hub: Hub, client: number): Standing | null {
  const machine = world.machine(clientHost(client));
  if (!(machine instanceof ClientMachine)) return null;
  const { phase, session, zxidSeen } = machine.client.state;
  if (phase.kind !== 'connected')
    return { session: session?.id ?? null, server: null, epoch: 0, inFlight: new Set(), zxidSeen };
  const server = world.hosts().find((id) => id < CLIENT_BASE && ipOf(id) === phase.address.host) ?? null;
  const epoch = server === null ? 0 : (hub.viewOf(server)?.epoch ?? 0);
  const inFlight = new Set(phase.inFlight.map(({ xid }) => xid));
  return { session: session?.id ?? null, server, epoch, inFlight, zxidSeen };
}

/** Whether the first server has the better vote. */
function outranks(a: PeerView | null, b: PeerView): boolean {
  if (a === null || a.resync) return false;
  if (a.currentEpoch !== b.currentEpoch) return a.currentEpoch > b.currentEpoch;
  return a.loggedZxid !== b.loggedZxid ? a.loggedZxid > b.loggedZxid : a.id > b.id;
}

function verdictOf(violations: readonly Violation[]): Verdict {
  const kinds = new Set(violations.map((violation) => violation.kind));
  if (kinds.has('crash')) return 'crash';
  if (kinds.has('safety')) return 'safety';
  return kinds.has('liveness') ? 'liveness' : 'ok';
}

/** What a run did not do although its schedule expects it; empty when all is as expected. */
export function unmetExpectations(expect: Expectation | undefined, result: Result): string[] {
  if (expect === undefined) return result.verdict === 'ok' ? [] : [`the verdict is ${result.verdict}`];
  const unmet: string[] = [];
  if (result.verdict !== expect.verdict) unmet.push(`the verdict is ${result.verdict}, not ${expect.verdict}`);
  const { property, role, reason } = expect;
  // All three must hold of one violation.
  const ofProperty = result.violations.filter((violation) => property === undefined || violation.property === property);
  const ofRole = ofProperty.filter((violation) => role === undefined || violation.role === role);
  const ofReason = ofRole.filter((violation) => reason === undefined || violation.reason === reason);
  if (property !== undefined && ofProperty.length === 0) unmet.push(`${property} was not violated`);
  else if (role !== undefined && ofRole.length === 0) unmet.push(`no ${role} broke ${property ?? 'a promise'}`);
  else if (reason !== undefined && ofReason.length === 0) unmet.push(`the reason is not "${reason}"`);
  for (const mark of expect.marks ?? [])
    if ((result.marks[mark] ?? 0) === 0) unmet.push(`no server left the note ${mark}`);
  for (const mark of expect.never ?? [])
    if ((result.marks[mark] ?? 0) > 0) unmet.push(`the note ${mark} was left ${result.marks[mark]} times`);
  for (const text of expect.tells ?? [])
    if (!result.moments.some((moment) => moment.text.includes(text))) unmet.push(`it was not told that ${text}`);
  const { writes } = result.stats.workload;
  if (expect.writes !== undefined && writes < expect.writes)
    unmet.push(`only ${writes} of ${expect.writes} writes went through`);
  return unmet;
}
