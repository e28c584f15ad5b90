/** Operations of the schedule as spans, and links through which nothing came. */

import { CLIENT_BASE, type CutSpan, type FaultSpan, type HostId } from './api.ts';
import type { FaultLine, Store } from './store.ts';
import { hostName, listed, ordinal } from './words.ts';

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
        text: text === undefined || text === '' ? wordsOf(store, line) : text,
      },
    ];
  });
}

/** Any field of an operation, as the schedule in the header has it. */
interface AnyOp {
  readonly id: number;
  readonly how?: string;
  readonly effect?: string;
  readonly action?: string;
  readonly file?: string;
  readonly channel?: string;
  readonly note?: string;
  readonly edge?: string;
  readonly skip?: number;
  readonly client?: number;
  readonly path?: string;
}

/** For operations that say nothing of themselves, from their fields. */
function wordsOf(store: Store, { op: id, do: name, hosts = [] }: FaultLine): string {
  const ops = (store.header?.schedule as { ops?: readonly AnyOp[] } | undefined)?.ops ?? [];
  const op = ops.find((one) => one.id === id);
  const whom = hosts.length === 0 ? 'nobody' : listed(hosts.map(hostName));
  if (name === 'heal') return 'every fault that lasts is undone';
  if (op === undefined) return name;
  if (name === 'crashWhen')
    return `a trap for ${whom}: ${op.how === 'power' ? 'loses power' : 'dies'} ${placeText(op)}`;
  const client = op.client === undefined ? whom : hostName(CLIENT_BASE + op.client);
  switch (name) {
    case 'clientWrite':
      return `${client} writes ${op.path ?? ''}`;
    case 'clientRead':
      return `${client} reads ${op.path ?? ''}`;
    case 'clientDelete':
      return `${client} deletes ${op.path ?? ''}`;
    default:
      return name;
  }
}

/** `after fsync of a log file, the 11th time`. */
function placeText({ edge, effect, action, file, channel, note, skip = 0 }: AnyOp): string {
  const files = file === undefined || file === 'any' ? 'a file' : `a ${file} file`;
  const what =
    note !== undefined
      ? `the note ${note}`
      : action !== undefined || file !== undefined
        ? `${action ?? 'an operation'} of ${files}`
        : `the effect ${effect ?? 'of any kind'}${channel === undefined ? '' : ` (${channel})`}`;
  const when = edge === 'done' ? `when ${what} is done` : `${edge ?? 'after'} ${what}`;
  return skip === 0 ? when : `${when}, ${ordinal(skip + 1)} time`;
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
