/** Reads what undici and the sockets report and says it in Breakwater's own reasons. */
import { errors } from 'undici';
import { CallError, type CallErrorOptions, type Reason } from '../core/errors.js';

export interface TransportFailure {
  readonly upstream: string;
  /** The target as configured. */
  readonly target: string;
  readonly isUnsent: boolean;
  readonly isStale: boolean;
  readonly hasHeaders: boolean;
}

const dnsCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL', 'EAI_NODATA']);
const unreachableCodes = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

/** `code` of an error or of the last of the addresses that were tried. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return codeOf(error.errors.at(-1));
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => (each as Error).message).join('; ');
  }
  return error.message;
}

const isCertificateCode = (code: string) =>
  code.startsWith('CERT_') ||
  code.startsWith('ERR_TLS_') ||
  code.includes('CERT') ||
  code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';

/** Proxy-Status token (RFC 9209, section 2.3) for a connection that never came about. */
function connectToken(code: string): string {
  if (dnsCodes.has(code)) return 'dns_error';
  if (unreachableCodes.has(code)) return 'destination_ip_unroutable';
  if (isCertificateCode(code)) return 'tls_certificate_error';
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return 'tls_protocol_error';
  return 'connection_refused';
}

/** What came is no HTTP, as opposed to a connection that broke. */
function isProtocolError(error: Error, code: string): boolean {
  if (error instanceof errors.HTTPParserError) return code !== 'HPE_INVALID_EOF_STATE';
  if (error instanceof errors.HeadersOverflowError) return true;
  return error instanceof errors.SocketError && /^bad (?:response|upgrade)/.test(error.message);
}

export function describeTransportError(error: Error, failure: TransportFailure): CallError {
  const { upstream, target } = failure;
  const code = codeOf(error);
  const detail = messageOf(error) || code;
  const make = (reason: Reason, what: string, options: CallErrorOptions) =>
    new CallError(reason, `Cannot ${what} because ${detail}`, { cause: error, ...options });

  if (error instanceof errors.ClientClosedError || error instanceof errors.ClientDestroyedError) {
    return new CallError('shutting-down', `Cannot call ${upstream} because it is shutting down`, {
      retryAfterMs: 1000,
    });
  }
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) {
    // Nothing about the upstream: another try would end the same way.
    return make('upstream-protocol-error', `send the request to ${upstream}`, {});
  }
  if (failure.isUnsent) {
    if (error instanceof errors.ConnectTimeoutError) {
      return make('timeout-connect', `connect to ${upstream} (${target})`, { unsent: true });
    }
    return make('connect-failed', `connect to ${upstream} (${target})`, {
      unsent: true,
      proxyError: connectToken(code),
    });
  }
  const what = failure.hasHeaders
    ? `pass on the whole answer of ${upstream} (${target})`
    : `get an answer of ${upstream} (${target})`;
  // undici says so also of a head that names two lengths; a body that is too short has a head before it.
  const hasBadLength =
    !failure.hasHeaders && error instanceof errors.ResponseContentLengthMismatchError;
  if (hasBadLength || isProtocolError(error, code))
    return make('upstream-protocol-error', what, {});
  return make('upstream-reset', what, {
    stale: failure.isStale,
    ...(failure.hasHeaders ? { proxyError: 'http_response_incomplete' } : {}),
  });
}
