/**
 * The same operation, but less of it: what a fault may be replaced by when the failure does not need all of its force.
 * Each proposal is strictly weaker (a shorter time, a later moment, fewer links, a milder kind), so that trying them ends.
 */

import type { Op } from '../schedule.ts';

/** Below this a length is not worth another run. */
const SHORT_MS = 50;
/** A fault that is this close to the failure is late enough. */
const LATE_MS = 250;

/** Weaker forms, the weakest first. `untilMs`: when the promise was broken. */
export function weakerForms(op: Op, untilMs: number): Op[] {
  return [...milder(op), ...narrower(op), ...shorter(op), ...later(op, untilMs)];
}

/** Another kind of fault that does less. */
function milder(op: Op): Op[] {
  const { id } = op;
  const when = triggerOf(op);
  switch (op.do) {
    case 'wipe':
    case 'restore':
      return [make({ ...when, id, do: 'power', node: op.node, ...forOf(op) })];
    case 'power':
      return [make({ ...when, id, do: 'crash', node: op.node, ...forOf(op) })];
    case 'crashWhen':
      return op.how === 'power' ? [make({ ...op, how: 'kill' })] : [];
    case 'flap':
      return [make({ ...when, id, do: 'cut', links: op.links, for: op.for })];
    case 'diskStall':
      return [make({ ...when, id, do: 'diskSlow', node: op.node, by: 100, for: op.for })];
    case 'clientKill':
      return op.same === true ? [] : [make({ ...op, same: true })];
    default:
      return [];
  }
}

/** Fewer servers, links, directions or hits. */
function narrower(op: Op): Op[] {
  switch (op.do) {
    case 'cut':
    case 'slow':
    case 'clog':
    case 'flap':
    case 'reset':
    case 'unordered':
      return narrowerLinks(op.links).map((links) => make({ ...op, links }));
    case 'isolate':
      return (op.direction ?? 'both') === 'both'
        ? [make({ ...op, direction: 'in' }), make({ ...op, direction: 'out' })]
        : [];
    case 'diskError':
      return op.count > 1 ? [make({ ...op, count: 1 })] : [];
    case 'clock':
      return Math.abs(op.jump) >= 1000 ? [make({ ...op, jump: Math.trunc(op.jump / 10) })] : [];
    case 'drift':
      return Math.abs(op.rate - 1) > 0.05
        ? [make({ ...op, rate: Math.round((1 + (op.rate - 1) / 4) * 1000) / 1000 })]
        : [];
    default:
      return [];
  }
}

function narrowerLinks(links: readonly string[]): string[][] {
  if (links.length > 1) return links.map((link) => links.filter((other) => other !== link));
  const [from, to] = (links[0] ?? '').split('-');
  return from === undefined || to === undefined ? [] : [[`${from}>${to}`], [`${to}>${from}`]];
}

function shorter(op: Op): Op[] {
  if (!('for' in op) || op.for === undefined || op.for <= SHORT_MS) return [];
  const length = op.for;
  return [length / 10, length / 2].map((ms) => make({ ...op, for: Math.max(1, Math.round(ms)) }));
}

/** Closer to the failure: fewer things happen in between that a reader must think about. */
function later(op: Op, untilMs: number): Op[] {
  if (!('at' in op)) return [];
  const gap = untilMs - op.at;
  return gap > LATE_MS ? [make({ ...op, at: Math.round(op.at + gap / 2) })] : [];
}

function triggerOf(op: Op): Record<string, unknown> {
  if ('at' in op) return { at: op.at };
  if ('after' in op) return { after: op.after, ...(op.plus === undefined ? {} : { plus: op.plus }) };
  return { nth: op.nth, link: op.link, kind: op.kind };
}

const forOf = (op: { readonly for?: number }): Record<string, unknown> => (op.for === undefined ? {} : { for: op.for });

/** The fields were those of an operation before; the type cannot follow them through a change of kind. */
const make = (op: Record<string, unknown>): Op => op as unknown as Op;
