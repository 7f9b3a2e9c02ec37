/** One client request on its way through the pipeline. */
import { CancelScope } from './cancel-scope.js';
import type { Reason } from './errors.js';
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

/** Where a fallback answer comes from, as the caller is told. */
export type FallbackSource = 'cache' | 'static' | `upstream:${string}`;

/** That, and why, the answer is not the upstream's own. */
export interface Substitution {
  readonly source: FallbackSource;
  /** Empty where the upstream did answer, but with a failure. */
  readonly reason: Reason;
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

/** Mutable on purpose: one object lives as long as the exchange. */
export class Call extends CancelScope {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly headers: Fields;
  readonly body: CallBody | undefined;
  readonly deadlineHeader: string | undefined;
  readonly hasIdempotencyKey: boolean;
  readonly startedAtMs: number;
  /** Attempts begun so far, counting the first; 0 for a call that was refused. */
  attempts = 0;
  /** The instant by which the caller wants the end; set by the deadline policy. */
  deadline: Deadline | undefined;
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

  constructor(init: CallInit) {
    super();
    this.method = init.method;
    this.path = init.path;
    this.host = init.host;
    this.headers = init.headers;
    this.body = init.body;
    this.deadlineHeader = init.deadlineHeader;
    this.hasIdempotencyKey = init.hasIdempotencyKey;
    this.startedAtMs = init.startedAtMs;
  }
}
