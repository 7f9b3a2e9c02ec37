import t, { type Test } from 'tap';
import { createSystemClock } from '../../src/platform/system-clock.js';
import type { RedisOptions } from '../../src/stores/options.js';
import { createRedisStore } from '../../src/stores/redis.js';
import { checkStore } from '../support/check-store.js';
import { startCluster } from '../support/redis-fleet.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { eventually, NO_PORT } from '../support/sidecar.js';

const onServer = { skip: withoutRedis };
const value = Buffer.from('value');

const optionsFor = (urls: readonly string[]): RedisOptions => ({
  mode: 'cluster',
  urls,
  master: undefined,
  keyPrefix: 'breakwater:',
  username: undefined,
  password: undefined,
  timeout: 500,
});

async function openStore(t: Test, options: RedisOptions) {
  const changes: (string | undefined)[] = [];
  const store = createRedisStore(options, {
    clock: createSystemClock(),
    onChange: (why) => void changes.push(why),
  });
  t.teardown(() => store.close());
  await store.open();
  return { store, ...store, changes };
}

const sleep = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

const succeeds = (operation: Promise<unknown>): Promise<boolean> =>
  operation.then(
    () => true,
    () => false,
  );

t.test('is a store, whatever node has a key', onServer, async (t) => {
  const cluster = await startCluster(t);
  // One node is enough to find the others.
  const { store, changes } = await openStore(t, optionsFor(cluster.urls.slice(0, 1)));
  await checkStore(t, store, sleep);
  const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`);
  for (const key of keys) t.equal(await store.records.claim(key, value, 10_000), undefined);
  for (const key of keys) t.same(await store.records.claim(key, Buffer.from('x'), 1), value);
  const sizes = await Promise.all(cluster.nodes.map((node) => node.command('DBSIZE')));
  t.ok(
    sizes.every((size) => size !== ':0\r\n'),
    'each node has some of the keys',
  );
  t.same(changes, [undefined]);
});

t.test('the counts of one limit lie together', onServer, async (t) => {
  const cluster = await startCluster(t);
  const { store } = await openStore(t, optionsFor(cluster.urls));
  const limit = { perHour: 60, burst: 3 };
  for (const route of ['a/', 'b/', 'c/x', 'd/y']) {
    const meters = ['', ':k1', ':k2'].map((key) => ({
      key: `rate:{${route}}${key}`,
      limit,
      atLeast: 0,
    }));
    t.equal((await store.meters.count(meters, 5000)).isCounted, true, route);
  }
});

t.test('a slot that moves takes its keys along, and no operation fails', onServer, async (t) => {
  const cluster = await startCluster(t);
  const { store, changes } = await openStore(t, optionsFor(cluster.urls));
  const key = 'breakwater:1:a';
  await store.records.claim('a', value, 60_000);
  for (let round = 0; round < 4; round++) {
    const from = await cluster.nodeOf(key);
    await cluster.move(
      key,
      cluster.nodes.find((node) => node !== from)!,
    );
    t.same(await store.records.claim('a', Buffer.from('other'), 60_000), value);
    t.equal(await store.records.renew('a', value, 60_000), true);
  }
  t.same(changes, [undefined]);
});

t.test('a node that is away concerns its own keys only', onServer, async (t) => {
  const cluster = await startCluster(t, '--cluster-require-full-coverage', 'no');
  const { store, changes } = await openStore(t, optionsFor(cluster.urls));
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (const key of keys) await store.cache.set(key, [value], 60_000);
  const lost = await cluster.nodeOf('breakwater:1:a');
  const nodes = await Promise.all(keys.map((key) => cluster.nodeOf(`breakwater:1:${key}`)));
  const others = keys.filter((_, i) => nodes[i] !== lost);
  await lost.kill();
  t.notOk(await succeeds(store.cache.get('a')));
  for (const key of others) t.same(await store.cache.get(key), value, key);
  t.equal(changes.length, 2, 'it is told once');
  await lost.start();
  await eventually('its keys can be used', () => succeeds(store.cache.get('a')), 30_000);
});

t.test('tells what does not fit the mode, with the command and the server', onServer, async (t) => {
  const [cluster, plain] = [await startCluster(t), await startRedis(t)];
  const notCluster = await openStore(t, optionsFor([plain.url]));
  t.match(notCluster.changes, [
    /^CLUSTER SLOTS at 127\.0\.0\.1:\d+: ERR This instance has cluster support disabled; the server is no node of a cluster/,
  ]);
  const away = await openStore(t, optionsFor([`redis://127.0.0.1:${NO_PORT}`]));
  t.match(away.changes, [new RegExp(`CLUSTER SLOTS at 127.0.0.1:${NO_PORT}: .*ECONNREFUSED`)]);
  const [node] = cluster.nodes;
  const single = await openStore(t, { ...optionsFor([node!.url]), mode: 'single' });
  const keys = Array.from({ length: 20 }, (_, i) => `${i}`);
  const errors = await Promise.all(
    keys.map((key) =>
      single.store.cache.get(key).then(
        () => '',
        (error: Error) => error.message,
      ),
    ),
  );
  t.match(
    errors.find((error) => error !== ''),
    /^GET at 127\.0\.0\.1:\d+: MOVED .*; the server is a node of a cluster: write `mode: cluster`/,
  );
});

t.test('a command that the user may not use is named, with its node', onServer, async (t) => {
  const cluster = await startCluster(t);
  for (const node of cluster.nodes) {
    await node.command('ACL', 'SETUSER', 'sidecar', 'on', '>s3cret', '~*', '&*', '+@all', '-eval');
  }
  const options = { ...optionsFor(cluster.urls), username: 'sidecar', password: 's3cret' };
  const { store } = await openStore(t, options);
  await store.records.claim('a', value, 10_000);
  const node = await cluster.nodeOf('breakwater:1:a');
  await t.rejects(
    store.records.renew('a', value, 10_000),
    new RegExp(`^EVAL at 127.0.0.1:${node.port}: NOPERM .*'eval'`),
  );
});
