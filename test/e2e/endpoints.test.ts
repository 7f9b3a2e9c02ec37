/** Upstreams with several endpoints, as callers and operators see them. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  eventually,
  send,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Teardown,
  type TestSidecar,
} from '../support/sidecar.js';

interface Endpoint {
  readonly address: string;
  readonly state: string;
}

async function listEndpoints(sidecar: TestSidecar): Promise<readonly Endpoint[]> {
  const { upstreams } = (await sidecar.json('/upstreams')) as {
    readonly upstreams: readonly { readonly endpoints: readonly Endpoint[] }[];
  };
  return upstreams[0]!.endpoints;
}

const stateAt = async (sidecar: TestSidecar, port: number) =>
  (await listEndpoints(sidecar)).find(({ address }) => address.endsWith(`:${port}`))?.state;

/** @returns how many of the calls got which text. */
async function callOften(sidecar: TestSidecar, times: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i += 1) {
    const { status, text } = await send(sidecar.url('a'));
    const what = status === 200 ? text : String(status);
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

const put = async (sidecar: TestSidecar, address: string, state: 'drained' | 'auto') =>
  send(`${sidecar.admin}/endpoints/a/${address}`, {
    method: 'PUT',
    body: JSON.stringify({ state }),
  });

const GARBAGE: Readonly<Record<string, string | Buffer>> = {
  'the greeting of another protocol': 'SSH-2.0-OpenSSH_9.6\r\n',
  'bytes of all kinds': Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28, 0x00, 0xff]),
  'a status that is no number': 'HTTP/1.1 abc OK\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
  'a head that is too large': `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(200_000)}\r\n\r\n`,
  'nothing, and closes': '',
};

for (const [name, bytes] of Object.entries(GARBAGE)) {
  t.test(`an endpoint that sends ${name} is ejected, and no call fails`, async (t) => {
    const good = await startUpstream(t, (_request, response) => response.end('good'));
    const bad = await startRawUpstream(t, (socket) => {
      socket.once('data', () => socket.end(bytes));
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, targets: ["${bad.url}", "${good.url}"], retry: { backoff: { baseDelay: 1ms } } } }`,
    );
    let calls = 0;
    await eventually('it is ejected', async () => {
      const { status } = await send(sidecar.url('a'));
      calls += 1;
      t.equal(status, 200);
      return (await stateAt(sidecar, bad.port)) === 'ejected';
    });
    t.same(await callOften(sidecar, 10), { good: 10 });
    t.equal(await stateAt(sidecar, good.port), 'available');
    t.ok(calls < 60, `${calls} calls until then`);
    t.ok(sidecar.logs.some(({ msg }) => String(msg).includes(`${bad.port}`)));
  });
}

async function startPair(t: Teardown): Promise<readonly [number, number]> {
  const [one, two] = [
    await startUpstream(t, (_request, response) => response.end('one')),
    await startUpstream(t, (_request, response) => response.end('two')),
  ];
  return [one.port, two.port];
}

t.test('calls go by weight', async (t) => {
  const [one, two] = await startPair(t);
  const targets = `[{ url: "http://127.0.0.1:${one}", weight: 3 }, "http://127.0.0.1:${two}"]`;
  const turns = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, targets: ${targets}, balance: { strategy: round-robin } } }`,
  );
  t.same(await callOften(turns, 40), { one: 30, two: 10 });
  const drawn = await startSidecar(t, `upstreams: { a: { listen: 0, targets: ${targets} } }`);
  const { one: ofOne = 0 } = await callOften(drawn, 200);
  // 150, with a standard deviation of 6.
  t.ok(ofOne > 110 && ofOne < 190, `${ofOne} of 200 calls`);
});

t.test('an operator takes out one endpoint after the other, and puts them back', async (t) => {
  const [one, two] = await startPair(t);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, targets: ["http://127.0.0.1:${one}", "http://127.0.0.1:${two}"] } }`,
  );
  t.equal((await put(sidecar, `127.0.0.1:${one}`, 'drained')).status, 200);
  t.same(await callOften(sidecar, 10), { two: 10 });
  t.equal((await put(sidecar, `127.0.0.1:${two}`, 'drained')).status, 200);
  const refused = await send(sidecar.url('a'));
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'no-endpoint');
  t.ok(Number(refused.headers['retry-after']) >= 1);
  t.match(refused.text, /all its 2 endpoints are drained/);
  t.equal((await sidecar.reload()).kind, 'success');
  t.same(await callOften(sidecar, 3), { 503: 3 }, 'a reload does not put them back');
  t.equal((await put(sidecar, `127.0.0.1:${one}`, 'auto')).status, 200);
  t.same(await callOften(sidecar, 10), { one: 10 });
  t.equal(await sidecar.metric('breakwater_panics_total'), 0);
});

t.test('sockets and IPv6 addresses are named in the path of a request as in a URL', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater 100% ü-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'up stream.sock');
  const server = http.createServer((_request, response) => response.end('socket'));
  await once(server.listen({ path }), 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "http+unix://${encodeURIComponent(path)}" } }`,
  );
  t.same(await callOften(sidecar, 1), { socket: 1 });
  t.match(await listEndpoints(sidecar), [{ address: path, state: 'available' }]);
  const drained = await put(sidecar, encodeURIComponent(path), 'drained');
  t.match(JSON.parse(drained.text), { address: path, state: 'drained' });
  t.same(await callOften(sidecar, 1), { 503: 1 });
  t.equal((await put(sidecar, encodeURIComponent(path), 'auto')).status, 200);
  t.same(await callOften(sidecar, 1), { socket: 1 });

  const six = await startSidecar(t, 'upstreams: { a: { listen: 0, target: "http://[::1]:1" } }');
  for (const written of ['[::1]:1', '%5B::1%5D:1', '%5B%3A%3A1%5D%3A1']) {
    const { status, text } = await put(six, written, 'drained');
    t.equal(status, 200, written);
    t.match(JSON.parse(text), { address: '[::1]:1', state: 'drained' });
  }
  t.equal((await put(six, '[::2]:1', 'drained')).status, 404);
});
