/**
 * The core of a violation: the few operations that cannot all be right, and why. A person reads it as two or three lines; a
 * picture draws it as spans on the lanes of their clients with edges between them.
 */

import type { Call } from '../../../core/client/calls.ts';

export interface ConflictOp {
  /** 0 for a transaction nobody here asked for, such as the expiry of a session. */
  readonly client: number;
  /** Of the request; null for watch events and transactions. */
  readonly id: number | null;
  /** `setData /a`. */
  readonly what: string;
  readonly invokedUs: number | null;
  /** Null while it is open. */
  readonly answeredUs: number | null;
  /** Of its transaction or of the state it read. */
  readonly zxid: number | null;
  /** When it took effect, where somebody looked inside: the moment of the commit. */
  readonly pointUs: number | null;
  readonly events: readonly number[];
}

/** Why `from` comes before `to`: asked by one session, answered before asked, by zxid, or by what was read. */
export type EdgeKind = 'session' | 'real-time' | 'zxid' | 'value' | 'watch';

export interface ConflictEdge {
  /** Indices into `ops`. */
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly says: string;
}

export interface Conflict {
  readonly ops: readonly ConflictOp[];
  readonly edges: readonly ConflictEdge[];
}

/** `setData /a v3`: enough to recognise a request in a list. */
export function callText(call: Call): string {
  switch (call.kind) {
    case 'delete':
    case 'setData':
    case 'setACL':
      return `${call.kind} ${call.path}${call.version === -1 ? '' : ` if version ${call.version}`}`;
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      return `${call.kind} ${call.path}${call.watch ? ' and watch' : ''}`;
    case 'multi':
    case 'multiRead':
      return `${call.kind} of ${call.ops.map((op) => `${op.kind} ${op.path}`).join(', ')}`;
    case 'getEphemerals':
      return `${call.kind} ${call.prefixPath}`;
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
    case 'getACL':
    case 'sync':
    case 'addWatch':
    case 'removeWatches':
    case 'getAllChildrenNumber':
      return `${call.kind} ${call.path}`;
    case 'getConfig':
    case 'reconfig':
    case 'whoAmI':
    case 'sasl':
      return call.kind;
    default:
      return call satisfies never;
  }
}

const seconds = (us: number): string => `${(us / 1e6).toFixed(3)}s`;

/** The conflict for a person: a line for each operation, and one for each reason. */
export function conflictLines({ ops, edges }: Conflict): string[] {
  const lines = ops.map((op, index) => `${letterOf(index)}  ${opText(op)}`);
  for (const { from, to, kind, says } of edges) lines.push(`${letterOf(from)} ${says} ${letterOf(to)} (${kind})`);
  return lines;
}

const letterOf = (index: number): string => String.fromCharCode(65 + index);

function opText({ client, id, what, invokedUs, answeredUs, zxid, pointUs }: ConflictOp): string {
  const who = client === 0 ? 'transaction' : id === null ? `client ${client} is told` : `client ${client} #${id}`;
  const asked = invokedUs === null ? '' : `, asked ${seconds(invokedUs)}`;
  const answered = answeredUs === null ? '' : `, answered ${seconds(answeredUs)}`;
  const at = zxid === null ? '' : `, zxid 0x${zxid.toString(16)}`;
  const point = pointUs === null ? '' : `, committed ${seconds(pointUs)}`;
  return `${who}: ${what}${asked}${answered}${at}${point}`;
}
