/**
 * A judged history as data for a picture: spans of operations in lanes, where each took effect in the longest order there is,
 * and what clashes. Plain JSON; the viewer, the drawing for terminals and the SVG are made from it.
 */

import type { EdgeKind } from '../conflict.ts';
import type { CheckResult } from './check.ts';
import type { RealTimeEdge, StuckState } from './explain.ts';
import type { Operation, OperationOutcome } from './operation.ts';
import { operationText, shortText } from './text.ts';

export interface OperationView {
  readonly id: number;
  /** The lane. */
  readonly process: string;
  readonly key: string | null;
  readonly outcome: OperationOutcome;
  /** `write 7`, `read -> 5`. */
  readonly label: string;
  readonly text: string;
  /** Positions in the order of events; null when it was never answered. */
  readonly invokedAt: number;
  readonly respondedAt: number | null;
  /** Its place in the longest order, from 0; null when it has none. */
  readonly place: number | null;
  /** The state after it in that order. */
  readonly stateAfter: string | null;
  readonly isInCore: boolean;
  readonly isBlocked: boolean;
  /** Open at the violation, and not taken effect in some state that is possible there. */
  readonly isPending: boolean;
}

/** An edge of a search says that one ended before the other began; those of a history with zxids say why. */
export interface ViewEdge extends RealTimeEdge {
  readonly kind?: EdgeKind;
  readonly says?: string;
}

export interface SearchView {
  readonly format: 'vivarium-search';
  readonly version: 1;
  readonly model: string;
  readonly status: CheckResult['status'];
  /** The part that is shown; null for a history that is not divided. */
  readonly part: string | null;
  readonly sentence: string | null;
  /** Of the part, in the order of their invocations. */
  readonly operations: readonly OperationView[];
  /** Position of the response that cannot be passed. */
  readonly blockedAt: number | null;
  readonly states: readonly StuckState[];
  readonly edges: readonly ViewEdge[];
}

/** The part with the violation, or else the first that was looked at. */
export function viewOf(
  result: CheckResult,
  operations: readonly Operation[],
  partOf: (operation: Operation) => string | null,
): SearchView {
  const { violation } = result;
  const shown = violation === null ? result.parts.at(-1) : result.parts.find(({ part }) => part === violation.part);
  const part = shown?.part ?? null;
  const order = violation === null ? (shown?.order ?? null) : violation.order;
  const places = new Map((order ?? []).map((id, index) => [id, index]));
  const core = new Set(violation?.core ?? []);
  const pending = new Set((violation?.stuck ?? []).flatMap(({ pending: open }) => open.map(({ id }) => id)));
  const members = operations.filter((operation) => result.partCount === 1 || partOf(operation) === part);
  return {
    format: 'vivarium-search',
    version: 1,
    model: result.model,
    status: result.status,
    part,
    sentence: violation?.sentence ?? null,
    operations: members.map((operation) => {
      const { id, process, key, outcome, invokedAt, respondedAt } = operation;
      const place = places.get(id) ?? null;
      return {
        id,
        process,
        key,
        outcome,
        label: shortText(operation),
        text: operationText(operation),
        invokedAt,
        respondedAt: respondedAt === Number.POSITIVE_INFINITY ? null : respondedAt,
        place,
        stateAfter: place === null ? null : (violation?.states[place] ?? null),
        isInCore: core.has(id),
        isBlocked: violation?.blocked === id,
        isPending: pending.has(id),
      };
    }),
    blockedAt: violation?.blockedAt ?? null,
    states: violation?.stuck ?? [],
    edges: violation?.edges ?? [],
  };
}
