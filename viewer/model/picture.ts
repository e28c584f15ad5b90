/** The picture: copies of the store's rows and what is made from them. */

import {
  CLIENT_BASE,
  type DialColumns,
  type Election,
  type EventColumns,
  type MessageColumns,
  type Picture,
  type StoryItem,
  type ViolationMark,
} from './api.ts';
import { cutSpans, faultSpans } from './faults.ts';
import { clientLane, commitsOf, median, SAMPLE_MAX, serverLane } from './lanes.ts';
import { FATE_STALLED, type Store } from './store.ts';

export interface Findings {
  readonly elections: readonly Election[];
  readonly story: readonly StoryItem[];
  readonly violations: readonly ViolationMark[];
}

export function pictureOf(
  store: Store,
  state: { readonly revision: number; readonly complete: boolean },
  found: Findings,
): Picture {
  const { servers, clients } = store.hosts();
  const hosts = [...servers, ...clients];
  const commits = commitsOf(store);
  return {
    ...state,
    elections: found.elections,
    story: found.story,
    violations: found.violations,
    beginUs: 0,
    endUs: store.endUs,
    lanes: hosts.map((host) => ({
      host,
      kind: host >= CLIENT_BASE ? ('client' as const) : ('server' as const),
      name: host >= CLIENT_BASE ? `client ${host - CLIENT_BASE}` : `server ${host}`,
    })),
    names: [...store.names.list],
    servers: servers.map((host) => serverLane(store, host)),
    clients: clients.map((host) => clientLane(store, host, commits)),
    messages: messagesOf(store),
    dials: dialsOf(store),
    faults: faultSpans(store),
    cuts: cutSpans(store),
    events: eventsOf(store),
  };
}

function eventsOf(store: Store): EventColumns {
  const { timeUs, host, kind, cause } = store.events;
  return {
    count: store.count,
    timeUs: timeUs.trimmed(),
    host: host.trimmed(),
    kind: kind.trimmed(),
    cause: cause.trimmed(),
  };
}

function messagesOf(store: Store): MessageColumns {
  const { messages } = store;
  const columns = {
    count: messages.uid.length,
    sentUs: messages.sentUs.trimmed(),
    arrivedUs: messages.arrivedUs.trimmed(),
    lostUs: messages.lostUs.trimmed(),
    sentIndex: messages.sentIndex.trimmed(),
    arrivedIndex: messages.arrivedIndex.trimmed(),
    from: messages.from.trimmed(),
    to: messages.to.trimmed(),
    name: messages.name.trimmed(),
    group: messages.group.trimmed(),
    fate: messages.fate.trimmed(),
    zxid: messages.zxid.trimmed(),
  };
  markStalled(columns);
  return columns;
}

/** A message stalls when it takes so many times what most on its link take, and at least so long. */
const STALL_RATIO = 5;
const STALL_US_MIN = 100_000;

function markStalled({ count, sentUs, arrivedUs, from, to, fate }: MessageColumns): void {
  const samples = new Map<number, number[]>();
  const full = new Set<number>();
  let lastKey = -1;
  let sample: number[] | null = null;
  for (let i = 0; i < count; i++) {
    if (fate[i] !== 0) continue;
    const key = from[i]! * 0x1_0000 + to[i]!;
    if (key !== lastKey) {
      lastKey = key;
      sample = full.has(key) ? null : (samples.get(key) ?? []);
      if (sample !== null) samples.set(key, sample);
    }
    if (sample === null) continue;
    sample.push(arrivedUs[i]! - sentUs[i]!);
    if (sample.length < SAMPLE_MAX) continue;
    full.add(key);
    sample = null;
  }
  const limits = new Map(
    [...samples].map(([key, sample]) => [key, Math.max(STALL_US_MIN, median(sample) * STALL_RATIO)]),
  );
  for (let i = 0; i < count; i++) {
    if (fate[i] !== 0 || arrivedUs[i]! - sentUs[i]! <= STALL_US_MIN) continue;
    if (arrivedUs[i]! - sentUs[i]! > limits.get(from[i]! * 0x1_0000 + to[i]!)!) fate[i] = FATE_STALLED;
  }
}

function dialsOf(store: Store): DialColumns {
  const { dials } = store;
  return {
    count: dials.uid.length,
    beginUs: dials.beginUs.trimmed(),
    endUs: dials.endUs.trimmed(),
    beginIndex: dials.beginIndex.trimmed(),
    from: dials.from.trimmed(),
    to: dials.to.trimmed(),
    channel: dials.channel.trimmed(),
    result: dials.result.trimmed(),
    closedUs: dials.closedUs.trimmed(),
    uid: dials.uid.trimmed(),
    reason: dials.reason.trimmed(),
  };
}
