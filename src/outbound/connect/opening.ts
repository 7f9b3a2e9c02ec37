/** Opens a connection: looks the target's name up and goes through its addresses, all within one time limit. */
import type { Clock, Timer } from '../../core/clock.js';
import { ConnectTimeout } from '../client.js';
import { isShortageOfAll } from '../shortage.js';
import type { TargetAddresses } from '../names/target-addresses.js';

/** What Linux gives a TCP connection to come about; a TLS handshake has no end of its own. */
const SYSTEM_CONNECT_MS = 130_000;

/** An address that does not respond gets at most this share of the time while others are left. */
const SHARES = 3;
/** It gets no longer than this either, in ms. */
const LONGEST_SHARE_MS = 5000;

/** What is being opened: a connection of any protocol. */
export interface Openable {
  destroy(): void;
}

export interface OpeningOptions<Opened extends Openable> {
  readonly clock: Clock;
  readonly addresses: TargetAddresses;
  /** 0 for the limit that the system commonly has. */
  readonly timeoutMs: number;
  /** Begins to open a connection; `onOpen` is called once, later. */
  connect(address: string, onOpen: (error?: Error) => void): Opened;
  /** The request still waits, so a further address may help. */
  isWanted(): boolean;
  /** Exactly one of them is called, once. */
  onOpen(connection: Opened): void;
  onFailure(error: Error): void;
}

export class Opening<Opened extends Openable> {
  readonly #options: OpeningOptions<Opened>;
  readonly #untilMs: number;
  readonly #timeoutMs: number;
  /** Those that have not been tried. */
  #left: string[] = [];
  #errors: Error[] = [];
  #connection: Opened | undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: OpeningOptions<Opened>) {
    const { clock, timeoutMs } = options;
    this.#options = options;
    this.#timeoutMs = timeoutMs === 0 ? SYSTEM_CONNECT_MS : timeoutMs;
    this.#untilMs = clock.now() + this.#timeoutMs;
  }

  start(): void {
    this.#arm(this.#timeoutMs);
    this.#options.addresses.find((error, addresses) => {
      if (this.#isOver) return;
      if (error !== undefined) return this.fail(error);
      this.#left = [...addresses];
      this.#next();
    });
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection?.destroy();
    this.#options.onFailure(error);
  }

  #next(): void {
    const address = this.#left.shift()!;
    const restMs = this.#untilMs - this.#options.clock.now();
    const isLast = this.#left.length === 0;
    const shares = Math.min(SHARES, this.#left.length + 1);
    this.#arm(isLast ? restMs : Math.min(restMs / shares, LONGEST_SHARE_MS));
    try {
      const connection = this.#options.connect(address, (error) => {
        if (this.#isOver || connection !== this.#connection) return;
        if (error === undefined) {
          this.#end();
          this.#options.onOpen(connection);
        } else {
          this.#onFailed(error);
        }
      });
      this.#connection = connection;
    } catch (error) {
      // A certificate that cannot be used, or no descriptor: no other address changes that.
      this.fail(error as Error);
    }
  }

  #onFailed(error: Error): void {
    this.#errors.push(error);
    if (this.#left.length > 0 && this.#options.isWanted() && !isShortageOfAll(error))
      return this.#next();
    const [first] = this.#errors;
    this.fail(this.#errors.length === 1 ? first! : new AggregateError(this.#errors));
  }

  readonly #onTimer = (): void => {
    const error = new ConnectTimeout(`no connection came about within ${this.#timeoutMs} ms`);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
    if (connection === undefined) this.fail(error);
    else this.#onFailed(error);
  };

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(Math.max(0, delayMs), this.#onTimer);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }
}
