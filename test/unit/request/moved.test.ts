/**
 * A session that goes on at another server. What its former program asked may still be on the way to the leader; whatever
 * comes of it is no answer to what the session asks now.
 */

import { describe, expect, it } from 'vitest';
import { OPEN_ACL } from '../../../core/types.ts';
import type { ClientRequest, MultiOp } from '../../../core/wire/client-codec.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { MiniClient } from '../../support/mini-client.ts';
import { MiniEnsemble, membershipOf } from '../../support/mini-ensemble.ts';

const FORMER = 1;
const LATTER = 2;
const LEADER = 3;
/** Both programs count their requests from the beginning. */
const CXID = 7;
const NO_SUCH_FLAGS = 99;

const create = (path: string, flags = 0) =>
  ({ op: Op.create, kind: 'create', path, data: new Uint8Array(0), acl: [...OPEN_ACL], flags }) as const;
const multi = (ops: MultiOp[]): ClientRequest => ({ op: Op.multi, kind: 'multi', ops });

/** What the second program hears, when the first one's request reaches the leader between its sign-in and its own request. */
function race(former: ClientRequest, latter: ClientRequest) {
  const net = new MiniEnsemble();
  for (const id of [FORMER, LATTER, LEADER]) net.add(id, membershipOf('1 2 3'));
  for (const id of [FORMER, LATTER, LEADER]) net.start(id);
  net.runUntil(() => net.peer(LEADER).state.role.kind === 'leading', 20_000);
  net.run(1000);
  const first = new MiniClient(net, 'first');
  first.connect(FORMER);
  net.run(1000);
  first.hear();
  net.hold(`link ${FORMER} ${LEADER} quorum`);
  first.ask(former, CXID);
  net.settle();
  const second = new MiniClient(net, 'second');
  second.session = first.session;
  second.passwd = first.passwd;
  second.connect(LATTER);
  net.settle();
  second.hear();
  net.hold(`link ${LATTER} ${LEADER} quorum`);
  second.ask(latter, CXID);
  net.settle();
  net.release(`link ${FORMER} ${LEADER} quorum`);
  net.settle();
  net.release(`link ${LATTER} ${LEADER} quorum`);
  net.run(2000);
  const created = net.peer(LEADER).heap.tree.get('/good') !== undefined;
  return { created, heard: second.hear(), closed: second.wire!.closed };
}

describe('a request that was under way when the session went on elsewhere', () => {
  it.each([
    ['cannot be meant', create('/bad', NO_SUCH_FLAGS)],
    [
      'is not allowed here',
      {
        op: Op.reconfig,
        kind: 'reconfig',
        joiningServers: 'server.9=h:1:2',
        leavingServers: null,
        newMembers: null,
        curConfigId: -1,
      } as const,
    ],
    ['has a part that cannot be meant', multi([create('/bad', NO_SUCH_FLAGS), create('/worse')])],
    ['would be fine', create('/fine')],
  ])('is not the answer to what it asks there (one that %s)', (_, former) => {
    const { created, heard, closed } = race(former, create('/good'));
    // The connection may end instead, as it does with SESSIONMOVED: then the client knows nothing.
    const refusals = heard.filter((h) => h.kind === 'reply' && h.reply.header.err !== 0);
    expect(refusals).toEqual([]);
    expect(created).toBe(true);
    expect(closed).toBe(true);
  });

  it('nor the answer to a multi', () => {
    const { created, heard } = race(multi([create('/bad', NO_SUCH_FLAGS)]), multi([create('/good')]));
    expect(heard.filter((h) => h.kind === 'reply')).toEqual([]);
    expect(created).toBe(true);
  });
});
