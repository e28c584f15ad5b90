import { scenario } from './story.ts';

export const restlessClients = scenario({
  name: 'restless-clients',
  title: 'clients that never stay on one server, over links that break',
  story: `Goal: a session sees one history, whatever server it is at. Method: every few requests a client changes
servers, dies, or comes back with its session and the highest zxid it has seen, often to a server that lags behind the
one it left; one follower is 150 ms behind the leader; all client connections are reset at once; the leader dies. Why
it is nasty: order, watches and the own writes of a session must survive every change, a lagging server must refuse a
client rather than show it its own past, and two servers may think for a moment that they have the same session.`,
  options: { nodes: 3, observers: 1, clients: 5, duration: 10_000, settings: { tickTimeMs: 300 } },
  swarm: {
    'workload.rate': 15,
    'workload.session': 3000,
    'mix.watch': 20,
    'client.move': 40,
    'client.die': 6,
    'client.ahead': 25,
    'client.close': 6,
    'network.jitter': 3,
  },
  ops: [
    { at: 2000, do: 'slow', links: ['leader-1'], by: 150, for: 5000 },
    { at: 4000, do: 'reset', links: ['*-c*'] },
    { at: 5000, do: 'crash', node: 'leader', for: 1500 },
  ],
  decisive: 3,
  expect: {
    verdict: 'ok',
    marks: ['session.expired'],
    tells: ['connections on *-c* are reset', 'leads epoch 2'],
    writes: 40,
  },
});
