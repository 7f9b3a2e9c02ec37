/**
 * The wiring diagram: the one place that knows all the parts.
 *
 *   config ──> upstreams (policies around a transport each) ──> routers ──> listeners
 *                  │ events                    │ state                         │ exchanges
 *                  v                           v                               v
 *              telemetry <── metrics ──  inspection ──> admin                clients
 *
 * A reload makes new upstreams that go on with the state of those before, and puts new routers behind the listeners.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createAdmin, type Admin } from './admin/server.js';
import { formatAddress, type Address, type Config } from './config/config.js';
import type { Loaded } from './config/load.js';
import { parseDuration } from './config/units.js';
import type { Clock, Random, Timer } from './core/clock.js';
import { CallError } from './core/errors.js';
import type { Emit } from './core/events.js';
import type { Inspection } from './core/inspect.js';
import { findChanges, type ReloadOutcome } from './core/reload.js';
import { Roster } from './core/roster.js';
import type { OwnedStore } from './core/store.js';
import type { Exchange, ExchangeContext } from './proxy/exchange.js';
import { createFront } from './proxy/listener.js';
import { ListenerSet, type WantedListener } from './proxy/listener-set.js';
import { routeAllTo, routeByPrefix, type Router } from './proxy/router.js';
import { Upstream } from './proxy/upstream.js';
import { createStore } from './stores/open.js';
import { combine, logScope, logStore, type Logger } from './telemetry/logs.js';
import { createMetrics } from './telemetry/metrics.js';

export interface AppOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  /** Reads the configuration file again. */
  readonly load: () => Loaded;
}

export interface NamedAddress {
  /** `admin`, `server` or an upstream's name. */
  readonly name: string;
  readonly address: Address;
}

/** An address that cannot be had. */
export class ListenError extends Error {}

/** Time that answers of exchanges cut at the end of grace have to leave, in ms. */
const FLUSH_MS = 100;

export class App {
  readonly #options: AppOptions;
  readonly #running = new Roster<Exchange>();
  readonly #metrics: ReturnType<typeof createMetrics>;
  readonly #inspection: Inspection;
  readonly #exchanges: { -readonly [Key in keyof ExchangeContext]: ExchangeContext[Key] };
  readonly #front: Awaited<ReturnType<typeof createFront>>;
  readonly #listeners: ListenerSet;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #config: Config;
  #upstreams = new Map<string, Upstream>();
  #store: OwnedStore | undefined;
  /** The one in use, and those that calls from before a reload may still use. */
  readonly #stores = new Set<OwnedStore>();
  #admin: Admin | undefined;
  #adminAddress: Address | undefined;
  readonly #leftBehind = new Set<() => void>();
  /** Reloads come one after the other. */
  #reloading: Promise<unknown> = Promise.resolve();

  /** Opens all listeners, the admin's last. @throws ListenError, with nothing left open. */
  static async start(config: Config, options: AppOptions): Promise<App> {
    const exchanges: ExchangeContext = {
      clock: options.clock,
      createRequestId: randomUUID,
      bodyIdleMs: 0,
      maxRequestBody: 'off',
      isDraining: () => false,
      running: new Roster(),
    };
    const app = new App(config, options, exchanges, await createFront(exchanges));
    try {
      await app.#apply(config);
    } catch (error) {
      await app.#closeAll();
      throw error;
    }
    app.#state = 'ready';
    return app;
  }

  private constructor(
    config: Config,
    options: AppOptions,
    exchanges: ExchangeContext,
    front: Awaited<ReturnType<typeof createFront>>,
  ) {
    this.#config = config;
    this.#options = options;
    this.#exchanges = exchanges;
    this.#exchanges.running = this.#running;
    this.#exchanges.isDraining = () => this.#state === 'draining';
    this.#front = front;
    this.#listeners = new ListenerSet(front, options.clock);
    this.#inspection = {
      isReady: () => this.#state === 'ready',
      scopes: () => [...this.#upstreams.values()].flatMap((upstream) => upstream.scopes()),
      upstreams: () => [...this.#upstreams.values()].map((upstream) => upstream.inspect()),
      config: () => this.#config.document,
    };
    this.#metrics = createMetrics({ version: options.version, inspection: this.#inspection });
  }

  /** What is open, in the order of the file, the admin's last; a port 0 is the real one. */
  get listeners(): NamedAddress[] {
    const open: NamedAddress[] = this.#listeners
      .list()
      .map(({ name, listener }) => ({ name: name || 'server', address: listener.address }));
    if (this.#adminAddress !== undefined) {
      open.push({ name: 'admin', address: this.#adminAddress });
    }
    return open;
  }

  /** Reads the file again and puts it in force, or changes nothing at all. */
  reload(): Promise<ReloadOutcome> {
    const outcome = this.#reloading.then(() => this.#reload());
    // One that throws, by a defect, must not stand in the way of those to come, or of the end.
    this.#reloading = outcome.catch(() => {});
    return outcome;
  }

  /** Drains and closes everything; resolves when nothing is left open. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    const { shutdown } = this.#config;
    this.#state = 'draining';
    await this.#reloading;
    // Whoever sends traffic must see /readyz before it sees a closed port.
    await sleep(clock, shutdown.delay);
    // A call may go on for longer than its connection.
    const drained = Promise.all([this.#listeners.close(), drain(clock, this.#running)]);
    await within(clock, shutdown.grace, drained);
    if (this.#running.size > 0) {
      const error = new CallError(
        'shutting-down',
        `Cannot complete the call because Breakwater stops and shutdown.grace, ${shutdown.grace} ms, is over`,
        { retryAfterMs: 1000 },
      );
      for (const exchange of this.#running) exchange.cancel(error);
      await sleep(clock, FLUSH_MS);
    }
    await this.#closeAll();
  }

  async #reload(): Promise<ReloadOutcome> {
    const { logger, load } = this.#options;
    const outcome = await this.#tryReload(load());
    this.#metrics.countReload(outcome.kind === 'success' ? 'success' : 'failure');
    if (outcome.kind === 'success') logger.info(outcome, 'configuration reloaded');
    else logger.error(outcome, 'Cannot reload the configuration; the one before stays in force');
    return outcome;
  }

  async #tryReload({ config, diagnostics }: Loaded): Promise<ReloadOutcome> {
    if (config === undefined) return { kind: 'invalid', diagnostics };
    const changes = findChanges(this.#config.document, config.document);
    try {
      await this.#apply(config);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      return { kind: 'unbindable', message: error.message };
    }
    return { kind: 'success', changes };
  }

  /** All that can fail comes first and changes nothing; the rest is one synchronous step. */
  async #apply(config: Config): Promise<void> {
    const { clock, logger } = this.#options;
    // Before the first call comes.
    const store = await this.#openStore(config);
    const prepared = await this.#prepare(config, store);

    const before = this.#upstreams;
    const storeBefore = this.#store;
    this.#store = store;
    if (storeBefore !== undefined && storeBefore !== store) {
      this.#afterGrace(config, () => void this.#closeStore(storeBefore));
    }
    this.#config = config;
    logger.level = config.log.level;
    this.#exchanges.bodyIdleMs = config.limits.bodyIdle;
    this.#exchanges.maxRequestBody = config.limits.maxRequestBody;
    // Not filled later on: calls under way fall back within the configuration that they began with.
    const upstreams = new Map<string, Upstream>();
    for (const options of config.upstreams) {
      upstreams.set(options.name, this.#createUpstream(options, before, store, upstreams));
    }
    this.#upstreams = upstreams;
    prepared.commit(this.#routers(config), config.limits, config.shutdown.grace);
    for (const [name, upstream] of before) {
      upstream.retire();
      if (this.#upstreams.has(name)) continue;
      this.#afterGrace(config, () => upstream.closeTunnels());
    }
    this.#metrics.noteConfig(clock.wallNow());
  }

  /** For what a reload leaves behind; at the end of the process it is done at once. */
  #afterGrace(config: Config, run: () => void): void {
    const once = (): void => {
      if (!this.#leftBehind.delete(once)) return;
      timer.cancel();
      run();
    };
    this.#leftBehind.add(once);
    const timer = this.#options.clock.schedule(config.shutdown.grace, once);
  }

  /** Opens what the configuration listens on; gives up all of it, `store` too, where something cannot be had. */
  async #prepare(config: Config, store: OwnedStore) {
    try {
      const prepared = await this.#listeners.prepare(
        wantedBy(config),
        config.limits,
        (wanted, cause) =>
          listenError({ ...wanted, name: wanted.name && `upstream ${wanted.name}` }, cause),
      );
      try {
        await this.#openAdmin(config);
      } catch (error) {
        await prepared.abort();
        throw error;
      }
      return prepared;
    } catch (error) {
      if (store !== this.#store) await this.#closeStore(store);
      throw error;
    }
  }

  /** The store there is, where nothing has changed about it. */
  async #openStore(config: Config): Promise<OwnedStore> {
    const { stores } = config;
    const isSame = JSON.stringify(stores) === JSON.stringify(this.#config.stores);
    if (this.#store !== undefined && isSame) return this.#store;
    const { clock, logger } = this.#options;
    const onChange = (why: string | undefined) => logStore(logger, stores.kind, why);
    const store = createStore(stores, { clock, onChange });
    this.#stores.add(store);
    await store.open();
    return store;
  }

  async #closeStore(store: OwnedStore): Promise<void> {
    this.#stores.delete(store);
    await store.close();
  }

  #createUpstream(
    options: Config['upstreams'][number],
    before: Map<string, Upstream>,
    store: OwnedStore,
    siblings: ReadonlyMap<string, Upstream>,
  ): Upstream {
    const { clock, random } = this.#options;
    const context = {
      clock,
      random,
      findUpstream: (name: string) => siblings.get(name)!,
      emitFor: (upstream: string, route: string) => this.#emitFor(upstream, route),
      maxHeaderSize: this.#config.limits.maxHeaderSize,
      store,
      hash,
      createToken: randomUUID,
    };
    return new Upstream(options, context, before.get(options.name));
  }

  #emitFor(upstream: string, route: string): Emit {
    const { logger } = this.#options;
    return combine(
      this.#metrics.scope(upstream, route),
      logScope(logger, upstream, route, this.#config.log.access),
    );
  }

  #routers(config: Config): (name: string) => Router {
    const prefixes = new Map<string, Upstream>();
    for (const { name, prefix } of config.upstreams) {
      if (prefix !== undefined) prefixes.set(prefix, this.#upstreams.get(name)!);
    }
    const shared = routeByPrefix(prefixes, this.#emitFor('', ''));
    return (name) => (name === SHARED ? shared : routeAllTo(this.#upstreams.get(name)!));
  }

  /** Moves the admin server where its address has changed; a token counts from the next request on. */
  async #openAdmin(config: Config): Promise<void> {
    const { listen } = config.admin;
    const isOpen = this.#admin !== undefined;
    if (isOpen && formatAddress(listen) === formatAddress(this.#config.admin.listen)) return;
    const { logger, version } = this.#options;
    const admin = createAdmin({
      inspection: this.#inspection,
      metrics: this.#metrics,
      token: () => this.#config.admin.token,
      reload: () => this.reload(),
      logger,
      version,
      parseDuration,
    });
    const previous = this.#admin;
    try {
      this.#adminAddress = await admin.listen(listen);
    } catch (cause) {
      await admin.close();
      throw listenError({ name: 'admin.listen', address: listen }, cause);
    }
    this.#admin = admin;
    // Not awaited: the request that asked for this reload may have come through it.
    previous?.closeGently();
  }

  async #closeAll(): Promise<void> {
    for (const run of this.#leftBehind) run();
    this.#listeners.destroy();
    // Tunnels are no longer the listeners' connections, but keep them open.
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()));
    await this.#listeners.close();
    await Promise.all([this.#admin?.close(), this.#front.close()]);
    await Promise.all([...this.#stores].map((store) => this.#closeStore(store)));
  }
}

/** The listener that upstreams with a prefix share; no upstream's name is empty. */
const SHARED = '';

function wantedBy(config: Config): WantedListener[] {
  const wanted: WantedListener[] = [];
  for (const { name, listen } of config.upstreams) {
    if (listen !== undefined) wanted.push({ name, address: listen });
  }
  if (config.upstreams.some(({ prefix }) => prefix !== undefined)) {
    wanted.push({ name: SHARED, address: config.server.listen });
  }
  return wanted;
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name does not resolve',
};

/** @param name the option, or the upstream, whose address it is. */
function listenError({ name, address }: NamedAddress, cause: unknown): ListenError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const owner = name === SHARED ? 'server.listen' : name;
  return new ListenError(
    `Cannot listen on ${formatAddress(address)} for ${owner} because ${listenFailures[code] ?? message}`,
    { cause },
  );
}

const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('base64url');

/** Between looks at what still runs, in ms. */
const DRAIN_MS = 10;

/** Resolves when no exchange runs any more. */
async function drain(clock: Clock, running: Roster<Exchange>): Promise<void> {
  while (running.size > 0) await sleep(clock, DRAIN_MS);
}

const sleep = (clock: Clock, ms: number) =>
  new Promise<void>((resolve) => {
    clock.schedule(ms, resolve);
  });

/** Waits for `done`, but no longer than `ms`; leaves no timer behind. */
async function within(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  let timer: Timer | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = clock.schedule(ms, resolve);
  });
  await Promise.race([done, timeUp]);
  timer?.cancel();
}
