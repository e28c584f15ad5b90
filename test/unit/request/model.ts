/**
 * The simplest ZooKeeper that can be: one map, one operation after the other, no ACLs. What many pipelined connections get
 * must be what this gives when their writes are done one by one in the order of arrival.
 */

import { hex } from '../../../core/wire/bytes.ts';
import type { ClientRequest, MultiOp } from '../../../core/wire/client-codec.ts';
import { Code, CreateMode } from '../../../core/wire/opcodes.ts';

export interface ModelNode {
  readonly data: string;
  readonly version: number;
  readonly czxid: number;
  readonly mzxid: number;
  readonly owner: bigint;
  /** Creates of children, ever. */
  readonly creates: number;
}

/** What a reply says, as far as the model knows. */
export interface Outcome {
  readonly err: number;
  readonly path?: string;
  readonly version?: number;
  readonly data?: string;
  readonly children?: readonly string[];
  readonly parts?: readonly number[];
}

type Nodes = ReadonlyMap<string, ModelNode>;

const ROOT: ModelNode = { data: '', version: 0, czxid: 0, mzxid: 0, owner: 0n, creates: 0 };
const FRESH: Nodes = new Map([
  ['/', ROOT],
  ['/zookeeper', ROOT],
  ['/zookeeper/quota', ROOT],
  ['/zookeeper/config', ROOT],
]);

export class Model {
  /** The state after each zxid. */
  private readonly states: Nodes[] = [FRESH];
  private readonly sessions = new Set<bigint>();

  get zxid(): number {
    return this.states.length - 1;
  }

  openSession(session: bigint): void {
    this.sessions.add(session);
    this.states.push(this.nodes);
  }

  closeSession(session: bigint): Outcome {
    this.sessions.delete(session);
    this.states.push(new Map([...this.nodes].filter(([, node]) => node.owner !== session)));
    return { err: Code.OK };
  }

  private get nodes(): Nodes {
    return this.states.at(-1)!;
  }

  write(session: bigint, request: ClientRequest): Outcome {
    const zxid = this.zxid + 1;
    const nodes = new Map(this.nodes);
    const outcome = this.sessions.has(session)
      ? this.writeOne(nodes, session, request, zxid)
      : { err: Code.SESSIONEXPIRED, parts: request.kind === 'multi' ? expired(request.ops.length) : undefined };
    const done = outcome.err === Code.OK && !outcome.parts?.some((code) => code !== Code.OK);
    this.states.push(done ? nodes : this.nodes);
    const { parts, ...rest } = outcome;
    return parts === undefined ? rest : { err: Code.OK, parts };
  }

  private writeOne(nodes: Map<string, ModelNode>, session: bigint, request: ClientRequest, zxid: number): Outcome {
    switch (request.kind) {
      case 'create':
        return create(nodes, session, request, zxid);
      case 'delete':
        return remove(nodes, request);
      case 'setData':
        return set(nodes, request, zxid);
      case 'check': {
        const node = nodes.get(request.path);
        if (node === undefined) return { err: Code.NONODE };
        return { err: isVersion(node, request.version) ? Code.OK : Code.BADVERSION };
      }
      case 'multi':
        return this.multi(nodes, session, request.ops, zxid);
      default:
        throw new Error(`the model cannot ${request.kind}`);
    }
  }

  private multi(nodes: Map<string, ModelNode>, session: bigint, ops: readonly MultiOp[], zxid: number): Outcome {
    const codes = ops.map(() => Code.RUNTIMEINCONSISTENCY as number);
    for (const [i, op] of ops.entries()) {
      codes[i] = this.writeOne(nodes, session, op, zxid).err;
      if (codes[i] !== Code.OK) break;
    }
    return { err: Code.OK, parts: codes };
  }

  /** Paths and data at the end. */
  finalNodes(): [string, string][] {
    return [...this.nodes]
      .map(([path, { data }]): [string, string] => [path, data])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** What a read says when its reply carries this zxid. */
  readAt(zxid: number, request: ClientRequest): Outcome {
    const nodes = this.states[zxid];
    if (nodes === undefined) throw new Error(`no state ${zxid}`);
    if (request.kind === 'sync') return { err: Code.OK };
    if (request.kind !== 'getData' && request.kind !== 'exists' && request.kind !== 'getChildren') {
      throw new Error(`the model cannot ${request.kind}`);
    }
    const node = nodes.get(request.path);
    if (node === undefined) return { err: Code.NONODE };
    if (request.kind === 'exists') return { err: Code.OK, version: node.version };
    if (request.kind === 'getData') return { err: Code.OK, version: node.version, data: node.data };
    return {
      err: Code.OK,
      children: childrenOf(nodes, request.path).map((path) => path.slice(path.lastIndexOf('/') + 1)),
    };
  }
}

const expired = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i === 0 ? Code.SESSIONEXPIRED : Code.RUNTIMEINCONSISTENCY));

const parentOf = (path: string): string => (path.lastIndexOf('/') === 0 ? '/' : path.slice(0, path.lastIndexOf('/')));

function childrenOf(nodes: Nodes, path: string): string[] {
  return [...nodes.keys()].filter((other) => other !== '/' && parentOf(other) === path).sort();
}

const isVersion = (node: ModelNode, version: number): boolean => version === -1 || version === node.version;

type Of<K extends ClientRequest['kind']> = Extract<ClientRequest, { readonly kind: K }>;

function create(nodes: Map<string, ModelNode>, session: bigint, request: Of<'create'>, zxid: number): Outcome {
  const parentPath = parentOf(request.path);
  const parent = nodes.get(parentPath);
  if (parent === undefined) return { err: Code.NONODE };
  const sequential =
    request.flags === CreateMode.persistentSequential || request.flags === CreateMode.ephemeralSequential;
  const path = sequential ? request.path + String(parent.creates).padStart(10, '0') : request.path;
  if (nodes.has(path)) return { err: Code.NODEEXISTS };
  if (parent.owner !== 0n) return { err: Code.NOCHILDRENFOREPHEMERALS };
  const ephemeral = request.flags === CreateMode.ephemeral || request.flags === CreateMode.ephemeralSequential;
  nodes.set(parentPath, { ...parent, creates: parent.creates + 1 });
  nodes.set(path, {
    data: hex(request.data!),
    version: 0,
    czxid: zxid,
    mzxid: zxid,
    owner: ephemeral ? session : 0n,
    creates: 0,
  });
  return { err: Code.OK, path };
}

function remove(nodes: Map<string, ModelNode>, request: Of<'delete'>): Outcome {
  if (!nodes.has(parentOf(request.path))) return { err: Code.NONODE };
  const node = nodes.get(request.path);
  if (node === undefined) return { err: Code.NONODE };
  if (!isVersion(node, request.version)) return { err: Code.BADVERSION };
  if (childrenOf(nodes, request.path).length > 0) return { err: Code.NOTEMPTY };
  nodes.delete(request.path);
  return { err: Code.OK };
}

function set(nodes: Map<string, ModelNode>, request: Of<'setData'>, zxid: number): Outcome {
  const node = nodes.get(request.path);
  if (node === undefined) return { err: Code.NONODE };
  if (!isVersion(node, request.version)) return { err: Code.BADVERSION };
  const version = node.version + 1;
  nodes.set(request.path, { ...node, data: hex(request.data!), version, mzxid: zxid });
  return { err: Code.OK, version };
}
