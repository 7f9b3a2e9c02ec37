/** Why a timeout ends an attempt, besides the connect timeout, which the transport knows as well. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'timeout-attempt': {
    status: 504,
    title: 'Attempt timeout',
    proxyError: 'http_response_timeout',
    outcome: 'timeout',
  },
  'timeout-write': {
    status: 504,
    title: 'Write timeout',
    proxyError: 'connection_write_timeout',
    outcome: 'timeout',
  },
});
