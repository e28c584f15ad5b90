/** A server for one page on the loopback interface, and the browser of whoever started it. */

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Served {
  readonly html: string;
  readonly trace: Uint8Array | null;
  readonly name: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** The page may run its own script and workers and load the trace beside it, and nothing else. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' blob: data:; worker-src blob: data:; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self' blob:";

export function serve({ html, trace, name, port }: Served): Promise<string> {
  const server = createServer((request, response) => {
    // A page of another site may name this address, too; only whoever was told it by us gets an answer.
    const host = request.headers.host ?? '';
    if (!/^(127\.0\.0\.1|localhost)(:[0-9]+)?$/.test(host)) {
      response.writeHead(403).end();
      return;
    }
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path === '/') {
      response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY })
        .end(html);
    } else if (path === '/trace' && trace !== null) {
      response
        .writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': trace.length,
          'x-trace-name': encodeURIComponent(name),
        })
        .end(trace);
    } else {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address() as AddressInfo;
      resolve(`http://127.0.0.1:${address.port}/${trace === null ? '' : '?trace'}`);
    });
  });
}

/** Nobody is told if there is no browser: the address was printed. */
export function openInBrowser(address: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', address]
        : ['xdg-open', address];
  const child = spawn(command!, args, { stdio: 'ignore', detached: true });
  child.once('error', () => {});
  child.unref();
}
