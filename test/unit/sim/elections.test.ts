/** Elections: who may begin to lead, and for whom to vote. */

import { describe, expect, test } from 'vitest';
import type { Membership } from '../../../core/config/types.ts';
import type { Vote } from '../../../core/election/vote.ts';
import type { Ensemble } from '../../../core/state.ts';
import { asPeer, asZxid, ZXID_ZERO } from '../../../core/types.ts';
import { Elections } from '../../../sim/checkers/elections.ts';

const membership: Membership = {
  version: ZXID_ZERO,
  servers: [1, 2, 3].map((id) => ({
    id: asPeer(id),
    addresses: [],
    role: 'participant' as const,
    client: null,
    secureClient: null,
  })),
  groups: null,
  weights: [],
};

const vote = (leader: number, peerEpoch: number, zxid: number): Vote => ({
  leader: asPeer(leader),
  zxid: asZxid(zxid),
  peerEpoch,
  electionEpoch: 4,
  state: 'looking',
});

/** A server in round 4 that votes like this and has heard that. */
function looking(own: Vote, heard: readonly Vote[]): Ensemble {
  const received = new Map(heard.map((one, index) => [asPeer(index + 2), one]));
  const round = { own, received, settled: new Map(), finalizeAtMs: null, resendAtMs: 0, resendPauseMs: 0 };
  const fle = { logicalClock: 4, status: 'looking', vote: own, round, early: new Map(), answered: new Map() };
  return { fle, committed: membership, lastSeen: membership } as unknown as Ensemble;
}

const settled = { fle: { status: 'leading' }, committed: membership, lastSeen: membership } as unknown as Ensemble;

function makeChecker() {
  const broken: string[] = [];
  return { checker: new Elections((property) => broken.push(property)), broken };
}

describe('who leads', () => {
  const elect = (rounds: readonly number[], voters: readonly number[], round: number): string[] => {
    const { checker, broken } = makeChecker();
    checker.onNote(3, 'election.round.start', { round: rounds[0]! });
    for (const next of rounds.slice(1)) checker.onNote(3, 'election.round.join', { round: next });
    for (const voter of voters) checker.onNote(voter, 'election.vote.sent', { round, leader: 3 });
    checker.onNote(3, 'election.leader.elected', { round, leader: 3, state: 'leading' });
    checker.onStep(3, settled);
    return broken;
  };

  test('has a quorum of its round', () => {
    expect(elect([1, 4], [2, 3], 4)).toEqual([]);
  });

  test('has heard from everybody, and nobody wants it', () => {
    expect(elect([1, 4], [], 4)).toEqual(['elected-by-quorum']);
  });

  test('has the votes of a round before its time', () => {
    expect(elect([1], [1, 2, 3], 4)).toEqual(['elected-by-quorum']);
  });
});

describe('for whom', () => {
  const judge = (own: Vote, heard: Vote): string[] => {
    const { checker, broken } = makeChecker();
    checker.onStep(1, looking(own, [heard]));
    return broken;
  };

  test('the later epoch, the longer history, the greater number', () => {
    expect(judge(vote(3, 1, 5), vote(2, 2, 5))).toEqual(['best-vote']);
    expect(judge(vote(3, 2, 5), vote(2, 2, 6))).toEqual(['best-vote']);
    expect(judge(vote(2, 2, 5), vote(3, 2, 5))).toEqual(['best-vote']);
    expect(judge(vote(2, 2, 5), vote(3, 1, 9))).toEqual([]);
    expect(judge(vote(3, 2, 5), vote(2, 2, 5))).toEqual([]);
  });

  test('votes of other rounds and of settled servers are no candidates', () => {
    expect(judge(vote(1, 1, 5), { ...vote(3, 2, 9), electionEpoch: 3 })).toEqual([]);
    expect(judge(vote(1, 1, 5), { ...vote(3, 2, 9), state: 'following' })).toEqual([]);
  });
});
