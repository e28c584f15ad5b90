import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samePassword, sessionPassword } from '../../../core/session/password.ts';
import { firstSessionId, isMadeBy, nextSessionId, serverOfSession } from '../../../core/session/session-id.ts';
import {
  markClosing,
  newTracker,
  takeExpired,
  touch,
  track,
  trackerDeadline,
  untrack,
} from '../../../core/session/tracker.ts';
import { asPeer, asSession, type SessionId, showSession } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';

const A = asSession(1n);
const B = asSession(2n);
const S1 = asPeer(1);

describe('passwords', () => {
  test.each([
    [0x100000000000001n, '054cc74a37327db215e702e20c73f005'],
    [0n, 'f22acd4a97e69d6d20a49bb638eadb38'],
    // From the recordings.
    [0x10000780f410000n, 'c5304bfc6ef30592ab45a6fa6794a934'],
    [0x100002ea0290000n, '7d2373a1c69bb919230384ac7f10ede2'],
  ])('Java’s formula for session %s', (id, password) => {
    expect(hex(sessionPassword('java', new Uint8Array(0), asSession(id)))).toBe(password);
  });

  test('Java’s formula sees only the lower 48 bits: server 1 and server 2 give one password', () => {
    const secret = new Uint8Array(0);
    expect(sessionPassword('java', secret, asSession(0x0100_0000_0000_0001n))).toEqual(
      sessionPassword('java', secret, asSession(0x0200_0000_0000_0001n)),
    );
  });

  test('ours depends on the secret and on the whole id', () => {
    const secret = new Uint8Array(32).fill(7);
    const other = new Uint8Array(32).fill(8);
    const passwords = [
      sessionPassword('hmac', secret, A),
      sessionPassword('hmac', secret, B),
      sessionPassword('hmac', other, A),
      sessionPassword('hmac', secret, asSession((1n << 60n) | 1n)),
    ];
    expect(new Set(passwords.map(hex)).size).toBe(4);
    for (const password of passwords) expect(password.length).toBe(16);
    // HMAC-SHA256 of the eight bytes of session 1, as Python’s hmac computes it.
    expect(hex(passwords[0]!)).toBe('c95f56381ac7d2ae0a57a888a0b4c7c8');
  });

  test('only the very bytes are the same', () => {
    const password = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(samePassword(password, password.slice())).toBe(true);
    for (let i = 0; i < 16; i++) {
      const wrong = password.slice();
      wrong[i]! ^= 1;
      expect(samePassword(password, wrong)).toBe(false);
    }
    for (const shown of [null, new Uint8Array(0), password.subarray(1)])
      expect(samePassword(password, shown)).toBe(false);
  });
});

describe('ids', () => {
  test('server, clock, sixteen zero bits', () => {
    // 0x19f2_1234_5678 ms: the upper eight of its 48 bits fall out.
    expect(showSession(firstSessionId(0x19f2_1234_5678, asPeer(3)))).toBe('0x3f2123456780000');
    expect(showSession(firstSessionId(0, asPeer(1)))).toBe('0x100000000000000');
  });

  test('never 0, which asks for a new session', () => {
    expect(firstSessionId(0, asPeer(0))).not.toBe(0n);
  });

  test('a server above 127 makes negative ids, and finds them again', () => {
    const id = firstSessionId(1_700_000_000_000, asPeer(254));
    expect(id < 0n).toBe(true);
    expect(serverOfSession(id)).toBe(254);
    expect(isMadeBy(nextSessionId(id), asPeer(254))).toBe(true);
    expect(isMadeBy(id, asPeer(1))).toBe(false);
  });

  test('a later start is above everything an earlier one gave out in the meantime', () => {
    const early = firstSessionId(1_700_000_000_000, S1);
    const late = firstSessionId(1_700_000_000_001, S1);
    expect(late - early).toBe(0x10000n);
  });
});

describe('expiry in buckets', () => {
  test('a deadline is the next multiple of the interval after the timeout', () => {
    const tracker = newTracker(2000);
    track(tracker, 1000, A, { timeoutMs: 4000, owner: S1 });
    expect(trackerDeadline(tracker)).toBe(6000);
    track(tracker, 2000, B, { timeoutMs: 4000, owner: S1 });
    expect([...tracker.buckets.keys()]).toEqual([6000, 8000]);
  });

  test('a bucket expires as a whole, once', () => {
    const tracker = newTracker(2000);
    for (let i = 0; i < 5; i++) track(tracker, i * 100, asSession(BigInt(i)), { timeoutMs: 4000, owner: S1 });
    expect(takeExpired(tracker, 5999)).toEqual([]);
    expect(takeExpired(tracker, 6000)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(takeExpired(tracker, 60_000)).toEqual([]);
    expect(trackerDeadline(tracker)).toBeNull();
  });

  test('what expired is closing: no sign of life brings it back', () => {
    const tracker = newTracker(2000);
    track(tracker, 0, A, { timeoutMs: 4000, owner: S1 });
    takeExpired(tracker, 6000);
    expect(tracker.sessions.get(A)?.closing).toBe(true);
    expect(touch(tracker, 6000, A, 4000)).toBe(false);
    untrack(tracker, A);
    expect(tracker.sessions.size).toBe(0);
  });

  test('a closing session does not expire', () => {
    const tracker = newTracker(2000);
    track(tracker, 0, A, { timeoutMs: 4000, owner: S1 });
    markClosing(tracker, A);
    expect(takeExpired(tracker, 60_000)).toEqual([]);
  });

  test('the unknown is not touched', () => {
    const tracker = newTracker(2000);
    expect(touch(tracker, 0, A, 4000)).toBe(false);
    untrack(tracker, A);
    markClosing(tracker, A);
    expect(tracker.sessions.size).toBe(0);
  });

  test('a session lives for its timeout after the last sign of life, and not two intervals longer', () => {
    const event = fc.record({ afterMs: fc.integer({ min: 0, max: 9000 }), session: fc.integer({ min: 0, max: 4 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 1, max: 3000 }), (events, intervalMs) => {
        const tracker = newTracker(intervalMs);
        const timeoutOf = (session: SessionId): number => 3000 + 1000 * Number(session);
        const heard = new Map<SessionId, number>();
        let nowMs = 0;
        for (const { afterMs, session } of events) {
          nowMs += afterMs;
          for (const gone of takeExpired(tracker, nowMs)) {
            expect(nowMs - heard.get(gone)!).toBeGreaterThanOrEqual(timeoutOf(gone));
            heard.delete(gone);
            untrack(tracker, gone);
          }
          const id = asSession(BigInt(session));
          if (!touch(tracker, nowMs, id, timeoutOf(id)))
            track(tracker, nowMs, id, { timeoutMs: timeoutOf(id), owner: null });
          heard.set(id, nowMs);
          for (const [alive, sinceMs] of heard) {
            expect(nowMs - sinceMs).toBeLessThanOrEqual(timeoutOf(alive) + 2 * intervalMs);
            expect(tracker.buckets.get(tracker.sessions.get(alive)!.expiresMs)?.has(alive)).toBe(true);
          }
        }
      }),
    );
  });
});
