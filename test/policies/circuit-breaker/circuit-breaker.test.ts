import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import type { ForcedState } from '../../../src/core/inspect.js';
import type { StateGauge } from '../../../src/core/instruments.js';
import { log } from '../../../src/policies/circuit-breaker/instruments.js';
import type { CircuitBreakerLayer } from '../../../src/policies/circuit-breaker/sharing.js';
import type { CircuitMoved } from '../../../src/policies/circuit-breaker/states.js';
import { reasons } from '../../../src/policies/index.js';
import { circuitBreaker as policy } from '../../../src/policies/circuit-breaker/index.js';
import type { CircuitBreakerSettings } from '../../../src/policies/circuit-breaker/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<CircuitBreakerSettings['circuitBreaker'], 'off'>;

const defaults = settingsOf('circuitBreaker');
const defaultRate = defaults.failureRate as Exclude<Options['failureRate'], 'off'>;

function build(options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const next = new FakeStage();
  const layer = policy.create({ circuitBreaker: { ...defaults, ...options } }, context)!;
  const stage = layer.wrap(next);
  const { circuit } = layer;

  /** Sends an attempt and leaves it under way. */
  function send(call: Call = fakeCall()) {
    const attempt = fakeAttempt(call);
    attempt.endpoint = call.triedEndpoints.at(-1);
    const reply = stage.run(attempt);
    reply.catch(() => {});
    return { reply, run: next.last };
  }

  return {
    clock,
    events: context.events,
    next,
    stage,
    layer,
    circuit,
    send,
    /** An attempt with a response at once, body and all. */
    async respond(status: number, call?: Call): Promise<void> {
      const { reply, run } = send(call);
      run.respond({ status, isComplete: true });
      await reply;
    },
    /** An attempt that fails at once, or after a while. */
    async fail(error: CallFailure, afterMs = 0, call?: Call): Promise<void> {
      const { reply, run } = send(call);
      await clock.advance(afterMs);
      run.fail(error);
      await failureOf(reply);
    },
    /** F and S as in a score: failures and successes, one after the other. */
    async play(score: string): Promise<void> {
      for (const note of score) await this.respond(note === 'F' ? 500 : 200);
    },
    get state() {
      return circuit.snapshot().state;
    },
  };
}

const error = (
  name: keyof typeof reasons,
  options: { stale?: boolean; unsent?: boolean; ownShortage?: boolean } = {},
) => new CallError(reasons[name], 'Cannot', options);

/** An open circuit: five failures at the clock's zero. */
async function buildOpen(options: Partial<Options> = {}) {
  const tested = build(options);
  await tested.play('FFFFF');
  return tested;
}

async function buildHalfOpen(options: Partial<Options> = {}) {
  const tested = await buildOpen(options);
  await tested.clock.advance(30_000);
  return tested;
}

t.test('does not count what this process itself lacks', async (t) => {
  const tested = build();
  for (let i = 0; i < 30; i += 1) {
    await tested.fail(error('connect-failed', { unsent: true, ownShortage: true }));
  }
  t.equal(tested.state, 'closed');
  const probing = await buildHalfOpen();
  await probing.fail(error('connect-failed', { unsent: true, ownShortage: true }));
  t.equal(probing.state, 'half-open', 'nor in a probe');
});

t.test('does not count a 4xx whose connection breaks after its head', async (t) => {
  const tested = build();
  for (let i = 0; i < 5; i += 1) {
    const { reply, run } = tested.send();
    run.respond({ status: 404 });
    (await reply).abort(error('upstream-reset'));
  }
  t.equal(tested.state, 'closed');
});

t.test('is absent from the chain when it is off', async (t) => {
  t.equal(policy.create({ circuitBreaker: 'off' }, fakeContext(new FakeClock())), undefined);
});

t.test('passes responses and failures on as they are', async (t) => {
  const { next, stage } = build();
  const reply = stage.run(fakeAttempt());
  const given = next.last.respond({ status: 500 });
  t.equal(await reply, given);
  const failed = stage.run(fakeAttempt());
  const reset = error('upstream-reset');
  next.last.fail(reset);
  t.equal(await failureOf(failed), reset);
});

t.test('opens at failureThreshold failures in a row', async (t) => {
  const tested = build();
  await tested.play('FFFFSFFFF');
  t.match(tested.circuit.snapshot(), { state: 'closed', consecutiveFailures: 4 });
  await tested.play('F');
  t.match(tested.circuit.snapshot(), { state: 'open', consecutiveFailures: 5 });
  t.strictSame(tested.events, [
    {
      type: 'circuit-moved',
      from: 'closed',
      to: 'open',
      rule: 'failureThreshold',
      observed: 5,
      threshold: 5,
    },
  ]);
});

t.test('counts failures in a row however far apart they are', async (t) => {
  const tested = build();
  for (let i = 0; i < 5; i++) {
    await tested.play('F');
    await tested.clock.advance(60_000);
  }
  t.match(tested.events, [{ to: 'open', rule: 'failureThreshold', observed: 5 }]);
});

t.test('goes by the share of failures from minimumCalls on', async (t) => {
  const failureRate = { threshold: 0.5, window: 10_000, minimumCalls: 5 };
  const over = build({ failureThreshold: 'off', failureRate });
  await over.play('FFSS');
  t.match(over.circuit.snapshot(), { state: 'closed', failureRate: null });
  await over.play('F');
  t.match(over.circuit.snapshot(), { state: 'open', failureRate: 0.6 });
  t.match(over.events, [{ rule: 'failureRate', observed: 0.6, threshold: 0.5 }]);

  const exact = build({ failureThreshold: 'off', failureRate });
  await exact.play('FSFSS');
  t.match(exact.circuit.snapshot(), { state: 'closed', failureRate: 0.4 });
  await exact.play('F');
  t.equal(exact.state, 'open', 'it opens at exactly the threshold');
});

t.test('opens also when a success completes minimumCalls', async (t) => {
  const tested = build({
    failureThreshold: 'off',
    failureRate: { threshold: 0.5, window: 10_000, minimumCalls: 4 },
  });
  await tested.play('FFSS');
  t.equal(tested.state, 'open');
});

t.test('forgets failures older than the window', async (t) => {
  const tested = build({
    failureThreshold: 'off',
    failureRate: defaultRate,
  });
  await tested.play('F'.repeat(19));
  await tested.clock.advance(10_001);
  await tested.play('F');
  t.match(tested.circuit.snapshot(), { state: 'closed', failureRate: null });
});

t.test('never opens for failures when both of their rules are off', async (t) => {
  const tested = build({ failureThreshold: 'off', failureRate: 'off' });
  await tested.play('F'.repeat(100));
  t.match(tested.circuit.snapshot(), { state: 'closed', failureRate: 1 });
});

t.test('opens at a share of slow attempts, whether failureRate is on or off', async (t) => {
  for (const failureRate of ['off', defaultRate] as const) {
    const tested = build({ failureRate, slowCall: { duration: 2000, threshold: 0.8 } });
    await tested.play('SSS');
    const slow = Array.from({ length: 17 }, () => tested.send());
    await tested.clock.advance(2001);
    for (const { reply, run } of slow) {
      t.equal(tested.state, 'closed');
      run.respond({ isComplete: true });
      await reply;
    }
    t.match(tested.events, [{ to: 'open', rule: 'slowCall', observed: 0.85, threshold: 0.8 }]);
  }
});

t.test('takes only what is slower than slowCall.duration as slow', async (t) => {
  const tested = build({
    failureRate: { ...defaultRate, minimumCalls: 1 },
    slowCall: { duration: 2000, threshold: 0.1 },
  });
  for (const [afterMs, state] of [
    [2000, 'closed'],
    [2001, 'open'],
  ] as const) {
    const { reply, run } = tested.send();
    await tested.clock.advance(afterMs);
    run.respond({ isComplete: true });
    await reply;
    t.equal(tested.state, state);
  }
});

t.test('measures slowness at the headers, not at the end of the body', async (t) => {
  const tested = build({
    failureRate: { ...defaultRate, minimumCalls: 1 },
    slowCall: { duration: 2000, threshold: 0.1 },
  });
  const quick = tested.send();
  const quickBody = quick.run.respond();
  await tested.clock.advance(9000);
  quickBody.finish();
  t.equal(tested.state, 'closed');
  const slow = tested.send();
  await tested.clock.advance(2001);
  const slowBody = slow.run.respond();
  await slow.reply;
  slowBody.finish();
  t.equal(tested.state, 'open');
});

t.test('counts a slow failure as slow', async (t) => {
  const tested = build({
    failureThreshold: 'off',
    failureRate: { threshold: 1, window: 10_000, minimumCalls: 2 },
    slowCall: { duration: 2000, threshold: 0.5 },
  });
  await tested.respond(200);
  await tested.fail(error('timeout-attempt'), 2001);
  t.match(tested.events, [{ rule: 'slowCall', observed: 0.5 }]);
});

t.test('takes listed statuses, broken attempts and timeouts as failures', async (t) => {
  for (const status of defaults.failureStatuses) {
    const tested = build({ failureThreshold: 1 });
    await tested.respond(status);
    t.equal(tested.state, 'open', String(status));
  }
  const failures = [
    error('connect-failed'),
    error('timeout-connect'),
    error('upstream-reset'),
    error('upstream-protocol-error'),
    error('timeout-attempt'),
    error('timeout-write'),
  ];
  for (const failure of failures) {
    const tested = build({ failureThreshold: 1 });
    await tested.fail(failure);
    t.equal(tested.state, 'open', failure.reason);
  }
});

t.test('takes a listed 4xx as a failure and an unlisted 5xx as a success', async (t) => {
  const tested = build({ failureThreshold: 2, failureStatuses: [429] });
  await tested.respond(429);
  await tested.respond(500);
  await tested.respond(429);
  t.match(tested.circuit.snapshot(), { state: 'closed', consecutiveFailures: 1 });
});

t.test('takes a 4xx that is not in failureStatuses as a success', async (t) => {
  for (const status of [400, 401, 404, 409, 422, 499]) {
    const tested = build();
    for (let i = 0; i < 5; i++) {
      await tested.respond(status);
      await tested.respond(500);
    }
    t.match(tested.circuit.snapshot(), { state: 'closed', consecutiveFailures: 1 }, `${status}`);
  }
  const probed = await buildHalfOpen();
  for (let i = 0; i < 3; i++) await probed.respond(404);
  t.equal(probed.state, 'closed', 'it closes the circuit as well');
});

t.test('counts first attempts only in the window, and each attempt in the row', async (t) => {
  const failureRate = { threshold: 0.5, window: 10_000, minimumCalls: 6 };
  const tested = build({ failureRate });
  // Two calls that fail with all of their three attempts, among four that succeed.
  for (let i = 0; i < 2; i++) {
    const call = fakeCall();
    for (let attempt = 0; attempt < 3; attempt++) await tested.respond(503, call);
    await tested.play('SS');
  }
  t.match(tested.circuit.snapshot(), { state: 'closed', failureRate: 2 / 6 });

  const row = build({ failureRate });
  for (const attempts of [3, 2]) {
    const call = fakeCall();
    for (let attempt = 0; attempt < attempts; attempt++) await row.respond(503, call);
  }
  t.match(row.events, [{ to: 'open', rule: 'failureThreshold', observed: 5 }]);
});

t.test('takes the attempt after one on a closed connection as the first', async (t) => {
  const tested = build({ failureRate: { ...defaultRate, minimumCalls: 1 } });
  const call = fakeCall();
  await tested.fail(error('upstream-reset', { stale: true }), 0, call);
  t.match(tested.circuit.snapshot(), { failureRate: null });
  await tested.respond(200, call);
  t.match(tested.circuit.snapshot(), { failureRate: 0 });
  await tested.respond(500, call);
  t.match(tested.circuit.snapshot(), { failureRate: 0, consecutiveFailures: 1 });
});

t.test('is not moved either way by what says nothing about the upstream', async (t) => {
  const tested = build({ failureThreshold: 3, failureRate: { ...defaultRate, minimumCalls: 3 } });
  await tested.play('FF');
  for (const status of [408, 425, 429]) await tested.respond(status);
  await tested.fail(clientGone());
  await tested.fail(error('upstream-reset', { stale: true }));
  await tested.fail(error('shutting-down'));
  await tested.fail(error('deadline-expired'), 99);
  t.match(tested.circuit.snapshot(), {
    state: 'closed',
    consecutiveFailures: 2,
    failureRate: null,
  });
  await tested.play('F');
  t.equal(tested.state, 'open', 'nothing came between the failures');
});

t.test('takes an end by the deadline as a failure if the attempt had minimumTimeout', async (t) => {
  for (const reason of ['deadline-expired', 'timeout-total'] as const) {
    const tested = build({ failureThreshold: 1 });
    await tested.fail(error(reason), 99);
    t.equal(tested.state, 'closed');
    await tested.fail(error(reason), 100);
    t.equal(tested.state, 'open');
  }
});

t.test('records a good response when its body has ended', async (t) => {
  const tested = build();
  await tested.play('FFFF');
  const { reply, run } = tested.send();
  const body = run.respond();
  await reply;
  t.equal(tested.circuit.snapshot().consecutiveFailures, 4);
  body.finish();
  t.equal(tested.circuit.snapshot().consecutiveFailures, 0);
});

t.test(
  'takes a body that broke off as a failure, and one whose client left as nothing',
  async (t) => {
    const tested = build();
    const broken = tested.send();
    const body = broken.run.respond();
    await broken.reply;
    body.finish(error('upstream-reset'));
    t.equal(tested.circuit.snapshot().consecutiveFailures, 1);
    const left = tested.send();
    const unread = left.run.respond();
    await left.reply;
    unread.abort(clientGone());
    t.equal(tested.circuit.snapshot().consecutiveFailures, 1);
  },
);

t.test('records a failing status at its headers, and once only', async (t) => {
  const tested = build();
  const { reply, run } = tested.send();
  const body = run.respond({ status: 503 });
  await reply;
  t.equal(tested.circuit.snapshot().consecutiveFailures, 1);
  body.finish(error('upstream-reset'));
  t.equal(tested.circuit.snapshot().consecutiveFailures, 1);
});

t.test('takes an event stream for a success at its headers, however it ends', async (t) => {
  const tested = await buildOpen();
  await tested.clock.advance(30_000);
  const bodies = [];
  for (let i = 0; i < 3; i++) {
    const { reply, run } = tested.send();
    bodies.push(run.respond({ headers: ['Content-Type', 'text/event-stream'] }));
    await reply;
  }
  t.equal(tested.circuit.snapshot().state, 'closed');
  await tested.clock.advance(60_000);
  for (const body of bodies) body.finish(error('deadline-expired'));
  t.equal(tested.circuit.snapshot().consecutiveFailures, 0);
});

t.test('refuses while it is open, and says until when', async (t) => {
  const tested = await buildOpen();
  const sent = tested.next.runs.length;
  await tested.clock.advance(18_500);
  const refusal = {
    reason: 'circuit-open',
    retryAfterMs: 11_500,
    message:
      'Cannot call catalog because its circuit is open: 5 failures in a row; probing starts in 12 s',
  };
  t.match(await failureOf(tested.stage.run(fakeAttempt())), refusal);
  t.match(tested.stage.refusal(fakeCall()), refusal);
  t.equal(tested.circuit.snapshot().retryAfterMs, 11_500);
  await tested.clock.advance(11_499.5);
  t.match(tested.stage.refusal(fakeCall()), { retryAfterMs: 1 });
  t.equal(tested.next.runs.length, sent, 'nothing reached the upstream');
});

t.test('names the rule that opened it', async (t) => {
  const slow = build({
    failureRate: { ...defaultRate, minimumCalls: 1 },
    slowCall: { duration: 10, threshold: 0.5 },
  });
  await slow.fail(error('deadline-expired'), 50);
  t.equal(slow.state, 'closed');
  const { reply, run } = slow.send();
  await slow.clock.advance(11);
  run.respond({ isComplete: true });
  await reply;
  t.match(slow.stage.refusal(fakeCall()), { message: /open: 100% of its calls were slow;/ });

  const failing = build({ failureRate: { ...defaultRate, minimumCalls: 3 } });
  await failing.play('SFF');
  t.match(failing.stage.refusal(fakeCall()), { message: /open: 66.7% of its calls failed;/ });

  const probed = await buildHalfOpen();
  await probed.play('F');
  t.match(probed.stage.refusal(fakeCall()), { message: /open: a probe failed;/ });
});

t.test('passes on what stages further in would refuse', async (t) => {
  const { next, stage } = build();
  next.refuses = error('shutting-down');
  t.equal(stage.refusal(fakeCall()), next.refuses);
});

t.test('is half-open once the recovery time has passed, without a timer', async (t) => {
  const tested = await buildOpen();
  await tested.clock.advance(29_999);
  t.equal(tested.state, 'open');
  t.equal(tested.clock.pending, 0);
  await tested.clock.advance(5001);
  t.strictSame(tested.circuit.snapshot(), {
    isTold: false,
    state: 'half-open',
    mode: 'enforce',
    consecutiveFailures: 5,
    failureRate: null,
    sinceWallMs: FAKE_WALL_START_MS + 30_000,
    retryAfterMs: 0,
    endsInMs: 0,
  });
  t.match(tested.events[1], {
    from: 'open',
    to: 'half-open',
    rule: 'recoveryTimeout',
    observed: 35_000,
    threshold: 30_000,
  });
});

t.test('lets halfOpenMaxCalls probes through at once, and no more', async (t) => {
  const tested = await buildHalfOpen({ halfOpenMaxCalls: 2 });
  for (let i = 0; i < 5; i++) t.equal(tested.stage.refusal(fakeCall()), undefined);
  tested.send();
  const second = tested.send();
  const refusal = { reason: 'circuit-open', retryAfterMs: 1000, message: /2 probes are under way/ };
  t.match(tested.stage.refusal(fakeCall()), refusal);
  t.match(await failureOf(tested.stage.run(fakeAttempt())), refusal);
  t.equal(tested.circuit.snapshot().retryAfterMs, 0);
  second.run.respond({ isComplete: true });
  await second.reply;
  t.equal(tested.stage.refusal(fakeCall()), undefined);
});

t.test("gives a probe's permit back when the attempt says nothing", async (t) => {
  const tested = await buildHalfOpen({ halfOpenMaxCalls: 1 });
  await tested.respond(429);
  await tested.fail(clientGone());
  await tested.fail(error('upstream-reset', { stale: true }));
  await tested.fail(error('shutting-down'));
  await tested.fail(error('deadline-expired'), 50);
  t.equal(tested.state, 'half-open');
  t.equal(tested.stage.refusal(fakeCall()), undefined);
});

t.test(
  "gives a probe's permit back at the headers, so that a long download blocks no other call",
  async (t) => {
    const tested = await buildHalfOpen({ halfOpenMaxCalls: 1, successThreshold: 2 });
    const { reply, run } = tested.send();
    const body = run.respond();
    await reply;
    t.equal(tested.stage.refusal(fakeCall()), undefined);
    await tested.play('S');
    t.equal(tested.state, 'half-open', 'the download has not counted yet');
    body.finish();
    t.equal(tested.state, 'closed');
  },
);

t.test('closes after successThreshold successes and starts from nothing', async (t) => {
  const tested = await buildOpen({
    recoveryTimeout: 1000,
    failureRate: { ...defaultRate, minimumCalls: 6 },
  });
  await tested.clock.advance(1000);
  await tested.play('SS');
  t.equal(tested.state, 'half-open');
  await tested.play('S');
  t.strictSame(tested.circuit.snapshot(), {
    isTold: false,
    state: 'closed',
    mode: 'enforce',
    consecutiveFailures: 0,
    failureRate: null,
    sinceWallMs: FAKE_WALL_START_MS + 1000,
    retryAfterMs: 0,
    endsInMs: 0,
  });
  t.match(tested.events.at(-1), { rule: 'successThreshold', observed: 3, threshold: 3 });
});

t.test('opens again at the first failed probe', async (t) => {
  const tested = await buildHalfOpen();
  await tested.play('SSF');
  t.match(tested.circuit.snapshot(), {
    state: 'open',
    consecutiveFailures: 1,
    sinceWallMs: FAKE_WALL_START_MS + 30_000,
    retryAfterMs: 30_000,
    endsInMs: 30_000,
  });
  t.match(tested.events.at(-1), {
    from: 'half-open',
    to: 'open',
    rule: 'probeFailure',
    observed: 1,
    threshold: 1,
  });
});

t.test('opens again when a probe breaks off in its body', async (t) => {
  const tested = await buildHalfOpen();
  const { reply, run } = tested.send();
  const body = run.respond();
  await reply;
  body.finish(error('upstream-reset'));
  t.equal(tested.state, 'open');
});

t.test('stays open longer with each opening in a row, up to a limit', async (t) => {
  const tested = await buildOpen({
    recoveryTimeout: 1000,
    recoveryMultiplier: 2,
    maxRecoveryTimeout: 5000,
  });
  for (const recoveryMs of [1000, 2000, 4000, 5000, 5000]) {
    t.equal(tested.circuit.snapshot().retryAfterMs, recoveryMs);
    await tested.clock.advance(recoveryMs);
    await tested.play('F');
  }
  await tested.clock.advance(5000);
  await tested.play('SSS');
  t.equal(tested.state, 'closed');
  await tested.play('FFFFF');
  t.equal(tested.circuit.snapshot().retryAfterMs, 1000, 'a close in between starts again');
});

t.test('never stays open longer than maxRecoveryTimeout', async (t) => {
  const tested = await buildOpen({ recoveryTimeout: 9000, maxRecoveryTimeout: 5000 });
  t.equal(tested.circuit.snapshot().retryAfterMs, 5000);
});

t.test('drops results of attempts that another state admitted', async (t) => {
  const tested = build({ successThreshold: 1 });
  const early = [tested.send(), tested.send(), tested.send()];
  await tested.play('FFFFF');
  early[0]!.run.fail(error('upstream-reset'));
  await settle();
  t.match(tested.circuit.snapshot(), { state: 'open', consecutiveFailures: 5 });

  await tested.clock.advance(30_000);
  early[1]!.run.respond({ isComplete: true });
  await settle();
  t.equal(tested.state, 'half-open', 'a success from before proves nothing now');

  const oldProbe = tested.send();
  await tested.play('F');
  await tested.clock.advance(30_000);
  t.equal(tested.state, 'half-open');
  oldProbe.run.respond({ isComplete: true });
  await settle();
  t.equal(tested.state, 'half-open', 'nor does a probe of the time before');
  const probes = [tested.send(), tested.send(), tested.send()];
  t.match(tested.stage.refusal(fakeCall()), { reason: 'circuit-open' }, 'nor frees it a place');

  probes[0]!.run.respond({ isComplete: true });
  await settle();
  t.equal(tested.state, 'closed');
  early[2]!.run.fail(error('upstream-reset'));
  await settle();
  t.equal(tested.circuit.snapshot().consecutiveFailures, 0, 'closed again is not closed before');
});

t.test('refuses everything while it is forced open', async (t) => {
  const tested = build();
  tested.circuit.force('forced-open');
  await tested.clock.advance(1e9);
  t.match(await failureOf(tested.stage.run(fakeAttempt())), {
    reason: 'circuit-open',
    retryAfterMs: 1000,
    message: 'Cannot call catalog because its circuit is forced open by an operator',
  });
  t.match(tested.circuit.snapshot(), {
    state: 'forced-open',
    sinceWallMs: FAKE_WALL_START_MS,
    retryAfterMs: 1000,
    endsInMs: 0,
  });
  t.strictSame(tested.events, [
    {
      type: 'circuit-moved',
      from: 'closed',
      to: 'forced-open',
      rule: 'forced',
      observed: 0,
      threshold: 0,
    },
  ]);
});

t.test('lets everything through and counts nothing while it is forced closed', async (t) => {
  const tested = await buildOpen();
  tested.circuit.force('forced-closed');
  await tested.play('F'.repeat(30));
  t.match(tested.circuit.snapshot(), { state: 'forced-closed', consecutiveFailures: 5 });
});

t.test('ends an override by itself with a fresh closed circuit', async (t) => {
  const tested = await buildOpen();
  tested.circuit.force('forced-open', 60_000);
  await tested.clock.advance(20_000);
  t.match(tested.stage.refusal(fakeCall()), { retryAfterMs: 40_000 });
  t.equal(tested.circuit.snapshot().endsInMs, 40_000);
  await tested.clock.advance(45_000);
  t.equal(tested.stage.refusal(fakeCall()), undefined);
  t.match(tested.circuit.snapshot(), {
    state: 'closed',
    consecutiveFailures: 0,
    sinceWallMs: FAKE_WALL_START_MS + 60_000,
  });
  t.match(tested.events.at(-1), { from: 'forced-open', to: 'closed', rule: 'forced' });
});

t.test('drops results of attempts from before an override', async (t) => {
  const tested = build({ failureThreshold: 1 });
  const { run } = tested.send();
  tested.circuit.force('forced-closed');
  tested.circuit.force('auto');
  run.fail(error('upstream-reset'));
  await settle();
  t.equal(tested.state, 'closed');
});

t.test('prolongs an override that is set again, without a move', async (t) => {
  const tested = build();
  tested.circuit.force('forced-open', 1000);
  await tested.clock.advance(900);
  tested.circuit.force('forced-open', 1000);
  await tested.clock.advance(900);
  t.match(tested.circuit.snapshot(), { state: 'forced-open', sinceWallMs: FAKE_WALL_START_MS });
  t.equal(tested.events.length, 1);
  tested.circuit.force('forced-closed');
  t.equal(tested.state, 'forced-closed', 'one override can follow another');
});

t.test('leaves a circuit alone that is told auto without an override', async (t) => {
  const tested = await buildOpen();
  tested.circuit.force('auto');
  t.equal(tested.state, 'open');
  tested.circuit.force('forced-open');
  tested.circuit.force('auto');
  t.equal(tested.state, 'closed');
});

/** Its only attempt goes to that endpoint of these available ones. */
function callAt(endpoint: string, available: readonly string[]): Call {
  const call = fakeCall();
  call.triedEndpoints = [endpoint];
  call.endpoints = { hasOther: (tried) => available.some((each) => !tried.includes(each)) };
  return call;
}

t.test(
  'failures in a row at some endpoints do not open it while others are available',
  async (t) => {
    const tested = build({ failureRate: 'off' });
    const three = ['a', 'b', 'c'];
    for (let i = 0; i < 20; i += 1) await tested.respond(503, callAt('a', three));
    t.equal(tested.state, 'closed');
    t.equal(tested.circuit.snapshot().consecutiveFailures, 20, 'they count all the same');
    await tested.respond(503, callAt('b', three));
    t.equal(tested.state, 'closed', 'one endpoint has no part in it');
    await tested.respond(200, callAt('c', three));
    for (const endpoint of ['a', 'a', 'a', 'b']) await tested.respond(503, callAt(endpoint, three));
    await tested.respond(503, callAt('a', three));
    t.equal(tested.state, 'closed', 'the row is a new one after a success');
    await tested.respond(503, callAt('c', three));
    t.equal(tested.state, 'open', 'all have failed');
  },
);

t.test('an attempt that found no endpoint has no part in the row of those that did', async (t) => {
  const tested = build({ failureRate: 'off', failureThreshold: 2 });
  const call = callAt('a', ['a', 'b']);
  call.triedEndpoints = [];
  await tested.fail(error('connect-failed', { unsent: true }), 0, call);
  call.triedEndpoints = ['a'];
  await tested.respond(503, call);
  await tested.respond(503, callAt('b', ['a', 'b']));
  t.equal(tested.state, 'open', 'both endpoints have failed, each in an attempt of its own');
});

t.test('failures in a row open it once only those endpoints are available', async (t) => {
  const tested = build({ failureRate: 'off' });
  for (let i = 0; i < 4; i += 1) await tested.respond(503, callAt('a', ['a', 'b']));
  await tested.respond(503, callAt('a', ['a']));
  t.equal(tested.state, 'open');
});

t.test('of many endpoints, four times the threshold are enough to open it', async (t) => {
  const many = Array.from({ length: 100 }, (_, i) => `e${i}`);
  const tested = build({ failureRate: 'off', failureThreshold: 3 });
  for (const endpoint of many.slice(0, 11)) await tested.respond(503, callAt(endpoint, many));
  await tested.respond(503, callAt('e5', many));
  t.equal(tested.state, 'closed');
  await tested.respond(503, callAt('e11', many));
  t.equal(tested.state, 'open');
  const byRate = build({ failureThreshold: 'off' });
  for (let i = 0; i < 20; i += 1) await byRate.respond(503, callAt('e1', many));
  t.equal(byRate.state, 'open', 'the share of failures does not ask where they come from');
});

t.test('a first attempt that no endpoint has seen counts only if no other is left', async (t) => {
  const refused = error('connect-failed', { unsent: true });
  const tested = build({ failureThreshold: 'off' });
  for (let i = 0; i < 40; i += 1) {
    const call = callAt('dead', ['dead', 'well']);
    await tested.fail(refused, 0, call);
    await tested.respond(200, call);
  }
  t.equal(tested.circuit.snapshot().failureRate, 0, 'the attempts after them were all good');
  const dead = build({ failureThreshold: 'off' });
  for (let i = 0; i < 20; i += 1) {
    const call = callAt('dead', ['dead', 'dead too', 'other']);
    await dead.fail(refused, 0, call);
    await dead.fail(refused, 0, call);
  }
  t.equal(dead.state, 'open', 'the attempts after them failed too');
  const alone = build({ failureThreshold: 'off' });
  for (let i = 0; i < 20; i += 1) await alone.fail(refused, 0, callAt('dead', ['dead']));
  t.equal(alone.state, 'open');
});

t.test('a probe that fails at one endpoint is followed by probes of the others', async (t) => {
  const two = ['a', 'b'];
  const tested = await buildHalfOpen();
  await tested.respond(503, callAt('a', two));
  t.equal(tested.state, 'half-open');
  for (let i = 0; i < 3; i += 1) await tested.respond(200, callAt('b', two));
  t.equal(tested.state, 'closed');

  const dead = build({ failureRate: 'off' });
  for (let i = 0; i < 5; i += 1) await dead.respond(503, callAt(two[i % 2]!, two));
  await dead.clock.advance(30_000);
  await dead.respond(503, callAt('a', two));
  t.equal(dead.state, 'half-open', 'what failed before it opened says nothing about probes');
  await dead.respond(503, callAt('b', two));
  t.equal(dead.state, 'open', 'none responds');
});

t.test('the metric of the state knows each state that a circuit can be in', async (t) => {
  const gauge = policy.instruments.find(({ name }) => name === 'breakwater_circuit_state');
  const { states, value } = gauge as StateGauge<CircuitBreakerLayer>;
  const open = await buildOpen();
  const halfOpen = await buildHalfOpen();
  const forced = ['forced-open', 'forced-closed'].map((word) => {
    const tested = build();
    tested.circuit.force(word as ForcedState);
    return tested;
  });
  for (const tested of [build(), open, halfOpen, ...forced]) {
    t.equal(value(tested.layer), tested.state);
    t.ok(states.includes(tested.state), tested.state);
  }
});

t.test('the log says whose circuit has moved', async (t) => {
  const { events } = await buildOpen();
  const moved = events[0] as CircuitMoved;
  const [logged] = log;
  t.match(logged!.line(moved, 'catalog', '').message, /^circuit of catalog opened because/);
  t.match(
    logged!.line(moved, 'catalog', 'search').message,
    /^circuit of catalog\/search opened because/,
    'that of a route has its name',
  );
});
