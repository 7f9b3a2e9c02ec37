/** One upstream at run time: its connections, and a pipeline for itself and for each of its routes. */
import { createHash } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { Call } from '../core/call.js';
import type { Clock, Random } from '../core/clock.js';
import type { Emit, Event } from '../core/events.js';
import type { InspectableScope, InspectableUpstream } from '../core/inspect.js';
import { compose, type Stage } from '../core/pipeline.js';
import { compileMatch, type MatchPattern } from '../core/route-match.js';
import type { Store } from '../core/store.js';
import {
  createLayers,
  listLayers,
  type PolicyLayers,
  type PolicySettings,
} from '../policies/index.js';
import { createPool, type ConnectionPool } from './connection-pool.js';
import type { DeadlineHeader } from './headers.js';
import { Tunnels } from './tunnel.js';
import { createTransport, type ForwardedCall } from './transport.js';

export interface UpstreamTarget {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Empty, or a path without a slash at its end. */
  readonly basePath: string;
  /** As configured. */
  readonly href: string;
}

export interface UpstreamTls {
  /** PEM contents. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly insecureSkipVerify: boolean;
}

export interface RouteOptions {
  readonly name: string;
  readonly match: MatchPattern;
  /** Effective: the upstream's with the route's own laid over. */
  readonly policies: PolicySettings;
  /** The option paths that the route itself writes. */
  readonly writes: ReadonlySet<string>;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly target: UpstreamTarget;
  readonly preserveHost: boolean;
  readonly tls: UpstreamTls | undefined;
  readonly policies: PolicySettings;
  readonly routes: readonly RouteOptions[];
}

export interface UpstreamContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  /** The scope of another upstream that such a request belongs to. */
  findScope(upstream: string, method: string, path: string): Scope;
  /** Telemetry for one upstream and route. */
  emitFor(upstream: string, route: string): Emit;
  /** Longest head of an answer, in bytes. */
  readonly maxHeaderSize: number;
}

/** What an exchange needs to know of where it goes. */
export interface Scope {
  readonly upstream: string;
  readonly route: string;
  readonly stage: Stage;
  readonly emit: Emit;
  readonly preserveHost: boolean;
  readonly deadlineHeader: DeadlineHeader | undefined;
  /** Lower case. */
  readonly idempotencyHeader: string;
  /** Hands both sides of an upgraded connection over. */
  openTunnel(client: Socket, upstream: Socket): void;
  /** Bytes of a request body to remember for another try. */
  readonly bodyLimit: number;
}

interface CompiledRoute {
  readonly matches: (method: string, path: string) => boolean;
  readonly scope: Scope;
}

/** Makes a request retryable also where no policy keeps answers for it (draft-ietf-httpapi-idempotency-key-header). */
const IDEMPOTENCY_HEADER = 'idempotency-key';

/** Bytes to remember for another upstream where `retry`, and with it `bodyLimit`, is off: its default. */
const REPLAY_BYTES = 64 * 1024;

const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

export class Upstream {
  readonly name: string;
  readonly #options: UpstreamOptions;
  readonly #context: UpstreamContext;
  readonly #pool: ConnectionPool;
  readonly #own: Scope;
  readonly #layers: PolicyLayers;
  readonly #routes: readonly CompiledRoute[];
  readonly #inspectable: InspectableScope[] = [];
  readonly #tunnels: Tunnels[] = [];
  #lastError: InspectableUpstream['lastError'];

  constructor(options: UpstreamOptions, context: UpstreamContext) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    this.#pool = openPool(options, context);
    const emit = this.#watched(context.emitFor(options.name, ''));
    this.#layers = createLayers(options.policies, this.#policyContext('', emit));
    this.#own = this.#createScope('', options.policies, this.#layers, emit);
    this.#inspectable.push(this.#inspect('', this.#layers));
    this.#routes = options.routes.map((route) => this.#compile(route));
  }

  /** The first route that matches, or the upstream's own. */
  scopeFor(method: string, path: string): Scope {
    for (const route of this.#routes) {
      if (route.matches(method, path)) return route.scope;
    }
    return this.#own;
  }

  scopes(): readonly InspectableScope[] {
    return this.#inspectable;
  }

  inspect(): InspectableUpstream {
    const { timeout } = this.#options.policies;
    const attempt = timeout === 'off' ? 'off' : timeout.attempt;
    return {
      name: this.name,
      target: this.#options.target.href,
      retryBudgetRemaining: this.#layers.retry?.budget?.remaining(),
      attemptTimeoutMs: attempt === 'off' ? undefined : attempt,
      tunnels: this.#tunnels.reduce((sum, tunnels) => sum + tunnels.size, 0),
      lastError: this.#lastError,
    };
  }

  /** Ends all connections, idle or not; calls that still use them fail. */
  async close(): Promise<void> {
    for (const tunnels of this.#tunnels) tunnels.closeAll();
    await this.#pool.destroy();
  }

  #compile(route: RouteOptions): CompiledRoute {
    const emit = this.#watched(this.#context.emitFor(this.name, route.name));
    const layers = createLayers(route.policies, this.#policyContext(route.name, emit), {
      layers: this.#layers,
      writes: route.writes,
    });
    if (
      layers.bulkhead !== this.#layers.bulkhead ||
      layers.circuitBreaker !== this.#layers.circuitBreaker
    ) {
      this.#inspectable.push(this.#inspect(route.name, layers));
    }
    return {
      matches: compileMatch(route.match),
      scope: this.#createScope(route.name, route.policies, layers, emit),
    };
  }

  #policyContext(route: string, emit: Emit) {
    const { clock, random, store } = this.#context;
    const pipelineOf = (upstream: string) => this.#pipelineOf(upstream);
    return { upstream: this.name, route, clock, random, emit, store, hash, pipelineOf };
  }

  #pipelineOf(upstream: string): Stage {
    const scopeFor = ({ method, path }: Call) => this.#context.findScope(upstream, method, path);
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

  #createScope(route: string, settings: PolicySettings, layers: PolicyLayers, emit: Emit): Scope {
    const { deadline, fallback, retry, timeout } = settings;
    const replaysElsewhere =
      fallback !== 'off' && fallback.some(({ upstream }) => upstream !== undefined);
    const tunnels = new Tunnels(this.#context.clock, timeout === 'off' ? 'off' : timeout.stream);
    this.#tunnels.push(tunnels);
    const { target, tls, preserveHost } = this.#options;
    const transport = createTransport(this.#pool, {
      upstream: this.name,
      origin: originOf(target),
      target: target.href,
      basePath: target.basePath,
      serverName: tls?.serverName ?? target.host,
      propagatesDeadline: deadline !== 'off' && deadline.propagate,
      emit,
    });
    return {
      upstream: this.name,
      route,
      stage: compose(listLayers(layers), transport),
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
      idempotencyHeader: IDEMPOTENCY_HEADER,
      openTunnel: (client, upstream) => tunnels.open(client, upstream),
      bodyLimit: retry === 'off' ? (replaysElsewhere ? REPLAY_BYTES : 0) : retry.bodyLimit,
    };
  }

  /** A route lists only what is its own: what it shares stands with its upstream. */
  #inspect(route: string, layers: PolicyLayers): InspectableScope {
    const isOwn = (name: 'bulkhead' | 'circuitBreaker') =>
      route === '' || layers[name] !== this.#layers[name];
    return {
      upstream: this.name,
      route,
      circuit: isOwn('circuitBreaker') ? layers.circuitBreaker?.circuit : undefined,
      bulkhead: isOwn('bulkhead') ? layers.bulkhead?.bulkhead : undefined,
    };
  }

  #watched(emit: Emit): Emit {
    return (event: Event) => {
      if (event.type === 'attempt-finished' && event.error !== undefined) {
        this.#lastError = {
          message: event.error.message,
          atWallMs: this.#context.clock.wallNow(),
        };
      }
      emit(event);
    };
  }
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);

const originOf = (target: UpstreamTarget) =>
  target.socketPath === undefined
    ? `${target.protocol}//${bracketed(target.host)}:${target.port}`
    : 'http://localhost';

function openPool(options: UpstreamOptions, context: UpstreamContext): ConnectionPool {
  const { target, tls } = options;
  const connect = buildConnector({
    ...(target.socketPath === undefined ? {} : { socketPath: target.socketPath }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    // A tunnel's side may end while the other still talks.
    allowHalfOpen: true,
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    // Each try has its own connect timeout; this one only frees what all of them have given up.
    timeout: connectBoundMs(options),
  });
  // RFC 6066, section 3: an address is no server name.
  const servername = tls?.serverName ?? (isIP(target.host) === 0 ? target.host : '');
  return createPool(originOf(target), {
    connect: (connectOptions, callback) => connect({ ...connectOptions, servername }, callback),
    maxHeaderSize: context.maxHeaderSize,
  });
}

/** The longest connect timeout of an upstream and its routes, in ms; 0 for none. */
function connectBoundMs(options: UpstreamOptions): number {
  const limits = [options.policies, ...options.routes.map((route) => route.policies)].map(
    ({ timeout }) => (timeout === 'off' || timeout.connect === 'off' ? Infinity : timeout.connect),
  );
  const boundMs = Math.max(...limits);
  return boundMs === Infinity ? 0 : boundMs;
}
