/** What was expected beside what came. */
import { combinedValue } from '../http/fields.js';
import type { Responded, Played } from './play.js';
import { showTime } from './show-time.js';
import type { Expectation, TestCase } from './test-case.js';

type Shown = string | number | boolean;

export interface Difference {
  /** From 1 on; undefined for what is about the whole case. */
  readonly request: number | undefined;
  /** `status`, `headers.retry-after` */
  readonly key: string;
  readonly expected: Shown;
  readonly actual: Shown;
  /** Where the expectation is written. */
  readonly position: Expectation['position'];
}

const NONE = 'none';

/** Of the response that Breakwater made. */
const reasonOf = ({ response }: Responded) =>
  combinedValue(response.fields, 'x-breakwater-reason') ?? NONE;

const NO_RESPONSE = 'none (no response within 1h)';

/** Key, what was expected, and what came: where they differ. */
type Compared = readonly [key: string, expected: Shown, actual: Shown];

function compareResponse(expected: Expectation, received: Responded | undefined): Compared[] {
  const found: Compared[] = [];
  const add = (key: string, wanted: Shown | undefined, actual: Shown) => {
    if (wanted !== undefined && wanted !== actual) found.push([key, wanted, actual]);
  };
  if (received === undefined) {
    const { status, reason, attempts, withinMs, body } = expected;
    const isAsked = [status, reason, attempts, withinMs, body, expected.headers].some(
      (each) => each !== undefined,
    );
    return isAsked ? [['status', status ?? 'any', NO_RESPONSE]] : [];
  }
  const { response, durationMs, summary } = received;
  add(
    'status',
    expected.status,
    response.isBroken ? `${response.status}, cut off` : response.status,
  );
  add('reason', expected.reason, reasonOf(received));
  add('attempts', expected.attempts, summary?.attempts ?? 0);
  if (expected.withinMs !== undefined && durationMs > expected.withinMs) {
    found.push(['within', showTime(expected.withinMs), showTime(durationMs)]);
  }
  for (const [name, value] of expected.headers ?? []) {
    const actual = combinedValue(response.fields, name.toLowerCase());
    const isRight =
      typeof value === 'boolean' ? (actual !== undefined) === value : actual === value;
    if (!isRight) found.push([`headers.${name}`, value, actual ?? NONE]);
  }
  add('body', expected.body, response.body.toString());
  return found;
}

/** @returns all that differs, in the order of the requests. */
export function compare(test: TestCase, played: Played): Difference[] {
  return test.expectations.flatMap((expected, i) => {
    if (expected === undefined) return [];
    const { position, upstreamCalls, circuit } = expected;
    const differences = compareResponse(expected, played.responses[i]).map(
      ([key, wanted, actual]): Difference => ({
        request: test.requests.length === 1 ? undefined : i + 1,
        key,
        expected: wanted,
        actual,
        position,
      }),
    );
    const whole = (key: string, wanted: Shown | undefined, actual: Shown) => {
      if (wanted === undefined || wanted === actual) return;
      differences.push({ request: undefined, key, expected: wanted, actual, position });
    };
    whole('upstreamCalls', upstreamCalls, played.upstreamCalls);
    whole('circuit', circuit, played.circuit ?? NONE);
    return differences;
  });
}
