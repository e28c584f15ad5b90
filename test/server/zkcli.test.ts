/**
 * Our commands against the recorded lines of zkCli.sh, run in their order on an empty standalone server in this process.
 *
 * Masks: times and zxids (other commands of the recording are left out, so zxids differ); "Created …" is an answer and so
 * on standard output here; a usage error says what was wrong before it shows the usage.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WatchedEvent } from '../../core/client/io.ts';
import { connect, type ZooKeeper } from '../../server/client.ts';
import { CommandError, runCommand, showEvent, wordsOf } from '../../server/commands.ts';
import { type Standalone, startStandalone } from './standalone.ts';

interface Recorded {
  readonly cmd: string;
  readonly out: string;
  readonly err: string;
  readonly exit: number;
}

const OURS = new Set(
  'ls create get set stat delete addWatch removewatches getAcl setAcl addauth whoami sync'.split(' '),
);

/** Lines that are left out, and why. */
const LEFT_OUT: readonly (readonly [RegExp, string])[] = [
  [/ -[Rb]\b/, 'flags that zkCli.sh 3.8 lacks, or that walk over nodes made by commands left out'],
  [/^ls -q/, 'the text of a Java exception'],
  [/^delete \/$/, 'its answer depends on the order of checks in the client'],
  [/nonsense|:q$|world:anyone$/, 'zkCli.sh goes on after a faulty ACL; ours stops'],
  [/^(ls nope|create \/a\/ x)$/, 'zkCli.sh checks paths itself; ours asks the server'],
  [/-e -c|-e -t 5|-t x|BOGUS/, 'wording of combinations that make no sense'],
  [/^(get|set \/a)$/, 'usage with the flags of 3.9'],
  [/^whoami$/, 'the order of identities is that of a Java hash set'],
  [/^removewatches/, 'the recorded ones follow watches that commands left out have set'],
];

let server: Standalone;
let zk: ZooKeeper;

beforeAll(async () => {
  server = await startStandalone({ extendedTypesEnabled: true });
  zk = await connect({ hosts: `127.0.0.1:${server.port}` });
});

afterAll(async () => {
  await zk.close();
  await server.stop();
  server.remove();
});

test('our commands answer what zkCli.sh answers', async () => {
  const heard: string[] = [];
  const ctx = { zk, watcher: (event: WatchedEvent) => heard.push(showEvent(event)) };
  let compared = 0;
  for (const recorded of recordedLines()) {
    heard.length = 0;
    const ours = await answerTo(ctx, recorded.cmd);
    const said = [...heard, ...(ours.out === '' ? [] : [ours.out])].map((text) => `${text}\n`).join('');
    const createdSaid = recorded.err.startsWith('Created ') ? recorded.out + recorded.err : recorded.out;
    expect({ cmd: recorded.cmd, out: masked(said) }).toEqual({ cmd: recorded.cmd, out: masked(createdSaid) });
    if (recorded.exit !== 0) expect(ours.err).toContain(recorded.err.trimEnd());
    expect({ cmd: recorded.cmd, failed: ours.err !== '' }).toEqual({ cmd: recorded.cmd, failed: recorded.exit !== 0 });
    compared += 1;
  }
  expect(compared).toBeGreaterThan(40);
});

function recordedLines(): Recorded[] {
  const text = readFileSync(new URL('../golden/text/zkcli-commands.jsonl', import.meta.url), 'utf8');
  const lines = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Recorded]));
  const stop = lines.findIndex(({ cmd }) => cmd.startsWith('setquota'));
  return lines
    .slice(0, stop)
    .filter(({ cmd }) => OURS.has(cmd.split(' ')[0] ?? '') && !LEFT_OUT.some(([pattern]) => pattern.test(cmd)));
}

async function answerTo(ctx: Parameters<typeof runCommand>[0], line: string): Promise<{ out: string; err: string }> {
  try {
    return { out: await runCommand(ctx, wordsOf(line) ?? []), err: '' };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { out: '', err: error.message };
  }
}

function masked(text: string): string {
  return text.replace(/^([cmp]Zxid) = .*$/gm, '$1').replace(/^([cm]time) = .*$/gm, '$1');
}
