import { closeSync, openSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { DescriptorReserve } from '../../src/platform/descriptor-reserve.js';
import type { Teardown } from '../support/sidecar.js';

/** A reserve under a limit at which calls may open `room` more descriptors than are open now. */
function reserveWith(t: Teardown, room: number): DescriptorReserve {
  // No number below the lowest free one is free, and none above it is taken.
  const fillers = Array.from({ length: 50 }, () => openSync(devNull, 'r'));
  t.teardown(() => fillers.forEach(closeSync));
  const lowest = openSync(devNull, 'r');
  closeSync(lowest);
  const kept = 6;
  return new DescriptorReserve(lowest + room + kept);
}

t.test('calls get what is above the reserve', async (t) => {
  const reserve = reserveWith(t, 2);
  t.equal(reserve.isAllThatIsLeft(), false);
  const opened = [openSync(devNull, 'r'), openSync(devNull, 'r')];
  t.equal(reserve.isAllThatIsLeft(), true);
  t.equal(reserve.claim(), false);
  closeSync(opened.pop()!);
  t.equal(reserve.isAllThatIsLeft(), false);
  closeSync(opened.pop()!);
});

t.test('connections that begin at the same time get no more than that', async (t) => {
  const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const reserve = reserveWith(t, 3);
  const sockets: Socket[] = [];
  for (let i = 0; i < 10; i++) {
    if (reserve.claim()) sockets.push(connect(port, '127.0.0.1'));
  }
  t.equal(sockets.length, 3);
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.destroy();
  }
  server.close();
});

t.test('a claim ends when the socket has its descriptor', async (t) => {
  const reserve = reserveWith(t, 1);
  t.equal(reserve.claim(), true);
  t.equal(reserve.claim(), false);
  await setImmediate();
  t.equal(reserve.claim(), true, 'none was opened');
});

t.test('nothing is kept where the limit is not known', async (t) => {
  const reserve = new DescriptorReserve(undefined);
  t.equal(reserve.isAllThatIsLeft(), false);
  t.equal(reserve.claim(), true);
});
