import t from 'tap';
import { CallError, ClientGoneError, type CallErrorOptions } from '../../src/core/errors.js';
import { firstValue, type Fields } from '../../src/http/fields.js';
import { Problems } from '../../src/inbound/problem.js';
import type { ExchangeContext, Running } from '../../src/inbound/exchange-context.js';
import { Exchange } from '../../src/inbound/exchange.js';
import { Roster } from '../../src/lib/roster.js';
import { reasons } from '../../src/policies/index.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeScope, FakeSource, FakeStream, type FakeStreamInit } from '../support/fake-inbound.js';

const GRPC: Fields = ['content-type', 'application/grpc'];

/** A gRPC call over HTTP/2, unless said otherwise. */
async function open(init: FakeStreamInit = {}, overrides: Partial<ExchangeContext> = {}) {
  const clock = new FakeClock();
  const stream = new FakeStream({
    method: 'POST',
    protocolVersion: '2.0',
    ...init,
    fields: [...(init.fields ?? []), 'Content-Type', 'application/grpc'],
  });
  const scope = new FakeScope();
  const context: ExchangeContext = {
    clock,
    createRequestId: () => 'made-here',
    problems: new Problems(),
    bodyIdleMs: 1000,
    maxRequestBody: 100,
    refuse: undefined,
    tracer: undefined,
    onRefused: () => {},
    isDraining: () => false,
    running: new Roster<Running>(),
    ...overrides,
  };
  const exchange = new Exchange(stream, { scope, path: '/shop.Cart/Add' }, context);
  exchange.start();
  await settle();
  return { clock, stream, scope, exchange, run: scope.stage.runs.at(-1)! };
}

type Opened = Awaited<ReturnType<typeof open>>;

const fieldOf = ({ stream }: Opened, name: string) => firstValue(stream.head!.fields, name);
const trailerOf = ({ stream }: Opened, name: string) => firstValue(stream.trailers!, name);

/** A call that is refused with `reason`. */
async function refuse(
  reason: keyof typeof reasons,
  options: CallErrorOptions = {},
  fields: Fields = [],
  message = 'Cannot go on',
) {
  const opened = await open({ fields });
  opened.run.fail(new CallError(reasons[reason], message, options));
  await settle();
  return opened;
}

/** A message of 3 bytes. */
const message = Buffer.from([0, 0, 0, 0, 3, 1, 2, 3]);

t.test('a refusal is a head and nothing else', async (t) => {
  const opened = await refuse('circuit-open', { retryAfterMs: 2500 }, [], 'Cannot: 50% né');
  t.same(opened.stream.sent, ['head 200', 'end']);
  t.same(opened.stream.trailers, []);
  t.same(opened.stream.head!.fields, [
    'content-type',
    'application/grpc',
    'grpc-status',
    '14',
    'grpc-message',
    'Cannot: 50%25 n%C3%A9',
    'x-breakwater-reason',
    'circuit-open',
    'grpc-retry-pushback-ms',
    '2500',
    'x-request-id',
    'made-here',
  ]);
  const [summary] = opened.scope.summaries;
  t.match(summary, { status: 200, reason: 'circuit-open', grpcCode: 'UNAVAILABLE' });
});

t.test('each reason has a status', async (t) => {
  const statuses = {
    'circuit-open': '14',
    'bulkhead-full': '14',
    overloaded: '14',
    'shutting-down': '14',
    'connect-failed': '14',
    'upstream-reset': '14',
    'upstream-protocol-error': '14',
    'deadline-expired': '4',
    'timeout-total': '4',
    'timeout-attempt': '4',
    'timeout-connect': '4',
    'no-route': '12',
    'request-too-large': '8',
    'idempotency-in-progress': '10',
    'idempotency-mismatch': '3',
    'invalid-deadline': '3',
  } as const;
  for (const [reason, status] of Object.entries(statuses)) {
    const opened = await refuse(reason as keyof typeof statuses);
    t.equal(fieldOf(opened, 'grpc-status'), status, reason);
    t.equal(fieldOf(opened, 'retry-after'), undefined);
  }
  const lacking = await refuse('upstream-protocol-error', { grpcCode: 'UNKNOWN' });
  t.equal(fieldOf(lacking, 'grpc-status'), '2', 'unless the error knows better');
});

t.test('every reason has one', async (t) => {
  for (const reason of Object.keys(reasons) as (keyof typeof reasons)[]) {
    const status = fieldOf(await refuse(reason), 'grpc-status');
    t.not(status, '2', reason);
    t.not(status, '0', reason);
  }
});

/** What such a refusal says of another attempt. */
const pushback = async (...args: Parameters<typeof refuse>) =>
  fieldOf(await refuse(...args), 'grpc-retry-pushback-ms');

t.test('a pushback', async (t) => {
  t.test('stands where Retry-After would', async (t) => {
    t.equal(await pushback('bulkhead-full'), '1000');
    t.equal(await pushback('circuit-open', { retryAfterMs: 0.2 }), '1');
    t.equal(await pushback('connect-failed'), undefined);
    t.equal(await pushback('deadline-expired'), undefined);
  });

  t.test('forbids an attempt for which the caller has no time', async (t) => {
    const retryAfter = { retryAfterMs: 3000 };
    t.equal(await pushback('circuit-open', retryAfter, ['grpc-timeout', '2900m']), '-1');
    t.equal(await pushback('circuit-open', retryAfter, ['grpc-timeout', '3S']), '-1');
    t.equal(await pushback('circuit-open', retryAfter, ['grpc-timeout', '3100m']), '3000');
  });

  t.test('goes by the deadline of the other header, too', async (t) => {
    const { run, clock, ...opened } = await open();
    run.call.deadline = { atMs: 500, wallMs: 0, source: 'header', callerAtMs: 500, bufferMs: 0 };
    run.fail(new CallError(reasons['circuit-open'], 'Cannot', { retryAfterMs: 600 }));
    await settle();
    t.equal(fieldOf({ run, clock, ...opened }, 'grpc-retry-pushback-ms'), '-1');
  });

  t.test('is capped, and left out, as Retry-After is', async (t) => {
    for (const [cap, expected] of [
      [1500, '1500'],
      ['off', undefined],
    ] as const) {
      const opened = await open();
      Object.assign(opened.scope, { ownRetryAfterMs: cap });
      opened.run.fail(new CallError(reasons['circuit-open'], 'Cannot', { retryAfterMs: 9000 }));
      await settle();
      t.equal(fieldOf(opened, 'grpc-retry-pushback-ms'), expected);
    }
  });
});

t.test('a refusal is short, whatever the client and the error say', async (t) => {
  const fields = ['X-Request-Id', 'x'.repeat(8000)];
  const opened = await refuse('connect-failed', {}, fields, 'é'.repeat(8000));
  t.ok(opened.stream.head!.fields.join('').length < 4000);
  t.equal(fieldOf(opened, 'x-request-id'), undefined);
});

t.test('overload is told in gRPC, by the deadline that the request has', async (t) => {
  const error = new CallError(reasons.overloaded, 'Cannot', { retryAfterMs: 1000 });
  const opened = await open({ fields: ['grpc-timeout', '500m'] }, { refuse: () => error });
  t.equal(fieldOf(opened, 'grpc-status'), '14');
  t.equal(fieldOf(opened, 'grpc-retry-pushback-ms'), '-1');
});

t.test('a response that cannot go on', async (t) => {
  const reset = new CallError('upstream-reset', 'Cannot go on');
  const late = new CallError('deadline-expired', 'Cannot wait');

  t.test('ends with trailers between messages', async (t) => {
    for (const [error, status, code] of [
      [reset, '14', 'UNAVAILABLE'],
      [late, '4', 'DEADLINE_EXCEEDED'],
    ] as const) {
      for (const chunks of [[], [message], [message.subarray(0, 6), message.subarray(6)]]) {
        const opened = await open();
        const reply = opened.run.respond({ headers: GRPC, outcome: null });
        await settle();
        for (const chunk of chunks) reply.push(chunk);
        reply.finish(error);
        t.equal(opened.stream.sent.at(-1), 'end');
        t.equal(trailerOf(opened, 'grpc-status'), status);
        t.equal(trailerOf(opened, 'grpc-message'), error.message);
        t.equal(trailerOf(opened, 'x-breakwater-reason'), error.reason);
        const [summary] = opened.scope.summaries;
        t.match(summary, { status: 200, reason: error.reason, grpcCode: code });
      }
    }
  });

  t.test('is reset inside a message', async (t) => {
    for (const bytes of [1, 4, 5, 7]) {
      const opened = await open();
      const reply = opened.run.respond({ headers: GRPC, outcome: null });
      await settle();
      reply.push(Buffer.concat([message, message.subarray(0, bytes)]));
      reply.finish(reset);
      t.equal(opened.stream.sent.at(-1), 'abort', `${bytes} bytes`);
      t.match(opened.scope.summaries, [{ reason: 'upstream-reset', grpcCode: 'INTERNAL' }]);
    }
  });

  t.test('is reset where its client has left', async (t) => {
    const opened = await open();
    const reply = opened.run.respond({ headers: GRPC, outcome: null });
    await settle();
    opened.stream.leave();
    t.match(opened.run.call.cancelled, { status: 499 });
    reply.finish(opened.run.call.cancelled);
    t.match(opened.scope.summaries, [{ status: 499, grpcCode: 'CANCELLED' }]);
  });
});

t.test('a client that leaves before the response is counted as such', async (t) => {
  const opened = await open();
  opened.run.fail(new ClientGoneError(499, 'Cannot'));
  await settle();
  t.match(opened.scope.summaries, [{ status: 499, grpcCode: 'CANCELLED' }]);
});

t.test('a response of the upstream passes, and is counted by its status', async (t) => {
  const opened = await open();
  const reply = opened.run.respond({ headers: [...GRPC, 'x-bin', 'AA=='], outcome: null });
  await settle();
  reply.push(message);
  reply.sink!.onEnd(['grpc-status', '5']);
  t.equal(fieldOf(opened, 'x-bin'), 'AA==');
  t.same(opened.stream.trailers, ['grpc-status', '5']);
  t.match(opened.scope.summaries, [{ status: 200, reason: '', grpcCode: 'NOT_FOUND' }]);

  const only = await open();
  only.run.respond({ headers: [...GRPC, 'grpc-status', '8'], isComplete: true });
  await settle();
  t.same(only.stream.sent, ['head 200', 'end']);
  t.match(only.scope.summaries, [{ grpcCode: 'RESOURCE_EXHAUSTED' }]);
});

t.test('its request may be silent', async (t) => {
  const source = new FakeSource();
  const { run, clock } = await open({ body: source });
  run.call.body!.open().sendTo({ offer: () => true, onBodyEnd() {} });
  await clock.advance(100_000);
  t.equal(run.call.cancelled, undefined);
});

t.test('over HTTP/1.1 it is a request like any other', async (t) => {
  const opened = await open({ protocolVersion: '1.1' });
  t.equal(opened.run.call.isGrpc, false);
  opened.run.fail(new CallError(reasons['circuit-open'], 'Cannot'));
  await settle();
  t.equal(fieldOf(opened, 'content-type'), 'application/problem+json');
  t.match(opened.scope.summaries, [{ status: 503, grpcCode: undefined }]);
});
