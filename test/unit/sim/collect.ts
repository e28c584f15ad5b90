/** Gathers what checkers report, for tests in which they must. */

import type { PropertyId, Report } from '../../../sim/checkers/properties.ts';

export interface Collected {
  readonly report: Report;
  readonly found: { property: PropertyId; message: string; events: readonly number[]; servers: readonly number[] }[];
  ids(): PropertyId[];
}

export function collect(): Collected {
  const found: Collected['found'] = [];
  return {
    found,
    report: (property, message, where = {}) => {
      found.push({ property, message, events: where.events ?? [], servers: where.servers ?? [] });
    },
    ids: () => found.map((violation) => violation.property),
  };
}
