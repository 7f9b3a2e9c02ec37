import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import type { Connection, ConnectionUser } from '../../../src/proxy/http1/connection.js';
import {
  ConnectionPool,
  PoolClosed,
  type ConnectionSeeker,
} from '../../../src/proxy/http1/connection-pool.js';
import type { UploadListener } from '../../../src/proxy/http1/request-writer.js';
import { FakeClock } from '../../support/fake-clock.js';
import { poolOptions } from '../../support/pool-options.js';
import { eventually, type Teardown } from '../../support/sidecar.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n';

/** A server that answers each request with `fields`, and a pool to it. */
async function open(t: Teardown, fields = '') {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => socket.write(`${ANSWER}${fields}\r\nok`));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const pool = ConnectionPool.open(poolOptions(port), clock, undefined);
  t.teardown(() => {
    pool.destroy();
    server.close();
  });
  return { pool, clock, sockets, server };
}

/** @throws what the pool has against it. */
const acquire = (pool: ConnectionPool) =>
  new Promise<Connection>((resolve, reject) => {
    pool.acquire({ isOver: false, onConnection: resolve, onConnectError: reject });
  });

/** One exchange, to its end. @param watch is given its user. */
const exchange = (connection: Connection, watch?: (user: ConnectionUser) => void) =>
  new Promise<string>((resolve, reject) => {
    let body = '';
    const user: ConnectionUser & UploadListener = {
      onInformational() {},
      onHead() {},
      onData: (chunk) => void (body += chunk.toString()),
      onEnd: () => resolve(body),
      onUpgrade() {},
      onError: reject,
      onStall() {},
      onSent() {},
    };
    watch?.(user);
    const request = {
      method: 'POST',
      upgrade: undefined,
      head: 'POST / HTTP/1.1\r\nHost: x\r\n',
      hasLength: false,
      body: undefined,
      listener: user,
    };
    connection.send(request, user);
  });

async function use(pool: ConnectionPool): Promise<Connection> {
  const connection = await acquire(pool);
  t.equal(await exchange(connection), 'ok');
  return connection;
}

t.test('the connections to an upstream', async (t) => {
  t.test('are used again, the latest first', async (t) => {
    const { pool, sockets } = await open(t);
    const [first, second] = await Promise.all([acquire(pool), acquire(pool)]);
    t.not(first, second, 'one for each exchange at a time');
    await exchange(first);
    await exchange(second);
    t.equal(await use(pool), second);
    t.equal(second.isReused, true);
    t.equal(sockets.length, 2);
  });

  t.test('are closed after 4 s without use', async (t) => {
    const { pool, clock, sockets } = await open(t);
    const connection = await use(pool);
    await clock.advance(3000);
    t.equal(await use(pool), connection, 'each use begins the time anew');
    await clock.advance(3900);
    t.equal(connection.isDestroyed, false);
    await clock.advance(1100);
    t.equal(connection.isDestroyed, true);
    await once(sockets[0]!, 'close');
    t.equal(clock.pending, 0);
  });

  t.test('are closed 2 s before the upstream says it does', async (t) => {
    const { pool, clock } = await open(t, 'Keep-Alive: timeout=9, max=100\r\n');
    const connection = await use(pool);
    await clock.advance(6900);
    t.equal(connection.isDestroyed, false);
    await clock.advance(1100);
    t.equal(connection.isDestroyed, true);
  });

  t.test('are not used once that time is over, however late the sweep is', async (t) => {
    const { pool, clock } = await open(t);
    const connection = await use(pool);
    clock.stall(4000);
    t.not(await use(pool), connection);
  });

  t.test('are not kept where that time is no time at all', async (t) => {
    const { pool } = await open(t, 'Keep-Alive: timeout=2\r\n');
    t.equal((await use(pool)).isDestroyed, true);
  });

  t.test('are not kept after an answer that closes them', async (t) => {
    const { pool } = await open(t, 'Connection: close\r\n');
    t.equal((await use(pool)).isDestroyed, true);
  });

  t.test('are not used when the upstream has closed them meanwhile', async (t) => {
    const { pool, clock, sockets } = await open(t);
    const connection = await use(pool);
    clock.stall(200);
    // Its end is here, but nobody has read it yet.
    sockets[0]!.destroy();
    t.not(await use(pool), connection);
  });

  t.test('are not used when they have broken a moment ago', async (t) => {
    const { pool } = await open(t);
    const connection = await use(pool);
    connection.fail(new Error('broken'));
    t.not(await use(pool), connection);
  });

  t.test('are not used when the upstream has spoken unasked', async (t) => {
    const { pool, sockets } = await open(t);
    const connection = await use(pool);
    sockets[0]!.write(`${ANSWER}\r\nno`);
    await eventually('it is given up', () => connection.isDestroyed);
    t.not(await use(pool), connection);
  });

  t.test('hold nothing of an exchange that is over', async (t) => {
    const { pool } = await open(t);
    const connection = await acquire(pool);
    let user: WeakRef<ConnectionUser> | undefined;
    await exchange(connection, (made) => (user = new WeakRef(made)));
    await eventually('it can be collected', () => {
      collectGarbage();
      return user!.deref() === undefined;
    });
    t.equal(await acquire(pool), connection);
  });

  t.test('serve the next where the one they were opened for has given up', async (t) => {
    const { pool, sockets } = await open(t);
    let asked = 0;
    const seeker: ConnectionSeeker = {
      get isOver() {
        asked += 1;
        return true;
      },
      onConnection: () => t.fail('it has given up'),
      onConnectError: () => t.fail('it has given up'),
    };
    pool.acquire(seeker);
    await eventually('the connection is open, and not wanted', () => asked === 1);
    const connection = await use(pool);
    t.equal(connection.isReused, true);
    t.equal(sockets.length, 1);
  });

  t.test('report what they cannot be opened for', async (t) => {
    const { pool, server } = await open(t);
    server.close();
    await once(server, 'close');
    await t.rejects(acquire(pool), { code: 'ECONNREFUSED' });
  });

  t.test('fail with the pool, in every phase', async (t) => {
    const { pool, sockets } = await open(t);
    const connection = await use(pool);
    sockets[0]!.removeAllListeners('data');
    const running = exchange(await acquire(pool));
    const opening = acquire(pool);
    pool.destroy();
    await t.rejects(running, PoolClosed);
    await t.rejects(opening, PoolClosed);
    await t.rejects(acquire(pool), PoolClosed);
    t.equal(connection.isDestroyed, true);
  });

  t.test('are closed when the last holder lets go', async (t) => {
    const { pool, clock, server } = await open(t);
    const connection = await use(pool);
    const { port } = server.address() as AddressInfo;
    t.equal(ConnectionPool.open(poolOptions(port), clock, pool), pool);
    pool.release();
    t.equal(connection.isDestroyed, false);
    pool.release();
    t.equal(connection.isDestroyed, true);
    t.not(ConnectionPool.open(poolOptions(port + 1), clock, pool), pool, 'another place');
  });
});
