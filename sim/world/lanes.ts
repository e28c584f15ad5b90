/**
 * Carries out file operations in time. Operations of one lane are executed strictly one after the other, lanes beside each
 * other. An operation takes effect when it completes; what it covers (an fsync) is settled when it begins.
 *
 * Faults meet an operation at two moments: slowness when it begins, everything else when it completes. Each operation's
 * duration is a function of disk, lane and its number there, so that one fault less leaves all other durations alone.
 */

import type { FileAction, FileError, FileResult, Lane } from '../../core/io.ts';
import type { DamageBudget } from './budget.ts';
import type { Disk } from './disk.ts';
import { type Engine, type Host, Kind, SOURCE_LANE } from './host.ts';
import { draw, exponentialOf } from './random.ts';
import type { DiskFault, DiskParams, FileMatch, HostEffect } from './types.ts';

export type FileEffect = Extract<HostEffect, { type: 'file' }>;

const LANES: readonly Lane[] = ['log', 'snap', 'meta', 'read'];
/** Sequential throughput in bytes per microsecond, on top of the latency. */
const BYTES_PER_US = 500;

interface LaneState {
  readonly lane: Lane;
  readonly index: number;
  key: number;
  readonly waiting: FileEffect[];
  running: FileEffect | null;
  /** What the running fsync covers. */
  mark: number;
  /** Counts the operations begun; the scheduled completion carries it. */
  ordinal: number;
  stalledUntilUs: number;
}

interface ArmedFault {
  readonly id: number;
  readonly fault: DiskFault;
  skip: number;
  left: number;
}

export const DISK_DEFAULTS: DiskParams = {
  writeMinUs: 5,
  writeMeanUs: 20,
  fsyncMinUs: 200,
  fsyncMeanUs: 800,
  readMinUs: 20,
  readMeanUs: 60,
  metaMinUs: 10,
  metaMeanUs: 40,
  capacityBytes: 0,
  directories: ['data', 'log'],
  nameLoss: 'drawn',
};

/** What a fault makes of an operation; null for none. */
type Verdict = { readonly kind: DiskFault['kind'] } | null;

export class Lanes {
  params: DiskParams;
  readonly baseParams: DiskParams;
  private readonly engine: Engine;
  private readonly disk: Disk;
  private readonly budget: DamageBudget;
  private readonly lanes: readonly LaneState[];
  private faults: ArmedFault[] = [];
  private host: Host | null = null;

  constructor(engine: Engine, budget: DamageBudget, disk: Disk, key: number, params: DiskParams) {
    this.engine = engine;
    this.budget = budget;
    this.disk = disk;
    this.params = params;
    this.baseParams = params;
    disk.capacityBytes = params.capacityBytes;
    this.lanes = LANES.map((lane, index) => ({
      lane,
      index,
      key: draw(key, index),
      waiting: [],
      running: null,
      mark: 0,
      ordinal: 0,
      stalledUntilUs: 0,
    }));
  }

  attach(host: Host): void {
    this.host = host;
  }

  rekey(salt: number): void {
    for (const lane of this.lanes) lane.key = draw(lane.key, salt);
  }

  submit(effect: FileEffect): void {
    const lane = this.lanes[LANES.indexOf(effect.lane)]!;
    this.engine.counts.fileOps += 1;
    if (effect.action.kind === 'fsync' || effect.action.kind === 'fsyncDir') this.engine.counts.fsyncs += 1;
    if (lane.running === null) this.begin(lane, effect);
    else lane.waiting.push(effect);
  }

  /** The completion event of a lane. */
  complete(index: number, ordinal: number): void {
    const lane = this.lanes[index]!;
    const effect = lane.running;
    if (effect === null || ordinal !== lane.ordinal) return;
    if (lane.stalledUntilUs > this.engine.timeUs) {
      this.scheduleCompletion(lane, lane.stalledUntilUs);
      return;
    }
    const result = this.execute(effect.action, this.verdictOf(effect, false), lane.mark);
    lane.running = null;
    const host = this.host!;
    this.engine.hooks.onFile?.(host.id, effect.action, result.ok ? null : result.error);
    if (this.engine.crashAtCompletion(host, effect)) return;
    if (host.status !== 'paused') this.beginNext(lane);
    const input = { type: 'fileDone', op: effect.op, generation: effect.generation, result } as const;
    this.engine.offer(host, { source: SOURCE_LANE + index, input, end: null, pipe: null });
  }

  /**
   * The process is gone. What it had queued never happens; the operation under way is in the hands of the kernel, which
   * finishes it or was never given it, by a draw. Returns what was neither waited for nor heard of.
   */
  abandon(): FileEffect[] {
    const lost: FileEffect[] = [];
    for (const lane of this.lanes) {
      const running = lane.running;
      if (running !== null) {
        if ((draw(lane.key, 0x4000_0000 + lane.ordinal) & 1) === 0) this.execute(running.action, null, lane.mark);
        lost.push(running);
      }
      lost.push(...lane.waiting);
      this.clear(lane);
    }
    return lost;
  }

  /** The power is gone: nothing under way takes effect beyond what the page cache already has. */
  drop(): void {
    for (const lane of this.lanes) this.clear(lane);
  }

  /** The process runs again: its threads take up what is queued. */
  resume(): void {
    for (const lane of this.lanes) if (lane.running === null) this.beginNext(lane);
  }

  stall(untilUs: number, lanes: readonly Lane[]): void {
    for (const lane of this.lanes) if (lanes.includes(lane.lane)) lane.stalledUntilUs = untilUs;
  }

  arm(id: number, fault: DiskFault): void {
    this.faults.push({
      id,
      fault,
      skip: fault.skip ?? 0,
      left: fault.times === null ? Number.POSITIVE_INFINITY : (fault.times ?? 1),
    });
  }

  disarm(id: number): void {
    this.faults = this.faults.filter((armed) => armed.id !== id);
  }

  setParams(params: DiskParams): void {
    this.params = params;
    this.disk.capacityBytes = params.capacityBytes;
  }

  /** No faults, and what is stalled completes at once. */
  heal(params: DiskParams): void {
    this.faults = [];
    this.setParams(params);
    for (const lane of this.lanes) {
      if (lane.stalledUntilUs <= this.engine.timeUs) continue;
      lane.stalledUntilUs = 0;
      if (lane.running === null) continue;
      lane.ordinal += 1;
      this.scheduleCompletion(lane, this.engine.timeUs + this.params.writeMinUs);
    }
  }

  /** Operations asked for and not complete. */
  get pendingCount(): number {
    let count = 0;
    for (const lane of this.lanes) count += lane.waiting.length + (lane.running === null ? 0 : 1);
    return count;
  }

  private beginNext(lane: LaneState): void {
    const next = lane.waiting.shift();
    if (next !== undefined) this.begin(lane, next);
  }

  private begin(lane: LaneState, effect: FileEffect): void {
    lane.running = effect;
    lane.mark = this.disk.markOf(effect.action);
    lane.ordinal += 1;
    const slow = this.verdictOf(effect, true);
    const delayUs = this.durationUs(lane, effect.action) + (slow === null ? 0 : slow.delayUs);
    this.scheduleCompletion(lane, this.engine.timeUs + delayUs);
  }

  private scheduleCompletion(lane: LaneState, timeUs: number): void {
    this.engine.schedule(timeUs, Kind.disk, this.host!, lane.key, lane.ordinal * LANES.length + lane.index, this);
  }

  private durationUs(lane: LaneState, action: FileAction): number {
    const p = this.params;
    const value = draw(lane.key, lane.ordinal);
    switch (action.kind) {
      case 'append':
      case 'write':
        return p.writeMinUs + exponentialOf(value, p.writeMeanUs) + Math.floor(action.bytes.length / BYTES_PER_US);
      case 'fsync':
      case 'fsyncDir':
        return p.fsyncMinUs + exponentialOf(value, p.fsyncMeanUs);
      case 'read':
        return p.readMinUs + exponentialOf(value, p.readMeanUs) + Math.floor(action.length / BYTES_PER_US);
      case 'create':
      case 'rename':
      case 'remove':
      case 'truncate':
      case 'list':
      case 'mkdir':
        return p.metaMinUs + exponentialOf(value, p.metaMeanUs);
      default:
        action satisfies never;
        return 0;
    }
  }

  private execute(action: FileAction, verdict: Verdict, mark: number): FileResult {
    switch (verdict?.kind ?? null) {
      case null:
      case 'slow':
        return this.disk.perform(action, mark, this.engine.timeUs);
      case 'lie':
        return { ok: true };
      case 'EIO':
      case 'short':
        return this.fail(action, 'EIO');
      case 'ENOSPC':
        return this.fail(action, 'ENOSPC');
      case 'unreadable':
        return { ok: false, error: action.kind === 'read' ? 'ECORRUPT' : 'EIO' };
      case 'misdirect':
        if (action.kind === 'fsync' && this.budget.charge(this.host!.id, 'misdirect')) {
          this.disk.fsyncMisdirected(action.path, mark);
          return { ok: true };
        }
        return this.disk.perform(action, mark, this.engine.timeUs);
    }
  }

  private fail(action: FileAction, error: FileError): FileResult {
    this.disk.performPrefix(action, this.engine.timeUs);
    if (action.kind === 'fsync') this.disk.fsyncFailed(action.path);
    return { ok: false, error };
  }

  /** The first armed fault that meets this operation at this moment; uses it up by one. */
  private verdictOf(effect: FileEffect, beginning: boolean): (DiskFault & { readonly delayUs: number }) | null {
    if (this.faults.length === 0) return null;
    for (const armed of this.faults) {
      if ((armed.fault.kind === 'slow') !== beginning || !isApplicable(armed.fault, effect.action)) continue;
      if (!matchesFile(armed.fault, effect)) continue;
      if (armed.skip > 0) {
        armed.skip -= 1;
        continue;
      }
      armed.left -= 1;
      if (armed.left <= 0) this.disarm(armed.id);
      return { ...armed.fault, delayUs: armed.fault.delayUs ?? 0 };
    }
    return null;
  }

  private clear(lane: LaneState): void {
    lane.running = null;
    lane.waiting.length = 0;
    lane.ordinal += 1;
  }
}

/** Faults that make no sense for an operation pass it by without being used up. */
function isApplicable(fault: DiskFault, action: FileAction): boolean {
  switch (fault.kind) {
    case 'lie':
      return action.kind === 'fsync' || action.kind === 'fsyncDir';
    case 'misdirect':
      return action.kind === 'fsync';
    case 'unreadable':
      return action.kind === 'read';
    case 'short':
      return action.kind === 'append' || action.kind === 'write';
    case 'ENOSPC':
      return action.kind !== 'read' && action.kind !== 'list' && action.kind !== 'remove';
    case 'EIO':
    case 'slow':
      return true;
  }
}

export function matchesFile(match: FileMatch, effect: FileEffect): boolean {
  if (match.lanes !== undefined && !match.lanes.includes(effect.lane)) return false;
  if (match.actions !== undefined && !match.actions.includes(effect.action.kind)) return false;
  if (match.path === undefined) return true;
  const action = effect.action;
  return action.kind === 'rename'
    ? action.from.includes(match.path) || action.to.includes(match.path)
    : action.path.includes(match.path);
}
