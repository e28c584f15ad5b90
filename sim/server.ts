/** Runs one peer as a host of the world, raw: the way production and campaigns run it. */

import type { BootSecrets, PeerConfig } from '../core/config/types.ts';
import type { Effect, Input } from '../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../core/peer.ts';
import type { Now } from '../core/types.ts';
import type { HostEmit, HostInput, Machine, Program } from './world/types.ts';

/** What every way to run a peer has in common: checkers look at the peer behind the machine. */
export interface PeerHost extends Machine {
  readonly peer: Peer;
}

/** Makes the machine of a new incarnation. */
export type PeerRunner = (config: PeerConfig, secrets: BootSecrets, now: Now, emit: HostEmit) => PeerHost;

export const runRaw: PeerRunner = (config, secrets, now, emit) =>
  new RawPeer(boot(config, secrets, now, emit as (effect: Effect) => void));

class RawPeer implements PeerHost {
  readonly peer: Peer;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  step(now: Now, input: HostInput, emit: HostEmit): void {
    step(this.peer, now, input as Input, emit);
  }

  nextDeadline(): number | null {
    return nextDeadline(this.peer);
  }
}

/** The program of a server: what a restart runs on whatever the disk holds. */
export function peerProgram(runner: PeerRunner, config: PeerConfig, sessionSecret: Uint8Array): Program {
  return (context, emit) =>
    runner(
      config,
      { generation: context.generation, sessionSecret, jitterSeed: context.jitterSeed },
      context.now,
      emit,
    );
}
