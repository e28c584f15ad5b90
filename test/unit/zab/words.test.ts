/** What four-letter words say of a server's place in an ensemble. */

import { expect, test } from 'vitest';
import { view } from '../../../core/peer.ts';
import { OPEN_ACL } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import { MiniClient } from '../../support/mini-client.ts';
import { MiniEnsemble, membershipOf } from '../../support/mini-ensemble.ts';

test('a leader tells how large its proposals are, until that is reset', () => {
  const net = new MiniEnsemble();
  for (const id of [1, 2, 3]) net.add(id, membershipOf('1 2 3'), { fourLetterWords: 'all' });
  for (const id of [1, 2, 3]) net.start(id);
  net.runUntil(() => [1, 2, 3].every((id) => view(net.peer(id)).serving), 20_000);
  expect(wordAt(net, 3, 'srvr')).toMatch(
    /^Mode: leader\nNode count: \d+\nProposal sizes last\/min\/max: -1\/-1\/-1\n$/m,
  );
  expect(wordAt(net, 1, 'srvr')).not.toContain('Proposal sizes');

  const client = new MiniClient(net, 'client');
  client.connect(1);
  net.settle();
  client.hear();
  // As a real leader has it for the smallest of its transactions, those of sessions (test/golden/text/4lw-ensemble.json).
  expect(wordAt(net, 3, 'stat')).toContain('\nProposal sizes last/min/max: 48/48/48\n');
  client.ask({ op: Op.create, kind: 'create', path: '/n', data: new Uint8Array(100), acl: OPEN_ACL, flags: 0 });
  net.settle();
  // Header, path, data, ACL, flag, parent's cversion, digest.
  const size = 32 + (4 + 2) + (4 + 100) + (4 + 4 + 9 + 10) + 1 + 4 + 12;
  expect(wordAt(net, 3, 'srvr')).toContain(`\nProposal sizes last/min/max: ${size}/48/${size}\n`);
  expect(wordAt(net, 3, 'mntr')).toContain(`\nzk_last_proposal_size\t${size}\nzk_min_proposal_size\t48\n`);
  expect(wordAt(net, 1, 'mntr')).not.toContain('proposal_size');
  wordAt(net, 3, 'srst');
  expect(wordAt(net, 3, 'srvr')).toContain('\nProposal sizes last/min/max: -1/-1/-1\n');
});

test('who asks for the size of directories waits for the disk, and all who wait are answered together', () => {
  const net = new MiniEnsemble();
  for (const id of [1, 2, 3]) net.add(id, membershipOf('1 2 3'), { fourLetterWords: 'all' });
  net.start(1);
  expect(wordAt(net, 1, 'dirs')).toBe('This ZooKeeper instance is not currently serving requests\n');
  for (const id of [2, 3]) net.start(id);
  net.runUntil(() => [1, 2, 3].every((id) => view(net.peer(id)).serving), 20_000);
  const wires = [1, 2, 3].map(() => net.dialFrom('teller', 1, 'client'));
  for (const wire of wires) if (wire !== null) net.sendFrom(wire, utf8Encode('dirs'));
  net.settle();
  const told = wires.map((wire) => wire?.received.map((bytes) => utf8Decode(bytes) ?? '').join(''));
  expect(told[0]).toMatch(/^datadir_size: [1-9]\d*\nlogdir_size: [1-9]\d*\n$/);
  expect(told).toEqual([told[0], told[0], told[0]]);
  expect(net.peer(1).state.server.conns.size).toBe(0);
});

function wordAt(net: MiniEnsemble, id: number, word: string): string {
  const wire = net.dialFrom('teller', id, 'client');
  if (wire === null) expect.fail(`server ${id} does not listen`);
  net.sendFrom(wire, utf8Encode(word));
  net.settle();
  return wire.received.map((bytes) => utf8Decode(bytes) ?? '').join('');
}
