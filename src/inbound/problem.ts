/** The only place that turns errors into HTTP: problem details (RFC 9457) with Proxy-Status (RFC 9209). */
import { STATUS_CODES } from 'node:http';
import { reasons, type CallError } from '../core/errors.js';

export interface Problem {
  readonly status: number;
  readonly statusText: string;
  /** Name, value, name, value, ... */
  readonly headers: string[];
  readonly body: Buffer;
}

/** Shortest wait a 503 suggests, in seconds: less is a storm, more is not ours to decide. */
const MIN_RETRY_AFTER_SECONDS = 1;

/** @param upstream empty when no upstream was found. */
export function renderProblem(error: CallError, upstream: string, attempts: number): Problem {
  const { reason, status } = error;
  const body = Buffer.from(
    JSON.stringify({
      type: `urn:breakwater:${reason}`,
      title: reasons[reason].title,
      status,
      detail: error.message,
      upstream: upstream === '' ? undefined : upstream,
      attempts,
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
  if (status === 503) {
    const seconds = Math.ceil((error.retryAfterMs ?? 0) / 1000);
    headers.push('Retry-After', String(Math.max(MIN_RETRY_AFTER_SECONDS, seconds)));
  }
  return { status, statusText: STATUS_CODES[status] ?? '', headers, body };
}
