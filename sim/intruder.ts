/**
 * Somebody who is no server calls an election port, as a port scanner does or a program with other plans: introduces itself
 * with a number and says something that cannot be read (ZOOKEEPER-2186, 3769, 4787). Over TLS it has no certificate to show.
 */

import type { Effect } from '../core/io.ts';
import { asConn, asPeer, type Now } from '../core/types.ts';
import { encodeHandshake } from '../core/wire/election-codec.ts';
import { frame } from '../core/wire/framing.ts';
import { CLIENT_BASE, type HostEmit, type HostId, type HostInput, type Machine, type Program } from './world/types.ts';

/** Hosts behind those of all clients. */
const INTRUDER_BASE = CLIENT_BASE + 1000;
const ELECTION_PORT = 3888;

export const intruderHost = (op: number): HostId => INTRUDER_BASE + op;

class Intruder implements Machine {
  readonly #as: number;

  constructor(as: number) {
    this.#as = as;
  }

  step(_now: Now, input: HostInput, emit: HostEmit): void {
    if (input.type !== 'connOpened') return;
    const { conn } = input;
    emit({ type: 'send', conn, bytes: encodeHandshake({ sid: asPeer(this.#as), form: 'old', addresses: [] }) });
    emit({ type: 'send', conn, bytes: frame(Uint8Array.of(0x47, 0x45, 0x54, 0x20, 0x2f)) });
  }

  nextDeadline(): number | null {
    return null;
  }
}

/** Calls the server at `ip` and introduces itself as server `as`. */
export function intruderProgram(ip: string, as: number): Program {
  return (_context, emit) => {
    const address = { host: ip, port: ELECTION_PORT };
    const dial: Effect = { type: 'connect', conn: asConn(-1), channel: 'election', peer: asPeer(as), address };
    emit(dial);
    return new Intruder(as);
  };
}
