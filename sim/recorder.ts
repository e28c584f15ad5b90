/** Hears what the clients of a world ask and are told, and writes it down as records of a history. */

import type { Call } from '../core/client/calls.ts';
import type { ClientEffect } from '../core/client/io.ts';
import type { NoteFields } from '../core/io.ts';
import type { Id, SessionId } from '../core/types.ts';
import type { AnswerRecord, HistoryRecord } from './checkers/history/record.ts';
import { ClientMachine, clientHost, type Listener } from './workload.ts';
import type { HostId, World } from './world/types.ts';

export class HistoryRecorder implements Listener {
  readonly #world: World;
  readonly #write: (record: HistoryRecord) => void;

  constructor(world: World, write: (record: HistoryRecord) => void) {
    this.#world = world;
    this.#write = write;
  }

  onInvoke(client: number, id: number, call: Call): void {
    this.#write({ type: 'invoke', client, id, ...this.#place(), call });
  }

  onIncarnation(client: number, session: SessionId | null): void {
    this.#write({ type: 'restart', client, ...this.#place(), session });
  }

  onIdentity(client: number, ids: readonly Id[]): void {
    this.#write({ type: 'identity', client, ...this.#place(), ids });
  }

  onEffect(client: number, effect: ClientEffect): void {
    const session = sessionOf(this.#world, clientHost(client));
    switch (effect.type) {
      case 'reply': {
        const { id, err, zxid, body } = effect;
        this.#write({ type: outcomeOf(effect), client, id, ...this.#place(), session, err, zxid, body });
        return;
      }
      case 'watch': {
        const { path, type } = effect.event;
        this.#write({ type: 'watch', client, ...this.#place(), session, path, event: type, zxid: effect.zxid });
        return;
      }
      case 'state':
        this.#write({ type: 'state', client, ...this.#place(), session, state: effect.state });
        return;
      case 'note':
        if (effect.code === 'client.watch.unheard') this.#onUnheard(client, session, effect.fields ?? {});
        return;
      case 'connect':
      case 'send':
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

  #place(): { readonly atUs: number; readonly eventId: number } {
    return { atUs: this.#world.timeUs, eventId: this.#world.event.id };
  }
}

const outcomeOf = ({ err, zxid, sent }: Extract<ClientEffect, { type: 'reply' }>): AnswerRecord['type'] =>
  err === 0 ? 'ok' : zxid < 0 && sent ? 'info' : 'fail';

/** The session the program on a client's host has now. */
export function sessionOf(world: World, client: HostId): SessionId | null {
  const machine = world.machine(client);
  return machine instanceof ClientMachine ? (machine.client.state.session?.id ?? null) : null;
}
