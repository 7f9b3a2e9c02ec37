/** What ejection and the circuit promise of an upstream with several endpoints, on minutes of simulated traffic. */
import { readFileSync } from 'node:fs';
import { playAll, toRow } from '../../bench/simulate/endpoints.js';
import {
  ATTEMPT_TIMEOUT_MS,
  LONGEST_RESPONSE_MS,
  playFleet,
  type FleetResult,
  type FleetScenario,
  type Variant,
} from '../../bench/simulate/fleet/play.js';
import {
  allRefuse,
  allSlow,
  fleetScenarios,
  halfHangs,
  halfRefuses,
  oneFails,
  oneFlaps,
  oneHangs,
  oneRefuses,
  omniscient,
  rollingRestart,
  withEjection,
  withoutEjection,
} from '../../bench/simulate/fleet/scenarios.js';
import { formatTable } from '../../bench/simulate/simulation.js';
import { root } from '../../tools/docs/documents.js';

/** The longest one before the second attempt; it is 0 where the first one was not sent. */
const BACK_OFF_MS = 100;
const withOneDead = [oneRefuses, oneHangs, oneFails];

const played = await playAll(1);
const resultOf = (scenario: FleetScenario, variant: Variant): FleetResult =>
  played.find((each) => each.scenario === scenario && each.variant === variant)!.result;
const again = await playFleet(oneFails, withEjection, 1);
const other = await playFleet(oneFails, withEjection, 2);

const runs: { name: string; result: FleetResult }[] = [];
for (const scenario of withOneDead) {
  runs.push({ name: scenario.name, result: resultOf(scenario, withEjection) });
  for (const [callsPerSecond, seed] of [
    [20, 3],
    // Under load, all calls of a moment may come to the dead endpoint before it is known to be dead.
    [300, 3],
    [300, 4],
  ] as const) {
    const shorter = { ...scenario, callsPerSecond, lastsMs: 15_000 };
    const result = await playFleet(shorter, withEjection, seed);
    runs.push({ name: `${scenario.name}, ${callsPerSecond}/s, seed ${seed}`, result });
  }
}

const large = await Promise.all(
  [1, 2, 3, 4].map((seed) =>
    playFleet({ ...halfRefuses, size: 40, lastsMs: 15_000 }, withEjection, seed),
  ),
);

const wholeFleet = await playFleet(
  allRefuse,
  {
    ...withEjection,
    keys: { ejection: { maxShare: '100%' }, circuitBreaker: 'off', retry: 'off' },
  },
  1,
);

const figures = ({ calls, deadAttempts }: FleetResult) => [
  calls.offered,
  calls.slowestMs,
  calls.latencyMs(0.5),
  deadAttempts,
];

const goodShare = ({ good, offered }: FleetResult['calls']) => good / offered;

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test('with one of three endpoints dead, nearly all calls are good', async (t) => {
  for (const { name, result } of runs) {
    const share = goodShare(result.later);
    t.ok(share >= 0.995, `${name}: ${share}`);
    t.equal(result.circuitOpenings, 0, `${name}: the circuit stays closed`);
  }
});

t.test('no call then takes longer than one attempt that fails and one that is good', async (t) => {
  for (const { name, result } of runs) {
    const { slowestMs } = result.calls;
    const limitMs = name.startsWith(oneRefuses.name)
      ? LONGEST_RESPONSE_MS
      : name.startsWith(oneHangs.name)
        ? ATTEMPT_TIMEOUT_MS + BACK_OFF_MS + LONGEST_RESPONSE_MS
        : BACK_OFF_MS + LONGEST_RESPONSE_MS;
    t.ok(slowestMs <= limitMs, `${name}: ${slowestMs} ms, at most ${limitMs} ms`);
  }
});

t.test('a dead endpoint costs few attempts, where without ejection it costs a third', async (t) => {
  for (const scenario of withOneDead) {
    const { deadAttempts, ejections } = resultOf(scenario, withEjection);
    // It comes back after 10 s, after 20 s more, and so on.
    t.equal(ejections, 3, scenario.name);
    t.ok(deadAttempts < 30, `${scenario.name}: ${deadAttempts}`);
    const alone = resultOf(scenario, withoutEjection);
    t.ok(alone.deadAttempts > 0.3 * alone.calls.offered, `${alone.deadAttempts}`);
    t.equal(alone.circuitOpenings, 0, `${scenario.name}: the circuit is no help`);
    t.equal(resultOf(scenario, omniscient).deadAttempts, 0);
  }
  for (const scenario of [oneHangs, oneFails]) {
    t.ok(
      goodShare(resultOf(scenario, withoutEjection).calls) < 0.95,
      'the retry budget is used up',
    );
  }
});

t.test('a flapping endpoint, a rolling restart and half a fleet cost no calls', async (t) => {
  for (const scenario of [oneFlaps, rollingRestart, halfHangs]) {
    const { calls, circuitOpenings } = resultOf(scenario, withEjection);
    t.ok(goodShare(calls) >= 0.999, `${scenario.name}: ${goodShare(calls)}`);
    t.equal(circuitOpenings, 0, scenario.name);
  }
  t.ok(resultOf(halfHangs, withEjection).mostEjected === 4, 'all that hang are ejected');
  t.ok(goodShare(resultOf(halfHangs, withoutEjection).calls) < 0.5);
});

t.test('a large fleet stays in use when half of it dies at once', async (t) => {
  for (const { calls, circuitOpenings } of [...large, resultOf(halfRefuses, withEjection)]) {
    t.equal(circuitOpenings, 0);
    t.ok(goodShare(calls) >= 0.98, `${goodShare(calls)}`);
  }
});

t.test(
  'with all endpoints slow or dead the circuit opens, and ejection keeps to maxShare',
  async (t) => {
    for (const scenario of [allSlow, allRefuse]) {
      const { circuitOpenings, mostEjected, deadAttempts } = resultOf(scenario, withEjection);
      t.ok(circuitOpenings > 0, scenario.name);
      t.equal(mostEjected, 1, `${scenario.name}: half of three, rounded down`);
      t.ok(deadAttempts < 30, `${scenario.name}: ${deadAttempts}`);
    }
  },
);

t.test('a circuit that has opened closes again although one endpoint is still dead', async (t) => {
  const { calls, circuitOpenings } = resultOf(allRefuse, withEjection);
  t.equal(circuitOpenings, 1);
  t.ok(goodShare(calls) > 0.45, `${goodShare(calls)} of 60 s, of which 30 s are without any`);
});

t.test('where all are ejected, attempts go to all of them', async (t) => {
  t.equal(wholeFleet.mostEjected, 3);
  t.ok(wholeFleet.panics > 100, `${wholeFleet.panics}`);
});

t.test('ideal knowledge is the limit of what ejection can do', async (t) => {
  for (const scenario of fleetScenarios) {
    const [ours, ideal] = [withEjection, omniscient].map((variant) => resultOf(scenario, variant));
    t.ok(goodShare(ideal!.calls) >= goodShare(ours!.calls) - 0.001, scenario.name);
    t.equal(ideal!.deadAttempts, 0, scenario.name);
  }
});

t.test('the same seed gives the same figures, another one others', async (t) => {
  t.same(figures(again), figures(resultOf(oneFails, withEjection)));
  t.notSame(figures(other), figures(again));
});

t.test('the page has these figures; `npm run simulate -- endpoints` prints them', async (t) => {
  const page = readFileSync(`${root}/docs/simulations.md`, 'utf8');
  const section = page.slice(page.indexOf('\n## endpoints\n'));
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  const table = formatTable(played.map(toRow)).split('\n');
  t.same(lines.slice(0, table.length), table);
});
