/** The upstreams of the configuration in force, and the step from one configuration's to the next. */
import { createHash, randomUUID } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { Clock, Random } from '../core/clock.js';
import type { InspectableScope, InspectableUpstream, OrderSettings } from '../core/inspect.js';
import { NeedsMemo } from '../core/layers.js';
import type { PolicyList } from '../core/policy.js';
import type { Store } from '../core/store.js';
import { routeAllTo, routeByPrefix, type Router } from '../inbound/router.js';
import type { Sink } from '../telemetry/bus.js';
import type { UpstreamContext } from '../upstream/upstream-options.js';
import { Upstream } from '../upstream/upstream.js';
import { SHARED } from './addresses.js';

export interface UpstreamSetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Outermost first. */
  readonly policies: PolicyList;
  readonly names: UpstreamContext['names'];
  readonly openClient: UpstreamContext['openClient'];
  /** A call failed because this process is out of descriptors, ports or memory. */
  readonly onShortage: UpstreamContext['onShortage'];
}

const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('base64url');

export class UpstreamSet {
  readonly #options: UpstreamSetOptions;
  readonly #needs: NeedsMemo<PolicyList>;
  #upstreams: ReadonlyMap<string, Upstream> = new Map();
  /** Of all upstreams: a scrape walks them several times. */
  #scopes: readonly InspectableScope[] = [];

  constructor(options: UpstreamSetOptions) {
    this.#options = options;
    this.#needs = new NeedsMemo(options.policies);
  }

  /** An upstream's own scope comes before its routes'. */
  scopes(): readonly InspectableScope[] {
    return this.#scopes;
  }

  inspect(): InspectableUpstream[] {
    return [...this.#upstreams.values()].map((upstream) => upstream.inspect());
  }

  /**
   * Makes the upstreams of a configuration, which keep the state of the previous ones. Retire the previous ones when
   * listeners use the new ones.
   * @param bus where their events go.
   * @returns the previous upstreams.
   */
  replace(config: Config, store: Store, bus: Sink): ReadonlyMap<string, Upstream> {
    const before = this.#upstreams;
    // Not filled later on: calls under way fall back within the configuration that they began with.
    const upstreams = new Map<string, Upstream>();
    const context = this.#context(config, store, upstreams, bus);
    for (const options of config.upstreams) {
      const { name } = options;
      upstreams.set(name, new Upstream(options, context, before.get(name)));
    }
    this.#upstreams = upstreams;
    this.#listScopes();
    return before;
  }

  readonly order: OrderSettings = ({ policy, upstream, route, settings, forMs }) => {
    const found = this.#upstreams.get(upstream);
    if (found === undefined) return 'upstream';
    if (!found.order(policy, route, settings, forMs)) return 'route';
    this.#listScopes();
    return undefined;
  };

  #listScopes(): void {
    this.#scopes = [...this.#upstreams.values()].flatMap((each) => each.scopes());
  }

  /**
   * Takes no new calls into the upstreams that a reload has replaced.
   * @param leave takes the function that ends the tunnels of a removed upstream.
   */
  retire(before: ReadonlyMap<string, Upstream>, leave: (closeTunnels: () => void) => void): void {
    for (const [name, upstream] of before) {
      upstream.retire();
      if (!this.#upstreams.has(name)) leave(() => upstream.closeTunnels());
    }
  }

  /** The router behind each listener, by the listener's name. */
  routers(config: Config, bus: Sink): (name: string) => Router {
    const prefixes = new Map<string, Upstream>();
    for (const { name, prefix } of config.upstreams) {
      if (prefix !== undefined) prefixes.set(prefix, this.#upstreams.get(name)!);
    }
    const shared = routeByPrefix(prefixes, bus.scope('', ''));
    return (name) => (name === SHARED ? shared : routeAllTo(this.#upstreams.get(name)!));
  }

  /** Ends all tunnels and connections; calls that still use them fail. */
  async close(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()));
  }

  /** @param siblings all upstreams of that configuration, once they are made. */
  #context(
    { limits }: Config,
    store: Store,
    siblings: ReadonlyMap<string, Upstream>,
    bus: Sink,
  ): UpstreamContext {
    return {
      ...this.#options,
      needs: this.#needs,
      findUpstream: (name) => siblings.get(name)!,
      emitFor: (upstream, route) => bus.scope(upstream, route),
      onOrderEnd: () => this.#listScopes(),
      maxHeaderSize: limits.maxHeaderSize,
      store,
      hash,
      createToken: randomUUID,
    };
  }
}
