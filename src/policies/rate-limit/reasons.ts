/** Why the rate limit refuses a call. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'rate-limited': {
    status: 429,
    title: 'Rate limit reached',
    proxyError: 'http_request_denied',
  },
});
