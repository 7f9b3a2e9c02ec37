import t from 'tap';
import { CallError, ClientGoneError, defineReasons } from '../../src/core/errors.js';
import {
  attemptResult,
  classifyFailure,
  classifyStatus,
  isBadResponse,
  isGoodResponse,
  type Outcome,
} from '../../src/core/outcome.js';
import type { GrpcCode } from '../../src/http/grpc.js';

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

const error = new CallError('upstream-reset', '');
const grpc = (code: GrpcCode, isTrailersOnly = true): Outcome => ({
  kind: 'grpc',
  code,
  isTrailersOnly,
});

t.test('a response is classified by its status, each time alike', async (t) => {
  t.same(classifyStatus(418), { kind: 'status', status: 418 });
  t.equal(classifyStatus(418), classifyStatus(418));
});

t.test('a good response is below 400, OK, or not known yet', async (t) => {
  for (const outcome of [undefined, classifyStatus(200), classifyStatus(399), grpc('OK')])
    t.equal(isGoodResponse(outcome), true);
  for (const outcome of [
    classifyStatus(400),
    classifyStatus(503),
    grpc('ABORTED'),
    { kind: 'cancelled' },
    { kind: 'reset', error },
  ] as const)
    t.equal(isGoodResponse(outcome), false);
});

t.test('a bad response has a listed status, or a listed code before anything else', async (t) => {
  const bad = { statuses: new Set([503]), grpcCodes: new Set<GrpcCode>(['UNAVAILABLE']) };
  t.equal(isBadResponse(classifyStatus(503), bad), true);
  t.equal(isBadResponse(classifyStatus(500), bad), false);
  t.equal(isBadResponse(grpc('UNAVAILABLE'), bad), true);
  t.equal(isBadResponse(grpc('UNAVAILABLE', false), bad), false, 'the response had begun');
  t.equal(isBadResponse(grpc('INTERNAL'), bad), false);
  t.equal(isBadResponse(undefined, bad), false);
  t.equal(isBadResponse({ kind: 'reset', error }, bad), false);
});

t.test('each outcome has its word in the metrics', async (t) => {
  const results: readonly (readonly [Outcome, string])[] = [
    [classifyStatus(200), 'success'],
    [classifyStatus(499), 'success'],
    [classifyStatus(500), 'failure'],
    [grpc('NOT_FOUND'), 'success'],
    [grpc('INTERNAL'), 'failure'],
    [{ kind: 'deadline', error }, 'timeout'],
    [{ kind: 'timeout', error }, 'timeout'],
    [{ kind: 'stale', error }, 'reset'],
    [{ kind: 'reset', error }, 'reset'],
    [{ kind: 'unsent', error }, 'unsent'],
    [{ kind: 'cancelled' }, 'cancelled'],
    [{ kind: 'refused', error }, 'cancelled'],
  ];
  for (const [outcome, result] of results) t.equal(attemptResult(outcome), result, outcome.kind);
});
