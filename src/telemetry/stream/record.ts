/** What is kept of one upstream for the live page: its ring, counts since it is known, and the last few things that went wrong. */
import type { AttemptFinished, ExchangeSummary } from '../../core/events.js';
import { CallError } from '../../core/errors.js';
import type { AttemptResult } from '../../core/outcome.js';
import { attemptResults } from '../../core/outcome.js';
import { isGrpcFault } from '../../http/grpc.js';
import { Ring, type CallResult } from './ring.js';

/** Entries that are kept of each kind. */
const KEPT = 20;

/** In ms: a flood of failures must not cost more than counting them, nor push out the first ones within a moment. */
const BETWEEN_FAILURES_MS = 200;

/** Calls that were refused for the same reason are all alike. */
const BETWEEN_REFUSALS_MS = 10_000;

/** Longer paths are cut. */
const MAX_PATH = 200;

/** A call that did not go well. Nothing in it comes from a query, a header or a body. */
export interface FailedCall {
  readonly at: string;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly reason: string;
  readonly fallback: string | null;
  readonly attempts: number;
  readonly outcomes: readonly AttemptResult[];
  readonly endpoints: readonly string[];
  readonly durationMs: number;
  readonly waitMs: number;
  readonly error: string | null;
}

/** A line that a policy or an endpoint has for the log. */
export interface News {
  readonly at: string;
  readonly route: string;
  readonly level: string;
  readonly message: string;
  /** As in the log: `from`, `to`, `rule`, `observed` and `threshold` of a circuit. */
  readonly fields: object;
}

/** A list of the last so many, newest first when it is read. */
export class LastFew<Item> {
  #items: Item[] | undefined;

  add(item: Item): void {
    const items = (this.#items ??= []);
    if (items.length === KEPT) items.shift();
    items.push(item);
  }

  get newest(): Item | undefined {
    return this.#items?.at(-1);
  }

  list(): Item[] {
    return this.#items?.toReversed() ?? [];
  }
}

/** Since the start, or since the upstream came with a reload. */
export interface RouteCounts {
  calls: number;
  failed: number;
  refused: number;
  degraded: number;
}

/** How a call went for its caller. */
export function callResult(summary: ExchangeSummary): CallResult {
  const { status, grpcCode, reason, substitution, error, attempts } = summary;
  if (status === 499 || status === 408) return 'left';
  if (substitution !== undefined) return 'degraded';
  // What the caller itself did wrong (400, 409, 413, 422) is no failure; too many calls (429) are.
  const isFault = status >= 500 || (grpcCode !== undefined && isGrpcFault(grpcCode));
  const isRefusal = reason !== '' && attempts === 0;
  if (isRefusal && (isFault || status === 429)) return 'refused';
  return isFault || (error !== undefined && status < 400) ? 'failed' : 'good';
}

/** A copy that does not keep the text alive of which it was a part. */
const copied = (text: string) => Buffer.from(text.slice(0, MAX_PATH)).toString();

/** Errors that the upstream had no part in may quote what the client sent. */
function describeError({ error, status, substitution }: ExchangeSummary): string | null {
  if (error instanceof CallError) return error.outcome === undefined ? error.title : error.message;
  if (substitution !== undefined) return null;
  return status >= 500 ? `The upstream responded ${status}` : null;
}

export class UpstreamRecord {
  readonly ring: Ring;
  readonly sinceWallMs: number;
  readonly transitions = new LastFew<News>();
  readonly news = new LastFew<News>();
  readonly failures = new LastFew<FailedCall>();
  /** Status and reason of calls that did not go well; the keys come from closed lists. */
  readonly notGood = new Map<string, number>();
  readonly routes = new Map<string, RouteCounts>();
  readonly attempts: Record<AttemptResult, number>;
  left = 0;
  /** What callers got that did not go well, last. */
  lastNotGood: { readonly status: number; readonly reason: string } | undefined;
  #lastFailureMs = -Infinity;
  #lastRefusalMs = -Infinity;
  #lastRefusal = '';

  constructor(slot: number, wallMs: number) {
    this.ring = new Ring(slot);
    this.sinceWallMs = wallMs;
    this.attempts = Object.fromEntries(attemptResults.map((each) => [each, 0])) as Record<
      AttemptResult,
      number
    >;
  }

  routeCounts(route: string): RouteCounts {
    let counts = this.routes.get(route);
    if (counts === undefined) {
      this.routes.set(route, (counts = { calls: 0, failed: 0, refused: 0, degraded: 0 }));
    }
    return counts;
  }

  countAttempt(slot: number, { result, headersMs }: AttemptFinished): void {
    this.attempts[result] += 1;
    const wasSent = result !== 'unsent' && result !== 'cancelled';
    this.ring.countAttempt(slot, wasSent ? headersMs : undefined);
  }

  /** @param readTime is asked only where it matters. */
  countCall(
    slot: number,
    route: string,
    counts: RouteCounts,
    summary: ExchangeSummary,
    readTime: () => { readonly nowMs: number; readonly wallMs: number },
  ): void {
    const result = callResult(summary);
    this.ring.countCall(slot, result);
    if (result === 'left') {
      this.left += 1;
      return;
    }
    counts.calls += 1;
    if (result === 'good') return;
    counts[result] += 1;
    const { status, reason } = summary;
    const key = reason === '' ? String(status) : `${status} ${reason}`;
    this.notGood.set(key, (this.notGood.get(key) ?? 0) + 1);
    if (this.lastNotGood?.status !== status || this.lastNotGood.reason !== reason) {
      this.lastNotGood = { status, reason };
    }
    const { nowMs, wallMs } = readTime();
    if (this.#isWorthKeeping(result, reason, nowMs)) {
      this.failures.add(describeCall(summary, route, wallMs));
    }
  }

  #isWorthKeeping(result: CallResult, reason: string, nowMs: number): boolean {
    if (result === 'refused') {
      const isKnown = this.#lastRefusal === reason;
      if (isKnown && nowMs - this.#lastRefusalMs < BETWEEN_REFUSALS_MS) return false;
      this.#lastRefusal = reason;
      this.#lastRefusalMs = nowMs;
      return true;
    }
    if (nowMs - this.#lastFailureMs < BETWEEN_FAILURES_MS) return false;
    this.#lastFailureMs = nowMs;
    return true;
  }
}

function describeCall(summary: ExchangeSummary, route: string, wallMs: number): FailedCall {
  const { method, path, status, reason, attempts, results, endpoints, substitution } = summary;
  return {
    at: new Date(wallMs).toISOString(),
    route,
    method: copied(method),
    path: copied(path),
    status,
    reason,
    fallback: substitution?.source ?? null,
    attempts,
    outcomes: results.slice(0, KEPT),
    endpoints: endpoints.slice(0, KEPT),
    durationMs: Math.round(summary.durationMs),
    waitMs: Math.round(summary.waitedMs),
    error: describeError(summary),
  };
}
