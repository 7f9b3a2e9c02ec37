/** Extra attempts beside slow ones, between two real endpoints. */
import http from 'node:http';
import t from 'tap';
import {
  eventually,
  send,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

/** What an endpoint does with an attempt. */
type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const hang: Handler = () => {};
const respond: Handler = (_request, response) => void response.end('here');

const fail: Handler = (_request, response) => void response.writeHead(503).end('failed');
const failLate: Handler = (...args) => void setTimeout(() => fail(...args), 150);

const breakOff: Handler = (request, response) => {
  response.writeHead(200, { 'Content-Length': '100' });
  response.write('part');
  setTimeout(() => request.socket.destroy(), 100);
};

/** Early hints before it. */
const hint =
  (name: string, then: Handler): Handler =>
  (request, response) =>
    response.writeEarlyHints({ link: `</${name}>; rel=preload` }, () => then(request, response));

const late: Handler = (...args) => void setTimeout(() => respond(...args), 200);

/** An attempt, as its endpoint sees it. */
interface Seen {
  readonly endpoint: number;
  readonly request: http.IncomingMessage;
  /** The proxy has closed the connection before the response was complete. */
  isCancelled: boolean;
}

/** Two endpoints behind a sidecar; the handlers are for the attempts of a call, in order, wherever they go. */
async function open(t: Teardown, handlers: readonly Handler[], keys: string, endpoints = 2) {
  const seen: Seen[] = [];
  const urls: string[] = [];
  for (let endpoint = 0; endpoint < endpoints; endpoint++) {
    const { url } = await startUpstream(t, (request, response) => {
      const attempt: Seen = { endpoint, request, isCancelled: false };
      seen.push(attempt);
      response.on('close', () => (attempt.isCancelled = !response.writableFinished));
      handlers[Number(request.headers['x-attempt-count']) - 1]!(request, response);
    });
    urls.push(url);
  }
  const sidecar = await startSidecar(
    t,
    `log: { access: all }\nupstreams: { a: { listen: 0, targets: ["${urls.join('", "')}"], ${keys} } }`,
  );
  const metric = (name: string, labels: Record<string, string>) =>
    sidecar.metric(`breakwater_${name}`, labels);
  return { seen, sidecar, metric, url: `${sidecar.url('a')}/` };
}

const HEDGE = 'hedge: { after: 50ms }';

t.test('a slow attempt is outrun by another one at the other endpoint', async (t) => {
  const { seen, sidecar, metric, url } = await open(
    t,
    [hang, respond],
    `${HEDGE}, ejection: { consecutiveFailures: 1 }, circuitBreaker: { failureThreshold: 1 }`,
  );
  const response = await send(url);
  t.equal(response.text, 'here');
  t.equal(response.headers['x-breakwater-attempts'], '2');
  t.equal(seen.length, 2);
  t.not(seen[0]!.endpoint, seen[1]!.endpoint);
  const ids = seen.map(({ request }) => request.headers['x-request-id']);
  t.equal(ids[0], ids[1]);
  await eventually('the slow one is cancelled', () => seen[0]!.isCancelled);
  t.notOk(seen[1]!.isCancelled);
  t.equal(await metric('hedges_total', { result: 'won' }), 1);
  t.equal(await metric('attempts_total', { outcome: 'cancelled' }), 1);
  t.equal(await metric('attempts_total', { outcome: 'success' }), 1);
  t.equal(await metric('retries_total', {}), 0);
  t.equal(await metric('bulkhead_active', { upstream: 'a' }), 0);
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [
      {
        circuit: 'closed',
        lastError: null,
        endpoints: [
          { state: 'available', active: 0, consecutiveFailures: 0 },
          { state: 'available', active: 0, consecutiveFailures: 0 },
        ],
      },
    ],
  });
  await eventually('the call is logged', () => sidecar.logs.some(({ outcomes }) => outcomes));
  const line = sidecar.logs.find(({ outcomes }) => outcomes !== undefined)!;
  t.same(new Set(line['outcomes'] as string[]), new Set(['cancelled', 'success']));
  t.equal((line['endpoints'] as string[]).length, 2);
});

t.test('a first attempt that responds before the hedge wins', async (t) => {
  let first: http.ServerResponse | undefined;
  const { seen, metric, url } = await open(
    t,
    [(_request, response) => void (first = response), hang],
    HEDGE,
  );
  const received = send(url);
  await eventually('the hedge is there', () => seen.length === 2);
  first!.end('first');
  t.equal((await received).text, 'first');
  await eventually('the hedge is cancelled', () => seen[1]!.isCancelled);
  t.notOk(seen[0]!.isCancelled);
  t.equal(await metric('hedges_total', { result: 'lost' }), 1);
  t.equal(await metric('hedges_total', { result: 'won' }), 0);
});

t.test('a failure of one waits for the other, and two failures are retried', async (t) => {
  const { seen, metric, url } = await open(
    t,
    [failLate, fail, respond],
    `${HEDGE}, retry: { backoff: { baseDelay: 1ms } }`,
  );
  const response = await send(url);
  t.equal(response.text, 'here');
  t.equal(response.headers['x-breakwater-attempts'], '3');
  t.equal(seen.length, 3);
  t.equal(await metric('hedges_total', { result: 'lost' }), 1);
  t.equal(await metric('retries_total', { cause: 'status' }), 1);
});

t.test('a hedge is no attempt of maxAttempts', async (t) => {
  const { url } = await open(t, [hang, respond], `${HEDGE}, retry: { maxAttempts: 1 }`);
  t.equal((await send(url)).text, 'here');
});

t.test('a client that hangs up cancels both attempts', async (t) => {
  const { seen, metric, url } = await open(t, [hang, hang], HEDGE);
  const request = http.get(url, { agent: false });
  request.on('error', () => {});
  await eventually('the hedge is there', () => seen.length === 2);
  request.destroy();
  await eventually('both are cancelled', () => seen.every(({ isCancelled }) => isCancelled));
  t.equal(await metric('attempts_total', { outcome: 'cancelled' }), 2);
  t.equal(await metric('requests_total', { status: '499' }), 1);
  t.equal(await metric('hedges_total', { result: 'lost' }), 1);
});

t.test('a response that breaks off is cut, and not hedged again', async (t) => {
  const { seen, url } = await open(t, [hang, breakOff], `${HEDGE}, retry: { maxAttempts: 3 }`);
  await t.rejects(send(url));
  t.equal(seen.length, 2);
});

t.test('the retry budget pays', async (t) => {
  const { seen, metric, url } = await open(
    t,
    [(...args) => void setTimeout(() => respond(...args), 200), respond],
    `${HEDGE}, retry: { budget: { ratio: 0%, minPerSecond: 0.1, window: 10s } }`,
  );
  t.equal((await send(url)).headers['x-breakwater-attempts'], '2');
  t.equal((await send(url)).headers['x-breakwater-attempts'], undefined);
  t.equal(seen.length, 3);
  t.equal(await metric('hedges_total', { result: 'won' }), 1);
  t.equal(await metric('hedges_total', { result: 'denied' }), 1);
  t.equal(await metric('retry_budget_remaining', { upstream: 'a' }), 0);
});

t.test('a body reaches both endpoints byte for byte', async (t) => {
  const bodies: string[] = [];
  const read =
    (then: Handler): Handler =>
    (request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        bodies.push(body);
        then(request, response);
      });
    };
  const keys = `hedge: { after: 50ms, methods: [PUT] }`;
  const { url } = await open(t, [read(hang), read(respond)], keys);
  const body = 'x'.repeat(50_000);
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    t.equal((await send(url, { method: 'PUT', body, headers })).text, 'here');
  }
  t.same(bodies, [body, body, body, body]);
});

t.test('a slow upload is not hedged', async (t) => {
  const { seen, url } = await open(
    t,
    [(request, response) => void request.resume().on('end', () => response.end('here'))],
    `hedge: { after: 50ms, methods: [PUT] }`,
  );
  const request = http.request(url, { method: 'PUT', agent: false });
  const received = new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
  for (let i = 0; i < 10; i++) {
    request.write('x');
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  request.end();
  const response = await received;
  response.resume();
  t.equal(response.statusCode, 200);
  t.equal(seen.length, 1);
});

t.test('only the first attempt gives early hints to the client', async (t) => {
  const { url } = await open(t, [hint('one', hang), hint('two', respond)], HEDGE);
  const links: unknown[] = [];
  const request = http.get(url, { agent: false });
  request.on('information', ({ headers }) => void links.push(headers['link']));
  const response = await new Promise<http.IncomingMessage>((resolve) =>
    request.on('response', resolve),
  );
  response.resume();
  t.equal(response.statusCode, 200);
  t.same(links, ['</one>; rel=preload']);
});

t.test('there is no hedge', async (t) => {
  async function staysAlone(what: string, keys: string, method = 'GET', endpoints = 2) {
    const { seen, metric, url } = await open(t, [late], keys, endpoints);
    t.equal((await send(url, { method })).text, 'here', what);
    t.equal(seen.length, 1, what);
    t.equal(await metric('hedges_total', {}), 0, what);
  }
  await staysAlone('with one endpoint', HEDGE, 'GET', 1);
  await staysAlone('of another method', HEDGE, 'POST');
  await staysAlone('without retries', `${HEDGE}, retry: off`);
  await staysAlone('without a budget', `${HEDGE}, retry: { budget: off }`);
  await staysAlone('by default', 'slowStart: 0s');
});
