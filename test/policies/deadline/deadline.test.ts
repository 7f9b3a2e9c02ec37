import t from 'tap';
import type { CallInit } from '../../../src/core/call.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import { deadline, type DeadlineSettings } from '../../../src/policies/deadline/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type DeadlineOptions = Exclude<DeadlineSettings['deadline'], 'off'>;

const defaults = settingsOf('deadline');
const timeouts = settingsOf('timeout');

function build(
  total: number | 'off' = 35_000,
  options: Partial<DeadlineOptions> | 'off' = {},
  clock = new FakeClock(),
) {
  const next = new FakeStage();
  const settings = {
    deadline: options === 'off' ? options : { ...defaults, ...options },
    timeout: { ...timeouts, total },
  };
  const stage = deadline.create(settings, fakeContext(clock))!.wrap(next);

  /** A call that begins now; what it rejects with is undefined until then. */
  function start(init: Partial<CallInit> = {}) {
    const call = fakeCall({ startedAtMs: clock.now(), ...init });
    const reply = stage.run(call);
    const seen: { error?: CallFailure } = {};
    reply.catch((error: CallFailure) => (seen.error = error));
    return { call, reply, seen };
  }
  return { clock, next, stage, start };
}

/** The header for an instant that is `ms` after the fake clock's start. */
const header = (ms: number) => String(FAKE_WALL_START_MS + ms);

t.test('is absent when neither a header nor a total timeout can set an end', async (t) => {
  const context = fakeContext(new FakeClock());
  const off = { deadline: 'off', timeout: { ...timeouts, total: 'off' } } as const;
  t.equal(deadline.create(off, context), undefined);
  t.equal(deadline.create({ deadline: 'off', timeout: 'off' }, context), undefined);
  t.ok(deadline.create({ ...off, timeout: timeouts }, context));
  t.ok(deadline.create({ ...off, deadline: defaults }, context));
});

t.test('gives the call the earlier of the header and the total timeout', async (t) => {
  for (const [ms, atMs, source] of [
    [34_000, 34_000, 'header'],
    [36_000, 35_000, 'total'],
  ] as const) {
    const { start } = build();
    const { call } = start({ headers: ['X-Deadline', header(ms)] });
    const wallMs = FAKE_WALL_START_MS + atMs;
    t.match(call.deadline, { atMs, wallMs, source, bufferMs: 50 });
  }
});

t.test('counts the total timeout from the start of the exchange', async (t) => {
  const { clock, start } = build(1000);
  await clock.advance(5000);
  t.equal(start({ startedAtMs: 4800 }).call.deadline?.atMs, 5800);
});

t.test('gives no deadline without a header and with total off', async (t) => {
  const { clock, next, start } = build('off');
  const { call, reply } = start();
  const body = next.last.respond();
  t.equal(await reply, body);
  t.equal(call.deadline, undefined);
  t.equal(clock.pending, 0);
});

t.test('reads no header when it is off, and deducts no buffer', async (t) => {
  const { start } = build(1000, 'off');
  const { call } = start({ headers: ['X-Deadline', 'nonsense'] });
  t.match(call.deadline, { atMs: 1000, source: 'total', bufferMs: 0 });
});

t.test('refuses a call whose time is up, buffer deducted', async (t) => {
  for (const [ms, runs] of [
    [-1000, 0],
    [50, 0],
    [51, 1],
  ] as const) {
    const { clock, next, start } = build();
    const { seen } = start({ headers: ['X-Deadline', header(ms)] });
    await settle();
    t.equal(next.runs.length, runs, String(ms));
    t.equal(clock.pending, runs);
    if (runs === 0) t.match(seen.error, { reason: 'deadline-expired', status: 504 });
  }
});

t.test('refuses a header that is not an instant', async (t) => {
  const { next, start } = build();
  const { seen } = start({ headers: ['X-Deadline', 'tomorrow'] });
  await settle();
  t.match(seen.error, { reason: 'invalid-deadline', status: 400 });
  t.match(seen.error?.message, /"tomorrow".*catalog/);
  t.equal(next.runs.length, 0);
});

t.test('ends the call at its deadline, and says who set it', async (t) => {
  for (const [init, reason] of [
    [{ headers: ['X-Deadline', header(1000)] }, 'deadline-expired'],
    [{}, 'timeout-total'],
  ] as const) {
    const { clock, start } = build(2000);
    const { call } = start(init);
    const endMs = reason === 'timeout-total' ? 2000 : 1000;
    await clock.advance(endMs - 1);
    t.equal(call.cancelled, undefined);
    await clock.advance(1);
    t.match(call.cancelled, { reason });
  }
});

t.test('ends a body that is still on its way at the deadline', async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start();
  next.last.respond();
  await reply;
  await clock.advance(1000);
  t.match(call.cancelled, { reason: 'timeout-total' });
});

t.test('rests when the response has ended', async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start();
  const body = next.last.respond();
  await reply;
  t.equal(clock.pending, 1);
  body.finish();
  t.equal(clock.pending, 0);
  await clock.advance(1000);
  t.equal(call.cancelled, undefined);
});

t.test('rests when the call has failed', async (t) => {
  const { clock, next, start } = build();
  const { seen } = start();
  const error = new CallError('upstream-reset', 'Cannot');
  next.last.fail(error);
  await settle();
  t.equal(seen.error, error);
  t.equal(clock.pending, 0);
});

const events = { headers: ['content-type', 'text/event-stream; charset=utf-8'] };

t.test('does not hold an event stream to the total timeout', async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start();
  next.last.respond(events);
  await reply;
  t.equal(clock.pending, 0);
  await clock.advance(1000);
  t.equal(call.cancelled, undefined);
});

t.test("holds an event stream to the caller's deadline", async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start({ headers: ['X-Deadline', header(500)] });
  next.last.respond(events);
  await reply;
  await clock.advance(500);
  t.match(call.cancelled, { reason: 'deadline-expired' });
});

t.test("holds an event stream to a caller's deadline that is later than total", async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start({ headers: ['X-Deadline', header(5000)] });
  next.last.respond(events);
  await reply;
  await clock.advance(4999);
  t.equal(call.cancelled, undefined);
  await clock.advance(1);
  t.match(call.cancelled, { reason: 'deadline-expired' });
});

t.test('passes on what the call would be refused with', async (t) => {
  const { next, stage } = build();
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  t.equal(stage.refusal(fakeCall()), next.refuses);
});
