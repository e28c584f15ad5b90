/**
 * Carries out the operations of a schedule on the world: waits for each one's moment, finds out whom it means, does it,
 * undoes it in time, and says so in words a person understands.
 *
 * What does not apply any more is skipped and counted. Random choices inside an operation come from the stream
 * `fault/<id>`, so they do not depend on which other operations there are.
 */

import type { Channel, Lane, NoteFields } from '../core/io.ts';
import { OPEN_ACL } from '../core/types.ts';
import { CreateMode, Packet } from '../core/wire/opcodes.ts';
import { utf8Encode } from '../core/wire/utf8.ts';
import { PacketScanner } from './checkers/wire.ts';
import { ipOf } from './cluster.ts';
import { intruderHost, intruderProgram } from './intruder.ts';
import { type Fate, type FileClass, type NodeRef, OPS, type Op, type OpOf, type Settings } from './schedule.ts';
import { span } from './text.ts';
import { clientHost, type Workload } from './workload.ts';
import {
  CLIENT_BASE,
  type CrashKind,
  type CrashPoint,
  type DamageKind,
  type DiskImage,
  type FaultId,
  type FileMatch,
  type HostId,
  type LinkSelector,
  type SegmentInfo,
  type SegmentOverride,
  type Stream,
  type World,
} from './world/types.ts';

/** What the driver needs to know of the ensemble it torments. */
export interface Ensemble {
  /** Servers that were started or may be, in order. */
  servers(): readonly HostId[];
  observers(): readonly HostId[];
  /** The established leader of the newest epoch, if it runs. */
  leader(): HostId | null;
  /** The first server that leads and is not established. */
  candidate(): HostId | null;
  /** Starts the server (again), with other settings if given. */
  start(host: HostId, delayUs: number, settings: Settings | null): boolean;
  /** Makes the ensemble consist of these servers. */
  reconfigure(members: readonly HostId[]): boolean;
  /** The server's disk is about to fail or be damaged: it may give up. */
  /** At the end of the faults it is to be left out, like this. */
  leaveOutside(host: HostId, fate: Fate): void;
  /** Its disk is lost or replaced (`lost`), or a file of it is spoilt. */
  onDamage(host: HostId, lost: boolean): void;
}

export interface FaultStats {
  applied: number;
  skipped: number;
  crashes: number;
  powerCuts: number;
  partitions: number;
  networkFaults: number;
  diskFaults: number;
  clockFaults: number;
  clientFaults: number;
  pauses: number;
  reconfigurations: number;
}

/** What became of an operation. `waiting`: its moment did not come; `unknown`: a later version of the code has lost it. */
export interface OpFate {
  readonly id: number;
  readonly fate: 'applied' | 'skipped' | 'waiting' | 'unknown';
  /** When it was applied or skipped. */
  readonly atUs: number;
}

export type Say = (text: string) => void;

/** What becomes of an operation of the schedule, for traces. */
export type FaultFact =
  /** `lasts`: an `end` follows. `forUs`: how long it holds, when that is known. */
  | {
      readonly kind: 'begin';
      readonly op: Op;
      readonly hosts: readonly HostId[];
      readonly lasts: boolean;
      readonly forUs: number | null;
      readonly text: string;
    }
  | { readonly kind: 'end'; readonly op: Op }
  /** It does not apply. */
  | { readonly kind: 'skip'; readonly op: Op };
export type Tell = (fact: FaultFact) => void;

/** What an operation has set in motion. */
interface Done {
  readonly say: string;
  readonly undo?: () => void;
  readonly count?: keyof FaultStats;
}

const MS = 1000;
/** A server that gave up is started again by its operator after this. */
const OPERATOR_DELAY_US = 2_000_000;
const FRAME_CUT_BYTES = 7;

export class FaultDriver {
  readonly stats: FaultStats = {
    applied: 0,
    skipped: 0,
    crashes: 0,
    powerCuts: 0,
    partitions: 0,
    networkFaults: 0,
    diskFaults: 0,
    clockFaults: 0,
    clientFaults: 0,
    pauses: 0,
    reconfigurations: 0,
  };
  readonly #world: World;
  readonly #ops: readonly Op[];
  readonly #ensemble: Ensemble;
  readonly #workload: Workload;
  readonly #say: Say;
  readonly #tell: Tell;
  /** How each operation that still lasts is undone. */
  readonly #active = new Map<number, { readonly op: Op; readonly undo: () => void }>();
  readonly #fates = new Map<number, OpFate>();
  /** Where each operation hit, for `same`. */
  readonly #hits = new Map<number, HostId>();
  readonly #backups = new Map<HostId, DiskImage>();
  /** Where the note or the operation was that each operation has waited for, for `same`. */
  readonly #origins = new Map<number, HostId>();
  /** Crash points by server: the operation, and how long the server stays down (null: for good). */
  readonly #comebacks = new Map<HostId, readonly { readonly op: number; readonly downUs: number | null }[]>();
  #ranks: readonly FaultId[] = [];
  readonly #noteCounts = new Map<string, number>();
  readonly #waiting = new Map<string, Op[]>();
  /** By the note whose next occurrence they wait for. */
  readonly #upcoming = new Map<string, Op[]>();
  readonly #packetOps: PacketOp[] = [];
  readonly #packetScanners = new Map<string, PacketScanner>();
  /** States that were announced and are to be cut. */
  readonly #streams: { readonly op: PacketOp['op']; readonly uid: number; readonly from: HostId }[] = [];
  /** The chunk being looked at, and what is to become of it. */
  #segment: SegmentInfo | null = null;
  #override: SegmentOverride | undefined;
  #lastHit: HostId | null = null;
  /** Whom the operation that is being carried out is aimed at. */
  #targets: readonly HostId[] = [];
  #over = false;

  constructor(
    world: World,
    ops: readonly Op[],
    ensemble: Ensemble,
    workload: Workload,
    say: Say,
    tell: Tell = () => undefined,
  ) {
    this.#world = world;
    this.#ops = ops;
    this.#ensemble = ensemble;
    this.#workload = workload;
    this.#say = say;
    this.#tell = tell;
    for (const op of this.#ops) this.#await(op);
  }

  /** What became of every operation so far, in the order of the schedule. */
  fates(): readonly OpFate[] {
    return this.#ops.map(({ id }) => this.#fates.get(id) ?? { id, fate: 'waiting', atUs: 0 });
  }

  /** Some operation waits for a packet: the world must show every chunk. */
  get wantsSegments(): boolean {
    return this.#packetOps.length > 0;
  }

  /** The phase of faults is over: what lasts is undone, what waits is dropped. */
  end(): void {
    this.#over = true;
    for (const id of [...this.#active.keys()]) this.#undo(id);
    this.#waiting.clear();
    this.#upcoming.clear();
    this.#packetOps.length = 0;
  }

  // --- moments ---

  #await(op: Op): void {
    if (!(op.do in OPS)) this.#skip(op, 'unknown');
    else if ('at' in op) this.#schedule(op, op.at * MS);
    else if ('after' in op) {
      const key = op.after.includes('#') || op.after.startsWith('op:') ? op.after : `${op.after}#1`;
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), op]);
    } else {
      this.#packetOps.push({ op, left: op.nth, type: Packet[op.kind as keyof typeof Packet] });
    }
  }

  #schedule(op: Op, atUs: number): void {
    const { next } = op as { readonly next?: string };
    this.#world.at(Math.round(atUs), `op ${op.id}`, () => {
      if (next === undefined || this.#over) this.#start(op);
      else this.#upcoming.set(next, [...(this.#upcoming.get(next) ?? []), op]);
    });
  }

  /** Operations that wait for the next note of this name start with it. */
  #onUpcoming(name: string, host: HostId): void {
    const ops = this.#upcoming.get(name);
    if (ops === undefined) return;
    this.#upcoming.delete(name);
    for (const op of ops) {
      this.#origins.set(op.id, host);
      this.#world.at(this.#world.timeUs, `op ${op.id}`, () => this.#start(op));
    }
  }

  #release(key: string, origin: HostId | null): void {
    const ops = this.#waiting.get(key);
    if (ops === undefined) return;
    this.#waiting.delete(key);
    if (origin !== null) for (const op of ops) this.#origins.set(op.id, origin);
    for (const op of ops) this.#schedule(op, this.#world.timeUs + ('plus' in op ? (op.plus ?? 0) * MS : 0));
  }

  onNote(host: HostId, code: string, _fields: NoteFields | undefined): void {
    if (this.#waiting.size === 0 && this.#upcoming.size === 0) return;
    for (const name of [code, `${code}@${host}`]) {
      this.#onUpcoming(name, host);
      const count = (this.#noteCounts.get(name) ?? 0) + 1;
      this.#noteCounts.set(name, count);
      this.#release(`${name}#${count}`, host);
    }
  }

  /** Looks for the packets that operations wait for; may cut the chunk that carries one. */
  intercept(segment: SegmentInfo): SegmentOverride | undefined {
    if (segment.connection.channel !== 'quorum') return undefined;
    if (this.#packetOps.length === 0 && this.#streams.length === 0) return undefined;
    const key = `${segment.connection.uid}/${segment.from}`;
    let scanner = this.#packetScanners.get(key);
    if (scanner === undefined) {
      scanner = new PacketScanner((type) => this.#onPacket(type));
      this.#packetScanners.set(key, scanner);
    }
    this.#segment = segment;
    this.#override = this.#cutStream(segment);
    scanner.push(segment.bytes);
    return this.#override;
  }

  /** A state on its way is cut somewhere in the chunk that follows its announcement. */
  #cutStream(segment: SegmentInfo): SegmentOverride | undefined {
    const stream = this.#streams.find(({ uid, from }) => uid === segment.connection.uid && from === segment.from);
    if (stream === undefined) return undefined;
    this.#streams.splice(this.#streams.indexOf(stream), 1);
    this.#targets = [segment.from, segment.to];
    const say = `the connection ${segment.from}>${segment.to} is reset in the middle of a state`;
    this.#finish(stream.op, { say, count: 'networkFaults' });
    return { resetAfterBytes: this.#streamOf(stream.op).between(0, segment.bytes.length) };
  }

  #onPacket(type: number): void {
    const segment = this.#segment;
    if (segment === null) return;
    for (const waiting of [...this.#packetOps]) {
      if (waiting.type !== type || !this.#isOn(waiting.op.link, segment)) continue;
      waiting.left -= 1;
      if (waiting.left > 0) continue;
      this.#packetOps.splice(this.#packetOps.indexOf(waiting), 1);
      this.#lastHit = segment.from;
      this.#origins.set(waiting.op.id, segment.from);
      // A reset aimed at a packet cuts that very packet; at a state, the stream that follows it.
      if (waiting.op.do === 'reset' && waiting.op.kind === 'SNAP') {
        this.#streams.push({ op: waiting.op, uid: segment.connection.uid, from: segment.from });
      } else if (waiting.op.do === 'reset') {
        // In it, or right behind it.
        const isBehind = this.#streamOf(waiting.op).below(2) === 0;
        const size = segment.bytes.length;
        this.#override = { resetAfterBytes: isBehind ? size : Math.min(FRAME_CUT_BYTES, size) };
        this.#targets = [segment.from, segment.to];
        this.#finish(waiting.op, {
          say: `the connection ${segment.from}>${segment.to} is reset in mid-packet`,
          count: 'networkFaults',
        });
      } else {
        this.#schedule(waiting.op, this.#world.timeUs);
      }
    }
  }

  #isOn(link: string, segment: SegmentInfo): boolean {
    return this.#selectors(link, undefined).some(
      (selector) => holds(selector.from, segment.from) && holds(selector.to, segment.to),
    );
  }

  onCrash(host: HostId, kind: CrashKind, reason: string): void {
    if (host >= CLIENT_BASE) return;
    const [point, ...others] = this.#comebacks.get(host) ?? [];
    if (point !== undefined && reason.startsWith('crash point')) {
      this.#comebacks.set(host, others);
      this.#active.delete(point.op);
      this.stats[kind === 'power' ? 'powerCuts' : 'crashes'] += 1;
      this.#say(`server ${host} ${kind === 'power' ? 'loses power' : 'crashes'} at a chosen point`);
      if (point.downUs !== null) this.#startLater(host, point.downUs);
    } else if (kind === 'halt') {
      this.#say(`server ${host} gives up: ${reason}`);
      this.#startLater(host, OPERATOR_DELAY_US);
    }
  }

  // --- life of an operation ---

  #start(op: Op): void {
    if (this.#over) return;
    this.#targets = [];
    this.#lastHit = this.#origins.get(op.id) ?? this.#lastHit;
    const done = this.#apply(op);
    if (done === null) this.#skip(op, 'skipped');
    else this.#finish(op, done);
  }

  #finish(op: Op, done: Done): void {
    this.stats.applied += 1;
    this.#fates.set(op.id, { id: op.id, fate: 'applied', atUs: this.#world.timeUs });
    if (done.count !== undefined) this.stats[done.count] += 1;
    if (done.say !== '') this.#say(done.say);
    if (this.#lastHit !== null) this.#hits.set(op.id, this.#lastHit);
    const { undo } = done;
    const forUs = 'for' in op && op.for !== undefined ? op.for * MS : null;
    this.#tell({ kind: 'begin', op, hosts: this.#targets, lasts: undo !== undefined, forUs, text: done.say });
    if (undo !== undefined) {
      this.#active.set(op.id, { op, undo });
      // A trap stays until it has sprung.
      if (forUs !== null && op.do !== 'crashWhen') {
        this.#world.at(this.#world.timeUs + forUs, `end of op ${op.id}`, () => this.#undo(op.id));
      }
    }
    this.#release(`op:${op.id}`, this.#hits.get(op.id) ?? null);
  }

  #undo(id: number): void {
    const active = this.#active.get(id);
    if (active === undefined) return;
    this.#active.delete(id);
    active.undo();
    this.#tell({ kind: 'end', op: active.op });
  }

  #skip(op: Op, fate: 'skipped' | 'unknown'): void {
    this.stats.skipped += 1;
    this.#fates.set(op.id, { id: op.id, fate, atUs: this.#world.timeUs });
    this.#tell({ kind: 'skip', op });
  }

  #apply(op: Op): Done | null {
    switch (op.do) {
      case 'cut':
      case 'slow':
      case 'unordered':
      case 'clog':
      case 'flap':
      case 'reset':
      case 'blackhole':
        return this.#onLinks(op);
      case 'partition':
        return this.#partition(op.groups);
      case 'isolate':
        return this.#onNode(op.node, (host) => this.#isolate(host, op.direction ?? 'both'));
      case 'bridge':
        return this.#onNode(op.node, (host) => this.#bridge(host, this.#streamOf(op)));
      case 'ring':
        return this.#ring();
      case 'rank':
        return this.#rank(op);
      case 'refuse':
      case 'tls':
        return this.#onNode(op.node, (host) => this.#refuse(op, host));
      case 'crash':
      case 'power':
        return this.#onNode(op.node, (host) => this.#crash(host, op, op.for));
      case 'crashWhen':
        return this.#onNode(op.node, (host) => this.#crashWhen(op, host));
      case 'start':
        return this.#onNode(op.node, (host) =>
          this.#startLater(host, 0) ? { say: `server ${host} is started` } : null,
        );
      case 'knock':
        return this.#onNode(op.node, (host) => this.#knock(op, host));
      case 'outside':
        return this.#onNode(op.node, (host) => {
          this.#ensemble.leaveOutside(host, op.as);
          return { say: '' };
        });
      case 'pause':
        return this.#onNode(op.node, (host) => this.#pause(host, op.for));
      case 'wipe':
        return this.#onNode(op.node, (host) =>
          this.#replaceDisk(host, op.for, 'wipe', op, () => this.#world.wipe(host)),
        );
      case 'backup':
        return this.#onNode(op.node, (host) => {
          this.#backups.set(host, this.#world.durableCopy(host));
          return { say: `the disk of server ${host} is copied` };
        });
      case 'restore':
        return this.#onNode(op.node, (host) => this.#restoreDisk(host, op));
      case 'rolling':
        return this.#rolling(op.settings, op.pause);
      case 'diskSlow':
      case 'diskStall':
      case 'diskError':
      case 'bitRot':
      case 'tornWrites':
      case 'lyingFsync':
        return this.#onNode(op.node, (host) => this.#onDisk(op, host));
      case 'clock':
        return this.#onNode(op.node, (host) => {
          this.#world.jumpWall(host, op.jump);
          return { say: `the wall clock of server ${host} jumps by ${signed(op.jump)}`, count: 'clockFaults' };
        });
      case 'drift':
        return this.#onNode(op.node, (host) => this.#drift(host, op.rate));
      case 'quiet':
        this.#workload.rest(op.for * MS);
        return { say: `no client asks for anything for ${span(op.for * MS)}`, count: 'clientFaults' };
      case 'clientKill':
      case 'clientMove':
      case 'clientPause':
      case 'clientSlow':
      case 'clientClose':
      case 'clientWrite':
      case 'clientRead':
      case 'clientDelete':
        return this.#onClient(op);
      case 'reconfig':
        return this.#ensemble.reconfigure(op.members)
          ? { say: `asks the ensemble to become ${op.members.join(',')}`, count: 'reconfigurations' }
          : null;
      case 'heal':
        return this.#heal(op.op);
      default:
        return op satisfies never;
    }
  }

  #streamOf(op: Op): Stream {
    return this.#world.stream(`fault/${op.id}`);
  }

  /** What the operation leaves to chance, whatever other operations there are. */
  #luckOf(op: Op): number {
    return this.#streamOf(op).u32();
  }

  /** Finds out which server is meant, and leaves it undone when there is none. */
  #onNode(ref: NodeRef, act: (host: HostId) => Done | null): Done | null {
    const host = this.#resolve(ref);
    if (host === null) return null;
    this.#targets = [host];
    const done = act(host);
    if (done !== null) this.#lastHit = host;
    return done;
  }

  #resolve(ref: NodeRef): HostId | null {
    const servers = this.#ensemble.servers();
    if (typeof ref === 'number') return servers.includes(ref) ? ref : null;
    const leader = this.#ensemble.leader();
    const running = servers.filter((host) => this.#world.status(host) === 'running');
    switch (ref) {
      case 'leader':
        return leader;
      case 'candidate':
        return this.#ensemble.candidate();
      case 'follower':
        return running.find((host) => host !== leader && !this.#ensemble.observers().includes(host)) ?? null;
      case 'observer':
        return running.find((host) => this.#ensemble.observers().includes(host)) ?? null;
      case 'any':
        return running[0] ?? null;
      case 'same':
        return this.#lastHit;
      default:
        return ref satisfies never;
    }
  }

  // --- the network ---

  #onLinks(op: OpOf<'cut' | 'slow' | 'unordered' | 'clog' | 'flap' | 'reset' | 'blackhole'>): Done | null {
    const world = this.#world;
    const channel = 'channel' in op ? op.channel : undefined;
    const selectors = op.links.flatMap((link) => this.#selectors(link, channel));
    if (selectors.length === 0) return null;
    this.#targets = [...new Set(selectors.flatMap(({ from, to }) => [...this.#named(from), ...this.#named(to)]))];
    const links = op.links.join(',');
    const lasting = (act: (selector: LinkSelector) => FaultId, say: string, end: string): Done => {
      const faults = selectors.map(act);
      return { say, undo: () => this.#restoreAll(faults, end), count: 'networkFaults' };
    };
    switch (op.do) {
      case 'cut':
        return lasting((selector) => world.cut(selector), `links ${links} are cut`, `links ${links} are whole again`);
      case 'slow':
        return lasting(
          (selector) => world.impair(selector, { extraUs: op.by * MS }),
          `links ${links} are slower by ${op.by} ms`,
          `links ${links} are fast again`,
        );
      case 'unordered':
        return lasting(
          (selector) => world.impair(selector, { reorderPpm: 100_000, duplicatePpm: 20_000 }),
          `links ${links} deliver out of order`,
          `links ${links} deliver in order again`,
        );
      case 'flap': {
        const half = Math.max(1, Math.round((op.period * MS) / 2));
        return lasting(
          (selector) => world.flap(selector, { downUs: half, upUs: half }),
          `links ${links} flap`,
          `links ${links} are steady`,
        );
      }
      case 'clog':
        for (const selector of selectors) world.clog(selector, op.for * MS);
        return { say: `links ${links} are clogged for ${span(op.for * MS)}`, count: 'networkFaults' };
      case 'reset': {
        const count = selectors.reduce((sum, selector) => sum + world.resetConnections(selector), 0);
        return count === 0 ? null : { say: `${count} connections on ${links} are reset`, count: 'networkFaults' };
      }
      case 'blackhole': {
        const count = selectors.reduce((sum, selector) => sum + world.forgetConnections(selector), 0);
        return count === 0 ? null : { say: `${count} connections on ${links} are forgotten`, count: 'networkFaults' };
      }
      default:
        return op satisfies never;
    }
  }

  #named(hosts: LinkSelector['from']): readonly HostId[] {
    if (hosts === 'any') return this.#world.hosts();
    return typeof hosts === 'number' ? [hosts] : hosts;
  }

  #restoreAll(faults: readonly FaultId[], say: string): void {
    for (const fault of faults) this.#world.restore(fault);
    this.#say(say);
  }

  /** `1>2` and `1-2` as the world says it. Empty when an end does not exist now. */
  #selectors(link: string, channel: Channel | undefined): LinkSelector[] {
    const oneWay = link.includes('>');
    const [from, to] = link.split(oneWay ? '>' : '-').map((end) => this.#hostsOf(end));
    if (from === undefined || to === undefined || from.length === 0 || to.length === 0) return [];
    const direction = oneWay ? 'oneWay' : 'both';
    return [channel === undefined ? { from, to, direction } : { from, to, direction, channels: [channel] }];
  }

  #hostsOf(end: string): HostId[] {
    if (end === '*') return [...this.#ensemble.servers()];
    if (end === 'c*') return this.#world.hosts().filter((host) => host >= CLIENT_BASE);
    if (end.startsWith('c'))
      return [clientHost(Number(end.slice(1)))].filter((host) => this.#world.hosts().includes(host));
    const host = this.#resolve(end === 'leader' || end === 'follower' ? end : Number(end));
    return host === null ? [] : [host];
  }

  #partition(groups: readonly (readonly HostId[])[]): Done | null {
    const known = groups.map((group) => group.filter((host) => this.#ensemble.servers().includes(host)));
    if (known.filter((group) => group.length > 0).length < 2) return null;
    this.#targets = known.flat();
    const fault = this.#world.partition(known);
    const said = known.map((group) => group.join(',')).join(' | ');
    return {
      say: `the network splits into ${said}`,
      undo: () => this.#restoreAll([fault], `the split ${said} heals`),
      count: 'partitions',
    };
  }

  #isolate(host: HostId, direction: 'both' | 'in' | 'out'): Done | null {
    const others = this.#others(host);
    if (others.length === 0) return null;
    const faults: FaultId[] = [];
    if (direction !== 'in') faults.push(this.#world.cut({ from: host, to: others, direction: 'oneWay' }));
    if (direction !== 'out') faults.push(this.#world.cut({ from: others, to: host, direction: 'oneWay' }));
    const said = {
      both: `server ${host} cut from ${others.join(',')}`,
      in: `server ${host} hears nobody`,
      out: `nobody hears server ${host}`,
    };
    return {
      say: said[direction],
      undo: () => this.#restoreAll(faults, `server ${host} is reachable again`),
      count: 'partitions',
    };
  }

  #bridge(host: HostId, stream: Stream): Done | null {
    const others = stream.shuffled(this.#others(host));
    if (others.length < 2) return null;
    const half = Math.ceil(others.length / 2);
    const [left, right] = [others.slice(0, half), others.slice(half)];
    const fault = this.#world.cut({ from: left, to: right });
    return {
      say: `only server ${host} hears both ${left.join(',')} and ${right.join(',')}`,
      undo: () => this.#restoreAll([fault], `the bridge over server ${host} is not needed any more`),
      count: 'partitions',
    };
  }

  /** On a circle, each server keeps the links to so many neighbours that with itself they are a majority. */
  #ring(): Done | null {
    const servers = this.#ensemble.servers();
    this.#targets = servers;
    const reach = Math.ceil(Math.floor(servers.length / 2) / 2);
    const faults: FaultId[] = [];
    for (let i = 0; i < servers.length; i++) {
      for (let j = i + 1; j < servers.length; j++) {
        const distance = Math.min(j - i, servers.length - (j - i));
        if (distance > reach) faults.push(this.#world.cut({ from: servers[i]!, to: servers[j]! }));
      }
    }
    if (faults.length === 0) return null;
    return {
      say: 'every server hears another majority',
      undo: () => this.#restoreAll(faults, 'every server hears every other again'),
      count: 'partitions',
    };
  }

  /** The later in the order, the later its packets arrive. */
  #rank({ order, step }: OpOf<'rank'>): Done | null {
    const servers = this.#ensemble.servers();
    const known = order.filter((host) => servers.includes(host));
    this.#targets = known;
    if (known.length < 2) return null;
    for (const fault of this.#ranks) this.#world.restore(fault);
    const faults = known
      .slice(1)
      .map((host, index) =>
        this.#world.impair(
          { from: host, to: this.#others(host), direction: 'oneWay' },
          { extraUs: (index + 1) * step * MS },
        ),
      );
    this.#ranks = faults;
    return {
      say: `what ${known.join(',')} say is heard in this order`,
      undo: () => {
        for (const fault of faults) this.#world.restore(fault);
      },
      count: 'networkFaults',
    };
  }

  #others(host: HostId): HostId[] {
    return this.#ensemble.servers().filter((other) => other !== host);
  }

  #refuse(op: OpOf<'refuse' | 'tls'>, host: HostId): Done | null {
    const base = { from: 'any', to: host, direction: 'oneWay' } as const;
    const channel = op.do === 'refuse' ? op.channel : undefined;
    const selector: LinkSelector = channel === undefined ? base : { ...base, channels: [channel] };
    const certain = 1_000_000;
    const impairment =
      op.do === 'tls'
        ? { handshakeFailPpm: certain }
        : op.how === 'refuse'
          ? { refusePpm: certain }
          : { hangPpm: certain };
    const fault = this.#world.impair(selector, impairment);
    const how =
      op.do === 'tls'
        ? 'fails every TLS handshake'
        : op.how === 'refuse'
          ? 'refuses connections'
          : 'lets connections hang';
    return {
      say: `server ${host} ${how}`,
      undo: () => this.#restoreAll([fault], `server ${host} accepts connections again`),
      count: 'networkFaults',
    };
  }

  #knock(op: OpOf<'knock'>, host: HostId): Done | null {
    const id = intruderHost(op.id);
    const dialsTls = op.tls === true ? (['election'] as const) : [];
    this.#world.addHost({ id, program: intruderProgram(ipOf(host), op.as), startAtUs: null, dialsTls });
    this.#world.start(id);
    return { say: `somebody calls the election port of server ${host} as server ${op.as}`, count: 'networkFaults' };
  }

  // --- servers ---

  #crash(host: HostId, op: OpOf<'crash' | 'power'>, forMs: number | undefined): Done | null {
    const world = this.#world;
    const was = this.#roleOf(host);
    const how = op.do;
    if (!(how === 'crash' ? world.kill(host) : world.powerCut(host, this.#luckOf(op)))) return null;
    if (forMs !== undefined) this.#startLater(host, forMs * MS);
    return {
      say: `${was} ${how === 'crash' ? 'crashes' : 'loses power'}${forMs === undefined ? '' : ` for ${span(forMs * MS)}`}`,
      count: how === 'crash' ? 'crashes' : 'powerCuts',
    };
  }

  #roleOf(host: HostId): string {
    return this.#ensemble.leader() === host ? `leader ${host}` : `server ${host}`;
  }

  #startLater(host: HostId, delayUs: number): boolean {
    return this.#ensemble.start(host, delayUs, null);
  }

  #crashWhen(op: OpOf<'crashWhen'>, host: HostId): Done | null {
    if (this.#world.status(host) !== 'running') return null;
    const file: FileMatch = {
      ...(op.action === undefined ? {} : { actions: [op.action] }),
      ...(op.file === undefined || op.file === 'any' ? {} : { path: PATH_OF[op.file] }),
    };
    const isFile = op.action !== undefined || op.file !== undefined;
    const point: CrashPoint = {
      at: op.edge === 'done' ? 'complete' : 'effect',
      kind: op.how,
      skip: op.skip ?? 0,
      luck: this.#luckOf(op),
      ...(op.effect === undefined ? {} : { effect: op.effect }),
      ...(op.channel === undefined ? {} : { channel: op.channel }),
      ...(op.note === undefined ? {} : { note: op.note }),
      ...(isFile ? { file } : {}),
      ...(op.edge === 'before' || op.edge === 'after' ? { edge: op.edge } : {}),
    };
    const fault = this.#world.crashAt(host, point);
    const trap = { op: op.id, downUs: op.for === undefined ? null : op.for * MS };
    this.#comebacks.set(host, [...(this.#comebacks.get(host) ?? []), trap]);
    return {
      say: '',
      undo: () => {
        this.#world.restore(fault);
        this.#comebacks.set(
          host,
          (this.#comebacks.get(host) ?? []).filter((other) => other !== trap),
        );
      },
    };
  }

  #pause(host: HostId, forMs: number): Done | null {
    const was = this.#roleOf(host);
    if (!this.#world.pause(host)) return null;
    return {
      say: `${was} stands still for ${span(forMs * MS)}`,
      undo: () => {
        this.#world.resume(host);
      },
      count: 'pauses',
    };
  }

  #replaceDisk(host: HostId, forMs: number | undefined, damage: DamageKind, op: Op, act: () => boolean): Done | null {
    const world = this.#world;
    if (!world.budget.allows(host, damage)) return null;
    world.powerCut(host, this.#luckOf(op));
    this.#ensemble.onDamage(host, true);
    if (!act()) return null;
    if (forMs !== undefined) this.#startLater(host, forMs * MS);
    return {
      say: `server ${host} comes back with ${damage === 'wipe' ? 'an empty disk' : 'an old disk'}`,
      count: 'diskFaults',
    };
  }

  #restoreDisk(host: HostId, op: OpOf<'restore'>): Done | null {
    const image = this.#backups.get(host);
    if (image === undefined) return null;
    return this.#replaceDisk(host, op.for, 'restore', op, () => this.#world.restoreDisk(host, image));
  }

  #rolling(settings: Settings, pauseMs: number): Done {
    const servers = this.#ensemble.servers();
    servers.forEach((host, index) => {
      this.#world.at(this.#world.timeUs + index * pauseMs * MS, `rolling restart of ${host}`, () => {
        if (this.#over || !this.#world.kill(host)) return;
        this.stats.crashes += 1;
        this.#ensemble.start(host, (pauseMs * MS) / 4, settings);
        this.#say(`server ${host} is restarted with other settings`);
      });
    });
    return { say: `a rolling restart begins: ${JSON.stringify(settings)}` };
  }

  // --- disks ---

  #onDisk(
    op: OpOf<'diskSlow' | 'diskStall' | 'diskError' | 'bitRot' | 'tornWrites' | 'lyingFsync'>,
    host: HostId,
  ): Done | null {
    const world = this.#world;
    if (world.status(host) === 'off') return null;
    switch (op.do) {
      case 'diskSlow': {
        const { file = 'any' } = op;
        const path = file === 'any' ? {} : { path: PATH_OF[file] };
        const fault = world.diskFault(host, { kind: 'slow', times: null, delayUs: op.by * MS, ...path });
        const undo = (): void => this.#restoreAll([fault], `the disk of server ${host} is fast again`);
        const which = file === 'any' ? 'disk operation' : `operation on ${file} files`;
        return { say: `every ${which} of server ${host} takes ${op.by} ms longer`, undo, count: 'diskFaults' };
      }
      case 'diskStall': {
        const { file = 'any' } = op;
        world.stallDisk(host, op.for * MS, file === 'any' ? undefined : [LANE_OF[file]]);
        const what = file === 'any' ? 'the disk' : `the ${file} files`;
        return {
          say: `${what} of server ${host} stall${file === 'any' ? 's' : ''} for ${span(op.for * MS)}`,
          count: 'diskFaults',
        };
      }
      case 'diskError': {
        const path = op.file === 'any' ? {} : { path: PATH_OF[op.file] };
        // Reads after a restart would only repeat the failure that recovery reports anyway.
        const actions =
          op.action === undefined ? (['append', 'write', 'fsync', 'create', 'rename'] as const) : [op.action];
        const fault = world.diskFault(host, { kind: op.error, times: op.count, actions, ...path });
        return {
          say: `the disk of server ${host} fails with ${op.error}`,
          undo: () => world.restore(fault),
          count: 'diskFaults',
        };
      }
      case 'bitRot':
        if (!world.rot(host, op.file === 'any' ? {} : { path: PATH_OF[op.file] }, this.#luckOf(op))) return null;
        this.#ensemble.onDamage(host, false);
        return { say: `a bit rots in a ${op.file} file of server ${host}`, count: 'diskFaults' };
      case 'tornWrites':
        return world.tornWrites(host) ? { say: `writes of server ${host} may tear`, count: 'diskFaults' } : null;
      case 'lyingFsync': {
        if (!world.budget.allows(host, 'lie')) return null;
        const fault = world.diskFault(host, { kind: 'lie', times: null });
        this.#ensemble.onDamage(host, true);
        const undo = (): void => this.#restoreAll([fault], `the disk of server ${host} tells the truth again`);
        return { say: `the disk of server ${host} lies about fsync`, undo, count: 'diskFaults' };
      }
      default:
        return op satisfies never;
    }
  }

  #drift(host: HostId, rate: number): Done {
    this.#world.setClockRate(host, { num: Math.round(rate * 1000), den: 1000 });
    return {
      say: `the clocks of server ${host} run at ${rate} of their speed`,
      undo: () => this.#world.setClockRate(host, { num: 1, den: 1 }),
      count: 'clockFaults',
    };
  }

  // --- clients ---

  #onClient(
    op: OpOf<
      | 'clientKill'
      | 'clientMove'
      | 'clientPause'
      | 'clientSlow'
      | 'clientClose'
      | 'clientWrite'
      | 'clientRead'
      | 'clientDelete'
    >,
  ): Done | null {
    const workload = this.#workload;
    const host = clientHost(op.client);
    if (!this.#world.hosts().includes(host)) return null;
    this.#targets = [host];
    switch (op.do) {
      case 'clientKill':
        if (!workload.kill(op.client, op.same === true ? 'same' : 'fresh', 'power')) return null;
        return { say: `client ${op.client} dies without a word`, count: 'clientFaults' };
      case 'clientMove':
        return workload.move(op.client) ? { say: `client ${op.client} changes servers`, count: 'clientFaults' } : null;
      case 'clientPause':
        if (!this.#world.pause(host)) return null;
        return {
          say: `client ${op.client} stands still for ${span(op.for * MS)}`,
          undo: () => {
            this.#world.resume(host);
          },
          count: 'clientFaults',
        };
      case 'clientSlow':
        this.#world.slowReader(host, 50 * MS);
        return {
          say: `client ${op.client} reads slowly`,
          undo: () => this.#world.slowReader(host, 0),
          count: 'clientFaults',
        };
      case 'clientClose':
        return workload.close(op.client) ? { say: `client ${op.client} closes its session` } : null;
      case 'clientWrite': {
        const data = utf8Encode(op.data ?? `op ${op.id}`);
        const flags = op.ephemeral === true ? CreateMode.ephemeral : CreateMode.persistent;
        workload.request(op.client, { kind: 'create2', path: op.path, data, acl: OPEN_ACL, flags });
        if (op.ephemeral !== true) workload.request(op.client, { kind: 'setData', path: op.path, data, version: -1 });
        return { say: '' };
      }
      case 'clientRead':
        workload.request(op.client, { kind: 'exists', path: op.path, watch: op.watch ?? false });
        return { say: '' };
      case 'clientDelete':
        workload.request(op.client, { kind: 'delete', path: op.path, version: -1 });
        return { say: '' };
      default:
        return op satisfies never;
    }
  }

  #heal(id: number | undefined): Done | null {
    if (this.#active.size === 0) return null;
    if (id === undefined) for (const active of [...this.#active.keys()]) this.#undo(active);
    else this.#undo(id);
    return { say: '' };
  }
}

interface PacketOp {
  readonly op: Extract<Op, { readonly nth: number }>;
  readonly type: number;
  left: number;
}

const PATH_OF: Readonly<Record<Exclude<FileClass, 'any'>, string>> = {
  log: '/log.',
  snapshot: '/snapshot.',
  epoch: 'Epoch',
};
/** Where operations on these files queue. */
const LANE_OF = { log: 'log', snapshot: 'snap', epoch: 'meta' } as const satisfies Record<string, Lane>;

const holds = (hosts: LinkSelector['from'], host: HostId): boolean =>
  hosts === 'any' || (typeof hosts === 'number' ? hosts === host : hosts.includes(host));
const signed = (ms: number): string => `${ms < 0 ? '-' : '+'}${span(Math.abs(ms) * MS)}`;
