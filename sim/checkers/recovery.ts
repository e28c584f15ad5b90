/**
 * Recovery of a disk image: a server is booted on a copy of the platter in a world of its own, alone, and what it comes
 * up with is compared with what must be there.
 *
 * The image is that of a power cut at the end of the run; during the run every restart after a crash is the same check in
 * earnest.
 */

import type { PeerConfig } from '../../core/config/types.ts';
import { InvariantError, showZxid, type Zxid } from '../../core/types.ts';
import { type PeerView, view } from '../../core/view.ts';
import { bytesEqual } from '../../core/wire/bytes.ts';
import { type PeerHost, peerProgram, runRaw } from '../server.ts';
import type { DiskImage, HostId } from '../world/types.ts';
import { createWorld } from '../world/world.ts';
import type { CommittedHistory } from './committed.ts';
import type { Report } from './properties.ts';

export interface RecoveryCase {
  readonly host: HostId;
  readonly config: PeerConfig;
  readonly image: DiskImage;
  readonly history: CommittedHistory;
  treeDigestAt(zxid: Zxid): bigint | null;
  isDurable(zxid: Zxid): boolean;
  readonly unrestricted: boolean;
}

/** Recovery takes milliseconds of disk time; this is for the disk, not for the patience. */
const RECOVERY_MAX_US = 60_000_000;
const SLICE_US = 10_000;
const SECRET = new Uint8Array(32).fill(7);

export function checkRecovery(test: RecoveryCase, report: Report): void {
  const recovered = recover(test);
  const servers = [test.host];
  if (typeof recovered === 'string') {
    report('recovery', `server ${test.host} does not start on its own disk: ${recovered}`, { servers });
    return;
  }
  const { seen, peer } = recovered;
  if (seen.resync && !test.unrestricted) {
    report('recovery', `server ${test.host} cannot prove the history on its undamaged disk`, { servers });
    return;
  }
  const digest = test.treeDigestAt(seen.appliedZxid);
  if (digest !== null && digest !== peer.heap.tree.digest()) {
    report('recovery', `server ${test.host} recovers another state of ${showZxid(seen.appliedZxid)} than it had`, {
      servers,
    });
  }
  const { log } = peer.heap;
  for (let i = test.history.length - 1; i >= 0; i--) {
    const zxid = test.history.zxids[i]!;
    if (zxid <= log.base) break;
    const index = log.find(zxid);
    const isThere = index >= 0 && bytesEqual(log.get(index).bytes, test.history.bytes[i]!);
    if (isThere || !test.isDurable(zxid)) continue;
    report('recovery', `server ${test.host} recovers without ${showZxid(zxid)}, which its disk holds`, {
      events: [test.history.events[i]!],
      servers,
    });
    return;
  }
}

interface Recovered {
  readonly seen: PeerView;
  readonly peer: PeerHost['peer'];
}

/** What the server recovers, or why it does not. */
function recover({ host, config, image }: RecoveryCase): Recovered | string {
  let halted: string | null = null;
  const world = createWorld({
    seed: 'recovery',
    hooks: {
      onCrash: (_host, _kind, reason) => {
        halted = reason;
      },
    },
  });
  world.budget.unrestricted = true;
  world.addHost({ id: host, program: peerProgram(runRaw, config, SECRET), startAtUs: null });
  world.restoreDisk(host, image);
  world.start(host);
  try {
    while (world.timeUs < RECOVERY_MAX_US) {
      world.runUntil(world.timeUs + SLICE_US);
      if (halted !== null) return halted;
      const machine = world.machine(host) as PeerHost | null;
      const seen = machine === null ? null : view(machine.peer);
      if (machine !== null && seen !== null && seen.phase !== 'recovering') return { seen, peer: machine.peer };
    }
  } catch (error) {
    if (error instanceof InvariantError) return error.message;
    throw error;
  }
  return 'it is still reading';
}
