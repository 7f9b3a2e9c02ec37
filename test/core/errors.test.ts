/** The reasons of the core as clients and logs see them. */
import t from 'tap';
import {
  CallError,
  ClientGoneError,
  coreReasons,
  OutrunError,
  type DeclaredReason,
} from '../../src/core/errors.js';

const declared: readonly DeclaredReason[] = Object.values(coreReasons);

/** The reasons that declare so. */
const named = <Key extends 'status' | 'outcome'>(key: Key, value: DeclaredReason[Key]) =>
  declared.filter((reason) => reason[key] === value).map(({ name }) => name);

/** Those of RFC 9209, section 2.3, that a reason of the core may have. */
const PROXY_ERRORS = new Set([
  'connection_refused',
  'connection_terminated',
  'connection_timeout',
  'destination_not_found',
  'destination_unavailable',
  'http_protocol_error',
  'http_request_error',
  'http_response_timeout',
  'proxy_internal_response',
]);

t.test('each reason has a title of its own and an error type of RFC 9209', async (t) => {
  t.equal(new Set(declared.map(({ title }) => title)).size, declared.length);
  for (const { name, title, proxyError } of declared) {
    t.match(title, /^[A-Z][a-z]+( [a-z]+)*$/, name);
    t.ok(PROXY_ERRORS.has(proxyError), `${name}: ${proxyError}`);
  }
});

t.test(
  'a status says who is to blame: the client, the upstream, time, or this process',
  async (t) => {
    t.same(named('status', 404), ['no-route']);
    t.same(named('status', 413), ['request-too-large']);
    t.same(named('status', 502), ['connect-failed', 'upstream-reset', 'upstream-protocol-error']);
    t.same(named('status', 503), ['shutting-down', 'no-endpoint']);
    t.same(named('status', 504), ['deadline-expired', 'timeout-total', 'timeout-connect']);
  },
);

t.test('what a reason tells of the upstream', async (t) => {
  t.same(named('outcome', 'unsent'), ['timeout-connect', 'connect-failed'], 'it got nothing');
  t.same(named('outcome', 'reset'), ['upstream-reset', 'upstream-protocol-error'], 'it failed');
  t.same(
    named('outcome', 'deadline'),
    ['deadline-expired', 'timeout-total'],
    'the time of the caller ended',
  );
  t.same(named('outcome', undefined), [
    'shutting-down',
    'no-endpoint',
    'no-route',
    'request-too-large',
  ]);
});

t.test('an error shows in logs what it is, and has no stack', async (t) => {
  const limit = Error.stackTraceLimit;
  const errors = [
    new CallError('no-route', 'Cannot route'),
    new ClientGoneError(499, 'Cannot route'),
    new OutrunError('Cannot route'),
  ];
  t.same(errors.map(String), [
    'CallError: Cannot route',
    'ClientGoneError: Cannot route',
    'OutrunError: Cannot route',
  ]);
  for (const { stack } of errors) t.notMatch(stack, /\n/);
  t.equal(Error.stackTraceLimit, limit, 'other errors keep theirs');
  t.match(new TypeError('other').stack, /\n/);
});

t.test('what was known of a failure is kept', async (t) => {
  const cause = new Error('ECONNREFUSED');
  const error = new CallError('connect-failed', 'Cannot connect', {
    cause,
    retryAfterMs: 2000,
    unsent: true,
    ownShortage: true,
    stale: true,
    grpcCode: 'RESOURCE_EXHAUSTED',
  });
  t.match(error, {
    retryAfterMs: 2000,
    unsent: true,
    ownShortage: true,
    stale: true,
    grpcCode: 'RESOURCE_EXHAUSTED',
  });
  t.equal(error.cause, cause);
  const plain = new CallError('connect-failed', 'Cannot connect');
  t.match(plain, { unsent: false, ownShortage: false, stale: false });
  t.equal(plain.retryAfterMs, undefined);
  t.notOk('cause' in plain, 'logs show no cause that is undefined');
});
