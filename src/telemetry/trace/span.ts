/** One span as it is sent: the form that the serializers of `@opentelemetry/otlp-transformer` read. */
import type { SpanAttributes } from '../../core/span.js';

/** Seconds and nanoseconds since the Unix epoch. */
export type Instant = [seconds: number, nanoseconds: number];

/** As the OpenTelemetry API numbers them. */
export const SERVER = 1;
export const CLIENT = 2;
export type SpanKind = typeof SERVER | typeof CLIENT;

export const UNSET = 0;
export const ERROR = 2;

export interface SpanStatus {
  readonly code: typeof UNSET | typeof ERROR;
  readonly message?: string;
}

/** What a span belongs to. */
export interface SpanIdentity {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  /** Of another process. */
  readonly isRemote: boolean;
  readonly traceState: { serialize(): string } | undefined;
}

export interface SpanEvent {
  readonly name: string;
  readonly time: Instant;
  readonly attributes: SpanAttributes;
}

const NONE: never[] = [];
const NO_STATUS: SpanStatus = { code: UNSET };

export class Span {
  readonly kind: SpanKind;
  readonly parentSpanContext: SpanIdentity | undefined;
  readonly startTime: Instant;
  readonly attributes: Record<string, string | number | boolean> = {};
  name: string;
  endTime: Instant;
  status: SpanStatus = NO_STATUS;
  events: readonly SpanEvent[] = NONE;
  droppedEventsCount = 0;
  /** What all spans of the process have in common; set when the span is encoded. */
  resource: object | undefined;
  instrumentationScope: object | undefined;
  readonly links: never[] = NONE;
  readonly droppedAttributesCount = 0;
  readonly droppedLinksCount = 0;
  readonly #identity: SpanIdentity;

  constructor(
    name: string,
    kind: SpanKind,
    identity: SpanIdentity,
    parent: SpanIdentity | undefined,
    startTime: Instant,
  ) {
    this.name = name;
    this.kind = kind;
    this.#identity = identity;
    this.parentSpanContext = parent;
    this.startTime = startTime;
    this.endTime = startTime;
  }

  spanContext(): SpanIdentity {
    return this.#identity;
  }
}
