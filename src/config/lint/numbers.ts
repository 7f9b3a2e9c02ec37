/** Lint rules about numbers of retries, circuits and bulkheads that do harm on their own. */
import { plural } from '../../lib/plural.js';
import { listWords } from '../syntax/diagnostics.js';
import { eachScope, type LintRule, type Offence, type Scope } from './scope.js';

/** More attempts than this overload the upstream, and take longer than callers wait. */
const MANY_ATTEMPTS = 5;

/** Statuses that the same request gets again. */
const HOPELESS: ReadonlySet<unknown> = new Set([400, 401, 403, 404, 422]);

/** Methods that are not idempotent: a second request may place a second order (RFC 9110, section 9.2.2). */
const NOT_IDEMPOTENT: ReadonlySet<unknown> = new Set(['POST', 'PATCH']);

const words = (values: readonly unknown[]) => listWords(values.map(String), 'and');

const hasRetries = (scope: Scope) => (scope.number('retry.maxAttempts') ?? 1) > 1;

/** The place of the first bad item, and all bad items for the message. */
function findItems(scope: Scope, path: string, isBad: (item: unknown) => boolean) {
  const items = scope.list(path);
  const bad = items.filter(isBad);
  return bad.length === 0
    ? undefined
    : {
        place: scope.place(path, items.findIndex(isBad)),
        bad,
        rest: items.filter((i) => !isBad(i)),
      };
}

function checkJitter(scope: Scope): Offence | undefined {
  if (scope.value('retry.backoff.jitter') !== 'none' || !hasRetries(scope)) return undefined;
  // This strategy is random already.
  if (scope.value('retry.backoff.strategy') === 'decorrelated') return undefined;
  return {
    place: scope.place('retry.backoff.jitter'),
    message:
      'calls that fail together are retried together: each round of retries reaches the upstream as one wave, from all replicas at once, while it is overloaded; set retry.backoff.jitter to full',
  };
}

function checkAttempts(scope: Scope): Offence | undefined {
  const attempts = scope.number('retry.maxAttempts');
  if (attempts === undefined || attempts <= MANY_ATTEMPTS) return undefined;
  return {
    place: scope.place('retry.maxAttempts'),
    message: `one call may become ${attempts} at the upstream: retries add load during an outage, and a call that failed 3 times rarely succeeds later; set retry.maxAttempts to 3`,
  };
}

function checkRetriedStatuses(scope: Scope): Offence | undefined {
  const found = hasRetries(scope)
    ? findItems(scope, 'retry.statuses', (status) => HOPELESS.has(status))
    : undefined;
  if (found === undefined) return undefined;
  return {
    place: found.place,
    message: `${words(found.bad)} ${found.bad.length === 1 ? 'says' : 'say'} that the request itself is wrong: a retry gets the same response, only later, and spends the retry budget that real failures need; set retry.statuses to [${found.rest.join(', ')}]`,
  };
}

function checkMethods(scope: Scope): Offence | undefined {
  if (!hasRetries(scope)) return undefined;
  const kept = scope.list('idempotency.methods');
  const found = findItems(
    scope,
    'retry.methods',
    (method) => NOT_IDEMPOTENT.has(method) && !kept.includes(method),
  );
  if (found === undefined) return undefined;
  return {
    place: found.place,
    message: `a ${words(found.bad)} whose response was lost is sent again although the upstream may have acted on it: orders and payments are made twice; set retry.methods to [${found.rest.join(', ')}], and let callers send an Idempotency-Key with requests that may be repeated, or switch the idempotency policy on for them`,
  };
}

function checkThreshold(scope: Scope): Offence | undefined {
  if (scope.number('circuitBreaker.failureThreshold') !== 1) return undefined;
  return {
    place: scope.place('circuitBreaker.failureThreshold'),
    message:
      'a single failure opens the circuit: one reset connection in a million calls refuses all of them for recoveryTimeout, and no attempt is followed by another; set circuitBreaker.failureThreshold to 5, or to off so that only failureRate opens the circuit',
  };
}

function checkFailureStatuses(scope: Scope): Offence | undefined {
  const found = findItems(
    scope,
    'circuitBreaker.failureStatuses',
    (status) => typeof status === 'number' && status >= 400 && status < 500,
  );
  if (found === undefined) return undefined;
  return {
    place: found.place,
    message: `${words(found.bad)} ${found.bad.length === 1 ? 'is' : 'are'} mostly caused by the caller: one client with bad requests opens the circuit for all callers of a healthy upstream; set circuitBreaker.failureStatuses to [${found.rest.join(', ')}]`,
  };
}

function checkSlots(scope: Scope): Offence | undefined {
  if (scope.number('bulkhead.maxConcurrent') !== 1) return undefined;
  return {
    place: scope.place('bulkhead.maxConcurrent'),
    message:
      'only one call runs at a time: one slow response, or one client that reads slowly, delays all other calls until they are refused with 503; set bulkhead.maxConcurrent to 2 or more: to calls per second times seconds per call',
  };
}

function checkKeyLimit(scope: Scope): Offence | undefined {
  const perKey = scope.number('bulkhead.perKey.maxConcurrent');
  const slots = scope.number('bulkhead.maxConcurrent');
  // `checkSlots` reports a single slot.
  if (perKey === undefined || slots === undefined || slots === 1 || perKey < slots) {
    return undefined;
  }
  return {
    place: scope.culprit('bulkhead.perKey.maxConcurrent', 'bulkhead.maxConcurrent'),
    message: `one caller may hold ${perKey} slots, and there are ${slots} in all: one caller can still take every slot from the others; set bulkhead.perKey.maxConcurrent to ${Math.ceil(slots / 4)} or so`,
  };
}

function checkProbes(scope: Scope): Offence | undefined {
  const probes = scope.number('circuitBreaker.halfOpenMaxCalls');
  const slots = scope.number('bulkhead.maxConcurrent');
  if (probes === undefined || slots === undefined || probes <= slots) return undefined;
  // `checkSlots` reports a single slot.
  if (slots === 1 && scope.isBuiltIn('circuitBreaker.halfOpenMaxCalls')) return undefined;
  return {
    place: scope.culprit('circuitBreaker.halfOpenMaxCalls', 'bulkhead.maxConcurrent'),
    message: `${probes} probes at once are allowed, but there ${slots === 1 ? 'is' : 'are'} only ${plural(slots, 'slot')} for calls: so many probes never run at once, and they take every slot while the circuit is half-open; set circuitBreaker.halfOpenMaxCalls to ${slots} or less`,
  };
}

function checkLimitBounds(scope: Scope): Offence | undefined {
  const min = scope.number('bulkhead.adaptive.min');
  const max = scope.number('bulkhead.adaptive.max');
  if (min === undefined || max === undefined || min <= max) return undefined;
  return {
    place: scope.culprit('bulkhead.adaptive.min', 'bulkhead.adaptive.max'),
    message: `the limit may not fall below ${min}, nor rise above ${max}: it is always ${max} and does not adapt; set bulkhead.adaptive.min to less than bulkhead.adaptive.max`,
  };
}

function checkLimitShares(scope: Scope): Offence | undefined {
  const decreaseAbove = scope.number('bulkhead.adaptive.decreaseAbove');
  const increaseBelow = scope.number('bulkhead.adaptive.increaseBelow');
  if (decreaseAbove === undefined || increaseBelow === undefined) return undefined;
  if (decreaseAbove > increaseBelow) return undefined;
  return {
    place: scope.culprit('bulkhead.adaptive.decreaseAbove', 'bulkhead.adaptive.increaseBelow'),
    message:
      'the same share of failed attempts both halves the limit and raises it: while there are errors, the limit rises and falls without end; set bulkhead.adaptive.increaseBelow to a quarter of bulkhead.adaptive.decreaseAbove or so',
  };
}

function checkLimitStart(scope: Scope): Offence | undefined {
  const start = scope.number('bulkhead.maxConcurrent');
  const min = scope.number('bulkhead.adaptive.min');
  const max = scope.number('bulkhead.adaptive.max');
  if (start === undefined || min === undefined || max === undefined) return undefined;
  // `checkLimitBounds` has reported it.
  if (min > max) return undefined;
  if (min <= start && start <= max) return undefined;
  return {
    place: scope.culprit(
      'bulkhead.maxConcurrent',
      'bulkhead.adaptive.max',
      'bulkhead.adaptive.min',
    ),
    message: `the limit should start at ${start}, but must stay between ${min} and ${max}: it starts at ${start < min ? min : max}, which is not the value in the file; set bulkhead.maxConcurrent to a value from ${min} to ${max}`,
  };
}

export const numberRules: readonly LintRule[] = [
  { name: 'no-jitter', level: 'warning', check: eachScope(checkJitter) },
  { name: 'many-attempts', level: 'warning', check: eachScope(checkAttempts) },
  { name: 'hopeless-retry', level: 'warning', check: eachScope(checkRetriedStatuses) },
  { name: 'unsafe-retry', level: 'warning', check: eachScope(checkMethods) },
  { name: 'hair-trigger', level: 'warning', check: eachScope(checkThreshold) },
  { name: 'client-error-as-failure', level: 'warning', check: eachScope(checkFailureStatuses) },
  { name: 'single-slot', level: 'warning', check: eachScope(checkSlots) },
  { name: 'key-limit-reaches-all', level: 'warning', check: eachScope(checkKeyLimit) },
  { name: 'probes-exceed-slots', level: 'warning', check: eachScope(checkProbes) },
  { name: 'limit-bounds-crossed', level: 'warning', check: eachScope(checkLimitBounds) },
  { name: 'limit-shares-crossed', level: 'warning', check: eachScope(checkLimitShares) },
  { name: 'limit-starts-outside', level: 'warning', check: eachScope(checkLimitStart) },
];
