import { describe, expect, it } from 'vitest';
import type { ConnId } from '../../../core/types.ts';
import type { EventRecord, Hooks, WorldOptions } from '../../../sim/world/types.ts';
import { createWorld } from '../../../sim/world/world.ts';
import { bytesOf, MS, Puppet, SECOND, textOf } from './puppet.ts';

/** Three hosts that talk, write and reconnect for a while; every kind of event happens. */
function busyWorld(seed: string | number, options: Partial<WorldOptions> = {}) {
  const world = createWorld({ seed, recordHashes: true, ...options });
  const puppets = [1, 2, 3].map((id) => new Puppet(world, id));
  for (const puppet of puppets) {
    puppet.deadlineMs = 1010;
    puppet.reaction = (input, emit) => {
      if (input.type === 'tick') puppet.deadlineMs = puppet.deadlineMs! + 10;
      if (input.type === 'connOpened' || input.type === 'tick') {
        for (const conn of new Set(puppet.heard.flatMap(({ input: i }) => (i.type === 'connOpened' ? [i.conn] : [])))) {
          emit({ type: 'send', conn, bytes: bytesOf(`from ${puppet.id}`) });
        }
      }
    };
  }
  world.runUntil(MS);
  puppets[0]!.dial(2);
  puppets[1]!.dial(3);
  puppets[2]!.dial(1);
  puppets[0]!.file({ kind: 'create', path: 'log/a' });
  puppets[0]!.file({ kind: 'append', path: 'log/a', bytes: bytesOf('x') });
  puppets[0]!.file({ kind: 'fsync', path: 'log/a' });
  return { world, puppets };
}

describe('determinism', () => {
  it('same seed, same hash; in any order and among other worlds', () => {
    const hashOf = (seed: number): string => {
      const { world } = busyWorld(seed);
      world.runUntil(2 * SECOND);
      return world.hash();
    };
    const first = hashOf(1);
    const second = hashOf(2);
    expect(first).not.toBe(second);
    expect(hashOf(2)).toBe(second);
    expect(hashOf(1)).toBe(first);
  });

  it('does not depend on how the run is cut into pieces', () => {
    const whole = busyWorld(3).world;
    whole.runUntil(SECOND);
    const { world } = busyWorld(3);
    for (let timeUs = 0; timeUs <= SECOND; timeUs += 7 * MS) world.runUntil(timeUs);
    world.runEvents(1e9, SECOND);
    expect(world.hash()).toBe(whole.hash());
    expect(world.hashes()).toEqual(whole.hashes());
  });

  it('one more draw elsewhere shifts nothing', () => {
    const plain = busyWorld(4).world;
    plain.runUntil(SECOND);
    const { world } = busyWorld(4);
    for (let i = 1; i <= 10; i++) {
      world.runUntil(i * 100 * MS);
      world.stream('fault').u32();
      world.stream(`new ${i}`).u32();
    }
    expect(world.hash()).toBe(plain.hash());
  });

  it('a fault between two hosts leaves the timing of the others alone', () => {
    const heardBy3 = (cut: boolean): string[] => {
      const { world, puppets } = busyWorld(5);
      world.runUntil(500 * MS);
      if (cut) {
        world.cut({ from: 1, to: 2 });
        puppets[0]!.dial(2);
      }
      world.runUntil(SECOND);
      puppets[1]!.dial(3);
      world.runUntil(2 * SECOND);
      return puppets[2]!.heard.map(({ timeUs, input }) => `${timeUs} ${input.type}`);
    };
    expect(heardBy3(true)).toEqual(heardBy3(false));
  });

  it('the hash sees every byte that arrives', () => {
    const hashWith = (text: string): string => {
      const { world, puppets } = busyWorld(6);
      world.runUntil(SECOND);
      puppets[0]!.send(-1, text);
      world.runUntil(2 * SECOND);
      return world.hash();
    };
    expect(hashWith('a')).not.toBe(hashWith('b'));
    expect(hashWith('a'.repeat(5000))).not.toBe(hashWith(`${'a'.repeat(4999)}b`));
  });

  it('events at the same microsecond come in a drawn order, or in order of scheduling', () => {
    const order = (seed: number, ties: 'drawn' | 'fifo'): string => {
      const world = createWorld({ seed, ties });
      for (let id = 1; id <= 6; id++) new Puppet(world, id);
      const seen: number[] = [];
      Object.assign(world.hooks, { onBoot: (host: number) => seen.push(host) } satisfies Hooks);
      world.runUntil(SECOND);
      return seen.join('');
    };
    expect(order(1, 'fifo')).toBe('123456');
    const orders = Array.from({ length: 100 }, (_, seed) => order(seed, 'drawn'));
    expect(new Set(orders).size).toBeGreaterThan(80);
    for (const host of '123456') expect(orders.some((seen) => seen.startsWith(host))).toBe(true);
  });
});

describe('the guard', () => {
  it('makes time and chance throw inside a step and nowhere else', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    const forbidden: (() => unknown)[] = [
      () => Date.now(),
      () => new Date(),
      () => Math.random(),
      () => performance.now(),
      () => setTimeout(() => {}, 0),
      () => queueMicrotask(() => {}),
      () => crypto.randomUUID(),
    ];
    for (const call of forbidden) {
      host.reaction = () => void call();
      host.do();
      expect(() => world.runUntil(world.timeUs + MS)).toThrow('during a step');
    }
    host.reaction = () => {};
    let seenByHook = 0;
    world.at(world.timeUs + 1, 'look', () => {
      seenByHook = Date.now();
    });
    world.runUntil(world.timeUs + MS);
    expect(seenByHook).toBeGreaterThan(0);
    expect(new Date(5).getTime()).toBe(5);
    expect(Math.random()).toBeLessThan(1);
  });
});

describe('time', () => {
  it('wakes a host when its own clock shows the deadline', () => {
    const world = createWorld({ seed: 1 });
    const fast = new Puppet(world, 1, { clock: { rate: { num: 2, den: 1 } } });
    const slow = new Puppet(world, 2, { clock: { rate: { num: 1, den: 2 }, monoMs: 0, wallMs: 77 } });
    fast.deadlineMs = 3000;
    slow.deadlineMs = 3000;
    for (const host of [fast, slow]) {
      host.reaction = () => {
        host.deadlineMs = null;
      };
    }
    world.runUntil(10 * SECOND);
    expect(fast.heard).toEqual([
      { timeUs: SECOND, now: expect.objectContaining({ monoMs: 3000 }), input: { type: 'tick' } },
    ]);
    expect(slow.heard[0]).toMatchObject({ timeUs: 6 * SECOND, now: { monoMs: 3000, wallMs: 3077 } });
  });

  it('moves a deadline with the rate of the clock', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    host.deadlineMs = 5000;
    host.reaction = () => {
      host.deadlineMs = null;
    };
    world.runUntil(SECOND);
    world.setClockRate(1, { num: 0, den: 1 });
    world.runUntil(20 * SECOND);
    expect(host.heard).toEqual([]);
    world.setClockRate(1, { num: 3, den: 1 });
    world.runUntil(30 * SECOND);
    expect(host.heard.map(({ timeUs }) => timeUs)).toEqual([21 * SECOND]);
  });

  it('does not wait for a deadline that has been taken back', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    host.deadlineMs = 2000;
    world.runUntil(500 * MS);
    host.deadlineMs = 4000;
    host.do();
    host.reaction = (input) => {
      if (input.type === 'tick') host.deadlineMs = null;
    };
    world.runUntil(10 * SECOND);
    expect(host.heard.map(({ timeUs }) => timeUs)).toEqual([3 * SECOND]);
  });

  it('stops a machine that asks for ticks without end', () => {
    const world = createWorld({ seed: 1 });
    new Puppet(world, 1).deadlineMs = 0;
    expect(() => world.runUntil(SECOND)).toThrow('ticks without end');
  });
});

describe('files in time', () => {
  it('of one lane complete in order, lanes run beside each other', () => {
    const world = createWorld({ seed: 1, disk: { fsyncMinUs: 50 * MS, fsyncMeanUs: 1 } });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    const ops = [
      host.file({ kind: 'create', path: 'log/a' }),
      host.file({ kind: 'append', path: 'log/a', bytes: bytesOf('abc') }),
      host.file({ kind: 'fsync', path: 'log/a' }),
      host.file({ kind: 'read', path: 'log/a', offset: 1, length: 9 }),
    ];
    const aside = host.file({ kind: 'create', path: 'data/b' }, 'meta');
    world.runUntil(20 * MS);
    expect(
      host
        .results()
        .map(({ op }) => op)
        .sort(),
    ).toEqual([ops[0], ops[1], aside].sort());
    world.runUntil(SECOND);
    expect(
      host
        .results()
        .map(({ op }) => op)
        .filter((op) => op !== aside),
    ).toEqual(ops);
    expect(host.resultOf(ops[3]!)).toEqual({ ok: true, bytes: bytesOf('bc') });
  });

  it('meet faults where they match and no others', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    world.diskFault(1, { kind: 'EIO', actions: ['fsync'], path: 'log.', skip: 1 });
    world.diskFault(1, { kind: 'unreadable', times: 2 });
    const create = host.file({ kind: 'create', path: 'log/log.1' });
    const first = host.file({ kind: 'fsync', path: 'log/log.1' });
    const second = host.file({ kind: 'fsync', path: 'log/log.1' });
    const third = host.file({ kind: 'fsync', path: 'log/log.1' });
    const read = host.file({ kind: 'read', path: 'log/log.1', offset: 0, length: 1 });
    world.runUntil(SECOND);
    const outcome = (op: number): string => {
      const result = host.resultOf(op);
      return result === undefined ? 'none' : result.ok ? 'ok' : result.error;
    };
    expect([create, first, second, third, read].map(outcome)).toEqual(['ok', 'ok', 'EIO', 'ok', 'ECORRUPT']);
  });

  it('stall, and go on when the stall ends', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    world.stallDisk(1, 5 * SECOND, ['log']);
    const stuck = host.file({ kind: 'create', path: 'log/a' });
    const free = host.file({ kind: 'create', path: 'data/a' }, 'meta');
    world.runUntil(4 * SECOND);
    expect(host.results().map(({ op }) => op)).toEqual([free]);
    world.runUntil(6 * SECOND);
    expect(host.results().map(({ op }) => op)).toEqual([free, stuck]);
  });

  it('are not durable when the disk lies, and the image says so', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.budget.voters = [1, 2, 3];
    world.runUntil(MS);
    host.file({ kind: 'create', path: 'log/a' });
    host.file({ kind: 'fsyncDir', path: 'log' });
    host.file({ kind: 'append', path: 'log/a', bytes: bytesOf('true') });
    host.file({ kind: 'fsync', path: 'log/a' });
    world.runUntil(SECOND);
    const before = world.durableImage(1).version;
    world.diskFault(1, { kind: 'lie', times: null });
    host.file({ kind: 'append', path: 'log/a', bytes: bytesOf(' or false') });
    const lie = host.file({ kind: 'fsync', path: 'log/a' });
    world.runUntil(2 * SECOND);
    expect(host.resultOf(lie)).toEqual({ ok: true });
    expect(textOf(world.durableImage(1).file('log/a')!.bytes)).toBe('true');
    expect(world.durableImage(1).version).toBe(before);
    expect(textOf(world.image(1).files[0]!.bytes)).toBe('true or false');
    expect(world.budget.damaged.get(1)).toBe('lie');
  });
});

describe('a crash', () => {
  it('by kill keeps the page cache, by power cut only what was synced', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    host.file({ kind: 'create', path: 'log/a' });
    host.file({ kind: 'append', path: 'log/a', bytes: bytesOf('cached') });
    world.runUntil(SECOND);
    world.kill(1);
    expect(world.image(1).files).toMatchObject([{ path: 'log/a', bytes: bytesOf('cached') }]);
    expect(world.durableCopy(1).files).toEqual([]);
    expect(world.status(1)).toBe('down');
    world.powerCut(1);
    expect(world.status(1)).toBe('off');
    expect(world.image(1)).toEqual(world.durableCopy(1));
  });

  it('forgets what was queued, and the next start hears nothing of it', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    for (let i = 0; i < 20; i++) host.file({ kind: 'create', path: `log/${i}` });
    world.runUntil(world.timeUs + 50);
    world.kill(1);
    const known = world.image(1).files.length;
    expect(known).toBeLessThan(20);
    host.heard.length = 0;
    expect(world.start(1)).toBe(true);
    expect(world.start(1)).toBe(false);
    world.runUntil(5 * SECOND);
    expect(world.generation(1)).toBe(2);
    expect(host.heard).toEqual([]);
    expect(world.image(1).files.length).toBe(known);
  });

  it('by halt leaves completions of the old generation to the new one', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    const crashes: string[] = [];
    Object.assign(world.hooks, {
      onCrash: (id, kind, reason) => crashes.push(`${id} ${kind} ${reason}`),
    } satisfies Hooks);
    world.runUntil(MS);
    host.do(
      { type: 'file', op: 9, generation: 1, lane: 'log', action: { kind: 'create', path: 'log/a' } },
      { type: 'halt', reason: 'enough' },
    );
    world.runUntil(SECOND);
    expect(crashes).toEqual(['1 halt enough']);
    expect(host.heard).toEqual([]);
    world.start(1);
    world.runUntil(2 * SECOND);
    expect(host.heard[0]!.input).toMatchObject({ type: 'fileDone', op: 9, generation: 1 });
  });

  it.each([
    ['before', 'a', 1],
    ['after', 'ab', 2],
  ] as const)('at the second send, %s it, loses the rest of the step', (edge, sent, executed) => {
    const world = createWorld({ seed: 1, link: { cutPpm: 0 } });
    const a = new Puppet(world, 1);
    const b = new Puppet(world, 2);
    world.runUntil(MS);
    const conn = a.dial(2) as ConnId;
    world.runUntil(SECOND);
    const steps: number[] = [];
    Object.assign(world.hooks, {
      afterStep: (step) => step.host === 1 && steps.push(step.executed),
    } satisfies Hooks);
    world.crashAt(1, { at: 'effect', kind: 'kill', effect: 'send', channel: 'quorum', skip: 1, edge });
    a.do(
      { type: 'send', conn, bytes: bytesOf('a') },
      { type: 'send', conn, bytes: bytesOf('b') },
      { type: 'send', conn, bytes: bytesOf('c') },
    );
    world.runUntil(2 * SECOND);
    expect(b.stream()).toBe(`<connOpened>${sent}<connClosed end>`);
    expect(steps).toEqual([executed]);
    expect(world.status(1)).toBe('down');
  });

  it('at the completion of an fsync comes when the bytes are safe and nobody knows', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    world.crashAt(1, { at: 'complete', kind: 'power', file: { actions: ['fsync'], lanes: ['log'] } });
    host.file({ kind: 'create', path: 'log/a' });
    host.file({ kind: 'fsyncDir', path: 'log' });
    host.file({ kind: 'append', path: 'log/a', bytes: bytesOf('safe') });
    const fsync = host.file({ kind: 'fsync', path: 'log/a' });
    world.runUntil(SECOND);
    expect(world.status(1)).toBe('off');
    expect(host.resultOf(fsync)).toBeUndefined();
    expect(textOf(world.image(1).files[0]!.bytes)).toBe('safe');
  });

  it('called by a hook in the middle of a step loses the rest of it', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    Object.assign(world.hooks, { onNote: (id) => world.kill(id) } satisfies Hooks);
    world.runUntil(MS);
    host.do(
      { type: 'file', op: 1, generation: 1, lane: 'log', action: { kind: 'create', path: 'log/a' } },
      { type: 'note', code: 'die' },
      { type: 'file', op: 2, generation: 1, lane: 'meta', action: { kind: 'create', path: 'log/b' } },
    );
    world.runUntil(SECOND);
    expect(world.machine(1)).toBeNull();
    expect(world.image(1).files.map(({ path }) => path)).not.toContain('log/b');
  });

  it('and a new start may run another program', () => {
    const world = createWorld({ seed: 1 });
    new Puppet(world, 1);
    world.runUntil(MS);
    world.kill(1);
    const seeds: number[] = [];
    const program = (context: { readonly jitterSeed: number }) => {
      seeds.push(context.jitterSeed);
      return { step: () => {}, nextDeadline: () => null };
    };
    world.start(1, { program, delayUs: SECOND });
    expect(world.machine(1)).toBeNull();
    world.runUntil(2 * SECOND);
    world.kill(1);
    world.start(1);
    world.runUntil(3 * SECOND);
    expect(new Set(seeds).size).toBe(2);
  });
});

describe('a pause', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('holds everything back and then delivers it, each source in order (%i)', (seed) => {
    const world = createWorld({ seed, link: { cutPpm: 0 } });
    const a = new Puppet(world, 1);
    const b = new Puppet(world, 2);
    world.runUntil(MS);
    const conn = a.dial(2);
    world.runUntil(SECOND);
    b.file({ kind: 'create', path: 'log/a' });
    b.deadlineMs = 2500;
    b.reaction = (input) => {
      if (input.type === 'tick') b.deadlineMs = null;
    };
    b.file({ kind: 'append', path: 'log/a', bytes: bytesOf('x') });
    world.runUntil(world.timeUs + 1);
    world.pause(2);
    for (const text of ['1', '2', '3', '4']) {
      a.send(conn, text);
      world.runUntil(world.timeUs + 10 * MS);
    }
    const late = a.dial(2);
    world.runUntil(4 * SECOND);
    a.send(late, 'late');
    world.runUntil(5 * SECOND);
    expect(a.stream(late)).toBe('<connOpened>');
    expect(b.stream()).toBe('<connOpened>');
    expect(b.results()).toEqual([]);
    world.resume(2);
    world.runUntil(6 * SECOND);
    expect(b.stream(b.accepted() - 1)).toBe('<connOpened>1234');
    expect(b.stream(b.accepted())).toBe('<connOpened>late');
    expect(b.results().map(({ op }) => op)).toEqual([1, 2]);
    expect(b.heard.filter(({ input }) => input.type === 'tick')).toHaveLength(1);
    expect(b.accepted()).toBe(2);
  });

  it('stops the queue of file operations after the one in the hands of the system', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.runUntil(MS);
    for (const name of ['a', 'b', 'c']) host.file({ kind: 'create', path: `log/${name}` });
    world.runUntil(world.timeUs + 1);
    world.pause(1);
    world.runUntil(SECOND);
    expect(world.image(1).files.map(({ path }) => path)).toEqual(['log/a']);
    world.resume(1);
    world.runUntil(2 * SECOND);
    expect(host.results().map(({ op }) => op)).toEqual([1, 2, 3]);
  });

  it('of a host that is killed in it ends with the process', () => {
    const world = createWorld({ seed: 1 });
    new Puppet(world, 1);
    world.runUntil(MS);
    expect(world.pause(1)).toBe(true);
    expect(world.pause(1)).toBe(false);
    expect(world.kill(1)).toBe(true);
    expect(world.resume(1)).toBe(false);
    expect(world.status(1)).toBe('down');
    expect(world.stats.refused).toBe(2);
  });
});

describe('the budget', () => {
  it('lets no more servers lose data than the ensemble survives', () => {
    const world = createWorld({ seed: 1 });
    for (let id = 1; id <= 6; id++) new Puppet(world, id);
    world.budget.voters = [1, 2, 3, 4, 5];
    world.runUntil(MS);
    for (let id = 1; id <= 6; id++) world.powerCut(id);
    expect([1, 2, 3].map((id) => world.wipe(id))).toEqual([true, true, false]);
    expect(world.wipe(1)).toBe(true);
    expect(world.wipe(6)).toBe(true);
    expect(world.tornWrites(4)).toBe(false);
    world.budget.repaired(1);
    expect(world.tornWrites(4)).toBe(true);
    expect(world.wipe(3)).toBe(false);
    world.budget.unrestricted = true;
    expect(world.wipe(3)).toBe(true);
  });

  it('asks the layer above', () => {
    const world = createWorld({ seed: 1 });
    new Puppet(world, 1);
    world.budget.voters = [1, 2, 3];
    world.budget.guard = (_host, damage) => damage !== 'restore';
    world.runUntil(MS);
    const image = world.durableCopy(1);
    world.powerCut(1);
    expect(world.restoreDisk(1, image)).toBe(false);
    expect(world.wipe(1)).toBe(true);
  });

  it('counts bit rot, and only of files that are closed', () => {
    const world = createWorld({ seed: 1 });
    const host = new Puppet(world, 1);
    world.budget.voters = [1, 2, 3];
    world.runUntil(MS);
    host.file({ kind: 'create', path: 'log/a' });
    host.file({ kind: 'append', path: 'log/a', bytes: bytesOf('fine') });
    world.runUntil(10 * SECOND);
    expect(world.rot(1)).toBe(false);
    host.file({ kind: 'fsync', path: 'log/a' });
    world.runUntil(20 * SECOND);
    expect(world.rot(1, { path: 'nothing' })).toBe(false);
    expect(world.budget.damaged.size).toBe(0);
    expect(world.rot(1)).toBe(true);
    expect(world.budget.damaged.get(1)).toBe('rot');
    expect(textOf(world.image(1).files[0]!.bytes)).not.toBe('fine');
  });
});

describe('what the layers above see', () => {
  it('each event with its cause: a chunk is caused by the step that sent it', () => {
    const world = createWorld({ seed: 1, link: { cutPpm: 0 } });
    const a = new Puppet(world, 1);
    new Puppet(world, 2);
    world.runUntil(MS);
    const conn = a.dial(2);
    world.runUntil(SECOND);
    const events: EventRecord[] = [];
    Object.assign(world.hooks, { onEvent: (event) => events.push({ ...event }) } satisfies Hooks);
    a.send(conn, 'x');
    world.runUntil(2 * SECOND);
    const [poke, arrival] = events;
    expect(poke).toMatchObject({ kind: 'input', host: 1 });
    expect(arrival).toMatchObject({ kind: 'segment', host: 2, cause: poke!.id });
    expect(arrival!.index).toBe(poke!.index + 1);
  });

  it('connections from dialing to their end', () => {
    const seen: string[] = [];
    const hooks: Hooks = {
      onConnection: (event) => {
        const { dialer, acceptor } = event.connection;
        const where = 'host' in event ? ` at ${event.host}` : '';
        const why = 'reason' in event ? ` (${event.reason})` : '';
        seen.push(`${event.kind} ${dialer}>${acceptor}${where}${why}`);
      },
    };
    const world = createWorld({ seed: 1, hooks });
    const a = new Puppet(world, 1);
    new Puppet(world, 2);
    world.runUntil(MS);
    const conn = a.dial(2);
    a.dial(9);
    world.runUntil(SECOND);
    a.do({ type: 'close', conn: conn as ConnId });
    world.runUntil(2 * SECOND);
    expect(seen).toEqual([
      'dialed 1>2',
      'dialed 1>0',
      'opened 1>2 at 1',
      'opened 1>2 at 2',
      'failed 1>0 (ENOTFOUND)',
      'closed 1>2 at 1 (closed)',
      'closed 1>2 at 2 (end)',
    ]);
  });

  it('can stop the run', () => {
    const { world } = busyWorld(1);
    world.at(100 * MS, 'stop', () => world.stop());
    world.runUntil(SECOND);
    expect(world.timeUs).toBe(100 * MS);
    world.runUntil(SECOND);
    expect(world.timeUs).toBe(SECOND);
  });
});
