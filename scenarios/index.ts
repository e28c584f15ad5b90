/** Every story by name. */

import type { Scenario } from './story.ts';

export type { Scenario };
export const SCENARIOS: readonly Scenario[] = [];

export const findScenario = (name: string): Scenario | null =>
  SCENARIOS.find((scenario) => scenario.name === name) ?? null;
