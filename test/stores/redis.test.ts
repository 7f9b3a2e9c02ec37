import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { StoreClosedError } from '../../src/core/store.js';
import { createRedisStore } from '../../src/stores/redis.js';
import { makeCertificate } from '../support/certificate.js';
import { checkStore } from '../support/check-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { node } from '../support/program.js';
import { startRedis, withoutRedis, type RedisServer } from '../support/redis.js';
import { eventually, findFreePort, NO_PORT } from '../support/sidecar.js';

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

const optionsFor = (url: string, timeout: number) => ({
  mode: 'single' as const,
  urls: [url],
  master: undefined,
  keyPrefix: 'breakwater:',
  username: undefined,
  password: undefined,
  timeout,
});

/** The store's time stands still, so no command takes too long but where a test lets it. */
async function openStore(t: Test, url: string, timeoutMs = 500) {
  /** Why it was lost, or undefined where it came back. */
  const changes: (string | undefined)[] = [];
  const clock = new FakeClock();
  const onChange = (why: string | undefined) => void changes.push(why);
  const store = createRedisStore(optionsFor(url, timeoutMs), { clock, onChange });
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
    return succeeds(store.cache.set('probe', [value], 1000));
  };
  const { cache, records } = store;
  return { store, cache, records, clock, changes, works };
}

const onServer = { skip: withoutRedis };

t.test('is a store', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, clock, changes } = await openStore(t, redis.url);
  await checkStore(t, store, async (ms) => {
    clock.stall(ms);
    await sleep(ms);
  });
  t.same(changes, [undefined]);
  t.match(await redis.command('KEYS', '*'), 'breakwater:1:a', 'keys have a version');
  const errors = await redis.command('INFO', 'errorstats');
  t.match(errors, '# Errorstats');
  t.notMatch(errors, 'NOSCRIPT', 'no operation needs two trips, also at a server that is new');
});

t.test('signs in, and takes a database', onServer, async (t) => {
  const redis = await startRedis(t, '--requirepass', 's3cret');
  const { cache } = await openStore(t, `redis://:s3cret@127.0.0.1:${redis.port}/3`);
  await cache.set('a', [value], 1000);
  t.same(await cache.get('a'), value);
  const stranger = await openStore(t, `redis://:guess@127.0.0.1:${redis.port}`);
  await t.rejects(stranger.cache.get('a'));
  t.notMatch(stranger.changes.join(' '), 'guess');
});

t.test('comes back by itself after a crash, with its scripts', onServer, async (t) => {
  const redis = await startRedis(t);
  const { cache, records, changes, works } = await openStore(t, redis.url);
  await records.claim('a', value, 10_000);
  t.equal(await records.renew('a', value, 10_000), true);
  await redis.kill();
  for (let i = 0; i < 10; i++) t.ok(await atOnce(cache.get('a')));
  await redis.start();
  await eventually('the store works', works);
  t.equal(await records.renew('a', value, 10_000), false, 'the server had kept nothing');
  await records.claim('a', value, 1000);
  t.equal(await records.renew('a', value, 1000), true, 'the script is there again');
  t.equal(changes.length, 3);
  t.same([changes[0], changes[2]], [undefined, undefined]);
  t.type(changes[1], 'string');
});

t.test('a server that hangs is waited for until it is known to hang', onServer, async (t) => {
  const redis = await startRedis(t);
  const { cache, clock, changes, works } = await openStore(t, redis.url, 300);
  const why = 'it did not respond within 300 ms';
  redis.hang();
  const first = endOf(cache.get('a'));
  await clock.advance(299);
  t.notOk(first.isOver);
  await clock.advance(1);
  await eventually('it is given up', () => first.isOver);
  t.match(first.error, { message: why });
  t.same(changes, [undefined], 'one late operation silences nothing');
  const second = endOf(cache.get('a'));
  await clock.advance(299);
  t.notOk(second.isOver, 'it is asked');
  await clock.advance(10);
  await eventually('it is given up', () => second.isOver);
  t.same(changes, [undefined, why], 'now a question has no response as well');
  t.match(await atOnce(cache.get('a')), { message: why });
  t.match(await atOnce(cache.set('a', [value], 1000)), { message: why });
  redis.goOn();
  await eventually('the store works', works);
  t.same(changes, [undefined, why, undefined]);
});

t.test(
  'time in which this process was busy is not held against the server',
  onServer,
  async (t) => {
    const redis = await startRedis(t);
    const { records, clock, changes } = await openStore(t, redis.url);
    const claims = Array.from({ length: 500 }, (_, i) =>
      records.claim('a', Buffer.from(`${i}`), 60_000),
    );
    for (let i = 0; i < 5; i++) {
      clock.stall(10_000);
      await clock.advance(0);
    }
    const found = await Promise.all(claims);
    t.equal(found.filter((held) => held === undefined).length, 1);
    t.same(changes, [undefined]);
  },
);

t.test('a server that is full is said to be once, and can be read', onServer, async (t) => {
  const redis = await startRedis(t);
  const { cache, records, changes, works } = await openStore(t, redis.url);
  await records.claim('a', value, 60_000);
  await records.keep('a', value, [Buffer.from('record')], 60_000);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  for (let i = 0; i < 5; i++) {
    await t.rejects(records.claim('b', value, 1000), /OOM/);
    t.same(await records.claim('a', value, 1000), Buffer.from('record'));
    t.equal(await cache.get('nothing'), undefined);
    t.equal(await records.free('nothing', value), false);
  }
  t.equal(changes.length, 2, 'nothing but a write that wrote proves that there is room');
  t.match(changes[1], /OOM/);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  t.ok(await works());
  t.equal(changes.length, 3);
});

/** A relay whose address stays while the server behind it changes, as with a virtual address or a name. */
async function startRelay(t: Test, firstPort: number) {
  let port = firstPort;
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    const onward = net.connect(port, '127.0.0.1');
    for (const each of [socket, onward]) each.on('error', () => {});
    socket.pipe(onward).pipe(socket);
    t.teardown(() => void socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void server.close());
  return {
    url: `redis://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    connections: () => connections,
    lead(toPort: number) {
      port = toPort;
    },
  };
}

t.test('after a failover it finds the new primary by connecting anew', onServer, async (t) => {
  const [old, next] = [await startRedis(t), await startRedis(t)];
  const relay = await startRelay(t, old.port);
  const { records, changes, works } = await openStore(t, relay.url);
  await records.claim('a', value, 60_000);
  await old.command('REPLICAOF', '127.0.0.1', String(next.port));
  await next.command('SET', 'breakwater:1:a', 'value');
  await old.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
  relay.lead(next.port);
  t.equal(await records.claim('b', value, 60_000), undefined, 'asked again at the new primary');
  t.equal(relay.connections(), 2);
  t.same(await records.claim('a', Buffer.from('other'), 60_000), value);
  t.ok(await works());
  t.equal(changes.at(-1), undefined);
});

t.test(
  'a server that stays read-only is read, and asked anew now and then',
  onServer,
  async (t) => {
    const [server, primary] = [await startRedis(t), await startRedis(t)];
    const relay = await startRelay(t, server.port);
    const { records, clock } = await openStore(t, relay.url);
    await records.claim('a', value, 60_000);
    await server.command('CONFIG', 'SET', 'replica-read-only', 'yes');
    await primary.command('SET', 'breakwater:1:a', 'value');
    await server.command('REPLICAOF', '127.0.0.1', String(primary.port));
    await eventually('it is a replica', async () =>
      (await server.command('GET', 'breakwater:1:a')).includes('value'),
    );
    for (let i = 0; i < 20; i++) {
      t.same(await records.claim('a', Buffer.from('other'), 60_000), value);
      await t.rejects(records.claim('b', value, 60_000), /READONLY/);
    }
    t.ok(relay.connections() <= 2, 'no storm of connections');
    // The new connection is looked at; its response must be here before time passes.
    await clock.advance(0);
    t.same(await records.claim('a', Buffer.from('other'), 60_000), value);
    await clock.advance(1000);
    await t.rejects(records.claim('b', value, 60_000), /READONLY/);
    await eventually('it is connected anew', () => relay.connections() === 3);
  },
);

/** Makes a replica of it, so that it can be read, but not written to. */
async function makeReadOnly(server: RedisServer, primaryPort: number): Promise<void> {
  await server.command('REPLICAOF', '127.0.0.1', String(primaryPort));
}

t.test(
  'a record that the new primary has not heard of is found at the old one',
  onServer,
  async (t) => {
    const [old, next] = [await startRedis(t), await startRedis(t)];
    const relay = await startRelay(t, old.port);
    const { records } = await openStore(t, relay.url);
    const record = Buffer.from('record');
    const lock = Buffer.from('lock');
    await records.claim('a', value, 60_000);
    await records.keep('a', value, [record], 60_000);
    // It cannot copy anything from there, and so keeps what it has.
    await makeReadOnly(old, NO_PORT);
    relay.lead(next.port);
    t.same(await records.claim('a', lock, 60_000), record);
    await eventually('it is connected to the new one', () => relay.connections() === 2);
    await eventually('the lock that arrived there is freed', async () => {
      const held = await next.command('GET', 'breakwater:1:a');
      return held.startsWith('$-1');
    });
    t.equal(await records.claim('b', lock, 60_000), undefined, 'it is written to');
  },
);

t.test(
  'a new connection that does not come keeps later calls from nothing',
  onServer,
  async (t) => {
    const old = await startRedis(t);
    const relay = await startRelay(t, old.port);
    const { records, clock } = await openStore(t, relay.url, 300);
    await records.claim('a', value, 60_000);
    await makeReadOnly(old, NO_PORT);
    relay.lead(NO_PORT);
    const first = endOf(records.claim('b', value, 60_000));
    const known = await records.claim('a', Buffer.from('other'), 60_000);
    t.same(known, value, 'what can be read waits for no connection');
    await eventually('it is connecting', () => relay.connections() === 2);
    t.notOk(first.isOver, 'the first ones wait for it');
    await clock.advance(310);
    await eventually('it is given up', () => first.isOver);
    t.match(await atOnce(records.claim('c', value, 60_000)), /READONLY/);
  },
);

t.test('a server that is loading is asked again on a new connection', async (t) => {
  let connections = 0;
  const server = net.createServer((socket) => {
    const isLoading = ++connections === 1;
    socket.on('error', () => {});
    t.teardown(() => void socket.destroy());
    socket.on('data', (data) => {
      // Each command is an array, and here no command has an array in it.
      for (const command of data.toString('latin1').split(/(?=^\*)/m)) {
        if (/GET/.test(command)) socket.write(isLoading ? '-LOADING Redis\r\n' : '$5\r\nvalue\r\n');
        else socket.write(/PING/.test(command) ? '+PONG\r\n' : '+OK\r\n');
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  const { cache } = await openStore(t, `redis://127.0.0.1:${port}`);
  t.same(await cache.get('a'), value);
  t.equal(connections, 2);
});

t.test('another timeout needs no other store', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, cache, clock } = await openStore(t, redis.url, 500);
  const adjust = store.adjustmentTo({ kind: 'redis', ...optionsFor(redis.url, 50) });
  redis.hang();
  adjust?.();
  const end = endOf(cache.get('a'));
  await clock.advance(60);
  await eventually('it is given up', () => end.isOver);
  t.match(end.error, { message: 'it did not respond within 50 ms' });
  redis.goOn();
  const elsewhere = { kind: 'redis', ...optionsFor(`${redis.url}/1`, 500) } as const;
  t.equal(store.adjustmentTo(elsewhere), undefined);
  t.equal(store.adjustmentTo({ kind: 'memory', maxBytes: 1, maxRecordBytes: 1 }), undefined);
});

t.test('after it is closed it says so', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, cache } = await openStore(t, redis.url);
  await store.close();
  await t.rejects(cache.get('a'), new StoreClosedError('it is closed'));
});

t.test('closed while it connects: the server keeps no connection of it', onServer, async (t) => {
  const server = await startRedis(t);
  let asked = 0;
  const read = async (name: string) => {
    asked += 1;
    const info = await server.command('INFO', 'everything');
    return Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
  };
  // Each question is a connection of its own.
  const connections = async () => (await read('total_connections_received')) - asked;
  const before = await connections();
  const context = { clock: new FakeClock(), onChange: () => {} };
  const store = createRedisStore(optionsFor(server.url, 500), context);
  void store.open();
  await store.close();
  await eventually('it has connected', async () => (await connections()) > before);
  const isGone = async () => (await read('connected_clients')) === 1;
  await eventually('only the connection that asks is left', isGone, 3000);
  t.equal(await connections(), before + 1, 'it has not connected again');
});

t.test('away at the start: opens all the same, and finds the server later', onServer, async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const { cache, changes, works } = await openStore(t, redis.url);
  t.match(await atOnce(cache.get('a')), /ECONNREFUSED/);
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
  const store = createRedisStore(${JSON.stringify(optionsFor(url, 500))}, {
    clock: createSystemClock(),
    onChange: (why) => changes.push(why),
  });
  const get = () => store.cache.get('a').then(() => 'works', ({ message }) => message);
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
      after: 'it is closed',
    });
  }
});

t.test('counts the calls of all its users as one', onServer, async (t) => {
  const redis = await startRedis(t);
  const stores = [await openStore(t, redis.url), await openStore(t, redis.url)];
  const limit = { perHour: 60, burst: 250 };
  const all = await Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      stores[i % 2]!.store.meters.count([{ key: 'all', limit, atLeast: 0 }], 60_000),
    ),
  );
  t.equal(all.filter(({ isCounted }) => isCounted).length, limit.burst);
});

t.test(
  'a call is counted in one step, and a count goes when its time is over',
  onServer,
  async (t) => {
    const redis = await startRedis(t);
    const { store } = await openStore(t, redis.url);
    await redis.command('CONFIG', 'RESETSTAT');
    const limit = { perHour: 3600, burst: 5 };
    const meters = ['rate:{a/}', 'rate:{a/}:k'].map((key) => ({ key, limit, atLeast: 0 }));
    await store.meters.count(meters, 60_000);
    t.match(await redis.command('INFO', 'commandstats'), /cmdstat_eval:calls=1,/);
    const [px] = /\d+/.exec(await redis.command('PTTL', 'breakwater:1:rate:{a/}')) ?? [];
    t.ok(Number(px) > 0 && Number(px) <= 1000, `it is there for ${px} ms`);
  },
);

t.test('a count does not wait longer than it is told to', onServer, async (t) => {
  const redis = await startRedis(t);
  const { store, clock } = await openStore(t, redis.url, 10_000);
  t.teardown(() => redis.goOn());
  redis.hang();
  const limit = { perHour: 60, burst: 5 };
  const end = endOf(store.meters.count([{ key: 'slow', limit, atLeast: 0 }], 50));
  await clock.advance(49);
  t.equal(end.isOver, false);
  await clock.advance(10);
  await eventually('it is over', async () => {
    await clock.advance(0);
    return end.isOver;
  });
  t.match(end.error?.message, /within 50 ms/);
});

const tlsProgram = (url: string) => `
  import { createSystemClock } from ${moduleOf('platform/system-clock.js')};
  import { createRedisStore } from ${moduleOf('stores/redis.js')};
  const open = async (url, password) => {
    const options = { ...${JSON.stringify(optionsFor('', 2000))}, urls: [url], username: 'app', password };
    const store = createRedisStore(options, { clock: createSystemClock(), onChange: () => {} });
    await store.open();
    const result = await store.records.claim('a', Buffer.from('lock'), 10000).then(
      (held) => held?.toString() ?? 'taken',
      ({ message }) => message,
    );
    await store.close();
    return result;
  };
  const url = ${JSON.stringify(url)};
  const results = [await open(url, 's3cret'), await open(url, 'guess')];
  results.push(await open(url.replace('localhost', '127.0.0.1'), 's3cret'));
  console.log(JSON.stringify(results));
`;

t.test('speaks TLS that it verifies, as a user of its own', onServer, async (t) => {
  const { certFile } = makeCertificate(t);
  const keyFile = certFile.replace('cert.pem', 'key.pem');
  const tlsPort = await findFreePort();
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile];
  const redis = await startRedis(
    t,
    ...files,
    '--tls-port',
    `${tlsPort}`,
    '--tls-auth-clients',
    'no',
  );
  await redis.command('ACL', 'SETUSER', 'app', 'on', '>s3cret', '~*', '&*', '+@all');
  const program = tlsProgram(`rediss://localhost:${tlsPort}`);
  const [command, args] = node('--input-type=module', '-e', program);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: certFile };
  const child = spawn(command, args, { timeout: 30_000, env });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  t.match(JSON.parse(output), ['taken', /WRONGPASS/, /altnames|Hostname/]);
});
