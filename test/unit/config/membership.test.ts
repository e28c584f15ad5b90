/** Membership texts against everything recorded from real servers, quorums by hand, and what reconfig requests lead to. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  formatMembership,
  hasAllQuorums,
  hasQuorum,
  type ParsedMembership,
  parseMembership,
  reconfigure,
  sameServers,
  votersOfBoth,
  weightOf,
} from '../../../core/config/membership.ts';
import type { Membership } from '../../../core/config/types.ts';
import { asPeer, asZxid, type PeerId } from '../../../core/types.ts';
import { Code } from '../../../core/wire/opcodes.ts';

const golden = (path: string): string => readFileSync(new URL(`../../golden/${path}`, import.meta.url), 'utf8');
const filesOf = (folder: string): string[] => readdirSync(new URL(`../../golden/${folder}`, import.meta.url));

const ids = (...list: number[]): PeerId[] => list.map(asPeer);

function parsed(text: string): Membership {
  const result = parseMembership(text);
  if (!result.ok) throw new Error(result.fault.reason);
  return result.membership;
}

const faultOf = (result: ParsedMembership): string =>
  result.ok ? 'none' : `${result.fault.kind}: ${result.fault.reason}`;

describe('the recorded texts', () => {
  const texts = new Set<string>();
  for (const folder of ['quorum', 'client']) {
    for (const file of filesOf(folder)) {
      const matches = golden(`${folder}/${file}`).matchAll(/"(server\.\d+=(?:[^"\\]|\\n)*version=[0-9a-f]+)"/g);
      for (const [, text] of matches) texts.add(text!.replaceAll('\\n', '\n'));
    }
  }

  it('are found', () => {
    expect(texts.size).toBeGreaterThanOrEqual(8);
    expect([...texts].some((text) => text.includes('|'))).toBe(true);
    expect([...texts].some((text) => text.includes(':observer'))).toBe(true);
  });

  /** Java writes servers in the order of a hash map; with ids 1, 3 and 9 in a map of four buckets, 9 comes before 3. */
  const inHashOrder = (text: string): boolean => /server\.9=.*\nserver\.3=/.test(text);

  it.each([...texts])('%s', (text) => {
    const formatted = formatMembership(parsed(text));
    if (inHashOrder(text)) expect(formatted.split('\n').sort()).toEqual(text.split('\n').sort());
    else expect(formatted).toBe(text);
  });

  it.each(filesOf('disk/ensemble').filter((name) => name.startsWith('zoo.cfg.dynamic')))('%s', (name) => {
    const text = golden(`disk/ensemble/${name}`);
    expect(formatMembership(parsed(text))).toBe(`${text}\nversion=0`);
  });
});

describe('server lines', () => {
  it.each([
    ['1:2888:3888', '1:2888:3888:participant'],
    ['h:2888:3888;2181', 'h:2888:3888:participant;0.0.0.0:2181'],
    ['h:2888:3888:OBSERVER;h:2181', 'h:2888:3888:observer;h:2181'],
    ['[::1]:2888:3888;[::2]:2181', '[::1]:2888:3888:participant;[::2]:2181'],
    ['h:1:2;;2281', 'h:1:2:participant;;0.0.0.0:2281'],
    ['h:1:2;2181;s:2281', 'h:1:2:participant;0.0.0.0:2181;s:2281'],
    ['b:1:2|a:3:4:observer', 'a:3:4|b:1:2:observer'],
    [' h:1:2:participant ', 'h:1:2:participant'],
  ])('%s is written as %s', (line, written) => {
    expect(formatMembership(parsed(`server.5=${line}`))).toBe(`server.5=${written}\nversion=0`);
  });

  it.each([
    ['h', 'config'],
    ['h:1', 'config'],
    ['h:1:2:3:4', 'config'],
    ['h:1:x', 'config'],
    ['h:1:1', 'config'],
    ['h:1:2:boss', 'config'],
    ['h:1:70000', 'illegal'],
    ['h:1:0', 'illegal'],
    ['h:1:2;a:b:c', 'config'],
    ['h:1:2;1;2;3', 'config'],
    [':1:2', 'config'],
    ['[::1:2:3', 'config'],
    ['[::1]2:3', 'config'],
    ['h:1:2:observer|i:1:2:participant', 'config'],
    ['', 'config'],
  ])('%s is refused', (line, kind) => {
    expect(faultOf(parseMembership(`server.5=${line}`))).toMatch(`${kind}: `);
  });

  it('refuses ids and versions that are no numbers', () => {
    expect(faultOf(parseMembership('server.x=h:1:2'))).toMatch('illegal: server.x');
    expect(faultOf(parseMembership('server.256=h:1:2'))).toMatch('illegal: server.256');
    expect(faultOf(parseMembership('version=xyz'))).toMatch('illegal: version=xyz');
    expect(faultOf(parseMembership('colour=blue'))).toBe('config: unrecognised parameter colour');
  });
});

describe('properties', () => {
  it('reads what java.util.Properties reads', () => {
    const text =
      '# comment\n! comment\n\n  server.1 = h:1:2\r\nserver.2:h:3:\\\n   4\nserver\\.3 h:5:6\n version\t=\ta\n';
    expect(formatMembership(parsed(text))).toBe(
      'server.1=h:1:2:participant\nserver.2=h:3:4:participant\nserver.3=h:5:6:participant\nversion=a',
    );
  });

  it('keeps the last of two assignments', () => {
    expect(formatMembership(parsed('server.1=h:1:2\nserver.1=h:3:4'))).toBe('server.1=h:3:4:participant\nversion=0');
  });
});

describe('majority quorums', () => {
  const five = parsed(
    'server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2:observer\nserver.5=e:1:2:observer',
  );

  it('count participants only', () => {
    expect(hasQuorum(five, ids(1, 2))).toBe(true);
    expect(hasQuorum(five, ids(1, 4, 5, 9))).toBe(false);
    expect(hasQuorum(five, ids(1, 1, 1))).toBe(false);
    expect(hasQuorum(five, [])).toBe(false);
    expect(weightOf(five, asPeer(1))).toBe(1);
    expect(weightOf(five, asPeer(4))).toBe(0);
    expect(weightOf(five, asPeer(9))).toBe(0);
  });

  it('need half plus one of an even number', () => {
    const four = parsed([1, 2, 3, 4].map((id) => `server.${id}=h${id}:1:2`).join('\n'));
    expect(hasQuorum(four, ids(1, 2))).toBe(false);
    expect(hasQuorum(four, ids(1, 2, 3))).toBe(true);
  });

  it('do not exist without participants', () => {
    expect(hasQuorum(parsed('version=0'), ids(1))).toBe(false);
  });
});

describe('hierarchical quorums', () => {
  // The example of ZooKeeper's documentation: three groups of three.
  const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => `server.${id}=h${id}:1:2`).join('\n');
  const groups = 'group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9';

  it('need most of most groups', () => {
    const m = parsed(`${nine}\n${groups}`);
    expect(hasQuorum(m, ids(1, 2, 4, 5))).toBe(true);
    expect(hasQuorum(m, ids(1, 2, 3, 4))).toBe(false);
    expect(hasQuorum(m, ids(1, 4, 7, 2))).toBe(false);
  });

  it('go by weight, and leave out groups that weigh nothing', () => {
    const m = parsed(`${nine}\n${groups}\nweight.1=3\nweight.7=0\nweight.8=0\nweight.9=0`);
    expect(hasQuorum(m, ids(1))).toBe(false);
    expect(hasQuorum(m, ids(1, 4, 5))).toBe(true);
    expect(hasQuorum(m, ids(2, 3, 4, 5, 6))).toBe(false);
    expect(hasQuorum(m, ids(7, 8, 9, 4, 5))).toBe(false);
  });

  it('are written with the weight of every participant', () => {
    const text =
      'server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:observer\ngroup.1=1\ngroup.2=2\nweight.1=1\nweight.2=5\nversion=1f';
    expect(formatMembership(parsed(text))).toBe(text);
  });

  it.each([
    ['group.1=1:2', 'config: server 3 is not in a group'],
    ['group.1=1:2:3\ngroup.2=3', 'config: server 3 is in multiple groups'],
    ['group.1=1:2:3:9', 'illegal: server 9 of group 1 is not a participant and has no weight'],
    ['group.1=1:2:x', 'illegal: group.1=1:2:x must list server ids separated by colons'],
    ['weight.1=2', 'config: server 1 is not in a group'],
    ['group.1=1:2:3\nweight.1=-1', 'illegal: weight.1=-1 must be a number from 0 to 1000000'],
  ])('%s is refused', (extra, fault) => {
    expect(faultOf(parseMembership(`server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n${extra}`))).toBe(fault);
  });
});

describe('two configurations at once', () => {
  const committed = parsed('server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=1');
  const lastSeen = parsed('server.3=c:1:2\nserver.4=d:1:2\nserver.5=e:1:2\nversion=2');

  it('need a quorum of each', () => {
    expect(hasAllQuorums({ committed, lastSeen }, ids(1, 2))).toBe(false);
    expect(hasAllQuorums({ committed, lastSeen }, ids(4, 5))).toBe(false);
    expect(hasAllQuorums({ committed, lastSeen }, ids(1, 3, 4))).toBe(true);
    expect(votersOfBoth({ committed, lastSeen })).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  it('need one quorum only when the second is not newer', () => {
    expect(hasAllQuorums({ committed, lastSeen: committed }, ids(1, 2))).toBe(true);
    expect(hasAllQuorums({ committed: lastSeen, lastSeen: committed }, ids(4, 5))).toBe(true);
  });
});

describe('reconfiguration', () => {
  const three = parsed(
    `${[1, 2, 3].map((id) => `server.${id}=10.0.0.${id}:2888:3888;10.0.0.${id}:2181`).join('\n')}\nversion=100000000`,
  );
  const run = (
    change: { joining?: string; leaving?: string; members?: string },
    options: { from?: Membership; standaloneEnabled?: boolean } = {},
  ): string => {
    const result = reconfigure(
      options.from ?? three,
      {
        joiningServers: change.joining ?? null,
        leavingServers: change.leaving ?? null,
        newMembers: change.members ?? null,
      },
      { version: asZxid(0x10000000b), standaloneEnabled: options.standaloneEnabled ?? false, multiAddress: false },
    );
    if (!result.ok) return `${result.err}: ${result.reason}`;
    return formatMembership(result.membership);
  };

  it('removes', () => {
    expect(run({ leaving: '3' })).toBe(
      'server.1=10.0.0.1:2888:3888:participant;10.0.0.1:2181\nserver.2=10.0.0.2:2888:3888:participant;10.0.0.2:2181\nversion=10000000b',
    );
    expect(run({ leaving: ' 2 , 3,, 77 ' })).toBe(
      'server.1=10.0.0.1:2888:3888:participant;10.0.0.1:2181\nversion=10000000b',
    );
  });

  it('adds and changes', () => {
    expect(run({ joining: 'server.3=10.0.0.3:2888:3888:observer;2181' })).toContain(
      'server.3=10.0.0.3:2888:3888:observer;0.0.0.0:2181',
    );
    expect(run({ joining: '4=x:1:2;3, server.5 = y:1:2;3' })).toContain(
      'server.4=x:1:2:participant;0.0.0.0:3\nserver.5=y:1:2:participant;0.0.0.0:3',
    );
  });

  it('replaces', () => {
    expect(run({ members: 'server.1=a:1:2;3,server.2=b:1:2;3' })).toBe(
      'server.1=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:participant;0.0.0.0:3\nversion=10000000b',
    );
    expect(run({ members: 'server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1:2' })).toContain('group.1=1:2');
  });

  // The recorded answers of the real server (client/raw-reconfig.jsonl), standaloneEnabled=false.
  it.each([
    [{ joining: 'garbage' }, Code.BADARGUMENTS],
    [{ leaving: 'x' }, Code.MARSHALLINGERROR],
    [{ members: '' }, Code.MARSHALLINGERROR],
    [{ leaving: '1,2,3' }, Code.BADARGUMENTS],
    [{ joining: 'server.5=127.0.0.1:23205:23305:participant' }, Code.BADARGUMENTS],
  ])('%o is answered as recorded', (change, code) => {
    expect(run(change)).toMatch(new RegExp(`^${code}: `));
  });

  it.each([
    [{ joining: 'server.x=h:1:2;3' }, Code.MARSHALLINGERROR],
    [{ joining: 'server.5=h:1:99999;3' }, Code.MARSHALLINGERROR],
    [{ joining: 'server.5=h:1:y;3' }, Code.BADARGUMENTS],
    [{ members: 'colour=blue' }, Code.BADARGUMENTS],
    [{ members: 'server.1=a:1:2:observer' }, Code.MARSHALLINGERROR],
  ])('%o is answered by the kind of the fault', (change, code) => {
    expect(run(change)).toMatch(new RegExp(`^${code}: `));
  });

  it('keeps addresses apart, except those that mean this machine', () => {
    expect(run({ joining: 'server.4=10.0.0.1:2888:4888;2181' })).toBe(
      `${Code.BADARGUMENTS}: 10.0.0.1:2888 of server.4 is in use by server.1`,
    );
    const local = parsed('server.1=127.0.0.1:2888:3888;127.0.0.1:2181\nserver.2=127.0.0.1:1:2;3');
    expect(run({ joining: 'server.4=127.0.0.1:2888:3888;127.0.0.1:2181' }, { from: local })).toContain(
      'server.4=127.0.0.1',
    );
  });

  it('does not change groups bit by bit', () => {
    const from = parsed('server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1:2');
    expect(run({ leaving: '1' }, { from })).toMatch(`${Code.BADARGUMENTS}: incremental`);
  });

  it('leaves two participants where a server may run standalone', () => {
    expect(run({ leaving: '2,3' }, { standaloneEnabled: true })).toMatch(`${Code.BADARGUMENTS}: `);
    expect(run({ leaving: '3' }, { standaloneEnabled: true })).toMatch('server.1=');
  });

  it('sees through versions when it compares', () => {
    expect(sameServers(three, { ...three, version: asZxid(5) })).toBe(true);
    expect(sameServers(three, parsed('server.1=a:1:2'))).toBe(false);
  });
});
