import t from 'tap';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually, sendRaw, startRawUpstream, startSidecar } from '../support/sidecar.js';

t.test('counts and logs what is refused below the policies', async (t) => {
  const sidecar = await startSidecar(
    t,
    'limits: { headerTimeout: 100ms }\nupstreams: { a: { listen: 0, target: "http://127.0.0.1:1" } }',
  );
  for (const [bytes, status] of [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
    ['GET / HTTP/1.1\r\nHost: a\r\n', 408],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ] as const) {
    t.match(await sendRaw(sidecar.port('a'), bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
    const labels = { status: String(status) };
    t.equal(await sidecar.metric('breakwater_refused_requests_total', labels), 1);
    t.equal(sidecar.logs.filter((line) => line.status === status).length, 1);
  }
  t.equal(await sidecar.metric('breakwater_requests_total'), 0);
});

t.test('a body that proves malformed ends its call, which is counted once', async (t) => {
  let isCut = false;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.resume();
    socket.on('close', () => (isCut = true));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const client = net.connect(sidecar.port('a'), '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await eventually(
    'the call runs',
    async () => (await sidecar.metric('breakwater_bulkhead_active')) === 1,
  );
  client.write('zz\r\n');
  t.match(await text(client), /^HTTP\/1\.1 400 [^]*Connection: close\r\n/);
  await eventually('the upstream is told', () => isCut);
  t.equal(await sidecar.metric('breakwater_requests_total'), 1);
  t.equal(await sidecar.metric('breakwater_requests_total', { status: '4xx' }), 1);
  t.equal(await sidecar.metric('breakwater_refused_requests_total'), 0);
  const lines = sidecar.logs.filter(({ status }) => status === 400);
  t.match(lines, [{ msg: 'exchange', error: /because its body is malformed: / }]);
  t.equal(lines.length, 1);
});
