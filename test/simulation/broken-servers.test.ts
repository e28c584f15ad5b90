/**
 * Promises that only a whole run can break. Each server here is our own, wrapped in something that breaks one rule from the
 * outside, and the property that must notice it is named. (Mutants of the source are in test/mutants.)
 */

import { describe, expect, test } from 'vitest';
import { DEFAULT_CONFIG } from '../../core/config/defaults.ts';
import type { Effect, Input } from '../../core/io.ts';
import { asPeer, asZxid, type ConnId, type Now, zxidOf } from '../../core/types.ts';
import { Packet } from '../../core/wire/opcodes.ts';
import { divergentTail } from '../../scenarios/divergent-tail.ts';
import { CommittedHistory } from '../../sim/checkers/committed.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { checkRecovery } from '../../sim/checkers/recovery.ts';
import { run } from '../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, SCHEDULE_FORMAT, type Schedule } from '../../sim/schedule.ts';
import { type PeerHost, type PeerRunner, runRaw } from '../../sim/server.ts';
import { clientHost } from '../../sim/workload.ts';
import type { HostEmit, HostInput } from '../../sim/world/types.ts';
import { collect } from '../unit/sim/collect.ts';

const SHORT: Schedule = {
  format: SCHEDULE_FORMAT,
  commit: '',
  seed: 'broken',
  profile: 'test',
  options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 2, duration: 3000, settle: 4000 },
  swarm: { ...CALM, 'workload.rate': 20 },
  ops: [],
};

/** How a wrapper may meddle with a step. */
interface Meddling {
  /** Instead of the step. */
  around?(host: PeerHost, now: Now, input: Input, emit: (effect: Effect) => void): void;
  /** Instead of one effect. */
  effect?(effect: Effect, emit: (effect: Effect) => void): void;
}

/** Our own server, started like any other, with somebody between it and the world. */
function meddled(make: (id: number) => Meddling): PeerRunner {
  return (config, secrets, now, emit) => {
    const { around, effect } = make(config.myid);
    const through =
      (out: HostEmit): HostEmit =>
      (value) =>
        effect === undefined ? out(value) : effect(value as Effect, out);
    const inner = runRaw(config, secrets, now, through(emit));
    return {
      peer: inner.peer,
      nextDeadline: () => inner.nextDeadline(),
      step: (at: Now, input: HostInput, out: HostEmit) => {
        if (around === undefined) inner.step(at, input, through(out));
        else around(inner, at, input as Input, through(out));
      },
    };
  };
}

const broken = (runner: PeerRunner, schedule = SHORT): PropertyId[] =>
  run(schedule, { runner }).violations.map(({ property }) => property);

describe('a broken server is noticed', () => {
  test('the wrapper alone breaks nothing', () => {
    expect(broken(meddled(() => ({})))).toEqual([]);
  });

  test('no-exception', () => {
    const runner = meddled(() => ({
      around: (host, now, input, emit) => {
        if (input.type === 'connBytes') throw new Error('out of order');
        host.step(now, input, emit as HostEmit);
      },
    }));
    expect(broken(runner)).toEqual(['no-exception']);
  });

  test('no-unexplained-halt', () => {
    const runner = meddled((id) => ({
      around: (host, now, input, emit) => {
        host.step(now, input, emit as HostEmit);
        if (id === 2 && input.type === 'connBytes') emit({ type: 'halt', reason: 'had enough' });
      },
    }));
    expect(broken(runner)).toContain('no-unexplained-halt');
  });

  test('durable-before-ack: somebody says that a file is synced, and it is not', () => {
    const runner = meddled(() => {
      const lies: Input[] = [];
      return {
        effect: (effect, emit) => {
          if (effect.type === 'file' && effect.action.kind === 'fsync' && effect.action.path.includes('/log.')) {
            const { op, generation } = effect;
            lies.push({ type: 'fileDone', op, generation, result: { ok: true } });
          } else emit(effect);
        },
        around: (host, now, input, emit) => {
          host.step(now, input, emit as HostEmit);
          for (let lie = lies.shift(); lie !== undefined; lie = lies.shift()) host.step(now, lie, emit as HostEmit);
        },
      };
    });
    const found = broken(runner);
    expect(found.length).toBeGreaterThan(0);
    for (const property of found) expect(['durable-before-ack', 'committed-by-quorum']).toContain(property);
  });

  test('process-consistency: who was told to cut its log is told that all is well', () => {
    const runner = meddled(() => ({
      effect: (effect, emit) => {
        if (effect.type !== 'send' || effect.bytes[3] !== Packet.TRUNC || effect.bytes.length < 20) return emit(effect);
        const bytes = effect.bytes.slice();
        bytes[3] = Packet.DIFF;
        emit({ ...effect, bytes });
      },
    }));
    expect(broken(runner, divergentTail.schedule)).toContain('process-consistency');
  });

  test('bounded-queues: a state that only grows', () => {
    const runner = meddled(() => {
      const hoard: number[] = [];
      return {
        around: (host, now, input, emit) => {
          host.step(now, input, emit as HostEmit);
          for (let i = 0; i < 100; i++) hoard.push(i);
          Object.assign(host.peer.state, { hoard });
        },
      };
    });
    expect(broken(runner)).toContain('bounded-queues');
  });

  test('liveness: nobody takes part in elections', () => {
    const runner = meddled(() => ({
      around: (host, now, input, emit) => {
        if (input.type !== 'connBytes') host.step(now, input, emit as HostEmit);
      },
    }));
    expect(broken(runner)).toEqual(['liveness']);
  });

  test('liveness: one client is never answered, and the schedule asks for every client to be served', () => {
    const runner = meddled(() => {
      const unheard = new Set<ConnId>();
      return {
        around: (host, now, input, emit) => {
          if (input.type === 'connOpened' && input.remote.ip === CLIENT_1_IP) unheard.add(input.conn);
          if (input.type !== 'connBytes' || !unheard.has(input.conn)) host.step(now, input, emit as HostEmit);
        },
      };
    });
    expect(broken(runner)).toEqual([]);
    const served = { ...SHORT, swarm: { ...SHORT.swarm, 'client.served': 1 } };
    expect(run(served, { runner }).violations.map(({ property, message }) => `${property} ${message}`)).toEqual([
      expect.stringContaining('liveness client-unserved'),
    ]);
  });

  test('peer-authenticated: somebody without a certificate is taken for one who has shown one', () => {
    const knock: Schedule = {
      ...SHORT,
      options: { ...SHORT.options, tls: true },
      ops: [{ id: 1, at: 1500, do: 'knock', node: 2, as: 1, tls: true }],
    };
    expect(
      broken(
        meddled(() => ({})),
        knock,
      ),
    ).toEqual([]);
    const runner = meddled(() => {
      let stolen: Uint8Array | null = null;
      return {
        around: (host, now, input, emit) => {
          if (input.type !== 'connOpened') return host.step(now, input, emit as HostEmit);
          const { remote } = input;
          stolen ??= remote.certificate;
          host.step(now, { ...input, remote: { ...remote, certificate: stolen } }, emit as HostEmit);
        },
      };
    });
    expect(broken(runner, knock)).toContain('peer-authenticated');
  });

  test('convergence: one server keeps something to itself', () => {
    // Without a load the only transactions are the sessions of the clients.
    const idle = { ...SHORT, swarm: { ...SHORT.swarm, 'workload.rate': 0 } };
    const runner = meddled((id) => {
      let kept = false;
      return {
        around: (host, now, input, emit) => {
          host.step(now, input, emit as HostEmit);
          const { log, tree } = host.peer.heap;
          if (kept || id !== 1 || log.last !== tree.lastZxid || now.wallMs - FIRST_WALL_MS < 2000) return;
          kept = true;
          log.push({ zxid: asZxid(log.last + 1), bytes: log.get(log.length - 1).bytes });
        },
      };
    });
    expect(broken(runner, idle)).toEqual(['convergence']);
  });
});

/** Where client 1 calls from: see `ip` in sim/world/types.ts. */
const CLIENT_1_IP = `10.0.${clientHost(1) >> 8}.${clientHost(1) & 255}`;

/** 2026-01-01, when every simulated wall clock begins. */
const FIRST_WALL_MS = 1_767_225_600_000;

describe('recovery', () => {
  const ZXID = zxidOf(1, 1);
  const history = new CommittedHistory({ event: 1, heldByQuorum: () => true, appended: () => {} }, () => {});
  history.onPropose(1, ZXID, Uint8Array.of(1), asZxid(0));
  history.onCommit(1, ZXID, Uint8Array.of(1));
  const config = { ...DEFAULT_CONFIG, myid: asPeer(1) };
  const test1 = { host: 1, config, history, unrestricted: false, treeDigestAt: () => null };
  const empty = { directories: ['data', 'log'], files: [] };

  test('fires when what the disk holds is not recovered', () => {
    const { report, ids, found } = collect();
    checkRecovery({ ...test1, image: empty, isDurable: () => true }, report);
    expect(ids()).toEqual(['recovery']);
    expect(found[0]?.message).toContain('recovers without 0x100000001');
  });

  test('fires when the server does not start', () => {
    const bytes = Uint8Array.from('not a snapshot', (c) => c.charCodeAt(0));
    const files = [{ path: 'data/version-2/snapshot.0', size: bytes.length, bytes }];
    const { report, ids } = collect();
    checkRecovery({ ...test1, image: { ...empty, files }, isDurable: () => false }, report);
    expect(ids()).toEqual(['recovery']);
  });

  test('is silent when nothing was there to recover', () => {
    const { report, ids } = collect();
    checkRecovery({ ...test1, image: empty, isDurable: () => false }, report);
    expect(ids()).toEqual([]);
  });
});
