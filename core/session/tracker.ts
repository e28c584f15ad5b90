/**
 * Which sessions are alive (server/SessionTrackerImpl, server/ExpiryQueue).
 *
 * A session lives as long as something was heard of it within its timeout. Deadlines are rounded up to the next multiple of
 * the interval (one tick), so sessions share buckets, a sign of life rarely moves anything, and a bucket expires as a
 * whole. All times are monotonic: a jump of the wall clock neither ends a session nor keeps a dead one
 * (ZOOKEEPER-1366).
 *
 * The leader tracks every global session this way, a server its own local ones.
 */

import { assert, type PeerId, type SessionId } from '../types.ts';

export interface SessionTracker {
  readonly intervalMs: number;
  readonly sessions: Map<SessionId, TrackedSession>;
  /** Sessions by the monotonic time at which they expire, always a multiple of `intervalMs`. */
  readonly buckets: Map<number, Set<SessionId>>;
}

export interface TrackedSession {
  readonly timeoutMs: number;
  expiresMs: number;
  /** The server it is attached to. Null until its first request after this tracker was made. */
  owner: PeerId | null;
  /** A closeSession is on its way: nothing is created for it any more (ZOOKEEPER-1208). */
  closing: boolean;
}

export function newTracker(intervalMs: number): SessionTracker {
  assert(intervalMs > 0, 'bucket interval is not positive');
  return { intervalMs, sessions: new Map(), buckets: new Map() };
}

/** Begins to track a session, or gives a tracked one a new lease. */
export function track(
  tracker: SessionTracker,
  nowMs: number,
  session: SessionId,
  lease: { readonly timeoutMs: number; readonly owner: PeerId | null },
): void {
  const known = tracker.sessions.get(session);
  if (known === undefined) {
    const expiresMs = bucketOf(tracker, nowMs + lease.timeoutMs);
    tracker.sessions.set(session, { timeoutMs: lease.timeoutMs, expiresMs, owner: lease.owner, closing: false });
    intoBucket(tracker, expiresMs, session);
  } else {
    known.owner = lease.owner;
    extend(tracker, nowMs, known, session, lease.timeoutMs);
  }
}

/** A sign of life. False when the session is unknown or closing. */
export function touch(tracker: SessionTracker, nowMs: number, session: SessionId, timeoutMs: number): boolean {
  const known = tracker.sessions.get(session);
  if (known === undefined || known.closing) return false;
  extend(tracker, nowMs, known, session, timeoutMs);
  return true;
}

export function untrack(tracker: SessionTracker, session: SessionId): void {
  const known = tracker.sessions.get(session);
  if (known === undefined) return;
  tracker.sessions.delete(session);
  outOfBucket(tracker, known.expiresMs, session);
}

/** From here on the session only waits for its closeSession; it does not expire a second time. */
export function markClosing(tracker: SessionTracker, session: SessionId): void {
  const known = tracker.sessions.get(session);
  if (known === undefined || known.closing) return;
  known.closing = true;
  outOfBucket(tracker, known.expiresMs, session);
}

/** The sessions whose deadline has passed, earliest bucket first. They are marked as closing. */
export function takeExpired(tracker: SessionTracker, nowMs: number): SessionId[] {
  const expired: SessionId[] = [];
  const due = [...tracker.buckets.keys()].filter((atMs) => atMs <= nowMs).sort((a, b) => a - b);
  for (const atMs of due) {
    for (const session of tracker.buckets.get(atMs)!) {
      tracker.sessions.get(session)!.closing = true;
      expired.push(session);
    }
    tracker.buckets.delete(atMs);
  }
  return expired;
}

/** When the next bucket expires. There are never more buckets than intervals in the longest timeout. */
export function trackerDeadline(tracker: SessionTracker): number | null {
  let earliestMs: number | null = null;
  for (const atMs of tracker.buckets.keys()) if (earliestMs === null || atMs < earliestMs) earliestMs = atMs;
  return earliestMs;
}

/** The next multiple strictly after `atMs`, as ExpiryQueue rounds: a session gets at least its full timeout. */
const bucketOf = (tracker: SessionTracker, atMs: number): number =>
  (Math.floor(atMs / tracker.intervalMs) + 1) * tracker.intervalMs;

/** The timeout may differ from the session's first one: a client that re-attaches negotiates anew. */
function extend(
  tracker: SessionTracker,
  nowMs: number,
  known: TrackedSession,
  session: SessionId,
  timeoutMs: number,
): void {
  const expiresMs = bucketOf(tracker, nowMs + timeoutMs);
  if (expiresMs === known.expiresMs || known.closing) return;
  outOfBucket(tracker, known.expiresMs, session);
  known.expiresMs = expiresMs;
  intoBucket(tracker, expiresMs, session);
}

function intoBucket(tracker: SessionTracker, atMs: number, session: SessionId): void {
  const bucket = tracker.buckets.get(atMs);
  if (bucket === undefined) tracker.buckets.set(atMs, new Set([session]));
  else bucket.add(session);
}

function outOfBucket(tracker: SessionTracker, atMs: number, session: SessionId): void {
  const bucket = tracker.buckets.get(atMs);
  if (bucket === undefined) return;
  bucket.delete(session);
  if (bucket.size === 0) tracker.buckets.delete(atMs);
}
