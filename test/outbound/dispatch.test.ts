import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import type { Reply } from '../../src/core/reply.js';
import { ConnectionPool } from '../../src/outbound/http1/connection-pool.js';
import { createDispatch } from '../../src/outbound/dispatch.js';
import { fakeAttempt } from '../support/fake-call.js';
import { fakeDestinations } from '../support/fake-destinations.js';
import { FakeClock } from '../support/fake-clock.js';
import { poolContext, poolOptions } from '../support/pool-options.js';
import { eventually, type Teardown } from '../support/sidecar.js';

/** A server on whose connections the test itself responds, and a way to it. */
async function open(t: Teardown) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const pool = new ConnectionPool(poolOptions(port), poolContext(clock));
  t.teardown(() => {
    pool.destroy();
    server.close();
  });
  const dispatch = createDispatch({
    upstream: 'a',
    basePath: '',
    edits: [],
    destinations: fakeDestinations(pool),
    judge: () => undefined,
    openTunnel() {},
    clock,
    emit() {},
  });
  const get = (): Promise<Reply> => dispatch.run(fakeAttempt());
  return { get, sockets };
}

/** Takes what comes, and wants no more after each piece. */
function takePieceByPiece(reply: Reply) {
  const taken = { bytes: 0, hasEnded: false };
  reply.attach({
    onData(chunk) {
      taken.bytes += chunk.length;
      return false;
    },
    onEnd: () => void (taken.hasEnded = true),
    onError: () => {},
  });
  return taken;
}

t.test('a slow reader of one response does not set off the next on its connection', async (t) => {
  const { get, sockets } = await open(t);
  const first = get();
  await eventually('it has a connection', () => sockets.length === 1);
  const [socket] = sockets as [Socket];
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n');
  const before = await first;
  const taken = takePieceByPiece(before);
  // Its last piece is one too many for the reader, which takes its time with it.
  socket.write('x');
  await eventually('it is complete', () => taken.hasEnded);

  const second = get();
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
  const reply = await second;
  const after = takePieceByPiece(reply);
  socket.write(Buffer.alloc(20_000_000));
  await eventually('the reader has had enough', () => after.bytes > 0);
  const { bytes } = after;
  await eventually('the upstream is held back', () => socket.writableLength > 0);
  t.equal(sockets.length, 1, 'both came over one connection');
  before.resume();
  // Had it set the connection off, more would have been read before all of these are through another one.
  for (let i = 0; i < 20; i++) {
    const other = get();
    await eventually('it has another connection', () => sockets.length === 2);
    sockets[1]!.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const whole = takePieceByPiece(await other);
    await eventually('it is complete', () => whole.hasEnded);
  }
  t.equal(after.bytes, bytes);
  reply.resume();
  await eventually('its own reader sets it off', () => after.bytes > bytes);
});
