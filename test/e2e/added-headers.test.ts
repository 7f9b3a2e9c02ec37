/** Which header fields Breakwater adds, in both directions: the list of `docs/compatibility`. */
import t from 'tap';
import { headers } from '../../tools/compatibility/declared.js';
import {
  findFreePort,
  send,
  startSidecar,
  startUpstream,
  type ClientResponse,
} from '../support/sidecar.js';

/** Every HTTP/1.1 response may have them. */
const ofHttp = new Set(['Connection', 'Content-Length', 'Content-Type', 'Date']);

const namesOf = (raw: readonly string[]) => raw.filter((_, index) => index % 2 === 0);

t.test('adds the fields of the compatibility list, and no others', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    const isFailing = request.url === '/failing' && request.headers['x-attempt-count'] === '1';
    response.writeHead(isFailing || isBroken ? 500 : 200, { 'Content-Length': 2 });
    response.end('ok');
  });
  let isBroken = false;
  const dead = await findFreePort();
  const sidecar = await startSidecar(
    t,
    `tracing: { endpoint: "http://127.0.0.1:${dead}", sample: 100% }
upstreams:
  a:
    listen: "127.0.0.1:0"
    target: "${upstream.url}"
    retry: { backoff: { baseDelay: 1ms } }
    idempotency: { lockTimeout: 5s }
    fallback: [cache: {}]
  gone: { listen: "127.0.0.1:0", target: "http://127.0.0.1:${dead}", retry: off }
  open:
    listen: "127.0.0.1:0"
    target: "http://127.0.0.1:${dead}"
    retry: off
    circuitBreaker: { failureThreshold: 1 }
    rateLimit: on
  broken: { listen: "127.0.0.1:0", target: "http://127.0.0.1:${dead}", retry: off, fault: { abort: on } }
`,
  );
  const a = sidecar.url('a');
  const responses: ClientResponse[] = [
    await send(`${a}/failing`),
    await send(`${a}/kept`),
    await send(a, { method: 'POST', headers: { 'Idempotency-Key': 'k' } }),
    await send(a, { method: 'POST', headers: { 'Idempotency-Key': 'k' } }),
    await send(sidecar.url('gone')),
    await send(sidecar.url('open')),
    await send(sidecar.url('open')),
    await send(sidecar.url('broken')),
  ];
  isBroken = true;
  responses.push(await send(`${a}/kept`));

  const fromClient = new Set(['connection', 'content-length', 'idempotency-key']);
  const toUpstream = upstream.seen
    .flatMap(({ rawHeaders }) => namesOf(rawHeaders))
    .filter((name) => !fromClient.has(name.toLowerCase()));
  t.same([...new Set(toUpstream)].toSorted(), headers.toUpstream.toSorted());
  const toClient = responses
    .flatMap(({ rawHeaders }) => namesOf(rawHeaders))
    .filter((name) => !ofHttp.has(name));
  t.same([...new Set(toClient)].toSorted(), headers.toClient.toSorted());
});

t.test('reads the fields of the compatibility list', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `log: { access: all }
upstreams: { a: { listen: "127.0.0.1:0", target: "${upstream.url}", idempotency: {} } }`,
  );
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const reads: Record<(typeof headers.fromClient)[number], () => Promise<boolean>> = {
    'Idempotency-Key': async () => {
      const options = { method: 'POST', headers: { 'Idempotency-Key': 'k' } };
      await send(sidecar.url('a'), options);
      return (await send(sidecar.url('a'), options)).headers['idempotency-replayed'] === 'true';
    },
    traceparent: async () => {
      await send(sidecar.url('a'), { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
      return JSON.stringify(sidecar.logs).includes(trace);
    },
    'X-Deadline': async () => {
      const response = await send(sidecar.url('a'), { headers: { 'X-Deadline': '1' } });
      return response.headers['x-breakwater-reason'] === 'deadline-expired';
    },
    'X-Request-Id': async () => {
      const response = await send(sidecar.url('a'), { headers: { 'X-Request-Id': 'mine' } });
      return response.headers['x-request-id'] === 'mine';
    },
  };
  for (const name of headers.fromClient) t.ok(await reads[name](), name);
});
