/** The notable events of a run in words, in the order of time. */

import { votersOf } from '../../core/config/membership.ts';
import {
  CLIENT_BASE,
  DISK_ACTIONS,
  type Election,
  type FaultSpan,
  type HostId,
  type StoryItem,
  type ViolationMark,
} from './api.ts';
import { noteText } from './describe.ts';
import type { Note } from './elections.ts';
import { hexOfBig } from './lanes.ts';
import type { Store } from './store.ts';
import { configurationOf } from './voters.ts';
import { hostName, listed } from './words.ts';

export interface StorySources {
  readonly store: Store;
  readonly notes: readonly Note[];
  readonly elections: readonly Election[];
  readonly faults: readonly FaultSpan[];
  readonly violations: readonly ViolationMark[];
}

type Item = StoryItem;

export function storyOf(sources: StorySources): StoryItem[] {
  const items = [
    ...sources.elections.flatMap(electionItems),
    ...sources.faults.flatMap((fault) => faultItems(sources.store, fault)),
    ...crashItems(sources),
    ...sources.notes.flatMap((note) => noteItems(sources.store, note)),
    ...diskItems(sources.store),
    ...sessionItems(sources.store),
    ...momentItems(sources.store),
    ...sources.violations.map(violationItem),
  ];
  return items.sort((a, b) => a.timeUs - b.timeUs || a.index - b.index);
}

const item = (
  timeUs: number,
  index: number,
  kind: Item['kind'],
  text: string,
  hosts: readonly HostId[],
  ref = 0,
): Item => ({ timeUs, index, kind, text, hosts, ref });

function electionItems(election: Election): Item[] {
  const { number, beginUs, endUs, beginIndex, endIndex, participants, trigger, outcome, sentence, kind } = election;
  if (kind === 'join') return [item(endUs, endIndex, 'leader', sentence, participants, number)];
  const begins = item(beginUs, beginIndex, 'election', `an election begins: ${trigger}`, participants, number);
  const hosts = outcome.kind === 'established' ? [outcome.leader] : participants;
  return [
    begins,
    item(endUs, endIndex, outcome.kind === 'established' ? 'leader' : 'election', sentence, hosts, number),
  ];
}

function faultItems(store: Store, { beginUs, beginIndex, text, hosts, op, kind }: FaultSpan): Item[] {
  const begins = item(beginUs, beginIndex, 'fault', text, hosts, op);
  const end = store.faults.find((line) => line.op === op && line.kind === 'end');
  // A trap that is taken away has done nothing.
  if (end === undefined || kind === 'crashWhen') return [begins];
  return [begins, item(end.t, end.index, 'fault', `over: ${text}`, hosts, op)];
}

/** Deaths that no operation of the schedule tells of, and starts after them. */
function crashItems({ store }: StorySources): Item[] {
  const told = new Set(store.faults.filter(({ kind }) => kind === 'begin').map(({ index }) => index));
  const items: Item[] = [];
  for (const { host, t, index, kind, reason } of store.crashes) {
    if (told.has(index)) continue;
    const trap = /^crash point at (.*)$/.exec(reason)?.[1];
    const place = trap === undefined ? '' : ` (in its trap, at ${trap.replace('completion', 'the completion')})`;
    const text = { kill: 'dies', power: 'loses power', halt: `gives up: ${reason}` }[kind];
    items.push(item(t, index, kindOf(host, kind), `${hostName(host)} ${text}${place}`, [host]));
  }
  const seen = new Set<HostId>();
  for (const { host, t, index } of store.boots) {
    if (seen.has(host)) items.push(item(t, index, kindOf(host, 'kill'), `${hostName(host)} starts again`, [host]));
    seen.add(host);
  }
  return items;
}

/** Clients come and go; a server's death is another matter. */
const kindOf = (host: HostId, kind: 'kill' | 'power' | 'halt'): Item['kind'] =>
  host >= CLIENT_BASE ? 'session' : kind === 'halt' ? 'error' : 'crash';

const KIND_OF_NOTE: Readonly<Record<string, Item['kind']>> = {
  'zab.sync.snap': 'sync',
  'zab.sync.trunc': 'sync',
  'zab.trunc.impossible': 'sync',
  'zab.leading.gaveup': 'leader',
  'zab.config.active': 'config',
  'peer.readonly.started': 'config',
  'peer.halted': 'error',
  'zab.digest.mismatch': 'error',
  'zab.illegal.packet': 'error',
  'zab.illegal.proposal': 'error',
  'zab.illegal.commit': 'error',
  'zab.illegal.ack': 'error',
  'election.notification.malformed': 'error',
  'store.recovery.note': 'note',
  'session.expired': 'session',
};

function noteItems(store: Store, { code, fields, host, t, index }: Note): Item[] {
  const kind = KIND_OF_NOTE[code];
  if (kind === undefined) return [];
  return [item(t, index, kind, `${hostName(host)} ${storyText(store, code, fields)}`, [host, ...peerOf(fields)])];
}

function storyText(store: Store, code: string, fields: Readonly<Record<string, unknown>>): string {
  if (code === 'zab.config.active') {
    const membership = configurationOf(store, Number(fields.version));
    return membership === null
      ? 'obeys a new configuration'
      : `obeys the configuration in which ${listed([...votersOf(membership)].sort((a, b) => a - b))} vote`;
  }
  if (code === 'peer.readonly.started') return 'serves reads only';
  if (code === 'store.recovery.note') return `finds on its disk: ${String(fields.text)}`;
  return noteText(code, fields);
}

const peerOf = ({ peer }: Readonly<Record<string, unknown>>): HostId[] => (typeof peer === 'number' ? [peer] : []);

const FATE_FAILED = 2;
/** A disk that fails again and again is told of so often. */
const DISK_ITEMS_MAX = 200;

function diskItems(store: Store): Item[] {
  const items: Item[] = [];
  for (const [host, disk] of store.disks) {
    const { fate, endUs, endIndex, action } = disk;
    for (let row = 0; row < fate.length && items.length < DISK_ITEMS_MAX; row++) {
      if (fate.get(row) !== FATE_FAILED) continue;
      const what = DISK_ACTIONS[action.get(row)]!;
      items.push(item(endUs.get(row), endIndex.get(row), 'error', `${hostName(host)}: ${what} failed`, [host]));
    }
  }
  return items;
}

function sessionItems(store: Store): Item[] {
  return store.sessions.flatMap(({ state, host, t, index, session }) =>
    state === 'expired' || state === 'authFailed'
      ? [
          item(
            t,
            index,
            'session',
            `the session ${session === null ? '' : `${hexOfBig(session.$big)} `}of ${hostName(host)} is ${state === 'expired' ? 'expired' : 'refused'}`,
            [host],
          ),
        ]
      : [],
  );
}

/** What the run says of itself and nothing else here tells. */
function momentItems(store: Store): Item[] {
  return store.moments.flatMap(({ t, index, text }) =>
    /^the core /.test(text) ? [item(t, index, 'phase', text, [])] : [],
  );
}

const violationItem = ({ timeUs, events, sentence, servers, number, property }: ViolationMark): Item =>
  item(timeUs, events.at(-1) ?? 0, 'violation', `${property}: ${sentence}`, servers, number);
