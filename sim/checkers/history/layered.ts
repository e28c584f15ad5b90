/**
 * The layers that need no zxids, one after the other: the linear pass over registers with unique values (`patterns.ts`), and the
 * search (`search/`) for what that cannot decide.
 *
 * The pass decides key by key. A key whose values are written once each, and never conditionally, is decided either way;
 * of the others a certificate may still be found, since whatever clashes in a part of a key clashes in the whole. What the pass finds
 * clean and cannot decide is left to the search, key by key.
 *
 * A certificate is two to four operations. With all writes of the values that they speak of it is a history of its own, and the search
 * judges and explains that one: so no certificate is believed that the model does not bear out, and an explanation
 * costs what a dozen operations cost, however long the history is. That it holds in the whole follows from linearizability itself:
 * in an order of all operations, whoever reads a value still stands behind a write of it when the operations on other values are left out.
 */

import { type Certificate, findPatterns, type PatternOp } from './patterns.ts';
import {
  assertModelFits,
  type CheckResult,
  type CheckSettings,
  checkHistory,
  type PartResult,
} from './search/check.ts';
import type { Violation } from './search/explain.ts';
import type { AnyModel } from './search/model.ts';
import { type Operation, type Plain, plainKey } from './search/operation.ts';

/** The models that the pass knows: what is read and written as a whole. */
export type PatternModel = 'register' | 'cas-register' | 'kv';
export const PATTERN_MODELS: ReadonlySet<string> = new Set(['register', 'cas-register', 'kv'] satisfies PatternModel[]);

export interface LayeredResult extends CheckResult {
  readonly layers: {
    /** Keys that the pass decided, and keys that went to the search. */
    readonly patterns: number;
    readonly search: number;
    /** What the pass found, when the violation is its find. */
    readonly certificate: Certificate | null;
  };
}

export interface LayeredSettings extends CheckSettings {
  /** What a register holds at first. */
  readonly initial?: Plain;
}

/** As `checkHistory`. `name` is that of the model. */
export function checkLayered(
  name: PatternModel,
  model: AnyModel,
  operations: readonly Operation[],
  { initial = null, ...settings }: LayeredSettings = {},
): LayeredResult {
  assertModelFits(model, operations);
  const byKey = keysOf(operations);
  const told: PatternOp[] = [];
  for (const key of byKey.values()) {
    if (!key.isSimple) continue;
    for (const operation of key.operations) {
      const op = patternOp(name, operation);
      if (op !== null) told.push(op);
    }
  }
  const { certificates, decided } = findPatterns(told, name === 'kv' ? '' : plainKey(initial));
  const suspected = new Set(certificates.map(({ key }) => key));
  const proved = (key: string): boolean =>
    decided.has(key) && !suspected.has(key) && byKey.get(key)?.isProvable === true;
  for (const certificate of certificates) {
    const found = borneOut(name, model, operations, certificate, settings);
    if (found !== null) return violated(model, operations, byKey, certificate, found);
  }
  const proofs = new Set([...byKey.keys()].filter(proved));
  const parts = [...proofs].map((key) => partOf(byKey.get(key)!.operations));
  const rest = operations.filter((operation) => !proofs.has(nameOfKey(operation)));
  const searched = searchPart(model, operations, rest, settings);
  return {
    ...searched,
    operations: operations.length,
    parts: [...parts, ...searched.parts],
    partCount: byKey.size,
    layers: { patterns: parts.length, search: byKey.size - parts.length, certificate: null },
  };
}

interface Key {
  readonly operations: Operation[];
  /** Nothing but reads, writes and compare-and-set. */
  isSimple: boolean;
  /** A clean pass is a proof: nothing was conditional, not even what was refused. */
  isProvable: boolean;
}

/** No key at all is one of its own. */
const NO_KEY = '\u0000';
const nameOfKey = ({ key }: Operation): string => key ?? NO_KEY;

function keysOf(operations: readonly Operation[]): Map<string, Key> {
  const keys = new Map<string, Key>();
  for (const operation of operations) {
    const name = nameOfKey(operation);
    let key = keys.get(name);
    if (key === undefined) {
      key = { operations: [], isSimple: true, isProvable: true };
      keys.set(name, key);
    }
    key.operations.push(operation);
    if (operation.f === 'append') key.isSimple = false;
    if (operation.f === 'append' || operation.f === 'cas') key.isProvable = false;
  }
  return keys;
}

/** Null for what tells the pass nothing: a read without a result, a conditional write that was refused. */
function patternOp(name: PatternModel, operation: Operation): PatternOp | null {
  const { id, process, f, value, outcome, result, invokedAt } = operation;
  const answeredAt = outcome === 'info' ? null : operation.respondedAt;
  const key = nameOfKey(operation);
  switch (f) {
    case 'read':
    case 'get':
      if (outcome !== 'ok') return null;
      return { id, process, key, invokedAt, answeredAt, kind: 'read', value: valueName(name, result) };
    case 'cas': {
      if (outcome === 'fail') return null;
      const [from, next] = (value as readonly [Plain, Plain]).map((each) => valueName(name, each)) as [string, string];
      return { id, process, key, invokedAt, answeredAt, kind: 'cas', from, value: next };
    }
    default: {
      const failed = outcome === 'fail';
      return { id, process, key, invokedAt, answeredAt, failed, kind: 'write', value: valueName(name, value) };
    }
  }
}

/** A get that was answered with nothing has read the empty string. */
const valueName = (name: PatternModel, value: Plain): string =>
  name !== 'kv'
    ? typeof value === 'number'
      ? String(value)
      : plainKey(value)
    : typeof value === 'string'
      ? value
      : '';

/** A certificate needs some dozens; one that hangs on a long chain of conditional writes is left to the search of the key. */
const CERTIFICATE_STEPS_MAX = 100_000;

/** What the search says of the certificate and the writes of its values; null when it does not bear it out. */
function borneOut(
  name: PatternModel,
  model: AnyModel,
  operations: readonly Operation[],
  certificate: Certificate,
  settings: CheckSettings,
): CheckResult | null {
  const own = operations.filter((operation) => nameOfKey(operation) === certificate.key);
  const chosen = new Set(certificate.ops);
  const writers = new Map<string, Operation[]>();
  for (const operation of own) {
    const told = patternOp(name, operation);
    if (told === null || told.kind === 'read') continue;
    const others = writers.get(told.value);
    if (others === undefined) writers.set(told.value, [operation]);
    else others.push(operation);
  }
  // Whoever replaced a value has read one too, whose writes belong to it.
  const waiting = own.filter(({ id }) => chosen.has(id));
  for (let operation = waiting.pop(); operation !== undefined; operation = waiting.pop()) {
    const told = patternOp(name, operation);
    const values = told === null ? [] : told.kind === 'cas' ? [told.from, told.value] : [told.value];
    for (const writer of values.flatMap((value) => (value === null ? [] : (writers.get(value) ?? [])))) {
      if (chosen.has(writer.id)) continue;
      chosen.add(writer.id);
      waiting.push(writer);
    }
  }
  const some = own.filter(({ id }) => chosen.has(id));
  const result = searchPart(model, operations, some, { ...settings, budgetSteps: CERTIFICATE_STEPS_MAX });
  return result.status === 'violation' ? result : null;
}

function violated(
  model: AnyModel,
  operations: readonly Operation[],
  byKey: ReadonlyMap<string, Key>,
  certificate: Certificate,
  { steps, parts, violation }: CheckResult,
): LayeredResult {
  // The order of a few operations is none of the whole.
  const told = violation === null ? null : { ...violation, order: null, states: [], isPrefixExact: false };
  return {
    status: 'violation',
    model: model.name,
    operations: operations.length,
    steps,
    parts,
    partCount: byKey.size,
    violation: told,
    layers: { patterns: 1, search: 0, certificate },
  };
}

/** A part that nobody had to search. */
function partOf(operations: readonly Operation[]): PartResult {
  const responses = operations.filter(({ outcome }) => outcome !== 'info').length;
  return {
    part: operations[0]!.key,
    operations: operations.length,
    status: 'ok',
    steps: 0,
    exhausted: null,
    deepest: responses,
    responses,
    windowSize: 0,
    order: null,
  };
}

/** Some of the operations, searched as a history, and told by the ids that they have. */
function searchPart(
  model: AnyModel,
  operations: readonly Operation[],
  some: readonly Operation[],
  settings: CheckSettings,
): CheckResult {
  if (some.length === operations.length) return checkHistory(model, operations, settings);
  const result = checkHistory(
    model,
    some.map((operation, id) => ({ ...operation, id })),
    settings,
  );
  const back = (id: number): number => some[id]!.id;
  return {
    ...result,
    parts: result.parts.map((part) => ({ ...part, order: part.order?.map(back) ?? null })),
    violation: result.violation === null ? null : renamed(result.violation, back),
  };
}

const NAMED = /#([0-9]+) (?=(?:read|write|cas|get|put|append|ended|began)\b)/g;

function renamed(violation: Violation, back: (id: number) => number): Violation {
  return {
    ...violation,
    // The sentence names operations as the part knows them, each before what it did or when it ended.
    sentence: violation.sentence.replaceAll(NAMED, (_, id: string) => `#${back(Number(id))} `),
    blocked: back(violation.blocked),
    order: violation.order?.map(back) ?? null,
    core: violation.core.map(back),
    edges: violation.edges.map(({ before, after, ...rest }) => ({ ...rest, before: back(before), after: back(after) })),
    stuck: violation.stuck.map((state) => ({
      ...state,
      pending: state.pending.map((each) => ({ ...each, id: back(each.id) })),
    })),
  };
}
