/** Values as trees that a page can show: what stands for a zxid, bytes, a session is said so that a person can read it. */

import type { StateNode } from './api.ts';
import { showZxid } from './words.ts';

/** Names of fields that hold a zxid. */
const ZXID_FIELDS: ReadonlySet<string> = new Set([
  'zxid',
  'durable',
  'committed',
  'applied',
  'logged',
  'base',
  'commitTo',
  'ackedTo',
  'peerLast',
  'lastProposed',
  'upTo',
  'to',
  'pin',
  'after',
  'savedTo',
  'version',
  'last',
  'lastZxid',
  'synced',
]);
const ZXID_MIN = 0x1_0000_0000;
const BYTES_SHOWN = 24;
const TEXT_SHOWN = 200;

export function nodeOf(key: string, value: unknown): StateNode {
  if (value instanceof Map) {
    const children = [...value].map(([name, item]) => nodeOf(keyText(name), item));
    return { key, kind: 'map', text: counted(children.length, 'entry', 'entries'), change: null, children };
  }
  if (value instanceof Set) {
    const children = [...value].map((item, i) => nodeOf(String(i), item));
    return { key, kind: 'set', text: counted(children.length, 'member', 'members'), change: null, children };
  }
  if (value instanceof Uint8Array) return leaf(key, 'bytes', bytesText(value));
  if (Array.isArray(value)) {
    const children = value.map((item, i) => nodeOf(String(i), item));
    return { key, kind: 'list', text: counted(children.length, 'item', 'items'), change: null, children };
  }
  if (typeof value === 'object' && value !== null) {
    const children = Object.entries(value).map(([name, item]) => nodeOf(name, item));
    return { key, kind: 'object', text: summaryOf(value), change: null, children };
  }
  if (typeof value === 'number' && ZXID_FIELDS.has(key) && (value >= ZXID_MIN || (value === 0 && key !== 'to')))
    return leaf(key, 'zxid', showZxid(value));
  if (typeof value === 'number' && key.endsWith('Ms')) return leaf(key, 'time', `${value} ms`);
  return leaf(key, 'value', scalarText(value));
}

const leaf = (key: string, kind: StateNode['kind'], text: string): StateNode => ({
  key,
  kind,
  text,
  change: null,
  children: null,
});

export const keyText = (key: unknown): string =>
  typeof key === 'bigint' ? `0x${BigInt.asUintN(64, key).toString(16)}` : String(key);

export function scalarText(value: unknown): string {
  if (typeof value === 'bigint') return `0x${BigInt.asUintN(64, value).toString(16)}`;
  if (typeof value === 'string') return value.length > TEXT_SHOWN ? `${value.slice(0, TEXT_SHOWN)}…` : value;
  return String(value);
}

/** Text if it is text, else hexadecimal. */
export function bytesText(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, BYTES_SHOWN);
  const more = bytes.length > BYTES_SHOWN ? `… (${bytes.length} bytes)` : '';
  const isText = bytes.length > 0 && shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText) return `"${String.fromCharCode(...shown)}"${more}`;
  if (bytes.length === 0) return 'no bytes';
  return `${Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join('')}${more}`;
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** What kind of thing an object is, if it says so. */
function summaryOf(value: object): string {
  const { kind, type } = value as { kind?: unknown; type?: unknown };
  if (typeof kind === 'string') return kind;
  if (typeof type === 'string') return type;
  return counted(Object.keys(value).length, 'field', 'fields');
}
