/**
 * When are two failures the same? Not when both are failures: a shrinker that takes any failure for an answer slips from
 * the bug it was given to whatever else is wrong. The same failure breaks the same property, in the same role (a leader's
 * mistake is not a follower's), and, where one property stands for many things, for the same reason: a stall for want of
 * the same thing, an exception with the same text.
 */

import type { PropertyId, Role, Violation } from '../checkers/properties.ts';
import type { Result } from '../runner.ts';
import type { Expectation } from '../schedule.ts';

export interface Signature {
  readonly property: PropertyId;
  readonly role: Role;
  /** Empty where the property says it all. */
  readonly reason: string;
}

/** Of the first promise that was broken; null for a run that kept them all. */
export function signatureOf(result: Result): Signature | null {
  const first = result.violations[0];
  return first === undefined ? null : signatureOfViolation(first);
}

export const signatureOfViolation = ({ property, role, reason }: Violation): Signature => ({ property, role, reason });

export function isSameFailure(result: Result, signature: Signature): boolean {
  return violationOf(result, signature) !== null;
}

/** The violation with this signature. One event may break several promises; their order means nothing. */
export function violationOf(result: Result, { property, role, reason }: Signature): Violation | null {
  const found = result.violations.find(
    (other) => other.property === property && other.role === role && other.reason === reason,
  );
  return found ?? null;
}

/** What a schedule must say of itself so that it fails this way or the regression test fails. */
export function expectationOf(result: Result, { property, role, reason }: Signature): Expectation {
  return { verdict: result.verdict, property, role, ...(reason === '' ? {} : { reason }) };
}

export const signatureText = ({ property, role, reason }: Signature): string =>
  `${property} by ${role === 'ensemble' || role === 'world' ? `the ${role}` : `a ${role}`}${reason === '' ? '' : ` (${reason})`}`;
