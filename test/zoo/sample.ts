/** What is hunted in every test run: a smoke set, each found within a CPU second, and of the rest a sample that rotates. */

export const SMOKE: readonly string[] = [
  'follower-acks-before-fsync',
  'current-epoch-at-uptodate',
  'reads-do-not-wait',
  'apply-reads-the-clock',
  'counter-runs-over',
  'acks-before-newleader',
  'cversion-from-children',
  'leader-cleans-up-alone',
  'log-name-not-durable',
];

/** `count` of them, others with every `turn`, and all in turn. */
export function sampleOf<T>(from: readonly T[], count: number, turn: number): T[] {
  const size = Math.min(count, from.length);
  return Array.from({ length: size }, (_, index) => from[(turn * size + index) % from.length]!);
}
