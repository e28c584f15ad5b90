/**
 * Small byte arrays without an allocation each. A typed array of more than 64 bytes owns memory outside the heap of V8,
 * and getting it costs 1 to 2 us, more than everything else that happens to a message. So pieces are cut from slabs.
 *
 * A slab is only ever filled upwards: a piece that was handed out is never written again and no piece is given back, so
 * pieces are as immutable as arrays of their own. The price is that a slab lives as long as any piece of it. Hence two
 * sizes: large slabs for what is sent and forgotten, small ones for what is kept (`copyBytes`), where one kept piece may
 * hold on to at most `KEPT_SLAB_SIZE`.
 *
 * Whoever clones a piece by its buffer (structuredClone, postMessage) copies the slab; such callers cut it out first.
 */

/** Arrays up to this size live inside V8's heap and are cheap. */
const INLINE_SIZE = 64;
export const SLAB_SIZE = 32 * 1024;
const KEPT_SLAB_SIZE = 4 * 1024;

export interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Everything before this belongs to pieces that were handed out. */
  used: number;
}

export function newSlab(size: number): Slab {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer), used: 0 };
}

/** Slabs that nobody is writing into. A writer takes one out while it is open, so that open writers do not collide. */
const idle: Slab[] = [];
const IDLE_MAX = 4;
const ROOM_MIN = 256;

/** A slab with room for at least `size` bytes, taken out of circulation until `giveBack`. */
export function takeSlab(size: number): Slab {
  if (size > SLAB_SIZE / 4) return newSlab(size);
  const slab = idle.pop();
  return slab !== undefined && slab.bytes.length - slab.used >= size ? slab : newSlab(SLAB_SIZE);
}

/** Ends the use of a slab by a writer. Slabs made for one large piece are not shared: their rest would hold it all. */
export function giveBack(slab: Slab): void {
  const shared = slab.bytes.length === SLAB_SIZE;
  if (shared && SLAB_SIZE - slab.used >= ROOM_MIN && idle.length < IDLE_MAX) idle.push(slab);
}

/** An array of `size` zeros for the caller to fill and hand out once. */
export function allocate(size: number): Uint8Array {
  if (size <= INLINE_SIZE || size > SLAB_SIZE / 4) return new Uint8Array(size);
  const slab = takeSlab(size);
  const piece = slab.bytes.subarray(slab.used, slab.used + size);
  slab.used += size;
  giveBack(slab);
  return piece;
}

let kept = newSlab(KEPT_SLAB_SIZE);

/** A copy to keep: for views of frames and chunks that outlive the step. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  if (size <= INLINE_SIZE || size > KEPT_SLAB_SIZE / 4) return bytes.slice();
  if (kept.bytes.length - kept.used < size) kept = newSlab(KEPT_SLAB_SIZE);
  const piece = kept.bytes.subarray(kept.used, kept.used + size);
  kept.used += size;
  piece.set(bytes);
  return piece;
}
