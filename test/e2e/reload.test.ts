import http from 'node:http';
import t from 'tap';
import { eventually, findFreePort, send, startSidecar, startUpstream } from '../support/sidecar.js';

t.test('puts new policies in force and says what changed', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  const yaml = (attempts: number) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: { maxAttempts: ${attempts}, backoff: { baseDelay: 1ms } } } }`;
  const sidecar = await startSidecar(t, yaml(1));
  const port = sidecar.port('a');
  await send(`${sidecar.url('a')}/`);
  t.equal(upstream.seen.length, 1);
  sidecar.edit(yaml(3));
  t.same(await sidecar.reload(), {
    kind: 'success',
    changes: { added: [], removed: [], changed: ['upstreams.a.retry.maxAttempts'] },
  });
  t.equal(sidecar.port('a'), port, 'the listener stays');
  await send(`${sidecar.url('a')}/`);
  t.equal(upstream.seen.length, 4);
  t.equal(await sidecar.metric('breakwater_config_reloads_total', { result: 'success' }), 1);
  const at = await sidecar.metric('breakwater_config_last_reload_success_timestamp_seconds');
  t.ok(Math.abs(at - Date.now() / 1000) < 60);
});

t.test('changes nothing for a bad file, and says where it is wrong', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  sidecar.edit(`upstreams: { a: { listen: 0, target: "${upstream.url}", retri: off } }`);
  const received = await send(`${sidecar.admin}/reload`, { method: 'POST' });
  t.equal(received.status, 422);
  t.match(JSON.parse(received.text), { diagnostics: [{ line: 2, path: 'upstreams.a.retri' }] });
  t.equal((await send(`${sidecar.url('a')}/`)).text, 'ok');
  t.equal(await sidecar.metric('breakwater_config_reloads_total', { result: 'failure' }), 1);
  t.match(
    sidecar.logs.find((line) => line['kind'] === 'invalid'),
    { diagnostics: [{ line: 2 }], msg: /: \S+:2:\d+: error: upstreams\.a\.retri: [^;]+; [^;]+$/ },
    'a reader of the message alone learns the place',
  );
  sidecar.edit(`upstreams: { a: { listen: 0, target: "${upstream.url}", retri: off, x: 1 } }`);
  await send(`${sidecar.admin}/reload`, { method: 'POST' });
  t.match(
    sidecar.logs.findLast((line) => line['kind'] === 'invalid')?.['msg'],
    /; and 1 more problem$/,
  );
});

t.test('refuses the whole reload when one listener cannot be opened', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const free = await findFreePort();
  const yaml = (more: string) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}" }${more} }`;
  const sidecar = await startSidecar(t, yaml(''));
  sidecar.edit(
    yaml(
      `, b: { listen: ${free}, target: "${upstream.url}" }, c: { listen: ${upstream.port}, target: "${upstream.url}" }`,
    ),
  );
  const received = await send(`${sidecar.admin}/reload`, { method: 'POST' });
  t.equal(received.status, 409);
  t.match(received.text, new RegExp(`127.0.0.1:${upstream.port} for upstream c`));
  t.match(
    sidecar.logs.find((line) => line['kind'] === 'unbindable')?.['msg'],
    new RegExp(`^Cannot reload .*: Cannot listen on 127.0.0.1:${upstream.port} for upstream c`),
  );
  const other = send(`http://127.0.0.1:${free}/`);
  await t.rejects(other, { code: 'ECONNREFUSED' }, 'the other new listener is closed again');
  t.equal((await send(`${sidecar.url('a')}/`)).text, 'ok');
});

t.test('keeps circuits, windows and budgets of what keeps its name', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const yaml = (more: string) => `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: { maxAttempts: 2, backoff: { baseDelay: 1ms } }
    circuitBreaker: { failureThreshold: 6 }
    ${more}
    routes: [{ name: own, match: { path: /own }, circuitBreaker: { failureThreshold: 2 } }]`;
  const sidecar = await startSidecar(t, yaml(''));
  await send(`${sidecar.url('a')}/`);
  await send(`${sidecar.url('a')}/own`);
  sidecar.edit(yaml('bulkhead: { maxConcurrent: 7 }'));
  await sidecar.reload();
  t.match(await sidecar.json('/circuits'), {
    circuits: [
      { route: '', state: 'closed', consecutiveFailures: 2 },
      { route: 'own', state: 'open', consecutiveFailures: 2 },
    ],
  });
  t.equal(await sidecar.metric('breakwater_retry_budget_remaining'), 28);
  t.equal(await sidecar.metric('breakwater_bulkhead_limit'), 7);
});

t.test(
  'keeps what a route has to itself, also over a reload after which it was not called',
  async (t) => {
    const upstream = await startUpstream(t, (_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    const yaml = (more: string) => `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    ${more}
    routes:
      - name: own
        match: { path: /own }
        retry: { maxAttempts: 2, backoff: { baseDelay: 1ms }, budget: { ratio: 0%, minPerSecond: 0.01, window: 100s } }`;
    const sidecar = await startSidecar(t, yaml(''));
    await send(`${sidecar.url('a')}/own`);
    t.equal(upstream.seen.length, 2, 'spends the one retry that its budget allows');
    for (const maxConcurrent of [7, 8]) {
      sidecar.edit(yaml(`bulkhead: { maxConcurrent: ${maxConcurrent} }`));
      await sidecar.reload();
    }
    await send(`${sidecar.url('a')}/own`);
    t.equal(upstream.seen.length, 3);
  },
);

t.test('keeps a forced circuit', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const yaml = `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const sidecar = await startSidecar(t, yaml);
  const body = JSON.stringify({ state: 'forced-open', ttl: '10m' });
  t.equal((await send(`${sidecar.admin}/circuits/a`, { method: 'PUT', body })).status, 200);
  t.match(await sidecar.reload(), { kind: 'success' });
  const refused = await send(`${sidecar.url('a')}/`);
  t.equal(refused.headers['x-breakwater-reason'], 'circuit-open');
  t.equal(upstream.seen.length, 0);
});

t.test(
  'lets waiters in at once when maxConcurrent is raised, and reaches a lower one as slots come back',
  async (t) => {
    const held: http.ServerResponse[] = [];
    const upstream = await startUpstream(t, (_request, response) => void held.push(response));
    const yaml = (slots: number) =>
      `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: ${slots}, queueTimeout: 5s } } }`;
    const sidecar = await startSidecar(t, yaml(1));
    const calls = [1, 2, 3].map(() => send(`${sidecar.url('a')}/`));
    await eventually(
      'one is upstream',
      async () => held.length === 1 && (await sidecar.metric('breakwater_bulkhead_queued')) === 2,
    );
    sidecar.edit(yaml(3));
    await sidecar.reload();
    await eventually('all are upstream', () => held.length === 3);
    sidecar.edit(yaml(1));
    await sidecar.reload();
    calls.push(send(`${sidecar.url('a')}/`));
    await eventually(
      'the fourth waits',
      async () => (await sidecar.metric('breakwater_bulkhead_queued')) === 1,
    );
    held[0]!.end();
    held[1]!.end();
    await eventually(
      'two slots are back',
      async () => (await sidecar.metric('breakwater_bulkhead_active')) === 1,
    );
    t.equal(held.length, 3);
    held[2]!.end();
    await eventually('the fourth is upstream', () => held.length === 4);
    held[3]!.end();
    t.same(
      (await Promise.all(calls)).map(({ status }) => status),
      [200, 200, 200, 200],
    );
  },
);

t.test('an upstream that is removed and added again goes on counting', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const yaml = (more: string) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}" }${more} }`;
  const both = yaml(`, b: { listen: 0, target: "${upstream.url}" }`);
  const sidecar = await startSidecar(t, both);
  const count = () =>
    sidecar.metric('breakwater_attempts_total', { upstream: 'b', outcome: 'success' });
  await send(`${sidecar.url('b')}/`);
  sidecar.edit(yaml(''));
  await sidecar.reload();
  t.equal(await count(), 1, 'its series stay for a while');
  sidecar.edit(both);
  await sidecar.reload();
  await send(`${sidecar.url('b')}/`);
  t.equal(await count(), 2);
});

t.test('ends a call under the policy it began with', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    setTimeout(() => response.end('late'), 300);
  });
  const yaml = (attempt: string) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: off, timeout: { attempt: ${attempt} } } }`;
  const sidecar = await startSidecar(t, yaml('5s'));
  const call = send(`${sidecar.url('a')}/`);
  await eventually('it is upstream', () => upstream.seen.length === 1);
  sidecar.edit(yaml('50ms'));
  await sidecar.reload();
  t.equal((await call).text, 'late');
  t.equal((await send(`${sidecar.url('a')}/`)).status, 504);
});

t.test('moves to another target, and drains a listener that is gone', async (t) => {
  const first = await startUpstream(
    t,
    (_request, response) => void setTimeout(() => response.end('first'), 200),
  );
  const second = await startUpstream(t, (_request, response) => response.end('second'));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${first.url}" }, b: { listen: 0, target: "${first.url}" } }`,
  );
  const [a, b] = [sidecar.url('a'), sidecar.url('b')];
  const calls = [send(`${a}/`), send(`${b}/`)];
  await eventually('both are upstream', () => first.seen.length === 2);
  sidecar.edit(`upstreams: { a: { listen: 0, target: "${second.url}" } }`);
  t.match(await sidecar.reload(), {
    changes: { removed: ['upstreams.b'], changed: ['upstreams.a.target'] },
  });
  t.same(
    (await Promise.all(calls)).map(({ text }) => text),
    ['first', 'first'],
  );
  t.equal((await send(`${a}/`)).text, 'second');
  await t.rejects(send(`${b}/`), { code: 'ECONNREFUSED' });
});

t.test('loses none of 200 requests per second over ten reloads', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const yaml = (i: number) => `upstreams:
  a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: ${100 + i} } }
  ${i % 2 === 0 ? `b: { listen: 0, target: "${upstream.url}" }` : ''}`;
  const sidecar = await startSidecar(t, yaml(0));
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const url = `${sidecar.url('a')}/`;
  const calls: Promise<unknown>[] = [];
  let failed = 0;
  const timer = setInterval(() => {
    calls.push(
      send(url, { agent }).then(
        ({ status }) => (status === 200 ? 0 : failed++),
        () => failed++,
      ),
    );
  }, 5);
  for (let i = 1; i <= 10 || calls.length <= 50; i++) {
    sidecar.edit(yaml(i));
    t.match(await sidecar.reload(), { kind: 'success' });
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  clearInterval(timer);
  await Promise.all(calls);
  t.ok(calls.length > 50, `${calls.length} calls`);
  t.equal(failed, 0);
});

t.test('takes another admin token, address and log level', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const port = await findFreePort();
  const rest = `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const sidecar = await startSidecar(t, rest);
  sidecar.edit(
    `admin: { listen: ${port}, token: secret }\nlog: { access: all, level: info }\n${rest}`,
  );
  t.match(await sidecar.reload(), { kind: 'success' });
  const admin = `http://127.0.0.1:${port}`;
  t.equal((await send(`${admin}/reload`, { method: 'POST' })).status, 401);
  const headers = { Authorization: 'Bearer secret' };
  t.equal((await send(`${admin}/reload`, { method: 'POST', headers })).status, 200);
  await eventually('the old address is closed', () =>
    send(`${sidecar.admin}/healthz`).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
    ),
  );
  await send(`${sidecar.url('a')}/seen?token=x`);
  t.ok(sidecar.logs.some((line) => line['msg'] === 'exchange' && line['path'] === '/seen'));
});
