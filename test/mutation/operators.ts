/**
 * Small mistakes, made mechanically: every place of a source file where one of a few operators applies, as text to replace.
 *
 * The catalogue in `test/mutants` holds the mistakes that someone thought of. These are the ones that nobody did. The operators
 * are the usual ones of mutation testing (relational and logical operators, negated conditions, left-out statements, off by
 * one): each changes one token's worth of behaviour, and what a checker of a whole ensemble does not notice in any of them
 * is a rule that nothing checks.
 *
 * Left alone: assertions and notes (they are themselves checks and marks), what only types or documents, thrown errors.
 */

import { parseSync } from 'vite';

export interface Mutation {
  readonly file: string;
  /** Offsets in the source text, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  readonly operator: string;
  /** From 1. */
  readonly line: number;
  /** What is about to be evaluated or executed when the mutation is reached. */
  readonly probe: { readonly start: number; readonly end: number; readonly kind: 'expression' | 'statement' };
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly operator?: string;
  readonly value?: unknown;
  readonly name?: string;
  readonly left?: Node;
  readonly right?: Node;
  readonly test?: Node;
  readonly expression?: Node | boolean;
  readonly argument?: Node;
  readonly object?: Node;
  readonly property?: Node;
  readonly callee?: Node;
}

const RELATIONAL: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '+',
  '&': '|',
  '|': '&',
};
const LOGICAL: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };
const EXTREMES: Readonly<Record<string, string>> = { min: 'max', max: 'min' };

/** Calls that check or tell, and change nothing that a client or a peer could see. */
const SILENT_CALLS = new Set(['assert', 'note', 'unreachable']);
/** Parts of the syntax that are not there when the program runs. */
const ERASED = /^(TS|Import|ExportAll)/;
/** Of those, the ones that wrap an expression that is. */
const KEPT = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);

/** Every mutation of the file, in the order of the text. Throws when the text does not parse. */
export function mutationsOf(file: string, text: string): Mutation[] {
  const parsed = parseSync(file, text);
  const error = parsed.errors[0];
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const found: Mutation[] = [];
  const lineOf = lineFinder(text);
  const replace: Replace = (operator, node, replacement, within = node) => {
    const { start, end } = node;
    const kind = within.type === 'ExpressionStatement' ? 'statement' : 'expression';
    const probe = { start: within.start, end: within.end, kind } as const;
    found.push({ file, start, end, replacement, operator, line: lineOf(start), probe });
  };
  visit(parsed.program as unknown as Node, (node) => mutateNode(node, text, replace));
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

type Replace = (operator: string, node: Node, replacement: string, within?: Node) => void;

function mutateNode(node: Node, text: string, replace: Replace): void {
  const source = (part: Node): string => text.slice(part.start, part.end);
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression': {
      const { operator = '', left, right } = node;
      const other = RELATIONAL[operator] ?? LOGICAL[operator];
      if (other === undefined || left === undefined || right === undefined || isText(left) || isText(right)) return;
      replace(`${operator} -> ${other}`, node, `(${source(left)}) ${other} (${source(right)})`);
      return;
    }
    case 'IfStatement': {
      const { test } = node;
      // A negated comparison is another operator's work.
      if (test === undefined || test.type === 'BinaryExpression') return;
      replace('negated condition', test, `!(${source(test)})`);
      return;
    }
    case 'ExpressionStatement': {
      const { expression } = node;
      if (!isNode(expression)) return;
      const isCall = expression.type === 'CallExpression' || expression.type === 'AssignmentExpression';
      if (isCall && !isSilent(expression)) replace('left out', node, ';');
      return;
    }
    case 'UpdateExpression':
      if (node.argument !== undefined) replace(`no ${node.operator}`, node, source(node.argument));
      return;
    case 'Literal':
      if (typeof node.value === 'boolean') replace('flipped', node, String(!node.value));
      return;
    case 'MemberExpression': {
      const { property, object } = node;
      const other = EXTREMES[property?.name ?? ''];
      if (object?.name === 'Math' && property !== undefined && other !== undefined)
        replace(`${source(node)} -> ${other}`, property, other, node);
      return;
    }
    default:
  }
}

/** Concatenation of text is a message, not arithmetic. */
const isText = (node: Node): boolean =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');

function isSilent(expression: Node): boolean {
  const { callee } = expression;
  return callee?.type === 'Identifier' && SILENT_CALLS.has(callee.name ?? '');
}

function visit(node: Node, enter: (node: Node) => void): void {
  if (ERASED.test(node.type) && !KEPT.has(node.type)) return;
  if (node.type === 'ThrowStatement') return;
  if (node.type === 'CallExpression' && isSilent(node)) return;
  enter(node);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'typeAnnotation' || key === 'returnType' || key === 'typeParameters') continue;
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, enter);
  }
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

/** The text with the mutation in it. */
export const applyMutation = (text: string, { start, end, replacement }: Mutation): string =>
  text.slice(0, start) + replacement + text.slice(end);

/** The text in which every mutation marks that it was reached: `reachedMarks[first + i] = 1`. Changes nothing else. */
export function instrument(text: string, mutations: readonly Mutation[], first: number): string {
  const inserts: { readonly at: number; readonly order: number; readonly text: string }[] = [];
  mutations.forEach(({ probe }, i) => {
    const mark = `reachedMarks[${first + i}] = 1`;
    const size = probe.end - probe.start;
    const [open, close] = probe.kind === 'statement' ? [`{ ${mark}; `, ' }'] : [`(${mark}, `, ')'];
    // Of two that begin together the longer opens first; of two that end together the shorter closes first.
    inserts.push({ at: probe.start, order: -size, text: open }, { at: probe.end, order: -1e9 + size, text: close });
  });
  inserts.sort((a, b) => a.at - b.at || a.order - b.order);
  let [out, last] = ['', 0];
  for (const { at, text: inserted } of inserts) {
    out += text.slice(last, at) + inserted;
    last = at;
  }
  return out + text.slice(last);
}
