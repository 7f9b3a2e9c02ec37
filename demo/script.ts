/** The script of the demo: what its upstream does to a call, phase by phase. */

/** What becomes of one call. */
export type Fate =
  | { readonly kind: 'answer'; readonly status: number; readonly delayMs: number }
  /** Accepted, never answered. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' };

/** Uniform in 0..1. */
type Random = () => number;

export interface Phase {
  readonly name: string;
  /** What happens in it, for the screen. */
  readonly says: string;
  readonly lastsMs: number;
  /** @param atMs ms since the phase began. */
  readonly decide: (random: Random, atMs: number) => Fate;
  /** Nothing listens: connections are refused. */
  readonly isDown?: true;
}

const between = (random: Random, low: number, high: number) => low + random() * (high - low);

const answer = (random: Random): Fate => ({
  kind: 'answer',
  status: 200,
  delayMs: between(random, 5, 25),
});
const failure = (random: Random): Fate => ({
  kind: 'answer',
  status: random() < 0.7 ? 503 : 500,
  delayMs: between(random, 2, 10),
});

/** A deploy that goes wrong, as far as one can tell from outside; it repeats for ever. */
export const script: readonly Phase[] = [
  {
    name: 'calm',
    says: 'every call is answered in 5 to 25 ms',
    lastsMs: 5_000,
    decide: answer,
  },
  {
    name: 'errors',
    says: '30% of the answers are 503 or 500',
    lastsMs: 7_000,
    decide: (random) => (random() < 0.3 ? failure(random) : answer(random)),
  },
  {
    name: 'blips',
    says: 'every 1.5 s all connections are reset for 300 ms',
    lastsMs: 7_500,
    decide: (random, atMs) => (atMs % 1_500 < 300 ? { kind: 'reset' } : answer(random)),
  },
  {
    name: 'latency',
    says: '25% of the answers take 1 to 4 s',
    lastsMs: 7_000,
    decide: (random) =>
      random() < 0.25
        ? { kind: 'answer', status: 200, delayMs: between(random, 1_000, 4_000) }
        : answer(random),
  },
  {
    name: 'hangs',
    says: '30% of the calls are accepted and never answered',
    lastsMs: 7_000,
    decide: (random) => (random() < 0.3 ? { kind: 'hang' } : answer(random)),
  },
  {
    name: 'lull',
    says: 'all is well, for a moment',
    lastsMs: 3_000,
    decide: answer,
  },
  {
    name: 'freeze',
    says: 'every call is accepted and none is answered',
    lastsMs: 6_500,
    decide: () => ({ kind: 'hang' }),
  },
  {
    name: 'outage',
    says: 'connections are refused',
    lastsMs: 5_000,
    decide: () => ({ kind: 'reset' }),
    isDown: true,
  },
  {
    name: 'recovery',
    says: 'cold start: 20% errors and answers of up to 120 ms, both fading',
    lastsMs: 8_000,
    decide(random, atMs) {
      const cold = Math.max(0, 1 - atMs / 6_000);
      if (random() < 0.2 * cold) return failure(random);
      return { kind: 'answer', status: 200, delayMs: between(random, 5, 25 + 95 * cold) };
    },
  },
];

const SEED = 20_260_101;

/**
 * Chance that depends on the call and the try alone: a call meets the same luck with and without the sidecar, so that
 * what differs is the sidecar's doing, and two runs can be compared. (mulberry32, over a mix of the three numbers.)
 */
export function luckOf(call: number, attempt: number): Random {
  let state = (Math.imul(SEED ^ call, 0x9e37_79b1) ^ Math.imul(attempt, 0x85eb_ca6b)) >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
