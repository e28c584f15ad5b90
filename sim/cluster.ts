/**
 * The servers of a run: their addresses, configurations and programs, made from the options of a schedule.
 *
 * Servers 1..nodes vote, then come observers, then spares that wait to be taken in by a reconfiguration. Clients are
 * hosts of their own (`workload.ts`).
 */

import { DEFAULT_CONFIG } from '../core/config/defaults.ts';
import { formatServer } from '../core/config/membership.ts';
import type { Membership, PeerConfig, ServerSpec } from '../core/config/types.ts';
import type { Address } from '../core/io.ts';
import { asPeer, ZXID_ZERO } from '../core/types.ts';
import { diskAfter, genesisOf } from './genesis.ts';
import type { RunOptions, Settings, Swarm } from './schedule.ts';
import { type PeerRunner, peerProgram } from './server.ts';
import type { DiskImage, HostId, Identity, Program, Ratio, World } from './world/types.ts';

export const CLIENT_PORT = 2181;
const QUORUM_PORT = 2888;
const ELECTION_PORT = 3888;

/** `super:vivarium` as the administrator of the simulated ensemble signs in. */
export const SUPER_AUTH = 'super:vivarium';
const SUPER_DIGEST = 'super:hlLz5BRJjJmor2SDUfv6APAi42E=';

/** What every simulated server has unless its schedule says otherwise: the defaults, but with limits a short run reaches. */
export const SIMULATED: Settings = {
  tickTimeMs: 500,
  initLimitTicks: 10,
  syncLimitTicks: 5,
  minSessionTimeoutMs: 1000,
  maxSessionTimeoutMs: 60_000,
  maxClientCnxns: 0,
  cnxTimeoutMs: 1000,
  electionMaxNotificationMs: 5000,
  preAllocSizeKb: 16,
  snapCount: 200,
  commitLogCount: 100,
  containerCheckIntervalMs: 5000,
  superDigest: SUPER_DIGEST,
  fourLetterWords: 'all',
};

export interface ClusterOptions {
  readonly options: RunOptions;
  readonly swarm: Swarm;
  readonly runner: PeerRunner;
  /** TLS asks for certificates, and leaves it to the servers what to make of those who show none. */
  readonly isLenient?: boolean;
}

export class Cluster {
  /** The configuration at the start: voters and observers. */
  readonly membership: Membership;
  readonly voters: readonly HostId[];
  readonly observers: readonly HostId[];
  readonly spares: readonly HostId[];
  readonly #options: ClusterOptions;
  readonly #settings = new Map<HostId, Settings>();

  constructor(options: ClusterOptions) {
    const { nodes, observers, spares } = options.options;
    this.#options = options;
    this.voters = range(1, nodes);
    this.observers = range(nodes + 1, observers);
    this.spares = range(nodes + observers + 1, spares);
    this.membership = {
      version: ZXID_ZERO,
      servers: [
        ...this.voters.map((id) => specOf(id, 'participant')),
        ...this.observers.map((id) => specOf(id, 'observer')),
      ],
      groups: null,
      weights: [],
    };
  }

  get servers(): readonly HostId[] {
    return [...this.voters, ...this.observers, ...this.spares];
  }

  /** Puts the servers into the world; spares stay off. */
  addTo(world: World): void {
    const { swarm, options } = this.#options;
    for (const id of this.servers) {
      const clock = world.stream(`clock/${id}`);
      const ppm = Math.round(swarm['clock.drift']);
      const offset = Math.round(swarm['clock.offset']);
      const wallMs = EPOCH_MS + clock.between(-offset, offset);
      world.addHost({
        id,
        program: this.program(id),
        startAtUs: null,
        clock: { rate: rateOf(clock.between(-ppm, ppm)), wallMs, monoMs: clock.between(1000, 1_000_000) },
        ...(this.#options.isLenient === true ? { wantsCertificate: ['quorum'] as const } : {}),
        ...(options.tls ? { identity: identityOf(id), dialsTls: ['election', 'quorum'] as const } : {}),
      });
      const delayUs = clock.between(0, 300_000);
      const near = Math.round(swarm['genesis.near']);
      if (near > 0 && this.voters.includes(id)) this.#giveDisk(world, id, diskAfter(genesisOf(near)));
      else if (options.settings.dbAutocreate === false) this.#declareNew(world, id);
      if (!this.spares.includes(id)) world.start(id, { delayUs });
    }
  }

  /** Where db.autocreate is off, the administrator says of an empty directory that it may be one (`zkServer-initialize.sh`). */
  #declareNew(world: World, id: HostId): void {
    const initialize = { path: 'data/initialize', size: 0, bytes: new Uint8Array(0) };
    this.#giveDisk(world, id, { directories: ['data', 'log'], files: [initialize] });
  }

  #giveDisk(world: World, id: HostId, image: DiskImage): void {
    const { budget } = world;
    const { unrestricted } = budget;
    budget.unrestricted = true;
    world.restoreDisk(id, image);
    budget.unrestricted = unrestricted;
    budget.repaired(id);
  }

  /** The program of a server, from its next start on with other settings if given. */
  program(id: HostId, settings: Settings | null = null): Program {
    if (settings !== null) this.#settings.set(id, { ...this.#settings.get(id), ...settings });
    return peerProgram(this.#options.runner, this.configOf(id), SESSION_SECRET);
  }

  configOf(id: HostId): PeerConfig {
    const { options, swarm } = this.#options;
    const isSpare = this.spares.includes(id);
    const isObserver = this.observers.includes(id) || isSpare;
    // A newcomer starts as an observer of the ensemble it knows; the reconfiguration makes it a voter.
    const membership = isSpare
      ? { ...this.membership, servers: [...this.membership.servers, specOf(id, 'observer')] }
      : this.membership;
    const isAstray = id <= swarm['servers.astray'];
    const alone = options.nodes + options.observers + options.spares === 1;
    return {
      ...DEFAULT_CONFIG,
      ...SIMULATED,
      reconfigEnabled: options.spares > 0,
      ...options.settings,
      ...this.#settings.get(id),
      sslQuorum: options.tls,
      myid: asPeer(id),
      membership: alone ? null : isAstray ? astray(membership, id) : membership,
      ...(isAstray ? { quorumListenOnAllIPs: true } : {}),
      peerType: isObserver ? 'observer' : 'participant',
      clientAddress: addressOf(id, CLIENT_PORT),
    };
  }

  /** Where clients may connect; to spares too, which may be all that is left in the end. */
  clientAddresses(): Address[] {
    return this.servers.map((id) => addressOf(id, CLIENT_PORT));
  }

  /** `newMembers` of a reconfiguration. */
  membersText(members: readonly HostId[]): string {
    return members.map((id) => `server.${id}=${formatServer(specOf(id, 'participant'))}`).join(',');
  }
}

const EPOCH_MS = 1_767_225_600_000;
const SESSION_SECRET = Uint8Array.from({ length: 32 }, (_, index) => (index * 37 + 11) & 0xff);

const range = (first: number, count: number): HostId[] => Array.from({ length: count }, (_, index) => first + index);
export const ipOf = (id: HostId): string => `10.0.0.${id}`;
const addressOf = (id: HostId, port: number): Address => ({ host: ipOf(id), port });

/** The world takes ratios of numbers up to 10,000. */
const rateOf = (ppm: number): Ratio => ({ num: RATE_DEN + Math.round((ppm * RATE_DEN) / 1_000_000), den: RATE_DEN });
const RATE_DEN = 5000;

/** As the server itself is configured: with an address of its own that means something only where it stands (ZOOKEEPER-2164). */
const astray = (membership: Membership, own: HostId): Membership => ({
  ...membership,
  servers: membership.servers.map((spec) =>
    spec.id === own ? { ...spec, addresses: [{ ...spec.addresses[0]!, host: `192.168.0.${own}` }] } : spec,
  ),
});

function specOf(id: HostId, role: 'participant' | 'observer'): ServerSpec {
  return {
    id: asPeer(id),
    addresses: [{ host: ipOf(id), quorumPort: QUORUM_PORT, electionPort: ELECTION_PORT }],
    role,
    client: addressOf(id, CLIENT_PORT),
    secureClient: null,
  };
}

const identityOf = (id: HostId): Identity => ({ certificate: Uint8Array.of(0x30, 0x01, id) });
