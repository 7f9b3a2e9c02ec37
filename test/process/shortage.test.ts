/** A process that runs out of file descriptors under load. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

/** Close to the limit below, less what the process needs for itself. */
const CLIENTS = 75;

t.test('calls fail while there are no descriptors, and the circuit stays closed', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    setTimeout(() => response.end('ok'), 500);
  });
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const [port, admin] = [await findFreePort(), await findFreePort()];
  writeFileSync(
    join(folder, 'f.yaml'),
    `admin: { listen: ${admin} }\nupstreams: { a: { listen: ${port}, target: "${upstream.url}", bulkhead: off, retry: off } }`,
  );
  const [command, args] = node(pathOf('main.js'), 'run', '--config', join(folder, 'f.yaml'));
  const child = spawn('sh', ['-c', 'ulimit -n 128; exec "$@"', 'sh', command, ...args]);
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  await eventually('it is ready', () => output.includes('breakwater: ready'));

  // All clients are connected before the first call: only connections to the upstream find no descriptor.
  const descriptors = () => readdirSync(`/proc/${child.pid}/fd`).length;
  const before = descriptors();
  const clients = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1'));
  t.teardown(() => clients.forEach((client) => client.destroy()));
  await eventually('all clients are accepted', () => descriptors() >= before + CLIENTS);
  const responses = await Promise.all(
    clients.map(async (client) => {
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
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
  t.equal((await send(`http://127.0.0.1:${port}/`)).status, 200, 'all is well afterwards');
  t.equal(output.match(/"level":"warn"/g)?.length, 1);
});
