/** Futures: what the command line writes is read again, said in words, and stands where it happened. */

import { describe, expect, it } from 'vitest';
import { branchAt, branchOver } from '../../sim/shrink/branch.ts';
import { parseBranches, sentenceOf, turnOf } from '../../viewer/lib/branches.ts';
import { shortSchedule } from '../viewer-model/traces.ts';

const point = (event: number, atUs: number, failed: number) => ({ event, atUs, failed, runs: 10 });
const FAILURE = { property: 'liveness', role: 'ensemble', reason: 'no-leader' } as const;
const turn = point(300, 3_675_000, 10);
const found = {
  format: 1,
  seed: '77',
  pattern: '*',
  failure: FAILURE,
  points: [point(1, 1000, 1), point(299, 3_673_000, 7), turn, point(400, 5_000_000, 10)],
  inevitable: turn,
} as const;

describe('futures', () => {
  it('are read as the command line writes them', () => {
    const short = { ...shortSchedule(), options: { ...shortSchedule().options, duration: 300 } };
    const made = branchOver(short, { points: 2 }, { runs: 1 });
    expect(made.points.length).toBeGreaterThan(1);
    expect(parseBranches(`${JSON.stringify(made, null, 2)}\n`)).toEqual(made);
    expect(branchAt(short, 1_000_000_000)).toBeNull();
  });

  it.each([
    'no JSON',
    'null',
    '[]',
    '{"format":1}',
    '{"format":1,"seed":"1","options":{}}',
    JSON.stringify({ ...found, format: 2 }),
    JSON.stringify({ ...found, points: [{ event: 1 }] }),
  ])('are not taken for something else: %s', (text) => {
    expect(parseBranches(text)).toBeNull();
  });

  it('are told in a sentence, with how it was before the turn', () => {
    expect(sentenceOf(found)).toBe(
      'From 3.675 000 s on, liveness by the ensemble (no-leader) came whatever the dice: in 10 of 10 futures from that event, and in all from later ones.',
    );
    expect(turnOf(found)).toBe('2 ms before, 3 of 10 did not fail.');
  });

  it('that failed from the start are not blamed on a moment', () => {
    const likely = { ...found, points: found.points.map((each) => (each === turn ? turn : { ...each, failed: 9 })) };
    expect(turnOf(likely)).toMatch(/1 of 10 did not fail\. It was likely all along/);
  });

  it('of one event, and those without a turn, say so', () => {
    const one = { ...found, points: [point(299, 3_673_000, 7)], inevitable: null };
    expect(sentenceOf(one)).toBe(
      'From 3.673 000 s on, with other dice, liveness by the ensemble (no-leader) came in 7 of 10 futures.',
    );
    expect(sentenceOf({ ...found, inevitable: null, failure: null, pattern: 'network/*' })).toBe(
      'With other dice for network/* from any of these 4 moments on, a failure of any kind never became certain.',
    );
    expect(turnOf(one)).toBeNull();
  });
});
