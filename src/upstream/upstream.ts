/** One upstream at run time: its connections, and a pipeline for itself and for each of its routes. */
import type { RouteMatch, Target, TlsOptions } from '../core/model.js';
import type { Socket } from 'node:net';
import type { Call } from '../core/call.js';
import type { Clock, Random } from '../core/clock.js';
import { isAttemptFinished, type Emit, type Event } from '../core/events.js';
import type { InspectableScope, InspectableUpstream } from '../core/inspect.js';
import { compose, type CallStage } from '../core/pipeline.js';
import { RouteTable } from '../lib/path-tree.js';
import type { Store } from '../core/store.js';
import { createLayers, isShownAtOnce, listLayers, ownLayers, type Layers } from '../core/layers.js';
import type { PolicyList } from '../core/policy.js';
import type { PolicySettings } from '../policies/index.js';
import { ConnectionPool, hostOf } from '../outbound/http1/connection-pool.js';
import type { DeadlineHeader } from '../inbound/forward-headers.js';
import { Tunnels } from './tunnels.js';
import { createTransport, type ForwardedCall } from '../outbound/dispatch.js';

export interface RouteOptions {
  readonly name: string;
  readonly match: RouteMatch;
  /** Effective: the upstream's with the route's own laid over. */
  readonly policies: PolicySettings;
  /** The option paths that the route itself writes. */
  readonly writes: ReadonlySet<string>;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly target: Target;
  readonly preserveHost: boolean;
  readonly tls: TlsOptions | undefined;
  readonly policies: PolicySettings;
  readonly routes: readonly RouteOptions[];
}

export interface UpstreamContext {
  readonly policies: PolicyList;
  readonly clock: Clock;
  readonly random: Random;
  /** Another one of the same configuration. */
  findUpstream(name: string): Upstream;
  /** Telemetry for one upstream and route. */
  emitFor(upstream: string, route: string): Emit;
  /** Longest head of an answer, in bytes. */
  readonly maxHeaderSize: number;
  readonly store: Store;
  readonly hash: (data: string | Uint8Array) => string;
  readonly createToken: () => string;
}

/** What an exchange needs to know of where it goes. */
export interface Scope {
  readonly upstream: string;
  readonly route: string;
  readonly stage: CallStage;
  readonly emit: Emit;
  readonly preserveHost: boolean;
  readonly deadlineHeader: DeadlineHeader | undefined;
  /** Lower case. */
  readonly idempotencyHeader: string;
  /** Hands both sides of an upgraded connection over. */
  openTunnel(client: Socket, upstream: Socket): void;
  /** An exchange begins. */
  enter(): void;
  /** It is over; once per `enter`. */
  leave(): void;
  /** Bytes of a request body to remember for another try. */
  readonly bodyLimit: number;
}

/** Makes a request retryable also where no policy keeps answers for it (draft-ietf-httpapi-idempotency-key-header). */
const IDEMPOTENCY_HEADER = 'idempotency-key';

/** Bytes to remember for another upstream where `retry`, and with it `bodyLimit`, is off: its default. */
const REPLAY_BYTES = 64 * 1024;

/** Names of the upstreams that calls may fall back to. */
const elsewhereOf = ({ fallback }: PolicySettings) =>
  fallback === 'off' ? [] : fallback.flatMap(({ upstream }) => upstream ?? []);

export class Upstream {
  readonly name: string;
  readonly #options: UpstreamOptions;
  readonly #context: UpstreamContext;
  readonly #pool: ConnectionPool;
  readonly #own: Scope;
  readonly #layers: Layers;
  readonly #routes: RouteTable;
  /** By the route's number; undefined until the first call, because most routes of a large file are idle. */
  readonly #routeScopes: (Scope | undefined)[];
  readonly #inspectable: InspectableScope[] = [];
  readonly #tunnels: Tunnels;
  /** The layers that a route has to itself, or had before a reload until it is called again; by the route's name. */
  readonly #ownRouteLayers = new Map<string, Layers>();
  /** Where its calls may fall back to: a reload must not close these under them either. */
  readonly #elsewhere: readonly string[];
  /** Exchanges under way. */
  #users = 0;
  #isRetired = false;
  #lastError: InspectableUpstream['lastError'];

  /**
   * @param previous the upstream of that name before a reload: its circuits, windows, budgets, bulkheads and tunnels go
   *   on, and so do its connections if they lead to the same place. Retire it when this one has taken its place.
   */
  constructor(options: UpstreamOptions, context: UpstreamContext, previous?: Upstream) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    const policies = [options.policies, ...options.routes.map((route) => route.policies)];
    this.#elsewhere = [...new Set(policies.flatMap(elsewhereOf))];
    this.#pool = ConnectionPool.open(
      {
        target: options.target,
        tls: options.tls,
        connectTimeoutMs: connectBoundMs(options),
        maxHeaderSize: context.maxHeaderSize,
      },
      context.clock,
      previous && previous.#pool,
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
    this.#own = this.#createScope('', options.policies, this.#layers, emit);
    this.#inspectable.push({ upstream: this.name, route: '', layers: this.#layers });
    this.#routes = new RouteTable(options.routes.map(({ match }) => match));
    for (const { name } of options.routes) {
      const kept = previous && previous.#ownRouteLayers.get(name);
      if (kept !== undefined) this.#ownRouteLayers.set(name, kept);
    }
    this.#routeScopes = options.routes.map((route) => {
      if (!isShownAtOnce(context.policies, route.writes)) return undefined;
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
      target: this.#options.target.href,
      tunnels: this.#tunnels.size,
      lastError: this.#lastError,
    };
  }

  /** Takes no new calls; closes its connections when those under way have ended. */
  retire(): void {
    this.#isRetired = true;
    if (this.#users === 0) this.#pool.release();
  }

  /** Ends its tunnels. */
  closeTunnels(): void {
    this.#tunnels.closeAll();
  }

  /** Ends all tunnels and connections, idle or not; calls that still use them fail. */
  async close(): Promise<void> {
    this.#tunnels.closeAll();
    this.#pool.destroy();
  }

  readonly #enter = (): void => {
    this.#users += 1;
    for (const name of this.#elsewhere) this.#context.findUpstream(name).#enter();
  };

  readonly #leave = (): void => {
    for (const name of this.#elsewhere) this.#context.findUpstream(name).#leave();
    this.#users -= 1;
    if (this.#isRetired && this.#users === 0) this.#pool.release();
  };

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
    return this.#createScope(route.name, route.policies, layers, emit);
  }

  #policyContext(route: string, emit: Emit) {
    const { clock, random, store, hash, createToken } = this.#context;
    const pipelineOf = (upstream: string) => this.#pipelineOf(upstream);
    return {
      upstream: this.name,
      route,
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
    const scopeFor = ({ method, path }: Call) =>
      this.#context.findUpstream(upstream).scopeFor(method, path);
    return {
      async run(call) {
        const scope = scopeFor(call);
        const fork = (call as ForwardedCall).forkFor(scope);
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

  #createScope(route: string, settings: PolicySettings, layers: Layers, emit: Emit): Scope {
    const { deadline, idempotency, retry, timeout } = settings;
    const tunnelIdleMs = timeout === 'off' ? 'off' : timeout.stream;
    const replayBytes = elsewhereOf(settings).length === 0 ? 0 : REPLAY_BYTES;
    const { target, preserveHost } = this.#options;
    const transport = createTransport(this.#pool, {
      upstream: this.name,
      target: target.href,
      basePath: target.basePath,
      host: hostOf(target),
      propagatesDeadline: deadline !== 'off' && deadline.propagate,
      clock: this.#context.clock,
      emit,
    });
    return {
      upstream: this.name,
      route,
      stage: compose(listLayers(this.#context.policies, layers), transport),
      emit,
      preserveHost,
      deadlineHeader:
        deadline === 'off'
          ? undefined
          : {
              name: deadline.header,
              lowerName: deadline.header.toLowerCase(),
              isPropagated: deadline.propagate,
            },
      idempotencyHeader:
        idempotency === 'off' ? IDEMPOTENCY_HEADER : idempotency.header.toLowerCase(),
      openTunnel: (client, upstream) => this.#tunnels.open(client, upstream, tunnelIdleMs),
      enter: this.#enter,
      leave: this.#leave,
      bodyLimit: retry === 'off' ? replayBytes : retry.bodyLimit,
    };
  }

  #watched(emit: Emit): Emit {
    return (event: Event) => {
      if (isAttemptFinished(event) && event.error !== undefined) {
        this.#lastError = {
          message: event.error.message,
          atWallMs: this.#context.clock.wallNow(),
        };
      }
      emit(event);
    };
  }
}

/** The longest connect timeout of an upstream and its routes, in ms; 0 for none. */
function connectBoundMs(options: UpstreamOptions): number {
  const limits = [options.policies, ...options.routes.map((route) => route.policies)].map(
    ({ timeout }) => (timeout === 'off' || timeout.connect === 'off' ? Infinity : timeout.connect),
  );
  const boundMs = Math.max(...limits);
  return boundMs === Infinity ? 0 : boundMs;
}
