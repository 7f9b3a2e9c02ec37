/** What a policy puts in the way of one attempt, so that it ends as if its upstream had done it. */
import type { Fields } from '../http/fields.js';

/** A whole response that the upstream did not send. */
export interface StandInResponse {
  readonly status: number;
  readonly headers: Fields;
  /** Undefined for a response to HEAD, and for one that is all head. */
  readonly body: Buffer | undefined;
}

export interface Intervention {
  /** In ms: the head of the response comes so much later. 0: at once. */
  readonly delayMs: number;
  /**
   * Comes in place of what the upstream would do, which gets no request: a response, or a connection that breaks without
   * one. Undefined: the upstream gets the request.
   */
  readonly instead: StandInResponse | 'reset' | undefined;
}
