/** Why the deadline policy refuses a call. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'invalid-deadline': { status: 400, title: 'Invalid deadline', proxyError: 'http_request_error' },
});
