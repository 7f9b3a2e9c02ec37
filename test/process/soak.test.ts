import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { createFaultyServer, seededRandom } from '../support/faulty-upstream.js';
import { eventually, startSidecar } from '../support/sidecar.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 4);
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
const CLIENTS = 24;

/** What one client call came to, as the client saw it. */
type End = 'answered' | 'broken' | 'left';

function call(port: number, agent: http.Agent, random: () => number): Promise<End> {
  return new Promise((resolve) => {
    const kind = random();
    const method = kind < 0.6 ? 'GET' : kind < 0.8 ? 'POST' : 'PUT';
    const leavesAfterMs = random() < 0.1 ? random() * 60 : undefined;
    const headers: http.OutgoingHttpHeaders = {};
    if (random() < 0.3)
      headers['X-Deadline'] = ((Date.now() + 100 + random() * 400) / 1000).toFixed(3);
    if (random() < 0.2) headers['Idempotency-Key'] = String(random());
    const request = http.request({
      host: '127.0.0.1',
      port,
      path: '/soak',
      method,
      headers,
      agent,
    });
    let hasLeft = false;
    const end = (as: End) => resolve(hasLeft ? 'left' : as);
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => end('answered'));
      response.on('error', () => end('broken'));
      response.on('close', () => end(response.complete ? 'answered' : 'broken'));
    });
    request.on('error', () => end('broken'));
    request.on('close', () => end('broken'));
    if (method === 'GET') request.end();
    else request.end(Buffer.alloc(Math.floor(random() * 100_000), 'x'));
    if (leavesAfterMs !== undefined) {
      setTimeout(() => {
        hasLeft = true;
        request.destroy();
      }, leavesAfterMs);
    }
  });
}

t.test(
  `comes through ${SECONDS} s of faults with nothing stuck, leaked or counted twice`,
  async (t) => {
    const random = seededRandom(SEED);
    const server = createFaultyServer(random).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const sidecar = await startSidecar(
      t,
      `log: { level: error }
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${port}"
    timeout: { attempt: 150ms, idle: 150ms, total: 800ms }
    bulkhead: { maxConcurrent: 16, maxQueue: 4, queueTimeout: 100ms }
    circuitBreaker: { recoveryTimeout: 50ms, failureThreshold: 8 }
    retry: { backoff: { baseDelay: 5ms }, budget: { minPerSecond: 1000 } }`,
    );
    const ends: Record<End, number> = { answered: 0, broken: 0, left: 0 };
    const agent = new http.Agent({ keepAlive: true });
    const stopAt = Date.now() + SECONDS * 1000;
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (Date.now() < stopAt) ends[await call(sidecar.port('a'), agent, random)] += 1;
    });
    await Promise.all(clients);
    agent.destroy();

    const sent = ends.answered + ends.broken + ends.left;
    await eventually(
      'every slot is free',
      async () => (await sidecar.metric('breakwater_bulkhead_active')) === 0,
    );
    t.equal(await sidecar.metric('breakwater_bulkhead_queued'), 0);
    // A client that leaves before its request was read was never there.
    const counted = await sidecar.metric('breakwater_requests_total');
    t.ok(counted <= sent && counted >= sent - ends.left, `${counted} counted of ${sent} sent`);
    t.equal(await sidecar.metric('breakwater_request_duration_seconds_count'), counted);
    t.ok(ends.answered > sent / 2, `${ends.answered} of ${sent} answered`);
    const { status } = await fetch(`${sidecar.admin}/healthz`);
    t.equal(status, 200);
    await eventually(
      'no connection to the upstream is left but idle ones',
      () => sockets.size <= CLIENTS,
    );
    t.comment(`${sent} calls: ${JSON.stringify(ends)}`);
  },
);
