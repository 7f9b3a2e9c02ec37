/** The real proxy on virtual time: the upstreams of a configuration, between callers and servers that are simulated. */
import { UpstreamSet } from '../app/upstream-set.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../core/clock.js';
import type { InspectableScope, InspectableUpstream } from '../core/inspect.js';
import { ClientGoneError } from '../core/errors.js';
import type { Target } from '../core/model.js';
import { Exchange } from '../inbound/exchange.js';
import type { ExchangeContext } from '../inbound/exchange-context.js';
import { Problems } from '../inbound/problem.js';
import { createRequestIds } from '../inbound/request-id.js';
import type { Router } from '../inbound/router.js';
import { Roster } from '../lib/roster.js';
import type { ClientOptions } from '../outbound/client.js';
import type { Lookup } from '../outbound/names/lookup.js';
import { Names } from '../outbound/names/names.js';
import { policies } from '../policies/index.js';
import { MemoryStore } from '../stores/memory.js';
import type { Sink } from '../telemetry/bus.js';
import { Caller, type CallerRequest, type CallerResponse } from './caller.js';
import { seeded } from './chance.js';
import { SimulatedClient } from './client.js';
import type { SimulatedServer } from './server.js';

/** Where an upstream is called. */
export interface Place {
  readonly upstream: string;
  /** An IP address, or the path of a socket; undefined where connections go to all addresses of a name in turn. */
  readonly address: string | undefined;
  readonly target: Target;
}

export interface SimulatedProxyOptions {
  readonly clock: Clock;
  /** Of all chance of the policies. */
  readonly seed: number;
  /** The server behind an endpoint; asked once for each. */
  readonly serverAt: (place: Place) => SimulatedServer;
  /** The addresses of the names in targets. */
  readonly lookup: Lookup;
  /** Hears of all that happens, as telemetry does. */
  readonly sink: Sink;
  /** As that of an exchange. */
  readonly refuse?: ExchangeContext['refuse'];
}

/** The memory store where the configuration names a store that a simulation does not have. */
const STORE_BYTES = 64 * 1024 * 1024;

/** Of all simulations: request ids are the same in each run. */
const REQUEST_IDS = '00000000-0000-4000-8000-000000000000';

/**
 * Everything from the head of a request to its response is the code of the program: routing, exchange, policies,
 * endpoints, balancing, and the responses of Breakwater's own. Health checks are off, stores are in memory, and there is
 * no overload.
 */
export class SimulatedProxy {
  readonly #upstreams: UpstreamSet;
  readonly #routerOf: (upstream: string) => Router;
  readonly #routers = new Map<string, Router>();
  readonly #exchanges: ExchangeContext;

  constructor(config: Config, options: SimulatedProxyOptions) {
    const { clock, seed, serverAt, lookup, sink, refuse } = options;
    const upstreamOf = new Map<Target, string>();
    for (const { name, targets } of config.upstreams) {
      for (const { target } of targets) upstreamOf.set(target, name);
    }
    const openClient = ({ target, address }: ClientOptions) =>
      new SimulatedClient(serverAt({ upstream: upstreamOf.get(target)!, address, target }));
    const names = new Names(clock, lookup);
    const random = seeded(seed);
    this.#upstreams = new UpstreamSet({
      clock,
      random,
      policies,
      names,
      openClient,
      onShortage: () => {},
    });
    const simulated = withoutHealthChecks(config);
    const { stores, limits } = config;
    const sizes =
      stores.kind === 'memory' ? stores : { maxBytes: STORE_BYTES, maxRecordBytes: STORE_BYTES };
    this.#upstreams.replace(simulated, new MemoryStore({ ...sizes, clock }), sink);
    this.#routerOf = this.#upstreams.routers(simulated, sink);
    this.#exchanges = {
      clock,
      createRequestId: createRequestIds(REQUEST_IDS),
      problems: new Problems(),
      bodyIdleMs: limits.bodyIdle,
      maxRequestBody: limits.maxRequestBody,
      refuse,
      tracer: undefined,
      onRefused: () => {},
      isDraining: () => false,
      running: new Roster(),
    };
  }

  /**
   * A request comes to the listener of an upstream.
   * @param request its path is the one below the upstream's `prefix`.
   * @param onResponse as that of `Caller`.
   */
  send(
    upstream: string,
    request: CallerRequest,
    onResponse: (response: CallerResponse) => void,
  ): Caller {
    const caller = new Caller(request, onResponse);
    const routed = this.#routerFor(upstream).route(request.method, request.target);
    new Exchange(caller, routed, this.#exchanges).start();
    return caller;
  }

  #routerFor(upstream: string): Router {
    let router = this.#routers.get(upstream);
    if (router === undefined) this.#routers.set(upstream, (router = this.#routerOf(upstream)));
    return router;
  }

  /** The route that a request would take; empty where it takes none. */
  routeOf(upstream: string, method: string, target: string): string {
    return this.#routerFor(upstream).route(method, target).scope.route;
  }

  /** Exchanges under way. */
  get running(): number {
    return this.#exchanges.running.size;
  }

  /** All callers that are still waiting hang up. */
  hangUpAll(): void {
    for (const exchange of this.#exchanges.running) {
      exchange.cancel(new ClientGoneError(499, 'Cannot respond because the simulation ends'));
    }
  }

  /** As the admin server sees it. */
  scopes(): readonly InspectableScope[] {
    return this.#upstreams.scopes();
  }

  /** As the admin server sees it. */
  inspect(): readonly InspectableUpstream[] {
    return this.#upstreams.inspect();
  }
}

function withoutHealthChecks(config: Config): Config {
  const upstreams = config.upstreams.map((each) => ({ ...each, healthCheck: 'off' as const }));
  return { ...config, upstreams };
}
