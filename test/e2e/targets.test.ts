import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { endInPieces, send, standstill, startSidecar, type Teardown } from '../support/sidecar.js';

/** A CA, a server certificate for upstream.test, and a client certificate, made by openssl. */
function makeCertificates(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Test CA',
    '-days',
    '2',
  );
  for (const [name, subject] of [
    ['server', 'upstream.test'],
    ['client', 'sidecar'],
  ] as const) {
    openssl(
      'req',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${subject}`,
      '-addext',
      `subjectAltName=DNS:${subject}`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
      '-out',
      `${name}.pem`,
      '-days',
      '2',
    );
  }
  return folder;
}

async function listen(
  t: Teardown,
  server: http.Server | https.Server,
  where: object,
): Promise<number> {
  server.listen(where);
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'string' ? 0 : (address as AddressInfo).port;
}

t.test(
  'verifies an https target, with its own CA, server name and client certificate',
  async (t) => {
    const folder = makeCertificates(t);
    const file = (name: string) => readFileSync(join(folder, name));
    const server = https.createServer(
      {
        key: file('server.key'),
        cert: file('server.pem'),
        ca: file('ca.pem'),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        response.end(
          JSON.stringify([
            socket.authorized,
            socket.getPeerCertificate().subject?.CN,
            (socket as TLSSocket & { servername: string }).servername,
          ]),
        );
      },
    );
    const port = await listen(t, server, { port: 0, host: '127.0.0.1' });
    const ca = `ca: ${folder}/ca.pem`;
    const common = `listen: 0, target: "https://127.0.0.1:${port}", retry: off, circuitBreaker: off`;
    const sidecar = await startSidecar(
      t,
      `upstreams:
  full: { ${common}, tls: { ${ca}, serverName: upstream.test, cert: ${folder}/client.pem, key: ${folder}/client.key } }
  kept: { ${common}, preserveHost: true, tls: { ${ca}, serverName: upstream.test } }
  named: { ${common}, tls: { ${ca} } }
  unknown: { ${common}, tls: { serverName: upstream.test } }
  blind: { ${common}, tls: { insecureSkipVerify: true } }`,
    );
    t.same(JSON.parse((await send(`${sidecar.url('full')}/`)).text), [
      true,
      'sidecar',
      'upstream.test',
    ]);
    for (const host of ['one.example', 'two.example']) {
      const kept = await send(`${sidecar.url('kept')}/`, { headers: { Host: host } });
      t.match(kept.text, 'upstream.test', "the client's Host is no server name");
    }
    for (const name of ['named', 'unknown']) {
      const response = await send(`${sidecar.url(name)}/`);
      t.equal(response.status, 502, name);
      t.equal(response.headers['x-breakwater-reason'], 'connect-failed');
      t.match(response.headers['proxy-status'], /error=tls_certificate_error/);
    }
    t.equal((await send(`${sidecar.url('blind')}/`)).status, 200);
  },
);

t.test(
  'reads over TLS at the pace of its client, and shortens the handshakes to come',
  async (t) => {
    const folder = makeCertificates(t);
    const file = (name: string) => readFileSync(join(folder, name));
    const body = randomBytes(2 ** 26);
    const reused: boolean[] = [];
    let sentBytes: (() => number) | undefined;
    const server = https.createServer(
      { key: file('server.key'), cert: file('server.pem') },
      (request, response) => {
        reused.push((request.socket as TLSSocket).isSessionReused());
        response.writeHead(200, { Connection: 'close' });
        sentBytes = endInPieces(response, body);
      },
    );
    const port = await listen(t, server, { port: 0, host: '127.0.0.1' });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "https://127.0.0.1:${port}", tls: { ca: ${folder}/ca.pem, serverName: upstream.test } } }`,
    );
    for (let i = 0; i < 2; i++) {
      const response = await new Promise<http.IncomingMessage>((resolve) =>
        http.get(`${sidecar.url('a')}/`, resolve),
      );
      const sent = await standstill(
        'the response',
        () => sentBytes?.() ?? 0,
        () => send(`${sidecar.admin}/healthz`),
      );
      t.ok(sent < body.length / 2, `sent ${sent} to a client that does not read`);
      const received: Buffer[] = [];
      for await (const chunk of response) received.push(chunk as Buffer);
      t.ok(Buffer.concat(received).equals(body));
    }
    t.same(reused, [false, true]);
  },
);

const echo: http.RequestListener = (request, response) =>
  response.end(`${request.headers.host} ${request.url}`);

t.test('reaches a target on a Unix socket and one on IPv6', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'upstream.sock');
  await listen(t, http.createServer(echo), { path });
  const port = await listen(t, http.createServer(echo), { port: 0, host: '::1' });
  const listenPath = join(folder, 'listen.sock');
  const sidecar = await startSidecar(
    t,
    `upstreams:
  socket: { listen: 0, target: "http+unix://${encodeURIComponent(path)}/base" }
  six: { listen: "unix:${listenPath}", target: "http://[::1]:${port}" }`,
  );
  t.equal((await send(`${sidecar.url('socket')}/x`)).text, 'localhost /base/x');
  const response = await send('http://localhost/x', { socketPath: listenPath });
  t.equal(response.text, `[::1]:${port} /x`);
});
