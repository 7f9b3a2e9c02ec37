/** Why a call is refused while the process is overloaded. */
import { defineReasons } from '../../core/errors.js';

export const reasons = defineReasons({
  overloaded: { status: 503, title: 'Overloaded', proxyError: 'proxy_internal_response' },
});
