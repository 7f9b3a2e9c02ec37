import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

t.test('names every listener before it says it is ready', async (t) => {
  const [port, admin] = [await findFreePort(), await findFreePort()];
  const running = startProxy(
    t,
    `admin: { listen: ${admin} }\nlog: { level: fatal }\nupstreams: { a: { listen: ${port}, target: "http://127.0.0.1:1" } }`,
  );
  await eventually('it is ready', () => running.output().includes('ready'));
  t.equal(
    running.output(),
    `breakwater: a listens on 127.0.0.1:${port}\nbreakwater: admin listens on 127.0.0.1:${admin}\nbreakwater: ready\n`,
  );
  running.process.kill('SIGINT');
  t.equal(await running.exit, 0);
});

t.test('says how many warnings check has, before it is ready', async (t) => {
  const run = async (keys: string) => {
    const running = startProxy(
      t,
      `admin: { listen: 0 }\nlog: { level: fatal }\nupstreams: { a: { listen: 0, target: "http://127.0.0.1:1", ${keys} } }`,
    );
    await eventually('it is ready', () => running.output().includes('ready'));
    running.process.kill('SIGINT');
    t.equal(await running.exit, 0);
    return running.errors();
  };
  t.match(
    await run('bulkhead: { maxConcurrent: 1 }'),
    /^breakwater: (\S+) has 1 warning; `breakwater check \1` shows it\n$/,
  );
  t.match(
    await run('retry: { maxAttempts: 9, methods: [GET, POST] }'),
    /^breakwater: \S+ has 3 warnings; `breakwater check \S+` shows them\n$/,
  );
  t.equal(await run('preserveHost: false'), '', 'an info is none');
});

t.test(
  'drains on SIGTERM: not ready, told to close, calls in flight have their responses, exit 0',
  async (t) => {
    const [port, admin] = [await findFreePort(), await findFreePort()];
    const held: http.ServerResponse[] = [];
    const upstream = await startUpstream(t, (request, response) => {
      if (request.url === '/slow') held.push(response);
      else response.end('fast');
    });
    const running = startProxy(
      t,
      `admin: { listen: ${admin} }\nshutdown: { delay: 2s, grace: 10s }\nupstreams: { a: { listen: ${port}, target: "${upstream.url}" } }`,
    );
    await eventually('it is ready', () => running.output().includes('ready'));
    const url = `http://127.0.0.1:${port}`;
    const agent = new http.Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    t.not((await send(`${url}/`, { agent })).headers.connection, 'close');
    const slow = send(`${url}/slow`);
    await eventually('the slow call is upstream', () => held.length === 1);
    running.process.kill('SIGTERM');
    await eventually(
      'it is not ready',
      async () => (await send(`http://127.0.0.1:${admin}/readyz`)).status === 503,
    );
    const late = await send(`${url}/`, { agent });
    t.equal(late.text, 'fast', 'new calls are served during the delay');
    t.equal(late.headers.connection, 'close');
    await eventually('it takes no more', () =>
      send(`${url}/`).then(
        () => false,
        () => true,
      ),
    );
    held[0]!.end('done');
    t.equal((await slow).text, 'done');
    t.equal(await running.exit, 0);
  },
);

t.test(
  'responds to what is left at the end of grace with 503 shutting-down, and exits with 0',
  async (t) => {
    const [port, admin] = [await findFreePort(), await findFreePort()];
    const upstream = await startUpstream(t, () => {});
    const running = startProxy(
      t,
      `admin: { listen: ${admin} }\nshutdown: { grace: 200ms }\nupstreams: { a: { listen: ${port}, target: "${upstream.url}" } }`,
    );
    await eventually('it is ready', () => running.output().includes('ready'));
    const call = send(`http://127.0.0.1:${port}/`);
    await eventually('it is upstream', () => upstream.seen.length === 1);
    running.process.kill('SIGTERM');
    const response = await call;
    t.equal(response.status, 503);
    t.equal(response.headers['x-breakwater-reason'], 'shutting-down');
    t.equal(await running.exit, 0);
  },
);

t.test('ends at once at a second signal', async (t) => {
  const [port, admin] = [await findFreePort(), await findFreePort()];
  const running = startProxy(
    t,
    `admin: { listen: ${admin} }\nshutdown: { delay: 30s }\nupstreams: { a: { listen: ${port}, target: "http://127.0.0.1:1" } }`,
  );
  await eventually('it is ready', () => running.output().includes('ready'));
  running.process.kill('SIGTERM');
  await eventually(
    'it drains',
    async () => (await send(`http://127.0.0.1:${admin}/readyz`)).status === 503,
  );
  running.process.kill('SIGTERM');
  t.not(await running.exit, 0);
});

t.test('reloads on SIGHUP and on an edit of its file', async (t) => {
  const [port, admin] = [await findFreePort(), await findFreePort()];
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const yaml = (slots: number) =>
    `admin: { listen: ${admin} }\nupstreams: { a: { listen: ${port}, target: "${upstream.url}", bulkhead: { maxConcurrent: ${slots} } } }`;
  const running = startProxy(t, yaml(1));
  await eventually('it is ready', () => running.output().includes('ready'));
  const page = async () => (await send(`http://127.0.0.1:${admin}/metrics`)).text;
  running.process.kill('SIGHUP');
  await eventually('it has reloaded', async () =>
    (await page()).includes('config_reloads_total{result="success"} 1'),
  );
  running.edit(yaml(2));
  await eventually('the edit is in force', async () =>
    (await page()).includes('bulkhead_limit{upstream="a",route=""} 2'),
  );
  running.edit('upstreams: [');
  await eventually('a bad edit is counted', async () =>
    (await page()).includes('config_reloads_total{result="failure"} 1'),
  );
  t.equal((await send(`http://127.0.0.1:${port}/`)).text, 'ok');
});

t.test('exits with 78 for a wrong file, and with 1 for a port in use', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const wrong = startProxy(t, 'upstreams:\n  a: { listen: 0, target: ftp://x, retri: 1 }\nx: 1\n');
  t.equal(await wrong.exit, 78);
  t.equal(wrong.errors().match(/: error: /g)?.length, 3, 'all problems at once');
  t.match(wrong.errors(), /breakwater\.yaml:2:36: error: upstreams\.a\.retri: /);
  const busy = startProxy(
    t,
    `admin: { listen: 0 }\nupstreams: { a: { listen: ${upstream.port}, target: "http://x" } }`,
  );
  t.equal(await busy.exit, 1);
  t.equal(
    busy.errors(),
    `breakwater: error: Cannot listen on 127.0.0.1:${upstream.port} for upstream a because the address is already in use\n`,
  );
});

t.test('starts again where it was killed and has left its unix sockets behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [admin, own] = [join(folder, 'admin.sock'), join(folder, 'a.sock')];
  const text = `admin: { listen: "unix:${admin}" }\nlog: { level: fatal }\nupstreams: { a: { listen: "unix:${own}", target: "http://127.0.0.1:1" } }`;
  const first = startProxy(t, text);
  await eventually('it is ready', () => first.output().includes('ready'));
  first.process.kill('SIGKILL');
  await first.exit;
  t.ok(existsSync(admin) && existsSync(own), 'the sockets are still there');
  const second = startProxy(t, text);
  await eventually('it is ready', () => second.output().includes('ready'));
  const third = startProxy(t, text);
  t.equal(await third.exit, 1, 'but not while another one lives');
  t.match(
    third.errors(),
    `Cannot listen on unix:${own} for upstream a because the address is already in use`,
  );
  second.process.kill('SIGTERM');
  t.equal(await second.exit, 0);
});
