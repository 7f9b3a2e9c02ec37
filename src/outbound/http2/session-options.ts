/** What a session is opened for. */
import type { Clock } from '../../core/clock.js';
import type { Target } from '../../core/model.js';

export interface SessionOptions {
  readonly target: Target;
  readonly clock: Clock;
  /** Of a response, and of its trailers. */
  readonly maxHeaderBytes: number;
  /** Of the other side, as the target's addresses are called. */
  readonly address: string;
}
