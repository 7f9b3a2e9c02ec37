/** Where a request goes: an upstream's own pipeline, or that of one of its routes. */
import type { Emit } from '../core/events.js';
import type { Off } from '../core/options.js';
import type { CallStage } from '../core/pipeline.js';

/** What an exchange needs to know of where it goes. */
export interface Scope {
  readonly upstream: string;
  /** Empty for the upstream's own. */
  readonly route: string;
  readonly stage: CallStage;
  readonly emit: Emit;
  /** The upstream is told the client's Host. */
  readonly preserveHost: boolean;
  /** Bytes of a request body to remember for other attempts. */
  readonly replayBytes: number;
  /** Highest `Retry-After` of a 503 of ours, in ms; off: it has none. */
  readonly ownRetryAfterMs: number | Off;
  /** An exchange begins. */
  enter(): void;
  /** It is over; once per `enter`. */
  leave(): void;
}
