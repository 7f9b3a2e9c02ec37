/** Finds out whether the other side of a session still lives, after a request had to be given up. */
import type { ClientHttp2Session } from 'node:http2';
import type { Clock, Timer } from '../../core/clock.js';

/** How long the other side has to respond to a PING, in ms. */
export const PING_TIMEOUT_MS = 5000;
/** A PING without an acknowledgement for so long, in ms, makes the session suspect. */
const SUSPECT_MS = 250;
/**
 * Servers of gRPC close connections with more than two PINGs between two responses. So the next one waits for a response,
 * or for so long, in ms.
 */
const PAUSE_MS = 60_000;

export class PingCheck {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #onDead: () => void;
  #timer: Timer | undefined;
  #sentAtMs = -Infinity;
  #hasResponded = true;

  /** @param onDead is called at most once per PING: it was not acknowledged in time. */
  constructor(session: ClientHttp2Session, clock: Clock, onDead: () => void) {
    this.#session = session;
    this.#clock = clock;
    this.#onDead = onDead;
  }

  /** Something of a response has come. */
  onResponse(): void {
    this.#hasResponded = true;
  }

  /** New requests should rather go elsewhere. */
  isSuspect(nowMs: number): boolean {
    return this.#timer !== undefined && nowMs - this.#sentAtMs > SUSPECT_MS;
  }

  start(): void {
    const nowMs = this.#clock.now();
    if (this.#timer !== undefined || this.#session.destroyed) return;
    if (!this.#hasResponded && nowMs - this.#sentAtMs < PAUSE_MS) return;
    this.#sentAtMs = nowMs;
    this.#hasResponded = false;
    this.#timer = this.#clock.schedule(PING_TIMEOUT_MS, () => {
      this.#timer = undefined;
      this.#onDead();
    });
    // False where too many are under way: then the timer stands for this one, too.
    this.#session.ping((error) => {
      if (error === null) this.stop();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
