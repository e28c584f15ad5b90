/**
 * Where things stand, in CSS pixels: which lane is how high and what lies where in it. Pure: the same hosts and the same
 * size give the same layout, whatever is zoomed to, so nothing jumps while one looks.
 */

export interface LaneHost {
  readonly host: number;
  readonly kind: 'server' | 'client';
}

export interface Lane {
  readonly host: number;
  readonly kind: 'server' | 'client';
  readonly top: number;
  readonly height: number;
  /** Rows inside, from the top of the picture. A client has only `band`. */
  readonly band: Row;
  readonly zxid: Row;
  readonly disk: Row;
  readonly traffic: Row;
}

export interface Row {
  readonly top: number;
  readonly height: number;
}

export interface Layout {
  readonly lanes: readonly Lane[];
  readonly byHost: ReadonlyMap<number, Lane>;
  /** Labels of the axis, then the elections, then what the schedule does; the lanes follow. */
  readonly axis: Row;
  readonly elections: Row;
  readonly faults: Row;
  readonly faultLine: number;
  /** Shares of futures that fail; without height until somebody counted. */
  readonly futures: Row;
  /** Width of the names of lanes, left of the picture. */
  readonly gutter: number;
  /** Height of everything; more than the window's means that it scrolls. */
  readonly height: number;
}

const SERVER_MIN = 58;
const SERVER_MAX = 168;
const CLIENT_MIN = 24;
const CLIENT_MAX = 64;
const NONE: Row = { top: 0, height: 0 };

/** `unit` is the root font size: everything grows with it. */
export function layoutOf(
  hosts: readonly LaneHost[],
  height: number,
  unit: number,
  faultLines = 0,
  hasFutures = false,
): Layout {
  const scale = unit / 12.5;
  const axis: Row = { top: 0, height: Math.round(20 * scale) };
  const elections: Row = { top: axis.height, height: Math.round(17 * scale) };
  const faultLine = Math.round(15 * scale);
  const faults: Row = { top: elections.top + elections.height + 2, height: faultLines * faultLine };
  const futures: Row = { top: faults.top + faults.height, height: hasFutures ? Math.round(46 * scale) : 0 };
  const head = futures.top + futures.height + Math.round(4 * scale);
  const servers = hosts.filter(({ kind }) => kind === 'server').length;
  const clients = hosts.length - servers;
  const least = servers * SERVER_MIN + clients * CLIENT_MIN;
  const stretch = least === 0 ? 1 : Math.max(1, (height - head - 12) / scale / least);
  const server = Math.floor(Math.min(SERVER_MAX, SERVER_MIN * stretch) * scale);
  const client = Math.floor(Math.min(CLIENT_MAX, CLIENT_MIN * stretch) * scale);
  const lanes: Lane[] = [];
  let top = head;
  for (const { host, kind } of hosts) {
    lanes.push(kind === 'server' ? serverLane(host, top, server) : clientLane(host, top, client));
    top += kind === 'server' ? server : client;
  }
  return {
    lanes,
    byHost: new Map(lanes.map((lane) => [lane.host, lane])),
    axis,
    elections,
    faults,
    faultLine,
    futures,
    gutter: Math.round(116 * scale),
    height: top + 8,
  };
}

function serverLane(host: number, top: number, height: number): Lane {
  const part = (from: number, to: number): Row => {
    const [a, b] = [Math.round(top + from * height), Math.round(top + to * height)];
    return { top: a, height: b - a };
  };
  return {
    host,
    kind: 'server',
    top,
    height,
    band: part(0.1, 0.42),
    zxid: part(0.48, 0.74),
    disk: part(0.78, 0.86),
    traffic: part(0.88, 0.98),
  };
}

function clientLane(host: number, top: number, height: number): Lane {
  const inset = Math.max(2, Math.round(height * 0.14));
  return {
    host,
    kind: 'client',
    top,
    height,
    band: { top: top + inset, height: height - 2 * inset },
    zxid: NONE,
    disk: NONE,
    traffic: NONE,
  };
}

/** The lane at this height of the picture, or null between and beyond them. */
export function laneAt(layout: Layout, y: number): Lane | null {
  return layout.lanes.find(({ top, height }) => y >= top && y < top + height) ?? null;
}

/** Where a message leaves or reaches a lane: the middle of its band. */
export const anchorOf = ({ band }: Lane): number => band.top + band.height / 2;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Puts spans that overlap under each other in as few rows as possible: each goes to the first row that is free again.
 * `from` must not decrease. Gives the row of each.
 */
export function packRows(spans: readonly Span[], rowsMax: number): number[] {
  const ends: number[] = [];
  return spans.map(({ from, to }) => {
    const free = ends.findIndex((end) => end <= from);
    const row = free >= 0 ? free : ends.length < rowsMax ? ends.length : rowsMax - 1;
    ends[row] = Math.max(ends[row] ?? 0, to);
    return row;
  });
}
