/** Certificates that are renewed on the disk while the process runs. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { eventually, findFreePort, send } from '../support/sidecar.js';

t.test('a renewed authority is trusted without a signal', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const file = (name: string) => join(folder, name);
  for (const name of ['old', 'new']) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
    execFileSync('openssl', ['req', '-x509', ...key, ...files, ...names], { stdio: 'ignore' });
  }
  const identity = (name: string) => ({
    key: readFileSync(file(`${name}.key`)),
    cert: readFileSync(file(`${name}.pem`)),
  });
  const server = https.createServer(identity('old'), (_request, response) => response.end('ok'));
  server.keepAliveTimeout = 1;
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port: upstreamPort } = server.address() as AddressInfo;

  copyFileSync(file('old.pem'), file('ca.pem'));
  const [port, admin] = [await findFreePort(), await findFreePort()];
  writeFileSync(
    file('f.yaml'),
    `admin: { listen: ${admin} }
upstreams:
  a:
    listen: ${port}
    target: "https://localhost:${upstreamPort}"
    circuitBreaker: off
    tls: { ca: ca.pem }
`,
  );
  const child = spawn(...node(pathOf('main.js'), 'run', '--config', file('f.yaml')));
  t.teardown(() => {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  await eventually('it is ready', () => output.includes('breakwater: ready'));
  const call = async () => (await send(`http://127.0.0.1:${port}/`)).status;
  t.equal(await call(), 200);

  server.setSecureContext(identity('new'));
  server.closeAllConnections();
  t.equal(await call(), 502, 'the old authority did not sign this');
  const startMs = performance.now();
  copyFileSync(file('new.pem'), file('ca.pem'));
  await eventually('the new one is trusted', async () => (await call()) === 200);
  t.ok(performance.now() - startMs < 15_000);
});
