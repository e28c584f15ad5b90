/** What a run looks like to a person: the drawn options, notable events as they happen, and the closing summary. */

import { conflictLines } from '../checkers/history/conflict.ts';
import { PROPERTIES, type Violation } from '../checkers/properties.ts';
import type { RecipeStats } from '../recipes/judge.ts';
import type { Moment, Progress, Result } from '../runner.ts';
import { CALM, type Schedule, type SwarmName } from '../schedule.ts';
import { plural, seconds, span } from '../text.ts';

export interface Screen {
  write(text: string): void;
  /** A terminal that can overwrite its last line. */
  readonly live: boolean;
  readonly color: boolean;
  readonly columns: number;
  /** Real time, for the pace of the live line alone. */
  nowMs(): number;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
type Paint = keyof typeof CODES;

/** Moments closer together than this share a line. */
const SAME_LINE_US = 60_000;
/** The live line is drawn anew this often, in real time. */
const REDRAW_MS = 50;

export class Reporter {
  readonly #screen: Screen;
  readonly #quiet: boolean;
  #pending: Moment[] = [];
  #hasLive = false;
  #drawnMs = 0;

  constructor(screen: Screen, quiet: boolean) {
    this.#screen = screen;
    this.#quiet = quiet;
  }

  paint(paint: Paint, text: string): string {
    return this.#screen.color ? `\u001b[${CODES[paint]}m${text}\u001b[0m` : text;
  }

  line(text = ''): void {
    this.#clearLive();
    this.#screen.write(`${text}\n`);
  }

  /** What was drawn, before anything happens. */
  opening(schedule: Schedule): void {
    if (this.#quiet) return;
    const { options } = schedule;
    const observers = options.observers === 0 ? '' : ` + ${plural(options.observers, 'observer')}`;
    const what = `${plural(options.nodes, 'server')}${observers}, ${plural(options.clients, 'client')}, ${span(options.duration * 1000)} of faults`;
    this.line(
      `${this.paint('bold', `seed ${schedule.seed}`)}  ${what}  ${this.paint('dim', `profile ${schedule.profile}, commit ${schedule.commit}`)}`,
    );
    this.#list(
      'settings',
      Object.entries(options.settings).map(([name, value]) => `${name} ${String(value)}`),
    );
    this.#list('weather', weatherOf(schedule));
    this.#list('faults', faultsOf(schedule));
    this.line();
  }

  #list(title: string, items: readonly string[]): void {
    const shown = items.length === 0 ? ['none'] : items;
    const room = Math.max(60, Math.min(this.#screen.columns, 120) - 12);
    let line = '';
    const lines: string[] = [];
    for (const item of shown) {
      if (line !== '' && line.length + item.length + 2 > room) {
        lines.push(line);
        line = '';
      }
      line = line === '' ? item : `${line}, ${item}`;
    }
    lines.push(line);
    lines.forEach((text, index) => {
      this.line(`  ${this.paint('dim', (index === 0 ? title : '').padEnd(9))} ${text}`);
    });
  }

  moment(moment: Moment): void {
    if (this.#quiet) return;
    const first = this.#pending[0];
    if (first !== undefined && moment.atUs - first.atUs > SAME_LINE_US) this.#flush();
    this.#pending.push(moment);
  }

  #flush(): void {
    const first = this.#pending[0];
    if (first === undefined) return;
    const texts = this.#pending.map(({ text }) => this.#emphasis(text));
    this.#pending = [];
    this.line(`${this.paint('cyan', seconds(first.atUs).padStart(7))}  ${texts.join(this.paint('dim', ' · '))}`);
  }

  #emphasis(text: string): string {
    return / leads epoch /.test(text) ? this.paint('green', text) : text;
  }

  progress(progress: Progress): void {
    if (this.#quiet || !this.#screen.live) return;
    const nowMs = this.#screen.nowMs();
    if (nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const { atUs, phase, leader, epoch, faults, operations } = progress;
    if (this.#pending.length > 0 && atUs - this.#pending[0]!.atUs > SAME_LINE_US) this.#flush();
    const led = leader === null ? 'no leader' : `leader ${leader}, epoch ${epoch}`;
    const text = `${seconds(atUs).padStart(7)}  ${phase} · ${led} · ${plural(faults, 'fault')} · ${plural(operations, 'operation')}`;
    this.#screen.write(`\r\u001b[2K${this.paint('dim', text.slice(0, this.#screen.columns - 1))}`);
    this.#hasLive = true;
  }

  /** A line that the next one overwrites; nothing where that cannot be. */
  status(text: string): void {
    if (!this.#screen.live) return;
    this.#screen.write(`\r\u001b[2K${this.paint('dim', text.slice(0, this.#screen.columns - 1))}`);
    this.#hasLive = true;
  }

  #clearLive(): void {
    if (!this.#hasLive) return;
    this.#screen.write('\r\u001b[2K');
    this.#hasLive = false;
  }

  closing(result: Result, cpuMs: number): void {
    this.#flush();
    if (!this.#quiet) {
      this.line();
      for (const line of summaryOf(result, cpuMs)) this.line(line);
    }
    const verdict =
      result.verdict === 'ok' ? this.paint('green', 'PASSED') : this.paint('red', `FAILED (${result.verdict})`);
    this.line(
      `${verdict}  events=${result.events} seconds=${(result.stats.virtualUs / 1e6).toFixed(1)} cpu=${(cpuMs / 1000).toFixed(2)} hash=${result.hash}`,
    );
  }

  violation(violation: Violation, events: readonly string[]): void {
    this.#flush();
    this.line();
    this.line(`${this.paint('red', `BROKEN: ${violation.property}`)}  ${violation.sentence}`);
    this.line(`  ${seconds(violation.atUs)}  ${violation.message}`);
    const frames = violation.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
    for (const frame of frames) this.line(`  ${this.paint('dim', frame)}`);
    for (const event of events) this.line(`  ${this.paint('dim', event)}`);
    for (const line of violation.conflict === undefined ? [] : conflictLines(violation.conflict))
      this.line(`    ${line}`);
  }

  replay(schedule: Schedule, command: string): void {
    this.line(`  seed ${schedule.seed}, commit ${schedule.commit}`);
    this.line(`  replay: ${this.paint('bold', command)}`);
  }
}

/** Only what differs from calm. */
function weatherOf({ swarm }: Schedule): string[] {
  const names = Object.keys(CALM) as SwarmName[];
  return names
    .filter((name) => swarm[name] !== CALM[name] && !name.startsWith('mix.'))
    .map((name) => `${name} ${swarm[name]}`);
}

function faultsOf({ ops }: Schedule): string[] {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op.do, (counts.get(op.do) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`);
}

function summaryOf(result: Result, cpuMs: number): string[] {
  const { stats } = result;
  const { faults, workload } = stats;
  const survived = [
    plural(faults.crashes, 'crash', 'crashes'),
    plural(faults.powerCuts, 'power cut'),
    plural(faults.partitions, 'partition'),
    plural(faults.networkFaults, 'network fault'),
    plural(faults.diskFaults, 'disk fault'),
    plural(faults.pauses, 'pause'),
    plural(faults.clockFaults, 'clock fault'),
    plural(faults.clientFaults + workload.deaths, 'client fault'),
  ].filter((text) => !text.startsWith('0 '));
  const sync = ['diff', 'trunc', 'snap'].map(
    (kind) => `${result.marks[`zab.sync.${kind}`] ?? 0} ${kind.toUpperCase()}`,
  );
  const rate = Math.round(result.events / Math.max(0.001, cpuMs / 1000));
  return [
    `survived   ${survived.join(', ') || 'a calm run'}${faults.skipped === 0 ? '' : ` (${faults.skipped} did not apply)`}`,
    `elections  ${stats.elections}, the slowest ${span(stats.slowestElectionUs)}; learners brought level by ${sync.join(', ')}`,
    `clients    ${plural(workload.ok + workload.failed, 'operation')} answered, ${workload.unknown} unknown, ${plural(workload.watches, 'watch event')}, ${plural(workload.sessions, 'session')}, ${workload.expired} expired`,
    `history    ${plural(stats.committed, 'transaction')} committed in ${plural(stats.epochs, 'epoch')}; ${plural(stats.disksRecovered, 'disk')} recovered; settled in ${span(stats.settledUs)}`,
    ...(stats.recipes === null ? [] : [`recipes    ${recipesOf(stats.recipes)}`]),
    `checked    ${Object.keys(PROPERTIES).length} properties after ${stats.world.steps.toLocaleString('en-US')} steps; ${rate.toLocaleString('en-US')} events a CPU-second`,
    `judged     ${judgedOf(stats.decided)}`,
  ];
}

function recipesOf({ started, ended, judged, unknown, undecided, sharedBeliefs }: RecipeStats): string {
  const hard = undecided === 0 ? '' : `; ${plural(undecided, 'object')} too hard to judge`;
  return [
    `${ended.toLocaleString('en-US')} of ${plural(started, 'program')} came to an end`,
    `${plural(judged, 'operation')} judged, ${unknown} unknown`,
    `two clients believed in one lock ${plural(sharedBeliefs, 'time')}${hard}`,
  ].join(', ');
}

/** How often each rule about histories was put to the test, those that never were included. */
const judgedOf = (decided: Result['stats']['decided']): string =>
  Object.entries(decided)
    .map(([rule, count]) => `${rule} ${count.toLocaleString('en-US')}`)
    .join(', ');
