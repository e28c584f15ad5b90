/** A machine on strings, for tests of the world: it writes down what it hears and does what the test tells it. */

import type { Channel, FileAction, FileResult, Lane } from '../../../core/io.ts';
import type { ConnId, Now, PeerId } from '../../../core/types.ts';
import type { HostEffect, HostEmit, HostInput, HostOptions, Program, World } from '../../../sim/world/types.ts';

export const PORT = 2181;
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** What one host heard, over all its incarnations. */
export class Puppet {
  readonly id: number;
  readonly heard: { readonly timeUs: number; readonly now: Now; readonly input: HostInput }[] = [];
  /** Called for every input; its effects are emitted. */
  reaction: (input: HostInput, emit: HostEmit) => void = () => {};
  bootEffects: HostEffect[] = [];
  deadlineMs: number | null = null;
  boots = 0;
  private readonly world: World;
  private emit: HostEmit | null = null;
  private readonly queued: HostEffect[] = [];
  private nextConn = -1;
  private nextOp = 1;

  constructor(world: World, id: number, options: Partial<HostOptions> = {}) {
    this.world = world;
    this.id = id;
    this.bootEffects = [{ type: 'listen', channel: 'quorum', address: { host: '0.0.0.0', port: PORT }, tls: false }];
    world.addHost({ id, program: this.program, ...options });
  }

  private readonly program: Program = (_context, emit) => {
    this.boots += 1;
    for (const effect of this.bootEffects) emit(effect);
    return {
      step: (now, input, emit) => {
        this.emit = emit;
        if (isPoke(input)) for (const effect of this.queued.splice(0)) emit(effect);
        else this.heard.push({ timeUs: this.world.timeUs, now, input });
        try {
          this.reaction(input, emit);
        } finally {
          this.emit = null;
        }
      },
      nextDeadline: () => this.deadlineMs,
    };
  };

  /** Emits these effects in a step of their own, now. */
  do(...effects: HostEffect[]): void {
    if (this.emit !== null) {
      for (const effect of effects) this.emit(effect);
      return;
    }
    this.queued.push(...effects);
    this.world.input(this.id, POKE);
  }

  dial(to: number, channel: Exclude<Channel, 'client'> = 'quorum', port = PORT): number {
    const conn = this.nextConn--;
    const address = { host: `10.0.0.${to}`, port };
    this.do({ type: 'connect', conn: conn as ConnId, channel, peer: to as PeerId, address });
    return conn;
  }

  send(conn: number, text: string): void {
    this.do({ type: 'send', conn: conn as ConnId, bytes: bytesOf(text) });
  }

  file(action: FileAction, lane: Lane = 'log'): number {
    const op = this.nextOp++;
    this.do({ type: 'file', op, generation: this.world.generation(this.id), lane, action });
    return op;
  }

  /** Everything heard on the connection (or on all), as one text; `<open>` and the like for what are not bytes. */
  stream(conn: number | null = null): string {
    return this.heard
      .map(({ input }) => {
        if (!('conn' in input) || (conn !== null && input.conn !== conn)) return '';
        if (input.type === 'connBytes') return textOf(input.bytes);
        return 'reason' in input ? `<${input.type} ${input.reason}>` : `<${input.type}>`;
      })
      .join('');
  }

  chunks(): Uint8Array[] {
    return this.heard.flatMap(({ input }) => (input.type === 'connBytes' ? [input.bytes] : []));
  }

  results(): { op: number; result: FileResult }[] {
    return this.heard.flatMap(({ input }) =>
      input.type === 'fileDone' ? [{ op: input.op, result: input.result }] : [],
    );
  }

  resultOf(op: number): FileResult | undefined {
    return this.results().find((done) => done.op === op)?.result;
  }

  /** The id of its youngest incoming connection. */
  accepted(): number {
    const opened = this.heard.filter(({ input }) => input.type === 'connOpened' && input.conn > 0);
    const last = opened[opened.length - 1]?.input;
    return last?.type === 'connOpened' ? last.conn : 0;
  }
}

const POKE: HostInput = { type: 'move' };
const isPoke = (input: HostInput): boolean => input === POKE;

export const SECOND = 1_000_000;
export const MS = 1000;
