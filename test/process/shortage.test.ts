/** A process that runs out of file descriptors under load. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import {
  eventually,
  findFreePort,
  send,
  startRawUpstream,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

/** @param link of /proc; what it stands for may have been closed since it was listed. */
function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch {
    return false;
  }
}

/** The program with an upstream that has no limits of its own. */
async function start(t: Teardown, limit: number, target: string) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const [port, admin] = [await findFreePort(), await findFreePort()];
  writeFileSync(
    join(folder, 'f.yaml'),
    `admin: { listen: ${admin} }\nupstreams: { a: { listen: ${port}, target: "${target}", bulkhead: off, retry: off } }`,
  );
  const [command, args] = node(pathOf('main.js'), 'run', '--config', join(folder, 'f.yaml'));
  const child = spawn('sh', ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', command, ...args]);
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    port,
    admin: `http://127.0.0.1:${admin}`,
    output: () => output,
    errors: () => errors,
    exit,
    isReady: () => eventually('it is ready', () => output.includes('breakwater: ready')),
    sockets: () => {
      const folder = `/proc/${child.pid}/fd`;
      return readdirSync(folder).filter((name) => isSocket(join(folder, name))).length;
    },
    connect(count: number) {
      const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
      t.teardown(() => clients.forEach((client) => client.destroy()));
      for (const client of clients) client.on('error', () => {});
      return clients;
    },
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Close to the limit below, less what the process needs for itself. */
const CLIENTS = 75;

t.test('calls fail while there are no descriptors, and the circuit stays closed', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    setTimeout(() => response.end('ok'), 500);
  });
  const proxy = await start(t, 128, upstream.url);
  await proxy.isReady();

  // All clients are connected before the first call: only connections to the upstream find no descriptor.
  const before = proxy.sockets();
  const clients = proxy.connect(CLIENTS);
  await eventually('all clients are accepted', () => proxy.sockets() >= before + CLIENTS);
  const responses = await Promise.all(
    clients.map(async (client) => {
      client.write(GET);
      return text(client);
    }),
  );
  const failed = responses.filter((response) => !response.startsWith('HTTP/1.1 200 '));
  t.ok(failed.length > 5, `${failed.length} calls have failed`);
  t.ok(failed.length < CLIENTS, 'some calls have found a descriptor');
  for (const response of failed) {
    t.match(response, /^X-Breakwater-Reason: connect-failed\r$/m);
    t.match(response, /because this process has no file descriptor left/);
  }
  t.equal((await send(`http://127.0.0.1:${proxy.port}/`)).status, 200, 'all is well afterwards');
  t.equal(proxy.output().match(/"level":"warn"/g)?.length, 1);
});

t.test('the admin server responds while clients and calls have used up the rest', async (t) => {
  const silent = await startRawUpstream(t, () => {});
  for (const limit of [64, 128]) {
    const proxy = await start(t, limit, silent.url);
    await proxy.isReady();
    const before = proxy.sockets();
    // Their calls wait: each has a connection to the upstream.
    for (const client of proxy.connect(20)) client.write(GET);
    await eventually('the first are served', () => proxy.sockets() > before + 20);
    let closed = 0;
    for (const client of proxy.connect(2 * limit)) {
      client.resume();
      client.on('close', () => (closed += 1));
      client.write(GET);
    }
    await eventually('no more are accepted', () => closed > limit);
    for (const path of ['/metrics', '/healthz', '/upstreams', '/metrics']) {
      t.equal((await send(proxy.admin + path)).status, 200, `${path} with ulimit -n ${limit}`);
    }
    t.equal(proxy.output().match(/"level":"warn"/g)?.length, 1);
  }
});

t.test('too few descriptors to load the program are told in one line', async (t) => {
  const proxy = await start(t, 32, 'http://127.0.0.1:1');
  t.equal(await proxy.exit, 1);
  t.equal(
    proxy.errors(),
    'breakwater: error: Cannot start because only 32 descriptors may be open (ulimit -n); at least 64 are needed\n',
  );
});
