/** The real proxy on virtual time: what a caller gets, what the upstream sees, and that both are the same in each run. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { circuitOf } from '../../src/core/inspect.js';
import { combinedValue } from '../../src/http/fields.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';
import type { Caller, CallerRequest, CallerResponse } from '../../src/simulation/caller.js';
import { SimulatedProxy } from '../../src/simulation/proxy.js';
import { ScriptedServer, type ScriptStep } from '../../src/simulation/scripted-server.js';
import type { ServedRequest } from '../../src/simulation/server.js';

interface Responded extends CallerResponse {
  readonly atMs: number;
}

const respond = (status: number, delayMs = 0, body = ''): ScriptStep => ({
  kind: 'respond',
  delayMs,
  response: { status, headers: ['X-Served', String(status)], body: Buffer.from(body) },
});

function open(policies: Readonly<Record<string, unknown>>, script: readonly ScriptStep[]) {
  const text = JSON.stringify({
    upstreams: { catalog: { listen: 8101, target: 'http://catalog.internal', ...policies } },
  });
  const { config, diagnostics } = loadText(text, 'test.yaml', {});
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  const clock = new VirtualClock();
  const served: ServedRequest[] = [];
  const server = new ScriptedServer(script, clock, (request) => served.push(request));
  const events: string[] = [];
  const proxy = new SimulatedProxy(config, {
    clock,
    seed: 1,
    serverAt: () => server,
    lookup: async () => [{ address: '10.0.0.1', family: 4 }],
    sink: { scope: () => (event) => events.push(event.type) },
  });
  const responses: Responded[] = [];
  const send = (request: Partial<CallerRequest> = {}): Caller =>
    proxy.send('catalog', { method: 'GET', target: '/', ...request }, (response) =>
      responses.push({ ...response, atMs: clock.now() }),
    );
  return { clock, proxy, server, served, events, responses, send };
}

t.test("an upstream's response passes through with its body and fields", async (t) => {
  const { clock, send, responses, events } = open({}, [respond(200, 30, 'hello')]);
  send();
  await clock.run(1000);
  t.equal(responses.length, 1);
  const [{ status, fields, body, atMs, isBroken }] = responses as [Responded];
  t.same([status, body.toString(), isBroken, atMs], [200, 'hello', false, 30]);
  t.equal(combinedValue(fields, 'x-served'), '200');
  t.equal(combinedValue(fields, 'x-request-id'), '00000000-0000-4000-8000-000000000001');
  t.same(events.slice(-2), ['attempt-finished', 'exchange-finished']);
});

t.test('attempts follow each other as the retry policy says, and are counted', async (t) => {
  const retry = { backoff: { strategy: 'constant', baseDelay: '100ms', jitter: 'none' } };
  const { clock, send, responses, served } = open({ retry }, [
    { kind: 'refuse', delayMs: 5 },
    { kind: 'reset', delayMs: 10 },
    respond(200),
  ]);
  send();
  await clock.run(10_000);
  const [{ status, fields, atMs }] = responses as [Responded];
  t.same([status, combinedValue(fields, 'x-breakwater-attempts'), atMs], [200, '3', 215]);
  t.same(
    served.map(({ head }) => combinedValue(head.fields, 'x-attempt-count')),
    ['2', '3'],
    'a refused one is no request',
  );
});

t.test('a hanging upstream ends in a problem document, at its time', async (t) => {
  const policies = { timeout: { attempt: '2s', connect: '1s' }, retry: 'off' };
  const { clock, send, responses } = open(policies, [{ kind: 'hang', delayMs: 0 }]);
  send();
  await clock.run(60_000);
  const [{ status, fields, body, atMs }] = responses as [Responded];
  t.same([status, atMs], [504, 2000]);
  t.equal(combinedValue(fields, 'x-breakwater-reason'), 'timeout-attempt');
  t.match(JSON.parse(body.toString()), { type: 'urn:breakwater:timeout-attempt', attempts: 1 });
});

t.test('a connection that does not come about is given up in time', async (t) => {
  const policies = { timeout: { connect: '1s' }, retry: 'off' };
  const { clock, send, responses } = open(policies, [{ kind: 'refuse', delayMs: 5000 }]);
  send();
  await clock.run(60_000);
  const [{ status, fields, atMs }] = responses as [Responded];
  t.same([status, atMs], [504, 1000]);
  t.equal(combinedValue(fields, 'x-breakwater-reason'), 'timeout-connect');
});

t.test('the circuit is the real one, and can be looked at', async (t) => {
  const { clock, proxy, send, responses, server } = open({ retry: 'off' }, [respond(500)]);
  for (let i = 0; i < 6; i += 1) {
    clock.schedule(100 * i, () => void send());
  }
  await clock.run(1000);
  t.same(
    responses.map(({ status }) => status),
    [500, 500, 500, 500, 500, 503],
  );
  t.equal(combinedValue(responses[5]!.fields, 'x-breakwater-reason'), 'circuit-open');
  t.equal(combinedValue(responses[5]!.fields, 'retry-after'), '30');
  t.equal(server.calls, 5);
  t.equal(circuitOf(proxy.scopes()[0]!)!.snapshot().state, 'open');
  await clock.run(31_000);
  t.equal(circuitOf(proxy.scopes()[0]!)!.snapshot().state, 'half-open');
});

t.test('a body reaches the upstream at each attempt', async (t) => {
  const { clock, send, responses, served } = open(
    { retry: { methods: ['POST'], backoff: { strategy: 'constant', baseDelay: '1ms' } } },
    [respond(503), respond(201)],
  );
  send({ method: 'POST', body: Buffer.from('order') });
  await clock.run(1000);
  t.same(
    served.map(({ body }) => body.toString()),
    ['order', 'order'],
  );
  t.equal(responses[0]!.status, 201);
});

t.test('a body that is read ahead reaches the upstream whole', async (t) => {
  const big = Buffer.alloc(200_000, 'x');
  const { clock, send, responses, served } = open({ idempotency: {} }, [respond(200)]);
  send({ method: 'POST', body: big, fields: ['Idempotency-Key', '1'] });
  await clock.run(1000);
  t.same([served[0]!.body.equals(big), responses[0]!.status], [true, 200]);
  send({ method: 'POST', body: big, fields: ['Idempotency-Key', '1'] });
  await clock.run(2000);
  t.equal(combinedValue(responses[1]!.fields, 'idempotency-replayed'), 'true');
  t.equal(served.length, 1);
});

t.test('a body that is too long to be read ahead reaches the upstream whole', async (t) => {
  const long = Buffer.alloc(3_000_000, 'x');
  const { clock, send, responses, served } = open({ idempotency: {} }, [respond(200)]);
  send({ method: 'POST', body: long, fields: ['Idempotency-Key', '1'] });
  await clock.run(1000);
  t.same([served[0]!.body.equals(long), responses[0]!.status], [true, 200]);
});

t.test('HEAD and 204 have no body', async (t) => {
  const { clock, send, responses } = open({}, [respond(200, 0, 'x'), respond(204, 0, 'x')]);
  send({ method: 'HEAD' });
  await clock.run(10);
  send();
  await clock.run(20);
  t.same(
    responses.map(({ status, body }) => [status, body.length]),
    [
      [200, 0],
      [204, 0],
    ],
  );
});

t.test('a caller that hangs up gets nothing, and its call ends', async (t) => {
  const { clock, proxy, send, responses, served } = open({}, [respond(200, 500)]);
  const caller = send();
  await clock.run(100);
  t.equal(proxy.running, 1);
  caller.hangUp();
  caller.hangUp();
  await clock.run(200);
  t.equal(proxy.running, 0);
  t.ok(served[0]!.isGone);
  await clock.run(1000);
  t.same(responses, []);
});

async function course(): Promise<unknown> {
  const { clock, send, responses } = open({}, [respond(503), respond(200), respond(503)]);
  for (let i = 0; i < 20; i += 1) clock.schedule(10 * i, () => void send());
  await clock.run(60_000);
  return responses.map(({ status, atMs, fields }) => [status, atMs, fields]);
}

t.test('the same calls have the same course in each run', async (t) => {
  t.same(await course(), await course());
});
