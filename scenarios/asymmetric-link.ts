import { scenario } from './story.ts';

export const asymmetricLink = scenario({
  name: 'asymmetric-link',
  title: 'a leader that hears nobody, then one that nobody hears, then a follower it cannot reach',
  story: `Goal: one-way links end in one working leader, not in none. Method: the leader first sends but hears
nothing, so its followers are content with its pings while their answers vanish; the next leader hears everything but
is not heard; then one follower loses what the leader sends. Why it is nasty: each side of a half-dead link sees
another half of the truth. The leader of the first part must step down on missing answers alone, or the ensemble
stands still with a leader everybody believes in (Cloudflare's outage of 2020 in etcd was of this kind).`,
  options: { nodes: 3, clients: 3, duration: 16_000, settings: { tickTimeMs: 200 } },
  ops: [
    { after: 'zab.established', plus: 1500, do: 'isolate', node: 'leader', direction: 'in', for: 3500 },
    { after: 'op:1', plus: 5500, do: 'isolate', node: 'leader', direction: 'out', for: 3500 },
    { after: 'op:2', plus: 5500, do: 'cut', links: ['leader>follower'], for: 2500 },
  ],
  decisive: 1,
  expect: {
    verdict: 'ok',
    marks: ['zab.leading.gaveup', 'zab.learner.lost'],
    tells: ['hears nobody', 'nobody hears', 'leads epoch 3'],
    writes: 25,
  },
});
