/** The requests of an access log as the proxy itself writes it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ExchangeSummary } from '../../src/core/events.js';
import { replayLog, surveyLog } from '../../src/simulation/access-log.js';
import { LONGEST_LINE, readLines } from '../../src/simulation/lines.js';
import { createAccessLog } from '../../src/telemetry/log/access.js';
import { createLogger } from '../../src/telemetry/log/logger.js';
import { FakeClock } from '../support/fake-clock.js';

interface Request {
  readonly endMs: number;
  readonly durationMs: number;
  readonly path?: string;
  readonly upstream?: string;
  readonly attempts?: number;
  readonly upstreamMs?: number;
}

const START_MS = Date.parse('2026-11-28T10:00:00.000Z');

/** Lines as the proxy writes them, with another time. */
function linesOf(requests: readonly Request[]): string[] {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'info',
    destination: { write: (line: string) => void lines.push(line.trimEnd()) },
  });
  const clock = new FakeClock();
  const sample = { errors: undefined, ok: 1 };
  const log = createAccessLog({ logger, clock, random: () => 0, access: 'all', sample });
  return requests.map(({ endMs, upstream = 'catalog', path = '/', ...request }, i) => {
    const { attempts = 1, upstreamMs = request.durationMs } = request;
    const summary: ExchangeSummary = {
      method: 'GET',
      path,
      status: 200,
      grpcCode: undefined,
      reason: '',
      durationMs: request.durationMs,
      upstreamMs,
      waitedMs: 0,
      deadlineLeftMs: undefined,
      attempts,
      results: Array.from({ length: attempts }, () => 'success' as const),
      endpoints: [],
      interventions: [],
      shadow: [],
      upstreamStatus: 200,
      client: undefined,
      bytesIn: 0,
      bytesOut: 0,
      requestId: '1',
      trace: undefined,
      substitution: undefined,
      error: undefined,
    };
    log(upstream, '')(summary);
    const time = new Date(START_MS + endMs).toISOString();
    return lines[i]!.replace(/"time":"[^"]*"/, `"time":"${time}"`);
  });
}

function write(t: Test, lines: readonly string[]): string {
  const file = join(t.testdir(), 'access.log');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

t.test('requests come in the order in which they began', async (t) => {
  const file = write(
    t,
    linesOf([
      { endMs: 50, durationMs: 20, path: '/second' },
      { endMs: 100, durationMs: 100, path: '/first', attempts: 2, upstreamMs: 80 },
      { endMs: 2100, durationMs: 10, path: '/third' },
    ]),
  );
  const survey = surveyLog(file, 'catalog');
  t.match(survey, {
    requests: 3,
    fromMs: START_MS,
    toMs: START_MS + 2090,
    busiestSecond: 2,
    skipped: 0,
  });
  t.equal(survey.meanServiceMs, (20 + 40 + 10) / 3);
  t.same(
    [...replayLog(survey, 'catalog')],
    [
      { atMs: 0, method: 'GET', path: '/first', serviceMs: 40 },
      { atMs: 30, method: 'GET', path: '/second', serviceMs: 20 },
      { atMs: 2090, method: 'GET', path: '/third', serviceMs: 10 },
    ],
  );
});

t.test('a refused request has no time of its own', async (t) => {
  const file = write(t, linesOf([{ endMs: 5, durationMs: 1, attempts: 0, upstreamMs: 0 }]));
  const survey = surveyLog(file, 'catalog');
  t.equal(survey.meanServiceMs, undefined);
  t.equal([...replayLog(survey, 'catalog')][0]!.serviceMs, undefined);
});

t.test('lines that are none of ours are counted, and the first ones named', async (t) => {
  const [line] = linesOf([{ endMs: 5, durationMs: 1 }]) as [string];
  const file = write(t, [
    'GET / 200',
    line,
    '',
    '{"msg":"draining","time":"2026-11-28T10:00:00.000Z"}',
    line.slice(0, 40),
    line.replace('"durationMs":1', '"durationMs":"fast"'),
    line.replace(/"time":"[^"]*"/, '"time":"yesterday"'),
    // Read as Infinity.
    line.replace(/"time":"[^"]*"/, '"time":1e999'),
    line.replace('"durationMs":1', '"durationMs":1e300'),
    '[]',
    `2026-11-28T10:00:01Z stdout F ${line}`,
  ]);
  const survey = surveyLog(file, 'catalog');
  t.equal(survey.requests, 2, 'what a collector writes before a line does not matter');
  t.equal(survey.skipped, 8);
  t.same(survey.examples, [
    { line: 1, why: 'no JSON' },
    { line: 4, why: 'another message' },
    { line: 5, why: 'no JSON' },
  ]);
  t.equal([...replayLog(survey, 'catalog')].length, 2);
});

t.test('requests of other upstreams are counted by their names', async (t) => {
  const many = Array.from({ length: 50 }, (_, i) => ({
    endMs: i,
    durationMs: 0,
    upstream: `other-${i}`,
  }));
  const file = write(t, linesOf([...many, { endMs: 60, durationMs: 0 }]));
  const survey = surveyLog(file, 'catalog');
  t.equal(survey.requests, 1);
  t.equal(survey.others.size, 20, 'only some are remembered');
  t.equal(survey.skipped, 0);
});

t.test('a line without an end, and one of a megabyte and more, do no harm', async (t) => {
  const [line] = linesOf([{ endMs: 5, durationMs: 1 }]) as [string];
  const file = write(t, [`{"msg":"exchange","path":"${'x'.repeat(3_000_000)}"}`, line]);
  const survey = surveyLog(file, 'catalog');
  t.equal(survey.requests, 1);
  t.equal(survey.skipped, 1);
  const [long] = readLines(file);
  t.ok(long!.length < 2 * LONGEST_LINE, 'what is beyond is not kept');
});

t.test('a request that lasted longer than others are held for comes late, but comes', async (t) => {
  const file = write(
    t,
    linesOf([
      { endMs: 100, durationMs: 10, path: '/a' },
      { endMs: 100_000, durationMs: 10, path: '/b' },
      { endMs: 200_000, durationMs: 10, path: '/c' },
      { endMs: 200_100, durationMs: 195_000, path: '/long' },
    ]),
  );
  const replayed = [...replayLog(surveyLog(file, 'catalog'), 'catalog')];
  t.same(
    replayed.map(({ path }) => path),
    ['/a', '/b', '/long', '/c'],
  );
  const times = replayed.map(({ atMs }) => atMs);
  t.same(
    times,
    times.toSorted((a, b) => a - b),
  );
});
