/**
 * The worker's entry: the model, served to the page that started it. A page that has cores to spare starts this worker
 * more than once, and makes the others helpers: `startHelper(model, other)`.
 */

import { WEB_GZIP } from './blocks.ts';
import { type PortLike, type Role, serveViewer } from './client.ts';
import { ScannerPool, serveScanner } from './helpers.ts';
import { openViewer } from './open.ts';

const port = globalThis as unknown as PortLike;
const pool = new ScannerPool(WEB_GZIP);

port.addEventListener('message', ({ data }) => {
  const role = data as Role;
  if (role.kind === 'help') serveScanner(role.port, WEB_GZIP);
  else if (role.kind === 'helper') pool.add(role.port);
});
serveViewer(port, openViewer({ gzip: WEB_GZIP, scan: pool.scan }));
