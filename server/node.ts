/**
 * One server in the real world: the core's `step`, driven by sockets, files and the clock of this machine.
 *
 * The loop is the same for every input: step, execute the effects in order, arm the timer for the next deadline. Nothing
 * here knows what ZooKeeper is.
 */

import { performance } from 'node:perf_hooks';
import type { BootSecrets, PeerConfig } from '../core/config/types.ts';
import type { Effect, Input, NoteFields } from '../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../core/peer.ts';
import type { Now } from '../core/types.ts';
import { type FileRoots, Files } from './files.ts';
import { Recorder } from './recorder.ts';
import { Sockets } from './sockets.ts';
import type { ChannelTls, TlsChannels } from './tls.ts';

export interface NodeOptions {
  readonly config: PeerConfig;
  readonly secrets: BootSecrets;
  readonly roots: FileRoots;
  readonly tls: TlsChannels;
  readonly tcpKeepAlive: boolean;
  /** Length of the client ports' accept queue; -1 for the system's. */
  readonly clientBacklog: number;
  /** Where to record every input, or null. */
  readonly recordDir: string | null;
  /** One line for people. */
  readonly log: (line: string) => void;
  /** Every note of the core, by code. */
  readonly note: (code: string, fields: NoteFields) => void;
  /** This server cannot go on; its sockets and files are closed by then. */
  readonly halted: (reason: string) => void;
}

/** setTimeout takes a 32-bit number of milliseconds; a later deadline is asked for again then. */
const TIMER_MAX_MS = 0x7fff_ffff;

export class Node {
  private readonly options: NodeOptions;
  private readonly files: Files;
  private readonly sockets: Sockets;
  private readonly peer: Peer;
  private readonly recorder: Recorder | null;
  private timer: NodeJS.Timeout | null = null;
  private timerMs: number | null = null;
  private over = false;

  constructor(options: NodeOptions) {
    this.options = options;
    this.files = new Files(options.roots, (message) => options.log(message));
    this.sockets = new Sockets({
      tls: options.tls,
      tcpKeepAlive: options.tcpKeepAlive,
      clientBacklog: options.clientBacklog,
      input: (input) => this.deliver(input),
      bindFailed: (message) => this.halt(message),
      trouble: (message) => options.log(message),
    });
    const now = clock();
    const { config, secrets, recordDir } = options;
    this.recorder = recordDir === null ? null : new Recorder(recordDir, { config, secrets, now }, options.log);
    const effects: Effect[] = [];
    this.peer = boot(config, secrets, now, (effect) => effects.push(effect));
    this.execute(effects);
    this.armTimer();
  }

  /** Stops without a word to anybody: the servers and clients of a server must bear that at any time. */
  async stop(): Promise<void> {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.sockets.closeAll();
    await this.files.close();
    await this.recorder?.close();
  }

  /** New connections use these from now on. */
  renewTls(channel: keyof TlsChannels, material: ChannelTls): void {
    this.sockets.renewTls(channel, material);
  }

  private deliver(input: Input): void {
    if (this.over) return;
    const now = clock();
    // Before the step, so that the input that breaks an invariant is in the recording.
    this.recorder?.record({ now, input });
    const effects: Effect[] = [];
    step(this.peer, now, input, (effect) => effects.push(effect));
    this.execute(effects);
    this.armTimer();
  }

  private armTimer(): void {
    const deadline = this.over ? null : nextDeadline(this.peer);
    if (deadline === this.timerMs && this.timer !== null) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.timerMs = deadline;
    if (deadline === null) return;
    const waitMs = Math.min(Math.max(0, deadline - clock().monoMs), TIMER_MAX_MS);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.deliver({ type: 'tick' });
    }, waitMs);
  }

  private execute(effects: readonly Effect[]): void {
    for (const effect of effects) this.executeOne(effect);
  }

  private executeOne(effect: Effect): void {
    const { sockets, options } = this;
    switch (effect.type) {
      case 'connect':
        sockets.connect(effect.conn, effect.channel, effect.address, options.config.sslQuorum);
        break;
      case 'send':
        sockets.send(effect.conn, effect.bytes);
        break;
      case 'close':
        sockets.close(effect.conn);
        break;
      case 'reading':
        sockets.reading(effect.conn, effect.on);
        break;
      case 'listen':
        sockets.listen(effect.channel, effect.address, effect.tls);
        break;
      case 'unlisten':
        sockets.unlisten(effect.channel);
        break;
      case 'file': {
        const { op, generation } = effect;
        this.files
          .execute(effect.lane, effect.action)
          .then((result) => this.deliver({ type: 'fileDone', op, generation, result }))
          .catch((cause: unknown) => this.crash(cause));
        break;
      }
      case 'halt':
        this.halt(effect.reason);
        break;
      case 'note':
        options.note(effect.code, effect.fields ?? {});
        break;
      default:
        effect satisfies never;
    }
  }

  private halt(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.stop()
      .catch((cause: unknown) => this.options.log(`while stopping: ${String(cause)}`))
      .finally(() => this.options.halted(reason));
  }

  /** A broken invariant inside a promise must end the process as loudly as one outside. */
  private crash(cause: unknown): void {
    setImmediate(() => {
      throw cause;
    });
  }
}

/** Integer milliseconds; the monotonic clock starts with the process. */
function clock(): Now {
  return { monoMs: Math.floor(performance.now()), wallMs: Date.now() };
}
