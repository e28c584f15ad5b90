/**
 * Everything that is known of one trace: the columns of all blocks, put together.
 *
 * Blocks arrive in the order of the file. Each brings rows of its own (`scan.ts`); here ids become indexes, bytes read
 * become messages received, completions find the file operation and the invocation they belong to. All of it is done once
 * a row, so a picture of what has been read so far costs little more than copying.
 */

import { Op, Packet } from '../../core/wire/opcodes.ts';
import type { Conflict } from '../../sim/checkers/history/conflict.ts';
import { type BlockColumns, CARRIED, CHANNELS, type NotesLine, type RareLine } from '../../sim/columns/block.ts';
import {
  CLIENT_BASE,
  DIAL_RESULTS,
  type HostId,
  MESSAGE_FATES,
  OPERATION_RESULTS,
  type Problem,
  type VerdictInfo,
} from './api.ts';
import { type Column, f64, Names, u8, u16, u32 } from './columns.ts';
import { groupOf } from './groups.ts';

/** A rare line with the index of its event. */
export type Indexed<T extends RareLine = RareLine> = T & { readonly index: number };

export interface StatusLine extends RareLine {
  readonly type: 'status';
  readonly t: number;
  readonly host: HostId;
  readonly phase: 'recovering' | 'looking' | 'following' | 'leading' | 'observing' | 'standalone' | 'halted';
  readonly zab: 'election' | 'discovery' | 'synchronization' | 'broadcast';
  readonly epoch: number;
  readonly leader: HostId | null;
  readonly readOnly: boolean;
  readonly resync: boolean;
  readonly detail: string;
  readonly sync: 'DIFF' | 'TRUNC' | 'SNAP' | null;
}

export interface FaultLine extends RareLine {
  readonly type: 'fault';
  readonly t: number;
  readonly op: number;
  readonly do: string;
  readonly kind: 'begin' | 'end' | 'skip';
  readonly hosts?: readonly HostId[];
  readonly lasts?: boolean;
  readonly forUs?: number | null;
  readonly text?: string;
}

export interface LinkLine extends RareLine {
  readonly type: 'link';
  readonly t: number;
  readonly from: HostId;
  readonly to: HostId;
  readonly channel: 'election' | 'quorum' | 'client';
  readonly cut: boolean;
}

export interface CrashLine extends RareLine {
  readonly type: 'crash';
  readonly t: number;
  readonly host: HostId;
  readonly kind: 'kill' | 'power' | 'halt';
  readonly reason: string;
}

export interface SessionLine extends RareLine {
  readonly type: 'session';
  readonly t: number;
  readonly host: HostId;
  readonly state: string;
  readonly session: { readonly $big: string } | null;
  readonly server: HostId | null;
  readonly timeoutMs: number;
}

export interface MomentLine extends RareLine {
  readonly type: 'moment';
  readonly t: number;
  readonly text: string;
}

export interface BootMark {
  readonly index: number;
  readonly t: number;
  readonly host: HostId;
}

/** Where the lines of an event begin. */
export interface LinePlace {
  readonly block: number;
  readonly offset: number;
}

export interface Header {
  readonly version: number;
  readonly seed: string;
  readonly commit: string;
  readonly servers: number;
  readonly clients: number;
  readonly epochMs: number;
  readonly schedule: unknown;
}

export interface ViolationLine {
  readonly property: string;
  readonly kind: 'safety' | 'liveness' | 'crash';
  readonly sentence: string;
  readonly message: string;
  readonly atUs: number;
  readonly events: readonly number[];
  readonly servers: readonly HostId[];
  readonly [more: string]: unknown;
}

/** Bytes of one direction of a connection that were sent and not yet read. */
interface Flow {
  readonly to: HostId;
  sent: number;
  read: number;
  /** Rows of messages on their way, and after how many bytes of the direction each is complete. */
  readonly rows: number[];
  readonly ends: number[];
  head: number;
  /** Since when the receiver has the connection no more. */
  goneUs: number;
}

const EVENT_KIND_BOOT = 0;
const FATE = { delivered: 0, reset: 2, open: 3 } as const;
const NOT_A_NUMBER = Number.NaN;

/** Runs are not alike throughout; a little too much costs less than once too often. */
const EXPECTED_MORE = 1.05;

export class Store {
  header: Header | null = null;
  verdict: (VerdictInfo & { readonly violations: readonly ViolationLine[] }) | null = null;
  readonly problems: Problem[] = [];
  readonly names = namesOfMessages();
  readonly events = {
    id: u32(),
    cause: u32(),
    timeUs: f64(),
    host: u16(),
    kind: u8(),
    block: u32(),
    offset: u32(),
  };
  /** By id of the trace; 0 for an id that is no event. */
  #indexOfId = new Uint32Array(1024);
  readonly messages = {
    sentUs: f64(),
    arrivedUs: f64(),
    lostUs: f64(),
    sentIndex: u32(),
    arrivedIndex: u32(),
    from: u16(),
    to: u16(),
    name: u16(),
    group: u8(),
    fate: u8(),
    zxid: f64(),
    uid: u32(),
  };
  readonly dials = {
    beginUs: f64(),
    endUs: f64(),
    beginIndex: u32(),
    from: u16(),
    to: u16(),
    channel: u8(),
    result: u8(),
    closedUs: f64(),
    uid: u32(),
    reason: u16(),
  };
  readonly zxids = new Map<HostId, ReturnType<typeof zxidColumns>>();
  readonly disks = new Map<HostId, ReturnType<typeof diskColumns>>();
  readonly clocks = new Map<HostId, ReturnType<typeof clockColumns>>();
  readonly operations = new Map<HostId, ReturnType<typeof operationColumns>>();
  readonly watches = new Map<HostId, ReturnType<typeof watchColumns>>();
  readonly keyframes = new Map<HostId, Column<Uint32Array>>();
  /** Indexes of the events of each host, in order. */
  readonly byHost = new Map<HostId, Column<Uint32Array>>();
  readonly txns = { index: u32(), host: u16(), zxid: f64(), end: u32() };
  readonly txnBytes = u8();

  readonly status: Indexed<StatusLine>[] = [];
  readonly faults: Indexed<FaultLine>[] = [];
  readonly links: Indexed<LinkLine>[] = [];
  readonly crashes: Indexed<CrashLine>[] = [];
  readonly sessions: Indexed<SessionLine>[] = [];
  readonly moments: Indexed<MomentLine>[] = [];
  readonly notes: Indexed<NotesLine>[] = [];
  readonly boots: BootMark[] = [];
  endUs = 0;
  lines = 0;

  /** `byHost`, where a number is enough to find it. */
  readonly #rowsOfHost: (Column<Uint32Array> | undefined)[] = [];
  readonly #groupOfName: number[] = [];
  #blocks = 0;
  #deferred: RareLine[] = [];
  #carry: LinePlace | null = null;
  #lastDoneId = 0;
  /** Of each connection, by its number; both directions. */
  readonly #flows = new Map<number, Flow[]>();
  /** Rows of file operations that the present process of a host has not heard of yet, by their number. */
  readonly #openFiles = new Map<HostId, Map<number, number>>();
  readonly #dialRows = new Map<number, { readonly row: number; closed: number }>();
  readonly #openOperations = new Map<HostId, Map<number, number>>();

  get count(): number {
    return this.events.id.length;
  }

  indexOf(id: number): number {
    return id > 0 && id < this.#indexOfId.length ? this.#indexOfId[id]! : 0;
  }

  /** An event whose own line is still to come is the next one. */
  #resolve(id: number): number {
    return this.indexOf(id) || (id === 0 ? this.count : this.count + 1);
  }

  placeOf(index: number): LinePlace {
    return { block: this.events.block.get(index - 1), offset: this.events.offset.get(index - 1) };
  }

  /** Only this share of the file is read: makes room for all of it, if the rest is like what there was. */
  expectRest(share: number): void {
    const groups = [this.events, this.messages, ...[this.zxids, this.disks].flatMap((map) => [...map.values()])];
    for (const columns of groups)
      for (const column of Object.values(columns)) column.expect(Math.ceil((column.length / share) * EXPECTED_MORE));
    for (const column of this.byHost.values()) column.expect(Math.ceil((column.length / share) * EXPECTED_MORE));
  }

  /** Takes over what the next block holds. */
  append(block: BlockColumns): void {
    const number = this.#blocks++;
    this.lines += block.lines;
    const before = this.count;
    this.#appendEvents(block, number);
    this.#appendSegments(block);
    this.#appendReads(block, before);
    this.#appendFiles(block, before);
    this.#appendRest(block);
    // What an event did stands before its own line; when that is in the next block, its bytes are read there first.
    const waiting = this.#deferred;
    this.#deferred = [];
    for (const line of waiting) this.#appendOrDefer(line);
    for (const line of block.rare) this.#appendOrDefer(line);
  }

  #appendOrDefer(line: RareLine): void {
    const { event } = line;
    if (typeof event === 'number' && event !== 0 && this.indexOf(event) === 0) this.#deferred.push(line);
    else this.#appendRare(line);
  }

  /** The last block is in: what is on its way stays so. */
  finish(): void {
    for (const line of this.#deferred) this.#appendRare(line);
    this.#deferred = [];
    for (const flow of [...this.#flows.values()].flat()) {
      for (let i = flow.head; i < flow.rows.length; i++) this.messages.fate.array[flow.rows[i]!] = FATE.open;
    }
  }

  // --- events ---

  #appendEvents(block: BlockColumns, number: number): void {
    const { id, index, cause, timeUs, host, kind, start } = block.events;
    const { events } = this;
    const count = id.length;
    const before = this.count;
    if (count > 0) this.#reserveIds(id);
    // The index of a trace counts from 1 without a gap; a gap would be a piece that is missing.
    for (let i = 0; i < count; i++) if (index[i] !== before + i + 1) this.#noteGap(index[i]!, before + i);
    const indexOfId = this.#indexOfId;
    for (let i = 0; i < count; i++) indexOfId[id[i]!] = before + i + 1;
    const causes = events.cause.extend(count);
    for (let i = 0; i < count; i++) {
      // A cause is earlier in the file; an id that comes later is none.
      const found = cause[i]! < indexOfId.length ? indexOfId[cause[i]!]! : 0;
      causes[before + i] = found <= before + i ? found : 0;
    }
    events.id.append(id);
    events.timeUs.append(timeUs);
    events.host.append(host);
    events.kind.append(kind);
    events.block.extend(count).fill(number, before, before + count);
    events.offset.append(start);
    if (count > 0 && this.#carry !== null) {
      events.block.array[before] = this.#carry.block;
      events.offset.array[before] = this.#carry.offset;
    }
    for (let i = 0; i < count; i++) {
      const rows = this.#hostRows(host[i]!);
      const at = rows.length;
      rows.extend(1)[at] = before + i + 1;
      if (kind[i] === EVENT_KIND_BOOT) this.boots.push({ index: before + i + 1, t: timeUs[i]!, host: host[i]! });
      if (timeUs[i]! > this.endUs) this.endUs = timeUs[i]!;
    }
    if (count > 0) {
      this.#carry = null;
      this.#lastDoneId = id[count - 1]!;
    }
    if (this.#carry === null) {
      if (block.tailStart !== CARRIED) this.#carry = { block: number, offset: block.tailStart };
      else if (count === 0 && block.headId !== 0 && block.headId !== this.#lastDoneId) {
        this.#carry = { block: number, offset: block.headStart };
      }
    }
  }

  #noteGap(index: number, before: number): void {
    if (this.problems.some(({ kind }) => kind === 'inconsistent')) return;
    this.problems.push({
      kind: 'inconsistent',
      sentence: `Event ${index} follows event ${before}: a part of the trace is missing. What is there is shown.`,
      line: null,
      hasSchedule: this.header !== null,
    });
  }

  #reserveIds(ids: Uint32Array): void {
    let max = 0;
    for (const id of ids) if (id > max) max = id;
    if (max < this.#indexOfId.length) return;
    const grown = new Uint32Array(Math.max(max + 1, this.#indexOfId.length * 2));
    grown.set(this.#indexOfId);
    this.#indexOfId = grown;
  }

  #hostRows(host: HostId): Column<Uint32Array> {
    const known = this.#rowsOfHost[host];
    if (known !== undefined) return known;
    const made = getOrMake(this.byHost, host, () => u32());
    this.#rowsOfHost[host] = made;
    return made;
  }

  /** The client is gone: nobody hears of what it had asked for. */
  #abandon(host: HostId): void {
    const operations = this.operations.get(host);
    const asked = this.#openOperations.get(host);
    if (operations === undefined || asked === undefined) return;
    for (const row of asked.values()) operations.result.array[row] = RESULT.info;
    asked.clear();
  }

  // --- messages ---

  #appendSegments(block: BlockColumns): void {
    const { segments, messages, names } = block;
    const numbers = Uint16Array.from(names, (name) => this.names.of(name));
    for (let i = 0; i < names.length; i++) this.#groupOfName[numbers[i]!] ??= groupOf(names[i]!);
    const rows = this.messages;
    const count = messages.name.length;
    const first = rows.uid.length;
    const sentUs = rows.sentUs.extend(count);
    const sentIndex = rows.sentIndex.extend(count);
    const from = rows.from.extend(count);
    const to = rows.to.extend(count);
    const name = rows.name.extend(count);
    const group = rows.group.extend(count);
    const uids = rows.uid.extend(count);
    rows.arrivedUs.extend(count).fill(NOT_A_NUMBER, first, first + count);
    rows.lostUs.extend(count).fill(NOT_A_NUMBER, first, first + count);
    rows.arrivedIndex.extend(count).fill(0, first, first + count);
    rows.fate.extend(count).fill(FATE.open, first, first + count);
    rows.zxid.append(messages.zxid);
    let message = 0;
    for (let i = 0; i < segments.event.length; i++) {
      const uid = segments.uid[i]!;
      const flow = this.#flow(uid, segments.to[i]!);
      flow.sent += segments.size[i]!;
      const isClient = segments.channel[i] === CHANNEL_CLIENT;
      for (let left = segments.messages[i]!; left > 0; left--, message++) {
        const number = numbers[messages.name[message]!]!;
        const row = first + message;
        sentUs[row] = segments.timeUs[i]!;
        sentIndex[row] = this.#resolve(segments.event[i]!);
        from[row] = segments.from[i]!;
        to[row] = segments.to[i]!;
        name[row] = number;
        group[row] = isClient ? GROUP_CLIENT : this.#groupOfName[number]!;
        uids[row] = uid;
        if (flow.goneUs < Number.POSITIVE_INFINITY) this.#lose(row, flow.goneUs);
        else {
          flow.rows.push(row);
          flow.ends.push(flow.sent);
        }
      }
    }
  }

  /** Bytes of a connection on their way to a host; made when they are first spoken of. */
  #flow(uid: number, to: HostId): Flow {
    let flows = this.#flows.get(uid);
    if (flows === undefined) {
      flows = [];
      this.#flows.set(uid, flows);
    }
    for (const flow of flows) if (flow.to === to) return flow;
    const made: Flow = { to, sent: 0, read: 0, rows: [], ends: [], head: 0, goneUs: Number.POSITIVE_INFINITY };
    flows.push(made);
    return made;
  }

  /** Bytes that a process has read complete the messages that end within them. */
  #appendReads({ reads, events }: BlockColumns, before: number): void {
    const arrivedUs = this.messages.arrivedUs.array;
    const arrivedIndex = this.messages.arrivedIndex.array;
    const fate = this.messages.fate.array;
    for (let i = 0; i < reads.pos.length; i++) {
      const pos = reads.pos[i]!;
      const to = events.host[pos]!;
      const flow = this.#flows.get(reads.uid[i]!)?.find((one) => one.to === to);
      if (flow === undefined) continue;
      flow.read += reads.size[i]!;
      while (flow.head < flow.rows.length && flow.ends[flow.head]! <= flow.read) {
        const message = flow.rows[flow.head++]!;
        arrivedUs[message] = events.timeUs[pos]!;
        arrivedIndex[message] = before + pos + 1;
        fate[message] = FATE.delivered;
      }
      if (flow.head === flow.rows.length) {
        flow.rows.length = 0;
        flow.ends.length = 0;
        flow.head = 0;
      } else if (flow.head > 64 && flow.head * 2 > flow.rows.length) {
        flow.rows.splice(0, flow.head);
        flow.ends.splice(0, flow.head);
        flow.head = 0;
      }
    }
  }

  // --- disks ---

  #appendFiles({ events, files, done }: BlockColumns, before: number): void {
    // All three are in the order of the events; a completion never stands in the step that asked.
    let asked = 0;
    let heard = 0;
    for (let pos = 0; pos < events.kind.length; pos++) {
      // A new process hears of nothing that the one before it asked for.
      if (events.kind[pos] === EVENT_KIND_BOOT) this.#openFiles.delete(events.host[pos]!);
      for (; heard < done.pos.length && done.pos[heard] === pos; heard++)
        this.#fileEnds(before + pos, done.op[heard]!, done.ok[heard] === 1);
      for (; asked < files.pos.length && files.pos[asked] === pos; asked++) this.#fileBegins(files, asked, before);
    }
  }

  #fileBegins(files: BlockColumns['files'], i: number, before: number): void {
    const row = before + files.pos[i]!;
    const host = this.events.host.array[row]!;
    const disk = getOrMake(this.disks, host, diskColumns);
    const open = getOrMake(this.#openFiles, host, () => new Map<number, number>());
    const at = disk.beginUs.length;
    open.set(files.op[i]!, at);
    disk.beginUs.extend(1)[at] = this.events.timeUs.array[row]!;
    disk.endUs.extend(1)[at] = NOT_A_NUMBER;
    disk.beginIndex.extend(1)[at] = row + 1;
    disk.endIndex.extend(1)[at] = 0;
    disk.action.extend(1)[at] = files.action[i]!;
    disk.lane.extend(1)[at] = files.lane[i]!;
    disk.bytes.extend(1)[at] = files.size[i]!;
    disk.fate.extend(1)[at] = 3;
  }

  #fileEnds(row: number, op: number, isFine: boolean): void {
    const host = this.events.host.get(row);
    const disk = this.disks.get(host);
    const open = this.#openFiles.get(host);
    const asked = open?.get(op);
    if (disk === undefined || open === undefined || asked === undefined) return;
    open.delete(op);
    disk.endUs.array[asked] = this.events.timeUs.get(row);
    disk.endIndex.array[asked] = row + 1;
    disk.fate.array[asked] = isFine ? 0 : 2;
  }

  // --- the rest ---

  #appendRest(block: BlockColumns): void {
    const { zxids, txns, txnBytes, keyframes, clocks } = block;
    const bytesBefore = this.txnBytes.length;
    for (let i = 0; i < zxids.event.length; i++) {
      const rows = getOrMake(this.zxids, zxids.host[i]!, zxidColumns);
      const at = rows.timeUs.length;
      rows.timeUs.extend(1)[at] = zxids.timeUs[i]!;
      rows.index.extend(1)[at] = this.#resolve(zxids.event[i]!);
      rows.logged.extend(1)[at] = zxids.logged[i]!;
      rows.synced.extend(1)[at] = zxids.synced[i]!;
      rows.committed.extend(1)[at] = zxids.committed[i]!;
      rows.applied.extend(1)[at] = zxids.applied[i]!;
    }
    for (let i = 0; i < txns.event.length; i++) {
      this.txns.index.push(this.#resolve(txns.event[i]!));
      this.txns.host.push(txns.host[i]!);
      this.txns.zxid.push(txns.zxid[i]!);
      this.txns.end.push(bytesBefore + txns.end[i]!);
    }
    this.txnBytes.append(txnBytes);
    for (let i = 0; i < keyframes.event.length; i++) {
      getOrMake(this.keyframes, keyframes.host[i]!, () => u32()).push(this.#resolve(keyframes.event[i]!));
    }
    for (let i = 0; i < clocks.host.length; i++) {
      const rows = getOrMake(this.clocks, clocks.host[i]!, clockColumns);
      rows.timeUs.push(clocks.timeUs[i]!);
      rows.monoMs.push(clocks.monoMs[i]!);
      rows.wallMs.push(clocks.wallMs[i]!);
      rows.generation.push(clocks.generation[i]!);
    }
  }

  #appendRare(line: RareLine): void {
    const index = typeof line.event === 'number' ? this.#resolve(line.event) : 0;
    switch (line.type) {
      case 'header':
        this.header = line as unknown as Header;
        return;
      case 'status':
        this.status.push(indexed<StatusLine>(line, index));
        return;
      case 'fault':
        this.faults.push(indexed<FaultLine>(line, index));
        return;
      case 'link':
        this.links.push(indexed<LinkLine>(line, index));
        return;
      case 'crash':
        this.#abandon((line as CrashLine).host);
        this.crashes.push(indexed<CrashLine>(line, index));
        return;
      case 'session':
        this.sessions.push(indexed<SessionLine>(line, index));
        return;
      case 'moment':
        this.moments.push(indexed<MomentLine>(line, index));
        return;
      case 'notes':
        this.notes.push(indexed<NotesLine>(line, index));
        return;
      case 'connection':
        this.#onConnection(line, index);
        return;
      case 'invoke':
        this.#onInvoke(line, index);
        return;
      case 'complete':
        this.#onComplete(line, index);
        return;
      case 'watch':
        this.#onWatch(line, index);
        return;
      case 'verdict':
        this.#onVerdict(line);
        return;
      default:
        // Types of later versions are passed over, as the format says.
        return;
    }
  }

  #onConnection(line: RareLine, index: number): void {
    const { kind, uid, t } = line as unknown as { kind: string; uid: number; t: number };
    const { dials } = this;
    if (kind === 'dialed') {
      const { channel, dialer, acceptor } = line as unknown as { channel: string; dialer: number; acceptor: number };
      this.#dialRows.set(uid, { row: dials.uid.length, closed: 0 });
      dials.beginUs.push(t);
      dials.endUs.push(NOT_A_NUMBER);
      dials.beginIndex.push(index);
      dials.from.push(dialer);
      dials.to.push(acceptor);
      dials.channel.push(Math.max(0, CHANNELS.indexOf(channel as (typeof CHANNELS)[number])));
      dials.result.push(DIAL.open);
      dials.closedUs.push(NOT_A_NUMBER);
      dials.uid.push(uid);
      dials.reason.push(0);
      return;
    }
    const dial = this.#dialRows.get(uid);
    if (dial === undefined) return;
    const { row } = dial;
    if (kind === 'opened') {
      if (Number.isNaN(dials.endUs.get(row))) {
        dials.endUs.array[row] = t;
        dials.result.array[row] = DIAL.accepted;
      }
      return;
    }
    const reason = String(line.reason ?? '');
    dials.reason.array[row] = this.names.of(reason);
    if (kind === 'failed') {
      dials.endUs.array[row] = t;
      dials.result.array[row] = /REFUSED/.test(reason)
        ? DIAL.refused
        : /TIMEDOUT/.test(reason)
          ? DIAL.timeout
          : DIAL.failed;
      return;
    }
    // Whoever no longer has it reads nothing more of it.
    const host = line.host as HostId;
    const gone = this.#flow(uid, host);
    gone.goneUs = Math.min(gone.goneUs, t);
    for (let i = gone.head; i < gone.rows.length; i++) this.#lose(gone.rows[i]!, gone.goneUs);
    gone.rows.length = 0;
    gone.ends.length = 0;
    gone.head = 0;
    dial.closed += 1;
    if (dial.closed < 2) return;
    dials.closedUs.array[row] = t;
    this.#flows.delete(uid);
  }

  /** Nobody will read it: since the receiver is gone, or from the start. */
  #lose(row: number, goneUs: number): void {
    this.messages.fate.array[row] = FATE.reset;
    this.messages.lostUs.array[row] = Math.max(goneUs, this.messages.sentUs.get(row));
  }

  #onInvoke(line: RareLine, index: number): void {
    const {
      host,
      id,
      kind,
      t,
      path = '',
    } = line as unknown as Readonly<{
      host: HostId;
      id: number;
      kind: string;
      t: number;
      path?: string;
    }>;
    const rows = getOrMake(this.operations, host, operationColumns);
    getOrMake(this.#openOperations, host, () => new Map<number, number>()).set(id, rows.id.length);
    rows.beginUs.push(t);
    rows.endUs.push(NOT_A_NUMBER);
    rows.beginIndex.push(index);
    rows.endIndex.push(0);
    rows.name.push(this.names.of(kind));
    rows.path.push(this.names.of(path));
    rows.result.push(RESULT.open);
    rows.id.push(id);
    rows.error.push(ERROR_BIAS);
    rows.zxid.push(NOT_A_NUMBER);
    rows.pointUs.push(NOT_A_NUMBER);
  }

  #onComplete(line: RareLine, index: number): void {
    const { host, id, result, err, zxid, t } = line as unknown as Readonly<{
      host: HostId;
      id: number;
      result: 'ok' | 'fail' | 'info';
      err: number;
      zxid: number;
      t: number;
    }>;
    const row = this.#openOperations.get(host)?.get(id);
    const rows = this.operations.get(host);
    if (row === undefined || rows === undefined) return;
    this.#openOperations.get(host)?.delete(id);
    rows.endUs.array[row] = t;
    rows.endIndex.array[row] = index;
    rows.result.array[row] = RESULT[result];
    rows.error.array[row] = err + ERROR_BIAS;
    rows.zxid.array[row] = zxid > 0 ? zxid : NOT_A_NUMBER;
  }

  #onWatch(line: RareLine, index: number): void {
    const { host, kind, path, zxid, t } = line as unknown as Readonly<{
      host: HostId;
      kind: number;
      path: string;
      zxid: number;
      t: number;
    }>;
    const rows = getOrMake(this.watches, host, watchColumns);
    rows.timeUs.push(t);
    rows.index.push(index);
    rows.type.push(Math.max(0, kind));
    rows.path.push(this.names.of(path));
    rows.zxid.push(zxid > 0 ? zxid : NOT_A_NUMBER);
  }

  #onVerdict(line: RareLine): void {
    const { verdict, hash, stats, violations } = line as unknown as {
      verdict: VerdictInfo['verdict'];
      hash: string;
      stats: unknown;
      violations: readonly ViolationLine[];
    };
    this.verdict = { verdict, hash, stats, violations, violationCount: violations.length };
    // Where a checker looked inside, it says when each operation took effect.
    for (const { conflict } of violations as readonly { readonly conflict?: Conflict }[]) {
      for (const { client, id, pointUs } of conflict?.ops ?? []) {
        const rows = this.operations.get(CLIENT_BASE + client);
        const row = id === null || pointUs === null ? -1 : (rows?.id.view().lastIndexOf(id) ?? -1);
        if (rows !== undefined && row >= 0) rows.pointUs.array[row] = pointUs!;
      }
    }
  }

  /** Servers and clients of the run, also those that never did anything. */
  hosts(): { readonly servers: readonly HostId[]; readonly clients: readonly HostId[] } {
    const servers = new Set<HostId>();
    const clients = new Set<HostId>();
    for (let id = 1; id <= (this.header?.servers ?? 0); id++) servers.add(id);
    for (let n = 1; n <= (this.header?.clients ?? 0); n++) clients.add(CLIENT_BASE + n);
    for (const host of this.byHost.keys()) if (host > 0) (host >= CLIENT_BASE ? clients : servers).add(host);
    const sorted = (set: Set<HostId>): HostId[] => [...set].sort((a, b) => a - b);
    return { servers: sorted(servers), clients: sorted(clients) };
  }
}

/** Names of messages and operations come first, so that 16 bits are enough for their columns however many paths there are. */
function namesOfMessages(): Names {
  const names = new Names();
  const requests = Object.keys(Op);
  const known = ['HELLO', 'VOTE', 'CONNECT', 'CONNECTED', 'EVENT', 'SNAPSHOT', 'getConfig', ...Object.keys(Packet)];
  for (const name of [...known, ...requests, ...requests.map((request) => `${request} reply`)]) names.of(name);
  return names;
}

/** Error codes are negative; the columns that hold them are not. */
export const ERROR_BIAS = 0x8000;
const RESULT = {
  open: OPERATION_RESULTS.indexOf('open'),
  ok: OPERATION_RESULTS.indexOf('ok'),
  fail: OPERATION_RESULTS.indexOf('error'),
  info: OPERATION_RESULTS.indexOf('unknown'),
} as const;
const DIAL = {
  open: DIAL_RESULTS.indexOf('open'),
  accepted: DIAL_RESULTS.indexOf('accepted'),
  refused: DIAL_RESULTS.indexOf('refused'),
  timeout: DIAL_RESULTS.indexOf('timeout'),
  failed: DIAL_RESULTS.indexOf('failed'),
} as const;
const GROUP_CLIENT = groupOf('client');
const CHANNEL_CLIENT = CHANNELS.indexOf('client');
export const FATE_STALLED = MESSAGE_FATES.indexOf('stalled');

const zxidColumns = () => ({
  timeUs: f64(),
  index: u32(),
  logged: f64(),
  synced: f64(),
  committed: f64(),
  applied: f64(),
});
export type ZxidRows = ReturnType<typeof zxidColumns>;
const diskColumns = () => ({
  beginUs: f64(),
  endUs: f64(),
  beginIndex: u32(),
  endIndex: u32(),
  action: u8(),
  lane: u8(),
  bytes: u32(),
  fate: u8(),
});
const clockColumns = () => ({ timeUs: f64(), monoMs: f64(), wallMs: f64(), generation: u16() });
const operationColumns = () => ({
  beginUs: f64(),
  endUs: f64(),
  beginIndex: u32(),
  endIndex: u32(),
  name: u16(),
  path: u32(),
  result: u8(),
  id: u32(),
  error: u16(),
  zxid: f64(),
  pointUs: f64(),
});
const watchColumns = () => ({ timeUs: f64(), index: u32(), type: u8(), path: u32(), zxid: f64() });

/** The line itself, which belongs to nobody else, with the index of its event. */
function indexed<T extends RareLine>(line: RareLine, index: number): Indexed<T> {
  (line as { index?: number }).index = index;
  return line as Indexed<T>;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
