import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { createRedisStore } from '../../src/stores/redis.js';
import { checkStore } from '../support/check-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { node } from '../support/program.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { eventually, NO_PORT } from '../support/sidecar.js';

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

/** How an operation ends, once it does. */
interface End {
  isOver: boolean;
  /** Undefined where it succeeded. */
  error: Error | undefined;
}

function endOf(operation: Promise<unknown>): End {
  const end: End = { isOver: false, error: undefined };
  operation.then(
    () => (end.isOver = true),
    (error: Error) => Object.assign(end, { isOver: true, error }),
  );
  return end;
}

/** Waits for the end of `operation` without letting the store's time pass. */
async function atOnce(operation: Promise<unknown>): Promise<Error | undefined> {
  const end = endOf(operation);
  await eventually('it is over, in no time', () => end.isOver);
  return end.error;
}

/** The store's time stands still, so no command takes too long but where a test lets it. */
async function openStore(t: Test, url: string) {
  /** Why it was lost, or undefined where it came back. */
  const changes: (string | undefined)[] = [];
  const clock = new FakeClock();
  const store = createRedisStore({ url, clock, onChange: (why) => changes.push(why) });
  t.teardown(() => store.close());
  const opened = endOf(store.open());
  /** A bit of time, in which the store may look how its server is. */
  const pass = () => clock.advance(10);
  await eventually('it is open', async () => {
    await pass();
    return opened.isOver;
  });
  const works = async () => {
    await pass();
    return succeeds(store.set('probe', value, 1000));
  };
  return { store, clock, changes, works };
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
  const { store, changes, works } = await openStore(t, redis.url);
  await store.set('a', value, 10_000);
  t.equal(await store.replace('a', value, value, 10_000), true);
  await redis.kill();
  for (let i = 0; i < 10; i++) t.ok(await atOnce(store.get('a')));
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
  const { store, clock, changes, works } = await openStore(t, redis.url);
  const why = 'it did not answer within 40 ms';
  redis.hang();
  const noticing = endOf(store.get('a'));
  await clock.advance(39);
  t.notOk(noticing.isOver);
  await clock.advance(1);
  await eventually('it is given up', () => noticing.isOver);
  t.match(noticing.error, { message: why });
  t.match(await atOnce(store.get('a')), { message: why });
  t.match(await atOnce(store.set('a', value, 1000)), { message: why });
  redis.goOn();
  await eventually('the store works', works);
  t.same(changes, [undefined, why, undefined]);
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
  const { store, changes, works } = await openStore(t, redis.url);
  t.match(await atOnce(store.get('a')), /ECONNREFUSED/);
  t.match(changes, [/ECONNREFUSED/]);
  await redis.start();
  await eventually('the store works', works);
  t.equal(changes.length, 2);
});

const moduleOf = (path: string) =>
  JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Uses a store whose server is not there, and prints what became of it. An error that is not heard ends it with 1. */
const programFor = (url: string) => `
  import { createSystemClock } from ${moduleOf('platform/system-clock.js')};
  import { createRedisStore } from ${moduleOf('stores/redis.js')};
  const changes = [];
  const store = createRedisStore({
    url: ${JSON.stringify(url)},
    clock: createSystemClock(),
    onChange: (why) => changes.push(why),
  });
  const get = () => store.get('a').then(() => 'works', ({ message }) => message);
  await store.open();
  while (changes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const before = await get();
  await store.close();
  const after = await get();
  console.log(JSON.stringify({ changes, before, after }));
`;

t.test('an address without a server: every error is heard, and nothing goes on', async (t) => {
  for (const url of [`redis://127.0.0.1:${NO_PORT}`, `rediss://127.0.0.1:${NO_PORT}`]) {
    const [command, args] = node('--input-type=module', '-e', programFor(url));
    // It is killed where it does not end by itself.
    const child = spawn(command, args, { timeout: 30_000 });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    t.equal(errors, '', url);
    t.equal(code, 0);
    t.match(JSON.parse(output), {
      changes: [/ECONNREFUSED/],
      before: /ECONNREFUSED/,
      after: /ECONNREFUSED/,
    });
  }
});
