/** `resilience4j.circuitbreaker` */
import type { Part } from '../part.js';
import { showDuration, showShare } from '../values.js';
import type { Instance } from './instance.js';

const DEFAULT = "resilience4j's default";
const defaults = {
  ratePercent: 50,
  calls: 100,
  waitMs: 60_000,
  probes: 10,
  slowMs: 60_000,
  slowPercent: 100,
  multiplier: 1.5,
};

/** Longest `recoveryTimeout` that `maxRecoveryTimeout` allows by default. */
const DEFAULT_MAX_RECOVERY_MS = 300_000;

/** What stands for a number of calls. */
const COUNT_WINDOW = '1m';

/** Above 0, up to 100%. */
const share = (percent: number) => showShare(Math.min(100, Math.max(percent, 0.01)) / 100);

export function convertBreaker(instance: Instance, part: Part): void {
  part.set(
    'circuitBreaker.failureThreshold',
    'off',
    'resilience4j does not count failures in a row',
  );
  convertWindow(instance, part);
  convertSlowCalls(instance, part);
  convertRecovery(instance, part);
  const probes = instance.number(
    'permittedNumberOfCallsInHalfOpenState',
    'ringBufferSizeInHalfOpenState',
  );
  const count = Math.max(1, probes?.value ?? defaults.probes);
  part.set('circuitBreaker.halfOpenMaxCalls', count, probes?.from ?? DEFAULT);
  part.set('circuitBreaker.successThreshold', count, probes?.from ?? DEFAULT);
  part.differs(
    'Circuit breakers: half-open, resilience4j judges all permitted calls by their rate when the last has ended. Here one failed probe opens the circuit again at once.',
  );
  part.differs(
    'Circuit breakers: for resilience4j every exception is a failure, unless it says otherwise. Here it is `circuitBreaker.failureStatuses` (500, 502, 503 and 504 by default), resets, timeouts and failed connections; other statuses are successes.',
  );
  for (const key of ['recordExceptions', 'ignoreExceptions'] as const) {
    const written = instance.get(key);
    if (written === undefined) continue;
    part.note(
      `${written.use().origin}: Breakwater sees statuses, not exceptions. Put the statuses that are meant into \`circuitBreaker.failureStatuses\`.`,
      'circuitBreaker',
    );
  }
  const automatic = instance.flag('automaticTransitionFromOpenToHalfOpenEnabled');
  if (automatic !== undefined) {
    part.note(
      `${automatic.from.origin}: here a circuit becomes half-open with the first call after \`recoveryTimeout\`.`,
      'circuitBreaker',
    );
  }
}

function convertWindow(instance: Instance, part: Part): void {
  const rate = instance.number('failureRateThreshold');
  const at = 'circuitBreaker.failureRate';
  part.set(`${at}.threshold`, share(rate?.value ?? defaults.ratePercent), rate?.from ?? DEFAULT);
  const type = instance.text('slidingWindowType');
  const size = instance.number('slidingWindowSize', 'ringBufferSizeInClosedState');
  const calls = instance.number('minimumNumberOfCalls');
  const isTime = type?.value.toUpperCase() === 'TIME_BASED';
  const minimum = calls?.value ?? defaults.calls;
  if (isTime) {
    const seconds = Math.max(1, size?.value ?? defaults.calls);
    part.set(`${at}.window`, showDuration(seconds * 1000), size?.from ?? DEFAULT);
    part.set(`${at}.minimumCalls`, Math.max(1, minimum), calls?.from ?? DEFAULT);
    part.note(`${type!.from.origin}: as here.`, `${at}.window`);
    return;
  }
  const window = Math.max(1, size?.value ?? defaults.calls);
  part.set(
    `${at}.window`,
    COUNT_WINDOW,
    size?.from ?? DEFAULT,
    `resilience4j judges the last ${window} calls, however old they are. Here a window is a time: choose about the time in which ${window} calls come.`,
  );
  if (type !== undefined) part.note(`${type.from.origin}: see the line above.`, `${at}.window`);
  part.set(
    `${at}.minimumCalls`,
    Math.max(1, Math.min(minimum, window)),
    (minimum > window ? size?.from : calls?.from) ?? DEFAULT,
  );
  if (minimum > window && calls !== undefined) {
    part.note(
      `${calls.from.origin}: resilience4j cuts it to slidingWindowSize.`,
      `${at}.minimumCalls`,
    );
  }
}

function convertSlowCalls(instance: Instance, part: Part): void {
  const duration = instance.duration('slowCallDurationThreshold');
  const rate = instance.number('slowCallRateThreshold');
  if (duration === undefined && rate === undefined) return;
  const at = 'circuitBreaker.slowCall';
  const slow = showDuration(duration?.value ?? defaults.slowMs);
  part.set(
    `${at}.duration`,
    slow,
    duration?.from ?? DEFAULT,
    'Here an attempt is slow if its response headers take longer; resilience4j measures the whole call.',
  );
  part.set(`${at}.threshold`, share(rate?.value ?? defaults.slowPercent), rate?.from ?? DEFAULT);
}

function convertRecovery(instance: Instance, part: Part): void {
  const wait = instance.duration('waitDurationInOpenState');
  const ms = wait?.value ?? defaults.waitMs;
  part.set('circuitBreaker.recoveryTimeout', showDuration(ms), wait?.from ?? DEFAULT);
  const exponential = instance.flag('enableExponentialBackoff');
  const multiplier = instance.number('exponentialBackoffMultiplier');
  const max = instance.duration('exponentialMaxWaitDurationInOpenState');
  if (exponential?.value === true) {
    const factor = Math.max(1, multiplier?.value ?? defaults.multiplier);
    const from = multiplier?.from ?? exponential.from;
    part.set('circuitBreaker.recoveryMultiplier', factor, from);
  }
  const longest = Math.max(ms, max?.value ?? DEFAULT_MAX_RECOVERY_MS);
  if (max !== undefined || longest > DEFAULT_MAX_RECOVERY_MS) {
    part.set(
      'circuitBreaker.maxRecoveryTimeout',
      showDuration(longest),
      max?.from ?? 'not less than recoveryTimeout',
    );
    if (max !== undefined && exponential?.value === true && multiplier === undefined) {
      part.note(
        'resilience4j 2.4.0 ignores this limit where exponentialBackoffMultiplier is not written. Here it holds.',
        'circuitBreaker.maxRecoveryTimeout',
      );
    }
  } else if (exponential?.value === true) {
    part.note(
      'Without exponentialMaxWaitDurationInOpenState the wait grows without end in resilience4j. Here the most is `maxRecoveryTimeout`: 5m by default.',
      'circuitBreaker.recoveryMultiplier',
    );
  }
  const random = instance.flag('enableRandomizedWait');
  const factor = instance.number('randomizedWaitFactor');
  for (const read of [random, factor]) {
    if (read === undefined) continue;
    part.note(`${read.from.origin}: \`recoveryTimeout\` does not vary here.`, 'circuitBreaker');
  }
}
