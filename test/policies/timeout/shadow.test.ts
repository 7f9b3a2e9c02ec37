/** A learned timeout in shadow: what is configured cuts attempts, and what it would have cut is counted. */
import t from 'tap';
import type { AttemptPhase } from '../../../src/core/attempt.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import type { AdaptiveTimeoutOptions } from '../../../src/policies/timeout/options.js';
import {
  timeout,
  type TimeoutLayer,
  type TimeoutSettings,
} from '../../../src/policies/timeout/index.js';
import { instruments } from '../../../src/policies/timeout/instruments.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<TimeoutSettings['timeout'], 'off'>;

const NOTED = ['timeout-attempt'];

function build(changes: Partial<AdaptiveTimeoutOptions> = {}, options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const next = new FakeStage();
  const create = (mode: 'enforce' | 'shadow', previous?: TimeoutLayer) =>
    timeout.create(
      {
        timeout: settingsOf('timeout', {
          attempt: 1000,
          adaptive: {
            mode,
            percentile: 100,
            multiplier: 2,
            min: 1,
            max: 30_000,
            window: 10,
            minSamples: 2,
            ...changes,
          },
          ...options,
        }),
      },
      context,
      previous,
    )!;
  let layer = create('shadow');

  /** An attempt as the transport leads it, through these phases. */
  function start(phases: readonly AttemptPhase[] = ['connecting', 'waiting'], call = fakeCall()) {
    const reply = layer.wrap(next).run(fakeAttempt(call));
    reply.catch(() => {});
    const run = next.last;
    const led = run.attempt!;
    const running = {
      call,
      led,
      reply,
      error: undefined as CallFailure | undefined,
      async respond() {
        led.enter('streaming');
        run.respond();
        await settle();
      },
      async fail(error: CallFailure) {
        running.error = error;
        led.enter('ended');
        run.fail(error);
        await settle();
      },
    };
    led.onCancel((error) => void running.fail(error));
    for (const phase of phases) led.enter(phase);
    return running;
  }

  /** An attempt with a response after so many ms. @returns what its call has noted. */
  async function take(ms: number, call = fakeCall()): Promise<readonly string[]> {
    const running = start(['connecting', 'waiting'], call);
    await clock.advance(ms);
    if (running.error === undefined) await running.respond();
    return call.shadow;
  }

  return {
    clock,
    events: context.events,
    start,
    take,
    layer: () => layer,
    learnedMs: () => layer.adaptive!.currentMs,
    reload: (mode: 'enforce' | 'shadow') => {
      layer = create(mode, layer);
    },
  };
}

t.test('passes the response on, in shadow and enforced', async (t) => {
  const { start, reload } = build();
  for (const mode of ['shadow', 'enforce'] as const) {
    reload(mode);
    const running = start();
    await running.respond();
    t.match(await running.reply, { status: 200 }, mode);
  }
});

t.test('cuts nothing, and counts the calls of which it would have cut an attempt', async (t) => {
  const { take, learnedMs, layer, events } = build();
  t.same(await take(20), []);
  t.same(await take(20), []);
  t.equal(learnedMs(), 40);
  t.equal(layer().attemptMs, 1000, 'what is configured is in force');
  t.same(await take(39), []);
  t.same(await take(500), NOTED);
  t.same(events, [
    { type: 'shadow-refused', policy: 'timeout.adaptive', reason: 'timeout-attempt' },
  ]);
});

t.test('shows in seconds what it would enforce', async (t) => {
  const { take, layer } = build();
  const gauge = instruments.find(({ name }) => name.includes('_shadow_'))!;
  t.equal(gauge.value(layer()), undefined, 'nothing is learned yet');
  for (const ms of [20, 20]) await take(ms);
  t.equal(gauge.value(layer()), 0.04);
});

t.test('learns as if it had cut the attempt: enforced, it would not know more', async (t) => {
  const { take, learnedMs } = build();
  for (const ms of [20, 20, 500]) await take(ms);
  t.equal(learnedMs(), 80);
  await take(500);
  t.equal(learnedMs(), 160);
});

t.test('an attempt exactly as long as the learned timeout would have been cut', async (t) => {
  const { take } = build();
  for (const ms of [20, 20]) await take(ms);
  t.same(await take(40), NOTED);
});

t.test('a call counts once, whatever its number of attempts', async (t) => {
  const { take, events } = build();
  for (const ms of [20, 20]) await take(ms);
  const call = fakeCall();
  await take(500, call);
  await take(900, call);
  t.same(call.shadow, NOTED);
  t.equal(events.length, 1);
});

t.test('the configured timeout cuts, and says so by its name', async (t) => {
  const { take, start, clock, learnedMs } = build();
  for (const ms of [20, 20]) await take(ms);
  const hung = start();
  await clock.advance(1000);
  t.match(hung.error, { reason: 'timeout-attempt', message: /within 1000 ms \(timeout.attempt\)/ });
  t.same(hung.call.shadow, NOTED);
  t.equal(learnedMs(), 80);
});

t.test('a configured timeout that is shorter teaches nothing', async (t) => {
  const { take, start, clock, learnedMs } = build({}, { attempt: 30 });
  for (const ms of [20, 20]) await take(ms);
  t.equal(learnedMs(), 40);
  const hung = start();
  await clock.advance(30);
  t.match(hung.error, { reason: 'timeout-attempt' });
  t.same(hung.call.shadow, []);
  t.equal(learnedMs(), 40);
});

t.test('later attempts would have more time under attemptGrowth', async (t) => {
  const { take } = build({}, { attemptGrowth: 1 });
  for (const ms of [20, 20]) await take(ms);
  const call = fakeCall();
  call.attempts = 1;
  t.same(await take(79, call), []);
});

t.test('each start of the clock is judged by itself, as where it is enforced', async (t) => {
  const { take, start, clock } = build();
  for (const ms of [20, 20]) await take(ms);
  const slow = start(['connecting']);
  await clock.advance(41);
  slow.led.enter('sending');
  slow.led.enter('waiting');
  await slow.respond();
  t.same(slow.call.shadow, NOTED, 'it took too long to connect');
  const upload = start(['connecting', 'sending']);
  await clock.advance(500);
  upload.led.enter('waiting');
  await clock.advance(39);
  await upload.respond();
  t.same(upload.call.shadow, [], 'an upload takes as long as it takes');
});

t.test('a client that leaves later than the learned timeout would have seen it', async (t) => {
  const { take, start, clock } = build();
  for (const ms of [20, 20]) await take(ms);
  const [early, late] = [start(), start()];
  await clock.advance(39);
  await early.fail(clientGone());
  await clock.advance(2);
  await late.fail(clientGone());
  t.same([early.call.shadow, late.call.shadow], [[], NOTED]);
});

t.test('a failure of the upstream in time passes as it is', async (t) => {
  const { take, start, learnedMs } = build();
  for (const ms of [20, 20]) await take(ms);
  const failed = start();
  await failed.fail(new CallError('upstream-reset', 'Cannot'));
  t.same(failed.call.shadow, []);
  t.equal(learnedMs(), 40);
});

t.test('a reload between shadow and enforce keeps what is learned', async (t) => {
  const { take, start, clock, layer, reload } = build();
  for (const ms of [20, 20]) await take(ms);
  reload('enforce');
  t.equal(layer().attemptMs, 40);
  t.equal(layer().shadow, undefined);
  const cut = start();
  await clock.advance(40);
  t.match(cut.error, { message: /timeout.adaptive/ });
  reload('shadow');
  t.equal(layer().attemptMs, 1000);
  t.match(layer().shadow, { policy: 'timeout.adaptive', reasons: NOTED });
});
