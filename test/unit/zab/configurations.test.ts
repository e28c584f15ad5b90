/**
 * Which configuration a server goes by (core/zab/replica.ts, learner.ts) where the files of the servers differ: each keeps its
 * own of a version, and only a newer version takes its place.
 */

import { describe, expect, it } from 'vitest';
import { formatMembership } from '../../../core/config/membership.ts';
import type { Membership } from '../../../core/config/types.ts';
import { view } from '../../../core/peer.ts';
import { decodeMark, encodeMark } from '../../../core/storage/mark.ts';
import { inLog, MARK_NAME } from '../../../core/storage/names.ts';
import { CONFIG_PATH } from '../../../core/tree/paths.ts';
import { asZxid, OPEN_ACL, zxidOf } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { utf8Decode } from '../../../core/wire/utf8.ts';
import { MiniClient } from '../../support/mini-client.ts';
import { diskName, MiniEnsemble, membershipOf } from '../../support/mini-ensemble.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';

const LEADER = 3;
const LATE = 1;

/** As the server's own file has it: an address for itself that no other can use. */
const ownFile = (id: number, spec = '1 2 3'): Membership => {
  const membership = membershipOf(spec);
  return {
    ...membership,
    servers: membership.servers.map((server) =>
      server.id === id ? { ...server, addresses: [{ ...server.addresses[0]!, host: `192.168.0.${id}` }] } : server,
    ),
  };
};

function ensembleOf(
  files: (id: number) => Membership,
  settings: { forceSnapshotSync: boolean; reconfigEnabled?: boolean },
): MiniEnsemble {
  const net = new MiniEnsemble();
  for (const id of [1, 2, 3]) net.add(id, files(id), { quorumListenOnAllIPs: true, ...settings });
  for (const id of [2, 3]) net.start(id);
  serve(net, [2, 3]);
  const client = new MiniClient(net, 'client');
  client.connect(LEADER);
  net.settle();
  client.hear();
  client.ask({ op: Op.create, kind: 'create', path: '/n', data: new Uint8Array(1), acl: OPEN_ACL, flags: 0 });
  net.settle();
  expect(client.hear()).toMatchObject([{ kind: 'reply', reply: { header: { err: 0 } } }]);
  return net;
}

const serve = (net: MiniEnsemble, ids: readonly number[]): void =>
  net.runUntil(() => ids.every((id) => net.get(id).peer !== null && view(net.peer(id)).serving), 20_000);

const committedAt = (net: MiniEnsemble, id: number): string => formatMembership(net.peer(id).state.ensemble!.committed);
const nodeAt = (net: MiniEnsemble, id: number): string | null =>
  utf8Decode(net.peer(id).heap.tree.get(CONFIG_PATH)!.data!);

describe.each([
  ['with what it missed', false],
  ['with a whole state', true],
])('a server that is brought level %s by a leader with another file', (_, forceSnapshotSync) => {
  it('keeps its own, and shows it to clients', () => {
    const net = ensembleOf(ownFile, { forceSnapshotSync });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    for (const id of [1, 2, 3]) {
      expect(committedAt(net, id)).toBe(formatMembership(ownFile(id)));
      expect(nodeAt(net, id)).toBe(formatMembership(ownFile(id)));
      expect(net.peer(id).state.ensemble!.lastSeen).toBe(net.peer(id).state.ensemble!.committed);
    }
  });

  it('finds that leader again', () => {
    const net = ensembleOf(ownFile, { forceSnapshotSync });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    const dialled: string[] = [];
    net.onStep = ({ server, effects }) => {
      if (server.id !== LATE) return;
      for (const effect of effects) {
        if (effect.type === 'connect' && effect.channel === 'quorum') dialled.push(effect.address.host);
      }
    };
    net.reset(LATE, LEADER, 'quorum');
    net.settle();
    serve(net, [1, 2, 3]);
    expect(dialled).toEqual([`10.0.0.${LEADER}`]);
  });
});

describe('files that are edited while the servers restart in turn', () => {
  it.each([false, true])('hold against the snapshots of before (whole states: %s)', (forceSnapshotSync) => {
    const before = membershipOf('1 2 3');
    const after = membershipOf('1 2 3 4:observer');
    const net = ensembleOf(() => before, { forceSnapshotSync });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    for (const id of [1, 2, 3]) {
      net.crash(id);
      net.get(id).config = { ...net.get(id).config, membership: after };
      net.start(id);
      serve(net, [1, 2, 3]);
      expect(committedAt(net, id)).toBe(formatMembership(after));
    }
    for (const id of [1, 2, 3]) expect(nodeAt(net, id)).toBe(formatMembership(after));
  });
});

describe('a newer version', () => {
  it('takes the place of the file', () => {
    const newer = { ...membershipOf('1 2 3'), version: asZxid(0x100000000) };
    const net = ensembleOf((id) => (id === LATE ? ownFile(LATE) : newer), {
      forceSnapshotSync: false,
      reconfigEnabled: true,
    });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    expect(committedAt(net, LATE)).toBe(formatMembership(newer));
  });
});

describe('without reconfigEnabled', () => {
  it('the file says who is a member, whatever a configuration of before had been numbered (ZOOKEEPER-2819)', () => {
    const before = membershipOf('1 2 3');
    const after = membershipOf('2 3 4 5');
    const net = ensembleOf(() => before, { forceSnapshotSync: false, reconfigEnabled: true });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    expect(net.peer(2).state.ensemble!.committed.version).toBeGreaterThan(0);
    for (const id of [1, 2, 3]) net.crash(id);
    for (const id of [4, 5]) net.add(id, after);
    for (const id of [2, 3]) net.get(id).config = { ...net.get(id).config, membership: after, reconfigEnabled: false };
    for (const id of [2, 3, 4, 5]) net.start(id);
    serve(net, [2, 3, 4, 5]);
    for (const id of [2, 3, 4, 5]) {
      expect(committedAt(net, id)).toBe(formatMembership(after));
      expect(nodeAt(net, id)).toBe(formatMembership(after));
    }
  });

  it('what a leader says of the ensemble is passed over', () => {
    const net = ensembleOf((id) => ownFile(id), { forceSnapshotSync: true, reconfigEnabled: true });
    net.get(LATE).config = { ...net.get(LATE).config, reconfigEnabled: false };
    net.start(LATE);
    serve(net, [1, 2, 3]);
    expect(committedAt(net, LATE)).toBe(formatMembership(ownFile(LATE)));
    expect(nodeAt(net, LATE)).toBe(formatMembership(ownFile(LATE)));
  });
});

describe('a reconfiguration that says where clients may come', () => {
  function reconfigured(client: string): MiniEnsemble {
    const net = ensembleOf(() => membershipOf('1 2 3'), { forceSnapshotSync: false, reconfigEnabled: true });
    net.start(LATE);
    serve(net, [1, 2, 3]);
    const client3 = new MiniClient(net, 'administrator');
    client3.connect(LEADER);
    net.settle();
    client3.hear();
    const joiningServers = `server.${LATE}=10.0.0.${LATE}:2888:3888:participant;${client}`;
    const request = { joiningServers, leavingServers: null, newMembers: null, curConfigId: asZxid(-1) };
    client3.ask({ op: Op.reconfig, kind: 'reconfig', ...request });
    net.run(1000);
    expect(client3.hear()).toMatchObject([{ kind: 'reply', reply: { header: { err: 0 } } }]);
    return net;
  }

  it('moves the port, also after a restart', () => {
    const net = reconfigured(`10.0.0.${LATE}:2182`);
    const moved = [{ host: `10.0.0.${LATE}`, port: 2182 }];
    expect(net.get(LATE).listening.get('client')).toEqual(moved);
    net.crash(LATE);
    net.start(LATE);
    serve(net, [1, 2, 3]);
    expect(net.get(LATE).listening.get('client')).toEqual(moved);
  });

  it('leaves it where it is when the address is for all interfaces', () => {
    const net = reconfigured('2181');
    expect(net.get(LATE).listening.get('client')).toEqual([{ host: `10.0.0.${LATE}`, port: 2181 }]);
  });
});

describe('a configuration in force', () => {
  const OLD = [1, 2, 3];
  const NEW = [4, 5, 6];
  const line = (id: number): string => `server.${id}=10.0.0.${id}:2888:3888:participant;10.0.0.${id}:2181`;

  /** From {1, 2, 3} to {4, 5, 6}, whose snapshots take long; the answer was heard, and the old servers are gone. */
  function moved(): MiniEnsemble {
    const net = new MiniEnsemble();
    for (const id of OLD) net.add(id, membershipOf('1 2 3'), { reconfigEnabled: true });
    for (const id of NEW) net.add(id, membershipOf(`1 2 3 ${id}:observer`), { reconfigEnabled: true });
    for (const id of [...OLD, ...NEW]) net.start(id);
    serve(net, [...OLD, ...NEW]);
    // The configuration has got a number meanwhile, so the new ones may come as participants that are not in it.
    for (const id of NEW) {
      net.crash(id);
      net.start(id);
    }
    serve(net, NEW);
    const client = new MiniClient(net, 'client');
    client.connect(4);
    net.settle();
    client.hear();
    for (const id of NEW) net.hold(diskName(id, 'snap'));
    const newMembers = NEW.map(line).join(',');
    client.ask({
      op: Op.reconfig,
      kind: 'reconfig',
      joiningServers: null,
      leavingServers: null,
      newMembers,
      curConfigId: -1,
    });
    net.runUntil(() => client.hear().some((heard) => heard.kind === 'reply' && heard.reply.header.err === 0), 10_000);
    for (const id of OLD) net.crash(id);
    return net;
  }

  const leads = (net: MiniEnsemble): boolean => NEW.some((id) => net.peer(id).state.role.kind === 'leading');
  const restart = (net: MiniEnsemble): void => {
    net.releaseAll();
    for (const id of NEW) net.start(id);
  };

  it('survives a power cut before any snapshot holds it', () => {
    const net = moved();
    serve(net, NEW);
    const { committed, savedTo } = net.peer(4).state.ensemble!;
    expect(savedTo).toBeLessThan(committed.version);
    for (const id of NEW) net.powerCut(id);
    restart(net);
    serve(net, NEW);
    expect(leads(net)).toBe(true);
    for (const id of NEW) expect(committedAt(net, id)).toBe(formatMembership(committed));
  });

  it('survives it as soon as the answer is given', () => {
    const net = moved();
    for (const id of NEW) net.powerCut(id);
    restart(net);
    serve(net, NEW);
    expect(leads(net)).toBe(true);
  });

  it('is what one of them knows and tells the others', () => {
    const net = moved();
    serve(net, NEW);
    for (const id of NEW) net.powerCut(id);
    for (const id of [5, 6]) {
      const files = net.get(id).disk.files();
      files.set(MARK, files.get(MARK)!.slice(0, FORMER_MARK_SIZE));
      net.get(id).disk = MemoryDisk.of(files);
    }
    restart(net);
    serve(net, NEW);
    expect(leads(net)).toBe(true);
  });

  it('does not make one that was only proposed', () => {
    const net = moved();
    serve(net, NEW);
    // One of the old servers has an entry of another number than the one it is told of.
    const { version } = net.peer(4).state.ensemble!.committed;
    for (const id of NEW) net.powerCut(id);
    for (const id of NEW) {
      const files = net.get(id).disk.files();
      const mark = decodeMark(files.get(MARK)!)!;
      expect(mark.config).toBe(version);
      files.set(MARK, encodeMark({ ...mark, config: asZxid(version + 1) }));
      net.get(id).disk = MemoryDisk.of(files);
    }
    restart(net);
    net.run(60_000);
    expect(leads(net)).toBe(false);
    for (const id of NEW) {
      const { committed, lastSeen } = net.peer(id).state.ensemble!;
      expect([committed.version, lastSeen.version]).toEqual([zxidOf(1, 0), version]);
    }
  });
});

const MARK = inLog(MARK_NAME);
/** Of the versions that knew of no configuration. */
const FORMER_MARK_SIZE = 44;
