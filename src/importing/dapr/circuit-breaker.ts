/** `circuitBreakers`: when the circuit opens, and how it closes again. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { showDuration } from '../values.js';
import { readDuration } from './timeout.js';
import { parseTrip } from './trip.js';

/** Of gobreaker, which Dapr uses. */
const defaults = { failures: 6, maxRequests: 1, timeoutMs: 60_000 };

/** Longest `recoveryTimeout` that `maxRecoveryTimeout` allows by default. */
const DEFAULT_MAX_RECOVERY_MS = 300_000;

export function convertBreaker(policy: Foreign, part: Part): void {
  convertTrip(policy, part);
  const timeout = policy.get('timeout');
  const ms = readDuration(timeout) || defaults.timeoutMs;
  part.set('circuitBreaker.recoveryTimeout', showDuration(ms), timeout ?? "Dapr's default");
  if (ms > DEFAULT_MAX_RECOVERY_MS) {
    part.set('circuitBreaker.maxRecoveryTimeout', showDuration(ms), 'not less than that');
  }
  const requests = policy.get('maxRequests');
  const probes = Math.max(1, requests?.number() || defaults.maxRequests);
  const from = requests ?? "Dapr's default";
  part.set('circuitBreaker.halfOpenMaxCalls', probes, from);
  part.set('circuitBreaker.successThreshold', probes, from);
  part.differs(
    'Circuit breakers: Dapr has a circuit for each address of an app, and counts every status that is an error as a failure, 404 too. Here one circuit judges the whole upstream by `circuitBreaker.failureStatuses` (500, 502, 503 and 504 by default), and `ejection` takes single addresses out (5 failures in a row, where there are two or more).',
  );
  part.differs(
    'Circuit breakers: when the circuit opens between two attempts, the caller gets `circuit breaker is open` from Dapr, and the last response of the upstream here.',
  );
}

function convertTrip(policy: Foreign, part: Part): void {
  const written = policy.get('trip');
  const interval = policy.get('interval');
  const intervalMs = readDuration(interval) ?? 0;
  const text = written?.text();
  const from = written ?? "Dapr's default: consecutiveFailures > 5";
  const rule = text === undefined ? { failures: defaults.failures } : parseTrip(text);
  if (rule === undefined) {
    part.set('circuitBreaker.failureThreshold', 5, "Breakwater's default");
    part.note(
      `${written!.origin}: this expression has no equal here. The circuit opens after 5 failures in a row, or at 50% of at least 20 calls in 10s: change \`failureThreshold\` and \`failureRate\`.`,
      'circuitBreaker.failureThreshold',
    );
  } else {
    part.set('circuitBreaker.failureThreshold', rule.failures ?? 'off', from);
    if (rule.rate === undefined) {
      part.set('circuitBreaker.failureRate', 'off', 'not in the expression');
    } else {
      part.set('circuitBreaker.failureRate.threshold', rule.rate, from);
      part.set('circuitBreaker.failureRate.minimumCalls', rule.minimumCalls ?? 1, from);
    }
    for (const note of rule.notes ?? []) part.note(note, 'circuitBreaker.failureThreshold');
  }
  if (intervalMs > 0 && rule?.rate !== undefined) {
    part.set(
      'circuitBreaker.failureRate.window',
      showDuration(intervalMs),
      interval,
      'In Dapr the counts are set to zero at the end of each interval. Here the window moves with time.',
    );
  } else if (rule?.rate !== undefined) {
    part.set(
      'circuitBreaker.failureRate.window',
      '1m',
      interval ?? 'change it',
      'Without an interval Dapr never forgets while the circuit is closed: after many successes it opens late. Here only calls within the window count.',
    );
  } else if (interval !== undefined) {
    part.note(
      `${interval.origin}: in Dapr the row of failures ends with each interval. Here only a success ends it.`,
      'circuitBreaker.failureThreshold',
    );
  }
}
