/** Lint rules about retries, circuits and bulkheads whose numbers do harm by themselves. */
import { listWords } from '../syntax/diagnostics.js';
import { eachScope, type LintRule, type Offence, type Scope } from './scope.js';

/** More than this is a storm for the upstream, and a wait that no caller sits out. */
const MANY_ATTEMPTS = 5;

/** The same request gets the same answer. */
const HOPELESS: ReadonlySet<unknown> = new Set([400, 401, 403, 404, 422]);

/** Methods of which two in place of one may be two orders in place of one (RFC 9110, section 9.2.2). */
const NOT_IDEMPOTENT: ReadonlySet<unknown> = new Set(['POST', 'PATCH']);

const words = (values: readonly unknown[]) => listWords(values.map(String), 'and');

const hasRetries = (scope: Scope) => (scope.number('retry.maxAttempts') ?? 1) > 1;

/** The first of the items that offend, and all of them for the message. */
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
  // Random by itself.
  if (scope.value('retry.backoff.strategy') === 'decorrelated') return undefined;
  return {
    place: scope.place('retry.backoff.jitter'),
    message:
      'calls that failed together are tried again together: each round of retries hits the upstream as one wave, from all replicas at once, just when it is weakest; set retry.backoff.jitter to full',
  };
}

function checkAttempts(scope: Scope): Offence | undefined {
  const attempts = scope.number('retry.maxAttempts');
  if (attempts === undefined || attempts <= MANY_ATTEMPTS) return undefined;
  return {
    place: scope.place('retry.maxAttempts'),
    message: `one call may become ${attempts} at the upstream: an outage is answered with load, and what three tries did not mend more of them hardly will; set retry.maxAttempts to 3`,
  };
}

function checkRetriedStatuses(scope: Scope): Offence | undefined {
  const found = hasRetries(scope)
    ? findItems(scope, 'retry.statuses', (status) => HOPELESS.has(status))
    : undefined;
  if (found === undefined) return undefined;
  return {
    place: found.place,
    message: `${words(found.bad)} ${found.bad.length === 1 ? 'says' : 'say'} that the request itself is wrong: trying it again gets the same answer, only later, and spends the retry budget that real failures need; set retry.statuses to [${found.rest.join(', ')}]`,
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
    message: `a ${words(found.bad)} whose answer was lost is sent again although the upstream may have acted on it: orders and payments are made twice; set retry.methods to [${found.rest.join(', ')}], and let callers send an Idempotency-Key with what may be repeated, or switch the idempotency policy on for it`,
  };
}

function checkThreshold(scope: Scope): Offence | undefined {
  if (scope.number('circuitBreaker.failureThreshold') !== 1) return undefined;
  return {
    place: scope.place('circuitBreaker.failureThreshold'),
    message:
      'a single failure opens the circuit: one reset connection in a million calls refuses all of them for recoveryTimeout, and no try is followed by another; set circuitBreaker.failureThreshold to 5, or to off to leave it to failureRate',
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
    message: `${words(found.bad)} ${found.bad.length === 1 ? 'is' : 'are'} mostly the caller's doing: one client with bad requests opens the circuit for all callers of a healthy upstream; set circuitBreaker.failureStatuses to [${found.rest.join(', ')}]`,
  };
}

function checkSlots(scope: Scope): Offence | undefined {
  if (scope.number('bulkhead.maxConcurrent') !== 1) return undefined;
  return {
    place: scope.place('bulkhead.maxConcurrent'),
    message:
      'calls go one after the other: a single slow answer, or a client that reads slowly, holds up all others until they are refused with 503; set bulkhead.maxConcurrent to 2 or more, as calls per second times seconds per call demand',
  };
}

function checkKeyLimit(scope: Scope): Offence | undefined {
  const perKey = scope.number('bulkhead.perKey.maxConcurrent');
  const slots = scope.number('bulkhead.maxConcurrent');
  // A single slot is told as such.
  if (perKey === undefined || slots === undefined || slots === 1 || perKey < slots) {
    return undefined;
  }
  return {
    place: scope.culprit('bulkhead.perKey.maxConcurrent', 'bulkhead.maxConcurrent'),
    message: `one caller may hold ${perKey} of ${slots} slots, which is all of them: a flood of one still keeps every other out; set bulkhead.perKey.maxConcurrent to ${Math.ceil(slots / 4)} or so`,
  };
}

function checkProbes(scope: Scope): Offence | undefined {
  const probes = scope.number('circuitBreaker.halfOpenMaxCalls');
  const slots = scope.number('bulkhead.maxConcurrent');
  if (probes === undefined || slots === undefined || probes <= slots) return undefined;
  // A single slot is told as such.
  if (slots === 1 && scope.isBuiltIn('circuitBreaker.halfOpenMaxCalls')) return undefined;
  return {
    place: scope.culprit('circuitBreaker.halfOpenMaxCalls', 'bulkhead.maxConcurrent'),
    message: `${probes} probes at once are allowed, but there are only ${slots} slots for calls: so many never run, and while the circuit is half-open probes take every slot there is; set circuitBreaker.halfOpenMaxCalls to ${slots} or less`,
  };
}

function checkLimitBounds(scope: Scope): Offence | undefined {
  const min = scope.number('bulkhead.adaptive.min');
  const max = scope.number('bulkhead.adaptive.max');
  if (min === undefined || max === undefined || min <= max) return undefined;
  return {
    place: scope.culprit('bulkhead.adaptive.min', 'bulkhead.adaptive.max'),
    message: `the limit may not fall below ${min}, nor rise above ${max}: it stands at ${max} and adapts to nothing; set bulkhead.adaptive.min to less than bulkhead.adaptive.max`,
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
      'the same share of failed tries both halves the limit and lets it rise: under errors it swings up and down and never settles; set bulkhead.adaptive.increaseBelow to a quarter of bulkhead.adaptive.decreaseAbove or so',
  };
}

function checkLimitStart(scope: Scope): Offence | undefined {
  const start = scope.number('bulkhead.maxConcurrent');
  const min = scope.number('bulkhead.adaptive.min');
  const max = scope.number('bulkhead.adaptive.max');
  if (start === undefined || min === undefined || max === undefined) return undefined;
  // That is told already.
  if (min > max) return undefined;
  if (min <= start && start <= max) return undefined;
  return {
    place: scope.culprit(
      'bulkhead.maxConcurrent',
      'bulkhead.adaptive.max',
      'bulkhead.adaptive.min',
    ),
    message: `the limit is to start at ${start}, but has to stay within ${min} and ${max}: it starts at ${start < min ? min : max}, and the upstream is given a load that nobody wrote; set bulkhead.maxConcurrent to a value from ${min} to ${max}`,
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
