/** What a case of policy tests can say, and what comes of it. */
import t from 'tap';
import { playText } from './support.js';

const CONFIG = `config: |
  upstreams:
    a:
      listen: 8101
      target: http://a.internal
      timeout: { connect: 1s, attempt: 2s, total: 10s }
      retry: { backoff: { strategy: constant, baseDelay: 100ms, jitter: none } }
      circuitBreaker: { failureThreshold: 4, recoveryTimeout: 10s }
      routes:
        - { name: own, match: { path: /own }, circuitBreaker: { failureThreshold: 1 }, retry: off }
        - { name: long, match: { path: /long }, timeout: { attempt: off, total: off }, retry: off }
`;

/** @returns what differs, case by case. */
async function differencesOf(cases: string): Promise<readonly (readonly string[])[]> {
  return (await playText(`${CONFIG}cases:\n${cases}`)).map(({ sentences }) => sentences);
}

t.test('the upstream does one thing for each attempt, and repeats the last', async (t) => {
  const found = await differencesOf(`
  - name: in order
    given: [{ refuse: true }, { reset: true, delay: 10ms }, { status: 201, delay: 20ms }]
    then: { status: 201, attempts: 3, within: 230ms, upstreamCalls: 3 }
  - name: the last repeats
    given: [{ status: 500 }]
    when: [{}, { at: 30s }]
    then: { status: 500, attempts: 3, upstreamCalls: 4 }
  - name: without given all is well
    then: { status: 200, attempts: 1, upstreamCalls: 1, body: "" }
`);
  t.same(found, [[], ['2 attempts: 1 instead of 3'], []]);
});

t.test('a hanging upstream is given up in virtual time', async (t) => {
  const start = performance.now();
  const found = await differencesOf(`
  - name: hang
    given: [{ hang: true }]
    then: { status: 504, reason: timeout-attempt, attempts: 3, within: 6.2s }
  - name: late
    given: [{ hang: true }]
    then: { within: 6s }
  - name: never
    given: [{ hang: true }]
    when: [{ path: /long }]
    then: { status: 200, circuit: closed }
`);
  t.same(found, [
    [],
    ['within: 6.2s instead of 6s'],
    ['status: none (no response within 1h) instead of 200'],
  ]);
  t.ok(performance.now() - start < 30_000, 'and takes no time');
});

t.test('each key of then is compared', async (t) => {
  const [all] = await differencesOf(`
  - name: wrong in all
    given: [{ status: 204, headers: { X-A: [1, 2], X-B: b } }]
    then:
      status: 200
      reason: circuit-open
      attempts: 2
      headers: { x-a: "1", X-B: false, x-c: true, x-d: d }
      body: hello
      upstreamCalls: 3
      circuit: open
`);
  t.same(all, [
    'status: 204 instead of 200',
    'reason: none instead of circuit-open',
    'attempts: 1 instead of 2',
    'headers.x-a: 1, 2 instead of 1',
    'headers.X-B: b instead of false',
    'headers.x-c: none instead of true',
    'headers.x-d: none instead of d',
    'body:  instead of hello',
    'upstreamCalls: 1 instead of 3',
    'circuit: closed instead of open',
  ]);
});

t.test('then is for the last request, or has an entry for each', async (t) => {
  const found = await differencesOf(`
  - name: each
    given: [{ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }, { status: 200 }]
    when: [{}, { at: 1s }, { at: 2s }, { at: 20s }]
    then:
      - { status: 500, attempts: 3 }
      - { status: 500, attempts: 1 }
      - { status: 503, reason: circuit-open, attempts: 0, headers: { Retry-After: "9" } }
      - { status: 200, circuit: half-open, upstreamCalls: 5 }
  - name: the last
    given: [{ status: 500 }]
    when: [{}, { at: 1s }, { at: 2s }]
    then: { status: 500 }
`);
  t.same(found, [[], ['3 status: 503 instead of 500']]);
});

t.test('the circuit is that of the last request, when its response has ended', async (t) => {
  const found = await differencesOf(`
  - name: of the route
    given: [{ status: 500 }]
    when: [{ path: /own }]
    then: { circuit: open }
  - name: of the upstream
    given: [{ status: 500 }, { status: 200 }]
    when: [{ path: /own }, { at: 1s }]
    then: { circuit: closed }
  - name: not later
    given: [{ status: 500 }]
    when: [{}, { at: 1s }]
    then: { circuit: open }
`);
  t.same(found, [[], [], []]);
});

t.test('requests have a method, a path, header fields and a body', async (t) => {
  const [{ played }] = (await playText(`${CONFIG}cases:
  - name: POST
    given: [{ status: 503 }, { status: 200 }]
    when: [{ method: POST, path: "/items?x=1", headers: { Idempotency-Key: k }, body: hello }]
    then: { status: 200, attempts: 2 }
`)) as [Awaited<ReturnType<typeof playText>>[number]];
  t.equal(played.responses[0]?.response.status, 200, 'a key makes a POST repeatable');
  t.same(
    played.course.map(({ atMs, text }) => `${atMs} ${text}`),
    ['0 request 1: POST /items?x=1', '0 a: failure', '100 a: success', '100 response 1: 200'],
  );
});

t.test('gRPC calls are judged by their status', async (t) => {
  const found = await differencesOf(`
  - name: unavailable
    given: [{ headers: { content-type: application/grpc, grpc-status: 14 } }]
    when: [{ method: POST, path: /p.S/M, headers: { content-type: application/grpc }, body: x }]
    then: { status: 200, attempts: 1, headers: { grpc-status: "14" } }
  - name: refused by Breakwater
    given: [{ refuse: true }]
    when: [{ method: POST, path: /p.S/M, headers: { content-type: application/grpc }, body: x }]
    then: { headers: { grpc-status: "14" }, reason: connect-failed, attempts: 3 }
`);
  t.same(found, [[], []]);
});

t.test('other upstreams have scripts of their own', async (t) => {
  const results = await playText(`config: |
  upstreams:
    a: { listen: 1, target: "http://a", retry: off, fallback: [{ upstream: b }] }
    b: { listen: 2, target: "http://b" }
cases:
  - name: the other one
    upstream: a
    given: [{ reset: true }]
    others: { b: [{ status: 202, body: from b }] }
    then: { status: 202, body: from b, upstreamCalls: 1, attempts: 1 }
`);
  t.same(results[0]!.sentences, []);
});

t.test('a case is the same each time, chance included', async (t) => {
  const text = `config: |
  upstreams: { a: { listen: 1, target: "http://a" } }
cases:
  - { name: jitter, given: [{ status: 503 }], then: { status: 503 } }
`;
  const course = async () => (await playText(text))[0]!.played.course;
  t.same(await course(), await course());
});

t.test('cases do not see each other', async (t) => {
  const found = await differencesOf(`
  - name: opens
    given: [{ status: 500 }]
    when: [{}, { at: 1s }]
    then: { circuit: open }
  - name: is closed
    then: { status: 200, circuit: closed }
`);
  t.same(found, [[], []]);
});
