import t, { type Test } from 'tap';
import type { Call } from '../../src/core/call.js';
import { CallError } from '../../src/core/errors.js';
import { firstValue } from '../../src/http/fields.js';
import { Problems } from '../../src/inbound/problem.js';
import type { ExchangeContext, Running } from '../../src/inbound/exchange-context.js';
import { Exchange } from '../../src/inbound/exchange.js';
import { Roster } from '../../src/lib/roster.js';
import { reasons as overloadReasons } from '../../src/policies/overload/reasons.js';
import type { Scope } from '../../src/upstream/scope.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeScope, FakeSource, FakeStream, type FakeStreamInit } from '../support/fake-inbound.js';
import type { FakeReply } from '../support/fake-reply.js';

const BODY_IDLE_MS = 1000;

const resetError = () => new CallError('upstream-reset', 'Cannot go on because it broke');

const refuseAll = (_: Call, { upstream }: Scope) =>
  new CallError(
    overloadReasons.overloaded,
    `Cannot take the call to ${upstream} because of the load`,
  );

/** An exchange that has started, and what the test needs to go on with it. */
async function open(init: FakeStreamInit = {}, overrides: Partial<ExchangeContext> = {}) {
  const clock = new FakeClock();
  const stream = new FakeStream(init);
  const scope = new FakeScope();
  const running = new Roster<Running>();
  const context: ExchangeContext = {
    clock,
    createRequestId: () => 'made-here',
    problems: new Problems(),
    bodyIdleMs: BODY_IDLE_MS,
    maxRequestBody: 100,
    refuse: undefined,
    tracer: undefined,
    onRefused: () => {},
    isDraining: () => false,
    running,
    ...overrides,
  };
  const exchange = new Exchange(stream, { scope, path: '/items?id=1' }, context);
  exchange.start();
  await settle();
  return { clock, stream, scope, running, exchange, stage: scope.stage };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** @returns what was counted, after a check that it was once, and that nothing is left behind. */
function countedOnce(t: Test, { scope, running, clock }: Opened) {
  t.equal(scope.summaries.length, 1, 'counted once');
  t.same([scope.entered, scope.left], [1, 1], 'entered and left once');
  t.equal(running.size, 0, 'it runs no more');
  t.equal(clock.pending, 0, 'no timer is left');
  return scope.summaries[0]!;
}

const fieldOf = ({ stream }: Opened, name: string) => firstValue(stream.head!.fields, name);

/** The problem document that was sent. */
function problemOf({ stream }: Opened): Record<string, unknown> {
  const end = stream.sent.at(-1)!;
  return JSON.parse(end.slice('end '.length)) as Record<string, unknown>;
}

t.test('a response', async (t) => {
  t.test('leaves at once where it is complete', async (t) => {
    const opened = await open();
    opened.stage.last.respond({ isComplete: true, body: 'hello' });
    await settle();
    t.same(opened.stream.sent, ['head 200', 'end hello']);
    const summary = countedOnce(t, opened);
    t.match(summary, { method: 'GET', path: '/items', status: 200, reason: '', error: undefined });
  });

  t.test('leaves in order where it is complete and in pieces', async (t) => {
    const opened = await open();
    const reply = opened.stage.last.respond({ body: 'a' });
    reply.push(Buffer.from('b'));
    reply.push(Buffer.from('c'));
    reply.finish();
    await settle();
    t.same(opened.stream.sent, ['head 200', 'write a', 'write b', 'end c']);
    countedOnce(t, opened);
  });

  t.test('does not wait for its body', async (t) => {
    const opened = await open();
    const reply = opened.stage.last.respond();
    await settle();
    t.same(opened.stream.sent, ['head 200', 'flush']);
    t.equal(opened.running.size, 1);
    reply.push(Buffer.from('a'));
    reply.finish();
    t.same(opened.stream.sent.slice(2), ['write a', 'end']);
    countedOnce(t, opened);
  });

  t.test('whose body has begun takes the head with it', async (t) => {
    const opened = await open();
    opened.stage.last.respond({ body: 'a' });
    await settle();
    t.same(opened.stream.sent, ['head 200', 'write a']);
  });

  t.test('passes its trailers on', async (t) => {
    const { stage, stream } = await open();
    const reply = stage.last.respond({ headers: ['Trailer', 'X-Sum'] });
    await settle();
    reply.sink!.onEnd(['X-Sum', '1']);
    t.equal(firstValue(stream.head!.fields, 'trailer'), 'X-Sum');
    t.same(stream.trailers, ['X-Sum', '1']);
  });

  t.test('announces no trailers to a client without them', async (t) => {
    const opened = await open();
    opened.stream.canSendTrailers = false;
    opened.stage.last.respond({ headers: ['Trailer', 'X-Sum'], isComplete: true });
    await settle();
    t.equal(fieldOf(opened, 'trailer'), undefined);
  });

  t.test('carries the id of its request, the same as upstream', async (t) => {
    for (const [fields, id] of [
      [['X-Request-Id', 'theirs'], 'theirs'],
      [['X-Request-Id', ''], 'made-here'],
      [[], 'made-here'],
    ] as const) {
      const opened = await open({ fields });
      const run = opened.stage.last;
      run.respond({ isComplete: true });
      await settle();
      t.equal(fieldOf(opened, 'x-request-id'), id);
      t.equal(firstValue(run.call.outgoing, 'x-request-id'), id);
      t.equal(countedOnce(t, opened).requestId, id);
    }
  });

  t.test('leaves a status text out where the upstream does', async (t) => {
    const opened = await open();
    opened.stage.last.respond({ isComplete: true });
    await settle();
    t.equal(opened.stream.head!.statusText, '');
  });

  t.test('ends the connection while draining', async (t) => {
    for (const isDraining of [true, false]) {
      const opened = await open({}, { isDraining: () => isDraining });
      opened.stage.last.respond({ isComplete: true });
      await settle();
      t.equal(opened.stream.head!.isLast, isDraining);
    }
  });

  t.test('whose head cannot be written becomes a problem', async (t) => {
    const opened = await open();
    opened.stream.unwritable = 200;
    const reply = opened.stage.last.respond({ body: 'x' });
    await settle();
    t.match(problemOf(opened), { status: 502, detail: /a character is not allowed/ });
    t.same(opened.stream.sent[0], 'head 502');
    t.match(reply.error, { reason: 'upstream-protocol-error' });
    t.equal(countedOnce(t, opened).reason, 'upstream-protocol-error');
  });

  t.test('belongs to the trace that the client named', async (t) => {
    const id = '0af7651916cd43dd8448eb211c80319c';
    const opened = await open({ fields: ['Traceparent', `00-${id}-b7ad6b7169203331-01`] });
    opened.stage.last.respond({ isComplete: true });
    await settle();
    t.equal(countedOnce(t, opened).trace?.id, id);
  });
});

t.test('a substitute', async (t) => {
  const substitution = { source: 'static', reason: 'circuit-open', cause: 'x' } as const;
  const late = new CallError('deadline-expired', 'Cannot go on because the deadline is over');

  t.test('is labelled, and sent although the call is over', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    run.call.substitution = substitution;
    opened.exchange.cancel(late);
    run.respond({ isComplete: true, body: 'instead' });
    await settle();
    t.same(opened.stream.sent, ['head 200', 'end instead']);
    t.equal(opened.stream.head!.statusText, undefined, 'with the usual status text');
    t.equal(fieldOf(opened, 'x-breakwater-fallback'), 'static');
    t.equal(fieldOf(opened, 'x-breakwater-reason'), 'circuit-open');
    t.match(countedOnce(t, opened), { status: 200, reason: 'circuit-open', substitution });
  });

  t.test('is not sent where it is incomplete and the call is over', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    run.call.substitution = substitution;
    opened.exchange.cancel(late);
    const reply = run.respond({ body: 'inst' });
    await settle();
    t.equal(reply.error, late);
    t.same(opened.stream.sent[0], 'head 504');
    t.match(countedOnce(t, opened), { status: 504, substitution: undefined });
  });

  t.test('is not sent to a client that has left', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    run.call.substitution = substitution;
    opened.exchange.cancel(late);
    opened.stream.leave();
    run.respond({ isComplete: true });
    await settle();
    t.same(opened.stream.sent, []);
    t.equal(countedOnce(t, opened).status, 499);
  });
});

t.test('a client that reads slowly holds the upstream back', async (t) => {
  const { stage, stream } = await open();
  let resumed = 0;
  const reply: FakeReply = stage.last.respond();
  reply.resume = () => void (resumed += 1);
  await settle();
  t.equal(reply.sink!.onData(Buffer.from('a')), true);
  stream.isFull = true;
  t.equal(reply.sink!.onData(Buffer.from('b')), false);
  t.equal(resumed, 0);
  stream.drain();
  t.equal(resumed, 1);
  t.equal(reply.sink!.onData(Buffer.from('c')), true);
});

t.test('an upstream that reads slowly holds the client back', async (t) => {
  const body = new FakeSource();
  const { stage } = await open({ method: 'POST', body });
  const cursor = stage.last.call.body!.open();
  cursor.sendTo({ offer: () => false, onBodyEnd() {} });
  t.equal(body.isPaused, false);
  body.send('a');
  t.equal(body.isPaused, true);
  cursor.demand();
  t.equal(body.isPaused, false);
});

t.test('a client that leaves', async (t) => {
  t.test('cancels a call that waits for its response, in a queue or upstream', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    run.call.onCancel((why) => run.fail(why));
    opened.stream.leave();
    await settle();
    t.same(opened.stream.sent, []);
    t.match(countedOnce(t, opened), { status: 499, reason: '', error: { status: 499 } });
  });

  t.test('gets no response that comes too late', async (t) => {
    const opened = await open();
    opened.stream.leave();
    const reply = opened.stage.last.respond({ body: 'late' });
    await settle();
    t.match(reply.error, { status: 499 });
    t.same(opened.stream.sent, []);
    t.equal(countedOnce(t, opened).status, 499);
  });

  t.test('cancels a response that is under way', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    const reply = run.respond({ body: 'part' });
    run.call.onCancel((why) => reply.abort(why));
    await settle();
    opened.stream.leave();
    t.same(opened.stream.sent, ['head 200', 'write part', 'abort']);
    t.equal(countedOnce(t, opened).status, 499);
  });

  t.test('does not cancel a call whose result is kept', async (t) => {
    const opened = await open();
    const run = opened.stage.last;
    run.call.outlivesClient = true;
    opened.stream.leave();
    await settle();
    t.equal(run.call.cancelled, undefined);
    t.equal(opened.running.size, 1, 'a stop waits for it');
    run.respond({ isComplete: true });
    await settle();
    t.same(opened.stream.sent, []);
    t.equal(countedOnce(t, opened).status, 499);
  });

  t.test('is counted as gone where the kept result is a failure', async (t) => {
    const opened = await open();
    opened.stage.last.call.outlivesClient = true;
    opened.stream.leave();
    opened.stage.last.fail(resetError());
    await settle();
    t.same(opened.stream.sent, []);
    t.equal(countedOnce(t, opened).status, 499);
  });
});

t.test('a failure', async (t) => {
  t.test('before the head becomes a problem', async (t) => {
    const opened = await open();
    opened.stage.last.call.attempts = 2;
    opened.stage.last.fail(resetError());
    await settle();
    t.equal(opened.stream.sent[0], 'head 502');
    t.equal(opened.stream.head!.statusText, undefined);
    t.match(problemOf(opened), { status: 502, upstream: 'catalog', attempts: 2 });
    t.equal(fieldOf(opened, 'x-breakwater-reason'), 'upstream-reset');
    t.equal(fieldOf(opened, 'x-breakwater-attempts'), '2');
    t.equal(fieldOf(opened, 'x-request-id'), 'made-here');
    t.match(countedOnce(t, opened), { status: 502, reason: 'upstream-reset' });
  });

  t.test('has no body for HEAD', async (t) => {
    const opened = await open({ method: 'HEAD' });
    opened.stage.last.fail(resetError());
    await settle();
    t.same(opened.stream.sent, ['head 502', 'end']);
    t.not(fieldOf(opened, 'content-length'), '0');
    countedOnce(t, opened);
  });

  t.test('in the body breaks the response off', async (t) => {
    const opened = await open();
    const reply = opened.stage.last.respond({ body: 'part' });
    await settle();
    reply.finish(resetError());
    t.same(opened.stream.sent, ['head 200', 'write part', 'abort']);
    t.match(countedOnce(t, opened), { status: 200, reason: 'upstream-reset' });
  });

  t.test('by a defect of a stage is a problem, too', async (t) => {
    const opened = await open();
    opened.stage.last.fail(new TypeError('x is undefined') as never);
    await settle();
    t.match(problemOf(opened), { status: 502, detail: /x is undefined/ });
    countedOnce(t, opened);
  });

  t.test('comes before any stage where the process is overloaded', async (t) => {
    const opened = await open({}, { refuse: refuseAll });
    t.equal(opened.stage.runs.length, 0);
    t.equal(opened.stream.sent[0], 'head 503');
    t.match(countedOnce(t, opened), { reason: 'overloaded', error: { message: /to catalog/ } });
  });
});

t.test('an upload', async (t) => {
  t.test('that announces too much is refused before any stage', async (t) => {
    const body = new FakeSource(101);
    const opened = await open({ method: 'POST', body });
    t.equal(opened.stage.runs.length, 0);
    t.equal(opened.stream.sent[0], 'head 413');
    t.equal(body.isDiscarded, true);
    t.equal(countedOnce(t, opened).reason, 'request-too-large');
  });

  t.test('that grows too large ends its call', async (t) => {
    const body = new FakeSource();
    const opened = await open({ method: 'POST', body });
    const run = opened.stage.last;
    run.call.onCancel((why) => run.fail(why));
    run.call.body!.open().sendTo({ offer: () => true, onBodyEnd() {} });
    body.send('x'.repeat(101));
    await settle();
    t.equal(opened.stream.sent[0], 'head 413');
    t.equal(countedOnce(t, opened).reason, 'request-too-large');
  });

  t.test('that falls silent is refused with 408 and nothing else', async (t) => {
    const opened = await open({ method: 'POST', body: new FakeSource() });
    const run = opened.stage.last;
    run.call.onCancel((why) => run.fail(why));
    run.call.body!.open().sendTo({ offer: () => true, onBodyEnd() {} });
    await opened.clock.advance(BODY_IDLE_MS);
    t.same(opened.stream.sent, ['refuse 408']);
    t.match(countedOnce(t, opened), { status: 408, reason: '' });
  });

  t.test('that is malformed is refused with 400 and nothing else', async (t) => {
    const opened = await open({ method: 'POST', body: new FakeSource() });
    const run = opened.stage.last;
    run.call.onCancel((why) => run.fail(why));
    opened.stream.spoilBody('no chunk size');
    await settle();
    t.same(opened.stream.sent, ['refuse 400']);
    t.match(countedOnce(t, opened), { status: 400, reason: '' });
  });

  t.test('is dropped once the response is complete', async (t) => {
    const body = new FakeSource();
    const opened = await open({ method: 'POST', body });
    opened.stage.last.respond({ isComplete: true });
    await settle();
    t.equal(body.isDiscarded, true);
    countedOnce(t, opened);
  });
});

/** Responds with 101 over an upstream connection that notes what becomes of it. */
const switchProtocols = ({ stage, stream }: Opened) => {
  const fate = { joined: false, destroyed: false };
  const reply = stage.last.respond({
    status: 101,
    isComplete: true,
    headers: ['Connection', 'Upgrade', 'Upgrade', 'websocket'],
  });
  Object.assign(reply, {
    upgraded: {
      join: (client: unknown) => void (fate.joined = client === stream.accepted),
      destroy: () => void (fate.destroyed = true),
    },
  });
  return fate;
};

t.test('an upgrade', async (t) => {
  t.test('is asked for upstream, and joins both sides once accepted', async (t) => {
    const opened = await open({ upgrade: 'websocket' });
    t.equal(opened.stage.last.call.upgrade, 'websocket');
    const fate = switchProtocols(opened);
    await settle();
    t.same(opened.stream.sent, ['accept']);
    t.equal(fieldOf(opened, 'upgrade'), 'websocket');
    t.same(fate, { joined: true, destroyed: false });
    t.equal(countedOnce(t, opened).status, 101);
  });

  t.test('is an ordinary response where the upstream refuses', async (t) => {
    const opened = await open({ upgrade: 'websocket' });
    opened.stage.last.respond({ status: 403, isComplete: true, body: 'no' });
    await settle();
    t.same(opened.stream.sent, ['head 403', 'end no']);
    t.equal(countedOnce(t, opened).status, 403);
  });

  t.test('leaves no connection upstream behind where the client has left', async (t) => {
    const opened = await open({ upgrade: 'websocket' });
    opened.stream.leave();
    const fate = switchProtocols(opened);
    await settle();
    t.same(fate, { joined: false, destroyed: true });
    t.same(opened.stream.sent, []);
    t.equal(countedOnce(t, opened).status, 499);
  });
});

t.test('a 1xx response', async (t) => {
  t.test('is passed on without the fields of one hop', async (t) => {
    const { stage, stream } = await open();
    const fields = ['Link', '</a>', 'Connection', 'close', 'Content-Length', '3'];
    stage.last.call.client!.sendInformational(103, '', fields);
    t.same(stream.sent, ['103 Link </a>']);
  });

  t.test('is left out where the client cannot take it', async (t) => {
    const { stage, stream } = await open();
    stream.canSendInformational = false;
    stage.last.call.client!.sendInformational(103, '', []);
    t.same(stream.sent, []);
  });
});

t.test('a stop ends an exchange with its reason', async (t) => {
  const opened = await open();
  const run = opened.stage.last;
  run.call.onCancel((why) => run.fail(why));
  for (const exchange of opened.running) {
    exchange.cancel(new CallError('shutting-down', 'Cannot go on because Breakwater stops'));
  }
  await settle();
  t.equal(opened.stream.sent[0], 'head 503');
  t.equal(countedOnce(t, opened).reason, 'shutting-down');
});

t.test('the host goes upstream only where it is preserved', async (t) => {
  const context = {
    clock: new FakeClock(),
    createRequestId: () => 'x',
    problems: new Problems(),
    bodyIdleMs: 1,
  };
  for (const preserveHost of [true, false]) {
    const scope = new FakeScope({ preserveHost });
    const stream = new FakeStream({ host: 'shop.example' });
    new Exchange(
      stream,
      { scope, path: '/' },
      {
        ...context,
        maxRequestBody: 'off',
        refuse: undefined,
        tracer: undefined,
        onRefused: () => {},
        isDraining: () => false,
        running: new Roster(),
      },
    ).start();
    t.equal(scope.stage.last.call.host, preserveHost ? 'shop.example' : undefined);
  }
});

t.test('103 is held back where the upstream says so, and no other 1xx', async (t) => {
  for (const [earlyHints, count] of [
    [true, 2],
    [false, 1],
  ] as const) {
    const stream = new FakeStream();
    const scope = new FakeScope({ earlyHints });
    const context: ExchangeContext = {
      clock: new FakeClock(),
      createRequestId: () => 'made-here',
      problems: new Problems(),
      bodyIdleMs: BODY_IDLE_MS,
      maxRequestBody: 'off',
      refuse: undefined,
      tracer: undefined,
      onRefused: () => {},
      isDraining: () => false,
      running: new Roster(),
    };
    new Exchange(stream, { scope, path: '/' }, context).start();
    await settle();
    const { client } = scope.stage.last.call;
    client!.sendInformational(103, '', []);
    client!.sendInformational(102, '', []);
    t.equal(stream.sent.length, count);
  }
});
