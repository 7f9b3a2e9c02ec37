import t from 'tap';
import type { AttemptObserver, AttemptPhase } from '../../src/core/attempt.js';
import type { CallError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/events.js';
import { createJudge } from '../../src/core/judge.js';
import type { Reply } from '../../src/core/reply.js';
import type { Fields } from '../../src/http/fields.js';
import {
  ResponseUnfinished,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from '../../src/outbound/client.js';
import { createDispatch } from '../../src/outbound/dispatch.js';
import { defaultJudgement } from '../../src/policies/circuit-breaker/options.js';
import { fakeAttempt, fakeCall } from '../support/fake-call.js';
import { fakeDestinations } from '../support/fake-destinations.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { failureOf } from '../support/fake-stage.js';

const GRPC: Fields = ['content-type', 'application/grpc+proto'];
const PROGRESS = {
  isConnected: true,
  sent: 'some',
  isReused: false,
  hasResponseBegun: true,
} as const;

/** An attempt of a gRPC call, whose client the test plays. */
function open() {
  const clock = new FakeClock();
  const events: Event[] = [];
  const phases: AttemptPhase[] = [];
  let handler!: ResponseHandler;
  let request!: OutboundRequest;
  let destroyed = 0;
  const client: HttpClient = {
    dispatch(sent, to) {
      request = sent;
      handler = to;
      const dispatched = {
        protocolVersion: '2' as const,
        hasSentAll: true,
        pause() {},
        resume() {},
        destroy: () => void destroyed++,
      };
      handler.onStart(dispatched);
    },
    release() {},
    destroy() {},
  };
  const destinations = fakeDestinations(client);
  const { reports } = destinations;
  const dispatch = createDispatch({
    upstream: 'shop',
    basePath: '',
    edits: [],
    destinations,
    judge: createJudge(defaultJudgement),
    openTunnel() {},
    clock,
    emit: (event) => void events.push(event),
  });
  const attempt = fakeAttempt(fakeCall({ method: 'POST', isGrpc: true }));
  const observer: AttemptObserver = {
    onPhase: (phase) => void phases.push(phase),
    onStall() {},
    onProgress() {},
    onPause() {},
  };
  attempt.observe(observer);
  const reply = dispatch.run(attempt);
  reply.catch(() => {});
  return {
    clock,
    attempt,
    events,
    reports,
    phases,
    reply,
    handler,
    request,
    get destroyed() {
      return destroyed;
    },
    head: (status: number, headers: Fields) => handler.onHead({ status, statusText: '', headers }),
  };
}

/** All that a reply hands over. */
function read(reply: Reply) {
  const seen = { body: '', trailers: undefined as Fields | undefined, error: undefined as unknown };
  reply.attach({
    onData(chunk) {
      seen.body += chunk.toString();
      return true;
    },
    onEnd: (trailers) => void (seen.trailers = trailers),
    onError: (error) => void (seen.error = error),
  });
  return seen;
}

t.test('a trailers-only response is known at its head', async (t) => {
  const { handler, head, reply, reports, events } = open();
  head(200, [...GRPC, 'grpc-status', '14', 'grpc-message', 'busy']);
  handler.onEnd([]);
  const { outcome, isComplete, headers } = await reply;
  t.same(outcome, { kind: 'grpc', code: 'UNAVAILABLE', isTrailersOnly: true });
  t.ok(isComplete);
  t.same(headers, [...GRPC, 'grpc-status', '14', 'grpc-message', 'busy'], 'untouched');
  t.same(reports, [true]);
  t.match(events, [{ result: 'failure' }]);
});

t.test('a response with messages is known at its trailers', async (t) => {
  for (const [status, code, isFailure, result] of [
    ['0', 'OK', [false], 'success'],
    ['13', 'INTERNAL', [true], 'failure'],
    ['5', 'NOT_FOUND', [], 'success'],
    ['99', 'UNKNOWN', [true], 'failure'],
  ] as const) {
    const { handler, head, reply, reports, events, phases } = open();
    head(200, GRPC);
    const got = await reply;
    t.equal(got.outcome, undefined);
    t.equal(phases.at(-1), 'streaming-events');
    t.same(reports, []);
    const seen = read(got);
    handler.onData(Buffer.from('message'));
    handler.onEnd(['grpc-status', status, 'x-bin', 'AAE=']);
    t.same(got.outcome, { kind: 'grpc', code, isTrailersOnly: false });
    t.same(seen.trailers, ['grpc-status', status, 'x-bin', 'AAE=']);
    t.same(reports, isFailure);
    t.match(events, [{ result }]);
  }
});

t.test('a status in a head that is not all has no meaning', async (t) => {
  for (const end of ['data', 'trailers'] as const) {
    const { handler, head, reply } = open();
    head(200, [...GRPC, 'grpc-status', '0', 'x', '1']);
    if (end === 'data') handler.onData(Buffer.from('message'));
    handler.onEnd(['grpc-status', '13']);
    const got = await reply;
    t.same(got.headers, [...GRPC, 'x', '1']);
    t.match(got.outcome, { code: 'INTERNAL', isTrailersOnly: false });
    t.same(read(got).trailers, ['grpc-status', '13']);
  }
});

t.test('a head with a status is held until it is known to be all', async (t) => {
  const { handler, head, reply, phases } = open();
  head(200, [...GRPC, 'grpc-status', '0']);
  await settle();
  t.equal(phases.at(-1), 'waiting', 'the timeout of the attempt goes on');
  handler.onFailure(new Error('it broke'), PROGRESS);
  t.match(await failureOf(reply), { reason: 'upstream-reset' });
});

t.test('the status counts, and not how it is sent', async (t) => {
  const { handler, head, reply } = open();
  head(503, ['content-type', 'application/problem+json', 'grpc-status', '8', 'x', '1']);
  handler.onEnd([]);
  const got = await reply;
  t.equal(got.status, 200);
  t.same(got.headers, ['content-type', 'application/grpc', 'grpc-status', '8', 'x', '1']);
  t.match(got.outcome, { code: 'RESOURCE_EXHAUSTED', isTrailersOnly: true });
});

t.test('an HTTP error becomes what it means in gRPC', async (t) => {
  for (const [status, code] of [
    [503, 'UNAVAILABLE'],
    [404, 'UNIMPLEMENTED'],
    [500, 'UNKNOWN'],
    [302, 'UNKNOWN'],
  ] as const) {
    const opened = open();
    opened.head(status, ['Content-Type', 'text/html', 'Content-Length', '5', 'server', 'edge']);
    const got = await opened.reply;
    t.match(got.outcome, { code, isTrailersOnly: true });
    t.ok(got.isComplete);
    t.equal(got.status, 200);
    t.same(got.headers.slice(0, 4), ['content-type', 'application/grpc', 'server', 'edge']);
    t.match(got.headers.at(-1), `The upstream responded ${status} with the content type text/html`);
    t.equal(opened.destroyed, 1, 'its body is not read');
    opened.handler.onData(Buffer.from('<html'));
    opened.handler.onEnd([]);
    t.equal(read(got).body, '');
  }
});

t.test('an error of gRPC by its type alone is one of HTTP', async (t) => {
  const { head, reply } = open();
  head(503, GRPC);
  t.match((await reply).outcome, { code: 'UNAVAILABLE' });
});

t.test('a good response that is not gRPC is a broken one', async (t) => {
  for (const headers of [['content-type', 'text/html'], ['content-type', 'application/json'], []]) {
    const opened = open();
    opened.head(200, headers);
    const error = (await failureOf(opened.reply)) as CallError;
    t.match(error, { reason: 'upstream-protocol-error', grpcCode: 'UNKNOWN' });
    t.match(error.message, /instead of application\/grpc/);
    t.equal(opened.destroyed, 1);
    t.same(opened.reports, [true]);
  }
});

t.test('a response without trailers is a broken one', async (t) => {
  const { handler, head, reply, reports } = open();
  head(200, GRPC);
  const seen = read(await reply);
  handler.onData(Buffer.from('message'));
  handler.onEnd([]);
  t.match(seen.error, { reason: 'upstream-protocol-error', grpcCode: 'UNKNOWN' });
  t.same(reports, [true]);
});

t.test('a response that is reset without an error lacks its trailers', async (t) => {
  const { handler, head, reply } = open();
  head(200, GRPC);
  const seen = read(await reply);
  handler.onData(Buffer.from('message'));
  handler.onFailure(new ResponseUnfinished('it ended the stream'), PROGRESS);
  t.match(seen.error, { reason: 'upstream-protocol-error', grpcCode: 'UNKNOWN' });
  const bare = open();
  bare.handler.onFailure(new ResponseUnfinished('it ended the stream'), PROGRESS);
  t.match(
    await failureOf(bare.reply),
    { reason: 'upstream-reset' },
    'before its head it is a reset',
  );
});

t.test('a response that breaks off has failed, whatever its status', async (t) => {
  const { handler, head, reply, reports, events } = open();
  head(200, GRPC);
  const got = await reply;
  const seen = read(got);
  handler.onFailure(new Error('it broke'), PROGRESS);
  t.match(seen.error, { reason: 'upstream-reset' });
  t.equal(got.outcome?.kind, 'reset');
  t.same(reports, [true]);
  t.match(events, [{ result: 'reset' }]);
});

t.test('a response that is not wanted any more says nothing', async (t) => {
  const { head, reply, reports, events } = open();
  head(200, GRPC);
  (await reply).discard();
  t.same(reports, []);
  t.match(events, [{ result: 'cancelled' }]);
});

t.test('1xx responses are dropped, and an upgrade is a broken response', async (t) => {
  const sent: number[] = [];
  const { attempt, handler, reply } = open();
  Object.assign(attempt.call, {
    client: { sendInformational: (status: number) => sent.push(status) },
  });
  handler.onInformational({ status: 103, statusText: '', headers: [] });
  t.same(sent, []);
  let isDestroyed = false;
  const socket = { destroy: () => (isDestroyed = true) };
  handler.onUpgrade({ status: 101, statusText: '', headers: [] }, socket as never);
  t.ok(isDestroyed);
  t.match(await failureOf(reply), { reason: 'upstream-protocol-error' });
});
