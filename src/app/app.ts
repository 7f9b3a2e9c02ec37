/**
 * Connects all parts of the program.
 *
 *   config ──> upstreams (policies around a transport each) ──> routers ──> listeners
 *                  │ events                    │ state                         │ exchanges
 *                  v                           v                               v
 *              telemetry <── metrics ──  inspection ──> admin                clients
 *
 * A reload makes new upstreams that keep the state of the previous ones, and puts new routers behind the listeners.
 */
import { AdminListener, CannotListen } from '../admin/admin-listener.js';
import { WrongTokens } from '../admin/wrong-tokens.js';
import type { Config } from '../config/config.js';
import { readPolicy } from '../config/read-policy.js';
import { parseDuration } from '../config/schema/units.js';
import type { Inspection } from '../core/inspect.js';
import type { ReloadOutcome } from '../core/reload.js';
import { LookupQueue } from '../outbound/names/lookup-queue.js';
import { systemLookup } from '../outbound/names/lookup.js';
import { Names } from '../outbound/names/names.js';
import { ProtocolClient } from '../outbound/protocol-client.js';
import { readDescriptorLimit } from '../platform/descriptor-limit.js';
import { DescriptorReserve } from '../platform/descriptor-reserve.js';
import { StoreSet } from '../stores/store-set.js';
import { logStore } from '../telemetry/log/logger.js';
import { logShortage } from '../telemetry/log/shortage.js';
import { listenError, SHARED, type NamedAddress } from './addresses.js';
import type { AppOptions } from './app-options.js';
import { removeDeadSockets } from './dead-sockets.js';
import { DataPlane } from './data-plane.js';
import { LeftBehind } from './left-behind.js';
import { Observers } from './observers.js';
import { Reloads } from './reload.js';
import { drainCalls } from './shutdown.js';
import { UpstreamSet } from './upstream-set.js';

export class App {
  readonly #options: AppOptions;
  readonly #observers: Observers;
  readonly #dataPlane: DataPlane;
  readonly #stores: StoreSet;
  /** For the whole process: look-ups of one name are shared. */
  readonly #lookups: LookupQueue;
  readonly #admin: AdminListener;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #config: Config;
  readonly #upstreams: UpstreamSet;
  readonly #reloads: Reloads;
  readonly #leftBehind: LeftBehind;

  /** Opens all listeners, the admin's last. @throws ListenError, with nothing left open. */
  static async start(config: Config, options: AppOptions): Promise<App> {
    const { clock, logger } = options;
    const reserve = new DescriptorReserve(readDescriptorLimit());
    const onShortage = logShortage(logger, clock);
    let app: App | undefined;
    const dataPlane = await DataPlane.open({
      ...options,
      reserve,
      onShortage,
      // Listeners open once there is an app.
      isDraining: () => app!.#state === 'draining',
      onRefused: (status) => app!.#observers.metrics.countRefusal(status),
      onConnectionClosed: (reason) => app!.#observers.metrics.countClosedConnection(reason),
    });
    app = new App(config, options, dataPlane, reserve, onShortage);
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
    dataPlane: DataPlane,
    reserve: DescriptorReserve,
    onShortage: (message: string) => void,
  ) {
    this.#config = config;
    this.#options = options;
    this.#dataPlane = dataPlane;
    const { clock, logger, version, policies } = options;
    this.#lookups = new LookupQueue(clock, systemLookup);
    const names = new Names(clock, this.#lookups.lookup);
    const pools = { clock, names, claimDescriptor: reserve.claim };
    this.#upstreams = new UpstreamSet({
      clock,
      random: options.random,
      policies,
      names,
      openClient: (client, previous) => ProtocolClient.open(client, pools, previous),
      onShortage,
    });
    this.#leftBehind = new LeftBehind(clock);
    this.#stores = new StoreSet({ clock, onChange: (kind, why) => logStore(logger, kind, why) });
    const inspection: Inspection = {
      policies,
      isReady: () => this.#state === 'ready',
      scopes: () => this.#upstreams.scopes(),
      upstreams: () => this.#upstreams.inspect(),
      config: () => this.#config.document,
    };
    const observers = new Observers({
      ...options,
      inspection,
      config: () => this.#config,
      state: () => this.#state,
      overload: () => dataPlane.overload,
      leftBehind: this.#leftBehind,
    });
    this.#observers = observers;
    this.#reloads = new Reloads({
      load: options.load,
      current: () => this.#config,
      apply: (next) => this.#apply(next),
      onDone: (outcome) => observers.noteReload(outcome),
      logger,
    });
    this.#admin = new AdminListener({
      inspection,
      metrics: observers.metrics,
      live: observers.livePage.live,
      // Counts from the next request on.
      token: () => this.#config.admin.token,
      wrongTokens: new WrongTokens({
        clock,
        count: (why) => observers.metrics.countRefusedToken(why),
      }),
      reload: () => this.reload(),
      logger,
      version,
      parseDuration,
      orderSettings: this.#upstreams.order,
      readSettings: (policy, written) => readPolicy(policy, written, policies),
    });
  }

  /** The open addresses in the order of the file, the admin address last. A port 0 is replaced by the real port. */
  get listeners(): NamedAddress[] {
    const open: NamedAddress[] = this.#dataPlane.list().map(({ name, listener }) => ({
      name: name === SHARED ? 'server' : name,
      address: listener.address,
    }));
    const ofAdmin = this.#admin.addresses.map(({ role, address }) => ({
      name: role === 'listen' ? 'admin' : `admin.${role}`,
      address,
    }));
    return [...open, ...ofAdmin];
  }

  /** Reads the file again and puts it in force, or changes nothing at all. */
  reload(): Promise<ReloadOutcome> {
    return this.#reloads.run();
  }

  /** Drains and closes everything; resolves when nothing is left open. */
  async stop(): Promise<void> {
    const { shutdown } = this.#config;
    this.#state = 'draining';
    await this.#reloads.settled;
    await drainCalls({
      clock: this.#options.clock,
      delayMs: shutdown.delay,
      graceMs: shutdown.grace,
      drainListeners: () => this.#dataPlane.drain(),
      running: this.#dataPlane.running,
    });
    await this.#closeAll();
  }

  /** All that can fail comes first and changes nothing; then comes one synchronous step. */
  async #apply(config: Config): Promise<void> {
    const { logger } = this.#options;
    // Before the first call comes.
    await this.#observers.traces.prepare(config.tracing);
    const stored = await this.#stores.prepare(config.stores);
    const prepared = await this.#prepare(config).catch(async (error: unknown) => {
      await stored.abort();
      throw error;
    });

    const { grace } = config.shutdown;
    const closeStoreBefore = stored.commit();
    if (closeStoreBefore !== undefined) {
      this.#leftBehind.after(grace, () => void closeStoreBefore());
    }
    this.#config = config;
    logger.level = config.log.level;
    const { traces } = this.#observers;
    traces.configure(config.tracing, config.tracingOffBecause, grace);
    this.#dataPlane.configure(config, traces.tracer);
    const bus = this.#observers.bus(config);
    const before = this.#upstreams.replace(config, stored.store, bus);
    const stopped = prepared.commit(this.#upstreams.routers(config, bus), config.limits, grace);
    this.#upstreams.retire(before, (closeTunnels) => this.#leftBehind.after(grace, closeTunnels));
    this.#observers.noteConfig(config);
    this.#options.onApplied?.(config);
    await stopped;
  }

  /** Opens what the configuration listens on; closes all of it again if one address cannot be opened. */
  async #prepare(config: Config) {
    await removeDeadSockets(config);
    const prepared = await this.#dataPlane.prepare(config);
    try {
      await this.#admin.moveTo(config.admin);
    } catch (error) {
      await prepared.abort();
      if (!(error instanceof CannotListen)) throw error;
      throw listenError(error.option, error.address, error.cause);
    }
    return prepared;
  }

  async #closeAll(): Promise<void> {
    this.#leftBehind.runAll();
    this.#dataPlane.stopWatching();
    this.#observers.livePage.close();
    const closed = this.#dataPlane.closeListeners();
    // Tunnels are no longer the listeners' connections, but keep them open.
    await this.#upstreams.close();
    await closed;
    await Promise.all([this.#admin.close(), this.#dataPlane.closeFront()]);
    await this.#observers.traces.end();
    await this.#stores.closeAll();
    this.#lookups.close();
  }
}
