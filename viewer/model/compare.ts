/**
 * Two traces side by side: which events of one are which of the other, and where they part.
 *
 * By **time**, two events are the same when they happen at the same moment, to the same host, with the same messages read
 * and sent: what two runs of one seed have in common until the first thing that differs. By **cause**, time does not
 * count, and what led to an event does: two events are the same when they do the same and so do their causes. That finds
 * the same story told at another pace, as after a fault was removed or shifted.
 */

import type { Comparison, TraceId } from './api.ts';
import { Describer } from './describe.ts';
import type { Store } from './store.ts';
import { moment } from './words.ts';

export function compareTraces(
  a: { readonly trace: TraceId; readonly store: Store },
  b: { readonly trace: TraceId; readonly store: Store },
  by: 'time' | 'cause',
): Comparison {
  const left = signaturesOf(a.store, by);
  const right = signaturesOf(b.store, by);
  /** Indexes in b of each signature, in order; the first that are not yet taken. */
  const waiting = new Map<number, { readonly rows: number[]; next: number }>();
  for (let row = 0; row < right.length; row++) {
    const known = waiting.get(right[row]!);
    if (known === undefined) waiting.set(right[row]!, { rows: [row], next: 0 });
    else known.rows.push(row);
  }
  const pairs: { readonly left: number[]; readonly right: number[] } = { left: [], right: [] };
  const taken = new Uint8Array(right.length);
  let onlyLeft = 0;
  for (let row = 0; row < left.length; row++) {
    const there = waiting.get(left[row]!);
    const other = there === undefined ? undefined : there.rows[there.next];
    if (there === undefined || other === undefined) {
      onlyLeft ||= row + 1;
      continue;
    }
    there.next += 1;
    taken[other] = 1;
    pairs.left.push(row + 1);
    pairs.right.push(other + 1);
  }
  const onlyRight = taken.indexOf(0) + 1;
  return {
    a: a.trace,
    b: b.trace,
    by,
    left: Uint32Array.from(pairs.left),
    right: Uint32Array.from(pairs.right),
    ...divergenceOf(a.store, b.store, onlyLeft, onlyRight),
  };
}

function divergenceOf(a: Store, b: Store, left: number, right: number): Pick<Comparison, 'divergence' | 'sentence'> {
  if (left === 0 && right === 0) return { divergence: null, sentence: 'The two traces tell the same, event by event.' };
  const told = (store: Store, index: number): { us: number; text: string } =>
    index === 0
      ? { us: store.endUs, text: 'nothing that the other has not' }
      : { us: store.events.timeUs.get(index - 1), text: new Describer(store).sentence(index) };
  const first = told(a, left);
  const second = told(b, right);
  const sentence = `The same until ${moment(Math.min(first.us, second.us))}. Then in the first: ${first.text}${left === 0 ? '' : ` (event ${left})`}; in the second: ${second.text}${right === 0 ? '' : ` (event ${right})`}.`;
  return {
    divergence: { left, right, leftUs: first.us, rightUs: second.us, leftText: first.text, rightText: second.text },
    sentence,
  };
}

// --- signatures ------------------------------------------------------------------------------------------------------

const mix = (hash: number, word: number): number => {
  const h = Math.imul(hash ^ word, 0x9e37_79b1);
  return (h ^ (h >>> 15)) | 0;
};

/** A number of 53 bits for each event; equal for events that are taken for the same. */
function signaturesOf(store: Store, by: 'time' | 'cause'): Float64Array {
  const { events, messages, count } = store;
  const words = namesHashed(store);
  const high = new Int32Array(count + 1);
  const low = new Int32Array(count + 1);
  const add = (index: number, word: number): void => {
    high[index] = mix(high[index]!, word);
    low[index] = mix(low[index]! + 0x7f4a_7c15, word ^ 0x5bd1_e995);
  };
  for (let index = 1; index <= count; index++) {
    add(index, events.host.get(index - 1) * 16 + events.kind.get(index - 1));
    if (by !== 'time') continue;
    const us = events.timeUs.get(index - 1);
    add(index, (us % 0x1_0000_0000) | 0);
    add(index, Math.floor(us / 0x1_0000_0000));
  }
  // Messages stand in the order of their sending in both traces.
  for (let row = 0; row < messages.uid.length; row++) {
    const zxid = messages.zxid.get(row);
    const word = mix(
      words[messages.name.get(row)]!,
      Number.isNaN(zxid) ? 0 : ((zxid % 0x1_0000_0000) | 0) ^ Math.floor(zxid / 0x1_0000_0000),
    );
    add(messages.sentIndex.get(row), mix(word, messages.to.get(row)));
    if (messages.arrivedIndex.get(row) > 0)
      add(messages.arrivedIndex.get(row), mix(word, messages.from.get(row) + 0x1_0000));
  }
  if (by === 'cause') {
    // Causes are earlier, so theirs are whole when they are needed.
    for (let index = 1; index <= count; index++) {
      const cause = events.cause.get(index - 1);
      add(index, high[cause]!);
      add(index, low[cause]!);
    }
  }
  return Float64Array.from({ length: count }, (_, row) => (high[row + 1]! >>> 0) * 0x20_0000 + (low[row + 1]! >>> 11));
}

function namesHashed({ names }: Store): Int32Array {
  return Int32Array.from(names.list, (name) => {
    let hash = name.length;
    for (let i = 0; i < name.length; i++) hash = mix(hash, name.charCodeAt(i));
    return hash;
  });
}
