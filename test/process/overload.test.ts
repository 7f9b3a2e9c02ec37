/** Overload with a real sidecar: what callers, operators and the upstream see of it. */
import { EventEmitter, once } from 'node:events';
import t from 'tap';
import { eventually, send, sendRaw, startSidecar, startUpstream } from '../support/sidecar.js';

/** By memory alone: on a busy machine, the event loop may be late as well. */
const ALWAYS = 'overload: { memory: 0.01%, eventLoopDelay: off, shed: 100% }\n';

const upstreams = (url: string, more = '') =>
  `upstreams: { a: { listen: 0, target: "${url}"${more} } }`;

t.test('refuses calls at the door, and none of the operators', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    ALWAYS + upstreams(upstream.url, ', fallback: [{ static: { body: old } }]'),
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.equal(received.status, 503);
  t.equal(received.headers['x-breakwater-reason'], 'overloaded');
  t.equal(received.headers['retry-after'], '1');
  t.equal(
    received.headers['proxy-status'],
    'breakwater; error=proxy_internal_response; details="overloaded"',
  );
  t.equal(received.headers['x-breakwater-fallback'], undefined);
  t.match(JSON.parse(received.text), {
    type: 'urn:breakwater:overloaded',
    title: 'Overloaded',
    status: 503,
    detail: /^Cannot call a because Breakwater is overloaded: it uses .*overload\.memory, 0\.01%$/,
    upstream: 'a',
    attempts: 0,
  });
  t.equal(upstream.seen.length, 0);

  for (const path of ['/healthz', '/readyz', '/metrics', '/circuits', '/config']) {
    t.equal((await send(sidecar.admin + path)).status, 200, path);
  }
  const labels = { upstream: 'a', reason: 'overloaded' };
  t.equal(await sidecar.metric('breakwater_rejections_total', labels), 1);
  t.equal(await sidecar.metric('breakwater_requests_total', { ...labels, status: '5xx' }), 1);
  t.equal(await sidecar.metric('breakwater_fallbacks_total'), 0);
  t.equal(await sidecar.metric('breakwater_circuit_state', { state: 'closed' }), 1);
});

t.test('refuses upgrades and uploads without reading them', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(t, ALWAYS + upstreams(upstream.url));
  const head = 'HTTP/1.1\r\nHost: a\r\n';
  const upgrade = await sendRaw(
    sidecar.port('a'),
    `GET /ws ${head}Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
  );
  t.match(upgrade, /^HTTP\/1\.1 503 .*\r\nX-Breakwater-Reason: overloaded\r\n/s);
  const upload = await sendRaw(
    sidecar.port('a'),
    `POST / ${head}Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n`,
  );
  t.match(upload, /^HTTP\/1\.1 503 /, 'no 100 Continue comes first');
  t.equal(upstream.seen.length, 0);
});

t.test(
  'a reload switches it on, changes it and switches it off, and no call is lost',
  async (t) => {
    const gate = new EventEmitter();
    const held = once(gate, 'open');
    const upstream = await startUpstream(t, (request, response) => {
      if (request.url === '/slow') void held.then(() => response.end('slow'));
      else response.end('ok');
    });
    const sidecar = await startSidecar(t, upstreams(upstream.url));
    const status = async () => (await send(`${sidecar.url('a')}/`)).status;
    const reload = async (overload: string) => {
      sidecar.edit(overload + upstreams(upstream.url));
      t.match(await sidecar.reload(), { kind: 'success' });
    };
    t.equal(await status(), 200);
    t.match(await sidecar.json('/config'), { overload: 'off' });
    const slow = send(`${sidecar.url('a')}/slow`);
    await eventually('the upstream has the call', () => upstream.seen.length === 2);

    await reload(ALWAYS);
    t.equal(await status(), 503);
    t.match(await sidecar.json('/config'), {
      overload: { eventLoopDelay: 'off', memory: '0.01%', shed: '100%' },
    });
    await reload('overload: {}\n');
    t.equal(await status(), 200, 'the defaults hold');
    await reload(ALWAYS);
    t.equal(await status(), 503);
    await reload('overload: off\n');
    t.equal(await status(), 200);

    gate.emit('open');
    t.equal((await slow).text, 'slow', 'a call from before goes on');
    const lines = sidecar.logs.filter(({ msg }) => /overload/.test(String(msg)));
    t.match(lines[0], {
      level: 'warn',
      shed: 1,
      passed: [{ limit: 'memory', threshold: 0.0001 }],
      msg: /^overloaded: 100% of calls are shed because it uses .* overload\.memory, 0\.01%$/,
    });
    t.match(lines[1], { level: 'info', msg: /^overload is over/ });
  },
);

t.test('sheds while the event loop is late, and serves again soon after', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `overload: { eventLoopDelay: 200ms, memory: off, shed: 100% }\n${upstreams(upstream.url)}`,
  );
  const status = async () => (await send(`${sidecar.url('a')}/`)).status;
  t.equal(await status(), 200);

  let isBusy = true;
  t.teardown(() => {
    isBusy = false;
  });
  const stall = (): void => {
    const untilMs = performance.now() + 500;
    while (performance.now() < untilMs);
    if (isBusy) setTimeout(stall, 1);
  };
  stall();
  const isLogged = (text: RegExp) => sidecar.logs.some(({ msg }) => text.test(String(msg)));
  await eventually('calls are shed', () =>
    isLogged(/^overloaded: .* its event loop is \d+ ms late/),
  );
  t.equal(await status(), 503);
  isBusy = false;
  await eventually('that is over', () => isLogged(/^overload is over/));
  await eventually('calls are served', async () => (await status()) === 200);
});
