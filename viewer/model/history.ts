/**
 * Logs and trees as they were, made from the transactions of the trace with the core's own tree.
 *
 * Which entries a log holds follows from its end: within an epoch a history has no gaps, and what it holds of the epochs
 * before is what the leader of each epoch began with (Zab's initial history). So an entry that another server logged and
 * that no later leader had is not taken for part of it.
 */

import { formatMembership } from '../../core/config/membership.ts';
import type { Membership } from '../../core/config/types.ts';
import { DataTree } from '../../core/tree/data-tree.ts';
import type { Zxid } from '../../core/types.ts';
import type { DecodedTxn } from '../../core/wire/txn.ts';
import { decodeTxn } from '../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import type { HostId, LogEntry, LogView, TreeNodeView, TreeView } from './api.ts';
import { upperBound } from './columns.ts';
import type { Note } from './elections.ts';
import { bytesText, keyText } from './nodes.ts';
import type { StateReader } from './state.ts';
import type { Store } from './store.ts';
import { decodeValue } from './values.ts';

const EPOCH = 0x1_0000_0000;
const ENTRIES_SHOWN = 200;
const epochOf = (zxid: number): number => Math.floor(zxid / EPOCH);

interface Entry {
  readonly zxid: number;
  readonly row: number;
}

/** How far a server was. */
interface Reached {
  readonly logged: number;
  readonly synced: number;
  readonly committed: number;
  readonly applied: number;
}

export class HistoryReader {
  readonly #store: Store;
  readonly #states: StateReader;
  readonly #notes: () => readonly Note[];
  #madeAt = -1;
  #entries: Entry[] = [];
  /** Where the leader of each epoch began: the end of what it had. */
  #starts = new Map<number, number>();
  /** The tree that was made last; a later one goes on from it. */
  #tree: { readonly key: string; readonly tree: DataTree; next: number; readonly entries: readonly Entry[] } | null =
    null;

  constructor(store: Store, states: StateReader, notes: () => readonly Note[]) {
    this.#store = store;
    this.#states = states;
    this.#notes = notes;
  }

  log(host: HostId, index: number, options: { readonly count?: number } = {}): LogView {
    const at = this.#zxidsAt(host, index);
    const entries = this.#historyTo(at.logged);
    const shown = entries.slice(-(options.count ?? ENTRIES_SHOWN)).reverse();
    return {
      host,
      index,
      last: at.logged,
      synced: at.synced,
      committed: at.committed,
      applied: at.applied,
      entries: shown.map((entry) => this.#entryView(entry, at)),
      earlier: entries.length - shown.length,
    };
  }

  async tree(host: HostId, index: number): Promise<TreeView> {
    const { applied } = this.#zxidsAt(host, index);
    const at = await this.#states.stateAt(host, index);
    const digest = at !== null && Number(at.heap.applied) === applied ? decodeValue(at.heap.digest) : null;
    // A server that has taken up a role has written its configuration into the tree, outside of any transaction.
    let tree = this.#treeAt(applied, at === null ? null : configOf(at.state));
    if (digest !== null && tree.stateDigest() !== digest) tree = this.#treeAt(applied, null);
    const isSame = digest !== null && tree.stateDigest() === digest;
    const nodes = [...tree.paths()].sort().map((path) => nodeView(tree, path));
    return { host, index, zxid: applied, exact: isSame, nodeCount: tree.nodeCount, nodes };
  }

  /** What the transaction with this zxid does, in words; null when the trace has none. */
  text(zxid: number): string | null {
    this.#refresh();
    const entry = this.#entries.find((one) => one.zxid === zxid);
    return entry === undefined ? null : this.#textOf(entry);
  }

  // --- entries ---

  #refresh(): void {
    const { txns, count } = this.#store;
    if (this.#madeAt === count) return;
    this.#madeAt = count;
    this.#tree = null;
    this.#entries = Array.from({ length: txns.zxid.length }, (_, row) => ({ zxid: txns.zxid.get(row), row }));
    this.#entries.sort((a, b) => a.zxid - b.zxid || a.row - b.row);
    this.#starts = new Map();
    for (const { code, fields } of this.#notes()) {
      if (code === 'zab.established') this.#starts.set(Number(fields.epoch), Number(fields.zxid));
    }
  }

  /** The entries of a history that ends with this zxid, oldest first. */
  #historyTo(last: number): Entry[] {
    this.#refresh();
    const parts: Entry[][] = [];
    let to = last;
    while (to > 0) {
      const epoch = epochOf(to);
      const start = this.#starts.get(epoch) ?? this.#lastBefore(epoch);
      parts.push(this.#between(Math.max(start, epoch * EPOCH), to));
      if (start >= to) break;
      to = start;
    }
    return parts.reverse().flat();
  }

  /** Nobody was seen to be established in the epoch: everything before it is taken. */
  #lastBefore(epoch: number): number {
    const zxids = this.#entries.map(({ zxid }) => zxid);
    const at = upperBound(zxids, epoch * EPOCH);
    return at === 0 ? 0 : zxids[at - 1]!;
  }

  /** Entries after `from` up to `to`, one for each zxid. */
  #between(from: number, to: number): Entry[] {
    const found: Entry[] = [];
    for (const entry of this.#entries) {
      if (entry.zxid <= from) continue;
      if (entry.zxid > to) break;
      if (found.at(-1)?.zxid !== entry.zxid) found.push(entry);
    }
    return found;
  }

  #decoded({ row }: Entry): DecodedTxn | null {
    const { txns, txnBytes } = this.#store;
    const from = row === 0 ? 0 : txns.end.get(row - 1);
    const decoded = decodeTxn(txnBytes.array.slice(from, txns.end.get(row)));
    return decoded.ok ? decoded.value : null;
  }

  #textOf(entry: Entry): string | null {
    const decoded = this.#decoded(entry);
    if (decoded === null) return null;
    const { header, txn } = decoded;
    return `${txnText(txn)} by session ${keyText(header.clientId)}`;
  }

  #entryView(entry: Entry, at: Reached): LogEntry {
    const { zxid } = entry;
    return {
      zxid,
      text: this.#textOf(entry),
      durable: zxid <= at.synced,
      committed: zxid <= at.committed,
      applied: zxid <= at.applied,
      proposedIndex: this.#store.txns.index.get(entry.row),
    };
  }

  #zxidsAt(host: HostId, index: number): Reached {
    const rows = this.#store.zxids.get(host);
    const at = rows === undefined ? 0 : upperBound(rows.index.view(), index);
    if (rows === undefined || at === 0) return { logged: 0, synced: 0, committed: 0, applied: 0 };
    const row = at - 1;
    return {
      logged: rows.logged.get(row),
      synced: rows.synced.get(row),
      committed: rows.committed.get(row),
      applied: rows.applied.get(row),
    };
  }

  // --- the tree ---

  #treeAt(zxid: number, config: Config | null): DataTree {
    const entries = this.#historyTo(zxid);
    const key = config?.text ?? '';
    const kept = this.#tree;
    const goesOn =
      kept !== null &&
      kept.key === key &&
      kept.next <= entries.length &&
      (kept.next === 0 || kept.entries[kept.next - 1]?.row === entries[kept.next - 1]?.row);
    const tree = goesOn ? kept.tree : DataTree.fresh();
    if (!goesOn && config !== null) tree.initConfig(utf8Encode(config.text), config.version);
    for (const entry of entries.slice(goesOn ? kept.next : 0)) {
      const decoded = this.#decoded(entry);
      if (decoded !== null) tree.apply(decoded.header, decoded.txn);
    }
    this.#tree = { key, tree, next: entries.length, entries };
    return tree;
  }
}

interface Config {
  readonly text: string;
  readonly version: Zxid;
}

/** The configuration in force, as the server writes it into its tree. */
function configOf(state: unknown): Config | null {
  const { ensemble } = state as { ensemble: { committed: Membership } | null };
  if (ensemble === null) return null;
  return { text: formatMembership(ensemble.committed), version: ensemble.committed.version };
}

function nodeView(tree: DataTree, path: string): TreeNodeView {
  const stat = tree.stat(path);
  const data = tree.get(path)?.data ?? null;
  const owner = stat?.ephemeralOwner ?? 0n;
  return {
    path,
    data: data === null ? '' : dataText(data),
    bytes: data?.length ?? 0,
    version: stat?.version ?? 0,
    childVersion: stat?.cversion ?? 0,
    created: stat?.czxid ?? 0,
    modified: stat?.mzxid ?? 0,
    owner: owner === 0n ? null : keyText(owner),
  };
}

const DATA_SHOWN = 400;

function dataText(data: Uint8Array): string {
  if (data.length > DATA_SHOWN) return bytesText(data);
  const text = utf8Decode(data);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes that are no text are shown as numbers
  return text === null || /[\u0000-\u0008\u000e-\u001f]/.test(text) ? bytesText(data) : text;
}

/** `create /a (3 bytes)`. */
export function txnText(txn: DecodedTxn['txn']): string {
  switch (txn.kind) {
    case 'create':
      return `create ${txn.path}${txn.ephemeral ? ', ephemeral' : ''} (${txn.data?.length ?? 0} bytes)`;
    case 'createContainer':
      return `create container ${txn.path} (${txn.data?.length ?? 0} bytes)`;
    case 'createTTL':
      return `create ${txn.path} for ${txn.ttl} ms (${txn.data?.length ?? 0} bytes)`;
    case 'delete':
      return `delete ${txn.path}`;
    case 'setData':
      return `setData ${txn.path} to version ${txn.version} (${txn.data?.length ?? 0} bytes)`;
    case 'setACL':
      return `setACL ${txn.path} to version ${txn.version}`;
    case 'check':
      return `check ${txn.path} at version ${txn.version}`;
    case 'createSession':
      return `open a session of ${txn.timeOut} ms`;
    case 'closeSession':
      return `close the session${txn.paths === null || txn.paths.length === 0 ? '' : ` with ${txn.paths.join(', ')}`}`;
    case 'error':
      return `error ${txn.err}`;
    case 'multi':
      return `multi: ${txn.parts.map((part) => txnText(part.txn)).join('; ')}`;
    default:
      return txn satisfies never;
  }
}
