/** The lines of single events, read again from their block when somebody looks at them. */

import type { RareLine } from '../../sim/columns/block.ts';
import type { BlockShelf } from './blocks.ts';
import type { Store } from './store.ts';

const DECODER = new TextDecoder();

/** The text of events `from` to `to` (both included), which stand together in the file. */
export async function textOf(store: Store, shelf: BlockShelf, from: number, to: number): Promise<string> {
  const start = store.placeOf(from);
  const end = to < store.count ? store.placeOf(to + 1) : { block: shelf.count - 1, offset: Number.POSITIVE_INFINITY };
  let text = '';
  for (let block = start.block; block <= end.block; block++) {
    const bytes = await shelf.text(block);
    const first = block === start.block ? start.offset : 0;
    const last = block === end.block ? Math.min(end.offset, bytes.length) : bytes.length;
    text += DECODER.decode(bytes.subarray(first, last));
  }
  return text;
}

/** The lines of one event as written. */
export async function rawLinesOf(store: Store, shelf: BlockShelf, index: number): Promise<string[]> {
  if (index < 1 || index > store.count) return [];
  const text = await textOf(store, shelf, index, index);
  // Behind the last event stands the verdict.
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('{"type":"verdict"'));
}

export async function linesOf(store: Store, shelf: BlockShelf, index: number): Promise<RareLine[]> {
  return (await rawLinesOf(store, shelf, index)).flatMap((line) => {
    const parsed = parseLine(line);
    return parsed === null ? [] : [parsed];
  });
}

export function parseLine(text: string): RareLine | null {
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === 'object' && line !== null && 'type' in line ? (line as RareLine) : null;
  } catch {
    return null;
  }
}
