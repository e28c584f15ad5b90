/**
 * zoo.cfg: the recorded oracle (45 broken files and what a real 3.8.0 did with them), then what is ours: every problem at
 * once, warnings for keys that do nothing, TLS keys, the keys that only we have.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatMembership } from '../../../core/config/membership.ts';
import { JUTE_MAX_BUFFER_MAX } from '../../../core/config/settings.ts';
import { filesNamedIn, parseZooCfg, type ZooCfg } from '../../../core/config/zoo-cfg.ts';

const THREE = 'server.1=127.0.0.1:23201:23301\nserver.2=127.0.0.1:23202:23302\nserver.3=127.0.0.1:23203:23303\n';
const BASE = 'tickTime=2000\ndataDir=/data\nclientPort=2181\ninitLimit=5\nsyncLimit=2\n';

const problemsOf = (cfg: ZooCfg): readonly string[] => (cfg.ok ? [] : cfg.problems);

function accepted(cfg: ZooCfg): Extract<ZooCfg, { ok: true }> {
  if (!cfg.ok) throw new Error(cfg.problems.join('\n'));
  return cfg;
}

describe('the recorded broken files', () => {
  interface Case {
    readonly case: string;
    readonly cfg: string | null;
    readonly myid: string | null;
    readonly exit: number | string;
  }
  const { cases } = JSON.parse(readFileSync(new URL('../../golden/text/bad-config.json', import.meta.url), 'utf8')) as {
    cases: readonly Case[];
  };

  /** Refused by the real server for a reason that is not in the text: files, sockets, arguments. */
  const OUTSIDE_THE_TEXT = new Set([
    'missing file',
    'clientPort in use',
    'dataDir is a file',
    'dataDir not writable path',
    'no arguments at all',
    'version-2 of dataDir missing and autocreate off',
  ]);
  /** Started by the real server, although no connection to that port can ever succeed; we say so at once. */
  const STRICTER = new Map([
    ['secureClientPort without key store', ['line 4: secureClientPort needs ssl.keyStore.location']],
    [
      'sslQuorum without key store',
      [
        'line 9: sslQuorum needs ssl.quorum.keyStore.location',
        'line 9: sslQuorum needs ssl.quorum.trustStore.location',
      ],
    ],
  ]);
  /** In order of the cases: what we say to the refused ones. */
  const OURS = new Map([
    ['no dataDir', ['dataDir is not set']],
    ['clientPort not a number', ['line 3: clientPort must be a whole number from 0 to 65535, not "abc"']],
    ['tickTime not a number', ['line 1: tickTime must be a whole number of at least 1, not "x"']],
    ['tickTime 0', ['line 1: tickTime must be a whole number of at least 1, not "0"']],
    [
      'minSessionTimeout > maxSessionTimeout',
      ['line 4: minSessionTimeout (9000) must not be larger than maxSessionTimeout (8000)'],
    ],
    ['ensemble without myid', ['the file myid in dataDir is missing']],
    ['ensemble, myid empty', ['the file myid holds "", which is not a number from 0 to 255']],
    ['ensemble, myid not a number', ['the file myid holds "abc", which is not a number from 0 to 255']],
    ['ensemble, myid not in the list', ["this server's id 9 is not in the list of servers"]],
    ['ensemble without initLimit', ['initLimit is not set']],
    ['ensemble without syncLimit', ['syncLimit is not set']],
    ['ensemble, initLimit 0', ['line 7: initLimit is not set']],
    [
      'server line malformed',
      [
        'line 5: server.2=127.0.0.1 does not have the form host:port:port[:role][|host:port:port…][;[host:]clientPort[;[host:]securePort]]',
      ],
    ],
    ['server line with bad port', ['line 5: address unresolved: 127.0.0.1:x']],
    ['server line with bad role', ['line 5: server.2: unrecognised peertype boss']],
    ['server id not a number', ['line 9: server.x: the part after the dot must be a number from 0 to 255']],
    ['only observers', ['observers without participants']],
    ['peerType bad', ['line 9: peerType must be participant or observer, not "king"']],
    ['electionAlg 1', ['line 9: electionAlg must be 3, the only one there is, not "1"']],
    [
      'clientPort and ;clientPort differ',
      ["line 3: the client address 0.0.0.0:23121 differs from 0.0.0.0:23999 in this server's line"],
    ],
    [
      'weights without groups',
      [
        'line 4: server 1 is not in a group',
        'line 5: server 2 is not in a group',
        'line 6: server 3 is not in a group',
      ],
    ],
    [
      'group with unknown server',
      ['line 6: server 3 is not in a group', 'line 9: server 7 of group 1 is not a participant and has no weight'],
    ],
    [
      'autopurge.purgeInterval bad',
      ['line 4: autopurge.purgeInterval must be a number of hours, or one with ms, s, m, h or d, not "x"'],
    ],
    ['reconfigEnabled not boolean', ['line 4: reconfigEnabled must be true or false, not "maybe"']],
    ['standaloneEnabled not boolean', ['line 4: standaloneEnabled must be true or false, not "maybe"']],
    ['localSessionsEnabled not boolean', ['line 4: localSessionsEnabled must be true or false, not "maybe"']],
    ['dynamicConfigFile missing file', ['line 4: dynamicConfigFile <dir>/none cannot be read']],
    [
      'dynamicConfigFile together with server lines',
      [
        'line 4: server.1 must be in the dynamic configuration file, because dynamicConfigFile is set',
        'line 5: server.2 must be in the dynamic configuration file, because dynamicConfigFile is set',
        'line 6: server.3 must be in the dynamic configuration file, because dynamicConfigFile is set',
        'line 9: dynamicConfigFile <dir>/none cannot be read',
      ],
    ],
    [
      'metricsProvider class missing',
      ['line 4: metricsProvider.className: there is no metrics provider "no.such.Provider"'],
    ],
    ['maxClientCnxns bad', ['line 4: maxClientCnxns must be a whole number, not "x"']],
    ['snapCount 1', ['line 3: clientPort must be a whole number from 0 to 65535, not "abc"']],
  ]);

  it.each(cases.filter((c) => c.cfg !== null))('$case', ({ case: name, cfg, myid, exit }) => {
    const ours = parseZooCfg(cfg!, { myid, dynamic: null });
    const refused = exit !== 'keeps running' && !OUTSIDE_THE_TEXT.has(name);
    const expected = STRICTER.get(name) ?? (refused ? OURS.get(name) : []);
    expect(problemsOf(ours)).toEqual(expected);
    expect(ours.ok).toBe(!refused && !STRICTER.has(name));
  });

  it('covers every case', () => {
    expect(cases).toHaveLength(45);
    const refused = cases.filter((c) => c.exit !== 'keeps running' && !OUTSIDE_THE_TEXT.has(c.case));
    expect(refused.map((c) => c.case).sort()).toEqual([...OURS.keys()].sort());
  });
});

describe('every problem at once', () => {
  it('names each with its line, in the order of the file', () => {
    const cfg = parseZooCfg(
      [
        '# an unlucky file',
        'tickTime=zero',
        'clientPort=99999',
        'server.1=a:2888:3888',
        'server.2=b:2888',
        'server.3=c:2888:2888',
        'peerType=king',
        'sslQuorum=perhaps',
      ].join('\n'),
      { myid: '7' },
    );
    expect(problemsOf(cfg)).toEqual([
      'line 2: tickTime must be a whole number of at least 1, not "zero"',
      'line 3: clientPort must be a whole number from 0 to 65535, not "99999"',
      'line 5: server.2=b:2888 does not have the form host:port:port[:role][|host:port:port…][;[host:]clientPort[;[host:]securePort]]',
      'line 6: c: quorum and election port must be different',
      'line 7: peerType must be participant or observer, not "king"',
      'line 8: sslQuorum must be true or false, not "perhaps"',
      'dataDir is not set',
    ]);
  });

  it('never repeats a password', () => {
    const cfg = parseZooCfg(
      `${BASE}secureClientPort=2281\nssl.keyStore.location=/k.jks\nssl.keyStore.password=hunter2\nssl.trustStore.password=hunter2\n`,
      { myid: null },
    );
    expect(JSON.stringify(cfg)).not.toContain('hunter2');
    expect(problemsOf(cfg)).toEqual(['line 7: ssl.keyStore.location is of type JKS; only PEM files are supported']);
  });
});

describe('what the file says', () => {
  it('is a standalone server without server lines', () => {
    const { config, shell, warnings } = accepted(parseZooCfg('dataDir=/d\nclientPort=2181\n', { myid: null }));
    expect(config).toMatchObject({ myid: 0, membership: null, tickTimeMs: 3000 });
    expect(config).toMatchObject({ minSessionTimeoutMs: 6000, maxSessionTimeoutMs: 60_000 });
    expect(config.clientAddress).toEqual({ host: '0.0.0.0', port: 2181 });
    expect(shell).toMatchObject({ dataDir: '/d', dataLogDir: '/d', clientTls: null, quorumTls: null });
    expect(shell.dataDirAutocreate).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('warns of a dynamic configuration last seen that it cannot read, and goes on without it', () => {
    const { warnings } = accepted(parseZooCfg(BASE + THREE, { myid: '2', dynamicNext: 'server.1=nonsense' }));
    expect(JSON.stringify(warnings)).toContain('the dynamic configuration last seen is ignored: ');
  });

  it('reads the ordinary keys', () => {
    const { config, shell, warnings } = accepted(
      parseZooCfg(
        [
          'tickTime=1000',
          'initLimit = 10',
          'syncLimit: 5',
          'dataDir=/snap',
          'dataLogDir=/log',
          'clientPort=2181',
          'clientPortAddress=[::1]',
          'maxClientCnxns=0',
          'minSessionTimeout=500',
          'snapCount=1000',
          'preAllocSize=64',
          'autopurge.purgeInterval=2',
          'autopurge.snapRetainCount=5',
          '4lw.commands.whitelist=ruok, srvr',
          'localSessionsEnabled=true',
          'localSessionsUpgradingEnabled=TRUE',
          'jute.maxbuffer=2097152',
          'enforce.auth.enabled=true',
          'enforce.auth.schemes=sasl,x509',
          'DigestAuthenticationProvider.superDigest=super:abc=',
          'DigestAuthenticationProvider.digestAlg=SHA-256',
          'X509AuthenticationProvider.superUser=CN=admin',
          'compat.sessionPassword=java',
          'compat.syncQuorum=false',
          'vivarium.sessionSecretFile=/secret',
          'skipACL=yes',
          'leaderServes=no',
          'sslQuorum=false',
        ].join('\n'),
        { myid: null },
      ),
    );
    expect(config).toMatchObject({
      tickTimeMs: 1000,
      initLimitTicks: 10,
      syncLimitTicks: 5,
      clientAddress: { host: '::1', port: 2181 },
      maxClientCnxns: 0,
      minSessionTimeoutMs: 500,
      maxSessionTimeoutMs: 20_000,
      snapCount: 1000,
      preAllocSizeKb: 64,
      autopurgeIntervalMs: 7_200_000,
      autopurgeSnapRetainCount: 5,
      fourLetterWords: ['ruok', 'srvr'],
      localSessionsEnabled: true,
      localSessionsUpgradingEnabled: true,
      juteMaxBuffer: 2_097_152,
      enforceAuthSchemes: ['sasl', 'x509'],
      superDigest: 'super:abc=',
      digestAlgorithm: 'SHA-256',
      x509SuperUser: 'CN=admin',
      sessionPassword: 'java',
      syncQuorum: false,
      skipAcl: true,
      leaderServes: false,
    });
    expect(shell).toMatchObject({ dataDir: '/snap', dataLogDir: '/log', sessionSecretFile: '/secret' });
    expect(warnings).toEqual([]);
  });

  it('takes the whole word list for a star', () => {
    expect(accepted(parseZooCfg(`${BASE}4lw.commands.whitelist=*`, { myid: null })).config.fourLetterWords).toBe('all');
  });

  it('takes the role and the client address from the list of servers', () => {
    const text = `${BASE.replace('clientPort=2181\n', '')}${THREE}server.4=127.0.0.1:23204:23304:observer;10.0.0.4:2181`;
    const { config } = accepted(parseZooCfg(text, { myid: '4\n' }));
    expect(config).toMatchObject({ myid: 4, peerType: 'observer', clientAddress: { host: '10.0.0.4', port: 2181 } });
  });

  it('keeps a client port of the static file out of the membership', () => {
    const { config } = accepted(parseZooCfg(BASE + THREE, { myid: '1' }));
    expect(formatMembership(config.membership!)).toBe(
      'server.1=127.0.0.1:23201:23301:participant\nserver.2=127.0.0.1:23202:23302:participant\nserver.3=127.0.0.1:23203:23303:participant\nversion=0',
    );
    expect(config.clientAddress).toEqual({ host: '0.0.0.0', port: 2181 });
  });

  it('reads a dynamic file, whose version is in its name', () => {
    const text = `${BASE}dynamicConfigFile=/conf/zoo.cfg.dynamic.10000000b\n`;
    expect(filesNamedIn(text)).toEqual({ dataDir: '/data', dynamicConfigFile: '/conf/zoo.cfg.dynamic.10000000b' });
    const { config, shell } = accepted(
      parseZooCfg(text, { myid: '2', dynamic: THREE, dynamicNext: `${THREE}version=10000000c` }),
    );
    expect(config.membership?.version).toBe(0x10000000b);
    expect(shell.lastSeen?.version).toBe(0x10000000c);
    expect(problemsOf(parseZooCfg(text, { myid: '2', dynamic: `${THREE}version=1\nserver.4=x\nnonsense=1` }))).toEqual([
      "/conf/zoo.cfg.dynamic.10000000b line 4: the version belongs into the file's name",
      '/conf/zoo.cfg.dynamic.10000000b line 5: server.4=x does not have the form host:port:port[:role][|host:port:port…][;[host:]clientPort[;[host:]securePort]]',
      '/conf/zoo.cfg.dynamic.10000000b line 6: unrecognised parameter nonsense',
    ]);
  });

  it('runs an ensemble of one only when standalone is switched off', () => {
    const one = `${BASE}server.1=127.0.0.1:23201:23301\n`;
    expect(accepted(parseZooCfg(one, { myid: '1' })).config.membership).toBeNull();
    const ensemble = accepted(parseZooCfg(`${one}standaloneEnabled=false`, { myid: '1' }));
    expect(ensemble.config.membership?.servers).toHaveLength(1);
    expect(problemsOf(parseZooCfg(`${BASE}standaloneEnabled=false`, { myid: '1' }))).toEqual([
      'with standaloneEnabled=false there must be at least one participant',
    ]);
  });

  it('reads groups and weights', () => {
    const text = `${BASE}${THREE}group.1=1:2\ngroup.2=3\nweight.3=0\n`;
    const { config } = accepted(parseZooCfg(text, { myid: '1' }));
    expect(config.membership).toMatchObject({
      groups: [
        { id: 1, members: [1, 2] },
        { id: 2, members: [3] },
      ],
      weights: [{ id: 3, weight: 0 }],
    });
  });

  it('takes several addresses only in multi-address mode', () => {
    const text = `${BASE}server.1=a:1:2|b:1:2\nserver.2=c:1:2\nserver.3=d:1:2\n`;
    expect(problemsOf(parseZooCfg(text, { myid: '1' }))).toEqual([
      'line 6: server.1 has several addresses, but multiAddress.enabled is not set',
    ]);
    const { config } = accepted(parseZooCfg(`${text}multiAddress.enabled=true`, { myid: '1' }));
    expect(config.membership?.servers[0]?.addresses).toHaveLength(2);
  });
});

describe('TLS', () => {
  const STORES = 'keyStore.location=/k.pem\nPREkeyStore.password=pw\nPREtrustStore.location=/t.pem\n';
  const stores = (prefix: string): string => prefix + STORES.replaceAll('PRE', prefix);

  it('reads both prefixes', () => {
    const text = `${BASE}${THREE}sslQuorum=true\nsecureClientPort=2281\n${stores('ssl.')}${stores('ssl.quorum.')}ssl.clientAuth=want\nssl.enabledProtocols=TLSv1.2,TLSv1.3\nssl.quorum.hostnameVerification=false\n`;
    const { config, shell, warnings } = accepted(parseZooCfg(text, { myid: '1' }));
    expect(config).toMatchObject({ sslQuorum: true, secureClientAddress: { host: '0.0.0.0', port: 2281 } });
    expect(shell.clientTls).toEqual({
      keyStore: { location: '/k.pem', password: 'pw', passwordPath: null },
      trustStore: { location: '/t.pem', password: null, passwordPath: null },
      clientAuth: 'want',
      hostnameVerification: true,
      clientHostnameVerification: false,
      protocols: ['TLSv1.2', 'TLSv1.3'],
      ciphers: [],
      handshakeTimeoutMs: 5000,
    });
    expect(shell.quorumTls).toMatchObject({
      clientAuth: 'need',
      hostnameVerification: false,
      clientHostnameVerification: true,
    });
    expect(warnings).toEqual([]);
  });

  it('refuses what it would have to ignore', () => {
    const text = `${BASE}secureClientPort=2281\n${stores('ssl.')}ssl.crl=true\nssl.ocsp=true\nssl.context.supplier.class=x.Y\nssl.clientAuth=maybe\nssl.protocol=SSLv3\nclient.portUnification=true\n`;
    expect(problemsOf(parseZooCfg(text, { myid: null }))).toEqual([
      'line 10: ssl.crl cannot be honoured: revocation lists are not checked',
      'line 11: ssl.ocsp cannot be honoured: OCSP is not asked',
      'line 12: ssl.context.supplier.class names a Java class, which cannot be loaded here',
      'line 13: ssl.clientAuth must be none, want or need',
      'line 14: ssl.protocol names SSLv3, which is not one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3',
      'line 15: client.portUnification=true: TLS and plain clients on the same port are not supported',
    ]);
  });
});

describe('warnings', () => {
  it('say which jute.maxbuffer is too large: twice as much must fit into a record of the log', () => {
    const read = (size: number) => {
      const { config, warnings } = accepted(parseZooCfg(`${BASE}jute.maxbuffer=${size}\n`, { myid: null }));
      return { size: config.juteMaxBuffer, warnings: warnings.filter((text) => text.includes('jute')) };
    };
    expect(read(JUTE_MAX_BUFFER_MAX)).toEqual({ size: JUTE_MAX_BUFFER_MAX, warnings: [] });
    const refused = read(JUTE_MAX_BUFFER_MAX + 1);
    expect(refused.size).toBeLessThan(JUTE_MAX_BUFFER_MAX);
    expect(refused.warnings).toEqual([expect.stringContaining(`from 1 to ${JUTE_MAX_BUFFER_MAX}`)]);
  });

  it('name every key that does nothing', () => {
    const { warnings, shell } = accepted(
      parseZooCfg(
        `${BASE}${[
          'nonsense=1',
          'observerMasterPort=2191',
          'admin.enableServer=false',
          'admin.serverPort=8080',
          'forceSync=no',
          'snapCount=many',
          'digest.enabled=yes',
          'commitProcessor.numWorkerThreads=4',
          'autopurge.snapRetainCount=1',
          'ssl.quorum.nonsense=1',
          'clientPort=2182',
          'authProvider.1=org.example.Provider',
          'just some words',
        ].join('\n')}`,
        { myid: null },
      ),
    );
    expect(warnings).toEqual([
      'line 3: clientPort is given again in line 16, which counts',
      'line 6: nonsense is unknown and has no effect',
      'line 7: observerMasterPort has no effect: observers are always fed by the leader',
      'line 9: admin.serverPort has no effect: there is no AdminServer',
      'line 10: forceSync=no is ignored: nothing is acknowledged before it is on the disk',
      'line 11: snapCount=many is not a whole number; 100000 is used',
      'line 12: digest.enabled=yes is neither true nor false; false is used',
      'line 14: autopurge.snapRetainCount=1 is less than 3; 3 is used',
      'line 15: ssl.quorum.nonsense is unknown and has no effect',
      'line 17: authProvider.1 has no effect: the class org.example.Provider cannot be loaded here',
      'line 18: just is unknown and has no effect',
    ]);
    expect(shell.properties.get('nonsense')).toBe('1');
    expect(shell.properties.get('clientPort')).toBe('2182');
  });

  it('say that quorum ports are open to everybody', () => {
    expect(accepted(parseZooCfg(BASE + THREE, { myid: '1' })).warnings).toEqual([
      'the election and quorum ports are neither encrypted nor authenticated (sslQuorum is off)',
    ]);
  });
});
