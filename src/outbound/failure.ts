/** Turns what connections and their sockets report into Breakwater's own reasons. */
import {
  CallError,
  DEFAULT_RETRY_AFTER_MS,
  type CallErrorOptions,
  type CoreReason,
} from '../core/errors.js';
import {
  ClientClosed,
  ConnectTimeout,
  ResponseFault,
  StatusMissing,
  type Progress,
} from './client.js';
import { codeOf, isOwnShortage } from './shortage.js';

export interface FailedRequest {
  readonly upstream: string;
  /** The target as configured. */
  readonly target: string;
  readonly progress: Progress;
  /** The response's head had come. */
  readonly hasHeaders: boolean;
}

const dnsCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL', 'EAI_NODATA']);
const unreachableCodes = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

/** How OpenSSL words an error: numbers and the name of a function, then what matters. */
const OPENSSL = /\berror:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+)/;

function textOf({ message }: Error): string {
  const reason = OPENSSL.exec(message)?.[1];
  return reason === undefined ? message : `TLS failed: ${reason.trim()}`;
}

function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => textOf(each as Error)).join('; ');
  }
  return textOf(error);
}

/**
 * Alerts by which a server refuses the certificate of this side, or wants one (RFC 8446, section 6.2). In TLS 1.3 they come
 * when the handshake is over for this side, but before the server reads any of the request.
 */
const REFUSED_CERTIFICATE =
  /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

const isRefusedHandshake = (code: string, { isReused, hasResponseBegun }: Progress) =>
  !isReused && !hasResponseBegun && REFUSED_CERTIFICATE.test(code);

const isCertificateCode = (code: string) =>
  code.startsWith('CERT_') ||
  code.startsWith('ERR_TLS_') ||
  code.includes('CERT') ||
  code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';

/** Proxy-Status token (RFC 9209, section 2.3) for a connection that could not be opened. */
function connectToken(code: string): string {
  if (dnsCodes.has(code)) return 'dns_error';
  if (unreachableCodes.has(code)) return 'destination_ip_unroutable';
  if (code === 'NOT_HTTP2') return 'http_protocol_error';
  if (isCertificateCode(code)) return 'tls_certificate_error';
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return 'tls_protocol_error';
  return 'connection_refused';
}

/** What this process or its machine lacks, by the code that says so. */
const lacks: Readonly<Record<string, string>> = {
  EMFILE: 'has no file descriptor left (ulimit -n)',
  ENFILE: 'runs on a machine that has no file descriptor left',
  EADDRNOTAVAIL: 'has no local port left for this address',
};

const lackOf = (code: string) => lacks[code] ?? 'has no memory left for a socket';

/** Of the addresses that were tried. */
const lastOf = (error: Error): unknown =>
  error instanceof AggregateError && error.errors.length > 0 ? error.errors.at(-1) : error;

export function describeFailure(error: Error, failed: FailedRequest): CallError {
  const { upstream, target, progress, hasHeaders } = failed;
  const code = codeOf(error);
  const detail = messageOf(error) || code;
  const make = (reason: CoreReason, what: string, options: CallErrorOptions) =>
    new CallError(reason, `Cannot ${what} because ${detail}`, { cause: error, ...options });

  if (error instanceof ClientClosed) {
    return new CallError('shutting-down', `Cannot call ${upstream} because it is shutting down`, {
      retryAfterMs: DEFAULT_RETRY_AFTER_MS,
    });
  }
  if (!progress.isConnected) {
    if (isOwnShortage(error)) {
      const message = `Cannot connect to ${upstream} (${target}) because this process ${lackOf(code)}: ${detail}`;
      const proxyError = 'proxy_internal_error';
      const options = { cause: error, unsent: true, ownShortage: true, proxyError };
      return new CallError('connect-failed', message, options);
    }
    if (lastOf(error) instanceof ConnectTimeout) {
      return make('timeout-connect', `connect to ${upstream} (${target})`, { unsent: true });
    }
    return make('connect-failed', `connect to ${upstream} (${target})`, {
      unsent: true,
      proxyError: connectToken(code),
    });
  }
  if (isRefusedHandshake(code, progress)) {
    return make('connect-failed', `connect to ${upstream} (${target})`, {
      unsent: true,
      proxyError: 'tls_alert_received',
    });
  }
  const what = hasHeaders
    ? `pass on the whole response of ${upstream} (${target})`
    : `get a response from ${upstream} (${target})`;
  if (error instanceof StatusMissing) {
    return make('upstream-protocol-error', what, { grpcCode: 'UNKNOWN' });
  }
  if (error instanceof ResponseFault) return make('upstream-protocol-error', what, {});
  return make('upstream-reset', what, {
    unsent: progress.sent === 'none',
    stale: progress.isReused && !progress.hasResponseBegun,
    ...(hasHeaders ? { proxyError: 'http_response_incomplete' } : {}),
  });
}
