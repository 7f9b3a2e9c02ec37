/** Targets whose name leads to several addresses, or is slow to look up. */
import { once } from 'node:events';
import dns from 'node:dns';
import http from 'node:http';
import t from 'tap';
import { send, startSidecar, startUpstream, type Teardown } from '../support/sidecar.js';

const FLEET = ['127.0.0.1', '127.0.0.2'];

/** `fleet.test` has two addresses; a look-up of `hangs.test` never ends. */
const { lookup } = dns;
const replaced = (
  name: string,
  options: dns.LookupOptions,
  callback: (...all: never[]) => void,
) => {
  if (name === 'hangs.test') return;
  if (name !== 'fleet.test') return lookup(name, options, callback as never);
  const found = FLEET.map((address) => ({ address, family: 4 }));
  setImmediate(() => callback(null as never, found as never));
};
dns.lookup = replaced as unknown as typeof lookup;
t.teardown(() => {
  dns.lookup = lookup;
});

/** Another server on the port of the first. */
async function startSecond(t: Teardown, port: number): Promise<http.Server> {
  const server = http.createServer((_request, response) => {
    response.shouldKeepAlive = false;
    response.end('second');
  });
  await once(server.listen(port, FLEET[1]), 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

async function callOften(url: string, times: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const callInTurn = async (): Promise<void> => {
    for (let i = 0; i < times / 4; i += 1) {
      const { status } = await send(url);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  await Promise.all([callInTurn(), callInTurn(), callInTurn(), callInTurn()]);
  return counts;
}

t.test('half a fleet that responds 503 fails no call', async (t) => {
  const first = await startUpstream(t, (_request, response) => {
    response.shouldKeepAlive = false;
    response.statusCode = 503;
    response.end();
  });
  await startSecond(t, first.port);
  const yaml = `upstreams: { a: { listen: 0, target: "http://fleet.test:${first.port}" } }`;
  const sidecar = await startSidecar(t, yaml);
  t.same(await callOften(sidecar.url('a'), 80), { 200: 80 });
  t.ok(first.seen.length < 12, `${first.seen.length} calls were sent to the half that fails`);
  t.equal(await sidecar.metric('breakwater_circuit_transitions_total', { to: 'open' }), 0);
});

t.test('an attempt after a failed one uses the other address, whatever the failure', async (t) => {
  const first = await startUpstream(t, (_request, response) => {
    response.statusCode = 429;
    response.end();
  });
  await startSecond(t, first.port);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "http://fleet.test:${first.port}", retry: { maxAttempts: 2, budget: off } } }`,
  );
  t.same(await callOften(sidecar.url('a'), 40), { 200: 40 });
  t.ok(first.seen.length > 0);
});

t.test('half a fleet that hangs costs a few calls one attempt', async (t) => {
  const first = await startUpstream(t, () => {});
  await startSecond(t, first.port);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "http://fleet.test:${first.port}", timeout: { attempt: 500ms } } }`,
  );
  t.same(await callOften(sidecar.url('a'), 80), { 200: 80 });
  t.ok(first.seen.length < 12, `${first.seen.length} calls were sent to the half that hangs`);
});

t.test('a name that is slow to look up does not delay the calls to another one', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `upstreams:
  slow: { listen: 0, target: "http://hangs.test:1", timeout: { connect: 60s }, retry: off }
  quick: { listen: 0, target: "http://localhost:${upstream.port}" }`,
  );
  const leaves = new AbortController();
  let isWaiting = true;
  const slow = t.rejects(
    send(sidecar.url('slow'), { signal: leaves.signal }).finally(() => (isWaiting = false)),
    { name: 'AbortError' },
  );
  t.equal((await send(sidecar.url('quick'))).text, 'ok');
  t.ok(isWaiting);
  leaves.abort();
  await slow;
});

t.test('a look-up that does not end is part of the time to connect', async (t) => {
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "http://hangs.test:1", timeout: { connect: 200ms }, retry: off } }`,
  );
  const { status, headers } = await send(sidecar.url('a'));
  t.match([status, headers['x-breakwater-reason']], [504, 'timeout-connect']);
});
