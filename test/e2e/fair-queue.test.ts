/** `bulkhead.perKey` with real callers: what one of them floods, the others do not feel. */
import type http from 'node:http';
import t from 'tap';
import { eventually, send, startSidecar, startUpstream } from '../support/sidecar.js';

const as = (user: string) => ({ headers: { 'X-User-Id': user } });

t.test('serves a polite caller at once while another floods', async (t) => {
  const active = { flood: 0, polite: 0 };
  let mostOfFlood = 0;
  const upstream = await startUpstream(t, (request, response) => {
    const user = request.headers['x-user-id'] as keyof typeof active;
    active[user]++;
    mostOfFlood = Math.max(mostOfFlood, active.flood);
    setTimeout(() => {
      active[user]--;
      response.end();
    }, 20);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    bulkhead: { maxConcurrent: 4, maxQueue: 8, queueTimeout: 5s, perKey: { maxConcurrent: 2 } }`,
  );
  const url = sidecar.url('a');
  const flooding = { isOver: false };
  const statuses = { flood: [] as number[], polite: [] as number[] };
  const flood = Array.from({ length: 16 }, async () => {
    while (!flooding.isOver) statuses.flood.push((await send(url, as('flood'))).status);
  });
  await eventually('the queue is full', () => statuses.flood.includes(503));
  for (let i = 0; i < 20; i++) statuses.polite.push((await send(url, as('polite'))).status);
  flooding.isOver = true;
  await Promise.all(flood);
  t.same(new Set(statuses.polite), new Set([200]));
  t.equal(mostOfFlood, 2);
  t.ok(statuses.flood.includes(200));
  t.ok(
    (await sidecar.metric('breakwater_rejections_total', { reason: 'bulkhead-full' })) > 0,
    'the flood is counted where refusals are',
  );
});

t.test('takes a place in the queue from the flood, and tells it why', async (t) => {
  const held: { user: string | undefined; response: http.ServerResponse }[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    held.push({ user: request.headers['x-user-id'] as string | undefined, response });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    bulkhead: { maxConcurrent: 2, maxQueue: 2, queueTimeout: 5s, perKey: { maxConcurrent: 1 } }`,
  );
  const url = sidecar.url('a');
  const queued = (count: number) => async () =>
    (await sidecar.metric('breakwater_bulkhead_queued')) === count;
  const flood = Array.from({ length: 3 }, () => send(url, as('flood-secret')));
  await eventually('the flood fills the queue', queued(2));
  const others = [send(url, as('b'))];
  await eventually('b is upstream', () => held.length === 2);
  others.push(send(url, as('c')));
  const refused = await Promise.race(flood);
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'bulkhead-full');
  t.equal(refused.headers['retry-after'], '5');
  t.notMatch(refused.text, 'secret');
  await eventually('c has its place', queued(2));
  held[1]!.response.end();
  await eventually('c is next', () => held.length === 3);
  t.equal(held[2]!.user, 'c');
  held[0]!.response.end();
  await eventually('the flood goes on', () => held.length === 4);
  for (const { response } of held) response.end();
  t.same(
    (await Promise.all(others)).map(({ status }) => status),
    [200, 200],
  );
  t.equal((await Promise.all(flood)).filter(({ status }) => status === 200).length, 2);
});

t.test(
  'counts keys apart in a route that writes a bulkhead, and together in one that does not',
  async (t) => {
    const held: http.ServerResponse[] = [];
    const upstream = await startUpstream(t, (_request, response) => void held.push(response));
    const yaml = (perKey: number) => `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    bulkhead: { maxConcurrent: 10, maxQueue: 0, perKey: { maxConcurrent: ${perKey} } }
    routes:
      - { name: own, match: { path: "/own/*" }, bulkhead: { maxConcurrent: 3 } }
      - { name: shared, match: { path: "/shared/*" }, retry: off }
`;
    const sidecar = await startSidecar(t, yaml(1));
    const url = sidecar.url('a');
    const isRefused = async (path: string, user: string) =>
      (await send(url + path, as(user))).headers['x-breakwater-reason'] === 'bulkhead-full';
    const calls: Promise<unknown>[] = [];
    const hold = async (path: string, user: string): Promise<void> => {
      const count = held.length;
      calls.push(send(url + path, as(user)));
      await eventually(`${user} is at ${path}`, () => held.length === count + 1);
    };
    await hold('/', 'a');
    t.ok(await isRefused('/', 'a'));
    t.ok(await isRefused('/shared/1', 'a'), 'the slot of a is taken there too');
    await hold('/own/1', 'a');
    t.ok(await isRefused('/own/2', 'a'), 'the limit itself is inherited');
    await hold('/shared/2', 'b');
    t.ok(await isRefused('/', 'b'));
    await hold('/own/3', 'b');
    const active = (route: string) =>
      sidecar.metric('breakwater_bulkhead_active', { upstream: 'a', route });
    t.same([await active(''), await active('own'), await active('shared')], [2, 2, 0]);

    sidecar.edit(yaml(2));
    await sidecar.reload();
    await hold('/', 'a');
    t.ok(await isRefused('/shared/3', 'a'), 'a reload keeps the counts of the upstream');
    await hold('/own/4', 'a');
    t.ok(await isRefused('/own/5', 'a'), 'and those of the route');
    for (const response of held) response.end();
    await Promise.all(calls);
    await eventually(
      'all slots are back',
      async () => (await active('')) + (await active('own')) === 0,
    );
  },
);
