/** One address of an upstream's target: the connections to it, its attempts in flight, and its health. */
import type { EndpointSnapshot } from '../core/inspect.js';
import type { Target } from '../core/model.js';
import type { HttpClient } from '../outbound/client.js';
import type { Destination } from '../outbound/destination.js';
import type { Balanced } from './balance/balancer.js';
import type { Discovered } from './discovery/discovery.js';
import type { EndpointHealth } from './health/endpoint-health.js';

/** What HTTP calls the target (RFC 9110, section 7.2): without the port where it is the default of the scheme. */
export function hostOf({ protocol, host, port, socketPath }: Target): string {
  if (socketPath !== undefined) return 'localhost';
  const name = host.includes(':') ? `[${host}]` : host;
  const isDefault = port === (protocol === 'https:' ? 443 : 80);
  return isDefault ? name : `${name}:${port}`;
}

/** What an endpoint tells the set that it is in. */
export interface EndpointOwner {
  onReport(endpoint: Endpoint, isFailure: boolean, beganMs: number): void;
  onUnreachable(): void;
  /** The last attempt of an endpoint that is leaving has ended. */
  onLeft(endpoint: Endpoint): void;
}

export class Endpoint implements Destination, Balanced {
  readonly address: string;
  readonly weight: number;
  readonly target: string;
  readonly authority: string;
  readonly client: HttpClient;
  readonly health: EndpointHealth;
  /** Of a call that has tried only this one; made once. */
  readonly asTried: readonly string[];
  readonly #owner: EndpointOwner;
  /** Shared with the endpoint that a reload has put in its place. */
  readonly #load: { active: number };
  #isLeaving = false;

  /** @param previous the endpoint of that address before a reload. */
  constructor(
    { address, weight, target }: Discovered,
    client: HttpClient,
    health: EndpointHealth,
    owner: EndpointOwner,
    previous: Endpoint | undefined,
  ) {
    this.address = address;
    this.weight = weight;
    this.target = target.href;
    this.authority = hostOf(target);
    this.client = client;
    this.health = health;
    this.asTried = [address];
    this.#owner = owner;
    this.#load = (previous && previous.#load) ?? { active: 0 };
  }

  get active(): number {
    return this.#load.active;
  }

  shareAt(nowMs: number): number {
    return this.health.shareAt(nowMs);
  }

  begin(): void {
    this.#load.active += 1;
  }

  end(): void {
    this.#load.active -= 1;
    if (this.#isLeaving && this.#load.active === 0) this.#owner.onLeft(this);
  }

  report(isFailure: boolean, beganMs: number): void {
    this.#owner.onReport(this, isFailure, beganMs);
  }

  onUnreachable(): void {
    this.#owner.onUnreachable();
  }

  describe(nowMs: number): EndpointSnapshot {
    const { address, target, weight, active, health } = this;
    const { consecutiveFailures } = health;
    const state = this.#isLeaving ? 'leaving' : health.state;
    const backInMs = this.#isLeaving ? 0 : health.backInMs(nowMs);
    return { address, target, weight, state, active, consecutiveFailures, backInMs };
  }

  /** Its address is gone: no further attempts, and its idle connections close. */
  leave(): void {
    this.#isLeaving = true;
    this.client.release();
    if (this.#load.active === 0) this.#owner.onLeft(this);
  }
}
