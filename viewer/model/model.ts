/** One open trace, answering the questions of `api.ts`. Each question has its module; this is the desk they sit at. */

import type { RareLine } from '../../sim/columns/block.ts';
import {
  type ChainLink,
  type Cone,
  type Election,
  type ElectionDetail,
  EVENT_KINDS,
  type EventDetail,
  type EventPage,
  type EventRow,
  type HostId,
  type LoadPhase,
  type LogicalAxis,
  type LogView,
  MESSAGE_GROUPS,
  type MessageView,
  type Picture,
  type SearchOptions,
  type SearchResult,
  type StateDiff,
  type StatePath,
  type StatePoint,
  type StateView,
  type StoryItem,
  type TimeRange,
  type TraceId,
  type TraceInfo,
  type TraceModel,
  type TreeView,
  type ViolationDetail,
  type ViolationMark,
} from './api.ts';
import type { BlockShelf } from './blocks.ts';
import { Causality } from './cause.ts';
import { upperBound } from './columns.ts';
import { delaysOf, stagesOf } from './delays.ts';
import { Describer, noteText } from './describe.ts';
import { type ElectionFacts, electionsOf, type Note, notesOf } from './elections.ts';
import { chromeTrace, shivizLog } from './exports.ts';
import { cutSpans, faultSpans } from './faults.ts';
import { HistoryReader } from './history.ts';
import { bandsOf } from './lanes.ts';
import { linesOf, rawLinesOf } from './lines.ts';
import { nodeOf } from './nodes.ts';
import { pictureOf } from './picture.ts';
import { search } from './search.ts';
import { StateReader } from './state.ts';
import type { Store } from './store.ts';
import { storyOf } from './story.ts';
import { decodeValue } from './values.ts';
import { violationDetails, violationMarks } from './violations.ts';
import { voterSetsOf, votersAt } from './voters.ts';
import { matrixOf } from './votes.ts';

export interface ModelParts {
  readonly trace: TraceId;
  readonly name: string;
  readonly origin: TraceInfo['origin'];
  readonly store: Store;
  readonly shelf: BlockShelf;
}

const EFFECTS_SHOWN = 100;

interface Findings {
  readonly count: number;
  readonly phase: LoadPhase;
  readonly notes: readonly Note[];
  readonly facts: readonly ElectionFacts[];
  readonly elections: readonly Election[];
  readonly violations: readonly ViolationMark[];
  readonly story: readonly StoryItem[];
}

export class Model implements TraceModel {
  readonly #parts: ModelParts;
  readonly store: Store;
  readonly #describer: Describer;
  readonly #causality: Causality;
  readonly #states: StateReader;
  readonly #histories: HistoryReader;
  #found: Findings | null = null;
  phase: LoadPhase = 'reading';
  revision = 0;
  /** Wall clock at time 0, for what comes from real servers. */
  wallStartMs: number | null = null;
  /** Of the clocks of real servers. */
  clockOffsetsMs: TraceInfo['clockOffsetsMs'] = [];

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.store = parts.store;
    this.#describer = new Describer(parts.store);
    this.#causality = new Causality(parts.store);
    this.#states = new StateReader(parts.store, parts.shelf);
    this.#histories = new HistoryReader(parts.store, this.#states, () => this.#findings().notes);
  }

  async info(): Promise<TraceInfo> {
    const { trace, name, origin } = this.#parts;
    const { store, wallStartMs, clockOffsetsMs } = this;
    const { servers, clients } = store.hosts();
    const { header, verdict } = store;
    return {
      trace,
      name,
      origin,
      phase: this.phase,
      problems: [...store.problems],
      seed: header?.seed ?? null,
      commit: header?.commit ?? null,
      schedule: header?.schedule ?? null,
      servers,
      clients,
      wallStartMs,
      clockOffsetsMs,
      events: store.count,
      beginUs: 0,
      endUs: store.endUs,
      verdict:
        verdict === null
          ? null
          : {
              verdict: verdict.verdict,
              hash: verdict.hash,
              stats: verdict.stats,
              violationCount: verdict.violationCount,
            },
    };
  }

  async picture(): Promise<Picture> {
    const isComplete = this.phase !== 'reading';
    return pictureOf(this.store, { revision: this.revision, complete: isComplete }, this.#findings());
  }

  // --- events ---

  async rawLines(index: number): Promise<readonly string[]> {
    return rawLinesOf(this.store, this.#parts.shelf, index);
  }

  async event(index: number): Promise<EventDetail | null> {
    const { store } = this;
    if (index < 1 || index > store.count) return null;
    const lines = await linesOf(store, this.#parts.shelf, index);
    const step = lines.find(({ type }) => type === 'step') as StepLine | undefined;
    const row = index - 1;
    return {
      index,
      id: store.events.id.get(row),
      timeUs: store.events.timeUs.get(row),
      host: store.events.host.get(row),
      kind: EVENT_KINDS[store.events.kind.get(row)]!,
      sentence: this.#describer.sentence(index),
      cause: store.events.cause.get(row),
      effects: this.#causality.effectsOf(index, EFFECTS_SHOWN),
      generation: step?.generation ?? null,
      monoMs: step?.mono ?? null,
      wallMs: step?.wall ?? null,
      input: step === undefined ? null : nodeOf('input', decodeValue(step.input)),
      outputs: (step?.effects ?? []).map((effect) => nodeOf(effect.type, decodeValue(effect))),
      notes: (step?.effects ?? []).flatMap(({ type, code = '', fields = {} }) =>
        type === 'note' ? [{ code, text: noteText(code, fields) }] : [],
      ),
      sent: this.#sentViews(index, lines),
      received: await this.#receivedViews(index),
      changes: await this.#states.changesAt(store.events.host.get(row), index),
    };
  }

  #sentViews(index: number, lines: readonly RareLine[]): MessageView[] {
    const messages = lines.flatMap((line) =>
      line.type === 'segment' ? (line as unknown as SegmentLine).messages : [],
    );
    return this.#describer.sent(index).map((row, i) => this.#messageView(row, messages[i]?.fields));
  }

  /** What a message says stands in the lines of the event that sent it. */
  async #receivedViews(index: number): Promise<MessageView[]> {
    const views: MessageView[] = [];
    for (const row of this.#describer.received(index)) {
      const sender = this.store.messages.sentIndex.get(row);
      const lines = await linesOf(this.store, this.#parts.shelf, sender);
      const messages = lines.flatMap((line) =>
        line.type === 'segment' ? (line as unknown as SegmentLine).messages : [],
      );
      views.push(this.#messageView(row, messages[this.#describer.sent(sender).indexOf(row)]?.fields));
    }
    return views;
  }

  #messageView(row: number, fields: Readonly<Record<string, unknown>> = {}): MessageView {
    const { messages, names } = this.store;
    const arrivedUs = messages.arrivedUs.get(row);
    return {
      row,
      name: names.list[messages.name.get(row)]!,
      group: MESSAGE_GROUPS[messages.group.get(row)]!,
      from: messages.from.get(row),
      to: messages.to.get(row),
      sentUs: messages.sentUs.get(row),
      arrivedUs: Number.isNaN(arrivedUs) ? null : arrivedUs,
      sentIndex: messages.sentIndex.get(row),
      arrivedIndex: messages.arrivedIndex.get(row),
      fields: Object.entries(fields).map(([name, value]) => ({ name, text: nodeOf(name, decodeValue(value)).text })),
      text: this.#describer.messageText(row),
    };
  }

  async indexOf(id: number): Promise<number> {
    return this.store.indexOf(id);
  }

  async indexAt(timeUs: number, host?: HostId): Promise<number> {
    const times = this.store.events.timeUs.view();
    const last = upperBound(times, timeUs);
    if (host === undefined) return last;
    const rows = this.store.byHost.get(host)?.view() ?? [];
    const at = upperBound(rows, last);
    return at === 0 ? 0 : rows[at - 1]!;
  }

  async neighbour(index: number, direction: -1 | 1): Promise<number> {
    const { store } = this;
    if (index < 1 || index > store.count) return 0;
    const rows = store.byHost.get(store.events.host.get(index - 1))!.view();
    const at = upperBound(rows, index) - 1 + direction;
    return rows[at] ?? 0;
  }

  async events({
    from,
    count,
    query,
  }: {
    readonly from: number;
    readonly count: number;
    readonly query?: string;
  }): Promise<EventPage> {
    if (query !== undefined && query.trim() !== '') {
      const found = await this.search(query, { from, limit: count });
      return { total: found.total, rows: Array.from(found.events, (index) => this.#describer.row(index)) };
    }
    const first = Math.max(1, from);
    const last = Math.min(this.store.count, first + count - 1);
    const rows: EventRow[] = [];
    for (let index = first; index <= last; index++) rows.push(this.#describer.row(index));
    return { total: this.store.count, rows };
  }

  // --- what happened ---

  /** What is found by looking at the whole run; made again when more of it has been read. */
  #findings(): Findings {
    const { store } = this;
    if (this.#found !== null && this.#found.count === store.count && this.#found.phase === this.phase)
      return this.#found;
    const notes = notesOf(store);
    const facts = electionsOf(store, notes);
    const elections = facts.map(({ election }) => election);
    const violations = violationMarks(store);
    const story = storyOf({ store, notes, elections, faults: faultSpans(store), violations });
    this.#found = { count: store.count, phase: this.phase, notes, facts, elections, violations, story };
    return this.#found;
  }

  async elections(): Promise<readonly Election[]> {
    return this.#findings().elections;
  }

  async election(number: number): Promise<ElectionDetail | null> {
    const { store } = this;
    const { notes, facts } = this.#findings();
    const one = facts[number - 1];
    if (one === undefined) return null;
    const { servers } = store.hosts();
    const sources = {
      store,
      notes,
      describer: this.#describer,
      bands: new Map(servers.map((host) => [host, bandsOf(store, host)])),
      cuts: cutSpans(store),
      voters: votersAt(voterSetsOf(store, notes), one.election.endIndex).voters,
    };
    const matrix = matrixOf(sources, one);
    const stages = one.election.kind === 'join' ? [] : stagesOf(sources, one, matrix);
    return { ...one.election, matrix, stages, delays: delaysOf(sources, one, matrix, stages) };
  }

  async story(): Promise<readonly StoryItem[]> {
    return this.#findings().story;
  }

  async violations(): Promise<readonly ViolationDetail[]> {
    return violationDetails(this.store, this.#describer);
  }

  // --- state ---

  async state(host: HostId, index: number): Promise<StateView> {
    return this.#states.view(host, index);
  }

  async stateDiff(a: StatePoint, b: StatePoint): Promise<StateDiff> {
    return this.#states.diff(a, b);
  }

  async nextChange(host: HostId, index: number, path: StatePath, direction: -1 | 1): Promise<number> {
    return this.#states.nextChange(host, index, path, direction);
  }

  async log(host: HostId, index: number, options: { readonly count?: number } = {}): Promise<LogView> {
    return this.#histories.log(host, index, options);
  }

  async tree(host: HostId, index: number): Promise<TreeView> {
    return this.#histories.tree(host, index);
  }

  // --- cause ---

  async cone(
    index: number,
    direction: 'causes' | 'effects',
    limit?: number,
    by: 'cause' | 'order' = 'cause',
  ): Promise<Cone> {
    return this.#causality.cone(index, direction, limit, by);
  }

  async chain(a: number, b: number): Promise<readonly ChainLink[] | null> {
    return this.#causality.chain(a, b, this.#describer);
  }

  async logical(): Promise<LogicalAxis> {
    return this.#causality.logical();
  }

  // --- the rest ---

  async search(query: string, options: SearchOptions = {}): Promise<SearchResult> {
    return search({ store: this.store, describer: this.#describer, story: this.#findings().story }, query, options);
  }

  async exportChrome(range: TimeRange | null): Promise<string> {
    return chromeTrace(this.store, this.#describer, range);
  }

  async exportShiviz(range: TimeRange | null): Promise<string> {
    return shivizLog(this.store, this.#describer, range);
  }
}

interface StepLine extends RareLine {
  readonly generation: number;
  readonly mono: number;
  readonly wall: number;
  readonly input: unknown;
  readonly effects: readonly {
    readonly type: string;
    readonly code?: string;
    readonly fields?: Readonly<Record<string, unknown>>;
  }[];
}

interface SegmentLine {
  readonly messages: readonly { readonly name: string; readonly fields: Readonly<Record<string, unknown>> }[];
}
