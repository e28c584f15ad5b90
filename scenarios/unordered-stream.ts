import { scenario } from './story.ts';

export const unorderedStream = scenario({
  name: 'unordered-stream',
  title: 'a network that TCP forbids: chunks overtake each other',
  story: `An over-approximation: chunks of a connection are reordered and repeated, which TCP never does and a broken
middlebox might. No liveness is asked for. Nonsense must be noticed and the connection dropped; it must never be believed:
no different histories, no different states.`,
  options: { nodes: 3, clients: 3, duration: 15_000 },
  ops: [
    { at: 3000, do: 'unordered', links: ['1-2', '2-3', '1-3'], for: 3000 },
    { at: 9000, do: 'unordered', links: ['*-*'], for: 2000 },
  ],
  expect: { verdict: 'ok' },
});
