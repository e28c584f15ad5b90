import { beforeEach, describe, expect, test } from 'vitest';
import { asSession, asZxid } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { isExpiry, Sessions } from '../../../sim/checkers/sessions.ts';
import { collect } from './collect.ts';

const S = asSession(0x10n);
const header = (zxid: number, type: number, cxid = 1) => ({ clientId: S, cxid, zxid: asZxid(zxid), time: 0, type });
const ephemeral = (path: string): Txn => ({
  kind: 'create',
  path,
  data: null,
  acl: null,
  ephemeral: true,
  parentCVersion: 1,
});

describe('sessions', () => {
  let collected = collect();
  let sessions = new Sessions(collected.report);

  beforeEach(() => {
    collected = collect();
    sessions = new Sessions(collected.report);
    sessions.onCommitted(header(1, Op.createSession), { kind: 'createSession', timeOut: 4000 }, 1);
  });

  test('an ephemeral lives and dies with its session', () => {
    sessions.onCommitted(header(2, Op.create), ephemeral('/a'), 2);
    expect(sessions.ownerOf('/a')).toBe(S);
    sessions.onCommitted(header(3, Op.closeSession), { kind: 'closeSession', paths: ['/a'] }, 3);
    expect(sessions.isOpen(S)).toBe(false);
    expect(collected.found).toEqual([]);
  });

  test('ephemeral-lifetime: created for a session that has ended', () => {
    sessions.onCommitted(header(2, Op.closeSession), { kind: 'closeSession', paths: [] }, 2);
    sessions.onCommitted(header(3, Op.create), ephemeral('/a'), 3);
    expect(collected.ids()).toEqual(['ephemeral-lifetime']);
  });

  test('ephemeral-lifetime: the end of the session forgets one', () => {
    sessions.onCommitted(header(2, Op.create), ephemeral('/a'), 2);
    sessions.onCommitted(header(3, Op.closeSession), { kind: 'closeSession', paths: [] }, 3);
    expect(collected.ids()).toEqual(['ephemeral-lifetime']);
  });

  test('ephemeral-lifetime: one is left in the tree of a server', () => {
    sessions.onClosedIn(2, S, ['/a']);
    expect(collected.ids()).toEqual(['ephemeral-lifetime']);
  });

  test('a deleted ephemeral has no owner', () => {
    sessions.onCommitted(header(2, Op.create), ephemeral('/a'), 2);
    sessions.onCommitted(
      header(3, Op.multi),
      { kind: 'multi', parts: [{ type: Op.delete, txn: { kind: 'delete', path: '/a' } }] },
      3,
    );
    sessions.onCommitted(header(4, Op.closeSession), { kind: 'closeSession', paths: [] }, 4);
    expect(collected.found).toEqual([]);
  });

  test('session-lifetime: expired before its timeout', () => {
    sessions.onTouch(S, 1, { monoMs: 10_000, event: 5 });
    sessions.onExpiry(S, 1, 13_999);
    expect(collected.ids()).toEqual(['session-lifetime']);
    expect(collected.found[0]?.events).toEqual([5]);
  });

  test('session-lifetime: silent after a full timeout, and when another server leads', () => {
    sessions.onTouch(S, 1, { monoMs: 10_000, event: 5 });
    sessions.onExpiry(S, 1, 14_000);
    sessions.onExpiry(S, 2, 10_001);
    expect(collected.found).toEqual([]);
  });

  test('session-lifetime: the timeout is the one of the last word', () => {
    sessions.onTouch(S, 1, { monoMs: 10_000, timeoutMs: 2000, event: 5 });
    sessions.onExpiry(S, 1, 12_000);
    expect(collected.found).toEqual([]);
    sessions.onExpiry(S, 1, 11_999);
    expect(collected.ids()).toEqual(['session-lifetime']);
  });

  test('session-lifetime: told of an end that nobody has proposed', () => {
    sessions.onToldExpired(asSession(0x11n), 1, 5);
    sessions.onToldExpired(S, 1, 0);
    expect(collected.found).toEqual([]);
    sessions.onToldExpired(S, 1, 1);
    expect(collected.ids()).toEqual(['session-lifetime']);
    sessions.onEndProposed(S);
    sessions.onToldExpired(S, 1, 2);
    expect(collected.found).toHaveLength(1);
  });

  test('an expiry is a closeSession without a request number', () => {
    expect(isExpiry(header(1, Op.closeSession, 0))).toBe(true);
    expect(isExpiry(header(1, Op.closeSession, 3))).toBe(false);
    expect(isExpiry(header(1, Op.create, 0))).toBe(false);
  });
});
