/** The reasons for which Breakwater responds by itself, and the error that carries one. */
import type { GrpcCode } from '../http/grpc.js';

/** How a reason looks to a client, and what it says of the attempt that ended with it. */
export interface ReasonEntry {
  /** HTTP status of the response. */
  readonly status: number;
  readonly title: string;
  /** The token for `Proxy-Status` (RFC 9209, section 2.3). */
  readonly proxyError: string;
  /** What became of an attempt that ended so; left out where the upstream had no part in it. */
  readonly outcome?: 'unsent' | 'reset' | 'timeout' | 'deadline';
  /** Calls are refused with it in the ordinary course of things: its count is shown before the first one. */
  readonly isShownFromStart?: true;
  /** In the trace of a call that is refused with it: `breakwater.` and a word. */
  readonly spanEvent?: string;
}

export interface DeclaredReason extends ReasonEntry {
  /** In `X-Breakwater-Reason`, metrics and logs; never changes. */
  readonly name: string;
}

/** Gives each entry its key as its name. */
export function defineReasons<const Name extends string>(
  entries: Readonly<Record<Name, ReasonEntry>>,
): Readonly<Record<Name, DeclaredReason>> {
  const named = Object.entries<ReasonEntry>(entries).map(([name, entry]) => [
    name,
    { name, ...entry },
  ]);
  return Object.fromEntries(named) as Record<Name, DeclaredReason>;
}

/** Those of the transport, the listeners and the deadline; each policy declares its own in its folder. */
export const coreReasons = defineReasons({
  'shutting-down': { status: 503, title: 'Shutting down', proxyError: 'proxy_internal_response' },
  'deadline-expired': {
    status: 504,
    title: 'Deadline expired',
    proxyError: 'http_response_timeout',
    outcome: 'deadline',
  },
  'timeout-total': {
    status: 504,
    title: 'Total timeout',
    proxyError: 'http_response_timeout',
    outcome: 'deadline',
  },
  'timeout-connect': {
    status: 504,
    title: 'Connect timeout',
    proxyError: 'connection_timeout',
    outcome: 'unsent',
  },
  'connect-failed': {
    status: 502,
    title: 'Connect failed',
    proxyError: 'connection_refused',
    outcome: 'unsent',
  },
  'no-endpoint': {
    status: 503,
    title: 'No endpoint',
    proxyError: 'destination_unavailable',
  },
  'upstream-reset': {
    status: 502,
    title: 'Upstream reset the connection',
    proxyError: 'connection_terminated',
    outcome: 'reset',
  },
  'upstream-protocol-error': {
    status: 502,
    title: 'Upstream broke the protocol',
    proxyError: 'http_protocol_error',
    outcome: 'reset',
  },
  'no-route': { status: 404, title: 'No route', proxyError: 'destination_not_found' },
  'request-too-large': {
    status: 413,
    title: 'Request too large',
    proxyError: 'http_request_error',
  },
});

export type CoreReason = keyof typeof coreReasons;

/** The name of any reason: policies bring their own, so the list is open. */
export type Reason = string;

/** Told to callers, in ms, where it is not known when a call would get through. */
export const DEFAULT_RETRY_AFTER_MS = 1000;

export interface CallErrorOptions {
  /** How long the caller should wait before its next request, in ms. */
  retryAfterMs?: number;
  /** Not one byte of the request reached the upstream. */
  unsent?: boolean;
  /** This process has run out of something (descriptors, ports, memory): the upstream had no part in it. */
  ownShortage?: boolean;
  /** A reused idle connection closed before any byte of the response. */
  stale?: boolean;
  /** Overrides the reason's `Proxy-Status` token where the cause is known better (DNS, TLS). */
  proxyError?: string;
  /** What a gRPC caller is told where it is not what the reason's status means. */
  grpcCode?: GrpcCode;
  cause?: unknown;
}

/**
 * A call, or one of its attempts, that ended without a response of the upstream.
 * The message reads "Cannot X because Y" and names the upstream. It carries no stack: it is made on the hot path
 * of an outage and says where it comes from by its reason.
 */
export class CallError extends Error {
  readonly reason: Reason;
  readonly title: string;
  readonly status: number;
  readonly outcome: ReasonEntry['outcome'];
  readonly retryAfterMs: number | undefined;
  readonly unsent: boolean;
  readonly ownShortage: boolean;
  readonly stale: boolean;
  readonly proxyError: string;
  readonly grpcCode: GrpcCode | undefined;

  /** @param reason one of the core's by its name, or one that a policy declares. */
  constructor(
    reason: CoreReason | DeclaredReason,
    message: string,
    options: CallErrorOptions = {},
  ) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = limit;
    const declared = typeof reason === 'string' ? coreReasons[reason] : reason;
    this.name = 'CallError';
    this.reason = declared.name;
    this.title = declared.title;
    this.status = declared.status;
    this.outcome = declared.outcome;
    this.retryAfterMs = options.retryAfterMs;
    this.unsent = options.unsent ?? false;
    this.ownShortage = options.ownShortage ?? false;
    this.stale = options.stale ?? false;
    this.proxyError = options.proxyError ?? declared.proxyError;
    this.grpcCode = options.grpcCode;
  }
}

/** The client hung up (499), stopped sending its request (408) or sent a malformed one (400): no client is left to serve. */
export class ClientGoneError extends Error {
  readonly status: 499 | 408 | 400;

  constructor(status: 499 | 408 | 400, message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = 'ClientGoneError';
    this.status = status;
  }
}

/** An attempt that was ended because another attempt of its call had responded. Says nothing about its endpoint. */
export class OutrunError extends Error {
  /** No client sees it. */
  readonly status = 499;

  constructor(message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = 'OutrunError';
  }
}

/** Everything that a call or an attempt can reject with. */
export type CallFailure = CallError | ClientGoneError | OutrunError;
