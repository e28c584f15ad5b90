import { describe, expect, test } from 'vitest';
import { type Result, type RunSettings, run } from '../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, SCHEDULE_FORMAT, type Schedule } from '../../sim/schedule.ts';
import { branchAt, branchOver, graphOf } from '../../sim/shrink/branch.ts';
import type { World } from '../../sim/world/types.ts';

const SCHEDULE: Schedule = {
  format: SCHEDULE_FORMAT,
  commit: '',
  seed: '5',
  profile: 'default',
  options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 1, duration: 1500 },
  swarm: CALM,
  ops: [{ id: 1, at: 900, do: 'power', node: 'leader', for: 200 }],
};

/** One word per event: equal as long as nothing differs. */
function words(settings: RunSettings = {}): Uint32Array {
  let world: World | null = null;
  run(SCHEDULE, {
    ...settings,
    recordHashes: true,
    onWorld: (made) => {
      world = made;
    },
  });
  return (world as unknown as World).hashes();
}

const firstDifference = (a: Uint32Array, b: Uint32Array): number => a.findIndex((word, index) => word !== b[index]);

describe('other dice', () => {
  const ids: number[] = [];
  run(SCHEDULE, { hooks: { onEvent: ({ id }) => ids.push(id) } });
  const plain = words();
  const at = 300;
  const rekeyed = (pattern: string, salt: number): Uint32Array => words({ rekey: { event: ids[at]!, pattern, salt } });

  test('change nothing before their event, and something soon after it', () => {
    const difference = firstDifference(plain, rekeyed('*', 1));
    expect(difference).toBeGreaterThanOrEqual(at);
    expect(difference).toBeLessThan(at + 60);
  });

  test('fall the same way again, and another way with another salt', () => {
    expect(firstDifference(rekeyed('*', 1), rekeyed('*', 1))).toBe(-1);
    expect(firstDifference(rekeyed('*', 1), rekeyed('*', 2))).toBeGreaterThanOrEqual(at);
  });

  test('are those whose names fit', () => {
    expect(firstDifference(plain, rekeyed('no/such/*', 1))).toBe(-1);
    // There is no server 9.
    expect(firstDifference(plain, rekeyed('disk/9', 1))).toBe(-1);
    for (const pattern of ['network/*', 'network/1>*', 'lanes/*', 'client/*'])
      expect(firstDifference(plain, rekeyed(pattern, 1))).toBeGreaterThanOrEqual(at);
  });
});

describe('how likely a failure is', () => {
  /** A run of a hundred events; it fails whenever the dice were changed behind event 40, and else for every fifth salt. */
  function told(_: Schedule, { rekey, hooks }: RunSettings): Result {
    for (let id = 1; id <= 100; id++)
      hooks?.onEvent?.({ id, cause: 0, index: id, timeUs: id * 1000, host: 1, kind: 'timer' });
    const fails = rekey === undefined || rekey.event > 40 || rekey.salt % 5 === 0;
    const violation = { property: 'agreement', role: 'leader', reason: '' };
    return { verdict: fails ? 'safety' : 'ok', violations: fails ? [violation] : [] } as unknown as Result;
  }

  test('from one event', () => {
    expect(branchAt(SCHEDULE, 40, { run: told })!.points).toEqual([{ event: 40, atUs: 40_000, failed: 4, runs: 20 }]);
    expect(branchAt(SCHEDULE, 41, { run: told, runs: 7 })!.points).toEqual([
      { event: 41, atUs: 41_000, failed: 7, runs: 7 },
    ]);
    expect(branchAt(SCHEDULE, 1000, { run: told })).toBeNull();
  });

  test('over the run: the very event from which it is inevitable', () => {
    const branches = branchOver(SCHEDULE, { points: 5 }, { run: told });
    expect(branches.inevitable).toMatchObject({ event: 41, failed: 20 });
    expect(branches.failure).toEqual({ property: 'agreement', role: 'leader', reason: '' });
    const events = branches.points.map(({ event }) => event);
    expect(events).toEqual([...events].sort((a, b) => a - b));
    expect(events[0]).toBe(1);
    expect(events.at(-1)).toBe(100);
    expect(graphOf(branches)).toContain(
      '    0.041s  event    41  ##############################  20/20  inevitable from here',
    );
    expect(graphOf(branches)[0]).toBe('    0.001s  event     1  ######........................  4/20');
  });

  test('where it never is, nothing is said to be', () => {
    const passing = (schedule: Schedule, settings: RunSettings): Result =>
      ({ ...told(schedule, settings), verdict: 'ok', violations: [] }) as Result;
    const branches = branchOver(SCHEDULE, { points: 4 }, { run: passing, runs: 3 });
    expect(branches.inevitable).toBeNull();
    expect(branches.points).toHaveLength(4);
  });
});
