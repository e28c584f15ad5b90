/**
 * A picture made ready for one axis. The model tells when everything happened and as which event; here every mark gets its
 * place on the horizontal axis, which is either virtual time or the order of causes (the length of the longest chain of
 * events that leads to it), and the lists are cut so that a frame only touches what it shows: messages by group, disk
 * operations with the odd ones apart, counts in pyramids of bins.
 *
 * Positions are in units of the axis: microseconds, or steps.
 */

import {
  type Band,
  CLIENT_BASE,
  type CutSpan,
  type Election,
  type FaultSpan,
  type HostId,
  type HostMark,
  MESSAGE_GROUPS,
  type MessageColumns,
  type Picture,
  type SessionBand,
  type ZxidColumns,
} from '../model/api.ts';
import { Intervals } from './intervals.ts';
import { packRows } from './layout.ts';
import type { Range } from './scale.ts';
import { lowerBound, upperBound } from './search.ts';

/** Where an event, or else a time on a host, stands. */
export interface Axis {
  readonly kind: 'time' | 'order';
  readonly whole: Range;
  /** `index` 0 means that only the time is known. */
  place(index: number, timeUs: number, host: HostId): number;
  /** The time that belongs to a place: the latest of the events there. */
  timeAt(place: number): number;
}

export interface Placed<T> {
  readonly from: number;
  readonly to: number;
  readonly what: T;
}

export interface ServerScene {
  readonly host: HostId;
  readonly bands: readonly Placed<Band>[];
  readonly zxid: ZxidScene;
  readonly disk: DiskScene;
  readonly clock: readonly { readonly at: number; readonly skewUs: number }[];
  readonly marks: readonly Placed<HostMark>[];
  readonly traffic: Traffic;
}

export interface ZxidScene {
  readonly at: Float64Array;
  readonly logged: Float64Array;
  readonly synced: Float64Array;
  readonly committed: Float64Array;
  readonly applied: Float64Array;
}

export interface DiskScene {
  readonly spans: Intervals;
  /** Rows of `DiskColumns`, in the order of `spans`. */
  readonly rows: Uint32Array;
  /** Positions in `spans` of what stalled, failed or was never answered. */
  readonly odd: Uint32Array;
}

export interface ClientScene {
  readonly host: HostId;
  readonly operations: Intervals;
  readonly rows: Uint32Array;
  /** Which line of the lane each is drawn on, and how many there are. */
  readonly line: Uint8Array;
  readonly lines: number;
  readonly sessions: readonly Placed<SessionBand>[];
  readonly watches: Float64Array;
  readonly marks: readonly Placed<HostMark>[];
}

export interface GroupScene {
  readonly spans: Intervals;
  /** Rows of `MessageColumns`, in the order of `spans`. */
  readonly rows: Uint32Array;
}

export interface Scene {
  readonly picture: Picture;
  readonly axis: Axis;
  readonly servers: ReadonlyMap<HostId, ServerScene>;
  readonly clients: ReadonlyMap<HostId, ClientScene>;
  /** In the order of `MESSAGE_GROUPS`. */
  readonly groups: readonly GroupScene[];
  readonly faults: readonly Placed<FaultSpan>[];
  readonly faultLines: readonly number[];
  /** Where the next fault on the same line begins: how far the name of one may reach. */
  readonly faultRooms: readonly number[];
  readonly cuts: readonly Placed<CutSpan>[];
  readonly elections: readonly Placed<Election>[];
  /** Events of each host: indexes, and where they stand; both increase. */
  readonly events: ReadonlyMap<HostId, { readonly index: Uint32Array; readonly at: Float64Array }>;
}

export const timeAxis = (whole: Range): Axis => ({
  kind: 'time',
  whole,
  place: (_, timeUs) => timeUs,
  timeAt: (place) => place,
});

/** The order of causes. What has a time but no event stands where the host's events had come to by then. */
export function orderAxis(picture: Picture, rank: Uint32Array): Axis {
  const { events } = picture;
  const byHost = eventsByHost(picture, { kind: 'order', place: (index) => rank[index] ?? 0 });
  let max = 1;
  for (const value of rank) if (value > max) max = value;
  /** Latest time of the events at each rank, made to increase. */
  const times = new Float64Array(max + 2);
  for (let index = 1; index <= events.count; index++) {
    const at = rank[index]!;
    if (events.timeUs[index - 1]! > times[at]!) times[at] = events.timeUs[index - 1]!;
  }
  for (let i = 1; i < times.length; i++) times[i] = Math.max(times[i]!, times[i - 1]!);
  const ofTime = (timeUs: number, host: HostId): number => {
    const own = byHost.get(host);
    if (own === undefined || own.index.length === 0) return Math.min(max, lowerBound(times, timeUs));
    const position = upperBound(own.timeUs, timeUs) - 1;
    return position < 0 ? 0 : own.at[position]!;
  };
  return {
    kind: 'order',
    whole: { from: 0, to: max + 1 },
    place: (index, timeUs, host) => (index > 0 && index < rank.length ? rank[index]! : ofTime(timeUs, host)),
    timeAt: (place) => times[Math.min(max, Math.max(0, Math.round(place)))] ?? 0,
  };
}

interface HostEvents {
  readonly index: Uint32Array;
  readonly at: Float64Array;
  readonly timeUs: Float64Array;
}

function eventsByHost(picture: Picture, axis: Pick<Axis, 'kind' | 'place'>): Map<HostId, HostEvents> {
  const { count, host, timeUs } = picture.events;
  const counts = new Uint32Array(HOSTS_MAX);
  for (let p = 0; p < count; p++) counts[host[p]!]!++;
  const own: (HostEvents | undefined)[] = [];
  const made = new Map<HostId, HostEvents>();
  for (let id = 0; id < HOSTS_MAX; id++) {
    const size = counts[id]!;
    if (size === 0) continue;
    const times = new Float64Array(size);
    // On the axis of time the place is the time.
    const at = axis.kind === 'time' ? times : new Float64Array(size);
    own[id] = { index: new Uint32Array(size), at, timeUs: times };
    made.set(id, own[id]!);
  }
  const next = new Uint32Array(HOSTS_MAX);
  for (let p = 0; p < count; p++) {
    const id = host[p]!;
    const at = next[id]!++;
    const mine = own[id]!;
    mine.index[at] = p + 1;
    mine.timeUs[at] = timeUs[p]!;
    if (axis.kind !== 'time') mine.at[at] = axis.place(p + 1, timeUs[p]!, id);
  }
  return made;
}

/** Hosts are numbers of 16 bits. */
const HOSTS_MAX = 0x1_0000;

export function sceneOf(picture: Picture, axis: Axis): Scene {
  const ordinal = ordinalOf(picture.servers.map(({ zxids }) => zxids));
  const { place } = axis;
  const groups = groupScenes(picture.messages, axis);
  const traffic = trafficOf(picture, axis);
  const faults = picture.faults
    .map((what) => ({
      from: place(what.beginIndex, what.beginUs, what.hosts[0] ?? 0),
      to: place(what.endUs === what.beginUs ? what.beginIndex : 0, what.endUs, what.hosts[0] ?? 0),
      what,
    }))
    .map((fault) => ({ ...fault, to: Math.max(fault.from, fault.to) }))
    .sort((a, b) => a.from - b.from);
  const faultLines = packRows(faults, FAULT_LINES_MAX);
  return {
    picture,
    axis,
    servers: new Map(
      picture.servers.map((lane) => {
        const { host } = lane;
        const bands = lane.bands.map((what, i) => {
          const next = lane.bands[i + 1];
          const from = place(what.beginIndex, what.beginUs, host);
          const to = next === undefined ? place(0, what.endUs, host) : place(next.beginIndex, next.beginUs, host);
          return { from, to: Math.max(from, to), what };
        });
        const scene: ServerScene = {
          host,
          bands,
          zxid: zxidScene(lane.zxids, axis, host, ordinal),
          disk: diskScene(lane.disk, axis, host),
          clock: clockScene(lane.clock, axis, host),
          marks: placeMarks(lane.marks, axis, host),
          traffic: traffic.get(host)!,
        };
        return [host, scene];
      }),
    ),
    clients: new Map(
      picture.clients.map((lane) => {
        const { host, operations, watches } = lane;
        const spans = spansOf(
          placesOf(axis, operations.beginIndex, operations.beginUs, host),
          placesOf(axis, operations.endIndex, operations.endUs, host),
        );
        const line = packRows(
          Array.from(spans.spans.begin, (from, i) => {
            const to = spans.spans.end[i]!;
            return { from, to: Number.isNaN(to) ? from : to };
          }),
          LINES_MAX,
        );
        const scene: ClientScene = {
          host,
          operations: spans.spans,
          rows: spans.rows,
          line: Uint8Array.from(line),
          lines: line.reduce((most, row) => Math.max(most, row + 1), 1),
          sessions: lane.sessions.map((what) => ({
            from: place(what.beginIndex, what.beginUs, host),
            to: place(0, what.endUs, host),
            what,
          })),
          watches: Float64Array.from({ length: watches.count }, (_, i) =>
            place(watches.index[i]!, watches.timeUs[i]!, host),
          ),
          marks: placeMarks(lane.marks, axis, host),
        };
        return [host, scene];
      }),
    ),
    groups,
    faults,
    faultLines,
    faultRooms: roomsOf(faults, faultLines),
    cuts: picture.cuts.map((what) => ({
      from: place(0, what.beginUs, what.to),
      to: place(0, what.endUs, what.to),
      what,
    })),
    elections: picture.elections.map((what) => ({
      from: place(what.beginIndex, what.beginUs, 0),
      to: place(what.endIndex, what.endUs, 0),
      what,
    })),
    events: eventsByHost(picture, axis),
  };
}

function roomsOf(faults: readonly Placed<FaultSpan>[], lines: readonly number[]): number[] {
  const rooms = new Array<number>(faults.length).fill(Number.POSITIVE_INFINITY);
  const next: number[] = [];
  for (let i = faults.length - 1; i >= 0; i--) {
    const line = lines[i]!;
    rooms[i] = next[line] ?? Number.POSITIVE_INFINITY;
    next[line] = faults[i]!.from;
  }
  return rooms;
}

/** Operations of one client drawn under each other. */
const LINES_MAX = 4;
export const FAULT_LINES_MAX = 3;

function placeMarks(marks: readonly HostMark[], axis: Axis, host: HostId): Placed<HostMark>[] {
  return marks.map((what) => {
    const at = axis.place(what.index, what.timeUs, host);
    return { from: at, to: at, what };
  });
}

/** Where these events of a host stand; what has no time has no place. */
function placesOf(axis: Axis, index: Uint32Array, timeUs: Float64Array, host: HostId): Float64Array {
  if (axis.kind === 'time') return timeUs;
  const places = new Float64Array(timeUs.length);
  for (let row = 0; row < places.length; row++) {
    const time = timeUs[row]!;
    places[row] = Number.isNaN(time) ? Number.NaN : axis.place(index[row]!, time, host);
  }
  return places;
}

/** Spans in the order of their begin, whatever the axis made of it; of all rows, or of those that are chosen. */
function spansOf(
  begins: Float64Array,
  ends: Float64Array,
  chosen?: Uint32Array,
): { readonly spans: Intervals; readonly rows: Uint32Array } {
  const rows = chosen ?? countedUp(begins.length);
  const begin = chosen === undefined ? begins : gathered(begins, rows);
  if (isSorted(begin)) return { spans: new Intervals(begin, chosen === undefined ? ends : gathered(ends, rows)), rows };
  const sorted = rows.slice().sort((a, b) => begins[a]! - begins[b]! || a - b);
  return { spans: new Intervals(gathered(begins, sorted), gathered(ends, sorted)), rows: sorted };
}

function isSorted(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}

function countedUp(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
}

function gathered(values: Float64Array, rows: Uint32Array): Float64Array {
  const found = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) found[i] = values[rows[i]!]!;
  return found;
}

function groupScenes(messages: MessageColumns, axis: Axis): GroupScene[] {
  const counts = new Uint32Array(MESSAGE_GROUPS.length);
  for (let row = 0; row < messages.count; row++) counts[messages.group[row]!]!++;
  const rowsOf = MESSAGE_GROUPS.map((_, group) => new Uint32Array(counts[group]!));
  const next = new Uint32Array(MESSAGE_GROUPS.length);
  for (let row = 0; row < messages.count; row++) {
    const group = messages.group[row]!;
    rowsOf[group]![next[group]!++] = row;
  }
  const [begin, end] = [messageBegins(messages, axis), messageEnds(messages, axis)];
  return rowsOf.map((rows) => spansOf(begin, end, rows));
}

function messageBegins({ count, sentUs, sentIndex, from }: MessageColumns, axis: Axis): Float64Array {
  if (axis.kind === 'time') return sentUs;
  const places = new Float64Array(count);
  for (let row = 0; row < count; row++) places[row] = axis.place(sentIndex[row]!, sentUs[row]!, from[row]!);
  return places;
}

/** Where arrows end; for a lost one where that was certain, and nowhere for what is still on its way. */
function messageEnds({ count, arrivedUs, arrivedIndex, lostUs, to }: MessageColumns, axis: Axis): Float64Array {
  const places = new Float64Array(count);
  const isTime = axis.kind === 'time';
  for (let row = 0; row < count; row++) {
    const arrived = arrivedUs[row]!;
    const isLost = Number.isNaN(arrived);
    const time = isLost ? lostUs[row]! : arrived;
    places[row] = isTime || Number.isNaN(time) ? time : axis.place(isLost ? 0 : arrivedIndex[row]!, time, to[row]!);
  }
  return places;
}

function diskScene(disk: Picture['servers'][number]['disk'], axis: Axis, host: HostId): DiskScene {
  const { spans, rows } = spansOf(
    placesOf(axis, disk.beginIndex, disk.beginUs, host),
    placesOf(axis, disk.endIndex, disk.endUs, host),
  );
  const odd: number[] = [];
  for (let i = 0; i < rows.length; i++) if (disk.fate[rows[i]!] !== 0) odd.push(i);
  return { spans, rows, odd: Uint32Array.from(odd) };
}

/** Only where the skew changes by a millisecond or more: the ruler between two samples is straight. */
function clockScene(clock: Picture['servers'][number]['clock'], axis: Axis, host: HostId): ServerScene['clock'] {
  const found: { at: number; skewUs: number }[] = [];
  for (let i = 0; i < clock.count; i++) {
    const skewUs = clock.wallSkewMs[i]! * 1000;
    if (Number.isNaN(skewUs)) continue;
    const last = found.at(-1);
    if (last !== undefined && Math.abs(last.skewUs - skewUs) < 1000) continue;
    found.push({ at: axis.place(0, clock.timeUs[i]!, host), skewUs });
  }
  return found;
}

const EPOCH = 2 ** 32;

/** Zxids as one running count: epochs follow each other without the four thousand million that nobody used. */
export function ordinalOf(lanes: readonly ZxidColumns[]): (zxid: number) => number {
  const counterMax = new Map<number, number>();
  for (const { count, logged } of lanes) {
    for (let i = 0; i < count; i++) {
      const zxid = logged[i]!;
      if (Number.isNaN(zxid)) continue;
      const epoch = Math.floor(zxid / EPOCH);
      const counter = zxid - epoch * EPOCH;
      if (counter > (counterMax.get(epoch) ?? -1)) counterMax.set(epoch, counter);
    }
  }
  const offsets = new Map<number, number>();
  let offset = 0;
  for (const epoch of [...counterMax.keys()].sort((a, b) => a - b)) {
    offsets.set(epoch, offset);
    offset += counterMax.get(epoch)! + 1;
  }
  // Neighbouring zxids are of one epoch.
  let lastEpoch = -1;
  let lastOffset = 0;
  return (zxid) => {
    const epoch = Math.floor(zxid / EPOCH);
    if (epoch !== lastEpoch) [lastEpoch, lastOffset] = [epoch, offsets.get(epoch) ?? 0];
    return lastOffset + (zxid - epoch * EPOCH);
  };
}

function zxidScene(columns: ZxidColumns, axis: Axis, host: HostId, ordinal: (zxid: number) => number): ZxidScene {
  const map = (values: Float64Array): Float64Array => {
    const made = new Float64Array(columns.count);
    for (let i = 0; i < columns.count; i++) made[i] = Number.isNaN(values[i]!) ? Number.NaN : ordinal(values[i]!);
    return made;
  };
  return {
    at: placesOf(axis, columns.index, columns.timeUs, host),
    logged: map(columns.logged),
    synced: map(columns.synced),
    committed: map(columns.committed),
    applied: map(columns.applied),
  };
}

// --- traffic ---------------------------------------------------------------------------------------------------------

/** Messages that a server sent, by group, in bins of the whole; each level of bins has half as many. */
export interface Traffic {
  readonly bins: number;
  /** `levels[l][group * (bins >> l) + bin]`. */
  readonly levels: readonly Uint32Array[];
}

const TRAFFIC_BINS = 8192;
const TRAFFIC_LEVELS = 8;
const GROUPS = MESSAGE_GROUPS.length;

function trafficOf(picture: Picture, axis: Axis): Map<HostId, Traffic> {
  const { from, to } = axis.whole;
  const finest = new Map(picture.servers.map(({ host }) => [host, new Uint32Array(GROUPS * TRAFFIC_BINS)]));
  const { messages } = picture;
  const begins = messageBegins(messages, axis);
  const byHost: (Uint32Array | undefined)[] = [];
  for (const [host, counts] of finest) byHost[host] = counts;
  const perUnit = TRAFFIC_BINS / Math.max(1, to - from);
  for (let row = 0; row < messages.count; row++) {
    const counts = byHost[messages.from[row]!];
    if (counts === undefined) continue;
    const at = begins[row]!;
    const bin = Math.min(TRAFFIC_BINS - 1, Math.max(0, Math.floor((at - from) * perUnit)));
    counts[messages.group[row]! * TRAFFIC_BINS + bin]!++;
  }
  return new Map([...finest].map(([host, counts]) => [host, { bins: TRAFFIC_BINS, levels: halved(counts) }]));
}

function halved(finest: Uint32Array): Uint32Array[] {
  const levels = [finest];
  for (let level = 1; level < TRAFFIC_LEVELS; level++) {
    const below = levels[level - 1]!;
    const next = new Uint32Array(below.length / 2);
    for (let i = 0; i < next.length; i++) next[i] = below[2 * i]! + below[2 * i + 1]!;
    levels.push(next);
  }
  return levels;
}

/** The level whose bins are nearest to `pixels` wide when `[from, to]` is `width` pixels; -1: even the finest is too coarse. */
export function trafficLevel(whole: Range, shown: Range, width: number, pixels: number): number {
  const binUnits = (whole.to - whole.from) / TRAFFIC_BINS;
  const binPixels = (binUnits / (shown.to - shown.from)) * width;
  if (binPixels > pixels * 4) return -1;
  const level = Math.max(0, Math.round(Math.log2(pixels / binPixels)));
  return Math.min(TRAFFIC_LEVELS - 1, level);
}

// --- choices of detail -----------------------------------------------------------------------------------------------

/** How strongly arrows of a group are drawn: 1 all of them, 0 none (the traffic row shows how many there are). */
export function arrowStrength(count: number, width: number, isRare: boolean): number {
  const perPixel = count / Math.max(1, width);
  const [full, none] = isRare ? [0.8, 3] : [0.12, 0.45];
  if (perPixel <= full) return 1;
  if (perPixel >= none) return 0;
  return 1 - (perPixel - full) / (none - full);
}

export const isServer = (host: HostId): boolean => host > 0 && host < CLIENT_BASE;

/** The event of a host next to an event of anybody, in the order of the run; 0 when there is none. */
export function neighbourOf(scene: Scene, host: HostId, index: number, direction: -1 | 1): number {
  const own = scene.events.get(host)?.index;
  if (own === undefined) return 0;
  const position = direction > 0 ? upperBound(own, index) : lowerBound(own, index) - 1;
  return own[position] ?? 0;
}

/** Index of the first of these that is not over before `from`; they follow each other. */
export function firstShown(spans: readonly { readonly to: number }[], from: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]!.to < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
