/**
 * The wiring diagram: the one place that knows all the parts.
 *
 *   config ──> upstreams (policies around a transport each) ──> routers ──> listeners
 *                  │ events                    │ state                         │ exchanges
 *                  v                           v                               v
 *              telemetry <── metrics ──  inspection ──> admin                clients
 */
import { randomUUID } from 'node:crypto';
import { createAdmin } from './admin/server.js';
import { formatAddress, type Address, type Config, type UpstreamConfig } from './config/config.js';
import { parseDuration } from './config/units.js';
import type { Clock, Random } from './core/clock.js';
import { CallError } from './core/errors.js';
import type { Emit } from './core/events.js';
import type { Inspection } from './core/inspect.js';
import type { Exchange, ExchangeContext } from './proxy/exchange.js';
import { createFront, type Listener } from './proxy/listener.js';
import { routeAllTo, routeByPrefix, type Router } from './proxy/router.js';
import { Upstream } from './proxy/upstream.js';
import { createMemoryStore } from './stores/memory.js';
import { combine, logScope, type Logger } from './telemetry/logs.js';
import { createMetrics } from './telemetry/metrics.js';

export interface AppOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
}

export interface OpenListener {
  /** `admin`, `server` or an upstream's name. */
  readonly name: string;
  readonly address: Address;
}

export interface App {
  /** In the order they were opened; a port 0 is the real one. */
  readonly listeners: readonly OpenListener[];
  /** Drains and closes everything; resolves when nothing is left open. */
  stop(): Promise<void>;
}

/** Time that answers of exchanges cut at the end of grace have to leave, in ms. */
const FLUSH_MS = 100;

/** Room for what policies keep, in bytes. */
const STORE_BYTES = 64 * 1024 * 1024;

/** An address that cannot be had. */
export class ListenError extends Error {}

/** Opens all listeners, the admin's last. @throws ListenError, with nothing left open. */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { clock, random, logger, version } = options;
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const running = new Set<Exchange>();
  let upstreams: Upstream[] = [];

  const inspection: Inspection = {
    isReady: () => state === 'ready',
    scopes: () => upstreams.flatMap((upstream) => upstream.scopes()),
    upstreams: () => upstreams.map((upstream) => upstream.inspect()),
    config: () => config.document,
  };
  const metrics = createMetrics({ version, inspection });
  const emitFor = (upstream: string, route: string): Emit =>
    combine(metrics.scope(upstream, route), logScope(logger, upstream, route, config.log.access));

  const store = createMemoryStore({ maxBytes: STORE_BYTES });
  const byName = new Map<string, Upstream>();
  upstreams = config.upstreams.map(
    (upstream) =>
      new Upstream(upstream, {
        clock,
        random,
        store,
        findScope: (name, method, path) => byName.get(name)!.scopeFor(method, path),
        emitFor,
        maxHeaderSize: config.limits.maxHeaderSize,
      }),
  );

  for (const upstream of upstreams) byName.set(upstream.name, upstream);

  const exchangeContext: ExchangeContext = {
    clock,
    createRequestId: randomUUID,
    bodyIdleMs: config.limits.bodyIdle,
    maxRequestBody: config.limits.maxRequestBody,
    isDraining: () => state === 'draining',
    running,
  };
  const front = await createFront(exchangeContext);
  const admin = createAdmin({
    inspection,
    metrics,
    token: config.admin.token,
    logger,
    version,
    parseDuration,
  });
  const listeners: Listener[] = [];
  const opened: OpenListener[] = [];

  async function closeAll(): Promise<void> {
    for (const listener of listeners) listener.destroy();
    // Tunnels are no longer the listeners' connections, but keep them open.
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    await Promise.all(listeners.map((listener) => listener.close()));
    await Promise.all([admin.close(), front.close()]);
  }

  try {
    for (const { name, address, router } of routers(config, upstreams, emitFor('', ''))) {
      const listener = await open(name, address, () => front.open(address, router, config.limits));
      listeners.push(listener);
      opened.push({ name, address: listener.address });
    }
    const address = await open('admin', config.admin.listen, () =>
      admin.listen(config.admin.listen),
    );
    opened.push({ name: 'admin', address });
  } catch (error) {
    await closeAll();
    throw error;
  }
  state = 'ready';

  return {
    listeners: opened,
    async stop() {
      state = 'draining';
      // Whoever sends traffic must see /readyz before it sees a closed port.
      await sleep(clock, config.shutdown.delay);
      const closed = Promise.all(listeners.map((listener) => listener.close()));
      await within(clock, config.shutdown.grace, closed);
      if (running.size > 0) {
        const error = new CallError(
          'shutting-down',
          `Cannot complete the call because Breakwater stops and shutdown.grace, ${config.shutdown.grace} ms, is over`,
          { retryAfterMs: 1000 },
        );
        for (const exchange of running) exchange.cancel(error);
        await sleep(clock, FLUSH_MS);
      }
      await closeAll();
    },
  };
}

const sleep = (clock: Clock, ms: number) =>
  new Promise<void>((resolve) => {
    clock.schedule(ms, resolve);
  });

/** Waits for `done`, but no longer than `ms`; leaves no timer behind. */
async function within(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.schedule(ms, resolve);
    done.then(() => {
      timer.cancel();
      resolve();
    }, reject);
  });
}

interface RoutedAddress {
  readonly name: string;
  readonly address: Address;
  readonly router: Router;
}

function routers(config: Config, upstreams: readonly Upstream[], emit: Emit): RoutedAddress[] {
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  const listed: RoutedAddress[] = [];
  const prefixes = new Map<string, Upstream>();
  for (const { name, listen, prefix } of config.upstreams as readonly UpstreamConfig[]) {
    const upstream = byName.get(name)!;
    if (listen !== undefined) listed.push({ name, address: listen, router: routeAllTo(upstream) });
    if (prefix !== undefined) prefixes.set(prefix, upstream);
  }
  if (prefixes.size > 0) {
    const router = routeByPrefix(prefixes, emit);
    listed.push({ name: 'server', address: config.server.listen, router });
  }
  return listed;
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name does not resolve',
};

async function open<T>(name: string, address: Address, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const owner = name === 'admin' || name === 'server' ? `${name}.listen` : `upstream ${name}`;
    throw new ListenError(
      `Cannot listen on ${formatAddress(address)} for ${owner} because ${listenFailures[code] ?? message}`,
      { cause },
    );
  }
}
