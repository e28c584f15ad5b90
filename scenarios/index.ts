/** Every story by name, one file each. */

import { alternatingPairs } from './alternating-pairs.ts';
import { asymmetricLink } from './asymmetric-link.ts';
import { bridge } from './bridge.ts';
import { clockJump } from './clock-jump.ts';
import { contestedElection } from './contested-election.ts';
import { diskTrouble } from './disk-trouble.ts';
import { divergentTail } from './divergent-tail.ts';
import { ephemeralHandover } from './ephemeral-handover.ts';
import { fullDiskAtTrunc } from './full-disk-at-trunc.ts';
import { leaderPause } from './leader-pause.ts';
import { leaderWithObservers } from './leader-with-observers.ts';
import { observers } from './observers.ts';
import { partitionedLeader } from './partitioned-leader.ts';
import { powerCutSync } from './power-cut-sync.ts';
import { restlessClients } from './restless-clients.ts';
import { rollingReconfig } from './rolling-reconfig.ts';
import { rottenLog } from './rotten-log.ts';
import { slowClockLeader } from './slow-clock-leader.ts';
import { slowFollowerSnap } from './slow-follower-snap.ts';
import type { Scenario } from './story.ts';
import { unorderedStream } from './unordered-stream.ts';
import { wan } from './wan.ts';
import { wipedFollower } from './wiped-follower.ts';
import { zookeeper1549 } from './zookeeper-1549.ts';
import { zookeeper2845 } from './zookeeper-2845.ts';
import { zookeeper3911 } from './zookeeper-3911.ts';

export type { Scenario };

export const SCENARIOS: readonly Scenario[] = [
  alternatingPairs,
  asymmetricLink,
  bridge,
  clockJump,
  contestedElection,
  diskTrouble,
  divergentTail,
  ephemeralHandover,
  fullDiskAtTrunc,
  leaderPause,
  leaderWithObservers,
  observers,
  partitionedLeader,
  powerCutSync,
  restlessClients,
  rollingReconfig,
  rottenLog,
  slowClockLeader,
  slowFollowerSnap,
  unorderedStream,
  wan,
  wipedFollower,
  zookeeper1549,
  zookeeper2845,
  zookeeper3911,
];

export const findScenario = (name: string): Scenario | null =>
  SCENARIOS.find((scenario) => scenario.name === name) ?? null;
