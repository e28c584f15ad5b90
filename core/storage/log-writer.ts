/**
 * Appending to the log: group commit.
 *
 * Entries queue up in memory; a batch takes what is there, writes it, asks for one fsync, and only when that is complete
 * may the next batch begin. So there is never more than one batch whose fate a power cut can decide, and the more traffic
 * there is, the more entries share an fsync (server/SyncRequestProcessor does the same with a queue and a thread).
 *
 * Records are written with `write` at an offset that this machine knows, not appended: the file ends in zero padding, and
 * a write at a known place lands where the history says, whatever was cut or extended before (ZOOKEEPER-1489 was a stream
 * that remembered its own position over a truncation). The padding is one zero byte at its far end, as in FilePadding: it
 * costs the simulator nothing, and the file system one size change per step instead of one per batch.
 *
 * A new file begins at the first batch after a start, after a cut and after a snapshot. It begins only when everything in
 * the file before it is durable, so a hole in any file but the last can only be damage. Its name is made durable with its
 * first batch: the promise of an entry includes that of the directory entry without which it is lost.
 */

import type { PeerConfig } from '../config/types.ts';
import type { FileAction, Io } from '../io.ts';
import { assert } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';
import { follows } from '../zab/sync.ts';
import { encodeRecords, LOG_HEADER_SIZE, paddedSize, recordSize } from './log-file.ts';
import { markLater } from './mark-writer.ts';
import { inLog, LOG_DIR, logName } from './names.ts';
import { ask, type StoreTurn } from './ops.ts';
import type { StoreState } from './state.ts';

/** A batch takes more than one entry only up to this size. */
const BATCH_BYTES_MAX = 256 * 1024;
const KB = 1024;

/** Starts the next batch if there is something to write and nothing in flight. */
export function startBatch(store: StoreState, config: PeerConfig, io: Io): void {
  const { log } = store;
  if (log.batch !== null || log.queue.length === 0) return;
  const entries = takeBatch(store, config);
  const first = entries[0]!;
  const last = entries.at(-1)!;
  if (mustRoll(store, config)) log.current = null;
  log.rollDue = false;
  const isNew = log.current === null;
  const current = log.current ?? { name: logName(first.zxid), end: 0, paddedSize: LOG_HEADER_SIZE };
  const path = inLog(current.name);
  const actions: FileAction[] = [];
  if (isNew) {
    assert((log.files.at(-1)?.zxid ?? -1) < first.zxid, 'log file begins before the one before it');
    actions.push({ kind: 'create', path });
  }
  // With one batch in flight at a time, what is durable is what stands before this batch.
  assert(follows(log.durable, first.zxid), 'batch does not follow what is written');
  const bytes = encodeRecords(entries, { header: isNew, previous: log.durable });
  const padded = paddedFor(entries, { ...current, end: isNew ? LOG_HEADER_SIZE : current.end }, config);
  if (padded > current.paddedSize) {
    actions.push({ kind: 'write', path, offset: padded - 1, bytes: new Uint8Array(1) });
  }
  actions.push({ kind: 'write', path, offset: current.end, bytes }, { kind: 'fsync', path });
  if (isNew) actions.push({ kind: 'fsyncDir', path: LOG_DIR });
  const end = current.end + bytes.length;
  if (isNew) log.files.push({ name: current.name, zxid: first.zxid, size: end });
  log.current = { name: current.name, end, paddedSize: padded };
  log.batch = { last: last.zxid, opsLeft: actions.length };
  for (const action of actions) ask(store, io, 'batch', action, { lane: 'log' });
}

function takeBatch(store: StoreState, config: PeerConfig): LogEntry[] {
  const { queue } = store.log;
  const countMax = Math.max(1, config.maxBatchSize);
  let count = 0;
  let bytes = 0;
  while (count < queue.length && count < countMax) {
    const size = recordSize(queue[count]!);
    if (count > 0 && bytes + size > BATCH_BYTES_MAX) break;
    bytes += size;
    count += 1;
  }
  return queue.splice(0, count);
}

function mustRoll(store: StoreState, config: PeerConfig): boolean {
  const { current, rollDue } = store.log;
  if (current === null) return false;
  return rollDue || (config.txnLogSizeLimitKb > 0 && current.end > config.txnLogSizeLimitKb * KB);
}

/** Java looks before each record whether to extend the file; looking for all of them gives the same size. */
function paddedFor(
  entries: readonly LogEntry[],
  file: { readonly end: number; readonly paddedSize: number },
  config: PeerConfig,
): number {
  let position = file.end;
  let size = file.paddedSize;
  for (const entry of entries) {
    size = paddedSize(position, size, config.preAllocSizeKb * KB);
    position += recordSize(entry);
  }
  return size;
}

/** One operation of the batch is complete. */
export function onBatchOp({ store, io, events }: StoreTurn): void {
  const { log } = store;
  assert(log.batch !== null, 'completion of a batch without a batch');
  log.batch.opsLeft -= 1;
  if (log.batch.opsLeft > 0) return;
  const { last } = log.batch;
  log.batch = null;
  // History that is about to be replaced is of no interest any more.
  if (store.task?.kind === 'install') return;
  log.durable = last;
  markLater(store, io);
  events.push({ type: 'durable', zxid: last });
}
