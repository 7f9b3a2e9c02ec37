/** HTTP/1.1 clients whose calls go to an upstream by HTTP/2. */
import { once } from 'node:events';
import http from 'node:http';
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { makeCertificate } from '../support/certificate.js';
import {
  Code,
  Flag,
  Type,
  dataFrame,
  goawayFrame,
  headersFrame,
  rstFrame,
  startRawHttp2,
} from '../support/raw-http2.js';
import {
  eventually,
  send,
  sendRaw,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Http2Upstream {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
}

async function serve(
  t: Teardown,
  onStream: OnStream,
  server: Http2Server | Http2SecureServer = createServer(),
): Promise<Http2Upstream> {
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session: ServerHttp2Session) => {
    sessions.push(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

const config = (port: number, more = '') =>
  `upstreams: { a: { listen: 0, target: "http://127.0.0.1:${port}", protocol: http2, circuitBreaker: off${more} } }`;

t.test('a request and its response pass, with 103, trailers and repeated fields', async (t) => {
  const upstream = await serve(t, (stream, headers) => {
    stream.additionalHeaders({ ':status': 103, link: '</style.css>' });
    stream.respond(
      {
        ':status': 201,
        'x-method': headers[':method'],
        'x-path': headers[':path'],
        'x-authority': headers[':authority'],
        'set-cookie': ['a=1', 'b=2'],
      },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
    stream.pipe(stream);
  });
  const sidecar = await startSidecar(t, config(upstream.port));
  const text = await sendRaw(
    sidecar.port('a'),
    'POST /x?y HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close, TE\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Check: 7\r\n\r\n',
  );
  t.match(text, /^HTTP\/1.1 103 Early Hints\r\nlink: <\/style.css>\r\n/);
  t.match(text, /\r\n\r\nHTTP\/1.1 201 Created\r\n/);
  t.match(text, /x-method: POST\r\nx-path: \/x\?y\r\n/);
  t.match(text, new RegExp(`x-authority: 127.0.0.1:${upstream.port}\r\n`));
  t.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/);
  t.match(text, /5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n$/);
});

t.test('large bodies pass both ways and take little memory', async (t) => {
  const SIZE = 60 * 1024 * 1024;
  let received = 0;
  const upstream = await serve(t, (stream, headers) => {
    if (headers[':method'] === 'POST') {
      stream.on('data', (chunk: Buffer) => void (received += chunk.length));
      stream.on('end', () => {
        stream.respond();
        stream.end(String(received));
      });
      return;
    }
    stream.respond({ 'content-length': SIZE });
    let left = SIZE;
    const piece = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!stream.write(piece)) return void stream.once('drain', write);
      }
      stream.end();
    };
    write();
  });
  const sidecar = await startSidecar(t, config(upstream.port, ', retry: off'));
  // A reader that takes nothing: the upstream has to stop.
  const request = http.get(sidecar.url('a'), { agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.pause();
  const sent = () => upstream.sessions[0]!.socket.bytesWritten;
  let last = -1;
  await eventually('the upstream waits', async () => {
    const before = last;
    last = sent();
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    return before === last && last > 0;
  });
  t.ok(last < 8 * 1024 * 1024, `${last} bytes were sent to a reader that takes none`);
  let bytes = 0;
  response.on('data', (chunk: Buffer) => void (bytes += chunk.length));
  response.resume();
  await once(response, 'end');
  t.equal(bytes, SIZE);
  const reply = await send(sidecar.url('a'), { method: 'POST', body: Buffer.alloc(SIZE) });
  t.equal(reply.text, String(SIZE));
});

t.test('a response that breaks off resets the connection of the client', async (t) => {
  for (const code of [
    constants.NGHTTP2_NO_ERROR,
    constants.NGHTTP2_CANCEL,
    constants.NGHTTP2_INTERNAL_ERROR,
  ]) {
    const upstream = await serve(t, (stream) => {
      stream.respond({}, { waitForTrailers: true });
      stream.write('part', () => setTimeout(() => stream.close(code), 50));
    });
    const sidecar = await startSidecar(t, config(upstream.port, ', retry: off'));
    await t.rejects(send(sidecar.url('a')), { code: 'ECONNRESET' }, `code ${code}`);
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'reset' }), 1);
  }
});

t.test('a client that hangs up cancels the stream', async (t) => {
  const codes: number[] = [];
  const upstream = await serve(t, (stream) => {
    stream.respond();
    stream.write('x');
    stream.on('close', () => codes.push(stream.rstCode));
  });
  const sidecar = await startSidecar(t, config(upstream.port));
  const request = http.get(sidecar.url('a'), { agent: false });
  await once(request, 'response');
  request.destroy();
  request.on('error', () => {});
  await eventually('the stream is reset', () => codes.length === 1);
  t.same(codes, [constants.NGHTTP2_CANCEL]);
});

t.test(
  'what was refused or not taken was not sent, and is repeated whatever the method',
  async (t) => {
    for (const refuse of ['REFUSED_STREAM', 'GOAWAY'] as const) {
      let count = 0;
      const upstream = await startRawHttp2(t, {
        onFrame({ type, stream }, peer) {
          if (type !== Type.headers) return;
          count += 1;
          if (count > 1)
            peer.send(
              headersFrame(stream, { ':status': '200' }),
              dataFrame(stream, 'ok', Flag.endStream),
            );
          else if (refuse === 'GOAWAY') peer.send(goawayFrame(0, Code.noError));
          else peer.send(rstFrame(stream, Code.refusedStream));
        },
      });
      const sidecar = await startSidecar(t, config(upstream.port));
      const response = await send(sidecar.url('a'), { method: 'POST', body: 'x' });
      t.equal(response.text, 'ok');
      t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'unsent' }), 1, refuse);
      t.equal(upstream.peers.length, refuse === 'GOAWAY' ? 2 : 1);
    }
  },
);

t.test('an upstream that refuses every stream is told as that', async (t) => {
  const upstream = await startRawHttp2(t, {
    onFrame({ type, stream }, peer) {
      if (type === Type.headers) peer.send(rstFrame(stream, Code.refusedStream));
    },
  });
  const sidecar = await startSidecar(t, config(upstream.port));
  const response = await send(sidecar.url('a'));
  t.equal(response.status, 502);
  t.equal(response.headers['x-breakwater-reason'], 'upstream-reset');
  t.match(response.text, /REFUSED_STREAM/);
});

t.test('GOAWAY under load loses no call', async (t) => {
  const upstream = await serve(t, (stream) => {
    setTimeout(() => {
      if (stream.destroyed) return;
      stream.respond();
      stream.end('ok');
    }, Math.random() * 10);
  });
  // This process is client, sidecar and upstream: a busy machine may keep a GOAWAY unread for several attempts.
  const retry = ', retry: { maxAttempts: 10, budget: off }';
  const sidecar = await startSidecar(t, config(upstream.port, retry));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  t.teardown(() => agent.destroy());
  const load = { isOver: false, calls: 0 };
  const failures: string[] = [];
  const calling = Array.from({ length: 8 }, async () => {
    while (!load.isOver) {
      const { status, text } = await send(sidecar.url('a'), { agent, method: 'POST', body: 'x' });
      load.calls += 1;
      if (status !== 200) failures.push(text);
    }
  });
  for (let i = 0; i < 15 || load.calls <= 50; i += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    for (const session of upstream.sessions.splice(0)) session.close();
  }
  load.isOver = true;
  await Promise.all(calling);
  t.same(failures, []);
});

t.test('an attempt that times out costs its stream, not the connection', async (t) => {
  let count = 0;
  const upstream = await serve(t, (stream) => {
    count += 1;
    if (count === 1) return;
    stream.respond();
    stream.end('ok');
  });
  const sidecar = await startSidecar(
    t,
    config(upstream.port, ', timeout: { attempt: 100ms }, retry: off'),
  );
  t.equal((await send(sidecar.url('a'))).status, 504);
  t.equal((await send(sidecar.url('a'))).text, 'ok');
  t.equal(upstream.sessions.length, 1);
});

t.test('a frozen upstream holds up no call once it runs again elsewhere', async (t) => {
  const upstream = await startRawHttp2(t, {
    onFrame({ type, stream }, peer) {
      // The first connection is frozen.
      if (peer === upstream.peers[0]) return type !== Type.settings;
      if (type !== Type.headers) return false;
      peer.send(headersFrame(stream, { ':status': '200' }, Flag.endStream));
      return true;
    },
  });
  const sidecar = await startSidecar(
    t,
    config(
      upstream.port,
      ', timeout: { attempt: 100ms }, retry: { maxAttempts: 10, backoff: { baseDelay: 100ms } }',
    ),
  );
  t.equal((await send(sidecar.url('a'))).status, 200);
  t.equal(upstream.peers.length, 2);
});

t.test('TLS with ALPN', async (t) => {
  const certificate = makeCertificate(t);
  const versions: string[] = [];
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
    versions.push(request.httpVersion);
    response.end('ok');
  });
  const { port } = await serve(t, () => {}, server);
  for (const [protocol, version] of Object.entries({ http1: '1.1', http2: '2.0', auto: '2.0' })) {
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "https://localhost:${port}", protocol: ${protocol}, tls: { ca: ${JSON.stringify(certificate.certFile)} } } }`,
    );
    t.equal((await send(sidecar.url('a'))).text, 'ok');
    t.equal(versions.pop(), version, protocol);
  }
});

t.test('an upstream of HTTP/1.1 is told as that', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(t, config(upstream.port));
  const received = await send(sidecar.url('a'));
  t.equal(received.status, 502);
  t.equal(received.headers['x-breakwater-reason'], 'connect-failed');
  t.match(received.text, /HTTP\/2/);
  t.match(received.headers['proxy-status'], /http_protocol_error/);
  t.same(upstream.seen, []);
});

t.test('a request that asks for an upgrade is an ordinary one', async (t) => {
  const upstream = await serve(t, (stream, headers) => {
    stream.respond();
    stream.end(JSON.stringify(Object.keys(headers)));
  });
  const sidecar = await startSidecar(t, config(upstream.port));
  const text = await sendRaw(
    sidecar.port('a'),
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n',
  );
  t.match(text, /^HTTP\/1.1 200 OK\r\n/);
  t.match(text, /sec-websocket-key/);
  t.notMatch(text, /"upgrade"/);
});

t.test('a reload to another protocol opens connections anew', async (t) => {
  const upstream = await serve(t, (stream) => {
    stream.respond();
    stream.end('ok');
  });
  const sidecar = await startSidecar(t, config(upstream.port));
  await send(sidecar.url('a'));
  sidecar.edit(config(upstream.port, ', retry: off'));
  await sidecar.reload();
  t.equal((await send(sidecar.url('a'))).text, 'ok');
  t.equal(upstream.sessions.length, 1, 'the same protocol');
  sidecar.edit(config(upstream.port).replace('http2', 'http1'));
  await sidecar.reload();
  t.equal((await send(sidecar.url('a'))).status, 502);
  await eventually('it is closed', () => upstream.sessions[0]!.destroyed);
});
