/**
 * The worker's entry: the model, served to the page that started it. When there is more to scan than one worker should do, it
 * asks the page for another of its kind, which becomes its helper: `startHelper(model, other)`.
 */

import { WEB_GZIP } from './blocks.ts';
import { type Answer, type PortLike, type Role, serveViewer } from './client.ts';
import { ScannerPool, serveScanner } from './helpers.ts';
import { openViewer } from './open.ts';

const port = globalThis as unknown as PortLike;
const pool = new ScannerPool(WEB_GZIP, () => port.postMessage({ kind: 'wanted' } satisfies Answer));

port.addEventListener('message', ({ data }) => {
  const role = data as Role;
  if (role.kind === 'help') serveScanner(role.port, WEB_GZIP);
  else if (role.kind === 'helper') pool.add(role.port);
});
serveViewer(port, openViewer({ gzip: WEB_GZIP, scan: pool.scan }));
