/** What gRPC statuses mean. */
import t from 'tap';
import { createJudge } from '../../src/core/judge.js';
import { attemptResult, isBadResponse, isGoodResponse } from '../../src/core/outcome.js';
import { grpcCodes } from '../../src/http/grpc.js';
import { said } from '../support/fake-grpc.js';
import { settingsOf } from '../support/settings.js';

t.test('speak for or against the upstream as the option says', async (t) => {
  const options = settingsOf('circuitBreaker');
  const judge = createJudge(options);
  const failures = new Set<string>([
    'UNKNOWN',
    'DEADLINE_EXCEEDED',
    'INTERNAL',
    'UNAVAILABLE',
    'DATA_LOSS',
  ]);
  for (const code of grpcCodes) {
    const expected = failures.has(code) ? true : code === 'OK' ? false : undefined;
    t.equal(judge(said(code), 0), expected, code);
  }
  const own = createJudge({ ...options, failureGrpcStatuses: ['ABORTED'] });
  t.equal(own(said('ABORTED'), 0), true);
  t.equal(own(said('UNAVAILABLE'), 0), undefined);
});

t.test('count as failures of the upstream where a 5xx would', async (t) => {
  t.equal(attemptResult(said('UNAVAILABLE')), 'failure');
  t.equal(attemptResult(said('NOT_FOUND')), 'success');
  t.equal(attemptResult(said('OK')), 'success');
});

t.test('are good where the work was done', async (t) => {
  t.equal(isGoodResponse(undefined), true, 'it has begun');
  t.equal(isGoodResponse(said('OK')), true);
  t.equal(isGoodResponse(said('NOT_FOUND')), false);
});

t.test('are bad only where nothing else came', async (t) => {
  const bad = { statuses: new Set([503]), grpcCodes: new Set(['UNAVAILABLE'] as const) };
  t.equal(isBadResponse(said('UNAVAILABLE', true), bad), true);
  t.equal(isBadResponse(said('UNAVAILABLE', false), bad), false);
  t.equal(isBadResponse(said('INTERNAL', true), bad), false);
  t.equal(isBadResponse(undefined, bad), false);
});
