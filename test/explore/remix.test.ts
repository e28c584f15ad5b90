/** A bug that happened is found in a mutated core, by a shortest path, which the mutated core goes again and a sound one not. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explore, REMIX, removeBundles, replayWith, simulateWith } from './remix.ts';

test('ZOOKEEPER-4394: a COMMIT between NEWLEADER and UPTODATE', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'explore-'));
  try {
    const file = join(dir, 'path.json');
    const bug = REMIX.find(({ ticket }) => ticket === 'ZOOKEEPER-4394')!;
    const schedule = join(dir, 'schedule.json');
    const { mutant, report } = await explore(bug, ['--save', file, '--schedule', schedule]);
    expect(report.verdict).toBe('violation');
    expect(report.violation!.fault.property).toBe('should-not-be-triggered');
    expect(report.path).toHaveLength(13);
    expect(report.path!.at(-1)).toMatch(/COMMIT$/);
    expect(await replayWith(mutant, file)).toContain('VIOLATION  should-not-be-triggered');
    expect(await replayWith(null, file)).toContain('nothing is broken');
    // The same story in the simulated world: every operation takes place, and the same promise is broken.
    const ops = JSON.parse(readFileSync(schedule, 'utf8')).ops.length;
    const broken = await simulateWith(mutant, schedule);
    expect(broken.violations.map(({ property }) => property)).toContain('should-not-be-triggered');
    expect(broken.stats.faults).toMatchObject({ applied: ops, skipped: 0 });
  } finally {
    await removeBundles();
    rmSync(dir, { recursive: true });
  }
}, 180_000);

test('there are six of them', () => {
  expect(REMIX.map(({ ticket }) => ticket.slice('ZOOKEEPER-'.length))).toEqual([
    '3023',
    '4394',
    '4643',
    '4646',
    '4685',
    '4712',
  ]);
});
