import t from 'tap';
import type { Call, CallInit } from '../../../src/core/call.js';
import type { Deadline } from '../../../src/core/deadline.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import type { PolicyContext } from '../../../src/core/policy.js';
import type { Fields } from '../../../src/http/fields.js';
import type { Reply } from '../../../src/core/reply.js';
import { fallback, type FallbackEntry } from '../../../src/policies/fallback/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';

const HOUR_MS = 3_600_000;
const cache: FallbackEntry = { cache: { ttl: HOUR_MS } };
const other: FallbackEntry = { upstream: 'b' };
const fixed: FallbackEntry = { static: { status: 200, body: 'instead' } };

interface ReadResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a client would read of `reply`. */
async function read(reply: Reply): Promise<ReadResponse> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    reply.attach({
      onData: (chunk) => chunks.push(chunk) > 0,
      onEnd: () => resolve(),
      onError: reject,
    });
  });
  const headers: Record<string, string> = {};
  for (let i = 0; i < reply.headers.length; i += 2) {
    headers[reply.headers[i]!.toLowerCase()] = reply.headers[i + 1]!;
  }
  return { status: reply.status, headers, body: Buffer.concat(chunks).toString() };
}

function build(entries: readonly FallbackEntry[], overrides: Partial<PolicyContext<never>> = {}) {
  const clock = new FakeClock();
  const store = new FakeStore(clock);
  const backup = new FakeStage();
  const asked: string[] = [];
  const context = fakeContext(clock, {
    store,
    pipelineOf: (name) => {
      asked.push(name);
      return backup;
    },
    ...overrides,
  });
  const next = new FakeStage();
  const stage = fallback.create({ fallback: entries, retry: 'off' }, context)!.wrap(next);

  /** Runs a call and keeps its end from being an unhandled rejection. */
  function start(init: Partial<CallInit> = {}, call: Call = fakeCall(init)) {
    const reply = stage.run(call);
    const failure = reply.then(
      () => undefined,
      (error: CallFailure) => error,
    );
    return { call, reply, failure };
  }

  /** A call that the upstream responds to, read to its end. */
  async function live(
    init: Partial<CallInit>,
    response: { status?: number; headers?: Fields; body?: string } = {},
  ): Promise<void> {
    const { reply } = start(init);
    const { body, ...head } = response;
    const own = next.last.respond(head);
    const passed = await reply;
    const ended = read(passed);
    if (body !== undefined) own.sink!.onData(Buffer.from(body));
    own.finish();
    await ended;
    await settle();
  }

  /** A call that fails; undefined when no source had a response. */
  async function down(init: Partial<CallInit> = {}): Promise<ReadResponse | undefined> {
    const { call, reply } = start(init);
    next.last.fail(refused);
    const response = await reply.then(read, () => undefined);
    t.equal(
      call.substitution !== undefined,
      response !== undefined,
      'it says whose response it is',
    );
    return response;
  }

  const { events } = context;
  return { clock, store, context, backup, asked, next, events, start, live, down };
}

const responseTo = async (entry: FallbackEntry, init: Partial<CallInit> = {}) =>
  (await build([entry]).down(init))!;

/** Whether such a response to such a call is kept. */
const keeps = async (init: Partial<CallInit>, headers: Fields, status = 200, body = 'good') => {
  const { store, live } = build([cache]);
  await live(init, { status, headers, body });
  return store.keys().some((key) => !key.endsWith(':news'));
};

const askFor = (accept: string, tenant: string) => ({
  headers: ['Accept', accept, 'X-Tenant', tenant],
});

const refused = new CallError('connect-failed', 'Cannot connect');

const endsAt = (atMs: number): Deadline => ({
  atMs,
  wallMs: FAKE_WALL_START_MS + atMs,
  source: 'total',
  callerAtMs: Infinity,
  bufferMs: 50,
});

t.test('is absent from the chain when it is off, as it is by default', async (t) => {
  const context = fakeContext(new FakeClock());
  t.equal(fallback.schema['default'], 'off');
  t.equal(fallback.create({ fallback: 'off', retry: 'off' }, context), undefined);
  t.equal(fallback.create({ fallback: [], retry: 'off' }, context), undefined);
});

t.test('passes good responses on untouched', async (t) => {
  for (const status of [200, 204, 304, 404, 429, 501, 505]) {
    const { next, start, events } = build([fixed]);
    const { call, reply } = start();
    const own = next.last.respond({ status });
    t.equal(await reply, own, String(status));
    t.equal(call.substitution, undefined);
    t.same(events, []);
  }
});

t.test("takes the place of an upstream's failed response", async (t) => {
  for (const status of [500, 502, 503, 504]) {
    const { next, start, events } = build([fixed]);
    const { call, reply } = start();
    const own = next.last.respond({ status });
    t.same(await read(await reply), {
      status: 200,
      headers: { 'content-length': '7' },
      body: 'instead',
    });
    t.ok(own.isDiscarded);
    t.same(call.substitution, {
      source: 'static',
      reason: '',
      cause: `catalog responded ${status}`,
    });
    t.same(events, [{ type: 'fallback-used', source: 'static' }]);
  }
});

t.test('takes the place of failures of our own, and of no refusal', async (t) => {
  const replaced = [
    'circuit-open',
    'bulkhead-full',
    'bulkhead-timeout',
    'shutting-down',
    'deadline-expired',
    'timeout-total',
    'timeout-attempt',
    'timeout-connect',
    'timeout-write',
    'connect-failed',
    'upstream-reset',
    'upstream-protocol-error',
  ] as const;
  for (const reason of replaced) {
    const { next, start } = build([fixed]);
    const { call, reply } = start();
    next.last.fail(new CallError(reasons[reason], 'Cannot'));
    t.equal((await reply).status, 200, reason);
    t.same(call.substitution, { source: 'static', reason, cause: 'Cannot' });
  }
  for (const error of [
    new CallError(reasons['invalid-deadline'], 'Cannot'),
    new CallError('request-too-large', 'Cannot'),
    clientGone(),
  ]) {
    const { next, start, events } = build([fixed]);
    const { failure } = start();
    next.last.fail(error);
    t.equal(await failure, error);
    t.same(events, []);
  }
});

t.test('asks the sources in their order until one has a response', async (t) => {
  const { next, backup, start, asked } = build([cache, other, { upstream: 'c' }, fixed]);
  const { call, reply } = start();
  next.last.fail(refused);
  await settle();
  t.same(asked, ['b']);
  const failed = backup.last.respond({ status: 503 });
  await settle();
  t.ok(failed.isDiscarded);
  t.same(asked, ['b', 'c']);
  const good = backup.last.respond({ status: 404 });
  t.equal(await reply, good);
  t.equal(call.substitution?.source, 'upstream:c');
});

t.test('leaves the outcome as it was when every source fails', async (t) => {
  t.test('a response, unread', async (t) => {
    const { next, backup, start, events } = build([cache, other]);
    const { call, reply } = start();
    const own = next.last.respond({ status: 503 });
    await settle();
    t.notOk(own.isDiscarded, 'not before another one is there');
    backup.last.fail(new CallError(reasons['circuit-open'], 'Cannot'));
    t.equal(await reply, own);
    t.notOk(own.isDiscarded);
    t.equal(call.substitution, undefined);
    t.same(events, []);
  });
  t.test('an error', async (t) => {
    const { next, backup, start } = build([other]);
    const { failure } = start();
    next.last.fail(refused);
    await settle();
    backup.last.fail(new CallError(reasons['circuit-open'], 'Cannot'));
    t.equal(await failure, refused);
  });
});

t.test('another upstream', async (t) => {
  t.test('is skipped when the body is gone', async (t) => {
    const { next, backup, start } = build([other]);
    const { failure } = start({ method: 'POST', body: fakeBody('', { isReplayable: false }) });
    next.last.fail(refused);
    t.equal(await failure, refused);
    t.equal(backup.runs.length, 0);
  });

  t.test('gets a body that can be repeated', async (t) => {
    const { next, backup, start } = build([other]);
    const { reply } = start({ method: 'POST', body: fakeBody('', { isReplayable: true }) });
    next.last.fail(refused);
    await settle();
    const good = backup.last.respond();
    t.equal(await reply, good);
  });

  t.test('is skipped when no time is left', async (t) => {
    const { clock, next, backup, start } = build([other, fixed]);
    const call = fakeCall();
    call.deadline = endsAt(1000);
    const { reply } = start({}, call);
    await clock.advance(950);
    next.last.fail(refused);
    t.equal((await reply).status, 200);
    t.equal(backup.runs.length, 0);
    t.equal(call.substitution?.source, 'static');
  });

  t.test('is skipped for a call that is over', async (t) => {
    const { next, backup, start } = build([other, fixed]);
    const { call, reply } = start();
    const late = new CallError('timeout-total', 'Cannot');
    call.cancel(late);
    next.last.fail(late);
    t.equal((await reply).status, 200);
    t.equal(backup.runs.length, 0);
  });

  t.test('has what is left of the deadline, up to the last byte', async (t) => {
    const { clock, next, backup, start } = build([other]);
    const call = fakeCall();
    call.deadline = endsAt(1000);
    const { reply } = start({}, call);
    await clock.advance(400);
    next.last.fail(refused);
    await settle();
    const good = backup.last.respond();
    await reply;
    await clock.advance(599);
    t.equal(call.cancelled, undefined);
    await clock.advance(1);
    t.match(call.cancelled, { reason: 'timeout-total' });
    good.finish();
    t.equal(clock.pending, 0);
  });

  t.test('may stream on past timeout.total', async (t) => {
    const { clock, next, backup, start } = build([other]);
    const call = fakeCall();
    call.deadline = endsAt(1000);
    const { reply } = start({}, call);
    next.last.fail(refused);
    await settle();
    backup.last.respond({ headers: ['Content-Type', 'text/event-stream'] });
    await reply;
    await clock.advance(5000);
    t.equal(call.cancelled, undefined);
    t.equal(clock.pending, 0);
  });

  t.test('leaves no timer behind when it fails', async (t) => {
    const { clock, next, backup, start } = build([other]);
    const call = fakeCall();
    call.deadline = endsAt(1000);
    const { failure } = start({}, call);
    next.last.fail(refused);
    await settle();
    backup.last.respond({ status: 502 });
    t.equal(await failure, refused);
    t.equal(clock.pending, 0);
  });
});

t.test('sends no response to a client that has left', async (t) => {
  const { next, backup, start, events } = build([other, fixed]);
  const { call, failure } = start();
  const own = next.last.respond({ status: 503 });
  await settle();
  const gone = clientGone();
  call.cancel(gone);
  backup.last.fail(gone);
  t.equal(await failure, gone);
  t.ok(own.isDiscarded);
  t.same(events, []);
});

t.test('the static response', async (t) => {
  t.test('is as written', async (t) => {
    const headers = { 'Content-Type': 'text/plain', 'Retry-After': 30 };
    t.same(await responseTo({ static: { status: 503, headers, body: 'höher' } }), {
      status: 503,
      headers: { 'content-type': 'text/plain', 'retry-after': '30', 'content-length': '6' },
      body: 'höher',
    });
  });
  t.test('has the bytes of a file', async (t) => {
    const body = Buffer.from([0xff, 0x00]);
    const response = await responseTo({ static: { status: 200, body, bodyFile: 'x' } });
    t.equal(response.headers['content-length'], '2');
  });
  t.test('has no body for HEAD, and none where there is none', async (t) => {
    const head = await responseTo(fixed, { method: 'HEAD' });
    t.same([head.headers['content-length'], head.body], ['7', '']);
    const none = await responseTo({ static: { status: 204, body: 'x' } });
    t.same([none.headers['content-length'], none.body], [undefined, '']);
  });
});

t.test('the cache', async (t) => {
  const get = { path: '/items?page=1' };

  t.test('gives the last good response, with its age', async (t) => {
    const { clock, live, down } = build([cache]);
    await live(get, { headers: ['X-Own', 'a', 'Age', '5', 'Connection', 'close'], body: 'first' });
    await live(get, { headers: ['X-Own', 'b', 'Age', '5', 'Connection', 'close'], body: 'second' });
    await clock.advance(10_999);
    t.match(await down(get), {
      status: 200,
      body: 'second',
      headers: {
        'x-own': 'b',
        age: '15',
        'cache-status': 'breakwater; hit; detail=stale-if-error',
        'content-length': '6',
      },
    });
  });

  t.test('gives nothing that is older than ttl', async (t) => {
    const { clock, live, down } = build([{ cache: { ttl: 1000 } }]);
    await live(get, { body: 'good' });
    await clock.advance(999);
    t.equal((await down(get))?.body, 'good');
    await clock.advance(2);
    t.equal(await down(get), undefined);
  });

  t.test('may be asked twice with different patience', async (t) => {
    const { clock, live, down, backup } = build([
      { cache: { ttl: 1000 } },
      other,
      { cache: { ttl: HOUR_MS } },
    ]);
    await live(get, { body: 'good' });
    await clock.advance(2000);
    const response = down(get);
    await settle();
    backup.last.fail(refused);
    t.equal((await response)?.body, 'good');
  });

  t.test('knows no other URL', async (t) => {
    const { live, down } = build([cache]);
    await live(get, { body: 'good' });
    t.equal(await down({ path: '/items?page=2' }), undefined);
    t.equal(await down({ ...get, host: 'elsewhere' }), undefined);
    t.equal(await down({ ...get, headers: ['X-Forwarded-Host', 'elsewhere'] }), undefined);
    t.ok(await down({ ...get, headers: ['Host', 'localhost:8121'] }), 'a Host that is not sent on');
    t.equal(await down({ ...get, method: 'POST' }), undefined);
    t.equal(await down({ ...get, body: fakeBody('', { isReplayable: true }) }), undefined);
  });

  t.test('never gives one caller the response to another', async (t) => {
    const { live, down } = build([cache]);
    const callers: readonly Fields[] = [
      [],
      ['Authorization', 'alice'],
      ['authorization', 'bob'],
      ['Cookie', 'alice'],
      ['Cookie', 'a', 'Cookie', 'b'],
      ['Cookie', 'a, b'],
      ['Authorization', 'alice', 'Cookie', 'alice'],
      ['X-Tenant', 'alice'],
      ['X-Tenant', ''],
    ];
    for (const [i, headers] of callers.entries()) {
      await live({ ...get, headers }, { headers: ['Vary', 'X-Tenant'], body: `for ${i}` });
    }
    for (const [i, headers] of callers.entries()) {
      t.equal((await down({ ...get, headers }))?.body, `for ${i}`);
    }
    for (const headers of [
      ['Authorization', 'carol'],
      ['Cookie', 'bob'],
      ['X-Tenant', 'bob'],
      ['X-Tenant', 'alice', 'X-Tenant', 'alice'],
      ['Authorization', 'alice', 'X-Tenant', 'alice'],
    ]) {
      t.equal(await down({ ...get, headers }), undefined, headers.join(' '));
    }
  });

  t.test('follows Vary when it changes', async (t) => {
    const { live, down } = build([cache]);
    await live(askFor('json', 'a'), { headers: ['Vary', 'Accept'], body: '1' });
    t.equal((await down(askFor('json', 'b')))?.body, '1');
    await live(askFor('json', 'a'), { headers: ['Vary', 'x-tenant, Accept'], body: '2' });
    t.equal(await down(askFor('json', 'b')), undefined);
    t.equal((await down(askFor('json', 'a')))?.body, '2');
  });

  t.test('does not put what callers sent into the store in plain text', async (t) => {
    const { store, live } = build([cache], { hash: () => 'digest' });
    await live(
      { ...get, headers: ['Authorization', 'secret-a', 'Cookie', 'secret-b', 'X-Key', 'secret-c'] },
      { headers: ['Vary', 'X-Key'], body: 'good' },
    );
    t.equal(store.keys().length, 2);
    for (const key of store.keys()) {
      t.notMatch(key + String(await store.cache.get(key)), /secret/);
    }
  });

  t.test('does not keep', async (t) => {
    const carol = { headers: ['Authorization', 'carol'] };
    t.ok(await keeps({}, []));
    t.notOk(await keeps({}, [], 201), 'other statuses');
    t.notOk(await keeps({}, [], 206));
    t.notOk(await keeps({ method: 'POST' }, []), 'responses to other methods');
    t.notOk(await keeps({ body: fakeBody('', { isReplayable: true }) }, []), 'responses to a body');
    t.notOk(await keeps({ headers: ['Range', 'bytes=0-1'] }, []), 'responses to a range');
    t.notOk(await keeps({ headers: ['Upgrade', 'websocket'] }, []), 'refused upgrades');
    t.notOk(await keeps({ headers: ['Cache-Control', 'No-Store'] }, []), 'on a no-store request');
    t.notOk(await keeps(carol, ['cache-control', 'max-age=1, no-store']), 'no-store');
    t.notOk(await keeps({}, ['Cache-Control', 'private']), 'private responses to unknown callers');
    t.ok(await keeps(carol, ['Cache-Control', 'private']));
    t.ok(await keeps({}, ['Cache-Control', 'no-cache, must-revalidate, max-age=0']));
    t.notOk(await keeps(carol, ['Set-Cookie', 'a=b']), 'the start of a session');
    t.notOk(await keeps({}, ['Vary', '*']), 'what varies by anything');
    t.notOk(await keeps({}, ['Vary', 'Accept', 'vary', 'X-Forwarded-For']), 'or by our own fields');
    t.notOk(await keeps({}, ['X-Breakwater-Fallback', 'static']), 'substitutes of the next hop');
    t.notOk(await keeps({}, ['Content-Type', 'text/event-stream']), 'streams');
    t.ok(await keeps({}, [], 200, 'x'.repeat(1024 * 1024)));
    t.notOk(await keeps({}, [], 200, 'x'.repeat(1024 * 1024 + 1)), 'large responses');
    t.notOk(await keeps({}, ['Content-Length', '1048577']), 'responses announced as large');
  });

  t.test('does not keep a response that broke off or was not read', async (t) => {
    const { next, store, start } = build([cache]);
    const broken = start();
    const own = next.last.respond();
    const ended = read(await broken.reply);
    own.sink!.onData(Buffer.from('a part'));
    own.finish(new CallError('upstream-reset', 'Cannot'));
    await t.rejects(ended);
    const unread = start();
    next.last.respond();
    (await unread.reply).discard();
    await settle();
    t.equal(store.keys().length, 0);
  });

  t.test('keeps no response of other sources', async (t) => {
    const { next, backup, store, start } = build([cache, other]);
    const { reply } = start();
    next.last.fail(refused);
    await settle();
    backup.last.respond({ isComplete: true });
    await read(await reply);
    await settle();
    t.equal(store.keys().length, 0);
  });

  t.test('is given nothing that the upstream has taken back since', async (t) => {
    for (const status of [401, 403, 404, 410]) {
      for (const method of ['GET', 'HEAD']) {
        const { clock, live, down } = build([cache]);
        await live(get, { body: 'old' });
        await clock.advance(10);
        await live({ ...get, method, startedAtMs: clock.now() }, { status });
        t.equal(await down(get), undefined, `${method} ${status}`);
        await clock.advance(10);
        await live({ ...get, startedAtMs: clock.now() }, { body: 'back' });
        t.equal((await down(get))?.body, 'back');
      }
    }
    for (const status of [204, 301, 400, 408, 416, 429, 501]) {
      const { clock, live, down } = build([cache]);
      await live(get, { body: 'old' });
      await clock.advance(10);
      await live({ ...get, startedAtMs: clock.now() }, { status });
      t.equal((await down(get))?.body, 'old', String(status));
    }
  });

  t.test('what is taken back from one caller stays for the others', async (t) => {
    const { clock, live, down } = build([cache]);
    const by = (name: string, tenant = 'a') => ({
      ...get,
      headers: ['Authorization', name, 'X-Tenant', tenant],
      startedAtMs: clock.now(),
    });
    const varying = { headers: ['Vary', 'X-Tenant'], body: 'old' };
    for (const call of [by('alice'), by('bob'), by('bob', 'b')]) await live(call, varying);
    await clock.advance(10);
    await live(by('bob'), { status: 403 });
    t.equal((await down(by('alice')))?.body, 'old');
    t.equal(await down(by('bob')), undefined);
    t.equal((await down(by('bob', 'b')))?.body, 'old');
  });

  t.test('is given nothing of a URL that was written to since, by any caller', async (t) => {
    const writer = ['Authorization', 'writer'];
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'X-UNKNOWN']) {
      for (const status of [200, 201, 204, 303]) {
        const { clock, live, down } = build([cache]);
        for (const name of ['alice', 'bob']) {
          await live({ ...get, headers: ['Authorization', name] }, { body: 'old' });
        }
        await live({ path: '/other' }, { body: 'other' });
        await clock.advance(10);
        const body = fakeBody('x');
        await live({ ...get, method, headers: writer, body, startedAtMs: 5 }, { status });
        for (const name of ['alice', 'bob']) {
          t.equal(await down({ ...get, headers: ['Authorization', name] }), undefined);
        }
        t.equal((await down({ path: '/other' }))?.body, 'other');
      }
    }
    for (const [method, status] of [
      ['DELETE', 404],
      ['PUT', 412],
      ['OPTIONS', 200],
      ['PROPFIND', 207],
    ] as const) {
      const { clock, live, down } = build([cache]);
      await live(get, { body: 'old' });
      await clock.advance(10);
      await live({ ...get, method, startedAtMs: 5 }, { status });
      t.equal((await down(get))?.body, 'old', `${method} ${status}`);
    }
  });

  t.test('routes that keep nothing pass on the news to those that do', async (t) => {
    for (const entries of ['off', [fixed], [{ cache: { ttl: 1000 } }]] as const) {
      const { clock, context, store, live, down } = build([cache]);
      const reading = { fallback: [cache], retry: 'off' } as const;
      const writing = { fallback: entries, retry: 'off' } as const;
      const own = new FakeStage();
      const scopes = [writing, reading];
      const stage = fallback.create(writing, { ...context, scopes })!.wrap(own);
      await live(get, { body: 'old' });
      await clock.advance(10);
      const reply = stage.run(fakeCall({ ...get, method: 'PUT', startedAtMs: 10 }));
      own.last.respond({ status: 204 });
      t.equal((await reply).status, 204);
      await settle();
      await clock.advance(2000);
      t.equal(await down(get), undefined, 'the news stay for as long as anything is kept');
      if (entries !== 'off') continue;

      const before = store.keys();
      const unkept = stage.run(fakeCall({ path: '/unkept' }));
      const given = own.last.respond({ status: 200 });
      await Promise.all([unkept.then(read), settle().then(() => given.finish())]);
      await settle();
      t.same(store.keys(), before, 'nothing is kept here');
      const failed = stage.run(fakeCall(get));
      own.last.fail(refused);
      await t.rejects(failed, refused);
      const bad = stage.run(fakeCall(get));
      own.last.respond({ status: 503 });
      t.equal((await bad).status, 503, 'and failures stay failures');
    }
  });

  t.test(
    'a response that was asked for before the news is out of date when it comes',
    async (t) => {
      for (const news of [{ method: 'DELETE' }, { method: 'GET' }]) {
        const { clock, next, live, down, start } = build([cache]);
        await live(get, { body: 'old' });
        const slow = start({ ...get, startedAtMs: 5 });
        const run = next.last;
        await clock.advance(10);
        const status = news.method === 'GET' ? 404 : 204;
        await live({ ...get, ...news, startedAtMs: clock.now() }, { status });
        await clock.advance(10);
        const own = run.respond();
        const ended = read(await slow.reply);
        own.sink!.onData(Buffer.from('old as well'));
        own.finish();
        await ended;
        await settle();
        t.equal(await down(get), undefined);
      }
    },
  );

  t.test('a newer response that must not be kept takes the old one away', async (t) => {
    for (const [headers, isGone] of [
      [['Cache-Control', 'no-store'], true],
      [['Cache-Control', 'private'], true],
      [['Set-Cookie', 'a=b'], false],
      [['Cache-Control', 'no-store', 'X-Breakwater-Fallback', 'static'], false],
    ] as const) {
      const { clock, live, down } = build([cache]);
      await live(get, { body: 'old' });
      await clock.advance(10);
      await live({ ...get, startedAtMs: clock.now() }, { headers, body: 'new secret' });
      t.equal((await down(get))?.body, isGone ? undefined : 'old', headers.join(': '));
    }
  });

  t.test('a 404 for what was never kept costs no memory', async (t) => {
    const { store, live } = build([cache]);
    await live(get, { status: 404 });
    t.same(store.keys(), []);
  });

  t.test('a 304 makes what is kept fresh again', async (t) => {
    const own = ['ETag', 'W/"1"', 'X-Limit', '1', 'Content-Type', 'text/plain', 'Age', '50'];
    const later = ['ETag', '"1"', 'x-limit', '2', 'Content-Type', 'no/matter', 'Age', '3'];
    const asks = { ...get, headers: ['If-None-Match', '"1"'] };
    const { clock, live, down } = build([{ cache: { ttl: 1000 } }]);
    await live(get, { headers: own, body: 'good' });
    await clock.advance(900);
    await live({ ...asks, startedAtMs: 900 }, { status: 304, headers: later });
    await clock.advance(900);
    t.match(await down(get), {
      body: 'good',
      headers: { 'x-limit': '2', 'content-type': 'text/plain', age: '3', etag: '"1"' },
    });
    await clock.advance(101);
    t.equal(await down(get), undefined);
  });

  t.test('what only the 304 is about, or its client, is not kept', async (t) => {
    const asks = { ...get, headers: ['If-None-Match', '"1"'] };
    const own = ['ETag', '"1"', 'Vary', 'Accept'];
    const passing = [
      'Content-Length',
      'Content-Encoding',
      'Content-Range',
      'Set-Cookie',
      'Keep-Alive',
    ];
    const { live, down } = build([{ cache: { ttl: 1000 } }]);
    await live(get, { headers: own, body: 'good' });
    const headers = [...own, ...passing.flatMap((name) => [name, 'later'])];
    await live(asks, { status: 304, headers });
    const { headers: kept } = (await down(get))!;
    for (const name of passing) t.not(kept[name.toLowerCase()], 'later', name);
  });

  t.test('a 304 that means another response changes nothing', async (t) => {
    for (const [own, condition, later, isFresh] of [
      [['ETag', '"1"'], ['If-None-Match', '"2"'], ['ETag', '"2"'], false],
      [['ETag', '"1"'], ['If-None-Match', '"2"'], [], false],
      [['ETag', '"1"'], ['If-None-Match', '"2", "1"'], [], true],
      [['ETag', '"1"'], [], [], false],
      [[], ['If-None-Match', '"2"'], ['ETag', '"2"'], false],
    ] as const) {
      const { clock, live, down } = build([{ cache: { ttl: 1000 } }]);
      await live(get, { headers: own, body: 'good' });
      await clock.advance(900);
      const asks = { ...get, headers: condition, startedAtMs: 900 };
      await live(asks, { status: 304, headers: later });
      await clock.advance(900);
      t.equal((await down(get))?.body, isFresh ? 'good' : undefined);
    }
  });

  t.test('a 304 does not bring back what is out of date', async (t) => {
    const { clock, live, down } = build([cache]);
    await live(get, { headers: ['ETag', '"1"'], body: 'old' });
    await clock.advance(10);
    await live({ ...get, method: 'PUT', startedAtMs: 10 }, { status: 204 });
    await clock.advance(10);
    const asks = { ...get, headers: ['If-None-Match', '"1"'], startedAtMs: 20 };
    await live(asks, { status: 304, headers: ['ETag', '"1"'] });
    t.equal(await down(get), undefined);
  });

  t.test('a clock that is set changes no age', async (t) => {
    const { clock, live, down } = build([{ cache: { ttl: HOUR_MS } }]);
    await live(get, { body: 'good' });
    await clock.advance(5000);
    for (const wallMs of [0, FAKE_WALL_START_MS + 9 * HOUR_MS]) {
      clock.wallNow = () => wallMs;
      t.match(await down(get), { body: 'good', headers: { age: '5' } });
    }
  });

  t.test('hands each chunk on at once, and takes the pace from the client', async (t) => {
    const { next, start } = build([cache]);
    const { reply } = start();
    const own = next.last.respond();
    const seen: string[] = [];
    (await reply).attach({
      onData: (chunk) => {
        seen.push(String(chunk));
        return seen.length < 2;
      },
      onEnd: () => {},
      onError: () => {},
    });
    t.equal(own.sink!.onData(Buffer.from('a')), true);
    t.same(seen, ['a']);
    t.equal(own.sink!.onData(Buffer.from('b')), false);
  });

  t.test('serves HEAD from the response to a GET, and GET from no HEAD', async (t) => {
    const { live, down } = build([cache]);
    const head = { ...get, method: 'HEAD' };
    await live(head, { headers: ['Content-Length', '99', 'ETag', '"h"'] });
    t.match(await down(head), { body: '', headers: { etag: '"h"', 'content-length': '99' } });
    t.equal(await down(get), undefined);
    await live(get, { headers: ['ETag', '"g"'], body: 'good' });
    t.match(await down(head), { body: '', headers: { etag: '"g"', 'content-length': '4' } });
  });

  t.test('responds to conditional requests', async (t) => {
    const { live, down } = build([cache]);
    const modified = 'Wed, 01 Jan 2025 00:00:00 GMT';
    const later = 'Thu, 02 Jan 2025 00:00:00 GMT';
    const earlier = 'Tue, 31 Dec 2024 00:00:00 GMT';
    const own = [
      'ETag',
      '"a,b"',
      'Last-Modified',
      modified,
      'Content-Type',
      'x/y',
      'Vary',
      'Accept',
    ];
    await live(get, { headers: own, body: 'good' });
    const statusFor = async (...headers: string[]) => (await down({ ...get, headers }))?.status;
    t.equal(await statusFor('If-None-Match', '"x", W/"a,b"'), 304);
    t.equal(await statusFor('If-None-Match', '*'), 304);
    t.equal(await statusFor('If-None-Match', '"a", "b"'), 200);
    t.equal(await statusFor('If-None-Match', '"x"', 'If-Modified-Since', later), 200);
    t.equal(await statusFor('If-Modified-Since', modified), 304);
    t.equal(await statusFor('If-Modified-Since', later), 304);
    t.equal(await statusFor('If-Modified-Since', earlier), 200);
    t.equal(await statusFor('If-Modified-Since', 'yesterday'), 200);
    t.equal(await statusFor('If-Match', '"a,b"'), undefined, 'for the origin to judge');
    t.equal(await statusFor('If-Unmodified-Since', later), undefined);
    t.equal(await statusFor('Range', 'bytes=0-1'), 200, 'a range may be ignored');
    t.same(await down({ ...get, headers: ['If-None-Match', '*'] }), {
      status: 304,
      body: '',
      headers: {
        etag: '"a,b"',
        'last-modified': modified,
        vary: 'Accept',
        age: '0',
        'cache-status': 'breakwater; hit; detail=stale-if-error',
      },
    });
  });

  t.test('is not affected when the store fails', async (t) => {
    const { store, live, down } = build([cache, fixed]);
    store.failure = new Error('the store is away');
    await live(get, { body: 'good' });
    t.equal((await down(get))?.body, 'instead');
    store.failure = undefined;
    await live(get, { body: 'good' });
    for (const key of store.keys()) store.put(key, Buffer.from('\u0011junk'), HOUR_MS);
    t.equal((await down(get))?.body, 'instead', 'what cannot be read is not there');
  });

  t.test('waits for a slow store for 50 ms, or what is left of the deadline', async (t) => {
    for (const [deadlineMs, limitMs] of [
      [undefined, 50],
      [1000, 50],
      [30, 30],
      [0, 10],
    ] as const) {
      const { clock, store, next, start } = build([cache, fixed]);
      store.isHanging = true;
      const call = fakeCall();
      if (deadlineMs !== undefined) call.deadline = endsAt(deadlineMs);
      const { reply } = start({}, call);
      next.last.fail(refused);
      let isOver = false;
      void reply.then(() => (isOver = true));
      await clock.advance(limitMs - 1);
      t.notOk(isOver);
      await clock.advance(1);
      t.ok(isOver, `after ${limitMs} ms`);
      t.equal(clock.pending, 0);
    }
  });

  t.test('does not come back to a call when the store responds too late', async (t) => {
    const { clock, store, next, backup, start } = build([cache, other]);
    store.isHanging = true;
    const { call, failure } = start();
    next.last.fail(refused);
    await clock.advance(50);
    t.equal(backup.runs.length, 1);
    let woken: unknown;
    call.onCancel((error) => {
      woken = error;
      backup.last.fail(error);
    });
    store.release();
    await settle();
    const gone = clientGone();
    call.cancel(gone);
    t.equal(woken, gone, 'a call that waits by then is still woken');
    t.equal(await failure, gone);
  });

  t.test('still responds to a call that its deadline has ended', async (t) => {
    const { clock, next, live, start } = build([cache]);
    await live(get, { body: 'good' });
    const call = fakeCall(get);
    call.deadline = endsAt(100);
    const { reply } = start({}, call);
    await clock.advance(100);
    const late = new CallError('timeout-total', 'Cannot');
    call.cancel(late);
    next.last.fail(late);
    t.equal((await read(await reply)).body, 'good');
  });

  t.test('stops waiting for the store when the client leaves', async (t) => {
    const { clock, store, next, start } = build([cache, fixed]);
    store.isHanging = true;
    const { call, failure } = start();
    const own = next.last.respond({ status: 503 });
    await settle();
    const gone = clientGone();
    call.cancel(gone);
    t.equal(await failure, gone);
    t.ok(own.isDiscarded);
    t.equal(clock.pending, 0);
  });
});

t.test('refuses what the next stage refuses', async (t) => {
  const context = fakeContext(new FakeClock());
  const next = new FakeStage();
  next.refuses = refused;
  const stage = fallback.create({ fallback: [fixed], retry: 'off' }, context)!.wrap(next);
  t.equal(stage.refusal(fakeCall()), refused);
});
