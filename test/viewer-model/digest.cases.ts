/** The columns that a writer puts beside a block are those that scanning its lines gives; and whoever doubts them scans. */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DEFLATE_END, DigestDecoder, digestOf, payloadsOf } from '../../sim/columns/digest.ts';
import { scanBlock } from '../../sim/columns/scan.ts';
import { blockHeaderAt, digestIn } from '../../sim/trace-blocks.ts';
import { bytesOf, compressed, opened, shortTrace } from './traces.ts';

const { text } = shortTrace();

const told = (digests: Uint8Array, count: number): unknown[] =>
  payloadsOf(digests, count).map((payload) => structuredClone(new DigestDecoder().block(payload!)));

/** The text in pieces of whole lines, some with an event that began in the piece before. */
function pieces(of: string, size: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let waiting = '';
  for (const line of of.split('\n')) {
    if (line === '') continue;
    waiting += `${line}\n`;
    if (waiting.length < size) continue;
    found.push(bytesOf(waiting));
    waiting = '';
  }
  return [...found, bytesOf(waiting)].filter(({ length }) => length > 0);
}

test.each([900, 7000])('a digest says what the lines say, in blocks of %i bytes', (size) => {
  const blocks = pieces(text, size).map(scanBlock);
  expect(blocks.length).toBeGreaterThan(20);
  const digests = blocks.map((block) => digestOf(block)!);
  const flushed = digests.map((digest) => deflateRawSync(digest, { finishFlush: constants.Z_FULL_FLUSH }));
  // Behind each other they are one stream.
  const inflated = new Uint8Array(inflateRawSync(Buffer.concat([...flushed, DEFLATE_END])));
  expect(told(inflated, blocks.length)).toEqual(blocks);
  // One decoder for all of them uses the same room again.
  const decoder = new DigestDecoder();
  for (const [i, payload] of payloadsOf(inflated, blocks.length).entries())
    expect(decoder.block(payload!)).toEqual(blocks[i]);
});

test('numbers that are no integers, not there, or very far apart', () => {
  const lines = [
    '{"type":"event","id":4294967295,"index":1,"cause":0,"t":0.5,"kind":"action","host":0}',
    '{"type":"event","id":1,"index":4294967295,"cause":4294967295,"t":-3,"kind":"boot","host":65535}',
    '{"type":"zxids","event":1,"t":1,"host":1,"logged":9007199254740991,"synced":0,"committed":-9007199254740991,"applied":4294967297}',
    '{"type":"zxids","event":1,"t":1,"host":1,"logged":0,"synced":0,"committed":0,"applied":0}',
    '{"type":"invoke","event":1,"t":2,"host":1001,"id":7,"kind":"create","path":"/ä\\n"}',
    '{"type":"connection","event":1,"t":3,"kind":"dialed","uid":2,"channel":"quorum","dialer":1,"acceptor":2,"more":[1]}',
  ];
  const block = scanBlock(bytesOf(`${lines.join('\n')}\n`));
  expect(block.bad).toEqual([]);
  expect(block.events.timeUs).toEqual(Float64Array.of(0.5, -3));
  expect(told(digestOf(block)!, 1)).toEqual([block]);
});

test('a block with an unreadable line has no digest', () => {
  expect(digestOf(scanBlock(bytesOf('{"type":"x"}\ngarbage\n')))).toBeNull();
});

test('a trace is read from its digests alone, and the same as from its lines', async () => {
  const packed = compressed(text, 20_000);
  const { info, model } = await opened(packed);
  const { model: plain } = await opened(bytesOf(text), 'test');
  expect(info.phase).toBe('complete');
  // What is told of the trace does not depend on the deflated lines: here they are all overwritten.
  const gutted = packed.slice();
  for (let at = 0; at < gutted.length; ) {
    const { memberBytes } = blockHeaderAt(gutted, at)!;
    const digest = digestIn(gutted.subarray(at, at + memberBytes))!;
    gutted.fill(0, digest.byteOffset + digest.length, at + memberBytes);
    at += memberBytes;
  }
  const { info: blind, model: blindly } = await opened(gutted);
  expect(blind).toEqual({ ...info, trace: blind.trace });
  expect((await blindly.picture()).messages).toEqual((await model.picture()).messages);
  expect(await blindly.elections()).toEqual(await plain.elections());
  await expect(blindly.rawLines(40)).rejects.toThrow(
    /lines of this event cannot be read: the block at byte \d+ is damaged/,
  );
});

test('a digest that is damaged is not believed: the lines are scanned', async () => {
  const packed = compressed(text, 20_000);
  const whole = await opened(packed);
  const wanted = await whole.model.picture();
  let damaged = 0;
  for (let at = 0; at < packed.length && damaged < 12; damaged++) {
    const { memberBytes } = blockHeaderAt(packed, at)!;
    const digest = digestIn(packed.subarray(at, at + memberBytes))!;
    const hurt = packed.slice();
    hurt[digest.byteOffset + ((damaged * 7919) % digest.length)]! ^= 1 << (damaged % 8);
    const { info, model } = await opened(hurt);
    expect(info.phase).toBe('complete');
    const picture = await model.picture();
    expect(picture.events).toEqual(wanted.events);
    expect(picture.story).toEqual(wanted.story);
    at += memberBytes;
  }
  expect(damaged).toBe(12);
});
