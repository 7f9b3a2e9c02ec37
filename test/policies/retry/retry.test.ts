import t from 'tap';
import type { Call, CallInit } from '../../../src/core/call.js';
import { CallError, ClientGoneError, type CallFailure } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import type { TSchema } from '../../../src/core/options.js';
import type { PolicyContext } from '../../../src/core/policy.js';
import type { Slot } from '../../../src/core/slot.js';
import type { Fields } from '../../../src/http/fields.js';
import { retry, type RetrySettings } from '../../../src/policies/retry/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<RetrySettings['retry'], 'off'>;

const builtIn = settingsOf('retry');
/** Without chance. */
const defaults: Options = { ...builtIn, backoff: { ...builtIn.backoff, jitter: 'none' } };

function build(
  options: Partial<Options> = {},
  overrides: Partial<PolicyContext<never>> = {},
  clock = new FakeClock(),
) {
  const context = fakeContext(clock, overrides);
  const next = new FakeStage();
  const layer = retry.create({ retry: { ...defaults, ...options }, idempotency: 'off' }, context)!;
  const stage = layer.wrap(next);

  /** Runs a call and keeps its end from being an unhandled rejection. */
  function start(init: Partial<CallInit> = {}, call: Call = fakeCall(init)) {
    const reply = stage.run(call);
    const failure = reply.then(
      () => undefined,
      (error: CallFailure) => error,
    );
    return { call, reply, failure };
  }

  /** Ends the latest attempt and lets the policy see it. */
  async function respond(status: number, headers: Fields = []) {
    const reply = next.last.respond({ status, headers });
    await settle();
    return reply;
  }
  async function fail(error: CallFailure) {
    next.last.fail(error);
    await settle();
  }

  return { clock, events: context.events, next, stage, budget: layer.budget, start, respond, fail };
}

const unsent = new CallError('connect-failed', 'Cannot');
const stale = new CallError('upstream-reset', 'Cannot', { stale: true });
const reset = new CallError('upstream-reset', 'Cannot');
const slow = new CallError(reasons['timeout-attempt'], 'Cannot');
const open = new CallError(reasons['circuit-open'], 'Cannot');

const started = (cause: string, delayMs: number) => ({ type: 'retry-started', cause, delayMs });
const denied = (cause: string) => ({ type: 'retry-denied', cause });
const endsAt = (atMs: number, bufferMs = 50) =>
  ({
    atMs,
    wallMs: FAKE_WALL_START_MS + atMs,
    source: 'header',
    callerAtMs: atMs,
    bufferMs,
  }) as const;

/** What a schema gives where nothing is written, in the file's notation. */
function defaultsOf(schema: TSchema): unknown {
  if (schema['default'] !== undefined) return schema['default'];
  const options = schema['properties'] === undefined ? (schema['anyOf'] as TSchema[])[0]! : schema;
  if (options['properties'] === undefined) return undefined;
  const properties = Object.entries(options['properties'] as Record<string, TSchema>);
  return Object.fromEntries(properties.map(([key, value]) => [key, defaultsOf(value)]));
}

t.test('has the documented defaults', async (t) => {
  t.same(defaultsOf(retry.schema), {
    maxAttempts: 3,
    methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
    statuses: [408, 429, 500, 502, 503, 504],
    grpc: 'unsent',
    grpcStatuses: ['UNAVAILABLE'],
    backoff: {
      strategy: 'exponential',
      baseDelay: '100ms',
      maxDelay: '2s',
      multiplier: 2,
      jitter: 'full',
    },
    respectRetryAfter: true,
    maxRetryAfter: '10s',
    ownRetryAfter: undefined,
    hints: false,
    budget: { ratio: '20%', minPerSecond: 3, window: '10s' },
    bodyLimit: '64KiB',
  });
});

t.test('is absent from the chain when it is off', async (t) => {
  t.equal(
    retry.create({ retry: 'off', idempotency: 'off' }, fakeContext(new FakeClock())),
    undefined,
  );
});

t.test('passes a good response on untouched', async (t) => {
  const { clock, events, next, start, respond } = build();
  const { reply } = start();
  const body = await respond(200);
  t.equal(await reply, body);
  t.notOk(body.isDiscarded);
  t.equal(next.runs.length, 1);
  t.same(events, []);
  t.equal(clock.pending, 0);
});

t.test('tries again after each listed status, with growing delays', async (t) => {
  const { clock, events, next, start, respond } = build();
  const { reply } = start();
  await respond(503);
  await clock.advance(99);
  t.equal(next.runs.length, 1);
  await clock.advance(1);
  t.equal(next.runs.length, 2);
  await respond(429);
  await clock.advance(199);
  t.equal(next.runs.length, 2);
  await clock.advance(1);
  t.equal(next.runs.length, 3);
  const body = await respond(200);
  t.equal(await reply, body);
  t.same(events, [started('status', 100), started('status', 200)]);
  t.equal(clock.pending, 0);
});

t.test('leaves other statuses alone', async (t) => {
  for (const status of [200, 304, 404, 501]) {
    const { next, start, respond } = build();
    const { reply } = start();
    const body = await respond(status);
    t.equal(await reply, body);
    t.equal(next.runs.length, 1, String(status));
  }
});

t.test('tries again after a reset, a timeout and an unsent request', async (t) => {
  for (const [error, cause] of [
    [reset, 'reset'],
    [slow, 'timeout'],
    [unsent, 'unsent'],
  ] as const) {
    const { clock, events, next, start, respond, fail } = build();
    const { reply } = start();
    await fail(error);
    await clock.advance(100);
    t.equal(next.runs.length, 2, cause);
    await respond(200);
    t.equal((await reply).status, 200);
    t.same(events, [started(cause, 100)]);
  }
});

t.test('starts again at once, without a timer, where jitter leaves no delay', async (t) => {
  const { clock, next, start, respond } = build(
    { backoff: { ...defaults.backoff, jitter: 'full' } },
    { random: () => 0 },
  );
  start();
  await respond(503);
  t.equal(next.runs.length, 2);
  t.equal(clock.pending, 0);
});

t.test(
  'passes the last response on unread when the attempts run out, and says nothing',
  async (t) => {
    const { clock, events, next, start, respond } = build({ maxAttempts: 2 });
    const { reply } = start();
    const first = await respond(503);
    await clock.advance(100);
    const last = await respond(500);
    t.equal(await reply, last);
    t.ok(first.isDiscarded);
    t.notOk(last.isDiscarded);
    t.equal(next.runs.length, 2);
    t.same(events, [started('status', 100)]);
  },
);

t.test('rejects with the last error when the attempts run out', async (t) => {
  const { clock, next, start, respond, fail } = build({ maxAttempts: 2 });
  const { failure } = start();
  await respond(503);
  await clock.advance(100);
  await fail(slow);
  t.equal(await failure, slow);
  t.equal(next.runs.length, 2);
});

t.test('holds the failed response unread until the next attempt starts', async (t) => {
  const { clock, next, start, respond } = build();
  start();
  const held = await respond(503);
  await clock.advance(99);
  t.notOk(held.isDiscarded);
  await clock.advance(1);
  t.ok(held.isDiscarded);
  t.equal(held.sink, undefined);
  t.equal(next.runs.length, 2);
});

t.test('lets go of the failed response before the next attempt uses the call', async (t) => {
  const { clock, next, start, respond } = build();
  start();
  let wasFirst = false;
  (await respond(503)).onFinished(() => {
    wasFirst = next.runs.length === 1;
  });
  await clock.advance(100);
  t.ok(wasFirst);
});

t.test('tries no other method again, except when nothing was sent', async (t) => {
  const { clock, events, next, start, respond, fail } = build();
  const { reply } = start({ method: 'POST' });
  await fail(unsent);
  await clock.advance(100);
  t.equal(next.runs.length, 2);
  const body = await respond(503);
  t.equal(await reply, body);
  t.same(events, [started('unsent', 100), denied('method')]);
});

t.test('does not speak of the method where no other one would be tried either', async (t) => {
  for (const status of [200, 404]) {
    const { events, start, respond } = build();
    start({ method: 'POST' });
    await respond(status);
    t.same(events, []);
  }
  const { events, start, respond: sendResponse } = build({ maxAttempts: 1 });
  start({ method: 'POST' });
  await sendResponse(503);
  t.same(events, []);
});

t.test('tries any method again that carries an idempotency key', async (t) => {
  for (const error of [reset, slow, stale]) {
    const { clock, next, start, fail } = build();
    start({ method: 'POST', headers: ['idempotency-KEY', '1'] });
    await fail(error);
    await clock.advance(100);
    t.equal(next.runs.length, 2);
  }
});

t.test('goes by the configured methods and statuses', async (t) => {
  const { clock, next, start, respond } = build({ methods: ['POST'], statuses: [418] });
  start({ method: 'POST' });
  await respond(418);
  await clock.advance(100);
  t.equal(next.runs.length, 2);
  start({ method: 'GET' });
  await respond(418);
  start({ method: 'POST' });
  await respond(503);
  await clock.advance(1000);
  t.equal(next.runs.length, 4);
});

t.test('never repeats a body that it does not have any more', async (t) => {
  const { events, next, start, respond } = build();
  const { reply } = start({ method: 'PUT', body: fakeBody('', { isReplayable: false }) });
  const body = await respond(503);
  t.equal(await reply, body);
  t.equal(next.runs.length, 1);
  t.same(events, [denied('body')]);
});

t.test('asks for the body again after the back-off', async (t) => {
  const { clock, events, next, start, respond } = build();
  const body = { ...fakeBody(), isReplayable: true };
  const { reply } = start({ method: 'PUT', body });
  const held = await respond(503);
  body.isReplayable = false;
  await clock.advance(100);
  t.equal(await reply, held);
  t.equal(next.runs.length, 1);
  t.same(events, [denied('body')]);
});

t.test('repeats an unsent POST with a replayable body', async (t) => {
  const { clock, next, start, fail } = build();
  start({ method: 'POST', body: fakeBody() });
  await fail(unsent);
  await clock.advance(100);
  t.equal(next.runs.length, 2);
});

t.test('never tries again what the client, the deadline or this proxy ended', async (t) => {
  for (const error of [
    new ClientGoneError(499, 'Cannot'),
    new CallError('timeout-total', 'Cannot'),
    new CallError('deadline-expired', 'Cannot'),
    open,
  ]) {
    const { clock, events, next, start, fail } = build();
    const { failure } = start();
    await fail(error);
    t.equal(await failure, error);
    await clock.advance(1000);
    t.equal(next.runs.length, 1);
    t.same(events, []);
  }
});

t.test('never tries a cancelled call again', async (t) => {
  const { clock, events, next, start, fail } = build();
  const { call, failure } = start();
  call.cancel(new ClientGoneError(499, 'Cannot'));
  await fail(reset);
  t.equal(await failure, reset);
  await clock.advance(1000);
  t.equal(next.runs.length, 1);
  t.same(events, []);
});

t.test('a connection gone stale', async (t) => {
  t.test('is replaced at once, free of charge, even with maxAttempts 1', async (t) => {
    const { clock, events, next, budget, start, respond, fail } = build({
      maxAttempts: 1,
      budget: { ratio: 0, minPerSecond: 0.5, window: 10_000 },
    });
    const { reply } = start();
    await fail(stale);
    t.equal(next.runs.length, 2);
    t.equal(clock.pending, 0);
    t.equal(budget?.remaining(), 5);
    const body = await respond(503);
    t.equal(await reply, body, 'the one attempt is used up');
    t.same(events, [started('stale', 0)]);
  });

  t.test('leaves all attempts and the first delay to what comes after', async (t) => {
    const { clock, events, next, start, respond, fail } = build();
    const { reply } = start();
    await fail(stale);
    await respond(503);
    await clock.advance(100);
    await respond(503);
    await clock.advance(200);
    const last = await respond(503);
    t.equal(await reply, last);
    t.equal(next.runs.length, 4);
    t.same(events, [started('stale', 0), started('status', 100), started('status', 200)]);
  });

  t.test('is a reset the second time', async (t) => {
    const { clock, events, next, budget, start, fail } = build();
    start();
    await fail(stale);
    await fail(stale);
    t.equal(next.runs.length, 2);
    await clock.advance(100);
    t.equal(next.runs.length, 3);
    t.equal(budget?.remaining(), 29);
    t.same(events, [started('stale', 0), started('reset', 100)]);
  });

  t.test('is a reset for a method that is not idempotent', async (t) => {
    const { events, next, start, fail } = build();
    const { failure } = start({ method: 'POST' });
    await fail(stale);
    t.equal(await failure, stale);
    t.equal(next.runs.length, 1);
    t.same(events, [denied('method')]);
  });

  t.test('is replaced for idempotent methods that are not listed', async (t) => {
    const { next, start, fail } = build({ methods: [] });
    start({ method: 'DELETE' });
    await fail(stale);
    t.equal(next.runs.length, 2);
  });

  t.test(
    'is not replaced without the body, against the circuit or past the deadline',
    async (t) => {
      const lost = build();
      const { failure } = lost.start({
        method: 'PUT',
        body: fakeBody('', { isReplayable: false }),
      });
      await lost.fail(stale);
      t.equal(await failure, stale);
      t.same(lost.events, [denied('body')]);

      const refused = build();
      refused.start();
      refused.next.refuses = open;
      await refused.fail(stale);
      t.same(refused.events, [denied('circuit')]);

      const late = build();
      const call = fakeCall();
      call.deadline = endsAt(100);
      late.start({}, call);
      await late.clock.advance(50);
      await late.fail(stale);
      t.same(late.events, [denied('deadline')]);
      for (const { next } of [lost, refused, late]) t.equal(next.runs.length, 1);
    },
  );
});

t.test('the circuit', async (t) => {
  t.test('that has opened ends the retrying with the last response', async (t) => {
    const { clock, events, next, budget, start, respond } = build();
    const { reply } = start();
    next.refuses = open;
    const body = await respond(503);
    t.equal(await reply, body);
    t.notOk(body.isDiscarded);
    t.equal(clock.pending, 0);
    t.equal(budget?.remaining(), 30);
    t.same(events, [denied('circuit')]);
  });

  t.test('that opens during the back-off does the same', async (t) => {
    const { clock, events, next, start, respond } = build();
    const { reply } = start();
    const body = await respond(503);
    next.refuses = open;
    await clock.advance(100);
    t.equal(await reply, body);
    t.notOk(body.isDiscarded);
    t.equal(next.runs.length, 1);
    t.same(events, [denied('circuit')]);
  });

  t.test('that opens during the back-off leaves an error the end', async (t) => {
    const { clock, next, start, fail } = build();
    const { failure } = start();
    await fail(reset);
    next.refuses = open;
    await clock.advance(100);
    t.equal(await failure, reset);
  });

  t.test('that refuses is known to others that ask', async (t) => {
    const { next, stage } = build();
    t.equal(stage.refusal(fakeCall()), undefined);
    next.refuses = open;
    t.equal(stage.refusal(fakeCall()), open);
  });
});

t.test('the budget', async (t) => {
  const small = { budget: { ratio: 0.5, minPerSecond: 0, window: 10_000 } };

  t.test('ends the retrying when it is spent', async (t) => {
    const { clock, events, next, start, respond } = build(small);
    const first = start();
    const failed = await respond(503);
    t.equal(await first.reply, failed, 'half a retry is none');
    start();
    await respond(503);
    await clock.advance(100);
    t.equal(next.runs.length, 3);
    await respond(503);
    await clock.advance(1000);
    t.equal(next.runs.length, 3);
    t.same(events, [denied('budget'), started('status', 100), denied('budget')]);
  });

  t.test('is charged when the back-off begins, so that sleepers cannot overdraw it', async (t) => {
    const { clock, next, start, respond } = build(small);
    const calls = [start(), start()];
    for (const run of next.runs) run.respond({ status: 503 });
    await clock.advance(100);
    t.equal(next.runs.length, 3);
    await respond(200);
    const statuses = await Promise.all(calls.map(async ({ reply }) => (await reply).status));
    t.same(
      statuses.toSorted((a, b) => a - b),
      [200, 503],
    );
  });

  t.test('earns nothing from calls that the circuit refuses', async (t) => {
    const { next, budget, start } = build(small);
    next.refuses = open;
    for (let i = 0; i < 10; i++) start();
    t.equal(budget?.remaining(), 0);
    next.refuses = undefined;
    for (let i = 0; i < 10; i++) start();
    t.equal(budget?.remaining(), 5);
  });

  t.test('may be off', async (t) => {
    const { clock, next, budget, start, respond } = build({ budget: 'off' });
    t.equal(budget, undefined);
    for (let i = 1; i <= 40; i++) {
      start();
      await respond(503);
      await clock.advance(100);
      t.equal(next.runs.length, 2 * i);
      await respond(200);
    }
  });

  t.test('goes on in the layer that comes after, under its options', async (t) => {
    const clock = new FakeClock();
    const before = retry.create({ retry: defaults, idempotency: 'off' }, fakeContext(clock))!;
    before.budget!.tryWithdraw();
    const budget = { ratio: 0.2, minPerSecond: 1, window: 10_000 };
    const after = retry.create(
      { retry: { ...defaults, budget }, idempotency: 'off' },
      fakeContext(clock),
      before,
    );
    t.equal(after?.budget, before.budget);
    t.equal(after?.budget?.remaining(), 9);
  });
});

t.test('the deadline', async (t) => {
  t.test('forbids a back-off that would not end before it, buffer deducted', async (t) => {
    for (const [atMs, runs] of [
      [150, 1],
      [151, 2],
    ] as const) {
      const { clock, events, next, budget, start, respond } = build();
      const call = fakeCall();
      call.deadline = endsAt(atMs);
      start({}, call);
      await respond(503);
      t.equal(clock.pending, runs - 1);
      await clock.advance(1000);
      t.equal(next.runs.length, runs);
      t.same(events, [runs === 1 ? denied('deadline') : started('status', 100)]);
      t.equal(budget?.remaining(), 31 - runs);
    }
  });

  t.test('that came while a late timer slept is kept', async (t) => {
    const { clock, events, next, start, respond } = build();
    const call = fakeCall();
    call.deadline = endsAt(200);
    const { reply } = start({}, call);
    const held = await respond(503);
    call.deadline = endsAt(150);
    await clock.advance(100);
    t.equal(await reply, held);
    t.equal(next.runs.length, 1);
    t.same(events, [denied('deadline')]);
  });
});

t.test('Retry-After', async (t) => {
  t.test('is a lower bound of the delay', async (t) => {
    const { clock, events, next, start, respond } = build();
    start();
    await respond(503, ['retry-after', '2']);
    await clock.advance(1999);
    t.equal(next.runs.length, 1);
    await clock.advance(1);
    t.equal(next.runs.length, 2);
    await respond(503, ['Retry-After', '0']);
    await clock.advance(200);
    t.equal(next.runs.length, 3);
    t.same(events, [started('status', 2000), started('status', 200)]);
  });

  t.test('may be a date', async (t) => {
    const { clock, next, start, respond } = build();
    start();
    await respond(429, ['Retry-After', new Date(FAKE_WALL_START_MS + 3000).toUTCString()]);
    await clock.advance(2999);
    t.equal(next.runs.length, 1);
    await clock.advance(1);
    t.equal(next.runs.length, 2);
  });

  t.test('above maxRetryAfter ends the retrying', async (t) => {
    for (const [seconds, runs] of [
      ['10', 2],
      ['11', 1],
    ] as const) {
      const { clock, events, next, start, respond } = build();
      start();
      await respond(503, ['Retry-After', seconds]);
      await clock.advance(20_000);
      t.equal(next.runs.length, runs);
      t.same(events, [runs === 1 ? denied('retry-after') : started('status', 10_000)]);
    }
  });

  t.test('past the deadline ends the retrying', async (t) => {
    const { clock, events, start, respond } = build();
    const call = fakeCall();
    call.deadline = endsAt(5000);
    start({}, call);
    await respond(503, ['Retry-After', '5']);
    t.equal(clock.pending, 0);
    t.same(events, [denied('deadline')]);
  });

  t.test('does not grow the delays that come after it', async (t) => {
    const { clock, events, start, respond } = build({
      backoff: { ...defaults.backoff, strategy: 'decorrelated' },
    });
    start();
    await respond(503, ['Retry-After', '9']);
    await clock.advance(9000);
    await respond(503);
    await clock.advance(350);
    t.same(events, [started('status', 9000), started('status', 350)]);
  });

  t.test('counts for nothing when it is not to be respected', async (t) => {
    const { clock, next, start, respond } = build({ respectRetryAfter: false });
    start();
    await respond(503, ['Retry-After', '60']);
    await clock.advance(100);
    t.equal(next.runs.length, 2);
  });
});

t.test('a call that ends during the back-off', async (t) => {
  const gone = new ClientGoneError(499, 'Cannot');

  t.test('rejects at once and leaves neither timer nor response behind', async (t) => {
    const { clock, events, next, start, respond } = build();
    const { call, failure } = start();
    const held = await respond(503);
    t.equal(clock.pending, 1);
    call.cancel(gone);
    t.equal(clock.pending, 0);
    t.equal(await failure, gone);
    t.ok(held.isDiscarded);
    await clock.advance(1000);
    t.equal(next.runs.length, 1);
    t.same(events, []);
  });

  t.test('rejects after an error too', async (t) => {
    const { clock, start, fail } = build();
    const { call, failure } = start();
    await fail(reset);
    call.cancel(gone);
    t.equal(await failure, gone);
    t.equal(clock.pending, 0);
  });

  t.test('starts no attempt when the timer was a moment earlier', async (t) => {
    class EventfulClock extends FakeClock {
      override schedule(delayMs: number, callback: () => void) {
        return super.schedule(delayMs, () => {
          callback();
          call.cancel(gone);
        });
      }
    }
    const { clock, next, start, respond } = build({}, {}, new EventfulClock());
    const { call, failure } = start();
    const held = await respond(503);
    await clock.advance(100);
    t.equal(await failure, gone);
    t.equal(next.runs.length, 1);
    t.ok(held.isDiscarded);
  });
});

t.test('the slot of a call', async (t) => {
  class FakeSlot implements Slot {
    readonly steps: string[] = [];
    mayRelease = true;
    release(): void {
      this.steps.push('release');
    }
    async reacquire(): Promise<void> {
      this.steps.push('reacquire');
    }
  }

  function begin(budget = builtIn.budget) {
    const built = build({ budget });
    const slot = new FakeSlot();
    const call = fakeCall();
    call.slot = slot;
    return { ...built, slot, ...built.start({}, call) };
  }

  t.test('is given back for the back-off', async (t) => {
    const { respond, clock, next, slot } = begin();
    await respond(503);
    t.same(slot.steps, ['release']);
    await clock.advance(100);
    t.same(slot.steps, ['release', 'reacquire']);
    t.equal(next.runs.length, 2);
  });

  t.test('is kept where there is no wait', async (t) => {
    const { fail, next, slot } = begin();
    slot.mayRelease = false;
    await fail(stale);
    t.same(slot.steps, []);
    t.equal(next.runs.length, 2, 'and whether there is room to wait does not matter');
  });

  t.test('is kept where too many wait: there is no retry, and none is paid for', async (t) => {
    const { respond, budget, clock, events, reply, slot } = begin();
    slot.mayRelease = false;
    const body = await respond(503);
    t.equal(await reply, body);
    t.same(slot.steps, []);
    t.same(events, [denied('waiting')]);
    t.equal(budget?.remaining(), 30);
    t.equal(clock.pending, 0);
  });

  t.test('is kept where the budget forbids the retry', async (t) => {
    const { respond, events, slot } = begin({ ratio: 0, minPerSecond: 0, window: 10_000 });
    await respond(503);
    t.same(slot.steps, []);
    t.same(events, [denied('budget')]);
  });

  t.test('that comes as the call is ended starts no attempt', async (t) => {
    const { respond, call, clock, failure, next, slot } = begin();
    const gone = new ClientGoneError(499, 'Cannot');
    slot.reacquire = async () => call.cancel(gone);
    const held = await respond(503);
    await clock.advance(100);
    t.equal(await failure, gone);
    t.ok(held.isDiscarded);
    t.equal(next.runs.length, 1);
  });
});

t.test('lets other policies pay from its budget, where it has one', async (t) => {
  const { budget, start } = build({ budget: { ratio: 0, minPerSecond: 1, window: 1000 } });
  const { attemptBudget } = start().call;
  t.ok(attemptBudget!.tryWithdraw());
  t.equal(budget?.remaining(), 0);
  t.notOk(attemptBudget!.tryWithdraw());
  t.equal(build({ budget: 'off' }).start().call.attemptBudget, undefined);
});

t.test('hints', async (t) => {
  const FIELDS = ['X-Should-Retry', 'false'];

  t.test('say of a request that may not be repeated that it should not be', async (t) => {
    const { start } = build({ hints: true });
    t.same(start({ method: 'POST' }).call.sentFailureFields, FIELDS);
    t.same(start({ method: 'GET' }).call.sentFailureFields, []);
    const key = ['Idempotency-Key', '1'];
    t.same(start({ method: 'POST', headers: key }).call.sentFailureFields, []);
  });

  t.test('are off by default', async (t) => {
    t.same(build().start({ method: 'POST' }).call.sentFailureFields, []);
  });
});
