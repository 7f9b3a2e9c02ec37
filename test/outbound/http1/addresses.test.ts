/** A pool whose target has several addresses. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import t from 'tap';
import {
  ClientClosed,
  ConnectTimeout,
  type ResponseHandler,
} from '../../../src/outbound/client.js';
import { ConnectionPool } from '../../../src/outbound/http1/connection-pool.js';
import { serverNameOf } from '../../../src/outbound/connect/dial.js';
import { Names } from '../../../src/outbound/names/names.js';
import { FakeClock } from '../../support/fake-clock.js';
import { poolOptions } from '../../support/pool-options.js';
import type { Teardown } from '../../support/sidecar.js';

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Open {
  /** Where the name leads to, in this order. */
  readonly addresses: readonly string[];
  /** Those with a server. Default: all. */
  readonly served?: readonly string[];
  readonly maxAgeMs?: number;
  readonly lookup?: () => Promise<never>;
}

async function open(t: Teardown, { addresses, served = addresses, maxAgeMs, lookup }: Open) {
  const name = { addresses };
  const accepted: string[] = [];
  const sockets: Socket[] = [];
  const servers: Server[] = [];
  let port = 0;
  for (const host of served) {
    const server = createServer((socket) => {
      accepted.push(host);
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', () => socket.write(RESPONSE));
    });
    servers.push(server);
    await once(server.listen(port, host), 'listening');
    ({ port } = server.address() as AddressInfo);
  }
  const clock = new FakeClock();
  const find = async () => name.addresses.map((address) => ({ address, family: 4 }));
  const names = new Names(clock, lookup ?? find);
  const options = poolOptions(port);
  const pool = new ConnectionPool(
    {
      ...options,
      target: { ...options.target, host: 'fleet.test' },
      connectTimeoutMs: 2000,
      maxAgeMs: maxAgeMs ?? 'off',
    },
    { clock, names, claimDescriptor: () => true },
  );
  t.teardown(() => {
    pool.destroy();
    for (const server of servers) server.close();
  });
  /** @returns the address of the latest connection. @throws what the request fails with. */
  const send = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const handler: ResponseHandler = {
        isOver: false,
        onStart() {},
        onStall() {},
        onSent() {},
        onInformational() {},
        onHead() {},
        onData() {},
        onEnd: () => resolve(accepted.at(-1)!),
        onUpgrade() {},
        onFailure: reject,
      };
      const request = { method: 'GET', path: '/', authority: 'x', fields: [] };
      pool.dispatch({ ...request, body: undefined, upgrade: undefined }, handler);
    });
  return { pool, clock, accepted, sockets, send, name };
}

const A = '127.0.0.1';
const B = '127.0.0.2';

t.test('an address that refuses is passed over within the attempt, and later', async (t) => {
  const { send, accepted } = await open(t, { addresses: [A, B], served: [B] });
  t.equal(await send(), B);
  t.equal(await send(), B);
  t.same(accepted, [B], 'the connection is used again');
});

t.test('the error tells of all addresses', async (t) => {
  const { send } = await open(t, { addresses: [B, '127.0.0.3'], served: [A] });
  const error = await send().catch((caught: unknown) => caught);
  t.ok(error instanceof AggregateError);
  t.match(
    (error as AggregateError).errors.map((each: Error) => each.message),
    [/ECONNREFUSED 127.0.0.2/, /ECONNREFUSED 127.0.0.3/],
  );
});

t.test('a connection older than maxAge carries no further request', async (t) => {
  const { send, clock, accepted } = await open(t, { addresses: [A], maxAgeMs: 10_000 });
  for (let i = 0; i < 3; i += 1) {
    await send();
    clock.stall(3000);
  }
  t.same(accepted, [A]);
  clock.stall(1000);
  await send();
  t.same(accepted, [A, A]);
});

t.test('connections to an address that is gone are not used any more', async (t) => {
  const { send, clock, accepted, name } = await open(t, { addresses: [A, B] });
  await send();
  name.addresses = [B];
  const used: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    clock.stall(3000);
    await clock.advance(0);
    used.push(await send());
    await clock.advance(0);
  }
  t.same(accepted, [A, B]);
  t.equal(used.at(-1), B);
});

const fail = () => Promise.reject(Object.assign(new Error('lost'), { code: 'ENOTFOUND' }));

t.test('a name that is not found is told as it is', async (t) => {
  const { send } = await open(t, { addresses: [A], lookup: fail });
  await t.rejects(send(), { code: 'ENOTFOUND' });
});

t.test('the time to connect includes the look-up', async (t) => {
  const { send, clock } = await open(t, { addresses: [A], lookup: () => new Promise(() => {}) });
  const rejects = t.rejects(send(), ConnectTimeout);
  await clock.advance(1999);
  t.equal(clock.pending, 1);
  await clock.advance(1);
  await rejects;
  t.equal(clock.pending, 0);
});

t.test('the end of the pool ends what waits for a look-up', async (t) => {
  const { send, pool } = await open(t, { addresses: [A], lookup: () => new Promise(() => {}) });
  const sent = send();
  pool.destroy();
  await t.rejects(sent, ClientClosed);
});

t.test('a server name has no final dot, and an address is not one', async (t) => {
  t.equal(serverNameOf('svc.test.'), 'svc.test');
  t.equal(serverNameOf('svc.test'), 'svc.test');
  t.equal(serverNameOf('127.0.0.1'), '');
  t.equal(serverNameOf('::1'), '');
});
