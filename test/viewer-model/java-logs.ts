/** Log files as a Java ensemble leaves them, made from a simulated run, so that it is known what they must tell. */

import type { Line } from './traces.ts';

/** The simulated run as three Java servers would have logged it, by clocks that are so far ahead. */
export const SKEW_MS: Readonly<Record<number, number>> = { 1: 0, 2: 2500, 3: -731 };

export function javaLogs(lines: readonly Line[]): { name: string; text: string }[] {
  const files = new Map<number, string[]>([
    [1, []],
    [2, []],
    [3, []],
  ]);
  const hex = (value: unknown): string => Number(value).toString(16);
  let currentState = new Map<number, string>();
  for (const line of lines) {
    const host = line.host as number;
    const out = files.get(host);
    if (out === undefined) continue;
    const at = new Date(1_767_225_600_000 + SKEW_MS[host]! + Math.round((line.t as number) / 1000)).toISOString();
    const stamp = `${at.slice(0, 10)} ${at.slice(11, 19)},${at.slice(20, 23)}`;
    const say = (source: string, message: string): void => {
      out.push(
        `${stamp} [myid:${host}] - INFO  [QuorumPeer[myid=${host}](plain=0.0.0.0:2181)(secure=disabled):${source}@1] - ${message}`,
      );
    };
    if (line.type === 'crash') currentState = new Map([...currentState].filter(([id]) => id !== host));
    if (line.type !== 'step') continue;
    if (line.kind === 'boot') say('QuorumPeerMain', `Starting quorum peer, myid=${host}`);
    const notice = (from: unknown, f: Readonly<Record<string, unknown>>, state: string): void =>
      say(
        'FastLeaderElection$Messenger$WorkerReceiver',
        `Notification: my state:${currentState.get(host) ?? 'LOOKING'}; n.sid:${from}, n.state:${state}, n.leader:${f.leader}, n.round:0x${hex(f.round)}, n.peerEpoch:0x${hex(f.peerEpoch)}, n.zxid:0x${hex(f.zxid)}, message format version:0x2, n.config version:0x0`,
      );
    for (const { type, code, fields = {} } of line.effects as {
      type: string;
      code?: string;
      fields?: Record<string, unknown>;
    }[]) {
      if (type !== 'note') continue;
      if (code === 'election.round.start') {
        currentState.set(host, 'LOOKING');
        say('QuorumPeer', 'LOOKING');
        say('FastLeaderElection', `New election. My id = ${host}, proposed zxid=0x${hex(fields.zxid)}`);
      } else if (code === 'election.vote.sent') notice(host, { ...fields, zxid: Number(fields.zxid) }, 'LOOKING');
      else if (code === 'election.vote.heard' && fields.outcome !== 'early')
        notice(fields.from, fields, String(fields.state).toUpperCase());
      else if (code === 'election.vote.resend') say('FastLeaderElection', `Notification time out: ${fields.nextMs} ms`);
      else if (code === 'election.leader.elected') {
        currentState.set(host, String(fields.state).toUpperCase());
        say('QuorumPeer', String(fields.state).toUpperCase());
      } else if (code === 'zab.established')
        say(
          'Leader',
          `Have quorum of supporters, sids: [[1, 2]]; starting up and setting last processed zxid: 0x${(Number(fields.epoch) * 2 ** 32).toString(16)}`,
        );
      else if (code === 'zab.uptodate') say('Learner', 'Learner received UPTODATE message');
      else if (code === 'zab.learner.lost') {
        say('Follower', 'Exception when following the leader');
        out.push(
          `java.net.SocketTimeoutException: ${fields.reason}`,
          '\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)',
        );
      } else if (code === 'zab.leading.gaveup') say('Leader', `Shutdown called. For the reason ${fields.reason}`);
    }
  }
  return [...files].map(([id, text]) => ({ name: `zoo${id}.log`, text: `${text.join('\n')}\n` }));
}
