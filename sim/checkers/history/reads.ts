/**
 * What a read must show: a question put to the tree at the zxid of the answer (rule P3 with the committed history).
 *
 * Everything an answer holds is compared, each field of a Stat, each name of a list, each entry of an ACL, and also that it
 * was refused when and only when the ACL says so.
 */

import type { Call, CallBody, CallResult } from '../../../core/client/calls.ts';
import { type Acl, Perm } from '../../../core/types.ts';
import { bytesEqual } from '../../../core/wire/bytes.ts';
import { Code } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import { CONFIG_PATH, isServersOwn, type NodeState, statOf, type VersionedTree } from './model.ts';
import { type Identities, mayDo } from './rights.ts';

export interface Reading {
  readonly tree: VersionedTree;
  readonly zxid: number;
  readonly ids: Identities;
  readonly session: bigint;
  /** What the answer showed is not on record. */
  readonly isCut: boolean;
}

/** What of an answer contradicts the tree. */
export interface Wrong {
  readonly path: string;
  readonly says: string;
  /** As the answer shows it; null where it says that there is no node, undefined where it shows no Stat. */
  readonly shown: Stat | null | undefined;
}

/** The first thing wrong with the answer, or null. */
export function whyWrong(reading: Reading, call: Call, err: number, body: CallBody | null): Wrong | null {
  const refusal = err === Code.OK ? null : whyNever(call, err);
  if (refusal !== null) return refusal;
  switch (call.kind) {
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      return whyWrongNode(reading, call.path, Perm.READ, err, body, call.kind);
    case 'getACL':
      return whyWrongNode(reading, call.path, Perm.READ | Perm.ADMIN, err, body, call.kind);
    case 'getAllChildrenNumber':
      return whyWrongCount(reading, call.path, err, body);
    case 'getEphemerals':
      return whyWrongEphemerals(reading, call.prefixPath, err, body);
    case 'multiRead':
      if (err !== Code.OK) return null;
      if (reading.isCut) return null;
      if (body?.kind !== 'multiRead') return { path: '/', says: 'has no results', shown: undefined };
      return whyWrongMulti(reading, call.ops, body.results);
    case 'getConfig':
      return whyWrongNode(reading, CONFIG_PATH, Perm.READ, err, body, call.kind);
    default:
      return null;
  }
}

/** What any request may be refused with, whatever it asks for. */
const OF_ANY = [Code.SESSIONEXPIRED, Code.THROTTLEDOP, Code.SESSIONCLOSEDREQUIRESASLAUTH, Code.AUTHFAILED] as const;
const OF_NODE: ReadonlySet<number> = new Set([...OF_ANY, Code.NONODE, Code.NOAUTH]);
const OF_PATH: ReadonlySet<number> = new Set([...OF_NODE, Code.BADARGUMENTS]);
/** Everything else is no answer to such a request, in whatever state. */
const CODES_OF: Readonly<Partial<Record<Call['kind'], ReadonlySet<number>>>> = {
  exists: OF_PATH,
  getData: OF_NODE,
  getChildren: OF_NODE,
  getChildren2: OF_NODE,
  getACL: OF_NODE,
  getConfig: OF_NODE,
  getAllChildrenNumber: OF_NODE,
  getEphemerals: new Set(OF_ANY),
  multiRead: new Set(OF_ANY),
  whoAmI: new Set(OF_ANY),
  sync: new Set([...OF_ANY, Code.NOTREADONLY]),
  addWatch: new Set([...OF_ANY, Code.MARSHALLINGERROR]),
  removeWatches: new Set([...OF_ANY, Code.MARSHALLINGERROR, Code.NOWATCHER]),
};

function whyNever(call: Call, err: number): Wrong | null {
  if (CODES_OF[call.kind]?.has(err) !== false) {
    // Only a name that no node can have is refused for what it is.
    if (err !== Code.BADARGUMENTS || !('path' in call) || call.path.includes('\0')) return null;
  }
  const path = 'path' in call ? call.path : '/';
  return { path, says: `is refused with ${err}, which is no answer to it`, shown: undefined };
}

function whyWrongMulti(
  reading: Reading,
  ops: Extract<Call, { kind: 'multiRead' }>['ops'],
  results: readonly CallResult[],
): Wrong | null {
  for (const [index, { path, kind }] of ops.entries()) {
    const result = results[index];
    if (result === undefined) return { path, says: `has no result of ${path}`, shown: undefined };
    const err = result.kind === 'error' ? result.err : Code.OK;
    const body = result.kind === 'getData' || result.kind === 'getChildren' ? result : null;
    const wrong = whyWrongNode(reading, path, Perm.READ, err, body, kind);
    if (wrong !== null) return wrong;
  }
  return null;
}

function whyWrongNode(
  reading: Reading,
  asked: string,
  perms: number,
  err: number,
  body: CallBody | null,
  /** What a good answer shows. */
  kind: CallBody['kind'],
): Wrong | null {
  const path = asked === '' ? '/' : asked;
  const node = reading.tree.at(reading.zxid, path);
  const shown = err === Code.NONODE ? null : body !== null && 'stat' in body ? body.stat : undefined;
  const wrong = (says: string): Wrong => ({ path, says, shown });
  switch (err) {
    case Code.NONODE:
      return node === null ? null : wrong(`says that there is no ${path}, which exists since ${hexOf(node.czxid)}`);
    case Code.NOAUTH:
      if (node === null) return wrong(`is refused by the ACL of ${path}, which does not exist`);
      return mayDo(reading.ids, node.acl, perms) === 'yes'
        ? wrong(`is refused by the ACL of ${path}, which allows it`)
        : null;
    case Code.OK: {
      if (node === null) return wrong(`shows ${path}, which does not exist`);
      if (mayDo(reading.ids, node.acl, perms) === 'no') return wrong(`shows ${path}, which the ACL does not allow`);
      if (body?.kind !== kind) return reading.isCut ? null : wrong('is answered without what it asks for');
      const says = isServersOwn(path) ? whyOtherOwn(reading, path, body) : whyDiffers(reading, path, node, body);
      return says === null ? null : wrong(says);
    }
    default:
      return null;
  }
}

/** Of their own nodes servers write the contents themselves, and count what is below them; the names are those of the tree. */
const whyOtherOwn = ({ tree, zxid }: Reading, path: string, body: CallBody): string | null =>
  'children' in body ? whyOtherNames(path, body.children, tree.childrenAt(zxid, path)) : null;

function whyDiffers({ tree, zxid }: Reading, path: string, node: NodeState, body: CallBody): string | null {
  if ('stat' in body) {
    const field = differingField(body.stat, statOf(node));
    if (field !== null) {
      return `shows ${field} ${showField(field, body.stat[field])} of ${path}; it is ${showField(field, statOf(node)[field])}`;
    }
  }
  if (body.kind === 'getData' && !sameBytes(body.data, node.data))
    return `shows other data of ${path} than was written`;
  if (body.kind === 'getACL' && !sameAcl(body.acl, node.acl)) return `shows another ACL of ${path} than was set`;
  return 'children' in body ? whyOtherNames(path, body.children, tree.childrenAt(zxid, path)) : null;
}

function whyOtherNames(path: string, shown: readonly string[], names: ReadonlySet<string>): string | null {
  const unknown = shown.find((name) => !names.has(name));
  if (unknown !== undefined) return `lists ${unknown} below ${path}, which is not there`;
  if (shown.length === names.size && new Set(shown).size === names.size) return null;
  const listed = new Set(shown);
  const missing = [...names].find((name) => !listed.has(name));
  return missing === undefined ? `lists a child of ${path} twice` : `does not list ${missing} below ${path}`;
}

/** Children of nodes that may not be read are not counted; where that cannot be told, nothing is. */
function whyWrongCount(reading: Reading, path: string, err: number, body: CallBody | null): Wrong | null {
  const wrong = whyWrongNode(reading, path, Perm.READ, err, body, 'getAllChildrenNumber');
  if (wrong !== null || body?.kind !== 'getAllChildrenNumber') return wrong;
  const { tree, zxid, ids } = reading;
  let count = 0;
  const unlisted = [path];
  for (let at = unlisted.pop(); at !== undefined; at = unlisted.pop()) {
    const node = tree.at(zxid, at);
    if (node === null || node.childCount === 0) continue;
    const trust = mayDo(ids, node.acl, Perm.READ);
    if (trust === 'maybe') return null;
    if (trust === 'no') continue;
    count += node.childCount;
    for (const name of tree.childrenAt(zxid, at)) unlisted.push(at === '/' ? `/${name}` : `${at}/${name}`);
  }
  if (count === body.totalNumber) return null;
  return { path, says: `counts ${body.totalNumber} nodes below ${path}; they are ${count}`, shown: undefined };
}

function whyWrongEphemerals(
  { tree, zxid, session, isCut }: Reading,
  prefix: string,
  err: number,
  body: CallBody | null,
): Wrong | null {
  if (err !== Code.OK || isCut) return null;
  if (body?.kind !== 'getEphemerals')
    return { path: prefix, says: 'is answered without what it asks for', shown: undefined };
  const isAll = prefix.trim() === '' || prefix.trim() === '/';
  const owned = tree.ephemeralsAt(zxid, session).filter((path) => isAll || path.startsWith(prefix));
  const shown = new Set(body.ephemerals);
  const extra = body.ephemerals.find((path) => !owned.includes(path));
  if (extra !== undefined)
    return { path: extra, says: `lists ${extra}, which its session does not own`, shown: undefined };
  const missing = owned.find((path) => !shown.has(path));
  return missing === undefined
    ? null
    : { path: missing, says: `does not list ${missing}, which its session owns`, shown: undefined };
}

const STAT_FIELDS = [
  'czxid',
  'mzxid',
  'pzxid',
  'version',
  'cversion',
  'aversion',
  'ephemeralOwner',
  'dataLength',
  'numChildren',
  'ctime',
  'mtime',
] as const satisfies readonly (keyof Stat)[];

export function differingField(a: Stat, b: Stat): keyof Stat | null {
  for (const field of STAT_FIELDS) if (a[field] !== b[field]) return field;
  return null;
}

const showField = (field: keyof Stat, value: number | bigint): string =>
  field.endsWith('zxid') || typeof value === 'bigint' ? hexOf(value) : String(value);

const hexOf = (value: number | bigint): string => `0x${value.toString(16)}`;

export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : bytesEqual(a, b);
}

/** Without ADMIN the hash of a digest entry is shown as `x`. */
function sameAcl(shown: readonly Acl[], stored: readonly Acl[]): boolean {
  if (stored.length === 0) return true;
  if (shown.length !== stored.length) return false;
  return stored.every(({ perms, id }, index) => {
    const other = shown[index]!;
    if (other.perms !== perms || other.id.scheme !== id.scheme) return false;
    if (other.id.id === id.id) return true;
    return id.scheme === 'digest' && other.id.id === `${id.id.slice(0, id.id.indexOf(':'))}:x`;
  });
}
