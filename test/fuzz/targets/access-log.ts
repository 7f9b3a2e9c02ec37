/** The access log that `simulate` replays: any line is a request, or is skipped with a reason. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replayLog, surveyLog } from '../../../src/simulation/access-log.js';
import type { Target } from '../target.js';

const folder = mkdtempSync(join(tmpdir(), 'breakwater-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'access.log');

const line = (fields: object) =>
  JSON.stringify({
    level: 30,
    time: '2026-11-28T10:00:00.000Z',
    msg: 'exchange',
    upstream: 'a',
    method: 'GET',
    path: '/',
    durationMs: 5,
    upstreamMs: 4,
    outcomes: ['success'],
    ...fields,
  });

export const accessLog: Target = {
  name: 'access-log',
  property:
    'Each line that is not blank is one request of the upstream, one of another upstream, or skipped with a reason; the times of all requests are finite, and each is replayed once, in order, from 0 on.',
  seeds: [
    line({}),
    `${line({})}\n${line({ time: 1_795_860_000_000, durationMs: 90_000 })}\n`,
    `app | ${line({ upstream: 'b' })}\r\n\r\nno JSON\n${line({ msg: 'other' })}`,
    line({ outcomes: [], upstreamMs: 0 }),
  ],
  words: [
    '\n',
    '"',
    '{',
    '}',
    '[]',
    'null',
    '-1',
    '1e999',
    '1e308',
    '"time":',
    '"durationMs":',
    '"upstreamMs":',
    '"outcomes":',
    '"upstream":"a"',
    '"msg":"exchange"',
    '"2026-11-28"',
    ',',
  ],
  longest: 1024,
  check(input) {
    writeFileSync(file, input);
    const survey = surveyLog(file, 'a');
    const lines = input
      .toString('utf8')
      .split('\n')
      .filter((text) => text.trim() !== '');
    const others = [...survey.others.values()].reduce((sum, count) => sum + count, 0);
    const counted = survey.requests + others + survey.skipped;
    // Of other upstreams, only some are counted.
    if (survey.others.size < 20) assert.equal(counted, lines.length);
    else assert.ok(counted <= lines.length);
    assert.equal(survey.examples.length, Math.min(3, survey.skipped));
    for (const { line, why } of survey.examples) assert.ok(line >= 1 && why !== '');
    const arrivals = [...replayLog(survey, 'a')];
    assert.equal(arrivals.length, survey.requests);
    if (survey.requests === 0) return;
    assert.ok(Number.isFinite(survey.fromMs) && Number.isFinite(survey.toMs));
    assert.ok(survey.fromMs <= survey.toMs);
    assert.ok(survey.busiestSecond >= 1 && survey.busiestSecond <= survey.requests);
    let lastMs = 0;
    for (const { atMs, serviceMs } of arrivals) {
      assert.ok(Number.isFinite(atMs) && atMs >= lastMs, `${atMs} after ${lastMs}`);
      assert.ok(
        serviceMs === undefined || (Number.isFinite(serviceMs) && serviceMs >= 0),
        `${serviceMs}`,
      );
      lastMs = atMs;
    }
    assert.ok(survey.meanServiceMs === undefined || Number.isFinite(survey.meanServiceMs));
  },
};
