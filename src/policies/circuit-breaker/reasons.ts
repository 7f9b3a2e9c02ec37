/** Why the circuit breaker refuses a call. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  'circuit-open': {
    status: 503,
    title: 'Circuit open',
    proxyError: 'destination_unavailable',
    isShownFromStart: true,
    spanEvent: 'breakwater.circuit_refused',
  },
});
