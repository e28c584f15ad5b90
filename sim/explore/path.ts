/**
 * Counterexamples as files: the scope, and the chosen actions by name. `npm run explore -- --replay FILE` makes the same
 * steps again with nothing remembered, so that the code that is bundled now decides what happens.
 */

import { showZxid } from '../../core/types.ts';
import { PROPERTIES, type PropertyId } from '../checkers/properties.ts';
import { type Scope, scopeFrom } from './scopes.ts';
import { runPrologue, type Violation } from './search.ts';
import { ACTIONS_MAX, type State, System } from './system.ts';
import type { Fault } from './turn.ts';

export interface PathFile {
  readonly format: 1;
  readonly kind: 'explore';
  readonly scope: Scope;
  readonly expect: { readonly property: PropertyId };
  readonly message: string;
  /** What was chosen, from the end of the scope's prologue on. What the scope takes without a choice follows by itself. */
  readonly actions: readonly string[];
}

/** The violation as a file. */
export function pathOf(scope: Scope, { fault, actions }: Violation): PathFile {
  const system = new System(scope);
  const state = runPrologue(system);
  const names = actions.map((action) => {
    const name = system.nameOf(action, state);
    system.apply(state, action);
    return name;
  });
  return {
    format: 1,
    kind: 'explore',
    scope,
    expect: { property: fault.property },
    message: fault.message,
    actions: names,
  };
}

export type ParsedPath =
  | { readonly ok: true; readonly value: PathFile }
  | { readonly ok: false; readonly problem: string };

export function parsePath(text: string): ParsedPath {
  let read: Partial<PathFile>;
  try {
    read = JSON.parse(text) as Partial<PathFile>;
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
  if (read.kind !== 'explore' || read.format !== 1) return { ok: false, problem: 'it is not a path of an exploration' };
  const { scope, actions, expect } = read;
  if (scope === undefined || !Array.isArray(actions)) return { ok: false, problem: 'it has no scope or no actions' };
  const parsed = scopeFrom(scope);
  if (!parsed.ok) return { ok: false, problem: `its scope: ${parsed.problem}` };
  if (expect === undefined || !(expect.property in PROPERTIES))
    return { ok: false, problem: 'it expects no known property' };
  return {
    ok: true,
    value: { format: 1, kind: 'explore', scope: parsed.value, actions, expect, message: read.message ?? '' },
  };
}

export interface Replayed {
  /** What was broken at the end; null when nothing was. */
  readonly fault: Fault | null;
  /** Actions of the file that were not possible, and so were left out. */
  readonly skipped: readonly string[];
  readonly lines: readonly string[];
}

/** Makes the steps of the file. Each line tells an action, indented those that followed by themselves, and what it changed. */
export function replay(file: PathFile): Replayed {
  const system = new System(file.scope);
  const state = runPrologue(system);
  const lines: string[] = [];
  const skipped: string[] = [];
  let standings = standingsOf(system, state);
  let depth = 0;
  system.onAction = (action) => {
    lines.push(`${depth === 0 ? '  ' : '      '}${system.nameOf(action, state)}`);
    depth += 1;
  };
  for (const name of file.actions) {
    const action = system.find(state, name);
    if (action === null) {
      skipped.push(name);
      continue;
    }
    depth = 0;
    const ok = system.apply(state, action);
    const fault = ok ? (system.check(state) ?? quietFault(system, state)) : system.fault;
    const next = standingsOf(system, state);
    next.forEach((line, i) => {
      if (line !== standings[i]) lines.push(`        ${line}`);
    });
    standings = next;
    if (fault !== null) return { fault, skipped, lines };
  }
  return { fault: null, skipped, lines };
}

const quietFault = (system: System, state: State): Fault | null =>
  system.isQuiet(state) ? system.checkQuiet(state) : null;

/** Where each server stands, in a line. */
function standingsOf(system: System, state: State): string[] {
  const { locals } = system;
  const { histories } = locals;
  const zxids = (node: number): string => histories.list(node).map(showZxid).join(' ') || '-';
  return Array.from({ length: system.scope.servers }, (_, i) => {
    const facts = locals.factsOf(state[i]!);
    const epochs = `epochs ${facts.acceptedEpoch}/${facts.currentEpoch}`;
    const log = `log ${zxids(facts.log)}, committed ${zxids(facts.committed)}, on disk ${zxids(facts.durable)}`;
    return `server ${i + 1} ${locals.roleOf(state[i]!)}: ${epochs}, ${log}`;
  });
}

/** The possible actions of a state, by name: what a person may choose from. */
export function choicesOf(system: System, state: State): string[] {
  const actions = new Int32Array(ACTIONS_MAX);
  const count = system.actions(state, actions);
  return Array.from(actions.subarray(0, count), (action) => system.nameOf(action, state));
}
