import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createAdmin, type AdminOptions } from '../../src/admin/server.js';
import { eventually, send, standstill, type Teardown } from '../support/sidecar.js';
import { fakeProxy } from './fake-proxy.js';

t.test('tells the port that it was given', async (t) => {
  const admin = createAdmin(fakeProxy().options);
  t.teardown(() => admin.close());
  const address = await admin.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  t.match(address, { kind: 'tcp', host: '127.0.0.1', port: Number });
  const port = address.kind === 'tcp' ? address.port : 0;
  t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});

t.test('rejects with the code of an address in use', async (t) => {
  const first = createAdmin(fakeProxy().options);
  const second = createAdmin(fakeProxy().options);
  t.teardown(() => Promise.all([first.close(), second.close()]));
  const address = await first.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  await t.rejects(second.listen(address), { code: 'EADDRINUSE' });
});

t.test('takes orders over a unix socket without a token', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-admin-'));
  const path = join(folder, 'admin.sock');
  const { options, circuits, logs } = fakeProxy();
  const admin = createAdmin(options);
  t.teardown(async () => {
    await admin.close();
    rmSync(folder, { recursive: true });
  });
  t.same(await admin.listen({ kind: 'unix', path }), { kind: 'unix', path });
  const call = request({ socketPath: path, method: 'PUT', path: '/circuits/catalog' });
  call.end('{"state":"forced-open"}');
  const [response] = await once(call, 'response');
  response.resume();
  t.equal(response.statusCode, 200);
  t.same(circuits.catalog.orders, [['forced-open', undefined]]);
  t.match(logs, [{ fields: { peer: 'unix socket' } }]);
});

t.test('closes without waiting for idle or unfinished clients', async (t) => {
  const admin = createAdmin(fakeProxy().options);
  const address = await admin.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const port = address.kind === 'tcp' ? address.port : 0;
  const idle = connect(port, '127.0.0.1');
  const unfinished = connect(port, '127.0.0.1');
  for (const socket of [idle, unfinished]) {
    socket.on('error', () => {});
    await once(socket, 'connect');
  }
  unfinished.write('PUT /circuits/catalog HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
  idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');
  let told = '';
  unfinished.on('data', (data: Buffer) => (told += data.toString()));
  const closed = Promise.all(
    [idle, unfinished].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
  );
  await admin.close();
  await closed;
  // One that waits is told of the end of its time, with 408.
  t.equal(told, '', 'the unfinished one is cut off without a response');
  await t.rejects(fetch(`http://127.0.0.1:${port}/healthz`), 'and nothing listens any more');
});

t.test('closes where it never listened, and as often as it is told to', async (t) => {
  const admin = createAdmin(fakeProxy().options);
  await t.resolves(admin.close());
  await t.resolves(admin.close());
});

async function* breakOff() {
  yield 'up 1\n';
  throw new Error('No cells');
}

/** A page of `count` pieces, and how far it has come. */
function longPage(count: number) {
  const page = { pieces: 0, hasEnded: false };
  async function* exposition() {
    try {
      for (; page.pieces < count; page.pieces++) yield '#'.repeat(64 * 1024);
    } finally {
      page.hasEnded = true;
    }
  }
  return { page, metrics: { contentTypeFor: () => 'text/plain', exposition } };
}

async function listen(t: Teardown, overrides: Partial<AdminOptions>): Promise<number> {
  const admin = createAdmin(fakeProxy(overrides).options);
  t.teardown(() => admin.close());
  const address = await admin.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  return address.kind === 'tcp' ? address.port : 0;
}

t.test(
  'writes the metrics no further than they are read, nor on when their reader has left',
  async (t) => {
    // More than sockets take in by themselves.
    const { page, metrics } = longPage(1000);
    const port = await listen(t, { metrics });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
    const before = await standstill(
      'the page',
      () => page.pieces,
      () => send(`http://127.0.0.1:${port}/healthz`),
    );
    t.ok(before < 500, `${before} pieces`);
    t.notOk(page.hasEnded);
    socket.destroy();
    await eventually('it has been given up', () => page.hasEnded);
    t.ok(page.pieces < 500, `${page.pieces} pieces`);
  },
);

t.test(
  'cuts the connection, and says why, where a defect shows in the middle of the metrics',
  async (t) => {
    const metrics = { contentTypeFor: () => 'text/plain', exposition: breakOff };
    const { options, logs } = fakeProxy({ metrics });
    const port = await listen(t, options);
    await t.rejects(send(`http://127.0.0.1:${port}/metrics`), { code: 'ECONNRESET' });
    t.match(logs, [
      { level: 'error', fields: { path: '/metrics' }, message: /^Cannot .* no cells$/ },
    ]);
  },
);
