/**
 * One run of a plan: a calm world, one step after the other, each with time to be answered; what the spies receive is kept
 * frame by frame. The checks of an ordinary run watch too, the judge of histories among them: it knows from the committed
 * transactions what each request was allowed to change.
 */

import { hex } from '../../core/wire/bytes.ts';
import { decodeReplyHeader } from '../../core/wire/client-codec.ts';
import { frameBuffer, nextFrame, pushBytes } from '../../core/wire/framing.ts';
import { Code, Xid } from '../../core/wire/opcodes.ts';
import { Judge } from '../checkers/history/judge.ts';
import { Hub } from '../checkers/hub.ts';
import type { PropertyId, Report } from '../checkers/properties.ts';
import { Cluster } from '../cluster.ts';
import { HistoryRecorder, sessionOf } from '../recorder.ts';
import { CALM, DEFAULT_OPTIONS, type RunOptions } from '../schedule.ts';
import { runRaw } from '../server.ts';
import { clientHost, Workload } from '../workload.ts';
import { CLIENT_BASE, type Hooks, type HostId, type StepRecord, type World } from '../world/types.ts';
import { createWorld } from '../world/world.ts';
import { ACTORS, type Actor, actionOf, OWNER_AUTH, SPIES, type TwinPlan, type TwinStep } from './plan.ts';

/** Something a spy received: a frame, or the end of its connection. */
export interface Received {
  readonly who: Actor;
  /** The last step that was made before. */
  readonly step: number;
  /** In words, and everything of it. */
  readonly text: string;
}

export interface TwinRun {
  readonly received: readonly Received[];
  readonly broken: readonly { readonly property: PropertyId; readonly message: string }[];
  /** How often spies were refused, told of a change, or told of a wrong version. */
  readonly seen: { refused: number; events: number; badVersions: number };
}

const MS = 1000;
/** Time for an ensemble to elect, and for one server to start. */
const ELECTION_US = 4000 * MS;
const START_US = 500 * MS;
const STEP_US = 60 * MS;
/** For what is under way in the end: reconnections, expiries. */
const REST_US = 6000 * MS;
const FRAME_MAX = 1 << 20;

/** `as`: spies sign in as the owner first, to show that there is something to be seen. */
export function runTwin(plan: TwinPlan, which: 0 | 1, as: 'spy' | 'owner' = 'spy'): TwinRun {
  return new Twin(plan, which, as).run();
}

class Twin {
  readonly #plan: TwinPlan;
  readonly #which: 0 | 1;
  readonly #as: 'spy' | 'owner';
  readonly #world: World;
  readonly #hub: Hub;
  readonly #judge: Judge;
  readonly #workload: Workload;
  readonly #received: Received[] = [];
  readonly #broken: { property: PropertyId; message: string }[] = [];
  readonly #seen = { refused: 0, events: 0, badVersions: 0 };
  readonly #buffers = new Map<string, ReturnType<typeof frameBuffer>>();
  #step = -1;

  constructor(plan: TwinPlan, which: 0 | 1, as: 'spy' | 'owner') {
    this.#plan = plan;
    this.#which = which;
    this.#as = as;
    const options: RunOptions = {
      ...DEFAULT_OPTIONS,
      nodes: plan.servers,
      observers: 0,
      spares: 0,
      clients: ACTORS.length,
      settings: {
        authSchemes: ['x509', 'sasl'],
        enableEagerAclCheck: true,
        containerCheckIntervalMs: 1_000_000,
        reconfigEnabled: true,
      },
    };
    const swarm = { ...CALM, 'workload.rate': 0, 'workload.session': 2000 };
    const cluster = new Cluster({ options, swarm, runner: runRaw });
    this.#world = createWorld({ seed: plan.seed, hooks: this.#hooks() });
    const world = this.#world;
    world.budget.voters = cluster.voters;
    const report: Report = (property, message) => this.#broken.push({ property, message });
    this.#judge = new Judge({ oracle: 'committed' }, report);
    this.#hub = new Hub({
      world,
      membership: cluster.membership,
      unordered: false,
      unrestricted: false,
      sessionOf: (client) => sessionOf(world, client),
      report,
      onCommitted: ({ zxid, clientId, cxid, time, type }, txn) =>
        this.#judge.onRecord({
          type: 'commit',
          atUs: world.timeUs,
          zxid,
          session: clientId,
          cxid,
          time,
          op: type,
          txn,
        }),
    });
    cluster.addTo(world);
    const recorder = new HistoryRecorder(world, (record) => this.#judge.onRecord(record));
    this.#workload = new Workload(
      world,
      { clients: ACTORS.length, swarm, servers: cluster.clientAddresses(), extendedTypes: false, asks: {} },
      recorder,
    );
  }

  run(): TwinRun {
    const world = this.#world;
    world.runUntil(this.#plan.servers === 1 ? START_US : ELECTION_US);
    if (this.#as === 'owner') for (const who of SPIES) this.#workload.addAuth(clientOf(who), 'digest', OWNER_AUTH);
    for (const [index, step] of this.#plan.steps.entries()) {
      this.#step = index;
      this.#make(step);
      world.runUntil(world.timeUs + STEP_US);
    }
    world.runUntil(world.timeUs + REST_US);
    this.#judge.atEnd();
    return { received: this.#received, broken: this.#broken, seen: this.#seen };
  }

  #make(step: TwinStep): void {
    const action = actionOf(step, this.#plan.secrets, this.#which);
    const client = clientOf(step.who);
    switch (action.do) {
      case 'call':
        this.#workload.request(client, action.call);
        return;
      case 'auth':
        this.#workload.addAuth(client, 'digest', action.auth);
        return;
      case 'move':
        this.#workload.move(client);
        return;
      case 'die':
        this.#workload.kill(client, 'fresh', 'kill');
        if (this.#as === 'owner' && SPIES.includes(step.who)) this.#workload.addAuth(client, 'digest', OWNER_AUTH);
        return;
      default:
        action satisfies never;
    }
  }

  #hooks(): Hooks {
    return {
      beforeStep: (step) => this.#hub.beforeStep(step),
      afterStep: (step) => this.#afterStep(step),
      onNote: (host, code, fields) => this.#hub.onNote(host, code, fields),
      onConnection: (event) => this.#hub.onConnection(event),
      onCrash: (host, kind) => this.#hub.onCrash(host, kind),
      onBoot: (host) => this.#hub.onBoot(host),
      onFile: (host, action, error) => this.#hub.onFile(host, action, error),
    };
  }

  #afterStep(step: StepRecord): void {
    if (step.host < CLIENT_BASE) {
      this.#hub.afterStep(step);
      return;
    }
    const who = SPIES.find((spy) => clientHost(clientOf(spy)) === step.host);
    if (who !== undefined) this.#listen(who, step);
    this.#workload.onStep(step);
  }

  /** Everything that comes to the host of a spy. */
  #listen(who: Actor, { host, input }: StepRecord): void {
    if (input?.type === 'connClosed') this.#note(who, 'the connection is closed');
    if (input?.type !== 'connBytes') return;
    const buffer = this.#bufferOf(host, input.conn);
    pushBytes(buffer, input.bytes);
    for (let next = nextFrame(buffer, FRAME_MAX); next.kind === 'frame'; next = nextFrame(buffer, FRAME_MAX)) {
      this.#onFrame(who, next.bytes);
    }
  }

  #bufferOf(host: HostId, conn: number): ReturnType<typeof frameBuffer> {
    const key = `${host} ${this.#world.generation(host)} ${conn}`;
    let buffer = this.#buffers.get(key);
    if (buffer === undefined) {
      buffer = frameBuffer();
      this.#buffers.set(key, buffer);
    }
    return buffer;
  }

  /** Answers to pings are left out: they come when time has passed, and tell the number of transactions. */
  #onFrame(who: Actor, frame: Uint8Array): void {
    const header = decodeReplyHeader(frame);
    if (!header.ok) return this.#note(who, hex(frame));
    const { xid, zxid, err } = header.value;
    if (xid === Xid.ping) return;
    if (xid === Xid.notification) this.#seen.events += 1;
    if (err === Code.NOAUTH) this.#seen.refused += 1;
    if (err === Code.BADVERSION) this.#seen.badVersions += 1;
    this.#note(who, `xid ${xid} zxid 0x${zxid.toString(16)} err ${err}: ${hex(frame)}`);
  }

  #note(who: Actor, text: string): void {
    this.#received.push({ who, step: this.#step, text });
  }
}

const clientOf = (who: Actor): number => ACTORS.indexOf(who) + 1;
