/**
 * Sessions and their ephemeral nodes, replayed from the committed history alone.
 *
 * The history names every birth, death and ephemeral, so a small model of sessions decides whether each transaction was
 * allowed; whether an expiry was justified is decided by what reached the leader, on the leader's own monotonic clock.
 */

import { type SessionId, showSession, showZxid, type Zxid } from '../../core/types.ts';
import { CreateMode, Op } from '../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';
import type { Report } from './properties.ts';

interface Session {
  readonly timeoutMs: number;
  readonly created: number;
  readonly createdZxid: Zxid;
  closed: Zxid | null;
  readonly ephemerals: Set<string>;
}

/** When the leader heard of a session, on its own clock. */
interface Touch {
  readonly leader: number;
  readonly monoMs: number;
  /** As negotiated on the connection that it came from; a client that re-attaches negotiates anew. */
  readonly timeoutMs: number;
  readonly event: number;
}

export class Sessions {
  readonly #sessions = new Map<SessionId, Session>();
  readonly #owners = new Map<string, SessionId>();
  readonly #touches = new Map<SessionId, Touch>();
  /** Sessions whose end some leader has proposed, whether it was committed or not. */
  readonly #ended = new Set<SessionId>();
  /** closeSession transactions in order, for the check against each server's tree. */
  readonly closings: { readonly zxid: Zxid; readonly session: SessionId }[] = [];
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  isOpen(session: SessionId): boolean {
    return this.#sessions.get(session)?.closed === null;
  }

  /** The history knows the session, alive or ended. */
  isKnown(session: SessionId): boolean {
    return this.#sessions.has(session);
  }

  timeoutOf(session: SessionId): number {
    return this.#sessions.get(session)?.timeoutMs ?? 0;
  }

  open(): readonly SessionId[] {
    return [...this.#sessions].filter(([, session]) => session.closed === null).map(([id]) => id);
  }

  ownerOf(path: string): SessionId | null {
    return this.#owners.get(path) ?? null;
  }

  /** The next transaction of the committed history. */
  onCommitted(header: TxnHeader, txn: Txn, event: number): void {
    const session = header.clientId;
    switch (txn.kind) {
      case 'createSession':
        // A local session that is upgraded keeps its id; a second creation of an open one changes nothing.
        if (!this.isOpen(session)) {
          this.#sessions.set(session, {
            timeoutMs: txn.timeOut,
            created: event,
            createdZxid: header.zxid,
            closed: null,
            ephemerals: new Set(),
          });
        }
        return;
      case 'closeSession':
        this.#onClose(header, txn.paths, event);
        return;
      case 'create':
        if (txn.ephemeral) this.#onEphemeral(header, txn.path);
        return;
      case 'delete':
        this.#onDelete(txn.path);
        return;
      case 'multi':
        // One failed part fails all, those before it too, which still stand there as they were asked for.
        if (txn.parts.some(({ txn: part }) => part.kind === 'error')) return;
        for (const part of txn.parts) this.onCommitted(header, part.txn, event);
        return;
      case 'createContainer':
      case 'createTTL':
      case 'setData':
      case 'setACL':
      case 'check':
      case 'error':
        return;
      default:
        txn satisfies never;
    }
  }

  #onClose(header: TxnHeader, paths: readonly string[] | null, event: number): void {
    const session = this.#sessions.get(header.clientId);
    if (session === undefined || session.closed !== null) return;
    session.closed = header.zxid;
    this.closings.push({ zxid: header.zxid, session: header.clientId });
    if (paths !== null) this.#comparePaths(header, session, paths, event);
    for (const path of session.ephemerals) this.#owners.delete(path);
    session.ephemerals.clear();
  }

  #comparePaths(header: TxnHeader, session: Session, paths: readonly string[], event: number): void {
    const missing = [...session.ephemerals].find((path) => !paths.includes(path));
    if (missing !== undefined) {
      this.#report(
        'ephemeral-lifetime',
        `the end of session ${showSession(header.clientId)} leaves ${missing} behind`,
        {
          events: [session.created, event],
        },
      );
    }
  }

  #onEphemeral(header: TxnHeader, path: string): void {
    const session = this.#sessions.get(header.clientId);
    if (session === undefined || session.closed !== null) {
      const state = session === undefined ? 'was never created' : `ended at ${showZxid(session.closed!)}`;
      this.#report(
        'ephemeral-lifetime',
        `${showZxid(header.zxid)} creates ${path} for session ${showSession(header.clientId)}, which ${state}`,
        { events: session === undefined ? [] : [session.created] },
      );
      return;
    }
    session.ephemerals.add(path);
    this.#owners.set(path, header.clientId);
  }

  #onDelete(path: string): void {
    const owner = this.#owners.get(path);
    if (owner === undefined) return;
    this.#owners.delete(path);
    this.#sessions.get(owner)?.ephemerals.delete(path);
  }

  /** The leader heard of the session: a frame of its client, or a learner's PING or REVALIDATE. */
  onTouch(session: SessionId, leader: number, touch: { monoMs: number; timeoutMs?: number; event: number }): void {
    const { monoMs, event, timeoutMs = this.timeoutOf(session) } = touch;
    this.#touches.set(session, { leader, monoMs, timeoutMs, event });
  }

  /** A leader proposes the end of the session, asked for or not. */
  onEndProposed(session: SessionId): void {
    this.#ended.add(session);
  }

  /**
   * A server told the session's client that it has expired. A leader says so from the moment on in which it proposes the end,
   * whatever becomes of the proposal. Whoever has not been shown a state with the session in it may have come to a server
   * that does not know it yet; all others know better.
   */
  onToldExpired(session: SessionId, client: number, zxidSeen: number): void {
    const known = this.#sessions.get(session);
    if (known === undefined || this.#ended.has(session) || zxidSeen < known.createdZxid) return;
    this.#report(
      'session-lifetime',
      `client ${client} is told that its session ${showSession(session)} has expired, which nobody has ended`,
      { events: [known.created], role: 'client' },
    );
  }

  /** The leader proposes to close the session although its client did not ask for it. */
  onExpiry(session: SessionId, leader: number, monoMs: number): void {
    const touch = this.#touches.get(session);
    if (touch === undefined || touch.leader !== leader || monoMs - touch.monoMs >= touch.timeoutMs) return;
    this.#report(
      'session-lifetime',
      `server ${leader} expires session ${showSession(session)} ${monoMs - touch.monoMs} ms after it heard of it; its timeout is ${touch.timeoutMs} ms`,
      { events: [touch.event], servers: [leader] },
    );
  }

  /** A server has applied the end of the session: nothing of it may be left in its tree. */
  onClosedIn(server: number, session: SessionId, left: Iterable<string>): void {
    for (const path of left) {
      this.#report(
        'ephemeral-lifetime',
        `server ${server} still has ${path} of the ended session ${showSession(session)}`,
        {
          servers: [server],
        },
      );
      return;
    }
  }
}

/** Expiries come from the session tracker and carry no client's request number. */
export const isExpiry = (header: TxnHeader): boolean => header.type === Op.closeSession && header.cxid === 0;

export const isSequential = (flags: number): boolean =>
  flags === CreateMode.persistentSequential ||
  flags === CreateMode.ephemeralSequential ||
  flags === CreateMode.persistentSequentialTtl;
