/**
 * The search for a read-write server while a client is content with a read-only one (ClientCnxn.pingRwServer): one host
 * after the other is asked `isro` on a connection of its own; "rw" is the answer looked for.
 */

import type { ConnId } from '../types.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';

export interface RwSearch {
  /** The host that is asked, or is asked next. */
  hostIndex: number;
  /** Doubles with every host that is not read-write. */
  delayMs: number;
  /** When to ask, or, with a connection, when to give the host up. */
  deadlineMs: number;
  conn: ConnId | null;
  answer: string;
}

/** ClientCnxn.SendThread: minPingRwTimeout and maxPingRwTimeout. */
export const SEARCH_DELAY_MIN_MS = 100;
export const SEARCH_DELAY_MAX_MS = 60_000;
/** How long one host may take from connect to answer. */
export const SEARCH_ANSWER_MAX_MS = 1000;

export const ISRO = utf8Encode('isro');

/** No answer of interest is longer: `rw`, `ro`, `null`. */
const ANSWER_LENGTH_MAX = 4;

export function rwSearch(hostIndex: number, nowMs: number): RwSearch {
  return { hostIndex, delayMs: SEARCH_DELAY_MIN_MS, deadlineMs: nowMs + SEARCH_DELAY_MIN_MS, conn: null, answer: '' };
}

export function searchAsks(search: RwSearch, conn: ConnId, nowMs: number): void {
  search.conn = conn;
  search.answer = '';
  search.deadlineMs = nowMs + SEARCH_ANSWER_MAX_MS;
}

/** This host was not it: the next one, later. */
export function searchGoesOn(search: RwSearch, options: { readonly hostCount: number; readonly nowMs: number }): void {
  search.conn = null;
  search.hostIndex = (search.hostIndex + 1) % options.hostCount;
  search.delayMs = Math.min(search.delayMs * 2, SEARCH_DELAY_MAX_MS);
  search.deadlineMs = options.nowMs + search.delayMs;
}

export function searchHears(search: RwSearch, bytes: Uint8Array): 'found' | 'not-it' | 'more' {
  search.answer += utf8Decode(bytes.subarray(0, ANSWER_LENGTH_MAX)) ?? '?';
  if (search.answer.startsWith('rw')) return 'found';
  return search.answer.length >= 2 ? 'not-it' : 'more';
}
