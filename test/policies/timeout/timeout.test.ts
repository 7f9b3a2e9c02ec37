import t, { type Test } from 'tap';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import { timeout, type TimeoutSettings } from '../../../src/policies/timeout/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<TimeoutSettings['timeout'], 'off'>;

const defaults = settingsOf('timeout');

function build(options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const next = new FakeStage();
  const layer = timeout.create({ timeout: { ...defaults, ...options } }, fakeContext(clock))!;
  return { clock, next, layer, stage: layer.wrap(next) };
}

/** An attempt as the transport leads it; `error` is what its clocks ended it with. */
function start(options: Partial<Options> = {}, earlierAttempts = 0) {
  const { clock, next, stage } = build(options);
  const call = fakeCall();
  call.attempts = earlierAttempts;
  void stage.run(fakeAttempt(call));
  const led = next.last.attempt!;
  const attempt = { clock, led, error: undefined as CallFailure | undefined };
  led.onCancel((error) => {
    attempt.error = error;
    led.enter('ended');
  });
  led.enter('connecting');
  return attempt;
}

type Attempt = ReturnType<typeof start>;

/** The attempt runs for just under `ms`, then ends with `reason`, and leaves no timer. */
async function endsAfter(t: Test, attempt: Attempt, ms: number, reason: string) {
  await attempt.clock.advance(ms - 1);
  t.equal(attempt.error, undefined, `not before ${ms} ms`);
  await attempt.clock.advance(1);
  t.match(attempt.error, { reason, status: 504 });
  t.equal(attempt.clock.pending, 0);
}

t.test('is absent from the chain when it is off', async (t) => {
  t.equal(timeout.create({ timeout: 'off' }, fakeContext(new FakeClock())), undefined);
});

t.test('gives each attempt clocks of its own', async (t) => {
  const { clock, next, stage } = build();
  const call = fakeCall();
  for (const before of [0, 1]) {
    void stage.run(fakeAttempt(call));
    next.last.attempt!.enter('connecting');
    t.equal(clock.pending, before + 1);
  }
  next.runs[0]!.attempt!.enter('ended');
  t.equal(clock.pending, 1);
  await clock.advance(10_000);
  t.match(next.runs[1]!.attempt!.cancelled, { reason: 'timeout-connect' });
  t.equal(next.runs[0]!.attempt!.cancelled, undefined);
});

t.test('passes on what the call would be refused with', async (t) => {
  const { next, stage } = build();
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  t.equal(stage.refusal(fakeCall()), next.refuses);
});

t.test('ends an attempt that gets no connection, as unsent', async (t) => {
  const attempt = start();
  await endsAfter(t, attempt, 2000, 'timeout-connect');
  t.match(attempt.error, { unsent: true });
});

t.test(
  'ends an attempt that gets no connection in the time for the whole attempt, as unsent',
  async (t) => {
    const attempt = start({ attempt: 1000 });
    await endsAfter(t, attempt, 1000, 'timeout-attempt');
    t.match(attempt.error, { unsent: true });
  },
);

t.test('ends an attempt without a response, the connecting included', async (t) => {
  const attempt = start();
  await attempt.clock.advance(1500);
  attempt.led.enter('waiting');
  await endsAfter(t, attempt, 8500, 'timeout-attempt');
  t.match(attempt.error, { unsent: false });
});

t.test('stands still while the client uploads, and starts again after the last byte', async (t) => {
  const attempt = start();
  await attempt.clock.advance(500);
  attempt.led.enter('sending');
  await attempt.clock.advance(60_000);
  t.equal(attempt.error, undefined);
  attempt.led.enter('waiting');
  await endsAfter(t, attempt, 10_000, 'timeout-attempt');
});

t.test('ends an attempt whose upstream takes no bytes of the body', async (t) => {
  const attempt = start();
  attempt.led.enter('sending');
  attempt.led.stall(true);
  await attempt.clock.advance(14_999);
  attempt.led.stall(false);
  await attempt.clock.advance(60_000);
  attempt.led.stall(true);
  await endsAfter(t, attempt, 15_000, 'timeout-write');
  t.match(attempt.error, { unsent: false });
});

t.test('counts a stall that began before the head was sent from there on', async (t) => {
  const attempt = start();
  attempt.led.stall(true);
  await attempt.clock.advance(1000);
  attempt.led.enter('sending');
  await endsAfter(t, attempt, 15_000, 'timeout-write');
});

t.test('ends a response that falls silent', async (t) => {
  const attempt = start();
  attempt.led.enter('waiting');
  attempt.led.enter('streaming');
  for (let i = 0; i < 5; i++) {
    await attempt.clock.advance(29_999);
    attempt.led.progress();
  }
  t.equal(attempt.error, undefined);
  await endsAfter(t, attempt, 30_000, 'timeout-attempt');
  t.match(attempt.error?.message, /timeout\.idle/);
});

t.test('does not take a slow client for a silent upstream', async (t) => {
  const attempt = start();
  attempt.led.enter('streaming');
  await attempt.clock.advance(20_000);
  attempt.led.pause(true);
  await attempt.clock.advance(600_000);
  t.equal(attempt.error, undefined);
  attempt.led.pause(false);
  await endsAfter(t, attempt, 30_000, 'timeout-attempt');
});

t.test('ends an event stream only after the longer silence', async (t) => {
  const attempt = start();
  attempt.led.enter('streaming-events');
  await attempt.clock.advance(299_999);
  attempt.led.progress();
  await endsAfter(t, attempt, 300_000, 'timeout-attempt');
  t.match(attempt.error?.message, /timeout\.stream/);
});

t.test('leaves no timer when the attempt is over', async (t) => {
  for (const phase of ['connecting', 'sending', 'waiting', 'streaming'] as const) {
    const { clock, led } = start();
    led.enter(phase);
    led.enter('ended');
    t.equal(clock.pending, 0, phase);
  }
});

t.test('arms one timer at a time', async (t) => {
  const { clock, led } = start();
  for (const phase of ['sending', 'waiting', 'streaming'] as const) {
    led.enter(phase);
    led.stall(true);
    led.pause(true);
    led.pause(false);
    t.ok(clock.pending <= 1, phase);
  }
});

t.test('knows no limit for what is off', async (t) => {
  const off = { connect: 'off', write: 'off', attempt: 'off', idle: 'off', stream: 'off' } as const;
  const { clock, led } = start(off);
  t.equal(clock.pending, 0);
  for (const phase of ['sending', 'waiting', 'streaming', 'streaming-events'] as const) {
    led.enter(phase);
    led.stall(true);
    t.equal(clock.pending, 0, phase);
  }
});

t.test('holds to the other limit where one is off', async (t) => {
  await endsAfter(t, start({ connect: 'off' }), 10_000, 'timeout-attempt');
  await endsAfter(t, start({ attempt: 'off' }), 2000, 'timeout-connect');
});

t.test('gives each further attempt more where attemptGrowth says so', async (t) => {
  for (const [earlierAttempts, ms] of [10_000, 15_000, 20_000].entries()) {
    const attempt = start({ attemptGrowth: 0.5, connect: 'off' }, earlierAttempts);
    attempt.led.enter('waiting');
    await endsAfter(t, attempt, ms, 'timeout-attempt');
    t.match(attempt.error?.message, `within ${ms} ms (timeout.attempt)`);
  }
});

t.test('gives all attempts the same without attemptGrowth', async (t) => {
  const attempt = start({}, 2);
  attempt.led.enter('waiting');
  await endsAfter(t, attempt, 10_000, 'timeout-attempt');
});

t.test('lets nothing grow out of an attempt that is off', async (t) => {
  const { clock } = start({ attemptGrowth: 0.5, attempt: 'off', connect: 'off' }, 2);
  t.equal(clock.pending, 0);
});

t.test('tells what a first attempt may take', async (t) => {
  t.equal(build().layer.attemptMs, 10_000);
  t.equal(build({ attemptGrowth: 0.5 }).layer.attemptMs, 10_000);
  t.equal(build({ attempt: 'off' }).layer.attemptMs, undefined);
});
