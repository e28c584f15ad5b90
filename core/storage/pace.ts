/**
 * When a snapshot is due (SyncRequestProcessor.shouldSnapshot): after between half of and all of `snapCount` entries, or
 * the same of `snapSizeLimitInKb` bytes, drawn anew for each snapshot so that the servers of an ensemble do not all pause at
 * the same time. The draw comes from the seed that boot was given.
 */

import type { PeerConfig } from '../config/types.ts';
import type { SnapshotPace } from './state.ts';

const KB = 1024;

export function restartPace(pace: SnapshotPace, config: PeerConfig): void {
  pace.entriesSince = 0;
  pace.bytesSince = 0;
  drawLimits(pace, config);
}

export function drawLimits(pace: SnapshotPace, config: PeerConfig): void {
  pace.entriesLimit = drawHalfToAll(pace, config.snapCount);
  pace.bytesLimit = drawHalfToAll(pace, config.snapSizeLimitKb * KB);
}

function drawHalfToAll(pace: SnapshotPace, whole: number): number {
  const half = Math.floor(whole / 2);
  return half + Math.floor(draw(pace) * half);
}

export function isPaceReached(pace: SnapshotPace, config: PeerConfig): boolean {
  if (pace.entriesSince > pace.entriesLimit) return true;
  return config.snapSizeLimitKb > 0 && pace.bytesSince > pace.bytesLimit;
}

/** In [0, 1): mulberry32, for spreading load, not for secrets. */
function draw(pace: SnapshotPace): number {
  pace.random = (pace.random + 0x6d2b_79f5) | 0;
  let t = Math.imul(pace.random ^ (pace.random >>> 15), pace.random | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
}
