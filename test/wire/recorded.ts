/** Readers of test/golden: one JSON object a line, frames as hexadecimal text beside what the recorder made of them. */

import { readdirSync, readFileSync } from 'node:fs';
import { fromHex, hex } from '../../core/wire/bytes.ts';

const GOLDEN = new URL('../golden/', import.meta.url);

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Fields = Readonly<Record<string, Json>>;

export interface RecordedFrame {
  /** `raw-default.jsonl:702`, to find it again. */
  readonly where: string;
  readonly conn: string;
  /** Client port: `c2s` or `s2c`. */
  readonly direction: string;
  readonly bytes: Uint8Array;
  /** The recorder's own decoding. */
  readonly told: Fields;
}

export function goldenFiles(folder: string): readonly string[] {
  return readdirSync(new URL(`${folder}/`, GOLDEN)).filter((name) => name.endsWith('.jsonl'));
}

export function goldenBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, GOLDEN)));
}

export function goldenLines(path: string): readonly { readonly number: number; readonly line: Fields }[] {
  const lines = readFileSync(new URL(path, GOLDEN), 'utf8').split('\n');
  return lines.flatMap((text, index) => (text === '' ? [] : [{ number: index + 1, line: JSON.parse(text) as Fields }]));
}

/** The frames of one recording, in order. */
export function recordedFrames(folder: string, file: string): readonly RecordedFrame[] {
  return goldenLines(`${folder}/${file}`).flatMap(({ number, line }) => {
    if (typeof line.hex !== 'string') return [];
    const frame = {
      where: `${file}:${number}`,
      conn: String(line.c),
      direction: String(line.d ?? `${String(line.from)}>${String(line.to)}`),
      bytes: bytesOf(line.hex),
      told: line.a as Fields,
    };
    return [frame];
  });
}

export function bytesOf(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hexadecimal: ${text.slice(0, 40)}`);
  return bytes;
}

/** How the recorder wrote bytes: as text where they are UTF-8, otherwise in hexadecimal. */
export function textOf(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `0x${hex(bytes)}`;
  }
}

export const sessionText = (id: bigint): string => `0x${BigInt.asUintN(64, id).toString(16)}`;
export const zxidText = (zxid: number): string => `0x${BigInt.asUintN(64, BigInt(zxid)).toString(16)}`;
