/**
 * A sidecar between clients, an upstream and a Redis, each behind a real Toxiproxy that delays, throttles, slices, cuts and resets:
 *
 *   npm run chaos [-- --seconds N] [--seed N] [--toxiproxy FOLDER]
 *
 * Needs Go, unless FOLDER has the program, and redis-server. Ends with 1 if a body was wrong, a count does not add up, a payment
 * was carried out again after its success was told, or something is stuck at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../support/faulty-upstream.js';
import { startProbedProxy } from '../support/held.js';
import { readMetrics, type Metrics } from '../support/metric-text.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { eventually, findFreePort, send } from '../support/sidecar.js';
import { account, type Line } from './accounts.js';
import { HASH_FIELD, hashOf } from './bodies.js';
import { Clients } from './clients.js';
import { buildToxiproxy, startToxiproxy } from './toxiproxy.js';
import { trouble } from './troubles.js';
import { startUpstream } from './upstream.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    toxiproxy: { type: 'string' },
  },
});
const BULK_CLIENTS = 12;
const PAY_CLIENTS = 8;
const EMPTY_HASH = hashOf(Buffer.alloc(0));

const configuration = (
  ports: Readonly<
    Record<'admin' | 'bulk' | 'pay' | 'upstreamOfBulk' | 'upstreamOfPay' | 'store', number>
  >,
) => `admin: { listen: ${ports.admin} }
log: { level: info, access: all }
limits: { headerTimeout: 5s, bodyIdle: 3s }
stores: { kind: redis, url: "redis://127.0.0.1:${ports.store}", timeout: 300ms }
upstreams:
  bulk:
    listen: ${ports.bulk}
    target: "http://127.0.0.1:${ports.upstreamOfBulk}"
    timeout: { connect: 500ms, attempt: 2s, idle: 2s, total: 8s }
    bulkhead: { maxConcurrent: 8, maxQueue: 8, queueTimeout: 1s }
    circuitBreaker: { recoveryTimeout: 300ms, maxRecoveryTimeout: 1s }
    retry: { backoff: { baseDelay: 20ms }, budget: { minPerSecond: 50 } }
  pay:
    listen: ${ports.pay}
    target: "http://127.0.0.1:${ports.upstreamOfPay}"
    timeout: { connect: 500ms, attempt: 2s, idle: 2s, total: 8s }
    circuitBreaker: { recoveryTimeout: 300ms, maxRecoveryTimeout: 1s }
    retry: { maxAttempts: 1 }
    idempotency: { failClosed: true, lockTimeout: 15s, wait: 500ms }
`;

/** Whether it is of one of the clients. */
const isSent = ({ msg, path }: { msg: string; path?: string }) =>
  msg === 'exchange' && path !== '/before' && path !== '/after';

async function run(t: { teardown(handler: () => unknown): void }): Promise<boolean> {
  const folder = values.toxiproxy ?? mkdtempSync(join(tmpdir(), 'breakwater-chaos-'));
  if (values.toxiproxy === undefined) t.teardown(() => rmSync(folder, { recursive: true }));
  console.error('Building Toxiproxy');
  const toxiproxy = await startToxiproxy(t, await buildToxiproxy(folder));
  const random = seededRandom(Number(values.seed));
  const clients = new Clients(random);
  const upstream = await startUpstream(t, random, clients.isForbidden);
  const redis = await startRedis(t);
  const [bulk, pay, admin] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const frontOfBulk = await toxiproxy.lead('clients-bulk', bulk);
  const frontOfPay = await toxiproxy.lead('clients-pay', pay);
  const proxy = await startProbedProxy(
    t,
    configuration({
      admin,
      bulk,
      pay,
      upstreamOfBulk: await toxiproxy.lead('upstream-bulk', upstream.port),
      upstreamOfPay: await toxiproxy.lead('upstream-pay', upstream.port),
      store: await toxiproxy.lead('store', redis.port),
    }),
  );
  const url = `http://127.0.0.1:${admin}`;
  await eventually('the sidecar is ready', () =>
    send(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  // The store is connected to.
  await eventually('a payment succeeds', async () => {
    const { status } = await send(`http://127.0.0.1:${pay}/before`, {
      method: 'POST',
      headers: { 'Idempotency-Key': 'before', [HASH_FIELD]: EMPTY_HASH },
    });
    return status === 201;
  });
  await toxiproxy.shut('upstream-pay');
  const before = await proxy.held();
  const metricsBefore = await readMetrics(`${url}/metrics`);
  await toxiproxy.heal();

  const endAt = Date.now() + Number(values.seconds) * 1000;
  const ways = ['clients-bulk', 'clients-pay', 'upstream-bulk', 'upstream-pay', 'store'];
  const running = [
    ...Array.from({ length: BULK_CLIENTS }, () => clients.fetchUntil(frontOfBulk, endAt)),
    ...Array.from({ length: PAY_CLIENTS }, () => clients.payUntil(frontOfPay, endAt)),
  ];
  const troubles = await trouble(toxiproxy, ways, random, endAt);
  await Promise.all(running);
  clients.close();

  const stuck: string[] = [];
  const settles = async (what: string, check: () => Promise<boolean>) => {
    await eventually(what, check).catch((error: Error) => stuck.push(error.message));
  };
  // Calls go on without their client, and log lines are written a little later.
  await settles('nothing runs any more', async () => {
    const metrics = await readMetrics(`${url}/metrics`);
    return ['bulkhead_active', 'bulkhead_queued', 'streams', 'tunnels'].every(
      (name) => metrics.sum(`breakwater_${name}`) === 0,
    );
  });
  const increase = (name: string, metrics: Metrics) => metrics.sum(name) - metricsBefore.sum(name);
  const readLines = () =>
    proxy
      .output()
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text) as Line & { readonly msg: string })
      .filter(isSent);
  await settles('every exchange has its line', async () => {
    const metrics = await readMetrics(`${url}/metrics`);
    return readLines().length === increase('breakwater_requests_total', metrics);
  });
  const metrics = await readMetrics(`${url}/metrics`);
  const result = account(
    clients.sent,
    readLines(),
    (name) => increase(name, metrics),
    upstream.seen,
  );
  await settles('both upstreams serve again', async () => {
    const again = await Promise.all([
      send(`http://127.0.0.1:${bulk}/after`, { headers: { [HASH_FIELD]: EMPTY_HASH } }),
      send(`http://127.0.0.1:${pay}/after`, { headers: { [HASH_FIELD]: EMPTY_HASH } }),
    ]);
    return again.every(({ status }) => status === 200);
  });
  // Ends the connections on both sides.
  for (const way of ways) if (way !== 'store') await toxiproxy.shut(way);
  let after = await proxy.held();
  const socketsOf = (held: typeof after) => held.kinds['TCPSocketWrap'] ?? 0;
  await settles('sockets and timers are as before', async () => {
    after = await proxy.held();
    return after.timers <= before.timers && socketsOf(after) <= socketsOf(before);
  });

  const forbidden = upstream.executions.filter(({ isForbidden }) => isForbidden);
  const counts = new Map<string, number>();
  for (const { key } of upstream.executions) counts.set(key, (counts.get(key) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1).length;
  const replayed = clients.sent.filter(({ isReplayed }) => isReplayed).length;
  const perTrouble = [...troubles].map(([name, count]) => `${name} ${count}`).toSorted();
  console.log(`
${values.seconds} s, seed ${values.seed}, Node.js ${process.versions.node}

requests sent                                       ${result.sent}
  with a complete response                          ${result.complete}
  with a response that was seen to be cut           ${result.cut}
  without a response                                ${result.lost}
  complete, but logged as 499                       ${result.completeButLeft}
complete responses with a wrong body                ${clients.wrong.length}
complete requests with a wrong body                 ${upstream.wrong.length}
requests that the upstream saw to be cut            ${upstream.cut()}
exchanges (requests_total = lines of the log)       ${result.exchanges}
requests that never reached the sidecar             ${result.unseen}
attempts (attempts_total = sum of the log)          ${result.attempts}
  with a response of the upstream                   ${result.responded}
  without one, seen by the upstream                 ${result.uncertainSeen}
  without one, not seen by the upstream             ${result.uncertain - result.uncertainSeen}
requests at the upstream                            ${result.upstream}
payments whose success was told                     ${clients.told.size}
  carried out by a request sent after that          ${forbidden.length}
keys carried out more than once before that         ${repeated}
repeated requests that got the kept response        ${replayed}
sockets before and after                            ${socketsOf(before)}, ${socketsOf(after)}
timers before and after                             ${before.timers}, ${after.timers}
heap before and after                               ${before.heap.toFixed(1)} MiB, ${after.heap.toFixed(1)} MiB
troubles: ${perTrouble.join(', ')}`);
  const failures = [
    ...result.faults,
    ...stuck,
    ...clients.wrong.map((id) => `the response to ${id} was complete, and wrong`),
    ...upstream.wrong.map((id) => `the request ${id} was complete, and wrong`),
    ...forbidden.map(({ id, key }) => `${id} carried ${key} out again`),
  ];
  for (const failure of failures) console.error(failure);
  await proxy.closeInspector();
  proxy.process.kill('SIGTERM');
  const code = await proxy.exit;
  if (code !== 0) console.error(`the sidecar ended with ${code}`);
  return failures.length === 0 && code === 0;
}

if (withoutRedis !== false) {
  console.error(withoutRedis);
  process.exit(1);
}
const teardowns: (() => unknown)[] = [];
try {
  const isFine = await run({ teardown: (handler) => void teardowns.push(handler) });
  process.exitCode = isFine ? 0 : 1;
} finally {
  for (const handler of teardowns.toReversed()) await handler();
}
