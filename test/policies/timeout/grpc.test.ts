/** Timeouts of gRPC calls. */
import t from 'tap';
import { timeout } from '../../../src/policies/timeout/index.js';
import { fakeAttempt, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { begun, grpcCall, trailersOnly } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

t.test('watches the silence of a stream by its own limit', async (t) => {
  const clock = new FakeClock();
  const next = new FakeStage();
  const settings = settingsOf('timeout', { idle: 1000, stream: 5000 });
  void timeout.create({ timeout: settings }, fakeContext(clock))!.wrap(next).run(fakeAttempt());
  const attempt = next.last.attempt!;
  attempt.enter('streaming-events');
  await clock.advance(4999);
  t.equal(attempt.cancelled, undefined);
  await clock.advance(1);
  t.match(attempt.cancelled, { reason: 'timeout-attempt' });
});

t.test('learns from responses that have begun, and not from refusals', async (t) => {
  const clock = new FakeClock();
  const next = new FakeStage();
  const adaptive = {
    mode: 'enforce' as const,
    percentile: 100,
    multiplier: 2,
    min: 1,
    max: 9999,
    window: 9,
    minSamples: 1,
  };
  const settings = settingsOf('timeout', { adaptive });
  const layer = timeout.create({ timeout: settings }, fakeContext(clock))!;
  for (const response of [trailersOnly('UNAVAILABLE'), begun]) {
    const reply = layer.wrap(next).run(fakeAttempt(grpcCall()));
    const { attempt } = next.last;
    attempt!.enter('connecting');
    attempt!.enter('waiting');
    await clock.advance(response === begun ? 50 : 7);
    attempt!.enter('streaming-events');
    next.last.respond(response);
    await reply;
  }
  t.equal(layer.attemptMs, 100);
});
