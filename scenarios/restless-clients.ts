import { scenario } from './story.ts';

export const restlessClients = scenario({
  name: 'restless-clients',
  title: 'clients that never stay on one server, over links that break',
  story: `Every few requests a client changes servers, dies, or comes back with its session and the highest zxid it has
seen, often to a server that lags behind one it left. Such a server must refuse it rather than show it its own past. The
order of a session's requests, its watches and its own writes must survive every change.`,
  options: { nodes: 5, observers: 1, clients: 6, duration: 20_000 },
  swarm: {
    'workload.rate': 20,
    'workload.session': 3000,
    'mix.watch': 20,
    'client.move': 40,
    'client.die': 6,
    'client.ahead': 25,
    'client.close': 6,
    'network.jitter': 10,
  },
  ops: [
    { at: 3000, do: 'slow', links: ['leader-2'], by: 150, for: 6000 },
    { at: 8000, do: 'reset', links: ['*-c*'] },
    { at: 10_000, do: 'crash', node: 'leader', for: 2000 },
    { at: 14_000, do: 'cut', links: ['3-c*'], for: 3000 },
  ],
  expect: { verdict: 'ok', writes: 100 },
});
