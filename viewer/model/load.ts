/**
 * Reads a source to its end: finds blocks, has them scanned, puts them into the store, and says how far it is.
 *
 * Blocks may be scanned by other workers at the same time; they are put into the store in the order of the file all the
 * same. Whatever goes wrong, what was read before it stays, and a `Problem` says in words what happened.
 */

import type { BlockColumns } from '../../sim/columns/block.ts';
import { DEFLATE_END, DigestDecoder, payloadsOf, textBytesOf } from '../../sim/columns/digest.ts';
import { scanBlock } from '../../sim/columns/scan.ts';
import type { LoadPhase, Problem } from './api.ts';
import {
  BlockError,
  type BlockShelf,
  type ByteSource,
  blocksOf,
  type FoundBlock,
  type Gzip,
  joined,
} from './blocks.ts';
import type { Store } from './store.ts';

/** Turns one block into columns; the default does it here. */
export type BlockScanner = (block: Pick<FoundBlock, 'bytes' | 'isGzip'>) => Promise<BlockColumns> | BlockColumns;

export const scannerWith =
  (gzip: Gzip): BlockScanner =>
  async ({ bytes, isGzip }) =>
    scanBlock(isGzip ? await gzip.inflate(bytes) : bytes);

/** Blocks on their way at the same time: enough to keep other workers busy, few enough to hold in memory. */
const BLOCKS_AHEAD = 6;
/** Digests that are inflated together: many, as each call of the browser costs as much as inflating ten; few at first. */
const BATCH_BLOCKS = 64;
const FIRST_BATCH_BLOCKS = 8;
/** When so much is read, what there will be in all is guessed, and guessed again at so many times as much. */
const EXPECT_SHARE = 0.02;
const EXPECT_AGAIN = 6;
/** The worker answers questions in between at least this often. */
const BREATH_MS = 40;

export interface LoadSettings {
  readonly store: Store;
  readonly shelf: BlockShelf;
  readonly gzip: Gzip;
  readonly scan: BlockScanner;
  readonly onBlock: (bytesRead: number) => void;
  /** Length of the source. */
  readonly bytesTotal: number;
  /** Reading shall end. */
  readonly isCancelled: () => boolean;
}

/** Reads all of it; the phase tells how it ended. */
export async function loadAll(source: ByteSource, settings: LoadSettings): Promise<LoadPhase> {
  const { store, gzip } = settings;
  if (source.size === 0) {
    store.problems.push(problem('empty', 'The file is empty.', store));
    return 'failed';
  }
  try {
    const isOurs = await take(blocksOf(source, gzip), settings);
    if (!isOurs) return 'failed';
  } catch (error) {
    if (error instanceof BlockError) {
      store.problems.push(problem(error.kind, `${error.message} ${readSoFar(store)}`, store));
    } else {
      const said = error instanceof Error ? error.message : String(error);
      store.problems.push(problem('bad-gzip', `Reading failed: ${said}. ${readSoFar(store)}`, store));
    }
  }
  return conclude(store);
}

/** Takes blocks as they come, in order. False when the first one shows that this is no trace of ours. */
async function take(blocks: AsyncIterable<FoundBlock>, settings: LoadSettings): Promise<boolean> {
  const { store, shelf, onBlock } = settings;
  const waiting: Batch[] = [];
  let batch: FoundBlock[] = [];
  let batchMax = FIRST_BATCH_BLOCKS;
  let blocksWaiting = 0;
  let breathAt = performance.now() + BREATH_MS;
  let isFirst = true;
  let expectAt = EXPECT_SHARE;
  const begin = (): void => {
    if (batch.length === 0) return;
    const columns = columnsOf(batch, settings);
    // It is awaited in its turn; until then nobody may call it unhandled.
    columns.catch(() => undefined);
    waiting.push({ found: batch, columns });
    blocksWaiting += batch.length;
    batch = [];
    batchMax = BATCH_BLOCKS;
  };
  const takeOne = async (): Promise<boolean> => {
    const { found, columns } = waiting.shift()!;
    blocksWaiting -= found.length;
    for (const [i, make] of (await columns).entries()) {
      const block = make();
      shelf.add(found[i]!.kept);
      const lineBase = store.lines;
      store.append(block);
      noteBadLines(store, block, lineBase);
      if (isFirst && !isAcceptable(store)) return false;
      isFirst = false;
      onBlock(found[i]!.bytesRead);
      const share = found[i]!.bytesRead / settings.bytesTotal;
      if (share >= expectAt) {
        store.expectRest(share);
        expectAt = share * EXPECT_AGAIN;
      }
      if (performance.now() > breathAt) {
        await breath();
        breathAt = performance.now() + BREATH_MS;
      }
    }
    return true;
  };
  let damage: unknown = null;
  try {
    for await (const found of blocks) {
      if (settings.isCancelled()) return true;
      // Neighbours with digests are inflated together; any other block is scanned by itself.
      if (batch.length > 0 && (found.digest === null || batch.length >= batchMax)) begin();
      batch.push(found);
      if (found.digest === null) begin();
      while (blocksWaiting >= BLOCKS_AHEAD && waiting.length > 1) if (!(await takeOne())) return false;
    }
  } catch (error) {
    damage = error;
  }
  begin();
  // Blocks before the damage are good.
  while (waiting.length > 0) if (!(await takeOne())) return false;
  if (damage !== null) throw damage;
  return true;
}

interface Batch {
  readonly found: readonly FoundBlock[];
  /** In the order of the file. What one of them gives holds until the next is called. */
  readonly columns: Promise<readonly (() => BlockColumns)[]>;
}

/** One block that is to be scanned, or several that bring digests. */
async function columnsOf(
  found: readonly FoundBlock[],
  { gzip, scan }: LoadSettings,
): Promise<readonly (() => BlockColumns)[]> {
  const payloads = found[0]!.digest === null ? null : await digestsOf(found, gzip);
  const decoder = new DigestDecoder();
  return Promise.all(
    found.map(async (one, i) => {
      const payload = payloads?.[i] ?? null;
      if (payload !== null) return () => decoder.block(payload);
      const block = await scan(one);
      return () => block;
    }),
  );
}

/** Null for those that are damaged or of another text: a digest is only believed when it fits. */
async function digestsOf(found: readonly FoundBlock[], gzip: Gzip): Promise<(Uint8Array | null)[] | null> {
  const deflated = joined([...found.map(({ digest }) => digest!.deflated), DEFLATE_END]);
  try {
    const payloads = payloadsOf(await gzip.inflateRaw(deflated), found.length);
    return payloads.map((payload, i) =>
      payload !== null && textBytesOf(payload) === found[i]!.digest!.textBytes ? payload : null,
    );
  } catch {
    return null;
  }
}

/**
 * Lets other messages of the worker in. A timer within timers waits four milliseconds in a browser, which is a tenth of the time
 * between two breaths; a message to oneself does not wait.
 */
export function breath(): Promise<void> {
  const { setImmediate } = globalThis as unknown as { readonly setImmediate?: (then: () => void) => void };
  if (setImmediate !== undefined) return new Promise(setImmediate);
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export const TRACE_VERSION_READ = 2;

/** Whether the first line is the header of a trace that can be read; says why not. */
export function isAcceptable(store: Store): boolean {
  const { header } = store;
  if (header === null || (header as unknown as { format?: unknown }).format !== 'vivarium-trace') {
    store.problems.length = 0;
    store.problems.push(
      problem(
        'foreign',
        'This is no trace of Vivarium: the first line is not its header. What can be opened are traces (`npm run sim -- --seed 42 --trace run.ndjson.gz`), recordings of a server, and log files of ZooKeeper.',
        store,
      ),
    );
    return false;
  }
  const { version } = header;
  if (version < TRACE_VERSION_READ) {
    store.problems.push(
      problem(
        'old-version',
        `The trace has version ${version} of the format, which does not say what servers were; this viewer reads version ${TRACE_VERSION_READ}. The schedule is in it: run it again to get a new trace.`,
        store,
      ),
    );
    return false;
  }
  if (version > TRACE_VERSION_READ) {
    store.problems.push(
      problem(
        'new-version',
        `The trace has version ${version} of the format; this viewer reads version ${TRACE_VERSION_READ}. It needs a newer viewer.`,
        store,
      ),
    );
    return false;
  }
  return true;
}

const BAD_LINES_TOLD = 5;

function noteBadLines(store: Store, block: BlockColumns, lineBase: number): void {
  for (const { line, reason } of block.bad) {
    if (store.problems.filter(({ kind }) => kind === 'bad-line').length >= BAD_LINES_TOLD) return;
    const number = lineBase + line + 1;
    store.problems.push({
      kind: 'bad-line',
      sentence: `Line ${number} cannot be read (${reason}) and is passed over.`,
      line: number,
      hasSchedule: store.header !== null,
    });
  }
}

/** All blocks are in. */
export function conclude(store: Store): LoadPhase {
  store.finish();
  if (store.header === null && store.problems.length === 0) isAcceptable(store);
  if (store.header === null) return 'failed';
  if (store.verdict === null) {
    // A line that was cut off in its middle is part of the same story.
    dropLastBadLine(store);
    if (!store.problems.some(({ kind }) => kind === 'truncated' || kind === 'bad-gzip'))
      store.problems.push(
        problem('truncated', `The trace has no verdict at its end: it was cut off. ${readSoFar(store)}`, store),
      );
  }
  return store.problems.length === 0 ? 'complete' : 'damaged';
}

function dropLastBadLine(store: Store): void {
  const at = store.problems.findIndex(({ kind, line }) => kind === 'bad-line' && line === store.lines);
  if (at >= 0) store.problems.splice(at, 1);
}

const readSoFar = (store: Store): string =>
  store.count === 0
    ? 'No event could be read.'
    : `${store.count.toLocaleString('en')} events up to ${(store.endUs / 1_000_000).toFixed(3)} s could be read.`;

const problem = (kind: Problem['kind'], sentence: string, store: Store): Problem => ({
  kind,
  sentence,
  line: null,
  hasSchedule: store.header?.schedule !== undefined,
});
