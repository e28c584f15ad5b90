/**
 * Quotas (server/DataTree, StatsTrack, Quotas; ZooKeeperServer.checkQuota).
 *
 * A quota on `/a` is two nodes: `/zookeeper/quota/a/zookeeper_limits` with what is allowed and
 * `/zookeeper/quota/a/zookeeper_stats` with what is there. The deepest ancestor with a limits node is the one that counts.
 * The server keeps the numbers itself while it applies transactions. Soft limits only warn; hard ones refuse, when the
 * leader enforces quotas.
 *
 * The text of both nodes is `count=N,bytes=N`, then `=` and the hard limits as `;key=N`. Anyone with the right to write
 * may put any text there, so reading is tolerant: what cannot be understood is as good as absent.
 */

import { utf8Decode, utf8Encode } from '../wire/utf8.ts';
import { parentOf, QUOTA_PATH } from './paths.ts';

const LIMITS_NAME = 'zookeeper_limits';
const STATS_NAME = 'zookeeper_stats';

export const limitsPathOf = (quotaPath: string): string => `${QUOTA_PATH}${quotaPath}/${LIMITS_NAME}`;
export const statsPathOf = (quotaPath: string): string => `${QUOTA_PATH}${quotaPath}/${STATS_NAME}`;

/** `/a` when `path` is the limits node of the quota on `/a`. */
export function quotaOfLimitsPath(path: string): string | null {
  return quotaOfPath(path, LIMITS_NAME, 1);
}

/** `/a` when `path` is the stats node of the quota on `/a`; empty for the stats node of the whole tree. */
export function quotaOfStatsPath(path: string): string | null {
  return quotaOfPath(path, STATS_NAME, 0);
}

function quotaOfPath(path: string, name: string, sizeMin: number): string | null {
  const end = path.length - name.length - 1;
  if (end < QUOTA_PATH.length + sizeMin || !path.endsWith(name) || !path.startsWith(QUOTA_PATH)) return null;
  if (path.charAt(end) !== '/' || (end > QUOTA_PATH.length && path.charAt(QUOTA_PATH.length) !== '/')) return null;
  return path.slice(QUOTA_PATH.length, end);
}

/** Numbers of a limits or stats node; -1 stands for none. */
export interface QuotaNumbers {
  readonly count: number;
  readonly bytes: number;
  readonly countHard: number;
  readonly bytesHard: number;
}

const NONE: QuotaNumbers = { count: -1, bytes: -1, countHard: -1, bytesHard: -1 };
const FIELD_OF_KEY: Readonly<Record<string, keyof QuotaNumbers>> = {
  count: 'count',
  bytes: 'bytes',
  countHardLimit: 'countHard',
  byteHardLimit: 'bytesHard',
};
const NUMBER = /^[+-]?[0-9]{1,15}$/;

/** Longest text of numbers that is read; the server's own is far below. */
const QUOTA_TEXT_MAX = 4096;

export function parseQuota(data: Uint8Array | null): QuotaNumbers {
  const text = data === null || data.length > QUOTA_TEXT_MAX ? null : utf8Decode(data);
  if (text === null) return NONE;
  const numbers = { ...NONE };
  for (const pair of text.split(/[,;]+/)) {
    const [key = '', value = ''] = pair.split('=');
    if (Object.hasOwn(FIELD_OF_KEY, key)) numbers[FIELD_OF_KEY[key]!] = NUMBER.test(value) ? Number(value) : -1;
  }
  return numbers;
}

/** StatsTrack.toString: the extra `=` keeps old parsers from reading on. */
export function formatQuota(numbers: QuotaNumbers): string {
  let text = `count=${numbers.count},bytes=${numbers.bytes}`;
  if (numbers.bytesHard !== -1 || numbers.countHard !== -1) text += '=';
  if (numbers.bytesHard !== -1) text += `;byteHardLimit=${numbers.bytesHard}`;
  if (numbers.countHard !== -1) text += `;countHardLimit=${numbers.countHard}`;
  return text;
}

/** A stats node's new content after a change below its quota (DataTree.updateQuotaStat). */
export function chargedStats(data: Uint8Array | null, change: QuotaAmount): Uint8Array {
  const before = parseQuota(data);
  return utf8Encode(formatQuota({ ...before, count: before.count + change.count, bytes: before.bytes + change.bytes }));
}

export const freshStats = (amount: QuotaAmount): Uint8Array => utf8Encode(formatQuota({ ...NONE, ...amount }));

export interface QuotaAmount {
  readonly count: number;
  readonly bytes: number;
}

/** The state a quota is checked against: the tree as the changes that are decided but not yet applied will leave it. */
export interface QuotaView {
  /** Data of a node; undefined when there is no such node. */
  dataOf(path: string): Uint8Array | null | undefined;
  /** What the decided changes will add to the numbers of the quota on `quotaPath`. */
  pendingOf(quotaPath: string): QuotaAmount;
}

export interface QuotaVerdict {
  readonly quotaPath: string;
  readonly kind: 'count' | 'bytes';
  /** A hard limit refuses the change, a soft one is worth a note. */
  readonly hard: boolean;
  readonly limit: number;
  readonly would: number;
}

/** The path of the quota that governs `path`, or null. The root has no quota. */
export function quotaPathOf(path: string, hasLimits: (quotaPath: string) => boolean): string | null {
  for (let at = path; at.length > 1; at = parentOf(at)) if (hasLimits(at)) return at;
  return null;
}

/**
 * Which limit the change would exceed: the first hard one, else the first soft one, else null. Upstream reads the tree
 * alone (ZOOKEEPER-4219 shows the hole in a multi); the view lets the leader count what is on its way.
 */
export function checkQuota(view: QuotaView, path: string, change: QuotaAmount): QuotaVerdict | null {
  const quotaPath = quotaPathOf(path, (at) => view.dataOf(limitsPathOf(at)) !== undefined);
  if (quotaPath === null) return null;
  const stats = view.dataOf(statsPathOf(quotaPath));
  if (stats === undefined) return null;
  const limits = parseQuota(view.dataOf(limitsPathOf(quotaPath)) ?? null);
  const used = parseQuota(stats);
  const pending = view.pendingOf(quotaPath);
  const { countHard, bytesHard } = limits;
  const verdicts = [
    verdictOf({
      quotaPath,
      kind: 'count',
      change: change.count,
      used: used.count + pending.count,
      limits,
      hard: countHard,
    }),
    verdictOf({
      quotaPath,
      kind: 'bytes',
      change: change.bytes,
      used: used.bytes + pending.bytes,
      limits,
      hard: bytesHard,
    }),
  ].filter((verdict) => verdict !== null);
  return verdicts.find((verdict) => verdict.hard) ?? verdicts[0] ?? null;
}

interface Usage {
  readonly quotaPath: string;
  readonly kind: 'count' | 'bytes';
  readonly change: number;
  readonly used: number;
  readonly limits: QuotaNumbers;
  readonly hard: number;
}

/** A hard limit hides the soft one. A change of nothing is never refused; one that shrinks is checked like one that grows. */
function verdictOf({ quotaPath, kind, change, used, limits, hard }: Usage): QuotaVerdict | null {
  const isHard = hard > -1;
  const limit = isHard ? hard : limits[kind];
  const would = used + change;
  return change !== 0 && limit > -1 && would > limit ? { quotaPath, kind, hard: isHard, limit, would } : null;
}
