/**
 * The way from a run to the viewer: its trace in a file that lives as long as it is needed, and the viewer as another program
 * (the arrows of the house point from the viewer to the simulator, never back).
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Schedule } from '../schedule.ts';
import { traceTo } from '../trace.ts';

const VIEWER = ['scripts/run.mjs', 'viewer/node/main.ts'];

/** Where a failing run leaves its page or its history when nobody said where. */
export const failureFile = (schedule: Schedule, ending: string): string =>
  join('.build', 'failures', `${schedule.seed.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60)}.${ending}`);

/** Writes one page with the viewer and the trace of the run inside; null, or what went wrong. */
export function writePage(schedule: Schedule, file: string): string | null {
  return withTraceFile(schedule, (trace) => {
    mkdirSync(dirname(file), { recursive: true });
    const { status, stderr } = spawnSync(process.execPath, [...VIEWER, trace, '--html', file], { encoding: 'utf8' });
    return status === 0 ? null : stderr.trim();
  });
}

/** Opens the run in the viewer and comes back when that is ended. */
export function openViewer(schedule: Schedule): void {
  withTraceFile(schedule, (trace) => {
    // Both hear of Ctrl C; this one goes on, to clean up.
    const goOn = (): void => {};
    process.on('SIGINT', goOn);
    spawnSync(process.execPath, [...VIEWER, trace], { stdio: 'inherit' });
    process.off('SIGINT', goOn);
  });
}

function withTraceFile<T>(schedule: Schedule, use: (trace: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-'));
  try {
    const trace = join(folder, `${schedule.seed.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60)}.ndjson`);
    traceTo(trace, schedule);
    return use(trace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
