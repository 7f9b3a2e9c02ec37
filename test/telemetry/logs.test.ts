import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { CallError, ClientGoneError } from '../../src/core/errors.js';
import { policies, reasons } from '../../src/policies/index.js';
import type { ExchangeFinished, ExchangeSummary } from '../../src/core/events.js';
import type { CircuitMoved } from '../../src/policies/circuit-breaker/states.js';
import type { AccessLog, AccessSample } from '../../src/telemetry/log/access.js';
import { createLogSink } from '../../src/telemetry/log/log-sink.js';
import { createLogger } from '../../src/telemetry/log/logger.js';
import type { KnownEvent } from '../../tools/docs/sample-events.js';
import { logShortage } from '../../src/telemetry/log/shortage.js';
import { attemptFinished } from '../support/attempt-finished.js';
import { FakeClock } from '../support/fake-clock.js';
import { node } from '../support/program.js';

interface Setup {
  level?: string;
  access?: AccessLog;
  route?: string;
  sample?: Partial<AccessSample>;
  random?: () => number;
}

function build({
  level = 'info',
  access = 'errors',
  route = '',
  sample,
  random = () => 0,
}: Setup = {}) {
  const lines: string[] = [];
  const clock = new FakeClock();
  const logger = createLogger({ level, destination: { write: (line) => void lines.push(line) } });
  const sink = createLogSink({
    logger,
    clock,
    policies,
    random,
    access,
    sample: { ok: 1, ...sample },
  });
  const emit: (event: KnownEvent) => void = sink.scope('catalog', route);
  return {
    sink,
    lines,
    clock,
    logger,
    emit,
    parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

t.test('warns of what this process lacks, at most once in 10 s', async (t) => {
  const { clock, logger, parsed } = build();
  const onShortage = logShortage(logger, clock);
  for (let i = 0; i < 100; i += 1) {
    onShortage('no descriptors');
    clock.stall(100);
  }
  t.match(parsed(), [{ level: 'warn', msg: 'no descriptors' }]);
  t.equal(parsed().length, 1);
  onShortage('no descriptors');
  t.equal(parsed().length, 2);
});

function finished(summary: Partial<ExchangeSummary> = {}): ExchangeFinished {
  return {
    type: 'exchange-finished',
    summary: {
      method: 'GET',
      path: '/search/x',
      status: 200,
      reason: '',
      durationMs: 12.4,
      waitedMs: 3.6,
      upstreamMs: 0,
      deadlineLeftMs: undefined,
      grpcCode: undefined,
      results: [],
      endpoints: [],
      interventions: [],
      upstreamStatus: 200,
      client: '10.1.2.3',
      bytesIn: 0,
      bytesOut: 0,
      attempts: 1,
      requestId: 'r-1',
      trace: undefined,
      shadow: [],
      substitution: undefined,
      error: undefined,
      ...summary,
    },
  };
}

type Move = Omit<CircuitMoved, 'type'>;

t.test(
  'writes JSON lines with an ISO time, the level as a word, and nothing about the host',
  async (t) => {
    const { logger, lines, parsed } = build();
    logger.info('hello');
    t.match(lines[0], /\n$/);
    const [line] = parsed();
    t.same(Object.keys(line!), ['level', 'time', 'msg']);
    t.equal(line!['level'], 'info');
    t.match(line!['time'], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  },
);

const refused = finished({
  status: 503,
  reason: 'circuit-open',
  attempts: 0,
  error: new CallError(reasons['circuit-open'], 'Cannot call catalog because its circuit is open'),
});

t.test('counts refused calls instead of writing them all, and says how many', async (t) => {
  const { emit, lines, parsed, clock } = build();
  for (let i = 0; i < 130; i++) emit(refused);
  t.equal(lines.length, 100);
  emit(finished({ status: 502, reason: 'connect-failed' }));
  t.equal(lines.length, 101, 'a call that was tried has its line');
  await clock.advance(999);
  emit(refused);
  t.equal(lines.length, 101, 'not before the second is over');
  await clock.advance(1);
  emit(refused);
  emit(refused);
  t.same(
    parsed()
      .slice(-2)
      .map(({ leftOut }) => leftOut),
    [31, undefined],
  );

  const all = build({ access: 'all' });
  for (let i = 0; i < 130; i++) all.emit(refused);
  t.equal(all.lines.length, 130, 'unless every call is wanted');
});

t.test('the limit of refused calls can be set, for each upstream with its routes', async (t) => {
  const { emit, sink, lines, clock } = build({ sample: { errors: 3 } });
  const emitOther: (event: KnownEvent) => void = sink.scope('other', '');
  const emitRoute: (event: KnownEvent) => void = sink.scope('catalog', 'search');
  for (let i = 0; i < 10; i++) emit(refused);
  for (let i = 0; i < 10; i++) emitRoute(refused);
  t.equal(lines.length, 3);
  for (let i = 0; i < 10; i++) emitOther(refused);
  t.equal(lines.length, 6, 'each upstream has its own');
  await clock.advance(1000);
  for (let i = 0; i < 10; i++) emitRoute(refused);
  t.equal(lines.length, 9);
  for (let i = 0; i < 20; i++) emit(finished({ status: 503, upstreamStatus: 503 }));
  t.equal(lines.length, 29, 'responses of the upstream are not limited');

  const all = build({ access: 'all', sample: { errors: 3 } });
  for (let i = 0; i < 10; i++) all.emit(refused);
  t.equal(all.lines.length, 3, 'also where every call is wanted');

  const off = build({ access: 'off', sample: { errors: 3 } });
  off.emit(refused);
  t.equal(off.lines.length, 0);
});

t.test('a limit below one line per second holds for a longer time', async (t) => {
  const { emit, lines, clock } = build({ sample: { errors: 0.5 } });
  emit(refused);
  await clock.advance(1999);
  emit(refused);
  t.equal(lines.length, 1);
  await clock.advance(1);
  emit(refused);
  t.equal(lines.length, 2);
});

t.test('a share of the good calls gets a line, and every call that went wrong', async (t) => {
  const draws = [0.05, 0.1, 0.5, 0.09];
  const random = () => draws.shift()!;
  const { emit, parsed } = build({ access: 'all', sample: { ok: 0.1 }, random });
  for (const requestId of ['a', 'b', 'c', 'd']) emit(finished({ requestId }));
  t.same(
    parsed().map(({ requestId }) => requestId),
    ['a', 'd'],
  );
  emit(finished({ status: 500 }));
  emit(finished({ status: 499 }));
  t.equal(parsed().length, 4);

  const none = build({ access: 'all', sample: { ok: 0 } });
  none.emit(finished());
  t.same(none.lines, []);
  const every = build({ access: 'all', random: () => 0.999_999 });
  every.emit(finished());
  t.equal(every.lines.length, 1);
});

t.test('leaves out what is below its level', async (t) => {
  const { logger, lines } = build({ level: 'warn' });
  logger.info('hello');
  t.same(lines, []);
  logger.warn('hello');
  t.equal(lines.length, 1);
});

t.test('loses no line when the process exits at once', async (t) => {
  const module = new URL('../../src/telemetry/log/logger.js', import.meta.url);
  const program = `
    const { createLogger } = await import(${JSON.stringify(module.href)});
    const logger = createLogger({ level: 'info' });
    for (let i = 0; i < 2000; i++) logger.info({ i }, 'x'.repeat(100));
    process.exit(3);
  `;
  const child = spawn(...node('--input-type=module', '-e', program));
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  t.equal(code, 3);
  const last = output.trim().split('\n').at(-1)!;
  t.match(JSON.parse(last), { i: 1999 });
});

t.test('explains each move of a circuit in one sentence', async (t) => {
  const { emit, parsed } = build();
  const moves: [Move, string, string][] = [
    [
      { from: 'closed', to: 'open', rule: 'failureThreshold', observed: 5, threshold: 5 },
      'warn',
      'circuit of catalog opened because 5 failures in a row reached failureThreshold 5',
    ],
    [
      { from: 'closed', to: 'open', rule: 'failureRate', observed: 0.625, threshold: 0.5 },
      'warn',
      'circuit of catalog opened because 62.5% failed first attempts reached failureRate.threshold 50%',
    ],
    [
      { from: 'closed', to: 'open', rule: 'slowCall', observed: 0.9, threshold: 0.8 },
      'warn',
      'circuit of catalog opened because 90% slow first attempts reached slowCall.threshold 80%',
    ],
    [
      { from: 'open', to: 'half-open', rule: 'recoveryTimeout', observed: 30012, threshold: 30000 },
      'info',
      'circuit of catalog became half-open because its recoveryTimeout of 30000 ms was over',
    ],
    [
      { from: 'half-open', to: 'open', rule: 'probeFailure', observed: 1, threshold: 1 },
      'warn',
      'circuit of catalog opened because a probe failed',
    ],
    [
      { from: 'half-open', to: 'closed', rule: 'successThreshold', observed: 3, threshold: 3 },
      'info',
      'circuit of catalog closed because 3 good probes reached successThreshold 3',
    ],
    [
      { from: 'closed', to: 'forced-open', rule: 'forced', observed: 0, threshold: 0 },
      'info',
      'circuit of catalog was forced open because an operator said so',
    ],
    [
      { from: 'forced-open', to: 'forced-closed', rule: 'forced', observed: 0, threshold: 0 },
      'info',
      'circuit of catalog was forced closed because an operator said so',
    ],
    [
      { from: 'forced-closed', to: 'closed', rule: 'forced', observed: 0, threshold: 0 },
      'info',
      'circuit of catalog closed because its override ended',
    ],
  ];
  for (const [move] of moves) emit({ type: 'circuit-moved', ...move });
  const lines = parsed();
  for (const [index, [move, level, msg]] of moves.entries()) {
    t.match(lines[index], { ...move, level, msg, upstream: 'catalog', route: '' });
  }
});

t.test('names the route whose circuit moved', async (t) => {
  const { emit, parsed } = build({ route: 'search' });
  const move: Move = {
    from: 'half-open',
    to: 'open',
    rule: 'probeFailure',
    observed: 1,
    threshold: 1,
  };
  emit({ type: 'circuit-moved', ...move });
  t.match(parsed(), [{ route: 'search', msg: /^circuit of catalog\/search opened/ }]);
});

t.test('explains what happens to an endpoint in one sentence', async (t) => {
  const { emit, parsed } = build();
  const address = '10.0.0.1:80';
  const endpoint = 'endpoint 10.0.0.1:80 of catalog';
  const look = { type: 'name-resolved', name: 'db.internal', isNews: true } as const;
  const many = Array.from({ length: 12 }, (_, i) => `10.0.0.${i}`);
  const found = { ...look, error: undefined };
  const cases: [KnownEvent, string, string][] = [
    [
      { type: 'endpoint-ejected', address, failures: 5, forMs: 10_000 },
      'warn',
      `${endpoint} is ejected for 10 s because 5 attempts in a row failed`,
    ],
    [
      { type: 'endpoint-ejected', address, failures: 1, forMs: 500 },
      'warn',
      `${endpoint} is ejected for 500 ms because 1 attempt in a row failed`,
    ],
    [
      { type: 'endpoint-returned', address, from: 'ejected' },
      'info',
      `${endpoint} is available again because its ejection is over`,
    ],
    [
      { type: 'endpoint-unhealthy', address, failures: 3, error: 'it responded with status 503' },
      'warn',
      `${endpoint} is unhealthy because 3 health checks in a row failed: it responded with status 503`,
    ],
    [
      { type: 'endpoint-returned', address, from: 'unhealthy' },
      'info',
      `${endpoint} is available again because it is no longer unhealthy`,
    ],
    [
      { type: 'endpoint-drained', address, forMs: 600_000 },
      'info',
      `${endpoint} is drained for 600 s because an operator said so`,
    ],
    [
      { type: 'endpoint-drained', address, forMs: Infinity },
      'info',
      `${endpoint} is drained until this is changed because an operator said so`,
    ],
    [
      { type: 'endpoint-returned', address, from: 'drained' },
      'info',
      `${endpoint} is available again because it is no longer drained`,
    ],
    [
      {
        ...look,
        result: 'failure',
        addresses: ['10.0.0.1'],
        error: new Error('getaddrinfo EAI_AGAIN'),
      },
      'warn',
      'Cannot look up db.internal of catalog because getaddrinfo EAI_AGAIN; the addresses known before stay in use',
    ],
    [
      { ...look, result: 'failure', addresses: [], error: undefined },
      'warn',
      'Cannot look up db.internal of catalog because it has no address; calls fail until it has an address',
    ],
    [
      { ...found, result: 'unchanged', addresses: ['10.0.0.1'] },
      'info',
      'name db.internal of catalog can be looked up again; its addresses are the same',
    ],
    [
      { ...found, result: 'success', addresses: ['10.0.0.1', '10.0.0.2'] },
      'info',
      'name db.internal of catalog has the addresses 10.0.0.1, 10.0.0.2',
    ],
    [
      { ...found, result: 'success', addresses: many },
      'info',
      `name db.internal of catalog has the addresses ${many.slice(0, 10).join(', ')} and 2 more`,
    ],
    [
      { type: 'endpoints-panicked', isNews: true },
      'warn',
      'no endpoint of catalog is available, so all that are not drained are used',
    ],
  ];
  for (const [event] of cases) emit(event);
  const lines = parsed();
  t.equal(lines.length, cases.length);
  for (const [index, [, level, msg]] of cases.entries())
    t.match(lines[index], { level, msg, upstream: 'catalog' });
  t.match(lines[0], { endpoint: address, failures: 5, forMs: 10_000 });
});

t.test('writes no line for what is no news of endpoints', async (t) => {
  const { emit, lines } = build({ level: 'debug' });
  const addresses = ['10.0.0.1'];
  emit({ type: 'endpoints-panicked', isNews: false });
  for (const result of ['success', 'failure', 'unchanged'] as const)
    emit({
      type: 'name-resolved',
      name: 'a',
      result,
      addresses,
      error: undefined,
      isNews: false,
    });
  emit({ type: 'health-checked', result: 'failure' });
  t.same(lines, []);
});

t.test('tells of failed attempts at debug only', async (t) => {
  const error = new CallError('upstream-reset', 'Cannot call catalog because it hung up');
  const failed = attemptFinished('reset', { error });
  const quiet = build();
  quiet.emit(failed);
  t.same(quiet.lines, []);
  const { emit, parsed } = build({ level: 'debug' });
  emit(attemptFinished('success'));
  emit(attemptFinished('cancelled', { error: new ClientGoneError(499, 'The client left') }));
  emit(failed);
  t.match(parsed(), [
    { level: 'debug', upstream: 'catalog', outcome: 'reset', error: error.message },
  ]);
  t.equal(parsed().length, 1);
});

t.test('writes one line per exchange with what an operator looks for', async (t) => {
  const { emit, parsed } = build({ access: 'all', route: 'search' });
  emit(
    finished({
      status: 504,
      reason: 'timeout-attempt',
      attempts: 3,
      results: ['failure', 'reset', 'timeout'],
      endpoints: ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.1:80'],
      upstreamMs: 7.6,
      deadlineLeftMs: 20.4,
      grpcCode: 'DEADLINE_EXCEEDED',
      upstreamStatus: 503,
      bytesIn: 12,
      bytesOut: 345,
      trace: { id: '4bf92f3577b34da6a3ce929d0e0e4736', isSampled: false },
      error: new CallError(
        reasons['timeout-attempt'],
        'Cannot call catalog because it was too slow',
      ),
    }),
  );
  const { time: _, ...line } = parsed()[0]!;
  t.same(line, {
    level: 'info',
    upstream: 'catalog',
    route: 'search',
    client: '10.1.2.3',
    method: 'GET',
    path: '/search/x',
    status: 504,
    grpcCode: 'DEADLINE_EXCEEDED',
    upstreamStatus: 503,
    reason: 'timeout-attempt',
    attempts: 3,
    outcomes: ['failure', 'reset', 'timeout'],
    endpoints: ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.1:80'],
    bytesIn: 12,
    bytesOut: 345,
    waitMs: 4,
    upstreamMs: 8,
    durationMs: 12,
    deadlineLeftMs: 20,
    requestId: 'r-1',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    error: 'Cannot call catalog because it was too slow',
    msg: 'exchange',
  });
});

t.test('leaves out what there is none of', async (t) => {
  const { emit, parsed } = build({ access: 'all' });
  emit(finished({ client: undefined, upstreamStatus: undefined }));
  for (const key of ['traceId', 'error', 'client', 'upstreamStatus']) {
    t.notOk(key in parsed()[0]!, key);
  }
});

t.test('writes only exchanges that went wrong unless asked for all', async (t) => {
  const exchanges = [
    finished({ status: 200 }),
    finished({ status: 404 }),
    finished({ status: 404, reason: 'no-route' }),
    finished({ status: 500 }),
    finished({ status: 499, error: new ClientGoneError(499, 'gone') }),
    // The response broke off after its head.
    finished({ status: 200, reason: 'upstream-reset' }),
    finished({ status: 200, grpcCode: 'NOT_FOUND' }),
    finished({ status: 200, grpcCode: 'INTERNAL' }),
  ];
  const written = (access: AccessLog) => {
    const { emit, parsed } = build({ access });
    for (const exchange of exchanges) emit(exchange);
    return parsed().map(({ status, reason }) => `${String(status)} ${String(reason)}`.trim());
  };
  t.same(written('errors'), ['404 no-route', '500', '499', '200 upstream-reset', '200']);
  t.equal(written('all').length, exchanges.length);
  t.same(written('off'), []);
});

t.test('names the source of a substitute, and the reason', async (t) => {
  const { parsed, emit } = build({ access: 'errors' });
  const substitution = { source: 'cache', reason: '', cause: 'catalog responded 503' } as const;
  emit(finished({ substitution }));
  t.match(parsed(), [{ status: 200, fallback: 'cache', error: 'catalog responded 503' }]);
});

t.test('writes circuits also where the access log is off', async (t) => {
  const { emit, lines } = build({ access: 'off' });
  const move: Move = {
    from: 'half-open',
    to: 'open',
    rule: 'probeFailure',
    observed: 1,
    threshold: 1,
  };
  emit({ type: 'circuit-moved', ...move });
  t.equal(lines.length, 1);
});

t.test('keeps a hostile path within its line', async (t) => {
  const { emit, lines, parsed } = build({ access: 'all' });
  const path = '/\n{"level":"fatal"}\u001b[2J"';
  emit(finished({ path }));
  t.equal(lines[0]!.trimEnd().split('\n').length, 1);
  t.equal(parsed()[0]!['path'], path);
});
