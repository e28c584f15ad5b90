/**
 * Changes of a schedule, each a new value: moving, stretching, adding and taking away operations. What a change cannot mean is
 * refused in words (an operation that waits for the third packet has no place in time that one could drag).
 *
 * Times of a schedule are milliseconds with up to three decimals; the axis has microseconds.
 */

import { checkSchedule, OPS, type Op, type OpName, type Schedule } from '../../sim/schedule.ts';

const MS = 1000;
export const SNAP_MS = 1;

/** Why an operation cannot be moved; null when it can. */
export function whyFixed(op: Op): string | null {
  if ('nth' in op) return `it waits for packet ${op.nth} of kind ${op.kind}, not for a time`;
  return null;
}

/** The time of the schedule that an operation names, in microseconds; null when it waits for something. */
export const timeOf = (op: Op): number | null => ('at' in op ? op.at * MS : null);

export const lengthOf = (op: Op): number | null => ('for' in op && typeof op.for === 'number' ? op.for * MS : null);

const roundMs = (us: number): number => Math.round(us / MS / SNAP_MS) * SNAP_MS;

function replaceOp(schedule: Schedule, id: number, change: (op: Op) => Op): Schedule {
  return { ...schedule, ops: schedule.ops.map((op) => (op.id === id ? change(op) : op)) };
}

/** Moves an operation by so many microseconds; one that waits for a mark gets its distance from it changed. */
export function moveOp(schedule: Schedule, id: number, byUs: number): Schedule {
  return replaceOp(schedule, id, (op) => {
    if ('at' in op) return { ...op, at: Math.max(0, roundMs(op.at * MS + byUs)) };
    if ('after' in op) return { ...op, plus: Math.max(0, roundMs((op.plus ?? 0) * MS + byUs)) };
    return op;
  });
}

/** Makes it last longer or shorter. One without an end of its own gets one. */
export function stretchOp(schedule: Schedule, id: number, lengthUs: number): Schedule {
  return replaceOp(schedule, id, (op) =>
    'for' in (OPS[op.do] ?? {}) ? ({ ...op, for: Math.max(SNAP_MS, roundMs(lengthUs)) } as Op) : op,
  );
}

/** Moves where it begins and keeps where it ends. */
export function moveBegin(schedule: Schedule, id: number, byUs: number): Schedule {
  const op = schedule.ops.find((each) => each.id === id);
  if (op === undefined) return schedule;
  const length = lengthOf(op);
  const moved = moveOp(schedule, id, byUs);
  return length === null ? moved : stretchOp(moved, id, length - byUs);
}

export const removeOp = (schedule: Schedule, id: number): Schedule => ({
  ...schedule,
  ops: schedule.ops.filter((op) => op.id !== id),
});

/** Adds an operation at a time, with plain values for what it needs. */
export function addOp(schedule: Schedule, name: OpName, atUs: number): Schedule {
  const id = Math.max(0, ...schedule.ops.map((op) => op.id)) + 1;
  const fields: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(OPS[name] as Record<string, string>)) {
    const value = kind === 'ms?' && field === 'for' ? 2000 : defaultOf(kind, schedule);
    if (value !== undefined) fields[field] = value;
  }
  return { ...schedule, ops: [...schedule.ops, { id, at: roundMs(Math.max(0, atUs)), do: name, ...fields } as Op] };
}

function defaultOf(kind: string, { options: { nodes } }: Schedule): unknown {
  const half = Math.floor(nodes / 2);
  const servers = Array.from({ length: nodes }, (_, i) => i + 1);
  switch (kind) {
    case 'ms':
      return 2000;
    case 'signedMs':
      return 1000;
    case 'count':
      return 1;
    case 'ratio':
      return 1.05;
    case 'text':
      return '/a';
    case 'node':
      return 'leader';
    case 'nodes':
      return servers;
    case 'fate':
      return 'cut';
    case 'client':
      return 1;
    case 'links':
      return nodes > 1 ? ['1-2'] : ['c1-1'];
    case 'groups':
      return [servers.slice(0, half), servers.slice(half)];
    case 'refusal':
      return 'refuse';
    case 'death':
      return 'kill';
    case 'diskError':
      return 'EIO';
    case 'fileClass':
      return 'log';
    case 'settings':
      return {};
    default:
      // What may be left out is left out.
      return undefined;
  }
}

/** Puts other text in place of an operation; the problems, if it is none. */
export function rewriteOp(
  schedule: Schedule,
  id: number,
  text: string,
): { readonly schedule: Schedule } | { readonly problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  // A run passes over an operation it does not know; whoever writes one wants to hear of it.
  const name = (json as { do?: unknown } | null)?.do;
  if (typeof name === 'string' && !(name in OPS)) return { problem: `there is no operation “${name}”` };
  const ops = schedule.ops.map((op) => (op.id === id ? json : op));
  const checked = checkSchedule({ ...schedule, ops });
  return checked.ok ? { schedule: checked.value } : { problem: checked.problems[0] ?? 'not an operation' };
}

/** What differs between two schedules, one line each. */
export function changesOf(before: Schedule, after: Schedule): string[] {
  const lines: string[] = [];
  const old = new Map(before.ops.map((op) => [op.id, op]));
  for (const op of after.ops) {
    const was = old.get(op.id);
    old.delete(op.id);
    if (was === undefined) lines.push(`+ ${opText(op)}`);
    else if (JSON.stringify(was) !== JSON.stringify(op)) lines.push(`~ ${opText(was)} → ${opText(op)}`);
  }
  for (const op of old.values()) lines.push(`− ${opText(op)}`);
  if (before.seed !== after.seed) lines.push(`seed ${before.seed} → ${after.seed}`);
  return lines;
}

/** An operation in one line: `2.032 s  power 5 for 1605 ms`. */
export function opText(op: Op): string {
  const { id, do: name, ...rest } = op as Op & Record<string, unknown>;
  void id;
  const words: string[] = [];
  const fields: Record<string, unknown> = { ...rest };
  const when =
    'at' in op
      ? `${(op.at / 1000).toFixed(3)} s`
      : 'after' in op
        ? `after ${op.after}${op.plus === undefined ? '' : ` + ${op.plus} ms`}`
        : `packet ${op.nth} ${op.kind} on ${op.link}`;
  for (const key of ['at', 'after', 'plus', 'nth', 'link', 'kind']) delete fields[key];
  const length = fields.for;
  delete fields.for;
  for (const [key, value] of Object.entries(fields)) {
    const text =
      typeof value === 'string' || typeof value === 'number'
        ? String(value)
        : JSON.stringify(value)?.replaceAll('"', '');
    words.push(['node', 'links', 'groups', 'client', 'members'].includes(key) ? `${text}` : `${key} ${text}`);
  }
  return `${when}  ${name}${words.length === 0 ? '' : ` ${words.join(' ')}`}${length === undefined ? '' : ` for ${String(length)} ms`}`;
}
