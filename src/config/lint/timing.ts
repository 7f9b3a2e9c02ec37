/** Lint rules about times that contradict each other. */
import { listWords } from '../syntax/diagnostics.js';
import {
  forecast,
  growthOf,
  showMs,
  attemptsInFirsts,
  attemptsWithin,
  type Forecast,
} from './forecast.js';
import { eachScope, type LintRule, type Offence, type Scope } from './scope.js';

/** Rounds to two digits: advice is not more exact than that. */
export function roundTo(ms: number, round: (value: number) => number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(ms, 1))) - 1);
  return round(ms / step) * step;
}

const roundUp = (ms: number) => showMs(roundTo(ms, Math.ceil));

const DELAYS = ['baseDelay', 'maxDelay', 'multiplier', 'jitter', 'strategy'].map(
  (key) => `retry.backoff.${key}`,
);

/** If only the learned timeout bounds an attempt, the rules use its maximum. */
function forecastOf({ policies }: Scope): Forecast {
  const { timeout } = policies;
  if (timeout === 'off' || timeout.adaptive === 'off' || timeout.attempt !== 'off') {
    return forecast(policies);
  }
  const attempt = timeout.adaptive.max;
  const expected = forecast({ ...policies, timeout: { ...timeout, attempt } });
  return { ...expected, attemptOption: 'timeout.adaptive.max' };
}

const ATTEMPT_OPTIONS = ['timeout.attempt', 'timeout.adaptive.max'] as const;

/** The longest time of one attempt, with the option that bounds it if that is not `attempt`. */
const showAttempt = ({ attemptMs, attemptOption }: Forecast) =>
  showMs(attemptMs) + (attemptOption === 'timeout.attempt' ? '' : ` (${attemptOption})`);

/** The longest attempt time with which all attempts fit into the call, in ms. */
function longestAttempt(scope: Scope): number | undefined {
  const { attempts, backoffMs, totalMs } = forecastOf(scope);
  const share = (totalMs - backoffMs) / attemptsInFirsts(attempts, growthOf(scope.policies));
  if (share < 1) return undefined;
  // A single attempt must be shorter than the call, or its timeout never fires.
  const longest = roundTo(attempts === 1 ? share * 0.9 : share, Math.floor);
  return longest > 0 ? longest : undefined;
}

/** The words after "set". */
function orLower(scope: Scope): string {
  const longest = longestAttempt(scope);
  if (longest === undefined) return '';
  const tooLong = ATTEMPT_OPTIONS.filter((path) => (scope.number(path) ?? 0) > longest);
  return `${listWords(tooLong, 'and')} to ${showMs(longest)} or less, or `;
}

const reachesTotal = ({ attemptMs, totalMs }: Forecast) =>
  attemptMs !== Infinity && attemptMs >= totalMs;

function checkAttempt(scope: Scope): Offence | undefined {
  const expected = forecastOf(scope);
  if (!reachesTotal(expected)) return undefined;
  const { attemptMs, attemptOption, totalMs, neededMs, attempts } = expected;
  const least = attempts === 1 ? attemptMs * 1.1 : neededMs;
  const harm =
    attempts === 1
      ? `${attemptOption} never fires, and a response that begins late has no time left for its body`
      : 'an attempt that hangs uses all the time of the call, and there is no other attempt';
  return {
    place: scope.culprit(attemptOption, 'timeout.total'),
    message: `an attempt may take ${showAttempt(expected)}, but the whole call ends after ${showMs(totalMs)}: ${harm}; set ${orLower(scope)}timeout.total to ${roundUp(least)} or more`,
  };
}

function checkRetries(scope: Scope): Offence | undefined {
  const expected = forecastOf(scope);
  const { attempts, attemptMs, lastAttemptMs, attemptOption, backoffMs, neededMs, totalMs } =
    expected;
  // `checkAttempt` has reported the attempt itself.
  if (attempts === 1 || attemptMs === Infinity || reachesTotal(expected)) return undefined;
  if (neededMs <= totalMs) return undefined;
  const growth = growthOf(scope.policies);
  const fitting = attemptsWithin((totalMs - backoffMs) / attemptMs, growth);
  const fewer = fitting >= 1 && fitting < attempts ? `, or retry.maxAttempts to ${fitting}` : '';
  const last = growth === 0 ? '' : ` to ${showMs(lastAttemptMs)}`;
  const growthOption = growth === 0 ? [] : ['timeout.attemptGrowth'];
  return {
    place: scope.culprit(
      attemptOption,
      'retry.maxAttempts',
      'timeout.total',
      ...growthOption,
      ...DELAYS,
    ),
    message: `${attempts} attempts of ${showAttempt(expected)}${last} with up to ${showMs(backoffMs)} between them need ${showMs(neededMs)}, but the whole call ends after ${showMs(totalMs)}: when the upstream is slow, the last attempts are cut short or not made; set ${orLower(scope)}timeout.total to ${roundUp(neededMs)} or more${fewer}`,
  };
}

function checkConnect(scope: Scope): Offence | undefined {
  const connect = scope.number('timeout.connect');
  const expected = forecastOf(scope);
  const { attemptMs, attemptOption } = expected;
  if (connect === undefined || connect <= attemptMs) return undefined;
  return {
    place: scope.culprit('timeout.connect', attemptOption),
    message: `connecting may take ${showMs(connect)}, but an attempt ends after ${showAttempt(expected)}: timeout.connect never fires, and an upstream that cannot be reached is reported as slow; set timeout.connect to ${showMs(roundTo(attemptMs / 2, Math.ceil))} or so, and to no more than ${showMs(attemptMs)}`,
  };
}

function checkQueue(scope: Scope): Offence | undefined {
  const queue = scope.number('bulkhead.queueTimeout');
  const total = scope.number('timeout.total');
  if (queue === undefined || total === undefined || queue < total) return undefined;
  if (scope.number('bulkhead.maxQueue') === 0) return undefined;
  return {
    place: scope.culprit('bulkhead.queueTimeout', 'timeout.total'),
    message: `a call may wait ${showMs(queue)} for a slot, but it ends after ${showMs(total)}: under load, calls end in the queue with 504 timeout-total, or get a slot too late to use it; set bulkhead.queueTimeout to ${showMs(roundTo(total / 5, Math.ceil))} or so`,
  };
}

function checkBuffer(scope: Scope): Offence | undefined {
  const buffer = scope.number('deadline.buffer');
  const total = scope.number('timeout.total');
  if (buffer === undefined || total === undefined || total > buffer) return undefined;
  return {
    place: scope.culprit('timeout.total', 'deadline.buffer'),
    message: `the whole call ends after ${showMs(total)}, and deadline.buffer takes ${showMs(buffer)} of that: no time is left, so every call is refused with 504 timeout-total; set timeout.total to well over ${showMs(buffer)}, or deadline.buffer to ${showMs(roundTo(total / 10, Math.ceil))}`,
  };
}

function checkRecovery(scope: Scope): Offence | undefined {
  const recovery = scope.number('circuitBreaker.recoveryTimeout');
  const { attemptMs, lastAttemptMs, attemptOption } = forecastOf(scope);
  if (recovery === undefined || attemptMs === Infinity || recovery >= lastAttemptMs) {
    return undefined;
  }
  const growthOption = attemptMs === lastAttemptMs ? [] : ['timeout.attemptGrowth'];
  return {
    place: scope.culprit('circuitBreaker.recoveryTimeout', attemptOption, ...growthOption),
    message: `an open circuit probes after ${showMs(recovery)}, but an attempt may take ${showMs(lastAttemptMs)}: an upstream that hangs gets probes while earlier attempts still wait for it, so it cannot recover; set circuitBreaker.recoveryTimeout to ${showMs(lastAttemptMs)} or more`,
  };
}

function checkLongestRecovery(scope: Scope): Offence | undefined {
  const recovery = scope.number('circuitBreaker.recoveryTimeout');
  const longest = scope.number('circuitBreaker.maxRecoveryTimeout');
  if (recovery === undefined || longest === undefined || recovery <= longest) return undefined;
  return {
    place: scope.culprit('circuitBreaker.recoveryTimeout', 'circuitBreaker.maxRecoveryTimeout'),
    message: `an open circuit should wait for ${showMs(recovery)}, but maxRecoveryTimeout cuts that to ${showMs(longest)}: probes are sent earlier than recoveryTimeout says; set circuitBreaker.maxRecoveryTimeout to ${showMs(recovery)} or more`,
  };
}

function checkAdaptiveBounds(scope: Scope): Offence | undefined {
  const min = scope.number('timeout.adaptive.min');
  const max = scope.number('timeout.adaptive.max');
  if (min === undefined || max === undefined || min <= max) return undefined;
  return {
    place: scope.culprit('timeout.adaptive.min', 'timeout.adaptive.max'),
    message: `a learned timeout should be at least ${showMs(min)} and at most ${showMs(max)}: max wins, so it is always ${showMs(max)}, and the response times do not matter; set timeout.adaptive.min to less than ${showMs(max)}, or timeout.adaptive.max to more than ${showMs(min)}`,
  };
}

function checkSamples(scope: Scope): Offence | undefined {
  const samples = scope.number('timeout.adaptive.minSamples');
  const window = scope.number('timeout.adaptive.window');
  if (samples === undefined || window === undefined || samples <= window) return undefined;
  return {
    place: scope.culprit('timeout.adaptive.minSamples', 'timeout.adaptive.window'),
    message: `${samples} response times are needed before any is used, but only the last ${window === 1 ? 'one is' : `${window} are`} kept: no timeout is ever learned; set timeout.adaptive.minSamples to ${window} or less, or timeout.adaptive.window to ${samples} or more`,
  };
}

function checkLoosened(scope: Scope): Offence | undefined {
  const attempt = scope.number('timeout.attempt');
  const min = scope.number('timeout.adaptive.min');
  if (attempt === undefined || min === undefined || attempt >= min) return undefined;
  return {
    place: scope.culprit('timeout.attempt', 'timeout.adaptive.min'),
    message: `an attempt may take ${showMs(attempt)} only until a timeout is learned, and at least ${showMs(min)} (timeout.adaptive.min) from then on; set timeout.adaptive.min to ${showMs(attempt)} or less, or timeout.adaptive to off to keep ${showMs(attempt)}`,
  };
}

/** With less, the learned timeout needs more than seven rounds of timeouts to double. */
const LEAST_MULTIPLIER = 1.1;

function checkMultiplier(scope: Scope): Offence | undefined {
  const multiplier = scope.number('timeout.adaptive.multiplier');
  if (multiplier === undefined || multiplier >= LEAST_MULTIPLIER) return undefined;
  return {
    place: scope.place('timeout.adaptive.multiplier'),
    message: `with a multiplier of ${multiplier} the learned timeout hardly grows after timeouts: if an upstream becomes slower for good, its attempts time out for good; set timeout.adaptive.multiplier to 1.5`,
  };
}

function checkLock(scope: Scope): Offence | undefined {
  const lock = scope.number('idempotency.lockTimeout');
  const attempt = scope.number('timeout.attempt');
  if (lock === undefined || attempt === undefined || lock > attempt) return undefined;
  return {
    place: scope.culprit('idempotency.lockTimeout', 'timeout.attempt'),
    message: `a key comes free ${showMs(lock)} after its process has died, or lost its store, but an attempt may take ${showMs(attempt)}: a repeated request is then carried out while the upstream still works on the first one; set idempotency.lockTimeout to more than ${showMs(attempt)}`,
  };
}

export const timingRules: readonly LintRule[] = [
  { name: 'attempt-reaches-total', level: 'warning', check: eachScope(checkAttempt) },
  { name: 'retries-exceed-total', level: 'warning', check: eachScope(checkRetries) },
  { name: 'connect-exceeds-attempt', level: 'warning', check: eachScope(checkConnect) },
  { name: 'queue-outlasts-total', level: 'warning', check: eachScope(checkQueue) },
  { name: 'buffer-swallows-total', level: 'warning', check: eachScope(checkBuffer) },
  { name: 'recovery-before-attempt', level: 'warning', check: eachScope(checkRecovery) },
  { name: 'recovery-exceeds-maximum', level: 'warning', check: eachScope(checkLongestRecovery) },
  { name: 'lock-before-attempt', level: 'warning', check: eachScope(checkLock) },
  { name: 'adaptive-bounds-crossed', level: 'warning', check: eachScope(checkAdaptiveBounds) },
  { name: 'samples-exceed-window', level: 'warning', check: eachScope(checkSamples) },
  { name: 'adaptive-cannot-grow', level: 'warning', check: eachScope(checkMultiplier) },
  { name: 'adaptive-loosens-attempt', level: 'info', check: eachScope(checkLoosened) },
];
