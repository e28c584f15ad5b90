/** Every story by name, one file each. */

import { asymmetricLink } from './asymmetric-link.ts';
import { bridge } from './bridge.ts';
import { clockJump } from './clock-jump.ts';
import { contestedElection } from './contested-election.ts';
import { diskTrouble } from './disk-trouble.ts';
import { divergentTail } from './divergent-tail.ts';
import { ephemeralHandover } from './ephemeral-handover.ts';
import { leaderPause } from './leader-pause.ts';
import { observers } from './observers.ts';
import { partitionedLeader } from './partitioned-leader.ts';
import { powerCutSync } from './power-cut-sync.ts';
import { restlessClients } from './restless-clients.ts';
import { rollingReconfig } from './rolling-reconfig.ts';
import { slowFollowerSnap } from './slow-follower-snap.ts';
import type { Scenario } from './story.ts';
import { unorderedStream } from './unordered-stream.ts';
import { wan } from './wan.ts';

export type { Scenario };

export const SCENARIOS: readonly Scenario[] = [
  asymmetricLink,
  bridge,
  clockJump,
  contestedElection,
  divergentTail,
  ephemeralHandover,
  leaderPause,
  partitionedLeader,
  powerCutSync,
  rollingReconfig,
  slowFollowerSnap,
  wan,
  diskTrouble,
  restlessClients,
  observers,
  unorderedStream,
];

export const findScenario = (name: string): Scenario | null =>
  SCENARIOS.find((scenario) => scenario.name === name) ?? null;
