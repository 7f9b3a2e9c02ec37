import t from 'tap';
import type { AttemptPhase } from '../../../src/core/attempt.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import type { AdaptiveTimeoutOptions } from '../../../src/policies/timeout/options.js';
import {
  timeout,
  type TimeoutLayer,
  type TimeoutSettings,
} from '../../../src/policies/timeout/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<TimeoutSettings['timeout'], 'off'>;

const defaults = settingsOf('timeout');

const adaptiveDefaults: AdaptiveTimeoutOptions = {
  mode: 'enforce',
  percentile: 99,
  multiplier: 1.5,
  min: 1,
  max: 30_000,
  window: 100,
  minSamples: 4,
};

/** An upstream behind the policy. */
class Bench {
  readonly clock = new FakeClock();
  readonly next = new FakeStage();
  layer: TimeoutLayer;

  constructor(adaptive: Partial<AdaptiveTimeoutOptions> = {}, options: Partial<Options> = {}) {
    this.layer = this.#create(adaptive, options);
  }

  /** What a first attempt is given. */
  get timeoutMs(): number | undefined {
    return this.layer.attemptMs;
  }

  reload(adaptive: Partial<AdaptiveTimeoutOptions> = {}, options: Partial<Options> = {}): void {
    this.layer = this.#create(adaptive, options, this.layer);
  }

  #create(
    adaptive: Partial<AdaptiveTimeoutOptions>,
    options: Partial<Options>,
    previous?: TimeoutLayer,
  ): TimeoutLayer {
    const settings = {
      ...defaults,
      adaptive: { ...adaptiveDefaults, ...adaptive },
      ...options,
    };
    return timeout.create({ timeout: settings }, fakeContext(this.clock), previous)!;
  }

  /** An attempt as the transport leads it, up to `phase`. */
  start(phase: AttemptPhase = 'waiting', attempt = 1) {
    const { next, layer } = this;
    const call = fakeCall();
    call.attempts = attempt - 1;
    const reply = layer.wrap(next).run(fakeAttempt(call));
    reply.catch(() => {});
    const run = next.last;
    const led = run.attempt!;
    const running = {
      led,
      error: undefined as CallFailure | undefined,
      async respond(status = 200) {
        led.enter('streaming');
        run.respond({ status });
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
    led.enter('connecting');
    if (phase !== 'connecting') led.enter(phase);
    return running;
  }

  /** Attempts with a response after so many ms each. */
  async learn(...times: number[]): Promise<void> {
    for (const ms of times) {
      const running = this.start();
      await this.clock.advance(ms);
      await running.respond();
    }
  }

  /** An attempt without a response: ms until it is cut off. */
  async hang(attempt = 1): Promise<number> {
    const startMs = this.clock.now();
    const running = this.start('waiting', attempt);
    while (running.error === undefined) await this.clock.advance(1);
    return this.clock.now() - startMs;
  }
}

const ended = (reason: 'deadline-expired' | 'upstream-reset' | 'timeout-connect') =>
  new CallError(reason, 'Cannot go on because the test says so');

t.test('holds to attempt as it is written until enough is known', async (t) => {
  const bench = new Bench();
  await bench.learn(20, 20, 20);
  t.equal(bench.timeoutMs, 10_000);
  t.equal(await bench.hang(), 10_000);
  await bench.learn(20);
  t.equal(bench.timeoutMs, 30);
  t.equal(await bench.hang(), 30);
});

t.test('gives no attempt timeout until then where attempt is off', async (t) => {
  const bench = new Bench({}, { attempt: 'off', connect: 'off' });
  t.equal(bench.timeoutMs, undefined);
  const running = bench.start();
  t.equal(bench.clock.pending, 0);
  await bench.clock.advance(20);
  await running.respond();
  await bench.learn(20, 20, 20);
  t.equal(bench.timeoutMs, 30);
  t.equal(await bench.hang(), 30);
});

t.test('takes the percentile of the last window of response times', async (t) => {
  const bench = new Bench({ percentile: 50, multiplier: 2, window: 4 });
  await bench.learn(10, 20, 30, 40);
  t.equal(bench.timeoutMs, 40, 'the second of four');
  await bench.learn(39, 38);
  t.equal(bench.timeoutMs, 76, '30, 40, 39 and 38 are left');
});

t.test('stays within its bounds, whole ms in between', async (t) => {
  for (const [ms, timeoutMs] of [
    [33, 50],
    [34.1, 52],
    [54, 80],
  ] as const) {
    const bench = new Bench({ min: 50, max: 80, minSamples: 1 });
    await bench.learn(ms);
    t.equal(bench.timeoutMs, timeoutMs, `${ms} ms`);
  }
});

t.test('is not led astray by how products are rounded', async (t) => {
  const bench = new Bench({ multiplier: 1.1, minSamples: 1 });
  await bench.learn(100);
  t.equal(bench.timeoutMs, 110);
});

t.test('says in the message which option it was', async (t) => {
  const bench = new Bench();
  const before = bench.start();
  await bench.clock.advance(10_000);
  t.match(before.error?.message, 'catalog because none came within 10000 ms (timeout.attempt)');
  await bench.learn(20, 20, 20, 20);
  const after = bench.start();
  await bench.clock.advance(30);
  t.match(after.error, { reason: 'timeout-attempt', status: 504 });
  t.match(after.error?.message, 'catalog because none came within 30 ms (timeout.adaptive)');
});

t.test('an attempt keeps the timeout that it began with', async (t) => {
  const bench = new Bench();
  const early = bench.start();
  await bench.learn(20, 20, 20, 20);
  await bench.clock.advance(9000);
  t.equal(early.error, undefined);
  t.equal(bench.timeoutMs, 30);
});

t.test('measures the connecting too', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  const running = bench.start('connecting');
  await bench.clock.advance(60);
  running.led.enter('waiting');
  await bench.clock.advance(40);
  await running.respond();
  t.equal(bench.timeoutMs, 150);
});

t.test('measures what the attempt clock shows: from the end of an upload', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  const running = bench.start('sending');
  await bench.clock.advance(5000);
  running.led.enter('waiting');
  await bench.clock.advance(40);
  await running.respond();
  t.equal(bench.timeoutMs, 60);
});

t.test('learns nothing of a response that comes before the upload has ended', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  const running = bench.start('sending');
  await bench.clock.advance(5000);
  await running.respond();
  t.equal(bench.timeoutMs, 10_000);
});

t.test(
  'measures up to the head, not the body or the time until the response is read',
  async (t) => {
    const bench = new Bench({ minSamples: 1 });
    const running = bench.start();
    await bench.clock.advance(40);
    running.led.enter('streaming-events');
    await bench.clock.advance(5000);
    running.led.enter('ended');
    bench.next.last.respond();
    await settle();
    t.equal(bench.timeoutMs, 60);
  },
);

t.test('measures an upgrade, which has no body', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  const running = bench.start();
  await bench.clock.advance(40);
  running.led.enter('ended');
  bench.next.last.respond({ status: 101 });
  await settle();
  t.equal(bench.timeoutMs, 60);
});

t.test('learns nothing from responses that refuse: they may come at once', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  for (const status of [400, 404, 429, 500, 503]) {
    const running = bench.start();
    await bench.clock.advance(2);
    await running.respond(status);
    t.equal(bench.timeoutMs, 10_000, `${status}`);
  }
  for (const status of [200, 204, 302]) {
    const { layer } = bench;
    const running = bench.start();
    await bench.clock.advance(status);
    await running.respond(status);
    t.equal(layer.attemptMs, status * 1.5);
  }
});

t.test('learns nothing of attempts that say nothing about response times', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  await bench.learn(100);
  for (const error of [clientGone(), ended('upstream-reset'), ended('timeout-connect')]) {
    const running = bench.start();
    await bench.clock.advance(149);
    await running.fail(error);
    t.equal(bench.timeoutMs, 150, error.message);
  }
});

t.test('counts an attempt that it cut off with its timeout, so that it grows', async (t) => {
  const bench = new Bench();
  await bench.learn(100, 100, 100, 100);
  t.equal(await bench.hang(), 150);
  t.equal(await bench.hang(), 225);
  t.equal(await bench.hang(), 338);
});

t.test('counts an attempt that it cut off before there was a connection, too', async (t) => {
  const bench = new Bench();
  await bench.learn(100, 100, 100, 100);
  const running = bench.start('connecting');
  await bench.clock.advance(150);
  t.match(running.error, { reason: 'timeout-attempt', unsent: true });
  t.equal(bench.timeoutMs, 225);
});

t.test('does not count what attempt as it is written cut off', async (t) => {
  const bench = new Bench({ minSamples: 2 });
  await bench.hang();
  await bench.hang();
  t.equal(bench.timeoutMs, 10_000, 'they are no samples');
  await bench.learn(100, 100);
  t.equal(bench.timeoutMs, 150);
});

t.test('does not count a stalled upload', async (t) => {
  const bench = new Bench();
  await bench.learn(100, 100, 100, 100);
  const running = bench.start('sending');
  running.led.stall(true);
  await bench.clock.advance(15_000);
  t.match(running.error, { reason: 'timeout-write' });
  t.equal(bench.timeoutMs, 150);
});

t.test(
  'counts an attempt that the deadline ended only where it was beyond the percentile',
  async (t) => {
    const bench = new Bench();
    await bench.learn(100, 100, 100, 100);
    for (const [ms, timeoutMs] of [
      [10, 150],
      [100, 150],
      [140, 210],
    ] as const) {
      const running = bench.start();
      await bench.clock.advance(ms);
      await running.fail(ended('deadline-expired'));
      t.equal(bench.timeoutMs, timeoutMs, `after ${ms} ms`);
    }
  },
);

t.test('learns nothing of deadlines before it knows enough', async (t) => {
  const bench = new Bench();
  for (let i = 0; i < 4; i++) {
    const running = bench.start();
    await bench.clock.advance(5000);
    await running.fail(ended('deadline-expired'));
    if (i === 0) await bench.learn(20);
  }
  t.equal(bench.timeoutMs, 10_000, 'a single response time is known');
  await bench.learn(20, 20, 20);
  t.equal(bench.timeoutMs, 30);
});

t.test('follows an upstream that becomes slower for good, and back', async (t) => {
  const bench = new Bench({ window: 20, percentile: 95 });
  await bench.learn(...Array<number>(20).fill(100));
  let cut = 0;
  for (let i = 0; i < 100; i++) {
    const running = bench.start();
    await bench.clock.advance(500);
    if (running.error === undefined) await running.respond();
    else cut++;
  }
  t.ok(cut > 0 && cut <= 10, `${cut} of 100 cut off`);
  t.equal(bench.timeoutMs, 750);
  await bench.learn(...Array<number>(20).fill(100));
  t.equal(bench.timeoutMs, 150);
});

t.test('leaves the timeout alone where no more hang than the percentile leaves out', async (t) => {
  const bench = new Bench({ percentile: 90, window: 20 });
  await bench.learn(...Array<number>(20).fill(100));
  for (let i = 0; i < 10; i++) {
    t.equal(await bench.hang(), 150);
    await bench.learn(...Array<number>(10).fill(100));
  }
});

t.test('lets later attempts grow from the learned timeout, also beyond max', async (t) => {
  const bench = new Bench({ max: 150 }, { attemptGrowth: 0.5 });
  await bench.learn(100, 100, 100, 100);
  t.equal(await bench.hang(1), 150);
  t.equal(await bench.hang(2), 225);
  t.equal(await bench.hang(3), 300);
  t.equal(bench.timeoutMs, 150);
});

t.test('goes on with what it has learned after a reload', async (t) => {
  const bench = new Bench();
  await bench.learn(100, 100, 100, 100);
  bench.reload({ multiplier: 2 });
  t.equal(bench.timeoutMs, 200);
});

t.test('an attempt that began before a reload is still learned from', async (t) => {
  const bench = new Bench({ minSamples: 1 });
  const running = bench.start();
  bench.reload({ minSamples: 1 });
  await bench.clock.advance(100);
  await running.respond();
  t.equal(bench.timeoutMs, 150);
});

t.test(
  'keeps the latest of what it knows in a shorter window, and all in a longer one',
  async (t) => {
    const bench = new Bench({ window: 4, percentile: 100 });
    await bench.learn(400, 300, 200, 100);
    bench.reload({ window: 2, minSamples: 2, percentile: 100 });
    t.equal(bench.timeoutMs, 300, 'of 200 and 100');
    bench.reload({ window: 3, minSamples: 2, percentile: 100 });
    await bench.learn(50);
    t.equal(bench.timeoutMs, 300);
    await bench.learn(50);
    t.equal(bench.timeoutMs, 150, 'of 100, 50 and 50');
  },
);

t.test('holds to attempt again where a reload asks for more samples than there are', async (t) => {
  const bench = new Bench();
  await bench.learn(100, 100, 100, 100);
  bench.reload({ minSamples: 5 });
  t.equal(bench.timeoutMs, 10_000);
  await bench.learn(100);
  t.equal(bench.timeoutMs, 150);
});

t.test('starts from nothing where a reload switches it on', async (t) => {
  const bench = new Bench({}, { adaptive: 'off' });
  await bench.learn(100, 100, 100, 100);
  bench.reload();
  t.equal(bench.timeoutMs, 10_000);
});
