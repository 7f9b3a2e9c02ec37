/** The health checks of an upstream's endpoints, on connections of their own. */
import type { Clock, Random } from '../core/clock.js';
import type { TlsOptions } from '../core/model.js';
import type { OpenClient } from '../outbound/client.js';
import type { Protocol } from '../outbound/options.js';
import type { Names } from '../outbound/names/names.js';
import type { Discovered } from './discovery/discovery.js';
import { hostOf } from './endpoint.js';
import { createGrpcProbe } from './health/grpc-probe.js';
import type { LookUp } from './health/grpc-socket.js';
import { HealthChecks, type Probe, type Stop } from './health/health-checks.js';
import { createHttpProbe } from './health/http-probe.js';
import type { HealthCheckOptions } from './health/options.js';

export interface CheckedConnections {
  readonly tls: TlsOptions | undefined;
  readonly protocol: Protocol;
  readonly maxHeaderSize: number;
}

export interface EndpointChecksContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly names: Names;
  readonly openClient: OpenClient;
}

export class EndpointChecks {
  readonly #options: HealthCheckOptions;
  readonly #connections: CheckedConnections;
  readonly #context: EndpointChecksContext;
  readonly #checks: HealthChecks;
  /** By address. */
  readonly #probes = new Map<string, Probe>();
  readonly #stops = new Map<string, Stop>();

  /** @param onResult its error says why the check failed; undefined for a success. */
  constructor(
    options: HealthCheckOptions,
    connections: CheckedConnections,
    context: EndpointChecksContext,
    onResult: (address: string, error: string | undefined) => void,
  ) {
    const { clock, random } = context;
    this.#options = options;
    this.#connections = connections;
    this.#context = context;
    const probe: Probe = (address, done) => this.#probes.get(address)!(address, done);
    this.#checks = new HealthChecks(options, { clock, random, probe, onResult });
  }

  start(found: Discovered): void {
    const { address } = found;
    this.#probes.set(address, this.#createProbe(found));
    this.#stops.set(address, this.#checks.start(address));
  }

  stop(address: string): void {
    this.#stops.get(address)?.();
    this.#stops.delete(address);
    this.#probes.delete(address);
  }

  close(): void {
    this.#checks.close();
  }

  #createProbe({ target, dialled }: Discovered): Probe {
    const { grpc, path, statuses, timeout } = this.#options;
    const { tls, protocol, maxHeaderSize } = this.#connections;
    const authority = hostOf(target);
    if (grpc !== undefined) {
      return createGrpcProbe({ target, tls, authority, service: grpc, lookUp: this.#lookUp });
    }
    const client = { target, address: dialled, tls, protocol, maxHeaderSize };
    const open = () =>
      this.#context.openClient({ ...client, connectTimeoutMs: timeout, maxAgeMs: 'off' });
    return createHttpProbe({ path: path ?? '/', statuses, authority, open });
  }

  readonly #lookUp: LookUp = (name, done) => {
    this.#context.names.get(name).find((error, [first]) => done(error, first?.address ?? ''));
  };
}
