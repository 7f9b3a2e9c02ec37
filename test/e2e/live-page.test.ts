/** The numbers of the live page, of real calls through a real sidecar. */
import t from 'tap';
import { send, startSidecar, startUpstream } from '../support/sidecar.js';

interface Message {
  readonly process: Record<string, unknown>;
  readonly upstreams: readonly Record<string, unknown>[];
}

const read = async (admin: string): Promise<Message> => {
  const response = await fetch(`${admin}/events`, { headers: { accept: 'application/json' } });
  return (await response.json()) as Message;
};

t.test('calls, failures and their history are there, and survive a reload', async (t) => {
  let status = 200;
  const upstream = await startUpstream(t, (_, response) => response.writeHead(status).end());
  const yaml = `upstreams:
  a: { listen: 0, target: ${upstream.url}, retry: off, routes: [{ name: r, match: { path: "/r" } }] }
  b: { listen: 0, target: ${upstream.url} }
`;
  const sidecar = await startSidecar(t, yaml);
  for (let i = 0; i < 3; i++) await send(`${sidecar.url('a')}/x?token=keep-secret`);
  status = 500;
  await send(`${sidecar.url('a')}/r?token=keep-secret`);
  const { process, upstreams } = await read(sidecar.admin);
  t.match(process, { state: 'ready', needsToken: false, lastReload: null, shedding: null });
  t.match(upstreams, [
    {
      name: 'a',
      goodShare: 0.75,
      failedShare: 0.25,
      attemptsPerCall: 1,
      latencyMs: { p50: Number },
      bulkhead: { active: 0, limit: 100 },
      endpoints: { available: 1 },
      lastError: { message: 'The upstream responded 500' },
    },
    { name: 'b', goodShare: null, history: null, trouble: { state: 'idle' } },
  ]);
  t.match(
    await sidecar.json('/upstreams'),
    {
      upstreams: [
        { name: 'a', lastError: { message: 'The upstream responded 500' } },
        { name: 'b', lastError: null },
      ],
    },
    'the list of upstreams says the same of the last error',
  );
  t.equal((await sidecar.reload()).kind, 'success');
  const detail = await (await fetch(`${sidecar.admin}/upstreams/a`)).text();
  t.notMatch(detail, 'keep-secret');
  t.match(JSON.parse(detail), {
    counts: { calls: 4, good: 3, notGood: [{ result: 'failed', status: 500, calls: 1 }] },
    routes: [
      { route: 'r', calls: 1, failed: 1 },
      { route: '', calls: 3, failed: 0 },
    ],
    failures: [{ route: 'r', path: '/r', outcomes: ['failure'] }],
    endpointList: [{ state: 'available' }],
  });
  sidecar.edit(yaml.replace('  a:', '  c:'));
  await sidecar.reload();
  t.equal((await fetch(`${sidecar.admin}/upstreams/a`)).status, 404);
  sidecar.edit(yaml);
  await sidecar.reload();
  t.match(
    await sidecar.json('/upstreams/a'),
    { counts: { calls: 0 } },
    'what was gone begins anew',
  );
});

t.test('a reload that is refused is shown with its diagnostics', async (t) => {
  const sidecar = await startSidecar(t, 'upstreams: { a: { listen: 0, target: "http://a" } }');
  sidecar.edit('upstreams: { a: { listen: 0, target: "http://a", retri: off } }');
  await sidecar.reload();
  const { process } = await read(sidecar.admin);
  t.match(process, {
    lastReload: { result: 'invalid', diagnostics: [{ line: 2, path: 'upstreams.a.retri' }] },
  });
  sidecar.edit('upstreams: { b: { listen: 0, target: "http://a" } }');
  await sidecar.reload();
  const after = await read(sidecar.admin);
  t.match(after.process, { lastReload: { result: 'success', changes: { added: 1, removed: 1 } } });
  t.match(after.upstreams, [{ name: 'b' }]);
  t.equal(after.upstreams.length, 1);
});

t.test('viewers see the drain, and do not keep the process from ending', async (t) => {
  const sidecar = await startSidecar(
    t,
    'shutdown: { delay: 2s }\nupstreams: { a: { listen: 0, target: "http://a" } }',
  );
  const response = await fetch(`${sidecar.admin}/events`);
  let text = '';
  const stopped = sidecar.stop();
  try {
    for await (const piece of response.body!) text += Buffer.from(piece).toString();
  } catch {
    // It is cut.
  }
  await stopped;
  t.match(text, /event: state\n/);
  t.match(text, /"state":"draining"/);
});
