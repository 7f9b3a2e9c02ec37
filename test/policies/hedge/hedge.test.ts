import t from 'tap';
import type { Call, CallInit } from '../../../src/core/call.js';
import { CallError, OutrunError, type CallFailure } from '../../../src/core/errors.js';
import type { AttemptPhase } from '../../../src/core/attempt.js';
import { hedge, type HedgeSettings } from '../../../src/policies/hedge/index.js';
import { reasons } from '../../../src/policies/index.js';
import { fakeAttempt, fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import type { FakeReplyInit } from '../../support/fake-reply.js';
import { clientGone, FakeStage, type FakeRun } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<HedgeSettings['hedge'], 'off'>;

const defaults = settingsOf('hedge');
const retry = settingsOf('retry', { statuses: [503] });
const idempotency = 'off' as const;
const reset = new CallError('upstream-reset', 'Cannot');

interface World {
  /** Hedges that the budget pays for. */
  readonly budget?: number;
  /** Endpoints of the upstream. */
  readonly endpoints?: number;
}

function build(options: Partial<Options> = {}, world: World = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const next = new FakeStage();
  const layer = hedge.create({ hedge: { ...defaults, ...options }, retry, idempotency }, context)!;
  const stage = layer.wrap(next);
  let left = world.budget ?? Infinity;

  /** A call whose first attempt goes to the first endpoint. */
  function start(init: Partial<CallInit> = {}, change: (call: Call) => void = () => {}) {
    const call = fakeCall(init);
    call.attemptBudget = { tryWithdraw: () => left-- > 0 };
    call.endpoints = { hasOther: (tried) => tried.length < (world.endpoints ?? 9) };
    call.triedEndpoints = ['127.0.0.1:1'];
    change(call);
    const attempt = fakeAttempt(call);
    const reply = stage.run(attempt);
    const failure = reply.then(
      () => undefined,
      (error: CallFailure) => error,
    );
    return { call, attempt, reply, failure };
  }

  const results = () =>
    context.events.map((event) => (event as { readonly result?: string }).result);

  return { clock, next, layer, start, results };
}

/** A run's response, and what the policy makes of it. */
async function respond(run: FakeRun, init: FakeReplyInit = {}) {
  const reply = run.respond(init);
  await settle();
  return reply;
}

/** The transport ends an attempt that is cancelled. */
function obey(run: FakeRun): void {
  run.attempt!.onCancel((error) => run.fail(error));
}

t.test('is absent where nothing pays for it, and where it is off', async (t) => {
  const context = fakeContext(new FakeClock());
  t.equal(hedge.create({ hedge: 'off', retry, idempotency }, context), undefined);
  t.equal(hedge.create({ hedge: defaults, retry: 'off', idempotency }, context), undefined);
  const noBudget = settingsOf('retry', { budget: 'off' });
  t.equal(hedge.create({ hedge: defaults, retry: noBudget, idempotency }, context), undefined);
});

t.test('has the documented defaults', async (t) => {
  t.same(defaults, {
    after: 200,
    percentile: 95,
    maxExtra: 1,
    methods: ['GET', 'HEAD', 'OPTIONS'],
  });
});

t.test('a first attempt that responds in time is all there is', async (t) => {
  const { clock, next, start, results } = build();
  const { call, reply } = start();
  await clock.advance(199);
  const body = await respond(next.last, { status: 200 });
  t.equal(await reply, body);
  t.equal(clock.pending, 0);
  t.equal(call.attempts, 1);
  t.same(results(), []);
});

t.test('another attempt starts after the wait, and the first good response wins', async (t) => {
  for (const winner of [0, 1] as const) {
    const { clock, next, start, results } = build();
    const { call, reply } = start();
    await clock.advance(199);
    t.equal(next.runs.length, 1);
    await clock.advance(1);
    t.equal(next.runs.length, 2);
    t.equal(call.attempts, 2);
    const [first, second] = next.runs.map(({ attempt }) => attempt!);
    t.notOk(first!.isBeside);
    t.ok(second!.isBeside);
    for (const run of next.runs) obey(run);
    const body = await respond(next.runs[winner]!);
    t.equal(await reply, body);
    t.notOk(body.isDiscarded);
    t.equal(next.runs[winner]!.attempt!.cancelled, undefined);
    t.ok(next.runs[1 - winner]!.attempt!.cancelled instanceof OutrunError);
    t.same(results(), [winner === 1 ? 'won' : 'lost']);
    t.equal(clock.pending, 0);
  }
});

t.test('a second good response in the same tick is let go', async (t) => {
  const { clock, next, start, results } = build();
  const { reply } = start();
  await clock.advance(200);
  const first = next.runs[0]!.respond();
  const second = next.runs[1]!.respond();
  await settle();
  t.equal(await reply, first);
  t.notOk(first.isDiscarded);
  t.ok(second.isDiscarded);
  t.ok(next.runs[1]!.attempt!.cancelled instanceof OutrunError);
  t.same(results(), ['lost']);
});

t.test('a bad end while the other attempt runs leaves it to that one', async (t) => {
  for (const bad of [0, 1] as const) {
    for (const how of ['status', 'failure'] as const) {
      const { clock, next, start, results } = build();
      const { reply } = start();
      await clock.advance(200);
      if (how === 'status') {
        t.ok((await respond(next.runs[bad]!, { status: 503 })).isDiscarded);
      } else {
        next.runs[bad]!.fail(reset);
        await settle();
      }
      t.same(results(), []);
      const body = await respond(next.runs[1 - bad]!);
      t.equal(await reply, body);
      t.same(results(), [bad === 0 ? 'won' : 'lost']);
      t.equal(next.runs.length, 2);
    }
  }
});

t.test('after two bad ends the last one stands', async (t) => {
  const { clock, next, start, results } = build();
  const responded = start();
  await clock.advance(200);
  next.runs[0]!.fail(reset);
  const last = await respond(next.runs[1]!, { status: 503 });
  t.equal(await responded.reply, last);
  t.notOk(last.isDiscarded);
  t.same(results(), ['lost']);

  const failed = start();
  await clock.advance(200);
  t.ok((await respond(next.runs[2]!, { status: 503 })).isDiscarded);
  next.runs[3]!.fail(reset);
  t.equal(await failed.failure, reset);
  t.same(results(), ['lost', 'lost']);
  t.equal(clock.pending, 0);
});

t.test('a first attempt that fails before the wait is over is not hedged', async (t) => {
  const { clock, next, start } = build();
  const { failure } = start();
  next.last.fail(reset);
  t.equal(await failure, reset);
  const { reply } = start();
  const bad = await respond(next.last, { status: 503 });
  t.equal(await reply, bad);
  t.notOk(bad.isDiscarded);
  await clock.advance(1000);
  t.equal(next.runs.length, 2);
});

t.test('each extra attempt has a wait of its own', async (t) => {
  const { clock, next, start, results } = build({ maxExtra: 2 });
  const { call, reply } = start();
  await clock.advance(399);
  t.equal(next.runs.length, 2);
  await clock.advance(1);
  t.equal(next.runs.length, 3);
  t.equal(clock.pending, 0);
  for (const run of next.runs) obey(run);
  const body = await respond(next.runs[1]!);
  t.equal(await reply, body);
  t.ok(next.runs[0]!.attempt!.cancelled);
  t.ok(next.runs[2]!.attempt!.cancelled);
  t.same(results(), ['won', 'lost']);
  t.equal(call.attempts, 3);
});

t.test('a client that hangs up ends all attempts', async (t) => {
  const { clock, next, start, results } = build({ maxExtra: 2 });
  const { call, failure } = start();
  await clock.advance(200);
  for (const run of next.runs) obey(run);
  const gone = clientGone();
  call.cancel(gone);
  t.equal(await failure, gone);
  for (const { attempt } of next.runs) t.equal(attempt!.cancelled, gone);
  t.same(results(), ['lost']);
  t.equal(clock.pending, 0);
});

t.test('a call that has just been ended gets no other attempt', async (t) => {
  const { clock, next, start } = build();
  const { call } = start();
  // The attempt has not ended yet.
  call.cancel(clientGone());
  await clock.advance(200);
  t.equal(next.runs.length, 1);
});

t.test('a hedge that the budget does not pay for is counted, and not made', async (t) => {
  const { clock, next, start, results } = build({ maxExtra: 3 }, { budget: 1 });
  start();
  await clock.advance(200);
  t.equal(next.runs.length, 2);
  await clock.advance(1000);
  t.equal(next.runs.length, 2);
  t.same(results(), ['denied']);
  t.equal(clock.pending, 0);
});

const endsAt = (atMs: number) =>
  ({
    atMs,
    wallMs: FAKE_WALL_START_MS + atMs,
    source: 'header',
    callerAtMs: atMs,
    bufferMs: 50,
  }) as const;

t.test('there is no hedge, and nothing is paid', async (t) => {
  /** One attempt, no event, and no use of the budget. */
  async function staysAlone(
    what: string,
    init: Partial<CallInit>,
    change?: (call: Call) => void,
    world?: World,
  ) {
    const { clock, next, start, results } = build({}, world);
    let paid = 0;
    start(init, (call) => {
      call.attemptBudget = { tryWithdraw: () => (paid += 1) > 0 };
      change?.(call);
    });
    await clock.advance(1000);
    t.equal(next.runs.length, 1, what);
    t.equal(paid, 0, what);
    t.same(results(), [], what);
    t.equal(clock.pending, 0, what);
  }
  await staysAlone('for another method', { method: 'POST' });
  await staysAlone('for a POST with an idempotency key', {
    method: 'POST',
    headers: ['Idempotency-Key', 'k'],
  });
  await staysAlone('for an upgrade', { upgrade: 'websocket' });
  await staysAlone('without a budget', {}, (call) => (call.attemptBudget = undefined));
  await staysAlone('with one endpoint', {}, undefined, { endpoints: 1 });
  await staysAlone('before the endpoints are known', {}, (call) => (call.endpoints = undefined));
  await staysAlone('at the deadline', {}, (call) => (call.deadline = endsAt(250)));
  await staysAlone('for a retry', {}, (call) => (call.attempts = 1));
});

/** How many hedges a slow call has whose methods GET and POST are listed. */
async function hedgesOf(init: Partial<CallInit>): Promise<number> {
  const { clock, next, start } = build({ methods: ['GET', 'POST'] });
  start(init);
  await clock.advance(200);
  return next.runs.length - 1;
}

t.test('a method that may not be repeated is hedged with an idempotency key only', async (t) => {
  t.equal(await hedgesOf({ method: 'GET' }), 1);
  t.equal(await hedgesOf({ method: 'POST' }), 0);
  t.equal(await hedgesOf({ method: 'POST', headers: ['idempotency-key', 'k'] }), 1);
  t.equal(await hedgesOf({ method: 'PUT' }), 0, 'repeatable, but not listed');
});

t.test('a hedge begins up to the deadline, less its buffer', async (t) => {
  const { clock, next, start } = build();
  start({}, (call) => (call.deadline = endsAt(251)));
  await clock.advance(200);
  t.equal(next.runs.length, 2);
});

t.test('an open circuit forbids the hedge', async (t) => {
  const { clock, next, start, results } = build();
  start();
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  await clock.advance(1000);
  t.equal(next.runs.length, 1);
  t.same(results(), []);
});

t.test('tells with what an inner stage would refuse the call', async (t) => {
  const next = new FakeStage();
  const context = fakeContext(new FakeClock());
  const stage = hedge.create({ hedge: defaults, retry, idempotency }, context)!.wrap(next);
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  t.equal(stage.refusal(fakeCall()), next.refuses);
});

t.test('a request with a body', async (t) => {
  const put = { method: 'PUT', body: fakeBody('x') };
  const withPut = { methods: ['PUT'] };

  t.test('is hedged once all of it has been sent', async (t) => {
    const { clock, next, start } = build(withPut);
    const { attempt } = start(put);
    attempt.enter('connecting');
    attempt.enter('sending');
    await clock.advance(1000);
    t.equal(next.runs.length, 1);
    attempt.enter('waiting');
    await clock.advance(199);
    t.equal(next.runs.length, 1);
    await clock.advance(1);
    t.equal(next.runs.length, 2);
  });

  t.test('waits anew if it is sent anew', async (t) => {
    const { clock, next, start } = build(withPut);
    const { attempt } = start(put);
    const phases: AttemptPhase[] = ['connecting', 'waiting', 'sending'];
    for (const phase of phases) attempt.enter(phase);
    await clock.advance(1000);
    t.equal(next.runs.length, 1);
    attempt.enter('waiting');
    await clock.advance(200);
    t.equal(next.runs.length, 2);
    attempt.enter('sending');
    attempt.enter('waiting');
    t.equal(clock.pending, 0, 'the hedge has been made');
  });

  t.test('is not hedged if it cannot be sent again', async (t) => {
    const { clock, next, start, results } = build(withPut);
    const { attempt } = start({ ...put, body: fakeBody('x', { isReplayable: false }) });
    attempt.enter('waiting');
    await clock.advance(1000);
    t.equal(next.runs.length, 1);
    t.same(results(), []);
  });

  t.test('leaves no timer if the response comes before its end', async (t) => {
    const { clock, next, start } = build(withPut);
    const { attempt, reply } = start(put);
    attempt.enter('sending');
    await respond(next.last);
    await reply;
    attempt.enter('waiting');
    t.equal(clock.pending, 0);
  });
});

t.test('responses that this busy process has not read yet come first', async (t) => {
  const { clock, next, start } = build();
  const { reply } = start();
  clock.stall(1000);
  await clock.advance(9);
  t.equal(next.runs.length, 1);
  await respond(next.last);
  await reply;
  t.equal(clock.pending, 0);

  start();
  clock.stall(1000);
  await clock.advance(10);
  t.equal(next.runs.length, 3, 'an attempt without response is hedged all the same');
});

type Bench = ReturnType<typeof build>;

/** A call whose first attempt responds after `ms`. */
async function respondAfter(world: Bench, ms: number, status = 200) {
  const { reply } = world.start();
  const run = world.next.last;
  await world.clock.advance(ms);
  await respond(run, { status });
  await reply;
}

/** When a first attempt without response is hedged. */
async function waitOf(world: Bench) {
  const { clock, next, start } = world;
  const before = next.runs.length;
  const { failure } = start();
  let ms = 0;
  for (; next.runs.length === before + 1; ms++) await clock.advance(1);
  for (const run of next.runs.slice(before)) run.fail(reset);
  await failure;
  return ms;
}

/** A call whose first attempt hangs, and whose hedge responds. */
async function outrun(world: Bench, waitMs: number, status = 200) {
  const { reply } = world.start();
  await world.clock.advance(waitMs + 20);
  await respond(world.next.last, { status });
  await reply;
}

t.test('the wait', async (t) => {
  t.test('is the percentile of the response times once 100 are known', async (t) => {
    const world = build({ after: 10 });
    for (let i = 1; i < 100; i++) await respondAfter(world, i <= 94 ? 12 : 80);
    t.equal(await waitOf(world), 10);
    await respondAfter(world, 30);
    t.equal(await waitOf(world), 30);
  });

  t.test('is never less than `after`', async (t) => {
    const world = build({ after: 50 });
    for (let i = 0; i < 100; i++) await respondAfter(world, 3);
    t.equal(await waitOf(world), 50);
  });

  t.test('does not learn from failures', async (t) => {
    const world = build({ after: 10 });
    for (let i = 0; i < 99; i++) await respondAfter(world, 30);
    for (let i = 0; i < 99; i++) await respondAfter(world, 1, 404);
    t.equal(await waitOf(world), 10);
    await respondAfter(world, 30);
    t.equal(await waitOf(world), 30);
  });

  t.test('neither falls nor rises with attempts that were outrun', async (t) => {
    const world = build({ after: 1 });
    for (let i = 1; i <= 100; i++) await respondAfter(world, i);
    t.equal(await waitOf(world), 95);
    for (let i = 0; i < 2000; i++) {
      if (i % 10 === 0) await outrun(world, 95);
      else await respondAfter(world, i % 95);
    }
    t.equal(await waitOf(world), 95);
  });

  t.test('is not learned from attempts that were outrun alone', async (t) => {
    const world = build({ after: 10 });
    for (let i = 0; i < 60; i++) await respondAfter(world, 30);
    for (let i = 0; i < 60; i++) await outrun(world, 10, 404);
    t.equal(await waitOf(world), 10);
  });

  t.test('goes on after a reload, under the new options', async (t) => {
    const world = build({ after: 10 });
    for (let i = 1; i <= 100; i++) await respondAfter(world, i);
    const { delay } = world.layer;
    t.equal(delay.currentMs, 95);
    const settings = { hedge: { ...defaults, after: 20, percentile: 50 }, retry, idempotency };
    const context = fakeContext(world.clock);
    t.equal(hedge.create(settings, context, world.layer)!.delay.currentMs, 50);
  });
});
