/** Why the bulkhead refuses a call. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'bulkhead-full': {
    status: 503,
    title: 'Bulkhead full',
    proxyError: 'connection_limit_reached',
    isShownFromStart: true,
  },
  'bulkhead-timeout': {
    status: 503,
    title: 'No bulkhead slot in time',
    proxyError: 'connection_limit_reached',
    isShownFromStart: true,
  },
});
