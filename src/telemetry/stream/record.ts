/** What is kept of one upstream for the live page: its ring, counts since it is known, and the last few things that went wrong. */
import type { AttemptFinished, ExchangeSummary } from '../../core/events.js';
import type { AttemptResult } from '../../core/outcome.js';
import type { ShadowRefused } from '../../core/shadow.js';
import { isGrpcFault } from '../../http/grpc.js';
import { describeCall, type FailedCall } from './failed-call.js';
import { LastFew } from './last-few.js';
import { Ring, type CallResult } from './ring.js';

/** In ms: a flood of failures must not cost more than counting them, nor push out the first ones within a moment. */
const BETWEEN_FAILURES_MS = 200;

/** A line that a policy or an endpoint has for the log. */
export interface News {
  readonly at: string;
  readonly route: string;
  readonly level: string;
  readonly message: string;
  /** As in the log: `from`, `to`, `rule`, `observed` and `threshold` of a circuit. */
  readonly fields: object;
}

/** Since the start, or since the upstream came with a reload. */
export interface RouteCounts {
  readonly route: string;
  calls: number;
  failed: number;
  refused: number;
  degraded: number;
}

/** Calls that did not go well in the same way; there are few ways. */
export interface NotGood {
  readonly result: CallResult;
  readonly status: number;
  readonly reason: string;
  calls: number;
  /** The slot in which one without an attempt was kept last. */
  keptIn: number;
}

/** Calls that a policy in shadow would have refused. */
export interface ShadowCount {
  readonly route: string;
  readonly policy: string;
  readonly reason: string;
  calls: number;
}

/** Reads the clock, where that matters. */
export type ReadTime = () => { readonly nowMs: number; readonly wallMs: number };

const NONE: readonly NotGood[] = [];
const NO_SHADOW: readonly ShadowCount[] = [];

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

/** Made so that it is small as long as all goes well: there may be thousands. */
export class UpstreamRecord {
  readonly ring: Ring;
  readonly sinceWallMs: number;
  readonly transitions = new LastFew<News>();
  readonly news = new LastFew<News>();
  readonly failures = new LastFew<FailedCall>();
  readonly routes: RouteCounts[] = [];
  readonly attempts: Record<AttemptResult, number>;
  /** Clients that gave up. */
  left = 0;
  /** When the upstream last responded with an error; other failures have a message of their own. */
  lastFailureWallMs: number | undefined;
  /** Of the last call that got an error of the upstream; 0 where that is not known. */
  lastFailureStatus = 0;
  /** What callers got last that was not good. */
  lastNotGood: NotGood | undefined;
  /** When an endpoint was last taken out. */
  endpointOutAt: string | null = null;
  /** When the current row of slots with calls that were not good began. */
  badSinceWallMs: number | undefined;
  #lastBadSlot = -Infinity;
  #notGood: NotGood[] | undefined;
  #shadow: ShadowCount[] | undefined;
  #openings: Map<string, News> | undefined;
  #keptAtMs = -Infinity;

  constructor(slot: number, wallMs: number) {
    this.ring = new Ring(slot);
    this.sinceWallMs = wallMs;
    this.attempts = { success: 0, failure: 0, timeout: 0, unsent: 0, reset: 0, cancelled: 0 };
  }

  get notGood(): readonly NotGood[] {
    return this.#notGood ?? NONE;
  }

  get shadow(): readonly ShadowCount[] {
    return this.#shadow ?? NO_SHADOW;
  }

  /** @param hasLeftClosed it is what an outage begins with, and is kept for as long as the outage lasts. */
  addMove(move: News, hasLeftClosed: boolean): void {
    this.transitions.add(move);
    if (hasLeftClosed) (this.#openings ??= new Map()).set(move.route, move);
  }

  /** How the circuit of the route last left the closed state. */
  openingOf(route: string): News | undefined {
    return this.#openings?.get(route);
  }

  countShadow(route: string, { policy, reason }: ShadowRefused): void {
    const list = (this.#shadow ??= []);
    const known = list.find(
      (each) => each.reason === reason && each.policy === policy && each.route === route,
    );
    if (known === undefined) list.push({ route, policy, reason, calls: 1 });
    else known.calls += 1;
  }

  countsOf(route: string): RouteCounts {
    const known = this.routes.find((each) => each.route === route);
    if (known !== undefined) return known;
    const counts = { route, calls: 0, failed: 0, refused: 0, degraded: 0 };
    this.routes.push(counts);
    return counts;
  }

  countAttempt(slot: number, { result, headersMs }: AttemptFinished, readTime: ReadTime): void {
    this.attempts[result] += 1;
    if (result === 'failure') this.lastFailureWallMs = readTime().wallMs;
    const wasSent = result !== 'unsent' && result !== 'cancelled';
    this.ring.countAttempt(slot, wasSent ? headersMs : undefined);
  }

  countCall(slot: number, counts: RouteCounts, summary: ExchangeSummary, readTime: ReadTime): void {
    const result = callResult(summary);
    this.ring.countCall(slot, result);
    if (result === 'left') {
      this.left += 1;
      return;
    }
    counts.calls += 1;
    if (result === 'good') return;
    counts[result] += 1;
    const { status, reason, error } = summary;
    if (reason === '' && error === undefined) this.lastFailureStatus = status >= 500 ? status : 0;
    // A slot without any ends the row.
    if (slot - this.#lastBadSlot > 1) this.badSinceWallMs = readTime().wallMs;
    this.#lastBadSlot = slot;
    const kind = this.#countNotGood(result, summary);
    if (summary.attempts > 0) this.#keepFailure(counts.route, summary, readTime);
    else if (kind.keptIn !== slot) {
      // Refusals of one kind are all alike, and there may be thousands in a second.
      kind.keptIn = slot;
      this.failures.add(describeCall(summary, counts.route, readTime().wallMs));
    }
  }

  #keepFailure(route: string, summary: ExchangeSummary, readTime: ReadTime): void {
    const { nowMs, wallMs } = readTime();
    if (nowMs - this.#keptAtMs < BETWEEN_FAILURES_MS) return;
    this.#keptAtMs = nowMs;
    this.failures.add(describeCall(summary, route, wallMs));
  }

  /** @returns what it was counted as. */
  #countNotGood(result: CallResult, { status, reason }: ExchangeSummary): NotGood {
    const last = this.lastNotGood;
    const isLike = (each: NotGood) =>
      each.status === status && each.reason === reason && each.result === result;
    if (last !== undefined && isLike(last)) {
      last.calls += 1;
      return last;
    }
    const list = (this.#notGood ??= []);
    let counted = list.find(isLike);
    if (counted === undefined) {
      counted = { result, status, reason, calls: 0, keptIn: -1 };
      list.push(counted);
    }
    counted.calls += 1;
    this.lastNotGood = counted;
    return counted;
  }
}
