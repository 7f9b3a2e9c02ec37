/** One caller's flood is its own trouble where `bulkhead.perKey` is written, and everybody's where it is not. */
import { POLITE, runOnce } from '../../bench/simulate/fair-bulkhead.js';
import type { PhaseResult } from '../../bench/simulate/simulation.js';

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

function describe(phase: PhaseResult) {
  const tallies = POLITE.map((name) => phase.callsOf(name));
  return {
    goodShare: sum(tallies.map(({ good }) => good)) / sum(tallies.map(({ offered }) => offered)),
    p99Ms: sum(tallies.map((tally) => tally.latencyMs(0.99))) / tallies.length,
    overloadedMs: phase.upstream.overloadedMs,
    floodGoodput: phase.callsOf('flooder').goodput,
  };
}

/** The polite callers as one, before the flood and during it. */
async function figures(perKey: unknown, seed: number) {
  const [before, flood] = await runOnce(perKey, seed, 10_000);
  return { before: describe(before!), flood: describe(flood!) };
}

const fair = await figures({ maxConcurrent: 5 }, 1);
const unfair = await figures('off', 1);

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test('with perKey the others do not feel the flood', async (t) => {
  const { before, flood } = fair;
  t.ok(flood.p99Ms <= 1.2 * before.p99Ms, `p99 ${before.p99Ms} ms, then ${flood.p99Ms} ms`);
  t.equal(flood.goodShare, 1, 'every call of every polite caller has a response');
  t.equal(flood.overloadedMs, 0, 'nor does the upstream');
  // Five slots, each for 55 ms on average.
  t.ok(flood.floodGoodput > 80 && flood.floodGoodput < 100, `flooder ${flood.floodGoodput}/s`);
});

t.test('without perKey the flood takes what there is', async (t) => {
  const { before, flood } = unfair;
  t.equal(before.goodShare, 1);
  t.ok(flood.goodShare < 0.3, `${flood.goodShare} of the polite calls have a response`);
  t.ok(flood.p99Ms > 1.5 * before.p99Ms, `p99 ${before.p99Ms} ms, then ${flood.p99Ms} ms`);
});
