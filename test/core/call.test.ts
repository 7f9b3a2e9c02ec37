/** A call, and the call to another upstream that is made for it. */
import t from 'tap';
import { CallError } from '../../src/core/errors.js';
import type { CallSpan } from '../../src/core/span.js';
import { fakeBody, fakeCall } from '../support/fake-call.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

t.test('a call begins with nothing done', async (t) => {
  t.match(fakeCall(), {
    attempts: 0,
    attemptsElsewhere: 0,
    results: [],
    upstreamMs: 0,
    waitedMs: 0,
    wasSent: false,
    outlivesClient: false,
    isGrpc: false,
    shadow: [],
  });
});

t.test('a fork is the same request, to another host and with clocks of its own', async (t) => {
  const closed: string[] = [];
  const request = {
    method: 'POST',
    path: '/charges?a=1',
    clientHost: 'shop.example',
    headers: ['Accept', 'text/plain'],
    outgoing: ['accept', 'text/plain'],
    body: fakeBody('', { closeCursors: () => void closed.push('cursors') }),
    isGrpc: true,
    client: { sendInformational() {} },
  };
  const call = fakeCall({ ...request, host: 'a.example', startedAtMs: 5 });
  call.deadline = { atMs: 900, wallMs: 900, source: 'header', callerAtMs: 900, bufferMs: 10 };
  const span = {} as CallSpan;
  call.span = span;
  const fork = call.fork('b.example', 70);
  t.match(fork, { ...request, host: 'b.example', startedAtMs: 70 });
  t.equal(fork.deadline, call.deadline, 'it ends no later');
  t.equal(fork.span, span, 'it is in the same trace');
  t.equal(fork.attempts, 0);
  t.same(closed, ['cursors'], 'the body is read anew');
});

t.test('a fork is cancelled with its call, but not the other way round', async (t) => {
  const late = new CallError('timeout-total', 'Cannot');
  const call = fakeCall();
  const [first, second] = [call.fork(undefined, 0), call.fork(undefined, 0)];
  first.cancel(late);
  t.equal(call.cancelled, undefined);
  call.cancel(late);
  t.equal(second.cancelled, late);
});

t.test('the trace of a caller is read from its headers', async (t) => {
  const headers = ['traceparent', `00-${TRACE}-${SPAN}-01`];
  t.match(fakeCall({ headers }).trace, { id: TRACE });
  t.equal(fakeCall().trace, undefined);
});
