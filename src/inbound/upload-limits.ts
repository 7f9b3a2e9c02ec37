/** A client's request body under the listeners' limits: how long it may be, and how long it may fall silent. */
import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../core/clock.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import { ReplayableBody } from './request-body.js';

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
  /** Bytes to remember for another try. */
  readonly replayLimit: number;
  /** The client waits for `100 Continue`, and may have it now. */
  readonly sendContinue: () => void;
  /** A limit was passed. */
  readonly onLimit: (error: CallFailure) => void;
}

/** Unread bytes up to which a connection is kept for the next request rather than closed. */
const DRAINABLE_BYTES = 64 * 1024;

/** Time a client has to stop sending and read its answer, in ms; nginx's lingering_timeout is as long. */
const LINGER_MS = 5000;

export function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

export class Upload {
  readonly body: ReplayableBody;
  readonly #request: IncomingMessage;
  readonly #limits: UploadLimits;
  readonly #options: UploadOptions;
  readonly #expectsContinue: boolean;
  #hasStarted = false;
  #received = 0;
  #lastMs = 0;
  #timer: Timer | undefined;

  /** @returns undefined for a request without a body. */
  static of(
    request: IncomingMessage,
    limits: UploadLimits,
    options: UploadOptions,
  ): Upload | undefined {
    return announcesBody(request) ? new Upload(request, limits, options) : undefined;
  }

  private constructor(request: IncomingMessage, limits: UploadLimits, options: UploadOptions) {
    this.#request = request;
    this.#limits = limits;
    this.#options = options;
    this.#expectsContinue = request.headers.expect !== undefined;
    this.body = new ReplayableBody(request, {
      replayLimit: options.replayLimit,
      onDemand: () => this.#start(),
      onReceived: (bytes) => this.#receive(bytes),
    });
  }

  /** What the announced length alone is refused with. */
  refusal(): CallError | undefined {
    return this.#tooLarge(Number(this.#request.headers['content-length'] ?? 0));
  }

  /** Whether what is still to come is too much, or too uncertain, to be read for the sake of the connection. */
  get spoilsConnection(): boolean {
    if (this.#request.complete) return false;
    // Without its 100 the client may send the body or not: what follows cannot be told from the next request.
    if (this.#expectsContinue && !this.#hasStarted) return true;
    return !(Number(this.#request.headers['content-length']) <= DRAINABLE_BYTES);
  }

  /**
   * Closes the connection after the answer so that the client can read it: an upload that still comes in would turn a
   * plain close into a reset, and the answer could be lost (RFC 9112, section 9.6).
   */
  linger(): void {
    const { socket } = this.#request;
    const { clock } = this.#limits;
    socket.destroySoon = () => {
      socket.end();
      const timer = clock.schedule(LINGER_MS, () => socket.destroy());
      socket.once('close', () => timer.cancel());
    };
  }

  close(): void {
    this.#timer?.cancel();
    this.body.close();
  }

  #start(): void {
    this.#hasStarted = true;
    if (this.#expectsContinue) this.#options.sendContinue();
    // Nothing can fall silent any more.
    if (this.body.hasEnded) return;
    this.#lastMs = this.#limits.clock.now();
    this.#arm(this.#limits.bodyIdleMs);
  }

  #receive(bytes: number): void {
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
