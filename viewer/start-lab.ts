/** The laboratory's workers: the one that is inside the page, and those with a bug of the zoo in them. */

import { BUGS, PACKED } from 'virtual:zoo';
import LabWorker from './lab/worker.ts?worker&inline';
import { scriptWith, unpack, type ZooProgram } from './lab/zoo.ts';

export { BUGS };

let program: Promise<ZooProgram> | null = null;

/** `bug`: null for the core as it is. */
export async function startLabWorker(bug: string | null): Promise<Worker> {
  if (bug === null) return new LabWorker({ name: 'laboratory' });
  program ??= unpack(PACKED);
  const address = URL.createObjectURL(new Blob([scriptWith(await program, bug)], { type: 'text/javascript' }));
  try {
    return new Worker(address, { name: `laboratory with ${bug}` });
  } finally {
    // The browser has taken the script by then.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
