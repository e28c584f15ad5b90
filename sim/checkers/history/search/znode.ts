/**
 * One znode as ZooKeeper's clients know it: it is not there, or it has data and a version that counts the changes since it was
 * created. A version of -1 in a request means any; so no node ever has it: versions count up in 32 bits with a sign, from
 * 2147483647 to -2147483648, and from -2 to 0 (ZOOKEEPER-4743).
 *
 * `given [DATA, VERSION]` stands for what was there before the history. `create DATA`, `setData [DATA, VERSION]`, `delete VERSION`, `check VERSION`, `getData` (answered `[DATA, VERSION]`) and `exists`
 * (answered with the version); each may be answered with `{error}`, and those errors that tell something about the node
 * are looked at.
 */

import type { Model } from './model.ts';
import { type Operation, type Plain, plainKey } from './operation.ts';

/** Errors that tell something about the node they were about. */
export type ZnodeError = 'NONODE' | 'NODEEXISTS' | 'BADVERSION' | 'NOTEMPTY';

export const ERRORS_TOLD: ReadonlyMap<number, ZnodeError> = new Map([
  [-101, 'NONODE'],
  [-103, 'BADVERSION'],
  [-110, 'NODEEXISTS'],
  [-111, 'NOTEMPTY'],
]);

interface Znode {
  readonly isThere: boolean;
  readonly version: number;
  readonly data: Plain;
}

const ABSENT: Znode = { isThere: false, version: 0, data: null };
const ANY_VERSION = -1;
const READS: ReadonlySet<string> = new Set(['getData', 'exists', 'check']);

export function znodeModel(): Model<Znode> {
  return {
    name: 'znode',
    says: 'one znode: create, setData, delete, check, getData and exists with data and version',
    operations: ['given', 'create', 'setData', 'delete', 'check', 'getData', 'exists'],
    init: () => ABSENT,
    step,
    keyOf: ({ isThere, version, data }) => (isThere ? `${version} ${plainKey(data)}` : ''),
    describe: ({ isThere, version, data }) => (isThere ? `${plainKey(data)} in version ${version}` : 'not there'),
    isPure: (operation) => READS.has(operation.f) || errorOf(operation) !== null,
  };
}

function errorOf({ outcome, result }: Operation): string | null {
  if (outcome === 'info' || result === null || typeof result !== 'object' || Array.isArray(result)) return null;
  return String((result as { readonly [name: string]: Plain }).error);
}

function step(node: Znode, operation: Operation): Znode | null {
  const error = errorOf(operation);
  if (error !== null) return errorIsPossible(node, operation, error) ? node : null;
  const after = afterGood(node, operation);
  if (operation.outcome === 'info') return after ?? node;
  return after;
}

/** The node after the operation as it was answered, or null when that cannot be. */
function afterGood(node: Znode, { f, value, outcome, result }: Operation): Znode | null {
  const { isThere } = node;
  if (f === 'create') return isThere ? null : { isThere: true, version: 0, data: value };
  if (f === 'given') {
    const [data, version] = value as readonly [Plain, number];
    return isThere ? null : { isThere: true, version, data };
  }
  if (!isThere) return null;
  const [data, asked] = f === 'setData' ? (value as readonly [Plain, number]) : [null, value as number];
  switch (f) {
    case 'getData':
      return outcome === 'info' || plainKey(result) === plainKey([node.data, node.version]) ? node : null;
    case 'exists':
      return outcome === 'info' || result === node.version ? node : null;
    case 'check':
      return fits(node, asked) ? node : null;
    case 'delete':
      return fits(node, asked) ? ABSENT : null;
    default: {
      const version = nextVersion(node.version);
      const isTold = outcome === 'info' || result === null || result === version;
      return fits(node, asked) && isTold ? { isThere: true, version, data } : null;
    }
  }
}

function nextVersion(version: number): number {
  const next = (version + 1) | 0;
  return next === ANY_VERSION ? 0 : next;
}

const fits = (node: Znode, version: number): boolean => version === ANY_VERSION || version === node.version;

function errorIsPossible(node: Znode, { f, value }: Operation, error: string): boolean {
  const { isThere } = node;
  switch (error) {
    case 'NONODE':
      // Of a create, it is the parent that is not there.
      return f === 'create' || !isThere;
    case 'NODEEXISTS':
    case 'NOTEMPTY':
      return isThere;
    case 'BADVERSION':
      return isThere && !fits(node, f === 'setData' ? (value as readonly [Plain, number])[1] : (value as number));
    default:
      return true;
  }
}
