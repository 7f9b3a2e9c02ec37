/** One client request on its way through the pipeline. */
import type { CallError, CallFailure, Reason } from './errors.js';
import type { Deadline } from './deadline.js';
import type { AttemptResult } from './outcome.js';
import type { Fields } from '../http/fields.js';

/** What a policy may know of a request body; reading it is the transport's matter. */
export interface CallBody {
  /** The whole body could be sent again from its first byte. */
  readonly isReplayable: boolean;
  /**
   * Reads from the client before any try does, and remembers what it reads for the tries.
   * @returns the body, or its beginning, at least `limit` bytes of it, if it is longer than `limit`. Never settles
   * when the client leaves: the call is cancelled then.
   */
  readAhead(limit: number): Promise<BodyStart>;
}

export interface BodyStart {
  readonly bytes: Uint8Array;
  /** It is all there is. */
  readonly isWhole: boolean;
}

/** Phases of a try, in order; `sending` and `streaming` may be skipped. */
export type AttemptPhase =
  /** Waiting for a connection: not one byte has been sent. */
  | 'connecting'
  /** The head is sent; the client is still uploading the body, or the upstream still taking it. */
  | 'sending'
  /** The last byte of the request is sent; no answer yet. */
  | 'waiting'
  /** Headers are here, the body is on its way. */
  | 'streaming'
  /** As `streaming`, for an answer that lasts as long as it likes: an event stream or a tunnel. */
  | 'streaming-events'
  | 'ended';

/** Follows one try from the transport's side; the timeout policy's clocks hang on it. */
export interface AttemptObserver {
  /** The try begins, in phase `connecting`; `end` ends it, and only it, with an error. */
  onStart(end: (error: CallError) => void): void;
  onPhase(phase: AttemptPhase): void;
  /** The upstream does not take (true), or takes again (false), the request body's bytes. */
  onStall(isStalled: boolean): void;
  /** Bytes of the answer's body came. */
  onProgress(): void;
  /** The client does not take (true), or takes again (false), the answer's bytes. */
  onPause(isPaused: boolean): void;
}

/** Where a fallback answer comes from, as the caller is told. */
export type FallbackSource = 'cache' | 'static' | `upstream:${string}`;

/** That, and why, the answer is not the upstream's own. */
export interface Substitution {
  readonly source: FallbackSource;
  /** Empty where the upstream did answer, but with a failure. */
  readonly reason: Reason | '';
  /** What happened, in a sentence. */
  readonly cause: string;
}

export interface CallInit {
  readonly method: string;
  /** Path and query, byte for byte as they go upstream. */
  readonly path: string;
  /** The Host that goes upstream where it is the client's; undefined where it is the target's, the same for all. */
  readonly host?: string | undefined;
  readonly headers: Fields;
  readonly body: CallBody | undefined;
  /** Value of the deadline header, if the client sent one. */
  readonly deadlineHeader: string | undefined;
  /** The request carries the idempotency header. */
  readonly hasIdempotencyKey: boolean;
  /** Monotonic ms at which the request's head was complete. */
  readonly startedAtMs: number;
}

/**
 * Mutable on purpose: one object lives as long as the exchange. At any instant at most one party waits on it (the
 * queue, a back-off, a try, a body), and that party registers here how it is woken when the call is cancelled.
 */
export class Call {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly headers: Fields;
  readonly body: CallBody | undefined;
  readonly deadlineHeader: string | undefined;
  readonly hasIdempotencyKey: boolean;
  readonly startedAtMs: number;
  /** Tries sent so far, counting the first; 0 for a call that was refused. */
  attempts = 0;
  /** The instant by which the caller wants the end; set by the deadline policy. */
  deadline: Deadline | undefined;
  /** The observer of the try that starts next; set by the timeout policy, taken by the transport. */
  observer: AttemptObserver | undefined;
  /** What became of each try that is over, in order. */
  readonly results: AttemptResult[] = [];
  /** Time spent in tries, in ms. */
  upstreamMs = 0;
  /** Time spent in the bulkhead's queue, in ms. */
  waitedMs = 0;
  /** Goes on when its client hangs up, because its result is kept for the client's next try; set by a policy. */
  outlivesClient = false;
  /** Set by the fallback policy where another source has answered. */
  substitution: Substitution | undefined;
  /** Tries sent to other upstreams on behalf of this call. */
  attemptsElsewhere = 0;
  /** Why the call was ended from outside, if it was. */
  cancelled: CallFailure | undefined;
  #wake: ((error: CallFailure) => void) | undefined;

  constructor(init: CallInit) {
    this.method = init.method;
    this.path = init.path;
    this.host = init.host;
    this.headers = init.headers;
    this.body = init.body;
    this.deadlineHeader = init.deadlineHeader;
    this.hasIdempotencyKey = init.hasIdempotencyKey;
    this.startedAtMs = init.startedAtMs;
  }

  /** Ends the call wherever it is: the client left, its time is up, or the process stops. The first reason stands. */
  cancel(error: CallFailure): void {
    if (this.cancelled !== undefined) return;
    this.cancelled = error;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(error);
  }

  /**
   * Registers how the current waiter is woken by `cancel`; replaces the waiter before. Check `cancelled` first:
   * a call that was cancelled already wakes nobody.
   */
  waitWith(wake: ((error: CallFailure) => void) | undefined): void {
    this.#wake = wake;
  }
}
