/** A client's request body under the listeners' limits: how long it may be, and how long it may fall silent. */
import type { Clock, Timer } from '../core/clock.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import { ReplayableBody, type BodyObserver } from './request-body.js';
import type { BodySource } from './stream.js';

export interface UploadLimits {
  readonly clock: Clock;
  /** Longest silence, in ms. */
  readonly bodyIdleMs: number;
  /** Longest body, in bytes. */
  readonly maxRequestBody: number | 'off';
}

export interface UploadOptions {
  /** For messages. */
  readonly upstream: string;
  /** Bytes to remember for other attempts. */
  readonly replayLimit: number;
  /** A stream of messages, which its client may leave silent. */
  readonly mayBeSilent: boolean;
  /** A limit was passed. */
  readonly onLimit: (error: CallFailure) => void;
}

export class Upload implements BodyObserver {
  readonly body: ReplayableBody;
  readonly #source: BodySource;
  readonly #limits: UploadLimits;
  readonly #options: UploadOptions;
  #received = 0;
  #lastMs = 0;
  #timer: Timer | undefined;

  constructor(source: BodySource, limits: UploadLimits, options: UploadOptions) {
    this.#source = source;
    this.#limits = limits;
    this.#options = options;
    this.body = new ReplayableBody(source, options.replayLimit, this);
  }

  /** Read so far. */
  get receivedBytes(): number {
    return this.#received;
  }

  /** What the announced length alone is refused with. */
  refusal(): CallError | undefined {
    return this.#tooLarge(this.#source.length ?? 0);
  }

  close(): void {
    this.#timer?.cancel();
    this.body.close();
  }

  // From the body.

  onStart(): void {
    this.#lastMs = this.#limits.clock.now();
    if (!this.#options.mayBeSilent) this.#arm(this.#limits.bodyIdleMs);
  }

  onReceived(bytes: number): void {
    this.#lastMs = this.#limits.clock.now();
    this.#received += bytes;
    const error = this.#tooLarge(this.#received);
    if (error !== undefined) this.#options.onLimit(error);
  }

  #tooLarge(bytes: number): CallError | undefined {
    const { maxRequestBody } = this.#limits;
    if (maxRequestBody === 'off' || bytes <= maxRequestBody) return undefined;
    return new CallError(
      'request-too-large',
      `Cannot forward the request to ${this.#options.upstream} because its body is longer than limits.maxRequestBody, ${maxRequestBody} bytes`,
    );
  }

  #arm(delayMs: number): void {
    this.#timer = this.#limits.clock.schedule(delayMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const { clock, bodyIdleMs } = this.#limits;
    if (this.body.hasEnded) return;
    // A body that this side holds back is not silent.
    if (!this.body.isAwaited) this.#lastMs = clock.now();
    const restMs = this.#lastMs + bodyIdleMs - clock.now();
    if (restMs > 0) return this.#arm(restMs);
    this.#options.onLimit(
      new ClientGoneError(
        408,
        `Cannot forward the request to ${this.#options.upstream} because its body fell silent for ${bodyIdleMs} ms (limits.bodyIdle)`,
      ),
    );
  };
}
