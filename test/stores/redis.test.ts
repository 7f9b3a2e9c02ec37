import t, { type Test } from 'tap';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { createRedisStore } from '../../src/stores/redis.js';
import { checkStore } from '../support/check-store.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { eventually, findFreePort } from '../support/sidecar.js';

const value = Buffer.from('value');

const sleep = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

const succeeds = (operation: Promise<unknown>): Promise<boolean> =>
  operation.then(
    () => true,
    () => false,
  );

/** How long `operation` took, whatever became of it. */
async function timed(operation: () => Promise<unknown>) {
  const startMs = performance.now();
  const isDone = await succeeds(operation());
  return { isDone, tookMs: performance.now() - startMs };
}
async function openStore(t: Test, url: string) {
  /** Why it was lost, or undefined where it came back. */
  const changes: (string | undefined)[] = [];
  const store = createRedisStore({
    url,
    clock: createSystemClock(),
    onChange: (why) => changes.push(why),
  });
  t.teardown(() => store.close());
  await store.open();
  const works = () => succeeds(store.set('probe', value, 1000));
  return { store, changes, works, timed };
}

const onServer = { skip: withoutRedis };

t.test('is a store', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, changes } = await openStore(t, redis.url);
  await checkStore(t, store, sleep);
  t.same(changes, [undefined]);
  t.match(await redis.command('KEYS', '*'), 'breakwater:1:a', 'keys have a version');
});

t.test('signs in, and takes a database', onServer, async (t) => {
  const redis = await startRedis(t, '--requirepass', 's3cret');
  const { store } = await openStore(t, `redis://:s3cret@127.0.0.1:${redis.port}/3`);
  await store.set('a', value, 1000);
  t.same(await store.get('a'), value);
  const stranger = await openStore(t, `redis://:guess@127.0.0.1:${redis.port}`);
  await t.rejects(stranger.store.get('a'));
  t.notMatch(stranger.changes.join(' '), 'guess');
});

t.test('comes back by itself after a crash, with its scripts', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, changes, works, timed } = await openStore(t, redis.url);
  await store.set('a', value, 10_000);
  t.equal(await store.replace('a', value, value, 10_000), true);
  await redis.kill();
  for (let i = 0; i < 10; i++) {
    const { isDone, tookMs } = await timed(() => store.get('a'));
    t.notOk(isDone);
    t.ok(tookMs < 50, `${tookMs} ms`);
  }
  await redis.start();
  await eventually('the store works', works);
  t.equal(await store.get('a'), undefined, 'the server had kept nothing');
  await store.set('a', value, 1000);
  t.equal(await store.replace('a', value, value, 1000), true, 'the script is there again');
  t.equal(changes.length, 3);
  t.same([changes[0], changes[2]], [undefined, undefined]);
  t.type(changes[1], 'string');
});

t.test('a server that hangs costs one timeout, and none while it is known', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, changes, works, timed } = await openStore(t, redis.url);
  redis.hang();
  const noticing = await timed(() => store.get('a'));
  const others = [
    await timed(() => store.get('a')),
    await timed(() => store.set('a', value, 1000)),
  ];
  t.notOk(noticing.isDone);
  t.ok(noticing.tookMs < 100, `${noticing.tookMs} ms`);
  for (const { isDone, tookMs } of others) {
    t.notOk(isDone);
    t.ok(tookMs < 30, `${tookMs} ms`);
  }
  redis.goOn();
  await eventually('the store works', works);
  t.same(changes, [undefined, 'it did not answer within 40 ms', undefined]);
});

t.test('a server that is full is said to be once, and can be read', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, changes, works } = await openStore(t, redis.url);
  await store.set('a', value, 60_000);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  for (let i = 0; i < 5; i++) {
    await t.rejects(store.setIfAbsent('b', value, 1000));
    t.same(await store.get('a'), value);
    await store.deleteIf('nothing', value);
  }
  t.equal(changes.length, 2);
  t.match(changes[1], /OOM/);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  t.ok(await works());
  t.equal(changes.length, 3);
});

t.test('away at the start: opens all the same, and finds the server later', onServer, async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const { store, changes, works, timed } = await openStore(t, redis.url);
  t.equal((await timed(() => store.get('a'))).isDone, false);
  t.match(changes, [/ECONNREFUSED/]);
  await redis.start();
  await eventually('the store works', works);
  t.equal(changes.length, 2);
});

t.test('an address without a server: no error is unheard', async (t) => {
  const port = await findFreePort();
  for (const url of [`redis://127.0.0.1:${port}`, `rediss://127.0.0.1:${port}`]) {
    const { store, timed } = await openStore(t, url);
    t.equal((await timed(() => store.get('a'))).isDone, false);
    await store.close();
    t.equal((await timed(() => store.get('a'))).isDone, false);
  }
});
