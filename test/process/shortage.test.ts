/** A process that runs out of file descriptors under load. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

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

  const calls = Array.from({ length: 75 }, () => send(`http://127.0.0.1:${port}/`));
  const failed = (await Promise.all(calls)).filter(({ status }) => status !== 200);
  t.ok(failed.length > 5);
  for (const { headers, text } of failed) {
    t.equal(headers['x-breakwater-reason'], 'connect-failed');
    t.match(text, /because this process has no file descriptor left/);
  }
  t.equal((await send(`http://127.0.0.1:${port}/`)).status, 200, 'all is well afterwards');
  t.equal(output.match(/"level":"warn"/g)?.length, 1);
});
