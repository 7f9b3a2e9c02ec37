/** What a response means for its attempt, by its head, at its end, and where it breaks off. */
import t from 'tap';
import { grpc } from '../../src/classify/grpc.js';
import { http } from '../../src/classify/http.js';
import { CallError } from '../../src/core/errors.js';

const error = new CallError('upstream-reset', 'Cannot');
const head = (status: number, headers: string[] = []) => ({ status, headers });

t.test('of HTTP the status says all', async (t) => {
  for (const status of [200, 404, 503])
    t.same(http.atHead(head(status)), { kind: 'status', status });
});

t.test('a body that breaks off is a failure, except behind a refusal of the request', async (t) => {
  for (const status of [200, 399, 500, 503])
    t.same(http.atBreak(head(status), error), { kind: 'reset', error }, String(status));
  for (const status of [400, 413, 499])
    t.same(http.atBreak(head(status), error), { kind: 'status', status });
});

t.test('of gRPC the code says all, in the head or in the trailers', async (t) => {
  const code = ['grpc-status', '14'];
  const outcome = { kind: 'grpc', code: 'UNAVAILABLE' };
  t.same(grpc.atHead(head(200, code)), { ...outcome, isTrailersOnly: true });
  t.equal(grpc.atHead(head(200)), undefined, 'it is not known yet');
  t.same(grpc.atEnd(code), { ...outcome, isTrailersOnly: false });
  t.same(grpc.atBreak(head(200), error), { kind: 'reset', error });
});
