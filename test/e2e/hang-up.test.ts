import net, { type Socket } from 'node:net';
import t from 'tap';
import {
  eventually,
  startRawUpstream,
  startSidecar,
  type TestSidecar,
} from '../support/sidecar.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\npart';

/** Hangs up and waits until nothing of the call is left, on either side. */
async function hangUp(socket: Socket, sidecar: TestSidecar, upstreamSockets: Set<Socket>) {
  socket.destroy();
  await eventually('the upstream call is cancelled', () => upstreamSockets.size === 0);
  await eventually(
    'the slot is free',
    async () => (await sidecar.metric('breakwater_bulkhead_active')) === 0,
  );
  await eventually(
    'it is counted once',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1,
  );
  t.equal(await sidecar.metric('breakwater_refused_requests_total'), 0, 'as nothing else');
}

interface Phase {
  readonly request: string;
  /** The end of what the upstream gets of it. */
  readonly arrives: string;
  /** What the upstream sends; the client hangs up when it has the end of it. */
  readonly response: string;
}

/** No timeout of the sidecar ends any of them within the time that the test waits. */
const phases: Readonly<Record<string, Phase>> = {
  'the upload': { request: POST, arrives: 'part', response: '' },
  'the wait for the response': { request: GET, arrives: '\r\n\r\n', response: '' },
  'the body': {
    request: GET,
    arrives: '\r\n\r\n',
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
  },
  'an event stream': {
    request: GET,
    arrives: '\r\n\r\n',
    response: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n',
  },
};

for (const [phase, { request, arrives, response }] of Object.entries(phases)) {
  t.test(`frees everything when the client hangs up in ${phase}`, async (t) => {
    const sockets = new Set<Socket>();
    let connections = 0;
    let arrived = '';
    const upstream = await startRawUpstream(t, (socket) => {
      connections += 1;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (data: Buffer) => (arrived += data.toString()));
      socket.once('data', () => socket.write(response));
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: off } }`,
    );
    let seen = '';
    const client = net.connect(sidecar.port('a'), '127.0.0.1');
    client.on('data', (data: Buffer) => (seen += data.toString()));
    client.write(request);
    await eventually('it is upstream', () => arrived.endsWith(arrives));
    await eventually('the response is here', () => seen.includes(response.slice(-4)));
    await hangUp(client, sidecar, sockets);
    t.equal(connections, 1, 'no connection is opened in its place');
    t.match(await sidecar.json('/circuits'), { circuits: [{ consecutiveFailures: 0 }] });
    t.match(await sidecar.json('/upstreams'), { upstreams: [{ lastError: null }] });
  });
}

t.test('frees everything when the client hangs up in the queue or in a back-off', async (t) => {
  let isBusy = true;
  const sockets = new Set<Socket>();
  const upstream = await startRawUpstream(t, (socket) => {
    sockets.add(socket);
    socket.on('data', () => {
      if (!isBusy) socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n');
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 1, queueTimeout: 30s } } }`,
  );
  const connect = () => {
    const socket = net.connect(sidecar.port('a'), '127.0.0.1');
    socket.write(GET);
    return socket;
  };
  const gauge = (name: string, value: number) => async () =>
    (await sidecar.metric(`breakwater_bulkhead_${name}`)) === value;
  const first = connect();
  await eventually('the first has the slot', gauge('active', 1));
  const second = connect();
  await eventually('the second queues', gauge('queued', 1));
  second.destroy();
  await eventually('it has left the queue', gauge('queued', 0));
  first.destroy();
  await eventually('the slot is free', gauge('active', 0));
  isBusy = false;
  const third = connect();
  await eventually(
    'the third is in its back-off',
    async () => (await sidecar.metric('breakwater_attempts_total', { outcome: 'failure' })) === 1,
  );
  third.destroy();
  await eventually('its slot is free', gauge('active', 0));
  await eventually(
    'all are counted',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 3,
  );
});
