/** The script of the demo: what its upstream does to a call, phase by phase. */

/** What becomes of one call. */
export type Fate =
  | { readonly kind: 'response'; readonly status: number; readonly delayMs: number }
  /** Accepted, but without a response. */
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

const healthy = (random: Random): Fate => ({
  kind: 'response',
  status: 200,
  delayMs: between(random, 5, 25),
});
const failure = (random: Random): Fate => ({
  kind: 'response',
  status: random() < 0.7 ? 503 : 500,
  delayMs: between(random, 2, 10),
});

/** A deploy that goes wrong, as far as one can tell from outside: the outage comes within 30 s. It repeats for ever. */
export const script: readonly Phase[] = [
  {
    name: 'calm',
    says: 'every call gets a response in 5 to 25 ms',
    lastsMs: 3_500,
    decide: healthy,
  },
  {
    name: 'errors',
    says: '30% of the responses are 503 or 500',
    lastsMs: 5_000,
    decide: (random) => (random() < 0.3 ? failure(random) : healthy(random)),
  },
  {
    name: 'blips',
    says: 'every 1.5 s all connections are reset for 300 ms',
    lastsMs: 4_500,
    decide: (random, atMs) => (atMs % 1_500 < 300 ? { kind: 'reset' } : healthy(random)),
  },
  {
    name: 'latency',
    says: '25% of the responses take 1 to 4 s',
    lastsMs: 5_000,
    decide: (random) =>
      random() < 0.25
        ? { kind: 'response', status: 200, delayMs: between(random, 1_000, 4_000) }
        : healthy(random),
  },
  {
    name: 'hangs',
    says: '30% of the calls are accepted and get no response',
    lastsMs: 5_000,
    decide: (random) => (random() < 0.3 ? { kind: 'hang' } : healthy(random)),
  },
  {
    name: 'freeze',
    says: 'every call is accepted and gets no response',
    lastsMs: 4_500,
    decide: () => ({ kind: 'hang' }),
  },
  {
    name: 'outage',
    says: 'connections are refused',
    lastsMs: 6_000,
    decide: () => ({ kind: 'reset' }),
    isDown: true,
  },
  {
    name: 'recovery',
    says: 'cold start: 20% errors and responses of up to 120 ms, both decreasing',
    lastsMs: 8_000,
    decide(random, atMs) {
      const cold = Math.max(0, 1 - atMs / 6_000);
      if (random() < 0.2 * cold) return failure(random);
      return { kind: 'response', status: 200, delayMs: between(random, 5, 25 + 95 * cold) };
    },
  },
];

const SEED = 20_260_101;

/**
 * Chance that depends only on the call and the attempt: a call has the same luck with and without the sidecar. So
 * the sidecar alone makes the difference, and two runs can be compared. (mulberry32, over a mix of the three numbers.)
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
