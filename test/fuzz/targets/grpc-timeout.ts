/** `grpc-timeout`: what is read is what the grammar of gRPC says, and what is written is never longer than what was read. */
import assert from 'node:assert/strict';
import { formatGrpcTimeout, parseGrpcTimeout } from '../../../src/http/grpc.js';
import type { Target } from '../target.js';

/** In ns. */
const UNITS = new Map<string, bigint>([
  ['n', 1n],
  ['u', 1000n],
  ['m', 1_000_000n],
  ['S', 1_000_000_000n],
  ['M', 60_000_000_000n],
  ['H', 3_600_000_000_000n],
]);

/** In ns, exactly. */
function model(text: string): bigint | undefined {
  const unit = UNITS.get(text.slice(-1));
  const digits = text.slice(0, -1);
  const isCount =
    digits.length >= 1 &&
    digits.length <= 8 &&
    Buffer.from(digits).every((byte) => byte >= 0x30 && byte <= 0x39);
  return unit === undefined || !isCount ? undefined : BigInt(digits) * unit;
}

const LONGEST_NS = 99_999_999n * 3_600_000_000_000n;

export const grpcTimeout: Target = {
  name: 'grpc-timeout',
  property:
    'A text is read exactly if it is up to 8 digits and a unit, as that many nanoseconds to one part in 10^15; what is written for it has the form again, and is no longer, and shorter by one part in 100,000 at most.',
  seeds: ['1S', '99999999H', '0n', '1490m', '20u', '3M'],
  words: ['H', 'M', 'S', 'm', 'u', 'n', '99999999', '00000001', ' ', '.', '-', '\n'],
  longest: 24,
  check(input) {
    const text = input.toString('latin1');
    const read = parseGrpcTimeout(text);
    const expected = model(text);
    assert.equal(read === undefined, expected === undefined);
    if (read === undefined || expected === undefined) return;
    const exactMs = Number(expected) / 1e6;
    assert.ok(Math.abs(read - exactMs) <= exactMs * 1e-15, `${read} ms, not ${exactMs}`);
    const written = formatGrpcTimeout(read);
    const again = model(written);
    assert.ok(again !== undefined, `${written} is no timeout`);
    assert.ok(again >= 1n && again <= LONGEST_NS);
    // 0 is written as the least there is.
    assert.ok(again <= (expected === 0n ? 1n : expected), `${text} became longer: ${written}`);
    assert.ok(expected - again <= expected / 100_000n + 1n, `${text} became ${written}`);
  },
};
