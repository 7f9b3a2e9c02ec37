/** Requests with a body whose upstream does not wait for all of it. */
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import {
  eventually,
  send,
  sendRaw,
  startRawUpstream,
  startSidecar,
  type Teardown,
} from '../support/sidecar.js';

/** A sidecar before an upstream that gets `onHead` called once per connection, with its first bytes. */
async function serve(t: Teardown, onHead: (socket: Socket) => void, options = '') {
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once('data', () => onHead(socket));
  });
  const yaml = `upstreams: { a: { listen: 0, target: "${upstream.url}"${options} } }`;
  return startSidecar(t, yaml);
}

function open(t: Teardown, port: number, bytes: string) {
  const client = connect(port, '127.0.0.1');
  t.teardown(() => client.destroy());
  const received = { text: '' };
  client.on('data', (data: Buffer) => (received.text += data.toString('latin1')));
  client.on('error', () => {});
  client.write(bytes);
  return { client, received };
}

t.test('the upstream has the head before the first byte of the body', async (t) => {
  const sidecar = await serve(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nready\r\n');
    socket.on('data', () => socket.write('4\r\ndone\r\n0\r\n\r\n'));
  });
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { client, received } = open(t, sidecar.port('a'), head);
  await eventually('the response begins', () => received.text.includes('ready'));
  client.write('2\r\nhi\r\n0\r\n\r\n');
  await eventually('the response ends', () => received.text.includes('done'));
});

t.test('a refusal of the head alone reaches the client', async (t) => {
  const sidecar = await serve(t, (socket) =>
    socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
  );
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n';
  const { received } = open(t, sidecar.port('a'), head);
  await eventually('it is refused', () => received.text.startsWith('HTTP/1.1 401'));
});

const TEXT = 'it is too large';
const refusals: Readonly<Record<string, readonly string[]>> = {
  'with a length': [`HTTP/1.1 413 Large\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT}`],
  'that the close ends': [`HTTP/1.0 413 Large\r\n\r\n${TEXT}`],
  'in chunks': [
    `HTTP/1.1 413 Large\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n${TEXT}\r\n0\r\n\r\n`,
  ],
  'in two pieces': [
    'HTTP/1.1 413 Large\r\nConnection: close\r\n',
    `Content-Length: ${TEXT.length}\r\n\r\n${TEXT}`,
  ],
};

/** @returns status and text. */
function upload(port: number, body: Buffer, headers: http.OutgoingHttpHeaders): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, method: 'POST', agent: false as const, headers };
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data.toString()));
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
      response.on('error', (error) => resolve(`${response.statusCode} ${error.message}`));
    });
    request.on('error', (error) => resolve(error.message));
    request.end(body);
  });
}

const BODY = Buffer.alloc(2_000_000, 'a');

async function refuse(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await pause(3);
  }
  // What has not been read makes this a reset.
  socket.destroy();
}

for (const [what, pieces] of Object.entries(refusals)) {
  t.test(`a 413 ${what} outlives the upload that it refuses`, async (t) => {
    const sidecar = await serve(t, (socket) => void refuse(socket, pieces));
    for (let i = 0; i < 8; i += 1) {
      const headers = i % 2 === 0 ? { 'Content-Length': BODY.length } : {};
      t.equal(await upload(sidecar.port('a'), BODY, headers), `413 ${TEXT}`);
    }
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'success' }), 8);
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'reset' }), 0);
  });
}

t.test(
  'a response to a broken upload that only its end would end is not taken as whole',
  async (t) => {
    const sidecar = await serve(t, (socket) => {
      socket.write('HTTP/1.0 200 OK\r\n\r\npart');
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const { client, received } = open(
      t,
      sidecar.port('a'),
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
    );
    let isBroken = false;
    client.on('error', () => (isBroken = true));
    const timer = setInterval(() => client.write('2\r\nhi\r\n'), 5);
    t.teardown(() => clearInterval(timer));
    await eventually('the client sees it', () => isBroken || client.destroyed);
    t.notMatch(received.text, /0\r\n\r\n$/);
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'reset' }), 1);
  },
);

t.test('a 4xx whose body breaks off is no reset', async (t) => {
  const sidecar = await serve(
    t,
    (socket) => {
      socket.write('HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\npart');
      setTimeout(() => socket.destroy(), 20);
    },
    ', circuitBreaker: { failureThreshold: 2 }',
  );
  for (let i = 0; i < 4; i += 1) {
    const response = await sendRaw(
      sidecar.port('a'),
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    t.match(response, /^HTTP\/1.1 404 No[^]*part$/, 'the circuit stays closed');
  }
  t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'reset' }), 0);
});

t.test('an upload is repeated whose first attempt failed before all of it was here', async (t) => {
  let connections = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    connections += 1;
    const isFirst = connections === 1;
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      if (isFirst) socket.destroy();
      else if (text.endsWith('\r\n\r\nbody')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
    });
  });
  const yaml = `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const sidecar = await startSidecar(t, yaml);
  const head = 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n';
  const { client, received } = open(t, sidecar.port('a'), head);
  await eventually('there is another attempt', () => connections === 2);
  client.write('body');
  await eventually('it is done', () => received.text.endsWith('ok'));
});

t.test('a response whose head and fault come in one piece is an attempt that failed', async (t) => {
  let responses = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', () => {
      responses += 1;
      const body = responses % 2 === 1 ? 'no length\r\n' : '2\r\nok\r\n0\r\n\r\n';
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" }, once: { listen: 0, target: "${upstream.url}", retry: off } }`,
  );
  const repeated = await send(sidecar.url('a'));
  t.equal(repeated.status, 200);
  t.equal(repeated.text, 'ok');
  const refused = await send(sidecar.url('once'));
  t.equal(refused.status, 502);
  t.equal(refused.headers['x-breakwater-reason'], 'upstream-protocol-error');
});
