/** The only place that turns errors into HTTP: problem details (RFC 9457) with Proxy-Status (RFC 9209). */
import type { Call } from '../core/call.js';
import { DEFAULT_RETRY_AFTER_MS, type CallError } from '../core/errors.js';
import type { Off } from '../core/options.js';
import type { Scope } from '../upstream/scope.js';

/** A response of Breakwater's own. */
export interface OwnResponse {
  readonly status: number;
  /** Name, value, name, value, ... */
  readonly headers: string[];
  readonly body: Buffer | undefined;
}

/** What an own response is made from, besides its error. */
export interface Refused {
  readonly call: Call;
  readonly scope: Pick<Scope, 'upstream' | 'ownRetryAfterMs'>;
  readonly requestId: string;
  readonly nowMs: number;
}

interface Body {
  readonly error: Pick<CallError, 'reason' | 'title' | 'status' | 'message'>;
  readonly upstream: string;
  readonly attempts: number;
  readonly bytes: Buffer;
}

const isSame = (a: Body, error: CallError, upstream: string, attempts: number) =>
  a.error.message === error.message &&
  a.error.reason === error.reason &&
  a.error.title === error.title &&
  a.error.status === error.status &&
  a.upstream === upstream &&
  a.attempts === attempts;

/** Keeps the last body: in an outage nearly all calls are refused in the same words, and writing them is a tenth of such a call. */
export class Problems {
  #last: Body | undefined;

  /** What a caller gets in place of an upstream's response. */
  render(error: CallError, { call, scope, requestId }: Refused): OwnResponse {
    const { attempts, method, wasSent, sentFailureFields } = call;
    const { status } = error;
    const body = this.#bodyOf(error, scope.upstream, attempts);
    const headers = fieldsOf(error, body.length, scope.ownRetryAfterMs);
    headers.push('X-Request-Id', requestId);
    const isGatewayFailure = status === 502 || status === 504;
    if (isGatewayFailure && wasSent) headers.push(...sentFailureFields);
    if (attempts > 1) headers.push('X-Breakwater-Attempts', String(attempts));
    return { status, headers, body: method === 'HEAD' ? undefined : body };
  }

  #bodyOf(error: CallError, upstream: string, attempts: number): Buffer {
    const last = this.#last;
    if (last !== undefined && isSame(last, error, upstream, attempts)) return last.bytes;
    const bytes = renderBody(error, upstream, attempts);
    const { reason, title, status, message } = error;
    this.#last = { error: { reason, title, status, message }, upstream, attempts, bytes };
    return bytes;
  }
}

function renderBody(error: CallError, upstream: string, attempts: number): Buffer {
  const { reason, title, status, message } = error;
  return Buffer.from(
    JSON.stringify({
      type: `urn:breakwater:${reason}`,
      title,
      status,
      detail: message,
      upstream,
      attempts,
      // Widely used SDKs look for it, and take an error response without it for a success or an empty one.
      error: { type: reason, message },
    }),
  );
}

/** @param maxRetryAfterMs for a 503; 'off' for no Retry-After at all. */
function fieldsOf(error: CallError, length: number, maxRetryAfterMs: number | Off): string[] {
  const { reason, status } = error;
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(length),
    'X-Breakwater-Reason',
    reason,
    'Proxy-Status',
    `breakwater; error=${error.proxyError}; details="${reason}"`,
  ];
  // A 409 knows when to come back: it waits for a call with the same key that is under way. The cap is for 503 only.
  const limitMs = status === 503 ? maxRetryAfterMs : Infinity;
  if (limitMs !== 'off' && (status === 503 || error.retryAfterMs !== undefined)) {
    const waitMs = Math.min(error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS, limitMs);
    const seconds = Math.ceil(waitMs / 1000);
    // Never 0: callers that come back at once are a storm.
    headers.push('Retry-After', String(Math.max(1, seconds)));
  }
  return headers;
}
