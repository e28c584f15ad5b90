/** Microbenchmarks: nanoseconds of one call, the median of a few rounds after a warm-up. */

const ROUNDS = 7;
const ROUND_MS = 60;
const WARM_UP_MS = 150;
/** Calls between two looks at the clock. */
const BATCH = 200;

/** Prints what one call of `work` takes. */
export function measure(name: string, work: () => unknown): void {
  let sink: unknown;
  const run = (ms: number): number => {
    const start = performance.now();
    let count = 0;
    for (; performance.now() - start < ms; count += BATCH) for (let i = 0; i < BATCH; i++) sink = work();
    return ((performance.now() - start) * 1e6) / count;
  };
  run(WARM_UP_MS);
  const rounds = Array.from({ length: ROUNDS }, () => run(ROUND_MS)).sort((a, b) => a - b);
  console.log(`${name.padEnd(52)} ${rounds[ROUNDS >> 1]!.toFixed(0).padStart(8)} ns`);
  // The result is used, so that the call is not optimised away.
  if (sink === measure) console.log('');
}
