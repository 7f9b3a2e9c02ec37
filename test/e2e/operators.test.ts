/** What operators are told of calls: numbers, lines of the log, and whose fault it was. */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import {
  eventually,
  NO_PORT,
  send,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Teardown,
  type TestSidecar,
} from '../support/sidecar.js';

const ACCEPT = { accept: 'application/openmetrics-text; version=1.0.0' };

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\n';

const hang = (socket: Socket) => socket.resume();

const isLine = ({ msg }: Record<string, unknown>) => msg === 'exchange';

async function lastErrorOf(sidecar: TestSidecar): Promise<unknown> {
  const { upstreams } = (await sidecar.json('/upstreams')) as {
    upstreams: { lastError: unknown }[];
  };
  return upstreams[0]!.lastError;
}

/** The line of the only exchange. */
async function lineOf(sidecar: TestSidecar): Promise<Record<string, unknown>> {
  await eventually('the exchange is logged', () => sidecar.logs.some(isLine));
  t.equal(sidecar.logs.filter(isLine).length, 1);
  return sidecar.logs.find(isLine)!;
}

function write(t: Teardown, port: number, bytes: string): Socket {
  const client = connect(port, '127.0.0.1');
  t.teardown(() => client.destroy());
  client.on('error', () => {});
  client.resume();
  client.write(bytes);
  return client;
}

t.test('an attempt is measured to its headers, an exchange to its end', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.write('part');
    setTimeout(() => response.end(), 1500);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  await send(`${sidecar.url('a')}/`);
  const labels = { upstream: 'a', outcome: 'success' };
  t.equal(await sidecar.metric('breakwater_attempt_duration_seconds_count', labels), 1);
  t.ok((await sidecar.metric('breakwater_attempt_duration_seconds_sum', labels)) < 1);
  t.ok((await sidecar.metric('breakwater_request_duration_seconds_sum', { upstream: 'a' })) >= 1.4);
});

t.test(
  'an attempt without headers is measured to its end, and a refusal is no attempt',
  async (t) => {
    const upstream = await startUpstream(t, () => {});
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { attempt: 200ms },
      circuitBreaker: { failureThreshold: 1 }, retry: off } }`,
    );
    t.equal((await send(`${sidecar.url('a')}/`)).status, 504);
    t.equal((await send(`${sidecar.url('a')}/`)).status, 503);
    const name = 'breakwater_attempt_duration_seconds';
    t.equal(await sidecar.metric(`${name}_count`, { outcome: 'timeout' }), 1);
    t.ok((await sidecar.metric(`${name}_sum`, { outcome: 'timeout' })) >= 0.19);
    t.equal(await sidecar.metric(`${name}_count`, { outcome: 'success' }), 0);
    t.equal(await sidecar.metric(`${name}_count`, { outcome: 'cancelled' }), 0);
  },
);

t.test('the access log', async (t) => {
  const LOG = 'log: { access: all }\n';

  t.test('has the client, the bytes of both bodies and the status of the upstream', async (t) => {
    const upstream = await startUpstream(t, (request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(201).end('x'.repeat(1000)));
    });
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
    );
    await send(`${sidecar.url('a')}/`, { method: 'POST', body: 'y'.repeat(123_456) });
    t.match(await lineOf(sidecar), {
      client: '127.0.0.1',
      status: 201,
      upstreamStatus: 201,
      bytesIn: 123_456,
      bytesOut: 1000,
    });
  });

  t.test('has the bytes of a body in chunks, without what frames them', async (t) => {
    const upstream = await startUpstream(t, (request, response) => void request.pipe(response));
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
    );
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    write(t, sidecar.port('a'), `${head}5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n`);
    t.match(await lineOf(sidecar), { bytesIn: 11, bytesOut: 11 });
  });

  t.test('has no body of a HEAD, and none of the upstream where it was not reached', async (t) => {
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", retry: off } }`,
    );
    await send(`${sidecar.url('a')}/`, { method: 'HEAD' });
    const line = await lineOf(sidecar);
    t.match(line, { status: 502, bytesIn: 0, bytesOut: 0 });
    t.notOk('upstreamStatus' in line);
  });

  t.test('has the length of a response of our own', async (t) => {
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", retry: off } }`,
    );
    const { text } = await send(`${sidecar.url('a')}/`);
    t.match(await lineOf(sidecar), { status: 502, bytesOut: Buffer.byteLength(text) });
  });

  t.test('has the last status that there was, and what the client was sent instead', async (t) => {
    let calls = 0;
    const upstream = await startUpstream(t, (request, response) => {
      calls += 1;
      if (calls === 1) response.writeHead(503).end();
      else request.socket.destroy();
    });
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "${upstream.url}",
        retry: { maxAttempts: 2, backoff: { baseDelay: 1ms } },
        fallback: [{ static: { status: 200, body: "spare" } }] } }`,
    );
    t.equal((await send(`${sidecar.url('a')}/`)).text, 'spare');
    t.match(await lineOf(sidecar), {
      status: 200,
      upstreamStatus: 503,
      outcomes: ['failure', 'reset'],
      bytesOut: 5,
    });
  });

  t.test('has what was sent of a response that broke off', async (t) => {
    const upstream = await startUpstream(t, (request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('part');
      setTimeout(() => request.socket.destroy(), 100);
    });
    const sidecar = await startSidecar(
      t,
      `${LOG}upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
    );
    await t.rejects(send(`${sidecar.url('a')}/`));
    t.match(await lineOf(sidecar), { upstreamStatus: 200, bytesOut: 4, reason: 'upstream-reset' });
  });

  t.test('has a share of the good calls', async (t) => {
    const upstream = await startUpstream(t, (request, response) => {
      response.writeHead(request.url === '/bad' ? 500 : 200).end();
    });
    const sidecar = await startSidecar(
      t,
      `log: { access: all, sample: { ok: 0% } }
upstreams: { a: { listen: 0, target: "${upstream.url}", retry: off } }`,
    );
    for (let i = 0; i < 5; i++) await send(`${sidecar.url('a')}/`);
    await send(`${sidecar.url('a')}/bad`);
    t.match(await lineOf(sidecar), { path: '/bad', status: 500 });
  });
});

/** One attempt was made, and has ended. */
const ended = (sidecar: TestSidecar, outcome: string) =>
  eventually(
    `the attempt ends as ${outcome}`,
    async () => (await sidecar.metric('breakwater_attempts_total', { outcome })) === 1,
  );

async function open(t: Teardown, options: string, onConnection: (socket: Socket) => void = hang) {
  const upstream = await startRawUpstream(t, onConnection);
  return startSidecar(
    t,
    `limits: { bodyIdle: 300ms, maxRequestBody: 100B }
log: { level: debug }
upstreams: { a: { listen: 0, target: "${upstream.url}", retry: off${options} } }`,
  );
}

t.test('the last error of an upstream is not what the client did:', async (t) => {
  t.test('a malformed body', async (t) => {
    const sidecar = await open(t, '');
    const head = `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`;
    const client = write(t, sidecar.port('a'), head);
    await eventually(
      'the attempt has a slot',
      async () => (await sidecar.metric('breakwater_bulkhead_active')) === 1,
    );
    client.write('zz\r\n');
    await ended(sidecar, 'cancelled');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('a body that is too large', async (t) => {
    const sidecar = await open(t, '');
    const client = write(
      t,
      sidecar.port('a'),
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    );
    await eventually(
      'the attempt has a slot',
      async () => (await sidecar.metric('breakwater_bulkhead_active')) === 1,
    );
    client.write(`80\r\n${'x'.repeat(128)}\r\n`);
    await ended(sidecar, 'cancelled');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('a body that falls silent', async (t) => {
    const sidecar = await open(t, '');
    write(t, sidecar.port('a'), `${HEAD}Content-Length: 10\r\n\r\nabc`);
    await ended(sidecar, 'cancelled');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('an upload that takes the whole time of the call', async (t) => {
    const sidecar = await open(t, ', timeout: { total: 500ms, attempt: 400ms }');
    const client = write(t, sidecar.port('a'), `${HEAD}Content-Length: 90\r\n\r\nabc`);
    const timer = setInterval(() => client.write('d'), 50);
    t.teardown(() => clearInterval(timer));
    await ended(sidecar, 'timeout');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('a deadline that leaves the upstream no time', async (t) => {
    const sidecar = await open(t, ', circuitBreaker: { minimumTimeout: 5s }');
    const deadline = ((Date.now() + 300) / 1000).toFixed(3);
    t.equal(
      (await send(`${sidecar.url('a')}/`, { headers: { 'x-deadline': deadline } })).status,
      504,
    );
    await ended(sidecar, 'timeout');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('a response that the client does not read', async (t) => {
    const sidecar = await open(t, ', timeout: { total: 3s, attempt: 2s }', (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
        socket.write(Buffer.alloc(20_000_000));
      });
    });
    const client = connect(sidecar.port('a'), '127.0.0.1');
    t.teardown(() => client.destroy());
    client.on('error', () => {});
    client.pause();
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await ended(sidecar, 'timeout');
    t.equal(await lastErrorOf(sidecar), null);
  });

  t.test('but it is what the upstream did', async (t) => {
    const sidecar = await open(t, ', timeout: { total: 300ms, attempt: 250ms }');
    t.equal((await send(`${sidecar.url('a')}/`)).status, 504);
    t.match(await lastErrorOf(sidecar), { message: /timeout\.attempt/ });

    const late = await open(t, ', circuitBreaker: { minimumTimeout: 100ms }');
    const deadline = ((Date.now() + 500) / 1000).toFixed(3);
    t.equal((await send(`${late.url('a')}/`, { headers: { 'x-deadline': deadline } })).status, 504);
    t.match(await lastErrorOf(late), { message: /deadline/ });
  });

  t.test('nor what a hedge outran', async (t) => {
    let calls = 0;
    const upstream = await startUpstream(t, (_request, response) => {
      calls += 1;
      if (calls === 2) response.end();
    });
    const other = await startUpstream(t, (_request, response) => {
      calls += 1;
      if (calls === 2) response.end();
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, targets: ["${upstream.url}", "${other.url}"], hedge: { after: 50ms } } }`,
    );
    t.equal((await send(`${sidecar.url('a')}/`)).status, 200);
    await ended(sidecar, 'cancelled');
    t.equal(await lastErrorOf(sidecar), null);
  });
});

const configOf = async (sidecar: TestSidecar) => {
  const page = await (await fetch(`${sidecar.admin}/metrics`)).text();
  return /^breakwater_build_info\{version="0.0.0-test",config="([0-9a-f]{12})"\} 1$/m.exec(
    page,
  )?.[1];
};

const yamlWith = (more: string) =>
  `upstreams: { a: { listen: 0, target: "http://127.0.0.1:${NO_PORT}"${more} } }`;

t.test('build_info names the file in force', async (t) => {
  const sidecar = await startSidecar(t, yamlWith(''));
  const first = await configOf(sidecar);
  t.ok(first);
  sidecar.edit(yamlWith(', retry: off'));
  t.equal(await configOf(sidecar), first, 'not before the reload');
  await sidecar.reload();
  const second = await configOf(sidecar);
  t.ok(second);
  t.not(second, first);
  sidecar.edit(yamlWith(', retry: nonsense'));
  await sidecar.reload();
  t.equal(await configOf(sidecar), second, 'a bad file is not in force');
  sidecar.edit(yamlWith(''));
  await sidecar.reload();
  t.equal(await configOf(sidecar), first, 'the same content has the same hash');
});

t.test('a traced call is shown with its trace where the scrape asks for OpenMetrics', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => void response.end());
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const id = '0af7651916cd43dd8448eb211c80319c';
  await send(`${sidecar.url('a')}/`, { headers: { traceparent: `00-${id}-b7ad6b7169203331-01` } });
  const scrape = await fetch(`${sidecar.admin}/metrics`, { headers: ACCEPT });
  t.equal(
    scrape.headers.get('content-type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  const page = await scrape.text();
  t.ok(page.endsWith('\n# EOF\n'));
  for (const family of ['request', 'attempt']) {
    t.match(
      page,
      new RegExp(
        `^breakwater_${family}_duration_seconds_bucket\\{.*\\} 1 # \\{trace_id="${id}"\\}`,
        'm',
      ),
    );
  }
  const text = await fetch(`${sidecar.admin}/metrics`);
  t.equal(text.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.notMatch(await text.text(), /EOF|trace_id/);
});
