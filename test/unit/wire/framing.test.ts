import { produce } from 'immer';
import { describe, expect, test } from 'vitest';
import { concat, fromHex } from '../../../core/wire/bytes.ts';
import {
  dropBytes,
  type FrameBuffer,
  frame,
  frameBuffer,
  intAt,
  nextFrame,
  peekBytes,
  pushBytes,
  takeAll,
  takeBytes,
} from '../../../core/wire/framing.ts';

function holding(...chunks: readonly (readonly number[])[]): FrameBuffer {
  const fb = frameBuffer();
  for (const chunk of chunks) pushBytes(fb, Uint8Array.from(chunk));
  return fb;
}

const MAX = 100;

test('a frame that lies in one chunk', () => {
  const fb = holding([0, 0, 0, 2, 7, 8, 9]);
  expect(nextFrame(fb, MAX)).toEqual({ kind: 'frame', bytes: Uint8Array.of(7, 8) });
  expect(nextFrame(fb, MAX)).toEqual({ kind: 'more' });
  expect(takeAll(fb)).toEqual(Uint8Array.of(9));
});

test('a frame that is spread over chunks', () => {
  const fb = holding([0], [0, 0], [2, 7], [8]);
  expect(nextFrame(fb, MAX)).toEqual({ kind: 'frame', bytes: Uint8Array.of(7, 8) });
  expect(fb).toEqual(frameBuffer());
});

test('an empty frame is a frame', () => {
  expect(nextFrame(holding([0, 0, 0, 0]), MAX)).toEqual({ kind: 'frame', bytes: new Uint8Array() });
});

test('the greatest length is accepted, one more is not, and no byte of it is waited for', () => {
  expect(nextFrame(holding([0, 0, 0, MAX]), MAX)).toEqual({ kind: 'more' });
  expect(nextFrame(holding([0, 0, 0, MAX + 1]), MAX)).toEqual({ kind: 'bad', error: 'too-large' });
  expect(nextFrame(holding([0x7f, 0xff, 0xff, 0xff]), MAX)).toEqual({ kind: 'bad', error: 'too-large' });
  expect(nextFrame(holding([0xff, 0xff, 0xff, 0xff]), MAX)).toEqual({ kind: 'bad', error: 'bad-length' });
});

test('peek shows, take consumes, drop skips', () => {
  const fb = holding([1, 2, 3], [4, 5]);
  expect(peekBytes(fb, 6)).toBeNull();
  expect(peekBytes(fb, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(takeBytes(fb, 2)).toEqual(Uint8Array.of(1, 2));
  dropBytes(fb, 2);
  expect(fb.size).toBe(1);
  expect(takeAll(fb)).toEqual(Uint8Array.of(5));
  expect(takeAll(fb)).toEqual(new Uint8Array());
});

test('an int is found wherever the chunks are cut', () => {
  const bytes = fromHex('0102030405060708')!;
  for (let cut = 0; cut <= 8; cut++) {
    const fb = frameBuffer();
    pushBytes(fb, bytes.subarray(0, cut));
    pushBytes(fb, bytes.subarray(cut));
    expect(intAt(fb, 0)).toBe(0x0102_0304);
    expect(intAt(fb, 3)).toBe(0x0405_0607);
  }
});

test('frame puts the length before the body', () => {
  expect(frame(Uint8Array.of(5, 6))).toEqual(Uint8Array.of(0, 0, 0, 2, 5, 6));
});

describe('a stream cut into single bytes', () => {
  const body = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  const stream = concat([frame(body), Uint8Array.of(1, 2)]);

  test('is held in few chunks and comes out as it went in', () => {
    const fb = frameBuffer();
    let chunksMax = 0;
    for (let i = 0; i < stream.length; i++) {
      pushBytes(fb, stream.subarray(i, i + 1));
      chunksMax = Math.max(chunksMax, fb.chunks.length);
    }
    expect(chunksMax).toBeLessThanOrEqual(20);
    const next = nextFrame(fb, body.length);
    expect(next.kind === 'frame' && Buffer.compare(next.bytes, body)).toBe(0);
    expect(fb.size).toBe(2);
  });

  test('what was handed in is never written to', () => {
    const chunks = [Uint8Array.of(0, 0), Uint8Array.of(0), Uint8Array.of(1, 9)];
    const fb = frameBuffer();
    for (const chunk of chunks) pushBytes(fb, chunk);
    nextFrame(fb, MAX);
    expect(chunks).toEqual([Uint8Array.of(0, 0), Uint8Array.of(0), Uint8Array.of(1, 9)]);
  });
});

test('the buffer works inside an immer draft and leaves the state before it alone', () => {
  const before = { fb: holding([0, 0, 0, 2], [7]) };
  const seen: unknown[] = [];
  const after = produce(before, (draft) => {
    pushBytes(draft.fb, Uint8Array.of(8, 0, 0));
    seen.push(nextFrame(draft.fb, MAX));
  });
  expect(seen).toEqual([{ kind: 'frame', bytes: Uint8Array.of(7, 8) }]);
  expect(after.fb.size).toBe(2);
  expect(before.fb.size).toBe(5);
  expect(peekBytes(before.fb, 5)).toEqual(Uint8Array.of(0, 0, 0, 2, 7));
});
