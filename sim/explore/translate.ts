/**
 * A counterexample as a schedule of the simulated world, as well as it can be said there.
 *
 * A path is an order of actions; the world has moments of virtual time. So the path is lived through at a steady pace, one
 * action every `STEP_MS`, counted from a note that a server leaves: where the prologue has come to rest, and again
 * whenever a leader is elected, since elections take as long as they take. What would happen by itself as soon as it can
 * is held until its turn: the link is clogged, the disk stalls; to the end when its turn never comes.
 *
 * ```
 * path      write 2    quorum 2>3 PROPOSAL    crash 1    quorum 2>1 close    …
 * ms        40         60                     80         100
 * held               └─ 2>1: PROPOSAL waits ──┘ (lost)
 * ```
 *
 * A link lets go of everything at once, so of several messages that wait there only the first is held exactly; and what an
 * election says cannot be held at all without holding the election. So a schedule always shows the story, and often, not
 * always, its end.
 */

import type { Lane } from '../../core/io.ts';
import { CALM, DEFAULT_OPTIONS, type FileClass, type Op, SCHEDULE_FORMAT, type Schedule } from '../schedule.ts';
import { LiveServers } from './live.ts';
import type { PathFile } from './path.ts';
import { runPrologue } from './search.ts';
import { type State, System } from './system.ts';
import { LANES } from './turn.ts';

/** Between two actions: far more than a message or an fsync takes in a calm world, far less than a timeout. */
export const STEP_MS = 20;
/** From the start of a server, or its election, to its connections with a leader that is there or with learners. */
const START_MS = 150;
/** From the last note of the prologue until nothing is under way and the client has found its server. */
const REST_MS = 1500;
/** What never has its turn waits so long after the last action. */
const LAST_MS = 200;

/** Where the clock of a path begins anew. */
const ELECTED = /^zab\.leading\.started$/;
/** The last of these ends a prologue. */
const RESTS = /^(zab\.(uptodate|established|leading\.started)|store\.recovered)$/;
/** Of a server that gives up its role. */
const LEFT = /^zab\.(learner\.lost|leading\.gaveup)$/;

export function scheduleOf({ scope, actions, expect }: PathFile): Schedule {
  const system = new System(scope);
  const live = new LiveServers(system);
  const writer = new Writer(system);
  live.onNotes = (server, notes) => {
    for (const code of notes) writer.note(code, server + 1);
  };
  const state = system.unborn();
  runPrologue(system, state, (line, make) => {
    writer.prologue(line, state, make);
  });
  for (const name of actions) {
    const action = system.find(state, name);
    if (action !== null) writer.act(name, state, () => system.apply(state, action));
  }
  const settings = { tickTimeMs: 200, electionFinalizeWaitMs: 200, localSessionsEnabled: true };
  return {
    format: SCHEDULE_FORMAT,
    commit: '',
    seed: '1',
    profile: 'scenario',
    options: { ...DEFAULT_OPTIONS, nodes: scope.servers, clients: 1, duration: 30_000, settings },
    swarm: { ...CALM, 'workload.rate': 0, 'workload.session': 30_000 },
    ops: writer.finish(),
    expect: { verdict: 'safety', property: expect.property },
  };
}

/** A moment: so long after a note, or after the beginning. */
interface Moment {
  readonly segment: number;
  readonly ms: number;
}

interface Entry {
  readonly from: Moment;
  readonly what: object;
  /** The entry that this one undoes. */
  readonly undoes: Entry | null;
}

/** What waits on a link or for a disk since some action. */
interface Hold {
  readonly from: Moment;
  readonly what: object;
}

const NOTHING_WAITS: ReadonlyMap<string, number> = new Map();

class Writer {
  private readonly system: System;
  private readonly entries: Entry[] = [];
  /** The note that each segment is counted from; null for the beginning. */
  private readonly anchors: (string | null)[] = [null];
  private readonly counts = new Map<string, number>();
  private readonly holds = new Map<string, Hold>();
  private readonly cuts = new Map<string, Entry>();
  private readonly begun = new Set<number>();
  private readonly refusals = new Map<number, Entry>();
  /** Where the client is. */
  private writer: number | null = null;
  /** Notes of the action that is being made. */
  private notes: { readonly code: string; readonly name: string }[] = [];
  private ms = 0;
  /** The link that the path is taking messages off, and when the last of them arrived. */
  private letGo: { readonly name: string; readonly ms: number } | null = null;
  private writes = 0;

  constructor(system: System) {
    this.system = system;
  }

  note(code: string, server: number): void {
    const name = `${code}@${server}`;
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    this.notes.push({ code, name: `${name}#${count}` });
  }

  /** A line of the prologue. All servers start with the run; one that comes later in the prologue is kept down until then. */
  prologue(line: string, state: State, make: () => void): void {
    const [word, first] = line.split(' ');
    const node = Number(first);
    const isBeginning = (word === 'start' && !this.begun.has(node)) || word === 'run';
    if (!isBeginning) {
      this.act(line, state, make);
      return;
    }
    if (word === 'start') {
      this.begun.add(node);
      if (this.anchors.some((anchor) => anchor?.startsWith('zab.leading.started') === true)) {
        this.entries.push({ from: { segment: 0, ms: 0 }, what: { do: 'crash', node }, undoes: null });
        this.add({ do: 'start', node });
      }
    }
    this.notes = [];
    make();
    const last = this.notes.findLast(({ code }) => RESTS.test(code));
    if (last !== undefined) this.rebase(last.name, word === 'run' ? REST_MS : 0);
    if (word === 'start') this.ms += START_MS;
  }

  /** One action of the path: said where it must be, made, and what waits from here on is held. */
  act(name: string, state: State, make: () => void): void {
    const [word, first, second] = name.split(' ') as [string, string, string | undefined];
    this.ms += STEP_MS;
    this.say(word, first, second);
    const link = word === 'quorum' ? first : null;
    if (link !== this.letGo?.name) this.releaseLetGo();
    if (word === 'disk') this.release(name, this.ms);
    if (link !== null) this.letGo = { name: link, ms: this.ms };
    const before = this.waiting(state);
    this.notes = [];
    make();
    const after = this.waiting(state);
    this.hold(before, after, name);
    if (word === 'start') this.ms += START_MS;
    const left = word === 'silence' || word === 'giveUp' ? LEFT : ELECTED;
    const anchor = this.notes.findLast(({ code }) => left.test(code));
    if (anchor === undefined) return;
    this.rebase(anchor.name, 0);
    this.hold(NOTHING_WAITS, after, name);
    this.ms += START_MS;
  }

  private say(word: string, first: string, second: string | undefined): void {
    const node = Number(first);
    if (word === 'start') this.add({ do: 'start', node });
    else if (word === 'crash') this.crash(node);
    else if (word === 'write') {
      this.moveTo(node);
      this.add({ do: 'clientWrite', client: 1, path: `/n${++this.writes}` });
    } else if (word === 'cut') {
      this.cuts.set(`${first} ${second}`, this.add({ do: 'cut', links: [`${first}-${second}`] }));
    } else if (word === 'heal') this.add({ do: 'heal' }, this.cuts.get(`${first} ${second}`));
  }

  /** Servers other than the one that is written at let no client in. */
  private moveTo(node: number): void {
    if (this.writer === node) return;
    const isFirst = this.writer === null;
    const from = isFirst ? { segment: 0, ms: 0 } : this.moment(0);
    this.writer = node;
    const own = this.refusals.get(node);
    if (own !== undefined) this.entries.push({ from, what: { do: 'heal' }, undoes: own });
    this.refusals.delete(node);
    for (let other = 1; other <= this.system.scope.servers; other++) {
      if (other === node || this.refusals.has(other)) continue;
      const what = { do: 'refuse', node: other, channel: 'client', how: 'refuse' };
      const entry = { from, what, undoes: null };
      this.entries.push(entry);
      this.refusals.set(other, entry);
    }
    if (isFirst) return;
    this.add({ do: 'clientMove', client: 1 });
    this.ms += START_MS;
  }

  /** What the server still has on the way is lost with it, and must not arrive later. */
  private crash(node: number): void {
    const lost = [...this.holds.keys()].filter((name) => name.startsWith(`${node}>`));
    for (const name of lost) this.release(name, this.ms + STEP_MS);
    const links = lost.map((name) => name.replace('>', '-'));
    if (lost.length > 0) this.add({ do: 'blackhole', links, channel: 'quorum' });
    this.add({ do: 'crash', node });
  }

  private add(what: object, undoes: Entry | null = null): Entry {
    const entry = { from: this.moment(0), what, undoes };
    this.entries.push(entry);
    return entry;
  }

  private moment(offsetMs: number): Moment {
    return { segment: this.anchors.length - 1, ms: Math.max(0, this.ms + offsetMs) };
  }

  /** From here on the clock counts from this note. */
  private rebase(note: string, ms: number): void {
    this.releaseLetGo();
    for (const name of [...this.holds.keys()]) this.release(name, this.ms);
    this.anchors.push(note);
    this.ms = ms;
  }

  // --- what waits --------------------------------------------------------------------------------------------------------------

  /** How many messages are under way on each link of the quorum port, and operations on each disk. */
  private waiting(state: State): Map<string, number> {
    const counts = new Map<string, number>();
    const { servers } = this.system.scope;
    for (let i = 0; i < servers; i++) {
      const busy = this.system.lanesInFlight(state, i);
      for (const lane of LANES) counts.set(`disk ${i + 1} ${lane}`, busy.includes(lane) ? 1 : 0);
      for (let j = 0; j < servers; j++) if (i !== j) counts.set(`${i + 1}>${j + 1}`, this.system.underWay(state, i, j));
    }
    return counts;
  }

  private hold(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, action: string): void {
    for (const [name, count] of after) {
      if (count === 0) {
        if (name !== this.letGo?.name) this.holds.delete(name);
      } else if (!this.holds.has(name) && count > (before.get(name) ?? 0) - (action.includes(name) ? 1 : 0)) {
        this.holds.set(name, { from: this.moment(-STEP_MS / 2), what: whatHolds(name) });
      }
    }
  }

  /** Its turn has come. */
  private release(name: string, ms: number): void {
    const hold = this.holds.get(name);
    if (hold === undefined) return;
    this.holds.delete(name);
    const what = { ...hold.what, for: ms - hold.from.ms };
    this.entries.push({ from: hold.from, what, undoes: null });
  }

  /** What the path takes off one link in a row arrives together, at the end of the row. */
  private releaseLetGo(): void {
    if (this.letGo !== null) this.release(this.letGo.name, this.letGo.ms);
    this.letGo = null;
  }

  finish(): Op[] {
    this.releaseLetGo();
    for (const name of [...this.holds.keys()]) this.release(name, this.ms + LAST_MS);
    const sorted = this.entries
      .map((entry, index) => ({ entry, index }))
      .sort(
        (a, b) => a.entry.from.segment - b.entry.from.segment || a.entry.from.ms - b.entry.from.ms || a.index - b.index,
      )
      .map(({ entry }) => entry);
    return sorted.map(({ from, what, undoes }, index) => {
      const anchor = this.anchors[from.segment];
      const when = anchor === null ? { at: from.ms } : { after: anchor, ...(from.ms > 0 ? { plus: from.ms } : {}) };
      const whom = undoes === null ? {} : { op: sorted.indexOf(undoes) + 1 };
      return { id: index + 1, ...when, ...what, ...whom } as Op;
    });
  }
}

/** What the lanes of a disk write; `read` and the rest are never held. */
const FILES: Readonly<Record<Lane, FileClass>> = { log: 'log', meta: 'epoch', snap: 'snapshot', read: 'any' };

function whatHolds(name: string): object {
  const [word, node, lane] = name.split(' ');
  if (word === 'disk') return { do: 'diskStall', node: Number(node), file: FILES[lane as Lane] };
  return { do: 'clog', links: [name], channel: 'quorum' };
}
