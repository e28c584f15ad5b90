/** What a disk says, read as a person would. */

import type { MemoryDisk } from '../unit/storage/memory-disk.ts';

function numberIn(disk: MemoryDisk, name: string): number {
  const bytes = disk.files().get(`data/version-2/${name}`);
  return bytes === undefined ? 0 : Number(new TextDecoder().decode(bytes));
}

export const readEpochs = (disk: MemoryDisk): { accepted: number; current: number } => ({
  accepted: numberIn(disk, 'acceptedEpoch'),
  current: numberIn(disk, 'currentEpoch'),
});
