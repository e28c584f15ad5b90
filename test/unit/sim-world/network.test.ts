import { describe, expect, it } from 'vitest';
import type { ConnId } from '../../../core/types.ts';
import type { LinkParams, World, WorldOptions } from '../../../sim/world/types.ts';
import { createWorld } from '../../../sim/world/world.ts';
import { bytesOf, MS, PORT, Puppet, SECOND, textOf } from './puppet.ts';

function pair(options: Partial<WorldOptions> = {}) {
  const world = createWorld({ seed: 'network', ...options });
  const a = new Puppet(world, 1);
  const b = new Puppet(world, 2);
  world.runUntil(MS);
  return { world, a, b };
}

/** A pair with an open connection from a to b. */
function connected(link: Partial<LinkParams> = {}, options: Partial<WorldOptions> = {}) {
  const { world, a, b } = pair({ link, ...options });
  const conn = a.dial(2);
  world.runUntil(SECOND);
  expect(a.stream(conn)).toBe('<connOpened>');
  return { world, a, b, conn, accepted: b.accepted() };
}

/** In a step of its own, so that nothing is glued to it. */
function sendAlone(world: World, from: Puppet, conn: number, text: string): void {
  from.send(conn, text);
  world.runUntil(world.timeUs + 1);
}

const alphabet = (length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');

describe('a connection', () => {
  it('opens on both sides and carries bytes both ways', () => {
    const { world, a, b, conn, accepted } = connected();
    a.send(conn, 'ping');
    b.send(accepted, 'pong');
    world.runUntil(2 * SECOND);
    expect(b.stream()).toBe('<connOpened>ping');
    expect(a.stream()).toBe('<connOpened>pong');
    expect(accepted).toBeGreaterThan(0);
    const opened = b.heard[0]!.input;
    expect(opened).toMatchObject({ channel: 'quorum', remote: { ip: '10.0.0.1', tls: false, certificate: null } });
  });

  it('keeps the bytes in order however they are cut, stalled or glued', () => {
    const { world, a, b, conn } = connected({ cutPpm: 600_000, stallPpm: 200_000, meanUs: 50_000 });
    const text = alphabet(5000);
    for (let at = 0; at < text.length; at += 50) sendAlone(world, a, conn, text.slice(at, at + 50));
    world.runUntil(120 * SECOND);
    expect(b.stream()).toBe(`<connOpened>${text}`);
    const sizes = b.chunks().map((bytes) => bytes.length);
    expect(sizes.some((size) => size < 50)).toBe(true);
    a.do(
      { type: 'send', conn: conn as ConnId, bytes: bytesOf('glued') },
      { type: 'send', conn: conn as ConnId, bytes: bytesOf('gummed') },
    );
    const link: Partial<LinkParams> = { cutPpm: 0 };
    world.setLink({ from: 1, to: 2 }, link);
    world.runUntil(130 * SECOND);
    expect(textOf(b.chunks().at(-1)!)).toBe('gluedgummed');
  });

  it('keeps the order of many writes of one step that wait for the window', () => {
    const { world, a, b, conn } = connected({ cutPpm: 300_000, windowBytes: 64 });
    const text = alphabet(3000);
    const writes = Array.from({ length: 60 }, (_, i) => bytesOf(text.slice(i * 50, i * 50 + 50)));
    a.do(...writes.map((bytes) => ({ type: 'send', conn: conn as ConnId, bytes }) as const));
    world.runUntil(60 * SECOND);
    expect(b.stream()).toBe(`<connOpened>${text}`);
  });

  it('flushes before it closes, and the other side hears the end', () => {
    const { world, a, b, conn } = connected({ meanUs: 20_000 });
    a.do(
      { type: 'send', conn: conn as ConnId, bytes: bytesOf('bye') },
      { type: 'close', conn: conn as ConnId },
      { type: 'send', conn: conn as ConnId, bytes: bytesOf('unheard') },
    );
    world.runUntil(3 * SECOND);
    expect(b.stream()).toBe('<connOpened>bye<connClosed end>');
    expect(a.stream()).toBe('<connOpened>');
  });

  it('is refused without a listener, and by a host that does not exist', () => {
    const { world, a } = pair();
    const refused = a.dial(2, 'quorum', 99);
    const nowhere = a.dial(77);
    world.runUntil(SECOND);
    expect(a.stream(refused)).toBe('<connFailed ECONNREFUSED>');
    expect(a.stream(nowhere)).toBe('<connFailed ENOTFOUND>');
  });

  it('hangs until the timeout when nothing gets through, and not when it heals before', () => {
    const { world, a, b } = pair({ connectTimeoutUs: 4 * SECOND });
    const cut = world.cut({ from: 1, to: 2 });
    const first = a.dial(2);
    world.runUntil(5 * SECOND);
    expect(a.stream(first)).toBe('<connFailed ETIMEDOUT>');
    const second = a.dial(2);
    world.runUntil(6 * SECOND);
    world.restore(cut);
    world.runUntil(9 * SECOND);
    expect(a.stream(second)).toBe('<connOpened>');
    expect(b.stream()).toBe('<connOpened>');
  });

  it.each([0, 60 * MS])(
    'is not made when the answer of the other side does not get through (cut after %i us)',
    (us) => {
      const { world, a, b } = pair({ link: { minUs: 50 * MS, meanUs: 1 } });
      const conn = a.dial(2);
      world.runUntil(MS + us);
      const cut = world.cut({ from: 2, to: 1, direction: 'oneWay' });
      world.runUntil(3 * SECOND);
      expect(a.stream() + b.stream()).toBe('');
      world.restore(cut);
      world.runUntil(5 * SECOND);
      expect(a.stream(conn)).toBe('<connOpened>');
      expect(b.stream()).toBe('<connOpened>');
    },
  );

  it('is not refused either when the refusal does not get through', () => {
    const { world, a } = pair();
    world.cut({ from: 2, to: 1, direction: 'oneWay' });
    const conn = a.dial(2, 'quorum', 99);
    world.runUntil(20 * SECOND);
    expect(a.stream(conn)).toBe('<connFailed ETIMEDOUT>');
  });

  it('given up by the dialer is never opened on either side', () => {
    const { world, a, b } = pair({ link: { minUs: 50 * MS } });
    const conn = a.dial(2);
    world.runUntil(60 * MS);
    a.do({ type: 'close', conn: conn as ConnId });
    world.runUntil(SECOND);
    expect(a.stream() + b.stream()).toBe('');
  });

  it('may be dialed by both at once', () => {
    const { world, a, b } = pair();
    a.dial(2);
    b.dial(1);
    world.runUntil(SECOND);
    expect(a.heard.map(({ input }) => input.type)).toEqual(['connOpened', 'connOpened']);
    expect(b.heard.map(({ input }) => input.type)).toEqual(['connOpened', 'connOpened']);
    expect(world.connections()).toHaveLength(2);
  });
});

describe('back-pressure', () => {
  it('blocks above the high mark, drains below the low one, and loses nothing', () => {
    const marks = { highWaterBytes: 2000, lowWaterBytes: 500 };
    const { world, a, b, conn, accepted } = connected({ windowBytes: 1000 }, marks);
    b.do({ type: 'reading', conn: accepted as ConnId, on: false });
    const text = alphabet(5000);
    a.send(conn, text);
    world.runUntil(30 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connBlocked>');
    expect(b.stream(accepted)).toBe('<connOpened>');
    b.do({ type: 'reading', conn: accepted as ConnId, on: true });
    world.runUntil(60 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connBlocked><connDrained>');
    expect(b.stream(accepted)).toBe(`<connOpened>${text}`);
  });

  it('comes from a slow reader too', () => {
    const { world, a, b, conn } = connected({ windowBytes: 100 }, { highWaterBytes: 200, lowWaterBytes: 50 });
    world.slowReader(2, 300 * MS);
    a.send(conn, alphabet(1000));
    world.runUntil(1_500 * MS);
    expect(a.stream(conn)).toContain('<connBlocked>');
    expect(b.chunks().length).toBeLessThan(3);
    world.slowReader(2, 0);
    world.runUntil(30 * SECOND);
    expect(b.stream()).toBe(`<connOpened>${alphabet(1000)}`);
    expect(a.stream(conn)).toContain('<connDrained>');
  });
});

describe('partitions', () => {
  it('hold bytes back one way only, and deliver them after healing', () => {
    const { world, a, b, conn, accepted } = connected();
    const cut = world.cut({ from: 1, to: 2, direction: 'oneWay' });
    a.send(conn, 'into the dark');
    b.send(accepted, 'still audible');
    world.runUntil(20 * SECOND);
    expect(b.stream()).toBe('<connOpened>');
    expect(a.stream()).toBe('<connOpened>still audible');
    expect(world.reachable(1, 2, 'quorum')).toBe(false);
    expect(world.reachable(2, 1, 'quorum')).toBe(true);
    world.restore(cut);
    world.runUntil(40 * SECOND);
    expect(b.stream()).toBe('<connOpened>into the dark');
  });

  it('concern only the channels they name', () => {
    const { world, a, b } = pair();
    b.bootEffects = [];
    world.cut({ from: 1, to: 2, channels: ['election'] });
    const quorum = a.dial(2, 'quorum');
    const election = a.dial(2, 'election');
    world.runUntil(10 * SECOND);
    expect(a.stream(quorum)).toBe('<connOpened>');
    expect(a.stream(election)).toBe('<connFailed ETIMEDOUT>');
  });

  it('that overlap end one by one', () => {
    const { world, a, b, conn } = connected();
    const first = world.cut({ from: 1, to: 2 });
    const second = world.partition([[1], [2]]);
    a.send(conn, 'x');
    world.restore(first);
    world.restore(first);
    world.runUntil(15 * SECOND);
    expect(b.stream()).toBe('<connOpened>');
    world.restore(second);
    world.runUntil(30 * SECOND);
    expect(b.stream()).toBe('<connOpened>x');
  });

  it('without acknowledgements let only a window pass', () => {
    const { world, a, b, conn } = connected({ windowBytes: 100 });
    world.cut({ from: 2, to: 1, direction: 'oneWay' });
    a.send(conn, alphabet(500));
    world.runUntil(30 * SECOND);
    expect(b.stream()).toBe(`<connOpened>${alphabet(500).slice(0, 100)}`);
  });

  it('that flap let bytes through in the end', () => {
    const { world, a, b, conn } = connected();
    const flap = world.flap({ from: 1, to: 2 }, { downUs: 500 * MS, upUs: 500 * MS });
    a.send(conn, 'through');
    world.runUntil(30 * SECOND);
    expect(b.stream()).toBe('<connOpened>through');
    world.restore(flap);
    expect(world.reachable(1, 2, 'quorum')).toBe(true);
  });

  it('stop existing among healed hosts, whatever is cut afterwards', () => {
    const { world, a, b, conn } = connected();
    world.cut({ from: 1, to: 2 });
    a.send(conn, 'late');
    world.runUntil(20 * SECOND);
    world.heal([1, 2]);
    world.cut({ from: 1, to: 2 });
    world.runUntil(20 * SECOND + 100 * MS);
    expect(b.stream()).toBe('<connOpened>late');
  });
});

describe('slowness', () => {
  it('of a clogged link ends when the clog does', () => {
    const { world, a, b, conn } = connected();
    world.clog({ from: 1, to: 2 }, 3 * SECOND);
    a.send(conn, 'x');
    world.runUntil(3_900 * MS);
    expect(b.stream()).toBe('<connOpened>');
    world.runUntil(4_100 * MS);
    expect(b.stream()).toBe('<connOpened>x');
  });

  it('clogs a link that nobody has used yet', () => {
    const { world, a, b } = pair();
    world.clog({ from: 1, to: 2, channels: ['election'] }, 3 * SECOND);
    a.dial(2, 'election');
    world.runUntil(2_900 * MS);
    expect(b.stream()).toBe('');
    world.runUntil(3_100 * MS);
    expect(b.stream()).toBe('<connOpened>');
  });

  it('of a narrow link grows with the bytes', () => {
    const { world, a, b, conn } = connected({ cutPpm: 0 });
    world.impair({ from: 1, to: 2 }, { bytesPerSecond: 1000 });
    a.send(conn, alphabet(2000));
    world.runUntil(2_900 * MS);
    expect(b.stream()).toBe('<connOpened>');
    world.runUntil(3_100 * MS);
    expect(b.chunks()[0]).toHaveLength(2000);
  });

  it('is added by an impairment and taken away with it', () => {
    const { world } = pair();
    const before = world.linkParams(1, 2, 'quorum');
    const fault = world.impair({ from: 1, to: 'any', direction: 'oneWay' }, { extraUs: 150 * MS, stallPpm: 5 });
    expect(world.linkParams(1, 2, 'quorum')).toMatchObject({ extraUs: 150 * MS, stallPpm: before.stallPpm + 5 });
    expect(world.linkParams(2, 1, 'quorum')).toEqual(before);
    world.restore(fault);
    expect(world.linkParams(1, 2, 'quorum')).toEqual(before);
  });
});

describe('the end of a connection', () => {
  it('by an injected reset delivers a prefix and then fails on both sides', () => {
    const options: Partial<WorldOptions> = {
      hooks: { intercept: ({ bytes }) => (textOf(bytes) === 'abcdef' ? { resetAfterBytes: 2 } : undefined) },
    };
    const { world, a, b, conn } = connected({ cutPpm: 0 }, options);
    a.send(conn, 'abcdef');
    world.runUntil(1_001 * MS);
    a.send(conn, 'never');
    world.runUntil(5 * SECOND);
    expect(b.stream()).toBe('<connOpened>ab<connClosed ECONNRESET>');
    expect(a.stream()).toBe('<connOpened><connClosed ECONNRESET>');
  });

  it('by a drawn reset leaves a prefix of what was sent', () => {
    const { world, a, b, conn } = connected({ resetPpm: 100_000 });
    const text = alphabet(3000);
    for (let at = 0; at < text.length; at += 30) sendAlone(world, a, conn, text.slice(at, at + 30));
    world.runUntil(5 * SECOND);
    const heard = b.stream().replace('<connOpened>', '');
    expect(heard).toMatch(/<connClosed ECONNRESET>$/);
    expect(text.startsWith(heard.replace(/<conn.*$/, ''))).toBe(true);
  });

  it('by a killed process is heard; by a power cut it is not, until the dead host is back and spoken to', () => {
    const { world, a, b, conn } = connected();
    world.kill(2);
    world.runUntil(2 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connClosed end>');
    world.start(2);
    world.runUntil(3 * SECOND);
    const second = a.dial(2);
    world.runUntil(4 * SECOND);
    world.powerCut(2);
    world.runUntil(60 * SECOND);
    expect(a.stream(second)).toBe('<connOpened>');
    world.start(2);
    world.runUntil(61 * SECOND);
    a.send(second, 'anybody there?');
    world.runUntil(80 * SECOND);
    expect(a.stream(second)).toBe('<connOpened><connClosed ECONNRESET>');
    expect(b.boots).toBe(3);
  });

  it('is learnt from a reborn host even when its first reset is lost', () => {
    const { world, a, conn } = connected();
    world.powerCut(2);
    world.start(2);
    const cut = world.cut({ from: 2, to: 1, direction: 'oneWay' });
    a.send(conn, 'x');
    world.runUntil(10 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened>');
    world.restore(cut);
    world.runUntil(25 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connClosed ECONNRESET>');
  });

  it('throws unread bytes of a killed process away with a reset', () => {
    const { world, a, b, conn, accepted } = connected();
    b.do({ type: 'reading', conn: accepted as ConnId, on: false });
    a.send(conn, 'unread');
    world.runUntil(2 * SECOND);
    world.kill(2);
    world.runUntil(3 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connClosed ECONNRESET>');
  });

  it('by silence comes after the retransmission timeout', () => {
    const { world, a, conn } = connected({}, { retransmitTimeoutUs: 20 * SECOND });
    world.cut({ from: 1, to: 2 });
    a.send(conn, 'x');
    world.runUntil(60 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened><connClosed ETIMEDOUT>');
  });

  it('can be forced from outside', () => {
    const { world, a, b } = connected();
    expect(world.resetConnections({ from: 1, to: 2, channels: ['client'] })).toBe(0);
    expect(world.resetConnections({ from: 2, to: 1 })).toBe(1);
    world.runUntil(2 * SECOND);
    expect(a.stream()).toBe('<connOpened><connClosed ECONNRESET>');
    expect(b.stream()).toBe('<connOpened><connClosed ECONNRESET>');
  });

  it('is never heard of on a connection that a box in the middle has forgotten', () => {
    const { world, a, b, conn } = connected({}, { retransmitTimeoutUs: 20 * SECOND });
    expect(world.forgetConnections({ from: 1, to: 2, channels: ['client'] })).toBe(0);
    expect(world.forgetConnections({ from: 2, to: 1 })).toBe(1);
    a.send(conn, 'lost');
    world.runUntil(5 * SECOND);
    world.heal([1, 2]);
    world.kill(2);
    world.runUntil(60 * SECOND);
    expect(a.stream(conn)).toBe('<connOpened>');
    expect(b.stream()).toBe('<connOpened>');
  });
});

describe('TLS', () => {
  const DER = bytesOf('certificate of 1');
  const listenTls = { type: 'listen', channel: 'quorum', address: { host: '0.0.0.0', port: PORT }, tls: true } as const;

  function tlsPair(mine: object, theirs: object, dials = true) {
    const world = createWorld({ seed: 'tls', epochMs: 1_000_000 });
    const identity = { certificate: DER, ...mine };
    const a = new Puppet(world, 1, { dialsTls: dials ? ['quorum'] : [], identity });
    const b = new Puppet(world, 2, { identity: { certificate: bytesOf('certificate of 2'), ...theirs } });
    b.bootEffects = [listenTls];
    world.runUntil(MS);
    const conn = a.dial(2);
    world.runUntil(SECOND);
    return { world, a, b, conn };
  }

  it('vouches for the certificate of the other side', () => {
    const { a, b } = tlsPair({}, {});
    expect(b.heard[0]!.input).toMatchObject({ type: 'connOpened', remote: { tls: true, certificate: DER } });
    expect(a.heard[0]!.input).toMatchObject({ remote: { tls: true, certificate: bytesOf('certificate of 2') } });
  });

  it('fails at the dialer when the acceptor is expired or unknown', () => {
    expect(tlsPair({}, { notAfterMs: 999_999 }).a.stream()).toBe('<connFailed certificate expired>');
    expect(tlsPair({}, { trusted: false }).a.stream()).toBe('<connFailed certificate not trusted>');
  });

  it('looks open to a dialer without a good certificate until the alert arrives, and never to the acceptor', () => {
    const { a, b } = tlsPair({ certificate: null }, {});
    expect(a.stream()).toBe('<connOpened><connClosed certificate required>');
    expect(b.stream()).toBe('');
    expect(tlsPair({ notBeforeMs: 2_000_000 }, {}).a.stream()).toContain('certificate not yet valid');
  });

  it('goes by the wall clock of the one who looks', () => {
    const { world, a } = tlsPair({}, { notAfterMs: 1_500_000 });
    expect(a.stream()).toBe('<connOpened>');
    world.jumpWall(1, 3_600_000);
    const late = a.dial(2);
    world.runUntil(2 * SECOND);
    expect(a.stream(late)).toBe('<connFailed certificate expired>');
  });

  it('and plain text do not understand each other', () => {
    const plainDialer = tlsPair({}, {}, false);
    expect(plainDialer.a.stream()).toContain('<connClosed plain text to a TLS listener>');
    expect(plainDialer.b.stream()).toBe('');
    const { world, a, b } = tlsPair({}, {});
    b.bootEffects = [{ ...listenTls, tls: false }];
    b.reaction = (input, emit) => {
      if (input.type === 'connBytes') emit({ type: 'close', conn: input.conn });
    };
    world.kill(2);
    world.start(2);
    world.runUntil(2 * SECOND);
    b.heard.length = 0;
    const conn = a.dial(2);
    world.runUntil(3 * SECOND);
    expect(b.heard.map(({ input }) => input.type)).toEqual(['connOpened', 'connBytes']);
    expect(a.stream(conn)).toBe('<connFailed TLS handshake failed>');
  });
});

describe('disorder within a stream', () => {
  const link = { reorderPpm: 300_000, duplicatePpm: 300_000, cutPpm: 0 };
  const heardBy = (options: Partial<WorldOptions>): string => {
    const { world, a, b, conn } = connected(link, options);
    for (const word of ['one ', 'two ', 'three ', 'four ', 'five ', 'six ']) sendAlone(world, a, conn, word);
    world.runUntil(5 * SECOND);
    return b.stream();
  };

  it('exists only when it is asked for', () => {
    expect(heardBy({})).toBe('<connOpened>one two three four five six ');
    expect(heardBy({ unordered: true })).not.toBe('<connOpened>one two three four five six ');
  });

  it('leaves every write in one piece, however the chunks are cut', () => {
    const words = Array.from({ length: 40 }, (_, i) => `<word ${i}>`);
    const { world, a, b, conn } = connected({ ...link, cutPpm: 500_000 }, { unordered: true });
    for (const word of words) sendAlone(world, a, conn, word);
    world.runUntil(20 * SECOND);
    const heard = b.stream().replace('<connOpened>', '');
    expect(heard.replaceAll(/<word \d+>/g, '')).toBe('');
    expect(heard).not.toBe(words.join(''));
    for (const word of words) expect(heard).toContain(word);
  });
});
