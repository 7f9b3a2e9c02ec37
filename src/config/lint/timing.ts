/** Lint rules about times that do not fit into each other. */
import { forecast, showMs } from '../forecast.js';
import { eachScope, type LintRule, type Offence, type Scope } from './scope.js';

/** Two digits are as exact as advice can be. */
function roundTo(ms: number, round: (value: number) => number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(ms, 1))) - 1);
  return round(ms / step) * step;
}

const roundUp = (ms: number) => showMs(roundTo(ms, Math.ceil));

const DELAYS = ['baseDelay', 'maxDelay', 'multiplier', 'jitter', 'strategy'].map(
  (key) => `retry.backoff.${key}`,
);

/** The longest attempt with which all tries have their full time, in words that follow "to". */
function longestAttempt(scope: Scope): string | undefined {
  const { tries, backoffMs, totalMs } = forecast(scope.policies);
  const spare = totalMs - backoffMs;
  if (spare / tries < 1) return undefined;
  // A single try has to be shorter than the call, or its clock is none.
  const longest = roundTo(tries === 1 ? spare * 0.9 : spare / tries, Math.floor);
  return longest > 0 ? showMs(longest) : undefined;
}

const orLower = (scope: Scope) => {
  const longest = longestAttempt(scope);
  return longest === undefined ? '' : `timeout.attempt to ${longest} or less, or `;
};

const attemptReachesTotal = (scope: Scope) => {
  const { attemptMs, totalMs } = forecast(scope.policies);
  return attemptMs !== Infinity && attemptMs >= totalMs;
};

function checkAttempt(scope: Scope): Offence | undefined {
  if (!attemptReachesTotal(scope)) return undefined;
  const { attemptMs, totalMs, neededMs, tries } = forecast(scope.policies);
  const least = tries === 1 ? attemptMs * 1.1 : neededMs;
  const harm =
    tries === 1
      ? 'timeout.attempt never fires, and an answer that begins late has no time left for its body'
      : 'a try that hangs uses up the call and is never followed by another';
  return {
    place: scope.culprit('timeout.attempt', 'timeout.total'),
    message: `a try may take ${showMs(attemptMs)}, but the whole call ends after ${showMs(totalMs)}: ${harm}; set ${orLower(scope)}timeout.total to ${roundUp(least)} or more`,
  };
}

function checkRetries(scope: Scope): Offence | undefined {
  const { tries, attemptMs, backoffMs, neededMs, totalMs } = forecast(scope.policies);
  // What is wrong with one try is told already.
  if (tries === 1 || attemptMs === Infinity || attemptReachesTotal(scope)) return undefined;
  if (neededMs <= totalMs) return undefined;
  const fitting = Math.floor((totalMs - backoffMs) / attemptMs);
  const fewer = fitting >= 1 && fitting < tries ? `, or retry.maxAttempts to ${fitting}` : '';
  return {
    place: scope.culprit('timeout.attempt', 'retry.maxAttempts', 'timeout.total', ...DELAYS),
    message: `${tries} tries of ${showMs(attemptMs)} with up to ${showMs(backoffMs)} between them need ${showMs(neededMs)}, but the whole call ends after ${showMs(totalMs)}: when the upstream is slow, the last tries are cut short or never made; set ${orLower(scope)}timeout.total to ${roundUp(neededMs)} or more${fewer}`,
  };
}

function checkConnect(scope: Scope): Offence | undefined {
  const connect = scope.number('timeout.connect');
  const attempt = scope.number('timeout.attempt');
  if (connect === undefined || attempt === undefined || connect <= attempt) return undefined;
  return {
    place: scope.culprit('timeout.connect', 'timeout.attempt'),
    message: `connecting may take ${showMs(connect)}, but a try ends after ${showMs(attempt)}: timeout.connect never fires, and an upstream that cannot be reached is reported as one that is slow; set timeout.connect to ${showMs(roundTo(attempt / 2, Math.ceil))} or so, and to no more than ${showMs(attempt)}`,
  };
}

function checkQueue(scope: Scope): Offence | undefined {
  const queue = scope.number('bulkhead.queueTimeout');
  const total = scope.number('timeout.total');
  if (queue === undefined || total === undefined || queue < total) return undefined;
  if (scope.number('bulkhead.maxQueue') === 0) return undefined;
  return {
    place: scope.culprit('bulkhead.queueTimeout', 'timeout.total'),
    message: `a call may wait ${showMs(queue)} for a slot, but it ends after ${showMs(total)}: under load calls die in the queue as 504 timeout-total, or get their slot too late to use it; set bulkhead.queueTimeout to ${showMs(roundTo(total / 5, Math.ceil))} or so`,
  };
}

function checkBuffer(scope: Scope): Offence | undefined {
  const buffer = scope.number('deadline.buffer');
  const total = scope.number('timeout.total');
  if (buffer === undefined || total === undefined || total > buffer) return undefined;
  return {
    place: scope.culprit('timeout.total', 'deadline.buffer'),
    message: `the whole call ends after ${showMs(total)}, and deadline.buffer takes ${showMs(buffer)} of that: nothing is left, so every call is refused with 504 timeout-total; set timeout.total to well over ${showMs(buffer)}, or deadline.buffer to ${showMs(roundTo(total / 10, Math.ceil))}`,
  };
}

function checkRecovery(scope: Scope): Offence | undefined {
  const recovery = scope.number('circuitBreaker.recoveryTimeout');
  const attempt = scope.number('timeout.attempt');
  if (recovery === undefined || attempt === undefined || recovery >= attempt) return undefined;
  return {
    place: scope.culprit('circuitBreaker.recoveryTimeout', 'timeout.attempt'),
    message: `an open circuit probes after ${showMs(recovery)}, but a try may take ${showMs(attempt)}: a hanging upstream is sent probes while tries from before still wait for it, and gets no rest to recover in; set circuitBreaker.recoveryTimeout to ${showMs(attempt)} or more`,
  };
}

function checkLongestRecovery(scope: Scope): Offence | undefined {
  const recovery = scope.number('circuitBreaker.recoveryTimeout');
  const longest = scope.number('circuitBreaker.maxRecoveryTimeout');
  if (recovery === undefined || longest === undefined || recovery <= longest) return undefined;
  return {
    place: scope.culprit('circuitBreaker.recoveryTimeout', 'circuitBreaker.maxRecoveryTimeout'),
    message: `an open circuit is to rest for ${showMs(recovery)}, but maxRecoveryTimeout cuts that to ${showMs(longest)}: probes go out earlier than the file seems to say; set circuitBreaker.maxRecoveryTimeout to ${showMs(recovery)} or more`,
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
];
