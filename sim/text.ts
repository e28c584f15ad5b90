/** Small things about text that several parts of the simulator share. */

import { hex } from '../core/wire/bytes.ts';
import { utf8Decode } from '../core/wire/utf8.ts';

const SHOWN_BYTES_MAX = 64;

/** Bytes for a person: text where it is printable text, else `0x…`, cut to a readable length. */
export function bytesText(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, SHOWN_BYTES_MAX);
  const rest = bytes.length > SHOWN_BYTES_MAX ? `… (${bytes.length} bytes)` : '';
  const text = utf8Decode(shown);
  return (text !== null && isPrintable(text) ? text : `0x${hex(shown)}`) + rest;
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
}

/** `12.4s`, `310 ms`. */
export const seconds = (us: number): string => `${(us / 1e6).toFixed(1)}s`;
export const span = (us: number): string => (us < 1e6 ? `${Math.round(us / 1000)} ms` : `${(us / 1e6).toFixed(1)} s`);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
