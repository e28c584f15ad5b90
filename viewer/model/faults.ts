/** Operations of the schedule as spans, and links through which nothing came. */

import type { CutSpan, FaultSpan, HostId } from './api.ts';
import type { Store } from './store.ts';

const GROUP_OF_OP: Readonly<Record<string, FaultSpan['group']>> = {
  cut: 'network',
  partition: 'network',
  isolate: 'network',
  bridge: 'network',
  ring: 'network',
  flap: 'network',
  slow: 'network',
  clog: 'network',
  reset: 'network',
  refuse: 'network',
  tls: 'network',
  unordered: 'network',
  diskSlow: 'disk',
  diskStall: 'disk',
  diskError: 'disk',
  bitRot: 'disk',
  tornWrites: 'disk',
  lyingFsync: 'disk',
  clock: 'clock',
  drift: 'clock',
  clientKill: 'client',
  clientMove: 'client',
  clientPause: 'client',
  clientSlow: 'client',
  clientClose: 'client',
  clientWrite: 'client',
  clientRead: 'client',
  clientDelete: 'client',
  reconfig: 'admin',
  rolling: 'admin',
  heal: 'admin',
};

/** What was begun, until its end. Operations that did not apply are left out. */
export function faultSpans(store: Store): FaultSpan[] {
  const ends = new Map<number, number>();
  for (const { op, kind, t } of store.faults) if (kind === 'end') ends.set(op, t);
  return store.faults.flatMap((line): FaultSpan[] => {
    if (line.kind !== 'begin') return [];
    const { t, op, hosts = [], text, forUs, lasts, index } = line;
    const known = ends.get(op);
    const lastsUntil = lasts === true ? store.endUs : t + (forUs ?? 0);
    return [
      {
        beginUs: t,
        endUs: Math.min(known ?? lastsUntil, Math.max(store.endUs, t)),
        beginIndex: index,
        op,
        kind: line.do,
        group: GROUP_OF_OP[line.do] ?? 'server',
        hosts,
        text: text === undefined || text === '' ? line.do : text,
      },
    ];
  });
}

/** Which links were cut when. A pair that is cut on every channel it uses at the same times is one span. */
export function cutSpans(store: Store): CutSpan[] {
  const open = new Map<string, { readonly t: number; readonly op: number }>();
  const spans: CutSpan[] = [];
  for (const { from, to, channel, cut, t, index } of store.links) {
    const key = `${from}>${to}/${channel}`;
    const begun = open.get(key);
    if (cut && begun === undefined) open.set(key, { t, op: opAt(store, index) });
    else if (!cut && begun !== undefined) {
      open.delete(key);
      spans.push({ beginUs: begun.t, endUs: t, from, to, channel, op: begun.op });
    }
  }
  for (const [key, { t, op }] of open) {
    const [pair = '', channel = ''] = key.split('/');
    const [from = 0, to = 0] = pair.split('>').map(Number);
    spans.push({ beginUs: t, endUs: store.endUs, from, to, channel: channel as 'quorum', op });
  }
  return joined(spans).sort((a, b) => a.beginUs - b.beginUs || a.from - b.from || a.to - b.to);
}

/** The operation that the event carried out, if any. */
const opAt = (store: Store, index: number): number =>
  store.faults.findLast((line) => line.index === index && line.kind === 'begin')?.op ?? 0;

/** Both channels between servers, cut together, are one cut. */
function joined(spans: readonly CutSpan[]): CutSpan[] {
  const kept: CutSpan[] = [];
  const byTime = new Map<string, CutSpan>();
  for (const span of spans) {
    const key = `${span.from}>${span.to} ${span.beginUs} ${span.endUs}`;
    const twin = byTime.get(key);
    if (twin === undefined || twin.channel === 'client' || span.channel === 'client') {
      byTime.set(key, span);
      kept.push(span);
    } else kept[kept.indexOf(twin)] = { ...twin, channel: null };
  }
  return kept.map((span) => (span.channel === 'client' ? { ...span, channel: null } : span));
}

/** Whether bytes from -> to got through at this time. */
export function isCutAt(spans: readonly CutSpan[], from: HostId, to: HostId, timeUs: number): boolean {
  return spans.some(
    (span) =>
      span.from === from &&
      span.to === to &&
      span.channel !== 'client' &&
      span.beginUs <= timeUs &&
      timeUs < span.endUs,
  );
}
