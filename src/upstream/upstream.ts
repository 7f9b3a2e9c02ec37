/** One upstream at run time: its connections, and a pipeline for itself and for each of its routes. */
import type { Call } from '../core/call.js';
import { CallError, type CallFailure } from '../core/errors.js';
import { isAttemptFinished, type AttemptFinished, type Emit, type Event } from '../core/events.js';
import type { InspectableScope, InspectableUpstream } from '../core/inspect.js';
import {
  createLayers,
  isShownAtOnce,
  listLayers,
  listRequestFields,
  listResponseFields,
  needsOf,
  ownLayers,
  type Layers,
} from '../core/layers.js';
import type { Off } from '../core/options.js';
import { compose, type CallStage } from '../core/pipeline.js';
import { RouteTable } from '../lib/path-tree.js';
import { createDispatch } from '../outbound/dispatch.js';
import type { PolicySettings } from '../policies/index.js';
import { EndpointSet } from './endpoint-set.js';
import { Lifetime } from './lifetime.js';
import type { Scope } from './scope.js';
import { Tunnels } from './tunnels.js';
import type {
  RouteOptions,
  Sibling,
  UpstreamContext,
  UpstreamOptions,
} from './upstream-options.js';

/** A route, or the upstream's own pipeline. */
type Place = Pick<RouteOptions, 'name' | 'match' | 'policies'>;

const EVERYTHING = { methods: undefined, path: undefined };

export class Upstream implements Sibling {
  readonly name: string;
  readonly lifetime: Lifetime;
  readonly #options: UpstreamOptions;
  readonly #context: UpstreamContext;
  /** Its own and those of its routes. */
  readonly #settings: readonly PolicySettings[];
  readonly #endpoints: EndpointSet;
  readonly #own: Scope;
  readonly #layers: Layers;
  readonly #routes: RouteTable;
  /** By the route's number; undefined until the first call, because most routes of a large file are idle. */
  readonly #routeScopes: (Scope | undefined)[];
  readonly #inspectable: InspectableScope[] = [];
  readonly #tunnels: Tunnels;
  /** The layers that a route has to itself, or had before a reload until it is called again; by the route's name. */
  readonly #ownRouteLayers = new Map<string, Layers>();
  #lastError: InspectableUpstream['lastError'];

  /**
   * @param previous the upstream of that name before a reload: its circuits, windows, budgets, bulkheads and tunnels go
   *   on, and so do its endpoints by their addresses. Retire it when this one has taken over.
   */
  constructor(options: UpstreamOptions, context: UpstreamContext, previous?: Upstream) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    this.#settings = [options, ...options.routes].map(({ policies }) => policies);
    const needs = this.#settings.map((policies) => needsOf(context.policies, policies));
    this.#endpoints = new EndpointSet(
      {
        ...options,
        connectTimeoutMs: longest(needs.map(({ connectMs }) => connectMs)),
        maxHeaderSize: context.maxHeaderSize,
      },
      { ...context, emit: context.emitFor(options.name, '') },
      previous && previous.#endpoints,
    );
    const elsewhere = [...new Set(needs.flatMap(({ upstreams }) => upstreams))];
    this.lifetime = new Lifetime(
      () => elsewhere.map((name) => context.findUpstream(name).lifetime),
      () => this.#endpoints.release(),
    );
    this.#tunnels = (previous && previous.#tunnels) ?? new Tunnels(context.clock);
    this.#lastError = previous && previous.#lastError;
    const emit = this.#watched(context.emitFor(options.name, ''));
    this.#layers = createLayers(
      context.policies,
      options.policies,
      this.#policyContext('', emit),
      undefined,
      previous && previous.#layers,
    );
    const own = { name: '', match: EVERYTHING, policies: options.policies };
    this.#own = this.#createScope(own, this.#layers, emit);
    this.#inspectable.push({ upstream: this.name, route: '', layers: this.#layers });
    this.#routes = new RouteTable(options.routes.map(({ match }) => match));
    for (const { name } of options.routes) {
      const kept = previous && previous.#ownRouteLayers.get(name);
      if (kept !== undefined) this.#ownRouteLayers.set(name, kept);
    }
    this.#routeScopes = options.routes.map((route) => {
      if (!isShownAtOnce(context.policies, route.policies, route.writes)) return undefined;
      const scope = this.#openRoute(route);
      const layers = this.#ownRouteLayers.get(route.name)!;
      this.#inspectable.push({ upstream: this.name, route: route.name, layers });
      return scope;
    });
  }

  /** The first route that matches, or the upstream's own. */
  scopeFor(method: string, path: string): Scope {
    const route = this.#routes.find(method, path);
    if (route === -1) return this.#own;
    return (this.#routeScopes[route] ??= this.#openRoute(this.#options.routes[route]!));
  }

  scopes(): readonly InspectableScope[] {
    return this.#inspectable;
  }

  inspect(): InspectableUpstream {
    return {
      name: this.name,
      target: this.#endpoints.target,
      endpoints: this.#endpoints,
      tunnels: this.#tunnels.size,
      lastError: this.#lastError,
    };
  }

  /** Takes no new calls; closes its connections when those under way have ended. */
  retire(): void {
    this.#endpoints.retire();
    this.lifetime.retire();
  }

  /** Ends its tunnels. */
  closeTunnels(): void {
    this.#tunnels.closeAll();
  }

  /** Ends all tunnels and connections, idle or not; calls that still use them fail. */
  async close(): Promise<void> {
    this.#tunnels.closeAll();
    this.#endpoints.destroy();
  }

  #openRoute(route: RouteOptions): Scope {
    const emit = this.#watched(this.#context.emitFor(this.name, route.name));
    const layers = createLayers(
      this.#context.policies,
      route.policies,
      this.#policyContext(route.name, emit),
      {
        layers: this.#layers,
        writes: route.writes,
      },
      this.#ownRouteLayers.get(route.name),
    );
    this.#ownRouteLayers.set(route.name, ownLayers(layers, this.#layers));
    return this.#createScope(route, layers, emit);
  }

  #policyContext(route: string, emit: Emit) {
    const { clock, random, store, hash, createToken } = this.#context;
    const pipelineOf = (upstream: string) => this.#pipelineOf(upstream);
    return {
      upstream: this.name,
      route,
      scopes: this.#settings,
      clock,
      random,
      emit,
      store,
      hash,
      createToken,
      pipelineOf,
    };
  }

  #pipelineOf(upstream: string): CallStage {
    const { clock } = this.#context;
    const scopeFor = ({ method, path }: Call) =>
      this.#context.findUpstream(upstream).scopeFor(method, path);
    return {
      async run(call) {
        const scope = scopeFor(call);
        const host = scope.preserveHost ? call.clientHost : undefined;
        const fork = call.fork(host, clock.now());
        try {
          return await scope.stage.run(fork);
        } finally {
          call.attemptsElsewhere += fork.attempts + fork.attemptsElsewhere;
          call.waitedMs += fork.waitedMs;
        }
      },
      refusal: (call) => scopeFor(call).stage.refusal(call),
    };
  }

  #createScope({ name, match, policies }: Place, layers: Layers, emit: Emit): Scope {
    const { replayBytes, ownRetryAfterMs, tunnelIdleMs, judge } = needsOf(
      this.#context.policies,
      policies,
    );
    const { prefix = '', targets, preserveHost, earlyHints } = this.#options;
    const dispatch = createDispatch({
      upstream: this.name,
      basePath: targets[0]!.target.basePath,
      edits: listRequestFields(this.#context.policies, layers),
      destinations: this.#endpoints,
      judge,
      openTunnel: (client, upstream) => this.#tunnels.open(client, upstream, tunnelIdleMs),
      clock: this.#context.clock,
      emit,
    });
    return {
      upstream: this.name,
      route: name,
      pattern: match.path && (prefix === '/' ? match.path : prefix + match.path),
      stage: compose(listLayers(this.#context.policies, layers), dispatch),
      emit,
      preserveHost,
      earlyHints,
      replayBytes,
      ownRetryAfterMs,
      responseFields: listResponseFields(this.#context.policies, layers),
      enter: this.lifetime.enter,
      leave: this.lifetime.leave,
    };
  }

  #watched(emit: Emit): Emit {
    return (event: Event) => {
      if (isAttemptFinished(event) && event.error !== undefined) this.#note(event, event.error);
      emit(event);
    };
  }

  #note({ isUpstreams }: AttemptFinished, error: CallFailure): void {
    if (error instanceof CallError && error.ownShortage) this.#context.onShortage(error.message);
    if (!isUpstreams) return;
    this.#lastError = { message: error.message, atWallMs: this.#context.clock.wallNow() };
  }
}

/** The longest of these limits, in ms; 0 if one of them is off. */
function longest(limits: readonly (number | Off)[]): number {
  return limits.includes('off') ? 0 : Math.max(...(limits as readonly number[]));
}
