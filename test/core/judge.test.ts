import t from 'tap';
import {
  CallError,
  ClientGoneError,
  OutrunError,
  type CallFailure,
} from '../../src/core/errors.js';
import { createJudge, tellsOfUpstream } from '../../src/core/judge.js';
import { reasons } from '../../src/policies/index.js';

const judge = createJudge({
  failureStatuses: [500],
  failureGrpcStatuses: [],
  minimumTimeout: 100,
});
const tells = (error: CallFailure, ranMs = 1000, awaitsClient = false) =>
  tellsOfUpstream(error, judge, { ranMs, awaitsClient });

t.test('an error tells of the upstream where it broke, hung or could not be reached', async (t) => {
  t.ok(tells(new CallError('upstream-reset', 'x')));
  t.ok(tells(new CallError('upstream-reset', 'x'), 1000, true), 'also while the client is slow');
  t.ok(tells(new CallError('upstream-protocol-error', 'x')));
  t.ok(tells(new CallError('connect-failed', 'x', { unsent: true })));
  t.ok(tells(new CallError('timeout-connect', 'x', { unsent: true })));
  t.ok(tells(new CallError(reasons['timeout-attempt'], 'x')));
  t.ok(tells(new CallError('timeout-total', 'x')));
  t.ok(tells(new CallError('deadline-expired', 'x'), 100));
});

t.test('an error tells nothing of the upstream where the client was to blame', async (t) => {
  t.notOk(tells(new ClientGoneError(499, 'x')));
  t.notOk(tells(new ClientGoneError(408, 'x')));
  t.notOk(tells(new ClientGoneError(400, 'x')));
  t.notOk(tells(new CallError('request-too-large', 'x')));
  t.notOk(tells(new CallError('deadline-expired', 'x'), 99), 'it left too little time');
  t.notOk(tells(new CallError('timeout-total', 'x'), 1000, true), 'it was slow');
});

t.test('an error tells nothing of the upstream where this process was to blame', async (t) => {
  t.notOk(tells(new OutrunError('x')));
  t.notOk(tells(new CallError('connect-failed', 'x', { unsent: true, ownShortage: true })));
  t.notOk(tells(new CallError('shutting-down', 'x')));
});
