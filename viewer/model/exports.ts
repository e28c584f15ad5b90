/**
 * A trace for other tools: Chrome trace events (Perfetto, chrome://tracing) and the log of ShiViz.
 *
 * Perfetto shows processes and threads; a host becomes a process, and what it is, asks its disk for and is asked for
 * become threads of it. ShiViz shows vector clocks; every event that sends, receives or notes something becomes a line.
 */

import {
  CLIENT_BASE,
  DISK_ACTIONS,
  EVENT_KINDS,
  type HostId,
  MESSAGE_FATES,
  OPERATION_RESULTS,
  type TimeRange,
} from './api.ts';
import type { Describer } from './describe.ts';
import { cutSpans, faultSpans } from './faults.ts';
import { serverLane, sessionsOf } from './lanes.ts';
import type { Store } from './store.ts';
import { hostName, showZxid } from './words.ts';

// --- Chrome trace events ---------------------------------------------------------------------------------------------

const THREAD = { state: 1, phase: 2, disk: 3, events: 4, operations: 5, session: 6, faults: 7 } as const;
/** Beyond this, single events and arrows are left out: the tools would not show them anyway. */
const EVENTS_MAX = 300_000;

export function chromeTrace(store: Store, describer: Describer, range: TimeRange | null): string {
  const { fromUs, toUs } = range ?? { fromUs: 0, toUs: store.endUs };
  const lines: string[] = [];
  const put = (event: object): void => {
    lines.push(JSON.stringify(event));
  };
  const within = (beginUs: number, endUs: number): boolean => endUs >= fromUs && beginUs <= toUs;
  const span = (pid: HostId, tid: number, name: string, beginUs: number, endUs: number, args: object = {}): void => {
    if (!within(beginUs, endUs)) return;
    put({ ph: 'X', pid, tid, name, ts: beginUs, dur: Math.max(0, endUs - beginUs), args });
  };
  const { servers, clients } = store.hosts();
  for (const host of [0, ...servers, ...clients]) {
    put({ ph: 'M', pid: host, name: 'process_name', args: { name: hostName(host) } });
    put({ ph: 'M', pid: host, name: 'process_sort_index', args: { sort_index: host } });
    for (const [name, tid] of Object.entries(THREAD))
      put({ ph: 'M', pid: host, tid, name: 'thread_name', args: { name } });
  }
  for (const host of servers) putServer(store, host, span, put, within);
  for (const host of clients) putClient(store, host, span, put, within);
  for (const { beginUs, endUs, text, op, hosts } of faultSpans(store))
    span(0, THREAD.faults, text, beginUs, endUs, { op, hosts });
  for (const { beginUs, endUs, from, to, channel } of cutSpans(store))
    span(0, THREAD.faults + 1, `${hostName(from)} to ${hostName(to)} is cut`, beginUs, endUs, { channel });
  putEvents(store, describer, { fromUs, toUs }, put);
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
}

type Span = (pid: HostId, tid: number, name: string, beginUs: number, endUs: number, args?: object) => void;
type Put = (event: object) => void;
type Within = (beginUs: number, endUs: number) => boolean;

function putServer(store: Store, host: HostId, span: Span, put: Put, within: Within): void {
  const { bands, zxids, disk, marks } = serverLane(store, host);
  for (const { beginUs, endUs, state, phase, epoch, leader, sync, detail } of bands) {
    span(host, THREAD.state, epoch === 0 ? state : `${state} ${epoch}`, beginUs, endUs, { epoch, leader, detail });
    if (phase !== 'election')
      span(host, THREAD.phase, sync === null ? phase : `${phase} (${sync})`, beginUs, endUs, { detail });
  }
  for (let i = 0; i < zxids.count; i++) {
    const ts = zxids.timeUs[i]!;
    if (!within(ts, ts)) continue;
    // How far behind its log each of them is: absolute zxids leap with every epoch.
    const logged = zxids.logged[i]!;
    const behind = (zxid: number): number =>
      Math.floor(zxid / 2 ** 32) === Math.floor(logged / 2 ** 32) ? logged - zxid : 0;
    put({
      ph: 'C',
      pid: host,
      name: 'behind its log',
      ts,
      args: {
        synced: behind(zxids.synced[i]!),
        committed: behind(zxids.committed[i]!),
        applied: behind(zxids.applied[i]!),
      },
    });
  }
  for (let i = 0; i < disk.count; i++) {
    const endUs = disk.endUs[i]!;
    if (Number.isNaN(endUs)) continue;
    // Operations of different lanes overlap, which slices of one thread must not.
    const id = `disk${host}.${i}`;
    const name = DISK_ACTIONS[disk.action[i]!]!;
    if (!within(disk.beginUs[i]!, endUs)) continue;
    put({
      ph: 'b',
      cat: 'disk',
      id,
      pid: host,
      tid: THREAD.disk,
      name,
      ts: disk.beginUs[i],
      args: { bytes: disk.bytes[i] },
    });
    put({ ph: 'e', cat: 'disk', id, pid: host, tid: THREAD.disk, name, ts: endUs });
  }
  for (const { timeUs, text } of marks)
    if (within(timeUs, timeUs)) put({ ph: 'i', s: 'p', pid: host, tid: THREAD.state, name: text, ts: timeUs });
}

function putClient(store: Store, host: HostId, span: Span, put: Put, within: Within): void {
  for (const { beginUs, endUs, state, session, server } of sessionsOf(store, host))
    span(host, THREAD.session, state, beginUs, endUs, { session, server });
  const rows = store.operations.get(host);
  if (rows === undefined) return;
  const { list } = store.names;
  for (let row = 0; row < rows.id.length; row++) {
    const beginUs = rows.beginUs.get(row);
    const endUs = rows.endUs.get(row);
    if (!within(beginUs, Number.isNaN(endUs) ? beginUs : endUs)) continue;
    const name = `${list[rows.name.get(row)]} ${list[rows.path.get(row)]}`.trim();
    const common = { cat: 'operation', id: `${host}.${row}`, pid: host, tid: THREAD.operations, name };
    put({
      ph: 'b',
      ...common,
      ts: beginUs,
      args: { result: OPERATION_RESULTS[rows.result.get(row)], zxid: showZxid(rows.zxid.get(row)) },
    });
    if (!Number.isNaN(endUs)) put({ ph: 'e', ...common, ts: endUs });
  }
}

/** Each event as a short slice, each message as an arrow between two of them. */
function putEvents(store: Store, describer: Describer, { fromUs, toUs }: TimeRange, put: Put): void {
  const { events, messages, names } = store;
  const isIn = (us: number): boolean => us >= fromUs && us <= toUs;
  let count = 0;
  for (let row = 0; row < store.count; row++) if (isIn(events.timeUs.get(row))) count += 1;
  if (count > EVENTS_MAX) return;
  for (let row = 0; row < store.count; row++) {
    const ts = events.timeUs.get(row);
    if (!isIn(ts)) continue;
    const args = { event: row + 1, text: describer.sentence(row + 1) };
    put({
      ph: 'X',
      pid: events.host.get(row),
      tid: THREAD.events,
      name: EVENT_KINDS[events.kind.get(row)],
      ts,
      dur: 1,
      args,
    });
  }
  for (let row = 0; row < messages.uid.length; row++) {
    const sentUs = messages.sentUs.get(row);
    const arrivedUs = messages.arrivedUs.get(row);
    if (Number.isNaN(arrivedUs) || !isIn(sentUs) || !isIn(arrivedUs)) continue;
    const common = { cat: 'message', id: row, name: names.list[messages.name.get(row)], tid: THREAD.events };
    const args = { zxid: showZxid(messages.zxid.get(row)), fate: MESSAGE_FATES[messages.fate.get(row)] };
    put({ ph: 's', ...common, pid: messages.from.get(row), ts: sentUs, args });
    put({ ph: 'f', bp: 'e', ...common, pid: messages.to.get(row), ts: arrivedUs });
  }
}

// --- ShiViz ----------------------------------------------------------------------------------------------------------

/** What ShiViz is told to read: the event on one line, its host and vector clock on the next. */
export const SHIVIZ_PARSER = '(?<event>.*)\\n(?<host>\\S*) (?<clock>{.*})';

export function shivizLog(store: Store, describer: Describer, range: TimeRange | null): string {
  const { fromUs, toUs } = range ?? { fromUs: 0, toUs: store.endUs };
  const lines = [SHIVIZ_PARSER, ''];
  const clocks = new Map<HostId, Map<HostId, number>>();
  /** The clock of the event that sent something, for when it arrives. */
  const sent = new Map<number, ReadonlyMap<HostId, number>>();
  for (let index = 1; index <= store.count; index++) {
    const timeUs = store.events.timeUs.get(index - 1);
    const host = store.events.host.get(index - 1);
    if (timeUs < fromUs || timeUs > toUs || host === 0) continue;
    const sends = describer.sent(index);
    const reads = describer.received(index);
    if (sends.length === 0 && reads.length === 0 && describer.notesOf(index) === null) continue;
    const clock = clocks.get(host) ?? new Map<HostId, number>();
    clocks.set(host, clock);
    for (const row of reads) {
      // What was sent before the range is not known here.
      for (const [other, ticks] of sent.get(store.messages.sentIndex.get(row)) ?? []) {
        if (ticks > (clock.get(other) ?? 0)) clock.set(other, ticks);
      }
    }
    clock.set(host, (clock.get(host) ?? 0) + 1);
    if (sends.length > 0) sent.set(index, new Map(clock));
    const text = [...clock].map(([other, ticks]) => `"${shivizName(other)}":${ticks}`).join(', ');
    lines.push(`${(timeUs / 1_000_000).toFixed(6)} ${describer.sentence(index)}`, `${shivizName(host)} {${text}}`);
  }
  return `${lines.join('\n')}\n`;
}

const shivizName = (host: HostId): string => (host >= CLIENT_BASE ? `client${host - CLIENT_BASE}` : `server${host}`);
