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
import { AdminListener } from '../admin/admin-listener.js';
import { listenError, ListenError, SHARED, wantedBy, type NamedAddress } from './addresses.js';
import { drain, sleep, within } from './waiting.js';
import type { Config } from '../config/config.js';
import type { Loaded } from '../config/load.js';
import { parseDuration } from '../config/schema/units.js';
import type { Clock, Random } from '../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import type { InspectableScope, Inspection } from '../core/inspect.js';
import { findChanges, type ReloadOutcome } from '../core/reload.js';
import { Roster } from '../lib/roster.js';
import { systemLookup } from '../outbound/names/lookup.js';
import { LookupQueue } from '../outbound/names/lookup-queue.js';
import { Names } from '../outbound/names/names.js';
import type { Store } from '../core/store.js';
import { openMemoryReader } from '../platform/memory-limits.js';
import { overload, type Overload } from '../policies/overload/index.js';
import type { Exchange, ExchangeContext } from '../inbound/exchange.js';
import { createFront } from '../inbound/http1/listener.js';
import { ListenerSet } from '../inbound/listener-set.js';
import { createRequestIds } from '../inbound/request-id.js';
import { routeAllTo, routeByPrefix, type Router } from '../inbound/router.js';
import { Upstream } from '../upstream/upstream.js';
import type { UpstreamContext } from '../upstream/upstream-options.js';
import { StoreSet } from '../stores/store-set.js';
import { combine, logOverload, logScope, logStore, type Logger } from '../telemetry/log/logs.js';
import { logShortage } from '../telemetry/log/shortage.js';
import { createMetrics } from '../telemetry/instruments/metrics.js';

export interface AppOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  /** Reads the configuration file again. */
  readonly load: () => Loaded;
  /** A configuration has taken effect, the first one included. */
  readonly onApplied?: (config: Config) => void;
}

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
  readonly #stores: StoreSet;
  readonly #lookups: LookupQueue;
  /** For the whole process: look-ups of one name are shared. */
  readonly #names: Names;
  readonly #onShortage: (message: string) => void;
  readonly #admin: AdminListener;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #config: Config;
  #upstreams = new Map<string, Upstream>();
  /** Of all upstreams: a scrape walks them several times. */
  #scopes: readonly InspectableScope[] = [];
  #overload: Overload | undefined;
  readonly #leftBehind = new Set<() => void>();
  /** Reloads come one after the other. */
  #reloading: Promise<unknown> = Promise.resolve();

  /** Opens all listeners, the admin's last. @throws ListenError, with nothing left open. */
  static async start(config: Config, options: AppOptions): Promise<App> {
    const exchanges: ExchangeContext = {
      clock: options.clock,
      createRequestId: createRequestIds(randomUUID()),
      bodyIdleMs: 0,
      maxRequestBody: 'off',
      refuse: undefined,
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
    const { clock, logger, version } = options;
    this.#lookups = new LookupQueue(clock, systemLookup);
    this.#names = new Names(clock, this.#lookups.lookup);
    this.#onShortage = logShortage(logger, clock);
    this.#listeners = new ListenerSet(front, clock);
    this.#stores = new StoreSet({ clock, onChange: (kind, why) => logStore(logger, kind, why) });
    this.#inspection = {
      isReady: () => this.#state === 'ready',
      scopes: () => this.#scopes,
      upstreams: () => [...this.#upstreams.values()].map((upstream) => upstream.inspect()),
      config: () => this.#config.document,
    };
    this.#metrics = createMetrics({ version, inspection: this.#inspection });
    this.#admin = new AdminListener({
      inspection: this.#inspection,
      metrics: this.#metrics,
      // Counts from the next request on.
      token: () => this.#config.admin.token,
      reload: () => this.reload(),
      logger,
      version,
      parseDuration,
    });
  }

  /** What is open, in the order of the file, the admin's last; a port 0 is the real one. */
  get listeners(): NamedAddress[] {
    const open: NamedAddress[] = this.#listeners.list().map(({ name, listener }) => ({
      name: name === SHARED ? 'server' : name,
      address: listener.address,
    }));
    const { address } = this.#admin;
    if (address !== undefined) open.push({ name: 'admin', address });
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
        { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
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
    const stored = await this.#stores.prepare(config.stores);
    const prepared = await this.#prepare(config).catch(async (error: unknown) => {
      await stored.abort();
      throw error;
    });

    const before = this.#upstreams;
    const closeStoreBefore = stored.commit();
    if (closeStoreBefore !== undefined) this.#afterGrace(config, () => void closeStoreBefore());
    this.#config = config;
    logger.level = config.log.level;
    this.#exchanges.bodyIdleMs = config.limits.bodyIdle;
    this.#exchanges.maxRequestBody = config.limits.maxRequestBody;
    this.#watchOverload(config);
    // Not filled later on: calls under way fall back within the configuration that they began with.
    const upstreams = new Map<string, Upstream>();
    const context = this.#upstreamContext(config, stored.store, upstreams);
    for (const options of config.upstreams) {
      const { name } = options;
      upstreams.set(name, new Upstream(options, context, before.get(name)));
    }
    this.#upstreams = upstreams;
    this.#scopes = [...upstreams.values()].flatMap((upstream) => upstream.scopes());
    prepared.commit(this.#routers(config), config.limits, config.shutdown.grace);
    for (const [name, upstream] of before) {
      upstream.retire();
      if (this.#upstreams.has(name)) continue;
      this.#afterGrace(config, () => upstream.closeTunnels());
    }
    this.#metrics.noteConfig(clock.wallNow());
    this.#options.onApplied?.(config);
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

  /** Opens what the configuration listens on; gives up all of it where something cannot be had. */
  async #prepare(config: Config) {
    const prepared = await this.#listeners.prepare(
      wantedBy(config),
      config.limits,
      ({ name, address }, cause) =>
        listenError(name === SHARED ? 'server.listen' : `upstream ${name}`, address, cause),
    );
    const { listen } = config.admin;
    try {
      await this.#admin.moveTo(listen);
    } catch (cause) {
      await prepared.abort();
      throw listenError('admin.listen', listen, cause);
    }
    return prepared;
  }

  /** @param siblings all upstreams of that configuration, once they are made. */
  #upstreamContext(
    { log, limits }: Config,
    store: Store,
    siblings: ReadonlyMap<string, Upstream>,
  ): UpstreamContext {
    const { clock, random } = this.#options;
    return {
      clock,
      random,
      names: this.#names,
      onShortage: this.#onShortage,
      findUpstream: (name) => siblings.get(name)!,
      emitFor: (upstream, route) => this.#emitFor(upstream, route, log.access),
      maxHeaderSize: limits.maxHeaderSize,
      store,
      hash,
      createToken: randomUUID,
    };
  }

  /** Its watch goes on where it was on before. */
  #watchOverload(config: Config): void {
    const { clock, random, logger } = this.#options;
    const context = {
      clock,
      random,
      openMemory: openMemoryReader,
      onChange: logOverload(logger),
    };
    this.#overload = overload.create(config.overload, context, this.#overload);
    this.#exchanges.refuse = this.#overload?.refuse;
  }

  #emitFor(upstream: string, route: string, access: Config['log']['access']): Emit {
    const { logger, clock } = this.#options;
    return combine(
      this.#metrics.scope(upstream, route),
      logScope(logger, upstream, route, access, clock),
    );
  }

  #routers(config: Config): (name: string) => Router {
    const prefixes = new Map<string, Upstream>();
    for (const { name, prefix } of config.upstreams) {
      if (prefix !== undefined) prefixes.set(prefix, this.#upstreams.get(name)!);
    }
    const shared = routeByPrefix(prefixes, this.#emitFor('', '', config.log.access));
    return (name) => (name === SHARED ? shared : routeAllTo(this.#upstreams.get(name)!));
  }

  async #closeAll(): Promise<void> {
    for (const run of this.#leftBehind) run();
    this.#overload?.stop();
    this.#listeners.destroy();
    // Tunnels are no longer the listeners' connections, but keep them open.
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()));
    await this.#listeners.close();
    await Promise.all([this.#admin.close(), this.#front.close()]);
    await this.#stores.closeAll();
    this.#lookups.close();
  }
}

const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('base64url');
