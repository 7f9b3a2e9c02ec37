import t from 'tap';
import { CallError, ClientGoneError, defineReasons } from '../../src/core/errors.js';
import { classifyFailure } from '../../src/core/outcome.js';

const reasons = defineReasons({
  refused: { status: 400, title: 'Refused', proxyError: 'http_request_denied' },
  slow: { status: 504, title: 'Slow', proxyError: 'http_response_timeout', outcome: 'timeout' },
});

const kindOf = (...args: ConstructorParameters<typeof CallError>) =>
  classifyFailure(new CallError(...args)).kind;

t.test('a declared reason says how its error looks', async (t) => {
  t.match(new CallError(reasons.refused, 'Cannot'), {
    reason: 'refused',
    status: 400,
    title: 'Refused',
    proxyError: 'http_request_denied',
  });
  t.equal(new CallError(reasons.slow, 'Cannot', { proxyError: 'tls' }).proxyError, 'tls');
});

t.test('a failure is classified by what its reason declares', async (t) => {
  t.equal(kindOf(reasons.refused, ''), 'refused');
  t.equal(kindOf(reasons.slow, ''), 'timeout');
  t.equal(kindOf(reasons.slow, '', { unsent: true }), 'unsent');
  t.equal(kindOf('upstream-reset', ''), 'reset');
  t.equal(kindOf('upstream-reset', '', { stale: true }), 'stale');
  t.equal(kindOf('upstream-protocol-error', '', { unsent: true }), 'unsent');
  t.equal(kindOf('connect-failed', ''), 'unsent');
  t.equal(kindOf('deadline-expired', '', { unsent: true }), 'deadline');
  t.equal(classifyFailure(new ClientGoneError(499, '')).kind, 'cancelled');
});
