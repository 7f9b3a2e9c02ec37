/** Responses that arrive while a write of the request fails. Everything from the reset to the write happens in one turn. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import type { BodyCursor, BodyReader } from '../../../src/core/request-body.js';
import type { ResponseHandler } from '../../../src/outbound/client.js';
import { ConnectionPool } from '../../../src/outbound/http1/connection-pool.js';
import { FakeClock } from '../../support/fake-clock.js';
import { poolContext, poolOptions } from '../../support/pool-options.js';
import { eventually, type Teardown } from '../../support/sidecar.js';

/** A body that comes when the test says so. */
function slowBody() {
  let reader: BodyReader | undefined;
  const cursor: BodyCursor = {
    hasEnded: false,
    length: undefined,
    trailers: [],
    takeWhole: () => undefined,
    sendTo: (taker) => void (reader = taker),
    demand() {},
    close() {},
  };
  return { cursor, send: () => reader!.offer(Buffer.from('more')) };
}

/** @returns how the exchange ends if the upstream writes `response`, resets the connection, and then more is written. */
async function exchange(t: Teardown, response: string): Promise<string> {
  let accepted: Socket | undefined;
  const server = createServer((socket) => {
    accepted = socket.pause();
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const pool = new ConnectionPool(poolOptions(port), poolContext(new FakeClock()));
  t.teardown(() => {
    pool.destroy();
    server.close();
  });
  const body = slowBody();
  let head = '';
  let text = '';
  let isStarted = false;
  const ended = new Promise<string>((resolve) => {
    const handler: ResponseHandler = {
      isOver: false,
      onStart: () => void (isStarted = true),
      onStall() {},
      onSent() {},
      onInformational() {},
      onHead: ({ status }) => void (head = String(status)),
      onData: (chunk) => void (text += chunk.toString()),
      onEnd: () => resolve(`${head} ${text}`),
      onUpgrade() {},
      onFailure: () => resolve(`${head} ${text}, broken`),
    };
    const request = { method: 'POST', path: '/', authority: 'x', fields: [] };
    pool.dispatch({ ...request, body: body.cursor, upgrade: undefined }, handler);
  });
  await eventually('it is under way', () => isStarted && accepted !== undefined);
  accepted!.write(response, () => {
    accepted!.resetAndDestroy();
    body.send();
  });
  return ended;
}

t.test('a response with a length is read after a write has failed', async (t) => {
  t.equal(await exchange(t, 'HTTP/1.1 413 L\r\nContent-Length: 2\r\n\r\nno'), '413 no');
  t.equal(await exchange(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), '200 ok');
});

t.test('so is a refusal that only the end of the connection ends', async (t) => {
  t.equal(await exchange(t, 'HTTP/1.0 413 L\r\n\r\nno'), '413 no');
});

t.test('any other such response has broken off', async (t) => {
  t.equal(await exchange(t, 'HTTP/1.0 200 OK\r\n\r\npart'), '200 part, broken');
});

t.test('where no response came, the exchange fails', async (t) => {
  t.equal(await exchange(t, 'HTTP/1.1 4'), ' , broken');
});
