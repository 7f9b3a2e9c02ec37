/** The side of the clients: the listeners, the exchanges that run, and the watch that sheds load. */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { Clock, Random } from '../core/clock.js';
import type { Tracer } from '../core/span.js';
import { createFront, type FrontContext } from '../inbound/port/front.js';
import { ListenerSet, type OpenListener } from '../inbound/listener-set.js';
import { Problems } from '../inbound/problem.js';
import { createRequestIds } from '../inbound/request-id.js';
import type { Running } from '../inbound/exchange-context.js';
import { Roster } from '../lib/roster.js';
import { openMemoryReader } from '../platform/memory-limits.js';
import type { DescriptorReserve } from '../platform/descriptor-reserve.js';
import { overload, type Overload, type OverloadChange } from '../policies/overload/index.js';
import { createCloseLog, createRefusalLog } from '../telemetry/log/refusals.js';
import { writeLine, type Logger } from '../telemetry/log/logger.js';
import { listenError, SHARED, wantedBy } from './addresses.js';

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly reserve: DescriptorReserve;
  /** This process is out of descriptors, ports or memory. */
  readonly onShortage: (message: string) => void;
  /** The process ends. */
  readonly isDraining: () => boolean;
  /** A request was refused below the policies. */
  readonly onRefused: (status: number) => void;
  /** A connection was closed because of what its client did. */
  readonly onConnectionClosed: (reason: string) => void;
}

type Front = Awaited<ReturnType<typeof createFront>>;

export class DataPlane {
  readonly running = new Roster<Running>();
  readonly #options: DataPlaneOptions;
  readonly #exchanges: { -readonly [Key in keyof FrontContext]: FrontContext[Key] };
  readonly #front: Front;
  readonly #listeners: ListenerSet;
  #overload: Overload | undefined;

  static async open(options: DataPlaneOptions): Promise<DataPlane> {
    const { clock, logger, reserve, onShortage, isDraining } = options;
    const logRefusal = createRefusalLog(logger, clock);
    const logClosed = createCloseLog(logger, clock);
    const exchanges: FrontContext = {
      clock,
      createRequestId: createRequestIds(randomUUID()),
      problems: new Problems(),
      bodyIdleMs: 0,
      maxRequestBody: 'off',
      refuse: undefined,
      tracer: undefined,
      onRefused(status, why) {
        options.onRefused(status);
        logRefusal(status, why);
      },
      onConnectionClosed(reason, why) {
        options.onConnectionClosed(reason);
        logClosed(reason, why);
      },
      isDraining,
      running: new Roster(),
    };
    const front = await createFront(exchanges, { isShort: reserve.isAllThatIsLeft, onShortage });
    return new DataPlane(options, exchanges, front);
  }

  private constructor(options: DataPlaneOptions, exchanges: FrontContext, front: Front) {
    this.#options = options;
    this.#exchanges = exchanges;
    this.#exchanges.running = this.running;
    this.#front = front;
    this.#listeners = new ListenerSet(front, options.clock);
  }

  /** Undefined while it is off. */
  get overload(): Overload | undefined {
    return this.#overload;
  }

  list(): OpenListener[] {
    return this.#listeners.list();
  }

  /** Opens what the configuration listens on. @throws ListenError, with nothing changed. */
  prepare(config: Config) {
    return this.#listeners.prepare(wantedBy(config), config.limits, ({ name, address }, cause) =>
      listenError(name === SHARED ? 'server.listen' : `upstream ${name}`, address, cause),
    );
  }

  /**
   * The limits of exchanges, what records them, and the watch of the load: that of the configuration before goes on.
   * @param tracer undefined while nothing is traced.
   */
  configure({ limits, overload: wanted }: Config, tracer: Tracer | undefined): void {
    const { clock, random, logger } = this.#options;
    this.#exchanges.bodyIdleMs = limits.bodyIdle;
    this.#exchanges.maxRequestBody = limits.maxRequestBody;
    this.#exchanges.tracer = tracer;
    const context = {
      clock,
      random,
      openMemory: openMemoryReader,
      onChange: (change: OverloadChange) => writeLine(logger, overload.line(change)),
    };
    this.#overload = overload.create(wanted, context, this.#overload);
    this.#exchanges.refuse = this.#overload?.refuse;
  }

  /** Resolves when all connections have ended, none of which loses a request. */
  drain(): Promise<void> {
    return this.#listeners.drain();
  }

  stopWatching(): void {
    this.#overload?.stop();
  }

  /** Cuts what is still open. */
  closeListeners(): Promise<void> {
    return this.#listeners.close();
  }

  closeFront(): Promise<unknown> {
    return this.#front.close();
  }
}
