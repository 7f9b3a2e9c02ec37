import t from 'tap';
import { HealthChecks, type Probe } from '../../../src/upstream/health/health-checks.js';
import type { HealthCheckOptions } from '../../../src/upstream/health/options.js';
import { FakeClock } from '../../support/fake-clock.js';
import { healthCheck } from '../../support/health-options.js';

type Done = Parameters<Probe>[1];

/** Checks whose responses the test gives, or `respond` at once. */
function build(options: Partial<HealthCheckOptions> = {}, random = () => 0.5, respond?: string) {
  const clock = new FakeClock();
  const started: [address: string, atMs: number][] = [];
  const results: [address: string, error: string | undefined, atMs: number][] = [];
  const running: { done: Done; isCancelled: boolean }[] = [];
  const checks = new HealthChecks(
    { ...healthCheck, ...options },
    {
      clock,
      random,
      probe(address, done) {
        started.push([address, clock.now()]);
        const check = { done, isCancelled: false };
        running.push(check);
        if (respond !== undefined) done(respond === '' ? undefined : respond);
        return { cancel: () => void (check.isCancelled = true) };
      },
      onResult: (address, error) => void results.push([address, error, clock.now()]),
    },
  );
  return { checks, clock, started, results, running, last: () => running.at(-1)! };
}

t.test('checks each endpoint again and again, from start to start', async (t) => {
  const { checks, clock, started, results, last } = build();
  checks.start('a');
  await clock.advance(500);
  t.same(started, [['a', 500]]);
  await clock.advance(150);
  last().done(undefined);
  t.same(results, [['a', undefined, 650]]);
  await clock.advance(849);
  t.equal(started.length, 1);
  await clock.advance(1);
  t.same(started[1], ['a', 1500], 'the interval includes the check');
  last().done('status 500');
  t.same(results[1], ['a', 'status 500', 1500]);
  checks.close();
  t.equal(clock.pending, 0);
});

t.test('begins soon, at a random time', async (t) => {
  for (const [interval, random, atMs] of [
    [200, 0, 0],
    [200, 0.75, 150],
    [60_000, 0.75, 750],
  ] as const) {
    const { checks, clock, started } = build({ interval }, () => random);
    checks.start('a');
    await clock.advance(1000);
    t.same(started[0], ['a', atMs]);
    checks.close();
  }
});

t.test('varies the time between two checks by up to 10%', async (t) => {
  for (const [random, gapMs] of [
    [0, 900],
    [0.25, 950],
    [0.999, 1099.8],
  ] as const) {
    const { checks, clock, started } = build({}, () => random, '');
    checks.start('a');
    await clock.advance(3000);
    const [first, second] = started;
    t.equal(Number((second![1] - first![1]).toFixed(3)), gapMs);
    checks.close();
  }
});

t.test('fails a check that has no response in time, and hears of it no more', async (t) => {
  const { checks, clock, results, running, started } = build();
  checks.start('a');
  await clock.advance(700);
  t.same(results, [['a', 'it did not respond within 200 ms', 700]]);
  t.equal(running[0]!.isCancelled, true);
  running[0]!.done(undefined);
  await clock.advance(800);
  t.equal(results.length, 1, 'the late response does not count');
  t.equal(started.length, 2);
  running[0]!.done(undefined);
  t.equal(results.length, 1, 'not for the next check either');
  running[1]!.done(undefined);
  t.equal(results.length, 2);
  checks.close();
});

t.test('makes one check of an endpoint at a time', async (t) => {
  const { checks, clock, started, running } = build({ interval: 100, timeout: 250 });
  checks.start('a');
  await clock.advance(50 + 500);
  t.same(
    started.map(([, atMs]) => atMs),
    [50, 300, 550],
  );
  t.same(
    running.map(({ isCancelled }) => isCancelled),
    [true, true, false],
  );
  checks.close();
  t.equal(running[2]!.isCancelled, true);
});

t.test('takes a result that is there at once', async (t) => {
  const { checks, clock, results, running } = build({}, () => 0.5, 'connect EINVAL');
  checks.start('a');
  await clock.advance(1500);
  t.same(results, [
    ['a', 'connect EINVAL', 500],
    ['a', 'connect EINVAL', 1500],
  ]);
  t.equal(clock.pending, 1);
  checks.close();
  t.notOk(
    running.some(({ isCancelled }) => isCancelled),
    'there was nothing to cancel',
  );
});

t.test('reports nothing of a check that could not be made', async (t) => {
  const { checks, clock, results, started, last } = build();
  checks.start('a');
  await clock.advance(500);
  last().done('connect EMFILE', true);
  t.same(results, []);
  await clock.advance(1000);
  t.equal(started.length, 2, 'the next check comes in its time');
  checks.close();
});

t.test('goes on with others when one is stopped', async (t) => {
  const { checks, clock, started, results, running } = build();
  const stop = checks.start('a');
  checks.start('b');
  await clock.advance(500);
  stop();
  t.same(
    running.map(({ isCancelled }) => isCancelled),
    [true, false],
  );
  running[0]!.done('too late');
  running[1]!.done(undefined);
  t.same(results, [['b', undefined, 500]]);
  await clock.advance(1000);
  t.same(
    started.map(([address]) => address),
    ['a', 'b', 'b'],
  );
  checks.close();
  t.equal(clock.pending, 0);
});
