/** Asks a server one of the four-letter words, over TCP or TLS. */

import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Address } from '../core/io.ts';
import { type ChannelTls, dialOptions } from './tls.ts';

/** Longest answer that is read; `mntr` of a busy server has some tens of kilobytes. */
const ANSWER_BYTES_MAX = 1024 * 1024;
const ANSWER_MAX_MS = 3000;

/** The answer, or null when the server cannot be reached or does not answer in time. */
export function askFourLetterWord(address: Address, word: string, secure: ChannelTls | null): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = secure === null ? net.connect(address) : tls.connect(dialOptions(secure, address));
    let answer = '';
    const finish = (result: string | null): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ANSWER_MAX_MS, () => finish(null));
    socket.setEncoding('latin1');
    socket.once(secure === null ? 'connect' : 'secureConnect', () => socket.write(word));
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > ANSWER_BYTES_MAX) finish(null);
    });
    socket.on('error', () => finish(null));
    socket.on('close', () => finish(answer === '' ? null : answer));
  });
}

/** `leader`, `follower`, `standalone` and so on; what a server is that does not serve at the moment, or null for none. */
export async function modeOf(address: Address, secure: ChannelTls | null): Promise<string | null> {
  const answer = await askFourLetterWord(address, 'srvr', secure);
  if (answer === null) return null;
  return /^Mode: (.+)$/m.exec(answer)?.[1] ?? 'looking for a leader';
}
