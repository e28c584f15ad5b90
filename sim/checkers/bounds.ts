/**
 * Every buffer has a bound with a name (DESIGN, law 11). Whether the bounds are kept is checked without knowing their
 * names: now and then the whole plain state of a server is walked, and no collection in it may have grown without limit.
 */

import type { Report } from './properties.ts';

/** More than any collection of a server legitimately holds under the simulator's loads. */
export const COLLECTION_SIZE_MAX = 20_000;
export const BYTES_MAX = 16 * 1024 * 1024;

export function checkBounds(server: number, state: object, report: Report): void {
  const worst = largest(state);
  if (worst === null) return;
  report('bounded-queues', `server ${server} keeps ${worst.size} entries in ${worst.path}`, { servers: [server] });
}

interface Found {
  readonly path: string;
  readonly size: number;
}

/** The first collection above its bound, or null. Iterative: hostile input must not overflow this stack either. */
export function largest(root: object): Found | null {
  const waiting: { value: object; path: string }[] = [{ value: root, path: 'state' }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path } = next;
    const size = sizeOf(value);
    if (size > (value instanceof Uint8Array ? BYTES_MAX : COLLECTION_SIZE_MAX)) return { path, size };
    if (value instanceof Uint8Array) continue;
    for (const [key, child] of entriesOf(value)) {
      if (typeof child === 'object' && child !== null) waiting.push({ value: child, path: `${path}.${String(key)}` });
    }
  }
  return null;
}

function sizeOf(value: object): number {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}

function entriesOf(value: object): Iterable<[unknown, unknown]> {
  if (value instanceof Map) return value.entries();
  if (value instanceof Set) return value.entries();
  return Object.entries(value);
}
