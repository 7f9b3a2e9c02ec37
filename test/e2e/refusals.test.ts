import t from 'tap';
import { sendRaw, startSidecar } from '../support/sidecar.js';

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
