/**
 * Faults of clients and upstreams for a time, with every policy on: nothing is stuck, leaked or counted twice. A longer run:
 *
 *   SOAK_SECONDS=1800 npx tap --timeout=2400 dist/test/process/soak.test.js
 *
 * The load pauses for each sample, so that only what is held without calls is counted.
 */
import http from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import t from 'tap';
import { createFaultyServer, seededRandom } from '../support/faulty-upstream.js';
import { startGrpcServer } from '../support/grpc.js';
import { heldKinds, startProbedProxy, type Held, type HeldKind } from '../support/held.js';
import { readMetrics } from '../support/metric-text.js';
import { eventually, findFreePort, startUpstream, type Teardown } from '../support/sidecar.js';
import { callHttp, GrpcCaller, serveGrpc, withEnd, type Ends } from '../support/soak-traffic.js';
import { riseOf } from '../support/trend.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 4);
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
const CLIENTS = 24;
const GRPC_CLIENTS = 8;
const SAMPLES = SECONDS < 60 ? 8 : 30;
/** The first third: code is compiled, tables and kept responses fill up. */
const WARM_UP = Math.ceil(SAMPLES / 3);

/** Connections that may be open at rest: of the clients, and to upstreams with as many calls and hedges as there may be. */
const CONNECTIONS = CLIENTS + GRPC_CLIENTS + 2 * 20 + 8;

/**
 * How far each may rise over the samples after the warm-up. In a short run the process is still warming up: code is compiled,
 * and the stores and the ring of the last 15 minutes are not full yet. Nor are all connections open from the beginning, where
 * a slow machine makes few calls; one that each tenth call leaves behind is still too many.
 */
function mostRise(seconds: number): Readonly<Record<HeldKind, number>> {
  if (seconds < 60) {
    const most = CONNECTIONS / 2;
    return {
      heap: 12,
      external: 12,
      resident: 120,
      resources: most,
      descriptors: most,
      timers: 40,
    };
  }
  if (seconds < 600) {
    return { heap: 6, external: 4, resident: 48, resources: 8, descriptors: 8, timers: 20 };
  }
  return { heap: 2, external: 2, resident: 24, resources: 6, descriptors: 6, timers: 20 };
}
const MOST_RISE = mostRise(SECONDS);

async function listen(t: Teardown, server: Server): Promise<{ url: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

t.test(
  `comes through ${SECONDS} s of faults with nothing stuck, leaked or counted twice`,
  { timeout: (SECONDS * 1.5 + 240) * 1000 },
  async (t) => {
    const random = seededRandom(SEED);
    const upstreams = [
      await listen(t, createFaultyServer(random)),
      await listen(t, createFaultyServer(random)),
    ];
    const grpc = await startGrpcServer(t, (call) => {
      // The list of calls is not needed, and grows.
      grpc.calls.length = 0;
      serveGrpc(call, random);
    });
    const collector = await startUpstream(t, (request, response) => {
      collector.seen.length = 0;
      request.resume().on('end', () => response.end('{}'));
    });
    const [port, grpcPort, adminPort] = [
      await findFreePort(),
      await findFreePort(),
      await findFreePort(),
    ];
    const proxy = await startProbedProxy(
      t,
      `admin: { listen: ${adminPort} }
log: { level: error, access: off }
stores: { maxBytes: 1MiB, maxRecordBytes: 1MiB }
overload: { eventLoopDelay: 500ms }
tracing: { endpoint: "${collector.url}", sample: 20% }
upstreams:
  a:
    listen: ${port}
    targets: ["${upstreams[0]!.url}", "${upstreams[1]!.url}"]
    healthCheck: { path: /healthz, interval: 200ms, timeout: 100ms }
    timeout:
      attempt: 150ms
      adaptive: { percentile: 95, min: 50ms, max: 150ms }
      idle: 150ms
      total: 800ms
    rateLimit: { rate: 100000/s, perKey: { header: X-Tenant, rate: 100/s } }
    bulkhead:
      maxConcurrent: 16
      maxQueue: 4
      queueTimeout: 100ms
      perKey: { header: X-Tenant, maxConcurrent: 12 }
      adaptive: { min: 12, max: 20 }
    circuitBreaker:
      recoveryTimeout: 50ms
      failureThreshold: 8
      slowCall: { duration: 140ms, threshold: 90% }
    retry: { backoff: { baseDelay: 5ms }, budget: { minPerSecond: 1000 } }
    hedge: { after: 20ms }
    idempotency: {}
    fault:
      delay: { share: 2%, time: 30ms }
      abort: { share: 1% }
      reset: { share: 1% }
    fallback:
      - cache: { ttl: 5s }
      - static: { status: 503, body: "later" }
  b:
    listen: ${grpcPort}
    target: "${grpc.url}"
    protocol: http2
    timeout: { attempt: 150ms, idle: 150ms, total: 800ms }
    bulkhead: { maxConcurrent: 8, maxQueue: 4, queueTimeout: 100ms }
    circuitBreaker: { recoveryTimeout: 50ms, failureThreshold: 8 }
    retry: { grpc: idempotent, backoff: { baseDelay: 5ms }, budget: { minPerSecond: 1000 } }`,
    );
    const admin = `http://127.0.0.1:${adminPort}`;
    await eventually('it is ready', () =>
      fetch(`${admin}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const ends: Ends = { responded: 0, broken: 0, left: 0 };
    const agent = new http.Agent({ keepAlive: true });
    const callers = Array.from(
      { length: GRPC_CLIENTS },
      () => new GrpcCaller(`http://127.0.0.1:${grpcPort}`, random),
    );
    const samples: Held[] = [];
    const metrics = () => readMetrics(`${admin}/metrics`);
    const isQuiet = async () => {
      const read = await metrics();
      return ['bulkhead_active', 'bulkhead_queued', 'streams', 'tunnels'].every(
        (name) => read.sum(`breakwater_${name}`) === 0,
      );
    };
    for (let sample = 1; sample <= SAMPLES; sample++) {
      const pauseAt = Date.now() + (SECONDS / SAMPLES) * 1000;
      const clients = Array.from({ length: CLIENTS }, async () => {
        while (Date.now() < pauseAt)
          ends[await withEnd('HTTP/1.1', callHttp(port, agent, random))] += 1;
      });
      const grpcClients = callers.map(async (caller) => {
        while (Date.now() < pauseAt) ends[await withEnd('gRPC', caller.call())] += 1;
      });
      await Promise.all([...clients, ...grpcClients]);
      await eventually('every slot is free', isQuiet);
      samples.push(await proxy.held());
      if (SECONDS >= 60) t.comment(`${sample}: ${JSON.stringify(samples.at(-1))}`);
    }
    const sent = ends.responded + ends.broken + ends.left;
    const read = await metrics();
    // A client that leaves before its request was read was never there.
    const counted = read.sum('breakwater_requests_total');
    t.ok(counted <= sent && counted >= sent - ends.left, `${counted} counted of ${sent} sent`);
    t.equal(read.sum('breakwater_request_duration_seconds_count'), counted);
    t.equal(
      read.sum('breakwater_attempt_duration_seconds_count'),
      read.sum('breakwater_attempts_total'),
      'each attempt has ended once',
    );
    t.ok(ends.responded > sent / 2, `${ends.responded} of ${sent} have a response`);
    for (const kind of heldKinds) {
      const series = samples.slice(WARM_UP).map((held) => held[kind]);
      const rise = riseOf(series);
      const text = `${kind}: ${series.map((value) => value.toFixed(1)).join(' ')}`;
      t.ok(rise <= MOST_RISE[kind], `${kind} rises by ${rise.toFixed(2)}`, { series: text });
    }
    agent.destroy();
    for (const caller of callers) caller.close();
    t.equal((await fetch(`${admin}/healthz`)).status, 200);
    await eventually(
      'no connection to the upstream is left but idle ones',
      () => upstreams[0]!.sockets.size + upstreams[1]!.sockets.size <= 2 * CLIENTS,
    );
    t.comment(`${sent} calls: ${JSON.stringify(ends)}; ${JSON.stringify(samples.at(-1)!.kinds)}`);
    await proxy.closeInspector();
    proxy.process.kill('SIGTERM');
    t.equal(await proxy.exit, 0, 'it stops when it is told to');
    // Beside its own lines there are those of the inspector.
    t.equal(proxy.errors().replaceAll(/^(?:breakwater: |Debugger |For help).*\n/gm, ''), '');
  },
);
