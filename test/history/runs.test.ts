/** The judge over whole runs: every rule is put to the test, a saved history gets the same verdict, memory stays bounded. */

import { describe, expect, test } from 'vitest';
import { Judge, judgeHistory } from '../../sim/checkers/history/judge.ts';
import { fromJsonLines, type HistoryRecord, toJsonLines } from '../../sim/checkers/history/record.ts';
import { RULE_NAMES, RULES, type RuleName } from '../../sim/checkers/history/rules.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { judgedLines, judgeText } from '../../sim/cli/judge.ts';
import { type Result, run } from '../../sim/runner.ts';
import { CALM, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';
import { SECRET_PREFIX } from '../../sim/workload.ts';
import { Story } from './story.ts';

/** Everything is asked for, by clients that do not stay where they are. */
function busy(seed: string): Schedule {
  const options = { nodes: 3, observers: 0, clients: 5, duration: 8000 };
  const schedule = generate({ seed, profile: 'sessions', commit: '', options });
  const mix = Object.fromEntries(Object.entries(CALM).filter(([name]) => name.startsWith('mix.')));
  const swarm = { ...schedule.swarm, ...mix, 'mix.acl': 8, 'mix.watch': 14, 'mix.ephemeral': 10 };
  return {
    ...schedule,
    swarm: { ...swarm, 'workload.rate': 12, 'workload.paths': 12, 'client.move': 12, 'client.ahead': 4 },
  };
}

const SEEDS = ['1', '2', '3'];

describe('runs of the simulator', () => {
  const results: readonly Result[] = SEEDS.map((seed) => run(busy(seed), { keepHistory: true }));

  test('are right', () => {
    expect(results.map(({ verdict, violations }) => [verdict, violations])).toEqual(SEEDS.map(() => ['ok', []]));
  });

  test.each(RULE_NAMES)('put %s to the test', (rule) => {
    expect(results.reduce((sum, { stats }) => sum + stats.decided[rule], 0)).toBeGreaterThan(0);
  });

  test('get the same verdict from a file', () => {
    const { history, stats } = results[0]!;
    const lines = [...toJsonLines(history)];
    const read = [...fromJsonLines(lines)];
    expect([...toJsonLines(read)]).toEqual(lines);
    const { found, decided } = judge(read, 'committed');
    expect(found).toEqual([]);
    expect(decided).toEqual(stats.decided);
  });

  test('are judged by the command, from the transactions or without them', () => {
    const lines = [...toJsonLines(results[1]!.history)];
    const [whole, told] = [judgeText(lines.join('')), judgeText(lines.filter((line) => !isCommit(line)).join(''))];
    expect([whole.status, whole.oracle, told.status, told.oracle]).toEqual(['ok', 'committed', 'ok', 'replies']);
    expect(whole.decided).toEqual(results[1]!.stats.decided);
    expect(judgedLines(whole).at(-1)).toBe('every promise was kept');
    expect(() => judgeText('{"type":"commit"')).toThrow('line 1');
    expect(() => judgeText('{"type":"nonsense"}')).toThrow('line 1 is no record of a history');
  });

  test('are right from what clients were told alone, and every rule that can be is put to the test', () => {
    const sum = new Map<RuleName, number>();
    for (const { history } of results) {
      const { found, decided } = judge(
        history.filter((record) => record.type !== 'commit'),
        'replies',
      );
      expect(found).toEqual([]);
      for (const rule of RULE_NAMES) sum.set(rule, (sum.get(rule) ?? 0) + decided[rule]);
    }
    for (const rule of RULE_NAMES) {
      if (RULES[rule].replies === 'no') expect([rule, sum.get(rule)]).toEqual([rule, 0]);
      else expect([rule, sum.get(rule)! > 0]).toEqual([rule, true]);
    }
  });

  test('client-only, nobody else reports', () => {
    const { verdict, violations, stats } = run(busy('4'), { judge: 'client-only' });
    expect([verdict, violations]).toEqual(['ok', []]);
    expect(stats.disksRecovered).toBe(0);
  });
});

test.each(['committed', 'replies'] as const)('memory does not grow with the history (%s)', (oracle) => {
  const story = new Story();
  for (const client of [1, 2, 3]) story.open(client);
  story.create(1, '/q', '');
  for (let i = 0; i < 9000; i++) {
    const path = `/q/n${i % 7}`;
    if (i % 21 < 7) story.create(1, path, `d${i}`);
    else if (i % 21 < 14) story.set(2, path, `d${i}`);
    else story.remove(3, path);
    story.get(1 + (i % 3), path);
  }
  const judge = new Judge({ oracle }, (property, message) => expect([property, message]).toEqual([]));
  const sizes: number[] = [];
  for (const [index, record] of story.records.entries()) {
    judge.onRecord(record);
    if (index % 500 === 0) sizes.push(judge.size);
  }
  const half = sizes.length >> 1;
  expect(Math.max(...sizes.slice(half))).toBeLessThan(1.2 * Math.max(...sizes.slice(0, half)));
  expect(Math.max(...sizes)).toBeLessThan(story.records.length / 2);
});

const isCommit = (line: string): boolean => line.startsWith('{"type":"commit"');

function judge(records: Iterable<HistoryRecord>, oracle: 'committed' | 'replies') {
  const found: [PropertyId, string][] = [];
  const { decided } = judgeHistory(records, { oracle, secretPrefix: SECRET_PREFIX }, (property, message) => {
    found.push([property, message]);
  });
  return { found, decided };
}
