/** Replicas that tell each other over a real Redis when their circuits open and close. */
import t from 'tap';
import { startRedis, withoutRedis } from '../support/redis.js';
import { eventually, send, startSidecar, startUpstream } from '../support/sidecar.js';

interface Circuit {
  readonly state: string;
  readonly retryAfterMs: number;
  readonly told: boolean;
}

async function startPair(t: Parameters<typeof startSidecar>[0], storeUrl: string) {
  let status = 500;
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(status).end();
  });
  const yaml = `stores: { kind: redis, url: "${storeUrl}" }
upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    circuitBreaker: { shared: true, failureThreshold: 3, recoveryTimeout: 5s, successThreshold: 1 }`;
  const sidecars = [await startSidecar(t, yaml), await startSidecar(t, yaml)] as const;
  const circuit = async (i: 0 | 1) =>
    ((await sidecars[i].json('/circuits')) as { circuits: Circuit[] }).circuits[0]!;
  const call = async (i: 0 | 1) => (await send(sidecars[i].url('a'))).status;
  return {
    upstream,
    sidecars,
    circuit,
    call,
    recover: () => (status = 200),
    moves: (i: 0 | 1) =>
      sidecars[i].logs.flatMap(({ msg }) =>
        String(msg).startsWith('circuit of') ? [String(msg)] : [],
      ),
  };
}

t.test(
  'one opening spares the other replica its own failures',
  { skip: withoutRedis },
  async (t) => {
    const redis = await startRedis(t);
    const { upstream, circuit, call, recover, moves } = await startPair(t, redis.url);
    for (let i = 0; i < 3; i++) t.equal(await call(0), 500);
    const openedMs = performance.now();
    await eventually('the other one has heard', async () => (await circuit(1)).state === 'open');
    t.ok(performance.now() - openedMs < 4000, 'long before it would end');
    const [own, told] = [await circuit(0), await circuit(1)];
    t.match([own.told, told.told], [false, true]);
    t.ok(Math.abs(own.retryAfterMs - told.retryAfterMs) < 2000, 'both end together');
    t.equal(await call(1), 503);
    t.equal(upstream.seen.length, 3, 'the upstream has seen the calls of one replica only');
    t.match(moves(1), [/^circuit of a opened because another replica opened its own, with \d+ ms/]);
    recover();
    await eventually('it probes by itself', async () => (await call(0)) === 200);
    await eventually('both are closed', async () =>
      [await circuit(0), await circuit(1)].every(({ state }) => state === 'closed'),
    );
    t.equal(moves(0).length, 3, 'it has heard no echo');
  },
);

t.test(
  'an operator has the last word, and a reload changes nothing',
  { skip: withoutRedis },
  async (t) => {
    const redis = await startRedis(t);
    const { circuit, call, sidecars } = await startPair(t, redis.url);
    await fetch(`${sidecars[1].admin}/circuits/a`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ state: 'forced-closed' }),
    });
    for (let i = 0; i < 3; i++) await call(0);
    await sidecars[0].reload();
    t.equal((await circuit(0)).state, 'open', 'a reload changes nothing');
    t.equal(await call(1), 500, 'an operator has the last word');
    t.equal((await circuit(1)).state, 'forced-closed');
  },
);

t.test('with the store away each is alone', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t);
  const { circuit, call } = await startPair(t, redis.url);
  await redis.kill();
  for (let i = 0; i < 3; i++) t.equal(await call(0), 500);
  t.equal((await circuit(0)).state, 'open');
  t.equal(await call(1), 500);
  t.equal((await circuit(1)).state, 'closed');
  for (let i = 0; i < 2; i++) await call(1);
  t.match(await circuit(1), { state: 'open', told: false });
});
