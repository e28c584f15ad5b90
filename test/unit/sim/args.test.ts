import { describe, expect, test } from 'vitest';
import { parseArgs, usage } from '../../../sim/cli/args.ts';
import { PROFILES } from '../../../sim/swarm.ts';

describe('the command line', () => {
  test('reads every flag', () => {
    const parsed = parseArgs([
      '--seed',
      '42',
      '--nodes=3',
      '--duration',
      '1.5s',
      '--profile',
      'disk',
      '--json',
      '--unrestricted',
    ]);
    expect(parsed).toMatchObject({
      ok: true,
      args: {
        seed: '42',
        nodes: 3,
        durationMs: 1500,
        profile: 'disk',
        json: true,
        unrestricted: true,
        quiet: false,
        jobs: 1,
      },
    });
    expect(parseArgs(['--seeds', '1..20', '--jobs', '2'])).toMatchObject({
      ok: true,
      args: { seeds: { from: 1, to: 20 }, jobs: 2 },
    });
  });

  test.each([
    ['unknown flag --sede (did you mean --seed?)', ['--sede', '1']],
    ['unexpected word 42', ['42']],
    ['--seed needs TEXT', ['--seed']],
    ['--seed needs TEXT', ['--seed', '--json']],
    ['--json takes no value', ['--json=1']],
    ['--json is given twice', ['--json', '--json']],
    ['--nodes is many, not a whole number from 1 to 15', ['--nodes', 'many']],
    ['--nodes is 16, not a whole number from 1 to 15', ['--nodes', '16']],
    ['--duration is 5, not a time such as 500ms, 30s or 2m', ['--duration', '5']],
    ['--seeds is 5..1, not a range such as 1..100', ['--seeds', '5..1']],
    [`--profile is fast, not one of ${Object.keys(PROFILES).join(', ')}`, ['--profile', 'fast']],
    ['--seeds and --seed exclude each other', ['--seeds', '1..2', '--seed', '1']],
    ['--scenario and --schedule exclude each other', ['--scenario', 'a', '--schedule', 'b']],
    ['--seeds writes no files', ['--seeds', '1..2', '--save', 'x']],
  ])('%s', (problem, argv) => {
    expect(parseArgs(argv)).toEqual({ ok: false, problem });
  });

  test('the usage names every flag', () => {
    for (const flag of ['--seed', '--seeds', '--jobs', '--check-determinism', '--trace', '--unrestricted']) {
      expect(usage()).toContain(flag);
    }
  });
});
