/** Long histories of registers as a correct ensemble would give them, in columns and as records. */

import type { Call, CallBody } from '../../core/client/calls.ts';
import { asSession, OPEN_ACL } from '../../core/types.ts';
import type { Stat } from '../../core/wire/records.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import { type Columns, Row } from '../../sim/checkers/history/columns.ts';
import type { HistoryRecord } from '../../sim/checkers/history/record.ts';

export interface Shape {
  readonly count: number;
  readonly sessions: number;
  readonly registers: number;
  readonly seed: number;
}

/** A small generator of its own: a million draws must not be the cost of what is measured. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Each session has one request open at a time. Updates take effect at once, and reads are of a state that may be a few
 * transactions old, though not older than what the session has seen. Three of ten are updates, one of a hundred is a sync.
 */
export function registerColumns({ count, sessions, registers, seed }: Shape): Columns {
  const draw = generator(seed);
  const columns: Columns = {
    count,
    events: new Int32Array(2 * count),
    session: new Int32Array(count),
    kind: new Uint8Array(count),
    zxid: new Float64Array(count),
    register: new Int32Array(count).fill(-1),
    value: new Int32Array(count),
  };
  const { events, session, kind, zxid, register, value } = columns;
  const epoch = 3 * 2 ** 32;
  const history = Array.from({ length: registers }, () => ({ at: [0], value: [0] }));
  const open = new Int32Array(sessions).fill(-1);
  const seen = new Float64Array(sessions);
  const floors = new Float64Array(sessions);
  let now = 1;
  let told = 0;
  let rows = 0;
  for (let at = 0; at < events.length; ) {
    const own = draw(sessions);
    const row = open[own]!;
    if (row === -1) {
      if (rows === count) {
        const left = open.findIndex((each) => each !== -1);
        if (left < 0) break;
        events[at++] = ~open[left]!;
        finish(left);
        continue;
      }
      open[own] = rows;
      session[rows] = own;
      const die = draw(100);
      kind[rows] = die < 30 ? Row.update : die < 31 ? Row.sync : Row.read;
      if (kind[rows] !== Row.sync) register[rows] = draw(registers);
      floors[own] = told;
      events[at++] = rows++;
    } else {
      events[at++] = ~row;
      finish(own);
    }
  }
  return columns;

  function finish(own: number): void {
    const row = open[own]!;
    open[own] = -1;
    if (kind[row] === Row.update) {
      now += 1;
      zxid[row] = epoch + now;
      value[row] = row + 1;
      const line = history[register[row]!]!;
      line.at.push(now);
      line.value.push(row + 1);
      seen[own] = now;
    } else {
      const least = kind[row] === Row.sync ? Math.max(seen[own]!, floors[own]!) : seen[own]!;
      const state = Math.max(least, 1, now - draw(8));
      seen[own] = state;
      zxid[row] = epoch + state;
      if (kind[row] === Row.read) value[row] = valueAt(history[register[row]!]!, state);
    }
    told = Math.max(told, seen[own]!);
  }
}

function valueAt(line: { readonly at: readonly number[]; readonly value: readonly number[] }, state: number): number {
  let i = line.at.length - 1;
  while (line.at[i]! > state) i -= 1;
  return line.value[i]!;
}

const STAT = {
  czxid: 1,
  mzxid: 1,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1,
};

/** The same history as records, with the committed transactions in their places. */
export function recordsOf(columns: Columns): HistoryRecord[] {
  const { events, session, kind, zxid, register, value } = columns;
  const epoch = 3 * 2 ** 32;
  const records: HistoryRecord[] = [];
  const registers = Math.max(...register) + 1;
  // All registers are created in one transaction, before everything.
  const parts = Array.from({ length: registers }, (_, i) => ({
    type: 1,
    txn: {
      kind: 'create',
      path: `/r${i}`,
      data: bytes(0),
      acl: OPEN_ACL,
      ephemeral: false,
      parentCVersion: i + 1,
    } as const,
  }));
  const txn = { kind: 'multi', parts } as const;
  records.push({ type: 'commit', atUs: 0, zxid: epoch + 1, session: asSession(0n), cxid: 0, time: 0, op: 14, txn });
  const sessions = Math.max(...session) + 1;
  for (let client = 1; client <= sessions; client++) {
    const id = asSession(BigInt(client));
    records.push({ type: 'identity', client, atUs: 0, ids: [{ scheme: 'ip', id: '10.0.0.1' }] });
    records.push({ type: 'state', client, atUs: 0, session: id, state: 'syncConnected' });
  }
  const versions = new Int32Array(registers);
  const stats = new Map<number, typeof STAT>();
  let atUs = 0;
  for (const event of events) {
    atUs += 1;
    const row = event >= 0 ? event : ~event;
    const client = session[row]! + 1;
    const path = register[row] === -1 ? '/' : `/r${register[row]}`;
    const call: Call =
      kind[row] === Row.update
        ? { kind: 'setData', path, data: bytes(value[row]!), version: -1 }
        : kind[row] === Row.sync
          ? { kind: 'sync', path }
          : { kind: 'getData', path, watch: false };
    if (event >= 0) {
      records.push({ type: 'invoke', client, id: row, atUs, call });
      continue;
    }
    const z = zxid[row]!;
    const own = asSession(BigInt(client));
    if (call.kind === 'setData') {
      const version = ++versions[register[row]!]!;
      const stat = {
        ...STAT,
        czxid: epoch + 1,
        pzxid: epoch + 1,
        mzxid: z,
        mtime: z,
        version,
        dataLength: call.data!.length,
      };
      stats.set(value[row]!, stat);
      const txn = { kind: 'setData', path, data: call.data, version } as const;
      records.push({ type: 'commit', atUs, zxid: z, session: own, cxid: 0, time: z, op: 5, txn });
    }
    const body = bodyOf(call, value[row]!, stats, epoch);
    records.push({ type: 'ok', client, id: row, atUs, session: own, err: 0, zxid: z, body });
  }
  return records;
}

/** A register begins without data. */
const bytes = (value: number): Uint8Array | null => (value === 0 ? null : utf8Encode(`v${value}`));

function bodyOf(call: Call, value: number, stats: ReadonlyMap<number, typeof STAT>, epoch: number): CallBody {
  if (call.kind === 'sync') return { kind: 'sync', path: call.path };
  const first = { ...STAT, czxid: epoch + 1, mzxid: epoch + 1, pzxid: epoch + 1 };
  const stat = (stats.get(value) ?? first) as unknown as Stat;
  return call.kind === 'setData' ? { kind: 'setData', stat } : { kind: 'getData', data: bytes(value), stat };
}
