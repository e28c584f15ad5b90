/**
 * A program as modules that can be replaced one by one, and the script they make together. It is how a browser gets a
 * simulator with a mistake in it: the page carries the program once, and of each mistake only the few letters in which a
 * module differs (`modules.ts` makes both, by the same edits as `rewrite.ts`). Free of Node.
 */

export interface Modules {
  /** The module that is run, by its path from the root of the project. */
  readonly entry: string;
  /** A script that makes `packages`: those of npm that the modules ask for, by their names. */
  readonly packages: string;
  /** Bodies of CommonJS modules; `require` gets paths from the root. */
  readonly files: Readonly<Record<string, string>>;
}

/** In this module, at this place, so many letters are others. */
export interface Splice {
  readonly file: string;
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** The one splice that makes `after` of `before`. */
export function spliceOf(file: string, before: string, after: string): Splice {
  const most = Math.min(before.length, after.length);
  let at = 0;
  while (at < most && before[at] === after[at]) at++;
  let tail = 0;
  while (tail < most - at && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { file, at, length: before.length - tail - at, text: after.slice(at, after.length - tail) };
}

/**
 * The script of the program with these splices, of which there is at most one a module. What the entry exports is handed
 * to `give`, an expression.
 * @throws Error when there is no such module: a mistake must not become a program without one.
 */
export function scriptOf(modules: Modules, splices: readonly Splice[] = [], give = 'void'): string {
  const files = new Map(Object.entries(modules.files));
  for (const { file, at, length, text } of splices) {
    const body = modules.files[file];
    if (body === undefined) throw new Error(`the program has no ${file}`);
    files.set(file, body.slice(0, at) + text + body.slice(at + length));
  }
  const bodies = [...files].map(([name, body]) => `${JSON.stringify(name)}(module,exports,require){${body}\n}`);
  return [
    '(()=>{"use strict";',
    modules.packages,
    `;const bodies={${bodies.join(',\n')}};const made=new Map();`,
    'const load=(name)=>{if(Object.hasOwn(packages,name))return packages[name];',
    'let module=made.get(name);if(module===undefined){',
    'if(!Object.hasOwn(bodies,name))throw new Error("no module "+name);',
    'module={exports:{}};made.set(name,module);bodies[name](module,module.exports,load);}return module.exports;};',
    `${give}(load(${JSON.stringify(modules.entry)}));})();\n`,
  ].join('');
}
