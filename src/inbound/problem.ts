/** The only place that turns errors into HTTP: problem details (RFC 9457) with Proxy-Status (RFC 9209). */
import type { Call } from '../core/call.js';
import { DEFAULT_RETRY_AFTER_MS, type CallError } from '../core/errors.js';
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

/** What a caller gets in place of an upstream's response. */
export function renderRefusal(error: CallError, refused: Refused): OwnResponse {
  const { call, scope, requestId } = refused;
  const { attempts, method, wasSent, sentFailureFields } = call;
  const { status, headers, body } = renderProblem(error, scope, attempts);
  headers.push('X-Request-Id', requestId);
  const isGatewayFailure = status === 502 || status === 504;
  if (isGatewayFailure && wasSent) headers.push(...sentFailureFields);
  if (attempts > 1) headers.push('X-Breakwater-Attempts', String(attempts));
  return { status, headers, body: method === 'HEAD' ? undefined : body };
}

function renderProblem(
  error: CallError,
  { upstream, ownRetryAfterMs }: Refused['scope'],
  attempts: number,
): OwnResponse {
  const { reason, title, status } = error;
  const body = Buffer.from(
    JSON.stringify({
      type: `urn:breakwater:${reason}`,
      title,
      status,
      detail: error.message,
      upstream: upstream === '' ? undefined : upstream,
      attempts,
      // Widely used SDKs look for it, and take an error response without it for a success or an empty one.
      error: { type: reason, message: error.message },
    }),
  );
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(body.length),
    'X-Breakwater-Reason',
    reason,
    'Proxy-Status',
    `breakwater; error=${error.proxyError}; details="${reason}"`,
  ];
  // A 409 knows when to come back: it waits for a call with the same key that is under way. The cap is for 503 only.
  const limitMs = status === 503 ? ownRetryAfterMs : Infinity;
  if (limitMs !== 'off' && (status === 503 || error.retryAfterMs !== undefined)) {
    const waitMs = Math.min(error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS, limitMs);
    const seconds = Math.ceil(waitMs / 1000);
    // Never 0: callers that come back at once are a storm.
    headers.push('Retry-After', String(Math.max(1, seconds)));
  }
  return { status, headers, body };
}
