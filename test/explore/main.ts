/** `npm run explore:remix [-- TICKET...]`. */

import { explore, type Found, REMIX, removeBundles } from './remix.ts';

function lineOf({ bug, report }: Found): string {
  const { violation, states, cpuSeconds } = report;
  const what = violation === null ? report.verdict : `${violation.fault.property} after ${violation.actions.length}`;
  const scope = [bug.scope, ...bug.sets].join(' ');
  return `${bug.ticket}  ${what.padEnd(34)}${states.toLocaleString('en-US').padStart(11)} states ${cpuSeconds.toFixed(1).padStart(7)} s  ${scope}`;
}

const wanted = process.argv.slice(2);
let missed = 0;
for (const bug of REMIX) {
  if (wanted.length > 0 && !wanted.some((ticket) => bug.ticket.endsWith(ticket))) continue;
  const found = await explore(bug);
  process.stdout.write(`${lineOf(found)}\n`);
  if (found.report.violation === null) missed += 1;
  else process.stdout.write(`    ${found.report.violation.fault.message}\n    ${found.report.path?.join('; ')}\n`);
}
await removeBundles();
process.exitCode = missed === 0 ? 0 : 1;
