/** Every story by name. */

import { partitionedLeader } from './partitioned-leader.ts';
import type { Scenario } from './story.ts';

export type { Scenario };
export const SCENARIOS: readonly Scenario[] = [partitionedLeader];

export const findScenario = (name: string): Scenario | null =>
  SCENARIOS.find((scenario) => scenario.name === name) ?? null;
