import { describe, expect, test } from 'vitest';
import { asksProblems, textOfTurns, turnsOf } from '../../../sim/asks.ts';
import { run } from '../../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, parseSchedule, SCHEDULE_FORMAT, type Schedule } from '../../../sim/schedule.ts';

describe('turns as text', () => {
  test('ranges and single turns', () => {
    expect([...turnsOf('0,3,17-20')!]).toEqual([0, 3, 17, 18, 19, 20]);
    expect(turnsOf('')).toEqual(new Set());
    expect(textOfTurns([20, 3, 19, 18, 0])).toBe('0,3,18-20');
    expect(textOfTurns([])).toBe('');
    expect(textOfTurns(turnsOf('1-2,4-6,9')!)).toBe('1-2,4-6,9');
  });

  test.each(['a', '3-', '5-4', '1,,2', '-1', '1-9999999', '0-999999'])('%j is none', (text) => {
    expect(turnsOf(text)).toBeNull();
  });

  test('problems are named', () => {
    expect(asksProblems({ c1: '1-4', x: '1', c2: 7 })).toEqual([
      'asks: "x" is not a client such as "c1"',
      'asks.c2 is 7, not turns such as "0,3,17-20"',
    ]);
    expect(parseSchedule(`{"format":1,"asks":[]}`)).toEqual({ ok: false, problems: ['asks is not an object'] });
  });
});

const SCHEDULE: Schedule = {
  format: SCHEDULE_FORMAT,
  commit: '',
  seed: '7',
  profile: 'default',
  options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 2, duration: 4000 },
  swarm: CALM,
  ops: [],
};

/** What each client asked, as `kind path data`, in order. */
function asked(schedule: Schedule): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const record of run(schedule, { keepHistory: true }).history) {
    if (record.type !== 'invoke') continue;
    const { call } = record;
    const data =
      'data' in call && call.data !== null && call.data !== undefined ? new TextDecoder().decode(call.data) : '';
    const text = `${call.kind} ${'path' in call ? call.path : ''} ${data.trim()}`;
    found.set(record.client, [...(found.get(record.client) ?? []), text]);
  }
  return found;
}

describe('a load cut down', () => {
  const all = asked(SCHEDULE);

  test('who keeps nothing asks for nothing, and the other asks what it asked', () => {
    const cut = asked({ ...SCHEDULE, asks: { c1: '' } });
    // At the end the run itself asks once what is there.
    expect((cut.get(1) ?? []).filter((text) => !/^(sync|exists) /.test(text))).toEqual([]);
    expect(cut.get(2)!.slice(0, 20)).toEqual(all.get(2)!.slice(0, 20));
    expect(all.get(1)!.length).toBeGreaterThan(20);
  });

  test('a turn asks the same whichever other turns there are', () => {
    const cut = asked({ ...SCHEDULE, asks: { c1: '0,12-16' } });
    const kept = cut.get(1)!;
    expect(kept.slice(0, 3).map((text) => text.split(' ')[0])).toEqual(['create', 'create', 'create']);
    const rest = kept.slice(3);
    const at = all.get(1)!.indexOf(rest[0]!);
    expect(rest.length).toBeGreaterThanOrEqual(5);
    expect(all.get(1)!.slice(at, at + rest.length)).toEqual(rest);
  });

  test('a fault that holds a client up does not change what it asks later', () => {
    const held = asked({ ...SCHEDULE, ops: [{ id: 1, at: 1000, do: 'clientPause', client: 1, for: 800 }] });
    const tagged = (texts: readonly string[]): string[] => texts.filter((text) => /c1\.[0-9]+$/.test(text));
    const late = tagged(held.get(1)!).slice(-8);
    expect(late.length).toBe(8);
    expect(tagged(all.get(1)!)).toEqual(expect.arrayContaining(late));
  });
});
