/** What goes wrong: the closed list of reasons for which Breakwater answers by itself, and the error that carries one. */

interface ReasonEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly title: string;
  /** The token for `Proxy-Status` (RFC 9209, section 2.3). */
  readonly proxyError: string;
}

export const reasons = {
  'circuit-open': { status: 503, title: 'Circuit open', proxyError: 'destination_unavailable' },
  'bulkhead-full': { status: 503, title: 'Bulkhead full', proxyError: 'connection_limit_reached' },
  'bulkhead-timeout': {
    status: 503,
    title: 'No bulkhead slot in time',
    proxyError: 'connection_limit_reached',
  },
  overloaded: { status: 503, title: 'Overloaded', proxyError: 'proxy_internal_response' },
  'shutting-down': { status: 503, title: 'Shutting down', proxyError: 'proxy_internal_response' },
  'store-unavailable': {
    status: 503,
    title: 'Store unavailable',
    proxyError: 'proxy_internal_error',
  },
  'deadline-expired': {
    status: 504,
    title: 'Deadline expired',
    proxyError: 'http_response_timeout',
  },
  'timeout-total': { status: 504, title: 'Total timeout', proxyError: 'http_response_timeout' },
  'timeout-attempt': { status: 504, title: 'Attempt timeout', proxyError: 'http_response_timeout' },
  'timeout-connect': { status: 504, title: 'Connect timeout', proxyError: 'connection_timeout' },
  'timeout-write': { status: 504, title: 'Write timeout', proxyError: 'connection_write_timeout' },
  'connect-failed': { status: 502, title: 'Connect failed', proxyError: 'connection_refused' },
  'upstream-reset': {
    status: 502,
    title: 'Upstream reset the connection',
    proxyError: 'connection_terminated',
  },
  'upstream-protocol-error': {
    status: 502,
    title: 'Upstream broke the protocol',
    proxyError: 'http_protocol_error',
  },
  'no-route': { status: 404, title: 'No route', proxyError: 'destination_not_found' },
  'invalid-deadline': { status: 400, title: 'Invalid deadline', proxyError: 'http_request_error' },
  'idempotency-key-missing': {
    status: 400,
    title: 'Idempotency key missing',
    proxyError: 'http_request_error',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'Request with this idempotency key in progress',
    proxyError: 'http_request_denied',
  },
  'idempotency-mismatch': {
    status: 422,
    title: 'Idempotency key used for another request',
    proxyError: 'http_request_denied',
  },
  'request-too-large': {
    status: 413,
    title: 'Request too large',
    proxyError: 'http_request_error',
  },
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof reasons;

/** Told to callers, in ms, where it is not known when a call would get through. */
export const DEFAULT_RETRY_AFTER_MS = 1000;

export interface CallErrorOptions {
  /** How long the caller should wait before it tries again, in ms. */
  retryAfterMs?: number;
  /** Not one byte of the request reached the upstream. */
  unsent?: boolean;
  /** This process has run out of something (descriptors, ports, memory): the upstream had no part in it. */
  ownShortage?: boolean;
  /** A reused idle connection closed before any byte of the answer. */
  stale?: boolean;
  /** Overrides the reason's `Proxy-Status` token where the cause is known better (DNS, TLS). */
  proxyError?: string;
  cause?: unknown;
}

/**
 * A call, or one try of it, that ended without an upstream's answer.
 * The message reads "Cannot X because Y" and names the upstream. It carries no stack: it is made on the hot path
 * of an outage and says where it comes from by its reason.
 */
export class CallError extends Error {
  readonly reason: Reason;
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly unsent: boolean;
  readonly ownShortage: boolean;
  readonly stale: boolean;
  readonly proxyError: string;

  constructor(reason: Reason, message: string, options: CallErrorOptions = {}) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = limit;
    const entry: ReasonEntry = reasons[reason];
    this.name = 'CallError';
    this.reason = reason;
    this.status = entry.status;
    this.retryAfterMs = options.retryAfterMs;
    this.unsent = options.unsent ?? false;
    this.ownShortage = options.ownShortage ?? false;
    this.stale = options.stale ?? false;
    this.proxyError = options.proxyError ?? entry.proxyError;
  }
}

/** The client hung up (499), or stopped sending its request (408): nobody is left to serve. */
export class ClientGoneError extends Error {
  readonly status: 499 | 408;

  constructor(status: 499 | 408, message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = 'ClientGoneError';
    this.status = status;
  }
}

/** Everything that a call can reject with. */
export type CallFailure = CallError | ClientGoneError;
