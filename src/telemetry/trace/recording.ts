/** What the spans of one call have in common, and what they need of the process. */
import type { Clock, Random } from '../../core/clock.js';
import type { Places } from './places.js';
import type { Instant, Span, SpanIdentity } from './span.js';

/**
 * A span that has ended. While calls run, only what it needs is noted: to describe spans one after the other costs half as much
 * as to describe each of them among the work of its call.
 */
export interface SpanRecord {
  /** Once only. */
  toSpan(): Span;
}

export interface Recorder {
  readonly clock: Clock;
  readonly random: Random;
  /** Names of the events for calls that are refused, by the reason. */
  readonly refusalEvents: ReadonlyMap<string, string>;
  readonly places: Places;
  /** Takes a span that has ended. */
  readonly add: (record: SpanRecord) => void;
}

/** A call as the spans of its attempts see it. */
export interface RecordedCall {
  readonly recorder: Recorder;
  readonly method: string;
  readonly isGrpc: boolean;
  /** The trace began here: what the caller says of another one does not belong to it. */
  readonly isNew: boolean;
  /** Of the call's trace. */
  readonly traceId: string;
  readonly traceFlags: number;
  /** Of the call's own span. */
  readonly identity: SpanIdentity;
  /** Counts an attempt, at whichever upstream. @returns how many there were before. */
  countAttempt(): number;
  /** @param atMs monotonic. */
  toInstant(atMs: number): Instant;
}
