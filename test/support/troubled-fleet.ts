/** Two real sidecars whose upstreams have every kind of trouble that the dashboard and the alerts show. */
import type http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer, WebSocket } from 'ws';
import { startProxy, type ProxyProcess } from './proxy-process.js';
import { eventually, NO_PORT, send, sendRaw, startUpstream, type Teardown } from './sidecar.js';

/** An upstream whose behaviour the test changes while it runs. */
interface Moods {
  /** Status of `catalog`. */
  catalog: number;
  /** Whether the checked instances are well. */
  isFleetWell: boolean;
}

const OFF = 'circuitBreaker: off, fallback: off';

/** Each upstream has one kind of trouble. */
const yamlOf = (urls: Record<'catalog' | 'slow' | 'good' | 'bad' | 'one' | 'two', string>) => `
admin: { listen: "127.0.0.1:0" }
shutdown: { grace: 1s }
log: { access: off }
upstreams:
  catalog:
    listen: 0
    target: "${urls.catalog}"
    circuitBreaker: { failureThreshold: 3, recoveryTimeout: 400ms, successThreshold: 1, halfOpenMaxCalls: 1 }
    retry: { maxAttempts: 2, backoff: { baseDelay: 10ms }, budget: { ratio: 10%, minPerSecond: 1 } }
  slow:
    listen: 0
    target: "${urls.slow}"
    timeout: { attempt: 400ms }
    bulkhead: { maxConcurrent: 2, maxQueue: 2, queueTimeout: 200ms }
    circuitBreaker: off
  fleet: { listen: 0, targets: ["${urls.good}", "${urls.bad}"], ejection: { consecutiveFailures: 2, baseTime: 1s }, ${OFF} }
  checked:
    listen: 0
    targets: ["${urls.one}", "${urls.two}"]
    healthCheck: { path: /healthz, interval: 200ms, timeout: 150ms, unhealthyAfter: 2, healthyAfter: 1 }
    circuitBreaker: off
  hedged: { listen: 0, targets: ["${urls.good}", "${urls.slow}"], balance: { strategy: round-robin }, hedge: { after: 50ms }, ${OFF} }
  named: { listen: 0, target: "${urls.good.replace('127.0.0.1', 'localhost')}", resolve: { refresh: 1s }, ${OFF} }
  limited: { listen: 0, target: "${urls.good}", rateLimit: { rate: 1/s }, ${OFF} }
  tried:
    listen: 0
    target: "${urls.slow}"
    timeout: { adaptive: { mode: shadow, min: 100ms, max: 200ms } }
    bulkhead: { mode: shadow, maxConcurrent: 1, maxQueue: 1 }
    circuitBreaker: { mode: shadow, failureRate: { minimumCalls: 3, window: 2s }, slowCall: { duration: 100ms }, recoveryTimeout: 400ms }
  keyed: { listen: 0, target: "${urls.good}", idempotency: on, ${OFF} }
  away: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", circuitBreaker: off, fallback: [{ static: { body: old } }], retry: { maxAttempts: 2, backoff: { baseDelay: 10ms } } }
  late: { listen: 0, target: "${urls.good}", ${OFF} }
  forced: { listen: 0, target: "${urls.good}" }
`;

/** Sheds half of its calls, and has no store for the others. */
const overloadedOf = (url: string) => `
admin: { listen: "127.0.0.1:0" }
log: { access: off }
overload: { memory: 0.01%, shed: 50% }
stores: { kind: redis, url: "redis://127.0.0.1:${NO_PORT}" }
upstreams:
  orders: { listen: 0, target: "${url}", idempotency: on, circuitBreaker: off }
`;

export interface TroubledFleet {
  /** Addresses of the admin servers: of a sidecar that goes on, and of one that ends. */
  readonly lasting: string;
  readonly ending: string;
  /** All that goes wrong, once or for some seconds; the last of it goes on until that has been seen, but not for ever. */
  live(isSeen: () => boolean): Promise<void>;
  endOne(): Promise<void>;
}

interface Sidecar {
  readonly proxy: ProxyProcess;
  /** Of a listener. */
  readonly addressOf: (name: string) => string;
}

async function startSidecar(t: Teardown, yaml: string): Promise<Sidecar> {
  const proxy = startProxy(t, yaml);
  await eventually('the sidecar is ready', () => {
    if (proxy.process.exitCode !== null) throw new Error(proxy.errors() + proxy.output());
    return proxy.output().includes('ready');
  });
  const addressOf = (name: string) => {
    const [, address] = new RegExp(`: ${name} listens on (\\S+)`).exec(proxy.output()) ?? [];
    if (address === undefined) throw new Error(`no listener ${name}`);
    return address;
  };
  return { proxy, addressOf };
}

const respond = (response: http.ServerResponse, status: number) =>
  void response.writeHead(status).end('x');

/** The upstream of `good` takes WebSockets, too. */
async function startUpstreams(t: Teardown, moods: Moods) {
  const catalog = await startUpstream(t, (_, response) => respond(response, moods.catalog));
  const slow = await startUpstream(t, (_, response) => {
    setTimeout(() => respond(response, 200), 300).unref();
  });
  const good = await startUpstream(t, (_, response) => respond(response, 200));
  const tunnels = new WebSocketServer({ server: good.server });
  t.teardown(() => tunnels.close());
  const bad = await startUpstream(t, (_, response) => respond(response, 500));
  const check = (_: unknown, response: http.ServerResponse) =>
    respond(response, moods.isFleetWell ? 200 : 503);
  const [one, two] = [await startUpstream(t, check), await startUpstream(t, check)];
  return {
    catalog: catalog.url,
    slow: slow.url,
    good: good.url,
    bad: bad.url,
    one: one.url,
    two: two.url,
  };
}

/** Between two rounds of calls, in ms. */
const ROUND_MS = 100;

/** Recorded traces, so that there are exemplars. */
const traced = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

async function call(
  { addressOf }: Sidecar,
  upstream: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<void> {
  await send(`http://${addressOf(upstream)}/x`, { method, headers: { ...traced, ...headers } });
}

export async function startTroubledFleet(t: Teardown): Promise<TroubledFleet> {
  const moods: Moods = { catalog: 200, isFleetWell: true };
  const urls = await startUpstreams(t, moods);
  const first = await startSidecar(t, yamlOf(urls));
  const second = await startSidecar(t, overloadedOf(urls.good));

  let round = 0;
  const makeRound = () => {
    round += 1;
    const isExpired = { 'X-Deadline': (Date.now() / 1000 - 1).toFixed(3) };
    return [
      call(first, 'catalog'),
      ...[
        'slow',
        'slow',
        'fleet',
        'fleet',
        'checked',
        'hedged',
        'named',
        'limited',
        'tried',
        'away',
        'forced',
      ].map((upstream) => call(first, upstream)),
      call(first, 'late', 'GET', round % 2 === 0 ? isExpired : {}),
      // Each key is sent twice.
      call(first, 'keyed', 'POST', { 'Idempotency-Key': `key-${round >> 1}` }),
      call(second, 'orders', 'POST', { 'Idempotency-Key': `key-${round}` }),
    ];
  };
  const callFor = async (ms: number): Promise<void> => {
    const calls: Promise<void>[] = [];
    for (const endMs = Date.now() + ms; Date.now() < endMs;) {
      calls.push(...makeRound());
      await sleep(ROUND_MS);
    }
    await Promise.all(calls);
  };
  const put = (path: string, body: object) =>
    send(`http://${first.addressOf('admin')}${path}`, {
      method: 'PUT',
      body: JSON.stringify(body),
    });

  return {
    lasting: first.addressOf('admin'),
    ending: second.addressOf('admin'),
    async live(isSeen) {
      const socket = new WebSocket(`ws://${first.addressOf('named')}/`);
      t.teardown(() => socket.terminate());
      await callFor(1500);
      await put('/circuits/forced', { state: 'forced-open', ttl: '10m' });
      for (let outage = 0; outage < 3; outage++) {
        moods.catalog = 500;
        await callFor(1500);
        moods.catalog = 200;
        await callFor(1000);
      }
      // The last outage stays, until its alert can be seen.
      moods.catalog = 500;
      moods.isFleetWell = false;
      const [, port = ''] = first.addressOf('late').split(':');
      for (let i = 0; i < 4; i++) {
        await sendRaw(Number(port), 'GET / HTTP/1.1\r\n\r\n');
        await callFor(1000);
      }
      first.proxy.edit('upstreams: {}\n');
      for (let i = 0; i < 60 && !isSeen(); i++) {
        // Again and again, as people do.
        if (i % 4 === 0)
          await send(`http://${first.addressOf('admin')}/reload`, { method: 'POST' });
        await callFor(500);
      }
    },
    async endOne() {
      second.proxy.process.kill('SIGKILL');
      await second.proxy.exit;
    },
  };
}
