/**
 * Clients and what they are attached to: whose a session is, where it is, who may ask what. Seen from the clients, and of the
 * servers' side only from what is committed.
 */

import { digestId } from '../../core/acl/schemes.ts';
import { epochOf, type Id, type SessionId, showSession, showZxid } from '../../core/types.ts';
import { Code, Op } from '../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';
import type { Settings } from '../schedule.ts';
import type { HistoryRecord } from './history/record.ts';
import type { Report } from './properties.ts';
import { Quotas } from './quotas.ts';

/** Where a client's program stands now. */
export interface Standing {
  readonly session: SessionId | null;
  /** The server it is connected to, and the epoch which that one serves; null when there is none. */
  readonly server: number | null;
  readonly epoch: number;
  /** The requests sent over this connection and not yet answered. */
  readonly inFlight: ReadonlySet<number>;
  /** The newest state it was told of, in this session. */
  readonly zxidSeen: number;
}

export interface AttachmentsOptions {
  readonly settings: Settings;
  readonly report: Report;
  standingOf(client: number): Standing | null;
  /** The committed history knows the session. */
  isKnown(session: SessionId): boolean;
  /** A server has told the client that its session is no more. */
  onToldExpired(session: SessionId, client: number, zxidSeen: number): void;
  /** The server that has last asked a leader about the session, or null. */
  revalidatedFrom(session: SessionId): number | null;
}

interface Attachment {
  session: SessionId | null;
  /** The epoch of the server that confirmed the session last. */
  epoch: number;
  ids: readonly Id[];
  answeredUs: number;
  /** The session is one of an earlier program, which numbered its requests for itself. */
  isInherited: boolean;
  /** The session that it asks for without knowing its password. */
  forged: SessionId | null;
  /** Since this program began. */
  wasEverSomebody: boolean;
}

export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #clients = new Map<number, Attachment>();
  /** A program of theirs was an administrator: what it asked may be carried out when it is dead, and another goes on. */
  readonly #administered = new Set<SessionId>();
  readonly #quotas: Quotas | null;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#quotas = options.settings.enforceQuota === true ? new Quotas(options.report) : null;
  }

  /** How many clients have been answered since then. */
  answeredSince(us: number): number {
    return [...this.#clients.values()].filter(({ answeredUs }) => answeredUs > us).length;
  }

  onRecord(record: HistoryRecord): void {
    if (record.type === 'commit') return;
    const client = this.#clientOf(record.client);
    switch (record.type) {
      case 'restart':
        client.forged = record.isForged === true ? record.session : null;
        client.session = record.isForged === true ? null : record.session;
        client.isInherited = client.session !== null;
        client.wasEverSomebody = false;
        return;
      case 'identity':
        client.ids = record.ids;
        client.wasEverSomebody ||= record.ids.some(({ scheme }) => scheme !== 'ip');
        this.#noteAdministrator(client);
        return;
      case 'state':
        if (
          record.state === 'expired' &&
          record.byItself !== true &&
          record.session !== null &&
          record.session !== client.forged
        ) {
          const seen = this.#options.standingOf(record.client)?.zxidSeen ?? 0;
          this.#options.onToldExpired(record.session, record.client, seen);
        }
        this.#onState(record.client, client, record.session, record.state);
        return;
      case 'ok':
        client.answeredUs = record.atUs;
        this.#onAnswered(record.client, client);
        return;
      case 'fail':
      case 'info':
        if (record.zxid >= 0) client.answeredUs = record.atUs;
        return;
      default:
        return;
    }
  }

  #clientOf(client: number): Attachment {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const fresh: Attachment = {
      session: null,
      epoch: 0,
      ids: [],
      answeredUs: -1,
      isInherited: false,
      forged: null,
      wasEverSomebody: false,
    };
    this.#clients.set(client, fresh);
    return fresh;
  }

  #onState(id: number, client: Attachment, session: SessionId | null, state: string): void {
    if (state === 'expired' || state === 'closed' || state === 'authFailed') {
      client.session = null;
      return;
    }
    if ((state !== 'syncConnected' && state !== 'connectedReadOnly') || session === null) return;
    if (session === client.forged) {
      this.#report(
        'session-password',
        `client ${id} is given session ${showSession(session)}, and does not know its password`,
      );
    }
    client.epoch = this.#options.standingOf(id)?.epoch ?? 0;
    if (client.session === session) return;
    client.session = session;
    this.#noteAdministrator(client);
    client.isInherited = false;
    const other = [...this.#clients].find(([who, { session: theirs }]) => who !== id && theirs === session);
    if (other !== undefined) {
      this.#report('session-unique', `clients ${other[0]} and ${id} both have session ${showSession(session)}`);
    } else if (this.#options.settings.localSessionsEnabled !== true && !this.#options.isKnown(session)) {
      this.#report(
        'session-unique',
        `client ${id} is given session ${showSession(session)}, which the ensemble does not know`,
      );
    }
  }

  #noteAdministrator({ session, ids }: Attachment): void {
    if (session !== null && ids.some(isAdministrator)) this.#administered.add(session);
  }

  /** Who has never said who it is gets nothing done. */
  #onAnswered(id: number, { wasEverSomebody }: Attachment): void {
    const required = this.#options.settings.enforceAuthSchemes ?? [];
    if (required.length === 0 || wasEverSomebody) return;
    this.#report(
      'auth-first',
      `client ${id} is served, and has not shown who it is (${required.join(', ')} is required)`,
    );
  }

  /** The next transaction of the committed history. */
  onCommitted(header: TxnHeader, txn: Txn): void {
    this.#quotas?.onCommitted(header, txn);
    if (header.type === Op.reconfig && txn.kind !== 'error') this.#onReconfig(header);
    if (txn.kind === 'error' && txn.err === Code.SESSIONMOVED) this.#onMoved(header);
  }

  #onReconfig({ clientId, zxid }: TxnHeader): void {
    const client = [...this.#clients].find(([, { session }]) => session === clientId);
    if (client === undefined || this.#administered.has(clientId)) return;
    this.#report('admin-only', `${showZxid(zxid)} changes the ensemble for client ${client[0]}, who may not`);
  }

  /**
   * Asked over the connection that was confirmed last, and by the leader that confirmed it, the session has not moved; unless
   * another server, from which the client had no patience to hear, asks about it late (LearnerHandler.REVALIDATE).
   */
  #onMoved({ clientId, cxid, zxid }: TxnHeader): void {
    for (const [id, { session, epoch, isInherited }] of this.#clients) {
      if (isInherited || session !== clientId || epoch !== epochOf(zxid)) continue;
      const standing = this.#options.standingOf(id);
      if (standing === null || standing.session !== clientId || !standing.inFlight.has(cxid)) continue;
      const last = this.#options.revalidatedFrom(clientId);
      if (last !== null && last !== standing.server) continue;
      this.#report(
        'session-owner',
        `request ${cxid} of client ${id} is refused at ${showZxid(zxid)} because its session ${showSession(clientId)} had moved, but it asked server ${standing.server}, where it is`,
      );
    }
  }

  readonly #report: Report = (property, message, where) => this.#options.report(property, message, where);
}

const ADMINISTRATOR = digestId('super:vivarium');
const isAdministrator = ({ scheme, id }: Id): boolean =>
  scheme === 'super' || (scheme === 'digest' && id === ADMINISTRATOR);
