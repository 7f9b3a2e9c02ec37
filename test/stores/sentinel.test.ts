import t, { type Test } from 'tap';
import { createSystemClock } from '../../src/platform/system-clock.js';
import type { Store } from '../../src/core/store.js';
import type { RedisOptions } from '../../src/stores/options.js';
import { createRedisStore } from '../../src/stores/redis.js';
import { checkStore } from '../support/check-store.js';
import { MASTER, startSentinelFleet } from '../support/redis-fleet.js';
import { withoutRedis } from '../support/redis.js';
import { eventually, NO_PORT } from '../support/sidecar.js';

const onServer = { skip: withoutRedis };
const value = Buffer.from('value');

const optionsFor = (urls: readonly string[]): RedisOptions => ({
  mode: 'sentinel',
  urls,
  master: MASTER,
  keyPrefix: 'breakwater:',
  username: undefined,
  password: undefined,
  timeout: 500,
});

/** In real time: a failover takes a while. */
async function openStore(t: Test, options: RedisOptions) {
  const changes: (string | undefined)[] = [];
  const store = createRedisStore(options, {
    clock: createSystemClock(),
    onChange: (why) => void changes.push(why),
  });
  t.teardown(() => store.close());
  await store.open();
  const works = () =>
    store.cache.set('probe', [value], 1000).then(
      () => true,
      () => false,
    );
  return { store, ...store, changes, works };
}

const sleep = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

t.test('finds the primary by its sentinels, and is a store', onServer, async (t) => {
  const fleet = await startSentinelFleet(t);
  const { store, changes } = await openStore(t, optionsFor(fleet.urls));
  await checkStore(t, store, sleep);
  await t.test('also where it writes only what is safe', async (t) => {
    const { store } = await openStore(t, { ...optionsFor(fleet.urls), keyPrefix: 'safe:' });
    await checkStore(t, { ...store, records: store.safeRecords }, sleep);
  });
  t.same(changes, [undefined]);
});

for (const [what, end] of [
  ['killed', 'kill'],
  ['frozen', 'hang'],
] as const) {
  t.test(
    `a primary that is ${what}: goes on at the next one, without a restart`,
    onServer,
    async (t) => {
      const fleet = await startSentinelFleet(t);
      const { store, changes, works } = await openStore(t, optionsFor(fleet.urls));
      await claimFirst(store);
      const old = await fleet.primary();
      await old[end]();
      const startMs = performance.now();
      const next = await fleet.waitForFailover(old);
      await eventually('the store works', works);
      t.comment(`after ${Math.round(performance.now() - startMs)} ms`);
      t.same(
        await store.records.claim('a', Buffer.from('other'), 1000),
        value,
        'the lock is there',
      );
      await eventually('a lone primary is enough', () =>
        store.safeRecords.claim('b', value, 1000).then(
          () => true,
          () => false,
        ),
      );
      t.match(await next.command('GET', 'breakwater:1:b'), 'value');
      await eventually('it is said to be well', async () => {
        await works();
        return changes.at(-1) === undefined;
      });
      if (end === 'hang') old.goOn();
    },
  );
}

t.test('tells what is wrong with the sentinels, each with its name', onServer, async (t) => {
  const fleet = await startSentinelFleet(t, { sentinels: 1 });
  const [sentinel] = fleet.sentinels;
  const wrongName = await openStore(t, { ...optionsFor(fleet.urls), master: 'mymastr' });
  t.match(wrongName.changes, [
    `SENTINEL GET-MASTER-ADDR-BY-NAME at 127.0.0.1:${sentinel!.port}: no primary is named "mymastr" there; it knows ${MASTER}; change \`stores.master\``,
  ]);
  const [server] = fleet.servers;
  const notSentinel = await openStore(t, optionsFor([server!.url]));
  t.match(notSentinel.changes, [
    new RegExp(
      `^SENTINEL at 127.0.0.1:${server!.port}: ERR unknown command 'SENTINEL'.*; the server is no sentinel: in mode sentinel`,
    ),
  ]);
  const single = await openStore(t, { ...optionsFor(fleet.urls), mode: 'single' });
  await t.rejects(
    single.store.cache.get('a'),
    new RegExp(`^GET at 127.0.0.1:${sentinel!.port}: ERR unknown command.*write .mode: sentinel.`),
  );
  const absent = `redis://127.0.0.1:${NO_PORT}`;
  const away = await openStore(t, optionsFor([absent]));
  t.match(away.changes, [new RegExp(`^127.0.0.1:${NO_PORT}: .*ECONNREFUSED`)]);
  const half = await openStore(t, optionsFor([absent, ...fleet.urls]));
  t.same(half.changes, [undefined], 'one sentinel that responds is enough to find the primary');
});

t.test('signs in at sentinels and servers, each with its own user', onServer, async (t) => {
  const fleet = await startSentinelFleet(t);
  for (const server of fleet.servers) {
    const rules = ['on', '>secret:1', '~shop:*', '&*', '+@all', '-eval'];
    await server.command('ACL', 'SETUSER', 'app', ...rules);
  }
  for (const sentinel of fleet.sentinels) {
    await sentinel.command('ACL', 'SETUSER', 'watcher', 'on', '>look', '~*', '&*', '+@all');
  }
  const urls = fleet.urls.map((url) => url.replace('redis://', 'redis://watcher:look@'));
  const options = {
    ...optionsFor(urls),
    username: 'app',
    password: 'secret:1',
    keyPrefix: 'shop:',
  };
  const { store, changes } = await openStore(t, options);
  await claimFirst(store);
  t.same(changes, [undefined]);
  const primary = await fleet.primary();
  t.match(await primary.command('KEYS', '*'), 'shop:1:a');
  await t.rejects(
    store.records.renew('a', value, 10_000),
    new RegExp(`^EVAL at 127.0.0.1:${primary.port}: NOPERM .*'eval'`),
    'the command and the server are named',
  );
  t.notMatch(changes.join(' '), 'secret');
  const stranger = await openStore(t, { ...options, password: 'guess' });
  t.match(stranger.changes, [new RegExp(`^127.0.0.1:${primary.port}: WRONGPASS`)]);
});

/** On a busy machine the replica of a new fleet may confirm later than a write waits for it. */
async function claimFirst(store: Store): Promise<void> {
  await eventually('the replica confirms a write', () =>
    store.safeRecords.claim('a', value, 60_000).then(
      () => true,
      () => false,
    ),
  );
}

t.test(
  'a replica without the data is up, even if it has just closed all connections',
  onServer,
  async (t) => {
    const fleet = await startSentinelFleet(t);
    const { store } = await openStore(t, optionsFor(fleet.urls));
    await claimFirst(store);
    const primary = await fleet.primary();
    const replica = fleet.servers.find((server) => server !== primary)!;
    await replica.command('REPLICAOF', '127.0.0.1', String(NO_PORT));
    const closing = setInterval(() => {
      replica.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {});
    }, 10);
    t.teardown(() => clearInterval(closing));
    const claimed = store.safeRecords.claim('b', value, 60_000);
    await t.rejects(claimed, /^no replica of 127\.0\.0\.1:\d+ has confirmed the write/);
  },
);

t.test('a primary that is cut off from its replica takes no safe write', onServer, async (t) => {
  const fleet = await startSentinelFleet(t, { withRelays: true });
  const { store } = await openStore(t, optionsFor(fleet.urls));
  await claimFirst(store);
  const old = await fleet.primary();
  old.cutOff();
  await t.rejects(
    store.safeRecords.claim('b', value, 60_000),
    /^no replica of 127\.0\.0\.1:\d+ has confirmed the write/,
  );
  t.equal(await store.records.claim('c', value, 60_000), undefined, 'it takes others');
  await fleet.waitForFailover(old);
  await eventually('the new primary takes safe writes', () =>
    store.safeRecords.claim('d', value, 1000).then(
      () => true,
      () => false,
    ),
  );
  t.same(await store.records.claim('a', Buffer.from('other'), 1000), value);
});
