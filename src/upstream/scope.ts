/** Where a request goes: the pipeline of an upstream, or of one of its routes. */
import type { Emit } from '../core/events.js';
import type { Off } from '../core/options.js';
import type { CallStage, DescribeCall } from '../core/pipeline.js';

/** What an exchange needs to know of where it goes. */
export interface Scope {
  readonly upstream: string;
  /** Empty for the upstream's own pipeline. */
  readonly route: string;
  /** The path that the route is for, with the prefix before it, as the configuration has them; undefined without one. */
  readonly pattern: string | undefined;
  readonly stage: CallStage;
  readonly emit: Emit;
  /** The upstream is sent the Host of the client. */
  readonly preserveHost: boolean;
  /** Clients are sent the upstream's 103 responses. */
  readonly earlyHints: boolean;
  /** Bytes of a request body to remember for other attempts. */
  readonly replayBytes: number;
  /** Highest `Retry-After` of a 503 of ours, in ms; off: it has none. */
  readonly ownRetryAfterMs: number | Off;
  /** What the policies tell the client with each response. */
  readonly responseFields: readonly DescribeCall[];
  /** An exchange begins. */
  enter(): void;
  /** The exchange is over; once per `enter`. */
  leave(): void;
}
