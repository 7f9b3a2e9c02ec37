/** Reads what connections and their sockets report and says it in Breakwater's own reasons. */
import { errors } from 'undici';
import {
  CallError,
  DEFAULT_RETRY_AFTER_MS,
  type CallErrorOptions,
  type CoreReason,
} from '../core/errors.js';
import { ClientClosed, ResponseFault, type Progress } from './client.js';

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
    if (error instanceof errors.ConnectTimeoutError) {
      return make('timeout-connect', `connect to ${upstream} (${target})`, { unsent: true });
    }
    return make('connect-failed', `connect to ${upstream} (${target})`, {
      unsent: true,
      proxyError: connectToken(code),
    });
  }
  const what = hasHeaders
    ? `pass on the whole answer of ${upstream} (${target})`
    : `get an answer of ${upstream} (${target})`;
  if (error instanceof ResponseFault) return make('upstream-protocol-error', what, {});
  return make('upstream-reset', what, {
    unsent: progress.sent === 'none',
    stale: progress.isReused && !progress.hasAnswerBegun,
    ...(hasHeaders ? { proxyError: 'http_response_incomplete' } : {}),
  });
}
