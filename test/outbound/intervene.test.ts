/** An upstream that is slower than it is, or not asked at all, as an attempt sees it. */
import { Duplex } from 'node:stream';
import t from 'tap';
import type { BodyReader } from '../../src/core/request-body.js';
import type { Intervention } from '../../src/core/intervention.js';
import type { Dispatched, OutboundRequest, ResponseHandler } from '../../src/outbound/client.js';
import { intervene } from '../../src/outbound/intervene.js';
import { FakeClock } from '../support/fake-clock.js';

const head = { status: 200, statusText: 'OK', headers: [] };
const progress = {
  isConnected: true,
  sent: 'some',
  isReused: false,
  hasResponseBegun: true,
} as const;

const createSocket = () => new Duplex({ read() {}, write: (_, __, done) => done() });

/** A handler that notes what it is told; `onData` may want no more. */
function fakeHandler(events: string[]) {
  const handler: ResponseHandler & { dispatched?: Dispatched } = {
    isOver: false,
    onStart(dispatched) {
      handler.dispatched = dispatched;
      events.push('start');
    },
    onStall: (isStalled) => void events.push(`stall ${isStalled}`),
    onSent: () => void events.push('sent'),
    onInformational: ({ status }) => void events.push(`${status}`),
    onHead: ({ status, statusText }) => void events.push(`head ${status} ${statusText}`),
    onData(chunk, release) {
      events.push(`data ${chunk.toString()}`);
      release?.();
      if (chunk.toString() === 'full') handler.dispatched!.pause();
    },
    onEnd: () => void events.push('end'),
    onUpgrade: () => void events.push('upgrade'),
    onFailure: (error) => void events.push(`failure ${error.message}`),
  };
  return handler;
}

function open(intervention: Partial<Intervention>, body?: OutboundRequest['body']) {
  const clock = new FakeClock();
  const events: string[] = [];
  const handler = fakeHandler(events);
  const below: string[] = [];
  let client: ResponseHandler | undefined;
  const connection: Dispatched = {
    protocolVersion: '1.1',
    hasSentAll: true,
    pause: () => void below.push('pause'),
    resume: () => void below.push('resume'),
    destroy: () => void below.push('destroy'),
  };
  const sender = intervene(
    {
      dispatch(_, inner) {
        client = inner;
        inner.onStart(connection);
      },
    },
    { delayMs: 0, instead: undefined, ...intervention },
    clock,
  );
  const request = {
    method: 'GET',
    path: '/',
    authority: 'x',
    fields: [],
    body,
    upgrade: undefined,
  };
  sender.dispatch(request, handler);
  return { clock, events, below, handler, client, attempt: handler.dispatched! };
}

t.test('a late response', async (t) => {
  t.test('comes as it is, after the delay', async (t) => {
    const { clock, events, below, client } = open({ delayMs: 100 });
    client!.onStall(true);
    client!.onSent();
    client!.onInformational({ ...head, status: 103 });
    client!.onHead(head);
    client!.onData(Buffer.from('a'));
    client!.onData(Buffer.from('b'));
    await clock.advance(99);
    t.same(events, ['start', 'stall true', 'sent', '103']);
    t.same(below, ['pause'], 'the upstream is held back meanwhile');
    await clock.advance(1);
    t.same(events.slice(4), ['head 200 OK', 'data a', 'data b']);
    t.same(below, ['pause', 'resume']);
    client!.onData(Buffer.from('c'));
    client!.onEnd([]);
    t.same(events.slice(-2), ['data c', 'end']);
  });

  t.test('does not touch a connection that carries another request by now', async (t) => {
    const { clock, events, below, client } = open({ delayMs: 100 });
    client!.onHead(head);
    client!.onEnd([]);
    await clock.advance(100);
    t.same(events, ['start', 'head 200 OK', 'end']);
    t.same(below, ['pause']);
    const cancelled = open({ delayMs: 100 });
    cancelled.client!.onHead(head);
    cancelled.client!.onEnd([]);
    cancelled.attempt.destroy();
    t.same(cancelled.below, ['pause']);
  });

  t.test('stays held back where the client of the proxy is slow', async (t) => {
    const { clock, below, client, attempt } = open({ delayMs: 100 });
    client!.onHead(head);
    client!.onData(Buffer.from('full'));
    await clock.advance(100);
    t.same(below, ['pause', 'pause']);
    attempt.resume();
    t.same(below.slice(2), ['resume']);
    t.ok(attempt.hasSentAll);
    t.equal(attempt.protocolVersion, '1.1');
  });

  t.test('that is cancelled leaves nothing behind', async (t) => {
    const { clock, events, below, client, attempt } = open({ delayMs: 100 });
    let released = 0;
    client!.onHead(head);
    client!.onData(Buffer.from('a'), () => void released++);
    attempt.destroy();
    t.equal(clock.pending, 0);
    t.equal(released, 1);
    t.same(below, ['pause', 'destroy']);
    await clock.advance(200);
    t.same(events, ['start']);
  });

  t.test('a failure before it is told at once, and one after its head in order', async (t) => {
    const early = open({ delayMs: 100 });
    early.client!.onFailure(new Error('refused'), progress);
    t.same(early.events, ['start', 'failure refused']);
    t.equal(early.clock.pending, 0);
    const late = open({ delayMs: 100 });
    late.client!.onHead(head);
    late.client!.onFailure(new Error('broken'), progress);
    await late.clock.advance(100);
    t.same(late.events, ['start', 'head 200 OK', 'failure broken']);
  });

  t.test('an upgrade waits as well', async (t) => {
    const { clock, events, client } = open({ delayMs: 100 });
    client!.onUpgrade({ ...head, status: 101 }, createSocket());
    await clock.advance(99);
    t.same(events, ['start']);
    await clock.advance(1);
    t.same(events, ['start', 'upgrade']);
    const gone = open({ delayMs: 100 });
    const closed = createSocket();
    gone.client!.onUpgrade({ ...head, status: 101 }, closed);
    closed.destroy();
    await gone.clock.advance(100);
    t.same(gone.events, ['start', 'failure other side closed']);
    const cancelled = open({ delayMs: 100 });
    const unwanted = createSocket();
    cancelled.client!.onUpgrade({ ...head, status: 101 }, unwanted);
    cancelled.attempt.destroy();
    t.ok(unwanted.destroyed);
    t.equal(cancelled.clock.pending, 0);
  });
});

t.test('a stand-in', async (t) => {
  const instead = { status: 503, headers: [], body: Buffer.from('no') };

  t.test('responds at once, without the upstream', async (t) => {
    const { events, client, attempt } = open({ instead });
    t.same(events, ['start', 'head 503 Service Unavailable', 'data no', 'end']);
    t.equal(client, undefined);
    t.ok(attempt.hasSentAll);
  });

  t.test('responds after the delay, unless the attempt is over by then', async (t) => {
    const { clock, events, attempt } = open({
      instead: { ...instead, body: undefined },
      delayMs: 50,
    });
    await clock.advance(49);
    t.same(events, ['start']);
    attempt.pause();
    attempt.resume();
    await clock.advance(1);
    t.same(events, ['start', 'head 503 Service Unavailable', 'end']);
    const cancelled = open({ instead, delayMs: 50 });
    cancelled.attempt.destroy();
    t.equal(cancelled.clock.pending, 0);
  });

  t.test('breaks the connection', async (t) => {
    const { events } = open({ instead: 'reset' });
    t.same(events, ['start', 'failure a reset was injected; the upstream was not called']);
  });

  t.test('takes the body as an upstream does', async (t) => {
    let reader: BodyReader | undefined;
    const body = (whole: Buffer | undefined): OutboundRequest['body'] => ({
      hasEnded: whole !== undefined,
      length: undefined,
      trailers: [],
      takeWhole: () => whole,
      sendTo: (given) => void (reader = given),
      demand() {},
      close() {},
    });
    const { clock, events, attempt } = open({ instead: 'reset', delayMs: 50 }, body(undefined));
    t.notOk(attempt.hasSentAll);
    t.ok(reader!.offer(Buffer.from('x')));
    reader!.onBodyEnd();
    t.ok(attempt.hasSentAll);
    await clock.advance(50);
    t.match(events, ['start', 'sent', /^failure/]);
    reader = undefined;
    open({ instead: 'reset', delayMs: 50 }, body(Buffer.from('all')));
    t.equal(reader, undefined);
  });
});
