/** Where a request goes: an upstream's own pipeline, or that of one of its routes. */
import type { Emit } from '../core/events.js';
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
  /** Clients are sent the upstream's 103 responses. */
  readonly earlyHints: boolean;
  /** Bytes of a request body to remember for other attempts. */
  readonly replayBytes: number;
  /** An exchange begins. */
  enter(): void;
  /** It is over; once per `enter`. */
  leave(): void;
}
