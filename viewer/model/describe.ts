/** What an event was, in a sentence, from the columns alone: tables of events and search need thousands of them. */

import type { NotesLine } from '../../sim/columns/block.ts';
import {
  CLIENT_BASE,
  DISK_ACTIONS,
  EVENT_KINDS,
  type EventKind,
  type EventRow,
  type HostId,
  OPERATION_RESULTS,
} from './api.ts';
import { lowerBound, upperBound } from './columns.ts';
import { ERROR_BIAS, type Indexed, type Store } from './store.ts';
import { hostName, listed, showZxid } from './words.ts';

/** Rows of messages, sorted by the event that received them. */
interface Arrivals {
  readonly rows: Uint32Array;
  readonly indexes: Uint32Array;
}

/** Rows by the index of an event, for lists that are in the order of the run. */
type ByIndex = ReadonlyMap<number, readonly number[]>;

export class Describer {
  readonly #store: Store;
  #madeAt = -1;
  #arrivals: Arrivals = { rows: new Uint32Array(0), indexes: new Uint32Array(0) };
  #notes = new Map<number, Indexed<NotesLine>>();
  #fileEnds = new Map<HostId, Arrivals>();
  #ends = new Map<HostId, Map<number, number>>();
  #faults: ByIndex = new Map();
  #crashes: ByIndex = new Map();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Rows of messages that the event put on the wire. */
  sent(index: number): number[] {
    const { sentIndex } = this.#store.messages;
    const view = sentIndex.view();
    const rows: number[] = [];
    for (let row = lowerBound(view, index); row < view.length && view[row] === index; row++) rows.push(row);
    return rows;
  }

  /** Rows of messages whose last byte the event read. */
  received(index: number): number[] {
    this.#refresh();
    const { rows, indexes } = this.#arrivals;
    const found: number[] = [];
    for (let i = lowerBound(indexes, index); i < indexes.length && indexes[i] === index; i++) found.push(rows[i]!);
    return found;
  }

  notesOf(index: number): Indexed<NotesLine> | null {
    this.#refresh();
    return this.#notes.get(index) ?? null;
  }

  messageText(row: number): string {
    const { messages, names } = this.#store;
    const zxid = messages.zxid.get(row);
    return `${names.list[messages.name.get(row)]}${Number.isNaN(zxid) ? '' : ` ${showZxid(zxid)}`}`;
  }

  row(index: number): EventRow {
    const { events } = this.#store;
    return {
      index,
      timeUs: events.timeUs.get(index - 1),
      host: events.host.get(index - 1),
      kind: EVENT_KINDS[events.kind.get(index - 1)]!,
      sentence: this.sentence(index),
    };
  }

  /** `server 2 reads PROPOSAL 0x100000003 from server 1, sends ACK 0x100000003 to server 1`. */
  sentence(index: number): string {
    const store = this.#store;
    if (index < 1 || index > store.count) return 'no such event';
    this.#refresh();
    const host = store.events.host.get(index - 1);
    const kind = EVENT_KINDS[store.events.kind.get(index - 1)]!;
    const parts = [...this.#heard(index, host, kind), ...this.#did(index, host)];
    const said = parts.length === 0 ? [PLAIN[kind]] : parts;
    return `${hostName(host)} ${said.join(', ')}`;
  }

  #heard(index: number, host: HostId, kind: EventKind): string[] {
    const { messages } = this.#store;
    const parts: string[] = [];
    const received = this.received(index);
    if (received.length > 0) {
      const from = messages.from.get(received[0]!);
      parts.push(`reads ${this.#many(received)} from ${hostName(from)}`);
    }
    if (kind === 'boot') parts.push('starts');
    const ended = this.#fileEnd(index, host);
    if (ended !== null) parts.push(ended);
    return parts;
  }

  #fileEnd(index: number, host: HostId): string | null {
    const ends = this.#fileEnds.get(host);
    const disk = this.#store.disks.get(host);
    if (ends === undefined || disk === undefined) return null;
    const at = lowerBound(ends.indexes, index);
    if (ends.indexes[at] !== index) return null;
    const row = ends.rows[at]!;
    const action = DISK_ACTIONS[disk.action.get(row)]!;
    return disk.fate.get(row) === 2 ? `hears that ${action} failed` : `hears that ${action} is done`;
  }

  #did(index: number, host: HostId): string[] {
    const store = this.#store;
    const parts: string[] = [];
    for (const row of this.#faults.get(index) ?? []) {
      const { kind, do: what, op, text } = store.faults[row]!;
      const said = text === undefined || text === '' ? what : text;
      parts.push(
        kind === 'begin'
          ? `begins operation ${op}: ${said}`
          : `${kind === 'end' ? 'ends' : 'skips'} operation ${op} (${what})`,
      );
    }
    const sent = this.sent(index);
    if (sent.length > 0) parts.push(`sends ${this.#sentText(sent)}`);
    const files = this.#filesBegun(index, host);
    if (files !== '') parts.push(files);
    if (host >= CLIENT_BASE) parts.push(...this.#operations(index, host));
    for (const { code, fields } of this.#notes.get(index)?.notes ?? []) {
      const said = noteText(code, fields);
      if (said !== '') parts.push(said);
    }
    for (const row of this.#crashes.get(index) ?? []) parts.push(`dies (${store.crashes[row]!.reason})`);
    return parts;
  }

  #many(rows: readonly number[]): string {
    const shown = rows.slice(0, SHOWN_MAX).map((row) => this.messageText(row));
    return rows.length > SHOWN_MAX ? `${shown.join(', ')} and ${rows.length - SHOWN_MAX} more` : listed(shown);
  }

  /** The same message to several receivers is said once. */
  #sentText(rows: readonly number[]): string {
    const receivers = new Map<string, HostId[]>();
    for (const row of rows) {
      const text = this.messageText(row);
      receivers.set(text, [...(receivers.get(text) ?? []), this.#store.messages.to.get(row)]);
    }
    const said = [...receivers].slice(0, SHOWN_MAX).map(([text, to]) => {
      const names = to.length === 1 ? hostName(to[0]!) : `servers ${listed(to)}`;
      return `${text} to ${names}`;
    });
    return receivers.size > SHOWN_MAX ? `${said.join(', ')} and ${receivers.size - SHOWN_MAX} more` : said.join(', ');
  }

  #filesBegun(index: number, host: HostId): string {
    const disk = this.#store.disks.get(host);
    if (disk === undefined) return '';
    const begins = disk.beginIndex.view();
    const actions: string[] = [];
    for (let row = lowerBound(begins, index); row < begins.length && begins[row] === index; row++) {
      actions.push(DISK_ACTIONS[disk.action.get(row)]!);
    }
    return actions.length === 0 ? '' : `asks its disk to ${listed([...new Set(actions)])}`;
  }

  #operations(index: number, host: HostId): string[] {
    const rows = this.#store.operations.get(host);
    if (rows === undefined) return [];
    const { list } = this.#store.names;
    const parts: string[] = [];
    const begins = rows.beginIndex.view();
    const named = (row: number): string => [list[rows.name.get(row)], list[rows.path.get(row)]].join(' ').trim();
    for (let row = lowerBound(begins, index); row < begins.length && begins[row] === index; row++)
      parts.push(`asks for ${named(row)}`);
    const row = this.#ends.get(host)?.get(index);
    if (row !== undefined) {
      const error = rows.error.get(row) - ERROR_BIAS;
      const result = OPERATION_RESULTS[rows.result.get(row)];
      parts.push(`gets its answer to ${named(row)}: ${result === 'ok' ? 'ok' : `${result} ${error}`}`);
    }
    return parts;
  }

  /** Indexes over the rows, made again when there are more of them. */
  #refresh(): void {
    const store = this.#store;
    if (this.#madeAt === store.count) return;
    this.#madeAt = store.count;
    this.#arrivals = sortedBy(store.messages.arrivedIndex.view());
    this.#notes = new Map(store.notes.map((line) => [line.index, line]));
    this.#fileEnds = new Map([...store.disks].map(([host, disk]) => [host, sortedBy(disk.endIndex.view())]));
    this.#ends = new Map();
    for (const [host, rows] of store.operations) {
      const ends = new Map<number, number>();
      for (let row = 0; row < rows.id.length; row++)
        if (rows.endIndex.get(row) > 0) ends.set(rows.endIndex.get(row), row);
      this.#ends.set(host, ends);
    }
    this.#faults = grouped(store.faults);
    this.#crashes = grouped(store.crashes);
  }
}

const SHOWN_MAX = 3;

const PLAIN: Readonly<Record<EventKind, string>> = {
  boot: 'starts',
  timer: 'looks at its deadlines',
  segment: 'reads bytes',
  window: 'may send again',
  syn: 'is asked for a connection',
  dial: 'learns what became of a connection',
  reset: 'loses a connection',
  read: 'reads slowly',
  disk: 'hears of its disk',
  input: 'is asked for something',
  resume: 'goes on after a pause',
  action: 'decides what comes next',
};

/** Rows whose value is not 0, sorted by it. */
function sortedBy(indexes: Uint32Array): Arrivals {
  let count = 0;
  for (const index of indexes) if (index > 0) count += 1;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let row = 0; row < indexes.length; row++) if (indexes[row]! > 0) rows[at++] = row;
  rows.sort((a, b) => indexes[a]! - indexes[b]! || a - b);
  return { rows, indexes: Uint32Array.from(rows, (row) => indexes[row]!) };
}

function grouped(lines: readonly { readonly index: number }[]): ByIndex {
  const byIndex = new Map<number, number[]>();
  for (const [row, { index }] of lines.entries()) {
    const rows = byIndex.get(index);
    if (rows === undefined) byIndex.set(index, [row]);
    else rows.push(row);
  }
  return byIndex;
}

type Fields = Readonly<Record<string, unknown>>;

/** A note of the core in words; empty for those that say nothing beyond the messages beside them. */
export function noteText(code: string, fields: Fields): string {
  const zxid = (value: unknown): string => showZxid(Number(value ?? Number.NaN));
  switch (code) {
    case 'election.round.start':
      return `looks for a leader, round ${fields.round}`;
    case 'election.round.join':
      return `joins round ${fields.round} of server ${fields.from}`;
    case 'election.vote.sent':
      return '';
    case 'election.vote.heard':
      return `${HEARD[String(fields.outcome)] ?? fields.outcome} the vote of server ${fields.from} for ${fields.leader}`;
    case 'election.vote.quorum':
      return `has a quorum for ${fields.leader}`;
    case 'election.vote.quorumLost':
      return `has no quorum for ${fields.leader} any more`;
    case 'election.vote.resend':
      return `has waited ${fields.pauseMs} ms in vain, next time ${fields.nextMs} ms`;
    case 'election.vote.ignored':
      return `ignores the vote of server ${fields.from}: ${fields.reason}`;
    case 'election.leader.elected':
      return fields.state === 'leading' ? 'is elected' : `knows its leader: ${fields.leader}`;
    case 'election.cnx.open':
      return `has an election connection with server ${fields.peer}`;
    case 'election.cnx.unreachable':
      return `does not reach server ${fields.peer}: ${fields.reason}`;
    case 'election.cnx.closed':
    case 'election.cnx.drop':
      return `loses its election connection with server ${fields.peer}: ${fields.reason}`;
    case 'zab.leading.started':
      return 'begins to lead';
    case 'zab.leading.gaveup':
      return `gives up leading: ${fields.reason}`;
    case 'zab.established':
      return `is established in epoch ${fields.epoch}`;
    case 'zab.epoch.accepted':
      return `has accepted epoch ${fields.epoch}`;
    case 'zab.epoch.current':
      return `is in epoch ${fields.epoch}`;
    case 'zab.newleader.acked':
      return `has acknowledged the leader of epoch ${fields.epoch}`;
    case 'zab.uptodate':
      return `is up to date in epoch ${fields.epoch}`;
    case 'zab.sync.diff':
      return `brings server ${fields.peer} level by DIFF from ${zxid(fields.zxid)}`;
    case 'zab.sync.trunc':
      return `has server ${fields.peer} cut its log to ${zxid(fields.zxid)}`;
    case 'zab.sync.snap':
      return `sends server ${fields.peer} a snapshot`;
    case 'zab.learner.lost':
      return `loses its leader: ${fields.reason}`;
    case 'zab.handler.closed':
      return `loses its learner ${fields.peer}: ${fields.reason}`;
    case 'peer.role.left':
      return `stops ${fields.role === 'learning' ? 'following' : fields.role}: ${fields.reason}`;
    case 'peer.halted':
      return `halts: ${fields.reason}`;
    case 'store.recovered':
      return `has recovered its history to ${zxid(fields.last)}`;
    case 'store.snapshot.done':
      return `has written a snapshot at ${zxid(fields.zxid)}`;
    case 'session.expired':
      return `expires a session`;
    default: {
      const said = Object.entries(fields).map(([key, value]) => `${key} ${plainText(value)}`);
      return [`notes ${code}`, ...said].join(' ');
    }
  }
}

const HEARD: Readonly<Record<string, string>> = {
  better: 'takes over',
  laterRound: 'joins the later round of',
  counted: 'counts',
  earlierRound: 'answers (earlier round)',
  settled: 'counts (already settled)',
  unusable: 'cannot use',
  early: 'keeps for later',
  answered: 'answers',
  stranger: 'does not count',
};

export function plainText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { $big } = value as { $big?: string };
  if (typeof $big === 'string') return `0x${BigInt.asUintN(64, BigInt($big)).toString(16)}`;
  return JSON.stringify(value);
}

/** Rows of events in a range of time. */
export function rowsBetween(
  store: Store,
  fromUs: number,
  toUs: number,
): { readonly from: number; readonly to: number } {
  const times = store.events.timeUs.view();
  return { from: lowerBound(times, fromUs), to: upperBound(times, toUs) };
}
