/** How numbers and hosts are said, everywhere in the viewer. */

import { CLIENT_BASE, type HostId } from './api.ts';

export function showZxid(zxid: number): string {
  if (!Number.isFinite(zxid)) return '-';
  if (zxid < 0) return 'none';
  return `0x${zxid.toString(16)}`;
}

export const hostName = (host: HostId): string =>
  host >= CLIENT_BASE ? `client ${host - CLIENT_BASE}` : host === 0 ? 'the world' : `server ${host}`;

/** `1`, `1 and 2`, `1, 2 and 3`. */
export function listed(items: readonly (string | number)[]): string {
  if (items.length <= 1) return String(items[0] ?? 'nobody');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** `the 1st`, `the 22nd`, `the 13th`. */
export function ordinal(count: number): string {
  const isTeen = count % 100 >= 11 && count % 100 <= 13;
  const ending = isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th');
  return `the ${count}${ending}`;
}

/** A length of time with two or three digits: `12 µs`, `340 ms`, `1.6 s`, `2 min 3 s`. */
export function span(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 10_000) return `${(us / 1000).toFixed(1)} ms`;
  if (us < 999_500) return `${Math.round(us / 1000)} ms`;
  if (us < 60_000_000) return `${(us / 1_000_000).toFixed(1)} s`;
  const seconds = Math.round(us / 1_000_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A point of time: seconds with as many decimals as asked for. */
export const moment = (us: number, decimals = 3): string => `${(us / 1_000_000).toFixed(decimals)} s`;
