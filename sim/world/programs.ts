/** The two programs of the world: a server (`core/peer.ts`) and a client (`core/client/`), behind the one door. */

import { type Client, clientBoot, clientDeadline, clientStep } from '../../core/client/client.ts';
import type { ClientConfig, ClientInput } from '../../core/client/io.ts';
import type { PeerConfig } from '../../core/config/types.ts';
import type { Input } from '../../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../../core/peer.ts';
import type { HostInput, Machine, Program } from './types.ts';

export interface PeerMachine extends Machine {
  readonly peer: Peer;
}

export interface ClientMachine extends Machine {
  readonly client: Client;
}

/** Who is in a host: ask with these, never by the host's number. */
export function peerOf(machine: Machine | null): Peer | null {
  return machine !== null && 'peer' in machine ? (machine as PeerMachine).peer : null;
}

export function clientOf(machine: Machine | null): Client | null {
  return machine !== null && 'client' in machine ? (machine as ClientMachine).client : null;
}

/** A server. Generation and jitter are the world's, the secret is the ensemble's. */
export function peerProgram(config: PeerConfig, sessionSecret: Uint8Array): Program {
  return (context, emit): PeerMachine => {
    const secrets = { generation: context.generation, sessionSecret, jitterSeed: context.jitterSeed };
    const peer = boot(config, secrets, context.now, emit);
    return {
      peer,
      step: (now, input, emit) => step(peer, now, asInput(input), emit),
      nextDeadline: () => nextDeadline(peer),
    };
  };
}

/** A client. Each start is a new program with the same configuration; hand a session over in `config` to go on with it. */
export function clientProgram(config: Omit<ClientConfig, 'jitterSeed'>): Program {
  return (context, emit): ClientMachine => {
    const client = clientBoot({ ...config, jitterSeed: context.jitterSeed }, context.now, emit);
    return {
      client,
      step: (now, input, emit) => clientStep(client, now, asClientInput(input), emit),
      nextDeadline: () => clientDeadline(client),
    };
  };
}

/** The world gives a server only what `core/io.ts` knows; the types cannot say it, because the hosts share one union. */
const asInput = (input: HostInput): Input => input as Input;
const asClientInput = (input: HostInput): ClientInput => input as ClientInput;
