import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import {
  ClientClosed,
  ConnectionLost,
  type OutboundRequest,
  type Progress,
  type ResponseHandler,
} from '../../../src/outbound/client.js';
import type { Connection } from '../../../src/outbound/http1/connection.js';
import { ConnectionPool } from '../../../src/outbound/http1/connection-pool.js';
import { FakeClock } from '../../support/fake-clock.js';
import { poolContext, poolOptions } from '../../support/pool-options.js';
import { eventually, type Teardown } from '../../support/sidecar.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n';

/** A server that responds to each request with `fields`, and a pool to it. */
async function open(t: Teardown, fields = '') {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => socket.write(`${RESPONSE}${fields}\r\nok`));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const pool = new ConnectionPool(poolOptions(port), poolContext(clock));
  t.teardown(() => {
    pool.destroy();
    server.close();
  });
  return { pool, clock, sockets, server };
}

const request: OutboundRequest = {
  method: 'POST',
  path: '/',
  authority: 'x',
  fields: [],
  body: undefined,
  upgrade: undefined,
};

function withResolvers<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Value>((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

/** A request on its way. */
interface Sent {
  /** @throws what it fails with before there is a connection. */
  readonly connection: Promise<Connection>;
  /** Of the response. @throws what it fails with. */
  readonly body: Promise<string>;
}

/** @param watch is given the handler. */
function send(pool: ConnectionPool, watch?: (handler: ResponseHandler) => void): Sent {
  const connection = withResolvers<Connection>();
  const body = withResolvers<string>();
  for (const { promise } of [connection, body]) promise.catch(() => {});
  let text = '';
  const handler: ResponseHandler = {
    isOver: false,
    onStart: (dispatched) => connection.resolve(dispatched as Connection),
    onStall() {},
    onSent() {},
    onInformational() {},
    onHead() {},
    onData: (chunk) => void (text += chunk.toString()),
    onEnd: () => body.resolve(text),
    onUpgrade() {},
    onFailure(error) {
      connection.reject(error);
      body.reject(error);
    },
  };
  watch?.(handler);
  pool.dispatch(request, handler);
  return { connection: connection.promise, body: body.promise };
}

/** From now on requests are written when the test says so. */
function holdWrites(clock: FakeClock): (() => void)[] {
  const held: (() => void)[] = [];
  clock.atTurnEnd = (task) => void held.push(task);
  return held;
}

async function use(pool: ConnectionPool): Promise<Connection> {
  const { connection, body } = send(pool);
  t.equal(await body, 'ok');
  return connection;
}

t.test('the connections to an upstream', async (t) => {
  t.test('are used again, the latest first', async (t) => {
    const { pool, sockets } = await open(t);
    const sent = [send(pool), send(pool)];
    const [first, second] = await Promise.all(sent.map(({ connection }) => connection));
    t.not(first, second, 'one for each exchange at a time');
    const order: (Connection | undefined)[] = [];
    void sent[0]!.body.then(() => order.push(first));
    void sent[1]!.body.then(() => order.push(second));
    await Promise.all(sent.map(({ body }) => body));
    t.equal(await use(pool), order[1]);
    t.equal(order[1]!.isReused, true);
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

  t.test('are not kept after a response that closes them', async (t) => {
    const { pool } = await open(t, 'Connection: close\r\n');
    t.equal((await use(pool)).isDestroyed, true);
  });

  t.test('are not used when the upstream has closed them meanwhile', async (t) => {
    const { pool, clock, sockets } = await open(t);
    const connection = await use(pool);
    clock.stall(200);
    // Its end is here, but was not read yet.
    sockets[0]!.destroy();
    t.not(await use(pool), connection);
  });

  t.test(
    'are left to an upstream that closes them after a time, shortly before it does',
    async (t) => {
      const { pool, clock, sockets } = await open(t);
      for (let i = 0; i < 2; i++) {
        const connection = await use(pool);
        clock.stall(100);
        sockets[i]!.end();
        await eventually('its end is read', () => connection.isDestroyed);
      }
      const connection = await use(pool);
      clock.stall(80);
      t.equal(await use(pool), connection);
      clock.stall(95);
      const other = await use(pool);
      t.not(other, connection);
      t.equal(
        connection.isDestroyed,
        false,
        'it is not ended on this side: when it ends tells more',
      );
      t.equal(await use(pool), other);
      await clock.advance(1000);
      t.equal(await use(pool), other, 'they have stayed open for much longer');
    },
  );

  t.test(
    'are looked at once more before their use where it is 100 ms since the last',
    async (t) => {
      const { pool, clock } = await open(t);
      const connection = await use(pool);
      let started = 0;
      const count = (handler: ResponseHandler) => {
        const start = handler.onStart.bind(handler);
        handler.onStart = (dispatched) => {
          started += 1;
          start(dispatched);
        };
      };
      clock.stall(99);
      const first = send(pool, count);
      t.equal(started, 1, 'before that they are used at once');
      await first.body;
      clock.stall(100);
      const second = send(pool, count);
      t.equal(started, 1, 'sockets are read first');
      t.equal(await second.connection, connection);
      await second.body;
    },
  );

  t.test('that have ended are let go of at once', async (t) => {
    const { pool } = await open(t);
    const connection = await (async () => {
      const socket: Duplex = new PassThrough();
      const adopted = new WeakRef(pool.adopt('a', socket as Socket, 0));
      socket.destroy();
      await once(socket, 'close');
      return adopted;
    })();
    await eventually('it can be collected before the next sweep', () => {
      collectGarbage();
      return connection.deref() === undefined;
    });
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
    sockets[0]!.write(`${RESPONSE}\r\nno`);
    await eventually('it is given up', () => connection.isDestroyed);
    t.not(await use(pool), connection);
  });

  t.test('are not used when they end before the request is written', async (t) => {
    for (const end of [
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.write(`${RESPONSE}\r\nno`),
    ]) {
      const { pool, clock, sockets } = await open(t);
      const connection = await use(pool);
      const held = holdWrites(clock);
      const sent = send(pool);
      t.equal(await sent.connection, connection);
      end(sockets[0]!);
      await eventually('it is given up', () => connection.isDestroyed);
      await eventually('the request goes over another one', () => held.length === 2);
      for (const write of held) write();
      t.equal(await sent.body, 'ok', 'the response to it, and to nothing else');
      t.equal(sockets.length, 2);
    }
  });

  t.test('that are new and end before the request is written have sent nothing', async (t) => {
    const { pool, clock, sockets } = await open(t);
    const held = holdWrites(clock);
    let progress: Progress | undefined;
    const sent = send(pool, (handler) => {
      const fail = handler.onFailure.bind(handler);
      handler.onFailure = (error, at) => {
        progress = at;
        fail(error, at);
      };
    });
    const connection = await sent.connection;
    t.equal(connection.hasSentAll, false);
    await eventually('it is accepted', () => sockets.length === 1);
    sockets[0]!.destroy();
    await t.rejects(sent.body, ConnectionLost);
    t.match(progress, { isConnected: true, sent: 'none', isReused: false });
    held[0]!();
    t.equal(sockets.length, 1, 'it is not tried again here: all new ones may end like that');
  });

  t.test('write nothing of a request that was given up in the same turn', async (t) => {
    const { pool, clock, sockets } = await open(t);
    const connection = await use(pool);
    const held = holdWrites(clock);
    await send(pool).connection;
    const { bytesRead } = sockets[0]!;
    connection.destroy();
    held[0]!();
    await once(sockets[0]!, 'close');
    t.equal(sockets[0]!.bytesRead, bytesRead);
  });

  t.test('hold nothing of an exchange that is over', async (t) => {
    const { pool } = await open(t);
    let handler: WeakRef<ResponseHandler> | undefined;
    const connection = await (async () => {
      const sent = send(pool, (made) => (handler = new WeakRef(made)));
      await sent.body;
      return sent.connection;
    })();
    await eventually('it can be collected', () => {
      collectGarbage();
      return handler!.deref() === undefined;
    });
    t.equal(await use(pool), connection);
  });

  t.test('serve the next where the one they were opened for has given up', async (t) => {
    const { pool, sockets } = await open(t);
    let asked = 0;
    const isOver = (): boolean => {
      asked += 1;
      return true;
    };
    send(pool, (handler) =>
      Object.defineProperties(handler, {
        isOver: { get: isOver },
        onStart: { value: () => t.fail('it has given up') },
        onFailure: { value: () => t.fail('it has given up') },
      }),
    );
    await eventually('the connection is open, and not wanted', () => asked === 1);
    const connection = await use(pool);
    t.equal(connection.isReused, true);
    t.equal(sockets.length, 1);
  });

  t.test('report what they cannot be opened for', async (t) => {
    const { pool, server } = await open(t);
    server.close();
    await once(server, 'close');
    await t.rejects(send(pool).body, { code: 'ECONNREFUSED' });
  });

  t.test('fail with the pool, in every phase', async (t) => {
    const { pool, sockets } = await open(t);
    const connection = await use(pool);
    sockets[0]!.removeAllListeners('data');
    const running = send(pool);
    await running.connection;
    const opening = send(pool);
    pool.destroy();
    await t.rejects(running.body, ClientClosed);
    await t.rejects(opening.body, ClientClosed);
    await t.rejects(send(pool).body, ClientClosed);
    t.equal(connection.isDestroyed, true);
  });

  t.test('may begin as sockets that are open, and have carried nothing then', async (t) => {
    const { pool } = await open(t);
    const socket: Duplex = new PassThrough();
    const connection = pool.adopt('a', socket as Socket, 0);
    t.equal(connection.isReused, false);
    const sent = send(pool);
    t.equal(await sent.connection, connection);
    pool.destroy();
    t.equal(connection.isDestroyed, true, 'they end with the pool');
  });

  t.test('are closed when they are not wanted any more', async (t) => {
    const { pool } = await open(t);
    const connection = await use(pool);
    pool.release();
    t.equal(connection.isDestroyed, true);
  });
});
