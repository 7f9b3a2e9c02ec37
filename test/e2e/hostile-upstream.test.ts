import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import {
  eventually,
  send,
  sendRaw,
  startRawUpstream,
  startSidecar,
  type Teardown,
} from '../support/sidecar.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

type Behave = (socket: Socket) => void;

const write =
  (bytes: string): Behave =>
  (socket) =>
    void socket.write(bytes, 'latin1');

async function serve(t: Teardown, behave: Behave) {
  let first = true;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', () => {
      if (first) behave(socket);
      else socket.write(OK);
      first = false;
    });
  });
  return startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: off, circuitBreaker: off } }`,
  );
}

const protocolErrors: Readonly<Record<string, Behave>> = {
  'Content-Length with Transfer-Encoding': write(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  'two Content-Lengths': write(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk',
  ),
  'a negative Content-Length': write('HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'),
  'a status that is no number': write('HTTP/1.1 2x0 OK\r\n\r\n'),
  'a status below 100': write('HTTP/1.1 042 Odd\r\nContent-Length: 2\r\n\r\nok'),
  'no HTTP at all': write('SSH-2.0-OpenSSH_9.2\r\n'),
  'a bare LF': write('HTTP/1.1 200 OK\nContent-Length: 2\n\nok'),
  'a folded field': write('HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'),
  'NUL in a field': write('HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok'),
  'a coding that would be lost': write(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  'a 101 that was not asked for': write(
    'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  ),
  'a 101 without a protocol': write('HTTP/1.1 101 Switching\r\n\r\n'),
  'an endless head': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(`X-A: ${'a'.repeat(8000)}\r\n`);
    }, 1);
  },
};

for (const [what, behave] of Object.entries(protocolErrors)) {
  t.test(`responds 502 upstream-protocol-error to ${what}, and drops the connection`, async (t) => {
    const sidecar = await serve(t, behave);
    const response = await sendRaw(sidecar.port('a'), REQUEST);
    t.match(response, /^HTTP\/1.1 502 /);
    t.match(response, /X-Breakwater-Reason: upstream-protocol-error/);
    t.match(await sendRaw(sidecar.port('a'), REQUEST), /ok$/, 'the next call is not harmed');
  });
}

for (const [what, behave] of Object.entries<Behave>({
  'a close': (socket) => void socket.end(),
  'a reset': (socket) => void socket.resetAndDestroy(),
})) {
  t.test(`responds 502 upstream-reset to ${what} before the response`, async (t) => {
    const sidecar = await serve(t, behave);
    const response = await sendRaw(sidecar.port('a'), REQUEST);
    t.match(response, /^HTTP\/1.1 502 /);
    t.match(response, /X-Breakwater-Reason: upstream-reset/);
  });
}

const finish: Behave = (socket) => void socket.end();
const reset: Behave = (socket) => void socket.resetAndDestroy();

/** What the upstream writes, and how it ends once the client has the part of the body. */
const broken: Readonly<Record<string, readonly [bytes: string, end: Behave]>> = {
  'a body that is too short': ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart', finish],
  'a chunk that is too short': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npart',
    finish,
  ],
  'a missing last chunk': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    finish,
  ],
  'a reset in a body with a length': ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart', reset],
  'a reset in a body that the close would end': ['HTTP/1.1 200 OK\r\n\r\npart', reset],
};

for (const [what, [bytes, end]] of Object.entries(broken)) {
  t.test(`shows ${what} as a broken connection`, async (t) => {
    let upstream: Socket | undefined;
    const sidecar = await serve(t, (socket) => {
      upstream = socket;
      socket.write(bytes, 'latin1');
    });
    const client = connect(sidecar.port('a'), '127.0.0.1');
    t.teardown(() => client.destroy());
    let code: string | undefined;
    client.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    let response = '';
    client.on('data', (data: Buffer) => (response += data.toString('latin1')));
    client.write(REQUEST);
    await eventually('the part is here', () => response.includes('part'));
    const closed = new Promise((resolve) => {
      client.on('close', resolve);
    });
    end(upstream!);
    await closed;
    t.equal(code, 'ECONNRESET', 'several clients take a plain end for the end of the body');
    t.match(response, /^HTTP\/1.1 200 OK/);
    t.notMatch(response, /0\r\n\r\n$/, 'no last chunk');
    t.equal(await sidecar.metric('breakwater_requests_total', { reason: 'upstream-reset' }), 1);
  });
}

/** A client that has sent the head of an upload and holds its body back. */
function beginUpload(t: Teardown, port: number) {
  const client = connect(port, '127.0.0.1');
  t.teardown(() => client.destroy());
  const received = { text: '' };
  client.on('data', (data: Buffer) => (received.text += data.toString('latin1')));
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n');
  return { client, received };
}

t.test(
  'sends a POST elsewhere if an idle connection is closed before its body began',
  async (t) => {
    let connections = 0;
    const upstream = await startRawUpstream(t, (socket) => {
      connections += 1;
      const isFirst = connections === 1;
      let pieces = 0;
      socket.on('data', (data) => {
        pieces += 1;
        if (isFirst && pieces === 2) return socket.destroy();
        if (isFirst || data.toString().endsWith('body')) socket.write(OK);
        return undefined;
      });
    });
    const yaml = `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
    const sidecar = await startSidecar(t, yaml);
    t.match(await sendRaw(sidecar.port('a'), REQUEST), /ok$/);
    const { client, received } = beginUpload(t, sidecar.port('a'));
    await eventually('there is another connection', () => connections === 2);
    client.write('body');
    await eventually('there is a response', () => received.text.endsWith('ok'));
    t.match(received.text, /^HTTP\/1.1 200 OK/);
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'reset' }), 0);
  },
);

t.test('does not repeat a POST whose head was sent over a new connection', async (t) => {
  let connections = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    connections += 1;
    socket.on('data', () => socket.destroy());
  });
  const yaml = `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const sidecar = await startSidecar(t, yaml);
  const { received } = beginUpload(t, sidecar.port('a'));
  await eventually('there is a response', () => received.text.includes('upstream-reset'));
  t.match(received.text, /^HTTP\/1.1 502 /);
  t.equal(connections, 1);
});

t.test(
  'counts a failure that was followed by another attempt as such, however it ends',
  async (t) => {
    const sidecars = [];
    for (const end of [(socket: Socket) => void socket.destroy(), () => {}]) {
      let connections = 0;
      const upstream = await startRawUpstream(t, (socket) => {
        connections += 1;
        const isFirst = connections === 1;
        socket.on('data', () => {
          if (!isFirst) return void socket.write(OK);
          socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbu');
          setTimeout(() => end(socket), 100);
        });
      });
      const sidecar = await startSidecar(
        t,
        `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { idle: 200ms }, retry: { backoff: { baseDelay: 1ms } } } }`,
      );
      t.match(await sendRaw(sidecar.port('a'), REQUEST), /ok$/);
      sidecars.push(sidecar);
    }
    for (const sidecar of sidecars) {
      const attempts = (labels = {}) => sidecar.metric('breakwater_attempts_total', labels);
      await eventually('both attempts are over', async () => (await attempts()) === 2);
      t.equal(await attempts({ outcome: 'failure' }), 1);
    }
  },
);

t.test('uses no connection again that still holds the rest of a request', async (t) => {
  const size = 16_000_000;
  let connections = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    connections += 1;
    let received = 0;
    let isRefused = false;
    socket.on('data', (data) => {
      if (connections > 1) return void socket.write(OK);
      received += data.length;
      if (isRefused) {
        // Responds at once the second time, and reads no more.
        socket.pause();
        socket.write(OK);
      } else if (received > size) {
        isRefused = true;
        socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
      }
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: { bodyLimit: 32MiB, backoff: { baseDelay: 1ms } } } }`,
  );
  const put = await send(`${sidecar.url('a')}/`, { method: 'PUT', body: Buffer.alloc(size) });
  t.equal(put.headers['x-breakwater-attempts'], '2');
  t.equal(put.text, 'ok');
  t.equal(connections, 1);
  t.match(await sendRaw(sidecar.port('a'), REQUEST), /ok$/);
  t.equal(connections, 2);
});

t.test('never takes extra bytes for the next response', async (t) => {
  for (const extra of ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL', 'EVIL']) {
    const sidecar = await serve(t, write(`${OK}${extra}`));
    t.match(await sendRaw(sidecar.port('a'), REQUEST), /\r\n\r\nok$/);
    t.match(await sendRaw(sidecar.port('a'), REQUEST), /\r\n\r\nok$/);
  }
});

t.test('passes 103 on, leaves an unasked 100 out, and keeps both from HTTP/1.0', async (t) => {
  const hints = await serve(t, write(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${OK}`));
  t.match(
    await sendRaw(hints.port('a'), REQUEST),
    /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>\r\n\r\nHTTP\/1.1 200 OK/,
  );
  const unasked = await serve(t, write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`));
  t.match(await sendRaw(unasked.port('a'), REQUEST), /^HTTP\/1.1 200 OK/);
  const old = await serve(t, write(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`));
  t.match(await sendRaw(old.port('a'), 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 200 OK/);
});

t.test('takes what a 103 must not carry out of it', async (t) => {
  const sidecar = await serve(t, write(`HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n${OK}`));
  t.match(await sendRaw(sidecar.port('a'), REQUEST), /^HTTP\/1.1 103 Hints\r\n\r\nHTTP/);
});

t.test('keeps no more hints for a slow client than its socket takes', async (t) => {
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(4000)}>\r\n\r\n`;
  const hints = 15_000;
  const sidecar = await serve(t, (socket) => {
    let sent = 0;
    const writeMore = (): void => {
      while (sent < hints) {
        sent += 1;
        if (!socket.write(hint)) return void socket.once('drain', writeMore);
      }
      socket.write(OK);
    };
    writeMore();
  });
  const client = connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => client.destroy());
  client.pause();
  client.write(REQUEST);
  await eventually(
    'the upstream has responded',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '2xx' })) === 1,
  );
  let seen = 0;
  let last = '';
  client.on('data', (data: Buffer) => {
    seen += data.length;
    last = (last + data.toString('latin1')).slice(-500);
  });
  client.resume();
  await once(client, 'close');
  t.ok(seen < (hints * hint.length) / 2, `${seen} bytes`);
  t.match(last, /HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nok$/);
});

t.test('passes responses without a body on as such', async (t) => {
  const empty = await serve(t, write('HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n'));
  const response = await sendRaw(empty.port('a'), REQUEST);
  t.match(response, /^HTTP\/1.1 204 No\r\n/);
  t.notMatch(response, /Content-Length/i);
  const same = await serve(t, write('HTTP/1.1 304 Same\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n'));
  t.match(await sendRaw(same.port('a'), REQUEST), /^HTTP\/1.1 304 Same\r\nContent-Length: 5/);
  const head = await serve(t, write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'));
  const headResponse = await sendRaw(head.port('a'), REQUEST.replace('GET', 'HEAD'));
  t.match(headResponse, /Content-Length: 5\r\n[^]*\r\n\r\n$/);
});

t.test('passes trailers on, both ways', async (t) => {
  let upload = '';
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      upload += data.toString();
      if (!upload.endsWith('\r\n\r\n') || !upload.includes('X-Sum: up')) return;
      socket.write(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: down\r\n\r\n',
      );
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const response = await sendRaw(
    sidecar.port('a'),
    'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: up\r\n\r\n',
  );
  t.match(upload, /2\r\nhi\r\n0\r\nX-Sum: up\r\n\r\n$/);
  t.match(response, /2\r\nok\r\n0\r\nX-Sum: down\r\n\r\n$/);
});
