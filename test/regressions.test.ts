/** What failed once is replayed for ever. `scenarios/regressions/README.md` says what each of them was. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, unmetExpectations } from '../sim/runner.ts';
import { parseSchedule } from '../sim/schedule.ts';

const DIR = join(import.meta.dirname, '../scenarios/regressions');
// Throws when the directory is not there: an empty list must mean that there is nothing, not that nobody looked.
const entries = readdirSync(DIR).sort();
const names = entries.filter((name) => name.endsWith('.json'));

test('every file is a schedule that README.md explains', () => {
  expect(entries.filter((name) => !name.endsWith('.json'))).toEqual(['README.md']);
  const explained = [...readFileSync(join(DIR, 'README.md'), 'utf8').matchAll(/^\| `([a-z0-9-]+)` \|/gm)];
  expect(explained.map(([, name]) => `${name}.json`).sort()).toEqual(names);
});

for (const name of names) {
  test(name.replace(/\.json$/, '').replaceAll('-', ' '), () => {
    const parsed = parseSchedule(readFileSync(join(DIR, name), 'utf8'));
    if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
    const { expect: expected } = parsed.value;
    // That nothing is broken may also mean that the run goes elsewhere now: it must pass the place it was found at.
    expect([...(expected?.marks ?? []), ...(expected?.tells ?? [])].length).toBeGreaterThan(0);
    const result = run(parsed.value);
    // One that is expected to fail waits for its fix; when that comes, this says so.
    const isMended = expected?.verdict === 'ok';
    const violations = isMended ? result.violations.map(({ property, message }) => `${property}: ${message}`) : [];
    expect([...unmetExpectations(expected, result), ...violations]).toEqual([]);
  });
}
