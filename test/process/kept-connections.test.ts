/** A stop under load: clients on kept connections send requests around the signal, with default settings. */
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { connectClients } from '../support/kept-clients.js';
import { eventually, findFreePort, startUpstream, type Teardown } from '../support/sidecar.js';

const CLIENTS = 300;

async function start(t: Teardown) {
  const [port, admin] = [await findFreePort(), await findFreePort()];
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const proxy = startProxy(
    t,
    `admin: { listen: ${admin} }\nupstreams: { a: { listen: ${port}, target: "${upstream.url}", bulkhead: off } }`,
  );
  await eventually('it is ready', () => proxy.output().includes('ready'));
  return { proxy, port };
}

t.test('responds to requests that kept connections send at the moment of SIGTERM', async (t) => {
  const { proxy, port } = await start(t);
  const clients = await connectClients(port, CLIENTS);
  t.teardown(() => clients.destroy());
  proxy.process.kill('SIGTERM');
  clients.sendAll();
  t.equal(await proxy.exit, 0);
  await eventually('all connections have closed', () => clients.open === 0);
  t.equal(clients.responses, 2 * CLIENTS);
  t.equal(clients.lost, 0, 'requests without a response');
});

t.test('loses no request of clients that go on sending through a SIGTERM', async (t) => {
  const { proxy, port } = await start(t);
  const clients = await connectClients(port, CLIENTS, () => Math.random() * 100);
  t.teardown(() => clients.destroy());
  await eventually('they are busy', () => clients.responses > 2 * CLIENTS);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.exit, 0);
  await eventually('all connections have closed', () => clients.open === 0);
  t.equal(clients.lost, 0, 'requests without a response');
  t.equal(clients.told, CLIENTS, 'clients that were told to close');
});

t.test(
  'serves connections that wait to be accepted, and closes those without a request',
  async (t) => {
    const { proxy, port } = await start(t);
    const unused = net.connect(port, '127.0.0.1');
    t.teardown(() => unused.destroy());
    const closed = new Promise((resolve) => unused.once('close', resolve));
    unused.on('error', () => {});
    await new Promise((resolve) => unused.once('connect', resolve));
    // While it is stopped, connections wait in the accept queue.
    proxy.process.kill('SIGSTOP');
    const connecting = connectClients(port, 100);
    await setTimeout(1000);
    proxy.process.kill('SIGTERM');
    const signalledAt = performance.now();
    proxy.process.kill('SIGCONT');
    const clients = await connecting;
    t.teardown(() => clients.destroy());
    t.equal(clients.responses, 100);
    await closed;
    const openMs = performance.now() - signalledAt;
    t.ok(openMs > 200, `an idle connection stays open for a while: ${openMs} ms`);
    t.equal(await proxy.exit, 0, 'without a wait for the grace time');
    t.equal(clients.lost, 0);
  },
);
