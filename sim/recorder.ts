/** Hears what the clients of a world ask and are told, and writes it down as records of a history. */

import { type Call, UPDATE_CALLS } from '../core/client/calls.ts';
import type { ClientEffect } from '../core/client/io.ts';
import type { NoteFields } from '../core/io.ts';
import type { Id, SessionId } from '../core/types.ts';
import { Op } from '../core/wire/opcodes.ts';
import type { AnswerRecord, HistoryRecord } from './checkers/history/record.ts';
import { ClientMachine, clientHost, type Listener } from './workload.ts';
import type { HostId, World } from './world/types.ts';

export class HistoryRecorder implements Listener {
  readonly #world: World;
  readonly #write: (record: HistoryRecord) => void;
  /** Requests of each client that have not left it, in the order in which they were asked. */
  readonly #unsent = new Map<number, { readonly id: number; readonly isUpdate: boolean }[]>();

  /** Clients that are about to say that they have given up. */
  readonly #hasGivenUp = new Set<number>();

  constructor(world: World, write: (record: HistoryRecord) => void) {
    this.#world = world;
    this.#write = write;
  }

  onInvoke(client: number, id: number, call: Call): void {
    this.#write({ type: 'invoke', client, id, ...this.#place(), call });
    this.#unsentOf(client).push({ id, isUpdate: UPDATE_CALLS.has(call.kind) });
  }

  #unsentOf(client: number): { readonly id: number; readonly isUpdate: boolean }[] {
    let unsent = this.#unsent.get(client);
    if (unsent === undefined) {
      unsent = [];
      this.#unsent.set(client, unsent);
    }
    return unsent;
  }

  /**
   * Frame => length:int xid:int op:int body. Requests leave in the order in which they were asked, and each leaves once. Numbers
   * that are not positive are the client machine's own: the handshake, pings, identities and watches.
   */
  #onSend(client: number, session: SessionId | null, bytes: Uint8Array): void {
    if (bytes.length < 12 || session === null) return;
    const xid = intAt(bytes, 4);
    if (xid <= 0) return;
    const isGoodbye = intAt(bytes, 8) === Op.closeSession;
    const sent = isGoodbye ? undefined : this.#unsentOf(client).shift();
    if (isGoodbye || sent?.isUpdate === true) {
      this.#write({ type: 'sent', client, id: sent?.id ?? null, ...this.#place(), session, xid });
    }
  }

  onIncarnation(client: number, session: SessionId | null, isForged: boolean): void {
    this.#unsent.delete(client);
    const forged = isForged ? { isForged } : {};
    this.#write({ type: 'restart', client, ...this.#place(), session, ...forged });
  }

  onIdentity(client: number, ids: readonly Id[]): void {
    this.#write({ type: 'identity', client, ...this.#place(), ids });
  }

  onEffect(client: number, effect: ClientEffect): void {
    const session = sessionOf(this.#world, clientHost(client));
    switch (effect.type) {
      case 'reply': {
        const { id, err, zxid, body } = effect;
        const unsent = this.#unsentOf(client);
        if (!effect.sent && unsent[0]?.id === id) unsent.shift();
        else if (!effect.sent)
          this.#unsent.set(
            client,
            unsent.filter((asked) => asked.id !== id),
          );
        this.#write({ type: outcomeOf(effect), client, id, ...this.#place(), session, err, zxid, body });
        return;
      }
      case 'watch': {
        const { path, type } = effect.event;
        this.#write({ type: 'watch', client, ...this.#place(), session, path, event: type, zxid: effect.zxid });
        return;
      }
      case 'state':
        this.#write({
          type: 'state',
          client,
          ...this.#place(),
          session,
          state: effect.state,
          ...this.#ownWord(client),
        });
        return;
      case 'note':
        if (effect.code === 'client.session.expiredLocally') this.#hasGivenUp.add(client);
        if (effect.code === 'client.watch.unheard') this.#onUnheard(client, session, effect.fields ?? {});
        return;
      case 'send':
        this.#onSend(client, session, effect.bytes);
        return;
      case 'connect':
      case 'close':
        return;
      default:
        effect satisfies never;
    }
  }

  #onUnheard(client: number, session: SessionId | null, { type, path, zxid }: NoteFields): void {
    if (typeof type !== 'number' || typeof path !== 'string' || typeof zxid !== 'number') return;
    this.#write({ type: 'watch', client, ...this.#place(), session, path, event: type, zxid, heard: false });
  }

  #ownWord(client: number): { readonly byItself?: true } {
    return this.#hasGivenUp.delete(client) ? { byItself: true } : {};
  }

  #place(): { readonly atUs: number; readonly eventId: number } {
    return { atUs: this.#world.timeUs, eventId: this.#world.event.id };
  }
}

const intAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

const outcomeOf = ({ err, zxid, sent }: Extract<ClientEffect, { type: 'reply' }>): AnswerRecord['type'] =>
  err === 0 ? 'ok' : zxid < 0 && sent ? 'info' : 'fail';

/** The session the program on a client's host has now. */
export function sessionOf(world: World, client: HostId): SessionId | null {
  const machine = world.machine(client);
  return machine instanceof ClientMachine ? (machine.client.state.session?.id ?? null) : null;
}
