/** Every story is told as its file says, and would not be told without the operation that makes it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SCENARIOS, type Scenario } from '../scenarios/index.ts';
import { type Result, run, unmetExpectations } from '../sim/runner.ts';
import { checkSchedule, formatSchedule, OPS, parseSchedule, type Schedule } from '../sim/schedule.ts';

const NOT_STORIES = new Set(['index.ts', 'story.ts']);
const byName = SCENARIOS.map((scenario) => [scenario.name, scenario] as const);

describe('the list', () => {
  test('has every file, once, under its own name', () => {
    const files = readdirSync(join(import.meta.dirname, '../scenarios'))
      .filter((name) => name.endsWith('.ts') && !NOT_STORIES.has(name))
      .map((name) => name.replace(/\.ts$/, ''));
    expect(SCENARIOS.map(({ name }) => name).sort()).toEqual(files.sort());
  });

  test.each(byName)('%s is a schedule that survives being written and read', (_, { schedule }) => {
    expect(checkSchedule(schedule)).toEqual({ ok: true, value: schedule });
    expect(parseSchedule(formatSchedule(schedule))).toEqual({ ok: true, value: schedule });
  });

  test.each(byName)('%s says goal, method and why it is nasty, and expects what can fail', (_, scenario) => {
    expect(scenario.story).toMatch(/^Goal: [\s\S]+\sMethod[:,]\s[\s\S]+Why\s+it\s+is\s+nasty:\s/);
    const { expect: expected, ops } = scenario.schedule;
    expect(expected?.verdict).toBeDefined();
    expect(expected?.writes).toBeGreaterThan(0);
    const said = [...(expected?.marks ?? []), ...(expected?.never ?? []), ...(expected?.tells ?? [])];
    expect(said.length).toBeGreaterThan(0);
    expect(ops.some(({ id }) => id === scenario.decisive)).toBe(true);
  });
});

describe('docs/simulator.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/simulator.md'), 'utf8');

  test.each(byName)('lists %s', (name, { title }) => {
    expect(text).toContain(`| \`${name}\` | ${title} |`);
  });

  test('explains every operation with its fields', () => {
    for (const [name, fields] of Object.entries(OPS)) {
      const row = text
        .split('\n')
        .find((line) => line.startsWith('| `') && line.split('|')[1]!.includes(`\`${name}\``));
      const missing = Object.entries(fields).filter(
        ([field, kind]) => field !== 'for' && !row?.includes(`\`${field}${kind.endsWith('?') ? '?' : ''}\``),
      );
      expect({ name, missing }).toEqual({ name, missing: [] });
    }
  });
});

describe.each(byName)('%s', (_, scenario) => {
  test('is told', () => {
    const result = run(scenario.schedule);
    expect(explain(scenario.schedule, result)).toEqual([]);
    // An operation that met nobody is a line of the story that is not true.
    expect(result.stats.faults).toMatchObject({ applied: scenario.schedule.ops.length, skipped: 0 });
  });

  test('is not told without its decisive operation', () => {
    const schedule = without(scenario);
    expect(unmetExpectations(schedule.expect, run(schedule))).not.toEqual([]);
  });
});

test('wan: while somebody leads, a write goes through in every second', () => {
  const scenario = SCENARIOS.find(({ name }) => name === 'wan')!;
  const { history, moments } = run(scenario.schedule, { keepHistory: true });
  const writes = new Set<string>();
  const seconds = new Set<number>();
  for (const record of history) {
    if (record.type === 'invoke' && IS_WRITE.has(record.call.kind)) writes.add(`${record.client}/${record.id}`);
    if (record.type === 'ok' && writes.has(`${record.client}/${record.id}`)) seconds.add(Math.floor(record.atUs / 1e6));
  }
  const atS = (text: string): number => moments.find((moment) => moment.text.includes(text))!.atUs / 1e6;
  // The first seconds are spent on connecting and on the parents of what is written.
  const led = [
    { from: atS('leads epoch 1') + 3, to: atS('server 5 cut from') },
    { from: atS('leads epoch 2') + 1, to: scenario.schedule.options.duration / 1000 },
  ];
  for (const { from, to } of led) {
    expect(to - from).toBeGreaterThan(2);
    for (let second = Math.ceil(from); second + 1 <= to; second++)
      expect(seconds, `second ${second}`).toContain(second);
  }
});

const IS_WRITE: ReadonlySet<string> = new Set(['create', 'create2', 'setData', 'delete', 'setACL', 'multi']);

/** What is not as expected, with the violations that say why. */
function explain(schedule: Schedule, result: Result): string[] {
  const violations = result.violations.map(({ property, message }) => `${property}: ${message}`);
  return [...unmetExpectations(schedule.expect, result), ...violations];
}

function without({ schedule, decisive }: Scenario): Schedule {
  return { ...schedule, ops: schedule.ops.filter(({ id }) => id !== decisive) };
}
