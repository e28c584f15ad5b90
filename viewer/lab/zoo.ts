/**
 * Bugs of the zoo, and the worker with one of them in it. The page carries the laboratory's program in modules, packed, and of
 * each bug the letters in which its modules differ; the script of a worker is put together when somebody asks for it.
 */

import { type Modules, type Splice, scriptOf } from '../../sim/campaign/script.ts';

export interface Bug {
  readonly id: string;
  /** Rows of the zoo that it stands for: `A16`. */
  readonly rows: readonly string[];
  /** The ticket, paper or rule. */
  readonly origin: string;
  /** What goes wrong, in one sentence. */
  readonly says: string;
  /** The faults to draw. */
  readonly profile: string;
  /** Seeds that showed it, and the property that was broken. */
  readonly finds: readonly { readonly seed: string; readonly property: string }[];
}

export interface ZooProgram {
  readonly modules: Modules;
  /** By the id of the bug. */
  readonly splices: Readonly<Record<string, readonly Splice[]>>;
}

/** The script of the program with this bug. @throws Error when the zoo has no such bug. */
export function scriptWith(program: ZooProgram, id: string): string {
  const splices = program.splices[id];
  if (splices === undefined || splices.length === 0) throw new Error(`the zoo has no ${id}`);
  return scriptOf(program.modules, splices);
}

/** As the build packed it: gzip in base64. */
export async function unpack(text: string): Promise<ZooProgram> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(stream).json()) as ZooProgram;
}
