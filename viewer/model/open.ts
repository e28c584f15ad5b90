/** Opens traces in place: the viewer's model as the worker runs it, and as tests do. */

import { scanBlock } from '../../sim/columns/scan.ts';
import { blockHeaderAt, isGzip } from '../../sim/trace-blocks.ts';
import type { Comparison, LoadProgress, TraceId, TraceInfo, TraceModel, TraceSource, Viewer } from './api.ts';
import {
  BlockShelf,
  type ByteSource,
  blocksOf,
  type Gzip,
  sourceOfBlob,
  sourceOfBytes,
  TextCutter,
  WEB_GZIP,
} from './blocks.ts';
import { compareTraces } from './compare.ts';
import { importJavaLogs, isJavaLog, type LogFile } from './import-java.ts';
import { isRecording, RecordingError, replayRecording } from './import-recording.ts';
import { type BlockScanner, breath, conclude, isAcceptable, loadAll, scannerWith } from './load.ts';
import { Model } from './model.ts';
import { Store } from './store.ts';

export interface ViewerSettings {
  /** Default: that of the web platform. */
  readonly gzip?: Gzip;
  /** Scans blocks elsewhere; default: here. */
  readonly scan?: BlockScanner;
}

export function openViewer(settings: ViewerSettings = {}): LocalViewer {
  return new LocalViewer(settings);
}

interface OpenTrace {
  readonly model: Model;
  readonly loaded: Promise<TraceInfo>;
  readonly stream: StreamFeed | null;
  isClosed: boolean;
  bytesRead: number;
  bytesTotal: number;
  readonly beganMs: number;
  /** When listeners were last told, and how much there was then. */
  toldAtMs: number;
  toldEvents: number;
}

/**
 * The first picture comes early; later ones when there is a good deal more. None when all of it will be there soon: a picture
 * costs both sides what reading a tenth of the file costs.
 */
const FIRST_TOLD_MS = 150;
const TOLD_GROWTH = 4;
const TOLD_PAUSE_MS = 500;
const SOON_MS = 700;

class LocalViewer implements Viewer {
  readonly #gzip: Gzip;
  readonly #scan: BlockScanner;
  readonly #traces = new Map<TraceId, OpenTrace>();
  readonly #listeners = new Set<(progress: LoadProgress) => void>();
  #nextId: TraceId = 1;

  constructor(settings: ViewerSettings) {
    this.#gzip = settings.gzip ?? WEB_GZIP;
    this.#scan = settings.scan ?? scannerWith(this.#gzip);
  }

  async open(source: TraceSource): Promise<TraceId> {
    const id = this.#nextId++;
    switch (source.kind) {
      case 'blob':
        await this.#openAny(id, source.name, sourceOfBlob(source.blob));
        return id;
      case 'bytes':
        await this.#openAny(id, source.name, sourceOfBytes(source.bytes));
        return id;
      case 'stream':
        this.#openStream(id, source.name);
        return id;
      case 'logs':
        this.#openLogs(id, source.files.map(({ name }) => name).join(', '), async () =>
          Promise.all(
            source.files.map(async ({ name, blob }) => ({ name, text: await textOf(sourceOfBlob(blob), this.#gzip) })),
          ),
        );
        return id;
      default:
        return source satisfies never;
    }
  }

  /** A trace, a recording or a log file: seen from how it begins. */
  async #openAny(id: TraceId, name: string, source: ByteSource): Promise<void> {
    const head = await headOf(source, this.#gzip);
    if (isRecording(head)) this.#openRecording(id, name, source);
    else if (isJavaLog(head)) this.#openLogs(id, name, async () => [{ name, text: await textOf(source, this.#gzip) }]);
    else this.#openSource(id, name, source);
  }

  #openRecording(id: TraceId, name: string, source: ByteSource): void {
    this.#openWritten(id, name, 'recording', async (write, isCancelled) => {
      const text = await textOf(source, this.#gzip);
      const replay = replayRecording(text.split('\n'), write.line);
      for (let next = replay.next(); ; next = replay.next()) {
        if (next.done === true) return { ...NOTHING_MADE, wallStartMs: next.value.wallStartMs };
        await write.flush();
        if (isCancelled()) return NOTHING_MADE;
      }
    });
  }

  #openLogs(id: TraceId, name: string, read: () => Promise<readonly LogFile[]>): void {
    this.#openWritten(id, name, 'java', async (write) => {
      const { lines, wallStartMs, offsetsMs, problems } = importJavaLogs(await read());
      for (const line of lines) write.line(line);
      const clockOffsetsMs = [...offsetsMs].map(([host, ms]) => ({ host, ms })).sort((a, b) => a.host - b.host);
      return { wallStartMs, clockOffsetsMs, problems };
    });
  }

  /** What is not a trace is made into the lines of one. */
  #openWritten(id: TraceId, name: string, origin: 'recording' | 'java', make: MakeLines): void {
    const { model, store, shelf } = this.#makeModel(id, name, null, origin);
    const stream = new StreamFeed(store, shelf, this.#gzip, (bytesRead) => this.#tell(id, bytesRead));
    const load = async (): Promise<TraceInfo> => {
      const isCancelled = (): boolean => this.#traces.get(id)?.isClosed !== false;
      const found = await writeLines(stream, make, isCancelled);
      model.wallStartMs = found.wallStartMs;
      model.clockOffsetsMs = found.clockOffsetsMs;
      model.phase = await stream.ended;
      for (const sentence of found.problems)
        store.problems.push({ kind: 'foreign', sentence, line: null, hasSchedule: false });
      if (found.failure !== null) {
        store.problems.length = 0;
        store.problems.push({ kind: 'foreign', sentence: found.failure, line: null, hasSchedule: false });
        model.phase = store.count === 0 ? 'failed' : 'damaged';
      }
      return this.#finish(id);
    };
    this.#register(id, model, 0, null, load);
  }

  #openSource(id: TraceId, name: string, source: ByteSource): void {
    const { model, store, shelf } = this.#makeModel(id, name, source);
    const load = async (): Promise<TraceInfo> => {
      model.phase = await loadAll(source, {
        store,
        shelf,
        gzip: this.#gzip,
        scan: this.#scan,
        bytesTotal: source.size,
        onBlock: (bytesRead) => this.#tell(id, bytesRead),
        isCancelled: () => this.#traces.get(id)?.isClosed !== false,
      });
      return this.#finish(id);
    };
    this.#register(id, model, source.size, null, load);
  }

  #openStream(id: TraceId, name: string): void {
    const { model, store, shelf } = this.#makeModel(id, name, null);
    const stream = new StreamFeed(store, shelf, this.#gzip, (bytesRead) => this.#tell(id, bytesRead));
    const load = async (): Promise<TraceInfo> => {
      model.phase = await stream.ended;
      return this.#finish(id);
    };
    this.#register(id, model, 0, stream, load);
  }

  #makeModel(
    id: TraceId,
    name: string,
    source: ByteSource | null,
    origin: TraceInfo['origin'] = 'simulation',
  ): { model: Model; store: Store; shelf: BlockShelf } {
    const store = new Store();
    const shelf = new BlockShelf(source, this.#gzip);
    const model = new Model({ trace: id, name, origin, store, shelf });
    return { model, store, shelf };
  }

  #register(
    id: TraceId,
    model: Model,
    bytesTotal: number,
    stream: StreamFeed | null,
    load: () => Promise<TraceInfo>,
  ): void {
    // Loading begins when the trace is known by its id.
    const loaded = breath().then(load);
    const beganMs = performance.now();
    const toldAtMs = beganMs - TOLD_PAUSE_MS + FIRST_TOLD_MS;
    this.#traces.set(id, {
      model,
      loaded,
      stream,
      isClosed: false,
      bytesRead: 0,
      bytesTotal,
      beganMs,
      toldAtMs,
      toldEvents: 0,
    });
  }

  #finish(id: TraceId): Promise<TraceInfo> {
    const open = this.#traceOf(id);
    open.bytesRead = Math.max(open.bytesRead, open.bytesTotal);
    open.model.revision += 1;
    this.#announce(id, open);
    return open.model.info();
  }

  /** Listeners hear of progress, and of a new revision when it is worth drawing again. */
  #tell(id: TraceId, bytesRead: number): void {
    const open = this.#traceOf(id);
    open.bytesRead = bytesRead;
    const now = performance.now();
    const { count } = open.model.store;
    if (now - open.toldAtMs < TOLD_PAUSE_MS || count < open.toldEvents * TOLD_GROWTH) return;
    const leftMs = bytesRead === 0 ? 0 : ((now - open.beganMs) * (open.bytesTotal - bytesRead)) / bytesRead;
    // How long a stream will be nobody knows.
    if (open.bytesTotal > 0 && leftMs < SOON_MS) return;
    open.toldAtMs = now;
    open.toldEvents = count;
    open.model.revision += 1;
    this.#announce(id, open);
  }

  #announce(id: TraceId, { model, bytesRead, bytesTotal }: OpenTrace): void {
    const { phase, revision, store } = model;
    const progress = {
      trace: id,
      phase,
      bytesRead,
      bytesTotal,
      events: store.count,
      revision,
      problems: [...store.problems],
    };
    for (const listener of this.#listeners) listener(progress);
  }

  async feed(trace: TraceId, bytes: Uint8Array): Promise<void> {
    await this.#traceOf(trace).stream?.push(bytes);
  }

  async end(trace: TraceId): Promise<void> {
    const open = this.#traceOf(trace);
    await open.stream?.end();
    await open.loaded;
  }

  async close(trace: TraceId): Promise<void> {
    const open = this.#traces.get(trace);
    if (open === undefined) return;
    open.isClosed = true;
    this.#traces.delete(trace);
  }

  onProgress(listener: (progress: LoadProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  whenLoaded(trace: TraceId): Promise<TraceInfo> {
    return this.#traceOf(trace).loaded;
  }

  trace(trace: TraceId): TraceModel {
    return this.#traceOf(trace).model;
  }

  async compare(a: TraceId, b: TraceId, by: 'time' | 'cause'): Promise<Comparison> {
    const [left, right] = [this.#traceOf(a).model.store, this.#traceOf(b).model.store];
    return compareTraces({ trace: a, store: left }, { trace: b, store: right }, by);
  }

  #traceOf(id: TraceId): OpenTrace {
    const open = this.#traces.get(id);
    if (open === undefined) throw new Error(`there is no open trace ${id}`);
    return open;
  }
}

interface LineWriter {
  readonly line: (line: object) => void;
  /** Hands over what was written so far and lets others work. */
  readonly flush: () => Promise<void>;
}

interface Made {
  readonly wallStartMs: number | null;
  readonly clockOffsetsMs: TraceInfo['clockOffsetsMs'];
  readonly problems: readonly string[];
}

const NOTHING_MADE: Made = { wallStartMs: null, clockOffsetsMs: [], problems: [] };

type MakeLines = (write: LineWriter, isCancelled: () => boolean) => Promise<Made>;

async function writeLines(
  stream: StreamFeed,
  make: MakeLines,
  isCancelled: () => boolean,
): Promise<Made & { readonly failure: string | null }> {
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  const hand = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const text = `${waiting.join('\n')}\n`;
    waiting = [];
    await stream.push(encoder.encode(text));
  };
  const write: LineWriter = {
    line: (line) => waiting.push(JSON.stringify(line)),
    flush: async () => {
      await hand();
      await breath();
    },
  };
  let made = NOTHING_MADE;
  let failure: string | null = null;
  try {
    made = await make(write, isCancelled);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    failure = error instanceof RecordingError ? said : `It could not be read: ${said}.`;
  }
  await hand();
  await stream.end();
  return { ...made, failure };
}

const HEAD_BYTES = 64 * 1024;

/** How the text of a source begins. */
async function headOf(source: ByteSource, gzip: Gzip): Promise<string> {
  const first = await source.read(0, Math.min(source.size, HEAD_BYTES));
  if (!isGzip(first, 0)) return new TextDecoder().decode(first);
  // Our own blocks are traces.
  if (blockHeaderAt(first, 0) !== null) return '';
  try {
    for await (const { bytes } of blocksOf(source, gzip))
      return new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES));
  } catch {
    // Whoever reads it from the start will say what is wrong.
  }
  return '';
}

/** Recordings and log files longer than this are not read. */
const TEXT_BYTES_MAX = 512 * 1024 * 1024;

async function textOf(source: ByteSource, gzip: Gzip): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const block of blocksOf(source, gzip)) {
    text += decoder.decode(block.isGzip ? await gzip.inflate(block.bytes) : block.bytes);
    if (text.length > TEXT_BYTES_MAX) throw new Error('the file is too long');
  }
  return text;
}

/** Lines that arrive while they are written. */
class StreamFeed {
  readonly #store: Store;
  readonly #shelf: BlockShelf;
  readonly #cutter: TextCutter;
  readonly #onBlock: (bytesRead: number) => void;
  #bytes = 0;
  #isRefused = false;
  #tail: Promise<void> = Promise.resolve();
  #settle: (phase: 'complete' | 'damaged' | 'failed') => void = () => undefined;
  readonly ended: Promise<'complete' | 'damaged' | 'failed'>;

  constructor(store: Store, shelf: BlockShelf, gzip: Gzip, onBlock: (bytesRead: number) => void) {
    this.#store = store;
    this.#shelf = shelf;
    this.#cutter = new TextCutter(gzip);
    this.#onBlock = onBlock;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  push(bytes: Uint8Array): Promise<void> {
    return this.#queue(async () => {
      for (const text of this.#cutter.push(bytes)) await this.#take(text);
    });
  }

  end(): Promise<void> {
    return this.#queue(async () => {
      const rest = this.#cutter.rest();
      if (rest.length > 0) await this.#take(rest);
      if (this.#isRefused) return this.#settle('failed');
      this.#settle(conclude(this.#store) as 'complete' | 'damaged' | 'failed');
    });
  }

  /** Pieces are taken one after the other, however fast they come. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work);
    return this.#tail;
  }

  async #take(text: Uint8Array): Promise<void> {
    if (this.#isRefused) return;
    const { kept } = await this.#cutter.keep(text, this.#bytes);
    this.#bytes += text.length;
    const isFirst = this.#shelf.count === 0;
    this.#shelf.add(kept);
    this.#store.append(scanBlock(text));
    this.#isRefused = isFirst && !isAcceptable(this.#store);
    this.#onBlock(this.#bytes);
  }
}
