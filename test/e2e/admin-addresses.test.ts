/** `admin.metrics`: a second address of the admin server, for those who may only look. */
import t from 'tap';
import { eventually, findFreePort, send, startSidecar } from '../support/sidecar.js';

const UPSTREAMS = 'upstreams: { a: { listen: 0, target: "http://127.0.0.1:1" } }';
const withMetrics = (metrics: string | number) =>
  `admin: { listen: "127.0.0.1:0", metrics: ${metrics} }\n${UPSTREAMS}`;

t.test('the address for metrics serves metrics and health, and nothing else', async (t) => {
  const sidecar = await startSidecar(t, withMetrics('"127.0.0.1:0"'));
  const metrics = sidecar.url('admin.metrics');
  t.match((await send(`${metrics}/metrics`)).text, /^breakwater_build_info/m);
  t.equal((await send(`${metrics}/healthz`)).text, '{"status":"ok"}');
  t.equal((await send(`${metrics}/readyz`)).text, '{"status":"ready"}');
  for (const path of ['/', '/config', '/circuits', '/upstreams', '/events', '/page/main.js']) {
    const { status, text } = await send(metrics + path);
    t.equal(status, 404, path);
    t.match(text, 'there are GET /metrics, GET /healthz, GET /readyz');
  }
  for (const [method, path] of [
    ['PUT', '/circuits/a'],
    ['POST', '/reload'],
  ] as const) {
    t.equal((await send(metrics + path, { method, body: '{}' })).status, 404, path);
  }
  t.equal((await send(`${sidecar.admin}/config`)).status, 200, 'admin.listen has all');
});

const isOpen = (port: number) =>
  send(`http://127.0.0.1:${port}/metrics`).then(
    ({ status }) => status === 200,
    () => false,
  );

t.test('a reload opens, moves and closes the address for metrics', async (t) => {
  const sidecar = await startSidecar(t, UPSTREAMS);
  t.throws(() => sidecar.port('admin.metrics'));
  const [first, second] = [await findFreePort(), await findFreePort()];
  sidecar.edit(withMetrics(first));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.ok(await isOpen(first));
  sidecar.edit(withMetrics(second));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.ok(await isOpen(second));
  await eventually('the first address is closed', async () => !(await isOpen(first)));
  sidecar.edit(UPSTREAMS);
  t.match(await sidecar.reload(), { kind: 'success' });
  await eventually('the second address is closed', async () => !(await isOpen(second)));
});

t.test(
  'a reload is refused as a whole where one address of the admin server is taken',
  async (t) => {
    const other = await startSidecar(t, UPSTREAMS);
    const taken = other.port('admin');
    const sidecar = await startSidecar(t, withMetrics('"127.0.0.1:0"'));
    const free = await findFreePort();
    for (const [option, keys] of [
      ['admin.metrics', `listen: ${free}, metrics: ${taken}`],
      ['admin.listen', `listen: ${taken}, metrics: ${free}`],
    ] as const) {
      sidecar.edit(`admin: { ${keys} }\n${UPSTREAMS}`);
      t.match(await sidecar.reload(), {
        kind: 'unbindable',
        message: `Cannot listen on 127.0.0.1:${taken} for ${option} because the address is already in use`,
      });
      await t.rejects(send(`http://127.0.0.1:${free}/healthz`), { code: 'ECONNREFUSED' });
      t.equal((await send(`${sidecar.admin}/healthz`)).status, 200);
      t.equal((await send(`${sidecar.url('admin.metrics')}/healthz`)).status, 200);
    }
  },
);
