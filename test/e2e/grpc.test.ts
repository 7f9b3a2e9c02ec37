import { createServer as createHttp1Server } from 'node:http';
import { constants } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { createGrpcClient, message, startGrpcServer, type ServedCall } from '../support/grpc.js';
import { NO_PORT, eventually, startSidecar, type Teardown } from '../support/sidecar.js';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;
const PATH = '/shop.Cart/Get';

/** A sidecar in front of a server. @param keys more keys of its upstream. */
async function open(t: Teardown, onCall: (call: ServedCall, number: number) => void, keys = '') {
  const server = await startGrpcServer(t, onCall);
  return { ...(await openTo(t, server.url, keys)), server };
}

async function openTo(t: Teardown, target: string, keys = '') {
  const sidecar = await startSidecar(
    t,
    `upstreams: { cart: { listen: 0, target: "${target}"${keys} } }`,
  );
  return { sidecar, client: createGrpcClient(t, sidecar.url('cart')) };
}

/** Until the sidecar has passed on what came before. */
const LATER_MS = 150;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('a call passes with its metadata, its message and its trailers', async (t) => {
  const { client, server, sidecar } = await open(t, (call) => {
    call.begin({ 'x-bin': 'AAE=' });
    call.send('one');
    call.end(0, { 'y-bin': '/w==', 'grpc-message': 'fine' });
  });
  const call = await client.call(PATH, {
    'grpc-timeout': '2S',
    'grpc-encoding': 'identity',
    'a-bin': 'AAA=',
  });
  t.equal(call.head?.[':status'], 200);
  t.match(call.head, { 'content-type': 'application/grpc', 'x-bin': 'AAE=' });
  t.same(call.messages, ['one']);
  t.match(call.trailers, { 'grpc-status': '0', 'grpc-message': 'fine', 'y-bin': '/w==' });
  const [served] = server.calls;
  t.match(served?.headers, {
    ':path': PATH,
    ':method': 'POST',
    te: 'trailers',
    'content-type': 'application/grpc',
    'grpc-encoding': 'identity',
    'a-bin': 'AAA=',
    'x-deadline': /^\d+\.\d{3}$/,
    'grpc-timeout': /^1\d{6}u$/,
  });
  const labels = { upstream: 'cart', code: 'OK' };
  await eventually(
    'it is counted',
    async () => (await sidecar.metric('breakwater_grpc_requests_total', labels)) === 1,
  );
  t.equal(await sidecar.metric('breakwater_requests_total', { status: '2xx', reason: '' }), 1);
});

t.test('a status of the upstream passes, in either form', async (t) => {
  const { client } = await open(t, (call, number) => {
    if (number === 1) return call.refuse(5, { 'grpc-message': 'no%20such', 'x-more': '1' });
    call.begin();
    call.end(5);
  });
  const only = await client.call(PATH);
  t.ok(only.isTrailersOnly);
  t.match(only.head, { 'grpc-status': '5', 'grpc-message': 'no%20such', 'x-more': '1' });
  const trailing = await client.call(PATH);
  t.notOk(trailing.isTrailersOnly);
  t.equal(trailing.status, '5');
});

t.test('failures in trailers open the circuit, whose refusals are trailers-only', async (t) => {
  const { client, server, sidecar } = await open(t, (call) => {
    call.begin();
    call.end(14);
  });
  for (let i = 0; i < 5; i++) t.equal((await client.call(PATH)).status, '14');
  const refused = await client.call(PATH);
  t.equal(server.calls.length, 5);
  t.ok(refused.isTrailersOnly);
  t.equal(refused.head?.[':status'], 200);
  t.match(refused.head, {
    'content-type': 'application/grpc',
    'grpc-status': '14',
    'grpc-message': /^Cannot call cart because its circuit is open/,
    'x-breakwater-reason': 'circuit-open',
    'x-request-id': String,
  });
  const pushback = Number(refused.head?.['grpc-retry-pushback-ms']);
  t.ok(pushback > 20_000 && pushback <= 30_000, String(pushback));
  t.equal(refused.head?.['retry-after'], undefined);
  t.equal(
    (await client.call(PATH, { 'grpc-timeout': '4S' })).head?.['grpc-retry-pushback-ms'],
    '-1',
  );
  t.equal(await sidecar.metric('breakwater_rejections_total', { reason: 'circuit-open' }), 2);
  t.equal(await sidecar.metric('breakwater_grpc_requests_total', { code: 'UNAVAILABLE' }), 7);
});

t.test("statuses that are the caller's doing open no circuit", async (t) => {
  const { client, server } = await open(t, (call) => call.refuse(8));
  for (let i = 0; i < 8; i++) t.equal((await client.call(PATH)).status, '8');
  t.equal(server.calls.length, 8);
});

t.test('an upstream that is not there is UNAVAILABLE at once', async (t) => {
  const { client } = await openTo(t, `http://127.0.0.1:${NO_PORT}`);
  const call = await client.call(PATH);
  t.ok(call.isTrailersOnly);
  t.match(call.head, { 'grpc-status': '14', 'x-breakwater-reason': 'connect-failed' });
});

t.test(
  'an upstream that speaks HTTP/1.1 only is UNAVAILABLE, with the cause in words',
  async (t) => {
    const http1 = createHttp1Server((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => http1.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      http1.closeAllConnections();
      http1.close();
    });
    const { client } = await openTo(t, `http://127.0.0.1:${(http1.address() as AddressInfo).port}`);
    const call = await client.call(PATH);
    t.ok(call.isTrailersOnly);
    t.equal(call.status, '14');
    t.match(call.head?.['grpc-message'], /HTTP\/1|HTTP\/2/);
  },
);

t.test('a deadline', async (t) => {
  t.test('ends a call before its headers, and its stream upstream', async (t) => {
    const { client, server } = await open(t, () => {});
    const startMs = performance.now();
    const call = await client.call(PATH, { 'grpc-timeout': '300m' });
    const tookMs = performance.now() - startMs;
    t.ok(tookMs > 240 && tookMs < 8000, `${tookMs} ms`);
    t.ok(call.isTrailersOnly);
    t.match(call.head, { 'grpc-status': '4', 'x-breakwater-reason': 'deadline-expired' });
    await eventually('it is cancelled', () => server.calls[0]?.resetBy === NGHTTP2_CANCEL);
  });

  t.test('ends a call after its headers with trailers', async (t) => {
    const { client } = await open(t, (call) => {
      call.begin();
      call.send('first');
    });
    const call = await client.call(PATH, { 'grpc-timeout': '300m' });
    t.same(call.messages, ['first']);
    t.match(call.trailers, { 'grpc-status': '4', 'x-breakwater-reason': 'deadline-expired' });
  });

  t.test('that has expired, or cannot be read, reaches no upstream', async (t) => {
    const { client, server } = await open(t, (call) => call.respond('x'));
    t.equal((await client.call(PATH, { 'grpc-timeout': '0S' })).status, '4');
    const malformed = await client.call(PATH, { 'grpc-timeout': '1.5S' });
    t.match(malformed.head, { 'grpc-status': '3', 'x-breakwater-reason': 'invalid-deadline' });
    t.match(malformed.head?.['grpc-message'], /up to 8 digits/);
    t.equal(server.calls.length, 0);
  });

  t.test('is not made of the total timeout, which ends at the headers', async (t) => {
    const keys = ', timeout: { attempt: 300ms, total: 300ms }';
    const { client, server } = await open(
      t,
      (call) => {
        call.begin();
        call.send('early');
        setTimeout(() => {
          call.send('late');
          call.end(0);
        }, 700);
      },
      keys,
    );
    const call = await client.call(PATH);
    t.same(call.messages, ['early', 'late']);
    t.equal(call.status, '0');
    t.equal(server.calls[0]?.headers['grpc-timeout'], undefined);
    const bounded = await client.call(PATH, { 'grpc-timeout': '9S' });
    t.equal(bounded.status, '0', 'nor of both');
  });
});

t.test('a response that breaks off', async (t) => {
  t.test('between messages ends with trailers', async (t) => {
    const { client, sidecar } = await open(t, (call) => {
      call.begin();
      call.send('whole');
      setTimeout(() => call.stream.close(NGHTTP2_INTERNAL_ERROR), LATER_MS);
    });
    const call = await client.call(PATH);
    t.same(call.messages, ['whole']);
    t.match(call.trailers, { 'grpc-status': '14', 'x-breakwater-reason': 'upstream-reset' });
    t.equal(call.stream.rstCode, 0);
    const labels = { code: 'UNAVAILABLE' };
    t.equal(await sidecar.metric('breakwater_grpc_requests_total', labels), 1);
  });

  t.test('inside a message is reset', async (t) => {
    const { client } = await open(t, (call) => {
      call.begin();
      call.stream.write(message('half of it').subarray(0, 9));
      setTimeout(() => call.stream.close(NGHTTP2_INTERNAL_ERROR), LATER_MS);
    });
    const call = await client.call(PATH);
    t.equal(call.trailers, undefined);
    t.equal(call.stream.rstCode, NGHTTP2_INTERNAL_ERROR);
  });

  t.test('because its connection is lost ends with trailers as well', async (t) => {
    const { client } = await open(t, (call) => {
      call.begin();
      call.send('whole');
      setTimeout(() => call.stream.session?.destroy(), LATER_MS);
    });
    t.equal((await client.call(PATH)).status, '14');
  });

  t.test('without trailers is UNKNOWN', async (t) => {
    const { client } = await open(t, (call) => {
      call.stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      call.stream.end(message('all'));
    });
    const call = await client.call(PATH);
    t.match(call.trailers, {
      'grpc-status': '2',
      'x-breakwater-reason': 'upstream-protocol-error',
    });
  });
});

t.test('a response that is not gRPC becomes it', async (t) => {
  const bodies = { 200: '2', 404: '12', 429: '14', 500: '2', 503: '14' };
  for (const [status, code] of Object.entries(bodies)) {
    const { client } = await open(t, (call) => {
      call.stream.respond({ ':status': Number(status), 'content-type': 'text/html' });
      call.stream.end('<h1>Hello</h1>');
    });
    const call = await client.call(PATH);
    t.ok(call.isTrailersOnly, status);
    t.match(call.head, { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code });
    t.equal(call.body.length, 0);
  }
});

const failOnce = (call: ServedCall, number: number): void =>
  number === 1 ? call.refuse(14) : call.respond('second');

t.test('a call is repeated', async (t) => {
  t.test('after UNAVAILABLE only where its method may be carried out twice', async (t) => {
    const once = await open(t, failOnce);
    t.equal((await once.client.call(PATH)).status, '14');
    const routes = `, routes: [{ name: get, match: { path: ${PATH} }, retry: { grpc: idempotent } }]`;
    const twice = await open(t, failOnce, routes);
    const call = await twice.client.call(PATH);
    t.same(call.messages, ['second']);
    t.equal(call.head?.['x-breakwater-attempts'], '2');
    t.equal(twice.server.calls[1]?.headers['x-attempt-count'], '2');
  });

  t.test('where the upstream has refused its stream unread', async (t) => {
    const { client, server } = await open(t, (call, number) => {
      if (number === 1) call.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else call.respond('second');
    });
    t.same((await client.call(PATH)).messages, ['second']);
    t.equal(server.calls.length, 2);
  });

  t.test('not when the upstream says so', async (t) => {
    const { client, server } = await open(
      t,
      (call) => call.refuse(14, { 'grpc-retry-pushback-ms': -1 }),
      ', retry: { grpc: idempotent }',
    );
    t.equal((await client.call(PATH)).status, '14');
    t.equal(server.calls.length, 1);
  });
});

t.test('both sides of a stream pass as they come', async (t) => {
  const { client, sidecar } = await open(t, (call) => {
    call.begin();
    call.stream.on('data', (chunk: Buffer) => call.stream.write(chunk));
    call.stream.on('end', () => call.end(0));
  });
  const call = client.open(PATH);
  for (const text of ['a', 'b', 'c']) {
    call.stream.write(message(text));
    await eventually(`${text} came back`, () => call.messages.includes(text));
  }
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [{ bulkhead: { active: 0, streams: 1 } }],
  });
  call.stream.end();
  await call.end();
  t.equal(call.status, '0');
});

t.test('a client may be silent for longer than an upload', async (t) => {
  const server = await startGrpcServer(t, (call) => {
    call.stream.on('data', () => {});
    call.stream.on('end', () => call.respond('done'));
  });
  const sidecar = await startSidecar(
    t,
    `limits: { bodyIdle: 100ms }\nupstreams: { cart: { listen: 0, target: "${server.url}" } }`,
  );
  const call = createGrpcClient(t, sidecar.url('cart')).open(PATH);
  call.stream.write(message('first'));
  await pause(400);
  call.stream.end(message('last'));
  t.same((await call.end()).messages, ['done']);
});

t.test('a client that resets cancels the stream upstream', async (t) => {
  const { client, server, sidecar } = await open(t, () => {});
  const call = client.open(PATH);
  await eventually('it is there', () => server.calls.length === 1);
  call.stream.close(NGHTTP2_INTERNAL_ERROR);
  await eventually('it is cancelled', () => server.calls[0]?.resetBy === NGHTTP2_CANCEL);
  await eventually(
    'it is counted',
    async () =>
      (await sidecar.metric('breakwater_grpc_requests_total', { code: 'CANCELLED' })) === 1,
  );
});

t.test('no 1xx response passes', async (t) => {
  const { client } = await open(t, (call) => {
    call.stream.additionalHeaders({ ':status': 103, link: '</x>' });
    call.respond('x');
  });
  const call = await client.call(PATH);
  t.same(call.informational, []);
  t.same(call.messages, ['x']);
});

t.test('one stream too many is refused, and cancelled upstream', async (t) => {
  const { client, server } = await open(t, (call) => call.begin(), ', bulkhead: { maxStreams: 1 }');
  const first = client.open(PATH);
  await eventually('it has begun', () => first.head !== undefined);
  const second = await client.call(PATH);
  t.ok(second.isTrailersOnly);
  t.match(second.head, { 'grpc-status': '14', 'x-breakwater-reason': 'bulkhead-full' });
  await eventually('it is cancelled', () => server.calls[1]?.resetBy === NGHTTP2_CANCEL);
  first.stream.close();
});

t.test('a large response waits for a slow reader', async (t) => {
  const piece = 'x'.repeat(64 * 1024);
  let written = 0;
  const { client } = await open(t, (call) => {
    call.begin();
    const send = (): void => {
      while (written < 400) {
        written += 1;
        if (!call.stream.write(message(piece))) return void call.stream.once('drain', send);
      }
      call.end(0);
    };
    send();
  });
  const call = client.open(PATH);
  call.stream.end(message('request'));
  await eventually('it has begun', () => call.body.length > 0);
  call.stream.pause();
  await pause(300);
  t.ok(written < 200, `${written} pieces were written while nothing was read`);
  call.stream.resume();
  await call.end();
  t.equal(call.status, '0');
  t.equal(call.messages.length, 400);
});
