/**
 * The event queue: a binary heap over virtual time in integer microseconds.
 *
 * The order is (time, tie, seq). Equal times are common (deadlines are whole milliseconds on every host), and which of two
 * simultaneous events comes first must be a choice, not an accident of the order in which the code scheduled them; the tie
 * is that choice, drawn by the caller. `seq` only decides between equal ties.
 *
 * Events live in slots of parallel arrays, so that scheduling one allocates nothing; what an event is about hangs on
 * `ref`. The heap itself holds times and slot numbers only, so that sifting touches two small arrays.
 */

import { assert } from '../../core/types.ts';

const CAPACITY_START = 256;

export class EventQueue {
  size = 0;
  /** Fields of the event that `pop` took out last. */
  time = 0;
  seq = 0;
  kind = 0;
  host = 0;
  cause = 0;
  arg = 0;
  ref: unknown = null;

  private heapTime = new Float64Array(CAPACITY_START);
  private heapSlot = new Int32Array(CAPACITY_START);
  private slotTie = new Uint32Array(CAPACITY_START);
  private slotSeq = new Float64Array(CAPACITY_START);
  private slotCause = new Float64Array(CAPACITY_START);
  private slotArg = new Float64Array(CAPACITY_START);
  private slotKind = new Uint8Array(CAPACITY_START);
  private slotHost = new Int32Array(CAPACITY_START);
  private slotRef: unknown[] = new Array(CAPACITY_START).fill(null);
  private freeSlots = new Int32Array(CAPACITY_START);
  private freeCount = 0;
  private nextSlot = 0;
  private nextSeq = 1;

  /** Time of the next event; Infinity when there is none. */
  peekTime(): number {
    return this.size > 0 ? this.heapTime[0]! : Number.POSITIVE_INFINITY;
  }

  /** Returns the seq of the new event, which is its id. */
  push(time: number, tie: number, kind: number, host: number, cause: number, arg: number, ref: unknown): number {
    assert(Number.isSafeInteger(time), 'event time is not an integer');
    if (this.size === this.heapTime.length) this.grow();
    const slot = this.freeCount > 0 ? this.freeSlots[--this.freeCount]! : this.nextSlot++;
    const seq = this.nextSeq++;
    this.slotTie[slot] = tie;
    this.slotSeq[slot] = seq;
    this.slotCause[slot] = cause;
    this.slotArg[slot] = arg;
    this.slotKind[slot] = kind;
    this.slotHost[slot] = host;
    this.slotRef[slot] = ref;
    this.siftUp(this.size++, time, slot);
    return seq;
  }

  /** Takes the next event out and leaves its fields in this object. */
  pop(): boolean {
    if (this.size === 0) return false;
    const slot = this.heapSlot[0]!;
    this.time = this.heapTime[0]!;
    this.seq = this.slotSeq[slot]!;
    this.kind = this.slotKind[slot]!;
    this.host = this.slotHost[slot]!;
    this.cause = this.slotCause[slot]!;
    this.arg = this.slotArg[slot]!;
    this.ref = this.slotRef[slot];
    this.slotRef[slot] = null;
    this.freeSlots[this.freeCount++] = slot;
    this.size -= 1;
    if (this.size > 0) this.siftDown(this.heapTime[this.size]!, this.heapSlot[this.size]!);
    return true;
  }

  private siftUp(from: number, time: number, slot: number): void {
    const times = this.heapTime;
    const slots = this.heapSlot;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const parentTime = times[parent]!;
      if (parentTime < time || (parentTime === time && this.precedes(slots[parent]!, slot))) break;
      times[index] = parentTime;
      slots[index] = slots[parent]!;
      index = parent;
    }
    times[index] = time;
    slots[index] = slot;
  }

  private siftDown(time: number, slot: number): void {
    const times = this.heapTime;
    const slots = this.heapSlot;
    const size = this.size;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size) {
        const leftTime = times[child]!;
        const rightTime = times[right]!;
        if (rightTime < leftTime || (rightTime === leftTime && this.precedes(slots[right]!, slots[child]!)))
          child = right;
      }
      const childTime = times[child]!;
      if (time < childTime || (time === childTime && this.precedes(slot, slots[child]!))) break;
      times[index] = childTime;
      slots[index] = slots[child]!;
      index = child;
    }
    times[index] = time;
    slots[index] = slot;
  }

  private precedes(a: number, b: number): boolean {
    const tieA = this.slotTie[a]!;
    const tieB = this.slotTie[b]!;
    return tieA < tieB || (tieA === tieB && this.slotSeq[a]! < this.slotSeq[b]!);
  }

  private grow(): void {
    const capacity = this.heapTime.length * 2;
    this.heapTime = copyInto(new Float64Array(capacity), this.heapTime);
    this.heapSlot = copyInto(new Int32Array(capacity), this.heapSlot);
    this.slotTie = copyInto(new Uint32Array(capacity), this.slotTie);
    this.slotSeq = copyInto(new Float64Array(capacity), this.slotSeq);
    this.slotCause = copyInto(new Float64Array(capacity), this.slotCause);
    this.slotArg = copyInto(new Float64Array(capacity), this.slotArg);
    this.slotKind = copyInto(new Uint8Array(capacity), this.slotKind);
    this.slotHost = copyInto(new Int32Array(capacity), this.slotHost);
    this.freeSlots = copyInto(new Int32Array(capacity), this.freeSlots);
    while (this.slotRef.length < capacity) this.slotRef.push(null);
  }
}

function copyInto<T extends { set(source: T): void }>(target: T, source: T): T {
  target.set(source);
  return target;
}
