/** Which protocol a request goes by. */
import { once } from 'node:events';
import { createServer as createHttp1, type Server } from 'node:http';
import {
  createSecureServer,
  createServer as createHttp2,
  type Http2SecureServer,
} from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { ClientClosed, ConnectTimeout, type ClientOptions } from '../../src/outbound/client.js';
import type { Protocol } from '../../src/outbound/options.js';
import { ProtocolClient } from '../../src/outbound/protocol-client.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { makeCertificate, type Certificate } from '../support/certificate.js';
import { FakeClock } from '../support/fake-clock.js';
import { sendBy, wholeBody, type Sent } from '../support/outbound.js';
import { poolContext, poolOptions } from '../support/pool-options.js';
import { eventually, type Teardown } from '../support/sidecar.js';

interface Seen {
  /** Of each request: the version of HTTP. */
  readonly versions: string[];
  readonly sockets: Socket[];
  readonly port: number;
}

async function listen(t: Teardown, server: Server | NetServer | Http2SecureServer): Promise<Seen> {
  const [versions, sockets]: [string[], Socket[]] = [[], []];
  server.on('request', (request, response) => {
    versions.push(request.httpVersion);
    response.end(request.httpVersion);
  });
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket: Socket) => {
      if (event === 'connection') sockets.push(socket);
      socket.on('error', () => {});
    });
  }
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { versions, sockets, port: (server.address() as AddressInfo).port };
}

function optionsFor(port: number, protocol: Protocol, certificate?: Certificate): ClientOptions {
  const options = { ...poolOptions(port), protocol, maxHeaderSize: 16_384 };
  if (certificate === undefined) return options;
  const { target } = options;
  return {
    ...options,
    target: { ...target, protocol: 'https:', host: 'localhost' },
    address: '127.0.0.1',
    tls: { ca: certificate.cert, insecureSkipVerify: false },
  };
}

function openClient(t: Teardown, options: ClientOptions): ProtocolClient {
  const client = ProtocolClient.open(options, poolContext(createSystemClock()), undefined);
  t.teardown(() => client.destroy());
  return client;
}

const grpc = (type: string) => ({
  method: 'POST',
  fields: ['Content-Type', type],
  body: wholeBody('x'),
});

async function textOf(sent: Sent): Promise<string> {
  return (await sent.ended) === 'end' ? sent.text : String(sent.error?.message);
}

t.test('without TLS', async (t) => {
  const http1 = await listen(t, createHttp1());
  const http2 = await listen(t, createHttp2() as unknown as NetServer);
  for (const protocol of ['http1', 'auto'] as const) {
    t.equal(await textOf(sendBy(openClient(t, optionsFor(http1.port, protocol)))), '1.1', protocol);
  }
  t.equal(await textOf(sendBy(openClient(t, optionsFor(http2.port, 'http2')))), '2.0');
  for (const protocol of ['http1', 'auto', 'http2'] as const) {
    const client = openClient(t, optionsFor(http2.port, protocol));
    for (const type of ['application/grpc', 'application/grpc+proto', 'Application/gRPC;x=1']) {
      t.equal(await textOf(sendBy(client, grpc(type))), '2.0', `${type} with ${protocol}`);
    }
  }
  const client = openClient(t, optionsFor(http1.port, 'http1'));
  for (const type of ['application/grpc-web', 'application/grpcs', 'text/plain']) {
    t.equal(await textOf(sendBy(client, grpc(type))), '1.1', type);
  }
});

t.test('with TLS, what is asked for is all that is offered', async (t) => {
  const certificate = makeCertificate(t);
  const offered: string[][] = [];
  const server = createTls(
    {
      ...certificate,
      ALPNCallback: ({ protocols }) => {
        offered.push(protocols);
        return undefined;
      },
    },
    () => {},
  );
  const { port } = await listen(t, server);
  const expected = { http1: ['http/1.1'], http2: ['h2'], auto: ['h2', 'http/1.1'] };
  for (const [protocol, names] of Object.entries(expected)) {
    const sent = sendBy(openClient(t, optionsFor(port, protocol as Protocol, certificate)));
    t.equal(await sent.ended, 'failure');
    t.match(sent.progress, { isConnected: false, sent: 'none' });
    t.same(offered.pop(), names);
  }
});

t.test('with TLS, an upstream that ignores ALPN does not speak HTTP/2', async (t) => {
  const certificate = makeCertificate(t);
  const server = createTls(certificate, (socket: TLSSocket) => void socket.on('data', () => {}));
  const { port } = await listen(t, server);
  const sent = sendBy(openClient(t, optionsFor(port, 'http2', certificate)));
  t.equal(await sent.ended, 'failure');
  t.match(sent.error?.message, /ALPN h2/);
  t.match(sent.progress, { isConnected: false, sent: 'none' });
});

t.test('auto lets the upstream choose, once, on the connection that is used then', async (t) => {
  const certificate = makeCertificate(t);
  const http1 = await listen(t, createHttps(certificate));
  const both = await listen(t, createSecureServer({ ...certificate, allowHTTP1: true }));
  for (const [server, version] of [
    [http1, '1.1'],
    [both, '2.0'],
  ] as const) {
    const client = openClient(t, optionsFor(server.port, 'auto', certificate));
    const first = [sendBy(client), sendBy(client)];
    for (const sent of first) t.equal(await textOf(sent), version);
    t.equal(await textOf(sendBy(client)), version);
    // HTTP/1.1 needs one for each of two requests at a time.
    t.equal(server.sockets.length, version === '1.1' ? 2 : 1);
  }
  const client = openClient(t, optionsFor(both.port, 'auto', certificate));
  t.equal(await textOf(sendBy(client)), '2.0');
  t.equal(await textOf(sendBy(client, { upgrade: 'websocket' })), '1.1', 'HTTP/2 has no upgrade');
});

t.test(
  'a response over the connection that was negotiated comes as a whole, by either protocol',
  async (t) => {
    const certificate = makeCertificate(t);
    const large = Buffer.alloc(3_000_000, 'x');
    for (const server of [createHttps(certificate), createSecureServer(certificate)]) {
      server.removeAllListeners('request');
      const { port } = await listen(t, server);
      server.removeAllListeners('request');
      server.on('request', (_request, response) => response.end(large));
      const sent = sendBy(openClient(t, optionsFor(port, 'auto', certificate)));
      t.equal(await sent.ended, 'end');
      t.equal(sent.bytes, large.length);
    }
  },
);

t.test('auto asks again after the upstream has stopped to speak HTTP/2', async (t) => {
  const certificate = makeCertificate(t);
  const before = createSecureServer(certificate);
  const { port, sockets } = await listen(t, before);
  const client = openClient(t, optionsFor(port, 'auto', certificate));
  t.equal(await textOf(sendBy(client)), '2.0');
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => before.close(resolve));
  const after = createHttps(certificate, (request, response) => response.end(request.httpVersion));
  await once(after.listen(port, '127.0.0.1'), 'listening');
  t.teardown(() => {
    after.closeAllConnections();
    after.close();
  });
  await eventually('it goes by HTTP/1.1', async () => (await textOf(sendBy(client))) === '1.1');
});

t.test('a connection that cannot be negotiated fails all that wait for it', async (t) => {
  const certificate = makeCertificate(t);
  const silent = await listen(t, createHttp1().removeAllListeners('connection'));
  const clock = new FakeClock();
  const client = ProtocolClient.open(
    optionsFor(silent.port, 'auto', certificate),
    poolContext(clock),
    undefined,
  );
  const sent = [sendBy(client), sendBy(client)];
  await eventually('there is a connection', () => silent.sockets.length === 1);
  await clock.advance(5000);
  for (const each of sent) {
    await each.ended;
    t.ok(each.error instanceof ConnectTimeout);
    t.match(each.progress, { isConnected: false, sent: 'none' });
  }
  const last = sendBy(client);
  client.destroy();
  await last.ended;
  t.ok(last.error instanceof ClientClosed);
  const late = sendBy(client);
  await late.ended;
  t.ok(late.error instanceof ClientClosed);
});

t.test('with http2, a request for an upgrade goes as an ordinary one', async (t) => {
  const server = createHttp2();
  const { port, versions } = await listen(t, server as unknown as NetServer);
  const sent = sendBy(openClient(t, optionsFor(port, 'http2')), { upgrade: 'websocket' });
  t.equal(await textOf(sent), '2.0');
  t.same(versions, ['2.0']);
});

t.test(
  'is held once more where it was opened for the same, and closes with its last holder',
  async (t) => {
    const server = await listen(t, createHttp2() as unknown as NetServer);
    const options = optionsFor(server.port, 'http2');
    const context = poolContext(createSystemClock());
    const client = openClient(t, options);
    await sendBy(client).ended;
    t.equal(ProtocolClient.open(options, context, client), client);
    const other = ProtocolClient.open({ ...options, protocol: 'http1' }, context, client);
    t.not(other, client, 'another protocol');
    client.release();
    t.equal(server.sockets[0]!.destroyed, false);
    client.release();
    await eventually('it is closed', () => server.sockets[0]!.destroyed);
    t.not(ProtocolClient.open(options, context, client), client, 'it is let go');
  },
);
