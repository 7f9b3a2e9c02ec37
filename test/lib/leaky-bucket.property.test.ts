import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { CALL, levelAt, perHourOf, remaining, waitUs } from '../../src/lib/leaky-bucket.js';

/** A token bucket in whole numbers of any size: one token is an hour in µs, so that a rate per hour fills in whole numbers. */
class TokenBucket {
  static readonly token = 3_600_000_000n;
  #filled: bigint;
  readonly #perHour: bigint;
  readonly #burst: bigint;

  constructor(perHour: number, burst: number) {
    this.#perHour = BigInt(perHour);
    this.#burst = BigInt(burst) * TokenBucket.token;
    this.#filled = this.#burst;
  }

  get tokens(): number {
    return Number(this.#filled / TokenBucket.token);
  }

  pass(us: number): void {
    const filled = this.#filled + BigInt(us) * this.#perHour;
    this.#filled = filled < this.#burst ? filled : this.#burst;
  }

  take(): boolean {
    if (this.#filled < TokenBucket.token) return false;
    this.#filled -= TokenBucket.token;
    return true;
  }

  waitUs(): number {
    const missing = TokenBucket.token - this.#filled;
    return missing <= 0n ? 0 : Number((missing + this.#perHour - 1n) / this.#perHour);
  }
}

const rates = fc
  .tuple(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(1, 60, 3600))
  .map(([count, seconds]) => ({ count, seconds }));

/** Gaps from less than a call's share to many bursts. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(1e6), fc.nat(1e13)), {
  maxLength: 200,
});

t.test('agrees with a token bucket in exact arithmetic', async (t) => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 1000 }), gaps, (rate, burst, gaps) => {
      const perHour = perHourOf(rate.count / rate.seconds);
      assert.equal(perHour, (rate.count * 3600) / rate.seconds, 'the rate is exact');
      const limit = { perHour, burst };
      const model = new TokenBucket(perHour, burst);
      const bucket = { level: 0, atUs: 0 };
      let nowUs = 0;
      for (const gapUs of gaps) {
        nowUs += gapUs;
        model.pass(gapUs);
        const level = levelAt(bucket, limit, nowUs);
        assert.equal(waitUs(level, limit), model.waitUs());
        assert.equal(remaining(level, limit), model.tokens);
        const mayPass = waitUs(level, limit) === 0;
        assert.equal(mayPass, model.take());
        Object.assign(bucket, { level: mayPass ? level + CALL : level, atUs: nowUs });
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('exactly when its wait is over a call may pass, and not before', async (t) => {
  const limit = { perHour: perHourOf(7), burst: 3 };
  const full = { level: 3 * CALL, atUs: 0 };
  const wait = waitUs(full.level, limit);
  t.equal(wait, Math.ceil(1e6 / 7));
  t.equal(waitUs(levelAt(full, limit, wait - 1), limit), 1);
  t.equal(waitUs(levelAt(full, limit, wait), limit), 0);
});

t.test('a lowered burst is used up, but not overdrawn', async (t) => {
  const bucket = { level: 100 * CALL, atUs: 0 };
  const limit = { perHour: 3600, burst: 10 };
  t.equal(waitUs(levelAt(bucket, limit, 0), limit), 1e6);
});

t.test('a clock that goes back gives nothing', async (t) => {
  const limit = { perHour: 3600, burst: 1 };
  t.equal(levelAt({ level: CALL, atUs: 5e6 }, limit, 1e6), CALL);
});
