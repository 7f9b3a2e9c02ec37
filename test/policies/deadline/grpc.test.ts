/** Deadlines of gRPC calls. */
import t from 'tap';
import type { CallFailure } from '../../../src/core/errors.js';
import type { CallInit } from '../../../src/core/call.js';
import { FieldEdits } from '../../../src/http/field-edits.js';
import { firstValue, type Fields } from '../../../src/http/fields.js';
import { deadline } from '../../../src/policies/deadline/index.js';
import { fakeAttempt, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import { begun, grpcCall } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

function build(total: number | 'off' = 35_000, changes: object | 'off' = {}) {
  const clock = new FakeClock();
  const next = new FakeStage();
  const settings = {
    deadline: changes === 'off' ? changes : { ...settingsOf('deadline'), ...changes },
    timeout: { ...settingsOf('timeout'), total },
  } as const;
  const layer = deadline.create(settings, fakeContext(clock))!;
  const stage = layer.wrap(next);
  const start = (headers: Fields = [], init: Partial<CallInit> = {}) => {
    const call = grpcCall({ startedAtMs: clock.now(), headers, ...init });
    const reply = stage.run(call);
    const seen: { error?: CallFailure } = {};
    reply.catch((error: CallFailure) => (seen.error = error));
    /** What an attempt that begins now is sent. */
    const sent = (): Fields => {
      const edits = new FieldEdits(headers);
      layer.requestFields?.(edits, fakeAttempt(call));
      return edits.fields;
    };
    return { call, reply, seen, sent };
  };
  return { clock, next, start };
}

const wall = (ms: number) => String(FAKE_WALL_START_MS + ms);

t.test('is the earliest of both headers and the total timeout', async (t) => {
  for (const [headers, atMs, source] of [
    [['grpc-timeout', '2S'], 2000, 'header'],
    [['grpc-timeout', '2S', 'X-Deadline', wall(1500)], 1500, 'header'],
    [['grpc-timeout', '1S', 'X-Deadline', wall(1500)], 1000, 'header'],
    [['grpc-timeout', '40S'], 35_000, 'total'],
  ] as const) {
    t.match(build().start(headers).call.deadline, { atMs, source });
  }
});

t.test('counts from the head of the request', async (t) => {
  const { clock, start } = build();
  await clock.advance(1000);
  const { call } = start(['grpc-timeout', '2S'], { startedAtMs: 900 });
  t.equal(call.deadline?.atMs, 2900);
});

t.test('refuses a call that has no time, or an unreadable one', async (t) => {
  for (const [timeoutField, reason] of [
    ['0S', 'deadline-expired'],
    ['50m', 'deadline-expired'],
    ['1s', 'invalid-deadline'],
    ['', 'invalid-deadline'],
    ['123456789m', 'invalid-deadline'],
  ] as const) {
    const { next, start } = build();
    const { seen } = start(['grpc-timeout', timeoutField]);
    await settle();
    t.match(seen.error, { reason }, timeoutField);
    t.equal(next.runs.length, 0);
  }
  const { seen } = build().start(['grpc-timeout', '1s']);
  await settle();
  t.match(seen.error?.message, 'up to 8 digits and one of the units H, M, S, m, u, n');
});

t.test('is told to the upstream in both forms, less the buffer', async (t) => {
  const { clock, start } = build();
  const { sent } = start(['grpc-timeout', '2S']);
  await clock.advance(500);
  const fields = sent();
  t.equal(firstValue(fields, 'grpc-timeout'), '1450000u');
  t.equal(firstValue(fields, 'x-deadline'), ((FAKE_WALL_START_MS + 1950) / 1000).toFixed(3));
  const fromDeadline = build().start(['X-Deadline', wall(1000)]);
  t.equal(firstValue(fromDeadline.sent(), 'grpc-timeout'), '950000u');
});

t.test('of the total timeout alone is not told as a timeout of gRPC', async (t) => {
  const { sent } = build().start();
  t.equal(firstValue(sent(), 'grpc-timeout'), undefined);
  t.ok(firstValue(sent(), 'x-deadline'));
});

t.test('of the caller is told as it is, where the total timeout is shorter', async (t) => {
  const { sent } = build(1000).start(['grpc-timeout', '90S']);
  t.equal(firstValue(sent(), 'grpc-timeout'), '89950000u');
});

t.test('is not told where it is not to be', async (t) => {
  const { sent } = build(35_000, { propagate: false }).start(['grpc-timeout', '2S']);
  t.same(sent(), []);
});

t.test('is left alone where it is off', async (t) => {
  const { call, sent } = build(35_000, 'off').start(['grpc-timeout', '2S']);
  t.match(call.deadline, { atMs: 35_000, source: 'total' });
  t.same(sent(), ['grpc-timeout', '2S']);
});

t.test('is read of gRPC calls only', async (t) => {
  const { call } = build().start(['grpc-timeout', '2S'], { isGrpc: false });
  t.equal(call.deadline?.atMs, 35_000);
});

t.test('ends a stream, and the total timeout does not', async (t) => {
  const { clock, next, start } = build(1000);
  const { call, reply } = start(['grpc-timeout', '5S']);
  next.last.respond(begun);
  await reply;
  await clock.advance(4999);
  t.equal(call.cancelled, undefined);
  await clock.advance(1);
  t.match(call.cancelled, { reason: 'deadline-expired' });

  const other = build(1000);
  const endless = other.start();
  other.next.last.respond(begun);
  await endless.reply;
  await other.clock.advance(100_000);
  t.equal(endless.call.cancelled, undefined);
});

t.test('may lie farther away than a timer reaches', async (t) => {
  const { clock, start } = build('off');
  const { call, seen, sent } = start(['grpc-timeout', '99999999H']);
  await clock.advance(60_000);
  t.equal(call.cancelled ?? seen.error, undefined);
  t.equal(firstValue(sent(), 'grpc-timeout'), '99999998H');
  t.match(firstValue(sent(), 'x-deadline'), /^\d{11}\.\d{3}$/);
});
