/**
 * Other workers that inflate and scan blocks. A block is scanned by itself, so they need to know nothing of the trace; the
 * model's worker does its share too and puts everything together in order.
 */

import type { BlockColumns } from '../../sim/columns/block.ts';
import { scanBlock } from '../../sim/columns/scan.ts';
import type { FoundBlock, Gzip } from './blocks.ts';
import type { PortLike } from './client.ts';
import { type BlockScanner, scannerWith } from './load.ts';

interface Asked {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly isGzip: boolean;
}

type Scanned =
  | { readonly number: number; readonly columns: BlockColumns }
  | { readonly number: number; readonly error: string };

/** At a helper's end of the port. */
export function serveScanner(port: PortLike, gzip: Gzip): void {
  const scan = async ({ bytes, isGzip }: Asked): Promise<BlockColumns> =>
    scanBlock(isGzip ? await gzip.inflate(bytes) : bytes);
  port.addEventListener('message', ({ data }) => {
    const asked = data as Asked;
    scan(asked).then(
      (columns) => port.postMessage({ number: asked.number, columns } satisfies Scanned, buffersOf(columns)),
      (error: unknown) => {
        const said = error instanceof Error ? error.message : String(error);
        port.postMessage({ number: asked.number, error: said } satisfies Scanned);
      },
    );
  });
  port.start?.();
}

function buffersOf(columns: BlockColumns): ArrayBuffer[] {
  const found: ArrayBuffer[] = [];
  const look = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      if (value.byteLength > 0 && value.buffer instanceof ArrayBuffer) found.push(value.buffer);
    }
  };
  for (const group of Object.values(columns)) {
    look(group);
    if (typeof group === 'object' && !Array.isArray(group) && !ArrayBuffer.isView(group))
      Object.values(group).forEach(look);
  }
  return found;
}

/** Blocks that one helper may have at a time: one to work at and one to go on with. */
const WAITING_MAX = 2;
/** So many blocks without columns make a helper worth its while. */
const WANTED_AFTER = 8;

interface Helper {
  readonly port: PortLike;
  readonly waiting: Map<
    number,
    { readonly resolve: (columns: BlockColumns) => void; readonly reject: (error: Error) => void }
  >;
}

/** Shares blocks among helpers and this worker: whoever has least to do. */
export class ScannerPool {
  readonly #helpers: Helper[] = [];
  readonly #own: BlockScanner;
  #next = 1;
  /** Asks for helpers, once: starting a worker costs as much as scanning ten blocks, and most traces bring their columns. */
  #want: (() => void) | null;
  #scanned = 0;

  constructor(gzip: Gzip, want: (() => void) | null = null) {
    this.#own = scannerWith(gzip);
    this.#want = want;
  }

  add(port: PortLike): void {
    const helper: Helper = { port, waiting: new Map() };
    port.addEventListener('message', ({ data }) => {
      const scanned = data as Scanned;
      const asked = helper.waiting.get(scanned.number);
      helper.waiting.delete(scanned.number);
      if ('columns' in scanned) asked?.resolve(scanned.columns);
      else asked?.reject(new Error(scanned.error));
    });
    port.start?.();
    this.#helpers.push(helper);
  }

  readonly scan: BlockScanner = (block: Pick<FoundBlock, 'bytes' | 'isGzip'>) => {
    if (++this.#scanned > WANTED_AFTER && this.#want !== null) {
      this.#want();
      this.#want = null;
    }
    const helper = this.#helpers.find(({ waiting }) => waiting.size < WAITING_MAX);
    if (helper === undefined) return this.#own(block);
    const number = this.#next++;
    return new Promise<BlockColumns>((resolve, reject) => {
      helper.waiting.set(number, { resolve, reject });
      // A copy goes over; the block may be part of a larger piece.
      helper.port.postMessage({ number, bytes: block.bytes.slice(), isGzip: block.isGzip } satisfies Asked);
    });
  };
}
