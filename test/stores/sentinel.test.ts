import t, { type Test } from 'tap';
import { createSystemClock } from '../../src/platform/system-clock.js';
import type { RedisOptions } from '../../src/stores/options.js';
import { createRedisStore } from '../../src/stores/redis.js';
import { checkStore } from '../support/check-store.js';
import { MASTER, startSentinelFleet } from '../support/redis-fleet.js';
import { withoutRedis } from '../support/redis.js';
import { eventually } from '../support/sidecar.js';

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
      await store.safeRecords.claim('a', value, 60_000);
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
      t.equal(changes.at(-1), undefined);
      if (end === 'hang') old.goOn();
    },
  );
}
