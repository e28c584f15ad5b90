/** What is bundled with a mistake in it: the whole simulator, as a library. */

export { run } from '../../sim/runner.ts';
export { generate } from '../../sim/swarm.ts';
