/** Why the idempotency policy refuses a call. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'store-unavailable': {
    status: 503,
    title: 'Store unavailable',
    proxyError: 'proxy_internal_error',
  },
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
});
