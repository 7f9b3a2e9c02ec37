/** Why a request that asks for a fault is refused. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'invalid-fault': { status: 400, title: 'Invalid fault', proxyError: 'http_request_error' },
});
