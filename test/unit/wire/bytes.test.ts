import { expect, test } from 'vitest';
import { adler32 } from '../../../core/wire/adler32.ts';
import { bytesEqual, compareUtf8, concat, copyBytes, fromHex, hex } from '../../../core/wire/bytes.ts';
import { crc32 } from '../../../core/wire/crc32.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

test('hex writes pairs of lower-case digits and fromHex reads them back in either case', () => {
  expect(hex(Uint8Array.of(0, 1, 0xab, 0xff))).toBe('0001abff');
  expect(fromHex('0001abFF')).toEqual(Uint8Array.of(0, 1, 0xab, 0xff));
  expect(fromHex('')).toEqual(new Uint8Array());
});

test.each(['0', '0g', 'zz', '0x', '1 '])('fromHex refuses %j', (text) => {
  expect(fromHex(text)).toBeNull();
});

test('concat and bytesEqual go by content', () => {
  const whole = concat([Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)]);
  expect(whole).toEqual(Uint8Array.of(1, 2, 3));
  expect(bytesEqual(whole, Uint8Array.of(1, 2, 3))).toBe(true);
  expect(bytesEqual(whole, Uint8Array.of(1, 2))).toBe(false);
  expect(bytesEqual(whole, Uint8Array.of(1, 2, 4))).toBe(false);
});

test.each([1, 64, 65, 1000, 5000])('a copy of %i bytes does not follow its original', (size) => {
  const original = new Uint8Array(size).fill(7);
  const copy = copyBytes(original);
  original.fill(9);
  expect(copy).toEqual(new Uint8Array(size).fill(7));
});

test('copies do not overlap', () => {
  const copies = Array.from({ length: 200 }, (_, i) => copyBytes(new Uint8Array(100).fill(i)));
  copies.forEach((copy, i) => {
    expect(copy).toEqual(new Uint8Array(100).fill(i));
  });
});

test('the check values of the CRC catalogue', () => {
  expect(crc32(ascii('123456789'))).toBe(0xcbf4_3926);
  expect(adler32(ascii('Wikipedia'))).toBe(0x11e6_0398);
  expect(crc32(new Uint8Array())).toBe(0);
  expect(adler32(new Uint8Array())).toBe(1);
});

test('strings order as their UTF-8 bytes, not as their UTF-16 units', () => {
  const ordered = ['', 'a', 'a\u0000', 'ab', 'b', '\u07ff', '\ud7ff', '\uffff', '\u{10000}', '\u{10ffff}'];
  for (let i = 0; i < ordered.length; i++) {
    for (let k = 0; k < ordered.length; k++) {
      expect(Math.sign(compareUtf8(ordered[i]!, ordered[k]!))).toBe(Math.sign(i - k));
    }
  }
});

test.each([
  ['ff', 'a byte that starts nothing'],
  ['c080', 'an overlong NUL'],
  ['e0808f', 'an overlong sequence of three'],
  ['f0808080', 'an overlong sequence of four'],
  ['f4908080', 'above U+10FFFF'],
  ['c3', 'cut in the middle'],
  ['e282', 'cut in the middle'],
  ['c328', 'a bad continuation'],
  ['80', 'a continuation alone'],
])('%s is no UTF-8: %s', (bytes) => {
  expect(utf8Decode(fromHex(bytes)!)).toBeNull();
});

test('a character beyond U+FFFF is read from UTF-8 and from the CESU-8 that Java writes, and written as UTF-8', () => {
  expect(utf8Decode(fromHex('f09f9880')!)).toBe('\u{1f600}');
  expect(utf8Decode(fromHex('eda0bdedb880')!)).toBe('\u{1f600}');
  expect(hex(utf8Encode('\u{1f600}'))).toBe('f09f9880');
});

test('a surrogate alone survives', () => {
  expect(utf8Decode(utf8Encode('a\ud800b'))).toBe('a\ud800b');
  expect(utf8Decode(utf8Encode('\udc00'))).toBe('\udc00');
});

test('long strings are decoded whole', () => {
  const text = 'x'.repeat(10_000);
  expect(utf8Decode(utf8Encode(text))).toBe(text);
  expect(utf8Decode(utf8Encode(`${text}é`))).toBe(`${text}é`);
});
