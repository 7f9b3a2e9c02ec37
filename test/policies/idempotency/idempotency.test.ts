import t from 'tap';
import type { CallInit } from '../../../src/core/call.js';
import { CallError, type CallFailure } from '../../../src/core/errors.js';
import { encodeKept, keptKinds } from '../../../src/core/kept-response.js';
import { reasons } from '../../../src/policies/index.js';
import type { Fields } from '../../../src/http/fields.js';
import type { Reply } from '../../../src/core/reply.js';
import { LastingStoreError, StoreClosedError } from '../../../src/core/store.js';
import type { IdempotencyDecided } from '../../../src/policies/idempotency/instruments.js';
import { idempotency, type IdempotencySettings } from '../../../src/policies/idempotency/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<IdempotencySettings['idempotency'], 'off'>;

const defaults = settingsOf('idempotency');

/** What the fake context makes of the key `k` of a caller without credentials. */
const keyOfK = 'idempotency:1:#["catalog","","k"]';

interface Received {
  readonly status: number;
  readonly headers: Fields;
  readonly body: string;
  readonly trailers: Fields;
}

/** Reads a response to its end, as a client does. */
async function receive(reply: Promise<Reply>): Promise<Received> {
  const given = await reply;
  const { status, headers } = given;
  const chunks: Buffer[] = [];
  const trailers = await new Promise<Fields>((resolve, reject) => {
    given.attach({
      onData: (chunk) => chunks.push(chunk) > 0,
      onEnd: resolve,
      onError: reject,
    });
  });
  return { status, headers, body: Buffer.concat(chunks).toString(), trailers };
}

function build(
  options: Partial<Options> = {},
  clock = new FakeClock(),
  store = new FakeStore(clock),
) {
  const context = fakeContext(clock, { store });
  const next = new FakeStage();
  const layer = idempotency.create({ idempotency: { ...defaults, ...options } }, context)!;
  const stage = layer.wrap(next);

  /** A POST of `{}` to /pay with the key `k`, unless told otherwise. */
  function start(init: Partial<CallInit> & { key?: string; auth?: string; text?: string } = {}) {
    const { key = 'k', auth, text = '{}', ...rest } = init;
    const headers = ['idempotency-KEY', key];
    if (auth !== undefined) headers.push('Authorization', auth);
    const call = fakeCall({ method: 'POST', path: '/pay', headers, body: fakeBody(text), ...rest });
    const reply = stage.run(call);
    const failure = reply.then(
      () => undefined,
      (error: CallFailure) => error as CallError,
    );
    return { call, reply, failure };
  }

  /** Starts a call and responds to it with 201 `paid`. */
  async function complete(init: Parameters<typeof start>[0] = {}, status = 201) {
    const { reply } = start(init);
    await settle();
    next.last.respond({ status, headers: ['X-Id', '7'], body: 'paid', isComplete: true });
    return receive(reply);
  }

  const results = () => context.events.map((event) => (event as IdempotencyDecided).result);
  return { clock, store, context, next, start, complete, results };
}

t.test('is off until it is written', async (t) => {
  t.equal(idempotency.schema['default'], 'off');
  t.equal(idempotency.create({ idempotency: 'off' }, fakeContext(new FakeClock())), undefined);
});

t.test('a repeat gets the kept response, and the upstream is not called', async (t) => {
  const { complete, start, next, results } = build();
  const first = await complete();
  t.same(first, { status: 201, headers: ['X-Id', '7'], body: 'paid', trailers: [] });
  const second = await receive(start().reply);
  t.same(second, { ...first, headers: ['X-Id', '7', 'Idempotency-Replayed', 'true'] });
  t.equal(next.runs.length, 1);
  t.same(results(), ['stored', 'replayed']);
});

t.test('forgets after ttl', async (t) => {
  const { clock, complete, next, results } = build({ ttl: 1000 });
  await complete();
  await clock.advance(1000);
  await complete();
  t.equal(next.runs.length, 2);
  t.same(results(), ['stored', 'stored']);
});

t.test('a repeat while the first is running is a conflict', async (t) => {
  const { start, next, results } = build();
  start();
  await settle();
  const failure = await start().failure;
  t.match(failure, { reason: 'idempotency-in-progress', status: 409 });
  t.equal(
    failure?.message,
    'Cannot forward POST to catalog because another request with its idempotency key is still running',
  );
  t.equal(next.runs.length, 1);
  t.same(results(), ['conflict']);
});

t.test('two at once: one runs', async (t) => {
  const { start, next } = build();
  const calls = [start(), start(), start()];
  await settle();
  t.equal(next.runs.length, 1);
  next.last.respond({ body: 'paid', isComplete: true });
  const failures = await Promise.all(calls.map(({ failure }) => failure));
  t.same(
    failures.map((failure) => failure?.reason),
    [undefined, 'idempotency-in-progress', 'idempotency-in-progress'],
  );
});

t.test('the same key for another request is a mismatch, running or done', async (t) => {
  for (const other of [{ method: 'PATCH' }, { path: '/refund' }, { text: '{"sum":2}' }]) {
    const { start, next, results } = build();
    const { reply } = start();
    await settle();
    t.match(await start(other).failure, { reason: 'idempotency-mismatch', status: 422 });
    next.last.respond({ body: 'paid', isComplete: true });
    await receive(reply);
    t.match(await start(other).failure, { reason: 'idempotency-mismatch', status: 422 });
    t.equal(next.runs.length, 1);
    t.same(results(), ['mismatch', 'stored', 'mismatch']);
  }
});

t.test('keys belong to an upstream and a caller', async (t) => {
  const clock = new FakeClock();
  const store = new FakeStore(clock);
  const { complete, next } = build({}, clock, store);
  await complete({ auth: 'Bearer a' });
  await complete({ auth: 'Bearer b' });
  await complete();
  t.equal(next.runs.length, 3);
  const other = fakeContext(clock, { store, upstream: 'other' });
  const stage = new FakeStage();
  const layer = idempotency.create({ idempotency: defaults }, other)!;
  void layer.wrap(stage).run(fakeCall({ method: 'POST', headers: ['Idempotency-Key', 'k'] }));
  await settle();
  t.equal(stage.runs.length, 1);
});

t.test('other methods, and requests without a key, go straight through', async (t) => {
  const { start, next, store } = build();
  const seen: string[] = [];
  store.onOperation = (name) => void seen.push(name);
  start({ method: 'PUT' });
  start({ headers: [] });
  start({ key: '' });
  t.equal(next.runs.length, 3, 'without a turn of the event loop');
  t.same(seen, []);
});

t.test('a key that is required and missing is refused', async (t) => {
  const { start, next } = build({ required: true, header: 'X-Payment-Id' });
  const failure = await start().failure;
  t.match(failure, { reason: 'idempotency-key-missing', status: 400 });
  t.match(failure?.message, 'needs the header X-Payment-Id');
  start({ method: 'GET' });
  t.equal(next.runs.length, 1, 'other methods need none');
});

t.test('a failure frees the key', async (t) => {
  const ends: readonly ((next: FakeStage) => void)[] = [
    (next) => next.last.respond({ status: 503, body: 'busy', isComplete: true }),
    (next) => next.last.fail(new CallError(reasons['timeout-attempt'], 'Cannot')),
    (next) => next.last.fail(clientGone()),
    (next) => next.last.respond({ body: 'pa' }).finish(new CallError('upstream-reset', 'Cannot')),
  ];
  for (const end of ends) {
    const { start, complete, next, store } = build();
    const { reply } = start();
    await settle();
    end(next);
    await receive(reply).catch(() => {});
    await settle();
    t.same(store.keys(), []);
    t.equal((await complete()).status, 201);
  }
});

t.test('a 5xx frees the key before its response goes out', async (t) => {
  const { start, next, store } = build();
  const { reply } = start();
  await settle();
  next.last.respond({ status: 500 });
  await reply;
  t.same(store.keys(), []);
});

t.test('what breaks off before it is whole never begins to leave', async (t) => {
  const { start, next } = build();
  const { failure } = start();
  await settle();
  const reply = next.last.respond({ body: 'pa' });
  await settle();
  reply.finish(new CallError('upstream-reset', 'Cannot'));
  t.match(await failure, { reason: 'upstream-reset' });
});

t.test('the response is kept before it goes out', async (t) => {
  const { start, next, store } = build();
  const { reply } = start();
  await settle();
  const given = next.last.respond();
  given.push(Buffer.from('pa'));
  await settle();
  given.push(Buffer.from('id'));
  const operations: string[] = [];
  store.onOperation = (name) => void operations.push(name);
  given.finish();
  const { body } = await receive(reply);
  t.equal(body, 'paid');
  t.same(operations, ['keep']);
});

t.test('a response that is too long passes through, and frees the key at its end', async (t) => {
  const mebibyte = 1024 * 1024;
  const { start, next, store, results } = build();
  const { reply } = start();
  await settle();
  const given = next.last.respond({ body: 'x'.repeat(mebibyte) });
  await settle();
  given.push(Buffer.from('y'));
  const received = receive(reply);
  await settle();
  t.equal(store.keys().length, 1, 'still running');
  given.push(Buffer.from('z'));
  given.finish();
  t.equal((await received).body, `${'x'.repeat(mebibyte)}yz`);
  await settle();
  t.same(store.keys(), []);
  t.same(results(), []);
});

t.test('what says that it is too long, or without an end, is not collected', async (t) => {
  for (const headers of [
    ['Content-Length', '1048577'],
    ['Content-Type', 'text/event-stream'],
  ]) {
    const { start, next, store } = build();
    const { reply } = start();
    await settle();
    const given = next.last.respond({ headers });
    t.equal(await reply, given);
    t.equal(store.keys().length, 1);
    given.finish();
    await settle();
    t.same(store.keys(), []);
  }
});

t.test(
  '"come back later" is no outcome: the key comes free before the response goes out',
  async (t) => {
    for (const status of [408, 425, 429, 500, 502, 503, 504, 511]) {
      const { start, complete, next, store } = build();
      const { reply } = start();
      await settle();
      next.last.respond({ status, body: 'later', isComplete: true });
      t.equal((await reply).status, status);
      t.same(store.keys(), [], String(status));
      await complete();
      t.equal(next.runs.length, 2);
    }
    for (const status of [400, 402, 404, 409, 422]) {
      const { start, complete, next } = build();
      await complete({}, status);
      t.equal((await receive(start().reply)).status, status);
      t.equal(next.runs.length, 1);
    }
  },
);

/** Lets the process of `built` die: its timers never run again, and the clock of the store goes on. */
const orphan = (built: ReturnType<typeof build>) => {
  built.store.onOperation = (name) => {
    if (name === 'renew') throw new Error('the process is dead');
  };
};

t.test('a process that died keeps the key for lockTimeout', async (t) => {
  const built = build({ lockTimeout: 5000 });
  const { clock, start, complete, next } = built;
  orphan(built);
  start();
  await settle();
  await clock.advance(4999);
  t.match(await start().failure, { reason: 'idempotency-in-progress' });
  await clock.advance(1);
  t.equal((await complete()).status, 201);
  t.equal(next.runs.length, 2);
});

t.test('a call keeps its key for as long as it runs', async (t) => {
  const { clock, store, start, next } = build({ lockTimeout: 3000 });
  const seen: number[] = [];
  store.onOperation = (name) => void (name === 'renew' && seen.push(clock.now()));
  const { reply } = start();
  await settle();
  await clock.advance(100_000);
  t.same(seen.slice(0, 3), [1000, 2000, 3000], 'every third of lockTimeout');
  t.match(await start().failure, { reason: 'idempotency-in-progress' });
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  t.equal((await receive(start().reply)).body, 'paid');
  t.equal(next.runs.length, 1);
});

t.test('however a call ends, nothing is renewed any more', async (t) => {
  const ends: readonly ((next: FakeStage) => void)[] = [
    (next) => next.last.respond({ body: 'paid', isComplete: true }),
    (next) => next.last.respond({ status: 503, isComplete: true }),
    (next) => next.last.respond({ status: 429, isComplete: true }),
    (next) => next.last.fail(clientGone()),
    (next) => next.last.respond({ headers: ['Content-Type', 'text/event-stream'] }).finish(),
    (next) => next.last.respond({ body: 'pa' }).finish(new CallError('upstream-reset', 'Cannot')),
  ];
  for (const [i, end] of ends.entries()) {
    const { clock, start, next, results } = build({ lockTimeout: 3000 });
    const { failure } = start();
    await settle();
    await clock.advance(1500);
    t.equal(clock.pending, 1);
    end(next);
    await failure;
    await settle();
    t.equal(clock.pending, 0, String(i));
    t.notOk(results().includes('error'));
  }
});

t.test('a renewal that comes back after the end takes no key', async (t) => {
  const { clock, store, start, next } = build({ lockTimeout: 3000 });
  const { reply } = start();
  await settle();
  store.clear();
  store.isHanging = true;
  await clock.advance(1000);
  next.last.respond({ status: 503 });
  await settle();
  store.release();
  await reply;
  await settle();
  t.same(store.keys(), []);
  t.equal(clock.pending, 0);
});

t.test('a lock that the store has lost is set again', async (t) => {
  const { clock, store, start } = build({ lockTimeout: 3000 });
  start();
  await settle();
  store.clear();
  await clock.advance(1000);
  t.match(await start().failure, { reason: 'idempotency-in-progress' });
});

t.test('a call that began without the store is protected once the store is back', async (t) => {
  const { clock, store, start, next, results } = build({ lockTimeout: 3000 });
  store.failure = new Error('away');
  const { reply } = start();
  await settle();
  store.failure = undefined;
  await clock.advance(1000);
  t.match(await start().failure, { reason: 'idempotency-in-progress' });
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  t.equal((await receive(start().reply)).body, 'paid');
  t.same(results(), ['error', 'conflict', 'stored', 'replayed']);
});

/** A call whose lock was lost, and then taken by another one. */
async function overtaken() {
  const built = build({ lockTimeout: 5000 });
  orphan(built);
  const late = built.start();
  await settle();
  const lateRun = built.next.last;
  await built.clock.advance(5000);
  return { ...built, late, lateRun };
}

t.test('a call that has lost its lock changes nothing', async (t) => {
  const { start, complete, late, lateRun, results } = await overtaken();
  await complete({}, 200);
  lateRun.respond({ status: 201, body: 'late', isComplete: true });
  t.equal((await receive(late.reply)).body, 'late');
  const repeat = await receive(start().reply);
  t.same([repeat.status, repeat.body], [200, 'paid']);
  t.same(results(), ['stored', 'replayed']);
});

t.test('a late failure does not free the lock of another', async (t) => {
  const { start, late, lateRun } = await overtaken();
  start();
  await settle();
  lateRun.fail(new CallError('timeout-total', 'Cannot'));
  await late.failure;
  t.match(await start().failure, { reason: 'idempotency-in-progress' });
});

t.test('keeps neither what is of the connection nor what is of the exchange', async (t) => {
  const { start, next } = build();
  const { reply } = start();
  await settle();
  next.last.respond({
    headers: [
      ['Connection', 'X-Hop', 'X-Hop', '1', 'Transfer-Encoding', 'chunked', 'Keep-Alive', '5'],
      ['X-Request-Id', 'r', 'idempotency-replayed', 'false'],
      ['Set-Cookie', 'a=\u00e9', 'Set-Cookie', 'b'],
    ].flat(),
    isComplete: true,
  });
  await receive(reply);
  t.same((await receive(start().reply)).headers, [
    'Set-Cookie',
    'a=\u00e9',
    'Set-Cookie',
    'b',
    'Idempotency-Replayed',
    'true',
  ]);
});

t.test('calls go on without the store', async (t) => {
  const { complete, store, results } = build();
  store.failure = new Error('away');
  t.equal((await complete()).status, 201);
  t.equal((await complete()).status, 201);
  t.same(results(), ['error', 'error']);
  store.failure = undefined;
  await complete();
  t.equal(results().at(-1), 'stored');
});

t.test('a store that could not take the key is waited for once', async (t) => {
  for (const status of [201, 503]) {
    const { clock, start, next, store, results } = build({ lockTimeout: 3000 });
    store.failure = new Error('late');
    const { reply } = start();
    await settle();
    store.failure = undefined;
    store.isHanging = true;
    next.last.respond({ status, body: 'paid', isComplete: true });
    t.equal((await receive(reply)).body, 'paid', `${status} does not wait`);
    store.release();
    await settle();
    t.same(results(), status === 201 ? ['error', 'stored'] : ['error']);
    t.equal(clock.pending, 0);
  }
});

t.test('a store that is lost in the middle costs no response, and is told later', async (t) => {
  const { clock, start, next, store, results } = build({ lockTimeout: 3000 });
  const { reply } = start();
  await settle();
  store.failure = new Error('away');
  next.last.respond({ body: 'paid', isComplete: true });
  t.equal((await receive(reply)).body, 'paid');
  await clock.advance(2000);
  t.same(results(), []);
  store.failure = undefined;
  await clock.advance(1000);
  t.equal((await receive(start().reply)).body, 'paid');
  t.same(results(), ['stored', 'replayed']);
  t.equal(next.runs.length, 1);
  t.equal(clock.pending, 0);
});

t.test('a store that stays away is given up after lockTimeout', async (t) => {
  const { clock, start, next, store, results } = build({ lockTimeout: 3000 });
  const { reply } = start();
  await settle();
  store.failure = new Error('away');
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  await clock.advance(2999);
  t.same(results(), []);
  await clock.advance(1);
  t.same(results(), ['error']);
  t.equal(clock.pending, 0);
});

t.test('a store that was closed is given up at once', async (t) => {
  const { clock, start, next, store, results } = build();
  const { reply } = start();
  await settle();
  store.failure = new StoreClosedError('closed');
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  t.same(results(), ['error']);
  t.equal(clock.pending, 0);
});

t.test('a response that the store can never hold frees the key at once', async (t) => {
  const { clock, start, next, store, results } = build();
  const { reply } = start();
  await settle();
  store.onOperation = (name) => {
    store.failure = name === 'keep' ? new LastingStoreError('too large') : undefined;
  };
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  t.same(results(), ['error']);
  t.same(store.keys(), []);
  t.equal(clock.pending, 0);
});

t.test('what waits for a store is bounded', async (t) => {
  const { clock, start, next, store, results } = build();
  const mebibyte = 'x'.repeat(1024 * 1024);
  const replies: Promise<unknown>[] = [];
  for (let i = 0; i < 17; i++) {
    const { reply } = start({ key: `k${i}` });
    await settle();
    replies.push(receive(reply));
  }
  store.failure = new Error('away');
  for (const run of next.runs) run.respond({ body: mebibyte, isComplete: true });
  await Promise.all(replies);
  await settle();
  t.same(results(), ['error', 'error'], 'room is for 15 of them, as each has a head as well');
  store.failure = undefined;
  await clock.advance(100);
  t.equal(results().filter((result) => result === 'stored').length, 15);
});

t.test('a repeat waits for the response to the first request', async (t) => {
  const { clock, start, next, results } = build({ wait: 5000 });
  const first = start();
  await settle();
  const second = start();
  await clock.advance(1000);
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(first.reply);
  await clock.advance(250);
  const { body, headers } = await receive(second.reply);
  t.equal(body, 'paid');
  t.ok(headers.includes('Idempotency-Replayed'));
  t.same(results(), ['stored', 'replayed']);
  t.equal(clock.pending, 0);
});

t.test('a repeat that waits takes the place of a first request that failed', async (t) => {
  const { clock, start, next } = build({ wait: 5000 });
  const first = start();
  await settle();
  start();
  await clock.advance(1000);
  next.last.respond({ status: 503, isComplete: true });
  await first.reply;
  await clock.advance(250);
  t.equal(next.runs.length, 2);
});

t.test('a repeat waits no longer than it is told to', async (t) => {
  const { clock, start, next, results } = build({ wait: 5000 });
  start();
  await settle();
  const second = start();
  let isOver = false;
  void second.failure.then(() => (isOver = true));
  await clock.advance(4999);
  t.notOk(isOver);
  await clock.advance(1);
  t.match(await second.failure, { reason: 'idempotency-in-progress', retryAfterMs: 1000 });
  t.equal(next.runs.length, 1);
  t.same(results(), ['conflict']);
});

t.test('a repeat that waits does not run because the store is lost', async (t) => {
  const { clock, start, next, store } = build({ wait: 5000 });
  start();
  await settle();
  const second = start();
  await settle();
  store.failure = new Error('away');
  await clock.advance(5000);
  t.match(await second.failure, { reason: 'idempotency-in-progress' });
  t.equal(next.runs.length, 1);
});

t.test('a client that leaves ends the wait of its repeat', async (t) => {
  const { clock, start, next } = build({ wait: 5000 });
  start();
  await settle();
  const second = start();
  await settle();
  const pending = clock.pending;
  second.call.cancel(clientGone());
  t.match(await second.failure, { status: 499 });
  t.equal(clock.pending, pending - 1);
  t.equal(next.runs.length, 1);
});

t.test('a mismatch is refused without waiting', async (t) => {
  const { start } = build({ wait: 5000 });
  start();
  await settle();
  t.match(await start({ text: 'other' }).failure, { reason: 'idempotency-mismatch' });
});

const from = (tenant: string, auth: string) => ({
  headers: ['Idempotency-Key', 'k', 'x-tenant', tenant, 'Authorization', auth],
});

t.test('who the caller is can be told by another header, or not at all', async (t) => {
  const byTenant = build({ caller: { header: 'X-Tenant' } });
  await byTenant.complete(from('a', 'token 1'));
  await receive(byTenant.start(from('a', 'token 2')).reply);
  await byTenant.complete(from('b', 'token 2'));
  t.same(byTenant.results(), ['stored', 'replayed', 'stored']);
  const global = build({ caller: 'off' });
  await global.complete({ auth: 'Bearer a' });
  await receive(global.start({ auth: 'Bearer b' }).reply);
  t.same(global.results(), ['stored', 'replayed']);
});

t.test('a claim that arrived although its response was lost still gets its record', async (t) => {
  const { start, next, store, results } = build();
  // The lock is set, and then the response is lost.
  store.onOperation = (name) => {
    if (name !== 'claim') return;
    const head = { fingerprint: '#["POST","/pay","#{}"]', token: 'token-1' };
    store.put(keyOfK, encodeKept(keptKinds.lock, head), 60_000);
    throw new Error('too slow');
  };
  const { reply } = start();
  await settle();
  store.onOperation = undefined;
  next.last.respond({ body: 'paid', isComplete: true });
  await receive(reply);
  t.equal((await receive(start().reply)).body, 'paid');
  t.same(results(), ['error', 'stored', 'replayed']);
});

t.test('what is no entry of ours is trouble with the store', async (t) => {
  const { complete, store, results } = build();
  await complete();
  store.put(store.keys()[0]!, Buffer.from('junk'), 1000);
  t.equal((await complete()).status, 201);
  t.same(results(), ['stored', 'error']);
});

t.test('failClosed refuses while the store is away', async (t) => {
  const { start, next, store, results } = build({ failClosed: true });
  store.failure = new Error('away');
  const failure = await start().failure;
  t.match(failure, { reason: 'store-unavailable', status: 503, retryAfterMs: 1000 });
  t.equal(next.runs.length, 0);
  t.same(results(), ['error']);
});

t.test('a client that leaves while the store is asked is not served', async (t) => {
  const { start, next, store } = build();
  const { call, failure } = start();
  call.cancel(clientGone());
  t.match(await failure, { status: 499 });
  await settle();
  t.equal(next.runs.length, 0);
  t.same(store.keys(), []);
});

t.test('a client that leaves while its body is read ends the reading', async (t) => {
  const { start, next } = build();
  const { call, failure } = start({
    body: fakeBody('', { readAhead: () => new Promise(() => {}) }),
  });
  await settle();
  call.cancel(clientGone());
  t.match(await failure, { status: 499 });
  t.equal(next.runs.length, 0);
});

t.test(
  'a call outlives its client only if it is told to, and has all of the request',
  async (t) => {
    const half = fakeBody('', {
      readAhead: () => Promise.resolve({ bytes: Buffer.from('{}'), isWhole: false }),
    });
    for (const [finishOnHangUp, body, outlives] of [
      [false, fakeBody(), false],
      [true, fakeBody(), true],
      [true, undefined, true],
      [true, half, false],
    ] as const) {
      const { start } = build({ finishOnHangUp });
      const { call } = start({ body });
      await settle();
      t.equal(call.outlivesClient, outlives);
    }
  },
);

/** A body that goes on after `text`. */
const long = (text: string) =>
  fakeBody('', {
    readAhead: () => Promise.resolve({ bytes: Buffer.from(text), isWhole: false }),
  });

const longRequest = (text: string, length: string) => ({
  body: long(text),
  headers: ['Idempotency-Key', 'k', 'Content-Length', length],
});

t.test('of a long body its beginning and its length are compared', async (t) => {
  const mebibyte = 'x'.repeat(1024 * 1024);
  const { complete, start, results } = build();
  await complete(longRequest(mebibyte, '2000000'));
  await receive(start(longRequest(`${mebibyte}more that happened to come`, '2000000')).reply);
  await start(longRequest(mebibyte, '2000001')).failure;
  await start(longRequest(`y${mebibyte}`, '2000000')).failure;
  t.same(results(), ['stored', 'replayed', 'mismatch', 'mismatch']);
});

t.test('asks further in what a call would be refused with', async (t) => {
  const clock = new FakeClock();
  const next = new FakeStage();
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  const layer = idempotency.create({ idempotency: defaults }, fakeContext(clock))!;
  t.equal(layer.wrap(next).refusal(fakeCall()), next.refuses);
});
