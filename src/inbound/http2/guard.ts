/** How much of what costs only this side a client may do: each connection has a budget of each kind. */

/** Why a client's connection was closed. */
export type CloseReason =
  /** More streams at a time than the settings allow. */
  | 'too-many-streams'
  /** Streams that the client opens and resets. */
  | 'too-many-resets'
  /** Heads that are malformed or too large, or DATA frames that are empty. */
  | 'too-many-refused-heads'
  /** A head in more pieces than any sound client needs. */
  | 'too-many-continuations'
  | 'too-many-pings'
  | 'too-many-settings'
  /** Frames that are not HTTP/2. */
  | 'protocol-error';

/** Streams that a client may have open at a time; RFC 9113, section 6.5.2, advises no fewer. */
export const MAX_STREAMS = 100;

/** A budget that fills up again as time goes by. */
export interface Budget {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Below what nghttp2 allows (1000, then 33 a second), as it then takes no more streams, and Node does not tell. Clients
 * whose deadlines are over reset streams, too.
 */
export const RESETS: Budget = { burst: 500, perSecond: 30 };

/**
 * Refused heads and empty DATA frames that Node takes in the whole life of a connection. Its own limit, 1000, would end
 * connections that have lasted for long, with all their calls.
 */
export const MAX_INVALID_FRAMES = 10_000;

export const REFUSED_HEADS: Budget = { burst: 100, perSecond: 1 };

/** A PING costs little. gRPC clients send some of their own accord, but hardly ever two without a call in between. */
export const PINGS: Budget = { burst: 200, perSecond: 10 };

export const SETTINGS: Budget = { burst: 50, perSecond: 1 };

/** What is left of a budget. */
export class Allowance {
  readonly #budget: Budget;
  #left: number;
  #countedAtMs: number;

  constructor(budget: Budget, nowMs: number) {
    this.#budget = budget;
    this.#left = budget.burst;
    this.#countedAtMs = nowMs;
  }

  /** @returns false when there is not enough left. */
  take(count: number, nowMs: number): boolean {
    const { burst, perSecond } = this.#budget;
    const refill = ((nowMs - this.#countedAtMs) / 1000) * perSecond;
    this.#countedAtMs = nowMs;
    this.#left = Math.min(burst, this.#left + refill) - count;
    return this.#left >= 0;
  }

  /** As if nothing had been taken. */
  refill(): void {
    this.#left = this.#budget.burst;
  }
}

/** Errors of nghttp2, as Node hands them on, by their number. */
const FLOODED = -904;
const TOO_MANY_CONTINUATIONS = -905;
const PROTOCOL_ERROR = -505;

/**
 * @param error what Node closed the connection with. @param streams those that were open.
 * @returns undefined where it is not the client's doing.
 */
export function reasonOf(
  { code, errno }: NodeJS.ErrnoException,
  streams: number,
): CloseReason | undefined {
  if (code === 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES') return 'too-many-refused-heads';
  if (code !== 'ERR_HTTP2_ERROR') return undefined;
  if (errno === TOO_MANY_CONTINUATIONS) return 'too-many-continuations';
  // Acknowledgements that the client does not read.
  if (errno === FLOODED) return 'too-many-pings';
  return errno === PROTOCOL_ERROR && streams >= MAX_STREAMS ? 'too-many-streams' : 'protocol-error';
}
