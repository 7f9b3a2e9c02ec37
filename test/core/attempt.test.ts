import t from 'tap';
import type { AttemptObserver } from '../../src/core/attempt.js';
import { CallError } from '../../src/core/errors.js';
import { fakeAttempt, fakeCall } from '../support/fake-call.js';

const late = new CallError('timeout-total', 'Cannot');
const slow = new CallError('timeout-connect', 'Cannot');

function recorder() {
  const seen: unknown[] = [];
  const observer: AttemptObserver = {
    onPhase: (phase) => seen.push(phase),
    onStall: (isStalled) => seen.push(['stall', isStalled]),
    onProgress: () => seen.push('progress'),
    onPause: (isPaused) => seen.push(['pause', isPaused]),
  };
  return { seen, observer };
}

t.test('attempts of a call are counted', async (t) => {
  const call = fakeCall();
  t.same([fakeAttempt(call).number, fakeAttempt(call).number], [1, 2]);
  t.equal(call.attempts, 2);
});

t.test('an attempt begins with nothing in its way', async (t) => {
  t.match(fakeAttempt(), { isBeside: false, isStalled: false, isPaused: false });
  const attempt = fakeAttempt();
  attempt.stall(true);
  attempt.pause(true);
  t.match(attempt, { isStalled: true, isPaused: true });
});

t.test('all observers of an attempt are told the same', async (t) => {
  const attempt = fakeAttempt();
  const recorders = [recorder(), recorder(), recorder()];
  for (const { observer } of recorders) attempt.observe(observer);
  attempt.enter('connecting');
  attempt.stall(true);
  attempt.progress();
  attempt.pause(false);
  attempt.enter('ended');
  for (const { seen } of recorders) {
    t.same(seen, ['connecting', ['stall', true], 'progress', ['pause', false], 'ended']);
  }
});

t.test('an attempt ends with its call', async (t) => {
  const call = fakeCall();
  const both = [fakeAttempt(call), fakeAttempt(call)];
  call.cancel(late);
  t.same(
    both.map(({ cancelled }) => cancelled),
    [late, late],
  );
});

t.test('an attempt that is cancelled leaves its call and the others alone', async (t) => {
  const call = fakeCall();
  const [first, second] = [fakeAttempt(call), fakeAttempt(call)];
  first.cancel(slow);
  t.equal(call.cancelled, undefined);
  t.equal(second.cancelled, undefined);
  call.cancel(late);
  t.equal(first.cancelled, slow, 'the first reason stands');
  t.equal(second.cancelled, late);
});

t.test('an attempt that has ended hears no more of its call', async (t) => {
  const call = fakeCall();
  const attempt = fakeAttempt(call);
  attempt.enter('ended');
  call.cancel(late);
  t.equal(attempt.cancelled, undefined);
});

t.test('a fork', async (t) => {
  t.test('is the same request with a host and a start of its own', async (t) => {
    const call = fakeCall({ method: 'PUT', path: '/x?y', headers: ['A', '1'], host: 'here' });
    call.attempts = 3;
    const fork = call.fork('there', 70);
    const { method, path, headers, host, startedAtMs, attempts } = fork;
    t.same(
      { method, path, headers, host, startedAtMs, attempts },
      {
        method: 'PUT',
        path: '/x?y',
        headers: ['A', '1'],
        host: 'there',
        startedAtMs: 70,
        attempts: 0,
      },
    );
  });

  t.test('ends with the call it was made for, and not the other way round', async (t) => {
    const call = fakeCall();
    const [first, second] = [call.fork(undefined, 0), call.fork(undefined, 0)];
    first.cancel(slow);
    t.equal(call.cancelled, undefined);
    call.cancel(late);
    t.equal(second.cancelled, late);
  });
});

t.test('a call was sent as soon as an attempt is beyond its connection', async (t) => {
  const call = fakeCall();
  const attempt = fakeAttempt(call);
  attempt.enter('connecting');
  t.equal(call.wasSent, false);
  attempt.enter('ended');
  t.equal(call.wasSent, false, 'the attempt had no connection');
  for (const phase of ['sending', 'waiting', 'streaming'] as const) {
    const sent = fakeCall();
    fakeAttempt(sent).enter(phase);
    t.equal(sent.wasSent, true, phase);
  }
});

t.test('an attempt that has ended is not cancelled with its call', async (t) => {
  const call = fakeCall();
  const [ended, running] = [fakeAttempt(call), fakeAttempt(call)];
  ended.enter('ended');
  call.cancel(late);
  t.equal(ended.cancelled, undefined);
  t.equal(running.cancelled, late);
});
