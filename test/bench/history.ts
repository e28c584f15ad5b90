/** What judging histories costs: a part of `npm run bench`, or by itself with `node scripts/run.mjs test/bench/history.ts`. CPU time, one thread, warm. */

import { sweep } from '../../sim/checkers/history/columns.ts';
import { Judge } from '../../sim/checkers/history/judge.ts';
import { recordsOf, registerColumns } from '../history/histories.ts';

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The least of some runs, since the machine is shared. */
function cost(runs: number, what: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const before = cpuMs();
    what();
    least = Math.min(least, cpuMs() - before);
  }
  return least;
}

const line = (name: string, value: string, target: string): void =>
  console.log(`${name.padEnd(58)} ${value.padStart(12)}   ${target}`);

export function benchHistory(): void {
  const columns = registerColumns({ count: 1_000_000, sessions: 100, registers: 1000, seed: 1 });
  const found: unknown[] = [];
  const swept = cost(7, () => found.push(sweep(columns)));
  if (found.some((breach) => breach !== null)) throw new Error('a correct history was found wrong');
  line('a million operations, columns, P1 to P5 and P9: CPU ms', swept.toFixed(0), 'target 150');
  for (const oracle of ['committed', 'replies'] as const) {
    const records = recordsOf(registerColumns({ count: 100_000, sessions: 20, registers: 200, seed: 2 }));
    const spent = cost(3, () => {
      const judge = new Judge({ oracle }, (property, message) => {
        throw new Error(`${property}: ${message}`);
      });
      for (const record of records) judge.onRecord(record);
    });
    line(`judge, ${oracle}: CPU us an operation`, ((spent * 1000) / 100_000).toFixed(2), '');
  }
}

// By itself, or called by main.ts.
if (/test-bench-history-\d+\.mjs$/.test(process.argv[1] ?? '')) benchHistory();
