/** Finds out whether a client that has calls open, and says nothing, still lives. */
import type { ServerHttp2Session } from 'node:http2';

/** Silence after which the client is sent a PING, in ms. Most calls are over by then. */
const SILENCE_MS = 60_000;

/** How long the client has to respond to it, in ms. */
const RESPONSE_MS = 20_000;

/**
 * A host that has vanished sends no end of its connection. Nor does Node always tell: after some errors of the protocol,
 * version 20 reads no further, and does not see that the client has closed the connection.
 */
export class Silence {
  readonly #session: ServerHttp2Session;
  #sinceMs: number;
  #pingedAtMs: number | undefined;

  constructor(session: ServerHttp2Session, nowMs: number) {
    this.#session = session;
    this.#sinceMs = nowMs;
  }

  /** The client has sent something. */
  end(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#pingedAtMs = undefined;
  }

  /** To be asked now and then while calls are open. @returns whether the client has been silent for too long. */
  isTooLong(nowMs: number): boolean {
    if (this.#pingedAtMs !== undefined) return nowMs - this.#pingedAtMs >= RESPONSE_MS;
    if (nowMs - this.#sinceMs < SILENCE_MS || this.#session.destroyed) return false;
    this.#pingedAtMs = nowMs;
    this.#session.ping(() => {});
    return false;
  }
}
