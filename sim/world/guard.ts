/**
 * The determinism guard. While a machine is being stepped, every way to time, chance and concurrency that the language
 * offers throws: a forbidden call is found in the run that makes it, not in the replay that differs.
 *
 * The replacements are installed for the length of a run and only look at one flag; between two steps they behave like the
 * originals, so that hooks may show a clock.
 */

import { InvariantError } from '../../core/types.ts';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Global objects and their forbidden members; those that the platform lacks are passed over. */
const FORBIDDEN: readonly (readonly [owner: string | null, member: string])[] = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['performance', 'now'],
  ['crypto', 'getRandomValues'],
  ['crypto', 'randomUUID'],
  [null, 'setTimeout'],
  [null, 'setInterval'],
  [null, 'setImmediate'],
  [null, 'queueMicrotask'],
  [null, 'fetch'],
];

let stepping = false;
let installations = 0;
const undo: (() => void)[] = [];

/** Everything forbidden throws from here to `leaveStep`, if the guard is installed. */
export function enterStep(): void {
  stepping = true;
}

export function leaveStep(): void {
  stepping = false;
}

/** Counted: worlds may run inside each other's hooks. */
export function installGuard(): void {
  if (installations++ > 0) return;
  for (const [owner, member] of FORBIDDEN) replaceMember(owner, member);
  replaceDate();
}

export function removeGuard(): void {
  if (--installations > 0) return;
  while (undo.length > 0) undo.pop()!();
}

function replaceMember(owner: string | null, member: string): void {
  const globals = globalThis as unknown as Record<string, unknown>;
  const holder = (owner === null ? globals : globals[owner]) as Record<string, unknown> | undefined;
  const original = holder?.[member];
  if (holder === undefined || typeof original !== 'function') return;
  const name = owner === null ? member : `${owner}.${member}`;
  const own = Object.getOwnPropertyDescriptor(holder, member);
  const guarded = function (this: unknown, ...args: unknown[]): unknown {
    if (stepping) throw new InvariantError(`${name} was called during a step`);
    return (original as AnyFunction).apply(this, args);
  };
  // Some members live on a prototype and some are not writable; defining works for both. An own member keeps its attributes:
  // V8 turns an object whose member changes them into a dictionary, and every Math.imul of the process, one instruction
  // until then, becomes a look-up and a call (seven times as slow; a sixth of the time of a whole run).
  const attributes = own ?? { configurable: true, writable: true, enumerable: true };
  Object.defineProperty(holder, member, { ...attributes, value: guarded });
  undo.push(() => {
    if (own === undefined) delete holder[member];
    else Object.defineProperty(holder, member, own);
  });
}

/** `new Date()` reads the clock without passing `Date.now`. */
function replaceDate(): void {
  const original = globalThis.Date;
  const guarded = new Proxy(original, {
    construct(target, args, newTarget): object {
      if (stepping && args.length === 0) throw new InvariantError('new Date() was called during a step');
      return Reflect.construct(target, args, newTarget) as object;
    },
    apply(target, self, args): unknown {
      if (stepping) throw new InvariantError('Date() was called during a step');
      return Reflect.apply(target, self, args) as unknown;
    },
  });
  globalThis.Date = guarded;
  undo.push(() => {
    globalThis.Date = original;
  });
}
