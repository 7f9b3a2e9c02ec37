/** The endpoints of an upstream, and which of them an attempt goes to. */
import type { Attempt } from '../core/attempt.js';
import type { EndpointChoice } from '../core/call.js';
import type { Clock, Random } from '../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS } from '../core/errors.js';
import type { EmitOf } from '../core/events.js';
import type { EndpointSnapshot, InspectableEndpoints } from '../core/inspect.js';
import type { TlsOptions, WeightedTarget } from '../core/model.js';
import type { HttpClient, OpenClient } from '../outbound/client.js';
import type { Destinations } from '../outbound/destination.js';
import type { Protocol } from '../outbound/options.js';
import type { Names } from '../outbound/names/names.js';
import type { Balancer } from './balance/balancer.js';
import { createBalancer } from './balance/create-balancer.js';
import type { BalanceOptions } from './balance/options.js';
import { Discovery, type Discovered } from './discovery/discovery.js';
import type { ResolveOptions } from './discovery/options.js';
import { waitForAddress } from './discovery/wait.js';
import { EndpointChecks } from './endpoint-checks.js';
import { Endpoint, type EndpointOwner } from './endpoint.js';
import { HealthWatch } from './health/health-watch.js';
import type { HealthOptions } from './health/options.js';
import type { EndpointEvent } from './instruments.js';

export interface EndpointSetOptions extends HealthOptions {
  /** Of the upstream, for messages. */
  readonly name: string;
  readonly targets: readonly WeightedTarget[];
  readonly tls: TlsOptions | undefined;
  readonly protocol: Protocol;
  readonly resolve: ResolveOptions;
  readonly balance: BalanceOptions;
  /** ms until the opening of a connection is given up; 0 for the limit that the system commonly has. */
  readonly connectTimeoutMs: number;
  readonly maxHeaderSize: number;
}

export interface EndpointSetContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly names: Names;
  readonly openClient: OpenClient;
  readonly emit: EmitOf<EndpointEvent>;
}

export class EndpointSet
  implements Destinations, EndpointChoice, EndpointOwner, InspectableEndpoints
{
  readonly target: string;
  readonly #options: EndpointSetOptions;
  readonly #context: EndpointSetContext;
  readonly #discovery: Discovery;
  readonly #balancer: Balancer<Endpoint>;
  readonly #checks: EndpointChecks | undefined;
  readonly #watch: HealthWatch;
  #endpoints: ReadonlyMap<string, Endpoint> = new Map();
  readonly #leaving = new Set<Endpoint>();
  /** Those that attempts may go to: the available ones, or, where there is none, all that are not drained. */
  #candidates: readonly Endpoint[] = [];
  #isPanicking = false;
  #hasPanicked = false;
  /** There were endpoints before: further ones are new. */
  #isSettled = false;

  /** @param previous the set before a reload: its endpoints go on by their addresses. It starts nothing from then on. */
  constructor(
    options: EndpointSetOptions,
    context: EndpointSetContext,
    previous: EndpointSet | undefined,
  ) {
    const { clock, names, emit, random } = context;
    this.#options = options;
    this.#context = context;
    this.target = options.targets.map(({ target }) => target.href).join(', ');
    this.#balancer = createBalancer(options.balance, random);
    const onChange = (): void => this.#update();
    this.#watch = new HealthWatch(options, { clock, emit, onChange });
    const known = previous === undefined ? new Set<string>() : previous.#discovery.known;
    this.#discovery = new Discovery(
      options.targets,
      options.resolve,
      { clock, names, emit, onChange },
      known,
    );
    this.#checks =
      options.healthCheck === 'off'
        ? undefined
        : new EndpointChecks(options.healthCheck, options, context, this.#onCheck);
    this.#update(previous);
    // What it has not handed over is gone.
    previous?.retire();
    // Checks do not wait for the first call.
    if (options.healthCheck !== 'off' && this.#endpoints.size === 0) void this.#discovery.find();
  }

  choose(attempt: Attempt, nowMs: number): Endpoint | undefined {
    if (this.#discovery.isDynamic) this.#discovery.touch(nowMs);
    const { call } = attempt;
    const candidates = this.#candidates;
    const endpoint = candidates.length === 1 ? candidates[0] : this.#balancer.pick(call, nowMs);
    if (endpoint === undefined) return undefined;
    if (this.#isPanicking) this.#notePanic();
    call.endpoints = this;
    attempt.endpoint = endpoint.address;
    call.triedEndpoints =
      call.triedEndpoints.length === 0
        ? endpoint.asTried
        : [...call.triedEndpoints, endpoint.address];
    return endpoint;
  }

  wait(onEnd: (error?: Error) => void): () => void {
    return waitForAddress(
      this.#discovery,
      this.#options.connectTimeoutMs,
      this.#context.clock,
      onEnd,
    );
  }

  refusal(): CallError | undefined {
    if (this.#candidates.length > 0 || this.#endpoints.size === 0) return undefined;
    const { size } = this.#endpoints;
    const which = size === 1 ? 'its only endpoint is' : `all its ${size} endpoints are`;
    const message = `Cannot call ${this.#options.name} because ${which} drained`;
    return new CallError('no-endpoint', message, { retryAfterMs: DEFAULT_RETRY_AFTER_MS });
  }

  hasOther(tried: readonly string[]): boolean {
    return this.#candidates.some(({ address }) => !tried.includes(address));
  }

  list(): EndpointSnapshot[] {
    const nowMs = this.#context.clock.now();
    return [...this.#endpoints.values(), ...this.#leaving].map((each) => each.describe(nowMs));
  }

  /** Takes it out for a time, or until it is changed. @returns it as it is afterwards; undefined if it is unknown. */
  drain(address: string, forMs: number): EndpointSnapshot | undefined {
    return this.#set(address, (endpoint) => this.#watch.drain(endpoint.health, forMs));
  }

  /** Ends that. */
  undrain(address: string): EndpointSnapshot | undefined {
    return this.#set(address, (endpoint) => this.#watch.undrain(endpoint.health));
  }

  /** Looks nothing up and checks nothing any more; calls under way may go on. */
  retire(): void {
    this.#discovery.stop();
    this.#checks?.close();
    this.#watch.close();
  }

  /** Closes connections that no later configuration has taken over. */
  release(): void {
    this.retire();
    for (const { client } of this.#endpoints.values()) client.release();
  }

  /** Ends all connections at once; requests on them fail. */
  destroy(): void {
    this.retire();
    for (const { client } of [...this.#endpoints.values(), ...this.#leaving]) client.destroy();
  }

  // From the endpoints.

  onReport({ health }: Endpoint, isFailure: boolean, beganMs: number): void {
    this.#watch.report(health, isFailure, beganMs);
  }

  onUnreachable(): void {
    this.#discovery.nudge();
  }

  onLeft(endpoint: Endpoint): void {
    this.#leaving.delete(endpoint);
  }

  readonly #onCheck = (address: string, error: string | undefined): void => {
    const { healthCheck } = this.#options;
    const endpoint = this.#endpoints.get(address);
    if (endpoint === undefined || healthCheck === 'off') return;
    this.#watch.noteCheck(endpoint.health, error, healthCheck);
  };

  /** Takes over what discovery has found, and what is available of it. @param previous the set before a reload. */
  #update(previous?: EndpointSet): void {
    const before = this.#endpoints;
    const endpoints = new Map<string, Endpoint>();
    for (const found of this.#discovery.list()) {
      const known = before.get(found.address);
      endpoints.set(found.address, known ?? this.#create(found, previous));
    }
    this.#endpoints = endpoints;
    for (const endpoint of before.values()) {
      if (endpoints.get(endpoint.address) !== endpoint) this.#remove(endpoint);
    }
    if (endpoints.size > 0) this.#isSettled = true;
    const usable = [...endpoints.values()].filter(({ health }) => health.state !== 'drained');
    const available = usable.filter(({ health }) => health.state === 'available');
    this.#isPanicking = available.length === 0 && usable.length > 0;
    if (!this.#isPanicking) this.#hasPanicked = false;
    this.#candidates = this.#isPanicking ? usable : available;
    this.#balancer.update(this.#candidates);
  }

  #create(found: Discovered, previous: EndpointSet | undefined): Endpoint {
    const former = previous && previous.#endpoints.get(found.address);
    const client = this.#open(found, former && former.client);
    const health = former?.health ?? this.#watch.add(found.address, this.#isSettled);
    if (former !== undefined) this.#watch.adopt(former.health);
    const endpoint = new Endpoint(found, client, health, this, former);
    this.#checks?.start(found);
    return endpoint;
  }

  #open({ target, dialled }: Discovered, previous: HttpClient | undefined): HttpClient {
    const { tls, protocol, connectTimeoutMs, maxHeaderSize, resolve } = this.#options;
    const { maxAge: maxAgeMs } = resolve;
    return this.#context.openClient(
      { target, address: dialled, tls, protocol, connectTimeoutMs, maxHeaderSize, maxAgeMs },
      previous,
    );
  }

  #remove(endpoint: Endpoint): void {
    this.#checks?.stop(endpoint.address);
    this.#watch.remove(endpoint.health);
    this.#leaving.add(endpoint);
    endpoint.leave();
  }

  #set(address: string, change: (endpoint: Endpoint) => void): EndpointSnapshot | undefined {
    const endpoint = this.#endpoints.get(address);
    if (endpoint === undefined) return undefined;
    change(endpoint);
    return endpoint.describe(this.#context.clock.now());
  }

  #notePanic(): void {
    this.#context.emit({ type: 'endpoints-panicked', isNews: !this.#hasPanicked });
    this.#hasPanicked = true;
  }
}
