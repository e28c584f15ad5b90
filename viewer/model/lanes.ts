/** What each server and each client was, over time: bands, lines and marks, from the rows of the store. */

import { UPDATE_CALLS } from '../../core/client/calls.ts';
import {
  type Band,
  CLIENT_BASE,
  type ClientLane,
  type ClockColumns,
  type DiskColumns,
  type HostId,
  type HostMark,
  type OperationColumns,
  type ServerLane,
  type SessionBand,
  type WatchColumns,
  type ZxidColumns,
} from './api.ts';
import { lowerBound } from './columns.ts';
import {
  type CrashLine,
  ERROR_BIAS,
  type FaultLine,
  type Indexed,
  type StatusLine,
  type Store,
  type ZxidRows,
} from './store.ts';

// --- servers ---------------------------------------------------------------------------------------------------------

export function serverLane(store: Store, host: HostId): ServerLane {
  return {
    host,
    bands: bandsOf(store, host),
    zxids: zxidsOf(store, host),
    disk: diskOf(store, host),
    clock: clockOf(store, host),
    marks: marksOf(store, host),
  };
}

const DOWN = {
  state: 'down',
  phase: 'election',
  sync: null,
  epoch: 0,
  leader: null,
  readOnly: false,
  resync: false,
  detail: 'down',
} as const satisfies Omit<Band, 'beginUs' | 'endUs' | 'beginIndex' | 'generation'>;

type Change =
  | { readonly kind: 'boot'; readonly index: number; readonly t: number }
  | { readonly kind: 'status'; readonly index: number; readonly t: number; readonly line: StatusLine }
  | { readonly kind: 'crash'; readonly index: number; readonly t: number };

/** Within one event: it starts, becomes something, and dies. */
const ORDER_IN_EVENT = { boot: 0, status: 1, crash: 2 } as const;

/** The bands of a server, without gaps from the start of the run to its end. */
export function bandsOf(store: Store, host: HostId): Band[] {
  const changes: Change[] = [];
  for (const { host: where, index, t } of store.boots) if (where === host) changes.push({ kind: 'boot', index, t });
  for (const line of store.status)
    if (line.host === host) changes.push({ kind: 'status', index: line.index, t: line.t, line });
  for (const { host: where, index, t } of store.crashes) if (where === host) changes.push({ kind: 'crash', index, t });
  changes.sort((a, b) => a.index - b.index || ORDER_IN_EVENT[a.kind] - ORDER_IN_EVENT[b.kind]);
  const bands: Band[] = [];
  let generation = 0;
  let open = bandOf({ t: 0, index: 0 }, 0, DOWN);
  for (const change of changes) {
    if (change.kind === 'boot') generation += 1;
    if (change.t > open.beginUs) bands.push(ended(open, change.t));
    open = bandOf(change, generation, whatOf(change));
  }
  if (store.endUs > open.beginUs || bands.length === 0) bands.push(ended(open, Math.max(store.endUs, open.beginUs)));
  return bands;
}

type What = Omit<Band, 'beginUs' | 'endUs' | 'beginIndex' | 'generation'>;

function whatOf(change: Change): What {
  if (change.kind === 'boot') return { ...DOWN, state: 'recovering', detail: 'starting' };
  if (change.kind === 'crash') return DOWN;
  const { phase, zab, sync, epoch, leader, readOnly, resync, detail } = change.line;
  return { state: phase, phase: zab, sync, epoch, leader, readOnly, resync, detail };
}

/** Written out field by field: there are ten thousand, and putting objects into each other takes ten times as long. */
function bandOf(at: { readonly t: number; readonly index: number }, generation: number, what: What): Band {
  const { state, phase, sync, epoch, leader, readOnly, resync, detail } = what;
  return {
    beginUs: at.t,
    endUs: at.t,
    beginIndex: at.index,
    generation,
    state,
    phase,
    sync,
    epoch,
    leader,
    readOnly,
    resync,
    detail,
  };
}

function ended(band: Band, endUs: number): Band {
  const { beginUs, beginIndex, generation, state, phase, sync, epoch, leader, readOnly, resync, detail } = band;
  return { beginUs, endUs, beginIndex, generation, state, phase, sync, epoch, leader, readOnly, resync, detail };
}

const NO_F64 = new Float64Array(0);
const NO_U32 = new Uint32Array(0);
const NO_U8 = new Uint8Array(0);

function zxidsOf(store: Store, host: HostId): ZxidColumns {
  const rows = store.zxids.get(host);
  if (rows === undefined)
    return {
      count: 0,
      timeUs: NO_F64,
      index: NO_U32,
      logged: NO_F64,
      synced: NO_F64,
      committed: NO_F64,
      applied: NO_F64,
    };
  return {
    count: rows.timeUs.length,
    timeUs: rows.timeUs.trimmed(),
    index: rows.index.trimmed(),
    logged: rows.logged.trimmed(),
    synced: rows.synced.trimmed(),
    committed: rows.committed.trimmed(),
    applied: rows.applied.trimmed(),
  };
}

const ACTIONS_MAX = 16;
const FATE_FINE = 0;
const FATE_SLOW = 1;
/** An operation stalls when it takes so many times what most of its kind take, and at least so long. */
const STALL_RATIO = 8;
const STALL_US_MIN = 50_000;

function diskOf(store: Store, host: HostId): DiskColumns {
  const rows = store.disks.get(host);
  if (rows === undefined) {
    return {
      count: 0,
      beginUs: NO_F64,
      endUs: NO_F64,
      beginIndex: NO_U32,
      endIndex: NO_U32,
      action: NO_U8,
      lane: NO_U8,
      bytes: NO_U32,
      fate: NO_U8,
    };
  }
  const columns = {
    count: rows.beginUs.length,
    beginUs: rows.beginUs.trimmed(),
    endUs: rows.endUs.trimmed(),
    beginIndex: rows.beginIndex.trimmed(),
    endIndex: rows.endIndex.trimmed(),
    action: rows.action.trimmed(),
    lane: rows.lane.trimmed(),
    bytes: rows.bytes.trimmed(),
    fate: rows.fate.trimmed(),
  };
  markStalls(columns);
  return columns;
}

function markStalls({ count, beginUs, endUs, action, fate }: DiskColumns): void {
  const samples = Array.from({ length: ACTIONS_MAX }, (): number[] => []);
  for (let i = 0; i < count; i++) {
    const sample = samples[action[i]!];
    if (sample !== undefined && sample.length < SAMPLE_MAX && fate[i] === FATE_FINE)
      sample.push(endUs[i]! - beginUs[i]!);
  }
  const usual = Float64Array.from(samples, median);
  for (let i = 0; i < count; i++) {
    const tookUs = endUs[i]! - beginUs[i]!;
    if (fate[i] === FATE_FINE && tookUs > Math.max(STALL_US_MIN, usual[action[i]!]! * STALL_RATIO)) fate[i] = FATE_SLOW;
  }
}

/** Medians are taken of the first so many. */
export const SAMPLE_MAX = 1000;

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return Float64Array.from(values).sort()[values.length >> 1]!;
}

function clockOf(store: Store, host: HostId): ClockColumns {
  const rows = store.clocks.get(host);
  if (rows === undefined) return { count: 0, timeUs: NO_F64, wallSkewMs: NO_F64, monoSkewMs: NO_F64 };
  const count = rows.timeUs.length;
  const timeUs = rows.timeUs.trimmed();
  const epochMs = store.header?.epochMs ?? 0;
  const wallSkewMs = new Float64Array(count);
  const monoSkewMs = new Float64Array(count);
  const base = count > 0 ? rows.monoMs.get(0) - timeUs[0]! / 1000 : 0;
  for (let i = 0; i < count; i++) {
    wallSkewMs[i] = rows.wallMs.get(i) - epochMs - timeUs[i]! / 1000;
    monoSkewMs[i] = rows.monoMs.get(i) - timeUs[i]! / 1000 - base;
  }
  return { count, timeUs, wallSkewMs, monoSkewMs };
}

// --- marks ---

const MARK_OF_OP: Readonly<Record<string, HostMark['kind']>> = {
  pause: 'pause',
  clientPause: 'pause',
  clock: 'clock',
  drift: 'clock',
  wipe: 'wipe',
  restore: 'restore',
  diskSlow: 'disk',
  diskStall: 'disk',
  diskError: 'disk',
  bitRot: 'disk',
  tornWrites: 'disk',
  lyingFsync: 'disk',
};

export function marksOf(store: Store, host: HostId): HostMark[] {
  const marks: HostMark[] = [];
  const isServer = host < CLIENT_BASE;
  for (const { index, t, host: where } of store.boots) {
    if (where === host) marks.push({ timeUs: t, index, kind: 'boot', text: isServer ? 'starts' : 'starts anew' });
  }
  for (const line of store.crashes) if (line.host === host) marks.push(crashMark(line));
  for (const line of store.faults) {
    if (line.hosts?.includes(host) === true || line.kind === 'end') marks.push(...faultMark(store, line, host));
  }
  return marks.sort((a, b) => a.index - b.index);
}

function crashMark({ t, index, kind, reason }: Indexed<CrashLine>): HostMark {
  const text = { kill: 'the process dies', power: 'loses power', halt: `gives up: ${reason}` }[kind];
  return { timeUs: t, index, kind, text };
}

function faultMark(store: Store, line: Indexed<FaultLine>, host: HostId): HostMark[] {
  const kind = MARK_OF_OP[line.do];
  if (kind === undefined || line.kind === 'skip') return [];
  if (line.kind === 'begin') return [{ timeUs: line.t, index: line.index, kind, text: line.text ?? line.do }];
  if (kind !== 'pause') return [];
  const begin = store.faults.find((other) => other.op === line.op && other.kind === 'begin');
  if (begin?.hosts?.includes(host) !== true) return [];
  return [{ timeUs: line.t, index: line.index, kind: 'resume', text: 'goes on' }];
}

// --- clients ---------------------------------------------------------------------------------------------------------

export function clientLane(store: Store, host: HostId, commits: Commits): ClientLane {
  return {
    host,
    operations: operationsOf(store, host, commits),
    sessions: sessionsOf(store, host),
    watches: watchesOf(store, host),
    marks: marksOf(store, host),
  };
}

/** When transactions were first known as committed by somebody: ascending zxids, and the time of each. */
export interface Commits {
  readonly zxid: readonly number[];
  readonly timeUs: readonly number[];
}

export function commitsOf(store: Store): Commits {
  const zxid: number[] = [];
  const timeUs: number[] = [];
  const servers = [...store.zxids.values()].map(advancesOf);
  const at = servers.map(() => 0);
  for (;;) {
    // The next step of all servers in time.
    let next = -1;
    let nextUs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < servers.length; i++) {
      const stepUs = servers[i]!.timeUs[at[i]!];
      if (stepUs === undefined || stepUs >= nextUs) continue;
      next = i;
      nextUs = stepUs;
    }
    if (next < 0) return { zxid, timeUs };
    const committed = servers[next]!.zxid[at[next]!++]!;
    if (committed > (zxid.at(-1) ?? 0)) {
      zxid.push(committed);
      timeUs.push(nextUs);
    }
  }
}

/** When one server came to know of each further transaction as committed: a small part of its rows. */
function advancesOf({ timeUs, committed }: ZxidRows): Commits {
  const found: { zxid: number[]; timeUs: number[] } = { zxid: [], timeUs: [] };
  const [times, values] = [timeUs.view(), committed.view()];
  let most = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (!(value > most)) continue;
    most = value;
    found.zxid.push(value);
    found.timeUs.push(times[row]!);
  }
  return found;
}

const RESULT_OK = 1;

function operationsOf(store: Store, host: HostId, commits: Commits): OperationColumns {
  const rows = store.operations.get(host);
  const count = rows?.id.length ?? 0;
  const error = new Int16Array(count);
  const pointUs = rows?.pointUs.trimmed() ?? NO_F64;
  for (let i = 0; i < count; i++) {
    error[i] = rows!.error.get(i) - ERROR_BIAS;
    if (rows!.result.get(i) !== RESULT_OK || !UPDATE_CALLS.has(store.names.list[rows!.name.get(i)]!)) continue;
    const at = lowerBound(commits.zxid, rows!.zxid.get(i));
    if (Number.isNaN(pointUs[i]!) && at < commits.zxid.length) pointUs[i] = commits.timeUs[at]!;
  }
  return {
    count,
    beginUs: rows?.beginUs.trimmed() ?? NO_F64,
    endUs: rows?.endUs.trimmed() ?? NO_F64,
    beginIndex: rows?.beginIndex.trimmed() ?? NO_U32,
    endIndex: rows?.endIndex.trimmed() ?? NO_U32,
    name: rows?.name.trimmed() ?? new Uint16Array(0),
    path: rows?.path.trimmed() ?? NO_U32,
    result: rows?.result.trimmed() ?? NO_U8,
    id: rows?.id.trimmed() ?? NO_U32,
    error,
    zxid: rows?.zxid.trimmed() ?? NO_F64,
    pointUs,
  };
}

function watchesOf(store: Store, host: HostId): WatchColumns {
  const rows = store.watches.get(host);
  return {
    count: rows?.timeUs.length ?? 0,
    timeUs: rows?.timeUs.trimmed() ?? NO_F64,
    index: rows?.index.trimmed() ?? NO_U32,
    type: rows?.type.trimmed() ?? NO_U8,
    path: rows?.path.trimmed() ?? NO_U32,
    zxid: rows?.zxid.trimmed() ?? NO_F64,
  };
}

/** The session of a client over time. A new program has none until a server gives it one. */
export function sessionsOf(store: Store, host: HostId): SessionBand[] {
  const changes = [
    ...store.boots
      .filter((boot) => boot.host === host)
      .map(({ index, t }) => ({ index, t, state: 'connecting' as const, session: null, server: null, timeoutMs: 0 })),
    ...store.sessions
      .filter((line) => line.host === host)
      .map(({ index, t, state, session, server, timeoutMs }) => ({
        index,
        t,
        state: state as SessionBand['state'],
        session: session === null ? null : hexOfBig(session.$big),
        server,
        timeoutMs,
      })),
    ...store.crashes
      .filter((line) => line.host === host)
      .map(({ index, t }) => ({ index, t, state: 'down' as const, session: null, server: null, timeoutMs: 0 })),
  ].sort((a, b) => a.index - b.index);
  const bands: SessionBand[] = [];
  for (const [i, { t, index, state, session, server, timeoutMs }] of changes.entries()) {
    const endUs = changes[i + 1]?.t ?? Math.max(store.endUs, t);
    const shown = state === 'disconnected' || state === 'down' ? null : server;
    if (endUs > t || i === changes.length - 1)
      bands.push({ beginUs: t, endUs, beginIndex: index, state, session, server: shown, timeoutMs });
  }
  return bands;
}

/** A 64-bit number in decimal, as hexadecimal. */
export const hexOfBig = (decimal: string): string => `0x${BigInt.asUintN(64, BigInt(decimal)).toString(16)}`;
