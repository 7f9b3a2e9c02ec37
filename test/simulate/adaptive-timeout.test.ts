/** A learned timeout frees callers from attempts that hang, and does not cut a slower upstream off for good. */
import { runOnce } from '../../bench/simulate/adaptive-timeout.js';
import type { PhaseResult } from '../../bench/simulate/simulation.js';

const goodShare = ({ calls }: PhaseResult) => calls.good / calls.offered;
const p99 = ({ calls }: PhaseResult) => calls.latencyMs(0.99);

/** With the last one the circuit opens at the slowdown, before enough is learned. */
const seeds = [1, 2, 6];
const runs = await Promise.all(seeds.map((seed) => runOnce('adaptive', seed)));
const [patient] = await runOnce('10s', 1);
const [, , tight] = await runOnce('250ms', 1);

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test(
  'hanging attempts cost callers a fraction of what a patient timeout makes them cost',
  async (t) => {
    t.ok(p99(patient!) > 10_000, `${p99(patient!)} ms`);
    for (const [i, [before, , slower, , after]] of runs.entries()) {
      const seed = seeds[i];
      t.ok(p99(before!) < 500, `seed ${seed}: ${p99(before!)} ms`);
      t.ok(p99(slower!) < 2500, `seed ${seed}: ${p99(slower!)} ms while it is slower`);
      t.ok(p99(after!) < 500, `seed ${seed}: ${p99(after!)} ms afterwards`);
    }
  },
);

t.test('goodput is back soon after the upstream has become slower for good', async (t) => {
  t.ok(goodShare(tight!) < 0.1, 'a tight timeout that stands still lets hardly anything through');
  for (const [i, [before, , slower, again, after]] of runs.entries()) {
    const seed = seeds[i];
    for (const phase of [before!, slower!, again!, after!]) {
      t.ok(goodShare(phase) > 0.99, `seed ${seed}, ${phase.name}: ${goodShare(phase)}`);
    }
  }
});

t.test('what was learned while it was slow is forgotten', async (t) => {
  const [before, , slower, , after] = runs[0]!;
  t.ok(Math.max(...before!.watched) < 600);
  t.ok(Math.min(...slower!.watched) > 500);
  t.ok(Math.max(...after!.watched) < 600);
});
