/**
 * A counterexample as a schedule of the simulated world, as well as it can be said there.
 *
 * The world has no word for "this message before that one"; it has moments of virtual time and the notes that servers leave.
 * So the path is lived through, and each fault and each write waits for the note that was the last before it in the path. The order of the
 * faults, the servers they hit and where in the protocol are kept; how messages interleave in between is up to the
 * seed, and a schedule may need several seeds to show what the path shows.
 */

import { CALM, DEFAULT_OPTIONS, type Op, SCHEDULE_FORMAT, type Schedule } from '../schedule.ts';
import { LiveServers } from './live.ts';
import type { PathFile } from './path.ts';
import { runPrologue } from './search.ts';
import { System } from './system.ts';

/** Of these notes there is one for each step of the protocol. */
const ANCHORS = /^(zab\.(established|newleader\.acked|epoch|proposal|ack|committed|uptodate|leading)|store\.recovered)/;
/** Long enough for what is under way to arrive. */
const PAUSE_MS = 600;

export function scheduleOf({ scope, actions, expect }: PathFile): Schedule {
  const system = new System(scope);
  const live = new LiveServers(system);
  const writer = new Writer();
  live.onNotes = (notes) => {
    for (const code of notes) writer.note(code);
  };
  const state = system.unborn();
  system.onAction = (action) => writer.act(system.nameOf(action, state));
  runPrologue(system, state);
  for (const name of actions) {
    const action = system.find(state, name);
    if (action !== null) system.apply(state, action);
  }
  const settings = { tickTimeMs: 200, electionFinalizeWaitMs: 600 };
  return {
    format: SCHEDULE_FORMAT,
    commit: '',
    seed: '1',
    profile: 'scenario',
    options: { ...DEFAULT_OPTIONS, nodes: scope.servers, clients: 1, duration: 30_000, settings },
    swarm: { ...CALM, 'workload.rate': 0, 'workload.session': 30_000 },
    ops: writer.ops,
    expect: { verdict: 'safety', property: expect.property },
  };
}

class Writer {
  readonly ops: Op[] = [];
  private readonly counts = new Map<string, number>();
  private readonly begun = new Set<string>();
  private readonly cuts = new Map<string, number>();
  private anchor: string | null = null;
  private writes = 0;

  note(code: string): void {
    const count = (this.counts.get(code) ?? 0) + 1;
    this.counts.set(code, count);
    if (ANCHORS.test(code)) this.anchor = `${code}#${count}`;
  }

  /** One action, before it is made. */
  act(name: string): void {
    const [word, first, second] = name.split(' ');
    const node = Number(first);
    if (word === 'start') this.start(node);
    else if (word === 'crash') this.add({ do: 'power', node });
    else if (word === 'write') this.add({ do: 'clientWrite', client: 1, path: `/n${++this.writes}` });
    else if (word === 'cut')
      this.cuts.set(`${first} ${second}`, this.add({ do: 'cut', links: [`${first}-${second}`] }));
    else if (word === 'heal') this.add({ do: 'heal', op: this.cuts.get(`${first} ${second}`)! });
  }

  /** All servers start with the run. One that comes later in the path is kept down until then. */
  private start(node: number): void {
    const isFirst = !this.begun.has(`${node}`);
    this.begun.add(`${node}`);
    if (isFirst && !this.counts.has('zab.leading.started')) return;
    if (isFirst) this.ops.push({ id: this.ops.length + 1, at: 0, do: 'power', node } as Op);
    this.add({ do: 'start', node });
  }

  private add(what: object): number {
    const id = this.ops.length + 1;
    const when = this.anchor === null ? { after: `op:${id - 1}`, plus: PAUSE_MS } : { after: this.anchor };
    this.ops.push({ id, ...(id === 1 && this.anchor === null ? { at: PAUSE_MS } : when), ...what } as Op);
    this.anchor = null;
    return id;
  }
}
