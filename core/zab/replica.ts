/**
 * What every member does with its history: append, learn what is committed, apply in order, activate configurations.
 *
 * There is one history (`heap.log`); the tree is that history applied up to `state.committed`. Nothing is applied that is
 * not known to be committed, except where a whole state is adopted (SNAP, and a leader about to serve its own history).
 */

import { formatMembership, parseMembership, serverOf } from '../config/membership.ts';
import type { Membership } from '../config/types.ts';
import { cnxForget, cnxListen } from '../election/cnx-manager.ts';
import type { ElectionCtx } from '../election/context.ts';
import { note } from '../io.ts';
import { authorityApplied } from '../request/authority.ts';
import { serverApplied, serverMoved, serverStop } from '../request/server.ts';
import type { Turn } from '../state.ts';
import { storeAppend, storeMarkedConfig } from '../storage/store.ts';
import { CONFIG_PATH } from '../tree/paths.ts';
import { assert, counterOf, showZxid, ZXID_ZERO, type Zxid } from '../types.ts';
import { Op } from '../wire/opcodes.ts';
import type { LogEntry } from '../wire/txn.ts';
import { decodeTxn } from '../wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';
import { digestExpected, digestProblem } from './digests.ts';
import { follows } from './sync.ts';

/** Stops this incarnation for good: going on would risk a promise. */
export function halt(t: Turn, reason: string): void {
  if (t.state.role.kind === 'halted') return;
  serverStop(t.state.server, t.heap, t.io);
  t.state.role = { kind: 'halted', reason };
  note(t.io, 'peer.halted', { reason });
  t.io.emit({ type: 'halt', reason });
}

/** Adds a proposal to the history and asks for it to be logged. The caller has checked where it belongs. */
export function appendEntry(t: Turn, entry: LogEntry): void {
  assert(follows(t.heap.log.last, entry.zxid), 'history not contiguous');
  digestExpected(t, entry.zxid);
  storeAppend(t.state.store, t.heap, t.io, entry);
  const proposed = reconfigOf(entry);
  if (proposed !== null) sawMembership(t, proposed);
}

/**
 * Everything up to `zxid` is committed: apply it in order, fire watches, answer clients.
 *
 * With `digestEnabled` the leader's prediction travels in each entry; a replica whose tree is another one stops instead of
 * serving (`digests.ts`).
 */
export function commitThrough(t: Turn, zxid: Zxid): void {
  const { state, heap } = t;
  assert(zxid <= heap.log.last, 'committed entry is not in the history');
  if (zxid > state.committed) {
    state.committed = zxid;
    note(t.io, 'zab.committed', { zxid });
  }
  applyThrough(t, zxid);
}

export function applyThrough(t: Turn, upTo: Zxid): void {
  const { heap } = t;
  for (let i = heap.log.firstAfter(heap.tree.lastZxid); i < heap.log.length; i++) {
    const entry = heap.log.get(i);
    if (entry.zxid > upTo) break;
    if (!applyEntry(t, entry)) return;
  }
}

function applyEntry(t: Turn, entry: LogEntry): boolean {
  const { state, heap } = t;
  const decoded = decodeTxn(entry.bytes);
  if (!decoded.ok) {
    halt(t, `transaction ${showZxid(entry.zxid)} cannot be decoded: ${decoded.error}`);
    return false;
  }
  const { header, txn, digest } = decoded.value;
  const result = heap.tree.apply(header, txn);
  const { role } = state;
  const authority = role.kind === 'leading' || role.kind === 'standalone' ? role.authority : null;
  const problem = digestProblem(t, entry.zxid, digest, authority !== null);
  if (problem !== null) {
    halt(t, `tree digest differs from the prediction at ${showZxid(entry.zxid)}: ${problem}`);
    return false;
  }
  note(t.io, 'zab.applied', { zxid: entry.zxid });
  if (authority !== null) authorityApplied(authority, heap, header, txn);
  for (const event of serverApplied(state.server, heap, t.config, t.io, { header, txn, result })) t.work.push(event);
  return true;
}

// --- configurations --------------------------------------------------------------------------------------------------

/** Where TxnHeader.type lies: behind clientId, cxid, zxid and time. */
const TXN_TYPE_OFFSET = 28;

/** The membership that an entry proposes, or null when it is no reconfiguration. */
export function reconfigOf(entry: LogEntry): Membership | null {
  if (txnTypeOf(entry.bytes) !== Op.reconfig) return null;
  const decoded = decodeTxn(entry.bytes);
  if (!decoded.ok || decoded.value.txn.kind !== 'setData') return null;
  return membershipOf(decoded.value.txn.data);
}

/** TxnHeader.type without decoding: every proposal passes here. 0, which no transaction has, for bytes too short. */
function txnTypeOf(bytes: Uint8Array): number {
  const at = TXN_TYPE_OFFSET;
  if (bytes.length < at + 4) return 0;
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function membershipOf(data: Uint8Array | null): Membership | null {
  if (data === null || data.length === 0) return null;
  const text = utf8Decode(data);
  if (text === null) return null;
  const parsed = parseMembership(text);
  return parsed.ok ? parsed.membership : null;
}

/** A newer configuration was heard of: it is obeyed by quorums from now on, activated when committed. */
export function sawMembership(t: Turn, membership: Membership): void {
  const { ensemble } = t.state;
  if (ensemble === null || !t.config.reconfigEnabled || membership.version <= ensemble.lastSeen.version) return;
  ensemble.lastSeen = membership;
  reconnect(t);
}

/** Election addresses follow the configuration; servers that left are hung up on. */
function reconnect(t: Turn): void {
  const ctx = electionCtx(t);
  cnxListen(ctx.cnx, ctx, t.io);
  cnxForget(ctx.cnx, ctx, t.io);
}

export function electionCtx(t: Turn): ElectionCtx {
  const { ensemble } = t.state;
  assert(ensemble !== null, 'a standalone server holds no elections');
  return {
    config: t.config,
    self: t.config.myid,
    membership: ensemble.lastSeen,
    committed: ensemble.committed,
    cnx: ensemble.cnx,
  };
}

/**
 * The configuration is in force. Of two texts of one version, the one that a server has stays (QuorumPeer.setQuorumVerifier).
 * Without `reconfigEnabled` the file says who is a member, whatever the data says (QuorumPeer.processReconfig).
 */
export function activateMembership(t: Turn, membership: Membership): void {
  const { ensemble } = t.state;
  assert(ensemble !== null, 'a standalone server has no membership');
  if (!t.config.reconfigEnabled || membership.version <= ensemble.committed.version) return;
  note(t.io, 'zab.config.active', { version: membership.version });
  ensemble.committed = membership;
  if (membership.version >= ensemble.lastSeen.version) ensemble.lastSeen = membership;
  reconnect(t);
  const own = serverOf(membership, t.config.myid);
  if (own !== null) serverMoved(t.state.server, t.io, own);
}

/**
 * Derives the configurations from the history: what the tree's config node says is in force if it is newer than the file's,
 * a reconfiguration in the uncommitted tail has been seen.
 */
export function deriveMembership(t: Turn): void {
  const { ensemble } = t.state;
  if (ensemble === null) return;
  const inTree = membershipOf(t.heap.tree.get(CONFIG_PATH)?.data ?? null);
  if (inTree !== null && inTree.version > ensemble.committed.version) activateMembership(t, inTree);
  seeHistory(t);
  publishConfig(t);
}

/**
 * The configuration last seen is what the history says, and nothing else: one that was cut off, or heard of from a leader
 * that is gone, must not be obeyed any longer, let alone activated. Of those in the log two kinds are known to be committed:
 * one that another follows, since a second one is proposed only when the first is committed, and the one that was in force
 * when its zxid was written down (storage/mark.ts).
 */
export function seeHistory(t: Turn): void {
  const { ensemble, heap } = { ensemble: t.state.ensemble, heap: t.heap };
  if (ensemble === null || !t.config.reconfigEnabled) return;
  let last = ensemble.committed;
  const inTree = membershipOf(heap.tree.get(CONFIG_PATH)?.data ?? null);
  if (inTree !== null && inTree.version > last.version) last = inTree;
  for (let i = heap.log.firstAfter(heap.tree.lastZxid); i < heap.log.length; i++) {
    const proposed = reconfigOf(heap.log.get(i));
    if (proposed === null || proposed.version <= last.version) continue;
    if (last.version > ensemble.committed.version) activateMembership(t, last);
    last = proposed;
    if (proposed.version === storeMarkedConfig(t.state.store)) activateMembership(t, proposed);
  }
  if (last.version === ensemble.lastSeen.version) return;
  ensemble.lastSeen = last;
  reconnect(t);
}

/**
 * Before the first reconfiguration no transaction has written the config node, yet clients read the membership there:
 * every server fills it from its configuration (QuorumPeer.initConfigInZKDatabase), also where a snapshot has the file of
 * another server or a former one of this (ZOOKEEPER-2819). Outside the digest.
 */
export function publishConfig(t: Turn): void {
  const { ensemble } = t.state;
  if (ensemble === null) return;
  // A configuration that was heard of before its transaction was applied is written by that transaction.
  const { version } = ensemble.committed;
  if (version > t.heap.tree.lastZxid && counterOf(version) !== 0) return;
  const inTree = membershipOf(t.heap.tree.get(CONFIG_PATH)?.data ?? null);
  const isOfFile = !t.config.reconfigEnabled || (inTree?.version === version && version === ZXID_ZERO);
  if (inTree === null || inTree.version < version || isOfFile) {
    t.heap.tree.initConfig(utf8Encode(formatMembership(ensemble.committed)), version);
  }
}
