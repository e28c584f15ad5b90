/** stub, replaced below */
import type { PeerId, SessionId } from '../types.ts';
export interface SessionTracker {
  readonly intervalMs: number;
  readonly sessions: Map<SessionId, TrackedSession>;
  readonly buckets: Map<number, Set<SessionId>>;
}
export interface TrackedSession {
  timeoutMs: number;
  bucketMs: number;
  owner: PeerId | null;
  closing: boolean;
}
